/* SPDX-License-Identifier: MIT
 * Sweeping, evacuation of sparse blocks and sliding on the same heap: 400,000 strings of 16 to 1,015 bytes, of which nine in
 * ten die at random. What is held for the live tenth, what the collection costs that does it, and what reading the
 * survivors in the order of their birth costs afterwards. The claim of papers/kermany-2006.md. */
#include <midden/heap.h>
#include <midden/roots.h>

#include "kit.h"

enum { OBJECTS = 400000, ROUNDS = 5 };

static uint64_t state;

/* One heap; returns by pointer: ms of the collection, ms to read all, bytes held and live. */
static void run(uint32_t compaction, double *collect, double *read, struct mid_space *old)
{
    struct mid_heap_options o;
    struct mid_heap *heap;
    struct mid_type type, table_type;
    struct mid_type_info bytes = {.struct_size = sizeof bytes, .name = "Bytes", .tail = MID_TAIL_BYTES};
    struct mid_type_info refs = {.struct_size = sizeof refs, .name = "Table", .tail = MID_TAIL_REFS};
    mid_heap_options_init(&o);
    o.compaction = compaction;
    o.marking = MID_MARKING_STOP;
    state = KIT_SEED;
    if (mid_heap_create(&o, &heap) != MID_OK || mid_type_register(heap, &bytes, &type) != MID_OK ||
        mid_type_register(heap, &refs, &table_type) != MID_OK)
        exit(1);
    struct mid_persistent *table = mid_persistent_new(heap, mid_new_array(heap, table_type, OBJECTS), "table");
    for (size_t i = 0; i < OBJECTS; i++) {
        struct mid_ref fresh = mid_new_bytes(heap, type, 16 + kit_random(&state) % 1000);
        mid_array_set(heap, mid_persistent_get(table), i, fresh);
    }
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    for (size_t i = 0; i < OBJECTS; i++)
        if (kit_random(&state) % 10 != 0)
            mid_array_set(heap, mid_persistent_get(table), i, mid_null());
    double begin = kit_cpu_ms();
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    *collect = kit_cpu_ms() - begin;
    volatile size_t sum = 0;
    begin = kit_cpu_ms();
    for (size_t i = 0; i < OBJECTS; i++)
        if (!mid_is_null(mid_array_get(mid_persistent_get(table), i)))
            sum = sum + mid_bytes(mid_array_get(mid_persistent_get(table), i));
    *read = kit_cpu_ms() - begin;
    struct mid_gc_stats s = {.struct_size = sizeof s};
    mid_heap_stats(heap, &s);
    *old = s.spaces[MID_SPACE_OLD];
    mid_heap_destroy(heap);
}

int main(void)
{
    static const struct {
        const char *name;
        uint32_t value;
    } ways[] = {{"off: swept only", MID_COMPACTION_OFF}, {"always: evacuated", MID_COMPACTION_ALWAYS}, {"slide", MID_COMPACTION_SLIDE},
                {"auto: the collector chooses", MID_COMPACTION_AUTO}};
    enum { WAYS = sizeof ways / sizeof ways[0] };
    double collect[WAYS], read[WAYS], share[WAYS];
    puts("400,000 strings of 16 to 1,015 bytes, nine in ten dead at random, one full collection.\n");
    puts("| compaction | held, MB | held / live | collection, CPU ms | reading in order of birth, CPU ms |\n|---|---|---|---|---|");
    for (size_t i = 0; i < WAYS; i++) {
        double collects[ROUNDS], reads[ROUNDS];
        struct mid_space old;
        for (int r = 0; r < ROUNDS; r++)
            run(ways[i].value, &collects[r], &reads[r], &old);
        collect[i] = kit_median(collects, ROUNDS);
        read[i] = kit_median(reads, ROUNDS);
        share[i] = (double)old.total_bytes / (double)old.used_bytes;
        printf("| %s | %.1f | %.2f | %.1f | %.2f |\n", ways[i].name, (double)old.total_bytes / 1e6, share[i], collect[i], read[i]);
    }
    puts("@plot x=1 y=4,5 log=y ylabel=\"CPU ms\"");
    printf("@measured sliding leaves %.2f x the live bytes (sweeping %.1f x) in %.0f ms; reading takes %.1f ms after it, %.1f after evacuation\n",
           share[2], share[0], collect[2], read[2], read[1]);
    kit_verdict(share[2] < 1.3 && read[2] < read[1] && collect[2] < collect[1], share[2] < share[0]);
    return 0;
}
