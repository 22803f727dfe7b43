/* SPDX-License-Identifier: MIT
 *
 * <midden/event.h>: what the collector tells while the program runs. A listener gets the figures of every collection;
 * the trace lines (heap.h, trace_line) are made of the same ones.
 */
#ifndef MIDDEN_EVENT_H
#define MIDDEN_EVENT_H

#include <midden/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mid_event_kind {
    MID_EVENT_BEGIN = 1, /* a collection begins; only number, kind, reason and the figures *_before are set */
    MID_EVENT_END = 2,   /* it has ended; finalizers have not run yet */
    MID_EVENT_REFUSED = 4, /* an allocation was refused; mid_heap_refusal has the text */
    MID_EVENT_STATS = 8,   /* after the END of each collection that was not a scavenge; `trend` is set */
    MID_EVENT_LEAK = 16    /* after STATS, when more was live than before for the fifth time in a row; `trend` is set, with
                              its second part. Then the count begins anew */
};

enum mid_collection_kind {
    MID_COLLECTION_SCAVENGE = 0,
    MID_COLLECTION_FULL,        /* mark and sweep, in one pause */
    MID_COLLECTION_LAST_RESORT, /* the same near the limit */
    MID_COLLECTION_INCREMENTAL  /* marked in steps: BEGIN at its start, END when all is marked */
};

/* How the heap develops over the collections that mark everything, after node-memwatch's events `stats` and `leak`. The
 * base is what such a collection found alive in old and large space, in bytes: the nursery, most of which is garbage at
 * any moment, is left out. An incremental one keeps what died while it marked; a base after it is that much too high. */
struct mid_trend {
    size_t struct_size;
    uint64_t full_collections;        /* so far: in one pause, last resort included */
    uint64_t incremental_collections; /* in steps */
    uint64_t scavenges;
    size_t base_bytes;                /* now */
    size_t base_min_bytes, base_max_bytes; /* of all so far */
    size_t base_estimated_bytes;      /* the mean of about the last 10 (exponential) */
    double usage_trend;               /* per cent by which that is above the mean of about the last 120; below: negative */
    /* LEAK; 0 for STATS */
    uint32_t collections;             /* that it grew over: 5 */
    uint64_t start_ns, end_ns;        /* when the first base was taken, and the last: since the heap was made */
    size_t start_bytes, end_bytes, growth_bytes;
    double bytes_an_hour;             /* the growth at this rate */
};

/* The figures of one collection. All sizes in bytes, all times in nanoseconds. */
struct mid_collection {
    size_t struct_size;
    uint64_t number;       /* 1, 2, 3 ... in this heap */
    uint32_t kind;         /* enum mid_collection_kind */
    uint32_t steps;        /* of marking; 0 for a scavenge */
    const char *reason;    /* static text */
    uint64_t begin_ns;     /* since the heap was made */
    uint64_t wall_ns;      /* how long the program stood still for it: for an incremental one the sum of its pauses */
    uint64_t cpu_ns;       /* the same in CPU time of the thread */
    uint64_t longest_ns;   /* the longest of these pauses */
    size_t used_before, used_after;   /* heap_used and heap_total, as in mid_heap_usage */
    size_t total_before, total_after;
    size_t external_before, external_after;
    size_t survived_bytes;         /* copied within the nursery */
    size_t promoted_bytes;         /* moved to the old space */
    size_t failed_promotion_bytes; /* stayed in the nursery because the old space was at its limit */
    size_t marked_bytes;           /* live in old and large space; 0 for a scavenge */
    size_t marked_objects;
    size_t remembered_slots;       /* in the set afterwards */
    size_t weaks_cleared;
    size_t buffers_released;
    size_t finalizers_queued;
    const struct mid_trend *trend; /* NULL but for STATS and LEAK; lives for the call */
};

/* Called on the thread that collects; must not call the heap, except mid_heap_refusal. The struct lives for the call. */
typedef void (*mid_event_fn)(void *user, enum mid_event_kind event, const struct mid_collection *collection);

/* Adds a listener for the events whose bits are set in `events` (enum mid_event_kind). MID_E_INVALID: no or unknown
 * bits, or the pair (fn, user) is there already. MID_E_MEMORY. Never collects. */
MID_API enum mid_status mid_heap_listen(struct mid_heap *heap, uint32_t events, mid_event_fn fn, void *user);

/* Takes it away. MID_E_INVALID when it is not there. Not from a listener. */
MID_API enum mid_status mid_heap_unlisten(struct mid_heap *heap, mid_event_fn fn, void *user);

/* The figures of the last `capacity` collections at most, oldest first, into `out` (an array whose elements have this
 * library's struct_size); returns how many. The heap keeps eight. Never collects. */
MID_API size_t mid_heap_recent(struct mid_heap *heap, struct mid_collection *out, size_t capacity);

/* ---- interrupts: what a signal handler or another thread wants done by the program's own thread, between two uses of the
 * heap. The heap comes by with every 16 KiB allocated, and at the end of mid_heap_collect. */

/* Called on the mutator's thread where a call may collect, with the heap free for use: it may allocate and collect. */
typedef void (*mid_interrupt_fn)(void *user, struct mid_heap *heap);

/* Adds a callback, at most eight. All are called, in no particular order, once or more after each mid_heap_interrupt: each
 * looks for itself whether it was meant. MID_E_INVALID: no fn, or the pair (fn, user) is there already. MID_E_LIMIT: there
 * are eight. Never collects. Also from the callback. */
MID_API enum mid_status mid_heap_on_interrupt(struct mid_heap *heap, mid_interrupt_fn fn, void *user);

/* Takes it away. MID_E_INVALID when it is not there. */
MID_API enum mid_status mid_heap_off_interrupt(struct mid_heap *heap, mid_interrupt_fn fn, void *user);

/* Asks for the callbacks. From any thread and from signal handlers (async-signal-safe); the heap must live. O(1). */
MID_API void mid_heap_interrupt(struct mid_heap *heap);

/* Calls them now if they were asked for: for a program that waits for events and allocates nothing. MID_E_BUSY from a
 * callback of the heap or in a walk. May collect. */
MID_API enum mid_status mid_heap_run_interrupts(struct mid_heap *heap);

/* Writes the trace line of a collection, as in "[midden] 1234.5 ms: scavenge 12.3 (16.0) -> 4.1 (16.0) MB, 0.8 ms,
 * allocation failure", NUL-terminated, cut at capacity; returns the length that it would have. */
MID_API size_t mid_collection_line(const struct mid_collection *collection, char *out, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
