/* SPDX-License-Identifier: MIT
 *
 * words.c: cuts lines and words out of blocks without copying a byte.
 *
 * A word that lies in one block is one slice of it. A word that crosses two blocks is a chain of two slices:
 *
 *     block 1 [ ... the midd ]   [ en, a heap ... ] block 2
 *                       ^--^       ^^             word = chain("midd", "en")
 *
 * A character that crosses is held back: whether its first bytes belong to the word is known only when its last byte
 * is there. Until then they lie in `held`, cut from their block as a slice too.
 *
 * I1. While a block is being cut, `word` and `line` hold only pieces of earlier blocks.
 * I2. `held` is a proper prefix of one UTF-8 character, or empty.
 *
 * What a letter is, the C library's tables say (iswalnum in the locale that main sets); damaged UTF-8 separates words.
 */
#include "words.h"

#include <string.h>
#include <wchar.h>
#include <wctype.h>

#define NONE SIZE_MAX

void cutter_init(struct cutter *cutter, struct mid_pool *pool, struct cutter_visitor visitor)
{
    memset(cutter, 0, sizeof *cutter);
    cutter->visitor = visitor;
    cutter->line_number = 1;
    mid_chain_init(&cutter->word, pool);
    mid_chain_init(&cutter->line, pool);
    mid_chain_init(&cutter->held, pool);
}

void cutter_clear(struct cutter *cutter)
{
    mid_chain_clear(&cutter->word);
    mid_chain_clear(&cutter->line);
    mid_chain_clear(&cutter->held);
}

/* One character: its length, and whether it is part of a word. A byte that begins none has length 1 and is not. */
static size_t decode(const unsigned char *text, size_t bytes, bool *letter)
{
    if (text[0] < 0x80) {
        unsigned char c = text[0];
        *letter = (c >= '0' && c <= '9') || ((c | 32u) >= 'a' && (c | 32u) <= 'z') || c == '_';
        return 1;
    }
    wchar_t wide;
    mbstate_t state;
    memset(&state, 0, sizeof state);
    size_t length = mbrtowc(&wide, (const char *)text, bytes, &state);
    if (length == 0 || length > bytes) { /* -1 and -2 are huge */
        *letter = false;
        return 1;
    }
    *letter = iswalnum((wint_t)wide) != 0;
    return length;
}

static enum mid_status append_cut(struct mid_chain *chain, struct mid_slice block, size_t from, size_t to)
{
    struct mid_slice piece;
    if (from == to)
        return MID_OK;
    enum mid_status status = mid_slice_cut(block, from, to - from, &piece);
    if (status != MID_OK)
        return status;
    status = mid_chain_append(chain, piece);
    if (status != MID_OK)
        mid_slice_release(&piece);
    return status;
}

static enum mid_status end_word(struct cutter *c)
{
    bool go_on = true;
    if (c->long_word) {
        c->stats.long_words++;
    } else if (mid_chain_bytes(&c->word) != 0) {
        c->stats.words++;
        c->stats.crossing_words += mid_chain_segments(&c->word) > 1;
        go_on = c->visitor.word(c->visitor.user, &c->word, c->line_number);
    }
    mid_chain_clear(&c->word);
    c->in_word = c->long_word = false;
    return go_on ? MID_OK : MID_E_BUSY;
}

static enum mid_status end_line(struct cutter *c)
{
    bool go_on = true;
    if (c->long_line)
        c->stats.long_lines++;
    else
        go_on = c->visitor.line(c->visitor.user, &c->line, c->line_number);
    c->stats.lines++;
    c->line_number++;
    c->long_line = false;
    mid_chain_clear(&c->line);
    return go_on ? MID_OK : MID_E_BUSY;
}

/* The part [from, to) of `block` continues the current word. */
static enum mid_status grow_word(struct cutter *c, struct mid_slice block, size_t from, size_t to)
{
    c->long_word = c->long_word || mid_chain_bytes(&c->word) + (to - from) > WORD_BYTES_MAX;
    return c->long_word ? MID_OK : append_cut(&c->word, block, from, to);
}

static enum mid_status grow_line(struct cutter *c, struct mid_slice block, size_t from, size_t to)
{
    if (!c->long_line && mid_chain_bytes(&c->line) + (to - from) > LINE_BYTES_MAX) {
        c->long_line = true;
        mid_chain_clear(&c->line); /* do not keep its blocks for nothing */
    }
    return c->long_line ? MID_OK : append_cut(&c->line, block, from, to);
}

/* Completes the held character with the first bytes of `block`. *used tells how many of them it took; when the block is
 * too short to complete it, all of them, and it is still held. */
static enum mid_status finish_held(struct cutter *c, struct mid_slice block, size_t *used)
{
    unsigned char text[8];
    size_t before = mid_chain_copy_out(&c->held, 0, text, 3);
    size_t more = block.bytes < 4 - before ? block.bytes : 4 - before;
    memcpy(text + before, block.data, more);
    *used = 0;
    if (mid_utf8_incomplete_bytes(text, before + more) == before + more) {
        *used = more;
        return append_cut(&c->held, block, 0, more);
    }
    bool letter;
    size_t length = decode(text, before + more, &letter);
    enum mid_status status = MID_OK;
    if (length > before) {
        *used = length - before;
        c->stats.crossing_chars++;
    }
    if (letter) {
        c->in_word = true;
        c->long_word = c->long_word || mid_chain_bytes(&c->word) + length > WORD_BYTES_MAX;
        if (!c->long_word)
            status = mid_chain_append_chain(&c->word, &c->held);
        if (status == MID_OK)
            status = grow_word(c, block, 0, *used);
    } else if (c->in_word) {
        status = end_word(c);
    }
    mid_chain_clear(&c->held);
    return status;
}

/* Cuts the bytes [at, end) of a block, which hold whole characters only. */
static enum mid_status cut_block(struct cutter *c, struct mid_slice block, size_t at, size_t end)
{
    enum mid_status status = MID_OK;
    size_t word = c->in_word ? at : NONE, line = 0;
    while (at < end) {
        bool letter;
        size_t length = decode(block.data + at, end - at, &letter);
        if (letter && word == NONE) {
            word = at;
            c->in_word = true;
        } else if (!letter && word != NONE) {
            status = grow_word(c, block, word, at);
            if (status == MID_OK)
                status = end_word(c);
            word = NONE;
        }
        if (status == MID_OK && block.data[at] == '\n') {
            status = grow_line(c, block, line, at);
            if (status == MID_OK)
                status = end_line(c);
            line = at + 1;
        }
        if (status != MID_OK)
            return status;
        at += length;
    }
    if (word != NONE)
        status = grow_word(c, block, word, end);
    if (status == MID_OK)
        status = grow_line(c, block, line, block.bytes); /* the held bytes are part of the line already */
    return status;
}

enum mid_status cutter_feed(struct cutter *c, struct mid_slice block)
{
    size_t start = 0;
    if (mid_chain_bytes(&c->held) != 0) {
        enum mid_status status = finish_held(c, block, &start);
        if (status != MID_OK)
            return status;
    }
    size_t tail = mid_utf8_incomplete_bytes(block.data + start, block.bytes - start), end = block.bytes - tail;
    enum mid_status status = cut_block(c, block, start, end);
    return status == MID_OK ? append_cut(&c->held, block, end, block.bytes) : status;
}

enum mid_status cutter_finish(struct cutter *c)
{
    mid_chain_clear(&c->held); /* a character that never ended is no letter */
    enum mid_status status = c->in_word ? end_word(c) : MID_OK;
    if (status == MID_OK && (mid_chain_bytes(&c->line) != 0 || c->long_line))
        status = end_line(c);
    return status;
}
