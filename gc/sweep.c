/* SPDX-License-Identifier: MIT
 *
 * sweep.c: after a marking, finds out which blocks have room. The heap is right without it: the marks have become the live
 * bits, by changing sides, and what is not marked is free. Sweeping a block counts its bits, clears the other side for the
 * next marking, and hangs the block on the list where it belongs; no object is read or written. It is done lazily: a few
 * blocks with each window of the nursery, or when a class needs a block.
 *
 *   I1  in phase SWEEP, blocks before (sweep_chunk, sweep_block) are not UNSWEPT, those behind may be
 *   I2  nothing is allocated in an UNSWEPT block
 *   I3  the phase is IDLE again when no block is UNSWEPT, and only then may a marking begin
 *
 * With helper threads (Note [Crew] in crew.c) blocks are counted and cleared beside the program, and hung up by the mutator, who
 * alone knows lists. `claim` says who counts a block; a helper gets at it by chunk->sweep_next, and reads nothing else that
 * the mutator may write:
 *
 *     NONE -> OPEN (a marking ended) -> MUTATOR                 the mutator has taken it
 *                                    -> HELPER -> COUNTED       a helper has; `counted` holds when this is seen
 *
 *   I4  OPEN becomes MUTATOR or HELPER by one compare-and-swap, so that one thread writes the block's mark side; it reads the
 *       live side, which does not change in an UNSWEPT block (I2), and dead cells belong to nobody else
 *   I5  no helper is at work when the phase becomes IDLE
 *
 * With MID_CHECK, dead cells are filled with 0xdb, so that a stale reference is soon found out.
 */
#include "crew.h"

#include <sched.h>
#include <string.h>

enum mid__claim { CLAIM_NONE = 0, CLAIM_OPEN, CLAIM_MUTATOR, CLAIM_HELPER, CLAIM_COUNTED };

void mid__sweep_begin(struct mid_heap *heap)
{
    mid__old_retire_current(heap);
    heap->live_side = mid__mark_side(heap);
    for (unsigned i = 0; i < MID__CLASSES; i++)
        heap->old.classes[i].partial = NULL; /* every block in use goes from where it is to `unswept` */
    struct mid__chunk *listed = NULL;
    bool crew = heap->crew != NULL;
    for (size_t i = 0; i < heap->chunk_count; i++) {
        struct mid__chunk *chunk = heap->chunks[i];
        if (chunk->kind != MID__CHUNK_OLD)
            continue;
        chunk->sweep_next = listed;
        listed = chunk;
        for (unsigned b = MID__FIRST_BLOCK; b < MID__BLOCKS; b++) {
            struct mid__block *block = &chunk->u.blocks[b];
            struct mid__class *class = &heap->old.classes[block->class_index];
            if (block->state == MID__BLOCK_FREE)
                continue;
            block->state = MID__BLOCK_UNSWEPT;
            if (crew)
                atomic_store_explicit(&block->claim, CLAIM_OPEN, memory_order_relaxed);
            mid__old_block_list(&class->unswept, block);
        }
    }
    heap->sweep_chunk = 0;
    heap->sweep_block = MID__FIRST_BLOCK;
    heap->phase = MID__SWEEP;
    if (crew)
        heap->crew->sweep_next = listed; /* the last chunk first: the mutator comes from the other end */
}

#if defined(MID_CHECK) && MID_CHECK
static void poison_dead(const struct mid__block *block, const uint64_t *live)
{
    size_t bytes = block->cell_words * MID__WORD;
    for (size_t cell = 0; cell < block->cells; cell++) {
        size_t bit = cell * block->cell_words;
        if ((live[bit >> 6] >> (bit & 63) & 1) == 0)
            memset((void *)(mid__block_start(block) + cell * bytes), 0xdb, bytes);
    }
}
#else
MID__INLINE void poison_dead(const struct mid__block *block, const uint64_t *live)
{
    (void)block;
    (void)live;
}
#endif

/* Counts the live cells of a block and clears its other side. */
static unsigned count_block(struct mid__block *block, unsigned live_side)
{
    struct mid__chunk *chunk = mid__chunk_of((uintptr_t)block);
    size_t first = block->index * MID__BLOCK_BITMAP_WORDS;
    const uint64_t *live = mid__bitmap(chunk, live_side) + first;
    unsigned used = 0;
    for (size_t i = 0; i < MID__BLOCK_BITMAP_WORDS; i++)
        used += mid__popcount64(live[i]);
    memset(mid__bitmap(chunk, live_side ^ 1) + first, 0, MID__BLOCK_BITMAP_WORDS * 8);
    poison_dead(block, live);
    return used;
}

/* ---- with helpers ---------------------------------------------------------------------------------------------------------- */

static bool claim(struct mid__block *block, uint8_t by)
{
    uint8_t open = CLAIM_OPEN;
    return atomic_compare_exchange_strong_explicit(&block->claim, &open, by, memory_order_relaxed, memory_order_relaxed);
}

/* A helper's turn: whole chunks, until none is left or the crew is recalled. What it leaves undone, the mutator does. */
void mid__crew_sweep(struct mid__crew *crew)
{
    unsigned live_side = crew->heap->live_side;
    for (;;) {
        uint64_t swept = 0;
        pthread_mutex_lock(&crew->lock);
        struct mid__chunk *chunk = crew->sweep_next;
        if (chunk != NULL)
            crew->sweep_next = chunk->sweep_next;
        pthread_mutex_unlock(&crew->lock);
        if (chunk == NULL)
            return;
        for (unsigned b = MID__FIRST_BLOCK; b < MID__BLOCKS; b++) {
            struct mid__block *block = &chunk->u.blocks[b];
            if (atomic_load_explicit(&crew->poke, memory_order_relaxed) & MID__CREW_STOP)
                break;
            if (!claim(block, CLAIM_HELPER))
                continue;
            block->counted = (uint16_t)count_block(block, live_side);
            atomic_store_explicit(&block->claim, CLAIM_COUNTED, memory_order_release); /* pairs with is_counted */
            swept++;
        }
        pthread_mutex_lock(&crew->lock);
        crew->swept_blocks += swept;
        pthread_mutex_unlock(&crew->lock);
    }
}

/* False: the mutator has to count it, and it is his. A helper that is at it takes a microsecond, or as long as it is not let
 * run. */
static bool is_counted(struct mid_heap *heap, struct mid__block *block)
{
    if (claim(block, CLAIM_MUTATOR))
        return false;
    unsigned spins = 0;
    while (atomic_load_explicit(&block->claim, memory_order_acquire) != CLAIM_COUNTED) {
        MID__CPU_RELAX();
        if (++spins % MID__CREW_SPINS != 0)
            continue;
        if (!mid__crew_alive(heap))
            return false;
        (void)sched_yield();
    }
    return true;
}

static void sweep_block(struct mid_heap *heap, struct mid__block *block)
{
    struct mid__class *class = &heap->old.classes[block->class_index];
    unsigned used;
    if (MID__UNLIKELY(heap->crew != NULL) && is_counted(heap, block)) {
        used = block->counted;
    } else {
        used = count_block(block, heap->live_side);
        heap->work_bytes += 2 * MID__BLOCK_BITMAP_WORDS * MID__WORD;
    }
    if (heap->crew != NULL)
        atomic_store_explicit(&block->claim, CLAIM_NONE, memory_order_relaxed);
    mid__old_block_unlist(&class->unswept, block);
    block->used = (uint16_t)used;
    block->state = MID__BLOCK_FULL;
    if (used == 0) {
        mid__old_block_free(heap, block);
    } else if (used < block->cells) {
        block->state = MID__BLOCK_PARTIAL;
        mid__old_block_list(&class->partial, block);
    }
}

#define SWEEP_FOR_A_CELL 16

/* Not in vain for long: in a heap of full blocks an allocation would else sweep all of them in one pause. */
void mid__sweep_class(struct mid_heap *heap, struct mid__class *class)
{
    for (unsigned i = 0; i < SWEEP_FOR_A_CELL && class->unswept != NULL && class->partial == NULL; i++)
        sweep_block(heap, class->unswept);
}

/* Sweeps what is left of one chunk, at most *blocks of it; a chunk of large objects counts as one. */
static void sweep_chunk(struct mid_heap *heap, size_t *blocks)
{
    struct mid__chunk *chunk = heap->chunks[heap->sweep_chunk];
    if (chunk->kind != MID__CHUNK_OLD) {
        size_t before = heap->chunk_count;
        mid__large_sweep(heap, chunk);
        --*blocks;
        if (heap->chunk_count == before) /* else another chunk has come to its place */
            heap->sweep_chunk++;
        return;
    }
    for (; heap->sweep_block < MID__BLOCKS; heap->sweep_block++) {
        struct mid__block *block = &chunk->u.blocks[heap->sweep_block];
        if (block->state != MID__BLOCK_UNSWEPT)
            continue;
        if ((*blocks)-- == 0) {
            *blocks = 0;
            return;
        }
        sweep_block(heap, block);
    }
    heap->sweep_block = MID__FIRST_BLOCK;
    heap->sweep_chunk++;
}

bool mid__sweep_step(struct mid_heap *heap, size_t blocks)
{
    if (heap->phase != MID__SWEEP)
        return true;
    while (heap->sweep_chunk < heap->chunk_count && blocks > 0)
        sweep_chunk(heap, &blocks);
    if (heap->sweep_chunk < heap->chunk_count)
        return false;
    mid__crew_recall(heap);
    heap->phase = MID__IDLE;
    heap->trimming = true;
    return true;
}

/* What the heap may still grow before the next marking is kept: it would be touched again, and that is dear. */
void mid__trim_step(struct mid_heap *heap, size_t pieces)
{
    size_t spare = heap->threshold > mid__old_total(heap) ? heap->threshold - mid__old_total(heap) : 0;
    bool done = mid__mark_give_back(heap, pieces < SIZE_MAX / 32 ? pieces * 32 : SIZE_MAX);
    if (done && mid__old_trim(heap, spare, pieces)) {
        mid__large_trim(heap, spare);
        heap->trimming = false;
    }
}
