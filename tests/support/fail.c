/* SPDX-License-Identifier: MIT
 * fail.c: the wrapped libc functions of tests/oom. Linked only into programs whose link line wraps them. */
#include "fail.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

static atomic_ulong calls, failed, first;
static atomic_uint armed;
static atomic_bool for_ever;

void fail_from(unsigned long n, unsigned kinds, bool persistently)
{
    atomic_store(&calls, 0);
    atomic_store(&failed, 0);
    atomic_store(&first, n);
    atomic_store(&for_ever, persistently);
    atomic_store(&armed, n == 0 ? 0 : kinds);
}

bool fail_off(void)
{
    atomic_store(&armed, 0);
    return atomic_load(&failed) != 0;
}

unsigned long fail_calls(void)
{
    return atomic_load(&calls);
}

static bool fails(unsigned kind)
{
    if ((atomic_load(&armed) & kind) == 0)
        return false;
    unsigned long n = atomic_fetch_add(&calls, 1) + 1, from = atomic_load(&first);
    if (n != from && !(n > from && atomic_load(&for_ever)))
        return false;
    atomic_fetch_add(&failed, 1);
    errno = ENOMEM;
    return true;
}

/* --wrap=f sends calls of f to __wrap_f, and __real_f to libc; the names are the linker's. */
void *__real_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    return fails(FAIL_MMAP) ? (void *)-1 : __real_mmap(address, bytes, protection, flags, fd, offset);
}

int __real_munmap(void *address, size_t bytes);
int __wrap_munmap(void *address, size_t bytes);
int __wrap_munmap(void *address, size_t bytes)
{
    return fails(FAIL_MUNMAP) ? -1 : __real_munmap(address, bytes);
}

int __real_madvise(void *address, size_t bytes, int advice);
int __wrap_madvise(void *address, size_t bytes, int advice);
int __wrap_madvise(void *address, size_t bytes, int advice)
{
    return fails(FAIL_MADVISE) ? -1 : __real_madvise(address, bytes, advice);
}

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes)
{
    return fails(FAIL_HEAP) ? NULL : __real_malloc(bytes);
}

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes)
{
    return fails(FAIL_HEAP) ? NULL : __real_calloc(count, bytes);
}

void *__real_realloc(void *old, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes)
{
    return fails(FAIL_HEAP) ? NULL : __real_realloc(old, bytes);
}

void *__real_aligned_alloc(size_t align, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes)
{
    return fails(FAIL_HEAP) ? NULL : __real_aligned_alloc(align, bytes);
}

int __real_posix_memalign(void **out, size_t align, size_t bytes);
int __wrap_posix_memalign(void **out, size_t align, size_t bytes);
int __wrap_posix_memalign(void **out, size_t align, size_t bytes)
{
    return fails(FAIL_HEAP) ? ENOMEM : __real_posix_memalign(out, align, bytes);
}
