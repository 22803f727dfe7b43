/* SPDX-License-Identifier: MIT
 *
 * record.c: a library to preload (LD_PRELOAD) that writes down what a program allocates, for pool_trace.c.
 *
 *     MIDDEN_TRACE=DIR LD_PRELOAD=build/opt/bench/record.so program ...
 *
 * writes DIR/PROGRAM-PID.trace when the process ends. Every process that the program starts writes its own. All threads
 * go into one sequence, in the order of their calls.
 *
 * It calls glibc's allocator by its other names (__libc_malloc ...), keeps addresses in a table by open addressing, and
 * allocates nothing but by mmap. Buffers of 4 GB and more count as the largest size there is below that. A process that
 * execs or is killed leaves no trace; one that forks records the child no further.
 */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *p, size_t bytes);
void *__libc_memalign(size_t align, size_t bytes);
void __libc_free(void *p);

#define ADDRESSES  ((size_t)1 << 24) /* a power of two, twice the live buffers at most */
#define MOST_EVENTS ((size_t)1 << 27)

struct known {
    uintptr_t address; /* 0: free */
    uint32_t slot;
};

static struct known *table;
static uint32_t *free_slots; /* a heap: the lowest first */
static size_t free_count, slots, events, live;
static struct trace_event *list;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t owner;

static void *map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

__attribute__((constructor)) static void begin(void)
{
    if (getenv("MIDDEN_TRACE") == NULL)
        return;
    table = map(ADDRESSES * sizeof *table);
    free_slots = map(ADDRESSES * sizeof *free_slots);
    list = map(MOST_EVENTS * sizeof *list);
    if (table != NULL && free_slots != NULL && list != NULL)
        owner = getpid();
}

/* ---- slots */

static uint32_t lowest_slot(void)
{
    if (free_count == 0)
        return (uint32_t)slots++;
    uint32_t lowest = free_slots[0], last = free_slots[--free_count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < free_count; at = child) {
        if (child + 1 < free_count && free_slots[child + 1] < free_slots[child])
            child++;
        if (last <= free_slots[child])
            break;
        free_slots[at] = free_slots[child];
    }
    free_slots[at] = last;
    return lowest;
}

static void give_slot(uint32_t slot)
{
    size_t at = free_count++;
    for (; at > 0 && free_slots[(at - 1) / 2] > slot; at = (at - 1) / 2)
        free_slots[at] = free_slots[(at - 1) / 2];
    free_slots[at] = slot;
}

/* ---- addresses: linear probing, deletion by moving back */

static size_t home(uintptr_t address)
{
    return (size_t)((address >> 4) * 0x9e3779b97f4a7c15u >> 40) & (ADDRESSES - 1);
}

static size_t place_of(uintptr_t address)
{
    size_t at = home(address);
    while (table[at].address != 0 && table[at].address != address)
        at = (at + 1) & (ADDRESSES - 1);
    return at;
}

static void forget(size_t at)
{
    for (size_t next = (at + 1) & (ADDRESSES - 1); table[next].address != 0; next = (next + 1) & (ADDRESSES - 1))
        if (((next - home(table[next].address)) & (ADDRESSES - 1)) >= ((next - at) & (ADDRESSES - 1))) {
            table[at] = table[next];
            at = next;
        }
    table[at].address = 0;
}

static void note(uint32_t slot, uint32_t size)
{
    list[events++] = (struct trace_event){slot, size};
}

static bool full(void)
{
    return events + 2 > MOST_EVENTS || live > ADDRESSES / 2;
}

static void released(void *p)
{
    if (owner == 0 || p == NULL)
        return;
    int saved = errno;
    pthread_mutex_lock(&lock);
    size_t at = owner == getpid() ? place_of((uintptr_t)p) : 0;
    if (owner == getpid() && table[at].address != 0 && !full()) {
        note(table[at].slot, TRACE_RELEASE);
        give_slot(table[at].slot);
        forget(at);
        live--;
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
}

static void *taken(void *p, size_t bytes)
{
    if (owner == 0 || p == NULL)
        return p;
    int saved = errno;
    pthread_mutex_lock(&lock);
    if (owner == getpid() && !full()) {
        size_t at = place_of((uintptr_t)p);
        uint32_t slot = lowest_slot();
        table[at] = (struct known){(uintptr_t)p, slot};
        live++;
        note(slot, bytes < TRACE_RELEASE ? (uint32_t)bytes : TRACE_RELEASE - 1);
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
    return p;
}

/* ---- what the program calls */

SHOWN void *malloc(size_t bytes)
{
    return taken(__libc_malloc(bytes), bytes);
}

SHOWN void *calloc(size_t count, size_t bytes)
{
    return taken(__libc_calloc(count, bytes), count * bytes);
}

SHOWN void free(void *p)
{
    released(p);
    __libc_free(p);
}

/* The old address may be anybody's once realloc has returned: it is forgotten before, and known again on failure. */
SHOWN void *realloc(void *p, size_t bytes)
{
    released(p);
    void *fresh = __libc_realloc(p, bytes);
    if (fresh == NULL && p != NULL && bytes != 0)
        taken(p, bytes);
    return taken(fresh, bytes);
}

SHOWN void *memalign(size_t align, size_t bytes)
{
    return taken(__libc_memalign(align, bytes), bytes);
}

SHOWN void *aligned_alloc(size_t align, size_t bytes)
{
    return memalign(align, bytes);
}

SHOWN int posix_memalign(void **out, size_t align, size_t bytes)
{
    if (align < sizeof(void *) || (align & (align - 1)) != 0)
        return EINVAL;
    void *p = memalign(align, bytes);
    if (p == NULL)
        return ENOMEM;
    *out = p;
    return 0;
}

/* ---- the file */

static bool write_all(int fd, const void *from, size_t bytes)
{
    for (const char *p = from; bytes != 0;) {
        ssize_t n = write(fd, p, bytes);
        if (n <= 0)
            return false;
        p += n;
        bytes -= (size_t)n;
    }
    return true;
}

__attribute__((destructor)) static void end(void)
{
    char path[1024];
    if (owner == 0 || owner != getpid())
        return;
    pthread_mutex_lock(&lock);
    struct trace_head head = {TRACE_MAGIC, events, (uint32_t)slots, 0};
    snprintf(path, sizeof path, "%s/%s-%d.trace", getenv("MIDDEN_TRACE"), program_invocation_short_name, (int)owner);
    owner = 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || !write_all(fd, &head, sizeof head) || !write_all(fd, list, events * sizeof *list))
        unlink(path);
    if (fd >= 0)
        close(fd);
    pthread_mutex_unlock(&lock);
}
