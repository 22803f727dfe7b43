/* SPDX-License-Identifier: MIT
 * Patterns, quantities, and rules about classes: how they are read and what they answer. */
#include <midden/internal/pattern.h>
#include <midden/internal/rules.h>

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- patterns */

static bool matches(const char *pattern, const char *text)
{
    return mid__pattern_matches(pattern, strlen(pattern), text, strlen(text));
}

START_TEST(pattern__stars_and_escapes__match_as_documented)
{
    static const struct {
        const char *pattern, *text;
        bool expected;
    } cases[] = {
        {"", "", true},          {"", "a", false},       {"*", "", true},          {"*", "abc", true},
        {"a*", "abc", true},     {"a*", "ba", false},    {"*c", "abc", true},      {"*b", "abc", false},
        {"a*c", "abbc", true},   {"a*c", "ac", true},    {"a*b*c", "axbybzc", true}, {"a*b*c", "acb", false},
        {"**", "x", true},       {"\\*", "*", true},     {"\\*", "x", false},      {"a\\**", "a*bc", true},
        {"\\\\", "\\", true},    {"\\", "\\", true},     {"\\a", "a", true},       {"*aab", "aaaaab", true},
        {"*\\*", "xy*", true},   {"*\\*", "xy", false},  {"(string)", "(string)", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_msg(matches(cases[i].pattern, cases[i].text) == cases[i].expected, "%s against %s", cases[i].pattern,
                      cases[i].text);
}
END_TEST

/* A naive twin, by recursion. */
static bool slow(const char *p, const char *t)
{
    if (*p == '\0')
        return *t == '\0';
    if (*p == '*')
        return slow(p + 1, t) || (*t != '\0' && slow(p, t + 1));
    if (*p == '\\' && p[1] != '\0')
        p++;
    return *t == *p && slow(p + 1, t + 1);
}

START_TEST(pattern__random_ones__match_like_the_naive_twin)
{
    uint64_t random = test_seed("pattern");
    for (unsigned long round = 0; round < test_rounds(20000); round++) {
        char pattern[9] = "", text[13] = "";
        size_t p = test_random(&random) % 9, t = test_random(&random) % 13;
        for (size_t i = 0; i < p; i++)
            pattern[i] = "ab*\\"[test_random(&random) % 4];
        for (size_t i = 0; i < t; i++)
            text[i] = "ab*\\"[test_random(&random) % 4];
        ck_assert_msg(matches(pattern, text) == slow(pattern, text), "'%s' against '%s'", pattern, text);
    }
}
END_TEST

START_TEST(pattern__is__sees_bare_stars_alone)
{
    ck_assert(mid__pattern_is("a*", 2));
    ck_assert(!mid__pattern_is("a\\*", 3));
    ck_assert(mid__pattern_is("a\\\\*", 4));
    ck_assert(!mid__pattern_is("", 0));
    ck_assert(!mid__pattern_is("a\\", 2));
}
END_TEST

/* ---- quantities */

START_TEST(size__written_in_every_way__is_read)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},
                {"300", 300},
                {"7B", 7},
                {"50MB", 50000000},
                {"50mb", 50000000},
                {"1.5 kB", 1500},
                {"1KiB", 1024},
                {"1.5GiB", 1610612736},
                {"0.0001kB", 0},
                {"0.25MB", 250000},
                {"1.999999999MB", 1999999},
                {"2TB", 2000000000000},
                {"2TiB", 2199023255552},
                {"9223372036854775807", INT64_MAX}};
    static const char *const bad[] = {"", "x", "-1", "1.", ".5", "1.5.5", "1x", "1MiBs", "MB", "1 ", "1k", "1iB", "1MM",
                                      "9223372036854775808", "9223373TB", "99999999999999999999999", "1e3", "+1", " 1"};
    uint64_t n;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ck_assert_msg(mid__size_parse(good[i].text, strlen(good[i].text), &n), "%s", good[i].text);
        ck_assert_msg(n == good[i].bytes, "%s: %llu", good[i].text, (unsigned long long)n);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!mid__size_parse(bad[i], strlen(bad[i]), &n), "%s", bad[i]);
}
END_TEST

START_TEST(count__plain_numbers_alone__are_read)
{
    uint64_t n;
    ck_assert(mid__count_parse("0", 1, &n) && n == 0);
    ck_assert(mid__count_parse("9223372036854775807", 19, &n) && n == INT64_MAX);
    ck_assert(!mid__count_parse("9223372036854775808", 19, &n));
    ck_assert(!mid__count_parse("", 0, &n));
    ck_assert(!mid__count_parse("1k", 2, &n));
    ck_assert(!mid__count_parse("-1", 2, &n));
}
END_TEST

/* ---- rules */

START_TEST(rule__with_a_mistake__says_what_and_where)
{
    static const struct {
        enum mid__rule_kind kind;
        const char *text;
        size_t column;
    } bad[] = {{MID__RULE_COUNT, "", 1},        {MID__RULE_COUNT, "Foo", 4},     {MID__RULE_COUNT, "=3", 1},
               {MID__RULE_COUNT, "Foo=", 5},    {MID__RULE_COUNT, "Foo=3MB", 5}, {MID__RULE_RETAINED, "Foo=3XB", 5},
               {MID__RULE_GROWTH, "a=b=-3", 5}, {MID__RULE_SHALLOW, "a==", 4}};
    struct mid__rule rule;
    size_t column;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(mid__rule_parse(bad[i].kind, bad[i].text, &rule, &column) != NULL, "%s", bad[i].text);
        ck_assert_msg(column == bad[i].column, "%s: column %zu", bad[i].text, column);
    }
    ck_assert_ptr_null(mid__rule_parse(MID__RULE_RETAINED, "a=b*=2kB", &rule, &column));
    ck_assert_uint_eq(rule.limit, 2000);
    ck_assert_uint_eq(rule.name_length, 4);
    ck_assert(rule.pattern);
}
END_TEST

/* A root and `a` nodes of class A, `b` of B1 and one of B2, of 10 bytes each; ids from `id` by 2. */
static struct mid__graph *make_graph(unsigned a, unsigned b, unsigned id)
{
    char *text = NULL;
    size_t length;
    FILE *f = open_memstream(&text, &length);
    unsigned all = a + b + 1;
    fputs("{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],\"node_types\":"
          "[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\",\"native\",\"synthetic\"],"
          "\"string\",\"number\",\"number\",\"number\"],\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],"
          "\"edge_types\":[[\"context\",\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],"
          "\"string_or_number\",\"node\"]},\"node_count\":0,\"edge_count\":0},\"nodes\":[",
          f);
    fprintf(f, "9,0,1,0,%u", all);
    for (unsigned i = 0; i < all; i++)
        fprintf(f, ",3,%d,%u,10,0", i < a ? 1 : i < a + b ? 2 : 3, id + 2 * i);
    fputs("],\"edges\":[", f);
    for (unsigned i = 0; i < all; i++)
        fprintf(f, "%s5,1,%u", i != 0 ? "," : "", 5 * (i + 1));
    fputs("],\"strings\":[\"\",\"A\",\"B1\",\"B2\"]}", f);
    fclose(f);
    struct mid__graph *g;
    struct mid__graph_error error;
    ck_assert_msg(mid__graph_load_memory(text, length, NULL, &g, &error) == MID_OK, "%s", error.message);
    ck_assert_int_eq(mid__graph_analyze(g, MID__PARTS_FIGURES | MID__PART_DOMINATED, &error), MID_OK);
    free(text);
    return g;
}

static struct mid__classes *classify(const struct mid__graph *g)
{
    struct mid__classes *c;
    struct mid__classes_options options = {.by_name = true, .with_retained = true};
    ck_assert_int_eq(mid__classes_build_with(g, &options, &c), MID_OK);
    return c;
}

static struct mid__rule rule_of(enum mid__rule_kind kind, const char *text)
{
    struct mid__rule rule;
    size_t column;
    ck_assert_ptr_null(mid__rule_parse(kind, text, &rule, &column));
    return rule;
}

START_TEST(rules__applied__compare_with_the_limit_and_state_what_is_missing)
{
    struct mid__graph *g = make_graph(3, 2, 3);
    struct mid__classes *c = classify(g);
    struct mid__rule rules[] = {rule_of(MID__RULE_COUNT, "A=3"),      rule_of(MID__RULE_COUNT, "A=2"),
                                rule_of(MID__RULE_SHALLOW, "A=30"),   rule_of(MID__RULE_RETAINED, "A=29"),
                                rule_of(MID__RULE_COUNT, "B*=0"),     rule_of(MID__RULE_COUNT, "B*=7"),
                                rule_of(MID__RULE_COUNT, "nobody=0"), rule_of(MID__RULE_GROWTH, "A=0")};
    static const struct {
        uint32_t rule;
        int64_t figure;
        bool broken;
    } expected[] = {{0, 3, false}, {1, 3, true}, {2, 30, false}, {3, 30, true},
                    {4, 2, true},  {4, 1, true}, {5, 2, false},  {6, 0, false}};
    struct mid__rule_results r = {0};
    ck_assert_int_eq(mid__rules_apply(&r, rules, sizeof rules / sizeof rules[0], c, NULL), MID_OK);
    ck_assert_uint_eq(r.count, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < r.count; i++) {
        ck_assert_uint_eq(r.list[i].rule, expected[i].rule);
        ck_assert_int_eq(r.list[i].figure, expected[i].figure);
        ck_assert_int_eq(r.list[i].broken, expected[i].broken);
    }
    ck_assert_uint_eq(r.list[7].place, MID__NO_CLASS);
    free(r.list);
    mid__classes_free(c);
    mid__graph_free(g);
}
END_TEST

/* Objects 3, 5 are there at first; the examples of growth are those that came. */
START_TEST(rules__of_growth__measure_from_the_first_and_show_what_came)
{
    struct mid__rule rules[] = {rule_of(MID__RULE_GROWTH, "A=1"), rule_of(MID__RULE_GROWTH, "B1=0"),
                                rule_of(MID__RULE_GROWTH, "C=0")};
    struct mid__rule_base base = {0};
    struct mid__graph *g = make_graph(2, 4, 3);
    struct mid__classes *c = classify(g);
    ck_assert_int_eq(mid__rule_base_take(&base, rules, 3, g, c, NULL), MID_OK);
    ck_assert_uint_eq(base.id_count, 6);
    mid__classes_free(c);
    mid__graph_free(g);
    g = make_graph(5, 1, 3);
    c = classify(g);
    struct mid__rule_results r = {0};
    ck_assert_int_eq(mid__rules_apply(&r, rules, 3, c, &base), MID_OK);
    ck_assert_uint_eq(r.count, 3);
    ck_assert(r.list[0].broken && r.list[0].figure == 3 && r.list[0].first == 2);
    ck_assert(!r.list[1].broken && r.list[1].figure == -3 && r.list[1].first == 4);
    ck_assert(!r.list[2].broken && r.list[2].figure == 0 && r.list[2].place == MID__NO_CLASS);
    uint32_t nodes[4];
    /* ids 7, 9, 11 were other objects (of B1) at first, which counted as known; none is left that is new */
    ck_assert_uint_eq(mid__rule_examples(g, c, r.list[0].place, MID__RULE_GROWTH, &base, NULL, nodes, 4), 0);
    ck_assert_uint_eq(mid__rule_examples(g, c, r.list[0].place, MID__RULE_COUNT, &base, NULL, nodes, 4), 4);
    ck_assert_uint_eq(nodes[0], 1);
    base.id_count = 2; /* 3 and 5 */
    ck_assert_uint_eq(mid__rule_examples(g, c, r.list[0].place, MID__RULE_GROWTH, &base, NULL, nodes, 4), 3);
    ck_assert_uint_eq(nodes[0], 3);
    free(r.list);
    mid__rule_base_free(&base);
    mid__classes_free(c);
    mid__graph_free(g);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("rules");
    tcase_add_test(c, pattern__stars_and_escapes__match_as_documented);
    tcase_add_test(c, pattern__random_ones__match_like_the_naive_twin);
    tcase_add_test(c, pattern__is__sees_bare_stars_alone);
    tcase_add_test(c, size__written_in_every_way__is_read);
    tcase_add_test(c, count__plain_numbers_alone__are_read);
    tcase_add_test(c, rule__with_a_mistake__says_what_and_where);
    tcase_add_test(c, rules__applied__compare_with_the_limit_and_state_what_is_missing);
    tcase_add_test(c, rules__of_growth__measure_from_the_first_and_show_what_came);
    return run_suite("rules", c, NULL);
}
