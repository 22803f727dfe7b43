/* SPDX-License-Identifier: MIT
 * An index when the n-th allocation fails, once and for good: writing it fails cleanly and leaves nothing, or it is whole;
 * opening it gives a graph all the same, or out of memory. */
#include <midden/internal/index.h>

#include "fail.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIXTURE "tests/golden/fixtures/tiny2.heapsnapshot"

static char directory[] = "/tmp/midden-index-oom-XXXXXX";
static struct mid__index_options there = {directory, 0};

static enum mid_status load(struct mid__graph **g, struct mid__graph_error *e)
{
    struct mid__graph_options options = {.index = &there};
    return mid__graph_load(FIXTURE, &options, g, e);
}

static unsigned files(void)
{
    char command[120];
    unsigned count = 0;
    snprintf(command, sizeof command, "ls -A %s | grep -v ^midden$ | wc -l", directory);
    FILE *f = popen(command, "r");
    ck_assert(f != NULL && fscanf(f, "%u", &count) == 1);
    pclose(f);
    return count;
}

static void clear(const char *what)
{
    char command[120];
    snprintf(command, sizeof command, what, directory);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(index__nth_allocation_fails__is_whole_or_absent_and_no_trouble)
{
    struct mid__graph *g;
    struct mid__graph_error e;
    unsigned long refused = 0, read = 0;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    setenv("XDG_CACHE_HOME", directory, 1);
    ck_assert_int_eq(load(&g, &e), MID_OK);
    ck_assert_int_eq(mid__graph_analyze(g, MID__INDEX_PARTS, &e), MID_OK);
    for (unsigned long n = 1;; n++) {
        fail_from(n, FAIL_TAKING, _i == 1);
        enum mid_status status = mid__index_write(g, FIXTURE, &e);
        bool failed = fail_off();
        ck_assert_msg(status == MID_OK || status == MID_E_MEMORY || status == MID_E_IO, "%s", e.message);
        ck_assert_uint_eq(files(), status == MID_OK);
        refused += status != MID_OK;
        clear("rm -f %s/*.midden");
        if (!failed)
            break;
    }
    ck_assert_uint_gt(refused, 5);
    ck_assert_int_eq(mid__index_write(g, FIXTURE, &e), MID_OK);
    mid__graph_free(g);
    for (unsigned long n = 1;; n++) {
        clear("rm -rf %s/midden/vouched");
        fail_from(n, FAIL_TAKING, _i == 1);
        enum mid_status status = load(&g, &e);
        bool from = status == MID_OK && mid__graph_from_index(g);
        struct mid__interfaces *in = NULL;
        struct mid__classes *classes = NULL;
        if (status == MID_OK && mid__graph_analyze(g, MID__INDEX_PARTS, &e) == MID_OK &&
            mid__interfaces_infer(g, &in) == MID_OK)
            (void)mid__classes_build(g, in, true, &classes);
        bool failed = fail_off();
        ck_assert(status == MID_OK || status == MID_E_MEMORY);
        read += status == MID_OK && !from;
        mid__classes_free(classes);
        mid__interfaces_free(in);
        mid__graph_free(g);
        if (!failed)
            break;
    }
    ck_assert_msg(_i == 1 || read > 0, "where the index could not be opened, the dump was read");
    clear("rm -r %s");
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("index");
    tcase_add_loop_test(c, index__nth_allocation_fails__is_whole_or_absent_and_no_trouble, 0, 2);
    return run_suite("index_oom", c, NULL);
}
