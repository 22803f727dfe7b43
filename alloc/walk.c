/* SPDX-License-Identifier: MIT
 *
 * walk.c: shows slabs and buffers to a visitor, in order of address within each region. Reads tables and bitmaps only,
 * never the memory of a buffer.
 */
#include "pool_state.h"

static struct mid_pool_slab show_slab(const struct mid__class *c, const struct mid__slab *s)
{
    struct mid_pool_slab view = {
        .struct_size = sizeof view,
        .address = mid__slab_memory(s),
        .bytes = mid__slab_bytes(s),
        .state = (enum mid_pool_slab_state)s->state,
        .buffer_bytes = s->units == 0 ? mid__slab_bytes(s) : c->bytes,
        .live_buffers = s->live,
        .live_bytes = (size_t)s->live_bytes,
        .cached_bytes = 0,
    };
    return view;
}

static int visit_slab(struct mid_pool *pool, const struct mid_pool_visitor *v, struct mid__slab *s)
{
    const struct mid__class *c = mid__pool_class(pool, s);
    struct mid_pool_slab slab = show_slab(c, s);
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
    for (struct mid__region *r = pool->arena.all; r != NULL && end == 0; r = r->next)
        for (size_t i = 0; i < MID__REGION_UNITS && end == 0;) {
            struct mid__slab *s = &r->slabs[i];
            bool heads = atomic_load_explicit(&s->tag, memory_order_relaxed) != 0;
            if (heads)
                end = visit_slab(pool, visitor, s);
            i += heads && s->units > 1 ? s->units : 1;
            if (r->huge)
                break;
        }
    pthread_mutex_unlock(&pool->lock);
    return end;
}
