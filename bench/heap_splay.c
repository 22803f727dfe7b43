/* SPDX-License-Identifier: MIT
 *
 * heap_splay.c: after the measure of V8's suite: a splay tree of 8,000 nodes, each with a payload of 127 small objects;
 * a change inserts a new node and removes a neighbour of it. Every access turns the tree, so that old nodes are written
 * to all the time, and what dies has lived long: the worst for generations.
 *
 * One operation is all `size` changes; each change is timed by itself as well.
 *
 *     node { left, right, payload, key }   payload: a binary tree of depth 5, its leaves { array of 80 B, string of 40 B }
 */
#include "heap_support.h"
#include "heap_work.h"
#include "work.h"

#include <stdlib.h>
#include <string.h>

enum { TREE_NODES = 8000, PAYLOAD_DEPTH = 5, ARRAY_WORDS = 10, STRING_BYTES = 40 };

static const char leaf_text[STRING_BYTES] = "String for a key in a leaf node";

static double random_key(uint64_t *random)
{
    return (double)(work_random(random) >> 11);
}

static void fill_leaf(uint64_t *array, char *string)
{
    for (uint64_t i = 0; i < ARRAY_WORDS; i++)
        array[i] = i;
    memcpy(string, leaf_text, STRING_BYTES);
}

/* ---- plain pointers */

struct node {
    struct node *left, *right;
    void **payload;
    double key;
};

struct keeper {
    void *(*alloc)(size_t bytes);
    void *(*alloc_plain)(size_t bytes);
    bool frees;
};

typedef struct node *plain_ref;

#define T(name)         plain_##name
#define CONTEXT         const struct keeper *
#define REF             plain_ref
#define NIL             NULL
#define IS_NIL(r)       ((r) == NULL)
#define AT(r)           (r)
#define SET(c, r, f, v) ((void)(c), (r)->f = (v))
#include "heap_splay_tree.inc"
#undef T
#undef CONTEXT
#undef REF
#undef NIL
#undef IS_NIL
#undef AT
#undef SET

static void **plain_payload(const struct keeper *k, uint32_t depth)
{
    void **pair = k->alloc(2 * sizeof *pair);
    pair[0] = pair[1] = NULL;
    if (depth == 0) {
        pair[0] = k->alloc_plain(ARRAY_WORDS * sizeof(uint64_t));
        pair[1] = k->alloc_plain(STRING_BYTES);
        fill_leaf(pair[0], pair[1]);
    } else {
        pair[0] = plain_payload(k, depth - 1);
        pair[1] = plain_payload(k, depth - 1);
    }
    return pair;
}

static void free_payload(void **pair, uint32_t depth)
{
    if (depth == 0) {
        free(pair[0]);
        free(pair[1]);
    } else {
        free_payload(pair[0], depth - 1);
        free_payload(pair[1], depth - 1);
    }
    free(pair);
}

static struct node *plain_add(const struct keeper *k, struct node *root, uint64_t *random)
{
    struct node *n = k->alloc(sizeof *n);
    *n = (struct node){.key = random_key(random)};
    n->payload = plain_payload(k, PAYLOAD_DEPTH);
    return plain_insert(k, root, n);
}

static struct node *plain_remove(const struct keeper *k, struct node *root)
{
    struct node *rest = plain_remove_root(k, root);
    if (k->frees) {
        free_payload(root->payload, PAYLOAD_DEPTH);
        free(root);
    }
    return rest;
}

static void splay_plain(struct bench_run *run, const struct heap_workload *w, const struct keeper *k)
{
    struct latency latency;
    uint64_t random = 0x2545f4914f6cdd1du;
    struct node *root = NULL;
    for (int i = 0; i < TREE_NODES; i++)
        root = plain_add(k, root, &random);
    latency_begin(&latency, w->size);
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            latency_start(&latency);
            for (uint32_t i = 0; i < w->size; i++) {
                root = plain_add(k, root, &random);
                root = plain_remove(k, plain_find_victim(k, root, root->key));
                latency_step(&latency);
            }
        }
    latency_end(&latency, run);
    size_t count = 0;
    for (; root != NULL; count++)
        root = plain_remove(k, root);
    if (count != TREE_NODES)
        bench_fail(run, "the tree has lost nodes");
}

void splay_by_hand(struct bench_run *run, const struct heap_workload *w)
{
    splay_plain(run, w, &(struct keeper){malloc, malloc, true});
}

void splay_boehm(struct bench_run *run, const struct heap_workload *w)
{
    splay_plain(run, w, &(struct keeper){boehm_start()->alloc, boehm_start()->alloc_atomic, false});
}

/* ---- midden */

struct mid_node {
    struct mid_ref left, right, payload;
    double key;
};

struct mid_pair {
    struct mid_ref first, second;
};

struct splay_types {
    struct mid_type node, pair, array, string;
};

static inline struct mid_node *mid_node_of(struct mid_ref r)
{
    return mid_data(r);
}

#define T(name)         midden_##name
#define CONTEXT         struct mid_heap *
#define REF             struct mid_ref
#define NIL             mid_null()
#define IS_NIL(r)       mid_is_null(r)
#define AT(r)           mid_node_of(r)
#define SET(c, r, f, v) mid_store((c), (r), &AT(r)->f, (v))
#include "heap_splay_tree.inc"

static struct mid_ref midden_payload(struct mid_heap *heap, const struct splay_types *t, uint32_t depth)
{
    struct mid_scope scope;
    mid_scope_begin(heap, &scope);
    struct mid_slot first, second;
    if (depth == 0) {
        first = mid_local(heap, mid_new_bytes(heap, t->array, ARRAY_WORDS * sizeof(uint64_t)));
        second = mid_local(heap, mid_new_bytes(heap, t->string, STRING_BYTES));
        fill_leaf(mid_data(mid_get(first)), mid_data(mid_get(second)));
    } else {
        first = mid_local(heap, midden_payload(heap, t, depth - 1));
        second = mid_local(heap, midden_payload(heap, t, depth - 1));
    }
    struct mid_ref pair = mid_new(heap, t->pair);
    struct mid_pair *p = mid_data(pair);
    mid_init_field(&p->first, mid_get(first));
    mid_init_field(&p->second, mid_get(second));
    return mid_scope_return(heap, &scope, pair);
}

static void midden_add(struct mid_heap *heap, const struct splay_types *t, struct mid_slot root, uint64_t *random)
{
    struct mid_scope scope;
    mid_scope_begin(heap, &scope);
    struct mid_slot payload = mid_local(heap, midden_payload(heap, t, PAYLOAD_DEPTH));
    struct mid_ref n = mid_new(heap, t->node);
    mid_node_of(n)->key = random_key(random);
    mid_init_field(&mid_node_of(n)->payload, mid_get(payload));
    mid_set(root, midden_insert(heap, mid_get(root), n));
    mid_scope_end(heap, &scope);
}

void splay_midden(struct bench_run *run, const struct heap_workload *w)
{
    struct mid_heap *heap = heap_begin(run);
    if (heap == NULL)
        return;
    struct splay_types t = {.node = heap_type(heap, "SplayNode", sizeof(struct mid_node), 3, MID_TAIL_NONE),
                            .pair = heap_type(heap, "Payload", sizeof(struct mid_pair), 2, MID_TAIL_NONE),
                            .array = heap_type(heap, "Array", 0, 0, MID_TAIL_BYTES),
                            .string = heap_type(heap, "String", 0, 0, MID_TAIL_BYTES)};
    struct latency latency;
    uint64_t random = 0x2545f4914f6cdd1du;
    struct mid_slot root = mid_local(heap, mid_null());
    for (int i = 0; i < TREE_NODES; i++)
        midden_add(heap, &t, root, &random);
    latency_begin(&latency, w->size);
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            latency_start(&latency);
            for (uint32_t i = 0; i < w->size; i++) {
                midden_add(heap, &t, root, &random);
                struct mid_ref victim = midden_find_victim(heap, mid_get(root), mid_node_of(mid_get(root))->key);
                mid_set(root, midden_remove_root(heap, victim));
                latency_step(&latency);
            }
        }
    latency_end(&latency, run);
    size_t count = 0;
    for (; !mid_is_null(mid_get(root)); count++)
        mid_set(root, midden_remove_root(heap, mid_get(root)));
    heap_end(run, heap);
    if (count != TREE_NODES)
        bench_fail(run, "the tree has lost nodes");
}
