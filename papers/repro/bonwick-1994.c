/* SPDX-License-Identifier: MIT
 * Repeats the claims of papers/bonwick-1994.md about waste: what slabs hold beside what was asked for, under the two
 * placement policies. Bytes only: the same on every machine. */
#include <midden/pool.h>

#include <stdio.h>
#include <stdlib.h>

enum { KEPT = 20000 };

static void *kept[KEPT * 2];

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

static void report(struct mid_pool *pool, const char *what, size_t live)
{
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_trim(pool);
    mid_pool_stats(pool, &s);
    printf("  %-62s %9zu live %9zu in slabs %7.2f x\n", what, live, s.slab_bytes + s.large_bytes,
           (double)(s.slab_bytes + s.large_bytes) / (double)live);
    mid_pool_destroy_forced(pool);
}

/* All of one size. */
static void same_size(enum mid_pool_policy policy, size_t bytes, const char *what)
{
    struct mid_pool *pool = open_pool(policy);
    for (size_t i = 0; i < KEPT; i++)
        mid_pool_alloc(pool, bytes);
    report(pool, what, KEPT * bytes);
}

/* One of every hundred is kept, the others are released: Node's known weakness. */
static void one_in_a_hundred(enum mid_pool_policy policy)
{
    struct mid_pool *pool = open_pool(policy);
    for (size_t i = 0; i < KEPT; i++) {
        for (int j = 0; j < 99; j++)
            kept[j] = mid_pool_alloc(pool, 64);
        mid_pool_alloc(pool, 64);
        for (int j = 0; j < 99; j++)
            mid_pool_release(pool, kept[j]);
    }
    report(pool, "64 B, one of every hundred kept", (size_t)KEPT * 64);
}

/* A tiny buffer, and one that nearly fills the rest of the slab, in turn. */
static void tiny_and_large(enum mid_pool_policy policy)
{
    struct mid_pool *pool = open_pool(policy);
    for (size_t i = 0; i < KEPT / 10; i++) {
        mid_pool_alloc(pool, 200);
        mid_pool_alloc(pool, 8000);
    }
    report(pool, "200 B and 8,000 B in turn, all kept", (size_t)KEPT / 10 * 8200);
}

/* Sizes from 16 to 1,024 bytes, a random one of which is replaced again and again. */
static void replaced(enum mid_pool_policy policy)
{
    struct mid_pool *pool = open_pool(policy);
    size_t *sizes = calloc(KEPT, sizeof *sizes), live = 0;
    uint64_t random = 88172645463325252u;
    for (size_t i = 0; i < KEPT * 20; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        size_t at = i < KEPT ? i : random % KEPT, bytes = 16 + (random >> 32) % 1009;
        if (i >= KEPT)
            mid_pool_release(pool, kept[at]);
        live += bytes - sizes[at];
        sizes[at] = bytes;
        kept[at] = mid_pool_alloc(pool, bytes);
    }
    free(sizes);
    report(pool, "16 - 1,024 B, 20,000 live, a random one replaced 380,000 times", live);
}

int main(void)
{
    static const enum mid_pool_policy policies[] = {MID_POOL_SEQUENTIAL, MID_POOL_SIZE_CLASS};
    for (int p = 0; p < 2; p++) {
        printf("%s\n", p == 0 ? "sequential (Node's)" : "size-class (Bonwick's)");
        same_size(policies[p], 64, "64 B, all kept");
        same_size(policies[p], 100, "100 B, all kept");
        same_size(policies[p], 4608, "4,608 B, all kept");
        tiny_and_large(policies[p]);
        one_in_a_hundred(policies[p]);
        replaced(policies[p]);
    }
    return 0;
}
