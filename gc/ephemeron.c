/* SPDX-License-Identifier: MIT
 *
 * ephemeron.c: weak tables. An entry is a *pair* (table, key, value): the value is alive while both table and key are.
 *
 * The trouble with ephemerons is order: when the table is marked the key may be white, and may turn black later. To look
 * at all waiting pairs again and again until nothing changes is quadratic. Here every pair hangs on two lists, its key's
 * and its table's, and a bit in the header (MID__EPHEMERAL) says that an object is a key or a table:
 *
 *     header bit         keys: hash from address     pairs                              tables
 *     | object | ------> | object | first | -------> | value | key . | table . | <----- | object | first | count |
 *                                     one list a key, one list a table, through the same pairs
 *
 * When a key turns black, the pairs of its list are looked at; when a table does, those of its list. Whichever of the two
 * comes later finds the other one black and shades the value. So each pair is looked at twice in a marking, whatever the
 * order and however long the chain: linear, without waiting lists, without a fixpoint. The scavenge does the same with
 * "evacuated" for "black"; what is outside of From counts as alive.
 *
 *   I1  a key that has pairs has one record, which hangs in the bucket of its present address, and its header says so; it
 *       does not lie in a leaf block
 *   I2  every pair in use hangs once on the list of its key and once on that of its table, whose count is their number
 *   I3  young keys and tables, and pairs with a young value, stand on the lists that a scavenge walks (`listed`)
 *   I4  these lists have room for every record: a collection allocates nothing
 *
 * Marking, case by case (Note [Snapshot at the beginning] in mark.c): young objects count as alive. A young key in a
 * young table will never be scanned by the marker, so these pairs are looked at when it begins. What is promoted is
 * black, and was young before: the other side has seen it alive. A value that is replaced or taken out is shaded, and so is
 * one that is read, as with a weak handle: a scavenge may find key or table dead before the marker has come to the pair, and
 * takes the pair out without a word.
 *
 * Keys are found by a hash of their address, which grows by linear hashing (Litwin 1980): one bucket is split with each new
 * key, so that no insertion pays for a table; a key that moves is hung elsewhere, which needs no memory. Records and pairs
 * stand still in two arrays and are known by number. A table with many pairs is scanned by pieces, like a large array.
 *
 * Source: Hayes 1997 for ephemerons; the linear time is Barros and Ierusalimschy's (2008), who hang waiting pairs on their
 * white keys. Ours hang there always, which costs 8 bytes a pair, and the waiting lists need no memory while marking.
 *
 * What is not linear: one key in very many tables is looked up along its list.
 */
#include "internal.h"

#include <midden/weak_table.h>

#include <stdlib.h>

#define NONE UINT32_MAX
#define SLICE_PAIRS 512u
#define DROP_ENTRIES 7u

struct payload { /* of the table object */
    uint64_t number;
};

static uint32_t number_of(uintptr_t table)
{
    return (uint32_t)((const struct payload *)(table + MID__WORD))->number;
}

static bool is_table(const struct mid_heap *heap, uint64_t header)
{
    return ((header ^ heap->weak_table_type.header) & MID__HEADER_TYPE_MASK) == 0;
}

/* ---- records --------------------------------------------------------------------------------------------------------------- */

/* Neighbours in memory stand in neighbouring buckets, as in ids.c. */
uint32_t mid__ephemeron_bucket(const struct mid__ephemerons *e, uintptr_t object)
{
    uint64_t place = (uint64_t)(object >> 7) * 0x9e3779b97f4a7c15u >> 20;
    uint32_t hash = (uint32_t)(place << 3 | (object >> 4 & 7));
    uint32_t mask = (2u << mid__log2_floor(e->buckets)) - 1;
    uint32_t bucket = hash & mask;
    return bucket < e->buckets ? bucket : hash & (mask >> 1);
}

static void hang(struct mid__ephemerons *e, uint32_t key)
{
    uint32_t *bucket = &e->bucket[mid__ephemeron_bucket(e, e->keys[key].object)];
    e->keys[key].next = *bucket;
    *bucket = key;
}

static void unhang(struct mid__ephemerons *e, uint32_t key)
{
    uint32_t *link = &e->bucket[mid__ephemeron_bucket(e, e->keys[key].object)];
    while (*link != key)
        link = &e->keys[*link].next;
    *link = e->keys[key].next;
}

static uint32_t find_key(const struct mid__ephemerons *e, uintptr_t object)
{
    uint32_t key = e->buckets == 0 ? NONE : e->bucket[mid__ephemeron_bucket(e, object)];
    while (key != NONE && e->keys[key].object != object)
        key = e->keys[key].next;
    return key;
}

static uint32_t find_pair(const struct mid__ephemerons *e, uint32_t key, uint32_t table)
{
    uint32_t pair = key == NONE ? NONE : e->keys[key].first;
    while (pair != NONE && e->pairs[pair].table != table)
        pair = e->pairs[pair].key_next;
    return pair;
}

/* One bucket more: the one that shared its place is split. There is room for it. */
static void split_bucket(struct mid__ephemerons *e)
{
    uint32_t fresh = e->buckets++, shared = fresh - (1u << mid__log2_floor(fresh));
    uint32_t key = e->bucket[shared];
    e->bucket[fresh] = e->bucket[shared] = NONE;
    while (key != NONE) {
        uint32_t next = e->keys[key].next;
        hang(e, key);
        key = next;
    }
}

/* ---- room ------------------------------------------------------------------------------------------------------------------- */

static bool room_for(void **array, size_t *capacity, size_t wanted, size_t bytes)
{
    if (wanted <= *capacity)
        return true;
    void *grown = mid__grow(*array, capacity, wanted, bytes);
    if (grown != NULL)
        *array = grown;
    return grown != NULL;
}

#define ROOM(array, capacity, wanted) room_for((void **)&(array), &(capacity), wanted, sizeof *(array))

/* For one more key, one more pair, and both on their lists. */
static enum mid_status reserve(struct mid__ephemerons *e)
{
    if (e->pair_count >= NONE - 1 || e->key_count >= NONE - 1)
        return MID_E_LIMIT;
    bool room = ROOM(e->keys, e->key_capacity, e->key_count + 1) && ROOM(e->pairs, e->pair_capacity, e->pair_count + 1) &&
                ROOM(e->young_keys, e->young_key_capacity, e->key_count + 1) &&
                ROOM(e->young_pairs, e->young_pair_capacity, e->pair_count + 1) &&
                ROOM(e->bucket, e->bucket_capacity, e->key_count + 2);
    if (room && e->buckets == 0) {
        e->bucket[0] = NONE;
        e->buckets = 1;
    }
    return room ? MID_OK : MID_E_MEMORY;
}

/* ---- making and taking out -------------------------------------------------------------------------------------------------- */

static void list_key(struct mid_heap *heap, uint32_t key)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    if (e->keys[key].listed || !mid__is_young(heap, e->keys[key].object))
        return;
    e->keys[key].listed = true;
    e->young_keys[e->young_key_count++] = key;
}

static void list_pair(struct mid_heap *heap, uint32_t pair)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    if (e->pairs[pair].listed || !mid__is_young(heap, (uintptr_t)e->pairs[pair].value.object))
        return;
    e->pairs[pair].listed = true;
    e->young_pairs[e->young_pair_count++] = pair;
}

/* A key must be scanned when it turns black, and so its block is a leaf block no more (Note [Leaf blocks] in oldspace.c). */
static void be_scanned(const struct mid_heap *heap, uintptr_t object)
{
    struct mid__chunk *chunk = mid__chunk_of(object);
    if (!mid__is_young(heap, object) && chunk->kind == MID__CHUNK_OLD)
        chunk->leaf_words[(object & (MID__CHUNK_BYTES - 1)) / MID__BLOCK_BYTES] = 0;
}

/* A free record keeps its `listed`: it stands on the list until the next scavenge. */
static uint32_t take_key(struct mid_heap *heap, uintptr_t object)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    uint32_t key = e->free_keys;
    if (e->keys_used++ == e->key_count) {
        key = (uint32_t)e->key_count++;
        e->keys[key].listed = false;
        split_bucket(e);
    } else {
        e->free_keys = e->keys[key].next;
    }
    e->keys[key].object = object;
    e->keys[key].first = NONE;
    hang(e, key);
    mid__crew_recall(heap);
    *mid__header_at(object) |= MID__EPHEMERAL;
    be_scanned(heap, object);
    list_key(heap, key);
    return key;
}

static void give_key(struct mid_heap *heap, uint32_t key)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    unhang(e, key);
    e->keys[key].object = 0;
    e->keys[key].next = e->free_keys;
    e->free_keys = key;
    e->keys_used--;
}

static uint32_t take_pair(struct mid_heap *heap, uint32_t key, uint32_t table, struct mid_ref value)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    uint32_t pair = e->free_pairs;
    if (e->pairs_used++ == e->pair_count) {
        pair = (uint32_t)e->pair_count++;
        e->pairs[pair].listed = false;
    } else {
        e->free_pairs = e->pairs[pair].key_next;
    }
    struct mid__pair *p = &e->pairs[pair];
    p->value = value;
    p->key = key;
    p->table = table;
    p->key_prev = p->table_prev = NONE;
    p->key_next = e->keys[key].first;
    p->table_next = e->tables[table].first;
    if (p->key_next != NONE)
        e->pairs[p->key_next].key_prev = pair;
    if (p->table_next != NONE)
        e->pairs[p->table_next].table_prev = pair;
    e->keys[key].first = e->tables[table].first = pair;
    e->tables[table].count++;
    list_pair(heap, pair);
    return pair;
}

/* Off both lists. The key stays, even without pairs. */
static void give_pair(struct mid_heap *heap, uint32_t pair)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    struct mid__pair *p = &e->pairs[pair];
    struct mid__weak_table *table = &e->tables[p->table];
    if (heap->mark.sliced == table->object && heap->mark.sliced_word == pair)
        heap->mark.sliced_word = p->table_next;
    if (p->key_prev != NONE)
        e->pairs[p->key_prev].key_next = p->key_next;
    else
        e->keys[p->key].first = p->key_next;
    if (p->key_next != NONE)
        e->pairs[p->key_next].key_prev = p->key_prev;
    if (p->table_prev != NONE)
        e->pairs[p->table_prev].table_next = p->table_next;
    else
        table->first = p->table_next;
    if (p->table_next != NONE)
        e->pairs[p->table_next].table_prev = p->table_prev;
    table->count--;
    p->value = mid_null();
    p->table = NONE;
    p->key_next = e->free_pairs;
    e->free_pairs = pair;
    e->pairs_used--;
}

static void drop_key(struct mid_heap *heap, uint32_t key)
{
    while (heap->ephemerons.keys[key].first != NONE)
        give_pair(heap, heap->ephemerons.keys[key].first);
    give_key(heap, key);
}

/* The object is no key any more. */
static void clear_header(struct mid_heap *heap, uintptr_t object)
{
    uint64_t *header = mid__header_at(object);
    mid__crew_recall(heap);
    if (!is_table(heap, *header))
        *header &= ~MID__EPHEMERAL;
}

/* Takes a table's pairs out, *budget of them at most; true when none is left. Keys that are left without pairs go, too:
 * they may be dead, but are not freed yet. */
static bool empty_table(struct mid_heap *heap, uint32_t table, size_t *budget)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    while (e->tables[table].first != NONE) {
        if (*budget == 0)
            return false;
        --*budget;
        uint32_t pair = e->tables[table].first, key = e->pairs[pair].key;
        give_pair(heap, pair);
        if (e->keys[key].first == NONE) {
            clear_header(heap, e->keys[key].object);
            give_key(heap, key);
        }
    }
    return true;
}

static void give_table(struct mid__ephemerons *e, uint32_t table)
{
    e->tables[table].object = 0;
    e->tables[table].next = e->free_tables;
    e->free_tables = table;
    e->tables_used--;
}

/* ---- the program's side -------------------------------------------------------------------------------------------------------- */

bool mid_is_weak_table(struct mid_heap *heap, struct mid_ref ref)
{
    return !mid_is_null(ref) && is_table(heap, mid__header(ref));
}

struct mid_ref mid_weak_table_new(struct mid_heap *heap)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    struct mid_ref ref = mid_new(heap, heap->weak_table_type);
    if (mid_is_null(ref))
        return ref;
    if (!ROOM(e->tables, e->table_capacity, e->table_count + 1) ||
        !ROOM(e->young_tables, e->young_table_capacity, e->table_count + 1)) {
        mid__refuse(heap, sizeof *e->tables, "the system has no memory for the list of weak tables");
        return mid_null(); /* the object without the header's bit is plain garbage */
    }
    uint32_t table = e->free_tables;
    if (e->tables_used++ == e->table_count) {
        table = (uint32_t)e->table_count++;
        e->tables[table].listed = false;
    } else {
        e->free_tables = e->tables[table].next;
    }
    e->tables[table].object = (uintptr_t)ref.object;
    e->tables[table].first = NONE;
    e->tables[table].count = 0;
    ((struct payload *)mid_data(ref))->number = table;
    *mid__header_at((uintptr_t)ref.object) |= MID__EPHEMERAL;
    if (!e->tables[table].listed && mid__is_young(heap, (uintptr_t)ref.object)) {
        e->tables[table].listed = true;
        e->young_tables[e->young_table_count++] = table;
    }
    return ref;
}

/* A value goes out of sight, or comes into the program's hands: as in the barrier, a marking must not lose it. */
static void keep_for_marking(struct mid_heap *heap, struct mid_ref value)
{
    if (heap->phase == MID__MARK && !mid_is_null(value) && !mid__is_young(heap, (uintptr_t)value.object))
        mid__mark_shade(heap, (uintptr_t)value.object);
}

static uint32_t find(struct mid_heap *heap, struct mid_ref table, struct mid_ref key)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    if (!mid_is_weak_table(heap, table) || mid_is_null(key) || (mid__header(key) & MID__EPHEMERAL) == 0)
        return NONE;
    return find_pair(e, find_key(e, (uintptr_t)key.object), number_of((uintptr_t)table.object));
}

struct mid_ref mid_weak_table_get(struct mid_heap *heap, struct mid_ref table, struct mid_ref key)
{
    uint32_t pair = find(heap, table, key);
    if (pair == NONE)
        return mid_null();
    keep_for_marking(heap, heap->ephemerons.pairs[pair].value);
    return heap->ephemerons.pairs[pair].value;
}

bool mid_weak_table_remove(struct mid_heap *heap, struct mid_ref table, struct mid_ref key)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    uint32_t pair = find(heap, table, key);
    if (pair == NONE)
        return false;
    uint32_t record = e->pairs[pair].key;
    keep_for_marking(heap, e->pairs[pair].value);
    give_pair(heap, pair);
    if (e->keys[record].first == NONE) {
        give_key(heap, record);
        clear_header(heap, (uintptr_t)key.object);
    }
    return true;
}

enum mid_status mid_weak_table_set(struct mid_heap *heap, struct mid_ref table, struct mid_ref key, struct mid_ref value)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    if (!mid_is_weak_table(heap, table) || mid_is_null(key))
        return MID_E_INVALID;
    uint32_t pair = find(heap, table, key);
    if (mid_is_null(value)) {
        if (pair != NONE)
            (void)mid_weak_table_remove(heap, table, key);
        return MID_OK;
    }
    if (pair != NONE) {
        keep_for_marking(heap, e->pairs[pair].value);
        e->pairs[pair].value = value;
        list_pair(heap, pair);
        return MID_OK;
    }
    enum mid_status status = reserve(e);
    if (status != MID_OK)
        return status;
    uint32_t record = find_key(e, (uintptr_t)key.object);
    if (record == NONE)
        record = take_key(heap, (uintptr_t)key.object);
    take_pair(heap, record, number_of((uintptr_t)table.object), value);
    return MID_OK;
}

size_t mid_weak_table_count(struct mid_heap *heap, struct mid_ref table)
{
    return mid_is_weak_table(heap, table) ? heap->ephemerons.tables[number_of((uintptr_t)table.object)].count : 0;
}

/* ---- marking ---------------------------------------------------------------------------------------------------------------------- */

static bool is_black(const struct mid_heap *heap, uintptr_t object)
{
    return mid__is_young(heap, object) || mid__bit_get(object, mid__mark_side(heap));
}

static void shade_value(struct mid_heap *heap, const struct mid__pair *pair)
{
    if (!mid__is_young(heap, (uintptr_t)pair->value.object))
        mid__mark_shade(heap, (uintptr_t)pair->value.object);
}

/* All pairs of a key. */
static void shade_key(struct mid_heap *heap, uint32_t key)
{
    const struct mid__ephemerons *e = &heap->ephemerons;
    for (uint32_t pair = key == NONE ? NONE : e->keys[key].first; pair != NONE; pair = e->pairs[pair].key_next)
        if (is_black(heap, e->tables[e->pairs[pair].table].object))
            shade_value(heap, &e->pairs[pair]);
}

/* An object with the bit has turned black. A table is scanned by pieces from now on. */
void mid__ephemeron_black(struct mid_heap *heap, uintptr_t object, uint64_t header)
{
    shade_key(heap, find_key(&heap->ephemerons, object));
    if (is_table(heap, header)) {
        heap->mark.sliced = object;
        heap->mark.sliced_word = heap->ephemerons.tables[number_of(object)].first;
    }
}

/* The next piece of the table in progress; returns the bytes looked at. */
size_t mid__ephemeron_slice(struct mid_heap *heap)
{
    const struct mid__ephemerons *e = &heap->ephemerons;
    uint32_t pair = (uint32_t)heap->mark.sliced_word;
    unsigned seen = 0;
    for (; pair != NONE && seen < SLICE_PAIRS; pair = e->pairs[pair].table_next, seen++)
        if (is_black(heap, e->keys[e->pairs[pair].key].object))
            shade_value(heap, &e->pairs[pair]);
    heap->mark.sliced_word = pair;
    if (pair == NONE)
        heap->mark.sliced = 0;
    return (seen + 1) * sizeof(struct mid__pair);
}

/* At the begin of a marking: no one else will look at a young key in a young table. */
void mid__ephemeron_mark_begin(struct mid_heap *heap)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    for (size_t i = 0; i < e->young_key_count; i++)
        if (e->keys[e->young_keys[i]].object != 0)
            shade_key(heap, e->young_keys[i]);
    e->purge_key = e->key_count;
    e->purge_table = e->table_count;
}

/* At the end of one: takes out what is dead, *budget records at most; true when all is done. What comes while this goes on
 * is alive. */
bool mid__ephemeron_purge(struct mid_heap *heap, size_t *budget)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    for (; e->purge_key > 0; e->purge_key--) {
        uint32_t key = (uint32_t)e->purge_key - 1;
        if (*budget == 0)
            return false;
        --*budget;
        if (e->keys[key].object != 0 && !is_black(heap, e->keys[key].object)) {
            drop_key(heap, key); /* several cache misses: counts for several entries */
            *budget -= *budget < DROP_ENTRIES ? *budget : DROP_ENTRIES;
        }
    }
    for (; e->purge_table > 0; e->purge_table--) {
        uint32_t table = (uint32_t)e->purge_table - 1;
        if (*budget == 0)
            return false;
        --*budget;
        if (e->tables[table].object == 0 || is_black(heap, e->tables[table].object))
            continue;
        if (!empty_table(heap, table, budget))
            return false;
        give_table(e, table);
    }
    return true;
}

/* ---- scavenging ------------------------------------------------------------------------------------------------------------------- */

static bool is_dead_yet(const struct mid_heap *heap, uintptr_t object)
{
    return object - heap->nursery.old_base < heap->nursery.old_end - heap->nursery.old_base;
}

/* At the begin: what old keys in old tables refer to is as good as referred to by an old slot. */
void mid__ephemeron_scavenge(struct mid_heap *heap)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    e->grey_keys = e->grey_tables = NONE;
    for (size_t i = 0; i < e->young_pair_count; i++) {
        struct mid__pair *pair = &e->pairs[e->young_pairs[i]];
        if (pair->table != NONE && !is_dead_yet(heap, e->keys[pair->key].object) &&
            !is_dead_yet(heap, e->tables[pair->table].object))
            mid__nursery_keep(heap, &pair->value);
    }
}

/* An object with the bit has been moved, by a scavenge or a compaction. */
static uint32_t move_records(struct mid_heap *heap, uintptr_t from, uintptr_t to)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    uint32_t key = find_key(e, from);
    if (key != NONE) {
        unhang(e, key);
        e->keys[key].object = to;
        be_scanned(heap, to);
        hang(e, key);
    }
    if (is_table(heap, *mid__header_at(to)))
        e->tables[number_of(to)].object = to;
    return key;
}

void mid__ephemeron_moved(struct mid_heap *heap, uintptr_t from, uintptr_t to)
{
    (void)move_records(heap, from, to);
}

/* ... by a scavenge: it is alive, and its pairs wait to be looked at. */
void mid__ephemeron_evacuated(struct mid_heap *heap, uintptr_t from, uintptr_t to)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    uint32_t key = move_records(heap, from, to);
    if (key != NONE) {
        e->keys[key].grey_next = e->grey_keys;
        e->grey_keys = key;
    }
    if (is_table(heap, *mid__header_at(to))) {
        e->tables[number_of(to)].next = e->grey_tables;
        e->grey_tables = number_of(to);
    }
}

/* Looks at the pairs of one that waits; false when none does. */
bool mid__ephemeron_drain(struct mid_heap *heap)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    if (e->grey_keys != NONE) {
        uint32_t pair = e->keys[e->grey_keys].first;
        e->grey_keys = e->keys[e->grey_keys].grey_next;
        for (; pair != NONE; pair = e->pairs[pair].key_next)
            if (!is_dead_yet(heap, e->tables[e->pairs[pair].table].object))
                mid__nursery_keep(heap, &e->pairs[pair].value);
        return true;
    }
    if (e->grey_tables != NONE) {
        uint32_t pair = e->tables[e->grey_tables].first;
        e->grey_tables = e->tables[e->grey_tables].next;
        for (; pair != NONE; pair = e->pairs[pair].table_next)
            if (!is_dead_yet(heap, e->keys[e->pairs[pair].key].object))
                mid__nursery_keep(heap, &e->pairs[pair].value);
        return true;
    }
    return false;
}

/* At the end: what has not been moved is dead, and the lists hold what is young still. */
void mid__ephemeron_scavenged(struct mid_heap *heap)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    size_t out = 0, all = SIZE_MAX;
    for (size_t i = 0; i < e->young_table_count; i++) {
        uint32_t table = e->young_tables[i];
        if (e->tables[table].object != 0 && is_dead_yet(heap, e->tables[table].object)) {
            empty_table(heap, table, &all);
            give_table(e, table);
        }
        e->tables[table].listed = e->tables[table].object != 0 && mid__is_young(heap, e->tables[table].object);
        if (e->tables[table].listed)
            e->young_tables[out++] = table;
    }
    e->young_table_count = out;
    out = 0;
    for (size_t i = 0; i < e->young_key_count; i++) {
        uint32_t key = e->young_keys[i];
        if (e->keys[key].object != 0 && is_dead_yet(heap, e->keys[key].object))
            drop_key(heap, key);
        e->keys[key].listed = e->keys[key].object != 0 && mid__is_young(heap, e->keys[key].object);
        if (e->keys[key].listed)
            e->young_keys[out++] = key;
    }
    e->young_key_count = out;
    out = 0;
    for (size_t i = 0; i < e->young_pair_count; i++) {
        struct mid__pair *pair = &e->pairs[e->young_pairs[i]];
        pair->listed = pair->table != NONE && mid__is_young(heap, (uintptr_t)pair->value.object);
        if (pair->listed)
            e->young_pairs[out++] = e->young_pairs[i];
    }
    e->young_pair_count = out;
}

/* ---- for others --------------------------------------------------------------------------------------------------------------------- */

/* Every value, with the object that holds it on the other side of the pair. */
void mid__ephemeron_each_value(struct mid_heap *heap, void (*fn)(void *context, struct mid_ref *slot), void *context)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    for (size_t i = 0; i < e->pair_count; i++)
        if (e->pairs[i].table != NONE)
            fn(context, &e->pairs[i].value);
}

/* The pairs of an object that is a key, or a table (then those of the table): fn(context, number, pair, side), where `key`
 * and `table` are the objects. */
void mid__ephemeron_each_pair(struct mid_heap *heap, uintptr_t object, mid__pair_fn *fn, void *context)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    if ((*mid__header_at(object) & MID__EPHEMERAL) == 0)
        return;
    uint32_t key = find_key(e, object);
    for (uint32_t pair = key == NONE ? NONE : e->keys[key].first; pair != NONE; pair = e->pairs[pair].key_next)
        fn(context, pair, object, e->tables[e->pairs[pair].table].object, &e->pairs[pair].value, false);
    if (!is_table(heap, *mid__header_at(object)))
        return;
    for (uint32_t pair = e->tables[number_of(object)].first; pair != NONE; pair = e->pairs[pair].table_next)
        fn(context, pair, e->keys[e->pairs[pair].key].object, object, &e->pairs[pair].value, true);
}

/* A table has no slots that others should see; with a callback it is none of the raw objects that are never scanned. */
static void trace_nothing(void *user, void *data, size_t bytes, struct mid_tracer *tracer)
{
    (void)user;
    (void)data;
    (void)bytes;
    (void)tracer;
}

bool mid__ephemeron_init(struct mid_heap *heap)
{
    struct mid_type_info info = {
        .struct_size = sizeof info,
        .name = "WeakMap",
        .fixed_bytes = sizeof(struct payload),
        .trace = trace_nothing,
    };
    struct mid__ephemerons *e = &heap->ephemerons;
    e->free_keys = e->free_pairs = e->free_tables = e->grey_keys = e->grey_tables = NONE;
    return mid_type_register(heap, &info, &heap->weak_table_type) == MID_OK;
}

void mid__ephemeron_free(struct mid_heap *heap)
{
    struct mid__ephemerons *e = &heap->ephemerons;
    free(e->keys);
    free(e->pairs);
    free(e->tables);
    free(e->bucket);
    free(e->young_keys);
    free(e->young_pairs);
    free(e->young_tables);
}
