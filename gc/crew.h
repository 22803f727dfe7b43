/* SPDX-License-Identifier: MIT
 *
 * Helper threads: what crew.c, mark_parallel.c and sweep.c share. The design stands at the head of crew.c.
 */
#ifndef MIDDEN_GC_CREW_H
#define MIDDEN_GC_CREW_H

#include "internal.h"

#include <midden/internal/relax.h>

#include <sys/types.h>

#define MID__CREW_STOP   1u /* poke: leave the job, with all that is unfinished */
#define MID__CREW_HUNGRY 2u /* poke: someone waits for grey objects: share */

enum mid__job { MID__JOB_NONE = 0, MID__JOB_MARK, MID__JOB_SWEEP };

/* One thread's part in a marking; workers[0] is the mutator's. All but `progress` is its own while it is at work, and the
 * mutator's while the crew is home. */
struct mid__worker {
    _Alignas(MID__CACHE_LINE_BYTES) struct mid__crew *crew;
    struct mid__stack_part *top, *second; /* grey objects; NULL when not at work */
    struct mid__stack_part *odd;          /* of a helper: those that only the mutator may scan; or NULL */
    uintptr_t sliced;                     /* as in struct mid__mark */
    size_t sliced_word;
    uintptr_t young_base;
    size_t young_bytes;
    unsigned side;
    bool overflowed;
    size_t bytes[2], objects[2], leaf_bytes;
    uint64_t overflows;
    _Atomic size_t progress; /* bytes, now and then */
};

struct mid__slice_left {
    uintptr_t object;
    size_t word;
};

#define MID__SLICES_LEFT (MID_HELPERS_MAX + 3)

struct mid__crew {
    struct mid_heap *heap;
    pid_t pid;
    unsigned made;        /* threads there are */
    bool tried, lost;     /* to make them; to a fork */
    size_t seen_progress; /* of helpers, at the last step */
    uint64_t marked_bytes;    /* by helpers, in all */
    pthread_t threads[MID_HELPERS_MAX];

    _Alignas(MID__CACHE_LINE_BYTES) _Atomic unsigned poke;
    _Alignas(MID__CACHE_LINE_BYTES) pthread_mutex_t lock; /* all below, and the spare parts of heap->mark while crew_marks */
    pthread_cond_t work, idle;
    enum mid__job job;
    bool quit;
    bool mutator_waits;
    unsigned waiting;                        /* helpers */
    _Atomic unsigned running;                /* helpers at work; read without the lock to spin on */
    _Atomic(struct mid__stack_part *) grey;  /* the pool: parts that hold something; likewise */
    struct mid__stack_part *odd;
    struct mid__slice_left slices[MID__SLICES_LEFT];
    unsigned slice_count;
    struct mid__chunk *sweep_next; /* chunks of old space that no helper has looked at */
    uint64_t swept_blocks;         /* by helpers, in all */

    struct mid__worker workers[MID_HELPERS_MAX + 1];
};

#define MID__CREW_SPINS 2000u

/* ---- crew.c */
bool mid__crew_alive(struct mid_heap *heap); /* false, and the crew is given up, in a child of fork */
bool mid__crew_ready(struct mid_heap *heap); /* there are threads */
void mid__crew_send_to(struct mid_heap *heap, enum mid__job job); /* ready */

/* ---- mark_parallel.c */
void mid__crew_mark(struct mid__worker *worker);
bool mid__crew_send_marking(struct mid_heap *heap);
void mid__crew_gather(struct mid_heap *heap);
void mid__crew_gather_lost(struct mid_heap *heap);

/* ---- sweep.c */
void mid__crew_sweep(struct mid__crew *crew);

#endif
