/* SPDX-License-Identifier: MIT
 *
 * filters.c: DevTools' filters, by its rules (createNamedFilter of its HeapSnapshot.ts).
 *
 * Four of the five ask one question: what is no longer reached when some nodes, or some edges, are shut? A flood from
 * the root over edges that are not weak answers it; let through is what it does not reach, but for what no search
 * reaches anyway (distance MID__DISTANCE_NONE).
 *
 *     contexts         shut: nodes named `system / Context`, and `system / Context / ...`
 *     detached         shut: nodes whose DOM state is detached
 *     event handlers   shut: the functions of V8EventListener nodes: what edge `1` leads to when it has an edge `code`;
 *                      else the first node behind it that has one (a framework's wrapper); else what edge `1` leads to
 *     console          shut: edges out of synthetic nodes with a name that ends with ` / DevTools console`
 *
 * Names of edges are compared as DevTools shows them: numbers as digits, and a shortcut's name that begins with a
 * number as that number.
 */
#include <midden/internal/duplicates.h>
#include <midden/internal/filters.h>

#include <stdlib.h>
#include <string.h>

static const char *const names[MID__FILTERS] = {"contexts", "detached", "event-handlers", "console",
                                                "duplicated-strings"};

struct flood {
    const struct mid__graph *graph;
    uint8_t *out;  /* 1: not reached (yet) */
    uint8_t *shut; /* [node_count], or NULL */
    bool console;  /* shut the console's edges */
};

static bool is_named(const struct mid__graph *g, uint32_t string, const char *words)
{
    return mid__strings_is(&g->strings, string, words, strlen(words));
}

static bool begins(const struct mid__graph *g, uint32_t string, const char *words)
{
    return mid__strings_begins(&g->strings, string, words, strlen(words));
}

/* ---- names of edges */

/* The number that a shortcut's name begins with, as JavaScript's parseInt finds it for plain digits; -1 for none. */
static int64_t shortcut_number(const struct mid__graph *g, uint32_t edge)
{
    int64_t number = -1;
    for (struct mid__string_step it = mid__string_begin(&g->strings, g->edge_name[edge]); mid__string_next(&it);) {
        if (it.code_point < '0' || it.code_point > '9' || number > INT64_MAX / 16)
            break;
        number = (number < 0 ? 0 : number * 10) + (int64_t)(it.code_point - '0');
    }
    return number;
}

/* True for an edge that is shown as `1`. */
static bool is_one(const struct mid__graph *g, uint32_t edge)
{
    if (mid__edge_is_numbered(g->edge_type[edge]))
        return g->edge_name[edge] == 1;
    if (g->edge_type[edge] == MID__EDGE_SHORTCUT)
        return shortcut_number(g, edge) == 1;
    return is_named(g, g->edge_name[edge], "1");
}

static bool is_code(const struct mid__graph *g, uint32_t edge)
{
    return !mid__edge_is_numbered(g->edge_type[edge]) && is_named(g, g->edge_name[edge], "code");
}

static bool has_code(const struct mid__graph *g, uint32_t node)
{
    for (uint32_t e = g->first_edge[node]; e < g->first_edge[node + 1]; e++)
        if (is_code(g, e))
            return true;
    return false;
}

/* True when string `index` ends with ` / DevTools console`. */
static bool is_console(const struct mid__graph *g, uint32_t index)
{
    static const char tail[] = " / DevTools console";
    size_t length = 0, at = 0;
    for (struct mid__string_step it = mid__string_begin(&g->strings, index); mid__string_next(&it);)
        length++;
    if (length < sizeof tail - 1)
        return false;
    for (struct mid__string_step it = mid__string_begin(&g->strings, index); mid__string_next(&it); at++)
        if (at + sizeof tail > length && it.code_point != (unsigned char)tail[at + sizeof tail - 1 - length])
            return false;
    return true;
}

/* ---- what is shut */

static void shut_contexts(struct flood *f)
{
    const struct mid__graph *g = f->graph;
    for (uint32_t n = 0; n < g->node_count; n++)
        f->shut[n] = begins(g, g->node_name[n], "system / Context") &&
                     (is_named(g, g->node_name[n], "system / Context") ||
                      begins(g, g->node_name[n], "system / Context / "));
}

static void shut_detached(struct flood *f)
{
    for (uint32_t n = 0; n < f->graph->node_count; n++)
        f->shut[n] = f->graph->node_detachedness[n] == 2;
}

/* The node that stands for the function of a listener. */
static uint32_t handler_of(const struct mid__graph *g, uint32_t callback)
{
    if (has_code(g, callback))
        return callback;
    for (uint32_t e = g->first_edge[callback]; e < g->first_edge[callback + 1]; e++)
        if (has_code(g, g->edge_target[e]))
            return g->edge_target[e];
    return callback;
}

static void shut_handlers(struct flood *f)
{
    const struct mid__graph *g = f->graph;
    for (uint32_t n = 0; n < g->node_count; n++) {
        if (!is_named(g, g->node_name[n], "V8EventListener"))
            continue;
        for (uint32_t e = g->first_edge[n]; e < g->first_edge[n + 1]; e++)
            if (is_one(g, e)) {
                f->shut[handler_of(g, g->edge_target[e])] = 1;
                break;
            }
    }
}

/* ---- the flood */

static bool passes(const struct flood *f, uint32_t source, uint32_t edge)
{
    const struct mid__graph *g = f->graph;
    if (g->edge_type[edge] == MID__EDGE_WEAK || (f->shut != NULL && f->shut[g->edge_target[edge]]))
        return false;
    bool named = !mid__edge_is_numbered(g->edge_type[edge]) &&
                 !(g->edge_type[edge] == MID__EDGE_SHORTCUT && shortcut_number(g, edge) >= 0);
    return !(f->console && named && g->node_type[source] == MID__NODE_SYNTHETIC && is_console(g, g->edge_name[edge]));
}

static enum mid_status flood(struct flood *f)
{
    const struct mid__graph *g = f->graph;
    uint32_t *stack = malloc(((size_t)g->node_count + 1) * sizeof stack[0]);
    size_t height = 0;
    if (stack == NULL)
        return MID_E_MEMORY;
    memset(f->out, 1, g->node_count);
    f->out[g->root] = 0;
    stack[height++] = g->root;
    while (height != 0) {
        uint32_t source = stack[--height];
        for (uint32_t e = g->first_edge[source]; e < g->first_edge[source + 1]; e++) {
            uint32_t target = g->edge_target[e];
            if (f->out[target] && passes(f, source, e)) {
                f->out[target] = 0;
                stack[height++] = target;
            }
        }
    }
    for (uint32_t n = 0; n < g->node_count; n++)
        f->out[n] &= g->distance[n] != MID__DISTANCE_NONE;
    free(stack);
    return MID_OK;
}

static enum mid_status select_duplicates(struct flood *f)
{
    struct mid__duplicates *d;
    enum mid_status status = mid__duplicates_find(f->graph, NULL, &d);
    for (uint32_t n = 0; status == MID_OK && n < f->graph->node_count; n++)
        f->out[n] = d->of_node[n] != MID__NO_DUPLICATE;
    mid__duplicates_free(d);
    return status;
}

static enum mid_status fill(struct flood *f, enum mid__filter filter)
{
    if (filter == MID__FILTER_DUPLICATED_STRINGS)
        return select_duplicates(f);
    f->console = filter == MID__FILTER_CONSOLE;
    f->shut = f->console ? NULL : calloc((size_t)f->graph->node_count + 1, 1);
    if (f->shut == NULL && !f->console)
        return MID_E_MEMORY;
    if (filter == MID__FILTER_CONTEXTS)
        shut_contexts(f);
    else if (filter == MID__FILTER_DETACHED)
        shut_detached(f);
    else if (filter == MID__FILTER_EVENT_HANDLERS)
        shut_handlers(f);
    enum mid_status status = flood(f);
    free(f->shut);
    return status;
}

enum mid_status mid__filter_select(const struct mid__graph *graph, enum mid__filter filter, uint8_t **selected)
{
    *selected = NULL;
    if (graph->node_size == NULL || graph->distance == NULL || (unsigned)filter >= MID__FILTERS)
        return MID_E_INVALID;
    struct flood f = {.graph = graph, .out = malloc((size_t)graph->node_count + 1)};
    enum mid_status status = f.out == NULL ? MID_E_MEMORY : fill(&f, filter);
    if (status == MID_OK)
        *selected = f.out;
    else
        free(f.out);
    return status;
}

bool mid__filter_named(const char *name, enum mid__filter *filter)
{
    for (int i = 0; i < MID__FILTERS; i++)
        if (strcmp(name, names[i]) == 0) {
            *filter = (enum mid__filter)i;
            return true;
        }
    return false;
}

const char *mid__filter_name(enum mid__filter filter)
{
    return names[filter];
}
