/* SPDX-License-Identifier: MIT
 *
 * pool_fragment.c: what an allocator gives back. `live` buffers of mixed sizes are taken; nine in ten, chosen at
 * random, are released; then the rest. Nothing is timed. Resident memory is compared with the bytes that the program
 * holds:
 *
 *     full_x      all buffers held
 *     freed_x     nine in ten released, nothing else done
 *     second_x    a second later, in which the program takes and releases small buffers now and then
 *     trimmed_x   after asking the allocator to give back what it can
 *     pages_x     the floor: pages that still hold a byte of a live buffer, were they all that is resident
 *     empty_bytes all released, and asked again: bytes that stay
 *
 * pool_fragment_movable holds midden's buffers by handles, and packs up to 1 MiB every 10 ms of that second; what
 * trimmed_x asks for is then to pack the rest. pack_ms is what packing took in all. Who has no handles plays the same as
 * before.
 */
#include "pool_work.h"
#include "work.h"

#include <midden/handle.h>

#include <stdlib.h>
#include <time.h>

struct held {
    char *p; /* of a movable buffer: where it was last */
    size_t bytes;
    struct mid_handle handle;
};

struct subject {
    const struct allocator *a;
    struct mid_handles *handles; /* NULL: pointers */
    double pack_ms;
};

enum { PAGE_BYTES = 4096, KEEP_ONE_IN = 10, PACK_STEP_BYTES = 1 << 20 };

static void look(const struct subject *s, struct held *h)
{
    h->p = mid_handle_open(s->handles, h->handle);
    mid_handle_close(s->handles, h->handle);
}

static void take(const struct subject *s, struct held *h)
{
    if (s->handles == NULL)
        h->p = s->a->alloc(h->bytes);
    else if (mid_handle_alloc(s->handles, h->bytes, &h->handle) == MID_OK)
        look(s, h);
}

static void release(const struct subject *s, struct held *h)
{
    if (s->handles == NULL)
        s->a->release(h->p, h->bytes);
    else
        mid_handle_release(s->handles, h->handle);
}

static void pack(struct subject *s, size_t budget_bytes)
{
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    mid_pool_pack(s->a->pool(), budget_bytes);
    clock_gettime(CLOCK_MONOTONIC, &to);
    s->pack_ms += (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
}

static void take_all(const struct subject *s, const uint32_t *sizes, struct held *held, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        held[i].bytes = sizes[i & (WORK_SIZES - 1)];
        take(s, &held[i]);
        for (size_t at = 0; at < held[i].bytes; at += PAGE_BYTES)
            held[i].p[at] = 1;
        held[i].p[held[i].bytes - 1] = 1;
    }
}

/* Keeps one in ten, moved to the front of the array; returns how many. */
static size_t release_most(const struct subject *s, struct held *held, size_t count)
{
    uint64_t random = 0x2545f4914f6cdd1du;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (work_below(&random, KEEP_ONE_IN) == 0)
            held[kept++] = held[i];
        else
            release(s, &held[i]);
    return kept;
}

static double sum_bytes(const struct held *held, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)held[i].bytes;
    return sum;
}

static int by_address(const void *a, const void *b)
{
    const struct held *x = a, *y = b;
    return (x->p > y->p) - (x->p < y->p);
}

static double floor_bytes(struct held *held, size_t count)
{
    uintptr_t last = 0;
    double pages = 0;
    qsort(held, count, sizeof *held, by_address);
    for (size_t i = 0; i < count; i++) {
        uintptr_t first = (uintptr_t)held[i].p / PAGE_BYTES;
        uintptr_t end = ((uintptr_t)held[i].p + held[i].bytes - 1) / PAGE_BYTES;
        pages += (double)(end - first + 1) - (first == last ? 1 : 0);
        last = end;
    }
    return pages * PAGE_BYTES;
}

static void live_a_second(struct subject *s)
{
    for (int i = 0; i < 100; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        for (int k = 0; k < 100; k++) {
            struct held h = {.bytes = 64};
            take(s, &h);
            work_keep(h.p);
            release(s, &h);
        }
        if (s->handles != NULL)
            pack(s, PACK_STEP_BYTES);
    }
}

static void trim(struct subject *s)
{
    if (s->handles != NULL)
        pack(s, 0);
    if (s->a->trim != NULL)
        s->a->trim();
}

static void play(struct bench_run *run, const struct allocator *a, const struct pool_workload *w, bool movable)
{
    struct subject s = {.a = a, .handles = movable && a->pool != NULL ? mid_pool_handles(a->pool()) : NULL};
    const uint32_t *sizes = work_sizes(w->low, w->high);
    struct held *held = work_map(w->live * sizeof *held);
    bench_memory_mark(run);
    while (bench_count(run) != 0) {
        take_all(&s, sizes, held, w->live);
        bench_counter(run, "full_x", bench_memory_resident(run) / sum_bytes(held, w->live));
        size_t kept = release_most(&s, held, w->live);
        double live = sum_bytes(held, kept);
        bench_counter(run, "freed_x", bench_memory_resident(run) / live);
        live_a_second(&s);
        bench_counter(run, "second_x", bench_memory_resident(run) / live);
        trim(&s);
        bench_counter(run, "trimmed_x", bench_memory_resident(run) / live);
        bench_memory_live(run, live);
        for (size_t i = 0; i < kept && s.handles != NULL; i++)
            look(&s, &held[i]);
        bench_counter(run, "pages_x", floor_bytes(held, kept) / live);
        if (s.handles != NULL)
            bench_counter(run, "pack_ms", s.pack_ms);
        for (size_t i = 0; i < kept; i++)
            release(&s, &held[i]);
        trim(&s);
        bench_counter(run, "empty_bytes", bench_memory_resident(run));
    }
    work_unmap(held, w->live * sizeof *held);
}

void pool_fragment(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    play(run, a, w, false);
}

void pool_fragment_movable(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    play(run, a, w, true);
}
