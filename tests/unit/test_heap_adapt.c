/* SPDX-License-Identifier: MIT
 * Unit tests of adapt.c: the formula with given rates, and the rates that a working heap learns. */
#include "gc/internal.h"
#include "heap_kit.h"
#include "suite.h"

#include <math.h>

static struct kit kit;
#define MB ((size_t)1 << 20)

static double room_at(double fill, double mark, size_t live)
{
    kit.heap->adapt.fill_rate = fill;
    kit.heap->adapt.mark_rate = mark;
    return (double)mid__adapt_room(kit.heap, live);
}

START_TEST(room__rates_and_live__follow_the_root)
{
    ck_assert_int_eq(kit_make(&kit, "growth=adaptive,growth-percent=60"), MID_OK);
    ck_assert_uint_eq(mid__adapt_room(kit.heap, 64 * MB), 0); /* not known */
    double one = room_at(0.1, 1.0, 64 * MB);
    ck_assert_double_eq_tol(one, 0.6 * 64 * (double)MB, 2); /* as growth=growing at a tenth */
    ck_assert_double_eq_tol(room_at(0.4, 1.0, 64 * MB), 2 * one, 4);
    ck_assert_double_eq_tol(room_at(0.1, 4.0, 64 * MB), one / 2, 4);
    ck_assert_double_eq_tol(room_at(0.1, 1.0, 576 * MB), 3 * one, 8);
    ck_assert_double_eq_tol(room_at(1e9, 1.0, 64 * MB), 8 * one, 16); /* the bounds */
    ck_assert_double_eq_tol(room_at(1e-9, 1.0, 64 * MB), one / 8, 4);
    for (size_t live = 0; live < 1u << 30; live = live * 3 + 1)
        ck_assert_double_eq_tol(room_at(0.1, 1.0, live), 0.6 * sqrt((double)live * 64 * (double)MB), 2);
    kit_end(&kit);
}
END_TEST

/* Keeps `live` pairs and replaces them one by one. */
static void churn(unsigned live, unsigned rounds)
{
    struct mid_scope scope;
    mid_scope_begin(kit.heap, &scope);
    struct mid_slot none = mid_local(kit.heap, mid_null());
    struct mid_slot ring = mid_local(kit.heap, mid_new_array(kit.heap, kit.array, live));
    for (unsigned i = 0; i < rounds; i++)
        mid_array_set(kit.heap, mid_get(ring), i % live, kit_pair(&kit, none, none, i));
    mid_scope_end(kit.heap, &scope);
}

static void learns(const char *options)
{
    ck_assert_int_eq(kit_make(&kit, options), MID_OK);
    churn(40000, 400000);
    struct mid__adapt *a = &kit.heap->adapt;
    ck_assert_uint_ge(a->markings, 2);
    ck_assert_double_gt(a->fill_rate, 0);
    ck_assert_double_gt(a->mark_rate, 0);
    ck_assert_uint_le(a->program_ns, mid__sys_thread_cpu_ns());
    size_t room = mid__adapt_room(kit.heap, kit.heap->marked_last), least = kit.heap->options.growth_min_bytes;
    ck_assert_uint_eq(kit.heap->threshold, kit.heap->marked_last + (room < least ? least : room));
    kit_end(&kit);
}

START_TEST(learn__marking_in_steps__the_threshold_is_what_the_rates_say)
{
    learns("growth=adaptive,semispace=256K,growth-min=64K");
}
END_TEST

START_TEST(learn__marking_at_once__the_threshold_is_what_the_rates_say)
{
    learns("growth=adaptive,semispace=256K,growth-min=64K,marking=stop");
}
END_TEST

/* 3 ns of filling for each of marking, then the same again: the rates are those, whatever the machine does meanwhile. */
START_TEST(learn__known_times__gives_known_rates)
{
    ck_assert_int_eq(kit_make(&kit, "growth=adaptive"), MID_OK);
    struct mid__adapt *a = &kit.heap->adapt;
    mid_heap_pauses_reset(kit.heap);
    uint64_t cpu = mid__sys_thread_cpu_ns() + 1000000000;
    for (unsigned i = 0; i < 3; i++) {
        kit.heap->begun_cpu_ns = cpu += 2999999; /* of the program */
        mid__adapt_learn(kit.heap, 6000000, 50000000, 999999);
        mid__pauses_note(kit.heap, MID_PAUSE_FULL, 0, 1, cpu, 999999);
        cpu += 999999;
        if (i == 0)
            ck_assert_double_eq(a->fill_rate, 0);
        else
            ck_assert_double_eq_tol(a->fill_rate, 2, 1e-9);
        if (i != 0)
            ck_assert_double_eq_tol(a->mark_rate, 50, 1e-9);
    }
    kit.heap->begun_cpu_ns = cpu += 2999999;
    mid__adapt_learn(kit.heap, 12000000, 50000000, 1999999);
    ck_assert_double_eq_tol(a->fill_rate, 3, 1e-9);
    ck_assert_double_eq_tol(a->mark_rate, 37.5, 1e-9);
    kit_end(&kit);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_adapt");
    tcase_add_test(c, room__rates_and_live__follow_the_root);
    tcase_add_test(c, learn__marking_in_steps__the_threshold_is_what_the_rates_say);
    tcase_add_test(c, learn__marking_at_once__the_threshold_is_what_the_rates_say);
    tcase_add_test(c, learn__known_times__gives_known_rates);
    return run_suite("heap_adapt", c, NULL);
}
