/* SPDX-License-Identifier: MIT
 * The writer's output: one buffer in front of a callback, and the formatting of integers and JSON strings. */
#ifndef MIDDEN_WRITE_OUT_H
#define MIDDEN_WRITE_OUT_H

#include <midden/snapshot.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most that one mid__out_room may ask for: a string of 1,024 units, each as \uXXXX, with quotes and comma. */
#define MID__OUT_ROOM_MAX (6 * 1024 + 64)

/* The longest decimal of 64 bits, and the scratch that mid__decimal may write beyond it. */
#define MID__DECIMAL_ROOM 28

struct mid__out {
    mid_snapshot_write_fn write;
    void *user;
    char *buffer, *at, *limit; /* buffer <= at <= limit + MID__OUT_ROOM_MAX */
    uint64_t flushed;          /* bytes that the callback took */
    enum mid_status status;    /* the first failure; all later output is dropped */
    int error;                 /* errno of that failure */
};

/* Takes a buffer of `bytes` (more than MID__OUT_ROOM_MAX) that the caller owns. */
void mid__out_begin(struct mid__out *out, mid_snapshot_write_fn write, void *user, char *buffer, size_t bytes);

/* Hands what is buffered to the callback. After a failure it only empties the buffer. */
void mid__out_flush(struct mid__out *out);

/* Where at least `bytes` (at most MID__OUT_ROOM_MAX) can be written; the caller moves out->at behind them. */
static inline char *mid__out_room(struct mid__out *out, size_t bytes)
{
    (void)bytes; /* the slack behind `limit` covers any request */
    if (out->at > out->limit)
        mid__out_flush(out);
    return out->at;
}

/* Bytes as they are; any length. */
void mid__out_raw(struct mid__out *out, const char *text, size_t bytes);

/* Writes `value` in decimal and returns where it ends. Up to MID__DECIMAL_ROOM bytes are touched. */
static inline char *mid__decimal(char *at, uint64_t value);

#include "decimal.h"

/* The length of the part of a name that is written: its first 1,024 UTF-16 units, no pair cut in two. */
size_t mid__text_cut(const char *text, size_t bytes);

/* Writes a cut name as a JSON string with its quotes, in ASCII, and returns where it ends. */
char *mid__text_json(char *at, const char *text, size_t bytes);

#endif
