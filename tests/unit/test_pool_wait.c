/* SPDX-License-Identifier: MIT
 * Waiting for room at the limit: every way to make room wakes the waiter, and none is lost. No case measures time: a wake-up
 * that is lost makes its case run into Check's timeout. */
#include <midden/cache.h>

#include "alloc/pool_state.h"
#include "suite.h"

#include <pthread.h>
#include <string.h>

static struct mid_pool *pool;

static void begin(size_t limit_bytes, unsigned flags)
{
    struct mid_pool_options options;
    mid_pool_options_init(&options);
    options.limit_bytes = limit_bytes;
    options.flags = flags;
    ck_assert_int_eq(mid_pool_create(&options, &pool), MID_OK);
}

static void end(void)
{
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}

static void *wait_for(void *bytes)
{
    void *p = mid_pool_alloc_wait(pool, (size_t)bytes, MID_POOL_FOREVER);
    ck_assert_ptr_nonnull(p);
    memset(p, 1, (size_t)bytes);
    mid_pool_release(pool, p);
    return p;
}

/* Until somebody sleeps, or is about to. */
static void until_waiting(unsigned n)
{
    while (atomic_load(&pool->waiters) != n)
        sched_yield();
}

START_TEST(wait__with_room__takes_at_once_and_without_it_the_time_passes)
{
    begin(8192, 0);
    void *p = mid_pool_alloc_wait(pool, 8000 - 16, 0);
    ck_assert_ptr_nonnull(p);
    ck_assert_ptr_null(mid_pool_alloc_wait(pool, 8000, 0));
    ck_assert_ptr_null(mid_pool_alloc_wait(pool, 8000, 1));
    ck_assert_ptr_null(mid_pool_alloc_wait(pool, 8000, 3000000));
    ck_assert_ptr_null(mid_pool_alloc_wait(pool, SIZE_MAX, MID_POOL_FOREVER)); /* no room will ever help */
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_stats(pool, &s);
    ck_assert_uint_eq(s.refused_limit, 3);
    ck_assert_uint_eq(s.refused_memory, 1);
    mid_pool_release(pool, p);
    end();
}
END_TEST

static void *release_one(void *p)
{
    mid_pool_release(pool, p);
    return NULL;
}

static void *end_with_a_cache(void *go)
{
    void *p = mid_pool_alloc(pool, 100);
    struct mid_cache *cache = mid_pool_cache(pool);
    if (cache != NULL)
        mid_cache_release(cache, p, 100);
    else
        mid_pool_release_sized(pool, p, 100);
    until_waiting(1);
    return go;
}

START_TEST(wait__each_way_to_make_room__wakes)
{
    pthread_t waiter, other;
    begin(8192, _i == 6 ? MID_POOL_UNCACHED : _i == 7 ? MID_POOL_CHECKED : 0);
    if (_i == 4 && !pool->caching) {
        end();
        return;
    }
    void *p = _i == 4 ? NULL : mid_pool_alloc(pool, _i == 5 ? 100 : 8000);
    if (_i == 4) { /* the whole slab is in a thread's cache, and goes with the thread */
        pthread_create(&other, NULL, end_with_a_cache, NULL);
        struct mid_pool_stats s = {.struct_size = sizeof s};
        do
            mid_pool_stats(pool, &s);
        while (s.releases == 0);
    }
    pthread_create(&waiter, NULL, wait_for, (void *)(uintptr_t)8000);
    if (_i != 4) /* there the other thread waits for the waiter, which may be served before we look */
        until_waiting(1);
    switch (_i) {
    case 0: /* released here */
    case 5:
    case 6:
    case 7:
        mid_pool_release(pool, p);
        break;
    case 1: /* by another thread, which ends */
        pthread_create(&other, NULL, release_one, p);
        break;
    case 2: /* the limit is raised */
        ck_assert_int_eq(mid_pool_set_limit(pool, 65536), MID_OK);
        break;
    case 3: /* the limit is lifted */
        ck_assert_int_eq(mid_pool_set_limit(pool, 0), MID_OK);
        break;
    }
    pthread_join(waiter, NULL);
    if (_i == 1 || _i == 4)
        pthread_join(other, NULL);
    if (_i == 2 || _i == 3)
        mid_pool_release(pool, p);
    end();
}
END_TEST

static void *take_and_sit(void *go)
{
    void *p[64];
    for (int i = 0; i < 64; i++)
        p[i] = mid_pool_alloc(pool, 100);
    for (int i = 0; i < 63; i++)
        mid_pool_release(pool, p[i]);
    until_waiting(1);
    mid_pool_release(pool, p[63]); /* with it the 63 that lay in the cache before */
    while (atomic_load((_Atomic int *)go) == 0)
        sched_yield();
    return NULL;
}

START_TEST(wait__a_release_while_somebody_waits__hands_the_whole_cache_over)
{
    pthread_t waiter, other;
    _Atomic int go = 0;
    begin(8192, 0);
    pthread_create(&other, NULL, take_and_sit, &go);
    struct mid_pool_stats s = {.struct_size = sizeof s};
    do
        mid_pool_stats(pool, &s);
    while (s.releases < 63);
    pthread_create(&waiter, NULL, wait_for, (void *)(uintptr_t)8000);
    pthread_join(waiter, NULL); /* while the other is still there */
    atomic_store(&go, 1);
    pthread_join(other, NULL);
    end();
}
END_TEST

#define RELAY  6
#define ROUNDS 3000

static void *relay(void *unused)
{
    for (unsigned long i = 0; i < test_rounds(ROUNDS); i++) {
        size_t bytes = i % 3 == 0 ? 8192 : i % 3 == 1 ? 3000 : 100;
        unsigned char *p = mid_pool_alloc_wait(pool, bytes, MID_POOL_FOREVER);
        ck_assert_ptr_nonnull(p);
        p[0] = p[bytes - 1] = 1;
        mid_pool_release(pool, p);
    }
    return unused;
}

START_TEST(wait__more_threads_than_room__all_get_through)
{
    pthread_t threads[RELAY];
    begin(8192 * 3, _i == 0 ? 0 : _i == 1 ? MID_POOL_UNCACHED : MID_POOL_CHECKED);
    for (int i = 0; i < RELAY; i++)
        pthread_create(&threads[i], NULL, relay, NULL);
    for (int i = 0; i < RELAY; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(atomic_load(&pool->waiters), 0);
    end();
}
END_TEST

START_TEST(set_limit__lower__is_exact_or_refused)
{
    begin(0, 0);
    const size_t bytes = 8192 - MID__GUARD_BYTES; /* one slab, also in a checked pool, which puts a guard behind it */
    void *p[32];
    for (int i = 0; i < 32; i++)
        p[i] = mid_pool_alloc(pool, bytes);
    ck_assert_int_eq(mid_pool_set_limit(pool, 31 * 8192), MID_E_LIMIT);
    void *q = mid_pool_alloc(pool, bytes); /* the old limit, none, has stayed */
    ck_assert_ptr_nonnull(q);
    mid_pool_release(pool, q);
    for (int i = 8; i < 32; i++)
        mid_pool_release(pool, p[i]);
    ck_assert_int_eq(mid_pool_set_limit(pool, 8 * 8192), MID_OK);
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_stats(pool, &s);
    ck_assert_uint_eq(s.limit_bytes, 8 * 8192);
    ck_assert_uint_eq(s.committed_bytes, 8 * 8192);
    ck_assert_ptr_null(mid_pool_alloc(pool, 1));
    ck_assert_int_eq(mid_pool_set_limit(pool, SIZE_MAX), MID_OK);
    q = mid_pool_alloc(pool, 1);
    ck_assert_ptr_nonnull(q);
    mid_pool_release(pool, q);
    for (int i = 0; i < 8; i++)
        mid_pool_release(pool, p[i]);
    end();
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("wait");
    tcase_add_test(cases, wait__with_room__takes_at_once_and_without_it_the_time_passes);
    tcase_add_loop_test(cases, wait__each_way_to_make_room__wakes, 0, 8);
    tcase_add_test(cases, wait__a_release_while_somebody_waits__hands_the_whole_cache_over);
    tcase_add_loop_test(cases, wait__more_threads_than_room__all_get_through, 0, 3);
    tcase_add_test(cases, set_limit__lower__is_exact_or_refused);
    return run_suite("pool wait", cases, NULL);
}
