/* SPDX-License-Identifier: MIT
 * The reader of heap snapshots: what it tolerates, what it refuses and where, and that no input breaks it. */
#include <midden/internal/graph.h>

#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NODE_TYPES                                                                                                     \
    "[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\",\"native\",\"synthetic\","  \
    "\"concatenated string\",\"sliced string\",\"symbol\",\"bigint\",\"object shape\"]"
#define EDGE_TYPES "[\"context\",\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"]"
#define META "\"meta\":{" META_REST
#define META_REST                                                                                                      \
    "\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],\"node_types\":[" NODE_TYPES    \
    ",\"string\",\"number\",\"number\",\"number\"],\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],"          \
    "\"edge_types\":[" EDGE_TYPES ",\"string_or_number\",\"node\"]}"
#define HEADER  "\"snapshot\":{" META ",\"node_count\":3,\"edge_count\":3}"
#define NODES   "\"nodes\":[9,0,1,0,2, 3,1,3,16,1, 3,2,5,100,0]"
#define EDGES   "\"edges\":[5,3,5, 1,7,10, 2,4,10]"
#define STRINGS "\"strings\":[\"\",\"Window\",\"Foo\",\"global\",\"foo\"]"
#define PLAIN   "{" HEADER "," NODES "," EDGES "," STRINGS "}"

static enum mid_status load_bytes(const char *text, size_t bytes, struct mid__graph **g, struct mid__graph_error *error)
{
    enum mid_status status = mid__graph_load_memory(text, bytes, NULL, g, error);
    ck_assert((status == MID_OK) == (*g != NULL));
    return status;
}

static struct mid__graph *load_good(const char *text)
{
    struct mid__graph *g;
    struct mid__graph_error error;
    char line[400];
    enum mid_status status = load_bytes(text, strlen(text), &g, &error);
    mid__graph_error_line(&error, line, sizeof line);
    ck_assert_msg(status == MID_OK, "%s\n%s", line, text);
    ck_assert_int_eq(mid__graph_analyze(g, MID__PARTS_ALL, &error), MID_OK);
    return g;
}

static void is_the_plain_graph(const struct mid__graph *g)
{
    ck_assert_uint_eq(g->node_count, 3);
    ck_assert_uint_eq(g->edge_count, 3);
    ck_assert_uint_eq(g->strings.count, 5);
    ck_assert_uint_eq(g->node_type[0], MID__NODE_SYNTHETIC);
    ck_assert_uint_eq(g->node_type[2], MID__NODE_OBJECT);
    ck_assert_uint_eq(mid__graph_id(g, 2), 5);
    ck_assert_uint_eq(g->retained[0], 116);
    ck_assert_uint_eq(g->retained[2], 100);
    ck_assert_uint_eq(g->dominator[2], 0);
    ck_assert_int_eq(g->distance[1], 1);
    ck_assert_int_eq(g->distance[2], 1);
    ck_assert(mid__strings_is(&g->strings, g->node_name[2], "Foo", 3));
}

/* ---- the same graph in other clothes */

static const struct {
    const char *what, *text;
    uint32_t warnings;
} tolerated[] = {
    {"as it is", PLAIN, 0},
    {"byte order mark", "\xef\xbb\xbf" PLAIN, 0},
    {"white space everywhere", " \n\t{ " HEADER " , " NODES "\r\n,\n" EDGES ", " STRINGS " }\n\n", 0},
    {"strings first, edges before nodes", "{" STRINGS "," EDGES "," NODES "," HEADER "}", 0},
    {"header in the middle", "{" NODES "," HEADER "," EDGES "," STRINGS "}", 0},
    {"unknown section before strings",
     "{" HEADER "," NODES "," EDGES ",\"new\":{\"a\":[1,-2.5e3,[{}],null,true,\"\\u0041]\"]}," STRINGS "}", 0},
    {"unknown section after strings", "{" HEADER "," NODES "," EDGES "," STRINGS ",\"scopes\":[-1,-22]}", 0},
    {"no counts", "{\"snapshot\":{" META "}," NODES "," EDGES "," STRINGS "}", 0},
    {"counts too small", "{\"snapshot\":{" META ",\"node_count\":1,\"edge_count\":0}," NODES "," EDGES "," STRINGS "}", 2},
    {"counts absurd",
     "{\"snapshot\":{" META ",\"node_count\":999999999999999999,\"edge_count\":18446744073709551615}," NODES "," EDGES
     "," STRINGS "}",
     2},
    {"counts that are no numbers",
     "{\"snapshot\":{" META ",\"node_count\":\"three\",\"edge_count\":-3}," NODES "," EDGES "," STRINGS "}", 0},
    {"numbers with a fraction of zero",
     "{" HEADER ",\"nodes\":[9.0,0,1.00,0,2, 3,1,3,16,1, 3,2,5,100.0,0]," EDGES "," STRINGS "}", 0},
    {"leading zeros", "{" HEADER ",\"nodes\":[09,0,1,0,2, 3,1,3,0000000000000000000016,1, 3,2,5,100,0]," EDGES "," STRINGS "}",
     0},
    {"a group without its section",
     "{\"snapshot\":{\"meta\":{\"sample_fields\":[\"timestamp_us\",\"last_assigned_id\"]," META_REST ",\"node_count\":3}," NODES
     "," EDGES "," STRINGS "}",
     1},
    {"bytes behind the end", PLAIN " trailing", 1},
    {"a duplicate id", "{" HEADER ",\"nodes\":[9,0,5,0,2, 3,1,3,16,1, 3,2,5,100,0]," EDGES "," STRINGS "}", 1},
    {"root_index", "{\"snapshot\":{" META ",\"root_index\":0}," NODES "," EDGES "," STRINGS "}", 0},
    {"a root_index of no node", "{\"snapshot\":{" META ",\"root_index\":500}," NODES "," EDGES "," STRINGS "}", 1},
    {"edges of no node", "{" HEADER "," NODES ",\"edges\":[5,3,5, 1,7,10, 2,4,10, 2,4,10]," STRINGS "}", 2},
};

START_TEST(read__odd_but_whole__gives_the_same_graph)
{
    struct mid__graph *g = load_good(tolerated[_i].text);
    ck_assert_msg(g->warning_count == tolerated[_i].warnings, "%s: %u warnings, first: %s", tolerated[_i].what,
                  g->warning_count, g->warning_count != 0 ? g->warnings[0].message : "");
    is_the_plain_graph(g);
    mid__graph_free(g);
}
END_TEST

/* ---- refused, with the place */

static const struct {
    const char *text, *section, *message;
    const char *at; /* the error's offset is where this stands in the text (its last occurrence); NULL: not checked */
} refused[] = {
    {"", "", "the input is empty", NULL},
    {"   ", "", "the input ends too early", NULL},
    {"hello", "", "no heap snapshot", "hello"},
    {"[1,2]", "", "no heap snapshot", "[1"},
    {"{}", "", "\"snapshot\" is missing", NULL},
    {"{" HEADER "}", "", "\"nodes\" is missing", NULL},
    {"{" HEADER "," NODES "," EDGES "}", "", "\"strings\" is missing", NULL},
    {"{" HEADER "," NODES "," NODES "," EDGES "," STRINGS "}", "nodes", "twice", NULL},
    {"{\"snapshot\":{}," NODES "," EDGES "," STRINGS "}", "snapshot", "no \"meta\"", "{}"},
    {"{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\"]}}}", "snapshot", "do not have \"name\"", NULL},
    {"{\"snapshot\":{\"meta\":17}}", "snapshot", "no \"meta\" object", NULL},
    {"{" HEADER ",\"nodes\":[9,0,1,0]," EDGES "," STRINGS "}", "nodes", "end within a record", "9,0,1,0]"},
    {"{" HEADER ",\"nodes\":[]," EDGES "," STRINGS "}", "nodes", "no nodes", NULL},
    {"{" HEADER ",\"nodes\":[9,0,1,0,2,]," EDGES "," STRINGS "}", "nodes", "expected a number, found ']'", "]," EDGES},
    {"{" HEADER ",\"nodes\":[9,,0,1,0,2]," EDGES "," STRINGS "}", "nodes", "expected a number, found ','", ",0,1,0,2]"},
    {"{" HEADER ",\"nodes\":[9 0,1,0,2]," EDGES "," STRINGS "}", "nodes", "expected ',' or ']', found '0'", "0,1,0,2]"},
    {"{" HEADER ",\"nodes\":[,9,0,1,0,2]," EDGES "," STRINGS "}", "nodes", "expected a number", ",9,0,1"},
    {"{" HEADER ",\"nodes\":[9,0,-1,0,2]," EDGES "," STRINGS "}", "nodes", "has the id -1", "-1,0,2"},
    {"{" HEADER ",\"nodes\":[9,-4,1,0,2]," EDGES "," STRINGS "}", "nodes", "has the name -4", "-4,1,0"},
    {"{" HEADER ",\"nodes\":[9,0,1,-8,2]," EDGES "," STRINGS "}", "nodes", "has the size -8", "-8,2]"},
    {"{" HEADER ",\"nodes\":[9,0,1,8,-2]," EDGES "," STRINGS "}", "nodes", "has the edge count -2", "-2],"},
    {"{" HEADER ",\"nodes\":[9,0,1.5,8,2]," EDGES "," STRINGS "}", "nodes", "not whole", ".5,8"},
    {"{" HEADER ",\"nodes\":[9,0,1e3,8,2]," EDGES "," STRINGS "}", "nodes", "exponent", "e3,8"},
    {"{" HEADER ",\"nodes\":[9,0,99999999999999999999,8,2]," EDGES "," STRINGS "}", "nodes", "beyond 2^63", "99999999999999999999"},
    {"{" HEADER ",\"nodes\":[9,0,9223372036854775808,8,2]," EDGES "," STRINGS "}", "nodes", "beyond 2^63", "9223372036854775808"},
    {"{" HEADER ",\"nodes\":[9,0,1,\"8\",2]," EDGES "," STRINGS "}", "nodes", "expected a number, found '\"'", "\"8\""},
    {"{" HEADER ",\"nodes\":[9,0,1,9223372036854775807,0, 9,0,2,1,0]," EDGES "," STRINGS "}", "nodes", "add up", NULL},
    {"{" HEADER ",\"nodes\":[9,0,1,0,4294967295]," EDGES "," STRINGS "}", "nodes", "more than 4294967293 edges", NULL},
    {"{" HEADER ",\"nodes\":[9,0,1,0,4]," EDGES "," STRINGS "}", "edges", "goes to node 1 of 1", "5, 1,7"},
    {"{" HEADER ",\"nodes\":[9,0,1,0,2, 3,1,3,16,1, 3,2,5,100,9]," EDGES "," STRINGS "}", "nodes", "count 12 edges, and there are 3", NULL},
    {"{" HEADER ",\"nodes\":[9,55,1,0,2, 3,1,3,16,1, 3,2,5,100,0]," EDGES "," STRINGS "}", "nodes", "string 55 of 5", "55,1"},
    {"{" HEADER "," NODES ",\"edges\":[5,3,5, 1,7,10, 2,5,10]," STRINGS "}", "edges", "string 5 of 5", "5,10]"},
    {"{" HEADER "," NODES ",\"edges\":[5,3,5, 1,7,11, 2,4,10]," STRINGS "}", "edges", "no multiple of the 5", "11, 2"},
    {"{" HEADER "," NODES ",\"edges\":[5,3,5, 1,7,15, 2,4,10]," STRINGS "}", "edges", "goes to node 3 of 3", "15, 2"},
    {"{" HEADER "," NODES ",\"edges\":[5,3,5, 1,7,-5, 2,4,10]," STRINGS "}", "edges", "goes to -5", "-5, 2"},
    {"{" HEADER "," NODES ",\"edges\":[5,3,5, 1,-7,5, 2,4,10]," STRINGS "}", "edges", "index -7", "-7,5"},
    {"{" HEADER ",\"edges\":[5,3,5, 1,7,50, 2,4,10]," NODES "," STRINGS "}", "edges", "to node 10 of 3", "50, 2"},
    {"{" HEADER "," NODES ",\"edges\":[5,3,5, 1,7,10, 2,4]," STRINGS "}", "edges", "end within a record", "2,4]"},
    {"{" HEADER "," NODES "," EDGES ",\"strings\":[\"a\" \"b\"]}", "strings", "expected ',' or ']'", "\"b\""},
    {"{" HEADER "," NODES "," EDGES ",\"strings\":[\"a\",7]}", "strings", "expected a string", "7]}"},
    {"{" HEADER "," NODES "," EDGES ",\"strings\":[\"a\\x\"]}", "strings", "escape", "\\x"},
    {"{" HEADER "," NODES "," EDGES ",\"strings\":[\"a\\u00g0\"]}", "strings", "escape", "\\u00g0"},
    {"{" HEADER "," NODES "," EDGES ",\"strings\":[\"a\nb\"]}", "strings", "control character", "\nb"},
    {"{" HEADER "," NODES "," EDGES ",\"strings\":[\"a]}", "strings", "ends too early", NULL},
    {"{" HEADER "," NODES "," EDGES "," STRINGS ",\"x\":[1,2}", "x", "expected ',' or ']', found '}'", "}"},
    {"{" HEADER "," NODES "," EDGES "," STRINGS ",\"x\":{\"a\"}", "x", "expected ':'", "}"},
    {"{" HEADER "," NODES "," EDGES "," STRINGS ",\"x\":trie}", "x", "JSON value", "ie}"},
    {"{" HEADER "," NODES "," EDGES "," STRINGS ",\"x\":-}", "x", "expected a digit", "}"},
    {"{" HEADER "," NODES "," EDGES "," STRINGS ",\"x\":1.}", "x", "expected a digit", "}"},
    {"{" HEADER "," NODES "," EDGES "," STRINGS ",\"x\\u001b[31m\":@}", "x?[31m", "JSON value", "@"},
};

static size_t last_place(const char *text, const char *part)
{
    size_t place = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p++)
        place = (size_t)(p - text);
    return place;
}

START_TEST(read__damaged__says_what_and_where)
{
    const char *text = refused[_i].text;
    struct mid__graph *g;
    struct mid__graph_error e;
    ck_assert_int_eq(load_bytes(text, strlen(text), &g, &e), MID_E_FORMAT);
    ck_assert_msg(strstr(e.message, refused[_i].message) != NULL, "%s, not: %s\n%s", e.message, refused[_i].message, text);
    ck_assert_str_eq(e.section, refused[_i].section);
    ck_assert(e.has_place);
    ck_assert_uint_le(e.offset, strlen(text));
    if (refused[_i].at != NULL)
        ck_assert_msg(e.offset == last_place(text, refused[_i].at), "byte %llu, not %zu: %s\n%s",
                      (unsigned long long)e.offset, last_place(text, refused[_i].at), e.message, text);
}
END_TEST

START_TEST(read__nested_too_deep__is_refused)
{
    const size_t depth = 3000000;
    char *text = malloc(depth + 100);
    size_t n = (size_t)sprintf(text, "{\"x\":");
    memset(text + n, '[', depth);
    text[n + depth] = '\0';
    struct mid__graph *g;
    struct mid__graph_error e;
    ck_assert_int_eq(load_bytes(text, n + depth, &g, &e), MID_E_FORMAT);
    ck_assert_msg(strstr(e.message, "nested deeper") != NULL, "%s", e.message);
    memset(text + n + 100000, ']', 100000);
    strcpy(text + n + 200000, "}");
    ck_assert_int_eq(load_bytes(text, n + 200001, &g, &e), MID_E_FORMAT);
    ck_assert_msg(strstr(e.message, "\"snapshot\" is missing") != NULL, "%s", e.message);
    free(text);
}
END_TEST

/* ---- every truncation, every mutation */

static char *read_file(const char *path, size_t *bytes)
{
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s", path);
    fseek(f, 0, SEEK_END);
    *bytes = (size_t)ftell(f);
    rewind(f);
    char *text = malloc(*bytes + 1);
    ck_assert_uint_eq(fread(text, 1, *bytes, f), *bytes);
    fclose(f);
    return text;
}

START_TEST(read__cut_anywhere__is_an_error_with_a_place)
{
    size_t bytes;
    char *text = read_file("tests/golden/fixtures/tiny2.heapsnapshot", &bytes);
    struct mid__graph *g;
    struct mid__graph_error e;
    ck_assert_int_eq(load_bytes(text, bytes, &g, &e), MID_OK);
    mid__graph_free(g);
    while (bytes > 0 && strchr("\r\n ", text[bytes - 1]) != NULL)
        bytes--;
    for (size_t cut = 0; cut < bytes; cut++) {
        char *part = malloc(cut + 1); /* of its exact size, for the sanitizers */
        memcpy(part, text, cut);
        ck_assert_msg(load_bytes(part, cut, &g, &e) == MID_E_FORMAT, "cut at %zu", cut);
        ck_assert_msg(e.has_place && e.offset <= cut, "cut at %zu: byte %llu", cut, (unsigned long long)e.offset);
        free(part);
    }
    free(text);
}
END_TEST

START_TEST(read__one_byte_changed__never_breaks)
{
    static const char others[] = {'\0', ',', '0', '9', '"', '}', ']', '[', '-', '.', 'e', '\\', ' ', (char)0xff};
    size_t bytes, changed = 0, step = (size_t)(1000 / test_rounds(1000));
    char *text = read_file(_i == 0 ? "tests/golden/fixtures/tiny1.heapsnapshot" : "tests/golden/fixtures/tiny3.heapsnapshot",
                           &bytes);
    for (size_t at = 0; at < bytes; at += step)
        for (size_t i = 0; i < sizeof others; i++) {
            struct mid__graph *g;
            struct mid__graph_error e;
            char was = text[at];
            text[at] = others[i];
            if (load_bytes(text, bytes, &g, &e) == MID_OK) {
                ck_assert_int_eq(mid__graph_analyze(g, MID__PARTS_ALL, &e), MID_OK);
                changed += g->retained[0] != 0;
                mid__graph_free(g);
            } else {
                ck_assert_int_eq(e.status, MID_E_FORMAT);
                ck_assert(e.has_place);
            }
            text[at] = was;
        }
    ck_assert_uint_gt(changed, 0);
    free(text);
}
END_TEST

/* ---- the window's border: the same file behind more and more white space */

static char *large_file(size_t *bytes)
{
    const unsigned nodes = 15000;
    char *text = malloc(2000000), *p = text;
    p += sprintf(p, "{\"snapshot\":{" META ",\"node_count\":%u,\"edge_count\":%u},\"nodes\":[", nodes, nodes - 1);
    for (unsigned i = 0; i < nodes; i++)
        p += sprintf(p, "%s3,%u,%u,%u,%d%s", i == 0 ? "" : ",", i % 700, 2 * i + 1, i * 977u % 100000000u, i + 1 < nodes,
                     i % 3 == 0 ? "\n" : i % 50 == 0 ? "     \t\r\n" : "");
    p += sprintf(p, "],\"edges\":[");
    for (unsigned i = 1; i < nodes; i++)
        p += sprintf(p, "%s%u,%u,%u", i == 1 ? "" : ",", i % 3 == 0 ? 1u : 2u, i % 700, i * 5);
    p += sprintf(p, "],\"strings\":[");
    for (unsigned i = 0; i < 700; i++)
        p += sprintf(p, "%s\"%.*s%u\\u00e9\\\"%u\\n\"", i == 0 ? "" : ",", (int)(i % 40),
                     "................................................", i, i);
    for (unsigned i = 0; i < 30000; i++)
        p += sprintf(p, ",\"%u\\t\"", i);
    p += sprintf(p, "]}");
    *bytes = (size_t)(p - text);
    return text;
}

static void same_graphs(const struct mid__graph *a, const struct mid__graph *b)
{
    ck_assert_uint_eq(a->node_count, b->node_count);
    ck_assert_uint_eq(a->edge_count, b->edge_count);
    ck_assert_uint_eq(a->strings.count, b->strings.count);
    ck_assert(memcmp(a->node_name, b->node_name, 4 * (size_t)a->node_count) == 0);
    ck_assert(memcmp(a->node_id32, b->node_id32, 4 * (size_t)a->node_count) == 0);
    ck_assert(memcmp(a->node_raw_size, b->node_raw_size, 4 * (size_t)a->node_count) == 0);
    ck_assert(memcmp(a->first_edge, b->first_edge, 4 * (size_t)a->node_count + 4) == 0);
    ck_assert(memcmp(a->edge_name, b->edge_name, 4 * (size_t)a->edge_count) == 0);
    ck_assert(memcmp(a->edge_target, b->edge_target, 4 * (size_t)a->edge_count) == 0);
    ck_assert(memcmp(a->strings.start, b->strings.start, 8 * ((size_t)a->strings.count + 1)) == 0);
    ck_assert(memcmp(a->strings.text, b->strings.text, (size_t)(a->strings.start[a->strings.count] >> 1)) == 0);
}

START_TEST(read__tokens_across_the_window__are_whole)
{
    size_t bytes;
    char *text = large_file(&bytes);
    ck_assert_uint_gt(bytes, 3u << 18); /* every section crosses a border of the window of 2^18 bytes */
    char *moved = malloc(bytes + 400);
    struct mid__graph *first, *g;
    struct mid__graph_error e;
    ck_assert_int_eq(load_bytes(text, bytes, &first, &e), MID_OK);
    ck_assert_uint_eq(mid__graph_id(first, 14999), 29999);
    ck_assert(mid__strings_is(&first->strings, 41, ".41\xc3\xa9\"41\n", 9));
    ck_assert(mid__strings_is(&first->strings, 30699, "29999\t", 6));
    unsigned long rounds = test_rounds(100);
    for (size_t space = 1; space <= rounds; space++) {
        memset(moved, ' ', space);
        memcpy(moved + space, text, bytes);
        ck_assert_int_eq(load_bytes(moved, space + bytes, &g, &e), MID_OK);
        same_graphs(first, g);
        mid__graph_free(g);
    }
    mid__graph_free(first);
    free(moved);
    free(text);
}
END_TEST

/* ---- wide values */

START_TEST(read__sizes_and_ids_beyond_32_bits__are_exact)
{
    struct mid__graph *g = load_good(
        "{" HEADER ",\"nodes\":[9,0,1,0,2, 3,1,12345678901,5000000000,1, 0,2,5,4294967295,0],\"edges\":[5,3,5, 1,7,5, 2,4,10],"
        STRINGS "}");
    ck_assert_uint_eq(mid__graph_id(g, 1), 12345678901u);
    ck_assert_uint_eq(mid__graph_id(g, 2), 5);
    ck_assert_uint_eq(mid__graph_raw_size(g, 1), 5000000000u);
    ck_assert_uint_eq(mid__graph_raw_size(g, 2), 4294967295u);
    ck_assert_uint_eq(mid__graph_size(g, 1), 9294967295u); /* the hidden node is folded into its owner */
    ck_assert_uint_eq(mid__graph_size(g, 2), 0);
    ck_assert_uint_eq(g->retained[0], 9294967295u);
    uint32_t node;
    ck_assert(mid__graph_find(g, 12345678901u, &node) && node == 1);
    ck_assert(!mid__graph_find(g, 7, &node));
    mid__graph_free(g);
    /* Two sizes that fit 32 bits and whose sum does not. */
    g = load_good("{" HEADER ",\"nodes\":[9,0,1,0,2, 3,1,3,4000000000,1, 0,2,5,4000000000,0],\"edges\":[5,3,5, 1,7,5, 2,4,10],"
                  STRINGS "}");
    ck_assert_uint_eq(mid__graph_size(g, 1), 8000000000u);
    ck_assert_uint_eq(mid__graph_raw_size(g, 1), 4000000000u);
    mid__graph_free(g);
}
END_TEST

START_TEST(read__types_without_a_name__are_unknown_and_warned)
{
    struct mid__graph *g = load_good("{" HEADER ",\"nodes\":[9,0,1,0,2, 99,1,3,16,1, 700,2,5,100,0],\"edges\":[5,3,5, 77,1,10, 2,4,10],"
                                     STRINGS "}");
    ck_assert_uint_eq(g->node_type[1], MID__NODE_UNKNOWN);
    ck_assert_uint_eq(g->node_type[2], MID__NODE_UNKNOWN);
    ck_assert_str_eq(mid__graph_node_type_name(g, g->node_type[2]), "unknown");
    ck_assert_uint_eq(g->edge_type[1], MID__EDGE_UNKNOWN);
    ck_assert_uint_eq(g->warning_count, 2);
    ck_assert_uint_eq(g->warnings[0].count, 2);
    mid__graph_free(g);
}
END_TEST

START_TEST(read__fields_and_types_in_another_order__are_found_by_name)
{
    struct mid__graph *g = load_good(
        "{\"snapshot\":{\"meta\":{\"node_fields\":[\"weight\",\"edge_count\",\"detachedness\",\"self_size\",\"name\",\"id\","
        "\"type\"],\"node_types\":[\"number\",\"number\",\"number\",\"number\",\"string\",\"number\",[\"object\",\"thread\","
        "\"synthetic\"]],\"edge_fields\":[\"to_node\",\"name_or_index\",\"type\"],\"edge_types\":[\"node\",\"string_or_number\","
        "[\"shortcut\",\"weak\",\"element\",\"property\",\"odd\"]],\"location_fields\":[\"column\",\"line\",\"script_id\","
        "\"object_index\"]}},\"nodes\":[-1,2,0,0,0,1,2, 2000000,1,0,16,1,3,1, 7,0,0,100,2,5,0],"
        "\"edges\":[7,3,0, 14,7,2, 14,4,3],\"locations\":[4,3,2,14, 8,7,-6,7, 9,9,9,14, 0,0,0,3, 1,1,1,700]," STRINGS "}");
    ck_assert_uint_eq(g->node_type[0], MID__NODE_SYNTHETIC);
    ck_assert_uint_eq(g->node_type[1], MID__NODE_FIRST_OTHER);
    ck_assert_str_eq(mid__graph_node_type_name(g, g->node_type[1]), "thread");
    ck_assert_uint_eq(g->edge_type[0], MID__EDGE_SHORTCUT);
    ck_assert_uint_eq(g->edge_type[1], MID__EDGE_ELEMENT);
    ck_assert_uint_eq(g->edge_name[1], 7);
    ck_assert_uint_eq(g->retained[0], 116);
    const struct mid__graph_location *l = mid__graph_location_of(g, 1);
    ck_assert(l != NULL && l->script_id == -6 && l->line == 7 && l->column == 8);
    l = mid__graph_location_of(g, 2); /* given twice: the last counts */
    ck_assert(l != NULL && l->script_id == 9);
    ck_assert_ptr_null(mid__graph_location_of(g, 0));
    ck_assert_uint_eq(g->warning_count, 2); /* locations of no node: no multiple, and out of range */
    mid__graph_free(g);
}
END_TEST

/* ---- strings */

START_TEST(strings__every_way_of_writing__decode_alike)
{
    struct mid__graph *g = load_good(
        "{" HEADER "," NODES "," EDGES ",\"strings\":[\"\",\"a\\u0062c\",\"abc\",\"\\ud83d\\ude00x\",\"\xf0\x9f\x98\x80x\","
        "\"\\ud83d\",\"\xff\xc3\",\"\\/\\b\\f\\n\\r\\t\\\\\\\"\",\"\\uE000\",\"\\u0000z\",\"abd\"]}");
    const struct mid__strings *s = &g->strings;
    char text[32];
    ck_assert_uint_eq(mid__strings_get(s, 1, text, sizeof text), 3);
    ck_assert_str_eq(text, "abc");
    ck_assert(mid__strings_equal(s, 1, 2));
    ck_assert(mid__strings_hash(s, 1) == mid__strings_hash(s, 2));
    ck_assert(mid__strings_equal(s, 3, 4));
    ck_assert(mid__strings_hash(s, 3) == mid__strings_hash(s, 4));
    ck_assert_uint_eq(mid__strings_utf16_units(s, 4), 3);
    ck_assert_uint_eq(mid__strings_get(s, 3, text, sizeof text), 5);
    ck_assert_str_eq(text, "\xf0\x9f\x98\x80x");
    ck_assert_uint_eq(mid__strings_get(s, 3, text, 4), 5); /* cut before the character, not within */
    ck_assert_str_eq(text, "");
    ck_assert_uint_eq(mid__strings_get(s, 5, text, sizeof text), 3);
    ck_assert_str_eq(text, "\xef\xbf\xbd");
    ck_assert_uint_eq(mid__strings_get(s, 6, text, sizeof text), 6);
    ck_assert_str_eq(text, "\xef\xbf\xbd\xef\xbf\xbd");
    ck_assert_uint_eq(mid__strings_get(s, 7, text, sizeof text), 8);
    ck_assert_str_eq(text, "/\b\f\n\r\t\\\"");
    ck_assert_uint_eq(mid__strings_get(s, 9, text, sizeof text), 2);
    ck_assert(memcmp(text, "\0z", 3) == 0);
    ck_assert(!mid__strings_equal(s, 5, 3));
    ck_assert_int_lt(mid__strings_compare(s, 3, s, 8), 0); /* by units: a surrogate comes before U+E000 */
    ck_assert_int_lt(mid__strings_compare(s, 2, s, 10), 0);
    ck_assert_int_eq(mid__strings_compare(s, 1, s, 2), 0);
    ck_assert(mid__strings_is(s, 1, "abc", 3) && !mid__strings_is(s, 1, "ab", 2) && !mid__strings_is(s, 1, "abcd", 4));
    ck_assert(mid__strings_begins(s, 1, "ab", 2) && !mid__strings_begins(s, 1, "abcd", 4));
    ck_assert_uint_eq(mid__strings_get(s, 4000, text, sizeof text), 0);
    ck_assert_uint_eq(mid__strings_get(s, 2, NULL, 0), 3);
    mid__graph_free(g);
}
END_TEST

START_TEST(strings__of_detached_nodes__gain_the_word)
{
    struct mid__graph *g = load_good(
        "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\",\"detachedness\"],"
        "\"node_types\":[" NODE_TYPES "],\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[" EDGE_TYPES
        "]}},\"nodes\":[9,0,1,0,1,0, 8,1,2,0,2,2, 8,1,4,0,0,0, 3,1,3,0,0,0],\"edges\":[1,0,6, 3,0,12, 3,0,18],"
        "\"strings\":[\"\",\"<\\u0064iv a>\"]}");
    char text[32];
    ck_assert_uint_eq(mid__strings_get(&g->strings, g->node_name[1], text, sizeof text), 16);
    ck_assert_str_eq(text, "Detached <div a>");
    ck_assert_uint_eq(g->node_name[1], g->node_name[2]);
    ck_assert_uint_eq(g->node_detachedness[2], 2);
    ck_assert_uint_eq(g->node_flags[2] & MID__FLAG_DETACHED_DOM, MID__FLAG_DETACHED_DOM);
    ck_assert_uint_eq(g->node_name[3], 1); /* no native node */
    ck_assert(mid__strings_is(&g->strings, g->node_name[1], "Detached <div a>", 16));
    ck_assert(mid__strings_begins(&g->strings, g->node_name[1], "Detached <", 10));
    ck_assert(!mid__strings_equal(&g->strings, g->node_name[1], 1));
    ck_assert_uint_eq(mid__strings_utf16_units(&g->strings, g->node_name[1]), 16);
    mid__graph_free(g);
}
END_TEST

/* ---- sources */

static void write_file(const char *path, const char *text, size_t bytes)
{
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(text, 1, bytes, f), bytes);
    fclose(f);
}

static enum mid_status load_path(const char *path, struct mid__graph **g, struct mid__graph_error *e)
{
    return mid__graph_load(path, NULL, g, e);
}

START_TEST(read__what_is_no_file__is_one_clear_error)
{
    struct mid__graph *g;
    struct mid__graph_error e;
    ck_assert_int_eq(load_path("/nonexistent/file", &g, &e), MID_E_IO);
    ck_assert(strstr(e.message, "No such file") != NULL && !e.has_place);
    ck_assert_int_eq(load_path("/", &g, &e), MID_E_IO);
    ck_assert(strstr(e.message, "directory") != NULL);
    ck_assert_int_eq(load_path("/dev/null", &g, &e), MID_E_FORMAT);
    ck_assert(strstr(e.message, "empty") != NULL);
    ck_assert_int_eq(load_path("/dev/zero", &g, &e), MID_E_FORMAT);
    ck_assert(e.has_place && e.offset == 0);
}
END_TEST

START_TEST(read__standard_input__is_named_by_a_dash)
{
    int ends[2], saved = dup(0);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq((int)write(ends[1], PLAIN, sizeof PLAIN - 1), (int)sizeof PLAIN - 1);
    close(ends[1]);
    dup2(ends[0], 0);
    close(ends[0]);
    struct mid__graph *g;
    struct mid__graph_error e;
    ck_assert_int_eq(load_path("-", &g, &e), MID_OK);
    ck_assert_int_eq(mid__graph_analyze(g, MID__PARTS_ALL, &e), MID_OK);
    is_the_plain_graph(g);
    ck_assert_uint_eq(g->input_bytes, sizeof PLAIN - 1);
    mid__graph_free(g);
    dup2(saved, 0);
    close(saved);
}
END_TEST

/* gzip of the system makes the compressed inputs; without it, or without zlib, there is nothing to see. */
START_TEST(read__gzip__in_one_member_or_two_or_cut)
{
    char dir[] = "/tmp/midden-reader-XXXXXX", a[64], both[64], command[300];
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(a, sizeof a, "%s/a", dir);
    snprintf(both, sizeof both, "%s/both", dir);
    write_file(a, PLAIN, 200);
    snprintf(command, sizeof command, "gzip -c %s > %s", a, both);
    int made = system(command);
    write_file(a, PLAIN + 200, sizeof PLAIN - 1 - 200);
    snprintf(command, sizeof command, "gzip -c %s >> %s", a, both);
    struct mid__graph *g;
    struct mid__graph_error e;
    if (made == 0 && system(command) == 0 &&
        (load_path(both, &g, &e) == MID_OK || strstr(e.message, "without zlib") == NULL)) {
        ck_assert_ptr_nonnull(g);
        ck_assert_uint_eq(g->input_bytes, sizeof PLAIN - 1);
        mid__graph_free(g);
        size_t bytes;
        char *packed = read_file(both, &bytes);
        for (size_t cut = 2; cut < bytes; cut++) {
            enum mid_status status = load_bytes(packed, cut, &g, &e);
            ck_assert_msg(status == MID_E_FORMAT, "cut at %zu of %zu: %d", cut, bytes, (int)status);
        }
        for (size_t at = 10; at < bytes; at++) { /* behind the header, whose fields no one checks */
            packed[at] ^= 0x10;
            if (load_bytes(packed, bytes, &g, &e) == MID_OK)
                mid__graph_free(g);
            packed[at] ^= 0x10;
        }
        free(packed);
    }
    unlink(a);
    unlink(both);
    rmdir(dir);
}
END_TEST

/* ---- limits */

START_TEST(load__memory_limit_of_any_size__is_kept_or_said)
{
    size_t bytes;
    char *text = large_file(&bytes);
    unsigned good = 0, bad = 0;
    for (size_t limit = 1000; limit < (size_t)64 << 20; limit = limit * 3 / 2) {
        struct mid__graph_options options = {.max_bytes = limit};
        struct mid__graph *g;
        struct mid__graph_error e;
        if (mid__graph_load_memory(text, bytes, &options, &g, &e) == MID_OK) {
            if (mid__graph_analyze(g, MID__PARTS_ALL, &e) != MID_OK)
                ck_assert_int_eq(e.status, MID_E_LIMIT);
            good += e.status == MID_OK;
            mid__graph_free(g);
        } else {
            ck_assert_int_eq(e.status, MID_E_LIMIT);
            ck_assert(strstr(e.message, "limit of") != NULL);
            bad++;
        }
    }
    ck_assert_uint_gt(good, 0);
    ck_assert_uint_gt(bad, 0);
    free(text);
}
END_TEST

static bool stop_at(void *user, const char *phase, uint64_t done, uint64_t total)
{
    (void)phase, (void)done, (void)total;
    return --*(int *)user > 0;
}

START_TEST(load__stopped_by_progress__says_so)
{
    size_t bytes;
    char *text = large_file(&bytes);
    bool finished = false;
    for (int calls = 1; !finished && calls < 100; calls++) {
        int left = calls;
        struct mid__graph_options options = {.progress = stop_at, .user = &left};
        struct mid__graph *g;
        struct mid__graph_error e;
        if (mid__graph_load_memory(text, bytes, &options, &g, &e) == MID_OK) {
            finished = mid__graph_analyze(g, MID__PARTS_ALL, &e) == MID_OK;
            mid__graph_free(g);
        }
        if (!finished)
            ck_assert_int_eq(e.status, MID_E_BUSY);
    }
    ck_assert(finished);
    free(text);
}
END_TEST

START_TEST(analyze__in_steps__equals_all_at_once)
{
    struct mid__graph *all = load_good(PLAIN), *g;
    struct mid__graph_error e;
    ck_assert_int_eq(load_bytes(PLAIN, sizeof PLAIN - 1, &g, &e), MID_OK);
    ck_assert_ptr_null(g->dominator);
    for (unsigned part = MID__PART_BY_ID; part != 0; part >>= 1)
        ck_assert_int_eq(mid__graph_analyze(g, part, &e), MID_OK);
    ck_assert(memcmp(g->retained, all->retained, 24) == 0);
    ck_assert(memcmp(g->distance, all->distance, 12) == 0);
    ck_assert_int_eq(mid__graph_analyze(g, 1u << 30, &e), MID_E_INVALID);
    mid__graph_drop(g, MID__PARTS_ALL);
    ck_assert(g->retainer == NULL && g->by_id == NULL && g->dominated == NULL && g->dominator != NULL);
    ck_assert_int_eq(mid__graph_analyze(g, MID__PARTS_ALL, &e), MID_OK);
    ck_assert(memcmp(g->retainer, all->retainer, 12) == 0);
    mid__graph_free(g);
    mid__graph_free(all);
    mid__graph_free(NULL);
}
END_TEST

int main(void)
{
    keep_freed_memory();
    TCase *c = tcase_create("reader");
    tcase_add_loop_test(c, read__odd_but_whole__gives_the_same_graph, 0, (int)(sizeof tolerated / sizeof tolerated[0]));
    tcase_add_loop_test(c, read__damaged__says_what_and_where, 0, (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(c, read__nested_too_deep__is_refused);
    tcase_add_test(c, read__cut_anywhere__is_an_error_with_a_place);
    tcase_add_loop_test(c, read__one_byte_changed__never_breaks, 0, 2);
    tcase_add_test(c, read__tokens_across_the_window__are_whole);
    tcase_add_test(c, read__sizes_and_ids_beyond_32_bits__are_exact);
    tcase_add_test(c, read__types_without_a_name__are_unknown_and_warned);
    tcase_add_test(c, read__fields_and_types_in_another_order__are_found_by_name);
    tcase_add_test(c, strings__every_way_of_writing__decode_alike);
    tcase_add_test(c, strings__of_detached_nodes__gain_the_word);
    tcase_add_test(c, read__what_is_no_file__is_one_clear_error);
    tcase_add_test(c, read__standard_input__is_named_by_a_dash);
    tcase_add_test(c, read__gzip__in_one_member_or_two_or_cut);
    tcase_add_test(c, load__memory_limit_of_any_size__is_kept_or_said);
    tcase_add_test(c, load__stopped_by_progress__says_so);
    tcase_add_test(c, analyze__in_steps__equals_all_at_once);
    return run_suite("reader", c, NULL);
}
