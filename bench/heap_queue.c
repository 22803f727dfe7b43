/* SPDX-License-Identifier: MIT
 *
 * heap_queue.c: messages through a queue of constant length: first in, first out. Each lives exactly as long as the queue is
 * long, long enough to be moved out of a nursery, and then dies: no age tells who will.
 *
 *     head --> message { next, body, id, bytes } --> ... <-- tail        body: 32 .. 511 bytes, the first of them the id's
 */
#include "heap_support.h"
#include "heap_work.h"

#include <string.h>

enum { A_STEP = 100, TURNS = 10, BODY_LEAST = 32, BODY_SPAN = 480 };

static uint32_t steps_of(const struct heap_workload *w)
{
    return w->size * TURNS / A_STEP;
}

/* ---- plain pointers */

struct message {
    struct message *next;
    unsigned char *body;
    uint32_t id, bytes;
};

struct queue {
    struct plain k;
    struct message *head, *tail;
    uint32_t random, id, sum;
};

static bool plain_put(struct queue *q)
{
    uint32_t bytes = BODY_LEAST + heap_below(&q->random, BODY_SPAN);
    struct message *m = q->k.alloc(sizeof *m);
    if (m == NULL)
        return false;
    *m = (struct message){.body = q->k.alloc_plain(bytes), .id = q->id++, .bytes = bytes};
    if (m->body == NULL)
        return false;
    memset(m->body, (int)(m->id & 255), bytes);
    if (q->tail == NULL)
        q->head = m;
    else
        q->tail->next = m;
    q->tail = m;
    return true;
}

static void plain_take(struct queue *q)
{
    struct message *m = q->head;
    q->head = m->next;
    q->sum = heap_mix(q->sum, m->id + m->bytes + m->body[m->bytes - 1]);
    plain_drop(&q->k, m->body);
    plain_drop(&q->k, m);
}

static bool plain_step(void *state)
{
    struct queue *q = state;
    bool went_well = true;
    for (int i = 0; went_well && i < A_STEP; i++) {
        went_well = plain_put(q);
        plain_take(q);
    }
    return went_well;
}

static void queue_plain(struct bench_run *run, const struct heap_workload *w, struct plain k)
{
    struct queue q = {.k = k, .random = HEAP_SEED};
    for (uint32_t i = 0; i < w->size; i++)
        plain_put(&q);
    heap_play(run, steps_of(w), plain_step, &q);
    heap_sum(run, q.sum);
}

void queue_by_hand(struct bench_run *run, const struct heap_workload *w)
{
    queue_plain(run, w, plain_by_hand());
}

void queue_boehm(struct bench_run *run, const struct heap_workload *w)
{
    queue_plain(run, w, plain_boehm());
}

/* ---- midden */

struct mid_message {
    struct mid_ref next, body;
    uint32_t id, bytes;
};

struct mid_queue {
    struct mid_heap *heap;
    struct mid_type message, body;
    struct mid_slot head, tail;
    uint32_t random, id, sum;
};

static bool midden_put(struct mid_queue *q)
{
    uint32_t bytes = BODY_LEAST + heap_below(&q->random, BODY_SPAN);
    struct mid_scope scope;
    mid_scope_begin(q->heap, &scope);
    struct mid_slot body = mid_local(q->heap, mid_new_bytes(q->heap, q->body, bytes));
    struct mid_ref r = mid_new(q->heap, q->message), tail = mid_get(q->tail);
    if (mid_is_null(r) || mid_is_null(mid_get(body)))
        return false;
    struct mid_message *m = mid_data(r);
    m->id = q->id++;
    m->bytes = bytes;
    memset(mid_data(mid_get(body)), (int)(m->id & 255), bytes);
    mid_init_field(&m->body, mid_get(body));
    if (mid_is_null(tail))
        mid_set(q->head, r);
    else
        mid_store(q->heap, tail, &((struct mid_message *)mid_data(tail))->next, r);
    mid_set(q->tail, r);
    mid_scope_end(q->heap, &scope);
    return true;
}

static void midden_take(struct mid_queue *q)
{
    const struct mid_message *m = mid_data(mid_get(q->head));
    const unsigned char *body = mid_data(m->body);
    q->sum = heap_mix(q->sum, m->id + m->bytes + body[m->bytes - 1]);
    mid_set(q->head, m->next);
}

static bool midden_step(void *state)
{
    struct mid_queue *q = state;
    bool went_well = true;
    for (int i = 0; went_well && i < A_STEP; i++) {
        went_well = midden_put(q);
        midden_take(q);
    }
    return went_well;
}

void queue_midden(struct bench_run *run, const struct heap_workload *w)
{
    struct mid_queue q = {.heap = heap_begin(run), .random = HEAP_SEED};
    if (q.heap == NULL)
        return;
    q.message = heap_type(q.heap, "Message", sizeof(struct mid_message), 2, MID_TAIL_NONE);
    q.body = heap_type(q.heap, "Body", 0, 0, MID_TAIL_BYTES);
    q.head = mid_local(q.heap, mid_null());
    q.tail = mid_local(q.heap, mid_null());
    for (uint32_t i = 0; i < w->size; i++)
        midden_put(&q);
    heap_play(run, steps_of(w), midden_step, &q);
    heap_sum(run, q.sum);
    heap_end(run, q.heap);
}
