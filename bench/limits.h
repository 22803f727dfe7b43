/* SPDX-License-Identifier: MIT
 *
 * limits.h: what this machine can do at best: the yardstick beside the figures of allocators and heaps.
 */
#ifndef MIDDEN_BENCH_LIMITS_H
#define MIDDEN_BENCH_LIMITS_H

#include "bench.h"

/* Adds the cases to the table; returns how many. */
size_t limits_add(struct bench_case *cases, size_t capacity);

#endif
