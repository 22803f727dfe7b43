/* SPDX-License-Identifier: MIT
 *
 * results.h: the figures of a run, and the JSON file that keeps them. bench/README.md says what each key means.
 */
#ifndef MIDDEN_BENCH_RESULTS_H
#define MIDDEN_BENCH_RESULTS_H

#include "shim.h"

#include <stdio.h>

/* All values of one counter of one case. */
struct series {
    const char *name;
    double *values;
    size_t count, capacity;
};

struct result {
    struct series time;                    /* ns an operation */
    struct series counters[BENCH_COUNTERS];
    struct bench_memory memory;
    bool has_memory;
    char failed[160]; /* empty: it ran */
};

/* Stands in `failed` of a case that may fail and whose heap was full. */
#define RESULT_NO_MEMORY "out of memory"

/* The counter that must be the same for all subjects of a workload. */
#define HEAP_CHECKSUM "checksum"

struct run_facts {
    double seconds, min_time_s, load_before, load_after;
    unsigned repetitions;
    const char *commit, *set;
};

/* Adds a value to the counter `name` of a result. What is beyond BENCH_COUNTERS is dropped. */
void result_count(struct result *r, const char *name, double value);
void series_add(struct series *s, double value);
double series_median(const struct series *s); /* 0 when empty */

/* Writes the whole file beside `path` and renames it; `path` "-" is stdout. False, with errno, when that fails. */
bool results_write(const char *path, const struct bench_case *cases, const struct result *results, size_t count,
                   const struct run_facts *facts);

/* machine.c: the keys "machine", "versions" and "absent", each an object or array. */
void machine_write(FILE *out, const char *commit);
double machine_load(void); /* of the last minute */

void json_string(FILE *out, const char *text);

#endif
