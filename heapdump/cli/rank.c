/* SPDX-License-Identifier: MIT
 *
 * rank.c: the first `limit` of many items, in order. A heap with the last of the kept at its top: an item that stands
 * before the top takes its place. Memory is for the kept alone; at the end the heap is sorted where it stands.
 */
#include "rank.h"

#include <stdlib.h>

#include "text.h"

void rank_begin(struct rank *r, size_t limit, rank_before before, const void *user)
{
    *r = (struct rank){.limit = limit, .before = before, .user = user};
}

static void swap(struct rank *r, size_t a, size_t b)
{
    uint32_t item = r->items[a];
    r->items[a] = r->items[b];
    r->items[b] = item;
}

static void sift_down(struct rank *r, size_t at, size_t count)
{
    for (;;) {
        size_t last = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (r->before(r->user, r->items[last], r->items[child]))
                last = child;
        if (last == at)
            return;
        swap(r, at, last);
        at = last;
    }
}

static void sift_up(struct rank *r, size_t at)
{
    while (at != 0 && r->before(r->user, r->items[(at - 1) / 2], r->items[at])) {
        swap(r, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

void rank_offer(struct rank *r, uint32_t item)
{
    if (r->count < r->limit) {
        if (r->count == r->capacity) {
            r->capacity = r->capacity != 0 ? r->capacity * 2 : 64;
            r->items = cli_grow(r->items, r->capacity, sizeof r->items[0]);
        }
        r->items[r->count] = item;
        sift_up(r, r->count++);
    } else if (r->limit != 0 && r->before(r->user, item, r->items[0])) {
        r->items[0] = item;
        sift_down(r, 0, r->count);
    }
}

void rank_finish(struct rank *r)
{
    for (size_t left = r->count; left > 1;) {
        swap(r, 0, --left);
        sift_down(r, 0, left);
    }
}

void rank_free(struct rank *r)
{
    free(r->items);
    *r = (struct rank){0};
}
