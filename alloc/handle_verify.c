/* SPDX-License-Identifier: MIT
 *
 * handle_verify.c: recounts movable buffers from the heads in their segments and from the table, and compares what the
 * counters and lists say. Rules are named after the invariants at the head of handle.c; handle.overrun as when released.
 *
 * Segments are found through their lists, each segment's heads by their extents; a head that does not fit ends the walk of
 * its segment. Whether a damaged list leads anywhere is bounded by the number of segments.
 */
#include "handle.h"

#include <stdarg.h>

struct verifier {
    struct mid__handle_table *t;
    mid_broken_fn report;
    void *user;
    size_t findings;
    size_t segments, segment_bytes, live, live_bytes, requested; /* recounted in segments */
    size_t large, large_bytes, entries;                          /* and in the table */
};

static void broken(struct verifier *v, const char *rule, const void *address, const char *format, ...)
    MID__PRINTF(4, 5);

static void broken(struct verifier *v, const char *rule, const void *address, const char *format, ...)
{
    char detail[256];
    va_list list;
    va_start(list, format);
    vsnprintf(detail, sizeof detail, format, list);
    va_end(list);
    struct mid_broken finding = {sizeof finding, rule, detail, address};
    v->report(v->user, &finding);
    v->findings++;
}

static void same(struct verifier *v, const char *rule, const void *address, const char *what, size_t counted, size_t said)
{
    if (counted != said)
        broken(v, rule, address, "%s: counted %zu, recorded %zu", what, counted, said);
}

static uint64_t entry_of(struct verifier *v, uint32_t index)
{
    const uint64_t *entry = index < v->t->used ? mid__handle_entry(&v->t->face, index) : NULL;
    return entry == NULL ? 0 : __atomic_load_n(entry, __ATOMIC_RELAXED);
}

/* A head that has an index is the one that its entry means. */
static void verify_head(struct verifier *v, struct mid__handle_head *h, size_t at)
{
    uint64_t entry = entry_of(v, h->index);
    if ((entry & MID__HANDLE_LIVE) == 0 || (entry & MID__HANDLE_ADDRESS) != (uintptr_t)h || mid__head_place(h) != at)
        broken(v, "handle.I1", h, "a buffer has the handle %u, whose entry says %#llx, and the place %zu; it lies at %zu",
               h->index, (unsigned long long)entry, mid__head_place(h), at);
    const void *bad = mid__handle_check_guard(v->t, h);
    if (bad != NULL)
        broken(v, "handle.overrun", bad, "a movable buffer of %zu bytes was written beyond its end", mid__head_bytes(h));
}

static void verify_segment(struct verifier *v, struct mid__segment *s)
{
    size_t live = 0, live_bytes = 0, extent;
    for (size_t at = sizeof *s; at < s->fill; at += extent) {
        struct mid__handle_head *h = mid__segment_at(s, at);
        extent = mid__head_extent(v->t, h);
        if (extent > s->fill - at || extent % 16 != 0) {
            broken(v, "handle.I2", h, "a head at %zu covers %zu bytes, the segment is filled to %u", at, extent, s->fill);
            return;
        }
        if (h->index == 0)
            continue;
        verify_head(v, h, at);
        live++;
        live_bytes += extent;
        v->requested += mid__head_bytes(h);
    }
    same(v, "handle.I2", s, "live buffers of a segment", live, s->live);
    same(v, "handle.I2", s, "live bytes of a segment", live_bytes, s->live_bytes);
    if (s->fill > s->bytes)
        broken(v, "handle.I2", s, "a segment of %u bytes is filled to %u", s->bytes, s->fill);
    v->segments++;
    v->segment_bytes += s->bytes;
    v->live += live;
    v->live_bytes += live_bytes;
}

static void verify_list(struct verifier *v, uint32_t list)
{
    const struct mid__segment_list *l = &v->t->lists[list];
    const struct mid__segment *previous = NULL;
    size_t n = 0;
    for (struct mid__segment *s = l->head; s != NULL && n <= v->t->stats.segments; previous = s, s = s->next, n++) {
        uint64_t share = s->bytes == 0 ? 0 : (uint64_t)s->live_bytes * MID__SEGMENT_LISTS / s->bytes;
        if (s->list != list || s->previous != previous || s->live == 0 || (list < MID__SEGMENT_ASIDE && share != list))
            broken(v, "handle.I4", s, "a segment with %u buffers and %u of %u bytes live says list %u, and is on %u", s->live,
                   s->live_bytes, s->bytes, s->list, list);
        verify_segment(v, s);
    }
    same(v, "handle.I4", l, "segments on a list", n, l->count);
}

static void verify_entries(struct verifier *v)
{
    struct mid__handle_table *t = v->t;
    size_t live = 0, free_entries = 0, listed = 0;
    for (uint32_t i = 1; i < t->used; i++) {
        uint64_t entry = entry_of(v, i);
        if ((entry & MID__HANDLE_LIVE) == 0) {
            free_entries++;
            continue;
        }
        struct mid__handle_head *h = (struct mid__handle_head *)(uintptr_t)(entry & MID__HANDLE_ADDRESS);
        live++;
        if (h->index != i)
            broken(v, "handle.I1", h, "the entry of handle %u leads to a buffer of handle %u", i, h->index);
        if (mid__head_place(h) == 0) {
            v->large++;
            v->large_bytes += mid__head_bytes(h);
        }
    }
    for (uint32_t i = t->free_first; i != 0 && listed <= free_entries; listed++) {
        uint64_t entry = entry_of(v, i);
        if (i >= t->used || (entry & MID__HANDLE_LIVE) != 0) {
            broken(v, "handle.I3", t, "the entry %u is on the free list, and live or beyond the table", i);
            break;
        }
        i = (uint32_t)((entry & MID__HANDLE_ADDRESS) >> 4);
    }
    same(v, "handle.I3", t, "free entries, and those on the list", free_entries - t->pending, listed);
    same(v, "handle.I3", t, "free entries", listed, t->free_count);
    same(v, "handle.I1", t, "live entries, and buffers in segments", live - v->large, v->live);
    same(v, "handle.I5", t, "handles", live, t->stats.handles);
}

size_t mid__handles_verify(struct mid_pool *pool, mid_broken_fn report, void *user)
{
    struct mid__handle_table *t = atomic_load_explicit(&pool->handles, memory_order_acquire);
    if (t == NULL)
        return 0;
    struct verifier v = {.t = t, .report = report, .user = user};
    pthread_mutex_lock(&t->lock);
    struct mid__segment *in_use[2] = {t->filling, t->packing};
    for (int i = 0; i < 2; i++)
        if (in_use[i] != NULL) {
            if (in_use[i]->list != MID__SEGMENT_IN_USE)
                broken(&v, "handle.I4", in_use[i], "a segment that is being filled says list %u", in_use[i]->list);
            verify_segment(&v, in_use[i]);
        }
    for (uint32_t list = 0; list < MID__SEGMENT_IN_USE; list++)
        verify_list(&v, list);
    verify_entries(&v);
    same(&v, "handle.I5", t, "segments", v.segments, t->stats.segments);
    same(&v, "handle.I5", t, "bytes of segments", v.segment_bytes, t->stats.segment_bytes);
    same(&v, "handle.I5", t, "live bytes in segments", v.live_bytes, t->stats.live_bytes);
    same(&v, "handle.I5", t, "large movable buffers", v.large, t->stats.large_handles);
    same(&v, "handle.I5", t, "bytes of large movable buffers", v.large_bytes, t->stats.large_bytes);
    same(&v, "handle.I5", t, "requested bytes", v.requested + v.large_bytes, t->stats.requested_bytes);
    pthread_mutex_unlock(&t->lock);
    return v.findings;
}
