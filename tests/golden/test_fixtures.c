/* SPDX-License-Identifier: MIT
 * Every fixture against DevTools' own answers: the sums of its arrays, bit for bit, and 200 nodes in full. */
#include <midden/internal/graph.h>

#include "sha256.h"
#include "suite.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIXTURES "tests/golden/fixtures/"

static const char *const fixtures[][2] = {
    {"tiny1", ".heapsnapshot"},
    {"tiny1-compact6", ".heapsnapshot"},
    {"tiny2", ".heapsnapshot"},
    {"tiny3", ".heapsnapshot"},
    {"node20-5mb-before", ".heapsnapshot.gz"},
    {"node20-5mb-after", ".heapsnapshot.gz"},
    {"node26-empty", ".heapsnapshot.gz"},
};
#define COUNT (int)(sizeof fixtures / sizeof fixtures[0])

/* From COUNT on: the fixtures again, with every column parked that is large enough to be mapped. */

static struct mid__graph *load(int i)
{
    struct mid__graph_options options = {.park_bytes = i < COUNT ? SIZE_MAX : 1};
    i %= COUNT;
    char path[200], line[400];
    struct mid__graph *g;
    struct mid__graph_error error;
    snprintf(path, sizeof path, FIXTURES "%s%s", fixtures[i][0], fixtures[i][1]);
    enum mid_status status = mid__graph_load(path, &options, &g, &error);
    if (status == MID_E_FORMAT && strstr(error.message, "without zlib") != NULL)
        return NULL;
    mid__graph_error_line(&error, line, sizeof line);
    ck_assert_msg(status == MID_OK, "%s: %s", path, line);
    ck_assert_int_eq(mid__graph_analyze(g, MID__PARTS_ALL, &error), MID_OK);
    return g;
}

static unsigned surrogate(const char *p)
{
    return p[0] == '\\' && p[1] == 'u' ? (unsigned)strtoul((char[]){p[2], p[3], p[4], p[5], 0}, NULL, 16) : 0;
}

/* jansson refuses lone surrogates; they become U+FFFD, as the graph shows them. */
static void replace_lone_surrogates(char *p)
{
    for (; *p != '\0'; p++) {
        unsigned unit = surrogate(p);
        if (unit >= 0xd800 && unit < 0xdc00 && surrogate(p + 6) >= 0xdc00 && surrogate(p + 6) < 0xe000)
            p += 11;
        else if (unit >= 0xd800 && unit < 0xe000)
            memcpy(p + 2, "fffd", 4);
        else if (*p == '\\')
            p++;
    }
}

static json_t *answers(int i)
{
    char path[200];
    snprintf(path, sizeof path, FIXTURES "%s.devtools.json", fixtures[i % COUNT][0]);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    char *text = calloc(1, 1 << 20);
    size_t bytes = fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    replace_lone_surrogates(text);
    json_error_t error;
    json_t *root = json_loadb(text, bytes, JSON_ALLOW_NUL, &error);
    free(text);
    ck_assert_msg(root != NULL, "%s: %s", path, error.text);
    return root;
}

static void same_sum(const json_t *sums, const char *key, const void *array, size_t bytes)
{
    char hex[65];
    sha256_hex(array, bytes, hex);
    ck_assert_msg(strcmp(hex, json_string_value(json_object_get(sums, key))) == 0, "%s differs", key);
}

START_TEST(fixture__its_arrays__equal_devtools_bit_for_bit)
{
    struct mid__graph *g = load(_i);
    if (g == NULL)
        return;
    json_t *root = answers(_i), *sums = json_object_get(root, "checksums");
    size_t n = g->node_count;
    ck_assert_uint_eq(n, (size_t)json_integer_value(json_object_get(root, "nodeCount")));
    ck_assert_uint_eq(g->edge_count, (size_t)json_integer_value(json_object_get(root, "edgeCount")));
    ck_assert_uint_eq(g->strings.count, (size_t)json_integer_value(json_object_get(root, "stringCountInFile")));
    ck_assert_uint_eq(g->total_size, (uint64_t)json_integer_value(json_object_get(root, "totalSize")));
    uint32_t *column = malloc(n * sizeof *column);
    for (uint32_t i = 0; i < n; i++)
        column[i] = (uint32_t)mid__graph_raw_size(g, i);
    same_sum(sums, "rawSelf_u32", column, n * 4);
    for (uint32_t i = 0; i < n; i++)
        column[i] = (uint32_t)mid__graph_size(g, i);
    same_sum(sums, "adjustedSelf_u32", column, n * 4);
    free(column);
    same_sum(sums, "detachedness_u8", g->node_detachedness, n);
    same_sum(sums, "pageFlags_u8", g->node_flags, n);
    same_sum(sums, "dominatorOrdinal_u32", g->dominator, n * 4);
    same_sum(sums, "retained_u64", g->retained, n * 8);
    same_sum(sums, "distance_i32", g->distance, n * 4);
    json_decref(root);
    mid__graph_free(g);
}
END_TEST

static long long number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void same_node(const struct mid__graph *g, const json_t *want)
{
    uint32_t n = (uint32_t)number(want, "ordinal"), found;
    ck_assert_int_eq(number(want, "id"), (long long)mid__graph_id(g, n));
    ck_assert_str_eq(json_string_value(json_object_get(want, "type")), mid__graph_node_type_name(g, g->node_type[n]));
    ck_assert_int_eq(number(want, "rawSelf"), (long long)mid__graph_raw_size(g, n));
    ck_assert_int_eq(number(want, "self"), (long long)mid__graph_size(g, n));
    ck_assert_int_eq(number(want, "retained"), (long long)g->retained[n]);
    ck_assert_int_eq(number(want, "distance"), g->distance[n]);
    ck_assert_int_eq(number(want, "detachedness"), g->node_detachedness[n]);
    ck_assert_int_eq(number(want, "dominatorOrdinal"), g->dominator[n]);
    ck_assert_int_eq(number(want, "edges"), g->first_edge[n + 1] - g->first_edge[n]);
    ck_assert_int_eq(number(want, "retainers"), g->first_retainer[n + 1] - g->first_retainer[n]);
    ck_assert(mid__graph_find(g, mid__graph_id(g, n), &found));
    ck_assert_uint_eq(found, n);
    const char *name = json_string_value(json_object_get(want, "name"));
    uint8_t type = g->node_type[n];
    char text[1000];
    size_t bytes = mid__strings_get(&g->strings, g->node_name[n], text, sizeof text);
    /* Names of ropes and of plain objects are put together by DevTools; long ones are cut in the answers. */
    if (type != MID__NODE_CONS_STRING && strcmp(text, "Object") != 0 && bytes < 100 && name != NULL)
        ck_assert_str_eq(name, text);
}

START_TEST(fixture__sampled_nodes__equal_devtools)
{
    struct mid__graph *g = load(_i);
    if (g == NULL)
        return;
    json_t *root = answers(_i), *node;
    size_t i;
    json_array_foreach(json_object_get(root, "sample200"), i, node)
        same_node(g, node);
    json_array_foreach(json_object_get(root, "top50ByRetained"), i, node)
        same_node(g, node);
    json_decref(root);
    mid__graph_free(g);
}
END_TEST

START_TEST(fixture__relations_turned_around__hold_each_edge_and_node_once)
{
    struct mid__graph *g = load(_i);
    if (g == NULL)
        return;
    uint64_t edges = 0, nodes = 0;
    for (uint32_t n = 0; n < g->node_count; n++) {
        for (uint32_t i = g->first_retainer[n]; i < g->first_retainer[n + 1]; i++, edges++) {
            uint32_t e = g->retainer[i], source = mid__graph_edge_source(g, e);
            ck_assert_uint_eq(g->edge_target[e], n);
            ck_assert(g->first_edge[source] <= e && e < g->first_edge[source + 1]);
            ck_assert(i == g->first_retainer[n] || g->retainer[i - 1] < e);
        }
        for (uint32_t i = g->first_dominated[n]; i < g->first_dominated[n + 1]; i++, nodes++)
            ck_assert_uint_eq(g->dominator[g->dominated[i]], n);
        ck_assert(n == 0 || mid__graph_id(g, g->by_id[n - 1]) < mid__graph_id(g, g->by_id[n]));
    }
    ck_assert_uint_eq(edges, g->edge_count);
    ck_assert_uint_eq(nodes, g->node_count - 1);
    mid__graph_free(g);
}
END_TEST

START_TEST(sha256__of_known_texts__is_right)
{
    char hex[65];
    sha256_hex("abc", 3, hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex("", 0, hex);
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    ck_assert_str_eq(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("fixtures");
    tcase_add_test(c, sha256__of_known_texts__is_right);
    tcase_add_loop_test(c, fixture__its_arrays__equal_devtools_bit_for_bit, 0, 2 * COUNT);
    tcase_add_loop_test(c, fixture__sampled_nodes__equal_devtools, 0, 2 * COUNT);
    tcase_add_loop_test(c, fixture__relations_turned_around__hold_each_edge_and_node_once, 0, COUNT);
    return run_suite("fixtures", c, NULL);
}
