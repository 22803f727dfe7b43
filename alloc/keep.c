/* SPDX-License-Identifier: MIT
 *
 * keep.c: kept slices by block, and the moving of survivors.
 *
 *     holder's struct mid_kept <---+   record of a block (one for each block that a keep holds)
 *     | data | bytes | block, at | |   | count of the block | live | live_bytes | slots: k0  k1  -  k3 ... |
 *                          |       +---------------------------------------------------------+
 *                          +-------------> index of the slot
 *
 * I1  A record owns one count of its block, whatever is kept of it, and the block knows it (`user` of a large block).
 * I2  slots[kept->at] is the address of the kept, for every kept of the record; live and live_bytes are their sums.
 *
 * Slots are an array, written at the end and struck out, and no list: to drop a slice touches the record alone, which is a
 * thousandth of the block and stays in the cache, and not the neighbours.
 *
 * When does a block count as sparse? When less than move_below_percent of it is kept at a drop, and nobody else holds it.
 * A block whose other holder (the reader that filled it) leaves after the last drop would wait for the next: so a new
 * record looks at the two before it. With random lifetimes a share s moves s of all bytes and holds ln(1/s) + s times what
 * lives (the block's wait from full to s, and the survivors in their own buffers): 1.19 at 50 %.
 *
 * What this file does not do: it moves nothing twice, for what was moved out pins only itself.
 */
#include "block.h"

#include <midden/keep.h>

#include <string.h>

#define MOVE_BELOW_PERCENT 50u
#define FIRST_SLOTS        64u
#define AT_OWN             SIZE_MAX       /* data is a buffer of the keep's pool */
#define AT_FIXED           (SIZE_MAX - 1) /* block is a struct mid_block that is held by a count, or NULL */

struct record {
    struct mid_keep *keep;
    struct record *next, *previous; /* all of the keep, the newest first */
    struct mid__large_block *block;
    struct mid_kept **slots;
    size_t used, capacity, live, live_bytes;
};

struct mid_keep {
    struct mid_pool *pool;
    unsigned move_below_percent;
    struct record *records;
    struct mid_keep_stats stats; /* but for kept_bytes and pinned_bytes, which are sums */
    size_t live_bytes;           /* kept in blocks */
};

void mid_keep_options_init(struct mid_keep_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
    options->move_below_percent = MOVE_BELOW_PERCENT;
}

enum mid_status mid_keep_create(struct mid_pool *pool, const struct mid_keep_options *given, struct mid_keep **out)
{
    if (out == NULL)
        return MID_E_INVALID;
    *out = NULL;
    if (pool == NULL || (given != NULL && given->struct_size != sizeof *given))
        return MID_E_INVALID;
    unsigned percent = given == NULL || given->move_below_percent == 0 ? MOVE_BELOW_PERCENT : given->move_below_percent;
    if (percent > 100 && percent != MID_KEEP_NEVER)
        return MID_E_INVALID;
    enum mid_status status;
    struct mid_keep *keep = mid__pool_take(pool, sizeof *keep, MID__RETURN_ADDRESS(), &status);
    if (keep == NULL)
        return status;
    memset(keep, 0, sizeof *keep);
    keep->pool = pool;
    keep->move_below_percent = percent == MID_KEEP_NEVER ? 0 : percent;
    *out = keep;
    return MID_OK;
}

enum mid_status mid_keep_destroy(struct mid_keep *keep)
{
    if (keep == NULL)
        return MID_OK;
    if (keep->stats.kept != 0)
        return MID_E_BUSY;
    mid__pool_give(keep->pool, keep, sizeof *keep, MID__RETURN_ADDRESS());
    return MID_OK;
}

/* ---- records */

/* Another keep may look at the same block at the same time; it finds its own record there, or leaves the block alone. */
static struct record *record_of(struct mid__large_block *l)
{
    return __atomic_load_n((struct record **)(void *)&l->user, __ATOMIC_ACQUIRE);
}

static bool claim(struct mid__large_block *l, struct record *r)
{
    void *nobody = NULL;
    return __atomic_compare_exchange_n(&l->user, &nobody, (void *)r, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void give_slots(struct record *r)
{
    if (r->slots != NULL)
        mid__pool_give(r->keep->pool, r->slots, r->capacity * sizeof *r->slots, NULL);
}

static void end_record(struct record *r)
{
    struct mid_keep *keep = r->keep;
    struct mid_slice last = {NULL, 0, &r->block->block};
    *(r->previous != NULL ? &r->previous->next : &keep->records) = r->next;
    if (r->next != NULL)
        r->next->previous = r->previous;
    keep->stats.blocks--;
    keep->stats.block_bytes -= r->block->bytes;
    __atomic_store_n(&r->block->user, NULL, __ATOMIC_RELEASE);
    give_slots(r);
    mid__pool_give(keep->pool, r, sizeof *r, NULL);
    mid_slice_release(&last);
}

/* A longer table; without memory the record is as before. */
static enum mid_status grow(struct record *r)
{
    enum mid_status status;
    size_t capacity = r->capacity == 0 ? FIRST_SLOTS : 2 * r->capacity;
    struct mid_kept **slots = mid__pool_take(r->keep->pool, capacity * sizeof *slots, NULL, &status);
    if (slots == NULL)
        return status;
    if (r->used != 0)
        memcpy(slots, r->slots, r->used * sizeof *slots);
    give_slots(r);
    r->slots = slots;
    r->capacity = capacity;
    return MID_OK;
}

/* A record for a block that has none, with slots. NULL and MID_OK: another keep has the block. */
static struct record *new_record(struct mid_keep *keep, struct mid__large_block *l, enum mid_status *status)
{
    struct record *r = mid__pool_take(keep->pool, sizeof *r, NULL, status);
    if (r == NULL)
        return NULL;
    *r = (struct record){.keep = keep, .block = l, .next = keep->records};
    *status = grow(r);
    if (*status != MID_OK || !claim(l, r)) {
        give_slots(r);
        mid__pool_give(keep->pool, r, sizeof *r, NULL);
        return NULL;
    }
    if (keep->records != NULL)
        keep->records->previous = r;
    keep->records = r;
    keep->stats.blocks++;
    keep->stats.block_bytes += l->bytes;
    return r;
}

/* ---- moving */

/* All that is kept of the block goes into buffers of its own, and the block goes. What finds no memory stays, and the block. */
static size_t move_out(struct record *r)
{
    struct mid_keep *keep = r->keep;
    size_t bytes = r->block->bytes;
    for (size_t i = 0; i < r->used; i++) {
        struct mid_kept *k = r->slots[i];
        enum mid_status status;
        if (k == NULL)
            continue;
        unsigned char *own = mid__pool_take(keep->pool, k->bytes, NULL, &status);
        if (own == NULL) {
            keep->stats.refused++;
            return 0;
        }
        memcpy(own, k->data, k->bytes);
        k->data = own;
        k->block = NULL;
        k->at = AT_OWN;
        r->slots[i] = NULL;
        r->live--;
        r->live_bytes -= k->bytes;
        keep->live_bytes -= k->bytes;
        keep->stats.moved_out_bytes += k->bytes;
        keep->stats.moves++;
        keep->stats.moved_bytes += k->bytes;
    }
    end_record(r);
    return bytes;
}

static size_t move_out_if_sparse(struct record *r, unsigned percent)
{
    if (r->live_bytes * 100 >= r->block->bytes * percent || mid__block_holders(&r->block->block) != 1)
        return 0;
    return move_out(r);
}

size_t mid_keep_pack(struct mid_keep *keep, unsigned percent)
{
    size_t freed = 0;
    for (struct record *r = keep->records, *next; r != NULL; r = next) {
        next = r->next;
        freed += move_out_if_sparse(r, percent > 100 ? 100 : percent);
    }
    return freed;
}

/* ---- keeping and dropping */

static void keep_fixed(struct mid_keep *keep, struct mid_slice slice, struct mid_kept *kept)
{
    *kept = (struct mid_kept){slice.data, slice.bytes, slice.block, AT_FIXED};
    keep->stats.kept++;
    keep->stats.fixed_bytes += slice.bytes;
}

/* A new record takes the slice's count as its own. */
static enum mid_status begin_block(struct mid_keep *keep, struct mid_slice slice, struct mid_kept *kept)
{
    enum mid_status status = MID_OK;
    struct record *r = new_record(keep, mid__large_of(slice.block), &status);
    if (r == NULL && status != MID_OK)
        return status;
    if (r == NULL) {
        keep_fixed(keep, slice, kept);
        return MID_OK;
    }
    *kept = (struct mid_kept){slice.data, slice.bytes, r, 0};
    r->slots[0] = kept;
    r->used = r->live = 1;
    r->live_bytes = slice.bytes;
    keep->live_bytes += slice.bytes;
    keep->stats.kept++;
    for (struct record *old = r->next, *next; old != NULL; old = next) {
        next = old == r->next ? old->next : NULL;
        move_out_if_sparse(old, keep->move_below_percent);
    }
    return MID_OK;
}

enum mid_status mid_keep_add(struct mid_keep *keep, struct mid_slice slice, struct mid_kept *kept)
{
    *kept = (struct mid_kept){NULL, 0, NULL, 0};
    if (slice.block == NULL || slice.block->kind != MID__BLOCK_LARGE) {
        keep_fixed(keep, slice, kept);
        return MID_OK;
    }
    struct record *r = record_of(mid__large_of(slice.block));
    if (r == NULL)
        return begin_block(keep, slice, kept);
    if (r->keep != keep) {
        keep_fixed(keep, slice, kept);
        return MID_OK;
    }
    enum mid_status status = r->used == r->capacity ? grow(r) : MID_OK;
    if (status != MID_OK)
        return status;
    *kept = (struct mid_kept){slice.data, slice.bytes, r, r->used};
    r->slots[r->used++] = kept;
    r->live++;
    r->live_bytes += slice.bytes;
    keep->live_bytes += slice.bytes;
    keep->stats.kept++;
    mid_slice_release(&slice); /* the record's count stays */
    return MID_OK;
}

static void drop_from_block(struct mid_keep *keep, const struct mid_kept *kept)
{
    struct record *r = kept->block;
    r->slots[kept->at] = NULL;
    r->live--;
    r->live_bytes -= kept->bytes;
    keep->live_bytes -= kept->bytes;
    if (r->live == 0)
        end_record(r);
    else
        move_out_if_sparse(r, keep->move_below_percent);
}

void mid_keep_drop(struct mid_keep *keep, struct mid_kept *kept)
{
    struct mid_kept old = *kept;
    if (old.data == NULL && old.block == NULL && old.at == 0)
        return;
    *kept = (struct mid_kept){NULL, 0, NULL, 0};
    keep->stats.kept--;
    if (old.at == AT_OWN) {
        keep->stats.moved_out_bytes -= old.bytes;
        mid__pool_give(keep->pool, old.data, old.bytes, MID__RETURN_ADDRESS());
    } else if (old.at == AT_FIXED) {
        struct mid_slice slice = {old.data, old.bytes, old.block};
        keep->stats.fixed_bytes -= old.bytes;
        mid_slice_release(&slice);
    } else {
        drop_from_block(keep, &old);
    }
}

void mid_keep_moved(struct mid_keep *keep, struct mid_kept *kept)
{
    (void)keep;
    if (kept->block != NULL && kept->at < AT_FIXED)
        ((struct record *)kept->block)->slots[kept->at] = kept;
}

enum mid_status mid_keep_slice(struct mid_keep *keep, const struct mid_kept *kept, struct mid_slice *out)
{
    if (kept->at == AT_OWN)
        return mid_slice_copy(keep->pool, kept->data, kept->bytes, out);
    struct mid_block *b = kept->block;
    if (b != NULL && kept->at < AT_FIXED)
        b = &((struct record *)kept->block)->block->block;
    *out = mid_slice_retain((struct mid_slice){kept->data, kept->bytes, b});
    return MID_OK;
}

/* ---- figures */

enum mid_status mid_keep_stats(const struct mid_keep *keep, struct mid_keep_stats *stats)
{
    if (stats->struct_size != sizeof *stats)
        return MID_E_INVALID;
    *stats = keep->stats;
    stats->struct_size = sizeof *stats;
    stats->kept_bytes = keep->live_bytes + stats->moved_out_bytes + stats->fixed_bytes;
    stats->pinned_bytes = stats->block_bytes - keep->live_bytes;
    return MID_OK;
}

/* Who took the buffer at p, as far as a checked pool remembers. */
static const void *site_of(struct mid_pool *pool, const void *p)
{
    struct mid__taken t;
    const void *site = NULL;
    if (!pool->checked)
        return NULL;
    pthread_mutex_lock(&pool->lock);
    if (mid__pool_find(pool, p, "keep_walk", &t))
        site = mid__record_of(mid__pool_class(pool, t.slab), t.slab, t.offset)->taken_at;
    pthread_mutex_unlock(&pool->lock);
    return site;
}

int mid_keep_walk(struct mid_keep *keep, int (*visit)(void *user, const struct mid_keep_block *block), void *user)
{
    int end = 0;
    for (const struct record *r = keep->records; r != NULL && end == 0; r = r->next) {
        struct mid_keep_block view = {
            .struct_size = sizeof view,
            .memory = r->block->memory,
            .bytes = r->block->bytes,
            .kept = r->live,
            .kept_bytes = r->live_bytes,
            .holders = mid__block_holders(&r->block->block) - 1,
            .site = site_of(r->block->block.pool, r->block->memory),
        };
        end = visit(user, &view);
    }
    return end;
}
