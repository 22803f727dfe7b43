/* SPDX-License-Identifier: MIT
 *
 * place_class.c: the size-class policy: all buffers of a slab have one size, and a hole is used again at once. A large
 * buffer is the only one of its slab.
 *
 *     slab     [ slot 0     | slot 1     | slot 2     | ... | slot n-1   | tail ]
 *     starts     1 0 0 0      0 0 0 0      1 0 0 0            1 0 0 0      0     a bit for every 16 bytes: a taken buffer begins
 *     hidden     0 0 0 0      1 0 0 0      0 0 0 0            0 0 0 0      0     ... and is sampled; in pools that sample
 *
 * I1  A bit is set in `starts` or in `hidden`, not in both, where a taken buffer begins, and nowhere else.
 * I2  `live` is the number of set bits; live_bytes = live x size.
 * I3  In the words before number `fill` there is no hole.
 *
 * Bonwick 1994, section 3.2. Departures: a bitmap outside the slab instead of a list of free buffers inside it (no touch
 * of released memory, an O(1) check of every pointer, pages that can go back), lowest hole first instead of last
 * released first (buffers gather at the front of the slab; the caches of threads provide the warm ones), and no
 * constructed state. The bits are by address and not by slot, so that a release finds the one of its buffer without knowing
 * the class; both take one cache line for 8 KiB.
 */
#include "arena.h"

#define GRAIN MID__CLASS_STEP_BYTES

/* Bits are clear where no buffer is: a slab has nothing to make ready there. */
static void begin(const struct mid__class *c, struct mid__slab *s)
{
    (void)c;
    s->fill = 0;
    s->live = 0;
    s->live_bytes = 0;
}

/* Grains of a slot, and from the slab's start to the end of the last one. */
static uint32_t step_of(const struct mid__class *c)
{
    return (uint32_t)(c->bytes / GRAIN);
}

static uint32_t end_of(const struct mid__class *c)
{
    return c->units == 0 ? 1 : c->slots * step_of(c);
}

/* The grain of the first slot that begins in word w or after it. */
static uint32_t first_in(const struct mid__class *c, uint32_t w)
{
    uint32_t step = step_of(c);
    return w == 0 ? 0 : c->slots == 1 ? end_of(c) : (w * 64 + step - 1) / step * step;
}

/* Free slots that begin in the word of grain `at`, itself one's first, as bits of that word. */
static uint64_t holes_in(const struct mid__class *c, const struct mid__slab *s, uint32_t at)
{
    _Atomic(uint64_t) *hidden = mid__slab_hidden(s);
    uint32_t w = at / 64, left = end_of(c) - w * 64;
    uint64_t holes = (c->pattern << at % 64) & ~atomic_load_explicit(&mid__slab_starts(s)[w], memory_order_relaxed);
    if (hidden != NULL)
        holes &= ~atomic_load_explicit(&hidden[w], memory_order_relaxed);
    return left < 64 ? holes & (((uint64_t)1 << left) - 1) : holes;
}

uint32_t mid__class_take_some(const struct mid__class *c, struct mid__slab *s, void **out, uint32_t wanted)
{
    _Atomic(uint64_t) *words = mid__slab_starts(s);
    char *memory = mid__slab_memory(s);
    uint32_t n = 0;
    for (uint32_t at = first_in(c, s->fill); at < end_of(c) && n < wanted; at = first_in(c, at / 64 + 1)) {
        uint32_t w = at / 64;
        uint64_t now = atomic_load_explicit(&words[w], memory_order_relaxed);
        for (uint64_t holes = holes_in(c, s, at); holes != 0 && n < wanted; holes &= holes - 1) {
            now |= holes & -holes;
            out[n++] = memory + (size_t)(w * 64 + mid__ctz64(holes)) * GRAIN;
        }
        atomic_store_explicit(&words[w], now, memory_order_relaxed);
        s->fill = w;
    }
    s->live += n;
    s->live_bytes += n * c->bytes;
    return n;
}

static uint32_t take(const struct mid__class *c, struct mid__slab *s, size_t bytes, size_t *extent)
{
    void *p;
    (void)bytes;
    *extent = c->bytes;
    return mid__class_take_some(c, s, &p, 1) == 0 ? MID__NOWHERE : (uint32_t)((char *)p - mid__slab_memory(s));
}

static bool is_taken(const struct mid__slab *s, size_t grain)
{
    _Atomic(uint64_t) *hidden = mid__slab_hidden(s);
    return mid__bit_get(mid__slab_starts(s), grain) || (hidden != NULL && mid__bit_get(hidden, grain));
}

static enum mid__place look(const struct mid__class *c, const struct mid__slab *s, size_t offset, size_t *extent)
{
    size_t slot = mid__slot_of(c, offset);
    if (slot >= c->slots || slot * c->bytes != offset)
        return MID__PLACE_NONE;
    *extent = c->bytes;
    return is_taken(s, offset / GRAIN) ? MID__PLACE_LIVE : MID__PLACE_RELEASED;
}

static void give(const struct mid__class *c, struct mid__slab *s, size_t offset, size_t extent)
{
    (void)c;
    mid__bit_clear(mid__slab_starts(s), offset / GRAIN);
    if (mid__slab_hidden(s) != NULL)
        mid__bit_clear(mid__slab_hidden(s), offset / GRAIN);
    if (offset / GRAIN / 64 < s->fill)
        s->fill = (uint32_t)(offset / GRAIN / 64);
    s->live--;
    s->live_bytes -= extent;
}

static enum mid_pool_slab_state state(const struct mid__class *c, const struct mid__slab *s)
{
    if (s->live == 0)
        return MID_POOL_SLAB_EMPTY;
    if (c->large)
        return MID_POOL_SLAB_LARGE;
    return s->live == c->slots ? MID_POOL_SLAB_FULL : MID_POOL_SLAB_PARTIAL;
}

static uint32_t next(const struct mid__class *c, const struct mid__slab *s, size_t from, size_t *extent)
{
    size_t end = end_of(c), grain = (from + GRAIN - 1) / GRAIN, at = mid__bit_next(mid__slab_starts(s), grain, end);
    if (mid__slab_hidden(s) != NULL)
        at = mid__bit_next(mid__slab_hidden(s), grain, at);
    *extent = c->bytes;
    return at >= end ? MID__NOWHERE : (uint32_t)(at * GRAIN);
}

static size_t room(const struct mid__class *c, const struct mid__slab *s)
{
    return (c->slots - s->live) * c->bytes;
}

static size_t record(const struct mid__class *c, size_t offset)
{
    return mid__slot_of(c, offset);
}

const struct mid__placement mid__place_class = {"size-class", begin, take,    look, give, state,
                                                next,         room,  record, 0,    512};
