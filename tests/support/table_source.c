/* SPDX-License-Identifier: MIT
 * table_source.c: a graph in arrays, handed to the writer as any runtime would hand its own. */
#include "table_source.h"

#include "suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum mid_status walk_roots(void *user, size_t group, struct mid_snapshot_sink *sink)
{
    struct table *t = user;
    t->root_walks++;
    for (size_t i = 0; i < t->root_count; i++) {
        if (t->roots[i].group != group)
            continue;
        enum mid_status s = t->meddle != NULL ? t->meddle(t, 'r', i) : MID_OK;
        if (s == MID_OK)
            s = mid_snapshot_put_root(sink, &t->roots[i].root);
        if (s != MID_OK)
            return s;
    }
    return MID_OK;
}

static enum mid_status put_node(struct table *t, const struct mid_snapshot_node *node, struct mid_snapshot_sink *sink)
{
    char buffer[64];
    if (!t->passing || node->name.bytes > sizeof buffer)
        return mid_snapshot_put_node(sink, node);
    struct mid_snapshot_node passing = *node;
    if (node->name.bytes != 0)
        memcpy(buffer, node->name.text, node->name.bytes);
    passing.name.text = buffer;
    passing.name_is_passing = 1;
    enum mid_status s = mid_snapshot_put_node(sink, &passing);
    memset(buffer, '#', sizeof buffer);
    return s;
}

static enum mid_status walk_nodes(void *user, struct mid_snapshot_sink *sink)
{
    struct table *t = user;
    t->node_walks++;
    for (size_t i = 0; i < t->node_count; i++) {
        enum mid_status s = t->meddle != NULL ? t->meddle(t, 'n', i) : MID_OK;
        if (s == MID_OK)
            s = put_node(t, &t->nodes[i], sink);
        if (s != MID_OK)
            return s;
    }
    return MID_OK;
}

static enum mid_status walk_edges(void *user, struct mid_snapshot_sink *sink)
{
    struct table *t = user;
    t->edge_walks++;
    for (size_t i = 0; i < t->edge_count; i++) {
        enum mid_status s = t->meddle != NULL ? t->meddle(t, 'e', i) : MID_OK;
        if (s == MID_OK)
            s = mid_snapshot_put_edges(sink, t->edges[i].from, &t->edges[i].edge, 1);
        if (s != MID_OK)
            return s;
    }
    return MID_OK;
}

struct mid_snapshot_source table_source(struct table *t)
{
    for (size_t i = 0; i < t->node_count; i++)
        t->nodes[i].edge_count = 0;
    for (size_t i = 0; i < t->edge_count; i++)
        t->nodes[t->edges[i].from].edge_count++;
    return (struct mid_snapshot_source){
        .struct_size = sizeof(struct mid_snapshot_source),
        .user = t,
        .group_names = t->groups,
        .group_count = t->group_count,
        .node_count = t->counts_known ? t->node_count : 0,
        .edge_count = t->counts_known ? t->edge_count : 0,
        .extra_native_bytes = t->extra_native_bytes,
        .roots = walk_roots,
        .nodes = walk_nodes,
        .edges = walk_edges,
    };
}

/* A name of up to 40 bytes: mostly letters, at times anything. */
static struct mid_snapshot_text random_name(uint64_t *random)
{
    size_t bytes = test_random(random) % 41;
    char *text = malloc(bytes + 1);
    bool wild = test_random(random) % 4 == 0;
    for (size_t i = 0; i < bytes; i++)
        text[i] = wild ? (char)(unsigned char)test_random(random) : (char)('a' + test_random(random) % 26);
    return (struct mid_snapshot_text){text, bytes};
}

static int by_from(const void *a, const void *b)
{
    uint64_t x = ((const struct table_edge *)a)->from, y = ((const struct table_edge *)b)->from;
    return x < y ? -1 : x > y;
}

struct own { /* what table_random allocated */
    struct table table;
    struct mid_snapshot_text *names;
    size_t name_count;
    struct mid_snapshot_node *nodes;
    struct table_edge *edges;
    struct table_root *roots;
};

static const char *const random_groups[] = {"(Handles)", "(Globals)", "(Weak)", "(Empty)"};

static void random_edges(struct own *own, uint64_t *random, size_t nodes, size_t edges)
{
    for (size_t i = 0; i < edges; i++) {
        struct table_edge *e = &own->edges[i];
        e->from = test_random(random) % nodes;
        e->edge.type = (enum mid_snapshot_edge_type)(test_random(random) % 7);
        e->edge.target = test_random(random) % nodes;
        e->edge.index = test_random(random) >> (test_random(random) % 64);
        e->edge.name = own->names[test_random(random) % own->name_count];
    }
    qsort(own->edges, edges, sizeof own->edges[0], by_from);
}

struct table *table_random(uint64_t *random, size_t nodes, size_t edges, size_t names)
{
    struct own *own = calloc(1, sizeof *own);
    size_t roots = nodes == 0 ? 0 : 9;
    own->name_count = names;
    own->names = calloc(names, sizeof *own->names);
    own->nodes = calloc(nodes + 1, sizeof *own->nodes);
    own->edges = calloc(edges + 1, sizeof *own->edges);
    own->roots = calloc(roots + 1, sizeof *own->roots);
    for (size_t i = 0; i < names; i++)
        own->names[i] = random_name(random);
    for (size_t i = 0; i < nodes; i++) {
        own->nodes[i].type = (enum mid_snapshot_node_type)(test_random(random) % 15);
        own->nodes[i].id = MID_SNAPSHOT_FIRST_ID + 2 * i;
        own->nodes[i].self_bytes = test_random(random) >> (test_random(random) % 60 + 4);
        own->nodes[i].name = own->names[test_random(random) % names];
    }
    random_edges(own, random, nodes, edges);
    for (size_t i = 0; i < roots; i++) {
        own->roots[i].group = i / 3;
        own->roots[i].root.target = test_random(random) % nodes;
        own->roots[i].root.flags = i / 3 == 1 ? MID_SNAPSHOT_ROOT_GLOBAL : i / 3 == 2 ? MID_SNAPSHOT_ROOT_WEAK : 0;
        if (i % 3 != 0)
            own->roots[i].root.name = own->names[test_random(random) % names];
    }
    own->table = (struct table){.nodes = own->nodes, .edges = own->edges, .roots = own->roots, .node_count = nodes,
                                .edge_count = edges, .root_count = roots, .groups = random_groups, .group_count = 4};
    return &own->table;
}

void table_free(struct table *table)
{
    struct own *own = (struct own *)(void *)table; /* its first member */
    for (size_t i = 0; i < own->name_count; i++)
        free((char *)(uintptr_t)own->names[i].text);
    free(own->names);
    free(own->nodes);
    free(own->edges);
    free(own->roots);
    free(own);
}

ptrdiff_t memory_write(void *user, const void *data, size_t bytes)
{
    struct memory *m = user;
    m->calls++;
    if (m->at_most != 0 && bytes > m->at_most)
        bytes = m->at_most;
    if (m->room != 0 && bytes > m->room - m->count)
        bytes = m->room - m->count;
    if (bytes == 0) {
        errno = m->error;
        return -1;
    }
    if (m->count + bytes > m->capacity) {
        m->capacity = 2 * (m->count + bytes);
        m->bytes = realloc(m->bytes, m->capacity);
        if (m->bytes == NULL)
            abort();
    }
    memcpy(m->bytes + m->count, data, bytes);
    m->count += bytes;
    return (ptrdiff_t)bytes;
}
