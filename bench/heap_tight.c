/* SPDX-License-Identifier: MIT
 *
 * heap_tight.c: heaps of equal size, in multiples of what lives at most. Where each collector takes what it likes, time can
 * be bought with memory, and the one that takes more looks faster; here all have the same bytes, and what differs is the
 * collector. In the tightest heaps some cannot go on: that is a result and is kept as "failed".
 *
 * What lives is counted as the program asked for it, with one word of header an object: the sizes stand in heap_list.c.
 * midden's part of it:
 *
 *     | semispace | semispace |              old and large space: limit and threshold               |
 *       1/32 each, 256 KiB .. 16 MiB           a full collection at the end of it at the latest
 *
 * and memory outside the heap beside it: a scavenge when it has grown by a quarter of the room, a full collection when by a half.
 *
 * Boehm's collector has one space of all the bytes; Node's heap limit covers its old space and three semispaces.
 */
#include "heap_work.h"
#include "results.h"

#include <stdio.h>
#include <stdlib.h>

const struct heap_multiple heap_multiples[] = {
    {"-1.2x", 1.2, false}, {"-1.3x", 1.3, false}, {"-1.5x", 1.5, true},
    {"-2x", 2, false},     {"-3x", 3, true},      {"-6x", 6, false},
};
const size_t heap_multiple_count = sizeof heap_multiples / sizeof heap_multiples[0];

static size_t tight_bytes;

size_t heap_tight_bytes(void)
{
    return tight_bytes;
}

void heap_tight_set(size_t bytes)
{
    tight_bytes = bytes;
}

/* In whole KiB. */
size_t heap_tight_semispace(size_t bytes)
{
    const size_t least = (size_t)256 << 10, most = (size_t)16 << 20;
    size_t semispace = bytes / 32 & ~(size_t)1023;
    return semispace < least ? least : semispace > most ? most : semispace;
}

void heap_tight_options(size_t bytes, size_t live_bytes, char *out, size_t capacity)
{
    size_t semispace = heap_tight_semispace(bytes), old = bytes - 2 * semispace, room = (bytes - live_bytes) >> 10;
    snprintf(out, capacity, "growth=fixed,old-fixed=%zuK,old-limit=%zuK,semispace=%zuK,external-step=%zuK,growth-percent=1",
             old >> 10, old >> 10, semispace >> 10, room / 4);
}

/* The line is what alone.c reads: the parent keeps it as the reason. */
void heap_refused(const char *who)
{
    if (tight_bytes != 0)
        printf("failed %s: " RESULT_NO_MEMORY " in a heap of %.1f MB\n", who, (double)tight_bytes / 1048576);
    else
        printf("failed %s: " RESULT_NO_MEMORY "\n", who);
    fflush(stdout);
    _Exit(1);
}
