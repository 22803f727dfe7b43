/* SPDX-License-Identifier: MIT
 * The filter language: what it takes and refuses, and its answers against loops over the nodes. */
#include <midden/internal/where.h>

#include "judge.h"

/* ---- reading */

START_TEST(where__with_a_mistake__says_what_and_where)
{
    static const struct {
        const char *text, *words;
        size_t column;
    } bad[] = {
        {"", "a comparison is missing", 1},
        {"   ", "a comparison is missing", 4},
        {"class", "no operator behind class", 6},
        {"class=", "a value is missing", 7},
        {"class= ", "a value is missing", 8},
        {"colour=red", "no field", 1},
        {"size>=1 and colour=red", "no field", 13},
        {"size=3x", "no size", 6},
        {"distance=1.5", "no number", 10},
        {"distance=--5", "no number", 10},
        {"id=abc", "no number", 4},
        {"size~3", "size cannot be compared with ~", 5},
        {"class<Foo", "class cannot be compared with <", 6},
        {"(size=3", "the parenthesis is not closed", 1},
        {"size=3)", "the parenthesis was not opened", 7},
        {"(size=3 size=4)", "expected and, or, or a closing", 9},
        {"size=3 size=4", "expected and, or, or the end", 8},
        {"size=3 and", "a comparison is missing", 11},
        {"size=3 andsize=4", "expected and, or", 8},
        {"not", "a comparison is missing", 4},
        {"name=\"abc", "the quote is not closed", 6},
        {"name='abc\\'", "the quote is not closed", 6},
        {"()", "no field", 2},
        {"size=99999999999999999999", "no size", 6},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct mid__where *w;
        struct mid__where_error e;
        ck_assert_msg(mid__where_parse(bad[i].text, strlen(bad[i].text), &w, &e) == MID_E_FORMAT, "'%s'", bad[i].text);
        ck_assert_ptr_null(w);
        ck_assert_msg(strstr(e.message, bad[i].words) != NULL, "'%s': %s", bad[i].text, e.message);
        ck_assert_msg(e.column == bad[i].column, "'%s': column %zu", bad[i].text, e.column);
    }
}
END_TEST

static enum mid_status parse_repeated(const char *unit, size_t times, const char *tail)
{
    char *text = malloc(strlen(unit) * times + strlen(tail) + 1), *at = text;
    struct mid__where *w;
    struct mid__where_error e;
    for (size_t i = 0; i < times; i++, at += strlen(unit))
        memcpy(at, unit, strlen(unit));
    memcpy(at, tail, strlen(tail) + 1);
    enum mid_status status = mid__where_parse(text, strlen(text), &w, &e);
    mid__where_free(w);
    free(text);
    return status;
}

START_TEST(where__too_deep_or_too_long__is_refused)
{
    ck_assert_int_eq(parse_repeated("(", 100000, "size=1"), MID_E_LIMIT);
    ck_assert_int_eq(parse_repeated("not ", 100000, "size=1"), MID_E_LIMIT);
    ck_assert_int_eq(parse_repeated("not ", MID__WHERE_DEPTH_MAX - 1, "size=1"), MID_OK);
    ck_assert_int_eq(parse_repeated("size=1 or ", 100000, "size=1"), MID_E_LIMIT);
    ck_assert_int_eq(parse_repeated("size=1 or ", MID__WHERE_TERMS_MAX - 1, "size=1"), MID_OK);
}
END_TEST

/* ---- answers */

static struct mid__graph *g;
static struct mid__classes *classes;

static void open_world(void)
{
    struct mid__interfaces *in;
    g = open_dump("node20-5mb-after.heapsnapshot.gz", MID__PARTS_ALL);
    ck_assert_int_eq(mid__interfaces_infer(g, &in), MID_OK);
    ck_assert_int_eq(mid__classes_build(g, in, false, &classes), MID_OK);
    mid__interfaces_free(in);
}

static void close_world(void)
{
    mid__classes_free(classes);
    mid__graph_free(g);
}

static uint8_t *run(const char *text)
{
    struct mid__where *w;
    struct mid__where_error e;
    uint8_t *selected;
    ck_assert_msg(mid__where_parse(text, strlen(text), &w, &e) == MID_OK, "'%s': %s", text, e.message);
    ck_assert_int_eq(mid__where_select(w, g, classes, &selected), MID_OK);
    mid__where_free(w);
    return selected;
}

static void expect(const char *text, bool (*right)(uint32_t node))
{
    uint8_t *selected = run(text);
    size_t count = 0;
    for (uint32_t n = 0; n < g->node_count; n++) {
        ck_assert_msg(selected[n] == right(n), "'%s': node %u", text, (unsigned)n);
        count += selected[n];
    }
    ck_assert_msg(count != 0 && count != g->node_count, "'%s' tells nothing apart", text);
    free(selected);
}

static bool class_is(uint32_t node, const char *name)
{
    size_t length;
    const char *text = mid__class_name(classes, classes->of_node[node], &length);
    return length == strlen(name) && memcmp(text, name, length) == 0;
}

static bool is_map(uint32_t n)
{
    return class_is(n, "Map");
}
static bool is_code(uint32_t n)
{
    return g->node_type[n] == MID__NODE_CODE;
}
static bool is_plain(uint32_t n)
{
    return mid__title_is_plain_object(g, n) || class_is(n, "Object");
}
static bool ends_with_cache(uint32_t n)
{
    size_t length;
    const char *text = mid__class_name(classes, classes->of_node[n], &length);
    return length >= 5 && memcmp(text + length - 5, "Cache", 5) == 0;
}
static bool is_big(uint32_t n)
{
    return mid__graph_size(g, n) > 1000;
}
static bool retains_kilobytes(uint32_t n)
{
    return g->retained[n] >= 1500 && g->retained[n] < 1048576;
}
static bool is_near(uint32_t n)
{
    return g->distance[n] == 3;
}
static bool is_that(uint32_t n)
{
    return mid__graph_id(g, n) == 59449;
}
static bool is_below_that(uint32_t n)
{
    while (n != g->root) {
        n = g->dominator[n];
        if (is_that(n))
            return true;
    }
    return false;
}
static bool is_below_a_map(uint32_t n)
{
    while (n != g->root) {
        n = g->dominator[n];
        if (is_map(n))
            return true;
    }
    return false;
}
static bool name_has_require(uint32_t n)
{
    struct mid__title t = {0};
    mid__title_node(&t, g, n);
    mid__title_put(&t, 0);
    bool found = t.length > 0 && strstr(t.bytes, "require") != NULL;
    mid__title_free(&t);
    return found;
}
static bool mixed(uint32_t n)
{
    return is_map(n) || (is_code(n) && is_big(n));
}
static bool mixed_the_other_way(uint32_t n)
{
    return (is_map(n) || is_code(n)) && !is_big(n);
}

START_TEST(where__each_field_and_operator__is_right_for_every_node)
{
    open_world();
    expect("class=Map", is_map);
    expect("class==Map", is_map);
    expect("CLASS = \"Map\"", is_map);
    expect("not class!='Map'", is_map);
    expect("class~Map", is_map);
    expect("class=(compiled code)", is_code);
    expect("(class=(compiled code))", is_code);
    expect("type=code", is_code);
    expect("type~c*de", is_code);
    expect("class=Object", is_plain);
    expect("class~*Cache", ends_with_cache);
    expect("not class!~\"*Cache\"", ends_with_cache);
    expect("size>1000", is_big);
    expect("not size<=1kB", is_big);
    expect("retained>=1.5kB and retained < 1MiB or retained>=1.5kB and retained<\"1 MiB\"", retains_kilobytes);
    expect("distance=3", is_near);
    expect("not (distance!=3)", is_near);
    expect("id=59449", is_that);
    expect("id=@59449", is_that);
    expect("retained-by=@59449", is_below_that);
    expect("not retained-by != @59449", is_below_that);
    expect("retained-by=Map", is_below_a_map);
    expect("retained-by~M*p and retained-by=Map", is_below_a_map);
    expect("name~*require*", name_has_require);
    close_world();
}
END_TEST

START_TEST(where__and_binds_tighter_than_or__parentheses_tighter_still)
{
    open_world();
    expect("class=Map or type=code and size>1000", mixed);
    expect("size>1000 AND type=code Or class=Map", mixed);
    expect("(class=Map or type=code) and not size>1000", mixed_the_other_way);
    expect("not (not (class=Map or type=code) or size>1000)", mixed_the_other_way);
    close_world();
}
END_TEST

/* a or b and (a or b and ( ... : the most columns that a depth can hold. */
START_TEST(where__as_deep_as_it_may__runs)
{
    open_world();
    char text[64 * MID__WHERE_DEPTH_MAX] = "";
    for (int i = 0; i + 1 < MID__WHERE_DEPTH_MAX; i++)
        strcat(text, "size=1 or size=2 and (");
    strcat(text, "size=3");
    for (int i = 0; i + 1 < MID__WHERE_DEPTH_MAX; i++)
        strcat(text, ")");
    free(run(text));
    close_world();
}
END_TEST

START_TEST(where__parts_and_ids_that_are_missing__are_told)
{
    struct mid__where *w;
    struct mid__where_error e;
    struct mid__graph_error error;
    uint64_t id;
    uint8_t *selected;
    const char *text = "retained>1 or retained-by=@4242";
    struct mid__graph *bare = open_dump("tiny1.heapsnapshot", MID__PART_FOLDED);
    ck_assert_int_eq(mid__classes_build(bare, NULL, false, &classes), MID_OK);
    ck_assert_int_eq(mid__where_parse(text, strlen(text), &w, &e), MID_OK);
    ck_assert_uint_eq(mid__where_parts(w), MID__PART_RETAINED | MID__PART_DOMINATED);
    ck_assert_int_eq(mid__where_select(w, bare, classes, &selected), MID_E_INVALID);
    ck_assert_ptr_null(selected);
    ck_assert_int_eq(mid__graph_analyze(bare, mid__where_parts(w), &error), MID_OK);
    ck_assert(mid__where_missing_id(w, bare, &id) && id == 4242);
    ck_assert_int_eq(mid__where_select(w, bare, classes, &selected), MID_OK);
    free(selected);
    mid__where_free(w);
    mid__classes_free(classes);
    mid__graph_free(bare);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("where");
    tcase_add_test(c, where__with_a_mistake__says_what_and_where);
    tcase_add_test(c, where__too_deep_or_too_long__is_refused);
    tcase_add_test(c, where__each_field_and_operator__is_right_for_every_node);
    tcase_add_test(c, where__and_binds_tighter_than_or__parentheses_tighter_still);
    tcase_add_test(c, where__as_deep_as_it_may__runs);
    tcase_add_test(c, where__parts_and_ids_that_are_missing__are_told);
    return run_suite("where", c, NULL);
}
