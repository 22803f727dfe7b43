/* SPDX-License-Identifier: MIT
 *
 * cases.c: joins workloads and subjects to the cases that main.c runs.
 */
#include "cases.h"

#include "dump_cases.h"
#include "heap_work.h"
#include "limits.h"
#include "path_cases.h"
#include "pool_work.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_ALLOCATORS = 16, MOST_CASES = 2048, NAME_BYTES = 96 };

struct pool_case {
    const struct pool_workload *workload;
    const struct allocator *allocator;
    char name[NAME_BYTES];
};

static void play_pool(struct bench_run *run, const void *arg)
{
    const struct pool_case *c = arg;
    if (c->allocator->trim != NULL && !(c->workload->flags & POOL_START)) /* what the case before left is not this one's to give back */
        c->allocator->trim();
    c->workload->body(run, c->allocator, c->workload);
}

static void *space(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (p == NULL) {
        fputs("bench: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

static bool wanted(const struct pool_workload *w, const struct allocator *a, bool full)
{
    if (a->floor && (w->flags & POOL_NOFLOOR))
        return false;
    return full || ((w->flags & POOL_QUICK) && !a->variant);
}

static struct bench_case join(struct pool_case *p, const struct pool_workload *w, const struct allocator *a)
{
    *p = (struct pool_case){.workload = w, .allocator = a};
    snprintf(p->name, sizeof p->name, "pool/%s/%s", w->name, a->name);
    return (struct bench_case){.name = p->name,
                               .title = w->title,
                               .body = play_pool,
                               .arg = p,
                               .threads = w->threads,
                               .wall = (w->flags & POOL_WALL) != 0,
                               .memory_only = (w->flags & POOL_MEMORY) != 0,
                               .timed_only = a->floor,
                               .isolated = (w->flags & POOL_START) != 0,
                               .alone_counts = (w->flags & POOL_WHOLE) != 0,
                               .iterations = w->flags & (POOL_WHOLE | POOL_START) ? w->alone : 0,
                               .alone_iterations = w->alone};
}

static size_t add_pool(struct bench_case *cases, bool full)
{
    const struct allocator *ready[MOST_ALLOCATORS];
    const struct pool_workload *traces[MOST_TRACES];
    size_t subjects = allocators_ready(ready, MOST_ALLOCATORS), n = 0;
    size_t workloads = pool_workload_count + pool_traces(traces, MOST_TRACES);
    struct pool_case *pairs = space(workloads * subjects, sizeof *pairs);
    for (size_t i = 0; i < workloads; i++)
        for (size_t k = 0; k < subjects; k++) {
            const struct pool_workload *w =
                i < pool_workload_count ? &pool_workloads[i] : traces[i - pool_workload_count];
            if (wanted(w, ready[k], full)) {
                cases[n] = join(&pairs[n], w, ready[k]);
                n++;
            }
        }
    return n;
}

size_t cases_make(struct bench_case **cases, bool full)
{
    *cases = space(MOST_CASES, sizeof **cases);
    size_t n = limits_add(*cases, MOST_CASES);
    n += add_pool(*cases + n, full);
    n += heap_cases_add(*cases + n, MOST_CASES - n, full);
    n += path_cases_add(*cases + n, MOST_CASES - n, full);
    return n + dump_cases_add(*cases + n, MOST_CASES - n, full);
}

static void say(void *user, const char *name, const char *why)
{
    (void)user;
    fprintf(stderr, "bench: %s is left out: %s\n", name, why);
}

void cases_say_absent(void)
{
    allocators_absent(say, NULL);
    heap_absent(say, NULL);
    dump_absent(say, NULL);
}
