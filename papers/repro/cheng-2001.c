/* SPDX-License-Identifier: MIT
 * Repeats the measure of papers/cheng-2001.md: minimum mutator utilisation. The same program under three collectors; its
 * thread's CPU time is cut into what the collector took and what was left to the program, by timing batches of 64
 * allocations from outside. A batch without a collection takes what the quickest tenth take; the rest is the collector's. */
#include "heap_kit.h"

#include <midden/pauses.h>

#include <string.h>

enum { CELLS = 800000, BATCH = 64, BATCHES = 60000 };

static double ends[BATCHES]; /* when each batch ended, in ms of CPU time */
static double lost[BATCHES]; /* what of it the collector took */

static const double windows[] = {1, 2, 5, 10, 20, 50, 100, 200};
enum { W = sizeof windows / sizeof windows[0] };

/* *own: what the heap says of itself, without the slow paths of allocation and barrier. Returns the mean from outside. */
static double run(const struct mid_heap_options *options, double *own)
{
    struct kit_heap k = kit_heap_open(options);
    struct mid_persistent *live = kit_heap_fill(k, CELLS);
    uint64_t state = KIT_SEED;
    static double sorted[BATCHES];
    mid_heap_pauses_reset(k.heap);
    double start = kit_cpu_ms(), last = 0, all_lost = 0;
    for (size_t i = 0; i < BATCHES; i++) {
        for (size_t b = 0; b < BATCH; b++) {
            struct mid_ref fresh = mid_new(k.heap, k.cell);
            KIT_NEED(!mid_is_null(fresh));
            uint64_t x = kit_random(&state);
            if (x % 4 == 0)
                mid_array_set(k.heap, mid_persistent_get(live), (x >> 32) % CELLS, fresh);
        }
        ends[i] = kit_cpu_ms() - start;
        sorted[i] = lost[i] = ends[i] - last;
        last = ends[i];
    }
    for (int w = 0; w < W; w++) {
        struct mid_utilisation u = {.struct_size = sizeof u, .window_ns = (uint64_t)(windows[w] * 1e6), .clock = MID_CLOCK_CPU};
        KIT_NEED(mid_heap_utilisation(k.heap, &u) == MID_OK && u.whole);
        own[w] = u.minimum;
    }
    qsort(sorted, BATCHES, sizeof *sorted, kit_by_value);
    for (size_t i = 0; i < BATCHES; i++) {
        lost[i] = lost[i] > 4 * sorted[BATCHES / 10] ? lost[i] - sorted[BATCHES / 10] : 0;
        all_lost += lost[i];
    }
    mid_heap_destroy(k.heap);
    return 1 - all_lost / ends[BATCHES - 1];
}

/* The least share that the program gets of any window: one that ends with a collection, or begins with one. */
static double utilisation(double window_ms)
{
    double least = 1, inside = 0;
    size_t from = 0;
    for (size_t i = 0; i < BATCHES; i++) {
        inside += lost[i];
        while (ends[from] <= ends[i] - window_ms)
            inside -= lost[from++];
        /* The window ends with batch i; of batch `from` only what lies within counts. */
        double begin = ends[i] - window_ms, cut = from > 0 ? ends[from - 1] : 0, outside = begin > cut ? begin - cut : 0;
        double taken = inside - (outside < lost[from] ? outside : lost[from]);
        if (begin >= 0 && 1 - taken / window_ms < least)
            least = 1 - taken / window_ms;
    }
    return least < 0 ? 0 : least;
}

int main(void)
{
    enum { HEAPS = 3 };
    static const char *const names[HEAPS] = {"stop", "steps", "steps, pause target 1 ms"};
    double share[HEAPS][W], own[HEAPS][W], mean[HEAPS];
    for (int h = 0; h < HEAPS; h++) {
        struct mid_heap_options o;
        mid_heap_options_init(&o);
        o.growth_percent = 50;
        o.marking = h == 0 ? MID_MARKING_STOP : MID_MARKING_INCREMENTAL;
        o.pause_target_us = h == 2 ? 1000 : 0;
        o.pause_log = 1 << 20;
        mean[h] = run(&o, own[h]);
        for (int w = 0; w < W; w++)
            share[h][w] = utilisation(windows[w]);
    }
    puts("800,000 live cells, 3.8 million born. The share of CPU time that is left to the program in the worst window, %.\n");
    printf("| window, ms | %s | %s | %s | the heap's own figure: %s | %s | %s |\n|---|---|---|---|---|---|---|\n", names[0], names[1], names[2],
           names[0], names[1], names[2]);
    for (int w = 0; w < W; w++)
        printf("| %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f |\n", windows[w], share[0][w] * 100, share[1][w] * 100, share[2][w] * 100,
               own[0][w] * 100, own[1][w] * 100, own[2][w] * 100);
    puts("@plot x=1 y=2,3,4 log=x xlabel=\"window, ms of CPU time\" ylabel=\"worst utilisation, %\"");
    printf("\nOver the whole run the program gets %.0f, %.0f and %.0f %%.\n", mean[0] * 100, mean[1] * 100, mean[2] * 100);
    printf("@measured in the worst 20 ms the program gets %.0f %% with steps and a pause target, %.0f %% with steps, %.0f %% without\n",
           share[2][4] * 100, share[1][4] * 100, share[0][4] * 100);
    kit_verdict(share[2][4] > 0.1 && share[0][4] < 0.01, share[1][6] > share[0][6]);
    return 0;
}
