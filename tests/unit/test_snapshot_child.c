/* SPDX-License-Identifier: MIT
 * Snapshots that a forked child writes: the graph as it was, whole or absent, no zombie, and nothing of the program runs in
 * the child but the callbacks. */
#include <midden/heap.h>
#include <midden/pool.h>
#include <midden/roots.h>
#include <midden/slice.h>
#include <midden/snapshot.h>
#include <midden/walk.h>

#include "refuse.h"
#include "suite.h"
#include "table_source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[64];
static volatile int *shared; /* [0] the child is there, [1] it may go on, [2] a handler ran in it */

static void enter(void)
{
    strcpy(directory, "/tmp/midden-child-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne((const void *)shared, MAP_FAILED);
}

static void leave(void)
{
    char command[128];
    ck_assert_int_eq(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
    munmap((void *)(uintptr_t)shared, 4096);
}

static unsigned names_here(void)
{
    DIR *d = opendir(".");
    unsigned n = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static char *file_text(const char *path, size_t *bytes)
{
    struct stat s;
    int fd = open(path, O_RDONLY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &s), 0);
    ck_assert_int_eq(s.st_mode & 07777, 0600);
    char *text = malloc((size_t)s.st_size + 1);
    ck_assert_int_eq(read(fd, text, (size_t)s.st_size), s.st_size);
    close(fd);
    *bytes = (size_t)s.st_size;
    return text;
}

static void no_child_is_left(void)
{
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}

/* ---- a table as the source; its walk of edges waits in the child until it may go on */

static struct mid_snapshot_node nodes[] = {
    {MID_SNAPSHOT_OBJECT, 257, 24, 0, TEXT("Index"), 0, 0},
    {MID_SNAPSHOT_ARRAY, 259, 4096, 0, TEXT("Entries"), 0, 0},
};
static const struct table_edge edges[] = {{0, {MID_SNAPSHOT_EDGE_PROPERTY, 1, 0, TEXT("entries"), 0}}};

static enum mid_status wait_in_child(struct table *t, char what, size_t number)
{
    (void)t;
    (void)number;
    if (what == 'e') {
        shared[0] = 1;
        while (shared[1] == 0)
            usleep(1000);
    }
    return MID_OK;
}

static struct table tiny(void)
{
    return (struct table){.nodes = nodes, .edges = edges, .node_count = 2, .edge_count = 1, .meddle = wait_in_child};
}

static struct mid_snapshot_child *begin(const char *path, const struct mid_snapshot_options *options)
{
    struct table t = tiny();
    struct mid_snapshot_source source = table_source(&t);
    struct mid_snapshot_child *child = NULL;
    ck_assert_int_eq(mid_snapshot_write_file_forked(path, &source, options, &child), MID_OK);
    ck_assert_ptr_nonnull(child);
    return child;
}

static void child_is_there(void)
{
    while (shared[0] == 0)
        usleep(1000);
}

START_TEST(child__at_work__poll_is_busy_and_then_tells_again_and_again)
{
    struct mid_snapshot_figures figures = {.struct_size = sizeof figures};
    struct mid_snapshot_options options;
    mid_snapshot_options_init(&options);
    options.figures = &figures;
    struct mid_snapshot_child *child = begin("dump", &options);
    child_is_there();
    errno = 7;
    ck_assert_int_eq(mid_snapshot_child_poll(child), MID_E_BUSY);
    ck_assert_int_eq(errno, 7);
    ck_assert_uint_eq(names_here(), 0);
    shared[1] = 1;
    struct pollfd p = {.fd = mid_snapshot_child_fd(child), .events = POLLIN};
    ck_assert_int_eq(poll(&p, 1, -1), 1);
    while (mid_snapshot_child_poll(child) == MID_E_BUSY)
        usleep(1000);
    no_child_is_left();
    ck_assert_int_eq(mid_snapshot_child_poll(child), MID_OK);
    ck_assert_uint_eq(figures.nodes, 4);
    ck_assert_int_eq(mid_snapshot_child_wait(child), MID_OK);
    size_t bytes;
    free(file_text("dump", &bytes));
    ck_assert_uint_eq(bytes, figures.file_bytes);
    ck_assert_uint_eq(names_here(), 1);
}
END_TEST

START_TEST(child__killed__file_is_absent_and_wait_says_so)
{
    int probe = open(".", O_TMPFILE | O_WRONLY, 0600);
    if (probe < 0)
        return; /* there it leaves one name, as <midden/snapshot.h> says */
    close(probe);
    struct mid_snapshot_child *child = begin("dump", NULL);
    child_is_there();
    ck_assert_int_eq(kill(mid_snapshot_child_pid(child), SIGKILL), 0);
    ck_assert_int_eq(mid_snapshot_child_wait(child), MID_E_IO);
    ck_assert_int_eq(errno, ECANCELED);
    ck_assert_uint_eq(names_here(), 0);
    no_child_is_left();
}
END_TEST

/* The second time the program ignores SIGCHLD, the third time something else has waited for the child. */
START_TEST(child__exit_status_lost__outcome_is_known)
{
    if (_i == 1)
        signal(SIGCHLD, SIG_IGN);
    shared[1] = 1;
    struct mid_snapshot_child *child = begin("dump", NULL);
    if (_i == 2)
        ck_assert_int_eq(waitpid(-1, NULL, 0), mid_snapshot_child_pid(child));
    ck_assert_int_eq(mid_snapshot_child_wait(child), MID_OK);
    ck_assert_uint_eq(names_here(), 1);
    no_child_is_left();
    signal(SIGCHLD, SIG_DFL);
}
END_TEST

START_TEST(child__cannot_write__its_errno_comes_back)
{
    shared[1] = 1;
    struct mid_snapshot_child *child = begin("missing/dump", NULL);
    errno = 0;
    ck_assert_int_eq(mid_snapshot_child_wait(child), MID_E_IO);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(mid_snapshot_child_wait(NULL), MID_E_INVALID);
    ck_assert_int_eq(mid_snapshot_child_poll(NULL), MID_E_INVALID);
}
END_TEST

static void count_here(int signo)
{
    (void)signo;
    shared[2]++;
}

START_TEST(child__of_a_program_with_handlers_and_descriptors__has_neither)
{
    int ends[2];
    char byte;
    signal(SIGUSR1, count_here);
    ck_assert_int_eq(pipe(ends), 0);
    struct mid_snapshot_child *child = begin("dump", NULL);
    child_is_there();
    ck_assert_int_eq(kill(mid_snapshot_child_pid(child), SIGUSR1), 0);
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &byte, 1), 0); /* the child has no copy of the other end */
    close(ends[0]);
    shared[1] = 1;
    ck_assert_int_eq(mid_snapshot_child_wait(child), MID_OK);
    ck_assert_int_eq(shared[2], 0);
    raise(SIGUSR1); /* the program has its own still */
    ck_assert_int_eq(shared[2], 1);
}
END_TEST

START_TEST(fork__refused__says_so_and_leaves_nothing)
{
    ck_assert(refuse_fork());
    struct table t = tiny();
    struct mid_snapshot_source source = table_source(&t);
    struct mid_snapshot_child *child = (struct mid_snapshot_child *)&t;
    int before = dup(0), after;
    close(before);
    ck_assert_int_eq(mid_snapshot_write_file_forked("dump", &source, NULL, &child), MID_E_IO);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_ptr_null(child);
    ck_assert_int_eq(after = dup(0), before); /* no descriptor was lost */
    sigset_t blocked;
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, NULL, &blocked), 0);
    ck_assert_int_eq(sigismember(&blocked, SIGTERM), 0);
    close(after);
    ck_assert_uint_eq(names_here(), 0);
    /* Check's own fixture would fork */
    rmdir(directory);
    _exit(0);
}
END_TEST

START_TEST(arguments__wrong__are_invalid)
{
    struct table t = tiny();
    struct mid_snapshot_source source = table_source(&t);
    struct mid_snapshot_options options;
    struct mid_snapshot_child *child;
    mid_snapshot_options_init(&options);
    options.flags = 1u << 30;
    ck_assert_int_eq(mid_snapshot_write_file_forked("dump", &source, &options, &child), MID_E_INVALID);
    ck_assert_int_eq(mid_snapshot_write_file_forked(NULL, &source, NULL, &child), MID_E_INVALID);
    ck_assert_int_eq(mid_snapshot_write_file_forked("dump", NULL, NULL, &child), MID_E_INVALID);
    ck_assert_int_eq(mid_snapshot_write_file_forked("dump", &source, NULL, NULL), MID_E_INVALID);
    no_child_is_left();
}
END_TEST

/* ---- a heap */

struct pair {
    struct mid_ref first, second;
};

static struct mid_heap *heap;
static struct mid_type pair_type, array_type;

static void make_heap(void)
{
    static const struct mid_field fields[] = {{"first", offsetof(struct pair, first), MID_EDGE_PROPERTY},
                                              {"second", offsetof(struct pair, second), MID_EDGE_PROPERTY}};
    struct mid_type_info pair = {.struct_size = sizeof pair, .name = "Pair", .fixed_bytes = sizeof(struct pair),
                                 .fields = fields, .field_count = 2};
    struct mid_type_info array = {.struct_size = sizeof array, .name = "Array", .tail = MID_TAIL_REFS,
                                  .kind = MID_KIND_ARRAY};
    ck_assert_int_eq(mid_heap_create(NULL, &heap), MID_OK);
    ck_assert_int_eq(mid_type_register(heap, &pair, &pair_type), MID_OK);
    ck_assert_int_eq(mid_type_register(heap, &array, &array_type), MID_OK);
}

static struct mid_persistent *make_list(size_t length, const char *label)
{
    struct mid_persistent *list = mid_persistent_new(heap, mid_new_array(heap, array_type, length), label);
    for (size_t i = 0; i < length; i++) {
        struct mid_ref pair = mid_new(heap, pair_type);
        ck_assert(!mid_is_null(pair));
        mid_array_set(heap, mid_persistent_get(list), i, pair);
    }
    return list;
}

/* The snapshot that the program itself writes just before is the same, byte for byte; what it does after the fork is not in
 * it; and the next one gives the objects that are still there the ids that they had. */
START_TEST(heap__changed_after_the_fork__file_is_as_it_was)
{
    make_heap();
    struct mid_persistent *list = make_list(20000, "list");
    uint64_t id = mid_object_id(heap, mid_array_get(mid_persistent_get(list), 777));
    struct mid_snapshot_options options;
    mid_snapshot_options_init(&options);
    options.flags = MID_SNAPSHOT_NO_COLLECT;
    struct mid_snapshot_child *child;
    ck_assert_int_eq(mid_heap_write_snapshot_forked(heap, "forked", &options, &child), MID_OK);
    struct memory m = {0};
    ck_assert_int_eq(mid_heap_write_snapshot_stream(heap, memory_write, &m, &options), MID_OK);
    for (size_t i = 0; i < 10000; i++)
        mid_array_set(heap, mid_persistent_get(list), i * 2, mid_null());
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_FULL, "test"), MID_OK);
    mid_persistent_release(heap, make_list(30000, "new"));
    ck_assert_int_eq(mid_snapshot_child_wait(child), MID_OK);
    size_t bytes;
    char *text = file_text("forked", &bytes);
    ck_assert_uint_eq(bytes, m.count);
    ck_assert_int_eq(memcmp(text, m.bytes, bytes), 0);
    free(text);
    free(m.bytes);
    ck_assert_uint_eq(mid_object_id(heap, mid_array_get(mid_persistent_get(list), 777)), id);
    struct mid_walk *walk;
    ck_assert_int_eq(mid_walk_begin(heap, 0, &walk), MID_OK);
    ck_assert_int_eq(mid_heap_write_snapshot_forked(heap, "busy", NULL, &child), MID_E_BUSY);
    mid_walk_end(walk);
    ck_assert_int_eq(mid_heap_verify(heap, NULL, NULL), MID_OK);
    mid_heap_destroy(heap);
    no_child_is_left();
}
END_TEST

static struct mid_pool *pool;
static _Atomic int stop;

static void *use_pool(void *argument)
{
    (void)argument;
    while (!stop) {
        void *held[64];
        for (size_t i = 0; i < 64; i++)
            held[i] = mid_pool_alloc(pool, 64 + i * 100);
        for (size_t i = 0; i < 64; i++)
            mid_pool_release(pool, held[i]);
        free(malloc(1000));
    }
    return NULL;
}

/* The buffers of the heap are slices of a pool that other threads are inside of at the time of the fork. */
START_TEST(heap__with_other_threads_in_its_pool__is_written)
{
    enum { THREADS = 2, BUFFERS = 100 };
    pthread_t threads[THREADS];
    make_heap();
    ck_assert_int_eq(mid_pool_create(NULL, &pool), MID_OK);
    struct mid_persistent *list = mid_persistent_new(heap, mid_new_array(heap, array_type, BUFFERS), "buffers");
    for (size_t i = 0; i < BUFFERS; i++) {
        struct mid_slice slice;
        ck_assert_int_eq(mid_slice_alloc(pool, 100 + i, &slice), MID_OK);
        struct mid_ref buffer = mid_buffer_new(heap, slice);
        ck_assert(!mid_is_null(buffer));
        mid_array_set(heap, mid_persistent_get(list), i, buffer);
    }
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_pool, NULL), 0);
    for (unsigned long i = 0; i < test_rounds(20); i++) {
        struct mid_snapshot_child *child;
        ck_assert_int_eq(mid_heap_write_snapshot_forked(heap, "dump", NULL, &child), MID_OK);
        ck_assert_int_eq(mid_snapshot_child_wait(child), MID_OK);
        ck_assert_uint_eq(names_here(), 1);
        ck_assert_int_eq(unlink("dump"), 0);
    }
    stop = 1;
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    mid_heap_destroy(heap);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("child");
    tcase_add_checked_fixture(c, enter, leave);
    tcase_add_test(c, child__at_work__poll_is_busy_and_then_tells_again_and_again);
    tcase_add_test(c, child__killed__file_is_absent_and_wait_says_so);
    tcase_add_loop_test(c, child__exit_status_lost__outcome_is_known, 0, 3);
    tcase_add_test(c, child__cannot_write__its_errno_comes_back);
    tcase_add_test(c, child__of_a_program_with_handlers_and_descriptors__has_neither);
    tcase_add_test(c, fork__refused__says_so_and_leaves_nothing);
    tcase_add_test(c, arguments__wrong__are_invalid);
    tcase_add_test(c, heap__changed_after_the_fork__file_is_as_it_was);
    tcase_add_test(c, heap__with_other_threads_in_its_pool__is_written);
    return run_suite("snapshot child", c, NULL);
}
