/* SPDX-License-Identifier: MIT
 * After most buffers are gone at random, a trim leaves what the live bytes allow: the pages that still hold one, and 5 % more.
 * The floor is counted from the addresses and sizes that the test itself holds. */
#include "alloc/pool_state.h"
#include "suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFERS 40000

struct held {
    char *p;
    size_t bytes;
};

static int by_number(const void *a, const void *b)
{
    const uintptr_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Bytes of the pages that hold a part of a buffer. */
static size_t page_floor(const struct held *held, size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), count = 0, capacity = 0, pages = 0;
    for (size_t i = 0; i < n; i++)
        capacity += held[i].p == NULL ? 0 : held[i].bytes / page + 2;
    uintptr_t *all = malloc((capacity + 1) * sizeof *all);
    for (size_t i = 0; i < n; i++)
        for (uintptr_t at = (uintptr_t)held[i].p / page; held[i].p != NULL && at <= ((uintptr_t)held[i].p + held[i].bytes - 1) / page; at++)
            all[count++] = at;
    qsort(all, count, sizeof *all, by_number);
    for (size_t i = 0; i < count; i++)
        pages += i == 0 || all[i] != all[i - 1];
    free(all);
    return pages * page;
}

START_TEST(trim__nine_in_ten_released_at_random__leaves_the_pages_that_hold_a_buffer)
{
    static const struct {
        unsigned flags;
        enum mid_pool_policy policy;
    } kinds[] = {{0, MID_POOL_SIZE_CLASS}, {MID_POOL_UNCACHED, MID_POOL_SIZE_CLASS}, {0, MID_POOL_SEQUENTIAL}};
    struct mid_pool_options options;
    struct mid_pool *pool;
    uint64_t random = test_seed("trim");
    mid_pool_options_init(&options);
    options.flags = kinds[_i].flags;
    options.policy = kinds[_i].policy;
    ck_assert_int_eq(mid_pool_create(&options, &pool), MID_OK);
    struct held *held = calloc(BUFFERS, sizeof *held);
    for (size_t i = 0; i < BUFFERS; i++) {
        held[i].bytes = (size_t)exp2(4 + (double)(test_random(&random) % 9000) / 1000); /* 16 B to 8 KiB */
        ck_assert_ptr_nonnull(held[i].p = mid_pool_alloc(pool, held[i].bytes));
        memset(held[i].p, 1, held[i].bytes);
    }
    for (size_t i = 0; i < BUFFERS; i++)
        if (test_random(&random) % 10 != 0) {
            mid_pool_release(pool, held[i].p);
            held[i].p = NULL;
        }
    mid_pool_trim(pool);
    struct mid_pool_stats s = {.struct_size = sizeof s};
    ck_assert_int_eq(mid_pool_stats(pool, &s), MID_OK);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    size_t floor_bytes = page_floor(held, BUFFERS);
    ck_assert_uint_ge(s.committed_bytes - s.released_page_bytes, floor_bytes);
    if (!pool->checked) { /* a checked pool keeps the pages that hold poison */
        ck_assert_uint_le(s.committed_bytes - s.released_page_bytes, floor_bytes + floor_bytes / 20);
        ck_assert_uint_le(s.resident_bytes, floor_bytes + floor_bytes / 20);
    }
    for (size_t i = 0; i < BUFFERS; i++)
        mid_pool_release(pool, held[i].p);
    mid_pool_trim(pool);
    mid_pool_stats(pool, &s);
    ck_assert_uint_eq(s.committed_bytes, 0);
    free(held);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("trim");
    tcase_add_loop_test(cases, trim__nine_in_ten_released_at_random__leaves_the_pages_that_hold_a_buffer, 0, 3);
    return run_suite("pool trim", cases, NULL);
}
