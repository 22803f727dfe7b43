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
#define MID_CACHE_INLINE_BYTES 8192

/* One size class. Private: its layout is known here so that it can be inlined. Only the cache's thread writes; others
 * read the figures, hence the atomic accesses, which cost nothing. */
struct mid_cache_bin {
    void **top;           /* the last buffer of the loaded magazine; equals bottom when there is none */
    void **bottom, **end; /* the word before the first buffer, and the place of the last one */
    uint64_t fuse;        /* allocations until the slow call must look around; it counts them, too */
    uint64_t requested_in, requested_out;
    struct mid__magazine *previous;
    size_t bytes; /* of the class */
};

struct mid_cache {
    struct mid_cache_bin bins[128];
    unsigned char class_of[MID_CACHE_INLINE_BYTES / 16]; /* the bin for a size, by (bytes - 1) / 16 */
};

/* The calling thread's cache of the pool; made at the first call. NULL when there is no memory for it, and in a
 * thread-specific destructor that runs after the library's own: use mid_pool_alloc then, which does without. O(1). */
MID_API struct mid_cache *mid_pool_cache(struct mid_pool *pool);

/* What the inlined calls do when they cannot serve. */
MID_API void *mid_cache_alloc_slow(struct mid_cache *cache, size_t bytes);
MID_API void mid_cache_release_slow(struct mid_cache *cache, void *buffer, size_t bytes);

#define MID__CACHE_GET(field)        __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define MID__CACHE_SET(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

/* A counter that its thread alone writes: added to in one instruction where the compiler would need three. It is not a
 * locked one; a reader sees the value before or after it. */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#define MID__CACHE_ADD(field, n) __asm__("addq %1, %0" : "+m"(field) : "er"((uint64_t)(n)) : "cc")
#define MID__CACHE_COUNT_DOWN(field, zero) __asm__("subq $1, %0" : "+m"(field), "=@ccz"(zero))
#else
#define MID__CACHE_ADD(field, n) MID__CACHE_SET(field, (field) + (uint64_t)(n))
#define MID__CACHE_COUNT_DOWN(field, zero) \
    do { \
        MID__CACHE_SET(field, (field) - 1); \
        (zero) = (field) == 0; \
    } while (0)
#endif

/* The bin that serves a size of 1 to MID_CACHE_INLINE_BYTES bytes. */
static inline struct mid_cache_bin *mid__cache_bin(struct mid_cache *cache, size_t bytes)
{
    if (__builtin_constant_p(bytes) && bytes <= 1024)
        return &cache->bins[(bytes - 1) / 16];
    return &cache->bins[cache->class_of[(bytes - 1) / 16]];
}

/* As mid_pool_alloc. O(1), some ten instructions when the cache has a buffer. */
static inline void *mid_cache_alloc(struct mid_cache *cache, size_t bytes)
{
    struct mid_cache_bin *bin;
    void **top, *buffer;
    int burnt;
    if (__builtin_expect(bytes - 1 >= MID_CACHE_INLINE_BYTES, 0))
        return mid_cache_alloc_slow(cache, bytes);
    bin = mid__cache_bin(cache, bytes);
    top = MID__CACHE_GET(bin->top);
    if (__builtin_expect(top == MID__CACHE_GET(bin->bottom), 0))
        return mid_cache_alloc_slow(cache, bytes);
    MID__CACHE_COUNT_DOWN(bin->fuse, burnt);
    if (__builtin_expect(burnt, 0))
        return mid_cache_alloc_slow(cache, bytes);
    buffer = MID__CACHE_GET(*top);
    MID__CACHE_SET(bin->top, top - 1);
    MID__CACHE_ADD(bin->requested_in, bytes);
    return buffer;
}

/* As mid_pool_release_sized, but unchecked: `buffer` must not be NULL, and must be a live buffer of the cache's pool that
 * was taken, not aligned, with `bytes`. */
static inline void mid_cache_release(struct mid_cache *cache, void *buffer, size_t bytes)
{
    struct mid_cache_bin *bin;
    void **top;
    if (__builtin_expect(bytes - 1 >= MID_CACHE_INLINE_BYTES, 0)) {
        mid_cache_release_slow(cache, buffer, bytes);
        return;
    }
    bin = mid__cache_bin(cache, bytes);
    top = MID__CACHE_GET(bin->top);
    if (__builtin_expect(top == MID__CACHE_GET(bin->end), 0)) {
        mid_cache_release_slow(cache, buffer, bytes);
        return;
    }
    MID__CACHE_SET(top[1], buffer);
    __atomic_signal_fence(__ATOMIC_RELEASE); /* a fork sees no top without its buffer */
    MID__CACHE_SET(bin->top, top + 1);
    MID__CACHE_ADD(bin->requested_out, bytes);
}

#ifdef __cplusplus
}
#endif
#endif
