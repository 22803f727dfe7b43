/* SPDX-License-Identifier: MIT
 *
 * boehm.c: Boehm's collector, dlopened when it is installed. It marks in one thread, as midden does; else it has its
 * defaults. Only a process that plays one of its workloads starts it.
 */
#include "heap_work.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static struct boehm gc;
static void (*gc_init)(void);
static void (*gc_set_markers)(unsigned count);

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
        !find(library, "GC_malloc_atomic", &gc.alloc_atomic) || !find(library, "GC_malloc", &gc.alloc))
        return NULL;
    unsigned v = version();
    snprintf(gc.version, sizeof gc.version, "%u.%u.%u", v >> 16, v >> 8 & 255, v & 255);
    return &gc;
}

const struct boehm *boehm_start(void)
{
    static bool started;
    if (boehm_get() != NULL && !started) {
        gc_set_markers(1);
        gc_init();
        started = true;
    }
    return boehm_get();
}
