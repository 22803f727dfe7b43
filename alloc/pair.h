/* SPDX-License-Identifier: MIT
 *
 * pair.h: how a buffer is taken from the calling thread's cache and given back to it, inlined into mid_pool_alloc, mid_pool_release,
 * mid_pool_release_sized and the malloc face. All that is unusual goes out to the functions that may take the lock.
 *
 * Note [The way of most buffers]
 * A release believes nothing, and yet calls nothing, takes no lock, and touches neither the buffer nor its slab:
 *
 *     address   [ key: 4 MiB region | unit of 8 KiB | grain of 16 B | 0000 ]
 *                    |                    |             |
 *                    |                    |             `- starts[]  a taken buffer begins here, and is not sampled
 *                    |                    `- tags[]                  its class: that of the size, where the release says one
 *                    `- recent[key % 32]  the thread's memory of regions; another key: go_far() in pool.c
 *
 * The address is turned right by four bits (mid__grain_of), so that one that is not aligned to 16 has a key like no region's.
 *
 * Why recent[] may be read without a lock. It belongs to the thread and holds tables of the thread's pool, which stay mapped
 * until the pool ends (Note [Looking up an address without the lock], arena.c), or mid__nowhere. Of a live buffer its region
 * is in use, and its key, tag and bit stand still: they were written before the buffer was handed out. A region that is gone
 * keeps its key, but no unit of it has a tag. If its tables serve another region by now, the key is another one, or the same
 * again for the same addresses. A reader with a bad pointer that meets the change may see an old key with a new tag and a new
 * bit: it then puts an address into its cache that is no buffer's, as it could by passing the address of another thread's buffer at
 * that moment; what leaves a magazine is looked at again under the lock (mid__place_give_some).
 */
#ifndef MIDDEN_ALLOC_PAIR_H
#define MIDDEN_ALLOC_PAIR_H

#include "magazine.h"

/* A buffer of the cache; false: mid__pool_take is to be asked, and the fuse may have been counted down (Note [Fuses]). */
MID__INLINE bool mid__pair_take(struct mid__cache *cache, size_t bytes, void **out)
{
    int burnt;
    if (MID__UNLIKELY(bytes - 1 >= MID_CACHE_INLINE_BYTES))
        return false;
    struct mid_cache_bin *bin = mid__cache_bin(&cache->face, bytes);
    if (MID__UNLIKELY(bin->top == bin->bottom))
        return false;
    MID__CACHE_COUNT_DOWN(bin->fuse, burnt);
    if (MID__UNLIKELY(burnt))
        return false;
    *out = mid__bin_pop(bin, bytes);
    return true;
}

/* Puts a buffer of region `r` that has been looked at into the cache, which is the pool's; false leaves everything as it was.
 * If `sized`, `bytes` is 1 to MID_CACHE_INLINE_BYTES. */
MID__INLINE bool mid__pair_push(struct mid_pool *pool, struct mid__cache *cache, const struct mid__region *r,
                                uintptr_t grain, void *p, bool sized, size_t bytes)
{
    unsigned tag = mid__region_tag(r, grain);
    if (MID__UNLIKELY(sized ? tag != cache->face.class_of[(bytes - 1) / MID__CLASS_STEP_BYTES] + 1u
                            : tag - 1 > MID__CLASS_LARGE))
        return false;
    struct mid_cache_bin *bin = &cache->face.bins[tag - 1];
    if (MID__UNLIKELY(!mid__region_starts(r, grain) || bin->top == bin->end || MID__CACHE_GET(*bin->top) == p))
        return false;
    mid__bin_push(bin, p);
    if (sized)
        MID__CACHE_ADD(bin->requested_out, bytes);
    else
        MID__CACHE_ADD(cache->unsized[tag - 1], 1);
    atomic_signal_fence(memory_order_seq_cst); /* Note [Waiting and the caches] */
    if (MID__UNLIKELY(atomic_load_explicit(&pool->waiters, memory_order_relaxed) != 0))
        mid__waiters_served(pool);
    return true;
}

/* Gives a buffer to the cache, which is the pool's; false: mid__pool_give is to be asked. */
MID__INLINE bool mid__pair_give(struct mid_pool *pool, struct mid__cache *cache, void *p, bool sized, size_t bytes)
{
    if (MID__UNLIKELY(sized && bytes - 1 >= MID_CACHE_INLINE_BYTES))
        return false;
    uintptr_t grain = mid__grain_of(p), key = mid__region_key(grain);
    const _Atomic(uintptr_t) *recent = cache->recent[key % MID__RECENT];
    return MID__LIKELY(atomic_load_explicit(recent, memory_order_relaxed) == key) &&
           mid__pair_push(pool, cache, (const struct mid__region *)(const void *)recent, grain, p, sized, bytes);
}

#endif
