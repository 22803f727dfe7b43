/* SPDX-License-Identifier: MIT
 * One snapshot, opened for a verb: its graph, its classes, and how its nodes are shown (see dump.c). */
#ifndef MIDDEN_CLI_DUMP_H
#define MIDDEN_CLI_DUMP_H

#include <midden/internal/classes.h>
#include <midden/internal/graph.h>
#include <midden/internal/titles.h>

#include "output.h"
#include "progress.h"
#include "table.h"

struct dump {
    const char *path;  /* as the user wrote it */
    const char *title; /* for people, harmless */
    struct mid__graph *graph;
    struct mid__interfaces *interfaces;
    struct mid__classes *classes;
    uint8_t *selected; /* [node_count] by --where and --filter, or NULL: all */
    uint32_t selected_count;
    struct mid__title name; /* of the node asked for last */
    struct progress progress;
};

/* Of --threads, for every snapshot that is opened from then on; 0: as many as pay. */
extern unsigned dump_threads;

/* Reads the snapshot and computes `parts` (bits of enum mid__graph_part). Warnings go to stderr. Ends the command with
 * status 3 and one line where the file is damaged or cannot be read. Verbs read and forget: nothing frees a dump but
 * dump_close, and the end of the command. */
void dump_open(struct dump *d, const char *path, unsigned parts);
void dump_close(struct dump *d);

/* Infers interfaces; groups into classes, by them or (NULL) without. */
void dump_infer(struct dump *d);
void dump_classify(struct dump *d, const struct mid__interfaces *interfaces, bool with_retained);

/* What --where and --filter stand on, for dump_open. */
unsigned dump_parts(const struct options *options);

/* Fills d->selected by --where and --filter, if they are given: after the interfaces, if any, were inferred and before
 * dump_classify, which then counts only what is selected. Ends the command with status 2 when --where names an object
 * that is not there. */
void dump_select(struct dump *d, const struct options *options);

/* The same for one snapshot of several: false, and nothing is selected by it, when --where names an object that is not
 * in this one. */
bool dump_select_one(struct dump *d, const struct options *options);
_Noreturn void dump_refuse_ids(const struct options *options);

/* [node_count], the caller's to free(): 1 for what is selected and for all above it in the dominator tree. NULL when
 * nothing was asked for. Needs MID__PART_DOMINATORS. O(nodes). */
uint8_t *dump_select_above(const struct dump *d);

/* The node with this id; ends the command with status 2 when there is none. */
uint32_t dump_find(struct dump *d, uint64_t id);

/* What the library reports, as the end of the command. */
void dump_check(struct dump *d, enum mid_status status);

/* The name of a node, in d->name until the next call. */
const struct mid__title *dump_name(struct dump *d, uint32_t node);

/* "Class name @id" for people, harmless, in some `columns`; the name is left out where it says no more than the class.
 * Returns the columns that it takes. */
size_t dump_add_node(struct dump *d, struct text *t, uint32_t node, size_t columns, bool ascii);

/* The same as the last two cells of a row: "@id", and what it is called. */
void dump_table_node(struct dump *d, struct table *t, uint32_t node);

/* How an edge is written behind its source: .name  [3]  ["a b"]  (context) name ... */
void dump_add_edge(struct dump *d, struct text *t, uint32_t edge, size_t columns, bool ascii);

/* "1,234" or "-" for what no user root reaches. */
void dump_add_distance(struct text *t, int32_t distance);

/* The members that every node has in JSON: "id","class","name","shallow","retained","distance". */
void dump_json_node(struct dump *d, struct json *j, uint32_t node);

/* The members of an edge: "edge_type","edge_name" (a number too stands as a string). */
void dump_json_edge(struct dump *d, struct json *j, uint32_t edge);

/* The member "selected_objects": how many --where and --filter select. Nothing where they were not given. */
void dump_json_selected(const struct dump *d, struct json *j);

/* "FILE: 1,234 nodes, 5,678 edges, 4.57 MB", and what is selected; the second with an empty line behind it. */
void dump_print_totals(struct dump *d, struct output *o);
void dump_print_title(struct dump *d, struct output *o);

#endif
