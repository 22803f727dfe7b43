/* SPDX-License-Identifier: MIT
 *
 * heap_deep.c: lists as deep as they are long. One of `size` nodes lives on while others as long are built and dropped: who
 * marks by recursion, or with a stack that is bounded, is found out, and a list gives a collector one thing to do at a time.
 *
 *     list --> node { next, value } --> node --> ...
 */
#include "heap_support.h"
#include "heap_work.h"

enum { A_STEP = 500, LISTS = 4 };

static uint32_t steps_of(const struct heap_workload *w)
{
    return w->size / A_STEP * LISTS;
}

/* ---- plain pointers */

struct node {
    struct node *next;
    uint64_t value;
};

struct lists {
    struct plain k;
    struct node *old, *young;
    uint32_t size, length, random;
};

static bool plain_grow(struct lists *l, struct node **list)
{
    struct node *n = l->k.alloc(sizeof *n);
    if (n == NULL)
        return false;
    n->next = *list;
    n->value = heap_below(&l->random, 1 << 20);
    *list = n;
    return true;
}

static void plain_drop_list(struct lists *l, struct node **list)
{
    for (struct node *n = *list, *next; l->k.frees && n != NULL; n = next) {
        next = n->next;
        plain_drop(&l->k, n);
    }
    *list = NULL;
}

static bool plain_step(void *state)
{
    struct lists *l = state;
    bool went_well = true;
    if (l->length == l->size) {
        plain_drop_list(l, &l->young);
        l->length = 0;
    }
    for (int i = 0; went_well && i < A_STEP; i++, l->length++)
        went_well = plain_grow(l, &l->young);
    return went_well;
}

static uint32_t plain_sum(const struct node *n, uint32_t sum)
{
    for (; n != NULL; n = n->next)
        sum = heap_mix(sum, (uint32_t)n->value);
    return sum;
}

static void deep_plain(struct bench_run *run, const struct heap_workload *w, struct plain k)
{
    struct lists l = {.k = k, .size = w->size, .random = HEAP_SEED};
    for (uint32_t i = 0; i < w->size; i++)
        plain_grow(&l, &l.old);
    heap_play(run, steps_of(w), plain_step, &l);
    heap_sum(run, plain_sum(l.young, plain_sum(l.old, 0)));
    plain_drop_list(&l, &l.young);
    plain_drop_list(&l, &l.old);
}

void deep_by_hand(struct bench_run *run, const struct heap_workload *w)
{
    deep_plain(run, w, plain_by_hand());
}

void deep_boehm(struct bench_run *run, const struct heap_workload *w)
{
    deep_plain(run, w, plain_boehm());
}

/* ---- midden */

struct mid_node {
    struct mid_ref next;
    uint64_t value;
};

struct mid_lists {
    struct mid_heap *heap;
    struct mid_type node;
    struct mid_slot old, young;
    uint32_t size, length, random;
};

static bool midden_grow(struct mid_lists *l, struct mid_slot list)
{
    struct mid_ref n = mid_new(l->heap, l->node);
    if (mid_is_null(n))
        return false;
    struct mid_node *node = mid_data(n);
    node->value = heap_below(&l->random, 1 << 20);
    mid_init_field(&node->next, mid_get(list));
    mid_set(list, n);
    return true;
}

static bool midden_step(void *state)
{
    struct mid_lists *l = state;
    bool went_well = true;
    if (l->length == l->size) {
        mid_set(l->young, mid_null());
        l->length = 0;
    }
    for (int i = 0; went_well && i < A_STEP; i++, l->length++)
        went_well = midden_grow(l, l->young);
    return went_well;
}

static uint32_t midden_sum(struct mid_ref n, uint32_t sum)
{
    for (; !mid_is_null(n); n = ((struct mid_node *)mid_data(n))->next)
        sum = heap_mix(sum, (uint32_t)((struct mid_node *)mid_data(n))->value);
    return sum;
}

void deep_midden(struct bench_run *run, const struct heap_workload *w)
{
    struct mid_lists l = {.heap = heap_begin(run), .size = w->size, .random = HEAP_SEED};
    if (l.heap == NULL)
        return;
    l.node = heap_type(l.heap, "Node", sizeof(struct mid_node), 1, MID_TAIL_NONE);
    l.old = mid_local(l.heap, mid_null());
    l.young = mid_local(l.heap, mid_null());
    for (uint32_t i = 0; i < w->size; i++)
        midden_grow(&l, l.old);
    heap_play(run, steps_of(w), midden_step, &l);
    heap_sum(run, midden_sum(mid_get(l.young), midden_sum(mid_get(l.old), 0)));
    heap_end(run, l.heap);
}
