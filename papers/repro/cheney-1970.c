/* SPDX-License-Identifier: MIT
 * Repeats the claim of papers/cheney-1970.md: a copying collection costs in proportion to what survives, whatever died.
 * A nursery of 16 MiB is filled with cells of 32 bytes, of which one in n is kept in a list; then it is scavenged. */
#include <midden/heap.h>
#include <midden/roots.h>

#include "kit.h"

struct cell {
    struct mid_ref next;
    uint64_t payload[2];
};

static const struct mid_field fields[] = {{"next", offsetof(struct cell, next), MID_EDGE_PROPERTY}};

static struct mid_heap *open_heap(struct mid_type *type)
{
    struct mid_heap_options o;
    struct mid_heap *heap;
    struct mid_type_info info = {.struct_size = sizeof info, .name = "Cell", .fixed_bytes = sizeof(struct cell),
                                 .fields = fields, .field_count = 1};
    mid_heap_options_init(&o);
    o.semispace_bytes = o.semispace_start_bytes = (size_t)16 << 20;
    o.promotion = MID_PROMOTE_SURVIVED;
    if (mid_heap_create(&o, &heap) != MID_OK || mid_type_register(heap, &info, type) != MID_OK)
        exit(1);
    return heap;
}

/* Fills the nursery, keeps every `keep`-th cell (0: none), and returns what the scavenge took. */
static double run(size_t keep, uint64_t *copied)
{
    enum { CELLS = 500000 };
    struct mid_type type;
    struct mid_heap *heap = open_heap(&type);
    struct mid_persistent *list = mid_persistent_new(heap, mid_null(), "list");
    for (size_t i = 0; i < CELLS; i++) {
        struct mid_ref cell = mid_new(heap, type);
        if (keep == 0 || i % keep != 0)
            continue;
        mid_init_field(&((struct cell *)mid_data(cell))->next, mid_persistent_get(list));
        mid_persistent_set(heap, list, cell);
    }
    double start = kit_cpu_ms();
    mid_heap_collect(heap, MID_COLLECT_SCAVENGE, NULL);
    double took = kit_cpu_ms() - start;
    struct mid_gc_stats s = {.struct_size = sizeof s};
    mid_heap_stats(heap, &s);
    *copied = s.copied_bytes;
    if (s.scavenges != 1)
        exit(1);
    mid_heap_destroy(heap);
    return took;
}

int main(void)
{
    static const size_t keeps[] = {0, 1000, 100, 20, 10, 4, 2, 1};
    enum { KEEPS = sizeof keeps / sizeof keeps[0], RUNS = 9 };
    double took[KEEPS], last_per_survivor = 0;
    puts("500,000 cells of 32 bytes fill one half of 16 MiB, one in n is kept in a list, then one scavenge.\n");
    puts("| kept | copied bytes | CPU ms | ns a survivor |\n|---|---|---|---|");
    for (size_t k = 0; k < KEEPS; k++) {
        double times[RUNS];
        uint64_t copied = 0;
        for (int r = 0; r < RUNS; r++)
            times[r] = run(keeps[k], &copied);
        took[k] = kit_median(times, RUNS);
        char kept[32] = "all", each[32] = "-";
        if (keeps[k] != 1)
            snprintf(kept, sizeof kept, keeps[k] == 0 ? "none" : "1 in %zu", keeps[k]);
        if (copied != 0)
            snprintf(each, sizeof each, "%.0f", last_per_survivor = took[k] * 1e6 / ((double)copied / 32));
        printf("| %s | %llu | %.3f | %s |\n", kept, (unsigned long long)copied, took[k], each);
    }
    puts("@plot x=2 y=3 xlabel=\"bytes that survive\" ylabel=\"CPU ms of the scavenge\"");
    printf("@measured 16 MB of garbage cost %.3f ms; all 16 MB alive %.1f ms, %.0f ns a survivor\n", took[0],
           took[KEEPS - 1], last_per_survivor);
    bool grows = true;
    for (size_t k = 1; k < KEEPS; k++)
        grows = grows && took[k] > took[k - 1];
    kit_verdict(grows && took[0] < took[KEEPS - 1] / 100, grows);
    return 0;
}
