/* SPDX-License-Identifier: MIT
 *
 * magazine.c: arrays of released buffers, by which a thread takes and releases without a lock, and threads hand buffers
 * to each other in bulk.
 *
 *     thread's cache, a bin for each class            pool, under its lock
 *       loaded    [ p p p p . . . . ]  <-> swap         depot   full [ p p p p p p p p ] -> full -> ...
 *       previous  [ p p p p p p p p ]  <----------->            empty magazines          -> ...
 *                                       exchange,                   |  refill, drain
 *                                       the depot's lock            |  under the pool's lock
 *                                                                   v
 *                                                               slabs (place.c)
 *
 *       a bin      bottom                top           end
 *                    v                    v             v
 *     magazine  [next|count| p | p | p | p |   |   |   |   |    |    ]    64 words, aligned to their size
 *
 * I1  A buffer in a magazine is taken from its slab, of the magazine's class, and in no other magazine.
 * I2  previous is NULL, full, or empty.   I3  Only the cache's thread changes loaded and previous.
 * I4  bottom <= top <= end, all NULL or all in one magazine; end - bottom is the bin's capacity.
 *
 * A buffer that another thread took is released like any: full magazines go through the depot to whoever needs them, so a
 * release needs no owner, and one lock serves a whole magazine.
 *
 * Bonwick and Adams 2001, section 3.1 (magazines, depot, two magazines a thread against thrashing at the border). Departures:
 * caches belong to threads and not to processors; a bin's capacity starts at 4 KiB of buffers and doubles at each of its
 * misses, where theirs grows by contention of the depot; a refill from the slabs takes up to half a magazine instead of one
 * buffer; a thread's caches are bounded in bytes over all classes, by an option and by a share of what the pool uses, and the
 * depot too; at the bound nothing grows, and a hand that goes round the bins empties those that did nothing since it last came
 * by (the clock of page replacement), for bins that have no magazine yet.
 *
 * Note [Fuses]
 * Whoever is served by the cache alone never comes by a place where the pool could look around. So each bin counts its
 * allocations downwards, and every FUSE of them the slow call is taken. The count is one that statistics need anyhow:
 * allocations served are those that the fuses were good for, less what is left of the last one.
 *
 * Note [Large ones]
 * Buffers of more than 8 KiB differ by what they weigh: their classes are many, and few of each are alive. A thread keeps none of
 * more than 64 KiB: what a bin keeps serves one class alone, while spare units join their neighbours and serve any, and a run of
 * units is found by two bit searches (runs.c). With bins for up to 1 MiB, a ring of 64 buffers of 8 KiB to 1 MiB took 40 % more
 * instructions, for most releases threw out what others had left. Of the smaller ones, what a thread
 * keeps is bounded in bytes as they are and not as they might be, a bin has one magazine only, and nothing of them
 * goes through the depot or is taken ahead of need, and none is kept that would fill a quarter of the bound by itself. The bound
 * follows the use: it begins at 256 KiB, grows by what a bin serves, up to 1 MiB and a sixteenth of what is in use, and falls by what
 * is thrown out unused. They never come by the inlined pair, so that their bytes can be counted one by one.
 *
 * Note [Emptying caches on demand]
 * A trim or a limit cannot reach into the cache of another thread. It raises the pool's epoch; a thread that next misses
 * sees the difference and empties its cache. A thread that never misses keeps at most thread_cache_bytes. Both are read and
 * written with the lock held; nothing hangs on when a thread sees it.
 *
 * Note [The depot's lock]
 * Where buffers of many sizes go from one thread to another, each side misses often, for the magazines of many classes are small
 * within its bound; under the pool's lock the two would wait for each other and for the slabs' bookkeeping. So the depot and
 * the empty magazines have a lock of their own, held for some twenty instructions, and a miss that only exchanges magazines
 * takes that one alone. Who finds it taken turns round some times before it sleeps: 4.5 million buffers of 16 B - 8 KiB from
 * one thread to another made 26,000 futex calls on two busy cores, and with that 430. It guards pool->magazines, depot_*, and of each class depot and depot_buffers. Who holds the pool's
 * lock may take it, and who holds it takes no other. A bin is changed within it, so that a fork, which holds both, finds each
 * magazine in one place (Note [Fork]). What an exchange does not do is left to the slow miss:
 *
 *     a bin grows, or its thread's bound is looked at    may_exchange() says no while it may grow; at its bound nothing is asked
 *     caches are emptied on demand                       the epoch differs: no
 *     somebody waits for room                            no. A waiter that comes between this look and push_full() misses the
 *                                                        magazine; but the thread looks again after its release, as Note
 *                                                        [Waiting and the caches] says, and then empties the depot, too
 *     the depot is full, or has none of the class        drained to, or filled from, the slabs
 *
 * Note [Looking into the caches of others]
 * Figures, walks and the verifier hold the pool's lock and read bins whose threads go on without it. They follow `top`
 * and `previous`: magazines are mapped with the pool's lock held and stay until the pool ends; their slots and counts are atomic
 * and hold addresses of the pool. The depot's lists they follow with its lock. What they find may be of two moments: between the
 * stores of swap(), and of an exchange, a magazine is met twice or not at all, and between the stores of a pop the fuse has counted a buffer that is still under `top`. So sums over threads are clamped where
 * they would fall below zero, addresses are compared and never followed, and exact only what the lock guards.
 * A thread's own loads and stores of its bin need no order; they are atomic so that no reader sees half a word.
 */
#include "magazine.h"

#include <midden/internal/relax.h>

#define FIRST_BYTES         ((size_t)4 << 10)
#define MAGAZINE_BYTES      ((size_t)256 << 10)
#define MAGAZINE_LARGE      16u
#define REFILL_BYTES        ((size_t)2 * MID_POOL_SLAB_BYTES)
#define CACHE_FLOOR_BYTES   ((size_t)4 << 20)
#define CACHED_MAX_BYTES    ((size_t)64 << 10)
#define LARGE_FLOOR_BYTES   ((size_t)1 << 20)
#define LARGE_FIRST_BYTES   ((size_t)256 << 10)
#define DEPOT_FLOOR_BYTES   ((size_t)2 << 20)
#define MAGAZINES_MAP_BYTES ((size_t)16 << 10)
#define FUSE                1024u
#define HAND_STEPS          16u
#define DEPOT_TURNS         100u

const _Atomic(uintptr_t) mid__nowhere = UINTPTR_MAX;

static bool is_large(unsigned id)
{
    return id > MID__CLASS_LARGE;
}

unsigned mid__magazine_capacity(const struct mid_pool *pool, unsigned id)
{
    size_t bytes = mid__class_bytes(id);
    bool small_elsewhere = pool->sequential || bytes >= pool->split_bytes;
    if (!pool->caching || bytes > CACHED_MAX_BYTES || id == MID__CLASS_HUGE || (id < MID__CLASS_LARGE && small_elsewhere))
        return 0;
    size_t n = MAGAZINE_BYTES / bytes;
    return is_large(id) ? MAGAZINE_LARGE : n > MID__MAGAZINE_MAX ? MID__MAGAZINE_MAX : (unsigned)n;
}

/* Sizes of one step have one class, but where the split lies between them: those have no bin. */
void mid__cache_init(const struct mid_pool *pool, struct mid__cache *cache)
{
    for (size_t i = 0; i < sizeof cache->face.class_of; i++) {
        size_t first = i * MID__CLASS_STEP_BYTES + 1, last = first + MID__CLASS_STEP_BYTES - 1;
        unsigned id = first >= pool->split_bytes ? mid__class_of_large(last)
                      : last >= pool->split_bytes && last != MID_POOL_SLAB_BYTES ? MID__CLASS_HUGE
                      : pool->sequential ? 0 : mid__class_of_small(last);
        cache->face.class_of[i] = (unsigned char)id;
    }
    for (unsigned id = 0; id < MID__CLASSES; id++)
        cache->face.bins[id].bytes = pool->classes[id].bytes;
    for (size_t i = 0; i < MID__RECENT; i++)
        cache->recent[i] = &mid__nowhere;
}

/* It is held for less time than it takes to fall asleep and be woken; but its holder may have lost its processor. */
static void lock_depot(struct mid_pool *pool)
{
    for (unsigned turn = 0; turn < DEPOT_TURNS; turn++) {
        if (MID__LIKELY(pthread_mutex_trylock(&pool->depot_lock) == 0))
            return;
        MID__CPU_RELAX();
    }
    pthread_mutex_lock(&pool->depot_lock);
}

/* ---- empty magazines and the depot, as their lock sees them: Note [The depot's lock] */

static struct mid__magazine *pop_empty(struct mid_pool *pool)
{
    struct mid__magazine *m = pool->magazines;
    if (m != NULL) {
        pool->magazines = m->next;
        m->next = NULL;
        MID__CACHE_SET(m->count, 0);
    }
    return m;
}

static void push_empty(struct mid_pool *pool, struct mid__magazine *m)
{
    m->next = pool->magazines;
    pool->magazines = m;
}

static bool push_full(struct mid_pool *pool, unsigned id, struct mid__magazine *m)
{
    struct mid__class *c = &pool->classes[id];
    size_t bytes = m->count * c->bytes;
    if (bytes + pool->depot_bytes > pool->depot_bound)
        return false;
    m->next = c->depot;
    c->depot = m;
    c->depot_buffers += m->count;
    pool->depot_bytes += bytes;
    pool->depot_exchanges++;
    return true;
}

static struct mid__magazine *pop_full(struct mid_pool *pool, unsigned id)
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

/* ---- the same for those who hold the pool's lock alone */

/* An empty magazine, or NULL. They are cut from tables of the pool and live as long as it. */
static struct mid__magazine *new_magazine(struct mid_pool *pool)
{
    lock_depot(pool);
    struct mid__magazine *m = pop_empty(pool), *block = NULL;
    if (m == NULL && (block = mid__arena_table(&pool->arena, MAGAZINES_MAP_BYTES)) != NULL) {
        block->next = pool->magazine_blocks; /* the first of a block only links the blocks */
        pool->magazine_blocks = block;
        for (size_t i = 1; i < MAGAZINES_MAP_BYTES / sizeof *m; i++)
            push_empty(pool, &block[i]);
        m = pop_empty(pool);
    }
    pthread_mutex_unlock(&pool->depot_lock);
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
    lock_depot(pool);
    push_empty(pool, m);
    pthread_mutex_unlock(&pool->depot_lock);
}

/* Back to the slabs, and the magazine to the empty ones. */
static void drain(struct mid_pool *pool, unsigned id, struct mid__magazine *m)
{
    mid__place_give_some(pool, &pool->classes[id], m->slots, m->count);
    drop_magazine(pool, m);
}

static void depot_put(struct mid_pool *pool, unsigned id, struct mid__magazine *m)
{
    lock_depot(pool);
    pool->depot_bound = DEPOT_FLOOR_BYTES + pool->arena.used_bytes / 32;
    bool kept = push_full(pool, id, m);
    pthread_mutex_unlock(&pool->depot_lock);
    if (!kept)
        drain(pool, id, m);
}

static struct mid__magazine *depot_get(struct mid_pool *pool, unsigned id)
{
    lock_depot(pool);
    struct mid__magazine *m = pop_full(pool, id);
    pthread_mutex_unlock(&pool->depot_lock);
    return m;
}

uint64_t mid__depot_exchanges(struct mid_pool *pool)
{
    lock_depot(pool);
    uint64_t exchanges = pool->depot_exchanges;
    pthread_mutex_unlock(&pool->depot_lock);
    return exchanges;
}

void mid__depot_empty(struct mid_pool *pool)
{
    for (unsigned id = 0; id < MID__CLASSES; id++)
        for (struct mid__magazine *m; (m = depot_get(pool, id)) != NULL;)
            drain(pool, id, m);
}

/* ---- a bin and its two magazines */

static void **bottom_of(struct mid__magazine *m)
{
    return m == NULL ? NULL : m->slots - 1;
}

static void set_end(struct mid__cache *cache, unsigned id)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    MID__CACHE_SET(bin->end, bin->bottom == NULL ? NULL : bin->bottom + cache->capacity[id]);
}

static void load(struct mid__cache *cache, unsigned id, struct mid__magazine *m)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    void **bottom = bottom_of(m);
    MID__CACHE_SET(bin->bottom, bottom);
    atomic_signal_fence(memory_order_seq_cst);
    MID__CACHE_SET(bin->top, m == NULL ? NULL : bottom + MID__CACHE_GET(m->count));
    set_end(cache, id);
}

/* The loaded magazine with its count in it; the bin must not be used before the next load. */
static struct mid__magazine *unload(struct mid_cache_bin *bin)
{
    struct mid__magazine *m = mid__bin_loaded(bin);
    if (m != NULL)
        MID__CACHE_SET(m->count, mid__bin_count(bin));
    return m;
}

/* Note [Fork]: from the first store to the last, bottom and top lie in different magazines, or loaded == previous. */
static void swap(struct mid__cache *cache, unsigned id)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    struct mid__magazine *loaded = unload(bin);
    load(cache, id, bin->previous);
    atomic_signal_fence(memory_order_seq_cst);
    MID__CACHE_SET(bin->previous, loaded);
}

static void forget_bin(struct mid_pool *pool, struct mid__cache *cache, unsigned id)
{
    if (is_large(id))
        cache->large_bytes -= mid__bin_count(&cache->face.bins[id]) * pool->classes[id].bytes;
    else
        cache->charged -= (size_t)2 * cache->capacity[id] * pool->classes[id].bytes;
    load(cache, id, NULL);
    MID__CACHE_SET(cache->face.bins[id].previous, NULL);
    cache->capacity[id] = 0;
}

static void empty_bin(struct mid_pool *pool, struct mid__cache *cache, unsigned id)
{
    struct mid__magazine *loaded = unload(&cache->face.bins[id]), *previous = cache->face.bins[id].previous;
    forget_bin(pool, cache, id);
    if (loaded != NULL)
        drain(pool, id, loaded);
    if (previous != NULL)
        drain(pool, id, previous);
}

void mid__cache_empty(struct mid_pool *pool, struct mid__cache *cache)
{
    for (unsigned id = 0; id < MID__CLASSES; id++)
        if (cache->capacity[id] != 0)
            empty_bin(pool, cache, id);
}

void mid__cache_settle(struct mid_pool *pool, struct mid__cache *cache)
{
    for (unsigned id = 0; id < MID__CLASSES; id++) {
        struct mid_cache_bin *bin = &cache->face.bins[id];
        struct mid__magazine *loaded = mid__bin_loaded(bin);
        if (cache->capacity[id] != 0 && (bin->bottom != bottom_of(loaded) || loaded == bin->previous))
            forget_bin(pool, cache, id);
    }
}

/* ---- how much a thread keeps */

static uint64_t done_by(const struct mid__cache *cache, unsigned id)
{
    return mid__bin_allocs(cache, id) + cache->face.bins[id].requested_out + cache->unsized[id];
}

void mid__cache_empty_idle(struct mid_pool *pool, struct mid__cache *cache)
{
    for (unsigned id = 0; id < MID__CLASSES; id++) {
        if (cache->capacity[id] != 0 && done_by(cache, id) == cache->aged[id])
            empty_bin(pool, cache, id);
        cache->aged[id] = done_by(cache, id);
    }
}

static size_t cache_bound(const struct mid_pool *pool)
{
    size_t share = CACHE_FLOOR_BYTES + pool->arena.used_bytes / 16;
    return share < pool->thread_cache_bytes ? share : pool->thread_cache_bytes;
}

/* The most that large_bound may be: Note [Large ones]. The lock is held. */
static size_t large_most(const struct mid_pool *pool)
{
    size_t share = LARGE_FLOOR_BYTES + pool->arena.used_bytes / 16;
    return share < pool->thread_cache_bytes ? share : pool->thread_cache_bytes;
}

/* Moves the hand until *held + more is within the bound, by `steps` bins of [from, to) at most; bins that did nothing since
 * it last came by are emptied, and after a whole round any but `id`. */
static void evict(struct mid_pool *pool, struct mid__cache *cache, unsigned id, size_t *held, size_t bound, unsigned steps)
{
    bool large = held == &cache->large_bytes;
    unsigned from = large ? MID__CLASS_LARGE + 1 : 0, bins = large ? MID__CLASSES - from : MID__CLASS_LARGE + 1;
    for (unsigned step = 0; step < steps && *held > bound; step++) {
        unsigned i = from + cache->hand++ % bins;
        if (i == id || cache->capacity[i] == 0)
            continue;
        if (step >= bins || done_by(cache, i) == cache->seen[i])
            empty_bin(pool, cache, i);
        cache->seen[i] = done_by(cache, i);
    }
}

/* What `charged` grows by when the bin's capacity doubles; 0 when the class has no larger one. */
static size_t growth(const struct mid_pool *pool, const struct mid__cache *cache, unsigned id, size_t *wanted)
{
    const struct mid__class *c = &pool->classes[id];
    size_t now = cache->capacity[id];
    *wanted = now != 0 ? 2 * now : FIRST_BYTES / c->bytes < 2 ? 2 : FIRST_BYTES / c->bytes;
    *wanted = *wanted < c->magazine ? *wanted : c->magazine;
    return *wanted <= now ? 0 : 2 * (*wanted - now) * c->bytes;
}

/* Whether a bin that has a magazine may grow by `more` bytes. A quarter of the bound is for bins that have none yet: they
 * would take theirs from bins that are at work, which would soon want it back. */
static bool may_grow(const struct mid__cache *cache, size_t more)
{
    return more != 0 && cache->charged + more <= cache->bound - cache->bound / 4;
}

/* A bin that missed is worth more: its capacity doubles, up to the class' bound and the thread's. Only a bin that has no
 * magazine yet takes from others what they still use. */
static void grow(struct mid_pool *pool, struct mid__cache *cache, unsigned id)
{
    const struct mid__class *c = &pool->classes[id];
    unsigned now = cache->capacity[id];
    if (is_large(id)) {
        cache->capacity[id] = (uint8_t)c->magazine;
        return;
    }
    size_t wanted, more = growth(pool, cache, id, &wanted), bound = cache->bound = cache_bound(pool);
    if (more == 0)
        return;
    evict(pool, cache, id, &cache->charged, bound > more ? bound - more : 0, now == 0 ? 2 * MID__CLASSES : HAND_STEPS);
    if (now != 0 && !may_grow(cache, more))
        return;
    cache->capacity[id] = (uint8_t)wanted;
    cache->charged += more;
    set_end(cache, id);
}

/* What every miss begins with; the lock is held. False when the class cannot be cached. */
static bool begin_miss(struct mid_pool *pool, struct mid__cache *cache, unsigned id)
{
    atomic_fetch_add_explicit(&cache->misses, 1, memory_order_relaxed);
    uint64_t epoch = atomic_load_explicit(&pool->cache_epoch, memory_order_relaxed);
    if (cache->epoch != epoch) { /* Note [Emptying caches on demand] */
        cache->epoch = epoch;
        mid__cache_empty(pool, cache);
    }
    mid__age_locked(pool, cache);
    if (pool->classes[id].magazine == 0)
        return false;
    bool had = cache->capacity[id] != 0;
    struct mid__magazine *m = had ? NULL : new_magazine(pool);
    if (!had && m == NULL)
        return false;
    grow(pool, cache, id);
    if (!had)
        load(cache, id, m);
    return true;
}

/* ---- exchanging, without the pool's lock: Note [The depot's lock] */

/* Whether nothing asks for the pool's lock at a miss of the bin: it has a magazine, and cannot have a larger one. */
static bool may_exchange(struct mid_pool *pool, struct mid__cache *cache, unsigned id)
{
    size_t wanted;
    if (cache->capacity[id] == 0 || is_large(id))
        return false;
    mid__age(pool, cache); /* may empty the bin */
    return cache->capacity[id] != 0 && !may_grow(cache, growth(pool, cache, id, &wanted)) &&
           cache->epoch == atomic_load_explicit(&pool->cache_epoch, memory_order_relaxed);
}

/* A magazine from the depot may be larger than the bin's, of a thread whose bin is. */
static void load_full(struct mid_pool *pool, struct mid__cache *cache, unsigned id, struct mid__magazine *full)
{
    if (full->count > cache->capacity[id]) {
        cache->charged += 2 * (full->count - cache->capacity[id]) * pool->classes[id].bytes;
        cache->capacity[id] = (uint8_t)full->count;
    }
    load(cache, id, full);
}

/* A full magazine in place of the loaded one, which is empty, as the previous one is. False: nothing has changed. */
static bool exchange_for_full(struct mid_pool *pool, struct mid__cache *cache, unsigned id)
{
    if (!may_exchange(pool, cache, id))
        return false;
    lock_depot(pool);
    struct mid__magazine *full = pop_full(pool, id);
    if (full != NULL) {
        push_empty(pool, unload(&cache->face.bins[id]));
        load_full(pool, cache, id, full);
    }
    pthread_mutex_unlock(&pool->depot_lock);
    if (full == NULL)
        return false;
    atomic_fetch_add_explicit(&cache->misses, 1, memory_order_relaxed);
    return true;
}

/* An empty magazine in place of the loaded one, which is full, as the previous one is. False: nothing has changed. */
static bool exchange_for_empty(struct mid_pool *pool, struct mid__cache *cache, unsigned id)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    if (!may_exchange(pool, cache, id) || atomic_load_explicit(&pool->waiters, memory_order_relaxed) != 0)
        return false;
    lock_depot(pool);
    struct mid__magazine *full = bin->previous, *m = pool->magazines;
    if (m != NULL && (full == NULL || push_full(pool, id, full))) {
        m = pop_empty(pool);
        MID__CACHE_SET(bin->previous, unload(bin));
        load(cache, id, m);
    } else
        m = NULL;
    pthread_mutex_unlock(&pool->depot_lock);
    if (m == NULL)
        return false;
    atomic_fetch_add_explicit(&cache->misses, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&cache->release_misses, 1, memory_order_relaxed);
    return true;
}

/* ---- taking */

/* Some from the slabs: half a magazine, but not more than two slabs' worth. */
static enum mid_status refill(struct mid_pool *pool, struct mid__cache *cache, unsigned id)
{
    struct mid__class *c = &pool->classes[id];
    struct mid_cache_bin *bin = &cache->face.bins[id];
    size_t wanted = REFILL_BYTES / c->bytes, half = cache->capacity[id] / 2u;
    bool few = half < 1 || atomic_load_explicit(&pool->waiters, memory_order_relaxed) != 0;
    wanted = wanted < 1 || few ? 1 : wanted > half ? half : wanted;
    void *taken[MID__MAGAZINE_MAX];
    enum mid_status status;
    size_t n = mid__place_take_some(pool, c, taken, wanted, &status);
    /* The last one taken is the highest: hand the lowest out first, so that buffers gather in front. */
    for (size_t i = n; i-- != 0;)
        mid__bin_push(bin, taken[i]);
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

/* What served is worth keeping: Note [Large ones]. */
static void take_large(struct mid__cache *cache, size_t bytes)
{
    size_t bound = cache->large_bound + bytes;
    cache->large_bytes -= bytes;
    cache->large_bound = bound < cache->large_most ? bound : cache->large_most;
}

static void *pop_counted(struct mid__cache *cache, unsigned id, size_t bytes)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    MID__CACHE_SET(bin->fuse, bin->fuse - 1);
    if (MID__UNLIKELY(is_large(id)))
        take_large(cache, bin->bytes);
    return mid__bin_pop(bin, bytes);
}

static void *take_locked(struct mid__cache *cache, struct mid_pool *pool, unsigned id, size_t bytes,
                         enum mid_status *status)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    if (!begin_miss(pool, cache, id))
        return take_directly(pool, &pool->classes[id], bytes, status);
    if (is_large(id)) {
        void *p = NULL;
        if (mid__place_take_some(pool, &pool->classes[id], &p, 1, status) != 0) {
            MID__CACHE_ADD(cache->issued[id], 1);
            MID__CACHE_ADD(bin->requested_in, bytes);
        }
        return p;
    }
    if (bin->top != bin->bottom) /* cannot be; but a pop from an empty bin must not be, either */
        return pop_counted(cache, id, bytes);
    struct mid__magazine *full = depot_get(pool, id);
    if (full != NULL) {
        drop_magazine(pool, unload(bin));
        load_full(pool, cache, id, full);
    } else {
        *status = refill(pool, cache, id);
        if (*status != MID_OK)
            return NULL;
    }
    return pop_counted(cache, id, bytes);
}

/* Note [Fuses]. A fuse at 0 was either never lit, or burnt down by an allocation that has been counted already. */
static void light_fuse(struct mid__cache *cache, unsigned id)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    if (MID__LIKELY(bin->fuse > 1))
        return;
    uint64_t counted = bin->fuse == 0 && cache->issued[id] != 0;
    MID__CACHE_SET(cache->issued[id], cache->issued[id] + FUSE);
    MID__CACHE_SET(bin->fuse, bin->fuse + FUSE + counted);
    mid__age(atomic_load_explicit(&cache->pool, memory_order_relaxed), cache);
}

void *mid__cache_take(struct mid__cache *cache, unsigned id, size_t bytes, enum mid_status *status)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    *status = MID_OK;
    light_fuse(cache, id);
    if (MID__LIKELY(bin->top != bin->bottom))
        return pop_counted(cache, id, bytes);
    if (bin->previous != NULL && bin->previous->count != 0) {
        swap(cache, id);
        return pop_counted(cache, id, bytes);
    }
    struct mid_pool *pool = atomic_load_explicit(&cache->pool, memory_order_relaxed);
    if (exchange_for_full(pool, cache, id))
        return pop_counted(cache, id, bytes);
    pthread_mutex_lock(&pool->lock);
    void *p = take_locked(cache, pool, id, bytes, status);
    pthread_mutex_unlock(&pool->lock);
    return p;
}

/* ---- giving */

static void give_directly(struct mid_pool *pool, unsigned id, void *buffer, size_t bytes)
{
    struct mid__class *c = &pool->classes[id];
    if (bytes == MID__SIZE_UNKNOWN)
        c->unsized++;
    else
        c->requested_out += bytes;
    mid__place_give_some(pool, c, &buffer, 1);
}

/* The loaded magazine is full and the previous one is, or there is none. */
static bool make_room(struct mid_pool *pool, struct mid__cache *cache, unsigned id)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    atomic_fetch_add_explicit(&cache->release_misses, 1, memory_order_relaxed);
    if (!begin_miss(pool, cache, id))
        return false;
    if (bin->top != bin->end)
        return true;
    struct mid__magazine *m = new_magazine(pool), *full = bin->previous;
    if (m == NULL)
        return false;
    MID__CACHE_SET(bin->previous, unload(bin));
    load(cache, id, m);
    if (full != NULL)
        depot_put(pool, id, full);
    return true;
}

/* Note [Large ones] */
static bool make_room_for_large(struct mid_pool *pool, struct mid__cache *cache, unsigned id)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    size_t bytes = pool->classes[id].bytes, bound = cache->large_bound, held = cache->large_bytes;
    atomic_fetch_add_explicit(&cache->release_misses, 1, memory_order_relaxed);
    if (!begin_miss(pool, cache, id) || bytes > bound / 4)
        return false;
    evict(pool, cache, id, &cache->large_bytes, bound - bytes, 2 * HAND_STEPS);
    size_t wasted = held - cache->large_bytes;
    cache->large_bound = bound > LARGE_FIRST_BYTES + wasted ? bound - wasted : bound < LARGE_FIRST_BYTES ? bound : LARGE_FIRST_BYTES;
    return bin->top != bin->end && cache->large_bytes + bytes <= bound;
}

static void push_counted(struct mid__cache *cache, unsigned id, void *buffer, size_t bytes)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    if (MID__UNLIKELY(is_large(id)))
        cache->large_bytes += bin->bytes;
    mid__bin_push(bin, buffer);
    mid__bin_count_release(cache, id, bytes);
}

void mid__cache_give(struct mid__cache *cache, unsigned id, void *buffer, size_t bytes)
{
    struct mid_cache_bin *bin = &cache->face.bins[id];
    struct mid_pool *pool = atomic_load_explicit(&cache->pool, memory_order_relaxed);
    if (bin->top == bin->end && bin->previous != NULL && bin->previous->count == 0)
        swap(cache, id);
    if (MID__LIKELY(bin->top != bin->end && (!is_large(id) || cache->large_bytes + pool->classes[id].bytes <= cache->large_bound))) {
        push_counted(cache, id, buffer, bytes);
        return;
    }
    if (exchange_for_empty(pool, cache, id)) {
        push_counted(cache, id, buffer, bytes);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    cache->large_most = large_most(pool);
    if (cache->large_bound == 0 || cache->large_bound > cache->large_most)
        cache->large_bound = LARGE_FIRST_BYTES < cache->large_most ? LARGE_FIRST_BYTES : cache->large_most;
    if (is_large(id) ? make_room_for_large(pool, cache, id) : make_room(pool, cache, id))
        push_counted(cache, id, buffer, bytes);
    else
        give_directly(pool, id, buffer, bytes);
    pthread_mutex_unlock(&pool->lock);
}

/* ---- figures */

struct mid__cached mid__cached_of(struct mid_pool *pool, unsigned id)
{
    const struct mid__class *c = &pool->classes[id];
    struct mid__cached sum = {0, c->allocs, c->requested_in, c->requested_out, c->unsized};
    lock_depot(pool);
    sum.buffers = c->depot_buffers;
    pthread_mutex_unlock(&pool->depot_lock);
    for (struct mid__cache *cache = pool->caches; cache != NULL; cache = cache->next_of_pool) {
        struct mid_cache_bin *bin = &cache->face.bins[id];
        struct mid__magazine *previous = MID__CACHE_GET(bin->previous);
        sum.buffers += mid__bin_count(bin);
        sum.buffers += previous == NULL ? 0 : MID__CACHE_GET(previous->count);
        sum.allocs += mid__bin_allocs(cache, id);
        sum.requested_in += MID__CACHE_GET(bin->requested_in);
        sum.requested_out += MID__CACHE_GET(bin->requested_out);
        sum.unsized += MID__CACHE_GET(cache->unsized[id]);
    }
    return sum;
}
