/* SPDX-License-Identifier: MIT
 * A source of a snapshot that lies in arrays, and a place in memory to write it to. */
#ifndef MIDDEN_TESTS_TABLE_SOURCE_H
#define MIDDEN_TESTS_TABLE_SOURCE_H

#include <midden/snapshot.h>

#include <stdbool.h>

#define TEXT(s) {(s), sizeof(s) - 1}

struct table_edge {
    uint64_t from; /* ascending */
    struct mid_snapshot_edge edge;
};

struct table_root {
    size_t group; /* ascending */
    struct mid_snapshot_root root;
};

/* Set `nodes`, `edges`, `roots` and their counts, and the names of the groups; then table_source fills in the edge counts of the
 * nodes and gives the source. */
struct table {
    struct mid_snapshot_node *nodes;
    const struct table_edge *edges;
    const struct table_root *roots;
    size_t node_count, edge_count, root_count;
    const char *const *groups;
    size_t group_count;
    bool counts_known;
    bool passing; /* the names of nodes are given in a buffer that is used again */
    uint64_t extra_native_bytes;

    unsigned root_walks, node_walks, edge_walks; /* begun so far */
    /* Called before each put of a node or an edge (number within its walk); it may change the table, or return a status
     * that ends the walk. NULL: nothing. */
    enum mid_status (*meddle)(struct table *table, char what, size_t number);
    void *meddle_user;
};

struct mid_snapshot_source table_source(struct table *table);

/* A random table: every kind of node and edge, names of any bytes, some repeated, several roots. Freed by table_free. */
struct table *table_random(uint64_t *random, size_t nodes, size_t edges, size_t names);
void table_free(struct table *table);

/* Takes what is written, at most `at_most` bytes a call (0: all); fails with `error` once `room` bytes are taken (0: never
 * fails). Freed by the caller. */
struct memory {
    char *bytes;
    size_t count, capacity, at_most, room;
    int error;
    unsigned long calls;
};

ptrdiff_t memory_write(void *memory, const void *data, size_t bytes);

#endif
