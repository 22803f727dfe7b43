/* SPDX-License-Identifier: MIT
 * The terminal: opened, drawn on, listened to, and always restored (see terminal.c). There is one of it. */
#ifndef MIDDEN_SCREEN_TERMINAL_H
#define MIDDEN_SCREEN_TERMINAL_H

#include "cli.h"

/* How a piece of a line looks. Without colour they differ in weight alone. */
enum ink { INK_PLAIN, INK_TITLE, INK_DIM, INK_NAME, INK_FIELD, INK_BAR, INK_MORE, INK_LESS, INK_KEY, INKS };

enum press {
    PRESS_NONE, /* nothing came in time */
    PRESS_WAKE, /* terminal_wake() was called */
    PRESS_RESIZE,
    PRESS_CHARACTER, /* `character`, printable */
    PRESS_UP,
    PRESS_DOWN,
    PRESS_LEFT,
    PRESS_RIGHT,
    PRESS_HOME,
    PRESS_END,
    PRESS_PAGE_UP,
    PRESS_PAGE_DOWN,
    PRESS_ENTER,
    PRESS_BACKSPACE,
    PRESS_ESCAPE,
    PRESS_TAB,
    PRESS_HELP,
    PRESS_ERASE,  /* Ctrl-U */
    PRESS_REDRAW, /* Ctrl-L */
    PRESS_CLICK,  /* at `row`, `column` */
    PRESS_WHEEL_UP,
    PRESS_WHEEL_DOWN
};

struct event {
    enum press press;
    uint32_t character;
    size_t row, column;
};

/* Takes the terminal over. Ends the command with status 2 and one line when stdin or stdout is none, or TERM names none
 * that can be drawn on. */
void terminal_open(enum color_when color);

/* Gives it back as it was. May be called at any time, and again. */
void terminal_close(void);

/* True when the terminal shows ASCII alone. */
bool terminal_is_ascii(void);
size_t terminal_rows(void);
size_t terminal_columns(void);

/* Waits for a key, at most `milliseconds` (-1: for ever). SIGINT, SIGTERM and SIGHUP end the process from in here, with
 * the terminal restored; SIGTSTP suspends it. */
struct event terminal_wait(int milliseconds);

/* Makes terminal_wait return. From any thread. */
void terminal_wake(void *unused);

/* Drawing: pieces of harmless text from left to right, which must fit. `selected` turns colours round. */
void terminal_erase(void);
void terminal_move(size_t row, size_t column);
void terminal_put(enum ink ink, bool selected, const char *bytes, size_t length);
void terminal_show(void);   /* brings to the screen what was drawn */
void terminal_redraw(void); /* the next show draws all anew */

#endif
