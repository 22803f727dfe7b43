/* SPDX-License-Identifier: MIT
 *
 * walk.c: shows slabs and buffers to a visitor, in order of address within each region. Reads tables and bitmaps only,
 * never the memory of a buffer.
 *
 * What lies in the caches of threads is taken from its slab but not out. The addresses in all magazines are copied first,
 * sorted, and looked up. A thread that works meanwhile may make a few of them stale; they are only compared. When there is no
 * memory for the copy the cached buffers are shown as live.
 */
#include "magazine.h"

#include <midden/internal/sys.h>

#include <stdlib.h>
#include <string.h>

struct cached {
    uintptr_t *addresses;
    size_t count, capacity, bytes;
};

static void add_slots(struct cached *list, const struct mid__magazine *m, size_t n)
{
    for (size_t i = 0; m != NULL && i < n && i < MID__MAGAZINE_MAX && list->count < list->capacity; i++)
        list->addresses[list->count++] = (uintptr_t)MID__CACHE_GET(m->slots[i]);
}

static int by_address(const void *a, const void *b)
{
    const uintptr_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static struct cached list_cached(struct mid_pool *pool)
{
    struct cached list = {NULL, 0, 0, 0};
    for (unsigned id = 0; id < MID__CLASSES; id++)
        list.capacity += mid__cached_of(pool, id).buffers;
    if (list.capacity == 0)
        return list;
    list.bytes = mid__align_up(list.capacity * sizeof *list.addresses, pool->arena.page_bytes);
    list.addresses = mid__sys_map(list.bytes, pool->arena.page_bytes);
    if (list.addresses == NULL)
        return (struct cached){NULL, 0, 0, 0};
    for (unsigned id = 0; id < MID__CLASSES; id++) {
        for (struct mid__cache *cache = pool->caches; cache != NULL; cache = cache->next_of_pool) {
            const struct mid_cache_bin *bin = &cache->face.bins[id];
            const struct mid__magazine *previous = MID__CACHE_GET(bin->previous);
            add_slots(&list, mid__bin_loaded(bin), mid__bin_count(bin));
            add_slots(&list, previous, previous == NULL ? 0 : MID__CACHE_GET(previous->count));
        }
        pthread_mutex_lock(&pool->depot_lock);
        for (const struct mid__magazine *m = pool->classes[id].depot; m != NULL; m = m->next)
            add_slots(&list, m, m->count);
        pthread_mutex_unlock(&pool->depot_lock);
    }
    qsort(list.addresses, list.count, sizeof *list.addresses, by_address);
    return list;
}

/* How many of the addresses lie below `address`. */
static size_t below(const struct cached *list, uintptr_t address)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->addresses[middle] < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_cached(const struct cached *list, const void *p)
{
    size_t i = below(list, (uintptr_t)p);
    return i < list->count && list->addresses[i] == (uintptr_t)p;
}

static struct mid_pool_slab show_slab(const struct mid__class *c, const struct mid__slab *s,
                                      const struct cached *list)
{
    uintptr_t start = (uintptr_t)mid__slab_memory(s);
    size_t cached = below(list, start + mid__slab_bytes(s)) - below(list, start);
    cached = cached < s->live ? cached : s->live;
    struct mid_pool_slab view = {
        .struct_size = sizeof view,
        .address = mid__slab_memory(s),
        .bytes = mid__slab_bytes(s),
        .state = (enum mid_pool_slab_state)s->state,
        .buffer_bytes = s->units == 0 ? mid__slab_bytes(s) : c->bytes,
        .live_buffers = s->live - cached,
        .live_bytes = (size_t)s->live_bytes - cached * c->bytes,
        .cached_bytes = cached * c->bytes,
    };
    return view;
}

static int visit_slab(struct mid_pool *pool, const struct mid_pool_visitor *v, struct mid__slab *s,
                      const struct cached *list)
{
    const struct mid__class *c = mid__pool_class(pool, s);
    struct mid_pool_slab slab = show_slab(c, s, list);
    int end = v->slab == NULL ? 0 : v->slab(v->user, &slab);
    size_t extent = 0, at = 0;
    while (end == 0 && v->buffer != NULL && at < slab.bytes) {
        at = c->placement->next(c, s, at, &extent);
        if (at == MID__NOWHERE)
            break;
        if (s->units == 0)
            extent = slab.bytes;
        const struct mid__record *record = mid__record_of(c, s, at);
        struct mid_pool_buffer buffer = {
            .struct_size = sizeof buffer,
            .address = (const char *)slab.address + at,
            .bytes = extent,
            .requested_bytes = record == NULL ? extent : record->requested,
            .site = record == NULL ? NULL : record->taken_at,
        };
        if (!is_cached(list, buffer.address))
            end = v->buffer(v->user, &slab, &buffer);
        at += extent;
    }
    return end;
}

int mid_pool_walk(struct mid_pool *pool, const struct mid_pool_visitor *visitor)
{
    if (visitor->struct_size != sizeof *visitor)
        return -1;
    int end = 0;
    pthread_mutex_lock(&pool->lock);
    struct cached list = list_cached(pool);
    for (struct mid__region *r = pool->arena.all; r != NULL && end == 0; r = r->next)
        for (size_t i = 0; i < MID__REGION_UNITS && end == 0;) {
            struct mid__slab *s = &r->slabs[i];
            bool heads = atomic_load_explicit(&r->tags[i], memory_order_relaxed) != 0;
            if (heads)
                end = visit_slab(pool, visitor, s, &list);
            i += heads && s->units > 1 ? s->units : 1;
            if (r->huge)
                break;
        }
    if (list.addresses != NULL)
        mid__sys_unmap(list.addresses, list.bytes);
    pthread_mutex_unlock(&pool->lock);
    return end;
}
