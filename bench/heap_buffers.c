/* SPDX-License-Identifier: MIT
 *
 * heap_buffers.c: small objects that own much memory outside the heap. The heap sees a few words, the process megabytes: who
 * does not count them holds gigabytes of garbage, who counts them too high collects all the time. Each buffer is written
 * whole. midden's objects own slices of a pool; Boehm's collector has the bytes in its heap, by hand they are malloc's.
 *
 * In heaps of a given size the pool has it as its limit, and at the limit the program collects, as one would that embeds both; the
 * heap itself, a table and 256 objects, comes on top.
 *
 *     table of `size` --> buffer ==> 4 .. 66 KiB outside
 */
#include "heap_support.h"
#include "heap_work.h"

#include <midden/slice.h>

#include <string.h>

enum { LEAST_BYTES = 4096, SPAN_BYTES = 62 << 10, A_STEP = 10, STEPS = 2000 };

/* ---- plain pointers */

struct buffer {
    unsigned char *data;
    uint32_t bytes;
};

struct buffers {
    struct plain k;
    struct buffer **table;
    uint32_t size, random, id, sum;
};

static struct buffer *plain_make(struct buffers *t)
{
    struct buffer *b = t->k.alloc(sizeof *b);
    if (b == NULL)
        return NULL;
    b->bytes = LEAST_BYTES + heap_below(&t->random, SPAN_BYTES);
    b->data = t->k.alloc_plain(b->bytes);
    if (b->data == NULL)
        return NULL;
    memset(b->data, (int)(t->id++ & 255), b->bytes);
    return b;
}

static bool plain_step(void *state)
{
    struct buffers *t = state;
    for (int i = 0; i < A_STEP; i++) {
        struct buffer *fresh = plain_make(t);
        uint32_t at = heap_below(&t->random, t->size);
        if (fresh == NULL)
            return false;
        struct buffer *old = t->table[at];
        t->sum = heap_mix(t->sum, old->bytes + old->data[old->bytes - 1]);
        plain_drop(&t->k, old->data);
        plain_drop(&t->k, old);
        t->table[at] = fresh;
    }
    return true;
}

static void buffers_plain(struct bench_run *run, const struct heap_workload *w, struct plain k)
{
    struct buffers t = {.k = k, .size = w->size, .random = HEAP_SEED};
    t.table = k.alloc(w->size * sizeof *t.table);
    memset(t.table, 0, w->size * sizeof *t.table);
    for (uint32_t i = 0; i < w->size; i++)
        t.table[i] = plain_make(&t);
    heap_play(run, STEPS, plain_step, &t);
    heap_sum(run, t.sum);
}

void buffers_by_hand(struct bench_run *run, const struct heap_workload *w)
{
    buffers_plain(run, w, plain_by_hand());
}

void buffers_boehm(struct bench_run *run, const struct heap_workload *w)
{
    buffers_plain(run, w, plain_boehm());
}

/* ---- midden */

struct mid_buffers {
    struct mid_heap *heap;
    struct mid_pool *pool;
    struct mid_type array;
    struct mid_slot table;
    uint32_t size, random, id, sum;
};

/* At the pool's limit: what is garbage gives its slices back. */
static int at_limit(void *user, struct mid_pool *pool, size_t needed_bytes, unsigned attempt)
{
    struct mid_buffers *t = user;
    (void)pool, (void)needed_bytes;
    return attempt <= 2 && mid_heap_collect(t->heap, MID_COLLECT_FULL, "pool at its limit") == MID_OK;
}

/* May collect. NULL when the pool refuses. */
static struct mid_ref midden_make(struct mid_buffers *t)
{
    struct mid_slice slice;
    size_t bytes = LEAST_BYTES + heap_below(&t->random, SPAN_BYTES);
    if (mid_slice_alloc(t->pool, bytes, &slice) != MID_OK) {
        if (heap_tight_bytes() != 0)
            heap_refused("midden");
        return mid_null();
    }
    memset(slice.data, (int)(t->id++ & 255), bytes);
    struct mid_ref buffer = mid_buffer_new(t->heap, slice);
    if (mid_is_null(buffer))
        mid_slice_release(&slice);
    return buffer;
}

static bool midden_step(void *state)
{
    struct mid_buffers *t = state;
    for (int i = 0; i < A_STEP; i++) {
        struct mid_ref fresh = midden_make(t), table = mid_get(t->table);
        uint32_t at = heap_below(&t->random, t->size);
        if (mid_is_null(fresh))
            return false;
        const struct mid_slice *old = mid_buffer_slice(t->heap, mid_array_get(table, at));
        t->sum = heap_mix(t->sum, (uint32_t)old->bytes + old->data[old->bytes - 1]);
        mid_array_set(t->heap, table, at, fresh);
    }
    return true;
}

void buffers_midden(struct bench_run *run, const struct heap_workload *w)
{
    struct mid_buffers t = {.heap = heap_begin(run), .size = w->size, .random = HEAP_SEED};
    if (t.heap == NULL)
        return;
    struct mid_pool_options options;
    mid_pool_options_init(&options);
    options.limit_bytes = heap_tight_bytes();
    options.at_limit = at_limit;
    options.at_limit_user = &t;
    if (mid_pool_create(&options, &t.pool) != MID_OK) {
        bench_fail(run, "the pool cannot be made");
        mid_heap_destroy(t.heap);
        return;
    }
    t.array = heap_type(t.heap, "Table", 0, 0, MID_TAIL_REFS);
    t.table = mid_local(t.heap, mid_new_array(t.heap, t.array, w->size));
    for (uint32_t i = 0; i < w->size; i++) {
        struct mid_ref buffer = midden_make(&t);
        mid_array_set(t.heap, mid_get(t.table), i, buffer);
    }
    heap_play(run, STEPS, midden_step, &t);
    heap_sum(run, t.sum);
    heap_end(run, t.heap);
    mid_pool_destroy(t.pool, NULL);
}
