/* SPDX-License-Identifier: MIT
 *
 * rows.c: the table of a page: figures to the right in columns, then the name, which takes what is left. On a narrow
 * screen columns go, the least told first; the retained size and the name stay.
 *
 *      RETAINED     %              SHALLOW     COUNT  DIST  NAME
 *       1.54 MB  33.6 ########     1.23 kB       512     3  .cache = UnboundedCache @59449
 */
#include "state.h"

#include <string.h>

enum column { COLUMN_MAIN, COLUMN_PERCENT, COLUMN_BAR, COLUMN_SHALLOW, COLUMN_COUNT, COLUMN_DISTANCE, COLUMNS_ALL };

/* The comparison shows other figures in the same places. */
static const struct {
    const char *title, *compared;
    enum page_sort sort;
    size_t width, from; /* shown on screens of at least `from` columns */
    char key;
} columns[COLUMNS_ALL] = {
    {"RETAINED", "DELTA", SORT_RETAINED, 10, 0, 'r'}, {"%", "", SORT_USUAL, 6, 34, 0},
    {"", "", SORT_USUAL, 0, 56, 0},                   {"SHALLOW", "NEW", SORT_SHALLOW, 9, 48, 's'},
    {"COUNT", "DELTA #", SORT_COUNT, 10, 68, 'c'},    {"DIST", "DELETED", SORT_DISTANCE, 6, 76, 'd'},
};

static size_t width_of(const struct screen *s, enum column c)
{
    size_t all = terminal_columns(), wider = s->exact ? 5 : 0;
    bool compared = view_page(&s->view)->kind == PAGE_COMPARE;
    if (all < columns[c].from || (compared && c == COLUMN_PERCENT))
        return 0;
    if (c == COLUMN_BAR)
        return all >= 160 ? 30 : all >= 100 ? 16 : 8;
    if (c == COLUMN_DISTANCE && compared)
        return 10 + wider;
    if (c == COLUMN_COUNT)
        return s->state.node_count < 1000000 ? 9 : s->state.node_count < 10000000 ? 10 : 12;
    return columns[c].width + (c == COLUMN_MAIN || c == COLUMN_SHALLOW ? wider : 0);
}

void rows_header(struct screen *s, size_t row)
{
    const struct page *p = view_page(&s->view);
    struct line l = line_begin(row, terminal_columns(), false);
    bool compared = p->kind == PAGE_COMPARE;
    enum page_sort sorted = page_sorted_by(p);
    for (int c = 0; c < COLUMNS_ALL; c++) {
        size_t from = l.column, width = width_of(s, (enum column)c);
        bool here = columns[c].key != 0 && columns[c].sort == sorted;
        if (width == 0)
            continue;
        line_right(&l, INK_TITLE, compared ? columns[c].compared : columns[c].title, width - (here ? 1 : 0));
        if (here)
            line_words(&l, INK_TITLE, p->reversed ? "\xe2\x96\xb4" : "\xe2\x96\xbe", p->reversed ? "^" : "v");
        if (columns[c].key != 0)
            draw_zone(s, row, from, l.column, columns[c].key);
    }
    size_t from = l.column;
    line_words(&l, INK_TITLE, "  NAME", NULL);
    if (sorted == SORT_NAME)
        line_words(&l, INK_TITLE, p->reversed ? "\xe2\x96\xb4" : "\xe2\x96\xbe", p->reversed ? "^" : "v");
    draw_zone(s, row, from, terminal_columns(), 'a');
}

/* ---- cells */

static void put_size(struct screen *s, struct line *l, enum column c, uint64_t bytes)
{
    text_clear(&s->text);
    text_add_size(&s->text, bytes, s->exact);
    line_right(l, INK_PLAIN, text_string(&s->text), width_of(s, c));
}

static void put_count(struct screen *s, struct line *l, enum column c, uint64_t n)
{
    text_clear(&s->text);
    text_add_count(&s->text, n);
    line_right(l, INK_PLAIN, text_string(&s->text), width_of(s, c));
}

static void put_main(struct screen *s, struct line *l, const struct figures *f)
{
    if (f->has_retained)
        put_size(s, l, COLUMN_MAIN, f->retained);
    else
        line_right(l, INK_DIM, "...", width_of(s, COLUMN_MAIN));
    if (width_of(s, COLUMN_PERCENT) == 0)
        return;
    uint64_t bytes = f->has_retained ? f->retained : f->shallow, all = s->view.subject.total_size;
    text_clear(&s->text);
    text_addf(&s->text, "%.1f", all != 0 ? 100.0 * (double)bytes / (double)all : 0.0);
    line_right(l, INK_DIM, text_string(&s->text), width_of(s, COLUMN_PERCENT));
}

/* The bar tells the figure by which the rows are sorted, of the greatest. */
static void put_bar(struct screen *s, struct line *l, const struct figures *f)
{
    const struct page *p = view_page(&s->view);
    enum page_sort by = page_sorted_by(p);
    int k = by < SORT_FIGURES ? (int)by : f->has_retained ? SORT_RETAINED : SORT_SHALLOW;
    uint64_t own[SORT_FIGURES] = {f->retained, f->shallow, f->count};
    size_t width = width_of(s, COLUMN_BAR);
    if (width != 0) {
        line_words(l, INK_PLAIN, " ", NULL);
        line_bar(l, own[k], p->greatest[k], width - 1);
    }
}

static void put_figures(struct screen *s, struct line *l, const struct figures *f)
{
    put_main(s, l, f);
    put_bar(s, l, f);
    if (width_of(s, COLUMN_SHALLOW) != 0)
        put_size(s, l, COLUMN_SHALLOW, f->shallow);
    if (width_of(s, COLUMN_COUNT) != 0)
        put_count(s, l, COLUMN_COUNT, f->count);
    if (width_of(s, COLUMN_DISTANCE) == 0)
        return;
    if (f->has_retained && f->distance >= 0 && f->distance < MID__DISTANCE_SYSTEM)
        put_count(s, l, COLUMN_DISTANCE, (uint64_t)f->distance);
    else
        line_right(l, INK_PLAIN, "-", width_of(s, COLUMN_DISTANCE));
}

static void put_compared(struct screen *s, struct line *l, const struct mid__diff_row *r)
{
    int64_t bytes = mid__diff_delta_size(r), count = mid__diff_delta(r);
    enum ink ink = bytes > 0 ? INK_MORE : bytes < 0 ? INK_LESS : INK_PLAIN;
    size_t bar = width_of(s, COLUMN_BAR);
    text_clear(&s->text);
    text_add_signed_size(&s->text, bytes, s->exact);
    line_right(l, ink, text_string(&s->text), width_of(s, COLUMN_MAIN));
    if (bar != 0) {
        line_words(l, INK_PLAIN, " ", NULL);
        line_bar(l, (uint64_t)(bytes < 0 ? -bytes : bytes), view_page(&s->view)->greatest[SORT_RETAINED], bar - 1);
    }
    if (width_of(s, COLUMN_SHALLOW) != 0)
        put_size(s, l, COLUMN_SHALLOW, r->added_size);
    if (width_of(s, COLUMN_COUNT) != 0) {
        text_clear(&s->text);
        text_add_signed(&s->text, count);
        line_right(l, INK_PLAIN, text_string(&s->text), width_of(s, COLUMN_COUNT));
    }
    if (width_of(s, COLUMN_DISTANCE) != 0)
        put_size(s, l, COLUMN_DISTANCE, r->removed_size);
}

static void put_heading(struct screen *s, struct line *l, const struct row *row)
{
    const struct mid__title *words = view_label(&s->view, row);
    line_words(l, INK_DIM, "\xe2\x94\x80\xe2\x94\x80 ", "-- ");
    line_add(l, INK_TITLE, words->bytes, words->length, SIZE_MAX);
    text_clear(&s->text);
    text_add(&s->text, " (");
    text_add_count(&s->text, row->item);
    text_add(&s->text, ") ");
    line_words(l, INK_TITLE, text_string(&s->text), NULL);
    while (line_left(l) > 1)
        line_words(l, INK_DIM, "\xe2\x94\x80", "-");
}

/* "+" and "-" of a tree: whether Enter leads further down. */
static void put_name(struct screen *s, struct line *l, const struct row *row, const struct figures *f)
{
    const struct page *p = view_page(&s->view);
    const struct mid__title *name = view_label(&s->view, row);
    enum ink ink = row->kind == ROW_SELF ? INK_TITLE : row->kind == ROW_CLASS || row->kind == ROW_COMPARE ? INK_NAME : INK_PLAIN;
    line_words(l, INK_DIM, p->kind == PAGE_TREE && f->count != 0 ? " /" : "  ", NULL);
    if (row->node != ROW_NO_NODE)
        line_label(l, ink, name->bytes, name->length, SIZE_MAX);
    else
        line_add(l, ink, name->bytes, name->length, SIZE_MAX);
}

static void draw_row(struct screen *s, size_t at, size_t row)
{
    struct page *p = view_page(&s->view);
    struct row item = page_row(p, at);
    struct line l = line_begin(row, terminal_columns(), at == p->cursor && item.kind != ROW_HEADING);
    struct figures f = page_figures(p, &item);
    if (item.kind == ROW_HEADING) {
        put_heading(s, &l, &item);
    } else {
        if (item.kind == ROW_COMPARE)
            put_compared(s, &l, &s->view.subject.compare->diff->rows[item.item]);
        else
            put_figures(s, &l, &f);
        put_name(s, &l, &item, &f);
    }
    if (l.selected)
        line_fill(&l);
}

void rows_draw(struct screen *s)
{
    struct page *p = view_page(&s->view);
    size_t rows = page_rows(p);
    page_scroll(p, s->body_height);
    for (size_t i = 0; i < s->body_height && p->top + i < rows; i++)
        draw_row(s, p->top + i, s->body_row + i);
    if (rows == 0) {
        struct line l = line_begin(s->body_row, terminal_columns(), false);
        line_words(&l, INK_DIM, p->kind == PAGE_TREE ? "  it dominates no other object"
                                : p->kind == PAGE_COMPARE ? "  nothing came, nothing went" : "  nothing is here", NULL);
    }
}
