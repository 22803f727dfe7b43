/* SPDX-License-Identifier: MIT
 * Repeats the claim of papers/ungar-1984.md: when most objects die young, collecting the young alone visits a small part
 * of what is live. Some 32 MiB live, of which a random one in a hundred allocations replaces a part; beside it garbage. The same
 * program runs with the generational collector, and with a full collection each time as many bytes have been allocated. */
#include <midden/heap.h>
#include <midden/roots.h>

#include "kit.h"

struct cell {
    struct mid_ref left, right;
    uint64_t payload[5];
};

static const struct mid_field fields[] = {{"left", offsetof(struct cell, left), MID_EDGE_PROPERTY},
                                          {"right", offsetof(struct cell, right), MID_EDGE_PROPERTY}};

enum { LIVE = 500000, ALLOCATIONS = 20 * 1000 * 1000 };

/* Returns the CPU time; *visited is what the collector looked at for each byte allocated. */
static double run(const char *name, size_t semispace_bytes, size_t full_every, double *visited)
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
    uint64_t state = KIT_SEED, since = 0;
    double start = kit_cpu_ms();
    for (size_t i = 0; i < ALLOCATIONS; i++) {
        struct mid_ref fresh = mid_new(heap, cell_type);
        uint64_t random = kit_random(&state);
        if (random % 100 == 0)
            mid_array_set(heap, mid_persistent_get(live), (random >> 32) % LIVE, fresh);
        if (full_every != 0 && (since += 64) >= full_every) {
            since = 0;
            mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
        }
    }
    double took = kit_cpu_ms() - start;
    mid_heap_stats(heap, &after);
    double allocated = (double)(after.allocated_bytes - before.allocated_bytes);
    *visited = (double)(after.copied_bytes + after.promoted_bytes + after.marked_bytes - before.copied_bytes -
                              before.promoted_bytes - before.marked_bytes) /
               allocated;
    printf("| %s | %llu | %llu | %.3f | %.0f |\n", name, (unsigned long long)(after.scavenges - before.scavenges),
           (unsigned long long)(after.full_collections - before.full_collections), *visited, took);
    mid_heap_destroy(heap);
    return took;
}

int main(void)
{
    enum { SIZES = 3 };
    double took[SIZES], visited[SIZES], full_visited;
    puts("32 MiB alive, 1,280 MB allocated; *visited* is what was copied, promoted or marked per byte allocated.\n");
    puts("| collector | scavenges | full | visited | CPU ms |\n|---|---|---|---|---|");
    took[0] = run("generational, nursery 1 MiB", (size_t)1 << 20, 0, &visited[0]);
    took[1] = run("generational, nursery 4 MiB", (size_t)4 << 20, 0, &visited[1]);
    took[2] = run("generational, nursery 16 MiB", (size_t)16 << 20, 0, &visited[2]);
    double full = run("a full collection every 16 MiB", (size_t)16 << 20, (size_t)16 << 20, &full_visited);
    puts("@plot x=1 y=5 ylabel=\"CPU ms\"");
    double least = took[0], most = took[0];
    for (int i = 1; i < SIZES; i++) {
        least = took[i] < least ? took[i] : least;
        most = took[i] > most ? took[i] : most;
    }
    printf("@measured %.0f x less is visited than by full collections; the whole program is %.0f to %.0f x faster\n",
           full_visited / visited[2], full / most, full / least);
    kit_verdict(visited[2] < full_visited / 10 && most < full / 2, visited[2] < full_visited);
    return 0;
}
