/* SPDX-License-Identifier: MIT
 * Repeats the claims of papers/berger-2000.md: what threads pass to each other does not blow memory up, and threads that
 * allocate side by side do not share lines of the cache. Counts and bytes; a little depends on how threads are scheduled. */
#include <midden/pool.h>

#include <pthread.h>

#include "kit.h"

enum { ROUND = 4096, THREADS = 2, EACH = 20000 };

static struct mid_pool *pool;
static void *passed[ROUND];

static void *release_round(void *user)
{
    (void)user;
    for (size_t i = 0; i < ROUND; i++)
        mid_pool_release_sized(pool, passed[i], 1024);
    return NULL;
}

/* One thread takes 4 MiB, another releases it, again and again. Returns committed over what was live at most. */
static double blowup(int rounds)
{
    struct mid_pool_stats s = {.struct_size = sizeof s};
    KIT_NEED(mid_pool_create(NULL, &pool) == MID_OK);
    for (int r = 0; r < rounds; r++) {
        pthread_t consumer;
        for (size_t i = 0; i < ROUND; i++)
            KIT_NEED((passed[i] = mid_pool_alloc(pool, 1024)) != NULL);
        KIT_NEED(pthread_create(&consumer, NULL, release_round, NULL) == 0);
        pthread_join(consumer, NULL);
    }
    mid_pool_stats(pool, &s);
    mid_pool_destroy_forced(pool);
    return (double)s.committed_peak_bytes / (ROUND * 1024.0);
}

static void *taken[THREADS][EACH];
static pthread_barrier_t together;

static void *take_many(void *user)
{
    void **mine = user;
    for (size_t i = 0; i < EACH; i++) {
        if (i % 10 == 0)
            pthread_barrier_wait(&together);
        KIT_NEED((mine[i] = mid_pool_alloc(pool, 16)) != NULL);
    }
    return NULL;
}

static int by_address(const void *a, const void *b)
{
    uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
    return (x > y) - (x < y);
}

/* The share of cache lines that hold buffers of both threads, of all that hold any. */
static double shared_lines(unsigned flags)
{
    struct mid_pool_options o;
    pthread_t threads[THREADS];
    static uintptr_t all[THREADS * EACH]; /* line * 2 + thread */
    mid_pool_options_init(&o);
    o.flags = flags;
    KIT_NEED(mid_pool_create(&o, &pool) == MID_OK && pthread_barrier_init(&together, NULL, THREADS) == 0);
    for (size_t t = 0; t < THREADS; t++)
        KIT_NEED(pthread_create(&threads[t], NULL, take_many, taken[t]) == 0);
    for (size_t t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
        for (size_t i = 0; i < EACH; i++)
            all[t * EACH + i] = (uintptr_t)taken[t][i] / 64 * 2 + t;
    }
    qsort(all, THREADS * EACH, sizeof *all, by_address);
    size_t lines = 0, shared = 0;
    for (size_t i = 0; i < THREADS * EACH;) {
        unsigned who = 0;
        uintptr_t line = all[i] / 2;
        for (; i < THREADS * EACH && all[i] / 2 == line; i++)
            who |= 1u << (all[i] & 1);
        lines++;
        shared += who == 3;
    }
    pthread_barrier_destroy(&together);
    mid_pool_destroy_forced(pool);
    return (double)shared / (double)lines;
}

int main(void)
{
    puts("One thread takes 4 MiB in buffers of 1 KiB, a second releases them; peak committed over peak live.\n");
    puts("| rounds | committed / live |\n|---|---|");
    double once = blowup(1), often = 0;
    printf("| 1 | %.2f |\n", once);
    for (int rounds = 10; rounds <= 1000; rounds *= 10)
        printf("| %d | %.2f |\n", rounds, often = blowup(rounds));
    double cached = shared_lines(0), uncached = shared_lines(MID_POOL_UNCACHED);
    puts("\nTwo threads take 20,000 buffers of 16 bytes each, in step; lines of 64 bytes that hold buffers of both:\n");
    printf("| pool | lines shared, %% |\n|---|---|\n| with thread caches | %.2f |\n| without | %.1f |\n", cached * 100, uncached * 100);
    printf("@measured %.2f x the live bytes after 1,000 rounds as after one (%.2f x); %.1f %% of the lines are shared, "
           "%.0f %% without thread caches\n", often, once, cached * 100, uncached * 100);
    kit_verdict(often < once * 1.1 && cached < 0.05, often < once * 1.5);
    return 0;
}
