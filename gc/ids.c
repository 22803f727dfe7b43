/* SPDX-License-Identifier: MIT
 *
 * ids.c: odd numbers that stay with an object while it moves, for comparing one snapshot with the next. A snapshot gives
 * all objects an id at once, where most of them stay; so what costs much is to hold one word an object. Two tables:
 *
 *     struct mid__named      of a block of old space, for the objects in it that got their ids in one walk: a bit a cell and
 *                            the first id. id = first + 2 x bits set before the cell's. About 0.5 % of the block.
 *         | older | first | before[]: bits set before each 8 words | a bit a cell ... |
 *     struct mid__ids        a hash table from address to id, open addressing with linear probing, 20 to 40 bytes an object:
 *                            for the young, the large, those that have moved since, and a few newcomers in a block, for whom
 *                            a record would cost more
 *
 * A bit in the header says that an object has an id, so that moving the others costs nothing. A record never changes. An
 * object that moves goes into the hash table; its old bit stays behind and names nobody.
 *
 *   I1  an object whose header has MID__HAS_ID has an entry in the hash table under its present address; or it has none,
 *       has not moved since it got its id, and its id is that of the newest record of its block in which its bit is set.
 *       (A newer record with the bit of an object that was there before it would have to count it among its newcomers.)
 *   I2  ids are given in rising order and never twice
 *   I3  the hash table has no entry for the address of an object that a record names: entries of old objects that are dead
 *       are taken out at the end of each marking, before their cells are used again. Those of young ones stay until then
 *       and do no harm: a young object gets its id in the hash table, over what is there
 *   I4  a record goes when a walk finds none of its objects left, or with its chunk; so a block has no more of them than it
 *       has cells, however many snapshots are made, and one or two as a rule
 *
 * To move an object from a record into the hash table can need memory, and growing the table takes time for all that is in
 * it (about 30 ns each, at each doubling). Where there is no memory the object loses its id, and gets a new one when it is
 * asked for: to a comparison it looks like a new object.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define GROUP_WORDS 8u

struct mid__named {
    struct mid__named *older;
    uint64_t first;
    uint16_t cell_words;
    uint16_t words; /* of bits */
    uint16_t before[MID__BLOCK_BITMAP_WORDS / GROUP_WORDS];
    uint64_t bits[];
};

/* ---- the hash table ----------------------------------------------------------------------------------------------------- */

/* Objects of the same 128 bytes stand side by side, in their order: a walk over all objects then reads a line of the table
 * for several of them, where hashing each by itself costs a cache miss an object (measured in a walk over 1.65 M objects:
 * 65 ns an id against 32). */
static size_t home_of(const struct mid__ids *ids, uintptr_t object)
{
    uint64_t place = (uint64_t)(object >> 7) * 0x9e3779b97f4a7c15u >> 20;
    return (size_t)(place << 3 | (object >> 4 & 7)) & (ids->capacity - 1);
}

/* The entry of an object, or the empty one where it would stand. */
static struct mid__id *find(const struct mid__ids *ids, uintptr_t object)
{
    size_t i = home_of(ids, object);
    while (ids->entries[i].object != 0 && ids->entries[i].object != object)
        i = (i + 1) & (ids->capacity - 1);
    return &ids->entries[i];
}

static void put(struct mid__ids *ids, uintptr_t object, uint64_t id)
{
    struct mid__id *entry = find(ids, object);
    if (entry->object == 0)
        ids->count++;
    *entry = (struct mid__id){object, id};
}

/* Takes one entry out and closes the gap, so that no search stops early (Knuth 1973, 6.4 R). */
static void take(struct mid__ids *ids, size_t gap)
{
    size_t mask = ids->capacity - 1;
    ids->entries[gap].object = 0;
    ids->count--;
    for (size_t i = (gap + 1) & mask; ids->entries[i].object != 0; i = (i + 1) & mask) {
        size_t home = home_of(ids, ids->entries[i].object);
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            ids->entries[gap] = ids->entries[i];
            ids->entries[i].object = 0;
            if (i < gap && ids->cursor <= gap)
                ids->cursor = gap + 1;
            gap = i;
        }
    }
}

/* Room for so many more entries, at a load of four fifths at most. */
static bool reserve(struct mid__ids *ids, size_t more)
{
    size_t wanted = ids->count + more, capacity = ids->capacity == 0 ? 64 : ids->capacity;
    while (capacity / 5 * 4 < wanted)
        capacity *= 2;
    if (capacity == ids->capacity)
        return true;
    struct mid__ids grown = {.capacity = capacity, .next = ids->next, .cursor = capacity};
    grown.entries = calloc(capacity, sizeof *grown.entries);
    if (grown.entries == NULL)
        return false;
    for (size_t i = 0; i < ids->capacity; i++)
        if (ids->entries[i].object != 0)
            put(&grown, ids->entries[i].object, ids->entries[i].id);
    free(ids->entries);
    *ids = grown;
    return true;
}

static uint64_t next_ids(struct mid__ids *ids, size_t count)
{
    uint64_t first = ids->next == 0 ? MID_WALK_FIRST_ID : ids->next;
    ids->next = first + 2 * (uint64_t)count;
    return first;
}

/* An object that has none gets its id in the hash table. */
static bool give_one(struct mid_heap *heap, uintptr_t object)
{
    if (!reserve(&heap->ids, 1))
        return false;
    put(&heap->ids, object, next_ids(&heap->ids, 1));
    mid__crew_recall(heap);
    *mid__header_at(object) |= MID__HAS_ID;
    return true;
}

/* ---- records of blocks -------------------------------------------------------------------------------------------------- */

static bool bit_of(const struct mid__named *named, size_t cell)
{
    return (named->bits[cell / 64] >> (cell & 63) & 1) != 0;
}

/* 0 when no record names it. */
static uint64_t id_in_block(uintptr_t object)
{
    const struct mid__chunk *chunk = mid__chunk_of(object);
    if (chunk->named == NULL)
        return 0;
    size_t word = mid__bit_index(object) % (MID__BLOCK_BYTES / MID__WORD);
    const struct mid__named *named = chunk->named[mid__block_of(object)->index];
    for (; named != NULL; named = named->older) {
        size_t cell = (uint32_t)word / named->cell_words;
        if (cell * named->cell_words != word || cell / 64 >= named->words || !bit_of(named, cell))
            continue;
        uint64_t rank = named->before[cell / 64 / GROUP_WORDS];
        for (size_t w = cell / 64 / GROUP_WORDS * GROUP_WORDS; w < cell / 64; w++)
            rank += mid__popcount64(named->bits[w]);
        rank += mid__popcount64(named->bits[cell / 64] & (((uint64_t)1 << (cell & 63)) - 1));
        return named->first + 2 * rank;
    }
    return 0;
}

/* Whether an object that a record may name is still there; one that moved in or was named in the hash table counts, too.
 * `seen`, a bit a word of the block: what newer records name. */
static bool names_any(const struct mid_heap *heap, const struct mid__named *named, uintptr_t start, const uint64_t *seen)
{
    for (size_t w = 0; w < named->words; w++)
        for (uint64_t bits = named->bits[w]; bits != 0; bits &= bits - 1) {
            size_t word = (w * 64 + mid__ctz64(bits)) * named->cell_words;
            uintptr_t object = start + word * MID__WORD;
            if ((seen[word / 64] >> (word & 63) & 1) == 0 && mid__bit_get(object, heap->live_side) &&
                (*mid__header_at(object) & MID__HAS_ID) != 0)
                return true;
        }
    return false;
}

static void drop_empty(const struct mid_heap *heap, struct mid__named **link, uintptr_t start)
{
    uint64_t seen[MID__BLOCK_BITMAP_WORDS] = {0};
    while (*link != NULL) {
        struct mid__named *named = *link;
        if (!names_any(heap, named, start, seen)) {
            *link = named->older;
            free(named);
            continue;
        }
        for (size_t w = 0; named->older != NULL && w < named->words; w++)
            for (uint64_t bits = named->bits[w]; bits != 0; bits &= bits - 1) {
                size_t word = (w * 64 + mid__ctz64(bits)) * named->cell_words;
                seen[word / 64] |= (uint64_t)1 << (word & 63);
            }
        link = &named->older;
    }
}

static bool add_record(struct mid_heap *heap, const struct mid__block *block, const uint64_t *bits, size_t count)
{
    struct mid__chunk *chunk = mid__chunk_of((uintptr_t)block);
    size_t words = (block->cells + 63u) / 64;
    if (chunk->named == NULL && (chunk->named = calloc(MID__BLOCKS, sizeof(struct mid__named *))) == NULL)
        return false;
    struct mid__named *named = malloc(sizeof *named + words * sizeof named->bits[0]);
    if (named == NULL)
        return false;
    named->older = chunk->named[block->index];
    named->first = next_ids(&heap->ids, count);
    named->cell_words = block->cell_words;
    named->words = (uint16_t)words;
    unsigned before = 0;
    for (size_t w = 0; w < words; w++) {
        if (w % GROUP_WORDS == 0)
            named->before[w / GROUP_WORDS] = (uint16_t)before;
        before += mid__popcount64(bits[w]);
        named->bits[w] = bits[w];
    }
    chunk->named[block->index] = named;
    return true;
}

/* All objects of a block of old space that have none get their ids, in the order of addresses. False: no memory, and some
 * have them. */
bool mid__ids_give_block(struct mid_heap *heap, struct mid__block *block)
{
    if (block->state == MID__BLOCK_FREE)
        return true;
    struct mid__chunk *chunk = mid__chunk_of((uintptr_t)block);
    uintptr_t start = mid__block_start(block);
    size_t step = block->cell_words * MID__WORD, count = 0;
    uint64_t fresh[MID__BLOCK_BITMAP_WORDS] = {0};
    for (size_t cell = 0; cell < block->cells; cell++)
        if (mid__bit_get(start + cell * step, heap->live_side) && (*mid__header_at(start + cell * step) & MID__HAS_ID) == 0) {
            fresh[cell / 64] |= (uint64_t)1 << (cell & 63);
            count++;
        }
    if (chunk->named != NULL)
        drop_empty(heap, &chunk->named[block->index], start);
    if (count == 0)
        return true;
    bool record = count * 2 * sizeof(struct mid__id) > sizeof(struct mid__named) + block->cells / 8u;
    if (record && !add_record(heap, block, fresh, count))
        return false;
    for (size_t w = 0; w < MID__BLOCK_BITMAP_WORDS; w++)
        for (uint64_t bits = fresh[w]; bits != 0; bits &= bits - 1) {
            uintptr_t object = start + (w * 64 + mid__ctz64(bits)) * step;
            if (record)
                *mid__header_at(object) |= MID__HAS_ID;
            else if (!give_one(heap, object))
                return false;
        }
    return true;
}

void mid__ids_chunk_gone(struct mid__chunk *chunk)
{
    for (size_t i = 0; chunk->named != NULL && i < MID__BLOCKS; i++)
        while (chunk->named[i] != NULL) {
            struct mid__named *named = chunk->named[i];
            chunk->named[i] = named->older;
            free(named);
        }
    free(chunk->named);
}

/* ---- both ------------------------------------------------------------------------------------------------------------------ */

/* Of an object that has one; 0 when I1 is broken. */
uint64_t mid__ids_find(const struct mid_heap *heap, uintptr_t object)
{
    if (heap->ids.count != 0) {
        const struct mid__id *entry = find(&heap->ids, object);
        if (entry->object != 0)
            return entry->id;
    }
    return mid__is_young(heap, object) ? 0 : id_in_block(object);
}

/* False when there is no memory. */
bool mid__ids_give(struct mid_heap *heap, uintptr_t object)
{
    return (*mid__header_at(object) & MID__HAS_ID) != 0 || give_one(heap, object);
}

uint64_t mid_object_id(struct mid_heap *heap, struct mid_ref ref)
{
    if (mid_is_null(ref) || !mid__ids_give(heap, (uintptr_t)ref.object))
        return 0;
    return mid__ids_find(heap, (uintptr_t)ref.object);
}

/* The object is at its new place. */
void mid__ids_moved(struct mid_heap *heap, uintptr_t from, uintptr_t to)
{
    struct mid__ids *ids = &heap->ids;
    struct mid__id *entry = ids->count == 0 ? NULL : find(ids, from);
    if (entry != NULL && entry->object != 0) {
        uint64_t id = entry->id;
        take(ids, (size_t)(entry - ids->entries));
        put(ids, to, id);
    } else if (reserve(ids, 1)) {
        put(ids, to, id_in_block(from));
    } else {
        *mid__header_at(to) &= ~MID__HAS_ID;
    }
}

/* At the end of a marking: the entries of what is not marked go, from the end, *budget places at most; true when all are
 * looked at. To close a gap moves entries down, among those still to be looked at, or round the end of the table up: then
 * the place where one has come is looked at again, and all below. */
bool mid__ids_purge(struct mid_heap *heap, size_t *budget)
{
    struct mid__ids *ids = &heap->ids;
    while (ids->cursor > 0) {
        size_t at = ids->cursor - 1;
        if (*budget == 0)
            return false;
        --*budget;
        uintptr_t object = ids->entries[at].object;
        ids->cursor = at;
        if (object != 0 && !mid__is_young(heap, object) && !mid__bit_get(object, mid__mark_side(heap)))
            take(ids, at);
    }
    return true;
}
