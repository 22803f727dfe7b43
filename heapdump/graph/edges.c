/* SPDX-License-Identifier: MIT
 *
 * edges.c: spreads the edges array over columns; and the locations.
 *
 * Problem: the largest array. A target is written as the node's ordinal times the number of node fields; dividing forty
 * million times is spared by multiplying with the inverse of the odd part of the divisor modulo 2^64, which gives the
 * quotient exactly when the number is a multiple, and something larger than any quotient when it is not (Granlund and
 * Montgomery, "Division by Invariant Integers using Multiplication", 1994, section 9).
 *
 * Edges may come before nodes and strings: the highest target and the highest name are kept for the check at the end.
 */
#include "records.h"
#include "sort.h"

#include <string.h>

#define PARK_EVERY ((uint64_t)4 << 20) /* edges */

static struct divisor divisor_of(unsigned d)
{
    struct divisor by = {.zeros = mid__ctz64(d)};
    uint64_t odd = d >> by.zeros;
    by.inverse = odd; /* right in 3 bits, then in 6, 12, 24, 48, 96 */
    for (int i = 0; i < 5; i++)
        by.inverse *= 2 - odd * by.inverse;
    by.most = UINT64_MAX / d;
    return by;
}

/* The quotient, or a number beyond every ordinal. */
static uint64_t divide(uint64_t v, const struct divisor *by)
{
    uint64_t q = v * by->inverse;
    q = q >> by->zeros | q << (-by->zeros & 63);
    return q <= by->most ? q : UINT64_MAX;
}

static void take_types(const struct batch *b)
{
    const struct meta *m = &b->l->meta;
    uint8_t *type = b->own->edge_type + b->first;
    bool odd = false;
    for (size_t r = 0; r < b->records; r++) {
        uint64_t v = (uint64_t)value_of(b, r, m->edge_type);
        type[r] = m->edge_type_of[v < MAX_RAW_TYPES ? v : MAX_RAW_TYPES - 1];
        odd |= v >= m->raw_edge_types;
    }
    for (size_t r = 0; odd && r < b->records; r++)
        if ((uint64_t)value_of(b, r, m->edge_type) >= m->raw_edge_types) {
            type[r] = MID__EDGE_UNKNOWN;
            mid__warn(b->scan->graph, "edges", where_of(b, r, m->edge_type), "an edge type that the meta does not name");
        }
}

static bool odd_name(const struct batch *b)
{
    for (size_t r = 0; r < b->records; r++) {
        int64_t v = value_of(b, r, b->l->meta.name_or_index);
        if (v < 0 || v > UINT32_MAX)
            return scan_fail(b->scan, where_of(b, r, b->l->meta.name_or_index), "edge %zu has the name or index %lld",
                             b->first + r, (long long)v);
    }
    return true;
}

/* After the types: only names that are strings count for the highest. */
static bool take_names(const struct batch *b)
{
    const int field = b->l->meta.name_or_index;
    const uint8_t *type = b->own->edge_type + b->first;
    uint32_t *name = b->own->edge_name + b->first;
    uint64_t odd = 0, highest = 0;
    for (size_t r = 0; r < b->records; r++) {
        uint64_t v = (uint64_t)value_of(b, r, field), string = mid__edge_is_numbered(type[r]) ? 0 : v;
        name[r] = (uint32_t)v;
        odd |= v >> 32;
        highest = string > highest ? string : highest;
    }
    if (odd != 0)
        return odd_name(b);
    if (highest > b->l->edge_name.value || !b->l->edge_name.any)
        for (size_t r = 0; r < b->records; r++)
            if ((uint64_t)value_of(b, r, field) == highest && !mid__edge_is_numbered(type[r])) {
                b->l->edge_name = (struct highest){highest, where_of(b, r, field), true};
                break;
            }
    return true;
}

static bool odd_target(const struct batch *b, uint64_t limit)
{
    for (size_t r = 0; r < b->records; r++) {
        int64_t v = value_of(b, r, b->l->meta.to_node);
        uint64_t where = where_of(b, r, b->l->meta.to_node), q = divide((uint64_t)v, &b->by);
        if (v < 0 || q == UINT64_MAX)
            return scan_fail(b->scan, where, "edge %zu goes to %lld, which is no multiple of the %d node fields",
                             b->first + r, (long long)v, b->l->meta.node_fields);
        if (q >= limit)
            return scan_fail(b->scan, where, "edge %zu goes to node %llu of %llu", b->first + r, (unsigned long long)q,
                             (unsigned long long)limit);
    }
    return true;
}

static bool take_targets(const struct batch *b)
{
    const int field = b->l->meta.to_node;
    const uint64_t limit = b->l->nodes_done ? b->scan->graph->node_count : MAX_COUNT;
    uint32_t *target = b->own->edge_target + b->first;
    uint64_t highest = 0;
    for (size_t r = 0; r < b->records; r++) {
        uint64_t q = divide((uint64_t)value_of(b, r, field), &b->by);
        target[r] = (uint32_t)q;
        highest = q > highest ? q : highest;
    }
    if (b->records != 0 && highest >= limit)
        return odd_target(b, limit);
    if (!b->l->nodes_done && (highest > b->l->edge_target.value || !b->l->edge_target.any))
        for (size_t r = 0; r < b->records; r++)
            if (target[r] == highest) {
                b->l->edge_target = (struct highest){highest, where_of(b, r, field), true};
                break;
            }
    return true;
}

static bool resize_all(struct mid__graph_private *own, size_t room)
{
    uint8_t *type = mid__mem_resize(&own->memory, own->edge_type, room, sizeof *type);
    own->edge_type = type != NULL ? type : own->edge_type;
    uint32_t *name = mid__mem_resize(&own->memory, own->edge_name, room, sizeof *name);
    own->edge_name = name != NULL ? name : own->edge_name;
    uint32_t *target = mid__mem_resize(&own->memory, own->edge_target, room, sizeof *target);
    own->edge_target = target != NULL ? target : own->edge_target;
    return type != NULL && name != NULL && target != NULL;
}

static size_t first_room(const struct loaded *l, const struct scan *s)
{
    uint64_t size = mid__input_size(s->in), limit = s->graph->own->memory.limit_bytes / 64;
    uint64_t room = l->nodes_done ? l->edge_counts : l->meta.has_edge_count ? l->meta.header_edges : 4096;
    uint64_t most = size != 0 ? size / (2 * (uint64_t)l->meta.edge_fields) + 1 : (uint64_t)1 << 25;
    if (limit != 0 && limit < most)
        most = limit;
    return (size_t)(room < most ? room : most) + 16;
}

/* All batches; *edges: how many edges they had. */
static bool take_batches(struct batch *b, struct batches *from, size_t room, uint64_t *edges)
{
    uint64_t count = 0, parked = 0;
    do {
        if (!next_batch(b, from, &count, "edges"))
            return false;
        if (count > room) {
            room = 2 * (size_t)count;
            if (!resize_all(b->own, room))
                return no_memory(b->scan, scan_offset(b->scan, b->scan->at));
        }
        take_types(b);
        if (!take_names(b) || !take_targets(b))
            return false;
        if (count - parked >= PARK_EVERY) { /* nobody asks for names before all is computed */
            parked = count;
            mid__mem_park_part(&b->own->memory, b->own->edge_name, (size_t)count * sizeof b->own->edge_name[0]);
        }
    } while (!b->n->ended);
    *edges = count;
    return ends_whole(b, "edges");
}

bool edges_read(struct loaded *l, struct numbers *n)
{
    struct scan *s = n->scan;
    struct batch b = {.l = l, .n = n, .scan = s, .own = s->graph->own, .fields = (size_t)l->meta.edge_fields,
                      .by = divisor_of((unsigned)l->meta.node_fields)};
    struct batches from;
    size_t room = first_room(l, s);
    uint64_t count = 0, where = scan_offset(s, s->at);
    if (!resize_all(b.own, room))
        return no_memory(s, scan_offset(s, s->at));
    batches_begin(&from, n, b.fields);
    b.scan = from.scan;
    if (!batches_end(&from, take_batches(&b, &from, room, &count)))
        return false;
    if (!resize_all(b.own, (size_t)count))
        return no_memory(s, scan_offset(s, s->at));
    s->graph->edge_count = (uint32_t)count;
    l->edges_done = true;
    if (l->meta.has_edge_count && l->meta.header_edges != count)
        mid__warn(s->graph, "edges", where, "the header counts %llu edges, and there are %llu",
                  (unsigned long long)l->meta.header_edges, (unsigned long long)count);
    return true;
}

/* ---- locations */

static int32_t narrow(int64_t v)
{
    return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : (int32_t)v;
}

static struct mid__graph_location location_at(const struct batch *b, size_t r, bool *good)
{
    const struct meta *m = &b->l->meta;
    uint64_t node = divide((uint64_t)value_of(b, r, m->object_index), &b->by);
    *good = node < MAX_COUNT;
    return (struct mid__graph_location){
        (uint32_t)node, m->script_id != NO_FIELD ? narrow(value_of(b, r, m->script_id)) : 0,
        m->line != NO_FIELD ? narrow(value_of(b, r, m->line)) : 0,
        m->column != NO_FIELD ? narrow(value_of(b, r, m->column)) : 0};
}

bool locations_read(struct loaded *l, struct numbers *n)
{
    struct scan *s = n->scan;
    struct batch b = {.l = l, .n = n, .scan = s, .own = s->graph->own, .fields = (size_t)l->meta.location_fields,
                      .by = divisor_of((unsigned)l->meta.node_fields)};
    uint32_t count = 0;
    size_t room = 0;
    do {
        if (!numbers_more(n, b.records * b.fields))
            return false;
        b.records = n->count / b.fields;
        if (count > MAX_COUNT - b.records)
            return scan_fail(s, scan_offset(s, s->at), "more than %u locations", MAX_COUNT);
        if (count + b.records > room) {
            room = 2 * (count + b.records);
            struct mid__graph_location *more = mid__mem_resize(&b.own->memory, b.own->locations, room, sizeof *more);
            if (more == NULL)
                return no_memory(s, scan_offset(s, s->at));
            b.own->locations = more;
        }
        for (size_t r = 0; r < b.records; r++) {
            bool good;
            b.own->locations[count] = location_at(&b, r, &good);
            count += good;
            if (!good)
                mid__warn(s->graph, "locations", where_of(&b, r, l->meta.object_index), "a location of no node");
        }
    } while (!n->ended);
    if (n->count != b.records * b.fields)
        mid__warn(s->graph, "locations", n->where[b.records * b.fields], "the locations end within a record");
    s->graph->location_count = count;
    return true;
}

static bool ascending(const struct mid__graph_location *list, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        if (list[i - 1].node >= list[i].node)
            return false;
    return true;
}

/* `sorted` in the order of nodes, of each node the last. Returns how many remain. */
static uint32_t gather(const struct mid__graph_location *list, const uint32_t *order, uint32_t count,
                       struct mid__graph_location *sorted)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct mid__graph_location one = list[order[i]];
        if (kept != 0 && sorted[kept - 1].node == one.node)
            kept--;
        sorted[kept++] = one;
    }
    return kept;
}

static bool sort_locations(struct mid__graph *g)
{
    struct memory *m = &g->own->memory;
    uint32_t count = g->location_count;
    uint32_t *node = mid__mem_new(m, count, sizeof *node), *order = mid__mem_new(m, count, sizeof *order);
    struct mid__graph_location *sorted = mid__mem_new(m, count, sizeof *sorted);
    bool ok = node != NULL && order != NULL && sorted != NULL;
    if (ok) {
        for (uint32_t i = 0; i < count; i++)
            node[i] = g->own->locations[i].node;
        ok = sort_order(m, node, NULL, count, order);
    }
    if (ok) {
        g->location_count = gather(g->own->locations, order, count, sorted);
        mid__mem_free(m, g->own->locations);
        g->own->locations = sorted;
    } else {
        mid__mem_free(m, sorted);
    }
    mid__mem_free(m, order);
    mid__mem_free(m, node);
    return ok;
}

bool locations_finish(struct loaded *l, struct scan *s)
{
    struct mid__graph *g = s->graph;
    (void)l;
    if (!ascending(g->own->locations, g->location_count) && !sort_locations(g))
        return no_memory(s, scan_offset(s, s->at));
    uint32_t count = g->location_count;
    while (count > 0 && g->own->locations[count - 1].node >= g->node_count)
        count--;
    if (count != g->location_count)
        mid__warn(g, "locations", 0, "locations of nodes that do not exist");
    g->location_count = count;
    return true;
}
