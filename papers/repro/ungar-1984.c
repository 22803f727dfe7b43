/* SPDX-License-Identifier: MIT
 * Repeats the claim of papers/ungar-1984.md: when most objects die young, collecting the young alone visits a small part
 * of what is live. Some 32 MiB live, of which a random one in a hundred allocations replaces a part; beside it garbage. The same
 * program runs with the generational collector, and with a full collection each time as many bytes have been allocated. */
#include <midden/heap.h>
#include <midden/roots.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct cell {
    struct mid_ref left, right;
    uint64_t payload[5];
};

static const struct mid_field fields[] = {{"left", offsetof(struct cell, left), MID_EDGE_PROPERTY},
                                          {"right", offsetof(struct cell, right), MID_EDGE_PROPERTY}};

enum { LIVE = 500000, ALLOCATIONS = 20 * 1000 * 1000 };

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void run(const char *name, size_t semispace_bytes, size_t full_every)
{
    struct mid_heap_options o;
    struct mid_heap *heap;
    struct mid_type cell_type, table_type;
    struct mid_type_info cell = {.struct_size = sizeof cell, .name = "Cell", .fixed_bytes = sizeof(struct cell),
                                 .fields = fields, .field_count = 2};
    struct mid_type_info table = {.struct_size = sizeof table, .name = "Table", .tail = MID_TAIL_REFS};
    mid_heap_options_init(&o);
    o.semispace_bytes = o.semispace_start_bytes = semispace_bytes;
    if (mid_heap_create(&o, &heap) != MID_OK || mid_type_register(heap, &cell, &cell_type) != MID_OK ||
        mid_type_register(heap, &table, &table_type) != MID_OK)
        exit(1);
    struct mid_persistent *live = mid_persistent_new(heap, mid_new_array(heap, table_type, LIVE), "live");
    for (size_t i = 0; i < LIVE; i++) {
        struct mid_ref fresh = mid_new(heap, cell_type);
        mid_array_set(heap, mid_persistent_get(live), i, fresh);
    }
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    struct mid_gc_stats before = {.struct_size = sizeof before}, after = before;
    mid_heap_stats(heap, &before);
    uint64_t random = 88172645463325252u, since = 0;
    double start = cpu_ms();
    for (size_t i = 0; i < ALLOCATIONS; i++) {
        struct mid_ref fresh = mid_new(heap, cell_type);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        if (random % 100 == 0)
            mid_array_set(heap, mid_persistent_get(live), (random >> 32) % LIVE, fresh);
        if (full_every != 0 && (since += 64) >= full_every) {
            since = 0;
            mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
        }
    }
    double took = cpu_ms() - start;
    mid_heap_stats(heap, &after);
    double allocated = (double)(after.allocated_bytes - before.allocated_bytes);
    double visited = (double)(after.copied_bytes + after.promoted_bytes + after.marked_bytes - before.copied_bytes -
                              before.promoted_bytes - before.marked_bytes);
    printf("%-34s %6llu %6llu %10.3f %10.0f\n", name, (unsigned long long)(after.scavenges - before.scavenges),
           (unsigned long long)(after.full_collections - before.full_collections), visited / allocated, took);
    mid_heap_destroy(heap);
}

int main(void)
{
    printf("%-34s %6s %6s %10s %10s\n", "32 MiB live, 1,280 MB allocated", "young", "full", "visited/B", "CPU ms");
    run("generational, nursery 1 MiB", (size_t)1 << 20, 0);
    run("generational, nursery 4 MiB", (size_t)4 << 20, 0);
    run("generational, nursery 16 MiB", (size_t)16 << 20, 0);
    run("full collection every 16 MiB", (size_t)16 << 20, (size_t)16 << 20);
    return 0;
}
