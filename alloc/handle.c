/* SPDX-License-Identifier: MIT
 *
 * handle.c: the table by which movable buffers are found, taken and released. Where they lie, and how they move, is in
 * pack.c.
 *
 *     handle           table, in chunks of 65,536            segment, 64 or 256 KiB of the pool
 *     [index, gen] --> | opens | address ---------+--|       [ front | head, buffer | head, buffer | ...     ]
 *                      | opens | next free entry  |  |                 ^
 *                                                 +-------------------+     head = index, generation, bytes, place
 *
 * I1  A live entry's address is that of a head with the entry's index, and no other head has this index.
 * I2  Heads follow one another from the segment's front to its fill; live and live_bytes are sums over those that have an
 *     index; a head without one covers a dead stretch.
 * I3  The free list holds exactly the entries below `used` that are not live, but for entry 0, which is nobody's, and those
 *     of allocations under way.
 * I4  A segment is on the list that its live share says, or aside, in the queue, filling or packing; one with no live buffer is
 *     filling or packing.
 * I5  The statistics are the sums over segments and large buffers.
 *
 * Note [Opening and moving]
 * An entry is one word: opens in the top 16 bits, then the address, then flags. Every change of it is one atomic operation
 * that leaves the other fields as they are, so a count that comes and goes beside it (an opener that finds a stale handle
 * takes its count back) does no harm. Interleavings of an opener O with the mover M, who holds the table's lock:
 *
 *   O adds, then M tries to mark      M's compare-and-swap, which wants 0 opens, fails: M leaves the buffer.
 *   M marks, then O adds              O sees MOVING and waits for the lock. Its count stays, and M's last step adds the
 *                                     difference of the addresses, so that count and new address stand together. O then
 *                                     holds the lock, reads the new address, and M cannot move it again: opens > 0.
 *   O adds after M's last step        O sees the new address. M's last step releases what M copied, O's addition acquires.
 *   O closes, then M marks            O's subtraction releases what O wrote, M's compare-and-swap acquires.
 *   O opens while R releases          is a use after release by the program. O finds the entry not live, or with another
 *                                     generation, or R finds it open; each is reported and leaves the table whole.
 *
 * The generation stands in the head, which is only read after the count was taken: then the buffer is not moved, and its
 * segment not given back. Generations are numbered through for the whole table, so that a free entry needs to remember none.
 *
 * The count is in the top bits, so that a close too many runs over the edge of the word and not into the address.
 *
 * In a checked pool, and where valgrind or ASan watch, MID__HANDLE_SLOW makes opening and closing come here each time: a
 * closed buffer is then no memory that the program may touch.
 */
#include "handle.h"
#include "shadow.h"

#include <midden/internal/sys.h>

#include <string.h>

#define CHUNK_ENTRIES ((size_t)1 << MID__HANDLE_CHUNK_SHIFT)
#define CHUNK_BYTES   (CHUNK_ENTRIES * sizeof(uint64_t))
#define BYTES_MAX     ((size_t)1 << (MID__PLACE_SHIFT - 1))
#define OPENS_MAX     0x8000u
#define SMALL_SEGMENT ((size_t)64 << 10)
#define GROWN_BYTES   ((size_t)1 << 20) /* live: segments are large from here on */
#define PACK_PERCENT  50u
#define GUARD_BYTE    0xfd
#define FILL_BYTE     0xa5
#define POISON_BYTE   0xdd

static uint64_t load(const uint64_t *entry)
{
    return __atomic_load_n(entry, __ATOMIC_RELAXED); /* with the lock held: but for opens, nobody else writes */
}

static struct mid__handle_head *head_of(uint64_t entry)
{
    return (struct mid__handle_head *)(uintptr_t)(entry & MID__HANDLE_ADDRESS);
}

/* ---- the table's life */

struct mid_handles *mid_pool_handles(struct mid_pool *pool)
{
    struct mid__handle_table *t = atomic_load_explicit(&pool->handles, memory_order_acquire);
    if (t != NULL)
        return &t->face;
    pthread_mutex_lock(&pool->lock);
    t = atomic_load_explicit(&pool->handles, memory_order_relaxed);
    if (t == NULL)
        t = mid__arena_table(&pool->arena, sizeof *t);
    if (t != NULL && t->pool == NULL) {
        t->pool = pool;
        t->slow = pool->checked || pool->watched;
        t->guard_bytes = pool->checked ? MID__GUARD_BYTES : 0;
        t->pack_percent = PACK_PERCENT;
        t->used = 1;
        pthread_mutex_init(&t->lock, NULL);
        atomic_store_explicit(&pool->handles, t, memory_order_release); /* pairs with the load above */
    }
    pthread_mutex_unlock(&pool->lock);
    return t == NULL ? NULL : &t->face;
}

void mid__handles_end(struct mid_pool *pool)
{
    struct mid__handle_table *t = atomic_load_explicit(&pool->handles, memory_order_relaxed);
    if (t == NULL)
        return;
    for (size_t i = 0; i < MID__HANDLE_CHUNKS && t->face.chunks[i] != NULL; i++)
        mid__arena_table_gone(&pool->arena, t->face.chunks[i], CHUNK_BYTES);
    pthread_mutex_destroy(&t->lock);
    mid__arena_table_gone(&pool->arena, t, sizeof *t);
}

size_t mid__handles_out(struct mid_pool *pool, size_t *pool_buffers)
{
    struct mid__handle_table *t = atomic_load_explicit(&pool->handles, memory_order_acquire);
    *pool_buffers = 0;
    if (t == NULL)
        return 0;
    pthread_mutex_lock(&t->lock);
    *pool_buffers = t->stats.segments + t->stats.large_handles;
    size_t out = t->stats.handles;
    mid__handles_unlock(t);
    return out;
}

/* ---- the lock */

void mid__handles_gone(struct mid__handle_table *t, void *buffer, size_t bytes)
{
    struct mid__gone *gone = buffer;
    gone->next = t->gone;
    gone->bytes = bytes;
    t->gone = gone;
}

void mid__handles_unlock(struct mid__handle_table *t)
{
    struct mid__gone *gone = t->gone;
    t->gone = NULL;
    pthread_mutex_unlock(&t->lock);
    for (struct mid__gone *next; gone != NULL; gone = next) {
        next = gone->next;
        mid__pool_give(t->pool, gone, gone->bytes, NULL);
    }
}

/* Again, when the table was made between the look and the lock. */
void mid__handles_lock_before_fork(struct mid_pool *pool)
{
    for (;;) {
        struct mid__handle_table *t = atomic_load_explicit(&pool->handles, memory_order_acquire);
        if (t != NULL)
            pthread_mutex_lock(&t->lock);
        pthread_mutex_lock(&pool->lock);
        if (t == atomic_load_explicit(&pool->handles, memory_order_relaxed))
            break;
        pthread_mutex_unlock(&pool->lock);
    }
    pthread_mutex_lock(&pool->depot_lock);
}

void mid__handles_unlock_after_fork(struct mid_pool *pool)
{
    struct mid__handle_table *t = atomic_load_explicit(&pool->handles, memory_order_relaxed);
    pthread_mutex_unlock(&pool->depot_lock);
    pthread_mutex_unlock(&pool->lock);
    if (t != NULL)
        pthread_mutex_unlock(&t->lock);
}

/* ---- entries; the lock is held */

/* An entry that is nobody's; 0 when there is no memory. */
static uint32_t take_entry(struct mid__handle_table *t)
{
    uint32_t index = t->free_first;
    if (index != 0) {
        t->free_first = (uint32_t)((load(mid__handle_entry(&t->face, index)) & MID__HANDLE_ADDRESS) >> 4);
        t->free_count--;
        return index;
    }
    size_t chunk = t->used >> MID__HANDLE_CHUNK_SHIFT;
    if (chunk == MID__HANDLE_CHUNKS)
        return 0;
    if (t->face.chunks[chunk] == NULL) {
        pthread_mutex_lock(&t->pool->lock);
        uint64_t *fresh = mid__arena_table(&t->pool->arena, CHUNK_BYTES);
        pthread_mutex_unlock(&t->pool->lock);
        if (fresh == NULL)
            return 0;
        __atomic_store_n(&t->face.chunks[chunk], fresh, __ATOMIC_RELEASE); /* pairs with mid__handle_entry */
    }
    return t->used++;
}

/* Changes all of an entry but its opens. */
static void set_entry(uint64_t *entry, uint64_t value)
{
    uint64_t was = load(entry) & (MID__HANDLE_ONE - 1);
    __atomic_fetch_add(entry, value - was, __ATOMIC_RELEASE); /* pairs with the addition of an opener */
}

static void drop_entry(struct mid__handle_table *t, uint32_t index)
{
    set_entry(mid__handle_entry(&t->face, index), (uint64_t)t->free_first << 4);
    t->free_first = index;
    t->free_count++;
}

/* The entry of a live handle, or NULL. */
static uint64_t *find_entry(struct mid__handle_table *t, struct mid_handle h)
{
    uint64_t *entry = h.index < t->used ? mid__handle_entry(&t->face, h.index) : NULL;
    if (entry == NULL || (load(entry) & MID__HANDLE_LIVE) == 0 || head_of(load(entry))->generation != h.generation)
        return NULL;
    return entry;
}

/* ---- guards of a checked pool. That of a large buffer is the pool's own. */

static void set_guard(const struct mid__handle_table *t, struct mid__handle_head *h)
{
    size_t bytes = mid__head_bytes(h), room = mid__head_extent(t, h) - MID__HEAD_BYTES - bytes;
    if (t->guard_bytes != 0 && !t->pool->watched && mid__head_place(h) != 0) {
        memset(h + 1, FILL_BYTE, bytes);
        memset((char *)(h + 1) + bytes, GUARD_BYTE, room);
    }
}

const void *mid__handle_check_guard(const struct mid__handle_table *t, const struct mid__handle_head *h)
{
    const unsigned char *from = (const unsigned char *)(h + 1) + mid__head_bytes(h);
    const unsigned char *end = (const unsigned char *)h + mid__head_extent(t, h);
    if (t->guard_bytes == 0 || t->pool->watched || mid__head_place(h) == 0)
        return NULL;
    while (from < end && *from == GUARD_BYTE)
        from++;
    return from == end ? NULL : from;
}

/* ---- reports; no lock is held, for the hook is the program's */

static void report_stale(struct mid_pool *pool, struct mid_handle h, const char *verb)
{
    mid__misuse(pool, "handle.stale", NULL, "%s of the handle %u, generation %u, which is not live", verb, h.index,
                h.generation);
}

/* ---- taking */

/* A segment with room for `extent` bytes, as large as befits what is live; smaller when the pool has no room for it. No lock is
 * held: the pool may ask the program for room. */
static struct mid__segment *new_segment(struct mid__handle_table *t, size_t extent, bool grown, const void *site,
                                        enum mid_status *status)
{
    size_t wish = grown ? MID__SEGMENT_BYTES : SMALL_SEGMENT;
    size_t least = mid__align_up(sizeof(struct mid__segment) + extent + t->guard_bytes, MID_POOL_SLAB_BYTES);
    for (size_t bytes = wish;; bytes = least) {
        struct mid__segment *s = mid__pool_take(t->pool, bytes - t->guard_bytes, site, status);
        if (s != NULL)
            mid__segment_start(s, bytes - t->guard_bytes);
        if (s != NULL || *status != MID_E_LIMIT || bytes == least)
            return s;
    }
}

/* Sees that `filling` has room. The lock is let go meanwhile. */
static enum mid_status have_room(struct mid__handle_table *t, size_t extent, const void *site)
{
    while (t->filling == NULL || t->filling->fill + extent > t->filling->bytes) {
        struct mid__segment *fresh = NULL;
        if (t->packing != NULL && t->packing->fill + extent <= t->packing->bytes) {
            fresh = t->packing;
            t->packing = NULL;
        } else {
            enum mid_status status;
            bool grown = t->stats.live_bytes >= GROWN_BYTES;
            mid__handles_unlock(t);
            fresh = new_segment(t, extent, grown, site, &status);
            pthread_mutex_lock(&t->lock);
            if (fresh == NULL)
                return status;
            t->stats.segments++;
            t->stats.segment_bytes += fresh->bytes;
            if (t->slow)
                mid__shadow_close(fresh + 1, fresh->bytes - sizeof *fresh);
        }
        struct mid__segment *old = t->filling;
        t->filling = fresh;
        if (old != NULL)
            mid__segment_retire(t, old);
    }
    return MID_OK;
}

static struct mid__handle_head *place(struct mid__handle_table *t, size_t bytes, const void *site,
                                      enum mid_status *status)
{
    size_t extent = mid__handle_extent(t, bytes);
    struct mid__handle_head *h;
    if (extent > MID__HANDLE_LARGE) {
        mid__handles_unlock(t);
        h = mid__pool_take(t->pool, MID__HEAD_BYTES + bytes, site, status);
        pthread_mutex_lock(&t->lock);
        if (h == NULL)
            return NULL;
        mid__head_set(h, bytes, 0);
        t->stats.large_handles++;
        t->stats.large_bytes += bytes;
        return h;
    }
    *status = have_room(t, extent, site);
    if (*status != MID_OK)
        return NULL;
    struct mid__segment *s = t->filling;
    h = mid__segment_at(s, s->fill);
    if (t->slow)
        mid__shadow_open(h, extent);
    mid__head_set(h, bytes, s->fill);
    s->fill += (uint32_t)extent;
    s->live++;
    s->live_bytes += (uint32_t)extent;
    t->stats.live_bytes += extent;
    return h;
}

enum mid_status mid_handle_alloc(struct mid_handles *handles, size_t bytes, struct mid_handle *out)
{
    if (out != NULL)
        *out = (struct mid_handle){0, 0};
    if (handles == NULL || out == NULL)
        return MID_E_INVALID;
    if (bytes > BYTES_MAX)
        return MID_E_MEMORY;
    struct mid__handle_table *t = mid__handles_of(handles);
    enum mid_status status = MID_E_MEMORY;
    pthread_mutex_lock(&t->lock);
    uint32_t index = take_entry(t);
    t->pending += index != 0;
    struct mid__handle_head *h = index == 0 ? NULL : place(t, bytes, MID__RETURN_ADDRESS(), &status);
    t->pending -= index != 0;
    if (h != NULL) {
        t->generation += t->generation == UINT32_MAX ? 2 : 1;
        h->index = index;
        h->generation = t->generation;
        set_guard(t, h);
        if (t->slow)
            mid__shadow_close(h + 1, bytes);
        set_entry(mid__handle_entry(handles, index),
                  (uintptr_t)h | MID__HANDLE_LIVE | (t->slow ? MID__HANDLE_SLOW : 0));
        t->stats.handles++;
        t->stats.requested_bytes += bytes;
        t->stats.allocs++;
        *out = (struct mid_handle){index, t->generation};
        status = MID_OK;
    } else if (index != 0) {
        drop_entry(t, index);
    }
    mid__handles_unlock(t);
    return status;
}

/* ---- releasing */

void mid__handle_release_buffer(struct mid__handle_table *t, struct mid__handle_head *h)
{
    size_t bytes = mid__head_bytes(h), extent = mid__head_extent(t, h);
    struct mid__segment *s = mid__head_segment(h);
    t->stats.handles--;
    t->stats.requested_bytes -= bytes;
    t->stats.releases++;
    if (t->slow)
        mid__shadow_open(h, s == NULL ? MID__HEAD_BYTES + bytes : extent);
    if (s == NULL) {
        t->stats.large_handles--;
        t->stats.large_bytes -= bytes;
        mid__handles_gone(t, h, MID__HEAD_BYTES + bytes);
        return;
    }
    mid__head_bury(h, mid__head_place(h), extent);
    if (t->guard_bytes != 0 && !t->pool->watched)
        memset(h + 1, POISON_BYTE, extent - MID__HEAD_BYTES);
    if (t->slow)
        mid__shadow_close(h + 1, extent - MID__HEAD_BYTES);
    s->live--;
    s->live_bytes -= (uint32_t)extent;
    t->stats.live_bytes -= extent;
    mid__segment_settle(t, s);
}

void mid_handle_release(struct mid_handles *handles, struct mid_handle handle)
{
    if (handle.index == 0 && handle.generation == 0)
        return;
    struct mid__handle_table *t = mid__handles_of(handles);
    struct mid_pool *pool = t->pool;
    const void *overrun = NULL, *buffer = NULL;
    pthread_mutex_lock(&t->lock);
    uint64_t *entry = find_entry(t, handle), was = entry == NULL ? 0 : load(entry);
    bool open = entry != NULL && was >= MID__HANDLE_ONE;
    if (entry != NULL && !open) {
        struct mid__handle_head *h = head_of(was);
        overrun = mid__handle_check_guard(t, h);
        buffer = h + 1;
        drop_entry(t, handle.index);
        mid__handle_release_buffer(t, h);
        mid__handles_pack_at_release(t);
    }
    mid__handles_unlock(t);
    if (entry == NULL)
        report_stale(pool, handle, "release");
    else if (open)
        mid__misuse(pool, "handle.release_open", head_of(was) + 1, "release of the handle %u, which is open %u times",
                    handle.index, (unsigned)(was >> 48));
    else if (overrun != NULL)
        mid__misuse(pool, "handle.overrun", overrun, "a movable buffer was written to at its byte %td",
                    (const char *)overrun - (const char *)buffer);
}

void mid__handles_give_all(struct mid_pool *pool, size_t most)
{
    struct mid__handle_table *t = atomic_load_explicit(&pool->handles, memory_order_acquire);
    if (t == NULL)
        return;
    pthread_mutex_lock(&t->lock);
    for (uint32_t i = 1; i < t->used; i++) {
        uint64_t was = load(mid__handle_entry(&t->face, i));
        if ((was & MID__HANDLE_LIVE) == 0)
            continue;
        struct mid__handle_head *h = head_of(was);
        if (most != 0) {
            most--;
            mid__report(pool, "handle.leak", h + 1, "a movable buffer of %zu bytes, open %u times, is still out",
                        mid__head_bytes(h), (unsigned)(was >> 48));
        }
        drop_entry(t, i);
        mid__handle_release_buffer(t, h);
    }
    struct mid__segment *in_use[2] = {t->filling, t->packing};
    for (int i = 0; i < 2; i++)
        if (in_use[i] != NULL)
            mid__segment_retire(t, in_use[i]); /* it is empty, and goes to the pool */
    mid__handles_unlock(t);
}

/* ---- opening and closing: the long way. Note [Opening and moving] */

/* The count was taken, if there is an entry. */
void *mid__handle_open_slow(struct mid_handles *handles, struct mid_handle handle)
{
    struct mid__handle_table *t = mid__handles_of(handles);
    uint64_t *entry = mid__handle_entry(handles, handle.index);
    if (entry == NULL) {
        report_stale(t->pool, handle, "open");
        return NULL;
    }
    pthread_mutex_lock(&t->lock); /* waits for a move to end */
    uint64_t now = load(entry);
    bool live = find_entry(t, handle) != NULL, often = (now >> 48) > OPENS_MAX;
    void *memory = live && !often ? head_of(now) + 1 : NULL;
    if (memory == NULL)
        __atomic_fetch_sub(entry, MID__HANDLE_ONE, __ATOMIC_RELEASE);
    else if (t->slow)
        mid__shadow_open(memory, mid__head_bytes(head_of(now)));
    mid__handles_unlock(t);
    if (!live)
        report_stale(t->pool, handle, "open");
    else if (often)
        mid__misuse(t->pool, "handle.open_overflow", NULL, "the handle %u is open %u times", handle.index, OPENS_MAX);
    return memory;
}

/* The count was given back, if there is an entry. */
void mid__handle_close_slow(struct mid_handles *handles, struct mid_handle handle)
{
    struct mid__handle_table *t = mid__handles_of(handles);
    uint64_t *entry = mid__handle_entry(handles, handle.index);
    if (entry == NULL) {
        report_stale(t->pool, handle, "close");
        return;
    }
    pthread_mutex_lock(&t->lock);
    uint64_t now = load(entry);
    bool live = find_entry(t, handle) != NULL, below = (now >> 48) > OPENS_MAX;
    if (!live || below)
        __atomic_fetch_add(entry, MID__HANDLE_ONE, __ATOMIC_RELAXED);
    else if (now < MID__HANDLE_ONE && t->slow)
        mid__shadow_close(head_of(now) + 1, mid__head_bytes(head_of(now)));
    mid__handles_unlock(t);
    if (!live)
        report_stale(t->pool, handle, "close");
    else if (below)
        mid__misuse(t->pool, "handle.close_from_zero", NULL, "close of the handle %u, which is not open", handle.index);
}

/* ---- questions */

size_t mid_handle_bytes(struct mid_handles *handles, struct mid_handle handle)
{
    struct mid__handle_table *t = mid__handles_of(handles);
    pthread_mutex_lock(&t->lock);
    uint64_t *entry = find_entry(t, handle);
    size_t bytes = entry == NULL ? 0 : mid__head_bytes(head_of(load(entry)));
    mid__handles_unlock(t);
    if (entry == NULL)
        report_stale(t->pool, handle, "question");
    return bytes;
}

enum mid_status mid_handles_pack_below(struct mid_handles *handles, unsigned percent)
{
    struct mid__handle_table *t = mid__handles_of(handles);
    if (t == NULL || percent > 90)
        return MID_E_INVALID;
    pthread_mutex_lock(&t->lock);
    t->pack_percent = percent;
    t->rest = 0;
    mid__handles_unlock(t);
    return MID_OK;
}

enum mid_status mid_handles_stats(struct mid_handles *handles, struct mid_handle_stats *stats)
{
    if (handles == NULL || stats->struct_size < sizeof stats->struct_size || stats->struct_size > sizeof *stats)
        return MID_E_INVALID;
    struct mid__handle_table *t = mid__handles_of(handles);
    pthread_mutex_lock(&t->lock);
    struct mid_handle_stats all = t->stats;
    all.table_bytes = sizeof *t + mid__align_up(t->used * sizeof(uint64_t), t->pool->arena.page_bytes);
    mid__handles_unlock(t);
    all.dead_bytes = all.segment_bytes - all.live_bytes;
    all.struct_size = stats->struct_size;
    memcpy(stats, &all, stats->struct_size);
    return MID_OK;
}
