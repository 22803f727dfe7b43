/* SPDX-License-Identifier: MIT
 *
 * <midden/reader.h>: reads a file descriptor into blocks of a pool and hands out slices of them.
 *
 * One block serves several reads: each read fills what is left of the block and yields a slice of just the bytes that
 * came, until less than min_read_bytes are left; then the next block is taken. The reader's own count of a block ends
 * with it, so a block lives exactly as long as slices of it do.
 *
 *     struct mid_slice chunk;
 *     enum mid_status status;
 *     while ((status = mid_reader_next(reader, &chunk)) == MID_OK && chunk.bytes != 0) {
 *         use(chunk);
 *         mid_slice_release(&chunk);
 *     }
 *
 * Thread rule: one thread at a time uses a reader; its slices may go anywhere.
 */
#ifndef MIDDEN_READER_H
#define MIDDEN_READER_H

#include <midden/slice.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mid_reader;

/* 0 means the default in every field. */
struct mid_reader_options {
    size_t struct_size;           /* sizeof(struct mid_reader_options), set by init */
    size_t high_water_mark_bytes; /* the size of a block, and the most that one read asks for; default 65536,
                                     1 to 1 GiB. Small blocks cost system calls, large ones are pinned by less */
    size_t min_read_bytes;        /* a block with less room than this is used up; default 128, or 1 when the block is
                                     no larger than that; at most high_water_mark_bytes */
};

struct mid_reader_stats {
    size_t struct_size;    /* sizeof(struct mid_reader_stats), set by the caller */
    uint64_t reads;        /* read calls, also those that were interrupted or found nothing */
    uint64_t bytes;        /* read */
    uint64_t blocks;       /* taken from the pool */
    uint64_t unused_bytes; /* room of used-up blocks that was never filled */
};

MID_API void mid_reader_options_init(struct mid_reader_options *options);

/* A reader of `fd`, which stays the caller's and is never closed. The reader and its blocks lie in `pool`. `options`
 * NULL means defaults. Errors, with *out NULL: MID_E_INVALID (pool or out NULL, fd < 0, an option out of range),
 * MID_E_LIMIT, MID_E_MEMORY. No block is taken yet. */
MID_API enum mid_status mid_reader_create(struct mid_pool *pool, int fd, const struct mid_reader_options *options,
                                          struct mid_reader **out);

/* Ends the reader; slices that it handed out live on. NULL does nothing. */
MID_API void mid_reader_destroy(struct mid_reader *reader);

/* Goes on with another descriptor: the block in use is filled further, so that many small files share blocks instead of
 * pinning one each. MID_E_INVALID when fd < 0; nothing has changed then. */
MID_API enum mid_status mid_reader_set_fd(struct mid_reader *reader, int fd);

/* Reads once, and starts again when a signal interrupts. MID_OK: *out holds the bytes that came, 1 to what is left of
 * the block, with a count of its own; 0 bytes means the end of the file (and again at each further call, unless the
 * file has grown). Errors, with *out empty: MID_E_BUSY when a non-blocking descriptor has nothing yet, MID_E_IO with
 * errno, MID_E_LIMIT and MID_E_MEMORY when the pool gives no block. After any of them the reader can be called again
 * and no byte is lost. */
MID_API enum mid_status mid_reader_next(struct mid_reader *reader, struct mid_slice *out);

/* MID_E_INVALID when struct_size is not set. */
MID_API enum mid_status mid_reader_stats(const struct mid_reader *reader, struct mid_reader_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
