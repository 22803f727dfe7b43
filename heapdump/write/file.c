/* SPDX-License-Identifier: MIT
 *
 * file.c: a snapshot as a file that is whole or absent. A dump of a heap holds what the program holds (keys, passwords),
 * so it is private from its first byte; and it is written when things go badly, so a full disk, a limit or a kill is
 * the normal case.
 *
 *     open      an unnamed file in the directory of the target (O_TMPFILE): gone when the process is. Where the file
 *               system has none, or /proc is not mounted: "target.XXXXXX", mode 0600
 *     write     through write(2)
 *     fsync     unless MID_SNAPSHOT_NO_SYNC
 *     link      the unnamed file gets the name "target.XXXXXX", for link(2) does not replace
 *     close     may still report what a network file system could not store
 *     rename    the target is replaced in one step; then the directory is synced, as well as it can be
 *
 * A target that exists and is no regular file is written to directly: a rename would replace the device. With
 * MID_SNAPSHOT_NO_FOLLOW (a name that others can foresee, in a directory that they can write to) it is refused instead, and a
 * symbolic link is replaced: whoever has put it there gets neither the snapshot nor a file of ours overwritten.
 *
 * I1  Until the rename the target is untouched; after any failure no name is left that this file made.
 * I2  errno is that of the first failure.
 */
#include <midden/internal/sys.h>
#include <midden/snapshot.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINK_TRIES = 100 };

struct target {
    int fd;
    bool direct;          /* no regular file: nothing to rename */
    bool unnamed;         /* made with O_TMPFILE */
    char path[PATH_MAX];  /* where the file goes, links resolved */
    char other[PATH_MAX]; /* the temporary's name, empty while it has none */
};

static ptrdiff_t write_to(void *user, const void *data, size_t bytes)
{
    const struct target *t = user;
    ssize_t n;
    do
        n = write(t->fd, data, bytes);
    while (n < 0 && errno == EINTR);
    return n;
}

static bool take_path(struct target *t, const char *path)
{
    size_t bytes = strlen(path);
    if (bytes == 0 || path[bytes - 1] == '/') {
        errno = bytes == 0 ? ENOENT : EISDIR;
        return false;
    }
    if (bytes >= sizeof t->path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(t->path, path, bytes + 1);
    return true;
}

/* The path itself: what is there may only be a regular file or a link, which is replaced. */
static bool resolve_no_link(struct target *t, const char *path)
{
    struct stat s;
    if (!take_path(t, path))
        return false;
    if (lstat(path, &s) != 0)
        return errno == ENOENT;
    if (S_ISREG(s.st_mode) || S_ISLNK(s.st_mode))
        return true;
    errno = S_ISDIR(s.st_mode) ? EISDIR : EEXIST;
    return false;
}

/* Finds out what `path` names and fills in t->path. */
static bool resolve(struct target *t, const char *path)
{
    struct stat s;
    if (stat(path, &s) == 0) {
        t->direct = !S_ISREG(s.st_mode);
        if (S_ISDIR(s.st_mode)) {
            errno = EISDIR;
            return false;
        }
        return realpath(path, t->path) != NULL;
    }
    if (errno != ENOENT)
        return false;
    return take_path(t, path); /* nothing there, or a link that leads nowhere, which the snapshot will replace */
}

/* The directory of t->path, through `directory` of PATH_MAX bytes. */
static const char *directory_of(const struct target *t, char *directory)
{
    const char *slash = strrchr(t->path, '/');
    if (slash == NULL)
        return ".";
    size_t bytes = slash == t->path ? 1 : (size_t)(slash - t->path);
    memcpy(directory, t->path, bytes);
    directory[bytes] = '\0';
    return directory;
}

static bool name_temporary(struct target *t, const char *suffix)
{
    int n = snprintf(t->other, sizeof t->other, "%s.%s", t->path, suffix);
    if (n > 0 && (size_t)n < sizeof t->other)
        return true;
    t->other[0] = '\0';
    errno = ENAMETOOLONG;
    return false;
}

static bool open_unnamed(struct target *t)
{
    char directory[PATH_MAX];
    if (access("/proc/self/fd", X_OK) != 0)
        return false;
    t->fd = open(directory_of(t, directory), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    t->unnamed = t->fd >= 0;
    return t->unnamed;
}

static bool open_target(struct target *t)
{
    if (t->direct) {
        t->fd = open(t->path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
        return t->fd >= 0;
    }
    if (open_unnamed(t))
        return true;
    if (!name_temporary(t, "XXXXXX"))
        return false;
    t->fd = mkostemp(t->other, O_CLOEXEC);
    if (t->fd < 0)
        t->other[0] = '\0';
    return t->fd >= 0;
}

/* Gives the unnamed file a name of its own. */
static bool give_name(struct target *t)
{
    char link[32], suffix[16];
    snprintf(link, sizeof link, "/proc/self/fd/%d", t->fd);
    for (int i = 0; i < LINK_TRIES; i++) {
        uint64_t random = (mid__sys_now_ns() + (uint64_t)i) * 0x9e3779b97f4a7c15u + (uint64_t)getpid();
        snprintf(suffix, sizeof suffix, "%06x", (unsigned)(random >> 40));
        if (!name_temporary(t, suffix))
            return false;
        if (linkat(AT_FDCWD, link, AT_FDCWD, t->other, AT_SYMLINK_FOLLOW) == 0)
            return true;
        t->other[0] = '\0';
        if (errno != EEXIST)
            return false;
    }
    return false;
}

static void sync_directory(const struct target *t)
{
    char directory[PATH_MAX];
    int saved = errno, fd = open(directory_of(t, directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    errno = saved;
}

/* Everything is written. Closes the file in any case. */
static bool commit(struct target *t, bool sync)
{
    bool ok = true;
    if (!t->direct) {
        ok = !sync || fsync(t->fd) == 0;
        if (ok && t->unnamed)
            ok = give_name(t);
    }
    int error = errno;
    if (close(t->fd) != 0 && ok) {
        ok = false;
        error = errno;
    }
    t->fd = -1;
    errno = error;
    if (!ok || t->direct)
        return ok;
    if (rename(t->other, t->path) != 0)
        return false;
    t->other[0] = '\0';
    if (sync)
        sync_directory(t);
    return true;
}

/* Removes what a failed write left, errno kept. */
static void undo(struct target *t)
{
    int saved = errno;
    if (t->fd >= 0)
        close(t->fd);
    if (t->other[0] != '\0')
        unlink(t->other);
    errno = saved;
}

enum mid_status mid_snapshot_write_file(const char *path, const struct mid_snapshot_source *source,
                                        const struct mid_snapshot_options *options)
{
    if (path == NULL)
        return MID_E_INVALID;
    int saved = errno;
    struct target t = {.fd = -1};
    enum mid_status status = MID_E_IO;
    bool follow = options == NULL || (options->flags & MID_SNAPSHOT_NO_FOLLOW) == 0;
    if ((follow ? resolve(&t, path) : resolve_no_link(&t, path)) && open_target(&t)) {
        status = mid_snapshot_write_stream(write_to, &t, source, options);
        if (status == MID_OK && !commit(&t, options == NULL || (options->flags & MID_SNAPSHOT_NO_SYNC) == 0))
            status = MID_E_IO;
    }
    if (status != MID_OK) {
        undo(&t);
        return status;
    }
    errno = saved;
    return MID_OK;
}
