/* SPDX-License-Identifier: MIT
 * followed.h: which edges the search for distances follows, for those who read paths off it (path.c, routes.c). */
#ifndef MIDDEN_GRAPH_FOLLOWED_H
#define MIDDEN_GRAPH_FOLLOWED_H

#include <midden/internal/graph.h>

#include <string.h>

static inline bool followed_is_named(const struct mid__graph *g, uint32_t string, const char *words)
{
    return mid__strings_is(&g->strings, string, words, strlen(words));
}

/* The number that an edge's name begins with, as JavaScript's parseInt; -1 where it begins with none. */
static inline int64_t followed_number(const struct mid__graph *g, uint32_t edge)
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

/* What the edges of one node have in common. */
struct followed_source {
    bool descriptors, context; /* a descriptor array; the native context */
};

static inline struct followed_source followed_from(const struct mid__graph *g, uint32_t node)
{
    return (struct followed_source){
        g->node_type[node] == MID__NODE_ARRAY && followed_is_named(g, g->node_name[node], "(map descriptors)"),
        g->node_type[node] == MID__NODE_HIDDEN && followed_is_named(g, g->node_name[node], "system / NativeContext")};
}

static inline bool is_followed(const struct mid__graph *g, const struct followed_source *from, uint32_t edge)
{
    uint8_t type = g->edge_type[edge];
    if (type == MID__EDGE_WEAK)
        return false;
    if (from->context && !mid__edge_is_numbered(type) &&
        followed_is_named(g, g->edge_name[edge], "sloppy_function_map"))
        return false;
    if (!from->descriptors)
        return true;
    int64_t index = followed_number(g, edge);
    return index < 2 || index % 3 != 1;
}

#endif
