/* SPDX-License-Identifier: MIT
 *
 * <midden/pauses.h>: how long the collector stops the program, and what share of any window of time it leaves to it. Every
 * pause is counted in a histogram of its phase, in wall time and in CPU time of the thread, and kept in a log of the last
 * ones. On a shared machine the wall clock also has gaps that are not the collector's: compare both.
 */
#ifndef MIDDEN_PAUSES_H
#define MIDDEN_PAUSES_H

#include <midden/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the program stood still for. */
enum mid_pause {
    MID_PAUSE_SCAVENGE = 0,
    MID_PAUSE_MARK_START, /* of an incremental cycle: the rest of the last sweep, a scavenge, the snapshot */
    MID_PAUSE_MARK_STEP,
    MID_PAUSE_MARK_END,   /* the step that found nothing left to mark: what is marked becomes what is live */
    MID_PAUSE_FULL,       /* a whole collection: scavenge, mark, sweep, compaction */
    MID_PAUSE_SWEEP,      /* a piece of lazy sweeping, or of giving memory back */
    MID_PAUSE_FINALIZE,   /* the program's own callbacks after a collection, and slices of dead buffers released; without the
                             collections that these callbacks cause */
    MID_PAUSE_KINDS,
    MID_PAUSE_ALL = MID_PAUSE_KINDS /* of the collector: all but MID_PAUSE_FINALIZE */
};

enum mid_clock {
    MID_CLOCK_WALL = 0,
    MID_CLOCK_CPU, /* of the thread that collects */
    MID_CLOCKS
};

/* All times in nanoseconds. Count, sum and the extremes are exact. A quantile is the end of its bucket, no greater than
 * the longest pause: above the exact value by 1/32 of it at most, never below. All 0 when there was no pause. */
struct mid_pauses {
    size_t struct_size; /* set by the caller */
    uint64_t count, sum_ns, shortest_ns, longest_ns;
    uint64_t p50_ns, p90_ns, p99_ns, p999_ns;
};

/* The figures of one phase, or MID_PAUSE_ALL. MID_E_INVALID: an unknown struct_size, phase or clock. Never collects. O(1):
 * 1,216 buckets a phase. Source: histograms of constant relative error, as HdrHistogram has them. */
MID_API enum mid_status mid_heap_pauses(const struct mid_heap *heap, enum mid_pause phase, enum mid_clock clock,
                                        struct mid_pauses *pauses);

/* Any quantile, 0 <= q <= 1, with the same error: the least value that a share q of the pauses does not exceed. 0 when
 * there was no pause or an argument is out of range. */
MID_API uint64_t mid_heap_pause_quantile(const struct mid_heap *heap, enum mid_pause phase, enum mid_clock clock, double q);

/* The histogram itself: buckets that are not empty, ascending, into `out`, `capacity` at most (0 and NULL are fine);
 * returns how many there are. A pause of t ns is in the bucket with first_ns <= t <= last_ns. */
struct mid_pause_bucket {
    uint64_t first_ns, last_ns, count;
};
MID_API size_t mid_heap_pause_buckets(const struct mid_heap *heap, enum mid_pause phase, enum mid_clock clock,
                                      struct mid_pause_bucket *out, size_t capacity);

/* Minimum mutator utilisation: in the worst window of window_ns, which share of it does the program get? Exact for the
 * time since the heap was made (or since mid_heap_pauses_reset), while the log holds its pauses: the option pause_log says
 * how many, and when there were more, the answer is about the time since the oldest one that is left. Finalizers count as the
 * program's. Source: Cheng and Blelloch 2001, section 2. */
struct mid_utilisation {
    size_t struct_size;  /* set by the caller */
    uint64_t window_ns;  /* set by the caller; 1 or more. A window longer than the span is cut to it */
    uint32_t clock;      /* set by the caller: enum mid_clock. CPU time: of the thread that collects; where a heap went from one
                            thread to another, the time between their pauses is left out */
    uint32_t whole;      /* 1: no pause has been forgotten */
    double minimum;      /* 0..1; 1 without pauses */
    double mean;         /* over the span */
    uint64_t worst_ns;   /* when the worst window begins, on the same scale as span_begin_ns */
    uint64_t span_begin_ns, span_ns; /* since the heap was made: wall, or CPU time that passed between and in pauses */
};

/* MID_E_INVALID: an unknown struct_size or clock, or a window of 0. Never collects. O(pauses in the log). */
MID_API enum mid_status mid_heap_utilisation(const struct mid_heap *heap, struct mid_utilisation *utilisation);

/* Forgets all pauses: histograms and log are empty, a new span begins now. The sums in mid_heap_stats stay. For figures
 * without the warming up. Never collects. */
MID_API void mid_heap_pauses_reset(struct mid_heap *heap);

#ifdef __cplusplus
}
#endif
#endif
