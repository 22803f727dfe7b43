/* SPDX-License-Identifier: MIT
 * Ephemerons in a chain, the worst case for a fixpoint: each value is the next key. What an entry costs in a marking, for
 * chains of growing length (the same, if the time is linear) beside the same chain made of plain fields, and what it costs
 * to make, to look up and to find dead. CPU time of the thread, best of three. */
#include <midden/heap.h>
#include <midden/roots.h>
#include <midden/weak_table.h>

#include "kit.h"

struct node {
    struct mid_ref next;
};

static double now_ns(void)
{
    return kit_cpu_ms() * 1e6;
}

static struct mid_heap *heap;
static struct mid_type type;

static double collect_ns(void)
{
    double best = 1e18;
    for (int i = 0; i < 3; i++) {
        double begin = now_ns();
        mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
        double took = now_ns() - begin;
        best = took < best ? took : best;
    }
    return best;
}

/* The head of the chain; `table` null: by plain fields. */
static struct mid_ref chain(struct mid_slot table, struct mid_slot last, size_t length)
{
    struct mid_slot head = mid_local(heap, mid_new(heap, type));
    mid_set(last, mid_get(head));
    for (size_t i = 1; i < length; i++) {
        struct mid_ref next = mid_new(heap, type);
        if (mid_is_null(mid_get(table)))
            mid_store(heap, mid_get(last), &((struct node *)mid_data(mid_get(last)))->next, next);
        else if (mid_weak_table_set(heap, mid_get(table), mid_get(last), next) != MID_OK)
            exit(1);
        mid_set(last, next);
    }
    mid_set(last, mid_null());
    return mid_get(head);
}

/* Returns what an entry costs in a marking, in ns. */
static double run(size_t length)
{
    struct mid_scope scope;
    mid_scope_begin(heap, &scope);
    struct mid_slot table = mid_local(heap, mid_null()), last = mid_local(heap, mid_null()), head = mid_local(heap, mid_null());
    mid_set(head, chain(table, last, length));
    double plain = collect_ns(), begin;
    mid_set(table, mid_weak_table_new(heap));
    begin = now_ns();
    mid_set(head, chain(table, last, length));
    double made = now_ns() - begin, marked = collect_ns();
    begin = now_ns();
    for (mid_set(last, mid_get(head)); !mid_is_null(mid_get(last));)
        mid_set(last, mid_weak_table_get(heap, mid_get(table), mid_get(last)));
    double found = now_ns() - begin;
    mid_set(head, mid_null());
    begin = now_ns();
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    double died = now_ns() - begin, n = (double)length;
    printf("| %zu | %.1f | %.1f | %.1f | %.1f | %.1f |\n", length, plain / n, marked / n, made / n, found / n, died / n);
    mid_scope_end(heap, &scope);
    return marked / n;
}

int main(void)
{
    struct mid_field next = {"next", 0, MID_EDGE_PROPERTY};
    struct mid_type_info info = {.struct_size = sizeof info, .name = "Node", .fixed_bytes = sizeof(struct node), .fields = &next,
                                 .field_count = 1};
    struct mid_heap_options o;
    mid_heap_options_init(&o);
    o.compaction = MID_COMPACTION_OFF;
    if (mid_heap_create(&o, &heap) != MID_OK || mid_type_register(heap, &info, &type) != MID_OK)
        return 1;
    puts("A chain in which each value is the next key; ns an entry.\n");
    puts("| length | plain list, marked | entries, marked | made | looked up | found dead |\n|---|---|---|---|---|---|");
    double first = 0, last = 0;
    for (size_t length = 14437; length <= 924000; length *= 4) {
        last = run(length);
        first = first == 0 ? last : first;
    }
    mid_heap_destroy(heap);
    puts("@plot x=1 y=2,3 log=x xlabel=\"entries\" ylabel=\"ns an entry\"");
    printf("@measured %.0f ns an entry in a chain of 14,437, %.0f in one of 923,968, where a fixpoint would take 64 times as long\n", first, last);
    kit_verdict(last < 8 * first, last < 32 * first);
    return 0;
}
