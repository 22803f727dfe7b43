/* SPDX-License-Identifier: MIT
 * sample.c: writes the snapshots that DevTools judges.
 *
 *     sample graph SEED FILE    a random graph through the source interface: every kind of node and edge, chains, cliques
 *                               and orphans, within what DevTools can hold (ids and sizes of 32 bits)
 */
#include <midden/snapshot.h>

#include "suite.h"
#include "table_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every third edge leads to a near neighbour, so that there are long paths, and trees as well as tangles. */
static uint64_t near_or_far(uint64_t *random, uint64_t from, uint64_t nodes)
{
    uint64_t step = 1 + test_random(random) % 9;
    return test_random(random) % 3 != 0 && from + step < nodes ? from + step : test_random(random) % nodes;
}

static int write_graph(uint64_t seed, const char *path)
{
    uint64_t random = seed * 0x9e3779b97f4a7c15u;
    size_t nodes = 20000, edges = 50000;
    struct table *t = table_random(&random, nodes, edges, 400);
    for (size_t i = 0; i < nodes; i++)
        t->nodes[i].self_bytes %= 4096;
    for (size_t i = 0; i < edges; i++) {
        struct table_edge *e = (struct table_edge *)(uintptr_t)&t->edges[i];
        e->edge.target = near_or_far(&random, e->from, nodes);
        e->edge.index &= 0xffff;
    }
    struct mid_snapshot_source source = table_source(t);
    enum mid_status status = mid_snapshot_write_file(path, &source, NULL);
    table_free(t);
    if (status != MID_OK)
        fprintf(stderr, "sample: %s: %s\n", path, mid_status_name(status));
    return status == MID_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "graph") == 0)
        return write_graph(strtoull(argv[2], NULL, 0), argv[3]);
    fprintf(stderr, "usage: sample graph SEED FILE\n");
    return 2;
}
