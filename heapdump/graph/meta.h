/* SPDX-License-Identifier: MIT
 *
 * meta.h: what the header of a snapshot says about the arrays that follow.
 */
#ifndef MIDDEN_GRAPH_META_H
#define MIDDEN_GRAPH_META_H

#include "scan.h"

#define MAX_RAW_TYPES 256
#define NO_FIELD      (-1)

/* Where in a record each field stands; NO_FIELD where the file has none. */
struct meta {
    int node_fields, type, name, id, self_size, edge_count, trace_node_id, detachedness;
    int edge_fields, edge_type, name_or_index, to_node;
    int location_fields, object_index, script_id, line, column;
    int function_fields, function_name, function_script, function_script_id, function_line, function_column;
    bool has_trace_fields; /* the fields of a node of the tree are V8's, in V8's order */
    unsigned raw_node_types, raw_edge_types; /* how many the file names, at most MAX_RAW_TYPES */
    uint8_t node_type_of[MAX_RAW_TYPES], edge_type_of[MAX_RAW_TYPES];
    bool has_node_count, has_edge_count;
    uint64_t header_nodes, header_edges, root_index;
    unsigned listed; /* bit i: the meta has fields for section mid__meta_groups[i] */
};

struct meta_group {
    const char *fields, *section;
};
extern const struct meta_group mid__meta_groups[];
extern const unsigned mid__meta_group_count;

/* Reads the header, JSON that scan_skip has found well formed, ended by NUL. `offset`: where it begins in the input,
 * for errors. Sets extra_native_bytes and the names of types of the graph. False on failure. */
bool meta_read(struct scan *s, const char *header, uint64_t offset, struct meta *meta);

#endif
