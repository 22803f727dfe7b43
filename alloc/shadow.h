/* SPDX-License-Identifier: MIT
 *
 * shadow.h: what valgrind and AddressSanitizer are told, so that they judge a pool's buffers as they judge malloc's.
 * All hooks are empty where neither is there; valgrind's cost a few idle instructions when the program does not run under
 * it.
 *
 *     a region is mapped            no access
 *     a buffer is taken             [buffer, buffer + bytes) undefined, the rest of its place no access
 *     a buffer is given back        no access, but for `kept` bytes at its start
 *     a movable buffer is closed    no access, until it is opened
 *     a region is unmapped          as before: ASan's shadow outlives the mapping
 *
 * Regions come from mmap; would they come from malloc, valgrind would lose the stacks of the buffers in them.
 */
#ifndef MIDDEN_ALLOC_SHADOW_H
#define MIDDEN_ALLOC_SHADOW_H

#include <midden/internal/compiler.h>

#include <stdbool.h>
#include <stddef.h>

#if MID__ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>

/* LeakSanitizer looks for pointers to malloc's blocks in memory that it knows; a region is made known to it. */
MID__INLINE void mid__shadow_region(void *memory, size_t bytes)
{
    __lsan_register_root_region(memory, bytes);
    ASAN_POISON_MEMORY_REGION(memory, bytes);
}

MID__INLINE void mid__shadow_region_gone(void *memory, size_t bytes)
{
    __lsan_unregister_root_region(memory, bytes);
    ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
}

MID__INLINE void mid__shadow_take(const void *pool, void *buffer, size_t bytes)
{
    (void)pool;
    ASAN_UNPOISON_MEMORY_REGION(buffer, bytes);
}

MID__INLINE void mid__shadow_give(const void *pool, void *buffer, size_t kept, size_t extent)
{
    (void)pool;
    ASAN_POISON_MEMORY_REGION((char *)buffer + kept, extent - kept);
}

/* A movable buffer that nobody holds open must not be touched. */
MID__INLINE void mid__shadow_close(void *memory, size_t bytes)
{
    ASAN_POISON_MEMORY_REGION(memory, bytes);
}

MID__INLINE void mid__shadow_open(void *memory, size_t bytes)
{
    ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
}

MID__INLINE void mid__shadow_pool(const void *pool)
{
    (void)pool;
}

MID__INLINE void mid__shadow_pool_gone(const void *pool)
{
    (void)pool;
}

/* True when such a tool watches: released memory and guards must then not be read or written by us. */
MID__INLINE bool mid__shadow_watched(void)
{
    return true;
}

#elif defined(MID_HAVE_VALGRIND)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include <valgrind/memcheck.h>
#include <valgrind/valgrind.h>
#pragma GCC diagnostic pop

MID__INLINE void mid__shadow_region(void *memory, size_t bytes)
{
    VALGRIND_MAKE_MEM_NOACCESS(memory, bytes);
}

MID__INLINE void mid__shadow_region_gone(void *memory, size_t bytes)
{
    VALGRIND_MAKE_MEM_UNDEFINED(memory, bytes);
}

MID__INLINE void mid__shadow_pool(const void *pool)
{
    VALGRIND_CREATE_MEMPOOL(pool, 0, 0);
}

MID__INLINE void mid__shadow_pool_gone(const void *pool)
{
    VALGRIND_DESTROY_MEMPOOL(pool);
}

MID__INLINE void mid__shadow_take(const void *pool, void *buffer, size_t bytes)
{
    VALGRIND_MEMPOOL_ALLOC(pool, buffer, bytes);
}

MID__INLINE void mid__shadow_give(const void *pool, void *buffer, size_t kept, size_t extent)
{
    (void)extent;
    VALGRIND_MEMPOOL_FREE(pool, buffer);
    if (kept != 0)
        VALGRIND_MAKE_MEM_DEFINED(buffer, kept);
}

/* What valgrind knew of the buffer's bytes is lost: they count as written when it is opened again. */
MID__INLINE void mid__shadow_close(void *memory, size_t bytes)
{
    VALGRIND_MAKE_MEM_NOACCESS(memory, bytes);
}

MID__INLINE void mid__shadow_open(void *memory, size_t bytes)
{
    VALGRIND_MAKE_MEM_DEFINED(memory, bytes);
}

MID__INLINE bool mid__shadow_watched(void)
{
    return RUNNING_ON_VALGRIND != 0;
}

#else

MID__INLINE void mid__shadow_region(void *memory, size_t bytes)
{
    (void)memory, (void)bytes;
}

MID__INLINE void mid__shadow_region_gone(void *memory, size_t bytes)
{
    (void)memory, (void)bytes;
}

MID__INLINE void mid__shadow_pool(const void *pool)
{
    (void)pool;
}

MID__INLINE void mid__shadow_pool_gone(const void *pool)
{
    (void)pool;
}

MID__INLINE void mid__shadow_take(const void *pool, void *buffer, size_t bytes)
{
    (void)pool, (void)buffer, (void)bytes;
}

MID__INLINE void mid__shadow_give(const void *pool, void *buffer, size_t kept, size_t extent)
{
    (void)pool, (void)buffer, (void)kept, (void)extent;
}

MID__INLINE void mid__shadow_close(void *memory, size_t bytes)
{
    (void)memory, (void)bytes;
}

MID__INLINE void mid__shadow_open(void *memory, size_t bytes)
{
    (void)memory, (void)bytes;
}

MID__INLINE bool mid__shadow_watched(void)
{
    return false;
}
#endif

#endif
