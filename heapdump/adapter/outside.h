/* SPDX-License-Identifier: MIT
 * The memory of pools that a heap's buffers hold: blocks, and the slabs that they lie in. */
#ifndef MIDDEN_ADAPTER_OUTSIDE_H
#define MIDDEN_ADAPTER_OUTSIDE_H

#include <midden/slice.h>

#include <stdbool.h>

/* One block that at least one buffer of the heap holds a slice of. */
struct mid__block {
    uintptr_t slab; /* where its slab begins; 0: memory that no pool cut */
    uintptr_t memory;
    size_t bytes;
    size_t slab_bytes;
    uint64_t owner_id; /* the least id of the buffers that hold it */
};

/* One slab that holds at least one of these blocks. */
struct mid__slab_node {
    uintptr_t address;
    size_t bytes;
    size_t rest_bytes; /* what is not in these blocks: free, or held from elsewhere */
};

struct mid__outside {
    struct mid__block *blocks;
    struct mid__slab_node *slabs;
    size_t block_count, block_capacity, slab_count;
};

/* Takes note of a buffer's slice. Memory that nobody counts (a static slice) is passed over. False: no memory. */
bool mid__outside_add(struct mid__outside *o, const struct mid_slice *slice, uint64_t owner_id);

/* All are added: sorts, and finds the slabs. False: no memory. */
bool mid__outside_close(struct mid__outside *o);

/* The number of the block that a slice keeps, or block_count when it keeps none. O(log blocks). */
size_t mid__outside_block(const struct mid__outside *o, const struct mid_slice *slice);

/* The number of a block's slab, or slab_count. O(log slabs). */
size_t mid__outside_slab(const struct mid__outside *o, const struct mid__block *block);

void mid__outside_free(struct mid__outside *o);

#endif
