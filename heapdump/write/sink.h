/* SPDX-License-Identifier: MIT
 * The state of one snapshot while it is written, shared by the walks (writer.c) and what they find (sink.c). */
#ifndef MIDDEN_WRITE_SINK_H
#define MIDDEN_WRITE_SINK_H

#include <midden/snapshot.h>

#include "names.h"
#include "out.h"

/* Which put a callback may use, and what becomes of it. */
enum mid__phase {
    MID__PHASE_NONE,
    MID__PHASE_COUNT_ROOTS, /* of the group `group` */
    MID__PHASE_COUNT_NODES,
    MID__PHASE_NODES,
    MID__PHASE_GLOBALS, /* shortcuts of the root; all other roots are passed over */
    MID__PHASE_ROOTS,   /* edges of the group's node */
    MID__PHASE_EDGES
};

struct mid_snapshot_sink {
    struct mid__out out;
    struct mid__names names;
    enum mid_status status; /* the first failure */
    enum mid__phase phase;
    bool replay;      /* a walk for the strings: nodes and edges are not written again */
    bool nodes_repeat, edges_repeat, sites_repeat; /* which of them need one */
    uint64_t nodes_strings, edges_strings;         /* given out when the nodes, and the edges, were written */
    uint64_t base;    /* ordinal of the source's first node: root, (GC roots) and the groups come before it */
    uint64_t nodes, edges; /* of the source, as counted */
    uint64_t self_bytes;
    uint32_t sites; /* of the source; 0: nodes have no trace_node_id */
    size_t group;

    uint64_t seen;      /* roots, nodes or edges put in this phase */
    uint64_t from;      /* phase EDGES: the node whose edges are coming ... */
    uint64_t from_seen; /* ... and how many have come */
    uint64_t shape;     /* sum over the nodes of a hash of (number, edge count): Note [Shape] in sink.c */
    uint64_t globals;
    uint64_t group_roots[MID_SNAPSHOT_GROUPS_MAX];
};

/* Keeps the first failure, and returns it. */
enum mid_status mid__sink_fail(struct mid_snapshot_sink *sink, enum mid_status status);

/* The walk of edges is over: closes the last node's count. */
void mid__sink_close_edges(struct mid_snapshot_sink *sink);

/* In the walk that writes: the index of a name, through *index. In the replay: writes the string if it is its turn. */
enum mid_status mid__sink_name(struct mid_snapshot_sink *sink, struct mid_snapshot_text name, enum mid__name_kind kind,
                               uint32_t *index);

/* Writes a node or an edge, in the walk that writes. Targets are ordinals of the file. */
void mid__sink_node_record(struct mid_snapshot_sink *sink, const struct mid_snapshot_node *node, uint32_t name);
void mid__sink_edge_record(struct mid_snapshot_sink *sink, enum mid_snapshot_edge_type type, uint64_t name_or_index,
                           uint64_t ordinal);

/* The functions and the tree of sites, with their names; in the replay the names alone. */
void mid__sites_write(struct mid_snapshot_sink *sink, const struct mid_snapshot_source *source);
bool mid__sites_are_sound(const struct mid_snapshot_source *source);

/* Writes the string number `index` of the file. */
void mid__sink_string_record(struct mid_snapshot_sink *sink, struct mid_snapshot_text cut, uint64_t index);

#endif
