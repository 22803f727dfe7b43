/* SPDX-License-Identifier: MIT
 *
 * keys.c: what each key does. A search goes in steps between keys, so that a list of millions can be left at once.
 */
#include "state.h"

#include <midden/internal/sys.h>

#include <stdlib.h>
#include <string.h>

#define SEARCH_ROWS 256
#define STEP_NS     50000000u /* then a key is looked for, and the screen drawn */
#define WHEEL_ROWS  3
#define TYPED_MAX   200  /* code points, about */

/* ---- the search */

static void begin_search(struct screen *s, const struct mid__title *query, size_t from, bool forward)
{
    view_search_begin(&s->view, query, from, forward);
    s->searching = query->length != 0;
}

void keys_search_step(struct screen *s)
{
    uint64_t start = mid__sys_now_ns();
    enum search_result result;
    do
        result = view_search_step(&s->view, SEARCH_ROWS);
    while (result == SEARCH_MORE && mid__sys_now_ns() - start < STEP_NS);
    s->searching = result == SEARCH_MORE;
    if (result == SEARCH_NONE)
        s->message = s->prompt == PROMPT_SEARCH ? "   (not in this list)" : "not in this list";
}

static void search_again(struct screen *s, bool forward)
{
    const struct page *p = view_page(&s->view);
    if (s->view.search.query.length == 0) {
        s->message = "nothing was searched for yet; / asks";
        return;
    }
    if (p == NULL || page_rows(p) == 0)
        return;
    size_t last = page_rows(p) - 1;
    size_t from = forward ? (p->cursor < last ? p->cursor + 1 : 0) : (p->cursor != 0 ? p->cursor - 1 : last);
    begin_search(s, &s->view.search.query, from, forward);
}

/* ---- the prompt */

static void open_prompt(struct screen *s, enum prompt prompt)
{
    const struct page *p = view_page(&s->view);
    if (p == NULL)
        return;
    s->prompt = prompt;
    s->origin = p->cursor;
    mid__title_clear(&s->typed);
}

static void typed_changed(struct screen *s)
{
    struct page *p = view_page(&s->view);
    if (s->prompt != PROMPT_SEARCH || p == NULL)
        return;
    page_move_to(p, s->origin);
    begin_search(s, &s->typed, s->origin, true);
}

static void erase_last(struct mid__title *t)
{
    while (t->length != 0 && ((unsigned char)t->bytes[t->length - 1] & 0xc0u) == 0x80u)
        t->length--;
    t->length -= t->length != 0;
}

static void accept_prompt(struct screen *s)
{
    enum prompt prompt = s->prompt;
    s->prompt = PROMPT_NONE;
    if (prompt == PROMPT_FIND && s->typed.length != 0) {
        s->message = view_find(&s->view, s->typed.bytes, s->typed.length);
        if (s->message != NULL)
            s->prompt = PROMPT_FIND; /* what was typed stays, to be mended */
    }
    if (prompt != PROMPT_ID || s->typed.length == 0)
        return;
    char digits[32] = "";
    size_t skip = s->typed.bytes[0] == '@', length = s->typed.length - skip;
    memcpy(digits, s->typed.bytes + skip, length < sizeof digits ? length : sizeof digits - 1);
    if (length == 0 || length > 19 || strspn(digits, "0123456789") != length)
        s->message = "an id is a number";
    else
        s->message = view_id(&s->view, strtoull(digits, NULL, 10));
}

/* False for a key that is none of the prompt's; it is closed then, and the key does what it always does. */
static bool prompt_key(struct screen *s, const struct event *e)
{
    struct page *p = view_page(&s->view);
    switch (e->press) {
    case PRESS_CHARACTER:
        if (s->typed.length < TYPED_MAX)
            mid__title_put(&s->typed, e->character);
        typed_changed(s);
        return true;
    case PRESS_BACKSPACE:
        erase_last(&s->typed);
        typed_changed(s);
        return true;
    case PRESS_ERASE:
        mid__title_clear(&s->typed);
        typed_changed(s);
        return true;
    case PRESS_ENTER:
        accept_prompt(s);
        return true;
    case PRESS_ESCAPE:
        if (s->prompt == PROMPT_SEARCH && p != NULL)
            page_move_to(p, s->origin);
        s->prompt = PROMPT_NONE;
        s->searching = false;
        return true;
    default:
        s->prompt = PROMPT_NONE;
        return false;
    }
}

/* ---- letters */

static void sort_by(struct screen *s, enum page_sort by)
{
    struct page *p = view_page(&s->view);
    if (p == NULL)
        return;
    if (p->kind == PAGE_PATH)
        s->message = "a path stands in its own order";
    else if (!s->view.subject.complete && (by == SORT_RETAINED || by == SORT_DISTANCE))
        s->message = "not yet: the figures are still being computed";
    else
        page_sort(p, by);
}

static void next_tab(struct screen *s)
{
    for (int step = 1; step < TABS; step++) {
        enum view_tab tab = (enum view_tab)(((int)s->view.tab + step) % TABS);
        if (view_has_tab(&s->view, tab)) {
            view_show_tab(&s->view, tab);
            return;
        }
    }
}

static void open_warnings(struct screen *s)
{
    const struct mid__graph *g = s->view.subject.graph;
    if (g == NULL || g->warning_count == 0) {
        s->message = g == NULL ? "the snapshot is still being read" : "the reader has no warnings";
        return;
    }
    s->overlay = OVERLAY_WARNINGS;
    s->overlay_top = 0;
}

static void move(struct screen *s, ptrdiff_t rows);

static void letter(struct screen *s, uint32_t c)
{
    static const char sorts[] = "rscad"; /* in the order of enum page_sort */
    const char *sort = c < 0x80 && c != 0 ? strchr(sorts, (int)c) : NULL;
    if (sort != NULL) {
        sort_by(s, (enum page_sort)(sort - sorts));
        return;
    }
    switch (c) {
    case 'q': case 'Q': s->quit = true; break;
    case '?': s->overlay = OVERLAY_HELP, s->overlay_top = 0; break;
    case '/': open_prompt(s, PROMPT_SEARCH); break;
    case 'f': open_prompt(s, PROMPT_FIND); break;
    case 'g': case '@': open_prompt(s, PROMPT_ID); break;
    case 'n': search_again(s, true); break;
    case 'N': search_again(s, false); break;
    case 'o': s->message = view_object(&s->view); break;
    case 't': s->message = view_tree(&s->view); break;
    case 'p': s->message = view_path(&s->view); break;
    case 'b': s->exact = !s->exact; break;
    case 'w': open_warnings(s); break;
    case 'j': move(s, 1); break;
    case 'k': move(s, -1); break;
    case 'l': s->message = view_enter(&s->view); break;
    case 'h': s->message = view_up(&s->view); break;
    case '1': case '2': case '3': s->message = view_show_tab(&s->view, (enum view_tab)(c - '1')); break;
    default: s->message = "? shows the keys"; break;
    }
}

/* ---- all keys */

static void move(struct screen *s, ptrdiff_t rows)
{
    struct page *p = view_page(&s->view);
    if (p != NULL)
        page_move(p, rows);
}

static void move_to(struct screen *s, size_t row)
{
    struct page *p = view_page(&s->view);
    if (p != NULL)
        page_move_to(p, row);
}

static void press(struct screen *s, enum press key);

/* On a row: selects it, and opens it when it was selected already. */
static void click(struct screen *s, const struct event *e)
{
    struct page *p = view_page(&s->view);
    for (size_t i = 0; i < s->zone_count; i++) {
        const struct zone *z = &s->zones[i];
        if (z->row != e->row || e->column < z->from || e->column >= z->to)
            continue;
        if (z->key == '\r' || z->key == '\b')
            press(s, z->key == '\r' ? PRESS_ENTER : PRESS_LEFT);
        else
            letter(s, (uint32_t)z->key);
        return;
    }
    if (p == NULL || e->row < s->body_row || e->row >= s->body_row + s->body_height)
        return;
    size_t row = p->top + (e->row - s->body_row);
    if (row >= page_rows(p))
        return;
    if (row == p->cursor)
        s->message = view_enter(&s->view);
    else
        page_move_to(p, row);
}

static void press(struct screen *s, enum press key)
{
    ptrdiff_t page = s->body_height > 1 ? (ptrdiff_t)s->body_height - 1 : 1;
    switch (key) {
    case PRESS_UP: move(s, -1); break;
    case PRESS_DOWN: move(s, 1); break;
    case PRESS_PAGE_UP: move(s, -page); break;
    case PRESS_PAGE_DOWN: move(s, page); break;
    case PRESS_WHEEL_UP: move(s, -WHEEL_ROWS); break;
    case PRESS_WHEEL_DOWN: move(s, WHEEL_ROWS); break;
    case PRESS_HOME: move_to(s, 0); break;
    case PRESS_END: move_to(s, SIZE_MAX); break;
    case PRESS_ENTER:
    case PRESS_RIGHT: s->message = view_enter(&s->view); break;
    case PRESS_LEFT: s->message = view_up(&s->view); break;
    case PRESS_BACKSPACE: s->message = view_back(&s->view); break;
    case PRESS_TAB: next_tab(s); break;
    case PRESS_HELP: s->overlay = OVERLAY_HELP, s->overlay_top = 0; break;
    case PRESS_REDRAW: terminal_redraw(); break;
    default: break;
    }
}

void keys_take(struct screen *s, const struct event *e)
{
    if (e->press == PRESS_NONE || e->press == PRESS_WAKE || e->press == PRESS_RESIZE)
        return;
    s->message = NULL;
    if (s->overlay != OVERLAY_NONE) {
        if (!overlay_key(s, e))
            s->overlay = OVERLAY_NONE;
        return;
    }
    if (s->prompt != PROMPT_NONE && prompt_key(s, e))
        return;
    if (s->searching) { /* any key ends a search that is under way */
        s->searching = false;
        s->message = "the search was stopped";
        if (e->press == PRESS_ESCAPE)
            return;
    }
    if (e->press == PRESS_CHARACTER)
        letter(s, e->character);
    else if (e->press == PRESS_CLICK)
        click(s, e);
    else
        press(s, e->press);
}
