/* SPDX-License-Identifier: MIT
 *
 * <midden/heap_map.h>: a picture of the heap, as SVG.
 */
#ifndef MIDDEN_HEAP_MAP_H
#define MIDDEN_HEAP_MAP_H

#include <midden/heap.h>

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Draws the spaces: nursery with objects by age, each block of the old space with its state, its objects and the holes
 * between them, runs of pages of large objects. A cell is a block of 64 KiB, a pixel of it 256 bytes, a row 3.8 MiB.
 * MID_E_BUSY: from a callback in which collecting is not allowed, or in a walk. MID_E_IO: the stream failed. Never collects.
 * O(objects); a heap of 1 GiB gives some 5 to 30 MB. */
MID_API enum mid_status mid_heap_map_svg(struct mid_heap *heap, FILE *stream);

#ifdef __cplusplus
}
#endif
#endif
