/* SPDX-License-Identifier: MIT
 * Random graphs against a slow, obvious twin: an independent reading by jansson; page-owned nodes, essential edges,
 * folding, distances and DOM states by the words of the format's description; dominators by taking each node away in
 * turn and seeing what is no longer reached; retained sizes by summing over what a node dominates. */
#include <midden/internal/graph.h>

#include "suite.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NODES 60
#define MAX_EDGES 400
#define FIXED     24
#define NAME      160

/* The twin's graph: plain structs. */
struct node {
    int type, name, state, first, last;
    long long id, size;
};

struct edge {
    int type, from, to;
    long long name;
};

struct twin {
    struct node node[MAX_NODES];
    struct edge edge[MAX_EDGES];
    char name[FIXED + MAX_EDGES + MAX_NODES][NAME];
    int nodes, edges, names;
    bool has_state;
};

enum { HIDDEN, ARRAY, STRING, OBJECT, CODE, CLOSURE, NATIVE = 8, SYNTHETIC };
enum { CONTEXT, ELEMENT, PROPERTY, INTERNAL, HIDDEN_EDGE, SHORTCUT, WEAK };

static const char *const fixed[FIXED] = {
    "", "(GC roots)", "(Document DOM trees)", "system / NativeContext", "system / ExternalStringData",
    "sloppy_function_map", "(map descriptors)", "Foo", "Bar", "4", "7", "2", "1", "elements", "<div id=\"a\">",
    "Detached <p>", "x\ty", "12abc", "0", "10", "Window", "next", "\xc3\xa9", "value"};

static unsigned pick(uint64_t *random, unsigned below)
{
    return (unsigned)(test_random(random) >> 33) % below;
}

/* A sentence of an ephemeron for table `id`; `bad` of 1 to 3 spoils it in some way. */
static void sentence(char *to, uint64_t *random, long long id, unsigned pair, unsigned bad)
{
    snprintf(to, NAME, "%u / part of key (K%u @%u) -> value (V @%u%s) pair in WeakMap (table @%lld%s)%s",
             pick(random, 90), pair, pair, pair, bad == 1 ? " " : "", id, bad == 2 ? "x" : "", bad == 3 ? "." : "");
}

static void random_edge(struct twin *t, int from, uint64_t *random)
{
    struct edge *e = &t->edge[t->edges++];
    bool numbered;
    e->from = from;
    e->to = (int)pick(random, (unsigned)t->nodes);
    e->type = (int)pick(random, 7);
    numbered = e->type == ELEMENT || e->type == HIDDEN_EDGE;
    e->name = numbered ? pick(random, 12) : pick(random, FIXED);
    if (e->type == INTERNAL && pick(random, 2) == 0) {
        long long id = pick(random, 2) != 0 ? t->node[from].id : 2 * (long long)pick(random, 8) + 1;
        sentence(t->name[t->names], random, id, pick(random, 3), pick(random, 12));
        e->name = t->names++;
    }
}

static void random_twin(struct twin *t, uint64_t *random)
{
    static const int types[] = {HIDDEN, ARRAY, ARRAY, STRING, OBJECT, OBJECT, OBJECT, CODE, CLOSURE, NATIVE, SYNTHETIC};
    memset(t, 0, sizeof *t);
    for (; t->names < FIXED; t->names++)
        strcpy(t->name[t->names], fixed[t->names]);
    t->nodes = 1 + (int)pick(random, MAX_NODES);
    t->has_state = pick(random, 3) != 0;
    unsigned density = 1 + pick(random, 6);
    bool no_user_roots = pick(random, 6) == 0;
    for (int n = 0; n < t->nodes; n++) {
        struct node *v = &t->node[n];
        v->type = n == 0 ? SYNTHETIC : types[pick(random, 11)];
        if (no_user_roots && v->type != HIDDEN && v->type != ARRAY)
            v->type = SYNTHETIC;
        v->name = (int)pick(random, FIXED);
        v->id = 2 * n + 1;
        v->size = pick(random, 4) == 0 ? 0 : (long long)pick(random, 1000);
        v->size += pick(random, 40) == 0 ? 4294967000 : 0;
        v->state = t->has_state && pick(random, 4) == 0 ? (int)pick(random, 3) : 0;
        v->first = t->edges;
        for (unsigned k = pick(random, n == 0 ? 8 : 2 * density); k > 0 && t->edges < MAX_EDGES; k--)
            random_edge(t, n, random);
        v->last = t->edges;
    }
}

/* ---- written as a file */

struct writer {
    char *text;
    size_t bytes, room;
};

static void put(struct writer *w, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    w->bytes += (size_t)vsnprintf(w->text + w->bytes, w->room - w->bytes, format, list);
    va_end(list);
    ck_assert_uint_lt(w->bytes, w->room);
}

static void put_name(struct writer *w, const char *name, uint64_t *random)
{
    put(w, "\"");
    for (; *name != '\0'; name++) {
        unsigned char c = (unsigned char)*name;
        if (c < 0x20 || c == '"' || (c < 0x80 && pick(random, 30) == 0))
            put(w, pick(random, 2) ? "\\u%04x" : "\\u%04X", c);
        else
            put(w, "%c", c);
    }
    put(w, "\"");
}

static void put_space(struct writer *w, uint64_t *random)
{
    static const char *const spaces[] = {"", "", "", "", "\n", " ", "\r\n\t", "                "};
    put(w, "%s", spaces[pick(random, 8)]);
}

static void put_sections(struct writer *w, const struct twin *t, uint64_t *random)
{
    put(w, "\"nodes\":[");
    for (int n = 0; n < t->nodes; n++) {
        const struct node *v = &t->node[n];
        put(w, "%s%d,%d,%lld", n == 0 ? "" : ",", v->type, v->name, v->id);
        put_space(w, random);
        put(w, ",%lld,%d", v->size, v->last - v->first);
        if (t->has_state)
            put(w, ",%d", v->state);
    }
    put(w, "],\"edges\":[");
    for (int e = 0; e < t->edges; e++) {
        put(w, "%s%d,%lld,", e == 0 ? "" : ",", t->edge[e].type, t->edge[e].name);
        put_space(w, random);
        put(w, "%d", t->edge[e].to * (t->has_state ? 6 : 5));
    }
    put(w, "],\"strings\":[");
    for (int i = 0; i < t->names; i++) {
        put(w, "%s", i == 0 ? "" : ",");
        put_space(w, random);
        put_name(w, t->name[i], random);
    }
    put(w, "]}");
}

static char *write_twin(const struct twin *t, uint64_t *random)
{
    struct writer w = {malloc(400000), 0, 400000};
    put(&w,
        "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"%s],"
        "\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\","
        "\"native\",\"synthetic\"]],\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[[\"context\","
        "\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"]]},\"node_count\":%d,\"edge_count\":%d},",
        t->has_state ? ",\"detachedness\"" : "", t->nodes, t->edges);
    put_sections(&w, t, random);
    return w.text;
}

/* ---- the independent reading */

static long long at(const json_t *array, size_t i)
{
    return json_integer_value(json_array_get(array, i));
}

static void same_reading(const struct mid__graph *g, const char *text)
{
    json_error_t error;
    json_t *root = json_loads(text, 0, &error);
    ck_assert_msg(root != NULL, "%s", error.text);
    json_t *nodes = json_object_get(root, "nodes"), *edges = json_object_get(root, "edges"),
           *strings = json_object_get(root, "strings");
    size_t fields = json_array_size(nodes) / g->node_count;
    ck_assert_uint_eq(json_array_size(nodes), g->node_count * fields);
    ck_assert_uint_eq(json_array_size(edges), g->edge_count * 3);
    ck_assert_uint_eq(json_array_size(strings), g->strings.count);
    for (uint32_t n = 0; n < g->node_count; n++) {
        ck_assert_int_eq(g->node_type[n], at(nodes, n * fields));
        ck_assert_int_eq((long long)mid__graph_id(g, n), at(nodes, n * fields + 2));
        ck_assert_int_eq((long long)mid__graph_raw_size(g, n), at(nodes, n * fields + 3));
    }
    for (uint32_t e = 0; e < g->edge_count; e++) {
        ck_assert_int_eq(g->edge_name[e], at(edges, e * 3 + 1));
        ck_assert_int_eq((long long)(g->edge_target[e] * fields), at(edges, e * 3 + 2));
    }
    for (uint32_t i = 0; i < g->strings.count; i++) {
        char name[200];
        mid__strings_get(&g->strings, i, name, sizeof name);
        ck_assert_str_eq(name, json_string_value(json_array_get(strings, i)));
    }
    json_decref(root);
}

/* ---- DevTools' rules, once more */

static bool is_named(const struct twin *t, int n, const char *name)
{
    return strcmp(t->name[t->node[n].name], name) == 0;
}

static bool is_dom_root(const struct twin *t, int n)
{
    return t->node[n].type == SYNTHETIC && is_named(t, n, "(Document DOM trees)");
}

static bool is_user_root(const struct twin *t, int n)
{
    return t->node[n].type != SYNTHETIC || is_dom_root(t, n);
}

static void page_owned(const struct twin *t, bool *page)
{
    memset(page, 0, MAX_NODES);
    for (int e = t->node[0].first; e < t->node[0].last; e++) {
        const struct edge *x = &t->edge[e];
        if (x->type == SHORTCUT || (x->type == ELEMENT && is_dom_root(t, x->to)))
            page[x->to] = true;
    }
    for (bool more = true; more;) {
        more = false;
        for (int e = 0; e < t->edges; e++)
            if (page[t->edge[e].from] && !page[t->edge[e].to] && t->edge[e].type != WEAK)
                more = page[t->edge[e].to] = true;
    }
}

/* Splits an ephemeron's sentence with sscanf; the spoilt ones do not end where they should. */
static bool ephemeron(const char *name, long long *table, const char **pair)
{
    unsigned number, key, id, value;
    int end = 0, tail = 0;
    if (sscanf(name, "%u%n / part of key (K%u @%u) -> value (V @%u) pair in WeakMap (table @%lld)%n", &number, &end, &key,
               &id, &value, table, &tail) != 5 ||
        tail == 0 || name[tail] != '\0')
        return false;
    *pair = name + end;
    return true;
}

static void essential_edges(const struct twin *t, const bool *page, bool *essential)
{
    for (int e = 0; e < t->edges; e++) {
        const struct edge *x = &t->edge[e];
        long long table;
        const char *pair;
        bool out = x->type == WEAK || x->from == x->to || (x->type == SHORTCUT && x->from != 0) ||
                   (x->from != 0 && !page[x->from] && page[x->to]) ||
                   (x->type == INTERNAL && ephemeron(t->name[x->name], &table, &pair) && table == t->node[x->from].id);
        essential[e] = !out;
    }
}

/* Adds to `seen` what it reaches without `gone`, over essential edges inside `world`. */
static void flood(const struct twin *t, const bool *essential, const bool *world, int gone, bool *seen)
{
    for (bool more = true; more;) {
        more = false;
        for (int e = 0; e < t->edges; e++) {
            const struct edge *x = &t->edge[e];
            if (essential[e] && seen[x->from] && !seen[x->to] && x->to != gone && x->from != gone && world[x->to])
                more = seen[x->to] = true;
        }
    }
}

/* dominates[d][n]: n is not reached when d is gone. Cliques are dominated by the root alone. */
static void dominance(const struct twin *t, const bool *essential, bool dominates[MAX_NODES][MAX_NODES])
{
    bool start[MAX_NODES], world[MAX_NODES], seen[MAX_NODES], all[MAX_NODES];
    memset(all, 1, sizeof all);
    memset(start, 1, sizeof start); /* the root, and orphans */
    for (int e = 0; e < t->edges; e++)
        if (essential[e])
            start[t->edge[e].to] = false;
    start[0] = true;
    memcpy(world, start, sizeof world);
    flood(t, essential, all, -1, world);
    for (int d = 0; d < t->nodes; d++) {
        memcpy(seen, start, sizeof seen);
        seen[d] = false;
        flood(t, essential, world, d, seen);
        for (int n = 0; n < t->nodes; n++)
            dominates[d][n] = n == d || d == 0 || (world[n] && world[d] && !seen[n]);
    }
}

static void folded(const struct twin *t, long long *size)
{
    int owner[MAX_NODES]; /* -1: none, -2: many */
    bool foldable[MAX_NODES], user = false;
    for (int n = 0; n < t->nodes; n++) {
        size[n] = t->node[n].size;
        foldable[n] = t->node[n].type == HIDDEN || t->node[n].type == ARRAY ||
                      (t->node[n].type == NATIVE && is_named(t, n, "system / ExternalStringData"));
        owner[n] = foldable[n] ? -1 : n;
    }
    for (int e = t->node[0].first; e < t->node[0].last; e++)
        user |= is_user_root(t, t->edge[e].to);
    for (bool more = user; more;) {
        more = false;
        for (int e = 0; e < t->edges; e++) {
            int from = owner[t->edge[e].from], to = t->edge[e].to, now = owner[to];
            if (t->edge[e].type == WEAK || from == -1 || !foldable[to] || now == -2 || now == from)
                continue;
            owner[to] = now == -1 ? from : -2;
            more = true;
        }
    }
    for (int n = 0; n < t->nodes; n++)
        if (user && foldable[n] && owner[n] > 0 && t->node[owner[n]].type != SYNTHETIC) {
            size[owner[n]] += size[n];
            size[n] = 0;
        }
}

struct pending {
    char name[MAX_EDGES][NAME];
    int count;
};

static bool first_of_pair(struct pending *p, const char *pair)
{
    for (int i = 0; i < p->count; i++)
        if (strcmp(p->name[i], pair) == 0) {
            memmove(p->name[i], p->name[--p->count], NAME);
            return false;
        }
    strcpy(p->name[p->count++], pair);
    return true;
}

static bool passed_over(const struct twin *t, const struct edge *x, struct pending *p)
{
    long long table;
    const char *pair, *name = t->name[x->name];
    bool numbered = x->type == ELEMENT || x->type == HIDDEN_EDGE;
    if (t->node[x->from].type == HIDDEN && is_named(t, x->from, "system / NativeContext") && !numbered &&
        strcmp(name, "sloppy_function_map") == 0)
        return true;
    if (t->node[x->from].type == ARRAY && is_named(t, x->from, "(map descriptors)")) {
        long long index = numbered ? x->name : strtoll(name, NULL, 10);
        return index >= 2 && index % 3 == 1;
    }
    return x->type == INTERNAL && ephemeron(name, &table, &pair) && first_of_pair(p, pair);
}

static void distances(const struct twin *t, int *distance)
{
    static struct pending pending;
    int queue[MAX_NODES + MAX_EDGES], count = 0;
    pending.count = 0;
    for (int n = 0; n < t->nodes; n++)
        distance[n] = -5;
    for (int e = t->node[0].first; e < t->node[0].last; e++)
        if (is_user_root(t, t->edge[e].to)) {
            distance[t->edge[e].to] = 1;
            queue[count++] = t->edge[e].to;
        }
    int base = count > 0 ? 100000000 : 0;
    for (int round = 0; round < 2; round++) {
        if (round == 1) {
            distance[0] = base;
            queue[0] = 0;
            count = 1;
        }
        for (int i = 0; i < count; i++)
            for (int e = t->node[queue[i]].first; e < t->node[queue[i]].last; e++) {
                const struct edge *x = &t->edge[e];
                if (x->type == WEAK || distance[x->to] != -5 || passed_over(t, x, &pending))
                    continue;
                distance[x->to] = distance[x->from] + 1;
                queue[count++] = x->to;
            }
    }
}

static void spread_state(struct twin *t, int state, bool *settled)
{
    for (bool more = true; more;) {
        more = false;
        for (int e = 0; e < t->edges; e++) {
            struct node *from = &t->node[t->edge[e].from], *to = &t->node[t->edge[e].to];
            if (from->type == NATIVE && from->state == state && to->type == NATIVE && !settled[t->edge[e].to] &&
                t->edge[e].type != HIDDEN_EDGE && t->edge[e].type != WEAK) {
                to->state = state;
                more = settled[t->edge[e].to] = true;
            }
        }
    }
}

/* Settled states spread from attached nodes, then from detached ones; the names that the other rules see change. */
static void states(struct twin *t)
{
    bool settled[MAX_NODES];
    for (int n = 0; n < t->nodes; n++) {
        const char *name = t->name[t->node[n].name];
        if (!t->has_state && t->node[n].type == NATIVE && strncmp(name, "Detached ", 9) == 0)
            t->node[n].state = 2;
        settled[n] = t->node[n].state != 0;
    }
    if (!t->has_state)
        return;
    spread_state(t, 1, settled);
    spread_state(t, 2, settled);
    for (int n = 0; n < t->nodes; n++)
        if (t->node[n].type == NATIVE && t->node[n].state == 2) {
            strcpy(t->name[t->names], "Detached ");
            strcpy(t->name[t->names] + 9, t->name[t->node[n].name]);
            t->node[n].name = t->names++;
        }
}

/* The dominator closest to n: the one that is dominated most. */
static uint32_t closest(const struct twin *t, bool dominates[MAX_NODES][MAX_NODES], int n)
{
    int best = 0, most = -1;
    for (int d = 0; d < t->nodes; d++) {
        int depth = 0;
        for (int a = 0; a < t->nodes; a++)
            depth += dominates[a][d];
        if (d != n && dominates[d][n] && depth > most) {
            most = depth;
            best = d;
        }
    }
    return (uint32_t)best;
}

static void same_figures(const struct mid__graph *g, struct twin *t)
{
    static bool page[MAX_NODES], essential[MAX_EDGES], dominates[MAX_NODES][MAX_NODES];
    long long size[MAX_NODES];
    int distance[MAX_NODES];
    states(t);
    page_owned(t, page);
    essential_edges(t, page, essential);
    dominance(t, essential, dominates);
    folded(t, size);
    distances(t, distance);
    for (int n = 0; n < t->nodes; n++) {
        uint32_t u = (uint32_t)n;
        char name[200];
        long long retained = 0;
        for (int d = 0; d < t->nodes; d++)
            retained += dominates[n][d] ? size[d] : 0;
        mid__strings_get(&g->strings, g->node_name[u], name, sizeof name);
        ck_assert_str_eq(name, t->name[t->node[n].name]);
        ck_assert_int_eq(g->node_detachedness[u], t->node[n].state);
        ck_assert_int_eq((g->node_flags[u] & MID__FLAG_PAGE_OWNED) != 0, page[n]);
        ck_assert_int_eq((long long)mid__graph_size(g, u), size[n]);
        ck_assert_int_eq(g->distance[u], distance[n]);
        ck_assert_msg(g->dominator[u] == closest(t, dominates, n), "node %d dominator %u not %u", n, g->dominator[u], closest(t, dominates, n));
        ck_assert_msg((long long)g->retained[u] == retained, "node %d retained %lld not %lld", n, (long long)g->retained[u], retained);
    }
}

START_TEST(random_graphs__every_figure__equals_the_twin)
{
    static struct twin t;
    uint64_t random = test_seed("graph_model");
    unsigned long rounds = test_rounds(2000), page_nodes = 0;
    for (unsigned long i = 0; i < rounds; i++) {
        struct mid__graph *g;
        struct mid__graph_error e;
        random_twin(&t, &random);
        char *text = write_twin(&t, &random);
        ck_assert_msg(mid__graph_load_memory(text, strlen(text), NULL, &g, &e) == MID_OK, "%s\n%s", e.message, text);
        ck_assert_int_eq(mid__graph_analyze(g, MID__PARTS_ALL, &e), MID_OK);
        same_reading(g, text);
        same_figures(g, &t);
        for (uint32_t n = 0; n < g->node_count; n++)
            page_nodes += g->node_flags[n] >> 2 & 1;
        mid__graph_free(g);
        free(text);
    }
    ck_assert_uint_gt(page_nodes, rounds);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("graph_model");
    tcase_add_test(c, random_graphs__every_figure__equals_the_twin);
    return run_suite("graph_model", c, NULL);
}
