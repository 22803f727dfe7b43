/* SPDX-License-Identifier: MIT
 * Duplicated strings against DevTools' answers, and a small dump with every rule in it. */
#include <midden/internal/duplicates.h>

#include "judge.h"

static struct mid__duplicates *find(const struct mid__graph *g)
{
    struct mid__duplicates *d;
    ck_assert_int_eq(mid__duplicates_find(g, NULL, &d), MID_OK);
    return d;
}

static void expect_content(const struct mid__graph *g, uint32_t node, const char *expected, size_t units)
{
    struct mid__title name = {0};
    mid__title_node(&name, g, node);
    char *got = as_answer(name.bytes != NULL ? name.bytes : "", name.length, units);
    ck_assert_msg(strcmp(got, expected) == 0, "expected %s, got %s", expected, got);
    free(got);
    mid__title_free(&name);
}

/* DevTools' list is cut after 25, and contents after 100 units. */
START_TEST(duplicates__of_every_fixture__are_devtools)
{
    struct mid__graph *g = open_dump(judged[_i].dump, MID__PART_FOLDED | MID__PART_RETAINED);
    json_t *answers = answers_of(judged[_i].answers), *top = json_object_get(answers, "duplicateStringsTop"), *one;
    struct mid__duplicates *d = find(g);
    size_t index;
    ck_assert_uint_eq(json_array_size(top), d->count < 25 ? d->count : 25);
    json_array_foreach (top, index, one) {
        const struct mid__duplicate *got = &d->list[index];
        expect_content(g, got->node, string(one, "value"), 100);
        ck_assert_uint_eq(got->count, number(one, "count"));
        ck_assert_uint_eq(got->shallow, number(one, "totalSelfSize"));
        ck_assert_uint_eq(got->retained, number(one, "totalRetainedSize"));
        ck_assert_int_eq(got->truncated, json_is_true(json_object_get(one, "truncated")));
    }
    mid__duplicates_free(d);
    mid__graph_free(g);
    json_decref(answers);
}
END_TEST

START_TEST(duplicates__groups_and_nodes__agree)
{
    struct mid__graph *g = open_dump("node20-5mb-after.heapsnapshot.gz", MID__PART_FOLDED | MID__PART_RETAINED);
    struct mid__duplicates *d = find(g);
    uint32_t *count = calloc(d->count, sizeof *count);
    uint64_t *shallow = calloc(d->count, sizeof *shallow);
    for (uint32_t n = 0; n < g->node_count; n++)
        if (d->of_node[n] != MID__NO_DUPLICATE) {
            ck_assert_uint_lt(d->of_node[n], d->count);
            ck_assert(count[d->of_node[n]] != 0 || d->list[d->of_node[n]].node == n);
            count[d->of_node[n]]++;
            shallow[d->of_node[n]] += mid__graph_size(g, n);
        }
    for (uint32_t i = 0; i < d->count; i++) {
        ck_assert_uint_ge(count[i], 2);
        ck_assert_uint_eq(count[i], d->list[i].count);
        ck_assert_uint_eq(shallow[i], d->list[i].shallow);
        ck_assert_uint_le(d->list[i].largest, d->list[i].shallow);
    }
    free(count);
    free(shallow);
    mid__duplicates_free(d);
    mid__graph_free(g);
}
END_TEST

/* ---- the rules, one by one: nodes are type, name, id, size, edge count */

#define META                                                                                                       \
    "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],"             \
    "\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\","       \
    "\"native\",\"synthetic\",\"concatenated string\",\"sliced string\"],\"string\",\"number\",\"number\","         \
    "\"number\"],\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[[\"context\","            \
    "\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],\"string_or_number\",\"node\"]},"      \
    "\"node_count\":0,\"edge_count\":0},"

static struct mid__graph *read_text(const char *text)
{
    struct mid__graph *g;
    struct mid__graph_error error;
    ck_assert_msg(mid__graph_load_memory(text, strlen(text), NULL, &g, &error) == MID_OK, "%s", error.message);
    ck_assert_int_eq(mid__graph_analyze(g, MID__PART_FOLDED | MID__PART_RETAINED, &error), MID_OK);
    return g;
}

/* A string of the file written with escapes, and ropes from parts, have one content; a pair cut in two is a pair. */
START_TEST(duplicates__ropes_and_escapes__are_compared_by_units)
{
    struct mid__graph *g = read_text(
        META "\"nodes\":[9,0,1,0,0, 2,1,3,8,0, 2,2,5,8,0, 10,0,7,16,2, 2,3,9,4,0, 2,4,11,4,0, 2,5,13,8,0, 10,0,15,16,2],"
             "\"edges\":[3,6,20, 3,7,25, 3,6,5, 3,7,30],"
             "\"strings\":[\"\",\"ab\\ud83d\\ude00\",\"\\u0061b\xf0\x9f\x98\x80\",\"ab\\ud83d\",\"\\ude00\",\"other\","
             "\"first\",\"second\"]}");
    struct mid__duplicates *d = find(g);
    /* nodes: 1, 2 are "ab(smile)", 3 is 4 + 5 = "ab(half)" + "(half)"; 7 is 1 + 6 = "ab(smile)other" */
    ck_assert_uint_eq(d->count, 1);
    ck_assert_uint_eq(d->list[0].count, 3);
    ck_assert_uint_eq(d->list[0].node, 1);
    ck_assert_uint_eq(d->list[0].shallow, 32);
    ck_assert_uint_eq(mid__duplicate_waste(&d->list[0]), 16);
    ck_assert_uint_eq(d->of_node[4], MID__NO_DUPLICATE);
    mid__duplicates_free(d);
    mid__graph_free(g);
}
END_TEST

START_TEST(duplicates__flattened_ropes_and_strings_of_size_0__do_not_count)
{
    struct mid__graph *g = read_text(
        META "\"nodes\":[9,0,1,0,0, 2,1,3,8,0, 10,0,5,16,2, 2,0,7,8,0, 2,1,9,0,0, 11,1,11,8,0],"
             "\"edges\":[3,2,5, 3,3,15],\"strings\":[\"\",\"x\",\"first\",\"second\"]}");
    struct mid__duplicates *d = find(g);
    ck_assert_uint_eq(d->count, 0);
    ck_assert_uint_eq(d->strings, 2); /* nodes 1 and 3 */
    ck_assert_uint_eq(d->strings_shallow, 16);
    mid__duplicates_free(d);
    mid__graph_free(g);
}
END_TEST

/* Three cut strings of one visible content; two have one length and hash. An uncut one with that content is another. */
START_TEST(duplicates__cut_strings__need_equal_length_and_hash)
{
    struct mid__graph *g = read_text(
        META "\"nodes\":[9,0,1,0,0, 2,1,3,2048,3, 2,1,5,2048,3, 2,1,7,2048,3, 2,1,9,16,0,"
             "7,2,11,0,1, 2,3,13,0,0, 7,4,15,0,1, 2,5,17,0,0, 7,4,19,0,1, 2,6,21,0,0, 7,4,23,0,1, 2,7,25,0,0],"
             "\"edges\":[3,8,25, 3,9,35, 3,10,45,  3,8,25, 3,9,35, 3,10,45,  3,8,25, 3,9,35, 3,10,55,"
             " 3,11,30, 3,11,40, 3,11,50, 3,11,60],"
             "\"strings\":[\"\",\"aaa\",\"bool\",\"true\",\"int\",\"5000\",\"-77\",\"88\",\"truncated\",\"length\","
             "\"hash\",\"value\"]}");
    struct mid__duplicates *d = find(g);
    ck_assert_uint_eq(d->count, 1);
    ck_assert_uint_eq(d->list[0].count, 2);
    ck_assert(d->list[0].truncated);
    ck_assert_uint_eq(d->of_node[3], MID__NO_DUPLICATE);
    ck_assert_uint_eq(d->of_node[4], MID__NO_DUPLICATE);
    mid__duplicates_free(d);
    mid__graph_free(g);
}
END_TEST

START_TEST(duplicates__without_folded_sizes__are_refused)
{
    struct mid__graph *g = open_dump("tiny2.heapsnapshot", 0);
    struct mid__duplicates *d;
    ck_assert_int_eq(mid__duplicates_find(g, NULL, &d), MID_E_INVALID);
    ck_assert_ptr_null(d);
    mid__duplicates_free(d);
    mid__graph_free(g);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("duplicates");
    tcase_add_loop_test(c, duplicates__of_every_fixture__are_devtools, 0, JUDGED);
    tcase_add_test(c, duplicates__groups_and_nodes__agree);
    tcase_add_test(c, duplicates__ropes_and_escapes__are_compared_by_units);
    tcase_add_test(c, duplicates__flattened_ropes_and_strings_of_size_0__do_not_count);
    tcase_add_test(c, duplicates__cut_strings__need_equal_length_and_hash);
    tcase_add_test(c, duplicates__without_folded_sizes__are_refused);
    return run_suite("duplicates", c, NULL);
}
