/* SPDX-License-Identifier: MIT
 * Several paths to one node, and the paths of many merged by class: in random graphs against what is found by cutting
 * edges, and in small ones that are drawn here. */
#include <midden/internal/path.h>

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- graphs */

enum { CONTEXT, ELEMENT, PROPERTY, INTERNAL, HIDDEN, SHORTCUT, WEAK };
enum { T_HIDDEN, T_ARRAY, T_STRING, T_OBJECT, T_SYNTHETIC = 9 };
#define NODES 40
#define EDGES 200

static struct {
    unsigned type[NODES], name[NODES], nodes;
    unsigned from[EDGES], to[EDGES], kind[EDGES], edges;
} drawn;

static void node(unsigned type, unsigned name)
{
    drawn.type[drawn.nodes] = type;
    drawn.name[drawn.nodes++] = name;
}

static void edge(unsigned from, unsigned kind, unsigned to)
{
    drawn.from[drawn.edges] = from;
    drawn.kind[drawn.edges] = kind;
    drawn.to[drawn.edges++] = to;
}

static struct mid__graph *read_drawn(unsigned parts)
{
    char *text = NULL;
    size_t length;
    FILE *f = open_memstream(&text, &length);
    fputs("{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],\"node_types\":"
          "[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\",\"native\",\"synthetic\"],"
          "\"string\",\"number\",\"number\",\"number\"],\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],"
          "\"edge_types\":[[\"context\",\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],"
          "\"string_or_number\",\"node\"]},\"node_count\":0,\"edge_count\":0},\"nodes\":[",
          f);
    for (unsigned n = 0; n < drawn.nodes; n++) {
        unsigned own = 0;
        for (unsigned e = 0; e < drawn.edges; e++)
            own += drawn.from[e] == n;
        fprintf(f, "%s%u,%u,%u,%u,%u", n != 0 ? "," : "", drawn.type[n], drawn.name[n], 2 * n + 1, n != 0 ? 10 + n : 0, own);
    }
    fputs("],\"edges\":[", f);
    bool first = true;
    for (unsigned n = 0; n < drawn.nodes; n++)
        for (unsigned e = 0; e < drawn.edges; e++)
            if (drawn.from[e] == n) {
                fprintf(f, "%s%u,%u,%u", first ? "" : ",", drawn.kind[e], drawn.kind[e] == ELEMENT ? e : 7u, 5 * drawn.to[e]);
                first = false;
            }
    fputs("],\"strings\":[\"\",\"A\",\"B\",\"C\",\"D\",\"E\",\"global\",\"field\"]}", f);
    fclose(f);
    struct mid__graph *g;
    struct mid__graph_error error;
    ck_assert_msg(mid__graph_load_memory(text, length, NULL, &g, &error) == MID_OK, "%s", error.message);
    ck_assert(mid__graph_analyze(g, parts, &error) == MID_OK);
    free(text);
    return g;
}

static uint64_t state;

static unsigned random_below(unsigned n)
{
    return (unsigned)(test_random(&state) >> 33) % n;
}

static void draw_at_random(void)
{
    memset(&drawn, 0, sizeof drawn);
    unsigned nodes = 3 + random_below(NODES - 3), edges = random_below(3 * nodes);
    node(T_SYNTHETIC, 0);
    for (unsigned n = 1; n < nodes; n++)
        node(T_OBJECT, 1 + random_below(5));
    unsigned roots = random_below(3);
    for (unsigned i = 0; i < roots; i++)
        edge(0, SHORTCUT, 1 + random_below(nodes - 1));
    edge(0, ELEMENT, 1 + random_below(nodes - 1));
    for (unsigned i = 0; i < edges && drawn.edges < EDGES; i++) {
        unsigned kind = random_below(10) == 0 ? WEAK : random_below(2) == 0 ? ELEMENT : PROPERTY;
        edge(1 + random_below(nodes - 1), kind, random_below(nodes));
    }
}

/* ---- paths */

/* True when the root reaches `to` by edges that are not weak, without edge `cut`. */
static bool reaches(const struct mid__graph *g, uint32_t to, uint32_t cut)
{
    bool seen[NODES] = {[0] = true};
    for (bool more = true; more;) {
        more = false;
        for (uint32_t n = 0; n < g->node_count; n++)
            for (uint32_t e = g->first_edge[n]; seen[n] && e < g->first_edge[n + 1]; e++)
                if (e != cut && g->edge_type[e] != MID__EDGE_WEAK && !seen[g->edge_target[e]])
                    more = seen[g->edge_target[e]] = true;
    }
    return seen[to];
}

static void expect_unbroken(const struct mid__graph *g, uint32_t to, const uint32_t *steps, uint32_t count)
{
    bool seen[NODES] = {[0] = true};
    uint32_t at = g->root;
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_uint_eq(mid__graph_edge_source(g, steps[i]), at);
        at = g->edge_target[steps[i]];
        ck_assert(!seen[at]);
        seen[at] = true;
    }
    ck_assert_uint_eq(at, to);
}

/* Takes all paths to `to`; returns how many. Each must have an edge of its own, and the first be a shortest. */
static unsigned expect_routes(const struct mid__graph *g, uint32_t to, bool *has_second)
{
    bool taken[EDGES] = {false};
    struct mid__routes *r;
    unsigned found = 0;
    *has_second = false;
    ck_assert(mid__routes_begin(g, to, &r) == MID_OK);
    for (;; found++) {
        uint32_t *steps, count, new = 0;
        ck_assert(mid__routes_next(r, &steps, &count) == MID_OK);
        if (count == 0) {
            free(steps);
            break;
        }
        expect_unbroken(g, to, steps, count);
        for (uint32_t i = 0; i < count; i++) {
            if (found == 0)
                *has_second |= reaches(g, to, steps[i]);
            new += !taken[steps[i]];
            taken[steps[i]] = true;
        }
        ck_assert_uint_ne(new, 0);
        if (found == 0 && g->distance[to] < MID__DISTANCE_SYSTEM)
            ck_assert_int_eq((int32_t)count, g->distance[to]);
        free(steps);
    }
    mid__routes_free(r);
    return found;
}

START_TEST(routes__in_random_graphs__have_a_second_where_cutting_the_first_leaves_one)
{
    unsigned seconds = 0;
    unsigned long rounds = test_rounds(400);
    state = test_seed("routes");
    for (unsigned long i = 0; i < rounds; i++) {
        draw_at_random();
        struct mid__graph *g = read_drawn(MID__PARTS_FIGURES);
        for (uint32_t n = 1; n < g->node_count; n++) {
            bool second;
            unsigned found = expect_routes(g, n, &second);
            ck_assert_msg((found != 0) == (g->distance[n] >= 0), "round %lu: node %u", i, n);
            ck_assert_msg((found > 1) == second, "round %lu: %u paths to node %u", i, found, n);
            seconds += second;
        }
        mid__graph_free(g);
    }
    ck_assert_uint_gt(seconds, 0);
}
END_TEST

START_TEST(routes__through_an_array_and_its_elements__are_one)
{
    memset(&drawn, 0, sizeof drawn);
    node(T_SYNTHETIC, 0);
    node(T_OBJECT, 6);
    node(T_OBJECT, 1); /* an array */
    node(T_ARRAY, 0);  /* its elements */
    node(T_OBJECT, 2);
    node(T_OBJECT, 3);
    edge(0, SHORTCUT, 1);
    edge(1, PROPERTY, 2);
    edge(2, INTERNAL, 3);
    edge(2, ELEMENT, 4);
    edge(3, INTERNAL, 4);
    edge(3, INTERNAL, 5); /* in the elements alone */
    struct mid__graph *g = read_drawn(MID__PARTS_FIGURES);
    bool second;
    ck_assert_uint_eq(expect_routes(g, 4, &second), 1);
    ck_assert_uint_eq(expect_routes(g, 5, &second), 1);
    mid__graph_free(g);
}
END_TEST

START_TEST(routes__what_only_system_roots_hold__comes_behind_all_that_hangs_on_user_roots)
{
    memset(&drawn, 0, sizeof drawn);
    node(T_SYNTHETIC, 0);
    node(T_OBJECT, 6);
    node(T_SYNTHETIC, 5);
    node(T_OBJECT, 1);
    node(T_OBJECT, 2);
    edge(0, SHORTCUT, 1);
    edge(0, ELEMENT, 2);
    edge(1, PROPERTY, 3);
    edge(3, PROPERTY, 4);
    edge(1, PROPERTY, 4);
    edge(2, ELEMENT, 4);
    struct mid__graph *g = read_drawn(MID__PARTS_FIGURES);
    struct mid__routes *r;
    uint32_t *steps, count, lengths[4] = {0}, starts[4] = {0};
    ck_assert(mid__routes_begin(g, 4, &r) == MID_OK);
    for (int i = 0; i < 4; i++) {
        ck_assert(mid__routes_next(r, &steps, &count) == MID_OK);
        lengths[i] = count;
        starts[i] = count != 0 ? g->edge_target[steps[0]] : 0;
        free(steps);
    }
    mid__routes_free(r);
    ck_assert(lengths[0] == 2 && lengths[1] == 3 && lengths[2] == 2 && lengths[3] == 0);
    ck_assert(starts[0] == 1 && starts[1] == 1 && starts[2] == 2);
    mid__graph_free(g);
}
END_TEST

/* ---- merged */

/* What would be free if all selected that are reached were gone: by going up from every node. */
static uint64_t retained_by(const struct mid__graph *g, const uint8_t *selected, const uint32_t *arrivals)
{
    uint64_t bytes = 0;
    for (uint32_t n = 0; n < g->node_count; n++) {
        bool held = false;
        for (uint32_t at = n;; at = g->dominator[at]) {
            held |= selected[at] && (arrivals[at] != MID__PATH_NO_EDGE || at == g->root) && mid__graph_size(g, at) != 0;
            if (at == g->dominator[at])
                break;
        }
        bytes += held ? mid__graph_size(g, n) : 0;
    }
    return bytes;
}

static void expect_merged(const struct mid__graph *g, const struct mid__classes *c)
{
    uint8_t selected[NODES] = {0};
    uint32_t *arrivals;
    struct mid__path_groups groups;
    uint64_t count = 0, unreached = 0, ends = 0, shallow = 0;
    ck_assert(mid__path_edges(g, &arrivals) == MID_OK);
    for (uint32_t n = 0; n < g->node_count; n++) {
        bool reached = arrivals[n] != MID__PATH_NO_EDGE || n == g->root;
        selected[n] = random_below(3) == 0 && reached;
        if (!selected[n] || mid__graph_size(g, n) == 0)
            continue;
        count++;
        unreached += !reached;
        shallow += mid__graph_size(g, n);
    }
    ck_assert(mid__path_merge(g, c, arrivals, selected, &groups) == MID_OK);
    ck_assert_uint_eq(groups.selected, count);
    ck_assert_uint_eq(groups.unreached, unreached);
    for (uint32_t i = 1; i < groups.count; i++) {
        const struct mid__path_group *p = &groups.list[i];
        ck_assert_uint_lt(p->parent, i);
        ck_assert(p->count != 0 && p->objects != 0 && p->count >= p->ends);
        for (uint32_t k = 1; k < i; k++)
            ck_assert(groups.list[k].parent != p->parent || groups.list[k].place != p->place);
    }
    for (uint32_t i = 0; i < groups.count; i++)
        ends += groups.list[i].ends;
    ck_assert_uint_eq(ends, count - unreached);
    ck_assert_uint_eq(groups.list[0].count, count - unreached);
    ck_assert_uint_eq(groups.list[0].shallow, shallow);
    ck_assert_uint_eq(groups.list[0].retained, retained_by(g, selected, arrivals));
    free(groups.list);
    free(arrivals);
}

START_TEST(merge__in_random_graphs__adds_up)
{
    unsigned long rounds = test_rounds(400);
    state = test_seed("merge");
    for (unsigned long i = 0; i < rounds; i++) {
        struct mid__classes *c;
        draw_at_random();
        struct mid__graph *g = read_drawn(MID__PARTS_FIGURES | MID__PART_DOMINATED);
        ck_assert(mid__classes_build(g, NULL, false, &c) == MID_OK);
        expect_merged(g, c);
        mid__classes_free(c);
        mid__graph_free(g);
    }
}
END_TEST

START_TEST(merge__a_list_of_one_class__is_one_step)
{
    memset(&drawn, 0, sizeof drawn);
    node(T_SYNTHETIC, 0);
    node(T_OBJECT, 6);
    edge(0, SHORTCUT, 1);
    for (unsigned n = 2; n < 30; n++) {
        node(T_OBJECT, 1);
        edge(n - 1, PROPERTY, n);
    }
    struct mid__graph *g = read_drawn(MID__PARTS_FIGURES | MID__PART_DOMINATED);
    struct mid__classes *c;
    struct mid__path_groups groups;
    uint32_t *arrivals;
    uint8_t selected[NODES];
    memset(selected, 1, sizeof selected);
    ck_assert(mid__classes_build(g, NULL, false, &c) == MID_OK);
    ck_assert(mid__path_edges(g, &arrivals) == MID_OK);
    ck_assert(mid__path_merge(g, c, arrivals, selected, &groups) == MID_OK);
    ck_assert_uint_eq(groups.count, 3);
    ck_assert_uint_eq(groups.list[2].objects, 28);
    ck_assert_uint_eq(groups.list[2].ends, 28);
    ck_assert_uint_eq(groups.list[1].count, 29);
    free(groups.list);
    free(arrivals);
    mid__classes_free(c);
    mid__graph_free(g);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("paths");
    tcase_add_test(c, routes__in_random_graphs__have_a_second_where_cutting_the_first_leaves_one);
    tcase_add_test(c, routes__through_an_array_and_its_elements__are_one);
    tcase_add_test(c, routes__what_only_system_roots_hold__comes_behind_all_that_hangs_on_user_roots);
    tcase_add_test(c, merge__in_random_graphs__adds_up);
    tcase_add_test(c, merge__a_list_of_one_class__is_one_step);
    return run_suite("paths", c, NULL);
}
