/* SPDX-License-Identifier: MIT
 *
 * memory.h: where a graph's columns live. Every block belongs to one struct memory, which knows how much it holds and
 * frees what is left at the end.
 */
#ifndef MIDDEN_GRAPH_MEMORY_H
#define MIDDEN_GRAPH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#define MEMORY_BLOCKS 96
#define MEMORY_SPARES 6

struct memory_block {
    void *start;
    size_t bytes;
    bool mapped;
    bool parked; /* a private mapping of an unlinked file */
};

/* I1: used_bytes is the sum of the blocks' and the spares' bytes. I2: used_bytes <= limit_bytes where there is one. */
struct memory {
    struct memory_block block[MEMORY_BLOCKS], spare[MEMORY_SPARES];
    size_t used_bytes, peak_bytes, limit_bytes; /* limit 0: none */
    bool limit_hit;                             /* the last refusal was the limit's */
    size_t park_bytes;                          /* blocks of this size and more may be parked; 0: none */
};

/* `count` zeroed elements of `size` bytes (size > 0; count 0 gives a block of one element). NULL when the product
 * overflows, the limit would be passed or the system refuses. Large blocks are mapped, begin on a huge page, and touch
 * no page. */
void *mid__mem_new(struct memory *m, size_t count, size_t size);

/* The same, with whatever content. */
void *mid__mem_new_raw(struct memory *m, size_t count, size_t size);

/* Changes a block (NULL: a new one) to `count` elements, keeping what both sizes hold; new elements are zero where the
 * block was grown. NULL on failure: the old block is unchanged. */
void *mid__mem_resize(struct memory *m, void *block, size_t count, size_t size);

/* Moves a large block that is not needed for a while into an unlinked file of the directory for temporary files, and maps
 * that: the content is the same and comes back page by page as it is read. Returns the new address, or the old one where
 * the block is small, the directory is memory itself, or anything fails. The block must not be written to any more. */
void *mid__mem_park(struct memory *m, void *block);

/* Lets go of the pages of a parked block that have come back. */
void mid__mem_rest(struct memory *m, const void *block);

/* NULL does nothing. A large block is kept as a spare for a request of about its size: its pages are there already. */
void mid__mem_free(struct memory *m, void *block);

/* Gives all spares back. */
void mid__mem_trim(struct memory *m);

/* Frees all blocks. */
void mid__mem_end(struct memory *m);

#endif
