/* SPDX-License-Identifier: MIT
 * One line of the screen, filled from left to right, never past its end (see line.c). */
#ifndef MIDDEN_SCREEN_LINE_H
#define MIDDEN_SCREEN_LINE_H

#include "terminal.h"

struct line {
    size_t column, end; /* the next column, and the first that is not the line's */
    bool selected, ascii;
};

struct line line_begin(size_t row, size_t end, bool selected);

/* Adds text, made harmless, cut with an ellipsis to `columns` (SIZE_MAX: to what is left). Returns the columns taken. */
size_t line_add(struct line *l, enum ink ink, const char *bytes, size_t length, size_t columns);

/* The same for a label (label.h): where it must be cut, its " @id" is kept. */
size_t line_label(struct line *l, enum ink ink, const char *bytes, size_t length, size_t columns);

/* Our own words: `ascii` where the terminal shows no more (NULL: they are ASCII). */
void line_words(struct line *l, enum ink ink, const char *words, const char *ascii);
void line_printf(struct line *l, enum ink ink, const char *format, ...) MID__PRINTF(3, 4);

/* Our own words in ASCII, to the right in `width` columns, with a space before. */
void line_right(struct line *l, enum ink ink, const char *words, size_t width);
void line_bar(struct line *l, uint64_t part, uint64_t whole, size_t width);
void line_fill(struct line *l); /* spaces up to the end */
size_t line_left(const struct line *l);

#endif
