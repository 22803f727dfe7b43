/* SPDX-License-Identifier: MIT
 * Many roots, weak handles, finalizers, buffers, entries of weak tables, remembered slots and ids, settled in bounded steps
 * while the program goes on. */
#include "gc/internal.h"
#include "heap_kit.h"
#include "suite.h"

#include <midden/slice.h>
#include <midden/weak_table.h>

enum { MANY = 5000, STEP = 4096, MOST = STEP / 64 + 16 };

static struct kit kit;
static struct mid_heap *heap;
static struct mid_slot none, keep, table;
static struct mid_weak *weak[MANY];
static unsigned finalized, cleared;
static const char text[8] = "slices";

static void bury(void *user, struct mid_heap *h, struct mid_ref object)
{
    (void)user, (void)h;
    ck_assert_uint_lt(as_pair(object)->value, MANY);
    finalized++;
}

static void was_cleared(void *user, struct mid_heap *h, struct mid_weak *handle)
{
    (void)user;
    ck_assert(mid_is_null(mid_weak_get(h, handle)));
    cleared++;
}

static void set_up(void)
{
    ck_assert_int_eq(kit_make(&kit, "semispace=1M,marking=incremental,mark-step=4K,growth-min=64M"), MID_OK);
    heap = kit.heap;
    none = mid_local(heap, mid_null());
    keep = mid_local(heap, mid_new_array(heap, kit.array, MANY));
    table = mid_local(heap, mid_weak_table_new(heap));
    finalized = cleared = 0;
}

static void tear_down(void)
{
    kit_end(&kit);
}

/* MANY old pairs, all in `keep`. */
static void fill(void)
{
    for (unsigned i = 0; i < MANY; i++)
        mid_array_set(heap, mid_get(keep), i, kit_pair(&kit, none, none, i));
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
}

static struct mid_ref kept(unsigned i)
{
    return mid_array_get(mid_get(keep), i);
}

/* Lets go of them, and marks until nothing is grey. */
static void let_die_and_mark(void)
{
    mid_set(keep, mid_null());
    mid_heap_collect(heap, MID_COLLECT_START, NULL);
    while (heap->phase == MID__MARK && heap->mark.stage == MID__STAGE_MARKING)
        mid__collect_step(heap, STEP, "test");
}

/* Steps to the end of the marking; no step makes `figure` smaller by more than an eighth of what a step may look at. */
static unsigned settle(const size_t *figure)
{
    unsigned steps = 0;
    while (heap->phase == MID__MARK) {
        size_t before = *figure;
        mid__collect_step(heap, STEP, "test");
        ck_assert_uint_le(before - *figure, MOST);
        if (steps++ % 16 == 0)
            mid_heap_collect(heap, MID_COLLECT_SCAVENGE, NULL);
    }
    return steps;
}

START_TEST(weak_handles__many_dead__cleared_in_bounded_steps)
{
    fill();
    for (unsigned i = 0; i < MANY; i++)
        weak[i] = mid_weak_new(heap, kept(i), NULL, was_cleared, NULL);
    let_die_and_mark();
    ck_assert_uint_gt(heap->weaks.count, 0);
    for (unsigned i = 0; i < MANY; i++) /* dead, although its turn has not come */
        ck_assert(mid_is_null(mid_weak_get(heap, weak[i])));
    mid_weak_release(heap, weak[0]);
    mid_weak_release(heap, weak[MANY - 1]);
    struct mid_slot fresh = mid_local(heap, kit_pair(&kit, none, none, 1));
    weak[0] = mid_weak_new(heap, mid_get(fresh), NULL, was_cleared, NULL);
    ck_assert_uint_gt(settle(&heap->weaks.count), MANY / MOST);
    ck_assert(mid_same(mid_weak_get(heap, weak[0]), mid_get(fresh)));
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_eq(cleared, MANY - 2 + (weak[MANY - 1] == NULL));
    ck_assert_uint_eq(heap->weaks.count, 1);
}
END_TEST

START_TEST(finalizers__many_dead__queued_in_bounded_steps_and_run_when_all_is_marked)
{
    fill();
    for (unsigned i = 0; i < MANY; i++) {
        ck_assert_int_eq(mid_finalizer_add(heap, kept(i), bury, NULL), MID_OK);
        if (i % 100 == 0) /* twice: called twice */
            ck_assert_int_eq(mid_finalizer_add(heap, kept(i), bury, NULL), MID_OK);
    }
    let_die_and_mark();
    ck_assert_uint_gt(settle(&heap->finalizers.count), MANY / MOST);
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_eq(finalized, MANY + MANY / 100);
}
END_TEST

START_TEST(finalizers__many_waiting__run_in_portions_with_the_windows)
{
    fill();
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_int_eq(mid_finalizer_add(heap, kept(i), bury, NULL), MID_OK);
    mid_set(keep, mid_null());
    mid__collect_full(heap, MID_COLLECTION_FULL, "test");
    ck_assert_uint_eq(finalized, 0);
    mid__after_collection_some(heap);
    ck_assert_uint_gt(finalized, 0);
    ck_assert_uint_le(finalized, MANY / 4);
    unsigned windows = 0;
    for (; finalized < MANY; windows++)
        for (unsigned i = 0; i < 512; i++)
            ck_assert(!mid_is_null(kit_pair(&kit, none, none, i)));
    ck_assert_uint_le(windows, 8);
}
END_TEST

START_TEST(buffers__many_dead__queued_in_bounded_steps)
{
    mid_set(keep, mid_new_array(heap, kit.array, MANY));
    for (unsigned i = 0; i < MANY; i++)
        mid_array_set(heap, mid_get(keep), i, mid_buffer_new(heap, mid_slice_static(text, 8)));
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_eq(heap->external, MANY * 8);
    let_die_and_mark();
    ck_assert_uint_gt(settle(&heap->buffers.count), MANY / MOST);
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_eq(heap->external, 0);
    ck_assert_uint_eq(heap->release_bytes, 0);
}
END_TEST

START_TEST(keys__many_dead__taken_out_in_bounded_steps)
{
    fill();
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_int_eq(mid_weak_table_set(heap, mid_get(table), kept(i), kept(MANY - 1 - i)), MID_OK);
    let_die_and_mark();
    ck_assert_uint_gt(settle(&heap->ephemerons.keys_used), MANY / MOST);
    ck_assert_uint_eq(mid_weak_table_count(heap, mid_get(table)), 0);
}
END_TEST

START_TEST(table__large_and_dead__emptied_in_bounded_steps)
{
    fill();
    struct mid_slot all = mid_local(heap, mid_get(keep));
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_int_eq(mid_weak_table_set(heap, mid_get(table), kept(i), kept(MANY - 1 - i)), MID_OK);
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    mid_set(table, mid_null());
    let_die_and_mark();
    ck_assert_uint_gt(settle(&heap->ephemerons.pairs_used), MANY / MOST);
    ck_assert_uint_eq(heap->ephemerons.tables_used, 0);
    ck_assert(!mid_is_null(mid_get(all)));
}
END_TEST

/* _i == 0: slots of a large array; 1: of a huge one. */
START_TEST(remembered_slots__many_of_the_dead__forgotten_in_bounded_steps)
{
    size_t length = _i == 0 ? MANY : 50 * MANY;
    mid_set(keep, mid_new_array(heap, kit.array, length));
    mid_heap_collect(heap, MID_COLLECT_START, NULL);
    while (heap->phase != MID__IDLE)
        mid__collect_step(heap, SIZE_MAX / 2, "test");
    struct mid_slot young = mid_local(heap, kit_pair(&kit, none, none, 1));
    for (size_t i = 0; i < length; i += length / MANY)
        mid_array_set(heap, mid_get(keep), i, mid_get(young));
    mid_set(keep, mid_null());
    heap->options.promotion = MID_PROMOTE_TO_SPACE; /* the young one stays so */
    mid_heap_collect(heap, MID_COLLECT_START, NULL);
    while (heap->phase == MID__MARK && heap->mark.stage == MID__STAGE_MARKING)
        mid__collect_step(heap, STEP, "test");
    const size_t *count = _i == 0 ? &heap->remset.count : &heap->remset.huge_count;
    ck_assert_uint_ge(*count, MANY - MOST);
    ck_assert_uint_gt(settle(count), (MANY - MOST) / MOST);
    ck_assert_uint_eq(*count, 0);
}
END_TEST

/* The list was lost while it was being settled, for want of memory in a store; a scavenge made it anew in another order, and
 * slots of the dead came to stand among those that had been looked at. */
START_TEST(remembered_slots__list_lost_while_it_is_settled__all_of_the_dead_forgotten)
{
    struct mid_slot low = mid_local(heap, mid_new_array(heap, kit.array, MANY)), high = mid_local(heap, mid_new_array(heap, kit.array, MANY));
    if ((uintptr_t)mid_get(low).object > (uintptr_t)mid_get(high).object) {
        struct mid_ref swapped = mid_get(low);
        mid_set(low, mid_get(high));
        mid_set(high, swapped);
    }
    struct mid_slot young = mid_local(heap, kit_pair(&kit, none, none, 1));
    for (unsigned i = 0; i < MANY; i++)
        mid_array_set(heap, mid_get(high), i, mid_get(young));
    for (unsigned i = 0; i < MANY; i++)
        mid_array_set(heap, mid_get(low), i, mid_get(young));
    mid_set(high, mid_null());
    heap->options.promotion = MID_PROMOTE_TO_SPACE; /* the young one stays so */
    mid_heap_collect(heap, MID_COLLECT_START, NULL);
    while (heap->phase == MID__MARK && (heap->mark.stage != MID__STAGE_SLOTS || heap->remset.cursor > MANY + MANY / 2))
        mid__collect_step(heap, STEP, "test");
    ck_assert_uint_eq(heap->mark.stage, MID__STAGE_SLOTS);
    ck_assert_uint_gt(heap->remset.cursor, 0);
    heap->remset.lost = true;
    mid_heap_collect(heap, MID_COLLECT_SCAVENGE, NULL);
    ck_assert(!heap->remset.lost);
    while (heap->phase == MID__MARK)
        mid__collect_step(heap, STEP, "test");
    ck_assert_uint_eq(heap->remset.count, MANY);
}
END_TEST

START_TEST(ids__many_of_the_dead__go_in_bounded_steps_while_new_ones_come)
{
    fill();
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_uint_ne(mid_object_id(heap, kept(i)), 0);
    let_die_and_mark();
    struct mid_slot live = mid_local(heap, mid_new_array(heap, kit.array, 4 * MANY));
    unsigned steps = 0, added = 0;
    while (heap->phase == MID__MARK) {
        size_t before = heap->ids.count;
        mid__collect_step(heap, STEP, "test");
        ck_assert_uint_le(before - heap->ids.count, MOST);
        for (int i = 0; i < 20 && steps % 2 == 0 && added < 4 * MANY; i++, added++) { /* the table grows meanwhile */
            struct mid_ref p = kit_pair(&kit, none, none, added);
            mid_array_set(heap, mid_get(live), added, p);
            ck_assert_uint_ne(mid_object_id(heap, p), 0);
        }
        if (steps++ % 16 == 0)
            mid_heap_collect(heap, MID_COLLECT_SCAVENGE, NULL);
    }
    ck_assert_uint_gt(steps, MANY / MOST);
    ck_assert_uint_eq(heap->ids.count, added);
}
END_TEST

/* What a handle refers to when the marking begins is marked, also when the handle changes before it is read. */
START_TEST(handles__many__read_in_bounded_steps)
{
    static struct mid_persistent *handles[MANY];
    fill();
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_ptr_nonnull(handles[i] = mid_persistent_new(heap, kept(i), NULL));
    struct mid_slot out = mid_local(heap, mid_new_array(heap, kit.array, MANY));
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    mid_set(keep, mid_null());
    mid_heap_collect(heap, MID_COLLECT_START, NULL);
    ck_assert_ptr_nonnull(heap->mark.root_part);
    unsigned steps = 0;
    for (; heap->mark.root_part != NULL; steps++) {
        unsigned i = steps * 37 % MANY; /* from the handle, which the marking has not read, into an array, which it has */
        mid_array_set(heap, mid_get(out), i, mid_persistent_get(handles[i]));
        mid_persistent_set(heap, handles[i], mid_null());
        unsigned j = MANY - 1 - i;
        mid_array_set(heap, mid_get(out), j, mid_persistent_get(handles[j]));
        mid_persistent_release(heap, handles[j]);
        handles[j] = mid_persistent_new(heap, mid_null(), NULL);
        mid__collect_step(heap, STEP, "test");
    }
    ck_assert_uint_gt(steps, MANY / MID__HANDLES / 4);
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    for (unsigned i = 0; i < MANY; i++) {
        struct mid_ref p = mid_persistent_get(handles[i]);
        ck_assert_uint_eq(as_pair(mid_is_null(p) ? mid_array_get(mid_get(out), i) : p)->value, i);
    }
}
END_TEST

/* An object of one field, one number and a wide tail is scanned by pieces, as an array is. */
START_TEST(wide_object__with_a_fixed_part__is_scanned_in_pieces)
{
    enum { WIDE = 400000 };
    struct mid_slot wide = mid_local(heap, mid_new_array(heap, kit.frame, WIDE)), one = mid_local(heap, kit_pair(&kit, none, none, 9));
    kit_make_old(&kit, one);
    for (unsigned i = 0; i < WIDE; i++)
        mid_store(heap, mid_get(wide), &((struct frame *)mid_data(mid_get(wide)))->slots[i], mid_get(one));
    mid_store(heap, mid_get(wide), &((struct frame *)mid_data(mid_get(wide)))->parent, mid_get(one));
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    mid_heap_collect(heap, MID_COLLECT_START, NULL);
    unsigned steps = 0;
    for (; heap->phase == MID__MARK; steps++)
        mid__collect_step(heap, STEP, "test");
    ck_assert_uint_gt(steps, WIDE / 2048 / 2);
}
END_TEST

/* Its elements lead anywhere: a step of 128 KiB must not read 16,384 of them. */
START_TEST(wide_array__in_larger_steps__is_charged_by_its_elements)
{
    enum { WIDE = 400000, LARGE_STEP = 128 << 10 };
    struct mid_slot wide = mid_local(heap, mid_new_array(heap, kit.array, WIDE));
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    mid_heap_collect(heap, MID_COLLECT_START, NULL);
    unsigned steps = 0;
    for (; heap->phase == MID__MARK; steps++)
        mid__collect_step(heap, LARGE_STEP, "test");
    ck_assert_uint_ge(steps, WIDE * 64 / LARGE_STEP);
    ck_assert(mid_is_null(mid_array_get(mid_get(wide), WIDE - 1)));
}
END_TEST

START_TEST(broken__release_bytes__named)
{
    heap->release_bytes++;
    kit.expects = true;
    ck_assert_uint_gt(kit_verify(&kit), 0);
    ck_assert_str_eq(kit.first_rule, "finalize.I2");
    heap->release_bytes--;
    kit.expects = false;
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_settle");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, weak_handles__many_dead__cleared_in_bounded_steps);
    tcase_add_test(c, finalizers__many_dead__queued_in_bounded_steps_and_run_when_all_is_marked);
    tcase_add_test(c, finalizers__many_waiting__run_in_portions_with_the_windows);
    tcase_add_test(c, buffers__many_dead__queued_in_bounded_steps);
    tcase_add_test(c, keys__many_dead__taken_out_in_bounded_steps);
    tcase_add_test(c, table__large_and_dead__emptied_in_bounded_steps);
    tcase_add_loop_test(c, remembered_slots__many_of_the_dead__forgotten_in_bounded_steps, 0, 2);
    tcase_add_test(c, remembered_slots__list_lost_while_it_is_settled__all_of_the_dead_forgotten);
    tcase_add_test(c, ids__many_of_the_dead__go_in_bounded_steps_while_new_ones_come);
    tcase_add_test(c, handles__many__read_in_bounded_steps);
    tcase_add_test(c, wide_object__with_a_fixed_part__is_scanned_in_pieces);
    tcase_add_test(c, wide_array__in_larger_steps__is_charged_by_its_elements);
    tcase_add_test(c, broken__release_bytes__named);
    return run_suite("heap_settle", c, NULL);
}
