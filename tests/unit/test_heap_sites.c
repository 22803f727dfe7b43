/* SPDX-License-Identifier: MIT
 * Sampled allocation sites: records that follow their objects through every kind of move and end with them, estimates, frames. */
#include "gc/internal.h"
#include "heap_kit.h"
#include "suite.h"

#include <midden/internal/sampling.h>

#include <math.h>
#include <stdio.h>

enum { SITES = 7, KEPT = 300 };

static struct kit kit;
static struct mid_heap *heap;
static struct mid_slot none, keep;
static unsigned now_at; /* the site that allocates */

static size_t where(void *user, struct mid_frame *frames, size_t capacity)
{
    static const char *const names[SITES] = {"a", "b", "c", "d", "e", "f", "g"};
    ck_assert_ptr_null(user);
    ck_assert_uint_ge(capacity, 3);
    frames[0] = (struct mid_frame){.name = names[now_at], .script = "s.js", .line = now_at + 1};
    frames[1] = (struct mid_frame){.name = now_at % 2 != 0 ? "odd" : "even"};
    frames[2] = (struct mid_frame){.name = "main"};
    return 3;
}

static void begin(const char *options, mid_site_fn site)
{
    ck_assert_int_eq(kit_make(&kit, options), MID_OK);
    heap = kit.heap;
    heap->options.site = site;
    none = mid_local(heap, mid_null());
    keep = mid_local(heap, mid_null());
    now_at = 0;
    mid_set(keep, mid_new_array(heap, kit.array, KEPT));
}

struct sum {
    uint64_t samples, bytes, live_samples, live_bytes, estimated, live_estimated;
    unsigned roots;
    uint32_t last;
};

static void add(void *user, const struct mid_site *site)
{
    struct sum *s = user;
    ck_assert_uint_eq(site->struct_size, sizeof *site);
    ck_assert_uint_eq(site->site, ++s->last);
    ck_assert_uint_lt(site->parent, site->site);
    s->samples += site->samples;
    s->bytes += site->sampled_bytes;
    s->live_samples += site->live_samples;
    s->live_bytes += site->live_sampled_bytes;
    s->estimated += site->estimated_bytes;
    s->live_estimated += site->live_estimated_bytes;
    s->roots += site->parent == 0;
}

static struct sum sum_up(void)
{
    struct sum s = {0};
    ck_assert_uint_eq(mid_heap_sites(heap, add, &s), s.last);
    return s;
}

static const char *name_of[MID_SITES_MAX];

static void note_name(void *user, const struct mid_site *site)
{
    (void)user;
    name_of[site->site] = site->frame->name;
}

/* Every object knows its site by heart: a pair by its value. */
static unsigned look_at_all(void)
{
    struct mid_walk *walk;
    struct mid_walk_object o = {.struct_size = sizeof o};
    unsigned pairs = 0;
    mid_heap_sites(heap, note_name, NULL);
    ck_assert_int_eq(mid_walk_begin(heap, MID_WALK_NO_IDS, &walk), MID_OK);
    while (mid_walk_next(walk, &o)) {
        uint32_t site = mid_walk_site(walk, o.ref);
        if (!mid_is_a(o.ref, kit.pair) || (site == 0 && heap->phase == MID__MARK)) /* found dead, and still there */
            continue;
        ck_assert_uint_ne(site, 0);
        ck_assert_int_eq(name_of[site][0], 'a' + (int)(as_pair(o.ref)->value % SITES));
        pairs++;
    }
    mid_walk_end(walk);
    return pairs;
}

static const char *const ways[] = {
    "sample=1,semispace=64K",
    "sample=1,semispace=64K,torture=scavenge",
    "sample=1,semispace=64K,torture=full,torture-every=20,compaction=always",
    "sample=1,semispace=64K,torture=full,torture-every=20,compaction=slide",
    "sample=1,semispace=64K,torture=step",
    "sample=1,semispace=64K,promotion=to-space,promote-to=1,growth-min=64K,mark-step=1K",
};

START_TEST(records__every_object_sampled_and_moved__name_their_sites)
{
    begin(ways[_i], where);
    uint64_t random = 7;
    for (unsigned i = 0; i < 3000; i++) {
        now_at = i % SITES;
        struct mid_ref pair = kit_pair(&kit, none, none, i);
        mid_array_set(heap, mid_get(keep), test_random(&random) % KEPT, pair);
        if (i % 100 == 0) {
            now_at = 0;
            (void)mid_new_bytes(heap, kit.bytes, 20000); /* large, and dead at once */
        }
        if (i % 500 == 0)
            look_at_all();
    }
    ck_assert_uint_ge(sum_up().samples, 3000 + 30 + 1);
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    unsigned pairs = look_at_all();
    struct sum s = sum_up();
    ck_assert_uint_eq(s.live_samples, pairs + 1);
    ck_assert_uint_eq(s.live_bytes, pairs * 32 + 8 + 8 * KEPT);
    ck_assert_uint_eq(s.samples, heap->sampler.lost + 3000 + 30 + 1);
    ck_assert_uint_eq(s.roots, 1);
    ck_assert_uint_eq(s.last, 1 + 2 + SITES);
    mid_set(keep, mid_null());
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_eq(sum_up().live_samples, 0);
    ck_assert_uint_eq(sum_up().live_estimated, 0);
    ck_assert_uint_eq(heap->sampler.table.count, 0);
    kit_end(&kit);
}
END_TEST

START_TEST(records__many_dead_in_an_incremental_marking__go_in_bounded_steps)
{
    begin("sample=1,marking=incremental,mark-step=4K,growth-min=64M", where);
    for (unsigned i = 0; i < 5000; i++)
        mid_set(none, kit_pair(&kit, none, none, i));
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    size_t before = heap->sampler.table.count;
    mid_set(none, mid_null());
    mid_heap_collect(heap, MID_COLLECT_START, NULL);
    for (unsigned i = 0; heap->phase == MID__MARK; i++) {
        size_t count = heap->sampler.table.count;
        mid__collect_step(heap, 4096, "test");
        ck_assert_uint_le(count - heap->sampler.table.count, 4096 / 64 + 16);
    }
    ck_assert_uint_eq(before - heap->sampler.table.count, 5000);
    kit_end(&kit);
}
END_TEST

static void fill(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        mid_set(none, mid_null());
        mid_array_set(heap, mid_get(keep), i % KEPT, i % 3 == 0 ? mid_new_bytes(heap, kit.bytes, i % 2000) : kit_pair(&kit, none, none, i));
        if (i % 1000 == 0)
            mid_array_set(heap, mid_get(keep), i % KEPT, mid_new_bytes(heap, kit.bytes, 50000));
    }
}

START_TEST(estimate__of_small_and_large_objects__is_near_the_truth_and_the_same_again)
{
    struct sum first = {0};
    for (unsigned round = 0; round < 2; round++) {
        begin("sample=8K", where);
        uint64_t before = kit_stats(&kit).allocated_bytes;
        fill(60000);
        struct sum s = sum_up();
        double truth = (double)(kit_stats(&kit).allocated_bytes - before), estimate = (double)s.estimated;
        ck_assert_uint_gt(s.samples, 2000);
        ck_assert_uint_lt(s.samples, 60000 / 4);
        ck_assert_double_gt(estimate, truth * 0.95); /* three standard deviations of 2,700 samples and more */
        ck_assert_double_lt(estimate, truth * 1.05);
        if (round == 1)
            ck_assert_mem_eq(&s, &first, sizeof s);
        first = s;
        kit_end(&kit);
    }
}
END_TEST

START_TEST(sampling__switched_off_and_on__takes_none_and_keeps_what_there_is)
{
    begin("semispace=64K", where);
    fill(1000);
    ck_assert_uint_eq(sum_up().samples, 0);
    ck_assert_int_eq(mid_heap_sample(heap, SIZE_MAX / 2), MID_E_INVALID);
    ck_assert_int_eq(mid_heap_sample(heap, 1), MID_OK);
    kit_pair(&kit, none, none, 0);
    struct mid_slot one = mid_local(heap, kit_pair(&kit, none, none, 1));
    ck_assert_uint_eq(sum_up().samples, 2);
    ck_assert_int_eq(mid_heap_sample(heap, 0), MID_OK);
    ck_assert_uint_eq(mid_heap_sample_bytes(heap), 1);
    fill(1000);
    ck_assert_uint_eq(sum_up().samples, 2);
    mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_eq(sum_up().live_samples, 1);
    ck_assert_uint_eq(as_pair(mid_get(one))->value, 1);
    kit_end(&kit);
}
END_TEST

static MID__NOINLINE void allocate_here(void)
{
    for (unsigned i = 0; i < 10; i++)
        mid_set(none, mid_new(heap, kit.pair));
}

static void innermost_is_here(void *user, const struct mid_site *site)
{
    uintptr_t start = (uintptr_t)allocate_here;
    ck_assert_uint_ne(site->frame->address, 0);
    if (site->samples != 0 && site->frame->address - start < 4096) {
        ck_assert_uint_eq(site->samples, 10);
        ck_assert_uint_ne(site->parent, 0);
        ++*(unsigned *)user;
    }
}

START_TEST(frames__without_a_callback__are_those_of_the_stack)
{
    unsigned seen = 0;
    begin("semispace=64K", NULL);
    ck_assert_int_eq(mid_heap_sample(heap, 1), MID_OK);
    allocate_here();
    mid_heap_sites(heap, innermost_is_here, &seen);
    ck_assert_uint_eq(seen, 1);
    kit_end(&kit);
}
END_TEST

static size_t deep(void *user, struct mid_frame *frames, size_t capacity)
{
    (void)user;
    for (size_t i = 0; i < capacity; i++)
        frames[i] = (struct mid_frame){.address = 1 + i};
    ck_assert(mid_is_null(mid_new(heap, kit.pair))); /* refused: it may not use the heap */
    return capacity + 5;
}

START_TEST(frames__as_deep_as_there_is_room__make_one_path)
{
    begin("sample=1", deep);
    kit_pair(&kit, none, none, 0);
    ck_assert_uint_eq(sum_up().last, MID_FRAMES_MAX);
    ck_assert_uint_eq(sum_up().samples, 2);
    kit_end(&kit);
}
END_TEST

START_TEST(broken__live_samples__named)
{
    begin("sample=1", where);
    struct mid__site *site = &heap->sampler.sites[heap->sampler.site_count - 1];
    kit.expects = true;
    site->live_bytes += 8;
    ck_assert_uint_gt(kit_verify(&kit), 0);
    ck_assert_str_eq(kit.first_rule, "sites.I1");
    site->live_bytes -= 8;
    kit.expects = false;
    kit_end(&kit);
}
END_TEST

START_TEST(share__of_any_size__is_the_exponential)
{
    for (double x = 1e-9; x < 100; x *= 1.3)
        ck_assert_double_eq_tol(mid__sampled_share(x * 1000, 1000) / -expm1(-x), 1, 1e-7);
    uint64_t state = 1;
    double sum = 0;
    for (unsigned i = 0; i < 100000; i++)
        sum += (double)mid__exponential(&state) / 1024;
    ck_assert_double_eq_tol(sum / 100000, 1, 0.02);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_sites");
    tcase_add_loop_test(c, records__every_object_sampled_and_moved__name_their_sites, 0, sizeof ways / sizeof ways[0]);
    tcase_add_test(c, records__many_dead_in_an_incremental_marking__go_in_bounded_steps);
    tcase_add_test(c, estimate__of_small_and_large_objects__is_near_the_truth_and_the_same_again);
    tcase_add_test(c, sampling__switched_off_and_on__takes_none_and_keeps_what_there_is);
    tcase_add_test(c, frames__without_a_callback__are_those_of_the_stack);
    tcase_add_test(c, frames__as_deep_as_there_is_room__make_one_path);
    tcase_add_test(c, broken__live_samples__named);
    tcase_add_test(c, share__of_any_size__is_the_exponential);
    return run_suite("heap_sites", c, NULL);
}
