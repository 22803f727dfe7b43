/* SPDX-License-Identifier: MIT
 *
 * finalize.c: what happens when an object is found dead: weak handles are cleared, finalizers wait for their turn, the
 * slices of buffers go back to their pool.
 *
 * Four tables watch objects (the fourth belongs to sites.c). In each, the entries of young objects come last, so that a scavenge looks at these alone:
 *
 *     | old and large ............ | young ........ |
 *     0                            old              count        (an entry crosses `old` when its object is promoted)
 *
 * At a death, in this order: (1) weak handles to the dead are cleared; (2) the finalizers of the dead are queued, and
 * what they refer to is kept: from here on it is alive; (3) buffers that are dead even so are queued for release. The
 * queues have room reserved when the object is first watched: a collection allocates nothing. They are worked off outside
 * the collection, one entry at a time, since each may run the program and collect again: all that waits after a collection
 * that was asked for, a bounded part with each window of the nursery.
 *
 *   I1  entries [0, old) watch no young object, entries [old, count) nothing but young ones
 *   I2  release_bytes == the slices of those that wait for release; array_buffers == the slices of the buffers in the table and of those that wait for release; external >= it
 *   I3  releases has room for all buffers, waiting for all finalizers
 *
 * Source for (2): Atkins 1988 and Java's order; resurrection as stated in heap.h.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

bool mid__table_reserve(struct mid__table *table)
{
    if (table->count < table->capacity)
        return true;
    struct mid__watch *grown =
        mid__grow(table->entries, &table->capacity, table->count + 1, sizeof(struct mid__watch));
    if (grown == NULL)
        return false;
    table->entries = grown;
    return true;
}

/* `moved` is told when an entry gets another place; only the table of weak handles cares. */
typedef void moved_fn(struct mid__watch *entry, size_t index);
typedef void dead_fn(struct mid_heap *heap, struct mid__watch *entry);

static void no_matter(struct mid__watch *entry, size_t index)
{
    (void)entry;
    (void)index;
}

static void weak_moved(struct mid__watch *entry, size_t index)
{
    struct mid_weak *weak = entry->a;
    weak->index = index;
    weak->object = entry->object;
}

static void put(struct mid__table *table, size_t index, struct mid__watch entry, moved_fn *moved)
{
    table->entries[index] = entry;
    moved(&table->entries[index], index);
}

static void add(struct mid_heap *heap, struct mid__table *table, struct mid__watch entry, moved_fn *moved)
{
    if (mid__is_young(heap, entry.object)) {
        put(table, table->count++, entry, moved);
        return;
    }
    if (table->old < table->count)
        put(table, table->count, table->entries[table->old], moved);
    table->count++;
    put(table, table->old++, entry, moved);
}

static void scavenge_table(struct mid_heap *heap, struct mid__table *table, dead_fn *dead, moved_fn *moved)
{
    size_t out = table->old;
    for (size_t i = table->old; i < table->count; i++) {
        struct mid__watch entry = table->entries[i];
        uintptr_t now = mid__nursery_forwarded(heap, entry.object);
        if (now == 0) {
            dead(heap, &entry);
            continue;
        }
        entry.object = now;
        if (mid__is_young(heap, now)) {
            put(table, out++, entry, moved);
            continue;
        }
        if (out != table->old)
            put(table, out, table->entries[table->old], moved);
        put(table, table->old++, entry, moved);
        out++;
    }
    table->count = out;
}

/* Takes entry `index` out; the last of its part takes its place. */
static void forget(struct mid__table *table, size_t index, moved_fn *moved)
{
    size_t last = --table->count;
    if (index < table->old) {
        size_t last_old = --table->old;
        if (index != last_old)
            put(table, index, table->entries[last_old], moved);
        index = last_old;
    }
    if (index != last)
        put(table, index, table->entries[last], moved);
}

/* Takes unmarked old entries out, from the end, *budget entries at most; true when all are looked at. */
static bool settle_table(struct mid_heap *heap, struct mid__table *table, size_t *budget, dead_fn *dead, moved_fn *moved)
{
    if (table->cursor > table->old)
        table->cursor = table->old;
    for (; table->cursor > 0; table->cursor--) {
        if (*budget == 0)
            return false;
        --*budget;
        struct mid__watch entry = table->entries[table->cursor - 1];
        if (mid__bit_get(entry.object, mid__mark_side(heap)))
            continue;
        forget(table, table->cursor - 1, moved);
        dead(heap, &entry);
    }
    return true;
}

/* ---- the three deaths ------------------------------------------------------------------------------------------------------- */

static void clear_weak(struct mid_heap *heap, struct mid__watch *entry)
{
    struct mid_weak *weak = entry->a;
    weak->object = 0;
    if (weak->cleared != NULL) {
        weak->waiting = true;
        weak->next = heap->cleared;
        heap->cleared = weak;
    }
    heap->counting->weaks_cleared++;
}

static void queue_finalizer(struct mid_heap *heap, struct mid__watch *entry)
{
    if (heap->waiting_count == heap->waiting_capacity) { /* there is room at the front: I3 */
        heap->waiting_count -= heap->waiting_first;
        memmove(heap->waiting, heap->waiting + heap->waiting_first, heap->waiting_count * sizeof *heap->waiting);
        if (heap->waiting_limit != SIZE_MAX) {
            heap->waiting_limit -= heap->waiting_first;
            heap->waiting_shaded -= heap->waiting_first;
        }
        heap->mark.waiting_left -= heap->mark.waiting_left < heap->waiting_first ? heap->mark.waiting_left : heap->waiting_first;
        heap->waiting_first = 0;
    }
    mid_finalizer_fn fn;
    memcpy(&fn, &entry->a, sizeof fn);
    heap->waiting[heap->waiting_count++] = (struct mid__waiting){mid__ref(entry->object), fn, entry->b};
    heap->counting->finalizers_queued++;
}

static void queue_release(struct mid_heap *heap, struct mid__watch *entry)
{
    struct mid_slice *slice = &heap->releases[heap->release_count++];
    memcpy(slice, (void *)(entry->object + MID__WORD), sizeof *slice);
    heap->release_bytes += slice->bytes;
    heap->counting->buffers_released++;
}

void mid__watched_scavenge(struct mid_heap *heap)
{
    scavenge_table(heap, &heap->weaks, clear_weak, weak_moved);
    size_t before = heap->waiting_count - heap->waiting_first;
    scavenge_table(heap, &heap->finalizers, queue_finalizer, no_matter);
    for (size_t i = heap->waiting_first + before; i < heap->waiting_count; i++)
        mid__nursery_keep(heap, &heap->waiting[i].object);
    mid__nursery_drain(heap);
    mid__ephemeron_scavenged(heap);
    scavenge_table(heap, &heap->buffers, queue_release, no_matter);
    scavenge_table(heap, &heap->sampler.table, mid__sample_dead, no_matter);
}

void mid__table_add(struct mid_heap *heap, struct mid__table *table, struct mid__watch entry)
{
    add(heap, table, entry, no_matter);
}

bool mid__settle_weaks(struct mid_heap *heap, size_t *budget)
{
    return settle_table(heap, &heap->weaks, budget, clear_weak, weak_moved);
}

/* Queued alone: were they shaded now, the second finalizer of the same object would take it for alive. */
bool mid__settle_finalizers(struct mid_heap *heap, size_t *budget)
{
    return settle_table(heap, &heap->finalizers, budget, queue_finalizer, no_matter);
}

bool mid__settle_rescue(struct mid_heap *heap, size_t *budget)
{
    for (; heap->waiting_shaded < heap->waiting_count; heap->waiting_shaded++) {
        uintptr_t object = (uintptr_t)heap->waiting[heap->waiting_shaded].object.object;
        if (*budget == 0)
            return false;
        --*budget;
        if (!mid__is_young(heap, object))
            mid__mark_shade(heap, object);
    }
    return true;
}

bool mid__settle_buffers(struct mid_heap *heap, size_t *budget)
{
    return settle_table(heap, &heap->buffers, budget, queue_release, no_matter);
}

bool mid__settle_samples(struct mid_heap *heap, size_t *budget)
{
    return settle_table(heap, &heap->sampler.table, budget, mid__sample_dead, no_matter);
}

/* ---- outside the collection ------------------------------------------------------------------------------------------------- */

static void release_slices(struct mid_heap *heap, size_t most)
{
    while (heap->release_count > 0 && most-- > 0) {
        heap->proof = MID__PROOF_NONE; /* the slice may have a callback of the program's */
        struct mid_slice slice = heap->releases[--heap->release_count];
        heap->external -= slice.bytes;
        heap->array_buffers -= slice.bytes;
        heap->release_bytes -= slice.bytes;
        mid_slice_release(&slice);
    }
}

static void call_cleared(struct mid_heap *heap, size_t most)
{
    while (heap->cleared != NULL && most-- > 0) {
        struct mid_weak *weak = heap->cleared;
        heap->cleared = weak->next;
        weak->waiting = false;
        if (weak->released)
            free(weak);
        else
            weak->cleared(weak->user, heap, weak);
        heap->proof = MID__PROOF_NONE;
    }
}

/* The finalizer gets the object as an argument, where a marking that has not read the queue yet would not find it. */
static void finalize_next(struct mid_heap *heap)
{
    struct mid__waiting next = heap->waiting[heap->waiting_first++];
    struct mid_scope scope;
    if (heap->phase == MID__MARK && !mid__is_young(heap, (uintptr_t)next.object.object))
        mid__mark_shade(heap, (uintptr_t)next.object.object);
    mid_scope_begin(heap, &scope);
    next.fn(next.user, heap, next.object);
    mid_scope_end(heap, &scope);
    heap->proof = MID__PROOF_NONE;
}

static size_t finalize(struct mid_heap *heap, size_t most)
{
    if (heap->finalizing || heap->busy != 0)
        return 0;
    heap->finalizing = true;
    size_t ran = 0;
    for (; ran < most && heap->waiting_first < heap->waiting_count && heap->waiting_first < heap->waiting_limit; ran++)
        finalize_next(heap);
    if (heap->waiting_first == heap->waiting_count && heap->waiting_limit == SIZE_MAX)
        heap->waiting_first = heap->waiting_count = heap->mark.waiting_left = 0;
    heap->finalizing = false;
    return ran;
}

size_t mid_heap_finalize(struct mid_heap *heap)
{
    return finalize(heap, SIZE_MAX);
}

static void after_collection(struct mid_heap *heap, size_t most)
{
    bool runs = !heap->options.manual_finalizers && heap->waiting_first < heap->waiting_count;
    if (heap->busy != 0 || (heap->release_count == 0 && heap->cleared == NULL && !runs))
        return;
    mid__pauses_after_begin(heap);
    release_slices(heap, most);
    call_cleared(heap, most);
    if (!heap->options.manual_finalizers)
        finalize(heap, most);
    mid__pauses_after_end(heap);
}

void mid__after_collection(struct mid_heap *heap)
{
    after_collection(heap, SIZE_MAX);
}

/* With each window of the nursery. A window has room for no more than so many objects that could come to wait, so that what
 * waits gets less in the long run. */
#define MOST_A_WINDOW 1024u

void mid__after_collection_some(struct mid_heap *heap)
{
    after_collection(heap, MOST_A_WINDOW);
}

/* ---- finalizers --------------------------------------------------------------------------------------------------------------- */

enum mid_status mid_finalizer_add(struct mid_heap *heap, struct mid_ref object, mid_finalizer_fn fn, void *user)
{
    if (fn == NULL || mid_is_null(object))
        return MID_E_INVALID;
    size_t wanted = heap->finalizers.count + 1 + heap->waiting_count - heap->waiting_first;
    if (wanted > heap->waiting_capacity) {
        void *grown = mid__grow(heap->waiting, &heap->waiting_capacity, wanted, sizeof *heap->waiting);
        if (grown == NULL)
            return MID_E_MEMORY;
        heap->waiting = grown;
    }
    if (!mid__table_reserve(&heap->finalizers))
        return MID_E_MEMORY;
    struct mid__watch entry = {(uintptr_t)object.object, NULL, user};
    memcpy(&entry.a, &fn, sizeof entry.a);
    add(heap, &heap->finalizers, entry, no_matter);
    return MID_OK;
}

/* ---- weak handles --------------------------------------------------------------------------------------------------------------- */

struct mid_weak *mid_weak_new(struct mid_heap *heap, struct mid_ref ref, const char *label, mid_weak_fn cleared, void *user)
{
    if (!mid__table_reserve(&heap->weaks))
        return NULL;
    struct mid_weak *weak = calloc(1, sizeof *weak);
    if (weak == NULL)
        return NULL;
    weak->label = label;
    weak->cleared = cleared;
    weak->user = user;
    weak->object = (uintptr_t)ref.object;
    weak->all_next = heap->weak_handles;
    if (weak->all_next != NULL)
        weak->all_next->all_prev = weak;
    heap->weak_handles = weak;
    heap->weak_count++;
    if (weak->object != 0)
        add(heap, &heap->weaks, (struct mid__watch){weak->object, weak, NULL}, weak_moved);
    return weak;
}

struct mid_ref mid_weak_get(struct mid_heap *heap, struct mid_weak *weak)
{
    if (heap->phase != MID__MARK || weak->object == 0 || mid__is_young(heap, weak->object))
        return mid__ref(weak->object);
    if (heap->mark.stage == MID__STAGE_WEAK && !mid__bit_get(weak->object, mid__mark_side(heap)))
        return mid_null(); /* dead; its turn to be cleared has not come */
    mid__mark_shade(heap, weak->object);
    return mid__ref(weak->object);
}

void mid_weak_release(struct mid_heap *heap, struct mid_weak *weak)
{
    if (weak == NULL)
        return;
    if (weak->object != 0)
        forget(&heap->weaks, weak->index, weak_moved);
    if (weak->all_next != NULL)
        weak->all_next->all_prev = weak->all_prev;
    if (weak->all_prev != NULL)
        weak->all_prev->all_next = weak->all_next;
    else
        heap->weak_handles = weak->all_next;
    heap->weak_count--;
    if (weak->waiting)
        weak->released = true; /* call_cleared frees it */
    else
        free(weak);
}

/* ---- buffers -------------------------------------------------------------------------------------------------------------------- */

static bool reserve_buffer(struct mid_heap *heap)
{
    size_t wanted = heap->buffers.count + 1 + heap->release_count;
    if (wanted > heap->release_capacity) {
        void *grown = mid__grow(heap->releases, &heap->release_capacity, wanted, sizeof *heap->releases);
        if (grown == NULL)
            return false;
        heap->releases = grown;
    }
    return mid__table_reserve(&heap->buffers);
}

struct mid_ref mid_buffer_new(struct mid_heap *heap, struct mid_slice slice)
{
    struct mid_ref buffer = mid_new(heap, heap->buffer_type);
    if (mid_is_null(buffer))
        return buffer;
    if (!reserve_buffer(heap)) { /* the object without an entry is plain garbage */
        mid__refuse(heap, sizeof slice, "the system has no memory for the table of buffers");
        return mid_null();
    }
    memcpy(mid_data(buffer), &slice, sizeof slice);
    add(heap, &heap->buffers, (struct mid__watch){(uintptr_t)buffer.object, NULL, NULL}, no_matter);
    heap->array_buffers += slice.bytes;
    heap->external += slice.bytes;
    mid__pace_external(heap);
    return buffer;
}

const struct mid_slice *mid_buffer_slice(struct mid_heap *heap, struct mid_ref ref)
{
    if (mid_is_null(ref) || !mid_is_a(ref, heap->buffer_type))
        return NULL;
    return mid_data(ref);
}

enum mid_status mid_heap_adjust_external(struct mid_heap *heap, int64_t delta_bytes)
{
    size_t own = heap->external - heap->array_buffers;
    if (delta_bytes < 0) {
        if ((uint64_t)0 - (uint64_t)delta_bytes > own)
            return MID_E_INVALID;
        heap->external -= (size_t)0 - (size_t)delta_bytes;
        return MID_OK;
    }
    size_t sum;
    if (mid__add_overflows(heap->external, (size_t)delta_bytes, &sum))
        return MID_E_INVALID;
    heap->external = sum;
    mid__pace_external(heap);
    return MID_OK;
}

void mid__watched_free(struct mid_heap *heap)
{
    for (size_t i = 0; i < heap->buffers.count; i++)
        queue_release(heap, &heap->buffers.entries[i]);
    heap->buffers.count = heap->buffers.old = 0;
    release_slices(heap, SIZE_MAX);
    for (struct mid_weak *weak = heap->cleared, *next; weak != NULL; weak = next) {
        next = weak->next;
        if (weak->released)
            free(weak);
    }
    for (struct mid_weak *weak = heap->weak_handles, *next; weak != NULL; weak = next) {
        next = weak->all_next;
        free(weak);
    }
    free(heap->buffers.entries);
    free(heap->finalizers.entries);
    free(heap->weaks.entries);
    free(heap->releases);
    free(heap->waiting);
}
