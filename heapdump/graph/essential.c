/* SPDX-License-Identifier: MIT
 *
 * essential.c: finds the tables of ephemerons for Note [Essential edges] (essential.h).
 *
 * A dump has many ephemerons and few tables. Their ids go into a small hash table, and every node's id is looked up in
 * it once, behind a filter of 4 KiB that nearly all ids fail.
 */
#include "essential.h"

#define FILTER_WORDS 512

struct ids {
    uint64_t *slot; /* id + 1, or 0 */
    size_t slots;
    uint64_t filter[FILTER_WORDS];
};

static size_t hash(uint64_t id)
{
    id *= 0x9e3779b97f4a7c15u;
    return (size_t)(id ^ id >> 32);
}

static void add(struct ids *t, uint64_t id)
{
    size_t h = hash(id), at = h & (t->slots - 1);
    while (t->slot[at] != 0 && t->slot[at] != id + 1)
        at = (at + 1) & (t->slots - 1);
    t->slot[at] = id + 1;
    t->filter[h / 64 % FILTER_WORDS] |= (uint64_t)1 << (h & 63);
}

static bool has(const struct ids *t, uint64_t id)
{
    size_t h = hash(id), at = h & (t->slots - 1);
    if (!(t->filter[h / 64 % FILTER_WORDS] >> (h & 63) & 1))
        return false;
    for (; t->slot[at] != 0; at = (at + 1) & (t->slots - 1))
        if (t->slot[at] == id + 1)
            return true;
    return false;
}

static bool mark_tables(struct essential *es, struct mid__graph *g, struct ids *t)
{
    const struct names *n = &g->own->names;
    t->slots = 64;
    while (t->slots < 2 * (size_t)n->ephemeron_count)
        t->slots *= 2;
    t->slot = mid__mem_new(&g->own->memory, t->slots, sizeof *t->slot);
    es->is_table = mid__mem_new(&g->own->memory, g->node_count / 64 + 1, sizeof *es->is_table);
    if (t->slot == NULL || es->is_table == NULL)
        return false;
    for (uint32_t i = 0; i < n->ephemeron_count; i++)
        if (n->ephemerons[i].table_id != UINT64_MAX)
            add(t, n->ephemerons[i].table_id);
    for (uint32_t i = 0; i < g->node_count; i++)
        if (has(t, mid__graph_id(g, i)))
            es->is_table[i >> 6] |= (uint64_t)1 << (i & 63);
    return true;
}

bool essential_begin(struct essential *es, struct mid__graph *g)
{
    struct ids t = {.slot = NULL};
    *es = (struct essential){g, NULL};
    if (g->own->names.ephemeron_count == 0)
        return true;
    bool ok = mark_tables(es, g, &t);
    mid__mem_free(&g->own->memory, t.slot);
    mid__mem_rest(&g->own->memory, g->node_id32);
    return ok;
}

void essential_end(struct essential *es, struct mid__graph *g)
{
    mid__mem_free(&g->own->memory, es->is_table);
    es->is_table = NULL;
}

bool essential_is_table_side(const struct mid__graph *g, uint32_t source, uint32_t e)
{
    uint32_t name = g->edge_name[e];
    return g->own->names.kind[name] == NAME_EPHEMERON &&
           mid__ephemeron(g, name)->table_id == mid__graph_id(g, source);
}
