/* SPDX-License-Identifier: MIT
 *
 * input.h: a stream of bytes from a file, standard input or memory, decompressed where it is gzip.
 */
#ifndef MIDDEN_GRAPH_INPUT_H
#define MIDDEN_GRAPH_INPUT_H

#include <midden/internal/graph.h>

#include "memory.h"

struct mid__input;

/* Opens `path` ("-": standard input). On failure *error is filled and NULL returned. Blocks come from `memory`. */
struct mid__input *mid__input_open(const char *path, struct memory *memory, struct mid__graph_error *error);
struct mid__input *mid__input_open_memory(const void *bytes, size_t size, struct memory *memory,
                                          struct mid__graph_error *error);

/* Reads up to `room` > 0 bytes; fewer only at the end. Returns the count, 0 at the end, -1 with *error filled. */
ptrdiff_t mid__input_read(struct mid__input *in, unsigned char *to, size_t room, struct mid__graph_error *error);

/* Bytes of the input when it is a plain file or memory, else 0: for progress and for first guesses of sizes. */
uint64_t mid__input_size(const struct mid__input *in);

/* Warning text when the end was odd (bytes behind a gzip stream), or NULL. */
const char *mid__input_remark(const struct mid__input *in);

/* Closes what it opened. NULL does nothing. */
void mid__input_close(struct mid__input *in);

#endif
