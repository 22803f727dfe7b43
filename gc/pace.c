/* SPDX-License-Identifier: MIT
 *
 * pace.c: when to collect, how much of it at a time, and what the limits allow. It decides; collect.c does.
 *
 *     bytes in old and large space (live_bytes)
 *     |--- marked_last ---|------- growth -------|
 *     0                   ^ last marking    ^start ^ threshold          ^ old_limit
 *
 * A full collection is due when live_bytes reach the threshold: marked_last grown by growth_percent (less in large heaps:
 * Note [Growth]), by growth_min_bytes at least, and never beyond the limit; by what adapt.c says; or a fixed figure for measurements at equal heaps. Incremental marking begins when
 * three quarters of the growth are used, and each window of the nursery then marks so much that it ends in time:
 *
 *     bytes to mark now = bytes left to mark * (window / bytes left to the threshold)      within [1, 8] * mark_step_bytes
 *
 * This supposes that all that is allocated gets old, which errs on the safe side; if marking is late all the same, the
 * steps grow to their bound, and at the limit the rest is done at once.
 *
 * External memory presses twice: growth by external_step_bytes asks for a scavenge, since buffers mostly die young; and
 * a sum above external_threshold asks for a full collection.
 *
 *   I1  nothing here runs while the heap is busy
 */
#include "internal.h"

static size_t live_now(const struct mid_heap *heap)
{
    return heap->live_bytes[0] + heap->live_bytes[1];
}

/* part of 100; no overflow for anything that fits in memory */
static size_t percent(size_t bytes, size_t part)
{
    return bytes / 100 * part + bytes % 100 * part / 100;
}

/* Note [Growth]
 * How much garbage a heap should gather before it is marked again is a balance: room costs memory, marking costs time in
 * proportion to what is live. The sum is least when the room grows with the square root of the live bytes (Kirisame et al.
 * 2022, section 3). Up to ROOT_FROM_BYTES we stay with the share that growth_percent says, since little memory is at
 * stake; above, the room follows the root: 60 % of 64 MiB, 30 % of 256 MiB, 19 % of 640 MiB. */
#define ROOT_FROM_BYTES ((size_t)64 << 20)

static size_t root(size_t n)
{
    size_t low = 0, high = (size_t)1 << 32;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (middle * middle <= n)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The bytes of which growth_percent is taken. */
static size_t grows_as(size_t live)
{
    return live <= ROOT_FROM_BYTES ? live : root(live) * ((size_t)1 << 13); /* 8192 = the root of 64 MiB */
}

static void set_thresholds(struct mid_heap *heap)
{
    const struct mid_heap_options *o = &heap->options;
    size_t grown = o->growth == MID_GROWTH_ADAPTIVE ? mid__adapt_room(heap, heap->marked_last) : 0;
    if (grown == 0)
        grown = percent(grows_as(heap->marked_last), o->growth_percent);
    if (grown < o->growth_min_bytes)
        grown = o->growth_min_bytes;
    heap->threshold = o->growth == MID_GROWTH_FIXED ? o->old_fixed_bytes : heap->marked_last + grown;
    if (heap->threshold > heap->old_limit)
        heap->threshold = heap->old_limit;
}

/* External bytes when the slices of the buffers found dead will have been released. */
size_t mid__external_soon(const struct mid_heap *heap)
{
    return heap->external - heap->release_bytes;
}

static void set_external_threshold(struct mid_heap *heap)
{
    size_t external = mid__external_soon(heap), grown = percent(external, heap->options.growth_percent);
    if (grown < 2 * heap->options.external_step_bytes)
        grown = 2 * heap->options.external_step_bytes;
    heap->external_threshold = external + grown;
}

void mid__pace_init(struct mid_heap *heap)
{
    heap->old_limit = heap->old_limit_initial = heap->options.old_limit_bytes;
    set_thresholds(heap);
    set_external_threshold(heap);
}

/* Called when what was marked has become live. */
void mid__pace_after_marking(struct mid_heap *heap)
{
    heap->marked_last = live_now(heap);
    set_thresholds(heap);
    set_external_threshold(heap);
}

/* External memory has grown: the next allocation must come by the slow path when that is enough to collect. */
void mid__pace_external(struct mid_heap *heap)
{
    if (heap->external >= heap->external_scavenged + heap->options.external_step_bytes)
        mid__close_window(heap);
}

/* ---- what a window of the nursery pays ------------------------------------------------------------------------------------ */

/* Learns how fast marking goes: a slow step counts at once, a fast one by and by. */
void mid__pace_after_step(struct mid_heap *heap, size_t bytes, uint64_t cpu_ns)
{
    double rate = (double)bytes / (double)(cpu_ns + 1);
    if (heap->mark_bytes_a_ns > rate || heap->mark_bytes_a_ns <= 0.0)
        heap->mark_bytes_a_ns = rate;
    else
        heap->mark_bytes_a_ns += (rate - heap->mark_bytes_a_ns) / 16;
}

/* Has the present pause taken half of the target? The clock of the thread is dear, and asked only when the wall clock says
 * so, which may have stood still for us alone. */
bool mid__pace_late(const struct mid_heap *heap)
{
    uint64_t allowed = (uint64_t)heap->options.pause_target_us * 500;
    return mid__sys_now_ns() - heap->begun_ns >= allowed && mid__sys_thread_cpu_ns() - heap->begun_cpu_ns >= allowed;
}

/* The most that a step may mark: eight times the option, or what fits into half of the pause target. */
static size_t most_in_a_step(const struct mid_heap *heap)
{
    size_t step = heap->options.mark_step_bytes;
    double fits = heap->mark_bytes_a_ns * (double)heap->options.pause_target_us * 1000 / 2;
    if (heap->options.pause_target_us != 0 && fits <= 0.0)
        return step; /* nothing is known yet */
    if (heap->options.pause_target_us == 0 || fits > 8.0 * (double)step)
        return 8 * step;
    return fits < 4096.0 ? 4096 : (size_t)fits;
}

/* What is still to be charged for the array in progress: all of its bytes count as marked since it was begun. */
static double left_of_array(const struct mid_heap *heap)
{
    const struct mid__mark *m = &heap->mark;
    if (m->sliced == 0 || mid__is_weak_table(heap, *mid__header_at(m->sliced)))
        return 0.0;
    size_t words = mid__payload_of(*mid__header_at(m->sliced)) / MID__WORD;
    return (double)(words - m->sliced_word) * MID__ELEMENT_BYTES;
}

static size_t step_budget(const struct mid_heap *heap, size_t window)
{
    size_t step = heap->options.mark_step_bytes, most = most_in_a_step(heap), marked = heap->mark.bytes[0] + heap->mark.bytes[1];
    marked += mid__crew_progress(heap);
    size_t live = live_now(heap);
    double left = left_of_array(heap) + (live > marked ? (double)(live - marked) : 0.0);
    double room = heap->threshold > live ? (double)(heap->threshold - live) : 1.0;
    double wanted = left * (double)window / room;
    if (mid__external_soon(heap) >= heap->external_threshold)
        return most;
    if (wanted < (double)step)
        wanted = (double)step;
    return wanted > (double)most ? most : (size_t)wanted;
}

static void torture(struct mid_heap *heap)
{
    if (++heap->torture_count % heap->options.torture_every != 0)
        return;
    bool odd = (heap->torture_turn++ & 1) != 0;
    switch (heap->options.torture) {
    case MID_TORTURE_SCAVENGE:
        mid__collect_scavenge(heap, "torture");
        break;
    case MID_TORTURE_FULL:
        mid__collect_full(heap, MID_COLLECTION_FULL, "torture");
        break;
    case MID_TORTURE_ALTERNATE:
        if (odd)
            mid__collect_full(heap, MID_COLLECTION_FULL, "torture");
        else
            mid__collect_scavenge(heap, "torture");
        break;
    default:
        if (odd)
            mid__collect_step(heap, 1, "torture");
        else
            mid__collect_scavenge(heap, "torture");
        break;
    }
}

#define SWEEP_BLOCKS_A_WINDOW 16
#define WINDOW_BYTES ((size_t)16 << 10)

#define WARM_PAGES_A_WINDOW 6
#define TRIM_PIECES_A_WINDOW 1

/* What lies between two markings: sweeping, then giving back. */
static void sweep_some(struct mid_heap *heap)
{
    mid__pause_begin(heap, &heap->sweeping, MID_PAUSE_SWEEP);
    if (heap->phase == MID__SWEEP)
        mid__sweep_step(heap, SWEEP_BLOCKS_A_WINDOW);
    else
        mid__trim_step(heap, TRIM_PIECES_A_WINDOW);
    mid__pause_end(heap);
}

static void work_a_window(struct mid_heap *heap, size_t bytes)
{
    if (heap->phase == MID__MARK)
        mid__collect_step(heap, step_budget(heap, bytes < WINDOW_BYTES ? WINDOW_BYTES : bytes), "allocation");
    else if (heap->phase == MID__SWEEP || heap->trimming)
        sweep_some(heap);
    if (heap->old.expected != 0 && heap->options.pause_target_us != 0)
        mid__old_warm(heap, heap->old.expected + 1, WARM_PAGES_A_WINDOW);
}

/* An allocation has left the fast path, about once a window: its share of the collector's work is done here. */
void mid__pace_allocation(struct mid_heap *heap, size_t bytes)
{
    if (heap->options.torture != MID_TORTURE_NONE)
        torture(heap);
    if (heap->external >= heap->external_scavenged + heap->options.external_step_bytes)
        mid__collect_scavenge(heap, "external memory");
    if (heap->options.torture == MID_TORTURE_NONE)
        work_a_window(heap, bytes);
    mid__after_collection_some(heap);
    mid__interrupt_check(heap);
}

/* ---- when to begin ------------------------------------------------------------------------------------------------------------- */

static bool incremental(const struct mid_heap *heap)
{
    return heap->options.marking != MID_MARKING_STOP;
}

static void begin_full(struct mid_heap *heap, const char *reason)
{
    if (incremental(heap))
        mid__collect_start(heap, reason);
    else
        mid__collect_full(heap, MID_COLLECTION_FULL, reason);
}

static void begin_if_due(struct mid_heap *heap, size_t more)
{
    size_t live = live_now(heap) + more, start = heap->threshold;
    if (heap->phase == MID__MARK || (heap->phase == MID__SWEEP && incremental(heap) && live < start))
        return; /* sweeping is given the last quarter of the growth before it is finished at once */
    if (incremental(heap) && heap->marked_last < start)
        start -= (start - heap->marked_last) / 4;
    if (live >= start)
        begin_full(heap, "old space growth");
    else if (mid__external_soon(heap) >= heap->external_threshold)
        begin_full(heap, "external memory");
}

void mid__pace_after_scavenge(struct mid_heap *heap)
{
    if (heap->nursery.failed_bytes != 0)
        mid__collect_full(heap, heap->refused ? MID_COLLECTION_LAST_RESORT : MID_COLLECTION_FULL,
                          heap->refused ? "last resort" : "old space at its limit");
    else
        begin_if_due(heap, 0);
}

/* A large object is about to be born, which no scavenge will see. */
void mid__pace_large(struct mid_heap *heap, size_t bytes)
{
    begin_if_due(heap, bytes);
    mid__after_collection_some(heap);
}

/* Asks the program for a higher limit when `bytes` more would not fit. */
void mid__pace_near_limit(struct mid_heap *heap, size_t bytes)
{
    size_t limit = heap->old_limit, total = mid__old_total(heap);
    if (heap->options.near_limit == NULL || (total <= limit && limit - total >= bytes))
        return;
    heap->busy++;
    heap->proof = MID__PROOF_NONE; /* it may drop what it holds */
    mid__close_window(heap);
    size_t raised = heap->options.near_limit(heap->options.near_limit_user, limit, heap->old_limit_initial);
    heap->busy--;
    if (raised > limit) {
        heap->old_limit = raised;
        set_thresholds(heap);
    }
}
