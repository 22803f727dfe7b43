/* SPDX-License-Identifier: MIT
 * A list that is sorted only where it is looked at (see order.c). */
#ifndef MIDDEN_VIEW_ORDER_H
#define MIDDEN_VIEW_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True when a stands before b. Must be a strict order over all items of a list. */
typedef bool (*order_before)(const void *user, uint32_t a, uint32_t b);

/* Zero-initialised is empty. */
struct order {
    uint32_t *items;
    size_t count;
    order_before before;
    const void *user;
    struct order_run *runs; /* ascending; I1 and I2 of order.c */
    size_t run_count, run_capacity;
    uint64_t random;
};

/* Takes `items`, which must have come from malloc (NULL for none), and forgets every order. */
void order_take(struct order *o, uint32_t *items, size_t count);

/* The order from now on; nothing is sorted yet. */
void order_by(struct order *o, order_before before, const void *user);

/* Brings items[from .. to - 1] to where they stand when all are sorted. False when memory ran out; the items are then
 * all there, in some order. O(count) the first time, O(log count) for what was looked at. */
bool order_sort(struct order *o, size_t from, size_t to);

void order_free(struct order *o);

#endif
