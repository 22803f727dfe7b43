/* SPDX-License-Identifier: MIT
 *
 * openmetrics.c: the statistics as OpenMetrics text (version 1.0.0), into a caller's buffer, without allocating.
 *
 *     # TYPE midden_pool_live_buffers gauge                        a family for each field of fields.h
 *     # HELP midden_pool_live_buffers Buffers handed out ...
 *     midden_pool_live_buffers{pool="name"} 17
 *     ...
 *     midden_pool_class_allocs_total{pool="name",buffer_bytes="64"} 5       families of classes and of caches: a sample each
 *     # EOF
 *
 * Samples of a family stand together, as the format demands, so that the classes are asked once for each family: what the
 * samples of two families say may be a moment apart. Families in bytes end in _bytes and carry the unit.
 */
#include "fields.h"
#include "stats.h"
#include "text.h"

#include <string.h>

#define put mid__text_put

enum kind { GAUGE, COUNTER, FLAG };

/* The name as the value of a label: \, " and newline are escaped. Other control characters and what is cut are left out. */
struct label {
    char text[256];
};

static struct label label_of(const char *name)
{
    struct label label;
    size_t n = 0;
    for (const char *p = name == NULL ? "" : name; *p != '\0' && n + 3 < sizeof label.text; p++) {
        if (*p == '\n' || *p == '"' || *p == '\\')
            label.text[n++] = '\\';
        else if ((unsigned char)*p < 0x20)
            continue;
        label.text[n++] = *p == '\n' ? 'n' : *p;
    }
    label.text[n] = '\0';
    return label;
}

static void head(struct mid__text *o, const char *scope, const char *name, enum kind kind, const char *help)
{
    size_t length = strlen(name);
    bool bytes = length > 6 && strcmp(name + length - 6, "_bytes") == 0;
    put(o, "# TYPE midden_pool_%s%s %s\n", scope, name, kind == COUNTER ? "counter" : "gauge");
    if (bytes)
        put(o, "# UNIT midden_pool_%s%s bytes\n", scope, name);
    put(o, "# HELP midden_pool_%s%s %s.\n", scope, name, help);
}

#define TOTAL(kind) ((kind) == COUNTER ? "_total" : "")

#define PUT_POOL(kind, name, help)                                                                                     \
    head(o, "", #name, kind, help);                                                                                    \
    put(o, "midden_pool_" #name "%s{pool=\"%s\"} %llu\n", TOTAL(kind), label->text, (unsigned long long)f.name);

#define PUT_CLASS(kind, name, help)                                                                                    \
    head(o, "class_", #name, kind, help);                                                                              \
    for (size_t i = 0; i < n; i++)                                                                                     \
        if (mid_pool_class_stats(pool, i, &f) == MID_OK && f.allocs != 0)                                              \
            put(o, "midden_pool_class_" #name "%s{pool=\"%s\",class=\"%zu\",buffer_bytes=\"%zu\"} %llu\n",             \
                TOTAL(kind), label->text, i, f.buffer_bytes, (unsigned long long)f.name);

#define PUT_CACHE(kind, name, help)                                                                                    \
    head(o, "cache_", #name, kind, help);                                                                              \
    for (size_t i = 0; mid_pool_cache_stats(pool, i, &f) == MID_OK; i++)                                               \
        put(o, "midden_pool_cache_" #name "%s{pool=\"%s\",cache=\"%zu\"} %llu\n", TOTAL(kind), label->text, i,         \
            (unsigned long long)f.name);

static void put_pool(struct mid__text *o, struct mid_pool *pool, const struct label *label)
{
    struct mid_pool_stats f = {.struct_size = sizeof f};
    (void)mid_pool_stats(pool, &f);
    MID__POOL_FIELDS(PUT_POOL)
}

static void put_classes(struct mid__text *o, struct mid_pool *pool, const struct label *label)
{
    struct mid_pool_class_stats f = {.struct_size = sizeof f};
    size_t n = mid__stats_class_count(pool);
    MID__CLASS_FIELDS(PUT_CLASS)
}

static void put_caches(struct mid__text *o, struct mid_pool *pool, const struct label *label)
{
    struct mid_pool_cache_stats f = {.struct_size = sizeof f};
    MID__CACHE_FIELDS(PUT_CACHE)
}

size_t mid_pool_stats_openmetrics(struct mid_pool *pool, const char *name, char *buffer, size_t capacity)
{
    struct mid__text o = {buffer, capacity, 0};
    struct label label = label_of(name);
    put_pool(&o, pool, &label);
    put_classes(&o, pool, &label);
    put_caches(&o, pool, &label);
    put(&o, "# EOF\n");
    return o.length;
}
