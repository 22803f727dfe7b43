/* SPDX-License-Identifier: MIT
 *
 * progress.c: a line on stderr, rewritten ten times a second, only where a person looks (stderr is a terminal that is
 * not dumb) and only once the work has taken half a second. It is wiped before anything else is written.
 */
#include "progress.h"

#include <midden/internal/sys.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAR_COLUMNS 24u

void progress_begin(struct progress *p, const char *what)
{
    const char *term = getenv("TERM");
    *p = (struct progress){.what = what, .start_ns = mid__sys_now_ns()};
    p->terminal = isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

void progress_show(struct progress *p, const char *stage, uint64_t done, uint64_t total)
{
    if (!p->terminal)
        return;
    uint64_t now = mid__sys_now_ns();
    if (!progress_is_due(p, now))
        return;
    p->last_ns = now;
    p->shown = true;
    char bar[BAR_COLUMNS + 1] = "";
    if (total != 0) {
        unsigned filled = (unsigned)((double)(done < total ? done : total) / (double)total * BAR_COLUMNS);
        memset(bar, '.', BAR_COLUMNS);
        memset(bar, '#', filled);
        bar[BAR_COLUMNS] = '\0';
        fprintf(stderr, "\r\x1b[K%s: %s [%s] %3u %%", p->what, stage, bar, (unsigned)(100.0 * (double)done / (double)total));
    } else {
        fprintf(stderr, "\r\x1b[K%s: %s", p->what, stage);
    }
    fflush(stderr);
}

void progress_end(struct progress *p)
{
    if (p->shown)
        fputs("\r\x1b[K", stderr);
    p->shown = false;
}
