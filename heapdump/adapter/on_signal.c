/* SPDX-License-Identifier: MIT
 *
 * on_signal.c: a snapshot because a signal came. A handler may run in the middle of anything, on any thread, so it only notes
 * that it was called and asks the heap for an interrupt; the rest is done by the mutator (gc/interrupt.c):
 *
 *     handler (any thread)     asked = 1; mid_heap_interrupt ----.
 *     mutator, safe point      child at work? look every 20 ms   <-- re-asks while there is one
 *                              asked: name the file; fork, or write
 *
 * The one global state of the library that is no lock: signals belong to the process. Watches stand on a list that only grows
 * (a watch that is given up is used again), so that a handler can walk it without a lock:
 *
 *     first -> watch {heap, signo} -> watch {NULL} -> ...
 *
 * I1  heap is stored last when a watch is made and first when it is given up; off waits until no handler is inside, so none
 *     touches a heap that is gone.
 * I2  What the handler touches is atomic and lock-free; it keeps errno.
 * I3  before[signo], and its chain, is written before our handler is there, and stays while it is.
 */
#include <midden/event.h>
#include <midden/heap.h>
#include <midden/internal/child.h>
#include <midden/snapshot.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 20 };

struct watch {
    struct watch *next; /* never changes once the watch is on the list */
    struct mid_heap *_Atomic heap;
    _Atomic int signo;
    _Atomic bool asked;

    /* the mutator's alone */
    bool working; /* in at_safe_point: what is called from there may come by again */
    unsigned flags;
    struct mid_snapshot_options options;
    void (*done)(void *user, const char *path, enum mid_status status, int error);
    void *user;
    char *directory; /* of a relative pattern; NULL: absolute */
    char *pattern;
    uint64_t sequence;
    struct mid_snapshot_child *child;
    struct timespec looked;
    char path[PATH_MAX]; /* of the child's file */
};

static struct watch *_Atomic first;
static _Atomic int inside; /* handlers */
static struct sigaction before[NSIG];
static void (*_Atomic chain_info[NSIG])(int, siginfo_t *, void *); /* what the handler sees of it: one of the two, or none */
static void (*_Atomic chain_plain[NSIG])(int);
static bool installed[NSIG];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* before, installed, who adds to the list */

_Static_assert(ATOMIC_POINTER_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_BOOL_LOCK_FREE == 2, "I2");

/* ---- the handler */

static void on_signal(int signo, siginfo_t *info, void *context)
{
    int saved = errno;
    atomic_fetch_add(&inside, 1); /* with the load in off: I1 */
    for (struct watch *w = atomic_load(&first); w != NULL; w = w->next) {
        struct mid_heap *heap = atomic_load(&w->heap);
        if (heap == NULL || atomic_load(&w->signo) != signo)
            continue;
        atomic_store(&w->asked, true); /* with the exchange in at_safe_point */
        mid_heap_interrupt(heap);
    }
    void (*with_info)(int, siginfo_t *, void *) = atomic_load(&chain_info[signo]);
    void (*plain)(int) = atomic_load(&chain_plain[signo]);
    atomic_fetch_sub(&inside, 1);
    errno = saved;
    if (with_info != NULL)
        with_info(signo, info, context);
    else if (plain != NULL)
        plain(signo);
}

static bool install(int signo)
{
    struct sigaction ours = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK}, now;
    if (sigaction(signo, NULL, &now) != 0)
        return false;
    if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_signal)
        return true;
    if (installed[signo])
        return true; /* the program has put its own over ours: it is the one to call us */
    before[signo] = now;
    bool full = (now.sa_flags & SA_SIGINFO) != 0, none = !full && (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN);
    atomic_store(&chain_info[signo], full ? now.sa_sigaction : NULL);
    atomic_store(&chain_plain[signo], full || none ? NULL : now.sa_handler);
    sigemptyset(&ours.sa_mask);
    installed[signo] = sigaction(signo, &ours, NULL) == 0;
    return installed[signo];
}

static void uninstall(int signo)
{
    struct sigaction now;
    for (const struct watch *w = atomic_load(&first); w != NULL; w = w->next)
        if (atomic_load(&w->heap) != NULL && atomic_load(&w->signo) == signo)
            return;
    if (sigaction(signo, NULL, &now) != 0 || !(now.sa_flags & SA_SIGINFO) || now.sa_sigaction != on_signal)
        return;
    installed[signo] = sigaction(signo, &before[signo], NULL) != 0;
}

/* ---- the name */

static bool pattern_is_sound(const char *pattern)
{
    if (pattern == NULL || pattern[0] == '\0')
        return false;
    for (const char *at = strchr(pattern, '%'); at != NULL; at = strchr(at + 2, '%'))
        if (at[1] == '\0' || strchr("pnt%", at[1]) == NULL)
            return false;
    return true;
}

static size_t expand(const struct watch *w, char what, char *out, size_t room)
{
    time_t now = time(NULL);
    struct tm utc;
    switch (what) {
    case 'p': return (size_t)snprintf(out, room, "%ld", (long)getpid());
    case 'n': return (size_t)snprintf(out, room, "%llu", (unsigned long long)w->sequence);
    case 't': return gmtime_r(&now, &utc) == NULL ? room : strftime(out, room, "%Y%m%dT%H%M%SZ", &utc);
    default: return (size_t)snprintf(out, room, "%%");
    }
}

/* The next path, to w->path; false when it is too long. */
static bool name_file(struct watch *w)
{
    size_t length = 0;
    w->sequence++;
    if (w->directory != NULL) {
        length = (size_t)snprintf(w->path, sizeof w->path, "%s/", w->directory);
        if (length >= sizeof w->path)
            return false;
    }
    for (const char *at = w->pattern; *at != '\0'; at++) {
        char part[32];
        size_t bytes = 1;
        part[0] = *at;
        if (*at == '%')
            bytes = expand(w, *++at, part, sizeof part);
        if (bytes >= sizeof part || length + bytes >= sizeof w->path)
            return false;
        memcpy(w->path + length, part, bytes);
        length += bytes;
    }
    w->path[length] = '\0';
    return true;
}

/* ---- the mutator */

static void tell(struct watch *w, enum mid_status status, int error)
{
    w->working = true;
    if (w->done != NULL)
        w->done(w->user, w->path, status, status == MID_E_IO ? error : 0);
    w->working = false;
}

/* True while the child is at work. */
static bool child_works(struct watch *w)
{
    struct timespec now;
    if (w->child == NULL)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long ms = (long)(now.tv_sec - w->looked.tv_sec) * 1000 + (now.tv_nsec - w->looked.tv_nsec) / 1000000;
    if (ms < LOOK_MS)
        return true;
    w->looked = now;
    if (mid_snapshot_child_poll(w->child) == MID_E_BUSY)
        return true;
    struct mid_snapshot_child *child = w->child;
    w->child = NULL;
    enum mid_status status = mid_snapshot_child_wait(child);
    tell(w, status, errno);
    return false;
}

static void begin(struct watch *w, struct mid_heap *heap)
{
    if (!name_file(w)) {
        tell(w, MID_E_IO, ENAMETOOLONG);
        return;
    }
    w->working = true;
    if (w->flags & MID_SNAPSHOT_FORKED) {
        enum mid_status status = mid_heap_write_snapshot_forked(heap, w->path, &w->options, &w->child);
        if (status == MID_OK) {
            w->working = false;
            clock_gettime(CLOCK_MONOTONIC, &w->looked);
            mid_heap_interrupt(heap); /* to come by again */
            return;
        }
    }
    enum mid_status status = mid_heap_write_snapshot(heap, w->path, &w->options);
    tell(w, status, errno);
}

static void at_safe_point(void *user, struct mid_heap *heap)
{
    struct watch *w = user;
    int saved = errno;
    if (w->working || child_works(w))
        mid_heap_interrupt(heap);
    else if (atomic_exchange(&w->asked, false)) /* with the store in the handler */
        begin(w, heap);
    errno = saved;
}

/* ---- on and off */

static struct watch *watch_of(const struct mid_heap *heap)
{
    struct watch *w = atomic_load(&first);
    while (w != NULL && atomic_load(&w->heap) != heap)
        w = w->next;
    return w;
}

/* A watch that nobody uses, on the list. The lock is held. */
static struct watch *spare(void)
{
    struct watch *w = watch_of(NULL);
    if (w != NULL)
        return w;
    w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->next = atomic_load(&first);
    atomic_store(&first, w); /* with the load in the handler */
    return w;
}

static void release(struct watch *w)
{
    free(w->directory);
    free(w->pattern);
    w->directory = w->pattern = NULL;
}

static enum mid_status fill(struct watch *w, const struct mid_snapshot_signal *wanted)
{
    w->flags = wanted->flags;
    mid_snapshot_options_init(&w->options);
    if (wanted->options != NULL)
        w->options = *wanted->options;
    w->options.flags |= MID_SNAPSHOT_NO_FOLLOW;
    w->done = wanted->done;
    w->user = wanted->user;
    w->sequence = 0;
    w->pattern = strdup(wanted->pattern);
    if (w->pattern == NULL)
        return MID_E_MEMORY;
    if (w->pattern[0] != '/' && (w->directory = getcwd(NULL, 0)) == NULL)
        return errno == ENOMEM ? MID_E_MEMORY : MID_E_IO;
    return MID_OK;
}

static bool is_sound(const struct mid_snapshot_signal *s)
{
    return s != NULL && s->struct_size == sizeof *s && s->signo > 0 && s->signo < NSIG &&
           (s->flags & ~MID_SNAPSHOT_FORKED) == 0 && pattern_is_sound(s->pattern) &&
           mid__snapshot_options_are_sound(s->options) && (s->options == NULL || s->options->figures == NULL);
}

enum mid_status mid_snapshot_on_signal(struct mid_heap *heap, const struct mid_snapshot_signal *wanted)
{
    if (heap == NULL || !is_sound(wanted))
        return MID_E_INVALID;
    enum mid_status status = MID_E_INVALID;
    pthread_mutex_lock(&lock);
    if (watch_of(heap) == NULL) {
        struct watch *w = spare();
        status = w == NULL ? MID_E_MEMORY : fill(w, wanted);
        if (status == MID_OK)
            status = mid_heap_on_interrupt(heap, at_safe_point, w);
        if (status == MID_OK && !install(wanted->signo)) {
            status = MID_E_IO;
            (void)mid_heap_off_interrupt(heap, at_safe_point, w);
        }
        if (status == MID_OK) {
            atomic_store(&w->asked, false);
            atomic_store(&w->signo, wanted->signo);
            atomic_store(&w->heap, heap); /* with the load in the handler: I1 */
        } else if (w != NULL) {
            release(w);
        }
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return status;
}

enum mid_status mid_snapshot_off_signal(struct mid_heap *heap)
{
    if (heap == NULL)
        return MID_E_INVALID;
    pthread_mutex_lock(&lock);
    struct watch *w = watch_of(heap);
    pthread_mutex_unlock(&lock);
    if (w == NULL)
        return MID_E_INVALID;
    if (w->child != NULL) {
        enum mid_status status = mid_snapshot_child_wait(w->child);
        w->child = NULL;
        tell(w, status, errno);
    }
    (void)mid_heap_off_interrupt(heap, at_safe_point, w);
    pthread_mutex_lock(&lock);
    release(w); /* before it is spare */
    int signo = atomic_load(&w->signo);
    atomic_store(&w->heap, NULL);
    uninstall(signo);
    while (atomic_load(&inside) != 0) /* I1 */
        sched_yield();
    pthread_mutex_unlock(&lock);
    return MID_OK;
}
