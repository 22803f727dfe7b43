/* SPDX-License-Identifier: MIT
 * The regular files below some directories, in a fixed order. */
#ifndef CONCORDANCE_FILES_H
#define CONCORDANCE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct files {
    char **path;
    uint64_t *bytes;
    uint32_t count, capacity;
    uint64_t total_bytes;
};

/* Adds every regular file below `path`, in order of name; passes over what begins with a dot, folders named "build" or
 * "node_modules", and links. A file given by name is taken as it is. On failure says why on stderr and returns false. */
bool files_add(struct files *files, const char *path);
void files_clear(struct files *files);

#endif
