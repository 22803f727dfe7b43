/* SPDX-License-Identifier: MIT
 *
 * work.c: sizes and memory of the harness. Both come from mmap: an array taken by malloc would lie in the heap of one
 * of the subjects and change its shape.
 */
#include "work.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *work_map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        perror("bench: mmap");
        exit(1);
    }
    memset(p, 0, bytes);
    return p;
}

void work_unmap(void *p, size_t bytes)
{
    munmap(p, bytes);
}

static uint32_t *make_sizes(size_t low, size_t high)
{
    uint64_t state = 0x9e3779b97f4a7c15u;
    uint32_t *sizes = work_map(WORK_SIZES * sizeof sizes[0]);
    for (size_t i = 0; i < WORK_SIZES; i++) {
        double unit = (double)(work_random(&state) >> 11) / 9007199254740992.0;
        double size = (double)low * exp(unit * log((double)high / (double)low));
        sizes[i] = (uint32_t)(size < (double)high ? size : (double)high);
    }
    return sizes;
}

const uint32_t *work_sizes(size_t low, size_t high)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct table {
        size_t low, high;
        uint32_t *sizes;
    } made[16];
    struct table *t = made;
    pthread_mutex_lock(&lock);
    while (t->sizes != NULL && (t->low != low || t->high != high))
        if (++t == made + sizeof made / sizeof made[0]) {
            fputs("bench: more ranges of sizes than work.c keeps\n", stderr);
            exit(1);
        }
    if (t->sizes == NULL)
        *t = (struct table){low, high, make_sizes(low, high)};
    pthread_mutex_unlock(&lock);
    return t->sizes;
}

bool work_temporary_file(char *path, size_t capacity)
{
    const char *where = getenv("TMPDIR");
    snprintf(path, capacity, "%s/midden-bench-XXXXXX", where != NULL ? where : "/tmp");
    int fd = mkstemp(path);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}
