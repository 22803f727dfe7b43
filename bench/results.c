/* SPDX-License-Identifier: MIT
 *
 * results.c: keeps every repetition and writes them all. The samples themselves go into the file, not only their
 * median: bench/compare ranks them.
 *
 * It does not judge: ratios, winners and losers are the business of bench/table.
 */
#include "results.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void series_add(struct series *s, double value)
{
    if (s->count == s->capacity) {
        s->capacity = s->capacity == 0 ? 16 : 2 * s->capacity;
        s->values = realloc(s->values, s->capacity * sizeof *s->values);
        if (s->values == NULL) {
            fputs("bench: out of memory\n", stderr);
            exit(1);
        }
    }
    s->values[s->count++] = value;
}

void result_count(struct result *r, const char *name, double value)
{
    size_t i = 0;
    while (i < BENCH_COUNTERS && r->counters[i].name != NULL && strcmp(r->counters[i].name, name) != 0)
        i++;
    if (i == BENCH_COUNTERS)
        return;
    if (r->counters[i].name == NULL)
        r->counters[i].name = strdup(name);
    series_add(&r->counters[i], value);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The q-quantile, by linear interpolation between the two nearest. */
static double quantile(const struct series *s, double q)
{
    if (s->count == 0)
        return 0;
    double *sorted = malloc(s->count * sizeof *sorted);
    if (sorted == NULL)
        return 0;
    memcpy(sorted, s->values, s->count * sizeof *sorted);
    qsort(sorted, s->count, sizeof *sorted, by_value);
    double at = q * (double)(s->count - 1);
    size_t low = (size_t)at, high = low + 1 < s->count ? low + 1 : low;
    double value = sorted[low] + (at - (double)low) * (sorted[high] - sorted[low]);
    free(sorted);
    return value;
}

double series_median(const struct series *s)
{
    return quantile(s, 0.5);
}

void json_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *p = (const unsigned char *)text; *p != 0; p++)
        if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if (*p < 0x20 || *p >= 0x7f)
            fprintf(out, "\\u%04x", *p);
        else
            fputc(*p, out);
    fputc('"', out);
}

static void write_values(FILE *out, const struct series *s)
{
    for (size_t i = 0; i < s->count; i++)
        fprintf(out, "%s%.9g", i == 0 ? "[" : ",", s->values[i]);
    fputc(']', out);
}

static void write_case(FILE *out, const struct bench_case *c, const struct result *r)
{
    const char *workload = strchr(c->name, '/') + 1, *subject = strrchr(c->name, '/') + 1;
    fprintf(out, "  {\"group\":\"%.*s\",\"workload\":\"%.*s\",\"subject\":\"%s\",\"title\":", (int)(workload - c->name - 1),
            c->name, (int)(subject - workload - 1), workload, subject);
    json_string(out, c->title);
    if (r->failed[0] != '\0') {
        fputs(",\"failed\":", out);
        json_string(out, r->failed);
    }
    if (r->time.count != 0) {
        double median = series_median(&r->time);
        fprintf(out, ",\"clock\":\"%s\",\"threads\":%u,\"median_ns\":%.6g,\"spread\":%.4f,\"ns\":",
                c->wall || c->threads > 1 ? "wall" : "cpu", c->threads == 0 ? 1 : c->threads, median,
                median > 0 ? (quantile(&r->time, 0.75) - quantile(&r->time, 0.25)) / median : 0);
        write_values(out, &r->time);
    }
    if (r->has_memory)
        fprintf(out, ",\"peak_bytes\":%.0f", r->memory.peak_bytes);
    if (r->has_memory && r->memory.live_bytes > 0)
        fprintf(out, ",\"resident_bytes\":%.0f,\"live_bytes\":%.0f", r->memory.resident_bytes, r->memory.live_bytes);
    for (size_t i = 0; i < BENCH_COUNTERS && r->counters[i].name != NULL; i++) {
        fprintf(out, "%s\"%s\":", i == 0 ? ",\"counters\":{" : ",", r->counters[i].name);
        write_values(out, &r->counters[i]);
    }
    fputs(r->counters[0].name != NULL ? "}}" : "}", out);
}

static void write_all(FILE *out, const struct bench_case *cases, const struct result *results, size_t count,
                      const struct run_facts *facts)
{
    char when[32];
    time_t now = time(NULL);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
    fprintf(out, "{\"schema\":\"midden-bench-1\",\n");
    machine_write(out, facts->commit);
    fprintf(out,
            "\"run\":{\"set\":\"%s\",\"ended\":\"%s\",\"seconds\":%.0f,\"repetitions\":%u,\"min_time_s\":%g,"
            "\"load_before\":%.2f,\"load_after\":%.2f},\n\"cases\":[\n",
            facts->set, when, facts->seconds, facts->repetitions, facts->min_time_s, facts->load_before,
            facts->load_after);
    for (size_t i = 0; i < count; i++) {
        write_case(out, &cases[i], &results[i]);
        fputs(i + 1 < count ? ",\n" : "\n", out);
    }
    fputs("]}\n", out);
}

bool results_write(const char *path, const struct bench_case *cases, const struct result *results, size_t count,
                   const struct run_facts *facts)
{
    if (strcmp(path, "-") == 0) {
        write_all(stdout, cases, results, count, facts);
        return fflush(stdout) == 0;
    }
    char *beside = malloc(strlen(path) + 8);
    if (beside == NULL)
        return false;
    sprintf(beside, "%s.part", path);
    FILE *out = fopen(beside, "w");
    bool ok = out != NULL;
    if (ok) {
        write_all(out, cases, results, count, facts);
        ok = !ferror(out);
        ok = fclose(out) == 0 && ok && rename(beside, path) == 0;
        if (!ok) {
            int saved = errno;
            unlink(beside);
            errno = saved;
        }
    }
    free(beside);
    return ok;
}
