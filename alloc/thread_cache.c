/* SPDX-License-Identifier: MIT
 *
 * thread_cache.c: which cache belongs to which thread and pool, and who ends it.
 *
 *     thread 1:  mid__thread_caches -> cache of pool A -> cache of pool B           (the thread's own list, thread-local)
 *     thread 2:  mid__thread_caches -> cache of pool B
 *     pool B:    caches -> (thread 1's) -> (thread 2's) -> (one whose thread has ended, for the next thread)
 *
 * Note [Ending caches]
 * A thread may end before its pools, and a pool before its threads. Both take the registry's lock, the only lock that is
 * shared by pools. A thread that ends empties its caches and leaves them to the pool (in_use = false), with their counters,
 * which belong to the pool's figures. A pool that ends unmaps the caches that no thread uses; in each other one it stores
 * NULL as the pool, and the thread unmaps it when it next walks its list, or ends. Who may meet whom:
 *
 *     a thread ends | its pool ends     both hold the registry's lock from the first look at cache->pool to the last
 *     a thread walks| a pool ends       the thread reads cache->pool without a lock, and gets
 *                                         its own pool: which is not ending, by the rule of mid_pool_destroy;
 *                                         another pool, ending or gone: it is compared and never followed;
 *                                         NULL (acquire, pairs with the release in mid__caches_end): the pool's last look
 *                                         at the cache lies before, and the thread may unmap it.
 *     a pool lies where another lay     the thread was given the new one by whoever made it, after the old one's end; it
 *                                       sees the NULL that was stored in between, and no cache of the old pool passes for
 *                                       one of the new.
 *     a thread asks | others take figures   Note [Looking into the caches of others], in magazine.c
 *
 * The fast paths compare alone, and load relaxed. The order of locks is registry, then pool. A destructor of the program's
 * own that runs after ours and uses a pool gets a new cache, and ours runs again, as often as the system goes round.
 *
 * Note [Threads without a cache]
 * From the moment when the key's destructor has run, a thread has no cache any more: destructors of other keys that
 * release buffers go to the slabs, and nothing is left to a thread that is gone. The same flag is set while a cache is being
 * made, since pthread_setspecific may allocate, and where the pool is the process' malloc that leads here again.
 *
 * The thread-local list and the key that calls us at a thread's end are the library's only state outside of pools; they are
 * needed so that mid_pool_alloc needs no argument more than malloc's. Who prefers to hold the cache uses <midden/cache.h>.
 */
#include "block.h"
#include "registry.h"

#include <midden/internal/sys.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool have_key;
_Thread_local struct mid__cache *mid__thread_caches;
static _Thread_local bool cacheless; /* Note [Threads without a cache] */

static size_t cache_bytes(void)
{
    return mid__align_up(sizeof(struct mid__cache), mid__sys_page_bytes());
}

static void leave(struct mid__cache *cache)
{
    struct mid_pool *pool = atomic_load_explicit(&cache->pool, memory_order_relaxed);
    if (pool == NULL) {
        mid__sys_unmap(cache, cache_bytes());
        return;
    }
    pthread_mutex_lock(&pool->lock);
    mid__cache_empty(pool, cache);
    cache->in_use = false;
    pthread_mutex_unlock(&pool->lock);
}

static void thread_ends(void *unused)
{
    (void)unused;
    mid__registry_lock();
    struct mid__cache *mine = mid__thread_caches;
    mid__thread_caches = NULL;
    cacheless = true;
    for (struct mid__cache *cache = mine; cache != NULL; cache = cache->next_of_thread)
        if (atomic_load_explicit(&cache->pool, memory_order_relaxed) != NULL)
            mid__blocks_leave(cache); /* what is dead with that goes to the slabs: the thread is cacheless */
    for (struct mid__cache *cache = mine, *next; cache != NULL; cache = next) {
        next = cache->next_of_thread;
        leave(cache);
    }
    mid__registry_unlock();
}

static void make_key(void)
{
    have_key = pthread_key_create(&key, thread_ends) == 0;
}

/* A cache of the pool that no thread uses, or a new one; on the pool's list. */
static struct mid__cache *join(struct mid_pool *pool)
{
    struct mid__cache *cache;
    mid__registry_lock();
    pthread_mutex_lock(&pool->lock);
    for (cache = pool->caches; cache != NULL && cache->in_use; cache = cache->next_of_pool)
        ;
    if (cache == NULL) {
        cache = mid__sys_map(cache_bytes(), mid__sys_page_bytes());
        if (cache != NULL) {
            atomic_init(&cache->pool, pool);
            mid__cache_init(pool, cache);
            cache->next_of_pool = pool->caches;
            pool->caches = cache;
        }
    }
    if (cache != NULL) {
        cache->in_use = true;
        cache->epoch = pool->cache_epoch;
    }
    pthread_mutex_unlock(&pool->lock);
    mid__registry_unlock();
    return cache;
}

/* A cache that ends with the thread; NULL when there is none to be had. */
static struct mid__cache *join_for_life(struct mid_pool *pool)
{
    struct mid__cache *cache = NULL;
    if (cacheless)
        return NULL;
    cacheless = true;
    pthread_once(&once, make_key);
    if (have_key && pthread_setspecific(key, &mid__thread_caches) == 0)
        cache = join(pool);
    cacheless = false;
    return cache;
}

/* Looks through the thread's list, brings the cache that is found to its front, and unmaps those whose pool is gone. */
static MID__NOINLINE struct mid__cache *find_or_join(struct mid_pool *pool)
{
    struct mid__cache *found = NULL;
    for (struct mid__cache **link = &mid__thread_caches, *cache; (cache = *link) != NULL;) {
        struct mid_pool *its = atomic_load_explicit(&cache->pool, memory_order_acquire); /* with mid__caches_end */
        if (its != NULL && its != pool) {
            link = &cache->next_of_thread;
            continue;
        }
        *link = cache->next_of_thread;
        if (its == pool)
            found = cache;
        else
            mid__sys_unmap(cache, cache_bytes());
    }
    if (found == NULL && (found = join_for_life(pool)) == NULL)
        return NULL;
    found->next_of_thread = mid__thread_caches;
    mid__thread_caches = found;
    return found;
}

struct mid__cache *mid__cache_of(struct mid_pool *pool)
{
    struct mid__cache *cache = mid__thread_caches;
    if (MID__LIKELY(mid__cache_is_of(cache, pool)))
        return cache;
    return find_or_join(pool);
}

struct mid__cache *mid__cache_had(struct mid_pool *pool)
{
    struct mid__cache *cache = mid__thread_caches;
    while (cache != NULL && atomic_load_explicit(&cache->pool, memory_order_relaxed) != pool)
        cache = cache->next_of_thread;
    return cache;
}

struct mid_cache *mid_pool_cache(struct mid_pool *pool)
{
    struct mid__cache *cache = mid__cache_of(pool);
    return cache == NULL ? NULL : &cache->face;
}

void mid__caches_end(struct mid_pool *pool)
{
    mid__registry_lock();
    for (struct mid__cache *cache = pool->caches, *next; cache != NULL; cache = next) {
        next = cache->next_of_pool;
        if (cache->in_use)
            atomic_store_explicit(&cache->pool, NULL, memory_order_release); /* with find_or_join; our last look at it */
        else
            mid__sys_unmap(cache, cache_bytes());
    }
    pool->caches = NULL;
    mid__registry_unlock();
}

void mid__caches_orphaned(struct mid_pool *pool)
{
    for (struct mid__cache *cache = pool->caches; cache != NULL; cache = cache->next_of_pool) {
        struct mid__cache *mine = mid__thread_caches;
        while (mine != NULL && mine != cache)
            mine = mine->next_of_thread;
        if (mine != NULL || !cache->in_use)
            continue;
        mid__cache_settle(pool, cache);
        cache->next_of_thread = NULL;
        cache->in_use = false;
    }
}

void mid__caches_idle_empty(struct mid_pool *pool)
{
    for (struct mid__cache *cache = pool->caches; cache != NULL; cache = cache->next_of_pool)
        if (!cache->in_use && (cache->charged != 0 || cache->large_bytes != 0))
            mid__cache_empty(pool, cache);
}
