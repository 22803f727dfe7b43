/* SPDX-License-Identifier: MIT
 * Unit tests of heapdump/write: the text of a snapshot, failures of the output, and the contract with the source.
 * What is written is read back by an independent reader, jansson. */
#include <midden/snapshot.h>

#include "heapdump/write/out.h"
#include "suite.h"
#include "table_source.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- helpers */

static struct mid_snapshot_options options_of(size_t buffer_bytes, size_t distinct_names)
{
    struct mid_snapshot_options o;
    mid_snapshot_options_init(&o);
    o.buffer_bytes = buffer_bytes;
    o.distinct_names = distinct_names;
    return o;
}

/* The snapshot as text, ended by NUL; freed by the caller. */
static char *written(struct table *t, const struct mid_snapshot_options *options)
{
    struct mid_snapshot_source source = table_source(t);
    struct memory m = {0};
    ck_assert_int_eq(mid_snapshot_write_stream(memory_write, &m, &source, options), MID_OK);
    ck_assert_int_eq(memory_write(&m, "", 1), 1);
    return m.bytes;
}

static json_t *parsed(const char *text)
{
    json_error_t error;
    json_t *root = json_loads(text, JSON_ALLOW_NUL, &error);
    ck_assert_msg(root != NULL, "not JSON: %s at byte %d", error.text, error.position);
    return root;
}

static json_int_t at(const json_t *array, size_t i)
{
    const json_t *value = json_array_get(array, i);
    ck_assert(json_is_integer(value));
    return json_integer_value(value);
}

/* ---- the text */

static const char *const two_groups[] = {"(Handles)", "(Globals)"};

static struct mid_snapshot_node tiny_nodes[] = {
    {MID_SNAPSHOT_OBJECT, 257, 24, 0, TEXT("Index"), 0, 0},
    {MID_SNAPSHOT_ARRAY, 259, 4096, 0, TEXT("Entries"), 0, 0},
    {MID_SNAPSHOT_STRING, 261, 40, 0, TEXT("caf\xc3\xa9 \"x\""), 0, 0},
};
static const struct table_edge tiny_edges[] = {
    {0, {MID_SNAPSHOT_EDGE_PROPERTY, 1, 0, TEXT("entries"), 0}},
    {0, {MID_SNAPSHOT_EDGE_WEAK, 0, 0, TEXT("self"), 0}},
    {1, {MID_SNAPSHOT_EDGE_ELEMENT, 2, 7, TEXT(""), 0}},
};
static const struct table_root tiny_roots[] = {
    {0, {1, 0, TEXT("")}},
    {1, {0, MID_SNAPSHOT_ROOT_GLOBAL, TEXT("index")}},
    {1, {2, MID_SNAPSHOT_ROOT_WEAK, TEXT("cache")}},
};

static struct table tiny(void)
{
    return (struct table){.nodes = tiny_nodes, .edges = tiny_edges, .roots = tiny_roots, .node_count = 3,
                          .edge_count = 3, .root_count = 3, .groups = two_groups, .group_count = 2};
}

static const char tiny_meta[] =
    "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\",\"detachedness\"],"
    "\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\",\"native\","
    "\"synthetic\",\"concatenated string\",\"sliced string\",\"symbol\",\"bigint\",\"object shape\"],"
    "\"string\",\"number\",\"number\",\"number\",\"number\"],"
    "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],"
    "\"edge_types\":[[\"context\",\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],"
    "\"string_or_number\",\"node\"],"
    "\"trace_function_info_fields\":[\"function_id\",\"name\",\"script_name\",\"script_id\",\"line\",\"column\"],"
    "\"trace_node_fields\":[\"id\",\"function_info_index\",\"count\",\"size\",\"children\"],"
    "\"sample_fields\":[\"timestamp_us\",\"last_assigned_id\"],"
    "\"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]},";

static const char tiny_body[] =
    "\"node_count\":7,\"edge_count\":10,\"trace_function_count\":0},\n"
    "\"nodes\":[9,0,1,0,2,0\n,9,1,3,0,2,0\n,9,2,5,0,1,0\n,9,3,7,0,2,0\n"
    ",3,4,257,24,2,0\n,1,5,259,4096,1,0\n,2,6,261,40,0,0\n],\n"
    "\"edges\":[1,1,6\n,5,7,24\n,1,1,12\n,1,2,18\n,1,1,30\n,3,7,24\n,6,8,36\n"
    ",2,9,30\n,6,10,24\n,1,7,36\n],\n"
    "\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n\"locations\":[],\n"
    "\"strings\":[\"\",\n\"(GC roots)\",\n\"(Handles)\",\n\"(Globals)\",\n\"Index\",\n\"Entries\",\n\"caf\\u00E9 \\\"x\\\"\",\n"
    "\"index\",\n\"cache\",\n\"entries\",\n\"self\"]}\n";

START_TEST(tiny_graph__written__is_this_text)
{
    struct table t = tiny();
    char *text = written(&t, NULL);
    ck_assert_msg(strncmp(text, tiny_meta, strlen(tiny_meta)) == 0, "%s", text);
    ck_assert_str_eq(text + strlen(tiny_meta), tiny_body);
    ck_assert_uint_eq(t.node_walks, 2);
    free(text);
    t.counts_known = true;
    t.node_walks = 0;
    text = written(&t, NULL);
    ck_assert_str_eq(text + strlen(tiny_meta), tiny_body);
    ck_assert_uint_eq(t.node_walks, 1);
    ck_assert_uint_eq(t.edge_walks, 2);
    free(text);
}
END_TEST

START_TEST(no_nodes__written__is_the_root_alone)
{
    struct table t = {.groups = two_groups};
    char *text = written(&t, NULL);
    json_t *root = parsed(text);
    ck_assert_uint_eq(json_array_size(json_object_get(root, "nodes")), 2 * 6);
    ck_assert_uint_eq(json_array_size(json_object_get(root, "edges")), 3);
    ck_assert_uint_eq(json_array_size(json_object_get(root, "strings")), 2);
    json_decref(root);
    free(text);
}
END_TEST

START_TEST(huge_figures__written__are_exact)
{
    struct mid_snapshot_node nodes[] = {
        {MID_SNAPSHOT_NATIVE, UINT64_MAX, UINT64_MAX, 0, TEXT("all"), 0, 0},
        {MID_SNAPSHOT_NATIVE, (uint64_t)1 << 53, 5000000000u, 0, TEXT("five"), 0, 0},
    };
    struct table_edge edges[] = {{1, {MID_SNAPSHOT_EDGE_HIDDEN, 0, UINT64_MAX, TEXT(""), 0}}};
    struct table t = {.nodes = nodes, .edges = edges, .node_count = 2, .edge_count = 1};
    t.extra_native_bytes = 10000000000u;
    char *text = written(&t, NULL);
    ck_assert_ptr_nonnull(strstr(text, "\"trace_function_count\":0,\"extra_native_bytes\":10000000000},\n"));
    ck_assert_ptr_nonnull(strstr(text, ",8,2,18446744073709551615,18446744073709551615,0,0\n"));
    ck_assert_ptr_nonnull(strstr(text, ",8,3,9007199254740992,5000000000,1,0\n"));
    ck_assert_ptr_nonnull(strstr(text, ",4,18446744073709551615,12\n"));
    free(text);
}
END_TEST

static void check_decimal(uint64_t value)
{
    char got[64], want[32];
    *mid__decimal(got, value) = '\0';
    snprintf(want, sizeof want, "%" PRIu64, value);
    ck_assert_str_eq(got, want);
}

START_TEST(decimal__every_field_value_and_length__equals_printf)
{
    for (uint64_t i = 0; i < 10000; i++) { /* both halves of the eight digits, over their whole range */
        check_decimal(i);
        check_decimal(i * 10000);
        check_decimal(i * 10000 + 9999);
        check_decimal(123400000000u + i * 10000 + i);
    }
    uint64_t random = test_seed("decimal");
    for (unsigned shift = 0; shift < 64; shift++) {
        check_decimal(UINT64_MAX >> shift);
        check_decimal((UINT64_MAX >> shift) - (UINT64_MAX >> shift) % 10);
        for (int i = 0; i < 100; i++)
            check_decimal(test_random(&random) >> shift);
    }
    for (uint64_t p = 1; p <= UINT64_MAX / 10; p *= 10) {
        check_decimal(p - 1);
        check_decimal(p);
        check_decimal(p + 1);
    }
    check_decimal(10000000000000000000u);
}
END_TEST

/* ---- names */

static const struct {
    struct mid_snapshot_text name;
    const char *json;
} hostile[] = {
    {TEXT(""), "\"\""},
    {TEXT("\b\f\n\r\t\"\\/"), "\"\\b\\f\\n\\r\\t\\\"\\\\/\""},
    {TEXT("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001F\\u007F\""},
    {TEXT("\x1b[31mred"), "\"\\u001B[31mred\""},
    {TEXT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\\u00E9\\u20AC\\uD83D\\uDE00\""},
    {TEXT("\xf4\x8f\xbf\xbf"), "\"\\uDBFF\\uDFFF\""},
    {TEXT("\xef\xbf\xbf"), "\"\\uFFFF\""},
    {TEXT("a\xffz\x80"), "\"a\\uFFFDz\\uFFFD\""},
    {TEXT("\xe2\x82z\xe2\x82"), "\"\\uFFFDz\\uFFFD\""},               /* cut off: one for the prefix */
    {TEXT("\xed\xa0\x80"), "\"\\uFFFD\\uFFFD\\uFFFD\""},              /* a surrogate is no UTF-8 */
    {TEXT("\xc0\xaf\xe0\x80\xaf"), "\"\\uFFFD\\uFFFD\\uFFFD\\uFFFD\\uFFFD\""}, /* overlong */
    {TEXT("\xf4\x90\x80\x80"), "\"\\uFFFD\\uFFFD\\uFFFD\\uFFFD\""},   /* beyond U+10FFFF */
    {TEXT("\xf0\x9f\x98"), "\"\\uFFFD\""},
    {TEXT("</script><img src=x>"), "\"</script><img src=x>\""},
};

START_TEST(name__hostile_bytes__is_ascii_json)
{
    struct mid_snapshot_node node = {MID_SNAPSHOT_STRING, 257, 1, 0, hostile[_i].name, 0, 0};
    struct table t = {.nodes = &node, .node_count = 1};
    char *text = written(&t, NULL);
    if (hostile[_i].name.bytes != 0) {
        const char *last = strstr(text, "\"(GC roots)\",\n");
        ck_assert_ptr_nonnull(last);
        last += strlen("\"(GC roots)\",\n");
        ck_assert_msg(strncmp(last, hostile[_i].json, strlen(hostile[_i].json)) == 0, "%s", last);
        ck_assert_str_eq(last + strlen(hostile[_i].json), "]}\n");
    }
    for (const char *p = text; *p != '\0'; p++)
        ck_assert_msg(*p == '\n' || (*p >= 32 && *p < 127), "byte %d", *p);
    free(text);
}
END_TEST

/* A name of `units` letters followed by U+1F600, and what length the string has that is read back. */
START_TEST(name__longer_than_1024_units__is_cut_and_no_pair_is_split)
{
    static const struct {
        size_t letters, bytes_back;
    } cases[] = {{1022, 1026}, {1023, 1023}, {1024, 1024}, {5000, 1024}};
    char name[5004];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(name, 'x', sizeof name);
        memcpy(name + cases[i].letters, "\xf0\x9f\x98\x80", 4);
        struct mid_snapshot_node node = {MID_SNAPSHOT_STRING, 257, 1, 0, {name, cases[i].letters + 4}, 0, 0};
        struct table t = {.nodes = &node, .node_count = 1};
        char *text = written(&t, NULL);
        json_t *root = parsed(text);
        ck_assert_uint_eq(json_string_length(json_array_get(json_object_get(root, "strings"), 2)), cases[i].bytes_back);
        json_decref(root);
        free(text);
    }
}
END_TEST

START_TEST(name__escapes_of_the_longest__fit_the_smallest_buffer)
{
    char name[4096];
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = "\xf0\x9f\x98\x80"[i % 4];
    struct mid_snapshot_node nodes[8];
    for (unsigned i = 0; i < 8; i++)
        nodes[i] = (struct mid_snapshot_node){MID_SNAPSHOT_STRING, 257 + 2 * i, 1, 0, {name, 4096 - 4 * i}, 0, 0};
    memset(name, 1, 1024); /* 1,024 units of six bytes each */
    struct table t = {.nodes = nodes, .node_count = 8};
    struct mid_snapshot_options o = options_of(4096, 0);
    char *text = written(&t, &o);
    json_t *root = parsed(text);
    ck_assert_uint_eq(json_array_size(json_object_get(root, "strings")), 3); /* equal once they are cut */
    json_decref(root);
    free(text);
}
END_TEST

/* ---- read back */

/* What the writer must make of the bytes, by way of its own JSON (checked above against fixed texts). */
static void check_name(const json_t *strings, json_int_t index, struct mid_snapshot_text name)
{
    char out[MID__OUT_ROOM_MAX], *end = mid__text_json(out, name.text, mid__text_cut(name.text, name.bytes));
    *end = '\0';
    json_t *want = json_loads(out, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL), *got = json_array_get(strings, (size_t)index);
    ck_assert(want != NULL && json_equal(want, got));
    json_decref(want);
}

static bool has_index(enum mid_snapshot_edge_type type)
{
    return type == MID_SNAPSHOT_EDGE_ELEMENT || type == MID_SNAPSHOT_EDGE_HIDDEN;
}

/* The source's own nodes and edges, one by one, in the file. */
static void check_against_table(const struct table *t, const char *text)
{
    json_t *root = parsed(text), *nodes = json_object_get(root, "nodes"), *edges = json_object_get(root, "edges");
    json_t *strings = json_object_get(root, "strings"), *head = json_object_get(root, "snapshot");
    size_t base = 2 + t->group_count;
    ck_assert_uint_eq(json_array_size(nodes), 6 * (base + t->node_count));
    ck_assert_int_eq(json_integer_value(json_object_get(head, "node_count")), (json_int_t)(base + t->node_count));
    ck_assert_int_eq(3 * json_integer_value(json_object_get(head, "edge_count")), (json_int_t)json_array_size(edges));
    json_int_t owned = 0;
    for (size_t i = 0; i < base + t->node_count; i++)
        owned += at(nodes, 6 * i + 4);
    ck_assert_int_eq(3 * owned, (json_int_t)json_array_size(edges));
    for (size_t i = 0; i < t->node_count; i++) {
        size_t n = 6 * (base + i);
        ck_assert_int_eq(at(nodes, n), t->nodes[i].type);
        check_name(strings, at(nodes, n + 1), t->nodes[i].name);
        ck_assert_int_eq(at(nodes, n + 2), (json_int_t)t->nodes[i].id);
        ck_assert_int_eq(at(nodes, n + 3), (json_int_t)t->nodes[i].self_bytes);
        ck_assert_int_eq(at(nodes, n + 4), (json_int_t)t->nodes[i].edge_count);
        ck_assert_int_eq(at(nodes, n + 5), 0);
    }
    size_t first = json_array_size(edges) - 3 * t->edge_count;
    for (size_t i = 0; i < t->edge_count; i++) {
        const struct mid_snapshot_edge *e = &t->edges[i].edge;
        ck_assert_int_eq(at(edges, first + 3 * i), e->type);
        if (has_index(e->type))
            ck_assert_uint_eq((uint64_t)at(edges, first + 3 * i + 1), e->index);
        else
            check_name(strings, at(edges, first + 3 * i + 1), e->name);
        ck_assert_int_eq(at(edges, first + 3 * i + 2), (json_int_t)(6 * (base + e->target)));
    }
    json_decref(root);
}

/* jansson reads integers of 63 bits. */
static void keep_below_63_bits(struct table *t)
{
    for (size_t i = 0; i < t->edge_count; i++)
        ((struct table_edge *)(uintptr_t)t->edges)[i].edge.index &= INT64_MAX;
}

START_TEST(random_graph__read_back__is_the_source)
{
    uint64_t random = test_seed("random_graph");
    for (unsigned long round = 0; round < test_rounds(30); round++) {
        struct table *t = table_random(&random, 1 + test_random(&random) % 300, test_random(&random) % 900,
                                       1 + test_random(&random) % 400);
        keep_below_63_bits(t);
        t->passing = test_random(&random) % 2 != 0;
        /* names for 16, 32 ... : nearly all of them met again in the replay; then all known */
        struct mid_snapshot_options o = options_of(4096, (size_t)16 << test_random(&random) % 8);
        char *text = written(t, &o);
        check_against_table(t, text);
        free(text);
        table_free(t);
    }
}
END_TEST

START_TEST(text__any_buffer_and_short_writes__is_the_same)
{
    uint64_t random = test_seed("any_buffer");
    struct table *t = table_random(&random, 2000, 5000, 600);
    char *whole = written(t, NULL);
    struct mid_snapshot_source source = table_source(t);
    for (unsigned i = 0; i < 6; i++) {
        struct mid_snapshot_options o = options_of((size_t)4096 << (2 * i), 0);
        struct memory m = {.at_most = (size_t)1 << (3 * i + 1)};
        ck_assert_int_eq(mid_snapshot_write_stream(memory_write, &m, &source, &o), MID_OK);
        ck_assert_uint_eq(m.count, strlen(whole));
        ck_assert(memcmp(m.bytes, whole, m.count) == 0);
        free(m.bytes);
    }
    free(whole);
    table_free(t);
}
END_TEST

/* Nodes and edges are walked again each for itself, where their names do not fit. */
START_TEST(names__of_nodes_or_edges_do_not_fit__the_others_are_not_walked_again)
{
    enum { NODES = 3000 };
    static char names[NODES][16];
    struct mid_snapshot_node nodes[NODES];
    struct table_edge edges[NODES];
    static const struct mid_snapshot_text fields[3] = {TEXT("left"), TEXT("right"), TEXT("name 7")};
    for (unsigned i = 0; i < NODES; i++) {
        int bytes = snprintf(names[i], sizeof names[i], "name %u", i % 2000);
        nodes[i] = (struct mid_snapshot_node){MID_SNAPSHOT_STRING, 257 + 2 * i, i, 0,
                                              {names[i], (size_t)bytes}, 0, 0};
        edges[i] = (struct table_edge){i, {MID_SNAPSHOT_EDGE_PROPERTY, (i + 1) % NODES, 0, fields[i % 3], 0}};
    }
    struct table t = {.nodes = nodes, .edges = edges, .node_count = NODES, .edge_count = NODES};
    struct mid_snapshot_options o = options_of(4096, 2048);
    char *text = written(&t, &o);
    check_against_table(&t, text);
    ck_assert_uint_eq(t.node_walks, 3);
    ck_assert_uint_eq(t.edge_walks, 1);
    free(text);
    for (unsigned i = 0; i < NODES; i++) /* and now the other way round */
        nodes[i].name = fields[i % 3], edges[i].edge.name = (struct mid_snapshot_text){names[i], strlen(names[i])};
    o.distinct_names = 1024;
    t.node_walks = t.edge_walks = 0;
    text = written(&t, &o);
    check_against_table(&t, text);
    ck_assert_uint_eq(t.node_walks, 2);
    ck_assert_uint_eq(t.edge_walks, 2);
    free(text);
}
END_TEST

START_TEST(names__few_known__cost_strings_and_not_memory)
{
    uint64_t random = test_seed("few_known");
    struct table *t = table_random(&random, 20000, 20000, 5000);
    struct mid_snapshot_source source = table_source(t);
    struct mid_snapshot_figures all = {.struct_size = sizeof all}, few = all;
    struct mid_snapshot_options o = options_of(4096, 0);
    struct memory m = {0};
    o.figures = &all;
    ck_assert_int_eq(mid_snapshot_write_stream(memory_write, &m, &source, &o), MID_OK);
    ck_assert_uint_eq(all.nodes, 20000 + 6);
    ck_assert_uint_eq(all.edges, 20000 + 1 + 3 + 4 + 9);
    ck_assert_uint_eq(all.file_bytes, m.count);
    m.count = 0;
    t->node_walks = 0;
    o.distinct_names = 64;
    o.figures = &few;
    ck_assert_int_eq(mid_snapshot_write_stream(memory_write, &m, &source, &o), MID_OK);
    ck_assert_uint_eq(t->node_walks, 3);
    ck_assert_uint_lt(all.strings, 5000 + 10);
    ck_assert_uint_gt(few.strings, all.strings + 1000);
    ck_assert_uint_lt(few.memory_bytes, 48 * 1024);
    free(m.bytes);
    table_free(t);
}
END_TEST

/* ---- failures of the output */

START_TEST(stream__fails_after_any_byte__says_so_with_its_errno)
{
    struct table t = tiny();
    struct mid_snapshot_source source = table_source(&t);
    struct memory whole = {0};
    ck_assert_int_eq(mid_snapshot_write_stream(memory_write, &whole, &source, NULL), MID_OK);
    for (size_t room = 1; room < whole.count; room++) {
        struct memory m = {.room = room, .error = ENOSPC};
        errno = 0;
        ck_assert_int_eq(mid_snapshot_write_stream(memory_write, &m, &source, NULL), MID_E_IO);
        ck_assert_int_eq(errno, ENOSPC);
        ck_assert(memcmp(m.bytes, whole.bytes, room) == 0);
        free(m.bytes);
    }
    free(whole.bytes);
}
END_TEST

START_TEST(stream__fails__ends_the_walks_at_once)
{
    uint64_t random = test_seed("ends_at_once");
    struct table *t = table_random(&random, 5000, 5000, 10);
    struct mid_snapshot_source source = table_source(t);
    struct mid_snapshot_options o = options_of(4096, 0);
    struct memory m = {.room = 4096, .error = EPIPE};
    ck_assert_int_eq(mid_snapshot_write_stream(memory_write, &m, &source, &o), MID_E_IO);
    ck_assert_int_eq(errno, EPIPE);
    ck_assert_uint_eq(t->edge_walks, 0);
    ck_assert_uint_lt(m.calls, 8);
    free(m.bytes);
    table_free(t);
}
END_TEST

static ptrdiff_t write_absurd(void *user, const void *data, size_t bytes)
{
    (void)data;
    return *(int *)user == 0 ? 0 : (ptrdiff_t)(bytes + 1);
}

START_TEST(stream__takes_none_or_too_much__is_an_io_error)
{
    struct table t = tiny();
    struct mid_snapshot_source source = table_source(&t);
    for (int more = 0; more <= 1; more++) {
        errno = 0;
        ck_assert_int_eq(mid_snapshot_write_stream(write_absurd, &more, &source, NULL), MID_E_IO);
        ck_assert_int_eq(errno, EIO);
    }
}
END_TEST

/* ---- sources that break their contract */

static const char *wrong; /* which of the things below meddle does */

static enum mid_status meddle(struct table *t, char what, size_t number)
{
    struct mid_snapshot_node *node = &t->nodes[number];
    struct mid_snapshot_edge none, *edge = &none;
    if (t->edge_count != 0)
        edge = (struct mid_snapshot_edge *)(uintptr_t)&t->edges[number].edge;
    bool writing = t->node_walks == 2;
    if (strcmp(wrong, "node type") == 0 && what == 'n')
        node->type = (enum mid_snapshot_node_type)15;
    else if (strcmp(wrong, "node id") == 0 && what == 'n')
        node->id = MID_SNAPSHOT_FIRST_ID - 1;
    else if (strcmp(wrong, "node name") == 0 && what == 'n')
        node->name.text = NULL;
    else if (strcmp(wrong, "node missing") == 0 && what == 'n' && writing)
        t->node_count = 2;
    else if (strcmp(wrong, "node more") == 0 && what == 'n' && !writing)
        t->node_count = number == 1 ? 2 : t->node_count;
    else if (strcmp(wrong, "node more") == 0 && what == 'n')
        t->node_count = 3;
    else if (strcmp(wrong, "edge type") == 0 && what == 'e')
        edge->type = (enum mid_snapshot_edge_type)7;
    else if (strcmp(wrong, "edge target") == 0 && what == 'e')
        edge->target = 3;
    else if (strcmp(wrong, "edge name") == 0 && what == 'e')
        edge->name = (struct mid_snapshot_text){NULL, 1};
    else if (strcmp(wrong, "edge missing") == 0 && what == 'e')
        t->edge_count = 2;
    else if (strcmp(wrong, "edge more") == 0 && what == 'n')
        node->edge_count = 0;
    else if (strcmp(wrong, "edge elsewhere") == 0 && what == 'e' && number == 2)
        ((struct table_edge *)(uintptr_t)t->edges)[2].from = 2;
    else if (strcmp(wrong, "edge backwards") == 0 && what == 'e' && number == 2)
        ((struct table_edge *)(uintptr_t)t->edges)[2].from = 0, ((struct table_edge *)(uintptr_t)t->edges)[1].from = 1;
    else if (strcmp(wrong, "root target") == 0 && what == 'r')
        ((struct table_root *)(uintptr_t)t->roots)[number].root.target = 3;
    else if (strcmp(wrong, "root flags") == 0 && what == 'r')
        ((struct table_root *)(uintptr_t)t->roots)[number].root.flags = 4;
    else if (strcmp(wrong, "root both") == 0 && what == 'r')
        ((struct table_root *)(uintptr_t)t->roots)[number].root.flags = 3;
    else if (strcmp(wrong, "root missing") == 0 && what == 'r' && t->root_walks > 2)
        t->root_count = 2;
    else if (strcmp(wrong, "root no longer global") == 0 && what == 'r' && t->root_walks > 2)
        ((struct table_root *)(uintptr_t)t->roots)[1].root.flags = 0;
    else if (strcmp(wrong, "root now global") == 0 && what == 'r' && t->root_walks > 2)
        ((struct table_root *)(uintptr_t)t->roots)[0].root.flags = MID_SNAPSHOT_ROOT_GLOBAL;
    else if (strcmp(wrong, "names change") == 0 && what == 'n' && t->node_walks == 3)
        node->name = (struct mid_snapshot_text)TEXT("");
    return MID_OK;
}

static const char *const wrongs[] = {
    "node type", "node id", "node name", "node missing", "node more", "edge type", "edge target", "edge name",
    "edge missing", "edge more", "edge elsewhere", "edge backwards", "root target", "root flags", "root both",
    "root missing", "root no longer global", "root now global", "names change",
};

START_TEST(source__breaks_its_contract__is_refused)
{
    struct mid_snapshot_node nodes[3];
    struct table_edge edges[3];
    struct table_root roots[3];
    memcpy(nodes, tiny_nodes, sizeof nodes);
    memcpy(edges, tiny_edges, sizeof edges);
    memcpy(roots, tiny_roots, sizeof roots);
    struct table t = tiny();
    t.nodes = nodes;
    t.edges = edges;
    t.roots = roots;
    struct mid_snapshot_source source = table_source(&t);
    struct mid_snapshot_options o = options_of(4096, 0);
    struct mid_snapshot_node many[40];
    struct mid_snapshot_text names[40];
    char letters[40];
    wrong = wrongs[_i];
    if (strcmp(wrong, "names change") == 0) { /* it shows only where there is a replay */
        for (unsigned i = 0; i < 40; i++) {
            letters[i] = (char)('A' + i);
            names[i] = (struct mid_snapshot_text){&letters[i], 1};
            many[i] = (struct mid_snapshot_node){MID_SNAPSHOT_OBJECT, 257 + 2 * i, 0, 0, names[i], 0, 0};
        }
        t = (struct table){.nodes = many, .node_count = 40};
        source = table_source(&t);
        o.distinct_names = 16;
    }
    t.meddle = meddle;
    struct memory m = {0};
    ck_assert_int_eq(mid_snapshot_write_stream(memory_write, &m, &source, &o), MID_E_INVALID);
    free(m.bytes);
}
END_TEST

static enum mid_status refuse(struct table *t, char what, size_t number)
{
    const char *where = t->meddle_user;
    return what == where[0] && number == 1 ? MID_E_BUSY : MID_OK;
}

START_TEST(source__its_own_status__is_handed_on)
{
    static const char *const places[] = {"r", "n", "e"};
    struct table t = tiny();
    t.meddle = refuse;
    t.meddle_user = (void *)(uintptr_t)places[_i];
    struct mid_snapshot_source source = table_source(&t);
    struct memory m = {0};
    ck_assert_int_eq(mid_snapshot_write_stream(memory_write, &m, &source, NULL), MID_E_BUSY);
    free(m.bytes);
}
END_TEST

START_TEST(arguments__out_of_range__are_refused)
{
    struct table t = tiny();
    struct mid_snapshot_source good = table_source(&t), s;
    struct mid_snapshot_options o;
    struct memory m = {0};
    ck_assert_int_eq(mid_snapshot_write_stream(NULL, &m, &good, NULL), MID_E_INVALID);
    ck_assert_int_eq(mid_snapshot_write_stream(memory_write, &m, NULL, NULL), MID_E_INVALID);
#define REFUSED(change) \
    do { \
        s = good; \
        mid_snapshot_options_init(&o); \
        change; \
        ck_assert_int_eq(mid_snapshot_write_stream(memory_write, &m, &s, &o), MID_E_INVALID); \
    } while (0)
    REFUSED(s.struct_size--);
    REFUSED(s.nodes = NULL);
    REFUSED(s.edges = NULL);
    REFUSED(s.roots = NULL);
    REFUSED(s.group_names = NULL);
    REFUSED(s.group_count = MID_SNAPSHOT_GROUPS_MAX + 1);
    REFUSED(s.edge_count = 1);
    REFUSED(o.struct_size = 0);
    REFUSED(o.flags = 8);
    REFUSED(o.buffer_bytes = 4095);
    REFUSED(o.buffer_bytes = ((size_t)1 << 30) + 1);
    REFUSED(o.distinct_names = 15);
    struct mid_snapshot_figures f = {.struct_size = 1};
    REFUSED(o.figures = &f);
#undef REFUSED
    ck_assert_uint_eq(m.count, 0);
}
END_TEST

int main(void)
{
    TCase *text = tcase_create("text"), *names = tcase_create("names"), *back = tcase_create("read back");
    TCase *fail = tcase_create("failures"), *source = tcase_create("source");
    tcase_add_test(text, tiny_graph__written__is_this_text);
    tcase_add_test(text, no_nodes__written__is_the_root_alone);
    tcase_add_test(text, huge_figures__written__are_exact);
    tcase_add_test(text, decimal__every_field_value_and_length__equals_printf);
    tcase_add_loop_test(names, name__hostile_bytes__is_ascii_json, 0, (int)(sizeof hostile / sizeof hostile[0]));
    tcase_add_test(names, name__longer_than_1024_units__is_cut_and_no_pair_is_split);
    tcase_add_test(names, name__escapes_of_the_longest__fit_the_smallest_buffer);
    tcase_add_test(names, names__of_nodes_or_edges_do_not_fit__the_others_are_not_walked_again);
    tcase_add_test(names, names__few_known__cost_strings_and_not_memory);
    tcase_add_test(back, random_graph__read_back__is_the_source);
    tcase_add_test(back, text__any_buffer_and_short_writes__is_the_same);
    tcase_add_test(fail, stream__fails_after_any_byte__says_so_with_its_errno);
    tcase_add_test(fail, stream__fails__ends_the_walks_at_once);
    tcase_add_test(fail, stream__takes_none_or_too_much__is_an_io_error);
    tcase_add_loop_test(source, source__breaks_its_contract__is_refused, 0, (int)(sizeof wrongs / sizeof wrongs[0]));
    tcase_add_loop_test(source, source__its_own_status__is_handed_on, 0, 3);
    tcase_add_test(source, arguments__out_of_range__are_refused);
    return run_suite("snapshot writer", text, names, back, fail, source, NULL);
}
