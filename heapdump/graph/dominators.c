/* SPDX-License-Identifier: MIT
 *
 * dominators.c: the immediate dominator of every node, over essential edges (Note [Essential edges], essential.h).
 *
 * d dominates n when every path from the root to n passes d; the closest such d is n's immediate dominator, and what n
 * frees with its death is what it dominates. The algorithm is semi-NCA (Georgiadis, "Linear-Time Algorithms for
 * Dominators and Related Problems", 2005, which simplifies Lengauer and Tarjan, "A Fast Algorithm for
 * Finding Dominators in a Flowgraph", 1979):
 *
 *   1. number nodes by a depth-first search; all below is in these numbers, in which neighbours lie close together;
 *   2. semidominators, from the last number down: the least number of a node that has a way to n through larger
 *      numbers alone. A predecessor with a smaller number is a candidate itself; one with a larger number gives the
 *      least semidominator on its way up the search tree to n (`least` below);
 *   3. dominators, from the first number up: climb from the parent until at or above the semidominator.
 *
 * What is not reached gets DevTools' rules: nodes that no essential edge enters (orphans) are searched from in order of
 * ordinal, as if the root had an edge to each; what is still left can only be nodes that hold one another (cliques):
 * they all get the root, and their edges count for nothing. The dominators of a graph are one definite thing, so that
 * another algorithm than DevTools' gives its answers bit for bit.
 *
 * Bytes at the peak: a node's 1 type, 1 flags and 4 first_edge are always there. Besides, an edge's 5 (type, target) and a
 * node's 16 (number, parent, semi, first_pred) in the search; those and 4 a stored predecessor when these are placed; and a
 * node's 24 (up too) and the predecessor's 4 while semidominators are computed: the edges are parked (memory.c) then.
 *
 * Departures: the search takes predecessors with smaller numbers into semi[] as it sees their edges, and only counts the
 * others, which alone are stored afterwards; ancestors are compressed by splitting (every node on the way points to its
 * grandparent), which needs no stack; label and ancestor share a cache line; no array from numbers to ordinals is kept.
 *
 *   by number, from 1     parent   semi   up{ancestor, label}   first_pred / pred
 *   by ordinal            number (0: not numbered)
 *   I1  semi[w] < w and parent[w] < w for w > 1.   I2  label(v) is the least semi from v up to its ancestor, that not
 *   included.   I3  order[] holds every node once, behind its dominator.
 */
#include "essential.h"

struct up {
    uint32_t ancestor, label;
};

/* A node whose edges are being looked at, from `next` on. Paths can be as long as there are nodes. */
struct frame {
    uint32_t node, next;
};

struct search {
    struct mid__graph *g;
    struct memory *m;
    struct essential es;
    struct frame *stack;
    size_t depth, room;
    uint32_t *number; /* by ordinal */
    uint32_t *parent; /* by number */
    uint32_t *semi;   /* by number */
    struct up *up;    /* by number */
    uint32_t *first_pred, *pred;
    uint32_t count; /* numbers given */
};

/* ---- 1. the search */

static bool enter(struct search *s, uint32_t node, uint32_t parent)
{
    const struct mid__graph *g = s->g;
    if (s->depth == s->room) {
        struct frame *more = mid__mem_resize(s->m, s->stack, 2 * s->room, sizeof *more);
        if (more == NULL)
            return false;
        s->stack = more;
        s->room *= 2;
    }
    uint32_t n = ++s->count, first = g->first_edge[node], end = g->first_edge[node + 1];
    s->number[node] = n;
    s->parent[n] = s->semi[n] = parent;
    s->stack[s->depth++] = (struct frame){node, first};
    for (uint32_t e = first; e < end && e < first + 8; e++) {
        MID__PREFETCH(&s->number[g->edge_target[e]]);
        MID__PREFETCH(&g->first_edge[g->edge_target[e]]);
    }
    return true;
}

/* Looks at edges of the frame until one leads to a node without a number, which is returned; NO_NODE when all are seen.
 * Edges to numbered nodes become candidates for semidominators (forwards) or are counted (backwards and across). */
static uint32_t next_unnumbered(struct search *s, struct frame *f)
{
    const struct mid__graph *g = s->g;
    const struct essential_source source = essential_of(&s->es, f->node);
    const uint32_t end = g->first_edge[f->node + 1], from = s->number[f->node];
    for (uint32_t e = f->next; e < end; e++) {
        uint32_t target = g->edge_target[e];
        if (!is_essential(&s->es, &source, e, target))
            continue;
        uint32_t to = s->number[target];
        if (to == 0) {
            f->next = e + 1;
            return target;
        }
        if (to < from)
            s->first_pred[to]++;
        else if (from < s->semi[to])
            s->semi[to] = from;
    }
    return NO_NODE;
}

static bool search_from(struct search *s, uint32_t start, uint32_t parent)
{
    if (!enter(s, start, parent))
        return false;
    while (s->depth != 0) {
        struct frame *f = &s->stack[s->depth - 1];
        uint32_t target = next_unnumbered(s, f);
        if (target == NO_NODE)
            s->depth--;
        else if (!enter(s, target, s->number[f->node]))
            return false;
    }
    return true;
}

/* Bitmap of nodes that an essential edge out of an unnumbered node enters; numbered nodes reach no other. */
static uint64_t *find_entered(struct search *s)
{
    const struct mid__graph *g = s->g;
    uint64_t *entered = mid__mem_new(s->m, g->node_count / 64 + 1, sizeof *entered);
    if (entered == NULL)
        return NULL;
    for (uint32_t n = 0; n < g->node_count; n++) {
        if (s->number[n] != 0)
            continue;
        struct essential_source source = essential_of(&s->es, n);
        for (uint32_t e = g->first_edge[n]; e < g->first_edge[n + 1]; e++) {
            uint32_t target = g->edge_target[e];
            if (is_essential(&s->es, &source, e, target))
                entered[target >> 6] |= (uint64_t)1 << (target & 63);
        }
    }
    return entered;
}

static bool search_all(struct search *s)
{
    const struct mid__graph *g = s->g;
    if (!search_from(s, g->root, 0))
        return false;
    if (s->count == g->node_count)
        return true;
    uint64_t *entered = find_entered(s);
    bool ok = entered != NULL;
    for (uint32_t n = 0; ok && n < g->node_count; n++)
        if (s->number[n] == 0 && !(entered[n >> 6] >> (n & 63) & 1))
            ok = search_from(s, n, 1);
    mid__mem_free(s->m, entered);
    return ok;
}

/* ---- 2. semidominators */

/* Puts each predecessor with a larger number into its place; first_pred ends where the node's predecessors begin. */
static void place_preds(struct search *s)
{
    const struct mid__graph *g = s->g;
    for (uint32_t n = 0; n < g->node_count; n++) {
        uint32_t from = s->number[n], end = g->first_edge[n + 1];
        if (from == 0)
            continue;
        struct essential_source source = essential_of(&s->es, n);
        for (uint32_t e = g->first_edge[n]; e < end; e++) {
            if (e + 32 < g->edge_count) {
                MID__PREFETCH(&s->number[g->edge_target[e + 32]]);
                MID__PREFETCH(&s->first_pred[s->number[g->edge_target[e + 16]]]);
            }
            uint32_t to = s->number[g->edge_target[e]];
            if (to > 1 && to < from && is_essential(&s->es, &source, e, g->edge_target[e]))
                s->pred[--s->first_pred[to]] = from;
        }
    }
}

/* first_pred[w] .. first_pred[w + 1] - 1: places in pred of the larger numbers that have an essential edge to w. */
static bool find_preds(struct search *s)
{
    uint32_t n = s->count, sum = 0; /* edges are fewer than 2^32 */
    s->first_pred[1] = 0;           /* nothing dominates the root */
    for (uint32_t w = 1; w <= n; w++) {
        sum += s->first_pred[w];
        s->first_pred[w] = sum;
    }
    s->first_pred[n + 1] = sum;
    s->pred = mid__mem_new_raw(s->m, sum, sizeof *s->pred);
    if (s->pred == NULL)
        return false;
    place_preds(s);
    return true;
}

/* The least semi on the tree path from v up to w, w not included; all numbers above w are linked. I2. */
MID__INLINE uint32_t least(struct up *up, uint32_t v, uint32_t w)
{
    uint32_t best = up[v].label, a = up[v].ancestor;
    while (a > w) {
        uint32_t label = up[a].label, above = up[a].ancestor;
        if (label < best)
            best = label;
        if (label < up[v].label)
            up[v].label = label;
        up[v].ancestor = above;
        v = a;
        a = above;
    }
    return best;
}

static void find_semidominators(struct search *s)
{
    struct up *up = s->up;
    for (uint32_t w = 1; w <= s->count; w++)
        up[w].ancestor = s->parent[w];
    for (uint32_t w = s->count; w > 1; w--) {
        uint32_t best = s->semi[w];
        for (uint32_t i = s->first_pred[w]; i < s->first_pred[w + 1]; i++) {
            if (i >= 16)
                MID__PREFETCH(&up[s->pred[i - 16]]); /* the next numbers' predecessors lie before */
            uint32_t candidate = least(up, s->pred[i], w);
            if (candidate < best)
                best = candidate;
        }
        s->semi[w] = up[w].label = best;
    }
}

/* ---- 3. dominators */

/* parent[] becomes the dominator, by number. */
static void climb(struct search *s)
{
    uint32_t *dominator = s->parent;
    dominator[1] = 1;
    for (uint32_t w = 2; w <= s->count; w++) {
        uint32_t d = dominator[w];
        while (d > s->semi[w])
            d = dominator[d];
        dominator[w] = d;
    }
}

/* Translates numbers to ordinals; cliques get the root, and the last places in the order. */
static void translate(struct search *s, uint32_t *dominator, uint32_t *order)
{
    struct mid__graph *g = s->g;
    uint32_t last = s->count;
    for (uint32_t n = 0; n < g->node_count; n++)
        order[s->number[n] != 0 ? s->number[n] - 1 : last++] = n;
    for (uint32_t n = 0; n < g->node_count; n++)
        dominator[n] = s->number[n] != 0 ? order[s->parent[s->number[n]] - 1] : g->root;
}

static bool find_dominators(struct search *s)
{
    size_t n = (size_t)s->g->node_count + 2;
    s->room = 1024;
    s->stack = mid__mem_new(s->m, s->room, sizeof *s->stack);
    s->number = mid__mem_new(s->m, n, sizeof *s->number);
    s->parent = mid__mem_new_raw(s->m, n, sizeof *s->parent);
    s->semi = mid__mem_new_raw(s->m, n, sizeof *s->semi);
    s->first_pred = mid__mem_new(s->m, n, sizeof *s->first_pred);
    if (s->stack == NULL || s->number == NULL || s->parent == NULL || s->semi == NULL || s->first_pred == NULL ||
        !search_all(s))
        return false;
    mid__mem_free(s->m, s->stack);
    s->stack = NULL;
    if (!find_preds(s))
        return false;
    mid__mem_park(s->m, s->g->edge_target); /* the floods are over */
    mid__mem_park(s->m, s->g->edge_type);
    s->up = mid__mem_new_raw(s->m, n, sizeof *s->up);
    if (s->up == NULL)
        return false;
    find_semidominators(s);
    mid__mem_free(s->m, s->up);
    mid__mem_free(s->m, s->pred);
    mid__mem_free(s->m, s->first_pred);
    s->up = NULL;
    s->pred = s->first_pred = NULL;
    mid__mem_trim(s->m);
    climb(s);
    return true;
}

/* What the results do not need. */
static void free_work(struct search *s)
{
    mid__mem_free(s->m, s->stack);
    mid__mem_free(s->m, s->up);
    mid__mem_free(s->m, s->pred);
    mid__mem_free(s->m, s->first_pred);
    mid__mem_free(s->m, s->semi);
}

enum mid_status mid__dominators(struct mid__graph *g, struct mid__graph_error *error)
{
    struct search s = {.g = g, .m = &g->own->memory};
    bool ok = essential_begin(&s.es, g) && find_dominators(&s);
    free_work(&s);
    uint32_t *dominator = ok ? mid__mem_new_raw(s.m, g->node_count, sizeof *dominator) : NULL;
    uint32_t *order = ok ? mid__mem_new_raw(s.m, g->node_count, sizeof *order) : NULL;
    ok = dominator != NULL && order != NULL;
    if (ok) {
        translate(&s, dominator, order);
        g->dominator = dominator;
        g->own->order = order;
    } else {
        mid__mem_free(s.m, dominator);
        mid__mem_free(s.m, order);
    }
    mid__mem_free(s.m, s.parent);
    mid__mem_free(s.m, s.number);
    essential_end(&s.es, g);
    return ok ? MID_OK : mid__fail_memory(g, error);
}

/* ---- retained sizes */

enum mid_status mid__retained(struct mid__graph *g, struct mid__graph_error *error)
{
    struct mid__graph_private *own = g->own;
    uint64_t *retained = mid__mem_new_raw(&own->memory, g->node_count, sizeof *retained);
    if (retained == NULL)
        return mid__fail_memory(g, error);
    for (uint32_t n = 0; n < g->node_count; n++)
        retained[n] = mid__graph_size(g, n);
    for (uint32_t i = g->node_count; i > 0; i--) {
        uint32_t n = own->order[i - 1]; /* I3: all that n dominates has been added to it */
        if (n != g->root)
            retained[g->dominator[n]] += retained[n];
    }
    mid__mem_free(&own->memory, own->order);
    own->order = NULL;
    g->retained = retained;
    g->total_size = retained[g->root] + g->extra_native_bytes;
    return MID_OK;
}
