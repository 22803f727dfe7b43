/* SPDX-License-Identifier: MIT
 *
 * routes.c: several distinct paths from the root to one node: what would still hold it if the first were cut.
 *
 * The first is a shortest path. Each further one takes as few edges of those before it as it can, and among such paths
 * is a shortest; when it has no edge of its own, there is no further one. Edges that every path must take make no
 * difference, for they are taken each time:
 *
 *     root -> global -> app -+-> cache -> map -+-> node        1  global app cache map node
 *                            +-> recent [3] ---+               2  global app recent node       (to app there is one way)
 *
 * The search is breadth first in the order of (edges taken before, length). An edge that was taken adds one to the
 * first, so it is done level by level; what enters a level from the one before waits in order of length:
 *
 *     level 0   queue   .................. ->|           waiting   node, edge, length ...
 *     level 1   queue   merged with those by length
 *
 * There is a second path exactly when cutting some edge of the first would leave the node alive (test_path.c).
 *
 * Yen's algorithm (1971) gives the k shortest paths; in a heap those differ in a step near the root, and say nothing new
 * about the object. Eclipse's Memory Analyzer uses each node once, and so hides a second path below a shared array.
 *
 * I1. `arrival` is set once a search, when a node is first put into a queue or taken from those waiting.
 * I2. Lengths in a queue, and among those that wait, never fall.
 *
 * Not followed: what the search for distances does not follow; besides, shortcuts but from the root, and the table's
 * side of an ephemeron, for whoever is dropped with its key is not held by the table (Note [Essential edges]). And V8
 * writes many a reference twice, as the program has it and as it lies in memory:
 *
 *     Array -[3]-> Job                Array -elements-> (array) -3-> Job           one and the same
 *
 * so an edge out of the runtime's internals is passed over where the object that they belong to has an edge of its own
 * to the same target. What only the runtime's roots hold is shown after all that hangs on the program's.
 */
#include <midden/internal/path.h>

#include "followed.h"

#include <stdio.h>
#include <stdlib.h>

#define NONE       UINT32_MAX
#define NAME_BYTES 1200 /* V8 cuts strings at 1,024 characters */

struct crossing {
    uint32_t node, edge, length;
};

struct waiting {
    struct crossing *list;
    size_t count, capacity, at;
};

struct mid__routes {
    const struct mid__graph *graph;
    uint32_t node;
    bool first_done, system;      /* the runtime's roots, too */
    uint8_t *taken;               /* bitmap over edges: those of the paths so far */
    uint32_t *arrival, *queue, *length; /* [nodes] of one search */
    uint32_t *named_by, named;    /* [nodes]: an object with an edge to it; the object that was looked at last */
    size_t from, to;              /* in the queue */
    struct waiting now, next;     /* for this level, for the one behind it */
    bool failed;
};

/* ---- which edges count */

static bool is_table_side(const struct mid__graph *g, uint32_t source, uint32_t edge)
{
    if (g->edge_type[edge] != MID__EDGE_INTERNAL)
        return false;
    struct mid__string_step it = mid__string_begin(&g->strings, g->edge_name[edge]);
    if (!mid__string_next(&it) || it.code_point < '0' || it.code_point > '9')
        return false;
    char name[NAME_BYTES], end[64];
    size_t length = mid__strings_get(&g->strings, g->edge_name[edge], name, sizeof name);
    size_t tail = (size_t)snprintf(end, sizeof end, " pair in WeakMap (table @%llu)",
                                   (unsigned long long)mid__graph_id(g, source));
    return length < sizeof name && length > tail && memcmp(name + length - tail, end, tail) == 0 &&
           strstr(name, " / part of key (") != NULL;
}

static bool counts(const struct mid__routes *r, const struct followed_source *from, uint32_t source, uint32_t edge)
{
    const struct mid__graph *g = r->graph;
    uint32_t to = g->edge_target[edge];
    if (to == g->root || to == source)
        return false;
    if (source == g->root && g->has_user_roots && g->distance[to] == 1)
        return true;
    if (source == g->root)
        return r->system && g->edge_type[edge] != MID__EDGE_WEAK;
    return g->edge_type[edge] != MID__EDGE_SHORTCUT && is_followed(g, from, edge) && !is_table_side(g, source, edge);
}

static bool is_internal(const struct mid__graph *g, uint32_t node)
{
    return g->node_type[node] == MID__NODE_ARRAY || g->node_type[node] == MID__NODE_HIDDEN;
}

/* Marks in `named_by` what the object has edges to that `node`, of the runtime's internals, belongs to. NONE: nobody. */
static uint32_t name_targets(struct mid__routes *r, uint32_t node)
{
    const struct mid__graph *g = r->graph;
    uint32_t owner = node;
    if (!is_internal(g, node))
        return NONE;
    while (is_internal(g, owner) && g->dominator[owner] != owner)
        owner = g->dominator[owner];
    if (is_internal(g, owner) || g->node_type[owner] == MID__NODE_SYNTHETIC)
        return NONE;
    if (owner != r->named)
        for (uint32_t e = g->first_edge[owner]; e < g->first_edge[owner + 1]; e++)
            if (g->edge_type[e] != MID__EDGE_WEAK)
                r->named_by[g->edge_target[e]] = owner;
    return r->named = owner;
}

/* ---- the search */

static bool is_taken(const struct mid__routes *r, uint32_t edge)
{
    return r->taken[edge >> 3] >> (edge & 7) & 1;
}

static void put_waiting(struct mid__routes *r, struct crossing c)
{
    struct waiting *w = &r->next;
    if (w->count == w->capacity) {
        size_t wide = w->capacity != 0 ? 2 * w->capacity : 64;
        struct crossing *list = realloc(w->list, wide * sizeof list[0]);
        r->failed |= list == NULL;
        if (list == NULL)
            return;
        w->list = list;
        w->capacity = wide;
    }
    w->list[w->count++] = c;
}

static void arrive(struct mid__routes *r, uint32_t node, uint32_t edge, uint32_t length)
{
    r->arrival[node] = edge;
    r->length[node] = length;
    r->queue[r->to++] = node;
}

static void leave(struct mid__routes *r, uint32_t node)
{
    const struct mid__graph *g = r->graph;
    struct followed_source from = followed_from(g, node);
    uint32_t length = node == g->root ? 1 : r->length[node] + 1, owner = name_targets(r, node);
    for (uint32_t e = g->first_edge[node]; e < g->first_edge[node + 1]; e++) {
        uint32_t to = g->edge_target[e];
        if (r->arrival[to] != MID__PATH_NO_EDGE || !counts(r, &from, node, e) ||
            (owner != NONE && r->named_by[to] == owner))
            continue;
        if (is_taken(r, e))
            put_waiting(r, (struct crossing){to, e, length});
        else
            arrive(r, to, e, length);
    }
}

/* One level: the queue and what waits, the shorter first. */
static void run_level(struct mid__routes *r)
{
    while (r->arrival[r->node] == MID__PATH_NO_EDGE && !r->failed) {
        bool queued = r->from < r->to, waits = r->now.at < r->now.count;
        if (!queued && !waits)
            return;
        const struct crossing *c = waits ? &r->now.list[r->now.at] : NULL;
        if (queued && (!waits || r->length[r->queue[r->from]] <= c->length)) {
            leave(r, r->queue[r->from++]);
            continue;
        }
        r->now.at++;
        if (r->arrival[c->node] == MID__PATH_NO_EDGE) {
            uint32_t node = c->node;
            r->arrival[node] = c->edge;
            r->length[node] = c->length;
            leave(r, node);
        }
    }
}

/* True when there is a path. */
static bool search(struct mid__routes *r)
{
    memset(r->arrival, 0xff, r->graph->node_count * sizeof r->arrival[0]);
    r->from = r->to = 0;
    r->now.count = r->now.at = r->next.count = 0;
    leave(r, r->graph->root);
    run_level(r);
    while (r->arrival[r->node] == MID__PATH_NO_EDGE && r->next.count != 0 && !r->failed) {
        struct waiting done = r->now;
        r->now = r->next;
        r->now.at = 0;
        r->next = done;
        r->next.count = 0;
        run_level(r);
    }
    return !r->failed && r->arrival[r->node] != MID__PATH_NO_EDGE;
}

/* ---- paths */

/* Marks the path; true when one of its edges is new. */
static bool mark(struct mid__routes *r, const uint32_t *steps, uint32_t count)
{
    bool new = false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t e = steps[i];
        new |= !is_taken(r, e);
        r->taken[e >> 3] |= (uint8_t)(1u << (e & 7));
    }
    return new;
}

static enum mid_status take_steps(const struct mid__routes *r, uint32_t **steps, uint32_t *count)
{
    uint32_t length = r->length[r->node];
    *steps = malloc(((size_t)length + 1) * sizeof **steps);
    if (*steps == NULL)
        return MID_E_MEMORY;
    *count = length;
    for (uint32_t n = r->node; length != 0; n = mid__graph_edge_source(r->graph, r->arrival[n]))
        (*steps)[--length] = r->arrival[n];
    return MID_OK;
}

static enum mid_status further(struct mid__routes *r, uint32_t **steps, uint32_t *count)
{
    for (;;) {
        if (search(r)) {
            enum mid_status status = take_steps(r, steps, count);
            if (status != MID_OK || mark(r, *steps, *count))
                return status;
            free(*steps);
            *steps = NULL;
            *count = 0;
        }
        if (r->failed)
            return MID_E_MEMORY;
        if (r->system)
            return MID_OK;
        r->system = true;
    }
}

enum mid_status mid__routes_next(struct mid__routes *r, uint32_t **steps, uint32_t *count)
{
    *steps = NULL;
    *count = 0;
    if (r->first_done)
        return r->node == r->graph->root ? MID_OK : further(r, steps, count);
    enum mid_status status = mid__path_to(r->graph, r->node, steps, count);
    r->first_done = true;
    if (status == MID_OK)
        mark(r, *steps, *count);
    return status;
}

enum mid_status mid__routes_begin(const struct mid__graph *g, uint32_t node, struct mid__routes **routes)
{
    *routes = NULL;
    if (g->distance == NULL || g->dominator == NULL)
        return MID_E_INVALID;
    struct mid__routes *r = *routes = calloc(1, sizeof *r);
    if (r == NULL)
        return MID_E_MEMORY;
    size_t nodes = (size_t)g->node_count + 1;
    *r = (struct mid__routes){.graph = g, .node = node, .system = !g->has_user_roots};
    r->taken = calloc((size_t)g->edge_count / 8 + 1, 1);
    r->arrival = malloc(nodes * sizeof r->arrival[0]);
    r->queue = malloc(nodes * sizeof r->queue[0]);
    r->length = malloc(nodes * sizeof r->length[0]);
    r->named_by = malloc(nodes * sizeof r->named_by[0]);
    r->named = NONE;
    if (r->taken != NULL && r->arrival != NULL && r->queue != NULL && r->length != NULL && r->named_by != NULL) {
        memset(r->named_by, 0xff, nodes * sizeof r->named_by[0]);
        return MID_OK;
    }
    mid__routes_free(r);
    *routes = NULL;
    return MID_E_MEMORY;
}

void mid__routes_free(struct mid__routes *r)
{
    if (r == NULL)
        return;
    free(r->taken);
    free(r->arrival);
    free(r->queue);
    free(r->length);
    free(r->named_by);
    free(r->now.list);
    free(r->next.list);
    free(r);
}
