/* SPDX-License-Identifier: MIT
 * Movable buffers when the n-th mmap, munmap or madvise fails, for n = 1, 2, 3 ... until a run makes fewer calls: once, and
 * from there on. Whatever fails, what is out keeps its content, the verifier finds nothing, and all goes back in the end. */
#include <midden/handle.h>

#include "fail.h"
#include "seen.h"
#include "suite.h"

#include <string.h>

#define COUNT 160

static struct seen seen;

static size_t bytes_of(size_t i)
{
    return i % 97 == 0 ? 40000 : i * 7919 % 3000;
}

static void use(struct mid_pool *pool)
{
    struct mid_handles *handles = mid_pool_handles(pool);
    struct mid_handle h[COUNT] = {{0, 0}};
    if (handles == NULL)
        return;
    for (size_t i = 0; i < COUNT; i++)
        if (mid_handle_alloc(handles, bytes_of(i), &h[i]) == MID_OK) {
            memset(mid_handle_open(handles, h[i]), (int)i, bytes_of(i));
            mid_handle_close(handles, h[i]);
        } else {
            ck_assert_uint_eq(h[i].index, 0);
        }
    for (size_t i = 0; i < COUNT; i++)
        if (i % 8 != 0) {
            mid_handle_release(handles, h[i]);
            h[i] = (struct mid_handle){0, 0};
        }
    mid_pool_pack(pool, 100000);
    mid_pool_pack(pool, 0);
    for (size_t i = 0; i < COUNT; i++)
        if (h[i].index != 0) {
            const unsigned char *p = mid_handle_open(handles, h[i]);
            for (size_t k = 0; k < bytes_of(i); k++)
                ck_assert_uint_eq(p[k], i & 255);
            mid_handle_close(handles, h[i]);
            mid_handle_release(handles, h[i]);
        }
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
}

static const struct {
    unsigned kinds;
    bool persistently;
} ways[] = {{FAIL_MMAP, false}, {FAIL_MMAP, true}, {FAIL_GIVING, false}, {FAIL_GIVING, true}};

START_TEST(every_call__failed_once_or_for_ever__loses_nothing)
{
    struct mid_pool_options options;
    mid_pool_options_init(&options);
    options.flags = _i / 4 == 0 ? 0 : MID_POOL_CHECKED;
    options.broken = note_broken;
    options.broken_user = &seen;
    for (unsigned long n = 1;; n++) {
        struct mid_pool *pool;
        fail_from(n, ways[_i % 4].kinds, ways[_i % 4].persistently);
        if (mid_pool_create(&options, &pool) == MID_OK)
            use(pool);
        bool failed = fail_off();
        if (pool != NULL) {
            use(pool);
            ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
        }
        ck_assert_msg(seen.count == 0, "call %lu failed: %s: %s", n, seen.rules[0], seen.last);
        if (!failed) {
            ck_assert_uint_gt(n, 1); /* how many calls there are hangs on the age of what lies idle, so on the clock */
            return;
        }
    }
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("oom");
    tcase_add_loop_test(c, every_call__failed_once_or_for_ever__loses_nothing, 0, 8);
    return run_suite("handle oom", c, NULL);
}
