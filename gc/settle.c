/* SPDX-License-Identifier: MIT
 *
 * settle.c: what comes between the last grey object and the sweeping, in bounded steps. When nothing is grey the mark bits
 * say what is dead; what depends on death is then settled table by table, a few entries with each step, while the program
 * goes on:
 *
 *     MARKING -> WEAK -> FINALIZERS -> RESCUE -> KEYS -> BUFFERS -> SAMPLES -> SLOTS -> IDS -> SETTLED
 *                clear    queue and     mark      of      queue      take out   of remembered
 *                handles  shade         them      tables                        slots
 *
 * Nothing needs to be done twice, because the program cannot reach what is white: everything it holds was in the snapshot
 * or is newer, and so is black. The one way around is a weak handle whose turn has not come; it is read as cleared
 * (mid_weak_get). What is watched anew meanwhile is alive.
 *
 *   I1  from WEAK on, every object that the program can reach is black or young
 *   I2  each table is gone through from its end: [cursor, end) is settled. An entry that is taken out is replaced by the
 *       last one, a new one is added at the end, a scavenge only shifts entries towards the begin: all of which moves
 *       settled entries into the unsettled part, where they are looked at again, and none the other way
 *
 * The finalizers come after the weak handles, so that who is finalized is seen by none, and before the keys of weak tables,
 * so that a finalizer finds what belongs to its object. What finalizers keep is marked in RESCUE, in steps like any; only
 * then do they run (heap->waiting_limit), for until then the program must not see their objects, which are white.
 *
 * A budget counts bytes to mark; an entry counts for ENTRY_BYTES of them, which takes about as long.
 *
 * Not bounded: a remembered set whose list is lost is settled from its bits in one step, O(chunks), once after an allocation
 * failed in the store that lost it. The change of sides afterwards looks at each block (sweep.c).
 */
#include "internal.h"

#define ENTRY_BYTES 64u
#define LEAST_ENTRIES 16u

/* True when the stage is over. */
static bool settle_stage(struct mid_heap *heap, size_t *budget)
{
    switch (heap->mark.stage) {
    case MID__STAGE_WEAK:
        return mid__settle_weaks(heap, budget);
    case MID__STAGE_FINALIZERS:
        return mid__settle_finalizers(heap, budget);
    case MID__STAGE_RESCUE:
        return mid__settle_rescue(heap, budget) &&
               mid__mark_drain(heap, *budget > SIZE_MAX / ENTRY_BYTES ? SIZE_MAX : *budget * ENTRY_BYTES);
    case MID__STAGE_KEYS:
        return mid__ephemeron_purge(heap, budget);
    case MID__STAGE_BUFFERS:
        return mid__settle_buffers(heap, budget);
    case MID__STAGE_SAMPLES:
        return mid__settle_samples(heap, budget);
    case MID__STAGE_SLOTS:
        return mid__remset_purge(heap, budget);
    default:
        return mid__ids_purge(heap, budget);
    }
}

void mid__settle_begin(struct mid_heap *heap)
{
    heap->mark.stage = MID__STAGE_WEAK;
    heap->weaks.cursor = heap->finalizers.cursor = heap->buffers.cursor = heap->sampler.table.cursor = SIZE_MAX;
    heap->remset.cursor = heap->remset.huge_cursor = SIZE_MAX;
    heap->ids.cursor = heap->ids.capacity;
    heap->waiting_limit = heap->waiting_shaded = heap->waiting_count;
}

static const char *const stage_names[] = {
    [MID__STAGE_WEAK] = "weak handles", [MID__STAGE_FINALIZERS] = "queue finalizers", [MID__STAGE_RESCUE] = "mark what they keep",
    [MID__STAGE_KEYS] = "weak tables",  [MID__STAGE_BUFFERS] = "buffers",       [MID__STAGE_SAMPLES] = "samples",
    [MID__STAGE_SLOTS] = "remembered slots", [MID__STAGE_IDS] = "ids",
};

/* Nothing is grey any more. One step; true when all is settled. */
bool mid__settle_step(struct mid_heap *heap, size_t budget_bytes)
{
    size_t budget = budget_bytes / ENTRY_BYTES;
    if (budget < LEAST_ENTRIES)
        budget = LEAST_ENTRIES;
    while (heap->mark.stage != MID__STAGE_SETTLED) {
        mid__part(heap, stage_names[heap->mark.stage]);
        if (budget == 0 || !settle_stage(heap, &budget))
            return false;
        if (heap->mark.stage++ == MID__STAGE_RESCUE)
            heap->waiting_limit = SIZE_MAX;
    }
    return true;
}
