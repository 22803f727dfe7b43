/* SPDX-License-Identifier: MIT
 * A program without handles: what its stack refers to lives and does not move, under every kind of collection. */
#include "gc/internal.h"
#include "heap_kit.h"
#include "suite.h"

#include <midden/weak_table.h>

#include <pthread.h>

static struct kit kit;

static void make(const char *options)
{
    ck_assert_int_eq(kit_make(&kit, options), MID_OK);
}

static size_t objects(void)
{
    struct mid_gc_stats s = kit_stats(&kit);
    return s.spaces[0].objects + s.spaces[1].objects + s.spaces[2].objects;
}

/* A list, by nothing but variables of C. */
static MID__NOINLINE struct mid_ref build(unsigned length)
{
    struct mid_ref list = mid_null();
    for (unsigned i = 0; i < length; i++) {
        struct mid_ref p = mid_new(kit.heap, kit.pair), text = mid_new_string(kit.heap, kit.bytes, "text", 4);
        ck_assert(!mid_is_null(p) && !mid_is_null(text));
        mid_store(kit.heap, p, &as_pair(p)->left, list);
        mid_store(kit.heap, p, &as_pair(p)->right, text);
        as_pair(p)->value = i;
        list = p;
    }
    return list;
}

static MID__NOINLINE void check(struct mid_ref list, unsigned length)
{
    for (; length-- > 0; list = as_pair(list)->left) {
        ck_assert_uint_eq(as_pair(list)->value, length);
        ck_assert_mem_eq(mid_data(as_pair(list)->right), "text", 4);
    }
    ck_assert(mid_is_null(list));
}

static const char *const modes[] = {
    "stack-scan=on,torture=full",
    "stack-scan=on,torture=full,compaction=slide",
    "stack-scan=on,torture=full,compaction=always",
    "stack-scan=on,torture=alternate,torture-every=3,compaction=slide,verify=none",
    "stack-scan=on,torture=step,mark-step=1",
    "stack-scan=on,growth-min=64K,mark-step=1K",
};

START_TEST(list__on_the_stack_alone__lives_through_every_collection)
{
    unsigned length = _i == 5 ? 100000 : 150;
    make(modes[_i]);
    struct mid_ref list = build(length);
    check(list, length);
    struct mid_ref *inner = &as_pair(list)->left; /* an address inside, which is kept beside the reference */
    uint64_t *value = &as_pair(list)->value;
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert_ptr_eq(inner, &as_pair(list)->left);
    ck_assert_uint_eq(*value, length - 1);
    check(list, length);
    kit_end(&kit);
}
END_TEST

/* Only an address of a field is left, in a volatile variable, so that no reference can be. */
static MID__NOINLINE void keep_inner(uint64_t *volatile *out)
{
    struct mid_ref p = mid_new(kit.heap, kit.pair);
    as_pair(p)->value = 4711;
    *out = &as_pair(p)->value;
}

START_TEST(interior_pointer__alone__keeps_its_object_in_place)
{
    uint64_t *volatile inner;
    make("stack-scan=on,compaction=slide,torture=full");
    keep_inner(&inner);
    struct mid_weak *watch = mid_weak_new(kit.heap, mid__ref((uintptr_t)inner - offsetof(struct pair, value) - 8), NULL, NULL, NULL);
    for (int i = 0; i < 5; i++)
        mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_eq(*inner, 4711);
    ck_assert(!mid_is_null(mid_weak_get(kit.heap, watch)));
    inner = NULL;
    kit_end(&kit);
}
END_TEST

static MID__NOINLINE void litter(void)
{
    check(build(2000), 2000);
}

static MID__NOINLINE void wipe_stack(void)
{
    volatile char room[16384];
    for (size_t i = 0; i < sizeof room; i++)
        room[i] = 0;
}

START_TEST(garbage__no_longer_on_the_stack__is_collected)
{
    make("stack-scan=on,growth-min=64M");
    litter();
    wipe_stack();
    ck_assert_uint_eq(objects(), 4000);
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_lt(objects(), 4000); /* a stale word may keep a part of the list, hardly its head */
    kit_end(&kit);
}
END_TEST

START_TEST(large_and_huge__on_the_stack_alone__live)
{
    make("stack-scan=on,torture=full");
    struct mid_ref large = mid_new_array(kit.heap, kit.array, 5000), huge = mid_new_array(kit.heap, kit.array, 500000);
    struct mid_ref table = mid_weak_table_new(kit.heap);
    mid_array_set(kit.heap, large, 4999, huge);
    ck_assert_int_eq(mid_weak_table_set(kit.heap, table, large, huge), MID_OK);
    for (int i = 0; i < 3; i++)
        mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert(mid_same(mid_array_get(large, 4999), huge));
    ck_assert(mid_same(mid_weak_table_get(kit.heap, table, large), huge));
    kit_end(&kit);
}
END_TEST

/* The stack is that of the thread that collects, whichever made the heap. */
static void *run(void *user)
{
    (void)user;
    struct mid_ref list = build(100);
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    check(list, 100);
    return NULL;
}

START_TEST(thread__other_than_the_first__its_stack_is_read)
{
    pthread_t thread;
    make("stack-scan=on,torture=full,compaction=slide");
    check(build(10), 10);
    ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    check(build(10), 10);
    kit_end(&kit);
}
END_TEST

/* Numbers that are no addresses of objects: every word of a chunk's heads, of free blocks and of ends of blocks. */
START_TEST(words__that_refer_to_no_object__do_no_harm)
{
    make("stack-scan=on,compaction=slide,torture=full");
    struct mid_ref p = mid_new(kit.heap, kit.pair), large = mid_new_array(kit.heap, kit.array, 3000);
    uintptr_t bases[2] = {(uintptr_t)mid__chunk_of((uintptr_t)p.object), (uintptr_t)mid__chunk_of((uintptr_t)large.object)};
    volatile uintptr_t words[600];
    for (unsigned i = 0; i < 600; i++)
        words[i] = bases[i % 2] + (uintptr_t)i * 6991;
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_eq(words[599], bases[1] + (uintptr_t)599 * 6991);
    ck_assert(mid_is_a(p, kit.pair) && mid_is_a(large, kit.array));
    kit_end(&kit);
}
END_TEST

START_TEST(limit__reached__refused_and_works_on)
{
    make("stack-scan=on,old-limit=1M,verify=none");
    struct mid_ref list = mid_null(), p;
    unsigned length = 0;
    while (!mid_is_null(p = mid_new(kit.heap, kit.pair))) {
        mid_store(kit.heap, p, &as_pair(p)->left, list);
        list = p;
        length++;
    }
    ck_assert_uint_gt(length, 1000);
    for (p = list; !mid_is_null(p); p = as_pair(p)->left)
        length--;
    ck_assert_uint_eq(length, 0);
    list = mid_null();
    wipe_stack();
    ck_assert(!mid_is_null(mid_new(kit.heap, kit.pair)));
    kit_end(&kit);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("conservative");
    tcase_add_loop_test(c, list__on_the_stack_alone__lives_through_every_collection, 0, 6);
    tcase_add_test(c, interior_pointer__alone__keeps_its_object_in_place);
    tcase_add_test(c, garbage__no_longer_on_the_stack__is_collected);
    tcase_add_test(c, large_and_huge__on_the_stack_alone__live);
    tcase_add_test(c, thread__other_than_the_first__its_stack_is_read);
    tcase_add_test(c, words__that_refer_to_no_object__do_no_harm);
    tcase_add_test(c, limit__reached__refused_and_works_on);
    return run_suite("conservative", c, NULL);
}
