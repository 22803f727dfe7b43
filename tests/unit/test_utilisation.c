/* SPDX-License-Identifier: MIT
 * Unit tests of bench/utilisation.c: the least share of a window, against one that looks at every window there is. */
#include "bench/utilisation.c"

#include "suite.h"

#include <string.h>

enum { MOST = 12, TICKS = 400 };

/* Windows begin and end at whole ticks, as the pauses do: the worst of all is one of these. */
static double naive(const char *stands, uint64_t span, uint64_t window)
{
    uint64_t w = window < span ? window : span, most = 0;
    for (uint64_t from = 0; from + w <= span; from++) {
        uint64_t sum = 0;
        for (uint64_t k = from; k < from + w; k++)
            sum += (uint64_t)stands[k];
        most = sum > most ? sum : most;
    }
    return 1 - (double)most / (double)w;
}

START_TEST(utilisation__random_pauses__is_that_of_the_worst_window)
{
    uint64_t random = test_seed("utilisation__random_pauses");
    for (unsigned long round = test_rounds(2000); round > 0; round--) {
        uint64_t begin[MOST], end[MOST], now = 0;
        size_t count = 1 + test_random(&random) % MOST;
        char stands[TICKS];
        memset(stands, 0, sizeof stands);
        for (size_t i = 0; i < count; i++) {
            begin[i] = now + test_random(&random) % 12;
            now = end[i] = begin[i] + 1 + test_random(&random) % 9;
            memset(stands + begin[i], 1, end[i] - begin[i]);
        }
        uint64_t span = now + test_random(&random) % 10, window = 1 + test_random(&random) % 60;
        ck_assert_double_eq_tol(utilisation(begin, end, count, span, window), naive(stands, span, window), 1e-9);
    }
}
END_TEST

START_TEST(utilisation__no_pause_or_no_time__is_all)
{
    const uint64_t begin[] = {5}, end[] = {9};
    ck_assert_double_eq_tol(utilisation(NULL, NULL, 0, 100, 10), 1, 1e-9);
    ck_assert_double_eq_tol(utilisation(begin, end, 1, 100, 0), 1, 1e-9);
    ck_assert_double_eq_tol(utilisation(begin, end, 1, 100, 4), 0, 1e-9);
    ck_assert_double_eq_tol(utilisation(begin, end, 1, 100, 1000), 0.96, 1e-9);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("utilisation");
    tcase_add_test(c, utilisation__random_pauses__is_that_of_the_worst_window);
    tcase_add_test(c, utilisation__no_pause_or_no_time__is_all);
    return run_suite("utilisation", c, NULL);
}
