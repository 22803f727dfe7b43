/* SPDX-License-Identifier: MIT
 *
 * figures.c: glibc's ways to ask a malloc for its figures and to tune it, answered from the pool's statistics.
 *
 *     mallinfo2   arena     committed, without large buffers       hblks, hblkhd  large buffers: count, bytes
 *                 uordblks  rounded bytes of live buffers          fordblks       committed - rounded
 *                 keepcost  what a trim could give back at once    ordblks        slabs;  the rest is 0
 *
 * mallinfo has the same fields as int: each is cut at INT_MAX, not wrapped.
 */
#include "start.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int malloc_trim(size_t pad)
{
    (void)pad;
    struct mid_pool *pool = atomic_load_explicit(&mid__process_pool, memory_order_acquire);
    return pool != NULL && mid_pool_trim(pool) != 0;
}

EXPORT struct mallinfo2 mallinfo2(void)
{
    struct mid_pool_stats s = {.struct_size = sizeof s};
    struct mallinfo2 info = {0};
    struct mid_pool *pool = atomic_load_explicit(&mid__process_pool, memory_order_acquire);
    if (pool == NULL || mid_pool_stats(pool, &s) != MID_OK)
        return info;
    info.arena = s.committed_bytes - s.large_bytes;
    info.ordblks = s.slabs_full + s.slabs_partial + s.slabs_empty;
    info.hblks = s.slabs_large;
    info.hblkhd = s.large_bytes;
    info.uordblks = s.rounded_bytes;
    info.fordblks = s.committed_bytes - s.rounded_bytes;
    info.keepcost = s.spare_bytes + s.empty_bytes;
    return info;
}

static int as_int(size_t n)
{
    return n < INT_MAX ? (int)n : INT_MAX;
}

EXPORT struct mallinfo mallinfo(void)
{
    struct mallinfo2 wide = mallinfo2();
    struct mallinfo info = {
        .arena = as_int(wide.arena),
        .ordblks = as_int(wide.ordblks),
        .hblks = as_int(wide.hblks),
        .hblkhd = as_int(wide.hblkhd),
        .uordblks = as_int(wide.uordblks),
        .fordblks = as_int(wide.fordblks),
        .keepcost = as_int(wide.keepcost),
    };
    return info;
}

/* 1 for the tunings that glibc knows, which are hints and have no effect here; 0 for any other. */
EXPORT int mallopt(int what, int value)
{
    (void)value;
    switch (what) {
    case M_MXFAST:
    case M_TRIM_THRESHOLD:
    case M_TOP_PAD:
    case M_MMAP_THRESHOLD:
    case M_MMAP_MAX:
    case M_CHECK_ACTION:
    case M_PERTURB:
    case M_ARENA_TEST:
    case M_ARENA_MAX:
        return 1;
    default:
        return 0;
    }
}

EXPORT void malloc_stats(void)
{
    struct mid_pool *pool = atomic_load_explicit(&mid__process_pool, memory_order_acquire);
    if (pool != NULL)
        (void)mid_pool_stats_write(pool, stderr);
}

/* glibc's XML is promised to nobody; one element holds our JSON. */
EXPORT int malloc_info(int options, FILE *stream)
{
    struct mid_pool *pool = atomic_load_explicit(&mid__process_pool, memory_order_acquire);
    if (options != 0) {
        errno = EINVAL;
        return -1;
    }
    if (pool == NULL)
        return fputs("<malloc version=\"midden\"/>\n", stream) < 0 ? -1 : 0;
    if (fputs("<malloc version=\"midden\"><![CDATA[", stream) < 0 || mid_pool_stats_write(pool, stream) != MID_OK)
        return -1;
    return fputs("]]></malloc>\n", stream) < 0 ? -1 : 0;
}
