/* SPDX-License-Identifier: MIT
 * Files that appear whole or not at all, several of them together (see files.c). */
#ifndef MIDDEN_CLI_FILES_H
#define MIDDEN_CLI_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FILES_MAX 8

struct file_set;

/* Prepares to write into `directory`, which is made where it is missing (its parent must exist). All functions end the
 * command with status 3 and one line on stderr when the system refuses; nothing is then left behind, neither a file
 * nor a directory that was made. The same on SIGINT, SIGTERM and SIGHUP. */
struct file_set *files_begin(const char *directory);

/* The same for one file at `path`, whose directory must be there; returns it, ready to be written. A device or a pipe is
 * written to as it is, and "-" is standard output. *set is for files_commit. */
FILE *files_single(const char *path, struct file_set **set);

/* Starts the next file; its name must have no slash. */
FILE *files_next(struct file_set *set, const char *name);

/* Puts all files in place, on the disk, and frees the set. */
void files_commit(struct file_set *set);

/* Removes what is not yet in place. Called by cli_die. Async-signal-safe. */
void files_abandon(void);

#endif
