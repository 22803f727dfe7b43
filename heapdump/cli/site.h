/* SPDX-License-Identifier: MIT
 * Allocation sites: the table of `midden summary --by=site`, and how the stack of one object is shown. */
#ifndef MIDDEN_CLI_SITE_H
#define MIDDEN_CLI_SITE_H

#include "dump.h"

/* "parse (a.js:7) < load (a.js:3) < main": innermost first, as the bytes of the dump are: not harmless. */
void site_add_stack(const struct mid__graph *g, struct text *t, uint32_t site);

/* "allocated_at": [{"name","script","line","column"}...], innermost first; null where the site is MID__NO_SITE. */
void site_json(const struct mid__graph *g, struct json *j, uint32_t site);

/* The objects of the dump (those selected) by the site that allocated them, the greatest live bytes first. Ends the command with
 * status 2 when the dump has no sites. */
void site_print_all(struct dump *d, struct output *o, const struct options *options, size_t limit);

#endif
