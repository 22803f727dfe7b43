/* SPDX-License-Identifier: MIT
 *
 * compare.c: two snapshots compared so that one can go from a class to its new objects. The figures are the library's
 * (midden/internal/diff.h), which keeps no list of objects; here the list of the new ones is made.
 *
 * An object is new when no object of the older snapshot has its id and its class. Three passes, so that never two
 * graphs are in memory:
 *
 *     NEW  figures only      -> the library's columns
 *     OLD  figures           -> rows of the table;  and (id, row) of every object, ascending
 *     NEW  for good          -> merged with those: a bit for each node, then the nodes sorted into rows by counting
 *
 * I1. old_keys ascends; old_rows ascends within equal keys.
 * I2. After compare_find the row r lists diff->rows[r].added new objects, and the old columns are gone. (Where a damaged
 *     dump has one id twice in a class, fewer: the library counts both, here both were there if one was.)
 */
#include "compare.h"

#include <stdlib.h>

/* ---- rows of classes */

/* rows[place] of each class; *rows is the caller's. A class that the table does not have gets UINT32_MAX. */
static enum mid_status rows_of(struct compare *x, const struct mid__classes *c, uint32_t **rows)
{
    size_t length;
    for (uint32_t r = x->keys.count; r < x->diff->row_count; r++) {
        uint32_t number;
        const char *key = mid__intern_get(&x->diff->texts, x->diff->rows[r].key, &length);
        enum mid_status status = mid__intern_put(&x->keys, key, length, &number);
        if (status != MID_OK)
            return status;
    }
    *rows = malloc(((size_t)c->count + 1) * sizeof **rows);
    if (*rows == NULL)
        return MID_E_MEMORY;
    for (uint32_t i = 0; i < c->count; i++) {
        const char *key = mid__class_key(c, i, &length);
        (*rows)[i] = mid__intern_find(&x->keys, key, length);
    }
    return MID_OK;
}

/* ---- the older side */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* A run of equal ids is one object, but in a damaged dump. */
static void order_equal_ids(struct compare *x, size_t from)
{
    if (x->old_count - from > 1)
        qsort(x->old_rows + from, x->old_count - from, sizeof x->old_rows[0], by_number);
}

static void copy_old(struct compare *x, const struct mid__graph *g, const struct mid__classes *c, const uint32_t *rows)
{
    size_t run = 0;
    for (uint32_t i = 0; i < g->node_count; i++) {
        uint32_t node = g->by_id[i];
        if (mid__graph_size(g, node) == 0)
            continue;
        uint64_t id = mid__graph_id(g, node);
        if (x->old_count != 0 && x->old_keys[x->old_count - 1] != id) {
            order_equal_ids(x, run);
            run = x->old_count;
        }
        x->old_keys[x->old_count] = id;
        x->old_rows[x->old_count++] = rows[c->of_node[node]];
    }
    order_equal_ids(x, run);
}

enum mid_status compare_take_new(struct compare **compare, const struct mid__graph *g, const struct mid__classes *c)
{
    *compare = calloc(1, sizeof **compare);
    if (*compare == NULL)
        return MID_E_MEMORY;
    enum mid_status status = mid__diff_create(&(*compare)->diff);
    return status == MID_OK ? mid__diff_take_new((*compare)->diff, g, c, NULL) : status;
}

enum mid_status compare_take_old(struct compare *x, const struct mid__graph *g, const struct mid__classes *c)
{
    uint32_t *rows = NULL;
    enum mid_status status = mid__diff_take_old(x->diff, g, c, NULL);
    if (status == MID_OK)
        status = rows_of(x, c, &rows);
    if (status == MID_OK) {
        x->old_keys = malloc(((size_t)g->node_count + 1) * sizeof x->old_keys[0]);
        x->old_rows = malloc(((size_t)g->node_count + 1) * sizeof x->old_rows[0]);
        status = x->old_keys == NULL || x->old_rows == NULL ? MID_E_MEMORY : MID_OK;
    }
    if (status == MID_OK)
        copy_old(x, g, c, rows);
    free(rows);
    return status;
}

/* ---- the newer side */

/* How far the merge has come: the older objects with the id that was asked for last. */
struct place {
    size_t start, end;
};

/* Ids must be asked in ascending order; rows of one id in any. */
static bool was_there(const struct compare *x, struct place *at, uint64_t id, uint32_t row)
{
    if (at->start == at->end || x->old_keys[at->start] < id) {
        at->start = at->end;
        while (at->start < x->old_count && x->old_keys[at->start] < id)
            at->start++;
        at->end = at->start;
        while (at->end < x->old_count && x->old_keys[at->end] == id)
            at->end++;
    }
    size_t low = at->start, high = at->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->old_rows[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low < at->end && x->old_rows[low] == row;
}

/* Two passes over the ids: `count` is first_new shifted by one, then it says where each row's next node goes. */
static enum mid_status find(struct compare *x, const struct mid__graph *g, const struct mid__classes *c,
                            const uint32_t *rows)
{
    uint32_t *next = x->first_new;
    for (int pass = 0; pass < 2; pass++) {
        struct place at = {0};
        for (uint32_t i = 0; i < g->node_count; i++) {
            uint32_t node = g->by_id[i], row = rows[c->of_node[node]];
            if (mid__graph_size(g, node) == 0 || was_there(x, &at, mid__graph_id(g, node), row))
                continue;
            if (row == UINT32_MAX)
                return MID_E_INVALID;
            if (pass == 0)
                next[row]++;
            else
                x->new_nodes[next[row]++] = node;
        }
        if (pass != 0)
            break;
        uint32_t sum = 0;
        for (uint32_t r = 0; r < x->diff->row_count; r++) {
            uint32_t own = next[r];
            next[r] = sum;
            sum += own;
        }
        x->new_nodes = malloc(((size_t)sum + 1) * sizeof x->new_nodes[0]);
        if (x->new_nodes == NULL)
            return MID_E_MEMORY;
    }
    for (uint32_t r = x->diff->row_count; r > 0; r--) /* each row now ends where it should begin, one further */
        next[r] = next[r - 1];
    next[0] = 0;
    return MID_OK;
}

enum mid_status compare_find(struct compare *x, const struct mid__graph *g, const struct mid__classes *c)
{
    uint32_t *rows = NULL;
    enum mid_status status = rows_of(x, c, &rows);
    if (status == MID_OK) {
        x->first_new = calloc((size_t)x->diff->row_count + 1, sizeof x->first_new[0]);
        status = x->first_new == NULL ? MID_E_MEMORY : find(x, g, c, rows);
    }
    free(rows);
    free(x->old_keys);
    free(x->old_rows);
    x->old_keys = NULL;
    x->old_rows = NULL;
    x->old_count = 0;
    return status;
}

void compare_free(struct compare *x)
{
    if (x == NULL)
        return;
    mid__diff_free(x->diff);
    mid__intern_free(&x->keys);
    free(x->first_new);
    free(x->new_nodes);
    free(x->old_keys);
    free(x->old_rows);
    free(x);
}

const char *compare_name(const struct compare *x, uint32_t row, size_t *length)
{
    return mid__intern_get(&x->diff->texts, x->diff->rows[row].name, length);
}
