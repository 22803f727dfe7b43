/* SPDX-License-Identifier: MIT
 *
 * where.c: runs an expression over all nodes at once. Each comparison fills a column of one byte a node; `and`, `or` and
 * `not` work on columns. Classes are compared once each, names of types once each; only `name` looks at every node's
 * text.
 *
 * retained-by goes down the dominator tree: what is right for an object holds for all below it.
 */
#include "where.h"

#include <midden/internal/pattern.h>
#include <midden/internal/titles.h>

#include <stdlib.h>
#include <string.h>

struct running {
    const struct mid__where *where;
    const struct mid__graph *graph;
    const struct mid__classes *classes;
    uint8_t *columns[2 * MID__WHERE_DEPTH_MAX + 4];
    size_t height;
};

unsigned mid__where_parts(const struct mid__where *w)
{
    static const unsigned parts[WHERE_FIELDS] = {[WHERE_SIZE] = MID__PART_FOLDED,
                                                 [WHERE_RETAINED] = MID__PART_RETAINED,
                                                 [WHERE_DISTANCE] = MID__PART_DISTANCES,
                                                 [WHERE_RETAINED_BY] = MID__PART_DOMINATED};
    unsigned all = 0;
    for (size_t i = 0; i < w->count; i++)
        if (w->steps[i].kind == WHERE_COMPARE)
            all |= parts[w->steps[i].field];
    return all;
}

bool mid__where_missing_id(const struct mid__where *w, const struct mid__graph *graph, uint64_t *id)
{
    uint32_t node;
    for (size_t i = 0; i < w->count; i++) {
        *id = (uint64_t)w->steps[i].number;
        if (w->steps[i].kind == WHERE_COMPARE && w->steps[i].by_id && !mid__graph_find(graph, *id, &node))
            return true;
    }
    return false;
}

/* ---- text */

static bool is_negated(const struct where_step *s)
{
    return s->operator == WHERE_NE || s->operator == WHERE_UNLIKE;
}

/* Whether the text is the value, or fits the pattern; the operator's "not" is left to the caller. */
static bool fits(const struct running *r, const struct where_step *s, const char *text, size_t length)
{
    const char *value = r->where->texts + s->text;
    if (s->operator == WHERE_LIKE || s->operator == WHERE_UNLIKE)
        return mid__pattern_matches(value, s->length, text, length);
    return s->length == length && memcmp(value, text, length) == 0;
}

/* 1 for the nodes whose class fits. */
static bool mark_classes(const struct running *r, const struct where_step *s, uint8_t *column)
{
    const struct mid__graph *g = r->graph;
    uint8_t *right = malloc((size_t)r->classes->count + 1);
    bool object = fits(r, s, "Object", 6);
    if (right == NULL)
        return false;
    for (uint32_t i = 0; i < r->classes->count; i++) {
        size_t length;
        const char *name = mid__class_name(r->classes, i, &length);
        right[i] = fits(r, s, name, length);
    }
    for (uint32_t n = 0; n < g->node_count; n++)
        column[n] = right[r->classes->of_node[n]] || (object && mid__title_is_plain_object(g, n));
    free(right);
    return true;
}

static bool mark_names(const struct running *r, const struct where_step *s, uint8_t *column)
{
    struct mid__title name = {0};
    bool failed = false;
    for (uint32_t n = 0; n < r->graph->node_count; n++) {
        mid__title_clear(&name);
        mid__title_node(&name, r->graph, n);
        failed |= name.failed;
        column[n] = fits(r, s, name.bytes != NULL ? name.bytes : "", name.length);
    }
    mid__title_free(&name);
    return !failed;
}

static void mark_types(const struct running *r, const struct where_step *s, uint8_t *column)
{
    uint8_t right[256];
    for (unsigned t = 0; t < 256; t++) {
        const char *name = t <= MID__NODE_UNKNOWN ? mid__graph_node_type_name(r->graph, (uint8_t)t) : "";
        right[t] = fits(r, s, name, strlen(name));
    }
    for (uint32_t n = 0; n < r->graph->node_count; n++)
        column[n] = right[r->graph->node_type[n]];
}

/* column: 1 for the holders; becomes 1 for what is below one. On the way 2 says "below". */
static bool spread_down(const struct mid__graph *g, uint8_t *column)
{
    uint32_t *stack = malloc(((size_t)g->node_count + 1) * sizeof stack[0]);
    size_t height = 0;
    if (stack == NULL)
        return false;
    stack[height++] = g->root;
    while (height != 0) {
        uint32_t n = stack[--height];
        for (uint32_t i = g->first_dominated[n]; i < g->first_dominated[n + 1]; i++) {
            uint32_t child = g->dominated[i];
            column[child] |= column[n] != 0 ? 2 : 0;
            stack[height++] = child;
        }
    }
    for (uint32_t n = 0; n < g->node_count; n++)
        column[n] = (column[n] & 2) != 0;
    free(stack);
    return true;
}

static bool mark_retained(const struct running *r, const struct where_step *s, uint8_t *column)
{
    uint32_t node;
    if (!s->by_id)
        return mark_classes(r, s, column) && spread_down(r->graph, column);
    memset(column, 0, r->graph->node_count);
    if (mid__graph_find(r->graph, (uint64_t)s->number, &node))
        column[node] = 1;
    return spread_down(r->graph, column);
}

/* ---- numbers */

static int64_t figure(const struct mid__graph *g, enum where_field field, uint32_t node)
{
    switch (field) {
    case WHERE_SIZE:
        return (int64_t)mid__graph_size(g, node);
    case WHERE_RETAINED:
        return (int64_t)g->retained[node];
    case WHERE_DISTANCE:
        return g->distance[node];
    default:
        return (int64_t)mid__graph_id(g, node);
    }
}

static bool holds(enum where_operator operator, int64_t a, int64_t b)
{
    switch (operator) {
    case WHERE_LT:
        return a < b;
    case WHERE_LE:
        return a <= b;
    case WHERE_GT:
        return a > b;
    case WHERE_GE:
        return a >= b;
    case WHERE_NE:
        return a != b;
    default:
        return a == b;
    }
}

/* ---- the program */

static bool compare(const struct running *r, const struct where_step *s, uint8_t *column)
{
    const struct mid__graph *g = r->graph;
    bool good = true;
    switch (s->field) {
    case WHERE_CLASS:
        good = mark_classes(r, s, column);
        break;
    case WHERE_NAME:
        good = mark_names(r, s, column);
        break;
    case WHERE_TYPE:
        mark_types(r, s, column);
        break;
    case WHERE_RETAINED_BY:
        good = mark_retained(r, s, column);
        break;
    default:
        for (uint32_t n = 0; n < g->node_count; n++)
            column[n] = holds(s->operator, figure(g, s->field, n), s->number);
        return true;
    }
    for (uint32_t n = 0; is_negated(s) && n < g->node_count; n++)
        column[n] ^= 1;
    return good;
}

static bool run(struct running *r)
{
    uint32_t count = r->graph->node_count;
    for (size_t i = 0; i < r->where->count; i++) {
        const struct where_step *s = &r->where->steps[i];
        if (s->kind == WHERE_COMPARE) {
            uint8_t *column = malloc((size_t)count + 1);
            r->columns[r->height++] = column;
            if (column == NULL || !compare(r, s, column))
                return false;
            continue;
        }
        uint8_t *top = r->columns[r->height - 1];
        if (s->kind == WHERE_NOT) {
            for (uint32_t n = 0; n < count; n++)
                top[n] ^= 1;
            continue;
        }
        uint8_t *below = r->columns[r->height - 2];
        for (uint32_t n = 0; n < count; n++)
            below[n] = s->kind == WHERE_AND ? below[n] & top[n] : below[n] | top[n];
        free(top);
        r->height--;
    }
    return true;
}

static bool is_ready(const struct mid__graph *g, unsigned parts)
{
    return (!(parts & MID__PART_FOLDED) || g->node_size != NULL) && (!(parts & MID__PART_RETAINED) || g->retained != NULL) &&
           (!(parts & MID__PART_DISTANCES) || g->distance != NULL) &&
           (!(parts & MID__PART_DOMINATED) || g->first_dominated != NULL);
}

enum mid_status mid__where_select(const struct mid__where *where, const struct mid__graph *graph,
                                  const struct mid__classes *classes, uint8_t **selected)
{
    struct running r = {.where = where, .graph = graph, .classes = classes};
    *selected = NULL;
    if (!is_ready(graph, mid__where_parts(where)))
        return MID_E_INVALID;
    bool good = run(&r);
    if (good)
        *selected = r.columns[--r.height];
    while (r.height != 0)
        free(r.columns[--r.height]);
    return good ? MID_OK : MID_E_MEMORY;
}
