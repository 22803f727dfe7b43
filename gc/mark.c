/* SPDX-License-Identifier: MIT
 *
 * mark.c: finds what is live in old and large space, in steps of any size.
 *
 * Note [Snapshot at the beginning]
 * Marking begins right after a scavenge. At that moment all roots and all young objects are read, and every old object
 * that they refer to is made grey; the set of objects reachable *then* is the snapshot, and all of it will be marked.
 *   - A store into an old object while marking first marks the value that it deletes: no path of the snapshot is cut
 *     before the marker has gone along it (Yuasa 1990).
 *   - Objects that come to the old space while marking are black at birth; whatever they refer to was in the snapshot
 *     or is itself new. Young objects are not traced at all: the same holds for them.
 *   - A weak handle that is read while marking marks its object.
 * So when nothing grey is left, marking is finished: no rescan of roots or nursery, no pause whose length depends on what
 * the program did meanwhile. The price is that what dies during a marking is freed by the next one. (A Dijkstra barrier,
 * which marks the value stored, frees it sooner and must end with a pause that scans the roots and nursery again.)
 * A stop-the-world collection is the same with one step without bound.
 *
 * The grey objects:
 *     stack of parts of 510 addresses:  | part | <- below | part | <- top      `sliced`: one large array in progress
 *
 *   I1  every object reachable is black, or grey, or reachable from a grey one through white objects (old and large)
 *   I2  a mark bit is set only where a live bit is set
 *   I3  while IDLE all mark bits are clear
 *
 * Prefetching: an object popped from the stack waits in a ring while its header is fetched, and a reference found waits
 * in a second ring while its mark bits are fetched (Cher, Hosking and Vitek 2004 have one queue; the bits and the object
 * lie in different places here, hence two). In a heap that fits the cache the rings only cost: they are left out.
 *
 * Overflow: when no part can be had, the object is marked but not pushed, and `overflowed` says so. When the stack is
 * empty the marked objects are read again and what is found white below them is pushed. Slow, but no memory is needed.
 */
#include "internal.h"

#include <stdlib.h>

#define REF_RING    32u
#define OBJECT_RING 16u
#define PREFETCH_FROM_BYTES ((size_t)8 << 20)
#define SLICE_WORDS 256u
#define LOOK_BYTES  2048u /* with a pause target: so much is marked between two looks at the clock */

/* ---- the stack ------------------------------------------------------------------------------------------------------------- */

bool mid__mark_init(struct mid_heap *heap)
{
    struct mid__mark *m = &heap->mark;
    m->parts_max = heap->options.mark_stack_bytes / sizeof(struct mid__stack_part);
    if (m->parts_max == 0)
        m->parts_max = 1;
    m->top = calloc(1, sizeof *m->top);
    m->parts = 1;
    return m->top != NULL;
}

void mid__mark_free(struct mid_heap *heap)
{
    while (heap->mark.top != NULL) {
        struct mid__stack_part *below = heap->mark.top->below;
        free(heap->mark.top);
        heap->mark.top = below;
    }
    mid__mark_give_back(heap, SIZE_MAX);
}

#define KEPT_PART 128u /* of the old and large space, for the next marking: its first touches would be the dear part of a step */

/* Parts that a marking has emptied are kept for it, and what they are above a KEPT_PART-th of the heap is given back in small
 * numbers while the heap sweeps: a stack may have been tens of megabytes deep. SIZE_MAX: all. True when no more is to be. */
bool mid__mark_give_back(struct mid_heap *heap, size_t parts)
{
    struct mid__mark *m = &heap->mark;
    size_t keep = parts == SIZE_MAX ? 0 : mid__old_total(heap) / KEPT_PART / sizeof *m->top;
    for (; m->spare != NULL && m->parts > keep && parts > 0; parts--) {
        struct mid__stack_part *part = m->spare;
        m->spare = part->below;
        free(part);
        m->parts--;
    }
    return m->spare == NULL || m->parts <= keep;
}

static bool add_part(struct mid__mark *m)
{
    struct mid__stack_part *part = m->spare;
    if (part != NULL) {
        m->spare = part->below;
    } else {
        if (m->parts >= m->parts_max || (part = malloc(sizeof *part)) == NULL)
            return false;
        m->parts++;
    }
    part->below = m->top;
    part->count = 0;
    m->top = part;
    return true;
}

MID__INLINE void push(struct mid__mark *m, uintptr_t object)
{
    if (MID__UNLIKELY(m->top->count == MID__STACK_ENTRIES) && !add_part(m)) {
        m->overflowed = true;
        m->overflows++;
        return;
    }
    m->top->entries[m->top->count++] = object;
}

static bool drop_part(struct mid__mark *m)
{
    struct mid__stack_part *empty = m->top;
    if (empty->below == NULL)
        return false;
    m->top = empty->below;
    empty->below = m->spare;
    m->spare = empty;
    return true;
}

/* 0 when the stack is empty. */
MID__INLINE uintptr_t pop(struct mid__mark *m)
{
    if (MID__UNLIKELY(m->top->count == 0) && !drop_part(m))
        return 0;
    return m->top->entries[--m->top->count];
}

/* ---- colours --------------------------------------------------------------------------------------------------------------- */

/* White becomes grey, and black at once when it lies in a leaf block. The object is old or large. */
MID__INLINE void shade(struct mid_heap *heap, uintptr_t object)
{
    struct mid__mark *m = &heap->mark;
    uint64_t *word = mid__bit_word(object, mid__mark_side(heap)), mask = mid__bit_mask(object);
    if (*word & mask)
        return;
    *word |= mask;
    size_t leaf_words = mid__chunk_of(object)->leaf_words[(object & (MID__CHUNK_BYTES - 1)) / MID__BLOCK_BYTES];
    if (leaf_words == 0) {
        push(m, object);
        return;
    }
    m->leaf_bytes += leaf_words * MID__WORD;
    m->bytes[0] += leaf_words * MID__WORD;
    m->objects[0]++;
}

void mid__mark_shade(struct mid_heap *heap, uintptr_t object)
{
    if (MID__UNLIKELY(heap->crew_marks))
        mid__crew_shade(heap, object);
    else
        shade(heap, object);
}

MID__INLINE void shade_slot(void *context, struct mid_ref *slot)
{
    struct mid_heap *heap = context;
    uintptr_t object = (uintptr_t)slot->object;
    if (object != 0 && !mid__is_young(heap, object))
        shade(heap, object);
}

static void shade_traced(void *context, struct mid_ref *slot, const char *name, size_t index)
{
    (void)name;
    (void)index;
    shade_slot(context, slot);
}

static void shade_fields(void *context, uintptr_t object)
{
    mid__each_slot(context, object, *mid__header_at(object), shade_slot, context, shade_traced);
}

/* ---- the loop ----------------------------------------------------------------------------------------------------------------- */

struct drain {
    struct mid_heap *heap;
    unsigned ref_at, object_at;
    uintptr_t refs[REF_RING];
    uintptr_t objects[OBJECT_RING];
};

/* A reference is found: its mark bits are asked for now and looked at REF_RING references later. */
MID__INLINE void found(struct drain *d, uintptr_t object)
{
    if (object == 0 || mid__is_young(d->heap, object))
        return;
    MID__PREFETCH(mid__bit_word(object, mid__mark_side(d->heap)));
    uintptr_t oldest = d->refs[d->ref_at];
    d->refs[d->ref_at] = object;
    d->ref_at = (d->ref_at + 1) % REF_RING;
    if (MID__LIKELY(oldest != 0))
        shade(d->heap, oldest);
}

MID__INLINE void found_slot(void *context, struct mid_ref *slot)
{
    found(context, (uintptr_t)slot->object);
}

static void found_traced(void *context, struct mid_ref *slot, const char *name, size_t index)
{
    (void)name;
    (void)index;
    found(context, (uintptr_t)slot->object);
}

static void flush_refs(struct drain *d)
{
    for (unsigned i = 0; i < REF_RING; i++) {
        uintptr_t object = d->refs[d->ref_at];
        d->refs[d->ref_at] = 0;
        d->ref_at = (d->ref_at + 1) % REF_RING;
        if (object != 0)
            shade(d->heap, object);
    }
}

/* The stack is empty: what waits in the rings is all that is grey. The next object of theirs; 0 when none is left. */
static uintptr_t last_object(struct drain *d)
{
    flush_refs(d);
    uintptr_t object = pop(&d->heap->mark);
    for (unsigned i = 0; i < OBJECT_RING && object == 0; i++) {
        object = d->objects[d->object_at];
        d->objects[d->object_at] = 0;
        d->object_at = (d->object_at + 1) % OBJECT_RING;
    }
    return object;
}

/* The next grey object; with prefetching, one whose header has been on its way for a while. 0 when none is left. */
MID__INLINE uintptr_t next_object(struct drain *d, bool prefetch)
{
    struct mid__mark *m = &d->heap->mark;
    if (!prefetch)
        return pop(m);
    for (;;) {
        uintptr_t object = pop(m), oldest = d->objects[d->object_at];
        if (MID__UNLIKELY(object == 0))
            return last_object(d);
        MID__PREFETCH((const void *)object);
        d->objects[d->object_at] = object;
        d->object_at = (d->object_at + 1) % OBJECT_RING;
        if (MID__LIKELY(oldest != 0))
            return oldest;
    }
}

/* Scans one piece of the array in progress; what it is charged for: MID__ELEMENT_BYTES in internal.h. */
MID__INLINE size_t scan_slice(struct drain *d, bool prefetch)
{
    struct mid_heap *heap = d->heap;
    struct mid__mark *m = &heap->mark;
    struct mid_ref *payload = (struct mid_ref *)(m->sliced + MID__WORD);
    if (MID__UNLIKELY(mid__is_weak_table(heap, *mid__header_at(m->sliced))))
        return mid__ephemeron_slice(heap);
    size_t words = mid__payload_of(*mid__header_at(m->sliced)) / MID__WORD, from = m->sliced_word;
    size_t to = words - from < SLICE_WORDS ? words : from + SLICE_WORDS;
    for (size_t i = from; i < to; i++)
        if (prefetch)
            found(d, (uintptr_t)payload[i].object);
        else
            shade_slot(heap, &payload[i]);
    m->sliced_word = to;
    if (to == words)
        m->sliced = 0;
    return (to - from) * MID__ELEMENT_BYTES;
}

MID__INLINE size_t scan(struct drain *d, uintptr_t object, bool prefetch)
{
    struct mid_heap *heap = d->heap;
    struct mid__mark *m = &heap->mark;
    uint64_t header = *mid__header_at(object);
    size_t bytes = mid__bytes_of(header);
    m->bytes[mid__is_large(bytes)] += bytes;
    m->objects[mid__is_large(bytes)]++;
    if (MID__UNLIKELY((header & MID__EPHEMERAL) != 0))
        mid__ephemeron_black(heap, object, header);
    if (MID__UNLIKELY(mid__is_large(bytes))) {
        if ((header & MID__LAYOUT_MASK) == (uint64_t)MID__LAYOUT_REFS << MID__LAYOUT_SHIFT) {
            m->sliced = object;
            m->sliced_word = 0;
            return MID__WORD;
        }
        if ((header & MID__LAYOUT_MASK) == 0)
            return MID__WORD;
        const struct mid__type *type = &heap->types[mid__type_index(header)];
        if (type->trace == NULL && type->tail == MID_TAIL_REFS) {
            const struct mid_ref *payload = (const struct mid_ref *)(object + MID__WORD);
            for (uint32_t i = 0; i < type->field_count; i++)
                if (prefetch)
                    found(d, (uintptr_t)payload[type->fields[i].offset / MID__WORD].object);
                else
                    shade_slot(heap, (struct mid_ref *)(uintptr_t)&payload[type->fields[i].offset / MID__WORD]);
            m->sliced = object;
            m->sliced_word = type->fixed_bytes / MID__WORD;
            return MID__WORD;
        }
    }
    if (prefetch)
        mid__each_slot(heap, object, header, found_slot, d, found_traced);
    else
        mid__each_slot(heap, object, header, shade_slot, heap, shade_traced);
    return bytes;
}

static void shade_ref(void *heap, struct mid_ref *slot)
{
    if (slot->object != NULL && !mid__is_young(heap, (uintptr_t)slot->object))
        mid__mark_shade(heap, (uintptr_t)slot->object);
}

static void shade_ref_traced(void *heap, struct mid_ref *slot, const char *name, size_t index)
{
    (void)name;
    (void)index;
    shade_ref(heap, slot);
}

/* What helpers leave to the mutator: objects with a trace callback, weak tables and their keys. No table is in progress. */
size_t mid__mark_scan_odd(struct mid_heap *heap, uintptr_t object)
{
    uint64_t header = *mid__header_at(object);
    size_t bytes = mid__bytes_of(header);
    heap->mark.bytes[mid__is_large(bytes)] += bytes;
    heap->mark.objects[mid__is_large(bytes)]++;
    if (header & MID__EPHEMERAL)
        mid__ephemeron_black(heap, object, header);
    mid__each_slot(heap, object, header, shade_ref, heap, shade_ref_traced);
    return bytes + MID__WORD;
}

/* Note [Deadline]
 * A budget in bytes bounds a step's time only while bytes cost what they cost before. On a virtual machine some steps of T4
 * were seen in which every object took 12 us instead of 0.1, without a page fault, so that 128 KiB took 35 ms; why is not
 * known. Pages that come back from a swap do the same anywhere. So with a pause target a step also ends when it has taken
 * half of the target (mid__pace_late), at LOOK_BYTES at the earliest. What it leaves, later steps are asked for. */

/* Scans grey objects until some `budget` bytes are done, leaves included, the step is late, or none is left; true for the
 * latter. */
MID__INLINE bool drain(struct mid_heap *heap, size_t budget, bool prefetch)
{
    struct drain d = {.heap = heap};
    struct mid__mark *m = &heap->mark;
    size_t leaves = m->leaf_bytes;
    bool empty = false, timed = budget != SIZE_MAX && heap->options.pause_target_us != 0;
    size_t done = 0, look = timed && budget > LOOK_BYTES ? LOOK_BYTES : budget;
    for (;;) {
        size_t so_far = done + (m->leaf_bytes - leaves);
        if (MID__UNLIKELY(so_far >= look)) {
            if (so_far >= budget || mid__pace_late(heap))
                break;
            look = budget - so_far > LOOK_BYTES ? so_far + LOOK_BYTES : budget;
        }
        if (MID__UNLIKELY(m->sliced != 0)) {
            done += scan_slice(&d, prefetch);
            continue;
        }
        uintptr_t object = next_object(&d, prefetch);
        if (object == 0) {
            empty = true;
            break;
        }
        done += scan(&d, object, prefetch) + MID__WORD;
    }
    for (unsigned i = 0; i < OBJECT_RING; i++) /* what waits in the rings is grey: back on the stack */
        if (d.objects[i] != 0)
            push(m, d.objects[i]);
    flush_refs(&d);
    heap->work_bytes += done + (m->leaf_bytes - leaves);
    return empty;
}

/* ---- overflow --------------------------------------------------------------------------------------------------------------- */

/* Pushes what is white below a marked object, and goes on from there at once while the stack has room. */
static void rescan(void *context, uintptr_t object)
{
    struct mid_heap *heap = context;
    shade_fields(heap, object);
    if (*mid__header_at(object) & MID__EPHEMERAL)
        mid__ephemeron_black(heap, object, *mid__header_at(object));
    drain(heap, SIZE_MAX, false);
}

static void count_marked(void *context, uintptr_t object)
{
    struct mid__mark *m = &((struct mid_heap *)context)->mark;
    size_t bytes = mid__bytes_of(*mid__header_at(object));
    m->bytes[mid__is_large(bytes)] += bytes;
    m->objects[mid__is_large(bytes)]++;
}

/* Objects that were not pushed were not counted either: the counts are made anew. */
static void rescan_marked(struct mid_heap *heap)
{
    struct mid__mark *m = &heap->mark;
    while (m->overflowed) {
        m->overflowed = false;
        mid__old_each(heap, mid__mark_side(heap), rescan, heap);
    }
    m->bytes[0] = m->bytes[1] = m->objects[0] = m->objects[1] = 0;
    mid__old_each(heap, mid__mark_side(heap), count_marked, heap);
}

/* ---- the phases ----------------------------------------------------------------------------------------------------------------- */

static void found_fields(void *context, uintptr_t object)
{
    struct drain *d = context;
    mid__each_slot(d->heap, object, *mid__header_at(object), found_slot, d, found_traced);
}

static void shade_found(void *heap, uintptr_t object)
{
    shade(heap, object);
}

/* Takes the snapshot. A scavenge has just ended, nothing is left to sweep, and so all mark bits are clear. */
void mid__mark_begin(struct mid_heap *heap)
{
    struct mid__mark *m = &heap->mark;
    heap->phase = MID__MARK;
    heap->hot.interest_base = 0;
    heap->hot.interest_bytes = UINTPTR_MAX;
    m->bytes[0] = m->bytes[1] = m->leaf_bytes = 0;
    m->objects[0] = m->objects[1] = 0;
    m->stage = MID__STAGE_MARKING;
    m->root_part = heap->handles;
    m->waiting_left = heap->waiting_count;
    struct drain d = {.heap = heap};
    mid__roots_without_barrier(heap, found_slot, &d);
    mid__stack_each(heap, shade_found, heap);
    mid__nursery_each(heap, found_fields, &d);
    flush_refs(&d);
    mid__ephemeron_mark_begin(heap);
}

/* Reads roots that were left for later, as many as the budget allows; returns what is left of it. */
static size_t read_roots(struct mid_heap *heap, size_t budget)
{
    struct mid__mark *m = &heap->mark;
    while (m->root_part != NULL && budget != 0) {
        for (size_t i = 0; i < MID__HANDLES; i++)
            if (m->root_part->handles[i].used)
                shade_ref(heap, (struct mid_ref *)(uintptr_t)&m->root_part->handles[i].face.ref);
        m->root_part = m->root_part->next;
        budget -= budget < sizeof *m->root_part ? budget : sizeof *m->root_part;
    }
    if (m->waiting_left > heap->waiting_count)
        m->waiting_left = heap->waiting_count;
    for (; m->waiting_left > heap->waiting_first && budget != 0; budget -= budget < MID__WORD ? budget : MID__WORD)
        shade_ref(heap, &heap->waiting[--m->waiting_left].object);
    return budget;
}

bool mid__mark_drain(struct mid_heap *heap, size_t budget)
{
    bool large = heap->live_bytes[0] + heap->live_bytes[1] >= PREFETCH_FROM_BYTES;
    if (MID__UNLIKELY(heap->crew != NULL) && budget == SIZE_MAX)
        mid__crew_drain(heap);
    bool empty = large ? drain(heap, budget, true) : drain(heap, budget, false);
    if (empty && mid__crew_next_slice(heap)) {
        empty = false;
        if (budget == SIZE_MAX)
            return mid__mark_drain(heap, budget);
    }
    if (empty && heap->mark.overflowed)
        rescan_marked(heap);
    return empty;
}

bool mid__mark_step(struct mid_heap *heap, size_t budget)
{
    if (heap->mark.stage == MID__STAGE_MARKING) {
        mid__part(heap, "mark");
        size_t rest = read_roots(heap, budget);
        if (budget != SIZE_MAX && heap->crew_marks && !mid__crew_step(heap, rest))
            return false;
        if (!mid__mark_drain(heap, budget == SIZE_MAX ? budget : rest))
            return false;
        mid__settle_begin(heap);
        if (budget != SIZE_MAX) /* most of it is spent */
            budget /= 4;
    }
    return mid__settle_step(heap, budget);
}

/* All is settled: makes the marked objects the live ones. */
void mid__mark_end(struct mid_heap *heap)
{
    mid__part(heap, "change sides");
    heap->mark.stage = MID__STAGE_MARKING;
    for (unsigned i = 0; i < 2; i++) {
        heap->live_bytes[i] = heap->mark.bytes[i];
        heap->live_objects[i] = heap->mark.objects[i];
    }
    heap->totals.marked_bytes += heap->mark.bytes[0] + heap->mark.bytes[1];
    heap->totals.mark_stack_overflows = heap->mark.overflows;
    heap->hot.interest_base = heap->hot.young_base;
    heap->hot.interest_bytes = heap->hot.young_bytes;
    mid__sweep_begin(heap);
}
