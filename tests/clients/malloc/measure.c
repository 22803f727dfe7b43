/* SPDX-License-Identifier: MIT
 *
 * measure.c: one command under several mallocs, in turn, with time and peak memory.
 *
 *     measure ROUNDS NAME=LIBRARY... -- COMMAND...       an empty LIBRARY is the C library's own malloc
 *
 * Each round runs the command once a malloc, with MALLOC=LIBRARY in its environment (work.sh preloads it). A row gives the
 * medians of wall time, of CPU time of all processes, and of the largest process' peak of resident memory, and their
 * ratios to the first malloc's. Exit status 77 when the command says so, 1 when it fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 101
#define SIDES_MAX  8

enum { WALL, CPU, PEAK, FIGURES };

struct side {
    const char *name, *library;
    double figures[FIGURES][ROUNDS_MAX];
};

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static int run(struct side *side, int round, char **command)
{
    struct timespec from, to;
    struct rusage usage;
    int status = 1;
    clock_gettime(CLOCK_MONOTONIC, &from);
    pid_t child = fork();
    if (child == 0) {
        setenv("MALLOC", side->library, 1);
        if (freopen("/dev/null", "w", stdout) == NULL)
            _exit(126);
        execvp(command[0], command);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child)
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &to);
    side->figures[WALL][round] = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    side->figures[CPU][round] = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    side->figures[PEAK][round] = (double)usage.ru_maxrss / 1024;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *figures, int n)
{
    qsort(figures, (size_t)n, sizeof *figures, by_size);
    return n % 2 != 0 ? figures[n / 2] : (figures[n / 2 - 1] + figures[n / 2]) / 2;
}

int main(int argc, char **argv)
{
    static struct side sides[SIDES_MAX];
    int n = 0, at = 2, rounds = argc > 1 ? atoi(argv[1]) : 0;
    for (; at < argc && strcmp(argv[at], "--") != 0 && n < SIDES_MAX; at++, n++) {
        char *equals = strchr(argv[at], '=');
        if (equals == NULL)
            break;
        *equals = '\0';
        sides[n].name = argv[at];
        sides[n].library = equals + 1;
    }
    if (rounds < 1 || rounds > ROUNDS_MAX || n == 0 || at + 1 >= argc || strcmp(argv[at], "--") != 0) {
        fprintf(stderr, "usage: measure ROUNDS NAME=LIBRARY... -- COMMAND...\n");
        return 2;
    }
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < n; i++) {
            int status = run(&sides[(i + round) % n], round, argv + at + 1);
            if (status != 0)
                return status;
        }
    double first[FIGURES];
    for (int i = 0; i < n; i++) {
        double m[FIGURES];
        for (int f = 0; f < FIGURES; f++) {
            m[f] = median(sides[i].figures[f], rounds);
            if (i == 0)
                first[f] = m[f];
        }
        printf("  %-10s wall %7.3f s (%.2f)   CPU %7.3f s (%.2f)   peak %8.1f MiB (%.2f)\n", sides[i].name, m[WALL],
               m[WALL] / first[WALL], m[CPU], m[CPU] / first[CPU], m[PEAK], m[PEAK] / first[PEAK]);
    }
    return 0;
}
