/* SPDX-License-Identifier: MIT
 *
 * generate.c: writes a heap snapshot of any size from nothing: a synthetic program's heap in V8's layout.
 *
 *     generate [--bytes=SIZE | --units=N] [--seed=N] [--as=node20|node26|chrome] [--order=file|reverse]
 *              [--text=SIZE] [--wide] [--tracked] [FILE]
 *
 * Problem: a reader's limits show at sizes that no repository can hold, and on machines without Node. So the graph is a
 * function of the seed: nothing is kept, and each section is written by walking the same function again. Memory is a few
 * megabytes, whatever the size.
 *
 *     root - (GC roots) - roots by kind            the head: HEAD nodes
 *       \- Window - store - shelves (array)
 *                             |- shelf 0: [session, closure, DOM tree, pair of a WeakMap, map, ...]   a period
 *                             |- shelf 1: ...                                                     PERIOD units
 *
 * A unit is a small graph of one kind (kinds[] below): an object with its strings, a closure with its context, a detached
 * DOM tree, a WeakMap's entry. Units of one place in the period are of one kind, so that the ordinal of any unit, and the
 * number of any string, is a sum and a product. Each unit's first node also names a unit anywhere ("peer"), so that
 * dominators are not the tree that was written; ids are odd and not monotone; sizes are what V8 has for such objects.
 *
 * --order=reverse puts strings first and the header last; --text adds one string of SIZE bytes in all, cut into pieces of
 * 64 MiB as no program writes them; --wide gives a node in each thousand periods 5,000,000,000 bytes; --tracked adds the
 * sections of an allocation recording, with a trace_function_count that is too small, as V8 has it.
 *
 * It is no part of the library and shares no code with it: what both do in the same wrong way would not be seen.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- output */

#define BUFFER ((size_t)1 << 20)
static char buffer[BUFFER + 4096];
static size_t filled;
static uint64_t written;
static FILE *out; /* NULL: only counted */

static void flush(void)
{
    written += filled;
    if (out != NULL && fwrite(buffer, 1, filled, out) != filled) {
        fprintf(stderr, "generate: cannot write: %s\n", strerror(errno));
        exit(3);
    }
    filled = 0;
}

static void put(const char *text, size_t bytes)
{
    while (bytes != 0) {
        size_t part = bytes < 2048 ? bytes : 2048;
        memcpy(buffer + filled, text, part);
        filled += part;
        text += part;
        bytes -= part;
        if (filled >= BUFFER)
            flush();
    }
}

static void puts_(const char *text)
{
    put(text, strlen(text));
}

static void putn(uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    put(digits + at, sizeof digits - at);
}

/* ---- the kinds of units */

enum { HIDDEN, ARRAY, STRING, OBJECT, CODE, CLOSURE, REGEXP, NUMBER, NATIVE, SYNTHETIC, CONS, SLICED, SYMBOL, BIGINT, SHAPE };
enum { CONTEXT, ELEMENT, PROPERTY, INTERNAL, HIDDEN_EDGE, SHORTCUT, WEAK };

/* Names of nodes and edges. */
#define NAMES(X)                                                                                                       \
    X(EMPTY, "") X(GC_ROOTS, "(GC roots)") X(STRONG, "(Strong roots)") X(HANDLES, "(Handle scope)")                    \
    X(STACK, "(Stack roots)") X(DOM_TREES, "(Document DOM trees)") X(WINDOW, "Window") X(STORE, "store")             \
    X(SHELVES, "shelves") X(NATIVE_CONTEXT, "system / NativeContext") X(MAP, "system / Map") X(MAP_EDGE, "map")        \
    X(TABLE, "table") X(WEAK_MAP, "WeakMap") X(EPHEMERONS, "system / EphemeronHashTable") X(SESSION, "Session")        \
    X(USER, "user") X(TOKEN, "token") X(NUMBER_NAME, "heap number") X(ID, "id") X(PEER, "peer") X(HISTORY, "history")   \
    X(ARRAY_NAME, "Array") X(ELEMENTS, "elements") X(ELEMENTS_NAME, "(object elements)") X(OBJECT_NAME, "Object")      \
    X(PROTO, "__proto__") X(PRICE, "price") X(LINES, "lines") X(TOTAL, "total") X(MAP_OBJECT, "Map")                 \
    X(CONTEXT_NAME, "system / Context") X(CONTEXT_EDGE, "context") X(SCOPE, "session") X(COUNT, "count")               \
    X(SHARED, "shared") X(SHARED_NAME, "system / SharedFunctionInfo") X(CODE_NAME, "(code for onMessage)")             \
    X(CODE_EDGE, "code") X(ON_MESSAGE, "onMessage") X(DIV, "<div id=\\\"row\\\" class=\\\"wide\\\">") X(SPAN, "<span>")  \
    X(TEXT_NODE, "#text") X(FIRST, "first") X(SECOND, "second") X(PARENT, "parent") X(CONS_NAME, "(concatenated string)") \
    X(SLICED_NAME, "(sliced string)") X(REGEXP_NAME, "a+b") X(SOURCE, "source") X(DESCRIPTORS, "(map descriptors)")   \
    X(DESCRIPTORS_EDGE, "descriptors") X(BUFFER_NAME, "system / JSArrayBufferData") X(BACKING, "backing_store")        \
    X(ARRAY_BUFFER, "ArrayBuffer") X(BIG, "bigint") X(SYMBOL_NAME, "symbol") X(UNICODE, "na\\u00efve \\ud83d\\ude00")
#define AS_ENUM(name, text) N_##name,
#define AS_TEXT(name, text) text,
enum { NAMES(AS_ENUM) NAMES_END };
static const char *const names[] = {NAMES(AS_TEXT)};

/* A node's name, where it is not one of the above: a text of the unit's own. */
#define OWN(n) (1000 + (n))
/* A target that is not in the unit. */
enum { TO_PEER = 100, TO_MAP, TO_WEAK_MAP_TABLE };

struct node { int type, name, size, first, edges; };
struct edge { int type, name, to; }; /* name: a number where the type says so; OWN(0): the ephemeron's sentence */

struct kind {
    int nodes, texts;
    struct node node[12];
    struct edge edge[40];
};

static const struct kind kinds[] = {
    /* 0: an object of a class, with a string of its own, a number, and an array of two */
    {6, 1,
     {{OBJECT, N_SESSION, 48, 0, 6}, {STRING, OWN(0), 40, 6, 1}, {NUMBER, N_NUMBER_NAME, 12, 7, 1},
      {OBJECT, N_ARRAY_NAME, 16, 8, 3}, {ARRAY, N_EMPTY, 32, 11, 3}, {OBJECT, N_OBJECT_NAME, 28, 14, 3}},
     {{INTERNAL, N_MAP_EDGE, TO_MAP}, {PROPERTY, N_TOKEN, 1}, {PROPERTY, N_ID, 2}, {PROPERTY, N_HISTORY, 3},
      {PROPERTY, N_PEER, TO_PEER}, {PROPERTY, N_USER, 5}, {INTERNAL, N_MAP_EDGE, TO_MAP}, {INTERNAL, N_MAP_EDGE, TO_MAP},
      {INTERNAL, N_MAP_EDGE, TO_MAP}, {INTERNAL, N_ELEMENTS, 4}, {ELEMENT, 0, 5}, {INTERNAL, N_MAP_EDGE, TO_MAP},
      {INTERNAL, 0, 5}, {HIDDEN_EDGE, 1, 0}, {INTERNAL, N_MAP_EDGE, TO_MAP}, {PROPERTY, N_PRICE, 2},
      {PROPERTY, N_TOTAL, 2}}},
    /* 1: a closure, its context and its code */
    {4, 0,
     {{CLOSURE, N_ON_MESSAGE, 32, 0, 4}, {OBJECT, N_CONTEXT_NAME, 40, 4, 3}, {CODE, N_SHARED_NAME, 64, 7, 2},
      {CODE, N_CODE_NAME, 240, 9, 2}},
     {{INTERNAL, N_CONTEXT_EDGE, 1}, {INTERNAL, N_SHARED, 2}, {INTERNAL, N_MAP_EDGE, TO_MAP}, {INTERNAL, N_CODE_EDGE, 3},
      {CONTEXT, N_SCOPE, TO_PEER}, {INTERNAL, N_MAP_EDGE, TO_MAP}, {SHORTCUT, N_COUNT, 0}, {HIDDEN_EDGE, 1, 3},
      {WEAK, 2, 0}, {HIDDEN_EDGE, 1, 2}, {INTERNAL, N_MAP_EDGE, TO_MAP}}},
    /* 2: a plain object that holds plain objects, one with a long name of its own in V8's short strings */
    {5, 1,
     {{OBJECT, N_OBJECT_NAME, 56, 0, 6}, {OBJECT, N_OBJECT_NAME, 24, 6, 3}, {STRING, OWN(0), 28, 9, 0},
      {CONS, N_CONS_NAME, 20, 9, 2}, {SLICED, N_SLICED_NAME, 20, 11, 1}},
     {{INTERNAL, N_MAP_EDGE, TO_MAP}, {PROPERTY, N_FIRST, 1}, {PROPERTY, N_SECOND, 3}, {PROPERTY, N_PARENT, TO_PEER},
      {PROPERTY, N_TOKEN, 4}, {PROPERTY, N_PROTO, 1}, {INTERNAL, N_MAP_EDGE, TO_MAP}, {PROPERTY, N_PRICE, 2},
      {PROPERTY, N_TOTAL, 2}, {INTERNAL, N_FIRST, 2}, {INTERNAL, N_SECOND, 4}, {INTERNAL, N_PARENT, 2}}},
    /* 3: a DOM tree that nothing but a program holds */
    {5, 1,
     {{NATIVE, N_DIV, 96, 0, 3}, {NATIVE, N_SPAN, 72, 3, 2}, {NATIVE, N_SPAN, 72, 5, 2}, {NATIVE, N_TEXT_NODE, 56, 7, 2},
      {STRING, OWN(0), 64, 9, 0}},
     {{ELEMENT, 0, 1}, {ELEMENT, 1, 2}, {INTERNAL, N_PEER, TO_PEER}, {ELEMENT, 0, 3}, {INTERNAL, N_PARENT, 0},
      {ELEMENT, 0, 3}, {WEAK, 3, 0}, {INTERNAL, N_SOURCE, 4}, {INTERNAL, N_PARENT, 1}}},
    /* 4: an entry of a WeakMap: the key's side of the pair; the table's is written with the table */
    {3, 1,
     {{OBJECT, N_SESSION, 24, 0, 3}, {OBJECT, N_OBJECT_NAME, 40, 3, 3}, {ARRAY, N_ELEMENTS_NAME, 80, 6, 2}},
     {{INTERNAL, OWN(0), 1}, {PROPERTY, N_PEER, TO_PEER}, {INTERNAL, N_MAP_EDGE, TO_MAP}, {INTERNAL, N_ELEMENTS, 2},
      {PROPERTY, N_LINES, 2}, {INTERNAL, N_MAP_EDGE, TO_MAP}, {HIDDEN_EDGE, 0, TO_PEER}, {INTERNAL, N_MAP_EDGE, TO_MAP}}},
    /* 5: a Map with its table, a buffer outside the heap, a regular expression */
    {8, 0,
     {{OBJECT, N_MAP_OBJECT, 16, 0, 5}, {ARRAY, N_EMPTY, 200, 5, 4}, {OBJECT, N_ARRAY_BUFFER, 88, 9, 2},
      {NATIVE, N_BUFFER_NAME, 512, 11, 0}, {REGEXP, N_REGEXP_NAME, 32, 11, 1}, {BIGINT, N_BIG, 24, 12, 0},
      {SYMBOL, N_SYMBOL_NAME, 16, 12, 0}, {HIDDEN, N_MAP, 40, 12, 1}},
     {{INTERNAL, N_TABLE, 1}, {PROPERTY, N_SOURCE, 2}, {PROPERTY, N_TOKEN, 4}, {PROPERTY, N_COUNT, 5},
      {INTERNAL, N_MAP_EDGE, TO_MAP}, {INTERNAL, 0, 4}, {INTERNAL, 0, 6}, {HIDDEN_EDGE, 2, TO_PEER}, {INTERNAL, 0, 7},
      {INTERNAL, N_BACKING, 3}, {INTERNAL, N_MAP_EDGE, TO_MAP}, {INTERNAL, N_SOURCE, 6}, {INTERNAL, N_MAP_EDGE, TO_MAP}}},
};

/* The units of a period. */
static const unsigned char period[] = {0, 1, 2, 0, 4, 2, 0, 1, 0, 5, 2, 0, 1, 0, 2, 1, 0, 3, 2, 0, 1, 0, 2, 4, 0, 1, 2, 0, 1, 5, 0, 2};
#define PERIOD (sizeof period)

/* The head of the graph, by ordinal. */
enum { ROOT, ROOTS, STRONG_ROOTS, HANDLE_ROOTS, STACK_ROOTS, DOM_ROOTS, GLOBAL, STORE_OBJECT, SHELF_LIST, WEAK_MAP_OBJECT,
       WEAK_TABLE, CONTEXT_OBJECT, FIRST_MAP, HEAD = FIRST_MAP + 16 };

struct snapshot {
    uint64_t seed, periods, text_bytes;
    bool wide, tracked, chrome, six_fields, lines, reverse;
    /* by the place in the period */
    uint32_t node_at[PERIOD + 1], text_at[PERIOD + 1], pairs; /* the shelf is node 0 of its period */
};

#define PIECE ((uint64_t)64 << 20)

static uint64_t mix(uint64_t v)
{
    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
    v = (v ^ v >> 27) * 0x94d049bb133111ebu;
    return v ^ v >> 31;
}

static uint64_t chance(const struct snapshot *s, uint64_t what, uint64_t below)
{
    return mix(s->seed * 0x9e3779b97f4a7c15u + what) % below;
}

static void lay_out(struct snapshot *s)
{
    s->node_at[0] = 1;
    for (size_t i = 0; i < PERIOD; i++) {
        const struct kind *k = &kinds[period[i]];
        s->node_at[i + 1] = s->node_at[i] + (uint32_t)k->nodes;
        s->text_at[i + 1] = s->text_at[i] + (uint32_t)(k->texts + (period[i] == 4)); /* a pair has two sentences */
        s->pairs += period[i] == 4;
    }
}

static uint64_t nodes_of(const struct snapshot *s)
{
    return HEAD + s->periods * s->node_at[PERIOD];
}

static uint64_t head_edges(const struct snapshot *s, unsigned n);

static uint64_t edges_of(const struct snapshot *s)
{
    uint64_t all = PERIOD; /* the shelf's */
    for (size_t i = 0; i < PERIOD; i++)
        for (int n = 0; n < kinds[period[i]].nodes; n++)
            all += (uint64_t)kinds[period[i]].node[n].edges;
    all *= s->periods;
    for (unsigned n = 0; n < HEAD; n++)
        all += head_edges(s, n);
    return all;
}

static uint64_t first_node(const struct snapshot *s, uint64_t p, size_t place)
{
    return HEAD + p * s->node_at[PERIOD] + s->node_at[place];
}

static uint64_t first_text(const struct snapshot *s, uint64_t p, size_t place)
{
    return NAMES_END + p * s->text_at[PERIOD] + s->text_at[place];
}

/* Odd, and neighbours change places. */
static uint64_t id_of(const struct snapshot *s, uint64_t n)
{
    uint64_t twin = n < HEAD ? n : HEAD + ((n - HEAD) ^ 1);
    return 2 * (twin < nodes_of(s) ? twin : n) + 1;
}

/* ---- nodes */

static void put_node(const struct snapshot *s, uint64_t n, int type, uint64_t name, uint64_t size, uint64_t edges, int state)
{
    if (n != 0)
        puts_(",");
    putn((uint64_t)type);
    puts_(",");
    putn(name);
    puts_(",");
    putn(id_of(s, n));
    puts_(",");
    putn(size);
    puts_(",");
    putn(edges);
    if (!s->six_fields || s->tracked) {
        puts_(",");
        putn(s->tracked ? 1 + n % 3 : 0);
    }
    puts_(",");
    putn((uint64_t)state);
    if (s->lines)
        puts_("\n");
}

static uint64_t head_edges(const struct snapshot *s, unsigned n)
{
    switch (n) {
    case ROOT: return s->chrome ? 1 : 3;
    case ROOTS: return 5;
    case STRONG_ROOTS: return 2;
    case HANDLE_ROOTS: return 1;
    case GLOBAL: return 2;
    case STORE_OBJECT: return 1;
    case SHELF_LIST: return s->periods;
    case WEAK_MAP_OBJECT: return 1;
    case WEAK_TABLE: return s->periods * s->pairs;
    case CONTEXT_OBJECT: return 2 + 16;
    default: return n >= FIRST_MAP ? 1 : 0;
    }
}

static void put_nodes(const struct snapshot *s)
{
    static const struct { int type, name, size; } head[] = {
        {SYNTHETIC, N_EMPTY, 0}, {SYNTHETIC, N_GC_ROOTS, 0}, {SYNTHETIC, N_STRONG, 0}, {SYNTHETIC, N_HANDLES, 0},
        {SYNTHETIC, N_STACK, 0}, {SYNTHETIC, N_DOM_TREES, 0}, {OBJECT, N_WINDOW, 120}, {OBJECT, N_STORE, 48},
        {ARRAY, N_SHELVES, 16}, {OBJECT, N_WEAK_MAP, 16}, {ARRAY, N_EPHEMERONS, 64}, {HIDDEN, N_NATIVE_CONTEXT, 2000}};
    for (unsigned n = 0; n < HEAD; n++)
        if (n < FIRST_MAP)
            put_node(s, n, head[n].type, (uint64_t)head[n].name,
                     (uint64_t)head[n].size + (n == SHELF_LIST ? 8 * s->periods : 0), head_edges(s, n), 0);
        else
            put_node(s, n, SHAPE, N_MAP, 72, head_edges(s, n), 0);
    for (uint64_t p = 0; p < s->periods; p++) {
        uint64_t at = HEAD + p * s->node_at[PERIOD];
        put_node(s, at, ARRAY, N_EMPTY, 16 + 8 * PERIOD, PERIOD, 0);
        for (size_t i = 0; i < PERIOD; i++) {
            const struct kind *k = &kinds[period[i]];
            for (int n = 0; n < k->nodes; n++) {
                const struct node *v = &k->node[n];
                uint64_t name = v->name >= OWN(0) ? first_text(s, p, i) : (uint64_t)v->name;
                uint64_t size = (uint64_t)v->size + 4 * (chance(s, (p * PERIOD + i) * 16 + (unsigned)n, 32) == 0 ? 10u : 0u);
                if (s->wide && i == 9 && n == 3 && p % 1000 == 0)
                    size = 5000000000u;
                put_node(s, first_node(s, p, i) + (unsigned)n, v->type, name, size, (uint64_t)v->edges,
                         v->type == NATIVE && n == 0 ? 2 : 0);
            }
        }
    }
}

/* ---- edges */

static bool first_edge;

static void put_edge(const struct snapshot *s, int type, uint64_t name, uint64_t to)
{
    if (!first_edge)
        puts_(",");
    first_edge = false;
    putn((uint64_t)type);
    puts_(",");
    putn(name);
    puts_(",");
    putn(to * (s->six_fields && !s->tracked ? 6 : 7));
    if (s->lines)
        puts_("\n");
}

static void put_head_edges(const struct snapshot *s)
{
    put_edge(s, ELEMENT, 1, ROOTS);
    if (!s->chrome) {
        put_edge(s, SHORTCUT, N_WINDOW, GLOBAL);
        put_edge(s, ELEMENT, 2, DOM_ROOTS);
    }
    for (unsigned i = 0; i < 4; i++)
        put_edge(s, ELEMENT, i + 1, STRONG_ROOTS + i);
    put_edge(s, ELEMENT, 5, GLOBAL);
    put_edge(s, ELEMENT, 1, CONTEXT_OBJECT);
    put_edge(s, ELEMENT, 2, GLOBAL);
    put_edge(s, ELEMENT, 1, WEAK_MAP_OBJECT);
    put_edge(s, PROPERTY, N_STORE, STORE_OBJECT);
    put_edge(s, INTERNAL, N_NATIVE_CONTEXT, CONTEXT_OBJECT);
    put_edge(s, PROPERTY, N_SHELVES, SHELF_LIST);
    for (uint64_t p = 0; p < s->periods; p++)
        put_edge(s, ELEMENT, p, HEAD + p * s->node_at[PERIOD]);
    put_edge(s, INTERNAL, N_TABLE, WEAK_TABLE);
    for (uint64_t p = 0; p < s->periods; p++)
        for (size_t i = 0; i < PERIOD; i++)
            if (period[i] == 4)
                put_edge(s, INTERNAL, first_text(s, p, i) + 1, first_node(s, p, i) + 1);
    put_edge(s, INTERNAL, N_CONTEXT_EDGE, GLOBAL);
    put_edge(s, WEAK, 1, WEAK_MAP_OBJECT);
    for (unsigned i = 0; i < 16; i++)
        put_edge(s, HIDDEN_EDGE, i, FIRST_MAP + i);
    for (unsigned i = 0; i < 16; i++)
        put_edge(s, INTERNAL, N_DESCRIPTORS_EDGE, CONTEXT_OBJECT);
}

static void put_edges(const struct snapshot *s)
{
    first_edge = true;
    put_head_edges(s);
    for (uint64_t p = 0; p < s->periods; p++) {
        for (size_t i = 0; i < PERIOD; i++)
            put_edge(s, ELEMENT, i, first_node(s, p, i));
        for (size_t i = 0; i < PERIOD; i++) {
            const struct kind *k = &kinds[period[i]];
            for (int n = 0; n < k->nodes; n++)
                for (int e = k->node[n].first; e < k->node[n].first + k->node[n].edges; e++) {
                    const struct edge *v = &k->edge[e];
                    uint64_t unit = p * PERIOD + i, to = first_node(s, p, i) + (unsigned)v->to;
                    if (v->to == TO_PEER) {
                        uint64_t peer = chance(s, unit * 64 + (unsigned)e, s->periods * PERIOD);
                        to = first_node(s, peer / PERIOD, peer % PERIOD);
                    } else if (v->to == TO_MAP) {
                        to = FIRST_MAP + (unsigned)(period[i] * 2 + n) % 16;
                    }
                    put_edge(s, v->type, v->name >= OWN(0) ? first_text(s, p, i) : (uint64_t)v->name, to);
                }
        }
    }
}

/* ---- strings */

static void put_sentence(const struct snapshot *s, uint64_t p, size_t i, unsigned number)
{
    char text[200];
    uint64_t n = first_node(s, p, i);
    int bytes = snprintf(text, sizeof text,
                         ",\"%u / part of key (Session @%llu) -> value (Object @%llu) pair in WeakMap (table @%llu)\"",
                         number, (unsigned long long)id_of(s, n), (unsigned long long)id_of(s, n + 1),
                         (unsigned long long)id_of(s, WEAK_TABLE));
    put(text, (size_t)bytes);
}

/* One in eight is one of a thousand that others have too. */
static void put_text(const struct snapshot *s, uint64_t unit)
{
    static const char *const words[] = {"session ", "/api/v1/orders/", "user-", "Bearer ", "2026-11-", "caf\\u00e9 ", "a\\nb ", "id="};
    uint64_t r = chance(s, unit * 4 + 3, UINT64_MAX), shown = r % 8 == 0 ? r / 8 % 1000 : unit * 31 + s->seed % 97;
    puts_(",\"");
    puts_(words[r >> 8 & 7]);
    putn(shown);
    puts_(r >> 12 & 1 ? "" : "-0123456789abcdef");
    puts_("\"");
    if (s->lines)
        puts_("\n");
}

static void put_strings(const struct snapshot *s)
{
    for (size_t i = 0; i < NAMES_END; i++) {
        puts_(i == 0 ? "\"" : ",\"");
        puts_(names[i]);
        puts_("\"");
    }
    for (uint64_t p = 0; p < s->periods; p++)
        for (size_t i = 0; i < PERIOD; i++)
            if (period[i] == 4) {
                put_sentence(s, p, i, (unsigned)(2 * (p % 500)) + 1);
                put_sentence(s, p, i, (unsigned)(2 * (p % 500)) + 2);
            } else if (kinds[period[i]].texts != 0) {
                put_text(s, p * PERIOD + i);
            }
    for (uint64_t left = s->text_bytes; left != 0;) {
        uint64_t piece = left < PIECE ? left : PIECE;
        puts_(",\"");
        for (uint64_t i = 0; i < piece; i++)
            put(&"0123456789abcdefghijklmnopqrstuv"[(i + left) % 32], 1);
        puts_("\"");
        left -= piece;
    }
}

/* ---- the file */

static void put_header(const struct snapshot *s)
{
    bool trace = !s->six_fields || s->tracked;
    puts_("\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"");
    puts_(trace ? ",\"trace_node_id\",\"detachedness\"]" : ",\"detachedness\"]");
    puts_(",\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\",\"native\","
          "\"synthetic\",\"concatenated string\",\"sliced string\",\"symbol\",\"bigint\",\"object shape\"],\"string\",\"number\","
          "\"number\",\"number\",\"number\"");
    puts_(trace ? ",\"number\"]" : "]");
    puts_(",\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[[\"context\",\"element\",\"property\","
          "\"internal\",\"hidden\",\"shortcut\",\"weak\"],\"string_or_number\",\"node\"],\"trace_function_info_fields\":["
          "\"function_id\",\"name\",\"script_name\",\"script_id\",\"line\",\"column\"],\"trace_node_fields\":[\"id\","
          "\"function_info_index\",\"count\",\"size\",\"children\"],\"sample_fields\":[\"timestamp_us\",\"last_assigned_id\"],"
          "\"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]");
    if (s->chrome)
        puts_(",\"scope_fields\":[\"script_id\",\"start\",\"end\"]");
    puts_("},\"node_count\":");
    putn(nodes_of(s));
    puts_(",\"edge_count\":");
    putn(edges_of(s));
    puts_(s->tracked ? ",\"trace_function_count\":1" : ",\"trace_function_count\":0");
    puts_(s->six_fields ? ",\"extra_native_bytes\":123456}" : "}");
}

static void put_locations(const struct snapshot *s)
{
    unsigned fields = s->six_fields && !s->tracked ? 6 : 7;
    for (uint64_t p = 0; p < s->periods; p++) {
        puts_(p == 0 ? "" : ",");
        putn(first_node(s, p, 1) * fields);
        puts_(",82,");
        putn(p % 300);
        puts_(",17");
    }
}

static void put_section(const struct snapshot *s, unsigned which)
{
    switch (which) {
    case 0: put_header(s); return;
    case 1: puts_("\"nodes\":["); put_nodes(s); break;
    case 2: puts_("\"edges\":["); put_edges(s); break;
    case 3:
        puts_("\"trace_function_infos\":[");
        puts_(s->tracked ? "0,1,0,0,-1,-1,1,6,0,82,12,3" : "");
        break;
    case 4: puts_("\"trace_tree\":["); puts_(s->tracked ? "1,0,0,0,[2,1,4,96,[3,1,2,48,[]]]" : ""); break;
    case 5: puts_("\"samples\":["); puts_(s->tracked ? "0,11,50000,4001" : ""); break;
    case 6: puts_("\"locations\":["); put_locations(s); break;
    case 7:
        if (!s->chrome)
            return;
        puts_("\"scopes\":[-1,0,120,82,-7,900");
        break;
    default: puts_("\"strings\":["); put_strings(s); break;
    }
    puts_("]");
}

static void put_snapshot(const struct snapshot *s)
{
    puts_("{");
    for (unsigned i = 0; i < 9; i++) {
        unsigned which = s->reverse ? 8 - i : i;
        if (which == 7 && !s->chrome)
            continue;
        puts_(i == 0 ? "" : ",");
        put_section(s, which);
        puts_(s->lines ? "\n" : "");
    }
    puts_("}");
    flush();
}

/* ---- the command line */

static uint64_t size_of(const char *words)
{
    char *end;
    double v = strtod(words, &end);
    double unit = *end == 'k' || *end == 'K' ? 1e3 : *end == 'M' ? 1e6 : *end == 'G' ? 1e9 : 1;
    if (end == words || v < 0 || v * unit > 1e13 || (*end != '\0' && (unit == 1 || end[1] != '\0'))) {
        fprintf(stderr, "generate: not a size: %s\n", words);
        exit(2);
    }
    return (uint64_t)(v * unit);
}

/* As many periods as make the file about `bytes` long: by the length of two smaller ones, and the digits that grow. */
static uint64_t periods_for(struct snapshot s, uint64_t bytes)
{
    uint64_t low = 1, high = bytes / 1000 + 2, text = s.text_bytes;
    s.text_bytes = 0;
    bytes = bytes > text ? bytes - text : 0;
    s.periods = 64;
    written = 0;
    put_snapshot(&s);
    double each = (double)written / 64, growing = (double)edges_of(&s) / 64 + (double)s.node_at[PERIOD];
    while (low + 1 < high) {
        uint64_t middle = low + (high - low) / 2;
        double digits = 0;
        for (uint64_t v = middle; v >= 640; v /= 10)
            digits += 1;
        if ((double)middle * (each + growing * digits) < (double)bytes)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int main(int argc, char **argv)
{
    static const struct option lines[] = {{"bytes", 1, 0, 'b'}, {"units", 1, 0, 'u'}, {"seed", 1, 0, 's'}, {"as", 1, 0, 'a'},
                                          {"order", 1, 0, 'o'}, {"text", 1, 0, 't'}, {"wide", 0, 0, 'w'}, {"tracked", 0, 0, 'r'},
                                          {0, 0, 0, 0}};
    struct snapshot s = {.seed = 1, .lines = true};
    uint64_t bytes = 10000000, units = 0;
    bool good = true;
    for (int c; (c = getopt_long(argc, argv, "", lines, NULL)) != -1;)
        switch (c) {
        case 'b': bytes = size_of(optarg); break;
        case 'u': units = size_of(optarg); break;
        case 's': s.seed = size_of(optarg); break;
        case 'a':
            s.chrome = strcmp(optarg, "chrome") == 0;
            s.six_fields = s.chrome || strcmp(optarg, "node26") == 0;
            s.lines = !s.six_fields;
            good = good && (s.six_fields || strcmp(optarg, "node20") == 0);
            break;
        case 'o':
            s.reverse = strcmp(optarg, "reverse") == 0;
            good = good && (s.reverse || strcmp(optarg, "file") == 0);
            break;
        case 't': s.text_bytes = size_of(optarg); break;
        case 'w': s.wide = true; break;
        case 'r': s.tracked = true; break;
        default: good = false;
        }
    if (!good || argc - optind > 1) {
        fprintf(stderr, "usage: generate [--bytes=SIZE | --units=N] [--seed=N] [--as=node20|node26|chrome] [--order=file|reverse]\n"
                        "                [--text=SIZE] [--wide] [--tracked] [FILE]\n");
        return 2;
    }
    lay_out(&s);
    s.periods = units != 0 ? (units + PERIOD - 1) / PERIOD : periods_for(s, bytes);
    out = optind < argc ? fopen(argv[optind], "w") : stdout;
    if (out == NULL) {
        fprintf(stderr, "generate: cannot write %s: %s\n", argv[optind], strerror(errno));
        return 3;
    }
    put_snapshot(&s);
    if (fclose(out) != 0) {
        fprintf(stderr, "generate: cannot write: %s\n", strerror(errno));
        return 3;
    }
    return 0;
}
