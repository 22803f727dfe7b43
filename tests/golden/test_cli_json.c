/* SPDX-License-Identifier: MIT
 * The command's JSON against DevTools' own answers: what a script gets from `midden VERB --json`. */
#include "judge.h"

#include <sys/wait.h>
#include <unistd.h>

/* Runs `midden ARGUMENTS` in the directory of the fixtures and parses its answer. */
static json_t *ask(const char *arguments)
{
    const char *o = getenv("O");
    char command[1024], here[512], *text = NULL;
    size_t length = 0;
    json_error_t error;
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    snprintf(command, sizeof command, "cd " FIXTURES " && %s/%s/midden %s", here, o != NULL ? o : "build/opt", arguments);
    FILE *answer = popen(command, "r"), *copy = open_memstream(&text, &length);
    ck_assert(answer != NULL && copy != NULL);
    for (int c; (c = fgetc(answer)) != EOF;)
        fputc(c, copy);
    fclose(copy);
    int status = pclose(answer);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "midden %s ended with %d", arguments, status);
    json_t *json = json_loads(text, JSON_ALLOW_NUL, &error);
    ck_assert_msg(json != NULL, "midden %s: %s at line %d", arguments, error.text, error.line);
    free(text);
    return json;
}

static json_t *ask_of(const char *before, const char *dump, const char *after)
{
    char arguments[512];
    snprintf(arguments, sizeof arguments, "%s %s %s", before, dump, after);
    return ask(arguments);
}

/* ---- summary: the rows are DevTools', in the order of the answers (retained, self, key) */

static void expect_table(json_t *rows, json_t *expected)
{
    size_t index;
    json_t *row;
    ck_assert_uint_eq(json_array_size(rows), json_array_size(expected));
    json_array_foreach (rows, index, row) {
        const json_t *e = json_array_get(expected, index);
        ck_assert_uint_eq(json_object_size(row), 5);
        ck_assert_str_eq(string(row, "key"), string(e, "key"));
        ck_assert_str_eq(string(row, "name"), string(e, "name"));
        ck_assert_uint_eq(number(row, "count"), number(e, "count"));
        ck_assert_uint_eq(number(row, "shallow"), number(e, "self"));
        ck_assert_uint_eq(number(row, "retained"), number(e, "maxRetained"));
    }
}

static void expect_summary(const char *options, const char *key, int which)
{
    json_t *answers = answers_of(judged[which].answers), *s = ask_of("summary --json", judged[which].dump, options);
    ck_assert_uint_eq(json_object_size(s), 6);
    ck_assert_str_eq(string(s, "file"), judged[which].dump);
    ck_assert_uint_eq(number(s, "nodes"), number(answers, "nodeCount"));
    ck_assert_uint_eq(number(s, "edges"), number(answers, "edgeCount"));
    ck_assert_uint_eq(number(s, "total_size"), number(answers, "totalSize"));
    expect_table(json_object_get(s, "classes"), json_object_get(answers, key));
    json_decref(s);
    json_decref(answers);
}

START_TEST(summary__of_every_fixture__is_devtools)
{
    expect_summary("", "classesPlain", _i);
}
END_TEST

START_TEST(summary__with_interfaces__is_devtools)
{
    expect_summary("--interfaces", "classes", _i);
}
END_TEST

START_TEST(summary__its_statistics__are_devtools)
{
    json_t *answers = answers_of(judged[_i].answers), *s = ask_of("summary --json", judged[_i].dump, "");
    json_t *got = json_object_get(s, "statistics"), *all = json_object_get(answers, "statistics");
    json_t *heap = json_object_get(all, "v8heap"), *native = json_object_get(all, "native");
    ck_assert_uint_eq(number(got, "total"), number(all, "total"));
    ck_assert_uint_eq(number(got, "native"), number(native, "total"));
    ck_assert_uint_eq(number(got, "typed_arrays"), number(native, "typedArrays"));
    ck_assert_uint_eq(number(got, "v8_heap"), number(heap, "total"));
    ck_assert_uint_eq(number(got, "code"), number(heap, "code"));
    ck_assert_uint_eq(number(got, "strings"), number(heap, "strings"));
    ck_assert_uint_eq(number(got, "js_arrays"), number(heap, "jsArrays"));
    ck_assert_uint_eq(number(got, "system"), number(heap, "system"));
    json_decref(s);
    json_decref(answers);
}
END_TEST

/* Classes lie within types, so that counts and own sizes add up to the same. */
START_TEST(summary__by_type__adds_up_to_what_classes_do)
{
    json_t *by[2] = {ask_of("summary --json", judged[_i].dump, ""), ask_of("summary --json --by=type", judged[_i].dump, "")};
    json_int_t count[2] = {0}, shallow[2] = {0};
    for (int k = 0; k < 2; k++) {
        size_t index;
        json_t *row;
        json_array_foreach (json_object_get(by[k], k == 0 ? "classes" : "types"), index, row) {
            count[k] += (json_int_t)number(row, "count");
            shallow[k] += (json_int_t)number(row, "shallow");
        }
    }
    ck_assert_int_eq(count[0], count[1]);
    ck_assert_int_eq(shallow[0], shallow[1]);
    ck_assert_int_gt(count[1], 0);
    json_decref(by[0]);
    json_decref(by[1]);
}
END_TEST

START_TEST(summary__with_a_limit_and_an_order__has_the_first_rows_in_it)
{
    json_t *all = ask("summary --json --sort=count tiny2.heapsnapshot");
    json_t *few = ask("summary --json --sort=count -n 3 tiny2.heapsnapshot");
    json_t *a = json_object_get(all, "classes"), *f = json_object_get(few, "classes");
    ck_assert_uint_eq(json_array_size(f), 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert(json_equal(json_array_get(a, i), json_array_get(f, i)));
    for (size_t i = 1; i < json_array_size(a); i++)
        ck_assert_uint_ge(number(json_array_get(a, i - 1), "count"), number(json_array_get(a, i), "count"));
    json_decref(all);
    json_decref(few);
}
END_TEST

/* ---- top, object, tree, path */

/* The members that every object has, against a record of the answers. */
static void expect_object(const json_t *got, const json_t *e)
{
    const char *name = string(got, "name");
    ck_assert_uint_eq(number(got, "id"), number(e, "id"));
    ck_assert_str_eq(string(got, "class"), string(e, "className"));
    char *cut = as_answer(name, strlen(name), 120);
    ck_assert_str_eq(cut, string(e, "name"));
    free(cut);
    ck_assert_uint_eq(number(got, "shallow"), number(e, "self"));
    ck_assert_uint_eq(number(got, "retained"), number(e, "retained"));
    ck_assert_int_eq((int64_t)number(got, "distance"), (int64_t)number(e, "distance"));
}

static void expect_top(const char *options, const char *key, int which)
{
    json_t *answers = answers_of(judged[which].answers), *expected = json_object_get(answers, key);
    json_t *top = ask_of("top --json", judged[which].dump, options), *rows = json_object_get(top, "objects");
    ck_assert_uint_eq(json_object_size(top), 1);
    size_t index;
    json_t *row;
    /* "no synthetic" of the answers has the same nodes: the root is synthetic */
    ck_assert_uint_eq(json_array_size(rows), json_array_size(expected));
    json_array_foreach (rows, index, row) {
        ck_assert_uint_eq(json_object_size(row), 6);
        expect_object(row, json_array_get(expected, index));
    }
    json_decref(top);
    json_decref(answers);
}

START_TEST(top__of_every_fixture__is_devtools)
{
    expect_top("", "top50ObjectsByRetained_noSynthetic", _i);
}
END_TEST

START_TEST(top__with_synthetic_nodes__is_devtools)
{
    expect_top("--synthetic", "top50ByRetained", _i);
}
END_TEST

START_TEST(object__of_samples__is_devtools)
{
    json_t *answers = answers_of(judged[_i].answers), *sample = json_object_get(answers, "sample200");
    size_t size = json_array_size(sample), step = size > 25 ? 40 : 1;
    for (size_t i = 0; i < size; i += step) {
        const json_t *e = json_array_get(sample, i), *dominator;
        char id[40];
        snprintf(id, sizeof id, "@%llu", (unsigned long long)number(e, "id"));
        json_t *got = ask_of("object --json", judged[_i].dump, id);
        expect_object(got, e);
        ck_assert_str_eq(string(got, "type"), string(e, "type"));
        ck_assert_uint_eq(number(got, "self_size"), number(e, "rawSelf"));
        ck_assert_uint_eq(number(got, "detachedness"), number(e, "detachedness"));
        dominator = json_object_get(got, "dominator");
        if (json_is_null(dominator))
            ck_assert_uint_eq(number(e, "ordinal"), 0);
        else
            ck_assert_uint_eq(number(dominator, "id"), number(e, "dominatorId"));
        ck_assert_uint_eq(number(got, "field_count"), number(e, "edges"));
        ck_assert_uint_eq(json_array_size(json_object_get(got, "fields")), number(e, "edges"));
        ck_assert_uint_eq(number(got, "retainer_count"), number(e, "retainers"));
        ck_assert_uint_eq(json_array_size(json_object_get(got, "retainers")), number(e, "retainers"));
        json_decref(got);
    }
    json_decref(answers);
}
END_TEST

/* Counts the nodes of a tree; every child's size lies within its parent's, and the largest comes first. */
static size_t walk_tree(const json_t *node)
{
    json_t *children = json_object_get(node, "children"), *child;
    size_t index, count = 1;
    uint64_t left = number(node, "retained") - number(node, "shallow"), before = UINT64_MAX;
    ck_assert_uint_eq(json_array_size(children), number(node, "children_count"));
    json_array_foreach (children, index, child) {
        ck_assert_uint_le(number(child, "retained"), before);
        before = number(child, "retained");
        ck_assert_uint_le(before, left);
        left -= before;
        count += walk_tree(child);
    }
    ck_assert_uint_eq(left, 0);
    return count;
}

START_TEST(tree__whole__has_every_node_once_and_adds_up)
{
    json_t *answers = answers_of(judged[_i].answers);
    json_t *tree = ask_of("tree --json -n 0 --depth 0", judged[_i].dump, "");
    ck_assert_uint_eq(walk_tree(tree), number(answers, "nodeCount"));
    json_decref(tree);
    json_decref(answers);
}
END_TEST

START_TEST(tree__from_an_object__starts_there)
{
    json_t *tree = ask("tree --json -n 1 --depth 1 tiny1.heapsnapshot @101"), *child;
    ck_assert_uint_eq(number(tree, "id"), 101);
    ck_assert_uint_eq(json_array_size(json_object_get(tree, "children")), 1);
    child = json_array_get(json_object_get(tree, "children"), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(child, "children")), 0);
    ck_assert_uint_gt(number(child, "children_count"), 0);
    json_decref(tree);
}
END_TEST

START_TEST(path__to_samples__ends_there_after_as_many_steps_as_the_distance)
{
    json_t *answers = answers_of(judged[_i].answers), *sample = json_object_get(answers, "sample200");
    size_t size = json_array_size(sample), step = size > 25 ? 40 : 1;
    for (size_t i = 0; i < size; i += step) {
        const json_t *e = json_array_get(sample, i);
        int64_t distance = json_integer_value(json_object_get(e, "distance"));
        char id[40];
        snprintf(id, sizeof id, "@%llu", (unsigned long long)number(e, "id"));
        json_t *got = ask_of("path --json", judged[_i].dump, id), *paths = json_object_get(got, "paths");
        expect_object(got, e);
        ck_assert_uint_eq(json_array_size(paths), distance == MID__DISTANCE_NONE ? 0 : 1);
        if (distance != MID__DISTANCE_NONE) {
            json_t *steps = json_array_get(paths, 0), *last = json_array_get(steps, json_array_size(steps) - 1);
            ck_assert_uint_eq(number(json_array_get(steps, 0), "id"), 1);
            ck_assert_uint_eq(number(last, "id"), number(e, "id"));
            if (distance < MID__DISTANCE_SYSTEM)
                ck_assert_uint_eq(json_array_size(steps), (size_t)distance + 1);
        }
        json_decref(got);
    }
    json_decref(answers);
}
END_TEST

/* ---- diff */

START_TEST(diff__of_a_leak__is_devtools_row_for_row)
{
    json_t *answers = answers_of("node20-5mb.diff"), *expected = json_object_get(answers, "rows"), *row;
    json_t *diff = ask("diff --json node20-5mb-before.heapsnapshot.gz node20-5mb-after.heapsnapshot.gz");
    json_t *rows = json_object_get(diff, "classes");
    size_t index;
    ck_assert_uint_eq(json_object_size(diff), 1);
    ck_assert_uint_eq(json_array_size(rows), json_array_size(expected));
    json_array_foreach (rows, index, row) {
        const json_t *e = json_array_get(expected, index);
        ck_assert_uint_eq(json_object_size(row), 8);
        ck_assert_str_eq(string(row, "key"), string(e, "key"));
        ck_assert_str_eq(string(row, "name"), string(e, "name"));
        ck_assert_uint_eq(number(row, "added"), number(e, "addedCount"));
        ck_assert_uint_eq(number(row, "removed"), number(e, "removedCount"));
        ck_assert_uint_eq(number(row, "added_size"), number(e, "addedSize"));
        ck_assert_uint_eq(number(row, "removed_size"), number(e, "removedSize"));
        ck_assert_int_eq((int64_t)number(row, "delta"), (int64_t)number(e, "countDelta"));
        ck_assert_int_eq((int64_t)number(row, "delta_size"), (int64_t)number(e, "sizeDelta"));
    }
    json_decref(diff);
    json_decref(answers);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("json");
    tcase_add_loop_test(c, summary__of_every_fixture__is_devtools, 0, JUDGED);
    tcase_add_loop_test(c, summary__with_interfaces__is_devtools, 0, JUDGED);
    tcase_add_loop_test(c, summary__its_statistics__are_devtools, 0, JUDGED);
    tcase_add_loop_test(c, summary__by_type__adds_up_to_what_classes_do, 0, JUDGED);
    tcase_add_test(c, summary__with_a_limit_and_an_order__has_the_first_rows_in_it);
    tcase_add_loop_test(c, top__of_every_fixture__is_devtools, 0, JUDGED);
    tcase_add_loop_test(c, top__with_synthetic_nodes__is_devtools, 0, JUDGED);
    tcase_add_loop_test(c, object__of_samples__is_devtools, 0, JUDGED);
    tcase_add_loop_test(c, tree__whole__has_every_node_once_and_adds_up, 0, 4); /* the small ones: jansson is slow */
    tcase_add_test(c, tree__from_an_object__starts_there);
    tcase_add_loop_test(c, path__to_samples__ends_there_after_as_many_steps_as_the_distance, 0, JUDGED);
    tcase_add_test(c, diff__of_a_leak__is_devtools_row_for_row);
    return run_suite("cli json", c, NULL);
}
