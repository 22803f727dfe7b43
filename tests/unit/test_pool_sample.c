/* SPDX-License-Identifier: MIT
 * Sampled sites: the share that is sampled, that releases take records out, leak reports, and the profile. */
#include <midden/cache.h>

#include "alloc/magazine.h"
#include "seen.h"
#include "suite.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define N 40000

static struct seen seen;
static struct mid_pool *pool;
static void *held[N];

static void begin(size_t bytes, size_t buffers, unsigned flags, enum mid_pool_policy policy)
{
    struct mid_pool_options options;
    mid_pool_options_init(&options);
    options.sample_bytes = bytes;
    options.sample_buffers = buffers;
    options.flags = flags;
    options.policy = policy;
    options.broken = note_broken;
    options.broken_user = &seen;
    ck_assert_int_eq(mid_pool_create(&options, &pool), MID_OK);
}

struct sum {
    size_t count, bytes, small;
    const void *sites[10];
    size_t site_count;
};

static void add(void *user, const struct mid_pool_buffer *buffer)
{
    struct sum *sum = user;
    ck_assert_ptr_nonnull(buffer->site);
    sum->count++;
    sum->bytes += buffer->requested_bytes;
    sum->small += buffer->requested_bytes == 48;
    size_t i = 0;
    while (i < sum->site_count && sum->sites[i] != buffer->site)
        i++;
    if (i == sum->site_count && i < 10)
        sum->sites[sum->site_count++] = buffer->site;
}

static struct sum samples(void)
{
    struct sum sum = {0};
    ck_assert_int_eq(mid_pool_samples(pool, add, &sum), MID_OK);
    return sum;
}

static __attribute__((noinline)) void *take_small(void)
{
    void *p = mid_pool_alloc(pool, 48);
    return p;
}

static __attribute__((noinline)) void *take_large(void)
{
    void *p = mid_pool_alloc(pool, 3000);
    return p;
}

/* Within six standard deviations of a Poisson count. */
static void about(size_t got, double expected)
{
    ck_assert_msg(fabs((double)got - expected) < 6 * sqrt(expected) + 1, "%zu, expected about %.0f", got, expected);
}

static const struct {
    unsigned flags;
    enum mid_pool_policy policy;
} kinds[] = {{0, MID_POOL_SIZE_CLASS}, {MID_POOL_UNCACHED, MID_POOL_SIZE_CLASS}, {0, MID_POOL_SEQUENTIAL}, {MID_POOL_CHECKED, MID_POOL_SIZE_CLASS}};

START_TEST(samples__by_buffers_and_by_bytes__are_the_share_that_was_asked_for)
{
    for (int by_bytes = 0; by_bytes < 2; by_bytes++) {
        begin(by_bytes ? 100000 : 0, by_bytes ? 0 : 128, kinds[_i].flags, kinds[_i].policy);
        for (size_t i = 0; i < N; i++)
            held[i] = i % 4 != 0 ? take_small() : take_large();
        struct sum sum = samples();
        ck_assert_uint_eq(sum.site_count, 2);
        double small = N * 3.0 / 4, large = N / 4.0;
        about(sum.small, by_bytes ? small * 48 / 100000 : small / 128);
        about(sum.count - sum.small, by_bytes ? large * 3000 / 100000 : large / 128);
        ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
        /* half is released: about half of the samples are left, and they are of what is out */
        for (size_t i = 0; i < N; i += 2)
            mid_pool_release(pool, held[i]);
        ck_assert_uint_lt(samples().count, sum.count);
        about(samples().small, by_bytes ? small * 48 * 2 / 3 / 100000 : small * 2 / 3 / 128);
        for (size_t i = 1; i < N; i += 2)
            mid_pool_release_sized(pool, held[i], i % 4 != 0 ? 48 : 3000);
        ck_assert_uint_eq(samples().count, 0);
        ck_assert_uint_eq(pool->samples.count, 0);
        ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
    }
    ck_assert_uint_eq(seen.count, 0);
}
END_TEST

static void *churn(void *seed)
{
    uint64_t random = (uintptr_t)seed;
    void *mine[200] = {0};
    for (unsigned long i = 0; i < test_rounds(30000); i++) {
        size_t at = test_random(&random) % 200;
        mid_pool_release(pool, mine[at]);
        mine[at] = mid_pool_alloc(pool, test_random(&random) % 5000);
    }
    for (size_t i = 0; i < 200; i++)
        mid_pool_release(pool, mine[i]);
    return NULL;
}

/* Every record is of a buffer that is out, and every bit of a slab has its record. */
START_TEST(samples__while_threads_work__leave_nothing_behind)
{
    pthread_t threads[3];
    begin(0, 8, 0, MID_POOL_SIZE_CLASS);
    for (uintptr_t i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, churn, (void *)(i + 1));
    for (int i = 0; i < 20; i++)
        (void)samples();
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(pool->samples.count, 0);
    mid_pool_trim(pool);
    for (struct mid__region *r = pool->arena.all; r != NULL; r = r->next)
        ck_assert_uint_eq(mid__bit_next(r->hidden, 0, MID__REGION_GRAINS), MID__REGION_GRAINS);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}
END_TEST

START_TEST(samples__inlined_pair__are_gone_when_the_buffer_leaves_its_magazine)
{
    begin(0, 4, 0, MID_POOL_SIZE_CLASS);
    struct mid_cache *cache = mid_pool_cache(pool);
    for (size_t i = 0; i < 5000; i++)
        held[i] = mid_cache_alloc(cache, 48);
    ck_assert_uint_gt(samples().count, 0);
    for (size_t i = 0; i < 5000; i++)
        mid_cache_release(cache, held[i], 48);
    mid_pool_trim(pool);
    ck_assert_uint_eq(samples().count, 0);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}
END_TEST

START_TEST(leaks__of_a_pool_that_samples__are_reported_with_their_site)
{
    begin(0, 16, 0, MID_POOL_SIZE_CLASS);
    for (size_t i = 0; i < 3000; i++)
        held[i] = take_small();
    ck_assert_uint_eq(mid_pool_destroy_forced(pool), 3000);
    ck_assert_uint_eq(seen.count, 16);
    ck_assert(was_seen(&seen, "pool.leak"));
    ck_assert_ptr_nonnull(strstr(seen.last, "a buffer of 48 bytes at 0x"));
}
END_TEST

START_TEST(options__both_ways_to_sample__are_invalid)
{
    struct mid_pool_options options;
    mid_pool_options_init(&options);
    options.sample_bytes = options.sample_buffers = 1;
    ck_assert_int_eq(mid_pool_create(&options, &pool), MID_E_INVALID);
}
END_TEST

START_TEST(profile__by_site__has_the_head_the_sites_and_the_mappings)
{
    begin(_i == 0 ? 50000 : 0, _i == 0 ? 0 : 128, 0, MID_POOL_SIZE_CLASS);
    for (size_t i = 0; i < 20000; i++)
        held[i] = i % 4 != 0 ? take_small() : take_large();
    struct sum sum = samples();
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    ck_assert_int_eq(mid_pool_heap_profile(pool, stream), MID_OK);
    fclose(stream);
    size_t n, b, n2, b2, scale = _i == 0 ? 1 : 128, count = 0, all = 0;
    int at = 0;
    ck_assert_int_eq(sscanf(text, "heap profile: %zu: %zu [%zu: %zu] @ %n", &n, &b, &n2, &b2, &at), 4);
    size_t weights = 0, weighted = 0;
    for (size_t i = 0; i < pool->samples.capacity; i++)
        if (pool->samples.table[i].address != NULL) {
            weights += pool->samples.table[i].weight;
            weighted += pool->samples.table[i].weight * pool->samples.table[i].bytes;
        }
    ck_assert_uint_ge(weights, sum.count);
    about(weights, _i == 0 ? (15000.0 * 48 + 5000.0 * 3000) / 50000 : 20000.0 / 128);
    ck_assert_uint_eq(n, weights * scale);
    ck_assert_uint_eq(b, weighted * scale);
    ck_assert_int_eq(strncmp(text + at, _i == 0 ? "heap_v2/50000\n" : "heapprofile\n", 12), 0);
    char *line = strchr(text, '\n') + 1;
    size_t lines = 0;
    for (void *site; sscanf(line, "%zu: %zu [%zu: %zu] @ %p\n", &n, &b, &n2, &b2, &site) == 5; lines++) {
        count += n;
        all += b;
        line = strchr(line, '\n') + 1;
    }
    ck_assert_uint_eq(lines, 2);
    ck_assert_uint_eq(count, weights * scale);
    ck_assert_uint_eq(all, weighted * scale);
    ck_assert_int_eq(strncmp(line, "\nMAPPED_LIBRARIES:\n", 19), 0);
    ck_assert_ptr_nonnull(strstr(line, "test_pool_sample"));
    FILE *full = fopen("/dev/full", "w");
    ck_assert_int_eq(mid_pool_heap_profile(pool, full), MID_E_IO);
    fclose(full);
    if (getenv("PROFILE_OUT") != NULL) {
        FILE *kept = fopen(getenv("PROFILE_OUT"), "w");
        fputs(text, kept);
        fclose(kept);
    }
    free(text);
    for (size_t i = 0; i < 20000; i++)
        mid_pool_release(pool, held[i]);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("sample");
    tcase_add_loop_test(cases, samples__by_buffers_and_by_bytes__are_the_share_that_was_asked_for, 0, 4);
    tcase_add_test(cases, samples__while_threads_work__leave_nothing_behind);
    tcase_add_test(cases, samples__inlined_pair__are_gone_when_the_buffer_leaves_its_magazine);
    tcase_add_test(cases, leaks__of_a_pool_that_samples__are_reported_with_their_site);
    tcase_add_test(cases, options__both_ways_to_sample__are_invalid);
    tcase_add_loop_test(cases, profile__by_site__has_the_head_the_sites_and_the_mappings, 0, 2);
    return run_suite("pool samples", cases, NULL);
}
