/* SPDX-License-Identifier: MIT
 *
 * <midden/pool.h>: a pool of buffers cut from 8 KiB slabs.
 *
 * A pool takes memory from the system in large regions, cuts slabs of 8 KiB from them ahead of need, and hands buffers
 * out of the slabs. Many pools live side by side in one process; they share nothing.
 *
 *     struct mid_pool *pool;
 *     if (mid_pool_create(NULL, &pool) == MID_OK) {
 *         char *text = mid_pool_alloc(pool, 100);
 *         if (text != NULL)
 *             mid_pool_release(pool, text);
 *         mid_pool_destroy(pool, NULL);
 *     }
 *
 * Thread rule of every function here, unless it says otherwise: any thread may call it on any pool at any time, and a
 * thread may release what another one took. A pool may be destroyed from any thread, but not while another call on the
 * same pool is under way. Nothing here collects or moves: a buffer stays where it is until it is released or resized.
 *
 * Papers: J. Bonwick, "The Slab Allocator", USENIX Summer 1994 (sections 3 and 4); J. Bonwick and J. Adams, "Magazines
 * and Vmem", USENIX 2001 (section 3). The sequential policy is that of Node.js' Buffer pool. The departures stand at the
 * heads of the files of alloc/.
 */
#ifndef MIDDEN_POOL_H
#define MIDDEN_POOL_H

#include <midden/base.h>

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The size of a slab. It never changes: options choose what a slab is used for, not how large it is. */
#define MID_POOL_SLAB_BYTES 8192

/* The largest alignment that a buffer can be given. Beyond MID_POOL_SLAB_BYTES it gets a mapping of its own, which costs
 * a system call. */
#define MID_POOL_ALIGN_MAX ((size_t)4 << 20)

struct mid_pool;

/* Where in a slab a small buffer is put. */
enum mid_pool_policy {
    MID_POOL_DEFAULT_POLICY = 0, /* the one that our measurements favour: MID_POOL_SIZE_CLASS */

    /* Node's: buffers of any size follow one another through the current slab, each rounded up to 8 bytes. What does
     * not fit begins a new slab, and the rest of the old one is lost until its last buffer is released. Buffers are
     * aligned to 8. */
    MID_POOL_SEQUENTIAL = 1,

    /* Bonwick's: a slab serves buffers of one size class only, and a hole is used again at once. Classes are 16 bytes
     * apart up to 1 KiB, and eight to a doubling above. Classes that would leave too much of 8 KiB unused take 2 to 8
     * slabs in a row as one. Buffers are aligned to 16. */
    MID_POOL_SIZE_CLASS = 2
};

/* Bits of mid_pool_options.flags. */

/* Catch misuse: guard bytes behind every buffer, poison in released ones, a record of every buffer's exact size and of
 * the code address that took it. Releases of a foreign pointer, double releases, overruns and writes after release are
 * reported to the `broken` hook. Thread caches are off. Libraries built with MODE=check or asan set it always. */
#define MID_POOL_CHECKED 1u

/* No thread caches: every call goes to the slabs under the pool's lock. Figures are then exact at every moment. */
#define MID_POOL_UNCACHED 2u

/* A thread of the pool's own gives back what is idle (return_after_ms), also when no thread calls the pool. It has all signals
 * blocked, ends with the pool, and is not there in a child of fork. The `broken` hook may run on it, on a stack of 256 KiB.
 * What lies in the cache of a thread that makes no call stays there. */
#define MID_POOL_AGE_THREAD 4u

/* Called when an allocation would pass the limit, after the pool has given back all the memory that it holds in
 * reserve. The callback may release buffers of this pool, or have others do so; no lock is held. Return nonzero to try
 * again, zero to let the allocation fail. `attempt` counts 1, 2, ... for one allocation; after 8 the pool fails it
 * without asking. An allocation made inside the callback that meets the limit fails without a second callback. */
typedef int (*mid_pool_limit_fn)(void *user, struct mid_pool *pool, size_t needed_bytes, unsigned attempt);

/* What a pool is made with. Fill it with mid_pool_options_init, then change what should differ. In each field 0 (or
 * NULL) means the default. */
struct mid_pool_options {
    size_t struct_size;          /* sizeof(struct mid_pool_options), set by init */
    enum mid_pool_policy policy; /* default MID_POOL_SIZE_CLASS */
    unsigned flags;              /* MID_POOL_CHECKED, MID_POOL_UNCACHED, MID_POOL_AGE_THREAD; any other bit is MID_E_INVALID */

    /* A buffer of this many bytes or more is *large* and has slabs of its own. Default MID_POOL_SLAB_BYTES, which is
     * also the largest value; the smallest is 16. MID_POOL_SLAB_BYTES / 2 is today's rule of Node. */
    size_t split_bytes;

    /* The most that committed_bytes of the statistics may reach; default no limit. It counts whole slabs and whole
     * large buffers, and not the pool's own tables (metadata_bytes). Exact: it is never passed, not for a moment. */
    size_t limit_bytes;

    mid_pool_limit_fn at_limit; /* before an allocation is refused for the limit; default none */
    void *at_limit_user;

    /* Receives broken invariants and misuse; default: one line on stderr. It is called with the pool's lock held or
     * not, and must not call the pool. Rules are listed in alloc/README.md. */
    mid_broken_fn broken;
    void *broken_user;

    /* The most that one thread's cache may hold of released buffers, in bytes, if that is not less than 64 KiB of one class
     * (large ones: eight buffers); default 8 MiB. What was idle longest goes first. */
    size_t thread_cache_bytes;

    /* Memory for the buffers, given by the program: `base_bytes` bytes at `base`, readable and writable, of any alignment and
     * content. Whole slabs of 8 KiB at multiples of 8 KiB are cut from it; what it cannot hold is refused as at a limit (NULL;
     * at_limit is asked, mid_pool_alloc_wait waits). It must stay until the pool has ended, is then the program's again, and
     * is never unmapped or advised away. No buffer of more than 1 MiB, and no alignment beyond MID_POOL_SLAB_BYTES. The pool's
     * own tables (metadata_bytes) still come from the system. NULL: all memory comes from the system. */
    void *base;
    size_t base_bytes;

    /* Remember the site of one buffer in many, for mid_pool_samples, the heap profile, and leak reports: one in so many bytes,
     * or one in so many buffers, on the average, at distances that are random. 128 buffers suit a server. At most one of
     * both (else MID_E_INVALID); 0 and 0: none. */
    size_t sample_bytes;
    size_t sample_buffers;

    /* Memory that nobody needed for this many milliseconds (and at most half as long again) goes back to the system, when some
     * thread calls the pool; see mid_pool_return_idle and MID_POOL_AGE_THREAD. Default 500; MID_POOL_FOREVER: never by
     * itself (MID_E_INVALID together with the thread). */
    uint64_t return_after_ms;
};

/* Fills in the defaults. O(1). */
MID_API void mid_pool_options_init(struct mid_pool_options *options);

/* Makes a pool. `options` NULL means all defaults; it is not kept. On success *out is the pool, to be ended with
 * mid_pool_destroy. Errors, with *out NULL: MID_E_INVALID (out NULL, an unknown policy, flag or struct_size, a split
 * outside [16, 8192], given memory without a whole slab), MID_E_MEMORY (also when the system gives no thread). The first region is reserved at once, but no page of it is touched. */
MID_API enum mid_status mid_pool_create(const struct mid_pool_options *options, struct mid_pool **out);

/* Ends a pool and gives all its memory back. When buffers are still out it does nothing but store their number in
 * *still_out (unless NULL) and returns MID_E_BUSY; the pool then works as before. Buffers that lie in thread caches are
 * not out. NULL is MID_OK. O(regions + threads). */
MID_API enum mid_status mid_pool_destroy(struct mid_pool *pool, size_t *still_out);

/* Ends a pool whatever is out: every buffer of it is invalid from now on, and so is every slice of them. Returns how
 * many buffers were out. In a checked pool each of the first 16 is reported to the hook as "pool.leak", with its size
 * and with the address that took it; in one that samples, the first 16 of the sampled ones. NULL returns 0. */
MID_API size_t mid_pool_destroy_forced(struct mid_pool *pool);

/* Takes a buffer of at least `bytes` bytes; its content is undefined. 0 bytes is as good as 1: a pointer of its own.
 * NULL when the limit or the system refuses, or when `bytes` is beyond PTRDIFF_MAX; which of them, the counters
 * refused_limit and refused_memory tell. Release it with any of the release functions. O(1); a large buffer beyond
 * 1 MiB costs a system call. */
MID_API void *mid_pool_alloc(struct mid_pool *pool, size_t bytes);

/* As mid_pool_alloc, for `count` elements of `bytes` bytes, and zeroed. A product that overflows gives NULL. O(bytes),
 * less when the memory comes fresh from the system. */
MID_API void *mid_pool_alloc_zeroed(struct mid_pool *pool, size_t count, size_t bytes);

/* As mid_pool_alloc, with an address that is a multiple of `align_bytes`: a power of two up to MID_POOL_ALIGN_MAX; any
 * other value gives NULL. mid_pool_resize does not keep an alignment beyond the policy's own. */
MID_API void *mid_pool_alloc_aligned(struct mid_pool *pool, size_t align_bytes, size_t bytes);

/* Waits without end, as a timeout. */
#define MID_POOL_FOREVER UINT64_MAX

/* As mid_pool_alloc; but when the limit refuses, and at_limit (asked as usual, once) made no room, waits until there is room
 * and takes it. `timeout_ns` is in nanoseconds of the monotonic clock; 0 does not wait, MID_POOL_FOREVER has no end. NULL when
 * the time is over (counted in refused_limit), and at once for every other reason.
 *
 * Room is made by a release, a trim, a flush, the end of a thread, or a higher limit. None of these is missed, with two
 * exceptions. What another thread had released into its own cache before the wait began comes with that thread's next
 * release or miss, its mid_pool_flush_thread, or its end. And mid_cache_release counts when its magazine is full. Whoever
 * must not depend on that makes the pool with MID_POOL_UNCACHED. Who comes first is served first; a large request may
 * starve while small ones come. While somebody waits, releases of all threads pass their caches. */
MID_API void *mid_pool_alloc_wait(struct mid_pool *pool, size_t bytes, uint64_t timeout_ns);

/* Changes the limit (0: none), and wakes those who wait. A lower one takes effect after the pool has given back what it
 * holds in reserve; MID_E_LIMIT when more than that is in use: the old limit then stays. O(slabs). */
MID_API enum mid_status mid_pool_set_limit(struct mid_pool *pool, size_t limit_bytes);

/* Makes a buffer larger or smaller, in place where possible. `buffer` NULL allocates. The content is kept up to the
 * smaller of both sizes. On success the old pointer is no longer valid, and the new one is returned. NULL on failure:
 * the old buffer is then unchanged and still out. bytes == 0 keeps a buffer of the smallest size; it does not release.
 * A pointer that is no buffer of this pool is reported ("pool.foreign", "pool.double_release") and gives NULL. */
MID_API void *mid_pool_resize(struct mid_pool *pool, void *buffer, size_t bytes);

/* Gives a buffer back. NULL does nothing. A pointer that this pool did not hand out is reported to the hook as
 * "pool.foreign", one that is already back as "pool.double_release"; both are then ignored. Outside checked pools a
 * double release is seen as long as the buffer has gone back to its slab, or is the last that this thread released. Where
 * the memory is back with the system (beyond 1 MiB at once), a buffer released again is foreign. */
MID_API void mid_pool_release(struct mid_pool *pool, void *buffer);

/* As mid_pool_release, and faster: `bytes` is the size that was asked for when the buffer was taken or last resized.
 * For mid_pool_alloc_zeroed it is count * bytes. Buffers of mid_pool_alloc_aligned must not be released with it. A size of
 * another class (in a checked pool: any other size) is reported as "pool.wrong_size", and the buffer released all the
 * same. */
MID_API void mid_pool_release_sized(struct mid_pool *pool, void *buffer, size_t bytes);

/* How many bytes of the buffer may be used: at least what was asked for. (In a checked pool exactly that.) O(1). 0 for
 * NULL, and for a pointer that is no buffer of this pool, which is also reported as "pool.foreign". */
MID_API size_t mid_pool_usable_bytes(struct mid_pool *pool, const void *buffer);

/* Gives all memory back to the system that holds no buffer: the calling thread's cache, empty slabs, and the pages
 * between the buffers of partial slabs. Returns by how many bytes committed_bytes fell. O(slabs). Caches of
 * other threads are emptied when those threads next need more than their cache has, or end. */
MID_API size_t mid_pool_trim(struct mid_pool *pool);

/* Gives back to the system what was not needed since the last call, or since the pool last did it by itself: idle magazines of
 * the calling thread, of the depot, empty slabs, pages in slabs that are mostly empty. A timer or a thread of the program
 * that calls it, say, twice a second makes a pool that nobody calls return its idle memory; a pool that is in use does so by
 * itself (return_after_ms). Returns how many bytes went back. O(slabs that changed). */
MID_API size_t mid_pool_return_idle(struct mid_pool *pool);

/* Hands what the calling thread holds in its cache of this pool back to all threads. Done by itself when a thread ends;
 * worth calling before a thread sleeps for long. O(buffers in the cache). */
MID_API void mid_pool_flush_thread(struct mid_pool *pool);

/* Figures of a pool. At every moment, as long as no other thread is inside a call on the pool:
 *
 *     committed_bytes = slab_bytes + large_bytes + empty_bytes + spare_bytes
 *     slab_bytes + large_bytes = rounded_bytes + cached_bytes + pinned_bytes
 *     requested_bytes <= rounded_bytes,  lost_bytes <= pinned_bytes,  committed_bytes <= limit_bytes if there is one
 *
 * While other threads work, each figure is one that was true at some moment of the call, and the sums may be off by what
 * the others did meanwhile. */
struct mid_pool_stats {
    size_t struct_size; /* sizeof(struct mid_pool_stats), set by the caller */
    size_t limit_bytes; /* 0: none */

    size_t live_buffers;       /* handed out and not released */
    size_t requested_bytes;    /* what their holders asked for */
    size_t requested_is_exact; /* 1; or 0 when a release without size made requested_bytes an estimate: such a release
                                  takes off the mean of its class */
    size_t rounded_bytes;      /* what they take up in their slabs */
    size_t cached_bytes;       /* released, but still in the caches of threads */
    size_t pinned_bytes;       /* free, but in a slab where a neighbour is alive: it cannot go back */
    size_t lost_bytes;         /* the part of pinned_bytes that no allocation can use before the neighbours go:
                                  released space of sequential slabs, and the tails of slabs */
    size_t slab_bytes;         /* slabs that hold small buffers (full and partial) */
    size_t large_bytes;        /* slabs and mappings of large buffers */
    size_t empty_bytes;        /* empty slabs kept ready for their class */
    size_t spare_bytes;        /* touched before, free for any use, not yet given back */
    size_t committed_bytes;    /* see above */
    size_t released_page_bytes; /* pages inside slab_bytes that were given back by trim and not touched since */
    size_t reserved_bytes;     /* address space mapped for slabs and large buffers */
    size_t metadata_bytes;     /* address space mapped for the pool's own tables; most of it is never touched */
    size_t resident_bytes;     /* pages of reserved_bytes that are in memory now, as the kernel says; SIZE_MAX if
                                  unknown */

    size_t requested_peak_bytes; /* high-water marks; the first, in a pool with caches, of the moments when */
    size_t rounded_peak_bytes;   /* the statistics are taken; the second counts cached_bytes, too */
    size_t committed_peak_bytes;

    size_t slabs_full; /* runs of slabs, by state; one run is 1 to 8 slabs of 8 KiB */
    size_t slabs_partial;
    size_t slabs_empty;
    size_t slabs_large; /* large buffers */
    size_t regions;

    uint64_t allocs;          /* calls that took a buffer, since the pool was made */
    uint64_t releases;        /* calls that gave one back */
    uint64_t refused_limit;   /* allocations that failed for the limit */
    uint64_t refused_memory;  /* allocations that failed because the system gave no memory, or for their size */
    uint64_t misuses;         /* reports to the hook other than the verifier's */
    uint64_t cache_misses;    /* allocations and releases that a thread cache could not serve by itself */
    uint64_t depot_exchanges; /* magazines that threads passed to each other through the depot */
    size_t thread_caches;     /* threads that have a cache now */
};

/* Takes the figures. stats->struct_size must be set (to a size not beyond this library's); what lies within it is
 * filled. MID_E_INVALID otherwise. O(threads x classes + regions); the pool is locked in between, threads that are
 * served by their caches do not notice. */
MID_API enum mid_status mid_pool_stats(struct mid_pool *pool, struct mid_pool_stats *stats);

/* Figures of one size class. Classes are numbered from 0 to mid_pool_class_count() - 1, in order of size; the sequential
 * policy has one class for all small buffers. Large buffers up to 1 MiB have classes too, the last one is for those
 * beyond. */
struct mid_pool_class_stats {
    size_t struct_size;
    size_t buffer_bytes;  /* the size of its buffers; 0: buffers of any size (sequential, or beyond 1 MiB) */
    size_t slab_bytes;    /* the size of one of its runs of slabs; 0 beyond 1 MiB */
    size_t slab_buffers;  /* buffers in one of its runs; 0 for the sequential policy */
    size_t slabs_full;
    size_t slabs_partial;
    size_t slabs_empty;
    size_t live_buffers;
    size_t requested_bytes;
    size_t rounded_bytes;
    size_t cached_bytes;
    size_t pinned_bytes;
    uint64_t allocs;
    uint64_t releases;
};

MID_API size_t mid_pool_class_count(struct mid_pool *pool);

/* MID_E_INVALID for an index out of range and for a struct_size that is not set. */
MID_API enum mid_status mid_pool_class_stats(struct mid_pool *pool, size_t index, struct mid_pool_class_stats *stats);

/* Figures of one thread's cache. Caches are numbered from 0; one whose thread has ended waits for the next thread, and keeps
 * its counters. */
struct mid_pool_cache_stats {
    size_t struct_size;
    size_t in_use;           /* 1: a thread has it */
    size_t cached_buffers;   /* that lie in it now */
    size_t cached_bytes;
    uint64_t hits;           /* allocations that it served by itself */
    uint64_t alloc_misses;   /* allocations that it could not */
    uint64_t release_misses; /* releases that it had no room for */
};

/* MID_E_INVALID for an index beyond the last cache, and for a struct_size that is not set. O(caches + classes). */
MID_API enum mid_status mid_pool_cache_stats(struct mid_pool *pool, size_t index, struct mid_pool_cache_stats *stats);

/* Writes all of the above as one JSON object into `buffer`, always ended with NUL when capacity > 0, cut when it does
 * not fit. Returns the length of the whole text without the NUL, as snprintf does; `buffer` may be NULL when capacity
 * is 0. The keys are the names of the fields; "classes" is an array of the classes that were ever used, "caches" one of the
 * threads' caches. */
MID_API size_t mid_pool_stats_json(struct mid_pool *pool, char *buffer, size_t capacity);

/* The same to a stream, with a newline at the end. MID_E_IO when the stream fails. */
MID_API enum mid_status mid_pool_stats_write(struct mid_pool *pool, FILE *stream);

/* The same figures as OpenMetrics text 1.0.0 (which Prometheus reads), as mid_pool_stats_json writes them into `buffer`: a
 * family midden_pool_X for each field X, with the label pool="`name`" (NULL: ""), then midden_pool_class_X and
 * midden_pool_cache_X with labels for the class and the cache. Ends with the line "# EOF". */
MID_API size_t mid_pool_stats_openmetrics(struct mid_pool *pool, const char *name, char *buffer, size_t capacity);

/* Writes a picture of the pool as one SVG document: a row of cells for each 512 KiB, a cell for each slab of 8 KiB, coloured by
 * state, and in it the live bytes, so that holes are seen; large buffers as bars; a legend with the figures. Returns MID_E_IO
 * when the stream fails, MID_E_MEMORY when there is none for the copy that is drawn from: the pool is locked only while
 * that is made. O(slabs + buffers). */
MID_API enum mid_status mid_pool_map_svg(struct mid_pool *pool, FILE *stream);

/* Recounts everything from the bitmaps of the slabs: lists, states, counters and the equations above, and in a checked
 * pool the guard and poison bytes of every buffer. Each finding goes to `report` (NULL: to the pool's own hook), with
 * `user`. MID_OK, or MID_E_BROKEN when there was a finding. Works at every level of checking and trusts no counter.
 * Buffers in caches of threads that run at the same time are taken as they were found. O(slabs + buffers). */
MID_API enum mid_status mid_pool_verify(struct mid_pool *pool, mid_broken_fn report, void *user);

enum mid_pool_slab_state {
    MID_POOL_SLAB_EMPTY = 0,   /* holds no buffer, kept ready */
    MID_POOL_SLAB_PARTIAL = 1, /* can give more buffers */
    MID_POOL_SLAB_FULL = 2,    /* cannot, until a buffer (sequential: all buffers) is released */
    MID_POOL_SLAB_LARGE = 3    /* belongs to one large buffer */
};

/* One run of slabs, as mid_pool_walk shows it. */
struct mid_pool_slab {
    size_t struct_size;
    const void *address;
    size_t bytes;
    enum mid_pool_slab_state state;
    size_t buffer_bytes; /* size of its buffers, 0 when they differ */
    size_t live_buffers;
    size_t live_bytes;   /* what they take up */
    size_t cached_bytes; /* released, in a thread's cache */
};

/* One live buffer, as mid_pool_walk shows it. */
struct mid_pool_buffer {
    size_t struct_size;
    const void *address;
    size_t bytes;           /* what it takes up in its slab */
    size_t requested_bytes; /* in a checked pool what was asked for, else equal to bytes */
    const void *site;       /* in a checked pool the code address that took it, else NULL */
};

/* What mid_pool_walk calls; either may be NULL. A nonzero return ends the walk. They run with the pool locked and must
 * not call it. */
struct mid_pool_visitor {
    size_t struct_size;
    int (*slab)(void *user, const struct mid_pool_slab *slab);
    int (*buffer)(void *user, const struct mid_pool_slab *slab, const struct mid_pool_buffer *buffer);
    void *user;
};

/* One sampled live buffer: address, the size asked for (in both sizes), and the code address that took it. */
typedef void (*mid_pool_sample_fn)(void *user, const struct mid_pool_buffer *buffer);

/* Shows the sampled buffers that are out, by site; the visitor runs without a lock on a copy, and may call the pool. MID_E_MEMORY
 * when there is no memory for the copy. Buffers that only the inlined pair of <midden/cache.h> took or released are seen when
 * they leave their magazines. O(samples x log samples). */
MID_API enum mid_status mid_pool_samples(struct mid_pool *pool, mid_pool_sample_fn visit, void *user);

/* Writes the sampled buffers that are out as a heap profile in pprof's legacy text format, by site, with the process' mappings:
 *     pprof --text program heap.prof
 * MID_E_IO when the stream fails, MID_E_MEMORY as above. */
MID_API enum mid_status mid_pool_heap_profile(struct mid_pool *pool, FILE *stream);

/* Shows every run of slabs in order of address within its region, each followed by its live buffers in order of
 * address. Returns what ended the walk, 0 at its end, -1 when visitor->struct_size is not set. For an exact picture no
 * other thread should be inside a call on the pool. O(slabs + buffers). */
MID_API int mid_pool_walk(struct mid_pool *pool, const struct mid_pool_visitor *visitor);

#ifdef __cplusplus
}
#endif
#endif
