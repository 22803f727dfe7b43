/* SPDX-License-Identifier: MIT
 *
 * age.c: memory that was not needed for a while goes back to the system, without a thread of ours unless asked for (age_thread.c).
 *
 *     step            step            step          every age / 2, by whoever comes by, or by mid_pool_return_idle
 *       |---------------|---------------|
 *             used            idle      `-> goes back
 *
 * A step gives back what nobody needed since the step before:
 *
 *     thread's cache   bins of the calling thread that neither gave nor took
 *     depot            all of it, if no magazine was exchanged
 *     empty slabs      become spare units
 *     spare units      those that were spare all the time: Note [Spare memory] in arena.c
 *     partial slabs    pages without a buffer, of classes that at no time needed three quarters of their slabs
 *
 * A step is taken in parts: who comes by gives back 256 KiB (of a class with idle pages: all of them) and leaves the rest to who
 * comes next, so that no allocation waits for more; the time of the next step counts from the last part. mid_pool_return_idle does
 * all that is left.
 *
 * Who comes by: every miss of a cache, and every 1024th allocation of a class that its cache serves (Note [Fuses]); both look
 * at a clock that costs a few nanoseconds. A program that makes no call keeps what it has until it makes some, or lets a
 * timer call mid_pool_return_idle, or asks for a thread. What lies in the cache of a thread that makes no call stays there, at
 * most thread_cache_bytes: mid_pool_flush_thread is for threads that go to sleep.
 *
 * Bonwick 1994, section 3.4.2, keeps what was used within a working-set interval of 15 s; so do we, with a bit for
 * each unit and the most in use during the interval in place of time stamps, so that nothing is written on the way of a buffer.
 */
#include "magazine.h"

#include <midden/internal/sys.h>

#define PAGES_FLOOR_BYTES ((size_t)64 << 10)
#define STEP_BYTES        ((size_t)256 << 10)

/* Where a step is: pool->age_stage. */
enum { CACHES, ARENA, FIRST_CLASS };

/* Slabs of which more than a quarter was free all the time, and that changed since they were last looked at. */
static bool has_idle_pages(const struct mid__class *c)
{
    size_t used = c->taken_high * c->bytes;
    if (c->bytes == 0 || c->large || c->taken == c->taken_seen || used >= c->slab_bytes)
        return false;
    size_t idle = c->slab_bytes - used;
    return idle > PAGES_FLOOR_BYTES && idle > c->slab_bytes / 4;
}

/* What must be done at once, for it tells what was needed since the step before; it makes no system call. */
static void empty_idle(struct mid_pool *pool, struct mid__cache *cache)
{
    if (cache != NULL)
        mid__cache_empty_idle(pool, cache);
    mid__caches_idle_empty(pool);
    if (pool->exchanges_seen == mid__depot_exchanges(pool))
        mid__depot_empty(pool);
    pool->exchanges_seen = mid__depot_exchanges(pool);
    mid__place_reap(pool);
}

/* Goes on with the step, or begins one, until some `most_bytes` bytes went back. */
static void step(struct mid_pool *pool, struct mid__cache *cache, size_t most_bytes)
{
    if (pool->age_stage == CACHES) {
        empty_idle(pool, cache);
        pool->age_stage = ARENA;
    }
    if (pool->age_stage == ARENA) {
        if (!mid__arena_age(&pool->arena, most_bytes))
            return;
        pool->age_stage = FIRST_CLASS;
    }
    size_t before = pool->pages_out_bytes;
    for (; pool->age_stage < FIRST_CLASS + MID__CLASS_LARGE; pool->age_stage++) {
        struct mid__class *c = &pool->classes[pool->age_stage - FIRST_CLASS];
        if (pool->pages_out_bytes - before >= most_bytes)
            return;
        if (has_idle_pages(c)) {
            mid__trim_pages(pool, c);
            c->taken_seen = c->taken;
        }
        c->taken_high = c->taken;
    }
    pool->age_stage = CACHES;
}

static bool is_due(struct mid_pool *pool)
{
    if (pool->age_interval_ns == 0)
        return false;
    uint64_t now = mid__sys_coarse_ns(), due = atomic_load_explicit(&pool->age_due_ns, memory_order_relaxed);
    return now >= due;
}

void mid__age_locked(struct mid_pool *pool, struct mid__cache *cache)
{
    if (MID__LIKELY(!is_due(pool)))
        return;
    step(pool, cache, STEP_BYTES);
    if (pool->age_stage == CACHES)
        atomic_store_explicit(&pool->age_due_ns, mid__sys_coarse_ns() + pool->age_interval_ns, memory_order_relaxed);
}

/* The time is read without the lock, and again with it; who finds the lock taken leaves the step to another time. */
void mid__age(struct mid_pool *pool, struct mid__cache *cache)
{
    if (MID__LIKELY(!is_due(pool)) || pthread_mutex_trylock(&pool->lock) != 0)
        return;
    mid__age_locked(pool, cache);
    pthread_mutex_unlock(&pool->lock);
}

size_t mid_pool_return_idle(struct mid_pool *pool)
{
    struct mid__cache *cache = mid__cache_had(pool);
    pthread_mutex_lock(&pool->lock);
    size_t before = pool->arena.committed_bytes;
    size_t pages = pool->pages_out_bytes;
    step(pool, cache, SIZE_MAX);
    size_t after = pool->arena.committed_bytes, more = pool->pages_out_bytes;
    pthread_mutex_unlock(&pool->lock);
    return (before > after ? before - after : 0) + (more > pages ? more - pages : 0);
}
