/* SPDX-License-Identifier: MIT
 *
 * heap_cache.c: a cache of `size` entries that evicts the least recently used. A look-up that hits moves the entry to the
 * front of the list of uses, which writes to five old objects; one that misses makes an entry and its value and drops one
 * that has lived long. Keys come at random from twice as many as there are entries.
 *
 *     buckets --> entry { chain, newer, older, value, key } --> value { 128 bytes }        heap_cache.inc has the lists
 */
#include "heap_support.h"
#include "heap_work.h"

#include <string.h>

enum { BUCKETS = 1 << 14, VALUE_BYTES = 128, A_STEP = 100, TURNS = 20 };

static uint32_t steps_of(const struct heap_workload *w)
{
    return w->size * TURNS / A_STEP;
}

/* ---- plain pointers */

struct entry {
    struct entry *chain, *newer, *older;
    unsigned char *value;
    uint32_t key;
};

struct cache {
    struct plain k;
    struct entry **buckets, *ends;
    uint32_t size, count, random, sum;
};

typedef struct entry *plain_ref;

#define T(name)                plain_##name
#define CONTEXT                struct cache *
#define REF                    plain_ref
#define IS_NIL(r)              ((r) == NULL)
#define SAME(a, b)             ((a) == (b))
#define AT(r)                  (r)
#define SET(c, r, f, v)        ((void)(c), (r)->f = (v))
#define BUCKET(c, key)         ((c)->buckets[(key) % BUCKETS])
#define SET_BUCKET(c, key, v)  ((c)->buckets[(key) % BUCKETS] = (v))
#define ENDS(c)                ((c)->ends)
#include "heap_cache.inc"
#undef T
#undef CONTEXT
#undef REF
#undef IS_NIL
#undef SAME
#undef AT
#undef SET
#undef BUCKET
#undef SET_BUCKET
#undef ENDS

static bool plain_miss(struct cache *c, uint32_t key)
{
    struct entry *e = c->k.alloc(sizeof *e);
    if (e == NULL)
        return false;
    *e = (struct entry){.key = key, .value = c->k.alloc_plain(VALUE_BYTES)};
    if (e->value == NULL)
        return false;
    memset(e->value, (int)(key & 255), VALUE_BYTES);
    if (c->count == c->size) {
        struct entry *old = plain_evict(c);
        c->sum = heap_mix(c->sum, old->key);
        plain_drop(&c->k, old->value);
        plain_drop(&c->k, old);
    } else {
        c->count++;
    }
    plain_insert(c, e);
    return true;
}

static bool plain_step(void *state)
{
    struct cache *c = state;
    for (int i = 0; i < A_STEP; i++) {
        uint32_t key = heap_below(&c->random, 2 * c->size);
        struct entry *e = plain_find(c, key);
        if (e != NULL) {
            c->sum = heap_mix(c->sum, e->value[VALUE_BYTES - 1]);
            plain_unlink(c, e);
            plain_to_front(c, e);
        } else if (!plain_miss(c, key)) {
            return false;
        }
    }
    return true;
}

static void cache_plain(struct bench_run *run, const struct heap_workload *w, struct plain k)
{
    struct cache c = {.k = k, .size = w->size, .random = HEAP_SEED};
    c.buckets = k.alloc(BUCKETS * sizeof *c.buckets);
    memset(c.buckets, 0, BUCKETS * sizeof *c.buckets);
    c.ends = k.alloc(sizeof *c.ends);
    *c.ends = (struct entry){.newer = c.ends, .older = c.ends};
    heap_play(run, steps_of(w), plain_step, &c);
    heap_sum(run, c.sum);
}

void cache_by_hand(struct bench_run *run, const struct heap_workload *w)
{
    cache_plain(run, w, plain_by_hand());
}

void cache_boehm(struct bench_run *run, const struct heap_workload *w)
{
    cache_plain(run, w, plain_boehm());
}

/* ---- midden */

struct mid_entry {
    struct mid_ref chain, newer, older, value;
    uint32_t key;
};

struct mid_cache {
    struct mid_heap *heap;
    struct mid_type entry, value, array;
    struct mid_slot buckets, ends;
    uint32_t size, count, random, sum;
};

static inline struct mid_entry *entry_of(struct mid_ref r)
{
    return mid_data(r);
}

#define T(name)                midden_##name
#define CONTEXT                struct mid_cache *
#define REF                    struct mid_ref
#define IS_NIL(r)              mid_is_null(r)
#define SAME(a, b)             mid_same(a, b)
#define AT(r)                  entry_of(r)
#define SET(c, r, f, v)        mid_store((c)->heap, (r), &entry_of(r)->f, (v))
#define BUCKET(c, key)         mid_array_get(mid_get((c)->buckets), (key) % BUCKETS)
#define SET_BUCKET(c, key, v)  mid_array_set((c)->heap, mid_get((c)->buckets), (key) % BUCKETS, (v))
#define ENDS(c)                mid_get((c)->ends)
#include "heap_cache.inc"

static bool midden_miss(struct mid_cache *c, uint32_t key)
{
    struct mid_scope scope;
    mid_scope_begin(c->heap, &scope);
    struct mid_slot value = mid_local(c->heap, mid_new_bytes(c->heap, c->value, VALUE_BYTES));
    struct mid_ref e = mid_new(c->heap, c->entry);
    if (mid_is_null(e) || mid_is_null(mid_get(value)))
        return false;
    memset(mid_data(mid_get(value)), (int)(key & 255), VALUE_BYTES);
    entry_of(e)->key = key;
    mid_init_field(&entry_of(e)->value, mid_get(value));
    if (c->count == c->size)
        c->sum = heap_mix(c->sum, entry_of(midden_evict(c))->key);
    else
        c->count++;
    midden_insert(c, e);
    mid_scope_end(c->heap, &scope);
    return true;
}

static bool midden_step(void *state)
{
    struct mid_cache *c = state;
    for (int i = 0; i < A_STEP; i++) {
        uint32_t key = heap_below(&c->random, 2 * c->size);
        struct mid_ref e = midden_find(c, key);
        if (!mid_is_null(e)) {
            c->sum = heap_mix(c->sum, ((const unsigned char *)mid_data(entry_of(e)->value))[VALUE_BYTES - 1]);
            midden_unlink(c, e);
            midden_to_front(c, e);
        } else if (!midden_miss(c, key)) {
            return false;
        }
    }
    return true;
}

void cache_midden(struct bench_run *run, const struct heap_workload *w)
{
    struct mid_cache c = {.heap = heap_begin(run), .size = w->size, .random = HEAP_SEED};
    if (c.heap == NULL)
        return;
    c.entry = heap_type(c.heap, "Entry", sizeof(struct mid_entry), 4, MID_TAIL_NONE);
    c.value = heap_type(c.heap, "Value", 0, 0, MID_TAIL_BYTES);
    c.array = heap_type(c.heap, "Buckets", 0, 0, MID_TAIL_REFS);
    c.buckets = mid_local(c.heap, mid_new_array(c.heap, c.array, BUCKETS));
    c.ends = mid_local(c.heap, mid_new(c.heap, c.entry));
    mid_store(c.heap, mid_get(c.ends), &entry_of(mid_get(c.ends))->newer, mid_get(c.ends));
    mid_store(c.heap, mid_get(c.ends), &entry_of(mid_get(c.ends))->older, mid_get(c.ends));
    heap_play(run, steps_of(w), midden_step, &c);
    heap_sum(run, c.sum);
    heap_end(run, c.heap);
}
