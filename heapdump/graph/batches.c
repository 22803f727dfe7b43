/* SPDX-License-Identifier: MIT
 *
 * batches.c: two threads for the two large arrays: one turns text into numbers, the other spreads them over columns.
 *
 * Problem: nine tenths of a file are integers. Reading, inflating and tokenizing them (scan.c, numbers.c) knows nothing of
 * columns, and spreading them (nodes.c, edges.c) nothing of text; the two take about as long. So the scan is the second
 * thread's while an array lasts, and batches pass through a ring:
 *
 *     second thread:  numbers_more -> [ batch ][ batch ][ batch ] -> spread :thread of load
 *                                       taken ^            ^ made
 *
 *   I1  made - taken <= SLOTS; the slots from taken to made - 1 are the spreader's, who only reads them, the others the
 *       tokenizer's. What was left of a record is copied from the slot before, which nobody writes to meanwhile.
 *   I2  Nothing is decided in the second thread: the batches are the same, in the same order, as with one, and so is the
 *       graph. A failure of the tokenizer lies behind all batches that it made; one of the spreader lies before, and is the
 *       one that is told.
 *   I3  The second thread allocates nothing (zlib has its window since the header), warns of nothing and calls nobody.
 *
 * An array that is kept in memory already is not worth a thread, nor is a small file.
 */
#include "batches.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define SLOTS          64u
#define WAKE           16u /* batches that are worth waking somebody for */
#define WORTH_A_THREAD ((uint64_t)8 << 20) /* bytes of input */

struct ahead {
    pthread_t thread;
    pthread_mutex_t lock; /* over all below but what I1 gives away */
    pthread_cond_t more, room;
    uint32_t made, taken;
    bool stop, done; /* done: the thread makes no more */
    bool holds;      /* the spreader has the slot `taken` */
    size_t fields;
    struct scan *scan;             /* the second thread's until it is joined */
    struct scan mine;              /* for the spreader's failures */
    struct mid__graph_error error; /* of `mine` */
    struct numbers slot[SLOTS];
};

/* ---- the second thread */

/* Waits for a free slot; false when it is over. */
static bool wait_for_room(struct ahead *a)
{
    pthread_mutex_lock(&a->lock);
    while (a->made - a->taken == SLOTS && !a->stop)
        pthread_cond_wait(&a->room, &a->lock);
    bool go_on = !a->stop;
    pthread_mutex_unlock(&a->lock);
    return go_on;
}

static void hand_over(struct ahead *a, bool made, bool done)
{
    pthread_mutex_lock(&a->lock);
    a->made += made;
    a->done = done;
    if (done || a->made - a->taken >= WAKE)
        pthread_cond_signal(&a->more);
    pthread_mutex_unlock(&a->lock);
}

static void *run(void *user)
{
    struct ahead *a = user;
    uint32_t at = 0;
    bool ok = true, ended = false;
    while (ok && !ended && wait_for_room(a)) {
        struct numbers *n = &a->slot[at % SLOTS];
        size_t used = 0;
        if (at != 0) {
            const struct numbers *before = &a->slot[(at - 1) % SLOTS];
            used = before->count / a->fields * a->fields;
            numbers_carry(n, before, used);
        }
        ok = numbers_more(n, 0);
        ended = ok && n->ended;
        at++;
        hand_over(a, ok, !ok || ended);
    }
    return NULL;
}

/* ---- the thread of load */

static bool is_worth_it(const struct numbers *n)
{
    const struct scan *s = n->scan;
    unsigned threads = s->graph->own->options.threads;
    uint64_t size = mid__input_size(s->in);
    if (n->kept != NULL || threads == 1)
        return false;
    return threads > 1 || ((size == 0 || size >= WORTH_A_THREAD) && sysconf(_SC_NPROCESSORS_ONLN) > 1);
}

static struct ahead *start(struct numbers *n, size_t fields)
{
    sigset_t all, before;
    struct ahead *a = mid__mem_new(&n->scan->graph->own->memory, 1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->fields = fields;
    a->scan = n->scan;
    a->mine = *n->scan;
    a->mine.error = &a->error;
    a->slot[0] = *n;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->more, NULL);
    pthread_cond_init(&a->room, NULL);
    n->scan->quiet = true;
    sigfillset(&all); /* signals are for the threads of the program */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&a->thread, NULL, run, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed == 0)
        return a;
    n->scan->quiet = false;
    mid__mem_free(&n->scan->graph->own->memory, a);
    return NULL;
}

void batches_begin(struct batches *b, struct numbers *n, size_t fields)
{
    *b = (struct batches){.now = n, .fields = fields, .scan = n->scan, .begun = n};
    if (is_worth_it(n))
        b->ahead = start(n, fields);
    if (b->ahead != NULL)
        b->scan = &b->ahead->mine;
}

/* Gives the slot at hand back and waits for the next; NULL when there is none. */
static struct numbers *exchange(struct ahead *a)
{
    pthread_mutex_lock(&a->lock);
    a->taken += a->holds;
    a->holds = false;
    if (a->made - a->taken <= SLOTS - WAKE)
        pthread_cond_signal(&a->room);
    while (a->made == a->taken && !a->done)
        pthread_cond_wait(&a->more, &a->lock);
    a->holds = a->made != a->taken;
    struct numbers *n = a->holds ? &a->slot[a->taken % SLOTS] : NULL;
    pthread_mutex_unlock(&a->lock);
    return n;
}

bool batches_next(struct batches *b)
{
    struct ahead *a = b->ahead;
    if (a == NULL) {
        if (!numbers_more(b->begun, b->records * b->fields))
            return false;
    } else {
        b->now = exchange(a);
        if (b->now == NULL)
            return false;
        uint64_t at = b->now->count != 0 ? b->now->where[0] : 0;
        if (a->taken % SLOTS == 0 &&
            !mid__progress(a->mine.graph, a->mine.section, at, mid__input_size(a->mine.in), &a->error)) {
            a->mine.failed = true;
            return false;
        }
    }
    b->records = b->now->count / b->fields;
    return true;
}

bool batches_end(struct batches *b, bool ok)
{
    struct ahead *a = b->ahead;
    if (a == NULL)
        return ok && !b->scan->failed;
    struct scan *s = a->scan;
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_signal(&a->room);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    s->quiet = false;
    if (a->mine.failed) {
        *s->error = a->error;
        s->failed = s->ended = true;
        s->at = s->end;
    }
    b->begun->ended = !s->failed;
    b->scan = s;
    b->ahead = NULL;
    pthread_cond_destroy(&a->room);
    pthread_cond_destroy(&a->more);
    pthread_mutex_destroy(&a->lock);
    mid__mem_free(&s->graph->own->memory, a);
    return ok && !s->failed;
}
