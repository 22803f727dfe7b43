/* SPDX-License-Identifier: MIT
 * Measures what papers/steele-1975.md trades: a barrier that keeps the snapshot at the beginning needs no rescan, and pays
 * with floating garbage. A share of the live cells is dropped while marking is under way; what of it does the cycle keep,
 * and what the next one? */
#include "heap_kit.h"

enum { CELLS = 200000 };

struct result {
    double floating; /* of what died during the marking, still held after it */
    double next;     /* ... and after the next full collection */
};

static struct result drop_while_marking(double share)
{
    struct mid_heap_options o;
    mid_heap_options_init(&o);
    struct kit_heap k = kit_heap_open(&o);
    struct mid_persistent *live = kit_heap_fill(k, CELLS);
    size_t all = kit_heap_used(k), dropped = 0, target = (size_t)(share * CELLS);
    uint64_t state = KIT_SEED, before = kit_heap_fulls(k);
    KIT_NEED(mid_heap_collect(k.heap, MID_COLLECT_START, NULL) == MID_OK);
    while (kit_heap_fulls(k) == before) {
        for (size_t n = 0; n < CELLS / 50 && dropped < target; n++) {
            size_t i = kit_random(&state) % CELLS;
            if (mid_is_null(mid_array_get(mid_persistent_get(live), i)))
                continue;
            mid_array_set(k.heap, mid_persistent_get(live), i, mid_null());
            dropped++;
        }
        mid_heap_collect(k.heap, MID_COLLECT_STEP, NULL);
    }
    KIT_NEED(dropped > 0);
    double died = (double)dropped * CELL_BYTES;
    struct result r;
    double alive = (double)all - died;
    r.floating = ((double)kit_heap_used(k) - alive) / died;
    mid_heap_collect(k.heap, MID_COLLECT_FULL, NULL);
    r.next = ((double)kit_heap_used(k) - alive) / died;
    mid_heap_destroy(k.heap);
    return r;
}

int main(void)
{
    static const double shares[] = {0.01, 0.1, 0.3};
    double least = 1, most = 0;
    puts("200,000 live cells, a share of which is dropped at random while marking is under way.\n");
    puts("| dropped, % of the live | kept by this cycle, % | kept by the next, % |\n|---|---|---|");
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        struct result r = drop_while_marking(shares[i]);
        printf("| %.0f | %.1f | %.1f |\n", shares[i] * 100, r.floating * 100, r.next * 100);
        least = r.floating < least ? r.floating : least;
        most = r.next > most ? r.next : most;
    }
    printf("@measured %.0f %% of what dies during a marking floats to its end; the next collection keeps %.1f %% of it\n",
           least * 100, most * 100);
    kit_verdict(least > 0.99 && most < 0.01, least > 0.5);
    return 0;
}
