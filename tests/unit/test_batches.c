/* SPDX-License-Identifier: MIT
 * Two threads read as one does: the same columns, the same warnings, the same failure at the same place; a caller who stops
 * the reading, and a large file whose columns are parked while they are read and become its index. */
#include <midden/internal/index.h>

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A chain of nodes with three edges each, in the layout of Node 20. */
static char *make_text(unsigned nodes, size_t *bytes)
{
    char *text = malloc(1000 + (size_t)nodes * 150), *p = text;
    ck_assert_ptr_nonnull(text);
    p += sprintf(p, "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\","
                    "\"trace_node_id\",\"detachedness\"],\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\"],"
                    "\"string\",\"number\",\"number\",\"number\",\"number\",\"number\"],\"edge_fields\":[\"type\","
                    "\"name_or_index\",\"to_node\"],\"edge_types\":[[\"context\",\"element\",\"property\",\"internal\"],"
                    "\"string_or_number\",\"node\"]},\"node_count\":%u,\"edge_count\":%u},\n\"nodes\":[",
                 nodes, 3 * nodes);
    for (unsigned n = 0; n < nodes; n++)
        p += sprintf(p, "%s3,%u,%u,%u,3,0,0\n", n == 0 ? "" : ",", n % 4, 2 * n + 1, 16 + n % 100);
    p += sprintf(p, "],\n\"edges\":[");
    for (unsigned n = 0; n < nodes; n++)
        p += sprintf(p, "%s1,%u,%u\n,2,1,%u\n,3,2,%u\n", n == 0 ? "" : ",", n, 7 * ((n + 1) % nodes), 7 * (n / 2),
                     7 * (n * 7919u % nodes));
    p += sprintf(p, "],\n\"strings\":[\"\",\"Foo\",\"bar\",\"next\"]}");
    *bytes = (size_t)(p - text);
    return text;
}

static bool stop_late(void *user, const char *phase, uint64_t done, uint64_t total)
{
    (void)done, (void)total;
    return strcmp(phase, "edges") != 0 || --*(int *)user > 0;
}

static enum mid_status load(const char *text, size_t bytes, unsigned threads, struct mid__graph **g,
                            struct mid__graph_error *e)
{
    struct mid__graph_options options = {.threads = threads};
    memset(e, 0, sizeof *e);
    return mid__graph_load_memory(text, bytes, &options, g, e);
}

static void compare(const char *text, size_t bytes)
{
    struct mid__graph *a, *b;
    struct mid__graph_error x, y;
    enum mid_status one = load(text, bytes, 1, &a, &x), two = load(text, bytes, 2, &b, &y);
    ck_assert_msg(one == two && strcmp(x.message, y.message) == 0 && x.offset == y.offset && x.has_place == y.has_place &&
                      strcmp(x.section, y.section) == 0,
                  "\"%s\" at %llu of %s, \"%s\" at %llu of %s", x.message, (unsigned long long)x.offset, x.section, y.message,
                  (unsigned long long)y.offset, y.section);
    if (one != MID_OK)
        return;
    ck_assert(a->node_count == b->node_count && a->edge_count == b->edge_count && a->warning_count == b->warning_count);
    for (uint32_t i = 0; i < a->warning_count; i++)
        ck_assert(strcmp(a->warnings[i].message, b->warnings[i].message) == 0 && a->warnings[i].count == b->warnings[i].count &&
                  a->warnings[i].offset == b->warnings[i].offset);
    ck_assert_int_eq(memcmp(a->node_name, b->node_name, a->node_count * sizeof a->node_name[0]), 0);
    ck_assert_int_eq(memcmp(a->node_raw_size, b->node_raw_size, a->node_count * sizeof a->node_raw_size[0]), 0);
    ck_assert_int_eq(memcmp(a->first_edge, b->first_edge, a->node_count * sizeof a->first_edge[0]), 0);
    ck_assert_int_eq(memcmp(a->edge_type, b->edge_type, a->edge_count), 0);
    ck_assert_int_eq(memcmp(a->edge_name, b->edge_name, a->edge_count * sizeof a->edge_name[0]), 0);
    ck_assert_int_eq(memcmp(a->edge_target, b->edge_target, a->edge_count * sizeof a->edge_target[0]), 0);
    mid__graph_free(a);
    mid__graph_free(b);
}

START_TEST(read__two_threads__as_one)
{
    static const unsigned sizes[] = {1, 2, 140, 147, 1000, 60000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t bytes;
        char *text = make_text(sizes[i], &bytes);
        compare(text, bytes);
        free(text);
    }
}
END_TEST

START_TEST(read__two_threads_and_damage__the_same_failure_at_the_same_place)
{
    static const char bad[] = "-.x] 9,e\"";
    uint64_t random = test_seed("read__two_threads_and_damage");
    size_t bytes;
    char *text = make_text(20000, &bytes), *copy = malloc(bytes);
    for (unsigned long round = 0; round < test_rounds(60); round++) {
        memcpy(copy, text, bytes);
        for (unsigned k = 1 + (unsigned)(round & 1); k > 0; k--)
            copy[(size_t)(test_random(&random) >> 20) % bytes] = bad[(test_random(&random) >> 40) % (sizeof bad - 1)];
        compare(copy, bytes);
        compare(text, (size_t)(test_random(&random) >> 20) % bytes);
    }
    free(copy);
    free(text);
}
END_TEST

START_TEST(read__two_threads_and_stopped__ends)
{
    size_t bytes;
    char *text = make_text(60000, &bytes);
    for (int calls = 1; calls < 5; calls++) {
        int left = calls;
        struct mid__graph_options options = {.threads = 2, .progress = stop_late, .user = &left};
        struct mid__graph *g;
        struct mid__graph_error e;
        ck_assert_int_eq(mid__graph_load_memory(text, bytes, &options, &g, &e), MID_E_BUSY);
        ck_assert_ptr_null(g);
    }
    free(text);
}
END_TEST

#define SAME(column, count) ck_assert_int_eq(memcmp(a->column, b->column, (count) * sizeof a->column[0]), 0)

/* Columns of a megabyte and more are parked, beside the dump: their file becomes the index. */
START_TEST(index__of_parked_columns__is_the_same_graph)
{
    char directory[] = "/var/tmp/midden-batches-XXXXXX", path[80], command[120];
    size_t bytes;
    char *text = make_text(400000, &bytes);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/dump", directory);
    setenv("XDG_CACHE_HOME", directory, 1);
    FILE *f = fopen(path, "wb");
    ck_assert(f != NULL && fwrite(text, 1, bytes, f) == bytes && fclose(f) == 0);
    struct mid__index_options beside = {NULL, 0};
    struct mid__graph_options park = {.index = &beside, .park_bytes = (size_t)1 << 20, .threads = 2}, plain = {.park_bytes = SIZE_MAX};
    struct mid__graph *a, *b;
    struct mid__graph_error e;
    ck_assert_int_eq(mid__graph_load(path, &plain, &a, &e), MID_OK);
    ck_assert_int_eq(mid__graph_analyze(a, MID__INDEX_PARTS, &e), MID_OK);
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(mid__graph_load(path, &park, &b, &e), MID_OK);
        ck_assert(mid__graph_from_index(b) == (round == 1));
        ck_assert_int_eq(mid__graph_analyze(b, MID__INDEX_PARTS, &e), MID_OK);
        if (round == 0)
            ck_assert_int_eq(mid__index_write(b, path, &e), MID_OK);
        const size_t n = a->node_count;
        ck_assert_uint_eq(b->node_count, n);
        SAME(node_type, n);
        SAME(node_name, n);
        SAME(node_id32, n);
        SAME(node_raw_size, n);
        SAME(node_size, n);
        SAME(first_edge, n + 1);
        SAME(edge_type, a->edge_count);
        SAME(edge_name, a->edge_count);
        SAME(edge_target, a->edge_count);
        SAME(dominator, n);
        SAME(retained, n);
        SAME(distance, n);
        SAME(dominated, n - 1);
        SAME(retainer, a->edge_count);
        mid__graph_free(b);
    }
    mid__graph_free(a);
    free(text);
    snprintf(command, sizeof command, "rm -r %s", directory);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("batches");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, read__two_threads__as_one);
    tcase_add_test(c, read__two_threads_and_damage__the_same_failure_at_the_same_place);
    tcase_add_test(c, read__two_threads_and_stopped__ends);
    tcase_add_test(c, index__of_parked_columns__is_the_same_graph);
    return run_suite("batches", c, NULL);
}
