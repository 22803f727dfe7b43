/* SPDX-License-Identifier: MIT
 * Names, classes, interfaces, comparison and paths against DevTools' own answers. */
#include <midden/internal/classes.h>
#include <midden/internal/compiler.h>
#include <midden/internal/diff.h>
#include <midden/internal/path.h>

#include "judge.h"

static void expect_text(const char *what, const char *expected, const char *bytes, size_t length)
{
    char *got = as_answer(bytes, length, SIZE_MAX);
    ck_assert_msg(strcmp(got, expected) == 0, "%s: expected %s, got %s", what, expected, got);
    free(got);
}

START_TEST(interfaces__of_every_fixture__are_devtools)
{
    struct mid__graph *g = open_dump(judged[_i].dump, 0);
    json_t *answers = answers_of(judged[_i].answers), *list = json_object_get(answers, "interfaceDefinitions");
    struct mid__interfaces *in;
    ck_assert_int_eq(mid__interfaces_infer(g, &in), MID_OK);
    ck_assert_uint_eq(in->count, json_array_size(list));
    for (uint32_t i = 0; i < in->count; i++) {
        const json_t *one = json_array_get(list, i), *properties = json_object_get(one, "properties");
        size_t length;
        const char *text = mid__intern_get(&in->texts, in->list[i].name, &length);
        expect_text("name", string(one, "name"), text, length);
        ck_assert_uint_eq(in->list[i].object_count, number(one, "count"));
        ck_assert_uint_eq(in->list[i].property_count, json_array_size(properties));
        for (uint32_t p = 0; p < in->list[i].property_count; p++) {
            text = mid__intern_get(&in->texts, in->properties[in->list[i].first_property + p], &length);
            expect_text("property", json_string_value(json_array_get(properties, p)), text, length);
        }
    }
    mid__interfaces_free(in);
    mid__graph_free(g);
    json_decref(answers);
}
END_TEST

static void expect_classes(const struct mid__classes *c, const json_t *table)
{
    json_t *by_key = json_object();
    size_t index, counted = 0;
    json_t *row;
    json_array_foreach ((json_t *)(uintptr_t)table, index, row)
        ck_assert_int_eq(json_object_set(by_key, string(row, "key"), row), 0);
    ck_assert_uint_eq(json_object_size(by_key), json_array_size(table));
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->list[i].count == 0)
            continue;
        size_t length;
        const char *text = mid__class_key(c, i, &length);
        char *key = as_answer(text, length, SIZE_MAX);
        const json_t *expected = json_object_get(by_key, key);
        ck_assert_msg(expected != NULL, "class %s is not DevTools'", key);
        text = mid__class_name(c, i, &length);
        expect_text(key, string(expected, "name"), text, length);
        ck_assert_msg(c->list[i].count == number(expected, "count"), "%s: count", key);
        ck_assert_msg(c->list[i].shallow == number(expected, "self"), "%s: shallow", key);
        ck_assert_msg(c->list[i].retained == number(expected, "maxRetained"), "%s: retained %llu, expected %llu", key,
                      (unsigned long long)c->list[i].retained, (unsigned long long)number(expected, "maxRetained"));
        ck_assert_msg(c->list[i].distance == json_integer_value(json_object_get(expected, "distance")), "%s: distance",
                      key);
        free(key);
        counted++;
    }
    ck_assert_uint_eq(counted, json_array_size(table));
    json_decref(by_key);
}

START_TEST(classes__of_every_fixture__are_devtools)
{
    struct mid__graph *g = open_dump(judged[_i].dump, MID__PARTS_FIGURES | MID__PART_DOMINATED);
    json_t *answers = answers_of(judged[_i].answers);
    struct mid__interfaces *in;
    struct mid__classes *c;
    ck_assert_int_eq(mid__interfaces_infer(g, &in), MID_OK);
    ck_assert_int_eq(mid__classes_build(g, in, true, &c), MID_OK);
    expect_classes(c, json_object_get(answers, "classes"));
    mid__classes_free(c);
    ck_assert_int_eq(mid__classes_build(g, NULL, true, &c), MID_OK);
    expect_classes(c, json_object_get(answers, "classesPlain"));
    mid__classes_free(c);
    mid__interfaces_free(in);
    mid__graph_free(g);
    json_decref(answers);
}
END_TEST

static void expect_names(const struct mid__graph *g, const struct mid__classes *c, const json_t *list)
{
    size_t index;
    json_t *one;
    json_array_foreach ((json_t *)(uintptr_t)list, index, one) {
        uint32_t node = (uint32_t)number(one, "ordinal");
        struct mid__title name = {0};
        ck_assert_uint_eq(mid__graph_id(g, node), number(one, "id"));
        mid__title_node(&name, g, node);
        ck_assert(!name.failed);
        char *got = as_answer(name.bytes, name.length, 120);
        ck_assert_msg(strcmp(got, string(one, "name")) == 0, "@%llu: expected %s, got %s",
                      (unsigned long long)number(one, "id"), string(one, "name"), got);
        free(got);
        mid__title_free(&name);
        size_t length;
        const char *text = mid__class_name(c, c->of_node[node], &length);
        expect_text("class", string(one, "className"), text, length);
    }
}

START_TEST(names__of_nodes_in_every_fixture__are_devtools)
{
    struct mid__graph *g = open_dump(judged[_i].dump, MID__PART_FOLDED);
    json_t *answers = answers_of(judged[_i].answers);
    struct mid__interfaces *in;
    struct mid__classes *c;
    ck_assert_int_eq(mid__interfaces_infer(g, &in), MID_OK);
    ck_assert_int_eq(mid__classes_build(g, in, false, &c), MID_OK);
    expect_names(g, c, json_object_get(answers, "top50ByRetained"));
    expect_names(g, c, json_object_get(answers, "top50ObjectsByRetained_noSynthetic"));
    expect_names(g, c, json_object_get(answers, "sample200"));
    mid__classes_free(c);
    mid__interfaces_free(in);
    mid__graph_free(g);
    json_decref(answers);
}
END_TEST

START_TEST(classes__without_the_parts_they_need__are_refused)
{
    struct mid__graph *g = open_dump("tiny1.heapsnapshot", 0);
    struct mid__classes *c;
    struct mid__graph_error error;
    ck_assert_int_eq(mid__classes_build(g, NULL, false, &c), MID_E_INVALID);
    ck_assert_ptr_null(c);
    ck_assert_int_eq(mid__graph_analyze(g, MID__PART_FOLDED, &error), MID_OK);
    ck_assert_int_eq(mid__classes_build(g, NULL, true, &c), MID_E_INVALID);
    ck_assert_int_eq(mid__classes_build(g, NULL, false, &c), MID_OK);
    mid__classes_free(c);
    mid__graph_free(g);
}
END_TEST

/* ---- comparison */

static struct mid__diff *compare(const char *old_dump, const char *new_dump)
{
    unsigned parts = MID__PART_FOLDED | MID__PART_BY_ID;
    struct mid__graph *g = open_dump(new_dump, parts);
    struct mid__interfaces *in;
    struct mid__classes *c;
    struct mid__diff *d;
    ck_assert_int_eq(mid__diff_create(&d), MID_OK);
    ck_assert_int_eq(mid__interfaces_infer(g, &in), MID_OK);
    ck_assert_int_eq(mid__classes_build(g, in, false, &c), MID_OK);
    ck_assert_int_eq(mid__diff_take_old(d, g, c, NULL), MID_E_INVALID);
    ck_assert_int_eq(mid__diff_take_new(d, g, c, NULL), MID_OK);
    ck_assert_int_eq(mid__diff_take_new(d, g, c, NULL), MID_E_INVALID);
    mid__classes_free(c);
    mid__graph_free(g);
    g = open_dump(old_dump, parts);
    ck_assert_int_eq(mid__classes_build(g, in, false, &c), MID_OK);
    ck_assert_int_eq(mid__diff_take_old(d, g, c, NULL), MID_OK);
    mid__classes_free(c);
    mid__graph_free(g);
    mid__interfaces_free(in);
    return d;
}

START_TEST(diff__of_a_leak__is_devtools)
{
    struct mid__diff *d = compare("node20-5mb-before.heapsnapshot.gz", "node20-5mb-after.heapsnapshot.gz");
    json_t *answers = answers_of("node20-5mb.diff"), *rows = json_object_get(answers, "rows"), *row;
    size_t changed = 0, index;
    for (uint32_t i = 0; i < d->row_count; i++)
        changed += d->rows[i].added != 0 || d->rows[i].removed != 0;
    ck_assert_uint_eq(changed, json_array_size(rows));
    json_array_foreach (rows, index, row) {
        const char *key = string(row, "key");
        uint32_t number_of_key = mid__intern_find(&d->texts, key, strlen(key)), i = 0;
        while (i < d->row_count && d->rows[i].key != number_of_key)
            i++;
        ck_assert_msg(i < d->row_count, "no row %s", key);
        const struct mid__diff_row *r = &d->rows[i];
        ck_assert_uint_eq(r->added, number(row, "addedCount"));
        ck_assert_uint_eq(r->removed, number(row, "removedCount"));
        ck_assert_uint_eq(r->added_size, number(row, "addedSize"));
        ck_assert_uint_eq(r->removed_size, number(row, "removedSize"));
        ck_assert_int_eq(mid__diff_delta(r), (int64_t)number(row, "countDelta"));
        ck_assert_int_eq(mid__diff_delta_size(r), (int64_t)number(row, "sizeDelta"));
    }
    mid__diff_free(d);
    json_decref(answers);
}
END_TEST

START_TEST(diff__with_itself__is_empty)
{
    struct mid__diff *d = compare(judged[_i].dump, judged[_i].dump);
    ck_assert_uint_gt(d->row_count, 0);
    for (uint32_t i = 0; i < d->row_count; i++)
        ck_assert_uint_eq(d->rows[i].added + d->rows[i].removed, 0);
    mid__diff_free(d);
}
END_TEST

/* ---- paths */

START_TEST(paths__of_every_node__are_as_long_as_its_distance)
{
    struct mid__graph *g = open_dump(judged[_i].dump, MID__PART_DISTANCES);
    uint32_t *edges;
    ck_assert_int_eq(mid__path_edges(g, &edges), MID_OK);
    for (uint32_t n = 0; n < g->node_count; n++) {
        bool reached = g->distance[n] != MID__DISTANCE_NONE && n != g->root;
        ck_assert_msg((edges[n] != MID__PATH_NO_EDGE) == reached, "node %u at %d", (unsigned)n, (int)g->distance[n]);
        if (!reached)
            continue;
        uint32_t source = mid__graph_edge_source(g, edges[n]);
        ck_assert_uint_eq(g->edge_target[edges[n]], n);
        if (source == g->root && g->distance[n] == 1)
            continue;
        ck_assert_int_eq(g->distance[source], g->distance[n] - 1);
        ck_assert_uint_ne(g->edge_type[edges[n]], MID__EDGE_WEAK);
    }
    free(edges);
    mid__graph_free(g);
}
END_TEST

START_TEST(path__to_one_node__starts_at_the_root_and_is_unbroken)
{
    struct mid__graph *g = open_dump(judged[_i].dump, MID__PART_DISTANCES);
    for (uint32_t n = 0; n < g->node_count; n += 1 + g->node_count / 50) {
        uint32_t *steps, count, at = g->root;
        ck_assert_int_eq(mid__path_to(g, n, &steps, &count), MID_OK);
        for (uint32_t i = 0; i < count; i++) {
            ck_assert_uint_eq(mid__graph_edge_source(g, steps[i]), at);
            at = g->edge_target[steps[i]];
        }
        ck_assert_uint_eq(at, count == 0 ? g->root : n);
        ck_assert(count != 0 || n == g->root || g->distance[n] == MID__DISTANCE_NONE);
        if (g->distance[n] > 0 && g->distance[n] < MID__DISTANCE_SYSTEM)
            ck_assert_uint_eq(count, (uint32_t)g->distance[n]);
        free(steps);
    }
    mid__graph_free(g);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("classes"), *d = tcase_create("diff"), *p = tcase_create("path");
    tcase_add_loop_test(c, interfaces__of_every_fixture__are_devtools, 0, JUDGED);
    tcase_add_loop_test(c, classes__of_every_fixture__are_devtools, 0, JUDGED);
    tcase_add_loop_test(c, names__of_nodes_in_every_fixture__are_devtools, 0, JUDGED);
    tcase_add_test(c, classes__without_the_parts_they_need__are_refused);
    tcase_add_test(d, diff__of_a_leak__is_devtools);
    tcase_add_loop_test(d, diff__with_itself__is_empty, 0, JUDGED);
    tcase_add_loop_test(p, paths__of_every_node__are_as_long_as_its_distance, 0, JUDGED);
    tcase_add_loop_test(p, path__to_one_node__starts_at_the_root_and_is_unbroken, 0, JUDGED);
    return run_suite("classes", c, d, p, NULL);
}
