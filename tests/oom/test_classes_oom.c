/* SPDX-License-Identifier: MIT
 * Classes, interfaces, comparison, names and paths when memory runs out at any call: MID_E_MEMORY, nothing left (LSan
 * and valgrind watch), and the graph still good for the next try. */
#include <midden/internal/classes.h>
#include <midden/internal/diff.h>
#include <midden/internal/path.h>
#include <midden/internal/titles.h>

#include "fail.h"
#include "suite.h"

#include <stdlib.h>

#define FIXTURE "tests/golden/fixtures/tiny2.heapsnapshot"

static struct mid__graph *open_dump(void)
{
    struct mid__graph *g;
    struct mid__graph_error error;
    ck_assert_int_eq(mid__graph_load(FIXTURE, NULL, &g, &error), MID_OK);
    ck_assert_int_eq(mid__graph_analyze(g, MID__PARTS_FIGURES | MID__PART_DOMINATED | MID__PART_BY_ID, &error), MID_OK);
    return g;
}

/* Everything that these files do with one graph; the first failure ends it. No ck_assert here: it allocates. */
static enum mid_status everything(const struct mid__graph *g)
{
    struct mid__interfaces *in = NULL;
    struct mid__classes *plain = NULL, *c = NULL;
    struct mid__diff *d = NULL;
    struct mid__title title = {0};
    uint32_t *steps = NULL, count;
    enum mid_status status = mid__interfaces_infer(g, &in);
    if ((status == MID_OK) != (in != NULL))
        return MID_E_BROKEN;
    if (status == MID_OK)
        status = mid__classes_build(g, NULL, true, &plain);
    if (status == MID_OK)
        status = mid__classes_build(g, in, true, &c);
    if (status == MID_OK)
        status = mid__diff_create(&d);
    if (status == MID_OK)
        status = mid__diff_take_new(d, g, c, NULL);
    if (status == MID_OK)
        status = mid__diff_take_old(d, g, plain, NULL);
    if (status == MID_OK)
        status = mid__path_to(g, g->node_count - 1, &steps, &count);
    for (uint32_t n = 0; n < g->node_count && status == MID_OK; n++) {
        mid__title_clear(&title);
        mid__title_node(&title, g, n);
        status = title.failed ? MID_E_MEMORY : MID_OK;
    }
    mid__title_free(&title);
    free(steps);
    mid__diff_free(d);
    mid__classes_free(c);
    mid__classes_free(plain);
    mid__interfaces_free(in);
    return status;
}

static void fail_everywhere(bool persistently)
{
    struct mid__graph *g = open_dump();
    unsigned long n = 1;
    for (;; n++) {
        fail_from(n, FAIL_TAKING, persistently);
        enum mid_status status = everything(g);
        bool failed = fail_off();
        ck_assert_msg(status == (failed ? MID_E_MEMORY : MID_OK), "call %lu: status %d", n, (int)status);
        if (!failed)
            break;
    }
    ck_assert_uint_gt(n, 50);
    mid__graph_free(g);
}

START_TEST(analysis__one_allocation_fails__says_so_and_leaves_nothing)
{
    fail_everywhere(false);
}
END_TEST

START_TEST(analysis__all_allocations_fail_from_one_on__says_so_and_leaves_nothing)
{
    fail_everywhere(true);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("classes");
    tcase_add_test(c, analysis__one_allocation_fails__says_so_and_leaves_nothing);
    tcase_add_test(c, analysis__all_allocations_fail_from_one_on__says_so_and_leaves_nothing);
    return run_suite("classes oom", c, NULL);
}
