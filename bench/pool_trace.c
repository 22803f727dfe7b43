/* SPDX-License-Identifier: MIT
 *
 * pool_trace.c: the allocations of real programs, played on every allocator: what make bench-traces recorded (see
 * trace/record.c) lies as *.trace beside this program, in the directory traces.
 *
 * One operation is one event. Every page of a buffer is written when it is taken, as a program does. A repetition plays
 * the whole trace once, and releases what is alive at its end. In a process of its own, resident memory is compared with live
 * bytes at the moment of the trace when the most is alive, at each tenth of its events, and when all is released:
 *
 *     live_03_bytes, resident_03_bytes   after three tenths of the events; resident / live is fragmentation
 *     resident_released_bytes            at the end, nothing alive, after the allocator was asked to give back
 */
#include "pool_work.h"
#include "trace/trace.h"
#include "work.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, TENTHS = 10 };

static const char *const live_names[TENTHS] = {"live_01_bytes", "live_02_bytes", "live_03_bytes", "live_04_bytes", "live_05_bytes",
                                               "live_06_bytes", "live_07_bytes", "live_08_bytes", "live_09_bytes", "live_10_bytes"};
static const char *const resident_names[TENTHS] = {"resident_01_bytes", "resident_02_bytes", "resident_03_bytes", "resident_04_bytes",
                                                   "resident_05_bytes", "resident_06_bytes", "resident_07_bytes", "resident_08_bytes",
                                                   "resident_09_bytes", "resident_10_bytes"};

struct trace {
    struct pool_workload workload; /* first: a body gets this, and finds the rest */
    char name[40];
    const struct trace_event *events;
    uint64_t count, peak_at;
    double peak_bytes, live[TENTHS]; /* live[i]: after i + 1 tenths */
    uint32_t slots;
};

struct held {
    char *p;
    size_t bytes;
};

/* One event. An event that makes no sense is passed over: the file comes from outside. */
static inline void play_event(const struct allocator *a, struct held *held, uint32_t slots, struct trace_event e)
{
    if (e.slot >= slots)
        return;
    struct held *h = &held[e.slot];
    if (h->p != NULL) {
        a->release(h->p, h->bytes);
        h->p = NULL;
    }
    if (e.size == TRACE_RELEASE)
        return;
    h->bytes = e.size != 0 ? e.size : 1;
    h->p = a->alloc(h->bytes);
    for (size_t at = 0; at < h->bytes; at += PAGE)
        h->p[at] = 1;
}

static void release_rest(const struct allocator *a, struct held *held, uint32_t slots)
{
    for (uint32_t i = 0; i < slots; i++)
        if (held[i].p != NULL) {
            a->release(held[i].p, held[i].bytes);
            held[i].p = NULL;
        }
}

/* How many events are played at the end of each tenth. */
static uint64_t tenth(const struct trace *t, unsigned i)
{
    return t->count / TENTHS * (i + 1) + t->count % TENTHS * (i + 1) / TENTHS;
}

/* One round with looks at memory: `alone` in its process, where bench_memory_resident tells something. */
static void play_watched(struct bench_run *run, const struct allocator *a, const struct trace *t, struct held *held)
{
    unsigned next = 0;
    for (uint64_t at = 0; at < t->count;) {
        play_event(a, held, t->slots, t->events[at]);
        at++;
        if (at == t->peak_at)
            bench_memory_live(run, t->peak_bytes);
        for (; next < TENTHS && at == tenth(t, next); next++) {
            bench_counter(run, live_names[next], t->live[next]);
            bench_counter(run, resident_names[next], bench_memory_resident(run));
        }
    }
    release_rest(a, held, t->slots);
    if (a->trim != NULL)
        a->trim();
    bench_counter(run, "resident_released_bytes", bench_memory_resident(run));
}

static void play(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    const struct trace *t = (const struct trace *)(const void *)w;
    struct held *held = work_map(t->slots * sizeof *held);
    bench_memory_mark(run);
    for (uint64_t n; (n = bench_count(run)) != 0;) {
        if (bench_is_alone(run)) {
            play_watched(run, a, t, held);
            continue;
        }
        for (uint64_t at = 0; n-- != 0;) {
            play_event(a, held, t->slots, t->events[at]);
            if (++at == t->count) {
                release_rest(a, held, t->slots);
                at = 0;
            }
        }
    }
    release_rest(a, held, t->slots);
    work_unmap(held, t->slots * sizeof *held);
}

/* Where the most bytes are alive, and how many are at each tenth. False when a slot is out of range. */
static bool find_live(struct trace *t)
{
    uint32_t *sizes = work_map(t->slots * sizeof *sizes);
    double live = 0;
    bool ok = true;
    unsigned next = 0;
    for (uint64_t i = 0; ok && i < t->count; i++) {
        struct trace_event e = t->events[i];
        ok = e.slot < t->slots;
        if (!ok)
            break;
        live -= sizes[e.slot];
        sizes[e.slot] = e.size == TRACE_RELEASE ? 0 : e.size;
        live += sizes[e.slot];
        if (live > t->peak_bytes) {
            t->peak_bytes = live;
            t->peak_at = i + 1;
        }
        for (; next < TENTHS && i + 1 == tenth(t, next); next++)
            t->live[next] = live;
    }
    work_unmap(sizes, t->slots * sizeof *sizes);
    return ok;
}

static bool load(struct trace *t, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || (size_t)st.st_size < sizeof(struct trace_head)) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    const char *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        return false;
    struct trace_head head;
    memcpy(&head, bytes, sizeof head);
    if (head.magic != TRACE_MAGIC || head.events == 0 || head.slots == 0 ||
        head.events != ((size_t)st.st_size - sizeof head) / sizeof(struct trace_event))
        return false;
    t->events = (const struct trace_event *)(const void *)(bytes + sizeof head);
    t->count = head.events;
    t->slots = head.slots;
    return find_live(t);
}

/* The name becomes a part of a case's name. */
static bool is_plain(const char *name)
{
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0';
}

size_t pool_traces(const struct pool_workload **workloads, size_t capacity)
{
    static struct trace made[MOST_TRACES];
    char directory[1024], path[1400];
    ssize_t length = readlink("/proc/self/exe", directory, sizeof directory - 16);
    if (length <= 0)
        return 0;
    directory[length] = '\0';
    strcpy(strrchr(directory, '/'), "/traces");
    struct dirent **entries;
    int found = scandir(directory, &entries, NULL, alphasort);
    size_t n = 0;
    for (int i = 0; i < found; i++) {
        const char *end = strstr(entries[i]->d_name, ".trace");
        struct trace *t = &made[n];
        if (end != NULL && end[6] == '\0' && end - entries[i]->d_name <= 24 && is_plain(entries[i]->d_name) &&
            n < capacity && n < MOST_TRACES) {
            snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
            snprintf(t->name, sizeof t->name, "trace-%.*s", (int)(end - entries[i]->d_name), entries[i]->d_name);
            if (load(t, path)) {
                t->workload = (struct pool_workload){.name = t->name,
                                                     .body = play,
                                                     .flags = POOL_QUICK | POOL_NOFLOOR | POOL_WHOLE,
                                                     .alone = t->count,
                                                     .title = "one allocation or release of a recorded program"};
                workloads[n++] = &t->workload;
            } else
                fprintf(stderr, "bench: %s is no trace\n", path);
        }
        free(entries[i]);
    }
    if (found >= 0)
        free(entries);
    return n;
}
