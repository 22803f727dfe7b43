/* SPDX-License-Identifier: MIT
 *
 * heap_trees.c: binary trees of two references a node (Hans Boehm's measure, in the form of the Computer Language
 * Benchmarks Game). A stretch tree comes and goes; one tree lives on; and for each depth 4, 6 ... size, as many
 * short-lived trees are built and counted as together have the same number of nodes. Garbage dies young here: what is
 * measured is allocation and the collection of a nursery.
 *
 * One operation is the whole program. The number of nodes counted is compared with what it must be.
 */
#include "heap_support.h"
#include "heap_work.h"

#include <stdlib.h>

enum { LEAST_DEPTH = 4 };

struct node {
    struct node *left, *right;
};

static uint32_t trees_of(uint32_t depth, uint32_t size)
{
    return 1u << (size - depth + LEAST_DEPTH);
}

static uint64_t nodes_of(uint32_t depth)
{
    return (2ull << depth) - 1;
}

static uint64_t expected(uint32_t size)
{
    uint64_t sum = nodes_of(size + 1) + nodes_of(size);
    for (uint32_t depth = LEAST_DEPTH; depth <= size; depth += 2)
        sum += trees_of(depth, size) * nodes_of(depth);
    return sum;
}

static uint64_t count_nodes(const struct node *n)
{
    return n == NULL ? 0 : 1 + count_nodes(n->left) + count_nodes(n->right);
}

static void end_run(struct bench_run *run, const struct heap_workload *w, uint64_t counted, uint64_t times)
{
    if (counted != times * expected(w->size))
        bench_fail(run, "the trees do not have the nodes that were put in");
}

/* ---- by hand */

static struct node *hand_build(uint32_t depth)
{
    struct node *n = malloc(sizeof *n);
    n->left = depth == 0 ? NULL : hand_build(depth - 1);
    n->right = depth == 0 ? NULL : hand_build(depth - 1);
    return n;
}

static void hand_free(struct node *n)
{
    if (n == NULL)
        return;
    hand_free(n->left);
    hand_free(n->right);
    free(n);
}

static uint64_t hand_tree(uint32_t depth)
{
    struct node *n = hand_build(depth);
    uint64_t count = count_nodes(n);
    hand_free(n);
    return count;
}

void trees_by_hand(struct bench_run *run, const struct heap_workload *w)
{
    uint64_t counted = 0, times = 0;
    for (uint64_t n; (n = bench_count(run)) != 0;)
        for (; n != 0; n--, times++) {
            counted += hand_tree(w->size + 1);
            struct node *lives_on = hand_build(w->size);
            for (uint32_t depth = LEAST_DEPTH; depth <= w->size; depth += 2)
                for (uint32_t i = trees_of(depth, w->size); i != 0; i--)
                    counted += hand_tree(depth);
            counted += count_nodes(lives_on);
            hand_free(lives_on);
        }
    end_run(run, w, counted, times);
}

/* ---- Boehm's collector: the same, and nobody frees */

static struct node *boehm_build(const struct boehm *gc, uint32_t depth)
{
    struct node *n = gc->alloc(sizeof *n);
    if (depth != 0) {
        n->left = boehm_build(gc, depth - 1);
        n->right = boehm_build(gc, depth - 1);
    }
    return n;
}

void trees_boehm(struct bench_run *run, const struct heap_workload *w)
{
    const struct boehm *gc = boehm_start();
    uint64_t counted = 0, times = 0;
    for (uint64_t n; (n = bench_count(run)) != 0;)
        for (; n != 0; n--, times++) {
            counted += count_nodes(boehm_build(gc, w->size + 1));
            struct node *lives_on = boehm_build(gc, w->size);
            for (uint32_t depth = LEAST_DEPTH; depth <= w->size; depth += 2)
                for (uint32_t i = trees_of(depth, w->size); i != 0; i--)
                    counted += count_nodes(boehm_build(gc, depth));
            counted += count_nodes(lives_on);
        }
    end_run(run, w, counted, times);
}

/* ---- midden: each tree is a local while it is built and counted */

struct mid_node {
    struct mid_ref left, right;
};

static struct mid_ref midden_build(struct mid_heap *heap, struct mid_type type, uint32_t depth)
{
    if (depth == 0)
        return mid_new(heap, type);
    struct mid_scope scope;
    mid_scope_begin(heap, &scope);
    struct mid_slot left = mid_local(heap, midden_build(heap, type, depth - 1));
    struct mid_slot right = mid_local(heap, midden_build(heap, type, depth - 1));
    struct mid_ref n = mid_new(heap, type);
    struct mid_node *node = mid_data(n);
    mid_init_field(&node->left, mid_get(left));
    mid_init_field(&node->right, mid_get(right));
    return mid_scope_return(heap, &scope, n);
}

static uint64_t midden_count(struct mid_ref n)
{
    if (mid_is_null(n))
        return 0;
    const struct mid_node *node = mid_data(n);
    return 1 + midden_count(node->left) + midden_count(node->right);
}

void trees_midden(struct bench_run *run, const struct heap_workload *w)
{
    struct mid_heap *heap = heap_begin(run);
    if (heap == NULL)
        return;
    struct mid_type type = heap_type(heap, "Node", sizeof(struct mid_node), 2, MID_TAIL_NONE);
    uint64_t counted = 0, times = 0;
    for (uint64_t n; (n = bench_count(run)) != 0;)
        for (; n != 0; n--, times++) {
            struct mid_scope scope;
            mid_scope_begin(heap, &scope);
            counted += midden_count(midden_build(heap, type, w->size + 1));
            struct mid_slot lives_on = mid_local(heap, midden_build(heap, type, w->size));
            for (uint32_t depth = LEAST_DEPTH; depth <= w->size; depth += 2)
                for (uint32_t i = trees_of(depth, w->size); i != 0; i--)
                    counted += midden_count(midden_build(heap, type, depth));
            counted += midden_count(mid_get(lives_on));
            mid_scope_end(heap, &scope);
        }
    heap_end(run, heap);
    end_run(run, w, counted, times);
}
