/* SPDX-License-Identifier: MIT
 * heap_model.c: the random program and its twin.
 *
 * Each heap object has a twin with the same fields. The two graphs are compared by walking both from the roots at once:
 * a twin met twice must have met the same object. After a full collection the heap must hold exactly the objects whose
 * twins are reachable, and weak handles, weak tables, ids, finalizers and external bytes must say the same. An entry of a
 * weak table is a *bond* between twins: the value counts as reachable when table and key both do. */
#include "heap_model.h"

#include "heap_kit.h"
#include "suite.h"

#include <midden/pool.h>
#include <midden/slice.h>
#include <midden/walk.h>
#include <midden/weak_table.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { PAIR, CELL, TAGGED, ARRAY, BYTES, FRAME, TEXT, BUFFER, WEAKMAP, KINDS };

struct twin;
struct funeral;

struct bond {
    struct twin *table, *key, *value;
    struct bond *table_next, *key_next;
};

struct twin {
    struct twin *next; /* of all */
    enum kind kind;
    size_t count;      /* of references */
    size_t bytes;      /* of raw content */
    uint64_t content;
    struct mid_ref met;
    uint64_t met_round, reached_round;
    struct funeral *finalizer; /* that waits for its death, or NULL */
    uint64_t id;
    struct bond *as_table, *as_key;
    struct twin *refs[];
};

enum { LOCALS = 24, PERSISTENTS = 8, TABLE = 8, ROOTS = LOCALS + PERSISTENTS + TABLE, WEAKS = 16, PINS = 4 };

struct model {
    struct kit kit;
    struct mid_heap *heap;
    struct mid_pool *pool;
    uint64_t random, round;
    struct twin *all;
    size_t twins;
    struct twin *roots[ROOTS];
    struct mid_slot locals[LOCALS];
    struct mid_persistent *persistents[PERSISTENTS];
    struct mid_ref table[TABLE];
    struct mid_weak *weaks[WEAKS];
    struct twin *weak_twins[WEAKS];
    struct mid_pin *pins[PINS];
    struct mid_ref pinned[PINS]; /* as it was when it was pinned */
    struct twin *pin_twins[PINS];
    unsigned finalized;
    bool conservative; /* words of the stack may keep more alive than the twins say */
    int64_t external;
    struct { struct mid_ref ref; struct twin *twin; } *stack;
    size_t stack_capacity;
};

static uint64_t random_below(struct model *m, uint64_t n)
{
    return test_random(&m->random) % n;
}

/* ---- roots of both sides -------------------------------------------------------------------------------------------- */

static struct mid_ref get_root(struct model *m, size_t i)
{
    if (i < LOCALS)
        return mid_get(m->locals[i]);
    if (i < LOCALS + PERSISTENTS)
        return mid_persistent_get(m->persistents[i - LOCALS]);
    return m->table[i - LOCALS - PERSISTENTS];
}

static void set_root(struct model *m, size_t i, struct mid_ref ref, struct twin *twin)
{
    m->roots[i] = twin;
    if (i < LOCALS)
        mid_set(m->locals[i], ref);
    else if (i < LOCALS + PERSISTENTS)
        mid_persistent_set(m->heap, m->persistents[i - LOCALS], ref);
    else
        m->table[i - LOCALS - PERSISTENTS] = ref;
}

static void show_table(void *user, struct mid_root_visitor *visitor)
{
    struct model *m = user;
    for (size_t i = 0; i < TABLE; i++)
        mid_root_slot(visitor, (struct mid_slot){&m->table[i]}, NULL);
}

/* ---- fields of an object ---------------------------------------------------------------------------------------------- */

static struct mid_ref *field(struct mid_ref ref, const struct twin *twin, size_t i)
{
    switch (twin->kind) {
    case TAGGED:
        return &((struct tagged *)mid_data(ref))->words[i];
    case FRAME:
        return i == 0 ? &((struct frame *)mid_data(ref))->parent : &((struct frame *)mid_data(ref))->slots[i - 1];
    default:
        return (struct mid_ref *)mid_data(ref) + i;
    }
}

static unsigned char *raw(struct mid_ref ref, const struct twin *twin)
{
    unsigned char *data = mid_data(ref);
    return twin->kind == PAIR ? data + 16 : twin->kind == FRAME || twin->kind == TEXT ? data + 8 : data;
}

static void fill_raw(unsigned char *at, size_t bytes, uint64_t content)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (unsigned char)(content + i * 7);
}

static void check_raw(const unsigned char *at, size_t bytes, uint64_t content)
{
    for (size_t i = 0; i < bytes; i++)
        if (at[i] != (unsigned char)(content + i * 7))
            ck_abort_msg("byte %zu of %zu is %02x", i, bytes, at[i]);
}

/* ---- creation ------------------------------------------------------------------------------------------------------------ */

static size_t random_length(struct model *m)
{
    uint64_t dice = random_below(m, 1000);
    return (size_t)(dice < 900 ? random_below(m, 12) : dice < 980 ? random_below(m, 300) : dice < 999 ? random_below(m, 6000) : random_below(m, 200000));
}

static struct mid_ref new_buffer(struct model *m, size_t bytes, uint64_t content)
{
    struct mid_slice slice;
    ck_assert_int_eq(mid_slice_alloc(m->pool, bytes, &slice), MID_OK);
    fill_raw(slice.data, bytes, content);
    struct mid_ref ref = mid_buffer_new(m->heap, slice);
    if (mid_is_null(ref))
        mid_slice_release(&slice);
    return ref;
}

static struct mid_ref new_object(struct model *m, struct twin *t)
{
    struct kit *k = &m->kit;
    switch (t->kind) {
    case PAIR:
        return mid_new(m->heap, k->pair);
    case CELL:
        return mid_new(m->heap, k->cell);
    case TAGGED:
        return mid_new(m->heap, k->tagged);
    case ARRAY:
        return mid_new_array(m->heap, k->array, t->count);
    case BYTES:
        return mid_new_bytes(m->heap, k->bytes, t->bytes);
    case FRAME:
        return mid_new_array(m->heap, k->frame, t->count - 1);
    case TEXT:
        return mid_new_bytes(m->heap, k->text, t->bytes);
    case WEAKMAP:
        return mid_weak_table_new(m->heap);
    default:
        return new_buffer(m, t->bytes, t->content);
    }
}

static void create(struct model *m)
{
    enum kind kind = (enum kind)random_below(m, KINDS);
    size_t length = random_length(m), refs = 0, bytes = 0;
    switch (kind) {
    case PAIR:
        refs = 2, bytes = 8;
        break;
    case CELL:
        refs = 2;
        break;
    case TAGGED:
        refs = 3;
        break;
    case ARRAY:
        refs = length;
        break;
    case FRAME:
        refs = length + 1, bytes = 8;
        break;
    case TEXT:
        refs = 1, bytes = length;
        break;
    case WEAKMAP:
        break;
    default:
        bytes = length;
        break;
    }
    struct twin *t = calloc(1, sizeof *t + refs * sizeof t->refs[0]);
    t->kind = kind;
    t->count = refs;
    t->bytes = bytes;
    t->content = test_random(&m->random);
    struct mid_ref ref = new_object(m, t);
    ck_assert_msg(!mid_is_null(ref), "%s", mid_heap_refusal(m->heap));
    if (kind == TAGGED)
        ((struct tagged *)mid_data(ref))->mask = 7;
    if (kind != BUFFER)
        fill_raw(raw(ref, t), bytes, t->content);
    for (size_t i = 0; i < refs; i++)
        ck_assert(mid_is_null(*field(ref, t, i)));
    t->next = m->all;
    m->all = t;
    m->twins++;
    set_root(m, random_below(m, ROOTS), ref, t);
}

/* ---- choosing and changing ------------------------------------------------------------------------------------------------ */

/* Some object that is reachable, by walking a random path on both sides; NULL when it starts at an empty root. */
static struct twin *choose(struct model *m, struct mid_ref *ref)
{
    size_t root = random_below(m, ROOTS), steps = random_below(m, 20);
    struct twin *t = m->roots[root];
    *ref = get_root(m, root);
    while (t != NULL && t->count > 0 && steps-- > 0) {
        size_t i = random_below(m, t->count);
        if (t->refs[i] == NULL)
            continue;
        *ref = *field(*ref, t, i);
        t = t->refs[i];
    }
    return t;
}

static void store(struct model *m)
{
    struct mid_ref holder, value = mid_null();
    struct twin *t = choose(m, &holder), *v = NULL;
    if (t == NULL || t->count == 0)
        return;
    if (random_below(m, 4) != 0)
        v = choose(m, &value);
    if (v == NULL)
        value = mid_null();
    size_t i = random_below(m, t->count);
    mid_store(m->heap, holder, field(holder, t, i), value);
    t->refs[i] = v;
}

/* Takes a child out of its parent into a root: the only path to it is cut while a marking may not have come by. */
static void take_out(struct model *m)
{
    struct mid_ref holder;
    struct twin *t = choose(m, &holder);
    if (t == NULL || t->count == 0)
        return;
    size_t i = random_below(m, t->count);
    if (t->refs[i] == NULL)
        return;
    set_root(m, random_below(m, ROOTS), *field(holder, t, i), t->refs[i]);
    mid_store(m->heap, holder, field(holder, t, i), mid_null());
    t->refs[i] = NULL;
}

static void move_root(struct model *m)
{
    struct mid_ref ref;
    struct twin *t = choose(m, &ref);
    set_root(m, random_below(m, ROOTS), t == NULL ? mid_null() : ref, t);
}

static void drop_root(struct model *m)
{
    set_root(m, random_below(m, ROOTS), mid_null(), NULL);
}

static void change_weak(struct model *m)
{
    size_t i = random_below(m, WEAKS);
    struct mid_ref ref;
    struct twin *t = choose(m, &ref);
    if (random_below(m, 2) == 0) { /* read it: what it gives must be what it watches, and becomes reachable */
        struct mid_ref now = mid_weak_get(m->heap, m->weaks[i]);
        if (!mid_is_null(now))
            set_root(m, random_below(m, ROOTS), now, m->weak_twins[i]);
        return;
    }
    mid_weak_release(m->heap, m->weaks[i]);
    m->weaks[i] = mid_weak_new(m->heap, t == NULL ? mid_null() : ref, NULL, NULL, NULL);
    m->weak_twins[i] = t;
}

/* ---- weak tables and ids ---------------------------------------------------------------------------------------------------- */

static struct twin *choose_table(struct model *m, struct mid_ref *ref)
{
    for (int i = 0; i < 12; i++) {
        struct twin *t = choose(m, ref);
        if (t != NULL && t->kind == WEAKMAP)
            return t;
    }
    return NULL;
}

static struct bond *find_bond(struct twin *table, const struct twin *key)
{
    struct bond *b = table->as_table;
    while (b != NULL && b->key != key)
        b = b->table_next;
    return b;
}

static void unlink_bond(struct bond *b)
{
    struct bond **link = &b->table->as_table;
    while (*link != b)
        link = &(*link)->table_next;
    *link = b->table_next;
    for (link = &b->key->as_key; *link != b;)
        link = &(*link)->key_next;
    *link = b->key_next;
    free(b);
}

static void set_bond(struct twin *table, struct twin *key, struct twin *value)
{
    struct bond *b = find_bond(table, key);
    if (value == NULL) {
        if (b != NULL)
            unlink_bond(b);
        return;
    }
    if (b == NULL) {
        b = malloc(sizeof *b);
        *b = (struct bond){table, key, value, table->as_table, key->as_key};
        table->as_table = key->as_key = b;
    }
    b->value = value;
}

static void change_table(struct model *m)
{
    struct mid_ref table, key, value = mid_null();
    struct twin *t = choose_table(m, &table), *k = choose(m, &key), *v = NULL;
    if (t == NULL || k == NULL)
        return;
    struct bond *b = find_bond(t, k);
    ck_assert_msg(mid_is_null(mid_weak_table_get(m->heap, table, key)) == (b == NULL), "a weak table and its twin differ");
    switch (random_below(m, 8)) {
    case 0:
        ck_assert(mid_weak_table_remove(m->heap, table, key) == (b != NULL));
        break;
    case 1:
    case 2: /* the value becomes reachable by itself, and the entry may go */
        value = mid_weak_table_get(m->heap, table, key);
        if (b == NULL)
            return;
        set_root(m, random_below(m, ROOTS), value, b->value);
        if (random_below(m, 2) == 0)
            return;
        ck_assert_int_eq(mid_weak_table_set(m->heap, table, key, mid_null()), MID_OK);
        break;
    default:
        if ((v = choose(m, &value)) == NULL)
            return;
        ck_assert_int_eq(mid_weak_table_set(m->heap, table, key, value), MID_OK);
        break;
    }
    set_bond(t, k, v);
}

static void change_pin(struct model *m)
{
    size_t i = random_below(m, PINS);
    struct mid_ref ref;
    mid_pin_release(m->heap, m->pins[i]);
    m->pins[i] = NULL;
    m->pin_twins[i] = NULL;
    struct twin *t = choose(m, &ref);
    if (t == NULL || random_below(m, 2) == 0)
        return;
    m->pins[i] = mid_pin_new(m->heap, ref);
    ck_assert_ptr_nonnull(m->pins[i]);
    m->pin_twins[i] = t;
    m->pinned[i] = mid_pin_get(m->pins[i]);
}

static void ask_id(struct model *m)
{
    struct mid_ref ref;
    struct twin *t = choose(m, &ref);
    if (t == NULL)
        return;
    uint64_t id = mid_object_id(m->heap, ref);
    ck_assert_msg(id != 0 && (t->id == 0 || t->id == id), "an object has changed its id");
    t->id = id;
}

static void finalize(void *user, struct mid_heap *heap, struct mid_ref object);

struct funeral {
    struct model *model;
    struct twin *twin;
};

static void add_finalizer(struct model *m)
{
    struct mid_ref ref;
    struct twin *t = choose(m, &ref);
    if (t == NULL || t->finalizer != NULL)
        return;
    struct funeral *f = malloc(sizeof *f);
    *f = (struct funeral){m, t};
    t->finalizer = f;
    ck_assert_int_eq(mid_finalizer_add(m->heap, ref, finalize, f), MID_OK);
}

static void finalize(void *user, struct mid_heap *heap, struct mid_ref object)
{
    struct funeral *f = user;
    struct model *m = f->model;
    ck_assert_ptr_eq(heap, m->heap);
    f->twin->finalizer = NULL;
    m->finalized++;
    if (f->twin->kind != BUFFER)
        check_raw(raw(object, f->twin), f->twin->bytes, f->twin->content);
    if (random_below(m, 3) == 0)
        set_root(m, random_below(m, ROOTS), object, f->twin);
    free(f);
}

static void change_external(struct model *m)
{
    int64_t delta = (int64_t)random_below(m, 100000) - 50000;
    if (m->external + delta < 0)
        delta = -m->external;
    ck_assert_int_eq(mid_heap_adjust_external(m->heap, delta), MID_OK);
    m->external += delta;
}

/* ---- comparing ---------------------------------------------------------------------------------------------------------------- */

static void meet(struct model *m, struct mid_ref ref, struct twin *t, size_t *depth)
{
    ck_assert_msg((t == NULL) == mid_is_null(ref), "one of twin and object is null");
    if (t == NULL)
        return;
    if (t->met_round == m->round) {
        ck_assert_msg(mid_same(t->met, ref), "a twin has two objects");
        return;
    }
    t->met_round = m->round;
    t->met = ref;
    if (*depth == m->stack_capacity) {
        m->stack_capacity = m->stack_capacity == 0 ? 1024 : 2 * m->stack_capacity;
        m->stack = realloc(m->stack, m->stack_capacity * sizeof m->stack[0]);
    }
    m->stack[*depth].ref = ref;
    m->stack[(*depth)++].twin = t;
}

static void check_object(struct model *m, struct mid_ref ref, struct twin *t)
{
    static const size_t fixed[KINDS] = {24, 16, 32, 0, 0, 16, 8, sizeof(struct mid_slice), 8};
    size_t tail = t->kind == ARRAY ? 8 * t->count : t->kind == FRAME ? 8 * (t->count - 1) : t->kind == BYTES || t->kind == TEXT ? t->bytes : 0;
    ck_assert_uint_eq(mid_bytes(ref), fixed[t->kind] + tail);
    if (t->kind != BUFFER) {
        check_raw(raw(ref, t), t->bytes, t->content);
        return;
    }
    const struct mid_slice *slice = mid_buffer_slice(m->heap, ref);
    ck_assert_uint_eq(slice->bytes, t->bytes);
    check_raw(slice->data, t->bytes, t->content);
}

/* Whoever of table and key is met last meets the value, too. */
static void meet_bond(struct model *m, const struct bond *b, size_t *depth)
{
    if (b->table->met_round == m->round && b->key->met_round == m->round)
        meet(m, mid_weak_table_get(m->heap, b->table->met, b->key->met), b->value, depth);
}

/* Walks both graphs; returns how many objects are reachable and what their buffers hold. */
static size_t compare(struct model *m, size_t *buffer_bytes)
{
    size_t depth = 0, count = 0;
    m->round++;
    *buffer_bytes = 0;
    for (size_t i = 0; i < ROOTS; i++)
        meet(m, get_root(m, i), m->roots[i], &depth);
    for (size_t i = 0; i < PINS; i++) {
        if (m->pins[i] == NULL)
            continue;
        ck_assert_msg(mid_same(mid_pin_get(m->pins[i]), m->pinned[i]), "a pinned object has moved");
        meet(m, m->pinned[i], m->pin_twins[i], &depth);
    }
    while (depth > 0) {
        struct mid_ref ref = m->stack[--depth].ref;
        struct twin *t = m->stack[depth].twin;
        check_object(m, ref, t);
        count++;
        *buffer_bytes += t->kind == BUFFER ? t->bytes : 0;
        for (size_t i = 0; i < t->count; i++)
            meet(m, *field(ref, t, i), t->refs[i], &depth);
        for (const struct bond *b = t->as_table; b != NULL; b = b->table_next)
            meet_bond(m, b, &depth);
        for (const struct bond *b = t->as_key; b != NULL; b = b->key_next)
            meet_bond(m, b, &depth);
    }
    return count;
}

static void free_twin(struct model *m, struct twin *t)
{
    while (t->as_table != NULL)
        unlink_bond(t->as_table);
    while (t->as_key != NULL)
        unlink_bond(t->as_key);
    free(t->finalizer);
    free(t);
    m->twins--;
}

static void free_unmet(struct model *m)
{
    for (struct twin **link = &m->all; *link != NULL;) {
        struct twin *t = *link;
        if (t->met_round == m->round) {
            link = &t->next;
            continue;
        }
        *link = t->next;
        free_twin(m, t);
    }
}

/* Collects until no finalizer runs any more; then the heap holds the reachable objects and nothing else. */
static void collect_and_compare(struct model *m)
{
    unsigned before;
    do {
        before = m->finalized;
        ck_assert_int_eq(mid_heap_collect(m->heap, MID_COLLECT_FULL, "model"), MID_OK);
    } while (m->finalized != before);
    size_t buffer_bytes, count = compare(m, &buffer_bytes), objects = 0;
    struct mid_gc_stats stats = kit_stats(&m->kit);
    for (unsigned i = 0; i < MID_SPACE_COUNT; i++)
        objects += stats.spaces[i].objects;
    if (m->conservative) { /* what is unmet may be there, and a finalizer may bring it back: its twin stays */
        ck_assert_uint_ge(objects, count);
        return;
    }
    ck_assert_uint_eq(objects, count);
    struct mid_usage usage = {.struct_size = sizeof usage};
    ck_assert_int_eq(mid_heap_usage(m->heap, &usage), MID_OK);
    ck_assert_uint_eq(usage.array_buffers, buffer_bytes);
    ck_assert_uint_eq(usage.external, buffer_bytes + (size_t)m->external);
    for (size_t i = 0; i < WEAKS; i++) {
        struct twin *t = m->weak_twins[i];
        struct mid_ref now = mid_weak_get(m->heap, m->weaks[i]);
        if (!mid_is_null(now))
            ck_assert_msg(t->met_round == m->round && mid_same(t->met, now), "a weak handle watches the wrong object");
        else if (t != NULL && t->met_round != m->round)
            m->weak_twins[i] = NULL;
        /* A null handle with a reachable twin: cleared before a finalizer brought the object back. */
    }
    for (size_t i = 0; i < WEAKS; i++)
        if (m->weak_twins[i] != NULL && m->weak_twins[i]->met_round != m->round)
            m->weak_twins[i] = NULL;
    free_unmet(m);
    for (const struct twin *t = m->all; t != NULL; t = t->next) {
        if (t->kind != WEAKMAP)
            continue;
        size_t bonds = 0;
        for (const struct bond *b = t->as_table; b != NULL; b = b->table_next)
            bonds++;
        ck_assert_uint_eq(mid_weak_table_count(m->heap, t->met), bonds);
    }
}

/* ---- the program ---------------------------------------------------------------------------------------------------------------- */

static void operate(struct model *m, unsigned live)
{
    uint64_t dice = random_below(m, 1000);
    size_t bytes;
    if (dice < 300)
        create(m);
    else if (dice < 600)
        store(m);
    else if (dice < 690)
        change_table(m);
    else if (dice < 697)
        ask_id(m);
    else if (dice < 700)
        change_pin(m);
    else if (dice < 750)
        take_out(m);
    else if (dice < 850)
        move_root(m);
    else if (dice < 900)
        drop_root(m);
    else if (dice < 940)
        change_weak(m);
    else if (dice < 950)
        add_finalizer(m);
    else if (dice < 960)
        change_external(m);
    else if (dice < 970)
        mid_heap_collect(m->heap, MID_COLLECT_SCAVENGE, "model");
    else if (dice < 975)
        mid_heap_collect(m->heap, MID_COLLECT_START, "model");
    else if (dice < 990)
        mid_heap_collect(m->heap, MID_COLLECT_STEP, "model");
    else if (dice < 995)
        compare(m, &bytes);
    else if (dice < 998)
        collect_and_compare(m);
    else
        for (int most = 20; m->twins > live && most > 0; most--) {
            for (size_t i = 0; i < ROOTS; i++)
                if (random_below(m, 2) == 0)
                    set_root(m, i, mid_null(), NULL);
            collect_and_compare(m);
        }
}

static void end(struct model *m)
{
    for (size_t i = 0; i < PINS; i++) {
        mid_pin_release(m->heap, m->pins[i]);
        m->pins[i] = NULL;
    }
    for (size_t i = 0; i < ROOTS; i++)
        set_root(m, i, mid_null(), NULL);
    for (int i = 0; i < 20 && m->twins > 0; i++) { /* finalizers may bring some back */
        for (size_t j = 0; j < ROOTS; j++)
            set_root(m, j, mid_null(), NULL);
        collect_and_compare(m);
    }
    ck_assert(m->twins == 0 || m->conservative);
    for (size_t i = 0; i < WEAKS; i++)
        mid_weak_release(m->heap, m->weaks[i]);
    kit_end(&m->kit);
    for (struct twin *t = m->all, *next; t != NULL; t = next) {
        next = t->next;
        free_twin(m, t);
    }
    ck_assert_int_eq(mid_pool_destroy(m->pool, NULL), MID_OK); /* every slice has come back */
    free(m->stack);
}

void heap_model_run(const char *options, uint64_t seed, unsigned long operations, unsigned live)
{
    struct model *m = calloc(1, sizeof *m);
    m->random = seed;
    ck_assert_int_eq(kit_make(&m->kit, options), MID_OK);
    m->heap = m->kit.heap;
    m->conservative = strstr(options, "stack-scan=on") != NULL;
    ck_assert_int_eq(mid_pool_create(NULL, &m->pool), MID_OK);
    for (size_t i = 0; i < LOCALS; i++)
        m->locals[i] = mid_local(m->heap, mid_null());
    for (size_t i = 0; i < PERSISTENTS; i++)
        m->persistents[i] = mid_persistent_new(m->heap, mid_null(), "model");
    for (size_t i = 0; i < WEAKS; i++)
        m->weaks[i] = mid_weak_new(m->heap, mid_null(), NULL, NULL, NULL);
    ck_assert_int_eq(mid_roots_add(m->heap, "table", show_table, m), MID_OK);
    for (unsigned long i = 0; i < operations; i++)
        operate(m, live);
    end(m);
    free(m);
}
