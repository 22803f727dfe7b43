/* SPDX-License-Identifier: MIT
 *
 * sites.c: who allocated what is alive, for one object in so many bytes.
 *
 *     nursery   | born ............ | due                  hot.limit is put at `due`: the fast path ends there by itself, and
 *                        hot.limit -^                      the object that goes beyond is sampled on the slow one
 *
 *     table of samples          tree of sites                            functions
 *     object -> site, weight    (root) - main - load - parse: figures    {name, script, address, line, column}
 *
 * The bytes of the nursery and those of old and large space are counted down apart, each with exponential distances: two
 * Poisson processes of the same rate are one of that rate. For that reason, too, an object that spans several distances is
 * one sample, and the next distance begins behind it: the process has no memory.
 *
 * The record of an object is an entry of a table like those of finalize.c: it follows moves, is taken out in bounded steps at a
 * death, and costs scavenges nothing unless the object is young. Sites are never given back: there are at most MID_SITES_MAX.
 *
 *   I1  the live figures of a site are the sums over the samples in the table that name it
 *   I2  a site's number is above its parent's
 *   I3  while sampling is on no object that holds the byte `due` is born by the fast path
 *
 * Source: V8's sampling heap profiler and tcmalloc's have the same process and the same unbiasing. We count the live figures
 * as samples come and go, where V8 recomputes them from its list; and our frames may be the C stack's.
 */
#include "internal.h"

#include <midden/internal/sampling.h>

#include <stdlib.h>
#include <string.h>
#include <unwind.h>

#define SEED 0x9e3779b97f4a7c15u

enum mid_status mid_heap_sample(struct mid_heap *heap, size_t mean_bytes)
{
    struct mid__sampler *s = &heap->sampler;
    if (mean_bytes > SIZE_MAX / 4)
        return MID_E_INVALID;
    s->mean_bytes = mean_bytes;
    if (mean_bytes == 0)
        return MID_OK;
    s->last_mean_bytes = mean_bytes;
    if (s->random == 0)
        s->random = SEED;
    for (unsigned young = 0; young < 2; young++)
        s->due[young] = (young ? mid__nursery_born(heap) : heap->totals.allocated_bytes) +
                        (uint64_t)((double)mid__exponential(&s->random) / 1024 * (double)mean_bytes);
    mid__close_window(heap); /* it was opened without regard to `due` */
    return MID_OK;
}

size_t mid_heap_sample_bytes(const struct mid_heap *heap)
{
    return heap->sampler.last_mean_bytes;
}

/* ---- frames --------------------------------------------------------------------------------------------------------------- */

struct unwinding {
    struct mid_frame *frames;
    size_t count;
    uintptr_t caller;
    bool outside; /* the frames of the library itself are behind */
};

static _Unwind_Reason_Code take_frame(struct _Unwind_Context *context, void *user)
{
    struct unwinding *u = user;
    uintptr_t address = (uintptr_t)_Unwind_GetIP(context);
    u->outside |= address == u->caller;
    if (!u->outside || address == 0)
        return _URC_NO_REASON;
    u->frames[u->count++] = (struct mid_frame){.address = address - 1};
    return u->count == MID_FRAMES_MAX ? _URC_END_OF_STACK : _URC_NO_REASON;
}

static size_t unwind(const void *caller, struct mid_frame frames[MID_FRAMES_MAX])
{
    struct unwinding u = {.frames = frames, .caller = (uintptr_t)caller};
    (void)_Unwind_Backtrace(take_frame, &u);
    if (u.count == 0) /* code without unwind tables in between */
        frames[u.count++] = (struct mid_frame){.address = (uintptr_t)caller - 1};
    return u.count;
}

static size_t ask(struct mid_heap *heap, const void *caller, struct mid_frame frames[MID_FRAMES_MAX])
{
    if (heap->options.site == NULL)
        return unwind(caller, frames);
    heap->busy++;
    size_t count = heap->options.site(heap->options.site_user, frames, MID_FRAMES_MAX);
    heap->busy--;
    return count < MID_FRAMES_MAX ? count : MID_FRAMES_MAX;
}

/* ---- the tree --------------------------------------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_frame(const struct mid_frame *a, const struct mid_frame *b)
{
    return a->address == b->address && a->line == b->line && a->column == b->column && same_text(a->name, b->name) &&
           same_text(a->script, b->script);
}

/* The texts become our own; false: no memory. */
static bool copy_frame(struct mid_frame *to, const struct mid_frame *from)
{
    *to = *from;
    to->name = from->name == NULL ? NULL : strdup(from->name);
    to->script = from->script == NULL ? NULL : strdup(from->script);
    if ((to->name != NULL || from->name == NULL) && (to->script != NULL || from->script == NULL))
        return true;
    free((char *)(uintptr_t)to->name);
    free((char *)(uintptr_t)to->script);
    return false;
}

/* 0: no memory. */
static uint32_t function_of(struct mid__sampler *s, const struct mid_frame *frame)
{
    for (size_t i = s->function_count; i-- > 1;)
        if (same_frame(&s->functions[i], frame))
            return (uint32_t)i;
    if (s->function_count == s->function_capacity) {
        void *grown = mid__grow(s->functions, &s->function_capacity, s->function_count + 1, sizeof *s->functions);
        if (grown == NULL)
            return 0;
        s->functions = grown;
    }
    if (!copy_frame(&s->functions[s->function_count], frame))
        return 0;
    return (uint32_t)s->function_count++;
}

/* The child of `parent` for this frame; 0: no memory, or there are MID_SITES_MAX sites. */
static uint32_t child_of(struct mid__sampler *s, uint32_t parent, const struct mid_frame *frame)
{
    for (uint32_t i = s->sites[parent].first_child; i != 0; i = s->sites[i].next)
        if (same_frame(&s->functions[s->sites[i].function], frame))
            return i;
    uint32_t function = s->site_count > MID_SITES_MAX ? 0 : function_of(s, frame);
    if (function == 0)
        return 0;
    if (s->site_count == s->site_capacity) {
        void *grown = mid__grow(s->sites, &s->site_capacity, s->site_count + 1, sizeof *s->sites);
        if (grown == NULL)
            return 0;
        s->sites = grown;
    }
    uint32_t number = (uint32_t)s->site_count++;
    s->sites[number] = (struct mid__site){.parent = parent, .function = function, .next = s->sites[parent].first_child};
    s->sites[parent].first_child = number;
    return number;
}

static bool plant_root(struct mid__sampler *s)
{
    if (s->site_count != 0)
        return true;
    if (s->sites == NULL && (s->sites = mid__grow(NULL, &s->site_capacity, 1, sizeof *s->sites)) == NULL)
        return false;
    if (s->functions == NULL && (s->functions = mid__grow(NULL, &s->function_capacity, 1, sizeof *s->functions)) == NULL)
        return false;
    s->sites[0] = (struct mid__site){0};
    s->functions[0] = (struct mid_frame){0};
    s->site_count = s->function_count = 1;
    return true;
}

/* ---- a sample --------------------------------------------------------------------------------------------------------------- */

static void record(struct mid_heap *heap, struct mid_ref fresh, size_t bytes, const struct mid_frame *frames, size_t count)
{
    struct mid__sampler *s = &heap->sampler;
    uint32_t site = 0, child;
    if (!plant_root(s) || !mid__table_reserve(&s->table)) {
        s->lost++;
        return;
    }
    for (; count > 0 && (child = child_of(s, site, &frames[count - 1])) != 0; count--)
        site = child;
    if (site == 0) { /* the root has no figures of its own */
        s->lost++;
        return;
    }
    uint64_t weight = (uint64_t)((double)bytes / mid__sampled_share((double)bytes, (double)s->mean_bytes) + 0.5);
    struct mid__site *at = &s->sites[site];
    at->samples++;
    at->live_samples++;
    at->bytes += bytes;
    at->live_bytes += bytes;
    at->estimate += weight;
    at->live_estimate += weight;
    mid__table_add(heap, &s->table, (struct mid__watch){(uintptr_t)fresh.object, (void *)(uintptr_t)site, (void *)(uintptr_t)weight});
}

/* `fresh` was born on the slow path, and its `bytes` are counted. */
void mid__sample(struct mid_heap *heap, struct mid_ref fresh, size_t bytes, const void *caller)
{
    struct mid__sampler *s = &heap->sampler;
    struct mid_frame frames[MID_FRAMES_MAX];
    bool young = mid__is_young(heap, (uintptr_t)fresh.object);
    uint64_t born = young ? mid__nursery_born(heap) : heap->totals.allocated_bytes;
    if (born <= s->due[young])
        return;
    s->due[young] = born + (uint64_t)((double)mid__exponential(&s->random) / 1024 * (double)s->mean_bytes);
    record(heap, fresh, bytes, frames, ask(heap, caller, frames));
}

/* I3. `wanted` where a window would end otherwise. */
uintptr_t mid__sample_border(const struct mid_heap *heap, uintptr_t wanted)
{
    uint64_t born = mid__nursery_born(heap), due = heap->sampler.due[true];
    uint64_t room = due > born ? (due - born) & ~(uint64_t)7 : 0;
    return wanted - heap->hot.top > room ? heap->hot.top + room : wanted;
}

/* The object is dead, and still whole. */
void mid__sample_dead(struct mid_heap *heap, struct mid__watch *entry)
{
    struct mid__site *at = &heap->sampler.sites[(uintptr_t)entry->a];
    at->live_samples--;
    at->live_bytes -= mid__bytes_of(*mid__header_at(entry->object));
    at->live_estimate -= (uintptr_t)entry->b;
}

/* ---- who asks --------------------------------------------------------------------------------------------------------------- */

size_t mid_heap_sites(struct mid_heap *heap, mid_site_visit_fn visit, void *user)
{
    const struct mid__sampler *s = &heap->sampler;
    for (size_t i = 1; i < s->site_count; i++) {
        const struct mid__site *at = &s->sites[i];
        struct mid_site site = {
            .struct_size = sizeof site, .site = (uint32_t)i, .parent = at->parent, .function = at->function,
            .frame = &s->functions[at->function], .samples = at->samples, .sampled_bytes = at->bytes,
            .live_samples = at->live_samples, .live_sampled_bytes = at->live_bytes,
            .estimated_bytes = at->estimate, .live_estimated_bytes = at->live_estimate,
        };
        visit(user, &site);
    }
    return s->site_count == 0 ? 0 : s->site_count - 1;
}

static size_t home_of(uintptr_t object, size_t mask)
{
    return (size_t)((uint64_t)object * 0x9e3779b97f4a7c15u >> 24) & mask;
}

bool mid__sampled_index(const struct mid_heap *heap, struct mid__sampled **out, size_t *mask)
{
    const struct mid__table *table = &heap->sampler.table;
    size_t capacity = 16;
    *out = NULL;
    *mask = 0;
    if (table->count == 0)
        return true;
    while (capacity < 4 * table->count) /* nearly all that are looked for are not there: one look */
        capacity *= 2;
    struct mid__sampled *index = calloc(capacity, sizeof *index);
    if (index == NULL)
        return false;
    for (size_t i = 0; i < table->count; i++) {
        size_t at = home_of(table->entries[i].object, capacity - 1);
        while (index[at].object != 0)
            at = (at + 1) & (capacity - 1);
        index[at] = (struct mid__sampled){table->entries[i].object, (uint32_t)(uintptr_t)table->entries[i].a};
    }
    *out = index;
    *mask = capacity - 1;
    return true;
}

uint32_t mid__sampled_find(const struct mid__sampled *table, size_t mask, uintptr_t object)
{
    size_t at = home_of(object, mask);
    while (table[at].object != 0 && table[at].object != object)
        at = (at + 1) & mask;
    return table[at].object == object ? table[at].site : 0;
}

bool mid__sites_sound(const struct mid_heap *heap)
{
    const struct mid__sampler *s = &heap->sampler;
    bool sound = true;
    uint64_t (*sums)[3] = calloc(s->site_count + 1, sizeof *sums);
    if (sums == NULL)
        return true;
    for (size_t i = 0; i < s->table.count; i++) {
        uintptr_t site = (uintptr_t)s->table.entries[i].a;
        if (site == 0 || site >= s->site_count) {
            sound = false;
            continue;
        }
        sums[site][0]++;
        sums[site][1] += mid__bytes_of(*mid__header_at(s->table.entries[i].object));
        sums[site][2] += (uintptr_t)s->table.entries[i].b;
    }
    for (size_t i = 1; i < s->site_count; i++) {
        const struct mid__site *at = &s->sites[i];
        sound &= at->live_samples == sums[i][0] && at->live_bytes == sums[i][1] && at->live_estimate == sums[i][2] &&
                 at->parent < i && at->function < s->function_count;
    }
    free(sums);
    return sound;
}

void mid__sites_free(struct mid_heap *heap)
{
    struct mid__sampler *s = &heap->sampler;
    for (size_t i = 1; i < s->function_count; i++) {
        free((char *)(uintptr_t)s->functions[i].name);
        free((char *)(uintptr_t)s->functions[i].script);
    }
    free(s->functions);
    free(s->sites);
    free(s->table.entries);
}
