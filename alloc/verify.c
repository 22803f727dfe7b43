/* SPDX-License-Identifier: MIT
 *
 * verify.c: recounts a pool from its tags and bitmaps, and compares what the counters and lists say. It uses none of the
 * counters to find its way, so that a wrong one cannot hide itself; a damaged list cannot make it loop.
 *
 * Pass 1 goes through all regions, unit by unit, and counts for each class and state. Pass 2 goes through the lists.
 * Pass 3 compares the sums. Rules are named after the invariants at the heads of the files: arena.I1 to I7, place.I1 to
 * I3, magazine.I1, class.I1 to I3, sequential.I1 to I4, and stats.sums, pool.overrun and pool.write_after_release.
 */
#include "handle.h"
#include "magazine.h"
#include "runs.h"
#include "stats.h"

#include <stdarg.h>
#include <string.h>

struct verifier {
    struct mid_pool *pool;
    mid_broken_fn report;
    void *user;
    size_t findings;
    /* recounted */
    struct {
        size_t slabs[4], taken, taken_bytes, slab_bytes;
    } classes[MID__CLASSES];
    size_t regions, open_regions, free_regions, used_bytes, spare_bytes, huge_bytes, empty_bytes, pages_out_bytes;
    size_t runs[MID__RUN_BINS];
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

/* ---- pass 1: slabs */

static void verify_buffer(struct verifier *v, const struct mid__class *c, struct mid__slab *s, size_t at, size_t extent)
{
    const struct mid__record *record = mid__record_of(c, s, at);
    if (record == NULL)
        return;
    struct mid__taken t = {s, at, extent, false};
    if (record->released_at != NULL || record->requested > extent) {
        broken(v, "pool.record", mid__taken_memory(&t), "a live buffer of %zu bytes has the record of one of %zu%s",
               extent, record->requested, record->released_at != NULL ? ", released" : "");
        return;
    }
    const void *bad = v->pool->watched ? NULL : mid__check_guard(&t, record->requested);
    if (bad != NULL)
        broken(v, "pool.overrun", bad, "a buffer of %zu bytes at %p, taken at %p, was written beyond its end",
               record->requested, mid__taken_memory(&t), record->taken_at);
}

/* Released places of a checked slab still hold their poison. Only the size-class policy can tell where they are. */
static void verify_poison(struct verifier *v, const struct mid__class *c, struct mid__slab *s)
{
    if (!v->pool->checked || v->pool->watched || c->bytes == 0)
        return;
    for (size_t slot = 0; slot < c->slots; slot++) {
        size_t at = slot * c->bytes, extent;
        const struct mid__record *record = mid__record_of(c, s, at);
        struct mid__taken t = {s, at, c->bytes, false};
        if (record->released_at == NULL || c->placement->look(c, s, at, &extent) != MID__PLACE_RELEASED)
            continue;
        const void *bad = mid__check_poison(&t, record->kept);
        if (bad != NULL)
            broken(v, "pool.write_after_release", bad,
                   "a buffer of %zu bytes at %p, taken at %p and released at %p, was written to afterwards",
                   record->requested, mid__taken_memory(&t), record->taken_at, record->released_at);
    }
}

static uint64_t word_at(_Atomic(uint64_t) *words, size_t w)
{
    return words == NULL ? 0 : atomic_load_explicit(&words[w], memory_order_relaxed);
}

/* place_class.c: I1 and I3. What lies beyond the words of a slab of several units would be another slab's. */
static void verify_starts(struct verifier *v, const struct mid__class *c, const struct mid__slab *s)
{
    _Atomic(uint64_t) *starts = mid__slab_starts(s), *hidden = mid__slab_hidden(s);
    size_t words = (s->units == 0 ? 1 : s->units) * (size_t)MID__UNIT_STARTS, before = s->fill * (size_t)64 * MID__CLASS_STEP_BYTES;
    for (size_t w = 0; w < words; w++) {
        if ((word_at(starts, w) & word_at(hidden, w)) != 0)
            broken(v, "class.I1", mid__slab_memory(s), "a bit of word %zu is set twice", w);
        for (uint64_t bits = word_at(starts, w) | word_at(hidden, w); bits != 0; bits &= bits - 1) {
            size_t extent, at = (w * 64 + mid__ctz64(bits)) * MID__CLASS_STEP_BYTES;
            if (c->placement->look(c, s, at, &extent) == MID__PLACE_NONE)
                broken(v, "class.I1", mid__slab_memory(s), "a bit is set at offset %zu, where no slot begins", at);
        }
    }
    for (size_t slot = 0; slot < c->slots && slot * c->bytes < before; slot++) {
        size_t extent;
        if (c->placement->look(c, s, slot * c->bytes, &extent) != MID__PLACE_LIVE)
            broken(v, "class.I3", mid__slab_memory(s), "there is a hole before word %u", s->fill);
    }
}

/* The invariants of the sequential bitmaps, and of the size-class ones. */
static void verify_bitmap(struct verifier *v, const struct mid__class *c, const struct mid__slab *s)
{
    if (c->slots != 0) {
        verify_starts(v, c, s);
        return;
    }
    _Atomic(uint64_t) *words = mid__slab_words(s);
    size_t half = c->placement->unit_words / 2;
    for (size_t w = 0; w < half; w++)
        if ((atomic_load_explicit(&words[half + w], memory_order_relaxed) &
             ~atomic_load_explicit(&words[w], memory_order_relaxed)) != 0)
            broken(v, "sequential.I1", mid__slab_memory(s), "a live bit in word %zu has no start", w);
    if (s->fill > MID_POOL_SLAB_BYTES || mid__bit_next(words, s->fill / 8, half * 64) != half * 64)
        broken(v, "sequential.I1", mid__slab_memory(s), "a buffer starts at or beyond the fill, %u", s->fill);
}

static void verify_slab(struct verifier *v, struct mid__class *c, struct mid__slab *s)
{
    void *memory = mid__slab_memory(s);
    size_t live = 0, bytes = 0, extent = 0, end = mid__slab_bytes(s);
    for (size_t at = 0; at < end; at += extent) {
        at = c->placement->next(c, s, at, &extent);
        if (at == MID__NOWHERE)
            break;
        if (s->units == 0)
            extent = end;
        if (extent == 0 || extent > end - at) {
            broken(v, "sequential.I3", memory, "a buffer at offset %zu has %zu bytes", at, extent);
            break;
        }
        verify_buffer(v, c, s, at, extent);
        live++;
        bytes += extent;
    }
    const char *rule = c->slots != 0 ? "class.I2" : "sequential.I2";
    same(v, rule, memory, "live buffers of a slab", live, s->live);
    same(v, rule, memory, "live bytes of a slab", bytes, (size_t)s->live_bytes);
    verify_bitmap(v, c, s);
    verify_poison(v, c, s);
    if (s->state > MID_POOL_SLAB_LARGE || c->placement->state(c, s) != s->state) {
        broken(v, "place.I1", memory, "a slab with %zu buffers is in state %d", live, s->state);
        return;
    }
    v->classes[c->id].slabs[s->state]++;
    v->classes[c->id].taken += live;
    v->classes[c->id].taken_bytes += bytes;
    *(s->state == MID_POOL_SLAB_EMPTY ? &v->empty_bytes : &v->classes[c->id].slab_bytes) += end;
    v->pages_out_bytes += (size_t)mid__popcount64(s->pages_out) * v->pool->arena.page_bytes;
}

/* ---- pass 1: regions */

static bool bit(const uint64_t *words, size_t i)
{
    return (words[i / 64] >> (i % 64)) & 1;
}

static unsigned tag_at(const struct mid__region *r, size_t unit)
{
    return atomic_load_explicit(&r->tags[unit], memory_order_relaxed);
}

/* One run: its tags and its bits. Returns its length in units. */
static size_t verify_run(struct verifier *v, struct mid__region *r, size_t at)
{
    struct mid__slab *s = &r->slabs[at];
    unsigned tag = tag_at(r, at);
    struct mid__class *c = tag <= MID__CLASSES ? &v->pool->classes[tag - 1] : NULL;
    if (c == NULL || s->units != c->units || s->units == 0 || s->index != at || s->region != r ||
        at + s->units > MID__REGION_UNITS) {
        broken(v, "arena.I2", s, "unit %zu has tag %u and says it begins %u units at %u", at, tag, s->units, s->index);
        return 1;
    }
    for (size_t i = 0; i < s->units; i++) {
        unsigned back = atomic_load_explicit(&r->backs[at + i], memory_order_relaxed);
        if (tag_at(r, at + i) != tag || back != i)
            broken(v, "arena.I2", s + i, "unit %zu of a run of class %u has tag %u and distance %u", i, tag - 1,
                   tag_at(r, at + i), back);
        if (!bit(r->used, at + i))
            broken(v, "arena.I2", s + i, "unit %zu is in a slab and not marked as used", at + i);
    }
    v->used_bytes += mid__slab_bytes(s);
    verify_slab(v, c, s);
    return s->units;
}

/* A run of spare units that ends before `end` is linked from its bin; whether the bin has no others is counted at last. */
static void verify_spare_run(struct verifier *v, struct mid__region *r, size_t end, uint32_t length)
{
    unsigned bin = mid__runs_bin(length);
    const struct mid__slab *s = &r->slabs[end - length];
    const struct mid__slab *link = s->previous == NULL ? v->pool->arena.runs[bin] : s->previous->next;
    if (link != s || s->region != r || s->index != end - length)
        broken(v, "arena.I7", s, "a run of %u spare units is not in its bin, %u", length, bin);
    v->runs[bin]++;
}

static void verify_runs(struct verifier *v)
{
    const struct mid__arena *a = &v->pool->arena;
    for (unsigned bin = 0; bin < MID__RUN_BINS; bin++) {
        size_t count = 0;
        for (const struct mid__slab *s = a->runs[bin]; s != NULL && count <= v->runs[bin]; s = s->next)
            count++;
        same(v, "arena.I7", a, "runs of spare units in a bin", v->runs[bin], count);
        if (((a->runs_map >> bin) & 1) != (v->runs[bin] != 0))
            broken(v, "arena.I7", a, "bin %u has %zu runs, and the map says otherwise", bin, v->runs[bin]);
    }
}

static void verify_units(struct verifier *v, struct mid__region *r)
{
    size_t free_units = 0, spare = 0, run = 0, longest = 0;
    uint32_t spare_run = 0;
    for (size_t i = 0; i < MID__REGION_UNITS; i++) {
        bool used = bit(r->used, i), touched = bit(r->touched, i);
        if (used && !touched)
            broken(v, "arena.I4", r, "unit %zu is used and not marked as touched", i);
        free_units += !used;
        spare += !used && touched;
        run = used ? 0 : run + 1;
        longest = run > longest ? run : longest;
        if (spare_run != 0 && (used || !touched))
            verify_spare_run(v, r, i, spare_run);
        spare_run = used || !touched ? 0 : spare_run + 1;
    }
    if (spare_run != 0)
        verify_spare_run(v, r, MID__REGION_UNITS, spare_run);
    for (size_t i = 0; i < MID__REGION_UNITS;) {
        if (tag_at(r, i) != 0) {
            i += verify_run(v, r, i);
            continue;
        }
        if (bit(r->used, i) && i >= r->first_unit && i < r->end_unit)
            broken(v, "arena.I2", r, "unit %zu is marked as used and in no slab", i);
        i++;
    }
    same(v, "arena.I1", r, "free units of a region", free_units, r->free_units);
    same(v, "arena.I1", r, "spare units of a region", spare, r->spare_units);
    if (longest > r->run_bound)
        broken(v, "arena.I6", r, "a run of %zu free units is longer than %u", longest, r->run_bound);
    if (r->open != (free_units != 0))
        broken(v, "arena.I3", r, "a region with %zu free units is %s", free_units, r->open ? "open" : "not open");
    v->open_regions += r->open;
    v->free_regions += free_units == MID__REGION_UNITS;
    v->spare_bytes += spare * MID_POOL_SLAB_BYTES;
}

static void verify_huge(struct verifier *v, struct mid__region *r)
{
    struct mid__slab *s = &r->slabs[0];
    if (tag_at(r, 0) == 0)
        return; /* its memory could not be unmapped */
    if (tag_at(r, 0) != MID__CLASS_HUGE + 1 || s->units != 0 || s->index != 0 || s->region != r) {
        broken(v, "arena.I2", s, "a mapping of %zu bytes has tag %u", r->bytes, tag_at(r, 0));
        return;
    }
    v->huge_bytes += r->bytes;
    verify_slab(v, &v->pool->classes[MID__CLASS_HUGE], s);
}

static void verify_regions(struct verifier *v)
{
    const struct mid__arena *a = &v->pool->arena;
    size_t reserved = 0, directory = 0, open = 0;
    for (struct mid__region *r = a->all; r != NULL; r = r->next) {
        v->regions++;
        reserved += r->bytes;
        uintptr_t key = (uintptr_t)r->memory >> MID__REGION_SHIFT;
        struct mid__leaf *leaf = atomic_load_explicit(&a->root[key >> MID__LEAF_SHIFT], memory_order_relaxed);
        if (leaf == NULL || atomic_load_explicit(&r->key, memory_order_relaxed) != key ||
            atomic_load_explicit(&leaf->regions[key % MID__LEAF_ENTRIES], memory_order_relaxed) != r)
            broken(v, "arena.I5", r, "the region at %p is not in the directory under its key", (void *)r->memory);
        if (r->huge)
            verify_huge(v, r);
        else
            verify_units(v, r);
    }
    for (size_t i = 0; i < MID__ROOT_ENTRIES; i++) {
        struct mid__leaf *leaf = atomic_load_explicit(&a->root[i], memory_order_relaxed);
        for (size_t k = 0; leaf != NULL && k < MID__LEAF_ENTRIES; k++)
            directory += atomic_load_explicit(&leaf->regions[k], memory_order_relaxed) != NULL;
    }
    for (struct mid__region *r = a->open; r != NULL && open <= v->regions; r = r->next_open)
        open++;
    verify_runs(v);
    same(v, "arena.I3", a, "regions on the open list", open, v->open_regions);
    same(v, "arena.I5", a, "regions in the directory", directory, v->regions);
    same(v, "arena.I1", a, "regions", v->regions, a->regions);
    same(v, "arena.I1", a, "reserved bytes", reserved, a->reserved_bytes);
}

/* ---- pass 2: lists */

static void verify_list(struct verifier *v, const struct mid__class *c, unsigned state)
{
    const struct mid__list *list = &c->lists[state];
    size_t n = 0, bound = v->classes[c->id].slabs[state];
    const struct mid__slab *previous = NULL;
    for (const struct mid__slab *s = list->head; s != NULL && n <= bound; previous = s, s = s->next, n++)
        if (s->region == NULL) {
            broken(v, "place.I1", s, "what is on list %u of class %u is no slab", state, c->id);
            return;
        } else if (s->state != state || mid__slab_tag(s) != c->id + 1u || s->previous != previous)
            broken(v, "place.I1", s, "a slab in state %d and of tag %u is on list %u of class %u", s->state,
                   mid__slab_tag(s), state, c->id);
    if (n <= bound && list->tail != previous)
        broken(v, "place.I1", list, "list %u of class %u does not end with its tail", state, c->id);
    same(v, "place.I1", list, "slabs on a list, and in that state", n, bound);
    same(v, "place.I1", list, "slabs on a list", n, list->count);
}

/* The magazines that cannot change meanwhile: those of the depot, and of caches whose thread is this one or has ended. */
static void verify_magazine(struct verifier *v, const struct mid__class *c, const struct mid__magazine *m, size_t count)
{
    for (size_t i = 0; m != NULL && i < count; i++) {
        void *p = m->slots[i];
        struct mid__slab *s = mid__arena_find(&v->pool->arena, p);
        size_t extent;
        if (count > MID__MAGAZINE_MAX || s == NULL || mid__slab_tag(s) != c->id + 1u ||
            c->placement->look(c, s, (size_t)((char *)p - mid__slab_memory(s)), &extent) != MID__PLACE_LIVE) {
            broken(v, "magazine.I1", p, "a magazine of class %u holds %p, which is no such buffer", c->id, p);
            return;
        }
        for (size_t k = 0; k < i; k++)
            if (m->slots[k] == p)
                broken(v, "magazine.I1", p, "a magazine of class %u holds %p twice", c->id, p);
    }
}

static void verify_magazines(struct verifier *v, const struct mid__cache *own, const struct mid__class *c)
{
    size_t depot = 0;
    pthread_mutex_lock(&v->pool->depot_lock);
    for (const struct mid__magazine *m = c->depot; m != NULL && depot <= c->taken; m = m->next) {
        verify_magazine(v, c, m, m->count);
        depot += m->count;
    }
    same(v, "magazine.I1", c, "buffers of a class in the depot", depot, c->depot_buffers);
    pthread_mutex_unlock(&v->pool->depot_lock);
    for (const struct mid__cache *cache = v->pool->caches; cache != NULL; cache = cache->next_of_pool) {
        const struct mid_cache_bin *bin = &cache->face.bins[c->id];
        if (cache != own && cache->in_use)
            continue;
        verify_magazine(v, c, mid__bin_loaded(bin), mid__bin_count(bin));
        verify_magazine(v, c, bin->previous, bin->previous == NULL ? 0 : bin->previous->count);
    }
}

/* ---- pass 3: sums */

static void verify_sums(struct verifier *v)
{
    struct mid_pool *pool = v->pool;
    const struct mid__arena *a = &pool->arena;
    size_t taken_bytes = 0;
    for (unsigned i = 0; i < MID__CLASSES; i++) {
        const struct mid__class *c = &pool->classes[i];
        same(v, "place.I2", c, "buffers of a class", v->classes[i].taken, c->taken);
        same(v, "place.I2", c, "bytes of a class", v->classes[i].taken_bytes, c->taken_bytes);
        same(v, "place.I3", c, "bytes of the slabs of a class", v->classes[i].slab_bytes, c->slab_bytes);
        taken_bytes += v->classes[i].taken_bytes;
    }
    same(v, "place.I2", pool, "bytes taken", taken_bytes, pool->taken_bytes);
    same(v, "place.I3", pool, "bytes of empty slabs", v->empty_bytes, pool->empty_bytes);
    same(v, "place.I3", pool, "pages given back", v->pages_out_bytes, pool->pages_out_bytes);
    same(v, "arena.I1", a, "used bytes", v->used_bytes + v->huge_bytes, a->used_bytes);
    same(v, "arena.I1", a, "spare bytes", v->spare_bytes, a->spare_bytes);
    same(v, "arena.I1", a, "committed bytes", v->used_bytes + v->huge_bytes + v->spare_bytes, a->committed_bytes);
    same(v, "arena.I1", a, "regions without a slab", v->free_regions, a->free_regions);
    if (a->committed_bytes > a->limit_bytes)
        broken(v, "arena.I1", a, "%zu bytes are committed, the limit is %zu", a->committed_bytes, a->limit_bytes);

    struct mid_pool_stats s;
    mid__stats_of_pool(pool, &s);
    same(v, "stats.sums", pool, "committed = slabs + large + empty + spare",
         s.slab_bytes + s.large_bytes + s.empty_bytes + s.spare_bytes, s.committed_bytes);
    same(v, "stats.sums", pool, "slabs + large = rounded + cached + pinned",
         s.rounded_bytes + s.cached_bytes + s.pinned_bytes, s.slab_bytes + s.large_bytes);
    if (s.requested_bytes > s.rounded_bytes || s.lost_bytes > s.pinned_bytes)
        broken(v, "stats.sums", pool, "requested %zu, rounded %zu, lost %zu, pinned %zu", s.requested_bytes,
               s.rounded_bytes, s.lost_bytes, s.pinned_bytes);
}

enum mid_status mid_pool_verify(struct mid_pool *pool, mid_broken_fn report, void *user)
{
    struct verifier v;
    memset(&v, 0, sizeof v);
    v.pool = pool;
    v.report = report != NULL ? report : pool->broken;
    v.user = report != NULL ? user : pool->broken_user;
    const struct mid__cache *own = mid__cache_had(pool);
    pthread_mutex_lock(&pool->lock);
    verify_regions(&v);
    for (unsigned i = 0; i < MID__CLASSES; i++)
        for (unsigned state = 0; state < 4; state++)
            verify_list(&v, &pool->classes[i], state);
    for (unsigned i = 0; i < MID__CLASSES; i++)
        verify_magazines(&v, own, &pool->classes[i]);
    verify_sums(&v);
    pthread_mutex_unlock(&pool->lock);
    v.findings += mid__handles_verify(pool, v.report, v.user);
    return v.findings == 0 ? MID_OK : MID_E_BROKEN;
}
