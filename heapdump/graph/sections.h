/* SPDX-License-Identifier: MIT
 *
 * sections.h: the arrays of a snapshot become columns.
 */
#ifndef MIDDEN_GRAPH_SECTIONS_H
#define MIDDEN_GRAPH_SECTIONS_H

#include "meta.h"
#include "numbers.h"

/* The largest value seen of an index into a section that may come later, and where it stood. */
struct highest {
    uint64_t value, where;
    bool any;
};

/* What the sections leave for the checks at the end. */
struct loaded {
    struct meta meta;
    bool nodes_done, edges_done;
    uint64_t nodes_where, edge_counts; /* where the nodes began; sum of their edge counts */
    uint64_t total_size;
    struct highest node_name, edge_name, edge_target;
};

/* Each takes its array wholly from `n`, which has begun. The header must be known. False on failure. */
bool nodes_read(struct loaded *l, struct numbers *n);
bool edges_read(struct loaded *l, struct numbers *n);
bool locations_read(struct loaded *l, struct numbers *n);

/* trace.c: the sections of allocation sites; the header must be known. Then what names what, when all is read. */
bool trace_functions_read(struct loaded *l, struct numbers *n);
bool trace_tree_read(struct loaded *l, struct scan *s);
bool trace_finish(struct scan *s);

/* Sorts the locations by node, and drops those that were given again; nodes must be known. */
bool locations_finish(struct loaded *l, struct scan *s);

#endif
