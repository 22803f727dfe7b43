/* SPDX-License-Identifier: MIT
 * suite.c: how the suite runs a Check program, and where its randomness comes from. */
#include "suite.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

void keep_freed_memory(void)
{
#ifdef M_TRIM_THRESHOLD
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
#endif
}

int run_suite(const char *name, TCase *first, ...)
{
    Suite *suite = suite_create(name);
    va_list list;
    va_start(list, first);
    for (TCase *c = first; c != NULL; c = va_arg(list, TCase *)) {
        tcase_set_timeout(c, 60); /* CK_TIMEOUT_MULTIPLIER of the environment scales it */
        suite_add_tcase(suite, c);
    }
    va_end(list);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner), run = srunner_ntests_run(runner);
    srunner_free(runner);
    return failed == 0 && run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

uint64_t test_seed(const char *test)
{
    const char *given = getenv("SEED");
    uint64_t seed = given != NULL ? (uint64_t)strtoull(given, NULL, 0) : ((uint64_t)time(NULL) << 20) ^ (uint64_t)getpid();
    if (seed == 0)
        seed = 1;
    fprintf(stderr, "# %s: SEED=%llu\n", test, (unsigned long long)seed);
    return seed;
}

uint64_t test_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1du;
}

unsigned long test_rounds(unsigned long usual)
{
    const char *given = getenv("TEST_SCALE");
    double scale = given != NULL ? strtod(given, NULL) : 1.0;
    double rounds = (double)usual * scale;
    return rounds < 1.0 ? 1 : (unsigned long)rounds;
}
