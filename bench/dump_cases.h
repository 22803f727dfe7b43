/* SPDX-License-Identifier: MIT
 *
 * dump_cases.h: writing and reading of heap snapshots.
 */
#ifndef MIDDEN_BENCH_DUMP_CASES_H
#define MIDDEN_BENCH_DUMP_CASES_H

#include "bench.h"

/* Adds the cases to the table; returns how many. */
size_t dump_cases_add(struct bench_case *cases, size_t capacity, bool full);

/* The readers of others that take no part, and how to have them. */
void dump_absent(void (*say)(void *user, const char *name, const char *why), void *user);

#endif
