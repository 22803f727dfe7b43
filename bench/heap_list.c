/* SPDX-License-Identifier: MIT
 *
 * heap_list.c: the workloads for collected heaps, one line each.
 */
#include "heap_work.h"

const struct heap_workload heap_workloads[] = {
    /* clang-format off */
    /* name       midden  boehm        by hand        size quick  one operation is */
    {"trees-16",  NULL,   trees_boehm, trees_by_hand, 16,  true,  "binary trees of depth 4 to 16 beside one of depth 16 that lives on, 15 M nodes"},
    {"trees-18",  NULL,   trees_boehm, trees_by_hand, 18,  false, "the same up to depth 18, 67 M nodes"},
    /* clang-format on */
};
const size_t heap_workload_count = sizeof heap_workloads / sizeof heap_workloads[0];
