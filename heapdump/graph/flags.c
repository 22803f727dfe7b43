/* SPDX-License-Identifier: MIT
 *
 * flags.c: two floods from the root, each of which sets a bit of node_flags.
 *
 * Page-owned: what a page's own globals reach. They are the targets of the root's shortcut edges, and what the root's
 * element edges to `(Document DOM trees)` lead to; from there over every edge that is not weak. Dominators tell the
 * page's objects from the debugger's by it.
 *
 * Breadth first, because a queue knows what comes next (queue.h).
 *
 * Queryable: what user roots reach by properties, elements, contexts and shortcuts.
 */
#include "queue.h"

struct flood {
    struct mid__graph *g;
    uint8_t flag;
    unsigned passed_over; /* bit t: edges of type t are not followed */
    uint32_t *queue;
    size_t count;
};

/* A node enters the queue with its first mark, so that node_count places are enough. */
static void mark(struct flood *f, uint32_t node)
{
    uint8_t *flags = f->g->own->flags;
    if (flags[node] & f->flag)
        return;
    flags[node] |= f->flag;
    f->queue[f->count++] = node;
}

static void run(struct flood *f)
{
    const struct mid__graph *g = f->g;
    for (size_t at = 0; at < f->count; at++) {
        queue_ahead(g, f->queue, f->count, at);
        uint32_t node = f->queue[at], end = g->first_edge[node + 1];
        for (uint32_t e = g->first_edge[node]; e < end; e++)
            if (!(f->passed_over >> g->edge_type[e] & 1))
                mark(f, g->edge_target[e]);
    }
}

static bool is_page_root(const struct mid__graph *g, uint32_t e)
{
    uint32_t node = g->edge_target[e];
    if (g->edge_type[e] == MID__EDGE_SHORTCUT)
        return true;
    return g->edge_type[e] == MID__EDGE_ELEMENT && g->node_type[node] == MID__NODE_SYNTHETIC &&
           mid__node_special(g, node) == NAME_DOCUMENT_DOM_TREES;
}

static bool is_query_root(const struct mid__graph *g, uint32_t e)
{
    return g->node_type[g->edge_target[e]] != MID__NODE_SYNTHETIC;
}

static enum mid_status flood(struct flood *f, bool (*is_start)(const struct mid__graph *, uint32_t),
                             struct mid__graph_error *error)
{
    struct mid__graph *g = f->g;
    f->queue = mid__mem_new_raw(&g->own->memory, g->node_count, sizeof *f->queue);
    if (f->queue == NULL)
        return mid__fail_memory(g, error);
    for (uint32_t e = g->first_edge[g->root]; e < g->first_edge[g->root + 1]; e++)
        if (is_start(g, e))
            mark(f, g->edge_target[e]);
    run(f);
    mid__mem_free(&g->own->memory, f->queue);
    return MID_OK;
}

enum mid_status mid__flags_page_owned(struct mid__graph *g, struct mid__graph_error *error)
{
    struct flood f = {.g = g, .flag = MID__FLAG_PAGE_OWNED, .passed_over = 1u << MID__EDGE_WEAK};
    return flood(&f, is_page_root, error);
}

enum mid_status mid__flags_queryable(struct mid__graph *g, struct mid__graph_error *error)
{
    struct flood f = {.g = g,
                      .flag = MID__FLAG_QUERYABLE,
                      .passed_over = 1u << MID__EDGE_WEAK | 1u << MID__EDGE_HIDDEN | 1u << MID__EDGE_INTERNAL};
    return flood(&f, is_query_root, error);
}
