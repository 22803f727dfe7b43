/* SPDX-License-Identifier: MIT
 *
 * heap_support.h: what heap workloads share: midden's heap made from the environment's options, and latencies.
 */
#ifndef MIDDEN_BENCH_HEAP_SUPPORT_H
#define MIDDEN_BENCH_HEAP_SUPPORT_H

#include "bench.h"

#include <midden/heap.h>
#include <midden/roots.h>

/* A heap with default options, changed by the environment variable MIDDEN ("semispace=4M,marking=stop"): so a policy is
 * tried without a line of code. NULL after bench_fail. End it with heap_end, which adds the counters of its pauses. */
struct mid_heap *heap_begin(struct bench_run *run);
void heap_end(struct bench_run *run, struct mid_heap *heap);

/* Registers a type whose references are the words 0 .. references - 1 of its fixed part. Exits when that fails. */
struct mid_type heap_type(struct mid_heap *heap, const char *name, size_t fixed_bytes, size_t references,
                          enum mid_tail tail);

/* How long the steps of a workload took: thread CPU time and wall time of each, all kept. */
struct latency {
    uint64_t *cpu_ns, *wall_ns;
    size_t count, capacity;
    uint64_t cpu_last, wall_last;
};

void latency_begin(struct latency *l, size_t capacity);
void latency_start(struct latency *l); /* the first step begins now */
void latency_step(struct latency *l);  /* a step ends, and the next one begins */

/* Adds step_p50, p99.9, p99.99 and max and the utilisation as counters, and gives the arrays back. */
void latency_end(struct latency *l, struct bench_run *run);

void latency_sort(uint64_t *values, size_t count);
double latency_at(const uint64_t *sorted, size_t count, double share); /* 0 of none */

/* The windows whose utilisation is told, of steps and of pauses. */
enum { UTILISATION_WINDOWS = 4 };
struct utilisation_window {
    const char *of_steps, *of_pauses; /* names of counters */
    uint64_t ns;
};
extern const struct utilisation_window utilisation_windows[UTILISATION_WINDOWS];

/* Those who work with plain pointers: by hand, and Boehm's collector, where nobody frees. */
struct plain {
    void *(*alloc)(size_t bytes);
    void *(*alloc_plain)(size_t bytes); /* will hold no pointers */
    bool frees;
};
struct plain plain_by_hand(void);
struct plain plain_boehm(void);
void plain_drop(const struct plain *k, void *p);

/* xorshift32, as node/lib.js has it, so that all sides do the same: a number in 0 .. bound - 1; bound up to 2^21, where
 * the doubles of JavaScript are exact. *state is HEAP_SEED at first. */
enum { HEAP_SEED = 0x2545f491 };
static inline uint32_t heap_below(uint32_t *state, uint32_t bound)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *state = x;
    return (uint32_t)((uint64_t)x * bound >> 32);
}

/* A checksum of 29 bits over what a program has read; heap_sum tells it, and main.c sees that all subjects of a workload
 * have told the same. */
static inline uint32_t heap_mix(uint32_t sum, uint32_t value)
{
    return (sum * 31 + value) & 0x1fffffff;
}
void heap_sum(struct bench_run *run, uint32_t sum);

/* The timed part: `steps` calls of step(state), each timed as a step. False from a step ends the run as failed. */
bool heap_play(struct bench_run *run, uint32_t steps, bool (*step)(void *state), void *state);

/* Pauses that a collector tells of itself, each with its begin and end on both clocks; all kept. */
struct pause_clock {
    uint64_t *begin_ns, *end_ns;
    uint64_t first_ns;
};

struct pauses {
    struct pause_clock cpu, wall;
    size_t count, capacity;
};

void pauses_start(struct pauses *p); /* the span begins now */
void pauses_begin(struct pauses *p);
void pauses_end(struct pauses *p);

/* Adds gc_pauses, their sum, quantiles and extremes, and the utilisation, as heap_end does for midden. */
void pauses_count(struct pauses *p, struct bench_run *run);

#endif
