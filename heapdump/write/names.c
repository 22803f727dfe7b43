/* SPDX-License-Identifier: MIT
 *
 * names.c: the strings of a snapshot come last in the file, but their indexes are written with the first node. A heap has
 * few names of types and fields, and as many contents of strings as it has strings. Keeping them all (V8 does) costs
 * memory in proportion to the heap, at the worst moment. Here the table is bounded:
 *
 *     slots (open addressing, linear)        known (order of first sight)
 *     +--------+---------+                   +------+-------+-------+
 *     | hash32 | number  |------------------>| text | bytes | index |   text points into the source's memory
 *     +--------+---------+                   +------+-------+-------+
 *
 * A name that is not known and finds no room gets an index of its own every time it is met (it is then in the file more
 * than once, which readers do not mind). The text of such a name is nowhere when the strings are written; so the source
 * is walked once more, and Note [Replay] says how the walk tells which names to write.
 *
 * I1  known[i].index grows with i; while nothing was repeated, known[i].index == i.
 * I2  A name has at most one entry, and an entry is never removed or changed.
 * I3  A name in `recent` is in `known` with the same index, and is a lasting one.
 *
 * A passing name is copied into a chunk when it finds a place; the copies take up to COPIES_PER_NAME bytes for each name of
 * the limit.
 *
 * Note [Replay]
 * The second walk meets the same names in the same order, and counts indexes anew from 0. When a name is met while n
 * indexes are given out, its entry (if there is one) has an index
 *     < n   the name was known when it was met the first time: nothing was given out;
 *     = n   this is where it got its index: write it, n + 1;
 *     > n   it was met here before it found a place in the table: it got index n, then: write it, n + 1.
 * Without an entry it got index n every time. So nothing need be remembered but the table itself.
 *
 * The hash is seeded: contents of strings come from outside, and must not be able to make the table slow. When the table
 * cannot grow because memory is short, the limit is set to what it holds: the snapshot of a program that runs out of
 * memory is the one that is needed most.
 */
#include "names.h"
#include "out.h"

#include <midden/internal/compiler.h>

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 256, COPIES_PER_NAME = 64, CHUNK_BYTES = 32 * 1024 };

struct mid__name_copies {
    struct mid__name_copies *next;
    size_t used;
    char bytes[CHUNK_BYTES];
};

void mid__names_begin(struct mid__names *names, size_t limit, uint64_t seed)
{
    memset(names, 0, sizeof *names);
    names->limit = limit;
    names->seed = seed;
}

void mid__names_end(struct mid__names *names)
{
    free(names->known);
    free(names->slots);
    names->known = NULL;
    names->slots = NULL;
    for (struct mid__name_copies *next, *c = names->copies; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    names->copies = NULL;
}

static uint64_t load8(const char *at)
{
    uint64_t x;
    memcpy(&x, at, sizeof x);
    return x;
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0x9fb21c651e98df25u;
    x ^= x >> 29;
    x *= 0xd6e8feb86659fd93u;
    return x ^ x >> 32;
}

/* Eight bytes a step, each mixed into a state that the seed began. Not cryptographic: the seed is what an attacker lacks. */
static uint32_t hash_of(uint64_t seed, const char *text, size_t bytes)
{
    uint64_t h = mix(seed ^ bytes);
    for (; bytes >= 8; bytes -= 8, text += 8)
        h = mix(h ^ load8(text)) + seed;
    uint64_t tail = 0;
    if (bytes != 0)
        memcpy(&tail, text, bytes);
    return (uint32_t)(mix(h ^ tail) >> 16);
}

/* The slot of a name, or the empty slot where it would stand. There is always an empty one. */
static size_t slot_of(const struct mid__names *names, uint32_t hash, const char *text, size_t bytes)
{
    size_t mask = names->slot_count - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        uint64_t slot = names->slots[i];
        if (slot == 0)
            return i;
        if ((uint32_t)(slot >> 32) != hash)
            continue;
        const struct mid__name *n = &names->known[(uint32_t)slot - 1];
        if (n->bytes == bytes && memcmp(n->text, text, bytes) == 0)
            return i;
    }
}

static bool grow_known(struct mid__names *names)
{
    size_t capacity = names->capacity == 0 ? FIRST_CAPACITY : names->capacity * 2;
    if (capacity > names->limit)
        capacity = names->limit;
    struct mid__name *known = realloc(names->known, capacity * sizeof *known);
    if (known == NULL)
        return false;
    names->known = known;
    names->capacity = capacity;
    return true;
}

/* Slots are kept at most half full: twice the power of two that holds the capacity. */
static bool grow_slots(struct mid__names *names)
{
    size_t count = names->slot_count == 0 ? 2 * FIRST_CAPACITY : names->slot_count * 2;
    uint64_t *slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < names->slot_count; i++) {
        if (names->slots[i] == 0)
            continue;
        size_t at = (size_t)(names->slots[i] >> 32) & (count - 1);
        while (slots[at] != 0)
            at = (at + 1) & (count - 1);
        slots[at] = names->slots[i];
    }
    free(names->slots);
    names->slots = slots;
    names->slot_count = count;
    return true;
}

static bool has_room(struct mid__names *names, enum mid__name_kind kind)
{
    if (names->count >= names->limit || (kind != MID__NAME_LASTING && names->many >= names->limit / 2))
        return false;
    if ((names->count < names->capacity || grow_known(names)) &&
        (2 * names->count < names->slot_count || grow_slots(names)))
        return true;
    names->limit = names->count;
    return false;
}

/* A copy of a cut name (at most 3 KiB), or NULL when it is not worth it or there is no memory. */
static const char *copy_of(struct mid__names *names, const char *text, size_t bytes)
{
    struct mid__name_copies *c = names->copies;
    if (c == NULL || CHUNK_BYTES - c->used < bytes) {
        if (names->copies_bytes + CHUNK_BYTES > names->limit * COPIES_PER_NAME)
            return NULL;
        c = malloc(sizeof *c);
        if (c == NULL)
            return NULL;
        c->next = names->copies;
        c->used = 0;
        names->copies = c;
        names->copies_bytes += CHUNK_BYTES;
    }
    char *copy = c->bytes + c->used;
    memcpy(copy, text, bytes);
    c->used += bytes;
    return copy;
}

/* The entry of a name that is cut already, or NULL. */
static const struct mid__name *find(const struct mid__names *names, uint32_t hash, const char *text, size_t bytes)
{
    if (names->slot_count == 0)
        return NULL;
    uint64_t slot = names->slots[slot_of(names, hash, text, bytes)];
    return slot == 0 ? NULL : &names->known[(uint32_t)slot - 1];
}

static const struct mid__name *insert(struct mid__names *names, uint32_t hash, const char *text, size_t bytes)
{
    size_t at = slot_of(names, hash, text, bytes);
    struct mid__name *n = &names->known[names->count++];
    *n = (struct mid__name){text, (uint32_t)bytes, (uint32_t)names->strings++};
    names->slots[at] = (uint64_t)hash << 32 | names->count;
    return n;
}

bool mid__names_index(struct mid__names *names, struct mid_snapshot_text name, enum mid__name_kind kind, uint32_t *index)
{
    const char *text = name.bytes == 0 ? "" : name.text;
    struct mid__name *recent = mid__names_recent(names, text);
    if (kind == MID__NAME_LASTING && recent->text == text && recent->bytes == name.bytes) {
        *index = recent->index;
        return true;
    }
    size_t bytes = mid__text_cut(text, name.bytes);
    uint32_t hash = hash_of(names->seed, text, bytes);
    const struct mid__name *n = find(names, hash, text, bytes);
    if (n == NULL) {
        if (names->strings > UINT32_MAX)
            return false;
        const char *kept = !has_room(names, kind) ? NULL : kind != MID__NAME_PASSING ? text : copy_of(names, text, bytes);
        if (kept == NULL) {
            names->repeated = true;
            *index = (uint32_t)names->strings++;
            return true;
        }
        n = insert(names, hash, kept, bytes);
        names->many += kind != MID__NAME_LASTING;
    }
    if (kind == MID__NAME_LASTING && name.bytes <= UINT32_MAX)
        *recent = (struct mid__name){text, (uint32_t)name.bytes, n->index};
    *index = n->index;
    return true;
}

bool mid__names_replay(struct mid__names *names, struct mid_snapshot_text name, enum mid__name_kind kind,
                       struct mid_snapshot_text *cut)
{
    const char *text = name.bytes == 0 ? "" : name.text;
    const struct mid__name *recent = mid__names_recent(names, text);
    if (kind == MID__NAME_LASTING && recent->text == text && recent->bytes == name.bytes &&
        recent->index < names->strings)
        return false;
    cut->text = text;
    cut->bytes = mid__text_cut(text, name.bytes);
    const struct mid__name *n = find(names, hash_of(names->seed, text, cut->bytes), text, cut->bytes);
    if (n != NULL && n->index < names->strings)
        return false; /* Note [Replay] */
    names->strings++;
    return true;
}

size_t mid__names_memory(const struct mid__names *names)
{
    return names->capacity * sizeof *names->known + names->slot_count * sizeof *names->slots +
           names->copies_bytes / CHUNK_BYTES * sizeof(struct mid__name_copies);
}
