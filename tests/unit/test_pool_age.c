/* SPDX-License-Identifier: MIT
 * Unit tests of memory that goes back by age. */
#include <midden/cache.h>

#include "alloc/magazine.h"
#include "seen.h"
#include "suite.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUFFERS 20000

static struct seen seen;
static struct mid_pool *pool;
static void *held[BUFFERS];

static enum mid_status make(unsigned flags, uint64_t return_after_ms)
{
    struct mid_pool_options options;
    mid_pool_options_init(&options);
    options.broken = note_broken;
    options.broken_user = &seen;
    options.return_after_ms = return_after_ms;
    options.flags = flags;
    return mid_pool_create(&options, &pool);
}

static void begin(uint64_t return_after_ms)
{
    ck_assert_int_eq(make(0, return_after_ms), MID_OK);
}

static void end(void)
{
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    ck_assert_uint_eq(seen.count, 0);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}

static struct mid_pool_stats stats(void)
{
    struct mid_pool_stats s = {.struct_size = sizeof s};
    ck_assert_int_eq(mid_pool_stats(pool, &s), MID_OK);
    return s;
}

static size_t size_of(size_t i)
{
    return 16 + i * 37 % 4000;
}

static void take_all(void)
{
    for (size_t i = 0; i < BUFFERS; i++) {
        ck_assert_ptr_nonnull(held[i] = mid_pool_alloc(pool, size_of(i)));
        *(size_t *)held[i] = i;
    }
}

/* All but every tenth, or what is left. */
static void release(bool all)
{
    for (size_t i = 0; i < BUFFERS; i++)
        if (held[i] != NULL && (all || i % 10 != 0)) {
            mid_pool_release_sized(pool, held[i], size_of(i));
            held[i] = NULL;
        }
}

START_TEST(return_idle__nine_in_ten_released__gives_back_what_was_not_needed_since)
{
    begin(MID_POOL_FOREVER);
    take_all();
    struct mid_pool_stats full = stats();
    mid_pool_return_idle(pool);
    release(false);
    mid_pool_return_idle(pool); /* all was in use since the step before */
    size_t back = mid_pool_return_idle(pool);
    release(false);
    mid_pool_return_idle(pool);
    struct mid_pool_stats s = stats();
    if (!pool->checked) {
        ck_assert_uint_gt(back + s.released_page_bytes, full.committed_bytes / 10);
        ck_assert_uint_eq(s.empty_bytes, 0);
        ck_assert_uint_eq(s.spare_bytes, 0);
    }
    if (pool->caching)
        ck_assert_uint_eq(s.cached_bytes, 0);
    for (size_t i = 0; i < BUFFERS; i += 10)
        ck_assert_uint_eq(*(size_t *)held[i], i);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    release(true);
    for (int i = 0; i < 3; i++)
        mid_pool_return_idle(pool);
    ck_assert_uint_eq(stats().committed_bytes, 0);
    take_all(); /* pages come again */
    release(true);
    end();
}
END_TEST

START_TEST(return_idle__memory_that_is_in_use_all_the_time__stays)
{
    begin(MID_POOL_FOREVER);
    take_all();
    release(true);
    mid_pool_return_idle(pool);
    take_all();
    size_t committed = stats().committed_bytes;
    ck_assert_uint_eq(mid_pool_return_idle(pool), 0);
    ck_assert_uint_eq(stats().committed_bytes, committed);
    release(true);
    end();
}
END_TEST

START_TEST(pairs__that_the_cache_serves__make_idle_memory_go_back)
{
    begin(2);
    if (pool->caching) {
        take_all();
        release(true);
        struct mid_cache *cache = mid_pool_cache(pool);
        for (int turns = 0; stats().committed_bytes > 65536; turns++) { /* ends with the test's own time */
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
            for (int i = 0; i < 2000; i++)
                mid_cache_release(cache, mid_cache_alloc(cache, 64), 64);
        }
    }
    end();
}
END_TEST

START_TEST(never__keeps_what_the_bounds_allow)
{
    begin(MID_POOL_FOREVER);
    take_all();
    release(true);
    size_t committed = stats().committed_bytes;
    if (pool->caching) {
        struct mid_cache *cache = mid_pool_cache(pool);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        for (int i = 0; i < 5000; i++)
            mid_cache_release(cache, mid_cache_alloc(cache, 64), 64);
        ck_assert_uint_eq(stats().committed_bytes, committed);
    }
    end();
}
END_TEST

/* ---- a thread of the pool's own */

static bool no_threads;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    static int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (no_threads)
        return EAGAIN;
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "pthread_create");
    return next(thread, attributes, run, argument);
}

static void wait_until_all_is_back(void) /* ends with the test's own time */
{
    while (stats().committed_bytes != 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

START_TEST(thread__of_a_pool_that_nobody_calls__gives_all_back)
{
    ck_assert_int_eq(make(MID_POOL_AGE_THREAD, 2), MID_OK);
    for (int phase = 0; phase < 3; phase++) {
        take_all();
        release(true);
        mid_pool_flush_thread(pool);
        wait_until_all_is_back();
    }
    end();
}
END_TEST

/* Two threads take from each other what they put into common slots, while a third gives back what is idle. */
static _Atomic(uint64_t *) slots[64];

static void *trade(void *seed)
{
    uint64_t random = (uintptr_t)seed;
    for (int i = 0; i < 40000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        size_t bytes = 16 + (size_t)(random >> 40) % (i % 16 == 0 ? 100000 : 8000);
        uint64_t *mine = mid_pool_alloc(pool, bytes);
        if (mine == NULL)
            return seed;
        mine[0] = bytes;
        mine[1] = ~(uint64_t)bytes;
        uint64_t *other = atomic_exchange(&slots[(random >> 33) % 64], mine);
        if (other == NULL)
            continue;
        if (other[1] != ~other[0])
            return seed;
        mid_pool_release_sized(pool, other, (size_t)other[0]);
    }
    return NULL;
}

START_TEST(thread__beside_threads_that_hand_buffers_over__leaves_what_is_in_use)
{
    pthread_t threads[2];
    void *failed;
    ck_assert_int_eq(make(MID_POOL_AGE_THREAD, 2), MID_OK);
    for (uintptr_t i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, trade, (void *)(i + 1)), 0);
    for (int i = 0; i < 20; i++) {
        mid_pool_return_idle(pool);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    for (int i = 0; i < 64; i++) {
        uint64_t *left = atomic_exchange(&slots[i], NULL);
        if (left != NULL)
            mid_pool_release_sized(pool, left, (size_t)left[0]);
    }
    ck_assert_uint_eq(stats().live_buffers, 0);
    mid_pool_flush_thread(pool);
    wait_until_all_is_back();
    end();
}
END_TEST

START_TEST(thread__that_sleeps_long__ends_at_once_with_its_pool)
{
    ck_assert_int_eq(make(MID_POOL_AGE_THREAD, 3600000), MID_OK);
    void *p = mid_pool_alloc(pool, 100);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_E_BUSY);
    mid_pool_release(pool, p);
    end();
}
END_TEST

START_TEST(thread__in_a_child_of_fork__is_not_waited_for)
{
    ck_assert_int_eq(make(MID_POOL_AGE_THREAD, 1), MID_OK);
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        if (child == 0) {
            mid_pool_release(pool, mid_pool_alloc(pool, 5000));
            _exit(mid_pool_destroy(pool, NULL) == MID_OK ? 0 : 1);
        }
        int status = -1;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
    }
    end();
}
END_TEST

START_TEST(thread__that_there_is_not__is_an_error_and_leaves_nothing)
{
    ck_assert_int_eq(make(MID_POOL_AGE_THREAD, MID_POOL_FOREVER), MID_E_INVALID);
    no_threads = true;
    ck_assert_int_eq(make(MID_POOL_AGE_THREAD, 2), MID_E_MEMORY);
    ck_assert_ptr_null(pool);
    no_threads = false;
}
END_TEST

#define LARGE 1000000

/* Past the caches, whose bounds are not looked at here. */
static void begin_uncached(uint64_t return_after_ms)
{
    ck_assert_int_eq(make(MID_POOL_UNCACHED, return_after_ms), MID_OK);
}

static size_t in_reserve(void)
{
    struct mid_pool_stats s = stats();
    return s.spare_bytes + s.empty_bytes;
}

START_TEST(return_idle__of_two_runs_one_was_taken_again__gives_the_other_back)
{
    begin_uncached(MID_POOL_FOREVER);
    void *a = mid_pool_alloc(pool, 65000), *b = mid_pool_alloc(pool, 65000);
    mid_pool_release_sized(pool, a, 65000);
    mid_pool_release_sized(pool, b, 65000);
    ck_assert_uint_eq(in_reserve(), 131072);
    ck_assert_uint_eq(mid_pool_return_idle(pool), 0); /* both were in use since the step before */
    mid_pool_release_sized(pool, mid_pool_alloc(pool, 65000), 65000);
    ck_assert_uint_eq(mid_pool_return_idle(pool), 65536);
    ck_assert_uint_eq(in_reserve(), 65536);
    ck_assert_uint_eq(mid_pool_return_idle(pool), 65536);
    end();
}
END_TEST

/* 64 buffers of a megabyte, released together; what the pool keeps of them. */
static size_t kept_after_a_phase(void)
{
    for (size_t i = 0; i < 64; i++)
        ck_assert_ptr_nonnull(held[i] = mid_pool_alloc(pool, LARGE));
    for (size_t i = 0; i < 64; i++) {
        mid_pool_release_sized(pool, held[i], LARGE);
        held[i] = NULL;
    }
    return in_reserve();
}

/* One allocation once gave back all that had aged. */
START_TEST(step__of_much_memory__is_taken_in_parts)
{
    begin_uncached(3600000);
    kept_after_a_phase();
    ck_assert_uint_eq(mid_pool_return_idle(pool), 0);
    size_t kept = in_reserve(), parts = 0;
    for (; in_reserve() != 0 && parts < 1000; parts++) {
        size_t before = in_reserve();
        atomic_store(&pool->age_due_ns, 0); /* as if the time had come */
        mid__age(pool, NULL);
        ck_assert_uint_le(before - in_reserve(), 256 << 10);
    }
    ck_assert_uint_eq(in_reserve(), 0);
    ck_assert_uint_ge(parts, kept >> 18);
    end();
}
END_TEST

START_TEST(phase__that_releases_all__keeps_it_for_the_next_one_and_until_it_is_idle)
{
    begin_uncached(3600000);
    for (int phase = 0; phase < 3; phase++)
        ck_assert_uint_eq(kept_after_a_phase(), (size_t)64 << 20);
    ck_assert_uint_eq(mid_pool_return_idle(pool), 0);
    ck_assert_uint_eq(mid_pool_return_idle(pool), (size_t)64 << 20);
    end();
}
END_TEST

START_TEST(phase__in_a_pool_that_does_not_age__leaves_what_the_cap_allows)
{
    begin_uncached(MID_POOL_FOREVER);
    ck_assert_uint_le(kept_after_a_phase(), (size_t)20 << 20); /* 8 MiB spare, and a checked pool has empty slabs */
    end();
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("age");
    tcase_add_test(c, return_idle__nine_in_ten_released__gives_back_what_was_not_needed_since);
    tcase_add_test(c, return_idle__memory_that_is_in_use_all_the_time__stays);
    tcase_add_test(c, pairs__that_the_cache_serves__make_idle_memory_go_back);
    tcase_add_test(c, never__keeps_what_the_bounds_allow);
    tcase_add_test(c, step__of_much_memory__is_taken_in_parts);
    tcase_add_test(c, return_idle__of_two_runs_one_was_taken_again__gives_the_other_back);
    tcase_add_test(c, phase__that_releases_all__keeps_it_for_the_next_one_and_until_it_is_idle);
    tcase_add_test(c, phase__in_a_pool_that_does_not_age__leaves_what_the_cap_allows);
    tcase_add_test(c, thread__of_a_pool_that_nobody_calls__gives_all_back);
    tcase_add_test(c, thread__beside_threads_that_hand_buffers_over__leaves_what_is_in_use);
    tcase_add_test(c, thread__that_sleeps_long__ends_at_once_with_its_pool);
    tcase_add_test(c, thread__in_a_child_of_fork__is_not_waited_for);
    tcase_add_test(c, thread__that_there_is_not__is_an_error_and_leaves_nothing);
    return run_suite("pool age", c, NULL);
}
