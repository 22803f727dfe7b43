/* SPDX-License-Identifier: MIT
 *
 * pool_cross.c: one thread takes buffers and writes their first word, another reads that word and releases them; a
 * ring of `live` pointers lies between the two. Caches by thread see every buffer leave one side and pile up on the
 * other. Timed by the wall clock, for one buffer from end to end; the floor is the ring and the word alone.
 *
 *     head (written by the producer)   ---- live pointers ---->   tail (written by the consumer)
 *
 * Each side keeps a copy of the other's index and reads the real one when the copy says that there is no room or no
 * buffer. Whoever waits yields the processor after some turns, for a machine may have fewer free cores than threads.
 *
 * The clock starts when the consumer runs and 64 rings have gone through, and a repetition is a fixed number of buffers. Else
 * it would time what the trim before it took away: the first touch of every page, and the start of a thread; and it would
 * time them the more, the fewer buffers a disturbed calibration holds enough. That is where wall times of 15 us came from.
 */
#include "pool_work.h"
#include "work.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { WARM_RINGS = 64 };

struct queue {
    _Alignas(128) _Atomic uint64_t head; /* buffers put in */
    uint64_t tail_seen;
    _Alignas(128) _Atomic uint64_t tail; /* buffers taken out and released */
    uint64_t head_seen, sum;
    _Alignas(128) _Atomic uint64_t end; /* the consumer stops here */
    void (*release)(void *, size_t);
    const uint32_t *sizes;
    uint64_t mask;
    void **slots;
};

static void wait_a_turn(unsigned *turns)
{
    if (++*turns < 200)
        work_pause();
    else
        sched_yield();
}

static void *consume(void *arg)
{
    struct queue *q = arg;
    uint64_t tail = 0;
    for (;;) {
        unsigned turns = 0;
        while (tail == q->head_seen) {
            q->head_seen = atomic_load_explicit(&q->head, memory_order_acquire); /* pairs with put */
            if (tail != q->head_seen)
                break;
            if (tail == atomic_load_explicit(&q->end, memory_order_acquire))
                return NULL;
            wait_a_turn(&turns);
        }
        uint64_t *p = q->slots[tail & q->mask];
        q->sum += *p;
        q->release(p, q->sizes[tail & (WORK_SIZES - 1)]);
        tail++;
        atomic_store_explicit(&q->tail, tail, memory_order_release); /* pairs with put and with the last wait */
    }
}

static inline void put(struct queue *q, uint64_t at, void *p)
{
    unsigned turns = 0;
    while (at - q->tail_seen > q->mask) {
        q->tail_seen = atomic_load_explicit(&q->tail, memory_order_acquire);
        if (at - q->tail_seen > q->mask)
            wait_a_turn(&turns);
    }
    q->slots[at & q->mask] = p;
    atomic_store_explicit(&q->head, at + 1, memory_order_release); /* pairs with consume */
}

/* Puts in all up to `end` and waits until they are released. */
static void pass(struct queue *q, void *(*alloc)(size_t), uint64_t from, uint64_t end)
{
    for (uint64_t at = from; at < end; at++) {
        uint64_t *p = alloc(q->sizes[at & (WORK_SIZES - 1)]);
        *p = at;
        put(q, at, p);
    }
    for (unsigned turns = 0; atomic_load_explicit(&q->tail, memory_order_acquire) != end;) /* pairs with consume */
        wait_a_turn(&turns);
}

void pool_cross(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    void *(*alloc)(size_t) = a->alloc;
    struct queue *q = work_map(sizeof *q);
    q->slots = work_map(w->live * sizeof q->slots[0]);
    q->mask = w->live - 1; /* live is a power of two */
    q->release = a->release;
    q->sizes = work_sizes(w->low, w->high);
    atomic_store(&q->end, UINT64_MAX);

    pthread_t consumer;
    bench_memory_mark(run);
    if (pthread_create(&consumer, NULL, consume, q) != 0) {
        bench_fail(run, "no second thread");
        return;
    }
    uint64_t put_in = WARM_RINGS * (uint64_t)w->live;
    pass(q, alloc, 0, put_in);
    for (uint64_t n; (n = bench_count(run)) != 0; put_in += n)
        pass(q, alloc, put_in, put_in + n);
    atomic_store_explicit(&q->end, put_in, memory_order_release);
    pthread_join(consumer, NULL);
    work_keep(&q->sum);
    work_unmap(q->slots, w->live * sizeof q->slots[0]);
    work_unmap(q, sizeof *q);
}
