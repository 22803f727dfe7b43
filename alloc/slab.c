/* SPDX-License-Identifier: MIT
 *
 * slab.c: lists of slabs, the shape of a class, bitmap search. Knows no pool.
 *
 * How long a run of slabs a class takes: the shortest, up to eight units, that leaves at most one sixteenth unused;
 * else the one that leaves least. A class of 4608 bytes would use 56 % of 8 KiB, and uses 94 % of 24 KiB.
 *
 *     8 KiB        [ 4608          | unused     ]
 *     3 x 8 KiB    [ 4608          | 4608          | 4608          | 4608          | 4608          |u]
 *
 * Bonwick 1994, section 3.2.1, bounds this waste by one eighth for the same reason.
 */
#include "slab.h"

void mid__list_push(struct mid__list *list, struct mid__slab *s)
{
    s->previous = NULL;
    s->next = list->head;
    if (list->head != NULL)
        list->head->previous = s;
    else
        list->tail = s;
    list->head = s;
    list->count++;
}

void mid__list_remove(struct mid__list *list, struct mid__slab *s)
{
    if (s->previous != NULL)
        s->previous->next = s->next;
    else
        list->head = s->next;
    if (s->next != NULL)
        s->next->previous = s->previous;
    else
        list->tail = s->previous;
    s->next = s->previous = NULL;
    list->count--;
}

static uint32_t units_for(size_t bytes)
{
    uint32_t best = 1;
    size_t best_waste = SIZE_MAX; /* in 1/65536 of the run */
    for (uint32_t units = 1; units <= 8; units++) {
        size_t run = (size_t)units * MID_POOL_SLAB_BYTES, unused = run % bytes;
        if (unused * 16 <= run)
            return units;
        if (unused * 65536 / run < best_waste) {
            best_waste = unused * 65536 / run;
            best = units;
        }
    }
    return best;
}

void mid__class_shape(struct mid__class *c, unsigned id, bool sequential)
{
    c->id = (uint8_t)id;
    c->large = id >= MID__CLASS_LARGE;
    c->placement = sequential ? &mid__place_sequential : &mid__place_class;
    if (sequential) {
        c->units = 1;
        return;
    }
    c->bytes = mid__class_bytes(id);
    if (id == MID__CLASS_HUGE) {
        c->slots = 1;
        c->pattern = 1;
        return;
    }
    c->units = c->large ? (uint32_t)(c->bytes / MID_POOL_SLAB_BYTES) : units_for(c->bytes);
    c->slots = (uint32_t)(c->units * (size_t)MID_POOL_SLAB_BYTES / c->bytes);
    for (size_t at = 0; at < 64 * (size_t)MID__CLASS_STEP_BYTES; at += c->bytes)
        c->pattern |= (uint64_t)1 << at / MID__CLASS_STEP_BYTES;
    c->reciprocal = (uint32_t)((((uint64_t)1 << 32) + c->bytes - 1) / c->bytes);
}

size_t mid__bit_next(_Atomic(uint64_t) *words, size_t from, size_t end)
{
    while (from < end) {
        uint64_t w = atomic_load_explicit(&words[from / 64], memory_order_relaxed) >> (from % 64);
        if (w != 0) {
            from += mid__ctz64(w);
            return from < end ? from : end;
        }
        from = (from / 64 + 1) * 64;
    }
    return end;
}
