/* SPDX-License-Identifier: MIT
 *
 * dominators.c: the immediate dominator of every node, over essential edges (Note [Essential edges], essential.h).
 *
 * d dominates n when every path from the root to n passes d; the closest such d is n's immediate dominator, and what n
 * frees with its death is what it dominates. The algorithm is semi-NCA (Georgiadis, "Linear-Time Algorithms for
 * Dominators and Related Problems", 2005, section 2.3, which simplifies Lengauer and Tarjan, "A Fast Algorithm for
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
 * Departures: only predecessors with larger numbers are stored, the others are taken into semi[] during the search's
 * sweep; ancestors are compressed by splitting (every node on the way points to its grandparent), which needs no stack;
 * label and ancestor share a cache line.
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

struct search {
    struct mid__graph *g;
    struct memory *m;
    struct essential es;
    uint32_t *number;  /* by ordinal */
    uint32_t *vertex;  /* [1 + nodes]: the ordinal of a number */
    uint32_t *parent;  /* by number */
    uint32_t *next;    /* by number: the edge to be looked at next, while the search goes on */
    uint32_t *semi;    /* by number */
    struct up *up;     /* by number */
    uint32_t *first_pred, *pred;
    uint32_t count; /* numbers given */
};

/* ---- 1. the search */

static void enter(struct search *s, uint32_t node, uint32_t parent)
{
    uint32_t n = ++s->count;
    s->number[node] = n;
    s->vertex[n] = node;
    s->parent[n] = parent;
    s->next[n] = s->g->first_edge[node];
}

/* Looks at v's edges from next[v] on. Returns the first target without a number, or NO_NODE. */
static uint32_t unnumbered_target(struct search *s, uint32_t v)
{
    const struct mid__graph *g = s->g;
    uint32_t node = s->vertex[v], end = g->first_edge[node + 1];
    struct essential_source source = essential_of(&s->es, node);
    for (uint32_t e = s->next[v]; e < end; e++) {
        uint32_t target = g->edge_target[e];
        if (s->number[target] == 0 && is_essential(&s->es, &source, e, target)) {
            s->next[v] = e + 1;
            return target;
        }
    }
    return NO_NODE;
}

static void search_from(struct search *s, uint32_t start, uint32_t parent)
{
    enter(s, start, parent);
    for (uint32_t v = s->count, top = v; v >= top;) {
        uint32_t target = unnumbered_target(s, v);
        if (target != NO_NODE) {
            enter(s, target, v);
            v = s->count;
        } else {
            v = s->parent[v];
        }
    }
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
    search_from(s, g->root, 0);
    if (s->count == g->node_count)
        return true;
    uint64_t *entered = find_entered(s);
    if (entered == NULL)
        return false;
    for (uint32_t n = 0; n < g->node_count; n++)
        if (s->number[n] == 0 && !(entered[n >> 6] >> (n & 63) & 1))
            search_from(s, n, 1);
    mid__mem_free(s->m, entered);
    return true;
}

/* ---- 2. semidominators */

/* Calls `see` for every essential edge between numbered nodes, but for those into the first number. */
MID__INLINE void each_edge(struct search *s, void (*see)(struct search *, uint32_t, uint32_t))
{
    const struct mid__graph *g = s->g;
    for (uint32_t n = 0; n < g->node_count; n++) {
        uint32_t from = s->number[n], end = g->first_edge[n + 1];
        if (from == 0)
            continue;
        struct essential_source source = essential_of(&s->es, n);
        for (uint32_t e = g->first_edge[n]; e < end; e++) {
            if (e + 16 < end)
                MID__PREFETCH(&s->number[g->edge_target[e + 16]]);
            uint32_t to = s->number[g->edge_target[e]];
            if (to > 1 && is_essential(&s->es, &source, e, g->edge_target[e]))
                see(s, from, to);
        }
    }
}

MID__INLINE void count_pred(struct search *s, uint32_t from, uint32_t to)
{
    if (from > to)
        s->first_pred[to]++;
    else if (from < s->semi[to])
        s->semi[to] = from;
}

MID__INLINE void place_pred(struct search *s, uint32_t from, uint32_t to)
{
    if (from > to)
        s->pred[--s->first_pred[to]] = from;
}

/* first_pred[w] ... first_pred[w + 1] - 1: predecessors of w with larger numbers. semi: the least smaller one. */
static bool find_preds(struct search *s)
{
    uint32_t n = s->count;
    for (uint32_t w = 1; w <= n; w++)
        s->semi[w] = s->parent[w];
    each_edge(s, count_pred);
    uint32_t sum = 0; /* edges are fewer than 2^32 */
    for (uint32_t w = 1; w <= n; w++) {
        sum += s->first_pred[w];
        s->first_pred[w] = sum;
    }
    s->first_pred[n + 1] = sum;
    s->pred = mid__mem_new(s->m, sum, sizeof *s->pred);
    if (s->pred == NULL)
        return false;
    each_edge(s, place_pred);
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
static void finish(struct search *s, uint32_t *dominator)
{
    struct mid__graph *g = s->g;
    uint32_t *order = g->own->order, last = s->count;
    for (uint32_t n = 0; n < g->node_count; n++) {
        uint32_t number = s->number[n];
        dominator[n] = number != 0 ? s->vertex[s->parent[number]] : g->root;
        if (number != 0)
            order[number - 1] = n;
        else
            order[last++] = n;
    }
    g->dominator = dominator;
}

static bool run(struct search *s)
{
    size_t n = (size_t)s->g->node_count + 2;
    s->number = mid__mem_new(s->m, n, sizeof *s->number);
    s->vertex = mid__mem_new(s->m, n, sizeof *s->vertex);
    s->parent = mid__mem_new(s->m, n, sizeof *s->parent);
    s->next = mid__mem_new(s->m, n, sizeof *s->next);
    if (s->number == NULL || s->vertex == NULL || s->parent == NULL || s->next == NULL || !search_all(s))
        return false;
    mid__mem_free(s->m, s->next);
    s->next = NULL;
    s->semi = mid__mem_new(s->m, n, sizeof *s->semi);
    s->first_pred = mid__mem_new(s->m, n, sizeof *s->first_pred);
    if (s->semi == NULL || s->first_pred == NULL || !find_preds(s))
        return false;
    s->up = mid__mem_new(s->m, n, sizeof *s->up);
    if (s->up == NULL)
        return false;
    find_semidominators(s);
    climb(s);
    return true;
}

enum mid_status mid__dominators(struct mid__graph *g, struct mid__graph_error *error)
{
    struct search s = {.g = g, .m = &g->own->memory};
    bool ok = essential_begin(&s.es, g) && run(&s);
    mid__mem_free(s.m, s.up);
    mid__mem_free(s.m, s.pred);
    mid__mem_free(s.m, s.first_pred);
    mid__mem_free(s.m, s.semi);
    mid__mem_free(s.m, s.next);
    if (ok) {
        uint32_t *dominator = mid__mem_new(s.m, g->node_count, sizeof *dominator);
        g->own->order = mid__mem_new(s.m, g->node_count, sizeof *g->own->order);
        ok = dominator != NULL && g->own->order != NULL;
        if (ok)
            finish(&s, dominator);
        else
            mid__mem_free(s.m, dominator);
    }
    if (!ok) {
        mid__mem_free(s.m, g->own->order);
        g->own->order = NULL;
    }
    mid__mem_free(s.m, s.parent);
    mid__mem_free(s.m, s.vertex);
    mid__mem_free(s.m, s.number);
    essential_end(&s.es, g);
    return ok ? MID_OK : mid__fail_memory(g, error);
}

/* ---- retained sizes */

enum mid_status mid__retained(struct mid__graph *g, struct mid__graph_error *error)
{
    struct mid__graph_private *own = g->own;
    uint64_t *retained = mid__mem_new(&own->memory, g->node_count, sizeof *retained);
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
