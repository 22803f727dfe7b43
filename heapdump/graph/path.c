/* SPDX-License-Identifier: MIT
 *
 * path.c: shortest paths from the root, read off the distances.
 *
 * A node at distance d > 0 was reached by an edge from a node at d - 1 that the search follows; any such edge is the
 * last of a shortest path. Two starts need a word: a user root has distance 1 because the root has an edge to it,
 * whatever the root's own distance (100,000,000, where there are user roots); and the second search, for what only the
 * system's roots hold, starts at the root's distance.
 *
 * Not followed, as in the search itself: weak edges (but from the root to a user root), `sloppy_function_map` out of
 * the native context, and the back references of descriptor arrays, which are elements 4, 7, 10 ... of arrays named
 * (map descriptors). Of the two edges of an ephemeron the search passes over the first arrival, so the later one has
 * distance d - 1 and is found here without more ado.
 */
#include <midden/internal/path.h>

#include "followed.h"

#include <stdlib.h>
#include <string.h>

/* Edges of one node to those one step further. */
static void arrive_from(const struct mid__graph *g, uint32_t source, uint32_t *edges)
{
    int32_t next = g->distance[source] + 1;
    bool at_root = source == g->root && g->has_user_roots;
    struct followed_source from = followed_from(g, source);
    for (uint32_t e = g->first_edge[source]; e < g->first_edge[source + 1]; e++) {
        uint32_t to = g->edge_target[e];
        if (edges[to] != MID__PATH_NO_EDGE || to == g->root)
            continue;
        if (at_root && g->distance[to] == 1)
            edges[to] = e;
        else if (g->distance[to] == next && is_followed(g, &from, e))
            edges[to] = e;
    }
}

enum mid_status mid__path_edges(const struct mid__graph *g, uint32_t **edges)
{
    *edges = NULL;
    if (g->distance == NULL)
        return MID_E_INVALID;
    *edges = malloc(((size_t)g->node_count + 1) * sizeof **edges);
    if (*edges == NULL)
        return MID_E_MEMORY;
    memset(*edges, 0xff, g->node_count * sizeof **edges); /* MID__PATH_NO_EDGE */
    for (uint32_t n = 0; n < g->node_count; n++)
        if (g->distance[n] >= 0)
            arrive_from(g, n, *edges);
    return MID_OK;
}

enum mid_status mid__path_to(const struct mid__graph *g, uint32_t node, uint32_t **steps, uint32_t *step_count)
{
    uint32_t *edges, length = 0;
    enum mid_status status = mid__path_edges(g, &edges);
    *steps = NULL;
    *step_count = 0;
    if (status != MID_OK)
        return status;
    for (uint32_t n = node; edges[n] != MID__PATH_NO_EDGE; n = mid__graph_edge_source(g, edges[n]))
        length++;
    *steps = malloc(((size_t)length + 1) * sizeof **steps);
    if (*steps != NULL) {
        *step_count = length;
        for (uint32_t n = node; edges[n] != MID__PATH_NO_EDGE; n = mid__graph_edge_source(g, edges[n]))
            (*steps)[--length] = edges[n];
    }
    free(edges);
    return *steps != NULL ? MID_OK : MID_E_MEMORY;
}
