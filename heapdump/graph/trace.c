/* SPDX-License-Identifier: MIT
 *
 * trace.c: the sections that say where nodes were allocated.
 *
 *     trace_function_infos   a flat list of records, as the meta lays them out
 *     trace_tree             id,function,count,size,[ id,function,count,size,[...], ... ]      nested as deep as the stacks were
 *
 * The tree becomes a list in the order of the file, each site behind its parent; nesting is a parent's index and not a recursion.
 * The numbers of functions are indices into the list of functions. Real tracked snapshots of Node have a trace_function_count
 * in the header that is too small: the list itself is believed.
 *
 *   I1  sites[i].parent < i, or MID__NO_SITE
 *   I2  site_by_id is sorted by id, and no id is there twice: else there are no sites, with a warning
 *   I3  after trace_finish functions name strings that exist, and sites functions that exist or none
 */
#include "sections.h"
#include "sort.h"

#include <string.h>

static bool no_memory(struct scan *s)
{
    scan_fail(s, scan_offset(s, s->at), "out of memory");
    mid__fail_memory(s->graph, s->error);
    return false;
}

/* ---- functions */

static int64_t field_of(const struct numbers *n, size_t record, size_t fields, int field)
{
    return field == NO_FIELD ? 0 : n->value[record * fields + (size_t)field];
}

static uint32_t narrow(int64_t value)
{
    return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

bool trace_functions_read(struct loaded *l, struct numbers *n)
{
    const struct meta *m = &l->meta;
    struct scan *s = n->scan;
    struct mid__graph *g = s->graph;
    struct mid__graph_private *own = g->own;
    size_t fields = (size_t)m->function_fields, used = 0, room = 0, count = 0;
    do {
        if (!numbers_more(n, used))
            return false;
        size_t records = n->count / fields;
        used = records * fields;
        if (count + records > MAX_COUNT)
            return scan_fail(s, scan_offset(s, s->at), "more than %u functions", MAX_COUNT);
        if (count + records > room || own->functions == NULL) {
            room = 2 * (count + records) + 1;
            void *more = mid__mem_resize(&own->memory, own->functions, room, sizeof *own->functions);
            if (more == NULL)
                return no_memory(s);
            own->functions = more;
        }
        for (size_t r = 0; r < records; r++) {
            int64_t script_id = field_of(n, r, fields, m->function_script_id);
            own->functions[count++] = (struct mid__graph_function){
                .name = narrow(field_of(n, r, fields, m->function_name)),
                .script = narrow(field_of(n, r, fields, m->function_script)),
                .script_id = script_id < INT32_MIN || script_id > INT32_MAX ? 0 : (int32_t)script_id,
                .line = narrow(field_of(n, r, fields, m->function_line)),
                .column = narrow(field_of(n, r, fields, m->function_column)),
            };
        }
    } while (!n->ended);
    if (n->count != used)
        mid__warn(g, s->section, n->where[used], "the functions end within a record");
    g->function_count = (uint32_t)count;
    return true;
}

/* ---- the tree */

static bool number(struct scan *s, uint64_t *value)
{
    int c = scan_peek(s);
    uint64_t v = 0;
    if (c < '0' || c > '9')
        return scan_unexpected(s, "a number of a site");
    while ((s->at < s->end || scan_refill(s)) && *s->at >= '0' && *s->at <= '9') {
        if (v > UINT64_MAX / 10 - 1)
            return scan_fail(s, scan_offset(s, s->at), "a number of a site is too large");
        v = v * 10 + (uint64_t)(*s->at++ - '0');
    }
    *value = v;
    return !s->failed;
}

static bool add_site(struct scan *s, uint32_t parent, size_t *room)
{
    struct mid__graph_private *own = s->graph->own;
    uint64_t field[4];
    for (unsigned i = 0; i < 4; i++)
        if (!number(s, &field[i]) || !scan_take(s, ','))
            return false;
    if (field[0] > UINT32_MAX || s->graph->site_count == MAX_COUNT)
        return scan_fail(s, scan_offset(s, s->at), "the id of a site is too large, or there are too many");
    if (s->graph->site_count == *room) {
        *room = 2 * *room + 16;
        void *more = mid__mem_resize(&own->memory, own->sites, *room, sizeof *own->sites);
        if (more == NULL)
            return no_memory(s);
        own->sites = more;
    }
    own->sites[s->graph->site_count++] = (struct mid__graph_site){
        .id = (uint32_t)field[0], .parent = parent, .function = field[1] < MID__NO_SITE ? (uint32_t)field[1] : MID__NO_SITE,
        .count = field[2], .size = field[3]};
    return true;
}

/* The value begins with '['. */
bool trace_tree_read(struct loaded *l, struct scan *s)
{
    struct mid__graph *g = s->graph;
    uint32_t parent = MID__NO_SITE;
    size_t room = 0;
    (void)l;
    if (!scan_take(s, '['))
        return false;
    for (bool first = true;;) { /* at the begin of the list of parent's children, or behind one of them */
        int c = scan_peek(s);
        if (c == ']') {
            if (!scan_take(s, ']'))
                return false;
            if (parent == MID__NO_SITE)
                return true;
            parent = g->own->sites[parent].parent;
            first = false;
            continue;
        }
        if ((!first && !scan_take(s, ',')) || !add_site(s, parent, &room) || !scan_take(s, '['))
            return false;
        parent = g->site_count - 1;
        first = true;
    }
}

/* ---- the checks at the end */

static bool functions_named(struct scan *s)
{
    const struct mid__graph *g = s->graph;
    for (uint32_t i = 0; i < g->function_count; i++) {
        const struct mid__graph_function *f = &g->own->functions[i];
        uint32_t worst = f->name > f->script ? f->name : f->script;
        s->section = "trace_function_infos";
        if (worst >= g->strings.count)
            return scan_fail(s, 0, "string %u of %u is named", worst, g->strings.count);
    }
    return true;
}

/* With two sites of one id nobody knows what a node means. */
static void refuse_twins(struct mid__graph *g)
{
    struct mid__graph_private *own = g->own;
    bool twins = false;
    for (uint32_t i = 1; i < g->site_count; i++)
        twins |= own->sites[own->site_by_id[i - 1]].id == own->sites[own->site_by_id[i]].id;
    if (!twins)
        return;
    mid__warn(g, "trace_tree", 0, "an id is given to more than one site: no site is known");
    g->site_count = 0;
}

bool trace_finish(struct scan *s)
{
    struct mid__graph *g = s->graph;
    struct mid__graph_private *own = g->own;
    struct memory *m = &own->memory;
    if (!functions_named(s))
        return false;
    if (g->site_count == 0)
        return true;
    for (uint32_t i = 0; i < g->site_count; i++)
        if (own->sites[i].function >= g->function_count && own->sites[i].function != MID__NO_SITE) {
            mid__warn(g, "trace_tree", 0, "a site names a function that is not there");
            own->sites[i].function = MID__NO_SITE;
        }
    uint32_t *id = mid__mem_new(m, g->site_count, sizeof *id);
    own->site_by_id = mid__mem_new(m, g->site_count, sizeof *own->site_by_id);
    bool ok = id != NULL && own->site_by_id != NULL;
    for (uint32_t i = 0; ok && i < g->site_count; i++)
        id[i] = own->sites[i].id;
    ok = ok && sort_order(m, id, NULL, g->site_count, own->site_by_id);
    mid__mem_free(m, id);
    if (!ok)
        return no_memory(s);
    refuse_twins(g);
    return true;
}

uint32_t mid__graph_site_of(const struct mid__graph *g, uint32_t node)
{
    uint32_t low = 0, high = g->site_count, id = g->node_trace_id == NULL ? 0 : g->node_trace_id[node];
    if (id == 0)
        return MID__NO_SITE;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (g->sites[g->site_by_id[middle]].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < g->site_count && g->sites[g->site_by_id[low]].id == id ? g->site_by_id[low] : MID__NO_SITE;
}
