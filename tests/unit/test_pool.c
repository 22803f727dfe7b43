/* SPDX-License-Identifier: MIT
 * Unit tests of <midden/pool.h>: creation, taking and releasing, sizes and alignment, limit, trim, figures. */
#include <midden/pool.h>

#include "alloc/pool_state.h"
#include "seen.h"
#include "suite.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
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

static struct mid_pool_stats stats_of(struct mid_pool *pool)
{
    struct mid_pool_stats s = {.struct_size = sizeof s};
    ck_assert_int_eq(mid_pool_stats(pool, &s), MID_OK);
    return s;
}

static void end(struct mid_pool *pool)
{
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
    ck_assert_uint_eq(seen.count, 0);
}

START_TEST(create__bad_options__are_invalid)
{
    struct mid_pool *pool = (struct mid_pool *)&seen;
    struct mid_pool_options good, o;
    mid_pool_options_init(&good);
    ck_assert_int_eq(mid_pool_create(&good, NULL), MID_E_INVALID);
    o = good, o.struct_size = 0;
    ck_assert_int_eq(mid_pool_create(&o, &pool), MID_E_INVALID);
    ck_assert_ptr_null(pool);
    o = good, o.struct_size = sizeof o + 8;
    ck_assert_int_eq(mid_pool_create(&o, &pool), MID_E_INVALID);
    o = good, o.policy = (enum mid_pool_policy)7;
    ck_assert_int_eq(mid_pool_create(&o, &pool), MID_E_INVALID);
    o = good, o.flags = 1u << 20;
    ck_assert_int_eq(mid_pool_create(&o, &pool), MID_E_INVALID);
    o = good, o.split_bytes = 15;
    ck_assert_int_eq(mid_pool_create(&o, &pool), MID_E_INVALID);
    o = good, o.split_bytes = 8193;
    ck_assert_int_eq(mid_pool_create(&o, &pool), MID_E_INVALID);
    ck_assert_int_eq(mid_pool_create(NULL, &pool), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(NULL, NULL), MID_OK);
    ck_assert_uint_eq(mid_pool_destroy_forced(NULL), 0);
}
END_TEST

START_TEST(classes__every_size__fits_with_bounded_rounding)
{
    for (size_t n = 0; n <= 8192; n++) {
        unsigned id = mid__class_of_small(n);
        size_t bytes = mid__class_bytes(id);
        ck_assert_uint_ge(bytes, n);
        ck_assert_uint_le(bytes - n, n <= 1024 ? 16 : n / 8);
        if (id > 0)
            ck_assert_uint_lt(mid__class_bytes(id - 1), n == 0 ? 1 : n);
    }
    for (size_t n = 8192; n <= (1u << 20); n += 61) {
        size_t bytes = mid__class_bytes(mid__class_of_large(n));
        ck_assert_uint_ge(bytes, n);
        ck_assert_uint_le(bytes - n, n / 8 + 8192);
    }
    ck_assert_uint_eq(mid__class_of_small(8192), MID__CLASS_LARGE);
    ck_assert_uint_eq(mid__class_of_small(MID__CLASS_BELOW_MAX), MID__CLASS_LARGE - 1);
    ck_assert_uint_eq(mid__class_of_small(MID__CLASS_BELOW_MAX + 1), MID__CLASS_LARGE);
    ck_assert_uint_eq(mid__class_of_large(8192), MID__CLASS_LARGE);
    ck_assert_uint_eq(mid__class_of_large((1u << 20) + 1), MID__CLASS_HUGE);
}
END_TEST

START_TEST(slots__every_class_and_offset__are_found_by_the_reciprocal)
{
    for (unsigned id = 0; id < MID__CLASS_LARGE; id++) {
        struct mid__class c = {0};
        mid__class_shape(&c, id, false);
        size_t run = (size_t)c.units * MID_POOL_SLAB_BYTES;
        ck_assert_uint_le(c.units, 8);
        ck_assert_uint_le((run - c.slots * c.bytes) * 8, run);
        for (size_t at = 0; c.slots > 1 && at < run; at++)
            ck_assert_uint_eq(c.placement->record(&c, at), at / c.bytes);
    }
}
END_TEST

START_TEST(alloc__sizes_near_the_end_of_the_address_space__are_refused)
{
    struct mid_pool *pool = make(_i == 0 ? MID_POOL_SIZE_CLASS : MID_POOL_SEQUENTIAL, 0, 0);
    const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 8191, SIZE_MAX / 2 + 1, SIZE_MAX / 2, SIZE_MAX / 2 - 8192,
                            (size_t)1 << 60};
    size_t n = sizeof sizes / sizeof *sizes;
    void *kept = mid_pool_alloc(pool, 10);
    for (size_t i = 0; i < n; i++) {
        ck_assert_ptr_null(mid_pool_alloc(pool, sizes[i]));
        ck_assert_ptr_null(mid_pool_alloc_aligned(pool, 4096, sizes[i]));
        ck_assert_ptr_null(mid_pool_alloc_zeroed(pool, 1, sizes[i]));
        ck_assert_ptr_null(mid_pool_resize(pool, kept, sizes[i]));
    }
    ck_assert_ptr_null(mid_pool_alloc_zeroed(pool, SIZE_MAX / 2, 4));
    ck_assert_uint_eq(stats_of(pool).refused_memory, 4 * n + 1);
    mid_pool_release(pool, kept);
    end(pool);
}
END_TEST

START_TEST(alloc__zero_bytes__is_a_pointer_of_its_own)
{
    struct mid_pool *pool = make(_i == 0 ? MID_POOL_SIZE_CLASS : MID_POOL_SEQUENTIAL, 0, 0);
    void *a = mid_pool_alloc(pool, 0), *b = mid_pool_alloc_zeroed(pool, 0, 5);
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    ck_assert_ptr_ne(a, b);
    a = mid_pool_resize(pool, a, 100);
    a = mid_pool_resize(pool, a, 0);
    ck_assert_ptr_nonnull(a);
    mid_pool_release_sized(pool, a, 0);
    mid_pool_release_sized(pool, b, 0);
    mid_pool_release(pool, NULL);
    end(pool);
}
END_TEST

START_TEST(aligned__every_power_up_to_a_region__is_kept)
{
    struct mid_pool *pool = make(_i == 0 ? MID_POOL_SIZE_CLASS : MID_POOL_SEQUENTIAL, 0, 0);
    for (size_t align = 1; align <= MID_POOL_ALIGN_MAX; align *= 2)
        for (size_t bytes = 0; bytes < 20000; bytes = bytes * 2 + 7) {
            char *p = mid_pool_alloc_aligned(pool, align, bytes);
            ck_assert_ptr_nonnull(p);
            ck_assert_uint_eq((uintptr_t)p % align, 0);
            memset(p, 1, bytes);
            mid_pool_release(pool, p);
        }
    ck_assert_ptr_null(mid_pool_alloc_aligned(pool, 0, 1));
    ck_assert_ptr_null(mid_pool_alloc_aligned(pool, 3, 1));
    ck_assert_ptr_null(mid_pool_alloc_aligned(pool, MID_POOL_ALIGN_MAX * 2, 1));
    end(pool);
}
END_TEST

/* Node's picture: one byte kept pins its whole slab, and alternating sizes waste most of every slab. */
START_TEST(sequential__one_small_buffer_kept__pins_the_slab_and_the_figures_say_so)
{
    struct mid_pool *pool = make(MID_POOL_SEQUENTIAL, MID_POOL_UNCACHED, 0);
    size_t room = pool->checked ? MID__GUARD_BYTES : 0;
    char *kept = mid_pool_alloc(pool, 1), *others[50];
    for (int i = 0; i < 50; i++)
        others[i] = mid_pool_alloc(pool, 100);
    for (int i = 0; i < 50; i++)
        mid_pool_release_sized(pool, others[i], 100);
    struct mid_pool_stats s = stats_of(pool);
    ck_assert_uint_eq(s.live_buffers, 1);
    ck_assert_uint_eq(s.requested_bytes, 1);
    ck_assert_uint_eq(s.rounded_bytes, 8 + room);
    ck_assert_uint_eq(s.slab_bytes, 8192);
    ck_assert_uint_eq(s.pinned_bytes, 8192 - 8 - room);
    ck_assert_uint_eq(s.lost_bytes, 50 * (104 + room));
    ck_assert_uint_eq(s.slabs_partial, 1);
    char *wide = mid_pool_alloc(pool, 8000);
    s = stats_of(pool);
    ck_assert_uint_eq(s.slabs_full, 1);
    ck_assert_uint_eq(s.slabs_partial, 1);
    mid_pool_release(pool, kept);
    s = stats_of(pool);
    ck_assert_uint_eq(s.slabs_full, 0);
    ck_assert_uint_eq(s.slabs_empty, 1);
    mid_pool_release(pool, wide);
    end(pool);
}
END_TEST

START_TEST(size_class__a_hole__is_used_again_at_once)
{
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, MID_POOL_UNCACHED, 0);
    char *p[200];
    for (int i = 0; i < 200; i++)
        p[i] = mid_pool_alloc(pool, 500);
    struct mid_pool_stats before = stats_of(pool);
    for (int i = 0; i < 200; i += 3)
        mid_pool_release_sized(pool, p[i], 500);
    for (int i = 0; i < 200; i += 3)
        p[i] = mid_pool_alloc(pool, 500);
    struct mid_pool_stats after = stats_of(pool);
    ck_assert_uint_eq(after.committed_bytes, before.committed_bytes);
    ck_assert_uint_eq(after.slabs_full, before.slabs_full);
    ck_assert_uint_eq(after.requested_bytes, 200 * 500);
    ck_assert_uint_eq(after.requested_is_exact, 1);
    for (int i = 0; i < 200; i++)
        mid_pool_release_sized(pool, p[i], 500);
    end(pool);
}
END_TEST

START_TEST(split__node_s_half_slab_rule__sends_4_kib_to_slabs_of_their_own)
{
    struct mid_pool_options o;
    struct mid_pool *pool;
    mid_pool_options_init(&o);
    o.split_bytes = MID_POOL_SLAB_BYTES / 2;
    ck_assert_int_eq(mid_pool_create(&o, &pool), MID_OK);
    void *small = mid_pool_alloc(pool, 4095), *large = mid_pool_alloc(pool, 4096);
    struct mid_pool_stats s = stats_of(pool);
    ck_assert_uint_eq(s.slabs_large, 1);
    ck_assert_uint_eq((uintptr_t)large % 8192, 0);
    mid_pool_release(pool, small);
    mid_pool_release(pool, large);
    end(pool);
}
END_TEST

START_TEST(destroy__buffers_out__is_busy_and_forced_counts_them)
{
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, MID_POOL_CHECKED, 0);
    void *a = mid_pool_alloc(pool, 100), *b = mid_pool_alloc(pool, 9000);
    size_t out = 0;
    ck_assert_int_eq(mid_pool_destroy(pool, &out), MID_E_BUSY);
    ck_assert_uint_eq(out, 2);
    mid_pool_release(pool, a);
    (void)b;
    ck_assert_uint_eq(mid_pool_destroy_forced(pool), 1);
    ck_assert_uint_eq(seen.count, 1);
    ck_assert(was_seen(&seen, "pool.leak"));
    ck_assert_ptr_nonnull(strstr(seen.last, "9000 bytes"));
}
END_TEST

/* ---- limit */

START_TEST(limit__one_byte__refuses_everything)
{
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, 0, 1);
    ck_assert_ptr_null(mid_pool_alloc(pool, 1));
    ck_assert_ptr_null(mid_pool_alloc(pool, 10000));
    ck_assert_ptr_null(mid_pool_alloc(pool, 10000000));
    ck_assert_uint_eq(stats_of(pool).refused_limit, 3);
    ck_assert_uint_eq(stats_of(pool).committed_peak_bytes, 0);
    end(pool);
}
END_TEST

START_TEST(limit__huge__never_binds)
{
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, 0, SIZE_MAX - 1);
    void *p = mid_pool_alloc(pool, 5000000);
    ck_assert_ptr_nonnull(p);
    mid_pool_release(pool, p);
    end(pool);
}
END_TEST

START_TEST(limit__exactly_reached__and_reserves_are_given_back_for_it)
{
    size_t limit = 40 * 8192;
    struct mid_pool *pool = make(_i == 0 ? MID_POOL_SIZE_CLASS : MID_POOL_SEQUENTIAL, MID_POOL_UNCACHED, limit);
    void *p[41];
    size_t guard = pool->checked ? MID__GUARD_BYTES : 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 40; i++)
            ck_assert_ptr_nonnull(p[i] = mid_pool_alloc(pool, 8192 - guard));
        ck_assert_ptr_null(mid_pool_alloc(pool, 1));
        ck_assert_uint_eq(stats_of(pool).committed_bytes, limit);
        for (int i = 0; i < 40; i++)
            mid_pool_release(pool, p[i]);
        /* what the large class holds in reserve now serves another class, and one mapping of its own */
        char *small[100];
        for (int i = 0; i < 100; i++)
            ck_assert_ptr_nonnull(small[i] = mid_pool_alloc(pool, 2000));
        for (int i = 0; i < 100; i++)
            mid_pool_release(pool, small[i]);
    }
    ck_assert_uint_eq(stats_of(pool).committed_peak_bytes, limit);
    end(pool);
}
END_TEST

struct asked {
    void *victim;
    unsigned calls, attempts;
    size_t needed;
    int nested_failed;
};

static int give_room(void *user, struct mid_pool *pool, size_t needed, unsigned attempt)
{
    struct asked *a = user;
    a->calls++;
    a->attempts = attempt;
    a->needed = needed;
    a->nested_failed = mid_pool_alloc(pool, needed) == NULL;
    mid_pool_release(pool, a->victim);
    a->victim = NULL;
    return attempt < 20;
}

START_TEST(limit__callback__may_make_room_and_is_bounded)
{
    struct asked asked = {0};
    struct mid_pool_options o;
    struct mid_pool *pool;
    mid_pool_options_init(&o);
    o.limit_bytes = 200000;
    o.at_limit = give_room;
    o.at_limit_user = &asked;
    ck_assert_int_eq(mid_pool_create(&o, &pool), MID_OK);
    asked.victim = mid_pool_alloc(pool, 150000);
    void *p = mid_pool_alloc(pool, 160000);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(asked.calls, 1);
    ck_assert_uint_eq(asked.needed, 160000);
    ck_assert_int_eq(asked.nested_failed, 1);
    ck_assert_ptr_null(mid_pool_alloc(pool, 100000));
    ck_assert_uint_eq(asked.attempts, 8);
    mid_pool_release(pool, p);
    end(pool);
}
END_TEST

/* ---- figures */

START_TEST(trim__partial_slabs__gives_their_free_pages_back)
{
    struct mid_pool *pool = make(_i == 0 ? MID_POOL_SIZE_CLASS : MID_POOL_SEQUENTIAL, MID_POOL_UNCACHED, 0);
    char *p[4000];
    for (int i = 0; i < 4000; i++)
        memset(p[i] = mid_pool_alloc(pool, 1000), i, 1000);
    for (int i = 0; i < 4000; i++)
        if (i % 40 != 0)
            mid_pool_release(pool, p[i]);
    mid_pool_trim(pool);
    struct mid_pool_stats s = stats_of(pool);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    if (!pool->checked) { /* a checked pool keeps the poison of such pages */
        ck_assert_uint_gt(s.released_page_bytes, 0);
        ck_assert_uint_le(s.resident_bytes, 200 * 4096);
        ck_assert_uint_eq(s.resident_bytes, s.committed_bytes - s.released_page_bytes);
    }
    for (int i = 0; i < 4000; i += 40)
        for (int k = 0; k < 1000; k++)
            ck_assert_int_eq((unsigned char)p[i][k], i & 255);
    for (int i = 0; i < 4000; i++)
        if (i % 40 != 0)
            memset(p[i] = mid_pool_alloc(pool, 1000), 1, 1000);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    for (int i = 0; i < 4000; i++)
        mid_pool_release(pool, p[i]);
    mid_pool_trim(pool);
    ck_assert_uint_eq(stats_of(pool).resident_bytes, 0);
    ck_assert_uint_eq(stats_of(pool).reserved_bytes, 0);
    end(pool);
}
END_TEST

START_TEST(stats__struct_size__is_respected)
{
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, 0, 0);
    struct mid_pool_stats s;
    memset(&s, 0x77, sizeof s);
    s.struct_size = offsetof(struct mid_pool_stats, requested_bytes);
    ck_assert_int_eq(mid_pool_stats(pool, &s), MID_OK);
    ck_assert_uint_eq(s.live_buffers, 0);
    ck_assert_uint_eq(s.requested_bytes & 0xff, 0x77);
    s.struct_size = sizeof s + 1;
    ck_assert_int_eq(mid_pool_stats(pool, &s), MID_E_INVALID);
    struct mid_pool_class_stats c = {.struct_size = sizeof c};
    ck_assert_int_eq(mid_pool_class_stats(pool, mid_pool_class_count(pool), &c), MID_E_INVALID);
    ck_assert_int_eq(mid_pool_class_stats(pool, 0, &c), MID_OK);
    ck_assert_uint_eq(c.buffer_bytes, 16);
    end(pool);
}
END_TEST

START_TEST(json__any_capacity__is_one_object_or_its_beginning)
{
    struct mid_pool *pool = make(_i == 0 ? MID_POOL_SIZE_CLASS : MID_POOL_SEQUENTIAL, 0, 0);
    void *p = mid_pool_alloc(pool, 77), *q = mid_pool_alloc(pool, 77777);
    size_t length = mid_pool_stats_json(pool, NULL, 0);
    char *text = malloc(length + 1), *cut = malloc(length + 1);
    ck_assert_uint_eq(mid_pool_stats_json(pool, text, length + 1), length);
    for (size_t capacity = 1; capacity <= length; capacity += 37) {
        ck_assert_uint_eq(mid_pool_stats_json(pool, cut, capacity), length);
        ck_assert_uint_eq(strlen(cut), capacity - 1);
        ck_assert_int_eq(memcmp(cut, text, capacity - 1), 0);
    }
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(root);
    ck_assert_int_eq(json_integer_value(json_object_get(root, "live_buffers")), 2);
    ck_assert_int_eq(json_integer_value(json_object_get(root, "requested_bytes")), 77 + 77777);
    ck_assert_uint_eq(json_array_size(json_object_get(root, "classes")), 2);
    json_decref(root);
    FILE *stream = fopen("/dev/full", "w");
    ck_assert_int_eq(mid_pool_stats_write(pool, stream), MID_E_IO);
    fclose(stream);
    free(text);
    free(cut);
    mid_pool_release(pool, p);
    mid_pool_release(pool, q);
    end(pool);
}
END_TEST

struct walked {
    size_t slabs, buffers, bytes, stop_after;
    const void *last;
};

static int see_slab(void *user, const struct mid_pool_slab *slab)
{
    struct walked *w = user;
    w->slabs++;
    ck_assert_uint_le(slab->live_bytes, slab->bytes);
    return 0;
}

static int see_buffer(void *user, const struct mid_pool_slab *slab, const struct mid_pool_buffer *buffer)
{
    struct walked *w = user;
    ck_assert((uintptr_t)buffer->address >= (uintptr_t)slab->address);
    ck_assert((uintptr_t)buffer->address + buffer->bytes <= (uintptr_t)slab->address + slab->bytes);
    w->buffers++;
    w->bytes += buffer->bytes;
    return w->buffers == w->stop_after ? 42 : 0;
}

START_TEST(walk__every_slab_and_buffer__is_shown_once)
{
    struct mid_pool *pool = make(_i == 0 ? MID_POOL_SIZE_CLASS : MID_POOL_SEQUENTIAL, MID_POOL_UNCACHED, 0);
    void *p[300];
    for (int i = 0; i < 300; i++)
        p[i] = mid_pool_alloc(pool, (size_t)(i * i) * 15);
    struct walked w = {0};
    struct mid_pool_visitor v = {sizeof v, see_slab, see_buffer, &w};
    ck_assert_int_eq(mid_pool_walk(pool, &v), 0);
    struct mid_pool_stats s = stats_of(pool);
    ck_assert_uint_eq(w.buffers, 300);
    ck_assert_uint_eq(w.bytes, s.rounded_bytes);
    ck_assert_uint_eq(w.slabs, s.slabs_full + s.slabs_partial + s.slabs_empty + s.slabs_large);
    w.buffers = 0;
    w.stop_after = 17;
    ck_assert_int_eq(mid_pool_walk(pool, &v), 42);
    v.struct_size = 0;
    ck_assert_int_eq(mid_pool_walk(pool, &v), -1);
    for (int i = 0; i < 300; i++)
        mid_pool_release(pool, p[i]);
    end(pool);
}
END_TEST

static void *release_it(void *argument)
{
    void **pair = argument;
    mid_pool_release(pair[0], pair[1]);
    return NULL;
}

START_TEST(release__by_another_thread__counts_as_any)
{
    struct mid_pool *pool = make(MID_POOL_SIZE_CLASS, 0, 0);
    void *pair[2] = {pool, mid_pool_alloc(pool, 300)};
    pthread_t thread;
    pthread_create(&thread, NULL, release_it, pair);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(stats_of(pool).live_buffers, 0);
    end(pool);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("pool");
    tcase_add_test(c, create__bad_options__are_invalid);
    tcase_add_test(c, classes__every_size__fits_with_bounded_rounding);
    tcase_add_test(c, slots__every_class_and_offset__are_found_by_the_reciprocal);
    tcase_add_loop_test(c, alloc__sizes_near_the_end_of_the_address_space__are_refused, 0, 2);
    tcase_add_loop_test(c, alloc__zero_bytes__is_a_pointer_of_its_own, 0, 2);
    tcase_add_loop_test(c, aligned__every_power_up_to_a_region__is_kept, 0, 2);
    tcase_add_test(c, sequential__one_small_buffer_kept__pins_the_slab_and_the_figures_say_so);
    tcase_add_test(c, size_class__a_hole__is_used_again_at_once);
    tcase_add_test(c, split__node_s_half_slab_rule__sends_4_kib_to_slabs_of_their_own);
    tcase_add_test(c, destroy__buffers_out__is_busy_and_forced_counts_them);
    tcase_add_test(c, limit__one_byte__refuses_everything);
    tcase_add_test(c, limit__huge__never_binds);
    tcase_add_loop_test(c, limit__exactly_reached__and_reserves_are_given_back_for_it, 0, 2);
    tcase_add_test(c, limit__callback__may_make_room_and_is_bounded);
    tcase_add_loop_test(c, trim__partial_slabs__gives_their_free_pages_back, 0, 2);
    tcase_add_test(c, stats__struct_size__is_respected);
    tcase_add_loop_test(c, json__any_capacity__is_one_object_or_its_beginning, 0, 2);
    tcase_add_loop_test(c, walk__every_slab_and_buffer__is_shown_once, 0, 2);
    tcase_add_test(c, release__by_another_thread__counts_as_any);
    return run_suite("pool", c, NULL);
}
