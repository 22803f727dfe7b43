/* SPDX-License-Identifier: MIT
 *
 * sort.c: a least-significant-digit radix sort of ordinals. No recursion, no comparison, one spare array.
 */
#include "sort.h"

#include <string.h>

#define DIGIT_BITS 11
#define DIGITS     (1u << DIGIT_BITS)

static uint64_t key_of(const uint32_t *key32, const uint64_t *key64, uint32_t i)
{
    return key32 != NULL ? key32[i] : key64[i];
}

static void pass(const uint32_t *key32, const uint64_t *key64, uint32_t count, unsigned shift, const uint32_t *from,
                 uint32_t *to)
{
    uint32_t place[DIGITS];
    memset(place, 0, sizeof place);
    for (uint32_t i = 0; i < count; i++)
        place[key_of(key32, key64, i) >> shift & (DIGITS - 1)]++;
    uint32_t sum = 0;
    for (uint32_t d = 0; d < DIGITS; d++) {
        uint32_t n = place[d];
        place[d] = sum;
        sum += n;
    }
    for (uint32_t i = 0; i < count; i++)
        to[place[key_of(key32, key64, from[i]) >> shift & (DIGITS - 1)]++] = from[i];
}

bool sort_order(struct memory *m, const uint32_t *key32, const uint64_t *key64, uint32_t count, uint32_t *order)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
        all |= key_of(key32, key64, i);
    }
    uint32_t *spare = mid__mem_new(m, count, sizeof *spare);
    if (spare == NULL)
        return false;
    uint32_t *from = order, *to = spare;
    for (unsigned shift = 0; shift < 64 && all >> shift != 0; shift += DIGIT_BITS) {
        pass(key32, key64, count, shift, from, to);
        uint32_t *t = from;
        from = to;
        to = t;
    }
    if (from != order && count != 0)
        memcpy(order, from, count * sizeof *order);
    mid__mem_free(m, spare);
    return true;
}
