/* SPDX-License-Identifier: MIT
 *
 * alone.h: a case in a process of its own, for its memory and for counting its instructions.
 */
#ifndef MIDDEN_BENCH_ALONE_H
#define MIDDEN_BENCH_ALONE_H

#include "results.h"

/* In the child: runs the case once with `iterations` operations and prints its figures, one "NAME VALUE" a line, to
 * stdout. Returns the exit status of the process. */
int alone_run(const struct bench_case *cases, size_t index, uint64_t iterations);

/* In the child: becomes the program that the case is. Returns when there is none, with the exit status. */
int alone_exec(const struct bench_case *c);

/* In the parent: starts a child for the case and puts its memory into *r; of an isolated case it adds the time as well,
 * of those and of a memory_only case the counters. A child that fails or takes longer than five minutes leaves the reason
 * in r->failed. */
void alone_measure(const struct bench_case *c, struct result *r);

/* The operations that a case does alone. */
uint64_t alone_iterations(const struct bench_case *c);

#endif
