/* SPDX-License-Identifier: MIT
 *
 * <midden/cache.h>: a thread's own cache of a pool, and the pair of calls that is inlined into the caller.
 *
 * mid_pool_alloc and mid_pool_release_sized find the calling thread's cache by themselves. A thread that takes and
 * releases at a high rate keeps it at hand instead:
 *
 *     struct mid_cache *cache = mid_pool_cache(pool);
 *     char *p = mid_cache_alloc(cache, 64);
 *     ...
 *     mid_cache_release(cache, p, 64);
 *
 * Thread rule: a cache is used by the thread that called mid_pool_cache, and by no other. The buffers go anywhere: they are
 * the pool's, and may be released by any function of <midden/pool.h> or into the cache of another thread. A cache is valid
 * until its thread or its pool ends.
 *
 * In a checked or uncached pool the same calls work, past the cache.
 */
#ifndef MIDDEN_CACHE_H
#define MIDDEN_CACHE_H

#include <midden/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Buffers up to this size are served inline. */
#define MID_CACHE_INLINE_BYTES 1024

/* One size class. Private: its layout is known here so that it can be inlined. Only the cache's thread writes; others
 * read the figures, hence the atomic accesses, which cost nothing. */
struct mid_cache_bin {
    void **slots; /* of the loaded magazine */
    unsigned count, capacity;
    uint64_t allocs, requested_in, requested_out, unsized;
    struct mid__magazine *loaded, *previous;
};

struct mid_cache {
    struct mid_cache_bin bins[128];
};

/* The calling thread's cache of the pool; made at the first call. NULL when there is no memory for it, and in a
 * thread-specific destructor that runs after the library's own: use mid_pool_alloc then, which does without. O(1). */
MID_API struct mid_cache *mid_pool_cache(struct mid_pool *pool);

/* What the inlined calls do when they cannot serve. */
MID_API void *mid_cache_alloc_slow(struct mid_cache *cache, size_t bytes);
MID_API void mid_cache_release_slow(struct mid_cache *cache, void *buffer, size_t bytes);

#define MID__CACHE_GET(field)        __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define MID__CACHE_SET(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

/* As mid_pool_alloc. O(1), some ten instructions when the cache has a buffer. */
static inline void *mid_cache_alloc(struct mid_cache *cache, size_t bytes)
{
    struct mid_cache_bin *bin;
    unsigned n;
    if (bytes - 1 >= MID_CACHE_INLINE_BYTES)
        return mid_cache_alloc_slow(cache, bytes);
    bin = &cache->bins[(bytes - 1) / 16];
    n = MID__CACHE_GET(bin->count);
    if (__builtin_expect(n == 0, 0))
        return mid_cache_alloc_slow(cache, bytes);
    MID__CACHE_SET(bin->count, n - 1);
    MID__CACHE_SET(bin->allocs, bin->allocs + 1);
    MID__CACHE_SET(bin->requested_in, bin->requested_in + bytes);
    return MID__CACHE_GET(bin->slots[n - 1]);
}

/* As mid_pool_release_sized, but unchecked: `buffer` must not be NULL, and must be a live buffer of the cache's pool that
 * was taken, not aligned, with `bytes`. */
static inline void mid_cache_release(struct mid_cache *cache, void *buffer, size_t bytes)
{
    struct mid_cache_bin *bin;
    unsigned n;
    if (bytes - 1 >= MID_CACHE_INLINE_BYTES) {
        mid_cache_release_slow(cache, buffer, bytes);
        return;
    }
    bin = &cache->bins[(bytes - 1) / 16];
    n = MID__CACHE_GET(bin->count);
    if (__builtin_expect(n >= MID__CACHE_GET(bin->capacity), 0)) {
        mid_cache_release_slow(cache, buffer, bytes);
        return;
    }
    MID__CACHE_SET(bin->slots[n], buffer);
    __atomic_signal_fence(__ATOMIC_RELEASE); /* a fork sees no count without its slot */
    MID__CACHE_SET(bin->requested_out, bin->requested_out + bytes);
    MID__CACHE_SET(bin->count, n + 1);
}

#ifdef __cplusplus
}
#endif
#endif
