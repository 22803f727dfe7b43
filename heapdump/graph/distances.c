/* SPDX-License-Identifier: MIT
 *
 * distances.c: how many steps a node is away from the user roots.
 *
 * Two breadth-first searches over edges that are not weak: from the root's user roots, which get 1; then from the root
 * itself, which gets 100,000,000 (0 where there are no user roots), into what is left. Three kinds of edges are passed
 * over, as DevTools does, because they would make nearly everything near:
 *   - sloppy_function_map out of the hidden system / NativeContext;
 *   - the descriptors in (map descriptors) arrays: index 2 and up, where the index leaves 1 when divided by 3;
 *   - the first of the two edges of an ephemeron to arrive (names.c): the value is as far away as the farther of table
 *     and key.
 *
 * The order of the search decides which edge of a pair is first, so it is DevTools' own: edges in the order of the file,
 * and a user root that the root names twice is searched from twice.
 */
#include "queue.h"

struct walk {
    struct mid__graph *g;
    int32_t *distance;
    uint32_t *queue;
    size_t count;
    uint64_t *pending; /* bitmap of pairs of which one edge has arrived */
};

/* What JavaScript's parseInt(name, 10) gives, as far as the rule needs it: -1 for what is no number or negative. */
static int64_t leading_number(const struct mid__strings *s, uint32_t string)
{
    struct mid__string_step it = mid__string_begin(s, string);
    int64_t v = -1;
    bool more = mid__string_next(&it);
    while (more && (it.code_point == ' ' || (it.code_point >= '\t' && it.code_point <= '\r')))
        more = mid__string_next(&it);
    if (more && it.code_point == '+')
        more = mid__string_next(&it);
    for (; more && it.code_point >= '0' && it.code_point <= '9' && v < INT64_MAX / 100; more = mid__string_next(&it))
        v = (v < 0 ? 0 : v * 10) + (int64_t)(it.code_point - '0');
    return v;
}

static bool is_descriptor(const struct mid__graph *g, uint32_t e)
{
    int64_t index = mid__edge_is_numbered(g->edge_type[e]) ? (int64_t)g->edge_name[e]
                                                           : leading_number(&g->strings, g->edge_name[e]);
    return index >= 2 && index % 3 == 1;
}

/* True for the first edge of a pair. */
static bool waits_for_twin(struct walk *w, uint32_t e)
{
    uint32_t pair = mid__ephemeron(w->g, w->g->edge_name[e])->pair;
    uint64_t bit = (uint64_t)1 << (pair & 63), *word = &w->pending[pair >> 6];
    *word ^= bit;
    return *word & bit;
}

/* Asked only of edges to nodes without a distance: the answer has a memory. */
static bool is_passed_over(struct walk *w, enum special_name source, uint32_t node, uint32_t e)
{
    const struct mid__graph *g = w->g;
    const uint8_t *kind = g->own->names.kind;
    uint8_t type = g->edge_type[e];
    if (source == NAME_NATIVE_CONTEXT && g->node_type[node] == MID__NODE_HIDDEN && !mid__edge_is_numbered(type) &&
        kind[g->edge_name[e]] == NAME_SLOPPY_FUNCTION_MAP)
        return true;
    if (source == NAME_MAP_DESCRIPTORS && g->node_type[node] == MID__NODE_ARRAY)
        return is_descriptor(g, e);
    return type == MID__EDGE_INTERNAL && kind[g->edge_name[e]] == NAME_EPHEMERON && waits_for_twin(w, e);
}

static void search(struct walk *w)
{
    const struct mid__graph *g = w->g;
    int32_t *distance = w->distance;
    for (size_t at = 0; at < w->count; at++) {
        queue_ahead(g, w->queue, w->count, at);
        uint32_t node = w->queue[at], end = g->first_edge[node + 1];
        int32_t next = distance[node] + 1;
        enum special_name special = mid__node_special(g, node);
        for (uint32_t e = g->first_edge[node]; e < end; e++) {
            uint32_t target = g->edge_target[e];
            if (g->edge_type[e] == MID__EDGE_WEAK || distance[target] != MID__DISTANCE_NONE ||
                is_passed_over(w, special, node, e))
                continue;
            distance[target] = next;
            w->queue[w->count++] = target;
        }
    }
}

static void both_searches(struct walk *w)
{
    struct mid__graph *g = w->g;
    for (uint32_t n = 0; n < g->node_count; n++)
        w->distance[n] = MID__DISTANCE_NONE;
    for (uint32_t e = g->first_edge[g->root]; e < g->first_edge[g->root + 1]; e++)
        if (mid__is_user_root(g, g->edge_target[e])) {
            w->distance[g->edge_target[e]] = 1;
            w->queue[w->count++] = g->edge_target[e];
        }
    search(w);
    w->distance[g->root] = g->has_user_roots ? MID__DISTANCE_SYSTEM : 0;
    w->queue[0] = g->root;
    w->count = 1;
    search(w);
}

enum mid_status mid__distances(struct mid__graph *g, struct mid__graph_error *error)
{
    struct memory *m = &g->own->memory;
    struct walk w = {.g = g};
    size_t root_edges = g->first_edge[g->root + 1] - g->first_edge[g->root];
    w.distance = mid__mem_new_raw(m, g->node_count, sizeof *w.distance);
    w.queue = mid__mem_new_raw(m, (size_t)g->node_count + root_edges + 1, sizeof *w.queue);
    w.pending = mid__mem_new(m, g->own->names.pair_count / 64 + 1, sizeof *w.pending);
    bool ok = w.distance != NULL && w.queue != NULL && w.pending != NULL;
    if (ok) {
        both_searches(&w);
        g->distance = w.distance;
    } else {
        mid__mem_free(m, w.distance);
    }
    mid__mem_free(m, w.pending);
    mid__mem_free(m, w.queue);
    return ok ? MID_OK : mid__fail_memory(g, error);
}
