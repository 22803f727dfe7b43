/* SPDX-License-Identifier: MIT
 *
 * arena.h: where slabs come from: regions, their tables, the directory, and the limit. Knows no pool.
 */
#ifndef MIDDEN_ALLOC_ARENA_H
#define MIDDEN_ALLOC_ARENA_H

#include "slab.h"

#define MID__UNIT_SHIFT    13
#define MID__REGION_SHIFT  22
#define MID__REGION_BYTES  ((size_t)1 << MID__REGION_SHIFT)
#define MID__REGION_UNITS  512u
#define MID__REGION_WORDS  (MID__REGION_UNITS / 64)
#define MID__GRAIN_SHIFT   4 /* log2 of MID__CLASS_STEP_BYTES */
#define MID__REGION_GRAINS ((size_t)1 << (MID__REGION_SHIFT - MID__GRAIN_SHIFT))
#define MID__UNIT_STARTS   8u /* words of a unit */

/* 48 bits of address: 13 choose a leaf, 13 the region in it, 22 are within the region. */
#define MID__LEAF_SHIFT    13
#define MID__LEAF_ENTRIES  ((size_t)1 << MID__LEAF_SHIFT)
#define MID__ROOT_ENTRIES  ((size_t)1 << (48 - MID__REGION_SHIFT - MID__LEAF_SHIFT))

struct mid__leaf {
    _Atomic(struct mid__region *) regions[MID__LEAF_ENTRIES];
};

/* The tables of one region. A buffer beyond 1 MiB has a region of its own, whose memory may be longer than
 * MID__REGION_BYTES; then only slabs[0] is used. */
struct mid__region {
    /* Its address in regions, first: by it a thread knows the region again (Note [The way of most buffers]). Tables that are
     * retired keep it, and no unit of them has a tag. */
    _Atomic(uintptr_t) key;
    struct mid__region *next, *previous;           /* all regions */
    struct mid__region *next_open, *previous_open; /* those with a free unit */
    char *memory;
    size_t bytes;       /* of the memory */
    size_t table_bytes; /* of this mapping */
    bool huge;
    bool open;
    uint16_t first_unit, end_unit; /* the units that there is memory for: 0 and 512, except in given memory */
    uint32_t free_units;
    uint32_t spare_units; /* free and touched */
    uint32_t run_bound;   /* no run of free units is longer than this */
    uint64_t used[MID__REGION_WORDS];    /* bit: the unit belongs to a slab */
    uint64_t touched[MID__REGION_WORDS]; /* bit: the unit may hold pages */
    uint64_t idle[MID__REGION_WORDS];    /* bit: it was spare at the last step of age.c, and was not taken since */
    _Atomic(uint64_t) *words;  /* of the sequential policy */
    _Atomic(uint64_t) *hidden; /* as starts, of buffers that are sampled; NULL in a pool that does not sample */
    struct mid__record *records;
    size_t unit_words, unit_records;
    /* Of every unit, read by releases without the lock: for a live buffer they cannot change meanwhile, and for a bad
     * pointer any answer will do as long as it is checked. Bytes side by side, so that those of many slabs stay in the
     * processor's cache. */
    _Alignas(MID__CACHE_LINE_BYTES) _Atomic(uint8_t) tags[MID__REGION_UNITS]; /* 0: free; else 1 + the class of its run */
    _Atomic(uint8_t) backs[MID__REGION_UNITS];                                /* units back to the first of the run */
    uint8_t tags_before[MID__REGION_UNITS]; /* of a free unit: its last tag, by which a double release is named */
    struct mid__slab slabs[MID__REGION_UNITS];
    /* A bit for every 16 bytes: a taken buffer of the size-class policy begins here, and a release needs no other look at it
     * (it is not sampled). Read without the lock as well. */
    _Atomic(uint64_t) starts[MID__REGION_GRAINS / 64];
};

_Static_assert(offsetof(struct mid__region, key) == 0, "the key comes first");

#define MID__RUN_BINS 56u

struct mid__arena {
    _Atomic(struct mid__leaf *) *root;
    struct mid__region *all, *open;
    struct mid__region *retired; /* tables whose memory is gone: kept, for a reader without the lock may look at them */
    size_t unit_words, unit_records;
    size_t page_bytes;
    bool hides; /* regions have `hidden` */
    bool given; /* the memory is the program's: Note [Given memory] */

    size_t limit_bytes; /* SIZE_MAX: none */
    size_t committed_bytes;
    size_t committed_peak_bytes;
    size_t spare_bytes;
    size_t reserved_bytes;
    size_t metadata_bytes;
    size_t regions;
    size_t free_regions; /* regions without a slab */
    size_t used_bytes;   /* committed_bytes - spare_bytes */
    size_t used_high_bytes; /* the most since the last step of age.c */
    bool ages;
    uint64_t runs_map; /* bit: the bin is not empty; runs.c */
    struct mid__slab *runs[MID__RUN_BINS];
};

/* The directory's entry for an address, or NULL when there is no leaf for it. */
MID__INLINE _Atomic(struct mid__region *) *mid__arena_entry(const struct mid__arena *a, uintptr_t address)
{
    if (address >> 48 != 0)
        return NULL;
    struct mid__leaf *leaf =
        atomic_load_explicit(&a->root[address >> (MID__REGION_SHIFT + MID__LEAF_SHIFT)], memory_order_acquire);
    return leaf == NULL ? NULL : &leaf->regions[(address >> MID__REGION_SHIFT) % MID__LEAF_ENTRIES];
}

/* The tables of the region that an address lies in, or NULL. No lock. O(1). */
MID__INLINE struct mid__region *mid__arena_region(const struct mid__arena *a, uintptr_t address)
{
    _Atomic(struct mid__region *) *entry = mid__arena_entry(a, address);
    return entry == NULL ? NULL : atomic_load_explicit(entry, memory_order_acquire);
}

/* An address turned by 4: its number in grains of 16 bytes, and what is left over in the highest bits. So one comparison of what
 * lies above the region tells an address that is no start of a grain from one in it. */
MID__INLINE uintptr_t mid__grain_of(const void *p)
{
    return (uintptr_t)p >> MID__GRAIN_SHIFT | (uintptr_t)p << (64 - MID__GRAIN_SHIFT);
}

MID__INLINE uintptr_t mid__region_key(uintptr_t grain)
{
    return grain >> (MID__REGION_SHIFT - MID__GRAIN_SHIFT);
}

MID__INLINE unsigned mid__region_tag(const struct mid__region *r, uintptr_t grain)
{
    size_t unit = (grain >> (MID__UNIT_SHIFT - MID__GRAIN_SHIFT)) % MID__REGION_UNITS;
    return atomic_load_explicit(&r->tags[unit], memory_order_relaxed);
}

/* Whether a buffer of the size-class policy that is not sampled begins at a grain of the region. */
MID__INLINE bool mid__region_starts(const struct mid__region *r, uintptr_t grain)
{
    uint64_t word = atomic_load_explicit(&r->starts[grain / 64 % (MID__REGION_GRAINS / 64)], memory_order_relaxed);
    return (word >> (grain % 64)) & 1;
}

/* And one that is. */
MID__INLINE bool mid__region_hides(const struct mid__region *r, uintptr_t grain)
{
    return r->hidden != NULL && mid__bit_get(r->hidden, grain % MID__REGION_GRAINS);
}

/* The slab that an address lies in, or NULL when it is in none of this arena's. No lock. O(1). */
MID__INLINE struct mid__slab *mid__arena_find(const struct mid__arena *a, const void *p)
{
    struct mid__region *r = mid__arena_region(a, (uintptr_t)p);
    if (r == NULL)
        return NULL;
    size_t unit = ((uintptr_t)p >> MID__UNIT_SHIFT) % MID__REGION_UNITS;
    size_t back = atomic_load_explicit(&r->backs[unit], memory_order_relaxed);
    if (atomic_load_explicit(&r->tags[unit], memory_order_relaxed) == 0 || back > unit)
        return NULL;
    return &r->slabs[unit - back];
}

/* The slab that an address lay in until it went back to the arena, with its tag; NULL when the address lies in a slab, or no
 * slab was there, or its first unit is in use again. Needs the pool's lock. O(1). */
struct mid__slab *mid__arena_find_given(const struct mid__arena *a, const void *p, unsigned *tag);

/* The tag of a slab that is in use. */
MID__INLINE unsigned mid__slab_tag(const struct mid__slab *s)
{
    return atomic_load_explicit(&s->region->tags[s->index], memory_order_relaxed);
}

MID__INLINE char *mid__slab_memory(const struct mid__slab *s)
{
    return s->region->memory + ((size_t)s->index << MID__UNIT_SHIFT);
}

MID__INLINE _Atomic(uint64_t) *mid__slab_starts(const struct mid__slab *s)
{
    return s->region->starts + (size_t)s->index * MID__UNIT_STARTS;
}

/* NULL in a pool that does not sample. */
MID__INLINE _Atomic(uint64_t) *mid__slab_hidden(const struct mid__slab *s)
{
    return s->region->hidden == NULL ? NULL : s->region->hidden + (size_t)s->index * MID__UNIT_STARTS;
}

MID__INLINE _Atomic(uint64_t) *mid__slab_words(const struct mid__slab *s)
{
    return s->region->words + s->index * s->region->unit_words;
}

MID__INLINE struct mid__record *mid__slab_records(const struct mid__slab *s)
{
    return s->region->records == NULL ? NULL : s->region->records + s->index * s->region->unit_records;
}

/* Everything below needs the pool's lock. */

/* MID_E_MEMORY leaves nothing behind. `checked` makes room for records. */
enum mid_status mid__arena_init(struct mid__arena *a, size_t limit_bytes, size_t unit_words, size_t unit_records);

/* Makes the memory that the program gives the only one of the arena, before anything was taken. MID_E_INVALID when there is no
 * whole unit in it, MID_E_MEMORY when there is none for tables; then only mid__arena_fini may follow. */
enum mid_status mid__arena_adopt(struct mid__arena *a, void *base, size_t bytes);

/* Unmaps everything, whatever is in use. */
void mid__arena_fini(struct mid__arena *a);

/* A run of `units` units (1 to 128), tagged for class `id`, on no list. MID_E_LIMIT, MID_E_MEMORY. */
enum mid_status mid__arena_take(struct mid__arena *a, uint32_t units, unsigned id, struct mid__slab **out);

/* A mapping for one buffer of `bytes` bytes. */
enum mid_status mid__arena_take_huge(struct mid__arena *a, size_t bytes, struct mid__slab **out);

/* Makes the slab's units spare, or unmaps a mapping of its own. The slab is on no list. */
void mid__arena_give(struct mid__arena *a, struct mid__slab *s);

/* Gives spare units back to the system until at most `keep_bytes` are left; and, with keep_bytes 0, regions without a
 * slab. Returns by how much committed_bytes fell. */
size_t mid__arena_purge(struct mid__arena *a, size_t keep_bytes);

/* A step of age.c: gives back the units that were spare at the step before and were not taken since, `most_bytes` at a call. False:
 * there may be more of them; true: all are back, and what is spare now is marked for the next step. */
bool mid__arena_age(struct mid__arena *a, size_t most_bytes);

/* Maps zeroed memory for tables, counted in metadata_bytes; and unmaps it. NULL when there is none. */
void *mid__arena_table(struct mid__arena *a, size_t bytes);
void mid__arena_table_gone(struct mid__arena *a, void *table, size_t bytes);

/* Where the arena's memory lies: a copy, so that the kernel can be asked without the lock. */
struct mid__ranges {
    struct mid__range {
        char *memory;
        size_t bytes;
    } *list; /* NULL when there was no memory for it */
    size_t count, list_bytes;
};
struct mid__ranges mid__arena_ranges(const struct mid__arena *a);

/* How many bytes of them are resident, as the kernel says; SIZE_MAX when it does not. What was unmapped meanwhile is not. Ends
 * the copy. No lock is needed. */
size_t mid__ranges_resident_bytes(struct mid__ranges *ranges);

#endif
