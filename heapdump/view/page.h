/* SPDX-License-Identifier: MIT
 * One list that the viewer shows, with its order and its cursor (see page.c). */
#ifndef MIDDEN_VIEW_PAGE_H
#define MIDDEN_VIEW_PAGE_H

#include <midden/internal/classes.h>
#include <midden/internal/graph.h>
#include <midden/internal/titles.h>

#include "compare.h"
#include "order.h"

/* What pages stand on. Columns that are not there yet are NULL; it must not change under a page but by becoming more. */
struct subject {
    const struct mid__graph *graph;     /* NULL while it is being read */
    const struct mid__classes *classes; /* NULL until there are any */
    const struct compare *compare;      /* NULL when one snapshot is looked at */
    bool complete;                      /* all figures are there; before, classes have count and shallow size alone */
    uint64_t total_size;                /* bytes; 0 while it is not known */
    uint32_t *class_rank;               /* [classes]: place of a class by name; made by page.c on demand */
};

enum page_kind {
    PAGE_CLASSES,   /* classes */
    PAGE_INSTANCES, /* nodes of class `item` */
    PAGE_TREE,      /* nodes that node `item` dominates */
    PAGE_OBJECT,    /* node `item`: its retainers above, its references below */
    PAGE_PATH,      /* edges from the root down to node `item` */
    PAGE_COMPARE,   /* rows of the comparison */
    PAGE_NEW,       /* nodes that are new in row `item` of the comparison */
    PAGE_FOUND      /* nodes that an expression is true for; `words` has it */
};

/* For PAGE_COMPARE, in this order: the difference in bytes, new bytes, the difference in objects, name, deleted bytes. */
enum page_sort { SORT_RETAINED, SORT_SHALLOW, SORT_COUNT, SORT_NAME, SORT_DISTANCE, SORT_USUAL };
#define SORT_FIGURES 3 /* the first of them are sizes and counts */

enum row_kind { ROW_CLASS, ROW_NODE, ROW_RETAINER, ROW_SELF, ROW_REFERENCE, ROW_STEP, ROW_COMPARE, ROW_HEADING };

struct row {
    enum row_kind kind;
    uint32_t item; /* class, node, edge or row; of a heading: how many rows are its own */
    uint32_t node; /* the node that the row speaks of, or ROW_NO_NODE */
    bool above;    /* of a heading: it stands over the retainers */
};
#define ROW_NO_NODE UINT32_MAX

struct figures {
    uint64_t retained, shallow; /* bytes */
    uint64_t count;             /* objects of a class; of a node, what it dominates directly */
    int32_t distance;
    bool has_retained;          /* and distance */
};

struct page {
    struct subject *subject;
    enum page_kind kind;
    uint32_t item;
    struct order list;   /* the rows; of PAGE_OBJECT the references */
    struct order above;  /* of PAGE_OBJECT the retainers: the first stands lowest */
    enum page_sort sort; /* SORT_USUAL: what the kind is made for */
    bool reversed;
    uint64_t greatest[SORT_FIGURES]; /* of all rows: what a whole bar means */
    size_t cursor, top;  /* rows; `top` is the screen's */
    char *words;         /* of PAGE_FOUND, else NULL */
    uint64_t shallow;    /* of PAGE_FOUND: the sum of their own sizes, in bytes */
};

/* On MID_OK *page belongs to the caller. MID_E_MEMORY: it is NULL. The subject must have what the kind needs. */
enum mid_status page_create(struct subject *subject, enum page_kind kind, uint32_t item, struct page **page);
void page_free(struct page *page); /* NULL does nothing */

/* The same for a list that was made elsewhere. `nodes` are the page's from now on, also on failure; `words` are copied. */
enum mid_status page_create_found(struct subject *subject, uint32_t *nodes, size_t count, const char *words, size_t length,
                                  struct page **page);

size_t page_rows(const struct page *page);

/* Row `at` < page_rows. Sorts what stands around it; where memory runs out the order is not kept. */
struct row page_row(struct page *page, size_t at);
struct figures page_figures(const struct page *page, const struct row *row);

/* Adds what the row is called. */
void page_label(const struct page *page, const struct row *row, struct mid__title *title);

/* Orders the rows. Asked twice for one key, turns it around. The cursor goes to the first row (of an object: stays). */
void page_sort(struct page *page, enum page_sort by);
enum page_sort page_sorted_by(const struct page *page); /* never SORT_USUAL, but for objects and paths */

/* Moves the cursor by `rows`, over headings, as far as there are rows. */
void page_move(struct page *page, ptrdiff_t rows);
void page_move_to(struct page *page, size_t row);

/* Puts the cursor on the row of this item, where there is one; not for objects and paths. O(rows), nothing is sorted. */
void page_move_to_item(struct page *page, uint32_t item);

/* Scrolls so that the cursor is among `height` rows. */
void page_scroll(struct page *page, size_t height);

#endif
