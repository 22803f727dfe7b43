/* SPDX-License-Identifier: MIT
 *
 * load.c: reads a snapshot: the outermost object, section by section, in whatever order they come.
 *
 *     {"snapshot":{"meta":...},"nodes":[...],"edges":[...], ... ,"locations":[...],"strings":[...]}
 *
 * The header says how the arrays are laid out. An array that comes before it is kept as plain numbers and read when the
 * header is known. What is not known is checked as JSON and passed over. Counts in the header are only believed as a
 * first guess of sizes. What can be wrong and still be read becomes a warning; what cannot stops with section and byte.
 *
 * The checks across sections stand at the end: each node's edges exist, each edge's target does, and each name is a
 * string. After them every index in the columns is good, and no other file of this directory checks one again:
 *   I1  first_edge ascends from 0 to at most edge_count.
 *   I2  edge_target[e] < node_count.
 *   I3  node_name[n] < strings.count; edge_name[e] < strings.count where the edge's name is a string.
 *   I4  all sizes together are below 2^63.
 */
#include "sections.h"
#include "text.h"

#include <string.h>

#define HEADER_BYTES ((size_t)16 << 20)

/* An array that came before the header. */
struct early {
    int64_t *number;
    size_t count;
    uint64_t where;
};

struct loader {
    struct loaded l;
    struct scan scan;
    struct numbers *numbers;
    bool header_done, strings_done;
    struct early early[3]; /* by enum array */
    unsigned sections;     /* bit i: mid__meta_groups[i].section was there */
    char key[32];
};

enum array { NODES, EDGES, LOCATIONS };
static const char *const array_name[] = {"nodes", "edges", "locations"};

static bool no_memory(struct loader *ld)
{
    scan_fail(&ld->scan, scan_offset(&ld->scan, ld->scan.at), "out of memory");
    mid__fail_memory(ld->scan.graph, ld->scan.error);
    return false;
}

static bool take_header(struct loader *ld)
{
    struct scan *s = &ld->scan;
    struct keep keep = {NULL, 0, 0, HEADER_BYTES};
    if (ld->header_done)
        return scan_fail(s, scan_offset(s, s->at), "the section comes twice");
    scan_peek(s);
    uint64_t offset = scan_offset(s, s->at);
    s->keep = &keep;
    bool ok = scan_skip(s);
    s->keep = NULL;
    s->graph->own->meta_json = keep.text;
    s->graph->meta_json = keep.text;
    ld->header_done = ok;
    return ok && meta_read(s, keep.text, offset, &ld->l.meta);
}

/* Reads numbers that are not understood yet. */
static bool keep_array(struct loader *ld, struct early *early)
{
    struct numbers *n = ld->numbers;
    struct memory *m = &ld->scan.graph->own->memory;
    size_t room = 0;
    early->where = scan_offset(&ld->scan, ld->scan.at);
    if (!numbers_begin(n, &ld->scan))
        return false;
    do {
        if (!numbers_more(n, n->count))
            return false;
        if (early->count + n->count > room || early->number == NULL) {
            room = 2 * (early->count + n->count);
            int64_t *more = mid__mem_resize(m, early->number, room, sizeof *more);
            if (more == NULL)
                return no_memory(ld);
            early->number = more;
        }
        memcpy(early->number + early->count, n->value, n->count * sizeof n->value[0]);
        early->count += n->count;
    } while (!n->ended);
    return true;
}

static bool spread(struct loader *ld, enum array which)
{
    switch (which) {
    case NODES:
        return nodes_read(&ld->l, ld->numbers);
    case EDGES:
        return edges_read(&ld->l, ld->numbers);
    case LOCATIONS:
        break;
    }
    return locations_read(&ld->l, ld->numbers);
}

static bool take_array(struct loader *ld, enum array which)
{
    struct scan *s = &ld->scan;
    struct mid__graph_private *own = s->graph->own;
    bool twice = which == NODES ? own->node_type != NULL : which == EDGES ? own->edge_type != NULL : own->locations != NULL;
    if (twice || ld->early[which].number != NULL)
        return scan_fail(s, scan_offset(s, s->at), "the section comes twice");
    if (!ld->header_done)
        return keep_array(ld, &ld->early[which]);
    if (which == LOCATIONS && ld->l.meta.object_index == NO_FIELD) {
        mid__warn(s->graph, "locations", scan_offset(s, s->at), "the meta does not say how locations are laid out");
        return scan_skip(s);
    }
    return numbers_begin(ld->numbers, s) && spread(ld, which);
}

/* The arrays that came before the header. */
static bool take_early(struct loader *ld)
{
    for (unsigned i = 0; i < 3; i++) {
        struct early *e = &ld->early[i];
        if (e->number == NULL || (i == LOCATIONS && ld->l.meta.object_index == NO_FIELD))
            continue;
        ld->scan.section = array_name[i];
        numbers_begin_kept(ld->numbers, &ld->scan, e->number, e->count, e->where);
        if (!spread(ld, (enum array)i))
            return false;
        mid__mem_free(&ld->scan.graph->own->memory, e->number);
        e->number = NULL;
    }
    return true;
}

/* Allocation sites are no reason to refuse a file whose layout is another's. */
static bool take_trace(struct loader *ld)
{
    struct scan *s = &ld->scan;
    const struct meta *m = &ld->l.meta;
    bool tree = strcmp(ld->key, "trace_tree") == 0;
    if ((tree ? s->graph->own->sites != NULL : s->graph->own->functions != NULL))
        return scan_fail(s, scan_offset(s, s->at), "the section comes twice");
    if (scan_peek(s) != '[' || !ld->header_done || (tree ? !m->has_trace_fields : m->function_name == NO_FIELD)) {
        mid__warn(s->graph, ld->key, scan_offset(s, s->at),
                  ld->header_done ? "allocation sites of an unknown layout are passed over"
                                  : "allocation sites before the header are passed over");
        return scan_skip(s);
    }
    return tree ? trace_tree_read(&ld->l, s) : numbers_begin(ld->numbers, s) && trace_functions_read(&ld->l, ld->numbers);
}

static bool take_section(struct loader *ld)
{
    struct scan *s = &ld->scan;
    for (unsigned i = 0; i < mid__meta_group_count; i++)
        ld->sections |= (unsigned)(strcmp(ld->key, mid__meta_groups[i].section) == 0) << i;
    if (strcmp(ld->key, "snapshot") == 0)
        return take_header(ld);
    for (unsigned i = 0; i < 3; i++)
        if (strcmp(ld->key, array_name[i]) == 0)
            return take_array(ld, (enum array)i);
    if (strcmp(ld->key, "trace_function_infos") == 0 || strcmp(ld->key, "trace_tree") == 0)
        return take_trace(ld);
    if (strcmp(ld->key, "strings") == 0) {
        if (ld->strings_done)
            return scan_fail(s, scan_offset(s, s->at), "the section comes twice");
        return ld->strings_done = text_read(s);
    }
    return scan_skip(s);
}

/* A byte order mark, and the brace. */
static bool take_beginning(struct loader *ld)
{
    struct scan *s = &ld->scan;
    while (s->end - s->at < 3 && scan_refill(s))
        ;
    if (!s->failed && s->at == s->end)
        return scan_fail(s, 0, "the input is empty");
    if (s->end - s->at >= 3 && memcmp(s->at, "\xef\xbb\xbf", 3) == 0)
        s->at += 3;
    if (scan_peek(s) != '{')
        return scan_unexpected(s, "'{': this is no heap snapshot");
    return scan_take(s, '{');
}

static bool take_sections(struct loader *ld)
{
    struct scan *s = &ld->scan;
    bool fits;
    if (scan_peek(s) == '}')
        return scan_take(s, '}');
    for (;;) {
        if (!scan_string(s, ld->key, sizeof ld->key, &fits) || !scan_take(s, ':'))
            return false;
        for (char *c = ld->key; *c != '\0'; c++)
            *c = *c < 0x20 || *c == 0x7f ? '?' : *c;
        s->section = ld->key;
        if (!take_section(ld))
            return false;
        s->section = "";
        int c = scan_peek(s);
        if (c == '}')
            return scan_take(s, '}');
        if (c != ',')
            return scan_unexpected(s, "',' or '}'");
        scan_take(s, ',');
    }
}

static bool take_end(struct loader *ld)
{
    struct scan *s = &ld->scan;
    if (scan_peek(s) >= 0)
        mid__warn(s->graph, "", scan_offset(s, s->at), "bytes behind the end of the snapshot are ignored");
    if (s->failed)
        return false;
    s->graph->input_bytes = scan_offset(s, s->end);
    const char *remark = mid__input_remark(s->in);
    if (remark != NULL)
        mid__warn(s->graph, "", s->graph->input_bytes, "%s", remark);
    return true;
}

static bool all_there(struct loader *ld)
{
    struct scan *s = &ld->scan;
    const char *missing = !ld->header_done      ? "snapshot"
                          : !ld->l.nodes_done   ? "nodes"
                          : !ld->l.edges_done   ? "edges"
                          : !ld->strings_done ? "strings"
                                                : NULL;
    if (missing != NULL)
        return scan_fail(s, scan_offset(s, s->end), "the section \"%s\" is missing", missing);
    for (unsigned i = 0; i < mid__meta_group_count; i++)
        if ((ld->l.meta.listed & ~ld->sections) >> i & 1)
            mid__warn(s->graph, mid__meta_groups[i].section, s->graph->input_bytes,
                      "the meta speaks of the section, and it is missing");
    return true;
}

static bool check_name(struct scan *s, const char *section, const struct highest *h)
{
    uint32_t count = s->graph->strings.count;
    if (!h->any || h->value < count)
        return true;
    s->section = section;
    return scan_fail(s, h->where, "string %llu of %u is named", (unsigned long long)h->value, count);
}

/* I1 to I3. */
static bool check_across(struct loader *ld)
{
    struct scan *s = &ld->scan;
    struct mid__graph *g = s->graph;
    const struct highest *t = &ld->l.edge_target;
    if (!check_name(s, "nodes", &ld->l.node_name) || !check_name(s, "edges", &ld->l.edge_name))
        return false;
    if (t->any && t->value >= g->node_count) {
        s->section = "edges";
        return scan_fail(s, t->where, "an edge goes to node %llu of %u", (unsigned long long)t->value, g->node_count);
    }
    if (ld->l.edge_counts > g->edge_count) {
        s->section = "nodes";
        return scan_fail(s, ld->l.nodes_where, "the nodes count %llu edges, and there are %u",
                         (unsigned long long)ld->l.edge_counts, g->edge_count);
    }
    if (ld->l.edge_counts < g->edge_count)
        mid__warn(g, "edges", 0, "edges at the end belong to no node: %llu",
                  (unsigned long long)(g->edge_count - ld->l.edge_counts));
    g->edge_count = (uint32_t)ld->l.edge_counts;
    uint64_t root = ld->l.meta.root_index / (uint64_t)ld->l.meta.node_fields;
    if (root < g->node_count)
        g->root = (uint32_t)root;
    else
        mid__warn(g, "snapshot", 0, "root_index names no node; the first node is taken");
    return true;
}

/* Ids are small and dense in every real file: a bit for each. Where they are not, nothing is said. */
static bool check_ids(struct loader *ld)
{
    struct mid__graph *g = ld->scan.graph;
    uint64_t most = 0;
    for (uint32_t i = 0; i < g->node_count; i++)
        most = mid__graph_id(g, i) > most ? mid__graph_id(g, i) : most;
    if (most / 64 > (uint64_t)g->node_count * 4 + 1024)
        return true;
    uint64_t *seen = mid__mem_new(&g->own->memory, (size_t)(most / 64 + 1), sizeof *seen);
    if (seen == NULL)
        return no_memory(ld);
    uint64_t again = 0, first = 0;
    for (uint32_t i = 0; i < g->node_count; i++) {
        uint64_t id = mid__graph_id(g, i), bit = (uint64_t)1 << (id & 63);
        if (seen[id >> 6] & bit && again++ == 0)
            first = id;
        seen[id >> 6] |= bit;
    }
    struct mid__graph_warning *w = again == 0 ? NULL :
        mid__warn(g, "nodes", ld->l.nodes_where, "an id is given to more than one node: %llu", (unsigned long long)first);
    if (w != NULL)
        w->count = again;
    mid__mem_free(&g->own->memory, seen);
    return true;
}

static void publish(struct mid__graph *g)
{
    struct mid__graph_private *own = g->own;
    g->node_type = own->node_type;
    g->node_name = own->node_name;
    g->node_id32 = own->id32;
    g->node_id64 = own->id64;
    g->node_raw_size = own->raw_size;
    g->first_edge = own->first_edge;
    g->node_detachedness = own->detachedness;
    g->node_trace_id = own->trace_id;
    g->edge_type = own->edge_type;
    g->edge_name = own->edge_name;
    g->edge_target = own->edge_target;
    g->locations = own->locations;
    g->functions = own->functions;
    g->sites = own->sites;
    g->site_by_id = own->site_by_id;
    g->warnings = own->warnings;
}

static bool load(struct loader *ld)
{
    struct mid__graph *g = ld->scan.graph;
    if (!take_beginning(ld) || !take_sections(ld) || !take_end(ld))
        return false;
    if (ld->header_done && !take_early(ld))
        return false;
    if (!all_there(ld) || !check_across(ld) || !locations_finish(&ld->l, &ld->scan) || !trace_finish(&ld->scan))
        return false;
    g->own->has_detachedness = ld->l.meta.detachedness != NO_FIELD;
    publish(g);
    return check_ids(ld);
}

enum mid_status mid__load(struct mid__graph *g, struct mid__input *in, struct mid__graph_error *error)
{
    struct memory *m = &g->own->memory;
    struct loader *ld = mid__mem_new(m, 1, sizeof *ld);
    struct numbers *numbers = mid__mem_new(m, 1, sizeof *numbers);
    if (ld == NULL || numbers == NULL || !scan_begin(&ld->scan, g, in, error))
        return mid__fail_memory(g, error);
    ld->numbers = numbers;
    bool ok = load(ld);
    scan_end(&ld->scan);
    mid__mem_free(m, numbers);
    mid__mem_free(m, ld);
    return ok ? MID_OK : error->status;
}
