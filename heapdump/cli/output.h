/* SPDX-License-Identifier: MIT
 * Standard output as one stream that knows whether a person reads it (see output.c). */
#ifndef MIDDEN_CLI_OUTPUT_H
#define MIDDEN_CLI_OUTPUT_H

#include "cli.h"
#include "json.h"
#include "text.h"

#include <stdio.h>

enum paint { PAINT_PLAIN, PAINT_TITLE, PAINT_ID, PAINT_CLASS, PAINT_DIM, PAINT_MORE, PAINT_LESS };

struct output {
    FILE *file;
    bool color;
    bool ascii;     /* the terminal's encoding is not UTF-8 */
    bool exact;     /* --bytes */
    size_t columns; /* width of the terminal, or TEXT_NO_LIMIT where no person looks */
    struct json json;
};

/* Once the answer is known: decides on colour and width, and starts the pager for a text that a person reads. */
void output_begin(struct output *o, const struct options *options);

/* True when a person looks who is to be shown ASCII alone; may be asked before output_begin. */
bool output_is_ascii(void);

/* Flushes, waits for the pager. Ends the command with status 3 when something was not written. */
void output_end(struct output *o);

void output_words(struct output *o, enum paint paint, const char *words);

/* Writes what stands in `t` and empties it. */
void output_text(struct output *o, enum paint paint, struct text *t);

/* "... and 12 more classes (-n 0 shows all)" as a line of its own, when `count` is not 0. */
void output_left_out(struct output *o, uint64_t count, const char *one, const char *many);

/* The columns that a name may take after `used` others. */
size_t output_room(const struct output *o, size_t used);

#endif
