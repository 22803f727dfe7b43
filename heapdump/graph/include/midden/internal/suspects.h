/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/suspects.h>: what probably leaks, in one snapshot or in a series of one process; never installed.
 */
#ifndef MIDDEN_INTERNAL_SUSPECTS_H
#define MIDDEN_INTERNAL_SUSPECTS_H

#include <midden/internal/classes.h>

/* ---- a series: what each snapshot adds to what was known */

/* An object that was in every snapshot so far. */
struct mid__series_object {
    uint64_t id, first, last; /* bytes retained in the first and in the latest */
    uint32_t grown;           /* how often it retained more than in the one before */
};

/* The large objects of one kind (node type, and of objects the name) that one object dominates directly, added up: what
 * is made anew and replaces another is not taken for growth. */
struct mid__series_group {
    uint64_t dominator, kind; /* id; hash */
    uint64_t first, last;     /* bytes retained */
    uint64_t gone;            /* of `first`, that of objects which the latest does not have */
    uint32_t grown;           /* how often they retained more than in the one before */
};

/* One of them, as it was in the first snapshot. */
struct mid__series_large {
    uint64_t id, bytes;
    struct mid__series_group key; /* dominator and kind */
};

struct mid__series_class {
    uint64_t first_count, last_count, first_size, last_size;
    uint32_t grown; /* how often there were more of them */
};

/* Zero-initialised is empty. */
struct mid__series {
    struct mid__series_object *objects; /* ascending by id */
    size_t object_count;
    struct mid__series_group *groups;   /* ascending by dominator and kind; those of the first snapshot */
    size_t group_count;
    struct mid__series_large *large;    /* ascending as the groups are */
    size_t large_count;
    struct mid__intern names;           /* of classes */
    struct mid__series_class *classes;  /* [names.count] */
    uint32_t class_capacity, snapshots;
    uint64_t first_total, last_total;
};

/* In so many of the steps from one snapshot to the next must something grow to be a suspect: all of 1 and 2, and two
 * thirds of more, for a leak may rest while nobody uses the program. */
static inline uint32_t mid__series_steps_needed(const struct mid__series *series)
{
    uint32_t steps = series->snapshots - 1;
    return steps - steps / 3;
}

/* The group of a node: its dominator's id, and a hash of its kind. The node is not the root. */
struct mid__series_group mid__series_group_of(const struct mid__graph *graph, uint32_t node);

/* The group with this dominator and kind, or NULL. O(log groups). */
const struct mid__series_group *mid__series_find_group(const struct mid__series *series,
                                                       const struct mid__series_group *key);

/* Adds the next snapshot, the oldest first. `graph` must have MID__PART_RETAINED and MID__PART_BY_ID; `classes` are by
 * name and without interfaces, since those of two snapshots differ. MID_E_INVALID, MID_E_MEMORY, MID_E_LIMIT: the
 * series can only be freed. O(nodes). */
enum mid_status mid__series_add(struct mid__series *series, const struct mid__graph *graph,
                                const struct mid__classes *classes);
void mid__series_free(struct mid__series *series);

/* ---- suspects */

enum mid__suspect_kind {
    MID__SUSPECT_HOLDER,     /* one object, below which an outsized share (of a series: of the growth) spreads */
    MID__SUSPECT_CHAIN,      /* the same, but what it holds hangs one behind the other: a list */
    MID__SUSPECT_COLLECTION, /* an object with very many entries, though no outsized share */
    MID__SUSPECT_CLASS,      /* a class whose objects retain an outsized share in many places */
    MID__SUSPECT_GROWTH      /* of a series: a class of which there are more each time */
};

struct mid__suspect {
    enum mid__suspect_kind kind;
    uint32_t node;        /* the holder; of a class, the object that retains most; of growth UINT32_MAX */
    uint32_t owner;       /* the nearest object on a shortest path to it that is no mere container; itself, or the root */
    uint32_t place;       /* the class of most of what it holds, in bytes; of a class itself */
    uint32_t holder_place; /* of a class: the class of what holds most of its objects */
    uint64_t bytes;       /* retained; of growth, and of holders in a series, how much more than at first */
    uint64_t whole;       /* what `bytes` is a share of */
    uint64_t entries;     /* what it holds directly; of a chain its length, of a class its objects */
    uint64_t of_place;    /* how many of the entries are of `place` */
    uint32_t example;     /* the entry of `place` that weighs most; UINT32_MAX: none. Only of holders and collections */
    uint32_t name;        /* of growth: in the names of the series */
    uint32_t snapshots;   /* of the series; 0 for one snapshot */
    uint32_t grown;       /* of a series: in how many steps it grew */
};

struct mid__suspects {
    struct mid__suspect *list; /* holders and chains by bytes, then collections, classes, growth; each by bytes */
    size_t count, capacity;
};

/* What mid__suspects_find stands on. */
#define MID__SUSPECT_PARTS (MID__PARTS_FIGURES | MID__PART_DOMINATED)

/* Finds suspects in `graph`, whose `classes` are by name with retained sizes, and `arrivals` those of mid__path_edges.
 * `series` NULL: in one snapshot; else `graph` is its last, and the suspects are what grew. `selected` NULL: all; else
 * only objects with selected[node] 1 are suspects or count for their class. On MID_OK the list is the
 * caller's to free(). MID_E_INVALID: a part is missing. MID_E_MEMORY. O(nodes). */
enum mid_status mid__suspects_find(const struct mid__graph *graph, const struct mid__classes *classes,
                                   const uint32_t *arrivals, const struct mid__series *series,
                                   const uint8_t *selected, struct mid__suspects *suspects);

#endif
