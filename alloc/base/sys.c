/* SPDX-License-Identifier: MIT
 *
 * sys.c: midden's only door to the operating system (Linux and POSIX). It holds no state and makes no policy: who maps
 * how much, and when pages go back, is decided by the callers.
 *
 * Aligned maps: the kernel promises page alignment alone. The range is asked for at its exact size first, for the
 * kernel often places one mapping below the other and is right by luck; else it is asked for with `align` more, and
 * head and tail are cut off.
 *
 *     |<---- slack ---->|<--------- bytes --------->|<- slack ->|
 *     ^ mmap returned   ^ multiple of align: kept    ^ unmapped
 */
#include <midden/internal/compiler.h>
#include <midden/internal/sys.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

size_t mid__sys_page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void *map_anywhere(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void *mid__sys_map(size_t bytes, size_t align_bytes)
{
    int saved = errno;
    char *p = map_anywhere(bytes);
    if (p == NULL)
        return NULL;
    if (((uintptr_t)p & (align_bytes - 1)) == 0)
        return p;
    munmap(p, bytes);

    size_t wide;
    if (mid__add_overflows(bytes, align_bytes, &wide)) {
        errno = ENOMEM;
        return NULL;
    }
    p = map_anywhere(wide);
    if (p == NULL)
        return NULL;
    char *start = (char *)mid__align_up((uintptr_t)p, align_bytes);
    size_t head = (size_t)(start - p), tail = wide - head - bytes;
    /* A cut that fails costs address space, not memory: nothing has touched it. */
    if (head != 0)
        munmap(p, head);
    if (tail != 0)
        munmap(start + bytes, tail);
    errno = saved;
    return start;
}

bool mid__sys_unmap(void *address, size_t bytes)
{
    int saved = errno;
    bool done = munmap(address, bytes) == 0;
    errno = saved;
    return done;
}

bool mid__sys_decommit(void *address, size_t bytes)
{
    int saved = errno;
    bool done = madvise(address, bytes, MADV_DONTNEED) == 0;
    errno = saved;
    return done;
}

void mid__sys_huge_pages(void *address, size_t bytes, bool wanted)
{
    int saved = errno;
    (void)madvise(address, bytes, wanted ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    errno = saved;
}

size_t mid__sys_resident_bytes(const void *address, size_t bytes)
{
    size_t page = mid__sys_page_bytes(), resident = 0;
    unsigned char seen[4096];
    for (size_t at = 0; at < bytes;) {
        size_t part = bytes - at < sizeof seen * page ? bytes - at : sizeof seen * page;
        if (mincore((char *)(uintptr_t)address + at, part, seen) != 0)
            return (size_t)-1;
        for (size_t i = 0; i < part / page; i++)
            resident += (seen[i] & 1u) ? page : 0;
        at += part;
    }
    return resident;
}

/* Reads a small file of /proc or /sys whole; false when it cannot be read. Allocates nothing. */
static bool read_small_file(const char *path, char *buffer, size_t capacity)
{
    int saved = errno, fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = false;
    if (fd >= 0) {
        ssize_t n = read(fd, buffer, capacity - 1);
        if (n > 0) {
            buffer[n] = '\0';
            ok = true;
        }
        close(fd);
    }
    errno = saved;
    return ok;
}

size_t mid__sys_process_rss_bytes(void)
{
    char text[256];
    unsigned long total, resident;
    if (!read_small_file("/proc/self/statm", text, sizeof text) || sscanf(text, "%lu %lu", &total, &resident) != 2)
        return 0;
    return (size_t)resident * mid__sys_page_bytes();
}

/* One field of /proc/meminfo, which counts in KiB; 0 when it is missing. */
static size_t meminfo_bytes(const char *field)
{
    char text[4096];
    if (!read_small_file("/proc/meminfo", text, sizeof text))
        return 0;
    const char *at = strstr(text, field);
    return at == NULL ? 0 : (size_t)strtoull(at + strlen(field), NULL, 10) * 1024;
}

/* A figure of the control group (version 2); SIZE_MAX where there is no limit or no group. */
static size_t cgroup_bytes(const char *path)
{
    char text[64];
    if (!read_small_file(path, text, sizeof text) || text[0] < '0' || text[0] > '9')
        return SIZE_MAX;
    return (size_t)strtoull(text, NULL, 10);
}

size_t mid__sys_total_memory_bytes(void)
{
    size_t machine = meminfo_bytes("MemTotal:"), group = cgroup_bytes("/sys/fs/cgroup/memory.max");
    return group < machine ? group : machine;
}

size_t mid__sys_free_memory_bytes(void)
{
    size_t machine = meminfo_bytes("MemAvailable:"), group = cgroup_bytes("/sys/fs/cgroup/memory.max");
    if (group == SIZE_MAX)
        return machine;
    size_t used = cgroup_bytes("/sys/fs/cgroup/memory.current");
    size_t left = used < group ? group - used : 0;
    return left < machine ? left : machine;
}

void mid__sys_barrier_all(void)
{
    int saved = errno;
    atomic_thread_fence(memory_order_seq_cst);
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0 &&
        syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0)
        (void)syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    errno = saved;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t mid__sys_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t mid__sys_thread_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

struct mid__sys_thread_counts mid__sys_thread_counts(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_THREAD, &usage) != 0)
        return (struct mid__sys_thread_counts){0, 0};
    return (struct mid__sys_thread_counts){(uint64_t)usage.ru_minflt, (uint64_t)usage.ru_nivcsw};
}

uint64_t mid__sys_coarse_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC_COARSE);
}
