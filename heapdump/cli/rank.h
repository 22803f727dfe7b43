/* SPDX-License-Identifier: MIT
 * The first few of many, in order (see rank.c). */
#ifndef MIDDEN_CLI_RANK_H
#define MIDDEN_CLI_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True when a stands before b. Must be a strict order over all items that are offered. */
typedef bool (*rank_before)(const void *user, uint32_t a, uint32_t b);

struct rank {
    uint32_t *items; /* after rank_finish in order, the first first */
    size_t count, capacity, limit;
    rank_before before;
    const void *user;
};

void rank_begin(struct rank *r, size_t limit, rank_before before, const void *user);
void rank_offer(struct rank *r, uint32_t item); /* O(log limit); O(1) for one that stands behind all that are kept */
void rank_finish(struct rank *r);
void rank_free(struct rank *r);

#endif
