/* SPDX-License-Identifier: MIT
 *
 * <midden/handle.h>: movable buffers. A program that holds a pointer pins the memory behind it for ever; a program that
 * holds a *handle*, and asks for the pointer while it works, lets the pool move the buffer in between. A pool that was
 * emptied at random then packs itself and gives its pages back, which no allocator can do with pointers.
 *
 *     struct mid_handles *handles = mid_pool_handles(pool);
 *     struct mid_handle h;
 *     if (mid_handle_alloc(handles, 100, &h) == MID_OK) {
 *         char *text = mid_handle_open(handles, h);       // stays where it is from here ...
 *         strcpy(text, "kept for long");
 *         mid_handle_close(handles, h);                   // ... to here
 *         ...
 *         mid_handle_release(handles, h);
 *     }
 *
 * What may move: a buffer that is not open, during mid_pool_pack, and, as far as mid_handles_pack_below allows, during
 * mid_handle_release and during any call that takes memory from a pool at its limit; in whatever thread these are
 * made. What is open never moves.
 *
 * Thread rule: any thread may call any function here at any time; a handle is a value and may be copied to any thread. Any
 * number of threads may hold the same buffer open (up to 32,768 times). Who releases a handle sees to it that nobody uses
 * it at that moment or afterwards, as with any memory. Open and close take no lock: one atomic addition each.
 *
 * A stale handle, one that was released, is found when it is opened or released, and reported as "handle.stale"; it is
 * mistaken for another only when its index was reused exactly a multiple of 2^32 allocations later.
 *
 * S. Rumble, A. Kejriwal, J. Ousterhout, "Log-structured Memory for DRAM-based Storage", FAST 2014 (sections 3 and 4);
 * the departures stand at the head of alloc/pack.c.
 */
#ifndef MIDDEN_HANDLE_H
#define MIDDEN_HANDLE_H

#include <midden/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zero is no handle: it may be released, and opening it gives NULL and a report. */
struct mid_handle {
    uint32_t index, generation;
};

#define MID__HANDLE_CHUNK_SHIFT 16 /* entries of a chunk of the table, as a power of two */
#define MID__HANDLE_CHUNKS      4096u

/* The handles of a pool. Private: the layout of its front is known here so that opening can be inlined.
 * An entry is   [ 16 bits: how often it is open | 44 bits: address / 16 | 4 flags ]. */
struct mid_handles {
    uint64_t *chunks[MID__HANDLE_CHUNKS];
};

/* What lies before a buffer's bytes. Private. */
struct mid__handle_head {
    uint32_t index, generation;
    uint64_t extent; /* 44 bits: bytes asked for; above, 20 bits: place in its segment */
};

/* The pool's handles; made at the first call, and gone with the pool. NULL when there is no memory for the table. O(1). */
MID_API struct mid_handles *mid_pool_handles(struct mid_pool *pool);

/* Takes a movable buffer of `bytes` bytes (0 is as good as 1), content undefined, aligned to 16. Errors, with *out all
 * zero: MID_E_LIMIT, MID_E_MEMORY (also for more than 2^43 bytes), MID_E_INVALID (a NULL argument). Its cost in memory beyond its bytes:
 * 16, what rounds that up to 16, and 8 in the table. One of more than 16 KiB is a buffer of the pool by itself and never
 * moves, for there is nothing to gain. O(1). */
MID_API enum mid_status mid_handle_alloc(struct mid_handles *handles, size_t bytes, struct mid_handle *out);

/* Gives the buffer back; the handle is then stale. Nobody may hold it open: else "handle.release_open" is reported and
 * nothing happens. May move others (mid_handles_pack_below). O(1), and what packing costs. */
MID_API void mid_handle_release(struct mid_handles *handles, struct mid_handle handle);

/* How many bytes were asked for; 0 and a report for a stale handle. O(1). */
MID_API size_t mid_handle_bytes(struct mid_handles *handles, struct mid_handle handle);

/* What the inlined calls do when they cannot serve. */
MID_API void *mid__handle_open_slow(struct mid_handles *handles, struct mid_handle handle);
MID_API void mid__handle_close_slow(struct mid_handles *handles, struct mid_handle handle);

#define MID__HANDLE_ONE     ((uint64_t)1 << 48)
#define MID__HANDLE_ADDRESS (((uint64_t)1 << 48) - 16)
#define MID__HANDLE_FLAGS   15u
#define MID__HANDLE_LIVE    2u

static inline uint64_t *mid__handle_entry(struct mid_handles *handles, uint32_t index)
{
    uint64_t *chunk =
        __atomic_load_n(&handles->chunks[(index >> MID__HANDLE_CHUNK_SHIFT) & (MID__HANDLE_CHUNKS - 1)], __ATOMIC_ACQUIRE);
    return chunk == NULL ? NULL : &chunk[index & ((1u << MID__HANDLE_CHUNK_SHIFT) - 1)];
}

/* The buffer's address, good until the matching mid_handle_close; NULL and a report when the handle is stale or open 32,768
 * times. Waits while the buffer is being moved, which takes microseconds. O(1), one atomic addition. */
static inline void *mid_handle_open(struct mid_handles *handles, struct mid_handle handle)
{
    uint64_t *entry = mid__handle_entry(handles, handle.index), was;
    struct mid__handle_head *head;
    if (__builtin_expect(entry == NULL, 0))
        return mid__handle_open_slow(handles, handle);
    was = __atomic_fetch_add(entry, MID__HANDLE_ONE, __ATOMIC_ACQUIRE);
    head = (struct mid__handle_head *)(uintptr_t)(was & MID__HANDLE_ADDRESS);
    if (__builtin_expect((was & MID__HANDLE_FLAGS) != MID__HANDLE_LIVE || (int64_t)was < 0 || head->generation != handle.generation, 0))
        return mid__handle_open_slow(handles, handle);
    return head + 1;
}

/* Ends one mid_handle_open of the handle. Closing what is not open is reported ("handle.close_from_zero") and ignored.
 * O(1), one atomic addition. */
static inline void mid_handle_close(struct mid_handles *handles, struct mid_handle handle)
{
    uint64_t *entry = mid__handle_entry(handles, handle.index), was;
    if (__builtin_expect(entry == NULL, 0)) {
        mid__handle_close_slow(handles, handle);
        return;
    }
    was = __atomic_fetch_sub(entry, MID__HANDLE_ONE, __ATOMIC_RELEASE);
    if (__builtin_expect((was & MID__HANDLE_FLAGS) != MID__HANDLE_LIVE || was < MID__HANDLE_ONE, 0))
        mid__handle_close_slow(handles, handle);
}

/* Moves buffers that are not open out of sparse segments into dense ones, and gives the memory that becomes free back to
 * the pool and, when there is nothing more to gain, to the system (as mid_pool_trim). `budget_bytes` bounds what one call copies (it may
 * be passed by one segment, 256 KiB); 0 means all. Returns how many bytes of segments became free; 0 means that nothing
 * is left to gain at the moment. Needs no memory. Other threads may go on meanwhile: the lock that allocation and release take is held
 * for one segment at a time. O(bytes copied + segments). */
MID_API size_t mid_pool_pack(struct mid_pool *pool, size_t budget_bytes);

/* The automatic policy: whenever less than `percent` of the memory of segments is live after a release, that release packs
 * a segment or two. 0 turns it off; the default is 50. Beyond 90 MID_E_INVALID. A pool at its limit always packs before
 * it refuses. */
MID_API enum mid_status mid_handles_pack_below(struct mid_handles *handles, unsigned percent);

/* Figures; within the pool's own (mid_pool_stats) a segment counts as one large buffer. At every moment:
 *     segment_bytes = live_bytes + dead_bytes,  requested_bytes <= live_bytes + large_bytes */
struct mid_handle_stats {
    size_t struct_size;     /* sizeof(struct mid_handle_stats), set by the caller */
    size_t handles;         /* allocated and not released */
    size_t requested_bytes; /* what their holders asked for */
    size_t large_handles;   /* of them, those that never move, with the bytes that they asked for */
    size_t large_bytes;
    size_t segments;        /* taken from the pool to hold the others */
    size_t segment_bytes;
    size_t live_bytes;      /* of segment_bytes: live buffers with their heads and rounding */
    size_t dead_bytes;      /* the rest: released, or not used yet */
    size_t table_bytes;     /* of the table of handles, as far as it was ever used */
    uint64_t allocs, releases;
    uint64_t moves, moved_bytes; /* by packing */
    uint64_t held_open;          /* buffers that packing met open, and left */
    uint64_t freed_bytes;        /* of segments that packing emptied */
};

/* MID_E_INVALID when struct_size is not set, or handles is NULL. O(1). */
MID_API enum mid_status mid_handles_stats(struct mid_handles *handles, struct mid_handle_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
