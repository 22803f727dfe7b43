/* SPDX-License-Identifier: MIT
 *
 * runs.c: where in the regions a run of units is placed.
 *
 *     units of a region    [ u u u s s s s s u u s s c c c c c c u u ... ]      u used, s spare, c clean: arena.c
 *                                  `-- a run    `-- a run
 *
 *     bins    1 | 2 | ... | 8 | 9 | ... | 16 | 18 | 20 | ... | 480 units        the lengths of large classes, and on to 512
 *                   |           |
 *                   run         run -> run          runs of that length and less than the next one's
 *
 * What a large buffer costs is its pages: one that was given back and is touched again costs more than a hundred looks at a
 * run. So spare units, which have theirs, are preferred over clean ones, and only they stand in bins: each longest run of
 * them in the bin of its length, linked through the table entry of its first unit, which is no slab as long as it is free. The
 * first run of the first bin from the wanted length on serves, whatever the number of regions: two bit searches. Its length is
 * read off the bitmaps, and so are its neighbours' when units come back.
 *
 * Where no run of spare units is long enough, pages must be touched anyhow, and the regions are searched: for the place with
 * the fewest clean units, then for the shortest free run. A single unit, for a slab of small buffers, goes to the lowest place of
 * the first region that has a spare one, so that regions get empty.
 *
 * I6  No run of free units of a region is longer than its run_bound.
 * I7  Each longest run of spare units stands in the bin of its length, and nothing else does; runs_map tells which bins are not
 *     empty.
 *
 * M. Masmano, I. Ripoll, A. Crespo, J. Real, "TLSF: a New Dynamic Memory Allocator for Real-Time Systems", ECRTS 2004, section
 * 3: two levels of lists by size and a bitmap over them. Departures: the second level has the eight steps of our classes, so that a
 * request is a bin's lower bound and nothing is rounded up; what is free is told by bitmaps outside, and not by headers and
 * boundary tags within; memory with pages and memory without never join.
 */
#include "runs.h"

#define WARM_LOOKS 16u

_Static_assert(MID__RUN_BINS == 8 + 6 * 8 && MID__RUN_BINS <= 64, "a bin for every step up to 512 units; a bit for every bin");

unsigned mid__runs_bin(uint32_t length)
{
    if (length <= 8)
        return length - 1;
    unsigned log = mid__log2_floor(length); /* 3 to 9 */
    return 7 + (log - 3) * 8 + ((length >> (log - 3)) & 7);
}

/* ---- bits */

/* The first bit at or after `from` that is `value`, or MID__REGION_UNITS. */
MID__INLINE uint32_t next_bit(const uint64_t *words, uint32_t from, bool value)
{
    while (from < MID__REGION_UNITS) {
        uint64_t w = (value ? words[from / 64] : ~words[from / 64]) >> (from % 64);
        if (w != 0)
            return from + mid__ctz64(w);
        from = (from / 64 + 1) * 64;
    }
    return MID__REGION_UNITS;
}

MID__INLINE uint64_t spare_word(const struct mid__region *r, uint32_t w)
{
    return ~r->used[w] & r->touched[w];
}

/* The first unit at or after `from` that is not spare, or that is, or MID__REGION_UNITS. */
MID__INLINE uint32_t next_spare(const struct mid__region *r, uint32_t from, bool spare)
{
    while (from < MID__REGION_UNITS) {
        uint64_t w = (spare ? spare_word(r, from / 64) : ~spare_word(r, from / 64)) >> (from % 64);
        if (w != 0)
            return from + mid__ctz64(w);
        from = (from / 64 + 1) * 64;
    }
    return MID__REGION_UNITS;
}

/* The first of the spare units that end before `end`; `end` itself when there is none. */
MID__INLINE uint32_t spare_before(const struct mid__region *r, uint32_t end)
{
    while (end != 0) {
        uint32_t last = end - 1;
        uint64_t w = ~spare_word(r, last / 64) << (63 - last % 64);
        if (w != 0)
            return last - (63 - mid__log2_floor(w)) + 1;
        end = last / 64 * 64;
    }
    return 0;
}

/* ---- bins */

static void put(struct mid__arena *a, struct mid__region *r, uint32_t at, uint32_t length)
{
    unsigned bin = mid__runs_bin(length);
    struct mid__slab *s = &r->slabs[at];
    s->region = r;
    s->index = (uint16_t)at;
    s->previous = NULL;
    s->next = a->runs[bin];
    if (s->next != NULL)
        s->next->previous = s;
    a->runs[bin] = s;
    a->runs_map |= (uint64_t)1 << bin;
}

static void drop(struct mid__arena *a, struct mid__region *r, uint32_t at, uint32_t length)
{
    unsigned bin = mid__runs_bin(length);
    struct mid__slab *s = &r->slabs[at];
    if (s->next != NULL)
        s->next->previous = s->previous;
    if (s->previous != NULL)
        s->previous->next = s->next;
    else if ((a->runs[bin] = s->next) == NULL)
        a->runs_map &= ~((uint64_t)1 << bin);
}

void mid__runs_cut(struct mid__arena *a, struct mid__region *r, uint32_t at, uint32_t units)
{
    uint32_t end = next_spare(r, at + units, false);
    drop(a, r, at, end - at);
    if (end != at + units)
        put(a, r, at + units, end - at - units);
}

void mid__runs_join(struct mid__arena *a, struct mid__region *r, uint32_t at, uint32_t units)
{
    uint32_t from = spare_before(r, at), to = next_spare(r, at + units, false);
    if (from != at)
        drop(a, r, from, at - from);
    if (to != at + units)
        drop(a, r, at + units, to - at - units);
    put(a, r, from, to - from);
}

/* Moves *i to the next run before `to`, at neither of whose ends a run is cut. */
MID__INLINE bool next_run(const struct mid__region *r, uint32_t *i, uint32_t to, uint32_t *length)
{
    if (*i >= to || (*i = next_spare(r, *i, true)) >= to)
        return false;
    *length = next_spare(r, *i, false) - *i;
    return true;
}

struct mid__span mid__runs_leave(struct mid__arena *a, struct mid__region *r, uint32_t at, uint32_t units)
{
    struct mid__span around = {spare_before(r, at), next_spare(r, at + units, false)};
    for (uint32_t i = around.from, length; next_run(r, &i, around.to, &length); i += length)
        drop(a, r, i, length);
    return around;
}

void mid__runs_enter(struct mid__arena *a, struct mid__region *r, struct mid__span around)
{
    for (uint32_t i = around.from, length; next_run(r, &i, around.to, &length); i += length)
        put(a, r, i, length);
}

/* ---- searching the regions */

/* Where a run could be placed. */
struct fit {
    struct mid__region *region; /* NULL: nowhere */
    uint32_t at, clean, length; /* length of the free run that it is cut from, at one of its ends */
};

/* Betters *best by the free runs of a region of at least `units` units: first the one with the fewest clean units; then the
 * shortest. Learns run_bound when none is so long. */
static void find_run(struct mid__region *r, uint32_t units, struct fit *best)
{
    uint32_t longest = 0;
    for (uint32_t end, i = next_bit(r->used, 0, false); i < MID__REGION_UNITS; i = next_bit(r->used, end, false)) {
        end = next_bit(r->used, i, true);
        uint32_t length = end - i, at = i;
        longest = length > longest ? length : longest;
        if (length < units)
            continue;
        uint32_t clean = mid__units_clean(r, i, units), at_end = clean == 0 ? 0 : mid__units_clean(r, end - units, units);
        if (at_end < clean) {
            clean = at_end;
            at = end - units;
        }
        if (best->region == NULL || clean < best->clean || (clean == best->clean && length < best->length))
            *best = (struct fit){r, at, clean, length};
    }
    if (longest < units)
        r->run_bound = longest;
}

/* A place for a run among the open regions: the best of the first few where there is one. */
static struct fit find_fit(struct mid__arena *a, uint32_t units)
{
    struct fit best = {NULL, 0, 0, 0};
    unsigned looks = 0;
    for (struct mid__region *r = a->open; r != NULL; r = r->next_open) {
        if (r->run_bound < units || r->free_units < units)
            continue;
        find_run(r, units, &best);
        if (best.region != NULL && (a->spare_bytes == 0 || ++looks >= WARM_LOOKS))
            break;
    }
    return best;
}

/* The first free unit of the first open region that has a spare one, if any has, and that one. */
static struct mid__place_for find_unit(struct mid__arena *a)
{
    struct mid__region *r = a->open;
    while (a->spare_bytes != 0 && r != NULL && r->spare_units == 0)
        r = r->next_open;
    if (r != NULL && r->spare_units != 0)
        return (struct mid__place_for){r, next_spare(r, 0, true), 0};
    r = a->open;
    return (struct mid__place_for){r, r == NULL ? 0 : next_bit(r->used, 0, false), 1};
}

struct mid__place_for mid__runs_find(struct mid__arena *a, uint32_t units)
{
    if (units == 1)
        return find_unit(a);
    unsigned wanted = mid__runs_bin(units - 1) + 1;
    uint64_t bins = a->runs_map >> wanted;
    if (bins != 0) {
        const struct mid__slab *s = a->runs[wanted + mid__ctz64(bins)];
        return (struct mid__place_for){s->region, s->index, 0};
    }
    struct fit fit = find_fit(a, units);
    return (struct mid__place_for){fit.region, fit.at, fit.clean};
}
