/* SPDX-License-Identifier: MIT
 *
 * pool_replace.c: `live` buffers of mixed sizes are held, and an operation replaces one chosen at random, as the table
 * of sessions of a server does. Lifetimes are geometric, so the holes that releases leave are of every age: this is
 * the workload that shows fragmentation. The caches of the machine miss on almost every operation, for all alike.
 *
 * Two threads have a half of the slots each; with POOL_SHARED both draw from all of them, so that most of what a thread
 * releases was taken by the other. A slot is then exchanged atomically. The size stands in the buffer's first word,
 * where who releases it finds it.
 */
#include "pool_work.h"
#include "work.h"

#include <sched.h>
#include <stdatomic.h>

static _Atomic(uint64_t *) *slots; /* of the case that runs; made by its thread 0 */
static _Atomic unsigned ready, done;

static uint64_t *fresh(void *(*alloc)(size_t), uint32_t bytes)
{
    uint64_t *p = alloc(bytes);
    *p = bytes;
    return p;
}

static void fill(const struct allocator *a, const uint32_t *sizes, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        atomic_store_explicit(&slots[i], fresh(a->alloc, sizes[i & (WORK_SIZES - 1)]), memory_order_relaxed);
}

static void replace_own(const struct allocator *a, const uint32_t *sizes, uint64_t n, uint32_t from, uint32_t count,
                        uint64_t *random)
{
    void *(*alloc)(size_t) = a->alloc;
    void (*release)(void *, size_t) = a->release;
    for (uint64_t i = 0; i < n; i++) {
        _Atomic(uint64_t *) *slot = &slots[from + work_below(random, count)];
        uint64_t *old = atomic_load_explicit(slot, memory_order_relaxed);
        release(old, (size_t)*old);
        atomic_store_explicit(slot, fresh(alloc, sizes[i & (WORK_SIZES - 1)]), memory_order_relaxed);
    }
}

static void replace_shared(const struct allocator *a, const uint32_t *sizes, uint64_t n, uint32_t count,
                           uint64_t *random)
{
    void *(*alloc)(size_t) = a->alloc;
    void (*release)(void *, size_t) = a->release;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t *p = fresh(alloc, sizes[i & (WORK_SIZES - 1)]);
        p = atomic_exchange_explicit(&slots[work_below(random, count)], p, memory_order_acq_rel);
        release(p, (size_t)*p);
    }
}

static double live_bytes(uint32_t count)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += (double)*atomic_load_explicit(&slots[i], memory_order_relaxed);
    return sum;
}

void pool_replace(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    const unsigned threads = w->threads == 0 ? 1 : w->threads, me = bench_thread(run);
    const uint32_t share = w->live / threads, from = me * share;
    if (me == 0) {
        slots = work_map(w->live * sizeof slots[0]);
        work_sizes(w->low, w->high);
        bench_memory_mark(run);
        atomic_store(&done, 0);
        atomic_store(&ready, 1);
    }
    while (atomic_load(&ready) == 0)
        sched_yield();
    const uint32_t *sizes = work_sizes(w->low, w->high);
    uint64_t random = 0x2545f4914f6cdd1du + me;
    fill(a, sizes, from, from + share);
    for (uint64_t n; (n = bench_count(run)) != 0;)
        if (w->flags & POOL_SHARED)
            replace_shared(a, sizes, n, w->live, &random);
        else
            replace_own(a, sizes, n, from, share, &random);
    atomic_fetch_add(&done, 1);
    while (me == 0 && atomic_load(&done) != threads)
        sched_yield();
    if (me == 0) {
        bench_memory_live(run, live_bytes(w->live));
        atomic_store(&ready, 0);
    }
    while (atomic_load(&ready) != 0)
        sched_yield();
    for (uint32_t i = from; i < from + share; i++)
        a->release(slots[i], (size_t)*slots[i]);
    atomic_fetch_add(&done, 1);
    while (me == 0 && atomic_load(&done) != 2 * threads)
        sched_yield();
    if (me == 0)
        work_unmap((void *)slots, w->live * sizeof slots[0]);
}
