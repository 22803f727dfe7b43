/* SPDX-License-Identifier: MIT
 *
 * utilisation.c: what share of a window of time is left to the program, from the times at which it stood still.
 *
 *     time    |=====|--|========|------|===|-|======|        = program, - pause i from begin[i] to end[i]
 *     window                 |<------------>|                 the worst one begins where a pause begins, or ends where one ends
 *
 * Minimum mutator utilisation is Cheng and Blelloch's (2001, section 2): the least share over all windows of one length
 * that lie in the span.
 */
#include "utilisation.h"

/* The most that pauses take of a window which begins where one of them does: `inside` is the sum of pauses i .. last - 1. */
static uint64_t most_from_begin(const uint64_t *begin, const uint64_t *end, size_t count, uint64_t window)
{
    uint64_t most = 0, inside = 0;
    for (size_t i = 0, last = 0; i < count; i++) {
        uint64_t to = begin[i] + window;
        for (; last < count && begin[last] < to; last++)
            inside += end[last] - begin[last];
        uint64_t beyond = last > i && end[last - 1] > to ? end[last - 1] - to : 0;
        if (inside - beyond > most)
            most = inside - beyond;
        inside -= end[i] - begin[i];
    }
    return most;
}

/* And of one that ends where one of them does: the sum of pauses first .. i. */
static uint64_t most_to_end(const uint64_t *begin, const uint64_t *end, size_t count, uint64_t window)
{
    uint64_t most = 0, inside = 0;
    for (size_t i = 0, first = 0; i < count; i++) {
        uint64_t from = end[i] > window ? end[i] - window : 0;
        inside += end[i] - begin[i];
        for (; first < i && end[first] <= from; first++)
            inside -= end[first] - begin[first];
        uint64_t before = from > begin[first] ? from - begin[first] : 0;
        if (inside - before > most)
            most = inside - before;
    }
    return most;
}

double utilisation(const uint64_t *begin, const uint64_t *end, size_t count, uint64_t span_ns, uint64_t window_ns)
{
    uint64_t window = window_ns < span_ns ? window_ns : span_ns;
    if (count == 0 || window == 0)
        return 1;
    uint64_t a = most_from_begin(begin, end, count, window), b = most_to_end(begin, end, count, window);
    double paused = (double)(a > b ? a : b);
    return paused >= (double)window ? 0 : 1 - paused / (double)window;
}
