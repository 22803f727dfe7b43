/* SPDX-License-Identifier: MIT
 *
 * registry.c: all pools of the process, so that fork can be survived.
 *
 *     registry lock ----> pool A <-> pool B <-> pool C          order of locks: the registry, then pools in list order,
 *                                                               of each the table of handles first
 *
 * fork copies the memory at one moment and leaves the child one thread, the one that called it. What other threads held
 * locked at that moment would stay locked for ever, and half done. So before a fork every lock of ours is taken, and on
 * both sides released again after it.
 *
 * I1  A pool is on the list from the end of its creation to the beginning of its end.
 * I2  No thread waits for the registry's lock while it holds a pool's or a table's. Nobody but the handlers holds two pools' locks.
 *
 * Note [Fork]
 * With all locks held (of a pool its own and the depot's), no thread is inside place.c, arena.c or the slow half of magazine.c. Other threads may still be in
 * the unlocked half: the pop and push of a bin, and the swap of its two magazines. The child sees such a thread's stores
 * up to some point of its program: the kernel write-protects the pages before it lets fork return, and a store after
 * that goes to the parent's copy. The order within the program is kept by fences against the compiler:
 *
 *     pop     top falls first; a buffer taken but not yet used by a thread that is gone is out, as its others are
 *     push    the slot is stored before the top that covers it
 *     swap    from its first store to its last, bottom and top lie in different magazines or loaded == previous,
 *             which is true at no other time
 *
 * The caches of threads that the child does not have are kept for its next threads (in_use = false), with the buffers in
 * them; a trim or a limit empties them. A bin caught in a swap is given up: the buffers of its two magazines, at most
 * 2 x 62, count as out in the child. What such threads held counts as out, too: the child may release it. What they held
 * open by handles stays open there, and is not moved.
 *
 * What this file does not do: it makes no call of the library safe inside a signal handler, so neither a fork from one
 * that interrupted such a call.
 */
#include "registry.h"
#include "handle.h"
#include "magazine.h"

static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct mid_pool *pools;

void mid__registry_lock(void)
{
    pthread_mutex_lock(&registry);
}

void mid__registry_unlock(void)
{
    pthread_mutex_unlock(&registry);
}

static void before_fork(void)
{
    pthread_mutex_lock(&registry);
    for (struct mid_pool *pool = pools; pool != NULL; pool = pool->next_pool)
        mid__handles_lock_before_fork(pool);
}

static void after_fork(void)
{
    for (struct mid_pool *pool = pools; pool != NULL; pool = pool->next_pool)
        mid__handles_unlock_after_fork(pool);
    pthread_mutex_unlock(&registry);
}

static void after_fork_in_child(void)
{
    for (struct mid_pool *pool = pools; pool != NULL; pool = pool->next_pool) {
        mid__caches_orphaned(pool);
        mid__waiters_init(pool);
        mid__age_thread_gone(pool);
    }
    after_fork();
}

static void watch_forks(void)
{
    (void)pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

void mid__registry_add(struct mid_pool *pool)
{
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&registry);
    pool->next_pool = pools;
    if (pools != NULL)
        pools->previous_pool = pool;
    pools = pool;
    pthread_mutex_unlock(&registry);
}

void mid__registry_remove(struct mid_pool *pool)
{
    pthread_mutex_lock(&registry);
    if (pool->previous_pool != NULL)
        pool->previous_pool->next_pool = pool->next_pool;
    else
        pools = pool->next_pool;
    if (pool->next_pool != NULL)
        pool->next_pool->previous_pool = pool->previous_pool;
    pthread_mutex_unlock(&registry);
}
