/* SPDX-License-Identifier: MIT
 *
 * work.h: what workloads share: random numbers, sizes, the harness's own arrays, and the two barriers that keep a
 * compiler from removing the work.
 */
#ifndef MIDDEN_BENCH_WORK_H
#define MIDDEN_BENCH_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The compiler must believe that somebody reads the memory behind p: a pair of malloc and free is not removed. */
static inline void work_keep(const void *p)
{
    __asm__ volatile("" : : "r"(p) : "memory");
}

static inline void work_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* xorshift64*, the same numbers on every machine. *state must not be 0. */
static inline uint64_t work_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1du;
}

/* A number in 0 .. bound - 1; bound below 2^32. */
static inline uint32_t work_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)(((work_random(state) >> 32) * bound) >> 32);
}

/* A table of WORK_SIZES sizes, log-uniform in low .. high (all the same when they are equal), from a fixed seed. Made
 * once for each pair and kept: the caller does not free it. Any thread. */
enum { WORK_SIZES = 1 << 16 };
const uint32_t *work_sizes(size_t low, size_t high);

/* Memory of the harness itself: mapped, touched, owned by no allocator that is measured. Exits when there is none. */
void *work_map(size_t bytes);
void work_unmap(void *p, size_t bytes);

/* Makes an empty file in TMPDIR, or /tmp, and stores its name; who asked removes it. */
bool work_temporary_file(char *path, size_t capacity);

#endif
