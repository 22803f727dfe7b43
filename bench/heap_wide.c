/* SPDX-License-Identifier: MIT
 *
 * heap_wide.c: few objects with very many references. Elements of arrays of `size` references are replaced one by one at
 * random, and now and then an array is copied to a new one and dropped: a large object with young references anywhere in
 * it must not be scanned whole for each, nor stop the program while it is.
 *
 *     table --> ARRAYS arrays of `size` references --> item { value, 8 more bytes }
 */
#include "heap_support.h"
#include "heap_work.h"

#include <string.h>

enum { ARRAYS = 4, A_STEP = 100, COPY_EVERY = 40, STEPS = 4000 };

/* ---- plain pointers */

struct item {
    uint64_t value, other;
};

struct wide {
    struct plain k;
    struct item **arrays[ARRAYS];
    uint32_t size, random, id, done;
};

static struct item *plain_item(struct wide *w)
{
    struct item *item = w->k.alloc_plain(sizeof *item);
    if (item != NULL)
        *item = (struct item){w->id++, 0};
    return item;
}

static bool plain_copy(struct wide *w, uint32_t which)
{
    struct item **fresh = w->k.alloc(w->size * sizeof *fresh);
    if (fresh == NULL)
        return false;
    memcpy(fresh, w->arrays[which], w->size * sizeof *fresh);
    plain_drop(&w->k, w->arrays[which]);
    w->arrays[which] = fresh;
    return true;
}

static bool plain_step(void *state)
{
    struct wide *w = state;
    for (int i = 0; i < A_STEP; i++) {
        struct item *item = plain_item(w);
        if (item == NULL)
            return false;
        struct item **array = w->arrays[heap_below(&w->random, ARRAYS)];
        uint32_t at = heap_below(&w->random, w->size);
        plain_drop(&w->k, array[at]);
        array[at] = item;
    }
    w->done++;
    return w->done % COPY_EVERY != 0 || plain_copy(w, w->done / COPY_EVERY % ARRAYS);
}

/* The arrays of Boehm's are in his heap, and what refers to them is on the stack. */
static void wide_plain(struct bench_run *run, const struct heap_workload *load, struct plain k)
{
    struct wide w = {.k = k, .size = load->size, .random = HEAP_SEED};
    uint32_t sum = 0;
    for (int a = 0; a < ARRAYS; a++) {
        w.arrays[a] = k.alloc(w.size * sizeof *w.arrays[a]);
        memset(w.arrays[a], 0, w.size * sizeof *w.arrays[a]);
        for (uint32_t i = 0; i < w.size; i++)
            w.arrays[a][i] = plain_item(&w);
    }
    heap_play(run, STEPS, plain_step, &w);
    for (int a = 0; a < ARRAYS; a++) {
        for (uint32_t i = 0; i < w.size; i++) {
            sum = heap_mix(sum, (uint32_t)w.arrays[a][i]->value);
            plain_drop(&k, w.arrays[a][i]);
        }
        plain_drop(&k, w.arrays[a]);
    }
    heap_sum(run, sum);
}

void wide_by_hand(struct bench_run *run, const struct heap_workload *w)
{
    wide_plain(run, w, plain_by_hand());
}

void wide_boehm(struct bench_run *run, const struct heap_workload *w)
{
    wide_plain(run, w, plain_boehm());
}

/* ---- midden */

struct mid_wide {
    struct mid_heap *heap;
    struct mid_type item, array;
    struct mid_slot arrays[ARRAYS];
    uint32_t size, random, id, done;
};

static struct mid_ref midden_item(struct mid_wide *w)
{
    struct mid_ref item = mid_new(w->heap, w->item);
    if (!mid_is_null(item))
        ((struct item *)mid_data(item))->value = w->id++;
    return item;
}

static bool midden_copy(struct mid_wide *w, uint32_t which)
{
    struct mid_ref fresh = mid_new_array(w->heap, w->array, w->size);
    if (mid_is_null(fresh))
        return false;
    mid_array_copy(w->heap, fresh, 0, mid_get(w->arrays[which]), 0, w->size);
    mid_set(w->arrays[which], fresh);
    return true;
}

static bool midden_step(void *state)
{
    struct mid_wide *w = state;
    for (int i = 0; i < A_STEP; i++) {
        struct mid_ref item = midden_item(w);
        if (mid_is_null(item))
            return false;
        struct mid_ref array = mid_get(w->arrays[heap_below(&w->random, ARRAYS)]);
        mid_array_set(w->heap, array, heap_below(&w->random, w->size), item);
    }
    w->done++;
    return w->done % COPY_EVERY != 0 || midden_copy(w, w->done / COPY_EVERY % ARRAYS);
}

static bool midden_fill(struct mid_wide *w)
{
    for (int a = 0; a < ARRAYS; a++) {
        w->arrays[a] = mid_local(w->heap, mid_new_array(w->heap, w->array, w->size));
        for (uint32_t i = 0; i < w->size && !mid_is_null(mid_get(w->arrays[a])); i++) {
            struct mid_ref item = midden_item(w);
            mid_array_set(w->heap, mid_get(w->arrays[a]), i, item);
        }
        if (mid_is_null(mid_get(w->arrays[a])))
            return false;
    }
    return true;
}

void wide_midden(struct bench_run *run, const struct heap_workload *load)
{
    struct mid_wide w = {.heap = heap_begin(run), .size = load->size, .random = HEAP_SEED};
    uint32_t sum = 0;
    if (w.heap == NULL)
        return;
    w.item = heap_type(w.heap, "Item", sizeof(struct item), 0, MID_TAIL_NONE);
    w.array = heap_type(w.heap, "Array", 0, 0, MID_TAIL_REFS);
    if (!midden_fill(&w))
        bench_fail(run, "an allocation was refused");
    else if (heap_play(run, STEPS, midden_step, &w))
        for (int a = 0; a < ARRAYS; a++)
            for (uint32_t i = 0; i < w.size; i++)
                sum = heap_mix(sum, (uint32_t)((struct item *)mid_data(mid_array_get(mid_get(w.arrays[a]), i)))->value);
    heap_sum(run, sum);
    heap_end(run, w.heap);
}
