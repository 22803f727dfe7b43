/* SPDX-License-Identifier: MIT
 *
 * json.c: the statistics as one JSON object, into a caller's buffer, without allocating. The names of the fields are the
 * keys, and stand once each, in the two lists below.
 */
#include "stats.h"

#include <stdarg.h>
#include <string.h>

struct out {
    char *text;
    size_t capacity, length; /* length counts what did not fit, too */
};

static void put(struct out *o, const char *format, ...) MID__PRINTF(2, 3);

static void put(struct out *o, const char *format, ...)
{
    size_t room = o->length < o->capacity ? o->capacity - o->length : 0;
    va_list list;
    va_start(list, format);
    int n = vsnprintf(room == 0 ? NULL : o->text + o->length, room, format, list);
    va_end(list);
    o->length += n < 0 ? 0 : (size_t)n;
}

#define POOL_FIELDS(F)                                                                                                 \
    F(limit_bytes) F(live_buffers) F(requested_bytes) F(requested_is_exact) F(rounded_bytes) F(cached_bytes)           \
    F(pinned_bytes) F(lost_bytes) F(slab_bytes) F(large_bytes) F(empty_bytes) F(spare_bytes) F(committed_bytes)        \
    F(released_page_bytes) F(reserved_bytes) F(metadata_bytes) F(resident_bytes) F(requested_peak_bytes)               \
    F(rounded_peak_bytes) F(committed_peak_bytes) F(slabs_full) F(slabs_partial) F(slabs_empty) F(slabs_large)         \
    F(regions) F(allocs) F(releases) F(refused_limit) F(refused_memory) F(misuses) F(cache_misses)                     \
    F(depot_exchanges) F(thread_caches)

#define CLASS_FIELDS(F)                                                                                                \
    F(slab_bytes) F(slab_buffers) F(slabs_full) F(slabs_partial) F(slabs_empty) F(live_buffers) F(requested_bytes)     \
    F(rounded_bytes) F(cached_bytes) F(pinned_bytes) F(allocs) F(releases)

#define PUT_POOL_FIELD(name)  put(o, ",\"" #name "\":%llu", (unsigned long long)s->name);
#define PUT_CLASS_FIELD(name) put(o, ",\"" #name "\":%llu", (unsigned long long)f.name);

static void put_classes(struct out *o, struct mid_pool *pool)
{
    const char *comma = "";
    for (size_t i = 0; i < mid__stats_class_count(pool); i++) {
        struct mid_pool_class_stats f;
        bool exact;
        mid__stats_of_class(pool, mid__stats_class(pool, i), &f, &exact);
        if (f.allocs == 0)
            continue;
        put(o, "%s{\"buffer_bytes\":%zu", comma, f.buffer_bytes);
        CLASS_FIELDS(PUT_CLASS_FIELD)
        put(o, "}");
        comma = ",";
    }
}

static void put_pool(struct out *o, struct mid_pool *pool, const struct mid_pool_stats *s)
{
    put(o, "{\"policy\":\"%s\",\"checked\":%s", pool->classes[0].placement->name, pool->checked ? "true" : "false");
    POOL_FIELDS(PUT_POOL_FIELD)
    put(o, ",\"classes\":[");
    put_classes(o, pool);
    put(o, "]}");
}

size_t mid_pool_stats_json(struct mid_pool *pool, char *buffer, size_t capacity)
{
    struct out o = {buffer, capacity, 0};
    struct mid_pool_stats stats;
    pthread_mutex_lock(&pool->lock);
    mid__stats_of_pool(pool, &stats);
    put_pool(&o, pool, &stats);
    pthread_mutex_unlock(&pool->lock);
    return o.length;
}

enum mid_status mid_pool_stats_write(struct mid_pool *pool, FILE *stream)
{
    char text[MID__CLASSES * 512];
    size_t length = mid_pool_stats_json(pool, text, sizeof text);
    if (length >= sizeof text)
        return MID_E_MEMORY;
    return fprintf(stream, "%s\n", text) < 0 || fflush(stream) != 0 ? MID_E_IO : MID_OK;
}
