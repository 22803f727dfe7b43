/* SPDX-License-Identifier: MIT
 *
 * <midden/slice.h>: a counted view of memory, passed by value.
 *
 * A slice is three words: where, how long, and which *block* keeps the memory alive. Slices of the same block share its
 * memory; when the last one is released the block goes back to its pool. Nothing is ever copied.
 *
 *     block (in a pool)   [ count | ............ memory ............ ]
 *     slice a                       ^--------------^
 *     slice b, cut from a                 ^----^
 *
 * Ownership: every slice that a function of this file returns, or stores in *out, holds one count and must be released
 * once (or handed to someone who does, such as a chain). Copying the struct copies no count: one of the copies owns it,
 * the others borrow, and must not be used after the owner is released.
 *
 * Thread rule: any thread may cut, retain and release any slice that it holds. The thread that took a block of 1 KiB and
 * more counts without atomic operations, the others with one each. The price: a block whose last slice was released by
 * another thread may wait for its owner to take a further one, to call mid_pool_trim or mid_pool_flush_thread, or to end:
 * at most 16 blocks of up to 256 KiB a thread, and one in a pool with a limit. What the memory contains is the business of those
 * who share it.
 */
#ifndef MIDDEN_SLICE_H
#define MIDDEN_SLICE_H

#include <midden/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mid_block;

struct mid_slice {
    unsigned char *data;     /* NULL only when bytes is 0 */
    size_t bytes;
    struct mid_block *block; /* NULL: static or borrowed memory, nothing is counted */
};

/* Gives foreign memory back when its last slice is released, in the thread that released it. */
typedef void (*mid_slice_release_fn)(void *user, void *memory, size_t bytes);

/* A slice of nothing: all zero. Needs no release, and may be released. */
static inline struct mid_slice mid_slice_empty(void)
{
    struct mid_slice none = {NULL, 0, NULL};
    return none;
}

/* A slice of memory that outlives it, such as a string constant: nothing is counted or released. The memory must not be
 * written to through the slice when it is constant. */
static inline struct mid_slice mid_slice_static(const void *memory, size_t bytes)
{
    struct mid_slice s = {(unsigned char *)(uintptr_t)memory, bytes, NULL};
    return s;
}

/* Takes a block of `bytes` bytes (content undefined) from the pool; *out covers all of it. 0 bytes is allowed. The
 * memory is aligned to 16 (8 under the sequential policy); of 1 KiB and more to 16, of large blocks to a page, for the
 * count then lies elsewhere. Errors, with *out empty: MID_E_LIMIT, MID_E_MEMORY, MID_E_INVALID (pool or out NULL).
 * O(1). The pool must outlive the slice; mid_pool_destroy sees that it does. */
MID_API enum mid_status mid_slice_alloc(struct mid_pool *pool, size_t bytes, struct mid_slice *out);

/* The same with the content of `memory`, which may be NULL when bytes is 0. O(bytes). */
MID_API enum mid_status mid_slice_copy(struct mid_pool *pool, const void *memory, size_t bytes, struct mid_slice *out);

/* Counts memory of the caller's. When the last slice is released, `release` (may be NULL: nothing is done) is called
 * once with `user`, `memory` and `bytes`. The count itself lives in `pool`. Errors as mid_slice_alloc; `release` is then
 * not called. O(1). */
MID_API enum mid_status mid_slice_wrap(struct mid_pool *pool, void *memory, size_t bytes, mid_slice_release_fn release,
                                       void *user, struct mid_slice *out);

/* One more count: returns a slice equal to the argument that is to be released as well. A block whose count is already
 * zero is reported to its pool's hook ("slice.retain_from_zero") and the result is empty; so is a count beyond 2^31
 * ("slice.count_overflow"). O(1). */
MID_API struct mid_slice mid_slice_retain(struct mid_slice slice);

/* Takes the count of *slice off and makes *slice empty; the last one gives the block back. NULL and empty slices do
 * nothing. A count below zero is reported ("slice.release_from_zero") as far as it can still be seen. O(1). */
MID_API void mid_slice_release(struct mid_slice *slice);

/* A slice of a slice: `bytes` bytes from `offset` on, with a count of its own. MID_E_INVALID, with *out empty, when
 * that reaches beyond the slice; MID_E_BROKEN when the block is already dead. 0 bytes is allowed. O(1). */
MID_API enum mid_status mid_slice_cut(struct mid_slice slice, size_t offset, size_t bytes, struct mid_slice *out);

/* Makes the slice shorter, from its front or to its first `bytes` bytes; by no more than it has. The count stays. O(1). */
static inline void mid_slice_advance(struct mid_slice *slice, size_t bytes)
{
    bytes = bytes < slice->bytes ? bytes : slice->bytes;
    if (bytes != 0)
        slice->data += bytes;
    slice->bytes -= bytes;
}

static inline void mid_slice_trim(struct mid_slice *slice, size_t bytes)
{
    slice->bytes = bytes < slice->bytes ? bytes : slice->bytes;
}

/* Cuts *slice in two: it keeps the first `at` bytes, *tail gets the others with a count of its own. Errors as
 * mid_slice_cut; *slice is then unchanged. O(1). */
MID_API enum mid_status mid_slice_split(struct mid_slice *slice, size_t at, struct mid_slice *tail);

/* How many bytes the block has in front of the slice and behind it: room for a header, or for more, as far as no other slice has
 * it. 0 for static memory. O(1). */
MID_API size_t mid_slice_head_room(struct mid_slice slice);
MID_API size_t mid_slice_tail_room(struct mid_slice slice);

/* Copy on write: nothing, when the slice is the only one of its block; else its bytes are copied to a block of `pool`, and the
 * count of the old one is given up. Static memory is copied. Errors as mid_slice_alloc; *slice is then unchanged. O(1) or
 * O(bytes). */
MID_API enum mid_status mid_slice_unshare(struct mid_slice *slice, struct mid_pool *pool);

/* What this slice keeps alive of its pool, in bytes: the whole block with its rounding, and under the sequential policy
 * the whole slab, since none of it can be used again before. For wrapped memory the bytes wrapped; 0 for static memory.
 * The figure to compare with `bytes` when small slices of large blocks are kept for long. O(1). */
MID_API size_t mid_slice_pinned_bytes(struct mid_slice slice);

/* Where the memory is that a slice keeps alive. Slices of one block have the same place. */
struct mid_slice_place {
    size_t struct_size; /* sizeof(struct mid_slice_place), set by the caller */
    const void *memory; /* the block as the pool cut it (a small one begins with its count), or the memory wrapped */
    size_t bytes;       /* what that takes up, with rounding */
    const void *slab;   /* the run of slabs, or the mapping, that it lies in; NULL: wrapped memory */
    size_t slab_bytes;
};

/* Fills in *place. 1; or 0, with *place all zero but its struct_size, for a slice that keeps nothing (empty or static) or a
 * struct_size that is not set. The slice's holder may call it from any thread. O(1), the pool's lock is taken. */
MID_API int mid_slice_place(struct mid_slice slice, struct mid_slice_place *place);

/* How many slices hold the block now; 0 for static memory. Other threads may change it at once. */
MID_API size_t mid_slice_holders(struct mid_slice slice);

/* True when the bytes are the same, wherever they lie. O(bytes). */
MID_API int mid_slice_equal(struct mid_slice a, struct mid_slice b);

/* As memcmp, a shorter slice that is a prefix of the other coming first: < 0, 0, > 0. O(bytes). */
MID_API int mid_slice_compare(struct mid_slice a, struct mid_slice b);

/* A 64-bit hash of the bytes, the same on every machine and equal to mid_chain_hash of the same bytes however they are
 * cut. Not made to withstand chosen keys. O(bytes). */
MID_API uint64_t mid_slice_hash(struct mid_slice slice);

/* How many bytes at the end of the text, 0 to 3, begin a UTF-8 character that is not complete: hold them back until the
 * next block is there. 0 as well when the end is no prefix of any character: damaged text is passed on, never kept for
 * ever. `text` may be NULL when bytes is 0. O(1). Unicode 15.0, table 3-7. */
MID_API size_t mid_utf8_incomplete_bytes(const void *text, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
