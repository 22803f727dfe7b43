/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/diff.h>: two snapshots of one program compared class by class, with the figures of DevTools'
 * Comparison view; never installed.
 *
 * The newer snapshot is taken first and may be freed before the older one is loaded, so that never two graphs are in
 * memory:
 *     mid__diff_create, load NEW, infer its interfaces, build classes, mid__diff_take_new, free NEW,
 *     load OLD, build classes with the interfaces of NEW, mid__diff_take_old, free OLD, read the rows.
 */
#ifndef MIDDEN_INTERNAL_DIFF_H
#define MIDDEN_INTERNAL_DIFF_H

#include <midden/internal/classes.h>

struct mid__diff_row {
    uint32_t name, key;                /* in `texts`; as struct mid__class has them */
    uint64_t added, removed;           /* objects with an id that is only in NEW, or only in OLD */
    uint64_t added_size, removed_size; /* bytes, folded */
};

struct mid__diff {
    struct mid__intern texts;
    struct mid__diff_row *rows; /* classes in which nothing was added or removed are there too */
    uint32_t row_count;
    struct mid__diff_private *own;
};

enum mid_status mid__diff_create(struct mid__diff **diff);

/* Copies what the comparison needs of the newer snapshot: some 12 bytes a node. `graph` must have MID__PART_FOLDED and
 * MID__PART_BY_ID; `classes` are its own; only nodes whose selected[node] is 1 take part (NULL: all). Once.
 * MID_E_INVALID: a part is missing, or out of turn. MID_E_MEMORY, MID_E_LIMIT: the diff can only be freed. O(nodes). */
enum mid_status mid__diff_take_new(struct mid__diff *diff, const struct mid__graph *graph,
                                   const struct mid__classes *classes, const uint8_t *selected);

/* Compares with the older snapshot and fills the rows. The same conditions. Once, after the newer. */
enum mid_status mid__diff_take_old(struct mid__diff *diff, const struct mid__graph *graph,
                                   const struct mid__classes *classes, const uint8_t *selected);

void mid__diff_free(struct mid__diff *diff); /* NULL does nothing */

/* Added less removed; the sum of a class's sizes stays below 2^63. */
static inline int64_t mid__diff_delta(const struct mid__diff_row *row)
{
    return (int64_t)(row->added - row->removed);
}
static inline int64_t mid__diff_delta_size(const struct mid__diff_row *row)
{
    return (int64_t)(row->added_size - row->removed_size);
}

#endif
