/* SPDX-License-Identifier: MIT
 * Model test of movable buffers: random operations against a naive twin, an array of what each buffer should hold. Several
 * threads take, open, write, read, close, release and pack; some buffers are shared by all of them and written under a lock
 * of the test's own. The verifier recounts in between. SEED=n plays a run again (one thread: exactly). */
#include <midden/handle.h>

#include "suite.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS   1500
#define SHARED  40
#define THREADS 3

struct entry {
    struct mid_handle handle;
    size_t bytes;
    unsigned char seed;
    unsigned char *open; /* held open across operations */
};

/* A buffer that all threads open: a counter at its start, which every opener raises under the lock. */
struct shared {
    pthread_mutex_t lock;
    struct mid_handle handle;
    uint64_t count;
};

struct model {
    struct mid_pool *pool;
    struct mid_handles *handles;
    struct shared *shared;
    uint64_t random;
    struct entry entries[SLOTS];
};

static void fail_on_broken(void *user, const struct mid_broken *broken)
{
    (void)user;
    ck_abort_msg("%s: %s", broken->rule, broken->detail);
}

static size_t any_size(uint64_t *random)
{
    uint64_t r = test_random(random), kind = r % 100;
    r >>= 8;
    if (kind < 60)
        return (size_t)(r % 300);
    if (kind < 98)
        return (size_t)(r % ((uint64_t)2 << (r >> 40) % 13));
    return (size_t)(r % 60000);
}

static void paint(const struct entry *e, unsigned char *p)
{
    for (size_t i = 0; i < e->bytes; i++)
        p[i] = (unsigned char)(e->seed + i * 7);
}

static void see(struct model *m, const struct entry *e)
{
    unsigned char *p = mid_handle_open(m->handles, e->handle);
    ck_assert_ptr_nonnull(p);
    if (e->open != NULL)
        ck_assert_ptr_eq(p, e->open);
    for (size_t i = 0; i < e->bytes; i++)
        if (p[i] != (unsigned char)(e->seed + i * 7))
            ck_abort_msg("byte %zu of a buffer of %zu bytes changed", i, e->bytes);
    mid_handle_close(m->handles, e->handle);
}

static void take(struct model *m, struct entry *e)
{
    e->bytes = any_size(&m->random);
    if (mid_handle_alloc(m->handles, e->bytes, &e->handle) != MID_OK)
        return;
    e->seed = (unsigned char)test_random(&m->random);
    unsigned char *p = mid_handle_open(m->handles, e->handle);
    paint(e, p);
    if (test_random(&m->random) % 16 == 0)
        e->open = p;
    else
        mid_handle_close(m->handles, e->handle);
}

static void let_go(struct model *m, struct entry *e)
{
    if (e->open != NULL)
        mid_handle_close(m->handles, e->handle);
    e->open = NULL;
}

static void give(struct model *m, struct entry *e)
{
    see(m, e);
    let_go(m, e);
    mid_handle_release(m->handles, e->handle);
    e->handle = (struct mid_handle){0, 0};
}

static void raise(struct model *m)
{
    struct shared *s = &m->shared[test_random(&m->random) % SHARED];
    uint64_t seen;
    unsigned char *p = mid_handle_open(m->handles, s->handle);
    pthread_mutex_lock(&s->lock);
    memcpy(&seen, p, sizeof seen);
    ck_assert_uint_eq(seen, s->count);
    seen = ++s->count;
    memcpy(p, &seen, sizeof seen);
    pthread_mutex_unlock(&s->lock);
    mid_handle_close(m->handles, s->handle);
}

/* The number of buffers swings between a few and all slots, so that there is something to pack. */
static void operate(struct model *m, unsigned long i, unsigned long period)
{
    bool growing = i / period % 2 == 0;
    struct entry *e = &m->entries[test_random(&m->random) % SLOTS];
    unsigned kind = (unsigned)(test_random(&m->random) % 100);
    if (kind < 20)
        raise(m);
    else if (e->handle.index == 0) {
        if (growing || kind < 25)
            take(m, e);
    } else if (kind < 40)
        see(m, e);
    else if (kind < 50)
        let_go(m, e);
    else if (!growing || kind < 60)
        give(m, e);
    if (i % 997 == 0)
        mid_pool_pack(m->pool, i % 2 == 0 ? 0 : 5000);
}

static void *work(void *arg)
{
    struct model *m = arg;
    unsigned long rounds = test_rounds(30000);
    for (unsigned long i = 0; i < rounds; i++) {
        operate(m, i, SLOTS * 3);
        if (i % 5000 == 0)
            ck_assert_int_eq(mid_pool_verify(m->pool, fail_on_broken, NULL), MID_OK);
    }
    return NULL;
}

static const struct shape {
    const char *name;
    enum mid_pool_policy policy;
    unsigned flags;
    size_t limit_bytes;
} shapes[] = {
    {"plain", MID_POOL_SIZE_CLASS, 0, 0},
    {"limit", MID_POOL_SIZE_CLASS, 0, (size_t)3 << 20},
    {"sequential, uncached", MID_POOL_SEQUENTIAL, MID_POOL_UNCACHED, 0},
    {"checked", MID_POOL_SIZE_CLASS, MID_POOL_CHECKED, 0},
};

static void start_shared(struct mid_handles *handles, struct shared *shared)
{
    for (int i = 0; i < SHARED; i++) {
        pthread_mutex_init(&shared[i].lock, NULL);
        ck_assert_int_eq(mid_handle_alloc(handles, sizeof shared[i].count, &shared[i].handle), MID_OK);
        memcpy(mid_handle_open(handles, shared[i].handle), &shared[i].count, sizeof shared[i].count);
        mid_handle_close(handles, shared[i].handle);
    }
}

static void run(const struct shape *shape, int threads)
{
    struct mid_pool_options options;
    mid_pool_options_init(&options);
    options.policy = shape->policy;
    options.flags = shape->flags;
    options.limit_bytes = shape->limit_bytes;
    options.broken = fail_on_broken;
    struct mid_pool *pool;
    ck_assert_int_eq(mid_pool_create(&options, &pool), MID_OK);
    struct mid_handles *handles = mid_pool_handles(pool);
    uint64_t seed = test_seed(shape->name);
    static struct shared shared[SHARED];
    start_shared(handles, shared);
    struct model *models = calloc((size_t)threads, sizeof *models);
    pthread_t ids[THREADS];
    for (int i = 0; i < threads; i++) {
        models[i].pool = pool;
        models[i].handles = handles;
        models[i].shared = shared;
        models[i].random = seed + (uint64_t)i * 0x9e3779b97f4a7c15u + 1;
        if (threads > 1)
            ck_assert_int_eq(pthread_create(&ids[i], NULL, work, &models[i]), 0);
        else
            work(&models[i]);
    }
    for (int i = 0; i < threads && threads > 1; i++)
        pthread_join(ids[i], NULL);
    struct mid_handle_stats s = {.struct_size = sizeof s};
    mid_handles_stats(handles, &s);
    if (test_rounds(100) >= 100) /* a shortened run may end before anything is sparse */
        ck_assert_uint_gt(s.moves, 0);
    for (int i = 0; i < threads; i++)
        for (struct entry *e = models[i].entries; e < models[i].entries + SLOTS; e++)
            if (e->handle.index != 0)
                give(&models[i], e);
    for (int i = 0; i < SHARED; i++)
        mid_handle_release(handles, shared[i].handle);
    ck_assert_int_eq(mid_pool_verify(pool, fail_on_broken, NULL), MID_OK);
    mid_handles_stats(handles, &s);
    ck_assert_uint_eq(s.handles, 0);
    ck_assert_uint_eq(s.allocs, s.releases);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
    free(models);
}

START_TEST(random_operations__one_thread__agree_with_the_twin)
{
    run(&shapes[_i], 1);
}
END_TEST

START_TEST(random_operations__several_threads__agree_with_the_twin)
{
    run(&shapes[_i], THREADS);
}
END_TEST

int main(void)
{
    int n = (int)(sizeof shapes / sizeof *shapes);
    TCase *one = tcase_create("one thread"), *many = tcase_create("threads");
    tcase_add_loop_test(one, random_operations__one_thread__agree_with_the_twin, 0, n);
    tcase_add_loop_test(many, random_operations__several_threads__agree_with_the_twin, 0, n);
    return run_suite("handle model", one, many, NULL);
}
