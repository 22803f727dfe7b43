/* SPDX-License-Identifier: MIT
 *
 * diff.c: what came and went between two snapshots, by class, as DevTools' Comparison counts it.
 *
 * An object keeps its id from one snapshot to the next. Within a class (by its key), an id that only the newer snapshot
 * has is an object added, one that only the older has is an object removed; an object that is in both is neither, also
 * when its size changed. Nodes of folded size 0 do not take part.
 *
 * Both sides are walked in order of (id, class), which is one merge for all classes together:
 *
 *     new side   row 3   row 3   row 0   row 5          copied columns, ordered
 *                id 5    id 7    id 9    id 9
 *     old side   by_id of the graph, which is there; equal ids (a damaged dump) are ordered by row on the way
 *
 * I1. The new side's columns are ascending by (id, row).
 * I2. A class's row is found by key: row numbers mean the same on both sides.
 *
 * Departure: DevTools makes lists of ids for every class of both sides. One ordered list of one side is enough.
 */
#include <midden/internal/diff.h>

#include <midden/internal/compiler.h>

#include <stdlib.h>
#include <string.h>

struct item {
    uint64_t id, size;
    uint32_t row;
};

/* The new side: narrow columns, and wide ones only where a value needs them. */
struct mid__diff_private {
    struct mid__intern keys; /* number = row */
    uint32_t row_capacity;
    bool has_new, has_old;
    size_t count, at;
    uint32_t *row, *id32, *size32;
    uint64_t *id64, *size64;
};

/* ---- rows */

static enum mid_status add_row(struct mid__diff *d, const char *name, size_t name_length, const char *key,
                               size_t key_length)
{
    struct mid__diff_row new = {0};
    enum mid_status status = mid__intern_put(&d->texts, name, name_length, &new.name);
    if (status == MID_OK)
        status = mid__intern_put(&d->texts, key, key_length, &new.key);
    if (status != MID_OK)
        return status;
    if (d->row_count == d->own->row_capacity) {
        uint32_t wide = d->row_count != 0 ? d->row_count * 2 : 256;
        struct mid__diff_row *rows = realloc(d->rows, wide * sizeof rows[0]);
        if (rows == NULL)
            return MID_E_MEMORY;
        d->rows = rows;
        d->own->row_capacity = wide;
    }
    d->rows[d->row_count++] = new;
    return MID_OK;
}

/* The row of each class of one side; *rows belongs to the caller. */
static enum mid_status rows_of_classes(struct mid__diff *d, const struct mid__classes *c, uint32_t **rows)
{
    *rows = malloc((c->count + (size_t)1) * sizeof **rows);
    if (*rows == NULL)
        return MID_E_MEMORY;
    for (uint32_t i = 0; i < c->count; i++) {
        size_t name_length, key_length;
        const char *name = mid__class_name(c, i, &name_length), *key = mid__class_key(c, i, &key_length);
        enum mid_status status = mid__intern_put(&d->own->keys, key, key_length, &(*rows)[i]);
        if (status == MID_OK && (*rows)[i] == d->row_count)
            status = add_row(d, name, name_length, key, key_length);
        if (status != MID_OK)
            return status;
    }
    return MID_OK;
}

/* ---- one side in order of (id, row), one item at a time */

struct side {
    const struct mid__graph *graph;
    const struct mid__classes *classes;
    const uint8_t *selected; /* or NULL */
    const uint32_t *rows; /* of classes */
    uint32_t at;          /* in by_id: where the next run of equal ids starts */
    struct item *run;     /* the items of the run, ordered by row; a run is one item in a sound dump */
    size_t run_count, run_at, run_capacity;
};

static int by_row(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* Reads the next run that has an item in it. False at the end, or when memory ran out (*status says which). */
static bool read_run(struct side *s, enum mid_status *status)
{
    const struct mid__graph *g = s->graph;
    s->run_count = s->run_at = 0;
    while (s->at < g->node_count && s->run_count == 0) {
        uint64_t id = mid__graph_id(g, g->by_id[s->at]);
        for (; s->at < g->node_count && mid__graph_id(g, g->by_id[s->at]) == id; s->at++) {
            uint32_t node = g->by_id[s->at];
            uint64_t size = mid__graph_size(g, node);
            if (size == 0 || (s->selected != NULL && !s->selected[node]))
                continue;
            if (s->run_count == s->run_capacity) {
                size_t wide = s->run_capacity != 0 ? s->run_capacity * 2 : 16;
                struct item *run = realloc(s->run, wide * sizeof run[0]);
                if (run == NULL) {
                    *status = MID_E_MEMORY;
                    return false;
                }
                s->run = run;
                s->run_capacity = wide;
            }
            s->run[s->run_count++] = (struct item){id, size, s->rows[s->classes->of_node[node]]};
        }
    }
    if (s->run_count > 1)
        qsort(s->run, s->run_count, sizeof s->run[0], by_row);
    return s->run_count != 0;
}

static bool next_of_side(struct side *s, struct item *item, enum mid_status *status)
{
    if (s->run_at == s->run_count && !read_run(s, status))
        return false;
    *item = s->run[s->run_at++];
    return true;
}

/* ---- the new side, copied */

static bool allocate_columns(struct mid__diff_private *p, const struct mid__graph *g)
{
    size_t n = (size_t)g->node_count + 1;
    bool wide_sizes = false;
    for (uint32_t i = 0; i < g->node_count && !wide_sizes; i++)
        wide_sizes = g->node_size[i] == UINT32_MAX;
    p->row = malloc(n * sizeof p->row[0]);
    if (g->node_id32 != NULL)
        p->id32 = malloc(n * sizeof p->id32[0]);
    else
        p->id64 = malloc(n * sizeof p->id64[0]);
    if (wide_sizes)
        p->size64 = malloc(n * sizeof p->size64[0]);
    else
        p->size32 = malloc(n * sizeof p->size32[0]);
    return p->row != NULL && (p->id32 != NULL || p->id64 != NULL) && (p->size32 != NULL || p->size64 != NULL);
}

static void put_new(struct mid__diff_private *p, const struct item *item)
{
    size_t i = p->count++;
    p->row[i] = item->row;
    if (p->id32 != NULL)
        p->id32[i] = (uint32_t)item->id;
    else
        p->id64[i] = item->id;
    if (p->size32 != NULL)
        p->size32[i] = (uint32_t)item->size;
    else
        p->size64[i] = item->size;
}

static bool next_new(struct mid__diff_private *p, struct item *item)
{
    size_t i = p->at;
    if (i == p->count)
        return false;
    p->at++;
    *item = (struct item){p->id32 != NULL ? p->id32[i] : p->id64[i], p->size32 != NULL ? p->size32[i] : p->size64[i],
                          p->row[i]};
    return true;
}

/* ---- the comparison */

enum mid_status mid__diff_create(struct mid__diff **diff)
{
    struct mid__diff *d = *diff = calloc(1, sizeof *d);
    if (d == NULL)
        return MID_E_MEMORY;
    d->own = calloc(1, sizeof *d->own);
    if (d->own == NULL) {
        free(d);
        *diff = NULL;
        return MID_E_MEMORY;
    }
    return MID_OK;
}

static bool ready(const struct mid__graph *g)
{
    return g->node_size != NULL && g->by_id != NULL;
}

enum mid_status mid__diff_take_new(struct mid__diff *d, const struct mid__graph *g, const struct mid__classes *c,
                                   const uint8_t *selected)
{
    struct mid__diff_private *p = d->own;
    if (!ready(g) || p->has_new)
        return MID_E_INVALID;
    p->has_new = true;
    if (!allocate_columns(p, g))
        return MID_E_MEMORY;
    uint32_t *rows;
    enum mid_status status = rows_of_classes(d, c, &rows);
    struct side side = {.graph = g, .classes = c, .selected = selected, .rows = rows};
    struct item item;
    while (status == MID_OK && next_of_side(&side, &item, &status))
        put_new(p, &item);
    free(side.run);
    free(rows);
    return status;
}

static void count_added(struct mid__diff *d, const struct item *item)
{
    d->rows[item->row].added++;
    d->rows[item->row].added_size += item->size;
}

static void count_removed(struct mid__diff *d, const struct item *item)
{
    d->rows[item->row].removed++;
    d->rows[item->row].removed_size += item->size;
}

static int compare(const struct item *a, const struct item *b)
{
    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return by_row(a, b);
}

static enum mid_status merge(struct mid__diff *d, struct side *side)
{
    enum mid_status status = MID_OK;
    struct item old, new;
    bool has_old = next_of_side(side, &old, &status), has_new = next_new(d->own, &new);
    while (status == MID_OK && (has_old || has_new)) {
        int order = !has_old ? 1 : !has_new ? -1 : compare(&old, &new);
        if (order < 0)
            count_removed(d, &old);
        if (order > 0)
            count_added(d, &new);
        if (order <= 0)
            has_old = next_of_side(side, &old, &status);
        if (order >= 0)
            has_new = next_new(d->own, &new);
    }
    return status;
}

enum mid_status mid__diff_take_old(struct mid__diff *d, const struct mid__graph *g, const struct mid__classes *c,
                                   const uint8_t *selected)
{
    struct mid__diff_private *p = d->own;
    if (!ready(g) || !p->has_new || p->has_old)
        return MID_E_INVALID;
    p->has_old = true;
    uint32_t *rows;
    enum mid_status status = rows_of_classes(d, c, &rows);
    struct side side = {.graph = g, .classes = c, .selected = selected, .rows = rows};
    if (status == MID_OK)
        status = merge(d, &side);
    free(side.run);
    free(rows);
    return status;
}

void mid__diff_free(struct mid__diff *d)
{
    if (d == NULL)
        return;
    mid__intern_free(&d->own->keys);
    free(d->own->row);
    free(d->own->id32);
    free(d->own->id64);
    free(d->own->size32);
    free(d->own->size64);
    free(d->own);
    mid__intern_free(&d->texts);
    free(d->rows);
    free(d);
}
