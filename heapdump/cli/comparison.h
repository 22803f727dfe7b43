/* SPDX-License-Identifier: MIT
 * Two snapshots compared for a page or a table: the rows by class, and which objects of the newer one are new (see
 * comparison.c). */
#ifndef MIDDEN_CLI_COMPARISON_H
#define MIDDEN_CLI_COMPARISON_H

#include <midden/internal/diff.h>

#include "diff_series.h"

struct comparison {
    const char *old_path, *old_title;
    struct diff_side old;
    struct mid__diff *diff;
    uint8_t *is_new; /* [node_count] of the newer snapshot */
};

/* Compares the two and leaves the newer open in *d with `parts`, its interfaces and what options select; it is read
 * twice for that, so that one snapshot alone is in memory. */
void comparison_open(struct comparison *c, struct dump *d, const struct options *options, const char *old_path,
                     const char *new_path, unsigned parts);
void comparison_close(struct comparison *c);

#endif
