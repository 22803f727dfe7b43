/* SPDX-License-Identifier: MIT
 * What the rows of the viewer are called, not yet harmless (see label.c). */
#ifndef MIDDEN_VIEW_LABEL_H
#define MIDDEN_VIEW_LABEL_H

#include <midden/internal/classes.h>
#include <midden/internal/graph.h>
#include <midden/internal/titles.h>

/* Adds "Class name @id"; the class or the name is left out where it says nothing new, strings stand in quotes. */
void label_node(struct mid__title *t, const struct mid__graph *g, const struct mid__classes *c, uint32_t node);

/* Adds how an edge is written behind its source: .name  [3]  ["a b"]  (context) name. */
void label_edge(struct mid__title *t, const struct mid__graph *g, uint32_t edge);

void label_class(struct mid__title *t, const struct mid__classes *c, uint32_t place);

#endif
