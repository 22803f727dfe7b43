/* SPDX-License-Identifier: MIT
 *
 * allocators.h: midden's pool and its peers as one table of functions, so that every side does the same work.
 */
#ifndef MIDDEN_BENCH_ALLOCATORS_H
#define MIDDEN_BENCH_ALLOCATORS_H

#include <stdbool.h>
#include <stddef.h>

struct mid_pool;

/* One way to take and release memory. The functions may be called from any thread. */
struct allocator {
    const char *name;
    void *(*alloc)(size_t bytes);             /* bytes > 0; NULL when there is none */
    void (*release)(void *p, size_t bytes);   /* bytes as asked for: who cannot use them ignores them */
    void (*trim)(void);                       /* give back to the system what can be given; NULL: it has no such call */
    const char *(*version)(void);
    const char *(*load)(void);                /* makes it ready; NULL, or why it is not to be had */
    struct mid_pool *(*pool)(void);           /* midden's, whose slices are used; NULL: it has no slices */
    bool variant;                             /* a second face of the one before it: left out of the quick set */
    bool floor;                               /* no allocator at all: what the harness itself costs */
};

extern const struct allocator allocators[];
extern const size_t allocator_count;

/* The allocators that loaded, in the table's order. Loads at the first call. */
size_t allocators_ready(const struct allocator **ready, size_t capacity);

/* Calls say(user, name, why) for each that did not. */
void allocators_absent(void (*say)(void *user, const char *name, const char *why), void *user);

#endif
