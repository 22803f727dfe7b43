/* SPDX-License-Identifier: MIT
 * Fails the n-th call of the libc functions that tests/tests.mk wraps (programs of tests/oom alone).
 *
 *     for (unsigned long n = 1;; n++) {
 *         fail_from(n, FAIL_TAKING, false);
 *         outcome = what_is_tested();
 *         if (!fail_off())
 *             break;                // fewer than n calls were made: every one of them has been failed
 *         see_that_nothing_is_lost(outcome);
 *     }
 *
 * Armed calls are counted over all threads. What libc calls inside itself is not wrapped. */
#ifndef MIDDEN_TESTS_FAIL_H
#define MIDDEN_TESTS_FAIL_H

#include <stdbool.h>

#define FAIL_MMAP    1u
#define FAIL_HEAP    2u /* malloc, calloc, realloc, aligned_alloc, posix_memalign */
#define FAIL_MUNMAP  4u
#define FAIL_MADVISE 8u
#define FAIL_TAKING  (FAIL_MMAP | FAIL_HEAP)
#define FAIL_GIVING  (FAIL_MUNMAP | FAIL_MADVISE)

/* The n-th call from now (1: the next) of the kinds in `kinds` fails with ENOMEM; with `persistently` all later ones
 * do, too. */
void fail_from(unsigned long n, unsigned kinds, bool persistently);

/* Ends it; true when at least one call was failed. */
bool fail_off(void);

/* How many calls of the armed kinds were made since fail_from. */
unsigned long fail_calls(void);

#endif
