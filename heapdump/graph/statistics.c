/* SPDX-License-Identifier: MIT
 *
 * statistics.c: what a heap is made of, by DevTools' rules.
 *
 *     hidden                                   system
 *     native                                   native; with the name system / JSArrayBufferData also typed arrays
 *     code                                     code
 *     string, concatenated, sliced             strings
 *     any other with the name Array            arrays, together with the elements where nobody else has them
 *
 * The elements of an array mostly have size 0 by then, since folding gave it to the array (fold.c); what is left is that
 * of snapshots without a user root, and of elements that others refer to weakly. Those need to know who has one retainer
 * alone, for which the edges are looked through once, and only then.
 */
#include <midden/internal/index.h>

#include <stdlib.h>
#include <string.h>

#define REST_EVERY (1u << 22) /* nodes */

static bool is_named(const struct mid__graph *g, uint32_t node, const char *words)
{
    return mid__strings_is(&g->strings, g->node_name[node], words, strlen(words));
}

/* Strings are many and names few: a name is compared once with each of these. */
struct names {
    const struct mid__graph *g;
    uint8_t *kind; /* [strings + 1]: 0 not looked at yet */
};
enum { NAME_OTHER = 1, NAME_ARRAY, NAME_BUFFER };

static uint8_t name_of(struct names *names, uint32_t node)
{
    uint32_t total = mid__strings_total(&names->g->strings), string = names->g->node_name[node];
    uint8_t *kind = &names->kind[string < total ? string : total];
    if (*kind == 0 || string >= total)
        *kind = is_named(names->g, node, "Array")                      ? NAME_ARRAY
                : is_named(names->g, node, "system / JSArrayBufferData") ? NAME_BUFFER
                                                                         : NAME_OTHER;
    return *kind;
}

/* The elements of an array, or UINT32_MAX. */
static uint32_t elements_of(const struct mid__graph *g, uint32_t node)
{
    for (uint32_t e = g->first_edge[node]; e < g->first_edge[node + 1]; e++)
        if (g->edge_type[e] == MID__EDGE_INTERNAL && mid__strings_is(&g->strings, g->edge_name[e], "elements", 8))
            return g->edge_target[e];
    return UINT32_MAX;
}

/* 0, 1, or 2 for more: how many edges arrive at each node; made when first asked for. */
static const uint8_t *arrivals(const struct mid__graph *g, uint8_t **count)
{
    if (*count != NULL)
        return *count;
    *count = calloc((size_t)g->node_count + 1, 1);
    for (uint32_t e = 0; *count != NULL && e < g->edge_count; e++) {
        uint8_t *c = &(*count)[g->edge_target[e]];
        *c = *c < 2 ? (uint8_t)(*c + 1) : 2;
    }
    return *count;
}

static bool add_array(const struct mid__graph *g, uint32_t node, uint8_t **count, struct mid__statistics *s)
{
    uint32_t elements = elements_of(g, node);
    s->js_arrays += mid__graph_size(g, node);
    if (elements == UINT32_MAX || mid__graph_size(g, elements) == 0)
        return true;
    const uint8_t *c = arrivals(g, count);
    if (c != NULL && c[elements] == 1)
        s->js_arrays += mid__graph_size(g, elements);
    return c != NULL;
}

static bool add_node(struct names *names, uint32_t node, uint8_t **count, struct mid__statistics *s)
{
    uint64_t size = mid__graph_size(names->g, node);
    s->total += size;
    switch (names->g->node_type[node]) {
    case MID__NODE_HIDDEN:
        s->system += size;
        return true;
    case MID__NODE_NATIVE:
        s->native += size;
        s->typed_arrays += name_of(names, node) == NAME_BUFFER ? size : 0;
        return true;
    case MID__NODE_CODE:
        s->code += size;
        return true;
    case MID__NODE_STRING:
    case MID__NODE_CONS_STRING:
    case MID__NODE_SLICED_STRING:
        s->strings += size;
        return true;
    default:
        return name_of(names, node) != NAME_ARRAY || add_array(names->g, node, count, s);
    }
}

enum mid_status mid__statistics_of(const struct mid__graph *g, const uint8_t *selected, struct mid__statistics *s)
{
    *s = (struct mid__statistics){0};
    if (g->node_size == NULL)
        return MID_E_INVALID;
    if (selected == NULL && mid__index_statistics(g, s))
        return MID_OK;
    uint8_t *count = NULL;
    struct names names = {g, calloc((size_t)mid__strings_total(&g->strings) + 1, 1)};
    bool good = names.kind != NULL;
    if (selected == NULL)
        s->total = s->native = g->extra_native_bytes;
    for (uint32_t n = 0; good && n < g->node_count; n++) {
        if (selected == NULL || selected[n])
            good = add_node(&names, n, &count, s);
        if (n % REST_EVERY == 0)
            mid__graph_rest(g);
    }
    mid__graph_rest(g);
    s->v8_heap = s->total - s->native;
    free(names.kind);
    free(count);
    return good ? MID_OK : MID_E_MEMORY;
}
