/* SPDX-License-Identifier: MIT
 *
 * <midden/chain.h>: a rope of slices: bytes that lie in several places, treated as one text without being copied.
 *
 * The chain owns one count of each of its slices. Up to MID_CHAIN_INLINE of them lie in the struct itself, so that a
 * word which crosses two blocks costs no allocation; more lie in a buffer of the chain's pool.
 *
 * The struct is public to be embedded and to be moved with memcpy (the old copy must then be forgotten); its fields are
 * private. Every chain begins with mid_chain_init and ends with mid_chain_clear.
 *
 * Thread rule: a chain is used by one thread at a time; its slices may be shared.
 */
#ifndef MIDDEN_CHAIN_H
#define MIDDEN_CHAIN_H

#include <midden/slice.h>

#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MID_CHAIN_INLINE 2

/* What a search returns that found nothing. */
#define MID_CHAIN_NONE SIZE_MAX

struct mid_chain {
    struct mid_pool *pool;
    struct mid_slice *many; /* a ring of `capacity` slices, NULL while the inline ones suffice */
    size_t capacity;
    size_t first; /* index of the first slice in the ring */
    size_t count; /* slices */
    size_t bytes; /* in all of them */
    struct mid_slice few[MID_CHAIN_INLINE];
};

/* An empty chain whose array of slices will lie in `pool`. Allocates nothing. */
MID_API void mid_chain_init(struct mid_chain *chain, struct mid_pool *pool);

/* Releases all slices and the array; the chain is then as after init. O(slices). */
MID_API void mid_chain_clear(struct mid_chain *chain);

/* The length in bytes; the number of slices. O(1). Empty slices are never kept. */
static inline size_t mid_chain_bytes(const struct mid_chain *chain)
{
    return chain->bytes;
}

static inline size_t mid_chain_segments(const struct mid_chain *chain)
{
    return chain->count;
}

/* The i-th slice, borrowed: it stays the chain's. Empty when i is out of range. O(1). */
MID_API struct mid_slice mid_chain_segment(const struct mid_chain *chain, size_t i);

/* Adds a slice at the end, or at the front. On MID_OK the chain has taken over the caller's count and the slice must
 * not be released any more; on an error (MID_E_LIMIT, MID_E_MEMORY; MID_E_INVALID when the length passes SIZE_MAX) the
 * chain is unchanged and the caller keeps it. To keep one as well, pass mid_slice_retain(slice). Amortised O(1). */
MID_API enum mid_status mid_chain_append(struct mid_chain *chain, struct mid_slice slice);
MID_API enum mid_status mid_chain_prepend(struct mid_chain *chain, struct mid_slice slice);

/* Moves all slices of `from` to the end of `chain`; `from` is then empty. Nothing has moved on an error. O(slices). */
MID_API enum mid_status mid_chain_append_chain(struct mid_chain *chain, struct mid_chain *from);

/* Appends to `out` (an initialised chain) the bytes [offset, offset + bytes) as slices of the same blocks: shared, not
 * copied. MID_E_INVALID when the range reaches beyond the chain; MID_E_LIMIT, MID_E_MEMORY; `out` is unchanged on any
 * error. `out` must not be `chain`. O(slices). */
MID_API enum mid_status mid_chain_cut(const struct mid_chain *chain, size_t offset, size_t bytes,
                                      struct mid_chain *out);

/* Drops the first `bytes` bytes (all, when there are fewer). Never fails. O(slices dropped). */
MID_API void mid_chain_drop_front(struct mid_chain *chain, size_t bytes);

/* As memcmp over all bytes, however they are cut, a prefix coming first. O(bytes). */
MID_API int mid_chain_compare(const struct mid_chain *a, const struct mid_chain *b);
MID_API int mid_chain_equal(const struct mid_chain *a, const struct mid_chain *b);
MID_API int mid_chain_equal_memory(const struct mid_chain *chain, const void *memory, size_t bytes);

/* A 64-bit hash that depends on the bytes alone; equals mid_slice_hash of the same bytes. O(bytes). */
MID_API uint64_t mid_chain_hash(const struct mid_chain *chain);

/* Copies up to `bytes` bytes from `offset` on into `memory`; returns how many there were. O(slices + bytes). */
MID_API size_t mid_chain_copy_out(const struct mid_chain *chain, size_t offset, void *memory, size_t bytes);

/* All bytes in one slice: the chain's own slice with one more count when there is only one, else a copy in `pool`. The
 * chain is unchanged. Errors as mid_slice_alloc. O(1) or O(bytes). */
MID_API enum mid_status mid_chain_flatten(const struct mid_chain *chain, struct mid_pool *pool, struct mid_slice *out);

/* The offset of the first byte equal to `byte` at or after `from`, or MID_CHAIN_NONE. O(slices + bytes searched). */
MID_API size_t mid_chain_find_byte(const struct mid_chain *chain, size_t from, unsigned char byte);

/* The offset of the first occurrence of the `bytes` bytes of `delimiter` at or after `from`, also where it crosses from
 * slice to slice, or MID_CHAIN_NONE. An empty delimiter is found at `from`, if that is within the chain or its end.
 * O(bytes searched x bytes) at worst, O(bytes searched) in text. */
MID_API size_t mid_chain_find(const struct mid_chain *chain, size_t from, const void *delimiter, size_t bytes);

/* Fills up to `capacity` entries of `vector` for writev, from `offset` on; returns how many. Call again with the offset
 * advanced by what writev wrote. The memory stays the chain's. O(slices). */
MID_API size_t mid_chain_iovec(const struct mid_chain *chain, size_t offset, struct iovec *vector, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
