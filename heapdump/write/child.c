/* SPDX-License-Identifier: MIT
 *
 * child.c: a snapshot written by a child of fork. The child has the graph as it was at that moment (pages are shared until
 * someone writes to them), so the program goes on while the child walks and writes.
 *
 *     program                                  child
 *     block signals, pipe, fork -------------> all signals stay blocked
 *     unblock, go on                           close what it has inherited, but for 0, 1, 2 and the pipe
 *     ...                                      write, as file.c does
 *     poll or wait: waitpid, read the pipe <-- report {status, errno, figures}; _exit
 *
 * Why so: a handler of the program must not run in the child, which is another program by then; a child that holds the
 * program's sockets open would keep its ports taken and its peers waiting; _exit runs no destructor and flushes no stream a
 * second time. The report comes by the pipe and not by the exit status: it is larger, and the program may have others
 * that wait for children (wait(), SIGCHLD ignored), so that the exit status is lost.
 *
 * I1  A report is read whole or not at all: it is smaller than PIPE_BUF. None: the child was killed, MID_E_IO, ECANCELED.
 * I2  Once poll or wait has told the outcome the child has been waited for: no zombie is left.
 *
 * Only this thread is in the child. The writer takes no lock but malloc's (which the C library puts in order) and, through a
 * heap's buffers, those of pools (which pthread_atfork does). The callbacks of a source and the describe and root callbacks
 * of a heap run there, too: a lock of the program's own that another thread held stays taken for ever in the child.
 */
#include <midden/internal/child.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct report {
    enum mid_status status;
    int error;
    struct mid_snapshot_figures figures;
};

struct mid_snapshot_child {
    pid_t pid;
    int fd; /* the pipe's end; readable when the child has reported or is gone */
    bool ended;
    struct report report;
    struct mid_snapshot_figures *figures;
};

_Static_assert(sizeof(struct report) <= PIPE_BUF, "a report is read whole or not at all");

/* ---- the child */

static void close_range_of(unsigned first, unsigned last)
{
#ifdef SYS_close_range
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
        return;
#endif
    long most = sysconf(_SC_OPEN_MAX);
    if (most < 0 || most > 65536)
        most = 65536;
    for (unsigned fd = first; fd <= last && fd < (unsigned)most; fd++)
        close((int)fd);
}

_Noreturn static void child(int fd, mid__child_fn write_it, void *user)
{
    struct report r = {.figures = {.struct_size = sizeof r.figures}};
    if (fd > 3)
        close_range_of(3, (unsigned)fd - 1);
    close_range_of((unsigned)fd + 1, UINT_MAX);
    errno = 0;
    r.status = write_it(user, &r.figures);
    r.error = errno;
    ssize_t n;
    do
        n = write(fd, &r, sizeof r);
    while (n < 0 && errno == EINTR);
    _exit(r.status == MID_OK ? 0 : 1);
}

/* ---- the parent */

static pid_t fork_quietly(int fd, mid__child_fn write_it, void *user)
{
    sigset_t all, before;
    sigfillset(&all);
    int error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error != 0) {
        errno = error;
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0)
        child(fd, write_it, user);
    error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return pid;
}

enum mid_status mid__child_start(mid__child_fn write_it, void *user, struct mid_snapshot_figures *figures,
                                 struct mid_snapshot_child **out)
{
    int ends[2], saved = errno;
    struct mid_snapshot_child *c = calloc(1, sizeof *c);
    if (c == NULL)
        return MID_E_MEMORY;
    c->figures = figures;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        int error = errno;
        free(c);
        errno = error;
        return MID_E_IO;
    }
    c->fd = ends[0];
    c->pid = fork_quietly(ends[1], write_it, user);
    int error = errno;
    close(ends[1]);
    if (c->pid < 0) {
        close(c->fd);
        free(c);
        errno = error;
        return MID_E_IO;
    }
    errno = saved;
    *out = c;
    return MID_OK;
}

/* The child is gone: what did it say? */
static void hear(struct mid_snapshot_child *c)
{
    ssize_t n;
    do
        n = read(c->fd, &c->report, sizeof c->report);
    while (n < 0 && errno == EINTR);
    c->ended = true;
    if (n != (ssize_t)sizeof c->report)
        c->report = (struct report){.status = MID_E_IO, .error = ECANCELED};
    if (c->report.status == MID_OK && c->figures != NULL)
        *c->figures = c->report.figures;
}

static enum mid_status outcome(struct mid_snapshot_child *c, int flags)
{
    int saved = errno;
    if (!c->ended) {
        pid_t pid;
        do
            pid = waitpid(c->pid, NULL, flags);
        while (pid < 0 && errno == EINTR);
        if (pid == 0) {
            errno = saved;
            return MID_E_BUSY;
        }
        hear(c);
    }
    errno = c->report.status == MID_E_IO ? c->report.error : saved;
    return c->report.status;
}

enum mid_status mid_snapshot_child_poll(struct mid_snapshot_child *child)
{
    return child == NULL ? MID_E_INVALID : outcome(child, WNOHANG);
}

enum mid_status mid_snapshot_child_wait(struct mid_snapshot_child *child)
{
    if (child == NULL)
        return MID_E_INVALID;
    enum mid_status status = outcome(child, 0);
    int error = errno;
    close(child->fd);
    free(child);
    errno = error;
    return status;
}

int mid_snapshot_child_fd(const struct mid_snapshot_child *child)
{
    return child->fd;
}

int mid_snapshot_child_pid(const struct mid_snapshot_child *child)
{
    return (int)child->pid;
}

/* ---- any source */

struct job {
    const char *path;
    const struct mid_snapshot_source *source;
    struct mid_snapshot_options options;
};

static enum mid_status write_source(void *user, struct mid_snapshot_figures *figures)
{
    struct job *job = user;
    job->options.figures = figures;
    return mid_snapshot_write_file(job->path, job->source, &job->options);
}

enum mid_status mid_snapshot_write_file_forked(const char *path, const struct mid_snapshot_source *source,
                                               const struct mid_snapshot_options *options,
                                               struct mid_snapshot_child **child)
{
    struct job job = {.path = path, .source = source};
    if (child == NULL || path == NULL || source == NULL || !mid__snapshot_options_are_sound(options))
        return MID_E_INVALID;
    *child = NULL;
    mid_snapshot_options_init(&job.options);
    if (options != NULL)
        job.options = *options;
    return mid__child_start(write_source, &job, job.options.figures, child);
}
