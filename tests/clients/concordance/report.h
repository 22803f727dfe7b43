/* SPDX-License-Identifier: MIT
 * What the program prints while it works: the progress bar, memory figures, slabs, trace lines. */
#ifndef CONCORDANCE_REPORT_H
#define CONCORDANCE_REPORT_H

#include <midden/heap.h>
#include <midden/pool.h>

/* A bar on stderr, if that is a terminal; drawn at most ten times a second. `done` == `total` removes it. */
void report_progress(const char *what, uint64_t done, uint64_t total);

/* One row of memoryUsage figures; the first call prints the head of the table. */
void report_usage(struct mid_heap *heap, const char *when);

void report_pool(struct mid_pool *pool);

/* Prints the first lines of each kind of collection, or all of them, and counts the rest. */
struct trace {
    bool all;
    unsigned scavenges, others, left_out;
};
void report_trace_line(void *trace, const char *line); /* a mid_trace_line_fn */
void report_trace_end(const struct trace *trace);

/* Text of a file on stdout, with control characters shown as "\xNN", cut at `columns` characters. */
void report_text(const unsigned char *text, size_t bytes, size_t columns);

#endif
