/* SPDX-License-Identifier: MIT
 *
 * stats.c: the figures. Each is computed from the structures when it is asked for; only what cannot be recomputed (sums of
 * times and bytes over the past) is kept in counters.
 *
 *   I1  total_bytes == used_bytes + free_bytes + overhead_bytes in each space; the verifier adds up used_bytes again,
 *       object by object
 *   I2  heap_used and heap_total are the sums over the spaces
 *
 *   space    total                            used                free                        overhead
 *   nursery  both halves                      [from_base, top)    the rest of From            To
 *   old      blocks that may be resident,     objects             free cells, free blocks     rounding to cells, block
 *            their side bits; chunk heads                                                     ends, side bits, heads
 *   large    pages that may be resident,      objects             free pages                  rounding to pages,
 *            their side bits; chunk heads                                                     side bits, heads
 */
#include "internal.h"

static size_t nursery_total(const struct mid_heap *heap)
{
    return heap->hot.young_bytes == 0 ? 0 : 2 * heap->nursery.capacity;
}

static size_t old_space_total(const struct mid_heap *heap)
{
    return heap->old.blocks_touched * (MID__BLOCK_BYTES + MID__SIDE_BYTES(MID__BLOCK_BYTES)) +
           heap->old.chunks * MID__CHUNK_OVERHEAD;
}

static size_t large_space_total(const struct mid_heap *heap)
{
    const struct mid__largespace *large = &heap->large;
    return large->pages_touched * MID__PAGE_BYTES + MID__SIDE_BYTES(large->pages_touched * MID__PAGE_BYTES) +
           large->huge_bytes + large->huge_bytes / 64 + (large->chunks + large->huge_objects) * MID__CHUNK_OVERHEAD;
}

size_t mid__heap_total(struct mid_heap *heap)
{
    return nursery_total(heap) + old_space_total(heap) + large_space_total(heap);
}

size_t mid__heap_used(struct mid_heap *heap)
{
    return heap->hot.top - heap->nursery.from_base + heap->live_bytes[0] + heap->live_bytes[1];
}

/* Free bytes of a block in use. An unswept block is counted by its live bits. */
static size_t free_in_block(const struct mid_heap *heap, const struct mid__block *block)
{
    size_t used = block->used;
    if (block->state == MID__BLOCK_UNSWEPT) {
        const uint64_t *live = mid__bitmap(mid__chunk_of((uintptr_t)block), heap->live_side) +
                               block->index * MID__BLOCK_BITMAP_WORDS;
        used = 0;
        for (size_t i = 0; i < MID__BLOCK_BITMAP_WORDS; i++)
            used += mid__popcount64(live[i]);
    }
    return (block->cells - used) * block->cell_words * MID__WORD;
}

static size_t old_free(const struct mid_heap *heap)
{
    size_t bytes = (heap->old.blocks_touched - heap->old.blocks_used) * MID__BLOCK_BYTES;
    for (size_t i = 0; i < heap->chunk_count; i++) {
        if (heap->chunks[i]->kind != MID__CHUNK_OLD)
            continue;
        for (unsigned b = MID__FIRST_BLOCK; b < MID__BLOCKS; b++)
            if (heap->chunks[i]->u.blocks[b].state != MID__BLOCK_FREE)
                bytes += free_in_block(heap, &heap->chunks[i]->u.blocks[b]);
    }
    return bytes;
}

/* Pages that dead runs still hold until they are swept count as free, too. */
static size_t large_free(const struct mid_heap *heap)
{
    size_t bytes = (heap->large.pages_touched - heap->large.pages_used) * MID__PAGE_BYTES;
    if (heap->phase != MID__SWEEP)
        return bytes;
    for (size_t i = 0; i < heap->chunk_count; i++) {
        const struct mid__chunk *chunk = heap->chunks[i];
        uintptr_t first = (uintptr_t)chunk + MID__FIRST_BLOCK * MID__BLOCK_BYTES;
        if (chunk->kind == MID__CHUNK_HUGE && !mid__bit_get(first, heap->live_side))
            bytes += chunk->object_bytes;
        for (size_t p = MID__FIRST_PAGE; chunk->kind == MID__CHUNK_LARGE && p < MID__PAGES; p++) {
            unsigned run = chunk->u.large.run[p];
            if (run != 0 && !(run & MID__RUN_BACK) && !mid__bit_get((uintptr_t)chunk + p * MID__PAGE_BYTES, heap->live_side))
                bytes += run * MID__PAGE_BYTES;
        }
    }
    return bytes;
}

static void count_one(void *context, uintptr_t object)
{
    (void)object;
    ++*(size_t *)context;
}

void mid__spaces(struct mid_heap *heap, struct mid_space spaces[MID_SPACE_COUNT])
{
    struct mid_space *nursery = &spaces[MID_SPACE_NURSERY], *old = &spaces[MID_SPACE_OLD],
                     *large = &spaces[MID_SPACE_LARGE];
    nursery->total_bytes = nursery_total(heap);
    nursery->used_bytes = heap->hot.top - heap->nursery.from_base;
    nursery->free_bytes = heap->nursery.from_end - heap->hot.top;
    nursery->objects = 0;
    mid__nursery_each(heap, count_one, &nursery->objects);
    old->total_bytes = old_space_total(heap);
    old->used_bytes = heap->live_bytes[0];
    old->free_bytes = old_free(heap);
    old->objects = heap->live_objects[0];
    large->total_bytes = large_space_total(heap);
    large->used_bytes = heap->live_bytes[1];
    large->free_bytes = large_free(heap);
    large->objects = heap->live_objects[1];
    for (unsigned i = 0; i < MID_SPACE_COUNT; i++)
        spaces[i].overhead_bytes = spaces[i].total_bytes - spaces[i].used_bytes - spaces[i].free_bytes;
}

enum mid_status mid_heap_usage(struct mid_heap *heap, struct mid_usage *usage)
{
    if (usage == NULL || usage->struct_size != sizeof *usage)
        return MID_E_INVALID;
    usage->rss = mid__sys_process_rss_bytes();
    usage->heap_total = mid__heap_total(heap);
    usage->heap_used = mid__heap_used(heap);
    usage->external = heap->external;
    usage->array_buffers = heap->array_buffers;
    usage->system_total = mid__sys_total_memory_bytes();
    usage->system_free = mid__sys_free_memory_bytes();
    return MID_OK;
}

static void count_slot(void *context, struct mid__chunk *chunk, struct mid_ref *slot)
{
    (void)chunk;
    (void)slot;
    ++*(size_t *)context;
}

static void count_locals(const struct mid_heap *heap, size_t *count)
{
    for (const struct mid__locals *part = heap->locals_first;; part = part->next) {
        bool last = part == heap->locals_current;
        *count += (size_t)((last ? heap->hot.local_top : part->top) - part->slots);
        if (last)
            return;
    }
}

enum mid_status mid_heap_stats(struct mid_heap *heap, struct mid_gc_stats *stats)
{
    if (stats == NULL || stats->struct_size != sizeof *stats)
        return MID_E_INVALID;
    *stats = heap->totals;
    stats->struct_size = sizeof *stats;
    mid__spaces(heap, stats->spaces);
    stats->old_limit_bytes = heap->old_limit;
    stats->full_threshold_bytes = heap->threshold;
    stats->remembered_slots = heap->remset.count + heap->remset.huge_count;
    if (heap->remset.lost) {
        stats->remembered_slots = 0;
        mid__remset_each(heap, count_slot, &stats->remembered_slots);
    }
    stats->locals = 0;
    count_locals(heap, &stats->locals);
    stats->persistents = heap->handle_count;
    stats->weaks = heap->weak_count;
    stats->buffers = heap->buffers.count;
    stats->finalizers = heap->finalizers.count;
    stats->finalizers_waiting = heap->waiting_count - heap->waiting_first;
    stats->allocated_bytes += mid__nursery_born(heap);
    mid__crew_stats(heap, stats);
    return MID_OK;
}
