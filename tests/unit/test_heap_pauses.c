/* SPDX-License-Identifier: MIT
 * Unit tests of pauses.c and trend.c. Histograms and utilisation are fed with made-up pauses and compared with a naive
 * twin; that the collector notes the right phases is asked of real collections. */
#include "gc/internal.h"
#include "heap_kit.h"
#include "suite.h"

#include <midden/pauses.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kit kit;

/* ---- made-up pauses -------------------------------------------------------------------------------------------------------- */

enum { MOST = 300 };

static struct {
    uint64_t begin, length;
} pauses[MOST];

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Wall time from a random past; the heap was made `span` before now. */
static void make_pauses(uint64_t *state, unsigned count, uint64_t *span)
{
    uint64_t at = 0;
    for (unsigned i = 0; i < count; i++) {
        at += test_random(state) % 3 == 0 ? test_random(state) % 100 : test_random(state) % 100000;
        pauses[i].begin = at;
        pauses[i].length = test_random(state) % ((uint64_t)1 << (1 + test_random(state) % 18));
        at += pauses[i].length;
    }
    *span = at;
    for (unsigned i = 0; i < count; i++)
        mid__pauses_note(kit.heap, MID_PAUSE_SCAVENGE, pauses[i].begin, pauses[i].length, 1000, pauses[i].length);
}

START_TEST(quantile__random_pauses__is_within_a_32nd)
{
    uint64_t state = test_seed("quantile"), sorted[MOST], span;
    static const double asked[] = {0, 0.01, 0.5, 0.9, 0.99, 0.999, 1};
    for (unsigned long round = test_rounds(50); round > 0; round--) {
        unsigned count = 1 + (unsigned)(test_random(&state) % MOST);
        ck_assert_int_eq(kit_make(&kit, NULL), MID_OK);
        make_pauses(&state, count, &span);
        uint64_t sum = 0;
        for (unsigned i = 0; i < count; i++)
            sum += sorted[i] = pauses[i].length;
        qsort(sorted, count, sizeof *sorted, by_value);
        for (unsigned clock = 0; clock < MID_CLOCKS; clock++) {
            struct mid_pauses p = {.struct_size = sizeof p};
            ck_assert_int_eq(mid_heap_pauses(kit.heap, MID_PAUSE_ALL, (enum mid_clock)clock, &p), MID_OK);
            ck_assert_uint_eq(p.count, count);
            ck_assert_uint_eq(p.sum_ns, sum);
            ck_assert_uint_eq(p.shortest_ns, sorted[0]);
            ck_assert_uint_eq(p.longest_ns, sorted[count - 1]);
            for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
                double rank = asked[i] * count;
                size_t at = (size_t)rank + ((double)(size_t)rank < rank) - (rank > 0);
                uint64_t exact = sorted[at], q = mid_heap_pause_quantile(kit.heap, MID_PAUSE_ALL, (enum mid_clock)clock, asked[i]);
                ck_assert_uint_ge(q, exact);
                ck_assert_uint_le(q, exact + exact / 32);
            }
        }
        kit_end(&kit);
    }
}
END_TEST

START_TEST(buckets__all_values__cover_each_once_and_add_up)
{
    ck_assert_int_eq(kit_make(&kit, NULL), MID_OK);
    for (unsigned bit = 0; bit < 63; bit++)
        for (int off = -1; off <= 1; off++)
            mid__pauses_note(kit.heap, MID_PAUSE_SWEEP, 0, ((uint64_t)1 << bit) + (uint64_t)(int64_t)off, 0, bit);
    struct mid_pause_bucket buckets[200];
    size_t n = mid_heap_pause_buckets(kit.heap, MID_PAUSE_SWEEP, MID_CLOCK_WALL, buckets, 200);
    ck_assert_uint_eq(n, mid_heap_pause_buckets(kit.heap, MID_PAUSE_SWEEP, MID_CLOCK_WALL, NULL, 0));
    ck_assert_uint_le(n, 200);
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += buckets[i].count;
        ck_assert_uint_le(buckets[i].first_ns, buckets[i].last_ns);
        if (i > 0)
            ck_assert_uint_gt(buckets[i].first_ns, buckets[i - 1].last_ns);
        uint64_t inside = 0;
        for (unsigned bit = 0; bit < 63; bit++)
            for (int off = -1; off <= 1; off++) {
                uint64_t v = ((uint64_t)1 << bit) + (uint64_t)(int64_t)off;
                inside += v >= buckets[i].first_ns && v <= buckets[i].last_ns;
            }
        ck_assert_uint_eq(inside, buckets[i].count);
    }
    ck_assert_uint_eq(sum, 3 * 63);
    ck_assert_uint_eq(buckets[n - 1].last_ns, UINT64_MAX);
    ck_assert_uint_eq(mid_heap_pause_buckets(kit.heap, MID_PAUSE_FULL, MID_CLOCK_WALL, NULL, 0), 0);
    kit_end(&kit);
}
END_TEST

/* ---- utilisation ------------------------------------------------------------------------------------------------------------ */

static uint64_t paused_between(unsigned first, unsigned count, uint64_t from, uint64_t to)
{
    uint64_t sum = 0;
    for (unsigned i = first; i < count; i++) {
        uint64_t begin = pauses[i].begin > from ? pauses[i].begin : from;
        uint64_t end = pauses[i].begin + pauses[i].length < to ? pauses[i].begin + pauses[i].length : to;
        sum += end > begin ? end - begin : 0;
    }
    return sum;
}

/* The most pause in any window inside [from, to]: every end of a pause is tried as either end of the window. */
static uint64_t naive_worst(unsigned first, unsigned count, uint64_t from, uint64_t to, uint64_t window)
{
    uint64_t worst = 0;
    for (unsigned i = first; i < count; i++)
        for (unsigned k = 0; k < 4; k++) {
            uint64_t edge = pauses[i].begin + (k & 1 ? pauses[i].length : 0);
            uint64_t at = k & 2 ? edge : edge > window ? edge - window : 0;
            at = at < from ? from : at > to - window ? to - window : at;
            uint64_t sum = paused_between(first, count, at, at + window);
            worst = sum > worst ? sum : worst;
        }
    return worst;
}

static void compare_utilisation(uint64_t *state, unsigned log, unsigned count)
{
    uint64_t span;
    char options[40];
    snprintf(options, sizeof options, "pause-log=%u", log);
    ck_assert_int_eq(kit_make(&kit, options), MID_OK);
    make_pauses(state, count, &span);
    unsigned first = count > log ? count - log : 0;
    for (unsigned i = 0; i < 8; i++) {
        struct mid_utilisation u = {.struct_size = sizeof u, .window_ns = 1 + test_random(state) % ((uint64_t)1 << (1 + test_random(state) % 24))};
        uint64_t asked = u.window_ns;
        kit.heap->made_ns = mid__sys_now_ns() - span - test_random(state) % 5000;
        ck_assert_int_eq(mid_heap_utilisation(kit.heap, &u), MID_OK);
        ck_assert_uint_eq(u.window_ns, asked);
        ck_assert_uint_eq(u.whole, first == 0);
        ck_assert_uint_eq(u.span_begin_ns, first == 0 ? 0 : pauses[first].begin);
        uint64_t end = u.span_begin_ns + u.span_ns, window = asked < u.span_ns ? asked : u.span_ns;
        ck_assert_uint_ge(end, span);
        uint64_t worst = naive_worst(first, count, u.span_begin_ns, end, window);
        ck_assert_double_eq_tol(u.minimum, 1 - (double)worst / (double)window, 1e-12);
        ck_assert_uint_eq(paused_between(first, count, u.worst_ns, u.worst_ns + window), worst);
        ck_assert_double_eq_tol(u.mean, 1 - (double)paused_between(first, count, 0, end) / (double)u.span_ns, 1e-12);
    }
    kit_end(&kit);
}

START_TEST(utilisation__random_pauses__is_that_of_the_worst_window)
{
    uint64_t state = test_seed("utilisation");
    for (unsigned long round = test_rounds(100); round > 0; round--) {
        unsigned count = 1 + (unsigned)(test_random(&state) % MOST);
        compare_utilisation(&state, MOST, count);
        compare_utilisation(&state, 1 + (unsigned)(test_random(&state) % 40), count); /* the log forgets */
    }
}
END_TEST

START_TEST(utilisation__cpu_scale__has_pauses_end_to_end)
{
    ck_assert_int_eq(kit_make(&kit, NULL), MID_OK);
    mid_heap_pauses_reset(kit.heap);
    struct mid_utilisation u = {.struct_size = sizeof u, .window_ns = 1000, .clock = MID_CLOCK_CPU};
    uint64_t cpu = mid__sys_thread_cpu_ns() + 1000000000;
    mid__pauses_note(kit.heap, MID_PAUSE_FULL, 50, 500, cpu, 600);
    mid__pauses_note(kit.heap, MID_PAUSE_FULL, 700, 500, cpu + 600 + 200, 500); /* 200 of the program between them */
    ck_assert_int_eq(mid_heap_utilisation(kit.heap, &u), MID_OK);
    ck_assert_double_eq_tol(u.minimum, 0.2, 1e-9);
    mid__pauses_note(kit.heap, MID_PAUSE_FULL, 1300, 500, 5, 900); /* another thread: its clock lies elsewhere */
    ck_assert_int_eq(mid_heap_utilisation(kit.heap, &u), MID_OK);
    ck_assert_double_eq_tol(u.minimum, 0, 1e-9);
    kit_end(&kit);
}
END_TEST

START_TEST(arguments__unknown__are_refused)
{
    ck_assert_int_eq(kit_make(&kit, NULL), MID_OK);
    struct mid_pauses p = {.struct_size = sizeof p - 1};
    struct mid_utilisation u = {.struct_size = sizeof u};
    ck_assert_int_eq(mid_heap_pauses(kit.heap, MID_PAUSE_ALL, MID_CLOCK_WALL, &p), MID_E_INVALID);
    p.struct_size = sizeof p;
    ck_assert_int_eq(mid_heap_pauses(kit.heap, (enum mid_pause)(MID_PAUSE_ALL + 1), MID_CLOCK_WALL, &p), MID_E_INVALID);
    ck_assert_int_eq(mid_heap_pauses(kit.heap, MID_PAUSE_ALL, MID_CLOCKS, &p), MID_E_INVALID);
    ck_assert_int_eq(mid_heap_pauses(kit.heap, MID_PAUSE_ALL, MID_CLOCK_CPU, NULL), MID_E_INVALID);
    ck_assert_int_eq(mid_heap_pauses(kit.heap, MID_PAUSE_ALL, MID_CLOCK_CPU, &p), MID_OK);
    ck_assert_uint_eq(p.count + p.longest_ns + p.p50_ns + p.p999_ns, 0);
    ck_assert_uint_eq(mid_heap_pause_quantile(kit.heap, MID_PAUSE_ALL, MID_CLOCK_CPU, 0.5), 0);
    ck_assert_int_eq(mid_heap_utilisation(kit.heap, &u), MID_E_INVALID); /* no window */
    u.window_ns = 5;
    u.clock = MID_CLOCKS;
    ck_assert_int_eq(mid_heap_utilisation(kit.heap, &u), MID_E_INVALID);
    u.clock = MID_CLOCK_WALL;
    ck_assert_int_eq(mid_heap_utilisation(kit.heap, &u), MID_OK);
    ck_assert_double_eq(u.minimum, 1);
    ck_assert_double_eq(u.mean, 1);
    kit_end(&kit);
}
END_TEST

/* ---- real pauses -------------------------------------------------------------------------------------------------------------- */

static uint64_t pauses_of(enum mid_pause phase)
{
    struct mid_pauses p = {.struct_size = sizeof p};
    ck_assert_int_eq(mid_heap_pauses(kit.heap, phase, MID_CLOCK_WALL, &p), MID_OK);
    return p.count;
}

static void collects(void *user, struct mid_heap *heap, struct mid_ref object)
{
    (void)object;
    ++*(unsigned *)user;
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_FULL, NULL), MID_OK);
}

START_TEST(phases__collections__are_noted_as_what_they_are)
{
    unsigned finalized = 0;
    ck_assert_int_eq(kit_make(&kit, NULL), MID_OK);
    mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    ck_assert_uint_eq(pauses_of(MID_PAUSE_SCAVENGE), 1);
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_eq(pauses_of(MID_PAUSE_FULL), 1);
    mid_heap_collect(kit.heap, MID_COLLECT_START, NULL);
    ck_assert_uint_eq(pauses_of(MID_PAUSE_MARK_START), 1);
    while (kit.heap->phase == MID__MARK)
        mid_heap_collect(kit.heap, MID_COLLECT_STEP, NULL);
    ck_assert_uint_eq(pauses_of(MID_PAUSE_MARK_END), 1);
    ck_assert_uint_eq(pauses_of(MID_PAUSE_MARK_STEP) + 1, kit_stats(&kit).mark_steps);
    ck_assert_uint_eq(pauses_of(MID_PAUSE_SWEEP), 0);
    if (kit.heap->phase == MID__SWEEP)
        mid_heap_collect(kit.heap, MID_COLLECT_STEP, NULL);
    ck_assert_uint_eq(pauses_of(MID_PAUSE_FINALIZE), 0);
    ck_assert_int_eq(mid_finalizer_add(kit.heap, mid_new(kit.heap, kit.pair), collects, &finalized), MID_OK);
    mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    ck_assert_uint_eq(finalized, 1);
    ck_assert_uint_eq(pauses_of(MID_PAUSE_FINALIZE), 1);
    ck_assert_uint_eq(pauses_of(MID_PAUSE_FULL), 2); /* the finalizer's own */
    struct mid_pauses all = {.struct_size = sizeof all};
    ck_assert_int_eq(mid_heap_pauses(kit.heap, MID_PAUSE_ALL, MID_CLOCK_WALL, &all), MID_OK);
    struct mid_gc_stats stats = kit_stats(&kit);
    ck_assert_uint_eq(all.sum_ns, stats.pause_ns_sum);
    ck_assert_uint_eq(all.longest_ns, stats.pause_ns_max);
    mid_heap_pauses_reset(kit.heap);
    ck_assert_uint_eq(pauses_of(MID_PAUSE_ALL) + pauses_of(MID_PAUSE_FINALIZE), 0);
    kit_end(&kit);
}
END_TEST

/* ---- stats and leak ------------------------------------------------------------------------------------------------------------- */

static struct told {
    unsigned stats, leaks;
    struct mid_trend last_stats, last_leak;
} told;

static void listen(void *user, enum mid_event_kind event, const struct mid_collection *c)
{
    struct told *t = user;
    ck_assert_ptr_nonnull(c->trend);
    ck_assert_uint_eq(c->trend->struct_size, sizeof *c->trend);
    if (event == MID_EVENT_STATS) {
        t->stats++;
        t->last_stats = *c->trend;
        ck_assert_uint_eq(c->trend->collections, 0);
    } else {
        ck_assert_int_eq(event, MID_EVENT_LEAK);
        t->leaks++;
        t->last_leak = *c->trend;
    }
}

/* Keeps so many more pairs, and collects. */
static void keep_and_collect(struct mid_slot list, unsigned pairs, bool stepwise)
{
    struct mid_slot none = mid_local(kit.heap, mid_null());
    for (unsigned i = 0; i < pairs; i++)
        mid_set(list, kit_pair(&kit, list, none, i));
    for (unsigned i = 0; i < 2 && stepwise; i++) /* all into the old space: the base is without the nursery */
        mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    if (stepwise)
        mid_heap_collect(kit.heap, MID_COLLECT_START, NULL);
    else
        mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    while (kit.heap->phase == MID__MARK)
        mid_heap_collect(kit.heap, MID_COLLECT_STEP, NULL);
}

START_TEST(stats__full_collections__have_exact_bases)
{
    memset(&told, 0, sizeof told);
    ck_assert_int_eq(kit_make(&kit, NULL), MID_OK);
    ck_assert_int_eq(mid_heap_listen(kit.heap, MID_EVENT_STATS | MID_EVENT_LEAK, listen, &told), MID_OK);
    struct mid_slot list = mid_local(kit.heap, mid_null());
    mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    ck_assert_uint_eq(told.stats, 0);
    keep_and_collect(list, 1000, false);
    struct mid_trend *t = &told.last_stats;
    ck_assert_uint_eq(told.stats, 1);
    ck_assert_uint_eq(t->base_bytes, 1000 * 32);
    ck_assert_uint_eq(t->base_min_bytes, 1000 * 32);
    ck_assert_uint_eq(t->base_estimated_bytes, 1000 * 32);
    ck_assert_double_eq(t->usage_trend, 0);
    for (unsigned i = 0; i < 30; i++)
        keep_and_collect(list, 0, i % 2 == 0);
    mid_set(list, mid_null());
    keep_and_collect(list, 100, false);
    ck_assert_uint_eq(told.stats, 32);
    ck_assert_uint_eq(t->full_collections, 17);
    ck_assert_uint_eq(t->incremental_collections, 15);
    ck_assert_uint_eq(t->scavenges, kit_stats(&kit).scavenges);
    ck_assert_uint_eq(t->base_bytes, 100 * 32);
    ck_assert_uint_eq(t->base_min_bytes, 100 * 32);
    ck_assert_uint_eq(t->base_max_bytes, 1000 * 32);
    ck_assert_uint_eq(t->base_estimated_bytes, (size_t)(32000 - 28800 / 10.0));
    ck_assert_double_eq_tol(t->usage_trend, ((32000 - 28800 / 10.0) / (32000 - 28800 / 32.0) - 1) * 100, 1e-9);
    ck_assert_uint_eq(told.leaks, 0);
    struct mid_collection last;
    ck_assert_uint_eq(mid_heap_recent(kit.heap, &last, 1), 1);
    ck_assert_ptr_null(last.trend);
    kit_end(&kit);
}
END_TEST

static void leak_five_times(bool stepwise)
{
    memset(&told, 0, sizeof told);
    ck_assert_int_eq(kit_make(&kit, NULL), MID_OK);
    struct mid_slot list = mid_local(kit.heap, mid_null());
    ck_assert_int_eq(mid_heap_listen(kit.heap, MID_EVENT_LEAK, listen, &told), MID_OK);
    keep_and_collect(list, 10, stepwise);
    for (unsigned i = 0; i < 4; i++)
        keep_and_collect(list, 10, stepwise);
    keep_and_collect(list, 0, stepwise); /* stands still: the count begins anew */
    for (unsigned i = 0; i < 4; i++)
        keep_and_collect(list, 20, stepwise);
    ck_assert_uint_eq(told.leaks, 0);
    keep_and_collect(list, 20, stepwise);
    ck_assert_uint_eq(told.leaks, 1);
    const struct mid_trend *t = &told.last_leak;
    ck_assert_uint_eq(t->collections, 5);
    ck_assert_uint_eq(t->start_bytes, 50 * 32);
    ck_assert_uint_eq(t->end_bytes, 150 * 32);
    ck_assert_uint_eq(t->growth_bytes, 100 * 32);
    ck_assert_uint_lt(t->start_ns, t->end_ns);
    ck_assert_double_eq_tol(t->bytes_an_hour * (double)(t->end_ns - t->start_ns) / 3600e9, 3200, 1e-6);
    for (unsigned i = 0; i < 4; i++)
        keep_and_collect(list, 1, stepwise);
    ck_assert_uint_eq(told.leaks, 1);
    keep_and_collect(list, 1, stepwise);
    ck_assert_uint_eq(told.leaks, 2);
    ck_assert_uint_eq(t->start_bytes, 150 * 32);
    kit_end(&kit);
}

START_TEST(leak__five_growths_in_a_row__is_told_with_its_rate)
{
    leak_five_times(false);
}
END_TEST

START_TEST(leak__incremental_cycles__count_as_well)
{
    leak_five_times(true);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_pauses");
    tcase_add_test(c, quantile__random_pauses__is_within_a_32nd);
    tcase_add_test(c, buckets__all_values__cover_each_once_and_add_up);
    tcase_add_test(c, utilisation__random_pauses__is_that_of_the_worst_window);
    tcase_add_test(c, utilisation__cpu_scale__has_pauses_end_to_end);
    tcase_add_test(c, arguments__unknown__are_refused);
    tcase_add_test(c, phases__collections__are_noted_as_what_they_are);
    tcase_add_test(c, stats__full_collections__have_exact_bases);
    tcase_add_test(c, leak__five_growths_in_a_row__is_told_with_its_rate);
    tcase_add_test(c, leak__incremental_cycles__count_as_well);
    return run_suite("heap_pauses", c, NULL);
}
