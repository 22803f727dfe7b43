/* SPDX-License-Identifier: MIT
 *
 * numbers.h: a JSON array of integers, in batches.
 */
#ifndef MIDDEN_GRAPH_NUMBERS_H
#define MIDDEN_GRAPH_NUMBERS_H

#include "scan.h"

#define NUMBERS_ROOM 1024

/* I1: count <= NUMBERS_ROOM. I2: the number value[i] begins at offset where[i] of the input. */
struct numbers {
    struct scan *scan;
    size_t count;
    bool ended; /* the closing bracket was taken */
    void (*take_blocks)(struct numbers *n);
    const int64_t *kept; /* numbers that were read before, and are taken from here instead; or NULL */
    size_t kept_left;
    uint64_t kept_where; /* the place that all of them are given */
    enum { EXPECT_FIRST, EXPECT_NUMBER, EXPECT_COMMA } state;
    int64_t value[NUMBERS_ROOM];
    uint64_t where[NUMBERS_ROOM];
};

/* Takes the opening bracket. */
bool numbers_begin(struct numbers *n, struct scan *scan);

/* Begins with numbers kept from an earlier reading; errors in them have the place `where`. */
void numbers_begin_kept(struct numbers *n, struct scan *scan, const int64_t *kept, size_t count, uint64_t where);

/* Goes on in another batch where `before` stopped, with what is behind its first `used` numbers. */
void numbers_carry(struct numbers *n, const struct numbers *before, size_t used);

/* Drops the first `used` numbers and reads more behind the rest, until the batch is nearly full or the array ends.
 * False on failure. */
bool numbers_more(struct numbers *n, size_t used);

#endif
