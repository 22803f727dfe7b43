/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/path.h>: how a node is reached from the roots; never installed.
 */
#ifndef MIDDEN_INTERNAL_PATH_H
#define MIDDEN_INTERNAL_PATH_H

#include <midden/internal/classes.h>
#include <midden/internal/graph.h>

#define MID__PATH_NO_EDGE UINT32_MAX

/* For every node, an edge by which a shortest path arrives at it; MID__PATH_NO_EDGE for the root and for what is not
 * reached. `graph` must have MID__PART_DISTANCES. Of several edges it is the first in the file. On MID_OK *edges
 * ([node_count]) is the caller's to free(). MID_E_INVALID: no distances. MID_E_MEMORY. O(nodes + edges). */
enum mid_status mid__path_edges(const struct mid__graph *graph, uint32_t **edges);

/* The edges from the root down to `node`, first to last. None for the root and for what is not reached. On MID_OK
 * *steps is the caller's to free(). The same errors and cost. */
enum mid_status mid__path_to(const struct mid__graph *graph, uint32_t node, uint32_t **steps, uint32_t *step_count);

/* ---- several distinct paths ----------------------------------------------------------------------------------- */

struct mid__routes;

/* Prepares to find paths to `node` one by one; for the terms see routes.c. `graph` must have MID__PART_DISTANCES and
 * MID__PART_DOMINATORS, and live as long. MID_E_INVALID, MID_E_MEMORY. O(nodes). */
enum mid_status mid__routes_begin(const struct mid__graph *graph, uint32_t node, struct mid__routes **routes);

/* The next path, the first of which is that of mid__path_to; as there. *step_count 0: there is no other. *steps is the
 * caller's to free() (also then). MID_E_MEMORY. O(nodes + edges). */
enum mid_status mid__routes_next(struct mid__routes *routes, uint32_t **steps, uint32_t *step_count);
void mid__routes_free(struct mid__routes *routes); /* NULL does nothing */

/* ---- the paths of many objects, merged by class --------------------------------------------------------------- */

struct mid__path_group {
    uint32_t parent;     /* in `list`, before this one; of the first itself */
    uint32_t place;      /* class of its objects */
    uint32_t edge;       /* by which the first of them was reached; MID__PATH_NO_EDGE for the root */
    bool one_name;       /* all were reached by edges of this type and name */
    uint32_t example;    /* the first selected object whose path goes through here */
    uint64_t objects;    /* on the paths: those of this group */
    uint64_t count;      /* selected objects whose paths go through it, or end here */
    uint64_t ends;       /* those that end here */
    uint64_t shallow;    /* bytes, of `count` */
    uint64_t retained;   /* bytes that would be free if they were gone, each counted once */
};

struct mid__path_groups {
    struct mid__path_group *list; /* [count]; the first is the root's */
    uint32_t count;
    uint64_t selected, unreached; /* objects, and those of them that nothing reaches */
};

/* Merges the shortest paths (arrivals: mid__path_edges) of the nodes whose selected[node] is 1, by the classes along
 * them; for the rules see merge.c. `graph` must have MID__PARTS_FIGURES and MID__PART_DOMINATED. Nodes of folded size 0
 * do not count, as in the class table. On MID_OK groups->list is the caller's to free(). MID_E_INVALID, MID_E_MEMORY,
 * MID_E_LIMIT (2^30 groups). O(nodes + lengths of the paths, shared ones counted once). */
enum mid_status mid__path_merge(const struct mid__graph *graph, const struct mid__classes *classes,
                                const uint32_t *arrivals, const uint8_t *selected, struct mid__path_groups *groups);

#endif
