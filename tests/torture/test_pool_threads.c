/* SPDX-License-Identifier: MIT
 * A storm of threads over pools that come and go: threads end with full caches and others go on with their buffers; whoever
 * leaves a pool last destroys it, while others still hold caches of it; figures, trims, walks and the verifier run in the
 * middle of it; some pools are at their limit all the time. Every buffer is filled with a mark that its release looks for,
 * so that one that is handed out twice is seen.
 *
 * A *line* is what outlives its threads: a run of visits to all pools in an order of its own, and the buffers that it
 * holds. Threads carry a line for a while and end; the next one goes on. Which thread does what when is the scheduler's
 * choice: a seed plays the same operations again, not the same interleaving. */
#include <midden/cache.h>

#include "seen.h"
#include "suite.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

/* Without the lock and the file of ck_assert, which would put the threads in a row and hide their races. */
#define must(condition)                           \
    do {                                          \
        if (!(condition))                         \
            ck_abort_msg("not so: %s", #condition); \
    } while (0)

enum { LINES = 6, POOLS = 12, HELD = 48, SHARED = 64, OPEN = 2 };

struct held {
    unsigned char *memory;
    size_t bytes;
    unsigned char mark;
    bool sized; /* may be released with its size: it was not aligned */
};

struct arena { /* a pool and what its visitors share */
    pthread_mutex_t lock;
    struct mid_pool *pool;
    unsigned visitors; /* lines that have not left it */
    bool limited;
    struct held shared[SHARED]; /* taken by one, released by another */
};

struct visit {
    struct arena *arena;
    unsigned long left;
    struct held held[HELD];
};

struct line {
    uint64_t random;
    unsigned order[POOLS], next;
    struct visit open[OPEN];
};

static struct arena arenas[POOLS];
static struct line lines[LINES];
static uint64_t seed;
static unsigned long visit_operations;

static void fail_on_report(void *user, const struct mid_broken *broken)
{
    (void)user;
    ck_abort_msg("%s: %s", broken->rule, broken->detail);
}

static int give_own_cache(void *user, struct mid_pool *pool, size_t bytes, unsigned attempt)
{
    (void)user, (void)bytes;
    mid_pool_flush_thread(pool);
    return attempt < 3;
}

/* Pools of all sorts: plain, with a small cache, at a limit with and without a callback, checked, uncached, sequential. */
static struct mid_pool *make_pool(unsigned sort, bool *limited)
{
    struct mid_pool_options options;
    struct mid_pool *pool;
    mid_pool_options_init(&options);
    options.broken = fail_on_report;
    if (sort % 3 == 1)
        options.thread_cache_bytes = 64 << 10;
    if (sort % 4 >= 2)
        options.limit_bytes = sort % 4 == 2 ? 512 << 10 : 1 << 20;
    if (sort % 4 == 3)
        options.at_limit = give_own_cache;
    if (sort % 6 == 4)
        options.flags = MID_POOL_CHECKED;
    if (sort % 6 == 5)
        options.flags = MID_POOL_UNCACHED;
    if (sort % 7 == 6)
        options.policy = MID_POOL_SEQUENTIAL;
    *limited = options.limit_bytes != 0;
    must(mid_pool_create(&options, &pool) == MID_OK);
    return pool;
}

/* ---- buffers */

static size_t random_bytes(struct line *l)
{
    uint64_t r = test_random(&l->random);
    static const size_t at_most[8] = {64, 64, 256, 256, 1024, 1024, 8192, 40000};
    return (size_t)(r >> 8) % at_most[r % 8] + (r % 64 == 0 ? 0 : 1);
}

static struct held take(struct line *l, struct arena *a)
{
    uint64_t how = test_random(&l->random) % 16;
    struct held h = {NULL, random_bytes(l), (unsigned char)test_random(&l->random), true};
    struct mid_cache *cache;
    if (how < 8 && (cache = mid_pool_cache(a->pool)) != NULL) {
        h.memory = mid_cache_alloc(cache, h.bytes);
    } else if (how == 8) {
        h.memory = mid_pool_alloc_zeroed(a->pool, 1, h.bytes);
        for (size_t i = 0; h.memory != NULL && i < h.bytes; i++)
            must(h.memory[i] == 0);
    } else if (how == 9) {
        h.memory = mid_pool_alloc_aligned(a->pool, (size_t)16 << (l->random % 8), h.bytes);
        h.sized = false;
    } else {
        h.memory = mid_pool_alloc(a->pool, h.bytes);
    }
    if (h.memory == NULL)
        must(a->limited);
    else
        memset(h.memory, h.mark, h.bytes);
    return h;
}

static void look(const struct held *h)
{
    for (size_t i = 0; h->memory != NULL && i < h->bytes; i++)
        if (h->memory[i] != h->mark)
            ck_abort_msg("byte %zu of a buffer of %zu is %02x and not %02x", i, h->bytes, h->memory[i], h->mark);
}

static void give(struct line *l, struct arena *a, struct held *h)
{
    uint64_t how = test_random(&l->random) % 4;
    struct mid_cache *cache;
    if (h->memory == NULL)
        return;
    look(h);
    memset(h->memory, ~h->mark, h->bytes);
    if (!h->sized || how == 0)
        mid_pool_release(a->pool, h->memory);
    else if (how == 1 && (cache = mid_pool_cache(a->pool)) != NULL)
        mid_cache_release(cache, h->memory, h->bytes);
    else
        mid_pool_release_sized(a->pool, h->memory, h->bytes);
    h->memory = NULL;
}

static void resize(struct line *l, struct arena *a, struct held *h)
{
    size_t bytes = random_bytes(l);
    unsigned char *moved = h->memory == NULL || !h->sized ? NULL : mid_pool_resize(a->pool, h->memory, bytes);
    if (moved == NULL)
        return;
    h->bytes = h->bytes < bytes ? h->bytes : bytes;
    h->memory = moved;
    look(h);
    h->bytes = bytes;
    memset(h->memory, h->mark, h->bytes);
}

static void exchange(struct line *l, struct arena *a, struct held *h)
{
    struct held *there = &a->shared[test_random(&l->random) % SHARED], got;
    pthread_mutex_lock(&a->lock);
    got = *there;
    *there = *h;
    pthread_mutex_unlock(&a->lock);
    *h = got;
    look(h);
}

/* ---- what looks at a pool in the middle of the traffic */

static void look_at_figures(struct mid_pool *pool)
{
    struct mid_pool_stats s = {.struct_size = sizeof s};
    must(mid_pool_stats(pool, &s) == MID_OK);
    must(s.committed_bytes == s.slab_bytes + s.large_bytes + s.empty_bytes + s.spare_bytes);
    must(s.slab_bytes + s.large_bytes == s.rounded_bytes + s.cached_bytes + s.pinned_bytes);
    must(s.requested_bytes <= s.rounded_bytes);
    must(s.releases <= s.allocs);
    must(s.limit_bytes == 0 || s.committed_bytes <= s.limit_bytes);
}

static int count_buffers(void *user, const struct mid_pool_slab *slab, const struct mid_pool_buffer *buffer)
{
    must(buffer->bytes <= slab->bytes);
    ++*(size_t *)user;
    return 0;
}

static void disturb(struct line *l, struct mid_pool *pool)
{
    size_t count = 0;
    struct mid_pool_visitor visitor = {sizeof visitor, NULL, count_buffers, &count};
    switch (test_random(&l->random) % 8) {
    case 0:
        mid_pool_trim(pool);
        break;
    case 1:
        mid_pool_flush_thread(pool);
        break;
    case 2:
        must(mid_pool_verify(pool, NULL, NULL) == MID_OK);
        break;
    case 3:
        must(mid_pool_walk(pool, &visitor) == 0);
        break;
    default:
        look_at_figures(pool);
    }
}

/* ---- lines and the threads that carry them */

static void enter(struct line *l, struct visit *v)
{
    v->arena = &arenas[l->order[l->next++]];
    v->left = visit_operations;
    pthread_mutex_lock(&v->arena->lock);
    if (v->arena->pool == NULL)
        v->arena->pool = make_pool((unsigned)(v->arena - arenas), &v->arena->limited);
    pthread_mutex_unlock(&v->arena->lock);
}

/* The last one out releases what is left and destroys the pool; caches of it are still in the hands of all who were there. */
static void leave(struct line *l, struct visit *v)
{
    struct arena *a = v->arena;
    for (int i = 0; i < HELD; i++)
        give(l, a, &v->held[i]);
    pthread_mutex_lock(&a->lock);
    bool last = --a->visitors == 0;
    pthread_mutex_unlock(&a->lock);
    v->arena = NULL;
    if (!last)
        return;
    for (int i = 0; i < SHARED; i++)
        give(l, a, &a->shared[i]);
    look_at_figures(a->pool);
    must(mid_pool_verify(a->pool, NULL, NULL) == MID_OK);
    must(mid_pool_destroy(a->pool, NULL) == MID_OK);
}

static void operate(struct line *l, struct visit *v)
{
    struct held *h = &v->held[test_random(&l->random) % HELD];
    uint64_t what = test_random(&l->random) % 128;
    if (what == 0)
        disturb(l, v->arena->pool);
    else if (what < 16)
        exchange(l, v->arena, h);
    else if (what < 20)
        resize(l, v->arena, h);
    else if (h->memory == NULL)
        *h = take(l, v->arena);
    else
        give(l, v->arena, h);
}

/* One thread's life. Returns the line when it is not at its end. */
static void *carry(void *argument)
{
    struct line *l = argument;
    uint64_t steps = visit_operations / 4 + test_random(&l->random) % (visit_operations * 2);
    for (uint64_t i = 0; i < steps; i++) {
        struct visit *v = &l->open[test_random(&l->random) % OPEN];
        if (v->arena == NULL && l->next < POOLS)
            enter(l, v);
        else if (v->arena != NULL && v->left-- == 0)
            leave(l, v);
        else if (v->arena != NULL)
            operate(l, v);
        else if (l->open[0].arena == NULL && l->open[1].arena == NULL)
            return NULL;
    }
    return l;
}

static void *follow(void *argument)
{
    for (void *on = argument; on != NULL;) {
        pthread_t thread;
        must(pthread_create(&thread, NULL, carry, on) == 0);
        must(pthread_join(thread, &on) == 0);
    }
    return NULL;
}

static void prepare(unsigned long round)
{
    memset(lines, 0, sizeof lines);
    memset(arenas, 0, sizeof arenas);
    for (unsigned i = 0; i < POOLS; i++) {
        pthread_mutex_init(&arenas[i].lock, NULL);
        arenas[i].visitors = LINES;
    }
    for (unsigned i = 0; i < LINES; i++) {
        struct line *l = &lines[i];
        l->random = seed + round * 1000003 + i * 7919 + 1;
        for (unsigned k = 0; k < POOLS; k++) { /* a shuffle of a few places: lines meet in the same pools */
            unsigned at = k - (k < 3 ? 0 : (unsigned)(test_random(&l->random) % 4));
            l->order[k] = l->order[at];
            l->order[at] = k;
        }
    }
}

START_TEST(storm__threads_and_pools_that_end_in_any_order__no_buffer_is_lost_or_shared)
{
    seed = test_seed("pool_threads");
    visit_operations = 1500;
    unsigned long rounds = test_rounds(4);
    for (unsigned long round = 0; round < rounds; round++) {
        pthread_t threads[LINES];
        prepare(round);
        for (unsigned i = 0; i < LINES; i++)
            must(pthread_create(&threads[i], NULL, follow, &lines[i]) == 0);
        for (unsigned i = 0; i < LINES; i++)
            pthread_join(threads[i], NULL);
        for (unsigned i = 0; i < POOLS; i++) {
            must(arenas[i].visitors == 0);
            pthread_mutex_destroy(&arenas[i].lock);
        }
    }
}
END_TEST

/* ---- a double release with hundreds of releases after it. Each thread has a class of its own, and keeps a buffer in each
 * slab, so that nobody takes the place meanwhile: then a second release is an error that a checked pool must see, and name. */

enum { DEEP = 600, DOUBLES = 20, KEPT = 16 /* of so many the first is kept */ };

static struct {
    pthread_mutex_t lock;
    struct seen seen;
} reports = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note_locked(void *user, const struct mid_broken *broken)
{
    pthread_mutex_lock(&reports.lock);
    note_broken(user, broken);
    pthread_mutex_unlock(&reports.lock);
}

struct doubler {
    struct mid_pool *pool;
    size_t bytes;
    uint64_t random;
};

static void *release_twice(void *argument)
{
    struct doubler *d = argument;
    void *p[DEEP];
    for (unsigned i = 0; i < DEEP; i++)
        must((p[i] = mid_pool_alloc(d->pool, d->bytes)) != NULL);
    for (unsigned i = 0; i < DEEP; i++)
        if (i % KEPT != 0)
            mid_pool_release_sized(d->pool, p[i], d->bytes);
    for (unsigned i = 0; i < DOUBLES; i++) {
        unsigned slot = (unsigned)(test_random(&d->random) % (DEEP / KEPT)) * KEPT;
        mid_pool_release_sized(d->pool, p[slot + 1 + test_random(&d->random) % (KEPT - 1)], d->bytes);
    }
    for (unsigned i = 0; i < DEEP; i += KEPT)
        mid_pool_release_sized(d->pool, p[i], d->bytes);
    return NULL;
}

START_TEST(double_release__deep_among_others__is_always_seen_by_a_checked_pool)
{
    struct mid_pool_options options;
    struct doubler d[LINES];
    pthread_t threads[LINES];
    struct mid_pool_stats s = {.struct_size = sizeof s};
    uint64_t random = test_seed("double_release");
    memset(&reports.seen, 0, sizeof reports.seen);
    mid_pool_options_init(&options);
    options.flags = MID_POOL_CHECKED;
    options.broken = note_locked;
    options.broken_user = &reports.seen;
    ck_assert_int_eq(mid_pool_create(&options, &d[0].pool), MID_OK);
    for (unsigned i = 0; i < LINES; i++) {
        d[i] = (struct doubler){d[0].pool, 40 + (size_t)i * 32, test_random(&random) | 1};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, release_twice, &d[i]), 0);
    }
    for (unsigned i = 0; i < LINES; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(reports.seen.count, LINES * DOUBLES);
    ck_assert_ptr_nonnull(strstr(reports.seen.last, "already released at"));
    for (unsigned i = 0; i < 32; i++)
        ck_assert_str_eq(reports.seen.rules[i], "pool.double_release");
    ck_assert_int_eq(mid_pool_stats(d[0].pool, &s), MID_OK);
    ck_assert_uint_eq(s.misuses, LINES * DOUBLES);
    ck_assert_uint_eq(s.live_buffers, 0);
    ck_assert_int_eq(mid_pool_verify(d[0].pool, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(d[0].pool, NULL), MID_OK);
}
END_TEST

/* ---- a thread whose own destructors use the pool after its cache was handed back */

static pthread_key_t last_words[2];
static struct mid_pool *lasting;

static void speak(void *left)
{
    void *p[100];
    for (int i = 0; i < 100; i++)
        must((p[i] = mid_pool_alloc(lasting, 100)) != NULL);
    for (int i = 0; i < 100; i++)
        mid_pool_release(lasting, p[i]);
    if ((uintptr_t)left > 1)
        pthread_setspecific(last_words[0], (void *)((uintptr_t)left - 1));
}

static void *speak_at_the_end(void *unused)
{
    speak((void *)1);
    pthread_setspecific(last_words[0], (void *)2);
    pthread_setspecific(last_words[1], (void *)1);
    return unused;
}

START_TEST(destructors__of_a_thread_that_has_handed_its_cache_back__may_use_the_pool)
{
    struct mid_pool_stats s = {.struct_size = sizeof s};
    ck_assert_int_eq(mid_pool_create(NULL, &lasting), MID_OK);
    ck_assert_int_eq(pthread_key_create(&last_words[0], speak), 0); /* before the library's key ... */
    mid_pool_release(lasting, mid_pool_alloc(lasting, 1));
    ck_assert_int_eq(pthread_key_create(&last_words[1], speak), 0); /* ... and after */
    for (int i = 0; i < 10; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, speak_at_the_end, NULL), 0);
        pthread_join(thread, NULL);
    }
    mid_pool_trim(lasting);
    ck_assert_int_eq(mid_pool_stats(lasting, &s), MID_OK);
    ck_assert_uint_eq(s.live_buffers, 0);
    ck_assert_uint_eq(s.cached_bytes, 0);
    ck_assert_uint_le(s.thread_caches, 1); /* of the main thread */
    ck_assert_int_eq(mid_pool_destroy(lasting, NULL), MID_OK);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("pool_threads");
    tcase_add_test(c, storm__threads_and_pools_that_end_in_any_order__no_buffer_is_lost_or_shared);
    tcase_add_test(c, double_release__deep_among_others__is_always_seen_by_a_checked_pool);
    tcase_add_test(c, destructors__of_a_thread_that_has_handed_its_cache_back__may_use_the_pool);
    return run_suite("pool_threads", c, NULL);
}
