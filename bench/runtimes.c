/* SPDX-License-Identifier: MIT
 *
 * runtimes.c: the same programs under other runtimes, when they are installed. Each prints the lines that alone.c prints, from
 * the random numbers and with the checksums of the C ones.
 *
 *     node    node/NAME.js                               its collector in the thread of the program (--single-threaded-gc)
 *     java    java/Name.java, compiled when javac is there      the serial collector; G1 as a second face
 *     ocaml   ocaml/NAME.ml, compiled when ocamlopt is there    the collector of its runtime
 *
 * bench.mk puts what is compiled beside this program. Node's and Java's code is compiled by them while it runs: that is what
 * their users have. In heaps of a given size:
 *
 * - Node and Java have OWN_MB more, for what is theirs; of Node's heap the young part is up to three semispaces, of Java's
 *   twice what midden's two have.
 * - Java's direct buffers may take as much as the heap.
 * - OCaml has no limit. It is told to keep three fifths of the room as its overhead, and judges itself at the end (lib.ml).
 */
#include "runtimes.h"

#include "heap_work.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OWN_MB = 5, PATH_BYTES = 512 };

static bool in_path(const char *name)
{
    char file[PATH_BYTES];
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        size_t length = strcspn(path, ":");
        snprintf(file, sizeof file, "%.*s/%s", (int)length, path, name);
        if (access(file, X_OK) == 0)
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

/* The directory of this program, where bench.mk puts what it compiles. */
static const char *beside(void)
{
    static char directory[PATH_BYTES];
    if (directory[0] == '\0') {
        ssize_t n = readlink("/proc/self/exe", directory, sizeof directory - 1);
        directory[n < 0 ? 0 : n] = '\0';
        char *slash = strrchr(directory, '/');
        if (slash != NULL)
            *slash = '\0';
    }
    return directory;
}

/* Formats one more text, and returns it. */
__attribute__((format(printf, 2, 3))) static const char *say(struct runtime_command *c, const char *format, ...)
{
    va_list arguments;
    char *text = c->text[c->texts++];
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof c->text[0], format, arguments);
    va_end(arguments);
    return length < (int)sizeof c->text[0] ? text : ""; /* no such file is that long in practice: then it is not there */
}

static void add(struct runtime_command *c, const char *argument)
{
    if (argument != NULL)
        c->argument[c->arguments++] = argument;
}

static bool node_command(const struct runtime_work *w, struct runtime_command *c)
{
    const char *script = say(c, NODE_SCRIPTS "/%s.js", w->program);
    add(c, "node");
    add(c, "--single-threaded-gc");
    add(c, w->option);
    if (w->heap_bytes != 0) {
        size_t semi = heap_tight_semispace(w->heap_bytes) >> 20;
        add(c, say(c, "--max-heap-size=%zu", OWN_MB + (w->heap_bytes >> 20)));
        add(c, say(c, "--max-semi-space-size=%zu", semi == 0 ? (size_t)1 : semi));
    }
    add(c, script);
    add(c, say(c, "%u", w->size));
    return access(script, R_OK) == 0;
}

static bool java_command(const struct runtime_work *w, struct runtime_command *c)
{
    const char *class = say(c, "%c%s", toupper((unsigned char)w->program[0]), w->program + 1);
    const char *file = say(c, "%s/java/%s.class", beside(), class);
    add(c, "java");
    add(c, w->option != NULL ? w->option : "-XX:+UseSerialGC");
    if (w->heap_bytes != 0) {
        size_t kib = (w->heap_bytes >> 10) + ((size_t)OWN_MB << 10), young = heap_tight_semispace(w->heap_bytes) >> 8;
        add(c, say(c, "-Xmx%zuk", kib));
        add(c, say(c, "-Xmn%zuk", young < 1024 ? (size_t)1024 : young));
        add(c, say(c, "-XX:MaxDirectMemorySize=%zu", w->heap_bytes));
    }
    add(c, "-cp");
    add(c, say(c, "%s/java", beside()));
    add(c, class);
    add(c, say(c, "%u", w->size));
    return access(file, R_OK) == 0;
}

static bool ocaml_command(const struct runtime_work *w, struct runtime_command *c)
{
    const char *program = say(c, "%s/ocaml/%s", beside(), w->program);
    if (w->heap_bytes != 0) {
        size_t nursery = heap_tight_semispace(w->heap_bytes), room = 60 * (w->heap_bytes - w->live_bytes) / w->live_bytes;
        add(c, "env");
        add(c, say(c, "OCAMLRUNPARAM=s=%zu,o=%zu,i=5", nursery / 8, room < 5 ? (size_t)5 : room));
    }
    add(c, program);
    add(c, say(c, "%u", w->size));
    if (w->heap_bytes != 0)
        add(c, say(c, "%zu", (w->heap_bytes - heap_tight_semispace(w->heap_bytes)) / 8));
    return access(program, X_OK) == 0;
}

static const struct {
    const char *name, *command, *version, *why_absent;
    bool (*fill)(const struct runtime_work *w, struct runtime_command *c);
} runtimes[RUNTIMES] = {
    [RUNTIME_NODE] = {"node", "node", "node --version 2>/dev/null",
                      "there is no node in PATH, or no " NODE_SCRIPTS " in the working directory", node_command},
    [RUNTIME_JAVA] = {"java", "java", "java -version 2>&1",
                      "there is no java in PATH, or was no javac when the benchmarks were built", java_command},
    [RUNTIME_OCAML] = {"ocaml", NULL, "ocamlopt -version 2>/dev/null",
                       "there was no ocamlopt in PATH when the benchmarks were built", ocaml_command},
};

bool runtime_command(enum runtime r, const struct runtime_work *w, struct runtime_command *c)
{
    *c = (struct runtime_command){.arguments = 0};
    return runtimes[r].fill(w, c); /* what is not filled is NULL and ends the list */
}

bool runtime_ready(enum runtime r)
{
    struct runtime_command c;
    struct runtime_work any = {.program = "gcbench"};
    return (runtimes[r].command == NULL || in_path(runtimes[r].command)) && runtime_command(r, &any, &c);
}

const char *runtime_name(enum runtime r)
{
    return runtimes[r].name;
}

const char *runtime_why_absent(enum runtime r)
{
    return runtimes[r].why_absent;
}

/* The first run of digits and dots of the first line. */
const char *runtime_version(enum runtime r)
{
    static char versions[RUNTIMES][32];
    char line[160] = "";
    if (versions[r][0] != '\0')
        return versions[r];
    FILE *in = popen(runtimes[r].version, "r");
    if (in != NULL && fgets(line, sizeof line, in) != NULL) {
        const char *from = line + strcspn(line, "0123456789");
        snprintf(versions[r], sizeof versions[r], "%.*s", (int)strspn(from, "0123456789."), from);
    }
    if (in != NULL)
        pclose(in);
    return versions[r];
}
