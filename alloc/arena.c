/* SPDX-License-Identifier: MIT
 *
 * arena.c: regions of 4 MiB, cut into units of 8 KiB; runs of units are slabs. Everything that is known of them stands
 * in tables outside the memory itself.
 *
 *     address   [ 13 bits: leaf | 13 bits: region | 9 bits: unit | 13 bits: offset ]
 *
 *     root ----> leaf ----> region tables                 region memory, 4 MiB, aligned to 4 MiB
 *     (64 KiB,   (64 KiB,   | used, touched: 512 bits |   [ unit 0 | unit 1 | unit 2 |  ...  | unit 511 ]
 *      touched    touched   | tags, backs: 512 bytes  |     run of class 5   free     run of 3 units
 *      by page)   by page)  | slabs[512]: 64 B each   |
 *                           | starts: 64 B a unit     |
 *                           | and, if pools want them |
 *                           | words, hidden, records  |
 *
 * A unit is *used* (part of a slab), *spare* (free, touched before: it may hold pages) or *clean* (free, no page).
 *
 * I1  committed_bytes = used units x 8 KiB + mappings of huge buffers + spare units x 8 KiB, and never passes the limit.
 * I2  Every unit of a run has tag = 1 + class and back = its distance from the first; free units have tag 0.
 * I3  A region is on the open list if and only if it has a free unit.   I4  used implies touched.
 * I5  The directory knows exactly the regions on `all`, and each knows its own place there (key).
 * I6, I7 are those of runs.c.
 *
 * Note [Looking up an address without the lock]
 * mid__arena_find reads root, leaf and tag without a lock, from any thread. Leaves and tables are never unmapped before
 * the arena ends: tables of a region that is gone are retired and serve the next one. An entry is published with a
 * release store after the table it points to is complete, and read with acquire. For the address of a live buffer
 * nothing that is read can change, since the buffer holds its slab and the slab its region. For any other address the
 * result may be out of date by the time it is used; whoever changes something looks again with the lock held.
 *
 * Note [Spare memory]
 * Giving a page back and touching it again costs as much as hundreds of allocations, so spare units go back by age, each by its
 * own: a step of age.c marks those that are spare, taking a unit takes the mark off, and what still has its mark at the next step
 * was not needed in between; it goes back in parts (age.c). So no page is faulted in twice within an interval, whatever the pattern of sizes. For programs that
 * end a phase and make no call from then on there is a cap: more than the most that was in use lately plus 8 MiB goes back
 * at once, down to three quarters of that. In a pool that does not age, what is in use at the moment stands for the most.
 *
 * Note [Given memory]
 * An arena may live in memory that the program gave it. Each window of 4 MiB that the memory touches has a region's tables; its
 * units outside of [first_unit, end_unit) count as used, and are in no slab. There are no other regions, so that what does not
 * fit is refused as at a limit. Units that are given up become clean at once, without a system call, but are not fresh: nothing
 * is known of their content.
 *
 *     window 0              window 1              window 2
 *     [ . . . . . . u u u u | u u u u u u u u u u | u u u . . . . . . ]      u: the program's memory
 *
 * What this file does not do: huge pages (refused, so that a page given back is a page gone), growth in place,
 * addresses beyond 48 bits.
 */
#include "runs.h"
#include "shadow.h"

#include <midden/internal/sys.h>

#include <errno.h>
#include <string.h>

_Static_assert(sizeof(void *) == 8, "the directory is made for 64-bit addresses");

#define SPARE_FLOOR_BYTES ((size_t)8 << 20)

#define D8(n) n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7
#define D64(n) D8(n), D8(n + 8), D8(n + 16), D8(n + 24), D8(n + 32), D8(n + 40), D8(n + 48), D8(n + 56)

/* distances[8 + i] = i, with room at both ends for a word that is used in part. */
static const uint8_t distances[8 + MID__CLASS_UNITS_MAX + 8] = {0, 0, 0, 0, 0, 0, 0, 0, D64(0), D64(64)};

static size_t page_up(const struct mid__arena *a, size_t bytes)
{
    return mid__align_up(bytes, a->page_bytes);
}

void *mid__arena_table(struct mid__arena *a, size_t bytes)
{
    void *p = mid__sys_map(page_up(a, bytes), a->page_bytes);
    if (p != NULL)
        a->metadata_bytes += page_up(a, bytes);
    return p;
}

void mid__arena_table_gone(struct mid__arena *a, void *p, size_t bytes)
{
    if (mid__sys_unmap(p, page_up(a, bytes)))
        a->metadata_bytes -= page_up(a, bytes);
}

enum mid_status mid__arena_init(struct mid__arena *a, size_t limit_bytes, size_t unit_words, size_t unit_records)
{
    memset(a, 0, sizeof *a);
    a->limit_bytes = limit_bytes;
    a->unit_words = unit_words;
    a->unit_records = unit_records;
    a->page_bytes = mid__sys_page_bytes();
    a->root = mid__arena_table(a, MID__ROOT_ENTRIES * sizeof *a->root);
    return a->root == NULL ? MID_E_MEMORY : MID_OK;
}

static bool bit(const uint64_t *words, uint32_t i)
{
    return (words[i / 64] >> (i % 64)) & 1;
}

static void flip(uint64_t *words, uint32_t i)
{
    words[i / 64] ^= (uint64_t)1 << (i % 64);
}

/* ---- the directory */

/* Publishes a region; pairs with the acquire loads of mid__arena_find. False when there is no memory for a leaf. */
static bool publish(struct mid__arena *a, struct mid__region *r)
{
    uintptr_t address = (uintptr_t)r->memory;
    if (address >> 48 != 0)
        return false;
    _Atomic(struct mid__region *) *entry = mid__arena_entry(a, address);
    if (entry == NULL) {
        struct mid__leaf *leaf = mid__arena_table(a, sizeof *leaf);
        if (leaf == NULL)
            return false;
        atomic_store_explicit(&a->root[address >> (MID__REGION_SHIFT + MID__LEAF_SHIFT)], leaf, memory_order_release);
        entry = mid__arena_entry(a, address);
    }
    atomic_store_explicit(&r->key, address >> MID__REGION_SHIFT, memory_order_relaxed);
    atomic_store_explicit(entry, r, memory_order_release);
    return true;
}

/* ---- regions */

static void link_open(struct mid__arena *a, struct mid__region *r)
{
    r->previous_open = NULL;
    r->next_open = a->open;
    if (a->open != NULL)
        a->open->previous_open = r;
    a->open = r;
    r->open = true;
}

static void unlink_open(struct mid__arena *a, struct mid__region *r)
{
    if (r->previous_open != NULL)
        r->previous_open->next_open = r->next_open;
    else
        a->open = r->next_open;
    if (r->next_open != NULL)
        r->next_open->previous_open = r->previous_open;
    r->open = false;
}

static void link_all(struct mid__arena *a, struct mid__region *r)
{
    r->previous = NULL;
    r->next = a->all;
    if (a->all != NULL)
        a->all->previous = r;
    a->all = r;
    a->regions++;
    a->reserved_bytes += r->bytes;
}

static void unlink_all(struct mid__arena *a, struct mid__region *r)
{
    if (r->previous != NULL)
        r->previous->next = r->next;
    else
        a->all = r->next;
    if (r->next != NULL)
        r->next->previous = r->previous;
    a->regions--;
    a->reserved_bytes -= r->bytes;
}

static size_t words_offset(void)
{
    return mid__align_up(sizeof(struct mid__region), MID__CACHE_LINE_BYTES);
}

static size_t hidden_offset(const struct mid__arena *a)
{
    return words_offset() + MID__REGION_UNITS * a->unit_words * sizeof(uint64_t);
}

static size_t records_offset(const struct mid__arena *a)
{
    return hidden_offset(a) + (a->hides ? sizeof((struct mid__region *)NULL)->starts : 0);
}

/* Tables for a region: retired ones, or new ones. All regions of an arena have tables of one size. */
static struct mid__region *take_tables(struct mid__arena *a)
{
    struct mid__region *r = a->retired;
    if (r != NULL) {
        a->retired = r->next;
        return r;
    }
    size_t bytes = records_offset(a) + MID__REGION_UNITS * a->unit_records * sizeof(struct mid__record);
    r = mid__arena_table(a, bytes);
    if (r == NULL)
        return NULL;
    r->table_bytes = bytes;
    r->unit_words = a->unit_words;
    r->unit_records = a->unit_records;
    r->words = (_Atomic(uint64_t) *)(void *)((char *)r + words_offset());
    r->hidden = a->hides ? (_Atomic(uint64_t) *)(void *)((char *)r + hidden_offset(a)) : NULL;
    r->records = a->unit_records == 0 ? NULL : (struct mid__record *)(void *)((char *)r + records_offset(a));
    return r;
}

static void retire_tables(struct mid__arena *a, struct mid__region *r)
{
    r->next = a->retired;
    a->retired = r;
}

/* A region without a slab, on the list `all`. */
static void clear_region(struct mid__arena *a, struct mid__region *r)
{
    r->huge = false;
    r->first_unit = 0;
    r->end_unit = MID__REGION_UNITS;
    r->spare_units = 0;
    r->free_units = 0;
    memset(r->used, 0, sizeof r->used);
    memset(r->touched, 0, sizeof r->touched);
    memset(r->idle, 0, sizeof r->idle);
    memset(r->tags_before, 0, sizeof r->tags_before);
    link_all(a, r);
}

/* A region of `bytes` bytes (a multiple of MID__REGION_BYTES for ordinary ones), published and on the list `all`. */
static struct mid__region *make_region(struct mid__arena *a, size_t bytes)
{
    struct mid__region *r = take_tables(a);
    if (r == NULL)
        return NULL;
    r->memory = mid__sys_map(bytes, MID__REGION_BYTES);
    if (r->memory == NULL) {
        retire_tables(a, r);
        return NULL;
    }
    r->bytes = bytes;
    if (!publish(a, r)) {
        mid__sys_unmap(r->memory, bytes);
        retire_tables(a, r);
        return NULL;
    }
    mid__sys_huge_pages(r->memory, bytes, false);
    mid__shadow_region(r->memory, bytes);
    clear_region(a, r);
    return r;
}

/* Tables of a region that is gone: only what a reader without the lock may look at must stay, and that may read as zero but
 * for the front: no unit has a tag, no slot is taken. 64 KiB a region come back with the memory. */
static void empty_tables(struct mid__arena *a, struct mid__region *r)
{
    size_t front = page_up(a, offsetof(struct mid__region, slabs)), bytes = page_up(a, r->table_bytes);
    if (!r->huge && front < bytes)
        (void)mid__sys_decommit((char *)r + front, bytes - front);
}

/* False when the system keeps the memory mapped (the kernel's limit on mappings): the region then stays. */
static bool unmap_region(struct mid__arena *a, struct mid__region *r)
{
    mid__shadow_region_gone(r->memory, r->bytes);
    if (!mid__sys_unmap(r->memory, r->bytes)) {
        mid__shadow_region(r->memory, r->bytes);
        return false;
    }
    atomic_store_explicit(mid__arena_entry(a, (uintptr_t)r->memory), NULL, memory_order_release);
    unlink_all(a, r);
    empty_tables(a, r);
    retire_tables(a, r);
    return true;
}

static struct mid__region *add_region(struct mid__arena *a)
{
    struct mid__region *r = a->given ? NULL : make_region(a, MID__REGION_BYTES);
    if (r == NULL)
        return NULL;
    r->free_units = MID__REGION_UNITS;
    r->run_bound = MID__REGION_UNITS;
    a->free_regions++;
    link_open(a, r);
    return r;
}

/* Where the region's memory begins; its bytes follow. */
static char *first_byte(const struct mid__region *r)
{
    return r->memory + ((size_t)r->first_unit << MID__UNIT_SHIFT);
}

/* The tables of the window at `window`, of which [from, to) is given. */
static enum mid_status adopt_window(struct mid__arena *a, uintptr_t window, uintptr_t from, uintptr_t to)
{
    struct mid__region *r = take_tables(a);
    if (r == NULL)
        return MID_E_MEMORY;
    r->memory = (char *)window;
    r->bytes = to - from;
    if (!publish(a, r)) {
        retire_tables(a, r);
        return MID_E_MEMORY;
    }
    clear_region(a, r);
    r->first_unit = (uint16_t)((from - window) >> MID__UNIT_SHIFT);
    r->end_unit = (uint16_t)((to - window) >> MID__UNIT_SHIFT);
    for (uint32_t i = 0; i < MID__REGION_UNITS; i++)
        if (i < r->first_unit || i >= r->end_unit) {
            flip(r->used, i);
            flip(r->touched, i);
        }
    r->free_units = (uint32_t)(r->end_unit - r->first_unit);
    r->run_bound = r->free_units;
    a->free_regions += r->free_units == MID__REGION_UNITS;
    mid__shadow_region(first_byte(r), r->bytes);
    link_open(a, r);
    return MID_OK;
}

enum mid_status mid__arena_adopt(struct mid__arena *a, void *base, size_t bytes)
{
    uintptr_t start = (uintptr_t)base, end;
    a->given = true;
    if (start > UINTPTR_MAX - MID__REGION_BYTES || mid__add_overflows(start, bytes, &end))
        return MID_E_INVALID;
    start = mid__align_up(start, MID_POOL_SLAB_BYTES);
    end &= ~(uintptr_t)(MID_POOL_SLAB_BYTES - 1);
    if (start >= end)
        return MID_E_INVALID;
    enum mid_status status = MID_OK;
    while (start < end && status == MID_OK) {
        uintptr_t window = start & ~(uintptr_t)(MID__REGION_BYTES - 1);
        uintptr_t to = end - window > MID__REGION_BYTES ? window + MID__REGION_BYTES : end;
        status = adopt_window(a, window, start, to);
        start = to;
    }
    return status;
}

/* ---- units */

static struct mid__place_for find_place(struct mid__arena *a, uint32_t units)
{
    struct mid__place_for place = mid__runs_find(a, units);
    return place.region != NULL ? place : (struct mid__place_for){add_region(a), 0, units};
}

static void mark(struct mid__region *r, uint32_t at, uint32_t units)
{
    for (uint32_t w = at / 64; w <= (at + units - 1) / 64; w++) {
        uint64_t bits = mid__units_bits(at, units, w);
        r->used[w] ^= bits;
        r->idle[w] &= ~bits;
        r->touched[w] |= bits;
    }
}

/* Free units, of which `clean` hold no page, become used; the counters follow here, in set_spare() and in set_clean(), and nowhere else
 * (I1, I3). */
static void set_used(struct mid__arena *a, struct mid__region *r, uint32_t at, uint32_t units, uint32_t clean)
{
    if (clean == 0) {
        mid__runs_cut(a, r, at, units);
        mark(r, at, units);
    } else {
        struct mid__span around = mid__runs_leave(a, r, at, units);
        mark(r, at, units);
        mid__runs_enter(a, r, around);
    }
    a->free_regions -= r->free_units == MID__REGION_UNITS;
    r->free_units -= units;
    r->spare_units -= units - clean;
    a->spare_bytes -= (size_t)(units - clean) * MID_POOL_SLAB_BYTES;
    a->committed_bytes += (size_t)clean * MID_POOL_SLAB_BYTES;
    a->used_bytes += (size_t)units * MID_POOL_SLAB_BYTES;
    if (r->free_units == 0)
        unlink_open(a, r);
}

/* Used units become spare. */
static void set_spare(struct mid__arena *a, struct mid__region *r, uint32_t at, uint32_t units)
{
    mid__runs_join(a, r, at, units);
    mark(r, at, units);
    r->free_units += units;
    r->spare_units += units;
    r->run_bound = MID__REGION_UNITS;
    a->spare_bytes += (size_t)units * MID_POOL_SLAB_BYTES;
    a->used_bytes -= (size_t)units * MID_POOL_SLAB_BYTES;
    a->free_regions += r->free_units == MID__REGION_UNITS;
    if (!r->open)
        link_open(a, r);
}

/* Spare units hold no page any more. */
static void set_clean(struct mid__arena *a, struct mid__region *r, uint32_t at, uint32_t units)
{
    struct mid__span around = mid__runs_leave(a, r, at, units);
    for (uint32_t u = at; u < at + units; u++)
        flip(r->touched, u);
    mid__runs_enter(a, r, around);
    r->spare_units -= units;
    a->spare_bytes -= (size_t)units * MID_POOL_SLAB_BYTES;
    a->committed_bytes -= (size_t)units * MID_POOL_SLAB_BYTES;
}

/* Those of the eight units from w on that lie in [at, at + units) get a tag and, with `away`, their distances from the first. Whoever
 * reads one sees the old or the new one; only the holder of the lock writes. */
static void tag_part(struct mid__region *r, uint32_t at, uint32_t units, uint32_t w, uint64_t tags, bool away)
{
    static const uint8_t edge[24] = {0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255};
    uint32_t before = at > w ? at - w : 0, after = w + 8 > at + units ? w + 8 - at - units : 0;
    uint64_t mask = mid__load_8(&edge[8 - before]) & mid__load_8(&edge[8 + after]);
    void *to = (void *)&r->backs[w];
    if (away)
        mid__store_8(to, (mid__load_8(to) & ~mask) | (mid__load_8(&distances[8 + w - at]) & mask));
    to = (void *)&r->tags[w];
    mid__store_8(to, (mid__load_8(to) & ~mask) | (tags & mask));
}

static void store_tags(struct mid__region *r, uint32_t at, uint32_t units, unsigned tag, bool away)
{
    uint64_t tags = tag * (~(uint64_t)0 / 255);
    uint32_t w = at & ~7u, end = at + units;
    if (w != at) {
        tag_part(r, at, units, w, tags, away);
        w += 8;
    }
    for (; w + 8 <= end; w += 8) {
        if (away)
            mid__store_8((void *)&r->backs[w], mid__load_8(&distances[8 + w - at]));
        mid__store_8((void *)&r->tags[w], tags);
    }
    if (w < end)
        tag_part(r, at, units, w, tags, away);
}

static void tag_units(struct mid__region *r, uint32_t at, uint32_t units, unsigned tag)
{
    store_tags(r, at, units, tag, true);
}

/* The distances stay, for mid__arena_find_given. */
static void untag_units(struct mid__region *r, uint32_t at, uint32_t units)
{
    memset(&r->tags_before[at], atomic_load_explicit(&r->tags[at], memory_order_relaxed), units);
    store_tags(r, at, units, 0, false);
}

struct mid__slab *mid__arena_find_given(const struct mid__arena *a, const void *p, unsigned *tag)
{
    struct mid__region *r = mid__arena_region(a, (uintptr_t)p);
    if (r == NULL || r->huge)
        return NULL;
    size_t unit = ((uintptr_t)p >> MID__UNIT_SHIFT) % MID__REGION_UNITS;
    size_t first = unit - atomic_load_explicit(&r->backs[unit], memory_order_relaxed);
    *tag = r->tags_before[unit];
    if (*tag == 0 || atomic_load_explicit(&r->tags[unit], memory_order_relaxed) != 0 ||
        atomic_load_explicit(&r->tags[first], memory_order_relaxed) != 0 || r->tags_before[first] != *tag)
        return NULL;
    return &r->slabs[first];
}

static struct mid__slab *make_slab(struct mid__region *r, uint32_t at, uint32_t units, unsigned id, bool fresh)
{
    struct mid__slab *s = &r->slabs[at];
    s->next = s->previous = NULL;
    s->region = r;
    s->units = (uint8_t)units;
    s->state = MID_POOL_SLAB_EMPTY;
    s->index = (uint16_t)at;
    s->pages_out = 0;
    s->closed = false;
    s->fresh = fresh;
    s->live = s->fill = 0;
    s->live_bytes = 0;
    tag_units(r, at, units == 0 ? 1 : units, id + 1);
    return s;
}

static void note_peak(struct mid__arena *a)
{
    if (a->committed_bytes > a->committed_peak_bytes)
        a->committed_peak_bytes = a->committed_bytes;
}

/* The most in use lately, for Note [Spare memory]. */
static void note_used(struct mid__arena *a)
{
    if (!a->ages || a->used_bytes > a->used_high_bytes)
        a->used_high_bytes = a->used_bytes;
}

/* After units were marked: back under the limit, by giving spare units back. */
static bool within_limit(struct mid__arena *a)
{
    if (a->committed_bytes <= a->limit_bytes)
        return true;
    size_t over = a->committed_bytes - a->limit_bytes;
    if (over <= a->spare_bytes)
        mid__arena_purge(a, a->spare_bytes - over);
    return a->committed_bytes <= a->limit_bytes;
}

enum mid_status mid__arena_take(struct mid__arena *a, uint32_t units, unsigned id, struct mid__slab **out)
{
    size_t bytes = (size_t)units * MID_POOL_SLAB_BYTES;
    if (a->used_bytes + bytes > a->limit_bytes)
        return MID_E_LIMIT;
    struct mid__place_for place = find_place(a, units);
    struct mid__region *r = place.region;
    uint32_t at = place.at;
    if (r == NULL)
        return a->given ? MID_E_LIMIT : MID_E_MEMORY;
    bool fresh = !a->given && place.clean == units;
    uint64_t touched[MID__REGION_WORDS];
    if (place.clean != 0)
        memcpy(touched, r->touched, sizeof touched);
    set_used(a, r, at, units, place.clean);
    if (place.clean != 0 && !within_limit(a)) { /* the system would not take spare units back: put these back as they were */
        set_spare(a, r, at, units);
        for (uint32_t i = at; i < at + units; i++)
            if (!bit(touched, i))
                set_clean(a, r, i, 1);
        return MID_E_LIMIT;
    }
    note_peak(a);
    note_used(a);
    *out = make_slab(r, at, units, id, fresh);
    return MID_OK;
}

enum mid_status mid__arena_take_huge(struct mid__arena *a, size_t bytes, struct mid__slab **out)
{
    if (bytes > PTRDIFF_MAX)
        return MID_E_MEMORY;
    if (a->given)
        return MID_E_LIMIT;
    bytes = mid__align_up(bytes + (bytes == 0), MID_POOL_SLAB_BYTES);
    if (bytes > a->limit_bytes || a->used_bytes > a->limit_bytes - bytes)
        return MID_E_LIMIT;
    if (a->committed_bytes > a->limit_bytes - bytes)
        mid__arena_purge(a, a->limit_bytes - bytes - a->used_bytes);
    if (a->committed_bytes > a->limit_bytes - bytes)
        return MID_E_LIMIT;
    struct mid__region *r = make_region(a, bytes);
    if (r == NULL)
        return MID_E_MEMORY;
    r->huge = true;
    a->committed_bytes += bytes;
    a->used_bytes += bytes;
    note_peak(a);
    *out = make_slab(r, 0, 0, MID__CLASS_HUGE, true);
    return MID_OK;
}

static void give_huge(struct mid__arena *a, struct mid__slab *s)
{
    struct mid__region *r = s->region;
    size_t bytes = r->bytes;
    untag_units(r, 0, 1);
    a->used_bytes -= bytes;
    a->committed_bytes -= bytes;
    if (unmap_region(a, r))
        return;
    /* The kernel would not unmap it. Its pages go back, its addresses are lost until the arena ends. */
    mid__sys_decommit(r->memory, bytes);
}

static void purge_region(struct mid__arena *a, struct mid__region *r, const uint64_t *which, size_t keep_bytes);

void mid__arena_give(struct mid__arena *a, struct mid__slab *s)
{
    if (s->units == 0) {
        give_huge(a, s);
        return;
    }
    struct mid__region *r = s->region;
    uint32_t at = s->index, units = s->units;
    untag_units(r, at, units);
    set_spare(a, r, at, units);
    if (a->given) {
        purge_region(a, r, r->touched, 0);
        return;
    }
    note_used(a);
    size_t keep = SPARE_FLOOR_BYTES + a->used_high_bytes;
    if (a->spare_bytes > keep)
        mid__arena_purge(a, keep - keep / 4);
}

/* ---- back to the system */

/* Gives the spare units of a region that have their bit in `which` back, run by run, while more than `keep_bytes` are spare
 * in the arena. */
static void purge_region(struct mid__arena *a, struct mid__region *r, const uint64_t *which, size_t keep_bytes)
{
    for (uint32_t i = 0; i < MID__REGION_UNITS && r->spare_units != 0 && a->spare_bytes > keep_bytes;) {
        uint32_t from = i;
        while (i < MID__REGION_UNITS && !bit(r->used, i) && bit(r->touched, i) && bit(which, i) &&
               (i - from) * (size_t)MID_POOL_SLAB_BYTES < a->spare_bytes - keep_bytes)
            i++;
        if (i == from) {
            i++;
            continue;
        }
        size_t bytes = (size_t)(i - from) * MID_POOL_SLAB_BYTES;
        if (!a->given && !mid__sys_decommit(r->memory + ((size_t)from << MID__UNIT_SHIFT), bytes))
            return;
        set_clean(a, r, from, i - from);
    }
}

/* Unmaps a region without a slab: its spare units are gone with it. */
static void drop_region(struct mid__arena *a, struct mid__region *r)
{
    size_t spare = (size_t)r->spare_units * MID_POOL_SLAB_BYTES;
    struct mid__span all = mid__runs_leave(a, r, 0, MID__REGION_UNITS);
    unlink_open(a, r);
    if (!unmap_region(a, r)) {
        link_open(a, r);
        mid__runs_enter(a, r, all);
        return;
    }
    a->free_regions--;
    a->spare_bytes -= spare;
    a->committed_bytes -= spare;
}

size_t mid__arena_purge(struct mid__arena *a, size_t keep_bytes)
{
    size_t before = a->committed_bytes;
    size_t keep_regions = keep_bytes == 0 ? 0 : 1;
    for (struct mid__region *r = a->open, *next; r != NULL; r = next) {
        next = r->next_open;
        if (!a->given && r->free_units == MID__REGION_UNITS && a->free_regions > keep_regions)
            drop_region(a, r);
        else
            purge_region(a, r, r->touched, keep_bytes);
    }
    return before - a->committed_bytes;
}

static bool is_idle(const struct mid__region *r)
{
    for (uint32_t w = 0; w < MID__REGION_WORDS; w++)
        if ((r->touched[w] & ~r->idle[w]) != 0)
            return false;
    return r->free_units == MID__REGION_UNITS;
}

bool mid__arena_age(struct mid__arena *a, size_t most_bytes)
{
    size_t keep = a->spare_bytes > most_bytes ? a->spare_bytes - most_bytes : 0;
    for (struct mid__region *r = a->open, *next; r != NULL; r = next) {
        next = r->next_open;
        size_t pages = (size_t)r->spare_units * MID_POOL_SLAB_BYTES;
        if (!a->given && a->free_regions > 1 && is_idle(r) && (pages == 0 || pages <= a->spare_bytes - keep)) {
            drop_region(a, r);
            continue;
        }
        for (uint32_t w = 0; w < MID__REGION_WORDS && a->spare_bytes > keep; w++)
            if ((r->idle[w] & r->touched[w]) != 0) {
                purge_region(a, r, r->idle, keep);
                break;
            }
        if (a->spare_bytes <= keep && keep != 0)
            return false;
    }
    for (struct mid__region *r = a->open; r != NULL; r = r->next_open)
        for (uint32_t w = 0; w < MID__REGION_WORDS; w++)
            r->idle[w] = r->touched[w] & ~r->used[w];
    a->used_high_bytes = a->used_bytes;
    return true;
}

struct mid__ranges mid__arena_ranges(const struct mid__arena *a)
{
    struct mid__ranges ranges = {NULL, 0, page_up(a, (a->regions + 1) * sizeof *ranges.list)};
    ranges.list = mid__sys_map(ranges.list_bytes, a->page_bytes);
    for (const struct mid__region *r = a->all; ranges.list != NULL && r != NULL; r = r->next) {
        uintptr_t page = a->page_bytes - 1, from = (uintptr_t)first_byte(r) & ~page;
        ranges.list[ranges.count++] = (struct mid__range){(char *)from, r->bytes};
    }
    return ranges;
}

size_t mid__ranges_resident_bytes(struct mid__ranges *ranges)
{
    size_t sum = 0;
    int saved = errno;
    if (ranges->list == NULL)
        return SIZE_MAX;
    for (size_t i = 0; i < ranges->count && sum != SIZE_MAX; i++) {
        size_t bytes = mid__sys_resident_bytes(ranges->list[i].memory, ranges->list[i].bytes);
        if (bytes != SIZE_MAX)
            sum += bytes;
        else if (errno != ENOMEM) /* it is unmapped by now */
            sum = SIZE_MAX;
    }
    mid__sys_unmap(ranges->list, ranges->list_bytes);
    errno = saved;
    return sum;
}

void mid__arena_fini(struct mid__arena *a)
{
    for (struct mid__region *r = a->all, *next; r != NULL; r = next) {
        next = r->next;
        mid__shadow_region_gone(first_byte(r), r->bytes);
        if (!a->given)
            mid__sys_unmap(r->memory, r->bytes);
        retire_tables(a, r);
    }
    for (struct mid__region *r = a->retired, *next; r != NULL; r = next) {
        next = r->next;
        mid__arena_table_gone(a, r, r->table_bytes);
    }
    for (size_t i = 0; i < MID__ROOT_ENTRIES; i++) {
        struct mid__leaf *leaf = atomic_load_explicit(&a->root[i], memory_order_relaxed);
        if (leaf != NULL)
            mid__arena_table_gone(a, leaf, sizeof *leaf);
    }
    mid__arena_table_gone(a, a->root, MID__ROOT_ENTRIES * sizeof *a->root);
}
