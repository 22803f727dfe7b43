/* SPDX-License-Identifier: MIT
 *
 * reader.c: a descriptor read into blocks, each read's bytes handed out as a slice.
 *
 *     block   [ slice of read 1 | slice of read 2 | room for read 3 ....... ]
 *                                                 ^ fill
 *
 * I1  `block` is empty, or the reader owns one count of it and fewer than its bytes are filled.
 * I2  Bytes before `fill` are never written again: slices of them are out.
 *
 * The idea is Node's fs.ReadStream: one pooled block is used up by several reads before the next is taken. It does not
 * poll, seek or decode; mid_utf8_incomplete_bytes tells where a text may be cut.
 */
#include "pool_state.h"

#include <midden/reader.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HIGH_WATER_MARK     65536u
#define HIGH_WATER_MARK_MAX ((size_t)1 << 30)
#define MIN_READ            128u

struct mid_reader {
    struct mid_pool *pool;
    int fd;
    size_t high_water_mark_bytes, min_read_bytes;
    struct mid_slice block;
    size_t fill;
    struct mid_reader_stats stats;
};

void mid_reader_options_init(struct mid_reader_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
    options->high_water_mark_bytes = HIGH_WATER_MARK;
}

static bool read_options(const struct mid_reader_options *given, struct mid_reader_options *out)
{
    mid_reader_options_init(out);
    if (given != NULL) {
        if (given->struct_size != sizeof *out)
            return false;
        *out = *given;
    }
    if (out->high_water_mark_bytes == 0)
        out->high_water_mark_bytes = HIGH_WATER_MARK;
    if (out->min_read_bytes == 0)
        out->min_read_bytes = out->high_water_mark_bytes > MIN_READ ? MIN_READ : 1;
    return out->high_water_mark_bytes <= HIGH_WATER_MARK_MAX && out->min_read_bytes <= out->high_water_mark_bytes;
}

enum mid_status mid_reader_create(struct mid_pool *pool, int fd, const struct mid_reader_options *given,
                                  struct mid_reader **out)
{
    struct mid_reader_options options;
    if (out == NULL)
        return MID_E_INVALID;
    *out = NULL;
    if (pool == NULL || fd < 0 || !read_options(given, &options))
        return MID_E_INVALID;
    enum mid_status status;
    struct mid_reader *r = mid__pool_take(pool, sizeof *r, MID__RETURN_ADDRESS(), &status);
    if (r == NULL)
        return status;
    memset(r, 0, sizeof *r);
    r->pool = pool;
    r->fd = fd;
    r->high_water_mark_bytes = options.high_water_mark_bytes;
    r->min_read_bytes = options.min_read_bytes;
    *out = r;
    return MID_OK;
}

void mid_reader_destroy(struct mid_reader *r)
{
    if (r == NULL)
        return;
    mid_slice_release(&r->block);
    mid__pool_give(r->pool, r, sizeof *r, MID__RETURN_ADDRESS());
}

enum mid_status mid_reader_set_fd(struct mid_reader *r, int fd)
{
    if (fd < 0)
        return MID_E_INVALID;
    r->fd = fd;
    return MID_OK;
}

/* Sees that there is a block with room. */
static enum mid_status have_room(struct mid_reader *r)
{
    if (r->block.block != NULL)
        return MID_OK;
    enum mid_status status = mid_slice_alloc(r->pool, r->high_water_mark_bytes, &r->block);
    if (status != MID_OK)
        return status;
    r->fill = 0;
    r->stats.blocks++;
    return MID_OK;
}

/* Lets go of a block that has too little room left, so that it lives no longer than its slices. */
static void let_go_when_used_up(struct mid_reader *r)
{
    size_t room = r->block.bytes - r->fill;
    if (room >= r->min_read_bytes)
        return;
    r->stats.unused_bytes += room;
    mid_slice_release(&r->block);
}

enum mid_status mid_reader_next(struct mid_reader *r, struct mid_slice *out)
{
    *out = mid_slice_empty();
    enum mid_status status = have_room(r);
    if (status != MID_OK)
        return status;
    ssize_t n;
    do {
        n = read(r->fd, r->block.data + r->fill, r->block.bytes - r->fill);
        r->stats.reads++;
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? MID_E_BUSY : MID_E_IO;
    if (n == 0)
        return MID_OK;
    status = mid_slice_cut(r->block, r->fill, (size_t)n, out);
    if (status != MID_OK)
        return status;
    r->fill += (size_t)n;
    r->stats.bytes += (size_t)n;
    let_go_when_used_up(r);
    return MID_OK;
}

enum mid_status mid_reader_stats(const struct mid_reader *r, struct mid_reader_stats *stats)
{
    if (stats->struct_size != sizeof *stats)
        return MID_E_INVALID;
    *stats = r->stats;
    stats->struct_size = sizeof *stats;
    return MID_OK;
}
