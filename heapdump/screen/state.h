/* SPDX-License-Identifier: MIT
 * What the files of the screen share. */
#ifndef MIDDEN_SCREEN_STATE_H
#define MIDDEN_SCREEN_STATE_H

#include "analysis.h"
#include "line.h"
#include "screen.h"
#include "text.h"
#include "view.h"

enum prompt { PROMPT_NONE, PROMPT_SEARCH, PROMPT_ID, PROMPT_FIND };
enum overlay { OVERLAY_NONE, OVERLAY_HELP, OVERLAY_WARNINGS };

/* Columns of one row that do what a key does when they are clicked. */
struct zone {
    size_t row, from, to;
    char key;
};
#define ZONES 40

struct screen {
    const struct screen_request *request;
    const char *title; /* of the snapshot, harmless */
    struct analysis *analysis;
    struct analysis_state state; /* as of the last look */
    struct view view;
    bool exact, quit;

    enum prompt prompt;
    struct mid__title typed; /* into the prompt */
    size_t origin;           /* the row where the search began */
    bool searching;          /* in steps, between keys */
    const char *message;     /* for the status line, or NULL; gone with the next key */

    enum overlay overlay;
    size_t overlay_top;

    /* where things were drawn */
    size_t body_row, body_height;
    struct zone zones[ZONES];
    size_t zone_count;
    struct text text;        /* figures */
    struct mid__title label; /* of breadcrumbs */
};

/* draw.c */
void draw(struct screen *s);
void draw_zone(struct screen *s, size_t row, size_t from, size_t to, char key);

/* rows.c: the table of the page from s->body_row on */
void rows_header(struct screen *s, size_t row);
void rows_draw(struct screen *s);

/* overlay.c: a list of lines over all, scrolled with the usual keys */
void overlay_draw(struct screen *s);
bool overlay_key(struct screen *s, const struct event *e); /* false: the key closes it */

/* keys.c */
void keys_take(struct screen *s, const struct event *e);
void keys_search_step(struct screen *s);

#endif
