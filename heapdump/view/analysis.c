/* SPDX-License-Identifier: MIT
 *
 * analysis.c: the work behind the first screen, in a thread of its own. A graph may not be read while it is loaded or
 * analysed, so what is shown meanwhile is made between two calls and never touched again:
 *
 *     one snapshot      load  sizes  classes | first figures | dominators, distances ...  classes with retained | all
 *     two               load NEW  sizes ids  classes | first figures | free   load OLD  sizes ids  rows | free
 *                       load NEW  all parts  the new objects | all
 *
 * Of two snapshots the newer is read twice, so that one graph alone is ever in memory: reading takes a third of the
 * time, and both graphs would take twice the memory.
 *
 * I1. What `state` points to is complete when it is put there, under the lock, and lives until analysis_free.
 */
#include "analysis.h"

#include <midden/internal/index.h>
#include <midden/internal/sys.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAKE_NS 50000000u

#define PARTS_VIEW (MID__PARTS_FIGURES | MID__PART_DOMINATED | MID__PART_RETAINERS)

struct analysis {
    struct analysis_request request;
    pthread_t thread;
    atomic_bool stop; /* set in analysis_free, read in on_progress */
    uint64_t woke_ns;

    pthread_mutex_t lock; /* over `state` */
    struct analysis_state state;

    /* the thread's; what is complete is in `state` too */
    struct mid__graph *graph;
    struct mid__interfaces *interfaces;
    struct mid__classes *first, *classes;
    struct compare *compare;
};

static void wake(struct analysis *a)
{
    a->woke_ns = mid__sys_now_ns();
    if (a->request.wake != NULL)
        a->request.wake(a->request.user);
}

static bool on_progress(void *user, const char *phase, uint64_t done, uint64_t total)
{
    struct analysis *a = user;
    uint64_t now = mid__sys_now_ns();
    if (now - a->woke_ns >= WAKE_NS) {
        pthread_mutex_lock(&a->lock);
        snprintf(a->state.phase, sizeof a->state.phase, "%s", phase);
        a->state.done = done;
        a->state.total = total;
        pthread_mutex_unlock(&a->lock);
        wake(a);
    }
    return !atomic_load_explicit(&a->stop, memory_order_relaxed);
}

/* A phase of our own. False when it is time to stop. */
static bool begin_phase(struct analysis *a, const char *phase)
{
    a->woke_ns = 0;
    return on_progress(a, phase, 0, 0);
}

static void set_path(struct analysis *a, const char *path)
{
    pthread_mutex_lock(&a->lock);
    a->state.path = path;
    a->state.phase[0] = '\0';
    a->state.total = 0;
    pthread_mutex_unlock(&a->lock);
    wake(a);
}

/* ---- steps: each returns false and has filled *error when it fails */

static bool report(struct mid__graph_error *error, enum mid_status status)
{
    if (status != MID_OK && error->message[0] == '\0') {
        error->status = status;
        snprintf(error->message, sizeof error->message, "%s",
                 status == MID_E_INVALID ? "the file changed while it was read"
                 : status == MID_E_BUSY  ? "stopped"
                                         : "out of memory");
    }
    return status == MID_OK;
}

static bool load(struct analysis *a, const char *path, unsigned parts, struct mid__graph_error *error)
{
    struct mid__graph_options options = {.progress = on_progress, .user = a, .threads = a->request.threads, .index = a->request.index};
    set_path(a, path);
    mid__graph_free(a->graph);
    return mid__graph_load(path, &options, &a->graph, error) == MID_OK &&
           mid__graph_analyze(a->graph, parts, error) == MID_OK;
}

static bool classify(struct analysis *a, bool with_retained, struct mid__classes **classes,
                     struct mid__graph_error *error)
{
    if (!begin_phase(a, with_retained ? "retained sizes of classes" : "classes"))
        return report(error, MID_E_BUSY);
    return report(error, mid__classes_build(a->graph, a->interfaces, with_retained, classes));
}

static void show_first(struct analysis *a)
{
    const struct mid__graph *g = a->graph;
    uint64_t bytes = g->total_size; /* of an index */
    if (g->retained == NULL) {
        bytes = g->extra_native_bytes;
        for (uint32_t n = 0; n < g->node_count; n++)
            bytes += mid__graph_size(g, n);
    }
    mid__classes_drop_of_node(a->first); /* the table alone is shown, and the column is large */
    pthread_mutex_lock(&a->lock);
    a->state.node_count = g->node_count;
    a->state.edge_count = g->edge_count;
    a->state.total_size = bytes;
    a->state.first = a->first;
    a->state.stage = ANALYSIS_CLASSES;
    pthread_mutex_unlock(&a->lock);
    wake(a);
}

static bool first_figures(struct analysis *a, struct mid__graph_error *error)
{
    unsigned ids = a->request.old_path != NULL ? MID__PART_BY_ID : 0;
    if (!load(a, a->request.path, MID__PART_FOLDED | ids, error))
        return false;
    if (!begin_phase(a, "interfaces"))
        return report(error, MID_E_BUSY);
    if (!report(error, mid__interfaces_infer(a->graph, &a->interfaces)) || !classify(a, false, &a->first, error))
        return false;
    if (ids != 0 && !report(error, compare_take_new(&a->compare, a->graph, a->first)))
        return false;
    show_first(a);
    return true;
}

static bool take_older(struct analysis *a, struct mid__graph_error *error)
{
    struct mid__classes *classes = NULL;
    bool good = load(a, a->request.old_path, MID__PART_FOLDED | MID__PART_BY_ID, error) &&
                classify(a, false, &classes, error) && report(error, compare_take_old(a->compare, a->graph, classes));
    mid__classes_free(classes);
    return good && load(a, a->request.path, MID__PART_FOLDED, error);
}

static bool all_figures(struct analysis *a, struct mid__graph_error *error)
{
    bool two = a->request.old_path != NULL;
    if (two && !take_older(a, error))
        return false;
    if (mid__graph_analyze(a->graph, PARTS_VIEW | (two ? MID__PART_BY_ID : 0), error) != MID_OK ||
        !classify(a, true, &a->classes, error))
        return false;
    if (!two)
        return true;
    if (!begin_phase(a, "new objects") || !report(error, compare_find(a->compare, a->graph, a->classes)))
        return report(error, MID_E_BUSY);
    mid__graph_drop(a->graph, MID__PART_BY_ID);
    return true;
}

static void *run(void *user)
{
    struct analysis *a = user;
    struct mid__graph_error error = {0};
    bool good = first_figures(a, &error) && all_figures(a, &error);
    pthread_mutex_lock(&a->lock);
    a->state.stage = good ? ANALYSIS_COMPLETE : ANALYSIS_FAILED;
    a->state.error = error;
    if (good) {
        a->state.graph = a->graph;
        a->state.classes = a->classes;
        a->state.compare = a->compare;
        a->state.node_count = a->graph->node_count;
        a->state.edge_count = a->graph->edge_count;
        a->state.total_size = a->graph->total_size;
    }
    pthread_mutex_unlock(&a->lock);
    wake(a);
    if (good && mid__index_possible(a->graph))
        (void)mid__index_write(a->graph, a->request.path, &error); /* others read the graph meanwhile */
    return NULL;
}

/* ---- */

enum mid_status analysis_start(const struct analysis_request *request, struct analysis **analysis)
{
    struct analysis *a = *analysis = calloc(1, sizeof *a);
    sigset_t all, before;
    if (a == NULL)
        return MID_E_MEMORY;
    a->request = *request;
    a->state.path = request->path;
    pthread_mutex_init(&a->lock, NULL);
    sigfillset(&all); /* signals are the screen's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&a->thread, NULL, run, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed == 0)
        return MID_OK;
    pthread_mutex_destroy(&a->lock);
    free(a);
    *analysis = NULL;
    return MID_E_MEMORY;
}

void analysis_look(struct analysis *a, struct analysis_state *state)
{
    pthread_mutex_lock(&a->lock);
    *state = a->state;
    pthread_mutex_unlock(&a->lock);
}

void analysis_free(struct analysis *a)
{
    if (a == NULL)
        return;
    atomic_store_explicit(&a->stop, true, memory_order_relaxed);
    pthread_join(a->thread, NULL);
    pthread_mutex_destroy(&a->lock);
    compare_free(a->compare);
    mid__classes_free(a->first);
    mid__classes_free(a->classes);
    mid__interfaces_free(a->interfaces);
    mid__graph_free(a->graph);
    free(a);
}
