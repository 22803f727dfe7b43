/* SPDX-License-Identifier: MIT
 *
 * trim.c: gives back to the system all that holds no buffer: empty slabs, spare units, and single pages within slabs that
 * other buffers keep alive.
 *
 *     slab of 2 pages    [ a | b |   |   |   |   |   |   ]      a, b alive: the second page goes back
 *                        ^ page 0        ^ page 1
 *
 * Since bitmaps lie outside, a page without a live buffer holds nothing. slab->pages_out remembers it; taking a buffer
 * there touches it again. A checked pool keeps these pages, for they hold the poison by which it sees late writes.
 *
 * Cost: one bitmap pass over every partial slab, and one system call for each run of pages.
 */
#include "block.h"

#include <midden/internal/sys.h>

/* The pages of a small slab that hold a part of a buffer. */
static uint16_t pages_held(const struct mid__class *c, const struct mid__slab *s, size_t page_bytes)
{
    uint32_t mask = 0;
    size_t extent = 0;
    for (uint32_t at = c->placement->next(c, s, 0, &extent); at != MID__NOWHERE;
         at = c->placement->next(c, s, at + extent, &extent)) {
        size_t first = at / page_bytes, last = (at + extent - 1) / page_bytes;
        mask |= (uint32_t)(((1u << (last - first + 1)) - 1) << first);
        if (at + extent >= mid__slab_bytes(s))
            break;
    }
    return (uint16_t)mask;
}

static void give_pages(struct mid_pool *pool, struct mid__class *c, struct mid__slab *s)
{
    size_t page = pool->arena.page_bytes, pages = mid__slab_bytes(s) / page;
    uint32_t out = ~(uint32_t)(pages_held(c, s, page) | s->pages_out) & ((1u << pages) - 1);
    while (out != 0) {
        unsigned first = mid__ctz64(out), run = mid__ctz64(~((uint64_t)out >> first));
        uint32_t mask = ((1u << run) - 1) << first;
        if (!mid__sys_decommit(mid__slab_memory(s) + first * page, run * page))
            return;
        s->pages_out = (uint16_t)(s->pages_out | mask);
        pool->pages_out_bytes += run * page;
        out &= ~mask;
    }
}

void mid__trim_pages(struct mid_pool *pool, struct mid__class *c)
{
    if (c->large || pool->checked || pool->arena.given || pool->arena.page_bytes > MID_POOL_SLAB_BYTES / 2)
        return;
    for (struct mid__slab *s = c->lists[MID_POOL_SLAB_PARTIAL].head; s != NULL; s = s->next)
        give_pages(pool, c, s);
    for (struct mid__slab *s = c->lists[MID_POOL_SLAB_FULL].head; pool->sequential && s != NULL; s = s->next)
        give_pages(pool, c, s);
}

size_t mid_pool_trim(struct mid_pool *pool)
{
    struct mid__cache *cache = mid__cache_had(pool);
    if (cache != NULL)
        mid__blocks_leave(cache);
    pthread_mutex_lock(&pool->lock);
    if (cache != NULL)
        mid__cache_empty(pool, cache);
    mid__caches_idle_empty(pool);
    mid__depot_empty(pool);
    pool->cache_epoch++;
    size_t before = pool->arena.committed_bytes;
    mid__place_reap(pool);
    mid__arena_purge(&pool->arena, 0);
    for (unsigned i = 0; i < MID__CLASS_LARGE; i++)
        mid__trim_pages(pool, &pool->classes[i]);
    size_t after = pool->arena.committed_bytes;
    pthread_mutex_unlock(&pool->lock);
    return before - after;
}
