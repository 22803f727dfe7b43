/* SPDX-License-Identifier: MIT
 * The longest pause with marking at once and in steps: a graph of small objects is built and then changed without end. Times
 * are the machine's; the work in a pause (bytes copied and marked) is the same on all. */
#include "scenario.h"

#include <stdio.h>

enum { NODE_BYTES = 48, ARRAY = 4096, LIVE_NODES_MB = (1 << 20) / NODE_BYTES };

struct leaf {
    struct mid_ref left, right;
    uint64_t numbers[3];
};

struct graph {
    struct mid_heap *heap;
    struct mid_type leaf, array;
    struct mid_persistent *index; /* an array of arrays of nodes */
    size_t arrays;
    uint64_t state;
};

static uint64_t random_of(struct graph *g)
{
    g->state ^= g->state << 13;
    g->state ^= g->state >> 7;
    g->state ^= g->state << 17;
    return g->state;
}

static struct mid_ref array_at(struct graph *g, size_t i)
{
    return mid_array_get(mid_persistent_get(g->index), i);
}

/* A fresh node that refers to two others of the graph, whose own references are cut: what lives stays bounded. */
static void replace(struct graph *g, size_t array, size_t at)
{
    struct mid_ref fresh = mid_new(g->heap, g->leaf);
    must(!mid_is_null(fresh), "mid_new");
    struct mid_ref other = mid_array_get(array_at(g, random_of(g) % g->arrays), random_of(g) % ARRAY);
    if (!mid_is_null(other)) {
        struct leaf *o = mid_data(other);
        mid_store(g->heap, other, &o->left, mid_null());
        mid_init_field(&((struct leaf *)mid_data(fresh))->left, other);
    }
    mid_array_set(g->heap, array_at(g, array), at, fresh);
}

static void build(struct graph *g, unsigned live_mb)
{
    g->arrays = (size_t)live_mb * LIVE_NODES_MB / ARRAY + 1;
    g->state = 88172645463325252u;
    g->leaf = register_type(g->heap, "Leaf", (struct mid_field[]){{"left", offsetof(struct leaf, left), 0}, {"right", offsetof(struct leaf, right), 0}},
                            2, sizeof(struct leaf), MID_TAIL_NONE);
    g->array = register_type(g->heap, "Array", NULL, 0, 0, MID_TAIL_REFS);
    g->index = mid_persistent_new(g->heap, mid_new_array(g->heap, g->array, g->arrays), "index");
    must(g->index != NULL, "mid_persistent_new");
    for (size_t i = 0; i < g->arrays; i++)
        mid_array_set(g->heap, mid_persistent_get(g->index), i, mid_new_array(g->heap, g->array, ARRAY));
    for (size_t i = 0; i < g->arrays; i++)
        for (size_t at = 0; at < ARRAY; at++)
            replace(g, i, at);
}

struct result {
    uint64_t longest[MID_CLOCKS], p99_cpu, work;
    double worst20;
    uint64_t cycles;
};

static struct result run(unsigned live_mb, enum mid_marking marking)
{
    struct graph g;
    struct mid_heap_options options;
    struct result result;
    mid_heap_options_init(&options);
    options.marking = marking;
    options.semispace_bytes = 2u << 20; /* scavenges are not the question */
    options.old_limit_bytes = (size_t)live_mb * 3 << 20;
    options.pause_log = 1u << 16;
    if (options.old_limit_bytes < 64u << 20)
        options.old_limit_bytes = 64u << 20;
    must(mid_heap_create(&options, &g.heap) == MID_OK, "mid_heap_create");
    build(&g, live_mb);
    must(mid_heap_collect(g.heap, MID_COLLECT_SCAVENGE, NULL) == MID_OK, "mid_heap_collect");
    struct mid_gc_stats before = {.struct_size = sizeof before}, after = before;
    must(mid_heap_stats(g.heap, &before) == MID_OK, "mid_heap_stats");
    mid_heap_pauses_reset(g.heap);
    for (size_t i = g.arrays * ARRAY * 2; i > 0; i--)
        replace(&g, random_of(&g) % g.arrays, random_of(&g) % ARRAY);
    must(mid_heap_stats(g.heap, &after) == MID_OK, "mid_heap_stats");
    result.cycles = after.full_collections - before.full_collections;
    result.work = after.pause_work_bytes_max;
    for (unsigned clock = 0; clock < MID_CLOCKS; clock++) {
        struct mid_pauses p = {.struct_size = sizeof p};
        must(mid_heap_pauses(g.heap, MID_PAUSE_ALL, (enum mid_clock)clock, &p) == MID_OK, "mid_heap_pauses");
        result.longest[clock] = p.longest_ns;
        result.p99_cpu = p.p99_ns;
    }
    struct mid_utilisation u = {.struct_size = sizeof u, .window_ns = 20000000, .clock = MID_CLOCK_CPU};
    must(mid_heap_utilisation(g.heap, &u) == MID_OK, "mid_heap_utilisation");
    result.worst20 = u.minimum;
    mid_heap_destroy(g.heap);
    return result;
}

int scenario_pauses(const unsigned *live_mb, unsigned count)
{
    static const char *const names[] = {"at once", "in steps"};
    bool good = true;
    puts("the longest pause, marking at once and in steps (ms; MMU: what the program gets of the worst 20 ms of CPU time):");
    puts("  live, MB  marking   cycles  longest, wall  longest, CPU  99 %, CPU  MMU 20 ms  most work in a pause, MB");
    for (unsigned i = 0; i < count; i++) {
        struct result r[2];
        for (unsigned k = 0; k < 2; k++) {
            r[k] = run(live_mb[i], k == 0 ? MID_MARKING_STOP : MID_MARKING_INCREMENTAL);
            printf("  %8u  %-8s  %6llu  %13.2f  %12.2f  %9.3f  %7.0f %%  %8.2f\n", live_mb[i], names[k], (unsigned long long)r[k].cycles,
                   (double)r[k].longest[MID_CLOCK_WALL] / 1e6, (double)r[k].longest[MID_CLOCK_CPU] / 1e6, (double)r[k].p99_cpu / 1e6,
                   r[k].worst20 * 100, (double)r[k].work / 1048576);
        }
        printf("  %8u  longest in steps / at once: 1/%.1f in CPU time, 1/%.1f in work\n", live_mb[i],
               (double)r[0].longest[MID_CLOCK_CPU] / (double)r[1].longest[MID_CLOCK_CPU], (double)r[0].work / (double)r[1].work);
        good &= r[0].cycles > 0 && r[1].cycles > 0 && r[1].work * 6 < r[0].work;
    }
    return !good;
}
