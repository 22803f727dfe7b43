/* SPDX-License-Identifier: MIT
 *
 * adapt.c: growth=adaptive. How much room a heap gets above what lives follows from how fast the program fills it and how
 * fast it is marked:
 *
 *     room = growth_percent / 100 * sqrt(live * 64 MiB * 10 * (bytes a second that get old / bytes a second marked))
 *
 * A heap costs its program (time to mark) * (how often), which is live / marked_rate * filled_rate / room, and costs the machine
 * its room. For a given price of memory the sum is least when the room is the root above; and when several heaps share a
 * machine, those that use the same price together mark least in the memory that they take: none needs to know of the others
 * (Kirisame, Shenoy and Panchekha 2022, "Optimal heap limits for reducing browser memory use", section 3).
 *
 * Departures: the paper's constant c is the price of memory; ours is growth_percent, so that a heap that is filled at a
 * tenth of the rate at which it is marked gets what growth=growing gives a large one. Times are CPU times of the thread,
 * not wall times: how busy the machine is should not decide. The paper smooths both rates once a second on a thread; here each
 * collection gives one sample, and half of the old value stays. What the nursery absorbs is not counted: it makes no
 * marking due. Rates are unknown until the second marking; up to then growth is as with growth=growing.
 *
 *   I1  both rates are positive, or both are 0: not known
 */
#include "internal.h"

/* rate of filling / rate of marking is taken to be within these: the room differs by a factor of 64 at most. */
#define RATIO_LEAST (1.0 / 640)
#define RATIO_MOST  6.4

/* A marking of `marked` bytes ends, which has taken `mark_ns` of CPU, the present pause included; `filled` bytes became old
 * since the last one. */
void mid__adapt_learn(struct mid_heap *heap, size_t filled, size_t marked, uint64_t mark_ns)
{
    struct mid__adapt *a = &heap->adapt;
    uint64_t program = mid__pauses_program_cpu(heap, heap->begun_cpu_ns), passed = program - a->program_ns;
    bool first = a->markings++ == 0;
    a->program_ns = program;
    if (first || filled == 0 || marked == 0)
        return; /* the time before the first is that of setting up */
    double fill = (double)filled / (double)(passed + 1), mark = (double)marked / (double)(mark_ns + 1);
    bool known = a->fill_rate > 0;
    a->fill_rate = known ? (a->fill_rate + fill) / 2 : fill;
    a->mark_rate = known ? (a->mark_rate + mark) / 2 : mark;
}

/* A root by Newton's steps from above, since libm is no dependency of ours. */
static double root(double x)
{
    double r = x > 1 ? x : 1;
    for (double next = (r + x / r) / 2; next < r * (1 - 1e-12); next = (r + x / r) / 2)
        r = next;
    return r;
}

/* The room above `live` bytes; 0: not known yet. */
size_t mid__adapt_room(const struct mid_heap *heap, size_t live)
{
    const struct mid__adapt *a = &heap->adapt;
    if (a->fill_rate <= 0)
        return 0;
    double ratio = a->fill_rate / a->mark_rate;
    ratio = ratio < RATIO_LEAST ? RATIO_LEAST : ratio > RATIO_MOST ? RATIO_MOST : ratio;
    double room = heap->options.growth_percent / 100.0 * root((double)live * (64 << 20) * 10 * ratio);
    return room < (double)(SIZE_MAX / 4) ? (size_t)room : SIZE_MAX / 4;
}
