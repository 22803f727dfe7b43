/* SPDX-License-Identifier: MIT
 * Duplicates, filters, the filter language, rules, series, suspects, paths and statistics when any allocation fails: each reports
 * MID_E_MEMORY, leaves nothing behind, and answers as before once memory is there again. */
#include <midden/internal/duplicates.h>
#include <midden/internal/filters.h>
#include <midden/internal/path.h>
#include <midden/internal/rules.h>
#include <midden/internal/statistics.h>
#include <midden/internal/suspects.h>
#include <midden/internal/where.h>

#include "fail.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

static struct mid__graph *graph;
static struct mid__classes *classes;
static uint32_t *arrivals;

static void open_world(void)
{
    struct mid__graph_error error;
    struct mid__classes_options by_name = {.by_name = true, .with_retained = true};
    ck_assert_int_eq(mid__graph_load("tests/golden/fixtures/tiny2.heapsnapshot", NULL, &graph, &error), MID_OK);
    ck_assert_int_eq(mid__graph_analyze(graph, MID__PARTS_ALL, &error), MID_OK);
    ck_assert_int_eq(mid__classes_build_with(graph, &by_name, &classes), MID_OK);
    ck_assert_int_eq(mid__path_edges(graph, &arrivals), MID_OK);
}

static void close_world(void)
{
    free(arrivals);
    mid__classes_free(classes);
    mid__graph_free(graph);
}

static enum mid_status ask_duplicates(void)
{
    struct mid__duplicates *d;
    enum mid_status status = mid__duplicates_find(graph, NULL, &d);
    mid__duplicates_free(d);
    return status;
}

static enum mid_status ask_filters(void)
{
    enum mid_status status = MID_OK;
    for (int f = 0; f < MID__FILTERS && status == MID_OK; f++) {
        uint8_t *selected;
        status = mid__filter_select(graph, (enum mid__filter)f, &selected);
        free(selected);
    }
    return status;
}

static enum mid_status ask_where(void)
{
    static const char text[] = "class=(string) and (name~*a* or not retained-by=global) or type=closure and size>1 or id=3";
    struct mid__where *where;
    struct mid__where_error error;
    uint8_t *selected = NULL;
    enum mid_status status = mid__where_parse(text, sizeof text - 1, &where, &error);
    if (status == MID_OK)
        status = mid__where_select(where, graph, classes, &selected);
    free(selected);
    mid__where_free(where);
    return status;
}

static enum mid_status ask_rules(void)
{
    struct mid__rule rules[2];
    struct mid__rule_base base = {0};
    struct mid__rule_results results = {0};
    size_t column;
    if (mid__rule_parse(MID__RULE_GROWTH, "*=0", &rules[0], &column) != NULL ||
        mid__rule_parse(MID__RULE_COUNT, "*=0", &rules[1], &column) != NULL)
        return MID_E_BROKEN;
    enum mid_status status = mid__rule_base_take(&base, rules, 2, graph, classes, NULL);
    if (status == MID_OK)
        status = mid__rules_apply(&results, rules, 2, classes, &base);
    free(results.list);
    mid__rule_base_free(&base);
    return status;
}

static enum mid_status ask_suspects(void)
{
    struct mid__series series = {0};
    struct mid__suspects found = {0};
    enum mid_status status = mid__series_add(&series, graph, classes);
    if (status == MID_OK)
        status = mid__series_add(&series, graph, classes);
    if (status == MID_OK) {
        series.first_total = 0; /* so that everything is growth, and is searched */
        status = mid__suspects_find(graph, classes, arrivals, &series, NULL, &found);
    }
    free(found.list);
    found.list = NULL;
    if (status == MID_OK)
        status = mid__suspects_find(graph, classes, arrivals, NULL, NULL, &found);
    free(found.list);
    mid__series_free(&series);
    return status;
}

static enum mid_status ask_routes(void)
{
    struct mid__routes *routes;
    uint32_t *steps = NULL, count = 1, node = graph->node_count - 1;
    enum mid_status status = mid__routes_begin(graph, node, &routes);
    while (status == MID_OK && count != 0) {
        status = mid__routes_next(routes, &steps, &count);
        free(steps);
    }
    mid__routes_free(routes);
    return status;
}

static enum mid_status ask_merged(void)
{
    struct mid__path_groups groups;
    struct mid__statistics statistics;
    uint8_t *selected = malloc(graph->node_count);
    if (selected == NULL)
        return MID_E_MEMORY;
    memset(selected, 1, graph->node_count);
    enum mid_status status = mid__path_merge(graph, classes, arrivals, selected, &groups);
    free(groups.list);
    free(selected);
    return status == MID_OK ? mid__statistics_of(graph, NULL, &statistics) : status;
}

static enum mid_status (*const questions[])(void) = {ask_duplicates, ask_filters, ask_where, ask_rules,
                                                     ask_suspects,   ask_routes,  ask_merged};

START_TEST(question__any_allocation_fails__is_told_and_nothing_is_lost)
{
    open_world();
    for (int persistently = 0; persistently < 2; persistently++) {
        unsigned long failures = 0;
        for (unsigned long n = 1;; n++) {
            fail_from(n, FAIL_TAKING, persistently != 0);
            enum mid_status status = questions[_i]();
            if (!fail_off()) {
                ck_assert_int_eq(status, MID_OK);
                break;
            }
            ck_assert_msg(status == MID_E_MEMORY, "question %d, call %lu: %s", _i, n, mid_status_name(status));
            failures++;
        }
        ck_assert_uint_ge(failures, 3);
    }
    close_world();
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("questions");
    tcase_add_loop_test(c, question__any_allocation_fails__is_told_and_nothing_is_lost, 0,
                        (int)(sizeof questions / sizeof questions[0]));
    return run_suite("questions", c, NULL);
}
