/* SPDX-License-Identifier: MIT
 *
 * magazine.c: arrays of released buffers, by which a thread takes and releases without a lock, and threads hand buffers
 * to each other in bulk.
 *
 *     thread's cache, a bin for each class            pool, under its lock
 *       loaded    [ p p p p . . . . ]  <-> swap         depot   full [ p p p p p p p p ] -> full -> ...
 *       previous  [ p p p p p p p p ]  <----------->            empty magazines          -> ...
 *                                       exchange                    |  refill, drain
 *                                                                   v
 *                                                               slabs (place.c)
 *
 * I1  A buffer in a magazine is taken from its slab, of the magazine's class, and in no other magazine.
 * I2  previous is NULL, full, or empty.   I3  Only the cache's thread changes loaded and previous.
 *
 * A buffer that another thread took is released like any: full magazines go through the depot to whoever needs them, so a
 * release needs no owner, and one lock serves a whole magazine.
 *
 * Bonwick and Adams 2001, section 3.1 (magazines, depot, two magazines a thread against thrashing at the border). Departures:
 * caches belong to threads and not to processors; a magazine's size is fixed by bytes (32 KiB a class) instead of growing by
 * contention; a refill from the slabs takes half a magazine instead of one buffer; a thread's caches are bounded in bytes
 * over all classes, and the depot too; what is idle when the bound is reached goes first.
 *
 * Note [Emptying caches on demand]
 * A trim or a limit cannot reach into the cache of another thread. It raises the pool's epoch; a thread that next misses
 * sees the difference and empties its cache. A thread that never misses keeps at most thread_cache_bytes. Both are read and
 * written with the lock held; nothing hangs on when a thread sees it.
 *
 * Note [Looking into the caches of others]
 * Figures, walks and the verifier hold the pool's lock and read bins whose threads go on without it. They follow `loaded`
 * and `previous`: a thread gets magazines, and gives them away, with the lock alone, so that each one that they can find
 * was mapped before they had the lock and stays mapped while they hold it; its slots are atomic and hold addresses of the
 * pool. What they find may be of two moments: between the two stores of swap() a magazine is met twice or not at all, and
 * between the stores of a pop the buffer has left `count` and is not yet in `allocs`. So sums over threads are clamped where
 * they would fall below zero, addresses are compared and never followed, and exact only what the lock guards.
 * A thread's own loads and stores of its bin need no order; they are atomic so that no reader sees half a word.
 */
#include "magazine.h"

#define MAGAZINE_BYTES       ((size_t)32 << 10)
#define MAGAZINE_LARGE_MAX   ((size_t)128 << 10)
#define REFILL_BYTES         ((size_t)2 * MID_POOL_SLAB_BYTES)
#define DEPOT_FLOOR_BYTES    ((size_t)1 << 20)
#define MAGAZINES_MAP_BYTES  ((size_t)16 << 10)

unsigned mid__magazine_capacity(const struct mid_pool *pool, unsigned id)
{
    size_t bytes = mid__class_bytes(id);
    bool small_elsewhere = pool->sequential || bytes >= pool->split_bytes;
    if (!pool->caching || id == MID__CLASS_HUGE || (id < MID__CLASS_LARGE && small_elsewhere))
        return 0;
    if (bytes > MAGAZINE_LARGE_MAX)
        return 0;
    size_t n = MAGAZINE_BYTES / bytes;
    return n < 4 ? 4 : n > MID__MAGAZINE_MAX ? MID__MAGAZINE_MAX : (unsigned)n;
}

/* ---- magazines themselves; the lock is held */

/* An empty magazine, or NULL. They are cut from tables of the pool and live as long as it. */
static struct mid__magazine *new_magazine(struct mid_pool *pool)
{
    struct mid__magazine *m = pool->magazines;
    if (m == NULL) {
        struct mid__magazine *block = mid__arena_table(&pool->arena, MAGAZINES_MAP_BYTES);
        if (block == NULL)
            return NULL;
        block->next = pool->magazine_blocks; /* the first of a block only links the blocks */
        pool->magazine_blocks = block;
        for (size_t i = 1; i < MAGAZINES_MAP_BYTES / sizeof *m; i++) {
            block[i].next = pool->magazines;
            pool->magazines = &block[i];
        }
        m = pool->magazines;
    }
    pool->magazines = m->next;
    m->next = NULL;
    m->count = 0;
    return m;
}

void mid__magazines_end(struct mid_pool *pool)
{
    for (struct mid__magazine *block = pool->magazine_blocks, *next; block != NULL; block = next) {
        next = block->next;
        mid__arena_table_gone(&pool->arena, block, MAGAZINES_MAP_BYTES);
    }
}

static void drop_magazine(struct mid_pool *pool, struct mid__magazine *m)
{
    m->next = pool->magazines;
    pool->magazines = m;
}

/* Back to the slabs. */
static void drain(struct mid_pool *pool, struct mid__magazine *m)
{
    while (m->count != 0) {
        void *p = m->slots[--m->count];
        struct mid__slab *s = mid__arena_find(&pool->arena, p);
        if (s == NULL)
            continue; /* I1 is broken; mid_pool_verify says so */
        struct mid__class *c = mid__pool_class(pool, s);
        size_t offset = (size_t)((char *)p - mid__slab_memory(s));
        mid__place_give(pool, c, s, offset, c->bytes);
    }
}

/* ---- the depot; the lock is held */

static void depot_put(struct mid_pool *pool, unsigned id, struct mid__magazine *m)
{
    struct mid__class *c = &pool->classes[id];
    size_t bytes = m->count * c->bytes;
    if (bytes + pool->depot_bytes > DEPOT_FLOOR_BYTES + pool->arena.used_bytes / 32) {
        drain(pool, m);
        drop_magazine(pool, m);
        return;
    }
    m->next = c->depot;
    c->depot = m;
    c->depot_buffers += m->count;
    pool->depot_bytes += bytes;
    pool->depot_exchanges++;
}

static struct mid__magazine *depot_get(struct mid_pool *pool, unsigned id)
{
    struct mid__class *c = &pool->classes[id];
    struct mid__magazine *m = c->depot;
    if (m == NULL)
        return NULL;
    c->depot = m->next;
    c->depot_buffers -= m->count;
    pool->depot_bytes -= m->count * c->bytes;
    pool->depot_exchanges++;
    return m;
}

void mid__depot_empty(struct mid_pool *pool)
{
    for (unsigned id = 0; id < MID__CLASSES; id++)
        for (struct mid__magazine *m; (m = depot_get(pool, id)) != NULL;) {
            drain(pool, m);
            drop_magazine(pool, m);
        }
}

/* ---- a bin and its two magazines */

static void load(struct mid_cache_bin *bin, struct mid__magazine *m, unsigned capacity)
{
    MID__CACHE_SET(bin->loaded, m);
    bin->slots = m == NULL ? NULL : m->slots;
    MID__CACHE_SET(bin->capacity, m == NULL ? 0 : capacity);
    MID__CACHE_SET(bin->count, m == NULL ? 0 : m->count);
}

static void unload(struct mid_cache_bin *bin)
{
    if (bin->loaded != NULL)
        __atomic_store_n(&bin->loaded->count, bin->count, __ATOMIC_RELAXED);
}

static void swap(struct mid_cache_bin *bin, unsigned capacity)
{
    struct mid__magazine *loaded = bin->loaded;
    unload(bin);
    MID__CACHE_SET(bin->loaded, bin->previous); /* Note [Fork]: until the end, loaded == previous */
    atomic_signal_fence(memory_order_seq_cst);
    load(bin, bin->previous, capacity);
    atomic_signal_fence(memory_order_seq_cst);
    MID__CACHE_SET(bin->previous, loaded);
}

static void empty_bin(struct mid_pool *pool, struct mid__cache *cache, unsigned id)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    struct mid__magazine *both[2] = {bin->loaded, bin->previous};
    unload(bin);
    load(bin, NULL, 0);
    MID__CACHE_SET(bin->previous, NULL);
    for (int i = 0; i < 2; i++)
        if (both[i] != NULL) {
            cache->charged -= pool->classes[id].magazine * pool->classes[id].bytes;
            drain(pool, both[i]);
            drop_magazine(pool, both[i]);
        }
}

void mid__cache_empty(struct mid_pool *pool, struct mid__cache *cache)
{
    for (unsigned id = 0; id < MID__CLASSES; id++)
        if (cache->face.bins[id].loaded != NULL)
            empty_bin(pool, cache, id);
}

void mid__cache_settle(struct mid_pool *pool, struct mid__cache *cache)
{
    for (unsigned id = 0; id < MID__CLASSES; id++) {
        struct mid_cache_bin *bin = &cache->face.bins[id];
        if (bin->loaded == NULL || bin->loaded != bin->previous)
            continue;
        load(bin, NULL, 0);
        MID__CACHE_SET(bin->previous, NULL);
        cache->charged -= 2 * pool->classes[id].magazine * pool->classes[id].bytes;
    }
}

/* A magazine was given to the bin of `id`. When all of them could hold too much, bins that were not used since the last
 * time are emptied, and all but `id` if that is not enough. */
static void bound_cache(struct mid_pool *pool, struct mid__cache *cache, unsigned id)
{
    for (int pass = 0; pass < 2 && cache->charged > pool->thread_cache_bytes; pass++)
        for (unsigned i = 0; i < MID__CLASSES; i++) {
            struct mid_cache_bin *bin = &cache->face.bins[i];
            if (i != id && bin->loaded != NULL && (pass == 1 || bin->allocs == cache->seen[i]))
                empty_bin(pool, cache, i);
            cache->seen[i] = bin->allocs;
        }
}

/* What every miss begins with; the lock is held. False when the class cannot be cached. */
static bool begin_miss(struct mid_pool *pool, struct mid__cache *cache, unsigned id, unsigned capacity)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    atomic_fetch_add_explicit(&cache->misses, 1, memory_order_relaxed);
    if (cache->epoch != pool->cache_epoch) { /* Note [Emptying caches on demand] */
        cache->epoch = pool->cache_epoch;
        mid__cache_empty(pool, cache);
    }
    if (capacity == 0)
        return false;
    if (bin->loaded != NULL)
        return true;
    struct mid__magazine *m = new_magazine(pool);
    if (m == NULL)
        return false;
    load(bin, m, capacity);
    cache->charged += capacity * pool->classes[id].bytes;
    bound_cache(pool, cache, id);
    return true;
}

/* ---- taking */

/* Some from the slabs: half a magazine, but not more than two slabs' worth, and of large ones just one. */
static enum mid_status refill(struct mid_pool *pool, struct mid__class *c, struct mid_cache_bin *bin)
{
    size_t wanted = REFILL_BYTES / c->bytes;
    bool few = c->large || atomic_load_explicit(&pool->waiters, memory_order_relaxed) != 0;
    wanted = wanted < 1 || few ? 1 : wanted > bin->capacity / 2 ? bin->capacity / 2 : wanted;
    unsigned n = 0;
    enum mid_status status = MID_OK;
    while (n < wanted) {
        struct mid__taken t;
        status = mid__place_take(pool, c, c->bytes, &t);
        if (status != MID_OK)
            break;
        MID__CACHE_SET(bin->slots[n], mid__taken_memory(&t));
        n++;
    }
    /* The last one taken is the highest: hand the lowest out first, so that buffers gather in front. */
    for (unsigned i = 0; i < n / 2; i++) {
        void *p = bin->slots[i];
        MID__CACHE_SET(bin->slots[i], bin->slots[n - 1 - i]);
        MID__CACHE_SET(bin->slots[n - 1 - i], p);
    }
    MID__CACHE_SET(bin->count, n);
    return n != 0 ? MID_OK : status;
}

/* Past the cache: one buffer from the slabs. */
static void *take_directly(struct mid_pool *pool, struct mid__class *c, size_t bytes, enum mid_status *status)
{
    struct mid__taken t;
    *status = mid__place_take(pool, c, bytes, &t);
    if (*status != MID_OK)
        return NULL;
    c->allocs++;
    c->requested_in += bytes;
    return mid__taken_memory(&t);
}

static void *take_locked(struct mid__cache *cache, struct mid_pool *pool, unsigned id, size_t bytes,
                         enum mid_status *status)
{
    unsigned capacity = pool->classes[id].magazine;
    struct mid_cache_bin *bin = &cache->face.bins[id];
    if (!begin_miss(pool, cache, id, capacity))
        return take_directly(pool, &pool->classes[id], bytes, status);
    struct mid__magazine *full = depot_get(pool, id);
    if (full != NULL) {
        drop_magazine(pool, bin->loaded);
        load(bin, full, capacity);
    } else {
        *status = refill(pool, &pool->classes[id], bin);
        if (*status != MID_OK)
            return NULL;
    }
    return mid__bin_pop(bin, bytes);
}

void *mid__cache_take(struct mid__cache *cache, unsigned id, size_t bytes, enum mid_status *status)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    *status = MID_OK;
    if (MID__LIKELY(bin->count != 0))
        return mid__bin_pop(bin, bytes);
    if (bin->previous != NULL && bin->previous->count != 0) {
        swap(bin, bin->capacity);
        return mid__bin_pop(bin, bytes);
    }
    struct mid_pool *pool = atomic_load_explicit(&cache->pool, memory_order_relaxed);
    pthread_mutex_lock(&pool->lock);
    void *p = take_locked(cache, pool, id, bytes, status);
    pthread_mutex_unlock(&pool->lock);
    return p;
}

/* ---- giving */

static void give_directly(struct mid_pool *pool, unsigned id, void *buffer, size_t bytes)
{
    struct mid__class *c = &pool->classes[id];
    struct mid__slab *s = mid__arena_find(&pool->arena, buffer);
    if (s == NULL)
        return; /* its caller has found it */
    if (bytes == MID__SIZE_UNKNOWN)
        c->unsized++;
    else
        c->requested_out += bytes;
    mid__place_give(pool, c, s, (size_t)((char *)buffer - mid__slab_memory(s)), c->bytes);
}

/* The loaded magazine is full and the previous one is, or there is none. */
static bool make_room(struct mid_pool *pool, struct mid__cache *cache, unsigned id, unsigned capacity)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    atomic_fetch_add_explicit(&cache->release_misses, 1, memory_order_relaxed);
    if (!begin_miss(pool, cache, id, capacity))
        return false;
    if (bin->count < bin->capacity)
        return true;
    struct mid__magazine *m = new_magazine(pool);
    if (m == NULL)
        return false;
    struct mid__magazine *full = bin->previous;
    unload(bin);
    MID__CACHE_SET(bin->previous, bin->loaded);
    load(bin, m, capacity);
    if (full != NULL) {
        depot_put(pool, id, full);
        return true;
    }
    cache->charged += capacity * pool->classes[id].bytes;
    bound_cache(pool, cache, id);
    return true;
}

void mid__cache_give(struct mid__cache *cache, unsigned id, void *buffer, size_t bytes)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    if (MID__LIKELY(bin->count < bin->capacity)) {
        mid__bin_push(bin, buffer, bytes);
        return;
    }
    if (bin->previous != NULL && bin->previous->count == 0) {
        swap(bin, bin->capacity);
        mid__bin_push(bin, buffer, bytes);
        return;
    }
    struct mid_pool *pool = atomic_load_explicit(&cache->pool, memory_order_relaxed);
    pthread_mutex_lock(&pool->lock);
    if (make_room(pool, cache, id, pool->classes[id].magazine))
        mid__bin_push(bin, buffer, bytes);
    else
        give_directly(pool, id, buffer, bytes);
    pthread_mutex_unlock(&pool->lock);
}

/* ---- figures */

struct mid__cached mid__cached_of(const struct mid_pool *pool, unsigned id)
{
    const struct mid__class *c = &pool->classes[id];
    struct mid__cached sum = {c->depot_buffers, c->allocs, c->requested_in, c->requested_out, c->unsized};
    for (struct mid__cache *cache = pool->caches; cache != NULL; cache = cache->next_of_pool) {
        struct mid_cache_bin *bin = &cache->face.bins[id];
        struct mid__magazine *previous = MID__CACHE_GET(bin->previous);
        sum.buffers += MID__CACHE_GET(bin->count);
        sum.buffers += previous == NULL ? 0 : __atomic_load_n(&previous->count, __ATOMIC_RELAXED);
        sum.allocs += MID__CACHE_GET(bin->allocs);
        sum.requested_in += MID__CACHE_GET(bin->requested_in);
        sum.requested_out += MID__CACHE_GET(bin->requested_out);
        sum.unsized += MID__CACHE_GET(bin->unsized);
    }
    return sum;
}
