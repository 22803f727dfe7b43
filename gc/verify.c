/* SPDX-License-Identifier: MIT
 *
 * verify.c: recomputes what the heap believes and reports every difference under the name of the rule, as it is numbered
 * at the head of the file that keeps it: "remset.I1", "oldspace.I2". Works at every phase border, trusts no counter and no
 * list, changes nothing, and needs memory only outside the heap: a shadow bit for each word, and a stack.
 *
 *   nursery, old, large   parse the space; headers, bits, states, lists, counts          O(space)
 *   reachability          trace from the roots: every reference meets an object, every
 *                         old-to-young slot is remembered, ids and handles are in order  O(live)
 *   colours               while marking: close the grey objects over the white ones; what
 *                         is reachable must be covered                                   O(live)
 *   accounts              tables of watched objects, external bytes, the spaces' sums    O(entries)
 *
 * The file is long because each rule is short: splitting the checks would only scatter the list.
 */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verify {
    struct mid_heap *heap;
    mid_broken_fn report;
    void *user;
    size_t findings;
    bool no_memory;
    struct mid__chunk **sorted;  /* chunks by address */
    uint64_t **shadow;           /* by chunk->index: reached */
    uint64_t **covered;          /* by chunk->index, while marking: closed from the grey ones */
    uint64_t *young_starts;      /* nursery words where an object begins */
    uint64_t *young_reached;
    uintptr_t *stack;
    size_t depth, stack_capacity;
    size_t used[3];              /* bytes in objects, recounted by space */
    uintptr_t holder;            /* the object whose slots are visited */
    size_t holder_bytes;
    size_t slot_bits;            /* remembered */
};

static void MID__PRINTF(4, 5) broken(struct verify *v, const char *rule, const void *address, const char *format, ...)
{
    v->findings++;
    if (v->report == NULL)
        return;
    char detail[256];
    va_list list;
    va_start(list, format);
    vsnprintf(detail, sizeof detail, format, list);
    va_end(list);
    struct mid_broken finding = {sizeof finding, rule, detail, address};
    v->report(v->user, &finding);
}

static bool get_bit(const uint64_t *bits, size_t bit)
{
    return (bits[bit >> 6] >> (bit & 63) & 1) != 0;
}

static bool set_bit(uint64_t *bits, size_t bit)
{
    uint64_t mask = (uint64_t)1 << (bit & 63), was = bits[bit >> 6] & mask;
    bits[bit >> 6] |= mask;
    return was == 0;
}

static size_t count_bits(const uint64_t *bits, size_t words)
{
    size_t count = 0;
    for (size_t i = 0; i < words; i++)
        count += mid__popcount64(bits[i]);
    return count;
}

/* ---- headers ---------------------------------------------------------------------------------------------------------- */

/* The object's size, or 0 when its header makes no sense. */
static size_t check_header(struct verify *v, uintptr_t object, size_t room, const char *rule)
{
    uint64_t header = *mid__header_at(object);
    if (!(header & MID__IS_HEADER) || mid__type_index(header) >= v->heap->type_count) {
        broken(v, rule, (void *)object, "%016llx is no header", (unsigned long long)header);
        return 0;
    }
    const struct mid__type *type = &v->heap->types[mid__type_index(header)];
    size_t bytes = mid__bytes_of(header);
    if (bytes > room || mid__payload_of(header) < type->fixed_bytes ||
        ((header ^ type->header) & MID__LAYOUT_MASK) != 0) {
        broken(v, rule, (void *)object, "an object of %zu bytes of type %s where there is room for %zu", bytes, type->name, room);
        return 0;
    }
    return bytes;
}

static void check_nursery(struct verify *v)
{
    struct mid_heap *heap = v->heap;
    uintptr_t at = heap->nursery.from_base, top = heap->hot.top;
    if (heap->hot.young_bytes == 0)
        return;
    if (top > heap->hot.limit || heap->hot.limit > heap->nursery.from_end) {
        broken(v, "nursery.I1", (void *)top, "top, limit and end are out of order");
        return;
    }
    while (at < top) {
        size_t bytes = check_header(v, at, top - at, "nursery.I1");
        if (bytes == 0)
            return;
        set_bit(v->young_starts, (at - heap->nursery.from_base) / MID__WORD);
        at += bytes;
    }
    v->used[MID_SPACE_NURSERY] = at - heap->nursery.from_base;
    for (; at < heap->hot.limit; at += MID__WORD)
        if (*mid__header_at(at) != 0) {
            broken(v, "nursery.I1", (void *)at, "the window is not zero");
            return;
        }
}

/* ---- old space ---------------------------------------------------------------------------------------------------------- */

static bool fits_class(const struct mid__block *block, uint64_t header)
{
    unsigned leaf_words = mid__chunk_of((uintptr_t)block)->leaf_words[block->index];
    bool raw_class = block->class_index >= MID__RAW_CLASS, raw = (header & MID__LAYOUT_MASK) == 0;
    return raw == raw_class && (leaf_words == 0 || (raw && leaf_words == mid__bytes_of(header) / MID__WORD));
}

static void check_cells(struct verify *v, struct mid__block *block, const uint64_t *live)
{
    size_t bits = 0;
    for (size_t cell = 0; cell < block->cells; cell++) {
        if (!get_bit(live, cell * block->cell_words))
            continue;
        bits++;
        uintptr_t object = mid__block_start(block) + cell * block->cell_words * MID__WORD;
        v->used[MID_SPACE_OLD] += check_header(v, object, block->cell_words * MID__WORD, "oldspace.I1");
        if (!fits_class(block, *mid__header_at(object)))
            broken(v, "oldspace.I6", (void *)object, "an object that does not belong into a block of this class");
    }
    size_t all = count_bits(live, MID__BLOCK_BITMAP_WORDS);
    if (all != bits)
        broken(v, "oldspace.I1", (void *)mid__block_start(block), "%zu live bits stand beside the first words of cells", all - bits);
    if (block->state != MID__BLOCK_UNSWEPT && block->used != all)
        broken(v, "oldspace.I2", (void *)mid__block_start(block), "used is %u, %zu cells are live", block->used, all);
    if (block->state == MID__BLOCK_PARTIAL && all == block->cells)
        broken(v, "oldspace.I3", (void *)mid__block_start(block), "a partial block without a free cell");
    if (block->state == MID__BLOCK_FULL && all != block->cells)
        broken(v, "oldspace.I3", (void *)mid__block_start(block), "a full block with %zu of %u cells live", all, block->cells);
}

static size_t list_length(const struct mid__block *list, unsigned state)
{
    size_t length = 0;
    for (; list != NULL && list->state == state && (list->next == NULL || list->next->prev == list); list = list->next)
        length++;
    return list == NULL ? length : SIZE_MAX;
}

static void check_mark_bits(struct verify *v, const uint64_t *live, const uint64_t *mark, size_t words, bool unswept,
                            const void *address)
{
    size_t stray = 0, set = 0;
    for (size_t i = 0; i < words; i++) {
        stray += mid__popcount64(mark[i] & ~live[i]);
        set += mid__popcount64(mark[i]);
    }
    if (v->heap->phase == MID__MARK && stray != 0)
        broken(v, "mark.I2", address, "%zu mark bits where there is no object", stray);
    if ((v->heap->phase == MID__IDLE || (v->heap->phase == MID__SWEEP && !unswept)) && set != 0)
        broken(v, "mark.I3", address, "%zu mark bits set outside a marking", set);
}

static void check_old_chunk(struct verify *v, struct mid__chunk *chunk, size_t *used, size_t *touched)
{
    struct mid_heap *heap = v->heap;
    size_t in_use = 0;
    for (unsigned b = MID__FIRST_BLOCK; b < MID__BLOCKS; b++) {
        struct mid__block *block = &chunk->u.blocks[b];
        const uint64_t *side[3];
        for (unsigned s = 0; s < 3; s++)
            side[s] = mid__bitmap(chunk, s) + b * MID__BLOCK_BITMAP_WORDS;
        *touched += block->touched;
        if (block->state == MID__BLOCK_FREE) {
            for (unsigned s = 0; s < 3; s++)
                if (count_bits(side[s], MID__BLOCK_BITMAP_WORDS) != 0)
                    broken(v, "oldspace.I1", (void *)mid__block_start(block), "a free block with bits on side %u", s);
            continue;
        }
        in_use++;
        check_cells(v, block, side[heap->live_side]);
        check_mark_bits(v, side[heap->live_side], side[mid__mark_side(heap)], MID__BLOCK_BITMAP_WORDS,
                        block->state == MID__BLOCK_UNSWEPT, (void *)mid__block_start(block));
        if (block->state == MID__BLOCK_UNSWEPT && heap->phase != MID__SWEEP)
            broken(v, "sweep.I3", (void *)mid__block_start(block), "an unswept block outside of sweeping");
        if (block->state == MID__BLOCK_EVACUATED)
            broken(v, "compact.I1", (void *)mid__block_start(block), "an evacuated block is left");
        if (block->state == MID__BLOCK_CURRENT && heap->old.classes[block->class_index].current != block)
            broken(v, "oldspace.I3", (void *)mid__block_start(block), "a current block that its class does not know");
    }
    if (in_use != chunk->used)
        broken(v, "oldspace.I4", chunk, "%zu blocks in use, the chunk says %u", in_use, chunk->used);
    *used += in_use;
}

static void check_old_lists(struct verify *v)
{
    struct mid_heap *heap = v->heap;
    size_t count[MID__CLASSES][MID__BLOCK_EVACUATED + 1];
    memset(count, 0, sizeof count);
    size_t free_blocks = 0;
    for (size_t i = 0; i < heap->chunk_count; i++)
        for (unsigned b = MID__FIRST_BLOCK; heap->chunks[i]->kind == MID__CHUNK_OLD && b < MID__BLOCKS; b++) {
            const struct mid__block *block = &heap->chunks[i]->u.blocks[b];
            if (block->state == MID__BLOCK_FREE)
                free_blocks++;
            else
                count[block->class_index][block->state]++;
        }
    const struct mid__block *cold = heap->old.free_blocks;
    while (cold != NULL && cold->touched)
        cold = cold->next;
    if (cold != heap->old.cold)
        broken(v, "oldspace.I4", cold, "the first free block without pages is not the one that the heap says");
    for (; cold != NULL; cold = cold->next)
        if (cold->touched)
            broken(v, "oldspace.I4", cold, "a free block with pages behind one without");
    if (list_length(heap->old.free_blocks, MID__BLOCK_FREE) != free_blocks)
        broken(v, "oldspace.I3", NULL, "the list of free blocks does not hold the %zu free blocks", free_blocks);
    for (unsigned i = 0; i < MID__CLASSES; i++) {
        const struct mid__class *class = &heap->old.classes[i];
        if (list_length(class->partial, MID__BLOCK_PARTIAL) != count[i][MID__BLOCK_PARTIAL])
            broken(v, "oldspace.I3", class, "the list of partial blocks of %u words is not what the blocks say", class->cell_words);
        if (list_length(class->unswept, MID__BLOCK_UNSWEPT) != count[i][MID__BLOCK_UNSWEPT])
            broken(v, "oldspace.I3", class, "the list of unswept blocks of %u words is not what the blocks say", class->cell_words);
    }
}

/* ---- large space -------------------------------------------------------------------------------------------------------- */

struct large_sums {
    size_t pages, touched, huge_bytes, huge, objects, live;
};

static void check_run(struct verify *v, struct mid__chunk *chunk, size_t page, size_t pages, struct large_sums *sums)
{
    uintptr_t object = (uintptr_t)chunk + page * MID__PAGE_BYTES;
    for (size_t i = 0; i < pages; i++) {
        bool used = get_bit(chunk->u.large.page_used, page + i);
        unsigned run = chunk->u.large.run[page + i];
        if (!used || !get_bit(chunk->u.large.page_touched, page + i) || (i > 0 && run != (MID__RUN_BACK | i)))
            broken(v, "largespace.I1", (void *)object, "page %zu of %zu says %x", i, pages, run);
    }
    sums->objects++;
    if (get_bit(mid__bitmap(chunk, v->heap->live_side), mid__bit_index(object))) {
        sums->live++;
        v->used[MID_SPACE_LARGE] += check_header(v, object, pages * MID__PAGE_BYTES, "largespace.I1");
    } else if (v->heap->phase != MID__SWEEP) {
        broken(v, "largespace.I4", (void *)object, "a run without a live bit");
    }
}

static void check_large_chunk(struct verify *v, struct mid__chunk *chunk, struct large_sums *sums)
{
    size_t used = 0, live = sums->live, words = MID__BITMAP_WORDS - MID__FIRST_BLOCK * MID__BLOCK_BITMAP_WORDS;
    const uint64_t *live_bits = mid__bitmap(chunk, v->heap->live_side) + MID__FIRST_BLOCK * MID__BLOCK_BITMAP_WORDS;
    const uint64_t *mark_bits = mid__bitmap(chunk, mid__mark_side(v->heap)) + MID__FIRST_BLOCK * MID__BLOCK_BITMAP_WORDS;
    for (size_t page = MID__FIRST_PAGE; page < MID__PAGES;) {
        size_t pages = chunk->u.large.run[page];
        if (pages == 0) {
            if (get_bit(chunk->u.large.page_used, page))
                broken(v, "largespace.I1", chunk, "page %zu is used and in no run", page);
            page++;
            continue;
        }
        if ((pages & MID__RUN_BACK) || page + pages > MID__PAGES) {
            broken(v, "largespace.I1", chunk, "page %zu begins no run", page);
            return;
        }
        check_run(v, chunk, page, pages, sums);
        used += pages;
        page += pages;
    }
    if (count_bits(live_bits, words) != sums->live - live)
        broken(v, "largespace.I2", chunk, "live bits beside the first words of runs");
    check_mark_bits(v, live_bits, mark_bits, words, true, chunk);
    if (used != chunk->used)
        broken(v, "largespace.I3", chunk, "%zu pages in use, the chunk says %u", used, chunk->used);
    sums->pages += used;
    sums->touched += count_bits(chunk->u.large.page_touched, MID__PAGES / 64);
}

static void check_huge_chunk(struct verify *v, struct mid__chunk *chunk, struct large_sums *sums)
{
    uintptr_t object = (uintptr_t)chunk + MID__FIRST_BLOCK * MID__BLOCK_BYTES;
    sums->huge++;
    sums->objects++;
    sums->huge_bytes += chunk->object_bytes;
    if (mid__bit_get(object, v->heap->live_side)) {
        sums->live++;
        v->used[MID_SPACE_LARGE] += check_header(v, object, chunk->object_bytes, "largespace.I1");
    } else if (v->heap->phase != MID__SWEEP) {
        broken(v, "largespace.I4", (void *)object, "a huge object without a live bit");
    }
}

static void check_spaces(struct verify *v)
{
    struct mid_heap *heap = v->heap;
    size_t used = 0, touched = 0;
    struct large_sums sums = {0};
    for (size_t i = 0; i < heap->chunk_count; i++) {
        struct mid__chunk *chunk = heap->chunks[i];
        if (chunk->kind == MID__CHUNK_OLD)
            check_old_chunk(v, chunk, &used, &touched);
        else if (chunk->kind == MID__CHUNK_LARGE)
            check_large_chunk(v, chunk, &sums);
        else
            check_huge_chunk(v, chunk, &sums);
    }
    check_old_lists(v);
    if (used != heap->old.blocks_used || touched != heap->old.blocks_touched)
        broken(v, "oldspace.I4", NULL, "%zu blocks used, %zu touched; the heap says %zu and %zu", used, touched,
               heap->old.blocks_used, heap->old.blocks_touched);
    if (sums.pages != heap->large.pages_used || sums.touched != heap->large.pages_touched ||
        sums.huge_bytes != heap->large.huge_bytes || sums.huge != heap->large.huge_objects ||
        sums.objects != heap->large.objects)
        broken(v, "largespace.I3", NULL, "%zu pages, %zu touched, %zu huge bytes, %zu objects; the heap says %zu, %zu, %zu, %zu",
               sums.pages, sums.touched, sums.huge_bytes, sums.objects, heap->large.pages_used, heap->large.pages_touched,
               heap->large.huge_bytes, heap->large.objects);
    if (v->used[MID_SPACE_OLD] != heap->live_bytes[0])
        broken(v, "oldspace.I5", NULL, "%zu bytes in objects, the heap says %zu", v->used[MID_SPACE_OLD], heap->live_bytes[0]);
    if (v->used[MID_SPACE_LARGE] != heap->live_bytes[1] || sums.live != heap->live_objects[1])
        broken(v, "largespace.I4", NULL, "%zu bytes in %zu objects, the heap says %zu in %zu", v->used[MID_SPACE_LARGE], sums.live,
               heap->live_bytes[1], heap->live_objects[1]);
}

/* ---- remembered set --------------------------------------------------------------------------------------------------------- */

static bool slot_bit(const struct mid__chunk *chunk, const struct mid_ref *slot)
{
    if (chunk->kind == MID__CHUNK_HUGE)
        return get_bit(chunk->huge_slots,
                       ((uintptr_t)slot - (uintptr_t)chunk - MID__FIRST_BLOCK * MID__BLOCK_BYTES) / MID__WORD);
    return get_bit(mid__bitmap(chunk, MID__SLOT_SIDE), mid__bit_index((uintptr_t)slot));
}

static void check_slot_bit(void *context, struct mid__chunk *chunk, struct mid_ref *slot)
{
    struct verify *v = context;
    uintptr_t holder = (uintptr_t)chunk + MID__FIRST_BLOCK * MID__BLOCK_BYTES;
    v->slot_bits++;
    if (chunk->kind != MID__CHUNK_HUGE)
        holder = mid__old_object_of(v->heap, (uintptr_t)slot);
    if (!mid__bit_get(holder, v->heap->live_side))
        broken(v, "remset.I3", slot, "a slot of a dead object is remembered");
}

static void check_remset(struct verify *v)
{
    struct mid__remset *set = &v->heap->remset;
    mid__remset_each(v->heap, check_slot_bit, v);
    if (set->lost)
        return;
    if (set->count + set->huge_count != v->slot_bits)
        broken(v, "remset.I2", set, "%zu slots listed, %zu bits set", set->count + set->huge_count, v->slot_bits);
    for (size_t i = 0; i < set->count; i++)
        if (!slot_bit(mid__chunk_of((uintptr_t)set->slots[i]), set->slots[i]))
            broken(v, "remset.I2", set->slots[i], "a slot is listed and its bit is clear");
    for (size_t i = 0; i < set->huge_count; i++)
        if (!slot_bit(set->huge[i].chunk, set->huge[i].slot))
            broken(v, "remset.I2", set->huge[i].slot, "a slot of a huge object is listed and its bit is clear");
}

/* ---- reachability ------------------------------------------------------------------------------------------------------------- */

static struct mid__chunk *find_chunk(const struct verify *v, uintptr_t address)
{
    uintptr_t base = address & ~(MID__CHUNK_BYTES - 1);
    size_t low = 0, high = v->heap->chunk_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((uintptr_t)v->sorted[middle] < base)
            low = middle + 1;
        else
            high = middle;
    }
    return low < v->heap->chunk_count && (uintptr_t)v->sorted[low] == base ? v->sorted[low] : NULL;
}

static bool is_object(const struct verify *v, uintptr_t address)
{
    const struct mid_heap *heap = v->heap;
    if (address % MID__WORD != 0)
        return false;
    if (mid__is_young(heap, address))
        return address >= heap->nursery.from_base && address < heap->hot.top &&
               get_bit(v->young_starts, (address - heap->nursery.from_base) / MID__WORD);
    const struct mid__chunk *chunk = find_chunk(v, address);
    return chunk != NULL && mid__bit_index(address) >= MID__FIRST_BLOCK * MID__BLOCK_BYTES / 8 &&
           get_bit(mid__bitmap(chunk, heap->live_side), mid__bit_index(address));
}

static void push(struct verify *v, uintptr_t object)
{
    if (v->depth == v->stack_capacity) {
        void *grown = mid__grow(v->stack, &v->stack_capacity, v->depth + 1, sizeof *v->stack);
        if (grown == NULL) {
            v->no_memory = true;
            return;
        }
        v->stack = grown;
    }
    v->stack[v->depth++] = object;
}

static void reach(struct verify *v, uintptr_t object)
{
    bool first = mid__is_young(v->heap, object)
                     ? set_bit(v->young_reached, (object - v->heap->nursery.from_base) / MID__WORD)
                     : set_bit(v->shadow[mid__chunk_of(object)->index], mid__bit_index(object));
    if (first)
        push(v, object);
}

static void check_slot(void *context, struct mid_ref *slot)
{
    struct verify *v = context;
    uintptr_t target = (uintptr_t)slot->object, at = (uintptr_t)slot;
    if (at < v->holder + MID__WORD || at + MID__WORD > v->holder + v->holder_bytes || at % MID__WORD != 0) {
        broken(v, "heap.trace", slot, "a trace callback shows a slot outside its object");
        return;
    }
    if (target == 0)
        return;
    if (!is_object(v, target)) {
        broken(v, "heap.reference", slot, "a field refers to %p, where no object is", (void *)target);
        return;
    }
    if (!mid__is_young(v->heap, v->holder) && mid__is_young(v->heap, target) &&
        !slot_bit(mid__chunk_of(v->holder), slot))
        broken(v, "remset.I1", slot, "an old slot holds a young reference and is not remembered");
    reach(v, target);
}

static void check_traced(void *context, struct mid_ref *slot, const char *name, size_t index)
{
    (void)name;
    (void)index;
    check_slot(context, slot);
}

static void check_root(void *context, struct mid_ref *slot)
{
    struct verify *v = context;
    uintptr_t target = (uintptr_t)slot->object;
    if (target == 0)
        return;
    if (is_object(v, target))
        reach(v, target);
    else
        broken(v, "heap.reference", slot, "a root refers to %p, where no object is", (void *)target);
}

static bool id_is_known(const struct mid_heap *heap, uintptr_t object)
{
    uint64_t id = mid__ids_find(heap, object);
    return id % 2 == 1 && id >= MID_WALK_FIRST_ID && id < heap->ids.next;
}

static bool is_reached(const struct verify *v, uintptr_t object)
{
    return mid__is_young(v->heap, object)
               ? get_bit(v->young_reached, (object - v->heap->nursery.from_base) / MID__WORD)
               : get_bit(v->shadow[mid__chunk_of(object)->index], mid__bit_index(object));
}

/* The second of key and table to be reached reaches the value. */
static void reach_pair(void *context, uint32_t pair, uintptr_t key, uintptr_t table, struct mid_ref *value, bool from_table)
{
    struct verify *v = context;
    (void)pair;
    (void)from_table;
    if (is_object(v, key) && is_object(v, table) && is_reached(v, key) && is_reached(v, table))
        check_root(v, value);
}

static void check_reachable(struct verify *v)
{
    mid__roots_each(v->heap, check_root, v);
    while (v->depth > 0 && !v->no_memory) {
        uintptr_t object = v->stack[--v->depth];
        uint64_t header = *mid__header_at(object);
        v->holder = object;
        v->holder_bytes = mid__bytes_of(header);
        if ((header & MID__HAS_ID) != 0 && !id_is_known(v->heap, object))
            broken(v, "ids.I1", (void *)object, "an object that has an id is in no table");
        mid__each_slot(v->heap, object, header, check_slot, v, check_traced);
        mid__ephemeron_each_pair(v->heap, object, reach_pair, v);
    }
}

/* ---- colours -------------------------------------------------------------------------------------------------------------- */

static bool is_marked(const struct verify *v, uintptr_t object)
{
    return mid__bit_get(object, mid__mark_side(v->heap));
}

static void cover_slot(void *context, struct mid_ref *slot)
{
    struct verify *v = context;
    uintptr_t target = (uintptr_t)slot->object;
    if (target == 0 || mid__is_young(v->heap, target) || !is_object(v, target) || is_marked(v, target))
        return;
    if (set_bit(v->covered[mid__chunk_of(target)->index], mid__bit_index(target)))
        push(v, target);
}

static void cover_traced(void *context, struct mid_ref *slot, const char *name, size_t index)
{
    (void)name;
    (void)index;
    cover_slot(context, slot);
}

static bool is_covered(const struct verify *v, uintptr_t object)
{
    return mid__is_young(v->heap, object) || is_marked(v, object) ||
           get_bit(v->covered[mid__chunk_of(object)->index], mid__bit_index(object));
}

static void cover_pair(void *context, uint32_t pair, uintptr_t key, uintptr_t table, struct mid_ref *value, bool from_table)
{
    struct verify *v = context;
    (void)pair;
    if (is_covered(v, from_table ? key : table))
        cover_slot(v, value);
}

static void cover_fields(struct verify *v, uintptr_t object)
{
    mid__each_slot(v->heap, object, *mid__header_at(object), cover_slot, v, cover_traced);
    mid__ephemeron_each_pair(v->heap, object, cover_pair, v);
}

static void check_covered(struct verify *v)
{
    for (size_t i = 0; i < v->heap->chunk_count; i++) {
        const struct mid__chunk *chunk = v->heap->chunks[i];
        const uint64_t *mark = mid__bitmap(chunk, mid__mark_side(v->heap));
        size_t words = chunk->kind == MID__CHUNK_HUGE ? MID__FIRST_BLOCK * MID__BLOCK_BITMAP_WORDS + 1 : MID__BITMAP_WORDS;
        for (size_t w = MID__FIRST_BLOCK * MID__BLOCK_BITMAP_WORDS; w < words; w++) {
            uint64_t lost = v->shadow[i][w] & ~mark[w] & ~v->covered[i][w];
            if (lost != 0)
                broken(v, "mark.I1", (char *)(uintptr_t)chunk + (w * 64 + mid__ctz64(lost)) * MID__WORD,
                       "a reachable white object that no grey one leads to");
        }
    }
}

/* Roots that the marking has not read yet are as good as grey, and so are objects whose finalizers are held back. */
static void cover_roots(struct verify *v)
{
    struct mid_heap *heap = v->heap;
    for (const struct mid__handles *part = heap->mark.root_part; part != NULL; part = part->next)
        for (size_t i = 0; i < MID__HANDLES; i++)
            if (part->handles[i].used)
                cover_slot(v, (struct mid_ref *)(uintptr_t)&part->handles[i].face.ref);
    for (size_t i = heap->waiting_first; i < heap->waiting_count; i++)
        if (i < heap->mark.waiting_left || i >= heap->waiting_limit)
            cover_slot(v, &heap->waiting[i].object);
}

/* While marking: from the grey objects, through white ones. An overflow makes every marked object as good as grey. */
static void check_colours(struct verify *v)
{
    const struct mid__mark *mark = &v->heap->mark;
    if (v->heap->phase != MID__MARK || v->no_memory || mark->overflowed)
        return;
    for (const struct mid__stack_part *part = mark->top; part != NULL; part = part->below)
        for (size_t i = 0; i < part->count; i++) {
            if (!is_marked(v, part->entries[i]))
                broken(v, "mark.I1", (void *)part->entries[i], "a white object on the mark stack");
            cover_fields(v, part->entries[i]);
        }
    if (mark->sliced != 0)
        cover_fields(v, mark->sliced);
    for (size_t i = 0; mid__crew_slice(v->heap, i) != 0; i++)
        cover_fields(v, mid__crew_slice(v->heap, i));
    cover_roots(v);
    while (v->depth > 0 && !v->no_memory)
        cover_fields(v, v->stack[--v->depth]);
    if (!v->no_memory)
        check_covered(v);
}

/* ---- ephemerons ---------------------------------------------------------------------------------------------------------- */

static bool face_is_object(const void *context, uintptr_t address)
{
    return is_object(context, address);
}

static void face_broken(void *context, const char *rule, const void *address, const char *detail)
{
    broken(context, rule, address, "%s", detail);
}

/* ---- tables, handles, accounts ---------------------------------------------------------------------------------------------- */

static void check_table(struct verify *v, const struct mid__table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        uintptr_t object = table->entries[i].object;
        if (!is_object(v, object))
            broken(v, "finalize.I1", &table->entries[i], "%s: entry %zu watches %p, where no object is", name, i, (void *)object);
        else if (mid__is_young(v->heap, object) != (i >= table->old))
            broken(v, "finalize.I1", &table->entries[i], "%s: entry %zu stands on the wrong side of %zu", name, i, table->old);
    }
}

static void check_watched(struct verify *v)
{
    struct mid_heap *heap = v->heap;
    size_t bytes = 0;
    check_table(v, &heap->weaks, "weak handles");
    check_table(v, &heap->finalizers, "finalizers");
    check_table(v, &heap->buffers, "buffers");
    check_table(v, &heap->sampler.table, "samples");
    if (!mid__sites_sound(heap))
        broken(v, "sites.I1", NULL, "what a site says of its live samples is not what the table of samples holds");
    for (size_t i = 0; i < heap->weaks.count; i++) {
        const struct mid_weak *weak = heap->weaks.entries[i].a;
        if (weak->index != i || weak->object != heap->weaks.entries[i].object)
            broken(v, "finalize.I1", weak, "a weak handle and its entry %zu do not agree", i);
    }
    for (size_t i = 0; i < heap->buffers.count; i++)
        if (is_object(v, heap->buffers.entries[i].object))
            bytes += ((const struct mid_slice *)mid_data(mid__ref(heap->buffers.entries[i].object)))->bytes;
    size_t before = bytes;
    for (size_t i = 0; i < heap->release_count; i++)
        bytes += heap->releases[i].bytes;
    if (bytes - before != heap->release_bytes)
        broken(v, "finalize.I2", NULL, "%zu bytes wait for release, the heap says %zu", bytes - before, heap->release_bytes);
    if (bytes != heap->array_buffers || heap->external < heap->array_buffers)
        broken(v, "finalize.I2", NULL, "buffers hold %zu bytes, the heap says %zu of %zu external", bytes, heap->array_buffers, heap->external);
    if (heap->release_capacity < heap->buffers.count + heap->release_count ||
        heap->waiting_capacity < heap->finalizers.count + heap->waiting_count - heap->waiting_first)
        broken(v, "finalize.I3", NULL, "no room reserved for every release and finalizer");
}

static void check_handles(struct verify *v)
{
    struct mid_heap *heap = v->heap;
    size_t listed = 0;
    if (heap->hot.local_limit != heap->locals_current->slots + MID__LOCALS || heap->hot.local_top > heap->hot.local_limit)
        broken(v, "roots.I1", heap->locals_current, "the bump of locals has left its part");
    for (const struct mid__handles *part = heap->handles; part != NULL; part = part->next)
        for (size_t i = 0; i < MID__HANDLES; i++) {
            const struct mid__handle *handle = &part->handles[i];
            listed += handle->listed;
            if (mid__is_young(heap, (uintptr_t)handle->face.ref.object) && !(handle->used && handle->listed))
                broken(v, "roots.I2", handle, "a persistent handle of a young object is not on the list");
        }
    if (listed != heap->young_handle_count)
        broken(v, "roots.I2", NULL, "%zu handles say that they are listed, the list holds %zu", listed, heap->young_handle_count);
}

/* Rounding, ends of blocks, side bits and heads, recounted: what is neither used nor free. */
static size_t old_overhead(const struct mid_heap *heap)
{
    size_t bytes = 0;
    for (size_t i = 0; i < heap->chunk_count; i++) {
        if (heap->chunks[i]->kind != MID__CHUNK_OLD)
            continue;
        bytes += MID__CHUNK_OVERHEAD;
        for (unsigned b = MID__FIRST_BLOCK; b < MID__BLOCKS; b++) {
            const struct mid__block *block = &heap->chunks[i]->u.blocks[b];
            bytes += block->touched ? MID__SIDE_BYTES(MID__BLOCK_BYTES) : 0;
            if (block->state == MID__BLOCK_FREE)
                continue;
            bytes += MID__BLOCK_BYTES - (size_t)block->cells * block->cell_words * MID__WORD;
            const uint64_t *live = mid__bitmap(heap->chunks[i], heap->live_side) + b * MID__BLOCK_BITMAP_WORDS;
            for (size_t cell = 0; cell < block->cells; cell++)
                if (get_bit(live, cell * block->cell_words))
                    bytes += block->cell_words * MID__WORD -
                             mid__bytes_of(*mid__header_at(mid__block_start(block) + cell * block->cell_words * MID__WORD));
        }
    }
    return bytes;
}

static void check_accounts(struct verify *v)
{
    struct mid_space spaces[MID_SPACE_COUNT];
    mid__spaces(v->heap, spaces);
    size_t total = 0, used = 0;
    for (unsigned i = 0; i < MID_SPACE_COUNT; i++) {
        const struct mid_space *s = &spaces[i];
        total += s->total_bytes;
        used += s->used_bytes;
        if (s->used_bytes != v->used[i] || s->used_bytes + s->free_bytes + s->overhead_bytes != s->total_bytes ||
            s->overhead_bytes > s->total_bytes)
            broken(v, "stats.I1", NULL, "space %u: %zu used (%zu recounted) + %zu free + %zu overhead of %zu", i, s->used_bytes,
                   v->used[i], s->free_bytes, s->overhead_bytes, s->total_bytes);
    }
    if (spaces[MID_SPACE_OLD].overhead_bytes != old_overhead(v->heap))
        broken(v, "stats.I1", NULL, "old space: %zu bytes of overhead, %zu recounted", spaces[MID_SPACE_OLD].overhead_bytes,
               old_overhead(v->heap));
    if (total != mid__heap_total(v->heap) || used != mid__heap_used(v->heap))
        broken(v, "stats.I2", NULL, "the spaces sum up to %zu used of %zu, the heap says %zu of %zu", used, total,
               mid__heap_used(v->heap), mid__heap_total(v->heap));
}

/* ---- the whole ---------------------------------------------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (struct mid__chunk *const *)a, y = (uintptr_t) * (struct mid__chunk *const *)b;
    return x < y ? -1 : x > y;
}

static bool prepare(struct verify *v)
{
    size_t chunks = v->heap->chunk_count + 1, young = v->heap->nursery.capacity / MID__WORD / 64 + 1;
    v->sorted = calloc(chunks, sizeof(struct mid__chunk *));
    v->shadow = calloc(chunks, sizeof(uint64_t *));
    v->covered = calloc(chunks, sizeof(uint64_t *));
    v->young_starts = calloc(young, sizeof(uint64_t));
    v->young_reached = calloc(young, sizeof(uint64_t));
    if (v->sorted == NULL || v->shadow == NULL || v->covered == NULL || v->young_starts == NULL || v->young_reached == NULL)
        return false;
    for (size_t i = 0; i < v->heap->chunk_count; i++) {
        v->sorted[i] = v->heap->chunks[i];
        v->shadow[i] = calloc(MID__BITMAP_WORDS, 8);
        v->covered[i] = calloc(MID__BITMAP_WORDS, 8);
        if (v->shadow[i] == NULL || v->covered[i] == NULL)
            return false;
    }
    if (v->heap->chunk_count > 1)
        qsort(v->sorted, v->heap->chunk_count, sizeof(struct mid__chunk *), by_address);
    return true;
}

static void clean_up(struct verify *v)
{
    for (size_t i = 0; i < v->heap->chunk_count; i++) {
        if (v->shadow != NULL)
            free(v->shadow[i]);
        if (v->covered != NULL)
            free(v->covered[i]);
    }
    free(v->sorted);
    free(v->shadow);
    free(v->covered);
    free(v->young_starts);
    free(v->young_reached);
    free(v->stack);
}

enum mid_status mid_heap_verify(struct mid_heap *heap, mid_broken_fn report, void *user)
{
    struct verify v = {.heap = heap, .report = report, .user = user};
    struct mid__verify_face face = {&v, face_is_object, face_broken};
    mid__crew_recall(heap);
    heap->busy++;
    if (prepare(&v)) {
        check_nursery(&v);
        check_spaces(&v);
        if (v.findings == 0) { /* else a trace would run through rubble */
            check_remset(&v);
            mid__verify_ephemerons(heap, &face);
        }
        if (v.findings == 0) {
            check_reachable(&v);
            check_colours(&v);
            check_watched(&v);
            check_handles(&v);
            mid__verify_pins(heap, &face);
            check_accounts(&v);
        }
    } else {
        v.no_memory = true;
    }
    clean_up(&v);
    heap->busy--;
    if (v.findings != 0)
        return MID_E_BROKEN;
    return v.no_memory ? MID_E_MEMORY : MID_OK;
}
