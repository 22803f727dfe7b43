/* SPDX-License-Identifier: MIT
 * Slices of blocks of several threads, made, cut, retained, passed on and released in any order by any of them: every byte
 * stays as it was written as long as one slice lives, and nothing is left in the end. Under TSan this plays the
 * interleavings of Note [Owners] in block.c. SEED=n plays the same choices again. */
#include <midden/chain.h>

#include "suite.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 3
#define SLOTS   300
#define MAIL    64

struct mailbox {
    pthread_mutex_t lock;
    struct mid_slice slices[MAIL];
    size_t count;
};

struct worker {
    struct mid_pool *pool;
    struct mailbox *boxes;
    size_t me;
    uint64_t random;
    struct mid_slice slots[SLOTS];
    bool lives_on; /* after the others; else it ends in the middle, with others holding its blocks */
};

static void fail_on_broken(void *user, const struct mid_broken *broken)
{
    (void)user;
    ck_abort_msg("%s: %s", broken->rule, broken->detail);
}

/* The content of a block follows from the address, so that a slice can be judged by itself. */
static unsigned char byte_at(const unsigned char *p)
{
    return (unsigned char)((uintptr_t)p * 31 >> 3);
}

static void see(struct mid_slice s)
{
    size_t step = s.bytes < 64 ? 1 : s.bytes / 64;
    for (size_t i = 0; i < s.bytes; i += step)
        if (s.data[i] != byte_at(s.data + i))
            ck_abort_msg("byte %zu of a slice of %zu bytes changed", i, s.bytes);
}

static struct mid_slice take(struct worker *w)
{
    static const size_t sizes[] = {10, 500, 1023, 1024, 2000, 8192, 65536, 300000};
    struct mid_slice s;
    size_t bytes = sizes[test_random(&w->random) % (test_random(&w->random) % 16 == 0 ? 8 : 6)];
    if (mid_slice_alloc(w->pool, bytes, &s) != MID_OK)
        return mid_slice_empty();
    for (size_t i = 0; i < bytes; i++)
        s.data[i] = byte_at(s.data + i);
    return s;
}

static void post(struct worker *w, struct mid_slice *s)
{
    struct mailbox *box = &w->boxes[test_random(&w->random) % THREADS];
    pthread_mutex_lock(&box->lock);
    if (box->count < MAIL) {
        box->slices[box->count++] = *s;
        *s = mid_slice_empty();
    }
    pthread_mutex_unlock(&box->lock);
}

static void read_mail(struct worker *w)
{
    struct mailbox *box = &w->boxes[w->me];
    pthread_mutex_lock(&box->lock);
    while (box->count != 0) {
        struct mid_slice *slot = &w->slots[test_random(&w->random) % SLOTS];
        mid_slice_release(slot);
        *slot = box->slices[--box->count];
    }
    pthread_mutex_unlock(&box->lock);
}

static void operate(struct worker *w)
{
    struct mid_slice *a = &w->slots[test_random(&w->random) % SLOTS], *b = &w->slots[test_random(&w->random) % SLOTS];
    switch (test_random(&w->random) % 8) {
    case 0:
        mid_slice_release(a);
        *a = take(w);
        break;
    case 1:
    case 2:
        if (a != b) {
            mid_slice_release(b);
            size_t from = a->bytes == 0 ? 0 : test_random(&w->random) % a->bytes;
            ck_assert_int_eq(mid_slice_cut(*a, from, (a->bytes - from) / 2, b), MID_OK);
        }
        break;
    case 3:
        if (a != b) {
            mid_slice_release(b);
            *b = mid_slice_retain(*a);
        }
        break;
    case 4:
        see(*a);
        mid_slice_release(a);
        break;
    case 5:
        read_mail(w);
        break;
    default:
        post(w, a);
    }
    if (test_random(&w->random) % 2000 == 0)
        mid_pool_flush_thread(w->pool);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    unsigned long rounds = test_rounds(w->lives_on ? 60000 : 30000);
    for (unsigned long i = 0; i < rounds; i++)
        operate(w);
    if (w->lives_on)
        for (size_t i = 0; i < SLOTS; i++)
            mid_slice_release(&w->slots[i]);
    return NULL;
}

START_TEST(slices__of_several_threads__keep_their_bytes_and_end)
{
    struct mid_pool_options options;
    mid_pool_options_init(&options);
    options.broken = fail_on_broken;
    options.flags = _i == 1 ? MID_POOL_CHECKED : 0;
    options.limit_bytes = _i == 2 ? (size_t)32 << 20 : 0;
    struct mid_pool *pool;
    ck_assert_int_eq(mid_pool_create(&options, &pool), MID_OK);
    uint64_t seed = test_seed("slices");
    static struct mailbox boxes[THREADS];
    static struct worker workers[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        pthread_mutex_init(&boxes[i].lock, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.pool = pool, .boxes = boxes, .me = i, .lives_on = i != 0,
                                     .random = seed + i * 0x9e3779b97f4a7c15u + 1};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < THREADS; i++)
        while (boxes[i].count != 0)
            mid_slice_release(&boxes[i].slices[--boxes[i].count]);
    for (size_t i = 0; i < SLOTS; i++) {
        see(workers[0].slots[i]);
        mid_slice_release(&workers[0].slots[i]);
    }
    ck_assert_int_eq(mid_pool_verify(pool, fail_on_broken, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}
END_TEST

static void *let_go(void *slice)
{
    mid_slice_release(slice);
    return NULL;
}

/* The owner sleeps while another thread lets the last slice go: the pool can be destroyed all the same. */
START_TEST(blocks__whose_slices_ended_elsewhere__do_not_keep_the_pool)
{
    struct mid_pool *pool;
    ck_assert_int_eq(mid_pool_create(NULL, &pool), MID_OK);
    static struct mid_slice slices[40];
    for (size_t i = 0; i < 40; i++) {
        pthread_t thread;
        ck_assert_int_eq(mid_slice_alloc(pool, 5000, &slices[i]), MID_OK);
        struct mid_slice second = mid_slice_retain(slices[i]);
        ck_assert_uint_eq(mid_slice_holders(second), 2);
        ck_assert_int_eq(pthread_create(&thread, NULL, let_go, &slices[i]), 0);
        pthread_join(thread, NULL);
        ck_assert_uint_eq(mid_slice_holders(second), 1);
        ck_assert_int_eq(pthread_create(&thread, NULL, let_go, &second), 0);
        pthread_join(thread, NULL);
    }
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_stats(pool, &s);
    ck_assert_uint_le(s.live_buffers, 2 * 16);
    if (_i == 1) {
        mid_pool_flush_thread(pool);
        mid_pool_stats(pool, &s);
        ck_assert_uint_eq(s.live_buffers, 0);
    }
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("threads");
    tcase_add_loop_test(c, slices__of_several_threads__keep_their_bytes_and_end, 0, 3);
    tcase_add_loop_test(c, blocks__whose_slices_ended_elsewhere__do_not_keep_the_pool, 0, 2);
    return run_suite("slice model", c, NULL);
}
