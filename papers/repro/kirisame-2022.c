/* SPDX-License-Identifier: MIT
 * Repeats the claim of papers/kirisame-2022.md: with the same memory in all, heaps that get room by the square root of what
 * they hold mark less than heaps that get it in proportion. Two heaps, one small and one large, allocate at given rates; a
 * fixed sum of room is divided by either rule. Bytes that were marked are counted: the same on any machine. */
#include "heap_kit.h"

#include <math.h>

enum { SMALL = 60000, LARGE = 960000, BORN = 3000000 };

/* Bytes marked by one heap of `cells` live cells that may grow by `room` bytes, while `born` cells are born. */
static double marked(size_t cells, double room, size_t born)
{
    struct mid_heap_options o;
    mid_heap_options_init(&o);
    o.semispace_bytes = o.semispace_start_bytes = 256 << 10;
    o.growth = MID_GROWTH_FIXED;
    o.old_fixed_bytes = cells * (CELL_BYTES + 8) + (size_t)room;
    o.marking = MID_MARKING_STOP;
    o.compaction = MID_COMPACTION_OFF;
    struct kit_heap k = kit_heap_open(&o);
    struct mid_persistent *live = kit_heap_fill(k, cells);
    uint64_t state = KIT_SEED, before = kit_heap_stats(k).marked_bytes;
    for (size_t i = 0; i < born; i++) {
        struct mid_ref fresh = mid_new(k.heap, k.cell);
        KIT_NEED(!mid_is_null(fresh));
        mid_array_set(k.heap, mid_persistent_get(live), kit_random(&state) % cells, fresh); /* it lives for long, another dies */
    }
    double bytes = (double)(kit_heap_stats(k).marked_bytes - before);
    mid_heap_destroy(k.heap);
    return bytes;
}

int main(void)
{
    static const double shares[] = {0.1, 0.5, 0.9}; /* of the births in the small heap */
    double worst_gain = 1e30, best_gain = 0, room = 24e6;
    puts("Two heaps, 60,000 and 960,000 live cells of 64 bytes, 24 MB of room in all, 3 million births; MB marked.\n");
    puts("| births in the small heap, % | room in proportion to what is live | by the root of what is live | by the root of live times rate | gain |\n|---|---|---|---|---|");
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        size_t born = (size_t)(shares[i] * BORN);
        double total[3];
        for (int rule = 0; rule < 3; rule++) {
            double a = rule == 0 ? SMALL : rule == 1 ? sqrt(SMALL) : sqrt(SMALL * shares[i]),
                   b = rule == 0 ? LARGE : rule == 1 ? sqrt(LARGE) : sqrt(LARGE * (1 - shares[i]));
            total[rule] = marked(SMALL, room * a / (a + b), born) + marked(LARGE, room * b / (a + b), BORN - born);
        }
        double gain = total[0] / total[2];
        printf("| %.0f | %.0f | %.0f | %.0f | %.2f x |\n", shares[i] * 100, total[0] / 1e6, total[1] / 1e6, total[2] / 1e6, gain);
        worst_gain = gain < worst_gain ? gain : worst_gain;
        best_gain = gain > best_gain ? gain : best_gain;
    }
    puts("@plot x=1 y=2,3,4 xlabel=\"births in the small heap, %\" ylabel=\"MB marked\"");
    printf("@measured with the same memory %.2f to %.2f x less is marked by the root of live times rate than in proportion\n", worst_gain,
           best_gain);
    kit_verdict(worst_gain > 1.05, best_gain > 1.05);
    return 0;
}
