/* SPDX-License-Identifier: MIT
 * Unit tests of when the line of progress is written, by a clock of their own. */
#include "heapdump/cli/progress.h"
#include "suite.h"

#define MS 1000000u

START_TEST(progress__work_that_is_fast__shows_nothing)
{
    struct progress p = {.start_ns = 7 * MS};
    for (uint64_t ms = 7; ms < 507; ms++)
        ck_assert(!progress_is_due(&p, ms * MS));
    ck_assert(!progress_is_due(&p, 507 * MS - 1));
    ck_assert(progress_is_due(&p, 507 * MS));
    ck_assert(progress_is_due(&p, 100000 * (uint64_t)MS));
}
END_TEST

START_TEST(progress__work_that_is_slow__is_drawn_ten_times_a_second)
{
    struct progress p = {.start_ns = 1000 * (uint64_t)MS};
    unsigned drawn = 0;
    for (uint64_t ms = 1000; ms < 3000; ms++)
        if (progress_is_due(&p, ms * MS)) {
            p.last_ns = ms * MS;
            drawn++;
        }
    ck_assert_uint_eq(drawn, 15); /* of the last second and a half */
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("progress");
    tcase_add_test(c, progress__work_that_is_fast__shows_nothing);
    tcase_add_test(c, progress__work_that_is_slow__is_drawn_ten_times_a_second);
    return run_suite("progress", c, NULL);
}
