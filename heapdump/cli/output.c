/* SPDX-License-Identifier: MIT
 *
 * output.c: where answers go.
 *
 * Colour: --color=always and never decide; else NO_COLOR (not empty) forbids; else a terminal that is not dumb has it.
 * The pager: only for text, only when stdin of the pager can be a pipe and stdout is a terminal, and only once there is
 * an answer, so that messages and progress are not hidden behind it. $PAGER is a shell command, as for git; empty or
 * "cat" means none; unset means `less`, told to leave at once when one screen suffices, and, where less is missing, none.
 *
 * A reader that goes away (`midden top x | head -1`) ends the command by SIGPIPE, as it ends cat: there is nothing to
 * clean up but temporary files, and those belong to verbs that write no answer. Behind a pager SIGPIPE is ignored
 * instead, for the pager must be waited for, or it would fight with the shell for the terminal.
 *
 * I1. An answer that was not written whole (a full disk) never ends with status 0.
 */
#include "output.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME_COLUMNS_IN_FILES 160

static pid_t pager; /* 0: none */

static bool wants_color(const struct options *options, bool terminal)
{
    if (options->color != COLOR_AUTO)
        return options->color == COLOR_ALWAYS;
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return terminal && !(no != NULL && no[0] != '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

static size_t terminal_columns(void)
{
    struct winsize size;
    const char *given = getenv("COLUMNS");
    long n = given != NULL ? strtol(given, NULL, 10) : 0;
    if (n <= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        n = size.ws_col;
    return n >= 20 && n < 100000 ? (size_t)n : 80;
}

/* Widths of characters are asked of a UTF-8 locale; whether the terminal shows them is said by the user's. */
static bool terminal_is_ascii(void)
{
    bool utf8 = setlocale(LC_CTYPE, "") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (!utf8)
        setlocale(LC_CTYPE, "C.UTF-8");
    return !utf8;
}

static const char *pager_command(void)
{
    const char *command = getenv("PAGER");
    if (command == NULL)
        return "command -v less >/dev/null && exec less || exec cat";
    return command[0] == '\0' || strcmp(command, "cat") == 0 ? NULL : command;
}

static void run_pager(const char *command, int from)
{
    dup2(from, STDIN_FILENO);
    close(from);
    setenv("LESS", "FRX", 0);
    signal(SIGINT, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static void start_pager(void)
{
    const char *command = pager_command();
    int ends[2];
    if (command == NULL || pipe(ends) != 0)
        return;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        run_pager(command, ends[0]);
    }
    close(ends[0]);
    if (child > 0) {
        dup2(ends[1], STDOUT_FILENO);
        pager = child;
        signal(SIGPIPE, SIG_IGN);
        signal(SIGINT, SIG_IGN); /* Ctrl-C is the pager's key now; when it leaves, so do we */
    }
    close(ends[1]);
}

bool output_is_ascii(void)
{
    return terminal_is_ascii() && isatty(STDOUT_FILENO);
}

void output_begin(struct output *o, const struct options *options)
{
    bool terminal = isatty(STDOUT_FILENO);
    *o = (struct output){.file = stdout, .exact = options->bytes, .columns = TEXT_NO_LIMIT};
    o->json.file = stdout;
    bool ascii = terminal_is_ascii();
    if (terminal) {
        o->columns = terminal_columns();
        o->ascii = ascii;
    }
    o->color = !options->json && wants_color(options, terminal);
    if (terminal && !options->json && !options->no_pager)
        start_pager();
}

static void wait_for_pager(void)
{
    int status;
    fclose(stdout);
    while (waitpid(pager, &status, 0) < 0 && errno == EINTR)
        continue;
    pager = 0;
}

void output_end(struct output *o)
{
    bool failed = fflush(o->file) != 0 || ferror(o->file);
    int cause = errno;
    if (pager != 0)
        wait_for_pager(); /* one who leaves the pager early has read enough */
    else if (failed)
        cli_die(CLI_UNREADABLE, "cannot write the answer: %s", strerror(cause));
}

static void paint_as(struct output *o, enum paint paint)
{
    static const char *const codes[] = {"0", "1", "36", "32", "2", "31", "32"};
    if (o->color)
        fprintf(o->file, "\x1b[%sm", codes[paint]);
}

static void write_painted(struct output *o, enum paint paint, const char *bytes, size_t length)
{
    size_t end = length != 0 && bytes[length - 1] == '\n' ? length - 1 : length; /* the colour ends before the line */
    if (paint != PAINT_PLAIN)
        paint_as(o, paint);
    fwrite(bytes, 1, end, o->file);
    if (paint != PAINT_PLAIN)
        paint_as(o, PAINT_PLAIN);
    fwrite(bytes + end, 1, length - end, o->file);
}

void output_text(struct output *o, enum paint paint, struct text *t)
{
    write_painted(o, paint, text_string(t), t->length);
    text_clear(t);
}

void output_words(struct output *o, enum paint paint, const char *words)
{
    write_painted(o, paint, words, strlen(words));
}

size_t output_room(const struct output *o, size_t used)
{
    if (o->columns == TEXT_NO_LIMIT)
        return NAME_COLUMNS_IN_FILES;
    return o->columns > used + 12 ? o->columns - used : 12;
}

void output_left_out(struct output *o, uint64_t count, const char *one, const char *many)
{
    struct text line = {0};
    if (count == 0)
        return;
    text_add(&line, "... and ");
    text_add_count(&line, count);
    text_addf(&line, " more %s (-n 0 shows all)\n", count == 1 ? one : many);
    output_text(o, PAINT_DIM, &line);
    text_free(&line);
}
