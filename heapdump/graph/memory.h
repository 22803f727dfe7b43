/* SPDX-License-Identifier: MIT
 *
 * memory.h: where a graph's columns live. Every block belongs to one struct memory, which knows how much it holds and
 * frees what is left at the end.
 */
#ifndef MIDDEN_GRAPH_MEMORY_H
#define MIDDEN_GRAPH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_BLOCKS 96
#define MEMORY_SPARES 6

struct memory_block {
    void *start;
    size_t bytes;
    bool mapped;
    size_t parked_bytes; /* so many of the first are a private mapping of the file, from park_offset on */
    uint64_t park_offset;
};

/* I1: used_bytes is the sum of the blocks' and the spares' bytes. I2: used_bytes <= limit_bytes where there is one. */
struct memory {
    struct memory_block block[MEMORY_BLOCKS], spare[MEMORY_SPARES];
    size_t used_bytes, peak_bytes, limit_bytes; /* limit 0: none */
    bool limit_hit;                             /* the last refusal was the limit's */
    size_t park_bytes;                          /* blocks of this size and more may be parked; 0: none */
    const char *park_directory;                 /* where the file should be, or NULL: where temporary ones are */
    bool park_tried, park_near;                 /* near: it is in park_directory */
    int park_fd;                                /* when tried; -1: none */
    uint64_t park_end;                          /* what is parked next goes there; a multiple of MEMORY_PARK_ALIGN */
};
#define MEMORY_PARK_ALIGN ((uint64_t)64 << 10)

/* `count` zeroed elements of `size` bytes (size > 0; count 0 gives a block of one element). NULL when the product
 * overflows, the limit would be passed or the system refuses. Large blocks are mapped, begin on a huge page, and touch
 * no page. */
void *mid__mem_new(struct memory *m, size_t count, size_t size);

/* The same, with whatever content. */
void *mid__mem_new_raw(struct memory *m, size_t count, size_t size);

/* Changes a block (NULL: a new one) to `count` elements, keeping what both sizes hold; new elements are zero where the
 * block was grown. NULL on failure: the old block is unchanged. */
void *mid__mem_resize(struct memory *m, void *block, size_t count, size_t size);

/* Moves a large block that is not needed for a while into a file without a name, and maps that at the same address: the
 * content is the same and comes back page by page as it is read. Nothing happens where the block is small, the directory
 * for temporary files is memory itself, or anything fails. The block must not be written to any more.
 * NULL does nothing. */
void mid__mem_park(struct memory *m, const void *block);

/* The same for the first `bytes` of a block that is still being filled behind them; again and again, with more. */
void mid__mem_park_part(struct memory *m, const void *block, size_t bytes);

/* Lets go of the pages of parked blocks that have come back: of one, of all. */
void mid__mem_rest(struct memory *m, const void *block);
void mid__mem_rest_all(struct memory *m);

/* True when the block is parked wholly; where in the file. */
bool mid__mem_parked_at(struct memory *m, const void *block, uint64_t *offset);

/* The content of a large block is also in file `fd` at `offset`: maps that in its place. Other threads may read it. */
void mid__mem_adopt(struct memory *m, const void *block, int fd, uint64_t offset, size_t bytes);

/* Takes the file of parked blocks over, or gives -1; nothing is parked in it, and no hole made, afterwards. */
int mid__mem_take_file(struct memory *m);

/* NULL does nothing. A large block is kept as a spare for a request of about its size: its pages are there already. */
void mid__mem_free(struct memory *m, void *block);

/* Gives all spares back. */
void mid__mem_trim(struct memory *m);

/* Frees all blocks. */
void mid__mem_end(struct memory *m);

#endif
