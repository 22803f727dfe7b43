/* SPDX-License-Identifier: MIT
 * The adapter from gc: a heap written as a snapshot and read back. Every live object once, with its size, name, edges and
 * lasting id; roots by kind; the blocks and slabs behind buffers; and the heap as it was. */
#include <midden/heap.h>
#include <midden/internal/graph.h>
#include <midden/roots.h>
#include <midden/sites.h>
#include <midden/slice.h>
#include <midden/snapshot.h>
#include <midden/walk.h>
#include <midden/weak_table.h>

#include "suite.h"
#include "table_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a heap to write */

struct pair {
    struct mid_ref first, second;
    uint64_t number;
};

static const struct mid_field pair_fields[] = {
    {"first", offsetof(struct pair, first), MID_EDGE_PROPERTY},
    {"second", offsetof(struct pair, second), MID_EDGE_INTERNAL},
};

static struct mid_heap *heap;
static struct mid_pool *pool;
static struct mid_type pair_type, array_type, string_type, named_type;

static size_t describe(void *user, const void *data, size_t bytes, char *out, size_t capacity)
{
    (void)user;
    (void)bytes;
    return (size_t)snprintf(out, capacity, "named %u", *(const unsigned *)data);
}

static void make_heap(void)
{
    struct mid_heap_options o;
    mid_heap_options_init(&o);
    o.semispace_bytes = 256 * 1024;
    o.verify = MID_VERIFY_PHASE;
    ck_assert_int_eq(mid_heap_create(&o, &heap), MID_OK);
    ck_assert_int_eq(mid_pool_create(NULL, &pool), MID_OK);
    struct mid_type_info pair = {.struct_size = sizeof pair, .name = "Pair", .fixed_bytes = sizeof(struct pair),
                                 .fields = pair_fields, .field_count = 2};
    struct mid_type_info array = {.struct_size = sizeof array, .name = "Array", .tail = MID_TAIL_REFS,
                                  .kind = MID_KIND_ARRAY};
    struct mid_type_info string = {.struct_size = sizeof string, .name = "String", .tail = MID_TAIL_BYTES,
                                   .kind = MID_KIND_STRING};
    struct mid_type_info named = {.struct_size = sizeof named, .name = "Named", .fixed_bytes = 8, .describe = describe};
    ck_assert_int_eq(mid_type_register(heap, &pair, &pair_type), MID_OK);
    ck_assert_int_eq(mid_type_register(heap, &array, &array_type), MID_OK);
    ck_assert_int_eq(mid_type_register(heap, &string, &string_type), MID_OK);
    ck_assert_int_eq(mid_type_register(heap, &named, &named_type), MID_OK);
}

static void end_heap(void)
{
    mid_heap_destroy(heap);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}

static struct mid_ref new_string(const char *text)
{
    struct mid_ref ref = mid_new_string(heap, string_type, text, strlen(text));
    ck_assert(!mid_is_null(ref));
    return ref;
}

/* A global array of `length` pairs, each with a string "key-i" in `first`. */
static struct mid_persistent *make_index(size_t length)
{
    struct mid_persistent *index = mid_persistent_new(heap, mid_new_array(heap, array_type, length), "index");
    for (size_t i = 0; i < length; i++) {
        struct mid_scope scope;
        char key[32];
        snprintf(key, sizeof key, "key-%zu", i);
        mid_scope_begin(heap, &scope);
        struct mid_slot text = mid_local(heap, new_string(key));
        struct mid_ref pair = mid_new(heap, pair_type);
        mid_store(heap, pair, &((struct pair *)mid_data(pair))->first, mid_get(text));
        mid_array_set(heap, mid_persistent_get(index), i, pair);
        mid_scope_end(heap, &scope);
    }
    return index;
}

/* ---- reading back */

static struct mid__graph *graph_of(const char *bytes, size_t count)
{
    struct mid__graph *g;
    struct mid__graph_error error;
    ck_assert_msg(mid__graph_load_memory(bytes, count, NULL, &g, &error) == MID_OK, "%s", error.message);
    ck_assert_msg(mid__graph_analyze(g, MID__PARTS_ALL, &error) == MID_OK, "%s", error.message);
    ck_assert_msg(g->warning_count == 0, "%s", g->warning_count == 0 ? "" : g->warnings[0].message);
    return g;
}

static struct mid__graph *snapshot(unsigned flags)
{
    struct memory m = {0};
    struct mid_snapshot_options o;
    mid_snapshot_options_init(&o);
    o.flags = flags;
    ck_assert_int_eq(mid_heap_write_snapshot_stream(heap, memory_write, &m, &o), MID_OK);
    struct mid__graph *g = graph_of(m.bytes, m.count);
    free(m.bytes);
    return g;
}

static bool is_named(const struct mid__graph *g, uint32_t node, const char *name)
{
    return mid__strings_is(&g->strings, g->node_name[node], name, strlen(name));
}

static uint32_t count_named(const struct mid__graph *g, const char *name)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->node_count; i++)
        n += is_named(g, i, name);
    return n;
}

/* The first node of this name, which must be there. */
static uint32_t node_named(const struct mid__graph *g, const char *name)
{
    for (uint32_t i = 0; i < g->node_count; i++)
        if (is_named(g, i, name))
            return i;
    ck_abort_msg("no node is named %s", name);
}

/* The target of the edge `nth` (from 0) of this type, and of this name if it is not NULL; UINT32_MAX when there is none. */
static uint32_t target_of(const struct mid__graph *g, uint32_t node, enum mid__edge_type type, const char *name,
                          unsigned nth)
{
    for (uint32_t e = g->first_edge[node]; e < g->first_edge[node + 1]; e++) {
        if (g->edge_type[e] != type)
            continue;
        if (name != NULL && !mid__strings_is(&g->strings, g->edge_name[e], name, strlen(name)))
            continue;
        if (nth-- == 0)
            return g->edge_target[e];
    }
    return UINT32_MAX;
}

static uint32_t edges_of(const struct mid__graph *g, uint32_t node)
{
    return g->first_edge[node + 1] - g->first_edge[node];
}

static struct mid_gc_stats stats(void)
{
    struct mid_gc_stats s = {.struct_size = sizeof s};
    ck_assert_int_eq(mid_heap_stats(heap, &s), MID_OK);
    return s;
}

static size_t used_bytes(void)
{
    struct mid_usage u = {.struct_size = sizeof u};
    ck_assert_int_eq(mid_heap_usage(heap, &u), MID_OK);
    return u.heap_used;
}

/* ---- weak tables */

static const char *first_internal(const struct mid__graph *g, uint32_t node, uint32_t target, char *out, size_t capacity)
{
    for (uint32_t e = g->first_edge[node]; e < g->first_edge[node + 1]; e++)
        if (g->edge_type[e] == MID__EDGE_INTERNAL && g->edge_target[e] == target) {
            size_t length = mid__strings_get(&g->strings, g->edge_name[e], out, capacity - 1);
            out[length] = '\0';
            return out;
        }
    ck_abort_msg("no such edge");
}

/* The name of the pair is V8's, and so viewers count the value as the key's and not as the table's. */
START_TEST(weak_table__with_an_entry__value_is_dominated_by_its_key)
{
    struct mid_persistent *table = mid_persistent_new(heap, mid_weak_table_new(heap), "table");
    struct mid_persistent *key = mid_persistent_new(heap, mid_new(heap, named_type), "key");
    struct mid_ref value = mid_new(heap, pair_type);
    ck_assert_int_eq(mid_weak_table_set(heap, mid_persistent_get(table), mid_persistent_get(key), value), MID_OK);
    struct mid__graph *g = snapshot(0);
    uint32_t t = target_of(g, 0, MID__EDGE_SHORTCUT, "table", 0), k = target_of(g, 0, MID__EDGE_SHORTCUT, "key", 0);
    uint32_t v = node_named(g, "Pair");
    char wanted[200], name[200];
    snprintf(wanted, sizeof wanted, "1 / part of key (Named @%llu) -> value (Pair @%llu) pair in WeakMap (table @%llu)",
             (unsigned long long)mid__graph_id(g, k), (unsigned long long)mid__graph_id(g, v),
             (unsigned long long)mid__graph_id(g, t));
    ck_assert_str_eq(first_internal(g, k, v, name, sizeof name), wanted);
    ck_assert_str_eq(first_internal(g, t, v, name, sizeof name), wanted);
    ck_assert_uint_eq(target_of(g, t, MID__EDGE_WEAK, "key", 0), k);
    ck_assert_uint_eq(g->dominator[v], k);
    ck_assert_uint_eq(g->retained[k], 16 + 32);
    ck_assert_uint_eq(g->retained[t], 16);
    mid__graph_free(g);
    mid_persistent_release(heap, table);
    mid_persistent_release(heap, key);
}
END_TEST

/* ---- objects */

START_TEST(heap__with_garbage__every_live_object_is_there_once)
{
    enum { LIVE = 3000 };
    struct mid_persistent *dropped = make_index(5000); /* old garbage, and young */
    struct mid_persistent *index = make_index(LIVE);
    mid_persistent_release(heap, dropped);
    mid_persistent_release(heap, make_index(500));
    struct mid__graph *g = snapshot(0);
    struct mid_gc_stats s = stats();
    size_t objects = 0;
    uint64_t bytes = 0;
    for (int i = 0; i < MID_SPACE_COUNT; i++)
        objects += s.spaces[i].objects;
    ck_assert_uint_eq(g->node_count, 2 + MID_ROOT_KIND_COUNT + objects);
    ck_assert_uint_eq(count_named(g, "Pair"), LIVE);
    ck_assert_uint_eq(count_named(g, "Array"), 1);
    for (uint32_t i = 0; i < g->node_count; i++) {
        bytes += mid__graph_raw_size(g, i);
        ck_assert(i == 0 || mid__graph_id(g, g->by_id[i]) > mid__graph_id(g, g->by_id[i - 1]));
    }
    ck_assert_uint_eq(bytes, used_bytes());
    ck_assert_uint_eq(g->total_size, bytes);
    uint32_t array = target_of(g, 0, MID__EDGE_SHORTCUT, "index", 0);
    ck_assert(is_named(g, array, "Array"));
    ck_assert_uint_eq(edges_of(g, array), LIVE);
    for (unsigned i = 0; i < LIVE; i++) {
        char key[32];
        snprintf(key, sizeof key, "key-%u", i);
        uint32_t pair = target_of(g, array, MID__EDGE_ELEMENT, NULL, i);
        ck_assert(is_named(g, pair, "Pair"));
        ck_assert_uint_eq(edges_of(g, pair), 1); /* null fields have no edge */
        ck_assert(is_named(g, target_of(g, pair, MID__EDGE_PROPERTY, "first", 0), key));
        ck_assert_int_eq(g->distance[pair], 2);
    }
    mid__graph_free(g);
    mid_persistent_release(heap, index);
}
END_TEST

START_TEST(heap__empty__is_its_roots)
{
    struct mid__graph *g = snapshot(0);
    ck_assert_uint_eq(g->node_count, 2 + MID_ROOT_KIND_COUNT);
    ck_assert_uint_eq(g->total_size, 0);
    mid__graph_free(g);
}
END_TEST

/* A list as long as this ends any writer or reader that recurses. */
START_TEST(heap__long_list__is_written)
{
    enum { LENGTH = 200000 };
    struct mid_persistent *list = mid_persistent_new(heap, mid_null(), "list");
    for (unsigned i = 0; i < LENGTH; i++) {
        struct mid_ref pair = mid_new(heap, pair_type);
        mid_store(heap, pair, &((struct pair *)mid_data(pair))->second, mid_persistent_get(list));
        mid_persistent_set(heap, list, pair);
    }
    struct mid__graph *g = snapshot(0);
    uint32_t head = target_of(g, 0, MID__EDGE_SHORTCUT, "list", 0);
    ck_assert_uint_eq(g->retained[head], g->total_size);
    ck_assert_uint_eq(count_named(g, "Pair"), LENGTH);
    mid__graph_free(g);
}
END_TEST

START_TEST(names__described_or_contents__are_shown)
{
    struct mid_slot keep = mid_local(heap, mid_new_array(heap, array_type, 300));
    for (unsigned i = 0; i < 300; i++) {
        struct mid_ref named = mid_new(heap, named_type);
        *(unsigned *)mid_data(named) = i;
        mid_array_set(heap, mid_get(keep), i, named);
    }
    struct mid_slot text = mid_local(heap, new_string("h\xc3\xa9llo \"w\xff\""));
    struct mid__graph *g = snapshot(0);
    ck_assert_uint_eq(count_named(g, "named 0"), 1);
    ck_assert_uint_eq(count_named(g, "named 299"), 1);
    uint32_t string = node_named(g, "h\xc3\xa9llo \"w\xef\xbf\xbd\"");
    ck_assert_uint_eq(g->node_type[string], MID__NODE_STRING);
    ck_assert(!mid_is_null(mid_get(text)));
    mid__graph_free(g);
}
END_TEST

/* ---- ids */

START_TEST(ids__over_moves_and_snapshots__stay_with_their_objects)
{
    enum { LENGTH = 2000 };
    static uint64_t ids[LENGTH];
    struct mid_persistent *index = make_index(LENGTH);
    char key[32];
    for (int round = 0; round < 4; round++) {
        struct mid__graph *g = snapshot(round % 2 == 0 ? 0 : MID_SNAPSHOT_NO_COLLECT);
        uint32_t array = target_of(g, 0, MID__EDGE_SHORTCUT, "index", 0);
        for (unsigned i = 0; i < LENGTH; i++) {
            uint32_t pair = target_of(g, array, MID__EDGE_ELEMENT, NULL, i);
            uint64_t id = mid__graph_id(g, target_of(g, pair, MID__EDGE_PROPERTY, "first", 0));
            ck_assert_uint_eq(id % 2, 1);
            ck_assert(round == 0 || ids[i] == id);
            ids[i] = id;
        }
        mid__graph_free(g);
        make_index(1500); /* newcomers, which must not be given these ids; the old move */
        ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_SCAVENGE, NULL), MID_OK);
        ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_FULL, NULL), MID_OK);
        snprintf(key, sizeof key, "key-%d", round);
        struct mid_ref pair = mid_array_get(mid_persistent_get(index), (size_t)round);
        ck_assert_uint_eq(mid_object_id(heap, ((struct pair *)mid_data(pair))->first), ids[round]);
    }
}
END_TEST

/* ---- roots */

static struct mid_ref shown[2];

static void show_roots(void *user, struct mid_root_visitor *visitor)
{
    (void)user;
    mid_root_slot(visitor, (struct mid_slot){&shown[0]}, "globals");
    mid_root_slot(visitor, (struct mid_slot){&shown[1]}, NULL);
}

START_TEST(roots__of_every_kind__hang_under_their_own_node)
{
    struct mid_slot local = mid_local(heap, new_string("local"));
    struct mid_slot both = mid_local(heap, new_string("local and watched"));
    struct mid_persistent *plain = mid_persistent_new(heap, new_string("plain"), NULL);
    struct mid_persistent *global = mid_persistent_new(heap, new_string("global"), "app");
    struct mid_weak *weak = mid_weak_new(heap, mid_get(both), "watch", NULL, NULL);
    ck_assert_int_eq(mid_roots_add(heap, "machine", show_roots, NULL), MID_OK);
    shown[0] = new_string("of the globals");
    shown[1] = new_string("of the stack");
    struct mid__graph *g = snapshot(0);

    uint32_t gc = target_of(g, 0, MID__EDGE_ELEMENT, NULL, 0);
    ck_assert(is_named(g, gc, "(GC roots)"));
    ck_assert_uint_eq(mid__graph_id(g, gc), 3);
    ck_assert_uint_eq(edges_of(g, gc), MID_ROOT_KIND_COUNT);
    ck_assert(is_named(g, target_of(g, 0, MID__EDGE_SHORTCUT, "app", 0), "global"));
    ck_assert(is_named(g, target_of(g, 0, MID__EDGE_SHORTCUT, "globals", 0), "of the globals"));
    ck_assert_uint_eq(edges_of(g, 0), 3);

    uint32_t kind = node_named(g, "(Local handles)");
    ck_assert_uint_eq(mid__graph_id(g, kind), 5);
    ck_assert_uint_eq(edges_of(g, kind), 2);
    ck_assert(is_named(g, target_of(g, kind, MID__EDGE_ELEMENT, NULL, 0), "local"));
    kind = node_named(g, "(Persistent handles)");
    ck_assert(is_named(g, target_of(g, kind, MID__EDGE_ELEMENT, NULL, 0), "plain"));
    ck_assert(is_named(g, target_of(g, kind, MID__EDGE_INTERNAL, "app", 0), "global"));
    kind = node_named(g, "(Root callbacks)");
    ck_assert(is_named(g, target_of(g, kind, MID__EDGE_INTERNAL, "machine", 0), "of the stack"));
    kind = node_named(g, "(Weak handles)");
    ck_assert_uint_eq(edges_of(g, kind), 1);
    ck_assert(is_named(g, target_of(g, kind, MID__EDGE_WEAK, "watch", 0), "local and watched"));

    mid__graph_free(g);
    ck_assert(!mid_is_null(mid_get(local)));
    mid_weak_release(heap, weak);
    mid_persistent_release(heap, plain);
    mid_persistent_release(heap, global);
    ck_assert_int_eq(mid_roots_remove(heap, show_roots, NULL), MID_OK);
}
END_TEST

/* ---- buffers */

static struct mid_ref new_buffer(struct mid_slice slice)
{
    struct mid_ref ref = mid_buffer_new(heap, slice);
    ck_assert(!mid_is_null(ref));
    return ref;
}

static uint32_t block_of(const struct mid__graph *g, uint32_t buffer)
{
    ck_assert_uint_eq(g->node_type[buffer], MID__NODE_NATIVE);
    uint32_t block = target_of(g, buffer, MID__EDGE_INTERNAL, "block", 0);
    ck_assert_uint_ne(block, UINT32_MAX);
    ck_assert(is_named(g, block, "system / JSArrayBufferData"));
    ck_assert_uint_eq(mid__graph_id(g, block) % 2, 0);
    return block;
}

/* One tiny buffer keeps a slab of 8 KiB: the answer that a dump must give. */
START_TEST(buffer__alone_in_its_slab__retains_all_of_it)
{
    struct mid_slice slice;
    ck_assert_int_eq(mid_slice_copy(pool, "x", 1, &slice), MID_OK);
    struct mid_persistent *p = mid_persistent_new(heap, new_buffer(slice), "tiny");
    struct mid__graph *g = snapshot(0);
    uint32_t buffer = target_of(g, 0, MID__EDGE_SHORTCUT, "tiny", 0), block = block_of(g, buffer);
    uint32_t slab = target_of(g, block, MID__EDGE_INTERNAL, "slab", 0);
    ck_assert(is_named(g, slab, "mid_slab"));
    ck_assert_uint_eq(mid__graph_raw_size(g, block), mid_slice_pinned_bytes(slice));
    ck_assert_uint_eq(mid__graph_raw_size(g, block) + mid__graph_raw_size(g, slab), MID_POOL_SLAB_BYTES);
    ck_assert_uint_eq(g->retained[buffer], mid__graph_raw_size(g, buffer) + MID_POOL_SLAB_BYTES);
    ck_assert_uint_eq(g->total_size, used_bytes() + MID_POOL_SLAB_BYTES);
    mid__graph_free(g);
    mid_persistent_release(heap, p);
}
END_TEST

START_TEST(buffers__of_one_block_or_slab__share_its_node)
{
    struct mid_slice slices[3], half;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(mid_slice_alloc(pool, 100, &slices[i]), MID_OK);
    ck_assert_int_eq(mid_slice_cut(slices[0], 50, 50, &half), MID_OK);
    struct mid_slot keep = mid_local(heap, mid_new_array(heap, array_type, 5));
    mid_array_set(heap, mid_get(keep), 0, new_buffer(slices[0]));
    mid_array_set(heap, mid_get(keep), 1, new_buffer(half));
    mid_array_set(heap, mid_get(keep), 2, new_buffer(slices[1]));
    mid_array_set(heap, mid_get(keep), 3, new_buffer(mid_slice_static("constant", 8)));
    mid_array_set(heap, mid_get(keep), 4, new_buffer(mid_slice_empty()));
    struct mid__graph *g = snapshot(0);
    uint32_t array = node_named(g, "Array"), buffers[5], blocks[3];
    for (unsigned i = 0; i < 5; i++)
        buffers[i] = target_of(g, array, MID__EDGE_ELEMENT, NULL, i);
    for (unsigned i = 0; i < 3; i++)
        blocks[i] = block_of(g, buffers[i]);
    ck_assert_uint_eq(blocks[0], blocks[1]);
    ck_assert_uint_ne(blocks[0], blocks[2]);
    ck_assert_uint_eq(edges_of(g, buffers[3]), 0);
    ck_assert_uint_eq(edges_of(g, buffers[4]), 0);
    ck_assert_uint_eq(count_named(g, "mid_slab"), 1);
    ck_assert_uint_eq(target_of(g, blocks[0], MID__EDGE_INTERNAL, "slab", 0),
                      target_of(g, blocks[2], MID__EDGE_INTERNAL, "slab", 0));
    ck_assert_uint_eq(g->retained[node_named(g, "mid_slab")],
                      MID_POOL_SLAB_BYTES - 2 * mid_slice_pinned_bytes(slices[1])); /* slices[2] is no buffer's */
    mid__graph_free(g);
    mid_slice_release(&slices[2]);
}
END_TEST

START_TEST(buffers__large_and_wrapped__show_their_bytes)
{
    static char foreign[3000];
    struct mid_slice large, wrapped;
    ck_assert_int_eq(mid_slice_alloc(pool, 100000, &large), MID_OK);
    ck_assert_int_eq(mid_slice_wrap(pool, foreign, sizeof foreign, NULL, NULL, &wrapped), MID_OK);
    size_t pinned = mid_slice_pinned_bytes(large);
    struct mid_persistent *a = mid_persistent_new(heap, new_buffer(large), "large");
    struct mid_persistent *b = mid_persistent_new(heap, new_buffer(wrapped), "wrapped");
    ck_assert_int_eq(mid_heap_adjust_external(heap, 12345), MID_OK);
    struct mid__graph *g = snapshot(0);
    uint32_t block = block_of(g, target_of(g, 0, MID__EDGE_SHORTCUT, "large", 0));
    ck_assert_uint_eq(mid__graph_raw_size(g, block), pinned);
    ck_assert_uint_ge(g->retained[block], 100000);
    block = block_of(g, target_of(g, 0, MID__EDGE_SHORTCUT, "wrapped", 0));
    ck_assert_uint_eq(g->retained[block], sizeof foreign);
    ck_assert_uint_eq(edges_of(g, block), 0);
    ck_assert_uint_eq(g->extra_native_bytes, 12345);
    mid__graph_free(g);
    mid_persistent_release(heap, a);
    mid_persistent_release(heap, b);
}
END_TEST

/* ---- what writing does to the heap */

START_TEST(writing__with_no_collect__collects_and_changes_nothing)
{
    struct mid_persistent *index = make_index(3000);
    mid_persistent_release(heap, make_index(100));
    struct mid_gc_stats before = stats();
    size_t used = used_bytes();
    struct mid__graph *g = snapshot(MID_SNAPSHOT_NO_COLLECT);
    struct mid_gc_stats after = stats();
    ck_assert_uint_eq(after.scavenges, before.scavenges);
    ck_assert_uint_eq(after.full_collections, before.full_collections);
    ck_assert_uint_eq(after.mark_steps, before.mark_steps);
    ck_assert_uint_eq(after.allocated_bytes, before.allocated_bytes);
    ck_assert_uint_eq(used_bytes(), used);
    ck_assert_int_eq(mid_heap_verify(heap, NULL, NULL), MID_OK);
    mid__graph_free(g);
    g = snapshot(0);
    ck_assert_uint_eq(stats().full_collections, after.full_collections + 1);
    ck_assert_int_eq(mid_heap_verify(heap, NULL, NULL), MID_OK);
    mid__graph_free(g);
    mid_persistent_release(heap, index);
}
END_TEST

START_TEST(writing__while_marking__shows_every_object)
{
    struct mid_persistent *index = make_index(20000);
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_FULL, NULL), MID_OK);
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_START, NULL), MID_OK);
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_STEP, NULL), MID_OK);
    struct mid__graph *g = snapshot(MID_SNAPSHOT_NO_COLLECT);
    ck_assert_uint_eq(count_named(g, "Pair"), 20000);
    mid__graph_free(g);
    ck_assert_int_eq(mid_heap_verify(heap, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_FULL, NULL), MID_OK);
    ck_assert_uint_eq(mid_length(heap, mid_persistent_get(index)), 20000);
}
END_TEST

START_TEST(writing__fails__leaves_heap_and_directory_as_they_were)
{
    make_index(2000);
    struct memory m = {.room = 5000, .error = ENOSPC};
    errno = 0;
    ck_assert_int_eq(mid_heap_write_snapshot_stream(heap, memory_write, &m, NULL), MID_E_IO);
    ck_assert_int_eq(errno, ENOSPC);
    free(m.bytes);
    errno = 0;
    ck_assert_int_eq(mid_heap_write_snapshot(heap, "/nonexistent/dump", NULL), MID_E_IO);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(mid_heap_write_snapshot(heap, NULL, NULL), MID_E_INVALID);
    ck_assert_int_eq(mid_heap_write_snapshot(NULL, "dump", NULL), MID_E_INVALID);
    ck_assert(!mid_is_null(mid_new(heap, pair_type))); /* the walk is over */
    ck_assert_int_eq(mid_heap_verify(heap, NULL, NULL), MID_OK);
}
END_TEST

START_TEST(writing__while_a_walk_is_open__is_busy)
{
    struct mid_walk *walk;
    ck_assert_int_eq(mid_walk_begin(heap, 0, &walk), MID_OK);
    ck_assert_int_eq(mid_heap_write_snapshot(heap, "dump", NULL), MID_E_BUSY);
    mid_walk_end(walk);
    ck_assert_int_ne(access("dump", F_OK), 0);
}
END_TEST

START_TEST(file__of_a_heap__loads)
{
    char path[] = "/tmp/midden-heap-XXXXXX";
    struct mid__graph *g;
    struct mid__graph_error error;
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    make_index(1000);
    struct mid_snapshot_figures figures = {.struct_size = sizeof figures};
    struct mid_snapshot_options o;
    mid_snapshot_options_init(&o);
    o.figures = &figures;
    ck_assert_int_eq(mid_heap_write_snapshot(heap, path, &o), MID_OK);
    ck_assert_msg(mid__graph_load(path, NULL, &g, &error) == MID_OK, "%s", error.message);
    ck_assert_uint_eq(figures.nodes, g->node_count);
    ck_assert_uint_eq(figures.edges, g->edge_count);
    ck_assert_uint_eq(figures.strings, g->strings.count);
    ck_assert_uint_eq(figures.file_bytes, g->input_bytes);
    ck_assert_uint_eq(figures.self_bytes, used_bytes());
    mid__graph_free(g);
    unlink(path);
}
END_TEST

/* ---- allocation sites */

static ptrdiff_t to_stream(void *user, const void *data, size_t bytes)
{
    return (ptrdiff_t)fwrite(data, 1, bytes, user);
}

static unsigned script_line;

static size_t where(void *user, struct mid_frame *frames, size_t capacity)
{
    (void)user, (void)capacity;
    frames[0] = (struct mid_frame){.name = script_line % 2 != 0 ? "odd" : "even", .script = "a \"b\".js", .line = script_line};
    frames[1] = (struct mid_frame){.name = "main", .script = "a \"b\".js"};
    return 2;
}

/* All objects are sampled. Few names are known by heart in the second round: those of sites are walked again. */
START_TEST(sites__of_a_heap_that_samples__come_back_with_every_object)
{
    char path[] = "/tmp/midden-test-XXXXXX";
    struct mid_heap_options options;
    struct mid_snapshot_options o;
    mid_snapshot_options_init(&o);
    o.distinct_names = _i == 0 ? 0 : 16;
    mid_heap_destroy(heap);
    mid_heap_options_init(&options);
    options.sample_bytes = 1;
    options.site = where;
    ck_assert_int_eq(mid_heap_create(&options, &heap), MID_OK);
    struct mid_type_info named = {.struct_size = sizeof named, .name = "Named", .fixed_bytes = 8};
    struct mid_type_info array = {.struct_size = sizeof array, .name = "Array", .tail = MID_TAIL_REFS};
    ck_assert_int_eq(mid_type_register(heap, &named, &named_type), MID_OK);
    ck_assert_int_eq(mid_type_register(heap, &array, &array_type), MID_OK);
    struct mid_slot keep = mid_local(heap, mid_new_array(heap, array_type, 40));
    for (script_line = 1; script_line <= 40; script_line++)
        for (unsigned i = 0; i < script_line; i++) /* the last of them lives */
            mid_array_set(heap, mid_get(keep), script_line - 1, mid_new(heap, named_type));
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(mid_heap_write_snapshot(heap, path, &o), MID_OK);
    struct mid__graph *g;
    struct mid__graph_error error;
    ck_assert_int_eq(mid__graph_load(path, NULL, &g, &error), MID_OK);
    unlink(path);
    ck_assert_uint_eq(g->sample_bytes, 1);
    ck_assert_uint_eq(g->warning_count, 0);
    ck_assert_uint_eq(g->function_count, 1 + 1 + 1 + 40); /* (root), main, line 0, lines 1 to 40 */
    ck_assert_uint_eq(g->site_count, 1 + 1 + 1 + 40);
    unsigned seen = 0;
    for (uint32_t n = 0; n < g->node_count; n++) {
        uint32_t site = mid__graph_site_of(g, n);
        if (!mid__strings_is(&g->strings, g->node_name[n], "Named", 5)) {
            ck_assert(site == MID__NO_SITE || g->functions[g->sites[site].function].line == 0);
            continue;
        }
        ck_assert_uint_ne(site, MID__NO_SITE);
        const struct mid__graph_function *f = &g->functions[g->sites[site].function];
        ck_assert_uint_eq(g->sites[site].count, f->line);
        ck_assert_uint_eq(g->sites[site].size, f->line * 16);
        ck_assert(mid__strings_is(&g->strings, f->name, f->line % 2 != 0 ? "odd" : "even", f->line % 2 != 0 ? 3 : 4));
        ck_assert(mid__strings_is(&g->strings, f->script, "a \"b\".js", 8));
        uint32_t above = g->sites[site].parent;
        ck_assert(mid__strings_is(&g->strings, g->functions[g->sites[above].function].name, "main", 4));
        ck_assert_uint_eq(g->sites[g->sites[above].parent].parent, MID__NO_SITE);
        seen |= f->line == 40;
        seen += 2;
    }
    ck_assert_uint_eq(seen, 2 * 40 + 1);
    mid__graph_free(g);
}
END_TEST

START_TEST(sites__of_the_c_stack__have_names_of_symbols_or_modules)
{
    char *text = NULL;
    size_t bytes = 0;
    ck_assert_int_eq(mid_heap_sample(heap, 1), MID_OK);
    mid_local(heap, mid_new(heap, named_type));
    FILE *file = open_memstream(&text, &bytes);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(mid_heap_write_snapshot_stream(heap, to_stream, file, NULL), MID_OK);
    fclose(file);
    struct mid__graph *g;
    struct mid__graph_error error;
    ck_assert_int_eq(mid__graph_load_memory(text, bytes, NULL, &g, &error), MID_OK);
    unsigned named = 0, deep = 0;
    for (uint32_t n = 0; n < g->node_count; n++)
        for (uint32_t s = mid__graph_site_of(g, n), depth = 0; s != MID__NO_SITE; s = g->sites[s].parent, depth++) {
            char name[400];
            size_t length = mid__strings_get(&g->strings, g->functions[g->sites[s].function].name, name, sizeof name);
            ck_assert_uint_gt(length, 0);
            named += strstr(name, "test_heap_snapshot+0x") != NULL || depth > 0;
            deep = depth > deep ? depth : deep;
        }
    ck_assert_uint_gt(named, 0);
    ck_assert_uint_gt(deep, 2); /* this function, Check's, main, (root) */
    mid__graph_free(g);
    free(text);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap snapshot");
    tcase_add_checked_fixture(c, make_heap, end_heap);
    tcase_add_test(c, heap__with_garbage__every_live_object_is_there_once);
    tcase_add_test(c, heap__empty__is_its_roots);
    tcase_add_test(c, heap__long_list__is_written);
    tcase_add_test(c, names__described_or_contents__are_shown);
    tcase_add_test(c, ids__over_moves_and_snapshots__stay_with_their_objects);
    tcase_add_test(c, roots__of_every_kind__hang_under_their_own_node);
    tcase_add_test(c, buffer__alone_in_its_slab__retains_all_of_it);
    tcase_add_test(c, buffers__of_one_block_or_slab__share_its_node);
    tcase_add_test(c, buffers__large_and_wrapped__show_their_bytes);
    tcase_add_test(c, writing__with_no_collect__collects_and_changes_nothing);
    tcase_add_test(c, writing__while_marking__shows_every_object);
    tcase_add_test(c, writing__fails__leaves_heap_and_directory_as_they_were);
    tcase_add_test(c, writing__while_a_walk_is_open__is_busy);
    tcase_add_test(c, file__of_a_heap__loads);
    tcase_add_test(c, weak_table__with_an_entry__value_is_dominated_by_its_key);
    tcase_add_loop_test(c, sites__of_a_heap_that_samples__come_back_with_every_object, 0, 2);
    tcase_add_test(c, sites__of_the_c_stack__have_names_of_symbols_or_modules);
    return run_suite("heap snapshot", c, NULL);
}
