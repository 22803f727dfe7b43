/* SPDX-License-Identifier: MIT
 *
 * report.c: everything that the program prints, but for its answers. Figures in MB are 10^6 bytes, as in the trace lines.
 */
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TRACE_LINES_SHOWN = 6 };

static double mb(size_t bytes)
{
    return (double)bytes / 1e6;
}

void report_progress(const char *what, uint64_t done, uint64_t total)
{
    static const char bar[] = "##############################";
    static struct timespec last; /* the one terminal that there is */
    struct timespec now;
    if (!isatty(STDERR_FILENO) || total == 0)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double since = (double)(now.tv_sec - last.tv_sec) + (double)(now.tv_nsec - last.tv_nsec) / 1e9;
    if (done >= total) {
        fprintf(stderr, "\r\033[K");
    } else if (since > 0.1) {
        int width = (int)((sizeof bar - 1) * done / total);
        fprintf(stderr, "\r%-10s [%.*s%*s] %3d %%\033[K", what, width, bar, (int)sizeof bar - 1 - width, "",
                (int)(100 * done / total));
        last = now;
    }
}

void report_usage(struct mid_heap *heap, const char *when)
{
    static bool head;
    struct mid_usage u = {.struct_size = sizeof u};
    if (mid_heap_usage(heap, &u) != MID_OK)
        return;
    if (!head)
        printf("\n%-34s %8s %10s %9s %9s %13s\n", "memoryUsage, MB", "rss", "heapTotal", "heapUsed", "external",
               "arrayBuffers");
    head = true;
    printf("%-34s %8.2f %10.2f %9.2f %9.2f %13.2f\n", when, mb(u.rss), mb(u.heap_total), mb(u.heap_used), mb(u.external),
           mb(u.array_buffers));
    fflush(stdout);
}

void report_pool(struct mid_pool *pool)
{
    struct mid_pool_stats s = {.struct_size = sizeof s};
    if (mid_pool_stats(pool, &s) != MID_OK)
        return;
    printf("\npool: slabs full %zu, partial %zu, empty %zu; large buffers %zu\n", s.slabs_full, s.slabs_partial,
           s.slabs_empty, s.slabs_large);
    printf("      %zu buffers out; bytes requested %zu, rounded %zu, pinned %zu, committed %zu (peak %zu)", s.live_buffers,
           s.requested_bytes, s.rounded_bytes, s.pinned_bytes, s.committed_bytes, s.committed_peak_bytes);
    if (s.limit_bytes != 0)
        printf(", limit %zu", s.limit_bytes);
    printf("\n");
    fflush(stdout);
}

void report_trace_line(void *user, const char *line)
{
    struct trace *trace = user;
    unsigned *count = strstr(line, ": scavenge ") != NULL ? &trace->scavenges : &trace->others;
    if (trace->all || *count < TRACE_LINES_SHOWN)
        printf("%s\n", line);
    else
        trace->left_out++;
    ++*count;
}

void report_trace_end(const struct trace *trace)
{
    printf("%u scavenges and %u full collections in all", trace->scavenges, trace->others);
    printf(trace->left_out != 0 ? "; %u lines not shown (--trace shows them)\n" : "\n", trace->left_out);
}

void report_text(const unsigned char *text, size_t bytes, size_t columns)
{
    for (size_t i = 0, shown = 0; i < bytes; i++) {
        if ((text[i] & 0xc0) != 0x80 && ++shown > columns) {
            printf("...");
            return;
        }
        /* C0, DEL and the C1 controls, which UTF-8 writes as C2 80..9F, never reach the terminal. */
        if (text[i] < 0x20 || text[i] == 0x7f || (text[i] == 0xc2 && i + 1 < bytes && text[i + 1] < 0xa0))
            printf(text[i] == '\t' ? " " : "\\x%02x", text[i]);
        else
            putchar(text[i]);
    }
}
