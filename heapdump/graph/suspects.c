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
 * In a series an object weighs what it has grown by. One that was not there at first has grown by all of itself, but by no
 * more than all new ones of its kind with one dominator exceed those that are gone: what is made anew in place of another
 * has not grown. A heap may shrink while something in it leaks, so that a parent may weigh less than its child; `greatest` leads
 * down to it.
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
#define WAS_NOT            UINT64_MAX
#define NO_GROUP           SIZE_MAX

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
    const uint8_t *selected; /* or NULL: all */
    uint64_t *growth;   /* [node_count]: bytes. NULL without a series */
    uint64_t *greatest; /* [node_count]: of it and of what is below it */
    uint32_t *grown;    /* [node_count]: in how many steps */
    uint64_t *of_class; /* [classes]: bytes, for one holder at a time */
    uint32_t *in_class; /* [classes]: objects */
    struct visit *stack;
    size_t height, capacity;
    bool failed;
};

/* ---- weights */

/* What the series says of the first snapshot. */
struct past {
    uint64_t *was;   /* [nodes]: retained at first; WAS_NOT: was not there */
    uint64_t *added; /* [groups]: what new ones of the group retain */
};

static uint64_t weight(const struct search *s, uint32_t node)
{
    return s->growth != NULL ? s->growth[node] : s->graph->retained[node];
}

/* The greatest weight that is found by going down from here. */
static uint64_t weight_below(const struct search *s, uint32_t node)
{
    return s->growth != NULL ? s->greatest[node] : s->graph->retained[node];
}

/* The group of a node, by its place in the series, or NO_GROUP. */
static size_t group_of(const struct search *s, uint32_t node)
{
    struct mid__series_group key = mid__series_group_of(s->graph, node);
    const struct mid__series_group *group = mid__series_find_group(s->series, &key);
    return group != NULL ? (size_t)(group - s->series->groups) : NO_GROUP;
}

/* What of a node is growth, from the top of the dominator tree down. */
static void weigh(struct search *s, uint32_t node, const struct past *past)
{
    const struct mid__graph *g = s->graph;
    uint32_t above = g->dominator[node];
    uint64_t now = g->retained[node], most = now;
    if (past->was[node] != WAS_NOT) {
        s->growth[node] = now > past->was[node] ? now - past->was[node] : 0;
        return;
    }
    size_t group = past->was[above] != WAS_NOT ? group_of(s, node) : NO_GROUP;
    s->grown[node] = s->series->snapshots - 1;
    if (past->was[above] == WAS_NOT) {
        most = s->growth[above];
        s->grown[node] = s->grown[above];
    } else if (group != NO_GROUP && s->series->groups[group].gone != 0) {
        uint64_t gone = s->series->groups[group].gone;
        most = past->added[group] > gone ? past->added[group] - gone : 0;
        s->grown[node] = s->series->groups[group].grown;
    }
    s->growth[node] = most < now ? most : now;
}

/* Joins the last snapshot with what the series knows of the first. */
static void look_back(struct search *s, struct past *past)
{
    const struct mid__graph *g = s->graph;
    const struct mid__series *series = s->series;
    size_t at = 0;
    for (uint32_t i = 0; i < g->node_count; i++) {
        uint32_t node = g->by_id[i];
        past->was[node] = WAS_NOT;
        while (at < series->object_count && series->objects[at].id < mid__graph_id(g, node))
            at++;
        if (at == series->object_count || series->objects[at].id != mid__graph_id(g, node))
            continue;
        past->was[node] = series->objects[at].first;
        s->grown[node] = series->objects[at].grown;
    }
    for (uint32_t n = 0; n < g->node_count; n++) {
        if (past->was[n] != WAS_NOT || n == g->root || past->was[g->dominator[n]] == WAS_NOT)
            continue;
        size_t group = group_of(s, n);
        if (group != NO_GROUP)
            past->added[group] += g->retained[n];
    }
}

static bool weigh_all(struct search *s)
{
    const struct mid__graph *g = s->graph;
    size_t nodes = (size_t)g->node_count + 1;
    uint32_t *order = malloc(nodes * sizeof order[0]), count = 0;
    struct past past = {malloc(nodes * sizeof past.was[0]), calloc(s->series->group_count + 1, sizeof past.added[0])};
    s->growth = malloc(nodes * sizeof s->growth[0]);
    s->greatest = malloc(nodes * sizeof s->greatest[0]);
    s->grown = calloc(nodes, sizeof s->grown[0]);
    bool good = order != NULL && past.was != NULL && past.added != NULL &&
                s->growth != NULL && s->greatest != NULL && s->grown != NULL;
    if (good) {
        look_back(s, &past);
        order[count++] = g->root;
        s->growth[g->root] = 0;
        for (uint32_t at = 0; at < count; at++) {
            if (order[at] != g->root)
                weigh(s, order[at], &past);
            for (uint32_t i = g->first_dominated[order[at]]; i < g->first_dominated[order[at] + 1]; i++)
                order[count++] = g->dominated[i];
        }
        memcpy(s->greatest, s->growth, g->node_count * sizeof s->growth[0]);
        for (; count > 1; count--) {
            uint32_t node = order[count - 1], above = g->dominator[node];
            if (s->greatest[node] > s->greatest[above])
                s->greatest[above] = s->greatest[node];
        }
    }
    free(order);
    free(past.was);
    free(past.added);
    return good;
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
    static const char *const names[] = {"Array", "Map", "Set", "WeakMap", "WeakSet", "Object", "Promise"};
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
        uint32_t place = s->classes->of_node[g->dominated[i]], child = g->dominated[i];
        if (place == best && (suspect->example == NO_NODE || weight(s, child) > weight(s, suspect->example)))
            suspect->example = child;
        s->of_class[place] = 0;
        s->in_class[place] = 0;
    }
}

/* False for what is not selected, or did not grow often enough. */
static bool may_be_named(const struct search *s, uint32_t node)
{
    return (s->selected == NULL || s->selected[node]) &&
           (s->series == NULL || s->grown[node] >= mid__series_steps_needed(s->series));
}

static void add_holder(struct search *s, enum mid__suspect_kind kind, uint32_t spread)
{
    struct mid__suspect found = {.kind = kind, .node = public_of(s, spread), .whole = s->whole, .example = NO_NODE};
    if (!may_be_named(s, found.node))
        return;
    found.bytes = weight(s, found.node);
    found.grown = s->grown != NULL ? s->grown[found.node] : 0;
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
    struct mid__suspect found = {.kind = MID__SUSPECT_CHAIN, .node = head, .whole = s->whole, .bytes = weight(s, head),
                                 .example = NO_NODE};
    if (!may_be_named(s, head))
        return;
    found.owner = owner_of(s, s->graph->dominator[head]);
    found.grown = s->grown != NULL ? s->grown[head] : 0;
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
        if (weight_below(s, child) < s->least)
            continue;
        heavy += weight_below(s, child);
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
        if (!is_ground(s, v.node) && weight(s, v.node) >= s->least &&
            heavy < weight(s, v.node) / 2 && (children != 0 || is_public(s, v.node)))
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
                                 .bytes = s->classes->list[place].retained, .holder_place = UINT32_MAX,
                                 .example = NO_NODE};
    uint64_t explained = 0;
    for (uint32_t n = 0; n < g->node_count; n++) {
        if (s->classes->of_node[n] != place || mid__graph_size(g, n) == 0 ||
            (s->selected != NULL && !s->selected[n]))
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

/* What the heap grew by, or, where that is more, all classes that grew, or the object that grew most: others may have
 * shrunk meanwhile. */
static uint64_t all_growth(const struct search *s)
{
    const struct mid__series *series = s->series;
    uint64_t net = series->last_total > series->first_total ? series->last_total - series->first_total : 0, sum = 0;
    for (uint32_t i = 0; i < series->names.count; i++)
        sum += growth_of(&series->classes[i]);
    net = sum > net ? sum : net;
    for (uint32_t n = 0; n < s->graph->node_count; n++)
        if (s->growth[n] > net && s->grown[n] >= mid__series_steps_needed(series) && !is_ground(s, n))
            net = s->growth[n];
    return net;
}

static void find_growth(struct search *s)
{
    const struct mid__series *series = s->series;
    for (uint32_t i = 0; i < series->names.count; i++) {
        const struct mid__series_class *c = &series->classes[i];
        struct mid__suspect found = {.kind = MID__SUSPECT_GROWTH, .node = NO_NODE, .owner = NO_NODE, .name = i,
                                     .example = NO_NODE, .bytes = growth_of(c), .whole = s->whole, .snapshots = series->snapshots};
        found.grown = c->grown;
        if (c->grown < mid__series_steps_needed(series) || found.bytes < s->least || found.bytes == 0)
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
        s->failed |= !weigh_all(s);
        s->whole = s->failed ? 0 : all_growth(s);
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
                                   const uint8_t *selected, struct mid__suspects *suspects)
{
    *suspects = (struct mid__suspects){0};
    if (graph->retained == NULL || graph->distance == NULL || graph->first_dominated == NULL ||
        (series != NULL && graph->by_id == NULL))
        return MID_E_INVALID;
    struct search s = {.graph = graph, .classes = classes, .arrivals = arrivals, .series = series,
                       .selected = selected, .out = suspects};
    s.of_class = calloc((size_t)classes->count + 1, sizeof s.of_class[0]);
    s.in_class = calloc((size_t)classes->count + 1, sizeof s.in_class[0]);
    s.failed = s.of_class == NULL || s.in_class == NULL;
    if (!s.failed)
        search(&s);
    free(s.growth);
    free(s.greatest);
    free(s.grown);
    free(s.of_class);
    free(s.in_class);
    free(s.stack);
    if (s.failed) {
        free(suspects->list);
        *suspects = (struct mid__suspects){0};
    }
    return s.failed ? MID_E_MEMORY : MID_OK;
}
