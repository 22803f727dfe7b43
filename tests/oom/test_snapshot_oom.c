/* SPDX-License-Identifier: MIT
 * The snapshot writer when the n-th allocation fails, once and for good: a clean error and no file, or a file that is
 * whole: without memory for its table of names the writer goes on with fewer names. */
#include <midden/snapshot.h>

#include "fail.h"
#include "suite.h"
#include "table_source.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void check_file(const struct table *t)
{
    json_error_t error;
    json_t *root = json_load_file("dump", JSON_ALLOW_NUL, &error);
    ck_assert_msg(root != NULL, "not JSON: %s", error.text);
    ck_assert_uint_eq(json_array_size(json_object_get(root, "nodes")), 6 * (2 + t->group_count + t->node_count));
    json_decref(root);
    ck_assert_int_eq(unlink("dump"), 0);
}

START_TEST(write__nth_allocation_fails__is_whole_or_absent)
{
    char directory[] = "/tmp/midden-oom-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    uint64_t random = test_seed("nth_allocation");
    struct table *t = table_random(&random, 5000, 9000, 3000);
    for (size_t i = 0; i < t->edge_count; i++)
        ((struct table_edge *)(uintptr_t)t->edges)[i].edge.index &= INT64_MAX; /* jansson's integers */
    struct mid_snapshot_source source = table_source(t);
    unsigned long refused = 0, written = 0, n = 1;
    for (;; n++) {
        fail_from(n, FAIL_HEAP | FAIL_MMAP, _i == 1);
        enum mid_status status = mid_snapshot_write_file("dump", &source, NULL);
        bool failed = fail_off();
        if (status == MID_OK) {
            check_file(t);
            written += failed;
        } else {
            ck_assert_int_eq(status, MID_E_MEMORY);
            ck_assert_int_ne(access("dump", F_OK), 0);
            refused++;
        }
        if (!failed)
            break;
    }
    ck_assert_uint_eq(refused, 2); /* the state and the buffer; all else can be done without */
    ck_assert_uint_ge(written, 8);
    table_free(t);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(directory), 0); /* empty: nothing was left behind */
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("oom");
    tcase_add_loop_test(c, write__nth_allocation_fails__is_whole_or_absent, 0, 2);
    return run_suite("snapshot oom", c, NULL);
}
