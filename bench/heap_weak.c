/* SPDX-License-Identifier: MIT
 *
 * heap_weak.c: data hung on objects that know nothing of it. Objects are replaced at random; each new one gets its data in a
 * weak table, whose entry must go with the object, and the data of another is read. By hand it is a hash table by address,
 * from which who frees an object takes the entry out. Boehm's collector has no ephemerons: it is not here.
 *
 *     table --> object { id }        weak table: object => data { value, object }: data that refers to its own key
 */
#include "heap_support.h"
#include "heap_work.h"

#include <stdlib.h>

#include <midden/weak_table.h>

enum { A_STEP = 100, TURNS = 10, BUCKETS = 1 << 15 };

static uint32_t steps_of(const struct heap_workload *w)
{
    return w->size * TURNS / A_STEP;
}

/* ---- by hand */

struct object {
    uint64_t id;
};

struct data {
    struct object *object;
    uint64_t value;
};

struct entry {
    struct entry *next;
    struct object *key;
    struct data *data;
};

struct hand {
    struct object **table;
    struct entry **buckets;
    uint32_t size, random, id, sum;
};

static struct entry **hand_find(struct hand *h, const struct object *key)
{
    struct entry **at = &h->buckets[(uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15u >> 49];
    while (*at != NULL && (*at)->key != key)
        at = &(*at)->next;
    return at;
}

static bool hand_add(struct hand *h, uint32_t where)
{
    struct object *o = malloc(sizeof *o);
    struct data *d = malloc(sizeof *d);
    struct entry *e = malloc(sizeof *e);
    if (o == NULL || d == NULL || e == NULL)
        return false;
    o->id = h->id++;
    *d = (struct data){o, o->id * 7};
    struct entry **at = hand_find(h, o);
    *e = (struct entry){*at, o, d};
    *at = e;
    h->table[where] = o;
    return true;
}

static void hand_remove(struct hand *h, uint32_t where)
{
    struct entry **at = hand_find(h, h->table[where]), *e = *at;
    *at = e->next;
    free(e->data);
    free(e->key);
    free(e);
}

static bool hand_step(void *state)
{
    struct hand *h = state;
    for (int i = 0; i < A_STEP; i++) {
        uint32_t where = heap_below(&h->random, h->size), other = heap_below(&h->random, h->size);
        hand_remove(h, where);
        if (!hand_add(h, where))
            return false;
        h->sum = heap_mix(h->sum, (uint32_t)(*hand_find(h, h->table[other]))->data->value);
    }
    return true;
}

void weak_by_hand(struct bench_run *run, const struct heap_workload *w)
{
    struct hand h = {.size = w->size, .random = HEAP_SEED};
    h.table = calloc(w->size, sizeof *h.table);
    h.buckets = calloc(BUCKETS, sizeof *h.buckets);
    bool went_well = h.table != NULL && h.buckets != NULL;
    for (uint32_t i = 0; went_well && i < w->size; i++)
        went_well = hand_add(&h, i);
    if (!went_well)
        bench_fail(run, "out of memory");
    else if (heap_play(run, steps_of(w), hand_step, &h))
        for (uint32_t i = 0; i < w->size; i++)
            hand_remove(&h, i);
    free(h.table);
    free(h.buckets);
    heap_sum(run, h.sum);
}

/* ---- midden */

struct mid_object_data {
    struct mid_ref object;
    uint64_t value;
};

struct weak {
    struct mid_heap *heap;
    struct mid_type object, data, array;
    struct mid_slot table, extras;
    uint32_t size, random, id, sum;
};

static bool midden_add(struct weak *k, uint32_t where)
{
    struct mid_scope scope;
    mid_scope_begin(k->heap, &scope);
    struct mid_slot object = mid_local(k->heap, mid_new(k->heap, k->object));
    struct mid_ref d = mid_new(k->heap, k->data), o = mid_get(object);
    if (mid_is_null(d) || mid_is_null(o))
        return false;
    uint64_t id = k->id++;
    ((struct object *)mid_data(o))->id = id;
    struct mid_object_data *data = mid_data(d);
    data->value = id * 7;
    mid_init_field(&data->object, o);
    mid_array_set(k->heap, mid_get(k->table), where, o);
    bool set = mid_weak_table_set(k->heap, mid_get(k->extras), o, d) == MID_OK;
    mid_scope_end(k->heap, &scope);
    return set;
}

static bool midden_step(void *state)
{
    struct weak *k = state;
    for (int i = 0; i < A_STEP; i++) {
        uint32_t where = heap_below(&k->random, k->size), other = heap_below(&k->random, k->size);
        if (!midden_add(k, where))
            return false;
        struct mid_ref key = mid_array_get(mid_get(k->table), other);
        const struct mid_object_data *data = mid_data(mid_weak_table_get(k->heap, mid_get(k->extras), key));
        k->sum = heap_mix(k->sum, (uint32_t)data->value);
    }
    return true;
}

void weak_midden(struct bench_run *run, const struct heap_workload *w)
{
    struct weak k = {.heap = heap_begin(run), .size = w->size, .random = HEAP_SEED};
    bool went_well = true;
    if (k.heap == NULL)
        return;
    k.object = heap_type(k.heap, "Object", sizeof(struct object), 0, MID_TAIL_NONE);
    k.data = heap_type(k.heap, "Data", sizeof(struct mid_object_data), 1, MID_TAIL_NONE);
    k.array = heap_type(k.heap, "Table", 0, 0, MID_TAIL_REFS);
    k.table = mid_local(k.heap, mid_new_array(k.heap, k.array, w->size));
    k.extras = mid_local(k.heap, mid_weak_table_new(k.heap));
    for (uint32_t i = 0; went_well && i < w->size; i++)
        went_well = midden_add(&k, i);
    if (!went_well)
        bench_fail(run, "an allocation was refused");
    else if (heap_play(run, steps_of(w), midden_step, &k)) {
        mid_heap_collect(k.heap, MID_COLLECT_FULL, "the end");
        if (mid_weak_table_count(k.heap, mid_get(k.extras)) != w->size)
            bench_fail(run, "the weak table keeps entries of dead objects");
    }
    heap_sum(run, k.sum);
    heap_end(run, k.heap);
}
