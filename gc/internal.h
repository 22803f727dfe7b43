/* SPDX-License-Identifier: MIT
 *
 * The heap's own structures, shared by the files of gc/ and by tests that break invariants on purpose; never installed.
 *
 * Note [Phases]
 * IDLE -> MARK -> SWEEP -> IDLE. A stop-the-world collection passes through them with steps of unbounded size; nothing
 * else tells it from an incremental one. Scavenges may come between any two steps of any phase.
 *
 *     phase   new old objects   barrier marks      live side         mark side
 *     IDLE    live              -                  all objects       clear
 *     MARK    live and marked   the value deleted  all objects       black and grey
 *     SWEEP   live              -                  what was marked   cleared block by block
 */
#ifndef MIDDEN_GC_INTERNAL_H
#define MIDDEN_GC_INTERNAL_H

#include "layout.h"

#include <midden/event.h>
#include <midden/heap.h>
#include <midden/internal/compiler.h>
#include <midden/internal/sys.h>
#include <midden/pauses.h>
#include <midden/roots.h>
#include <midden/sites.h>
#include <midden/slice.h>
#include <midden/walk.h>

#include <pthread.h>
#include <stdatomic.h>

/* ---- types -------------------------------------------------------------------------------------------------------- */

struct mid__type {
    uint64_t header; /* the header of an object without a tail */
    char *name;
    struct mid_field *fields; /* in the order of registration, names copied */
    uint32_t field_count;
    uint32_t fixed_bytes;
    uint32_t tail, kind;
    mid_trace_fn trace;
    mid_describe_fn describe;
    void *user;
};

/* ---- size classes ------------------------------------------------------------------------------------------------- */

#define MID__CLASSES 96u
#define MID__RAW_CLASS 48u /* classes from here on hold nothing but objects without references */
#define MID__YOUNG_WORDS (MID_YOUNG_BYTES / 8)

struct mid__class {
    struct mid__block *current; /* or NULL */
    struct mid__block *partial, *unswept;
    uint32_t cell_words;
};

struct mid__oldspace {
    struct mid__class classes[MID__CLASSES];
    uint8_t class_of[MID__YOUNG_WORDS + 1]; /* by words, header included; + MID__RAW_CLASS for raw objects */
    struct mid__block *free_blocks; /* touched ones first; from `cold` on those whose pages are not there yet */
    struct mid__block *cold;        /* or NULL */
    size_t cold_pages;              /* pages of `cold` that are touched already */
    size_t taken;                   /* free blocks that came into use since the present scavenge began */
    size_t expected;                /* ... in the last ones, the most, fading: what the next may take */
    size_t blocks_used;     /* blocks that are not free */
    size_t blocks_touched;  /* that may be resident: used ones and some free ones */
    size_t chunks;          /* of kind OLD */
};

struct mid__largespace {
    size_t chunks;        /* of kind LARGE */
    size_t pages_used, pages_touched;
    size_t huge_bytes;    /* object bytes of huge ones, in whole pages */
    size_t huge_objects, objects;
};

/* ---- nursery ------------------------------------------------------------------------------------------------------ */

struct mid__nursery {
    uintptr_t from_base, from_end; /* objects are born and live here; [base, hot.top) is one run of objects */
    uintptr_t to_base;             /* the other half */
    size_t capacity;               /* of a half, now */
    size_t capacity_max;           /* as mapped */
    uint64_t consumed;             /* bytes ever born here before the last scavenge */
    uintptr_t survivors_end;       /* what lies below has survived a scavenge */
    /* during a scavenge */
    uintptr_t scan, to_top, to_end;
    uintptr_t *promoted;           /* a stack that grows down from the end of To */
    uintptr_t old_base, old_end;   /* From: what is to be emptied */
    size_t promote_above;          /* promote all when To is fuller than this */
    bool promote_all;
    size_t survived_bytes, promoted_bytes, failed_bytes;
    /* its size: see Note [Nursery size] in nursery.c */
    size_t emptied_bytes;          /* what the last scavenge found in From */
    unsigned vain;                 /* scavenges in a row that found most of a nursery at its greatest size alive */
    bool small, collapse;          /* it stays small, since size has not helped; it is to become so */
    uint64_t grow_again_at, wait;  /* small: until so many bytes were born; for so many the next time */
};

/* ---- remembered set: see Note [Remembered set] in remset.c ----------------------------------------------------------- */

struct mid__huge_slot {
    struct mid__chunk *chunk;
    struct mid_ref *slot;
};

struct mid__remset {
    struct mid_ref **slots;
    size_t count, capacity;
    struct mid__huge_slot *huge;
    size_t huge_count, huge_capacity;
    size_t cursor, huge_cursor; /* when a marking is settled: from here on the lists are */
    bool lost; /* an index had no room: the bits alone know */
};

/* ---- marking -------------------------------------------------------------------------------------------------------- */

#define MID__STACK_ENTRIES 510u

struct mid__stack_part {
    struct mid__stack_part *below;
    size_t count;
    uintptr_t entries[MID__STACK_ENTRIES];
};

/* Of phase MARK: see settle.c. */
enum mid__stage {
    MID__STAGE_MARKING = 0, /* something may be grey */
    MID__STAGE_WEAK,
    MID__STAGE_FINALIZERS,
    MID__STAGE_RESCUE,
    MID__STAGE_KEYS,
    MID__STAGE_BUFFERS,
    MID__STAGE_SAMPLES,
    MID__STAGE_SLOTS,
    MID__STAGE_IDS,
    MID__STAGE_SETTLED,
};

/* What a step's budget is charged for an element of a large array that is scanned by pieces: it is one of millions, each of which
 * may lead to a line of mark bits that no cache has. (With 8 bytes, as they lie, the first steps of a marking took 3 to 5 ns a
 * byte, later ones 0.5: T4, whose nodes hang on an array of 33 MB.) */
#define MID__ELEMENT_BYTES 64u

struct mid__mark {
    unsigned stage;                    /* enum mid__stage */
    const struct mid__handles *root_part; /* persistent handles from here on are still to be read */
    size_t waiting_left;               /* of the objects that wait for finalizers, those below are still to be read */
    struct mid__stack_part *top;   /* never NULL after the heap is made */
    struct mid__stack_part *spare; /* empty ones, linked by `below` */
    size_t parts, parts_max;
    bool overflowed;               /* an object was marked and not pushed */
    uintptr_t sliced;              /* an array that is being scanned by pieces, or 0 ... */
    size_t sliced_word;            /* ... from this payload word on */
    size_t bytes[2], objects[2];   /* marked in this cycle, in old and in large space; new ones included */
    size_t leaf_bytes;             /* the part of it that never was on the stack: Note [Leaf blocks] in oldspace.c */
    uint64_t overflows;
};

enum mid__phase { MID__IDLE = 0, MID__MARK, MID__SWEEP };

/* ---- tables of objects that are watched ------------------------------------------------------------------------------ */

struct mid__watch {
    uintptr_t object;
    void *a, *b;
};

/* [0, old) hold objects that are not young, [old, count) young ones. */
struct mid__table {
    struct mid__watch *entries;
    size_t old, count, capacity;
    size_t cursor; /* when a marking is settled: [cursor, old) is */
};

struct mid_weak {
    uintptr_t object; /* 0: cleared */
    const char *label;
    mid_weak_fn cleared;
    void *user;
    size_t index;          /* in heap->weaks, while not cleared */
    struct mid_weak *next; /* in the list of cleared ones that wait for their call */
    struct mid_weak *all_next, *all_prev;
    bool waiting, released;
};

struct mid__waiting {
    struct mid_ref object;
    mid_finalizer_fn fn;
    void *user;
};

/* ---- roots ------------------------------------------------------------------------------------------------------------ */

#define MID__LOCALS 1022u

struct mid__locals {
    struct mid__locals *next, *prev;
    struct mid_ref *top; /* where the used ones end, while a later part is the current one */
    struct mid_ref slots[MID__LOCALS];
};

struct mid__handle { /* a persistent handle */
    struct mid_persistent face;
    const char *label;
    struct mid__handle *next_free;
    bool used, listed; /* in use; on the list of those that may refer to young objects */
};

#define MID__HANDLES 127u

struct mid__handles {
    struct mid__handles *next;
    struct mid__handle handles[MID__HANDLES];
};

struct mid_pin {
    struct mid_ref ref;
    bool counted; /* in its block; not while it is being made */
    struct mid_pin *next, *prev;
};

struct mid__roots_entry {
    mid_roots_fn fn;
    void *user;
    const char *label;
};

struct mid_root_visitor {
    void (*visit)(void *context, struct mid_ref *slot, const char *label);
    void *context;
};

struct mid_tracer {
    void (*visit)(void *context, struct mid_ref *slot, const char *name, size_t index);
    void *context;
};

/* ---- ids: see ids.c --------------------------------------------------------------------------------------------------- */

struct mid__id {
    uintptr_t object; /* 0: empty */
    uint64_t id;
};

struct mid__ids {
    struct mid__id *entries;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
    size_t cursor;   /* when a marking is settled: from here on the table is */
    uint64_t next;
};

/* ---- sampled sites: see sites.c ------------------------------------------------------------------------------------------- */

struct mid__site {
    uint32_t parent, function, first_child, next; /* 0: none; the root is number 0 */
    uint64_t samples, bytes, live_samples, live_bytes; /* of the objects sampled here, as they are */
    uint64_t estimate, live_estimate;                  /* bytes of all objects that they stand for */
};

struct mid__sampler {
    size_t mean_bytes;        /* between samples; 0: off */
    size_t last_mean_bytes;   /* that was not 0 */
    uint64_t random;
    uint64_t due[2];          /* the next sample is the object with this byte: of the large and old ones born, of the young */
    struct mid__table table;  /* the sampled objects: a: the number of the site; b: the bytes that the sample stands for */
    struct mid__site *sites;  /* [0] is the root of the tree */
    struct mid_frame *functions; /* with texts of their own; [0] stands for the root */
    size_t site_count, site_capacity, function_count, function_capacity;
    uint64_t lost;            /* samples for which there was no memory */
};

/* ---- ephemerons: see ephemeron.c ------------------------------------------------------------------------------------------ */

/* All known by number; `listed`: on the list of young ones. UINT32_MAX ends a list. */
struct mid__key {
    uintptr_t object;   /* 0: free */
    uint32_t next;      /* in its bucket, or of the free ones */
    uint32_t first;     /* pair */
    uint32_t grey_next; /* during a scavenge */
    bool listed;
};

struct mid__pair {
    struct mid_ref value;
    uint32_t key, table;         /* table UINT32_MAX: free */
    uint32_t key_next, key_prev; /* with the same key; next also of the free ones */
    uint32_t table_next, table_prev;
    bool listed;
};

struct mid__weak_table {
    uintptr_t object; /* 0: free */
    uint32_t next;    /* of the free ones; during a scavenge, of the grey ones */
    uint32_t first, count;
    bool listed;
};

struct mid__ephemerons {
    struct mid__key *keys;
    struct mid__pair *pairs;
    struct mid__weak_table *tables;
    uint32_t *bucket;   /* keys by address: linear hashing */
    uint32_t buckets;   /* in use */
    uint32_t free_keys, free_pairs, free_tables, grey_keys, grey_tables;
    uint32_t *young_keys, *young_pairs, *young_tables; /* numbers */
    size_t key_count, pair_count, table_count;         /* records, free ones included */
    size_t keys_used, pairs_used, tables_used;
    size_t young_key_count, young_pair_count, young_table_count;
    size_t key_capacity, pair_capacity, table_capacity, bucket_capacity;
    size_t young_key_capacity, young_pair_capacity, young_table_capacity;
    size_t purge_key, purge_table; /* records below are still to be looked at when a marking ends */
};

typedef void mid__pair_fn(void *context, uint32_t pair, uintptr_t key, uintptr_t table, struct mid_ref *value, bool from_table);

/* ---- the heap ------------------------------------------------------------------------------------------------------------ */

#define MID__RECENT 8u

struct mid__listener {
    mid_event_fn fn;
    void *user;
    uint32_t events;
};

struct mid__adapt { /* see adapt.c; rates in bytes a nanosecond of CPU */
    double fill_rate, mark_rate;
    uint64_t program_ns; /* of the program's own CPU time, at the end of the last marking */
    uint64_t markings;
};

/* What is known about the garbage of the old space, from the last full collection to the moment when the program runs
 * again: nothing; that there is none; and that no compaction would make room either. */
enum mid__proof { MID__PROOF_NONE = 0, MID__PROOF_SWEPT, MID__PROOF_COMPACT };

#define MID__INTERRUPTS 8u

struct mid__interrupt {
    mid_interrupt_fn fn;
    void *user;
};
struct mid_heap {
    struct mid__hot hot; /* must be first: the inlined functions know it */
    struct mid_heap_options options;
    enum mid__phase phase;
    unsigned live_side; /* 0 or 1; the mark side is the other */
    bool crew_out, crew_marks; /* helpers are at work; at marking: Note [Crew] in crew.c */
    unsigned busy;      /* in a collection, a callback or a walk: nothing may allocate */
    struct mid__crew *crew; /* NULL without helper threads */
    struct mid_walk *walk;
    _Atomic bool interrupted; /* set by signal handlers and other threads: interrupt.c */
    unsigned interrupt_count;
    struct mid__interrupt interrupts[MID__INTERRUPTS];

    struct mid__type *types;
    size_t type_count, type_capacity;
    struct mid_type buffer_type, weak_table_type;
    bool has_buffer_type;

    struct mid__nursery nursery;
    struct mid__remset remset;
    struct mid__chunk **chunks; /* of all kinds */
    size_t chunk_count, chunk_capacity;
    struct mid__oldspace old;
    struct mid__largespace large;
    struct mid__mark mark;
    size_t sweep_chunk, sweep_block; /* where lazy sweeping goes on */
    bool trimming;                   /* swept lazily: free memory is still to be given back, piece by piece */

    struct mid__locals *locals_first, *locals_current;
    struct mid__handles *handles;
    struct mid__handle *handle_free;
    struct mid__handle **young_handles; /* has room for every handle */
    size_t young_handle_count, handle_capacity, handle_count;
    struct mid_pin *pins;
    size_t pin_count;
    struct mid__roots_entry *root_entries;
    size_t root_count;

    struct mid__table buffers, finalizers, weaks;
    struct mid_slice *releases; /* slices of dead buffers, to be released outside the collection */
    size_t release_count, release_capacity, release_bytes;
    struct mid__waiting *waiting; /* finalizers to run, from waiting_first on */
    size_t waiting_first, waiting_count, waiting_capacity;
    size_t waiting_limit;  /* those from here on must not run yet; SIZE_MAX: all may */
    size_t waiting_shaded; /* of these, those below have been shaded */
    bool finalizing;
    struct mid_weak *cleared; /* weak handles whose callback waits */
    struct mid_weak *weak_handles;
    size_t weak_count;
    struct mid__ids ids;
    struct mid__ephemerons ephemerons;
    struct mid__sampler sampler;

    uintptr_t stack_base;     /* of the thread below, once it was asked for */
    pthread_t stack_thread;
    size_t stack_scan_debt;   /* with stack_scan: bytes allocated since the collector was given a chance */

    /* pace: see pace.c */
    size_t old_limit, old_limit_initial;
    size_t live_bytes[2], live_objects[2]; /* old and large space: marked by the last cycle and born since */
    size_t threshold;       /* a full collection begins when live_bytes reach it */
    enum mid__proof proof;  /* Note [Proof of a refusal], in alloc.c */
    bool refused;           /* the last allocation that left the fast path was */
    size_t external, array_buffers;
    size_t external_scavenged; /* external after the last scavenge */
    size_t external_threshold;
    size_t marked_last;
    struct mid__adapt adapt;
    uint64_t torture_count, torture_turn;
    double mark_bytes_a_ns; /* the slowest of the last steps; 0: not known yet */

    /* figures and events */
    uint64_t made_ns;
    uint64_t collections;
    struct mid_collection minor, major; /* the one of each sort that is under way */
    struct mid_collection sweeping;     /* pauses of lazy sweeping, which belong to no event */
    struct mid_collection *counting;    /* the one that present work counts in */
    enum mid_pause pausing;             /* what for */
    uint64_t begun_ns;                  /* of the present pause, wall and CPU */
    uint64_t begun_cpu_ns;
    struct mid__sys_thread_counts begun_counts; /* with trace=pauses */
    uint64_t work_bytes, begun_work;    /* copied, promoted, marked, swept (of bits), touched; 64 a remembered slot */
    struct mid_collection recent[MID__RECENT];
    struct mid__listener *listeners;
    size_t listener_count;
    struct mid__pauses *pauses; /* see pauses.c */
    struct mid__chrome *chrome; /* see chrome.c; NULL while it is off */
    struct mid_trend trend, leak; /* see trend.c: the sums; the growth under way */
    double recent_base, ancient_base;
    unsigned growing;           /* full collections in a row after which more was live than before */
    struct mid_gc_stats totals; /* the counters of it; spaces are computed on demand */
    char *refusal;
};

/* ---- small questions -------------------------------------------------------------------------------------------------- */

MID__INLINE bool mid__is_young(const struct mid_heap *heap, uintptr_t object)
{
    return object - heap->hot.young_base < heap->hot.young_bytes;
}

MID__INLINE unsigned mid__mark_side(const struct mid_heap *heap)
{
    return heap->live_side ^ 1u;
}

/* Which of live_bytes[] an object of so many bytes counts in. */
MID__INLINE unsigned mid__is_large(size_t bytes)
{
    return bytes > MID_YOUNG_BYTES;
}

MID__INLINE struct mid_ref mid__ref(uintptr_t object)
{
    return (struct mid_ref){(struct mid_object *)object};
}

/* Until the next window is opened the inlined bump fails, so that an allocation where none is allowed gets null. */
MID__INLINE void mid__close_window(struct mid_heap *heap)
{
    heap->hot.limit = heap->hot.top;
}

/* Calls visit(context, slot) for every slot of an object. `visit` is a constant at each call, so that each caller gets a
 * loop of its own. Objects with a trace callback go through `traced`, an out-of-line function of the same meaning. */
MID__INLINE void mid__each_slot(struct mid_heap *heap, uintptr_t object, uint64_t header,
                                void (*visit)(void *context, struct mid_ref *slot), void *context,
                                void (*traced)(void *context, struct mid_ref *slot, const char *name, size_t index))
{
    uint64_t layout = (header & MID__LAYOUT_MASK) >> MID__LAYOUT_SHIFT;
    struct mid_ref *payload = (struct mid_ref *)(object + MID__WORD);
    struct mid_ref *end = payload + mid__payload_of(header) / MID__WORD;
    if (layout == MID__LAYOUT_REFS) {
        for (struct mid_ref *slot = payload; slot < end; slot++)
            visit(context, slot);
    } else if (layout == MID__LAYOUT_TABLE) {
        const struct mid__type *type = &heap->types[mid__type_index(header)];
        if (type->trace != NULL) {
            struct mid_tracer tracer = {traced, context};
            type->trace(type->user, payload, mid__payload_of(header), &tracer);
            return;
        }
        for (uint32_t i = 0; i < type->field_count; i++)
            visit(context, payload + type->fields[i].offset / MID__WORD);
        if (type->tail == MID_TAIL_REFS)
            for (struct mid_ref *slot = payload + type->fixed_bytes / MID__WORD; slot < end; slot++)
                visit(context, slot);
    }
}

typedef uintptr_t mid__moved_fn(const void *context, uintptr_t object); /* the new address of an old or large object */

/* ---- heap.c */
void mid__refuse(struct mid_heap *heap, size_t bytes, const char *why);
void *mid__grow(void *old, size_t *capacity, size_t wanted, size_t element_bytes);

/* ---- options.c */
enum mid_status mid__options_settle(struct mid_heap_options *options);

/* ---- nursery.c */
bool mid__nursery_map(struct mid_heap *heap);
void mid__nursery_unmap(struct mid_heap *heap);
bool mid__nursery_open_window(struct mid_heap *heap, size_t bytes);
void mid__nursery_scavenge(struct mid_heap *heap, bool promote_all);
void mid__nursery_resize(struct mid_heap *heap, uint64_t cpu_ns);
void mid__nursery_keep(struct mid_heap *heap, struct mid_ref *slot); /* during a scavenge: the slot keeps its object */
void mid__nursery_drain(struct mid_heap *heap);
uintptr_t mid__nursery_forwarded(struct mid_heap *heap, uintptr_t object); /* 0: dead */
uint64_t mid__nursery_born(const struct mid_heap *heap); /* bytes ever allocated in it */
void mid__nursery_each(struct mid_heap *heap, void (*fn)(void *context, uintptr_t object), void *context);
void mid__nursery_decommit(struct mid_heap *heap);

/* ---- remset.c */
void mid__remember(struct mid_heap *heap, uintptr_t holder, struct mid_ref *slot);
void mid__remset_scavenge(struct mid_heap *heap);
bool mid__remset_purge(struct mid_heap *heap, size_t *budget);
void mid__remset_each(struct mid_heap *heap, void (*fn)(void *context, struct mid__chunk *chunk, struct mid_ref *slot),
                      void *context);
void mid__remset_forget_moved(struct mid_heap *heap);
bool mid__remset_list(struct mid_heap *heap); /* the lists are whole afterwards, or false */
void mid__remset_slide(struct mid_heap *heap, mid__moved_fn *moved, const void *context);
void mid__remset_free(struct mid_heap *heap);

/* ---- oldspace.c */
void mid__old_init(struct mid_heap *heap);
/* A cell for an object with this header; 0: at the limit or out of memory. Sets live bits. */
uintptr_t mid__old_alloc_for(struct mid_heap *heap, uint64_t header);
struct mid__chunk *mid__chunk_map(struct mid_heap *heap, enum mid__chunk_kind kind, size_t bytes);
void mid__chunk_unmap(struct mid_heap *heap, struct mid__chunk *chunk);
void mid__old_block_list(struct mid__block **list, struct mid__block *block);
void mid__old_block_unlist(struct mid__block **list, struct mid__block *block);
void mid__old_block_free(struct mid_heap *heap, struct mid__block *block);
void mid__old_retire_current(struct mid_heap *heap);
bool mid__old_trim(struct mid_heap *heap, size_t keep_bytes, size_t pieces); /* true when nothing is left to give back */
void mid__old_warm(struct mid_heap *heap, size_t wanted_blocks, size_t pages);
void mid__old_expect(struct mid_heap *heap);
size_t mid__old_total(const struct mid_heap *heap); /* what counts against the limit */
uintptr_t mid__old_object_of(const struct mid_heap *heap, uintptr_t inner); /* the cell or run that holds an address */
/* Every object of old and large space whose bit is set on `side`, in address order within a chunk. */
void mid__old_each(struct mid_heap *heap, unsigned side, void (*fn)(void *context, uintptr_t object), void *context);

/* ---- largespace.c */
uintptr_t mid__large_alloc(struct mid_heap *heap, size_t bytes); /* zeroed; 0: at the limit or out of memory */
void mid__large_sweep(struct mid_heap *heap, struct mid__chunk *chunk); /* may unmap the chunk if it is huge */
void mid__large_trim(struct mid_heap *heap, size_t keep_bytes);

/* ---- mark.c */
bool mid__mark_init(struct mid_heap *heap);
void mid__mark_free(struct mid_heap *heap);
bool mid__mark_give_back(struct mid_heap *heap, size_t parts);
void mid__mark_begin(struct mid_heap *heap);
bool mid__mark_step(struct mid_heap *heap, size_t budget); /* true when all is marked and settled */
void mid__mark_shade(struct mid_heap *heap, uintptr_t object);
bool mid__mark_drain(struct mid_heap *heap, size_t budget); /* true when nothing grey is left */
void mid__mark_end(struct mid_heap *heap);
size_t mid__mark_scan_odd(struct mid_heap *heap, uintptr_t object); /* a grey object, by its callback or with its pairs */

/* ---- crew.c, mark_parallel.c: helper threads */
bool mid__crew_init(struct mid_heap *heap);
void mid__crew_free(struct mid_heap *heap);
void mid__crew_recall_now(struct mid_heap *heap);
void mid__crew_go_on(struct mid_heap *heap);
void mid__crew_stats(struct mid_heap *heap, struct mid_gc_stats *stats);
void mid__crew_shade(struct mid_heap *heap, uintptr_t object);
void mid__crew_drain(struct mid_heap *heap);
bool mid__crew_step(struct mid_heap *heap, size_t budget);
size_t mid__crew_progress(const struct mid_heap *heap);
bool mid__crew_next_slice(struct mid_heap *heap);
uintptr_t mid__crew_slice(const struct mid_heap *heap, size_t i); /* the i-th array that is left in the middle, or 0 */

/* Before anything that helpers must not see half done. */
MID__INLINE void mid__crew_recall(struct mid_heap *heap)
{
    if (MID__UNLIKELY(heap->crew_out))
        mid__crew_recall_now(heap);
}

/* At the end of a step or a collection. */
MID__INLINE void mid__crew_send(struct mid_heap *heap)
{
    if (MID__UNLIKELY(heap->crew != NULL))
        mid__crew_go_on(heap);
}

/* ---- settle.c */
void mid__settle_begin(struct mid_heap *heap);
bool mid__settle_step(struct mid_heap *heap, size_t budget_bytes);

/* ---- sweep.c */
void mid__sweep_begin(struct mid_heap *heap);
bool mid__sweep_step(struct mid_heap *heap, size_t blocks); /* true when all is swept and the phase is IDLE */
void mid__trim_step(struct mid_heap *heap, size_t pieces); /* gives back what a marking has left over */
void mid__sweep_class(struct mid_heap *heap, struct mid__class *class); /* sweeps some, until a partial block of it is found */

/* ---- compact.c */
void mid__compact(struct mid_heap *heap, enum mid_collection_kind kind);
void mid__fix_up(struct mid_heap *heap, mid__moved_fn *moved, const void *context);

/* ---- conservative.c */
void mid__stack_each(struct mid_heap *heap, void (*fn)(void *context, uintptr_t object), void *context);
void mid__stack_pin(struct mid_heap *heap);
void mid__stack_unpin(struct mid_heap *heap);

/* ---- slide.c */
size_t mid__slide_gain(const struct mid_heap *heap);
bool mid__slide(struct mid_heap *heap);

/* ---- roots.c */
bool mid__roots_init(struct mid_heap *heap);
void mid__roots_free(struct mid_heap *heap);
void mid__roots_scavenge(struct mid_heap *heap);
void mid__roots_without_barrier(struct mid_heap *heap, void (*fn)(void *context, struct mid_ref *slot), void *context);
void mid__roots_each(struct mid_heap *heap, void (*fn)(void *context, struct mid_ref *slot), void *context);

/* ---- finalize.c */
bool mid__table_reserve(struct mid__table *table);
void mid__watched_scavenge(struct mid_heap *heap);
bool mid__settle_weaks(struct mid_heap *heap, size_t *budget);
bool mid__settle_finalizers(struct mid_heap *heap, size_t *budget);
bool mid__settle_rescue(struct mid_heap *heap, size_t *budget);
bool mid__settle_buffers(struct mid_heap *heap, size_t *budget);
bool mid__settle_samples(struct mid_heap *heap, size_t *budget);
void mid__table_add(struct mid_heap *heap, struct mid__table *table, struct mid__watch entry); /* reserved */
void mid__after_collection(struct mid_heap *heap);      /* everything that waits */
void mid__after_collection_some(struct mid_heap *heap); /* a bounded part of it */
void mid__watched_free(struct mid_heap *heap);

/* ---- ephemeron.c */
bool mid__ephemeron_init(struct mid_heap *heap);
void mid__ephemeron_free(struct mid_heap *heap);
uint32_t mid__ephemeron_bucket(const struct mid__ephemerons *e, uintptr_t object);
void mid__ephemeron_black(struct mid_heap *heap, uintptr_t object, uint64_t header); /* marking: it is scanned */
size_t mid__ephemeron_slice(struct mid_heap *heap);
void mid__ephemeron_mark_begin(struct mid_heap *heap);
bool mid__ephemeron_purge(struct mid_heap *heap, size_t *budget);
void mid__ephemeron_scavenge(struct mid_heap *heap);
void mid__ephemeron_evacuated(struct mid_heap *heap, uintptr_t from, uintptr_t to);
void mid__ephemeron_moved(struct mid_heap *heap, uintptr_t from, uintptr_t to);
bool mid__ephemeron_drain(struct mid_heap *heap);
void mid__ephemeron_scavenged(struct mid_heap *heap);
void mid__ephemeron_each_value(struct mid_heap *heap, void (*fn)(void *context, struct mid_ref *slot), void *context);
void mid__ephemeron_each_pair(struct mid_heap *heap, uintptr_t object, mid__pair_fn *fn, void *context);
MID__INLINE bool mid__is_weak_table(const struct mid_heap *heap, uint64_t header)
{
    return ((header ^ heap->weak_table_type.header) & MID__HEADER_TYPE_MASK) == 0 && (header & MID__EPHEMERAL) != 0;
}

/* ---- sites.c */
void mid__sample(struct mid_heap *heap, struct mid_ref fresh, size_t bytes, const void *caller); /* if it is its turn */
uintptr_t mid__sample_border(const struct mid_heap *heap, uintptr_t wanted); /* objects that end there at most are not sampled */
void mid__sample_dead(struct mid_heap *heap, struct mid__watch *entry);
void mid__sites_free(struct mid_heap *heap);
struct mid__sampled { /* a hash table from address to site, for a walk */
    uintptr_t object; /* 0: empty */
    uint32_t site;
};
/* NULL and *mask 0 when nothing is sampled; false: no memory. */
bool mid__sampled_index(const struct mid_heap *heap, struct mid__sampled **table, size_t *mask);
uint32_t mid__sampled_find(const struct mid__sampled *table, size_t mask, uintptr_t object);
bool mid__sites_sound(const struct mid_heap *heap); /* recounts the live samples of each site; true also without memory for it */

/* ---- ids.c */
bool mid__ids_give(struct mid_heap *heap, uintptr_t object);
bool mid__ids_give_block(struct mid_heap *heap, struct mid__block *block);
uint64_t mid__ids_find(const struct mid_heap *heap, uintptr_t object);
void mid__ids_chunk_gone(struct mid__chunk *chunk);
void mid__ids_moved(struct mid_heap *heap, uintptr_t from, uintptr_t to);
bool mid__ids_purge(struct mid_heap *heap, size_t *budget);

/* ---- pace.c */
void mid__pace_allocation(struct mid_heap *heap, size_t bytes); /* may collect */

void mid__interrupt_call(struct mid_heap *heap); /* may collect */
MID__INLINE void mid__interrupt_check(struct mid_heap *heap)
{
    if (MID__UNLIKELY(atomic_load_explicit(&heap->interrupted, memory_order_relaxed)))
        mid__interrupt_call(heap);
}
void mid__pace_after_scavenge(struct mid_heap *heap);
void mid__pace_after_marking(struct mid_heap *heap);
size_t mid__external_soon(const struct mid_heap *heap);
void mid__pace_external(struct mid_heap *heap);
void mid__pace_large(struct mid_heap *heap, size_t bytes); /* may collect */
void mid__pace_near_limit(struct mid_heap *heap, size_t bytes);
void mid__pace_init(struct mid_heap *heap);
bool mid__pace_late(const struct mid_heap *heap);
void mid__pace_after_step(struct mid_heap *heap, size_t bytes, uint64_t cpu_ns);

/* ---- collect.c */
void mid__collect_scavenge(struct mid_heap *heap, const char *reason);
void mid__collect_promote(struct mid_heap *heap, const char *reason); /* the nursery into the old space */
void mid__collect_promote_only(struct mid_heap *heap, const char *reason); /* and no full collection when it does not fit */
void mid__collect_full(struct mid_heap *heap, enum mid_collection_kind kind, const char *reason);
void mid__collect_start(struct mid_heap *heap, const char *reason);
void mid__collect_step(struct mid_heap *heap, size_t budget, const char *reason);
void mid__verify_phase(struct mid_heap *heap);

/* ---- trace.c */
void mid__event_begin(struct mid_heap *heap, struct mid_collection *c, enum mid_collection_kind kind, const char *reason);
void mid__event_end(struct mid_heap *heap, struct mid_collection *c);
void mid__event_refused(struct mid_heap *heap);
void mid__tell(struct mid_heap *heap, enum mid_event_kind event, const struct mid_collection *c);
void mid__pause_begin(struct mid_heap *heap, struct mid_collection *c, enum mid_pause phase);
uint64_t mid__pause_end(struct mid_heap *heap); /* CPU time of this pause, ns */

/* ---- verify.c, verify_*.c */
struct mid__verify_face { /* what the parts of the verifier ask of the whole */
    void *context;
    bool (*is_object)(const void *context, uintptr_t address);
    void (*broken)(void *context, const char *rule, const void *address, const char *detail);
};
void mid__verify_ephemerons(struct mid_heap *heap, const struct mid__verify_face *face);
void mid__verify_pins(struct mid_heap *heap, const struct mid__verify_face *face);

/* ---- stats.c */
void mid__spaces(struct mid_heap *heap, struct mid_space spaces[MID_SPACE_COUNT]);
size_t mid__heap_used(struct mid_heap *heap);
size_t mid__heap_total(struct mid_heap *heap);

#include "observe.h"

#endif
