/* SPDX-License-Identifier: MIT
 *
 * heap_strings.c: strings: small objects without references, of any length, most of them short-lived. A new one is joined from
 * the beginnings of two of `size` strings and takes the place of a third.
 *
 *     table --> string { length, up to 96 bytes }
 */
#include "heap_support.h"
#include "heap_work.h"

#include <string.h>

enum { FIRST_BYTES = 48, MOST_PART = 48, A_STEP = 100, TURNS = 20 };

static uint32_t steps_of(const struct heap_workload *w)
{
    return w->size * TURNS / A_STEP;
}

struct string {
    uint32_t bytes;
    char text[];
};

static void fill_first(struct string *s, uint32_t *random)
{
    s->bytes = FIRST_BYTES;
    for (int i = 0; i < FIRST_BYTES; i++)
        s->text[i] = (char)('a' + heap_below(random, 26));
}

/* Which strings, and how much of each. */
struct choice {
    uint32_t a, b, to, a_bytes, b_bytes;
};

static struct choice choose(uint32_t *random, uint32_t size)
{
    struct choice c;
    c.a = heap_below(random, size);
    c.b = heap_below(random, size);
    c.to = heap_below(random, size);
    c.a_bytes = 1 + heap_below(random, MOST_PART);
    c.b_bytes = 1 + heap_below(random, MOST_PART);
    return c;
}

static void cut(struct choice *c, const struct string *a, const struct string *b)
{
    c->a_bytes = c->a_bytes < a->bytes ? c->a_bytes : a->bytes;
    c->b_bytes = c->b_bytes < b->bytes ? c->b_bytes : b->bytes;
}

static void join(struct string *s, const struct choice *c, const struct string *a, const struct string *b)
{
    s->bytes = c->a_bytes + c->b_bytes;
    memcpy(s->text, a->text, c->a_bytes);
    memcpy(s->text + c->a_bytes, b->text, c->b_bytes);
}

static uint32_t mix_string(uint32_t sum, const struct string *s)
{
    return heap_mix(heap_mix(heap_mix(sum, s->bytes), (uint32_t)s->text[0]), (uint32_t)s->text[s->bytes - 1]);
}

/* ---- plain pointers */

struct strings {
    struct plain k;
    struct string **table;
    uint32_t size, random;
};

static bool plain_step(void *state)
{
    struct strings *t = state;
    for (int i = 0; i < A_STEP; i++) {
        struct choice c = choose(&t->random, t->size);
        cut(&c, t->table[c.a], t->table[c.b]);
        struct string *s = t->k.alloc_plain(sizeof *s + c.a_bytes + c.b_bytes);
        if (s == NULL)
            return false;
        join(s, &c, t->table[c.a], t->table[c.b]);
        plain_drop(&t->k, t->table[c.to]);
        t->table[c.to] = s;
    }
    return true;
}

static void strings_plain(struct bench_run *run, const struct heap_workload *w, struct plain k)
{
    struct strings t = {.k = k, .size = w->size, .random = HEAP_SEED};
    uint32_t sum = 0;
    t.table = k.alloc(w->size * sizeof *t.table);
    memset(t.table, 0, w->size * sizeof *t.table);
    for (uint32_t i = 0; i < w->size; i++) {
        t.table[i] = k.alloc_plain(sizeof **t.table + FIRST_BYTES);
        fill_first(t.table[i], &t.random);
    }
    heap_play(run, steps_of(w), plain_step, &t);
    for (uint32_t i = 0; i < w->size; i++)
        sum = mix_string(sum, t.table[i]);
    heap_sum(run, sum);
}

void strings_by_hand(struct bench_run *run, const struct heap_workload *w)
{
    strings_plain(run, w, plain_by_hand());
}

void strings_boehm(struct bench_run *run, const struct heap_workload *w)
{
    strings_plain(run, w, plain_boehm());
}

/* ---- midden */

struct mid_strings {
    struct mid_heap *heap;
    struct mid_type string, array;
    struct mid_slot table;
    uint32_t size, random;
};

static struct string *string_at(const struct mid_strings *t, uint32_t i)
{
    return mid_data(mid_array_get(mid_get(t->table), i));
}

static bool midden_step(void *state)
{
    struct mid_strings *t = state;
    for (int i = 0; i < A_STEP; i++) {
        struct choice c = choose(&t->random, t->size);
        cut(&c, string_at(t, c.a), string_at(t, c.b));
        struct mid_ref s = mid_new_bytes(t->heap, t->string, sizeof(struct string) + c.a_bytes + c.b_bytes);
        if (mid_is_null(s))
            return false;
        join(mid_data(s), &c, string_at(t, c.a), string_at(t, c.b));
        mid_array_set(t->heap, mid_get(t->table), c.to, s);
    }
    return true;
}

void strings_midden(struct bench_run *run, const struct heap_workload *w)
{
    struct mid_strings t = {.heap = heap_begin(run), .size = w->size, .random = HEAP_SEED};
    uint32_t sum = 0;
    if (t.heap == NULL)
        return;
    t.string = heap_type(t.heap, "String", 0, 0, MID_TAIL_BYTES);
    t.array = heap_type(t.heap, "Table", 0, 0, MID_TAIL_REFS);
    t.table = mid_local(t.heap, mid_new_array(t.heap, t.array, w->size));
    for (uint32_t i = 0; i < w->size; i++) {
        struct mid_ref s = mid_new_bytes(t.heap, t.string, sizeof(struct string) + FIRST_BYTES);
        fill_first(mid_data(s), &t.random);
        mid_array_set(t.heap, mid_get(t.table), i, s);
    }
    if (heap_play(run, steps_of(w), midden_step, &t))
        for (uint32_t i = 0; i < w->size; i++)
            sum = mix_string(sum, string_at(&t, i));
    heap_sum(run, sum);
    heap_end(run, t.heap);
}
