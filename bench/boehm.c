/* SPDX-License-Identifier: MIT
 *
 * boehm.c: Boehm's collector, dlopened when it is installed. It marks in one thread, as midden does; else it has its
 * defaults. Only a process that plays one of its workloads starts it.
 *
 * In a heap of given size (heap_tight.c) it has all of it from the start and may not take more; the divisor of its free
 * space is 1, so that it collects as late as it can. Its pauses are what lies between the events of a collection's start
 * and end: a sweep that it does lazily, at an allocation, is none of them. That one is seen from outside, in the steps.
 */
#include "heap_support.h"
#include "heap_work.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static struct boehm gc;
static void (*gc_init)(void);
static void (*gc_set_markers)(unsigned count);
static void (*gc_set_limit)(size_t bytes);
static int (*gc_expand)(size_t bytes);
static size_t (*gc_size)(void);
static void (*gc_set_divisor)(size_t divisor);
static void (*gc_set_oom)(void *(*fn)(size_t bytes));
static void (*gc_set_event)(void (*fn)(int event));
static void (*gc_set_warn)(void (*fn)(char *text, uintptr_t word));
static void (*gc_ignore_warn)(char *text, uintptr_t word);
static struct pauses pauses;

/* POSIX promises that the bits of the two kinds of pointer are the same. */
static bool find(void *library, const char *name, void *function)
{
    void *address = dlsym(library, name);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

const struct boehm *boehm_get(void)
{
    static void *library;
    static unsigned (*version)(void);
    if (library != NULL)
        return gc.alloc != NULL ? &gc : NULL;
    library = dlopen("libgc.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL || !find(library, "GC_init", &gc_init) || !find(library, "GC_get_version", &version) ||
        !find(library, "GC_set_markers_count", &gc_set_markers) ||
        !find(library, "GC_set_max_heap_size", &gc_set_limit) || !find(library, "GC_expand_hp", &gc_expand) ||
        !find(library, "GC_get_heap_size", &gc_size) || !find(library, "GC_set_free_space_divisor", &gc_set_divisor) ||
        !find(library, "GC_set_oom_fn", &gc_set_oom) || !find(library, "GC_set_on_collection_event", &gc_set_event) ||
        !find(library, "GC_set_warn_proc", &gc_set_warn) || !find(library, "GC_ignore_warn_proc", &gc_ignore_warn) ||
        !find(library, "GC_malloc_atomic", &gc.alloc_atomic) || !find(library, "GC_malloc", &gc.alloc))
        return NULL;
    unsigned v = version();
    snprintf(gc.version, sizeof gc.version, "%u.%u.%u", v >> 16, v >> 8 & 255, v & 255);
    return &gc;
}

static void *refuse(size_t bytes)
{
    (void)bytes;
    heap_refused("boehm");
}

static void on_event(int event)
{
    enum { COLLECTION_STARTS = 0, COLLECTION_ENDS = 5 }; /* of GC_EventType, gc.h */
    if (event == COLLECTION_STARTS)
        pauses_begin(&pauses);
    else if (event == COLLECTION_ENDS)
        pauses_end(&pauses);
}

static void give(size_t bytes)
{
    gc_set_limit(bytes);
    gc_set_divisor(1);
    size_t has = gc_size();
    if (bytes > has)
        gc_expand(bytes - has);
}

const struct boehm *boehm_start(void)
{
    static bool started;
    if (boehm_get() != NULL && !started) {
        gc_set_markers(1);
        gc_init();
        gc_set_warn(gc_ignore_warn);
        gc_set_oom(refuse);
        gc_set_event(on_event);
        if (heap_tight_bytes() != 0)
            give(heap_tight_bytes());
        pauses_start(&pauses);
        started = true;
    }
    return boehm_get();
}

void boehm_end(struct bench_run *run)
{
    pauses_count(&pauses, run);
}
