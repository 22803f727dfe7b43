/* SPDX-License-Identifier: MIT
 * Model test of the pool: random operations against a naive twin, an array of what should be out. Every buffer holds a
 * pattern of its own, checked when it is released, resized, and all over again at the end. The verifier recounts the pool
 * every few thousand operations. SEED=n plays a run again. */
#include <midden/pool.h>

#include "suite.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 600

struct model {
    struct mid_pool *pool;
    uint64_t random;
    struct entry {
        unsigned char *p;
        size_t bytes;
        unsigned char seed;
        bool aligned;
    } entries[SLOTS];
    size_t live, requested;
    size_t refused;
};

static void fail_on_broken(void *user, const struct mid_broken *broken)
{
    (void)user;
    ck_abort_msg("%s: %s", broken->rule, broken->detail);
}

/* Sizes of every kind: tiny ones, all small ones evenly by logarithm, around the classes' borders, large, huge. */
static size_t any_size(uint64_t *random)
{
    uint64_t r = test_random(random), kind = r % 100;
    r >>= 8;
    if (kind < 40)
        return (size_t)(r % 200);
    if (kind < 75)
        return (size_t)(r % ((uint64_t)2 << (r >> 40) % 13));
    if (kind < 90)
        return (size_t)(((r % 65) << 7) + (r >> 20) % 5 - 2) % 9000;
    if (kind < 99 || r % 4 != 0)
        return 8000 + (size_t)(r % 100000);
    return 1000000 + (size_t)(r % 1500000);
}

/* Only both ends of long buffers, so that a round is cheap. */
static void paint(const struct entry *e, size_t from)
{
    for (size_t i = from; i < e->bytes; i++) {
        if (i - from == 300 && e->bytes - i > 300)
            i = e->bytes - 300;
        e->p[i] = (unsigned char)(e->seed + i * 7);
    }
}

static void see_paint(const struct entry *e, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (i == 300 && e->bytes - i > 300)
            i = e->bytes - 300;
        if (i < bytes && e->p[i] != (unsigned char)(e->seed + i * 7))
            ck_abort_msg("byte %zu of a buffer of %zu bytes changed", i, e->bytes);
    }
}

static void take(struct model *m, struct entry *e)
{
    e->bytes = any_size(&m->random);
    e->seed = (unsigned char)test_random(&m->random);
    e->aligned = false;
    switch (test_random(&m->random) % 4) {
    case 0:
        e->p = mid_pool_alloc_zeroed(m->pool, 1, e->bytes);
        for (size_t i = 0; e->p != NULL && i < e->bytes; i += i < 600 ? 1 : 509)
            ck_assert_uint_eq(e->p[i], 0);
        break;
    case 1: {
        size_t align = (size_t)1 << test_random(&m->random) % 13;
        e->p = mid_pool_alloc_aligned(m->pool, align, e->bytes);
        e->aligned = true;
        ck_assert_uint_eq((uintptr_t)e->p % align, 0);
        break;
    }
    default:
        e->p = mid_pool_alloc(m->pool, e->bytes);
    }
    if (e->p == NULL) {
        m->refused++;
        return;
    }
    ck_assert_uint_ge(mid_pool_usable_bytes(m->pool, e->p), e->bytes);
    m->live++;
    m->requested += e->bytes;
    paint(e, 0);
}

static void give(struct model *m, struct entry *e)
{
    see_paint(e, e->bytes);
    if (e->aligned || test_random(&m->random) % 2 == 0)
        mid_pool_release(m->pool, e->p);
    else
        mid_pool_release_sized(m->pool, e->p, e->bytes);
    m->live--;
    m->requested -= e->bytes;
    e->p = NULL;
}

static void resize(struct model *m, struct entry *e)
{
    struct entry now = *e;
    now.bytes = any_size(&m->random);
    see_paint(e, e->bytes);
    now.p = mid_pool_resize(m->pool, e->p, now.bytes);
    if (now.p == NULL) {
        m->refused++;
        return;
    }
    now.aligned = false;
    size_t kept = now.bytes < e->bytes ? now.bytes : e->bytes;
    for (size_t i = 0; i < kept && (i < 300 || e->bytes <= 600); i++)
        ck_assert_uint_eq(now.p[i], (unsigned char)(e->seed + i * 7));
    m->requested += now.bytes - e->bytes;
    *e = now;
    paint(e, 0);
}

/* One operation on one of the model's entries. `target` is how full the table should be, in percent. */
static void step(struct model *m, unsigned target)
{
    struct entry *e = &m->entries[test_random(&m->random) % SLOTS];
    uint64_t r = test_random(&m->random) % 1000;
    if (r < 2)
        mid_pool_trim(m->pool);
    else if (r < 100 && e->p != NULL)
        resize(m, e);
    else if (e->p == NULL && r % 100 < target)
        take(m, e);
    else if (e->p != NULL && r % 100 >= target)
        give(m, e);
}

static void see_figures(struct model *m)
{
    struct mid_pool_stats s = {.struct_size = sizeof s};
    ck_assert_int_eq(mid_pool_stats(m->pool, &s), MID_OK);
    ck_assert_uint_eq(s.live_buffers, m->live);
    ck_assert_uint_eq(s.allocs - s.releases, m->live);
    if (s.requested_is_exact)
        ck_assert_uint_eq(s.requested_bytes, m->requested);
    ck_assert_uint_eq(s.committed_bytes, s.slab_bytes + s.large_bytes + s.empty_bytes + s.spare_bytes);
    ck_assert_uint_eq(s.slab_bytes + s.large_bytes, s.rounded_bytes + s.cached_bytes + s.pinned_bytes);
    ck_assert_uint_ge(s.rounded_bytes, m->requested);
    if (s.limit_bytes != 0)
        ck_assert_uint_le(s.committed_peak_bytes, s.limit_bytes);
    ck_assert_uint_eq(s.refused_limit + s.refused_memory, m->refused);
    ck_assert_uint_eq(s.misuses, 0);
    ck_assert_int_eq(mid_pool_verify(m->pool, fail_on_broken, NULL), MID_OK);
}

static void play(struct mid_pool_options *options, const char *name)
{
    struct model *m = calloc(1, sizeof *m);
    m->random = test_seed(name);
    options->broken = fail_on_broken;
    ck_assert_int_eq(mid_pool_create(options, &m->pool), MID_OK);
    unsigned long rounds = test_rounds(12);
    for (unsigned long round = 0; round < rounds; round++) {
        unsigned target = round % 5 == 4 ? 5 : 30 + (unsigned)(round * 17 % 60);
        for (int i = 0; i < 2000; i++)
            step(m, target);
        see_figures(m);
    }
    size_t out;
    if (m->live != 0) {
        ck_assert_int_eq(mid_pool_destroy(m->pool, &out), MID_E_BUSY);
        ck_assert_uint_eq(out, m->live);
    }
    for (struct entry *e = m->entries; e < m->entries + SLOTS; e++)
        if (e->p != NULL)
            give(m, e);
    see_figures(m);
    mid_pool_trim(m->pool);
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_stats(m->pool, &s);
    ck_assert_uint_eq(s.committed_bytes, 0);
    ck_assert_uint_eq(s.resident_bytes, 0);
    ck_assert_int_eq(mid_pool_destroy(m->pool, &out), MID_OK);
    free(m);
}

static const struct {
    const char *name;
    enum mid_pool_policy policy;
    unsigned flags;
    size_t split_bytes, limit_bytes;
} shapes[] = {
    {"size class", MID_POOL_SIZE_CLASS, 0, 0, 0},
    {"sequential", MID_POOL_SEQUENTIAL, 0, 0, 0},
    {"checked", MID_POOL_SIZE_CLASS, MID_POOL_CHECKED, 0, 0},
    {"limit", MID_POOL_SIZE_CLASS, 0, 0, 2000000},
    {"uncached", MID_POOL_SIZE_CLASS, MID_POOL_UNCACHED, 0, 0},
    {"checked sequential", MID_POOL_SEQUENTIAL, MID_POOL_CHECKED, 0, 0},
    {"half slab", MID_POOL_SEQUENTIAL, 0, MID_POOL_SLAB_BYTES / 2, 0},
    {"split at 100", MID_POOL_SIZE_CLASS, 0, 100, 0},
    {"limit sequential", MID_POOL_SEQUENTIAL, 0, 0, 1000000},
    {"limit checked", MID_POOL_SIZE_CLASS, MID_POOL_CHECKED, 0, 1000001},
};

START_TEST(random_operations__every_shape_of_pool__agree_with_the_twin)
{
    struct mid_pool_options options;
    mid_pool_options_init(&options);
    options.policy = shapes[_i].policy;
    options.flags = shapes[_i].flags;
    options.split_bytes = shapes[_i].split_bytes;
    options.limit_bytes = shapes[_i].limit_bytes;
    play(&options, shapes[_i].name);
}
END_TEST

/* ---- several threads: each has entries of its own, and passes every fourth buffer to the next thread to release */

#define THREADS 4
#define MAIL    64
#define THREADED_SHAPES 4 /* the first of the table */

struct mailbox {
    pthread_mutex_t lock;
    struct entry letters[MAIL];
    size_t count;
};

struct worker {
    struct model model;
    struct mailbox *mine, *others;
    size_t sent, received;
};

static bool post(struct worker *w, struct entry *e)
{
    pthread_mutex_lock(&w->others->lock);
    bool room = w->others->count < MAIL;
    if (room)
        w->others->letters[w->others->count++] = *e;
    pthread_mutex_unlock(&w->others->lock);
    return room;
}

static void read_mail(struct worker *w)
{
    struct entry letters[MAIL];
    pthread_mutex_lock(&w->mine->lock);
    size_t n = w->mine->count;
    memcpy(letters, w->mine->letters, n * sizeof *letters);
    w->mine->count = 0;
    pthread_mutex_unlock(&w->mine->lock);
    for (size_t i = 0; i < n; i++)
        give(&w->model, &letters[i]);
    w->received += n;
}

static void *work(void *argument)
{
    struct worker *w = argument;
    unsigned long steps = test_rounds(12000);
    for (unsigned long i = 0; i < steps; i++) {
        step(&w->model, 50);
        struct entry *e = &w->model.entries[test_random(&w->model.random) % SLOTS];
        if (e->p != NULL && i % 4 == 0 && post(w, e)) {
            e->p = NULL;
            w->sent++;
        }
        if (i % 50 == 0)
            read_mail(w);
        if (i % 3000 == 0)
            mid_pool_verify(w->model.pool, fail_on_broken, NULL);
    }
    return NULL;
}

START_TEST(random_operations__several_threads__agree_with_the_twin)
{
    struct mid_pool_options options;
    mid_pool_options_init(&options);
    options.policy = shapes[_i].policy;
    options.flags = shapes[_i].flags;
    options.limit_bytes = shapes[_i].limit_bytes * THREADS;
    options.broken = fail_on_broken;
    struct mid_pool *pool;
    ck_assert_int_eq(mid_pool_create(&options, &pool), MID_OK);
    uint64_t seed = test_seed(shapes[_i].name);
    struct mailbox boxes[THREADS] = {0};
    struct worker *workers = calloc(THREADS, sizeof *workers);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        pthread_mutex_init(&boxes[i].lock, NULL);
        workers[i].model.pool = pool;
        workers[i].model.random = seed + (uint64_t)i * 0x9e3779b97f4a7c15u + 1;
        workers[i].mine = &boxes[i];
        workers[i].others = &boxes[(i + 1) % THREADS];
    }
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        read_mail(&workers[i]);
        for (struct entry *e = workers[i].model.entries; e < workers[i].model.entries + SLOTS; e++)
            if (e->p != NULL)
                give(&workers[i].model, e);
    }
    ck_assert_int_eq(mid_pool_verify(pool, fail_on_broken, NULL), MID_OK);
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_stats(pool, &s);
    ck_assert_uint_eq(s.live_buffers, 0);
    ck_assert_uint_eq(s.allocs, s.releases);
    size_t out;
    ck_assert_int_eq(mid_pool_destroy(pool, &out), MID_OK);
    free(workers);
}
END_TEST

int main(void)
{
    int n = (int)(sizeof shapes / sizeof *shapes);
    TCase *one = tcase_create("one thread");
    tcase_add_loop_test(one, random_operations__every_shape_of_pool__agree_with_the_twin, 0, n);
    TCase *many = tcase_create("threads");
    tcase_add_loop_test(many, random_operations__several_threads__agree_with_the_twin, 0, THREADED_SHAPES);
    return run_suite("pool model", one, many, NULL);
}
