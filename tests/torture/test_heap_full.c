/* SPDX-License-Identifier: MIT
 * A heap that is full to its limit, under torture: promotions that fail lose nothing, the refusal leaves a heap that works,
 * the mark stack overflows meanwhile, and objects grow old only by their age. */
#include "heap_kit.h"
#include "suite.h"

#include <stdio.h>

static struct kit kit;

static const char *const modes[] = {
    "torture=scavenge,torture-every=97",
    "torture=alternate,torture-every=997",
    "torture=step,torture-every=31,mark-step=1000,mark-stack=4K",
    "torture=alternate,torture-every=1499,compaction=slide",
    "torture=alternate,torture-every=1499,compaction=always",
    "torture=none,promotion=survived,promote-age=3,mark-stack=4K",
};

static unsigned build(struct mid_slot list, struct mid_slot none)
{
    unsigned length = mid_is_null(mid_get(list)) ? 0 : (unsigned)as_pair(mid_get(list))->value + 1;
    for (;; length++) {
        struct mid_ref p = kit_pair(&kit, list, none, length);
        if (mid_is_null(p))
            return length;
        mid_set(list, p);
    }
}

static void check(struct mid_slot list, unsigned length)
{
    for (struct mid_ref p = mid_get(list); !mid_is_null(p); p = as_pair(p)->left)
        ck_assert_uint_eq(as_pair(p)->value, --length);
    ck_assert_uint_eq(length, 0);
}

START_TEST(limit__reached_again_and_again__failed_promotions_lose_nothing)
{
    char options[200];
    snprintf(options, sizeof options, "semispace=256K,semispace-start=256K,old-limit=1M,verify=none,%s", modes[_i]);
    ck_assert_int_eq(kit_make(&kit, options), MID_OK);
    struct mid_slot list = mid_local(kit.heap, mid_null()), none = mid_local(kit.heap, mid_null());
    for (int round = 0; round < 3; round++) {
        unsigned length = build(list, none);
        ck_assert_uint_gt(length, 20000);
        check(list, length);
        ck_assert_uint_eq(kit_verify(&kit), 0);
        for (unsigned i = 0; i < length / 2; i++) /* half of it goes, and there is room again */
            mid_set(list, as_pair(mid_get(list))->left);
        check(list, length - length / 2);
    }
    struct mid_gc_stats s = kit_stats(&kit);
    ck_assert_uint_gt(s.failed_promotion_bytes, 0);
    ck_assert_uint_gt(s.refusals, 0);
    kit_end(&kit);
}
END_TEST

/* _i scavenges to survive first. */
START_TEST(promotion__by_age__comes_with_the_scavenge_after)
{
    char options[100];
    snprintf(options, sizeof options, "semispace=256K,promotion=survived,promote-age=%d", _i);
    ck_assert_int_eq(kit_make(&kit, options), MID_OK);
    struct mid_slot none = mid_local(kit.heap, mid_null()), object = mid_local(kit.heap, kit_pair(&kit, none, none, 1));
    for (int i = 0; i < _i; i++) {
        mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
        ck_assert(kit_is_young(&kit, mid_get(object)));
    }
    mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    ck_assert(!kit_is_young(&kit, mid_get(object)));
    kit_end(&kit);
}
END_TEST

/* A star: one array of more white objects than the stack of 4 KiB holds. */
START_TEST(mark_stack__overflows__nothing_is_lost)
{
    enum { RAYS = 20000 };
    ck_assert_int_eq(kit_make(&kit, _i == 0 ? "semispace=256K,mark-stack=4K" : "semispace=256K,mark-stack=4K,marking=stop"), MID_OK);
    struct mid_slot none = mid_local(kit.heap, mid_null()), star = mid_local(kit.heap, mid_new_array(kit.heap, kit.array, RAYS));
    struct mid_slot leaf = mid_local(kit.heap, mid_null());
    for (unsigned i = 0; i < RAYS; i++) {
        mid_set(leaf, kit_pair(&kit, none, none, i));
        struct mid_ref ray = kit_pair(&kit, leaf, none, i);
        mid_array_set(kit.heap, mid_get(star), i, ray);
    }
    mid_set(leaf, mid_null());
    mid_heap_collect(kit.heap, MID_COLLECT_START, NULL);
    while (kit_stats(&kit).full_collections == 0)
        mid_heap_collect(kit.heap, MID_COLLECT_STEP, NULL);
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_gt(kit_stats(&kit).mark_stack_overflows, 0);
    for (unsigned i = 0; i < RAYS; i++)
        ck_assert_uint_eq(as_pair(as_pair(mid_array_get(mid_get(star), i))->left)->value, i);
    kit_end(&kit);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_full");
    tcase_add_loop_test(c, limit__reached_again_and_again__failed_promotions_lose_nothing, 0, sizeof modes / sizeof modes[0]);
    tcase_add_loop_test(c, promotion__by_age__comes_with_the_scavenge_after, 1, 8);
    tcase_add_loop_test(c, mark_stack__overflows__nothing_is_lost, 0, 2);
    return run_suite("heap_full", c, NULL);
}
