/* SPDX-License-Identifier: MIT
 *
 * series.c: several snapshots of one process, reduced to what growth is read from: of each object that is in all of them
 * how much it retains at first and at last, of each class how many objects it has.
 *
 * Objects are joined by id. The table holds 32 bytes for each object of the first snapshot and only becomes shorter.
 *
 *     objects  (id, first, last, grown) ...  ascending       with      by_id of the next snapshot, ascending
 *              kept in place where the id is in both; the others are dropped
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
    free(s->classes);
    mid__intern_free(&s->names);
    *s = (struct mid__series){0};
}
