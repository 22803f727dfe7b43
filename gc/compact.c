/* SPDX-License-Identifier: MIT
 *
 * compact.c: empties sparse blocks of the old space, so that they can go back to the system or to another size class.
 * Runs at the end of a full collection, when all is swept: which cells are live is known exactly, and nothing is grey.
 *
 *     choose     blocks of a class whose objects fit into the free cells of its fuller blocks      O(blocks)
 *     evacuate   each object of a chosen block to a cell elsewhere, its new address into its header   O(moved)
 *     fix up     every slot of every object and root that refers to a moved object                 O(live)
 *     free       the chosen blocks
 *
 *     | a . . . b . . . |  chosen         | x x . x x x . x |            | x x a x x x b x |
 *         forwarding words                  fuller, same class              and a block to spare
 *
 *   I1  nothing is allocated in a chosen (EVACUATED) block; afterwards there is none
 *   I2  an object that cannot be moved (no cell is to be had) stays, and its block goes back to its list
 *   I3  remembered slots move with their objects
 *   I4  a block that holds a pinned object is never chosen
 *
 * The choice needs no sorting and no memory: a histogram of the blocks of a class by sixteenths of occupancy gives the
 * threshold below which everything fits above it, and how many blocks at the threshold fit into the others there.
 *
 * Source: evacuation of sparse blocks as in Immix' opportunistic copying (Blackburn and McKinley 2008) and Mark-Copy. We
 * mark first and copy afterwards, so that a copy can never fail half-way, at the price of one more pass for the fix-up.
 * The other way, a slide of everything, is slide.c's.
 */
#include "internal.h"

#include <string.h>

#define BUCKETS 16u
#define WORTH_WHILE_PART  8u /* of the blocks in use must be gained */
#define WORTH_SLIDING_PART 2u

struct histogram {
    size_t blocks[BUCKETS], used[BUCKETS], free[BUCKETS];
};

/* ---- choosing -------------------------------------------------------------------------------------------------------------- */

static unsigned bucket_of(const struct mid__block *block)
{
    return (unsigned)block->used * BUCKETS / (block->cells + 1u);
}

/* What is to be emptied: all blocks in buckets below `below`, and `more` of those in it. */
struct choice {
    unsigned below;
    size_t more, gain; /* gain: blocks in all */
};

static struct choice choice_of(const struct mid__class *class)
{
    struct histogram h;
    memset(&h, 0, sizeof h);
    size_t room = 0, moved = 0;
    struct choice choice = {0, 0, 0};
    for (const struct mid__block *block = class->partial; block != NULL; block = block->next) {
        if (block->pins != 0)
            continue;
        unsigned b = bucket_of(block);
        h.blocks[b]++;
        h.used[b] += block->used;
        h.free[b] += (size_t)block->cells - block->used;
        room += (size_t)block->cells - block->used;
    }
    for (; choice.below < BUCKETS; choice.below++) {
        unsigned b = choice.below;
        if (moved + h.used[b] > room - h.free[b])
            break;
        moved += h.used[b];
        room -= h.free[b];
        choice.gain += h.blocks[b];
    }
    if (choice.below < BUCKETS && h.blocks[choice.below] > 0) /* each takes its own free cells out of the room, too */
        choice.more = (room - moved) / ((h.used[choice.below] + h.free[choice.below]) / h.blocks[choice.below]);
    choice.gain += choice.more;
    return choice;
}

/* `all`: for torture, whatever is gained. */
static struct mid__block *choose(struct mid__class *class, bool all)
{
    struct choice choice = choice_of(class);
    if (all)
        choice = (struct choice){.below = BUCKETS};
    struct mid__block *chosen = NULL;
    for (struct mid__block *block = class->partial, *next; block != NULL; block = next) {
        next = block->next;
        unsigned b = bucket_of(block);
        if (block->pins != 0 || b > choice.below || (b == choice.below && choice.more == 0))
            continue;
        choice.more -= b == choice.below;
        mid__old_block_unlist(&class->partial, block);
        block->state = MID__BLOCK_EVACUATED;
        mid__old_block_list(&chosen, block);
    }
    return chosen;
}

/* ---- evacuating ------------------------------------------------------------------------------------------------------------- */

/* The bits of remembered slots inside the object move with it; the lists are put right at the end. */
static void move_slots(struct mid_heap *heap, uintptr_t from, uintptr_t to, size_t bytes)
{
    for (size_t at = MID__WORD; at < bytes; at += MID__WORD) {
        if (!mid__bit_get(from + at, MID__SLOT_SIDE))
            continue;
        *mid__bit_word(from + at, MID__SLOT_SIDE) &= ~mid__bit_mask(from + at);
        mid__remember(heap, to, (struct mid_ref *)(to + at));
    }
}

static bool move_object(struct mid_heap *heap, uintptr_t from)
{
    uint64_t header = *mid__header_at(from);
    size_t bytes = mid__bytes_of(header);
    uintptr_t to = mid__old_alloc_for(heap, header);
    if (to == 0)
        return false;
    memcpy((void *)to, (const void *)from, bytes);
    move_slots(heap, from, to, bytes);
    if (header & MID__HAS_ID)
        mid__ids_moved(heap, from, to);
    if (header & MID__EPHEMERAL)
        mid__ephemeron_moved(heap, from, to);
    *mid__header_at(from) = to;
    *mid__bit_word(from, heap->live_side) &= ~mid__bit_mask(from);
    heap->live_bytes[0] -= bytes; /* old_alloc has counted it again */
    heap->live_objects[0]--;
    return true;
}

static void empty_block(struct mid_heap *heap, struct mid__block *block)
{
    for (size_t cell = 0; cell < block->cells && block->used > 0; cell++) {
        uintptr_t object = mid__block_start(block) + cell * block->cell_words * MID__WORD;
        if (!mid__bit_get(object, heap->live_side))
            continue;
        if (!move_object(heap, object))
            return;
        block->used--;
    }
}

/* ---- fixing up ----------------------------------------------------------------------------------------------------------------- */

/* The new address of a moved object; others as they are. */
static uintptr_t moved_to(const void *context, uintptr_t object)
{
    (void)context;
    if (mid__chunk_of(object)->kind != MID__CHUNK_OLD || mid__block_of(object)->state != MID__BLOCK_EVACUATED)
        return object;
    uint64_t header = *mid__header_at(object);
    return (header & MID__IS_HEADER) ? object : (uintptr_t)header;
}

struct fix {
    struct mid_heap *heap;
    mid__moved_fn *moved;
    const void *context;
};

static void fix_slot(void *context, struct mid_ref *slot)
{
    const struct fix *fix = context;
    uintptr_t object = (uintptr_t)slot->object;
    if (object != 0 && !mid__is_young(fix->heap, object))
        *slot = mid__ref(fix->moved(fix->context, object));
}

static void fix_traced(void *context, struct mid_ref *slot, const char *name, size_t index)
{
    (void)name;
    (void)index;
    fix_slot(context, slot);
}

static void fix_fields(void *context, uintptr_t object)
{
    const struct fix *fix = context;
    mid__each_slot(fix->heap, object, *mid__header_at(object), fix_slot, context, fix_traced);
}

static void fix_table(const struct fix *fix, struct mid__table *table)
{
    for (size_t i = 0; i < table->old; i++)
        table->entries[i].object = fix->moved(fix->context, table->entries[i].object);
}

/* Every reference to old space that there is, but for the records of ids and of weak tables: they move with their objects. */
void mid__fix_up(struct mid_heap *heap, mid__moved_fn *moved, const void *context)
{
    struct fix fix = {heap, moved, context};
    mid__roots_each(heap, fix_slot, &fix);
    mid__nursery_each(heap, fix_fields, &fix);
    mid__ephemeron_each_value(heap, fix_slot, &fix);
    mid__old_each(heap, heap->live_side, fix_fields, &fix);
    fix_table(&fix, &heap->buffers);
    fix_table(&fix, &heap->sampler.table);
    fix_table(&fix, &heap->finalizers);
    fix_table(&fix, &heap->weaks);
    for (size_t i = 0; i < heap->weaks.old; i++)
        ((struct mid_weak *)heap->weaks.entries[i].a)->object = heap->weaks.entries[i].object;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------------- */

static void put_back(struct mid_heap *heap, struct mid__block **chosen)
{
    while (*chosen != NULL) {
        struct mid__block *block = *chosen;
        mid__old_block_unlist(chosen, block);
        if (block->used == 0) {
            mid__old_block_free(heap, block);
        } else {
            block->state = MID__BLOCK_PARTIAL;
            mid__old_block_list(&heap->old.classes[block->class_index].partial, block);
        }
    }
}

static bool is_torture(const struct mid_heap *heap)
{
    return heap->options.torture != MID_TORTURE_NONE;
}

static size_t evacuation_gain(const struct mid_heap *heap)
{
    size_t gain = 0;
    for (unsigned i = 0; i < MID__CLASSES; i++)
        gain += choice_of(&heap->old.classes[i]).gain;
    return gain;
}

enum way { NOT, EVACUATE, SLIDE };

/* Evacuation costs what it moves, and a pass; a slide costs what is live, and leaves what is free at one end, where whole
 * chunks go back. Where every second block can be gained the slide is the cheaper one (gc/README.md has the figures). */
static enum way choose_way(const struct mid_heap *heap, enum mid_collection_kind kind)
{
    size_t blocks = heap->old.blocks_used, gain;
    switch (heap->options.compaction) {
    case MID_COMPACTION_OFF:
        return NOT;
    case MID_COMPACTION_SLIDE:
        return is_torture(heap) || mid__slide_gain(heap) > 0 ? SLIDE : NOT;
    case MID_COMPACTION_ALWAYS:
        return is_torture(heap) || evacuation_gain(heap) > 0 ? EVACUATE : NOT;
    default:
        gain = mid__slide_gain(heap);
        if (gain > blocks / WORTH_SLIDING_PART || (kind == MID_COLLECTION_LAST_RESORT && gain > 0))
            return SLIDE;
        return evacuation_gain(heap) > blocks / WORTH_WHILE_PART ? EVACUATE : NOT;
    }
}

static void compact(struct mid_heap *heap, enum mid_collection_kind kind)
{
    enum way way = choose_way(heap, kind);
    if (way == NOT)
        return;
    heap->totals.compactions++;
    if (way == SLIDE && mid__slide(heap))
        return;
    struct mid__block *chosen[MID__CLASSES];
    for (unsigned i = 0; i < MID__CLASSES; i++)
        chosen[i] = choose(&heap->old.classes[i], is_torture(heap));
    for (unsigned i = 0; i < MID__CLASSES; i++)
        for (struct mid__block *block = chosen[i]; block != NULL; block = block->next)
            empty_block(heap, block);
    mid__fix_up(heap, moved_to, NULL);
    mid__remset_forget_moved(heap);
    mid__old_retire_current(heap);
    for (unsigned i = 0; i < MID__CLASSES; i++)
        put_back(heap, &chosen[i]);
}

/* All is swept and the phase is IDLE. */
void mid__compact(struct mid_heap *heap, enum mid_collection_kind kind)
{
    mid__old_retire_current(heap);
    mid__stack_pin(heap);
    compact(heap, kind);
    mid__stack_unpin(heap);
}
