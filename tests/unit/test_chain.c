/* SPDX-License-Identifier: MIT
 * Unit tests of <midden/chain.h>: every operation against a flat twin, on chains that are cut at random. */
#include <midden/chain.h>

#include "suite.h"

#include <string.h>

static struct mid_pool *pool;

static void begin(void)
{
    ck_assert_int_eq(mid_pool_create(NULL, &pool), MID_OK);
}

/* Every count was given back: nothing is out. */
static void end(void)
{
    size_t out;
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(pool, &out), MID_OK);
}

static void append_text(struct mid_chain *chain, const char *text, size_t bytes)
{
    struct mid_slice s;
    ck_assert_int_eq(mid_slice_copy(pool, text, bytes, &s), MID_OK);
    ck_assert_int_eq(mid_chain_append(chain, s), MID_OK);
}

START_TEST(word__over_two_blocks__costs_no_allocation)
{
    struct mid_chain word;
    mid_chain_init(&word, pool);
    append_text(&word, "gr\xc3", 3);
    append_text(&word, "\xbc\xc3\x9f", 3);
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_stats(pool, &s);
    ck_assert_uint_eq(s.live_buffers, 2);
    ck_assert_uint_eq(mid_chain_segments(&word), 2);
    ck_assert(mid_chain_equal_memory(&word, "gr\xc3\xbc\xc3\x9f", 6));
    struct mid_slice flat;
    ck_assert_int_eq(mid_chain_flatten(&word, pool, &flat), MID_OK);
    ck_assert_uint_eq(mid_slice_hash(flat), mid_chain_hash(&word));
    mid_slice_release(&flat);
    mid_chain_clear(&word);
    end();
}
END_TEST

START_TEST(append__neighbours_in_one_block__are_joined)
{
    struct mid_chain chain;
    struct mid_slice whole, a, b;
    mid_chain_init(&chain, pool);
    ck_assert_int_eq(mid_slice_copy(pool, "abcdef", 6, &whole), MID_OK);
    ck_assert_int_eq(mid_slice_cut(whole, 0, 3, &a), MID_OK);
    ck_assert_int_eq(mid_slice_cut(whole, 3, 3, &b), MID_OK);
    ck_assert_int_eq(mid_chain_append(&chain, a), MID_OK);
    ck_assert_int_eq(mid_chain_append(&chain, b), MID_OK);
    ck_assert_uint_eq(mid_chain_segments(&chain), 1);
    ck_assert_uint_eq(mid_slice_holders(whole), 2);
    mid_slice_release(&whole);
    ck_assert_int_eq(mid_chain_flatten(&chain, pool, &a), MID_OK);
    ck_assert_ptr_eq(a.data, mid_chain_segment(&chain, 0).data);
    mid_slice_release(&a);
    mid_chain_clear(&chain);
    end();
}
END_TEST

START_TEST(find__delimiter_over_borders__is_found)
{
    static const char *const pieces[] = {"ab\r", "\n", "c\r\r", "\nd", "aab", "aaab"};
    struct mid_chain chain;
    char flat[64];
    mid_chain_init(&chain, pool);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        append_text(&chain, pieces[i], strlen(pieces[i]));
    flat[mid_chain_copy_out(&chain, 0, flat, sizeof flat - 1)] = '\0';
    static const char *const wanted[] = {"\r\n", "\n", "aaa", "aab", "b\r\nc", "\r\r\n", "d", "x", "baaab", "baaabx"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        for (size_t from = 0; from <= strlen(flat) + 1; from++) {
            const char *hit = from <= strlen(flat) ? strstr(flat + from, wanted[i]) : NULL;
            size_t expected = hit == NULL ? MID_CHAIN_NONE : (size_t)(hit - flat);
            ck_assert_uint_eq(mid_chain_find(&chain, from, wanted[i], strlen(wanted[i])), expected);
            if (wanted[i][1] == '\0')
                ck_assert_uint_eq(mid_chain_find_byte(&chain, from, (unsigned char)wanted[i][0]), expected);
        }
    ck_assert_uint_eq(mid_chain_find(&chain, 3, "", 0), 3);
    ck_assert_uint_eq(mid_chain_find(&chain, strlen(flat), "", 0), strlen(flat));
    mid_chain_clear(&chain);
    end();
}
END_TEST

START_TEST(cut__beyond_the_end__is_invalid_and_changes_nothing)
{
    struct mid_chain chain, out;
    mid_chain_init(&chain, pool);
    mid_chain_init(&out, pool);
    append_text(&chain, "abc", 3);
    ck_assert_int_eq(mid_chain_cut(&chain, 4, 0, &out), MID_E_INVALID);
    ck_assert_int_eq(mid_chain_cut(&chain, 1, 3, &out), MID_E_INVALID);
    ck_assert_int_eq(mid_chain_cut(&chain, SIZE_MAX, 2, &out), MID_E_INVALID);
    ck_assert_int_eq(mid_chain_cut(&chain, 0, 3, &chain), MID_E_INVALID);
    ck_assert_int_eq(mid_chain_append_chain(&chain, &chain), MID_E_INVALID);
    ck_assert_int_eq(mid_chain_cut(&chain, 3, 0, &out), MID_OK);
    ck_assert_uint_eq(mid_chain_bytes(&out), 0);
    ck_assert_ptr_null(mid_chain_segment(&chain, 1).data);
    mid_chain_clear(&chain);
    end();
}
END_TEST

START_TEST(append__length_beyond_size_max__is_invalid)
{
    struct mid_chain chain;
    mid_chain_init(&chain, pool);
    ck_assert_int_eq(mid_chain_append(&chain, mid_slice_static("x", SIZE_MAX)), MID_OK);
    ck_assert_int_eq(mid_chain_append(&chain, mid_slice_static("x", 1)), MID_E_INVALID);
    ck_assert_int_eq(mid_chain_prepend(&chain, mid_slice_static("x", 1)), MID_E_INVALID);
    ck_assert_uint_eq(mid_chain_segments(&chain), 1);
    mid_chain_clear(&chain);
    end();
}
END_TEST

/* ---- against a flat twin */

#define FLAT 4000

struct twin {
    struct mid_chain chain;
    unsigned char flat[FLAT];
    size_t bytes;
};

static void see_same(const struct twin *t)
{
    unsigned char copy[FLAT];
    struct iovec vector[64];
    ck_assert_uint_eq(mid_chain_bytes(&t->chain), t->bytes);
    ck_assert(mid_chain_equal_memory(&t->chain, t->flat, t->bytes));
    ck_assert_uint_eq(mid_chain_copy_out(&t->chain, 0, copy, FLAT), t->bytes);
    ck_assert_int_eq(memcmp(copy, t->flat, t->bytes), 0);
    ck_assert_uint_eq(mid_chain_hash(&t->chain), mid_slice_hash(mid_slice_static(t->flat, t->bytes)));
    size_t at = t->bytes / 3;
    while (at < t->bytes) {
        size_t n = mid_chain_iovec(&t->chain, at, vector, 64);
        ck_assert_uint_gt(n, 0);
        for (size_t i = 0; i < n; i++) {
            ck_assert_int_eq(memcmp(vector[i].iov_base, t->flat + at, vector[i].iov_len), 0);
            at += vector[i].iov_len;
        }
    }
    ck_assert_uint_eq(at, t->bytes);
}

static void grow(struct twin *t, uint64_t *random)
{
    unsigned char text[40];
    size_t n = test_random(random) % sizeof text;
    if (t->bytes + n > FLAT)
        return;
    for (size_t i = 0; i < n; i++)
        text[i] = (unsigned char)test_random(random);
    struct mid_slice s;
    ck_assert_int_eq(mid_slice_copy(pool, text, n, &s), MID_OK);
    if (test_random(random) % 2 == 0) {
        ck_assert_int_eq(mid_chain_append(&t->chain, s), MID_OK);
        memcpy(t->flat + t->bytes, text, n);
    } else {
        ck_assert_int_eq(mid_chain_prepend(&t->chain, s), MID_OK);
        memmove(t->flat + n, t->flat, t->bytes);
        memcpy(t->flat, text, n);
    }
    t->bytes += n;
}

/* Appends a random part of one to the other, shared. */
static void cut(const struct twin *from, struct twin *to, uint64_t *random)
{
    size_t offset = test_random(random) % (from->bytes + 1), n = test_random(random) % (from->bytes - offset + 1);
    if (to->bytes + n > FLAT)
        return;
    ck_assert_int_eq(mid_chain_cut(&from->chain, offset, n, &to->chain), MID_OK);
    memcpy(to->flat + to->bytes, from->flat + offset, n);
    to->bytes += n;
}

static void shrink(struct twin *t, uint64_t *random)
{
    size_t n = test_random(random) % (t->bytes + 10);
    mid_chain_drop_front(&t->chain, n);
    n = n < t->bytes ? n : t->bytes;
    memmove(t->flat, t->flat + n, t->bytes - n);
    t->bytes -= n;
}

static void join(struct twin *a, struct twin *b)
{
    if (a->bytes + b->bytes > FLAT)
        return;
    ck_assert_int_eq(mid_chain_append_chain(&a->chain, &b->chain), MID_OK);
    memcpy(a->flat + a->bytes, b->flat, b->bytes);
    a->bytes += b->bytes;
    b->bytes = 0;
}

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

START_TEST(random_operations__two_chains__agree_with_flat_twins)
{
    uint64_t random = test_seed("chain");
    static struct twin twins[2];
    for (int i = 0; i < 2; i++)
        mid_chain_init(&twins[i].chain, pool);
    unsigned long rounds = test_rounds(20000);
    for (unsigned long i = 0; i < rounds; i++) {
        struct twin *a = &twins[test_random(&random) % 2], *b = a == twins ? twins + 1 : twins;
        switch (test_random(&random) % 12) {
        case 0:
            cut(a, b, &random);
            break;
        case 1:
            shrink(a, &random);
            break;
        case 2:
            join(a, b);
            break;
        default:
            grow(a, &random);
        }
        if (i % 8 != 0)
            continue;
        see_same(a);
        see_same(b);
        ck_assert_int_eq(sign(mid_chain_compare(&a->chain, &b->chain)),
                         sign(mid_slice_compare(mid_slice_static(a->flat, a->bytes),
                                                mid_slice_static(b->flat, b->bytes))));
    }
    for (int i = 0; i < 2; i++)
        mid_chain_clear(&twins[i].chain);
    end();
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("chain");
    tcase_add_checked_fixture(c, begin, NULL);
    tcase_add_test(c, word__over_two_blocks__costs_no_allocation);
    tcase_add_test(c, append__neighbours_in_one_block__are_joined);
    tcase_add_test(c, find__delimiter_over_borders__is_found);
    tcase_add_test(c, cut__beyond_the_end__is_invalid_and_changes_nothing);
    tcase_add_test(c, append__length_beyond_size_max__is_invalid);
    tcase_add_test(c, random_operations__two_chains__agree_with_flat_twins);
    return run_suite("chain", c, NULL);
}
