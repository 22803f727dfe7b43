/* SPDX-License-Identifier: MIT
 *
 * heap_list.c: the workloads for collected heaps, one line each.
 */
#include "heap_work.h"

const struct heap_workload heap_workloads[] = {
    /* clang-format off */
    /* name         midden          boehm          by hand        others   size     quick  one operation is */
    {"gcbench",     gcbench_midden, gcbench_boehm, gcbench_by_hand, "gcbench", 0,       true,  "GCBench: trees of depth 4 to 16 from the top and from the bottom, 15 M nodes", 0},
    {"trees-16",    trees_midden,   trees_boehm,   trees_by_hand, "trees",   16,      true,  "binary trees of depth 4 to 16 beside one of depth 16 that lives on, 15 M nodes", 0},
    {"trees-18",    trees_midden,   trees_boehm,   trees_by_hand, "trees",   18,      false, "the same up to depth 18, 67 M nodes", 0},
    {"splay-20k",   splay_midden,   splay_boehm,   splay_by_hand, "splay",   20000,   true,  "20,000 changes of a splay tree of 8,000 nodes with payload", 0},
    {"splay-200k",  splay_midden,   splay_boehm,   splay_by_hand, "splay",   200000,  false, "200,000 changes of the same", 0},
    {"churn-256k",  churn_midden,   churn_boehm,   churn_by_hand, "churn",   262144,  true,  "256 k nodes with leaves live, 35 MB: 7,489 steps of 100 replacements", 0},
    {"churn-1m",    churn_midden,   churn_boehm,   churn_by_hand, "churn",   1048576, false, "1 M nodes with leaves live, 143 MB: 29,959 steps of 100 replacements", 0},
    {"churn-4m",    churn_midden,   churn_boehm,   churn_by_hand, "churn",   4194304, false, "4.2 M nodes with leaves live, 570 MB: 119,837 steps of 100 replacements", 0},
    {"queue",       queue_midden,   queue_boehm,   queue_by_hand, "queue",   20000,   true,  "a queue of 20,000 messages of 32-511 B, 200,000 put in and taken out", 0},
    {"cache",       cache_midden,   cache_boehm,   cache_by_hand, "cache",   20000,   true,  "a cache of 20,000 entries that evicts the least recently used, 400,000 look-ups, half of them misses", 0},
    {"strings",     strings_midden, strings_boehm, strings_by_hand, "strings", 20000, true,  "400,000 strings of up to 96 B joined from two of 20,000", 0},
    {"wide",        wide_midden,    wide_boehm,    wide_by_hand,  "wide",    65536,   true,  "4 arrays of 65,536 references: 400,000 elements replaced, an array copied after each 4,000", 0},
    {"deep",        deep_midden,    deep_boehm,    deep_by_hand,  "deep",    500000,  true,  "a list of 500,000 nodes that lives on while four more are built and dropped", 0},
    {"weak",        weak_midden,    NULL,          weak_by_hand,  "weak",    20000,   true,  "20,000 objects with data hung on them by a weak table, 200,000 replaced", 0},
    {"buffers",     buffers_midden, buffers_boehm, buffers_by_hand, "buffers", 256,   true,  "256 live buffers of 4-67 KB outside the heap, 20,000 replaced", 0},
    {"T1-gcbench",  gcbench_midden, gcbench_boehm, gcbench_by_hand, "gcbench", 0,       true,  "goal T1: GCBench in a heap of so many times its 16 MB live", 524287 * 32ull},
    {"T2-trees",    trees_midden,   trees_boehm,   trees_by_hand, "trees",   18,      false, "goal T2: binary trees of depth 18, 24 MB live", 1048575 * 24ull},
    {"T3-splay",    splay_midden,   splay_boehm,   splay_by_hand, "splay",   200000,  false, "goal T3: 200,000 changes of a splay tree of 8,000 nodes with payload, 45 MB live", 8000 * 5904ull},
    {"T4-churn",    churn_midden,   churn_boehm,   churn_by_hand, "churn",   4194304, false, "goal T4: 4.2 M nodes with leaves, 608 MB live: 119,837 steps of 100 replacements", 4194304 * 152ull},
    {"queue",       queue_midden,   queue_boehm,   queue_by_hand, "queue",   60000,   false, "a queue of 60,000 messages, 18 MB live", 60000 * 313ull},
    {"cache",       cache_midden,   cache_boehm,   cache_by_hand, "cache",   100000,  false, "a cache of 100,000 entries, 18 MB live", 100000 * 192ull},
    {"strings",     strings_midden, strings_boehm, strings_by_hand, "strings", 200000, false, "200,000 strings, 13 MB live", 200000 * 68ull},
    {"wide",        wide_midden,    wide_boehm,    wide_by_hand,  "wide",    65536,   false, "4 arrays of 65,536 references, 8.5 MB live", 4 * 65536 * 34ull},
    {"deep",        deep_midden,    deep_boehm,    deep_by_hand,  "deep",    500000,  false, "two lists of 500,000 nodes, 23 MB live", 2 * 500000 * 24ull},
    {"weak",        weak_midden,    NULL,          weak_by_hand,  "weak",    100000,  false, "100,000 objects with data by a weak table, 9 MB live", 100000 * 94ull},
    {"buffers",     buffers_midden, buffers_boehm, buffers_by_hand, "buffers", 256,     false, "256 buffers outside the heap, 9 MB live", 256 * (4096 + (31ull << 10))},
    /* clang-format on */
};
const size_t heap_workload_count = sizeof heap_workloads / sizeof heap_workloads[0];
