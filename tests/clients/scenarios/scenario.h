/* SPDX-License-Identifier: MIT
 * What the scenarios share. They use the public headers alone. */
#ifndef MIDDEN_SCENARIO_H
#define MIDDEN_SCENARIO_H

#include <midden/event.h>
#include <midden/heap.h>
#include <midden/pauses.h>
#include <midden/roots.h>
#include <midden/walk.h>

/* Each prints its figures and returns 0, or 1 when something went otherwise than it should. */
int scenario_collect(void);                                   /* 160 MB taken, dropped, collected by hand */
int scenario_limit(void);                                     /* 160 MB a step, all kept, up to the limit */
int scenario_leaks(void);                                     /* five leaks, and their cures */
int scenario_pauses(const unsigned *live_mb, unsigned count); /* marking at once and in steps */

/* Ends the program with a line on stderr when a call that cannot fail here has. */
void must(bool good, const char *what);
struct mid_type register_type(struct mid_heap *heap, const char *name, const struct mid_field *fields, size_t count,
                              size_t fixed_bytes, enum mid_tail tail);
/* "heapTotal 166.84 MB, heapUsed 164.23 MB" */
void print_usage(struct mid_heap *heap, const char *when);
size_t used_bytes(struct mid_heap *heap);

#endif
