/* SPDX-License-Identifier: MIT
 * A snapshot, or two, read and analysed in a thread of their own, with what is known meanwhile (see analysis.c). */
#ifndef MIDDEN_VIEW_ANALYSIS_H
#define MIDDEN_VIEW_ANALYSIS_H

#include "compare.h"

enum analysis_stage {
    ANALYSIS_READING,
    ANALYSIS_CLASSES,  /* the first figures: totals, and classes without retained sizes */
    ANALYSIS_COMPLETE, /* all */
    ANALYSIS_FAILED
};

struct analysis_request {
    const char *path;            /* of the snapshot that is looked at; must live as long as the analysis */
    const char *old_path;        /* of the one it is compared with, or NULL */
    const struct mid__index_options *index; /* see mid__graph_options; one is written when all is known. NULL: none */
    unsigned threads;            /* see mid__graph_options */
    void (*wake)(void *user);    /* called from the thread when something new is known, at most 20 times a second but for
                                  * a new stage; NULL: never */
    void *user;
};

/* What is known at one moment. The pointers belong to the analysis. */
struct analysis_state {
    enum analysis_stage stage;
    const char *path;             /* that is being read, or that failed */
    char phase[40];               /* "nodes", "dominators" ... */
    uint64_t done, total;         /* of the phase; total 0: unknown */
    uint32_t node_count, edge_count; /* from ANALYSIS_CLASSES on */
    uint64_t total_size;             /* bytes */
    const struct mid__classes *first; /* from ANALYSIS_CLASSES on; without of_node */
    const struct mid__graph *graph;   /* the following when complete; all parts but MID__PART_QUERYABLE and _BY_ID */
    const struct mid__classes *classes;
    const struct compare *compare;    /* NULL without old_path */
    struct mid__graph_error error;    /* when failed */
};

struct analysis;

/* Starts the thread. MID_E_MEMORY: *analysis is NULL, also when the system gives no thread. */
enum mid_status analysis_start(const struct analysis_request *request, struct analysis **analysis);

/* A copy of what is known. From any thread. */
void analysis_look(struct analysis *analysis, struct analysis_state *state);

/* Asks the thread to stop, waits for it, and frees all that the state points to. NULL does nothing. */
void analysis_free(struct analysis *analysis);

#endif
