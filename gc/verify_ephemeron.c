/* SPDX-License-Identifier: MIT
 *
 * verify_ephemeron.c: the part of verify.c that looks at weak tables: records, lists and buckets, each counted again from
 * the records, by the rules at the head of ephemeron.c. What is reachable through pairs verify.c finds out itself.
 */
#include "internal.h"

#define NONE UINT32_MAX

struct check {
    struct mid_heap *heap;
    const struct mid__ephemerons *e;
    const struct mid__verify_face *face;
};

static void found(const struct check *c, const char *rule, const void *address, const char *detail)
{
    c->face->broken(c->face->context, rule, address, detail);
}

/* The length of the bucket that an object hangs in is bounded, so that a list that runs in a circle ends. */
static bool hangs(const struct check *c, uint32_t key)
{
    size_t steps = 0;
    uint32_t bucket = mid__ephemeron_bucket(c->e, c->e->keys[key].object);
    for (uint32_t k = c->e->bucket[bucket]; k < c->e->key_count && steps <= c->e->key_count; k = c->e->keys[k].next, steps++)
        if (k == key)
            return true;
    return false;
}

static void check_key(const struct check *c, uint32_t key, size_t *pairs)
{
    const struct mid__key *k = &c->e->keys[key];
    if (!c->face->is_object(c->face->context, k->object)) {
        found(c, "ephemeron.I1", (void *)k->object, "the key of a weak table is no object");
        return;
    }
    if ((*mid__header_at(k->object) & MID__EPHEMERAL) == 0)
        found(c, "ephemeron.I1", (void *)k->object, "a key whose header does not say so");
    if (!hangs(c, key))
        found(c, "ephemeron.I1", (void *)k->object, "a key that does not hang in the bucket of its address");
    if (mid__is_young(c->heap, k->object) && !k->listed)
        found(c, "ephemeron.I3", (void *)k->object, "a young key is not listed");
    const struct mid__chunk *chunk = mid__chunk_of(k->object);
    if (!mid__is_young(c->heap, k->object) &&
        chunk->leaf_words[(k->object & (MID__CHUNK_BYTES - 1)) / MID__BLOCK_BYTES] != 0)
        found(c, "ephemeron.I1", (void *)k->object, "a key in a leaf block, where nothing is scanned");
    uint32_t prev = NONE;
    for (uint32_t p = k->first; p != NONE; prev = p, p = c->e->pairs[p].key_next, ++*pairs)
        if (p >= c->e->pair_count || c->e->pairs[p].key != key || c->e->pairs[p].key_prev != prev) {
            found(c, "ephemeron.I2", (void *)k->object, "the list of a key's pairs is broken");
            return;
        }
    if (k->first == NONE)
        found(c, "ephemeron.I2", (void *)k->object, "a key without a pair");
}

static void check_table(const struct check *c, uint32_t table, size_t *pairs)
{
    const struct mid__weak_table *t = &c->e->tables[table];
    if (!c->face->is_object(c->face->context, t->object) || !mid__is_weak_table(c->heap, *mid__header_at(t->object))) {
        found(c, "ephemeron.I1", (void *)t->object, "a weak table is no object of its type");
        return;
    }
    if (mid__is_young(c->heap, t->object) && !t->listed)
        found(c, "ephemeron.I3", (void *)t->object, "a young table is not listed");
    size_t count = 0;
    uint32_t prev = NONE;
    for (uint32_t p = t->first; p != NONE; prev = p, p = c->e->pairs[p].table_next, count++)
        if (p >= c->e->pair_count || c->e->pairs[p].table != table || c->e->pairs[p].table_prev != prev) {
            found(c, "ephemeron.I2", (void *)t->object, "the list of a table's pairs is broken");
            return;
        }
    if (count != t->count)
        found(c, "ephemeron.I2", (void *)t->object, "a table's count is not the length of its list");
    *pairs += count;
}

static void check_pairs(const struct check *c, size_t of_keys, size_t of_tables)
{
    size_t used = 0;
    for (size_t i = 0; i < c->e->pair_count; i++) {
        const struct mid__pair *p = &c->e->pairs[i];
        if (p->table == NONE)
            continue;
        used++;
        if (mid__is_young(c->heap, (uintptr_t)p->value.object) && !p->listed)
            found(c, "ephemeron.I3", p, "a pair with a young value is not listed");
    }
    if (used != c->e->pairs_used || used != of_keys || used != of_tables)
        found(c, "ephemeron.I2", c->e, "pairs in use, on the lists of keys and on those of tables differ in number");
}

/* Who says that it is listed is so, once. */
static void check_lists(const struct check *c)
{
    size_t keys = 0, pairs = 0, tables = 0;
    for (size_t i = 0; i < c->e->key_count; i++)
        keys += c->e->keys[i].listed;
    for (size_t i = 0; i < c->e->pair_count; i++)
        pairs += c->e->pairs[i].listed;
    for (size_t i = 0; i < c->e->table_count; i++)
        tables += c->e->tables[i].listed;
    if (keys != c->e->young_key_count || pairs != c->e->young_pair_count || tables != c->e->young_table_count)
        found(c, "ephemeron.I3", c->e, "the lists of the young are not what the records say");
    if (c->e->young_key_capacity < c->e->key_count || c->e->young_pair_capacity < c->e->pair_count ||
        c->e->young_table_capacity < c->e->table_count || c->e->bucket_capacity < c->e->buckets)
        found(c, "ephemeron.I4", c->e, "no room for all records on the lists of the young");
}

void mid__verify_ephemerons(struct mid_heap *heap, const struct mid__verify_face *face)
{
    struct check c = {heap, &heap->ephemerons, face};
    size_t of_keys = 0, of_tables = 0;
    for (uint32_t i = 0; i < c.e->key_count; i++)
        if (c.e->keys[i].object != 0)
            check_key(&c, i, &of_keys);
    for (uint32_t i = 0; i < c.e->table_count; i++)
        if (c.e->tables[i].object != 0)
            check_table(&c, i, &of_tables);
    check_pairs(&c, of_keys, of_tables);
    check_lists(&c);
}
