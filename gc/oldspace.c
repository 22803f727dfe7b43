/* SPDX-License-Identifier: MIT
 *
 * oldspace.c: where objects live that have survived the nursery: blocks of 64 KiB, each cut into cells of one size.
 *
 *     chunk (see Note [Chunks])
 *     | side bitmaps | block: | cell | cell | cell | ...           | rest |  block | block | ...
 *
 * A cell is free when its live bit is clear. There are no free lists through the cells: allocation looks for the next
 * clear bit in the side bitmap of the class's current block, so that a free cell is not touched before it is filled.
 * Blocks of a class with free cells hang on its list; a block that a marking left is recounted (sweep.c) before anything
 * is allocated in it. Empty blocks go to one list for all classes, empty chunks back to the system.
 *
 *   I1  a live bit is set only at the first word of a cell of a block in use; a free block has no bit set on any side
 *   I2  used == the live bits of the block, unless it is UNSWEPT
 *   I3  a block's state says where it hangs: PARTIAL and UNSWEPT on their class's lists, FREE on the heap's, CURRENT in
 *       its class, FULL nowhere; a PARTIAL block has a free cell, a FULL one none
 *   I4  blocks_used and chunk->used count the blocks that are not FREE; of the free ones those with `touched` set come first,
 *       and `cold` is the first without
 *   I5  live_bytes[0] and live_objects[0] are the sums over the live bits
 *   I6  a block of a raw class holds nothing but raw objects; leaf_words is set for those of exact size, and only for
 *       them, unless the block holds or has held a key of a weak table
 *
 * Note [Leaf blocks]
 * Objects without references have classes of their own, and up to 16 words cells of exactly their size. What lies in such
 * a *leaf block* is known without its header: chunk->leaf_words[block] is the size of its objects in words (0 for all other
 * blocks), so marking sets their bits and counts them, and neither pushes nor touches them. Half of the objects of many
 * heaps are strings, numbers and bytes; their cache miss is the dearer half of marking them.
 *
 * Size classes are exact to 16 words, then four a doubling: at most a fifth of a cell is lost (Bonwick
 * 1994 and the usual practice since). Segregation was chosen over Immix' lines (Blackburn and McKinley 2008) because a
 * cell's neighbours need no test when it is filled, and because any cell can be evacuated to any block of its class.
 *
 * What this file does not do: it decides neither when to collect nor how much may be used (pace.c), moves nothing.
 */
#include "internal.h"

#include <string.h>

static const uint16_t class_words[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,  12,  13,  14,  15,  16,  20,  24,  28,  32,  40,
                                       48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024};
#define CLASS_COUNT (sizeof class_words / sizeof class_words[0])
#define EXACT_WORDS 16u /* cells of classes up to here have no rest */
_Static_assert(CLASS_COUNT <= MID__RAW_CLASS && 2 * MID__RAW_CLASS <= MID__CLASSES,
               "struct mid__oldspace has room for every class, twice");
_Static_assert(sizeof(struct mid__chunk) <= MID__FIRST_BLOCK * MID__BLOCK_BITMAP_WORDS * 8,
               "the header fits into the bits that describe the bitmaps");
_Static_assert(sizeof(void *) == 8, "64-bit addresses");

/* Note [Huge pages]
 * 512 first touches cost 0.7 to 6.6 ms, a huge page 0.13 to 0.5 ms, and misses of the address cache are fewer afterwards. But
 * a huge page is cleared at one go. So with a pause target a chunk asks for them only when its last block comes into use,
 * in a heap of more than eight chunks: the kernel then joins its pages in the background. Without a target, every chunk
 * but the first asks at once; a small heap does not pay 2 MiB for its few blocks. */
#define HUGE_PAGES_FROM_CHUNK 8

void mid__old_init(struct mid_heap *heap)
{
    unsigned class = 0;
    for (size_t words = 0; words <= MID__YOUNG_WORDS; words++) {
        if (words > class_words[class])
            class++;
        heap->old.class_of[words] = (uint8_t)class;
    }
    for (unsigned i = 0; i < CLASS_COUNT; i++)
        heap->old.classes[i].cell_words = heap->old.classes[MID__RAW_CLASS + i].cell_words = class_words[i];
}

/* ---- chunks --------------------------------------------------------------------------------------------------------- */

struct mid__chunk *mid__chunk_map(struct mid_heap *heap, enum mid__chunk_kind kind, size_t bytes)
{
    if (heap->chunk_count == heap->chunk_capacity) {
        struct mid__chunk **grown =
            mid__grow(heap->chunks, &heap->chunk_capacity, heap->chunk_count + 1, sizeof *heap->chunks);
        if (grown == NULL)
            return NULL;
        heap->chunks = grown;
    }
    struct mid__chunk *chunk = mid__sys_map(bytes, MID__CHUNK_BYTES);
    if (chunk == NULL)
        return NULL;
    chunk->kind = kind;
    chunk->bytes = bytes;
    chunk->index = (uint32_t)heap->chunk_count;
    heap->chunks[heap->chunk_count++] = chunk;
    return chunk;
}

void mid__chunk_unmap(struct mid_heap *heap, struct mid__chunk *chunk)
{
    struct mid__chunk *last = heap->chunks[--heap->chunk_count];
    heap->chunks[chunk->index] = last;
    last->index = chunk->index;
    size_t bytes = chunk->bytes;
    mid__ids_chunk_gone(chunk);
    if (!mid__sys_unmap(chunk, bytes)) /* the addresses are lost then; the memory need not be */
        (void)mid__sys_decommit(chunk, bytes);
}

/* ---- lists of blocks ------------------------------------------------------------------------------------------------ */

void mid__old_block_list(struct mid__block **list, struct mid__block *block)
{
    block->prev = NULL;
    block->next = *list;
    if (*list != NULL)
        (*list)->prev = block;
    *list = block;
}

void mid__old_block_unlist(struct mid__block **list, struct mid__block *block)
{
    if (block->prev != NULL)
        block->prev->next = block->next;
    else
        *list = block->next;
    if (block->next != NULL)
        block->next->prev = block->prev;
    block->next = block->prev = NULL;
}

/* The block holds no object and hangs on no list; its bits are clear. */
void mid__old_block_free(struct mid_heap *heap, struct mid__block *block)
{
    block->state = MID__BLOCK_FREE;
    block->used = 0;
    mid__chunk_of((uintptr_t)block)->used--;
    heap->old.blocks_used--;
    mid__old_block_list(&heap->old.free_blocks, block);
}

/* The last free block whose pages are there, or NULL. */
static struct mid__block *last_warm(const struct mid__oldspace *old)
{
    if (old->cold != NULL)
        return old->cold->prev;
    struct mid__block *last = old->free_blocks;
    while (last != NULL && last->next != NULL)
        last = last->next;
    return last;
}

/* Behind `last` in the list of free blocks; at its head when that is NULL. */
static void list_behind(struct mid__oldspace *old, struct mid__block *last, struct mid__block *block)
{
    if (last == NULL) {
        mid__old_block_list(&old->free_blocks, block);
        return;
    }
    block->prev = last;
    block->next = last->next;
    if (block->next != NULL)
        block->next->prev = block;
    last->next = block;
}

static void unlist_free(struct mid__oldspace *old, struct mid__block *block)
{
    if (block == old->cold) {
        old->cold = block->next;
        old->cold_pages = 0;
    }
    mid__old_block_unlist(&old->free_blocks, block);
}

/* There is no cold block. */
static bool map_blocks(struct mid_heap *heap)
{
    struct mid__oldspace *old = &heap->old;
    struct mid__chunk *chunk = mid__chunk_map(heap, MID__CHUNK_OLD, MID__CHUNK_BYTES);
    if (chunk == NULL)
        return false;
    if (old->chunks++ != 0 && heap->options.pause_target_us == 0)
        mid__sys_huge_pages(chunk, MID__CHUNK_BYTES, true);
    struct mid__block *last = last_warm(old);
    for (unsigned i = MID__BLOCKS; i-- > MID__FIRST_BLOCK;) {
        struct mid__block *block = &chunk->u.blocks[i];
        block->index = (uint8_t)i;
        list_behind(old, last, block);
    }
    old->cold = &chunk->u.blocks[MID__FIRST_BLOCK];
    old->cold_pages = 0;
    return true;
}

size_t mid__old_total(const struct mid_heap *heap)
{
    return heap->old.blocks_used * MID__BLOCK_BYTES + heap->large.pages_used * MID__PAGE_BYTES + heap->large.huge_bytes;
}

/* The pages of both sides' bits are faulted in now, a block at a time, and not all at once when a marking begins. */
static void touch_bits(const struct mid__chunk *chunk, const struct mid__block *block)
{
    for (unsigned side = 0; side < 2; side++) {
        volatile uint64_t *word = mid__bitmap(chunk, side) + block->index * MID__BLOCK_BITMAP_WORDS;
        *word = *word;
    }
}

/* The pages of a block are there, or will be in a moment. */
static void set_touched(struct mid_heap *heap, struct mid__block *block)
{
    struct mid__chunk *chunk = mid__chunk_of((uintptr_t)block);
    block->touched = 1;
    heap->old.blocks_touched++;
    touch_bits(chunk, block);
    if (++chunk->touched == MID__BLOCKS - MID__FIRST_BLOCK && heap->old.chunks > HUGE_PAGES_FROM_CHUNK)
        mid__sys_huge_pages(chunk, MID__CHUNK_BYTES, true);
}

/* Note [Warm blocks]
 * The first touch of a page is dear: 1.4 us on a good machine, 13 us where memory is handed out by a hypervisor. A scavenge
 * that promotes 512 KiB into fresh blocks would pay for 128 of them in one pause. So each window of the nursery touches
 * a few pages ahead, until as many blocks are warm as one of the last scavenges took; once the holes of swept blocks take
 * what is promoted, nothing more is touched. Blocks are counted, not bytes: a scavenge that promotes less than a block's bytes
 * takes one all the same, and one for each size. */
void mid__old_warm(struct mid_heap *heap, size_t wanted_blocks, size_t pages)
{
    struct mid__oldspace *old = &heap->old;
    if (old->blocks_touched - old->blocks_used >= wanted_blocks ||
        mid__old_total(heap) + wanted_blocks * MID__BLOCK_BYTES > heap->old_limit || (old->cold == NULL && !map_blocks(heap)))
        return;
    struct mid__block *block = old->cold;
    heap->work_bytes += pages * MID__PAGE_BYTES;
    for (; pages > 0 && old->cold_pages < MID__BLOCK_BYTES / MID__PAGE_BYTES; pages--)
        *(volatile char *)(mid__block_start(block) + old->cold_pages++ * MID__PAGE_BYTES) = 0;
    if (old->cold_pages < MID__BLOCK_BYTES / MID__PAGE_BYTES)
        return;
    old->cold = block->next;
    old->cold_pages = 0;
    set_touched(heap, block);
}

/* A scavenge has ended: what it took is to be expected again; what it did not, by an eighth less each time. */
void mid__old_expect(struct mid_heap *heap)
{
    struct mid__oldspace *old = &heap->old;
    old->expected -= (old->expected + 7) / 8;
    if (old->expected < old->taken)
        old->expected = old->taken;
}

static struct mid__block *take_free_block(struct mid_heap *heap, struct mid__class *class)
{
    if (mid__old_total(heap) + MID__BLOCK_BYTES > heap->old_limit)
        return NULL;
    if (heap->old.free_blocks == NULL && !map_blocks(heap))
        return NULL;
    struct mid__block *block = heap->old.free_blocks;
    unlist_free(&heap->old, block);
    block->class_index = (uint8_t)(class - heap->old.classes);
    block->cell_words = (uint16_t)class->cell_words;
    block->cells = (uint16_t)(MID__BLOCK_BYTES / MID__WORD / class->cell_words);
    block->used = 0;
    struct mid__chunk *chunk = mid__chunk_of((uintptr_t)block);
    bool leaf = block->class_index >= MID__RAW_CLASS && class->cell_words <= EXACT_WORDS;
    chunk->leaf_words[block->index] = leaf ? (uint8_t)class->cell_words : 0;
    chunk->used++;
    heap->old.blocks_used++;
    heap->old.taken++;
    if (!block->touched)
        set_touched(heap, block);
    return block;
}

/* ---- allocation ------------------------------------------------------------------------------------------------------- */

/* A block of the class with a free cell: one that is known, one found by sweeping, a free one, in this order. */
static struct mid__block *next_block(struct mid_heap *heap, struct mid__class *class)
{
    struct mid__block *block = NULL;
    if (heap->phase == MID__SWEEP && class->partial == NULL)
        mid__sweep_class(heap, class);
    if (class->partial == NULL)
        block = take_free_block(heap, class);
    if (block == NULL && heap->phase == MID__SWEEP && class->partial == NULL) {
        mid__sweep_step(heap, SIZE_MAX); /* this class may have cells yet, others blocks to spare */
        if (class->partial == NULL)
            block = take_free_block(heap, class);
    }
    if (block == NULL && class->partial != NULL) {
        block = class->partial;
        mid__old_block_unlist(&class->partial, block);
    }
    if (block != NULL) {
        block->state = MID__BLOCK_CURRENT;
        block->cursor = 0;
    }
    class->current = block;
    return block;
}

/* The first free cell from `cell` on; block->cells when there is none. */
MID__INLINE unsigned free_cell(const struct mid__block *block, const uint64_t *live, unsigned cell)
{
    size_t words = block->cell_words, bit = cell * words;
    while (cell < block->cells && (live[bit >> 6] >> (bit & 63) & 1) != 0) {
        cell++;
        bit += words;
    }
    return cell;
}

/* The next free cell at or after the cursor; 0 when there is none. The one that will be next is asked for already: a hole
 * lies in no cache, and what is promoted is written at once. */
MID__INLINE uintptr_t take_cell(const struct mid_heap *heap, struct mid__block *block)
{
    const uint64_t *live =
        mid__bitmap(mid__chunk_of((uintptr_t)block), heap->live_side) + block->index * MID__BLOCK_BITMAP_WORDS;
    unsigned cell = free_cell(block, live, block->cursor);
    if (cell >= block->cells)
        return 0;
    uintptr_t start = mid__block_start(block);
    size_t bytes = block->cell_words * MID__WORD;
    unsigned next = free_cell(block, live, cell + 1);
    MID__PREFETCH_WRITE((void *)(start + next * bytes)); /* past the last cell: of the next block, no matter */
    MID__PREFETCH_WRITE((void *)(start + next * bytes + bytes - MID__WORD));
    block->cursor = (uint16_t)next;
    block->used++;
    return start + cell * bytes;
}

uintptr_t mid__old_alloc_for(struct mid_heap *heap, uint64_t header)
{
    size_t bytes = mid__bytes_of(header);
    unsigned index = heap->old.class_of[bytes / MID__WORD] + ((header & MID__LAYOUT_MASK) == 0 ? MID__RAW_CLASS : 0);
    struct mid__class *class = &heap->old.classes[index];
    struct mid__block *block = class->current;
    uintptr_t cell = 0;
    for (;;) {
        if (block != NULL && (cell = take_cell(heap, block)) != 0)
            break;
        if (block != NULL)
            block->state = MID__BLOCK_FULL;
        block = next_block(heap, class);
        if (block == NULL)
            return 0;
    }
    mid__bit_set(cell, heap->live_side);
    heap->live_bytes[0] += bytes;
    heap->live_objects[0]++;
    if (heap->phase == MID__MARK) { /* black: Note [Snapshot at the beginning] */
        mid__bit_set(cell, mid__mark_side(heap));
        heap->mark.bytes[0] += bytes;
        heap->mark.objects[0]++;
    }
    return cell;
}

/* No class has a current block afterwards: for a change of sides, and for the verifier's peace. */
void mid__old_retire_current(struct mid_heap *heap)
{
    for (unsigned i = 0; i < MID__CLASSES; i++) {
        struct mid__class *class = &heap->old.classes[i];
        struct mid__block *block = class->current;
        if (block == NULL)
            continue;
        class->current = NULL;
        block->state = MID__BLOCK_FULL;
        if (block->used < block->cells) {
            block->state = MID__BLOCK_PARTIAL;
            mid__old_block_list(&class->partial, block);
        }
    }
}

/* ---- giving back -------------------------------------------------------------------------------------------------------- */

static void unmap_empty_chunk(struct mid_heap *heap, struct mid__chunk *chunk)
{
    for (unsigned i = MID__FIRST_BLOCK; i < MID__BLOCKS; i++)
        unlist_free(&heap->old, &chunk->u.blocks[i]);
    heap->old.blocks_touched -= chunk->touched;
    heap->old.chunks--;
    mid__chunk_unmap(heap, chunk);
}

/* The block is the last of those with pages. */
static bool make_cold(struct mid_heap *heap, struct mid__block *block)
{
    struct mid__oldspace *old = &heap->old;
    if (!mid__sys_decommit((void *)mid__block_start(block), MID__BLOCK_BYTES))
        return false;
    block->touched = 0;
    mid__chunk_of((uintptr_t)block)->touched--;
    old->blocks_touched--;
    old->cold = block;
    old->cold_pages = 0;
    return true;
}

/* Gives back free memory until at most keep_bytes of it may be resident, in `pieces` calls to the system: whole chunks
 * first, then single blocks. */
bool mid__old_trim(struct mid_heap *heap, size_t keep_bytes, size_t pieces)
{
    struct mid__oldspace *old = &heap->old;
    size_t keep = keep_bytes / MID__BLOCK_BYTES;
    for (size_t i = heap->chunk_count; i-- > 0 && old->blocks_touched - old->blocks_used > keep;)
        if (heap->chunks[i]->kind == MID__CHUNK_OLD && heap->chunks[i]->used == 0) {
            if (pieces-- == 0)
                return false;
            unmap_empty_chunk(heap, heap->chunks[i]);
        }
    while (old->blocks_touched - old->blocks_used > keep) {
        if (pieces-- == 0)
            return false;
        if (!make_cold(heap, last_warm(old)))
            return true;
    }
    return true;
}

/* ---- finding objects ------------------------------------------------------------------------------------------------------ */

uintptr_t mid__old_object_of(const struct mid_heap *heap, uintptr_t inner)
{
    (void)heap;
    const struct mid__chunk *chunk = mid__chunk_of(inner);
    if (chunk->kind == MID__CHUNK_HUGE)
        return (uintptr_t)chunk + MID__FIRST_BLOCK * MID__BLOCK_BYTES;
    if (chunk->kind == MID__CHUNK_LARGE) {
        size_t page = (inner - (uintptr_t)chunk) / MID__PAGE_BYTES;
        unsigned run = chunk->u.large.run[page];
        if (run & MID__RUN_BACK)
            page -= run & ~MID__RUN_BACK;
        return (uintptr_t)chunk + page * MID__PAGE_BYTES;
    }
    const struct mid__block *block = mid__block_of(inner);
    uintptr_t start = mid__block_start(block);
    size_t cell_bytes = block->cell_words * MID__WORD;
    return start + (inner - start) / cell_bytes * cell_bytes;
}

static void each_bit(uintptr_t start, const uint64_t *bits, size_t words, void (*fn)(void *, uintptr_t), void *context)
{
    for (size_t i = 0; i < words; i++)
        for (uint64_t w = bits[i]; w != 0; w &= w - 1)
            fn(context, start + (i * 64 + mid__ctz64(w)) * MID__WORD);
}

void mid__old_each(struct mid_heap *heap, unsigned side, void (*fn)(void *context, uintptr_t object), void *context)
{
    for (size_t i = 0; i < heap->chunk_count; i++) {
        struct mid__chunk *chunk = heap->chunks[i];
        const uint64_t *bits = mid__bitmap(chunk, side);
        for (unsigned b = MID__FIRST_BLOCK; b < MID__BLOCKS; b++) {
            if (chunk->kind == MID__CHUNK_OLD && chunk->u.blocks[b].state == MID__BLOCK_FREE)
                continue;
            size_t first = b * MID__BLOCK_BITMAP_WORDS;
            each_bit((uintptr_t)chunk + b * MID__BLOCK_BYTES, bits + first, MID__BLOCK_BITMAP_WORDS, fn, context);
            if (chunk->kind == MID__CHUNK_HUGE)
                break; /* one object, in its first word */
        }
    }
}
