/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/filters.h>: DevTools' filters of the Summary view: which nodes of a snapshot are alive only through
 * a closure's context, a detached piece of a page, an event handler or the console, and which are duplicated strings;
 * never installed.
 */
#ifndef MIDDEN_INTERNAL_FILTERS_H
#define MIDDEN_INTERNAL_FILTERS_H

#include <midden/internal/graph.h>

enum mid__filter {
    MID__FILTER_CONTEXTS,           /* what would not be reached without contexts, they included */
    MID__FILTER_DETACHED,           /* ... without detached DOM nodes */
    MID__FILTER_EVENT_HANDLERS,     /* ... without event handlers */
    MID__FILTER_CONSOLE,            /* ... without the globals of DevTools' console */
    MID__FILTER_DUPLICATED_STRINGS, /* strings with the content of another */
    MID__FILTERS
};

/* What a filter stands on, for mid__graph_analyze. */
#define MID__FILTER_PARTS (MID__PART_FOLDED | MID__PART_DISTANCES)

/* On MID_OK (*selected)[n] is 1 for each node that the filter lets through, else 0; [node_count], the caller's to
 * free(). `graph` must have MID__FILTER_PARTS. MID_E_INVALID: a part is missing, or no such filter. MID_E_MEMORY.
 * O(nodes + edges), for duplicated strings O(their text). */
enum mid_status mid__filter_select(const struct mid__graph *graph, enum mid__filter filter, uint8_t **selected);

/* "contexts", "detached", "event-handlers", "console", "duplicated-strings"; false for any other. */
bool mid__filter_named(const char *name, enum mid__filter *filter);
const char *mid__filter_name(enum mid__filter filter);

#endif
