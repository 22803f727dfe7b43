/* SPDX-License-Identifier: MIT
 * What papers/node-pool.md claims: what slabs of 8 KiB waste, by where the split between small and large lies and by where
 * in a slab a buffer is put. Each mixture of sizes is taken, and a share of it released at random. Bytes only. */
#include <midden/pool.h>

#include <math.h>

#include "kit.h"

enum { BUFFERS = 20000 };

struct mixture {
    const char *name;
    size_t from, to;
    bool logarithmic;
};

static size_t size_of(const struct mixture *m, uint64_t x)
{
    double u = (double)(x >> 11) / 9007199254740992.0;
    if (m->logarithmic)
        return (size_t)((double)m->from * pow((double)m->to / (double)m->from, u));
    return m->from + (size_t)(u * (double)(m->to - m->from + 1));
}

/* What is held in slabs, without the pages between buffers that a trim gave back, over what is live, when `kept` of every hundred buffers stay. */
static double held(const struct mixture *m, enum mid_pool_policy policy, size_t split, unsigned kept)
{
    static void *buffer[BUFFERS];
    static size_t bytes[BUFFERS];
    struct mid_pool_options o;
    struct mid_pool *pool;
    struct mid_pool_stats s = {.struct_size = sizeof s};
    uint64_t state = KIT_SEED;
    size_t live = 0;
    mid_pool_options_init(&o);
    o.policy = policy;
    o.split_bytes = split;
    o.flags = MID_POOL_UNCACHED;
    KIT_NEED(mid_pool_create(&o, &pool) == MID_OK);
    for (size_t i = 0; i < BUFFERS; i++) {
        bytes[i] = size_of(m, kit_random(&state));
        KIT_NEED((buffer[i] = mid_pool_alloc(pool, bytes[i])) != NULL);
    }
    for (size_t i = 0; i < BUFFERS; i++) {
        if (kit_random(&state) % 100 < kept)
            live += bytes[i];
        else
            mid_pool_release_sized(pool, buffer[i], bytes[i]);
    }
    mid_pool_trim(pool);
    mid_pool_stats(pool, &s);
    mid_pool_destroy_forced(pool);
    return (double)(s.slab_bytes + s.large_bytes - s.released_page_bytes) / (double)live;
}

int main(void)
{
    static const struct mixture mixtures[] = {{"64 to 1,024", 64, 1024, false}, {"64 to 8,000, log-uniform", 64, 8000, true},
                                              {"2,000 to 8,191", 2000, 8191, false}, {"5,000", 5000, 5000, false}};
    static const unsigned kept[] = {100, 25, 5};
    double node_worst = 0, today_worst = 0, class_worst = 0;
    puts("Bytes held after a trim, per live byte; pages that no live buffer touches have gone back.\n");
    puts("| sizes | kept, % | sequential, split 8 KiB (classic Node) | sequential, split 4 KiB (Node today) | size-class, 8 KiB | size-class, 4 KiB |\n|---|---|---|---|---|---|");
    for (size_t i = 0; i < sizeof mixtures / sizeof mixtures[0]; i++) {
        for (size_t j = 0; j < sizeof kept / sizeof kept[0]; j++) {
            double a = held(&mixtures[i], MID_POOL_SEQUENTIAL, 8192, kept[j]), b = held(&mixtures[i], MID_POOL_SEQUENTIAL, 4096, kept[j]),
                   c = held(&mixtures[i], MID_POOL_SIZE_CLASS, 8192, kept[j]), d = held(&mixtures[i], MID_POOL_SIZE_CLASS, 4096, kept[j]);
            printf("| %s | %u | %.2f | %.2f | %.2f | %.2f |\n", mixtures[i].name, kept[j], a, b, c, d);
            if (kept[j] == 100) {
                node_worst = a > node_worst ? a : node_worst;
                today_worst = b > today_worst ? b : today_worst;
                class_worst = c > class_worst ? c : class_worst;
            }
        }
    }
    printf("@measured with all kept sequential slabs hold up to %.2f x (split 8 KiB) and %.2f x (4 KiB), slabs by class %.2f x\n",
           node_worst, today_worst, class_worst);
    kit_verdict(node_worst > 1.4 && class_worst < 1.2, class_worst < node_worst);
    return 0;
}
