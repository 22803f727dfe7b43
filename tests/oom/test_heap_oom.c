/* SPDX-License-Identifier: MIT
 * A program on the heap whose n-th call of mmap, malloc and their kin fails, for n = 1, 2, 3 ... until none is left, once
 * and for good. Whatever fails says so; what was built stays whole; afterwards the heap works on. */
#include "fail.h"
#include "heap_kit.h"
#include "suite.h"

#include <midden/pool.h>
#include <midden/slice.h>
#include <midden/weak_table.h>

#include <stdlib.h>
#include <string.h>

enum { PERSISTENTS = 200 };

static struct kit kit;
static struct mid_pool *pool;
static struct mid_slot list, none, array, huge;
static unsigned length;                /* of the list that was built */
static unsigned finalized, kept;
static struct mid_persistent *handles[PERSISTENTS];
static struct mid_weak *weak;
static struct mid_slot table;          /* weak: each object of the list of odd number has the one before it as its value */
static unsigned entries;

static void on_dead(void *user, struct mid_heap *heap, struct mid_ref object)
{
    (void)user, (void)heap, (void)object;
    finalized++;
}

/* Gives up after a while: each refusal costs a full collection or two. */
static void build_list(unsigned count)
{
    unsigned refused = 0;
    for (unsigned i = 0; i < count && refused < 10; i++) {
        struct mid_ref p = kit_pair(&kit, list, none, length);
        if (mid_is_null(p)) {
            refused++;
            continue;
        }
        mid_set(list, p);
        length++;
    }
}

static void build_table(void)
{
    struct mid_ref fresh = mid_weak_table_new(kit.heap);
    mid_set(table, fresh);
    for (struct mid_ref p = mid_get(list); !mid_is_null(p) && !mid_is_null(mid_get(table)); p = as_pair(p)->left)
        if (as_pair(p)->value % 2 == 1)
            entries += mid_weak_table_set(kit.heap, mid_get(table), p, as_pair(p)->left) == MID_OK;
}

static void build_handles(void)
{
    uint64_t refusals = kit_stats(&kit).refusals;
    for (unsigned i = 0; i < PERSISTENTS && kit_stats(&kit).refusals < refusals + 10; i++) {
        struct mid_ref p = kit_pair(&kit, none, none, i);
        handles[i] = mid_is_null(p) ? NULL : mid_persistent_new(kit.heap, p, NULL);
    }
}

static void build_rest(void)
{
    struct mid_slice slice;
    for (int i = 0; i < 40; i++)
        if (mid_slice_alloc(pool, 100, &slice) == MID_OK && mid_is_null(mid_buffer_new(kit.heap, slice)))
            mid_slice_release(&slice);
    for (int i = 0; i < 40; i++) {
        struct mid_ref p = mid_new(kit.heap, kit.cell);
        if (!mid_is_null(p) && mid_finalizer_add(kit.heap, p, on_dead, NULL) == MID_OK)
            kept++;
    }
    weak = mid_weak_new(kit.heap, mid_get(list), NULL, NULL, NULL);
    mid_set(array, mid_new_array(kit.heap, kit.array, 3000));
    mid_set(huge, mid_new_array(kit.heap, kit.array, 140000));
    uint64_t refusals = kit_stats(&kit).refusals;
    for (unsigned i = 0; i < 3000 && (i % 64 != 0 || kit_stats(&kit).refusals < refusals + 10); i++) { /* more remembered slots than the first list has room for */
        struct mid_ref p = kit_pair(&kit, none, none, i);
        if (!mid_is_null(p) && !mid_is_null(mid_get(array)))
            mid_array_set(kit.heap, mid_get(array), i, p);
        if (!mid_is_null(p) && !mid_is_null(mid_get(huge)))
            mid_array_set(kit.heap, mid_get(huge), i * 40, p);
    }
}

static void walk(void)
{
    struct mid_walk *walk;
    struct mid_walk_object o = {.struct_size = sizeof o};
    if (mid_walk_begin(kit.heap, 0, &walk) != MID_OK)
        return;
    while (mid_walk_next(walk, &o))
        (void)mid_walk_edge_count(walk, o.ref);
    mid_walk_end(walk);
}

/* All of it may fail; only the heap itself must be there to go on. */
static bool program(void)
{
    pool = NULL;
    length = finalized = kept = entries = 0;
    memset(handles, 0, sizeof handles);
    weak = NULL;
    if (kit_make(&kit, "semispace=64K,growth-min=64K,mark-step=5000,sample=2K,verify=none") != MID_OK)
        return false;
    (void)mid_pool_create(NULL, &pool);
    none = mid_local(kit.heap, mid_null());
    list = mid_local(kit.heap, mid_null());
    array = mid_local(kit.heap, mid_null());
    huge = mid_local(kit.heap, mid_null());
    table = mid_local(kit.heap, mid_null());
    build_list(1500);
    for (int i = 0; i < 1100; i++)
        (void)mid_local(kit.heap, mid_null()); /* a second part of locals */
    if (mid_scope_reserve(kit.heap, 512) == MID_OK && mid_local(kit.heap, mid_null()).at == NULL)
        abort(); /* no assertion of Check while its own malloc fails */
    build_handles();
    build_table();
    if (pool != NULL)
        build_rest();
    build_list(1500);
    mid_heap_collect(kit.heap, MID_COLLECT_START, NULL);
    build_list(1000);
    walk();
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    (void)mid_heap_verify(kit.heap, NULL, NULL);
    return true;
}

static void check_list(void)
{
    unsigned left = length;
    for (struct mid_ref p = mid_get(list); !mid_is_null(p); p = as_pair(p)->left)
        ck_assert_uint_eq(as_pair(p)->value, --left);
    ck_assert_uint_eq(left, 0);
    if (mid_is_null(mid_get(table)))
        return;
    for (struct mid_ref p = mid_get(list); !mid_is_null(p); p = as_pair(p)->left) {
        struct mid_ref value = mid_weak_table_get(kit.heap, mid_get(table), p);
        ck_assert(mid_is_null(value) || mid_same(value, as_pair(p)->left));
        left += !mid_is_null(value);
    }
    ck_assert_uint_eq(left, entries);
}

static void check_rest(void)
{
    for (unsigned i = 0; i < PERSISTENTS; i++)
        if (handles[i] != NULL)
            ck_assert_uint_eq(as_pair(mid_persistent_get(handles[i]))->value, i);
    for (unsigned i = 0; i < 3000; i++) {
        struct mid_ref p = mid_is_null(mid_get(array)) ? mid_null() : mid_array_get(mid_get(array), i);
        if (!mid_is_null(p))
            ck_assert_uint_eq(as_pair(p)->value, i);
        p = mid_is_null(mid_get(huge)) ? mid_null() : mid_array_get(mid_get(huge), i * 40);
        if (!mid_is_null(p))
            ck_assert_uint_eq(as_pair(p)->value, i);
    }
}

static void see_that_nothing_is_lost(void)
{
    ck_assert_uint_eq(kit_verify(&kit), 0);
    check_list();
    check_rest();
    build_list(5000); /* it works on */
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    check_list();
    ck_assert_uint_eq(finalized, kept);
    kit_end(&kit);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}

static void fail_each(unsigned kinds, bool persistently)
{
    unsigned long n = 1;
    for (;; n += persistently && n > 60 ? 7 : 1) {
        fail_from(n, kinds, persistently);
        bool made = program();
        bool failed = fail_off();
        if (made)
            see_that_nothing_is_lost();
        else
            ck_assert_ptr_null(kit.heap);
        if (!failed)
            break;
    }
    ck_assert_uint_gt(n, 20);
}

START_TEST(taking__n_th_call_fails_once__nothing_lost)
{
    fail_each(FAIL_TAKING, false);
}
END_TEST

START_TEST(taking__n_th_and_all_later_fail__nothing_lost)
{
    fail_each(FAIL_TAKING, true);
}
END_TEST

START_TEST(giving__munmap_and_madvise_fail__heap_goes_on)
{
    fail_from(1, FAIL_GIVING, true);
    ck_assert(program());
    (void)fail_off();
    see_that_nothing_is_lost();
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_oom");
    tcase_add_test(c, taking__n_th_call_fails_once__nothing_lost);
    tcase_add_test(c, taking__n_th_and_all_later_fail__nothing_lost);
    tcase_add_test(c, giving__munmap_and_madvise_fail__heap_goes_on);
    return run_suite("heap_oom", c, NULL);
}
