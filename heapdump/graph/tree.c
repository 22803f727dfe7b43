/* SPDX-License-Identifier: MIT
 *
 * tree.c: relations turned around: the dominator tree downwards, all edges backwards, nodes by id. Each is made when it
 * is asked for, and can be dropped again.
 *
 * A relation to turn around is a column `key` (a node's dominator, an edge's target). Counting sort: how often each key
 * comes, sums, and then each item to its key's next place, from the last item down so that first[] ends where the key's
 * items begin.
 */
#include "private.h"

#include "sort.h"

#define REST_EVERY (1u << 22) /* places: pages of a parked key are given back behind the pass */

/* first[k] .. first[k + 1] - 1: the places in `item` of all i with key[i] == k, ascending; `left_out` is not listed. */
static bool turn_around(struct memory *m, const uint32_t *key, uint32_t count, uint32_t keys, uint32_t left_out,
                        uint32_t **first, uint32_t **item)
{
    uint32_t *f = mid__mem_new(m, (size_t)keys + 1, sizeof *f), *list = mid__mem_new(m, count, sizeof *list);
    if (f == NULL || list == NULL) {
        mid__mem_free(m, f);
        mid__mem_free(m, list);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        f[key[i]] += i != left_out;
        if (i % REST_EVERY == 0)
            mid__mem_rest(m, key);
    }
    for (uint32_t k = 1; k <= keys; k++)
        f[k] += f[k - 1];
    for (uint32_t i = count; i > 0; i--) {
        if (i - 1 != left_out)
            list[--f[key[i - 1]]] = i - 1;
        if (i % REST_EVERY == 0)
            mid__mem_rest(m, key);
    }
    *first = f;
    *item = list;
    return true;
}

enum mid_status mid__dominated(struct mid__graph *g, struct mid__graph_error *error)
{
    uint32_t *first, *item;
    if (!turn_around(&g->own->memory, g->dominator, g->node_count, g->node_count, g->root, &first, &item))
        return mid__fail_memory(g, error);
    g->first_dominated = first;
    g->dominated = item;
    return MID_OK;
}

enum mid_status mid__retainers(struct mid__graph *g, struct mid__graph_error *error)
{
    uint32_t *first, *item;
    if (!turn_around(&g->own->memory, g->edge_target, g->edge_count, g->node_count, NO_NODE, &first, &item))
        return mid__fail_memory(g, error);
    g->first_retainer = first;
    g->retainer = item;
    return MID_OK;
}

enum mid_status mid__by_id(struct mid__graph *g, struct mid__graph_error *error)
{
    struct memory *m = &g->own->memory;
    uint32_t *order = mid__mem_new(m, g->node_count, sizeof *order);
    if (order == NULL || !sort_order(m, g->node_id32, g->node_id64, g->node_count, order)) {
        mid__mem_free(m, order);
        return mid__fail_memory(g, error);
    }
    g->by_id = order;
    return MID_OK;
}
