/* SPDX-License-Identifier: MIT
 *
 * meta.c: reads the header: which fields a record has and in which order, and what the numbers of types mean.
 *
 * Problem: the layout of a snapshot differs between versions of V8, and other runtimes write their own. So nothing is
 * taken for granted but the names of the fields; types become the numbers of graph.h by their names.
 *
 * The text was checked by scan_skip before, so that the little reader below need not look for errors of form: only for
 * values of an unexpected kind.
 */
#include "meta.h"

#include <string.h>

const struct meta_group mid__meta_groups[] = {
    {"trace_function_info_fields", "trace_function_infos"},
    {"trace_node_fields", "trace_tree"},
    {"sample_fields", "samples"},
    {"location_fields", "locations"},
    {"scope_fields", "scopes"},
    {"scope_context_var_fields", "scope_context_vars"},
    {"scope_use_fields", "scope_uses"},
};
const unsigned mid__meta_group_count = sizeof mid__meta_groups / sizeof mid__meta_groups[0];

static const char *const node_types[] = {
    "hidden", "array",  "string",    "object",              "code",          "closure", "regexp", "number",
    "native", "synthetic", "concatenated string", "sliced string", "symbol",  "bigint", "object shape", "wasm object"};
static const char *const edge_types[] = {"context", "element", "property", "internal", "hidden", "shortcut", "weak"};
#define COUNT(list) ((unsigned)(sizeof(list) / sizeof((list)[0])))

_Static_assert(COUNT(node_types) == MID__NODE_FIRST_OTHER, "a name for each node type");
_Static_assert(COUNT(edge_types) == MID__EDGE_FIRST_OTHER, "a name for each edge type");

static const char *skip_space(const char *p)
{
    while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
        p++;
    return p;
}

/* Behind the string that begins at p. */
static const char *skip_string(const char *p)
{
    for (p++; *p != '"'; p++)
        if (*p == '\\')
            p++;
    return p + 1;
}

/* Behind the value that begins at p, and behind white space and one comma. */
static const char *skip_value(const char *p)
{
    size_t depth = 0;
    do {
        if (*p == '"') {
            p = skip_string(p);
            continue;
        }
        if (*p == '[' || *p == '{')
            depth++;
        else if (*p == ']' || *p == '}')
            depth--;
        p++;
    } while (depth != 0 || (*p != ',' && *p != ']' && *p != '}' && *p != '\0'));
    return *p == ',' ? skip_space(p + 1) : p;
}

/* The first value in the array or object at p. */
static const char *enter(const char *p)
{
    return skip_space(p + 1);
}

/* True when the string at p is `text`. Names in a header have no escapes; one that has is no name that is known. */
static bool is_string(const char *p, const char *text)
{
    size_t n = strlen(text);
    return *p == '"' && strncmp(p + 1, text, n) == 0 && p[1 + n] == '"';
}

/* The value of `key` in the object at p, or NULL. */
static const char *member(const char *object, const char *key)
{
    if (object == NULL || *object != '{')
        return NULL;
    for (const char *p = enter(object); *p == '"'; p = skip_value(p)) {
        bool hit = is_string(p, key);
        p = skip_space(skip_space(skip_string(p)) + 1); /* over the colon */
        if (hit)
            return p;
    }
    return NULL;
}

/* A whole number that is not negative; false for any other value. */
static bool whole(const char *p, uint64_t *value)
{
    *value = 0;
    if (p == NULL || *p < '0' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++)
        if (mid__mul_overflows_u64(*value, 10, value) ||
            mid__add_overflows_u64(*value, (uint64_t)(*p - '0'), value))
            return false;
    return true;
}

static int count_values(const char *array)
{
    int n = 0;
    for (const char *p = enter(array); *p != ']' && n < 1000; p = skip_value(p))
        n++;
    return n;
}

static int index_of(const char *array, const char *name)
{
    int i = 0;
    for (const char *p = enter(array); *p != ']' && i < 1000; p = skip_value(p), i++)
        if (is_string(p, name))
            return i;
    return NO_FIELD;
}

/* Item `i` of an array, or NULL. */
static const char *item(const char *array, int i)
{
    if (array == NULL || *array != '[' || i < 0)
        return NULL;
    const char *p = enter(array);
    for (; *p != ']' && i > 0; i--)
        p = skip_value(p);
    return *p == ']' ? NULL : p;
}

/* The name at p, for people: cut, and without bytes that a terminal would obey. */
static void copy_name(char *to, const char *p)
{
    size_t n = 0;
    if (*p == '"')
        for (p++; *p != '"' && *p != '\\' && n < TYPE_NAME_BYTES - 1; p++)
            to[n++] = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
    to[n] = '\0';
}

struct type_table {
    const char *const *known;
    unsigned known_count, unknown; /* `unknown` is the last code, and the one for all that has no name */
    char (*names)[TYPE_NAME_BYTES];
    uint8_t *code_of;
};

/* Gives a code to each type that `list` names. Returns how many there are. */
static unsigned read_types(const struct type_table *t, const char *list)
{
    unsigned raw = 0, other = t->known_count;
    for (unsigned i = 0; i < MAX_RAW_TYPES; i++)
        t->code_of[i] = (uint8_t)t->unknown;
    for (const char *p = enter(list); *p != ']' && raw < MAX_RAW_TYPES; p = skip_value(p), raw++) {
        unsigned code = 0;
        while (code < t->known_count && !is_string(p, t->known[code]))
            code++;
        if (code == t->known_count) {
            code = other < t->unknown ? other++ : t->unknown;
            if (code != t->unknown)
                copy_name(t->names[code], p);
        }
        t->code_of[raw] = (uint8_t)code;
    }
    return raw;
}

/* The types of the meta's list, or V8's where it has none. */
static unsigned types_of(struct scan *s, const struct type_table *t, const char *lists, int field, const char *what)
{
    for (unsigned i = 0; i < t->known_count; i++)
        strcpy(t->names[i], t->known[i]);
    strcpy(t->names[t->unknown], "unknown");
    const char *list = item(lists, field);
    if (list != NULL && *list == '[')
        return read_types(t, list);
    mid__warn(s->graph, s->section, 0, "the meta has no %s; V8's are taken", what);
    for (unsigned i = 0; i < MAX_RAW_TYPES; i++)
        t->code_of[i] = (uint8_t)(i < t->known_count ? i : t->unknown);
    return t->known_count;
}

struct field {
    int *place;
    const char *name;
    bool needed;
};

/* Finds the fields of one kind of record. */
static bool read_fields(struct scan *s, uint64_t offset, const char *meta, const char *key, int *count,
                        const struct field *fields)
{
    const char *list = member(meta, key);
    *count = list != NULL && *list == '[' ? count_values(list) : 0;
    for (; fields->name != NULL; fields++) {
        *fields->place = *count != 0 ? index_of(list, fields->name) : NO_FIELD;
        if (*fields->place == NO_FIELD && fields->needed)
            return scan_fail(s, offset, "the meta's %s do not have \"%s\"", key, fields->name);
    }
    if (*count > 64)
        return scan_fail(s, offset, "the meta's %s are more than 64", key);
    return true;
}

static bool read_all_fields(struct scan *s, uint64_t offset, const char *meta, struct meta *m)
{
    const struct field node[] = {{&m->type, "type", true},
                                 {&m->name, "name", true},
                                 {&m->id, "id", true},
                                 {&m->self_size, "self_size", true},
                                 {&m->edge_count, "edge_count", true},
                                 {&m->trace_node_id, "trace_node_id", false},
                                 {&m->detachedness, "detachedness", false},
                                 {NULL, NULL, false}};
    const struct field edge[] = {{&m->edge_type, "type", true},
                                 {&m->name_or_index, "name_or_index", true},
                                 {&m->to_node, "to_node", true},
                                 {NULL, NULL, false}};
    const struct field location[] = {{&m->object_index, "object_index", false},
                                     {&m->script_id, "script_id", false},
                                     {&m->line, "line", false},
                                     {&m->column, "column", false},
                                     {NULL, NULL, false}};
    const struct field function[] = {{&m->function_name, "name", false},
                                     {&m->function_script, "script_name", false},
                                     {&m->function_script_id, "script_id", false},
                                     {&m->function_line, "line", false},
                                     {&m->function_column, "column", false},
                                     {NULL, NULL, false}};
    int trace[5], trace_fields;
    const struct field tree[] = {{&trace[0], "id", false},    {&trace[1], "function_info_index", false},
                                 {&trace[2], "count", false}, {&trace[3], "size", false},
                                 {&trace[4], "children", false}, {NULL, NULL, false}};
    if (!read_fields(s, offset, meta, "trace_function_info_fields", &m->function_fields, function) ||
        !read_fields(s, offset, meta, "trace_node_fields", &trace_fields, tree))
        return false;
    m->has_trace_fields = trace_fields == 5;
    for (int i = 0; i < 5; i++)
        m->has_trace_fields &= trace[i] == i;
    return read_fields(s, offset, meta, "node_fields", &m->node_fields, node) &&
           read_fields(s, offset, meta, "edge_fields", &m->edge_fields, edge) &&
           read_fields(s, offset, meta, "location_fields", &m->location_fields, location);
}

bool meta_read(struct scan *s, const char *header, uint64_t offset, struct meta *m)
{
    struct mid__graph_private *own = s->graph->own;
    header = skip_space(header);
    const char *meta = member(header, "meta");
    if (meta == NULL || *meta != '{')
        return scan_fail(s, offset, "the header has no \"meta\" object");
    if (!read_all_fields(s, offset, meta, m))
        return false;
    const struct type_table nodes = {node_types, COUNT(node_types), MID__NODE_UNKNOWN, own->node_type_name,
                                     m->node_type_of};
    const struct type_table edges = {edge_types, COUNT(edge_types), MID__EDGE_UNKNOWN, own->edge_type_name,
                                     m->edge_type_of};
    m->raw_node_types = types_of(s, &nodes, member(meta, "node_types"), m->type, "node types");
    m->raw_edge_types = types_of(s, &edges, member(meta, "edge_types"), m->edge_type, "edge types");
    m->has_node_count = whole(member(header, "node_count"), &m->header_nodes);
    m->has_edge_count = whole(member(header, "edge_count"), &m->header_edges);
    whole(member(header, "root_index"), &m->root_index);
    whole(member(header, "extra_native_bytes"), &s->graph->extra_native_bytes);
    whole(member(header, "sample_bytes"), &s->graph->sample_bytes);
    for (unsigned i = 0; i < mid__meta_group_count; i++)
        m->listed |= (unsigned)(member(meta, mid__meta_groups[i].fields) != NULL) << i;
    return true;
}
