/* SPDX-License-Identifier: MIT
 * Sweeping, evacuation of sparse blocks and sliding on the same heap: 400,000 strings of 16 to 1,015 bytes, of which nine in
 * ten die at random. What is held for the live tenth, what the collection costs that does it, and what reading the
 * survivors in the order of their birth costs afterwards. CPU time of the thread. gc/README.md has the table. */
#include <midden/heap.h>
#include <midden/roots.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { OBJECTS = 400000, ROUNDS = 5 };

static uint64_t state;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

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
    state = 88172645463325252u;
    if (mid_heap_create(&o, &heap) != MID_OK || mid_type_register(heap, &bytes, &type) != MID_OK ||
        mid_type_register(heap, &refs, &table_type) != MID_OK)
        exit(1);
    struct mid_persistent *table = mid_persistent_new(heap, mid_new_array(heap, table_type, OBJECTS), "table");
    for (size_t i = 0; i < OBJECTS; i++) {
        struct mid_ref fresh = mid_new_bytes(heap, type, 16 + next_random() % 1000);
        mid_array_set(heap, mid_persistent_get(table), i, fresh);
    }
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    for (size_t i = 0; i < OBJECTS; i++)
        if (next_random() % 10 != 0)
            mid_array_set(heap, mid_persistent_get(table), i, mid_null());
    double begin = now_ms();
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    *collect = now_ms() - begin;
    volatile size_t sum = 0;
    begin = now_ms();
    for (size_t i = 0; i < OBJECTS; i++)
        if (!mid_is_null(mid_array_get(mid_persistent_get(table), i)))
            sum = sum + mid_bytes(mid_array_get(mid_persistent_get(table), i));
    *read = now_ms() - begin;
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
    } ways[] = {{"off: swept only", MID_COMPACTION_OFF}, {"auto: evacuated", MID_COMPACTION_AUTO},
                {"always: evacuated", MID_COMPACTION_ALWAYS}, {"slide", MID_COMPACTION_SLIDE}};
    puts("compaction              held MB   held / live   collection ms   reading ms");
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        double collect[ROUNDS], read[ROUNDS];
        struct mid_space old;
        for (int r = 0; r < ROUNDS; r++)
            run(ways[i].value, &collect[r], &read[r], &old);
        qsort(collect, ROUNDS, sizeof collect[0], by_value);
        qsort(read, ROUNDS, sizeof read[0], by_value);
        printf("%-20s %10.1f %13.2f %15.1f %12.2f\n", ways[i].name, (double)old.total_bytes / 1e6,
               (double)old.total_bytes / (double)old.used_bytes, collect[ROUNDS / 2], read[ROUNDS / 2]);
    }
    return 0;
}
