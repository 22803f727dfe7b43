/* SPDX-License-Identifier: MIT
 *
 * essential.h: which edges hold their target alive, as far as dominators are concerned.
 *
 * Note [Essential edges]
 *
 * An edge is essential unless
 *   - it is weak, or leads from a node to itself;
 *   - it is a shortcut, but for those of the root, which name the program's globals;
 *   - it leads from a node that is not page-owned to one that is, but for the root's: or else what a debugger holds
 *     besides would change the dominators of the page's objects;
 *   - it is the table's side of an ephemeron: an internal edge whose name speaks of a WeakMap whose table is the edge's
 *     own source. The key's side stays: it says more.
 *
 * Nothing is stored for an edge. What depends on the source alone is asked once a node (essential_of), and the rest is
 * two comparisons an edge; the target's flags are looked at only for edges out of nodes that are not page-owned.
 */
#ifndef MIDDEN_GRAPH_ESSENTIAL_H
#define MIDDEN_GRAPH_ESSENTIAL_H

#include "private.h"

struct essential {
    const struct mid__graph *g;
    uint64_t *is_table; /* bitmap of nodes that are tables of ephemerons, or NULL: none */
};

/* Makes the bitmap; false without memory. */
bool essential_begin(struct essential *es, struct mid__graph *g);
void essential_end(struct essential *es, struct mid__graph *g);

/* Rare: whether internal edge e of a table is its side of an ephemeron. */
bool essential_is_table_side(const struct mid__graph *g, uint32_t source, uint32_t e);

/* What a source's edges have in common. */
struct essential_source {
    uint32_t node;
    unsigned passed_over; /* bit t: edges of type t */
    bool guards_page;     /* edges to page-owned nodes do not count */
    bool table;
};

MID__INLINE struct essential_source essential_of(const struct essential *es, uint32_t node)
{
    const struct mid__graph *g = es->g;
    bool root = node == g->root;
    return (struct essential_source){
        node, 1u << MID__EDGE_WEAK | (root ? 0 : 1u << MID__EDGE_SHORTCUT),
        !root && !(g->node_flags[node] & MID__FLAG_PAGE_OWNED),
        es->is_table != NULL && (es->is_table[node >> 6] >> (node & 63) & 1)};
}

MID__INLINE bool is_essential(const struct essential *es, const struct essential_source *s, uint32_t e, uint32_t target)
{
    const struct mid__graph *g = es->g;
    unsigned type = g->edge_type[e];
    if ((s->passed_over >> type & 1) || target == s->node)
        return false;
    if (s->guards_page && (g->node_flags[target] & MID__FLAG_PAGE_OWNED))
        return false;
    if (MID__UNLIKELY(s->table))
        return type != MID__EDGE_INTERNAL || !essential_is_table_side(g, s->node, e);
    return true;
}

#endif
