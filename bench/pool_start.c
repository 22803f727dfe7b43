/* SPDX-License-Identifier: MIT
 *
 * pool_start.c: start-up: the first buffers of a process, which find no slab, no cache and no page. Every repetition has a
 * process of its own; the allocator has been loaded, as it is when a program's main begins, and nothing has been taken
 * from it. The one operation is `live` buffers taken, each with its first word written.
 */
#include "pool_work.h"
#include "work.h"

void pool_start(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    const uint32_t *sizes = work_sizes(w->low, w->high);
    uint64_t **held = work_map(w->live * sizeof *held);
    double live = 0;
    bench_memory_mark(run);
    for (uint64_t n; (n = bench_count(run)) != 0;)
        for (uint32_t i = 0; i < w->live; i++) {
            held[i] = a->alloc(sizes[i]);
            *held[i] = i;
        }
    for (uint32_t i = 0; i < w->live; i++)
        live += sizes[i];
    bench_memory_live(run, live);
    for (uint32_t i = 0; i < w->live; i++)
        a->release(held[i], sizes[i]);
    work_unmap(held, w->live * sizeof *held);
}
