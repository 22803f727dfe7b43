/* SPDX-License-Identifier: MIT
 *
 * place_sequential.c: Node's policy: buffers of any size follow one another through the slab, and a slab is used again
 * when its last buffer has died. Kept to be measured against the other policy, and for programs whose buffers die in
 * the order in which they were born.
 *
 *     slab      [ buffer a  | b | buffer c      |  room         ]
 *                                               ^ fill
 *     starts      1           1   1                               a bit for every 8 bytes: a buffer began here
 *     live        1           0   1                               ... and has not been released
 *
 * I1  Starts at or beyond `fill` are clear, and live is a subset of starts.   I2  `live` is the number of live bits.
 * I3  A buffer reaches from its start to the next start, or to `fill`: no length is stored.
 * I4  closed is set by the first buffer that did not fit; the slab then counts as full until it is empty.
 *
 * Departure from Node: a slab that is empty again is kept ready instead of being left to a garbage collector.
 */
#include "arena.h"

#define GRAIN   8u
#define GRAINS  (MID_POOL_SLAB_BYTES / GRAIN)
#define WORDS   (GRAINS / 64)

static _Atomic(uint64_t) *starts(const struct mid__slab *s)
{
    return mid__slab_words(s);
}

static _Atomic(uint64_t) *lives(const struct mid__slab *s)
{
    return mid__slab_words(s) + WORDS;
}

static void begin(const struct mid__class *c, struct mid__slab *s)
{
    (void)c;
    _Atomic(uint64_t) *words = mid__slab_words(s);
    for (size_t i = 0; i < (size_t)2 * WORDS; i++)
        atomic_store_explicit(&words[i], 0, memory_order_relaxed);
    s->fill = 0;
    s->closed = false;
    s->live = 0;
    s->live_bytes = 0;
}

static uint32_t take(const struct mid__class *c, struct mid__slab *s, size_t bytes, size_t *extent)
{
    (void)c;
    uint32_t rounded = bytes == 0 ? GRAIN : (uint32_t)mid__align_up(bytes, GRAIN), at = s->fill;
    if (s->closed || rounded > MID_POOL_SLAB_BYTES - at) {
        s->closed = true;
        return MID__NOWHERE;
    }
    mid__bit_set(starts(s), at / GRAIN);
    mid__bit_set(lives(s), at / GRAIN);
    s->fill = at + rounded;
    s->live++;
    s->live_bytes += rounded;
    *extent = rounded;
    return at;
}

static size_t extent_at(const struct mid__slab *s, size_t grain)
{
    size_t end = mid__bit_next(starts(s), grain + 1, GRAINS) * GRAIN;
    return (end < s->fill ? end : s->fill) - grain * GRAIN;
}

static enum mid__place look(const struct mid__class *c, const struct mid__slab *s, size_t offset, size_t *extent)
{
    (void)c;
    size_t grain = offset / GRAIN;
    if (offset % GRAIN != 0 || grain >= GRAINS || !mid__bit_get(starts(s), grain))
        return MID__PLACE_NONE;
    *extent = extent_at(s, grain);
    return mid__bit_get(lives(s), grain) ? MID__PLACE_LIVE : MID__PLACE_RELEASED;
}

static void give(const struct mid__class *c, struct mid__slab *s, size_t offset, size_t extent)
{
    mid__bit_clear(lives(s), offset / GRAIN);
    s->live--;
    s->live_bytes -= extent;
    if (s->live == 0)
        begin(c, s);
}

static enum mid_pool_slab_state state(const struct mid__class *c, const struct mid__slab *s)
{
    (void)c;
    if (s->live == 0)
        return MID_POOL_SLAB_EMPTY;
    return s->closed || s->fill == MID_POOL_SLAB_BYTES ? MID_POOL_SLAB_FULL : MID_POOL_SLAB_PARTIAL;
}

static uint32_t next(const struct mid__class *c, const struct mid__slab *s, size_t from, size_t *extent)
{
    (void)c;
    size_t grain = mid__bit_next(lives(s), (from + GRAIN - 1) / GRAIN, GRAINS);
    if (grain == GRAINS)
        return MID__NOWHERE;
    *extent = extent_at(s, grain);
    return (uint32_t)(grain * GRAIN);
}

static size_t room(const struct mid__class *c, const struct mid__slab *s)
{
    (void)c;
    return s->closed ? 0 : MID_POOL_SLAB_BYTES - s->fill;
}

static size_t record(const struct mid__class *c, size_t offset)
{
    (void)c;
    return offset / GRAIN;
}

const struct mid__placement mid__place_sequential = {"sequential", begin, take,   look,      give,  state,
                                                     next,         room,  record, 2 * WORDS, GRAINS};
