/* SPDX-License-Identifier: MIT
 *
 * pool_messages.c: a server reads blocks of 64 KB and cuts them into messages of 100 - 1500 B, which live for different
 * times. Either each message is *copied* into a buffer of its own, or it stays where it is, as a counted *slice* of its
 * block, and the block goes when its last message has gone: no copy, but one message may hold 64 KB.
 *
 *     block     [ message | message | message | ... | rest ]     read: a copy of 64 KB, as the kernel makes one
 *     live      2,000 .. messages, replaced at random
 *     long      (with POOL_SHARED) one message in a hundred goes to a second table of 2,000, replaced at random
 *
 * One operation is one message: cut (or copied), kept, and the one in its place released after its first word is read.
 * midden plays its own slices; the others get a count in front of the block, atomic as midden's is. The third form *keeps*
 * midden's slices (<midden/keep.h>): the survivors of a block are copied out when less than a share of it is kept. moved_x
 * is what was copied over what was read. The others play slices.
 */
#include "pool_work.h"
#include "work.h"

#include <midden/keep.h>

#include <stdatomic.h>
#include <string.h>

enum { BLOCK_BYTES = 64 * 1024, LONG_LIVED = 2000, ONE_IN = 100 };

struct block {
    _Alignas(16) _Atomic uint32_t count;
    char memory[];
};

/* A message in any of the three forms. */
struct message {
    char *data;
    size_t bytes;
    struct block *block;
    struct mid_slice slice;
    struct mid_kept kept;
};

struct server {
    const struct allocator *a;
    const uint32_t *sizes;
    uint64_t next_size, random;
    const char *wire;  /* what is read */
    size_t at;         /* how far the block is used */
    char *read_buffer; /* copying: always the same */
    struct block *block;
    struct mid_slice slice;
    struct mid_keep *keep;
    struct message *live, *lasting;
    uint32_t live_count, lasting_count;
};

/* Cuts the next message off the block or says that the block is used up. */
static inline size_t next_bytes(struct server *s, size_t *offset)
{
    size_t bytes = s->sizes[s->next_size & (WORK_SIZES - 1)];
    if (s->at + bytes > BLOCK_BYTES)
        return 0;
    s->next_size++;
    *offset = s->at;
    s->at += bytes;
    return bytes;
}

static inline struct message *place(struct server *s)
{
    if (s->lasting_count != 0 && s->next_size % ONE_IN == 0)
        return &s->lasting[work_below(&s->random, s->lasting_count)];
    return &s->live[work_below(&s->random, s->live_count)];
}

/* ---- copied */

static inline struct message copy_next(struct server *s)
{
    size_t offset, bytes;
    while ((bytes = next_bytes(s, &offset)) == 0) {
        memcpy(s->read_buffer, s->wire, BLOCK_BYTES);
        s->at = 0;
    }
    struct message m = {.data = s->a->alloc(bytes), .bytes = bytes};
    memcpy(m.data, s->read_buffer + offset, bytes);
    return m;
}

static inline void copy_drop(struct server *s, struct message *m)
{
    if (m->data != NULL)
        s->a->release(m->data, m->bytes);
}

/* ---- slices by a count of the harness */

static inline void block_drop(struct server *s, struct block *b)
{
    if (atomic_fetch_sub_explicit(&b->count, 1, memory_order_acq_rel) == 1)
        s->a->release(b, sizeof *b + BLOCK_BYTES);
}

static inline struct message count_next(struct server *s)
{
    size_t offset, bytes;
    while ((bytes = next_bytes(s, &offset)) == 0) {
        if (s->block != NULL)
            block_drop(s, s->block);
        s->block = s->a->alloc(sizeof *s->block + BLOCK_BYTES);
        atomic_init(&s->block->count, 1);
        memcpy(s->block->memory, s->wire, BLOCK_BYTES);
        s->at = 0;
    }
    atomic_fetch_add_explicit(&s->block->count, 1, memory_order_relaxed);
    return (struct message){.data = s->block->memory + offset, .bytes = bytes, .block = s->block};
}

static inline void count_drop(struct server *s, struct message *m)
{
    if (m->block != NULL)
        block_drop(s, m->block);
}

/* ---- midden's slices */

static inline struct message slice_next(struct server *s)
{
    size_t offset, bytes;
    struct message m = {.data = NULL};
    while ((bytes = next_bytes(s, &offset)) == 0) {
        mid_slice_release(&s->slice);
        if (mid_slice_alloc(s->a->pool(), BLOCK_BYTES, &s->slice) != MID_OK)
            return m;
        memcpy(s->slice.data, s->wire, BLOCK_BYTES);
        s->at = 0;
    }
    m.bytes = bytes;
    if (mid_slice_cut(s->slice, offset, bytes, &m.slice) == MID_OK)
        m.data = (char *)m.slice.data;
    return m;
}

static inline void slice_drop(struct server *s, struct message *m)
{
    (void)s;
    mid_slice_release(&m->slice);
}

/* ---- midden's kept slices */

static inline void kept_drop(struct server *s, struct message *m)
{
    mid_keep_drop(s->keep, &m->kept);
}

static void serve_kept(struct server *s, uint64_t n)
{
    uint64_t sum = 0, word;
    while (n-- != 0) {
        struct message fresh = slice_next(s), *old = place(s);
        if (old->data != NULL) {
            memcpy(&word, mid_kept_data(&old->kept), sizeof word);
            sum += word;
        }
        kept_drop(s, old);
        old->data = fresh.data; /* not where it lies later: only that there is one */
        old->bytes = fresh.bytes;
        if (mid_keep_add(s->keep, fresh.slice, &old->kept) != MID_OK)
            mid_slice_release(&fresh.slice);
    }
    work_keep(&sum);
}

/* ---- the loop, once for each form */

static inline void serve(struct server *s, uint64_t n, struct message (*next)(struct server *),
                         void (*drop)(struct server *, struct message *))
{
    uint64_t sum = 0, word;
    while (n-- != 0) {
        struct message fresh = next(s), *old = place(s);
        if (old->data != NULL) {
            memcpy(&word, old->data, sizeof word);
            sum += word;
        }
        drop(s, old);
        *old = fresh;
    }
    work_keep(&sum);
}

static void serve_copied(struct server *s, uint64_t n)
{
    serve(s, n, copy_next, copy_drop);
}

static void serve_counted(struct server *s, uint64_t n)
{
    serve(s, n, count_next, count_drop);
}

static void serve_sliced(struct server *s, uint64_t n)
{
    serve(s, n, slice_next, slice_drop);
}

static double clear(struct server *s, void (*drop)(struct server *, struct message *), bool really)
{
    double bytes = 0;
    for (uint32_t i = 0; i < s->live_count + s->lasting_count; i++) {
        struct message *m = i < s->live_count ? &s->live[i] : &s->lasting[i - s->live_count];
        bytes += m->data != NULL ? (double)m->bytes : 0;
        if (really)
            drop(s, m);
    }
    return bytes;
}

static void play(struct bench_run *run, const struct allocator *a, const struct pool_workload *w,
                 void (*work)(struct server *, uint64_t), void (*drop)(struct server *, struct message *))
{
    struct server s = {.a = a,
                       .sizes = work_sizes(w->low, w->high),
                       .random = 0x2545f4914f6cdd1du,
                       .wire = work_map(BLOCK_BYTES),
                       .at = BLOCK_BYTES,
                       .read_buffer = work_map(BLOCK_BYTES),
                       .live_count = w->live,
                       .lasting_count = w->flags & POOL_SHARED ? LONG_LIVED : 0};
    struct mid_keep_options options;
    mid_keep_options_init(&options);
    options.move_below_percent = w->flags / POOL_PERCENT(1);
    if (w->flags >= POOL_PERCENT(1) && a->pool != NULL && mid_keep_create(a->pool(), &options, &s.keep) != MID_OK) {
        bench_fail(run, "no keep");
        return;
    }
    const size_t tables = (w->live + LONG_LIVED) * sizeof s.live[0];
    s.live = work_map(tables);
    s.lasting = s.live + w->live;
    bench_memory_mark(run);
    work(&s, 4ull * w->live + 4ull * ONE_IN * s.lasting_count); /* to the steady state */
    for (uint64_t n; (n = bench_count(run)) != 0;)
        work(&s, n);
    bench_memory_live(run, clear(&s, drop, false));
    if (s.keep != NULL) {
        struct mid_keep_stats stats = {.struct_size = sizeof stats};
        mid_keep_stats(s.keep, &stats);
        double read_bytes = 0;
        for (uint64_t i = 0; i < s.next_size; i++)
            read_bytes += s.sizes[i & (WORK_SIZES - 1)];
        bench_counter(run, "moved_x", (double)stats.moved_bytes / read_bytes);
    }
    clear(&s, drop, true);
    mid_keep_destroy(s.keep);
    if (s.block != NULL)
        block_drop(&s, s.block);
    mid_slice_release(&s.slice);
    work_unmap(s.live, tables);
    work_unmap(s.read_buffer, BLOCK_BYTES);
    work_unmap((void *)(uintptr_t)s.wire, BLOCK_BYTES);
}

void pool_messages_copied(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    play(run, a, w, serve_copied, copy_drop);
}

void pool_messages_sliced(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    if (a->pool != NULL)
        play(run, a, w, serve_sliced, slice_drop);
    else
        play(run, a, w, serve_counted, count_drop);
}

void pool_messages_kept(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    if (a->pool != NULL)
        play(run, a, w, serve_kept, kept_drop);
    else
        play(run, a, w, serve_counted, count_drop);
}
