/* SPDX-License-Identifier: MIT
 *
 * pool_direct.c: the pair of pool_pair.c without the table of function pointers: each allocator called as a program
 * calls it that was compiled against it, with its size known to the compiler. mimalloc and tcmalloc are loaded at run
 * time and called through one pointer, as a program calls a shared library. Where midden's header inlines, this is where
 * it shows.
 */
#include "peers.h"
#include "pool_work.h"
#include "work.h"

#include <midden/cache.h>

#include <stdlib.h>
#include <string.h>

enum { BYTES = 64 };

#define PAIR(NAME, ALLOC, RELEASE)                                                                                     \
    static void pair_##NAME(struct bench_run *run, const struct allocator *a)                                          \
    {                                                                                                                  \
        (void)a;                                                                                                       \
        for (uint64_t n; (n = bench_count(run)) != 0;)                                                                 \
            while (n-- != 0) {                                                                                         \
                uint64_t *p = ALLOC;                                                                                   \
                *p = n;                                                                                                \
                work_keep(p);                                                                                          \
                RELEASE;                                                                                               \
            }                                                                                                          \
    }

PAIR(libc, malloc(BYTES), free(p))
PAIR(jemalloc, jem_malloc(BYTES), jem_free(p))
PAIR(jemalloc_sized, jem_malloc(BYTES), jem_sdallocx(p, BYTES, 0))
PAIR(mimalloc, mi.alloc(BYTES), mi.release(p))
PAIR(tcmalloc, tc.alloc(BYTES), tc.release(p))
PAIR(tcmalloc_sized, tc.alloc(BYTES), tc.release_sized(p, BYTES))

static void pair_midden(struct bench_run *run, const struct allocator *a)
{
    struct mid_pool *pool = a->pool();
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            uint64_t *p = mid_pool_alloc(pool, BYTES);
            *p = n;
            work_keep(p);
            mid_pool_release_sized(pool, p, BYTES);
        }
}

/* As <midden/cache.h> says that who takes and releases at a high rate does it. */
static void pair_midden_cache(struct bench_run *run, const struct allocator *a)
{
    struct mid_cache *cache = mid_pool_cache(a->pool());
    if (cache == NULL) {
        bench_fail(run, "the thread has no cache");
        return;
    }
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            uint64_t *p = mid_cache_alloc(cache, BYTES);
            *p = n;
            work_keep(p);
            mid_cache_release(cache, p, BYTES);
        }
}

void pool_direct(struct bench_run *run, const struct allocator *a, const struct pool_workload *w)
{
    static const struct {
        const char *name;
        void (*body)(struct bench_run *run, const struct allocator *a);
    } known[] = {{"midden", pair_midden},     {"midden-cache", pair_midden_cache},
                 {"libc", pair_libc},         {"jemalloc", pair_jemalloc},
                 {"mimalloc", pair_mimalloc}, {"tcmalloc", pair_tcmalloc}, {"jemalloc-sized", pair_jemalloc_sized},
                 {"tcmalloc-sized", pair_tcmalloc_sized}};
    (void)w;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, a->name) == 0) {
            known[i].body(run, a);
            return;
        }
    pool_pair(run, a, w);
}
