/* SPDX-License-Identifier: MIT
 * Snapshots because a signal came: only at a safe point, named by the pattern, never through a link that another has put there;
 * the program's own handlers stay in use; heaps come and go while signals rain. */
#include <midden/event.h>
#include <midden/heap.h>
#include <midden/roots.h>
#include <midden/snapshot.h>
#include <midden/walk.h>

#include "refuse.h"
#include "suite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[64];
static struct mid_heap *heap;
static struct mid_type type;
static struct mid_persistent *kept;

static struct mid_heap *new_heap(void)
{
    struct mid_type_info info = {.struct_size = sizeof info, .name = "Blob", .tail = MID_TAIL_BYTES};
    struct mid_heap *h;
    ck_assert_int_eq(mid_heap_create(NULL, &h), MID_OK);
    ck_assert_int_eq(mid_type_register(h, &info, &type), MID_OK);
    return h;
}

static void enter(void)
{
    strcpy(directory, "/tmp/midden-signal-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    heap = new_heap();
    kept = mid_persistent_new(heap, mid_new_bytes(heap, type, 100), "kept");
}

static void leave(void)
{
    char command[128];
    mid_heap_destroy(heap);
    ck_assert_int_eq(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
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

static void allocate(size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 1000)
        ck_assert(!mid_is_null(mid_new_bytes(heap, type, 1000)));
}

static bool is_snapshot(const char *path)
{
    struct stat s;
    char head[32] = "";
    int fd = open(path, O_RDONLY | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool good = fstat(fd, &s) == 0 && (s.st_mode & 07777) == 0600 && s.st_size > 1000 &&
                read(fd, head, sizeof head - 1) > 0 && strncmp(head, "{\"snapshot\":{", 13) == 0;
    close(fd);
    return good;
}

static struct {
    unsigned calls;
    char path[256];
    enum mid_status status;
    int error;
} told;

static void done(void *user, const char *path, enum mid_status status, int error)
{
    ck_assert_ptr_eq(user, &told);
    told.calls++;
    snprintf(told.path, sizeof told.path, "%s", path);
    told.status = status;
    told.error = error;
    allocate(40000); /* the heap may be used */
}

static struct mid_snapshot_signal wanted(const char *pattern, unsigned flags)
{
    return (struct mid_snapshot_signal){.struct_size = sizeof(struct mid_snapshot_signal), .signo = SIGUSR2, .flags = flags,
                                        .pattern = pattern, .done = done, .user = &told};
}

static void watch(const char *pattern, unsigned flags)
{
    struct mid_snapshot_signal s = wanted(pattern, flags);
    ck_assert_int_eq(mid_snapshot_on_signal(heap, &s), MID_OK);
}

/* Waits for done; the child is noticed by allocation. */
static void until_told(unsigned calls)
{
    for (unsigned i = 0; told.calls < calls && i < 100000; i++) {
        allocate(40000);
        usleep(1000);
    }
    ck_assert_uint_eq(told.calls, calls);
}

START_TEST(signal__comes__snapshot_at_the_next_window)
{
    char path[200];
    watch("a.%p.%n.100%%.heapsnapshot", _i == 1 ? MID_SNAPSHOT_FORKED : 0);
    ck_assert_int_eq(chdir("/"), 0); /* the path is relative to where it was asked for */
    raise(SIGUSR2);
    ck_assert_int_eq(chdir(directory), 0);
    ck_assert_uint_eq(names_here(), 0);
    for (unsigned n = 1; n <= 2; n++) {
        if (n == 2)
            raise(SIGUSR2);
        raise(SIGUSR2); /* one more or less makes no difference */
        until_told(n);
        snprintf(path, sizeof path, "%s/a.%ld.%u.100%%.heapsnapshot", directory, (long)getpid(), n);
        ck_assert_str_eq(told.path, path);
        ck_assert_int_eq(told.status, MID_OK);
        ck_assert(is_snapshot(path));
        ck_assert_uint_eq(names_here(), n);
    }
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(mid_snapshot_off_signal(heap), MID_OK);
}
END_TEST

START_TEST(signal__program_allocates_nothing__run_interrupts_writes)
{
    watch("b.%t", 0);
    struct mid_walk *walk;
    ck_assert_int_eq(mid_walk_begin(heap, 0, &walk), MID_OK);
    raise(SIGUSR2);
    ck_assert_int_eq(mid_heap_run_interrupts(heap), MID_E_BUSY);
    mid_walk_end(walk);
    ck_assert_int_eq(mid_heap_run_interrupts(heap), MID_OK);
    ck_assert_uint_eq(told.calls, 1);
    ck_assert_uint_eq(strlen(strrchr(told.path, '/')), strlen("/b.20261124T153000Z"));
    ck_assert(is_snapshot(told.path));
    ck_assert_int_eq(mid_heap_run_interrupts(heap), MID_OK);
    ck_assert_uint_eq(told.calls, 1);
    ck_assert_int_eq(mid_snapshot_off_signal(heap), MID_OK);
}
END_TEST

START_TEST(name__planted_by_another__is_not_followed)
{
    int fd = open("victim", O_WRONLY | O_CREAT, 0644);
    ck_assert_int_eq(write(fd, "mine", 4), 4);
    close(fd);
    ck_assert_int_eq(symlink("victim", "c.1"), 0);
    ck_assert_int_eq(mkfifo("c.2", 0666), 0);
    ck_assert_int_eq(mkdir("c.3", 0777), 0);
    watch("c.%n", _i == 1 ? MID_SNAPSHOT_FORKED : 0);
    const int errors[] = {0, EEXIST, EISDIR};
    for (unsigned n = 1; n <= 3; n++) {
        raise(SIGUSR2);
        until_told(n);
        ck_assert_int_eq(told.status, n == 1 ? MID_OK : MID_E_IO);
        ck_assert_int_eq(told.error, errors[n - 1]);
    }
    struct stat s;
    ck_assert(is_snapshot("c.1"));
    ck_assert_int_eq(stat("victim", &s), 0);
    ck_assert_int_eq(s.st_size, 4);
    ck_assert_uint_eq(names_here(), 4);
    ck_assert_int_eq(mid_snapshot_off_signal(heap), MID_OK);
}
END_TEST

START_TEST(fork__refused__program_writes_itself)
{
    watch("d", MID_SNAPSHOT_FORKED);
    ck_assert(refuse_fork());
    raise(SIGUSR2);
    until_told(1);
    ck_assert_int_eq(told.status, MID_OK);
    ck_assert(is_snapshot("d"));
    ck_assert_int_eq(mid_snapshot_off_signal(heap), MID_OK);
    ck_assert_int_eq(unlink("d"), 0);
    mid_heap_destroy(heap);
    rmdir(directory);
    _exit(0); /* the fixture would fork */
}
END_TEST

/* ---- handlers of the program */

static _Atomic int plain_calls, info_calls; /* handlers run on several threads */
static struct sigaction under;

static void plain(int signo)
{
    (void)signo;
    plain_calls++;
}

static void on_top(int signo, siginfo_t *info, void *context)
{
    info_calls++;
    under.sa_sigaction(signo, info, context);
}

START_TEST(handler__of_before__is_called_and_put_back)
{
    struct sigaction now;
    ck_assert_ptr_ne((void *)(uintptr_t)signal(SIGUSR2, plain), (void *)(uintptr_t)SIG_ERR);
    watch("e", 0);
    errno = 9;
    raise(SIGUSR2);
    ck_assert_int_eq(errno, 9);
    ck_assert_int_eq(plain_calls, 1);
    until_told(1);
    ck_assert_int_eq(mid_snapshot_off_signal(heap), MID_OK);
    ck_assert_int_eq(sigaction(SIGUSR2, NULL, &now), 0);
    ck_assert_ptr_eq((void *)(uintptr_t)now.sa_handler, (void *)(uintptr_t)plain);
    ck_assert_int_eq(mid_snapshot_off_signal(heap), MID_E_INVALID);
}
END_TEST

START_TEST(handler__put_on_top__stays)
{
    struct sigaction mine = {.sa_sigaction = on_top, .sa_flags = SA_SIGINFO}, now;
    ck_assert_ptr_ne((void *)(uintptr_t)signal(SIGUSR2, plain), (void *)(uintptr_t)SIG_ERR);
    watch("f.%n", 0);
    ck_assert_int_eq(sigaction(SIGUSR2, &mine, &under), 0);
    raise(SIGUSR2);
    until_told(1);
    ck_assert_int_eq(mid_snapshot_off_signal(heap), MID_OK);
    ck_assert_int_eq(sigaction(SIGUSR2, NULL, &now), 0);
    ck_assert_ptr_eq((void *)(uintptr_t)now.sa_sigaction, (void *)(uintptr_t)on_top);
    raise(SIGUSR2); /* by way of ours, which nobody asks for, to the first */
    ck_assert_int_eq(plain_calls, 2);
    allocate(100000);
    ck_assert_uint_eq(told.calls, 1);
    watch("f.%n", 0); /* and again, below it */
    raise(SIGUSR2);
    until_told(2);
    ck_assert_int_eq(info_calls, 3);
    ck_assert_int_eq(plain_calls, 3);
    ck_assert_int_eq(mid_snapshot_off_signal(heap), MID_OK);
}
END_TEST

/* ---- arguments, and heaps that come and go */

START_TEST(arguments__wrong__are_invalid)
{
    static const char *const patterns[] = {"", "x%", "%q", "%%%", NULL};
    struct mid_snapshot_options options;
    struct mid_snapshot_figures figures = {.struct_size = sizeof figures};
    struct sigaction now;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct mid_snapshot_signal s = wanted(patterns[i], 0);
        ck_assert_int_eq(mid_snapshot_on_signal(heap, &s), MID_E_INVALID);
    }
    mid_snapshot_options_init(&options);
    options.figures = &figures;
    for (int i = 0; i < 6; i++) {
        struct mid_snapshot_signal s = wanted("x", 0);
        s.signo = i == 0 ? 0 : i == 1 ? 10000 : i == 2 ? SIGKILL : SIGUSR2;
        s.flags = i == 3 ? 2 : 0;
        s.options = i == 4 ? &options : NULL;
        s.struct_size -= i == 5;
        ck_assert_int_eq(mid_snapshot_on_signal(heap, &s), i == 2 ? MID_E_IO : MID_E_INVALID);
    }
    ck_assert_int_eq(mid_snapshot_on_signal(heap, NULL), MID_E_INVALID);
    ck_assert_int_eq(mid_snapshot_off_signal(NULL), MID_E_INVALID);
    ck_assert_int_eq(sigaction(SIGUSR2, NULL, &now), 0);
    ck_assert_ptr_eq((void *)(uintptr_t)now.sa_handler, (void *)(uintptr_t)SIG_DFL);
    watch("x", 0);
    struct mid_snapshot_signal again = wanted("x", 0);
    ck_assert_int_eq(mid_snapshot_on_signal(heap, &again), MID_E_INVALID);
    ck_assert_int_eq(mid_snapshot_off_signal(heap), MID_OK);
}
END_TEST

static _Atomic int stop;

static void *rain(void *argument)
{
    (void)argument;
    while (!stop) {
        kill(getpid(), SIGUSR2);
        pthread_kill(pthread_self(), SIGUSR2);
        usleep(100);
    }
    return NULL;
}

/* Handlers run on both threads while heaps are made, watched, given up and destroyed. */
START_TEST(heaps__come_and_go_while_signals_rain__no_handler_touches_a_dead_one)
{
    pthread_t thread;
    signal(SIGUSR2, plain);
    ck_assert_int_eq(pthread_create(&thread, NULL, rain, NULL), 0);
    for (unsigned long i = 0; i < test_rounds(60); i++) {
        struct mid_heap *h = new_heap();
        struct mid_snapshot_signal s = {.struct_size = sizeof s, .signo = SIGUSR2, .pattern = "rain",
                                        .flags = i % 2 == 0 ? 0 : MID_SNAPSHOT_FORKED};
        ck_assert_int_eq(mid_snapshot_on_signal(h, &s), MID_OK);
        for (int k = 0; k < 100; k++)
            (void)mid_new_bytes(h, type, 1000);
        ck_assert_int_eq(mid_snapshot_off_signal(h), MID_OK);
        mid_heap_destroy(h);
    }
    stop = 1;
    pthread_join(thread, NULL);
    ck_assert_uint_le(names_here(), 1);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

static unsigned interrupted;

static void note(void *user, struct mid_heap *h)
{
    interrupted++;
    if (user == NULL)
        ck_assert_int_eq(mid_heap_off_interrupt(h, note, user), MID_OK);
}

START_TEST(interrupt__asked__every_callback_once_and_no_more_than_eight)
{
    static char users[8];
    ck_assert_int_eq(mid_heap_on_interrupt(heap, NULL, NULL), MID_E_INVALID);
    ck_assert_int_eq(mid_heap_on_interrupt(heap, note, NULL), MID_OK);
    ck_assert_int_eq(mid_heap_on_interrupt(heap, note, NULL), MID_E_INVALID);
    for (size_t i = 0; i < 7; i++)
        ck_assert_int_eq(mid_heap_on_interrupt(heap, note, &users[i]), MID_OK);
    ck_assert_int_eq(mid_heap_on_interrupt(heap, note, &users[7]), MID_E_LIMIT);
    allocate(100000);
    ck_assert_uint_eq(interrupted, 0);
    mid_heap_interrupt(heap);
    allocate(100000);
    ck_assert_uint_eq(interrupted, 8);
    mid_heap_interrupt(heap);
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_SCAVENGE, "test"), MID_OK);
    ck_assert_uint_eq(interrupted, 15);
    ck_assert_int_eq(mid_heap_off_interrupt(heap, note, NULL), MID_E_INVALID);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("signal");
    tcase_add_checked_fixture(c, enter, leave);
    tcase_add_loop_test(c, signal__comes__snapshot_at_the_next_window, 0, 2);
    tcase_add_test(c, signal__program_allocates_nothing__run_interrupts_writes);
    tcase_add_loop_test(c, name__planted_by_another__is_not_followed, 0, 2);
    tcase_add_test(c, fork__refused__program_writes_itself);
    tcase_add_test(c, handler__of_before__is_called_and_put_back);
    tcase_add_test(c, handler__put_on_top__stays);
    tcase_add_test(c, arguments__wrong__are_invalid);
    tcase_add_test(c, heaps__come_and_go_while_signals_rain__no_handler_touches_a_dead_one);
    tcase_add_test(c, interrupt__asked__every_callback_once_and_no_more_than_eight);
    return run_suite("snapshot signal", c, NULL);
}
