/* SPDX-License-Identifier: MIT
 *
 * age_thread.c: a thread of the pool's own that gives back what is idle, for a program that makes no call (MID_POOL_AGE_THREAD).
 *
 *     sleep until age_due_ns -> lock the pool, a step of age.c if nobody came by before -> sleep ...        end: woken, joined
 *
 * I1  Whoever makes the step moves age_due_ns on: with the thread or without it, there is one step in each interval.
 * I2  While the thread is there, `state` changes under the mutex of this file, which is never held together with the pool's lock.
 *
 * Note [The thread and fork]
 * A child of fork has the memory of the parent and not its thread. There the state is set to NONE, and the mutex and the
 * condition, which the thread may have been inside of, are not touched again: the child's pool ages when it is called, as others do.
 * The thread is started outside of the registry's lock, and ended before the pool leaves the registry, so a fork finds it
 * running or absent, and never half made.
 *
 * The thread has every signal blocked, so that none of the program's handlers runs on it. It is jemalloc's background_thread
 * in small: one for each pool that asks, not for each arena, and it wakes by the clock alone and never for an amount.
 */
#include "magazine.h"

#include <signal.h>
#include <time.h>

#define STACK_BYTES     ((size_t)256 << 10)
#define COARSE_CLOCK_NS 10000000u /* how far the clock of age_due_ns may lag: a step that is not due yet would be a busy wait */

static void make_sleep(struct mid__age_thread *t)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&t->ends, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&t->mutex, NULL);
}

/* Sleeps until the step is due; false when the pool ends. */
static bool sleep_until_due(struct mid_pool *pool)
{
    struct mid__age_thread *t = &pool->age_thread;
    uint64_t due = atomic_load_explicit(&pool->age_due_ns, memory_order_relaxed) + COARSE_CLOCK_NS;
    struct timespec until = {.tv_sec = (time_t)(due / 1000000000u), .tv_nsec = (long)(due % 1000000000u)};
    int status = 0;
    pthread_mutex_lock(&t->mutex);
    while (t->state == MID__AGE_THREAD_RUNS && status == 0)
        status = pthread_cond_timedwait(&t->ends, &t->mutex, &until);
    bool runs = t->state == MID__AGE_THREAD_RUNS;
    pthread_mutex_unlock(&t->mutex);
    return runs;
}

static void *run(void *argument)
{
    struct mid_pool *pool = argument;
    while (sleep_until_due(pool)) {
        pthread_mutex_lock(&pool->lock);
        mid__age_locked(pool, NULL);
        pthread_mutex_unlock(&pool->lock);
    }
    return NULL;
}

enum mid_status mid__age_thread_begin(struct mid_pool *pool)
{
    struct mid__age_thread *t = &pool->age_thread;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return MID_E_MEMORY;
    make_sleep(t);
    t->state = MID__AGE_THREAD_RUNS;
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES); /* too small for this system: its default */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&t->thread, &attributes, run, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (failed) {
        t->state = MID__AGE_THREAD_NONE;
        pthread_cond_destroy(&t->ends);
        pthread_mutex_destroy(&t->mutex);
    }
    return failed ? MID_E_MEMORY : MID_OK;
}

void mid__age_thread_end(struct mid_pool *pool)
{
    struct mid__age_thread *t = &pool->age_thread;
    if (t->state == MID__AGE_THREAD_NONE)
        return;
    pthread_mutex_lock(&t->mutex);
    t->state = MID__AGE_THREAD_ENDS;
    pthread_cond_signal(&t->ends);
    pthread_mutex_unlock(&t->mutex);
    pthread_join(t->thread, NULL);
    t->state = MID__AGE_THREAD_NONE;
    pthread_cond_destroy(&t->ends);
    pthread_mutex_destroy(&t->mutex);
}

void mid__age_thread_gone(struct mid_pool *pool)
{
    pool->age_thread.state = MID__AGE_THREAD_NONE;
}
