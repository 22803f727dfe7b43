/* SPDX-License-Identifier: MIT
 *
 * heap_gcbench.c: GCBench, the artificial measure of John Ellis and Pete Kovac, modified by Hans Boehm: a stretch tree of
 * depth 18; a tree of depth 16 and an array of 500,000 doubles that live on; and for depths 4, 6 ... 16 as many trees
 * as have the nodes of two stretch trees, built once from the top (old nodes get young children: the write barrier
 * works) and once from the bottom. Written anew here from its description; 15 M nodes in all.
 *
 * One operation is the whole program.
 */
#include "heap_support.h"
#include "heap_work.h"

#include <stdlib.h>

enum { STRETCH_DEPTH = 18, LONG_DEPTH = 16, LEAST_DEPTH = 4, ARRAY_LENGTH = 500000 };

struct node {
    struct node *left, *right;
    int32_t i, j;
};

static uint32_t nodes_of(uint32_t depth)
{
    return (2u << depth) - 1;
}

static uint32_t trees_of(uint32_t depth)
{
    return 2 * nodes_of(STRETCH_DEPTH) / nodes_of(depth);
}

static void fill_array(double *array)
{
    for (size_t i = 1; i < ARRAY_LENGTH / 2; i++)
        array[i] = 1.0 / (double)i;
}

/* ---- by hand and Boehm: the same program, but for who frees */

struct keeper {
    void *(*alloc)(size_t bytes);
    void *(*alloc_plain)(size_t bytes); /* will hold no pointers */
    bool frees;
};

static struct node *fresh(const struct keeper *k)
{
    struct node *n = k->alloc(sizeof *n);
    n->left = n->right = NULL;
    n->i = n->j = 0;
    return n;
}

static void populate(const struct keeper *k, uint32_t depth, struct node *n)
{
    if (depth == 0)
        return;
    n->left = fresh(k);
    n->right = fresh(k);
    populate(k, depth - 1, n->left);
    populate(k, depth - 1, n->right);
}

static struct node *make_tree(const struct keeper *k, uint32_t depth)
{
    if (depth == 0)
        return fresh(k);
    struct node *left = make_tree(k, depth - 1), *right = make_tree(k, depth - 1), *n = fresh(k);
    n->left = left;
    n->right = right;
    return n;
}

static void drop(const struct keeper *k, struct node *n)
{
    if (!k->frees || n == NULL)
        return;
    drop(k, n->left);
    drop(k, n->right);
    free(n);
}

static void gcbench(struct bench_run *run, const struct keeper *k)
{
    for (uint64_t n; (n = bench_count(run)) != 0;)
        for (; n != 0; n--) {
            drop(k, make_tree(k, STRETCH_DEPTH));
            struct node *lives_on = fresh(k);
            populate(k, LONG_DEPTH, lives_on);
            double *array = k->alloc_plain(ARRAY_LENGTH * sizeof *array);
            fill_array(array);
            for (uint32_t depth = LEAST_DEPTH; depth <= LONG_DEPTH; depth += 2) {
                for (uint32_t i = trees_of(depth); i != 0; i--) {
                    struct node *root = fresh(k);
                    populate(k, depth, root);
                    drop(k, root);
                }
                for (uint32_t i = trees_of(depth); i != 0; i--)
                    drop(k, make_tree(k, depth));
            }
            if (lives_on->left == NULL || array[1000] != 1.0 / 1000)
                bench_fail(run, "what lives on has changed");
            drop(k, lives_on);
            if (k->frees)
                free(array);
        }
}

void gcbench_by_hand(struct bench_run *run, const struct heap_workload *w)
{
    (void)w;
    gcbench(run, &(struct keeper){malloc, malloc, true});
}

void gcbench_boehm(struct bench_run *run, const struct heap_workload *w)
{
    (void)w;
    gcbench(run, &(struct keeper){boehm_start()->alloc, boehm_start()->alloc_atomic, false});
}

/* ---- midden */

struct mid_node {
    struct mid_ref left, right;
    int32_t i, j;
};

static struct mid_node *node_of(struct mid_slot slot)
{
    return mid_data(mid_get(slot));
}

static void midden_populate(struct mid_heap *heap, struct mid_type type, uint32_t depth, struct mid_slot n)
{
    if (depth == 0)
        return;
    struct mid_scope scope;
    mid_scope_begin(heap, &scope);
    struct mid_slot left = mid_local(heap, mid_new(heap, type));
    mid_store(heap, mid_get(n), &node_of(n)->left, mid_get(left));
    struct mid_slot right = mid_local(heap, mid_new(heap, type));
    mid_store(heap, mid_get(n), &node_of(n)->right, mid_get(right));
    midden_populate(heap, type, depth - 1, left);
    midden_populate(heap, type, depth - 1, right);
    mid_scope_end(heap, &scope);
}

static struct mid_ref midden_make_tree(struct mid_heap *heap, struct mid_type type, uint32_t depth)
{
    if (depth == 0)
        return mid_new(heap, type);
    struct mid_scope scope;
    mid_scope_begin(heap, &scope);
    struct mid_slot left = mid_local(heap, midden_make_tree(heap, type, depth - 1));
    struct mid_slot right = mid_local(heap, midden_make_tree(heap, type, depth - 1));
    struct mid_ref n = mid_new(heap, type);
    struct mid_node *node = mid_data(n);
    mid_init_field(&node->left, mid_get(left));
    mid_init_field(&node->right, mid_get(right));
    return mid_scope_return(heap, &scope, n);
}

static void midden_short_lived(struct mid_heap *heap, struct mid_type type, uint32_t depth)
{
    struct mid_scope scope;
    for (uint32_t i = trees_of(depth); i != 0; i--) {
        mid_scope_begin(heap, &scope);
        midden_populate(heap, type, depth, mid_local(heap, mid_new(heap, type)));
        mid_scope_end(heap, &scope);
    }
    for (uint32_t i = trees_of(depth); i != 0; i--)
        midden_make_tree(heap, type, depth);
}

void gcbench_midden(struct bench_run *run, const struct heap_workload *w)
{
    (void)w;
    struct mid_heap *heap = heap_begin(run);
    if (heap == NULL)
        return;
    struct mid_type type = heap_type(heap, "Node", sizeof(struct mid_node), 2, MID_TAIL_NONE);
    struct mid_type doubles = heap_type(heap, "Doubles", 0, 0, MID_TAIL_BYTES);
    for (uint64_t n; (n = bench_count(run)) != 0;)
        for (; n != 0; n--) {
            struct mid_scope scope;
            mid_scope_begin(heap, &scope);
            midden_make_tree(heap, type, STRETCH_DEPTH);
            struct mid_slot lives_on = mid_local(heap, mid_new(heap, type));
            midden_populate(heap, type, LONG_DEPTH, lives_on);
            struct mid_slot array = mid_local(heap, mid_new_bytes(heap, doubles, ARRAY_LENGTH * sizeof(double)));
            fill_array(mid_data(mid_get(array)));
            for (uint32_t depth = LEAST_DEPTH; depth <= LONG_DEPTH; depth += 2)
                midden_short_lived(heap, type, depth);
            if (mid_is_null(node_of(lives_on)->left) || ((double *)mid_data(mid_get(array)))[1000] != 1.0 / 1000)
                bench_fail(run, "what lives on has changed");
            mid_scope_end(heap, &scope);
        }
    heap_end(run, heap);
}
