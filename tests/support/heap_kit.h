/* SPDX-License-Identifier: MIT
 * What the tests of the heap share: a heap with types of every shape, whose broken invariants fail the test. */
#ifndef MIDDEN_TESTS_HEAP_KIT_H
#define MIDDEN_TESTS_HEAP_KIT_H

#include <midden/event.h>
#include <midden/heap.h>
#include <midden/roots.h>
#include <midden/walk.h>

struct pair { /* all words are references but the last */
    struct mid_ref left, right;
    uint64_t value;
};

struct cell { /* nothing but references */
    struct mid_ref head, tail;
};

struct tagged { /* by a trace callback: word[i] is a reference when bit i of `mask` is set */
    uint64_t mask;
    struct mid_ref words[3];
};

struct kit {
    struct mid_heap *heap;
    struct mid_type pair, cell, tagged;
    struct mid_type array;  /* a tail of references */
    struct mid_type bytes;  /* a tail of bytes */
    struct mid_type frame;  /* one reference, one number, a tail of references */
    struct mid_type text;   /* one reference, a tail of bytes; kind string */
    unsigned findings;      /* of the verifier since kit_rules */
    char first_rule[32];
    bool expects;           /* findings are wanted: do not fail */
};

struct frame {
    struct mid_ref parent;
    uint64_t number;
    struct mid_ref slots[];
};

/* Makes a heap from "key=value,..." (verify=phase is added) and registers the types. kit->heap is NULL on failure. */
enum mid_status kit_make(struct kit *kit, const char *options);
void kit_end(struct kit *kit); /* verifies once more, then destroys the heap */

/* Runs the verifier; returns how many findings. With kit->expects they do not fail the test. */
unsigned kit_verify(struct kit *kit);

struct mid_ref kit_pair(struct kit *kit, struct mid_slot left, struct mid_slot right, uint64_t value);
struct pair *as_pair(struct mid_ref ref);
struct mid_gc_stats kit_stats(struct kit *kit);

/* A local that holds an object which has become old: scavenged until it has left the nursery. */
void kit_make_old(struct kit *kit, struct mid_slot slot);
bool kit_is_young(struct kit *kit, struct mid_ref ref);

#endif
