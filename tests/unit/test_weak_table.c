/* SPDX-License-Identifier: MIT
 * Weak tables: entries live while table and key do, in every generation and phase, and are gone afterwards. */
#include "gc/internal.h"
#include "heap_kit.h"
#include "suite.h"

#include <midden/weak_table.h>

#include <stdlib.h>

static struct kit kit;
static struct mid_heap *heap;
static struct mid_slot table, key, none, other;

static void set_up(void)
{
    ck_assert_int_eq(kit_make(&kit, "semispace=256K,mark-step=2000"), MID_OK);
    heap = kit.heap;
    none = mid_local(heap, mid_null());
    other = mid_local(heap, mid_null());
    table = mid_local(heap, mid_weak_table_new(heap));
    key = mid_local(heap, kit_pair(&kit, none, none, 7));
}

static void tear_down(void)
{
    kit_end(&kit);
}

static struct mid_ref pair_of(uint64_t value)
{
    return kit_pair(&kit, none, none, value);
}

static void put(struct mid_slot of, uint64_t value)
{
    struct mid_ref v = pair_of(value);
    ck_assert_int_eq(mid_weak_table_set(heap, mid_get(table), mid_get(of), v), MID_OK);
}

static uint64_t got(struct mid_slot of)
{
    struct mid_ref v = mid_weak_table_get(heap, mid_get(table), mid_get(of));
    return mid_is_null(v) ? 0 : as_pair(v)->value;
}

static void full(void)
{
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_FULL, NULL), MID_OK);
}

static void scavenge(void)
{
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_SCAVENGE, NULL), MID_OK);
}

static size_t objects(void)
{
    struct mid_gc_stats s = kit_stats(&kit);
    return s.spaces[0].objects + s.spaces[1].objects + s.spaces[2].objects;
}

START_TEST(entry__set_replaced_removed__is_what_was_asked_for)
{
    ck_assert(mid_is_weak_table(heap, mid_get(table)) && !mid_is_weak_table(heap, mid_get(key)));
    ck_assert(!mid_is_weak_table(heap, mid_null()));
    ck_assert_uint_eq(got(key), 0);
    put(key, 1);
    ck_assert_uint_eq(got(key), 1);
    put(key, 2);
    ck_assert_uint_eq(got(key), 2);
    ck_assert_uint_eq(mid_weak_table_count(heap, mid_get(table)), 1);
    ck_assert_uint_eq(got(table), 0);
    put(table, 3); /* a table as a key, of itself */
    ck_assert_uint_eq(got(table), 3);
    ck_assert_uint_eq(mid_weak_table_count(heap, mid_get(table)), 2);
    ck_assert(mid_weak_table_remove(heap, mid_get(table), mid_get(key)));
    ck_assert(!mid_weak_table_remove(heap, mid_get(table), mid_get(key)));
    ck_assert_int_eq(mid_weak_table_set(heap, mid_get(table), mid_get(table), mid_null()), MID_OK);
    ck_assert_uint_eq(mid_weak_table_count(heap, mid_get(table)), 0);
    ck_assert_int_eq(mid_weak_table_set(heap, mid_get(table), mid_get(key), mid_null()), MID_OK);
    full();
    ck_assert_uint_eq(objects(), 2);
}
END_TEST

START_TEST(arguments__no_table_or_no_key__are_refused)
{
    ck_assert_int_eq(mid_weak_table_set(heap, mid_get(key), mid_get(key), mid_get(key)), MID_E_INVALID);
    ck_assert_int_eq(mid_weak_table_set(heap, mid_null(), mid_get(key), mid_get(key)), MID_E_INVALID);
    ck_assert_int_eq(mid_weak_table_set(heap, mid_get(table), mid_null(), mid_get(key)), MID_E_INVALID);
    ck_assert(mid_is_null(mid_weak_table_get(heap, mid_get(key), mid_get(key))));
    ck_assert(mid_is_null(mid_weak_table_get(heap, mid_get(table), mid_null())));
    ck_assert(!mid_weak_table_remove(heap, mid_get(key), mid_get(table)));
    ck_assert_uint_eq(mid_weak_table_count(heap, mid_get(key)), 0);
}
END_TEST

/* _i: what has become old beforehand: bit 0 the table, bit 1 the key, bit 2 the value. */
START_TEST(entry__of_every_age__lives_with_its_key_and_dies_with_it)
{
    struct mid_slot value = mid_local(heap, pair_of(5));
    if (_i & 1)
        kit_make_old(&kit, table);
    if (_i & 2)
        kit_make_old(&kit, key);
    if (_i & 4)
        kit_make_old(&kit, value);
    if ((_i & 1) == 0)
        mid_set(table, mid_weak_table_new(heap));
    if ((_i & 2) == 0)
        mid_set(key, pair_of(7));
    if ((_i & 4) == 0)
        mid_set(value, pair_of(5));
    as_pair(mid_get(value))->value = 5;
    ck_assert_int_eq(mid_weak_table_set(heap, mid_get(table), mid_get(key), mid_get(value)), MID_OK);
    struct mid_weak *watch = mid_weak_new(heap, mid_get(value), NULL, NULL, NULL);
    mid_set(value, mid_null());
    scavenge();
    ck_assert_uint_eq(got(key), 5);
    scavenge();
    ck_assert_uint_eq(got(key), 5);
    full();
    ck_assert_uint_eq(got(key), 5);
    full();
    ck_assert_uint_eq(got(key), 5);
    ck_assert(mid_same(mid_weak_get(heap, watch), mid_weak_table_get(heap, mid_get(table), mid_get(key))));
    mid_set(_i & 8 ? table : key, mid_null());
    full();
    ck_assert(mid_is_null(mid_weak_get(heap, watch)));
    ck_assert_uint_eq(objects(), 1);
    ck_assert_uint_eq(heap->ephemerons.pairs_used, 0);
    ck_assert_uint_eq(heap->ephemerons.keys_used, 0);
    mid_weak_release(heap, watch);
}
END_TEST

/* Small objects without references are never scanned, unless they are keys. _i == 1: a key only after it has become old. */
START_TEST(key__without_references__keeps_its_value)
{
    mid_set(key, mid_new_bytes(heap, kit.bytes, 24));
    if (_i == 1)
        kit_make_old(&kit, key);
    put(key, 5);
    kit_make_old(&kit, key);
    full();
    ck_assert_uint_eq(got(key), 5);
    mid_heap_collect(heap, MID_COLLECT_START, NULL);
    full();
    ck_assert_uint_eq(got(key), 5);
    mid_set(key, mid_null());
    full();
    ck_assert_uint_eq(objects(), 1);
}
END_TEST

START_TEST(entry__young_and_dead__gone_with_the_scavenge)
{
    kit_make_old(&kit, table);
    mid_set(key, pair_of(1));
    put(key, 2);
    mid_set(key, mid_null());
    scavenge();
    ck_assert_uint_eq(mid_weak_table_count(heap, mid_get(table)), 0);
    ck_assert_uint_eq(kit_stats(&kit).spaces[MID_SPACE_NURSERY].objects, 0);
}
END_TEST

START_TEST(value__refers_to_its_key__keeps_neither)
{
    put(key, 1);
    mid_store(heap, mid_weak_table_get(heap, mid_get(table), mid_get(key)),
              &as_pair(mid_weak_table_get(heap, mid_get(table), mid_get(key)))->left, mid_get(key));
    full();
    ck_assert_uint_eq(got(key), 1);
    mid_set(key, mid_null());
    full();
    ck_assert_uint_eq(mid_weak_table_count(heap, mid_get(table)), 0);
    ck_assert_uint_eq(objects(), 1);
}
END_TEST

/* The value of each is the key of the next: what a fixpoint would take n rounds for. _i: built from the head or the tail. */
START_TEST(chain__long__is_followed_to_its_end)
{
    enum { LENGTH = 100000 };
    struct mid_slot last = mid_local(heap, mid_get(key));
    for (int i = 0; i < LENGTH; i++) {
        struct mid_ref next = pair_of(1000 + (uint64_t)i);
        ck_assert_int_eq(_i == 0 ? mid_weak_table_set(heap, mid_get(table), mid_get(last), next)
                                 : mid_weak_table_set(heap, mid_get(table), next, mid_get(last)), MID_OK);
        mid_set(last, next);
    }
    if (_i == 1)
        mid_set(key, mid_get(last));
    mid_set(last, mid_null());
    scavenge();
    mid_heap_collect(heap, MID_COLLECT_START, NULL);
    full();
    ck_assert_uint_eq(objects(), LENGTH + 2);
    mid_set(last, mid_get(key));
    for (int i = 0; i < LENGTH; i++)
        mid_set(last, mid_weak_table_get(heap, mid_get(table), mid_get(last)));
    ck_assert(!mid_is_null(mid_get(last)));
    ck_assert(mid_is_null(mid_weak_table_get(heap, mid_get(table), mid_get(last))));
    mid_set(last, mid_null());
    mid_set(key, mid_null());
    full();
    ck_assert_uint_eq(objects(), 1);
}
END_TEST

START_TEST(tables__many_with_one_key__each_has_its_own_value)
{
    enum { TABLES = 300 };
    struct mid_slot tables = mid_local(heap, mid_new_array(heap, kit.array, TABLES));
    for (unsigned i = 0; i < TABLES; i++) {
        mid_set(other, mid_weak_table_new(heap));
        struct mid_ref v = pair_of(i + 1);
        ck_assert_int_eq(mid_weak_table_set(heap, mid_get(other), mid_get(key), v), MID_OK);
        mid_array_set(heap, mid_get(tables), i, i % 3 == 0 ? mid_null() : mid_get(other));
    }
    mid_set(other, mid_null());
    full();
    for (unsigned i = 0; i < TABLES; i++)
        if (i % 3 != 0)
            ck_assert_uint_eq(as_pair(mid_weak_table_get(heap, mid_array_get(mid_get(tables), i), mid_get(key)))->value, i + 1);
    ck_assert_uint_eq(heap->ephemerons.pairs_used, TABLES * 2 / 3);
    ck_assert_uint_eq(heap->ephemerons.tables_used, TABLES * 2 / 3 + 1);
}
END_TEST

START_TEST(key__large_and_huge__works_like_any)
{
    mid_set(key, mid_new_array(heap, kit.array, 5000));
    mid_set(other, mid_new_array(heap, kit.array, 500000));
    put(key, 1);
    put(other, 2);
    mid_array_set(heap, mid_get(key), 4999, pair_of(9));
    full();
    ck_assert_uint_eq(got(key), 1);
    ck_assert_uint_eq(got(other), 2);
    ck_assert_uint_eq(as_pair(mid_array_get(mid_get(key), 4999))->value, 9);
    mid_set(other, mid_null());
    full();
    ck_assert_uint_eq(mid_weak_table_count(heap, mid_get(table)), 1);
}
END_TEST

/* A table with more pairs than a slice, found last, when its keys are black already; marked in the smallest steps while
 * entries come, change and go, the one that is next for the marker among them. */
START_TEST(marking__in_steps_while_entries_change__loses_nothing)
{
    enum { KEYS = 3000 };
    struct mid__ephemerons *e = &heap->ephemerons;
    struct mid_slot keys = mid_local(heap, mid_new_array(heap, kit.array, KEYS));
    for (unsigned i = 0; i < KEYS; i++) {
        mid_array_set(heap, mid_get(keys), i, pair_of(i));
        mid_set(other, mid_array_get(mid_get(keys), i));
        put(other, i + 1);
    }
    mid_set(other, mid_null());
    mid_set(key, kit_pair(&kit, table, none, 0));
    mid_set(key, kit_pair(&kit, key, none, 0));
    mid_set(table, mid_null());
    full();
    full();
    mid_heap_collect(heap, MID_COLLECT_START, NULL);
    unsigned sliced = 0;
    for (unsigned i = 0; heap->phase == MID__MARK; i = (i + 7) % KEYS) {
        struct mid_ref t = as_pair(as_pair(mid_get(key))->left)->left, k = mid_array_get(mid_get(keys), i);
        if (heap->mark.sliced == (uintptr_t)t.object && heap->mark.sliced_word != UINT32_MAX) {
            if (sliced++ % 2 == 0)
                k = mid__ref(e->keys[e->pairs[heap->mark.sliced_word].key].object);
        }
        struct mid_ref value = mid_weak_table_get(heap, t, k);
        ck_assert(mid_weak_table_remove(heap, t, k));
        ck_assert_int_eq(mid_weak_table_set(heap, t, k, value), MID_OK);
        mid__collect_step(heap, 1, "test");
    }
    ck_assert_uint_gt(sliced, 4);
    mid_set(table, as_pair(as_pair(mid_get(key))->left)->left);
    full();
    for (unsigned i = 0; i < KEYS; i++) {
        mid_set(other, mid_array_get(mid_get(keys), i));
        ck_assert_uint_eq(got(other), i + 1);
    }
}
END_TEST

static struct mid_slot seen_table;
static uint64_t seen;

static void look_up(void *user, struct mid_heap *h, struct mid_ref object)
{
    (void)user;
    struct mid_ref v = mid_weak_table_get(h, mid_get(seen_table), object);
    seen = mid_is_null(v) ? 0 : as_pair(v)->value;
}

/* _i == 0: young, found by a scavenge; 1: old. */
START_TEST(finalizer__of_a_key__finds_its_entry)
{
    seen_table = table;
    seen = 0;
    put(key, 11);
    mid_finalizer_add(heap, mid_get(key), look_up, NULL);
    if (_i == 1)
        full();
    mid_set(key, mid_null());
    if (_i == 1)
        full();
    else
        scavenge();
    ck_assert_uint_eq(seen, 11);
    full();
    ck_assert_uint_eq(mid_weak_table_count(heap, mid_get(table)), 0);
}
END_TEST

/* A table was read while marking, before the marker had come to it; then a scavenge found key (_i == 0) or table (1) dead and
 * took the entry out: the marking found the value nowhere, and it was freed under the local that held it. */
START_TEST(value__read_while_marking__outlives_its_entry)
{
    heap->options.promotion = MID_PROMOTE_SURVIVED;
    heap->options.promote_age = 7;
    struct mid_slot value = mid_local(heap, pair_of(5)), young = _i == 0 ? key : table;
    mid_set(other, kit_pair(&kit, _i == 0 ? table : key, value, 0));
    for (int i = 0; i < 3; i++)
        mid_set(other, kit_pair(&kit, other, none, 0));
    full();
    mid_set(young, _i == 0 ? pair_of(7) : mid_weak_table_new(heap));
    ck_assert_int_eq(mid_weak_table_set(heap, mid_get(table), mid_get(key), mid_get(value)), MID_OK);
    struct mid_ref last = as_pair(as_pair(as_pair(mid_get(other))->left)->left)->left;
    mid_store(heap, last, &as_pair(last)->right, mid_null());
    mid_set(value, mid_null());
    struct mid_weak *hidden = mid_weak_new(heap, mid_get(_i == 0 ? table : key), NULL, NULL, NULL);
    mid_set(_i == 0 ? table : key, mid_null());
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_START, NULL), MID_OK);
    ck_assert(kit_is_young(&kit, mid_get(young)));
    mid_set(_i == 0 ? table : key, mid__ref(hidden->object)); /* the way of the program: through fields, without a barrier */
    mid_set(value, mid_weak_table_get(heap, mid_get(table), mid_get(key)));
    mid_set(table, mid_null());
    mid_set(key, mid_null());
    scavenge();
    while (heap->phase == MID__MARK)
        mid_heap_collect(heap, MID_COLLECT_STEP, NULL);
    ck_assert_uint_eq(kit_verify(&kit), 0);
    full();
    ck_assert_uint_eq(as_pair(mid_get(value))->value, 5);
    mid_weak_release(heap, hidden);
}
END_TEST

/* ---- every invariant broken on purpose */

static void expect(const char *rule)
{
    kit.expects = true;
    ck_assert_msg(kit_verify(&kit) > 0, "nothing was found, %s was broken", rule);
    ck_assert_str_eq(kit.first_rule, rule);
    mid_heap_destroy(heap);
    kit.heap = NULL;
}

#define BREAKS(name, rule, code)                                   \
    START_TEST(name)                                               \
    {                                                              \
        struct mid__ephemerons *e = &heap->ephemerons;             \
        put(key, 1);                                               \
        put(table, 2);                                             \
        ck_assert_uint_eq(kit_verify(&kit), 0);                    \
        code;                                                      \
        expect(rule);                                              \
    }                                                              \
    END_TEST

BREAKS(broken__key_is_no_object__named, "ephemeron.I1", e->keys[0].object += 8)
BREAKS(broken__header_of_a_key__named, "ephemeron.I1", *mid__header_at(e->keys[0].object) &= ~MID__EPHEMERAL)
BREAKS(broken__key_in_no_bucket__named, "ephemeron.I1", { for (unsigned i = 0; i < e->buckets; i++) e->bucket[i] = UINT32_MAX; })
BREAKS(broken__table_is_no_table__named, "ephemeron.I1", e->tables[0].object = e->keys[0].object)
BREAKS(broken__key_in_a_leaf_block__named, "ephemeron.I1", {
    mid_set(key, mid_new_bytes(heap, kit.bytes, 24));
    put(key, 3);
    full();
    uintptr_t at = (uintptr_t)mid_get(key).object;
    mid__chunk_of(at)->leaf_words[(at & (MID__CHUNK_BYTES - 1)) / MID__BLOCK_BYTES] = 4;
    (void)e;
})
BREAKS(broken__list_of_a_key__named, "ephemeron.I2", e->pairs[0].key_prev = 1)
BREAKS(broken__list_of_a_table__named, "ephemeron.I2", e->pairs[0].table_prev = UINT32_MAX)
BREAKS(broken__count_of_a_table__named, "ephemeron.I2", e->tables[0].count++)
BREAKS(broken__pairs_in_use__named, "ephemeron.I2", e->pairs_used++)
BREAKS(broken__key_without_pair__named, "ephemeron.I2", { mid_weak_table_remove(heap, mid_get(table), mid_get(key)); *mid__header_at((uintptr_t)mid_get(key).object) |= MID__EPHEMERAL; e->keys[0].object = (uintptr_t)mid_get(key).object; uint32_t *b = &e->bucket[mid__ephemeron_bucket(e, e->keys[0].object)]; e->keys[0].next = *b; *b = 0; })
BREAKS(broken__young_key_unlisted__named, "ephemeron.I3", e->keys[0].listed = false)
BREAKS(broken__young_table_unlisted__named, "ephemeron.I3", e->tables[0].listed = false)
BREAKS(broken__young_value_unlisted__named, "ephemeron.I3", e->pairs[0].listed = false)
BREAKS(broken__list_too_short__named, "ephemeron.I3", e->young_key_count--)
BREAKS(broken__no_room__named, "ephemeron.I4", e->young_pair_capacity = 1)

/* The value is forgotten by the marker: what only a pair reaches is found white. */
START_TEST(broken__white_value__named)
{
    put(key, 1);
    put(table, 2);
    full();
    full();
    mid_heap_collect(heap, MID_COLLECT_START, NULL);
    struct mid__pair *pair = &heap->ephemerons.pairs[heap->ephemerons.keys[0].first];
    mid_set(other, pair->value); /* read and changed without a barrier */
    pair->value = mid_get(table);
    expect("mark.I1");
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("weak_table"), *b = tcase_create("weak_table broken");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, entry__set_replaced_removed__is_what_was_asked_for);
    tcase_add_test(c, arguments__no_table_or_no_key__are_refused);
    tcase_add_loop_test(c, entry__of_every_age__lives_with_its_key_and_dies_with_it, 0, 16);
    tcase_add_loop_test(c, key__without_references__keeps_its_value, 0, 2);
    tcase_add_test(c, entry__young_and_dead__gone_with_the_scavenge);
    tcase_add_test(c, value__refers_to_its_key__keeps_neither);
    tcase_add_loop_test(c, chain__long__is_followed_to_its_end, 0, 2);
    tcase_add_test(c, tables__many_with_one_key__each_has_its_own_value);
    tcase_add_test(c, key__large_and_huge__works_like_any);
    tcase_add_test(c, marking__in_steps_while_entries_change__loses_nothing);
    tcase_add_loop_test(c, finalizer__of_a_key__finds_its_entry, 0, 2);
    tcase_add_loop_test(c, value__read_while_marking__outlives_its_entry, 0, 2);
    tcase_add_checked_fixture(b, set_up, NULL);
    tcase_add_test(b, broken__key_is_no_object__named);
    tcase_add_test(b, broken__header_of_a_key__named);
    tcase_add_test(b, broken__key_in_no_bucket__named);
    tcase_add_test(b, broken__table_is_no_table__named);
    tcase_add_test(b, broken__list_of_a_key__named);
    tcase_add_test(b, broken__key_in_a_leaf_block__named);
    tcase_add_test(b, broken__list_of_a_table__named);
    tcase_add_test(b, broken__count_of_a_table__named);
    tcase_add_test(b, broken__pairs_in_use__named);
    tcase_add_test(b, broken__key_without_pair__named);
    tcase_add_test(b, broken__young_key_unlisted__named);
    tcase_add_test(b, broken__young_table_unlisted__named);
    tcase_add_test(b, broken__young_value_unlisted__named);
    tcase_add_test(b, broken__list_too_short__named);
    tcase_add_test(b, broken__no_room__named);
    tcase_add_test(b, broken__white_value__named);
    return run_suite("weak_table", c, b, NULL);
}
