/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/index.h>: a file beside a dump that holds what was read and computed, so that the dump opens at once
 * the next time; never installed.
 *
 * Use: give mid__graph_load options with `index` set: it opens the index where a good one is found, and else reads the
 * dump. Afterwards mid__graph_from_index says which it was, and mid__index_write makes an index for the next time.
 *
 * An index belongs to one content of one dump (size, time of change, sample of the content), one midden and one kind of
 * machine; any other is passed over as if it were not there. It is as large as the dump, or somewhat larger.
 */
#ifndef MIDDEN_INTERNAL_INDEX_H
#define MIDDEN_INTERNAL_INDEX_H

#include <midden/internal/classes.h>
#include <midden/internal/graph.h>
#include <midden/internal/statistics.h>

struct mid__index_options {
    const char *directory; /* the index is there and nowhere else. NULL: beside the dump as FILE.midden, or, where that
                            * cannot be written, in $XDG_CACHE_HOME/midden (~/.cache/midden) under a name of its content */
    uint64_t least_bytes;  /* of the dump's JSON, for mid__index_possible: below it an index is not worth its file */
};

/* What an index has beside MID__PARTS_FIGURES: mid__index_write wants them all. */
#define MID__INDEX_PARTS (MID__PARTS_FIGURES | MID__PART_DOMINATED | MID__PART_RETAINERS)

/* True when the graph's columns are those of an index. */
bool mid__graph_from_index(const struct mid__graph *graph);

/* True when mid__index_write could make an index of this graph, and it is worth one: it was read from a file of at least
 * options.index->least_bytes, and there is none yet. */
bool mid__index_possible(const struct mid__graph *graph);

/* Writes the index of a graph that was read from the dump in file `path`, with MID__INDEX_PARTS: whole, or not at all, in a
 * file that its user alone may read. It only reads the graph: other readers need not wait. Infers interfaces and builds
 * both class tables for it. Calls the graph's progress function, whose false stops it. MID_E_INVALID: parts are missing, or
 * the graph is from memory, standard input or an index. MID_E_BUSY: stopped. MID_E_IO: the dump has changed meanwhile, no
 * directory can be written, or the disk has less than twice the index's size left: an index is no reason to fill it.
 * *error then says which; nothing is left behind. O(nodes + edges). */
enum mid_status mid__index_write(const struct mid__graph *graph, const char *path, struct mid__graph_error *error);

/* For classes.c, interfaces.c and statistics.c: what the index has of them. False where there is no index, or no memory: they are made
 * anew then. The interfaces' `origin` says from which index they are. */
bool mid__index_interfaces(const struct mid__graph *graph, struct mid__interfaces **interfaces);
bool mid__index_classes(const struct mid__graph *graph, const struct mid__interfaces *interfaces, bool with_retained,
                        struct mid__classes **classes);
bool mid__index_statistics(const struct mid__graph *graph, struct mid__statistics *statistics);

/* For tests: a graph from the bytes of an index, whatever dump it belongs to, checked as one that nobody vouches for.
 * `bytes` must stay as long as the graph; at an address that is a multiple of 16. */
enum mid_status mid__index_load_memory(void *bytes, size_t size, const struct mid__graph_options *options,
                                       struct mid__graph **graph, struct mid__graph_error *error);
/* For tests: makes all checksums right again after the bytes were changed, as far as the layout can be followed. */
void mid__index_seal(void *bytes, size_t size);

#endif
