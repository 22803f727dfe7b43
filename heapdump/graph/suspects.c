/* SPDX-License-Identifier: MIT
 *
 * suspects.c: what probably leaks.
 *
 * Holders. From the root down the dominator tree, along everything whose weight (retained size; in a series, how much
 * more it retains than at first) is at least SHARE of the whole. Where the weight goes on into a few heavy children it is
 * followed; where it spreads over many light ones, there is the point at which something accumulates:
 *
 *     root -> global -> app -> Queue -> Array -> (elements) -> Job, Job, Job ...
 *                                       ^ shown               ^ it spreads here: none of them is heavy
 *
 * The runtime's internals (element arrays, hash tables) stand for the object that they belong to. A list hangs its
 * entries one below the other, and its weight never spreads: a run of CHAIN nodes of one class is taken for a list, and
 * its first node for the holder. Eclipse's Memory Analyzer finds its accumulation points alike, by the first large drop
 * between an object and its largest child; the rule for chains, and that several heavy children are followed, is ours.
 *
 * Who is to blame is rarely the Array or the Map itself: the owner is the nearest object above it, on a shortest path,
 * that is no mere container. It has a class of its own, or is a function.
 *
 * Classes. A class whose objects together retain SHARE, in many places, and that no holder found explains.
 *
 * Not done: what is held by many at once (no one's in the dominator tree) shows as a class or not at all.
 */
#include <midden/internal/path.h>
#include <midden/internal/suspects.h>
#include <midden/internal/titles.h>

#include <stdlib.h>
#include <string.h>

#define SHARE_PERCENT      5    /* of the whole; below it nothing is a suspect but a collection */
#define COLLECTION_ENTRIES 1000 /* direct entries of a collection that is worth a word */
#define COLLECTION_PERCENT 1
#define CHAIN              32
#define CLASS_OBJECTS      20
#define GROWTH_CLASSES     5
#define NO_NODE            UINT32_MAX

struct visit {
    uint32_t node, run_head, run; /* the run of nodes of one class that this one ends */
};

struct search {
    const struct mid__graph *graph;
    const struct mid__classes *classes;
    const uint32_t *arrivals;
    const struct mid__series *series;
    struct mid__suspects *out;
    uint64_t whole, least;
    uint64_t *old;      /* [node_count]: retained at first; UINT64_MAX: was not there. NULL without a series */
    uint8_t *unsteady;  /* [node_count]: did not grow each time */
    uint64_t *of_class; /* [classes]: bytes, for one holder at a time */
    uint32_t *in_class; /* [classes]: objects */
    struct visit *stack;
    size_t height, capacity;
    bool failed;
};

/* ---- weights */

static uint64_t weight(const struct search *s, uint32_t node)
{
    uint64_t now = s->graph->retained[node];
    if (s->old == NULL || s->old[node] == UINT64_MAX)
        return now;
    return now > s->old[node] ? now - s->old[node] : 0;
}

static bool look_back(struct search *s)
{
    const struct mid__graph *g = s->graph;
    const struct mid__series *series = s->series;
    s->old = malloc(((size_t)g->node_count + 1) * sizeof s->old[0]);
    s->unsteady = calloc((size_t)g->node_count + 1, 1);
    if (s->old == NULL || s->unsteady == NULL)
        return false;
    memset(s->old, 0xff, g->node_count * sizeof s->old[0]);
    size_t at = 0;
    for (uint32_t i = 0; i < g->node_count; i++) {
        uint32_t node = g->by_id[i];
        while (at < series->object_count && series->objects[at].id < mid__graph_id(g, node))
            at++;
        if (at == series->object_count || series->objects[at].id != mid__graph_id(g, node))
            continue;
        s->old[node] = series->objects[at].first;
        s->unsteady[node] = series->objects[at].grown + 1 < series->snapshots;
    }
    return true;
}

/* ---- what an object is */

static bool class_is(const struct search *s, uint32_t node, const char *name)
{
    size_t length;
    const char *text = mid__class_name(s->classes, s->classes->of_node[node], &length);
    return length == strlen(name) && memcmp(text, name, length) == 0;
}

/* True for an object of the program; the runtime's internals stand for one above them. */
static bool is_public(const struct search *s, uint32_t node)
{
    uint8_t type = s->graph->node_type[node];
    return type == MID__NODE_OBJECT || type == MID__NODE_CLOSURE || type == MID__NODE_NATIVE;
}

static bool is_context(const struct search *s, uint32_t node)
{
    return mid__strings_begins(&s->graph->strings, s->graph->node_name[node], "system / Context", 16);
}

static bool is_container(const struct search *s, uint32_t node)
{
    static const char *const names[] = {"Array", "Map", "Set", "WeakMap", "WeakSet", "Object"};
    if (!is_public(s, node) || is_context(s, node) || mid__title_is_plain_object(s->graph, node))
        return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (class_is(s, node, names[i]))
            return true;
    return false;
}

/* The root, what stands for roots, and the program's globals: nothing accumulates there, but below. */
static bool is_ground(const struct search *s, uint32_t node)
{
    const struct mid__graph *g = s->graph;
    return node == g->root || g->node_type[node] == MID__NODE_SYNTHETIC || g->distance[node] <= 1 ||
           mid__strings_begins(&g->strings, g->node_name[node], "system / NativeContext", 22);
}

/* The object of the program that `node` is or belongs to. */
static uint32_t public_of(const struct search *s, uint32_t node)
{
    while (!is_public(s, node) && !is_context(s, node) && s->graph->dominator[node] != node &&
           !is_ground(s, s->graph->dominator[node]))
        node = s->graph->dominator[node];
    return node;
}

static uint32_t owner_of(const struct search *s, uint32_t node)
{
    while (is_container(s, node) && s->arrivals[node] != MID__PATH_NO_EDGE) {
        uint32_t above = mid__graph_edge_source(s->graph, s->arrivals[node]);
        if (above == s->graph->root)
            break;
        node = above;
    }
    return node;
}

/* ---- the list */

static void add(struct search *s, const struct mid__suspect *suspect)
{
    struct mid__suspects *out = s->out;
    if (out->count == out->capacity) {
        size_t wide = out->capacity != 0 ? out->capacity * 2 : 16;
        struct mid__suspect *list = realloc(out->list, wide * sizeof list[0]);
        s->failed |= list == NULL;
        if (list == NULL)
            return;
        out->list = list;
        out->capacity = wide;
    }
    out->list[out->count++] = *suspect;
}

static bool is_listed(const struct search *s, uint32_t node)
{
    for (size_t i = 0; i < s->out->count; i++)
        if (s->out->list[i].node == node && s->out->list[i].kind <= MID__SUSPECT_COLLECTION)
            return true;
    return false;
}

/* The class that most of what `spread` holds directly is of, by weight. */
static void count_entries(struct search *s, uint32_t spread, struct mid__suspect *suspect)
{
    const struct mid__graph *g = s->graph;
    uint32_t from = g->first_dominated[spread], to = g->first_dominated[spread + 1], best = UINT32_MAX;
    for (uint32_t i = from; i < to; i++) {
        uint32_t place = s->classes->of_node[g->dominated[i]];
        s->of_class[place] += weight(s, g->dominated[i]);
        s->in_class[place]++;
        if (best == UINT32_MAX || s->of_class[place] > s->of_class[best])
            best = place;
    }
    suspect->entries = to - from;
    suspect->place = best;
    suspect->of_place = best != UINT32_MAX ? s->in_class[best] : 0;
    for (uint32_t i = from; i < to; i++) {
        uint32_t place = s->classes->of_node[g->dominated[i]];
        s->of_class[place] = 0;
        s->in_class[place] = 0;
    }
}

static void add_holder(struct search *s, enum mid__suspect_kind kind, uint32_t spread)
{
    struct mid__suspect found = {.kind = kind, .node = public_of(s, spread), .whole = s->whole};
    if (s->unsteady != NULL && s->unsteady[found.node])
        return;
    found.bytes = weight(s, found.node);
    found.owner = owner_of(s, found.node);
    found.snapshots = s->series != NULL ? s->series->snapshots : 0;
    count_entries(s, spread, &found);
    if (!is_listed(s, found.node))
        add(s, &found);
}

/* ---- holders */

static void push(struct search *s, struct visit visit)
{
    if (s->height == s->capacity) {
        size_t wide = s->capacity != 0 ? s->capacity * 2 : 256;
        struct visit *stack = realloc(s->stack, wide * sizeof stack[0]);
        s->failed |= stack == NULL;
        if (stack == NULL)
            return;
        s->stack = stack;
        s->capacity = wide;
    }
    s->stack[s->height++] = visit;
}

/* How many nodes of the head's class hang one below the other. */
static uint64_t chain_length(const struct search *s, uint32_t head)
{
    const struct mid__graph *g = s->graph;
    uint64_t length = 1;
    for (uint32_t at = head, next; ; at = next, length++) {
        next = NO_NODE;
        for (uint32_t i = g->first_dominated[at]; i < g->first_dominated[at + 1]; i++)
            if (s->classes->of_node[g->dominated[i]] == s->classes->of_node[head] &&
                (next == NO_NODE || weight(s, g->dominated[i]) > weight(s, next)))
                next = g->dominated[i];
        if (next == NO_NODE)
            return length;
    }
}

static void add_chain(struct search *s, uint32_t head)
{
    struct mid__suspect found = {.kind = MID__SUSPECT_CHAIN, .node = head, .whole = s->whole, .bytes = weight(s, head)};
    found.owner = owner_of(s, s->graph->dominator[head]);
    found.place = s->classes->of_node[head];
    found.entries = found.of_place = chain_length(s, head);
    found.snapshots = s->series != NULL ? s->series->snapshots : 0;
    add(s, &found);
}

/* Pushes the heavy children of v.node and returns their weight. */
static uint64_t push_heavy(struct search *s, struct visit v)
{
    const struct mid__graph *g = s->graph;
    uint64_t heavy = 0;
    for (uint32_t i = g->first_dominated[v.node]; i < g->first_dominated[v.node + 1]; i++) {
        uint32_t child = g->dominated[i];
        if (weight(s, child) < s->least)
            continue;
        heavy += weight(s, child);
        bool same = s->classes->of_node[child] == s->classes->of_node[v.node] && is_public(s, child);
        push(s, same ? (struct visit){child, v.run_head, v.run + 1} : (struct visit){child, child, 1});
    }
    return heavy;
}

static void find_holders(struct search *s)
{
    push(s, (struct visit){s->graph->root, s->graph->root, 1});
    while (s->height != 0 && !s->failed) {
        struct visit v = s->stack[--s->height];
        if (v.run == CHAIN) {
            add_chain(s, v.run_head);
            continue;
        }
        uint64_t heavy = push_heavy(s, v);
        uint32_t children = s->graph->first_dominated[v.node + 1] - s->graph->first_dominated[v.node];
        if (!is_ground(s, v.node) && heavy < weight(s, v.node) / 2 && (children != 0 || is_public(s, v.node)))
            add_holder(s, MID__SUSPECT_HOLDER, v.node);
    }
}

/* ---- collections: no outsized share, but very many entries */

static void find_collections(struct search *s)
{
    const struct mid__graph *g = s->graph;
    for (uint32_t n = 0; n < g->node_count && !s->failed; n++) {
        if (g->first_dominated[n + 1] - g->first_dominated[n] < COLLECTION_ENTRIES || is_ground(s, n) ||
            weight(s, n) < s->whole / 100 * COLLECTION_PERCENT || weight(s, n) >= s->least)
            continue;
        uint32_t holder = public_of(s, n);
        if (holder != n || g->node_type[n] == MID__NODE_OBJECT)
            add_holder(s, MID__SUSPECT_COLLECTION, n);
    }
}

/* ---- classes */

/* True for names of the runtime, and of what every program has. */
static bool is_common(const struct search *s, uint32_t place)
{
    static const char *const names[] = {"Object",  "Array",   "Function", "Map",         "Set",    "Promise",   "Error",
                                        "RegExp",  "Date",    "WeakMap",  "WeakSet",     "global", "Generator", "Module",
                                        "process", "WeakRef", "Symbol",   "BuiltinModule"};
    size_t length;
    const char *name = mid__class_name(s->classes, place, &length);
    if (length == 0 || name[0] == '(' || (length >= 9 && memcmp(name, "system / ", 9) == 0))
        return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (length == strlen(names[i]) && memcmp(name, names[i], length) == 0)
            return true;
    return false;
}

/* Marks in `below` what holders found so far retain. */
static bool mark_explained(struct search *s, uint8_t *below)
{
    const struct mid__graph *g = s->graph;
    uint32_t *stack = malloc(((size_t)g->node_count + 1) * sizeof stack[0]);
    size_t height = 0;
    if (stack == NULL)
        return false;
    for (size_t i = 0; i < s->out->count; i++)
        if (s->out->list[i].kind != MID__SUSPECT_COLLECTION)
            below[s->out->list[i].node] = 1;
    stack[height++] = g->root;
    while (height != 0) {
        uint32_t n = stack[--height];
        for (uint32_t i = g->first_dominated[n]; i < g->first_dominated[n + 1]; i++) {
            below[g->dominated[i]] |= below[n];
            stack[height++] = g->dominated[i];
        }
    }
    free(stack);
    return true;
}

/* One pass over the objects of a class: how many are explained, which retains most, who holds most of them. */
static void add_class(struct search *s, uint32_t place, const uint8_t *below)
{
    const struct mid__graph *g = s->graph;
    struct mid__suspect found = {.kind = MID__SUSPECT_CLASS, .node = NO_NODE, .place = place, .whole = s->whole,
                                 .bytes = s->classes->list[place].retained, .holder_place = UINT32_MAX};
    uint64_t explained = 0;
    for (uint32_t n = 0; n < g->node_count; n++) {
        if (s->classes->of_node[n] != place || mid__graph_size(g, n) == 0)
            continue;
        uint32_t holder = s->classes->of_node[public_of(s, g->dominator[n])];
        found.entries++;
        explained += below[n];
        s->in_class[holder]++;
        if (found.holder_place == UINT32_MAX || s->in_class[holder] > s->in_class[found.holder_place])
            found.holder_place = holder;
        if (found.node == NO_NODE || g->retained[n] > g->retained[found.node])
            found.node = n;
    }
    found.of_place = found.holder_place != UINT32_MAX ? s->in_class[found.holder_place] : 0;
    memset(s->in_class, 0, s->classes->count * sizeof s->in_class[0]);
    found.owner = found.node;
    if (found.entries >= CLASS_OBJECTS && explained < found.entries / 2)
        add(s, &found);
}

static void find_classes(struct search *s)
{
    uint8_t *below = calloc((size_t)s->graph->node_count + 1, 1);
    s->failed |= below == NULL || !mark_explained(s, below);
    for (uint32_t i = 0; !s->failed && i < s->classes->count; i++)
        if (s->classes->list[i].retained >= s->least && !is_common(s, i))
            add_class(s, i, below);
    free(below);
}

/* ---- growth of classes */

static uint64_t growth_of(const struct mid__series_class *c)
{
    return c->last_size > c->first_size ? c->last_size - c->first_size : 0;
}

static void find_growth(struct search *s)
{
    const struct mid__series *series = s->series;
    for (uint32_t i = 0; i < series->names.count; i++) {
        const struct mid__series_class *c = &series->classes[i];
        struct mid__suspect found = {.kind = MID__SUSPECT_GROWTH, .node = NO_NODE, .owner = NO_NODE, .name = i,
                                     .bytes = growth_of(c), .whole = s->whole, .snapshots = series->snapshots};
        if (c->grown + 1 < series->snapshots || found.bytes < s->least || found.bytes == 0)
            continue;
        found.entries = c->last_count;
        found.of_place = c->last_count - c->first_count;
        add(s, &found);
    }
}

/* ---- the whole */

static unsigned rank(enum mid__suspect_kind kind)
{
    return kind == MID__SUSPECT_CHAIN ? (unsigned)MID__SUSPECT_HOLDER : (unsigned)kind;
}

static int by_rank_and_bytes(const void *a, const void *b)
{
    const struct mid__suspect *x = a, *y = b;
    if (rank(x->kind) != rank(y->kind))
        return rank(x->kind) < rank(y->kind) ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->node < y->node ? -1 : x->node > y->node;
}

static void search(struct search *s)
{
    const struct mid__graph *g = s->graph;
    if (s->series != NULL) {
        s->whole = s->series->last_total > s->series->first_total ? s->series->last_total - s->series->first_total : 0;
        s->failed |= !look_back(s);
    } else {
        s->whole = g->total_size;
    }
    s->least = s->whole / 100 * SHARE_PERCENT;
    if (s->failed || s->least == 0)
        return;
    find_holders(s);
    if (s->series == NULL) {
        find_collections(s);
        find_classes(s);
    } else {
        find_growth(s);
    }
    if (s->out->count > 1)
        qsort(s->out->list, s->out->count, sizeof s->out->list[0], by_rank_and_bytes);
}

enum mid_status mid__suspects_find(const struct mid__graph *graph, const struct mid__classes *classes,
                                   const uint32_t *arrivals, const struct mid__series *series,
                                   struct mid__suspects *suspects)
{
    *suspects = (struct mid__suspects){0};
    if (graph->retained == NULL || graph->distance == NULL || graph->first_dominated == NULL ||
        (series != NULL && graph->by_id == NULL))
        return MID_E_INVALID;
    struct search s = {.graph = graph, .classes = classes, .arrivals = arrivals, .series = series, .out = suspects};
    s.of_class = calloc((size_t)classes->count + 1, sizeof s.of_class[0]);
    s.in_class = calloc((size_t)classes->count + 1, sizeof s.in_class[0]);
    s.failed = s.of_class == NULL || s.in_class == NULL;
    if (!s.failed)
        search(&s);
    free(s.old);
    free(s.unsteady);
    free(s.of_class);
    free(s.in_class);
    free(s.stack);
    if (s.failed) {
        free(suspects->list);
        *suspects = (struct mid__suspects){0};
    }
    return s.failed ? MID_E_MEMORY : MID_OK;
}
