/* SPDX-License-Identifier: MIT
 *
 * sink.c: takes what a source finds, holds it to the contract, and formats it. The innermost loops of the writer are
 * here: one record a node, one an edge.
 *
 *     node   ,type,name,id,self_size,edge_count[,trace_node_id],0\n   (detachedness is of the DOM, and always 0)
 *     edge   ,type,name or index,6 (7) * ordinal of the target\n
 *
 * Nodes have a trace_node_id where the source has allocation sites, as in V8's files.
 *
 * I1  A finding that breaks the contract is never written; the first failure sticks.
 * I2  At the end of a phase as many findings have come as were counted (writer.c compares).
 * I3  Every edge lies behind the node that it was counted for: Note [Shape].
 *
 * Note [Shape]
 * Nodes say how many edges they will have; the edges come later, and no memory is spent to remember the counts. Each walk
 * instead sums a hash of (number, count) over all nodes that have edges, the first by what the nodes say, the second by
 * what comes. Equal sums mean equal counts, up to a chance of 2^-64: enough to catch a source that changes under the
 * writer, which is what it is for.
 */
#include "sink.h"

#include <midden/internal/compiler.h>

#include <string.h>

enum { NODE_FIELDS = 6, NODE_FIELDS_TRACED = 7 };

static unsigned node_fields(const struct mid_snapshot_sink *sink)
{
    return sink->sites == 0 ? NODE_FIELDS : NODE_FIELDS_TRACED;
}

enum mid_status mid__sink_fail(struct mid_snapshot_sink *sink, enum mid_status status)
{
    if (sink->status == MID_OK)
        sink->status = status;
    return sink->status;
}

static uint64_t shape_of(uint64_t number, uint64_t count)
{
    if (count == 0)
        return 0;
    uint64_t x = number * 0x9e3779b97f4a7c15u ^ count;
    x ^= x >> 31;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 29;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 32;
}

/* ---- records */

void mid__sink_node_record(struct mid_snapshot_sink *sink, const struct mid_snapshot_node *node, uint32_t name)
{
    char *at = mid__out_room(&sink->out, 7 * MID__DECIMAL_ROOM);
    *at = ',';
    at += node->id != 1; /* the root is the first record */
    at = mid__decimal(at, node->type);
    *at++ = ',';
    at = mid__decimal(at, name);
    *at++ = ',';
    at = mid__decimal(at, node->id);
    *at++ = ',';
    at = mid__decimal(at, node->self_bytes);
    *at++ = ',';
    at = mid__decimal(at, node->edge_count);
    if (sink->sites != 0) {
        *at++ = ',';
        at = mid__decimal(at, node->site == 0 ? 0 : (uint64_t)node->site + 1); /* the root of the tree is 1 */
    }
    memcpy(at, ",0\n", 3);
    sink->out.at = at + 3;
    sink->self_bytes += node->self_bytes;
}

MID__INLINE char *edge_record(char *at, unsigned type, uint64_t name_or_index, uint64_t place)
{
    at[0] = ',';
    at[1] = (char)('0' + type);
    at[2] = ',';
    at = mid__decimal(at + 3, name_or_index);
    *at++ = ',';
    at = mid__decimal(at, place);
    *at = '\n';
    return at + 1;
}

void mid__sink_edge_record(struct mid_snapshot_sink *sink, enum mid_snapshot_edge_type type, uint64_t name_or_index,
                           uint64_t ordinal)
{
    char *at = mid__out_room(&sink->out, 4 * MID__DECIMAL_ROOM);
    sink->out.at = edge_record(at, type, name_or_index, ordinal * node_fields(sink));
}

void mid__sink_string_record(struct mid_snapshot_sink *sink, struct mid_snapshot_text cut, uint64_t index)
{
    char *at = mid__out_room(&sink->out, MID__OUT_ROOM_MAX);
    if (index != 0) {
        memcpy(at, ",\n", 2);
        at += 2;
    }
    sink->out.at = mid__text_json(at, cut.text, cut.bytes);
}

/* ---- names */

static bool is_text(struct mid_snapshot_text name)
{
    return name.text != NULL || name.bytes == 0;
}

enum mid_status mid__sink_name(struct mid_snapshot_sink *sink, struct mid_snapshot_text name, enum mid__name_kind kind,
                               uint32_t *index)
{
    if (!sink->replay)
        return mid__names_index(&sink->names, name, kind, index) ? MID_OK : mid__sink_fail(sink, MID_E_LIMIT);
    struct mid_snapshot_text cut;
    uint64_t next = sink->names.strings;
    if (mid__names_replay(&sink->names, name, kind, &cut))
        mid__sink_string_record(sink, cut, next);
    *index = 0;
    return MID_OK;
}

/* The same, short where the name has been seen at its address before. In the replay such a name has nothing to write. */
MID__INLINE enum mid_status name_of(struct mid_snapshot_sink *sink, struct mid_snapshot_text name,
                                    enum mid__name_kind kind, uint32_t *index)
{
    const struct mid__name *recent = mid__names_recent(&sink->names, name.text);
    if (MID__LIKELY(kind == MID__NAME_LASTING && recent->text == name.text && recent->bytes == name.bytes &&
                    !sink->replay)) {
        *index = recent->index;
        return MID_OK;
    }
    return mid__sink_name(sink, name, kind, index);
}

static enum mid__name_kind kind_of(const struct mid_snapshot_node *node)
{
    const unsigned contents = 1u << MID_SNAPSHOT_STRING | 1u << MID_SNAPSHOT_CONCATENATED_STRING |
                              1u << MID_SNAPSHOT_SLICED_STRING | 1u << MID_SNAPSHOT_NUMBER | 1u << MID_SNAPSHOT_BIGINT;
    if (node->name_is_passing)
        return MID__NAME_PASSING;
    return contents >> node->type & 1u ? MID__NAME_CONTENTS : MID__NAME_LASTING;
}

/* ---- what a source puts */

/* A failure of the output ends the walk, too. */
static enum mid_status failed(struct mid_snapshot_sink *sink)
{
    return sink->status != MID_OK ? sink->status : sink->out.status;
}

enum mid_status mid_snapshot_put_node(struct mid_snapshot_sink *sink, const struct mid_snapshot_node *node)
{
    if (MID__UNLIKELY(failed(sink) != MID_OK))
        return failed(sink);
    if ((unsigned)node->type > MID_SNAPSHOT_OBJECT_SHAPE || !is_text(node->name) ||
        (node->id < MID_SNAPSHOT_FIRST_ID && !sink->replay) || node->site > sink->sites)
        return mid__sink_fail(sink, MID_E_INVALID);
    if (sink->phase == MID__PHASE_COUNT_NODES) {
        sink->nodes++;
        sink->edges += node->edge_count;
        return MID_OK;
    }
    if (sink->phase != MID__PHASE_NODES || sink->seen >= sink->nodes)
        return mid__sink_fail(sink, MID_E_INVALID);
    uint32_t name;
    if (name_of(sink, node->name, kind_of(node), &name) != MID_OK)
        return sink->status;
    if (!sink->replay) {
        sink->shape += shape_of(sink->seen, node->edge_count);
        mid__sink_node_record(sink, node, name);
    }
    sink->seen++;
    return sink->out.status;
}

int mid_snapshot_names_only(const struct mid_snapshot_sink *sink)
{
    return sink->replay;
}

void mid__sink_close_edges(struct mid_snapshot_sink *sink)
{
    sink->shape -= shape_of(sink->from, sink->from_seen);
    sink->from_seen = 0;
}

MID__INLINE bool has_index(unsigned type)
{
    return type == MID_SNAPSHOT_EDGE_ELEMENT || type == MID_SNAPSHOT_EDGE_HIDDEN;
}

MID__INLINE bool edge_is_sound(const struct mid_snapshot_edge *e, uint64_t nodes)
{
    return (unsigned)e->type <= MID_SNAPSHOT_EDGE_WEAK && e->target < nodes && is_text(e->name);
}

MID__INLINE enum mid__name_kind kind_of_edge(const struct mid_snapshot_edge *e)
{
    return MID__UNLIKELY(e->name_is_passing) ? MID__NAME_PASSING : MID__NAME_LASTING;
}

/* The names of a run, in the replay. */
static enum mid_status replay_edges(struct mid_snapshot_sink *sink, const struct mid_snapshot_edge *edges, size_t count)
{
    uint32_t name;
    for (size_t i = 0; i < count; i++) {
        if (!edge_is_sound(&edges[i], sink->nodes))
            return mid__sink_fail(sink, MID_E_INVALID);
        if (!has_index(edges[i].type) && mid__sink_name(sink, edges[i].name, kind_of_edge(&edges[i]), &name) != MID_OK)
            return sink->status;
    }
    return sink->out.status;
}

/* The innermost loop: what it uses of the sink is kept in locals, for the bytes that it stores might be anything. */
static enum mid_status write_edges(struct mid_snapshot_sink *sink, const struct mid_snapshot_edge *edges, size_t count)
{
    const uint64_t nodes = sink->nodes, base = sink->base, fields = node_fields(sink);
    const char *limit = sink->out.limit;
    char *at = sink->out.at;
    for (const struct mid_snapshot_edge *e = edges, *end = edges + count; e < end; e++) {
        if (MID__UNLIKELY(!edge_is_sound(e, nodes))) {
            sink->out.at = at;
            return mid__sink_fail(sink, MID_E_INVALID);
        }
        uint64_t name_or_index = e->index;
        if (!has_index(e->type)) {
            uint32_t name;
            if (name_of(sink, e->name, kind_of_edge(e), &name) != MID_OK)
                return sink->status;
            name_or_index = name;
        }
        if (MID__UNLIKELY(at > limit)) {
            sink->out.at = at;
            mid__out_flush(&sink->out);
            at = sink->out.at;
        }
        at = edge_record(at, e->type, name_or_index, (base + e->target) * fields);
    }
    sink->out.at = at;
    return sink->out.status;
}

enum mid_status mid_snapshot_put_edges(struct mid_snapshot_sink *sink, uint64_t from,
                                       const struct mid_snapshot_edge *edges, size_t count)
{
    if (MID__UNLIKELY(failed(sink) != MID_OK))
        return failed(sink);
    if (sink->phase != MID__PHASE_EDGES || from < sink->from || from >= sink->nodes || count > sink->edges - sink->seen)
        return mid__sink_fail(sink, MID_E_INVALID);
    if (from != sink->from) {
        mid__sink_close_edges(sink);
        sink->from = from;
    }
    sink->from_seen += count;
    sink->seen += count;
    if (count == 0)
        return MID_OK;
    return sink->replay ? replay_edges(sink, edges, count) : write_edges(sink, edges, count);
}

/* The edge from the root (a shortcut) or from the group's node. */
static enum mid_status root_edge(struct mid_snapshot_sink *sink, const struct mid_snapshot_root *root)
{
    enum mid_snapshot_edge_type type = sink->phase == MID__PHASE_GLOBALS       ? MID_SNAPSHOT_EDGE_SHORTCUT
                                       : (root->flags & MID_SNAPSHOT_ROOT_WEAK) ? MID_SNAPSHOT_EDGE_WEAK
                                       : root->name.bytes != 0                  ? MID_SNAPSHOT_EDGE_INTERNAL
                                                                                : MID_SNAPSHOT_EDGE_ELEMENT;
    uint64_t name_or_index = sink->seen;
    if (!has_index(type)) {
        uint32_t name;
        if (mid__sink_name(sink, root->name, MID__NAME_LASTING, &name) != MID_OK)
            return sink->status;
        name_or_index = name;
    }
    if (!sink->replay)
        mid__sink_edge_record(sink, type, name_or_index, sink->base + root->target);
    return sink->out.status;
}

enum mid_status mid_snapshot_put_root(struct mid_snapshot_sink *sink, const struct mid_snapshot_root *root)
{
    if (MID__UNLIKELY(failed(sink) != MID_OK))
        return failed(sink);
    const unsigned known = MID_SNAPSHOT_ROOT_GLOBAL | MID_SNAPSHOT_ROOT_WEAK;
    bool global = (root->flags & MID_SNAPSHOT_ROOT_GLOBAL) != 0;
    if ((root->flags & ~known) != 0 || root->flags == known || !is_text(root->name))
        return mid__sink_fail(sink, MID_E_INVALID);
    sink->seen++;
    if (sink->phase == MID__PHASE_COUNT_ROOTS) {
        sink->group_roots[sink->group]++;
        sink->globals += global;
        return MID_OK;
    }
    if ((sink->phase != MID__PHASE_GLOBALS && sink->phase != MID__PHASE_ROOTS) || root->target >= sink->nodes ||
        sink->seen > sink->group_roots[sink->group])
        return mid__sink_fail(sink, MID_E_INVALID);
    if (sink->phase == MID__PHASE_GLOBALS) {
        if (!global)
            return MID_OK;
        if (sink->from_seen++ >= sink->globals)
            return mid__sink_fail(sink, MID_E_INVALID);
    }
    return root_edge(sink, root);
}
