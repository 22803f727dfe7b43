/* SPDX-License-Identifier: MIT
 * Unit tests of alloc/base: the door to the system, and the status names. */
#include <midden/base.h>
#include <midden/internal/compiler.h>
#include <midden/internal/sys.h>

#include "suite.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

START_TEST(map__any_alignment__is_aligned_zeroed_and_goes_back)
{
    size_t page = mid__sys_page_bytes();
    for (size_t align = page; align <= (size_t)1 << 24; align *= 4) {
        unsigned char *p = mid__sys_map(3 * page, align);
        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % align, 0);
        for (size_t i = 0; i < 3 * page; i += 511)
            ck_assert_uint_eq(p[i], 0);
        memset(p, 0xa5, 3 * page);
        ck_assert(mid__sys_unmap(p, 3 * page));
    }
}
END_TEST

START_TEST(map__absurd_size__is_null_with_errno)
{
    errno = 0;
    ck_assert_ptr_null(mid__sys_map(SIZE_MAX & ~(size_t)0xffff, (size_t)1 << 20));
    ck_assert_int_ne(errno, 0); /* ENOMEM from the kernel, EINVAL under valgrind */
}
END_TEST

START_TEST(decommit__touched_pages__read_as_zero_and_are_not_resident)
{
    size_t page = mid__sys_page_bytes(), bytes = 16 * page;
    unsigned char *p = mid__sys_map(bytes, page);
    memset(p, 1, bytes);
    ck_assert_uint_eq(mid__sys_resident_bytes(p, bytes), bytes);
    ck_assert(mid__sys_decommit(p + page, 4 * page));
    ck_assert_uint_eq(mid__sys_resident_bytes(p, bytes), 12 * page);
    ck_assert_uint_eq(p[page], 0);
    ck_assert_uint_eq(p[0], 1);
    ck_assert(mid__sys_unmap(p, bytes));
}
END_TEST

START_TEST(figures__of_the_process__are_plausible)
{
    ck_assert_uint_gt(mid__sys_process_rss_bytes(), 100000);
    ck_assert_uint_gt(mid__sys_total_memory_bytes(), mid__sys_free_memory_bytes());
    uint64_t a = mid__sys_now_ns(), b = mid__sys_now_ns();
    ck_assert_uint_le(a, b);
    ck_assert_uint_gt(mid__sys_thread_cpu_ns(), 0);
}
END_TEST

START_TEST(status_name__every_value__is_a_text)
{
    for (int i = -1; i < 40; i++)
        ck_assert_uint_gt(strlen(mid_status_name((enum mid_status)i)), 1);
    ck_assert_str_eq(mid_status_name(MID_E_LIMIT), "limit reached");
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("base");
    tcase_add_test(c, map__any_alignment__is_aligned_zeroed_and_goes_back);
    tcase_add_test(c, map__absurd_size__is_null_with_errno);
    tcase_add_test(c, decommit__touched_pages__read_as_zero_and_are_not_resident);
    tcase_add_test(c, figures__of_the_process__are_plausible);
    tcase_add_test(c, status_name__every_value__is_a_text);
    return run_suite("base", c, NULL);
}
