/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/duplicates.h>: strings of a snapshot that are there more than once, by DevTools' rules; never
 * installed.
 */
#ifndef MIDDEN_INTERNAL_DUPLICATES_H
#define MIDDEN_INTERNAL_DUPLICATES_H

#include <midden/internal/graph.h>

/* Strings with one content, two or more. */
struct mid__duplicate {
    uint32_t node;      /* the first of them; its name is the content */
    uint32_t count;
    bool truncated;     /* V8 cut the content, and said so; length and hash are equal too */
    uint64_t shallow;   /* bytes: the sum of their folded sizes */
    uint64_t retained;  /* the sum of their retained sizes; a rope's holds its parts. 0 without MID__PART_RETAINED */
    uint64_t largest;   /* the folded size of the largest */
};

#define MID__NO_DUPLICATE UINT32_MAX

struct mid__duplicates {
    struct mid__duplicate *list; /* by `retained`, greatest first; then not truncated before truncated, then by `node` */
    uint32_t count;
    uint32_t *of_node;           /* [node_count]: place in `list`, or MID__NO_DUPLICATE */
    uint64_t strings, strings_shallow; /* all that were looked at: flat strings and ropes with a size, not flattened */
};

/* Groups the strings of `graph`, which must have MID__PART_FOLDED; only those with selected[node] 1, unless it is NULL. On MID_OK *duplicates belongs to the caller.
 * MID_E_INVALID: the part is missing. MID_E_MEMORY: *duplicates is NULL. O(text of all strings) on average. */
enum mid_status mid__duplicates_find(const struct mid__graph *graph, const uint8_t *selected,
                                     struct mid__duplicates **duplicates);
void mid__duplicates_free(struct mid__duplicates *duplicates); /* NULL does nothing */

/* What would be free if each content were there once: all but the largest of each. */
static inline uint64_t mid__duplicate_waste(const struct mid__duplicate *d)
{
    return d->shallow - d->largest;
}

#endif
