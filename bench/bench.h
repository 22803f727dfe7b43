/* SPDX-License-Identifier: MIT
 *
 * bench.h: what a workload sees of the harness. Google Benchmark times and repeats; it is C++ and stands behind
 * shim.cc alone, so that workloads are C, compiled with the flags of the library that they measure.
 *
 * A workload is one function:
 *
 *     static void body(struct bench_run *run, const void *arg)
 *     {
 *         ... set up: not timed ...
 *         for (uint64_t n; (n = bench_count(run)) != 0;)
 *             while (n-- != 0)
 *                 ... one operation: the loop itself calls nothing ...
 *         ... tear down: not timed ...
 *     }
 */
#ifndef MIDDEN_BENCH_H
#define MIDDEN_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bench_run; /* one call of a workload's body, on one of its threads */

/* A workload played by one subject. The strings and `arg` live as long as the process. */
struct bench_case {
    const char *name;  /* GROUP/WORKLOAD/SUBJECT, such as pool/pair-64/jemalloc; unique */
    const char *title; /* what one operation is, in words */
    void (*body)(struct bench_run *run, const void *arg);
    const void *arg;
    const char *const *command; /* NULL; or an isolated case that is this program, found in PATH, with its arguments: it
                                   prints what --alone prints */
    unsigned threads;          /* that call the body at once; 0 means 1. Two or more are timed by the wall clock */
    bool wall;                 /* time by the wall clock although one thread calls: the body starts others itself */
    bool memory_only;          /* never timed: it runs once, alone in its process, and its counters are the result */
    bool timed_only;           /* its memory says nothing: it does not run alone */
    bool alone_counts;         /* its counters come from the run alone */
    bool isolated;             /* every repetition runs alone in a process of its own */
    bool may_fail;             /* for want of memory: a result, and no failure of the run. Of a command, stderr is dropped */
    unsigned most_repetitions; /* of an isolated case; 0: as many as the run has */
    uint64_t iterations;       /* of a repetition; 0: as many as fill the minimum time */
    uint64_t alone_iterations; /* when it runs alone in a process; 0: as `iterations`, or 100,000 */
};

/* The number of operations to do now: once the count of this run, when the clock starts; then 0, when it stops. */
uint64_t bench_count(struct bench_run *run);

/* The index of the calling thread, 0 .. threads - 1. */
unsigned bench_thread(const struct bench_run *run);

/* A figure of this run beside its time, such as "pause_max_ns". At most BENCH_COUNTERS a case, on thread 0 alone; the
 * name is a literal. */
#define BENCH_COUNTERS 32
void bench_counter(struct bench_run *run, const char *name, double value);

/* Ends the run as failed, with the reason (a literal). The body returns at once and does not call bench_count again. */
void bench_fail(struct bench_run *run, const char *why);

/* Memory, taken only where a case runs alone in its process; elsewhere these do nothing. `mark` puts the zero of the
 * resident set behind the harness's own arrays. `live` says that the program holds live_bytes now, as it asked for
 * them: what is resident above the zero is compared with them. */
void bench_memory_mark(struct bench_run *run);
void bench_memory_live(struct bench_run *run, double live_bytes);
void bench_memory_peak(struct bench_run *run, double bytes); /* where another process does the work */
double bench_memory_resident(struct bench_run *run); /* bytes above the zero now */
bool bench_is_alone(const struct bench_run *run);    /* where these do something */

#ifdef __cplusplus
}
#endif
#endif
