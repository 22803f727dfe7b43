/* SPDX-License-Identifier: MIT
 *
 * block.c: counted blocks.
 *
 *     small block (data below 1 KiB)    [ count, kind | pool | data ............ ]     one buffer of the pool
 *
 *     large block                       [ kind | pool | memory | bytes | owner ]       a line that is only read
 *                                       [ owned                                ]       a line that the owner writes
 *                                       [ count                                ]       a line that all others write
 *                                                  `--> [ data ............... ]       eight slabs for 64 KiB, from a page on
 *
 * A large block keeps its header in a buffer of its own, so that a block of 64 KiB takes exactly eight slabs and begins at
 * a page. Foreign memory is a large block whose memory belongs to someone else.
 *
 * I1  holders = count, or count - BIAS + owned while the block has an owner; it falls to 0 once, and the block then ends.
 * I2  A block never leaves its pool before that.
 * I3  A block has an owner if and only if it stands in the owner's table; the table has 16 places, one in a pool with a limit.
 *
 * Note [Counting]
 * A retain is a relaxed addition: who retains holds a count already, so the block cannot die meanwhile. A release
 * subtracts with release order, and the one that finds 1 fences with acquire before it ends the block: it pairs with
 * the subtractions of all other threads, whose reads and writes of the memory then come before its next use. Who finds 1
 * without having subtracted is the only holder, and nobody can become another: no operation on the bus is needed then.
 *
 * Note [Owners]
 * The thread that takes a large block counts the holders that it makes and releases in `owned`, by plain stores; all other
 * threads use `count`, which starts at BIAS = 2^30 and so never reaches 0 while there is an owner. Which of the two a
 * thread uses for one holder does not matter, only the sum does: a slice made here and released there leaves owned one too
 * high and count one too low. When owned falls to 0, or the owner gives the block up, it adds owned - BIAS to count, once
 * (unbias), and whoever brings count to 0 from then on ends the block. The interleavings of the owner O with another A:
 *
 *     O stores owned, A subtracts from count    different words; nothing is lost.
 *     A subtracts, then O unbiases              O's addition acquires what A released. If it finds the sum 0, O ends the
 *                                               block, and no holder is left who could do anything.
 *     O unbiases, then A subtracts              O's addition released what O did; A's subtraction finds 1 and fences.
 *     A looks whether it is the owner           owner is another cache, or NULL; only a thread stores or removes its own.
 *                                               An owner that does not see itself as one uses count, which is as right.
 *     A adds while O unbiases                   A holds a count, in owned or in count: the sum cannot be 0 before A lets go.
 *
 * An owner that is not there to unbias (it sleeps, and the last slices ended in other threads) keeps a dead block. That is
 * why there are so few places in the table: a new block pushes the oldest out. Trim, flush, the thread's end and the
 * pool's end (when no call is under way) unbias all.
 *
 * J. Choi, T. Shull, J. Torrellas, "Biased Reference Counting", PACT 2018, section 3. Departures: where theirs queues a block
 * whose shared count fell below zero for its owner to merge, ours bounds the number of biased blocks by a table; the bias
 * in count takes the place of their flags, so that other threads count as they would without an owner.
 *
 * A dead block keeps its header readable until its place is taken again (mid__pool_give_block), so that a retain or release
 * that comes late finds the zero and is reported instead of resurrecting it. After that nothing can tell.
 */
#include "block.h"
#include "registry.h"

#define BIASED_BYTES_MAX ((size_t)256 << 10)

void mid__block_start(struct mid_block *b, enum mid__block_kind kind, struct mid_pool *pool)
{
    b->kind = (uint16_t)kind;
    b->bytes = 0;
    b->pool = pool;
    atomic_init(&b->count, 0);
    if (kind != MID__BLOCK_SMALL) {
        atomic_init(&mid__large_of(b)->owner, NULL);
        atomic_init(&mid__large_of(b)->owned, 0);
    }
    atomic_init(mid__count_of(b), 1);
}

void mid__block_end(struct mid_block *b, const void *site)
{
    struct mid_pool *pool = b->pool;
    if (b->kind == MID__BLOCK_SMALL) {
        mid__pool_give_block(pool, b, sizeof *b + b->bytes, sizeof *b, site);
        return;
    }
    struct mid__large_block *l = mid__large_of(b);
    if (b->kind == MID__BLOCK_LARGE)
        mid__pool_give(pool, l->memory, l->bytes, site);
    else if (l->release != NULL)
        l->release(l->user, l->memory, l->bytes);
    mid__pool_give_block(pool, l, sizeof *l, sizeof *l, site);
}

/* ---- by atomic operations: Note [Counting] */

static void report_dead(struct mid_block *b, const char *rule, const char *what)
{
    if (b->pool != NULL) /* NULL: its page went back to the system; nobody is left to tell */
        mid__misuse(b->pool, rule, b, "%s of a slice whose block at %p has no holder", what, (void *)b);
}

bool mid__block_retain_slow(struct mid_block *b)
{
    _Atomic(uint32_t) *count = mid__count_of(b);
    uint32_t before = atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    if (MID__LIKELY(before - 1 < MID__COUNT_MAX - 1))
        return true;
    atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
    if (before == 0)
        report_dead(b, "slice.retain_from_zero", "retain");
    else
        mid__misuse(b->pool, "slice.count_overflow", b, "the block at %p has %u holders", (void *)b, before);
    return false;
}

void mid__block_release_slow(struct mid_block *b, const void *site)
{
    if (mid__block_is_mine(b)) { /* the owner's last one */
        atomic_store_explicit(&mid__large_of(b)->owned, 0, memory_order_relaxed);
        if (mid__block_unbias(mid__large_of(b)))
            mid__block_end(b, site);
        return;
    }
    _Atomic(uint32_t) *count = mid__count_of(b);
    if (atomic_load_explicit(count, memory_order_acquire) == 1) { /* pairs with the subtractions below */
        atomic_store_explicit(count, 0, memory_order_relaxed);
        mid__block_end(b, site);
        return;
    }
    uint32_t before = atomic_fetch_sub_explicit(count, 1, memory_order_release);
    if (before == 1) {
        atomic_thread_fence(memory_order_acquire);
        mid__block_end(b, site);
    } else if (before == 0) {
        atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
        report_dead(b, "slice.release_from_zero", "release");
    }
}

size_t mid__block_holders(struct mid_block *b)
{
    uint32_t count = atomic_load_explicit(mid__count_of(b), memory_order_relaxed);
    if (b->kind != MID__BLOCK_LARGE || atomic_load_explicit(&mid__large_of(b)->owner, memory_order_relaxed) == NULL)
        return count;
    return count - MID__COUNT_BIAS + atomic_load_explicit(&mid__large_of(b)->owned, memory_order_relaxed);
}

/* ---- owners: Note [Owners] */

void mid__block_bias(struct mid__large_block *l)
{
    struct mid_pool *pool = l->block.pool;
    struct mid__cache *cache = pool->caching && l->bytes <= BIASED_BYTES_MAX ? mid__cache_of(pool) : NULL;
    if (cache == NULL)
        return;
    uint32_t slot = pool->arena.limit_bytes == SIZE_MAX ? cache->biased_next++ % MID__BIASED : 0;
    struct mid__large_block *old = cache->biased[slot];
    l->slot = slot;
    atomic_store_explicit(&l->owned, 1, memory_order_relaxed);
    atomic_store_explicit(&l->count, MID__COUNT_BIAS, memory_order_relaxed);
    atomic_store_explicit(&l->owner, cache, memory_order_relaxed);
    if (old != NULL && mid__block_unbias(old))
        mid__block_end(&old->block, NULL);
    cache->biased[slot] = l;
}

bool mid__block_unbias(struct mid__large_block *l)
{
    uint32_t change = atomic_load_explicit(&l->owned, memory_order_relaxed) - MID__COUNT_BIAS;
    struct mid__cache *owner = atomic_load_explicit(&l->owner, memory_order_relaxed);
    owner->biased[l->slot] = NULL;
    atomic_store_explicit(&l->owner, NULL, memory_order_relaxed);
    return atomic_fetch_add_explicit(&l->count, change, memory_order_acq_rel) + change == 0;
}

void mid__blocks_leave(struct mid__cache *cache)
{
    for (unsigned i = 0; i < MID__BIASED; i++) {
        struct mid__large_block *l = cache->biased[i];
        if (l != NULL && mid__block_unbias(l))
            mid__block_end(&l->block, NULL);
    }
}

/* With the registry's lock held the caches stay; what is dead ends after it, for that may make a cache. `user` of a block
 * that is not foreign links them. */
void mid__blocks_settle(struct mid_pool *pool)
{
    struct mid__large_block *dead = NULL;
    mid__registry_lock();
    for (struct mid__cache *cache = pool->caches; cache != NULL; cache = cache->next_of_pool)
        for (unsigned i = 0; i < MID__BIASED; i++) {
            struct mid__large_block *l = cache->biased[i];
            if (l == NULL || !mid__block_unbias(l))
                continue;
            l->user = dead;
            dead = l;
        }
    mid__registry_unlock();
    for (struct mid__large_block *next; dead != NULL; dead = next) {
        next = dead->user;
        mid__block_end(&dead->block, NULL);
    }
}
