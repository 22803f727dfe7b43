/* SPDX-License-Identifier: MIT
 * Unit tests of roots and deaths: scopes, persistent and weak handles, callbacks, finalizers, buffers, external bytes. */
#include "heap_kit.h"
#include "suite.h"

#include <midden/pool.h>
#include <midden/slice.h>

#include <string.h>

static struct kit kit;
static struct mid_slot none;

static void set_up(void)
{
    ck_assert_int_eq(kit_make(&kit, "semispace=256K,growth-min=64K"), MID_OK);
    none = mid_local(kit.heap, mid_null());
}

static void tear_down(void)
{
    kit_end(&kit);
}

static struct mid_ref pair_of(uint64_t value)
{
    return kit_pair(&kit, none, none, value);
}

static void scavenge(void)
{
    ck_assert_int_eq(mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL), MID_OK);
}

static void full(void)
{
    ck_assert_int_eq(mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL), MID_OK);
}

/* ---- scopes ----------------------------------------------------------------------------------------------------------- */

static struct mid_ref nested(unsigned depth)
{
    struct mid_scope scope;
    mid_scope_begin(kit.heap, &scope);
    struct mid_slot mine = mid_local(kit.heap, pair_of(depth));
    struct mid_slot below = mid_local(kit.heap, depth == 0 ? mid_null() : nested(depth - 1));
    if (depth % 97 == 0)
        scavenge();
    ck_assert_uint_eq(as_pair(mid_get(mine))->value, depth);
    mid_store(kit.heap, mid_get(mine), &as_pair(mid_get(mine))->left, mid_get(below));
    return mid_scope_return(kit.heap, &scope, mid_get(mine));
}

START_TEST(scope__nested_over_many_parts__keeps_and_ends_its_locals)
{
    for (int round = 0; round < 3; round++) {
        size_t before = kit_stats(&kit).locals;
        struct mid_scope scope;
        mid_scope_begin(kit.heap, &scope);
        struct mid_slot list = mid_local(kit.heap, nested(3000));
        scavenge();
        unsigned depth = 3000;
        for (struct mid_ref p = mid_get(list); !mid_is_null(p); p = as_pair(p)->left)
            ck_assert_uint_eq(as_pair(p)->value, depth--);
        ck_assert_uint_eq(depth, UINT32_MAX);
        mid_scope_end(kit.heap, &scope);
        ck_assert_uint_eq(kit_stats(&kit).locals, before);
    }
}
END_TEST

START_TEST(scope__reserve__gives_room_and_leaves_no_stale_slots)
{
    for (int i = 0; i < 700; i++)
        mid_local(kit.heap, pair_of(1));
    struct mid_scope scope;
    mid_scope_begin(kit.heap, &scope);
    ck_assert_int_eq(mid_scope_reserve(kit.heap, 513), MID_E_INVALID);
    ck_assert_int_eq(mid_scope_reserve(kit.heap, 512), MID_OK);
    size_t before = kit_stats(&kit).locals;
    for (int i = 0; i < 512; i++)
        mid_local(kit.heap, pair_of(2));
    ck_assert_uint_eq(kit_stats(&kit).locals, before + 512);
    scavenge();
    mid_scope_end(kit.heap, &scope);
    ck_assert_uint_eq(kit_stats(&kit).locals, before);
    scavenge();
}
END_TEST

/* ---- persistent and weak ------------------------------------------------------------------------------------------------- */

START_TEST(persistent__many__keep_their_objects_until_released)
{
    enum { MANY = 1000 };
    static struct mid_persistent *handles[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        handles[i] = mid_persistent_new(kit.heap, pair_of(i), "global");
        if (i % 100 == 0)
            scavenge();
    }
    full();
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_uint_eq(as_pair(mid_persistent_get(handles[i]))->value, i);
    for (unsigned i = 0; i < MANY; i += 2) {
        mid_persistent_set(kit.heap, handles[i], pair_of(i + 1000000));
        mid_persistent_release(kit.heap, handles[i + 1]);
    }
    scavenge();
    full();
    for (unsigned i = 0; i < MANY; i += 2)
        ck_assert_uint_eq(as_pair(mid_persistent_get(handles[i]))->value, i + 1000000);
    ck_assert_uint_eq(kit_stats(&kit).persistents, MANY / 2);
    ck_assert_uint_eq(kit_stats(&kit).spaces[MID_SPACE_OLD].objects, MANY / 2);
    mid_persistent_release(kit.heap, NULL);
}
END_TEST

/* A handle released while it is on the list of young ones must not be given out twice. */
START_TEST(persistent__released_while_listed__is_free_after_the_scavenge_only)
{
    struct mid_persistent *a = mid_persistent_new(kit.heap, pair_of(1), NULL);
    mid_persistent_release(kit.heap, a);
    struct mid_persistent *b = mid_persistent_new(kit.heap, pair_of(2), NULL);
    ck_assert_ptr_ne(a, b);
    scavenge();
    struct mid_persistent *c = mid_persistent_new(kit.heap, pair_of(3), NULL);
    ck_assert_ptr_eq(a, c);
    scavenge();
    ck_assert_uint_eq(as_pair(mid_persistent_get(b))->value, 2);
    ck_assert_uint_eq(as_pair(mid_persistent_get(c))->value, 3);
}
END_TEST

static unsigned cleared_calls;
static void on_cleared(void *user, struct mid_heap *heap, struct mid_weak *weak)
{
    ck_assert(mid_is_null(mid_weak_get(heap, weak)));
    cleared_calls += *(unsigned *)user;
    mid_new(heap, kit.pair); /* may allocate */
    mid_weak_release(heap, weak);
}

START_TEST(weak__both_collectors__clear_it_with_its_object)
{
    unsigned one = 1;
    struct mid_slot kept = mid_local(kit.heap, pair_of(1));
    struct mid_weak *young = mid_weak_new(kit.heap, pair_of(2), "w", on_cleared, &one);
    struct mid_weak *alive = mid_weak_new(kit.heap, mid_get(kept), "w", NULL, NULL);
    struct mid_weak *empty = mid_weak_new(kit.heap, mid_null(), NULL, NULL, NULL);
    ck_assert(!mid_is_null(mid_weak_get(kit.heap, young)));
    scavenge();
    ck_assert_uint_eq(cleared_calls, 1);
    ck_assert(mid_same(mid_weak_get(kit.heap, alive), mid_get(kept)));
    struct mid_slot second = mid_local(kit.heap, pair_of(3));
    kit_make_old(&kit, second);
    kit_make_old(&kit, kept);
    struct mid_weak *old = mid_weak_new(kit.heap, mid_get(second), "w", on_cleared, &one);
    mid_set(second, mid_null());
    scavenge();
    ck_assert(!mid_is_null(mid_weak_get(kit.heap, old)));
    full();
    ck_assert_uint_eq(cleared_calls, 2);
    ck_assert(mid_same(mid_weak_get(kit.heap, alive), mid_get(kept)));
    ck_assert_uint_eq(kit_stats(&kit).weaks, 2);
    mid_weak_release(kit.heap, alive);
    mid_weak_release(kit.heap, empty);
    mid_weak_release(kit.heap, NULL);
}
END_TEST

/* What a weak handle gave out during a marking must survive it. */
START_TEST(weak__read_while_marking__keeps_the_object)
{
    struct mid_slot list = mid_local(kit.heap, mid_null()), dead = mid_local(kit.heap, pair_of(42));
    for (unsigned i = 0; i < 100; i++)
        mid_set(list, kit_pair(&kit, list, none, i));
    full();
    struct mid_weak *weak = mid_weak_new(kit.heap, mid_get(dead), NULL, NULL, NULL);
    mid_set(dead, mid_null());
    mid_heap_collect(kit.heap, MID_COLLECT_START, NULL);
    struct mid_slot again = mid_local(kit.heap, mid_weak_get(kit.heap, weak));
    uint64_t before = kit_stats(&kit).full_collections;
    while (kit_stats(&kit).full_collections == before)
        mid_heap_collect(kit.heap, MID_COLLECT_STEP, NULL);
    ck_assert(mid_same(mid_weak_get(kit.heap, weak), mid_get(again)));
    ck_assert_uint_eq(as_pair(mid_get(again))->value, 42);
}
END_TEST

/* Handles in every order of release: entries move about in the table. */
START_TEST(weak__random_releases__others_stay_right)
{
    enum { MANY = 300 };
    struct mid_weak *weak[MANY];
    struct mid_slot kept[MANY];
    uint64_t seed = test_seed("weak"), rounds = test_rounds(20);
    for (uint64_t round = 0; round < rounds; round++) {
        struct mid_scope scope;
        mid_scope_begin(kit.heap, &scope);
        for (unsigned i = 0; i < MANY; i++) {
            kept[i] = mid_local(kit.heap, pair_of(i));
            weak[i] = mid_weak_new(kit.heap, mid_get(kept[i]), NULL, NULL, NULL);
            if (test_random(&seed) % 64 == 0)
                scavenge();
        }
        for (unsigned i = 0; i < MANY; i++) {
            unsigned j = (unsigned)(test_random(&seed) % MANY);
            mid_weak_release(kit.heap, weak[j]);
            weak[j] = mid_weak_new(kit.heap, mid_get(kept[j]), NULL, NULL, NULL);
            if (test_random(&seed) % 64 == 0)
                kit_verify(&kit);
        }
        for (unsigned i = 0; i < MANY; i++) {
            ck_assert(mid_same(mid_weak_get(kit.heap, weak[i]), mid_get(kept[i])));
            mid_weak_release(kit.heap, weak[i]);
        }
        mid_scope_end(kit.heap, &scope);
    }
}
END_TEST

/* ---- callbacks --------------------------------------------------------------------------------------------------------------- */

struct table {
    struct mid_ref slots[10];
};

static void show_table(void *user, struct mid_root_visitor *visitor)
{
    struct table *table = user;
    for (int i = 0; i < 10; i++)
        mid_root_slot(visitor, (struct mid_slot){&table->slots[i]}, "slot");
}

START_TEST(callback__slots__are_kept_and_updated)
{
    struct table table = {0};
    ck_assert_int_eq(mid_roots_add(kit.heap, "table", show_table, &table), MID_OK);
    ck_assert_int_eq(mid_roots_add(kit.heap, "table", show_table, &table), MID_E_INVALID);
    ck_assert_int_eq(mid_roots_add(kit.heap, "table", NULL, &table), MID_E_INVALID);
    for (unsigned i = 0; i < 10; i++)
        table.slots[i] = pair_of(i);
    scavenge();
    full();
    for (unsigned i = 0; i < 10; i++)
        ck_assert_uint_eq(as_pair(table.slots[i])->value, i);
    ck_assert_int_eq(mid_roots_remove(kit.heap, show_table, &table), MID_OK);
    ck_assert_int_eq(mid_roots_remove(kit.heap, show_table, &table), MID_E_INVALID);
    full();
    ck_assert_uint_eq(kit_stats(&kit).spaces[MID_SPACE_OLD].objects, 0);
}
END_TEST

/* ---- finalizers ---------------------------------------------------------------------------------------------------------------- */

struct grave {
    unsigned calls;
    uint64_t sum;
    struct mid_slot resurrect; /* where to put the object; at == NULL: nowhere */
};

static void bury(void *user, struct mid_heap *heap, struct mid_ref object)
{
    struct grave *grave = user;
    struct mid_slot mine = mid_local(heap, object);
    for (int i = 0; i < 3000; i++)
        mid_new(heap, kit.pair); /* may allocate, and collect */
    grave->calls++;
    grave->sum += as_pair(mid_get(mine))->value;
    if (!mid_is_null(as_pair(mid_get(mine))->left))
        grave->sum += as_pair(as_pair(mid_get(mine))->left)->value;
    if (grave->resurrect.at != NULL)
        mid_set(grave->resurrect, mid_get(mine));
}

START_TEST(finalizer__young_and_old__run_once_with_whole_objects)
{
    struct grave grave = {0};
    ck_assert_int_eq(mid_finalizer_add(kit.heap, mid_null(), bury, &grave), MID_E_INVALID);
    for (unsigned old = 0; old < 2; old++) {
        struct mid_slot inner = mid_local(kit.heap, pair_of(100));
        struct mid_slot object = mid_local(kit.heap, kit_pair(&kit, inner, none, 1));
        if (old)
            kit_make_old(&kit, object);
        ck_assert_int_eq(mid_finalizer_add(kit.heap, mid_get(object), bury, &grave), MID_OK);
        ck_assert_int_eq(mid_finalizer_add(kit.heap, mid_get(object), bury, &grave), MID_OK);
        mid_set(inner, mid_null());
        full();
        ck_assert_uint_eq(grave.calls, 2 * old);
        mid_set(object, mid_null());
        full();
        ck_assert_uint_eq(grave.calls, 2 * old + 2);
        ck_assert_uint_eq(grave.sum, (2 * old + 2) * 101);
        full();
        ck_assert_uint_eq(grave.calls, 2 * old + 2);
        ck_assert_uint_eq(kit_stats(&kit).finalizers, 0);
    }
}
END_TEST

START_TEST(finalizer__resurrection__lives_on_and_dies_without_a_call)
{
    struct grave grave = {.resurrect = mid_local(kit.heap, mid_null())};
    mid_finalizer_add(kit.heap, pair_of(7), bury, &grave);
    scavenge();
    ck_assert_uint_eq(grave.calls, 1);
    full();
    ck_assert_uint_eq(as_pair(mid_get(grave.resurrect))->value, 7);
    mid_set(grave.resurrect, mid_null());
    full();
    ck_assert_uint_eq(grave.calls, 1);
    ck_assert_uint_eq(kit_stats(&kit).spaces[MID_SPACE_OLD].objects, 0);
}
END_TEST

START_TEST(finalizer__manual__waits_for_the_call)
{
    struct grave grave = {0};
    kit_end(&kit);
    ck_assert_int_eq(kit_make(&kit, "semispace=256K,manual-finalizers=on"), MID_OK);
    none = mid_local(kit.heap, mid_null());
    for (unsigned i = 0; i < 50; i++)
        mid_finalizer_add(kit.heap, pair_of(i), bury, &grave);
    full();
    scavenge();
    full();
    ck_assert_uint_eq(grave.calls, 0);
    ck_assert_uint_eq(kit_stats(&kit).finalizers_waiting, 50);
    ck_assert_uint_eq(mid_heap_finalize(kit.heap), 50);
    ck_assert_uint_eq(grave.sum, 50 * 49 / 2);
    ck_assert_uint_eq(mid_heap_finalize(kit.heap), 0);
}
END_TEST

START_TEST(finalizer__weak_handle__is_cleared_before)
{
    struct grave grave = {.resurrect = mid_local(kit.heap, mid_null())};
    struct mid_ref object = pair_of(7);
    struct mid_weak *weak = mid_weak_new(kit.heap, object, NULL, NULL, NULL);
    mid_finalizer_add(kit.heap, object, bury, &grave);
    scavenge();
    ck_assert(mid_is_null(mid_weak_get(kit.heap, weak)));
    ck_assert(!mid_is_null(mid_get(grave.resurrect)));
}
END_TEST

/* ---- buffers and external bytes -------------------------------------------------------------------------------------------------- */

static unsigned released;
static void on_release(void *user, void *memory, size_t bytes)
{
    (void)user, (void)memory, (void)bytes;
    released++;
}

static struct mid_pool *pool;
static unsigned char foreign[1 << 20];

static struct mid_ref buffer_of(size_t bytes)
{
    struct mid_slice slice;
    ck_assert_int_eq(mid_slice_wrap(pool, foreign, bytes, on_release, NULL, &slice), MID_OK);
    return mid_buffer_new(kit.heap, slice);
}

static struct mid_usage usage(void)
{
    struct mid_usage u = {.struct_size = sizeof u};
    ck_assert_int_eq(mid_heap_usage(kit.heap, &u), MID_OK);
    return u;
}

START_TEST(buffer__dead__releases_its_slice_and_its_bytes)
{
    ck_assert_int_eq(mid_pool_create(NULL, &pool), MID_OK);
    struct mid_slot old = mid_local(kit.heap, buffer_of(1000)), kept = mid_local(kit.heap, buffer_of(10));
    kit_make_old(&kit, old);
    buffer_of(500);
    ck_assert_uint_eq(usage().array_buffers, 1510);
    ck_assert_uint_eq(usage().external, 1510);
    ck_assert_int_eq(mid_heap_adjust_external(kit.heap, 90), MID_OK);
    ck_assert_int_eq(mid_heap_adjust_external(kit.heap, -91), MID_E_INVALID);
    ck_assert_int_eq(mid_heap_adjust_external(kit.heap, INT64_MIN), MID_E_INVALID);
    ck_assert_uint_eq(usage().external, 1600);
    scavenge();
    ck_assert_uint_eq(released, 1);
    ck_assert_uint_eq(usage().array_buffers, 1010);
    mid_set(old, mid_null());
    full();
    ck_assert_uint_eq(released, 2);
    ck_assert_int_eq(mid_heap_adjust_external(kit.heap, -90), MID_OK);
    ck_assert_uint_eq(usage().external, 10);
    ck_assert_uint_eq(mid_buffer_slice(kit.heap, mid_get(kept))->bytes, 10);
    ck_assert_ptr_eq(mid_buffer_slice(kit.heap, mid_get(kept))->data, foreign);
    ck_assert_ptr_null(mid_buffer_slice(kit.heap, pair_of(1)));
    ck_assert_ptr_null(mid_buffer_slice(kit.heap, mid_null()));
    mid_heap_destroy(kit.heap);
    ck_assert_uint_eq(released, 3);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
    set_up();
}
END_TEST

START_TEST(buffer__churn__makes_the_collector_run)
{
    kit_end(&kit);
    ck_assert_int_eq(kit_make(&kit, "external-step=4M"), MID_OK);
    none = mid_local(kit.heap, mid_null());
    ck_assert_int_eq(mid_pool_create(NULL, &pool), MID_OK);
    size_t most = 0;
    for (int i = 0; i < 500; i++) {
        ck_assert(!mid_is_null(buffer_of(sizeof foreign)));
        most = usage().external > most ? usage().external : most;
    }
    ck_assert_uint_le(most, 6u << 20);
    ck_assert_uint_ge(kit_stats(&kit).scavenges, 100);
    mid_heap_destroy(kit.heap);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
    set_up();
}
END_TEST

/* Old buffers die only in a full collection: external bytes alone must ask for one. */
START_TEST(buffer__old_and_dropped__is_found_by_external_pressure)
{
    kit_end(&kit);
    ck_assert_int_eq(kit_make(&kit, "external-step=1M"), MID_OK);
    none = mid_local(kit.heap, mid_null());
    ck_assert_int_eq(mid_pool_create(NULL, &pool), MID_OK);
    struct mid_slot ring[8];
    for (int i = 0; i < 8; i++)
        ring[i] = mid_local(kit.heap, mid_null());
    size_t most = 0;
    for (int i = 0; i < 2000; i++) {
        mid_set(ring[i % 8], buffer_of(sizeof foreign));
        most = usage().external > most ? usage().external : most;
        mid_new_bytes(kit.heap, kit.bytes, 4000);
    }
    ck_assert_uint_ge(kit_stats(&kit).full_collections, 10);
    ck_assert_uint_le(most, 40u << 20);
    mid_heap_destroy(kit.heap);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
    set_up();
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_roots");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, scope__nested_over_many_parts__keeps_and_ends_its_locals);
    tcase_add_test(c, scope__reserve__gives_room_and_leaves_no_stale_slots);
    tcase_add_test(c, persistent__many__keep_their_objects_until_released);
    tcase_add_test(c, persistent__released_while_listed__is_free_after_the_scavenge_only);
    tcase_add_test(c, weak__both_collectors__clear_it_with_its_object);
    tcase_add_test(c, weak__read_while_marking__keeps_the_object);
    tcase_add_test(c, weak__random_releases__others_stay_right);
    tcase_add_test(c, callback__slots__are_kept_and_updated);
    tcase_add_test(c, finalizer__young_and_old__run_once_with_whole_objects);
    tcase_add_test(c, finalizer__resurrection__lives_on_and_dies_without_a_call);
    tcase_add_test(c, finalizer__manual__waits_for_the_call);
    tcase_add_test(c, finalizer__weak_handle__is_cleared_before);
    tcase_add_test(c, buffer__dead__releases_its_slice_and_its_bytes);
    tcase_add_test(c, buffer__churn__makes_the_collector_run);
    tcase_add_test(c, buffer__old_and_dropped__is_found_by_external_pressure);
    return run_suite("heap_roots", c, NULL);
}
