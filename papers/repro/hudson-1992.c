/* SPDX-License-Identifier: MIT
 * What papers/hudson-1992.md says of remembered sets: a scavenge pays for the slots that were remembered and not for the old
 * space behind them; a slot is in the set once, however often it is stored to; an array counts by its slots; and what is dead
 * in the old space keeps what is young until a full collection. */
#include "heap_kit.h"

enum { ROUNDS = 15, SLOTS = 100000 };

/* CPU time of the last collection, ms. */
static double last_ms(struct kit_heap k)
{
    struct mid_collection c = {.struct_size = sizeof c};
    KIT_NEED(mid_heap_recent(k.heap, &c, 1) == 1);
    return (double)c.cpu_ns / 1e6;
}

static struct cell *cell_at(struct mid_persistent *live, size_t i)
{
    return mid_data(mid_array_get(mid_persistent_get(live), i));
}

/* One young object is stored into `slots` cells, far apart, `times` each, before each scavenge. ms of the scavenge; *stored: of the stores. */
static double scavenge(struct kit_heap k, struct mid_persistent *live, size_t cells, size_t slots, size_t times, double *stored)
{
    double took[ROUNDS], stores[ROUNDS];
    for (int r = 0; r < ROUNDS; r++) {
        uint64_t state = KIT_SEED + (uint64_t)r;
        struct mid_ref fresh = mid_new(k.heap, k.cell);
        double begin = kit_cpu_ms();
        for (size_t i = 0; i < slots; i++) {
            size_t at = cells / (slots + 1) * i + kit_random(&state) % (cells / (slots + 1));
            struct mid_ref holder = mid_array_get(mid_persistent_get(live), at);
            for (size_t t = 0; t < times; t++)
                mid_store(k.heap, holder, &((struct cell *)mid_data(holder))->left, fresh);
        }
        stores[r] = kit_cpu_ms() - begin;
        KIT_NEED(kit_heap_stats(k).remembered_slots == slots);
        mid_heap_collect(k.heap, MID_COLLECT_SCAVENGE, NULL);
        took[r] = last_ms(k);
        for (size_t i = 0; i < cells; i++) /* nothing of it is left for the next round */
            if (!mid_is_null(cell_at(live, i)->left))
                mid_store(k.heap, mid_array_get(mid_persistent_get(live), i), &cell_at(live, i)->left, mid_null());
        mid_heap_collect(k.heap, MID_COLLECT_SCAVENGE, NULL);
    }
    if (stored != NULL)
        *stored = kit_median(stores, ROUNDS) * 1e6 / (double)(slots * times);
    return kit_median(took, ROUNDS);
}

/* Scavenges by slots and by the size of the old space; returns the cost of all slots in the largest over the smallest. */
static double by_slots(double *ns_a_slot)
{
    static const size_t cells[] = {250000, 1000000, 4000000}, slots[] = {0, 1000, 10000, SLOTS};
    double ms[3][4];
    for (int s = 0; s < 3; s++) {
        struct kit_heap k = kit_heap_open(NULL);
        struct mid_persistent *live = kit_heap_fill(k, cells[s]);
        for (int n = 0; n < 4; n++)
            ms[s][n] = scavenge(k, live, cells[s], slots[n], 1, NULL);
        mid_heap_destroy(k.heap);
    }
    puts("One young object, remembered in so many slots of old cells of 64 bytes. CPU time of the scavenge, us.\n");
    puts("| slots | old space 16 MB | 64 MB | 256 MB |\n|---|---|---|---|");
    for (int n = 0; n < 4; n++)
        printf("| %zu | %.0f | %.0f | %.0f |\n", slots[n], ms[0][n] * 1e3, ms[1][n] * 1e3, ms[2][n] * 1e3);
    puts("@plot x=1 y=2,3,4 xlabel=\"remembered slots\" ylabel=\"us a scavenge\"");
    *ns_a_slot = ms[2][3] * 1e6 / SLOTS;
    return (ms[2][0] + 0.001) / (ms[0][0] + 0.001);
}

/* The same slots stored to again and again: the set does not grow (scavenge demands it), later stores are cheap. */
static void repeated(void)
{
    static const size_t times[] = {1, 4, 16, 64};
    struct kit_heap k = kit_heap_open(NULL);
    struct mid_persistent *live = kit_heap_fill(k, 500000);
    puts("\n10,000 slots, each stored to so many times before the scavenge:\n\n| stores a slot | slots in the set | ns a store | scavenge, us |\n|---|---|---|---|");
    for (int i = 0; i < 4; i++) {
        double ns, ms = scavenge(k, live, 500000, 10000, times[i], &ns);
        printf("| %zu | 10,000 | %.1f | %.0f |\n", times[i], ns, ms * 1e3);
    }
    mid_heap_destroy(k.heap);
}

/* One young element in an array: remembered as a slot, and what reading the array would take. The largest scavenge, ms. */
static double arrays(double *reading)
{
    double worst = 0;
    struct kit_heap k = kit_heap_open(NULL);
    puts("\nOne young element in an old array. Remembering the array and not the slot would have it read at each scavenge:\n\n"
         "| elements | scavenge, us | reading the array, us |\n|---|---|---|");
    for (size_t length = 1000; length <= 4096000; length *= 16) {
        struct mid_persistent *array = mid_persistent_new(k.heap, mid_new_array(k.heap, k.table, length), "array");
        mid_heap_collect(k.heap, MID_COLLECT_FULL, NULL);
        double took[ROUNDS], reads[ROUNDS];
        for (int r = 0; r < ROUNDS; r++) {
            struct mid_ref fresh = mid_new(k.heap, k.cell);
            mid_array_set(k.heap, mid_persistent_get(array), length / 2, fresh);
            mid_heap_collect(k.heap, MID_COLLECT_SCAVENGE, NULL);
            took[r] = last_ms(k);
            volatile size_t young = 0;
            double begin = kit_cpu_ms();
            for (size_t i = 0; i < length; i++)
                if (!mid_is_null(mid_array_get(mid_persistent_get(array), i)))
                    young = young + 1;
            reads[r] = kit_cpu_ms() - begin;
        }
        double ms = kit_median(took, ROUNDS);
        *reading = kit_median(reads, ROUNDS);
        worst = ms > worst ? ms : worst;
        printf("| %zu | %.1f | %.1f |\n", length, ms * 1e3, *reading * 1e3);
        mid_persistent_release(k.heap, array);
    }
    mid_heap_destroy(k.heap);
    return worst;
}

/* Old cells that nobody holds any more keep a young one each. Shares of the young ones that are there after two scavenges,
 * and after a full collection. */
static void nepotism(double *scavenged, double *full)
{
    enum { CELLS = 50000 };
    struct kit_heap k = kit_heap_open(NULL);
    struct mid_persistent *live = kit_heap_fill(k, CELLS);
    for (size_t i = 0; i < CELLS; i++) {
        struct mid_ref fresh = mid_new(k.heap, k.cell), holder = mid_array_get(mid_persistent_get(live), i);
        mid_store(k.heap, holder, &((struct cell *)mid_data(holder))->left, fresh);
    }
    for (size_t i = 0; i < CELLS; i++)
        mid_array_set(k.heap, mid_persistent_get(live), i, mid_null()); /* now both are dead */
    uint64_t before = kit_heap_stats(k).promoted_bytes;
    mid_heap_collect(k.heap, MID_COLLECT_SCAVENGE, NULL);
    mid_heap_collect(k.heap, MID_COLLECT_SCAVENGE, NULL);
    uint64_t promoted = kit_heap_stats(k).promoted_bytes - before; /* at birth some may have been promoted, before */
    struct mid_gc_stats s = kit_heap_stats(k);
    *scavenged = (double)s.spaces[MID_SPACE_OLD].used_bytes / CELL_BYTES / CELLS - 1;
    KIT_NEED(promoted > 0);
    mid_heap_collect(k.heap, MID_COLLECT_FULL, NULL);
    *full = (double)kit_heap_stats(k).spaces[MID_SPACE_OLD].used_bytes / CELL_BYTES / CELLS;
    mid_heap_destroy(k.heap);
}

int main(void)
{
    double ns_a_slot, reading, kept, left;
    double growth = by_slots(&ns_a_slot);
    repeated();
    double worst = arrays(&reading);
    nepotism(&kept, &left);
    printf("\n50,000 dead old cells that refer to a young one each: after two scavenges %.1f %% of the young ones are still there, promoted; "
           "after a full collection %.1f %% of all.\n", kept * 100, left * 100);
    printf("@measured a remembered slot costs %.0f ns in 256 MB of old space, an empty set costs %.1f x what it does in 16 MB; an array of 4 M "
           "elements counts as one slot (%.0f us, reading it %.0f); dead old cells keep %.0f %% of their young until a full collection\n",
           ns_a_slot, growth, worst * 1e3, reading * 1e3, kept * 100);
    kit_verdict(growth < 4 && worst * 10 < reading && kept > 0.9 && left < 0.01, worst < reading);
    return 0;
}
