/* SPDX-License-Identifier: MIT
 *
 * remset.c: the remembered set, and the slow half of the write barrier that fills it.
 *
 * Note [Remembered set]
 * A scavenge must find the young objects that only old ones refer to, without looking at the old ones. So every slot of
 * old or large space that may hold a young reference is *remembered*: its bit is set in the chunk's third bitmap, and its
 * address stands in a list. The bits are the truth and keep the list free of duplicates; the list is an index that a
 * scavenge walks in the order of the stores. When the list cannot grow the set is *lost* in the list only: the next
 * scavenge reads the bits of all chunks and makes the list anew.
 *
 *   I1  a slot of a live object outside the nursery that holds a young reference has its bit set
 *   I2  unless lost: the list holds exactly the slots whose bits are set, each once
 *   I3  between the end of a marking and the next store, no bit is set inside a dead object
 *
 * I1 gives the barrier a cheap filter: when the value that a store replaces is young, the slot is remembered already.
 * I3 matters because a dead cell is soon filled with words that are no references: mark.c purges before it frees.
 *
 * Source: Ungar 1984 remembers objects; slots, with bits against duplicates, are V8's choice. An object would have to be
 * read whole at every scavenge, and a large array with one young element makes that a pause.
 *
 * Note [Barrier]
 * mid_store tests one thing inline: does the value lie in the range of interest, and the holder outside the nursery? When
 * idle the range is the nursery, and the exit below remembers. While marking the range is all of memory, null included,
 * and the exit also marks the value that is deleted: Note [Snapshot at the beginning] in mark.c. Stores into young
 * objects need nothing in any phase.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static uint64_t *slot_word(struct mid__chunk *chunk, const struct mid_ref *slot, uint64_t *mask)
{
    if (chunk->kind != MID__CHUNK_HUGE) {
        *mask = mid__bit_mask((uintptr_t)slot);
        return mid__bitmap(chunk, MID__SLOT_SIDE) + (mid__bit_index((uintptr_t)slot) >> 6);
    }
    size_t bit = ((uintptr_t)slot - (uintptr_t)chunk - MID__FIRST_BLOCK * MID__BLOCK_BYTES) / MID__WORD;
    *mask = (uint64_t)1 << (bit & 63);
    return chunk->huge_slots + (bit >> 6);
}

static bool list_slot(struct mid__remset *set, struct mid_ref *slot)
{
    if (set->count == set->capacity) {
        void *grown = mid__grow(set->slots, &set->capacity, set->count + 1, sizeof *set->slots);
        if (grown == NULL)
            return false;
        set->slots = grown;
    }
    set->slots[set->count++] = slot;
    return true;
}

static bool list_huge(struct mid__remset *set, struct mid__chunk *chunk, struct mid_ref *slot)
{
    if (set->huge_count == set->huge_capacity) {
        void *grown = mid__grow(set->huge, &set->huge_capacity, set->huge_count + 1, sizeof *set->huge);
        if (grown == NULL)
            return false;
        set->huge = grown;
    }
    set->huge[set->huge_count++] = (struct mid__huge_slot){chunk, slot};
    return true;
}

void mid__remember(struct mid_heap *heap, uintptr_t holder, struct mid_ref *slot)
{
    struct mid__chunk *chunk = mid__chunk_of(holder);
    uint64_t mask, *word = slot_word(chunk, slot, &mask);
    if (*word & mask)
        return;
    *word |= mask;
    struct mid__remset *set = &heap->remset;
    if (!set->lost)
        set->lost = !(chunk->kind == MID__CHUNK_HUGE ? list_huge(set, chunk, slot) : list_slot(set, slot));
}

void mid_store_slow(struct mid_heap *heap, struct mid_ref holder, struct mid_ref *field, struct mid_ref value)
{
    uintptr_t old = (uintptr_t)field->object;
    bool was_young = mid__is_young(heap, old);
    if (heap->phase == MID__MARK && old != 0 && !was_young)
        mid__mark_shade(heap, old);
    if (!was_young && mid__is_young(heap, (uintptr_t)value.object))
        mid__remember(heap, (uintptr_t)holder.object, field);
    __atomic_store_n(&field->object, value.object, __ATOMIC_RELEASE); /* pairs with found_slot in mark_parallel.c */
}

/* ---- the bits of all chunks ------------------------------------------------------------------------------------------------ */

static void each_slot_bit(struct mid__chunk *chunk, const uint64_t *bits, size_t words, uintptr_t start,
                          void (*fn)(void *, struct mid__chunk *, struct mid_ref *), void *context)
{
    for (size_t i = 0; i < words; i++)
        for (uint64_t w = bits[i]; w != 0; w &= w - 1)
            fn(context, chunk, (struct mid_ref *)(start + (i * 64 + mid__ctz64(w)) * MID__WORD));
}

/* Every slot whose bit is set; fn may clear that bit. O(chunks). */
void mid__remset_each(struct mid_heap *heap, void (*fn)(void *context, struct mid__chunk *chunk, struct mid_ref *slot),
                      void *context)
{
    for (size_t i = 0; i < heap->chunk_count; i++) {
        struct mid__chunk *chunk = heap->chunks[i];
        size_t head = MID__FIRST_BLOCK * MID__BLOCK_BITMAP_WORDS;
        uintptr_t start = (uintptr_t)chunk + MID__FIRST_BLOCK * MID__BLOCK_BYTES;
        if (chunk->kind == MID__CHUNK_HUGE)
            each_slot_bit(chunk, chunk->huge_slots, (chunk->object_bytes / MID__WORD + 63) / 64, start, fn, context);
        else
            each_slot_bit(chunk, mid__bitmap(chunk, MID__SLOT_SIDE) + head, MID__BITMAP_WORDS - head, start, fn, context);
    }
}

static void list_again(void *context, struct mid__chunk *chunk, struct mid_ref *slot)
{
    struct mid__remset *set = context;
    if (!set->lost)
        set->lost = !(chunk->kind == MID__CHUNK_HUGE ? list_huge(set, chunk, slot) : list_slot(set, slot));
}

/* Makes the lists anew from the bits; the set stays lost when there is no room yet. A marking that is being settled looks at
 * all of them again: they have another order now. */
static void find_again(struct mid_heap *heap)
{
    struct mid__remset *set = &heap->remset;
    set->count = set->huge_count = 0;
    set->cursor = set->huge_cursor = SIZE_MAX;
    set->lost = false;
    mid__remset_each(heap, list_again, set);
}

/* ---- scavenge and purge ------------------------------------------------------------------------------------------------------ */

typedef bool keep_fn(struct mid_heap *heap, struct mid__chunk *chunk, struct mid_ref *slot);

#define AHEAD 16u

/* Keeps the slots that `keep` wants; the bits of the others are cleared. Slots lie scattered over a heap that may be far
 * larger than any cache: the slot and the word of its bit are asked for AHEAD slots before they are looked at. */
MID__INLINE void filter_lists(struct mid_heap *heap, keep_fn *keep)
{
    struct mid__remset *set = &heap->remset;
    size_t out = 0;
    uint64_t mask, *word;
    heap->work_bytes += 64 * (set->count + set->huge_count);
    for (size_t i = 0; i < set->count; i++) {
        struct mid_ref *slot = set->slots[i];
        if (i + AHEAD < set->count) {
            uintptr_t next = (uintptr_t)set->slots[i + AHEAD];
            MID__PREFETCH((void *)next);
            MID__PREFETCH(mid__bit_word(next, MID__SLOT_SIDE));
        }
        struct mid__chunk *chunk = mid__chunk_of((uintptr_t)slot);
        if (keep(heap, chunk, slot)) {
            set->slots[out++] = slot;
        } else {
            word = slot_word(chunk, slot, &mask);
            *word &= ~mask;
        }
    }
    set->count = out;
    out = 0;
    for (size_t i = 0; i < set->huge_count; i++) {
        struct mid__huge_slot entry = set->huge[i];
        if (keep(heap, entry.chunk, entry.slot)) {
            set->huge[out++] = entry;
        } else {
            word = slot_word(entry.chunk, entry.slot, &mask);
            *word &= ~mask;
        }
    }
    set->huge_count = out;
}

struct filter {
    struct mid_heap *heap;
    keep_fn *keep;
};

static void filter_bit(void *context, struct mid__chunk *chunk, struct mid_ref *slot)
{
    struct filter *filter = context;
    uint64_t mask, *word = slot_word(chunk, slot, &mask);
    if (!filter->keep(filter->heap, chunk, slot))
        *word &= ~mask;
}

MID__INLINE void filter_set(struct mid_heap *heap, keep_fn *keep)
{
    if (!heap->remset.lost) {
        filter_lists(heap, keep);
        return;
    }
    struct filter filter = {heap, keep};
    mid__remset_each(heap, filter_bit, &filter);
    find_again(heap);
}

static bool keep_young(struct mid_heap *heap, struct mid__chunk *chunk, struct mid_ref *slot)
{
    (void)chunk;
    mid__nursery_keep(heap, slot);
    return mid__is_young(heap, (uintptr_t)slot->object);
}

/* Every remembered slot keeps its object and is updated; those that hold nothing young any more are forgotten. */
void mid__remset_scavenge(struct mid_heap *heap)
{
    filter_set(heap, keep_young);
}

static bool keep_marked(struct mid_heap *heap, struct mid__chunk *chunk, struct mid_ref *slot)
{
    uintptr_t holder = (uintptr_t)chunk + MID__FIRST_BLOCK * MID__BLOCK_BYTES;
    if (chunk->kind != MID__CHUNK_HUGE)
        holder = mid__old_object_of(heap, (uintptr_t)slot);
    return mid__bit_get(holder, mid__mark_side(heap));
}

/* At the end of a marking: forgets the slots of objects that were not marked (I3), from the end of the lists, *budget of
 * them at most; true when all are looked at. */
bool mid__remset_purge(struct mid_heap *heap, size_t *budget)
{
    struct mid__remset *set = &heap->remset;
    uint64_t mask, *word;
    if (set->lost) {
        filter_set(heap, keep_marked);
        return true;
    }
    if (set->cursor > set->count)
        set->cursor = set->count;
    for (; set->cursor > 0; set->cursor--) {
        struct mid_ref **at = &set->slots[set->cursor - 1];
        if ((*budget) == 0)
            return false;
        --*budget;
        struct mid__chunk *chunk = mid__chunk_of((uintptr_t)*at);
        if (keep_marked(heap, chunk, *at))
            continue;
        word = slot_word(chunk, *at, &mask);
        *word &= ~mask;
        *at = set->slots[--set->count];
    }
    if (set->huge_cursor > set->huge_count)
        set->huge_cursor = set->huge_count;
    for (; set->huge_cursor > 0; set->huge_cursor--) {
        struct mid__huge_slot *at = &set->huge[set->huge_cursor - 1];
        if ((*budget) == 0)
            return false;
        --*budget;
        if (keep_marked(heap, at->chunk, at->slot))
            continue;
        word = slot_word(at->chunk, at->slot, &mask);
        *word &= ~mask;
        *at = set->huge[--set->huge_count];
    }
    return true;
}

static bool keep_set(struct mid_heap *heap, struct mid__chunk *chunk, struct mid_ref *slot)
{
    uint64_t mask;
    (void)heap;
    return (*slot_word(chunk, slot, &mask) & mask) != 0;
}

/* After a compaction: takes the slots of moved objects, whose bits are clear, off the lists. */
void mid__remset_forget_moved(struct mid_heap *heap)
{
    filter_set(heap, keep_set);
}

bool mid__remset_list(struct mid_heap *heap)
{
    if (heap->remset.lost)
        find_again(heap);
    return !heap->remset.lost;
}

/* Before a slide: the slots are listed where they will be. The lists are whole; slots of huge objects stay. */
void mid__remset_slide(struct mid_heap *heap, mid__moved_fn *moved, const void *context)
{
    struct mid__remset *set = &heap->remset;
    uint64_t mask, *word;
    for (size_t i = 0; i < set->count; i++) {
        word = slot_word(mid__chunk_of((uintptr_t)set->slots[i]), set->slots[i], &mask);
        *word &= ~mask;
    }
    for (size_t i = 0; i < set->count; i++) {
        uintptr_t slot = (uintptr_t)set->slots[i], object = mid__old_object_of(heap, slot);
        set->slots[i] = (struct mid_ref *)(moved(context, object) + (slot - object));
    }
    for (size_t i = 0; i < set->count; i++) {
        word = slot_word(mid__chunk_of((uintptr_t)set->slots[i]), set->slots[i], &mask);
        *word |= mask;
    }
}

void mid__remset_free(struct mid_heap *heap)
{
    free(heap->remset.slots);
    free(heap->remset.huge);
}

void mid_array_copy(struct mid_heap *heap, struct mid_ref target, size_t to, struct mid_ref source, size_t from,
                    size_t count)
{
    if (to <= from)
        for (size_t i = 0; i < count; i++)
            mid_array_set(heap, target, to + i, mid_array_get(source, from + i));
    else
        for (size_t i = count; i-- > 0;)
            mid_array_set(heap, target, to + i, mid_array_get(source, from + i));
}
