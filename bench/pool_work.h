/* SPDX-License-Identifier: MIT
 *
 * pool_work.h: workloads for allocators of buffers. Each body lies in the file pool_NAME.c; the list, with sizes and
 * counts, is pool_list.c: a new workload is a line there.
 */
#ifndef MIDDEN_BENCH_POOL_WORK_H
#define MIDDEN_BENCH_POOL_WORK_H

#include "allocators.h"
#include "bench.h"

struct pool_workload {
    const char *name;
    void (*body)(struct bench_run *run, const struct allocator *a, const struct pool_workload *w);
    size_t low, high;  /* sizes of buffers, log-uniform between the two */
    uint32_t live;     /* buffers held at once, of all threads */
    unsigned threads;  /* that run the body; 0 means 1 */
    unsigned flags;    /* of POOL_* */
    uint64_t alone;    /* operations in a process of its own, for memory */
    const char *title; /* what one operation is */
};

#define POOL_QUICK   1u  /* in `make bench`; the others are in `make bench-full` */
#define POOL_WALL    2u  /* the body starts a second thread itself */
#define POOL_TOUCH   4u  /* every page of a buffer is written, not only its first word */
#define POOL_SHARED  8u  /* threads share the slots */
#define POOL_MEMORY  16u /* never timed; its figures are of memory */
#define POOL_PERCENT(n) ((unsigned)(n) << 8) /* kept messages: survivors move below this share of their block */
#define POOL_WHOLE   64u /* a repetition is `alone` operations, and in the process of its own it counts */
#define POOL_START   128u /* every repetition has a process of its own, in which nothing has been taken before */
#define POOL_NOFLOOR 32u /* the buffers must keep their content: no floor */

extern const struct pool_workload pool_workloads[];
extern const size_t pool_workload_count;

/* The recorded traces that lie beside the program, as workloads; returns how many. */
#define MOST_TRACES 16
size_t pool_traces(const struct pool_workload **workloads, size_t capacity);

void pool_start(struct bench_run *run, const struct allocator *a, const struct pool_workload *w);
void pool_pair(struct bench_run *run, const struct allocator *a, const struct pool_workload *w);
void pool_depth(struct bench_run *run, const struct allocator *a, const struct pool_workload *w);
void pool_ring(struct bench_run *run, const struct allocator *a, const struct pool_workload *w);
void pool_cross(struct bench_run *run, const struct allocator *a, const struct pool_workload *w);
void pool_replace(struct bench_run *run, const struct allocator *a, const struct pool_workload *w);
void pool_direct(struct bench_run *run, const struct allocator *a, const struct pool_workload *w);
void pool_messages_copied(struct bench_run *run, const struct allocator *a, const struct pool_workload *w);
void pool_messages_sliced(struct bench_run *run, const struct allocator *a, const struct pool_workload *w);
void pool_messages_kept(struct bench_run *run, const struct allocator *a, const struct pool_workload *w);
void pool_slice_own(struct bench_run *run, const struct allocator *a, const struct pool_workload *w);
void pool_slice_cross(struct bench_run *run, const struct allocator *a, const struct pool_workload *w);
void pool_fragment(struct bench_run *run, const struct allocator *a, const struct pool_workload *w);
void pool_fragment_movable(struct bench_run *run, const struct allocator *a, const struct pool_workload *w);

#endif
