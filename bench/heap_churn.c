/* SPDX-License-Identifier: MIT
 *
 * heap_churn.c: a large heap at work: `size` nodes, each with two references to other nodes at random and one to a leaf
 * of its own. A step replaces the leaves of 100 nodes chosen at random and turns one reference of each elsewhere. Nearly
 * all of the heap is live, garbage is old when it dies and lies scattered, and each replacement writes a young reference
 * into an old object. What counts is the longest step.
 *
 * One operation is all the steps, size / 35 of them; each is timed by itself as well.
 *
 *     table of nodes --> node { first, second, leaf, id } --> leaf { 96 bytes }        136 bytes a node by hand, in all
 */
#include "heap_support.h"
#include "heap_work.h"
#include "work.h"

#include <stdlib.h>

enum { LEAF_BYTES = 96, STEP_CHANGES = 100, NODES_A_STEP = 35 };

static uint32_t steps_of(const struct heap_workload *w)
{
    return w->size / NODES_A_STEP;
}

/* ---- plain pointers */

struct node {
    struct node *first, *second;
    uint64_t *leaf;
    uint64_t id;
};

struct keeper {
    void *(*alloc)(size_t bytes);
    void *(*alloc_plain)(size_t bytes);
    bool frees;
};

static uint64_t *plain_leaf(const struct keeper *k, uint64_t id)
{
    uint64_t *leaf = k->alloc_plain(LEAF_BYTES);
    leaf[0] = id;
    return leaf;
}

static void plain_fill(const struct keeper *k, struct node **table, uint32_t size, uint64_t *random)
{
    for (uint32_t i = 0; i < size; i++) {
        struct node *n = k->alloc(sizeof *n);
        *n = (struct node){.id = i};
        n->leaf = plain_leaf(k, i);
        table[i] = n;
    }
    for (uint32_t i = 0; i < size; i++) {
        table[i]->first = table[work_below(random, size)];
        table[i]->second = table[work_below(random, size)];
    }
}

static void plain_step(const struct keeper *k, struct node **table, uint32_t size, uint64_t *random)
{
    for (int i = 0; i < STEP_CHANGES; i++) {
        struct node *n = table[work_below(random, size)];
        uint64_t *old = n->leaf;
        n->leaf = plain_leaf(k, n->id);
        n->first = table[work_below(random, size)];
        if (k->frees)
            free(old);
    }
}

static bool plain_is_whole(struct node **table, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        if (table[i]->id != i || table[i]->leaf[0] != i || table[i]->first == NULL)
            return false;
    return true;
}

static void churn_plain(struct bench_run *run, const struct heap_workload *w, const struct keeper *k)
{
    struct latency latency;
    uint64_t random = 0x2545f4914f6cdd1du;
    struct node **table = k->alloc(w->size * sizeof *table);
    plain_fill(k, table, w->size, &random);
    latency_begin(&latency, steps_of(w));
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            latency_start(&latency);
            for (uint32_t i = 0; i < steps_of(w); i++) {
                plain_step(k, table, w->size, &random);
                latency_step(&latency);
            }
        }
    latency_end(&latency, run);
    bench_memory_live(run, (double)w->size * (sizeof(struct node) + LEAF_BYTES + sizeof(struct node *)));
    if (!plain_is_whole(table, w->size))
        bench_fail(run, "a node has lost its leaf");
    for (uint32_t i = 0; k->frees && i < w->size; i++) {
        free(table[i]->leaf);
        free(table[i]);
    }
    if (k->frees)
        free(table);
}

void churn_by_hand(struct bench_run *run, const struct heap_workload *w)
{
    churn_plain(run, w, &(struct keeper){malloc, malloc, true});
}

void churn_boehm(struct bench_run *run, const struct heap_workload *w)
{
    churn_plain(run, w, &(struct keeper){boehm_start()->alloc, boehm_start()->alloc_atomic, false});
}

/* ---- midden */

struct mid_node {
    struct mid_ref first, second, leaf;
    uint64_t id;
};

struct churn {
    struct mid_heap *heap;
    struct mid_type node, leaf, table;
    struct mid_slot all; /* the table */
    uint32_t size;
};

static struct mid_node *node_at(const struct churn *c, uint32_t i)
{
    return mid_data(mid_array_get(mid_get(c->all), i));
}

static struct mid_ref fresh_leaf(const struct churn *c, uint64_t id)
{
    struct mid_ref leaf = mid_new_bytes(c->heap, c->leaf, LEAF_BYTES);
    if (!mid_is_null(leaf))
        *(uint64_t *)mid_data(leaf) = id;
    return leaf;
}

static bool midden_fill(struct churn *c, uint64_t *random)
{
    c->all = mid_local(c->heap, mid_new_array(c->heap, c->table, c->size));
    if (mid_is_null(mid_get(c->all)))
        return false;
    for (uint32_t i = 0; i < c->size; i++) {
        struct mid_scope scope;
        mid_scope_begin(c->heap, &scope);
        struct mid_slot leaf = mid_local(c->heap, fresh_leaf(c, i));
        struct mid_ref n = mid_new(c->heap, c->node);
        if (mid_is_null(n) || mid_is_null(mid_get(leaf)))
            return false;
        struct mid_node *node = mid_data(n);
        node->id = i;
        mid_init_field(&node->leaf, mid_get(leaf));
        mid_array_set(c->heap, mid_get(c->all), i, n);
        mid_scope_end(c->heap, &scope);
    }
    for (uint32_t i = 0; i < c->size; i++) {
        struct mid_ref table = mid_get(c->all), n = mid_array_get(table, i);
        struct mid_node *node = mid_data(n);
        mid_store(c->heap, n, &node->first, mid_array_get(table, work_below(random, c->size)));
        mid_store(c->heap, n, &node->second, mid_array_get(table, work_below(random, c->size)));
    }
    return true;
}

static bool midden_step(struct churn *c, uint64_t *random)
{
    for (int k = 0; k < STEP_CHANGES; k++) {
        uint32_t i = work_below(random, c->size);
        struct mid_ref leaf = fresh_leaf(c, node_at(c, i)->id); /* may move the node */
        if (mid_is_null(leaf))
            return false;
        struct mid_ref table = mid_get(c->all), n = mid_array_get(table, i);
        struct mid_node *node = mid_data(n);
        mid_store(c->heap, n, &node->leaf, leaf);
        mid_store(c->heap, n, &node->first, mid_array_get(table, work_below(random, c->size)));
    }
    return true;
}

static bool midden_is_whole(const struct churn *c)
{
    for (uint32_t i = 0; i < c->size; i++) {
        const struct mid_node *n = node_at(c, i);
        if (n->id != i || *(uint64_t *)mid_data(n->leaf) != i || mid_is_null(n->first))
            return false;
    }
    return true;
}

void churn_midden(struct bench_run *run, const struct heap_workload *w)
{
    struct latency latency;
    uint64_t random = 0x2545f4914f6cdd1du;
    bool went_well;
    struct churn c = {.heap = heap_begin(run), .size = w->size};
    if (c.heap == NULL)
        return;
    c.node = heap_type(c.heap, "Node", sizeof(struct mid_node), 3, MID_TAIL_NONE);
    c.leaf = heap_type(c.heap, "Leaf", 0, 0, MID_TAIL_BYTES);
    c.table = heap_type(c.heap, "Table", 0, 0, MID_TAIL_REFS);
    went_well = midden_fill(&c, &random);
    latency_begin(&latency, steps_of(w));
    for (uint64_t n; went_well && (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            latency_start(&latency);
            for (uint32_t i = 0; went_well && i < steps_of(w); i++) {
                went_well = midden_step(&c, &random);
                latency_step(&latency);
            }
        }
    latency_end(&latency, run);
    bench_memory_live(run, (double)w->size * (sizeof(struct mid_node) + LEAF_BYTES + sizeof(struct mid_ref)));
    if (!went_well)
        bench_fail(run, "an allocation was refused");
    else if (!midden_is_whole(&c))
        bench_fail(run, "a node has lost its leaf");
    heap_end(run, c.heap);
}
