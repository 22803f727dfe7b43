/* SPDX-License-Identifier: MIT
 *
 * handle.h: the table of handles, segments, and what handle.c, pack.c and handle_verify.c offer each other.
 */
#ifndef MIDDEN_ALLOC_HANDLE_H
#define MIDDEN_ALLOC_HANDLE_H

#include "pool_state.h"

#include <midden/handle.h>

/* Flags of an entry, beside MID__HANDLE_LIVE. Without that one the address bits hold the index of the next free entry. */
#define MID__HANDLE_MOVING 1u
#define MID__HANDLE_SLOW   4u /* of a watched or checked pool: opening and closing go the long way */

#define MID__HEAD_BYTES     sizeof(struct mid__handle_head)
#define MID__PLACE_SHIFT    44
#define MID__HANDLE_LARGE   ((size_t)16 << 10)
#define MID__SEGMENT_BYTES  ((size_t)256 << 10)
#define MID__SEGMENT_LISTS  32u /* by live share */
#define MID__SEGMENT_ASIDE  32u /* looked at in this round of packing */
#define MID__SEGMENT_QUEUE  33u /* to be looked at in this round, by address */
#define MID__SEGMENT_IN_USE 34u /* on no list: buffers are put into it */

/* The front of a segment's own memory; heads and buffers follow it. */
struct mid__segment {
    struct mid__segment *next, *previous;
    uint32_t bytes; /* of the whole */
    uint32_t fill;  /* where the next head goes */
    uint32_t live_bytes, live;
    uint32_t list;
    uint32_t reserved[7];
};
_Static_assert(sizeof(struct mid__segment) == 64, "buffers behind it are aligned to 16");

/* What goes back to the pool when the table's lock is let go: a release may make the thread's cache, and take the
 * registry's lock, which comes before ours. */
struct mid__gone {
    struct mid__gone *next;
    size_t bytes;
};

struct mid__segment_list {
    struct mid__segment *head, *tail;
    size_t count;
};

struct mid__handle_table {
    struct mid_handles face; /* first: a struct mid_handles is a struct mid__handle_table */
    struct mid_pool *pool;
    pthread_mutex_t lock; /* of everything below; taken before the pool's */
    bool slow;            /* every entry is marked MID__HANDLE_SLOW */
    size_t guard_bytes;   /* behind every buffer, in a checked pool */
    unsigned pack_percent;
    bool whole;           /* the queue holds all that is worth packing, and not only what the option asks for */
    size_t rest;          /* releases until the automatic policy looks again */
    uint32_t used;       /* entries that were ever used; entry 0 never is */
    uint32_t free_first; /* 0: none */
    uint32_t free_count;
    uint32_t pending;    /* entries of allocations under way: neither live nor free */
    uint32_t generation; /* of the last handle */
    struct mid__segment *filling; /* allocations go here; or NULL */
    struct mid__segment *packing; /* moved buffers go here; or NULL */
    struct mid__segment_list lists[MID__SEGMENT_IN_USE];
    struct mid__gone *gone;
    struct mid_handle_stats stats; /* but for dead_bytes and table_bytes, which are sums */
};
_Static_assert(offsetof(struct mid__handle_table, face) == 0, "the public face comes first");

MID__INLINE struct mid__handle_table *mid__handles_of(struct mid_handles *face)
{
    return (struct mid__handle_table *)(void *)face;
}

MID__INLINE size_t mid__head_bytes(const struct mid__handle_head *h)
{
    return (size_t)(h->extent & (((uint64_t)1 << MID__PLACE_SHIFT) - 1));
}

/* From the segment's start; 0: the buffer is in no segment. */
MID__INLINE size_t mid__head_place(const struct mid__handle_head *h)
{
    return (size_t)(h->extent >> MID__PLACE_SHIFT) * 16;
}

MID__INLINE void mid__head_set(struct mid__handle_head *h, size_t bytes, size_t place)
{
    h->extent = (uint64_t)bytes | (uint64_t)(place / 16) << MID__PLACE_SHIFT;
}

MID__INLINE struct mid__segment *mid__head_segment(struct mid__handle_head *h)
{
    size_t place = mid__head_place(h);
    return place == 0 ? NULL : (struct mid__segment *)(void *)((char *)h - place);
}

MID__INLINE struct mid__handle_head *mid__segment_at(struct mid__segment *s, size_t place)
{
    return (struct mid__handle_head *)(void *)((char *)s + place);
}

/* What a buffer of `bytes` bytes takes up, head and guard included. */
MID__INLINE size_t mid__handle_extent(const struct mid__handle_table *t, size_t bytes)
{
    return mid__align_up(MID__HEAD_BYTES + (bytes == 0 ? 1 : bytes) + t->guard_bytes, 16);
}

/* The same for a head in a segment. A dead stretch has index 0 and no guard. */
MID__INLINE size_t mid__head_extent(const struct mid__handle_table *t, const struct mid__handle_head *h)
{
    return h->index == 0 ? MID__HEAD_BYTES + mid__head_bytes(h) : mid__handle_extent(t, mid__head_bytes(h));
}

/* Makes a stretch of a segment dead. */
MID__INLINE void mid__head_bury(struct mid__handle_head *h, size_t place, size_t extent)
{
    h->index = 0;
    h->generation = 0;
    mid__head_set(h, extent - MID__HEAD_BYTES, place);
}

/* ---- pack.c; the table's lock is held, but where it says otherwise */
void mid__segment_start(struct mid__segment *s, size_t bytes);
/* A segment that buffers were put into goes to a list; or back to the pool, when it holds none. */
void mid__segment_retire(struct mid__handle_table *t, struct mid__segment *s);
/* After something in it died: to another list, or back to the pool. */
void mid__segment_settle(struct mid__handle_table *t, struct mid__segment *s);
/* What a release does under the automatic policy. */
void mid__handles_pack_at_release(struct mid__handle_table *t);
/* A pool at its limit: true when something became free. No lock is held. */
bool mid__handles_make_room(struct mid_pool *pool);

/* ---- handle.c */
/* Lets the lock go, and then what is gone. */
void mid__handles_unlock(struct mid__handle_table *t);
void mid__handles_gone(struct mid__handle_table *t, void *buffer, size_t bytes);
/* The locks of a pool and of its table, for registry.c. */
void mid__handles_lock_before_fork(struct mid_pool *pool);
void mid__handles_unlock_after_fork(struct mid_pool *pool);
/* Gives the buffer of an entry that is no longer live back; the lock is held. */
void mid__handle_release_buffer(struct mid__handle_table *t, struct mid__handle_head *h);
/* How many handles are out, and how many of the pool's buffers are theirs. The pool's lock is not held. */
size_t mid__handles_out(struct mid_pool *pool, size_t *pool_buffers);
/* Reports up to `most` live handles as "handle.leak", and gives all segments and large buffers back. */
void mid__handles_give_all(struct mid_pool *pool, size_t most);
/* Unmaps the table of a pool that is going. */
void mid__handles_end(struct mid_pool *pool);
/* The first byte of the guard behind a buffer that was written to; NULL when all is well. */
const void *mid__handle_check_guard(const struct mid__handle_table *t, const struct mid__handle_head *h);

/* ---- handle_verify.c; returns the number of findings. The pool's lock is not held. */
size_t mid__handles_verify(struct mid_pool *pool, mid_broken_fn report, void *user);

#endif
