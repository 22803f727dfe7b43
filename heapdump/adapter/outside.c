/* SPDX-License-Identifier: MIT
 *
 * outside.c: which blocks and slabs of pools the buffers of a heap hold. Several buffers may hold slices of one block, and
 * several blocks lie in one slab; each is to be shown once, with its owners around it.
 *
 *     slab  8 KiB       [ block a | free | block b | block c, held from elsewhere | free ]
 *     nodes             a: its bytes   b: its bytes   the slab: all the rest, for its blocks keep it from going back
 *
 * So the sizes add up to what is really held, and the slab's retained size, with a and b, is the whole of it.
 *
 * I1  After close the blocks are sorted by (slab, memory), each once; the slabs by address, each once.
 *
 * Memory: 40 bytes a buffer. Nothing is remembered from one snapshot to the next.
 */
#include "outside.h"

#include <stdlib.h>

/* Where the memory of a slice lies; false when it keeps none. */
static bool locate(const struct mid_slice *slice, struct mid__block *block)
{
    struct mid_slice_place place;
    place.struct_size = sizeof place;
    if (!mid_slice_place(*slice, &place))
        return false;
    *block = (struct mid__block){.slab = (uintptr_t)place.slab, .memory = (uintptr_t)place.memory, .bytes = place.bytes,
                                 .slab_bytes = place.slab_bytes};
    return true;
}

bool mid__outside_add(struct mid__outside *o, const struct mid_slice *slice, uint64_t owner_id)
{
    struct mid__block block;
    if (!locate(slice, &block))
        return true;
    block.owner_id = owner_id;
    if (o->block_count == o->block_capacity) {
        size_t capacity = o->block_capacity == 0 ? 64 : o->block_capacity * 2;
        struct mid__block *blocks = realloc(o->blocks, capacity * sizeof *blocks);
        if (blocks == NULL)
            return false;
        o->blocks = blocks;
        o->block_capacity = capacity;
    }
    o->blocks[o->block_count++] = block;
    return true;
}

static int by_place(const struct mid__block *a, const struct mid__block *b)
{
    if (a->slab != b->slab)
        return a->slab < b->slab ? -1 : 1;
    return a->memory < b->memory ? -1 : a->memory > b->memory;
}

static int by_place_and_owner(const void *a, const void *b)
{
    const struct mid__block *x = a, *y = b;
    int order = by_place(x, y);
    return order != 0 ? order : x->owner_id < y->owner_id ? -1 : x->owner_id > y->owner_id;
}

bool mid__outside_close(struct mid__outside *o)
{
    if (o->block_count == 0)
        return true;
    qsort(o->blocks, o->block_count, sizeof o->blocks[0], by_place_and_owner);
    size_t blocks = 1, slabs = o->blocks[0].slab != 0;
    for (size_t i = 1; i < o->block_count; i++) {
        const struct mid__block *last = &o->blocks[blocks - 1];
        if (by_place(last, &o->blocks[i]) == 0)
            continue;
        slabs += o->blocks[i].slab != last->slab;
        o->blocks[blocks++] = o->blocks[i];
    }
    o->block_count = blocks;
    o->slabs = slabs == 0 ? NULL : malloc(slabs * sizeof o->slabs[0]);
    if (slabs != 0 && o->slabs == NULL)
        return false;
    for (const struct mid__block *b = o->blocks; b < o->blocks + blocks; b++) {
        if (b->slab == 0)
            continue;
        if (o->slab_count == 0 || o->slabs[o->slab_count - 1].address != b->slab)
            o->slabs[o->slab_count++] = (struct mid__slab_node){b->slab, b->slab_bytes, b->slab_bytes};
        struct mid__slab_node *s = &o->slabs[o->slab_count - 1];
        s->rest_bytes -= b->bytes < s->rest_bytes ? b->bytes : s->rest_bytes;
    }
    return true;
}

size_t mid__outside_block(const struct mid__outside *o, const struct mid_slice *slice)
{
    struct mid__block wanted;
    if (!locate(slice, &wanted))
        return o->block_count;
    size_t low = 0, high = o->block_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_place(&o->blocks[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < o->block_count && by_place(&o->blocks[low], &wanted) == 0 ? low : o->block_count;
}

size_t mid__outside_slab(const struct mid__outside *o, const struct mid__block *block)
{
    size_t low = 0, high = o->slab_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (o->slabs[middle].address < block->slab)
            low = middle + 1;
        else
            high = middle;
    }
    return low < o->slab_count && o->slabs[low].address == block->slab ? low : o->slab_count;
}

void mid__outside_free(struct mid__outside *o)
{
    free(o->blocks);
    free(o->slabs);
}
