/* SPDX-License-Identifier: MIT
 * Repeats the claim of papers/robson-1974.md: whoever may not move can be made to hold many times what is live. Two
 * adversaries play against the pool with M = 4 MiB live at most and sizes from 16 bytes to 8 KiB: Robson's, and one that
 * knows slabs. Bytes only: the same on every machine. */
#include <midden/handle.h>
#include <midden/pool.h>

#include "kit.h"

#define MOST ((size_t)4 << 20)
enum { UNIT = 16, DOUBLINGS = 9, BLOCKS = 1 << 19 };

static struct block {
    char *at;
    size_t bytes;
} blocks[BLOCKS];
static size_t count, live;

static void take(struct mid_pool *pool, size_t bytes)
{
    KIT_NEED(count < BLOCKS && (blocks[count].at = mid_pool_alloc(pool, bytes)) != NULL);
    blocks[count++].bytes = bytes;
    live += bytes;
}

/* Releases all blocks for which `keep` says no. */
static void drop(struct mid_pool *pool, bool (*keep)(const struct block *, size_t), size_t what)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (keep(&blocks[i], what)) {
            blocks[kept++] = blocks[i];
            continue;
        }
        mid_pool_release_sized(pool, blocks[i].at, blocks[i].bytes);
        live -= blocks[i].bytes;
    }
    count = kept;
}

/* Robson: a block stays when it covers a unit whose address is `offset` modulo the step, a power of two. */
static size_t modulus;
static bool covers(const struct block *b, size_t offset)
{
    return ((offset - (uintptr_t)b->at / UNIT) & (modulus - 1)) < b->bytes / UNIT;
}

static void robson(struct mid_pool *pool)
{
    size_t offset = 0;
    while (live + UNIT <= MOST)
        take(pool, UNIT);
    for (int i = 1; i <= DOUBLINGS; i++) {
        /* Of the two offsets that refine the last one, the one that leaves more room blocked. */
        modulus = (size_t)1 << i;
        size_t blocked[2] = {0, 0};
        for (size_t b = 0; b < count; b++)
            for (size_t k = 0; k < 2; k++)
                if (covers(&blocks[b], offset + k * modulus / 2))
                    blocked[k] += modulus * UNIT - blocks[b].bytes;
        offset += blocked[1] > blocked[0] ? modulus / 2 : 0;
        drop(pool, covers, offset);
        while (live + modulus * UNIT <= MOST)
            take(pool, modulus * UNIT);
    }
}

/* The slab adversary: of each 8 KiB of a class one buffer stays, and the next class begins. */
static uintptr_t last_slab;
static bool first_of_slab(const struct block *b, size_t bytes)
{
    if (b->bytes != bytes)
        return true;
    uintptr_t slab = (uintptr_t)b->at / MID_POOL_SLAB_BYTES;
    bool first = slab != last_slab;
    last_slab = slab;
    return first;
}

static void slabs(struct mid_pool *pool)
{
    for (size_t bytes = UNIT; bytes <= MID_POOL_SLAB_BYTES / 2; bytes *= 2) {
        while (live + bytes <= MOST)
            take(pool, bytes);
        last_slab = 0;
        drop(pool, first_of_slab, bytes);
    }
}

static double play(const char *name, void (*adversary)(struct mid_pool *))
{
    struct mid_pool_options o;
    struct mid_pool *pool;
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_options_init(&o);
    o.flags = MID_POOL_UNCACHED;
    KIT_NEED(mid_pool_create(&o, &pool) == MID_OK);
    count = live = 0;
    adversary(pool);
    mid_pool_trim(pool);
    mid_pool_stats(pool, &s);
    double held = (double)(s.slab_bytes + s.large_bytes) / (double)MOST;
    printf("| %s | %.2f | %.2f | %.2f |\n", name, (double)live / (double)MOST, held,
           held - (double)s.released_page_bytes / (double)MOST);
    mid_pool_destroy_forced(pool);
    return held;
}

/* The slab adversary's program on movable buffers, packed as it goes: of each 8 KiB that were taken one buffer stays. */
static double play_movable(void)
{
    static struct {
        struct mid_handle handle;
        size_t bytes;
    } held[BLOCKS];
    struct mid_pool *pool;
    struct mid_pool_stats s = {.struct_size = sizeof s};
    size_t n = 0;
    KIT_NEED(mid_pool_create(NULL, &pool) == MID_OK);
    struct mid_handles *handles = mid_pool_handles(pool);
    KIT_NEED(handles != NULL);
    live = 0;
    for (size_t bytes = UNIT; bytes <= MID_POOL_SLAB_BYTES / 2; bytes *= 2) {
        for (; live + bytes <= MOST; live += bytes, n++) {
            KIT_NEED(n < BLOCKS && mid_handle_alloc(handles, bytes, &held[n].handle) == MID_OK);
            held[n].bytes = bytes;
        }
        size_t kept = 0;
        for (size_t i = 0, of_size = 0; i < n; i++) {
            if (held[i].bytes != bytes || of_size++ % (MID_POOL_SLAB_BYTES / bytes) == 0) {
                held[kept++] = held[i];
                continue;
            }
            mid_handle_release(handles, held[i].handle);
            live -= held[i].bytes;
        }
        n = kept;
    }
    while (mid_pool_pack(pool, 0) != 0)
        ;
    mid_pool_trim(pool);
    mid_pool_stats(pool, &s);
    double most = (double)s.committed_peak_bytes / (double)MOST, end = (double)s.committed_bytes / (double)MOST;
    printf("| the second one, on movable handles: %.2f at the most | %.2f | %.2f | %.2f |\n", most, (double)live / (double)MOST, end, end);
    mid_pool_destroy_forced(pool);
    return most;
}

int main(void)
{
    /* Robson's bound for blocks of powers of two, in units of M, from below and above alike: 1 + (log2 n) / 2. */
    double bound = 1 + DOUBLINGS / 2.0;
    printf("At most M = 4 MiB live, sizes from 16 B to 8 KiB (log2 n = %d); all figures in units of M.\n\n", DOUBLINGS);
    puts("| adversary | live at the end | held | of it resident after a trim |\n|---|---|---|---|");
    double by_robson = play("Robson's", robson), by_slabs = play("one buffer of every slab stays", slabs), moved = play_movable();
    printf("| *bound: no allocator that does not move can promise less* | | %.2f | |\n", bound);
    printf("@measured Robson's adversary makes it hold %.1f x M, the one that knows slabs %.1f x; the bound is %.1f x; the same "
           "program on movable handles %.1f x at the most\n", by_robson, by_slabs, bound, moved);
    kit_verdict(by_robson > 2 && by_slabs > bound && moved < bound, by_slabs > 1.5);
    return 0;
}
