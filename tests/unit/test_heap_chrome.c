/* SPDX-License-Identifier: MIT
 * Unit tests of chrome.c: what it writes is read back by a JSON parser and compared with the heap's own figures. */
#include "gc/internal.h"
#include "heap_kit.h"
#include "suite.h"

#include <jansson.h>
#include <midden/chrome.h>

#include <stdlib.h>
#include <string.h>

static struct kit kit;
static struct {
    char *text;
    size_t bytes;
} file;

static void keep(void *user, const char *text, size_t bytes)
{
    ck_assert_ptr_eq(user, &file);
    file.text = realloc(file.text, file.bytes + bytes + 1);
    memcpy(file.text + file.bytes, text, bytes);
    file.bytes += bytes;
    file.text[file.bytes] = '\0';
}

static json_t *read_file(void)
{
    json_error_t error;
    json_t *events = json_loads(file.text, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(events != NULL, "line %d: %s", error.line, error.text);
    ck_assert(json_is_array(events));
    free(file.text);
    memset(&file, 0, sizeof file);
    return events;
}

static const char *text_of(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));
    return text == NULL ? "" : text;
}

static double number_of(const json_t *event, const char *key)
{
    const json_t *value = json_object_get(event, key);
    ck_assert_msg(json_is_number(value), "no %s", key);
    return json_number_value(value);
}

static uint64_t named(const json_t *events, const char *name, const char *form)
{
    uint64_t count = 0;
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        count += strcmp(text_of(event, "name"), name) == 0 && strcmp(text_of(event, "ph"), form) == 0;
    }
    return count;
}

static uint64_t pauses_of(enum mid_pause phase)
{
    struct mid_pauses p = {.struct_size = sizeof p};
    ck_assert_int_eq(mid_heap_pauses(kit.heap, phase, MID_CLOCK_WALL, &p), MID_OK);
    return p.count;
}

static void churn(unsigned rounds)
{
    struct mid_slot none = mid_local(kit.heap, mid_null());
    struct mid_slot ring = mid_local(kit.heap, mid_new_array(kit.heap, kit.array, 20000));
    for (unsigned i = 0; i < rounds; i++)
        mid_array_set(kit.heap, mid_get(ring), (i * 7919u) % 20000, kit_pair(&kit, none, none, i));
}

/* Of two slices one holds the other or they do not meet; times are exact to a nanosecond. */
static void slices_nest(const json_t *events)
{
    const double e = 0.0015;
    for (size_t i = 0; i < json_array_size(events); i++)
        for (size_t j = 0; j < i; j++) {
            const json_t *a = json_array_get(events, i), *b = json_array_get(events, j);
            if (strcmp(text_of(a, "ph"), "X") != 0 || strcmp(text_of(b, "ph"), "X") != 0)
                continue;
            double a0 = number_of(a, "ts"), a1 = a0 + number_of(a, "dur"), b0 = number_of(b, "ts"), b1 = b0 + number_of(b, "dur");
            bool apart = a1 <= b0 + e || b1 <= a0 + e;
            bool within = (a0 + e >= b0 && a1 <= b1 + e) || (b0 + e >= a0 && b1 <= a1 + e);
            ck_assert_msg(apart || within, "%s at %f and %s at %f", text_of(a, "name"), a0, text_of(b, "name"), b0);
        }
}

START_TEST(chrome__a_working_heap__writes_what_the_heap_has_counted)
{
    ck_assert_int_eq(kit_make(&kit, "semispace=256K,growth-min=256K,mark-step=32K"), MID_OK);
    mid_heap_pauses_reset(kit.heap);
    ck_assert_int_eq(mid_chrome_begin(kit.heap, keep, &file), MID_OK);
    ck_assert_int_eq(mid_chrome_begin(kit.heap, keep, &file), MID_E_INVALID);
    churn(30000);
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, "\"quoted\\\n\xc3");
    churn(30000);
    while (kit.heap->phase == MID__MARK)
        mid_heap_collect(kit.heap, MID_COLLECT_STEP, NULL);
    ck_assert_int_eq(mid_chrome_end(kit.heap), MID_OK);
    ck_assert_int_eq(mid_chrome_end(kit.heap), MID_E_INVALID);
    json_t *events = read_file();
    ck_assert_uint_ge(pauses_of(MID_PAUSE_SCAVENGE), 1);
    ck_assert_uint_ge(pauses_of(MID_PAUSE_MARK_STEP), 1);
    ck_assert_uint_ge(pauses_of(MID_PAUSE_SWEEP), 1);
    ck_assert_uint_eq(named(events, "scavenge", "X"), pauses_of(MID_PAUSE_SCAVENGE));
    ck_assert_uint_eq(named(events, "start of marking", "X"), pauses_of(MID_PAUSE_MARK_START));
    ck_assert_uint_eq(named(events, "marking step", "X"), pauses_of(MID_PAUSE_MARK_STEP));
    ck_assert_uint_eq(named(events, "end of marking", "X"), pauses_of(MID_PAUSE_MARK_END));
    ck_assert_uint_eq(named(events, "full collection", "X"), pauses_of(MID_PAUSE_FULL));
    ck_assert_uint_eq(named(events, "sweeping step", "X"), pauses_of(MID_PAUSE_SWEEP));
    ck_assert_uint_eq(named(events, "incremental marking", "b"), pauses_of(MID_PAUSE_MARK_START));
    ck_assert_uint_eq(named(events, "incremental marking", "e"), pauses_of(MID_PAUSE_MARK_END));
    ck_assert_uint_eq(named(events, "heap", "C"), pauses_of(MID_PAUSE_SCAVENGE) + pauses_of(MID_PAUSE_FULL) + pauses_of(MID_PAUSE_MARK_END));
    ck_assert_uint_eq(named(events, "stats", "i"), pauses_of(MID_PAUSE_FULL) + pauses_of(MID_PAUSE_MARK_END));
    static const char *const parts[] = {"roots", "copy", "mark", "weak handles", "sweep", "compact", "give back", "change sides"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_uint_ge(named(events, parts[i], "X"), 1);
    slices_nest(events);
    bool quoted = false;
    for (size_t i = 0; i < json_array_size(events); i++)
        quoted |= strcmp(text_of(json_object_get(json_array_get(events, i), "args"), "reason"), "\"quoted\\??") == 0;
    ck_assert(quoted);
    json_decref(events);
    kit_end(&kit);
}
END_TEST

/* From the first of them on, the parts of a full collection fill it: no work of it is without a name. */
START_TEST(chrome__full_collection__is_the_sum_of_its_parts)
{
    ck_assert_int_eq(kit_make(&kit, NULL), MID_OK);
    churn(20000);
    ck_assert_int_eq(mid_chrome_begin(kit.heap, keep, &file), MID_OK);
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert_int_eq(mid_chrome_end(kit.heap), MID_OK);
    json_t *events = read_file();
    double at = -1, end = 0;
    unsigned parts = 0;
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        if (strcmp(text_of(event, "ph"), "X") != 0)
            continue;
        if (strcmp(text_of(event, "name"), "full collection") == 0) {
            ck_assert_double_ge(parts, 10); /* they come first */
            ck_assert_double_eq_tol(number_of(event, "ts") + number_of(event, "dur"), end, 0.0015);
            continue;
        }
        if (at >= 0)
            ck_assert_double_eq_tol(number_of(event, "ts"), end, 0.0015);
        at = number_of(event, "ts");
        end = at + number_of(event, "dur");
        parts++;
    }
    ck_assert_uint_eq(named(events, "full collection", "X"), 1);
    json_decref(events);
    kit_end(&kit);
}
END_TEST

static void finalizer(void *user, struct mid_heap *heap, struct mid_ref object)
{
    (void)user;
    (void)object;
    mid_heap_collect(heap, MID_COLLECT_SCAVENGE, NULL);
}

START_TEST(chrome__finalizers_refusals_and_the_end_of_the_heap__are_told)
{
    ck_assert_int_eq(kit_make(&kit, "old-limit=2M"), MID_OK);
    mid_heap_collect(kit.heap, MID_COLLECT_START, NULL);
    ck_assert_int_eq(mid_chrome_begin(kit.heap, keep, &file), MID_OK); /* in the middle of a cycle */
    ck_assert_int_eq(mid_finalizer_add(kit.heap, mid_new(kit.heap, kit.pair), finalizer, NULL), MID_OK);
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert(mid_is_null(mid_new_bytes(kit.heap, kit.bytes, 3 << 20)));
    struct mid_heap *heap = kit.heap;
    mid_heap_destroy(heap); /* ends the array */
    json_t *events = read_file();
    ck_assert_uint_eq(named(events, "finalizers", "X"), 1);
    ck_assert_uint_eq(named(events, "scavenge", "X"), 1);
    ck_assert_uint_eq(named(events, "refused", "i"), 1);
    ck_assert_uint_eq(named(events, "incremental marking", "b"), 1);
    ck_assert_uint_eq(named(events, "incremental marking", "e"), 1);
    slices_nest(events);
    json_decref(events);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_chrome");
    tcase_add_test(c, chrome__a_working_heap__writes_what_the_heap_has_counted);
    tcase_add_test(c, chrome__full_collection__is_the_sum_of_its_parts);
    tcase_add_test(c, chrome__finalizers_refusals_and_the_end_of_the_heap__are_told);
    return run_suite("heap_chrome", c, NULL);
}
