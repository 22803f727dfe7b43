/* SPDX-License-Identifier: MIT
 * Unit tests of <midden/slice.h>. */
#include <midden/slice.h>

#include "alloc/pool_state.h"
#include "seen.h"
#include "suite.h"

#include <pthread.h>
#include <string.h>

static struct seen seen;

static struct mid_pool *make(enum mid_pool_policy policy, unsigned flags, size_t limit)
{
    struct mid_pool_options options;
    struct mid_pool *pool;
    mid_pool_options_init(&options);
    options.policy = policy;
    options.flags = flags;
    options.limit_bytes = limit;
    options.broken = note_broken;
    options.broken_user = &seen;
    ck_assert_int_eq(mid_pool_create(&options, &pool), MID_OK);
    return pool;
}

static void end(struct mid_pool *pool)
{
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}

static const size_t sizes[] = {0, 1, 7, 8, 1000, 1007, 1008, 1023, 1024, 8191, 8192, 65536, 1200000};
#define SIZES ((int)(sizeof sizes / sizeof *sizes))

START_TEST(alloc__any_size__lives_until_its_last_slice)
{
    struct mid_pool *pool = make(_i % 2 == 0 ? MID_POOL_SIZE_CLASS : MID_POOL_SEQUENTIAL, 0, 0);
    size_t n = sizes[_i / 2];
    struct mid_slice a, b, c;
    ck_assert_int_eq(mid_slice_alloc(pool, n, &a), MID_OK);
    ck_assert_uint_eq(a.bytes, n);
    ck_assert_ptr_nonnull(a.data);
    memset(a.data, 'x', n);
    ck_assert_int_eq(mid_slice_cut(a, n / 2, n - n / 2, &b), MID_OK);
    ck_assert_ptr_eq(b.data, a.data + n / 2);
    ck_assert_int_eq(mid_slice_cut(b, 0, 0, &c), MID_OK);
    ck_assert_uint_eq(mid_slice_holders(a), 3);
    ck_assert_uint_ge(mid_slice_pinned_bytes(c), n);
    unsigned char *first = b.data;
    mid_slice_release(&a);
    ck_assert_ptr_null(a.data);
    mid_slice_release(&c);
    size_t kept = 0;
    for (size_t i = 0; i < b.bytes; i++)
        kept += first[i] == 'x';
    ck_assert_uint_eq(kept, b.bytes);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_E_BUSY);
    mid_slice_release(&b);
    mid_slice_release(&b);
    end(pool);
    ck_assert_uint_eq(seen.count, 0);
}
END_TEST

START_TEST(large__block__is_page_aligned_and_takes_no_slab_more)
{
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, 0, 0);
    struct mid_slice a;
    ck_assert_int_eq(mid_slice_alloc(pool, 65536, &a), MID_OK);
    ck_assert_uint_eq((uintptr_t)a.data % 4096, 0);
    ck_assert_uint_eq(mid_slice_pinned_bytes(a), pool->checked ? 73728 : 65536);
    mid_slice_release(&a);
    end(pool);
}
END_TEST

START_TEST(pinned__small_slice_of_a_sequential_slab__is_the_whole_slab)
{
    struct mid_pool *pool = make(MID_POOL_SEQUENTIAL, 0, 0);
    struct mid_slice a;
    ck_assert_int_eq(mid_slice_alloc(pool, 3, &a), MID_OK);
    ck_assert_uint_eq(mid_slice_pinned_bytes(a), 8192);
    ck_assert_uint_eq(mid_slice_pinned_bytes(mid_slice_static("abc", 3)), 0);
    mid_slice_release(&a);
    end(pool);
}
END_TEST

START_TEST(cut__beyond_the_slice__is_invalid)
{
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, 0, 0);
    struct mid_slice a, b;
    ck_assert_int_eq(mid_slice_copy(pool, "hello", 5, &a), MID_OK);
    const size_t bad[][2] = {{6, 0}, {0, 6}, {5, 1}, {SIZE_MAX, 1}, {1, SIZE_MAX}, {SIZE_MAX, SIZE_MAX}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(mid_slice_cut(a, bad[i][0], bad[i][1], &b), MID_E_INVALID);
        ck_assert_uint_eq(b.bytes, 0);
        ck_assert_ptr_null(b.block);
    }
    ck_assert_uint_eq(mid_slice_holders(a), 1);
    ck_assert_int_eq(mid_slice_cut(a, 0, 1, NULL), MID_E_INVALID);
    ck_assert_int_eq(mid_slice_alloc(NULL, 1, &b), MID_E_INVALID);
    ck_assert_int_eq(mid_slice_alloc(pool, 1, NULL), MID_E_INVALID);
    ck_assert_int_eq(mid_slice_alloc(pool, SIZE_MAX, &b), MID_E_MEMORY);
    mid_slice_release(&a);
    end(pool);
}
END_TEST

START_TEST(alloc__at_the_limit__fails_and_loses_nothing)
{
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, 0, 16384);
    struct mid_slice a;
    ck_assert_int_eq(mid_slice_alloc(pool, 16384, &a), MID_E_LIMIT);
    ck_assert_ptr_null(a.block);
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_stats(pool, &s);
    ck_assert_uint_eq(s.live_buffers, 0);
    end(pool);
}
END_TEST

struct given {
    int calls;
    void *memory;
    size_t bytes;
};

static void give_back(void *user, void *memory, size_t bytes)
{
    struct given *g = user;
    g->calls++;
    g->memory = memory;
    g->bytes = bytes;
}

START_TEST(wrap__foreign_memory__is_given_back_once)
{
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, 0, 0);
    struct given given = {0};
    static char memory[100];
    struct mid_slice a, b;
    ck_assert_int_eq(mid_slice_wrap(pool, memory, 100, give_back, &given, &a), MID_OK);
    ck_assert_int_eq(mid_slice_cut(a, 10, 20, &b), MID_OK);
    ck_assert_uint_eq(mid_slice_pinned_bytes(b), 100);
    mid_slice_release(&a);
    ck_assert_int_eq(given.calls, 0);
    mid_slice_release(&b);
    ck_assert_int_eq(given.calls, 1);
    ck_assert_ptr_eq(given.memory, memory);
    ck_assert_uint_eq(given.bytes, 100);
    ck_assert_int_eq(mid_slice_wrap(pool, memory, 100, NULL, NULL, &a), MID_OK);
    mid_slice_release(&a);
    end(pool);
    struct mid_pool *tight = make(MID_POOL_SIZE_CLASS, 0, 1);
    ck_assert_int_eq(mid_slice_wrap(tight, memory, 100, give_back, &given, &a), MID_E_LIMIT);
    ck_assert_int_eq(given.calls, 1);
    end(tight);
}
END_TEST

START_TEST(static__memory__is_never_counted)
{
    struct mid_slice a = mid_slice_static("constant", 8), b = mid_slice_retain(a), c;
    ck_assert_int_eq(mid_slice_cut(b, 3, 5, &c), MID_OK);
    ck_assert(mid_slice_equal(c, mid_slice_static("stant", 5)));
    mid_slice_release(&a);
    mid_slice_release(&b);
    mid_slice_release(&c);
    mid_slice_release(NULL);
}
END_TEST

START_TEST(compare__all_orders__are_those_of_memcmp)
{
    struct mid_slice abc = mid_slice_static("abc", 3), ab = mid_slice_static("ab", 2), b = mid_slice_static("b", 1);
    struct mid_slice none = mid_slice_empty(), high = mid_slice_static("\xff", 1);
    ck_assert_int_eq(mid_slice_compare(abc, abc), 0);
    ck_assert_int_lt(mid_slice_compare(ab, abc), 0);
    ck_assert_int_gt(mid_slice_compare(b, abc), 0);
    ck_assert_int_lt(mid_slice_compare(none, ab), 0);
    ck_assert_int_gt(mid_slice_compare(high, b), 0);
    ck_assert(mid_slice_equal(none, mid_slice_static("", 0)));
    ck_assert(!mid_slice_equal(ab, abc));
    ck_assert_uint_ne(mid_slice_hash(ab), mid_slice_hash(abc));
}
END_TEST

START_TEST(split_and_rooms__of_every_kind_of_block__add_up)
{
    static const size_t kinds[] = {100, 1023, 1024, 70000};
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, _i / 4 == 0 ? 0 : MID_POOL_CHECKED, 0);
    struct mid_slice s, tail, text = mid_slice_static("static", 6);
    size_t bytes = kinds[_i % 4];
    ck_assert_int_eq(mid_slice_alloc(pool, bytes, &s), MID_OK);
    memset(s.data, 'a', bytes);
    ck_assert_uint_eq(mid_slice_head_room(s) + mid_slice_tail_room(s), 0);
    ck_assert_int_eq(mid_slice_split(&s, bytes + 1, &tail), MID_E_INVALID);
    ck_assert_uint_eq(s.bytes, bytes);
    ck_assert_int_eq(mid_slice_split(&s, 60, &tail), MID_OK);
    ck_assert_uint_eq(s.bytes, 60);
    ck_assert_uint_eq(tail.bytes, bytes - 60);
    ck_assert_uint_eq(mid_slice_head_room(tail), 60);
    ck_assert_uint_eq(mid_slice_tail_room(s), bytes - 60);
    mid_slice_advance(&tail, 10);
    mid_slice_trim(&tail, 20);
    ck_assert_uint_eq(mid_slice_head_room(tail), 70);
    ck_assert_uint_eq(mid_slice_tail_room(tail), bytes - 90);
    const unsigned char *before = tail.data;
    ck_assert_int_eq(mid_slice_unshare(&tail, pool), MID_OK);
    ck_assert_ptr_ne(tail.data, before);
    tail.data[19] = 'b';
    ck_assert_uint_eq(before[19], 'a');
    before = tail.data;
    ck_assert_int_eq(mid_slice_unshare(&tail, pool), MID_OK);
    ck_assert_ptr_eq(tail.data, before);
    mid_slice_advance(&s, 1000);
    ck_assert_uint_eq(s.bytes, 0);
    ck_assert_uint_eq(mid_slice_head_room(text) + mid_slice_tail_room(text), 0);
    ck_assert_int_eq(mid_slice_unshare(&text, pool), MID_OK);
    ck_assert_int_eq(memcmp(text.data, "static", 6), 0);
    mid_slice_release(&text);
    mid_slice_release(&tail);
    mid_slice_release(&s);
    end(pool);
}
END_TEST

/* Late calls are seen as long as the dead block's place was not taken again. */
START_TEST(retain_and_release__from_zero__are_caught)
{
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, _i == 0 ? 0 : MID_POOL_CHECKED, 0);
    struct mid_slice a, copy, cut;
    ck_assert_int_eq(mid_slice_alloc(pool, 50, &a), MID_OK);
    copy = a;
    mid_slice_release(&a);
    a = mid_slice_retain(copy);
    ck_assert_ptr_null(a.block);
    ck_assert_uint_eq(seen.count, 1);
    ck_assert(was_seen(&seen, "slice.retain_from_zero"));
    ck_assert_int_eq(mid_slice_cut(copy, 0, 1, &cut), MID_E_BROKEN);
    mid_slice_release(&copy);
    ck_assert_uint_eq(seen.count, 3);
    ck_assert(was_seen(&seen, "slice.release_from_zero"));
    end(pool);
}
END_TEST

START_TEST(retain__beyond_two_to_the_31__is_refused)
{
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, 0, 0);
    struct mid_slice a;
    ck_assert_int_eq(mid_slice_alloc(pool, 50, &a), MID_OK);
    *(uint32_t *)(void *)a.block = 0x80000000u;
    ck_assert_ptr_null(mid_slice_retain(a).block);
    ck_assert(was_seen(&seen, "slice.count_overflow"));
    *(uint32_t *)(void *)a.block = 1;
    mid_slice_release(&a);
    end(pool);
}
END_TEST

#define THREADS 4

static void *churn(void *argument)
{
    struct mid_slice *shared = argument, cut;
    unsigned long rounds = test_rounds(20000);
    for (unsigned long i = 0; i < rounds; i++) {
        struct mid_slice mine = mid_slice_retain(*shared);
        if (mid_slice_cut(mine, i % 100, 1, &cut) != MID_OK || *cut.data != i % 100)
            ck_abort_msg("round %lu", i);
        mid_slice_release(&mine);
        mid_slice_release(&cut);
    }
    mid_slice_release(shared);
    return NULL;
}

START_TEST(threads__sharing_a_block__release_it_once)
{
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, 0, 0);
    struct given given = {0};
    unsigned char memory[100];
    for (unsigned char i = 0; i < 100; i++)
        memory[i] = i;
    struct mid_slice first, shares[THREADS];
    ck_assert_int_eq(mid_slice_wrap(pool, memory, 100, give_back, &given, &first), MID_OK);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        shares[i] = mid_slice_retain(first);
        pthread_create(&threads[i], NULL, churn, &shares[i]);
    }
    mid_slice_release(&first);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(given.calls, 1);
    end(pool);
}
END_TEST

/* Every text of up to four bytes out of the interesting ones, against a decoder that goes forward. */
static size_t incomplete_by_going_forward(const unsigned char *p, size_t n)
{
    size_t i = 0;
    while (i < n) {
        static const struct {
            unsigned char low, high, second_low, second_high;
            size_t length;
        } table[] = {{0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                     {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                     {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
        size_t row = 0, k = 1;
        while (row < 9 && (p[i] < table[row].low || p[i] > table[row].high))
            row++;
        if (row == 9) {
            i++;
            continue;
        }
        for (; k < table[row].length && i + k < n; k++) {
            unsigned char low = k == 1 ? table[row].second_low : 0x80, high = k == 1 ? table[row].second_high : 0xbf;
            if (p[i + k] < low || p[i + k] > high)
                break;
        }
        if (k < table[row].length && i + k == n)
            return n - i;
        i += k;
    }
    return 0;
}

START_TEST(utf8__every_short_text__is_cut_where_a_decoder_would_wait)
{
    static const unsigned char alphabet[] = {'a',  0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2,
                                             0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5};
    size_t letters = sizeof alphabet, checked = 0;
    for (size_t n = 1; n <= 4; n++)
        for (size_t code = 0, end = n == 1 ? letters : n == 2 ? 324 : n == 3 ? 5832 : 104976; code < end; code++) {
            unsigned char text[4];
            for (size_t i = 0, rest = code; i < n; i++, rest /= letters)
                text[i] = alphabet[rest % letters];
            if (mid_utf8_incomplete_bytes(text, n) != incomplete_by_going_forward(text, n))
                ck_abort_msg("text %zu of %zu bytes", code, n);
            checked++;
        }
    ck_assert_uint_eq(checked, 18 + 324 + 5832 + 104976);
    ck_assert_uint_eq(mid_utf8_incomplete_bytes(NULL, 0), 0);
}
END_TEST

START_TEST(place__of_any_slice__lies_within_its_slab)
{
    struct mid_pool *pool = make(_i % 2 == 0 ? MID_POOL_SIZE_CLASS : MID_POOL_SEQUENTIAL, 0, 0);
    struct mid_slice a, b;
    struct mid_slice_place x = {.struct_size = sizeof x}, y = x;
    ck_assert_int_eq(mid_slice_alloc(pool, sizes[_i / 2], &a), MID_OK);
    ck_assert_int_eq(mid_slice_cut(a, a.bytes / 2, a.bytes / 4, &b), MID_OK);
    ck_assert_int_eq(mid_slice_place(a, &x), 1);
    ck_assert_int_eq(mid_slice_place(b, &y), 1);
    ck_assert(x.memory == y.memory && x.slab == y.slab && x.bytes == y.bytes);
    uintptr_t slab = (uintptr_t)x.slab, memory = (uintptr_t)x.memory, data = (uintptr_t)a.data;
    ck_assert_uint_le(slab, memory);
    ck_assert_uint_le(memory, data);
    ck_assert_uint_le(data + a.bytes, memory + x.bytes);
    ck_assert_uint_le(memory + x.bytes, slab + x.slab_bytes);
    mid_slice_release(&a);
    mid_slice_release(&b);
    end(pool);
}
END_TEST

START_TEST(place__of_static_wrapped_or_unset__says_what_it_knows)
{
    static char memory[100];
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, 0, 0);
    struct mid_slice a;
    struct mid_slice_place place = {.struct_size = sizeof place};
    ck_assert_int_eq(mid_slice_wrap(pool, memory, sizeof memory, NULL, NULL, &a), MID_OK);
    ck_assert_int_eq(mid_slice_place(a, &place), 1);
    ck_assert(place.memory == memory && place.bytes == sizeof memory && place.slab == NULL && place.slab_bytes == 0);
    ck_assert_int_eq(mid_slice_place(mid_slice_static("abc", 3), &place), 0);
    ck_assert(place.struct_size == sizeof place && place.memory == NULL && place.bytes == 0);
    ck_assert_int_eq(mid_slice_place(mid_slice_empty(), &place), 0);
    place.struct_size = 1;
    ck_assert_int_eq(mid_slice_place(a, &place), 0);
    mid_slice_release(&a);
    end(pool);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("slice");
    tcase_add_loop_test(c, split_and_rooms__of_every_kind_of_block__add_up, 0, 8);
    tcase_add_loop_test(c, alloc__any_size__lives_until_its_last_slice, 0, 2 * SIZES);
    tcase_add_loop_test(c, place__of_any_slice__lies_within_its_slab, 0, 2 * SIZES);
    tcase_add_test(c, place__of_static_wrapped_or_unset__says_what_it_knows);
    tcase_add_test(c, large__block__is_page_aligned_and_takes_no_slab_more);
    tcase_add_test(c, pinned__small_slice_of_a_sequential_slab__is_the_whole_slab);
    tcase_add_test(c, cut__beyond_the_slice__is_invalid);
    tcase_add_test(c, alloc__at_the_limit__fails_and_loses_nothing);
    tcase_add_test(c, wrap__foreign_memory__is_given_back_once);
    tcase_add_test(c, static__memory__is_never_counted);
    tcase_add_test(c, compare__all_orders__are_those_of_memcmp);
    tcase_add_loop_test(c, retain_and_release__from_zero__are_caught, 0, 2);
    tcase_add_test(c, retain__beyond_two_to_the_31__is_refused);
    tcase_add_test(c, threads__sharing_a_block__release_it_once);
    tcase_add_test(c, utf8__every_short_text__is_cut_where_a_decoder_would_wait);
    return run_suite("slice", c, NULL);
}
