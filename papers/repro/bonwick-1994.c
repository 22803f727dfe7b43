/* SPDX-License-Identifier: MIT
 * Repeats the claims of papers/bonwick-1994.md about waste: what slabs hold beside what was asked for, under the two
 * placement policies. Bytes only: the same on every machine. */
#include <midden/pool.h>

#include "kit.h"

enum { KEPT = 20000 };

static void *kept[KEPT * 2];

enum { ROWS = 6 };
static const char *const titles[ROWS] = {"64 B, all kept", "100 B, all kept", "4,608 B, all kept",
                                         "200 B and 8,000 B in turn, all kept", "64 B, one of every hundred kept",
                                         "16 to 1,024 B, a random one replaced again and again"};

static struct mid_pool *open_pool(enum mid_pool_policy policy)
{
    struct mid_pool_options o;
    struct mid_pool *pool;
    mid_pool_options_init(&o);
    o.policy = policy;
    o.flags = MID_POOL_UNCACHED;
    if (mid_pool_create(&o, &pool) != MID_OK)
        exit(1);
    return pool;
}

/* Bytes in slabs for each live byte; ends the pool. */
static double held(struct mid_pool *pool, size_t live)
{
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_trim(pool);
    mid_pool_stats(pool, &s);
    mid_pool_destroy_forced(pool);
    return (double)(s.slab_bytes + s.large_bytes) / (double)live;
}

/* All of one size. */
static double same_size(enum mid_pool_policy policy, size_t bytes)
{
    struct mid_pool *pool = open_pool(policy);
    for (size_t i = 0; i < KEPT; i++)
        mid_pool_alloc(pool, bytes);
    return held(pool, KEPT * bytes);
}

/* One of every hundred is kept, the others are released: Node's known weakness. */
static double one_in_a_hundred(enum mid_pool_policy policy)
{
    struct mid_pool *pool = open_pool(policy);
    for (size_t i = 0; i < KEPT; i++) {
        for (int j = 0; j < 99; j++)
            kept[j] = mid_pool_alloc(pool, 64);
        mid_pool_alloc(pool, 64);
        for (int j = 0; j < 99; j++)
            mid_pool_release(pool, kept[j]);
    }
    return held(pool, (size_t)KEPT * 64);
}

/* A tiny buffer, and one that nearly fills the rest of the slab, in turn. */
static double tiny_and_large(enum mid_pool_policy policy)
{
    struct mid_pool *pool = open_pool(policy);
    for (size_t i = 0; i < KEPT / 10; i++) {
        mid_pool_alloc(pool, 200);
        mid_pool_alloc(pool, 8000);
    }
    return held(pool, (size_t)KEPT / 10 * 8200);
}

/* Sizes from 16 to 1,024 bytes, a random one of which is replaced again and again. */
static double replaced(enum mid_pool_policy policy)
{
    struct mid_pool *pool = open_pool(policy);
    size_t *sizes = calloc(KEPT, sizeof *sizes), live = 0;
    uint64_t state = KIT_SEED;
    for (size_t i = 0; i < KEPT * 20; i++) {
        uint64_t random = kit_random(&state);
        size_t at = i < KEPT ? i : random % KEPT, bytes = 16 + (random >> 32) % 1009;
        if (i >= KEPT)
            mid_pool_release(pool, kept[at]);
        live += bytes - sizes[at];
        sizes[at] = bytes;
        kept[at] = mid_pool_alloc(pool, bytes);
    }
    free(sizes);
    return held(pool, live);
}

int main(void)
{
    static const enum mid_pool_policy policies[] = {MID_POOL_SEQUENTIAL, MID_POOL_SIZE_CLASS};
    double x[2][ROWS];
    for (int p = 0; p < 2; p++) {
        x[p][0] = same_size(policies[p], 64);
        x[p][1] = same_size(policies[p], 100);
        x[p][2] = same_size(policies[p], 4608);
        x[p][3] = tiny_and_large(policies[p]);
        x[p][4] = one_in_a_hundred(policies[p]);
        x[p][5] = replaced(policies[p]);
    }
    puts("Bytes in slabs after a trim, per live byte; 20,000 buffers kept (2,000 pairs in row 4). The same on any machine.\n");
    puts("| what | sequential (Node's) | size-class (Bonwick's) |\n|---|---|---|");
    double best = x[1][0], worst = x[1][0], node_worst = x[0][0];
    for (int r = 0; r < ROWS; r++) {
        printf("| %s | %.2f | %.2f |\n", titles[r], x[0][r], x[1][r]);
        best = x[1][r] < best ? x[1][r] : best;
        worst = x[1][r] > worst ? x[1][r] : worst;
        node_worst = x[0][r] > node_worst ? x[0][r] : node_worst;
    }
    puts("@plot x=1 y=2,3 log=y ylabel=\"bytes held / live bytes\"");
    printf("@measured %.2f to %.2f x the live bytes are held, where sequential slabs hold up to %.0f x\n", best, worst,
           node_worst);
    kit_verdict(worst <= 1.25, worst < node_worst);
    return 0;
}
