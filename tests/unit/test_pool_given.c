/* SPDX-License-Identifier: MIT
 * Pools on memory that the program gave them: nothing outside is touched, NULL when full, the memory is the program's again. */
#include <midden/cache.h>

#include "seen.h"
#include "suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY ((size_t)10 << 20) /* three windows of 4 MiB, or four */

static struct seen seen;
static unsigned char *memory;
static size_t asked;

static int no_room(void *user, struct mid_pool *pool, size_t bytes, unsigned attempt)
{
    (void)user, (void)pool, (void)bytes, (void)attempt;
    asked++;
    return 0;
}

static struct mid_pool *make(void *base, size_t bytes, unsigned flags, enum mid_pool_policy policy)
{
    struct mid_pool_options options;
    struct mid_pool *pool = NULL;
    mid_pool_options_init(&options);
    options.base = base;
    options.base_bytes = bytes;
    options.flags = flags;
    options.policy = policy;
    options.broken = note_broken;
    options.broken_user = &seen;
    options.at_limit = no_room;
    ck_assert_int_eq(mid_pool_create(&options, &pool), MID_OK);
    return pool;
}

static struct mid_pool_stats stats(struct mid_pool *pool)
{
    struct mid_pool_stats s = {.struct_size = sizeof s};
    ck_assert_int_eq(mid_pool_stats(pool, &s), MID_OK);
    ck_assert_uint_eq(s.committed_bytes, s.slab_bytes + s.large_bytes + s.empty_bytes + s.spare_bytes);
    return s;
}

static void set_up(void)
{
    memory = malloc(MEMORY);
    memset(memory, 0xee, MEMORY);
}

/* Fills the pool, and says with how many buffers. */
static size_t fill(struct mid_pool *pool, void **held, size_t max, size_t bytes, const unsigned char *from, const unsigned char *to)
{
    size_t n = 0;
    while (n < max && (held[n] = mid_pool_alloc(pool, bytes)) != NULL) {
        const unsigned char *p = held[n++];
        ck_assert(p >= from && p + bytes <= to);
        memset(held[n - 1], (int)n & 0x7f, bytes);
    }
    ck_assert_uint_lt(n, max);
    return n;
}

static const struct {
    unsigned flags;
    enum mid_pool_policy policy;
} kinds[] = {{0, MID_POOL_SIZE_CLASS}, {MID_POOL_UNCACHED, MID_POOL_SIZE_CLASS}, {MID_POOL_CHECKED, MID_POOL_SIZE_CLASS},
             {0, MID_POOL_SEQUENTIAL}, {MID_POOL_CHECKED, MID_POOL_SEQUENTIAL}};

#define MAX 200000

START_TEST(given__filled_and_emptied__uses_all_of_it_and_nothing_else)
{
    void **held = malloc(MAX * sizeof *held);
    unsigned char *from = memory + 5001, *to = memory + MEMORY - 7003;
    struct mid_pool *pool = make(from, (size_t)(to - from), kinds[_i].flags, kinds[_i].policy);
    static const size_t sizes[] = {100, 1000, 5000, 8000, 20000, 300000};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        asked = 0;
        size_t n = fill(pool, held, MAX, sizes[k], from, to);
        ck_assert_uint_gt(asked, 0);
        ck_assert_uint_gt(n * sizes[k], MEMORY / 2);
        ck_assert_uint_le(stats(pool).committed_bytes, (size_t)(to - from));
        ck_assert_uint_le(stats(pool).reserved_bytes, (size_t)(to - from));
        ck_assert_uint_gt(stats(pool).reserved_bytes, (size_t)(to - from) - 2 * 8192);
        for (size_t i = 0; i < n; i++)
            ck_assert_int_eq(((unsigned char *)held[i])[sizes[k] - 1], (int)(i + 1) & 0x7f);
        ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
        for (size_t i = 0; i < n; i++)
            mid_pool_release(pool, held[i]);
        mid_pool_trim(pool);
        ck_assert_uint_eq(stats(pool).committed_bytes, 0);
        ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    }
    ck_assert_ptr_null(mid_pool_alloc(pool, (size_t)2 << 20));
    unsigned char *zeroed = mid_pool_alloc_zeroed(pool, 1, 100000);
    for (size_t i = 0; i < 100000; i++)
        ck_assert_int_eq(zeroed[i], 0);
    mid_pool_release(pool, zeroed);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
    ck_assert_uint_eq(seen.count, 0);
    for (unsigned char *p = memory; p < from; p++)
        ck_assert_int_eq(*p, 0xee);
    for (unsigned char *p = to; p < memory + MEMORY; p++)
        ck_assert_int_eq(*p, 0xee);
    memset(memory, 1, MEMORY); /* all of it is ours again */
    free(held);
}
END_TEST

START_TEST(given__bad_memory__is_invalid)
{
    struct mid_pool_options options;
    struct mid_pool *pool = NULL;
    mid_pool_options_init(&options);
    unsigned char *slab = (unsigned char *)(((uintptr_t)memory + 8191) & ~(uintptr_t)8191);
    struct {
        void *base;
        size_t bytes;
        enum mid_status status;
    } cases[] = {{NULL, 8192, MID_E_INVALID},        {memory, 0, MID_E_INVALID},         {slab, 8191, MID_E_INVALID},
                 {slab + 1, 16383, MID_OK},          {slab, 8192, MID_OK},               {slab + 1, 8192, MID_E_INVALID},
                 {slab, SIZE_MAX, MID_E_INVALID},    {(void *)(UINTPTR_MAX - 8191), 8191, MID_E_INVALID}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        options.base = cases[i].base;
        options.base_bytes = cases[i].bytes;
        ck_assert_msg(mid_pool_create(&options, &pool) == cases[i].status, "case %zu", i);
        if (pool == NULL)
            continue;
        void *p = mid_pool_alloc(pool, 8000), *q = mid_pool_alloc(pool, 8000);
        ck_assert(p != NULL && q == NULL);
        mid_pool_release(pool, p);
        ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
    }
}
END_TEST

START_TEST(given__two_pools_in_one_window__keep_apart)
{
    static void *a[2000], *b[2000];
    struct mid_pool *first = make(memory, 1 << 20, 0, MID_POOL_SIZE_CLASS);
    struct mid_pool *second = make(memory + (1 << 20), 1 << 20, 0, MID_POOL_SIZE_CLASS);
    size_t n = fill(first, a, 2000, 1000, memory, memory + (1 << 20));
    size_t m = fill(second, b, 2000, 1000, memory + (1 << 20), memory + (2 << 20));
    mid_pool_release(first, b[0]);
    ck_assert_uint_eq(seen.count, 1);
    ck_assert(was_seen(&seen, "pool.foreign"));
    for (size_t i = 0; i < n; i++)
        mid_pool_release(first, a[i]);
    ck_assert_int_eq(mid_pool_destroy(first, NULL), MID_OK);
    for (size_t i = 0; i < m; i++)
        ck_assert_int_eq(*(unsigned char *)b[i], (int)(i + 1) & 0x7f);
    ck_assert_uint_eq(mid_pool_destroy_forced(second), m);
}
END_TEST

static void *release_soon(void *pair)
{
    void **both = pair;
    mid_pool_release(both[0], both[1]);
    return NULL;
}

START_TEST(given__full__one_may_wait)
{
    static void *held[20];
    pthread_t other;
    struct mid_pool *pool = make(memory, 100000, 0, MID_POOL_SIZE_CLASS);
    size_t n = fill(pool, held, 20, 8192, memory, memory + 100000);
    void *pair[2] = {pool, held[--n]};
    ck_assert_ptr_null(mid_pool_alloc_wait(pool, 8192, 1000));
    pthread_create(&other, NULL, release_soon, pair);
    void *p = mid_pool_alloc_wait(pool, 8192, MID_POOL_FOREVER);
    ck_assert_ptr_nonnull(p);
    pthread_join(other, NULL);
    mid_pool_release(pool, p);
    while (n != 0)
        mid_pool_release(pool, held[--n]);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("given");
    tcase_add_checked_fixture(cases, set_up, NULL);
    tcase_add_loop_test(cases, given__filled_and_emptied__uses_all_of_it_and_nothing_else, 0, 5);
    tcase_add_test(cases, given__bad_memory__is_invalid);
    tcase_add_test(cases, given__two_pools_in_one_window__keep_apart);
    tcase_add_test(cases, given__full__one_may_wait);
    return run_suite("pool on given memory", cases, NULL);
}
