/* SPDX-License-Identifier: MIT
 *
 * limits.c: the price of what allocators and collectors are made of, measured in the same run as they are. Each loop does
 * one thing and no more; a figure above is read as so many times the possible: a pair of 4 ns costs twice a pop and a
 * push, a scavenge twice a copy.
 */
#include "limits.h"

#include "work.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { PAGE = 4096, NURSERY_BYTES = 256 * 1024, BLOCK_BYTES = 64 * 1024 };

#define LARGE_BYTES ((size_t)128 << 20) /* beyond the caches */

static _Thread_local void *stack[64];
static _Thread_local uint32_t stack_top;

/* The least that an allocator with a cache of pointers by thread does. */
static void pop_push(struct bench_run *run, const void *arg)
{
    static uint64_t buffer[8];
    (void)arg;
    stack_top = 0;
    stack[stack_top++] = buffer;
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            uint64_t *p = stack[--stack_top];
            *p = n;
            work_keep(p);
            stack[stack_top++] = p;
        }
}

static void atomic_add(struct bench_run *run, const void *arg)
{
    static _Alignas(64) _Atomic uint64_t counter;
    (void)arg;
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0)
            atomic_fetch_add(&counter, 1);
}

static void compare_and_swap(struct bench_run *run, const void *arg)
{
    static _Alignas(64) _Atomic uint64_t word;
    uint64_t seen = atomic_load(&word);
    (void)arg;
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0)
            if (atomic_compare_exchange_strong(&word, &seen, seen + 1))
                seen++;
}

static void mutex(struct bench_run *run, const void *arg)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)arg;
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            pthread_mutex_lock(&lock);
            pthread_mutex_unlock(&lock);
        }
}

/* ---- a cache line there and back, between two threads */

static _Alignas(128) _Atomic uint64_t ball;

static void *answer(void *arg)
{
    uint64_t mine = 1;
    (void)arg;
    for (;; mine += 2) {
        uint64_t seen;
        for (unsigned turns = 0; (seen = atomic_load_explicit(&ball, memory_order_acquire)) < mine;)
            if (++turns % 1000 == 0)
                sched_yield();
        if (seen == UINT64_MAX)
            return NULL;
        atomic_store_explicit(&ball, mine + 1, memory_order_release);
    }
}

static void there_and_back(struct bench_run *run, const void *arg)
{
    pthread_t other;
    uint64_t mine = 0;
    (void)arg;
    atomic_store(&ball, 0);
    if (pthread_create(&other, NULL, answer, NULL) != 0) {
        bench_fail(run, "no second thread");
        return;
    }
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            atomic_store_explicit(&ball, mine + 1, memory_order_release);
            mine += 2;
            for (unsigned turns = 0; atomic_load_explicit(&ball, memory_order_acquire) != mine;)
                if (++turns % 1000 == 0)
                    sched_yield();
        }
    atomic_store(&ball, UINT64_MAX);
    pthread_join(other, NULL);
}

/* ---- heaps */

/* Objects of four words, one after the other in a nursery that fits the second-level cache. */
static void bump(struct bench_run *run, const void *arg)
{
    uint64_t *nursery = work_map(NURSERY_BYTES);
    size_t at = 0;
    (void)arg;
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            uint64_t *p = nursery + at;
            p[0] = n;
            p[1] = p[2] = p[3] = 0;
            work_keep(p);
            at = (at + 4) & (NURSERY_BYTES / sizeof *nursery - 1);
        }
    work_unmap(nursery, NURSERY_BYTES);
}

static void copy(struct bench_run *run, const void *arg)
{
    static char *memory;
    size_t at = 0;
    (void)arg;
    if (memory == NULL)
        memory = work_map(LARGE_BYTES);
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            memcpy(memory + LARGE_BYTES / 2 + at, memory + at, BLOCK_BYTES);
            at = (at + BLOCK_BYTES) & (LARGE_BYTES / 2 - 1);
        }
}

/* One cycle through all lines of a large array in random order (Sattolo's shuffle). */
static void dependent_load(struct bench_run *run, const void *arg)
{
    struct line {
        struct line *next;
        char rest[56];
    };
    static struct line *lines;
    const uint32_t count = LARGE_BYTES / sizeof *lines;
    (void)arg;
    if (lines == NULL) {
        uint64_t random = 0x2545f4914f6cdd1du;
        lines = work_map(LARGE_BYTES);
        for (uint32_t i = 0; i < count; i++)
            lines[i].next = &lines[i];
        for (uint32_t i = count - 1; i > 0; i--) {
            uint32_t k = work_below(&random, i);
            struct line *kept = lines[i].next;
            lines[i].next = lines[k].next;
            lines[k].next = kept;
        }
    }
    const struct line *at = lines;
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0)
            at = at->next;
    work_keep(at);
}

/* ---- the system */

static void touch_pages(struct bench_run *run, size_t bytes)
{
    char *memory = work_map(bytes);
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            madvise(memory, bytes, MADV_DONTNEED);
            for (size_t at = 0; at < bytes; at += PAGE)
                memory[at] = 1;
        }
    work_unmap(memory, bytes);
}

static void page_again(struct bench_run *run, const void *arg)
{
    (void)arg;
    touch_pages(run, PAGE);
}

static void block_again(struct bench_run *run, const void *arg)
{
    (void)arg;
    touch_pages(run, BLOCK_BYTES);
}

static void read_cpu_clock(struct bench_run *run, const void *arg)
{
    struct timespec t;
    (void)arg;
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0)
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
}

size_t limits_add(struct bench_case *cases, size_t capacity)
{
    static const struct bench_case known[] = {
        {.name = "machine/pop-push/limit", .title = "a pointer popped off and pushed on a stack of the thread", .body = pop_push},
        {.name = "machine/atomic-add/limit", .title = "an atomic addition, nobody else there", .body = atomic_add},
        {.name = "machine/cas/limit", .title = "a compare-and-swap, nobody else there", .body = compare_and_swap},
        {.name = "machine/mutex/limit", .title = "a mutex locked and unlocked, nobody else there", .body = mutex},
        {.name = "machine/there-and-back/limit", .title = "a cache line to another thread and back", .body = there_and_back, .wall = true},
        {.name = "machine/bump-32/limit", .title = "32 B bumped and written in a nursery of 256 KB", .body = bump},
        {.name = "machine/copy-64k/limit", .title = "64 KB copied, beyond the caches", .body = copy},
        {.name = "machine/load/limit", .title = "a load that depends on the one before, in 128 MB", .body = dependent_load},
        {.name = "machine/page-again/limit", .title = "a page given back and touched again", .body = page_again},
        {.name = "machine/block-again/limit", .title = "64 KB given back and touched again", .body = block_again},
        {.name = "machine/cpu-clock/limit", .title = "the CPU clock of the thread read", .body = read_cpu_clock},
    };
    size_t n = 0;
    for (; n < sizeof known / sizeof known[0] && n < capacity; n++) {
        cases[n] = known[n];
        cases[n].timed_only = true;
    }
    return n;
}
