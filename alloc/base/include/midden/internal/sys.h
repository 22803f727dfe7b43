/* SPDX-License-Identifier: MIT
 *
 * The boundary to the operating system, as a contract; never installed. Everything that midden maps goes through these
 * functions, so that tests fail each of them on purpose (tests/oom wraps the libc functions beneath).
 *
 * All sizes are in bytes and multiples of the page size; all addresses are page-aligned. No function keeps state. All
 * may be called from any thread. errno is set when mid__sys_map fails, and preserved
 * by all else: a release may be somebody's free.
 */
#ifndef MIDDEN_INTERNAL_SYS_H
#define MIDDEN_INTERNAL_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The size of a page, a power of two. Cheap enough to call anywhere but on a hot path. */
size_t mid__sys_page_bytes(void);

/* Maps `bytes` of zeroed, readable and writable memory at an address that is a multiple of `align_bytes` (a power of
 * two, at least a page). Pages are not touched. NULL when the system refuses. */
void *mid__sys_map(size_t bytes, size_t align_bytes);

/* Unmaps exactly what one mid__sys_map returned, or a page-aligned part of it. A failure (ENOMEM, when the kernel
 * would have to split a mapping beyond its limit) leaves the memory mapped and returns false. */
bool mid__sys_unmap(void *address, size_t bytes);

/* Gives the pages back but keeps the addresses: they read as zero when next touched. False when the system refuses;
 * the content is then unchanged. */
bool mid__sys_decommit(void *address, size_t bytes);

/* A wish, never an error: back this range with huge pages, or do not. */
void mid__sys_huge_pages(void *address, size_t bytes, bool wanted);

/* How many bytes of the range are resident, by mincore. (size_t)-1 when the system does not say. */
size_t mid__sys_resident_bytes(const void *address, size_t bytes);

/* Resident set size of the process, in bytes, 0 when unknown. */
size_t mid__sys_process_rss_bytes(void);

/* Memory that this process may use and has free: the machine's figures, bounded by the control group where one sets a
 * limit. 0 when unknown. */
size_t mid__sys_total_memory_bytes(void);
size_t mid__sys_free_memory_bytes(void);

/* A full memory barrier in every running thread of the process, now; others have passed one by not running. Where the kernel
 * has no membarrier, in this thread alone. */
void mid__sys_barrier_all(void);

/* Monotonic wall clock, and CPU time of the calling thread, in nanoseconds. */
uint64_t mid__sys_now_ns(void);
uint64_t mid__sys_thread_cpu_ns(void);

/* Of the calling thread, ever: page faults that needed no disk, and how often it lost the processor unasked. Zeroes when the
 * system does not say. */
struct mid__sys_thread_counts {
    uint64_t faults, switches;
};
struct mid__sys_thread_counts mid__sys_thread_counts(void);

/* The monotonic clock as of the last tick of the kernel, some milliseconds ago: costs a few nanoseconds. */
uint64_t mid__sys_coarse_ns(void);

#endif
