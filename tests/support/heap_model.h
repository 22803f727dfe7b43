/* SPDX-License-Identifier: MIT
 * A random program on a heap, run in step with a naive twin in malloc'ed memory that never collects and is compared with
 * it. Objects of every type, large ones, cycles, handles of every kind, finalizers that resurrect, buffers of a pool,
 * collections and steps of marking at any point. */
#ifndef MIDDEN_TESTS_HEAP_MODEL_H
#define MIDDEN_TESTS_HEAP_MODEL_H

#include <stdint.h>

/* Runs `operations` operations on a heap made with `options` ("key=value,..."), fails the Check test on any difference.
 * `live` bounds the objects that the program holds at a time, roughly. */
void heap_model_run(const char *options, uint64_t seed, unsigned long operations, unsigned live);

#endif
