/* SPDX-License-Identifier: MIT
 *
 * runs.h: where in the regions a run of units may be placed. See the head of runs.c. Everything needs the pool's lock.
 */
#ifndef MIDDEN_ALLOC_RUNS_H
#define MIDDEN_ALLOC_RUNS_H

#include "arena.h"

/* Units [from, to) of a region. */
struct mid__span {
    uint32_t from, to;
};

/* Where a run of units may go. */
struct mid__place_for {
    struct mid__region *region; /* NULL: no open region has so many free units together */
    uint32_t at;
    uint32_t clean; /* how many of them hold no page */
};
struct mid__place_for mid__runs_find(struct mid__arena *a, uint32_t units);

/* The first `units` units of the run of spare units that begins at `at` leave it. Before their bits change, as all of these. */
void mid__runs_cut(struct mid__arena *a, struct mid__region *r, uint32_t at, uint32_t units);

/* Units that are used become a run, with their neighbours. */
void mid__runs_join(struct mid__arena *a, struct mid__region *r, uint32_t at, uint32_t units);

/* For every other change: takes the runs that lie in or touch [at, at + units) out of their bins; what it returns is for
 * mid__runs_enter, after the bits have changed. */
struct mid__span mid__runs_leave(struct mid__arena *a, struct mid__region *r, uint32_t at, uint32_t units);
void mid__runs_enter(struct mid__arena *a, struct mid__region *r, struct mid__span around);

/* The bin of a run of so many units (1 to 512). */
unsigned mid__runs_bin(uint32_t length);

/* The bits of [at, at + units) that lie in word w. */
MID__INLINE uint64_t mid__units_bits(uint32_t at, uint32_t units, uint32_t w)
{
    uint32_t from = at > w * 64 ? at - w * 64 : 0, to = at + units - w * 64;
    return (~(uint64_t)0 << from) & (~(uint64_t)0 >> (to < 64 ? 64 - to : 0));
}

/* How many units of [at, at + units) hold no page. */
MID__INLINE uint32_t mid__units_clean(const struct mid__region *r, uint32_t at, uint32_t units)
{
    uint32_t clean = 0;
    for (uint32_t w = at / 64; w <= (at + units - 1) / 64; w++) {
        uint64_t bits = mid__units_bits(at, units, w) & ~r->touched[w];
        clean += bits == 0 ? 0 : mid__popcount64(bits);
    }
    return clean;
}

#endif
