/* SPDX-License-Identifier: MIT
 *
 * fold.c: gives the sizes of V8's own parts to the objects that they are parts of.
 *
 * An array's elements, a string's outside data or a hidden node is no object of the program. When a single object owns
 * one, its size counts as that object's. Owners are found by a flood over edges that are not weak: every other node
 * owns itself and what it reaches through foldable nodes alone; who is reached from two owners belongs to none. The
 * root and synthetic nodes take nothing. Where there is no user root nothing is folded: the snapshot was made to show
 * V8's inside.
 *
 *     owner: NONE -> one node -> MANY        I1: an owner only moves to the right, so that each foldable node is
 *                                                looked at no more than twice
 *
 * The nodes that own themselves are taken in order of ordinal, which reads edges as they lie; only foldable nodes wait
 * on the stack. Which nodes are foldable is a bitmap that stays in the cache.
 */
#include "private.h"

#include <string.h>

#define OWNER_NONE UINT32_MAX
#define OWNER_MANY (UINT32_MAX - 1)

struct fold {
    struct mid__graph *g;
    uint64_t *foldable; /* bitmap */
    uint32_t *owner;    /* of foldable nodes; the others own themselves */
    uint32_t *stack;
    size_t count;
};

static bool is_foldable(const struct fold *f, uint32_t node)
{
    return f->foldable[node >> 6] >> (node & 63) & 1;
}

/* Returns how many are foldable. */
static size_t find_foldable(struct fold *f)
{
    const struct mid__graph *g = f->g;
    size_t count = 0;
    for (uint32_t n = 0; n < g->node_count; n++) {
        uint8_t type = g->node_type[n];
        if (type == MID__NODE_HIDDEN || type == MID__NODE_ARRAY ||
            (type == MID__NODE_NATIVE && mid__node_special(g, n) == NAME_EXTERNAL_STRING)) {
            f->foldable[n >> 6] |= (uint64_t)1 << (n & 63);
            count++;
        }
    }
    return count;
}

/* The foldable targets of `node` learn that `owner` reaches them. */
static void reach(struct fold *f, uint32_t node, uint32_t owner)
{
    const struct mid__graph *g = f->g;
    uint32_t end = g->first_edge[node + 1];
    for (uint32_t e = g->first_edge[node]; e < end; e++) {
        uint32_t target = g->edge_target[e];
        if (!is_foldable(f, target) || g->edge_type[e] == MID__EDGE_WEAK)
            continue;
        uint32_t *now = &f->owner[target];
        if (*now == owner || *now == OWNER_MANY)
            continue;
        *now = *now == OWNER_NONE ? owner : OWNER_MANY;
        f->stack[f->count++] = target;
    }
}

static void find_owners(struct fold *f)
{
    for (uint32_t n = 0; n < f->g->node_count; n++) {
        if (is_foldable(f, n))
            continue;
        reach(f, n, n);
        while (f->count != 0) {
            uint32_t node = f->stack[--f->count];
            reach(f, node, f->owner[node]);
        }
    }
}

/* The node that gets n's size, or NO_NODE. */
static uint32_t taker(const struct fold *f, uint32_t n)
{
    const struct mid__graph *g = f->g;
    uint32_t owner = is_foldable(f, n) ? f->owner[n] : OWNER_NONE;
    if (owner >= OWNER_MANY || owner == g->root || g->node_type[owner] == MID__NODE_SYNTHETIC)
        return NO_NODE;
    return owner;
}

/* False when a size does not fit 32 bits; the column is spoiled then. */
static bool give_narrow(const struct fold *f)
{
    uint32_t *size = f->g->own->size;
    for (uint32_t n = 0; n < f->g->node_count; n++) {
        uint32_t to = taker(f, n);
        if (to == NO_NODE || size[n] == 0)
            continue;
        if ((uint64_t)size[to] + size[n] >= UINT32_MAX)
            return false;
        size[to] += size[n];
        size[n] = 0;
    }
    return true;
}

/* The same over 64 bits a node, for the few graphs that have such sizes. False without memory. */
static bool give_wide(const struct fold *f)
{
    struct mid__graph *g = f->g;
    struct mid__graph_private *own = g->own;
    uint64_t *size = mid__mem_new_raw(&own->memory, g->node_count, sizeof *size);
    bool ok = size != NULL;
    for (uint32_t n = 0; ok && n < g->node_count; n++)
        size[n] = mid__graph_raw_size(g, n);
    for (uint32_t n = 0; ok && n < g->node_count; n++) {
        uint32_t to = taker(f, n);
        if (to != NO_NODE) {
            size[to] += size[n];
            size[n] = 0;
        }
    }
    own->wide.count = 0;
    for (uint32_t n = 0; ok && n < g->node_count; n++) {
        own->size[n] = size[n] < UINT32_MAX ? (uint32_t)size[n] : UINT32_MAX;
        ok = size[n] < UINT32_MAX || mid__wide_add(&own->memory, &own->wide, n, size[n]);
    }
    mid__mem_free(&own->memory, size);
    return ok;
}

static bool fold(struct mid__graph *g)
{
    struct memory *m = &g->own->memory;
    struct fold f = {.g = g};
    f.foldable = mid__mem_new(m, g->node_count / 64 + 1, sizeof *f.foldable);
    size_t foldable = f.foldable != NULL ? find_foldable(&f) : 0;
    f.owner = mid__mem_new_raw(m, g->node_count, sizeof *f.owner);
    f.stack = mid__mem_new_raw(m, 2 * foldable, sizeof *f.stack); /* I1 */
    bool ok = f.foldable != NULL && f.owner != NULL && f.stack != NULL;
    if (ok) {
        memset(f.owner, 0xff, g->node_count * sizeof *f.owner);
        find_owners(&f);
        ok = (g->own->wide_raw.count == 0 && give_narrow(&f)) || give_wide(&f);
    }
    mid__mem_free(m, f.stack);
    mid__mem_free(m, f.owner);
    mid__mem_free(m, f.foldable);
    return ok;
}

/* Begins with the sizes of the file. */
static bool copy_sizes(struct mid__graph *g)
{
    struct mid__graph_private *own = g->own;
    if (own->size == NULL)
        own->size = mid__mem_new_raw(&own->memory, g->node_count, sizeof *own->size);
    if (own->size == NULL)
        return false;
    memcpy(own->size, own->raw_size, g->node_count * sizeof *own->size);
    own->wide.count = 0;
    for (uint32_t i = 0; i < own->wide_raw.count; i++)
        if (!mid__wide_add(&own->memory, &own->wide, own->wide_raw.list[i].node, own->wide_raw.list[i].bytes))
            return false;
    return true;
}

enum mid_status mid__fold_sizes(struct mid__graph *g, struct mid__graph_error *error)
{
    if (!copy_sizes(g) || (g->has_user_roots && !fold(g)))
        return mid__fail_memory(g, error);
    g->node_size = g->own->size;
    return MID_OK;
}
