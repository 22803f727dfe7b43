/* SPDX-License-Identifier: MIT
 * Unit tests of kept slices: who is moved and who is not, a random run against a twin, and what the figures say. */
#include <midden/keep.h>

#include "alloc/pool_state.h"
#include "seen.h"
#include "suite.h"

#include <string.h>

#define BLOCK 65536
#define KEPT  64 /* of 1 KiB each */

static struct seen seen;

static struct mid_pool *make(unsigned flags, size_t limit)
{
    struct mid_pool_options options;
    struct mid_pool *pool;
    mid_pool_options_init(&options);
    options.flags = flags;
    options.limit_bytes = limit;
    options.broken = note_broken;
    options.broken_user = &seen;
    ck_assert_int_eq(mid_pool_create(&options, &pool), MID_OK);
    return pool;
}

static struct mid_keep *make_keep(struct mid_pool *pool, unsigned percent)
{
    struct mid_keep_options options;
    struct mid_keep *keep;
    mid_keep_options_init(&options);
    options.move_below_percent = percent;
    ck_assert_int_eq(mid_keep_create(pool, &options, &keep), MID_OK);
    return keep;
}

static void end(struct mid_pool *pool, struct mid_keep *keep)
{
    ck_assert_int_eq(mid_keep_destroy(keep), MID_OK);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
    ck_assert_uint_eq(seen.count, 0);
}

static struct mid_keep_stats stats_of(struct mid_keep *keep)
{
    struct mid_keep_stats s = {.struct_size = sizeof s};
    ck_assert_int_eq(mid_keep_stats(keep, &s), MID_OK);
    ck_assert_uint_eq(s.kept_bytes, s.moved_out_bytes + s.fixed_bytes + s.block_bytes - s.pinned_bytes);
    return s;
}

/* A block whose i-th KiB is full of i, all of it kept; the slice of the whole stays with the caller. */
static struct mid_slice fill(struct mid_pool *pool, struct mid_keep *keep, struct mid_kept *kept)
{
    struct mid_slice whole, part;
    ck_assert_int_eq(mid_slice_alloc(pool, BLOCK, &whole), MID_OK);
    for (size_t i = 0; i < KEPT; i++) {
        memset(whole.data + i * 1024, (int)i, 1024);
        ck_assert_int_eq(mid_slice_cut(whole, i * 1024, 1024, &part), MID_OK);
        ck_assert_int_eq(mid_keep_add(keep, part, &kept[i]), MID_OK);
    }
    return whole;
}

static void see(const struct mid_kept *kept, size_t i)
{
    ck_assert_uint_eq(mid_kept_bytes(kept), 1024);
    for (size_t k = 0; k < 1024; k++)
        ck_assert_uint_eq(mid_kept_data(kept)[k], i);
}

START_TEST(drop__below_the_share__moves_the_survivors_and_frees_the_block)
{
    static const unsigned percents[] = {25, 50, 100};
    struct mid_pool *pool = make(_i / 3 == 0 ? 0 : MID_POOL_CHECKED, 0);
    unsigned percent = percents[_i % 3];
    struct mid_keep *keep = make_keep(pool, percent);
    struct mid_kept kept[KEPT];
    struct mid_slice whole = fill(pool, keep, kept);
    mid_slice_release(&whole);
    size_t n = KEPT;
    while (stats_of(keep).blocks != 0) {
        ck_assert_uint_ge(100 * n, KEPT * percent);
        mid_keep_drop(keep, &kept[--n]);
    }
    ck_assert_uint_lt(100 * n, KEPT * percent);
    ck_assert_uint_ge(100 * (n + 1), KEPT * percent);
    struct mid_keep_stats s = stats_of(keep);
    ck_assert_uint_eq(s.kept, n);
    ck_assert_uint_eq(s.moves, n);
    ck_assert_uint_eq(s.moved_bytes, 1024 * n);
    ck_assert_uint_eq(s.moved_out_bytes, 1024 * n);
    ck_assert_int_eq(mid_keep_destroy(keep), MID_E_BUSY);
    while (n != 0) {
        see(&kept[n - 1], n - 1);
        mid_keep_drop(keep, &kept[--n]);
        mid_keep_drop(keep, &kept[n]);
    }
    end(pool, keep);
}
END_TEST

START_TEST(drop__while_somebody_else_holds_the_block__moves_nothing)
{
    struct mid_pool *pool = make(0, 0);
    struct mid_keep *keep = make_keep(pool, 0);
    struct mid_kept kept[KEPT], next;
    struct mid_slice whole = fill(pool, keep, kept), other;
    unsigned char *where = mid_kept_data(&kept[0]);
    for (size_t i = 1; i < KEPT; i++)
        mid_keep_drop(keep, &kept[i]);
    ck_assert_ptr_eq(mid_kept_data(&kept[0]), where);
    ck_assert_uint_eq(mid_keep_pack(keep, 100), 0);
    struct mid_slice fixed;
    ck_assert_int_eq(mid_keep_slice(keep, &kept[0], &fixed), MID_OK);
    ck_assert_ptr_eq(fixed.data, where);
    mid_slice_release(&whole);
    ck_assert_uint_eq(mid_keep_pack(keep, 100), 0);
    mid_slice_release(&fixed);
    /* The next block's record sees that the one before is sparse, and nobody else's any more. */
    ck_assert_int_eq(mid_slice_alloc(pool, BLOCK, &other), MID_OK);
    ck_assert_int_eq(mid_keep_add(keep, other, &next), MID_OK);
    ck_assert_ptr_ne(mid_kept_data(&kept[0]), where);
    see(&kept[0], 0);
    ck_assert_uint_eq(stats_of(keep).blocks, 1);
    ck_assert_int_eq(mid_keep_slice(keep, &kept[0], &fixed), MID_OK);
    ck_assert_int_eq(memcmp(fixed.data, mid_kept_data(&kept[0]), 1024), 0);
    mid_slice_release(&fixed);
    mid_keep_drop(keep, &next);
    mid_keep_drop(keep, &kept[0]);
    end(pool, keep);
}
END_TEST

static int count_blocks(void *user, const struct mid_keep_block *block)
{
    struct mid_keep_block *sum = user;
    sum->bytes += block->bytes;
    sum->kept += block->kept;
    sum->kept_bytes += block->kept_bytes;
    sum->holders += block->holders;
    sum->site = block->site;
    return block->kept == 7 ? 9 : 0;
}

START_TEST(walk__shows_who_pins_what)
{
    struct mid_pool *pool = make(_i == 0 ? 0 : MID_POOL_CHECKED, 0);
    struct mid_keep *keep = make_keep(pool, MID_KEEP_NEVER);
    struct mid_kept kept[KEPT];
    struct mid_slice whole = fill(pool, keep, kept);
    struct mid_keep_block sum = {0};
    for (size_t i = 3; i < KEPT; i++)
        mid_keep_drop(keep, &kept[i]);
    ck_assert_int_eq(mid_keep_walk(keep, count_blocks, &sum), 0);
    ck_assert_uint_eq(sum.bytes, BLOCK);
    ck_assert_uint_eq(sum.kept, 3);
    ck_assert_uint_eq(sum.kept_bytes, 3 * 1024);
    ck_assert_uint_eq(sum.holders, 1);
    ck_assert_int_eq(sum.site != NULL, pool->checked);
    ck_assert_uint_eq(stats_of(keep).pinned_bytes, BLOCK - 3 * 1024);
    mid_slice_release(&whole);
    ck_assert_uint_eq(stats_of(keep).moves, 0);
    struct mid_kept elsewhere = kept[1];
    mid_keep_moved(keep, &elsewhere);
    memset(&kept[1], 0, sizeof kept[1]);
    ck_assert_uint_eq(mid_keep_pack(keep, 50), BLOCK);
    see(&elsewhere, 1);
    mid_keep_drop(keep, &elsewhere);
    mid_keep_drop(keep, &kept[0]);
    mid_keep_drop(keep, &kept[2]);
    end(pool, keep);
}
END_TEST

START_TEST(add__what_cannot_move__is_kept_as_it_is)
{
    struct mid_pool *pool = make(0, 0);
    struct mid_keep *keep = make_keep(pool, 100), *other = make_keep(pool, 100);
    struct mid_kept kept[5];
    struct mid_slice s, shared;
    static char text[] = "static";
    ck_assert_int_eq(mid_keep_add(keep, mid_slice_static(text, 6), &kept[0]), MID_OK);
    ck_assert_int_eq(mid_slice_wrap(pool, text, 6, NULL, NULL, &s), MID_OK);
    ck_assert_int_eq(mid_keep_add(keep, s, &kept[1]), MID_OK);
    ck_assert_int_eq(mid_slice_copy(pool, text, 6, &s), MID_OK);
    ck_assert_int_eq(mid_keep_add(keep, s, &kept[2]), MID_OK);
    ck_assert_uint_eq(stats_of(keep).fixed_bytes, 18);
    ck_assert_int_eq(mid_slice_alloc(pool, BLOCK, &s), MID_OK);
    shared = mid_slice_retain(s);
    ck_assert_int_eq(mid_keep_add(keep, s, &kept[3]), MID_OK);
    ck_assert_int_eq(mid_keep_add(other, shared, &kept[4]), MID_OK);
    ck_assert_uint_eq(stats_of(other).fixed_bytes, BLOCK);
    ck_assert_uint_eq(mid_keep_pack(keep, 100) + mid_keep_pack(other, 100), 0);
    for (size_t i = 0; i < 4; i++)
        mid_keep_drop(keep, &kept[i]);
    mid_keep_drop(other, &kept[4]);
    struct mid_keep_options options;
    struct mid_keep *none;
    mid_keep_options_init(&options);
    options.move_below_percent = 101;
    ck_assert_int_eq(mid_keep_create(pool, &options, &none), MID_E_INVALID);
    ck_assert_int_eq(mid_keep_create(NULL, NULL, &none), MID_E_INVALID);
    ck_assert_int_eq(mid_keep_create(pool, NULL, NULL), MID_E_INVALID);
    ck_assert_int_eq(mid_keep_destroy(NULL), MID_OK);
    ck_assert_int_eq(mid_keep_destroy(other), MID_OK);
    end(pool, keep);
}
END_TEST

/* At the limit survivors stay where they are, and nothing is lost; with room they move. */
START_TEST(moving__without_memory__is_put_off)
{
    struct mid_pool *pool = make(MID_POOL_UNCACHED, 0);
    struct mid_keep *keep = make_keep(pool, 50);
    struct mid_kept kept[KEPT];
    struct mid_slice whole = fill(pool, keep, kept);
    mid_slice_release(&whole);
    mid_pool_trim(pool);
    struct mid_pool_stats p = {.struct_size = sizeof p};
    mid_pool_stats(pool, &p);
    ck_assert_int_eq(mid_pool_set_limit(pool, p.committed_bytes), MID_OK);
    for (size_t i = KEPT; i-- > 8;)
        mid_keep_drop(keep, &kept[i]);
    struct mid_keep_stats s = stats_of(keep);
    ck_assert_uint_gt(s.refused, 0);
    for (size_t i = 0; i < 8; i++)
        see(&kept[i], i);
    for (size_t i = 0; i < 8; i++)
        mid_keep_drop(keep, &kept[i]);
    end(pool, keep);
}
END_TEST

#define SLOTS 3000

START_TEST(random_messages__of_blocks_of_many__keep_their_bytes)
{
    struct mid_pool *pool = make(_i == 0 ? 0 : MID_POOL_CHECKED, 0);
    struct mid_keep *keep = make_keep(pool, 50);
    static struct mid_kept kept[SLOTS];
    static unsigned char seeds[SLOTS];
    uint64_t random = test_seed("kept messages");
    struct mid_slice block = mid_slice_empty(), part;
    size_t at = 0;
    for (unsigned long n = test_rounds(20000); n-- != 0;) {
        size_t bytes = 1 + test_random(&random) % 1500, i = test_random(&random) % SLOTS;
        if (at + bytes > block.bytes) {
            mid_slice_release(&block);
            ck_assert_int_eq(mid_slice_alloc(pool, BLOCK, &block), MID_OK);
            at = 0;
        }
        for (size_t k = 0; k < mid_kept_bytes(&kept[i]); k += 13)
            ck_assert_uint_eq(mid_kept_data(&kept[i])[k], seeds[i]);
        mid_keep_drop(keep, &kept[i]);
        seeds[i] = (unsigned char)test_random(&random);
        memset(block.data + at, seeds[i], bytes);
        ck_assert_int_eq(mid_slice_cut(block, at, bytes, &part), MID_OK);
        ck_assert_int_eq(mid_keep_add(keep, part, &kept[i]), MID_OK);
        at += bytes;
    }
    struct mid_keep_stats s = stats_of(keep);
    if (test_rounds(100) >= 100) /* a shortened run may end before a block is sparse */
        ck_assert_uint_gt(s.moves, 0);
    ck_assert_uint_lt(s.block_bytes + s.moved_out_bytes, 2 * s.kept_bytes);
    mid_slice_release(&block);
    for (size_t i = 0; i < SLOTS; i++)
        mid_keep_drop(keep, &kept[i]);
    ck_assert_uint_eq(stats_of(keep).kept_bytes, 0);
    end(pool, keep);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("keep");
    tcase_add_loop_test(c, drop__below_the_share__moves_the_survivors_and_frees_the_block, 0, 6);
    tcase_add_test(c, drop__while_somebody_else_holds_the_block__moves_nothing);
    tcase_add_loop_test(c, walk__shows_who_pins_what, 0, 2);
    tcase_add_test(c, add__what_cannot_move__is_kept_as_it_is);
    tcase_add_test(c, moving__without_memory__is_put_off);
    tcase_add_loop_test(c, random_messages__of_blocks_of_many__keep_their_bytes, 0, 2);
    return run_suite("keep", c, NULL);
}
