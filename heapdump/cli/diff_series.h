/* SPDX-License-Identifier: MIT
 * What `midden diff` of two snapshots and of more have in common, and the latter (see diff_series.c). */
#ifndef MIDDEN_CLI_DIFF_SERIES_H
#define MIDDEN_CLI_DIFF_SERIES_H

#include "dump.h"

#define DIFF_PARTS (MID__PART_FOLDED | MID__PART_BY_ID)

/* What is said of a snapshot that is no longer in memory. */
struct diff_side {
    uint32_t nodes;
    uint64_t bytes;
    bool asked;        /* by --where or --filter: */
    uint32_t selected; /* so many nodes */
};

struct diff_side diff_side_of(const struct dump *d);

/* "FILE: 1,234 nodes, 4.57 MB", and how many are selected. */
void diff_side_print(struct output *o, const char *path, const struct diff_side *side);

/* The member "selected_objects", an array with a number for each of `count` snapshots, where something was asked for. */
void diff_sides_json(struct json *j, const struct diff_side *sides, size_t count);

/* `midden diff` of three files and more. */
enum cli_status diff_series(const struct options *options);

#endif
