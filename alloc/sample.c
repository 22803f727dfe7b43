/* SPDX-License-Identifier: MIT
 *
 * sample.c: who took what is out, for one buffer in many: the site and size of sampled live buffers, a heap profile, and leaks
 * with their sites in pools that are not checked.
 *
 *     miss of a thread's cache, or a call past it
 *        | what was taken since the last time, in bytes or buffers, is counted down from a geometric distance
 *        v 0: this buffer is sampled
 *     table under the pool's lock    address -> {site, bytes}           its bit goes from `starts` to `hidden`
 *
 * I1  A buffer is in the table if it was sampled and has not been released since, except that a release and a new
 *     allocation by the inlined pair of <midden/cache.h> alone go by unseen until the buffer leaves its magazines.
 * I2  In `hidden` of a region stands the bit of a buffer of the size-class policy if it is in the table, and no other; it is
 *     not in `starts` then (place_class.c). So a release does not ask whether its buffer is sampled: the look that tells whether
 *     it is a buffer says no, and the way for everything unusual finds the record.
 *
 * Allocations that a cache serves by itself pay nothing: the sample falls on the first miss after the distance is over. What
 * leaks or grows misses once a magazine, so that its share of samples is its share of bytes; a pair that is served from one
 * magazine for ever is not seen, and holds nothing. Releases of others pay nothing either.
 *
 * The distances are exponential, by bytes (as in tcmalloc and jemalloc: a large buffer is surer to be seen) or by buffers.
 * A buffer that a movable handle holds loses its record when it moves. A resize in place keeps the old size.
 */
#include "magazine.h"

#include <midden/internal/sampling.h>
#include <midden/internal/sys.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_CAPACITY 256u
#define MOST_AT_ONCE   10000u

static int64_t distance(struct mid__samples *s, uint64_t *state)
{
    size_t mean = s->mean_bytes != 0 ? s->mean_bytes : s->mean_buffers;
    if (*state == 0)
        *state = (uintptr_t)state * 0x9e3779b97f4a7c15u | 1;
    return (int64_t)((double)mid__exponential(state) * (double)mean / 1024) + 1;
}

/* ---- the table; the lock is held */

static size_t home_of(const struct mid__samples *s, const void *p)
{
    return (size_t)(((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u >> 20) & (s->capacity - 1);
}

static struct mid__sample *find(struct mid__samples *s, const void *p)
{
    if (s->count == 0)
        return NULL;
    for (size_t i = home_of(s, p); s->table[i].address != NULL; i = (i + 1) & (s->capacity - 1))
        if (s->table[i].address == p)
            return &s->table[i];
    return NULL;
}

static void put(struct mid__samples *s, struct mid__sample sample)
{
    size_t i = home_of(s, sample.address);
    while (s->table[i].address != NULL)
        i = (i + 1) & (s->capacity - 1);
    s->table[i] = sample;
}

/* Room for one more; a table is at most half full. */
static bool grow(struct mid_pool *pool, struct mid__samples *s)
{
    if (s->count < s->capacity / 2)
        return true;
    struct mid__samples old = *s;
    size_t capacity = old.capacity == 0 ? FIRST_CAPACITY : old.capacity * 2;
    struct mid__sample *table = mid__arena_table(&pool->arena, capacity * sizeof *table);
    if (table == NULL)
        return false;
    s->table = table;
    s->capacity = capacity;
    for (size_t i = 0; i < old.capacity; i++)
        if (old.table[i].address != NULL)
            put(s, old.table[i]);
    if (old.table != NULL)
        mid__arena_table_gone(&pool->arena, old.table, old.capacity * sizeof *table);
    return true;
}

/* What follows a hole moves up, so that nothing is looked for in vain (Knuth, 6.4, algorithm R). */
static void take_out(struct mid__samples *s, struct mid__sample *sample)
{
    size_t mask = s->capacity - 1, hole = (size_t)(sample - s->table);
    for (size_t i = (hole + 1) & mask; s->table[i].address != NULL; i = (i + 1) & mask) {
        size_t home = home_of(s, s->table[i].address);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            s->table[hole] = s->table[i];
            hole = i;
        }
    }
    s->table[hole].address = NULL;
    s->count--;
}

/* I2. `on`: the buffer is sampled from now on, or no longer. */
static void hide(const struct mid__class *c, struct mid__slab *slab, const void *p, bool on)
{
    if (c->slots == 0)
        return;
    size_t grain = (size_t)((const char *)p - mid__slab_memory(slab)) / MID__CLASS_STEP_BYTES;
    mid__bit_set(on ? mid__slab_hidden(slab) : mid__slab_starts(slab), grain);
    mid__bit_clear(on ? mid__slab_starts(slab) : mid__slab_hidden(slab), grain);
}

void mid__sample_gone(struct mid_pool *pool, const struct mid__class *c, struct mid__slab *slab, const void *p)
{
    struct mid__sample *sample = find(&pool->samples, p);
    if (sample == NULL)
        return;
    take_out(&pool->samples, sample);
    hide(c, slab, p, false);
}

void mid__sample_released(struct mid_pool *pool, const void *p)
{
    pthread_mutex_lock(&pool->lock);
    struct mid__slab *slab = mid__arena_find(&pool->arena, p);
    if (slab != NULL)
        mid__sample_gone(pool, mid__pool_class(pool, slab), slab, p);
    pthread_mutex_unlock(&pool->lock);
}

static void record(struct mid_pool *pool, void *p, size_t bytes, const void *site, uint32_t weight)
{
    struct mid__samples *s = &pool->samples;
    struct mid__slab *slab = mid__arena_find(&pool->arena, p);
    if (slab == NULL)
        return;
    const struct mid__class *c = mid__pool_class(pool, slab);
    mid__sample_gone(pool, c, slab, p); /* the exception in I1 */
    if (!grow(pool, s))
        return;
    put(s, (struct mid__sample){p, site, bytes, weight});
    s->count++;
    hide(c, slab, p, true);
}

/* ---- what is sampled */

/* Counts down; how many distances have ended: if any, the buffer that was just taken stands for so many. */
static uint32_t count_down(struct mid__samples *s, int64_t *until, uint64_t *state, uint64_t taken)
{
    uint32_t ended = 0;
    if (*until == 0)
        *until = distance(s, state);
    for (*until -= (int64_t)taken; *until <= 0 && ended < MOST_AT_ONCE; ended++)
        *until += distance(s, state);
    if (*until <= 0)
        *until = distance(s, state);
    return ended;
}

void mid__sample_after_miss(struct mid_pool *pool, struct mid__cache *cache, unsigned id, void *p, size_t bytes,
                            const void *site)
{
    const struct mid_cache_bin *bin = &cache->face.bins[id];
    uint64_t now = pool->samples.mean_bytes != 0 ? bin->requested_in : mid__bin_allocs(cache, id), taken = now - cache->sampled[id];
    cache->sampled[id] = now;
    uint32_t weight = count_down(&pool->samples, &cache->until_sample, &cache->sample_random, taken);
    if (weight == 0)
        return;
    if (pool->samples.mean_bytes != 0 && bytes >= pool->samples.mean_bytes)
        weight = 1; /* its own size ended them: it would have been seen anyway */
    pthread_mutex_lock(&pool->lock);
    record(pool, p, bytes, site, weight);
    pthread_mutex_unlock(&pool->lock);
}

void mid__sample_past_cache(struct mid_pool *pool, void *p, size_t bytes, const void *site)
{
    struct mid__samples *s = &pool->samples;
    if (count_down(s, &s->until, &s->random, s->mean_bytes != 0 ? bytes : 1) != 0)
        record(pool, p, bytes, site, 1);
}

void mid__samples_end(struct mid_pool *pool)
{
    if (pool->samples.table != NULL)
        mid__arena_table_gone(&pool->arena, pool->samples.table, pool->samples.capacity * sizeof *pool->samples.table);
}

/* ---- what is told */

struct copy {
    struct mid__sample *list;
    size_t count, bytes;
};

static int by_site(const void *a, const void *b)
{
    const struct mid__sample *x = a, *y = b;
    uintptr_t p = (uintptr_t)x->site, q = (uintptr_t)y->site;
    return p != q ? (p > q) - (p < q) : (x->address > y->address) - (x->address < y->address);
}

/* The live samples, by site; made with the pool locked for as long as copying them takes. */
static enum mid_status copy_samples(struct mid_pool *pool, struct copy *copy)
{
    struct mid__samples *s = &pool->samples;
    pthread_mutex_lock(&pool->lock);
    copy->count = 0;
    copy->bytes = mid__align_up((s->count + 1) * sizeof *copy->list, pool->arena.page_bytes);
    copy->list = mid__sys_map(copy->bytes, pool->arena.page_bytes);
    for (size_t i = 0; copy->list != NULL && i < s->capacity; i++)
        if (s->table[i].address != NULL)
            copy->list[copy->count++] = s->table[i];
    pthread_mutex_unlock(&pool->lock);
    if (copy->list == NULL)
        return MID_E_MEMORY;
    qsort(copy->list, copy->count, sizeof *copy->list, by_site);
    return MID_OK;
}

enum mid_status mid_pool_samples(struct mid_pool *pool, mid_pool_sample_fn visit, void *user)
{
    struct copy copy;
    enum mid_status status = copy_samples(pool, &copy);
    if (status != MID_OK)
        return status;
    for (size_t i = 0; i < copy.count; i++) {
        struct mid_pool_buffer buffer = {sizeof buffer, copy.list[i].address, copy.list[i].bytes, copy.list[i].bytes,
                                         copy.list[i].site};
        visit(user, &buffer);
    }
    mid__sys_unmap(copy.list, copy.bytes);
    return MID_OK;
}

/* /proc/self/maps, by which a profiler finds the names of addresses. */
static void put_maps(FILE *stream)
{
    char part[4096];
    ssize_t n;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    fputs("\nMAPPED_LIBRARIES:\n", stream);
    while (fd >= 0 && (n = read(fd, part, sizeof part)) > 0)
        fwrite(part, 1, (size_t)n, stream);
    if (fd >= 0)
        close(fd);
}

/* By buffers a sample stands for so many; by bytes the reader scales, from the period in the head. One at
 * which several distances ended counts for each. */
static size_t stands_for(const struct mid_pool *pool, const struct mid__sample *sample)
{
    return pool->samples.mean_bytes != 0 ? sample->weight : sample->weight * pool->samples.mean_buffers;
}

enum mid_status mid_pool_heap_profile(struct mid_pool *pool, FILE *stream)
{
    struct copy copy;
    enum mid_status status = copy_samples(pool, &copy);
    if (status != MID_OK)
        return status;
    size_t period = pool->samples.mean_bytes, all = 0, all_bytes = 0;
    for (size_t i = 0; i < copy.count; i++) {
        all += stands_for(pool, &copy.list[i]);
        all_bytes += stands_for(pool, &copy.list[i]) * copy.list[i].bytes;
    }
    fprintf(stream, "heap profile: %zu: %zu [%zu: %zu] @ ", all, all_bytes, all, all_bytes);
    fprintf(stream, period != 0 ? "heap_v2/%zu\n" : "heapprofile\n", period);
    for (size_t i = 0, next; i < copy.count; i = next) {
        size_t n = 0, bytes = 0;
        for (next = i; next < copy.count && copy.list[next].site == copy.list[i].site; next++) {
            n += stands_for(pool, &copy.list[next]);
            bytes += stands_for(pool, &copy.list[next]) * copy.list[next].bytes;
        }
        fprintf(stream, "%zu: %zu [%zu: %zu] @ %p\n", n, bytes, n, bytes, copy.list[i].site);
    }
    put_maps(stream);
    mid__sys_unmap(copy.list, copy.bytes);
    return fflush(stream) != 0 || ferror(stream) ? MID_E_IO : MID_OK;
}
