/* SPDX-License-Identifier: MIT
 *
 * pool_ring.c: a ring of `live` buffers of mixed sizes. An operation releases the oldest and takes a new one in its
 * place, so that every class is in use, and what is released was taken `live` operations ago. The same with large
 * sizes shows what an allocator does with memory that it could give back.
 *
 * Without POOL_TOUCH the first word of a buffer is written only where buffers are small; large untouched ones show the
 * price of the address alone.
 */
#include "pool_work.h"
#include "work.h"

struct slot {
    char *p;
    size_t bytes;
};

enum { LARGE_BYTES = 8192, STEP_BYTES = 4096 };

static inline void write_in(char *p, size_t bytes, unsigned flags, size_t low)
{
    if (flags & POOL_TOUCH)
        for (size_t at = 0; at < bytes; at += STEP_BYTES)
            p[at] = (char)at;
    else if (low < LARGE_BYTES)
        *(uint64_t *)(void *)p = bytes;
    work_keep(p);
}

void pool_ring(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    void *(*alloc)(size_t) = a->alloc;
    void (*release)(void *, size_t) = a->release;
    const uint32_t *sizes = work_sizes(w->low, w->high);
    const size_t mask = w->live - 1; /* live is a power of two */
    struct slot *ring = work_map(w->live * sizeof *ring);
    double live_bytes = 0;

    bench_memory_mark(run);
    for (size_t i = 0; i < w->live; i++) {
        ring[i].bytes = sizes[i];
        ring[i].p = alloc(ring[i].bytes);
        write_in(ring[i].p, ring[i].bytes, w->flags, w->low);
    }
    for (uint64_t n; (n = bench_count(run)) != 0;)
        for (uint64_t i = 0; i < n; i++) {
            struct slot *s = &ring[i & mask];
            release(s->p, s->bytes);
            s->bytes = sizes[(i + w->live) & (WORK_SIZES - 1)];
            s->p = alloc(s->bytes);
            write_in(s->p, s->bytes, w->flags, w->low);
        }
    for (size_t i = 0; i < w->live; i++)
        live_bytes += (double)ring[i].bytes;
    if (w->threads <= 1 && ((w->flags & POOL_TOUCH) || w->low < LARGE_BYTES))
        bench_memory_live(run, live_bytes);
    for (size_t i = 0; i < w->live; i++)
        release(ring[i].p, ring[i].bytes);
    work_unmap(ring, w->live * sizeof *ring);
}
