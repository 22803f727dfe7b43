/* SPDX-License-Identifier: MIT
 * Unit tests of movable buffers: what moves and what does not, misuse, limits, and the verifier's rules, each broken once. */
#include <midden/handle.h>

#include "alloc/handle.h"
#include "seen.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct seen seen;

#define COUNT 4000

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

static struct mid_pool *make_either(int i)
{
    return make(i == 0 ? 0 : MID_POOL_CHECKED, 0);
}

static void end(struct mid_pool *pool)
{
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
    ck_assert_uint_eq(seen.count, 0);
}

static size_t bytes_of(size_t i)
{
    return i * 7919 % 3000;
}

static void take(struct mid_handles *handles, size_t i, struct mid_handle *h)
{
    ck_assert_int_eq(mid_handle_alloc(handles, bytes_of(i), h), MID_OK);
    char *p = mid_handle_open(handles, *h);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq((uintptr_t)p % 16, 0);
    memset(p, (int)(i % 251), bytes_of(i));
    mid_handle_close(handles, *h);
}

static void see(struct mid_handles *handles, size_t i, struct mid_handle h)
{
    ck_assert_uint_eq(mid_handle_bytes(handles, h), bytes_of(i));
    const unsigned char *p = mid_handle_open(handles, h);
    for (size_t k = 0; k < bytes_of(i); k++)
        if (p[k] != i % 251)
            ck_abort_msg("byte %zu of buffer %zu is %u", k, i, p[k]);
    mid_handle_close(handles, h);
}

static struct mid_handle_stats stats_of(struct mid_handles *handles)
{
    struct mid_handle_stats s = {.struct_size = sizeof s};
    ck_assert_int_eq(mid_handles_stats(handles, &s), MID_OK);
    ck_assert_uint_eq(s.segment_bytes, s.live_bytes + s.dead_bytes);
    ck_assert_uint_le(s.requested_bytes, s.live_bytes + s.large_bytes);
    return s;
}

/* Takes COUNT buffers and releases all but one in ten, wherever they lie. */
static void take_and_thin(struct mid_handles *handles, struct mid_handle *h)
{
    for (size_t i = 0; i < COUNT; i++)
        take(handles, i, &h[i]);
    for (size_t i = 0; i < COUNT; i++)
        if (i * 2654435761u % 1009 % 10 != 0) {
            mid_handle_release(handles, h[i]);
            h[i] = (struct mid_handle){0, 0};
        }
}

static void release_all(struct mid_handles *handles, struct mid_handle *h)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (h[i].index != 0)
            see(handles, i, h[i]);
        mid_handle_release(handles, h[i]);
    }
}

START_TEST(pack__after_nine_in_ten_were_released__leaves_little_more_than_what_lives)
{
    struct mid_pool *pool = make_either(_i);
    struct mid_handles *handles = mid_pool_handles(pool);
    ck_assert_ptr_eq(handles, mid_pool_handles(pool));
    ck_assert_int_eq(mid_handles_pack_below(handles, 0), MID_OK);
    static struct mid_handle h[COUNT];
    take_and_thin(handles, h);
    struct mid_handle_stats before = stats_of(handles);
    ck_assert_uint_eq(before.moves, 0);
    ck_assert_uint_gt(before.segment_bytes, 8 * before.live_bytes);
    ck_assert_uint_gt(mid_pool_pack(pool, 0), before.segment_bytes / 2);
    struct mid_handle_stats after = stats_of(handles);
    ck_assert_uint_eq(after.live_bytes, before.live_bytes);
    ck_assert_uint_le(after.segment_bytes, after.live_bytes * 17 / 16 + 2 * MID__SEGMENT_BYTES);
    ck_assert_uint_le(after.moved_bytes, after.live_bytes * 11 / 10);
    ck_assert_uint_eq(after.freed_bytes, before.segment_bytes - after.segment_bytes);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    ck_assert_uint_eq(mid_pool_pack(pool, 0), 0);
    release_all(handles, h);
    ck_assert_uint_eq(stats_of(handles).handles, 0);
    end(pool);
}
END_TEST

START_TEST(pack__in_steps__comes_to_the_same_end)
{
    struct mid_pool *pool = make(0, 0);
    struct mid_handles *handles = mid_pool_handles(pool);
    mid_handles_pack_below(handles, 0);
    static struct mid_handle h[COUNT];
    take_and_thin(handles, h);
    size_t steps = 0, moved = 0;
    while (mid_pool_pack(pool, 20000) != 0) {
        size_t now = (size_t)stats_of(handles).moved_bytes;
        ck_assert_uint_le(now - moved, 20000 + 2 * MID__SEGMENT_BYTES);
        moved = now;
        ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
        steps++;
    }
    ck_assert_uint_gt(steps, 5);
    struct mid_handle_stats s = stats_of(handles);
    ck_assert_uint_le(s.segment_bytes, s.live_bytes * 17 / 16 + 2 * MID__SEGMENT_BYTES);
    release_all(handles, h);
    end(pool);
}
END_TEST

START_TEST(pack__while_some_are_open__moves_none_of_them)
{
    struct mid_pool *pool = make_either(_i);
    struct mid_handles *handles = mid_pool_handles(pool);
    mid_handles_pack_below(handles, 0);
    static struct mid_handle h[COUNT];
    static char *open[COUNT];
    take_and_thin(handles, h);
    for (size_t i = 0; i < COUNT; i += 40)
        if (h[i].index != 0)
            open[i] = mid_handle_open(handles, h[i]);
    ck_assert_uint_gt(mid_pool_pack(pool, 0), 0);
    ck_assert_uint_gt(stats_of(handles).held_open, 0);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    for (size_t i = 0; i < COUNT; i += 40)
        if (open[i] != NULL) {
            ck_assert_ptr_eq(mid_handle_open(handles, h[i]), open[i]);
            for (size_t k = 0; k < bytes_of(i); k++)
                ck_assert_uint_eq((unsigned char)open[i][k], i % 251);
            mid_handle_close(handles, h[i]);
            mid_handle_close(handles, h[i]);
        }
    mid_pool_pack(pool, 0);
    struct mid_handle_stats s = stats_of(handles);
    ck_assert_uint_le(s.segment_bytes, s.live_bytes * 17 / 16 + 2 * MID__SEGMENT_BYTES);
    release_all(handles, h);
    end(pool);
}
END_TEST

START_TEST(release__most_of_them__packs_by_itself)
{
    struct mid_pool *pool = make(0, 0);
    struct mid_handles *handles = mid_pool_handles(pool);
    ck_assert_int_eq(mid_handles_pack_below(handles, 91), MID_E_INVALID);
    ck_assert_int_eq(mid_handles_pack_below(NULL, 9), MID_E_INVALID);
    static struct mid_handle h[COUNT];
    take_and_thin(handles, h);
    struct mid_handle_stats s = stats_of(handles);
    ck_assert_uint_gt(s.moves, 0);
    ck_assert_uint_le(s.segment_bytes, 2 * s.live_bytes + 5 * MID__SEGMENT_BYTES);
    release_all(handles, h);
    end(pool);
}
END_TEST

static int count_calls(void *user, struct mid_pool *pool, size_t needed, unsigned attempt)
{
    (void)pool, (void)needed, (void)attempt;
    ++*(int *)user;
    return 0;
}

START_TEST(limit__reached_with_dead_handles__packs_before_it_refuses)
{
    struct mid_pool_options options;
    struct mid_pool *pool;
    int asked = 0;
    mid_pool_options_init(&options);
    options.limit_bytes = (size_t)8 << 20;
    options.at_limit = count_calls;
    options.at_limit_user = &asked;
    options.broken = note_broken;
    options.broken_user = &seen;
    ck_assert_int_eq(mid_pool_create(&options, &pool), MID_OK);
    struct mid_handles *handles = mid_pool_handles(pool);
    mid_handles_pack_below(handles, 0);
    static struct mid_handle h[COUNT];
    take_and_thin(handles, h); /* 6 MB, of which 0.6 live */
    void *p[60];
    for (size_t i = 0; i < 60; i++) {
        p[i] = mid_pool_alloc(pool, 100000);
        ck_assert_ptr_nonnull(p[i]);
    }
    ck_assert_int_eq(asked, 0);
    ck_assert_uint_gt(stats_of(handles).moves, 0);
    struct mid_handle more[4000];
    size_t n = 0;
    while (n < 4000 && mid_handle_alloc(handles, 2000, &more[n]) == MID_OK)
        n++;
    ck_assert_uint_lt(n, 4000);
    ck_assert_int_gt(asked, 0);
    ck_assert_uint_eq(more[n].index, 0);
    ck_assert_int_eq(mid_handle_alloc(handles, 2000, &more[n]), MID_E_LIMIT);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    for (size_t i = 0; i < n; i++)
        mid_handle_release(handles, more[i]);
    for (size_t i = 0; i < 60; i++)
        mid_pool_release(pool, p[i]);
    release_all(handles, h);
    end(pool);
}
END_TEST

START_TEST(limit__tiny__gives_small_segments)
{
    struct mid_pool *pool = make(MID_POOL_UNCACHED, 16384);
    struct mid_handles *handles = mid_pool_handles(pool);
    struct mid_handle h, large;
    ck_assert_int_eq(mid_handle_alloc(handles, 100, &h), MID_OK);
    ck_assert_int_eq(mid_handle_alloc(handles, 50000, &large), MID_E_LIMIT);
    ck_assert_uint_eq(large.index | large.generation, 0);
    mid_handle_release(handles, h);
    end(pool);
}
END_TEST

START_TEST(large__handles__never_move_and_are_counted)
{
    struct mid_pool *pool = make_either(_i);
    struct mid_handles *handles = mid_pool_handles(pool);
    static const size_t sizes[] = {16000, 16368, 16369, 20000, 100000, 3000000};
    struct mid_handle h[6];
    char *p[6];
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(mid_handle_alloc(handles, sizes[i], &h[i]), MID_OK);
        p[i] = mid_handle_open(handles, h[i]);
        memset(p[i], 'x', sizes[i]);
        mid_handle_close(handles, h[i]);
        ck_assert_uint_eq(mid_handle_bytes(handles, h[i]), sizes[i]);
    }
    struct mid_handle_stats s = stats_of(handles);
    ck_assert_uint_ge(s.large_handles, 4);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    mid_pool_pack(pool, 0);
    for (size_t i = 2; i < 6; i++) {
        ck_assert_ptr_eq(mid_handle_open(handles, h[i]), p[i]);
        mid_handle_close(handles, h[i]);
    }
    for (size_t i = 0; i < 6; i++)
        mid_handle_release(handles, h[i]);
    ck_assert_uint_eq(stats_of(handles).large_bytes, 0);
    struct mid_handle none;
    ck_assert_int_eq(mid_handle_alloc(handles, SIZE_MAX, &none), MID_E_MEMORY);
    ck_assert_int_eq(mid_handle_alloc(handles, ((size_t)1 << 43) + 1, &none), MID_E_MEMORY);
    ck_assert_int_eq(mid_handle_alloc(NULL, 1, &none), MID_E_INVALID);
    ck_assert_int_eq(mid_handle_alloc(handles, 1, NULL), MID_E_INVALID);
    end(pool);
}
END_TEST

START_TEST(misuse__of_any_kind__is_reported_and_ignored)
{
    struct mid_pool *pool = make_either(_i);
    struct mid_handles *handles = mid_pool_handles(pool);
    struct mid_handle h, second, wild = {77, 5}, beyond = {200000, 1}, far = {0x0fffffff, 3}, none = {0, 0};
    ck_assert_int_eq(mid_handle_alloc(handles, 10, &h), MID_OK);
    mid_handle_release(handles, h);
    mid_handle_release(handles, none);
    ck_assert_uint_eq(seen.count, 0);
    ck_assert_int_eq(mid_handle_alloc(handles, 10, &second), MID_OK);
    ck_assert_uint_eq(second.index, h.index);
    ck_assert_uint_ne(second.generation, h.generation);
    const struct mid_handle bad[] = {h, wild, beyond, far, none};
    for (size_t i = 0; i < 5; i++) {
        ck_assert_ptr_null(mid_handle_open(handles, bad[i]));
        ck_assert_uint_eq(mid_handle_bytes(handles, bad[i]), 0);
        ck_assert_uint_eq(seen.count, 2);
        ck_assert(was_seen(&seen, "handle.stale"));
        mid_handle_release(handles, bad[i]);
        ck_assert_uint_eq(seen.count, i == 4 ? 2 : 3);
        if (i != 0) /* the entry is another's: only a checked pool sees that at close */
            mid_handle_close(handles, bad[i]);
        ck_assert_uint_eq(seen.count, i == 0 ? 3 : i == 4 ? 3 : 4);
        seen = (struct seen){0};
    }
    mid_handle_close(handles, second);
    ck_assert(was_seen(&seen, "handle.close_from_zero"));
    char *p = mid_handle_open(handles, second);
    ck_assert_ptr_nonnull(p);
    mid_handle_release(handles, second);
    ck_assert(was_seen(&seen, "handle.release_open"));
    p[9] = 1;
    for (int i = 1; i < 0x8000; i++)
        ck_assert_ptr_eq(mid_handle_open(handles, second), p);
    ck_assert_ptr_null(mid_handle_open(handles, second));
    ck_assert(was_seen(&seen, "handle.open_overflow"));
    for (int i = 0; i < 0x8000; i++)
        mid_handle_close(handles, second);
    ck_assert_uint_eq(seen.count, 3);
    mid_pool_release(pool, p);
    ck_assert(was_seen(&seen, "pool.foreign"));
    mid_handle_release(handles, second);
    struct mid_handle_stats s = {0};
    ck_assert_int_eq(mid_handles_stats(handles, &s), MID_E_INVALID);
    seen = (struct seen){0};
    end(pool);
}
END_TEST

START_TEST(overrun__of_a_checked_buffer__is_seen_by_verify_and_at_release)
{
    struct mid_pool *pool = make(MID_POOL_CHECKED, 0);
    struct mid_handles *handles = mid_pool_handles(pool);
    if (!pool->watched) {
        struct mid_handle h;
        ck_assert_int_eq(mid_handle_alloc(handles, 33, &h), MID_OK);
        volatile char *p = mid_handle_open(handles, h);
        p[33] = 0;
        mid_handle_close(handles, h);
        ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_E_BROKEN);
        ck_assert(was_seen(&seen, "handle.overrun"));
        mid_handle_release(handles, h);
        ck_assert_uint_eq(seen.count, 2);
        seen = (struct seen){0};
    }
    end(pool);
}
END_TEST

START_TEST(destroy__with_handles_out__says_so)
{
    struct mid_pool *pool = make_either(_i);
    struct mid_handles *handles = mid_pool_handles(pool);
    struct mid_handle h[3];
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(mid_handle_alloc(handles, i * 10000 + 10, &h[i]), MID_OK);
    void *p = mid_pool_alloc(pool, 1);
    size_t out = 0;
    ck_assert_int_eq(mid_pool_destroy(pool, &out), MID_E_BUSY);
    ck_assert_uint_eq(out, 4);
    mid_pool_release(pool, p);
    ck_assert_uint_eq(mid_pool_destroy_forced(pool), 3);
#ifdef MID_CHECK /* every pool is a checked one */
    ck_assert_uint_eq(seen.count, 3);
#else
    ck_assert_uint_eq(seen.count, _i == 0 ? 0 : 3);
#endif
    if (_i == 1)
        ck_assert(was_seen(&seen, "handle.leak"));
}
END_TEST

static _Atomic int stop;

static void *churn(void *arg)
{
    struct mid_pool *pool = arg;
    struct mid_handles *handles = mid_pool_handles(pool);
    static struct mid_handle h[COUNT];
    while (!stop)
        for (size_t i = 0; i < COUNT && !stop; i++) {
            mid_handle_release(handles, h[i]);
            if (mid_handle_alloc(handles, bytes_of(i) % 500, &h[i]) == MID_OK) {
                mid_handle_open(handles, h[i]);
                mid_handle_close(handles, h[i]);
            }
            if (i % 1000 == 999)
                mid_pool_pack(pool, 0);
        }
    for (size_t i = 0; i < COUNT; i++)
        mid_handle_release(handles, h[i]);
    return NULL;
}

START_TEST(fork__while_a_thread_moves_buffers__leaves_the_child_a_sound_table)
{
    struct mid_pool *pool = make(0, 0);
    struct mid_handles *handles = mid_pool_handles(pool);
    struct mid_handle mine;
    pthread_t thread;
    ck_assert_int_eq(mid_handle_alloc(handles, 100, &mine), MID_OK);
    memset(mid_handle_open(handles, mine), 7, 100);
    mid_handle_close(handles, mine);
    ck_assert_int_eq(pthread_create(&thread, NULL, churn, pool), 0);
    for (int i = 0; i < 30; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct mid_handle h;
            const char *p = mid_handle_open(handles, mine);
            bool fine = p != NULL && p[99] == 7;
            mid_handle_close(handles, mine);
            fine = fine && mid_handle_alloc(handles, 1000, &h) == MID_OK;
            mid_handle_release(handles, h);
            mid_pool_pack(pool, 0);
            _exit(fine && mid_pool_verify(pool, NULL, NULL) == MID_OK ? 0 : 1);
        }
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
    }
    stop = 1;
    pthread_join(thread, NULL);
    mid_handle_release(handles, mine);
    end(pool);
}
END_TEST

/* ---- the verifier's rules */

struct rule {
    const char *rule;
    void (*damage)(struct mid__handle_table *t, struct mid_handle h);
};

static struct mid__handle_head *head(struct mid__handle_table *t, struct mid_handle h)
{
    return (struct mid__handle_head *)(uintptr_t)(*mid__handle_entry(&t->face, h.index) & MID__HANDLE_ADDRESS);
}

static struct mid__segment *listed(struct mid__handle_table *t)
{
    for (size_t i = 0; i < MID__SEGMENT_LISTS; i++)
        if (t->lists[i].head != NULL)
            return t->lists[i].head;
    ck_abort_msg("no segment is on a list");
}

static void damage_index(struct mid__handle_table *t, struct mid_handle h)
{
    head(t, h)->index++;
}

static void damage_address(struct mid__handle_table *t, struct mid_handle h)
{
    *mid__handle_entry(&t->face, h.index) = *mid__handle_entry(&t->face, h.index + 1);
}

static void damage_extent(struct mid__handle_table *t, struct mid_handle h)
{
    head(t, h)->extent += 1 << 24;
}

static void damage_live(struct mid__handle_table *t, struct mid_handle h)
{
    mid__head_segment(head(t, h))->live++;
}

static void damage_live_bytes(struct mid__handle_table *t, struct mid_handle h)
{
    mid__head_segment(head(t, h))->live_bytes -= 16;
}

static void damage_free(struct mid__handle_table *t, struct mid_handle h)
{
    (void)h;
    t->free_first = 0;
}

static void damage_free_live(struct mid__handle_table *t, struct mid_handle h)
{
    t->free_first = h.index;
}

static void damage_free_count(struct mid__handle_table *t, struct mid_handle h)
{
    (void)h;
    t->free_count++;
}

static void damage_list(struct mid__handle_table *t, struct mid_handle h)
{
    (void)h;
    listed(t)->list ^= 1;
}

static void damage_previous(struct mid__handle_table *t, struct mid_handle h)
{
    (void)h;
    listed(t)->previous = t->filling;
}

static void damage_filling(struct mid__handle_table *t, struct mid_handle h)
{
    (void)h;
    t->filling->list = 3;
}

static void damage_requested(struct mid__handle_table *t, struct mid_handle h)
{
    (void)h;
    t->stats.requested_bytes++;
}

static void damage_segments(struct mid__handle_table *t, struct mid_handle h)
{
    (void)h;
    t->stats.segments--;
}

static void damage_handles(struct mid__handle_table *t, struct mid_handle h)
{
    (void)h;
    t->stats.handles++;
}

static const struct rule rules[] = {
    {"handle.I1", damage_index},       {"handle.I1", damage_address},   {"handle.I2", damage_extent},
    {"handle.I2", damage_live},        {"handle.I2", damage_live_bytes}, {"handle.I3", damage_free},
    {"handle.I3", damage_free_live},   {"handle.I3", damage_free_count}, {"handle.I4", damage_list},
    {"handle.I4", damage_previous},    {"handle.I4", damage_filling},   {"handle.I5", damage_requested},
    {"handle.I5", damage_segments},    {"handle.I5", damage_handles},
};

START_TEST(verify__each_invariant_broken__names_it)
{
    struct mid_pool *pool = make(0, 0);
    struct mid_handles *handles = mid_pool_handles(pool);
    mid_handles_pack_below(handles, 0);
    static struct mid_handle h[COUNT];
    for (size_t i = 0; i < COUNT / 10; i++)
        take(handles, i, &h[i]);
    for (size_t i = 0; i < COUNT / 10; i += 3)
        mid_handle_release(handles, h[i]);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    rules[_i].damage(mid__handles_of(handles), h[1]);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_E_BROKEN);
    ck_assert_msg(was_seen(&seen, rules[_i].rule), "case %d: %s was not named, but %s: %s", _i, rules[_i].rule,
                  seen.rules[0], seen.last);
}
END_TEST

int main(void)
{
    TCase *moving = tcase_create("moving"), *misuse = tcase_create("misuse"), *verify = tcase_create("verify");
    tcase_add_loop_test(moving, pack__after_nine_in_ten_were_released__leaves_little_more_than_what_lives, 0, 2);
    tcase_add_test(moving, pack__in_steps__comes_to_the_same_end);
    tcase_add_loop_test(moving, pack__while_some_are_open__moves_none_of_them, 0, 2);
    tcase_add_test(moving, release__most_of_them__packs_by_itself);
    tcase_add_test(moving, limit__reached_with_dead_handles__packs_before_it_refuses);
    tcase_add_test(moving, limit__tiny__gives_small_segments);
    tcase_add_loop_test(moving, large__handles__never_move_and_are_counted, 0, 2);
    tcase_add_test(moving, fork__while_a_thread_moves_buffers__leaves_the_child_a_sound_table);
    tcase_add_loop_test(misuse, misuse__of_any_kind__is_reported_and_ignored, 0, 2);
    tcase_add_test(misuse, overrun__of_a_checked_buffer__is_seen_by_verify_and_at_release);
    tcase_add_loop_test(misuse, destroy__with_handles_out__says_so, 0, 2);
    tcase_add_loop_test(verify, verify__each_invariant_broken__names_it, 0, (int)(sizeof rules / sizeof *rules));
    return run_suite("handle", moving, misuse, verify, NULL);
}
