/* SPDX-License-Identifier: MIT
 *
 * files.c: output files that are there whole or not at all.
 *
 * Every file of a set is written under a temporary name in the directory where it will stand, flushed and synced. Only
 * when all of them are on the disk are they renamed, one after the other, and the directory synced. A full disk, a
 * signal or any other failure before the renames removes the temporaries, and the directory if this run made it.
 *
 *     DIR/.dominator.u32.Xh3k9z   written, synced --+
 *     DIR/.retained.u64.Qq81Lw    written, synced --+--> renamed to DIR/dominator.u32, DIR/retained.u64
 *
 * I1. At every moment `pending` names each temporary that exists, so that a signal handler can remove it: a name is
 *     entered before its file is made and struck out after it is gone.
 *
 * Not done: the renames together are not atomic. A machine that stops between two of them leaves some files of the new
 * set beside some of an older one.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "text.h"

#define STDOUT_NAME "standard output"

struct file_set {
    const char *directory;
    char *own_directory; /* NULL, or `directory`, to be freed */
    FILE *open;
    bool direct; /* no file of a directory but a device or a pipe, which is written to as it is */
    size_t count;
    char *temporary[FILES_MAX], *final[FILES_MAX];
};

/* The signal handler's view; volatile pointers to strings that outlive their entry. */
static char *volatile pending[FILES_MAX];
static const char *volatile made_directory;

void files_abandon(void)
{
    int saved = errno;
    for (size_t i = 0; i < FILES_MAX; i++)
        if (pending[i] != NULL)
            unlink(pending[i]);
    if (made_directory != NULL)
        rmdir(made_directory);
    errno = saved;
}

static void on_signal(int number)
{
    files_abandon();
    signal(number, SIG_DFL);
    raise(number);
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGXFSZ};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction old, new = {.sa_handler = on_signal};
        sigemptyset(&new.sa_mask);
        if (numbers[i] == SIGXFSZ)
            new.sa_handler = SIG_IGN; /* a file over the limit is then a write that fails with EFBIG */
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &new, NULL);
    }
}

/* Makes the directory, or finds that it is there. */
static void want_directory(const char *directory)
{
    struct stat s;
    if (mkdir(directory, 0777) == 0) {
        made_directory = directory;
        return;
    }
    if (errno != EEXIST)
        cli_die(CLI_UNREADABLE, "%s: cannot make the directory: %s", cli_quote(directory), strerror(errno));
    if (stat(directory, &s) != 0 || !S_ISDIR(s.st_mode))
        cli_die(CLI_UNREADABLE, "%s: not a directory", cli_quote(directory));
}

struct file_set *files_begin(const char *directory)
{
    catch_signals();
    want_directory(directory);
    struct file_set *set = cli_allocate(1, sizeof *set);
    *set = (struct file_set){.directory = directory};
    return set;
}

static _Noreturn void refuse(const char *path)
{
    cli_die(CLI_UNREADABLE, "%s: cannot write: %s", cli_quote(path), strerror(errno));
}

/* Flushes and syncs the file under way, if any. */
static void finish(struct file_set *set)
{
    if (set->open == NULL)
        return;
    FILE *file = set->open;
    set->open = NULL;
    bool bad = fflush(file) != 0 || ferror(file) || (!set->direct && fsync(fileno(file)) != 0);
    if (fclose(file) != 0 || bad)
        refuse(set->final[set->count - 1]);
}

static char *join(const char *directory, const char *before, const char *name, const char *after)
{
    struct text t = {0};
    text_addf(&t, "%s/%s%s%s", directory, before, name, after);
    text_string(&t);
    return t.bytes;
}

FILE *files_next(struct file_set *set, const char *name)
{
    finish(set);
    size_t i = set->count++;
    set->final[i] = join(set->directory, "", name, "");
    set->temporary[i] = join(set->directory, ".", name, ".XXXXXX");
    /* mkstemp writes the name: until it has, unlink finds nothing by it. */
    pending[i] = set->temporary[i];
    int fd = mkstemp(set->temporary[i]);
    if (fd < 0)
        refuse(set->final[i]);
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(fd, 0666 & ~mask) != 0 || (set->open = fdopen(fd, "wb")) == NULL)
        refuse(set->final[i]);
    return set->open;
}

/* "a/b" is b in a, "b" is b in ".", "/b" is b in "/". */
static char *directory_of(const char *path, const char *name)
{
    size_t length = (size_t)(name - path);
    char *directory = cli_allocate(length + 2, 1);
    memcpy(directory, length != 0 ? path : ".", length != 0 ? length : 1);
    directory[length > 1 ? length - 1 : 1] = '\0';
    return directory;
}

FILE *files_single(const char *path, struct file_set **out)
{
    struct file_set *set = *out = cli_allocate(1, sizeof *set);
    if (strcmp(path, "-") == 0) {
        int fd = dup(STDOUT_FILENO);
        *set = (struct file_set){.direct = true, .directory = ".", .count = 1};
        set->final[0] = memcpy(cli_allocate(sizeof STDOUT_NAME, 1), STDOUT_NAME, sizeof STDOUT_NAME);
        if (fd < 0 || (set->open = fdopen(fd, "wb")) == NULL)
            refuse(set->final[0]);
        return set->open;
    }
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    struct stat s;
    bool there = stat(path, &s) == 0;
    *set = (struct file_set){.direct = there && !S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode)};
    if (name[0] == '\0' || (there && S_ISDIR(s.st_mode)))
        cli_die(CLI_UNREADABLE, "%s: cannot write: %s", cli_quote(path), strerror(EISDIR));
    set->directory = set->own_directory = directory_of(path, name);
    catch_signals();
    if (!set->direct)
        return files_next(set, name);
    set->final[set->count++] = join(set->directory, "", name, "");
    set->open = fopen(path, "wb");
    if (set->open == NULL)
        refuse(set->final[0]);
    return set->open;
}

static void sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* some file systems refuse this of directories; the files themselves are synced */
        close(fd);
    }
}

void files_commit(struct file_set *set)
{
    finish(set);
    made_directory = NULL;
    for (size_t i = 0; i < set->count; i++) {
        if (!set->direct && rename(set->temporary[i], set->final[i]) != 0)
            refuse(set->final[i]);
        pending[i] = NULL;
    }
    if (!set->direct)
        sync_directory(set->directory);
    for (size_t i = 0; i < set->count; i++) {
        free(set->temporary[i]);
        free(set->final[i]);
    }
    free(set->own_directory);
    free(set);
}
