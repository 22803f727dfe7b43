/* SPDX-License-Identifier: MIT
 *
 * index_place.c: which dump an index is of, where indexes lie, and which of them the user's own midden left.
 *
 * A dump is known by its size, its time of change and a checksum over samples of its content: both ends and 62 places
 * between. Copying it keeps its name and may keep its time; writing another over it changes the samples.
 *
 * Places: FILE.midden beside the dump; where that directory cannot be written, $XDG_CACHE_HOME/midden/KEY.midden. A
 * directory that the user named is used alone, by KEY: the same for all dumps of one name.
 *
 * Notes: after midden has written an index, or has gone through all of it, it leaves a note in
 * $XDG_CACHE_HOME/midden/vouched, named by device and inode, with the header's checksum, the size and the times of
 * change of content and inode. The kernel moves the last with every change and nobody can set it, so that a note which
 * fits says: this is still that file. The directory is the user's alone, or notes are neither read nor written: then
 * every opening goes through the whole index.
 */
#include "index_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAMPLES      64
#define SAMPLE_BYTES 4096

bool index_key_of(int fd, struct index_key *key)
{
    unsigned char part[SAMPLE_BYTES];
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
        return false;
    *key = (struct index_key){(uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec, {1, 2}};
    uint64_t last = key->bytes > SAMPLE_BYTES ? key->bytes - SAMPLE_BYTES : 0;
    for (uint64_t i = 0; i < SAMPLES; i++) {
        ssize_t n = pread(fd, part, sizeof part, (off_t)(last / (SAMPLES - 1) * i + last % (SAMPLES - 1) * i / (SAMPLES - 1)));
        if (n <= 0)
            return false;
        uint64_t h = index_hash(part, (uint64_t)n);
        key->sample[0] = (key->sample[0] ^ h) * 0x9e3779b97f4a7c15u;
        key->sample[1] = ((key->sample[1] << 5 | key->sample[1] >> 59) ^ h) * 0xbf58476d1ce4e5b9u;
    }
    return true;
}

/* ---- places */

/* The user's cache directory, or NULL. Written to `to` where it is $HOME's. */
static const char *cache_home(char to[4096])
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache != NULL && cache[0] == '/')
        return cache;
    if (home == NULL || home[0] != '/' || snprintf(to, 4096, "%s/.cache", home) >= 4096)
        return NULL;
    return to;
}

static bool name_by_key(char to[4096], const char *directory, const char *below, const struct index_key *key)
{
    return snprintf(to, 4096, "%s%s/%016llx%016llx.midden", directory, below, (unsigned long long)key->sample[0],
                    (unsigned long long)(key->sample[1] ^ key->bytes * 0x94d049bb133111ebu)) < 4096;
}

unsigned index_places(const char *path, const struct index_key *key, const struct mid__index_options *options,
                      char place[INDEX_PLACES][4096])
{
    char home[4096];
    if (options->directory != NULL)
        return name_by_key(place[0], options->directory, "", key);
    unsigned count = snprintf(place[0], 4096, "%s.midden", path) < 4096;
    const char *cache = cache_home(home);
    return count + (cache != NULL && name_by_key(place[count], cache, "/midden", key));
}

/* ---- notes */

bool index_note_of(int fd, const struct index_header *h, struct index_note *note)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return false;
    *note = (struct index_note){(uint64_t)st.st_dev, (uint64_t)st.st_ino, (uint64_t)st.st_size,
                                {(uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec},
                                {(uint64_t)st.st_ctim.tv_sec, (uint64_t)st.st_ctim.tv_nsec}, h->hash};
    return true;
}

void index_directory_of(const char *place, char directory[4096])
{
    snprintf(directory, 4096, "%s", place);
    char *slash = strrchr(directory, '/');
    if (slash == NULL)
        snprintf(directory, 4096, ".");
    else
        slash[slash == directory] = '\0';
}

/* Makes the directories that `path` goes through, but not its last part; for the user alone. */
bool index_make_way(const char *path)
{
    char part[4096];
    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        size_t bytes = (size_t)(slash - path);
        if (bytes >= sizeof part)
            return false;
        memcpy(part, path, bytes);
        part[bytes] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return false;
    }
    return true;
}

/* $XDG_CACHE_HOME/midden/vouched, made where it is wanted and missing; -1 unless it is the user's alone. */
static int open_notes(bool make)
{
    char home[4096], path[4096];
    struct stat st;
    const char *cache = cache_home(home);
    if (cache == NULL || snprintf(path, sizeof path, "%s/midden/vouched/", cache) >= (int)sizeof path ||
        (make && !index_make_way(path)))
        return -1;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 077) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void name_note(char to[48], const struct index_note *note)
{
    snprintf(to, 48, "%llx-%llx", (unsigned long long)note->device, (unsigned long long)note->inode);
}

bool index_vouched(const struct index_note *now)
{
    struct index_note then;
    char name[48];
    int notes = open_notes(false);
    if (notes < 0)
        return false;
    name_note(name, now);
    int file = openat(notes, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool same = file >= 0 && read(file, &then, sizeof then) == (ssize_t)sizeof then && memcmp(now, &then, sizeof then) == 0;
    if (file >= 0)
        close(file);
    close(notes);
    return same;
}

void index_vouch(const struct index_note *note)
{
    char name[48];
    int notes = open_notes(true);
    if (notes < 0)
        return;
    name_note(name, note);
    int file = openat(notes, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file >= 0 && write(file, note, sizeof *note) != (ssize_t)sizeof *note)
        unlinkat(notes, name, 0);
    if (file >= 0)
        close(file);
    close(notes);
}
