/* SPDX-License-Identifier: MIT
 *
 * order.c: millions of rows of which a person sees thirty. A list is kept as runs; looking at a window splits only the
 * runs that it touches, by quicksort's partition, until they are short, and sorts those. The first screen costs a few
 * passes over the list instead of a whole sort; every further one next to nothing. (Paredes and Navarro, "Optimal
 * Incremental Sorting", 2006, do so from the front; here the window may lie anywhere, so that End is as fast as Home.)
 *
 *     items   [ ........ | ..... | s s s s s s s s | .............. ]
 *     runs      start 0    9       15, sorted        27
 *
 * I1. Every item of a run stands before every item of the next run. Runs cover the list without a gap.
 * I2. A run that says sorted is sorted; two sorted runs are never neighbours.
 */
#include "order.h"

#include <stdlib.h>

#define SHORT_RUN 256

struct order_run {
    size_t start;
    bool sorted;
};

void order_take(struct order *o, uint32_t *items, size_t count)
{
    order_free(o);
    o->items = items;
    o->count = count;
}

void order_free(struct order *o)
{
    free(o->items);
    free(o->runs);
    *o = (struct order){0};
}

void order_by(struct order *o, order_before before, const void *user)
{
    o->before = before;
    o->user = user;
    o->run_count = 0;
    o->random = 0x9e3779b97f4a7c15u;
}

static size_t run_end(const struct order *o, size_t run)
{
    return run + 1 < o->run_count ? o->runs[run + 1].start : o->count;
}

/* The run that holds place `at`. */
static size_t run_of(const struct order *o, size_t at)
{
    size_t low = 0, high = o->run_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (o->runs[middle].start <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* A new run from `start` on, behind run number `before`; none where it would be empty. */
static bool insert_run(struct order *o, size_t before, size_t start)
{
    if (start == o->runs[before].start || start == run_end(o, before))
        return true;
    if (o->run_count == o->run_capacity) {
        size_t wide = o->run_capacity * 2;
        struct order_run *runs = realloc(o->runs, wide * sizeof runs[0]);
        if (runs == NULL)
            return false;
        o->runs = runs;
        o->run_capacity = wide;
    }
    for (size_t i = o->run_count++; i > before + 1; i--)
        o->runs[i] = o->runs[i - 1];
    o->runs[before + 1] = (struct order_run){start, false};
    return true;
}

static void remove_run(struct order *o, size_t run)
{
    o->run_count--;
    for (size_t i = run; i < o->run_count; i++)
        o->runs[i] = o->runs[i + 1];
}

static void swap(uint32_t *items, size_t a, size_t b)
{
    uint32_t item = items[a];
    items[a] = items[b];
    items[b] = item;
}

static size_t random_below(struct order *o, size_t n)
{
    o->random ^= o->random >> 12;
    o->random ^= o->random << 25;
    o->random ^= o->random >> 27;
    return (size_t)((o->random * 0x2545f4914f6cdd1du) % n);
}

/* Moves the median of three to the front of [from, to). */
static void choose_pivot(struct order *o, size_t from, size_t to)
{
    size_t at[3];
    for (int i = 0; i < 3; i++)
        at[i] = from + random_below(o, to - from);
    const uint32_t *x = o->items;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2 - i; j++)
            if (o->before(o->user, x[at[j + 1]], x[at[j]])) {
                size_t other = at[j];
                at[j] = at[j + 1];
                at[j + 1] = other;
            }
    swap(o->items, from, at[1]);
}

/* The place of the pivot, once those before it stand on its left. */
static size_t partition(struct order *o, size_t from, size_t to)
{
    choose_pivot(o, from, to);
    uint32_t pivot = o->items[from];
    size_t left = from + 1, right = to;
    for (;;) {
        while (left < right && o->before(o->user, o->items[left], pivot))
            left++;
        while (left < right && !o->before(o->user, o->items[right - 1], pivot))
            right--;
        if (left == right)
            break;
        swap(o->items, left++, --right);
    }
    swap(o->items, from, left - 1);
    return left - 1;
}

/* A short run: a heap with the last item at its top, emptied from the end. */
static void sift_down(struct order *o, uint32_t *items, size_t at, size_t count)
{
    for (;;) {
        size_t last = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (o->before(o->user, items[last], items[child]))
                last = child;
        if (last == at)
            return;
        swap(items, at, last);
        at = last;
    }
}

static void sort_short(struct order *o, uint32_t *items, size_t count)
{
    for (size_t i = count / 2; i > 0; i--)
        sift_down(o, items, i - 1, count);
    for (size_t left = count; left > 1;) {
        swap(items, 0, --left);
        sift_down(o, items, 0, left);
    }
}

/* Sorts run number `run` and joins it to sorted neighbours. */
static void settle(struct order *o, size_t run)
{
    size_t start = o->runs[run].start;
    sort_short(o, o->items + start, run_end(o, run) - start);
    o->runs[run].sorted = true;
    if (run + 1 < o->run_count && o->runs[run + 1].sorted)
        remove_run(o, run + 1);
    if (run != 0 && o->runs[run - 1].sorted)
        remove_run(o, run);
}

static bool begin(struct order *o)
{
    if (o->run_count != 0)
        return true;
    if (o->runs == NULL) {
        o->runs = malloc(64 * sizeof o->runs[0]);
        if (o->runs == NULL)
            return false;
        o->run_capacity = 64;
    }
    o->runs[0] = (struct order_run){0, false};
    o->run_count = 1;
    return true;
}

bool order_sort(struct order *o, size_t from, size_t to)
{
    if (to > o->count)
        to = o->count;
    if (from >= to || o->before == NULL)
        return true;
    if (!begin(o))
        return false;
    for (size_t at = from; at < to;) {
        size_t run = run_of(o, at), start = o->runs[run].start, end = run_end(o, run);
        if (o->runs[run].sorted) {
            at = end;
        } else if (end - start <= SHORT_RUN) {
            settle(o, run);
        } else {
            size_t pivot = partition(o, start, end);
            if (!insert_run(o, run, pivot) || !insert_run(o, run_of(o, pivot), pivot + 1))
                return false;
        }
    }
    return true;
}
