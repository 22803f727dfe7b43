/* SPDX-License-Identifier: MIT
 *
 * wait.c: a thread that waits until a pool at its limit has room, and the limit's change.
 *
 *     waiter                                     any other thread
 *     waiters++, barrier in all threads          release into its cache, then: waiters? -> cache goes back to the slabs
 *     +-> room = generation; try                 release, trim, flush, exchange under the lock  -+-> generation++,
 *     |   sleep while generation == room  <------------------------------------------------------+   wake all
 *     +-- again until it got one, or time is over
 *
 * I1  generation changes under the lock whenever something came back to the slabs or the depot, or the limit rose, while
 *     waiters != 0. A waiter reads it before it tries and sleeps only while it is the same: no wake-up is lost.
 *
 * Note [Waiting and the caches]
 * A release that ends in its thread's cache makes no room for others. So a thread looks at `waiters` after it has put a
 * buffer into its cache; if somebody waits, the whole cache goes back. The look is a plain load, in the place where the
 * pool's kind was asked before, and costs nothing more. The store into the cache and the load after it may pass each other;
 * the waiter therefore has the kernel run a barrier in every thread (membarrier) after it has raised `waiters`. Thus a
 * release either sees the waiter, or was complete before the wait began. What was complete before and lies in another
 * thread's cache stays there until that thread's next release or miss. mid_cache_release (<midden/cache.h>) does not look: its
 * buffers go back when its magazine is full.
 *
 * All are woken for one buffer's room, since only the waiters know what each of them needs; who comes first is served
 * first, and a large request may starve behind small ones. Waiters are few where this is used: each is a stopped producer.
 */
#include "magazine.h"

#include <midden/internal/sys.h>

#include <errno.h>
#include <time.h>

void mid__waiters_init(struct mid_pool *pool)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->room, &monotonic);
    pthread_condattr_destroy(&monotonic);
    atomic_store_explicit(&pool->waiters, 0, memory_order_relaxed);
}

void mid__waiters_fini(struct mid_pool *pool)
{
    pthread_cond_destroy(&pool->room);
}

void mid__waiters_wake(struct mid_pool *pool)
{
    pool->room_generation++;
    pthread_cond_broadcast(&pool->room);
}

void mid__waiters_served(struct mid_pool *pool)
{
    mid_pool_flush_thread(pool);
    pthread_mutex_lock(&pool->lock);
    mid__depot_empty(pool); /* Note [The depot's lock] */
    pthread_mutex_unlock(&pool->lock);
}

static struct timespec after_ns(uint64_t ns)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t nanoseconds = (uint64_t)t.tv_nsec + ns % 1000000000u;
    t.tv_sec += (time_t)(ns / 1000000000u + nanoseconds / 1000000000u);
    t.tv_nsec = (long)(nanoseconds % 1000000000u);
    return t;
}

/* Sleeps until there may be more room than at `generation`; false when the time is over. */
static bool sleep_for_room(struct mid_pool *pool, uint64_t generation, const struct timespec *until)
{
    int status = 0;
    pthread_mutex_lock(&pool->lock);
    while (pool->room_generation == generation && status == 0)
        status = until == NULL ? pthread_cond_wait(&pool->room, &pool->lock)
                               : pthread_cond_timedwait(&pool->room, &pool->lock, until);
    bool more = pool->room_generation != generation;
    pthread_mutex_unlock(&pool->lock);
    return more;
}

static uint64_t generation_now(struct mid_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    uint64_t generation = pool->room_generation;
    pthread_mutex_unlock(&pool->lock);
    return generation;
}

void *mid_pool_alloc_wait(struct mid_pool *pool, size_t bytes, uint64_t timeout_ns)
{
    const void *site = MID__RETURN_ADDRESS();
    enum mid_status status;
    void *p = mid__pool_try(pool, bytes, true, site, &status);
    if (p == NULL && status == MID_E_LIMIT && timeout_ns != 0) {
        /* Beyond a century: for ever. */
        bool for_ever = timeout_ns > (uint64_t)4000000000u * 1000000000u;
        struct timespec until = after_ns(for_ever ? 0 : timeout_ns);
        bool more = true;
        atomic_fetch_add_explicit(&pool->waiters, 1, memory_order_seq_cst);
        mid__sys_barrier_all();
        while (more) {
            uint64_t generation = generation_now(pool);
            p = mid__pool_try(pool, bytes, false, site, &status);
            if (p != NULL || status != MID_E_LIMIT)
                break;
            more = sleep_for_room(pool, generation, for_ever ? NULL : &until);
        }
        atomic_fetch_sub_explicit(&pool->waiters, 1, memory_order_relaxed);
    }
    if (p == NULL)
        mid__pool_refuse(pool, status);
    return p;
}

enum mid_status mid_pool_set_limit(struct mid_pool *pool, size_t limit_bytes)
{
    size_t limit = limit_bytes == 0 ? SIZE_MAX : limit_bytes;
    if (limit_bytes != 0)
        mid__pool_empty_caches(pool);
    pthread_mutex_lock(&pool->lock);
    enum mid_status status = MID_OK;
    if (pool->arena.committed_bytes > limit) {
        mid__place_reap(pool);
        mid__arena_purge(&pool->arena, limit > pool->arena.used_bytes ? limit - pool->arena.used_bytes : 0);
    }
    if (pool->arena.committed_bytes > limit)
        status = MID_E_LIMIT;
    else
        pool->arena.limit_bytes = limit;
    mid__waiters_wake(pool);
    pthread_mutex_unlock(&pool->lock);
    return status;
}
