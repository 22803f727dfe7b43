/* SPDX-License-Identifier: MIT
 *
 * dump_cases.c: a heap of `size` objects is written as a .heapsnapshot, and such a file is read.
 *
 *     table --> record { other record, name } --> name (a string of 20 bytes)       size / 2 of each
 *
 * write   from the call to the finished file, without waiting for the disk: the program stands still so long. Peak memory
 *         is what that takes beyond the heap. Node writes a heap of the same records with v8.writeHeapSnapshot.
 * read    the file that midden wrote, from opening it to retained sizes and distances of all nodes. The floor reads its
 *         bytes and does nothing with them.
 *
 * Every repetition has a process of its own, and its file lies in $TMPDIR or /tmp until it ends.
 */
#include "dump_cases.h"

#include "heap_support.h"
#include "heap_work.h"
#include "runtimes.h"
#include "work.h"

#include <midden/internal/graph.h>
#include <midden/snapshot.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_BYTES = 20, BUFFER_BYTES = 256 * 1024 };

struct record {
    struct mid_ref other, name;
};

struct dump_workload {
    uint32_t size;
    bool quick;
    const char *title_write, *title_read;
};

static const struct dump_workload workloads[] = {
    {200000, true, "a heap of 200,000 objects written as a snapshot", "the same file read, with all sizes and distances"},
    {2000000, false, "2 M objects written as a snapshot", "the same file read, with all sizes and distances"},
};
enum { WORKLOADS = sizeof workloads / sizeof workloads[0] };

/* ---- the heap */

static bool fill(struct mid_heap *heap, uint32_t records)
{
    struct mid_type table = heap_type(heap, "Table", 0, 0, MID_TAIL_REFS);
    struct mid_type type = heap_type(heap, "Record", sizeof(struct record), 2, MID_TAIL_NONE);
    struct mid_type text = heap_type(heap, "Name", 0, 0, MID_TAIL_BYTES);
    struct mid_slot all = mid_local(heap, mid_new_array(heap, table, records));
    uint64_t random = 0x2545f4914f6cdd1du;
    for (uint32_t i = 0; i < records && !mid_is_null(mid_get(all)); i++) {
        struct mid_scope scope;
        char name_text[NAME_BYTES + 1];
        snprintf(name_text, sizeof name_text, "record %013u", i);
        mid_scope_begin(heap, &scope);
        struct mid_slot name = mid_local(heap, mid_new_string(heap, text, name_text, NAME_BYTES));
        struct mid_ref r = mid_new(heap, type);
        if (mid_is_null(r) || mid_is_null(mid_get(name)))
            return false;
        mid_init_field(&((struct record *)mid_data(r))->name, mid_get(name));
        if (i != 0)
            mid_init_field(&((struct record *)mid_data(r))->other,
                           mid_array_get(mid_get(all), work_below(&random, i)));
        mid_array_set(heap, mid_get(all), i, r);
        mid_scope_end(heap, &scope);
    }
    return !mid_is_null(mid_get(all)) && mid_heap_collect(heap, MID_COLLECT_FULL, NULL) == MID_OK;
}

static enum mid_status write_heap(struct mid_heap *heap, const char *path, struct mid_snapshot_figures *figures)
{
    struct mid_snapshot_options options;
    mid_snapshot_options_init(&options);
    options.flags = MID_SNAPSHOT_NO_SYNC;
    options.figures = figures;
    *figures = (struct mid_snapshot_figures){.struct_size = sizeof *figures};
    return mid_heap_write_snapshot(heap, path, &options);
}

/* ---- write */

static void play_write(struct bench_run *run, const void *arg)
{
    const struct dump_workload *w = arg;
    char path[512] = "";
    struct mid_snapshot_figures figures = {.file_bytes = 0};
    struct mid_heap *heap = heap_begin(run);
    if (heap == NULL)
        return;
    if (!fill(heap, w->size / 2) || !work_temporary_file(path, sizeof path)) {
        bench_fail(run, "no heap, or no temporary file");
        return;
    }
    enum mid_status status = MID_OK;
    bench_memory_mark(run);
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0 && status == MID_OK)
            status = write_heap(heap, path, &figures);
    unlink(path);
    if (status != MID_OK)
        bench_fail(run, mid_status_name(status));
    bench_counter(run, "file_bytes", (double)figures.file_bytes);
    mid_heap_destroy(heap);
}

/* ---- read */

/* Writes the file that is to be read; false after bench_fail. */
static bool make_file(struct bench_run *run, const struct dump_workload *w, char *path, size_t capacity)
{
    struct mid_snapshot_figures figures;
    struct mid_heap *heap = heap_begin(run);
    if (heap == NULL)
        return false;
    bool ok = fill(heap, w->size / 2) && work_temporary_file(path, capacity) && write_heap(heap, path, &figures) == MID_OK;
    mid_heap_destroy(heap);
    if (!ok)
        bench_fail(run, "no heap, or no temporary file");
    else
        bench_counter(run, "file_bytes", (double)figures.file_bytes);
    return ok;
}

static void play_read(struct bench_run *run, const void *arg)
{
    const struct dump_workload *w = arg;
    char path[512] = "";
    struct mid__graph *graph = NULL;
    struct mid__graph_error error;
    if (!make_file(run, w, path, sizeof path))
        return;
    enum mid_status status = MID_OK;
    bench_memory_mark(run);
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0 && status == MID_OK) {
            mid__graph_free(graph);
            status = mid__graph_load(path, NULL, &graph, &error);
            if (status == MID_OK)
                status = mid__graph_analyze(graph, MID__PARTS_FIGURES, &error);
        }
    if (status != MID_OK)
        bench_fail(run, mid_status_name(status));
    else if (graph->node_count < w->size)
        bench_fail(run, "the snapshot lacks objects");
    mid__graph_free(graph);
    unlink(path);
}

/* The readers of others, in JavaScript. npm fetches them into the build tree, beside this program, when someone asks for it. */
static struct foreign {
    const char *name;
    const char *kept;    /* below build/MODE: the directory that the script is told */
    const char *witness; /* below that: what is there once it has been fetched */
    const char *script, *fetch;
    char directory[1200]; /* "": not there */
} foreign[] = {
    {"devtools", "/tests/devtools/judge", "/devtools-heap.mjs", NODE_SCRIPTS "/read.mjs",
     "`DEVTOOLS=1 make test-devtools` fetches it", ""},
    {"memlab", "/bench/memlab", "/installed", NODE_SCRIPTS "/read-memlab.mjs", "`make bench-memlab` fetches it", ""},
};
enum { FOREIGN = sizeof foreign / sizeof foreign[0] };

static void find_foreign(struct foreign *f)
{
    char program[1000], witness[1300];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    f->directory[0] = '\0';
    if (length <= 0 || !runtime_ready(RUNTIME_NODE) || access(f->script, R_OK) != 0)
        return;
    program[length] = '\0';
    for (int up = 0; up < 2; up++) /* MODE/bench/bench */
        *strrchr(program, '/') = '\0';
    snprintf(f->directory, sizeof f->directory, "%s%s", program, f->kept);
    snprintf(witness, sizeof witness, "%s%s", f->directory, f->witness);
    if (access(witness, R_OK) != 0)
        f->directory[0] = '\0';
}

void dump_absent(void (*say)(void *user, const char *name, const char *why), void *user)
{
    for (int i = 0; i < FOREIGN; i++) {
        find_foreign(&foreign[i]);
        if (foreign[i].directory[0] == '\0' && runtime_ready(RUNTIME_NODE))
            say(user, foreign[i].name, foreign[i].fetch);
    }
}

/* A process for each reading, with as many threads as it has at home. By the wall clock, start-up of Node included; what the
 * reader took itself is a counter, and the peak is all that its process takes. */
static void read_foreign(struct bench_run *run, const struct dump_workload *w, const struct foreign *f)
{
    char path[512] = "", command[2400];
    double own_ns = 0, nodes = 0, peak = 0;
    if (!make_file(run, w, path, sizeof path))
        return;
    snprintf(command, sizeof command, "node --max-old-space-size=8000 '%s' '%s' '%s'", f->script, f->directory, path);
    bench_memory_mark(run);
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            FILE *in = popen(command, "r");
            if (in == NULL || fscanf(in, "%lf %lf %lf", &own_ns, &nodes, &peak) != 3)
                nodes = 0;
            if (in != NULL)
                pclose(in);
        }
    unlink(path);
    if (nodes < w->size)
        bench_fail(run, "it does not read the snapshot");
    bench_counter(run, "reader_own_ns", own_ns);
    bench_memory_peak(run, peak);
}

static void play_read_devtools(struct bench_run *run, const void *arg)
{
    read_foreign(run, arg, &foreign[0]);
}

static void play_read_memlab(struct bench_run *run, const void *arg)
{
    read_foreign(run, arg, &foreign[1]);
}

static void play_read_floor(struct bench_run *run, const void *arg)
{
    char path[512] = "", *buffer = work_map(BUFFER_BYTES);
    if (!make_file(run, arg, path, sizeof path))
        return;
    bench_memory_mark(run);
    for (uint64_t n; (n = bench_count(run)) != 0;)
        while (n-- != 0) {
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            while (read(fd, buffer, BUFFER_BYTES) > 0)
                work_keep(buffer);
            close(fd);
        }
    work_unmap(buffer, BUFFER_BYTES);
    unlink(path);
}

/* ---- the cases */

static const struct form {
    const char *name;
    void (*body)(struct bench_run *, const void *); /* NULL: a script of its own under Node */
    const struct foreign *foreign;                  /* whose reader it is */
} forms[] = {
    {"dump/write-%uk/midden", play_write, NULL},
    {"dump/write-%uk/node", NULL, NULL},
    {"dump/read-%uk/midden", play_read, NULL},
    {"dump/read-%uk/devtools", play_read_devtools, &foreign[0]},
    {"dump/read-%uk/memlab", play_read_memlab, &foreign[1]},
    {"dump/read-%uk/floor", play_read_floor, NULL},
};
enum { FORMS = sizeof forms / sizeof forms[0] };

static bool is_there(const struct form *form)
{
    return form->foreign != NULL ? form->foreign->directory[0] != '\0' : form->body != NULL || runtime_ready(RUNTIME_NODE);
}

size_t dump_cases_add(struct bench_case *cases, size_t capacity, bool full)
{
    static char names[WORKLOADS][FORMS][64], sizes[WORKLOADS][16];
    static const char *node[WORKLOADS][6];
    size_t n = 0;
    for (int i = 0; i < FOREIGN; i++)
        find_foreign(&foreign[i]);
    for (size_t i = 0; i < WORKLOADS; i++) {
        const struct dump_workload *w = &workloads[i];
        if ((!full && !w->quick) || n + FORMS > capacity)
            continue;
        snprintf(sizes[i], sizeof sizes[i], "%u", w->size);
        const char *command[6] = {"node", "--single-threaded-gc", NODE_SCRIPTS "/write.js", sizes[i], NULL, NULL};
        memcpy(node[i], command, sizeof command);
        for (int k = 0; k < FORMS; k++) {
            if (!is_there(&forms[k]))
                continue;
            snprintf(names[i][k], sizeof names[i][k], forms[k].name, w->size / 1000);
            cases[n++] = (struct bench_case){.name = names[i][k],
                                             .title = k < 2 ? w->title_write : w->title_read,
                                             .body = forms[k].body,
                                             .arg = w,
                                             .command = forms[k].body == NULL ? node[i] : NULL,
                                             .isolated = true,
                                             .wall = forms[k].foreign != NULL,
                                             .iterations = 1,
                                             .alone_iterations = 1};
        }
    }
    return n;
}
