/* SPDX-License-Identifier: MIT
 *
 * heap_pauses.c: the pauses of a collector that tells when they begin and end, as Boehm's does by its events: kept, and
 * counted in the same figures as midden's own (<midden/pauses.h>).
 */
#include "heap_support.h"
#include "utilisation.h"
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const struct utilisation_window utilisation_windows[UTILISATION_WINDOWS] = {
    {"mmu_1ms", "gc_mmu_1ms", 1000000},
    {"mmu_5ms", "gc_mmu_5ms", 5000000},
    {"mmu_20ms", "gc_mmu_20ms", 20000000},
    {"mmu_100ms", "gc_mmu_100ms", 100000000},
};

/* ---- pauses that are told */

enum { MOST_PAUSES = 1 << 16 };

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void clock_start(struct pause_clock *c, clockid_t clock)
{
    c->begin_ns = calloc(MOST_PAUSES, sizeof c->begin_ns[0]); /* not touched before there are pauses */
    c->end_ns = calloc(MOST_PAUSES, sizeof c->end_ns[0]);
    if (c->begin_ns == NULL || c->end_ns == NULL) {
        fputs("bench: out of memory\n", stderr);
        exit(1);
    }
    c->first_ns = now_ns(clock);
}

void pauses_start(struct pauses *p)
{
    *p = (struct pauses){.capacity = MOST_PAUSES};
    clock_start(&p->wall, CLOCK_MONOTONIC);
    clock_start(&p->cpu, CLOCK_THREAD_CPUTIME_ID);
}

void pauses_begin(struct pauses *p)
{
    if (p->count == p->capacity)
        return;
    p->wall.begin_ns[p->count] = now_ns(CLOCK_MONOTONIC) - p->wall.first_ns;
    p->cpu.begin_ns[p->count] = now_ns(CLOCK_THREAD_CPUTIME_ID) - p->cpu.first_ns;
}

void pauses_end(struct pauses *p)
{
    if (p->count == p->capacity)
        return;
    p->wall.end_ns[p->count] = now_ns(CLOCK_MONOTONIC) - p->wall.first_ns;
    p->cpu.end_ns[p->count] = now_ns(CLOCK_THREAD_CPUTIME_ID) - p->cpu.first_ns;
    p->count++;
}

/* The lengths of all pauses, sorted; their sum. The caller unmaps them. */
static uint64_t *lengths(const struct pause_clock *c, size_t count, uint64_t *sum)
{
    uint64_t *sorted = work_map((count + 1) * sizeof *sorted);
    *sum = 0;
    for (size_t i = 0; i < count; i++)
        *sum += sorted[i] = c->end_ns[i] - c->begin_ns[i];
    latency_sort(sorted, count);
    return sorted;
}

void pauses_count(struct pauses *p, struct bench_run *run)
{
    uint64_t sum, wall_sum, span = now_ns(CLOCK_THREAD_CPUTIME_ID) - p->cpu.first_ns;
    uint64_t *cpu = lengths(&p->cpu, p->count, &sum), *wall = lengths(&p->wall, p->count, &wall_sum);
    bench_counter(run, "gc_pauses", (double)p->count);
    bench_counter(run, "gc_pause_sum_ns", (double)wall_sum);
    bench_counter(run, "gc_pause_p50_cpu_ns", latency_at(cpu, p->count, 0.5));
    bench_counter(run, "gc_pause_p999_cpu_ns", latency_at(cpu, p->count, 0.999));
    bench_counter(run, "gc_pause_p9999_cpu_ns", latency_at(cpu, p->count, 0.9999));
    bench_counter(run, "gc_pause_cpu_max_ns", latency_at(cpu, p->count, 1));
    bench_counter(run, "gc_pause_max_ns", latency_at(wall, p->count, 1));
    for (size_t i = 0; i < UTILISATION_WINDOWS; i++)
        bench_counter(run, utilisation_windows[i].of_pauses,
                      utilisation(p->cpu.begin_ns, p->cpu.end_ns, p->count, span, utilisation_windows[i].ns));
    work_unmap(cpu, (p->count + 1) * sizeof *cpu);
    work_unmap(wall, (p->count + 1) * sizeof *wall);
}
