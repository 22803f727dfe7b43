/* SPDX-License-Identifier: MIT
 *
 * machine.c: where and with what the figures were made. A figure without these lines is worth nothing a month later.
 */
#include "allocators.h"
#include "dump_cases.h"
#include "heap_work.h"
#include "results.h"
#include "runtimes.h"

#include <midden/base.h>

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The value of the first line of a file that begins with `key`, without what surrounds it. */
static void value_of(const char *path, const char *key, char *value, size_t capacity)
{
    char line[512];
    FILE *f = fopen(path, "r");
    snprintf(value, capacity, "unknown");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, key, strlen(key)) == 0) {
            char *at = line + strlen(key) + strspn(line + strlen(key), " \t:");
            at[strcspn(at, "\n")] = '\0';
            snprintf(value, capacity, "%s", at);
            break;
        }
    if (f != NULL)
        fclose(f);
}

double machine_load(void)
{
    double load = 0;
    return getloadavg(&load, 1) == 1 ? load : 0;
}

static void write_version(FILE *out, const char *name, const char *version)
{
    if (version[0] == '\0')
        return;
    fprintf(out, ",\"%s\":", name);
    json_string(out, version);
}

struct absent {
    FILE *out;
    bool any;
};

static void write_absent(void *user, const char *name, const char *why)
{
    struct absent *a = user;
    fprintf(a->out, "%s{\"name\":\"%s\",\"why\":", a->any ? "," : "", name);
    json_string(a->out, why);
    fputc('}', a->out);
    a->any = true;
}

void machine_write(FILE *out, const char *commit)
{
    char cpu[256], huge[128];
    struct utsname system;
    value_of("/proc/cpuinfo", "model name", cpu, sizeof cpu);
    value_of("/sys/kernel/mm/transparent_hugepage/enabled", "", huge, sizeof huge);
    uname(&system);
    fputs("\"machine\":{\"cpu\":", out);
    json_string(out, cpu);
    fprintf(out, ",\"cores\":%ld,\"memory_bytes\":%.0f,\"kernel\":", sysconf(_SC_NPROCESSORS_ONLN),
            (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE));
    json_string(out, system.release);
    fputs(",\"transparent_huge_pages\":", out);
    json_string(out, huge);
    fputs("},\n\"versions\":{\"midden\":", out);
    json_string(out, mid_version());
    write_version(out, "commit", commit);
#if defined(__clang__)
    write_version(out, "compiler", "clang " __clang_version__);
#else
    write_version(out, "compiler", "gcc " __VERSION__);
#endif
    for (size_t i = 0; i < allocator_count; i++)
        if (!allocators[i].variant && (allocators[i].load == NULL || allocators[i].load() == NULL))
            write_version(out, allocators[i].name, allocators[i].version());
    if (boehm_get() != NULL)
        write_version(out, "boehm", boehm_get()->version);
    for (enum runtime r = 0; r < RUNTIMES; r++)
        if (runtime_ready(r))
            write_version(out, runtime_name(r), runtime_version(r));
    fputs("},\n\"absent\":[", out);
    struct absent a = {out, false};
    allocators_absent(write_absent, &a);
    heap_absent(write_absent, &a);
    dump_absent(write_absent, &a);
    fputs("],\n", out);
}
