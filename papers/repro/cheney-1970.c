/* SPDX-License-Identifier: MIT
 * Repeats the claim of papers/cheney-1970.md: a copying collection costs in proportion to what survives, whatever died.
 * A nursery of 16 MiB is filled with cells of 32 bytes, of which one in n is kept in a list; then it is scavenged. */
#include <midden/heap.h>
#include <midden/roots.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct cell {
    struct mid_ref next;
    uint64_t payload[2];
};

static const struct mid_field fields[] = {{"next", offsetof(struct cell, next), MID_EDGE_PROPERTY}};

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

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
    double start = cpu_ms();
    mid_heap_collect(heap, MID_COLLECT_SCAVENGE, NULL);
    double took = cpu_ms() - start;
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
    static const size_t keeps[] = {0, 1000, 100, 10, 4, 2, 1};
    printf("16,000,000 bytes allocated; one scavenge; median of 9\n%10s %12s %10s %14s\n", "kept", "copied bytes", "CPU ms", "ns a survivor");
    for (size_t k = 0; k < sizeof keeps / sizeof keeps[0]; k++) {
        double times[9];
        uint64_t copied = 0;
        for (int r = 0; r < 9; r++) {
            double t = run(keeps[k], &copied);
            int at = r;
            for (; at > 0 && times[at - 1] > t; at--)
                times[at] = times[at - 1];
            times[at] = t;
        }
        char kept[32];
        snprintf(kept, sizeof kept, keeps[k] == 0 ? "none" : "1 in %zu", keeps[k]);
        printf("%10s %12llu %10.3f %14.1f\n", kept, (unsigned long long)copied, times[4],
               copied == 0 ? 0.0 : times[4] * 1e6 / ((double)copied / 32));
    }
    return 0;
}
