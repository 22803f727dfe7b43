/* SPDX-License-Identifier: MIT
 *
 * block.h: counted blocks, and how their holders are counted. See the head of block.c.
 */
#ifndef MIDDEN_ALLOC_BLOCK_H
#define MIDDEN_ALLOC_BLOCK_H

#include "magazine.h"

#include <midden/slice.h>

enum mid__block_kind { MID__BLOCK_SMALL, MID__BLOCK_LARGE, MID__BLOCK_FOREIGN };

#define MID__BLOCK_SMALL_BYTES 1024u /* data of this size and more is a large block */
#define MID__COUNT_MAX         0x80000000u
#define MID__COUNT_BIAS        0x40000000u

struct mid_block {
    _Atomic(uint32_t) count; /* of a small block */
    uint16_t kind;
    uint16_t bytes; /* of a small block's data */
    struct mid_pool *pool;
};

/* Three lines, for three kinds of access: what is only read, what the owner writes, what the others write. */
struct mid__large_block {
    struct mid_block block;
    void *memory;
    size_t bytes;
    mid_slice_release_fn release;
    void *user;                         /* foreign: the program's; else what a keep knows of it (keep.c) */
    _Atomic(struct mid__cache *) owner; /* the cache of the thread whose count is `owned`; NULL: all is in `count` */
    uint32_t slot;                      /* of the owner's table */
    uint32_t reserved[1];
    _Atomic(uint32_t) owned;
    uint32_t line1[15];
    _Atomic(uint32_t) count;
    uint32_t line2[15];
};

_Static_assert(sizeof(struct mid_block) == 16, "keeps the data aligned to 16");
_Static_assert(offsetof(struct mid__large_block, block) == 0, "a large block is a block");
_Static_assert(offsetof(struct mid__large_block, owned) == 64, "the owner's line");
_Static_assert(offsetof(struct mid__large_block, count) == 128, "the others' line");

MID__INLINE struct mid__large_block *mid__large_of(struct mid_block *b)
{
    return (struct mid__large_block *)(void *)b;
}

MID__INLINE _Atomic(uint32_t) *mid__count_of(struct mid_block *b)
{
    return b->kind == MID__BLOCK_SMALL ? &b->count : &mid__large_of(b)->count;
}

/* Whether the calling thread counts the block's holders without atomic operations. */
MID__INLINE bool mid__block_is_mine(struct mid_block *b)
{
    if (b->kind != MID__BLOCK_LARGE)
        return false;
    const struct mid__cache *owner = atomic_load_explicit(&mid__large_of(b)->owner, memory_order_relaxed);
    return owner != NULL && owner == mid__thread_caches;
}

/* A block with one holder. */
void mid__block_start(struct mid_block *b, enum mid__block_kind kind, struct mid_pool *pool);
/* The calling thread becomes the owner of a large block that nobody else knows yet, if it can. */
void mid__block_bias(struct mid__large_block *l);
/* The owner's count goes to the count of all; the calling thread is the owner, or the only one. True when the block is dead
 * with that. */
bool mid__block_unbias(struct mid__large_block *l);
void mid__block_end(struct mid_block *b, const void *site);
/* Reports, and returns false, when the block is dead or has too many holders. */
bool mid__block_retain_slow(struct mid_block *b);
void mid__block_release_slow(struct mid_block *b, const void *site);
/* How many hold it now. */
size_t mid__block_holders(struct mid_block *b);

/* The owner's way, by plain loads and stores; false: it is for the slow one. */
MID__INLINE bool mid__block_retain_mine(struct mid_block *b)
{
    if (MID__UNLIKELY(!mid__block_is_mine(b)))
        return false;
    struct mid__large_block *l = mid__large_of(b);
    uint32_t owned = atomic_load_explicit(&l->owned, memory_order_relaxed);
    if (MID__UNLIKELY(owned >= MID__COUNT_BIAS))
        return false;
    atomic_store_explicit(&l->owned, owned + 1, memory_order_relaxed);
    return true;
}

/* The same; false as well for the owner's last one. */
MID__INLINE bool mid__block_release_mine(struct mid_block *b)
{
    if (MID__UNLIKELY(!mid__block_is_mine(b)))
        return false;
    struct mid__large_block *l = mid__large_of(b);
    uint32_t owned = atomic_load_explicit(&l->owned, memory_order_relaxed);
    if (MID__UNLIKELY(owned == 1))
        return false;
    atomic_store_explicit(&l->owned, owned - 1, memory_order_relaxed);
    return true;
}

/* ---- whole threads and pools: the owner's counts of a cache go to the counts of all, and what is dead ends. */
void mid__blocks_leave(struct mid__cache *cache);
/* The same for all caches of a pool that no thread is using. */
void mid__blocks_settle(struct mid_pool *pool);

#endif
