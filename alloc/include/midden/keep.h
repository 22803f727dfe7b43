/* SPDX-License-Identifier: MIT
 *
 * <midden/keep.h>: slices that are kept for long, and moved out of their block when it has become sparse.
 *
 * A small slice that outlives its neighbours pins the whole block that it was cut from. A *keep* holds such slices and knows
 * where each of their holders is: when less than a share of a block is still kept, it copies the survivors into small
 * buffers of their own, tells the holders, and lets the block go.
 *
 *     struct message { struct mid_kept text; ... };
 *
 *     mid_keep_add(keep, slice, &message->text);              // the slice is the keep's from here on
 *     ... mid_kept_data(&message->text), mid_kept_bytes(&message->text) ...
 *     mid_keep_drop(keep, &message->text);
 *
 * Who may be moved: bytes that are kept, and nobody else holds a slice of their block (a reader that still fills it is a
 * holder). Slices themselves are never moved: whoever holds a mid_slice keeps its block where it is. Kept bytes move only during
 * mid_keep_add, mid_keep_drop and mid_keep_pack *of their own keep*: an address from mid_kept_data is good until the next
 * of these calls. What must hold still for longer, or go to another thread, is a slice: mid_keep_slice.
 *
 * Thread rule: one thread at a time uses a keep, with all that is kept in it. Many keeps may be used at once.
 *
 * Cost of a kept message: 8 bytes and an entry in its block's table; no atomic operation where the thread took the block.
 */
#ifndef MIDDEN_KEEP_H
#define MIDDEN_KEEP_H

#include <midden/slice.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mid_keep;

/* What a holder has of it, in its own memory. Private; all zero holds nothing. Where it lies is known to the keep: a holder that
 * moves it says so by mid_keep_moved. */
struct mid_kept {
    unsigned char *data;
    size_t bytes;
    void *block;
    size_t at;
};

static inline unsigned char *mid_kept_data(const struct mid_kept *kept)
{
    return kept->data;
}

static inline size_t mid_kept_bytes(const struct mid_kept *kept)
{
    return kept->bytes;
}

#define MID_KEEP_NEVER 255 /* as move_below_percent: slices stay where they are */

/* 0 means the default in every field. */
struct mid_keep_options {
    size_t struct_size;          /* sizeof(struct mid_keep_options), set by init */
    unsigned move_below_percent; /* survivors move when less than this share of the block is kept; default 50, 1 to 100,
                                    or MID_KEEP_NEVER. More copies more and holds less */
};

MID_API void mid_keep_options_init(struct mid_keep_options *options);

/* A keep for slices of blocks of any pool; its own tables, and what it moves, lie in `pool`. `options` NULL means defaults.
 * MID_E_INVALID (pool or out NULL, a percentage out of range), MID_E_LIMIT, MID_E_MEMORY, with *out NULL. */
MID_API enum mid_status mid_keep_create(struct mid_pool *pool, const struct mid_keep_options *options,
                                        struct mid_keep **out);

/* Ends it. MID_E_BUSY, and nothing happens, while something is kept. NULL is MID_OK. */
MID_API enum mid_status mid_keep_destroy(struct mid_keep *keep);

/* Takes over the slice and fills in *kept, which must hold nothing. On an error (MID_E_LIMIT, MID_E_MEMORY, MID_E_INVALID)
 * the caller still has the slice, and *kept holds nothing. Slices of blocks below 1 KiB, of foreign and of static
 * memory, and of a block that another keep holds too, are kept and never moved. May move others. O(1), and what moving costs. */
MID_API enum mid_status mid_keep_add(struct mid_keep *keep, struct mid_slice slice, struct mid_kept *kept);

/* Lets it go; *kept then holds nothing. What holds nothing may be dropped. May move others. O(1), and what moving costs. */
MID_API void mid_keep_drop(struct mid_keep *keep, struct mid_kept *kept);

/* `kept` was copied here from elsewhere; the old copy is forgotten. Never moves. O(1). */
MID_API void mid_keep_moved(struct mid_keep *keep, struct mid_kept *kept);

/* The same bytes as a slice of their own, which holds still: a slice of the block, which then is not emptied before the
 * slice is released, or a copy when they have been moved already. Errors as mid_slice_alloc. Never moves. O(1) or O(bytes). */
MID_API enum mid_status mid_keep_slice(struct mid_keep *keep, const struct mid_kept *kept, struct mid_slice *out);

/* Moves the survivors out of every block of which less than `percent` (1 to 100) is kept. Returns the bytes of blocks that were let
 * go. O(blocks), and what moving costs. */
MID_API size_t mid_keep_pack(struct mid_keep *keep, unsigned percent);

/* kept_bytes = moved_out_bytes + fixed_bytes + (block_bytes - pinned_bytes) */
struct mid_keep_stats {
    size_t struct_size; /* sizeof(struct mid_keep_stats), set by the caller */
    size_t kept;        /* slices kept now, and their bytes */
    size_t kept_bytes;
    size_t blocks;      /* of which something is kept and could be moved */
    size_t block_bytes;
    size_t pinned_bytes;    /* of block_bytes: not kept any more, or never */
    size_t moved_out_bytes; /* kept in buffers of their own */
    size_t fixed_bytes;     /* kept, and never moved */
    uint64_t moves, moved_bytes; /* since the keep was made */
    uint64_t refused;            /* moves that found no memory, and are tried again later */
};

/* MID_E_INVALID when struct_size is not set. */
MID_API enum mid_status mid_keep_stats(const struct mid_keep *keep, struct mid_keep_stats *stats);

/* One block that kept slices pin. */
struct mid_keep_block {
    size_t struct_size;
    const void *memory;
    size_t bytes;
    size_t kept; /* slices, and their bytes: what pins the rest */
    size_t kept_bytes;
    size_t holders;   /* slices outside of this keep: as long as there are any, nothing moves */
    const void *site; /* in a checked pool the code address that took it, else NULL */
};

/* Shows all blocks, the newest first; a nonzero return of the visitor ends the walk and is returned. The visitor must not
 * use the keep. O(blocks). */
MID_API int mid_keep_walk(struct mid_keep *keep, int (*visit)(void *user, const struct mid_keep_block *block), void *user);

#ifdef __cplusplus
}
#endif
#endif
