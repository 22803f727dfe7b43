/* SPDX-License-Identifier: MIT
 *
 * runtimes.h: heap workloads played by other runtimes, each a program in a process of its own.
 */
#ifndef MIDDEN_BENCH_RUNTIMES_H
#define MIDDEN_BENCH_RUNTIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODE_SCRIPTS "bench/node"

enum runtime { RUNTIME_NODE, RUNTIME_JAVA, RUNTIME_OCAML, RUNTIMES };

struct runtime_work {
    const char *program;      /* "queue" */
    uint32_t size;
    size_t heap_bytes;        /* the most that its heap may take; 0: the runtime's defaults */
    size_t live_bytes;        /* of it */
    const char *option;       /* one more for the command line, or NULL */
};

/* A command line that execvp takes: valid as long as the struct, which must not move. */
struct runtime_command {
    const char *argument[12];
    char text[8][160];
    size_t arguments, texts;
};

/* Whether the runtime and its programs are there. Starts no process. */
bool runtime_ready(enum runtime r);

/* Fills in the command; false when the runtime has no such program. */
bool runtime_command(enum runtime r, const struct runtime_work *w, struct runtime_command *c);

const char *runtime_name(enum runtime r);
const char *runtime_why_absent(enum runtime r);
const char *runtime_version(enum runtime r); /* starts it once to ask; "" when it does not say */

#endif
