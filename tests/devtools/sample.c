/* SPDX-License-Identifier: MIT
 * sample.c: writes the snapshots that DevTools judges.
 *
 *     sample heap SEED FILE     a heap of gc: an index of words with buffers of a pool, garbage of every age, all kinds of roots
 *     sample graph SEED FILE    a random graph through the source interface: every kind of node and edge, chains, cliques
 *                               and orphans, within what DevTools can hold (ids and sizes of 32 bits)
 */
#include <midden/heap.h>
#include <midden/roots.h>
#include <midden/slice.h>
#include <midden/snapshot.h>

#include "suite.h"
#include "table_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every third edge leads to a near neighbour, so that there are long paths, and trees as well as tangles. */
static uint64_t near_or_far(uint64_t *random, uint64_t from, uint64_t nodes)
{
    uint64_t step = 1 + test_random(random) % 9;
    return test_random(random) % 3 != 0 && from + step < nodes ? from + step : test_random(random) % nodes;
}

static int write_graph(uint64_t seed, const char *path)
{
    uint64_t random = seed * 0x9e3779b97f4a7c15u;
    size_t nodes = 20000, edges = 50000;
    struct table *t = table_random(&random, nodes, edges, 400);
    for (size_t i = 0; i < nodes; i++)
        t->nodes[i].self_bytes %= 4096;
    for (size_t i = 0; i < edges; i++) {
        struct table_edge *e = (struct table_edge *)(uintptr_t)&t->edges[i];
        e->edge.target = near_or_far(&random, e->from, nodes);
        e->edge.index &= 0xffff;
    }
    struct mid_snapshot_source source = table_source(t);
    enum mid_status status = mid_snapshot_write_file(path, &source, NULL);
    table_free(t);
    if (status != MID_OK)
        fprintf(stderr, "sample: %s: %s\n", path, mid_status_name(status));
    return status == MID_OK ? 0 : 1;
}

/* ---- a heap */

struct entry {
    struct mid_ref word, lines, next;
};

static const struct mid_field entry_fields[] = {
    {"word", offsetof(struct entry, word), MID_EDGE_PROPERTY},
    {"lines", offsetof(struct entry, lines), MID_EDGE_PROPERTY},
    {"next", offsetof(struct entry, next), MID_EDGE_INTERNAL},
};

static struct mid_heap *heap;
static struct mid_type entry_type, table_type, word_type, hidden_type;

static void check(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "sample: %s failed\n", what);
    exit(1);
}

static void open_heap(void)
{
    struct mid_type_info entry = {.struct_size = sizeof entry, .name = "Entry", .fixed_bytes = sizeof(struct entry),
                                  .fields = entry_fields, .field_count = 3};
    struct mid_type_info table = {.struct_size = sizeof table, .name = "Table", .tail = MID_TAIL_REFS, .kind = MID_KIND_ARRAY};
    struct mid_type_info word = {.struct_size = sizeof word, .name = "Word", .tail = MID_TAIL_BYTES, .kind = MID_KIND_STRING};
    struct mid_type_info hidden = {.struct_size = sizeof hidden, .name = "Map", .tail = MID_TAIL_REFS, .kind = MID_KIND_HIDDEN};
    struct mid_heap_options options;
    mid_heap_options_init(&options);
    options.sample_bytes = 4096; /* the snapshot has allocation sites */
    check(mid_heap_create(&options, &heap) == MID_OK, "mid_heap_create");
    check(mid_type_register(heap, &entry, &entry_type) == MID_OK, "mid_type_register");
    check(mid_type_register(heap, &table, &table_type) == MID_OK, "mid_type_register");
    check(mid_type_register(heap, &word, &word_type) == MID_OK, "mid_type_register");
    check(mid_type_register(heap, &hidden, &hidden_type) == MID_OK, "mid_type_register");
}

/* An entry in bucket `at` of the table: a word (some many times), and lines in a buffer or in a hidden object. */
static void add_entry(struct mid_persistent *table, size_t at, struct mid_pool *pool, uint64_t *random)
{
    struct mid_scope scope;
    struct mid_slice slice;
    char text[32];
    int bytes = snprintf(text, sizeof text, "word-%u", (unsigned)(test_random(random) % 5000));
    mid_scope_begin(heap, &scope);
    struct mid_slot word = mid_local(heap, mid_new_string(heap, word_type, text, (size_t)bytes)), lines;
    if (test_random(random) % 3 == 0) {
        check(mid_slice_alloc(pool, 1 + test_random(random) % 3000, &slice) == MID_OK, "mid_slice_alloc");
        lines = mid_local(heap, mid_buffer_new(heap, slice));
    } else {
        lines = mid_local(heap, mid_new_array(heap, hidden_type, test_random(random) % 9));
    }
    struct mid_ref entry = mid_new(heap, entry_type);
    check(!mid_is_null(mid_get(word)) && !mid_is_null(mid_get(lines)) && !mid_is_null(entry), "allocation");
    struct entry *e = mid_data(entry);
    mid_store(heap, entry, &e->word, mid_get(word));
    mid_store(heap, entry, &e->lines, mid_get(lines));
    mid_store(heap, entry, &e->next, mid_array_get(mid_persistent_get(table), at));
    mid_array_set(heap, mid_persistent_get(table), at, entry);
    mid_scope_end(heap, &scope);
}

static int write_heap(uint64_t seed, const char *path)
{
    enum { BUCKETS = 1000, ENTRIES = 30000 };
    uint64_t random = seed * 0x9e3779b97f4a7c15u;
    struct mid_pool *pool;
    struct mid_pool_options o;
    mid_pool_options_init(&o);
    o.policy = seed % 2 != 0 ? MID_POOL_SEQUENTIAL : MID_POOL_SIZE_CLASS;
    check(mid_pool_create(&o, &pool) == MID_OK, "mid_pool_create");
    open_heap();
    struct mid_persistent *table = mid_persistent_new(heap, mid_new_array(heap, table_type, BUCKETS), "index");
    for (unsigned i = 0; i < ENTRIES; i++) {
        size_t at = test_random(&random) % BUCKETS;
        add_entry(table, at, pool, &random);
        if (i % 5 == 0)
            mid_array_set(heap, mid_persistent_get(table), test_random(&random) % BUCKETS, mid_null());
        if (i % 1000 == 0) /* an entry of its own, and one that is only watched */
            mid_persistent_new(heap, mid_array_get(mid_persistent_get(table), at), NULL);
        if (i % 1000 == 1)
            mid_weak_new(heap, mid_array_get(mid_persistent_get(table), at), "watch", NULL, NULL);
    }
    enum mid_status status = mid_heap_write_snapshot(heap, path, NULL);
    check(status == MID_OK, path);
    mid_heap_destroy(heap);
    check(mid_pool_destroy(pool, NULL) == MID_OK, "mid_pool_destroy");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "graph") == 0)
        return write_graph(strtoull(argv[2], NULL, 0), argv[3]);
    if (argc == 4 && strcmp(argv[1], "heap") == 0)
        return write_heap(strtoull(argv[2], NULL, 0), argv[3]);
    fprintf(stderr, "usage: sample graph|heap SEED FILE\n");
    return 2;
}
