/* SPDX-License-Identifier: MIT
 *
 * pack.c: segments of movable buffers, and how sparse ones are emptied.
 *
 *     front | head a | head - | head b (open) | head -         | head c |   room       - is a dead stretch
 *
 *     slide      [ a | -      | b             | c |   room                      ]    down, within the segment
 *     evacuate   [ -                                                            ]    into the room of another; the
 *                                                                                     segment goes back to the pool
 *
 * Packing needs no memory, so it works when the pool is at its limit: one segment slides and becomes `packing`, others are
 * evacuated into its room, and when it is full the next one slides. An open buffer stays; a segment that holds one is put
 * aside for this round, and whole pages of its dead stretches go back to the system.
 *
 *     lists     0: up to 1/32 live    1    2    ...   31: more than 31/32     aside: seen in this round    queue
 *
 * A round puts all segments that are sparse (on release: by the option; on demand: up to 15/16 live) into a queue by
 * address, slides those in front and evacuates those at the end: then not only segments become free but whole regions,
 * with the pool's tables for them.
 *
 * Rumble, Kejriwal, Ousterhout 2014, sections 3 and 4 (log-structured memory, its cleaner; a log entry is live when the
 * table points to it). Departures: no age enters into which segment is cleaned; dead entries are marked in place, so that
 * cleaning reads no table; a segment can slide within itself instead of a reserve of free segments; cleaning is done by
 * the threads that release, or on demand, and not by threads of its own. The queue from both ends is that of two-finger
 * compaction (E. Saunders, "The LISP System for the Q-32 Computer", 1964), by segments.
 *
 * What this file does not do: it does not move large buffers, and does not wait for open ones.
 */
#include "handle.h"
#include "shadow.h"

#include <midden/internal/sys.h>

#include <string.h>

#define FRONT_BYTES   sizeof(struct mid__segment)
#define WHOLE_LISTS   30u /* of a whole packing: up to 15/16 live */
#define FEW_SEGMENTS  4u  /* the automatic policy leaves so few alone */
#define POISON_BYTE   0xdd

void mid__segment_start(struct mid__segment *s, size_t bytes)
{
    memset(s, 0, sizeof *s);
    s->bytes = (uint32_t)bytes;
    s->fill = FRONT_BYTES;
    s->list = MID__SEGMENT_IN_USE;
}

/* ---- lists */

static void push(struct mid__handle_table *t, struct mid__segment *s, uint32_t list)
{
    struct mid__segment_list *l = &t->lists[list];
    s->list = list;
    s->previous = NULL;
    s->next = l->head;
    if (l->head != NULL)
        l->head->previous = s;
    else
        l->tail = s;
    l->head = s;
    l->count++;
}

static void unlist(struct mid__handle_table *t, struct mid__segment *s)
{
    struct mid__segment_list *l = &t->lists[s->list];
    if (s->previous != NULL)
        s->previous->next = s->next;
    else
        l->head = s->next;
    if (s->next != NULL)
        s->next->previous = s->previous;
    else
        l->tail = s->previous;
    l->count--;
    s->list = MID__SEGMENT_IN_USE;
}

static uint32_t list_for(const struct mid__segment *s)
{
    return (uint32_t)((uint64_t)s->live_bytes * MID__SEGMENT_LISTS / s->bytes);
}

static void give_segment(struct mid__handle_table *t, struct mid__segment *s)
{
    t->stats.segments--;
    t->stats.segment_bytes -= s->bytes;
    if (t->slow)
        mid__shadow_open(s, s->bytes);
    mid__handles_gone(t, s, s->bytes);
}

void mid__segment_retire(struct mid__handle_table *t, struct mid__segment *s)
{
    if (s->live == 0)
        give_segment(t, s);
    else
        push(t, s, list_for(s));
}

void mid__segment_settle(struct mid__handle_table *t, struct mid__segment *s)
{
    if (s->list == MID__SEGMENT_IN_USE) {
        if (s->live == 0)
            s->fill = FRONT_BYTES;
        return;
    }
    if (s->live != 0 && (s->list >= MID__SEGMENT_ASIDE || s->list == list_for(s)))
        return;
    unlist(t, s);
    mid__segment_retire(t, s);
}

/* ---- one buffer: Note [Opening and moving] */

/* False when it is open. */
static bool begin_move(struct mid__handle_table *t, uint64_t *entry)
{
    uint64_t was = __atomic_load_n(entry, __ATOMIC_RELAXED);
    do {
        if (was >= MID__HANDLE_ONE) {
            t->stats.held_open++;
            return false;
        }
    } while (!__atomic_compare_exchange_n(entry, &was, was | MID__HANDLE_MOVING, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
    return true;
}

/* Moves a buffer, marked as moving, to `place` of a segment: the same one and further down, or another. */
static void move(struct mid__handle_table *t, uint64_t *entry, struct mid__handle_head *h, struct mid__segment *to, size_t place)
{
    struct mid__handle_head *there = mid__segment_at(to, place);
    size_t extent = mid__head_extent(t, h), bytes = mid__head_bytes(h);
    if (t->slow) {
        mid__shadow_open(h, extent);
        mid__shadow_open(there, extent);
    }
    memmove(there, h, extent);
    mid__head_set(there, bytes, place);
    if (t->slow)
        mid__shadow_close(there + 1, bytes);
    __atomic_fetch_add(entry, (uint64_t)(uintptr_t)there - (uint64_t)(uintptr_t)h - MID__HANDLE_MOVING, __ATOMIC_RELEASE);
    t->stats.moves++;
    t->stats.moved_bytes += extent;
}

/* ---- one segment */

/* What lies beyond the fill, or in a dead stretch, is nobody's. */
static void poison(struct mid__handle_table *t, void *from, void *end)
{
    size_t bytes = (size_t)((char *)end - (char *)from);
    if (!t->slow)
        return;
    if (t->pool->watched)
        mid__shadow_close(from, bytes);
    else
        memset(from, POISON_BYTE, bytes);
}

/* Whole pages of [from, end) go back to the system, unless the program gave the memory. */
static void give_pages(struct mid__handle_table *t, void *from, void *end)
{
    size_t page = t->pool->arena.page_bytes;
    uintptr_t first = mid__align_up((uintptr_t)from, page), last = (uintptr_t)end & ~(page - 1);
    if (!t->slow && !t->pool->arena.given && first < last)
        mid__sys_decommit((void *)first, last - first);
}

static void *end_of(struct mid__segment *s)
{
    return (char *)s + s->bytes;
}

/* Closed buffers go down as far as they can; the room gathers at the end. */
static void slide(struct mid__handle_table *t, struct mid__segment *s)
{
    size_t to = FRONT_BYTES, extent;
    for (size_t at = FRONT_BYTES; at < s->fill; at += extent) {
        struct mid__handle_head *h = mid__segment_at(s, at);
        extent = mid__head_extent(t, h);
        if (h->index == 0)
            continue;
        uint64_t *entry = mid__handle_entry(&t->face, h->index);
        if (at != to && begin_move(t, entry)) {
            move(t, entry, h, s, to);
            to += extent;
            continue;
        }
        if (at != to) {
            struct mid__handle_head *hole = mid__segment_at(s, to);
            if (t->slow)
                mid__shadow_open(hole, sizeof *hole);
            mid__head_bury(hole, to, at - to);
            poison(t, hole + 1, h);
        }
        to = at + extent;
    }
    s->fill = (uint32_t)to;
    poison(t, mid__segment_at(s, to), end_of(s));
}

/* A segment keeps what is open: what is dead between becomes one stretch each, whose pages go back. */
static void empty_around(struct mid__handle_table *t, struct mid__segment *s)
{
    struct mid__handle_head *dead = NULL;
    size_t from = 0, extent;
    for (size_t at = FRONT_BYTES; at <= s->fill; at += extent) {
        struct mid__handle_head *h = mid__segment_at(s, at);
        bool end = at == s->fill;
        extent = end ? 1 : mid__head_extent(t, h);
        if (!end && h->index == 0) {
            from = dead == NULL ? at : from;
            dead = dead == NULL ? h : dead;
            continue;
        }
        if (dead != NULL && end) {
            s->fill = (uint32_t)from;
        } else if (dead != NULL) {
            mid__head_bury(dead, from, at - from);
            give_pages(t, dead + 1, h);
        }
        dead = NULL;
        if (end)
            break;
    }
    poison(t, mid__segment_at(s, s->fill), end_of(s));
    give_pages(t, mid__segment_at(s, s->fill), end_of(s));
}

/* `s` slides and takes the place of `packing`. */
static void take_over(struct mid__handle_table *t, struct mid__segment *s)
{
    slide(t, s);
    if (t->packing != NULL && t->packing->live == 0)
        give_segment(t, t->packing);
    else if (t->packing != NULL)
        push(t, t->packing, MID__SEGMENT_ASIDE);
    t->packing = s;
}

/* Empties a segment that is on no list; returns its bytes when it is gone. */
static size_t evacuate(struct mid__handle_table *t, struct mid__segment *s)
{
    struct mid__segment_list *queue = &t->lists[MID__SEGMENT_QUEUE];
    size_t extent, bytes = s->bytes;
    for (size_t at = FRONT_BYTES; at < s->fill; at += extent) {
        struct mid__handle_head *h = mid__segment_at(s, at);
        extent = mid__head_extent(t, h);
        if (h->index == 0)
            continue;
        struct mid__segment *to = t->packing;
        while (queue->tail != NULL && (to == NULL || to->fill + extent > to->bytes)) {
            struct mid__segment *lowest = queue->tail;
            unlist(t, lowest);
            take_over(t, lowest);
            to = lowest;
        }
        if (to == NULL || to->fill + extent > to->bytes) {
            take_over(t, s);
            return 0;
        }
        uint64_t *entry = mid__handle_entry(&t->face, h->index);
        if (!begin_move(t, entry))
            continue;
        move(t, entry, h, to, to->fill);
        to->fill += (uint32_t)extent;
        to->live++;
        to->live_bytes += (uint32_t)extent;
        mid__head_bury(h, at, extent);
        s->live--;
        s->live_bytes -= (uint32_t)extent;
    }
    if (s->live != 0) {
        empty_around(t, s);
        push(t, s, MID__SEGMENT_ASIDE);
        return 0;
    }
    give_segment(t, s);
    t->stats.freed_bytes += bytes;
    return bytes;
}

/* ---- rounds */

/* Merges two lists that are sorted by address, and linked by `next` alone. */
static struct mid__segment *merge(struct mid__segment *a, struct mid__segment *b)
{
    struct mid__segment *first = NULL, **link = &first;
    while (a != NULL && b != NULL) {
        struct mid__segment **lower = a < b ? &a : &b;
        *link = *lower;
        link = &(*lower)->next;
        *lower = (*lower)->next;
    }
    *link = a != NULL ? a : b;
    return first;
}

/* Moves all segments of the first `lists` lists to the queue: sorted by merging lists of 1, 2, 4, ... */
static void fill_queue(struct mid__handle_table *t, unsigned lists)
{
    struct mid__segment *sorted[64] = {NULL}, *all = NULL;
    for (unsigned i = 0; i < lists; i++)
        for (struct mid__segment *s; (s = t->lists[i].head) != NULL;) {
            unsigned k = 0;
            unlist(t, s);
            s->next = NULL;
            for (; sorted[k] != NULL; k++) {
                s = merge(sorted[k], s);
                sorted[k] = NULL;
            }
            sorted[k] = s;
        }
    for (unsigned k = 0; k < 64; k++)
        all = merge(sorted[k], all);
    while (all != NULL) { /* pushed in front: the highest address comes to stand at the head */
        struct mid__segment *s = all;
        all = s->next;
        push(t, s, MID__SEGMENT_QUEUE);
    }
}

static void put_back(struct mid__handle_table *t, uint32_t list)
{
    for (struct mid__segment *s; (s = t->lists[list].head) != NULL;) {
        unlist(t, s);
        mid__segment_retire(t, s);
    }
}

static void end_round(struct mid__handle_table *t)
{
    t->whole = false;
    put_back(t, MID__SEGMENT_QUEUE);
    put_back(t, MID__SEGMENT_ASIDE);
}

/* One segment from the end of the queue; false when the round is over. */
static bool pack_queued(struct mid__handle_table *t, size_t *freed)
{
    struct mid__segment *s = t->lists[MID__SEGMENT_QUEUE].head;
    if (s == NULL) {
        end_round(t);
        return false;
    }
    unlist(t, s);
    *freed += evacuate(t, s);
    return true;
}

/* Whether the room in sparse segments is enough to free one. */
static bool worth_packing(const struct mid__handle_table *t, unsigned lists)
{
    size_t room = t->packing == NULL ? 0 : t->packing->bytes - t->packing->fill, least = SIZE_MAX;
    for (unsigned i = 0; i < lists; i++)
        for (const struct mid__segment *s = t->lists[i].head; s != NULL; s = s->next) {
            room += s->bytes - FRONT_BYTES - s->live_bytes;
            least = s->bytes < least ? s->bytes : least;
        }
    return room >= least;
}

/* All that is sparse goes to the queue, `packing` as well: it may lie anywhere. */
static void begin_round(struct mid__handle_table *t)
{
    end_round(t); /* of releases */
    if (!worth_packing(t, WHOLE_LISTS))
        return;
    t->whole = true;
    if (t->packing != NULL)
        mid__segment_retire(t, t->packing);
    t->packing = NULL;
    fill_queue(t, WHOLE_LISTS);
}

void mid__handles_pack_at_release(struct mid__handle_table *t)
{
    if (t->stats.live_bytes * 100 >= t->stats.segment_bytes * t->pack_percent || t->stats.segments <= FEW_SEGMENTS)
        return;
    if (t->rest != 0) {
        t->rest--;
        return;
    }
    unsigned lists = t->pack_percent * MID__SEGMENT_LISTS / 100 + 1;
    size_t freed = 0;
    if (t->lists[MID__SEGMENT_QUEUE].head == NULL)
        fill_queue(t, lists);
    if (pack_queued(t, &freed) && pack_queued(t, &freed))
        return;
    t->rest = t->stats.segments * 8; /* what is sparse is held open: look again later */
}

static size_t pack(struct mid__handle_table *t, size_t budget_bytes, bool *over)
{
    size_t freed = 0;
    pthread_mutex_lock(&t->lock);
    uint64_t before = t->stats.moved_bytes, moved = 0;
    if (!t->whole)
        begin_round(t);
    *over = t->lists[MID__SEGMENT_QUEUE].head == NULL;
    if (*over)
        end_round(t);
    while (!*over && (budget_bytes == 0 || moved < budget_bytes || freed == 0)) {
        *over = !pack_queued(t, &freed);
        moved = t->stats.moved_bytes - before;
        mid__handles_unlock(t); /* one segment at a time: others get their turn */
        pthread_mutex_lock(&t->lock);
    }
    struct mid__segment *in_use[2] = {t->packing, t->filling};
    for (int i = 0; *over && i < 2; i++)
        if (in_use[i] != NULL)
            give_pages(t, mid__segment_at(in_use[i], in_use[i]->fill), end_of(in_use[i]));
    mid__handles_unlock(t);
    return freed;
}

bool mid__handles_make_room(struct mid_pool *pool)
{
    struct mid__handle_table *t = atomic_load_explicit(&pool->handles, memory_order_acquire);
    bool over;
    return t != NULL && pack(t, MID__SEGMENT_BYTES, &over) != 0;
}

size_t mid_pool_pack(struct mid_pool *pool, size_t budget_bytes)
{
    struct mid__handle_table *t = atomic_load_explicit(&pool->handles, memory_order_acquire);
    bool over = false;
    size_t freed = t == NULL ? 0 : pack(t, budget_bytes, &over);
    if (over)
        mid_pool_trim(pool);
    return freed;
}
