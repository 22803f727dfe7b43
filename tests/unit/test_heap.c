/* SPDX-License-Identifier: MIT
 * Unit tests of the heap: types, allocation, both generations, large objects, the barrier, marking in steps. */
#include "heap_kit.h"
#include "suite.h"

#include <stdio.h>
#include <string.h>

static struct kit kit;

static void set_up(void)
{
    ck_assert_int_eq(kit_make(&kit, "semispace=256K,growth-min=64K"), MID_OK);
}

static void tear_down(void)
{
    kit_end(&kit);
}

/* ---- types ------------------------------------------------------------------------------------------------------------- */

static enum mid_status try_type(struct mid_type_info info)
{
    struct mid_type type;
    info.struct_size = sizeof info;
    return mid_type_register(kit.heap, &info, &type);
}

static void no_trace(void *user, void *data, size_t bytes, struct mid_tracer *tracer)
{
    (void)user, (void)data, (void)bytes, (void)tracer;
}

START_TEST(type__bad_descriptions__are_invalid)
{
    struct mid_field odd = {"x", 4, 0}, outside = {"x", 16, 0}, kind = {"x", 0, MID_EDGE_COUNT}, good = {"x", 0, 0};
    struct mid_field twice[] = {{"x", 0, 0}, {"y", 0, 0}};
    struct mid_type type;
    ck_assert_int_eq(try_type((struct mid_type_info){.name = NULL}), MID_E_INVALID);
    ck_assert_int_eq(try_type((struct mid_type_info){.name = "t", .fixed_bytes = MID_YOUNG_BYTES}), MID_E_INVALID);
    ck_assert_int_eq(try_type((struct mid_type_info){.name = "t", .tail = 3}), MID_E_INVALID);
    ck_assert_int_eq(try_type((struct mid_type_info){.name = "t", .kind = MID_KIND_COUNT}), MID_E_INVALID);
    ck_assert_int_eq(try_type((struct mid_type_info){.name = "t", .fixed_bytes = 16, .fields = &odd, .field_count = 1}), MID_E_INVALID);
    ck_assert_int_eq(try_type((struct mid_type_info){.name = "t", .fixed_bytes = 16, .fields = &outside, .field_count = 1}), MID_E_INVALID);
    ck_assert_int_eq(try_type((struct mid_type_info){.name = "t", .fixed_bytes = 16, .fields = &kind, .field_count = 1}), MID_E_INVALID);
    ck_assert_int_eq(try_type((struct mid_type_info){.name = "t", .fixed_bytes = 16, .fields = twice, .field_count = 2}), MID_E_INVALID);
    ck_assert_int_eq(try_type((struct mid_type_info){.name = "t", .fixed_bytes = 16, .field_count = 1}), MID_E_INVALID);
    ck_assert_int_eq(try_type((struct mid_type_info){.name = "t", .fixed_bytes = 16, .fields = &good, .field_count = 1, .trace = no_trace}), MID_E_INVALID);
    ck_assert_int_eq(try_type((struct mid_type_info){.name = "t", .tail = MID_TAIL_REFS, .trace = no_trace}), MID_E_INVALID);
    ck_assert_int_eq(mid_type_register(kit.heap, NULL, &type), MID_E_INVALID);
    ck_assert_int_eq(mid_type_register(kit.heap, &(struct mid_type_info){.name = "t"}, &type), MID_E_INVALID);
}
END_TEST

START_TEST(type__many__keep_their_identity_and_end_at_the_limit)
{
    struct mid_type type, last = kit.text;
    for (unsigned i = 9; i < MID_TYPES_MAX; i++) { /* the kit has seven, the heap two */
        struct mid_type_info info = {.struct_size = sizeof info, .name = "n", .fixed_bytes = i % 64 * 8};
        ck_assert_int_eq(mid_type_register(kit.heap, &info, &type), MID_OK);
        ck_assert_uint_ne(type.header, last.header);
        last = type;
    }
    ck_assert_int_eq(try_type((struct mid_type_info){.name = "one too many"}), MID_E_LIMIT);
    struct mid_ref ref = mid_new(kit.heap, last);
    ck_assert(mid_is_a(ref, last) && !mid_is_a(ref, kit.pair));
}
END_TEST

/* ---- allocation -------------------------------------------------------------------------------------------------------- */

START_TEST(new__any_shape__is_zero_and_has_its_length)
{
    static const size_t lengths[] = {0, 1, 2, 7, 8, 9, 100, 1000, 1023, 1024, 1025, 5000, 100000, 300000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t n = lengths[i];
        struct mid_ref a = mid_new_array(kit.heap, kit.array, n), b = mid_new_bytes(kit.heap, kit.bytes, n);
        ck_assert(!mid_is_null(b)); /* the first may have moved meanwhile */
        ck_assert_uint_eq(mid_length(kit.heap, b), n);
        ck_assert_uint_eq(mid_bytes(b), n);
        for (size_t j = 0; j < n; j++)
            ck_assert_uint_eq(((unsigned char *)mid_data(b))[j], 0);
        memset(mid_data(b), 0xaa, n);
        a = mid_new_array(kit.heap, kit.frame, n);
        ck_assert_uint_eq(mid_length(kit.heap, a), n);
        ck_assert_uint_eq(mid_bytes(a), 16 + 8 * n);
        for (size_t j = 0; j < n; j++)
            ck_assert(mid_is_null(((struct frame *)mid_data(a))->slots[j]));
    }
}
END_TEST

START_TEST(new__absurd_length__is_refused_with_a_text)
{
    ck_assert_str_eq(mid_heap_refusal(kit.heap), "");
    ck_assert(mid_is_null(mid_new_array(kit.heap, kit.array, SIZE_MAX)));
    ck_assert(mid_is_null(mid_new_array(kit.heap, kit.array, SIZE_MAX / 8)));
    ck_assert(mid_is_null(mid_new_bytes(kit.heap, kit.bytes, MID_OBJECT_BYTES_MAX + 1)));
    ck_assert(mid_is_null(mid_new_bytes(kit.heap, kit.bytes, SIZE_MAX - 3)));
    ck_assert_ptr_nonnull(strstr(mid_heap_refusal(kit.heap), "refused"));
    ck_assert(!mid_is_null(mid_new(kit.heap, kit.pair)));
}
END_TEST

START_TEST(string__content__survives_a_move)
{
    struct mid_slot s = mid_local(kit.heap, mid_new_string(kit.heap, kit.text, "Grüße", 7));
    kit_make_old(&kit, s);
    ck_assert_uint_eq(mid_length(kit.heap, mid_get(s)), 7);
    ck_assert_mem_eq((char *)mid_data(mid_get(s)) + 8, "Grüße", 7);
}
END_TEST

/* ---- nursery ------------------------------------------------------------------------------------------------------------- */

START_TEST(scavenge__age__promotes_what_has_survived_once)
{
    struct mid_slot s = mid_local(kit.heap, mid_new(kit.heap, kit.pair));
    mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    ck_assert(kit_is_young(&kit, mid_get(s)));
    mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    ck_assert(!kit_is_young(&kit, mid_get(s)));
    ck_assert_uint_eq(kit_stats(&kit).promoted_bytes, 32);
}
END_TEST

START_TEST(scavenge__to_space_over_a_quarter__promotes_the_rest)
{
    kit_end(&kit);
    ck_assert_int_eq(kit_make(&kit, "semispace=256K,promotion=to-space"), MID_OK);
    struct mid_slot list = mid_local(kit.heap, mid_null()), none = mid_local(kit.heap, mid_null());
    for (unsigned i = 0; i < 5000; i++) /* 160 KB: more than a quarter of 256 */
        mid_set(list, kit_pair(&kit, list, none, i));
    mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    struct mid_gc_stats stats = kit_stats(&kit);
    ck_assert_uint_eq(stats.copied_bytes + stats.promoted_bytes, 160000);
    ck_assert_uint_ge(stats.copied_bytes, 65536 - 64);
    ck_assert_uint_le(stats.copied_bytes, 65536 + 64);
}
END_TEST

START_TEST(scavenge__promote_age_3__waits_for_three_scavenges)
{
    kit_end(&kit);
    ck_assert_int_eq(kit_make(&kit, "semispace=256K,promotion=survived,promote-age=3"), MID_OK);
    struct mid_slot s = mid_local(kit.heap, mid_new(kit.heap, kit.pair));
    for (int i = 0; i < 3; i++) {
        mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
        ck_assert(kit_is_young(&kit, mid_get(s)));
    }
    mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    ck_assert(!kit_is_young(&kit, mid_get(s)));
}
END_TEST

START_TEST(nursery__survivors__make_it_grow_and_a_full_collection_shrinks_it)
{
    kit_end(&kit);
    ck_assert_int_eq(kit_make(&kit, "semispace=2M,semispace-start=128K"), MID_OK);
    struct mid_slot list = mid_local(kit.heap, mid_null()), none = mid_local(kit.heap, mid_null());
    for (unsigned i = 0; i < 50000; i++)
        mid_set(list, kit_pair(&kit, list, none, i));
    ck_assert_uint_ge(kit_stats(&kit).spaces[MID_SPACE_NURSERY].total_bytes, 4 * 131072);
    mid_set(list, mid_null());
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_eq(kit_stats(&kit).spaces[MID_SPACE_NURSERY].total_bytes, 2 * 131072);
    ck_assert_uint_eq(kit_stats(&kit).spaces[MID_SPACE_OLD].used_bytes, 0);
    ck_assert_uint_eq(kit_stats(&kit).spaces[MID_SPACE_OLD].total_bytes, 0);
}
END_TEST

/* ---- barrier ----------------------------------------------------------------------------------------------------------------- */

START_TEST(store__young_into_old__is_remembered_once_and_kept)
{
    struct mid_slot old = mid_local(kit.heap, mid_new(kit.heap, kit.pair));
    kit_make_old(&kit, old);
    struct mid_ref young = mid_new(kit.heap, kit.pair);
    as_pair(young)->value = 77;
    for (int i = 0; i < 3; i++) {
        mid_store(kit.heap, mid_get(old), &as_pair(mid_get(old))->left, young);
        mid_store(kit.heap, mid_get(old), &as_pair(mid_get(old))->left, mid_null());
    }
    mid_store(kit.heap, mid_get(old), &as_pair(mid_get(old))->left, young);
    ck_assert_uint_eq(kit_stats(&kit).remembered_slots, 1);
    mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    ck_assert_uint_eq(as_pair(as_pair(mid_get(old))->left)->value, 77);
    ck_assert_uint_eq(kit_stats(&kit).remembered_slots, 1); /* it is still young */
    mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    ck_assert_uint_eq(as_pair(as_pair(mid_get(old))->left)->value, 77);
    ck_assert_uint_eq(kit_stats(&kit).remembered_slots, 0);
}
END_TEST

/* A slot at the far end of a huge object: its bits lie behind the object, not in the chunk that the address suggests. */
START_TEST(store__young_into_large_and_huge__is_remembered)
{
    static const size_t lengths[] = {2000, 100000, 2000000};
    for (size_t i = 0; i < 3; i++) {
        size_t n = lengths[i];
        struct mid_slot a = mid_local(kit.heap, mid_new_array(kit.heap, kit.array, n));
        ck_assert(!kit_is_young(&kit, mid_get(a)));
        for (size_t at = 0; at < n; at += n / 10 - 1) {
            struct mid_ref young = mid_new(kit.heap, kit.pair);
            as_pair(young)->value = at;
            mid_array_set(kit.heap, mid_get(a), at, young);
        }
        mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
        mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
        mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
        for (size_t at = 0; at < n; at += n / 10 - 1)
            ck_assert_uint_eq(as_pair(mid_array_get(mid_get(a), at))->value, at);
        ck_assert_uint_eq(kit_stats(&kit).spaces[MID_SPACE_LARGE].objects, i + 1);
    }
}
END_TEST

START_TEST(array_copy__overlapping_with_young_elements__is_right)
{
    struct mid_slot a = mid_local(kit.heap, mid_new_array(kit.heap, kit.array, 3000));
    for (unsigned i = 0; i < 100; i++) {
        struct mid_ref p = mid_new(kit.heap, kit.pair);
        as_pair(p)->value = i;
        mid_array_set(kit.heap, mid_get(a), i, p);
    }
    mid_array_copy(kit.heap, mid_get(a), 10, mid_get(a), 0, 100);
    mid_array_copy(kit.heap, mid_get(a), 5, mid_get(a), 10, 100);
    mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    for (unsigned i = 0; i < 100; i++)
        ck_assert_uint_eq(as_pair(mid_array_get(mid_get(a), 5 + i))->value, i);
}
END_TEST

START_TEST(tagged__slots_by_callback__are_traced_and_numbers_left_alone)
{
    struct mid_slot t = mid_local(kit.heap, mid_new(kit.heap, kit.tagged));
    struct mid_ref p = mid_new(kit.heap, kit.pair);
    as_pair(p)->value = 5;
    struct tagged *data = mid_data(mid_get(t));
    data->mask = 5;
    uintptr_t number = (uintptr_t)mid_get(t).object + 8; /* looks like an address */
    memcpy(&data->words[1], &number, sizeof number);
    mid_store(kit.heap, mid_get(t), &data->words[2], p);
    kit_make_old(&kit, t);
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    data = mid_data(mid_get(t));
    ck_assert_mem_eq(&data->words[1], &number, sizeof number);
    ck_assert_uint_eq(as_pair(data->words[2])->value, 5);
}
END_TEST

/* ---- full collections ---------------------------------------------------------------------------------------------------------- */

START_TEST(full__cycle_between_the_generations__is_freed)
{
    struct mid_scope scope;
    mid_scope_begin(kit.heap, &scope);
    struct mid_slot old = mid_local(kit.heap, mid_new(kit.heap, kit.pair)), none = mid_local(kit.heap, mid_null());
    kit_make_old(&kit, old);
    mid_store(kit.heap, mid_get(old), &as_pair(mid_get(old))->left, kit_pair(&kit, old, none, 1));
    mid_scope_end(kit.heap, &scope);
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    struct mid_usage usage = {.struct_size = sizeof usage};
    mid_heap_usage(kit.heap, &usage);
    ck_assert_uint_eq(usage.heap_used, 0);
}
END_TEST

START_TEST(full__large_objects__are_freed_and_their_pages_reused)
{
    size_t total = 0;
    for (int round = 0; round < 5; round++) {
        struct mid_scope scope;
        mid_scope_begin(kit.heap, &scope);
        for (int i = 0; i < 20; i++)
            mid_local(kit.heap, mid_new_bytes(kit.heap, kit.bytes, (size_t)(10000 + i * 7000)));
        mid_local(kit.heap, mid_new_bytes(kit.heap, kit.bytes, 9000000));
        ck_assert_uint_ge(kit_stats(&kit).spaces[MID_SPACE_LARGE].objects, 21);
        size_t now = kit_stats(&kit).spaces[MID_SPACE_LARGE].total_bytes;
        if (round == 1)
            total = now;
        ck_assert(round < 2 || now <= total * 2);
        mid_scope_end(kit.heap, &scope);
    }
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_eq(kit_stats(&kit).spaces[MID_SPACE_LARGE].total_bytes, 0);
}
END_TEST

START_TEST(mark__deep_list_and_tiny_stack__loses_nothing)
{
    kit_end(&kit);
    ck_assert_int_eq(kit_make(&kit, "semispace=256K,mark-stack=4K,marking=stop"), MID_OK);
    enum { WIDTH = 3000 };
    struct mid_slot a = mid_local(kit.heap, mid_new_array(kit.heap, kit.array, WIDTH)), none = mid_local(kit.heap, mid_null());
    struct mid_slot list = mid_local(kit.heap, mid_null());
    for (unsigned i = 0; i < WIDTH; i++) { /* wide: more grey objects at once than the stack has room for */
        struct mid_slot one = mid_local(kit.heap, kit_pair(&kit, none, none, i));
        mid_array_set(kit.heap, mid_get(a), i, kit_pair(&kit, one, none, 2 * i));
        mid_set(list, kit_pair(&kit, list, none, i)); /* deep */
    }
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_gt(kit_stats(&kit).mark_stack_overflows, 0);
    for (unsigned i = 0; i < WIDTH; i++) {
        struct mid_ref p = mid_array_get(mid_get(a), i);
        ck_assert_uint_eq(as_pair(p)->value, 2 * i);
        ck_assert_uint_eq(as_pair(as_pair(p)->left)->value, i);
    }
    unsigned length = 0;
    for (struct mid_ref p = mid_get(list); !mid_is_null(p); p = as_pair(p)->left)
        length++;
    ck_assert_uint_eq(length, WIDTH);
}
END_TEST

/* Takes the only path to an object away while the marker has not come by: a snapshot must keep it. */
START_TEST(step__path_cut_behind_the_marker__object_is_kept)
{
    kit_end(&kit);
    ck_assert_int_eq(kit_make(&kit, "semispace=256K,mark-step=1"), MID_OK);
    struct mid_slot list = mid_local(kit.heap, mid_null()), none = mid_local(kit.heap, mid_null());
    for (unsigned i = 0; i < 200; i++)
        mid_set(list, kit_pair(&kit, list, none, i));
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL); /* all is old */
    mid_heap_collect(kit.heap, MID_COLLECT_START, NULL);
    struct mid_ref p = mid_get(list);
    for (int i = 0; i < 100; i++)
        p = as_pair(p)->left;
    struct mid_slot half = mid_local(kit.heap, as_pair(p)->left); /* white still */
    mid_store(kit.heap, p, &as_pair(p)->left, mid_null());
    for (int i = 0; i < 2000; i++) {
        mid_heap_collect(kit.heap, MID_COLLECT_STEP, NULL);
        if (i % 3 == 0)
            mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    }
    ck_assert_uint_ge(kit_stats(&kit).full_collections, 2);
    unsigned length = 0;
    for (p = mid_get(half); !mid_is_null(p); p = as_pair(p)->left)
        ck_assert_uint_eq(as_pair(p)->value, 98 - length++);
    ck_assert_uint_eq(length, 99);
}
END_TEST

START_TEST(step__huge_array__is_marked_by_pieces)
{
    kit_end(&kit);
    ck_assert_int_eq(kit_make(&kit, "semispace=256K,mark-step=1"), MID_OK);
    struct mid_slot a = mid_local(kit.heap, mid_new_array(kit.heap, kit.array, 100000)), none = mid_local(kit.heap, mid_null());
    for (unsigned i = 0; i < 100000; i += 500)
        mid_array_set(kit.heap, mid_get(a), i, kit_pair(&kit, none, none, i));
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    uint64_t before = kit_stats(&kit).mark_steps, full = kit_stats(&kit).full_collections;
    mid_heap_collect(kit.heap, MID_COLLECT_START, NULL);
    while (kit_stats(&kit).full_collections == full)
        mid_heap_collect(kit.heap, MID_COLLECT_STEP, NULL);
    ck_assert_uint_ge(kit_stats(&kit).mark_steps - before, 200); /* 200 elements, and 48 pieces of the array */
    for (unsigned i = 0; i < 100000; i += 500)
        ck_assert_uint_eq(as_pair(mid_array_get(mid_get(a), i))->value, i);
}
END_TEST

/* Old objects of which nine in ten die: full collections must give their blocks back, and all that refers to the moved
 * ones must follow: fields, large arrays, handles, weak handles, ids, remembered slots. */
START_TEST(compact__sparse_blocks__are_emptied_and_all_references_follow)
{
    enum { MANY = 60000, KEPT = MANY / 10 };
    static uint64_t ids[KEPT];
    struct mid_slot all = mid_local(kit.heap, mid_new_array(kit.heap, kit.array, MANY)), none = mid_local(kit.heap, mid_null());
    struct mid_slot kept = mid_local(kit.heap, mid_new_array(kit.heap, kit.array, KEPT));
    for (unsigned i = 0; i < MANY; i++)
        mid_array_set(kit.heap, mid_get(all), i, kit_pair(&kit, none, none, i));
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    for (unsigned i = 0; i < KEPT; i++) {
        struct mid_ref p = mid_array_get(mid_get(all), i * 10);
        mid_array_set(kit.heap, mid_get(kept), i, p);
        ids[i] = mid_object_id(kit.heap, p);
        if (i > 0)
            mid_store(kit.heap, p, &as_pair(p)->left, mid_array_get(mid_get(kept), i - 1));
    }
    struct mid_persistent *handle = mid_persistent_new(kit.heap, mid_array_get(mid_get(kept), 5), NULL);
    struct mid_weak *weak = mid_weak_new(kit.heap, mid_array_get(mid_get(kept), 7), NULL, NULL, NULL);
    size_t before = kit_stats(&kit).spaces[MID_SPACE_OLD].total_bytes;
    uintptr_t place = (uintptr_t)mid_array_get(mid_get(kept), KEPT / 2).object;
    mid_set(all, mid_null());
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    struct mid_gc_stats stats = kit_stats(&kit);
    ck_assert_uint_eq(stats.spaces[MID_SPACE_OLD].objects, KEPT);
    ck_assert_uint_le(stats.spaces[MID_SPACE_OLD].total_bytes, before / 5);
    ck_assert_uint_ge(stats.compactions, 1);
    bool moved = false;
    for (unsigned i = 0; i < KEPT; i++) {
        struct mid_ref p = mid_array_get(mid_get(kept), i);
        ck_assert_uint_eq(as_pair(p)->value, i * 10);
        ck_assert_uint_eq(mid_object_id(kit.heap, p), ids[i]);
        ck_assert(i == 0 || mid_same(as_pair(p)->left, mid_array_get(mid_get(kept), i - 1)));
        moved |= i == KEPT / 2 && (uintptr_t)p.object != place;
    }
    ck_assert(moved || stats.compactions > 0);
    ck_assert(mid_same(mid_persistent_get(handle), mid_array_get(mid_get(kept), 5)));
    ck_assert(mid_same(mid_weak_get(kit.heap, weak), mid_array_get(mid_get(kept), 7)));
    mid_weak_release(kit.heap, weak);
}
END_TEST

START_TEST(collect__bad_kind__is_invalid)
{
    ck_assert_int_eq(mid_heap_collect(kit.heap, (enum mid_collect)9, NULL), MID_E_INVALID);
}
END_TEST

START_TEST(stats__unknown_size__is_invalid)
{
    struct mid_gc_stats stats = {.struct_size = 8};
    struct mid_usage usage = {.struct_size = 1};
    ck_assert_int_eq(mid_heap_stats(kit.heap, &stats), MID_E_INVALID);
    ck_assert_int_eq(mid_heap_usage(kit.heap, &usage), MID_E_INVALID);
    ck_assert_int_eq(mid_heap_stats(kit.heap, NULL), MID_E_INVALID);
}
END_TEST

START_TEST(stats__allocated_bytes__count_every_object)
{
    uint64_t before = kit_stats(&kit).allocated_bytes;
    for (int i = 0; i < 30000; i++)
        mid_new(kit.heap, kit.pair);
    mid_new_bytes(kit.heap, kit.bytes, 20000);
    ck_assert_uint_eq(kit_stats(&kit).allocated_bytes - before, 30000 * 32 + 20008);
}
END_TEST

START_TEST(heaps__many_in_one_process__are_independent_and_small)
{
    enum { HEAPS = 300 };
    static struct kit kits[HEAPS];
    for (unsigned i = 0; i < HEAPS; i++) {
        ck_assert_int_eq(kit_make(&kits[i], "semispace=64K"), MID_OK);
        struct mid_slot none = mid_local(kits[i].heap, mid_null());
        mid_local(kits[i].heap, kit_pair(&kits[i], none, none, i));
    }
    for (unsigned i = 0; i < HEAPS; i++) {
        mid_heap_collect(kits[i].heap, MID_COLLECT_FULL, NULL);
        ck_assert_uint_eq(kit_stats(&kits[i]).spaces[MID_SPACE_OLD].objects, 1);
        kit_end(&kits[i]);
    }
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, type__bad_descriptions__are_invalid);
    tcase_add_test(c, type__many__keep_their_identity_and_end_at_the_limit);
    tcase_add_test(c, new__any_shape__is_zero_and_has_its_length);
    tcase_add_test(c, new__absurd_length__is_refused_with_a_text);
    tcase_add_test(c, string__content__survives_a_move);
    tcase_add_test(c, scavenge__age__promotes_what_has_survived_once);
    tcase_add_test(c, scavenge__to_space_over_a_quarter__promotes_the_rest);
    tcase_add_test(c, scavenge__promote_age_3__waits_for_three_scavenges);
    tcase_add_test(c, nursery__survivors__make_it_grow_and_a_full_collection_shrinks_it);
    tcase_add_test(c, store__young_into_old__is_remembered_once_and_kept);
    tcase_add_test(c, store__young_into_large_and_huge__is_remembered);
    tcase_add_test(c, array_copy__overlapping_with_young_elements__is_right);
    tcase_add_test(c, tagged__slots_by_callback__are_traced_and_numbers_left_alone);
    tcase_add_test(c, full__cycle_between_the_generations__is_freed);
    tcase_add_test(c, full__large_objects__are_freed_and_their_pages_reused);
    tcase_add_test(c, mark__deep_list_and_tiny_stack__loses_nothing);
    tcase_add_test(c, step__path_cut_behind_the_marker__object_is_kept);
    tcase_add_test(c, step__huge_array__is_marked_by_pieces);
    tcase_add_test(c, compact__sparse_blocks__are_emptied_and_all_references_follow);
    tcase_add_test(c, collect__bad_kind__is_invalid);
    tcase_add_test(c, stats__unknown_size__is_invalid);
    tcase_add_test(c, stats__allocated_bytes__count_every_object);
    tcase_add_test(c, heaps__many_in_one_process__are_independent_and_small);
    return run_suite("heap", c, NULL);
}
