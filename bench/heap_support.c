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
#include "work.h"

#include <midden/event.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_REFERENCES = 8 };

struct mid_heap *heap_begin(struct bench_run *run)
{
    struct mid_heap_options options;
    struct mid_heap *heap = NULL;
    mid_heap_options_init(&options);
    if (mid_heap_options_parse(&options, heap_options(), NULL) != MID_OK)
        bench_fail(run, "heap_cases.c has an option that the heap does not know");
    else if (mid_heap_options_from_env(&options, "MIDDEN") != MID_OK)
        bench_fail(run, "the environment variable MIDDEN holds an option that the heap does not know");
    else if (mid_heap_create(&options, &heap) != MID_OK)
        bench_fail(run, "the heap cannot be made");
    return heap;
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
    }
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

/* The smallest value that at least the share q of all does not pass. */
static double at_share(const uint64_t *sorted, size_t count, double q)
{
    size_t i = (size_t)(q * (double)count);
    return (double)sorted[i < count ? i : count - 1];
}

void latency_end(struct latency *l, struct bench_run *run)
{
    if (l->count != 0) {
        qsort(l->cpu_ns, l->count, sizeof l->cpu_ns[0], by_value);
        qsort(l->wall_ns, l->count, sizeof l->wall_ns[0], by_value);
        bench_counter(run, "step_p50_cpu_ns", at_share(l->cpu_ns, l->count, 0.5));
        bench_counter(run, "step_p999_cpu_ns", at_share(l->cpu_ns, l->count, 0.999));
        bench_counter(run, "step_p9999_cpu_ns", at_share(l->cpu_ns, l->count, 0.9999));
        bench_counter(run, "step_max_cpu_ns", at_share(l->cpu_ns, l->count, 1));
        bench_counter(run, "step_max_wall_ns", at_share(l->wall_ns, l->count, 1));
    }
    work_unmap(l->cpu_ns, l->capacity * sizeof l->cpu_ns[0]);
    work_unmap(l->wall_ns, l->capacity * sizeof l->wall_ns[0]);
}
