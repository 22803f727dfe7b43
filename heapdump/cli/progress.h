/* SPDX-License-Identifier: MIT
 * One line on stderr while something long runs (see progress.c). */
#ifndef MIDDEN_CLI_PROGRESS_H
#define MIDDEN_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool terminal, shown;
    uint64_t start_ns, last_ns;
    const char *what; /* our own words or a quoted name */
};

#define PROGRESS_SILENT_NS 500000000u
#define PROGRESS_REDRAW_NS 100000000u

/* Whether the line is to be written at `now_ns`: not in the first half second, and then ten times a second. */
static inline bool progress_is_due(const struct progress *p, uint64_t now_ns)
{
    return now_ns - p->start_ns >= PROGRESS_SILENT_NS && now_ns - p->last_ns >= PROGRESS_REDRAW_NS;
}

void progress_begin(struct progress *p, const char *what);

/* `stage` is a word of ours; `total` 0 when the end is not known. Cheap enough to call thousands of times a second. */
void progress_show(struct progress *p, const char *stage, uint64_t done, uint64_t total);

/* Wipes the line. */
void progress_end(struct progress *p);

#endif
