/* SPDX-License-Identifier: MIT
 *
 * malloc.c: the C library's allocation functions on one pool, for LD_PRELOAD or to link with: libmidden-malloc.so.
 *
 *     program -> malloc, free, ...  (this file: arguments, errno)  ->  the process' pool (start.c, pool.c)
 *
 * Rules of errno: an allocation that fails sets ENOMEM, a bad alignment EINVAL; free, and every call that succeeds, leave
 * errno alone; posix_memalign returns its error and never sets errno.
 *
 * Where C leaves the choice, glibc's is taken, since programs are written to it: malloc(0) and calloc(0, n) give a pointer
 * of their own; realloc(p, 0) with p not NULL frees p and returns NULL; buffers are aligned to 16; memalign rounds an
 * alignment up to a power of two.
 *
 * A pointer that is not ours (of another allocator, of the stack, or released already) is reported on stderr and ignored;
 * with MIDDEN_MALLOC=abort the process ends there.
 *
 * What this file does not do: the functions are not safe in signal handlers, as malloc is not anywhere; mallopt's tunings
 * are accepted and have no effect; no alignment beyond MID_POOL_ALIGN_MAX (4 MiB).
 */
#include "pair.h"
#include "start.h"

#include <midden/internal/sys.h>

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* C23; not declared by the C library yet. */
void free_sized(void *p, size_t bytes);
void free_aligned_sized(void *p, size_t align, size_t bytes);

static MID__NOINLINE void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

static MID__NOINLINE void *take_slow(size_t bytes, const void *site)
{
    struct mid_pool *pool = mid__process_pool_of();
    enum mid_status status;
    void *p = pool == NULL ? NULL : mid__pool_take(pool, bytes, site, &status);
    return p != NULL ? p : no_memory();
}

/* The thread's last cache is the process' pool's: this library has no other. */
MID__INLINE void *take(size_t bytes, const void *site)
{
    struct mid__cache *cache = mid__thread_caches;
    void *p;
    return MID__LIKELY(cache != NULL && mid__pair_take(cache, bytes, &p)) ? p : take_slow(bytes, site);
}

EXPORT void *malloc(size_t bytes)
{
    return take(bytes, MID__RETURN_ADDRESS());
}

static MID__NOINLINE void give_slow(void *p, const void *site)
{
    struct mid_pool *pool = atomic_load_explicit(&mid__process_pool, memory_order_acquire);
    if (p != NULL && pool != NULL)
        mid__pool_give(pool, p, MID__SIZE_UNKNOWN, site);
}

EXPORT void free(void *p)
{
    struct mid__cache *cache = mid__thread_caches;
    if (MID__UNLIKELY(cache == NULL) ||
        !mid__pair_give(atomic_load_explicit(&cache->pool, memory_order_relaxed), cache, p, false, 0))
        give_slow(p, MID__RETURN_ADDRESS());
}

EXPORT void free_sized(void *p, size_t bytes)
{
    struct mid_pool *pool = atomic_load_explicit(&mid__process_pool, memory_order_acquire);
    if (p != NULL && pool != NULL)
        mid__pool_give(pool, p, bytes, MID__RETURN_ADDRESS());
}

EXPORT void free_aligned_sized(void *p, size_t align, size_t bytes)
{
    (void)align, (void)bytes;
    free(p);
}

EXPORT void *calloc(size_t count, size_t bytes)
{
    struct mid_pool *pool = mid__process_pool_of();
    void *p = pool == NULL ? NULL : mid__pool_take_zeroed(pool, count, bytes, MID__RETURN_ADDRESS());
    return p != NULL ? p : no_memory();
}

MID__INLINE void *resize(void *p, size_t bytes, const void *site)
{
    if (p == NULL)
        return take(bytes, site);
    if (bytes == 0) {
        free(p);
        return NULL;
    }
    struct mid_pool *pool = mid__process_pool_of();
    void *moved = pool == NULL ? NULL : mid__pool_resize(pool, p, bytes, site);
    return moved != NULL ? moved : no_memory();
}

EXPORT void *realloc(void *p, size_t bytes)
{
    return resize(p, bytes, MID__RETURN_ADDRESS());
}

EXPORT void *reallocarray(void *p, size_t count, size_t bytes)
{
    size_t total;
    if (mid__mul_overflows(count, bytes, &total))
        return no_memory();
    return resize(p, total, MID__RETURN_ADDRESS());
}

static bool is_power_of_two(size_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* `align` is a power of two; NULL when there is no memory, and errno is as it was. */
static void *take_aligned(size_t align, size_t bytes, const void *site)
{
    struct mid_pool *pool = mid__process_pool_of();
    int saved = errno;
    void *p = pool == NULL || align > MID_POOL_ALIGN_MAX ? NULL : mid__pool_take_aligned(pool, align, bytes, site);
    errno = saved;
    return p;
}

EXPORT int posix_memalign(void **out, size_t align, size_t bytes)
{
    if (!is_power_of_two(align) || align % sizeof(void *) != 0)
        return EINVAL;
    void *p = take_aligned(align, bytes, MID__RETURN_ADDRESS());
    if (p == NULL)
        return ENOMEM;
    *out = p;
    return 0;
}

EXPORT void *aligned_alloc(size_t align, size_t bytes)
{
    if (!is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    void *p = take_aligned(align, bytes, MID__RETURN_ADDRESS());
    return p != NULL ? p : no_memory();
}

EXPORT void *memalign(size_t align, size_t bytes)
{
    size_t power = MID__CLASS_STEP_BYTES;
    while (power < align && power <= SIZE_MAX / 4)
        power *= 2;
    void *p = take_aligned(power, bytes, MID__RETURN_ADDRESS());
    return p != NULL ? p : no_memory();
}

EXPORT void *valloc(size_t bytes)
{
    void *p = take_aligned(mid__sys_page_bytes(), bytes, MID__RETURN_ADDRESS());
    return p != NULL ? p : no_memory();
}

EXPORT void *pvalloc(size_t bytes)
{
    size_t page = mid__sys_page_bytes();
    void *p = bytes > PTRDIFF_MAX ? NULL : take_aligned(page, mid__align_up(bytes, page), MID__RETURN_ADDRESS());
    return p != NULL ? p : no_memory();
}

EXPORT size_t malloc_usable_size(void *p)
{
    struct mid_pool *pool = atomic_load_explicit(&mid__process_pool, memory_order_acquire);
    return pool == NULL ? 0 : mid_pool_usable_bytes(pool, p);
}
