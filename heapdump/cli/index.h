/* SPDX-License-Identifier: MIT
 * When indexes of dumps are used and written (see index.c). */
#ifndef MIDDEN_CLI_INDEX_H
#define MIDDEN_CLI_INDEX_H

#include <midden/internal/index.h>

#include "progress.h"

struct options;

/* Settles by the options and the environment where indexes may be. Once, before a dump is opened. */
void index_choose(const struct options *options);

/* For mid__graph_options.index; NULL: no index is wanted. */
const struct mid__index_options *index_options(void);

/* `parts`, and what an index to be written wants besides and is best computed with them: distances need the edges, which are
 * still in memory then. */
unsigned index_parts(const struct mid__graph *graph, unsigned parts);

/* After the answer was given: writes an index of the dump for the next time, where it is worth one. The graph must have its
 * figures, or nothing is done; missing parts are computed. Failing is no failure of the command, and says nothing. */
void index_keep(struct mid__graph *graph, const char *path, struct progress *progress);

#endif
