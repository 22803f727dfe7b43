/* SPDX-License-Identifier: MIT
 *
 * alone.c: the high-water mark of a process cannot be told apart by subject, and no allocator gives back all that an
 * earlier workload made it take. So each case runs once more, alone: this program starts itself with --alone CASE, and
 * the child prints what it found.
 */
#include "alone.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEFAULT_ITERATIONS = 100000, CHILD_SECONDS = 300 };

uint64_t alone_iterations(const struct bench_case *c)
{
    if (c->alone_iterations != 0)
        return c->alone_iterations;
    return c->iterations != 0 ? c->iterations : DEFAULT_ITERATIONS;
}

static void print_sample(void *user, size_t case_index, const struct bench_sample *sample)
{
    int *status = user;
    (void)case_index;
    if (sample->failed != NULL) {
        printf("failed %s\n", sample->failed);
        *status = 1;
        return;
    }
    double n = (double)sample->iterations;
    printf("iterations %.0f\nwall_ns %.9g\ncpu_ns %.9g\n", n, sample->wall_s * 1e9 / n, sample->cpu_s * 1e9 / n);
    for (size_t i = 0; i < sample->counters; i++)
        printf("counter %s %.9g\n", sample->counter[i].name, sample->counter[i].value);
}

int alone_run(const struct bench_case *cases, size_t index, uint64_t iterations)
{
    int status = 0;
    struct bench_memory memory = {0, 0, 0};
    struct bench_plan plan = {.repetitions = 1,
                              .min_time_s = 0.001,
                              .alone = true,
                              .alone_iterations = iterations != 0 ? iterations : alone_iterations(&cases[index]),
                              .on_sample = print_sample,
                              .user = &status};
    alarm(CHILD_SECONDS);
    bench_execute(cases, &index, 1, &plan, &memory);
    printf("peak_bytes %.0f\nresident_bytes %.0f\nlive_bytes %.0f\n", memory.peak_bytes, memory.resident_bytes,
           memory.live_bytes);
    return fflush(stdout) == 0 ? status : 1;
}

int alone_exec(const struct bench_case *c)
{
    const struct rlimit no_core = {0, 0};
    int null = c->may_fail ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
    alarm(CHILD_SECONDS);
    setrlimit(RLIMIT_CORE, &no_core); /* Node aborts when its heap is full */
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    execvp(c->command[0], (char *const *)(uintptr_t)c->command);
    fprintf(stderr, "bench: %s: %s\n", c->command[0], strerror(errno));
    return 127;
}

static bool by_wall(const struct bench_case *c)
{
    return c->wall || c->threads > 1;
}

static void take_line(char *line, const struct bench_case *c, struct result *r)
{
    char name[64];
    double value;
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "failed ", 7) == 0)
        snprintf(r->failed, sizeof r->failed, "%.*s", (int)sizeof r->failed - 1, line + 7);
    else if (sscanf(line, "peak_bytes %lf", &value) == 1)
        r->memory.peak_bytes = value;
    else if (sscanf(line, "resident_bytes %lf", &value) == 1)
        r->memory.resident_bytes = value;
    else if (sscanf(line, "live_bytes %lf", &r->memory.live_bytes) == 1)
        r->has_memory = true;
    else if (c->isolated && sscanf(line, by_wall(c) ? "wall_ns %lf" : "cpu_ns %lf", &value) == 1)
        series_add(&r->time, value);
    else if ((c->isolated || c->memory_only || c->alone_counts) && sscanf(line, "counter %63s %lf", name, &value) == 2)
        result_count(r, name, value);
}

static FILE *start(const char *name, pid_t *child)
{
    int ends[2];
    if (pipe(ends) != 0)
        return NULL;
    *child = fork();
    if (*child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl("/proc/self/exe", "bench", "--alone", name, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *in = *child < 0 ? NULL : fdopen(ends[0], "r");
    if (in == NULL)
        close(ends[0]);
    return in;
}

void alone_measure(const struct bench_case *c, struct result *r)
{
    char line[256];
    pid_t child = -1;
    int status = 0;
    FILE *in = start(c->name, &child);
    if (in != NULL) {
        while (fgets(line, sizeof line, in) != NULL)
            take_line(line, c, r);
        fclose(in);
    }
    bool ended = child >= 0 && waitpid(child, &status, 0) == child;
    if (ended && c->may_fail && c->command != NULL && !r->has_memory && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
        snprintf(r->failed, sizeof r->failed, "%s: " RESULT_NO_MEMORY ": it has aborted", c->command[0]);
    else if (!ended || (!r->has_memory && r->failed[0] == '\0'))
        snprintf(r->failed, sizeof r->failed, "the process that runs it alone ended with status %d",
                 WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
