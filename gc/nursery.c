/* SPDX-License-Identifier: MIT
 *
 * nursery.c: where objects are born, and the scavenge that empties it.
 *
 *     young_base                                 + capacity_max
 *     | survivors | born since | free ... |      | To: empty ...  <- promoted |
 *     ^ from_base ^ survivors_end ^ top   ^ from_end     (the halves change places at each scavenge)
 *
 * Two halves, mapped once at their greatest size; `capacity` of each is in use. Allocation bumps hot.top inside a *window*
 * of zeroed bytes that ends at hot.limit: opening a window (16 KiB) is where the heap gets to see the program, so that
 * the pace of marking and the torture modes need no check of their own on the fast path.
 *
 *   I1  [from_base, hot.top) is one run of objects; [hot.top, hot.limit) is zero
 *   I2  during a scavenge: to_top <= promoted. Every live object of From takes its size in To, or at least 8 bytes for
 *       its entry on the stack of promoted objects that grows down from the end; the halves are equal; so it holds
 *   I3  after a scavenge To holds nothing that is reachable
 *
 * Cheney (1970): what has been copied and not yet scanned lies between `scan` and `to_top`, To is its own queue. Our
 * departures: objects may leave for the old space (after promote_age scavenges, or when To fills: Ungar 1984 and V8);
 * those with references wait on a stack at the other end of To, because they do not lie in a row. A promotion that fails, because the
 * old space is at its limit, is a copy to To: nothing is ever lost, and pace.c asks for a full collection.
 */
#include "internal.h"

#include <string.h>

#define WINDOW_BYTES ((size_t)16 << 10)
#define HUGE_BYTES   ((size_t)2 << 20)
#define TARGET_START_BYTES ((size_t)256 << 10) /* with a pause target: how fast the machine is is not known yet */

bool mid__nursery_map(struct mid_heap *heap)
{
    struct mid__nursery *n = &heap->nursery;
    size_t bytes = 2 * heap->options.semispace_bytes;
    void *base = mid__sys_map(bytes, heap->options.semispace_bytes >= HUGE_BYTES ? HUGE_BYTES : MID__BLOCK_BYTES);
    if (base == NULL)
        return false;
    mid__crew_recall(heap);
    n->capacity_max = heap->options.semispace_bytes;
    n->capacity = heap->options.semispace_start_bytes;
    if (heap->options.pause_target_us != 0 && n->capacity > TARGET_START_BYTES)
        n->capacity = TARGET_START_BYTES;
    n->from_base = (uintptr_t)base;
    n->from_end = n->from_base + n->capacity;
    n->survivors_end = n->from_base;
    n->to_base = n->from_base + n->capacity_max;
    heap->hot.top = heap->hot.limit = n->from_base;
    heap->hot.young_base = n->from_base;
    heap->hot.young_bytes = bytes;
    if (heap->phase != MID__MARK) {
        heap->hot.interest_base = heap->hot.young_base;
        heap->hot.interest_bytes = heap->hot.young_bytes;
    }
    return true;
}

void mid__nursery_unmap(struct mid_heap *heap)
{
    if (heap->hot.young_bytes != 0)
        mid__sys_unmap((void *)heap->hot.young_base, heap->hot.young_bytes);
}

/* Makes room for `bytes` at hot.top; false when the half is full. */
bool mid__nursery_open_window(struct mid_heap *heap, size_t bytes)
{
    struct mid__hot *hot = &heap->hot;
    uintptr_t end = heap->nursery.from_end;
    if (bytes > end - hot->top)
        return false;
    uintptr_t wanted = hot->top + bytes;
    if (heap->options.torture == MID_TORTURE_NONE && wanted < hot->top + WINDOW_BYTES)
        wanted = end - hot->top < WINDOW_BYTES ? end : hot->top + WINDOW_BYTES;
    if (MID__UNLIKELY(heap->sampler.mean_bytes != 0) && mid__sample_border(heap, wanted) < wanted)
        wanted = mid__sample_border(heap, wanted) > hot->top + bytes ? mid__sample_border(heap, wanted) : hot->top + bytes;
    if (wanted > hot->limit) {
        memset((void *)hot->limit, 0, wanted - hot->limit);
        hot->limit = wanted;
    }
    return true;
}

uint64_t mid__nursery_born(const struct mid_heap *heap)
{
    return heap->nursery.consumed + (heap->hot.top - heap->nursery.survivors_end);
}

void mid__nursery_each(struct mid_heap *heap, void (*fn)(void *context, uintptr_t object), void *context)
{
    for (uintptr_t at = heap->nursery.from_base; at < heap->hot.top; at += mid__bytes_of(*mid__header_at(at)))
        fn(context, at);
}

/* ---- moving ----------------------------------------------------------------------------------------------------------------- */

MID__INLINE bool in_from(const struct mid__nursery *n, uintptr_t object)
{
    return object - n->old_base < n->old_end - n->old_base;
}

MID__INLINE void copy_words(uintptr_t to, uintptr_t from, size_t bytes)
{
    if (bytes > 128) {
        memcpy((void *)to, (const void *)from, bytes);
        return;
    }
    for (size_t i = 0; i < bytes; i += MID__WORD)
        memcpy((void *)(to + i), (const void *)(from + i), MID__WORD);
}

static bool wants_promotion(const struct mid_heap *heap, uint64_t header)
{
    const struct mid__nursery *n = &heap->nursery;
    unsigned age = (unsigned)((header & MID__AGE_MASK) >> MID__AGE_SHIFT);
    return n->promote_all ||
           ((heap->options.promotion & MID_PROMOTE_SURVIVED) != 0 && age >= heap->options.promote_age) ||
           ((heap->options.promotion & MID_PROMOTE_TO_SPACE) != 0 && (n->small || n->to_top - n->to_base > n->promote_above));
}

static MID__NOINLINE void move_names(struct mid_heap *heap, uintptr_t from, uintptr_t to, uint64_t header)
{
    if (header & MID__HAS_ID)
        mid__ids_moved(heap, from, to);
    if (header & MID__EPHEMERAL)
        mid__ephemeron_evacuated(heap, from, to);
}

/* Moves an object out of From; returns its new address. */
static uintptr_t evacuate(struct mid_heap *heap, uintptr_t object, uint64_t header)
{
    struct mid__nursery *n = &heap->nursery;
    size_t bytes = mid__bytes_of(header);
    uintptr_t to = 0;
    if (wants_promotion(heap, header)) {
        to = mid__old_alloc_for(heap, header);
        if (to != 0) {
            if ((header & MID__LAYOUT_MASK) != 0)
                *--n->promoted = to;
            n->promoted_bytes += bytes;
        } else {
            n->failed_bytes += bytes;
        }
    }
    if (to == 0) {
        to = n->to_top;
        n->to_top += bytes;
        n->survived_bytes += bytes;
        if ((header & MID__AGE_MASK) != MID__AGE_MASK)
            header += (uint64_t)1 << MID__AGE_SHIFT;
    }
    copy_words(to + MID__WORD, object + MID__WORD, bytes - MID__WORD);
    *mid__header_at(to) = header;
    *mid__header_at(object) = to;
    if (MID__UNLIKELY((header & (MID__HAS_ID | MID__EPHEMERAL)) != 0))
        move_names(heap, object, to, header);
    return to;
}

MID__INLINE void keep(struct mid_heap *heap, struct mid_ref *slot)
{
    uintptr_t object = (uintptr_t)slot->object;
    if (!in_from(&heap->nursery, object))
        return;
    uint64_t header = *mid__header_at(object);
    *slot = mid__ref((header & MID__IS_HEADER) ? evacuate(heap, object, header) : (uintptr_t)header);
}

void mid__nursery_keep(struct mid_heap *heap, struct mid_ref *slot)
{
    keep(heap, slot);
}

/* Where the object is now; 0 when nothing has kept it. For objects outside From, themselves. */
uintptr_t mid__nursery_forwarded(struct mid_heap *heap, uintptr_t object)
{
    if (!in_from(&heap->nursery, object))
        return object;
    uint64_t header = *mid__header_at(object);
    return (header & MID__IS_HEADER) ? 0 : (uintptr_t)header;
}

/* ---- scanning --------------------------------------------------------------------------------------------------------------- */

static void scan_slot(void *heap, struct mid_ref *slot)
{
    keep(heap, slot);
}

static void scan_traced(void *heap, struct mid_ref *slot, const char *name, size_t index)
{
    (void)name;
    (void)index;
    keep(heap, slot);
}

struct promoted {
    struct mid_heap *heap;
    uintptr_t holder;
};

static void scan_promoted_slot(void *context, struct mid_ref *slot)
{
    struct promoted *p = context;
    keep(p->heap, slot);
    if (mid__is_young(p->heap, (uintptr_t)slot->object))
        mid__remember(p->heap, p->holder, slot);
}

static void scan_promoted_traced(void *context, struct mid_ref *slot, const char *name, size_t index)
{
    (void)name;
    (void)index;
    scan_promoted_slot(context, slot);
}

/* Keeps everything that the objects kept so far refer to. */
void mid__nursery_drain(struct mid_heap *heap)
{
    struct mid__nursery *n = &heap->nursery;
    for (;;) {
        if (n->promoted < (uintptr_t *)n->to_end) {
            struct promoted p = {heap, *n->promoted++};
            mid__each_slot(heap, p.holder, *mid__header_at(p.holder), scan_promoted_slot, &p, scan_promoted_traced);
        } else if (n->scan < n->to_top) {
            uint64_t header = *mid__header_at(n->scan);
            mid__each_slot(heap, n->scan, header, scan_slot, heap, scan_traced);
            n->scan += mid__bytes_of(header);
        } else if (!mid__ephemeron_drain(heap)) {
            return;
        }
    }
}

/* ---- the scavenge ------------------------------------------------------------------------------------------------------------- */

static void open_to_space(struct mid_heap *heap, bool promote_all)
{
    struct mid__nursery *n = &heap->nursery;
    n->consumed = mid__nursery_born(heap);
    n->old_base = n->from_base;
    n->old_end = heap->hot.top;
    n->emptied_bytes = n->old_end - n->old_base;
    n->scan = n->to_top = n->to_base;
    n->to_end = n->to_base + n->capacity;
    n->promoted = (uintptr_t *)n->to_end;
    n->promote_all = promote_all || n->collapse;
    n->promote_above = n->capacity / 100 * heap->options.promote_to_percent;
    n->survived_bytes = n->promoted_bytes = n->failed_bytes = 0;
}

static void change_places(struct mid_heap *heap)
{
    struct mid__nursery *n = &heap->nursery;
    uintptr_t emptied = n->from_base;
    n->from_base = n->to_base;
    n->from_end = n->from_base + n->capacity;
    n->to_base = emptied;
    n->old_base = n->old_end = 0;
    heap->hot.top = heap->hot.limit = n->survivors_end = n->to_top;
}

void mid__nursery_scavenge(struct mid_heap *heap, bool promote_all)
{
    if (heap->hot.young_bytes == 0)
        return;
    mid__part(heap, "roots");
    open_to_space(heap, promote_all);
    heap->old.taken = 0;
    mid__ephemeron_scavenge(heap);
    mid__roots_scavenge(heap);
    mid__part(heap, "remembered slots");
    mid__remset_scavenge(heap);
    mid__part(heap, "copy");
    mid__nursery_drain(heap);
    mid__part(heap, "weak, finalizers, buffers");
    mid__watched_scavenge(heap); /* weak handles, finalizers, buffers; drains what finalizers keep */
    mid__part(heap, "change places");
    change_places(heap);
    mid__old_expect(heap);
    heap->work_bytes += heap->nursery.survived_bytes + heap->nursery.promoted_bytes;
    heap->totals.copied_bytes += heap->nursery.survived_bytes;
    heap->totals.promoted_bytes += heap->nursery.promoted_bytes;
    heap->totals.failed_promotion_bytes += heap->nursery.failed_bytes;
}

/* ---- size ----------------------------------------------------------------------------------------------------------------------- */

static void set_capacity(struct mid_heap *heap, size_t bytes)
{
    heap->nursery.capacity = bytes;
    heap->nursery.from_end = heap->nursery.from_base + bytes;
}

/* Note [Nursery size]
 * What dies within a larger nursery costs nothing, so the halves double while more than a fifth survives. But where objects
 * live long whatever the size, a large nursery only means large pauses and a cache that holds none of it: when more than
 * half survives even at the greatest size, twice in a row, the nursery becomes *small* again, and what it holds is promoted
 * at once instead of being copied to To first. It stays so until less than a fifth survives, or until GROW_AGAIN_BYTES more
 * were born; each vain attempt doubles that wait.
 * With a pause target none of this happens by guess: the halves grow if twice the work would still meet the target, and
 * shrink when it is missed; what survives by more than half is promoted at once. */
#define SMALL_BYTES      ((size_t)512 << 10)
#define GROW_AGAIN_BYTES ((uint64_t)256 << 20)
#define GROW_AGAIN_MOST  ((uint64_t)16 << 30)

static bool survived_above(const struct mid__nursery *n, size_t part)
{
    return n->survived_bytes + n->promoted_bytes > n->emptied_bytes / part;
}

static size_t small_bytes(const struct mid_heap *heap)
{
    size_t start = heap->options.semispace_start_bytes;
    return start < SMALL_BYTES ? start : SMALL_BYTES;
}

static void grow(struct mid_heap *heap)
{
    const struct mid__nursery *n = &heap->nursery;
    set_capacity(heap, n->capacity > n->capacity_max / 2 ? n->capacity_max : 2 * n->capacity);
    if (n->capacity >= 2 * HUGE_BYTES && heap->options.pause_target_us == 0) { /* Note [Huge pages] in oldspace.c */
        mid__sys_huge_pages((void *)n->from_base, n->capacity, true);
        mid__sys_huge_pages((void *)n->to_base, n->capacity, true);
    }
}

static void resize_for_target(struct mid_heap *heap, uint64_t cpu_ns, uint64_t target_ns)
{
    struct mid__nursery *n = &heap->nursery;
    size_t half = mid__align_up(n->capacity / 2, MID__BLOCK_BYTES);
    n->small = survived_above(n, 2);
    if (cpu_ns > target_ns && half < n->capacity && heap->hot.top - n->from_base <= half / 2)
        set_capacity(heap, half);
    else if (cpu_ns < target_ns / 5 * 2 && n->capacity < n->capacity_max && survived_above(n, 5))
        grow(heap);
}

static void resize_small(struct mid_heap *heap)
{
    struct mid__nursery *n = &heap->nursery;
    if (n->collapse && heap->hot.top == n->from_base) {
        n->collapse = false;
        set_capacity(heap, small_bytes(heap));
    }
    n->small = !n->collapse && survived_above(n, 5) && mid__nursery_born(heap) < n->grow_again_at;
}

void mid__nursery_resize(struct mid_heap *heap, uint64_t cpu_ns)
{
    struct mid__nursery *n = &heap->nursery;
    if (n->emptied_bytes < n->capacity / 2)
        return; /* asked for early: it tells nothing */
    if (heap->options.pause_target_us != 0) {
        resize_for_target(heap, cpu_ns, (uint64_t)heap->options.pause_target_us * 1000);
        return;
    }
    if (n->small || n->collapse) {
        resize_small(heap);
    } else if (n->capacity < n->capacity_max) {
        if (survived_above(n, 5))
            grow(heap);
    } else if (!survived_above(n, 2) || n->capacity <= small_bytes(heap) ||
               (heap->options.promotion & MID_PROMOTE_TO_SPACE) == 0) { /* else a small one would be full of survivors */
        n->vain = 0;
    } else if (++n->vain == 2) {
        n->vain = 0;
        n->small = n->collapse = true;
        n->wait = n->wait == 0 ? GROW_AGAIN_BYTES : n->wait < GROW_AGAIN_MOST ? 2 * n->wait : n->wait;
        n->grow_again_at = mid__nursery_born(heap) + n->wait;
    }
}

/* After a full collection by hand: gives all pages beyond the survivors back, and begins small again. */
void mid__nursery_decommit(struct mid_heap *heap)
{
    struct mid__nursery *n = &heap->nursery;
    if (heap->hot.young_bytes == 0)
        return;
    size_t used = heap->hot.top - n->from_base, keep_bytes = mid__align_up(used, MID__PAGE_BYTES);
    if (used <= heap->options.semispace_start_bytes / 2)
        set_capacity(heap, heap->options.semispace_start_bytes);
    mid__close_window(heap);
    (void)mid__sys_decommit((void *)n->to_base, n->capacity_max);
    if (keep_bytes < n->capacity_max)
        (void)mid__sys_decommit((void *)(n->from_base + keep_bytes), n->capacity_max - keep_bytes);
}
