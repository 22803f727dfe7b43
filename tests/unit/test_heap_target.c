/* SPDX-License-Identifier: MIT
 * What keeps a pause short when memory is slow: steps that end when they are late, pages touched before a scavenge needs them,
 * a mark stack that is kept, and the trace line in which it is seen. No test measures time: a target of a microsecond is missed
 * by any step, one of ten seconds by none. */
#include "gc/internal.h"
#include "heap_kit.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>

static struct kit kit;

static void make(const char *options)
{
    ck_assert_int_eq(kit_make(&kit, options), MID_OK);
}

/* An array of `count` old pairs. */
static struct mid_slot many_pairs(unsigned count)
{
    struct mid_slot none = mid_local(kit.heap, mid_null());
    struct mid_slot all = mid_local(kit.heap, mid_new_array(kit.heap, kit.array, count));
    for (unsigned i = 0; i < count; i++)
        mid_array_set(kit.heap, mid_get(all), i, kit_pair(&kit, none, none, i));
    ck_assert_int_eq(mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL), MID_OK);
    return all;
}

/* ---- steps --------------------------------------------------------------------------------------------------------------------- */

static unsigned steps_of_a_marking(void)
{
    unsigned steps = 0;
    ck_assert_int_eq(mid_heap_collect(kit.heap, MID_COLLECT_START, NULL), MID_OK);
    for (; kit.heap->phase == MID__MARK; steps++)
        ck_assert_int_eq(mid_heap_collect(kit.heap, MID_COLLECT_STEP, NULL), MID_OK);
    return steps;
}

enum { PAIRS = 40000 };

START_TEST(step__target_of_a_microsecond__is_cut_and_the_marking_ends)
{
    make("pause-target=1,mark-step=64M,growth-min=64M");
    struct mid_slot all = many_pairs(PAIRS);
    size_t live = kit_stats(&kit).spaces[MID_SPACE_OLD].used_bytes;
    unsigned steps = steps_of_a_marking();
    ck_assert_uint_gt(steps, 20);
    ck_assert_uint_le(steps, (unsigned)(live / 1024) + PAIRS * 8 / 256 + 50); /* each marks LOOK_BYTES or a slice at least */
    for (unsigned i = 0; i < PAIRS; i++)
        ck_assert_uint_eq(as_pair(mid_array_get(mid_get(all), i))->value, i);
    kit_end(&kit);
}
END_TEST

START_TEST(step__target_far_away__is_not_cut)
{
    make("pause-target=10000000,mark-step=64M,growth-min=64M");
    many_pairs(PAIRS);
    ck_assert_uint_le(steps_of_a_marking(), 3);
    kit_end(&kit);
}
END_TEST

START_TEST(full__target_of_a_microsecond__is_one_pause_all_the_same)
{
    make("pause-target=1,growth-min=64M");
    many_pairs(PAIRS);
    uint64_t before = kit_stats(&kit).mark_steps;
    ck_assert_int_eq(mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL), MID_OK);
    ck_assert_uint_eq(kit_stats(&kit).mark_steps, before);
    ck_assert_int_eq(kit.heap->phase, MID__IDLE);
    kit_end(&kit);
}
END_TEST

/* ---- warm blocks ----------------------------------------------------------------------------------------------------------------- */

struct warmth {
    size_t warm;
    unsigned scavenges, cold;
};

static void watch(void *user, enum mid_event_kind event, const struct mid_collection *c)
{
    struct warmth *w = user;
    const struct mid__oldspace *old = &kit.heap->old;
    if (c->kind != MID_COLLECTION_SCAVENGE)
        return;
    if (event == MID_EVENT_BEGIN) {
        w->warm = old->blocks_touched - old->blocks_used;
        return;
    }
    if (++w->scavenges > 4 && old->taken > w->warm)
        w->cold++;
}

/* Scavenges that promote less than the bytes of a block used to find all blocks cold. */
START_TEST(scavenge__small_nursery__takes_only_blocks_that_are_warm)
{
    struct warmth w = {0, 0, 0};
    make("pause-target=10000000,semispace=64K,growth-min=1G,old-limit=1G,verify=none");
    ck_assert_int_eq(mid_heap_listen(kit.heap, MID_EVENT_BEGIN | MID_EVENT_END, watch, &w), MID_OK);
    struct mid_slot list = mid_local(kit.heap, mid_null()), none = mid_local(kit.heap, mid_null());
    for (unsigned i = 0; i < 60000; i++) {
        mid_set(list, kit_pair(&kit, list, none, i));
        kit_pair(&kit, none, none, i); /* dies: half of the nursery is promoted */
    }
    ck_assert_uint_gt(w.scavenges, 20);
    ck_assert_uint_eq(w.cold, 0);
    kit_end(&kit);
}
END_TEST

START_TEST(scavenge__nothing_promoted_any_more__nothing_more_is_touched)
{
    make("pause-target=10000000,semispace=64K,growth-min=1G,old-limit=1G,verify=none");
    struct mid_slot list = mid_local(kit.heap, mid_null()), none = mid_local(kit.heap, mid_null());
    for (unsigned i = 0; i < 20000; i++)
        mid_set(list, kit_pair(&kit, list, none, i));
    for (unsigned i = 0; i < 200000; i++)
        kit_pair(&kit, none, none, i);
    ck_assert_uint_eq(kit.heap->old.expected, 0);
    size_t touched = kit.heap->old.blocks_touched;
    for (unsigned i = 0; i < 50000; i++)
        kit_pair(&kit, none, none, i);
    ck_assert_uint_eq(kit.heap->old.blocks_touched, touched);
    kit_end(&kit);
}
END_TEST

START_TEST(warming__at_the_limit__touches_nothing_beyond_it)
{
    make("pause-target=10000000,semispace=64K,old-limit=2M,verify=none");
    struct mid_slot list = mid_local(kit.heap, mid_null()), none = mid_local(kit.heap, mid_null());
    for (unsigned i = 0;; i++) {
        struct mid_ref pair = kit_pair(&kit, list, none, i);
        if (mid_is_null(pair))
            break;
        mid_set(list, pair);
        ck_assert_uint_le(kit.heap->old.blocks_touched * MID__BLOCK_BYTES, (size_t)2 << 20);
    }
    mid_set(list, mid_null());
    ck_assert(!mid_is_null(kit_pair(&kit, none, none, 1)));
    kit_end(&kit);
}
END_TEST

/* ---- the mark stack ---------------------------------------------------------------------------------------------------------------- */

START_TEST(mark_stack__between_markings__a_part_of_the_heap_is_kept_and_a_full_collection_gives_it_back)
{
    make("growth-min=64M,verify=none");
    struct mid__mark *m = &kit.heap->mark;
    many_pairs(8 * PAIRS);
    steps_of_a_marking();
    size_t deepest = m->parts, keep = mid__old_total(kit.heap) / 128 / sizeof *m->top;
    ck_assert_uint_gt(keep, 3);
    ck_assert_uint_gt(deepest, keep + 8);
    ck_assert(!mid__mark_give_back(kit.heap, 1));
    ck_assert_uint_eq(m->parts, deepest - 1);
    while (!mid__mark_give_back(kit.heap, 1))
        continue;
    ck_assert_uint_eq(m->parts, keep);
    ck_assert_int_eq(mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL), MID_OK);
    ck_assert_uint_eq(m->parts, 1);
    ck_assert_ptr_null(m->spare);
    kit_end(&kit);
}
END_TEST

/* ---- the trace line ----------------------------------------------------------------------------------------------------------------- */

struct lines {
    unsigned scavenges, full, other;
    unsigned long long faults;
};

static void read_line(void *user, const char *line)
{
    struct lines *l = user;
    double at, wall, cpu;
    char name[32] = ""; /* all of it: strcmp may be inlined as a comparison of words */
    unsigned long long work, faults, switches;
    ck_assert_msg(sscanf(line, "[midden] %lf ms: pause %31[a-z ], %lf ms, %lf CPU, work %llu KB, %llu faults, %llu switches", &at, name,
                         &wall, &cpu, &work, &faults, &switches) == 7, "%s", line);
    ck_assert(at >= 0 && wall >= 0 && cpu >= 0);
    l->scavenges += strcmp(name, "scavenge") == 0;
    l->full += strcmp(name, "full collection") == 0;
    l->other += strcmp(name, "scavenge") != 0 && strcmp(name, "full collection") != 0;
    l->faults += faults;
}

START_TEST(trace__pauses__writes_a_line_a_pause_with_its_faults)
{
    struct mid_heap_options o;
    struct lines l = {0, 0, 0, 0};
    mid_heap_options_init(&o);
    ck_assert_int_eq(mid_heap_options_parse(&o, "trace=pauses", NULL), MID_OK);
    ck_assert_uint_eq(o.trace, MID_TRACE_PAUSES);
    o.trace_line = read_line;
    o.trace_user = &l;
    ck_assert_int_eq(mid_heap_create(&o, &kit.heap), MID_OK);
    struct mid_type_info info = {.struct_size = sizeof info, .name = "bytes", .tail = MID_TAIL_BYTES};
    ck_assert_int_eq(mid_type_register(kit.heap, &info, &kit.bytes), MID_OK);
    for (unsigned i = 0; i < 100; i++)
        mid_local(kit.heap, mid_new_bytes(kit.heap, kit.bytes, 4000));
    mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_eq(l.scavenges, 1);
    ck_assert_uint_eq(l.full, 1);
    ck_assert_uint_eq(l.other, 0);
    ck_assert_uint_ge(l.faults, 1); /* 400,000 bytes have gone to where no page was, of whatever size */
    mid_heap_destroy(kit.heap);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_target");
    tcase_add_test(c, step__target_of_a_microsecond__is_cut_and_the_marking_ends);
    tcase_add_test(c, step__target_far_away__is_not_cut);
    tcase_add_test(c, full__target_of_a_microsecond__is_one_pause_all_the_same);
    tcase_add_test(c, scavenge__small_nursery__takes_only_blocks_that_are_warm);
    tcase_add_test(c, scavenge__nothing_promoted_any_more__nothing_more_is_touched);
    tcase_add_test(c, warming__at_the_limit__touches_nothing_beyond_it);
    tcase_add_test(c, mark_stack__between_markings__a_part_of_the_heap_is_kept_and_a_full_collection_gives_it_back);
    tcase_add_test(c, trace__pauses__writes_a_line_a_pause_with_its_faults);
    return run_suite("heap_target", c, NULL);
}
