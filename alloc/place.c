/* SPDX-License-Identifier: MIT
 *
 * place.c: which slab gives the next buffer, and on which list a slab stands. All with the pool's lock held.
 *
 *                 take                        take: no room
 *        EMPTY ---------> PARTIAL ----------------------------> FULL
 *          ^  <---------     ^    <----------------------------  |
 *          |  last given     |     one given (size-class policy) |
 *          |                 +---                                |
 *          +------------------- last given (sequential policy) --+
 *        beyond the reserve: units go back to the arena
 *
 * I1  A slab stands on the list of its class that placement->state says, and slab->state names that list.
 * I2  The sum of `live` over a class' slabs is class->taken, that of `live_bytes` is class->taken_bytes.
 * I3  class->slab_bytes counts the slabs that are not empty, pool->empty_bytes those that are.
 *
 * Every change of a slab is followed by settle(), the only function that moves slabs between lists.
 *
 * Bonwick 1994, section 3.4.1 (full, partial and empty slabs on one list, in this order); our lists are separate. His
 * reaping by a working-set interval is departed from: the reserve of empty slabs of a class is one, and one more for
 * every eight in use, so that a class that swings by a slab does not thrash, and 1 MiB and an eighth of what is used
 * over all classes. Slabs of large buffers have none: as units they join their neighbours and serve any class;
 * but in a checked pool, whose records say who released them.
 */
#include "pool_state.h"

#include <string.h>

#define EMPTY_FLOOR_BYTES ((size_t)1 << 20)

static void give_units_back(struct mid_pool *pool, struct mid__class *c, struct mid__slab *s)
{
    mid__list_remove(&c->lists[MID_POOL_SLAB_EMPTY], s);
    pool->empty_bytes -= mid__slab_bytes(s);
    pool->pages_out_bytes -= (size_t)mid__popcount64(s->pages_out) * pool->arena.page_bytes;
    s->pages_out = 0;
    mid__arena_give(&pool->arena, s);
}

static size_t in_use(const struct mid__class *c)
{
    return c->lists[MID_POOL_SLAB_PARTIAL].count + c->lists[MID_POOL_SLAB_FULL].count +
           c->lists[MID_POOL_SLAB_LARGE].count;
}

static void settle(struct mid_pool *pool, struct mid__class *c, struct mid__slab *s)
{
    enum mid_pool_slab_state state = c->placement->state(c, s);
    if (state == s->state)
        return;
    size_t bytes = mid__slab_bytes(s);
    mid__list_remove(&c->lists[s->state], s);
    if (s->state == MID_POOL_SLAB_EMPTY) {
        pool->empty_bytes -= bytes;
        c->slab_bytes += bytes;
    }
    s->state = (uint8_t)state;
    mid__list_push(&c->lists[state], s);
    if (state != MID_POOL_SLAB_EMPTY)
        return;
    pool->empty_bytes += bytes;
    c->slab_bytes -= bytes;
    s->fresh = false;
    if (s->units == 0) {
        give_units_back(pool, c, s);
        return;
    }
    if ((c->large && !pool->checked) || c->lists[MID_POOL_SLAB_EMPTY].count > 1 + in_use(c) / 8 ||
        pool->empty_bytes > EMPTY_FLOOR_BYTES + pool->arena.used_bytes / 8 )
        give_units_back(pool, c, c->lists[MID_POOL_SLAB_EMPTY].tail);
}

bool mid__place_reap(struct mid_pool *pool)
{
    bool any = false;
    for (unsigned i = 0; i < MID__CLASSES; i++) {
        struct mid__class *c = &pool->classes[i];
        while (c->lists[MID_POOL_SLAB_EMPTY].head != NULL) {
            give_units_back(pool, c, c->lists[MID_POOL_SLAB_EMPTY].head);
            any = true;
        }
    }
    return any;
}

static enum mid_status new_slab(struct mid_pool *pool, struct mid__class *c, size_t bytes, struct mid__slab **out)
{
    for (;;) {
        enum mid_status status = c->id == MID__CLASS_HUGE ? mid__arena_take_huge(&pool->arena, bytes, out)
                                                          : mid__arena_take(&pool->arena, c->units, c->id, out);
        if (status == MID_OK || !mid__place_reap(pool))
            return status;
    }
}

/* The records of a run's earlier life mean nothing in this one; a bad pointer behind the last slot is given the next one's. */
static void forget_records(const struct mid__class *c, const struct mid__slab *s)
{
    struct mid__record *records = mid__slab_records(s);
    if (records == NULL)
        return;
    size_t all = s->units == 0 ? s->region->unit_records : s->units * s->region->unit_records;
    memset(records, 0, (c->slots != 0 && c->slots < all ? c->slots + 1 : all) * sizeof *records);
}

/* A slab with room, on its list; the empty ones only when no partial one has any. */
static enum mid_status find_slab(struct mid_pool *pool, struct mid__class *c, size_t bytes, struct mid__slab **out)
{
    *out = c->lists[MID_POOL_SLAB_PARTIAL].head;
    if (*out != NULL)
        return MID_OK;
    *out = c->lists[MID_POOL_SLAB_EMPTY].head;
    if (*out != NULL)
        return MID_OK;
    enum mid_status status = new_slab(pool, c, bytes, out);
    if (status != MID_OK)
        return status;
    c->placement->begin(c, *out);
    forget_records(c, *out);
    mid__list_push(&c->lists[MID_POOL_SLAB_EMPTY], *out);
    pool->empty_bytes += mid__slab_bytes(*out);
    return MID_OK;
}

/* Pages that trim gave back come again by being touched. */
static void touch_pages(struct mid_pool *pool, struct mid__slab *s, size_t offset, size_t extent)
{
    size_t page = pool->arena.page_bytes;
    for (size_t i = offset / page; i <= (offset + extent - 1) / page; i++)
        if (((uint32_t)s->pages_out >> i) & 1u) {
            s->pages_out = (uint16_t)((unsigned)s->pages_out & ~(1u << i));
            pool->pages_out_bytes -= page;
        }
}

static void count_taken(struct mid_pool *pool, struct mid__class *c, size_t count, size_t bytes)
{
    c->taken += count;
    c->taken_bytes += bytes;
    c->taken_high = c->taken > c->taken_high ? c->taken : c->taken_high;
    pool->taken_bytes += bytes;
    if (pool->taken_bytes > pool->taken_peak_bytes)
        pool->taken_peak_bytes = pool->taken_bytes;
}

enum mid_status mid__place_take(struct mid_pool *pool, struct mid__class *c, size_t bytes, struct mid__taken *out)
{
    for (;;) {
        struct mid__slab *s;
        enum mid_status status = find_slab(pool, c, bytes, &s);
        if (status != MID_OK)
            return status;
        uint32_t offset = c->placement->take(c, s, bytes, &out->extent);
        if (offset == MID__NOWHERE) {
            settle(pool, c, s);
            continue;
        }
        if (s->units == 0) { /* the size of a mapping of its own is its own */
            out->extent = s->region->bytes;
            s->live_bytes = out->extent;
        }
        if (s->pages_out != 0)
            touch_pages(pool, s, offset, out->extent);
        out->slab = s;
        out->offset = offset;
        out->fresh = s->fresh && c->large;
        count_taken(pool, c, 1, out->extent);
        settle(pool, c, s);
        return MID_OK;
    }
}

void mid__place_give(struct mid_pool *pool, struct mid__class *c, struct mid__slab *s, size_t offset, size_t extent)
{
    if (mid__sample_maybe(pool, c, s, offset))
        mid__sample_gone(pool, c, s, mid__slab_memory(s) + offset);
    c->placement->give(c, s, offset, extent);
    c->taken--;
    c->taken_bytes -= extent;
    pool->taken_bytes -= extent;
    settle(pool, c, s);
    if (MID__UNLIKELY(atomic_load_explicit(&pool->waiters, memory_order_relaxed) != 0))
        mid__waiters_wake(pool);
}

size_t mid__place_take_some(struct mid_pool *pool, struct mid__class *c, void **out, size_t wanted,
                            enum mid_status *status)
{
    size_t n = 0;
    *status = MID_OK;
    while (n < wanted) {
        struct mid__slab *s;
        *status = find_slab(pool, c, c->bytes, &s);
        if (*status != MID_OK)
            break;
        size_t more = mid__class_take_some(c, s, out + n, (uint32_t)(wanted - n));
        for (size_t i = n; s->pages_out != 0 && i < n + more; i++)
            touch_pages(pool, s, (size_t)((char *)out[i] - mid__slab_memory(s)), c->bytes);
        count_taken(pool, c, more, more * c->bytes);
        settle(pool, c, s);
        n += more;
    }
    return n;
}

/* The slab of `p`, if it is a taken buffer of the class. */
static struct mid__slab *slab_of_taken(struct mid_pool *pool, const struct mid__class *c, const void *p, size_t *offset)
{
    struct mid__slab *s = mid__arena_find(&pool->arena, p);
    size_t extent;
    if (s == NULL || mid__slab_tag(s) != c->id + 1u)
        return NULL;
    *offset = (size_t)((const char *)p - mid__slab_memory(s));
    return c->placement->look(c, s, *offset, &extent) == MID__PLACE_LIVE ? s : NULL;
}

void mid__place_give_some(struct mid_pool *pool, struct mid__class *c, void **buffers, size_t count)
{
    struct mid__slab *last = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t offset;
        struct mid__slab *s = slab_of_taken(pool, c, buffers[i], &offset);
        if (s == NULL) {
            mid__misuse(pool, "pool.double_release", buffers[i],
                        "%p, which was released earlier, is no buffer of %zu bytes that is out", buffers[i], c->bytes);
            continue;
        }
        if (s != last && last != NULL)
            settle(pool, c, last);
        last = s;
        if (mid__sample_maybe(pool, c, s, offset))
            mid__sample_gone(pool, c, s, buffers[i]);
        c->placement->give(c, s, offset, c->bytes);
        c->taken--;
        c->taken_bytes -= c->bytes;
        pool->taken_bytes -= c->bytes;
    }
    if (last == NULL)
        return; /* nothing came back: a waiter that empties its cache must not wake itself */
    settle(pool, c, last);
    if (MID__UNLIKELY(atomic_load_explicit(&pool->waiters, memory_order_relaxed) != 0))
        mid__waiters_wake(pool);
}
