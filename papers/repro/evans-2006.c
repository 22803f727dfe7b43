/* SPDX-License-Identifier: MIT
 * Repeats the claim of papers/evans-2006.md: how size classes are spaced bounds what rounding wastes. The classes of the
 * pool are read from its statistics; those of the paper, and those that jemalloc has had since, are computed beside them.
 * Arithmetic only: the same on every machine. */
#include <midden/pool.h>

#include "kit.h"

static size_t ours[512], our_count;

static size_t round_ours(size_t bytes)
{
    for (size_t i = 0; i < our_count; i++)
        if (ours[i] >= bytes)
            return ours[i];
    return 0;
}

/* The paper, section "Algorithms and data structures": quantum-spaced to 512, powers of two below a page, then pages. */
static size_t round_2006(size_t bytes)
{
    if (bytes <= 512)
        return (bytes + 15) & ~(size_t)15;
    if (bytes <= 2048)
        return bytes <= 1024 ? 1024 : 2048;
    return (bytes + 4095) & ~(size_t)4095;
}

/* jemalloc since 4.0: four classes to a doubling. */
static size_t round_4_0(size_t bytes)
{
    if (bytes <= 128)
        return (bytes + 15) & ~(size_t)15;
    size_t step = 16;
    while (step * 8 < bytes)
        step *= 2;
    return (bytes + step - 1) & ~(step - 1);
}

struct waste {
    double mean, most;
};

static struct waste waste_of(size_t (*round)(size_t), size_t from, size_t to)
{
    struct waste w = {0, 0};
    for (size_t b = from; b <= to; b++) {
        double x = (double)(round(b) - b) / (double)b;
        w.mean += x / (double)(to - from + 1);
        w.most = x > w.most ? x : w.most;
    }
    return w;
}

int main(void)
{
    static const size_t ranges[][2] = {{65, 128}, {129, 256}, {257, 512}, {513, 1024}, {1025, 2048}, {2049, 4096}, {4097, 8191}};
    struct mid_pool *pool;
    KIT_NEED(mid_pool_create(NULL, &pool) == MID_OK);
    for (size_t i = 0; i < mid_pool_class_count(pool); i++) {
        struct mid_pool_class_stats s = {.struct_size = sizeof s};
        if (mid_pool_class_stats(pool, i, &s) == MID_OK && s.buffer_bytes != 0 && our_count < sizeof ours / sizeof ours[0])
            ours[our_count++] = s.buffer_bytes;
    }
    mid_pool_destroy(pool, NULL);
    KIT_NEED(our_count > 0 && round_ours(8191) != 0);
    puts("What rounding adds, in per cent of the request, over all sizes of a range: mean and worst.\n");
    puts("| sizes | midden: mean | worst | jemalloc since 4.0: mean | worst | the paper: mean | worst |\n|---|---|---|---|---|---|---|");
    double worst = 0, worst_small = 0, worst_2006 = 0;
    for (size_t r = 0; r < sizeof ranges / sizeof ranges[0]; r++) {
        struct waste a = waste_of(round_ours, ranges[r][0], ranges[r][1]), b = waste_of(round_4_0, ranges[r][0], ranges[r][1]),
                     c = waste_of(round_2006, ranges[r][0], ranges[r][1]);
        printf("| %zu to %zu | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f |\n", ranges[r][0], ranges[r][1], a.mean * 100,
               a.most * 100, b.mean * 100, b.most * 100, c.mean * 100, c.most * 100);
        if (ranges[r][0] > 128)
            worst = a.most > worst ? a.most : worst;
        else
            worst_small = a.most;
        worst_2006 = c.most > worst_2006 ? c.most : worst_2006;
    }
    puts("@plot x=1 y=2,4,6 ylabel=\"mean waste, %\"");
    printf("@measured above 128 bytes rounding adds at most %.1f %% (%.1f %% below), the spacing of 2006 up to %.0f %%\n",
           worst * 100, worst_small * 100, worst_2006 * 100);
    kit_verdict(worst <= 0.20, worst <= 0.25);
    return 0;
}
