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
 */
#include "pool_work.h"
#include "work.h"

#include <stdlib.h>
#include <time.h>

struct held {
    char *p;
    size_t bytes;
};

enum { PAGE_BYTES = 4096, KEEP_ONE_IN = 10 };

static void take_all(const struct allocator *a, const uint32_t *sizes, struct held *held, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        held[i].bytes = sizes[i & (WORK_SIZES - 1)];
        held[i].p = a->alloc(held[i].bytes);
        for (size_t at = 0; at < held[i].bytes; at += PAGE_BYTES)
            held[i].p[at] = 1;
        held[i].p[held[i].bytes - 1] = 1;
    }
}

/* Keeps one in ten, moved to the front of the array; returns how many. */
static size_t release_most(const struct allocator *a, struct held *held, size_t count)
{
    uint64_t random = 0x2545f4914f6cdd1du;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (work_below(&random, KEEP_ONE_IN) == 0)
            held[kept++] = held[i];
        else
            a->release(held[i].p, held[i].bytes);
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

static void live_a_second(const struct allocator *a)
{
    for (int i = 0; i < 100; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        for (int k = 0; k < 100; k++) {
            void *p = a->alloc(64);
            work_keep(p);
            a->release(p, 64);
        }
    }
}

static void trim(const struct allocator *a)
{
    if (a->trim != NULL)
        a->trim();
}

void pool_fragment(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    const uint32_t *sizes = work_sizes(w->low, w->high);
    struct held *held = work_map(w->live * sizeof *held);
    bench_memory_mark(run);
    while (bench_count(run) != 0) {
        take_all(a, sizes, held, w->live);
        bench_counter(run, "full_x", bench_memory_resident(run) / sum_bytes(held, w->live));
        size_t kept = release_most(a, held, w->live);
        double live = sum_bytes(held, kept);
        bench_counter(run, "freed_x", bench_memory_resident(run) / live);
        live_a_second(a);
        bench_counter(run, "second_x", bench_memory_resident(run) / live);
        trim(a);
        bench_counter(run, "trimmed_x", bench_memory_resident(run) / live);
        bench_memory_live(run, live);
        bench_counter(run, "pages_x", floor_bytes(held, kept) / live);
        for (size_t i = 0; i < kept; i++)
            a->release(held[i].p, held[i].bytes);
        trim(a);
        bench_counter(run, "empty_bytes", bench_memory_resident(run));
    }
    work_unmap(held, w->live * sizeof *held);
}
