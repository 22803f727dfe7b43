/* SPDX-License-Identifier: MIT
 *
 * slab.h: what a slab, a class and a placement policy are. Shared by the files of alloc/.
 *
 * "Slab" below means one *run* of 1 to 128 units of 8 KiB that serves as a whole. All that is known of it lies outside of
 * it, in its region's tables (arena.h), so that pages without a live buffer can go back to the system, and so that a
 * program that writes beyond its buffer does not reach it.
 */
#ifndef MIDDEN_ALLOC_SLAB_H
#define MIDDEN_ALLOC_SLAB_H

#include "class.h"

#include <stdatomic.h>
#include <stdbool.h>

struct mid__region;

/* Every field is written with the pool's lock held. */
struct mid__slab {
    _Alignas(MID__CACHE_LINE_BYTES) struct mid__slab *next; /* on the class' list for `state` */
    struct mid__slab *previous;
    struct mid__region *region;
    uint8_t units;         /* of the run; 0 for a mapping of its own */
    uint8_t state;         /* enum mid_pool_slab_state */
    uint16_t index;        /* unit in the region */
    uint16_t pages_out;    /* bit i: the i-th page was given back and not touched since (small slabs only) */
    uint32_t live;         /* buffers taken and not given back */
    uint32_t fill;         /* sequential: bytes from the start that were handed out; class: I3 of place_class.c */
    uint64_t live_bytes;   /* what they take up */
    bool closed;           /* sequential: a buffer did not fit */
    bool fresh;            /* never used since the system gave it: reads as zero */
};

_Static_assert(sizeof(struct mid__slab) == 64, "one cache line a slab");

/* What a checked pool keeps of a buffer. */
struct mid__record {
    size_t requested;
    size_t kept; /* of a released buffer: bytes at its start that are not poisoned */
    const void *taken_at;
    const void *released_at; /* NULL while it is out, or if it never was */
};

struct mid__list {
    struct mid__slab *head, *tail;
    size_t count;
};

/* What a look at a place in a slab finds. */
enum mid__place { MID__PLACE_LIVE, MID__PLACE_RELEASED, MID__PLACE_NONE };

#define MID__NOWHERE UINT32_MAX

struct mid__class;

/* The placement policies' one interface: where in a slab a buffer goes. An implementation knows one slab, and neither
 * lists nor pools; offsets are in bytes from the slab's start. */
struct mid__placement {
    const char *name;
    /* A slab that nobody used, or an empty one, is made ready to be taken from. */
    void (*begin)(const struct mid__class *c, struct mid__slab *s);
    /* A place for `bytes` bytes, and what it takes up in *extent; or MID__NOWHERE, and the slab is then full. */
    uint32_t (*take)(const struct mid__class *c, struct mid__slab *s, size_t bytes, size_t *extent);
    /* What lies at an offset; *extent is set when it is not MID__PLACE_NONE. */
    enum mid__place (*look)(const struct mid__class *c, const struct mid__slab *s, size_t offset, size_t *extent);
    /* Gives the live buffer at `offset` back. */
    void (*give)(const struct mid__class *c, struct mid__slab *s, size_t offset, size_t extent);
    /* The list where it belongs. */
    enum mid_pool_slab_state (*state)(const struct mid__class *c, const struct mid__slab *s);
    /* The first taken buffer at or after `from`, or MID__NOWHERE. */
    uint32_t (*next)(const struct mid__class *c, const struct mid__slab *s, size_t from, size_t *extent);
    /* Bytes of the slab that a coming allocation could still use. */
    size_t (*room)(const struct mid__class *c, const struct mid__slab *s);
    /* The index of the buffer's record. */
    size_t (*record)(const struct mid__class *c, size_t offset);
    /* Words of bitmap of its own, and records, that a unit of 8 KiB needs. */
    size_t unit_words, unit_records;
};

extern const struct mid__placement mid__place_class, mid__place_sequential;

/* Of the size-class policy: several places at once, the lowest first, into out[]; returns how many. */
uint32_t mid__class_take_some(const struct mid__class *c, struct mid__slab *s, void **out, uint32_t wanted);

/* One size class: shape, lists, and figures at the level of slabs. */
struct mid__class {
    const struct mid__placement *placement;
    size_t bytes;        /* of a buffer; 0: any */
    uint32_t units;      /* of a slab; 0: a mapping of its own */
    uint32_t slots;      /* buffers in a slab; 0: it depends */
    uint64_t pattern;    /* a bit for every buffer that begins in 1 KiB of which one begins at the start */
    uint32_t reciprocal; /* ceil(2^32 / bytes): offset / bytes == (offset * reciprocal) >> 32 for offsets below 64 KiB */
    uint8_t id;
    bool large;
    struct mid__list lists[4]; /* by enum mid_pool_slab_state */
    size_t taken;              /* buffers taken from slabs: live ones and those in caches */
    size_t taken_bytes;        /* what they take up */
    size_t taken_high;         /* the most since the last step of age.c */
    size_t taken_seen;         /* when it last gave pages back */
    size_t slab_bytes;         /* of all slabs that are not empty */
    uint64_t allocs, unsized; /* calls that came past the caches; unsized: releases without a size */
    uint64_t requested_in, requested_out;
    unsigned magazine; /* the most buffers of a magazine of the class; 0: it is not cached */
    struct mid__magazine *depot; /* full magazines */
    size_t depot_buffers;
};

MID__INLINE bool mid__bit_get(_Atomic(uint64_t) *words, size_t i)
{
    return (atomic_load_explicit(&words[i / 64], memory_order_relaxed) >> (i % 64)) & 1;
}

MID__INLINE void mid__bit_set(_Atomic(uint64_t) *words, size_t i)
{
    uint64_t w = atomic_load_explicit(&words[i / 64], memory_order_relaxed);
    atomic_store_explicit(&words[i / 64], w | (uint64_t)1 << (i % 64), memory_order_relaxed);
}

MID__INLINE void mid__bit_clear(_Atomic(uint64_t) *words, size_t i)
{
    uint64_t w = atomic_load_explicit(&words[i / 64], memory_order_relaxed);
    atomic_store_explicit(&words[i / 64], w & ~((uint64_t)1 << (i % 64)), memory_order_relaxed);
}

/* The first set bit in [from, end), or `end`. */
size_t mid__bit_next(_Atomic(uint64_t) *words, size_t from, size_t end);

/* The slot that an offset lies in; `slots` or more beyond the last, and in a slab of one slot for all but its start. Without a division: the class has its reciprocal. */
MID__INLINE size_t mid__slot_of(const struct mid__class *c, size_t offset)
{
    return c->slots == 1 ? offset != 0 : (size_t)(((uint64_t)offset * c->reciprocal) >> 32);
}

void mid__list_push(struct mid__list *list, struct mid__slab *s);
void mid__list_remove(struct mid__list *list, struct mid__slab *s);

/* Fills in the shape of class `id`: `sequential` for the one small class of that policy. */
void mid__class_shape(struct mid__class *c, unsigned id, bool sequential);

#endif
