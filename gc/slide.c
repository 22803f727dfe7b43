/* SPDX-License-Identifier: MIT
 *
 * slide.c: a full compaction: the objects of each size class slide, in the order of their addresses, to the low end of the
 * blocks of their class, which are full then but for the last; the rest is free. Runs at the end of a full collection that
 * stops the program, when all is swept.
 *
 *     class of 4 words   | a . b . |   | c . . d |  pinned: | . p . . |   | . e . f |
 *     afterwards         | a b c d |   | e f . . |          | . p . . |   | free    |
 *
 *     number    count the live cells before each block, and before each 4 KiB within it     O(blocks)
 *     fix up    every reference to the address that is computed from these counts           O(live)
 *     move      in the order of addresses                                                   O(live)
 *
 * The n-th live object of a class comes to the n-th cell: so an address can be computed from the live bits alone, with at
 * most eight population counts, before anything has moved. No forwarding word is needed, nothing is written into what is
 * left behind, and neighbours stay neighbours, which evacuation does not see to.
 *
 *   I1  between numbering and moving the live bits stand still
 *   I2  an object's new address is not above its old one in the order of its class, so that what it overwrites has moved
 *   I3  pinned blocks (block->pins != 0) take no part
 *   I4  it is done wholly or not at all: the side tables, 44 bytes a block, are taken first; without them nothing happens
 *
 * Source: Kermany and Petrank 2006 (Compressor), whose offset vector and single pass these are; sliding itself is the Lisp-2
 * collector's (Knuth 1973, exercise 2.5-33), which keeps the new address in each object. Ours slides within size classes:
 * cells of one size make the address a division, and blocks of one class stay so. The price is a part of a block a class.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define GROUP_WORDS 8u /* of bitmap: 4 KiB of heap */
#define GROUPS (MID__BLOCK_BITMAP_WORDS / GROUP_WORDS)

struct numbered {
    struct mid__block *block;
    uint32_t before;          /* live cells of the class in earlier blocks */
    uint16_t within[GROUPS];  /* live cells of the block before each group */
};

struct slide {
    struct mid_heap *heap;
    struct mid__chunk **sorted; /* old chunks by address */
    size_t chunks;
    struct numbered *blocks;    /* by class, and by address within it */
    uint32_t first[MID__CLASSES + 1]; /* of each class, in `blocks` */
};

static const uint64_t *live_bits(const struct mid_heap *heap, const struct mid__block *block)
{
    return mid__bitmap(mid__chunk_of((uintptr_t)block), heap->live_side) + block->index * MID__BLOCK_BITMAP_WORDS;
}

static bool takes_part(const struct mid__block *block)
{
    return block->state != MID__BLOCK_FREE && block->pins == 0;
}

/* ---- numbering ---------------------------------------------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (struct mid__chunk *const *)a, y = (uintptr_t) * (struct mid__chunk *const *)b;
    return x < y ? -1 : x > y;
}

static bool take_tables(struct slide *s)
{
    s->sorted = malloc((s->heap->chunk_count + 1) * sizeof(struct mid__chunk *));
    s->blocks = malloc((s->heap->old.blocks_used + 1) * sizeof *s->blocks);
    if (s->sorted == NULL || s->blocks == NULL)
        return false;
    for (size_t i = 0; i < s->heap->chunk_count; i++)
        if (s->heap->chunks[i]->kind == MID__CHUNK_OLD)
            s->sorted[s->chunks++] = s->heap->chunks[i];
    if (s->chunks > 1)
        qsort(s->sorted, s->chunks, sizeof(struct mid__chunk *), by_address);
    return true;
}

/* Calls fn(s, block) for every block that takes part, by address. */
static void each_block(struct slide *s, void (*fn)(struct slide *s, struct mid__block *block))
{
    for (size_t i = 0; i < s->chunks; i++)
        for (unsigned b = MID__FIRST_BLOCK; b < MID__BLOCKS; b++)
            if (takes_part(&s->sorted[i]->u.blocks[b]))
                fn(s, &s->sorted[i]->u.blocks[b]);
}

static void count_block(struct slide *s, struct mid__block *block)
{
    s->first[block->class_index + 1]++;
}

/* `first` of a class is where its next block comes, until all are placed. */
static void place_block(struct slide *s, struct mid__block *block)
{
    uint32_t at = s->first[block->class_index]++;
    s->blocks[at].block = block;
    block->slide = at;
}

static void number_class(struct slide *s, unsigned class)
{
    uint32_t before = 0;
    for (uint32_t i = s->first[class]; i < s->first[class + 1]; i++) {
        struct numbered *n = &s->blocks[i];
        const uint64_t *live = live_bits(s->heap, n->block);
        unsigned within = 0;
        n->before = before;
        for (unsigned w = 0; w < MID__BLOCK_BITMAP_WORDS; w++) {
            if (w % GROUP_WORDS == 0)
                n->within[w / GROUP_WORDS] = (uint16_t)within;
            within += mid__popcount64(live[w]);
        }
        before += within;
    }
}

static void number_all(struct slide *s)
{
    each_block(s, count_block);
    for (unsigned i = 0; i < MID__CLASSES; i++)
        s->first[i + 1] += s->first[i];
    each_block(s, place_block);
    memmove(s->first + 1, s->first, MID__CLASSES * sizeof s->first[0]);
    s->first[0] = 0;
    for (unsigned i = 0; i < MID__CLASSES; i++)
        number_class(s, i);
}

/* Cell n of the class that a block belongs to. */
static uintptr_t cell_at(const struct slide *s, const struct mid__block *block, uint32_t n)
{
    const struct mid__block *to = s->blocks[s->first[block->class_index] + n / block->cells].block;
    return mid__block_start(to) + n % block->cells * block->cell_words * MID__WORD;
}

/* Where an object of old or large space will be. */
static uintptr_t slide_to(const void *context, uintptr_t object)
{
    const struct slide *s = context;
    struct mid__chunk *chunk = mid__chunk_of(object);
    if (chunk->kind != MID__CHUNK_OLD || mid__block_of(object)->pins != 0)
        return object;
    const struct mid__block *block = mid__block_of(object);
    const struct numbered *n = &s->blocks[block->slide];
    const uint64_t *live = live_bits(s->heap, block);
    size_t bit = (object - mid__block_start(block)) / MID__WORD, word = bit / 64;
    uint32_t number = n->before + n->within[word / GROUP_WORDS];
    for (size_t w = word / GROUP_WORDS * GROUP_WORDS; w < word; w++)
        number += mid__popcount64(live[w]);
    number += mid__popcount64(live[word] & (((uint64_t)1 << (bit & 63)) - 1));
    return cell_at(s, block, number);
}

/* ---- moving ------------------------------------------------------------------------------------------------------------------- */

static void move_block(struct slide *s, const struct numbered *n)
{
    uint32_t number = n->before;
    const uint64_t *live = live_bits(s->heap, n->block);
    for (size_t w = 0; w < MID__BLOCK_BITMAP_WORDS; w++)
        for (uint64_t bits = live[w]; bits != 0; bits &= bits - 1) {
            uintptr_t from = mid__block_start(n->block) + (w * 64 + mid__ctz64(bits)) * MID__WORD;
            uintptr_t to = cell_at(s, n->block, number++);
            if (to == from)
                continue;
            uint64_t header = *mid__header_at(from);
            memmove((void *)to, (const void *)from, mid__bytes_of(header));
            if (header & MID__HAS_ID)
                mid__ids_moved(s->heap, from, to);
            if (header & MID__EPHEMERAL)
                mid__ephemeron_moved(s->heap, from, to);
        }
}

/* The first `used` cells of the block are live, and nothing else. */
static void set_live(struct mid_heap *heap, struct mid__block *block, uint32_t used)
{
    uint64_t *live = mid__bitmap(mid__chunk_of((uintptr_t)block), heap->live_side) + block->index * MID__BLOCK_BITMAP_WORDS;
    memset(live, 0, MID__BLOCK_BITMAP_WORDS * 8);
    for (uint32_t cell = 0; cell < used; cell++) {
        size_t bit = (size_t)cell * block->cell_words;
        live[bit / 64] |= (uint64_t)1 << (bit & 63);
    }
    block->used = (uint16_t)used;
    block->state = MID__BLOCK_FULL;
    if (used == 0) {
        mid__old_block_free(heap, block);
    } else if (used < block->cells) {
        block->state = MID__BLOCK_PARTIAL;
        mid__old_block_list(&heap->old.classes[block->class_index].partial, block);
    }
}

static void move_class(struct slide *s, unsigned class)
{
    uint32_t live = 0;
    for (uint32_t i = s->first[class]; i < s->first[class + 1]; i++) {
        live += s->blocks[i].block->used;
        if (s->blocks[i].block->state == MID__BLOCK_PARTIAL)
            mid__old_block_unlist(&s->heap->old.classes[class].partial, s->blocks[i].block);
        move_block(s, &s->blocks[i]);
    }
    for (uint32_t i = s->first[class]; i < s->first[class + 1]; i++) {
        struct mid__block *block = s->blocks[i].block;
        uint32_t used = live < block->cells ? live : block->cells;
        set_live(s->heap, block, used);
        live -= used;
    }
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------------- */

/* Blocks that would be free afterwards. */
size_t mid__slide_gain(const struct mid_heap *heap)
{
    size_t gain = 0;
    for (unsigned i = 0; i < MID__CLASSES; i++) {
        size_t blocks = 0, used = 0, cells = 1;
        for (const struct mid__block *block = heap->old.classes[i].partial; block != NULL; block = block->next) {
            if (block->pins != 0)
                continue;
            blocks++;
            used += block->used;
            cells = block->cells;
        }
        gain += blocks - (used + cells - 1) / cells;
    }
    return gain;
}

/* All is swept, the phase is IDLE, and no class has a current block. False: there is no memory for it, nothing has changed. */
bool mid__slide(struct mid_heap *heap)
{
    struct slide s = {.heap = heap};
    bool ready = take_tables(&s) && mid__remset_list(heap);
    if (ready) {
        number_all(&s);
        mid__fix_up(heap, slide_to, &s);
        mid__remset_slide(heap, slide_to, &s);
        for (unsigned i = 0; i < MID__CLASSES; i++)
            move_class(&s, i);
    }
    free(s.sorted);
    free(s.blocks);
    return ready;
}
