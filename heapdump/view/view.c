/* SPDX-License-Identifier: MIT
 *
 * view.c: going from page to page. Each tab has the pages one came through, so that a tab is found again as it was left.
 *
 *     classes   [ classes | instances of Foo | object @7 | object @9 ]     back: one page to the left
 *     tree      [ (root)  | global @3        | Foo @7 ]                    up: to the dominator
 *     compare   [ rows    | new Foo          | object @11 ]
 */
#include "view.h"

#include <midden/internal/where.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char no_memory[] = "out of memory";
static const char too_early[] = "not yet: the figures are still being computed";

/* ---- stacks */

struct page *view_page(const struct view *v)
{
    const struct view_stack *s = &v->stacks[v->tab];
    return s->count != 0 ? s->pages[s->count - 1] : NULL;
}

static enum mid_status widen(struct view_stack *s)
{
    size_t wide = s->capacity != 0 ? 2 * s->capacity : 16;
    struct page **pages = realloc(s->pages, wide * sizeof pages[0]);
    if (pages == NULL)
        return MID_E_MEMORY;
    s->pages = pages;
    s->capacity = wide;
    return MID_OK;
}

static enum mid_status push(struct view *v, enum view_tab tab, enum page_kind kind, uint32_t item)
{
    struct view_stack *s = &v->stacks[tab];
    if (s->count == s->capacity && widen(s) != MID_OK)
        return MID_E_MEMORY;
    enum mid_status status = page_create(&v->subject, kind, item, &s->pages[s->count]);
    if (status == MID_OK)
        s->count++;
    return status;
}

static const char *go(struct view *v, enum page_kind kind, uint32_t item)
{
    return push(v, v->tab, kind, item) == MID_OK ? NULL : no_memory;
}

static void pop(struct view *v, enum view_tab tab)
{
    struct view_stack *s = &v->stacks[tab];
    page_free(s->pages[--s->count]);
}

enum mid_status view_begin(struct view *v, const struct mid__classes *classes, uint64_t total_size)
{
    v->subject.classes = classes;
    v->subject.total_size = total_size;
    return push(v, TAB_CLASSES, PAGE_CLASSES, 0);
}

/* The class table anew, in the order of `old`, which had it before all figures were there, and at class `place`. */
static enum mid_status renew_classes(struct view *v, struct page *old, bool moved, uint32_t place)
{
    struct view_stack *s = &v->stacks[TAB_CLASSES];
    enum mid_status status = push(v, TAB_CLASSES, PAGE_CLASSES, 0);
    if (status == MID_OK && old != NULL && old->sort != SORT_USUAL) {
        page_sort(s->pages[0], old->sort);
        if (s->pages[0]->reversed != old->reversed)
            page_sort(s->pages[0], old->sort);
    }
    if (status == MID_OK && moved)
        page_move_to_item(s->pages[0], place);
    return status;
}

enum mid_status view_complete(struct view *v, const struct mid__graph *graph, const struct mid__classes *classes,
                              const struct compare *compare)
{
    struct view_stack *s = &v->stacks[TAB_CLASSES];
    struct page *old = s->count != 0 ? s->pages[--s->count] : NULL;
    bool moved = old != NULL && old->cursor != 0;
    uint32_t place = moved ? page_row(old, old->cursor).item : 0;
    free(v->subject.class_rank);
    v->subject = (struct subject){graph, classes, compare, true, graph->total_size, NULL};
    enum mid_status status = renew_classes(v, old, moved && place < classes->count, place);
    page_free(old);
    if (status == MID_OK)
        status = push(v, TAB_TREE, PAGE_TREE, graph->root);
    if (status == MID_OK && compare != NULL) {
        status = push(v, TAB_COMPARE, PAGE_COMPARE, 0);
        v->tab = TAB_COMPARE;
    }
    return status;
}

void view_free(struct view *v)
{
    for (int tab = 0; tab < TABS; tab++) {
        while (v->stacks[tab].count != 0)
            pop(v, (enum view_tab)tab);
        free(v->stacks[tab].pages);
    }
    free(v->subject.class_rank);
    mid__title_free(&v->text);
    mid__title_free(&v->search.query);
    mid__title_free(&v->search.folded);
    *v = (struct view){0};
}

/* ---- going */

bool view_has_tab(const struct view *v, enum view_tab tab)
{
    return v->stacks[tab].count != 0;
}

const char *view_show_tab(struct view *v, enum view_tab tab)
{
    if (!view_has_tab(v, tab))
        return tab == TAB_COMPARE && v->subject.complete ? "one snapshot alone is open" : too_early;
    while (v->tab == tab && v->stacks[tab].count > 1)
        pop(v, tab);
    v->tab = tab;
    return NULL;
}

static bool is_empty(const struct view *v)
{
    const struct page *p = view_page(v);
    return p == NULL || page_rows(p) == 0;
}

static struct row row_under_cursor(const struct view *v)
{
    struct page *p = view_page(v);
    return page_row(p, p->cursor);
}

uint32_t view_node(const struct view *v)
{
    const struct page *p = view_page(v);
    bool of_node = p != NULL && (p->kind == PAGE_TREE || p->kind == PAGE_OBJECT || p->kind == PAGE_PATH);
    uint32_t node = is_empty(v) ? ROW_NO_NODE : row_under_cursor(v).node;
    return node == ROW_NO_NODE && of_node ? p->item : node;
}

static bool has_children(const struct view *v, uint32_t node)
{
    const struct mid__graph *g = v->subject.graph;
    return g->first_dominated[node] != g->first_dominated[node + 1];
}

const char *view_enter(struct view *v)
{
    if (is_empty(v))
        return NULL;
    if (!v->subject.complete)
        return too_early;
    struct row row = row_under_cursor(v);
    switch (row.kind) {
    case ROW_CLASS:
        return go(v, PAGE_INSTANCES, row.item);
    case ROW_COMPARE:
        if (v->subject.compare->diff->rows[row.item].added == 0)
            return "none of its objects is new; those deleted are not in the newer snapshot";
        return go(v, PAGE_NEW, row.item);
    case ROW_HEADING:
        return NULL;
    case ROW_SELF:
        return view_tree(v);
    default:
        if (view_page(v)->kind == PAGE_TREE && has_children(v, row.node))
            return go(v, PAGE_TREE, row.node);
        return go(v, PAGE_OBJECT, row.node);
    }
}

const char *view_back(struct view *v)
{
    if (v->stacks[v->tab].count < 2)
        return "this is the first page";
    pop(v, v->tab);
    return NULL;
}

/* The tree page of `node`'s dominator, with the cursor on it. */
static const char *show_in_tree(struct view *v, uint32_t node)
{
    const char *why = go(v, PAGE_TREE, v->subject.graph->dominator[node]);
    if (why == NULL)
        page_move_to_item(view_page(v), node);
    return why;
}

const char *view_up(struct view *v)
{
    struct view_stack *s = &v->stacks[v->tab];
    const struct page *p = view_page(v);
    const struct mid__graph *g = v->subject.graph;
    if (p == NULL || p->kind != PAGE_TREE || p->item == g->root)
        return view_back(v);
    uint32_t node = p->item;
    const struct page *before = s->count > 1 ? s->pages[s->count - 2] : NULL;
    if (before != NULL && before->kind == PAGE_TREE && before->item == g->dominator[node])
        return view_back(v);
    const char *why = show_in_tree(v, node);
    if (why == NULL) { /* it takes the place of the page that was left */
        struct page *left = s->pages[s->count - 2];
        s->pages[s->count - 2] = s->pages[s->count - 1];
        s->count--;
        page_free(left);
    }
    return why;
}

static const char *find_node(const struct view *v, uint32_t *node)
{
    if (!v->subject.complete)
        return too_early;
    *node = view_node(v);
    return *node == ROW_NO_NODE ? "no object is under the cursor" : NULL;
}

const char *view_object(struct view *v)
{
    uint32_t node;
    const char *why = find_node(v, &node);
    if (why != NULL)
        return why;
    const struct page *p = view_page(v);
    return p->kind == PAGE_OBJECT && p->item == node ? NULL : go(v, PAGE_OBJECT, node);
}

const char *view_tree(struct view *v)
{
    uint32_t node;
    const char *why = find_node(v, &node);
    if (why != NULL)
        return why;
    return node == v->subject.graph->root ? go(v, PAGE_TREE, node) : show_in_tree(v, node);
}

const char *view_path(struct view *v)
{
    uint32_t node;
    const char *why = find_node(v, &node);
    if (why != NULL)
        return why;
    why = go(v, PAGE_PATH, node);
    if (why == NULL && page_rows(view_page(v)) == 0) {
        pop(v, v->tab);
        return node == v->subject.graph->root ? "this is the root" : "no path leads from the roots to it";
    }
    return why;
}

const char *view_id(struct view *v, uint64_t id)
{
    uint32_t node;
    if (!v->subject.complete)
        return too_early;
    if (!mid__graph_find(v->subject.graph, id, &node))
        return "no object has this id";
    return go(v, PAGE_OBJECT, node);
}

/* The nodes with a size that are selected; *nodes is the caller's. */
static enum mid_status list_selected(const struct mid__graph *g, const uint8_t *selected, uint32_t **nodes, size_t *count)
{
    *count = 0;
    for (uint32_t n = 0; n < g->node_count; n++)
        *count += selected[n] && mid__graph_size(g, n) != 0;
    *nodes = malloc((*count + 1) * sizeof **nodes);
    if (*nodes == NULL)
        return MID_E_MEMORY;
    *count = 0;
    for (uint32_t n = 0; n < g->node_count; n++)
        if (selected[n] && mid__graph_size(g, n) != 0)
            (*nodes)[(*count)++] = n;
    return MID_OK;
}

static const char *show_found(struct view *v, const struct mid__where *where, const char *expression, size_t length)
{
    const struct mid__graph *g = v->subject.graph;
    uint8_t *selected = NULL;
    uint32_t *nodes = NULL;
    size_t count;
    uint64_t id;
    if (mid__where_missing_id(where, g, &id)) {
        snprintf(v->refusal, sizeof v->refusal, "no object @%llu", (unsigned long long)id);
        return v->refusal;
    }
    enum mid_status status = mid__where_select(where, g, v->subject.classes, &selected);
    if (status == MID_OK)
        status = list_selected(g, selected, &nodes, &count);
    free(selected);
    if (status == MID_OK && count == 0) {
        free(nodes);
        return "no object is so";
    }
    struct view_stack *s = &v->stacks[v->tab];
    if (status == MID_OK && s->count == s->capacity)
        status = widen(s);
    if (status != MID_OK) {
        free(nodes);
        return no_memory;
    }
    if (page_create_found(&v->subject, nodes, count, expression, length, &s->pages[s->count]) != MID_OK)
        return no_memory;
    s->count++;
    return NULL;
}

const char *view_find(struct view *v, const char *expression, size_t length)
{
    struct mid__where *where;
    struct mid__where_error error;
    if (!v->subject.complete)
        return too_early;
    enum mid_status status = mid__where_parse(expression, length, &where, &error);
    if (status == MID_E_MEMORY)
        return no_memory;
    if (status != MID_OK) {
        snprintf(v->refusal, sizeof v->refusal, "%s, at character %zu", error.message, error.column);
        return v->refusal;
    }
    const char *why = show_found(v, where, expression, length);
    mid__where_free(where);
    return why;
}

size_t view_chain(const struct view *v, uint32_t *nodes, size_t max, bool *more)
{
    const struct page *p = view_page(v);
    size_t count = 0;
    *more = false;
    if (p == NULL || (p->kind != PAGE_TREE && p->kind != PAGE_OBJECT && p->kind != PAGE_PATH))
        return 0;
    const struct mid__graph *g = v->subject.graph;
    uint32_t node = p->item;
    do {
        if (count == max) {
            *more = true;
            break;
        }
        nodes[count++] = node;
        node = g->dominator[node];
    } while (node != g->root);
    return count;
}

const struct mid__title *view_label(struct view *v, const struct row *row)
{
    mid__title_clear(&v->text);
    page_label(view_page(v), row, &v->text);
    return &v->text;
}
