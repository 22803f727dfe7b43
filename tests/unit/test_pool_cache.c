/* SPDX-License-Identifier: MIT
 * Unit tests of the caches of threads: the inlined pair, hand-over between threads, ends of threads and of pools. */
#include <midden/cache.h>

#include "alloc/magazine.h"
#include "seen.h"
#include "suite.h"

#include <pthread.h>
#include <string.h>

static struct seen seen;
static struct mid_pool *pool;

static void begin(void)
{
    struct mid_pool_options options;
    mid_pool_options_init(&options);
    options.broken = note_broken;
    options.broken_user = &seen;
    ck_assert_int_eq(mid_pool_create(&options, &pool), MID_OK);
}

static struct mid_pool_stats stats(void)
{
    struct mid_pool_stats s = {.struct_size = sizeof s};
    ck_assert_int_eq(mid_pool_stats(pool, &s), MID_OK);
    ck_assert_uint_eq(s.slab_bytes + s.large_bytes, s.rounded_bytes + s.cached_bytes + s.pinned_bytes);
    return s;
}

static void end(void)
{
    ck_assert_uint_eq(seen.count, 0);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}

START_TEST(pair__every_size__is_served_and_counted)
{
    struct mid_cache *cache = mid_pool_cache(pool);
    char *p[5000];
    size_t sum = 0;
    for (size_t n = 0; n < 5000; n++) {
        ck_assert_ptr_nonnull(p[n] = mid_cache_alloc(cache, n));
        memset(p[n], (int)n, n);
        sum += n;
    }
    ck_assert_uint_eq(stats().live_buffers, 5000);
    ck_assert_uint_eq(stats().requested_bytes, sum);
    for (size_t n = 0; n < 5000; n++) {
        for (size_t i = 0; i < n; i += 97)
            ck_assert_int_eq((unsigned char)p[n][i], n & 255);
        mid_cache_release(cache, p[n], n);
    }
    ck_assert_uint_eq(stats().live_buffers, 0);
    ck_assert_uint_eq(stats().requested_bytes, 0);
    ck_assert_uint_eq(stats().allocs, 5000);
    ck_assert_uint_eq(stats().releases, 5000);
    end();
}
END_TEST

START_TEST(cache__of_one_thread__is_the_same_at_each_call_and_for_each_pool_another)
{
    struct mid_pool *first = pool;
    struct mid_cache *a = mid_pool_cache(first);
    begin();
    struct mid_cache *b = mid_pool_cache(pool);
    ck_assert_ptr_ne(a, b);
    ck_assert_ptr_eq(mid_pool_cache(first), a);
    ck_assert_ptr_eq(mid_pool_cache(pool), b);
    end();
    pool = first;
    ck_assert_ptr_eq(mid_pool_cache(first), a);
    end();
    for (int i = 0; i < 100; i++) { /* pools that come to lie where others were */
        begin();
        mid_pool_release(pool, mid_pool_alloc(pool, 100));
        ck_assert_uint_eq(stats().thread_caches, pool->caching ? 1 : 0);
        end();
    }
}
END_TEST

START_TEST(double_release__of_the_last_one__is_caught_in_the_cache)
{
    void *p = mid_pool_alloc(pool, 100), *q = mid_pool_alloc(pool, 100);
    mid_pool_release(pool, p);
    mid_pool_release(pool, p);
    mid_pool_release_sized(pool, p, 100);
    ck_assert_uint_eq(seen.count, 2);
    ck_assert(was_seen(&seen, "pool.double_release"));
    mid_pool_release_sized(pool, q, 1000);
    ck_assert_uint_eq(seen.count, 3);
    ck_assert(was_seen(&seen, "pool.wrong_size"));
    seen.count = 0;
    ck_assert_uint_eq(stats().live_buffers, 0);
    end();
}
END_TEST

/* The inlined release trusts its caller; the slabs do not. */
START_TEST(double_release__by_the_inlined_call__is_caught_when_the_magazine_goes_back)
{
    struct mid_cache *cache = mid_pool_cache(pool);
    void *p = mid_cache_alloc(cache, 100), *q = mid_cache_alloc(cache, 100);
    mid_cache_release(cache, p, 100);
    mid_cache_release(cache, q, 100);
    mid_cache_release(cache, p, 100);
    mid_pool_flush_thread(pool);
    ck_assert_uint_eq(seen.count, 1);
    ck_assert(was_seen(&seen, "pool.double_release"));
    seen.count = 0;
    ck_assert_uint_eq(stats().live_buffers, 0);
    end();
}
END_TEST

START_TEST(pairs__more_than_a_fuse__are_all_counted)
{
    struct mid_cache *cache = mid_pool_cache(pool);
    uint64_t allocs = 0;
    for (unsigned round = 1; round < 3000; round += 97) {
        for (unsigned i = 0; i < round; i++, allocs += 3) {
            mid_cache_release(cache, mid_cache_alloc(cache, 64), 64);
            mid_pool_release(pool, mid_pool_alloc(pool, 64));
            mid_pool_release_sized(pool, mid_pool_alloc(pool, 3000), 3000);
        }
        ck_assert_uint_eq(stats().allocs, allocs);
        ck_assert_uint_eq(stats().releases, allocs);
    }
    end();
}
END_TEST

START_TEST(verify__a_magazine_with_a_buffer_twice__names_it)
{
    if (pool->caching) {
        struct mid__cache *cache = (struct mid__cache *)(void *)mid_pool_cache(pool);
        void *p = mid_pool_alloc(pool, 100), *q = mid_pool_alloc(pool, 100);
        mid_pool_release(pool, p);
        mid_pool_release(pool, q);
        struct mid_cache_bin *bin = &cache->face.bins[mid__class_of_small(100)];
        void **first = bin->bottom + 1, *kept = *first;
        *first = q;
        ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_E_BROKEN);
        ck_assert(was_seen(&seen, "magazine.I1"));
        *first = &seen;
        ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_E_BROKEN);
        ck_assert_ptr_nonnull(strstr(seen.last, "no such buffer"));
        *first = kept;
        seen.count = 0;
    }
    end();
}
END_TEST

/* ---- threads */

static void *fill_cache(void *argument)
{
    (void)argument;
    void *p[3000];
    for (int i = 0; i < 3000; i++)
        p[i] = mid_pool_alloc(pool, (size_t)i % 700);
    for (int i = 0; i < 3000; i++)
        mid_pool_release(pool, p[i]);
    return NULL;
}

static void in_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, run, argument), 0);
    pthread_join(thread, NULL);
}

START_TEST(thread__that_ends__hands_its_cache_back)
{
    for (int i = 0; i < 5; i++) {
        in_thread(fill_cache, NULL);
        ck_assert_uint_eq(stats().live_buffers, 0);
        ck_assert_uint_eq(stats().thread_caches, 0);
        mid_pool_trim(pool);
        ck_assert_uint_eq(stats().cached_bytes, 0);
        ck_assert_uint_eq(stats().committed_bytes, 0);
    }
    ck_assert_uint_eq(stats().allocs, 15000);
    size_t metadata = stats().metadata_bytes;
    in_thread(fill_cache, NULL);
    mid_pool_trim(pool);
    ck_assert_uint_eq(stats().metadata_bytes, metadata); /* the cache and the magazines served again */
    end();
}
END_TEST

struct baton {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int turn;
};

static void wait_for(struct baton *b, int turn)
{
    pthread_mutex_lock(&b->lock);
    while (b->turn != turn)
        pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static void pass(struct baton *b)
{
    pthread_mutex_lock(&b->lock);
    b->turn++;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static void *outlive_the_pool(void *argument)
{
    fill_cache(NULL);
    pass(argument);
    wait_for(argument, 2);
    fill_cache(NULL); /* another pool, perhaps at the same address */
    return NULL;
}

START_TEST(pool__that_ends_before_its_threads__leaves_them_well)
{
    struct baton baton = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, outlive_the_pool, &baton), 0);
    wait_for(&baton, 1);
    end();
    begin();
    pass(&baton);
    pthread_join(thread, NULL);
    end();
}
END_TEST

static void *empty_on_demand(void *argument)
{
    fill_cache(NULL);
    pass(argument);
    wait_for(argument, 2);
    mid_pool_release(pool, mid_pool_alloc(pool, 8000)); /* a miss: it sees the trim */
    pass(argument);
    wait_for(argument, 4);
    return NULL;
}

START_TEST(trim__reaches_the_caches_of_other_threads__at_their_next_miss)
{
    struct baton baton = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, empty_on_demand, &baton), 0);
    wait_for(&baton, 1);
    if (pool->caching)
        ck_assert_uint_gt(stats().cached_bytes, 10000);
    mid_pool_trim(pool);
    pass(&baton);
    wait_for(&baton, 3);
    ck_assert_uint_le(stats().cached_bytes, 16384);
    pass(&baton);
    pthread_join(thread, NULL);
    end();
}
END_TEST

/* One thread takes, the other releases: full magazines must come back through the depot, and memory must not grow. */
#define RING 256

struct ring {
    pthread_mutex_t lock;
    void *slots[RING];
    unsigned head, tail;
    bool ended;
};

static void *release_all(void *argument)
{
    struct ring *r = argument;
    for (;;) {
        pthread_mutex_lock(&r->lock);
        void *p = r->head != r->tail ? r->slots[r->head++ % RING] : NULL;
        bool ended = r->ended && p == NULL;
        pthread_mutex_unlock(&r->lock);
        if (ended)
            return NULL;
        if (p != NULL)
            mid_pool_release_sized(pool, p, 1024);
    }
}

START_TEST(one_takes_another_releases__magazines__come_back_through_the_depot)
{
    struct ring r = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, release_all, &r), 0);
    unsigned long rounds = test_rounds(100000);
    for (unsigned long i = 0; i < rounds;) {
        pthread_mutex_lock(&r.lock);
        bool room = r.tail - r.head < RING;
        pthread_mutex_unlock(&r.lock);
        if (!room)
            continue;
        void *p = mid_pool_alloc(pool, 1024);
        ck_assert_ptr_nonnull(p);
        pthread_mutex_lock(&r.lock);
        r.slots[r.tail++ % RING] = p;
        pthread_mutex_unlock(&r.lock);
        i++;
    }
    pthread_mutex_lock(&r.lock);
    r.ended = true;
    pthread_mutex_unlock(&r.lock);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(stats().live_buffers, 0);
    ck_assert_uint_le(stats().committed_peak_bytes, (size_t)4 << 20);
    if (pool->caching && rounds >= 100000)
        ck_assert_uint_gt(stats().depot_exchanges, rounds / 64);
    end();
}
END_TEST

START_TEST(thread_cache_bytes__small__bounds_what_a_thread_keeps)
{
    struct mid_pool_options options;
    struct mid_pool *tight;
    mid_pool_options_init(&options);
    options.thread_cache_bytes = 100000;
    ck_assert_int_eq(mid_pool_create(&options, &tight), MID_OK);
    void *p[4000];
    for (size_t i = 0; i < 4000; i++)
        p[i] = mid_pool_alloc(tight, i * 2);
    for (size_t i = 0; i < 4000; i++)
        mid_pool_release_sized(tight, p[i], i * 2);
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_stats(tight, &s);
    /* the bound, the class that was just used (two magazines of 64 KiB), and the depot */
    ck_assert_uint_le(s.cached_bytes, 100000 + 131072 + ((size_t)2 << 20) + s.committed_peak_bytes / 32);
    ck_assert_int_eq(mid_pool_verify(tight, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(tight, NULL), MID_OK);
    end();
}
END_TEST

/* Without options the bound was 0 once, and every call missed. */
START_TEST(mixed_sizes__in_a_pool_of_all_defaults__seldom_miss)
{
    struct mid_pool *plain;
    ck_assert_int_eq(mid_pool_create(NULL, &plain), MID_OK);
    void *p[256] = {0};
    uint64_t random = 7;
    for (unsigned i = 0; i < 50000; i++) {
        mid_pool_release(plain, p[i % 256]);
        p[i % 256] = mid_pool_alloc(plain, test_random(&random) % 8000);
    }
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_stats(plain, &s);
    ck_assert_uint_le(s.cache_misses, 10000);
    for (unsigned i = 0; i < 256; i++)
        mid_pool_release(plain, p[i]);
    ck_assert_int_eq(mid_pool_verify(plain, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(plain, NULL), MID_OK);
    end();
}
END_TEST

static int count_buffer(void *user, const struct mid_pool_slab *slab, const struct mid_pool_buffer *buffer)
{
    (void)slab, (void)buffer;
    ++*(size_t *)user;
    return 0;
}

START_TEST(walk__cached_buffers__are_not_shown)
{
    void *p[100];
    size_t count = 0;
    struct mid_pool_visitor visitor = {sizeof visitor, NULL, count_buffer, &count};
    for (int i = 0; i < 100; i++)
        p[i] = mid_pool_alloc(pool, 200);
    for (int i = 0; i < 100; i += 2)
        mid_pool_release(pool, p[i]);
    ck_assert_int_eq(mid_pool_walk(pool, &visitor), 0);
    ck_assert_uint_eq(count, 50);
    for (int i = 1; i < 100; i += 2)
        mid_pool_release(pool, p[i]);
    end();
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("cache");
    tcase_add_checked_fixture(c, begin, NULL);
    tcase_add_test(c, pair__every_size__is_served_and_counted);
    tcase_add_test(c, cache__of_one_thread__is_the_same_at_each_call_and_for_each_pool_another);
    tcase_add_test(c, double_release__of_the_last_one__is_caught_in_the_cache);
    tcase_add_test(c, double_release__by_the_inlined_call__is_caught_when_the_magazine_goes_back);
    tcase_add_test(c, pairs__more_than_a_fuse__are_all_counted);
    tcase_add_test(c, verify__a_magazine_with_a_buffer_twice__names_it);
    tcase_add_test(c, thread__that_ends__hands_its_cache_back);
    tcase_add_test(c, pool__that_ends_before_its_threads__leaves_them_well);
    tcase_add_test(c, trim__reaches_the_caches_of_other_threads__at_their_next_miss);
    tcase_add_test(c, one_takes_another_releases__magazines__come_back_through_the_depot);
    tcase_add_test(c, thread_cache_bytes__small__bounds_what_a_thread_keeps);
    tcase_add_test(c, mixed_sizes__in_a_pool_of_all_defaults__seldom_miss);
    tcase_add_test(c, walk__cached_buffers__are_not_shown);
    return run_suite("pool cache", c, NULL);
}
