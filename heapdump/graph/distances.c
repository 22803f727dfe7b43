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
 * All three concern few nodes, which one pass in order finds; the edges of the others are followed without a look at their
 * names. Bytes besides the graph: 8 a node (distance, queue) and 2 bits.
 *
 * The order of the search decides which edge of a pair is first, so it is DevTools' own: edges in the order of the file,
 * and a user root that the root names twice is searched from twice.
 */
#include "queue.h"

#define REST_EVERY (1u << 22) /* nodes */

struct walk {
    struct mid__graph *g;
    int32_t *distance;
    uint32_t *queue;
    size_t count;
    uint64_t *pending;    /* bitmap of pairs of which one edge has arrived */
    uint64_t *seen;       /* bitmap of nodes with a distance: it stays in the cache, where distance[] does not */
    uint64_t *exceptions; /* bitmap of nodes whose edges need a closer look */
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

static bool has_ephemeron(const struct mid__graph *g, uint32_t node)
{
    for (uint32_t e = g->first_edge[node]; e < g->first_edge[node + 1]; e++)
        if (g->edge_type[e] == MID__EDGE_INTERNAL && g->own->names.kind[g->edge_name[e]] == NAME_EPHEMERON)
            return true;
    return false;
}

/* In the order of the file, so that the names of nodes and edges pass by once. */
static void find_exceptions(struct walk *w)
{
    const struct mid__graph *g = w->g;
    struct memory *m = &g->own->memory;
    const bool pairs = g->own->names.ephemeron_count != 0;
    for (uint32_t n = 0; n < g->node_count; n++) {
        uint8_t type = g->node_type[n];
        bool odd = pairs && has_ephemeron(g, n);
        if (type == MID__NODE_HIDDEN || type == MID__NODE_ARRAY) {
            enum special_name special = mid__node_special(g, n);
            odd |= special == (type == MID__NODE_HIDDEN ? NAME_NATIVE_CONTEXT : NAME_MAP_DESCRIPTORS);
        }
        w->exceptions[n >> 6] |= (uint64_t)odd << (n & 63);
        if ((n + 1) % REST_EVERY == 0) {
            mid__mem_rest(m, g->edge_name);
            mid__mem_rest(m, g->node_name);
        }
    }
    mid__mem_rest(m, g->edge_name);
    mid__mem_rest(m, g->node_name);
}

static bool bit_of(const uint64_t *bits, uint32_t n)
{
    return bits[n >> 6] >> (n & 63) & 1;
}

static void arrive(struct walk *w, uint32_t node, int32_t distance)
{
    w->seen[node >> 6] |= (uint64_t)1 << (node & 63);
    w->distance[node] = distance;
    w->queue[w->count++] = node;
}

static void search(struct walk *w)
{
    const struct mid__graph *g = w->g;
    for (size_t at = 0; at < w->count; at++) {
        queue_ahead(g, w->queue, w->count, at);
        uint32_t node = w->queue[at], end = g->first_edge[node + 1];
        int32_t next = w->distance[node] + 1;
        bool odd = bit_of(w->exceptions, node);
        enum special_name special = odd ? mid__node_special(g, node) : NAME_NONE;
        for (uint32_t e = g->first_edge[node]; e < end; e++) {
            uint32_t target = g->edge_target[e];
            if (bit_of(w->seen, target) || g->edge_type[e] == MID__EDGE_WEAK ||
                (MID__UNLIKELY(odd) && is_passed_over(w, special, node, e)))
                continue;
            arrive(w, target, next);
        }
    }
}

/* A root that is named twice waits twice: the order of the search is DevTools'. */
static void both_searches(struct walk *w)
{
    struct mid__graph *g = w->g;
    for (uint32_t n = 0; n < g->node_count; n++)
        w->distance[n] = MID__DISTANCE_NONE;
    for (uint32_t e = g->first_edge[g->root]; e < g->first_edge[g->root + 1]; e++)
        if (mid__is_user_root(g, g->edge_target[e]))
            arrive(w, g->edge_target[e], 1);
    search(w);
    w->count = 0;
    arrive(w, g->root, g->has_user_roots ? MID__DISTANCE_SYSTEM : 0);
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
    w.seen = mid__mem_new(m, g->node_count / 64 + 1, sizeof *w.seen);
    w.exceptions = mid__mem_new(m, g->node_count / 64 + 1, sizeof *w.exceptions);
    bool ok = w.distance != NULL && w.queue != NULL && w.pending != NULL && w.seen != NULL && w.exceptions != NULL;
    if (ok) {
        find_exceptions(&w);
        both_searches(&w);
        g->distance = w.distance;
    } else {
        mid__mem_free(m, w.distance);
    }
    mid__mem_free(m, w.exceptions);
    mid__mem_free(m, w.seen);
    mid__mem_free(m, w.pending);
    mid__mem_free(m, w.queue);
    return ok ? MID_OK : mid__fail_memory(g, error);
}
