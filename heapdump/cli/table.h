/* SPDX-License-Identifier: MIT
 * Aligned columns: figures to the right, and one last column of names that takes what is left of the line. */
#ifndef MIDDEN_CLI_TABLE_H
#define MIDDEN_CLI_TABLE_H

#include "output.h"

#define TABLE_COLUMNS_MAX 12

/* Cells are collected, then printed with the widths known. Cells before the last column are our own ASCII. */
struct table {
    size_t columns;
    const char *titles[TABLE_COLUMNS_MAX];
    enum paint paints[TABLE_COLUMNS_MAX];
    struct text cells; /* one after another */
    size_t *ends;      /* the end of each cell in `cells` */
    size_t count, capacity;
};

/* The table borrows the titles. */
void table_begin(struct table *t, size_t columns, const char *const *titles, const enum paint *paints);

/* Ends the cell that was written into t->cells since the last call. Names go in through table_name. */
void table_cell(struct table *t);
void table_count(struct table *t, uint64_t n);
void table_size(struct table *t, uint64_t bytes, bool exact);
void table_percent(struct table *t, uint64_t part, uint64_t whole);

/* The last cell of a row: a string of the dump, kept whole and cut when printed. */
void table_name(struct table *t, const char *bytes, size_t length);

/* The same for a class: its name, and where `ambiguous` (another class has the name) the place of its constructor as it
 * stands in its key: Object [7,20,1]. */
void table_class(struct table *t, const char *name, size_t name_length, const char *key, size_t key_length,
                 bool ambiguous);

void table_print(struct table *t, struct output *o);
void table_free(struct table *t);

#endif
