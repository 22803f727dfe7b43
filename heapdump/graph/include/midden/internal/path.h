/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/path.h>: how a node is reached from the roots; never installed.
 */
#ifndef MIDDEN_INTERNAL_PATH_H
#define MIDDEN_INTERNAL_PATH_H

#include <midden/internal/graph.h>

#define MID__PATH_NO_EDGE UINT32_MAX

/* For every node, an edge by which a shortest path arrives at it; MID__PATH_NO_EDGE for the root and for what is not
 * reached. `graph` must have MID__PART_DISTANCES. Of several edges it is the first in the file. On MID_OK *edges
 * ([node_count]) is the caller's to free(). MID_E_INVALID: no distances. MID_E_MEMORY. O(nodes + edges). */
enum mid_status mid__path_edges(const struct mid__graph *graph, uint32_t **edges);

/* The edges from the root down to `node`, first to last. None for the root and for what is not reached. On MID_OK
 * *steps is the caller's to free(). The same errors and cost. */
enum mid_status mid__path_to(const struct mid__graph *graph, uint32_t node, uint32_t **steps, uint32_t *step_count);

#endif
