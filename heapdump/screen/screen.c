/* SPDX-License-Identifier: MIT
 *
 * screen.c: the terminal interface as a whole: what the analysis has found so far, drawn; then a key; and again.
 *
 * What it does not do: compute (heapdump/view and heapdump/graph), talk to the terminal (terminal.c).
 */
#include "screen.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state.h"

static _Noreturn void fail(struct screen *s, const char *path, const struct mid__graph_error *error)
{
    char line[512];
    (void)s;
    mid__graph_error_line(error, line, sizeof line);
    cli_die(CLI_UNREADABLE, "%s: %s", cli_quote(path), line);
}

/* Takes over what the analysis has made since the last look. */
static void look(struct screen *s)
{
    enum analysis_stage before = s->state.stage;
    enum mid_status status = MID_OK;
    if (before == ANALYSIS_COMPLETE)
        return;
    analysis_look(s->analysis, &s->state);
    if (s->state.stage == ANALYSIS_FAILED)
        fail(s, s->state.path, &s->state.error);
    if (s->state.stage == ANALYSIS_CLASSES && before == ANALYSIS_READING)
        status = view_begin(&s->view, s->state.first, s->state.total_size);
    if (s->state.stage == ANALYSIS_COMPLETE) {
        s->searching = false;
        status = view_complete(&s->view, s->state.graph, s->state.classes, s->state.compare);
        if (s->state.graph->warning_count != 0)
            s->message = "the reader has warnings: w shows them";
        if (status == MID_OK && s->request->where != NULL)
            s->message = view_find(&s->view, s->request->where, strlen(s->request->where));
    }
    if (status != MID_OK)
        cli_die(CLI_UNREADABLE, "out of memory");
}

static void check_memory(const struct screen *s)
{
    if (s->view.text.failed || s->view.search.folded.failed || s->view.search.query.failed || s->typed.failed ||
        s->label.failed)
        cli_die(CLI_UNREADABLE, "out of memory");
}

static void run(struct screen *s)
{
    while (!s->quit) {
        look(s);
        draw(s);
        check_memory(s);
        struct event e = terminal_wait(s->searching ? 0 : -1);
        if (e.press != PRESS_NONE || !s->searching)
            keys_take(s, &e);
        if (s->searching)
            keys_search_step(s);
    }
}

static void release(struct screen *s)
{
    view_free(&s->view);
    analysis_free(s->analysis);
    text_free(&s->text);
    mid__title_free(&s->typed);
    mid__title_free(&s->label);
    free((void *)(uintptr_t)s->title);
}

enum cli_status screen_run(const struct screen_request *request)
{
    struct screen s = {.request = request, .exact = request->exact};
    struct analysis_request analysis = {.path = request->path, .old_path = request->old_path,
                                        .threads = request->threads, .index = request->index, .wake = terminal_wake};
    terminal_open(request->color);
    s.title = strdup(cli_quote(request->path));
    if (s.title == NULL || analysis_start(&analysis, &s.analysis) != MID_OK)
        cli_die(CLI_UNREADABLE, "out of memory");
    run(&s);
    terminal_close();
    if (s.state.stage != ANALYSIS_COMPLETE)
        _exit(CLI_FINE); /* at once: the thread is in the middle of its work, which nobody wants any more */
    release(&s);
    return CLI_FINE;
}
