/* SPDX-License-Identifier: MIT
 * Repeats the claim of papers/bonwick-2001.md: two magazines a thread turn at most one operation in M into work outside
 * the thread, whatever the pattern. Bursts of b buffers are taken and released again; what the caches could not serve by
 * themselves is counted. Counts only: the same on every machine. */
#include <midden/pool.h>

#include "kit.h"

enum { OPERATIONS = 1 << 20, MOST = 4096 };

static void *out[MOST];

/* Operations of the caches for each one that they handed on. */
static double operations_a_miss(size_t burst, bool walk)
{
    struct mid_pool *pool;
    struct mid_pool_stats s = {.struct_size = sizeof s};
    KIT_NEED(mid_pool_create(NULL, &pool) == MID_OK);
    uint64_t state = KIT_SEED, done = 0, warm = 0;
    for (size_t live = 0; done < OPERATIONS;) {
        bool take = walk ? live == 0 || (live < burst && kit_random(&state) % 2) : live == 0;
        size_t n = walk ? 1 : burst;
        for (size_t i = 0; i < n; i++, done++) {
            if (take)
                KIT_NEED((out[live++] = mid_pool_alloc(pool, 64)) != NULL);
            else
                mid_pool_release_sized(pool, out[--live], 64);
        }
        if (done < 2 * MOST) { /* the first buffers come from the slabs in any case */
            mid_pool_stats(pool, &s);
            warm = s.cache_misses;
        }
    }
    mid_pool_stats(pool, &s);
    mid_pool_destroy_forced(pool);
    return (double)(OPERATIONS - 2 * MOST) / (double)(s.cache_misses - warm > 0 ? s.cache_misses - warm : 1);
}

int main(void)
{
    static const size_t bursts[] = {1, 16, 63, 64, 65, 127, 128, 129, 192, 256, 1024, 4096};
    double worst = 1e30;
    puts("A million operations on buffers of 64 bytes by one thread, after a warm-up.\n");
    puts("| pattern | operations for each that left the thread |\n|---|---|");
    for (size_t b = 0; b < sizeof bursts / sizeof bursts[0]; b++) {
        double each = operations_a_miss(bursts[b], false);
        printf(each > 1e6 ? "| %zu taken, %zu released | all |\n" : "| %zu taken, %zu released | %.0f |\n", bursts[b], bursts[b], each);
        worst = each < worst ? each : worst;
    }
    double walk = operations_a_miss(MOST, true);
    printf(walk > 1e6 ? "| one taken or released at random | all |\n" : "| one taken or released at random | %.0f |\n", walk);
    worst = walk < worst ? walk : worst;
    printf("@measured at the worst one operation in %.0f leaves the thread\n", worst);
    kit_verdict(worst >= 32, worst >= 8);
    return 0;
}
