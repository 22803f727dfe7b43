/* SPDX-License-Identifier: MIT
 *
 * ids.c: odd numbers that stay with an object while it moves, for comparing one snapshot with the next. A hash table from
 * address to id, open addressing with linear probing; a bit in the header says that an object has an entry, so that moving
 * the others costs nothing, and an entry whose object has died is never found by a newcomer at its address.
 *
 *   I1  an object whose header has MID__HAS_ID has exactly one entry, under its present address
 *   I2  ids are given in rising order and never twice
 *   I3  a move needs no memory: one entry goes, one comes
 *
 * Entries of dead objects are taken out at the end of a marking; those of young ones stay until then and do no harm.
 */
#include "internal.h"

#include <stdlib.h>

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
bool mid__ids_reserve(struct mid_heap *heap, size_t more)
{
    struct mid__ids *ids = &heap->ids;
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

void mid__ids_prefetch(const struct mid_heap *heap, uintptr_t object)
{
    __builtin_prefetch(&heap->ids.entries[home_of(&heap->ids, object)], 1);
}

uint64_t mid__ids_give(struct mid_heap *heap, uintptr_t object)
{
    struct mid__ids *ids = &heap->ids;
    uint64_t *header = mid__header_at(object);
    if (*header & MID__HAS_ID)
        return find(ids, object)->id;
    if (ids->next == 0)
        ids->next = MID_WALK_FIRST_ID;
    uint64_t id = ids->next;
    ids->next += 2;
    put(ids, object, id);
    *header |= MID__HAS_ID;
    return id;
}

uint64_t mid_object_id(struct mid_heap *heap, struct mid_ref ref)
{
    if (mid_is_null(ref))
        return 0;
    if ((mid__header(ref) & MID__HAS_ID) == 0 && !mid__ids_reserve(heap, 1))
        return 0;
    return mid__ids_give(heap, (uintptr_t)ref.object);
}

void mid__ids_moved(struct mid_heap *heap, uintptr_t from, uintptr_t to)
{
    struct mid__ids *ids = &heap->ids;
    struct mid__id *entry = find(ids, from);
    uint64_t id = entry->id;
    take(ids, (size_t)(entry - ids->entries));
    put(ids, to, id);
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
