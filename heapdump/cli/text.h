/* SPDX-License-Identifier: MIT
 * A growing line of text, and the one way by which strings of a dump get into it: text_add_dump (see text.c). */
#ifndef MIDDEN_CLI_TEXT_H
#define MIDDEN_CLI_TEXT_H

#include <midden/internal/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised is empty. `bytes` is not terminated until text_string(). Memory that cannot be had ends the command
 * with status 3, so no function here fails. */
struct text {
    char *bytes;
    size_t length, capacity;
};

#define TEXT_NO_LIMIT ((size_t)-1)

void text_clear(struct text *t);
void text_free(struct text *t);
const char *text_string(struct text *t);

/* Adds our own words, which are trusted. */
void text_add_bytes(struct text *t, const char *bytes, size_t length);
void text_add(struct text *t, const char *words);
void text_addf(struct text *t, const char *format, ...) MID__PRINTF(2, 3);

/* Adds a string that came from outside (a dump, the command line), made harmless for a terminal and cut to `columns`
 * with an ellipsis. Returns the columns that it takes. `ascii` escapes everything beyond ASCII as well. */
size_t text_add_dump(struct text *t, const char *bytes, size_t length, size_t columns, bool ascii);

/* One code point from *at (before end), which moves on; -1 for a byte that is not UTF-8 (it is then skipped alone).
 * Surrogates in three bytes, as readers keep them when a dump holds half a pair, come out as 0xd800 .. 0xdfff. */
int32_t text_decode(const unsigned char **at, const unsigned char *end);

/* True for what must never reach a terminal or a page as itself: controls, line and paragraph separators, marks of
 * direction, invisible formatting, halves of surrogate pairs, noncharacters. */
bool text_is_unsafe(int32_t code_point);

/* The figures of tables: 1,234,567 and 1.23 MB (powers of 1000, as DevTools shows them). */
void text_add_count(struct text *t, uint64_t n);
/* ", 250 selected" or ", nothing selected". */
void text_add_selected(struct text *t, uint64_t count);
void text_add_signed(struct text *t, int64_t n);
void text_add_size(struct text *t, uint64_t bytes, bool exact);
void text_add_signed_size(struct text *t, int64_t bytes, bool exact);

/* Like malloc and realloc with n * size checked; the command ends with status 3 instead of NULL. */
void *cli_allocate(size_t n, size_t size);
void *cli_grow(void *old, size_t n, size_t size);

#endif
