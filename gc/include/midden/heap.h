/* SPDX-License-Identifier: MIT
 *
 * <midden/heap.h>: a precise, moving, generational heap to embed. Types are registered, objects allocated, fields
 * written through one barrier; the collector finds everything else. Roots stand in <midden/roots.h>, tables with weak keys in
 * <midden/weak_table.h>, who allocated what in <midden/sites.h>, the walk over all objects in <midden/walk.h>, what a collection tells in <midden/event.h>, <midden/pauses.h>.
 *
 * Two rules carry everything:
 *   1. Any function marked "may collect" may MOVE EVERY OBJECT. A struct mid_ref, and any pointer into an object, is
 *      good only until the next such call. What must live longer is kept in a slot that the collector knows: a local, a
 *      persistent handle, a field of a live object (see roots.h).
 *      (With stack_scan also any variable on the stack will do: what the stack refers to stays alive, and where it is.)
 *   2. A reference is written into an object by mid_store (or mid_array_set), never by assignment. Reading is plain C.
 *
 * A heap has one mutator: its functions are called by one thread at a time, and the caller sees to that. Different heaps
 * are independent; nothing is global. The library needs 64-bit addresses.
 *
 * An object in memory, in words of 8 bytes; a reference points at the header, mid_data at the word behind it:
 *
 *     | header: payload bytes : 40 | type : 16 | flags : 8 |  fixed part ...  |  tail: references or bytes ... |
 */
#ifndef MIDDEN_HEAP_H
#define MIDDEN_HEAP_H

#include <midden/base.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mid_heap;
struct mid_object;
struct mid_slice;          /* <midden/slice.h> */
struct mid_tracer;
struct mid_collection;     /* <midden/event.h> */
struct mid_frame;          /* <midden/sites.h> */

/* A reference to an object, or null. Dies at the next call that may collect. */
struct mid_ref {
    struct mid_object *object;
};

/* A place that holds a reference and that the collector knows and updates: a local of a handle scope, a field that a
 * trace callback shows. Read it by mid_get, write it by mid_set. */
struct mid_slot {
    struct mid_ref *at;
};

/* A registered type: a value to keep in a variable, good for the heap that made it and as long as that heap lives. */
struct mid_type {
    uint64_t header;
};

/* The limits of an object. An object of at most MID_YOUNG_BYTES (header included) is born in the nursery, a larger one
 * in the large space, where it never moves. */
#define MID_YOUNG_BYTES     ((size_t)8192)
#define MID_OBJECT_BYTES_MAX (((size_t)1 << 40) - 4096)
#define MID_TYPES_MAX       65535

/* ---- types ---------------------------------------------------------------------------------------------------- */

/* How a snapshot shows an object or an edge. The first of each is the default. */
enum mid_kind {
    MID_KIND_OBJECT = 0,
    MID_KIND_ARRAY,
    MID_KIND_STRING,   /* the tail's bytes, UTF-8, are its name in a snapshot */
    MID_KIND_CLOSURE,
    MID_KIND_NUMBER,
    MID_KIND_SYMBOL,
    MID_KIND_CODE,
    MID_KIND_REGEXP,
    MID_KIND_NATIVE,   /* stands for memory outside the heap: buffers have it */
    MID_KIND_HIDDEN,   /* bookkeeping of the program's runtime, shown as "(system)" */
    MID_KIND_COUNT
};

enum mid_edge_kind {
    MID_EDGE_PROPERTY = 0, /* a named field */
    MID_EDGE_ELEMENT,      /* an index */
    MID_EDGE_CONTEXT,      /* a variable that a closure holds */
    MID_EDGE_INTERNAL,     /* a named field of the program's runtime, not of the user's program */
    MID_EDGE_HIDDEN,       /* an index, not shown by default */
    MID_EDGE_WEAK,         /* a name; keeps nothing alive: from a weak table to a key. Not for fields */
    MID_EDGE_COUNT
};

/* What follows the fixed part. */
enum mid_tail {
    MID_TAIL_NONE = 0,
    MID_TAIL_REFS,  /* `length` references, null at first */
    MID_TAIL_BYTES  /* `length` bytes, zero at first; the collector never looks at them */
};

/* A reference in the fixed part. */
struct mid_field {
    const char *name;  /* its name in a snapshot; NULL for an edge without one (MID_EDGE_ELEMENT, MID_EDGE_HIDDEN) */
    size_t offset;     /* in bytes from mid_data: offsetof(struct your_struct, field); a multiple of 8 */
    uint32_t edge;     /* enum mid_edge_kind */
};

/* Shows the collector every slot of `object` that holds a reference or null, by mid_trace_slot. The slots lie inside the
 * object, on multiples of 8. It must show the same slots whenever it is called on an unchanged object; it is called
 * during a collection and must not call the heap otherwise, nor follow references to other objects. For tagged values
 * and layouts that a table cannot describe; a table is faster. A slot that held a reference and is to hold something
 * else from now on is set to null by mid_store first: the remembered set and a marking under way rely on it. */
typedef void (*mid_trace_fn)(void *user, void *data, size_t bytes, struct mid_tracer *tracer);

/* Writes a name for this object (a function's name, a key) into out, at most capacity bytes, and returns its length; 0
 * for "use the type's name". Called in a walk only; reads, never allocates in the heap. */
typedef size_t (*mid_describe_fn)(void *user, const void *data, size_t bytes, char *out, size_t capacity);

struct mid_type_info {
    size_t struct_size;             /* sizeof(struct mid_type_info) */
    const char *name;               /* class name in snapshots; copied */
    size_t fixed_bytes;             /* size of the fixed part, up to 8 KiB - 8; rounded up to 8 */
    const struct mid_field *fields; /* the references in the fixed part; copied with their names */
    size_t field_count;
    uint32_t tail;                  /* enum mid_tail */
    uint32_t kind;                  /* enum mid_kind */
    mid_trace_fn trace;             /* instead of `fields` and of a tail of references; else NULL */
    mid_describe_fn describe;       /* or NULL */
    void *user;                     /* for trace and describe */
};

/* Registers a type. A type is never unregistered; names may repeat.
 * MID_E_INVALID: info->struct_size unknown, no name, a field outside the fixed part, not on a multiple of 8 or given
 * twice, an unknown tail, kind or edge, `trace` together with fields or a tail of references. MID_E_LIMIT: more than
 * MID_TYPES_MAX types. MID_E_MEMORY. Nothing is registered on error. Never collects. O(fields). */
MID_API enum mid_status mid_type_register(struct mid_heap *heap, const struct mid_type_info *info,
                                          struct mid_type *type);

/* From a trace callback: here is a slot. `name` (static, or NULL) and `index` name the edge for a snapshot: a NULL name
 * stands for an element edge with this index. */
MID_API void mid_trace_slot(struct mid_tracer *tracer, struct mid_slot slot, const char *name, size_t index);

/* ---- options -------------------------------------------------------------------------------------------------- */

enum mid_promotion {
    MID_PROMOTE_DEFAULT = 0,  /* both, as V8 */
    MID_PROMOTE_SURVIVED = 1, /* what has survived promote_age scavenges already */
    MID_PROMOTE_TO_SPACE = 2, /* what comes when To is more than promote_to_percent full */
    MID_PROMOTE_BOTH = 3
};

enum mid_marking {
    MID_MARKING_DEFAULT = 0, /* incremental */
    MID_MARKING_STOP = 1,    /* the whole marking in one pause */
    MID_MARKING_INCREMENTAL = 2
};

enum mid_growth {
    MID_GROWTH_DEFAULT = 0, /* growing */
    MID_GROWTH_GROWING = 1, /* the next full collection comes growth_percent above the bytes that survived the last */
    MID_GROWTH_ADAPTIVE = 3, /* by the root of what survived and of the rates of filling and marking, in CPU time: heaps that
                                share a machine get room where it saves most. See gc/adapt.c */
    MID_GROWTH_FIXED = 2    /* ... when old_fixed_bytes are in use, whatever survives: for measurements at equal heaps */
};

enum mid_compaction {
    MID_COMPACTION_DEFAULT = 0, /* auto */
    MID_COMPACTION_OFF = 1,
    MID_COMPACTION_AUTO = 2,  /* at full collections in one pause: sparse blocks are emptied when an eighth of all would be
                                 gained, everything slides when half of them would, or at a last-resort collection */
    MID_COMPACTION_ALWAYS = 3, /* when at least one block would be gained */
    MID_COMPACTION_SLIDE = 4   /* the same, and not by emptying sparse blocks: all objects slide to the low end of the blocks
                                  of their size, in the order of their addresses */
};

enum mid_torture {
    MID_TORTURE_NONE = 0,
    MID_TORTURE_SCAVENGE = 1,  /* a scavenge at every torture_every-th allocation */
    MID_TORTURE_FULL = 2,      /* a full collection */
    MID_TORTURE_ALTERNATE = 3, /* in turn: scavenge, full */
    MID_TORTURE_STEP = 4       /* in turn: a scavenge, the smallest step of marking or sweeping */
};

enum mid_verify {
    MID_VERIFY_NONE = 0,
    MID_VERIFY_PHASE = 1 /* mid_heap_verify at every phase border; findings go to `broken` */
};

/* Bits of `trace`. */
enum {
    MID_TRACE_GC = 1,    /* a line a collection */
    MID_TRACE_PHASES = 2, /* and a line for the start of marking, its steps in sum, its end */
    MID_TRACE_PAUSES = 4 /* a line a pause: what for, wall and CPU time, work, page faults, and how often the system took the
                            processor away; costs two system calls a pause */
};

/* Receives one trace line without its end of line. Called at the end of a collection or a pause; must not call the heap. */
typedef void (*mid_trace_line_fn)(void *user, const char *line);

/* Called when a full collection has left too little room under the limit of the old space. Returns a new limit in bytes;
 * anything not above `limit_bytes` changes nothing. Must not call the heap. */
typedef size_t (*mid_near_limit_fn)(void *user, size_t limit_bytes, size_t initial_bytes);

/* Tells where the program is when an object is sampled: fills at most `capacity` frames, the innermost first, and returns how
 * many. See <midden/sites.h>. The texts are copied. Must not call the heap; reading objects is fine. */
typedef size_t (*mid_site_fn)(void *user, struct mid_frame *frames, size_t capacity);

#define MID_HELPERS_MAX 8

/* Read once, when the heap is made. 0 and NULL mean the default wherever a field stands. */
struct mid_heap_options {
    size_t struct_size;
    size_t semispace_bytes;       /* the most that one of the two semispaces grows to: 64 KiB..1 GiB; 16 MiB */
    size_t semispace_start_bytes; /* its size at first; 1 MiB, or semispace_bytes if that is less */
    size_t old_limit_bytes;       /* the most that old and large space take together; 1 MiB or more; 1400 MiB, or 3/4 of
                                     the memory that this process may use if that is less */
    size_t old_fixed_bytes;       /* for MID_GROWTH_FIXED */
    size_t growth_min_bytes;      /* grow by this at least; 8 MiB */
    size_t external_step_bytes;   /* a scavenge when external memory has grown by so much; 32 MiB */
    size_t mark_step_bytes;       /* incremental marking looks at about so many bytes a step; 128 KiB */
    size_t mark_stack_bytes;      /* the most that the mark stack takes, 4 KiB or more; no bound but the memory */
    size_t sample_bytes;          /* remember the site of one object in so many bytes allocated; 0: of none */
    uint32_t promotion;           /* enum mid_promotion */
    uint32_t promote_age;         /* 1..7; 1 */
    uint32_t promote_to_percent;  /* 1..100; 25 */
    uint32_t growth;              /* enum mid_growth */
    uint32_t growth_percent;      /* 1..1000; 60 */
    uint32_t marking;             /* enum mid_marking */
    uint32_t compaction;          /* enum mid_compaction */
    uint32_t torture;             /* enum mid_torture */
    uint32_t torture_every;       /* 1 */
    uint32_t verify;              /* enum mid_verify */
    uint32_t trace;               /* bits above; needs trace_line */
    uint32_t manual_finalizers;   /* 1: finalizers run only in mid_heap_finalize */
    uint32_t pause_target_us;     /* microseconds of CPU that a scavenge or a step should not exceed: the nursery and the
                                     steps are sized by what they have taken, and a step that is late ends; no target, and
                                     no clock decides */
    uint32_t stack_scan;          /* 1: words on the C stack and in registers of the collecting thread that look like an
                                     address inside an object keep it, and keep it from moving; objects are then born in
                                     the old space. For programs without handles; slower: see gc/conservative.c */
    uint32_t helper_threads;      /* 0..8 threads that mark and sweep for this heap, in its pauses and beside the program; 0, and
                                     the heap is single-threaded and deterministic. Made when first of use: gc/crew.c */
    uint32_t pause_log;           /* pauses kept for mid_heap_utilisation, 32 bytes each: 1..2^24; 4096 */
    mid_trace_line_fn trace_line;
    void *trace_user;
    mid_near_limit_fn near_limit;
    void *near_limit_user;
    mid_site_fn site;             /* frames of the program for sampled objects; NULL: those of the C stack */
    void *site_user;
    mid_broken_fn broken;         /* findings of verify=phase; the default writes them to stderr and aborts */
    void *broken_user;
};

/* Fills in struct_size and zeroes: all defaults. */
MID_API void mid_heap_options_init(struct mid_heap_options *options);

/* Reads "key=value,key=value" into options: the same table that gc/README.md prints (semispace=16M, trace=gc,
 * verify=phase, torture=scavenge, ...). Sizes take K, M or G. Keys that begin with "pool." are another component's and
 * passed over. NULL and "" do nothing.
 * MID_E_INVALID: an unknown key, a value out of form; `options` keeps its former content, and *where, if not NULL, points
 * at the offending key in `text`. */
MID_API enum mid_status mid_heap_options_parse(struct mid_heap_options *options, const char *text, const char **where);

/* The same with the value of the environment variable `name` (usual: "MIDDEN"); nothing when it is not set. Only a
 * program that wants to be steered from outside calls it. */
MID_API enum mid_status mid_heap_options_from_env(struct mid_heap_options *options, const char *name);

/* A sink for trace_line: `user` is a FILE *, the line is written to it in one piece. */
MID_API void mid_trace_to_stream(void *user, const char *line);

/* ---- life ----------------------------------------------------------------------------------------------------- */

/* Makes a heap. options NULL: all defaults. MID_E_INVALID: an unknown struct_size, a value out of range, an unknown
 * bit. MID_E_MEMORY. On error *heap is NULL. An idle heap holds some 30 KB. */
MID_API enum mid_status mid_heap_create(const struct mid_heap_options *options, struct mid_heap **heap);

/* Ends a heap and gives back all it holds: buffers release their slices; finalizers do NOT run; handles die with it.
 * NULL does nothing. Must not be called from a callback of this heap. */
MID_API void mid_heap_destroy(struct mid_heap *heap);

/* ---- allocation: may collect ------------------------------------------------------------------------------------ */

/* Each returns a fresh object with all fields null and zero, or null when the limit or the system refuses it after a
 * last-resort collection; mid_heap_refusal then says why, and the heap goes on working. Cost: a bump of a pointer, else
 * one call. mid_new and friends with a type of fixed size or with a tail of length 0 are the same.
 * The inline bodies stand in <midden/heap_inline.h>. */
static inline struct mid_ref mid_new(struct mid_heap *heap, struct mid_type type);

/* With a tail of `length` references (type: MID_TAIL_REFS). */
static inline struct mid_ref mid_new_array(struct mid_heap *heap, struct mid_type type, size_t length);

/* With a tail of `bytes` bytes (type: MID_TAIL_BYTES). */
static inline struct mid_ref mid_new_bytes(struct mid_heap *heap, struct mid_type type, size_t bytes);

/* The same, and copies the bytes from `text`, which must not lie in the heap. */
MID_API struct mid_ref mid_new_string(struct mid_heap *heap, struct mid_type type, const char *text, size_t bytes);

/* An object of kind *buffer* that owns `slice` of a pool and takes over one count of it: the slice is released, outside
 * any collection, when the object is found dead or the heap destroyed. slice.bytes count as external memory and as
 * array_buffers from now until then, and press on the collector. Null on refusal; the count then stays the caller's. */
MID_API struct mid_ref mid_buffer_new(struct mid_heap *heap, struct mid_slice slice);

/* The slice of a buffer. The pointer itself dies at the next call that may collect; the bytes it describes do not move.
 * NULL when ref is not a buffer. Never collects. */
MID_API const struct mid_slice *mid_buffer_slice(struct mid_heap *heap, struct mid_ref ref);

/* Tells the collector that memory outside the heap came to be owned by objects (delta > 0) or went (delta < 0). Growth
 * alone makes the collector run, at the next allocation. The sum never falls below the bytes of the buffers: a fall
 * beyond that is MID_E_INVALID and changes nothing. Never collects. */
MID_API enum mid_status mid_heap_adjust_external(struct mid_heap *heap, int64_t delta_bytes);

/* ---- reading and writing: never collects ------------------------------------------------------------------------ */

static inline struct mid_ref mid_null(void);
static inline bool mid_is_null(struct mid_ref ref);
static inline bool mid_same(struct mid_ref a, struct mid_ref b);

/* The payload, fixed part first; cast it to your struct. Dies at the next call that may collect. */
static inline void *mid_data(struct mid_ref ref);

/* Payload bytes: fixed part and tail. */
static inline size_t mid_bytes(struct mid_ref ref);

/* True when the object is of this type. */
static inline bool mid_is_a(struct mid_ref ref, struct mid_type type);

/* Tail elements: references of a tail of references, bytes of a tail of bytes. */
MID_API size_t mid_length(struct mid_heap *heap, struct mid_ref ref);

/* Writes `value` (or null) into *field, which lies in `holder`. This is the one write barrier: a comparison of two
 * addresses with two ranges, else one call. It serves generations and marking alike. */
static inline void mid_store(struct mid_heap *heap, struct mid_ref holder, struct mid_ref *field, struct mid_ref value);

/* The same without the barrier, for an object of at most MID_YOUNG_BYTES that was allocated by this program point's last
 * call that may collect: such an object is young, and nothing is remembered about young objects in any phase. */
static inline void mid_init_field(struct mid_ref *field, struct mid_ref value);

/* Elements of an object that is nothing but a tail of references; index < length is the caller's business. */
static inline struct mid_ref mid_array_get(struct mid_ref array, size_t index);
static inline void mid_array_set(struct mid_heap *heap, struct mid_ref array, size_t index, struct mid_ref value);

/* Copies `count` references from source[from..] to target[to..] (both as for mid_array_get, the same array allowed,
 * ranges may overlap), with barriers. */
MID_API void mid_array_copy(struct mid_heap *heap, struct mid_ref target, size_t to, struct mid_ref source, size_t from,
                            size_t count);

/* ---- finalizers ------------------------------------------------------------------------------------------------- */

/* Runs after the collection that found the object unreachable, outside it, on the thread that collects: at the end of
 * the call that may collect, before that call allocates. After a collection that was asked for, or that stopped the program,
 * all that wait run; else up to 1,024 with each 16 KiB allocated. It may allocate, collect and store. The object, and all that
 * it refers to, is whole for the time of the call. *Resurrection*: when the finalizer makes the object reachable again,
 * it lives on, and dies the next time without a call unless it was registered anew. Weak handles to it were cleared
 * before. Finalizers of one collection run in no particular order. */
typedef void (*mid_finalizer_fn)(void *user, struct mid_heap *heap, struct mid_ref object);

/* Registers a finalizer; the same object may have several, each is called once. MID_E_MEMORY. Never collects. O(1). */
MID_API enum mid_status mid_finalizer_add(struct mid_heap *heap, struct mid_ref object, mid_finalizer_fn fn, void *user);

/* Runs the finalizers that wait (with manual_finalizers; else they have run already). Returns how many ran. May
 * collect. Called from a finalizer it does nothing. */
MID_API size_t mid_heap_finalize(struct mid_heap *heap);

/* ---- collecting ------------------------------------------------------------------------------------------------- */

enum mid_collect {
    MID_COLLECT_SCAVENGE = 0, /* the nursery */
    MID_COLLECT_FULL = 1,     /* everything; what is unreachable now is freed, also when marking was under way */
    MID_COLLECT_STEP = 2,     /* one step of incremental marking or of sweeping; starts a marking when idle */
    MID_COLLECT_START = 3     /* starts incremental marking; nothing when under way */
};

/* Collects. `reason` (static; NULL: "requested") stands in the trace line. MID_E_BUSY: called from a callback in which
 * collecting is not allowed. MID_E_INVALID: unknown kind. May collect. */
MID_API enum mid_status mid_heap_collect(struct mid_heap *heap, enum mid_collect kind, const char *reason);

/* Why the last allocation was refused: one paragraph that names the limit and the request, followed by the trace lines
 * of the last collections; "" when none was. Good until the next refusal or the end of the heap. Never collects. */
MID_API const char *mid_heap_refusal(struct mid_heap *heap);

/* ---- figures: never collect -------------------------------------------------------------------------------------- */

/* As process.memoryUsage() and os.totalmem() say it; all in bytes. heap_total, heap_used, external and array_buffers are
 * exact; external includes array_buffers. */
struct mid_usage {
    size_t struct_size;
    size_t rss;           /* resident set of the process; 0 when unknown */
    size_t heap_total;    /* taken for the heap: the sum of total_bytes over the spaces */
    size_t heap_used;     /* in objects: the sum of used_bytes over the spaces */
    size_t external;      /* outside the heap, owned by objects */
    size_t array_buffers; /* the part of it in buffers */
    size_t system_total;  /* memory that this process may use, and what of it is free: bounded by the control group */
    size_t system_free;
};

/* struct_size set by the caller; MID_E_INVALID when it is unknown. Reads /proc: some microseconds. */
MID_API enum mid_status mid_heap_usage(struct mid_heap *heap, struct mid_usage *usage);

enum mid_space_id {
    MID_SPACE_NURSERY = 0,
    MID_SPACE_OLD,
    MID_SPACE_LARGE,
    MID_SPACE_COUNT
};

/* Accounting: total = used + free + overhead, exactly, in every space and so in the sum. */
struct mid_space {
    size_t total_bytes;
    size_t used_bytes;     /* objects with headers, in whole words */
    size_t free_bytes;     /* may be allocated without asking the system: for the nursery, the rest of From */
    size_t overhead_bytes; /* rounding to cells and pages, side bitmaps, ends of blocks; for the nursery, To */
    size_t objects;        /* objects in the space, dead ones included that no collection has found yet */
};

struct mid_gc_stats {
    size_t struct_size;
    struct mid_space spaces[MID_SPACE_COUNT];
    size_t old_limit_bytes;        /* as it is now */
    size_t full_threshold_bytes;   /* the next full collection starts when old and large space use so much */
    size_t remembered_slots;
    size_t locals, persistents, weaks, buffers;
    size_t finalizers, finalizers_waiting;
    uint64_t scavenges, full_collections, mark_steps, compactions, refusals;
    uint64_t allocated_bytes;      /* since the heap was made, headers included */
    uint64_t promoted_bytes, failed_promotion_bytes, copied_bytes, marked_bytes;
    uint64_t mark_stack_overflows;
    uint64_t helper_marked_bytes;  /* the part of marked_bytes that helper threads did */
    uint64_t helper_swept_blocks;  /* blocks of 64 KiB that they counted */
    size_t helper_threads;         /* that there are: 0 before the first marking, fewer than asked for if not all could be made */
    uint64_t pause_ns_sum, pause_ns_max; /* wall time of all that stopped the program, steps included */
    uint64_t pause_cpu_ns_max;           /* thread CPU time of the longest */
    uint64_t pause_work_bytes_max;       /* the most work in one, which no clock disturbs: bytes copied, promoted and marked, of
                                            side bits swept and of pages touched, and 64 for each remembered slot */
};

/* struct_size set by the caller; MID_E_INVALID when it is unknown. O(blocks and objects of the nursery). */
MID_API enum mid_status mid_heap_stats(struct mid_heap *heap, struct mid_gc_stats *stats);

/* Recomputes what the heap believes: reachability, the remembered set, colours while marking, the accounts. Reports
 * every finding to `report` (may be NULL) and returns MID_E_BROKEN if there was one, MID_E_MEMORY when there is no room
 * for the tables that it needs (outside the heap), else MID_OK. Changes nothing. Slow: O(heap). */
MID_API enum mid_status mid_heap_verify(struct mid_heap *heap, mid_broken_fn report, void *user);

#ifdef __cplusplus
}
#endif

#include <midden/heap_inline.h>

#endif
