/* SPDX-License-Identifier: MIT
 * Unit tests of limits, options, events and trace lines. */
#include "heap_kit.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kit kit;

/* ---- limits ------------------------------------------------------------------------------------------------------------ */

/* Keeps all it takes; returns how many pieces it got before a refusal. */
static unsigned fill(struct mid_slot list, size_t piece_bytes)
{
    for (unsigned count = 0;; count++) {
        struct mid_scope scope;
        mid_scope_begin(kit.heap, &scope);
        struct mid_slot piece = mid_local(kit.heap, mid_new_bytes(kit.heap, kit.text, piece_bytes));
        bool refused = mid_is_null(mid_get(piece));
        if (!refused) {
            mid_store(kit.heap, mid_get(piece), (struct mid_ref *)mid_data(mid_get(piece)), mid_get(list));
            mid_set(list, mid_get(piece));
        }
        mid_scope_end(kit.heap, &scope);
        if (refused)
            return count;
    }
}

static void fill_drop_and_fill(size_t piece_bytes)
{
    ck_assert_int_eq(kit_make(&kit, "semispace=256K,old-limit=4M,growth-min=512K"), MID_OK);
    struct mid_slot list = mid_local(kit.heap, mid_null());
    unsigned first = fill(list, piece_bytes);
    ck_assert_uint_ge(first * piece_bytes, 3u << 20);
    ck_assert_uint_le(first * piece_bytes, 5u << 20);
    const char *text = mid_heap_refusal(kit.heap);
    ck_assert_ptr_nonnull(strstr(text, "refused"));
    ck_assert_ptr_nonnull(strstr(text, "last resort"));
    ck_assert_ptr_nonnull(strstr(text, "<--- last collections --->\n[midden] "));
    ck_assert_uint_eq(kit_stats(&kit).refusals, 1);
    unsigned length = 0;
    for (struct mid_ref p = mid_get(list); !mid_is_null(p); p = *(struct mid_ref *)mid_data(p))
        length++;
    ck_assert_uint_eq(length, first); /* nothing is lost */
    mid_set(list, mid_null());
    unsigned second = fill(list, piece_bytes); /* and it works on */
    ck_assert_uint_ge(second + 50, first);
    kit_end(&kit);
}

START_TEST(limit__small_objects__refused_with_the_last_collections_then_works_on)
{
    fill_drop_and_fill(100);
}
END_TEST

START_TEST(limit__medium_objects__refused_and_works_on)
{
    fill_drop_and_fill(5000);
}
END_TEST

START_TEST(limit__large_objects__refused_and_works_on)
{
    fill_drop_and_fill(50000);
}
END_TEST

/* What one more request costs when nothing has changed since the last refusal: the one full collection that shows it. */
static void ask_on_and_on(size_t piece_bytes)
{
    ck_assert_int_eq(kit_make(&kit, "semispace=256K,old-limit=4M,growth-min=512K"), MID_OK);
    struct mid_slot list = mid_local(kit.heap, mid_null());
    fill(list, piece_bytes);
    uint64_t before = kit_stats(&kit).full_collections;
    for (int i = 0; i < 50; i++)
        ck_assert(mid_is_null(mid_new_bytes(kit.heap, kit.text, piece_bytes)));
    ck_assert_uint_le(kit_stats(&kit).full_collections - before, 50);
    ck_assert_uint_eq(kit_stats(&kit).refusals, 51);
    ck_assert_ptr_nonnull(strstr(mid_heap_refusal(kit.heap), "last resort"));
    mid_set(list, *(struct mid_ref *)mid_data(mid_get(list))); /* one piece dropped: the next refusal would be a lie */
    ck_assert(!mid_is_null(mid_new_bytes(kit.heap, kit.text, piece_bytes)));
    kit_end(&kit);
}

START_TEST(limit__small_objects_asked_for_again_and_again__costs_one_full_collection_each)
{
    ask_on_and_on(100);
}
END_TEST

START_TEST(limit__large_objects_asked_for_again_and_again__costs_one_full_collection_each)
{
    ask_on_and_on(50000);
}
END_TEST

/* The program runs in the middle of an allocation and drops what holds the heap full: the allocation must notice. */
static void drop_the_list(void *user, struct mid_heap *heap, struct mid_ref object)
{
    (void)heap, (void)object;
    mid_set(*(struct mid_slot *)user, mid_null());
}

static void drop_by_finalizer(size_t piece_bytes)
{
    ck_assert_int_eq(kit_make(&kit, "semispace=256K,old-limit=4M,growth-min=512K"), MID_OK);
    struct mid_slot list = mid_local(kit.heap, mid_null());
    struct mid_slot guard = mid_local(kit.heap, mid_new(kit.heap, kit.pair));
    ck_assert_int_eq(mid_finalizer_add(kit.heap, mid_get(guard), drop_the_list, &list), MID_OK);
    fill(list, piece_bytes);
    ck_assert(mid_is_null(mid_new_bytes(kit.heap, kit.text, piece_bytes)));
    mid_set(guard, mid_null());
    ck_assert(!mid_is_null(mid_new_bytes(kit.heap, kit.text, piece_bytes)));
    ck_assert(mid_is_null(mid_get(list)));
    kit_end(&kit);
}

START_TEST(limit__a_finalizer_drops_what_fills_the_heap__the_allocation_works)
{
    drop_by_finalizer(100);
    drop_by_finalizer(50000);
}
END_TEST

/* A dead old object refers to a young one, which refers to much: the first full collection, at the limit, cannot promote
 * the young one, takes it for alive, and marks what it refers to. Only the scavenge afterwards finds it dead. */
START_TEST(limit__a_young_object_dies_after_the_full_collection__there_is_another)
{
    ck_assert_int_eq(kit_make(&kit, "semispace=256K,old-limit=4M,growth-min=512K,marking=stop"), MID_OK);
    struct mid_slot list = mid_local(kit.heap, mid_null()), none = mid_local(kit.heap, mid_null());
    struct mid_slot old = mid_local(kit.heap, kit_pair(&kit, none, none, 1));
    kit_make_old(&kit, old);
    struct mid_slot much = mid_local(kit.heap, mid_new_bytes(kit.heap, kit.bytes, 1 << 20));
    fill(list, 50000);
    struct mid_slot young = mid_local(kit.heap, mid_new_array(kit.heap, kit.frame, 500)); /* no block has cells for it */
    ck_assert(!mid_is_null(mid_get(young)));
    mid_store(kit.heap, mid_get(young), &((struct frame *)mid_data(mid_get(young)))->parent, mid_get(much));
    mid_store(kit.heap, mid_get(old), &as_pair(mid_get(old))->left, mid_get(young));
    ck_assert(mid_is_null(mid_new_bytes(kit.heap, kit.text, 50000)));
    ck_assert(kit_is_young(&kit, mid_get(young)));
    mid_set(old, mid_null());
    mid_set(young, mid_null());
    mid_set(much, mid_null());
    uint64_t before = kit_stats(&kit).full_collections;
    ck_assert(!mid_is_null(mid_new_bytes(kit.heap, kit.text, 600000)));
    ck_assert_uint_eq(kit_stats(&kit).full_collections - before, 2);
    kit_end(&kit);
}
END_TEST

START_TEST(limit__one_object_beyond_it__is_refused_at_once)
{
    ck_assert_int_eq(kit_make(&kit, "old-limit=4M"), MID_OK);
    ck_assert(mid_is_null(mid_new_bytes(kit.heap, kit.bytes, 5 << 20)));
    ck_assert_ptr_nonnull(strstr(mid_heap_refusal(kit.heap), "larger than the limit"));
    ck_assert_uint_eq(kit_stats(&kit).full_collections, 0);
    ck_assert(!mid_is_null(mid_new_bytes(kit.heap, kit.bytes, 3 << 20)));
    kit_end(&kit);
}
END_TEST

static size_t raise_twice(void *user, size_t limit, size_t initial)
{
    unsigned *calls = user;
    ck_assert_uint_ge(limit, initial);
    return ++*calls <= 2 ? limit + (2u << 20) : 0;
}

START_TEST(limit__callback__raises_it)
{
    struct mid_heap_options options;
    unsigned calls = 0;
    mid_heap_options_init(&options);
    options.semispace_bytes = 256 << 10;
    options.old_limit_bytes = 4 << 20;
    options.near_limit = raise_twice;
    options.near_limit_user = &calls;
    ck_assert_int_eq(mid_heap_create(&options, &kit.heap), MID_OK);
    struct mid_field field = {"next", 0, 0};
    struct mid_type_info info = {.struct_size = sizeof info, .name = "t", .fixed_bytes = 8, .fields = &field, .field_count = 1, .tail = MID_TAIL_BYTES};
    ck_assert_int_eq(mid_type_register(kit.heap, &info, &kit.text), MID_OK);
    struct mid_slot list = mid_local(kit.heap, mid_null());
    unsigned count = fill(list, 1000);
    ck_assert_uint_ge(count, 7000);
    ck_assert_uint_le(count, 9000);
    ck_assert_uint_eq(kit_stats(&kit).old_limit_bytes, 8 << 20);
    ck_assert_uint_ge(calls, 3);
    mid_heap_destroy(kit.heap);
}
END_TEST

START_TEST(growth__fixed__collects_at_the_figure)
{
    ck_assert_int_eq(kit_make(&kit, "semispace=256K,growth=fixed,old-fixed=3M,marking=stop"), MID_OK);
    struct mid_slot none = mid_local(kit.heap, mid_null());
    size_t most = 0;
    struct mid_slot ring = mid_local(kit.heap, mid_new_array(kit.heap, kit.array, 5000));
    for (unsigned i = 0; i < 400000; i++) {
        mid_array_set(kit.heap, mid_get(ring), i % 5000, kit_pair(&kit, none, none, i));
        if (i % 1000 == 0) {
            size_t used = kit_stats(&kit).spaces[MID_SPACE_OLD].used_bytes;
            most = used > most ? used : most;
        }
    }
    ck_assert_uint_ge(most, 2u << 20);
    ck_assert_uint_le(most, 4u << 20);
    kit_end(&kit);
    ck_assert_int_eq(kit_make(&kit, "growth=fixed"), MID_E_INVALID); /* without a figure */
}
END_TEST

/* ---- options ------------------------------------------------------------------------------------------------------------- */

START_TEST(options__text__is_read_or_refused_whole)
{
    struct mid_heap_options o;
    const char *where = NULL;
    mid_heap_options_init(&o);
    ck_assert_int_eq(mid_heap_options_parse(&o, "semispace=2M,trace=gc,verify=phase,torture=step,torture-every=3,promotion=to-space,pool.limit=9,growth-percent=100", &where), MID_OK);
    ck_assert_uint_eq(o.semispace_bytes, 2 << 20);
    ck_assert_uint_eq(o.trace, MID_TRACE_GC);
    ck_assert_uint_eq(o.verify, MID_VERIFY_PHASE);
    ck_assert_uint_eq(o.torture, MID_TORTURE_STEP);
    ck_assert_uint_eq(o.torture_every, 3);
    ck_assert_uint_eq(o.promotion, MID_PROMOTE_TO_SPACE);
    ck_assert_uint_eq(o.growth_percent, 100);
    static const char *const bad[] = {"semispace", "semispace=", "semispace=12X", "semispace=1", "semispace=99999999999999999999",
                                      "semispace=18446744073709551615G", "nonsense=1", "trace=yes", "=", "promote-age=8",
                                      "semispace=2MM", "semispace= 2M", "growth-percent=1001", "verify=phase,x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct mid_heap_options before = o;
        where = NULL;
        ck_assert_int_eq(mid_heap_options_parse(&o, bad[i], &where), MID_E_INVALID);
        ck_assert_mem_eq(&o, &before, sizeof o);
        ck_assert_ptr_nonnull(where);
    }
    ck_assert_int_eq(mid_heap_options_parse(&o, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_heap_options_parse(&o, "", NULL), MID_OK);
    setenv("MIDDEN_TEST", "semispace=4M", 1);
    ck_assert_int_eq(mid_heap_options_from_env(&o, "MIDDEN_TEST"), MID_OK);
    ck_assert_uint_eq(o.semispace_bytes, 4 << 20);
    unsetenv("MIDDEN_TEST");
    ck_assert_int_eq(mid_heap_options_from_env(&o, "MIDDEN_TEST"), MID_OK);
}
END_TEST

START_TEST(create__values_out_of_range__are_invalid)
{
    struct mid_heap *heap = (struct mid_heap *)1;
    struct mid_heap_options o;
    mid_heap_options_init(&o);
    o.struct_size = 8;
    ck_assert_int_eq(mid_heap_create(&o, &heap), MID_E_INVALID);
    ck_assert_ptr_null(heap);
#define BAD(field, value)                                          \
    mid_heap_options_init(&o);                                     \
    o.field = value;                                               \
    ck_assert_int_eq(mid_heap_create(&o, &heap), MID_E_INVALID)
    BAD(semispace_bytes, 1000);
    BAD(semispace_bytes, (size_t)2 << 30);
    BAD(old_limit_bytes, 1000);
    BAD(promotion, 4);
    BAD(promote_age, 8);
    BAD(promote_to_percent, 101);
    BAD(growth, 4);
    BAD(marking, 3);
    BAD(torture, 5);
    BAD(verify, 2);
    BAD(trace, 8);
    BAD(manual_finalizers, 2);
    BAD(pause_target_us, 10000001);
    BAD(compaction, 5);
    BAD(stack_scan, 2);
    ck_assert_int_eq(mid_heap_create(NULL, NULL), MID_E_INVALID);
    ck_assert_int_eq(mid_heap_create(NULL, &heap), MID_OK);
    mid_heap_destroy(heap);
    mid_heap_destroy(NULL);
}
END_TEST

/* ---- events --------------------------------------------------------------------------------------------------------------- */

struct log {
    unsigned begins, ends, refused;
    struct mid_collection last;
};

static void on_event(void *user, enum mid_event_kind event, const struct mid_collection *c)
{
    struct log *log = user;
    log->begins += event == MID_EVENT_BEGIN;
    log->ends += event == MID_EVENT_END;
    log->refused += event == MID_EVENT_REFUSED;
    if (event == MID_EVENT_END)
        log->last = *c;
    ck_assert(mid_is_null(mid_new(kit.heap, kit.pair))); /* a listener must not allocate: it gets null, no crash */
    ck_assert_int_eq(mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL), MID_E_BUSY);
}

START_TEST(listener__collections__tells_exact_figures)
{
    struct log log = {0};
    ck_assert_int_eq(kit_make(&kit, "semispace=256K"), MID_OK);
    ck_assert_int_eq(mid_heap_listen(kit.heap, 7, on_event, &log), MID_OK);
    ck_assert_int_eq(mid_heap_listen(kit.heap, 7, on_event, &log), MID_E_INVALID);
    ck_assert_int_eq(mid_heap_listen(kit.heap, 1u << 30, on_event, NULL), MID_E_INVALID);
    ck_assert_int_eq(mid_heap_listen(kit.heap, 0, on_event, NULL), MID_E_INVALID);
    struct mid_slot kept = mid_local(kit.heap, mid_new(kit.heap, kit.pair));
    for (int i = 0; i < 10; i++)
        mid_new(kit.heap, kit.pair);
    mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, "why");
    ck_assert_uint_eq(log.begins, 1);
    ck_assert_uint_eq(log.ends, 1);
    ck_assert_uint_eq(log.last.used_before, 11 * 32);
    ck_assert_uint_eq(log.last.used_after, 32);
    ck_assert_uint_eq(log.last.survived_bytes, 32);
    ck_assert_str_eq(log.last.reason, "why");
    ck_assert_uint_eq(log.last.kind, MID_COLLECTION_SCAVENGE);
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_eq(log.last.kind, MID_COLLECTION_FULL);
    ck_assert_uint_eq(log.last.marked_objects, 1);
    ck_assert_uint_eq(log.last.marked_bytes, 32);
    struct mid_collection recent[8];
    ck_assert_uint_eq(mid_heap_recent(kit.heap, recent, 8), 2);
    ck_assert_uint_eq(recent[0].number, 1);
    ck_assert_uint_eq(mid_heap_recent(kit.heap, recent, 1), 1);
    ck_assert_uint_eq(recent[0].number, 2);
    ck_assert_int_eq(mid_heap_unlisten(kit.heap, on_event, &log), MID_OK);
    ck_assert_int_eq(mid_heap_unlisten(kit.heap, on_event, &log), MID_E_INVALID);
    ck_assert(!mid_is_null(mid_get(kept)));
    kit_end(&kit);
}
END_TEST

START_TEST(line__figures__has_the_form_of_v8)
{
    struct mid_collection c = {.struct_size = sizeof c, .kind = MID_COLLECTION_SCAVENGE, .reason = "allocation failure"};
    c.begin_ns = 1233700000u;
    c.wall_ns = 800000;
    c.used_before = (size_t)(12.3 * 1048576);
    c.total_before = c.total_after = 16 << 20;
    c.used_after = (size_t)(4.1 * 1048576);
    char line[200];
    size_t n = mid_collection_line(&c, line, sizeof line);
    ck_assert_str_eq(line, "[midden] 1234.5 ms: scavenge 12.3 (16.0) -> 4.1 (16.0) MB, 0.8 ms, allocation failure");
    ck_assert_uint_eq(n, strlen(line));
    ck_assert_uint_eq(mid_collection_line(&c, line, 10), n);
    ck_assert_uint_eq(strlen(line), 9);
}
END_TEST

static void count_lines(void *user, const char *line)
{
    ck_assert_mem_eq(line, "[midden] ", 9);
    ++*(unsigned *)user;
}

START_TEST(trace__gc__writes_a_line_a_collection)
{
    struct mid_heap_options o;
    unsigned lines = 0;
    mid_heap_options_init(&o);
    o.trace = MID_TRACE_GC;
    o.trace_line = count_lines;
    o.trace_user = &lines;
    ck_assert_int_eq(mid_heap_create(&o, &kit.heap), MID_OK);
    mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_eq(lines, 2);
    mid_heap_collect(kit.heap, MID_COLLECT_START, NULL);
    ck_assert_uint_eq(lines, 2);
    mid_heap_collect(kit.heap, MID_COLLECT_STEP, NULL);
    ck_assert_uint_eq(lines, 3);
    mid_heap_destroy(kit.heap);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_limits");
    tcase_add_test(c, limit__small_objects__refused_with_the_last_collections_then_works_on);
    tcase_add_test(c, limit__medium_objects__refused_and_works_on);
    tcase_add_test(c, limit__large_objects__refused_and_works_on);
    tcase_add_test(c, limit__small_objects_asked_for_again_and_again__costs_one_full_collection_each);
    tcase_add_test(c, limit__large_objects_asked_for_again_and_again__costs_one_full_collection_each);
    tcase_add_test(c, limit__a_finalizer_drops_what_fills_the_heap__the_allocation_works);
    tcase_add_test(c, limit__a_young_object_dies_after_the_full_collection__there_is_another);
    tcase_add_test(c, limit__one_object_beyond_it__is_refused_at_once);
    tcase_add_test(c, limit__callback__raises_it);
    tcase_add_test(c, growth__fixed__collects_at_the_figure);
    tcase_add_test(c, options__text__is_read_or_refused_whole);
    tcase_add_test(c, create__values_out_of_range__are_invalid);
    tcase_add_test(c, listener__collections__tells_exact_figures);
    tcase_add_test(c, line__figures__has_the_form_of_v8);
    tcase_add_test(c, trace__gc__writes_a_line_a_collection);
    return run_suite("heap_limits", c, NULL);
}
