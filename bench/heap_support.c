/* SPDX-License-Identifier: MIT
 *
 * heap_support.c: see heap_support.h.
 *
 * A pause is measured from outside, as the program feels it: a workload cuts its work into equal steps and times each.
 * What a collector reports of itself is beside it, never instead. Thread CPU time is the figure to compare, for the wall
 * clock of a shared machine has gaps of its own; it costs a system call, some 200 ns a step, for every subject alike.
 */
#include "heap_support.h"

#include "heap_work.h"
#include "results.h"
#include "utilisation.h"
#include "work.h"

#include <midden/event.h>
#include <midden/pauses.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_REFERENCES = 8 };

static void on_refusal(void *user, enum mid_event_kind event, const struct mid_collection *collection)
{
    (void)user, (void)event, (void)collection;
    heap_refused("midden");
}

struct mid_heap *heap_begin(struct bench_run *run)
{
    struct mid_heap_options options;
    struct mid_heap *heap = NULL;
    mid_heap_options_init(&options);
    options.trace_line = mid_trace_to_stream; /* for MIDDEN=trace=pauses and the like */
    options.trace_user = stderr;
    options.pause_log = 1 << 18; /* all of every workload: the utilisation is exact then */
    if (mid_heap_options_parse(&options, heap_options(), NULL) != MID_OK)
        bench_fail(run, "heap_cases.c has an option that the heap does not know");
    else if (mid_heap_options_from_env(&options, "MIDDEN") != MID_OK)
        bench_fail(run, "the environment variable MIDDEN holds an option that the heap does not know");
    else if (mid_heap_create(&options, &heap) != MID_OK)
        bench_fail(run, "the heap cannot be made");
    else
        mid_heap_listen(heap, MID_EVENT_REFUSED, on_refusal, NULL);
    return heap;
}

/* In thread CPU time, as Boehm's are (heap_pauses.c). */
static void count_pauses(struct bench_run *run, struct mid_heap *heap)
{
    struct mid_pauses pauses = {.struct_size = sizeof pauses};
    if (mid_heap_pauses(heap, MID_PAUSE_ALL, MID_CLOCK_CPU, &pauses) != MID_OK)
        return;
    bench_counter(run, "gc_pauses", (double)pauses.count);
    bench_counter(run, "gc_pause_p50_cpu_ns", (double)pauses.p50_ns);
    bench_counter(run, "gc_pause_p999_cpu_ns", (double)pauses.p999_ns);
    bench_counter(run, "gc_pause_p9999_cpu_ns",
                  (double)mid_heap_pause_quantile(heap, MID_PAUSE_ALL, MID_CLOCK_CPU, 0.9999));
    for (size_t i = 0; i < UTILISATION_WINDOWS; i++) {
        struct mid_utilisation u = {
            .struct_size = sizeof u, .window_ns = utilisation_windows[i].ns, .clock = MID_CLOCK_CPU};
        if (mid_heap_utilisation(heap, &u) == MID_OK)
            bench_counter(run, utilisation_windows[i].of_pauses, u.minimum);
    }
}

void heap_end(struct bench_run *run, struct mid_heap *heap)
{
    struct mid_gc_stats stats = {.struct_size = sizeof stats};
    if (mid_heap_stats(heap, &stats) == MID_OK) {
        bench_counter(run, "gc_pause_max_ns", (double)stats.pause_ns_max);
        bench_counter(run, "gc_pause_cpu_max_ns", (double)stats.pause_cpu_ns_max);
        bench_counter(run, "gc_pause_work_max_bytes", (double)stats.pause_work_bytes_max);
        bench_counter(run, "gc_pause_sum_ns", (double)stats.pause_ns_sum);
        bench_counter(run, "gc_scavenges", (double)stats.scavenges);
        bench_counter(run, "gc_full", (double)stats.full_collections);
        bench_counter(run, "gc_allocated_bytes", (double)stats.allocated_bytes);
    }
    count_pauses(run, heap);
    mid_heap_destroy(heap);
}

struct mid_type heap_type(struct mid_heap *heap, const char *name, size_t fixed_bytes, size_t references,
                          enum mid_tail tail)
{
    static const char *const names[MOST_REFERENCES] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct mid_field fields[MOST_REFERENCES];
    for (size_t i = 0; i < references; i++)
        fields[i] = (struct mid_field){.name = names[i], .offset = 8 * i, .edge = MID_EDGE_PROPERTY};
    struct mid_type_info info = {.struct_size = sizeof info,
                                 .name = name,
                                 .fixed_bytes = fixed_bytes,
                                 .fields = fields,
                                 .field_count = references,
                                 .tail = tail,
                                 .kind = MID_KIND_OBJECT};
    struct mid_type type;
    if (mid_type_register(heap, &info, &type) != MID_OK) {
        fprintf(stderr, "bench: the type %s cannot be registered\n", name);
        exit(1);
    }
    return type;
}

static uint64_t clock_now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void latency_begin(struct latency *l, size_t capacity)
{
    *l = (struct latency){.capacity = capacity};
    l->cpu_ns = work_map(capacity * sizeof l->cpu_ns[0]);
    l->wall_ns = work_map(capacity * sizeof l->wall_ns[0]);
}

void latency_start(struct latency *l)
{
    l->wall_last = clock_now(CLOCK_MONOTONIC);
    l->cpu_last = clock_now(CLOCK_THREAD_CPUTIME_ID);
}

void latency_step(struct latency *l)
{
    uint64_t wall = clock_now(CLOCK_MONOTONIC), cpu = clock_now(CLOCK_THREAD_CPUTIME_ID);
    if (l->count < l->capacity) {
        l->wall_ns[l->count] = wall - l->wall_last;
        l->cpu_ns[l->count++] = cpu - l->cpu_last;
    }
    l->wall_last = wall;
    l->cpu_last = cpu;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void latency_sort(uint64_t *values, size_t count)
{
    if (count != 0)
        qsort(values, count, sizeof values[0], by_value);
}

/* The smallest value that at least the share q of all does not pass. */
double latency_at(const uint64_t *sorted, size_t count, double q)
{
    size_t i = (size_t)(q * (double)count);
    return count == 0 ? 0 : (double)sorted[i < count ? i : count - 1];
}

/* What a step takes beyond the median one counts as a pause at its end. Takes the arrays for its own: the harness's memory
 * shall not grow at the end, where the peak may be. */
static void count_utilisation(struct latency *l, struct bench_run *run, uint64_t median)
{
    uint64_t *begin = l->wall_ns, *end = l->cpu_ns, now = 0;
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++) {
        uint64_t step = l->cpu_ns[i];
        if (step > median) {
            begin[n] = now + median;
            end[n++] = now + step;
        }
        now += step;
    }
    for (size_t i = 0; i < UTILISATION_WINDOWS; i++)
        bench_counter(run, utilisation_windows[i].of_steps, utilisation(begin, end, n, now, utilisation_windows[i].ns));
}

void latency_end(struct latency *l, struct bench_run *run)
{
    size_t n = l->count;
    if (n != 0) {
        uint64_t *sorted = l->wall_ns;
        latency_sort(sorted, n);
        bench_counter(run, "step_p50_wall_ns", latency_at(sorted, n, 0.5));
        bench_counter(run, "step_p999_wall_ns", latency_at(sorted, n, 0.999));
        bench_counter(run, "step_p9999_wall_ns", latency_at(sorted, n, 0.9999));
        bench_counter(run, "step_max_wall_ns", latency_at(sorted, n, 1));
        memcpy(sorted, l->cpu_ns, n * sizeof sorted[0]);
        latency_sort(sorted, n);
        bench_counter(run, "step_p50_cpu_ns", latency_at(sorted, n, 0.5));
        bench_counter(run, "step_p999_cpu_ns", latency_at(sorted, n, 0.999));
        bench_counter(run, "step_p9999_cpu_ns", latency_at(sorted, n, 0.9999));
        bench_counter(run, "step_max_cpu_ns", latency_at(sorted, n, 1));
        count_utilisation(l, run, (uint64_t)latency_at(sorted, n, 0.5));
    }
    work_unmap(l->cpu_ns, l->capacity * sizeof l->cpu_ns[0]);
    work_unmap(l->wall_ns, l->capacity * sizeof l->wall_ns[0]);
}

/* ---- programs of equal steps */

struct plain plain_by_hand(void)
{
    return (struct plain){malloc, malloc, true};
}

struct plain plain_boehm(void)
{
    const struct boehm *gc = boehm_start();
    return (struct plain){gc->alloc, gc->alloc_atomic, false};
}

void plain_drop(const struct plain *k, void *p)
{
    if (k->frees)
        free(p);
}

void heap_sum(struct bench_run *run, uint32_t sum)
{
    bench_counter(run, HEAP_CHECKSUM, (double)sum);
}

bool heap_play(struct bench_run *run, uint32_t steps, bool (*step)(void *state), void *state)
{
    struct latency latency;
    bool went_well = true;
    latency_begin(&latency, steps);
    for (uint64_t n; went_well && (n = bench_count(run)) != 0;)
        while (went_well && n-- != 0) {
            latency_start(&latency);
            for (uint32_t i = 0; went_well && i < steps; i++) {
                went_well = step(state);
                latency_step(&latency);
            }
        }
    latency_end(&latency, run);
    if (!went_well)
        bench_fail(run, "an allocation was refused");
    return went_well;
}
