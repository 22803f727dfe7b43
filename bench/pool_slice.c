/* SPDX-License-Identifier: MIT
 *
 * pool_slice.c: what the count of a slice costs. A slice of 100 bytes is cut from a block of 64 KB and released, by one thread;
 * or `live` slices are cut by one thread and then released by another, in turns. A block serves 640 slices, then the next
 * is taken. The second is told by counters: made_ns and released_ns, CPU time of either thread for one slice, which a busy
 * machine disturbs least, and slice_ns, their sum.
 *
 * midden plays its own slices. Who has none gets an atomic count in front of the block, as one would write it by hand; the
 * floor counts nothing.
 */
#include "pool_work.h"
#include "work.h"

#include <midden/slice.h>

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { BLOCK_BYTES = 64 * 1024, SLICE_BYTES = 100, SLICES = 640 };

struct block {
    _Alignas(64) _Atomic uint32_t count;
    _Alignas(64) char memory[];
};

struct maker {
    const struct allocator *a;
    struct mid_slice whole;
    struct block *block;
    uint32_t used;
};

static void drop_counted(const struct allocator *a, struct block *b)
{
    if (a->floor || atomic_fetch_sub_explicit(&b->count, 1, memory_order_acq_rel) != 1)
        return;
    a->release(b, sizeof *b + BLOCK_BYTES);
}

static void end_block(struct maker *m)
{
    mid_slice_release(&m->whole);
    if (m->block != NULL)
        drop_counted(m->a, m->block);
    m->block = NULL;
}

static void next_block(struct maker *m)
{
    end_block(m);
    m->used = 0;
    if (m->a->pool != NULL) {
        if (mid_slice_alloc(m->a->pool(), BLOCK_BYTES, &m->whole) != MID_OK)
            m->whole = mid_slice_empty();
        return;
    }
    m->block = m->a->alloc(sizeof *m->block + BLOCK_BYTES);
    atomic_init(&m->block->count, 1);
}

static inline size_t next_offset(struct maker *m)
{
    if (m->used == SLICES)
        next_block(m);
    return (size_t)m->used++ * SLICE_BYTES;
}

/* ---- the three forms */

static inline void cut_slice(struct maker *m, struct mid_slice *s)
{
    size_t offset = next_offset(m);
    mid_slice_cut(m->whole, offset, SLICE_BYTES, s);
}

static inline void drop_slice(const struct allocator *a, struct mid_slice *s)
{
    (void)a;
    mid_slice_release(s);
}

/* Of a peer's block, `block` of the slice stands for its own. */
static inline void cut_plain(struct maker *m, struct mid_slice *s)
{
    size_t offset = next_offset(m);
    s->data = (unsigned char *)m->block->memory + offset;
    s->bytes = SLICE_BYTES;
    s->block = (struct mid_block *)(void *)m->block;
}

static inline void cut_counted(struct maker *m, struct mid_slice *s)
{
    cut_plain(m, s);
    atomic_fetch_add_explicit(&m->block->count, 1, memory_order_relaxed);
}

static inline void drop_hand_counted(const struct allocator *a, struct mid_slice *s)
{
    drop_counted(a, (struct block *)(void *)s->block);
}

static inline void drop_plain(const struct allocator *a, struct mid_slice *s)
{
    (void)a;
    work_keep(s);
}

static inline void pairs(struct maker *m, uint64_t n, void (*cut)(struct maker *, struct mid_slice *),
                         void (*drop)(const struct allocator *, struct mid_slice *))
{
    while (n-- != 0) {
        struct mid_slice s;
        cut(m, &s);
        work_keep(s.data);
        drop(m->a, &s);
    }
}

void pool_slice_own(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    (void)w;
    struct maker m = {.a = a, .used = SLICES};
    for (uint64_t n; (n = bench_count(run)) != 0;)
        if (a->pool != NULL)
            pairs(&m, n, cut_slice, drop_slice);
        else if (a->floor)
            pairs(&m, n, cut_plain, drop_plain);
        else
            pairs(&m, n, cut_counted, drop_hand_counted);
    end_block(&m);
}

/* ---- across threads */

struct turn {
    const struct allocator *a;
    struct mid_slice *slices;
    size_t count;
    pthread_barrier_t barrier; /* the maker's turn, the consumer's turn, ... */
    double released_ns;
    bool over;
};

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline void drop_all(struct turn *t, void (*drop)(const struct allocator *, struct mid_slice *))
{
    for (size_t i = 0; i < t->count; i++)
        drop(t->a, &t->slices[i]);
}

static inline void cut_all(struct turn *t, struct maker *m, void (*cut)(struct maker *, struct mid_slice *))
{
    for (size_t i = 0; i < t->count; i++)
        cut(m, &t->slices[i]);
}

static void *consume(void *arg)
{
    struct turn *t = arg;
    for (;;) {
        pthread_barrier_wait(&t->barrier);
        if (t->over)
            return NULL;
        double from = cpu_ns();
        if (t->a->pool != NULL)
            drop_all(t, drop_slice);
        else
            drop_all(t, t->a->floor ? drop_plain : drop_hand_counted);
        t->released_ns += cpu_ns() - from;
        pthread_barrier_wait(&t->barrier);
    }
}

void pool_slice_cross(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    struct maker m = {.a = a, .used = SLICES};
    struct turn t = {.a = a, .slices = work_map(w->live * sizeof *t.slices), .count = w->live};
    pthread_t consumer;
    double made_ns = 0, slices = 0;
    pthread_barrier_init(&t.barrier, NULL, 2);
    if (pthread_create(&consumer, NULL, consume, &t) != 0) {
        bench_fail(run, "no second thread");
        return;
    }
    for (uint64_t n; (n = bench_count(run)) != 0;)
        for (; n != 0; n--) {
            double from = cpu_ns();
            if (a->pool != NULL)
                cut_all(&t, &m, cut_slice);
            else
                cut_all(&t, &m, a->floor ? cut_plain : cut_counted);
            made_ns += cpu_ns() - from;
            slices += (double)t.count;
            pthread_barrier_wait(&t.barrier);
            pthread_barrier_wait(&t.barrier);
        }
    t.over = true;
    pthread_barrier_wait(&t.barrier);
    pthread_join(consumer, NULL);
    pthread_barrier_destroy(&t.barrier);
    bench_counter(run, "made_ns", made_ns / slices);
    bench_counter(run, "released_ns", t.released_ns / slices);
    bench_counter(run, "slice_ns", (made_ns + t.released_ns) / slices);
    end_block(&m);
    work_unmap(t.slices, w->live * sizeof *t.slices);
}
