/* SPDX-License-Identifier: MIT
 *
 * terminal.c: the one file that knows curses. It takes the terminal over with newterm (initscr would end the process by
 * itself), listens, and gives it back whatever happens.
 *
 * Signals only write their number into a pipe; all that they ask for is done in terminal_wait, where curses is at rest:
 *
 *     SIGINT SIGTERM SIGHUP    restore, then die of the same signal, so that the shell knows
 *     SIGTSTP                  restore, stop; after SIGCONT take over again and draw all anew
 *     SIGWINCH                 tell curses the new size
 *     (0, from a thread)       PRESS_WAKE
 *
 * I1. Between terminal_open and terminal_close nothing is written to the terminal but by curses.
 * I2. Text comes here harmless (text.h). curses is never handed a control character.
 */
#include "terminal.h"

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"

#include <term.h> /* last: it makes macros of common words */

#define ESCAPE_MS 50 /* a key's bytes come within this time */

static struct {
    SCREEN *screen;
    bool ascii, color, active;
    int pipe[2];
} the = {.pipe = {-1, -1}};

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH};
#define SIGNALS (sizeof signals / sizeof signals[0])

/* ---- signals */

static void on_signal(int number)
{
    int kept = errno;
    unsigned char byte = (unsigned char)number;
    if (write(the.pipe[1], &byte, 1) < 0) {
        /* the pipe is full: there is enough to wake up for */
    }
    errno = kept;
}

void terminal_wake(void *unused)
{
    (void)unused;
    on_signal(0);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < SIGNALS; i++) {
        struct sigaction before;
        bool ignored = sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN;
        if (!ignored || signals[i] == SIGWINCH)
            sigaction(signals[i], &action, NULL);
    }
}

/* Lets the signal do what it does to programs that do not catch it. */
static void deliver(int number)
{
    sigset_t one;
    signal(number, SIG_DFL);
    sigemptyset(&one);
    sigaddset(&one, number);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    raise(number);
}

/* ---- opening and closing */

static bool has_capability(const char *name)
{
    const char *value = tigetstr(name);
    return value != NULL && value != (const char *)-1;
}

static bool can_be_drawn_on(void)
{
    int error;
    if (setupterm(NULL, STDOUT_FILENO, &error) != OK)
        return false;
    bool can = has_capability("cup") && has_capability("clear");
    del_curterm(cur_term); /* newterm makes its own */
    return can;
}

static void check_terminal(void)
{
    const char *term = getenv("TERM");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        cli_die(CLI_USAGE, "view needs a terminal, and standard %s is none (see summary, top, tree)",
                isatty(STDIN_FILENO) ? "output" : "input");
    if (term == NULL || term[0] == '\0')
        cli_die(CLI_USAGE, "view needs a terminal, and TERM is not set");
    if (strcmp(term, "dumb") == 0 || !can_be_drawn_on())
        cli_die(CLI_USAGE, "view cannot draw on this terminal (TERM=%s)", cli_quote(term));
}

static bool wants_color(enum color_when when)
{
    const char *no = getenv("NO_COLOR");
    if (when != COLOR_AUTO)
        return when == COLOR_ALWAYS && has_colors();
    return has_colors() && !(no != NULL && no[0] != '\0');
}

static void choose_colors(void)
{
    static const short fore[INKS] = {-1, -1, -1, COLOR_GREEN, COLOR_CYAN, COLOR_BLUE, COLOR_RED, COLOR_GREEN, COLOR_CYAN};
    start_color();
    use_default_colors();
    for (short i = 1; i < INKS; i++)
        init_pair(i, fore[i], -1);
}

static void set_modes(void)
{
    cbreak();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    leaveok(stdscr, FALSE);
    curs_set(0);
    set_escdelay(ESCAPE_MS);
    mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
    mouseinterval(0);
}

static void take_size(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row != 0 && size.ws_col != 0)
        resizeterm(size.ws_row, size.ws_col);
}

void terminal_open(enum color_when color)
{
    the.ascii = setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
    check_terminal();
    if (pipe2(the.pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        cli_die(CLI_UNREADABLE, "view: %s", strerror(errno));
    the.screen = newterm(NULL, stdout, stdin);
    if (the.screen == NULL)
        cli_die(CLI_USAGE, "view cannot draw on this terminal (TERM=%s)", cli_quote(getenv("TERM")));
    the.active = true;
    cli_before_end = terminal_close;
    set_modes();
    the.color = wants_color(color);
    if (the.color)
        choose_colors();
    catch_signals(); /* behind newterm, which sets its own */
    take_size();
}

void terminal_close(void)
{
    if (!the.active)
        return;
    the.active = false;
    endwin();
}

bool terminal_is_ascii(void)
{
    return the.ascii;
}

size_t terminal_rows(void)
{
    return LINES > 0 ? (size_t)LINES : 1;
}

size_t terminal_columns(void)
{
    return COLS > 0 ? (size_t)COLS : 1;
}

/* ---- listening */

static void suspend(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    endwin();
    deliver(SIGTSTP);
    sigemptyset(&action.sa_mask); /* running again */
    sigaction(SIGTSTP, &action, NULL);
    take_size();
    terminal_redraw();
    refresh();
}

static struct event take_signal(void)
{
    unsigned char number = 0;
    struct event e = {.press = PRESS_NONE};
    if (read(the.pipe[0], &number, 1) != 1)
        return e;
    if (number == SIGWINCH) {
        take_size();
        e.press = PRESS_RESIZE;
    } else if (number == SIGTSTP) {
        suspend();
        e.press = PRESS_RESIZE;
    } else if (number != 0) {
        terminal_close();
        deliver(number);
        _exit(128 + number); /* it was blocked by who started us */
    } else {
        e.press = PRESS_WAKE;
    }
    return e;
}

static struct event take_mouse(void)
{
    MEVENT m;
    struct event e = {.press = PRESS_NONE};
    if (getmouse(&m) != OK || m.x < 0 || m.y < 0)
        return e;
    e.row = (size_t)m.y;
    e.column = (size_t)m.x;
    e.press = m.bstate & BUTTON4_PRESSED   ? PRESS_WHEEL_UP
              : m.bstate & BUTTON5_PRESSED ? PRESS_WHEEL_DOWN
              : m.bstate & BUTTON1_PRESSED ? PRESS_CLICK
                                           : PRESS_NONE;
    return e;
}

static enum press named_key(wint_t key)
{
    static const struct {
        wint_t key;
        enum press press;
    } keys[] = {
        {KEY_UP, PRESS_UP},         {KEY_DOWN, PRESS_DOWN},       {KEY_LEFT, PRESS_LEFT},
        {KEY_RIGHT, PRESS_RIGHT},   {KEY_HOME, PRESS_HOME},       {KEY_FIND, PRESS_HOME},
        {KEY_END, PRESS_END},       {KEY_SELECT, PRESS_END},      {KEY_PPAGE, PRESS_PAGE_UP},
        {KEY_NPAGE, PRESS_PAGE_DOWN}, {KEY_ENTER, PRESS_ENTER},   {KEY_BACKSPACE, PRESS_BACKSPACE},
        {KEY_F(1), PRESS_HELP},     {KEY_RESIZE, PRESS_RESIZE},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (keys[i].key == key)
            return keys[i].press;
    return PRESS_NONE;
}

static enum press control_key(wint_t key)
{
    switch (key) {
    case '\r':
    case '\n':
        return PRESS_ENTER;
    case '\t':
        return PRESS_TAB;
    case 0x1b:
        return PRESS_ESCAPE;
    case 0x7f:
    case '\b':
        return PRESS_BACKSPACE;
    case 'U' - '@':
        return PRESS_ERASE;
    case 'L' - '@':
        return PRESS_REDRAW;
    default:
        return PRESS_NONE;
    }
}

/* False when no key was there. */
static bool take_key(struct event *e)
{
    wint_t key;
    int kind = get_wch(&key);
    *e = (struct event){.press = PRESS_NONE};
    if (kind == ERR)
        return false;
    if (kind == KEY_CODE_YES && key == KEY_MOUSE)
        *e = take_mouse();
    else if (kind == KEY_CODE_YES)
        e->press = named_key(key);
    else if (key < 0x20 || key == 0x7f)
        e->press = control_key(key);
    else if (key < 0x80 || !the.ascii) {
        e->press = PRESS_CHARACTER;
        e->character = (uint32_t)key;
    }
    return true;
}

struct event terminal_wait(int milliseconds)
{
    struct event e;
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = the.pipe[0], .events = POLLIN}};
    if (take_key(&e)) /* curses may hold keys that it has read already */
        return e;
    int ready = poll(fds, 2, milliseconds);
    if (ready <= 0 && errno != EINTR)
        return e;
    if (ready > 0 && fds[1].revents != 0)
        return take_signal();
    if (ready > 0 && fds[0].revents != 0 && !take_key(&e) && (fds[0].revents & (POLLHUP | POLLERR))) {
        terminal_close(); /* the terminal is gone */
        _exit(128 + SIGHUP);
    }
    return e;
}

/* ---- drawing */

void terminal_erase(void)
{
    erase();
}

void terminal_move(size_t row, size_t column)
{
    move((int)row, (int)column);
}

void terminal_put(enum ink ink, bool selected, const char *bytes, size_t length)
{
    static const attr_t weights[INKS] = {A_NORMAL, A_BOLD, A_DIM, A_NORMAL, A_NORMAL, A_NORMAL, A_NORMAL, A_NORMAL, A_BOLD};
    attr_t attributes = ink == INK_KEY && !the.color ? A_REVERSE : weights[ink];
    if (selected)
        attributes = A_REVERSE;
    attr_set(attributes, the.color && !selected ? (short)ink : 0, NULL);
    addnstr(bytes, (int)length);
    attr_set(A_NORMAL, 0, NULL);
}

void terminal_show(void)
{
    refresh();
}

void terminal_redraw(void)
{
    clearok(stdscr, TRUE);
}
