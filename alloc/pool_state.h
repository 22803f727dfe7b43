/* SPDX-License-Identifier: MIT
 *
 * pool_state.h: the pool's fields, and what its files offer each other.
 *
 *     pool.c     create, destroy, take, release, resize, limit      place.c    lists of slabs: take, give, reap
 *     magazine.c, thread_cache.c    what threads keep               check.c    guards, poison, records, reports
 *     wait.c     room at the limit                            sample.c     sites of one buffer in many
 *     trim.c, age.c, age_thread.c    back to the system       registry.c   all pools, and fork
 *     handle.c, pack.c    buffers that may move
 *     stats.c    figures     json.c    as JSON     verify.c    recount     walk.c    show slabs and buffers
 */
#ifndef MIDDEN_ALLOC_POOL_STATE_H
#define MIDDEN_ALLOC_POOL_STATE_H

#include "arena.h"

#include <pthread.h>

/* The size of a release that does not say it. */
#define MID__SIZE_UNKNOWN SIZE_MAX

/* The sampled buffers: sample.c. */
struct mid__sample {
    const void *address; /* NULL: free */
    const void *site;
    size_t bytes;
    uint32_t weight; /* distances that ended at it */
};

struct mid__samples {
    size_t mean_bytes, mean_buffers; /* at most one is not 0 */
    struct mid__sample *table;       /* open addressing; capacity is a power of two, or 0 */
    size_t capacity, count;
    int64_t until; /* for allocations past the caches */
    uint64_t random;
};

/* The thread of a pool that asked for one: age_thread.c. */
struct mid__age_thread {
    enum { MID__AGE_THREAD_NONE, MID__AGE_THREAD_RUNS, MID__AGE_THREAD_ENDS } state;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t ends;
};

struct mid_pool {
    pthread_mutex_t lock; /* of everything below that is not constant */

    /* constant after creation */
    bool checked, sequential, watched, caching, sampling;
    size_t split_bytes, thread_cache_bytes;
    mid_pool_limit_fn at_limit;
    void *at_limit_user;
    mid_broken_fn broken;
    void *broken_user;
    size_t pool_bytes; /* of this mapping */

    _Atomic(uint32_t) waiters; /* threads in mid_pool_alloc_wait: Note [Waiting and the caches] */
    uint64_t room_generation;
    pthread_cond_t room;

    struct mid_pool *next_pool, *previous_pool; /* registry.c; guarded by its lock */

    struct mid__arena arena;
    struct mid__class classes[MID__CLASSES];
    size_t empty_bytes;      /* of the slabs on the lists of empty ones */
    size_t taken_bytes;      /* sum over the classes */
    size_t taken_peak_bytes;
    size_t requested_bytes;  /* in a pool without caches: running sum, an estimate after a release without size */
    size_t requested_peak_bytes;
    size_t pages_out_bytes;
    uint64_t refused_limit, refused_memory;
    _Atomic(uint64_t) misuses;

    struct mid__cache *caches;       /* of all threads */
    _Atomic(uint64_t) cache_epoch;   /* Note [Emptying caches on demand] */
    pthread_mutex_t depot_lock;      /* Note [The depot's lock]; taken after `lock`, or without it */
    struct mid__magazine *magazines; /* that hold nothing and belong to no cache */
    struct mid__magazine *magazine_blocks;
    struct mid__samples samples;
    size_t depot_bytes, depot_bound;
    uint64_t depot_exchanges;
    uint64_t age_interval_ns;        /* age.c; constant; 0: never by itself */
    _Atomic(uint64_t) age_due_ns;
    uint64_t exchanges_seen;
    unsigned age_stage; /* of a step that has begun */
    struct mid__age_thread age_thread;
    _Atomic(struct mid__handle_table *) handles; /* NULL until the first is asked for; handle.c */
};

/* Whether a taken buffer may be sampled; of the size-class policy its bit tells. */
MID__INLINE bool mid__sample_maybe(const struct mid_pool *pool, const struct mid__class *c, const struct mid__slab *s,
                                   size_t offset)
{
    if (MID__LIKELY(!pool->sampling))
        return false;
    return c->slots == 0 || mid__bit_get(mid__slab_hidden(s), offset / MID__CLASS_STEP_BYTES);
}

/* ---- sample.c */
/* A buffer was taken past the caches; the lock is held. */
void mid__sample_past_cache(struct mid_pool *pool, void *p, size_t bytes, const void *site);
/* The buffer is no longer out: with the lock held, and without. */
void mid__sample_gone(struct mid_pool *pool, const struct mid__class *c, struct mid__slab *slab, const void *p);
void mid__sample_released(struct mid_pool *pool, const void *p);
void mid__samples_end(struct mid_pool *pool);

/* A place that was taken from a slab. */
struct mid__taken {
    struct mid__slab *slab;
    size_t offset, extent;
    bool fresh; /* reads as zero */
};

MID__INLINE void *mid__taken_memory(const struct mid__taken *t)
{
    return mid__slab_memory(t->slab) + t->offset;
}

MID__INLINE struct mid__class *mid__pool_class(struct mid_pool *pool, const struct mid__slab *s)
{
    return &pool->classes[mid__slab_tag(s) - 1];
}

MID__INLINE size_t mid__slab_bytes(const struct mid__slab *s)
{
    return s->units == 0 ? s->region->bytes : (size_t)s->units * MID_POOL_SLAB_BYTES;
}

/* ---- place.c; the lock is held */
enum mid_status mid__place_take(struct mid_pool *pool, struct mid__class *c, size_t bytes, struct mid__taken *out);
void mid__place_give(struct mid_pool *pool, struct mid__class *c, struct mid__slab *s, size_t offset, size_t extent);
/* Several buffers of a class with one size into out[]; returns how many, and in *status why not all. */
size_t mid__place_take_some(struct mid_pool *pool, struct mid__class *c, void **out, size_t wanted,
                            enum mid_status *status);
/* Gives them back. One that is no taken buffer of the class is a misuse that a release did not see: it is reported, and
 * left out. */
void mid__place_give_some(struct mid_pool *pool, struct mid__class *c, void **buffers, size_t count);
/* Empty slabs become spare units; returns whether there were any. */
bool mid__place_reap(struct mid_pool *pool);

/* ---- pool.c */
/* What mid_pool_alloc does, with the reason of a failure in *status. `site` is the caller's address, for reports. */
void *mid__pool_take(struct mid_pool *pool, size_t bytes, const void *site, enum mid_status *status);
void *mid__pool_take_zeroed(struct mid_pool *pool, size_t count, size_t bytes, const void *site);
void *mid__pool_take_aligned(struct mid_pool *pool, size_t align_bytes, size_t bytes, const void *site);
void *mid__pool_resize(struct mid_pool *pool, void *buffer, size_t bytes, const void *site);
void mid__pool_give(struct mid_pool *pool, void *buffer, size_t bytes, const void *site);
/* The same for a buffer whose first `kept` bytes stay readable and as they are until the place is taken again: the count
 * of a dead block, by which a late retain is seen. */
void mid__pool_give_block(struct mid_pool *pool, void *buffer, size_t bytes, size_t kept, const void *site);
/* What the buffer at p keeps from being used otherwise, in bytes. */
size_t mid__pool_pinned(struct mid_pool *pool, const void *p);
/* The start of the slab that the live buffer at p lies in, with the bytes that the buffer and the slab take up; a misuse
 * and NULL when there is none. */
const void *mid__pool_slab_of(struct mid_pool *pool, const void *p, size_t *bytes, size_t *slab_bytes);
/* Finds the live buffer at p, the lock held; else reports the misuse under `verb` and returns false. */
bool mid__pool_find(struct mid_pool *pool, const void *p, const char *verb, struct mid__taken *out);

/* mid__pool_take without the counter of refusals; `ask`: whether at_limit may be called. */
void *mid__pool_try(struct mid_pool *pool, size_t bytes, bool ask, const void *site, enum mid_status *status);
enum mid_status mid__pool_refuse(struct mid_pool *pool, enum mid_status status);
/* What all threads could have instead of this one's cache and the depot; false when there was nothing. */
bool mid__pool_empty_caches(struct mid_pool *pool);

/* ---- wait.c */
void mid__waiters_init(struct mid_pool *pool); /* also in a child of fork, where none of them is */
void mid__waiters_fini(struct mid_pool *pool);
/* Something came back to the slabs; the lock is held. */
void mid__waiters_wake(struct mid_pool *pool);
/* The calling thread's cache goes to them; no lock is held. */
void mid__waiters_served(struct mid_pool *pool);

/* ---- age_thread.c; no lock is held */
enum mid_status mid__age_thread_begin(struct mid_pool *pool); /* MID_E_MEMORY: the system gives no thread */
void mid__age_thread_end(struct mid_pool *pool);
void mid__age_thread_gone(struct mid_pool *pool); /* in a child of fork */

/* ---- check.c */
#define MID__GUARD_BYTES 16u
void mid__report(struct mid_pool *pool, const char *rule, const void *address, const char *format, ...)
    MID__PRINTF(4, 5);
/* A misuse: counted, and reported. */
void mid__misuse(struct mid_pool *pool, const char *rule, const void *address, const char *format, ...)
    MID__PRINTF(4, 5);
void mid__check_take(struct mid_pool *pool, const struct mid__class *c, const struct mid__taken *t, size_t bytes,
                     const void *site);
void mid__check_give(struct mid_pool *pool, const struct mid__class *c, const struct mid__taken *t,
                     size_t kept, const void *site);
/* The first byte of the guard, or of the poison, that was written to; NULL when all is well. */
const void *mid__check_guard(const struct mid__taken *t, size_t requested);
const void *mid__check_poison(const struct mid__taken *t, size_t kept);
struct mid__record *mid__record_of(const struct mid__class *c, const struct mid__slab *s, size_t offset);
void mid__default_broken(void *user, const struct mid_broken *broken);

/* ---- trim.c; the lock is held */
/* Gives the pages between the buffers of the class' slabs back. */
void mid__trim_pages(struct mid_pool *pool, struct mid__class *c);

/* ---- stats.c; the lock is held */
size_t mid__pool_out(struct mid_pool *pool); /* buffers that are out */

#endif
