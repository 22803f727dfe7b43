/* SPDX-License-Identifier: MIT
 *
 * path_cases.c: what one object costs on each fast path of the heap, of the snapshot writer and of the reader, with as
 * little around it as can be: for instruction counts (`make bench-gate`), which tell a change of one per cent where a clock
 * does not, and where a workload's count would blur what has changed.
 *
 *     new          an object of two references and two words born and dropped, nursery turns included
 *     store        a young reference into a young object: the inlined half of the barrier
 *     store-old    an old reference into an old object
 *     remember     a young reference into an old object, for the first time: the other half, and the entry scavenged
 *     scavenge     a young object copied, and a second time promoted
 *     mark         a live object in a full collection
 *     write        an object in a snapshot
 *     read         a node of such a file, up to retained sizes and distances
 *
 * The last four do whole collections or files of OBJECTS objects, and as many of them as fit into the operations asked for:
 * counts are exact where these are a multiple of OBJECTS.
 */
#include "path_cases.h"

#include "heap_support.h"
#include "work.h"

#include <midden/internal/graph.h>
#include <midden/snapshot.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { OBJECTS = 10000 };

struct cell {
    struct mid_ref left, right;
    uint64_t payload[2];
};

struct path_heap {
    struct mid_heap *heap;
    struct mid_type cell;
    struct mid_slot all; /* OBJECTS cells in a table; each refers to the one before */
};

/* False after bench_fail. */
static bool begin(struct path_heap *p, struct bench_run *run)
{
    p->heap = heap_begin(run);
    if (p->heap == NULL)
        return false;
    struct mid_type table = heap_type(p->heap, "Table", 0, 0, MID_TAIL_REFS);
    p->cell = heap_type(p->heap, "Cell", sizeof(struct cell), 2, MID_TAIL_NONE);
    p->all = mid_local(p->heap, mid_new_array(p->heap, table, OBJECTS));
    for (uint32_t i = 0; i < OBJECTS && !mid_is_null(mid_get(p->all)); i++) {
        struct mid_ref fresh = mid_new(p->heap, p->cell);
        if (mid_is_null(fresh))
            break;
        if (i != 0)
            mid_init_field(&((struct cell *)mid_data(fresh))->left, mid_array_get(mid_get(p->all), i - 1));
        mid_array_set(p->heap, mid_get(p->all), i, fresh);
    }
    if (mid_is_null(mid_get(p->all)) || mid_is_null(mid_array_get(mid_get(p->all), OBJECTS - 1)) ||
        mid_heap_collect(p->heap, MID_COLLECT_FULL, NULL) != MID_OK) {
        bench_fail(run, "the heap cannot be filled");
        mid_heap_destroy(p->heap);
        return false;
    }
    return true;
}

static struct mid_ref old_cell(const struct path_heap *p, uint64_t i)
{
    return mid_array_get(mid_get(p->all), i % OBJECTS);
}

static void store_left(struct path_heap *p, struct mid_ref holder, struct mid_ref value)
{
    mid_store(p->heap, holder, &((struct cell *)mid_data(holder))->left, value);
}

static void play_new(struct bench_run *run, const void *arg)
{
    struct path_heap p;
    (void)arg;
    if (!begin(&p, run))
        return;
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            struct mid_ref fresh = mid_new(p.heap, p.cell);
            work_keep(fresh.object);
        }
    mid_heap_destroy(p.heap);
}

/* `arg` not NULL: old into old; else young into young. */
static void play_store(struct bench_run *run, const void *arg)
{
    struct path_heap p;
    if (!begin(&p, run))
        return;
    struct mid_ref value = arg != NULL ? old_cell(&p, 1) : mid_new(p.heap, p.cell);
    struct mid_slot kept = mid_local(p.heap, value);
    struct mid_ref holder = arg != NULL ? old_cell(&p, 2) : mid_new(p.heap, p.cell);
    value = mid_get(kept);
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            store_left(&p, holder, value);
            work_keep(holder.object);
        }
    mid_heap_destroy(p.heap);
}

static void play_remember(struct bench_run *run, const void *arg)
{
    struct path_heap p;
    (void)arg;
    if (!begin(&p, run))
        return;
    struct mid_slot young = mid_local(p.heap, mid_null());
    for (uint64_t n; (n = bench_count(run)) != 0;)
        for (uint64_t i = 0; i < n; i++) {
            if (i % OBJECTS == 0) { /* the scavenge that empties the set: its object is promoted at the second */
                mid_heap_collect(p.heap, MID_COLLECT_SCAVENGE, NULL);
                mid_heap_collect(p.heap, MID_COLLECT_SCAVENGE, NULL);
                mid_set(young, mid_new(p.heap, p.cell));
            }
            store_left(&p, old_cell(&p, i), mid_get(young));
        }
    mid_heap_destroy(p.heap);
}

static void play_scavenge(struct bench_run *run, const void *arg)
{
    struct path_heap p;
    (void)arg;
    if (!begin(&p, run))
        return;
    for (uint64_t n; (n = bench_count(run)) != 0;)
        for (uint64_t done = 0; done + OBJECTS <= n; done += OBJECTS) {
            struct mid_scope scope;
            mid_scope_begin(p.heap, &scope);
            struct mid_slot list = mid_local(p.heap, mid_null());
            for (uint32_t i = 0; i < OBJECTS; i++) {
                struct mid_ref fresh = mid_new(p.heap, p.cell);
                mid_init_field(&((struct cell *)mid_data(fresh))->left, mid_get(list));
                mid_set(list, fresh);
            }
            mid_heap_collect(p.heap, MID_COLLECT_SCAVENGE, NULL);
            mid_heap_collect(p.heap, MID_COLLECT_SCAVENGE, NULL);
            mid_scope_end(p.heap, &scope);
        }
    mid_heap_destroy(p.heap);
}

static void play_mark(struct bench_run *run, const void *arg)
{
    struct path_heap p;
    (void)arg;
    if (!begin(&p, run))
        return;
    for (uint64_t n; (n = bench_count(run)) != 0;)
        for (uint64_t done = 0; done + OBJECTS <= n; done += OBJECTS)
            mid_heap_collect(p.heap, MID_COLLECT_FULL, NULL);
    mid_heap_destroy(p.heap);
}

/* ---- snapshots */

static enum mid_status write_to(struct mid_heap *heap, const char *path)
{
    struct mid_snapshot_options options;
    mid_snapshot_options_init(&options);
    options.flags = MID_SNAPSHOT_NO_SYNC;
    return mid_heap_write_snapshot(heap, path, &options);
}

static void play_write(struct bench_run *run, const void *arg)
{
    struct path_heap p;
    char path[512] = "";
    enum mid_status status = MID_OK;
    (void)arg;
    if (!begin(&p, run))
        return;
    if (!work_temporary_file(path, sizeof path))
        bench_fail(run, "no temporary file");
    else
        for (uint64_t n; (n = bench_count(run)) != 0;)
            for (uint64_t done = 0; done + OBJECTS <= n && status == MID_OK; done += OBJECTS)
                status = write_to(p.heap, path);
    unlink(path);
    if (status != MID_OK)
        bench_fail(run, mid_status_name(status));
    mid_heap_destroy(p.heap);
}

static void play_read(struct bench_run *run, const void *arg)
{
    struct path_heap p;
    char path[512] = "";
    struct mid__graph_error error;
    (void)arg;
    if (!begin(&p, run))
        return;
    enum mid_status status = work_temporary_file(path, sizeof path) ? write_to(p.heap, path) : MID_E_IO;
    mid_heap_destroy(p.heap);
    if (status != MID_OK) {
        bench_fail(run, mid_status_name(status));
        unlink(path);
        return;
    }
    for (uint64_t n; (n = bench_count(run)) != 0;)
        for (uint64_t done = 0; done + OBJECTS <= n && status == MID_OK; done += OBJECTS) {
            struct mid__graph *graph = NULL;
            status = mid__graph_load(path, NULL, &graph, &error);
            if (status == MID_OK)
                status = mid__graph_analyze(graph, MID__PARTS_FIGURES, &error);
            mid__graph_free(graph);
        }
    if (status != MID_OK)
        bench_fail(run, mid_status_name(status));
    unlink(path);
}

/* ---- the cases */

size_t path_cases_add(struct bench_case *cases, size_t capacity, bool full)
{
    static const int old = 1;
    const struct bench_case all[] = {
        {.name = "path/new/midden", .title = "an object of 40 B born and dropped", .body = play_new},
        {.name = "path/store/midden", .title = "a reference stored into a young object", .body = play_store},
        {.name = "path/store-old/midden", .title = "an old reference stored into an old object", .body = play_store, .arg = &old},
        {.name = "path/remember/midden", .title = "a young reference stored into an old object, the first time", .body = play_remember},
        {.name = "path/scavenge/midden", .title = "an object born, copied and promoted", .body = play_scavenge},
        {.name = "path/mark/midden", .title = "a live object in a full collection", .body = play_mark},
        {.name = "path/write/midden", .title = "an object in a snapshot", .body = play_write},
        {.name = "path/read/midden", .title = "a node read, with sizes and distance", .body = play_read},
    };
    size_t n = 0;
    for (; full && n < sizeof all / sizeof all[0] && n < capacity; n++) {
        cases[n] = all[n];
        cases[n].alone_iterations = 5 * OBJECTS;
        cases[n].iterations = 50 * OBJECTS;
        cases[n].timed_only = true;
    }
    return n;
}
