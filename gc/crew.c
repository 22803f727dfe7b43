/* SPDX-License-Identifier: MIT
 *
 * crew.c: helper threads (helper-threads=N), as an option: threads that mark and sweep for one heap, in its pauses and beside
 * its program. Without the option nothing of this is there, and the heap is single-threaded and deterministic.
 *
 *     mutator   | scavenge | program ......... | step | program ...... | scavenge | program
 *     helper      home     | marks ....................................| home     | marks ...
 *                          ^ send                                      ^ recall   ^ send
 *
 * Note [Crew]
 * The crew is *home* or *out*. While it is home no helper reads or writes anything of the heap but the crew's own lock, and
 * every grey object hangs on heap->mark: all of the collector is then as it is without helpers. While it is out, helpers do
 * one job, and the mutator does nothing that would disturb it. So there is a short list of what may run beside a helper, and
 * everything else recalls the crew first. A recall is always right and costs a wait for the slowest helper, which looks for
 * it after each object; a send is made only at the end of a step or a collection. What may run beside helpers that mark:
 *
 *   1. the program's own reads of any object, and its writes of bytes: helpers read header words and references alone
 *   2. mid_store. While marking, a store into an old object takes the slow path, which shades the value it deletes, by the
 *      atomic way into the mutator's own worker, and then writes with release order; a helper reads slots with acquire order.
 *      Whether it sees the old value or the new one does not matter: the old one is shaded by then or will be by the
 *      mutator, before the marking can end; the new one was in the snapshot or is black (Note [Snapshot at the beginning])
 *   3. allocation in the nursery: helpers never follow a young reference
 *   4. birth of a large object: it is black before its address is stored anywhere (the release order of 2), its bits lie in
 *      words of their own, and nobody scans it
 *   5. reads of weak handles and tables, deletion from persistent handles: they shade, like 2
 *   6. a step of the mutator: it works as one of the crew
 *
 * Beside helpers that sweep, everything may run: they touch only the mark side, and read only the live side, of blocks that
 * are UNSWEPT, and in these nothing is allocated (sweep.I2).
 *
 * Recalled for: scavenges (they move objects, and write slots and cells of old space), settling, the end of a marking, new
 * types and new keys and ids (they write what helpers read without an atomic), walks, the verifier, the end of the heap.
 *
 *   I1  crew_out == false: running == 0, job == NONE, and no worker holds a part or a slice
 *   I2  crew_marks: heap->mark.top is one empty part, and heap->mark.sliced no array: what is grey hangs on the crew
 *   I3  job, quit and all lists of the crew change under its lock, and so do the spare parts of heap->mark while crew_marks
 *
 * Threads are made when the first job is sent, with all signals blocked, and end with the heap. If one cannot be made, the
 * crew works with those there are (mid_gc_stats.helper_threads); without any, as if the option were off.
 *
 * Fork: a child has no helpers, and what they held at that moment may be half done. The child sees it by the process id when
 * it next would send, recall or wait, and gives the crew up: parts that helpers held are forgotten, and the marking goes on
 * as after an overflow of the mark stack, by reading the marked objects again (which needs no list); blocks that a helper
 * was sweeping are swept again. The child goes on without helpers. A fork by another thread than the mutator leaves a heap
 * that cannot be used, as without helpers.
 *
 * Sources: the parallel worklists of Whippet and V8 (segments that change hands whole) and Ossia et al. 2002 for marking;
 * marking beside the program from a snapshot: Yuasa 1990, and Printezis and Detlefs 2000 for doing it on another thread.
 * Departures: no safepoints in the program and no barrier of its own: one mutator calls the collector by itself.
 *
 * What it does not do: scavenges, settling, compaction and the fix-up of references are the mutator's alone.
 */
#include "crew.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)256 << 10)

/* ---- a helper -------------------------------------------------------------------------------------------------------- */

static bool has_work(const struct mid__crew *crew)
{
    if (atomic_load_explicit(&crew->poke, memory_order_relaxed) & MID__CREW_STOP)
        return false;
    if (crew->job == MID__JOB_MARK)
        return atomic_load_explicit(&crew->grey, memory_order_relaxed) != NULL || crew->slice_count != 0;
    return crew->job == MID__JOB_SWEEP && crew->sweep_next != NULL;
}

/* The lock is held. New work often comes soon, and to be woken takes long: spins for a moment first. */
static void wait_for_work(struct mid__crew *crew)
{
    crew->waiting++;
    if (crew->job == MID__JOB_MARK) {
        atomic_fetch_or_explicit(&crew->poke, MID__CREW_HUNGRY, memory_order_relaxed);
        pthread_mutex_unlock(&crew->lock);
        for (unsigned i = 0; i < MID__CREW_SPINS && atomic_load_explicit(&crew->grey, memory_order_relaxed) == NULL; i++)
            MID__CPU_RELAX();
        pthread_mutex_lock(&crew->lock);
    }
    while (!crew->quit && !has_work(crew))
        pthread_cond_wait(&crew->work, &crew->lock);
    crew->waiting--;
}

static void *help(void *argument)
{
    struct mid__worker *worker = argument;
    struct mid__crew *crew = worker->crew;
    pthread_mutex_lock(&crew->lock);
    while (!crew->quit) {
        if (!has_work(crew)) {
            wait_for_work(crew);
            continue;
        }
        enum mid__job job = crew->job;
        atomic_fetch_add_explicit(&crew->running, 1, memory_order_relaxed);
        pthread_mutex_unlock(&crew->lock);
        if (job == MID__JOB_MARK)
            mid__crew_mark(worker);
        else
            mid__crew_sweep(crew);
        pthread_mutex_lock(&crew->lock);
        if (atomic_fetch_sub_explicit(&crew->running, 1, memory_order_relaxed) == 1)
            pthread_cond_signal(&crew->idle);
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

static void make_threads(struct mid__crew *crew)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    crew->tried = true;
    if (pthread_attr_init(&attributes) != 0)
        return;
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (crew->made < crew->heap->options.helper_threads &&
           pthread_create(&crew->threads[crew->made], &attributes, help, &crew->workers[crew->made + 1]) == 0)
        crew->made++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

/* ---- the mutator's side ------------------------------------------------------------------------------------------------ */

bool mid__crew_alive(struct mid_heap *heap)
{
    struct mid__crew *crew = heap->crew;
    if (MID__LIKELY(!crew->lost && crew->pid == getpid()))
        return true;
    if (!crew->lost) {
        crew->lost = true;
        crew->made = 0;
        if (heap->crew_marks)
            mid__crew_gather_lost(heap);
        heap->crew_out = heap->crew_marks = false;
        crew->job = MID__JOB_NONE;
    }
    return false;
}

bool mid__crew_ready(struct mid_heap *heap)
{
    if (!heap->crew->tried)
        make_threads(heap->crew);
    return heap->crew->made != 0;
}

void mid__crew_send_to(struct mid_heap *heap, enum mid__job job)
{
    struct mid__crew *crew = heap->crew;
    pthread_mutex_lock(&crew->lock);
    crew->job = job;
    atomic_store_explicit(&crew->poke, 0, memory_order_relaxed);
    pthread_cond_broadcast(&crew->work);
    pthread_mutex_unlock(&crew->lock);
    heap->crew_out = true;
    heap->crew_marks = job == MID__JOB_MARK;
}

/* The end of a step or a collection: helpers go on with what there is. */
void mid__crew_go_on(struct mid_heap *heap)
{
    if (heap->crew_out || !mid__crew_alive(heap))
        return;
    if (heap->phase == MID__MARK && heap->mark.stage == MID__STAGE_MARKING && !heap->options.stack_scan)
        (void)mid__crew_send_marking(heap);
    else if (heap->phase == MID__SWEEP && heap->crew->sweep_next != NULL && mid__crew_ready(heap))
        mid__crew_send_to(heap, MID__JOB_SWEEP);
}

/* The crew is out: comes back with all that it knows. */
void mid__crew_recall_now(struct mid_heap *heap)
{
    struct mid__crew *crew = heap->crew;
    if (!mid__crew_alive(heap))
        return;
    atomic_fetch_or_explicit(&crew->poke, MID__CREW_STOP, memory_order_relaxed);
    for (unsigned i = 0; i < MID__CREW_SPINS && atomic_load_explicit(&crew->running, memory_order_relaxed) != 0; i++)
        MID__CPU_RELAX();
    pthread_mutex_lock(&crew->lock);
    while (atomic_load_explicit(&crew->running, memory_order_relaxed) != 0)
        pthread_cond_wait(&crew->idle, &crew->lock);
    crew->job = MID__JOB_NONE;
    pthread_mutex_unlock(&crew->lock);
    if (heap->crew_marks)
        mid__crew_gather(heap);
    heap->crew_out = heap->crew_marks = false;
}

bool mid__crew_init(struct mid_heap *heap)
{
    if (heap->options.helper_threads == 0)
        return true;
    struct mid__crew *crew = aligned_alloc(MID__CACHE_LINE_BYTES, sizeof *crew);
    if (crew == NULL)
        return false;
    *crew = (struct mid__crew){.heap = heap, .pid = getpid()};
    if (pthread_mutex_init(&crew->lock, NULL) != 0) {
        free(crew);
        return false;
    }
    (void)pthread_cond_init(&crew->work, NULL); /* these two cannot fail on Linux */
    (void)pthread_cond_init(&crew->idle, NULL);
    for (unsigned i = 0; i <= MID_HELPERS_MAX; i++)
        crew->workers[i].crew = crew;
    heap->crew = crew;
    return true;
}

void mid__crew_free(struct mid_heap *heap)
{
    struct mid__crew *crew = heap->crew;
    if (crew == NULL)
        return;
    mid__crew_recall(heap);
    if (mid__crew_alive(heap)) {
        pthread_mutex_lock(&crew->lock);
        crew->quit = true;
        pthread_cond_broadcast(&crew->work);
        pthread_mutex_unlock(&crew->lock);
        for (unsigned i = 0; i < crew->made; i++)
            pthread_join(crew->threads[i], NULL);
        pthread_cond_destroy(&crew->work);
        pthread_cond_destroy(&crew->idle);
        pthread_mutex_destroy(&crew->lock);
    }
    free(crew);
    heap->crew = NULL;
}

void mid__crew_stats(struct mid_heap *heap, struct mid_gc_stats *stats)
{
    struct mid__crew *crew = heap->crew;
    if (crew == NULL)
        return;
    stats->helper_threads = crew->made;
    stats->helper_marked_bytes = crew->marked_bytes;
    if (!mid__crew_alive(heap))
        return;
    pthread_mutex_lock(&crew->lock);
    stats->helper_swept_blocks = crew->swept_blocks;
    pthread_mutex_unlock(&crew->lock);
}
