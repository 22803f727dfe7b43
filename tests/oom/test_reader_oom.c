/* SPDX-License-Identifier: MIT
 * The reader and the analysis when the n-th allocation fails, once and for good: a clean error, nothing lost, and an
 * analysis that failed can be repeated. */
#include <midden/internal/graph.h>

#include "fail.h"
#include "suite.h"

#include <string.h>

static const char *const files[] = {
    "tests/golden/fixtures/tiny2.heapsnapshot",
    "tests/golden/fixtures/tiny3.heapsnapshot",
    "tests/golden/fixtures/node26-empty.heapsnapshot.gz",
};

static bool is_memory(const struct mid__graph_error *e)
{
    return e->status == MID_E_MEMORY && strstr(e->message, "out of memory") != NULL;
}

START_TEST(load__nth_allocation_fails__is_a_clean_error)
{
    struct mid__graph *g;
    struct mid__graph_error e;
    if (mid__graph_load(files[_i / 2], NULL, &g, &e) != MID_OK)
        return; /* built without zlib */
    mid__graph_free(g);
    unsigned long n = 1, refused = 0;
    for (;; n++) {
        fail_from(n, FAIL_TAKING, _i % 2 == 1);
        enum mid_status status = mid__graph_load(files[_i / 2], NULL, &g, &e);
        bool failed = fail_off();
        ck_assert((status == MID_OK) == (g != NULL));
        ck_assert_msg(status == MID_OK || is_memory(&e), "call %lu: %s", n, e.message);
        refused += status != MID_OK;
        mid__graph_free(g);
        if (!failed)
            break;
    }
    ck_assert_uint_gt(refused, 10);
}
END_TEST

START_TEST(analyze__nth_allocation_fails__can_be_repeated)
{
    struct mid__graph *whole, *g;
    struct mid__graph_error e;
    if (mid__graph_load(files[_i / 2], NULL, &whole, &e) != MID_OK)
        return;
    ck_assert_int_eq(mid__graph_analyze(whole, MID__PARTS_ALL, &e), MID_OK);
    unsigned long n = 1, refused = 0;
    for (;; n++) {
        ck_assert_int_eq(mid__graph_load(files[_i / 2], NULL, &g, &e), MID_OK);
        fail_from(n, FAIL_TAKING, _i % 2 == 1);
        enum mid_status status = mid__graph_analyze(g, MID__PARTS_ALL, &e);
        bool failed = fail_off();
        if (status != MID_OK) {
            ck_assert_msg(is_memory(&e), "call %lu: %s", n, e.message);
            refused++;
            ck_assert_int_eq(mid__graph_analyze(g, MID__PARTS_ALL, &e), MID_OK);
        }
        size_t nodes = g->node_count;
        ck_assert(memcmp(g->dominator, whole->dominator, 4 * nodes) == 0);
        ck_assert(memcmp(g->retained, whole->retained, 8 * nodes) == 0);
        ck_assert(memcmp(g->distance, whole->distance, 4 * nodes) == 0);
        ck_assert(memcmp(g->node_size, whole->node_size, 4 * nodes) == 0);
        ck_assert(memcmp(g->retainer, whole->retainer, 4 * (size_t)g->edge_count) == 0);
        mid__graph_free(g);
        if (!failed)
            break;
    }
    ck_assert_uint_gt(refused, 10);
    mid__graph_free(whole);
}
END_TEST

/* What cannot be given back is not lost count of: the next use of the addresses would show it. */
START_TEST(load__giving_back_fails__is_the_same_graph)
{
    struct mid__graph *g;
    struct mid__graph_error e;
    for (unsigned long n = 1; n < 40; n++) {
        fail_from(n, FAIL_GIVING, false);
        enum mid_status status = mid__graph_load(files[_i], NULL, &g, &e);
        if (status == MID_OK)
            ck_assert_int_eq(mid__graph_analyze(g, MID__PARTS_ALL, &e), MID_OK);
        fail_off();
        ck_assert(status == MID_OK || strstr(e.message, "without zlib") != NULL);
        mid__graph_free(g);
    }
}
END_TEST

int main(void)
{
    keep_freed_memory();
    TCase *c = tcase_create("reader_oom");
    tcase_add_loop_test(c, load__nth_allocation_fails__is_a_clean_error, 0, 6);
    tcase_add_loop_test(c, analyze__nth_allocation_fails__can_be_repeated, 0, 6);
    tcase_add_loop_test(c, load__giving_back_fails__is_the_same_graph, 0, 3);
    return run_suite("reader_oom", c, NULL);
}
