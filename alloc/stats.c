/* SPDX-License-Identifier: MIT
 *
 * stats.c: where every byte is. Counters live where the thing that they count changes (place.c, arena.c, pool.c); here
 * they are only summed, so that each figure has one source:
 *
 *     committed = [ slabs in use                                   | large | empty slabs | spare units ]
 *     slabs in use + large = [ rounded: live buffers | cached | pinned: free, held by a neighbour      ]
 *     rounded   = [ requested | rounding ]        pinned = [ room for a coming allocation | lost ]
 */
#include "magazine.h"
#include "stats.h"

#include <string.h>

/* What is requested now: exact while every release said its size, else the live buffers at the mean of all that were
 * ever taken of the class. */
static size_t requested_now(uint64_t in, uint64_t out, uint64_t unsized, uint64_t allocs, size_t live, size_t rounded)
{
    size_t estimate = (size_t)(in - out);
    if (unsized != 0)
        estimate = allocs == 0 ? 0 : (size_t)((double)in / (double)allocs * (double)live);
    return estimate < rounded ? estimate : rounded;
}

void mid__stats_of_class(struct mid_pool *pool, const struct mid__class *c, struct mid_pool_class_stats *out,
                         bool *exact)
{
    struct mid__cached cached = mid__cached_of(pool, c->id);
    memset(out, 0, sizeof *out);
    out->struct_size = sizeof *out;
    out->buffer_bytes = c->bytes;
    out->slab_bytes = (size_t)c->units * MID_POOL_SLAB_BYTES;
    out->slab_buffers = c->slots;
    out->slabs_full = c->lists[MID_POOL_SLAB_FULL].count + c->lists[MID_POOL_SLAB_LARGE].count;
    out->slabs_partial = c->lists[MID_POOL_SLAB_PARTIAL].count;
    out->slabs_empty = c->lists[MID_POOL_SLAB_EMPTY].count;
    if (cached.buffers > c->taken) /* a thread was swapping magazines just now */
        cached.buffers = c->taken;
    out->live_buffers = c->taken - cached.buffers;
    out->cached_bytes = cached.buffers * c->bytes;
    out->rounded_bytes = c->taken_bytes - out->cached_bytes;
    out->pinned_bytes = c->slab_bytes - c->taken_bytes;
    out->allocs = cached.allocs;
    out->releases = cached.allocs < out->live_buffers ? 0 : cached.allocs - out->live_buffers; /* a thread was taking one */
    out->requested_bytes = requested_now(cached.requested_in, cached.requested_out, cached.unsized, cached.allocs,
                                         out->live_buffers, out->rounded_bytes);
    *exact = cached.unsized == 0;
}

/* Bytes of the class' slabs that a coming allocation of the class could use. */
static size_t room_of(const struct mid__class *c)
{
    if (c->slots == 0) {
        const struct mid__slab *s = c->lists[MID_POOL_SLAB_PARTIAL].head;
        return s == NULL ? 0 : c->placement->room(c, s);
    }
    size_t slabs = c->lists[MID_POOL_SLAB_FULL].count + c->lists[MID_POOL_SLAB_PARTIAL].count;
    return c->large ? 0 : slabs * c->slots * c->bytes - c->taken_bytes;
}

static void add_class(struct mid_pool_stats *sum, const struct mid__class *c, const struct mid_pool_class_stats *f,
                      bool exact)
{
    sum->live_buffers += f->live_buffers;
    sum->requested_bytes += f->requested_bytes;
    sum->requested_is_exact &= exact;
    sum->rounded_bytes += f->rounded_bytes;
    sum->cached_bytes += f->cached_bytes;
    sum->pinned_bytes += f->pinned_bytes;
    sum->lost_bytes += f->pinned_bytes - room_of(c);
    sum->allocs += f->allocs;
    sum->releases += f->releases;
    *(c->large ? &sum->large_bytes : &sum->slab_bytes) += c->slab_bytes;
    *(c->large ? &sum->slabs_large : &sum->slabs_full) += f->slabs_full;
    sum->slabs_partial += f->slabs_partial;
    sum->slabs_empty += f->slabs_empty;
}

void mid__stats_of_pool(struct mid_pool *pool, struct mid_pool_stats *out)
{
    const struct mid__arena *a = &pool->arena;
    memset(out, 0, sizeof *out);
    out->struct_size = sizeof *out;
    out->limit_bytes = a->limit_bytes == SIZE_MAX ? 0 : a->limit_bytes;
    out->requested_is_exact = 1;
    for (unsigned i = 0; i < MID__CLASSES; i++) {
        struct mid_pool_class_stats f;
        bool exact;
        mid__stats_of_class(pool, &pool->classes[i], &f, &exact);
        add_class(out, &pool->classes[i], &f, exact);
    }
    out->empty_bytes = pool->empty_bytes;
    out->spare_bytes = a->spare_bytes;
    out->committed_bytes = a->committed_bytes;
    out->released_page_bytes = pool->pages_out_bytes;
    out->reserved_bytes = a->reserved_bytes;
    out->metadata_bytes = a->metadata_bytes + pool->pool_bytes;
    out->resident_bytes = SIZE_MAX;
    if (out->requested_bytes > pool->requested_peak_bytes)
        pool->requested_peak_bytes = out->requested_bytes;
    out->requested_peak_bytes = pool->requested_peak_bytes;
    out->rounded_peak_bytes = pool->taken_peak_bytes;
    out->committed_peak_bytes = a->committed_peak_bytes;
    out->regions = a->regions;
    out->refused_limit = pool->refused_limit;
    out->refused_memory = pool->refused_memory;
    out->depot_exchanges = mid__depot_exchanges(pool);
    for (struct mid__cache *cache = pool->caches; cache != NULL; cache = cache->next_of_pool) {
        out->cache_misses += atomic_load_explicit(&cache->misses, memory_order_relaxed);
        out->thread_caches += cache->in_use;
    }
    out->misuses = atomic_load_explicit(&pool->misuses, memory_order_relaxed);
}

size_t mid__pool_out(struct mid_pool *pool)
{
    size_t taken = 0;
    for (unsigned i = 0; i < MID__CLASSES; i++)
        taken += pool->classes[i].taken - mid__cached_of(pool, i).buffers;
    return taken;
}

size_t mid__stats_class_count(const struct mid_pool *pool)
{
    return pool->sequential ? 1 + MID__CLASSES - MID__CLASS_LARGE : MID__CLASSES;
}

struct mid__class *mid__stats_class(struct mid_pool *pool, size_t index)
{
    if (pool->sequential && index > 0)
        index += MID__CLASS_LARGE - 1;
    return &pool->classes[index];
}

enum mid_status mid_pool_stats(struct mid_pool *pool, struct mid_pool_stats *stats)
{
    if (stats->struct_size < sizeof stats->struct_size || stats->struct_size > sizeof *stats)
        return MID_E_INVALID;
    struct mid_pool_stats all;
    pthread_mutex_lock(&pool->lock);
    mid__stats_of_pool(pool, &all);
    struct mid__ranges ranges = mid__arena_ranges(&pool->arena);
    pthread_mutex_unlock(&pool->lock);
    all.resident_bytes = mid__ranges_resident_bytes(&ranges); /* slow, hence unlocked */
    all.struct_size = stats->struct_size;
    memcpy(stats, &all, stats->struct_size);
    return MID_OK;
}

size_t mid_pool_class_count(struct mid_pool *pool)
{
    return mid__stats_class_count(pool);
}

enum mid_status mid_pool_class_stats(struct mid_pool *pool, size_t index, struct mid_pool_class_stats *stats)
{
    if (stats->struct_size < sizeof stats->struct_size || stats->struct_size > sizeof *stats ||
        index >= mid__stats_class_count(pool))
        return MID_E_INVALID;
    struct mid_pool_class_stats all;
    bool exact;
    pthread_mutex_lock(&pool->lock);
    mid__stats_of_class(pool, mid__stats_class(pool, index), &all, &exact);
    pthread_mutex_unlock(&pool->lock);
    all.struct_size = stats->struct_size;
    memcpy(stats, &all, stats->struct_size);
    return MID_OK;
}

static struct mid_pool_cache_stats stats_of_cache(struct mid_pool *pool, const struct mid__cache *cache)
{
    struct mid_pool_cache_stats f = {.in_use = cache->in_use};
    uint64_t allocs = 0;
    for (unsigned id = 0; id < MID__CLASSES; id++) {
        const struct mid_cache_bin *bin = &cache->face.bins[id];
        const struct mid__magazine *previous = MID__CACHE_GET(bin->previous);
        size_t n = mid__bin_count(bin) + (previous == NULL ? 0 : MID__CACHE_GET(previous->count));
        f.cached_buffers += n;
        f.cached_bytes += n * pool->classes[id].bytes;
        allocs += mid__bin_allocs(cache, id);
    }
    f.release_misses = atomic_load_explicit(&cache->release_misses, memory_order_relaxed);
    f.alloc_misses = atomic_load_explicit(&cache->misses, memory_order_relaxed) - f.release_misses;
    f.hits = allocs > f.alloc_misses ? allocs - f.alloc_misses : 0;
    return f;
}

enum mid_status mid_pool_cache_stats(struct mid_pool *pool, size_t index, struct mid_pool_cache_stats *stats)
{
    if (stats->struct_size < sizeof stats->struct_size || stats->struct_size > sizeof *stats)
        return MID_E_INVALID;
    struct mid_pool_cache_stats all;
    pthread_mutex_lock(&pool->lock);
    const struct mid__cache *cache = pool->caches; /* new ones come in front: the last is number 0 */
    size_t count = 0;
    for (const struct mid__cache *c = cache; c != NULL; c = c->next_of_pool)
        count++;
    for (size_t i = count; i > index + 1 && cache != NULL; i--)
        cache = cache->next_of_pool;
    if (index < count)
        all = stats_of_cache(pool, cache);
    pthread_mutex_unlock(&pool->lock);
    if (index >= count)
        return MID_E_INVALID;
    all.struct_size = stats->struct_size;
    memcpy(stats, &all, stats->struct_size);
    return MID_OK;
}
