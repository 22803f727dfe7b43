/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/statistics.h>: what a heap is made of, in the few parts of DevTools' Statistics view; never
 * installed.
 */
#ifndef MIDDEN_INTERNAL_STATISTICS_H
#define MIDDEN_INTERNAL_STATISTICS_H

#include <midden/internal/graph.h>

/* Bytes. total = native + v8_heap;  native >= typed_arrays;  v8_heap >= code + strings + js_arrays + system. */
struct mid__statistics {
    uint64_t total;
    uint64_t native, typed_arrays;                    /* outside V8's heap, and the buffers in it */
    uint64_t v8_heap, code, strings, js_arrays, system;
};

/* `graph` must have MID__PART_FOLDED. `selected` NULL: all nodes, with the header's extra_native_bytes; else those for
 * which selected[node] is 1, and without. MID_E_INVALID: the part is missing. MID_E_MEMORY. O(nodes + edges). */
enum mid_status mid__statistics_of(const struct mid__graph *graph, const uint8_t *selected,
                                   struct mid__statistics *statistics);

/* Objects of V8's heap that are none of its other parts. */
static inline uint64_t mid__statistics_other_js(const struct mid__statistics *s)
{
    return s->v8_heap - s->code - s->strings - s->js_arrays - s->system;
}

#endif
