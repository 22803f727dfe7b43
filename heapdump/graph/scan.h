/* SPDX-License-Identifier: MIT
 *
 * scan.h: a window over the input that JSON is read through, token by token, with the byte offset of every error.
 *
 *     buffer: | 64 bytes | consumed |  at ... end  | zeros |
 *                        ^ offset `base` of the input
 */
#ifndef MIDDEN_GRAPH_SCAN_H
#define MIDDEN_GRAPH_SCAN_H

#include "input.h"
#include "private.h"

#define SCAN_PAD 64 /* readable bytes before the window, and zeros behind it */

/* I1: window <= at <= end; the SCAN_PAD bytes from `end` on are zero (no JSON token holds a NUL, so that loops over a
 * token stop there). I2: `base` is the offset in the input of `window`. I3: once failed, the error is filled and every
 * function below returns at once. */
struct scan {
    const unsigned char *at, *end;
    unsigned char *window;
    uint64_t base;
    bool ended, failed; /* ended: `end` is the end of the input */
    bool quiet;         /* no progress is told: this is not the thread of load (batches.c) */
    struct mid__input *in;
    struct mid__graph *graph;
    struct mid__graph_error *error;
    const char *section;
    struct keep *keep; /* what goes by is copied here, or NULL */
};

/* Text that a scan keeps: grows up to `limit` bytes. */
struct keep {
    char *text;
    size_t bytes, room, limit;
};

bool scan_begin(struct scan *s, struct mid__graph *graph, struct mid__input *in, struct mid__graph_error *error);
void scan_end(struct scan *s);

static inline uint64_t scan_offset(const struct scan *s, const unsigned char *p)
{
    return s->base + (uint64_t)(p - s->window);
}

/* Drops what lies before `at` and reads more behind `end`. False when nothing came: at the end, or on failure. */
bool scan_refill(struct scan *s);

/* Fails with a place. Returns false, for `return scan_fail(...)`. */
bool scan_fail(struct scan *s, uint64_t offset, const char *format, ...) MID__PRINTF(3, 4);
/* Fails at `at` because of what stands there, or because the input ends: "expected <what>, found ...". */
bool scan_unexpected(struct scan *s, const char *what);

/* The next byte that is not white space, not taken; -1 at the end and after failure. */
int scan_peek(struct scan *s);
/* Takes the next byte that is not white space; fails unless it is `c`. */
bool scan_take(struct scan *s, char c);
/* Takes a string and decodes its first capacity - 1 bytes (escapes too); *fits says whether that was all. */
bool scan_string(struct scan *s, char *buffer, size_t capacity, bool *fits);
/* Takes any value, checking that it is JSON. Nesting is counted, not recursed into. */
bool scan_skip(struct scan *s);

#endif
