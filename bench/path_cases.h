/* SPDX-License-Identifier: MIT
 *
 * path_cases.h: the fast paths of heap, snapshot writer and reader, each alone.
 */
#ifndef MIDDEN_BENCH_PATH_CASES_H
#define MIDDEN_BENCH_PATH_CASES_H

#include "bench.h"

/* Adds the cases to the table; returns how many. They are no part of the quick set. */
size_t path_cases_add(struct bench_case *cases, size_t capacity, bool full);

#endif
