/* SPDX-License-Identifier: MIT
 * What every Check program of the suite shares. */
#ifndef MIDDEN_TESTS_SUITE_H
#define MIDDEN_TESTS_SUITE_H

#include <check.h>
#include <stdint.h>

/* Runs the cases (a list that ends with NULL) as one suite; returns main's exit status. Under prove the results are
 * TAP on stdout. A case has 60 s of its own unless tcase_set_timeout says otherwise; under valgrind, ten times that. */
int run_suite(const char *name, TCase *first, ...);

/* For programs that take and free the same few hundred kilobytes some ten thousand times: malloc keeps them, where glibc would
 * give them to the system and fault them in anew each time. */
void keep_freed_memory(void);

/* The seed of a random test: SEED of the environment, or a fresh one. It is printed as a TAP comment so that a failure
 * can be played again. */
uint64_t test_seed(const char *test);

/* xorshift64*: small, fast, the same on every machine. *state must not be 0. */
uint64_t test_random(uint64_t *state);

/* How many times a random test repeats: `usual`, scaled by the environment's TEST_SCALE (a factor, such as 20 in
 * `make torture` or 0.1 under valgrind). At least 1. */
unsigned long test_rounds(unsigned long usual);

#endif
