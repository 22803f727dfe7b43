/* SPDX-License-Identifier: MIT
 *
 * series.c: several snapshots of one process, reduced to what growth is read from: of each object that is in all of them
 * how much it retains at first and at last, of each class how many objects it has.
 *
 * Objects are joined by id. The table holds 32 bytes for each object of the first snapshot and only becomes shorter.
 *
 *     objects  (id, first, last, grown) ...  ascending       with      by_id of the next snapshot, ascending
 *              kept in place where the id is in both; the others are dropped
 *
 * An object that is replaced (an index made anew, an array copied in order to change it) has another id each time, and
 * all of it would look like growth. So the large objects are added up, too, by who dominates them and by kind; of the
 * first snapshot there are at most some 16,000 at each height of the dominator tree.
 */
#include <midden/internal/suspects.h>

#include <stdlib.h>
#include <string.h>

static enum mid_status take_first(struct mid__series *s, const struct mid__graph *g)
{
    s->objects = malloc(((size_t)g->node_count + 1) * sizeof s->objects[0]);
    if (s->objects == NULL)
        return MID_E_MEMORY;
    for (uint32_t i = 0; i < g->node_count; i++) {
        uint32_t node = g->by_id[i];
        uint64_t id = mid__graph_id(g, node), retained = g->retained[node];
        if (s->object_count != 0 && s->objects[s->object_count - 1].id == id)
            continue; /* an id that is there twice, in a damaged dump */
        s->objects[s->object_count++] = (struct mid__series_object){id, retained, retained, 0};
    }
    s->first_total = g->total_size;
    return MID_OK;
}

static void take_next(struct mid__series *s, const struct mid__graph *g)
{
    size_t kept = 0;
    uint32_t at = 0;
    for (size_t i = 0; i < s->object_count; i++) {
        struct mid__series_object *o = &s->objects[i];
        while (at < g->node_count && mid__graph_id(g, g->by_id[at]) < o->id)
            at++;
        if (at == g->node_count || mid__graph_id(g, g->by_id[at]) != o->id)
            continue;
        uint64_t retained = g->retained[g->by_id[at]];
        o->grown += retained > o->last;
        o->last = retained;
        s->objects[kept++] = *o;
    }
    s->object_count = kept;
}

/* ---- groups of large objects */

#define GROUP_PARTS 16384 /* of the first snapshot's total: smaller objects are in no group */

struct mid__series_group mid__series_group_of(const struct mid__graph *g, uint32_t node)
{
    uint8_t type = g->node_type[node];
    bool named = type == MID__NODE_OBJECT || type == MID__NODE_NATIVE || type == MID__NODE_CLOSURE;
    uint64_t name = named ? mid__strings_hash(&g->strings, g->node_name[node]) : 0;
    return (struct mid__series_group){.dominator = mid__graph_id(g, g->dominator[node]),
                                      .kind = name * 0x9e3779b97f4a7c15u + type};
}

static int by_key(const void *a, const void *b)
{
    const struct mid__series_group *x = a, *y = b;
    if (x->dominator != y->dominator)
        return x->dominator < y->dominator ? -1 : 1;
    return x->kind < y->kind ? -1 : x->kind > y->kind;
}

const struct mid__series_group *mid__series_find_group(const struct mid__series *s, const struct mid__series_group *key)
{
    return s->group_count != 0 ? bsearch(key, s->groups, s->group_count, sizeof s->groups[0], by_key) : NULL;
}

static int by_key_and_id(const void *a, const void *b)
{
    const struct mid__series_large *x = a, *y = b;
    int order = by_key(&x->key, &y->key);
    return order != 0 ? order : x->id < y->id ? -1 : x->id > y->id;
}

/* The large objects of one snapshot; *large is the caller's. */
static enum mid_status list_large(const struct mid__graph *g, uint64_t least, struct mid__series_large **large,
                                  size_t *count)
{
    size_t room = 0;
    for (uint32_t n = 0; n < g->node_count; n++)
        room += n != g->root && g->retained[n] >= least;
    struct mid__series_large *list = *large = malloc((room + 1) * sizeof list[0]);
    *count = 0;
    if (list == NULL)
        return MID_E_MEMORY;
    for (uint32_t n = 0; n < g->node_count; n++)
        if (n != g->root && g->retained[n] >= least)
            list[(*count)++] = (struct mid__series_large){mid__graph_id(g, n), g->retained[n], mid__series_group_of(g, n)};
    if (*count > 1)
        qsort(list, *count, sizeof list[0], by_key_and_id);
    return MID_OK;
}

static enum mid_status make_groups(struct mid__series *s)
{
    s->groups = malloc((s->large_count + 1) * sizeof s->groups[0]);
    if (s->groups == NULL)
        return MID_E_MEMORY;
    for (size_t i = 0; i < s->large_count; i++) {
        const struct mid__series_large *l = &s->large[i];
        if (s->group_count == 0 || by_key(&s->groups[s->group_count - 1], &l->key) != 0) {
            s->groups[s->group_count] = l->key;
            s->groups[s->group_count++].first = 0;
        }
        struct mid__series_group *group = &s->groups[s->group_count - 1];
        group->first += l->bytes;
        group->last = group->first;
    }
    return MID_OK;
}

/* What of the first snapshot's large objects this one does not have. */
static void count_gone(struct mid__series *s, const struct mid__graph *g)
{
    size_t at = 0;
    for (size_t i = 0; i < s->group_count; i++) {
        s->groups[i].gone = 0;
        for (; at < s->large_count && by_key(&s->large[at].key, &s->groups[i]) == 0; at++) {
            uint32_t node;
            if (!mid__graph_find(g, s->large[at].id, &node))
                s->groups[i].gone += s->large[at].bytes;
        }
    }
}

static enum mid_status take_groups(struct mid__series *s, const struct mid__graph *g)
{
    struct mid__series_large *now;
    size_t count, at = 0;
    uint64_t least = (s->snapshots == 0 ? g->total_size : s->first_total) / GROUP_PARTS;
    if (s->snapshots == 0) {
        enum mid_status status = list_large(g, least, &s->large, &s->large_count);
        return status == MID_OK ? make_groups(s) : status;
    }
    enum mid_status status = list_large(g, least, &now, &count);
    if (status != MID_OK)
        return status;
    for (size_t i = 0; i < s->group_count; i++) {
        struct mid__series_group *group = &s->groups[i];
        uint64_t bytes = 0;
        while (at < count && by_key(&now[at].key, group) < 0)
            at++;
        for (; at < count && by_key(&now[at].key, group) == 0; at++)
            bytes += now[at].bytes;
        group->grown += bytes > group->last;
        group->last = bytes;
    }
    free(now);
    count_gone(s, g);
    return MID_OK;
}

/* ---- classes */

static enum mid_status take_classes(struct mid__series *s, const struct mid__classes *classes)
{
    for (uint32_t i = 0; i < s->names.count; i++)
        s->classes[i].last_count = s->classes[i].last_size = 0; /* until it is met below */
    for (uint32_t i = 0; i < classes->count; i++) {
        size_t length;
        uint32_t number;
        const struct mid__class *c = &classes->list[i];
        const char *name = mid__class_name(classes, i, &length);
        if (s->snapshots != 0 && c->count == 0)
            continue;
        enum mid_status status = mid__intern_put(&s->names, name, length, &number);
        if (status != MID_OK)
            return status;
        if (number >= s->class_capacity) {
            uint32_t wide = number * 2 + 64;
            struct mid__series_class *list = realloc(s->classes, wide * sizeof list[0]);
            if (list == NULL)
                return MID_E_MEMORY;
            memset(list + s->class_capacity, 0, (wide - s->class_capacity) * sizeof list[0]);
            s->classes = list;
            s->class_capacity = wide;
        }
        s->classes[number].last_count = c->count;
        s->classes[number].last_size = c->shallow;
        if (s->snapshots == 0) {
            s->classes[number].first_count = c->count;
            s->classes[number].first_size = c->shallow;
        }
    }
    return MID_OK;
}

/* The counts before this snapshot, to see which grew. */
static enum mid_status count_growth(struct mid__series *s, const struct mid__classes *classes)
{
    uint32_t known = s->names.count;
    uint64_t *before = malloc(((size_t)known + 1) * sizeof before[0]);
    if (before == NULL)
        return MID_E_MEMORY;
    for (uint32_t i = 0; i < known; i++)
        before[i] = s->classes[i].last_count;
    enum mid_status status = take_classes(s, classes);
    for (uint32_t i = 0; status == MID_OK && s->snapshots != 0 && i < s->names.count; i++)
        s->classes[i].grown += s->classes[i].last_count > (i < known ? before[i] : 0);
    free(before);
    return status;
}

enum mid_status mid__series_add(struct mid__series *s, const struct mid__graph *g, const struct mid__classes *classes)
{
    if (g->retained == NULL || g->by_id == NULL)
        return MID_E_INVALID;
    enum mid_status status = count_growth(s, classes);
    if (status == MID_OK)
        status = take_groups(s, g);
    if (status == MID_OK && s->snapshots == 0)
        status = take_first(s, g);
    else if (status == MID_OK)
        take_next(s, g);
    s->last_total = g->total_size;
    s->snapshots++;
    return status;
}

void mid__series_free(struct mid__series *s)
{
    free(s->objects);
    free(s->groups);
    free(s->large);
    free(s->classes);
    mid__intern_free(&s->names);
    *s = (struct mid__series){0};
}
