/* SPDX-License-Identifier: MIT
 *
 * pool.c: a pool's life, and the way of a buffer: taken, resized, released.
 *
 *     mid_pool_alloc
 *        |  size -> class (class.h)
 *        v
 *     magazine.c  the thread's cache has one; else, with the lock,
 *        v
 *     place.c     a slab of the class that has room        - none -> arena.c: units of a region
 *        |                                                            | none within the limit
 *        v                                                            v
 *     check.c     guards and record, in a checked pool     reserves given back; then at_limit; then NULL
 *
 * I1  Whatever a program passes to a release is looked up before it is believed: the directory knows the region, the
 *     region the slab, the slab its buffers.
 * I2  A failed call changes nothing but the counters of refusals.
 *
 * Note [Limit]
 * The limit binds committed_bytes, which counts whole slabs. When an allocation would pass it, the pool first does
 * without what it holds in reserve (spare units, then empty slabs), packs movable buffers, then asks the program (at_limit, without a lock), and
 * only then refuses. The callback may run in several threads at once, one call each.
 */
#include "block.h"
#include "handle.h"
#include "pair.h"
#include "registry.h"
#include "shadow.h"

#include <midden/internal/sys.h>

#include <string.h>

#define AT_LIMIT_ATTEMPTS 8u
#define KNOWN_FLAGS       (MID_POOL_CHECKED | MID_POOL_UNCACHED | MID_POOL_AGE_THREAD)
#define LEAKS_REPORTED    16u
#define THREAD_CACHE_BYTES ((size_t)8 << 20)
#define RETURN_AFTER_MS    500u

#ifdef MID_CHECK
#define ALWAYS_FLAGS MID_POOL_CHECKED
#else
#define ALWAYS_FLAGS 0u
#endif

/* The pool that this thread asks for room at the moment, so that it is not asked again from within. */
static _Thread_local const struct mid_pool *asking;

/* ---- a pool's life */

void mid_pool_options_init(struct mid_pool_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
    options->policy = MID_POOL_SIZE_CLASS;
    options->split_bytes = MID_POOL_SLAB_BYTES;
    options->thread_cache_bytes = THREAD_CACHE_BYTES;
    options->return_after_ms = RETURN_AFTER_MS;
}

static bool read_options(const struct mid_pool_options *given, struct mid_pool_options *out)
{
    mid_pool_options_init(out);
    if (given == NULL)
        return true;
    if (given->struct_size < offsetof(struct mid_pool_options, limit_bytes) || given->struct_size > sizeof *out)
        return false;
    memcpy(out, given, given->struct_size);
    if (out->policy == MID_POOL_DEFAULT_POLICY)
        out->policy = MID_POOL_SIZE_CLASS;
    if (out->split_bytes == 0)
        out->split_bytes = MID_POOL_SLAB_BYTES;
    if (out->thread_cache_bytes == 0)
        out->thread_cache_bytes = THREAD_CACHE_BYTES;
    if (out->return_after_ms == 0)
        out->return_after_ms = RETURN_AFTER_MS;
    return (out->policy == MID_POOL_SIZE_CLASS || out->policy == MID_POOL_SEQUENTIAL) &&
           (out->base != NULL || out->base_bytes == 0) &&
           (out->sample_bytes == 0 || out->sample_buffers == 0) && (out->flags & ~KNOWN_FLAGS) == 0 &&
           ((out->flags & MID_POOL_AGE_THREAD) == 0 || out->return_after_ms != MID_POOL_FOREVER) &&
           out->split_bytes >= 16 && out->split_bytes <= MID_POOL_SLAB_BYTES;
}

static void shape_classes(struct mid_pool *pool)
{
    for (unsigned i = 0; i < MID__CLASSES; i++) {
        mid__class_shape(&pool->classes[i], i, pool->sequential && i == 0);
        pool->classes[i].magazine = mid__magazine_capacity(pool, i);
    }
}

static void end_pool(struct mid_pool *pool)
{
    mid__age_thread_end(pool);
    mid__registry_remove(pool);
    mid__shadow_pool_gone(pool);
    mid__caches_end(pool);
    mid__magazines_end(pool);
    mid__samples_end(pool);
    mid__handles_end(pool);
    mid__arena_fini(&pool->arena);
    mid__waiters_fini(pool);
    pthread_mutex_destroy(&pool->depot_lock);
    pthread_mutex_destroy(&pool->lock);
    mid__sys_unmap(pool, pool->pool_bytes);
}

enum mid_status mid_pool_create(const struct mid_pool_options *given, struct mid_pool **out)
{
    struct mid_pool_options options;
    if (out == NULL)
        return MID_E_INVALID;
    *out = NULL;
    if (!read_options(given, &options))
        return MID_E_INVALID;
    size_t bytes = mid__align_up(sizeof(struct mid_pool), mid__sys_page_bytes());
    struct mid_pool *pool = mid__sys_map(bytes, mid__sys_page_bytes());
    if (pool == NULL)
        return MID_E_MEMORY;
    pool->pool_bytes = bytes;
    pool->watched = mid__shadow_watched();
    pool->checked = ((options.flags | ALWAYS_FLAGS) & MID_POOL_CHECKED) != 0;
    pool->sequential = options.policy == MID_POOL_SEQUENTIAL;
    pool->caching = !pool->checked && !pool->watched && (options.flags & MID_POOL_UNCACHED) == 0;
    pool->sampling = options.sample_bytes != 0 || options.sample_buffers != 0;
    pool->samples.mean_bytes = options.sample_bytes;
    pool->samples.mean_buffers = options.sample_buffers;
    pool->split_bytes = options.split_bytes;
    pool->thread_cache_bytes = options.thread_cache_bytes;
    pool->age_interval_ns = options.return_after_ms == MID_POOL_FOREVER ? 0 : options.return_after_ms * (uint64_t)500000u;
    atomic_init(&pool->age_due_ns, mid__sys_coarse_ns() + pool->age_interval_ns);
    pool->at_limit = options.at_limit;
    pool->at_limit_user = options.at_limit_user;
    pool->broken = options.broken != NULL ? options.broken : mid__default_broken;
    pool->broken_user = options.broken_user;
    const struct mid__placement *small = pool->sequential ? &mid__place_sequential : &mid__place_class;
    size_t limit = options.limit_bytes == 0 ? SIZE_MAX : options.limit_bytes;
    if (mid__arena_init(&pool->arena, limit, small->unit_words, pool->checked ? small->unit_records : 0) != MID_OK) {
        mid__sys_unmap(pool, bytes);
        return MID_E_MEMORY;
    }
    pool->arena.hides = pool->sampling;
    enum mid_status status =
        options.base == NULL ? MID_OK : mid__arena_adopt(&pool->arena, options.base, options.base_bytes);
    if (status != MID_OK) {
        mid__arena_fini(&pool->arena);
        mid__sys_unmap(pool, bytes);
        return status;
    }
    pool->arena.ages = pool->age_interval_ns != 0;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_mutex_init(&pool->depot_lock, NULL);
    mid__waiters_init(pool);
    shape_classes(pool);
    mid__shadow_pool(pool);
    mid__registry_add(pool);
    if ((options.flags & MID_POOL_AGE_THREAD) != 0)
        status = mid__age_thread_begin(pool);
    if (status == MID_OK)
        *out = pool;
    else
        end_pool(pool);
    return status;
}

enum mid_status mid_pool_destroy(struct mid_pool *pool, size_t *still_out)
{
    if (still_out != NULL)
        *still_out = 0;
    if (pool == NULL)
        return MID_OK;
    mid__blocks_settle(pool);
    size_t theirs, handles = mid__handles_out(pool, &theirs);
    pthread_mutex_lock(&pool->lock);
    size_t out = mid__pool_out(pool) - theirs + handles;
    pthread_mutex_unlock(&pool->lock);
    if (still_out != NULL)
        *still_out = out;
    if (out != 0)
        return MID_E_BUSY;
    end_pool(pool);
    return MID_OK;
}

struct leaks {
    struct mid_pool *pool;
    size_t seen;
};

static int report_leak(void *user, const struct mid_pool_slab *slab, const struct mid_pool_buffer *buffer)
{
    (void)slab;
    struct leaks *leaks = user;
    mid__report(leaks->pool, "pool.leak", buffer->address, "a buffer of %zu bytes at %p, taken at %p, is still out",
                buffer->requested_bytes, buffer->address, buffer->site);
    return ++leaks->seen == LEAKS_REPORTED;
}

static void report_sampled_leak(void *user, const struct mid_pool_buffer *buffer)
{
    struct leaks *leaks = user;
    if (leaks->seen++ < LEAKS_REPORTED)
        mid__report(leaks->pool, "pool.leak", buffer->address,
                    "a buffer of %zu bytes at %p, taken at %p, is still out (sampled)", buffer->requested_bytes,
                    buffer->address, buffer->site);
}

size_t mid_pool_destroy_forced(struct mid_pool *pool)
{
    if (pool == NULL)
        return 0;
    size_t out = 0;
    if (mid_pool_destroy(pool, &out) == MID_OK)
        return 0;
    mid__handles_give_all(pool, pool->checked ? LEAKS_REPORTED : 0);
    struct leaks leaks = {pool, 0};
    if (pool->sampling && !pool->checked)
        (void)mid_pool_samples(pool, report_sampled_leak, &leaks);
    if (pool->checked) {
        struct mid_pool_visitor visitor = {sizeof visitor, NULL, report_leak, &leaks};
        mid_pool_walk(pool, &visitor);
    }
    end_pool(pool);
    return out;
}

/* ---- taking */

/* The class for a buffer; the guard of a checked pool counts for its place, but not for the split. */
static unsigned class_for(const struct mid_pool *pool, size_t bytes, size_t align)
{
    size_t need = bytes + (pool->checked ? MID__GUARD_BYTES : 0);
    size_t own = pool->sequential ? 8 : MID__CLASS_STEP_BYTES;
    if (align > MID_POOL_SLAB_BYTES)
        return MID__CLASS_HUGE; /* a mapping of its own is aligned as regions are */
    if (bytes >= pool->split_bytes || need > MID_POOL_SLAB_BYTES)
        return mid__class_of_large(need);
    if (pool->sequential)
        return align > own ? mid__class_of_large(need) : 0;
    unsigned id = mid__class_of_small(need);
    while ((mid__class_bytes(id) & (align - 1)) != 0)
        id++; /* ends at MID__CLASS_LARGE, whose slabs are aligned to 8 KiB */
    return id;
}

static void account_take(struct mid_pool *pool, struct mid__class *c, size_t bytes)
{
    c->allocs++;
    c->requested_in += bytes;
    if (pool->caching)
        return;
    pool->requested_bytes += bytes;
    if (pool->requested_bytes > pool->requested_peak_bytes)
        pool->requested_peak_bytes = pool->requested_bytes;
}

static void account_give(struct mid_pool *pool, struct mid__class *c, size_t bytes)
{
    if (bytes == MID__SIZE_UNKNOWN)
        c->unsized++;
    else
        c->requested_out += bytes;
    if (pool->caching)
        return;
    if (bytes == MID__SIZE_UNKNOWN)
        bytes = (size_t)(c->requested_in / c->allocs);
    pool->requested_bytes -= bytes < pool->requested_bytes ? bytes : pool->requested_bytes;
}

static enum mid_status take_locked(struct mid_pool *pool, struct mid__class *c, size_t bytes, const void *site,
                                   struct mid__taken *t)
{
    size_t need = bytes + (pool->checked ? MID__GUARD_BYTES : 0);
    enum mid_status status = mid__place_take(pool, c, need, t);
    if (status != MID_OK)
        return status;
    account_take(pool, c, bytes);
    void *p = mid__taken_memory(t);
    if (pool->checked)
        mid__check_take(pool, c, t, bytes, site);
    if (MID__UNLIKELY(pool->sampling))
        mid__sample_past_cache(pool, p, bytes, site);
    mid__shadow_take(pool, p, pool->checked ? bytes : t->extent);
    return MID_OK;
}

/* Asks the program for room; false when it has none, or when it is being asked already. */
static bool ask_for_room(struct mid_pool *pool, size_t bytes, unsigned attempt)
{
    if (pool->at_limit == NULL || asking == pool || attempt > AT_LIMIT_ATTEMPTS)
        return false;
    const struct mid_pool *outer = asking;
    asking = pool;
    bool again = pool->at_limit(pool->at_limit_user, pool, bytes, attempt) != 0;
    asking = outer;
    return again;
}

/* What all threads could have instead of this one's cache and the depot; false when there was nothing. */
bool mid__pool_empty_caches(struct mid_pool *pool)
{
    struct mid__cache *cache = mid__cache_had(pool);
    if (cache != NULL)
        mid__blocks_leave(cache);
    pthread_mutex_lock(&pool->lock);
    size_t before = pool->taken_bytes;
    if (cache != NULL)
        mid__cache_empty(pool, cache);
    mid__caches_idle_empty(pool);
    mid__depot_empty(pool);
    pool->cache_epoch++;
    bool any = pool->taken_bytes != before;
    pthread_mutex_unlock(&pool->lock);
    return any;
}

enum mid_status mid__pool_refuse(struct mid_pool *pool, enum mid_status status)
{
    pthread_mutex_lock(&pool->lock);
    *(status == MID_E_LIMIT ? &pool->refused_limit : &pool->refused_memory) += 1;
    pthread_mutex_unlock(&pool->lock);
    return status;
}

/* Misses of the cache are where buffers are sampled. */
static void *take_cached(struct mid_pool *pool, struct mid__cache *cache, unsigned id, size_t bytes, const void *site,
                         enum mid_status *status)
{
    uint64_t before = atomic_load_explicit(&cache->misses, memory_order_relaxed);
    void *p = mid__cache_take(cache, id, bytes, status);
    if (MID__UNLIKELY(pool->sampling) && p != NULL && atomic_load_explicit(&cache->misses, memory_order_relaxed) != before)
        mid__sample_after_miss(pool, cache, id, p, bytes, site);
    return p;
}

/* One attempt; NULL with *status. */
static void *try_take(struct mid_pool *pool, unsigned id, size_t bytes, const void *site, bool *fresh,
                      enum mid_status *status)
{
    struct mid__cache *cache = pool->caching && !*fresh && id != MID__CLASS_HUGE ? mid__cache_of(pool) : NULL;
    if (cache != NULL && pool->classes[id].magazine != 0)
        return take_cached(pool, cache, id, bytes, site, status);
    struct mid__taken t;
    pthread_mutex_lock(&pool->lock);
    mid__age_locked(pool, cache);
    *status = take_locked(pool, &pool->classes[id], bytes, site, &t);
    pthread_mutex_unlock(&pool->lock);
    if (*status != MID_OK)
        return NULL;
    *fresh = t.fresh;
    return mid__taken_memory(&t);
}

/* What is done until there is a buffer: reserves, and unless `quietly` the program is asked. *fresh on entry: whether memory
 * that reads as zero is worth passing the cache for; on return: whether it is. */
static void *try_all(struct mid_pool *pool, size_t bytes, size_t align, const void *site, bool quietly, bool *fresh,
                     enum mid_status *status)
{
    *status = MID_E_MEMORY;
    if (bytes > (size_t)PTRDIFF_MAX - MID_POOL_SLAB_BYTES)
        return NULL;
    unsigned id = class_for(pool, bytes, align);
    *fresh = *fresh && pool->classes[id].large;
    for (unsigned attempt = 1;;) {
        void *p = try_take(pool, id, bytes, site, fresh, status);
        if (MID__LIKELY(p != NULL))
            return p;
        if (mid__pool_empty_caches(pool) || (*status == MID_E_LIMIT && mid__handles_make_room(pool)))
            continue;
        if (*status != MID_E_LIMIT || quietly || !ask_for_room(pool, bytes, attempt++))
            return NULL;
    }
}

static void *take(struct mid_pool *pool, size_t bytes, size_t align, const void *site, bool *fresh,
                  enum mid_status *status)
{
    void *p = try_all(pool, bytes, align, site, false, fresh, status);
    if (MID__UNLIKELY(p == NULL))
        mid__pool_refuse(pool, *status);
    return p;
}

void *mid__pool_try(struct mid_pool *pool, size_t bytes, bool ask, const void *site, enum mid_status *status)
{
    bool fresh = false;
    return try_all(pool, bytes, 1, site, !ask, &fresh, status);
}

void *mid__pool_take(struct mid_pool *pool, size_t bytes, const void *site, enum mid_status *status)
{
    bool fresh = false;
    return take(pool, bytes, 1, site, &fresh, status);
}

/* Out of line, so that the way of most buffers saves no registers. */
static MID__NOINLINE void *alloc_slow(struct mid_pool *pool, size_t bytes, const void *site)
{
    enum mid_status status;
    return mid__pool_take(pool, bytes, site, &status);
}

void *mid_pool_alloc(struct mid_pool *pool, size_t bytes)
{
    struct mid__cache *cache = mid__thread_caches;
    void *p;
    if (MID__LIKELY(mid__cache_is_of(cache, pool) && mid__pair_take(cache, bytes, &p)))
        return p;
    return alloc_slow(pool, bytes, MID__RETURN_ADDRESS());
}

void *mid_cache_alloc_slow(struct mid_cache *face, size_t bytes)
{
    struct mid__cache *cache = (struct mid__cache *)(void *)face;
    enum mid_status status;
    return mid__pool_take(atomic_load_explicit(&cache->pool, memory_order_relaxed), bytes, MID__RETURN_ADDRESS(),
                          &status);
}

void *mid__pool_take_aligned(struct mid_pool *pool, size_t align_bytes, size_t bytes, const void *site)
{
    if (align_bytes == 0 || (align_bytes & (align_bytes - 1)) != 0 || align_bytes > MID_POOL_ALIGN_MAX)
        return NULL;
    enum mid_status status;
    bool fresh = false;
    return take(pool, bytes, align_bytes, site, &fresh, &status);
}

void *mid_pool_alloc_aligned(struct mid_pool *pool, size_t align_bytes, size_t bytes)
{
    return mid__pool_take_aligned(pool, align_bytes, bytes, MID__RETURN_ADDRESS());
}

void *mid__pool_take_zeroed(struct mid_pool *pool, size_t count, size_t bytes, const void *site)
{
    size_t total;
    if (mid__mul_overflows(count, bytes, &total))
        total = SIZE_MAX; /* refused and counted like any size beyond PTRDIFF_MAX */
    enum mid_status status;
    bool fresh = true;
    void *p = take(pool, total, 1, site, &fresh, &status);
    if (p != NULL && (!fresh || pool->watched)) /* a tool that watches must see the writing */
        memset(p, 0, total);
    return p;
}

void *mid_pool_alloc_zeroed(struct mid_pool *pool, size_t count, size_t bytes)
{
    return mid__pool_take_zeroed(pool, count, bytes, MID__RETURN_ADDRESS());
}

/* ---- giving back */

static void report_stranger(struct mid_pool *pool, const void *p, const char *verb)
{
    mid__misuse(pool, "pool.foreign", p, "%s of %p, which is no buffer of this pool", verb, p);
}

static void report_double(struct mid_pool *pool, const void *p, const char *verb, const struct mid__record *record)
{
    if (record != NULL && record->released_at != NULL)
        mid__misuse(pool, "pool.double_release", p,
                    "%s of %p, a buffer of %zu bytes taken at %p and already released at %p", verb, p,
                    record->requested, record->taken_at, record->released_at);
    else
        mid__misuse(pool, "pool.double_release", p, "%s of %p, which is released already", verb, p);
}

/* A pointer into a slab that went back to the arena: released before that, if a buffer began there. */
static void report_given(struct mid_pool *pool, const void *p, const char *verb)
{
    unsigned tag;
    const struct mid__slab *s = mid__arena_find_given(&pool->arena, p, &tag);
    if (s != NULL) {
        const struct mid__class *c = &pool->classes[tag - 1];
        size_t offset = (size_t)((const char *)p - mid__slab_memory(s)), extent;
        const struct mid__record *record = mid__record_of(c, s, offset);
        bool begins = c->slots == 0 ? record != NULL : c->placement->look(c, s, offset, &extent) != MID__PLACE_NONE;
        if (begins && (record == NULL || record->released_at != NULL)) {
            report_double(pool, p, verb, record);
            return;
        }
    }
    report_stranger(pool, p, verb);
}

bool mid__pool_find(struct mid_pool *pool, const void *p, const char *verb, struct mid__taken *out)
{
    struct mid__slab *s = mid__arena_find(&pool->arena, p);
    enum mid__place place = MID__PLACE_NONE;
    struct mid__record *record = NULL;
    if (s != NULL) {
        struct mid__class *c = mid__pool_class(pool, s);
        size_t offset = (size_t)((const char *)p - mid__slab_memory(s));
        if (offset < mid__slab_bytes(s)) {
            place = c->placement->look(c, s, offset, &out->extent);
            record = mid__record_of(c, s, offset);
            out->slab = s;
            out->offset = offset;
            out->fresh = false;
            if (s->units == 0)
                out->extent = s->region->bytes;
        }
    }
    if (place == MID__PLACE_LIVE)
        return true;
    /* A sequential slab that began anew has forgotten its buffers, but the records have not. */
    if (place == MID__PLACE_RELEASED || (record != NULL && record->released_at != NULL))
        report_double(pool, p, verb, record);
    else
        report_given(pool, p, verb);
    return false;
}

static void give_locked(struct mid_pool *pool, const struct mid__taken *t, size_t bytes, size_t kept,
                        const void *site)
{
    struct mid__class *c = mid__pool_class(pool, t->slab);
    void *p = mid__taken_memory(t);
    if (pool->checked) {
        size_t requested = mid__record_of(c, t->slab, t->offset)->requested;
        if (bytes != MID__SIZE_UNKNOWN && bytes != requested)
            mid__misuse(pool, "pool.wrong_size", p, "release of %p with %zu bytes; it was taken with %zu", p, bytes,
                        requested);
        bytes = requested;
        mid__check_give(pool, c, t, kept, site);
    } else if (bytes != MID__SIZE_UNKNOWN && class_for(pool, bytes, 1) != c->id) {
        mid__misuse(pool, "pool.wrong_size", p, "release of %p with %zu bytes; it takes up %zu", p, bytes, t->extent);
        bytes = MID__SIZE_UNKNOWN;
    }
    account_give(pool, c, bytes);
    mid__shadow_give(pool, p, kept, t->extent);
    mid__place_give(pool, c, t->slab, t->offset, t->extent);
}

/* The class of the buffer at p when it is one that has magazines; else, and where there is no buffer, MID__CLASSES, and
 * the question is for the lock. Note [Looking up an address without the lock]. */
static inline unsigned cached_class_of(const struct mid_pool *pool, const void *p, bool *sampled)
{
    const struct mid__region *r = mid__arena_region(&pool->arena, (uintptr_t)p);
    uintptr_t grain = mid__grain_of(p);
    *sampled = false;
    if (r == NULL || (uintptr_t)p % MID__CLASS_STEP_BYTES != 0)
        return MID__CLASSES;
    unsigned tag = mid__region_tag(r, grain);
    if (tag == 0 || pool->classes[tag - 1].magazine == 0)
        return MID__CLASSES;
    if (mid__region_starts(r, grain))
        return tag - 1;
    *sampled = mid__region_hides(r, grain);
    return *sampled ? tag - 1 : MID__CLASSES;
}

/* After a buffer went into a cache: Note [Waiting and the caches]. */
MID__INLINE void look_for_waiters(struct mid_pool *pool)
{
    atomic_signal_fence(memory_order_seq_cst);
    if (MID__UNLIKELY(atomic_load_explicit(&pool->waiters, memory_order_relaxed) != 0))
        mid__waiters_served(pool);
}

/* A buffer of a region that the thread has not in mind: from now on it has. Note [The way of most buffers]. */
static bool go_far(struct mid_pool *pool, struct mid__cache *cache, void *p, size_t bytes)
{
    uintptr_t grain = mid__grain_of(p), key = mid__region_key(grain);
    const struct mid__region *r = mid__arena_region(&pool->arena, (uintptr_t)p);
    if (r == NULL || atomic_load_explicit(&r->key, memory_order_relaxed) != key || cache->recent[key % MID__RECENT] == &r->key)
        return false;
    cache->recent[key % MID__RECENT] = &r->key;
    bool sized = bytes != MID__SIZE_UNKNOWN;
    return (!sized || bytes - 1 < MID_CACHE_INLINE_BYTES) && mid__pair_push(pool, cache, r, grain, p, sized, bytes);
}

/* When something stood against the ways above; everything else is left to the lock. */
static bool give_to_cache(struct mid_pool *pool, void *p, size_t bytes)
{
    bool sampled;
    unsigned id = cached_class_of(pool, p, &sampled);
    if (id == MID__CLASSES || (bytes != MID__SIZE_UNKNOWN && class_for(pool, bytes, 1) != id))
        return false;
    struct mid__cache *cache = mid__cache_of(pool);
    if (cache == NULL)
        return false;
    const struct mid_cache_bin *bin = &cache->face.bins[id];
    if (bin->top != bin->bottom && *bin->top == p)
        report_double(pool, p, "release", NULL);
    else {
        if (sampled)
            mid__sample_released(pool, p);
        mid__cache_give(cache, id, p, bytes);
    }
    return true;
}

void mid__pool_give_block(struct mid_pool *pool, void *p, size_t bytes, size_t kept, const void *site)
{
    struct mid__taken t;
    if (give_to_cache(pool, p, bytes)) {
        look_for_waiters(pool);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    if (mid__pool_find(pool, p, "release", &t))
        give_locked(pool, &t, bytes, kept, site);
    pthread_mutex_unlock(&pool->lock);
}

void mid__pool_give(struct mid_pool *pool, void *p, size_t bytes, const void *site)
{
    struct mid__cache *cache = mid__thread_caches;
    if (mid__cache_is_of(cache, pool) && go_far(pool, cache, p, bytes))
        return;
    mid__pool_give_block(pool, p, bytes, 0, site);
}

static MID__NOINLINE void release_slow(struct mid_pool *pool, void *buffer, size_t bytes, const void *site)
{
    if (buffer != NULL)
        mid__pool_give(pool, buffer, bytes, site);
}

void mid_pool_release(struct mid_pool *pool, void *buffer)
{
    struct mid__cache *cache = mid__thread_caches;
    if (MID__LIKELY(mid__cache_is_of(cache, pool) && mid__pair_give(pool, cache, buffer, false, 0)))
        return;
    release_slow(pool, buffer, MID__SIZE_UNKNOWN, MID__RETURN_ADDRESS());
}

void mid_pool_release_sized(struct mid_pool *pool, void *buffer, size_t bytes)
{
    struct mid__cache *cache = mid__thread_caches;
    if (MID__LIKELY(mid__cache_is_of(cache, pool) && mid__pair_give(pool, cache, buffer, true, bytes)))
        return;
    release_slow(pool, buffer, bytes, MID__RETURN_ADDRESS());
}

void mid_cache_release_slow(struct mid_cache *face, void *buffer, size_t bytes)
{
    struct mid__cache *cache = (struct mid__cache *)(void *)face;
    mid_pool_release_sized(atomic_load_explicit(&cache->pool, memory_order_relaxed), buffer, bytes);
}

void mid_pool_flush_thread(struct mid_pool *pool)
{
    struct mid__cache *cache = mid__cache_had(pool);
    if (cache == NULL)
        return;
    mid__blocks_leave(cache);
    pthread_mutex_lock(&pool->lock);
    mid__cache_empty(pool, cache);
    pthread_mutex_unlock(&pool->lock);
}

size_t mid_pool_usable_bytes(struct mid_pool *pool, const void *buffer)
{
    if (buffer == NULL)
        return 0;
    bool sampled;
    unsigned id = cached_class_of(pool, buffer, &sampled);
    if (id != MID__CLASSES)
        return pool->classes[id].bytes;
    struct mid__taken t;
    pthread_mutex_lock(&pool->lock);
    size_t bytes = 0;
    if (mid__pool_find(pool, buffer, "usable_bytes", &t))
        bytes = pool->checked ? mid__record_of(mid__pool_class(pool, t.slab), t.slab, t.offset)->requested : t.extent;
    pthread_mutex_unlock(&pool->lock);
    return bytes;
}

size_t mid__pool_pinned(struct mid_pool *pool, const void *p)
{
    struct mid__taken t;
    pthread_mutex_lock(&pool->lock);
    size_t bytes = 0;
    if (mid__pool_find(pool, p, "pinned_bytes", &t))
        bytes = mid__pool_class(pool, t.slab)->bytes != 0 ? t.extent : mid__slab_bytes(t.slab);
    pthread_mutex_unlock(&pool->lock);
    return bytes;
}

const void *mid__pool_slab_of(struct mid_pool *pool, const void *p, size_t *bytes, size_t *slab_bytes)
{
    struct mid__taken t;
    const void *slab = NULL;
    pthread_mutex_lock(&pool->lock);
    if (mid__pool_find(pool, p, "slice_place", &t)) {
        slab = mid__slab_memory(t.slab);
        *bytes = t.extent;
        *slab_bytes = mid__slab_bytes(t.slab);
    }
    pthread_mutex_unlock(&pool->lock);
    return slab;
}

/* ---- resizing */

/* Whether a buffer of `bytes` bytes would get the same place again. Then it stays where it is, and a release with the new
 * size finds the same class. A checked pool always moves, so that stale pointers are found. */
static bool fits_in_place(const struct mid_pool *pool, const struct mid__class *c, const struct mid__taken *t,
                          size_t bytes)
{
    if (pool->checked || bytes > t->extent || class_for(pool, bytes, 1) != c->id)
        return false;
    return c->bytes != 0 || bytes >= t->extent / 2;
}

/* What a resize finds: whether the buffer is one, whether it stays, and how many bytes of it may have to be copied. */
struct resizing {
    bool found, stays;
    size_t old_bytes;
};

static struct resizing look_locked(struct mid_pool *pool, void *buffer, size_t bytes)
{
    struct resizing r = {false, false, 0};
    struct mid__taken t;
    pthread_mutex_lock(&pool->lock);
    if (mid__pool_find(pool, buffer, "resize", &t)) {
        struct mid__class *c = mid__pool_class(pool, t.slab);
        r.found = true;
        r.old_bytes = pool->checked ? mid__record_of(c, t.slab, t.offset)->requested : t.extent;
        r.stays = fits_in_place(pool, c, &t, bytes);
        if (r.stays) {
            account_give(pool, c, MID__SIZE_UNKNOWN);
            account_take(pool, c, bytes);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return r;
}

/* The same without the lock, for classes that have magazines; the figures are kept in the thread's bin. */
static struct resizing look(struct mid_pool *pool, void *buffer, size_t bytes)
{
    bool sampled;
    unsigned id = cached_class_of(pool, buffer, &sampled);
    struct mid__cache *cache = id == MID__CLASSES ? NULL : mid__cache_of(pool);
    if (cache == NULL || bytes > PTRDIFF_MAX)
        return look_locked(pool, buffer, bytes);
    struct resizing r = {true, class_for(pool, bytes, 1) == id, pool->classes[id].bytes};
    if (r.stays)
        mid__bin_resized(cache, id, bytes);
    return r;
}

void *mid__pool_resize(struct mid_pool *pool, void *buffer, size_t bytes, const void *site)
{
    enum mid_status status;
    if (buffer == NULL)
        return mid__pool_take(pool, bytes, site, &status);
    struct resizing r = look(pool, buffer, bytes);
    if (!r.found || r.stays)
        return r.found ? buffer : NULL;
    void *moved = mid__pool_take(pool, bytes, site, &status);
    if (moved == NULL)
        return NULL;
    memcpy(moved, buffer, bytes < r.old_bytes ? bytes : r.old_bytes);
    mid__pool_give(pool, buffer, MID__SIZE_UNKNOWN, site);
    return moved;
}

void *mid_pool_resize(struct mid_pool *pool, void *buffer, size_t bytes)
{
    return mid__pool_resize(pool, buffer, bytes, MID__RETURN_ADDRESS());
}
