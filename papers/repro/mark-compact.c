/* SPDX-License-Identifier: MIT
 * What papers/mark-compact.md says of holes: a heap of many sizes, of which nine objects in ten die at random; how much
 * memory the mark-sweep old space then holds for the live tenth, and that new objects of the same sizes find room in the
 * holes; the same with the deaths all in one place; and with compaction. Bytes only. */
#include <midden/heap.h>
#include <midden/roots.h>

#include "kit.h"

enum { OBJECTS = 400000 };

static uint64_t random_state;

/* A full collection; what is held for each live byte. */
static double report(struct mid_heap *heap, const char *how, const char *what)
{
    struct mid_gc_stats s = {.struct_size = sizeof s};
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    mid_heap_stats(heap, &s);
    const struct mid_space *old = &s.spaces[MID_SPACE_OLD];
    double ratio = (double)old->total_bytes / (double)old->used_bytes;
    printf("| %s | %s | %.1f MB | %.1f MB | %.2f |\n", how, what, (double)old->used_bytes / 1e6,
           (double)old->total_bytes / 1e6, ratio);
    return ratio;
}

/* Strings of 16 to 1,015 bytes in every place of the table that is empty. */
static void fill(struct mid_heap *heap, struct mid_type type, struct mid_persistent *table)
{
    for (size_t i = 0; i < OBJECTS; i++) {
        if (!mid_is_null(mid_array_get(mid_persistent_get(table), i)))
            continue;
        struct mid_ref fresh = mid_new_bytes(heap, type, 16 + kit_random(&random_state) % 1000);
        mid_array_set(heap, mid_persistent_get(table), i, fresh);
    }
}

/* Returns what is held for each live byte after the deaths. */
static double run(const char *how, bool neighbours, uint32_t compaction)
{
    struct mid_heap_options o;
    mid_heap_options_init(&o);
    o.compaction = compaction;
    random_state = KIT_SEED;
    struct mid_heap *heap;
    struct mid_type type, table_type;
    struct mid_type_info bytes = {.struct_size = sizeof bytes, .name = "Bytes", .tail = MID_TAIL_BYTES};
    struct mid_type_info table_info = {.struct_size = sizeof table_info, .name = "Table", .tail = MID_TAIL_REFS};
    if (mid_heap_create(&o, &heap) != MID_OK || mid_type_register(heap, &bytes, &type) != MID_OK ||
        mid_type_register(heap, &table_info, &table_type) != MID_OK)
        exit(1);
    struct mid_persistent *table = mid_persistent_new(heap, mid_new_array(heap, table_type, OBJECTS), "table");
    fill(heap, type, table);
    report(heap, how, "all alive");
    for (size_t i = 0; i < OBJECTS; i++)
        if (neighbours ? i >= OBJECTS / 10 : kit_random(&random_state) % 10 != 0)
            mid_array_set(heap, mid_persistent_get(table), i, mid_null());
    double ratio = report(heap, how, neighbours ? "nine in ten died, the last born" : "nine in ten died, at random");
    fill(heap, type, table);
    report(heap, how, "filled again");
    mid_heap_destroy(heap);
    return ratio;
}

int main(void)
{
    puts("400,000 objects of 24 to 1,023 bytes in the old space, after a full collection. Bytes: the same on any machine.\n");
    puts("| compaction | what | live in cells | held | held / live |\n|---|---|---|---|---|");
    double last_born = run("off", true, MID_COMPACTION_OFF);
    double swept = run("off", false, MID_COMPACTION_OFF);
    double moved = run("the default", false, MID_COMPACTION_DEFAULT);
    printf("@measured after random deaths %.1f x the live bytes are held when only swept, %.2f x when compacted; "
           "%.2f x when the last born die\n", swept, moved, last_born);
    kit_verdict(swept > 2 * moved && moved < 1.3, swept > moved);
    return 0;
}
