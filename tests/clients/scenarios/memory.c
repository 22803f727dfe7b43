/* SPDX-License-Identifier: MIT
 * 160 MB taken, dropped and collected by hand; and 160 MB a step until the heap refuses. In Node the example is an array of
 * 20 million numbers. */
#include "scenario.h"

#include <stdio.h>
#include <string.h>

enum { NUMBERS = 20 << 20, STEP_MB = NUMBERS * 8 >> 20, LIMIT_MB = 1400 };

struct record { /* for the heap of small objects */
    struct mid_ref next;
    double number[5];
};

static const struct mid_field next_field = {"next", offsetof(struct record, next), MID_EDGE_PROPERTY};

/* An array of numbers, each written. */
static struct mid_ref numbers(struct mid_heap *heap, struct mid_type type)
{
    struct mid_ref array = mid_new_bytes(heap, type, (size_t)NUMBERS * sizeof(double));
    for (size_t i = 0; !mid_is_null(array) && i < NUMBERS; i++)
        ((double *)mid_data(array))[i] = (double)i;
    return array;
}

static void collect(struct mid_heap *heap)
{
    must(mid_heap_collect(heap, MID_COLLECT_FULL, "by hand") == MID_OK, "mid_heap_collect");
}

int scenario_collect(void)
{
    struct mid_heap *heap;
    must(mid_heap_create(NULL, &heap) == MID_OK, "mid_heap_create");
    struct mid_type array = register_type(heap, "Float64Array", NULL, 0, 0, MID_TAIL_BYTES);
    struct mid_type record = register_type(heap, "Record", &next_field, 1, sizeof(struct record), MID_TAIL_NONE);
    puts("160 MB taken, dropped, and collected by hand:");
    print_usage(heap, "at first");
    struct mid_slot kept = mid_local(heap, numbers(heap, array));
    must(!mid_is_null(mid_get(kept)), "taking 160 MB");
    print_usage(heap, "one array of numbers");
    size_t most = used_bytes(heap);
    mid_set(kept, mid_null());
    print_usage(heap, "dropped");
    collect(heap);
    print_usage(heap, "collected");
    bool good = most >= (size_t)STEP_MB << 20 && used_bytes(heap) < 1u << 20;
    for (unsigned i = 0; i < ((unsigned)STEP_MB << 20) / (sizeof(struct record) + 8); i++) {
        struct mid_ref fresh = mid_new(heap, record);
        must(!mid_is_null(fresh), "mid_new");
        mid_init_field(&((struct record *)mid_data(fresh))->next, mid_get(kept));
        mid_set(kept, fresh);
    }
    print_usage(heap, "the same in objects");
    good &= used_bytes(heap) >= (size_t)(STEP_MB - 1) << 20;
    mid_set(kept, mid_null());
    collect(heap);
    print_usage(heap, "dropped and collected");
    good &= used_bytes(heap) < 1u << 20;
    mid_heap_destroy(heap);
    return !good;
}

int scenario_limit(void)
{
    struct mid_heap *heap;
    struct mid_heap_options options;
    char when[32];
    unsigned steps = 0;
    mid_heap_options_init(&options);
    options.old_limit_bytes = (size_t)LIMIT_MB << 20;
    must(mid_heap_create(&options, &heap) == MID_OK, "mid_heap_create");
    struct mid_type array = register_type(heap, "Float64Array", NULL, 0, 0, MID_TAIL_BYTES);
    struct mid_slot kept = mid_local(heap, mid_new_array(heap, register_type(heap, "Array", NULL, 0, 0, MID_TAIL_REFS), 32));
    printf("%d MB a step, all kept, up to a limit of %d MB (the numbers are left at zero, so that no page is touched):\n", STEP_MB,
           LIMIT_MB);
    for (struct mid_ref more; steps < 32; steps++) {
        more = mid_new_bytes(heap, array, (size_t)NUMBERS * sizeof(double));
        if (mid_is_null(more))
            break;
        mid_array_set(heap, mid_get(kept), steps, more);
        snprintf(when, sizeof when, "step %u", steps + 1);
        print_usage(heap, when);
    }
    printf("step %u is refused:\n%s", steps + 1, mid_heap_refusal(heap));
    bool good = steps == LIMIT_MB / STEP_MB && strstr(mid_heap_refusal(heap), "last resort") != NULL &&
                strstr(mid_heap_refusal(heap), "<--- last collections --->") != NULL;
    mid_array_set(heap, mid_get(kept), 0, mid_null());
    good &= !mid_is_null(mid_new_bytes(heap, array, (size_t)NUMBERS * sizeof(double)));
    print_usage(heap, "one dropped, one taken");
    mid_heap_destroy(heap);
    return !good;
}
