/* SPDX-License-Identifier: MIT
 * What the viewer shows and how one goes from page to page; it knows no terminal (see view.c). */
#ifndef MIDDEN_VIEW_VIEW_H
#define MIDDEN_VIEW_VIEW_H

#include "page.h"

enum view_tab { TAB_CLASSES, TAB_TREE, TAB_COMPARE, TABS };

/* The pages one came through in one tab; the last is shown. Pages stay where they are, the list of them moves. */
struct view_stack {
    struct page **pages;
    size_t count, capacity;
};

struct view_search {
    struct mid__title query;  /* folded, unless it has a capital letter */
    struct mid__title folded; /* the text that is looked at */
    bool exact, forward;
    size_t at, left;          /* the row to look at next, and how many there are still */
};

/* Zero-initialised is an empty view. */
struct view {
    struct subject subject;
    struct view_stack stacks[TABS];
    enum view_tab tab;
    struct mid__title text; /* of the row asked for last */
    struct view_search search;
    char refusal[200]; /* of view_find */
};

/* The first figures: classes with counts and shallow sizes. They stay the caller's. */
enum mid_status view_begin(struct view *v, const struct mid__classes *classes, uint64_t total_size);

/* All figures. `compare` NULL: no comparison; else it is shown first. The cursor in the class table stays on its class,
 * and so does an order that was chosen. All stay the caller's. */
enum mid_status view_complete(struct view *v, const struct mid__graph *graph, const struct mid__classes *classes,
                              const struct compare *compare);
void view_free(struct view *v);

/* The page that is shown, or NULL while there is none. */
struct page *view_page(const struct view *v);
bool view_has_tab(const struct view *v, enum view_tab tab);

/* The following go somewhere and return NULL, or stay and return a line that says why. O(rows of the new page). */
const char *view_show_tab(struct view *v, enum view_tab tab); /* the one that is shown: its first page */
const char *view_enter(struct view *v);  /* into the row under the cursor: a class, a node of the tree, an object */
const char *view_back(struct view *v);   /* to the page before */
const char *view_up(struct view *v);     /* in the tree, to the dominator; elsewhere as view_back */
const char *view_object(struct view *v); /* the object under the cursor: its retainers and references */
const char *view_tree(struct view *v);   /* its place in the dominator tree */
const char *view_path(struct view *v);   /* a shortest path to it */
const char *view_id(struct view *v, uint64_t id);

/* A page of the objects that an expression (midden/internal/where.h) is true for. The line that says why not lives until
 * the next call. O(nodes), for `name` the length of all names. */
const char *view_find(struct view *v, const char *expression, size_t length);

/* The node that the row under the cursor speaks of (a class: none), or that the page does; ROW_NO_NODE. */
uint32_t view_node(const struct view *v);

/* The page's node and its dominators upwards, without the root unless the page is its own; at most `max`. Returns how
 * many; *more says that there are others between the last and the root. 0 for pages of no node. */
size_t view_chain(const struct view *v, uint32_t *nodes, size_t max, bool *more);

/* What the row is called, in v->text until the next call. */
const struct mid__title *view_label(struct view *v, const struct row *row);

/* Searching the rows of the page for a text, from row `from` on (itself included), around the end. Letters match in
 * both cases unless the query has a capital. The search runs in steps of `rows`, so that keys are heard meanwhile; the
 * page must not change between them. SEARCH_FOUND: the cursor is there. */
enum search_result { SEARCH_FOUND, SEARCH_MORE, SEARCH_NONE };
void view_search_begin(struct view *v, const struct mid__title *query, size_t from, bool forward);
enum search_result view_search_step(struct view *v, size_t rows);

#endif
