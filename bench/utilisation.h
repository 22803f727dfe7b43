/* SPDX-License-Identifier: MIT
 *
 * utilisation.h: minimum mutator utilisation from a list of pauses. It knows nothing of the harness.
 */
#ifndef MIDDEN_BENCH_UTILISATION_H
#define MIDDEN_BENCH_UTILISATION_H

#include <stddef.h>
#include <stdint.h>

/* The least share of a window of window_ns that pauses leave, over all windows in the span: 0 .. 1. They are in order of
 * time, do not overlap, and their times begin with the span. A window longer than the span is cut to it. O(count). */
double utilisation(const uint64_t *begin, const uint64_t *end, size_t count, uint64_t span_ns, uint64_t window_ns);

#endif
