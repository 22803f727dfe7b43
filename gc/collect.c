/* SPDX-License-Identifier: MIT
 *
 * collect.c: the collections themselves, each readable on one screen, made of the phases that the other files implement.
 *
 *   scavenge:     the nursery alone
 *   full:         scavenge into the old space, mark, sweep, and compact if that gains enough, in one pause
 *   incremental:  start (scavenge, snapshot), steps, end, then lazy sweeping; scavenges anywhere between
 *
 * A full collection empties the nursery into the old space first, so that the marking sees every object and cycles between
 * the generations are found; what could not be promoted stays and counts as a root. When a marking is under way it is
 * finished first: it keeps what died since its snapshot, and who asks for a full collection wants that freed, too.
 */
#include "internal.h"

static void report_phase(void *user, const struct mid_broken *broken)
{
    const struct mid_heap_options *options = user;
    options->broken(options->broken_user, broken);
}

void mid__verify_phase(struct mid_heap *heap)
{
    if (heap->options.verify == MID_VERIFY_PHASE)
        (void)mid_heap_verify(heap, report_phase, &heap->options);
}

static void scavenge(struct mid_heap *heap, bool promote_all, const char *reason)
{
    heap->busy++;
    mid__event_begin(heap, &heap->minor, MID_COLLECTION_SCAVENGE, reason);
    mid__pause_begin(heap, &heap->minor, MID_PAUSE_SCAVENGE);
    mid__crew_recall(heap);
    mid__nursery_scavenge(heap, promote_all);
    mid__nursery_resize(heap, mid__pause_end(heap));
    heap->external_scavenged = mid__external_soon(heap);
    mid__event_end(heap, &heap->minor);
    mid__verify_phase(heap);
    mid__crew_send(heap);
    heap->busy--;
}

/* What the bytes that got old make due. */
static void pace_after(struct mid_heap *heap)
{
    if (heap->options.torture == MID_TORTURE_NONE || heap->nursery.failed_bytes != 0)
        mid__pace_after_scavenge(heap);
}

void mid__collect_scavenge(struct mid_heap *heap, const char *reason)
{
    scavenge(heap, false, reason);
    pace_after(heap);
}

void mid__collect_promote(struct mid_heap *heap, const char *reason)
{
    scavenge(heap, true, reason);
    pace_after(heap);
}

void mid__collect_promote_only(struct mid_heap *heap, const char *reason)
{
    scavenge(heap, true, reason);
}

/* Nothing grey is left: ends the marking that is under way. */
static void end_marking(struct mid_heap *heap)
{
    mid__verify_phase(heap);
    size_t old = heap->live_bytes[0] + heap->live_bytes[1], filled = old > heap->marked_last ? old - heap->marked_last : 0;
    mid__adapt_learn(heap, filled, heap->mark.bytes[0] + heap->mark.bytes[1],
                     heap->major.cpu_ns + mid__sys_thread_cpu_ns() - heap->begun_cpu_ns);
    mid__mark_end(heap);
    mid__pace_after_marking(heap);
}

/* Goes on with a marking in steps. */
static void step_marking(struct mid_heap *heap, size_t budget)
{
    mid__pause_begin(heap, &heap->major, MID_PAUSE_MARK_STEP);
    heap->major.steps++;
    heap->totals.mark_steps++;
    size_t before = heap->mark.bytes[0] + heap->mark.bytes[1];
    bool alone = !heap->crew_marks;
    bool done = mid__mark_step(heap, budget);
    size_t bytes = heap->mark.bytes[0] + heap->mark.bytes[1] - before;
    if (done) {
        heap->pausing = MID_PAUSE_MARK_END;
        end_marking(heap);
    }
    uint64_t cpu_ns = mid__pause_end(heap);
    if (!done && alone)
        mid__pace_after_step(heap, bytes, cpu_ns);
    if (done)
        mid__event_end(heap, &heap->major);
}

void mid__collect_start(struct mid_heap *heap, const char *reason)
{
    if (heap->phase == MID__MARK)
        return;
    heap->busy++;
    mid__event_begin(heap, &heap->major, MID_COLLECTION_INCREMENTAL, reason);
    mid__pause_begin(heap, &heap->major, MID_PAUSE_MARK_START);
    mid__part(heap, "rest of the sweep");
    mid__sweep_step(heap, SIZE_MAX);
    if (heap->hot.top != heap->nursery.survivors_end)
        mid__nursery_scavenge(heap, false);
    mid__part(heap, "snapshot");
    mid__mark_begin(heap);
    mid__pause_end(heap);
    mid__verify_phase(heap);
    mid__crew_send(heap);
    heap->busy--;
}

/* One step of whatever phase there is; budget in bytes to mark. */
void mid__collect_step(struct mid_heap *heap, size_t budget, const char *reason)
{
    if (heap->phase == MID__IDLE) {
        mid__collect_start(heap, reason);
        return;
    }
    heap->busy++;
    if (heap->phase == MID__MARK) {
        step_marking(heap, budget);
    } else {
        mid__pause_begin(heap, &heap->sweeping, MID_PAUSE_SWEEP);
        mid__sweep_step(heap, budget / MID__BLOCK_BYTES + 1);
        mid__pause_end(heap);
    }
    mid__verify_phase(heap);
    mid__crew_send(heap);
    heap->busy--;
}

void mid__collect_full(struct mid_heap *heap, enum mid_collection_kind kind, const char *reason)
{
    heap->busy++;
    if (heap->phase == MID__MARK)
        step_marking(heap, SIZE_MAX);
    mid__event_begin(heap, &heap->major, kind, reason);
    mid__pause_begin(heap, &heap->major, MID_PAUSE_FULL);
    mid__part(heap, "rest of the sweep");
    mid__sweep_step(heap, SIZE_MAX);
    mid__nursery_scavenge(heap, true);
    mid__part(heap, "snapshot");
    mid__mark_begin(heap);
    mid__verify_phase(heap);
    mid__mark_step(heap, SIZE_MAX);
    end_marking(heap);
    mid__part(heap, "sweep");
    mid__crew_send(heap);
    mid__sweep_step(heap, SIZE_MAX);
    mid__part(heap, "compact");
    mid__compact(heap, kind);
    mid__part(heap, "give back");
    mid__trim_step(heap, SIZE_MAX);
    mid__pause_end(heap);
    heap->external_scavenged = mid__external_soon(heap);
    mid__event_end(heap, &heap->major);
    heap->proof = kind == MID_COLLECTION_LAST_RESORT ? MID__PROOF_COMPACT : MID__PROOF_SWEPT;
    mid__verify_phase(heap);
    heap->busy--;
}

/* Gives back what a full collection by hand has left empty. */
static void give_back(struct mid_heap *heap)
{
    (void)mid__old_trim(heap, 0, SIZE_MAX);
    mid__large_trim(heap, 0);
    mid__nursery_decommit(heap);
}

enum mid_status mid_heap_collect(struct mid_heap *heap, enum mid_collect kind, const char *reason)
{
    if (heap->busy != 0)
        return MID_E_BUSY;
    if (reason == NULL)
        reason = "requested";
    switch (kind) {
    case MID_COLLECT_SCAVENGE:
        mid__collect_scavenge(heap, reason);
        break;
    case MID_COLLECT_FULL:
        mid__collect_full(heap, MID_COLLECTION_FULL, reason);
        give_back(heap);
        break;
    case MID_COLLECT_STEP:
        mid__collect_step(heap, heap->options.mark_step_bytes, reason);
        break;
    case MID_COLLECT_START:
        mid__collect_start(heap, reason);
        break;
    default:
        return MID_E_INVALID;
    }
    if (kind == MID_COLLECT_STEP || kind == MID_COLLECT_START)
        mid__after_collection_some(heap);
    else
        mid__after_collection(heap);
    mid__interrupt_check(heap);
    return MID_OK;
}
