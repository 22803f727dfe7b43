/* SPDX-License-Identifier: MIT
 * Two snapshots compared, with the new objects of each class (see compare.c). */
#ifndef MIDDEN_VIEW_COMPARE_H
#define MIDDEN_VIEW_COMPARE_H

#include <midden/internal/diff.h>

struct compare {
    struct mid__diff *diff; /* rows and texts */
    uint32_t *first_new;    /* [rows + 1]: the new objects of row r are new_nodes[first_new[r]] .. */
    uint32_t *new_nodes;    /* nodes of the newer snapshot, in order of id within a row */
    uint64_t *old_keys;     /* id and row of the older snapshot's objects; only while comparing */
    uint32_t *old_rows;
    size_t old_count;
    struct mid__intern keys; /* number = row */
};

/* The steps, each once, in this order. Only one graph need be there at a time; all must have MID__PART_FOLDED and
 * MID__PART_BY_ID, and classes by the interfaces of the newer one. On failure compare_free is all that is left to do.
 * compare_find may be given the newer graph read a second time; MID_E_INVALID: it is not the same. */
enum mid_status compare_take_new(struct compare **compare, const struct mid__graph *g, const struct mid__classes *c);
enum mid_status compare_take_old(struct compare *compare, const struct mid__graph *g, const struct mid__classes *c);
enum mid_status compare_find(struct compare *compare, const struct mid__graph *g, const struct mid__classes *c);
void compare_free(struct compare *compare); /* NULL does nothing */

const char *compare_name(const struct compare *compare, uint32_t row, size_t *length);

#endif
