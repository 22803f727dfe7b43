/* SPDX-License-Identifier: MIT
 *
 * sort.h: orders numbers by a key.
 */
#ifndef MIDDEN_GRAPH_SORT_H
#define MIDDEN_GRAPH_SORT_H

#include "memory.h"

#include <stdint.h>

/* Fills order[0..count) with 0..count-1 in ascending order of key32[i], or of key64[i] where key32 is NULL; equal keys
 * keep their order. Takes 4 * count bytes meanwhile; false without memory. O(count) for each 11 bits of the largest
 * key. */
bool sort_order(struct memory *m, const uint32_t *key32, const uint64_t *key64, uint32_t count, uint32_t *order);

#endif
