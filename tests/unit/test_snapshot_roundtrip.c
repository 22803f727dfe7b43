/* SPDX-License-Identifier: MIT
 * What heapdump/write writes, heapdump/graph reads: sizes, distances and retained sizes are those that follow from the
 * source, computed here the slow way. */
#include <midden/internal/graph.h>
#include <midden/snapshot.h>

#include "suite.h"
#include "table_source.h"

#include <stdlib.h>
#include <string.h>

enum { NODES = 150, EDGES = 400, BASE = 2 + 3 };

static const char *const groups[] = {"(Local handles)", "(Globals)", "(Weak handles)"};

struct random_heap {
    struct mid_snapshot_node nodes[NODES];
    struct table_edge edges[EDGES];
    struct table_root roots[12];
    struct table table;
};

static int by_from(const void *a, const void *b)
{
    uint64_t x = ((const struct table_edge *)a)->from, y = ((const struct table_edge *)b)->from;
    return x < y ? -1 : x > y;
}

/* Objects that all hang below node 0, the global, by a tree of strong edges; further edges, some weak; local handles to
 * anywhere, which must not change who retains what. */
static void make_heap(struct random_heap *h, uint64_t *random)
{
    static const enum mid_snapshot_edge_type strong[] = {MID_SNAPSHOT_EDGE_PROPERTY, MID_SNAPSHOT_EDGE_ELEMENT,
                                                         MID_SNAPSHOT_EDGE_INTERNAL, MID_SNAPSHOT_EDGE_CONTEXT};
    memset(h, 0, sizeof *h);
    for (size_t i = 0; i < NODES; i++)
        h->nodes[i] = (struct mid_snapshot_node){MID_SNAPSHOT_OBJECT, 1001 + 2 * i, 8 + test_random(random) % 5000, 0,
                                                 TEXT("Thing"), 0, 0};
    for (size_t i = 0; i < EDGES; i++) {
        struct table_edge *e = &h->edges[i];
        bool tree = i + 1 < NODES;
        e->from = test_random(random) % (tree ? i + 1 : NODES);
        e->edge.target = tree ? i + 1 : test_random(random) % NODES;
        e->edge.type = !tree && test_random(random) % 4 == 0 ? MID_SNAPSHOT_EDGE_WEAK : strong[test_random(random) % 4];
        e->edge.index = i;
        e->edge.name = (struct mid_snapshot_text)TEXT("field");
    }
    qsort(h->edges, EDGES, sizeof h->edges[0], by_from);
    for (size_t i = 0; i < 10; i++)
        h->roots[i].root.target = test_random(random) % NODES;
    h->roots[10] = (struct table_root){1, {0, MID_SNAPSHOT_ROOT_GLOBAL, TEXT("app")}};
    h->roots[11] = (struct table_root){2, {7, MID_SNAPSHOT_ROOT_WEAK, TEXT("cache")}};
    h->table = (struct table){.nodes = h->nodes, .edges = h->edges, .roots = h->roots, .node_count = NODES,
                              .edge_count = EDGES, .root_count = 12, .groups = groups, .group_count = 3};
}

static struct mid__graph *round_trip(struct table *t)
{
    struct mid_snapshot_source source = table_source(t);
    struct memory m = {0};
    struct mid__graph *g;
    struct mid__graph_error error;
    ck_assert_int_eq(mid_snapshot_write_stream(memory_write, &m, &source, NULL), MID_OK);
    ck_assert_msg(mid__graph_load_memory(m.bytes, m.count, NULL, &g, &error) == MID_OK, "%s", error.message);
    ck_assert_msg(mid__graph_analyze(g, MID__PARTS_FIGURES, &error) == MID_OK, "%s", error.message);
    free(m.bytes);
    return g;
}

/* Steps from the global to every node over strong edges, never through `without`; -1 where none lead. */
static void steps_from_global(const struct random_heap *h, size_t without, int *steps)
{
    for (size_t i = 0; i < NODES; i++)
        steps[i] = -1;
    if (without != 0)
        steps[0] = 0;
    for (int round = 0, more = 1; more; round++) {
        more = 0;
        for (size_t i = 0; i < EDGES; i++) {
            const struct table_edge *e = &h->edges[i];
            if (steps[e->from] != round || steps[e->edge.target] >= 0 || e->edge.target == without ||
                e->edge.type == MID_SNAPSHOT_EDGE_WEAK)
                continue;
            steps[e->edge.target] = round + 1;
            more = 1;
        }
    }
}

START_TEST(random_heap__read_back__has_the_sizes_and_distances_that_follow)
{
    uint64_t random = test_seed("random_heap");
    static struct random_heap h;
    int steps[NODES];
    for (unsigned long round = 0; round < test_rounds(20); round++) {
        make_heap(&h, &random);
        struct mid__graph *g = round_trip(&h.table);
        ck_assert_uint_eq(g->node_count, BASE + NODES);
        ck_assert_uint_eq(g->warning_count, 0);
        ck_assert(g->has_user_roots);
        uint64_t total = 0;
        steps_from_global(&h, NODES, steps);
        for (uint32_t i = 0; i < NODES; i++) {
            total += h.nodes[i].self_bytes;
            ck_assert_uint_eq(mid__graph_id(g, BASE + i), h.nodes[i].id);
            ck_assert_uint_eq(mid__graph_raw_size(g, BASE + i), h.nodes[i].self_bytes);
            ck_assert_int_eq(g->distance[BASE + i], steps[i] + 1);
        }
        ck_assert_uint_eq(g->total_size, total);
        for (uint32_t v = 0; v < NODES; v++) {
            uint64_t retained = 0;
            steps_from_global(&h, v, steps);
            for (size_t i = 0; i < NODES; i++)
                retained += steps[i] < 0 ? h.nodes[i].self_bytes : 0;
            ck_assert_msg(g->retained[BASE + v] == retained, "node %u", v);
        }
        mid__graph_free(g);
    }
}
END_TEST

/* Any graph that the writer can write is one that the reader takes without a warning. */
START_TEST(random_graph__read_back__draws_no_warning)
{
    uint64_t random = test_seed("no_warning");
    for (unsigned long round = 0; round < test_rounds(20); round++) {
        struct table *t = table_random(&random, 1 + test_random(&random) % 200, test_random(&random) % 600, 50);
        for (size_t i = 0; i < t->edge_count; i++)
            ((struct table_edge *)(uintptr_t)t->edges)[i].edge.index &= 0xffffff;
        t->extra_native_bytes = test_random(&random) % 1000;
        struct mid__graph *g = round_trip(t);
        ck_assert_uint_eq(g->node_count, 6 + t->node_count);
        ck_assert_uint_eq(g->edge_count, 1 + 3 + 4 + 9 + t->edge_count);
        ck_assert_uint_eq(g->extra_native_bytes, t->extra_native_bytes);
        ck_assert_msg(g->warning_count == 0, "%s", g->warning_count == 0 ? "" : g->warnings[0].message);
        mid__graph_free(g);
        table_free(t);
    }
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("round trip");
    tcase_add_test(c, random_heap__read_back__has_the_sizes_and_distances_that_follow);
    tcase_add_test(c, random_graph__read_back__draws_no_warning);
    return run_suite("snapshot round trip", c, NULL);
}
