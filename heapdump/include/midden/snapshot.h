/* SPDX-License-Identifier: MIT
 *
 * <midden/snapshot.h>: writes a graph of objects as a `.heapsnapshot` file, which `midden`, Chrome DevTools and memlab
 * open. The graph comes from a *source*: a few callbacks that any runtime with a heap can supply. midden's own heap is
 * one such source, wrapped by mid_heap_write_snapshot.
 *
 * The writer streams. It walks the graph a fixed number of times, and holds one output buffer and one bounded table of
 * names; memory does not grow with the number of objects. It never recurses. While it runs, the graph must stand still.
 *
 *     #include <midden/snapshot.h>
 *
 *     struct mid_snapshot_options o;
 *     mid_snapshot_options_init(&o);
 *     enum mid_status s = mid_heap_write_snapshot(heap, "app.heapsnapshot", &o);
 *     if (s == MID_E_IO)
 *         perror("app.heapsnapshot");
 */
#ifndef MIDDEN_SNAPSHOT_H
#define MIDDEN_SNAPSHOT_H

#include <midden/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a node is. The values are those of V8. A viewer shows nodes of type OBJECT and NATIVE under their own name, all
 * others under the name of their type. */
enum mid_snapshot_node_type {
    MID_SNAPSHOT_HIDDEN = 0,
    MID_SNAPSHOT_ARRAY = 1,
    MID_SNAPSHOT_STRING = 2,
    MID_SNAPSHOT_OBJECT = 3,
    MID_SNAPSHOT_CODE = 4,
    MID_SNAPSHOT_CLOSURE = 5,
    MID_SNAPSHOT_REGEXP = 6,
    MID_SNAPSHOT_NUMBER = 7,
    MID_SNAPSHOT_NATIVE = 8, /* memory outside the heap: a buffer's bytes, a slab */
    MID_SNAPSHOT_SYNTHETIC = 9,
    MID_SNAPSHOT_CONCATENATED_STRING = 10,
    MID_SNAPSHOT_SLICED_STRING = 11,
    MID_SNAPSHOT_SYMBOL = 12,
    MID_SNAPSHOT_BIGINT = 13,
    MID_SNAPSHOT_OBJECT_SHAPE = 14
};

/* What an edge is. The values are those of V8. ELEMENT and HIDDEN edges have an index, all others a name. A WEAK edge
 * keeps nothing alive; a SHORTCUT counts only where it starts at the root, which the writer itself sees to. */
enum mid_snapshot_edge_type {
    MID_SNAPSHOT_EDGE_CONTEXT = 0,
    MID_SNAPSHOT_EDGE_ELEMENT = 1,
    MID_SNAPSHOT_EDGE_PROPERTY = 2,
    MID_SNAPSHOT_EDGE_INTERNAL = 3,
    MID_SNAPSHOT_EDGE_HIDDEN = 4,
    MID_SNAPSHOT_EDGE_SHORTCUT = 5,
    MID_SNAPSHOT_EDGE_WEAK = 6
};

/* A name: UTF-8, not terminated. It may be NULL where `bytes` is 0. Bytes that are not UTF-8 are written as U+FFFD,
 * and what is beyond the first 1,024 UTF-16 units is cut off. **The bytes must stay where and as they are until the
 * write returns**: the writer keeps the pointer and makes no copy (but see name_is_passing). */
struct mid_snapshot_text {
    const char *text;
    size_t bytes;
};

/* Ids below this one belong to the writer: the root is 1, (GC roots) 3, the kinds of roots 5, 7, 9 and so on. */
#define MID_SNAPSHOT_FIRST_ID 257

/* At most so many kinds of roots. */
#define MID_SNAPSHOT_GROUPS_MAX 126

/* One node of the graph. */
struct mid_snapshot_node {
    enum mid_snapshot_node_type type;
    uint64_t id;         /* at least MID_SNAPSHOT_FIRST_ID, unique in the snapshot, and the same for the same object in
                            every snapshot of a process, or comparisons mean nothing. By convention odd for objects of
                            the heap and even for native memory. DevTools reads 32 bits. */
    uint64_t self_bytes; /* DevTools reads 32 bits; midden and the file hold all 64 */
    uint64_t edge_count; /* how many edges the walk of edges will give for this node */
    struct mid_snapshot_text name;
    int name_is_passing; /* not 0: the bytes of the name are good for the time of the put alone (it was made for it) */
    uint32_t site;       /* where it was allocated: 1 + the index of a site of the source; 0: not known */
};

/* A function of the program, as allocation sites name it. Lines and columns count from 1; 0: not known. */
struct mid_snapshot_function {
    struct mid_snapshot_text name, script;
    uint64_t script_id; /* 0 where scripts have no numbers */
    uint32_t line, column;
};

/* A node of the tree of calls that allocated: a stack is a site with all above it. `count` and `bytes` are of the objects
 * allocated by this very stack, those that are gone included. */
struct mid_snapshot_site {
    size_t parent;   /* 1 + the index of a site before this one; 0: an outermost call */
    size_t function; /* index of a function of the source */
    uint64_t count, bytes;
};

/* One edge. `target` is the number of a node: nodes are numbered from 0 in the order in which the source gives them. */
struct mid_snapshot_edge {
    enum mid_snapshot_edge_type type;
    uint64_t target;
    uint64_t index;                /* of ELEMENT and HIDDEN edges */
    struct mid_snapshot_text name; /* of all others */
    int name_is_passing;           /* as of a node */
};

/* A root is a *global* when the program itself named it as a place where its own data begins (a persistent handle with
 * a label). Viewers measure distances and fold sizes from globals: a snapshot should have at least one. */
#define MID_SNAPSHOT_ROOT_GLOBAL 1u
/* The root does not keep its target alive. It cannot be a global as well. */
#define MID_SNAPSHOT_ROOT_WEAK 2u

/* One root: a reference from outside into the graph. */
struct mid_snapshot_root {
    uint64_t target;
    unsigned flags;                /* 0, MID_SNAPSHOT_ROOT_GLOBAL or MID_SNAPSHOT_ROOT_WEAK */
    struct mid_snapshot_text name; /* shown on the edge; empty: the edge is numbered */
};

/* Where a source puts what it walks. It belongs to the writer and lives for the time of a callback. */
struct mid_snapshot_sink;

/* Each takes one finding, or a run of them. MID_OK, or what went wrong: the callback should then return this status at
 * once. Whatever it returns, nothing more is written, and the write fails with the first failure. They never collect.
 *
 * MID_E_INVALID when the finding breaks the contract: a put in the wrong callback, an unknown type or flag, an id
 * below MID_SNAPSHOT_FIRST_ID, a target that is no node, more nodes or edges than were counted.
 *
 * put_edges gives edges of the node number `from`, in one call or several; `from` never goes down. An edge run of
 * length 0 is allowed, and nodes without edges may be passed over. */
MID_API enum mid_status mid_snapshot_put_root(struct mid_snapshot_sink *sink, const struct mid_snapshot_root *root);
MID_API enum mid_status mid_snapshot_put_node(struct mid_snapshot_sink *sink, const struct mid_snapshot_node *node);
MID_API enum mid_status mid_snapshot_put_edges(struct mid_snapshot_sink *sink, uint64_t from,
                                               const struct mid_snapshot_edge *edges, size_t count);

/* 1 in a walk that is made for the names alone: then of nodes only type and name are looked at. A source may save itself
 * the rest. 0 in all others. */
MID_API int mid_snapshot_names_only(const struct mid_snapshot_sink *sink);

/* A graph. Each callback walks one part of it and puts all of it into the sink. The walks are repeated (nodes once to
 * count unless the counts are given, once to write; once more when their names did not fit the table, and edges likewise), and
 * **every walk must give the same findings in the same order**; a source that does not is found out and fails with
 * MID_E_INVALID, and no file is left. A callback returns MID_OK, or a status that ends the write and is handed on.
 *
 * Callbacks run on the thread that called the writer. */
struct mid_snapshot_source {
    size_t struct_size; /* sizeof(struct mid_snapshot_source) */
    void *user;         /* handed to every callback */

    /* The kinds of roots: names such as "(Handle scopes)", terminated. At most MID_SNAPSHOT_GROUPS_MAX. The order must
     * be the same in every snapshot of a process: it makes the ids. */
    const char *const *group_names;
    size_t group_count;

    /* How many nodes and edges the walks give, where the source knows; 0 nodes: the writer walks the nodes once more
     * and counts. */
    uint64_t node_count;
    uint64_t edge_count;

    /* Memory that the program holds for its objects and that no node shows; viewers add it to the total. 0: none. */
    uint64_t extra_native_bytes;

    /* Where nodes were allocated, as V8 writes it when it tracks allocations; site_count 0: not known. `sample_bytes` not 0: one
     * object in so many bytes has its site, with exponential distances; viewers that know scale by it. */
    const struct mid_snapshot_function *functions;
    size_t function_count;
    const struct mid_snapshot_site *sites;
    size_t site_count;
    uint64_t sample_bytes;

    /* Puts the roots of one kind. NULL only where group_count is 0. */
    enum mid_status (*roots)(void *user, size_t group, struct mid_snapshot_sink *sink);
    enum mid_status (*nodes)(void *user, struct mid_snapshot_sink *sink);
    /* Puts the edges of all nodes, grouped by node, in the order of the nodes. */
    enum mid_status (*edges)(void *user, struct mid_snapshot_sink *sink);
};

/* What a finished snapshot holds. Nodes and edges include the synthetic ones that the writer adds. */
struct mid_snapshot_figures {
    size_t struct_size; /* set by the caller: sizeof(struct mid_snapshot_figures) */
    uint64_t nodes, edges, strings;
    uint64_t file_bytes;
    uint64_t self_bytes;  /* the sum of all nodes: the total that a viewer shows */
    size_t memory_bytes;  /* what the writer itself had allocated in the end */
};

/* Leaves out fsync: the file may be lost when the machine (not the process) fails soon after. For files only. */
#define MID_SNAPSHOT_NO_SYNC 1u
/* Shows a heap as it is: without the full collection that otherwise comes first, and so with dead objects that no
 * collection has found yet. For heaps only. */
#define MID_SNAPSHOT_NO_COLLECT 2u
/* For a path in a directory that others can write to, such as /tmp: a symbolic link that stands there is replaced and not
 * followed, and what is neither link nor regular file is refused (MID_E_IO, EEXIST). For files only. */
#define MID_SNAPSHOT_NO_FOLLOW 4u

struct mid_snapshot_options {
    size_t struct_size; /* sizeof(struct mid_snapshot_options) */
    unsigned flags;     /* bits above; an unknown bit is MID_E_INVALID */
    /* Bytes of the output buffer, 4 KiB to 1 GiB; 0 means 256 KiB. */
    size_t buffer_bytes;
    /* How many different names are known by heart, 16 to 2^28; 0 means 65,536. Beyond it a repeated name is written
     * again (the file grows, and names are walked twice). An entry takes some 32 bytes, and the name itself where it is
     * a passing one; half of them are kept for names that are neither passing nor the contents of strings. */
    size_t distinct_names;
    /* Filled when the write succeeds, and left alone otherwise; may be NULL. */
    struct mid_snapshot_figures *figures;
};

/* Fills in the defaults. */
MID_API void mid_snapshot_options_init(struct mid_snapshot_options *options);

/* Writes `source` to the file `path`: whole, or not at all. The snapshot goes to a file of its own in the same
 * directory, readable by its owner alone (mode 0600), is synced, and takes the name `path` in the end, in one step;
 * what stood there before is untouched until then. A symbolic link is followed. A path that names something that
 * exists and is no regular file (a pipe, /dev/stdout) is written to directly.
 *
 * `options` may be NULL: the defaults. Returns MID_OK; MID_E_INVALID (an argument, or a source that breaks its contract);
 * MID_E_MEMORY; MID_E_IO, with the cause in errno; or what a callback returned. On any failure nothing is left behind.
 * A process that is killed leaves nothing either where the file system has unnamed temporary files (O_TMPFILE), else
 * one file "path.XXXXXX".
 *
 * Any thread; never collects. Cost: each edge and node is formatted once. */
MID_API enum mid_status mid_snapshot_write_file(const char *path, const struct mid_snapshot_source *source,
                                                const struct mid_snapshot_options *options);

/* Takes up to `bytes` bytes (never 0) and returns how many it took, as write(2) does: at least 1, or -1 with the cause
 * in errno. A short count is no error: the rest comes again. EINTR is not retried: the callback does that. */
typedef ptrdiff_t (*mid_snapshot_write_fn)(void *user, const void *data, size_t bytes);

/* Writes `source` through a callback: into a socket, a compressor, a test. The same bytes as the file would have. When
 * it fails, what the callback has taken so far is no snapshot. Status, thread rule and cost as above; a callback that
 * returns 0 or more than it was given is MID_E_IO with EIO. */
MID_API enum mid_status mid_snapshot_write_stream(mid_snapshot_write_fn write, void *user,
                                                  const struct mid_snapshot_source *source,
                                                  const struct mid_snapshot_options *options);

/* Writes a heap: every object once, its roots by kind, and the blocks and slabs of pools that its buffers hold. What
 * becomes a node and an edge is said at the head of heapdump/adapter/heap_source.c. Labelled persistent handles, and
 * labelled slots of root callbacks, are the globals. Ids are those of mid_object_id.
 *
 * May collect, once, before it begins (finalizers run then); with MID_SNAPSHOT_NO_COLLECT it never collects. Nothing is
 * allocated in the heap and nothing moves while it writes. `figures` do not count the walk's own tables.
 *
 * Called by the heap's mutator. Status as mid_snapshot_write_file, and MID_E_BUSY: called from a callback of the heap, or
 * while a walk is open. */
struct mid_heap;
MID_API enum mid_status mid_heap_write_snapshot(struct mid_heap *heap, const char *path,
                                                const struct mid_snapshot_options *options);

/* The same through a callback, as mid_snapshot_write_stream. The callback must not use the heap. */
MID_API enum mid_status mid_heap_write_snapshot_stream(struct mid_heap *heap, mid_snapshot_write_fn write, void *user,
                                                       const struct mid_snapshot_options *options);

/* ---- in a forked child: the program stands still for the fork alone, and goes on while the child writes
 *
 * The child has the graph as it is at the call. It writes the file as mid_snapshot_write_file does, whole or not at all,
 * also when it is killed. Each page that the program changes meanwhile is copied by the kernel: in the worst case the
 * memory of the process is there twice, until the child is done.
 *
 * In the child no other thread exists, all signals are blocked, and no descriptor but 0, 1 and 2 is open; callbacks of the
 * source, and describe and root callbacks of a heap, run there and must take no lock that another thread may hold. The
 * child outlives the program if that ends first, and still writes the file.
 *
 * Works under ASan and valgrind, and under TSan (which then sees nothing of the child's other threads: it has none). */
struct mid_snapshot_child;

/* Begins; `*child` must be given to mid_snapshot_child_wait in the end. `options` as for mid_snapshot_write_file, and its
 * `figures` must live until the outcome is known. `path` and `source` are free again when it returns.
 *
 * MID_OK: the child is at work. MID_E_INVALID: an argument (what only the writer sees comes from poll and wait).
 * MID_E_MEMORY. MID_E_IO: pipe or fork failed, with errno; nothing was begun, and the caller may write without a fork.
 * Any thread; not from a signal handler. Never collects. */
MID_API enum mid_status mid_snapshot_write_file_forked(const char *path, const struct mid_snapshot_source *source,
                                                       const struct mid_snapshot_options *options,
                                                       struct mid_snapshot_child **child);

/* How it stands: MID_E_BUSY while the child writes, then its status, again and again; MID_E_IO with errno, ECANCELED when
 * the child was killed before it could tell. From then on the child has been waited for. Never blocks. */
MID_API enum mid_status mid_snapshot_child_poll(struct mid_snapshot_child *child);

/* Waits for the child to end, tells its status as poll does, and frees the handle. */
MID_API enum mid_status mid_snapshot_child_wait(struct mid_snapshot_child *child);

/* A descriptor that is readable once the child is done or gone, for poll(2) and event loops; and its process id, to be
 * killed when the answer is not wanted any more. Both belong to the handle. The program gets a SIGCHLD for the child; one
 * that waits for any child (wait(2)) may take its exit status: the outcome is known all the same. */
MID_API int mid_snapshot_child_fd(const struct mid_snapshot_child *child);
MID_API int mid_snapshot_child_pid(const struct mid_snapshot_child *child);

/* A heap, by a child. Objects that have no id yet get theirs before the fork, so that they keep it: the first snapshot of a
 * heap takes longer to begin than the next ones. The full collection that comes first, unless MID_SNAPSHOT_NO_COLLECT, is
 * the program's, too. Status as above, and MID_E_BUSY as for mid_heap_write_snapshot. May collect, before it begins. */
MID_API enum mid_status mid_heap_write_snapshot_forked(struct mid_heap *heap, const char *path,
                                                       const struct mid_snapshot_options *options,
                                                       struct mid_snapshot_child **child);

/* ---- on a signal: `kill -USR2 PID`, and a running program writes a snapshot of its heap
 *
 *     struct mid_snapshot_signal want = {.struct_size = sizeof want, .signo = SIGUSR2, .flags = MID_SNAPSHOT_FORKED,
 *                                        .pattern = "/var/lib/app/app.%p.%n.heapsnapshot"};
 *     enum mid_status s = mid_snapshot_on_signal(heap, &want);
 *
 * The handler sets a flag and no more. The snapshot begins on the heap's own thread, where a call may collect: at the
 * latest when the program has allocated another 16 KiB, collects, or calls mid_heap_run_interrupts (<midden/event.h>). A
 * signal that comes before the last snapshot is done asks for one more, however often it comes. */

/* By a child, so that the program stands still for the fork alone; when fork fails, by the program itself. */
#define MID_SNAPSHOT_FORKED 1u

struct mid_snapshot_signal {
    size_t struct_size; /* sizeof(struct mid_snapshot_signal) */
    int signo;          /* such as SIGUSR2; not one that is blocked, or that the program waits for by sigwait */
    unsigned flags;     /* 0 or MID_SNAPSHOT_FORKED */

    /* Where to. %p is the process id, %n a number of this heap's that counts from 1, %t the time as 20261124T153000Z, %% a
     * percent sign; any other % is MID_E_INVALID. A relative path is taken from the directory of the call. The name is never
     * followed as a symbolic link (MID_SNAPSHOT_NO_FOLLOW); without %n or %t each snapshot replaces the last. Copied. */
    const char *pattern;
    /* NULL: the defaults. Copied; `figures` must be NULL. */
    const struct mid_snapshot_options *options;

    /* Called on the heap's thread when a snapshot is done, with its path, status and errno (of MID_E_IO, else 0); NULL:
     * nobody is told. It may use the heap. A child's end is noticed as a signal is, by allocation, or in
     * mid_heap_run_interrupts. */
    void (*done)(void *user, const char *path, enum mid_status status, int error);
    void *user;
};

/* Asks for it: one signal a heap; several heaps may have the same, and all are written. The handler of the program that was
 * there before is called as well, after ours. MID_OK; MID_E_INVALID: an argument, or the heap has a signal already;
 * MID_E_MEMORY; MID_E_LIMIT as mid_heap_on_interrupt; MID_E_IO: sigaction or getcwd failed, with errno. Called by the heap's
 * mutator. Never collects. */
MID_API enum mid_status mid_snapshot_on_signal(struct mid_heap *heap, const struct mid_snapshot_signal *wanted);

/* Ends it: **before the heap is destroyed**. Waits for a child that is still writing, and tells `done` of it; a signal that
 * has not been served is dropped. With the last heap of a signal the handler of before is put back, unless the program has
 * put another in place of ours. MID_E_INVALID: the heap has none. Not from a signal handler, nor from `done`. */
MID_API enum mid_status mid_snapshot_off_signal(struct mid_heap *heap);

#ifdef __cplusplus
}
#endif
#endif
