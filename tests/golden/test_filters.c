/* SPDX-License-Identifier: MIT
 * DevTools' filters against its answers: the bits themselves by their sha256, their sums, and the class tables. */
#include <midden/internal/classes.h>
#include <midden/internal/filters.h>

#include "judge.h"
#include "sha256.h"

#define PARTS (MID__PARTS_FIGURES | MID__PART_DOMINATED)

static const char *const keys[MID__FILTERS] = {"objectsRetainedByContexts", "objectsRetainedByDetachedDomNodes",
                                               "objectsRetainedByEventHandlers", "objectsRetainedByConsole",
                                               "duplicatedStrings"};

static void expect_bits(const struct mid__graph *g, const uint8_t *selected, const json_t *answer)
{
    uint64_t nodes = 0, bytes = 0;
    char hex[65];
    for (uint32_t n = 0; n < g->node_count; n++) {
        nodes += selected[n];
        bytes += selected[n] ? mid__graph_size(g, n) : 0;
    }
    ck_assert_uint_eq(nodes, number(answer, "nodes"));
    ck_assert_uint_eq(bytes, number(answer, "selfSum"));
    sha256_hex(selected, g->node_count, hex);
    ck_assert_str_eq(hex, string(answer, "bits_u8_sha256"));
}

/* DevTools' tables are cut after 25 classes. */
static void expect_classes(const struct mid__classes *c, const json_t *table)
{
    size_t index, counted = 0;
    json_t *row;
    for (uint32_t i = 0; i < c->count; i++)
        counted += c->list[i].count != 0;
    ck_assert_uint_eq(json_array_size(table), counted < 25 ? counted : 25);
    json_array_foreach ((json_t *)(uintptr_t)table, index, row) {
        const char *key = string(row, "key");
        uint32_t text = mid__intern_find(&c->texts, key, strlen(key)), i = 0;
        while (i < c->count && c->list[i].key != text)
            i++;
        ck_assert_msg(i < c->count, "no class %s", key);
        ck_assert_uint_eq(c->list[i].count, number(row, "count"));
        ck_assert_uint_eq(c->list[i].shallow, number(row, "self"));
        ck_assert_uint_eq(c->list[i].retained, number(row, "maxRetained"));
        ck_assert_int_eq(c->list[i].distance, json_integer_value(json_object_get(row, "distance")));
    }
}

START_TEST(filters__of_every_fixture__are_devtools)
{
    struct mid__graph *g = open_dump(judged[_i].dump, PARTS);
    json_t *answers = answers_of(judged[_i].answers), *filters = json_object_get(answers, "filters");
    struct mid__interfaces *in;
    ck_assert_int_eq(mid__interfaces_infer(g, &in), MID_OK);
    for (int f = 0; f < MID__FILTERS; f++) {
        const json_t *answer = json_object_get(filters, keys[f]);
        uint8_t *selected;
        struct mid__classes *c;
        ck_assert_int_eq(mid__filter_select(g, (enum mid__filter)f, &selected), MID_OK);
        expect_bits(g, selected, answer);
        struct mid__classes_options options = {.interfaces = in, .selected = selected, .with_retained = true};
        ck_assert_int_eq(mid__classes_build_with(g, &options, &c), MID_OK);
        expect_classes(c, json_object_get(answer, "classes"));
        mid__classes_free(c);
        free(selected);
    }
    mid__interfaces_free(in);
    mid__graph_free(g);
    json_decref(answers);
}
END_TEST

/* ---- listeners: the fixtures have none */

#define META                                                                                                       \
    "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],"             \
    "\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\","       \
    "\"native\",\"synthetic\"],\"string\",\"number\",\"number\",\"number\"],"                                       \
    "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[[\"context\",\"element\","            \
    "\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],\"string_or_number\",\"node\"]},"                  \
    "\"node_count\":0,\"edge_count\":0},"

static uint8_t *select_in(const char *text, enum mid__filter filter)
{
    struct mid__graph *g;
    struct mid__graph_error error;
    uint8_t *selected;
    ck_assert_msg(mid__graph_load_memory(text, strlen(text), NULL, &g, &error) == MID_OK, "%s", error.message);
    ck_assert_int_eq(mid__graph_analyze(g, MID__FILTER_PARTS, &error), MID_OK);
    ck_assert_int_eq(mid__filter_select(g, filter, &selected), MID_OK);
    mid__graph_free(g);
    return selected;
}

/* root -> listener 1 -[1]-> closure 2 (has code 3) -> 4; root -> listener 5 -"1"-> wrapper 6 -> closure 7 (code 3) -> 8 */
START_TEST(filter__event_handlers__are_found_directly_and_in_a_wrapper)
{
    uint8_t *s = select_in(
        META "\"nodes\":[9,0,1,0,2, 8,1,3,8,1, 5,2,5,8,2, 4,3,7,8,0, 3,4,9,8,0, 8,1,11,8,1, 3,5,13,8,1, 5,2,15,8,2,"
             "3,4,17,8,0],\"edges\":[5,6,5, 5,7,25,  1,1,10,  3,8,15, 2,9,20,  3,10,30,  2,9,35,  3,8,15, 2,9,40],"
             "\"strings\":[\"\",\"V8EventListener\",\"f\",\"(code)\",\"Kept\",\"Wrapper\",\"a\",\"b\",\"code\",\"x\","
             "\"1\"]}",
        MID__FILTER_EVENT_HANDLERS);
    static const uint8_t expected[] = {0, 0, 1, 1, 1, 0, 0, 1, 1};
    for (size_t i = 0; i < sizeof expected; i++)
        ck_assert_msg(s[i] == expected[i], "node %zu", i);
    free(s);
}
END_TEST

/* A shortcut whose name begins with a number has no name, so it is not the console's. */
START_TEST(filter__console__shuts_named_edges_of_synthetic_nodes)
{
    uint8_t *s = select_in(META "\"nodes\":[9,0,1,0,3, 3,1,3,8,0, 3,1,5,8,0, 3,1,7,8,1, 3,1,9,8,0],"
                                "\"edges\":[5,2,5, 5,3,10, 5,4,15, 2,2,20],"
                                "\"strings\":[\"\",\"Kept\",\"a / DevTools console\",\"7 / DevTools console\",\"x\"]}",
                           MID__FILTER_CONSOLE);
    static const uint8_t expected[] = {0, 1, 0, 0, 0};
    for (size_t i = 0; i < sizeof expected; i++)
        ck_assert_msg(s[i] == expected[i], "node %zu", i);
    free(s);
}
END_TEST

START_TEST(filter__names__are_there_and_back)
{
    enum mid__filter filter;
    for (int f = 0; f < MID__FILTERS; f++) {
        ck_assert(mid__filter_named(mid__filter_name((enum mid__filter)f), &filter));
        ck_assert_int_eq(filter, f);
    }
    ck_assert(!mid__filter_named("", &filter));
    ck_assert(!mid__filter_named("contexts ", &filter));
}
END_TEST

START_TEST(filter__without_its_parts__is_refused)
{
    struct mid__graph *g = open_dump("tiny3.heapsnapshot", MID__PART_FOLDED);
    struct mid__graph_error error;
    uint8_t *s;
    ck_assert_int_eq(mid__filter_select(g, MID__FILTER_CONTEXTS, &s), MID_E_INVALID);
    ck_assert_ptr_null(s);
    ck_assert_int_eq(mid__graph_analyze(g, MID__FILTER_PARTS, &error), MID_OK);
    ck_assert_int_eq(mid__filter_select(g, MID__FILTERS, &s), MID_E_INVALID);
    mid__graph_free(g);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("filters");
    tcase_add_loop_test(c, filters__of_every_fixture__are_devtools, 0, JUDGED);
    tcase_add_test(c, filter__event_handlers__are_found_directly_and_in_a_wrapper);
    tcase_add_test(c, filter__console__shuts_named_edges_of_synthetic_nodes);
    tcase_add_test(c, filter__names__are_there_and_back);
    tcase_add_test(c, filter__without_its_parts__is_refused);
    return run_suite("filters", c, NULL);
}
