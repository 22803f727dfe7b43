/* SPDX-License-Identifier: MIT
 * Cuts the lines and words of a text out of the blocks that it arrives in. */
#ifndef CONCORDANCE_WORDS_H
#define CONCORDANCE_WORDS_H

#include <midden/chain.h>

#include <stdbool.h>

enum {
    WORD_BYTES_MAX = 128,  /* a longer run of letters is no word of a text (a key, base64): counted, not cut */
    LINE_BYTES_MAX = 4096, /* a longer line is counted, not kept */
};

/* Both calls borrow the chain: it is cleared when they return. A false return stops the cutting. */
struct cutter_visitor {
    bool (*word)(void *user, const struct mid_chain *word, uint32_t line_number);
    bool (*line)(void *user, const struct mid_chain *line, uint32_t line_number);
    void *user;
};

struct cutter_stats {
    uint64_t lines, words;
    uint64_t crossing_words; /* words that lie in more than one block */
    uint64_t crossing_chars; /* UTF-8 characters that do */
    uint64_t long_words, long_lines;
};

struct cutter {
    struct cutter_visitor visitor;
    struct mid_chain word, line; /* what earlier blocks hold of the current word and line */
    struct mid_chain held;       /* the bytes of a character whose end is in the next block */
    bool in_word, long_word, long_line;
    uint32_t line_number; /* from 1 */
    struct cutter_stats stats;
};

void cutter_init(struct cutter *cutter, struct mid_pool *pool, struct cutter_visitor visitor);

/* The next block of the text, borrowed. MID_E_BUSY when the visitor stopped; else MID_OK or what the pool answered. */
enum mid_status cutter_feed(struct cutter *cutter, struct mid_slice block);

/* The text is at its end: yields the last word and line. */
enum mid_status cutter_finish(struct cutter *cutter);

void cutter_clear(struct cutter *cutter);

#endif
