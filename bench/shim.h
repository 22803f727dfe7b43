/* SPDX-License-Identifier: MIT
 *
 * shim.h: how main.c drives Google Benchmark. Workloads need only bench.h.
 */
#ifndef MIDDEN_BENCH_SHIM_H
#define MIDDEN_BENCH_SHIM_H

#include "bench.h"

#ifdef __cplusplus
extern "C" {
#endif

struct bench_counter_value {
    const char *name;
    double value;
};

/* One repetition of one case. */
struct bench_sample {
    uint64_t iterations; /* of all threads together */
    double wall_s, cpu_s; /* wall clock of the run; CPU time of all its threads */
    const char *failed;  /* the reason of bench_fail, or NULL */
    size_t counters;
    struct bench_counter_value counter[BENCH_COUNTERS];
};

/* The figures of a case that ran alone, in bytes above the zero that bench_memory_mark set. */
struct bench_memory {
    double peak_bytes, resident_bytes, live_bytes; /* live 0: the case does not say */
};

struct bench_plan {
    unsigned repetitions;
    double min_time_s;
    bool alone; /* one repetition with alone_iterations; memory is taken */
    uint64_t alone_iterations;
    void (*on_sample)(void *user, size_t case_index, const struct bench_sample *sample);
    /* Called when a run begins; done counts finished repetitions of the whole plan. NULL: nobody watches. */
    void (*on_progress)(void *user, size_t case_index, uint64_t done, uint64_t total);
    void *user;
};

/* Runs the cases whose indices are listed, their repetitions in random order. */
void bench_execute(const struct bench_case *cases, const size_t *chosen, size_t count, const struct bench_plan *plan,
                   struct bench_memory *memory);

#ifdef __cplusplus
}
#endif
#endif
