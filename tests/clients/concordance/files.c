/* SPDX-License-Identifier: MIT
 *
 * files.c: which files the program reads. Uses the C library's fts; keeps no file open.
 */
#include "files.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool keep(struct files *files, const FTSENT *entry)
{
    if (files->count == files->capacity) {
        uint32_t wider = files->capacity == 0 ? 64 : 2 * files->capacity;
        char **path = realloc(files->path, wider * sizeof *path);
        if (path != NULL)
            files->path = path;
        uint64_t *bytes = realloc(files->bytes, wider * sizeof *bytes);
        if (bytes != NULL)
            files->bytes = bytes;
        if (path == NULL || bytes == NULL)
            return false;
        files->capacity = wider;
    }
    if ((files->path[files->count] = strdup(entry->fts_path)) == NULL)
        return false;
    files->bytes[files->count++] = (uint64_t)entry->fts_statp->st_size;
    files->total_bytes += (uint64_t)entry->fts_statp->st_size;
    return true;
}

static bool passed_over(const FTSENT *entry)
{
    const char *name = entry->fts_name;
    return entry->fts_level > 0 && (name[0] == '.' || strcmp(name, "build") == 0 || strcmp(name, "node_modules") == 0);
}

bool files_add(struct files *files, const char *path)
{
    char *roots[] = {(char *)(uintptr_t)path, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    bool ok = tree != NULL;
    for (FTSENT *entry; ok && (entry = fts_read(tree)) != NULL;) {
        if (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR) {
            errno = entry->fts_errno;
            ok = entry->fts_level > 0; /* below the root a place that we may not read is passed over */
            fprintf(stderr, "concordance: %s: %s\n", entry->fts_path, strerror(entry->fts_errno));
        } else if (passed_over(entry)) {
            fts_set(tree, entry, FTS_SKIP);
        } else if (entry->fts_info == FTS_F && !keep(files, entry)) {
            fprintf(stderr, "concordance: out of memory for the names of the files\n");
            ok = false;
        }
    }
    if (tree != NULL)
        fts_close(tree);
    return ok;
}

void files_clear(struct files *files)
{
    for (uint32_t i = 0; i < files->count; i++)
        free(files->path[i]);
    free(files->path);
    free(files->bytes);
    *files = (struct files){0};
}
