/* SPDX-License-Identifier: MIT
 *
 * index.c: when the command uses an index, and when it leaves one.
 *
 * The policy. A dump whose JSON has 64 MB or more gets an index beside it (else in the cache directory) when a verb has
 * computed its figures, after the answer is out: the first question costs a few seconds more at the end, all others
 * none. Smaller ones are read faster than files are looked after. With --index=DIR, or a directory in MIDDEN_INDEX, the
 * index lies there, whatever the dump's size; with --no-index or MIDDEN_INDEX=no none is read or written.
 *
 * What the user asked for has been answered by then, so that no trouble with an index (a full disk, a directory that
 * cannot be written, Ctrl-C) is an error; only who asked for one with --index is told.
 */
#include "index.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define LEAST_BYTES ((uint64_t)64000000)

static struct mid__index_options chosen;
static bool wanted, asked; /* asked: by --index, so that it is told when there is none */

void index_choose(const struct options *options)
{
    const char *words = getenv("MIDDEN_INDEX");
    const char *directory = options->index_directory != NULL        ? options->index_directory
                            : words != NULL && strcmp(words, "no") != 0 && words[0] != '\0' ? words
                                                                                              : NULL;
    asked = options->index_directory != NULL;
    wanted = !options->no_index && (options->index_directory != NULL || words == NULL || strcmp(words, "no") != 0);
    chosen = (struct mid__index_options){.directory = directory, .least_bytes = directory == NULL ? LEAST_BYTES : 0};
}

const struct mid__index_options *index_options(void)
{
    return wanted ? &chosen : NULL;
}

unsigned index_parts(const struct mid__graph *graph, unsigned parts)
{
    bool keep = wanted && (parts & MID__PART_RETAINED) && mid__index_possible(graph);
    return keep ? parts | MID__PARTS_FIGURES : parts;
}

void index_keep(struct mid__graph *graph, const char *path, struct progress *progress)
{
    struct mid__graph_error error;
    if (!wanted || graph == NULL || graph->retained == NULL || !mid__index_possible(graph))
        return;
    progress_begin(progress, "index");
    bool good = mid__graph_analyze(graph, MID__INDEX_PARTS, &error) == MID_OK &&
                mid__index_write(graph, path, &error) == MID_OK;
    progress_end(progress);
    if (!good && asked)
        cli_warn("%s: no index: %s", cli_quote(chosen.directory), error.message);
}
