/* SPDX-License-Identifier: MIT
 *
 * queue.h: looks ahead in the queue of a breadth-first search. Each node costs two misses of the cache that depend on
 * each other, where its edges begin and the edges; both are asked for some nodes before they are needed.
 */
#ifndef MIDDEN_GRAPH_QUEUE_H
#define MIDDEN_GRAPH_QUEUE_H

#include "private.h"

#define QUEUE_NEAR 6
#define QUEUE_FAR  12

MID__INLINE void queue_ahead(const struct mid__graph *g, const uint32_t *queue, size_t count, size_t at)
{
    if (at + QUEUE_FAR < count)
        MID__PREFETCH(&g->first_edge[queue[at + QUEUE_FAR]]);
    if (at + QUEUE_NEAR < count) {
        uint32_t e = g->first_edge[queue[at + QUEUE_NEAR]];
        MID__PREFETCH(&g->edge_target[e]);
        MID__PREFETCH(&g->edge_type[e]);
    }
}

#endif
