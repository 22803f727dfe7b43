/* SPDX-License-Identifier: MIT
 *
 * heap_cases.c: joins heap workloads and collectors, and loads Boehm's.
 *
 * Every repetition has a process of its own: a heap that grew in one workload would collect less in the next, and no
 * collector's figures would be those of a program that uses it. Boehm's collector is dlopened and marks in one thread, as
 * the others do; else it has its defaults. malloc and free by hand is not a collector: it is what a program would cost
 * whose author knew when each object dies.
 */
#include "heap_work.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 64, MOST = 128 };

struct heap_case {
    const struct heap_workload *workload;
    heap_body *body;
    char name[NAME_BYTES];
};

/* POSIX promises that the bits of the two kinds of pointer are the same. */
static bool find(void *library, const char *name, void *function)
{
    void *address = dlsym(library, name);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

const struct boehm *boehm_get(void)
{
    static struct boehm gc;
    static void *library;
    static unsigned (*version)(void);
    static void (*init)(void);
    static void (*set_markers)(unsigned);
    if (library != NULL)
        return gc.alloc != NULL ? &gc : NULL;
    library = dlopen("libgc.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL || !find(library, "GC_init", &init) || !find(library, "GC_get_version", &version) ||
        !find(library, "GC_malloc_atomic", &gc.alloc_atomic) || !find(library, "GC_gcollect", &gc.collect) ||
        !find(library, "GC_set_markers_count", &set_markers) || !find(library, "GC_malloc", &gc.alloc))
        return NULL;
    set_markers(1);
    init();
    unsigned v = version();
    snprintf(gc.version, sizeof gc.version, "%u.%u.%u", v >> 16, v >> 8 & 255, v & 255);
    return &gc;
}

void heap_absent(void (*say)(void *user, const char *name, const char *why), void *user)
{
    if (boehm_get() == NULL)
        say(user, "boehm", "the package libgc1 is not installed");
}

static void play(struct bench_run *run, const void *arg)
{
    const struct heap_case *c = arg;
    c->body(run, c->workload);
}

size_t heap_cases_add(struct bench_case *cases, size_t capacity, bool full)
{
    static struct heap_case made[MOST];
    size_t n = 0;
    for (size_t i = 0; i < heap_workload_count; i++) {
        const struct heap_workload *w = &heap_workloads[i];
        const struct {
            const char *name;
            heap_body *body;
        } subjects[] = {{"midden", w->midden}, {"boehm", boehm_get() != NULL ? w->boehm : NULL}, {"by-hand", w->by_hand}};
        for (size_t k = 0; k < sizeof subjects / sizeof subjects[0]; k++) {
            if (subjects[k].body == NULL || (!full && !w->quick) || n == capacity || n == MOST)
                continue;
            made[n] = (struct heap_case){.workload = w, .body = subjects[k].body};
            snprintf(made[n].name, NAME_BYTES, "heap/%s/%s", w->name, subjects[k].name);
            cases[n] = (struct bench_case){.name = made[n].name,
                                           .title = w->title,
                                           .body = play,
                                           .arg = &made[n],
                                           .isolated = true,
                                           .iterations = 1,
                                           .alone_iterations = 1};
            n++;
        }
    }
    return n;
}
