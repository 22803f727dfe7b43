/* SPDX-License-Identifier: MIT
 *
 * nodes.c: spreads the nodes array over columns.
 *
 * Problem: records of five to seven fields in an order that the meta gives. A batch of numbers (numbers.c) is walked
 * once a field, so that each walk is a plain loop without branches; what does not fit is only noticed there (`odd`) and
 * then looked for with its place.
 *
 * Widths: names and edge counts are 32 bits. Ids are too until one needs more, then all become 64 bits. Sizes are 32
 * bits, and the few beyond stand in a side table, so that 5,000,000,000 stays exact. trace_node_id gets a column with
 * the first that is not 0. The sum of all sizes must fit 63 bits: nothing computed later can overflow then.
 */
#include "records.h"

#include <string.h>

static bool not_in_range(const struct batch *b, int field, int64_t most, const char *what)
{
    for (size_t r = 0; r < b->records; r++) {
        int64_t v = value_of(b, r, field);
        if (v < 0 || v > most)
            return scan_fail(b->scan, where_of(b, r, field), "node %zu has %s %lld", b->first + r, what, (long long)v);
    }
    return true;
}

static bool take_types(const struct batch *b)
{
    const struct meta *m = &b->l->meta;
    uint8_t *type = b->own->node_type + b->first;
    bool odd = false;
    for (size_t r = 0; r < b->records; r++) {
        uint64_t v = (uint64_t)value_of(b, r, m->type);
        type[r] = m->node_type_of[v < MAX_RAW_TYPES ? v : MAX_RAW_TYPES - 1];
        odd |= v >= m->raw_node_types;
    }
    for (size_t r = 0; odd && r < b->records; r++)
        if ((uint64_t)value_of(b, r, m->type) >= m->raw_node_types) {
            type[r] = MID__NODE_UNKNOWN;
            mid__warn(b->scan->graph, "nodes", where_of(b, r, m->type), "a node type that the meta does not name");
        }
    return true;
}

static bool take_names(const struct batch *b)
{
    const int field = b->l->meta.name;
    uint32_t *name = b->own->node_name + b->first;
    uint64_t highest = b->l->node_name.value, odd = 0;
    for (size_t r = 0; r < b->records; r++) {
        uint64_t v = (uint64_t)value_of(b, r, field);
        name[r] = (uint32_t)v;
        odd |= v >> 32;
        highest = v > highest ? v : highest;
    }
    if (odd != 0)
        return not_in_range(b, field, UINT32_MAX, "the name");
    if (highest > b->l->node_name.value || !b->l->node_name.any)
        for (size_t r = 0; r < b->records; r++)
            if ((uint64_t)value_of(b, r, field) == highest) {
                b->l->node_name = (struct highest){highest, where_of(b, r, field), true};
                break;
            }
    return true;
}

/* The column of ids turns to 64 bits. */
static bool widen_ids(const struct batch *b, size_t room)
{
    uint64_t *wide = mid__mem_new(&b->own->memory, room, sizeof *wide);
    if (wide == NULL)
        return no_memory(b->scan, where_of(b, 0, b->l->meta.id));
    for (uint32_t i = 0; i < b->first; i++)
        wide[i] = b->own->id32[i];
    mid__mem_free(&b->own->memory, b->own->id32);
    b->own->id32 = NULL;
    b->own->id64 = wide;
    return true;
}

static bool take_ids(const struct batch *b, size_t room)
{
    const int field = b->l->meta.id;
    uint64_t all = 0;
    for (size_t r = 0; r < b->records; r++)
        all |= (uint64_t)value_of(b, r, field);
    if (all >> 63 != 0)
        return not_in_range(b, field, INT64_MAX, "the id");
    if (all > UINT32_MAX && b->own->id64 == NULL && !widen_ids(b, room))
        return false;
    if (b->own->id64 != NULL)
        for (size_t r = 0; r < b->records; r++)
            b->own->id64[b->first + r] = (uint64_t)value_of(b, r, field);
    else
        for (size_t r = 0; r < b->records; r++)
            b->own->id32[b->first + r] = (uint32_t)value_of(b, r, field);
    return true;
}

static bool take_sizes(const struct batch *b)
{
    const int field = b->l->meta.self_size;
    uint32_t *size = b->own->raw_size + b->first;
    uint64_t sum = 0, odd = 0;
    for (size_t r = 0; r < b->records; r++) {
        uint64_t v = (uint64_t)value_of(b, r, field);
        size[r] = (uint32_t)v;
        sum += v & UINT32_MAX;
        odd |= v >> 32 | (uint64_t)(v == UINT32_MAX);
    }
    b->l->total_size += sum; /* at most 2^10 times 2^32 a batch, and total_size is below 2^63 before */
    for (size_t r = 0; odd != 0 && b->l->total_size <= INT64_MAX && r < b->records; r++) {
        int64_t v = value_of(b, r, field);
        if (v < 0)
            return not_in_range(b, field, INT64_MAX, "the size");
        if (v < UINT32_MAX)
            continue;
        size[r] = UINT32_MAX;
        if (!mid__wide_add(&b->own->memory, &b->own->wide_raw, b->first + (uint32_t)r, (uint64_t)v))
            return no_memory(b->scan, where_of(b, r, field));
        b->l->total_size += (uint64_t)v - (v & UINT32_MAX);
        if (b->l->total_size > INT64_MAX)
            break;
    }
    if (b->l->total_size > INT64_MAX)
        return scan_fail(b->scan, where_of(b, 0, field), "the sizes of all nodes add up to more than 2^63 bytes");
    return true;
}

/* first_edge is where the edges of the nodes before end; load.c sees that so many edges exist. */
static bool take_edge_counts(const struct batch *b)
{
    const int field = b->l->meta.edge_count;
    uint32_t *count = b->own->first_edge + b->first;
    uint64_t sum = b->l->edge_counts, odd = 0;
    for (size_t r = 0; r < b->records; r++) {
        uint64_t v = (uint64_t)value_of(b, r, field);
        count[r] = (uint32_t)sum;
        sum += v & UINT32_MAX;
        odd |= v >> 32;
    }
    if (odd != 0)
        return not_in_range(b, field, MAX_COUNT, "the edge count");
    if (sum > MAX_COUNT)
        return scan_fail(b->scan, where_of(b, 0, field), "the nodes have more than %u edges", MAX_COUNT);
    b->l->edge_counts = sum;
    return true;
}

/* Where all are 0, as in every dump of a server, the column's pages are not even touched. */
static bool take_detachedness(const struct batch *b)
{
    const int field = b->l->meta.detachedness;
    int64_t all = 0;
    for (size_t r = 0; field != NO_FIELD && r < b->records; r++)
        all |= value_of(b, r, field);
    for (size_t r = 0; all != 0 && r < b->records; r++)
        b->own->detachedness[b->first + r] = (uint8_t)(value_of(b, r, field) & 3);
    return true;
}

static bool take_trace_ids(const struct batch *b, size_t room)
{
    const int field = b->l->meta.trace_node_id;
    if (field == NO_FIELD)
        return true;
    uint64_t all = 0;
    for (size_t r = 0; r < b->records; r++)
        all |= (uint64_t)value_of(b, r, field);
    if (all == 0)
        return true;
    if (all > UINT32_MAX)
        return not_in_range(b, field, UINT32_MAX, "the trace_node_id");
    if (b->own->trace_id == NULL)
        b->own->trace_id = mid__mem_new(&b->own->memory, room, sizeof *b->own->trace_id);
    if (b->own->trace_id == NULL)
        return no_memory(b->scan, where_of(b, 0, field));
    for (size_t r = 0; r < b->records; r++)
        b->own->trace_id[b->first + r] = (uint32_t)value_of(b, r, field);
    return true;
}

/* Changes one column to `room` elements where it is there, or is `wanted`. */
static bool resize(struct mid__graph_private *own, void *column, size_t size, size_t room, bool wanted)
{
    void **at = column, *block;
    memcpy(&block, at, sizeof block);
    if (block == NULL && !wanted)
        return true;
    block = mid__mem_resize(&own->memory, block, room, size);
    if (block != NULL)
        memcpy(at, &block, sizeof block);
    return block != NULL;
}

/* One more than `room` in first_edge, for the end. */
static bool resize_all(struct mid__graph_private *own, size_t room)
{
    return resize(own, &own->node_type, 1, room, true) && resize(own, &own->node_name, 4, room, true) &&
           resize(own, &own->id32, 4, room, own->id64 == NULL) && resize(own, &own->id64, 8, room, false) &&
           resize(own, &own->raw_size, 4, room, true) && resize(own, &own->first_edge, 4, room + 1, true) &&
           resize(own, &own->detachedness, 1, room, true) && resize(own, &own->trace_id, 4, room, false);
}

/* How many nodes to expect: the header's word, but not more than the input can hold or the limit of memory allows, nor
 * much on its word alone. */
static size_t first_room(const struct loaded *l, const struct scan *s)
{
    uint64_t size = mid__input_size(s->in), limit = s->graph->own->memory.limit_bytes / 64;
    uint64_t room = l->meta.has_node_count ? l->meta.header_nodes : 4096;
    uint64_t most = size != 0 ? size / (2 * (uint64_t)l->meta.node_fields) + 1 : (uint64_t)1 << 24;
    if (limit != 0 && limit < most)
        most = limit;
    return (size_t)(room < most ? room : most) + 16;
}

static bool take_batch(const struct batch *b, size_t room)
{
    return take_types(b) && take_names(b) && take_ids(b, room) && take_sizes(b) && take_edge_counts(b) &&
           take_detachedness(b) && take_trace_ids(b, room);
}

/* All batches; *nodes: how many nodes they had. */
static bool take_batches(struct batch *b, struct batches *from, size_t room, uint64_t *nodes)
{
    uint64_t count = 0;
    do {
        if (!next_batch(b, from, &count, "nodes"))
            return false;
        if (count > room) {
            room = 2 * (size_t)count;
            if (!resize_all(b->own, room))
                return no_memory(b->scan, where_of(b, 0, 0));
        }
        if (!take_batch(b, room))
            return false;
    } while (!b->n->ended);
    *nodes = count;
    return ends_whole(b, "nodes");
}

bool nodes_read(struct loaded *l, struct numbers *n)
{
    struct scan *s = n->scan;
    struct batch b = {.l = l, .n = n, .scan = s, .own = s->graph->own, .fields = (size_t)l->meta.node_fields};
    struct batches from;
    size_t room = first_room(l, s);
    uint64_t count = 0;
    l->nodes_where = scan_offset(s, s->at);
    if (!resize_all(b.own, room))
        return no_memory(s, l->nodes_where);
    batches_begin(&from, n, b.fields);
    b.scan = from.scan;
    if (!batches_end(&from, take_batches(&b, &from, room, &count)))
        return false;
    if (count == 0)
        return scan_fail(s, l->nodes_where, "there are no nodes");
    if (!resize_all(b.own, (size_t)count))
        return no_memory(s, scan_offset(s, s->at));
    b.own->first_edge[count] = (uint32_t)l->edge_counts;
    mid__mem_park(&b.own->memory, b.own->id32);
    mid__mem_park(&b.own->memory, b.own->id64);
    mid__mem_park(&b.own->memory, b.own->raw_size);
    s->graph->node_count = (uint32_t)count;
    l->nodes_done = true;
    if (l->meta.has_node_count && l->meta.header_nodes != count)
        mid__warn(s->graph, "nodes", l->nodes_where, "the header counts %llu nodes, and there are %llu",
                  (unsigned long long)l->meta.header_nodes, (unsigned long long)count);
    return true;
}
