/* SPDX-License-Identifier: MIT
 *
 * table.c: aligned columns.
 *
 *      RETAINED      %     SHALLOW      %  COUNT  CLASS
 *       4.00 MB   87.4     8.58 kB    0.2      2  global
 *     |<- right-aligned, two spaces between ->|  |<- the rest of the line, cut with an ellipsis
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

void table_begin(struct table *t, size_t columns, const char *const *titles, const enum paint *paints)
{
    *t = (struct table){.columns = columns};
    memcpy(t->titles, titles, columns * sizeof titles[0]);
    memcpy(t->paints, paints, columns * sizeof paints[0]);
}

void table_cell(struct table *t)
{
    if (t->count == t->capacity) {
        t->capacity = t->capacity != 0 ? t->capacity * 2 : 256;
        t->ends = cli_grow(t->ends, t->capacity, sizeof t->ends[0]);
    }
    t->ends[t->count++] = t->cells.length;
}

void table_count(struct table *t, uint64_t n)
{
    text_add_count(&t->cells, n);
    table_cell(t);
}

void table_size(struct table *t, uint64_t bytes, bool exact)
{
    text_add_size(&t->cells, bytes, exact);
    table_cell(t);
}

void table_percent(struct table *t, uint64_t part, uint64_t whole)
{
    text_addf(&t->cells, "%.1f", whole != 0 ? 100.0 * (double)part / (double)whole : 0.0);
    table_cell(t);
}

void table_name(struct table *t, const char *bytes, size_t length)
{
    text_add_bytes(&t->cells, bytes, length);
    table_cell(t);
}

void table_class(struct table *t, const char *name, size_t name_length, const char *key, size_t key_length,
                 bool ambiguous)
{
    size_t place = key_length > name_length + 1 ? key_length - name_length - 1 : 0;
    text_add_bytes(&t->cells, name, name_length);
    if (ambiguous && place != 0) {
        text_add(&t->cells, " [");
        text_add_bytes(&t->cells, key, place);
        text_add(&t->cells, "]");
    }
    table_cell(t);
}

static size_t cell_start(const struct table *t, size_t cell)
{
    return cell == 0 ? 0 : t->ends[cell - 1];
}

static void measure(const struct table *t, size_t widths[])
{
    for (size_t c = 0; c + 1 < t->columns; c++)
        widths[c] = strlen(t->titles[c]);
    for (size_t i = 0; i < t->count; i++) {
        size_t c = i % t->columns, wide = t->ends[i] - cell_start(t, i);
        if (c + 1 < t->columns && wide > widths[c])
            widths[c] = wide;
    }
}

static void print_row(struct table *t, struct output *o, const size_t widths[], size_t first_cell, struct text *line)
{
    size_t used = 0;
    for (size_t c = 0; c < t->columns; c++) {
        size_t start = cell_start(t, first_cell + c), wide = t->ends[first_cell + c] - start;
        const char *cell = t->cells.bytes + start;
        if (c + 1 == t->columns) {
            text_add_dump(line, cell, wide, output_room(o, used), o->ascii);
        } else {
            fprintf(o->file, "%*s", (int)(widths[c] - wide), "");
            text_add_bytes(line, cell, wide);
            used += widths[c] + 2;
        }
        output_text(o, t->paints[c], line);
        fputs(c + 1 == t->columns ? "\n" : "  ", o->file);
    }
}

void table_print(struct table *t, struct output *o)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    struct text line = {0};
    measure(t, widths);
    for (size_t c = 0; c + 1 < t->columns; c++)
        text_addf(&line, "%*s  ", (int)widths[c], t->titles[c]);
    text_add(&line, t->titles[t->columns - 1]);
    output_text(o, PAINT_TITLE, &line);
    fputc('\n', o->file);
    for (size_t i = 0; i < t->count; i += t->columns)
        print_row(t, o, widths, i, &line);
    text_free(&line);
}

void table_free(struct table *t)
{
    text_free(&t->cells);
    free(t->ends);
    *t = (struct table){0};
}
