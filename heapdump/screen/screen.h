/* SPDX-License-Identifier: MIT
 * The terminal interface as a whole (see screen.c); MID_HAVE_NCURSES says that the build has it. */
#ifndef MIDDEN_SCREEN_SCREEN_H
#define MIDDEN_SCREEN_SCREEN_H

#include <midden/internal/index.h>

#include "cli.h"

struct screen_request {
    const char *path, *old_path; /* old_path NULL: one snapshot, no comparison */
    enum color_when color;
    const char *where; /* an expression whose objects are shown first, or NULL */
    bool exact; /* sizes in bytes */
    unsigned threads; /* see mid__graph_options */
    const struct mid__index_options *index; /* see index_options */
};

/* Runs until the user leaves. Ends the command with one line when there is no terminal (status 2), or when a snapshot
 * cannot be read (status 3). */
#ifdef MID_HAVE_NCURSES
enum cli_status screen_run(const struct screen_request *request);
#else
static inline enum cli_status screen_run(const struct screen_request *request)
{
    (void)request;
    cli_die(CLI_USAGE, "view: this midden was built without ncurses");
}
#endif

#endif
