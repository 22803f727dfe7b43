/* SPDX-License-Identifier: MIT
 *
 * draw.c: the frame around the rows. What does not fit goes, the least needed first:
 *
 *      midden  app.heapsnapshot: 72,755 nodes, 281,808 edges, 4.57 MB        from 12 rows on
 *      1 Classes  2 Tree | global > UnboundedCache > Map @59857
 *      object, script 91, line 3, column 14                                  of an object's page, from 9 rows on
 *      RETAINED ...                                                          from 8 rows on
 *      (rows)
 *      4 of 505, or the prompt, or what is being computed
 *      ? help  / search  Enter open ...                                      from 5 rows on
 */
#include "state.h"

#include "label.h"

#include <stdio.h>
#include <string.h>

#define CRUMBS        32
#define CRUMB_COLUMNS 28

void draw_zone(struct screen *s, size_t row, size_t from, size_t to, char key)
{
    if (s->zone_count < ZONES)
        s->zones[s->zone_count++] = (struct zone){row, from, to, key};
}

/* ---- the lines above */

static void draw_title(struct screen *s, size_t row)
{
    struct line l = line_begin(row, terminal_columns(), true);
    text_clear(&s->text);
    if (s->state.stage == ANALYSIS_CLASSES || s->state.stage == ANALYSIS_COMPLETE) {
        text_add(&s->text, "  ");
        text_add_count(&s->text, s->state.node_count);
        text_add(&s->text, " nodes, ");
        text_add_count(&s->text, s->state.edge_count);
        text_add(&s->text, " edges, ");
        text_add_size(&s->text, s->state.total_size, s->exact);
        text_add(&s->text, s->exact ? " bytes" : "");
    }
    size_t room = terminal_columns() > s->text.length + 20 ? terminal_columns() - s->text.length - 9 : 11;
    line_words(&l, INK_TITLE, " midden  ", NULL);
    line_add(&l, INK_PLAIN, s->title, strlen(s->title), room);
    line_words(&l, INK_PLAIN, text_string(&s->text), NULL);
    line_fill(&l);
}

static void draw_tabs(struct screen *s, struct line *l, size_t row)
{
    static const char *const names[TABS] = {"1 Classes", "2 Tree", "3 Comparison"};
    static const char *const short_names[TABS] = {"1", "2", "3"};
    for (int tab = 0; tab < TABS; tab++) {
        bool here = s->view.tab == (enum view_tab)tab;
        size_t from = l->column;
        if (tab == TAB_COMPARE && s->request->old_path == NULL)
            continue;
        l->selected = here;
        line_words(l, INK_TITLE, " ", NULL);
        line_words(l, here ? INK_TITLE : INK_DIM, terminal_columns() < 60 ? short_names[tab] : names[tab], NULL);
        line_words(l, INK_TITLE, " ", NULL);
        l->selected = false;
        draw_zone(s, row, from, l->column, (char)('1' + tab));
    }
    line_words(l, INK_DIM, " ", NULL);
}

static void label_crumb(struct screen *s, uint32_t node)
{
    mid__title_clear(&s->label);
    label_node(&s->label, s->view.subject.graph, s->view.subject.classes, node);
}

/* The dominators down to the page's node: as many of the last as there is room for. */
static void draw_chain(struct screen *s, struct line *l)
{
    uint32_t nodes[CRUMBS];
    bool more;
    size_t count = view_chain(&s->view, nodes, CRUMBS, &more), shown = 0, used = 2;
    for (; shown < count; shown++) {
        struct text t = {0};
        label_crumb(s, nodes[shown]);
        used += text_add_dump(&t, s->label.bytes, s->label.length, CRUMB_COLUMNS, l->ascii) + 3;
        text_free(&t);
        if (used > line_left(l) && shown != 0)
            break;
    }
    if (shown < count || more)
        line_words(l, INK_DIM, "\xe2\x80\xa6 \xe2\x80\xba ", ".. > ");
    while (shown-- > 0) {
        label_crumb(s, nodes[shown]);
        line_label(l, shown == 0 ? INK_TITLE : INK_PLAIN, s->label.bytes, s->label.length, CRUMB_COLUMNS);
        if (shown != 0)
            line_words(l, INK_DIM, " \xe2\x80\xba ", " > ");
    }
}

static void draw_crumbs(struct screen *s, size_t row)
{
    static const char *const before[] = {NULL, "objects of ", NULL, NULL, "path to ", NULL, "new objects of ", "objects where "};
    struct line l = line_begin(row, terminal_columns(), false);
    const struct page *p = view_page(&s->view);
    draw_tabs(s, &l, row);
    if (p == NULL)
        return;
    if (before[p->kind] != NULL)
        line_words(&l, INK_DIM, before[p->kind], NULL);
    size_t length;
    if (p->kind == PAGE_INSTANCES) {
        const char *name = mid__class_name(s->view.subject.classes, p->item, &length);
        line_add(&l, INK_TITLE, name, length, SIZE_MAX);
    } else if (p->kind == PAGE_NEW) {
        const char *name = compare_name(s->view.subject.compare, p->item, &length);
        line_add(&l, INK_TITLE, name, length, SIZE_MAX);
    } else if (p->kind == PAGE_FOUND) {
        line_add(&l, INK_TITLE, p->words, strlen(p->words), SIZE_MAX);
    } else {
        draw_chain(s, &l);
    }
}

static void draw_detail(struct screen *s, size_t row)
{
    const struct mid__graph *g = s->view.subject.graph;
    uint32_t node = view_page(&s->view)->item;
    const struct mid__graph_location *at = mid__graph_location_of(g, node);
    struct line l = line_begin(row, terminal_columns(), false);
    uint64_t own = mid__graph_raw_size(g, node);
    line_printf(&l, INK_DIM, " %s", mid__graph_node_type_name(g, g->node_type[node]));
    if (g->node_detachedness[node] == 2)
        line_words(&l, INK_MORE, ", detached", NULL);
    if (own != mid__graph_size(g, node)) {
        text_clear(&s->text);
        text_add_size(&s->text, own, s->exact);
        line_printf(&l, INK_DIM, ", %s of its own, %s", text_string(&s->text),
                    own < mid__graph_size(g, node) ? "the rest of its size is what it alone owns" : "counted with its owner");
    }
    if (at != NULL)
        line_printf(&l, INK_DIM, ", script %d, line %lld, column %lld", (int)at->script_id, (long long)at->line + 1,
                    (long long)at->column + 1);
}

/* ---- the lines below */

static void put_progress(struct screen *s, struct line *l)
{
    const struct analysis_state *a = &s->state;
    line_printf(l, INK_DIM, " %s", a->phase[0] != '\0' ? a->phase : "opening");
    if (s->request->old_path != NULL)
        line_printf(l, INK_DIM, " of the %s snapshot", a->path == s->request->old_path ? "older" : "newer");
    if (a->total != 0) {
        uint64_t done = a->done < a->total ? a->done : a->total;
        line_printf(l, INK_DIM, " %u %% ", (unsigned)(100.0 * (double)done / (double)a->total));
        if (line_left(l) > 20)
            line_bar(l, done, a->total, 16);
    }
}

static void put_place(struct screen *s, struct line *l)
{
    const struct page *p = view_page(&s->view);
    size_t rows = page_rows(p), at = rows != 0 ? p->cursor + 1 : 0;
    if (p->kind == PAGE_OBJECT)
        return;
    text_clear(&s->text);
    text_add_count(&s->text, at);
    text_add(&s->text, " of ");
    text_add_count(&s->text, rows);
    if (p->kind == PAGE_FOUND) {
        text_add(&s->text, ", ");
        text_add_size(&s->text, p->shallow, s->exact);
        text_add(&s->text, " of their own");
    }
    line_printf(l, INK_DIM, " %s", text_string(&s->text));
}

static void put_search(struct screen *s, struct line *l)
{
    size_t rows = page_rows(view_page(&s->view)), left = s->view.search.left;
    line_printf(l, INK_DIM, " searching, %u %%", rows != 0 ? (unsigned)(100.0 * (double)(rows - left) / (double)rows) : 0u);
}

static void draw_status(struct screen *s, size_t row)
{
    struct line l = line_begin(row, terminal_columns(), false);
    if (s->prompt != PROMPT_NONE) {
        line_words(&l, INK_TITLE, s->prompt == PROMPT_SEARCH ? " /" : s->prompt == PROMPT_ID ? " object @" : " where ", NULL);
        line_add(&l, INK_PLAIN, s->typed.bytes, s->typed.length, SIZE_MAX);
        line_words(&l, INK_PLAIN, "\xe2\x96\x8f", "_");
    }
    if (s->searching)
        put_search(s, &l);
    else if (s->message != NULL)
        line_printf(&l, INK_PLAIN, s->prompt == PROMPT_FIND ? "   (%s)" : " %s", s->message);
    else if (s->state.stage == ANALYSIS_READING || s->state.stage == ANALYSIS_CLASSES)
        put_progress(s, &l);
    else if (s->prompt == PROMPT_NONE && view_page(&s->view) != NULL)
        put_place(s, &l);
}

static void draw_keys(struct screen *s, size_t row)
{
    static const struct {
        const char *key, *words;
        char press;
    } keys[] = {
        {"?", "help", '?'}, {"q", "quit", 'q'},     {"/", "search", '/'}, {"f", "find", 'f'}, {"Enter", "open", '\r'}, {"\xe2\x86\x90", "back", '\b'},
        {"o", "object", 'o'}, {"t", "tree", 't'}, {"p", "path", 'p'},   {"rscad", "sort", 0},    {"b", "bytes", 'b'},
        {"g", "go to @id", 'g'},
    };
    struct line l = line_begin(row, terminal_columns(), false);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        size_t from = l.column;
        if (line_left(&l) < strlen(keys[i].key) + strlen(keys[i].words) + 3)
            return;
        line_words(&l, INK_PLAIN, i != 0 ? " " : "", NULL);
        line_words(&l, INK_KEY, keys[i].key, keys[i].press == '\b' ? "<" : NULL);
        line_printf(&l, INK_PLAIN, " %s ", keys[i].words);
        if (keys[i].press != 0)
            draw_zone(s, row, from, l.column, keys[i].press);
    }
}

/* ---- the whole */

/* While there is nothing but progress. */
static void draw_waiting(struct screen *s)
{
    struct line l = line_begin(s->body_row + s->body_height / 2, terminal_columns(), false);
    line_words(&l, INK_PLAIN, "  Reading ", NULL);
    line_add(&l, INK_NAME, s->title, strlen(s->title), SIZE_MAX);
}

void draw(struct screen *s)
{
    size_t height = terminal_rows(), row = 0, foot = 1;
    const struct page *p = view_page(&s->view);
    terminal_erase();
    s->zone_count = 0;
    if (s->overlay != OVERLAY_NONE) {
        overlay_draw(s);
        terminal_show();
        return;
    }
    if (height >= 12)
        draw_title(s, row++);
    if (height >= 4)
        draw_crumbs(s, row++);
    if (height >= 9 && p != NULL && p->kind == PAGE_OBJECT)
        draw_detail(s, row++);
    if (height >= 8 && p != NULL)
        rows_header(s, row++);
    if (height >= 5) {
        draw_keys(s, height - 1);
        foot++;
    }
    s->body_row = row;
    s->body_height = height > row + foot ? height - row - foot : 1;
    if (p != NULL)
        rows_draw(s);
    else
        draw_waiting(s);
    if (height >= 3)
        draw_status(s, height >= 5 ? height - 2 : height - 1);
    terminal_show();
}
