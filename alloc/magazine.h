/* SPDX-License-Identifier: MIT
 *
 * magazine.h: magazines, the depot that threads pass them through, and a thread's cache. See the head of magazine.c.
 */
#ifndef MIDDEN_ALLOC_MAGAZINE_H
#define MIDDEN_ALLOC_MAGAZINE_H

#include "pool_state.h"

#include <midden/cache.h>

#define MID__MAGAZINE_BYTES 512u
#define MID__MAGAZINE_MAX   62u
#define MID__BIASED          16u
#define MID__RECENT          32u

/* Aligned to its size, so that a bin's top alone tells how many buffers there are: one word, read at once. */
struct mid__magazine {
    struct mid__magazine *next;
    size_t count; /* of a magazine that is not loaded; a bin's bottom points here */
    void *slots[MID__MAGAZINE_MAX];
};

_Static_assert(sizeof(struct mid__magazine) == MID__MAGAZINE_BYTES, "a top tells its magazine");
_Static_assert(sizeof(struct mid_cache_bin) == MID__CACHE_LINE_BYTES, "one cache line a bin");

struct mid__cache {
    struct mid_cache face; /* first: a struct mid_cache is a struct mid__cache */
    _Atomic(struct mid_pool *) pool; /* NULL: the pool is gone, and the thread unmaps the cache */
    struct mid__cache *next_of_pool, *next_of_thread;
    bool in_use;      /* by a thread; else it waits for one. Written with both locks held, read with either */
    uint64_t epoch;   /* the pool's when the cache was last emptied on demand */
    size_t bound;     /* of `charged`, when it was last looked at */
    size_t charged;   /* bytes that its magazines could hold: 2 x capacity x bytes of each bin that has one */
    size_t large_bytes, large_bound, large_most; /* what its magazines of large buffers do hold, and may, now and ever */
    unsigned hand;    /* the bin that is looked at next when there is too much */
    uint8_t capacity[MID__CLASSES];   /* of the bin's magazines; 0: it has none */
    uint64_t issued[MID__CLASSES];    /* allocations that the fuses stood for: served are issued - fuse */
    uint64_t unsized[MID__CLASSES];   /* releases without a size */
    uint64_t seen[MID__CLASSES];      /* what the bin had done when the hand last passed it */
    int64_t until_sample; /* sample.c; 0: not yet drawn */
    uint64_t sample_random;
    uint64_t sampled[MID__CLASSES]; /* bin's bytes or buffers when they were last counted */
    uint64_t aged[MID__CLASSES];      /* and at the last step of age.c */
    _Atomic(uint64_t) misses, release_misses; /* misses counts both kinds */
    const _Atomic(uintptr_t) *recent[MID__RECENT]; /* keys of regions, where it released lately: pair.h */
    struct mid__large_block *biased[MID__BIASED]; /* blocks whose holders the thread counts without atomics; block.c */
    uint32_t biased_next;
};

_Static_assert(offsetof(struct mid__cache, face) == 0, "the public face comes first");

/* The key of no region. */
extern const _Atomic(uintptr_t) mid__nowhere;

/* The calling thread's caches, the one used last in front. */
extern _Thread_local struct mid__cache *mid__thread_caches;

MID__INLINE bool mid__cache_is_of(const struct mid__cache *cache, const struct mid_pool *pool)
{
    return cache != NULL && atomic_load_explicit(&cache->pool, memory_order_relaxed) == pool;
}

MID__INLINE struct mid__magazine *mid__bin_loaded(const struct mid_cache_bin *bin)
{
    uintptr_t top = (uintptr_t)MID__CACHE_GET(bin->top);
    return (struct mid__magazine *)(top & ~(uintptr_t)(MID__MAGAZINE_BYTES - 1));
}

/* How many buffers the loaded magazine holds; any thread may ask. */
MID__INLINE size_t mid__bin_count(const struct mid_cache_bin *bin)
{
    uintptr_t top = (uintptr_t)MID__CACHE_GET(bin->top);
    return top == 0 ? 0 : top % MID__MAGAZINE_BYTES / sizeof(void *) - 1;
}

MID__INLINE uint64_t mid__bin_allocs(const struct mid__cache *cache, unsigned id)
{
    return MID__CACHE_GET(cache->issued[id]) - MID__CACHE_GET(cache->face.bins[id].fuse);
}

/* A buffer out of a bin that has one. */
MID__INLINE void *mid__bin_pop(struct mid_cache_bin *bin, size_t bytes)
{
    void **top = bin->top;
    void *buffer = MID__CACHE_GET(*top);
    MID__CACHE_SET(bin->top, top - 1);
    MID__CACHE_ADD(bin->requested_in, bytes);
    return buffer;
}

/* Into one that has room: bin->top != bin->end. */
MID__INLINE void mid__bin_push(struct mid_cache_bin *bin, void *buffer)
{
    void **top = bin->top;
    MID__CACHE_SET(top[1], buffer);
    atomic_signal_fence(memory_order_release); /* Note [Fork] */
    MID__CACHE_SET(bin->top, top + 1);
}

MID__INLINE void mid__bin_count_release(struct mid__cache *cache, unsigned id, size_t bytes)
{
    if (bytes == MID__SIZE_UNKNOWN)
        MID__CACHE_ADD(cache->unsized[id], 1);
    else
        MID__CACHE_ADD(cache->face.bins[id].requested_out, bytes);
}

/* A buffer of the bin's class got another size and stayed where it is: counted as released and taken. */
MID__INLINE void mid__bin_resized(struct mid__cache *cache, unsigned id, size_t bytes)
{
    MID__CACHE_ADD(cache->issued[id], 1);
    MID__CACHE_ADD(cache->face.bins[id].requested_in, bytes);
    MID__CACHE_ADD(cache->unsized[id], 1);
}

/* ---- thread_cache.c */
/* The calling thread's cache, or NULL when the pool has none or there is no memory. */
struct mid__cache *mid__cache_of(struct mid_pool *pool);
/* The same, without making one. */
struct mid__cache *mid__cache_had(struct mid_pool *pool);
/* Ends all caches of a pool that is going. */
void mid__caches_end(struct mid_pool *pool);
/* In a child of fork: the caches of all threads but this one wait for other threads. All locks are held. */
void mid__caches_orphaned(struct mid_pool *pool);
/* Empties the caches that wait for a thread; the lock is held. */
void mid__caches_idle_empty(struct mid_pool *pool);

/* ---- age.c */
/* One step if it is time for one; the lock is held, or not. The thread's `cache` may be NULL. */
void mid__age_locked(struct mid_pool *pool, struct mid__cache *cache);
void mid__age(struct mid_pool *pool, struct mid__cache *cache);

/* ---- sample.c */
/* The cache could not serve this allocation by itself; no lock is held. */
void mid__sample_after_miss(struct mid_pool *pool, struct mid__cache *cache, unsigned id, void *p, size_t bytes,
                            const void *site);

/* ---- magazine.c */
/* The most buffers a magazine of the class holds; 0: the class is not cached. */
unsigned mid__magazine_capacity(const struct mid_pool *pool, unsigned id);
/* Fills in what never changes of a fresh cache. */
void mid__cache_init(const struct mid_pool *pool, struct mid__cache *cache);
/* A buffer of the class from the cache, the depot, or the slabs; NULL with *status. */
void *mid__cache_take(struct mid__cache *cache, unsigned id, size_t bytes, enum mid_status *status);
/* Puts a buffer into the cache. */
void mid__cache_give(struct mid__cache *cache, unsigned id, void *buffer, size_t bytes);
/* Everything in the cache, and in the depot, goes back to the slabs; the lock is held. */
void mid__cache_empty(struct mid_pool *pool, struct mid__cache *cache);
void mid__depot_empty(struct mid_pool *pool);
uint64_t mid__depot_exchanges(struct mid_pool *pool);
/* Bins that did nothing since the last call go back; the lock is held. */
void mid__cache_empty_idle(struct mid_pool *pool, struct mid__cache *cache);
/* Gives up the bins that a thread left in the middle of a swap: Note [Fork]. */
void mid__cache_settle(struct mid_pool *pool, struct mid__cache *cache);
/* Unmaps the magazines of a pool that is going. */
void mid__magazines_end(struct mid_pool *pool);
/* Buffers of a class in caches and depot; and the sums of what bins counted. The lock is held. */
struct mid__cached {
    size_t buffers;
    uint64_t allocs, requested_in, requested_out, unsized;
};
struct mid__cached mid__cached_of(struct mid_pool *pool, unsigned id);

#endif
