/* SPDX-License-Identifier: MIT
 *
 * pool_pair.c: one buffer is taken, its first word written, and it is released: the shortest path there is. It
 * flatters every allocator; it is here because everybody quotes it.
 *
 * pool_depth holds `live` of them and releases them in the order they came: a cache that keeps a few per class is
 * emptied and filled over and over.
 */
#include "pool_work.h"
#include "work.h"

void pool_pair(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    void *(*alloc)(size_t) = a->alloc;
    void (*release)(void *, size_t) = a->release;
    const size_t bytes = w->low;
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            uint64_t *p = alloc(bytes);
            *p = n;
            work_keep(p);
            release(p, bytes);
        }
}

/* An operation is one buffer; a count that is no multiple of the depth ends with a shorter round. */
void pool_depth(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    enum { DEEPEST = 256 };
    uint64_t *held[DEEPEST];
    void *(*alloc)(size_t) = a->alloc;
    void (*release)(void *, size_t) = a->release;
    const size_t bytes = w->low, depth = w->live < DEEPEST ? w->live : DEEPEST;
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n != 0) {
            size_t round = n < depth ? (size_t)n : depth;
            for (size_t i = 0; i < round; i++) {
                held[i] = alloc(bytes);
                *held[i] = n;
            }
            work_keep(held);
            for (size_t i = 0; i < round; i++)
                release(held[i], bytes);
            n -= round;
        }
}
