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

#include <stdlib.h>
#include <string.h>

static bool is_named(const struct mid__graph *g, uint32_t string, const char *words)
{
    return mid__strings_is(&g->strings, string, words, strlen(words));
}

/* The number that an edge's name begins with, as JavaScript's parseInt; -1 where it begins with none. */
static int64_t leading_number(const struct mid__graph *g, uint32_t edge)
{
    if (mid__edge_is_numbered(g->edge_type[edge]))
        return g->edge_name[edge];
    int64_t number = -1;
    for (struct mid__string_step it = mid__string_begin(&g->strings, g->edge_name[edge]); mid__string_next(&it);) {
        if (it.code_point < '0' || it.code_point > '9' || number > INT64_MAX / 16)
            break;
        number = (number < 0 ? 0 : number * 10) + (int64_t)(it.code_point - '0');
    }
    return number;
}

/* `descriptors`, `context`: the edge goes out from a descriptor array, from the native context. */
static bool followed(const struct mid__graph *g, uint32_t edge, bool descriptors, bool context)
{
    uint8_t type = g->edge_type[edge];
    if (type == MID__EDGE_WEAK)
        return false;
    if (context && !mid__edge_is_numbered(type) && is_named(g, g->edge_name[edge], "sloppy_function_map"))
        return false;
    if (!descriptors)
        return true;
    int64_t index = leading_number(g, edge);
    return index < 2 || index % 3 != 1;
}

/* Edges of one node to those one step further. */
static void arrive_from(const struct mid__graph *g, uint32_t source, uint32_t *edges)
{
    int32_t next = g->distance[source] + 1;
    bool at_root = source == g->root && g->has_user_roots;
    bool descriptors = g->node_type[source] == MID__NODE_ARRAY && is_named(g, g->node_name[source], "(map descriptors)");
    bool context =
        g->node_type[source] == MID__NODE_HIDDEN && is_named(g, g->node_name[source], "system / NativeContext");
    for (uint32_t e = g->first_edge[source]; e < g->first_edge[source + 1]; e++) {
        uint32_t to = g->edge_target[e];
        if (edges[to] != MID__PATH_NO_EDGE || to == g->root)
            continue;
        if (at_root && g->distance[to] == 1)
            edges[to] = e;
        else if (g->distance[to] == next && followed(g, e, descriptors, context))
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
