/* SPDX-License-Identifier: MIT
 * Unit tests of what a pool catches: misuse by the program, and invariants that the test breaks behind its back. */
#include <midden/pool.h>

#include "alloc/pool_state.h"
#include "seen.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

static struct seen seen;

static struct mid_pool *make(enum mid_pool_policy policy, unsigned flags)
{
    struct mid_pool_options options;
    struct mid_pool *pool;
    mid_pool_options_init(&options);
    options.policy = policy;
    options.flags = flags;
    options.broken = note_broken;
    options.broken_user = &seen;
    ck_assert_int_eq(mid_pool_create(&options, &pool), MID_OK);
    return pool;
}

static enum mid_pool_policy policy_of(int i)
{
    return i % 2 == 0 ? MID_POOL_SIZE_CLASS : MID_POOL_SEQUENTIAL;
}

static unsigned flags_of(int i)
{
    return i / 2 == 0 ? MID_POOL_UNCACHED : MID_POOL_CHECKED;
}

static void end_quietly(struct mid_pool *pool)
{
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}

START_TEST(release__twice__is_reported_and_ignored)
{
    struct mid_pool *pool = make(policy_of(_i), flags_of(_i));
    const size_t sizes[] = {1, 100, 1000, 5000, 9000, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *neighbour = mid_pool_alloc(pool, sizes[i]), *p = mid_pool_alloc(pool, sizes[i]);
        mid_pool_release(pool, p);
        mid_pool_release(pool, p);
        ck_assert_uint_eq(seen.count, i + 1);
        mid_pool_release(pool, neighbour);
    }
    ck_assert(was_seen(&seen, "pool.double_release"));
    if (pool->checked)
        ck_assert_ptr_nonnull(strstr(seen.last, "released at"));
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_stats(pool, &s);
    ck_assert_uint_eq(s.misuses, sizeof sizes / sizeof *sizes);
    end_quietly(pool);
}
END_TEST

/* The bug: once its slab had gone back to the arena, a buffer that was released again was called foreign, without the sites. */
START_TEST(release__twice_after_the_slab_went_back__is_still_a_double_release)
{
    struct mid_pool *pool = make(policy_of(_i), flags_of(_i));
    const size_t sizes[] = {0, 1, 100, 1000, 5000, 9000, 100000, 1000000};
    char *stay = mid_pool_alloc(pool, 20000); /* so that the region stays */
    unsigned expected = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *first = mid_pool_alloc(pool, sizes[i]), *p = mid_pool_alloc(pool, sizes[i]);
        mid_pool_release(pool, first);
        mid_pool_release(pool, p);
        mid_pool_trim(pool);
        ck_assert_ptr_null(mid__arena_find(&pool->arena, p));
        seen.last[0] = '\0';
        mid_pool_release(pool, p);
        ck_assert_uint_eq(seen.count, ++expected);
        if (pool->checked) {
            ck_assert_ptr_nonnull(strstr(seen.last, "taken at"));
            ck_assert_ptr_nonnull(strstr(seen.last, "released at"));
        }
        if (pool->checked || !pool->sequential || sizes[i] >= 8192)
            ck_assert_ptr_nonnull(strstr(seen.last, "already"));
        mid_pool_release(pool, p + 8); /* where no buffer began */
        ck_assert_uint_eq(seen.count, ++expected);
        ck_assert_ptr_nonnull(strstr(seen.last, "no buffer of this pool"));
        mid_pool_release(pool, mid_pool_alloc(pool, 300)); /* other slabs lie there now */
        mid_pool_release(pool, mid_pool_alloc(pool, 20000));
    }
    mid_pool_release(pool, stay);
    ck_assert_uint_eq(seen.count, expected);
    end_quietly(pool);
}
END_TEST

/* The bug: a pointer into a large buffer was called a double release, by a record that small buffers had left there. */
START_TEST(release__into_a_large_buffer_where_small_ones_were__is_foreign)
{
    struct mid_pool *pool = make(policy_of(_i), MID_POOL_CHECKED);
    char *small[512], *stay = mid_pool_alloc(pool, 20000); /* so that the region stays, with its records */
    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        small[i] = mid_pool_alloc(pool, 16);
    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        mid_pool_release(pool, small[i]);
    mid_pool_trim(pool);
    char *large = mid_pool_alloc(pool, 8192);
    mid_pool_release(pool, large + 8);
    ck_assert_uint_eq(seen.count, 1);
    ck_assert(was_seen(&seen, "pool.foreign"));
    mid_pool_release(pool, large);
    mid_pool_release(pool, stay);
    end_quietly(pool);
}
END_TEST

START_TEST(release__any_stranger__is_reported_and_ignored)
{
    struct mid_pool *pool = make(policy_of(_i), flags_of(_i)), *other = make(policy_of(_i), 0);
    char *p = mid_pool_alloc(pool, 100), *large = mid_pool_alloc(pool, 50000), *huge = mid_pool_alloc(pool, 3000000);
    char *theirs = mid_pool_alloc(other, 100), *ours = malloc(100);
    const void *strangers[] = {p + 1, p + 8, p + 16, large + 8192, large + 16, huge + 8192, huge + 2500000, theirs, ours,
                               &pool, (void *)(uintptr_t)1, (void *)UINTPTR_MAX,
                               (void *)(uintptr_t)0x123456789abcdef0};
    size_t n = sizeof strangers / sizeof *strangers;
    for (size_t i = 0; i < n; i++) {
        mid_pool_release(pool, (void *)(uintptr_t)strangers[i]);
        ck_assert_uint_eq(seen.count, 3 * i + 1);
        ck_assert_uint_eq(mid_pool_usable_bytes(pool, strangers[i]), 0);
        ck_assert_ptr_null(mid_pool_resize(pool, (void *)(uintptr_t)strangers[i], 10));
        ck_assert_uint_eq(seen.count, 3 * i + 3);
    }
    ck_assert(was_seen(&seen, "pool.foreign"));
    mid_pool_release(pool, p);
    mid_pool_release(pool, large);
    mid_pool_release(pool, huge);
    ck_assert_uint_eq(seen.count, 3 * n);
    mid_pool_release(other, theirs);
    free(ours);
    end_quietly(pool);
    end_quietly(other);
}
END_TEST

START_TEST(release_sized__wrong_size__is_reported_in_a_checked_pool)
{
    struct mid_pool *pool = make(policy_of(_i), MID_POOL_CHECKED);
    mid_pool_release_sized(pool, mid_pool_alloc(pool, 100), 101);
    ck_assert_uint_eq(seen.count, 1);
    ck_assert(was_seen(&seen, "pool.wrong_size"));
    end_quietly(pool);
}
END_TEST

START_TEST(overrun__one_byte__is_seen_by_verify_and_at_release)
{
    struct mid_pool *pool = make(policy_of(_i), MID_POOL_CHECKED);
    if (!pool->watched) {
        const size_t sizes[] = {0, 1, 16, 100, 1000, 8100, 8192, 50000};
        size_t n = sizeof sizes / sizeof *sizes;
        for (size_t i = 0; i < n; i++) {
            volatile char *p = mid_pool_alloc(pool, sizes[i]);
            p[sizes[i]] = 0;
            ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_E_BROKEN);
            ck_assert_uint_eq(seen.count, 2 * i + 1);
            mid_pool_release(pool, (void *)(uintptr_t)p);
            ck_assert_uint_eq(seen.count, 2 * i + 2);
        }
        ck_assert(was_seen(&seen, "pool.overrun"));
    }
    end_quietly(pool);
}
END_TEST

START_TEST(write__after_release__is_seen_when_the_place_is_taken_again)
{
    struct mid_pool *pool = make(policy_of(_i), MID_POOL_CHECKED);
    if (!pool->watched) {
        volatile char *p = mid_pool_alloc(pool, 100);
        mid_pool_release(pool, (void *)(uintptr_t)p);
        p[50] = 1;
        if (_i == 0)
            ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_E_BROKEN);
        void *again = mid_pool_alloc(pool, 100);
        ck_assert_ptr_eq(again, (void *)(uintptr_t)p);
        ck_assert(was_seen(&seen, "pool.write_after_release"));
        mid_pool_release(pool, again);
    }
    end_quietly(pool);
}
END_TEST

/* ---- invariants, broken one by one: verify names each, and is content when it is mended */

struct broken_thing {
    const char *rule;
    enum mid_pool_policy policy;
    size_t bytes; /* of the thing that is overwritten */
    void *(*find)(struct mid_pool *pool, struct mid__slab *s);
};

static void *word_of(struct mid_pool *pool, struct mid__slab *s)
{
    (void)pool;
    return (char *)(void *)mid__slab_starts(s) + 1; /* buffers of this class begin at every eighth byte */
}

static void *live_word_of(struct mid_pool *pool, struct mid__slab *s)
{
    (void)pool;
    return (void *)&mid__slab_words(s)[16 + 15];
}

static void *slab_live(struct mid_pool *pool, struct mid__slab *s)
{
    (void)pool;
    return &s->live;
}

static void *slab_live_bytes(struct mid_pool *pool, struct mid__slab *s)
{
    (void)pool;
    return &s->live_bytes;
}

static void *slab_fill(struct mid_pool *pool, struct mid__slab *s)
{
    (void)pool;
    return &s->fill;
}

static void *slab_state(struct mid_pool *pool, struct mid__slab *s)
{
    (void)pool;
    return &s->state;
}

static void *slab_next(struct mid_pool *pool, struct mid__slab *s)
{
    (void)pool;
    return &s->next;
}

static void *slab_tag(struct mid_pool *pool, struct mid__slab *s)
{
    (void)pool;
    return (void *)&s->region->tags[s->index];
}

static void *slab_back(struct mid_pool *pool, struct mid__slab *s)
{
    (void)pool;
    return (void *)&s->region->backs[s->index];
}

static void *region_used(struct mid_pool *pool, struct mid__slab *s)
{
    (void)pool;
    return &s->region->used[5];
}

static void *region_touched(struct mid_pool *pool, struct mid__slab *s)
{
    (void)pool;
    return &s->region->touched[0];
}

static void *region_free_units(struct mid_pool *pool, struct mid__slab *s)
{
    (void)pool;
    return &s->region->free_units;
}

static void *region_open(struct mid_pool *pool, struct mid__slab *s)
{
    (void)pool;
    return &s->region->open;
}

static void *region_bound(struct mid_pool *pool, struct mid__slab *s)
{
    (void)pool;
    return &s->region->run_bound;
}

static void *arena_runs_map(struct mid_pool *pool, struct mid__slab *s)
{
    (void)s;
    return &pool->arena.runs_map;
}

static void *region_memory(struct mid_pool *pool, struct mid__slab *s)
{
    uintptr_t key = (uintptr_t)s->region->memory >> MID__REGION_SHIFT;
    return (void *)&atomic_load(&pool->arena.root[key >> MID__LEAF_SHIFT])->regions[key % MID__LEAF_ENTRIES];
}

static void *region_key(struct mid_pool *pool, struct mid__slab *s)
{
    (void)pool;
    return (void *)&s->region->key;
}

static void *arena_committed(struct mid_pool *pool, struct mid__slab *s)
{
    (void)s;
    return &pool->arena.committed_bytes;
}

static void *arena_spare(struct mid_pool *pool, struct mid__slab *s)
{
    (void)s;
    return &pool->arena.spare_bytes;
}

static void *arena_limit(struct mid_pool *pool, struct mid__slab *s)
{
    (void)s;
    return &pool->arena.limit_bytes;
}

static void *class_taken(struct mid_pool *pool, struct mid__slab *s)
{
    return &mid__pool_class(pool, s)->taken;
}

static void *class_taken_bytes(struct mid_pool *pool, struct mid__slab *s)
{
    return &mid__pool_class(pool, s)->taken_bytes;
}

static void *class_slab_bytes(struct mid_pool *pool, struct mid__slab *s)
{
    return &mid__pool_class(pool, s)->slab_bytes;
}

static void *class_list_count(struct mid_pool *pool, struct mid__slab *s)
{
    return &mid__pool_class(pool, s)->lists[MID_POOL_SLAB_PARTIAL].count;
}

static void *class_list_tail(struct mid_pool *pool, struct mid__slab *s)
{
    return &mid__pool_class(pool, s)->lists[MID_POOL_SLAB_PARTIAL].tail;
}

static void *pool_empty(struct mid_pool *pool, struct mid__slab *s)
{
    (void)s;
    return &pool->empty_bytes;
}

#define CLASS MID_POOL_SIZE_CLASS
#define SEQ   MID_POOL_SEQUENTIAL

static const struct broken_thing things[] = {
    {"class.I1", CLASS, 1, word_of},
    {"class.I2", CLASS, 4, slab_live},
    {"class.I2", CLASS, 8, slab_live_bytes},
    {"class.I3", CLASS, 1, slab_fill},
    {"sequential.I1", SEQ, 8, live_word_of},
    {"sequential.I2", SEQ, 4, slab_live},
    {"sequential.I2", SEQ, 1, slab_fill},
    {"place.I1", CLASS, 1, slab_state},
    {"place.I1", SEQ, 1, slab_state},
    {"place.I1", CLASS, 8, slab_next},
    {"place.I1", CLASS, 8, class_list_count},
    {"place.I1", CLASS, 8, class_list_tail},
    {"place.I2", CLASS, 8, class_taken},
    {"place.I2", SEQ, 8, class_taken_bytes},
    {"place.I3", CLASS, 8, class_slab_bytes},
    {"place.I3", CLASS, 8, pool_empty},
    {"arena.I1", CLASS, 8, arena_committed},
    {"arena.I1", CLASS, 8, arena_spare},
    {"arena.I1", CLASS, 8, arena_limit},
    {"arena.I1", CLASS, 4, region_free_units},
    {"arena.I2", CLASS, 1, slab_tag},
    {"arena.I2", CLASS, 1, slab_back},
    {"arena.I2", CLASS, 8, region_used},
    {"arena.I3", CLASS, 1, region_open},
    {"arena.I4", CLASS, 8, region_touched},
    {"arena.I5", CLASS, 8, region_memory},
    {"arena.I5", CLASS, 8, region_key},
    {"arena.I6", CLASS, 4, region_bound},
    {"arena.I7", CLASS, 8, arena_runs_map},
};

/* A run of spare units that its bin has lost, one that stands in a bin where it does not belong, and one in two bins. */
START_TEST(verify__run_of_spare_units_in_a_wrong_bin__names_it)
{
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, MID_POOL_UNCACHED);
    void *first = mid_pool_alloc(pool, 5 * 8192 - 64), *second = mid_pool_alloc(pool, 8192);
    mid_pool_release(pool, first);
    mid__place_reap(pool); /* a checked pool has kept the slab */
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    struct mid__arena *a = &pool->arena;
    struct mid__slab *run = a->runs[4];
    uint64_t map = a->runs_map;
    ck_assert_ptr_nonnull(run);
    ck_assert_uint_eq(map, 1u << 4);
    a->runs[4] = _i == 2 ? run : NULL;
    a->runs[3] = _i == 0 ? NULL : run;
    a->runs_map = _i == 0 ? 0 : 1u << 3;
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_E_BROKEN);
    ck_assert(was_seen(&seen, "arena.I7"));
    a->runs[4] = run;
    a->runs[3] = NULL;
    a->runs_map = map;
    mid_pool_release(pool, second);
    end_quietly(pool);
}
END_TEST

START_TEST(verify__each_invariant_broken__names_it)
{
    const struct broken_thing *t = &things[_i];
    struct mid_pool *pool = make(t->policy, MID_POOL_UNCACHED);
    char *p[3];
    for (int i = 0; i < 3; i++)
        p[i] = mid_pool_alloc(pool, 1000);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    struct mid__slab *s = mid__arena_find(&pool->arena, p[0]);
    void *thing = t->find(pool, s);
    unsigned char kept[8];
    static struct mid__slab stray; /* where a broken `next` may lead */
    memcpy(kept, thing, t->bytes);
    if (t->find == slab_next)
        memcpy(thing, &(struct mid__slab *){&stray}, sizeof(void *));
    else if (t->find == region_open || t->find == region_touched || t->find == region_bound || t->find == region_memory)
        memset(thing, 0, t->bytes);
    else if (t->find == arena_limit)
        memcpy(thing, &(size_t){1}, sizeof(size_t));
    else if (t->find == slab_tag)
        *(unsigned char *)thing = 200;
    else if (t->find == slab_fill && t->policy == CLASS)
        *(unsigned char *)thing = 8;
    else
        *(unsigned char *)thing ^= t->find == slab_state ? 3 : t->bytes == 8 ? 0x40 : 0x11;
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_E_BROKEN);
    ck_assert_msg(was_seen(&seen, t->rule), "case %d: %s was not named, but %s: %s", _i, t->rule, seen.rules[0],
                  seen.last);
    memcpy(thing, kept, t->bytes);
    for (int i = 0; i < 3; i++)
        mid_pool_release(pool, p[i]);
    end_quietly(pool);
}
END_TEST

int main(void)
{
    TCase *misuse = tcase_create("misuse");
    tcase_add_loop_test(misuse, release__twice__is_reported_and_ignored, 0, 4);
    tcase_add_loop_test(misuse, release__twice_after_the_slab_went_back__is_still_a_double_release, 0, 4);
    tcase_add_loop_test(misuse, release__into_a_large_buffer_where_small_ones_were__is_foreign, 0, 2);
    tcase_add_loop_test(misuse, release__any_stranger__is_reported_and_ignored, 0, 4);
    tcase_add_loop_test(misuse, release_sized__wrong_size__is_reported_in_a_checked_pool, 0, 2);
    tcase_add_loop_test(misuse, overrun__one_byte__is_seen_by_verify_and_at_release, 0, 2);
    tcase_add_loop_test(misuse, write__after_release__is_seen_when_the_place_is_taken_again, 0, 2);
    TCase *verify = tcase_create("verify");
    tcase_add_loop_test(verify, verify__each_invariant_broken__names_it, 0, (int)(sizeof things / sizeof *things));
    tcase_add_loop_test(verify, verify__run_of_spare_units_in_a_wrong_bin__names_it, 0, 3);
    return run_suite("pool broken", misuse, verify, NULL);
}
