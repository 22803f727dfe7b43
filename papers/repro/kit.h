/* SPDX-License-Identifier: MIT
 *
 * What the experiments share. An experiment writes Markdown to stdout: its tables stand in the page as they are printed.
 * Lines that begin with @ are for papers/report, which draws plots and fills the summary:
 *
 *     @plot x=1 y=2,3 log=x xlabel=... ylabel=...   of the table that was printed last; columns count from 1
 *     @measured TEXT                                what the summary says of this run
 *     @verdict agrees | agrees in part | disagrees  computed from the figures by the program, never written down
 *
 * Times are CPU time of the thread, which a busy neighbour disturbs least; a figure is the median of its repetitions.
 */
#ifndef MIDDEN_PAPERS_KIT_H
#define MIDDEN_PAPERS_KIT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double kit_cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Marsaglia's xorshift: the same numbers on every machine. The state must not be zero. */
#define KIT_SEED ((uint64_t)88172645463325252u)
static inline uint64_t kit_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static inline int kit_by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the values; n is odd. */
static inline double kit_median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, kit_by_value);
    return values[n / 2];
}

/* An experiment that cannot run has no result. */
#define KIT_NEED(condition)                                                                                            \
    ((condition) ? (void)0 : (fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition), exit(1)))

/* `all`: every part of the claim was seen; `some`: a part of it. */
static inline void kit_verdict(bool all, bool some)
{
    printf("@verdict %s\n", all ? "agrees" : some ? "agrees in part" : "disagrees");
}

#endif
