/* SPDX-License-Identifier: MIT
 * The formats of `midden export` that have a file of their own. */
#ifndef MIDDEN_CLI_EXPORT_H
#define MIDDEN_CLI_EXPORT_H

#include "comparison.h"

/* Each writes one file, whole or not at all; the command ends with status 3 when it cannot. The dump has classes with
 * retained sizes; for the page also distances and the dominator tree. `c` NULL: one snapshot, nothing is compared. */
void export_csv(struct dump *d, const struct comparison *c, const char *path);
void export_html(struct dump *d, const struct comparison *c, const char *path);

#endif
