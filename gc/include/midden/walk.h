/* SPDX-License-Identifier: MIT
 *
 * <midden/walk.h>: every live object, every edge, every root, for snapshots and tools. Made for a writer that streams: it
 * walks twice, objects and then edges, and turns a reference into its ordinal without a table of its own.
 *
 *     mid_walk_begin(heap, MID_WALK_COLLECT, &walk);
 *     struct mid_walk_object object = {.struct_size = sizeof object};
 *     while (mid_walk_next(walk, &object))            // ordinals 0, 1, 2 ...
 *         node(object.id, object.name, object.shallow_bytes, mid_walk_edge_count(walk, object.ref));
 *     mid_walk_rewind(walk);
 *     while (mid_walk_next(walk, &object))
 *         mid_walk_edges(walk, object.ref, edge, writer); // each with target_ordinal
 *     mid_walk_end(walk);
 *
 * Between begin and end nothing may be allocated in the heap, collected, or stored into objects: such calls are refused
 * (an allocation returns null) or are the caller's mistake (a store). Nothing moves meanwhile, so references stay good.
 * Ordinals cost 1/512 of the heap: a count a run of side bits, the bits themselves are there already.
 */
#ifndef MIDDEN_WALK_H
#define MIDDEN_WALK_H

#include <midden/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mid_walk;

enum {
    MID_WALK_COLLECT = 1, /* a full collection first: only reachable objects are seen. Without it, also dead ones that no
                             collection has found yet */
    MID_WALK_NO_IDS = 2,  /* give no ids: object.id is 0 and the side table of ids is not touched */
    MID_WALK_ASK_IDS = 4  /* object.id is 0, but mid_walk_id tells it: for a walk that goes over the objects several times */
};

/* Begins a walk; all objects have their ids from then on, but for MID_WALK_NO_IDS. May collect with MID_WALK_COLLECT (and
 * finalizers run then). MID_E_INVALID: unknown flags. MID_E_BUSY:
 * another walk is open, or called from a callback. MID_E_MEMORY: no room for ordinals or ids; the heap is unchanged, but
 * that some objects may have their ids. */
MID_API enum mid_status mid_walk_begin(struct mid_heap *heap, uint32_t flags, struct mid_walk **walk);
MID_API void mid_walk_end(struct mid_walk *walk);

/* Number of objects; ordinals are 0 ... count - 1, in the order of mid_walk_next. */
MID_API size_t mid_walk_count(const struct mid_walk *walk);

struct mid_walk_object {
    size_t struct_size;      /* set by the caller */
    struct mid_ref ref;
    size_t ordinal;
    uint64_t id;             /* odd, from MID_WALK_FIRST_ID on; the same for this object in every later walk */
    const char *name;        /* its description, else the type's name; NUL-terminated UTF-8, good until the next call.
                                For MID_KIND_STRING the type's name: the string is in data and bytes */
    const char *type_name;
    uint32_t type_index;     /* 0, 1, 2 ... in the order of registration */
    uint32_t kind;           /* enum mid_kind */
    uint32_t space;          /* enum mid_space_id */
    size_t shallow_bytes;    /* header and payload in whole words; the sum over all objects is heap_used */
    size_t external_bytes;   /* owned outside the heap: a buffer's slice. To be shown as a node of its own of kind native
                                under the object, or added to shallow_bytes; never both */
    const void *data;        /* payload */
    size_t bytes;
    size_t tail_offset;      /* where the tail begins in data; == bytes when there is none */
    const struct mid_slice *slice; /* of a buffer, else NULL */
};

/* Ids below this are free for the synthetic nodes of a snapshot. */
#define MID_WALK_FIRST_ID 1001

/* The next object; false after the last. O(1). */
MID_API bool mid_walk_next(struct mid_walk *walk, struct mid_walk_object *object);
MID_API void mid_walk_rewind(struct mid_walk *walk);

struct mid_walk_edge {
    size_t struct_size;
    uint32_t edge;         /* enum mid_edge_kind */
    const char *name;      /* for property, context, internal, weak */
    size_t index;          /* for element and hidden */
    struct mid_ref target; /* never null */
    size_t target_ordinal;
    bool name_is_passing;  /* the name is good for the time of the call alone */
};
typedef void (*mid_walk_edge_fn)(void *user, const struct mid_walk_edge *edge);

/* The edges of one object, null ones left out, in a fixed order. Any object of the walk. */
MID_API void mid_walk_edges(struct mid_walk *walk, struct mid_ref object, mid_walk_edge_fn fn, void *user);
MID_API size_t mid_walk_edge_count(struct mid_walk *walk, struct mid_ref object);

enum mid_root_kind {
    MID_ROOT_LOCAL = 0,
    MID_ROOT_PERSISTENT,
    MID_ROOT_CALLBACK,
    MID_ROOT_FINALIZER, /* waits for its finalizer to run */
    MID_ROOT_WEAK,      /* not a root: shown as a weak edge, so that one sees who watches an object */
    MID_ROOT_STACK,     /* with stack_scan: the C stack of the thread that began the walk refers to it, or seems to */
    MID_ROOT_KIND_COUNT
};

struct mid_walk_root {
    size_t struct_size;
    uint32_t kind;         /* enum mid_root_kind */
    const char *group;     /* the label of a callback, else the name of the kind; never NULL */
    const char *label;     /* of the handle or slot; NULL when it has none */
    size_t index;          /* counts the roots of this kind and group from 0 */
    struct mid_ref target; /* never null */
    size_t target_ordinal;
};
typedef void (*mid_walk_root_fn)(void *user, const struct mid_walk_root *root);

/* All roots, those of a kind together, those of a group together, in a fixed order. */
MID_API void mid_walk_roots(struct mid_walk *walk, mid_walk_root_fn fn, void *user);

/* The ordinal or the id of an object of this walk. An ordinal costs a few population counts. */
MID_API size_t mid_walk_ordinal(const struct mid_walk *walk, struct mid_ref ref);
MID_API uint64_t mid_walk_id(struct mid_walk *walk, struct mid_ref ref);

/* The allocation site of an object of this walk (<midden/sites.h>); 0: it was not sampled. O(1). */
MID_API uint32_t mid_walk_site(const struct mid_walk *walk, struct mid_ref ref);

/* The id of one object, outside walks too: odd, stable over moves and walks, never given to another object of this
 * heap. Costs 20 to 40 bytes an object; a walk, which names all objects at once, less than a bit a word of old space, until
 * they move. One that is moved while there is no memory for that loses its id. 0 when there is no memory. Never collects. */
MID_API uint64_t mid_object_id(struct mid_heap *heap, struct mid_ref ref);

#ifdef __cplusplus
}
#endif
#endif
