/* SPDX-License-Identifier: MIT
 *
 * page.c: one list that the viewer shows. A page holds no row: it holds the numbers of its rows (classes, nodes, edges:
 * four bytes each), and a row is put together when it is looked at.
 *
 * The rows of an object have the object in the middle, so that up leads to the roots and down into the object:
 *
 *     heading              retainers
 *     above[n - 1] ..      the farthest from the roots
 *     .. above[0]          the nearest
 *     the object
 *     heading              references
 *     list[0] ..           the largest first
 *
 * I1. The cursor stands on a row that exists and is no heading, unless the page has no other.
 * I2. Every order is strict: equal figures stand in order of the file.
 */
#include "page.h"

#include <midden/internal/path.h>

#include "label.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW 128 /* rows that are sorted together */

/* ---- figures of nodes and classes */

static struct figures figures_of_node(const struct mid__graph *g, uint32_t node)
{
    struct figures f = {.retained = g->retained[node], .shallow = mid__graph_size(g, node), .has_retained = true};
    f.count = g->first_dominated[node + 1] - g->first_dominated[node];
    f.distance = g->distance[node];
    return f;
}

static struct figures figures_of_class(const struct subject *s, uint32_t place)
{
    const struct mid__class *c = &s->classes->list[place];
    return (struct figures){c->retained, c->shallow, c->count, c->distance, s->complete};
}

/* The node at the other end of an edge, seen from the page's object. */
static uint32_t far_end(const struct page *p, const struct order *o, uint32_t edge)
{
    const struct mid__graph *g = p->subject->graph;
    return o == &p->above ? mid__graph_edge_source(g, edge) : g->edge_target[edge];
}

/* ---- orders */

static int compare_bytes(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t both = a_length < b_length ? a_length : b_length;
    int order = both != 0 ? memcmp(a, b, both) : 0;
    return order != 0 ? order : a_length < b_length ? -1 : a_length > b_length;
}

static int compare_class_names(const void *a, const void *b, void *classes)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    size_t x_length, y_length;
    const char *p = mid__class_name(classes, x, &x_length), *q = mid__class_name(classes, y, &y_length);
    int order = compare_bytes(p, x_length, q, y_length);
    return order != 0 ? order : x < y ? -1 : x > y;
}

/* Names of classes are compared millions of times: once with memcmp, then by rank. */
static bool rank_classes(struct subject *s)
{
    uint32_t count = s->classes->count, *order = malloc(((size_t)count + 1) * sizeof *order);
    s->class_rank = order != NULL ? malloc(((size_t)count + 1) * sizeof *order) : NULL;
    if (s->class_rank != NULL) {
        for (uint32_t i = 0; i < count; i++)
            order[i] = i;
        qsort_r(order, count, sizeof *order, compare_class_names, (void *)(uintptr_t)s->classes);
        for (uint32_t i = 0; i < count; i++)
            s->class_rank[order[i]] = i;
    }
    free(order);
    return s->class_rank != NULL;
}

static uint64_t far_first(int32_t distance) /* nothing arrives: last */
{
    return distance < 0 ? UINT64_MAX : (uint64_t)distance;
}

/* Ascending: what is to stand first has the least key. Names of nodes and edges are compared on top of it. */
static uint64_t key_of(enum page_sort by, const struct figures *f)
{
    switch (by) {
    case SORT_SHALLOW:
        return UINT64_MAX - f->shallow;
    case SORT_COUNT:
        return UINT64_MAX - f->count;
    case SORT_DISTANCE:
        return far_first(f->distance);
    case SORT_NAME:
        return 0;
    default:
        return UINT64_MAX - f->retained;
    }
}

/* -1, 0, 1 */
static int compare_keys(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static bool turned(const struct page *p, int order, uint32_t a, uint32_t b)
{
    if (order == 0)
        order = compare_keys(a, b);
    return p->reversed ? order > 0 : order < 0;
}

static bool class_before(const void *user, uint32_t a, uint32_t b)
{
    const struct page *p = user;
    const struct subject *s = p->subject;
    enum page_sort by = page_sorted_by(p);
    struct figures x = figures_of_class(s, a), y = figures_of_class(s, b);
    int order = by == SORT_NAME && s->class_rank != NULL ? compare_keys(s->class_rank[a], s->class_rank[b])
                                                         : compare_keys(key_of(by, &x), key_of(by, &y));
    return turned(p, order != 0 ? order : compare_keys(y.shallow, x.shallow), a, b);
}

static int compare_names(const struct page *p, uint32_t a, uint32_t b)
{
    const struct mid__graph *g = p->subject->graph;
    const uint32_t *rank = p->subject->class_rank, *of_node = p->subject->classes->of_node;
    int order = rank != NULL ? compare_keys(rank[of_node[a]], rank[of_node[b]]) : 0;
    if (order == 0 && g->node_name[a] != g->node_name[b])
        order = mid__strings_compare(&g->strings, g->node_name[a], &g->strings, g->node_name[b]);
    return order;
}

static int compare_nodes(const struct page *p, enum page_sort by, uint32_t a, uint32_t b)
{
    const struct mid__graph *g = p->subject->graph;
    if (by == SORT_NAME)
        return compare_names(p, a, b);
    if (by == SORT_RETAINED) /* the usual case touches one column alone */
        return compare_keys(g->retained[b], g->retained[a]);
    struct figures x = figures_of_node(g, a), y = figures_of_node(g, b);
    return compare_keys(key_of(by, &x), key_of(by, &y));
}

static bool node_before(const void *user, uint32_t a, uint32_t b)
{
    const struct page *p = user;
    return turned(p, compare_nodes(p, page_sorted_by(p), a, b), a, b);
}

static int compare_edge_names(const struct mid__graph *g, uint32_t a, uint32_t b)
{
    bool x = mid__edge_is_numbered(g->edge_type[a]), y = mid__edge_is_numbered(g->edge_type[b]);
    if (x != y)
        return x ? -1 : 1;
    if (x)
        return compare_keys(g->edge_name[a], g->edge_name[b]);
    return mid__strings_compare(&g->strings, g->edge_name[a], &g->strings, g->edge_name[b]);
}

static bool edge_before(const struct page *p, const struct order *o, enum page_sort usual, uint32_t a, uint32_t b)
{
    enum page_sort by = p->sort == SORT_USUAL ? usual : p->sort;
    int order = by == SORT_NAME ? compare_edge_names(p->subject->graph, a, b)
                                : compare_nodes(p, by, far_end(p, o, a), far_end(p, o, b));
    return turned(p, order, a, b);
}

static bool reference_before(const void *user, uint32_t a, uint32_t b)
{
    const struct page *p = user;
    return edge_before(p, &p->list, SORT_RETAINED, a, b);
}

static bool retainer_before(const void *user, uint32_t a, uint32_t b)
{
    const struct page *p = user;
    return edge_before(p, &p->above, SORT_DISTANCE, a, b);
}

static int64_t compared_figure(const struct mid__diff_row *r, enum page_sort by)
{
    switch (by) {
    case SORT_SHALLOW:
        return (int64_t)r->added_size;
    case SORT_COUNT:
        return mid__diff_delta(r);
    case SORT_DISTANCE:
        return (int64_t)r->removed_size;
    default:
        return mid__diff_delta_size(r);
    }
}

static bool compared_before(const void *user, uint32_t a, uint32_t b)
{
    const struct page *p = user;
    const struct compare *x = p->subject->compare;
    enum page_sort by = page_sorted_by(p);
    if (by == SORT_NAME) {
        size_t a_length, b_length;
        const char *m = compare_name(x, a, &a_length), *n = compare_name(x, b, &b_length);
        return turned(p, compare_bytes(m, a_length, n, b_length), a, b);
    }
    int64_t m = compared_figure(&x->diff->rows[a], by), n = compared_figure(&x->diff->rows[b], by);
    return turned(p, m > n ? -1 : m < n, a, b);
}

static void set_orders(struct page *p)
{
    static const order_before before[] = {class_before,     node_before,     node_before, reference_before,
                                          reference_before, compared_before, node_before, node_before};
    order_by(&p->list, p->kind == PAGE_PATH ? NULL : before[p->kind], p);
    order_by(&p->above, retainer_before, p);
}

enum page_sort page_sorted_by(const struct page *p)
{
    if (p->kind == PAGE_OBJECT || p->kind == PAGE_PATH || p->sort != SORT_USUAL)
        return p->sort;
    return p->kind == PAGE_CLASSES && !p->subject->complete ? SORT_SHALLOW : SORT_RETAINED;
}

/* ---- filling */

/* True when `places` are to be listed: the list is made in two rounds, counting and writing. */
struct filling {
    uint32_t *items; /* NULL while counting */
    size_t count;
};

static void put(struct filling *f, uint32_t item)
{
    if (f->items != NULL)
        f->items[f->count] = item;
    f->count++;
}

static void put_range(struct filling *f, const uint32_t *items, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        put(f, items != NULL ? items[i] : i);
}

static void list_rows(const struct page *p, struct filling *f)
{
    const struct subject *s = p->subject;
    const struct mid__graph *g = s->graph;
    uint32_t n = p->item;
    switch (p->kind) {
    case PAGE_CLASSES:
        for (uint32_t i = 0; i < s->classes->count; i++)
            if (s->classes->list[i].count != 0)
                put(f, i);
        break;
    case PAGE_INSTANCES:
        for (uint32_t i = 0; i < g->node_count; i++)
            if (s->classes->of_node[i] == n && g->node_size[i] != 0)
                put(f, i);
        break;
    case PAGE_TREE:
        put_range(f, g->dominated, g->first_dominated[n], g->first_dominated[n + 1]);
        break;
    case PAGE_OBJECT:
        put_range(f, NULL, g->first_edge[n], g->first_edge[n + 1]);
        break;
    case PAGE_COMPARE:
        for (uint32_t i = 0; i < s->compare->diff->row_count; i++)
            if (s->compare->diff->rows[i].added != 0 || s->compare->diff->rows[i].removed != 0)
                put(f, i);
        break;
    case PAGE_NEW:
        put_range(f, s->compare->new_nodes, s->compare->first_new[n], s->compare->first_new[n + 1]);
        break;
    case PAGE_FOUND:
    case PAGE_PATH:
        break;
    }
}

static bool take_rows(struct order *o, struct filling *f)
{
    f->items = malloc((f->count + 1) * sizeof f->items[0]);
    if (f->items != NULL)
        order_take(o, f->items, f->count);
    f->count = 0;
    return f->items != NULL;
}

static uint64_t bar_of_compared(const struct mid__diff_row *r)
{
    int64_t delta = mid__diff_delta_size(r);
    return (uint64_t)(delta < 0 ? -delta : delta);
}

static void measure(struct page *p, const struct order *o)
{
    const struct subject *s = p->subject;
    for (size_t i = 0; i < o->count; i++) {
        struct figures f = {0};
        if (p->kind == PAGE_CLASSES)
            f = figures_of_class(s, o->items[i]);
        else if (p->kind == PAGE_COMPARE)
            f.retained = bar_of_compared(&s->compare->diff->rows[o->items[i]]);
        else if (p->kind == PAGE_OBJECT || p->kind == PAGE_PATH)
            f = figures_of_node(s->graph, far_end(p, o, o->items[i]));
        else
            f = figures_of_node(s->graph, o->items[i]);
        uint64_t own[SORT_FIGURES] = {f.retained, f.shallow, f.count};
        for (int k = 0; k < SORT_FIGURES; k++)
            if (own[k] > p->greatest[k])
                p->greatest[k] = own[k];
    }
}

static enum mid_status fill_path(struct page *p)
{
    uint32_t *steps, count;
    enum mid_status status = mid__path_to(p->subject->graph, p->item, &steps, &count);
    if (status == MID_OK)
        order_take(&p->list, steps, count);
    return status;
}

static enum mid_status fill(struct page *p)
{
    struct filling f = {0};
    if (p->kind == PAGE_PATH)
        return fill_path(p);
    list_rows(p, &f);
    if (!take_rows(&p->list, &f))
        return MID_E_MEMORY;
    list_rows(p, &f);
    if (p->kind == PAGE_OBJECT) {
        const struct mid__graph *g = p->subject->graph;
        f = (struct filling){0};
        f.count = g->first_retainer[p->item + 1] - g->first_retainer[p->item];
        if (!take_rows(&p->above, &f))
            return MID_E_MEMORY;
        put_range(&f, g->retainer, g->first_retainer[p->item], g->first_retainer[p->item + 1]);
    }
    return MID_OK;
}

static void go_to_start(struct page *p)
{
    p->top = 0;
    p->cursor = p->kind == PAGE_OBJECT ? p->above.count + 1 : p->kind == PAGE_PATH && p->list.count != 0 ? p->list.count - 1 : 0;
}

enum mid_status page_create(struct subject *subject, enum page_kind kind, uint32_t item, struct page **page)
{
    struct page *p = *page = calloc(1, sizeof *p);
    if (p == NULL)
        return MID_E_MEMORY;
    *p = (struct page){.subject = subject, .kind = kind, .item = item, .sort = SORT_USUAL};
    enum mid_status status = fill(p);
    if (status != MID_OK) {
        page_free(p);
        *page = NULL;
        return status;
    }
    measure(p, &p->list);
    measure(p, &p->above);
    set_orders(p);
    go_to_start(p);
    return MID_OK;
}

enum mid_status page_create_found(struct subject *subject, uint32_t *nodes, size_t count, const char *words, size_t length,
                                  struct page **page)
{
    struct page *p = *page = calloc(1, sizeof *p);
    char *copy = strndup(words, length);
    if (p == NULL || copy == NULL) {
        free(nodes);
        free(copy);
        free(p);
        *page = NULL;
        return MID_E_MEMORY;
    }
    *p = (struct page){.subject = subject, .kind = PAGE_FOUND, .sort = SORT_USUAL, .words = copy};
    order_take(&p->list, nodes, count);
    for (size_t i = 0; i < count; i++)
        p->shallow += mid__graph_size(subject->graph, nodes[i]);
    measure(p, &p->list);
    set_orders(p);
    go_to_start(p);
    return MID_OK;
}

void page_free(struct page *p)
{
    if (p == NULL)
        return;
    free(p->words);
    order_free(&p->list);
    order_free(&p->above);
    free(p);
}

void page_sort(struct page *p, enum page_sort by)
{
    if (p->kind == PAGE_PATH)
        return;
    p->reversed = page_sorted_by(p) == by ? !p->reversed : false;
    p->sort = by;
    if (by == SORT_NAME && p->subject->classes != NULL && p->subject->class_rank == NULL)
        rank_classes(p->subject); /* without memory: by string alone */
    set_orders(p);
    if (p->kind != PAGE_OBJECT)
        go_to_start(p);
}

/* ---- rows */

size_t page_rows(const struct page *p)
{
    return p->kind == PAGE_OBJECT ? p->above.count + p->list.count + 3 : p->list.count;
}

static uint32_t item_at(struct order *o, size_t at)
{
    size_t from = at - at % WINDOW;
    order_sort(o, from, from + WINDOW);
    return o->items[at];
}

static struct row object_row(struct page *p, size_t at)
{
    size_t above = p->above.count, below = p->list.count;
    const struct mid__graph *g = p->subject->graph;
    if (at == 0)
        return (struct row){ROW_HEADING, (uint32_t)above, ROW_NO_NODE, true};
    if (at <= above) {
        uint32_t edge = item_at(&p->above, above - at);
        return (struct row){ROW_RETAINER, edge, mid__graph_edge_source(g, edge), false};
    }
    if (at == above + 1)
        return (struct row){ROW_SELF, p->item, p->item, false};
    if (at == above + 2)
        return (struct row){ROW_HEADING, (uint32_t)below, ROW_NO_NODE, false};
    uint32_t edge = item_at(&p->list, at - above - 3);
    return (struct row){ROW_REFERENCE, edge, g->edge_target[edge], false};
}

struct row page_row(struct page *p, size_t at)
{
    if (p->kind == PAGE_OBJECT)
        return object_row(p, at);
    uint32_t item = item_at(&p->list, at);
    if (p->kind == PAGE_CLASSES)
        return (struct row){ROW_CLASS, item, ROW_NO_NODE, false};
    if (p->kind == PAGE_COMPARE)
        return (struct row){ROW_COMPARE, item, ROW_NO_NODE, false};
    if (p->kind == PAGE_PATH)
        return (struct row){ROW_STEP, item, p->subject->graph->edge_target[item], false};
    return (struct row){ROW_NODE, item, item, false};
}

struct figures page_figures(const struct page *p, const struct row *row)
{
    if (row->kind == ROW_CLASS)
        return figures_of_class(p->subject, row->item);
    return row->node != ROW_NO_NODE ? figures_of_node(p->subject->graph, row->node) : (struct figures){0};
}

void page_label(const struct page *p, const struct row *row, struct mid__title *t)
{
    const struct subject *s = p->subject;
    size_t length;
    switch (row->kind) {
    case ROW_CLASS:
        label_class(t, s->classes, row->item);
        break;
    case ROW_COMPARE:;
        const char *name = compare_name(s->compare, row->item, &length);
        mid__title_bytes(t, name, length);
        break;
    case ROW_HEADING:
        mid__title_words(t, row->above ? "Retainers" : "References");
        break;
    case ROW_RETAINER:
    case ROW_REFERENCE:
    case ROW_STEP:
        label_edge(t, s->graph, row->item);
        mid__title_words(t, row->kind == ROW_RETAINER ? " of " : " = ");
        label_node(t, s->graph, s->classes, row->node);
        break;
    default:
        label_node(t, s->graph, s->classes, row->node);
    }
}

/* ---- the cursor */

static bool is_heading(const struct page *p, size_t at)
{
    return p->kind == PAGE_OBJECT && (at == 0 || at == p->above.count + 2);
}

void page_move_to(struct page *p, size_t row)
{
    size_t rows = page_rows(p);
    if (rows == 0)
        return;
    bool down = row >= p->cursor;
    p->cursor = row < rows ? row : rows - 1;
    if (is_heading(p, p->cursor)) /* the first row, or the one behind the object's */
        p->cursor = p->cursor == 0 || (down && p->cursor + 1 < rows) ? p->cursor + 1 : p->cursor - 1;
}

void page_move(struct page *p, ptrdiff_t by)
{
    if (by < 0)
        page_move_to(p, p->cursor > (size_t)-by ? p->cursor - (size_t)-by : 0);
    else
        page_move_to(p, p->cursor + (size_t)by < p->cursor ? SIZE_MAX : p->cursor + (size_t)by);
}

/* How many rows stand before the one whose item it is: its place, without sorting all. */
void page_move_to_item(struct page *p, uint32_t item)
{
    bool found = false;
    size_t at = 0;
    if (p->kind == PAGE_OBJECT || p->kind == PAGE_PATH)
        return;
    for (size_t i = 0; i < p->list.count; i++) {
        found |= p->list.items[i] == item;
        at += p->list.before(p->list.user, p->list.items[i], item);
    }
    if (found)
        page_move_to(p, at);
}

void page_scroll(struct page *p, size_t height)
{
    size_t rows = page_rows(p), middle = height / 2;
    if (height == 0)
        return;
    if (p->cursor < p->top || p->cursor - p->top >= height) {
        bool near = p->cursor + 1 == p->top || p->cursor == p->top + height;
        if (near)
            p->top = p->cursor < p->top ? p->cursor : p->cursor - height + 1;
        else
            p->top = p->cursor > middle ? p->cursor - middle : 0;
    }
    if (p->top != 0 && rows - p->top < height)
        p->top = rows > height ? rows - height : 0;
    if (p->kind == PAGE_OBJECT && p->cursor == 1 && p->top == 1 && height > 1)
        p->top = 0; /* the heading comes along */
}
