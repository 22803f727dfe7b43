/* SPDX-License-Identifier: MIT
 * A stranger's program in C, built by test_install.sh against an installed midden alone: a pool, slices of it, and a
 * snapshot of a list of its own. Usage: list FILE */
#include <midden/slice.h>
#include <midden/snapshot.h>

#include <stdio.h>
#include <string.h>

#define ITEMS 10

static enum mid_status roots(void *user, size_t group, struct mid_snapshot_sink *sink)
{
    struct mid_snapshot_root root = {0};
    (void)user;
    (void)group;
    root.flags = MID_SNAPSHOT_ROOT_GLOBAL;
    root.name.bytes = 4;
    root.name.text = "list";
    return mid_snapshot_put_root(sink, &root);
}

static enum mid_status nodes(void *user, struct mid_snapshot_sink *sink)
{
    enum mid_status status = MID_OK;
    const struct mid_slice *items = user;
    for (size_t i = 0; i < ITEMS && status == MID_OK; i++) {
        struct mid_snapshot_node node = {0};
        node.type = MID_SNAPSHOT_OBJECT;
        node.id = MID_SNAPSHOT_FIRST_ID + 2 * i;
        node.self_bytes = items[i].bytes;
        node.edge_count = i + 1 < ITEMS;
        node.name.text = "Item";
        node.name.bytes = 4;
        status = mid_snapshot_put_node(sink, &node);
    }
    return status;
}

static enum mid_status edges(void *user, struct mid_snapshot_sink *sink)
{
    enum mid_status status = MID_OK;
    (void)user;
    for (size_t i = 0; i + 1 < ITEMS && status == MID_OK; i++) {
        struct mid_snapshot_edge edge = {0};
        edge.type = MID_SNAPSHOT_EDGE_PROPERTY;
        edge.target = i + 1;
        edge.name.text = "next";
        edge.name.bytes = 4;
        status = mid_snapshot_put_edges(sink, i, &edge, 1);
    }
    return status;
}

int main(int argc, char **argv)
{
    struct mid_pool *pool;
    struct mid_slice block, items[ITEMS];
    static const char *const groups[] = {"(Stranger's roots)"};
    struct mid_snapshot_source source = {0};
    size_t still_out = 0;
    if (argc != 2 || mid_pool_create(NULL, &pool) != MID_OK || mid_slice_alloc(pool, 100, &block) != MID_OK)
        return 1;
    memset(block.data, 'm', block.bytes);
    for (size_t i = 0; i < ITEMS; i++)
        if (mid_slice_cut(block, 10 * i, 10, &items[i]) != MID_OK)
            return 1;
    mid_slice_release(&block);
    source.struct_size = sizeof source;
    source.user = items;
    source.group_names = groups;
    source.group_count = 1;
    source.roots = roots;
    source.nodes = nodes;
    source.edges = edges;
    if (mid_snapshot_write_file(argv[1], &source, NULL) != MID_OK)
        return 1;
    for (size_t i = 0; i < ITEMS; i++)
        mid_slice_release(&items[i]);
    if (mid_pool_destroy(pool, &still_out) != MID_OK || still_out != 0)
        return 1;
    printf("midden %s, %d.%d.%d\n", mid_version(), MID_VERSION_MAJOR, MID_VERSION_MINOR, MID_VERSION_PATCH);
    return 0;
}
