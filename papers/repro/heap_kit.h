/* SPDX-License-Identifier: MIT
 * What the experiments on the heap share: a heap with two types, a cell of two references and a table of references. */
#ifndef MIDDEN_PAPERS_HEAP_KIT_H
#define MIDDEN_PAPERS_HEAP_KIT_H

#include <midden/event.h>
#include <midden/heap.h>
#include <midden/roots.h>

#include "kit.h"

struct cell {
    struct mid_ref left, right;
    uint64_t payload[5];
};
enum { CELL_BYTES = sizeof(struct cell) + 8 }; /* with its header */

struct kit_heap {
    struct mid_heap *heap;
    struct mid_type cell, table;
};

static inline struct kit_heap kit_heap_open(const struct mid_heap_options *options)
{
    static const struct mid_field fields[] = {{"left", offsetof(struct cell, left), MID_EDGE_PROPERTY},
                                              {"right", offsetof(struct cell, right), MID_EDGE_PROPERTY}};
    struct kit_heap k;
    struct mid_type_info cell = {.struct_size = sizeof cell, .name = "Cell", .fixed_bytes = sizeof(struct cell),
                                 .fields = fields, .field_count = 2};
    struct mid_type_info table = {.struct_size = sizeof table, .name = "Table", .tail = MID_TAIL_REFS};
    KIT_NEED(mid_heap_create(options, &k.heap) == MID_OK);
    KIT_NEED(mid_type_register(k.heap, &cell, &k.cell) == MID_OK);
    KIT_NEED(mid_type_register(k.heap, &table, &k.table) == MID_OK);
    return k;
}

/* A table of `length` fresh cells, in the old space. */
static inline struct mid_persistent *kit_heap_fill(struct kit_heap k, size_t length)
{
    struct mid_ref table = mid_new_array(k.heap, k.table, length);
    KIT_NEED(!mid_is_null(table));
    struct mid_persistent *live = mid_persistent_new(k.heap, table, "live");
    for (size_t i = 0; i < length; i++) {
        struct mid_ref fresh = mid_new(k.heap, k.cell);
        KIT_NEED(!mid_is_null(fresh));
        mid_array_set(k.heap, mid_persistent_get(live), i, fresh);
    }
    mid_heap_collect(k.heap, MID_COLLECT_FULL, NULL);
    return live;
}

static inline struct mid_gc_stats kit_heap_stats(struct kit_heap k)
{
    struct mid_gc_stats s = {.struct_size = sizeof s};
    KIT_NEED(mid_heap_stats(k.heap, &s) == MID_OK);
    return s;
}

/* Bytes in objects of old and large space. */
static inline size_t kit_heap_used(struct kit_heap k)
{
    struct mid_gc_stats s = kit_heap_stats(k);
    return s.spaces[MID_SPACE_OLD].used_bytes + s.spaces[MID_SPACE_LARGE].used_bytes;
}

/* Full collections of any kind that have ended. */
static inline uint64_t kit_heap_fulls(struct kit_heap k)
{
    return kit_heap_stats(k).full_collections;
}

#endif
