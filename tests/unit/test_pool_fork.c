/* SPDX-License-Identifier: MIT
 * A process forks while its other threads are inside calls: the child uses the pools. See Note [Fork] in registry.c. */
#include <midden/cache.h>

#include "alloc/magazine.h"
#include "seen.h"
#include "suite.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 3
#define HELD    192 /* three magazines of the smallest class: bins swap, and exchange with the depot */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FORKS 15 /* each copies the tables of the shadow: a third of a second */
#else
#define FORKS 30
#endif

#if defined(__SANITIZE_THREAD__)
#define THREADS_IN_CHILD 0 /* TSan allows none after a fork with threads */
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREADS_IN_CHILD 0
#endif
#endif
#ifndef THREADS_IN_CHILD
#define THREADS_IN_CHILD 1
#endif

struct worker {
    pthread_t thread;
    uint64_t random;
    void *_Atomic held[HELD]; /* a buffer stands here only while it is out */
};

static struct mid_pool *pool, *other;
static struct worker workers[WORKERS];
static _Atomic int stop;
static _Atomic unsigned working; /* workers that have finished a round */

static struct mid_pool *make_pool(unsigned flags)
{
    struct mid_pool_options options;
    struct mid_pool *made;
    mid_pool_options_init(&options);
    options.flags = flags;
    ck_assert_int_eq(mid_pool_create(&options, &made), MID_OK);
    return made;
}

static size_t size_of(uint64_t random)
{
    static const size_t sizes[] = {1, 16, 48, 200, 1024, 3000, 9000, 70000};
    return sizes[random % 16 < 8 ? 1 : random % 8];
}

static void take_into(struct worker *w, size_t i)
{
    void *p = mid_pool_alloc(pool, size_of(test_random(&w->random)));
    if (p != NULL)
        memset(p, 1, 1);
    atomic_store(&w->held[i], p);
}

static void give_from(struct worker *w, size_t i)
{
    void *p = atomic_exchange(&w->held[i], NULL);
    mid_pool_release(pool, p);
}

static void *work(void *argument)
{
    struct worker *w = argument;
    for (bool first = true; !atomic_load(&stop); first = false) {
        for (size_t i = 0; i < HELD; i++)
            if (atomic_load(&w->held[i]) == NULL)
                take_into(w, i);
        for (size_t i = test_random(&w->random) % HELD; i < HELD; i++)
            give_from(w, i);
        void *p = mid_pool_alloc(other, 100);
        if (test_random(&w->random) % 64 == 0)
            mid_pool_trim(pool);
        mid_pool_release(other, p);
        if (first)
            atomic_fetch_add(&working, 1);
    }
    return NULL;
}

static int by_address(const void *a, const void *b)
{
    const uintptr_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void *one_more(void *unused)
{
    (void)unused;
    void *p = mid_pool_alloc(pool, 200);
    mid_pool_release(pool, p);
    return p;
}

/* What fails in the child, as its exit status. */
#define MUST(condition) do { if (!(condition)) _exit(__LINE__ % 200 + 50); } while (0)

#define TAKEN 3000

static void use_in_child(void)
{
    static uintptr_t got[TAKEN + WORKERS * HELD];
    size_t n = 0;
    alarm(30); /* a lock that nobody will release */
    MUST(mid_pool_verify(pool, NULL, NULL) == MID_OK && mid_pool_verify(other, NULL, NULL) == MID_OK);
    uint64_t random = 7;
    for (; n < TAKEN; n++) {
        got[n] = (uintptr_t)mid_pool_alloc(pool, size_of(test_random(&random)));
        MUST(got[n] != 0);
    }
    for (size_t w = 0; w < WORKERS; w++)
        for (size_t i = 0; i < HELD; i++)
            if (atomic_load(&workers[w].held[i]) != NULL)
                got[n++] = (uintptr_t)atomic_load(&workers[w].held[i]);
    qsort(got, n, sizeof *got, by_address);
    for (size_t i = 1; i < n; i++)
        MUST(got[i] != got[i - 1]); /* handed out twice */
    for (size_t i = 0; i < n; i++)
        mid_pool_release(pool, (void *)got[i]);
    MUST(mid_pool_verify(pool, NULL, NULL) == MID_OK);
    if (THREADS_IN_CHILD) {
        pthread_t thread;
        void *p = NULL;
        MUST(pthread_create(&thread, NULL, one_more, NULL) == 0 && pthread_join(thread, &p) == 0 && p != NULL);
    }
    mid_pool_trim(pool);
    struct mid_pool_stats s = {.struct_size = sizeof s};
    MUST(mid_pool_stats(pool, &s) == MID_OK);
    MUST(s.misuses == 0 && s.cached_bytes == 0);
    /* What the other threads had in their hands: one buffer each, or the two magazines of a bin that was swapping. */
    MUST(s.live_buffers <= WORKERS * (1 + 2 * MID__MAGAZINE_MAX));
    struct mid_pool *fresh = NULL;
    MUST(mid_pool_create(NULL, &fresh) == MID_OK && mid_pool_destroy(fresh, NULL) == MID_OK);
    mid_pool_destroy_forced(other);
    _exit(0);
}

START_TEST(fork__while_other_threads_work__leaves_a_pool_that_works)
{
    pool = make_pool(_i == 0 ? 0 : _i == 1 ? MID_POOL_UNCACHED : MID_POOL_CHECKED);
    other = make_pool(0);
    atomic_store(&stop, 0);
    atomic_store(&working, 0);
    uint64_t seed = test_seed("fork");
    for (size_t i = 0; i < WORKERS; i++) {
        workers[i].random = seed + i * 2 + 1;
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    /* A thread that starts is in malloc; that of gcc 12's AddressSanitizer leaves a child of fork its locks as they were. */
    while (atomic_load(&working) < WORKERS)
        sched_yield();
    for (unsigned long i = 0; i < test_rounds(FORKS); i++) {
        void *mine = mid_pool_alloc(pool, 64);
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0)
            use_in_child();
        int status = -1;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status), "the child ended by signal %d", WTERMSIG(status));
        ck_assert_msg(WEXITSTATUS(status) == 0, "status %d: the line is this + 150 or + n x 200", WEXITSTATUS(status));
        mid_pool_release(pool, mine);
    }
    atomic_store(&stop, 1);
    for (size_t i = 0; i < WORKERS; i++)
        pthread_join(workers[i].thread, NULL);
    for (size_t i = 0; i < WORKERS; i++)
        for (size_t j = 0; j < HELD; j++)
            give_from(&workers[i], j);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(other, NULL), MID_OK);
}
END_TEST

enum { SWAPPED = 2 * MID__MAGAZINE_MAX };

static void *fill_a_bin(void *unused)
{
    (void)unused;
    void *p[SWAPPED];
    for (int i = 0; i < SWAPPED; i++)
        p[i] = mid_pool_alloc(pool, 16);
    for (int i = 0; i < SWAPPED; i++)
        mid_pool_release(pool, p[i]);
    /* In the middle of a swap, for ever: bottom and top lie in different magazines. */
    struct mid__cache *cache = mid__cache_had(pool);
    struct mid_cache_bin *bin = &cache->face.bins[0];
    bin->bottom = bin->previous->slots - 1;
    atomic_store(&stop, 2);
    while (atomic_load(&stop) == 2)
        ;
    return NULL;
}

START_TEST(fork__in_the_middle_of_a_swap__gives_the_bin_up)
{
    pthread_t thread;
    pool = make_pool(0);
    if (!pool->caching) {
        mid_pool_destroy(pool, NULL);
        return;
    }
    atomic_store(&stop, 1);
    pthread_create(&thread, NULL, fill_a_bin, NULL);
    while (atomic_load(&stop) != 2)
        ;
    pid_t child = fork();
    if (child == 0) {
        alarm(30);
        void *p[256];
        for (int i = 0; i < 256; i++)
            MUST((p[i] = mid_pool_alloc(pool, 16)) != NULL);
        for (int i = 0; i < 256; i++)
            for (int j = 0; j < i; j++)
                MUST(p[i] != p[j]);
        for (int i = 0; i < 256; i++)
            mid_pool_release(pool, p[i]);
        struct mid_pool_stats s = {.struct_size = sizeof s};
        MUST(mid_pool_stats(pool, &s) == MID_OK && s.live_buffers == SWAPPED);
        MUST(mid_pool_verify(pool, NULL, NULL) == MID_OK);
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    /* The parent's thread stays as it is: it was broken by hand. */
    mid_pool_destroy_forced(pool);
    atomic_store(&stop, 1);
    pthread_join(thread, NULL);
}
END_TEST

static pthread_key_t late;
static void *kept_for_later;

static void release_late(void *round)
{
    void *p = mid_pool_alloc(pool, 100);
    mid_pool_release(pool, p);
    if ((uintptr_t)round > 1) /* again in the next round of destructors */
        pthread_setspecific(late, (void *)((uintptr_t)round - 1));
    else
        mid_pool_release(pool, kept_for_later);
}

static void *end_late(void *unused)
{
    (void)unused;
    kept_for_later = mid_pool_alloc(pool, 100);
    pthread_setspecific(late, (void *)(uintptr_t)2); /* more rounds run into TSan's own end of the thread */
    return NULL;
}

START_TEST(thread_end__destructors_that_release_after_the_cache_has_gone__leave_no_cache_behind)
{
    pthread_t thread;
    pool = make_pool(0);
    mid_pool_release(pool, mid_pool_alloc(pool, 1)); /* the library's key comes first: its destructor runs first */
    pthread_key_create(&late, release_late);
    for (int i = 0; i < 3; i++) {
        pthread_create(&thread, NULL, end_late, NULL);
        pthread_join(thread, NULL);
        struct mid_pool_stats s = {.struct_size = sizeof s};
        mid_pool_stats(pool, &s);
        ck_assert_uint_eq(s.live_buffers, 0);
        ck_assert_uint_eq(s.thread_caches, pool->caching ? 1 : 0);
    }
    pthread_key_delete(late);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("fork");
    tcase_add_loop_test(cases, fork__while_other_threads_work__leaves_a_pool_that_works, 0, 3);
    tcase_add_test(cases, fork__in_the_middle_of_a_swap__gives_the_bin_up);
    tcase_add_test(cases, thread_end__destructors_that_release_after_the_cache_has_gone__leave_no_cache_behind);
    return run_suite("pool fork", cases, NULL);
}
