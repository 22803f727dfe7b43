/* SPDX-License-Identifier: MIT
 *
 * allocators.c: one process with all of them in it, each under its own names.
 *
 *     glibc       the process's own malloc
 *     jemalloc    Debian's libjemalloc_pic.a, its public names prefixed with jem_ by bench.mk (je_ is taken: its
 *                 internals use it). It cannot be dlopened: its thread-local storage is static.
 *     mimalloc    dlopen, RTLD_LOCAL, by their mi_ and tc_ names; left out with a notice where the package is missing
 *     tcmalloc
 *     floor       no allocator: addresses out of a window of 64 KiB that is used round and round
 *
 * Every side is reached through one pointer to a function with the same signature. For most that function is a jump to
 * the real one, which costs each the same instruction or two; workloads named *-direct call without the table.
 *
 * jemalloc is used through malloc and free, never through mallocx, whose flags cost it 118 more instructions a pair.
 * The rows "-sized" hand the size to those who can use it at release (sdallocx, mi_free_size, tc_free_sized).
 *
 * midden comes twice: by the calls of <midden/pool.h>, which find the thread's cache and check what is released, and
 * (midden-cache) by the inlined ones of <midden/cache.h>, which trust their caller as the peers do.
 *
 * A pool of midden is one for the process, as the peers' heaps are: its caches are as warm as theirs.
 */
#include "allocators.h"

#include "peers.h"

#include <midden/cache.h>
#include <midden/pool.h>

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *no_version(void)
{
    return "";
}

/* ---- midden: a pool for each placement policy */

static struct mid_pool *pool, *pool_sequential;

static const char *make_pool(struct mid_pool **made, enum mid_pool_policy policy)
{
    struct mid_pool_options options;
    mid_pool_options_init(&options);
    options.policy = policy;
    return *made != NULL || mid_pool_create(&options, made) == MID_OK ? NULL : "its pool cannot be made";
}

static const char *midden_load(void)
{
    return make_pool(&pool, MID_POOL_DEFAULT_POLICY);
}

static void *midden_alloc(size_t bytes)
{
    return mid_pool_alloc(pool, bytes);
}

static void midden_release(void *p, size_t bytes)
{
    mid_pool_release_sized(pool, p, bytes);
}

/* As <midden/cache.h> says that who takes and releases at a high rate does it: the cache in a variable of the thread. */
static _Thread_local struct mid_cache *cache;

static __attribute__((noinline)) struct mid_cache *find_cache(void)
{
    return cache = mid_pool_cache(pool);
}

static void *cache_alloc(size_t bytes)
{
    struct mid_cache *mine = cache != NULL ? cache : find_cache();
    return mid_cache_alloc(mine, bytes);
}

static void cache_release(void *p, size_t bytes)
{
    struct mid_cache *mine = cache != NULL ? cache : find_cache();
    mid_cache_release(mine, p, bytes);
}

static void midden_trim(void)
{
    mid_pool_trim(pool);
}

static struct mid_pool *midden_pool(void)
{
    return pool;
}

static const char *sequential_load(void)
{
    return make_pool(&pool_sequential, MID_POOL_SEQUENTIAL);
}

static void *sequential_alloc(size_t bytes)
{
    return mid_pool_alloc(pool_sequential, bytes);
}

static void sequential_release(void *p, size_t bytes)
{
    mid_pool_release_sized(pool_sequential, p, bytes);
}

static void sequential_trim(void)
{
    mid_pool_trim(pool_sequential);
}

static struct mid_pool *sequential_pool(void)
{
    return pool_sequential;
}

/* ---- glibc */

static void libc_release(void *p, size_t bytes)
{
    (void)bytes;
    free(p);
}

static void libc_trim(void)
{
    malloc_trim(0);
}

static const char *libc_version(void)
{
    return gnu_get_libc_version();
}

/* ---- jemalloc */

static void jemalloc_release(void *p, size_t bytes)
{
    (void)bytes;
    jem_free(p);
}

static void jemalloc_release_sized(void *p, size_t bytes)
{
    jem_sdallocx(p, bytes, 0);
}

/* 4096 is jemalloc's MALLCTL_ARENAS_ALL. */
static void jemalloc_trim(void)
{
    jem_mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
    jem_mallctl("arena.4096.purge", NULL, NULL, NULL, 0);
}

static const char *jemalloc_version(void)
{
    static char text[32];
    const char *full = "?";
    size_t length = sizeof full;
    jem_mallctl("version", &full, &length, NULL, 0);
    snprintf(text, sizeof text, "%.*s", (int)strcspn(full, "-"), full);
    return text;
}

/* ---- mimalloc and tcmalloc, by their own names */

struct peer_functions mi, tc;

/* ISO C has no conversion from an object pointer to a function pointer; POSIX promises that the bits are the same. */
static bool find(void *library, const char *name, void *function)
{
    void *address = dlsym(library, name);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

static const char *mimalloc_load(void)
{
    static int (*version)(void);
    if (mi.alloc != NULL)
        return NULL;
    void *library = dlopen("libmimalloc.so.2", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        library = dlopen("libmimalloc.so", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL || !find(library, "mi_version", &version) || !find(library, "mi_collect", &mi.collect) ||
        !find(library, "mi_free", &mi.release) || !find(library, "mi_free_size", &mi.release_sized) ||
        !find(library, "mi_malloc", &mi.alloc))
        return "the package libmimalloc2.0 is not installed";
    int v = version();
    snprintf(mi.version, sizeof mi.version, "%d.%d.%d", v / 100, v / 10 % 10, v % 10);
    return NULL;
}

static void *mimalloc_alloc(size_t bytes)
{
    return mi.alloc(bytes);
}

static void mimalloc_release(void *p, size_t bytes)
{
    (void)bytes;
    mi.release(p);
}

static void mimalloc_release_sized(void *p, size_t bytes)
{
    mi.release_sized(p, bytes);
}

static void mimalloc_trim(void)
{
    mi.collect(true);
}

static const char *mimalloc_version(void)
{
    return mi.version;
}

static const char *tcmalloc_load(void)
{
    static const char *(*version)(int *, int *, const char **);
    static void (*give_back)(void);
    if (tc.alloc != NULL)
        return NULL;
    void *library = dlopen("libtcmalloc_minimal.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL || !find(library, "tc_version", &version) || !find(library, "tc_free", &tc.release) ||
        !find(library, "tc_free_sized", &tc.release_sized) ||
        !find(library, "MallocExtension_ReleaseFreeMemory", &give_back) || !find(library, "tc_malloc", &tc.alloc))
        return "the package libtcmalloc-minimal4 is not installed";
    int major = 0, minor = 0;
    const char *patch = "";
    version(&major, &minor, &patch);
    snprintf(tc.version, sizeof tc.version, "%d.%d%s", major, minor, patch);
    tc.give_back = give_back;
    return NULL;
}

static void *tcmalloc_alloc(size_t bytes)
{
    return tc.alloc(bytes);
}

static void tcmalloc_release(void *p, size_t bytes)
{
    (void)bytes;
    tc.release(p);
}

static void tcmalloc_release_sized(void *p, size_t bytes)
{
    tc.release_sized(p, bytes);
}

static void tcmalloc_trim(void)
{
    tc.give_back();
}

static const char *tcmalloc_version(void)
{
    return tc.version;
}

/* ---- the floor: the next address of a window; a buffer may lie over an older one, so its content means nothing */

enum { FLOOR_WINDOW = 64 * 1024, FLOOR_LARGEST = 1024 * 1024 };

static void *floor_alloc(size_t bytes)
{
    static _Thread_local size_t at;
    static _Alignas(64) char window[FLOOR_WINDOW + FLOOR_LARGEST];
    static _Alignas(64) char second[FLOOR_WINDOW + FLOOR_LARGEST];
    static _Thread_local char *mine;
    if (mine == NULL) { /* two threads of a workload do not share cache lines */
        static _Atomic unsigned takers;
        mine = takers++ % 2 == 0 ? window : second;
    }
    char *p = mine + at;
    at = (at + ((bytes + 15) & ~(size_t)15)) & (FLOOR_WINDOW - 1);
    return p;
}

static void floor_release(void *p, size_t bytes)
{
    (void)p;
    (void)bytes;
}

/* ---- the table */

const struct allocator allocators[] = {
    {.name = "midden",
     .alloc = midden_alloc,
     .release = midden_release,
     .trim = midden_trim,
     .version = no_version,
     .load = midden_load,
     .pool = midden_pool},
    {.name = "midden-cache",
     .alloc = cache_alloc,
     .release = cache_release,
     .trim = midden_trim,
     .version = no_version,
     .load = midden_load,
     .pool = midden_pool},
    {.name = "midden-sequential",
     .alloc = sequential_alloc,
     .release = sequential_release,
     .trim = sequential_trim,
     .version = no_version,
     .load = sequential_load,
     .pool = sequential_pool,
     .variant = true},
    {.name = "libc", .alloc = malloc, .release = libc_release, .trim = libc_trim, .version = libc_version},
    {.name = "jemalloc",
     .alloc = jem_malloc,
     .release = jemalloc_release,
     .trim = jemalloc_trim,
     .version = jemalloc_version},
    {.name = "jemalloc-sized",
     .alloc = jem_malloc,
     .release = jemalloc_release_sized,
     .trim = jemalloc_trim,
     .version = jemalloc_version,
     .variant = true},
    {.name = "mimalloc",
     .alloc = mimalloc_alloc,
     .release = mimalloc_release,
     .trim = mimalloc_trim,
     .version = mimalloc_version,
     .load = mimalloc_load},
    {.name = "mimalloc-sized",
     .alloc = mimalloc_alloc,
     .release = mimalloc_release_sized,
     .trim = mimalloc_trim,
     .version = mimalloc_version,
     .load = mimalloc_load,
     .variant = true},
    {.name = "tcmalloc",
     .alloc = tcmalloc_alloc,
     .release = tcmalloc_release,
     .trim = tcmalloc_trim,
     .version = tcmalloc_version,
     .load = tcmalloc_load},
    {.name = "tcmalloc-sized",
     .alloc = tcmalloc_alloc,
     .release = tcmalloc_release_sized,
     .trim = tcmalloc_trim,
     .version = tcmalloc_version,
     .load = tcmalloc_load,
     .variant = true},
    {.name = "floor", .alloc = floor_alloc, .release = floor_release, .version = no_version, .floor = true},
};
const size_t allocator_count = sizeof allocators / sizeof allocators[0];

size_t allocators_ready(const struct allocator **ready, size_t capacity)
{
    size_t n = 0;
    for (size_t i = 0; i < allocator_count && n < capacity; i++)
        if (allocators[i].load == NULL || allocators[i].load() == NULL)
            ready[n++] = &allocators[i];
    return n;
}

void allocators_absent(void (*say)(void *user, const char *name, const char *why), void *user)
{
    for (size_t i = 0; i < allocator_count; i++) {
        const char *why = allocators[i].load == NULL ? NULL : allocators[i].load();
        if (why != NULL && !allocators[i].variant)
            say(user, allocators[i].name, why);
    }
}
