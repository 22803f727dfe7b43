/* SPDX-License-Identifier: MIT
 *
 * heap_work.h: workloads for collected heaps, each written once for every way to manage its objects. The programs
 * lie in heap_NAME.c; the list, with sizes, is heap_list.c: a new workload is a line there.
 */
#ifndef MIDDEN_BENCH_HEAP_WORK_H
#define MIDDEN_BENCH_HEAP_WORK_H

#include "bench.h"

struct heap_workload;
typedef void heap_body(struct bench_run *run, const struct heap_workload *w);

struct heap_workload {
    const char *name;
    heap_body *midden, *boehm, *by_hand; /* NULL: this workload is not written for it */
    const char *program;                 /* of other runtimes (runtimes.c), called with the size as its argument; or NULL */
    uint32_t size;                       /* its own measure: a depth, a number of objects */
    bool quick;                          /* in `make bench` */
    const char *title;                   /* what one operation is */
    uint64_t live_bytes;                 /* 0; or the most that lives at once, each object with one word of header: then
                                            the workload is played in heaps of given multiples of it (heap_tight.c) */
};

extern const struct heap_workload heap_workloads[];
extern const size_t heap_workload_count;

heap_body gcbench_midden, gcbench_boehm, gcbench_by_hand;
heap_body trees_midden, trees_boehm, trees_by_hand;
heap_body splay_midden, splay_boehm, splay_by_hand;
heap_body churn_midden, churn_boehm, churn_by_hand;
heap_body queue_midden, queue_boehm, queue_by_hand;
heap_body cache_midden, cache_boehm, cache_by_hand;
heap_body strings_midden, strings_boehm, strings_by_hand;
heap_body wide_midden, wide_boehm, wide_by_hand;
heap_body deep_midden, deep_boehm, deep_by_hand;
heap_body weak_midden, weak_by_hand;
heap_body buffers_midden, buffers_boehm, buffers_by_hand;

/* heap_cases.c: adds the cases to the table; returns how many. */
size_t heap_cases_add(struct bench_case *cases, size_t capacity, bool full);
void heap_absent(void (*say)(void *user, const char *name, const char *why), void *user);

/* The options of midden's heap that the case which runs has of its own, as mid_heap_options_parse reads them. */
const char *heap_options(void);

/* heap_tight.c: heaps of equal size. Where `heap_tight_bytes` is not 0, the case that runs may have no more than so many
 * bytes of heap, nursery included, and a collector that cannot do with them ends the process by heap_refused. */
struct heap_multiple {
    const char *name; /* behind the workload's: "-1.5x" */
    double times;
    bool quick;       /* with a workload that is in the quick set */
};
extern const struct heap_multiple heap_multiples[];
extern const size_t heap_multiple_count;
size_t heap_tight_bytes(void);
void heap_tight_set(size_t bytes);
size_t heap_tight_semispace(size_t bytes);
/* midden's, as mid_heap_options_parse reads them; of the bytes so many live. */
void heap_tight_options(size_t bytes, size_t live_bytes, char *out, size_t capacity);
_Noreturn void heap_refused(const char *who);

/* boehm.c: NULL when libgc is not installed. Where it is, it is not at work before boehm_start. */
struct boehm {
    void *(*alloc)(size_t bytes);        /* scanned conservatively, zeroed */
    void *(*alloc_atomic)(size_t bytes); /* never scanned, not zeroed */
    char version[32];
};
const struct boehm *boehm_get(void);
const struct boehm *boehm_start(void);
void boehm_end(struct bench_run *run); /* adds the counters of its pauses */

#endif
