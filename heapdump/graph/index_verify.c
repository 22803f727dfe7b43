/* SPDX-License-Identifier: MIT
 *
 * index_verify.c: goes through an index that nobody vouches for, after its checksums were right: whatever its columns
 * say, a reader of the graph must neither leave an array nor walk for ever.
 *
 * So it asks for what load.c and the analysis promise about places, not for right figures: each index is in range; what
 * ascends, ascends; the lists of dominated nodes and of retainers are the dominators and targets turned around; from the
 * root the dominator tree reaches every node, so that it has no circle. Sizes may be anything, and so may distances that one
 * can count on from.
 */
#include "index_format.h"

#include <stdlib.h>
#include <string.h>

static bool bytes_below(const uint8_t *column, uint64_t count, unsigned limit)
{
    unsigned most = 0;
    for (uint64_t i = 0; i < count; i++)
        most = column[i] > most ? column[i] : most;
    return count == 0 || most < limit;
}

static bool all_below(const uint32_t *column, uint64_t count, uint64_t limit)
{
    uint32_t most = 0;
    for (uint64_t i = 0; i < count; i++)
        most = column[i] > most ? column[i] : most;
    return count == 0 || most < limit;
}

/* From 0 to `last`, never down. */
static bool ascends_to(const uint32_t *column, uint64_t count, uint32_t last)
{
    bool down = false;
    for (uint64_t i = 1; i < count; i++)
        down |= column[i - 1] > column[i];
    return !down && column[0] == 0 && column[count - 1] == last;
}

static bool distances_sound(const struct mid__graph *g)
{
    int32_t least = 0, most = 0;
    for (uint32_t n = 0; n < g->node_count; n++) {
        least = g->distance[n] < least ? g->distance[n] : least;
        most = g->distance[n] > most ? g->distance[n] : most;
    }
    return least >= MID__DISTANCE_NONE && most < INT32_MAX;
}

static bool edges_sound(const struct mid__graph *g)
{
    if (!ascends_to(g->first_edge, (uint64_t)g->node_count + 1, g->edge_count) ||
        !bytes_below(g->edge_type, g->edge_count, MAX_EDGE_TYPES) ||
        !all_below(g->edge_target, g->edge_count, g->node_count))
        return false;
    bool out = false;
    for (uint32_t e = 0; e < g->edge_count; e++)
        out |= !mid__edge_is_numbered(g->edge_type[e]) & (g->edge_name[e] >= g->strings.count);
    return !out;
}

static bool strings_sound(const struct mid__graph *g, uint64_t text_bytes)
{
    const uint64_t *start = g->strings.start;
    bool down = false;
    for (uint32_t i = 0; i < g->strings.count; i++)
        down |= start[i] >> 1 > start[i + 1] >> 1;
    return !down && start[0] >> 1 == 0 && text_bytes >= INDEX_TEXT_PAD &&
           start[g->strings.count] >> 1 <= text_bytes - INDEX_TEXT_PAD &&
           all_below(g->strings.detached, g->strings.detached_count, g->strings.count);
}

/* Each string of that kind has its place in the list, which is searched by halves. */
static bool names_sound(const struct mid__graph *g)
{
    const struct names *n = &g->own->names;
    uint32_t found = 0;
    if (n->pair_count > n->ephemeron_count)
        return false;
    for (uint32_t i = 0; i < g->strings.count; i++) {
        if (n->kind[i] > NAME_DETACHED)
            return false;
        if (n->kind[i] != NAME_EPHEMERON)
            continue;
        if (found == n->ephemeron_count || n->ephemerons[found].string != i || n->ephemerons[found].pair >= n->pair_count)
            return false;
        found++;
    }
    return found == n->ephemeron_count;
}

static bool locations_sound(const struct mid__graph *g)
{
    for (uint32_t i = 0; i < g->location_count; i++)
        if (g->locations[i].node >= g->node_count || (i != 0 && g->locations[i - 1].node >= g->locations[i].node))
            return false;
    return true;
}

static bool sites_sound(const struct mid__graph *g)
{
    for (uint32_t i = 0; i < g->function_count; i++)
        if (g->functions[i].name >= g->strings.count || g->functions[i].script >= g->strings.count)
            return false;
    for (uint32_t i = 0; i < g->site_count; i++) {
        const struct mid__graph_site *s = &g->sites[i];
        if ((s->parent != MID__NO_SITE && s->parent >= i) || (s->function != MID__NO_SITE && s->function >= g->function_count) ||
            g->site_by_id[i] >= g->site_count)
            return false;
    }
    for (uint32_t i = 1; i < g->site_count; i++)
        if (g->sites[g->site_by_id[i - 1]].id >= g->sites[g->site_by_id[i]].id)
            return false;
    return true;
}

/* item[first[k]] .. are the places of key[] that hold k, ascending. */
static bool turned_around(const uint32_t *key, const uint32_t *first, const uint32_t *item, uint32_t keys, uint32_t count,
                          uint32_t limit)
{
    if (!ascends_to(first, (uint64_t)keys + 1, count) || !all_below(item, count, limit))
        return false;
    for (uint32_t k = 0; k < keys; k++)
        for (uint32_t i = first[k]; i < first[k + 1]; i++)
            if (key[item[i]] != k || (i != first[k] && item[i - 1] >= item[i]))
                return false;
    return true;
}

/* Breadth first; `queue` has room for every node. */
static bool reaches_all(const struct mid__graph *g, uint32_t *queue)
{
    uint32_t count = 1;
    queue[0] = g->root;
    for (uint32_t at = 0; at < count; at++) {
        uint32_t n = queue[at], more = g->first_dominated[n + 1] - g->first_dominated[n];
        if (more > g->node_count - count)
            return false;
        if (more != 0)
            memcpy(queue + count, g->dominated + g->first_dominated[n], more * sizeof *queue);
        count += more;
    }
    return count == g->node_count;
}

static bool tree_sound(const struct mid__graph *g)
{
    if (!all_below(g->dominator, g->node_count, g->node_count) || g->dominator[g->root] != g->root ||
        !turned_around(g->dominator, g->first_dominated, g->dominated, g->node_count, g->node_count - 1, g->node_count))
        return false;
    for (uint32_t i = g->first_dominated[g->root]; i < g->first_dominated[g->root + 1]; i++)
        if (g->dominated[i] == g->root)
            return false;
    uint32_t *queue = malloc(g->node_count * sizeof *queue);
    bool sound = queue != NULL && reaches_all(g, queue);
    free(queue);
    return sound;
}

static bool classes_sound(const struct index_map *m)
{
    const struct index_header *h = m->header;
    for (unsigned v = 0; v < 2; v++) {
        const uint32_t *of_node = index_section(m, SECTION_CLASSES(v, SECTION_OF_NODE), 4, h->node_count, false);
        if (of_node == NULL || !all_below(of_node, h->node_count, h->class_count[v]))
            return false;
    }
    return true;
}

/* I1 of index_format.h: what is written to one column must not change another. */
static bool sections_apart(const struct index_map *m)
{
    const struct index_section *s = m->header->section;
    for (uint32_t i = 0; i < m->header->section_count; i++)
        for (uint32_t j = 0; j < m->header->section_count; j++)
            if (i != j && s[i].count != 0 && s[j].count != 0 && s[i].offset <= s[j].offset &&
                s[j].offset - s[i].offset < s[i].count * s[i].element_bytes)
                return false;
    return true;
}

bool index_sound(const struct mid__graph *g, const struct index_map *m)
{
    return sections_apart(m) && bytes_below(g->node_type, g->node_count, MAX_NODE_TYPES) &&
           all_below(g->node_name, g->node_count, mid__strings_total(&g->strings)) && edges_sound(g) &&
           distances_sound(g) && strings_sound(g, m->header->text_bytes) && names_sound(g) && locations_sound(g) && sites_sound(g) && tree_sound(g) &&
           turned_around(g->edge_target, g->first_retainer, g->retainer, g->node_count, g->edge_count, g->edge_count) &&
           classes_sound(m) && g->meta_json[m->header->meta_bytes - 1] == '\0';
}
