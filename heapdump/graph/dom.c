/* SPDX-License-Identifier: MIT
 *
 * dom.c: which native nodes are attached to a document and which are not, and the names that say so.
 *
 * V8 knows the state of some embedder nodes; the rest inherit it: what an attached node reaches is attached, and what a
 * detached one reaches and no attached one is detached. The spread goes through native nodes only, along edges that are
 * neither hidden nor weak. A native node that is detached gains `Detached ` before its name. Older files,
 * which do not have the state at all, have `Detached ` in their names; it is taken from there.
 *
 * A node is settled by the first that reaches it, and nodes with a state of their own are settled before all others.
 */
#include "private.h"

enum { UNKNOWN, ATTACHED, DETACHED };

struct stack {
    uint32_t *node;
    size_t count, room;
};

struct spread {
    struct mid__graph *g;
    uint8_t *settled;
    uint32_t *made; /* [strings.count]: 1 + the place in `detached` of the string's detached form, or 0 */
    struct stack attached, detached;
};

static bool push(struct spread *s, struct stack *to, uint32_t node)
{
    if (to->count == to->room) {
        size_t room = 2 * to->room + 1024;
        uint32_t *more = mid__mem_resize(&s->g->own->memory, to->node, room, sizeof *more);
        if (more == NULL)
            return false;
        to->node = more;
        to->room = room;
    }
    to->node[to->count++] = node;
    return true;
}

/* Puts `Detached ` before the node's name. */
static bool rename_node(struct spread *s, uint32_t node)
{
    struct mid__graph *g = s->g;
    struct mid__graph_private *own = g->own;
    uint32_t old = g->node_name[node];
    if (s->made[old] == 0) {
        if (g->strings.detached_count == own->detached_room) {
            uint32_t room = 2 * own->detached_room + 64;
            uint32_t *more = mid__mem_resize(&own->memory, own->detached_names, room, sizeof *more);
            if (more == NULL)
                return false;
            own->detached_names = more;
            own->detached_room = room;
            g->strings.detached = more;
        }
        own->detached_names[g->strings.detached_count++] = old;
        s->made[old] = g->strings.detached_count;
    }
    own->node_name[node] = g->strings.count + s->made[old] - 1;
    return true;
}

static bool settle(struct spread *s, uint32_t node, uint8_t state)
{
    struct mid__graph_private *own = s->g->own;
    if (s->settled[node])
        return true;
    s->settled[node] = 1;
    if (own->node_type[node] != MID__NODE_NATIVE)
        return true;
    own->detachedness[node] = state;
    if (state == ATTACHED)
        return push(s, &s->attached, node);
    if (state == DETACHED)
        return rename_node(s, node) && push(s, &s->detached, node);
    return true;
}

static bool drain(struct spread *s, struct stack *from, uint8_t state)
{
    const struct mid__graph *g = s->g;
    while (from->count != 0) {
        uint32_t node = from->node[--from->count];
        for (uint32_t e = g->first_edge[node]; e < g->first_edge[node + 1]; e++)
            if (g->edge_type[e] != MID__EDGE_HIDDEN && g->edge_type[e] != MID__EDGE_WEAK &&
                !settle(s, g->edge_target[e], state))
                return false;
    }
    return true;
}

static bool spread_states(struct spread *s)
{
    const struct mid__graph *g = s->g;
    for (uint32_t n = 0; n < g->node_count; n++)
        if (g->node_detachedness[n] != UNKNOWN && !settle(s, n, g->node_detachedness[n]))
            return false;
    return drain(s, &s->attached, ATTACHED) && drain(s, &s->detached, DETACHED);
}

static bool any_state(const struct mid__graph *g)
{
    for (uint32_t n = 0; n < g->node_count; n++)
        if (g->node_detachedness[n] != UNKNOWN)
            return true;
    return false;
}

static bool spread(struct mid__graph *g)
{
    struct memory *m = &g->own->memory;
    struct spread s = {.g = g};
    s.settled = mid__mem_new(m, g->node_count, 1);
    s.made = mid__mem_new(m, g->strings.count, sizeof *s.made);
    bool ok = s.settled != NULL && s.made != NULL && spread_states(&s);
    mid__mem_free(m, s.settled);
    mid__mem_free(m, s.made);
    mid__mem_free(m, s.attached.node);
    mid__mem_free(m, s.detached.node);
    return ok;
}

enum mid_status mid__dom_state_spread(struct mid__graph *g, struct mid__graph_error *error)
{
    struct mid__graph_private *own = g->own;
    own->flags = mid__mem_new(&own->memory, g->node_count, 1);
    if (own->flags == NULL)
        return mid__fail_memory(g, error);
    g->node_flags = own->flags;
    if (!own->has_detachedness) {
        for (uint32_t n = 0; n < g->node_count; n++)
            if (g->node_type[n] == MID__NODE_NATIVE && mid__node_special(g, n) == NAME_DETACHED)
                own->detachedness[n] = DETACHED;
    } else if (any_state(g) && !spread(g)) {
        return mid__fail_memory(g, error);
    }
    for (uint32_t n = 0; n < g->node_count; n++)
        if (g->node_type[n] == MID__NODE_NATIVE && g->node_detachedness[n] == DETACHED)
            own->flags[n] = MID__FLAG_DETACHED_DOM;
    return MID_OK;
}
