/* SPDX-License-Identifier: MIT
 *
 * trend.c: whether the heap grows in the long run. After each collection that marks everything listeners get the base (what
 * was found alive), its extremes, two smoothed means and their difference; and when the base has grown five times in a row,
 * the growth with its rate. This is what node-memwatch made of V8's callbacks.
 *
 *     base                             o  fifth growth: LEAK, from start to here
 *      |              o           o
 *      |      o  <- start  o o
 *      |  o      o
 *      +------------------------------> collections that mark everything
 *
 * Departures: memwatch takes V8's used heap, we the live bytes of old and large space, which do not depend on how full the
 * nursery is; and its "incremental" collections are scavenges, which have a figure of their own here.
 *
 *   I1  heap->growing counts the growths since start_bytes, and is below LEAK_AFTER between collections
 */
#include "internal.h"

#define LEAK_AFTER 5u
#define RECENT     10
#define ANCIENT    120

/* A mean over `count` values so far, in which the last `period` weigh most. */
static double smoothed(double mean, double value, uint64_t count, unsigned period)
{
    return mean + (value - mean) / (double)(count < period ? count : period);
}

static void take_base(struct mid_heap *heap, const struct mid_collection *c, size_t base)
{
    struct mid_trend *t = &heap->trend;
    if (c->kind == MID_COLLECTION_INCREMENTAL)
        t->incremental_collections++;
    else
        t->full_collections++;
    t->scavenges = heap->totals.scavenges;
    uint64_t count = t->full_collections + t->incremental_collections;
    if (count == 1 || base < t->base_min_bytes)
        t->base_min_bytes = base;
    if (base > t->base_max_bytes)
        t->base_max_bytes = base;
    heap->recent_base = smoothed(heap->recent_base, (double)base, count, RECENT);
    heap->ancient_base = smoothed(heap->ancient_base, (double)base, count, ANCIENT);
    t->base_estimated_bytes = (size_t)heap->recent_base;
    t->usage_trend = heap->ancient_base > 0 ? (heap->recent_base / heap->ancient_base - 1) * 100 : 0;
}

/* True when this is the fifth growth in a row. */
static bool grows(struct mid_heap *heap, size_t base, uint64_t now_ns)
{
    struct mid_trend *leak = &heap->leak;
    bool first = heap->trend.full_collections + heap->trend.incremental_collections == 1;
    if (first || base <= leak->end_bytes)
        heap->growing = 0;
    else if (heap->growing++ == 0) {
        leak->start_ns = leak->end_ns;
        leak->start_bytes = leak->end_bytes;
    }
    leak->end_ns = now_ns;
    leak->end_bytes = base;
    return heap->growing == LEAK_AFTER;
}

void mid__trend(struct mid_heap *heap, const struct mid_collection *c)
{
    struct mid_collection told = *c;
    struct mid_trend trend;
    uint64_t now_ns = mid__sys_now_ns() - heap->made_ns;
    take_base(heap, c, c->marked_bytes);
    bool leaks = grows(heap, c->marked_bytes, now_ns);
    trend = heap->trend;
    trend.struct_size = sizeof trend;
    trend.base_bytes = c->marked_bytes;
    told.trend = &trend;
    mid__tell(heap, MID_EVENT_STATS, &told);
    if (!leaks)
        return;
    trend.collections = LEAK_AFTER;
    trend.start_ns = heap->leak.start_ns;
    trend.end_ns = now_ns;
    trend.start_bytes = heap->leak.start_bytes;
    trend.end_bytes = c->marked_bytes;
    trend.growth_bytes = trend.end_bytes - trend.start_bytes;
    if (now_ns > trend.start_ns)
        trend.bytes_an_hour = (double)trend.growth_bytes * 3600e9 / (double)(now_ns - trend.start_ns);
    heap->growing = 0;
    mid__tell(heap, MID_EVENT_LEAK, &told);
}
