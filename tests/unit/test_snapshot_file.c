/* SPDX-License-Identifier: MIT
 * Unit tests of heapdump/write/file.c: the file is whole and private, or absent, and the status says why. */
#include <midden/snapshot.h>

#include "refuse.h"
#include "suite.h"
#include "table_source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static struct mid_snapshot_node tiny_nodes[] = {
    {MID_SNAPSHOT_OBJECT, 257, 24, 0, TEXT("Index"), 0, 0},
    {MID_SNAPSHOT_ARRAY, 259, 4096, 0, TEXT("Entries"), 0, 0},
};
static const struct table_edge tiny_edges[] = {
    {0, {MID_SNAPSHOT_EDGE_PROPERTY, 1, 0, TEXT("entries"), 0}},
    {1, {MID_SNAPSHOT_EDGE_ELEMENT, 0, 7, TEXT(""), 0}},
};

static struct table tiny(void)
{
    return (struct table){.nodes = tiny_nodes, .edges = tiny_edges, .node_count = 2, .edge_count = 2};
}

/* What the stream of the tiny graph is. */
static const char *expected(void)
{
    static char text[8192];
    struct table t = tiny();
    struct mid_snapshot_source source = table_source(&t);
    struct memory m = {0};
    ck_assert_int_eq(mid_snapshot_write_stream(memory_write, &m, &source, NULL), MID_OK);
    ck_assert_uint_lt(m.count, sizeof text);
    memcpy(text, m.bytes, m.count);
    text[m.count] = '\0';
    free(m.bytes);
    return text;
}

static enum mid_status refuse_second_edge(struct table *t, char what, size_t number)
{
    (void)t;
    return what == 'e' && number == 1 ? MID_E_BUSY : MID_OK;
}

/* From here on this process (a test has one of its own) is on a file system without unnamed files, as far as it can see:
 * the kernel refuses openat with O_TMPFILE. */
static void without_unnamed_files(void)
{
    ck_assert(refuse_unnamed_files());
    ck_assert_int_lt(open(".", O_TMPFILE | O_WRONLY, 0600), 0);
}

static char directory[64];

static void enter_directory(void)
{
    strcpy(directory, "/tmp/midden-writer-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
}

static void leave_directory(void)
{
    char command[256];
    ck_assert_int_eq(chdir("/"), 0);
    snprintf(command, sizeof command, "chmod 700 %s; rm -rf %s", directory, directory);
    ck_assert_int_eq(system(command), 0);
}

static unsigned names_in(const char *path)
{
    DIR *d = opendir(path);
    unsigned n = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static char *file_text(const char *path)
{
    struct stat s;
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fstat(fileno(f), &s), 0);
    char *text = calloc(1, (size_t)s.st_size + 1);
    ck_assert_uint_eq(fread(text, 1, (size_t)s.st_size, f), (size_t)s.st_size);
    fclose(f);
    return text;
}

static enum mid_status write_tiny(const char *path)
{
    struct table t = tiny();
    struct mid_snapshot_source source = table_source(&t);
    errno = 0;
    return mid_snapshot_write_file(path, &source, NULL);
}

START_TEST(file__fresh_or_there_already__is_whole_and_private)
{
    if (_i == 1)
        without_unnamed_files();
    umask(0);
    ck_assert_int_eq(write_tiny("a.heapsnapshot"), MID_OK);
    ck_assert_int_eq(errno, 0);
    put_file("b.heapsnapshot", "what stood there before");
    ck_assert_int_eq(write_tiny("./b.heapsnapshot"), MID_OK);
    for (int i = 0; i < 2; i++) {
        const char *path = i == 0 ? "a.heapsnapshot" : "b.heapsnapshot";
        struct stat s;
        ck_assert_int_eq(stat(path, &s), 0);
        ck_assert_int_eq(s.st_mode & 07777, 0600);
        char *text = file_text(path);
        ck_assert_str_eq(text, expected());
        free(text);
    }
    ck_assert_uint_eq(names_in("."), 2);
}
END_TEST

START_TEST(file__symbolic_link__is_followed)
{
    struct stat s;
    ck_assert_int_eq(mkdir("real", 0700), 0);
    put_file("real/dump", "old");
    ck_assert_int_eq(symlink("real/dump", "link"), 0);
    ck_assert_int_eq(write_tiny("link"), MID_OK);
    ck_assert_int_eq(lstat("link", &s), 0);
    ck_assert(S_ISLNK(s.st_mode));
    ck_assert_int_eq(stat("real/dump", &s), 0);
    ck_assert_int_gt(s.st_size, 1000);
    ck_assert_uint_eq(names_in("real"), 1);
}
END_TEST

START_TEST(file__source_fails__leaves_the_old_one)
{
    if (_i == 1)
        without_unnamed_files();
    struct table t = tiny();
    t.meddle = refuse_second_edge;
    struct mid_snapshot_source source = table_source(&t);
    put_file("dump", "old");
    ck_assert_int_eq(mid_snapshot_write_file("dump", &source, NULL), MID_E_BUSY);
    ck_assert_int_eq(mid_snapshot_write_file("fresh", &source, NULL), MID_E_BUSY);
    char *text = file_text("dump");
    ck_assert_str_eq(text, "old");
    free(text);
    ck_assert_uint_eq(names_in("."), 1);
}
END_TEST

START_TEST(file__size_limit_of_the_process__leaves_the_old_one)
{
    if (_i == 1)
        without_unnamed_files();
    uint64_t random = test_seed("size_limit");
    struct table *t = table_random(&random, 20000, 20000, 10);
    struct mid_snapshot_source source = table_source(t);
    struct rlimit limit = {.rlim_cur = 100000, .rlim_max = RLIM_INFINITY};
    put_file("dump", "old");
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    errno = 0;
    ck_assert_int_eq(mid_snapshot_write_file("dump", &source, NULL), MID_E_IO);
    ck_assert_int_eq(errno, EFBIG);
    limit.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    char *text = file_text("dump");
    ck_assert_str_eq(text, "old");
    free(text);
    ck_assert_uint_eq(names_in("."), 1);
    table_free(t);
}
END_TEST

/* A device that is always full. Root has one made in the test's own directory: a writer that is wrong would replace the
 * machine's. NULL where that is not allowed. */
static const char *full_device(void)
{
    if (geteuid() != 0)
        return "/dev/full";
    if (access("full", F_OK) != 0 && mknod("full", S_IFCHR | 0666, makedev(1, 7)) != 0)
        return NULL;
    int fd = open("full", O_WRONLY);
    if (fd >= 0)
        close(fd);
    return fd >= 0 ? "full" : NULL;
}

START_TEST(file__cannot_be__says_why)
{
    if (_i == 1)
        without_unnamed_files();
    ck_assert_int_eq(write_tiny(NULL), MID_E_INVALID);
    char long_name[5000];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    const struct {
        const char *path;
        int error;
    } cases[] = {
        {".", EISDIR},       {"missing/dump", ENOENT}, {"", ENOENT},         {"absent/", EISDIR},
        {"plain/x", ENOTDIR}, {long_name, ENAMETOOLONG}, {full_device(), ENOSPC},
    };
    unsigned names = names_in(".") + 1;
    put_file("plain", "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0] && cases[i].path != NULL; i++) {
        ck_assert_msg(write_tiny(cases[i].path) == MID_E_IO, "%s", cases[i].path);
        ck_assert_msg(errno == cases[i].error, "%.20s: %s", cases[i].path, strerror(errno));
    }
    ck_assert_uint_eq(names_in("."), names);
    struct stat s;
    if (full_device() != NULL)
        ck_assert(stat(full_device(), &s) == 0 && S_ISCHR(s.st_mode));
}
END_TEST

START_TEST(file__directory_without_permission__says_so)
{
    if (_i == 1)
        without_unnamed_files();
    ck_assert_int_eq(mkdir("shut", 0755), 0);
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0);
    else
        ck_assert_int_eq(chmod("shut", 0555), 0);
    ck_assert_int_eq(write_tiny("shut/dump"), MID_E_IO);
    ck_assert_int_eq(errno, EACCES);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    ck_assert_uint_eq(names_in("shut"), 0);
}
END_TEST

START_TEST(file__a_pipe__is_written_to_directly)
{
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(write_tiny("pipe") == MID_OK ? 0 : 1);
    FILE *f = fopen("pipe", "r");
    char text[8192] = "";
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    int status;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(n, strlen(expected()));
    ck_assert_uint_eq(names_in("."), 1);
}
END_TEST

static volatile sig_atomic_t alarms;

static void on_alarm(int signo)
{
    (void)signo;
    alarms++;
}

/* A timer without SA_RESTART ends most writes to a pipe that is full: early, or with nothing written (EINTR). */
static void write_among_signals(const struct mid_snapshot_source *source)
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{0, 500}, {0, 500}}, never = {0};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    enum mid_status status = mid_snapshot_write_file("pipe", source, NULL);
    setitimer(ITIMER_REAL, &never, NULL);
    _exit(status != MID_OK ? 1 : alarms < 10 ? 2 : 0);
}

START_TEST(file__writes_cut_short_by_signals__is_whole)
{
    enum { MANY = 5000 };
    static struct mid_snapshot_node nodes[MANY];
    for (size_t i = 0; i < MANY; i++)
        nodes[i] = (struct mid_snapshot_node){MID_SNAPSHOT_OBJECT, 257 + 2 * i, i, 0, TEXT("Node"), 0, 0};
    struct table t = {.nodes = nodes, .node_count = MANY};
    struct mid_snapshot_source source = table_source(&t);
    struct memory want = {0};
    ck_assert_int_eq(mid_snapshot_write_stream(memory_write, &want, &source, NULL), MID_OK);
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    int fd = open("pipe", O_RDONLY | O_NONBLOCK), status;
    ck_assert_int_ge(fcntl(fd, F_SETPIPE_SZ, 4096), 4096);
    ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
    pid_t child = fork();
    if (child == 0)
        write_among_signals(&source);
    struct pollfd first = {.fd = fd, .events = POLLIN};
    ck_assert_int_eq(poll(&first, 1, -1), 1);
    char *got = malloc(want.count + 1), part[700];
    size_t count = 0;
    for (ssize_t n; (n = read(fd, part, sizeof part)) > 0; usleep(300)) {
        ck_assert_uint_le(count + (size_t)n, want.count);
        memcpy(got + count, part, (size_t)n);
        count += (size_t)n;
    }
    close(fd);
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(count, want.count);
    ck_assert_int_eq(memcmp(got, want.bytes, count), 0);
    free(got);
    free(want.bytes);
}
END_TEST

static enum mid_status die(struct table *t, char what, size_t number)
{
    (void)t;
    (void)number;
    return what == 'e' ? (enum mid_status)raise(SIGKILL) : MID_OK;
}

START_TEST(file__process_killed__leaves_nothing)
{
    int probe = open(".", O_TMPFILE | O_WRONLY, 0600);
    if (probe < 0 || access("/proc/self/fd", X_OK) != 0)
        return; /* there it leaves one name, as <midden/snapshot.h> says */
    close(probe);
    pid_t child = fork();
    if (child == 0) {
        struct table t = tiny();
        t.meddle = die;
        struct mid_snapshot_source source = table_source(&t);
        struct mid_snapshot_options o;
        mid_snapshot_options_init(&o);
        o.buffer_bytes = 4096;
        mid_snapshot_write_file("dump", &source, &o);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert(WIFSIGNALED(status));
    ck_assert_uint_eq(names_in("."), 0);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("file");
    tcase_add_checked_fixture(c, enter_directory, leave_directory);
    tcase_add_loop_test(c, file__fresh_or_there_already__is_whole_and_private, 0, 2);
    tcase_add_test(c, file__symbolic_link__is_followed);
    tcase_add_loop_test(c, file__source_fails__leaves_the_old_one, 0, 2);
    tcase_add_loop_test(c, file__size_limit_of_the_process__leaves_the_old_one, 0, 2);
    tcase_add_loop_test(c, file__cannot_be__says_why, 0, 2);
    tcase_add_loop_test(c, file__directory_without_permission__says_so, 0, 2);
    tcase_add_test(c, file__a_pipe__is_written_to_directly);
    tcase_add_test(c, file__writes_cut_short_by_signals__is_whole);
    tcase_add_test(c, file__process_killed__leaves_nothing);
    return run_suite("snapshot file", c, NULL);
}
