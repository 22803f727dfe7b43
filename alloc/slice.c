/* SPDX-License-Identifier: MIT
 *
 * slice.c: counted blocks, and slices of them.
 *
 *     small block (data below 1 KiB)    [ count, kind | pool | data ............ ]     one buffer of the pool
 *
 *     large block                       [ count, kind | pool | memory | bytes | release | user ]
 *                                                                 `--> [ data ..................... ]
 *
 * A large block keeps its header in a buffer of its own, so that a block of 64 KiB takes exactly eight slabs and begins at
 * a page. Foreign memory is a large block whose memory belongs to someone else.
 *
 * I1  count is the number of slices that own the block; it falls to 0 once, and the block then goes back to its pool.
 * I2  A block never leaves its pool before its count is 0.
 *
 * Note [Counting]
 * A retain is a relaxed addition: who retains holds a count already, so the block cannot die meanwhile. A release
 * subtracts with release order, and the one that finds 1 fences with acquire before it gives the block back: it pairs with
 * the subtractions of all other threads, whose reads and writes of the memory then come before its next use.
 *
 * A dead block keeps its header readable until its place is taken again (mid__pool_give_block), so that a retain or release
 * that comes late finds the zero and is reported instead of resurrecting it. After that nothing can tell.
 */
#include "hash.h"
#include "pool_state.h"

#include <midden/slice.h>

#include <string.h>

enum kind { SMALL, LARGE, FOREIGN };

struct mid_block {
    _Atomic(uint32_t) count;
    uint16_t kind;
    uint16_t bytes; /* of a small block's data */
    struct mid_pool *pool;
};

struct large_block {
    struct mid_block block;
    void *memory;
    size_t bytes;
    mid_slice_release_fn release;
    void *user;
};

#define SMALL_BYTES 1024u /* data of this size and more is a large block */
#define COUNT_MAX   0x80000000u

_Static_assert(sizeof(struct mid_block) == 16, "keeps the data aligned to 16");
_Static_assert(offsetof(struct large_block, block) == 0, "a large block is a block");

static struct large_block *large_of(struct mid_block *b)
{
    return (struct large_block *)(void *)b;
}

static void start(struct mid_block *b, enum kind kind, struct mid_pool *pool)
{
    atomic_init(&b->count, 1);
    b->kind = (uint16_t)kind;
    b->bytes = 0;
    b->pool = pool;
}

static enum mid_status take_small(struct mid_pool *pool, size_t bytes, const void *site, struct mid_slice *out)
{
    enum mid_status status;
    struct mid_block *b = mid__pool_take(pool, sizeof *b + bytes, site, &status);
    if (b == NULL)
        return status;
    start(b, SMALL, pool);
    b->bytes = (uint16_t)bytes;
    *out = (struct mid_slice){(unsigned char *)(b + 1), bytes, b};
    return MID_OK;
}

static struct large_block *take_header(struct mid_pool *pool, enum kind kind, void *memory, size_t bytes,
                                       const void *site, enum mid_status *status)
{
    struct large_block *b = mid__pool_take(pool, sizeof *b, site, status);
    if (b == NULL)
        return NULL;
    start(&b->block, kind, pool);
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
    struct large_block *b = take_header(pool, LARGE, memory, bytes, site, &status);
    if (b == NULL) {
        mid__pool_give(pool, memory, bytes, site);
        return status;
    }
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
    return bytes < SMALL_BYTES ? take_small(pool, bytes, site, out) : take_large(pool, bytes, site, out);
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
    struct large_block *b = take_header(pool, FOREIGN, memory, bytes, MID__RETURN_ADDRESS(), &status);
    if (b == NULL)
        return status;
    b->release = release;
    b->user = user;
    *out = (struct mid_slice){memory, bytes, &b->block};
    return MID_OK;
}

/* ---- counting: Note [Counting] */

static void end_block(struct mid_block *b, const void *site)
{
    struct mid_pool *pool = b->pool;
    if (b->kind == SMALL) {
        mid__pool_give_block(pool, b, sizeof *b + b->bytes, sizeof *b, site);
        return;
    }
    struct large_block *l = large_of(b);
    if (b->kind == LARGE)
        mid__pool_give(pool, l->memory, l->bytes, site);
    else if (l->release != NULL)
        l->release(l->user, l->memory, l->bytes);
    mid__pool_give_block(pool, l, sizeof *l, sizeof *b, site);
}

static void report_dead(struct mid_block *b, const char *rule, const char *what)
{
    if (b->pool != NULL) /* NULL: its page went back to the system; nobody is left to tell */
        mid__misuse(b->pool, rule, b, "%s of a slice whose block at %p has no holder", what, (void *)b);
}

/* False, and a report, when the block is dead or its count is full. */
static bool count_up(struct mid_block *b)
{
    uint32_t before = atomic_fetch_add_explicit(&b->count, 1, memory_order_relaxed);
    if (MID__LIKELY(before - 1 < COUNT_MAX - 1))
        return true;
    atomic_fetch_sub_explicit(&b->count, 1, memory_order_relaxed);
    if (before == 0)
        report_dead(b, "slice.retain_from_zero", "retain");
    else
        mid__misuse(b->pool, "slice.count_overflow", b, "the block at %p has %u holders", (void *)b, before);
    return false;
}

struct mid_slice mid_slice_retain(struct mid_slice slice)
{
    if (slice.block != NULL && !count_up(slice.block))
        return mid_slice_empty();
    return slice;
}

void mid_slice_release(struct mid_slice *slice)
{
    if (slice == NULL)
        return;
    struct mid_block *b = slice->block;
    *slice = mid_slice_empty();
    if (b == NULL)
        return;
    uint32_t before = atomic_fetch_sub_explicit(&b->count, 1, memory_order_release);
    if (before == 1) {
        atomic_thread_fence(memory_order_acquire);
        end_block(b, MID__RETURN_ADDRESS());
    } else if (before == 0) {
        atomic_fetch_add_explicit(&b->count, 1, memory_order_relaxed);
        report_dead(b, "slice.release_from_zero", "release");
    }
}

enum mid_status mid_slice_cut(struct mid_slice slice, size_t offset, size_t bytes, struct mid_slice *out)
{
    if (out == NULL)
        return MID_E_INVALID;
    *out = mid_slice_empty();
    if (offset > slice.bytes || bytes > slice.bytes - offset)
        return MID_E_INVALID;
    if (slice.block != NULL && !count_up(slice.block))
        return MID_E_BROKEN;
    *out = slice;
    if (offset != 0)
        out->data += offset;
    out->bytes = bytes;
    return MID_OK;
}

/* ---- questions */

size_t mid_slice_pinned_bytes(struct mid_slice slice)
{
    struct mid_block *b = slice.block;
    if (b == NULL)
        return 0;
    if (b->kind == FOREIGN)
        return large_of(b)->bytes;
    return mid__pool_pinned(b->pool, b->kind == SMALL ? (void *)b : large_of(b)->memory);
}

int mid_slice_place(struct mid_slice slice, struct mid_slice_place *place)
{
    if (place->struct_size != sizeof *place)
        return 0;
    *place = (struct mid_slice_place){.struct_size = sizeof *place};
    struct mid_block *b = slice.block;
    if (b == NULL)
        return 0;
    place->memory = b->kind == SMALL ? (void *)b : large_of(b)->memory;
    if (b->kind == FOREIGN)
        place->bytes = large_of(b)->bytes;
    else
        place->slab = mid__pool_slab_of(b->pool, place->memory, &place->bytes, &place->slab_bytes);
    return 1;
}

size_t mid_slice_holders(struct mid_slice slice)
{
    return slice.block == NULL ? 0 : atomic_load_explicit(&slice.block->count, memory_order_relaxed);
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
