/* SPDX-License-Identifier: MIT
 *
 * main.c: chooses cases, runs them, writes the figures. `bench --help` is its manual; bench/README.md says how the
 * figures are made.
 */
#include "alone.h"
#include "cases.h"
#include "results.h"
#include "work.h"

#include <errno.h>
#include <getopt.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct options {
    const char *filter, *json, *alone, *commit;
    bool full, list, memory;
    unsigned repetitions;
    double min_time_s;
    uint64_t iterations;
};

struct watch {
    const struct bench_case *cases;
    struct result *results;
    bool terminal;
    double started, drawn;
};

static const char usage[] =
    "usage: bench [--full] [--filter REGEX] [--repetitions N] [--min-time SECONDS] [--no-memory]\n"
    "             [--json FILE] [--commit TEXT] [--list]\n"
    "       bench --alone CASE [--iterations N]\n"
    "\n"
    "  --full           all cases; without it those of the quick set\n"
    "  --filter REGEX   only cases GROUP/WORKLOAD/SUBJECT that match (POSIX extended); none is an error\n"
    "  --repetitions N  of every case, 1 to 1000, in random order; default 9\n"
    "  --min-time S     shortest time of a repetition, 0.001 to 60; default 0.05\n"
    "  --no-memory      do not run each case once more in a process of its own for its memory\n"
    "  --json FILE      where the figures go; default -, which is stdout. bench/table prints them\n"
    "  --commit TEXT    kept in the file\n"
    "  --list           print the names of the cases and exit\n"
    "  --alone CASE     one case, once, in this process: its figures as lines on stdout\n"
    "  --iterations N   how many operations that is\n";

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- progress: one line on stderr, when it is a terminal */

static void draw(struct watch *w, const char *what, const char *name, double share)
{
    double now = now_s(), spent = now - w->started;
    if (!w->terminal || now - w->drawn < 0.1)
        return;
    w->drawn = now;
    double left = share > 0.02 ? spent * (1 - share) / share : 0;
    fprintf(stderr, "\r%3.0f %%  %s %.40s", share * 100, what, name);
    if (left > 0)
        fprintf(stderr, "  %.0f:%02.0f left", (double)((long)left / 60), (double)((long)left % 60));
    fputs("\033[K", stderr);
}

static void wipe(const struct watch *w)
{
    if (w->terminal)
        fputs("\r\033[K", stderr);
}

static void on_progress(void *user, size_t case_index, uint64_t done, uint64_t total)
{
    struct watch *w = user;
    draw(w, "time  ", w->cases[case_index].name, total == 0 ? 0 : (double)done / (double)total);
}

static void on_sample(void *user, size_t case_index, const struct bench_sample *sample)
{
    struct watch *w = user;
    const struct bench_case *c = &w->cases[case_index];
    struct result *r = &w->results[case_index];
    if (sample->failed != NULL) {
        snprintf(r->failed, sizeof r->failed, "%s", sample->failed);
        return;
    }
    double seconds = c->wall || c->threads > 1 ? sample->wall_s : sample->cpu_s;
    series_add(&r->time, seconds * 1e9 / (double)sample->iterations);
    for (size_t i = 0; i < sample->counters; i++)
        result_count(r, sample->counter[i].name, sample->counter[i].value);
}

/* ---- the run */

static void run_timed(const struct options *o, struct watch *w, size_t count)
{
    size_t *chosen = calloc(count + 1, sizeof *chosen), n = 0;
    for (size_t i = 0; i < count && chosen != NULL; i++)
        if (!w->cases[i].memory_only && !w->cases[i].isolated)
            chosen[n++] = i;
    struct bench_plan plan = {.repetitions = o->repetitions,
                              .min_time_s = o->min_time_s,
                              .on_sample = on_sample,
                              .on_progress = on_progress,
                              .user = w};
    if (n != 0)
        bench_execute(w->cases, chosen, n, &plan, NULL);
    free(chosen);
    wipe(w);
}

/* Fisher and Yates. */
static void shuffle(size_t *order, size_t count)
{
    static uint64_t random = 0x2545f4914f6cdd1du;
    for (size_t i = count; i > 1; i--) {
        size_t k = work_below(&random, (uint32_t)i), kept = order[i - 1];
        order[i - 1] = order[k];
        order[k] = kept;
    }
}

/* Round by round, in another order each. */
static void run_isolated(const struct options *o, struct watch *w, size_t count)
{
    size_t *order = calloc(count + 1, sizeof *order), n = 0;
    for (size_t i = 0; i < count && order != NULL; i++)
        if (w->cases[i].isolated)
            order[n++] = i;
    w->started = now_s();
    for (unsigned round = 0; round < o->repetitions; round++) {
        shuffle(order, n);
        for (size_t i = 0; i < n; i++) {
            const struct bench_case *c = &w->cases[order[i]];
            draw(w, "heaps ", c->name, (double)(round * n + i) / (double)(o->repetitions * n));
            if (w->results[order[i]].failed[0] == '\0' && (c->most_repetitions == 0 || round < c->most_repetitions))
                alone_measure(c, &w->results[order[i]]);
        }
    }
    free(order);
    wipe(w);
}

static void run_alone(const struct options *o, struct watch *w, size_t count)
{
    w->started = now_s();
    for (size_t i = 0; i < count; i++) {
        draw(w, "memory", w->cases[i].name, (double)i / (double)count);
        if (w->results[i].failed[0] == '\0' && !w->cases[i].isolated && (w->cases[i].memory_only || (o->memory && !w->cases[i].timed_only)))
            alone_measure(&w->cases[i], &w->results[i]);
    }
    wipe(w);
}

static const struct series *checksum_of(const struct result *r)
{
    for (size_t i = 0; i < BENCH_COUNTERS && r->counters[i].name != NULL; i++)
        if (strcmp(r->counters[i].name, HEAP_CHECKSUM) == 0)
            return &r->counters[i];
    return NULL;
}

/* Subjects of one workload that have not read the same have not done the same work. They stand side by side. */
static void compare_checksums(struct watch *w, size_t count)
{
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        const struct series *sum = checksum_of(&w->results[i]);
        size_t stem = (size_t)(strrchr(w->cases[i].name, '/') - w->cases[i].name) + 1;
        if (sum == NULL)
            continue;
        if (first == SIZE_MAX || strncmp(w->cases[i].name, w->cases[first].name, stem) != 0)
            first = i;
        for (size_t k = 0; k < sum->count; k++)
            if (sum->values[k] < checksum_of(&w->results[first])->values[0] ||
                sum->values[k] > checksum_of(&w->results[first])->values[0])
                snprintf(w->results[i].failed, sizeof w->results[i].failed, "its checksum is %.0f, that of %.80s is %.0f",
                         sum->values[k], w->cases[first].name, checksum_of(&w->results[first])->values[0]);
    }
}

static int run(const struct options *o, const struct bench_case *cases, size_t count)
{
    struct watch w = {cases, calloc(count, sizeof *w.results), isatty(STDERR_FILENO) == 1, now_s(), 0};
    if (w.results == NULL) {
        fputs("bench: out of memory\n", stderr);
        return EXIT_FAILED;
    }
    struct run_facts facts = {.repetitions = o->repetitions,
                              .min_time_s = o->min_time_s,
                              .load_before = machine_load(),
                              .commit = o->commit,
                              .set = o->full ? "full" : "quick"};
    double started = now_s();
    run_timed(o, &w, count);
    run_isolated(o, &w, count);
    run_alone(o, &w, count);
    compare_checksums(&w, count);
    facts.seconds = now_s() - started;
    facts.load_after = machine_load();
    int status = 0;
    for (size_t i = 0; i < count; i++)
        if (w.results[i].failed[0] != '\0') {
            fprintf(stderr, "bench: %s: %s\n", cases[i].name, w.results[i].failed);
            if (!cases[i].may_fail || strstr(w.results[i].failed, RESULT_NO_MEMORY) == NULL)
                status = EXIT_FAILED;
        }
    if (!results_write(o->json, cases, w.results, count, &facts)) {
        fprintf(stderr, "bench: cannot write %s: %s\n", o->json, strerror(errno));
        status = EXIT_FAILED;
    }
    return status;
}

/* ---- options */

/* Keeps the cases that match; they move to the front. SIZE_MAX: the expression is not valid, which it has said. */
static size_t filter_cases(struct bench_case *cases, size_t count, const char *filter)
{
    regex_t expression;
    char why[128];
    int bad = regcomp(&expression, filter, REG_EXTENDED | REG_NOSUB);
    if (bad != 0) {
        regerror(bad, &expression, why, sizeof why);
        fprintf(stderr, "bench: --filter '%s': %s\n", filter, why);
        return SIZE_MAX;
    }
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (regexec(&expression, cases[i].name, 0, NULL, 0) == 0)
            cases[n++] = cases[i];
    regfree(&expression);
    return n;
}

static double number(const char *option, const char *text, double low, double high)
{
    char *end;
    double value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(value >= low && value <= high)) {
        fprintf(stderr, "bench: --%s takes a number from %g to %g, not '%s'\n", option, low, high, text);
        exit(EXIT_USAGE);
    }
    return value;
}

static struct options parse(int argc, char **argv)
{
    enum { FULL = 1, FILTER, REPETITIONS, MIN_TIME, NO_MEMORY, JSON, COMMIT, LIST, ALONE, ITERATIONS, HELP };
    static const struct option known[] = {
        {"full", 0, NULL, FULL},           {"filter", 1, NULL, FILTER},     {"repetitions", 1, NULL, REPETITIONS},
        {"min-time", 1, NULL, MIN_TIME},   {"json", 1, NULL, JSON},         {"commit", 1, NULL, COMMIT},
        {"no-memory", 0, NULL, NO_MEMORY}, {"list", 0, NULL, LIST},         {"alone", 1, NULL, ALONE},
        {"help", 0, NULL, HELP},           {"iterations", 1, NULL, ITERATIONS}, {NULL, 0, NULL, 0}};
    struct options o = {.filter = ".", .json = "-", .commit = "", .memory = true, .repetitions = 9, .min_time_s = 0.05};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;)
        switch (c) {
        case FULL: o.full = true; break;
        case FILTER: o.filter = optarg; break;
        case REPETITIONS: o.repetitions = (unsigned)number("repetitions", optarg, 1, 1000); break;
        case MIN_TIME: o.min_time_s = number("min-time", optarg, 0.001, 60); break;
        case NO_MEMORY: o.memory = false; break;
        case JSON: o.json = optarg; break;
        case COMMIT: o.commit = optarg; break;
        case LIST: o.list = true; break;
        case ALONE: o.alone = optarg; break;
        case ITERATIONS: o.iterations = (uint64_t)number("iterations", optarg, 1, 1e12); break;
        case HELP: fputs(usage, stdout); exit(0);
        default: fputs(usage, stderr); exit(EXIT_USAGE);
        }
    if (optind != argc) {
        fprintf(stderr, "bench: '%s' is no option\n", argv[optind]);
        exit(EXIT_USAGE);
    }
    return o;
}

static int run_one(const struct bench_case *cases, size_t count, const struct options *o)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(cases[i].name, o->alone) == 0)
            return cases[i].command != NULL ? alone_exec(&cases[i]) : alone_run(cases, i, o->iterations);
    fprintf(stderr, "bench: no case is named '%s' (--list --full names them)\n", o->alone);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct options o = parse(argc, argv);
    struct bench_case *cases = NULL;
    size_t count = cases_make(&cases, o.full || o.alone != NULL);
    if (o.alone != NULL)
        return run_one(cases, count, &o);
    count = filter_cases(cases, count, o.filter);
    if (count == SIZE_MAX)
        return EXIT_USAGE;
    if (count == 0) {
        fprintf(stderr, "bench: no case matches '%s'\n", o.filter);
        return EXIT_USAGE;
    }
    if (!o.list) {
        cases_say_absent();
        return run(&o, cases, count);
    }
    for (size_t i = 0; i < count; i++)
        puts(cases[i].name);
    return 0;
}
