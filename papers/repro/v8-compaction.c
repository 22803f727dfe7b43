/* SPDX-License-Identifier: MIT
 * The question of papers/v8-compaction.md: sweep or compact, by how fragmented the heap is. 200,000 strings of 16 to 1,015 bytes
 * of which a share dies at random; then one full collection in one pause, of which each way of compaction has its own heap.
 * How much is held afterwards for each live byte, and the CPU time of the collection. */
#include <midden/heap.h>
#include <midden/roots.h>

#include "kit.h"

enum { OBJECTS = 200000, ROUNDS = 3, WAYS = 4, SHARES = 7 };

struct outcome {
    double ms, held;
};

static struct outcome once(uint32_t compaction, unsigned dead_percent)
{
    struct mid_heap_options o;
    struct mid_heap *heap;
    struct mid_type type, table_type;
    struct mid_type_info bytes = {.struct_size = sizeof bytes, .name = "Bytes", .tail = MID_TAIL_BYTES};
    struct mid_type_info refs = {.struct_size = sizeof refs, .name = "Table", .tail = MID_TAIL_REFS};
    uint64_t state = KIT_SEED;
    mid_heap_options_init(&o);
    o.compaction = compaction;
    o.marking = MID_MARKING_STOP;
    KIT_NEED(mid_heap_create(&o, &heap) == MID_OK && mid_type_register(heap, &bytes, &type) == MID_OK &&
             mid_type_register(heap, &refs, &table_type) == MID_OK);
    struct mid_persistent *table = mid_persistent_new(heap, mid_new_array(heap, table_type, OBJECTS), "table");
    for (size_t i = 0; i < OBJECTS; i++) {
        struct mid_ref fresh = mid_new_bytes(heap, type, 16 + kit_random(&state) % 1000);
        KIT_NEED(!mid_is_null(fresh));
        mid_array_set(heap, mid_persistent_get(table), i, fresh);
    }
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    for (size_t i = 0; i < OBJECTS; i++)
        if (kit_random(&state) % 100 < dead_percent)
            mid_array_set(heap, mid_persistent_get(table), i, mid_null());
    double begin = kit_cpu_ms();
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    double took = kit_cpu_ms() - begin;
    struct mid_gc_stats s = {.struct_size = sizeof s};
    KIT_NEED(mid_heap_stats(heap, &s) == MID_OK);
    const struct mid_space *old = &s.spaces[MID_SPACE_OLD];
    mid_heap_destroy(heap);
    return (struct outcome){took, (double)old->total_bytes / (double)old->used_bytes};
}

int main(void)
{
    static const unsigned dead[SHARES] = {0, 10, 30, 50, 70, 90, 99};
    static const uint32_t ways[WAYS] = {MID_COMPACTION_OFF, MID_COMPACTION_ALWAYS, MID_COMPACTION_SLIDE, MID_COMPACTION_AUTO};
    double ms[SHARES][WAYS], held[SHARES][WAYS];
    for (int s = 0; s < SHARES; s++)
        for (int w = 0; w < WAYS; w++) {
            double took[ROUNDS];
            for (int r = 0; r < ROUNDS; r++) {
                struct outcome out = once(ways[w], dead[s]);
                took[r] = out.ms;
                held[s][w] = out.held;
            }
            ms[s][w] = kit_median(took, ROUNDS);
        }
    puts("200,000 strings of 16 to 1,015 bytes, 107 MB; so many die at random. Held for each live byte after one full collection:\n");
    puts("| died, % | swept | evacuated | slid | auto |\n|---|---|---|---|---|");
    for (int s = 0; s < SHARES; s++)
        printf("| %u | %.2f | %.2f | %.2f | %.2f |\n", dead[s], held[s][0], held[s][1], held[s][2], held[s][3]);
    puts("\nThe same collection, CPU ms:\n\n| died, % | swept | evacuated | slid | auto |\n|---|---|---|---|---|");
    for (int s = 0; s < SHARES; s++)
        printf("| %u | %.1f | %.1f | %.1f | %.1f |\n", dead[s], ms[s][0], ms[s][1], ms[s][2], ms[s][3]);
    puts("@plot x=1 y=2,3,4,5 log=y xlabel=\"died, %\" ylabel=\"CPU ms\"");
    double loosest = 0;
    for (int s = 0; s < SHARES; s++)
        loosest = held[s][3] > loosest && dead[s] <= 90 ? held[s][3] : loosest;
    printf("@measured of 90 %% dead sweeping leaves %.1f x the live bytes in %.0f ms, sliding %.2f x in %.0f; of 10 %% dead %.2f x in %.0f ms and "
           "%.2f x in %.0f; auto holds at most %.2f x\n",
           held[5][0], ms[5][0], held[5][2], ms[5][2], held[1][0], ms[1][0], held[1][2], ms[1][2], loosest);
    bool sweep_when_full = held[1][0] < 1.4 && ms[1][0] < ms[1][2] / 2, compact_when_sparse = held[5][0] > 4 * held[5][2];
    kit_verdict(sweep_when_full && compact_when_sparse && loosest < 1.6, sweep_when_full || compact_when_sparse);
    return 0;
}
