/* SPDX-License-Identifier: MIT
 * Test results as JUnit XML, which CI servers read (see junit.c). */
#ifndef MIDDEN_CLI_JUNIT_H
#define MIDDEN_CLI_JUNIT_H

#include "text.h"

/* One result. All text may come from a dump. `message` NULL: it passed. */
struct junit_case {
    const char *group, *name, *message, *details;
};

/* Writes a document into the file `path`, which appears whole or not at all; the command ends with status 3 when it
 * cannot be written. */
void junit_write(const char *path, const char *suite, const struct junit_case *cases, size_t count);

/* Adds text as it may stand between tags or in quotes: & < > " ' as entities, what XML 1.0 or a terminal does not
 * bear as escapes of JavaScript; newlines stay. */
void junit_add_escaped(struct text *t, const char *words);

#endif
