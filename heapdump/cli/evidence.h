/* SPDX-License-Identifier: MIT
 * Objects shown as a reason for something, each with a shortest path from the roots (see evidence.c). */
#ifndef MIDDEN_CLI_EVIDENCE_H
#define MIDDEN_CLI_EVIDENCE_H

#include "dump.h"

/* Finds paths once for many objects: 4 bytes a node. */
struct evidence {
    struct dump *dump;
    uint32_t *arrivals; /* [node_count]: mid__path_edges */
    uint32_t *steps;    /* of the path found last */
    size_t capacity;
};

/* The graph must have distances. */
void evidence_begin(struct evidence *e, struct dump *d);
void evidence_end(struct evidence *e);

/* Adds two lines, each after `indent` blanks: the object and what it retains, and how it is reached. */
void evidence_add(struct evidence *e, struct text *t, uint32_t node, unsigned indent, bool exact, bool ascii);

/* Adds an object: the members of OBJECT, "path_length" and "path" (steps as of the verb path; those in the middle of a
 * long one are left out). */
void evidence_json(struct evidence *e, struct json *j, uint32_t node);

#endif
