/* SPDX-License-Identifier: MIT
 *
 * slice.c: slices of counted blocks (block.c): taken, cut, retained, released, and asked about.
 */
#include "block.h"
#include "hash.h"

#include <string.h>

static enum mid_status take_small(struct mid_pool *pool, size_t bytes, const void *site, struct mid_slice *out)
{
    enum mid_status status;
    struct mid_block *b = mid__pool_take(pool, sizeof *b + bytes, site, &status);
    if (b == NULL)
        return status;
    mid__block_start(b, MID__BLOCK_SMALL, pool);
    b->bytes = (uint16_t)bytes;
    *out = (struct mid_slice){(unsigned char *)(b + 1), bytes, b};
    return MID_OK;
}

static struct mid__large_block *take_header(struct mid_pool *pool, enum mid__block_kind kind, void *memory, size_t bytes,
                                       const void *site, enum mid_status *status)
{
    struct mid__large_block *b = mid__pool_take(pool, sizeof *b, site, status);
    if (b == NULL)
        return NULL;
    mid__block_start(&b->block, kind, pool);
    b->memory = memory;
    b->bytes = bytes;
    b->release = NULL;
    b->user = NULL;
    return b;
}

static enum mid_status take_large(struct mid_pool *pool, size_t bytes, const void *site, struct mid_slice *out)
{
    enum mid_status status;
    void *memory = mid__pool_take(pool, bytes, site, &status);
    if (memory == NULL)
        return status;
    struct mid__large_block *b = take_header(pool, MID__BLOCK_LARGE, memory, bytes, site, &status);
    if (b == NULL) {
        mid__pool_give(pool, memory, bytes, site);
        return status;
    }
    mid__block_bias(b);
    *out = (struct mid_slice){memory, bytes, &b->block};
    return MID_OK;
}

static enum mid_status take_block(struct mid_pool *pool, size_t bytes, const void *site, struct mid_slice *out)
{
    if (out == NULL)
        return MID_E_INVALID;
    *out = mid_slice_empty();
    if (pool == NULL)
        return MID_E_INVALID;
    return bytes < MID__BLOCK_SMALL_BYTES ? take_small(pool, bytes, site, out) : take_large(pool, bytes, site, out);
}

enum mid_status mid_slice_alloc(struct mid_pool *pool, size_t bytes, struct mid_slice *out)
{
    return take_block(pool, bytes, MID__RETURN_ADDRESS(), out);
}

enum mid_status mid_slice_copy(struct mid_pool *pool, const void *memory, size_t bytes, struct mid_slice *out)
{
    enum mid_status status = take_block(pool, bytes, MID__RETURN_ADDRESS(), out);
    if (status == MID_OK && bytes != 0)
        memcpy(out->data, memory, bytes);
    return status;
}

enum mid_status mid_slice_wrap(struct mid_pool *pool, void *memory, size_t bytes, mid_slice_release_fn release,
                               void *user, struct mid_slice *out)
{
    if (out == NULL)
        return MID_E_INVALID;
    *out = mid_slice_empty();
    if (pool == NULL)
        return MID_E_INVALID;
    enum mid_status status;
    struct mid__large_block *b = take_header(pool, MID__BLOCK_FOREIGN, memory, bytes, MID__RETURN_ADDRESS(), &status);
    if (b == NULL)
        return status;
    b->release = release;
    b->user = user;
    *out = (struct mid_slice){memory, bytes, &b->block};
    return MID_OK;
}

/* ---- counting */

struct mid_slice mid_slice_retain(struct mid_slice slice)
{
    struct mid_block *b = slice.block;
    if (b != NULL && !mid__block_retain_mine(b) && !mid__block_retain_slow(b))
        return mid_slice_empty();
    return slice;
}

void mid_slice_release(struct mid_slice *slice)
{
    if (slice == NULL)
        return;
    struct mid_block *b = slice->block;
    *slice = mid_slice_empty();
    if (b != NULL && !mid__block_release_mine(b))
        mid__block_release_slow(b, MID__RETURN_ADDRESS());
}

static MID__NOINLINE enum mid_status cut_slow(struct mid_slice slice, size_t offset, size_t bytes, struct mid_slice *out)
{
    *out = mid_slice_empty();
    if (offset > slice.bytes || bytes > slice.bytes - offset)
        return MID_E_INVALID;
    if (slice.block != NULL && !mid__block_retain_slow(slice.block))
        return MID_E_BROKEN;
    *out = slice;
    if (offset != 0)
        out->data += offset;
    out->bytes = bytes;
    return MID_OK;
}

enum mid_status mid_slice_cut(struct mid_slice slice, size_t offset, size_t bytes, struct mid_slice *out)
{
    if (out == NULL)
        return MID_E_INVALID;
    if (slice.block == NULL || offset > slice.bytes || bytes > slice.bytes - offset ||
        !mid__block_retain_mine(slice.block))
        return cut_slow(slice, offset, bytes, out);
    out->data = slice.data + offset;
    out->bytes = bytes;
    out->block = slice.block;
    return MID_OK;
}

enum mid_status mid_slice_split(struct mid_slice *slice, size_t at, struct mid_slice *tail)
{
    enum mid_status status = mid_slice_cut(*slice, at, at > slice->bytes ? 0 : slice->bytes - at, tail);
    if (status == MID_OK)
        mid_slice_trim(slice, at);
    return status;
}

enum mid_status mid_slice_unshare(struct mid_slice *slice, struct mid_pool *pool)
{
    struct mid_slice own;
    if (slice->block != NULL && mid__block_holders(slice->block) == 1)
        return MID_OK;
    enum mid_status status = take_block(pool, slice->bytes, MID__RETURN_ADDRESS(), &own);
    if (status != MID_OK)
        return status;
    if (slice->bytes != 0)
        memcpy(own.data, slice->data, slice->bytes);
    mid_slice_release(slice);
    *slice = own;
    return MID_OK;
}

/* ---- questions */

static unsigned char *data_of(struct mid_block *b, size_t *bytes)
{
    bool small = b->kind == MID__BLOCK_SMALL;
    *bytes = small ? b->bytes : mid__large_of(b)->bytes;
    return small ? (unsigned char *)(b + 1) : mid__large_of(b)->memory;
}

size_t mid_slice_head_room(struct mid_slice slice)
{
    size_t bytes;
    return slice.block == NULL ? 0 : (size_t)(slice.data - data_of(slice.block, &bytes));
}

size_t mid_slice_tail_room(struct mid_slice slice)
{
    size_t bytes;
    if (slice.block == NULL)
        return 0;
    const unsigned char *data = data_of(slice.block, &bytes);
    return bytes - (size_t)(slice.data - data) - slice.bytes;
}

size_t mid_slice_pinned_bytes(struct mid_slice slice)
{
    struct mid_block *b = slice.block;
    if (b == NULL)
        return 0;
    if (b->kind == MID__BLOCK_FOREIGN)
        return mid__large_of(b)->bytes;
    return mid__pool_pinned(b->pool, b->kind == MID__BLOCK_SMALL ? (void *)b : mid__large_of(b)->memory);
}

int mid_slice_place(struct mid_slice slice, struct mid_slice_place *place)
{
    if (place->struct_size != sizeof *place)
        return 0;
    *place = (struct mid_slice_place){.struct_size = sizeof *place};
    struct mid_block *b = slice.block;
    if (b == NULL)
        return 0;
    place->memory = b->kind == MID__BLOCK_SMALL ? (void *)b : mid__large_of(b)->memory;
    if (b->kind == MID__BLOCK_FOREIGN)
        place->bytes = mid__large_of(b)->bytes;
    else
        place->slab = mid__pool_slab_of(b->pool, place->memory, &place->bytes, &place->slab_bytes);
    return 1;
}

size_t mid_slice_holders(struct mid_slice slice)
{
    return slice.block == NULL ? 0 : mid__block_holders(slice.block);
}

int mid_slice_equal(struct mid_slice a, struct mid_slice b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.data, b.data, a.bytes) == 0);
}

int mid_slice_compare(struct mid_slice a, struct mid_slice b)
{
    size_t common = a.bytes < b.bytes ? a.bytes : b.bytes;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    return order != 0 ? order : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

uint64_t mid_slice_hash(struct mid_slice slice)
{
    return mid__hash_end(mid__hash_add(MID__HASH_BEGIN, slice.data, slice.bytes));
}
