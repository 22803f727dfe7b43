/* SPDX-License-Identifier: MIT
 *
 * Every compiler builtin and attribute that midden uses, in one place; never installed.
 */
#ifndef MIDDEN_INTERNAL_COMPILER_H
#define MIDDEN_INTERNAL_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#define MID__LIKELY(x)   __builtin_expect(!!(x), 1)
#define MID__UNLIKELY(x) __builtin_expect(!!(x), 0)
#define MID__NOINLINE    __attribute__((noinline))
#define MID__INLINE      static inline __attribute__((always_inline))
#define MID__UNUSED      __attribute__((unused))
#define MID__PRINTF(f, a) __attribute__((format(printf, f, a)))
#define MID__PREFETCH(p) __builtin_prefetch(p)
#define MID__PREFETCH_WRITE(p) __builtin_prefetch((p), 1)
/* Makes the compiler store all registers that a callee must preserve in the frame of this function, which is below
 * __builtin_frame_address(0) by MID__SPILLED_BYTES at most. */
#define MID__SPILL_REGISTERS() __builtin_unwind_init()
#define MID__SPILLED_BYTES 256
#define MID__RETURN_ADDRESS() __builtin_return_address(0)

#if defined(__SANITIZE_ADDRESS__)
#define MID__ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MID__ASAN 1
#endif
#endif
#ifndef MID__ASAN
#define MID__ASAN 0
#endif

#define MID__CACHE_LINE_BYTES 64

/* Eight bytes at once, of which others may read and write single ones; what is stored to is aligned to 8. */
typedef uint64_t mid__any_8 __attribute__((may_alias));

MID__INLINE uint64_t mid__load_8(const void *from)
{
    uint64_t word;
    __builtin_memcpy(&word, from, sizeof word);
    return word;
}

MID__INLINE void mid__store_8(void *to, uint64_t word)
{
    __atomic_store_n((mid__any_8 *)to, word, __ATOMIC_RELAXED);
}

MID__INLINE unsigned mid__ctz64(uint64_t x) /* x != 0 */
{
    return (unsigned)__builtin_ctzll(x);
}

MID__INLINE unsigned mid__log2_floor(uint64_t x) /* x != 0 */
{
    return 63u - (unsigned)__builtin_clzll(x);
}

MID__INLINE unsigned mid__popcount64(uint64_t x)
{
    return (unsigned)__builtin_popcountll(x);
}

/* True when the sum or product does not fit; *out then holds the wrapped value and must not be used. */
MID__INLINE int mid__add_overflows(size_t a, size_t b, size_t *out)
{
    return __builtin_add_overflow(a, b, out);
}

MID__INLINE int mid__mul_overflows(size_t a, size_t b, size_t *out)
{
    return __builtin_mul_overflow(a, b, out);
}

MID__INLINE int mid__add_overflows_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    return __builtin_add_overflow(a, b, out);
}

MID__INLINE int mid__mul_overflows_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    return __builtin_mul_overflow(a, b, out);
}

/* A function compiled for processors since 2013 (x86-64-v3), to be called where mid__cpu_is_v3 says so. */
#if defined(__x86_64__)
#define MID__FOR_V3 __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))
MID__INLINE int mid__cpu_is_v3(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}
#else
#define MID__FOR_V3
MID__INLINE int mid__cpu_is_v3(void)
{
    return 0;
}
#endif

/* `align` is a power of two and `n` at most SIZE_MAX - align + 1; callers check the range first. */
MID__INLINE size_t mid__align_up(size_t n, size_t align)
{
    return (n + align - 1) & ~(align - 1);
}

#endif
