/* SPDX-License-Identifier: MIT
 * What papers/mark-compact.md says of holes: a heap of many sizes, of which nine objects in ten die at random; how much
 * memory the mark-sweep old space then holds for the live tenth, and that new objects of the same sizes find room in the
 * holes; the same with the deaths all in one place; and with compaction. Bytes only. */
#include <midden/heap.h>
#include <midden/roots.h>

#include <stdio.h>
#include <stdlib.h>

enum { OBJECTS = 400000 };

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void report(struct mid_heap *heap, const char *what)
{
    struct mid_gc_stats s = {.struct_size = sizeof s};
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    mid_heap_stats(heap, &s);
    const struct mid_space *old = &s.spaces[MID_SPACE_OLD];
    printf("%-40s %8.1f MB live in cells %8.1f MB held %6.2f x\n", what, (double)old->used_bytes / 1e6,
           (double)old->total_bytes / 1e6, (double)old->total_bytes / (double)old->used_bytes);
}

/* Strings of 16 to 1,015 bytes in every place of the table that is empty. */
static void fill(struct mid_heap *heap, struct mid_type type, struct mid_persistent *table)
{
    for (size_t i = 0; i < OBJECTS; i++) {
        if (!mid_is_null(mid_array_get(mid_persistent_get(table), i)))
            continue;
        struct mid_ref fresh = mid_new_bytes(heap, type, 16 + next_random() % 1000);
        mid_array_set(heap, mid_persistent_get(table), i, fresh);
    }
}

static void run(bool neighbours, uint32_t compaction)
{
    struct mid_heap_options o;
    mid_heap_options_init(&o);
    o.compaction = compaction;
    random_state = 88172645463325252u;
    struct mid_heap *heap;
    struct mid_type type, table_type;
    struct mid_type_info bytes = {.struct_size = sizeof bytes, .name = "Bytes", .tail = MID_TAIL_BYTES};
    struct mid_type_info table_info = {.struct_size = sizeof table_info, .name = "Table", .tail = MID_TAIL_REFS};
    if (mid_heap_create(&o, &heap) != MID_OK || mid_type_register(heap, &bytes, &type) != MID_OK ||
        mid_type_register(heap, &table_info, &table_type) != MID_OK)
        exit(1);
    struct mid_persistent *table = mid_persistent_new(heap, mid_new_array(heap, table_type, OBJECTS), "table");
    fill(heap, type, table);
    report(heap, "all alive");
    for (size_t i = 0; i < OBJECTS; i++)
        if (neighbours ? i >= OBJECTS / 10 : next_random() % 10 != 0)
            mid_array_set(heap, mid_persistent_get(table), i, mid_null());
    report(heap, neighbours ? "nine in ten died, the last born" : "nine in ten died, at random");
    fill(heap, type, table);
    report(heap, "filled again");
    mid_heap_destroy(heap);
}

int main(void)
{
    puts("without compaction");
    run(true, MID_COMPACTION_OFF);
    run(false, MID_COMPACTION_OFF);
    puts("with it (the default)");
    run(false, MID_COMPACTION_DEFAULT);
    return 0;
}
