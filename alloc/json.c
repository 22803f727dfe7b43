/* SPDX-License-Identifier: MIT
 *
 * json.c: the statistics as one JSON object, into a caller's buffer, without allocating. The names of the fields (fields.h)
 * are the keys.
 */
#include "fields.h"
#include "stats.h"
#include "text.h"

#include <midden/internal/sys.h>

#define put mid__text_put
#define PUT_FIELD(kind, name, help) put(o, ",\"" #name "\":%llu", (unsigned long long)f.name);

static void put_classes(struct mid__text *o, struct mid_pool *pool)
{
    const char *comma = "";
    for (size_t i = 0; i < mid__stats_class_count(pool); i++) {
        struct mid_pool_class_stats f = {.struct_size = sizeof f};
        if (mid_pool_class_stats(pool, i, &f) != MID_OK || f.allocs == 0)
            continue;
        put(o, "%s{\"buffer_bytes\":%zu", comma, f.buffer_bytes);
        MID__CLASS_FIELDS(PUT_FIELD)
        put(o, "}");
        comma = ",";
    }
}

static void put_caches(struct mid__text *o, struct mid_pool *pool)
{
    struct mid_pool_cache_stats f = {.struct_size = sizeof f};
    for (size_t i = 0; mid_pool_cache_stats(pool, i, &f) == MID_OK; i++) {
        put(o, "%s{\"index\":%zu", i == 0 ? "" : ",", i);
        MID__CACHE_FIELDS(PUT_FIELD)
        put(o, "}");
    }
}

size_t mid_pool_stats_json(struct mid_pool *pool, char *buffer, size_t capacity)
{
    struct mid__text text = {buffer, capacity, 0}, *o = &text;
    struct mid_pool_stats f = {.struct_size = sizeof f};
    (void)mid_pool_stats(pool, &f);
    put(o, "{\"policy\":\"%s\",\"checked\":%s", pool->classes[0].placement->name, pool->checked ? "true" : "false");
    MID__POOL_FIELDS(PUT_FIELD)
    put(o, ",\"classes\":[");
    put_classes(o, pool);
    put(o, "],\"caches\":[");
    put_caches(o, pool);
    put(o, "]}");
    return o->length;
}

enum mid_status mid_pool_stats_write(struct mid_pool *pool, FILE *stream)
{
    size_t page = mid__sys_page_bytes();
    size_t capacity = mid__align_up(mid_pool_stats_json(pool, NULL, 0) + page, page); /* figures may grow by a digit */
    char *text = mid__sys_map(capacity, page);
    if (text == NULL)
        return MID_E_MEMORY;
    enum mid_status status = MID_E_MEMORY;
    if (mid_pool_stats_json(pool, text, capacity) < capacity)
        status = fprintf(stream, "%s\n", text) < 0 || fflush(stream) != 0 ? MID_E_IO : MID_OK;
    mid__sys_unmap(text, capacity);
    return status;
}
