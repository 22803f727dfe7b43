/* SPDX-License-Identifier: MIT
 *
 * place_class.c: the size-class policy: all buffers of a slab have one size, and a hole is used again at once. A large
 * buffer is the only one of its slab.
 *
 *     slab     [ slot 0 | slot 1 | slot 2 | ... | slot n-1 | tail ]
 *     bitmap     1        0        1              0              bit i set: slot i is taken
 *
 * I1  Bits at or beyond `slots` are clear.   I2  `live` is the number of set bits; live_bytes = live x size.
 * I3  `fill` is the index of a word before which every word is full.
 *
 * Bonwick 1994, section 3.2. Departures: a bitmap outside the slab instead of a list of free buffers inside it (no touch
 * of released memory, an O(1) check of every pointer, pages that can go back), lowest hole first instead of last
 * released first (buffers gather at the front of the slab; the caches of threads provide the warm ones), and no
 * constructed state.
 */
#include "arena.h"

static void begin(const struct mid__class *c, struct mid__slab *s)
{
    _Atomic(uint64_t) *words = mid__slab_words(s);
    for (size_t i = 0; i < (c->slots + 63) / 64; i++)
        atomic_store_explicit(&words[i], 0, memory_order_relaxed);
    s->fill = 0;
    s->live = 0;
    s->live_bytes = 0;
}

static uint32_t take(const struct mid__class *c, struct mid__slab *s, size_t bytes, size_t *extent)
{
    (void)bytes;
    _Atomic(uint64_t) *words = mid__slab_words(s);
    for (uint32_t w = s->fill; w * 64 < c->slots; w++) {
        uint64_t holes = ~atomic_load_explicit(&words[w], memory_order_relaxed);
        if (holes == 0)
            continue;
        uint32_t slot = w * 64 + mid__ctz64(holes);
        if (slot >= c->slots)
            break;
        mid__bit_set(words, slot);
        s->fill = w;
        s->live++;
        s->live_bytes += c->bytes;
        *extent = c->bytes;
        return slot * (uint32_t)c->bytes;
    }
    return MID__NOWHERE;
}

uint32_t mid__class_take_some(const struct mid__class *c, struct mid__slab *s, void **out, uint32_t wanted)
{
    _Atomic(uint64_t) *words = mid__slab_words(s);
    char *memory = mid__slab_memory(s);
    uint32_t n = 0;
    for (uint32_t w = s->fill; w * 64 < c->slots && n < wanted; w++) {
        uint64_t old = atomic_load_explicit(&words[w], memory_order_relaxed), now = old, holes = ~old;
        if (c->slots - w * 64 < 64)
            holes &= ((uint64_t)1 << (c->slots - w * 64)) - 1;
        for (; holes != 0 && n < wanted; holes &= holes - 1) {
            uint32_t bit = mid__ctz64(holes);
            now |= (uint64_t)1 << bit;
            out[n++] = memory + (size_t)(w * 64 + bit) * c->bytes;
        }
        atomic_store_explicit(&words[w], now, memory_order_relaxed);
        s->fill = w;
    }
    s->live += n;
    s->live_bytes += n * c->bytes;
    return n;
}

static enum mid__place look(const struct mid__class *c, const struct mid__slab *s, size_t offset, size_t *extent)
{
    size_t slot = mid__slot_of(c, offset);
    if (slot >= c->slots || slot * c->bytes != offset)
        return MID__PLACE_NONE;
    *extent = c->bytes;
    return mid__bit_get(mid__slab_words(s), slot) ? MID__PLACE_LIVE : MID__PLACE_RELEASED;
}

static void give(const struct mid__class *c, struct mid__slab *s, size_t offset, size_t extent)
{
    size_t slot = mid__slot_of(c, offset);
    mid__bit_clear(mid__slab_words(s), slot);
    if (slot / 64 < s->fill)
        s->fill = (uint32_t)(slot / 64);
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
    size_t slot = c->slots == 1 ? (from != 0) : (from + c->bytes - 1) / c->bytes;
    if (slot >= c->slots)
        return MID__NOWHERE;
    slot = mid__bit_next(mid__slab_words(s), slot, c->slots);
    *extent = c->bytes;
    return slot == c->slots ? MID__NOWHERE : (uint32_t)(slot * c->bytes);
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
                                                next,         room,  record, 8,    512};
