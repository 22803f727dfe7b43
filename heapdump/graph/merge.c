/* SPDX-License-Identifier: MIT
 *
 * merge.c: the shortest paths to many objects as one tree of classes: who holds them all, and how many by which way.
 *
 *     root -> global -.app-> App -.cache-> Cache -.map-> Map -> (array) -[17]-> Session        250 paths as one:
 *     root -> global -.app-> App -.cache-> Cache -.map-> Map -> (array) -[23]-> Session        global, App, Cache, Map ...
 *
 * Two nodes are in one group when their groups above are one and they have one class. A run of one class (a list, a tree)
 * counts as one step, or a list of a million would be a million groups.
 *
 * A group of a node is found by going up to the next node that has one, and down again; so each node is looked at once.
 * Figures go from groups to the groups above, which have smaller numbers.
 *
 * I1. list[i].parent < i, but for the root's, which is itself.
 */
#include <midden/internal/path.h>

#include <stdlib.h>
#include <string.h>

#define NONE       UINT32_MAX
#define MAX_GROUPS (1u << 30)

struct merging {
    const struct mid__graph *graph;
    const struct mid__classes *classes;
    const uint32_t *arrivals;
    const uint8_t *selected;
    struct mid__path_groups *out;
    uint32_t capacity;
    uint32_t *group_of;    /* [nodes] */
    uint32_t *table, mask; /* (parent, class) -> group; NONE: free */
    uint32_t *way;         /* nodes from one without a group up to one with */
    size_t way_capacity;
};

/* ---- groups */

static size_t slot_of(const struct merging *m, uint32_t parent, uint32_t place)
{
    uint64_t h = ((uint64_t)parent << 32 | place) * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(h >> 32) & m->mask;
    for (;; at = (at + 1) & m->mask) {
        uint32_t group = m->table[at];
        if (group == NONE || (m->out->list[group].parent == parent && m->out->list[group].place == place && group != 0))
            return at;
    }
}

static enum mid_status widen(struct merging *m)
{
    uint32_t wide = m->capacity != 0 ? m->capacity * 2 : 256;
    if (wide > MAX_GROUPS)
        return MID_E_LIMIT;
    struct mid__path_group *list = realloc(m->out->list, wide * sizeof list[0]);
    if (list == NULL)
        return MID_E_MEMORY;
    m->out->list = list;
    m->capacity = wide;
    uint32_t *table = malloc((size_t)wide * 2 * sizeof table[0]);
    if (table == NULL)
        return MID_E_MEMORY;
    free(m->table);
    m->table = table;
    m->mask = wide * 2 - 1;
    memset(table, 0xff, (size_t)wide * 2 * sizeof table[0]);
    for (uint32_t i = 1; i < m->out->count; i++)
        table[slot_of(m, list[i].parent, list[i].place)] = i;
    return MID_OK;
}

static bool same_name(const struct merging *m, uint32_t a, uint32_t b)
{
    const struct mid__graph *g = m->graph;
    return a == b || (g->edge_type[a] == g->edge_type[b] && g->edge_name[a] == g->edge_name[b]);
}

/* The group of `node` below group `parent`. */
static enum mid_status group_below(struct merging *m, uint32_t parent, uint32_t node, uint32_t *group)
{
    uint32_t place = m->classes->of_node[node], edge = m->arrivals[node];
    if (parent != 0 && m->out->list[parent].place == place) {
        *group = parent;
        m->out->list[parent].objects++;
        return MID_OK;
    }
    size_t slot = slot_of(m, parent, place);
    if (m->table[slot] == NONE) {
        enum mid_status status = m->out->count == m->capacity ? widen(m) : MID_OK;
        if (status != MID_OK)
            return status;
        slot = slot_of(m, parent, place);
        m->table[slot] = m->out->count;
        m->out->list[m->out->count++] = (struct mid__path_group){
            .parent = parent, .place = place, .edge = edge, .one_name = true, .example = node};
    }
    *group = m->table[slot];
    struct mid__path_group *g = &m->out->list[*group];
    g->objects++;
    g->one_name = g->one_name && same_name(m, g->edge, edge);
    return MID_OK;
}

static enum mid_status remember(struct merging *m, size_t at, uint32_t node)
{
    if (at == m->way_capacity) {
        size_t wide = at != 0 ? 2 * at : 256;
        uint32_t *way = realloc(m->way, wide * sizeof way[0]);
        if (way == NULL)
            return MID_E_MEMORY;
        m->way = way;
        m->way_capacity = wide;
    }
    m->way[at] = node;
    return MID_OK;
}

static enum mid_status find_group(struct merging *m, uint32_t node)
{
    size_t length = 0;
    enum mid_status status = MID_OK;
    uint32_t group;
    for (; m->group_of[node] == NONE && status == MID_OK; node = mid__graph_edge_source(m->graph, m->arrivals[node]))
        status = remember(m, length++, node);
    for (group = m->group_of[node]; length != 0 && status == MID_OK; length--) {
        status = group_below(m, group, m->way[length - 1], &group);
        m->group_of[m->way[length - 1]] = group;
    }
    return status;
}

static enum mid_status find_groups(struct merging *m)
{
    const struct mid__graph *g = m->graph;
    for (uint32_t n = 0; n < g->node_count; n++) {
        if (!m->selected[n] || mid__graph_size(g, n) == 0)
            continue;
        m->out->selected++;
        if (m->arrivals[n] == MID__PATH_NO_EDGE && n != g->root) {
            m->out->unreached++;
            continue;
        }
        enum mid_status status = find_group(m, n);
        if (status != MID_OK)
            return status;
        struct mid__path_group *group = &m->out->list[m->group_of[n]];
        if (group->count++ == 0)
            group->example = n;
        group->ends++;
        group->shallow += mid__graph_size(g, n);
    }
    return MID_OK;
}

/* ---- figures */

/* Adds what each selected object retains, unless one above it in the dominator tree is selected, too. */
static enum mid_status add_retained(struct merging *m)
{
    const struct mid__graph *g = m->graph;
    struct {
        uint32_t node;
        bool below;
    } *stack = malloc(((size_t)g->node_count + 1) * sizeof *stack);
    size_t height = 0;
    if (stack == NULL)
        return MID_E_MEMORY;
    stack[height].node = g->root;
    stack[height++].below = false;
    while (height != 0) {
        uint32_t n = stack[--height].node;
        bool below = stack[height].below;
        if (m->selected[n] && mid__graph_size(g, n) != 0 && !below) {
            below = true;
            if (m->group_of[n] != NONE)
                m->out->list[m->group_of[n]].retained += g->retained[n];
        }
        for (uint32_t i = g->first_dominated[n]; i < g->first_dominated[n + 1]; i++) {
            stack[height].node = g->dominated[i];
            stack[height++].below = below;
        }
    }
    free(stack);
    return MID_OK;
}

static void add_up(struct mid__path_groups *out)
{
    for (uint32_t i = out->count; i-- > 1;) {
        struct mid__path_group *above = &out->list[out->list[i].parent];
        if (above->count == 0 || out->list[i].example < above->example)
            above->example = out->list[i].example;
        above->count += out->list[i].count;
        above->shallow += out->list[i].shallow;
        above->retained += out->list[i].retained;
    }
}

enum mid_status mid__path_merge(const struct mid__graph *g, const struct mid__classes *classes,
                                const uint32_t *arrivals, const uint8_t *selected, struct mid__path_groups *groups)
{
    struct merging m = {.graph = g, .classes = classes, .arrivals = arrivals, .selected = selected, .out = groups};
    *groups = (struct mid__path_groups){0};
    if (g->node_size == NULL || g->retained == NULL || g->first_dominated == NULL)
        return MID_E_INVALID;
    m.group_of = malloc(((size_t)g->node_count + 1) * sizeof m.group_of[0]);
    enum mid_status status = m.group_of == NULL ? MID_E_MEMORY : widen(&m);
    if (status == MID_OK) {
        memset(m.group_of, 0xff, g->node_count * sizeof m.group_of[0]);
        groups->list[0] = (struct mid__path_group){.place = classes->of_node[g->root], .edge = MID__PATH_NO_EDGE,
                                                   .one_name = true, .example = g->root, .objects = 1};
        groups->count = 1;
        m.group_of[g->root] = 0;
        status = find_groups(&m);
    }
    if (status == MID_OK)
        status = add_retained(&m);
    if (status == MID_OK)
        add_up(groups);
    free(m.group_of);
    free(m.table);
    free(m.way);
    if (status != MID_OK) {
        free(groups->list);
        *groups = (struct mid__path_groups){0};
    }
    return status;
}
