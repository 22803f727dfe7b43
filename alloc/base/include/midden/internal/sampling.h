/* SPDX-License-Identifier: MIT
 *
 * The arithmetic of sampling by bytes, without libm: pools and heaps sample alike, and the viewer scales alike.
 */
#ifndef MIDDEN_INTERNAL_SAMPLING_H
#define MIDDEN_INTERNAL_SAMPLING_H

#include <midden/internal/compiler.h>

/* -ln(u) for u uniform in (0, 1], in 1/1024; within 0.01. log2 of the mantissa by a parabola. *state is not 0 (xorshift). */
MID__INLINE uint64_t mid__exponential(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    unsigned zeros = 63 - mid__log2_floor(x);
    double m = 1 + (double)((x << zeros << 1) >> 12) / 4503599627370496.0;
    double log2_m = (-m / 3 + 2) * m - 5.0 / 3;
    return (uint64_t)(((double)zeros + 1 - log2_m) * 0.6931471805599453 * 1024);
}

/* The chance 1 - exp(-bytes / mean) that an object of so many bytes is sampled when the distances between samples are
 * exponential with this mean: a sample stands for one divided by it. Within 1e-7. */
MID__INLINE double mid__sampled_share(double bytes, double mean)
{
    double x = bytes / mean;
    if (x < 1e-4)
        return x * (1 - x / 2 + x * x / 6);
    if (x > 40)
        return 1;
    double t = x / 1024, y = 1 - t * (1 - t / 2 * (1 - t / 3 * (1 - t / 4)));
    for (unsigned i = 0; i < 10; i++)
        y *= y;
    return 1 - y;
}

#endif
