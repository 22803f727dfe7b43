/* SPDX-License-Identifier: MIT
 *
 * alloc.c: the way of an allocation once the inlined bump has failed: the next window of the nursery, a large object, a
 * collection, and in the end the refusal.
 *
 *     window left in the nursery? ---------------------------------------> bump
 *       no: scavenge (and what pace.c makes of it) ------------ room? --> bump
 *       no: full collection, then the callback near the limit - room? --> bump
 *       no: last-resort collection ---------------------------- room? --> bump
 *       no: refuse. The heap stays as it is; when the program drops something, the next allocation works.
 *
 * Note [Proof of a refusal]
 * A refusal must be true: a full collection has found that nothing can be freed, and the program has not run since. While
 * that holds (heap->proof) another full collection would find the same, so what remains of the steps above is left out:
 * survivors are promoted into what was swept by a scavenge alone, and the last resort is needed once, for its compaction.
 *   Whatever runs the program within an allocation ends the proof: finalizers, callbacks of weak handles and slices, the
 * callback near the limit. (Listeners look on; root and trace callbacks report.) So does the return to the program: it
 * stores into roots and young objects without telling. And so does a young object that dies in the scavenge afterwards: the
 * full collection could not promote it, took it for alive because a dead old object referred to it, and marked what it refers
 * to in turn. Then there is another full collection, until no more die, MOST_ATTEMPTS in all (a finalizer that makes itself
 * due again would never end).
 *   After a refusal the first full collection is the last resort at once: a program that asks on and on at its limit pays
 * one full collection for each answer, and not three.
 *
 *   I1  nothing here is done while heap->busy: from a callback, a listener or in a walk an allocation gives null
 *   I2  the limit is the only reason for a refusal, unless the system itself has no memory
 */
#include "internal.h"

#include <string.h>

/* Runs what waits after a collection, before the caller goes on; both may collect again. */
static void collect_and_after(struct mid_heap *heap, enum mid_collection_kind kind, const char *reason)
{
    if (kind == MID_COLLECTION_SCAVENGE) {
        mid__collect_scavenge(heap, reason);
        mid__after_collection_some(heap);
    } else {
        mid__collect_full(heap, kind, reason);
        mid__after_collection(heap);
    }
}

#define MOST_ATTEMPTS 8u

/* Survivors of the nursery into what a full collection has swept or emptied. */
static void promote_and_after(struct mid_heap *heap)
{
    const struct mid__nursery *n = &heap->nursery;
    if (heap->hot.young_bytes == 0 || heap->hot.top == n->from_base)
        return;
    mid__collect_promote_only(heap, "nursery full of survivors");
    if (n->survived_bytes + n->promoted_bytes < n->emptied_bytes)
        heap->proof = MID__PROOF_NONE;
    mid__after_collection(heap);
}

/* One more thing to try when there is no room: false when all has been tried. */
static bool make_room(struct mid_heap *heap, unsigned attempt, bool large, size_t bytes)
{
    switch (attempt) {
    case 0:
        if (large && heap->refused)
            collect_and_after(heap, MID_COLLECTION_LAST_RESORT, "last resort");
        else if (large)
            collect_and_after(heap, MID_COLLECTION_FULL, "large object");
        else
            collect_and_after(heap, MID_COLLECTION_SCAVENGE, "allocation failure");
        return true;
    case 1:
        if (!large && heap->proof != MID__PROOF_NONE)
            promote_and_after(heap);
        else if (!large)
            collect_and_after(heap, MID_COLLECTION_FULL, "nursery full of survivors");
        mid__pace_near_limit(heap, large ? bytes : MID__BLOCK_BYTES);
        return true;
    default:
        if (attempt % 2 != 0) {
            promote_and_after(heap);
            return true;
        }
        if (heap->proof == MID__PROOF_COMPACT && attempt != 2)
            return false;
        if (heap->proof != MID__PROOF_COMPACT)
            collect_and_after(heap, MID_COLLECTION_LAST_RESORT, "last resort");
        return attempt < MOST_ATTEMPTS;
    }
}

static struct mid_ref new_young(struct mid_heap *heap, uint64_t header, size_t bytes)
{
    if (heap->hot.young_bytes == 0 && !mid__nursery_map(heap)) {
        mid__refuse(heap, bytes, "the system has no memory for the nursery");
        return mid_null();
    }
    for (unsigned attempt = 0;; attempt++) {
        if (mid__nursery_open_window(heap, bytes))
            break;
        if (!make_room(heap, attempt, false, bytes)) {
            heap->refused = true;
            mid__refuse(heap, bytes, "the nursery is full of survivors and the old space at its limit");
            return mid_null();
        }
    }
    uintptr_t at = heap->hot.top;
    heap->hot.top = at + bytes;
    *mid__header_at(at) = header;
    return mid__ref(at);
}

/* With stack_scan: see conservative.c. Once a window the collector is given its chance. */
#define WINDOW_BYTES ((size_t)16 << 10)

static void give_chance(struct mid_heap *heap, size_t bytes)
{
    heap->stack_scan_debt += bytes;
    if (heap->stack_scan_debt < WINDOW_BYTES && heap->options.torture == MID_TORTURE_NONE)
        return;
    heap->stack_scan_debt = 0;
    mid__pace_allocation(heap, WINDOW_BYTES);
    mid__pace_large(heap, bytes);
}

static struct mid_ref new_old(struct mid_heap *heap, uint64_t header, size_t bytes)
{
    uintptr_t at;
    give_chance(heap, bytes);
    for (unsigned attempt = 0; (at = mid__old_alloc_for(heap, header)) == 0; attempt++)
        if (!make_room(heap, attempt, true, bytes)) {
            heap->refused = true;
            mid__refuse(heap, bytes, "the old space is at its limit");
            return mid_null();
        }
    memset((void *)(at + MID__WORD), 0, bytes - MID__WORD);
    heap->totals.allocated_bytes += bytes;
    *mid__header_at(at) = header;
    return mid__ref(at);
}

static struct mid_ref new_large(struct mid_heap *heap, uint64_t header, size_t bytes)
{
    if (bytes > heap->old_limit && heap->options.near_limit == NULL) {
        mid__refuse(heap, bytes, "the object is larger than the limit");
        return mid_null();
    }
    if (!heap->refused) /* else the last resort comes first, if there is no room */
        mid__pace_large(heap, bytes);
    uintptr_t at;
    for (unsigned attempt = 0; (at = mid__large_alloc(heap, bytes)) == 0; attempt++)
        if (!make_room(heap, attempt, true, bytes)) {
            heap->refused = true;
            mid__refuse(heap, bytes, "no room for a large object");
            return mid_null();
        }
    heap->totals.allocated_bytes += bytes;
    *mid__header_at(at) = header;
    return mid__ref(at);
}

/* Both slow paths end here. `header` is complete; `caller` is an address in the program's code, for sites.c. */
static struct mid_ref new_object(struct mid_heap *heap, uint64_t header, const void *caller)
{
    size_t bytes = mid__bytes_of(header);
    if (heap->busy != 0) {
        mid__refuse(heap, bytes, "allocation inside a callback, a collection or a walk");
        return mid_null();
    }
    heap->proof = MID__PROOF_NONE; /* the program ran */
    struct mid_ref ref;
    if (heap->options.stack_scan && bytes <= MID_YOUNG_BYTES) {
        ref = new_old(heap, header, bytes);
    } else {
        mid__pace_allocation(heap, bytes);
        ref = bytes > MID_YOUNG_BYTES ? new_large(heap, header, bytes) : new_young(heap, header, bytes);
    }
    heap->refused = heap->refused && mid_is_null(ref);
    if (MID__UNLIKELY(heap->sampler.mean_bytes != 0) && !mid_is_null(ref))
        mid__sample(heap, ref, bytes, caller);
    return ref;
}

struct mid_ref mid_new_slow(struct mid_heap *heap, uint64_t header)
{
    return new_object(heap, header, MID__RETURN_ADDRESS());
}

struct mid_ref mid_new_tail_slow(struct mid_heap *heap, uint64_t header, size_t length, unsigned shift)
{
    size_t room = MID_OBJECT_BYTES_MAX - mid__payload_of(header);
    if (length > room >> shift) {
        mid__refuse(heap, length, "the object is larger than MID_OBJECT_BYTES_MAX");
        return mid_null();
    }
    return new_object(heap, header + ((uint64_t)length << (shift + MID__HEADER_SHIFT)), MID__RETURN_ADDRESS());
}

struct mid_ref mid_new_string(struct mid_heap *heap, struct mid_type type, const char *text, size_t bytes)
{
    struct mid_ref ref = mid_new_bytes(heap, type, bytes);
    if (!mid_is_null(ref) && bytes != 0)
        memcpy((char *)mid_data(ref) + heap->types[mid__type_index(type.header)].fixed_bytes, text, bytes);
    return ref;
}

size_t mid_length(struct mid_heap *heap, struct mid_ref ref)
{
    uint64_t header = mid__header(ref);
    const struct mid__type *type = &heap->types[mid__type_index(header)];
    size_t tail = mid__payload_of(header) - type->fixed_bytes;
    return type->tail == MID_TAIL_REFS ? tail / MID__WORD : tail;
}
