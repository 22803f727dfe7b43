/* SPDX-License-Identifier: MIT
 *
 * duplicates.c: strings that are there more than once.
 *
 * Which strings count, and which are equal, is DevTools' rule:
 *   - nodes of type string and concatenated string with a folded size above 0 (V8 writes numbers as strings of size 0);
 *   - not a rope that V8 has flattened, one half of which is the empty string: it stands for its own content;
 *   - equal when their names are; a rope's name is put together from its leaves, to about 1,024 characters;
 *   - a string whose content V8 cut has an internal edge `truncated` to true: it is equal to another such one when the
 *     name, the edge `length` and the edge `hash` are.
 *
 * Equality is that of JavaScript: UTF-16 units. Halves of a surrogate pair in two leaves of a rope are a pair.
 *
 * One pass over the nodes, with an open-addressing table from content to the first node that has it; contents are not
 * copied. A group is made when its second string is met.
 *
 *     slots   [ hash, first node ] ...           at most half full
 *     of_node [ group or none ] by ordinal       groups [ first node, count, sizes ] in order of their second string
 *
 * Departure: none in the figures; equal retained sizes are put in order by the first node, where DevTools keeps the
 * order of its maps.
 */
#include <midden/internal/duplicates.h>
#include <midden/internal/titles.h>

#include <stdlib.h>
#include <string.h>

#define NO_NUMBER INT64_MIN

struct slot {
    uint32_t hash, node_1; /* the node plus one; 0: free */
};

/* What decides whether two strings are equal, but for the content. */
struct cut {
    bool truncated;
    int64_t length, hash;
};

struct finding {
    const struct mid__graph *graph;
    const uint8_t *selected;
    struct mid__duplicates *out;
    struct slot *slots;
    uint32_t slot_count, used; /* slot_count is a power of two */
    uint32_t capacity;         /* of out->list */
    struct mid__title rope[2]; /* the contents of the ropes under comparison */
    bool failed;               /* memory ran out while one was put together */
};

/* ---- content, as UTF-16 units */

struct units {
    struct mid__string_step step;
    const unsigned char *at, *end; /* a rope's bytes; NULL: a string of the file */
    uint32_t low;                  /* the second unit of a pair, still to come */
};

static struct units units_of(struct finding *f, uint32_t node, int which)
{
    const struct mid__graph *g = f->graph;
    struct units u = {.low = 0};
    if (g->node_type[node] != MID__NODE_CONS_STRING) {
        u.step = mid__string_begin(&g->strings, g->node_name[node]);
        return u;
    }
    struct mid__title *t = &f->rope[which];
    mid__title_clear(t);
    mid__title_node(t, g, node);
    f->failed |= t->failed;
    u.at = t->length != 0 ? (const unsigned char *)t->bytes : (const unsigned char *)"";
    u.end = u.at + t->length;
    return u;
}

/* A code point as titles.c writes it: always whole. */
static uint32_t decode(struct units *u)
{
    uint32_t c = *u->at++;
    unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
    if (more != 0)
        c &= 0x3fu >> more;
    for (; more != 0; more--)
        c = c << 6 | (*u->at++ & 0x3fu);
    return c;
}

/* The next unit, or -1 at the end. */
static int32_t next_unit(struct units *u)
{
    uint32_t c = u->low;
    if (c != 0) {
        u->low = 0;
        return (int32_t)c;
    }
    if (u->at != NULL) {
        if (u->at == u->end)
            return -1;
        c = decode(u);
    } else {
        if (!mid__string_next(&u->step))
            return -1;
        c = u->step.code_point;
    }
    if (c < 0x10000)
        return (int32_t)c;
    u->low = 0xdc00 + (c & 0x3ffu);
    return (int32_t)(0xd800 + ((c - 0x10000) >> 10));
}

/* ---- the edges that speak of a string */

static bool find_internal(const struct mid__graph *g, uint32_t node, const char *name, uint32_t *target)
{
    for (uint32_t e = g->first_edge[node]; e < g->first_edge[node + 1]; e++)
        if (g->edge_type[e] == MID__EDGE_INTERNAL &&
            mid__strings_is(&g->strings, g->edge_name[e], name, strlen(name))) {
            *target = g->edge_target[e];
            return true;
        }
    return false;
}

/* The string node behind a node of type number with this name: V8 writes 12 as number `int` -> value -> string "12". */
static bool find_value(const struct mid__graph *g, uint32_t node, const char *edge, const char *kind, uint32_t *value)
{
    uint32_t box;
    return find_internal(g, node, edge, &box) && g->node_type[box] == MID__NODE_NUMBER &&
           mid__strings_is(&g->strings, g->node_name[box], kind, strlen(kind)) && find_internal(g, box, "value", value);
}

static int64_t find_int(const struct mid__graph *g, uint32_t node, const char *edge)
{
    uint32_t value;
    if (!find_value(g, node, edge, "int", &value))
        return NO_NUMBER;
    char digits[24];
    mid__strings_get(&g->strings, g->node_name[value], digits, sizeof digits);
    char *end;
    long long n = strtoll(digits, &end, 10);
    return end == digits ? NO_NUMBER : n;
}

static struct cut cut_of(const struct mid__graph *g, uint32_t node)
{
    struct cut c = {.length = NO_NUMBER, .hash = NO_NUMBER};
    uint32_t value;
    if (g->first_edge[node] == g->first_edge[node + 1] || !find_value(g, node, "truncated", "bool", &value) ||
        !mid__strings_is(&g->strings, g->node_name[value], "true", 4))
        return c;
    c.truncated = true;
    c.length = find_int(g, node, "length");
    c.hash = find_int(g, node, "hash");
    return c;
}

static bool is_empty(struct finding *f, uint32_t node)
{
    struct units u = units_of(f, node, 0);
    return next_unit(&u) < 0;
}

static bool is_flattened(struct finding *f, uint32_t node)
{
    const struct mid__graph *g = f->graph;
    if (g->node_type[node] != MID__NODE_CONS_STRING)
        return false;
    for (uint32_t e = g->first_edge[node]; e < g->first_edge[node + 1]; e++) {
        if (g->edge_type[e] != MID__EDGE_INTERNAL)
            continue;
        bool half = mid__strings_is(&g->strings, g->edge_name[e], "first", 5) ||
                    mid__strings_is(&g->strings, g->edge_name[e], "second", 6);
        if (half && is_empty(f, g->edge_target[e]))
            return true;
    }
    return false;
}

static bool counts(struct finding *f, uint32_t node)
{
    uint8_t type = f->graph->node_type[node];
    return (type == MID__NODE_STRING || type == MID__NODE_CONS_STRING) && mid__graph_size(f->graph, node) != 0 &&
           !is_flattened(f, node);
}

/* ---- the table */

static uint32_t hash_of(struct finding *f, uint32_t node, const struct cut *cut)
{
    struct units u = units_of(f, node, 0);
    uint64_t h = cut->truncated ? (uint64_t)cut->length * 31 + (uint64_t)cut->hash + 1 : 0;
    for (int32_t unit; (unit = next_unit(&u)) >= 0;)
        h = (h ^ (uint32_t)unit) * 0x9e3779b97f4a7c15u, h ^= h >> 29;
    return (uint32_t)(h ^ h >> 32);
}

static bool same_cut(const struct cut *a, const struct cut *b)
{
    return a->truncated == b->truncated && a->length == b->length && a->hash == b->hash;
}

static bool same(struct finding *f, uint32_t a, uint32_t b, const struct cut *cut_b)
{
    const struct mid__graph *g = f->graph;
    struct cut cut_a = cut_of(g, a);
    if (!same_cut(&cut_a, cut_b))
        return false;
    if (g->node_type[a] == MID__NODE_STRING && g->node_type[b] == MID__NODE_STRING)
        return g->node_name[a] == g->node_name[b] || mid__strings_equal(&g->strings, g->node_name[a], g->node_name[b]);
    struct units x = units_of(f, a, 0), y = units_of(f, b, 1);
    for (;;) {
        int32_t p = next_unit(&x), q = next_unit(&y);
        if (p != q || p < 0)
            return p == q;
    }
}

static bool widen(struct finding *f)
{
    if (f->slot_count != 0 && f->used < f->slot_count / 2)
        return true;
    uint32_t wide = f->slot_count != 0 ? f->slot_count * 2 : 1024;
    struct slot *slots = wide == 0 ? NULL : calloc(wide, sizeof slots[0]);
    if (slots == NULL)
        return false;
    for (uint32_t i = 0; i < f->slot_count; i++) {
        if (f->slots[i].node_1 == 0)
            continue;
        uint32_t at = f->slots[i].hash & (wide - 1);
        while (slots[at].node_1 != 0)
            at = (at + 1) & (wide - 1);
        slots[at] = f->slots[i];
    }
    free(f->slots);
    f->slots = slots;
    f->slot_count = wide;
    return true;
}

static void add_to(struct finding *f, uint32_t group, uint32_t node)
{
    struct mid__duplicate *d = &f->out->list[group];
    uint64_t size = mid__graph_size(f->graph, node);
    d->count++;
    d->shallow += size;
    d->largest = size > d->largest ? size : d->largest;
    d->retained += f->graph->retained != NULL ? f->graph->retained[node] : 0;
    f->out->of_node[node] = group;
}

/* `node` is the second string of its content or a further one; `first` the first. */
static bool add_again(struct finding *f, uint32_t first, uint32_t node, const struct cut *cut)
{
    struct mid__duplicates *out = f->out;
    if (out->of_node[first] == MID__NO_DUPLICATE) {
        if (out->count == f->capacity) {
            uint32_t wide = f->capacity != 0 ? f->capacity * 2 : 256;
            struct mid__duplicate *list = realloc(out->list, wide * sizeof list[0]);
            if (list == NULL)
                return false;
            out->list = list;
            f->capacity = wide;
        }
        out->list[out->count] = (struct mid__duplicate){.node = first, .truncated = cut->truncated};
        add_to(f, out->count++, first);
    }
    add_to(f, out->of_node[first], node);
    return true;
}

static bool add(struct finding *f, uint32_t node)
{
    if (!widen(f))
        return false;
    struct cut cut = cut_of(f->graph, node);
    uint32_t hash = hash_of(f, node, &cut), at = hash & (f->slot_count - 1);
    f->out->strings++;
    f->out->strings_shallow += mid__graph_size(f->graph, node);
    for (; f->slots[at].node_1 != 0; at = (at + 1) & (f->slot_count - 1))
        if (f->slots[at].hash == hash && same(f, f->slots[at].node_1 - 1, node, &cut))
            return add_again(f, f->slots[at].node_1 - 1, node, &cut);
    f->slots[at] = (struct slot){hash, node + 1};
    f->used++;
    return true;
}

/* ---- the order of the answer */

static int by_retained(const void *a, const void *b)
{
    const struct mid__duplicate *x = a, *y = b;
    if (x->retained != y->retained)
        return x->retained < y->retained ? 1 : -1;
    if (x->truncated != y->truncated)
        return x->truncated ? 1 : -1;
    return x->node < y->node ? -1 : x->node > y->node;
}

/* Sorts the list, and follows with of_node: a group is known by its first node. */
static bool sort(struct mid__duplicates *out, uint32_t node_count)
{
    uint32_t *moved = malloc(((size_t)out->count + 1) * sizeof moved[0]);
    if (moved == NULL)
        return false;
    if (out->count != 0)
        qsort(out->list, out->count, sizeof out->list[0], by_retained);
    for (uint32_t i = 0; i < out->count; i++)
        moved[out->of_node[out->list[i].node]] = i;
    for (uint32_t n = 0; n < node_count; n++)
        if (out->of_node[n] != MID__NO_DUPLICATE)
            out->of_node[n] = moved[out->of_node[n]];
    free(moved);
    return true;
}

static bool find(struct finding *f)
{
    uint32_t node_count = f->graph->node_count;
    f->out->of_node = malloc(((size_t)node_count + 1) * sizeof f->out->of_node[0]);
    if (f->out->of_node == NULL)
        return false;
    memset(f->out->of_node, 0xff, node_count * sizeof f->out->of_node[0]); /* MID__NO_DUPLICATE */
    for (uint32_t n = 0; n < node_count; n++)
        if ((f->selected == NULL || f->selected[n]) && counts(f, n) && !add(f, n))
            return false;
    return !f->failed && sort(f->out, node_count);
}

enum mid_status mid__duplicates_find(const struct mid__graph *graph, const uint8_t *selected,
                                     struct mid__duplicates **duplicates)
{
    *duplicates = NULL;
    if (graph->node_size == NULL)
        return MID_E_INVALID;
    struct finding f = {.graph = graph, .selected = selected, .out = calloc(1, sizeof *f.out)};
    bool good = f.out != NULL && find(&f);
    free(f.slots);
    mid__title_free(&f.rope[0]);
    mid__title_free(&f.rope[1]);
    if (good)
        *duplicates = f.out;
    else
        mid__duplicates_free(f.out);
    return good ? MID_OK : MID_E_MEMORY;
}

void mid__duplicates_free(struct mid__duplicates *d)
{
    if (d == NULL)
        return;
    free(d->list);
    free(d->of_node);
    free(d);
}
