/* SPDX-License-Identifier: MIT
 *
 * writer.c: the order of a snapshot: which walk of the source fills which section.
 *
 *     walk                      section
 *     1  roots, kind by kind    (counts)
 *     2  nodes                  (counts; left out when the source knows them)
 *     3  nodes                  "snapshot": exact counts;  "nodes"
 *     4  roots, edges           "edges"; then the sites from the source's arrays (sites.c)
 *     5  nodes                  "strings", only if names did not fit the table: Note [Replay] in names.c
 *     6  roots, edges           ... only if names of theirs did not fit
 *
 * and what the writer adds to the graph:
 *
 *     ordinal 0   root, id 1 ----element 1----> (GC roots)
 *                            ----shortcut-----> every global
 *             1   (GC roots), id 3 --element--> the kinds of roots
 *             2.. one synthetic node a kind, ids 5, 7, 9 ...   ----> its roots: by label (internal), number (element), weak
 *             base, base + 1, ...   the source's nodes
 *
 * Shortcuts from the root are what DevTools takes for the program's own globals: without them it measures distances from
 * the root and folds no sizes (its rules: class JSHeapSnapshot). The sections for allocation tracking are there, and
 * empty where the source has no sites, as in V8's own files, for readers that ask for them.
 *
 * Memory: the buffer, the table of names, this struct. No recursion, nothing that grows with the graph.
 *
 * I1  node_count and edge_count are exact: a walk that gives more or fewer fails the write.
 * I2  What is written depends on the source alone: not on the buffer, the clock or addresses.
 */
#include "sink.h"

#include <midden/internal/child.h>
#include <midden/internal/sys.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUFFER_MIN = 4096,
    BUFFER_MAX = 1 << 30,
    BUFFER_DEFAULT = 256 * 1024,
    NAMES_MIN = 16,
    NAMES_MAX = 1 << 28,
    NAMES_DEFAULT = 65536,
    FIRST_GROUP_ORDINAL = 2
};

static const char meta_begin[] =
    "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\",";
static const char meta_traced[] = "\"trace_node_id\",";
static const char meta_types[] =
    "\"detachedness\"],\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\",\"native\","
    "\"synthetic\",\"concatenated string\",\"sliced string\",\"symbol\",\"bigint\",\"object shape\"],\"string\",\"number\",";
static const char meta_rest[] =
    "\"number\",\"number\",\"number\"],\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[[\"context\","
    "\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],\"string_or_number\",\"node\"],"
    "\"trace_function_info_fields\":[\"function_id\",\"name\",\"script_name\",\"script_id\",\"line\",\"column\"],"
    "\"trace_node_fields\":[\"id\",\"function_info_index\",\"count\",\"size\",\"children\"],\"sample_fields\":["
    "\"timestamp_us\",\"last_assigned_id\"],\"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]}";

/* ---- small things */

static void raw(struct mid_snapshot_sink *sink, const char *text)
{
    mid__out_raw(&sink->out, text, strlen(text));
}

static void number(struct mid_snapshot_sink *sink, uint64_t value)
{
    sink->out.at = mid__decimal(mid__out_room(&sink->out, MID__DECIMAL_ROOM), value);
}

static struct mid_snapshot_text text_of(const char *text)
{
    return (struct mid_snapshot_text){text, strlen(text)};
}

static bool going(struct mid_snapshot_sink *sink)
{
    return sink->status == MID_OK && sink->out.status == MID_OK;
}

/* A walk is over: its own status counts when the sink has seen no failure itself. */
static void note(struct mid_snapshot_sink *sink, enum mid_status returned)
{
    if (returned != MID_OK && sink->out.status == MID_OK)
        mid__sink_fail(sink, returned);
}

/* The source must have given exactly `wanted` findings. */
static void expect(struct mid_snapshot_sink *sink, uint64_t wanted)
{
    if (going(sink) && sink->seen != wanted)
        mid__sink_fail(sink, MID_E_INVALID);
}

static void begin(struct mid_snapshot_sink *sink, enum mid__phase phase)
{
    sink->phase = phase;
    sink->seen = 0;
}

static void end(struct mid_snapshot_sink *sink, enum mid_status returned)
{
    sink->phase = MID__PHASE_NONE;
    note(sink, returned);
}

/* ---- counting */

static void count(struct mid_snapshot_sink *sink, const struct mid_snapshot_source *source)
{
    for (size_t g = 0; g < source->group_count && going(sink); g++) {
        sink->group = g;
        begin(sink, MID__PHASE_COUNT_ROOTS);
        end(sink, source->roots(source->user, g, sink));
    }
    sink->nodes = source->node_count;
    sink->edges = source->edge_count;
    if (source->node_count != 0 || !going(sink))
        return;
    sink->edges = 0;
    begin(sink, MID__PHASE_COUNT_NODES);
    end(sink, source->nodes(source->user, sink));
}

static uint64_t roots_of_all(const struct mid_snapshot_sink *sink, size_t groups)
{
    uint64_t sum = 0;
    for (size_t g = 0; g < groups; g++)
        sum += sink->group_roots[g];
    return sum;
}

static uint64_t nodes_of_file(const struct mid_snapshot_sink *sink)
{
    return sink->base + sink->nodes;
}

static uint64_t edges_of_file(const struct mid_snapshot_sink *sink, size_t groups)
{
    return 1 + sink->globals + groups + roots_of_all(sink, groups) + sink->edges;
}

/* ---- sections; the replay passes through nodes and edges as well, with nothing written but strings */

static void header(struct mid_snapshot_sink *sink, const struct mid_snapshot_source *source)
{
    raw(sink, meta_begin);
    raw(sink, sink->sites != 0 ? meta_traced : "");
    raw(sink, meta_types);
    raw(sink, sink->sites != 0 ? "\"number\"," : "");
    raw(sink, meta_rest);
    raw(sink, ",\"node_count\":");
    number(sink, nodes_of_file(sink));
    raw(sink, ",\"edge_count\":");
    number(sink, edges_of_file(sink, source->group_count));
    raw(sink, ",\"trace_function_count\":");
    number(sink, sink->sites != 0 ? source->function_count + 1 : 0); /* and (root) */
    if (source->extra_native_bytes != 0) {
        raw(sink, ",\"extra_native_bytes\":");
        number(sink, source->extra_native_bytes);
    }
    if (source->sample_bytes != 0) {
        raw(sink, ",\"sample_bytes\":");
        number(sink, source->sample_bytes);
    }
    raw(sink, "},\n");
}

static void synthetic_node(struct mid_snapshot_sink *sink, const char *name, uint64_t ordinal, uint64_t edge_count)
{
    struct mid_snapshot_node node = {MID_SNAPSHOT_SYNTHETIC, 1 + 2 * ordinal, 0, edge_count, text_of(name), 0, 0};
    uint32_t index;
    if (mid__sink_name(sink, node.name, MID__NAME_LASTING, &index) == MID_OK && !sink->replay)
        mid__sink_node_record(sink, &node, index);
}

static void nodes(struct mid_snapshot_sink *sink, const struct mid_snapshot_source *source)
{
    synthetic_node(sink, "", 0, 1 + sink->globals);
    synthetic_node(sink, "(GC roots)", 1, source->group_count);
    for (size_t g = 0; g < source->group_count; g++)
        synthetic_node(sink, source->group_names[g], FIRST_GROUP_ORDINAL + g, sink->group_roots[g]);
    sink->shape = 0;
    begin(sink, MID__PHASE_NODES);
    end(sink, source->nodes(source->user, sink));
    expect(sink, sink->nodes);
}

static void root_edges(struct mid_snapshot_sink *sink, const struct mid_snapshot_source *source, enum mid__phase phase)
{
    sink->from_seen = 0;
    for (size_t g = 0; g < source->group_count && going(sink); g++) {
        sink->group = g;
        begin(sink, phase);
        end(sink, source->roots(source->user, g, sink));
        expect(sink, sink->group_roots[g]);
    }
    if (phase == MID__PHASE_GLOBALS && going(sink) && sink->from_seen != sink->globals)
        mid__sink_fail(sink, MID_E_INVALID);
}

static void edges(struct mid_snapshot_sink *sink, const struct mid_snapshot_source *source)
{
    if (!sink->replay)
        raw(sink, sink->sites == 0 ? "1,1,6\n" : "1,1,7\n"); /* element 1 of the root: (GC roots), ordinal 1; the one record without a comma before it */
    root_edges(sink, source, MID__PHASE_GLOBALS);
    for (size_t g = 0; g < source->group_count && !sink->replay; g++)
        mid__sink_edge_record(sink, MID_SNAPSHOT_EDGE_ELEMENT, g + 1, FIRST_GROUP_ORDINAL + g);
    root_edges(sink, source, MID__PHASE_ROOTS);
    if (!going(sink))
        return;
    sink->from = sink->from_seen = 0;
    begin(sink, MID__PHASE_EDGES);
    end(sink, source->edges(source->user, sink));
    mid__sink_close_edges(sink);
    expect(sink, sink->edges);
    if (going(sink) && !sink->replay && sink->shape != 0)
        mid__sink_fail(sink, MID_E_INVALID);
}

/* The strings [from, to), none of which was repeated: they stand in the table, in order. */
static void known_strings(struct mid_snapshot_sink *sink, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < sink->names.count; i++) {
        const struct mid__name *n = &sink->names.known[i];
        if (n->index >= from && n->index < to)
            mid__sink_string_record(sink, (struct mid_snapshot_text){n->text, n->bytes}, n->index);
    }
    sink->names.strings = to;
}

/* Nodes, edges and sites are replayed each by itself, and only where a name was repeated. */
static void strings(struct mid_snapshot_sink *sink, const struct mid_snapshot_source *source)
{
    uint64_t of_nodes = sink->nodes_strings, of_edges = sink->edges_strings, all = sink->names.strings;
    raw(sink, "\"strings\":[");
    sink->replay = true;
    sink->names.strings = 0;
    if (sink->nodes_repeat)
        nodes(sink, source);
    else
        known_strings(sink, 0, of_nodes);
    if (going(sink) && sink->names.strings != of_nodes)
        mid__sink_fail(sink, MID_E_INVALID);
    if (going(sink) && sink->edges_repeat)
        edges(sink, source);
    else
        known_strings(sink, of_nodes, of_edges);
    if (going(sink) && sink->names.strings != of_edges)
        mid__sink_fail(sink, MID_E_INVALID);
    if (going(sink) && sink->sites_repeat)
        mid__sites_write(sink, source);
    else
        known_strings(sink, of_edges, all);
    if (going(sink) && sink->names.strings != all)
        mid__sink_fail(sink, MID_E_INVALID);
    raw(sink, "]}\n");
}

static void sections(struct mid_snapshot_sink *sink, const struct mid_snapshot_source *source)
{
    count(sink, source);
    if (!going(sink))
        return;
    header(sink, source);
    raw(sink, "\"nodes\":[");
    nodes(sink, source);
    if (!going(sink))
        return;
    sink->nodes_strings = sink->names.strings;
    sink->nodes_repeat = sink->names.repeated;
    sink->names.repeated = false;
    raw(sink, "],\n\"edges\":[");
    edges(sink, source);
    sink->edges_repeat = sink->names.repeated;
    if (!going(sink))
        return;
    sink->edges_strings = sink->names.strings;
    sink->names.repeated = false;
    raw(sink, "],\n");
    mid__sites_write(sink, source);
    sink->sites_repeat = sink->names.repeated;
    if (!going(sink))
        return;
    raw(sink, "\"samples\":[],\n\"locations\":[],\n");
    strings(sink, source);
    mid__out_flush(&sink->out);
}

/* ---- the public function */

static bool source_is_sound(const struct mid_snapshot_source *s)
{
    if (s == NULL || s->struct_size != sizeof *s || s->nodes == NULL || s->edges == NULL)
        return false;
    if (s->group_count > MID_SNAPSHOT_GROUPS_MAX || (s->group_count != 0 && (s->roots == NULL || s->group_names == NULL)))
        return false;
    for (size_t g = 0; g < s->group_count; g++)
        if (s->group_names[g] == NULL)
            return false;
    return (s->node_count != 0 || s->edge_count == 0) && mid__sites_are_sound(s);
}

int mid__snapshot_options_are_sound(const struct mid_snapshot_options *o)
{
    if (o == NULL)
        return 1;
    const unsigned known = MID_SNAPSHOT_NO_SYNC | MID_SNAPSHOT_NO_COLLECT | MID_SNAPSHOT_NO_FOLLOW;
    return o->struct_size == sizeof *o && (o->flags & ~known) == 0 &&
           (o->buffer_bytes == 0 || (o->buffer_bytes >= BUFFER_MIN && o->buffer_bytes <= BUFFER_MAX)) &&
           (o->distinct_names == 0 || (o->distinct_names >= NAMES_MIN && o->distinct_names <= NAMES_MAX)) &&
           (o->figures == NULL || o->figures->struct_size == sizeof *o->figures);
}

void mid_snapshot_options_init(struct mid_snapshot_options *options)
{
    *options = (struct mid_snapshot_options){.struct_size = sizeof *options};
}

static void fill_figures(struct mid_snapshot_figures *f, const struct mid_snapshot_sink *sink, size_t groups,
                         size_t buffer_bytes)
{
    f->nodes = nodes_of_file(sink);
    f->edges = edges_of_file(sink, groups);
    f->strings = sink->names.strings;
    f->file_bytes = sink->out.flushed;
    f->self_bytes = sink->self_bytes;
    f->memory_bytes = sizeof *sink + buffer_bytes + mid__names_memory(&sink->names);
}

enum mid_status mid_snapshot_write_stream(mid_snapshot_write_fn write, void *user,
                                          const struct mid_snapshot_source *source,
                                          const struct mid_snapshot_options *options)
{
    struct mid_snapshot_options o;
    mid_snapshot_options_init(&o);
    if (options != NULL)
        o = *options;
    if (write == NULL || !mid__snapshot_options_are_sound(&o) || !source_is_sound(source))
        return MID_E_INVALID;
    size_t buffer_bytes = (o.buffer_bytes == 0 ? BUFFER_DEFAULT : o.buffer_bytes) + MID__OUT_ROOM_MAX;

    struct mid_snapshot_sink *sink = calloc(1, sizeof *sink);
    char *buffer = malloc(buffer_bytes);
    enum mid_status status = MID_E_MEMORY;
    if (sink != NULL && buffer != NULL) {
        mid__out_begin(&sink->out, write, user, buffer, buffer_bytes);
        mid__names_begin(&sink->names, o.distinct_names == 0 ? NAMES_DEFAULT : o.distinct_names,
                         mid__sys_now_ns() ^ (uint64_t)(uintptr_t)buffer << 20);
        sink->base = FIRST_GROUP_ORDINAL + source->group_count;
        sink->sites = (uint32_t)source->site_count;
        sections(sink, source);
        status = sink->status != MID_OK ? sink->status : sink->out.status;
        if (status == MID_OK && o.figures != NULL)
            fill_figures(o.figures, sink, source->group_count, buffer_bytes);
        mid__names_end(&sink->names);
    }
    int error = sink != NULL ? sink->out.error : 0;
    free(buffer);
    free(sink);
    if (status == MID_E_IO && error != 0)
        errno = error;
    return status;
}
