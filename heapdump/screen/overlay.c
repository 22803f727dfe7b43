/* SPDX-License-Identifier: MIT
 * overlay.c: help and warnings, as lines over the whole screen. */
#include "state.h"

#include <string.h>

static const char *const help[] = {
    "Up Down PgUp PgDn Home End   move; the wheel too",
    "Enter, Right   into a class, down the tree, to an object",
    "Left           up the tree, else back      Backspace   back",
    "1 2 3, Tab     classes, dominator tree, comparison",
    "o              the object: retainers above, references below",
    "t              its place in the dominator tree",
    "p              a shortest path to it from the roots",
    "g              go to the object with an @id",
    "/ n N          search the names of this list; next, previous",
    "f              the objects for which an expression is true:",
    "               class=Foo and retained>1MB and not retained-by=Bar;",
    "               over class name type size retained distance id",
    "               retained-by, with = != ~ < >, and or not ( )",
    "r s c a d      sort by retained size, shallow size, count, name",
    "               (alphabet), distance; again turns it around",
    "               in the comparison: difference in bytes, new",
    "               bytes, difference in objects, name, deleted bytes",
    "b              sizes in bytes",
    "w              warnings of the reader",
    "q              quit                        Ctrl-L      draw anew",
    "",
    "Retained: what would be free if the object were gone. Shallow:",
    "its own size. Count: objects of a class; of an object, those it",
    "dominates directly. Distance: references from the nearest root.",
    "The bar is the figure sorted by, of the greatest in the list.",
};
#define HELP_LINES (sizeof help / sizeof help[0])

static size_t line_count(const struct screen *s)
{
    return s->overlay == OVERLAY_HELP ? HELP_LINES : s->view.subject.graph->warning_count;
}

static void draw_warning(struct screen *s, struct line *l, size_t at)
{
    const struct mid__graph_warning *w = &s->view.subject.graph->warnings[at];
    line_add(l, INK_PLAIN, w->message, strlen(w->message), SIZE_MAX);
    if (w->section[0] != '\0')
        line_printf(l, INK_DIM, " (in %s, at byte %llu)", w->section, (unsigned long long)w->offset);
    if (w->count > 1)
        line_printf(l, INK_DIM, ", %llu times", (unsigned long long)w->count);
}

void overlay_draw(struct screen *s)
{
    size_t height = terminal_rows(), lines = line_count(s), body = height > 2 ? height - 2 : 1;
    if (s->overlay_top + body > lines)
        s->overlay_top = lines > body ? lines - body : 0;
    struct line l = line_begin(0, terminal_columns(), true);
    line_words(&l, INK_TITLE, s->overlay == OVERLAY_HELP ? " midden view: keys" : " warnings of the reader", NULL);
    line_fill(&l);
    for (size_t i = 0; i < body && s->overlay_top + i < lines; i++) {
        l = line_begin(1 + i, terminal_columns(), false);
        line_words(&l, INK_PLAIN, " ", NULL);
        if (s->overlay == OVERLAY_HELP)
            line_words(&l, INK_PLAIN, help[s->overlay_top + i], NULL);
        else
            draw_warning(s, &l, s->overlay_top + i);
    }
    if (height < 3)
        return;
    l = line_begin(height - 1, terminal_columns(), false);
    line_words(&l, INK_DIM, lines > body ? " Up Down scroll, any other key: back" : " any key: back", NULL);
}

bool overlay_key(struct screen *s, const struct event *e)
{
    size_t page = terminal_rows() > 3 ? terminal_rows() - 3 : 1;
    switch (e->press) {
    case PRESS_UP:
    case PRESS_WHEEL_UP:
        s->overlay_top -= s->overlay_top != 0;
        return true;
    case PRESS_DOWN:
    case PRESS_WHEEL_DOWN:
        s->overlay_top++;
        return true;
    case PRESS_PAGE_UP:
        s->overlay_top -= s->overlay_top > page ? page : s->overlay_top;
        return true;
    case PRESS_PAGE_DOWN:
        s->overlay_top += page;
        return true;
    case PRESS_NONE:
    case PRESS_WAKE:
    case PRESS_RESIZE:
        return true;
    default:
        return false;
    }
}
