/* SPDX-License-Identifier: MIT
 * A stranger's program in C: the heap alone, with a snapshot of it. Usage: heap FILE */
#include <midden/heap.h>
#include <midden/roots.h>
#include <midden/snapshot.h>

#include <stdio.h>
#include <string.h>

struct item {
    struct mid_ref next;
    long value;
};

int main(int argc, char **argv)
{
    struct mid_heap *heap;
    struct mid_type type;
    struct mid_type_info info;
    struct mid_field next;
    struct mid_slot list;
    long i, sum = 0;
    memset(&info, 0, sizeof info);
    memset(&next, 0, sizeof next);
    next.name = "next";
    next.offset = offsetof(struct item, next);
    next.edge = MID_EDGE_PROPERTY;
    info.struct_size = sizeof info;
    info.name = "Item";
    info.fixed_bytes = sizeof(struct item);
    info.fields = &next;
    info.field_count = 1;
    if (argc != 2 || mid_heap_create(NULL, &heap) != MID_OK || mid_type_register(heap, &info, &type) != MID_OK)
        return 1;
    list = mid_local(heap, mid_null());
    for (i = 0; i < 100000; i++) {
        struct mid_ref item = mid_new(heap, type);
        if (mid_is_null(item))
            return 1;
        ((struct item *)mid_data(item))->value = i;
        mid_init_field(&((struct item *)mid_data(item))->next, mid_get(list));
        mid_set(list, i % 1000 == 0 ? mid_null() : item);
    }
    if (mid_persistent_new(heap, mid_get(list), "the list") == NULL ||
        mid_heap_write_snapshot(heap, argv[1], NULL) != MID_OK)
        return 1;
    while (!mid_is_null(mid_get(list))) {
        const struct item *item = (const struct item *)mid_data(mid_get(list));
        sum += item->value;
        mid_set(list, item->next);
    }
    mid_heap_destroy(heap);
    printf("midden %s, %ld\n", mid_version(), sum);
    return 0;
}
