/* SPDX-License-Identifier: MIT
 *
 * cache.c: a hash table and a list by age, as objects of the collected heap.
 *
 *     persistent "lines" -> Cache --table--> [ bucket | bucket | ... ] --> Line --next--> Line
 *                             |newest, oldest                               |text -> Buffer, owns a slice of a block
 *                             v                                             |       or Pieces [Buffer, Buffer] where
 *                           Line <--newer/older--> Line                     |       the line crosses two blocks
 *
 * Putting one line in and the oldest out is what makes middle-aged garbage: a line is young when it is made and has
 * often been promoted when it is dropped, and it takes its buffers along. A buffer found dead gives its slice back, and
 * with the last slice of a block the block goes back to the pool.
 *
 * Rule of this file: a struct mid_ref never lives across a call that may collect; what must is in a local.
 */
#include "cache.h"

#include <midden/slice.h>

#include <stddef.h>

struct cache {
    struct mid_ref table, newest, oldest;
    uint32_t count, limit;
};

struct line {
    struct mid_ref text, newer, older, next;
    uint32_t file, number;
};

static struct cache *cache_of(struct mid_ref ref)
{
    return mid_data(ref);
}

static struct line *line_of(struct mid_ref ref)
{
    return mid_data(ref);
}

static struct mid_ref root(const struct line_cache *lc)
{
    return mid_persistent_get(lc->cache);
}

enum mid_status line_cache_init(struct line_cache *lc, struct mid_heap *heap, uint32_t lines)
{
    static const struct mid_field cache_fields[] = {
        {"table", offsetof(struct cache, table), MID_EDGE_INTERNAL},
        {"newest", offsetof(struct cache, newest), MID_EDGE_PROPERTY},
        {"oldest", offsetof(struct cache, oldest), MID_EDGE_PROPERTY},
    };
    static const struct mid_field line_fields[] = {
        {"text", offsetof(struct line, text), MID_EDGE_PROPERTY},
        {"newer", offsetof(struct line, newer), MID_EDGE_PROPERTY},
        {"older", offsetof(struct line, older), MID_EDGE_PROPERTY},
        {"next", offsetof(struct line, next), MID_EDGE_INTERNAL},
    };
    struct mid_type_info cache_info = {.struct_size = sizeof cache_info, .name = "LineCache",
        .fixed_bytes = sizeof(struct cache), .fields = cache_fields, .field_count = 3};
    struct mid_type_info line_info = {.struct_size = sizeof line_info, .name = "Line",
        .fixed_bytes = sizeof(struct line), .fields = line_fields, .field_count = 4};
    struct mid_type_info table_info = {.struct_size = sizeof table_info, .name = "(lines by number)",
        .tail = MID_TAIL_REFS, .kind = MID_KIND_ARRAY};
    struct mid_type_info pieces_info = {.struct_size = sizeof pieces_info, .name = "Pieces", .tail = MID_TAIL_REFS};

    *lc = (struct line_cache){.heap = heap};
    enum mid_status status = mid_type_register(heap, &cache_info, &lc->cache_type);
    if (status == MID_OK)
        status = mid_type_register(heap, &line_info, &lc->line_type);
    if (status == MID_OK)
        status = mid_type_register(heap, &table_info, &lc->table_type);
    if (status == MID_OK)
        status = mid_type_register(heap, &pieces_info, &lc->pieces_type);
    if (status != MID_OK)
        return status;

    size_t buckets = 64;
    while (buckets < lines)
        buckets *= 2;
    struct mid_scope scope;
    mid_scope_begin(heap, &scope);
    struct mid_slot table = mid_local(heap, mid_new_array(heap, lc->table_type, buckets));
    struct mid_ref made = mid_is_null(mid_get(table)) ? mid_null() : mid_new(heap, lc->cache_type);
    if (!mid_is_null(made)) {
        mid_init_field(&cache_of(made)->table, mid_get(table));
        cache_of(made)->limit = lines;
        lc->cache = mid_persistent_new(heap, made, "lines");
    }
    mid_scope_end(heap, &scope);
    return lc->cache == NULL ? MID_E_LIMIT : MID_OK;
}

void line_cache_end(struct line_cache *lc)
{
    if (lc->cache != NULL)
        mid_persistent_release(lc->heap, lc->cache);
    lc->cache = NULL;
}

static size_t bucket_of(const struct line_cache *lc, uint32_t file, uint32_t number)
{
    uint64_t h = ((uint64_t)file << 32 | number) * 0x9e3779b97f4a7c15u;
    return (size_t)(h >> 32) & (mid_length(lc->heap, cache_of(root(lc))->table) - 1);
}

/* Takes a line out of the list by age. */
static void unlink_age(const struct line_cache *lc, struct mid_ref line)
{
    struct mid_ref cache = root(lc), newer = line_of(line)->newer, older = line_of(line)->older;
    if (mid_is_null(newer))
        mid_store(lc->heap, cache, &cache_of(cache)->newest, older);
    else
        mid_store(lc->heap, newer, &line_of(newer)->older, older);
    if (mid_is_null(older))
        mid_store(lc->heap, cache, &cache_of(cache)->oldest, newer);
    else
        mid_store(lc->heap, older, &line_of(older)->newer, newer);
}

static void link_newest(const struct line_cache *lc, struct mid_ref line)
{
    struct mid_ref cache = root(lc), newest = cache_of(cache)->newest;
    mid_store(lc->heap, line, &line_of(line)->newer, mid_null());
    mid_store(lc->heap, line, &line_of(line)->older, newest);
    if (mid_is_null(newest))
        mid_store(lc->heap, cache, &cache_of(cache)->oldest, line);
    else
        mid_store(lc->heap, newest, &line_of(newest)->newer, line);
    mid_store(lc->heap, cache, &cache_of(cache)->newest, line);
}

static void unlink_bucket(const struct line_cache *lc, struct mid_ref line)
{
    struct mid_ref table = cache_of(root(lc))->table;
    size_t bucket = bucket_of(lc, line_of(line)->file, line_of(line)->number);
    struct mid_ref at = mid_array_get(table, bucket);
    if (mid_same(at, line)) {
        mid_array_set(lc->heap, table, bucket, line_of(line)->next);
        return;
    }
    while (!mid_same(line_of(at)->next, line))
        at = line_of(at)->next;
    mid_store(lc->heap, at, &line_of(at)->next, line_of(line)->next);
}

/* The links of a removed line are cut: a dead line that was promoted would else keep its newer neighbour alive through
 * the remembered set, and that one the next, and every line would grow old before it dies. */
static void remove_line(struct line_cache *lc, struct mid_ref line)
{
    unlink_age(lc, line);
    unlink_bucket(lc, line);
    mid_store(lc->heap, line, &line_of(line)->newer, mid_null());
    mid_store(lc->heap, line, &line_of(line)->older, mid_null());
    mid_store(lc->heap, line, &line_of(line)->next, mid_null());
    cache_of(root(lc))->count--;
}

static struct mid_ref find(const struct line_cache *lc, uint32_t file, uint32_t number)
{
    struct mid_ref at = mid_array_get(cache_of(root(lc))->table, bucket_of(lc, file, number));
    while (!mid_is_null(at) && (line_of(at)->file != file || line_of(at)->number != number))
        at = line_of(at)->next;
    return at;
}

/* A buffer that owns one more count of the i-th piece of `text`. */
static struct mid_ref new_buffer(struct line_cache *lc, const struct mid_chain *text, size_t i)
{
    struct mid_slice slice = mid_slice_retain(mid_chain_segment(text, i));
    struct mid_ref buffer = mid_buffer_new(lc->heap, slice);
    if (mid_is_null(buffer))
        mid_slice_release(&slice);
    return buffer;
}

/* Nothing, a buffer, or an array of buffers. False when the heap refuses. */
static bool new_text(struct line_cache *lc, const struct mid_chain *text, struct mid_slot out)
{
    size_t pieces = mid_chain_segments(text);
    if (pieces == 0)
        return true;
    if (pieces == 1) {
        mid_set(out, new_buffer(lc, text, 0));
        return !mid_is_null(mid_get(out));
    }
    mid_set(out, mid_new_array(lc->heap, lc->pieces_type, pieces));
    for (size_t i = 0; i < pieces; i++) {
        struct mid_ref piece = mid_is_null(mid_get(out)) ? mid_null() : new_buffer(lc, text, i);
        if (mid_is_null(piece))
            return false;
        mid_array_set(lc->heap, mid_get(out), i, piece);
    }
    return true;
}

enum mid_status line_cache_put(struct line_cache *lc, uint32_t file, uint32_t number, const struct mid_chain *text)
{
    struct mid_scope scope;
    mid_scope_begin(lc->heap, &scope);
    struct mid_slot slot = mid_local(lc->heap, mid_null());
    struct mid_ref line = new_text(lc, text, slot) ? mid_new(lc->heap, lc->line_type) : mid_null();
    if (!mid_is_null(line)) {
        mid_init_field(&line_of(line)->text, mid_get(slot));
        line_of(line)->file = file;
        line_of(line)->number = number;
        /* No call below may collect: `line` stays good. */
        struct mid_ref known = find(lc, file, number);
        if (!mid_is_null(known))
            remove_line(lc, known);
        struct mid_ref cache = root(lc), table = cache_of(cache)->table;
        if (cache_of(cache)->count == cache_of(cache)->limit) {
            remove_line(lc, cache_of(cache)->oldest);
            lc->evictions++;
        }
        size_t bucket = bucket_of(lc, file, number);
        mid_store(lc->heap, line, &line_of(line)->next, mid_array_get(table, bucket));
        mid_array_set(lc->heap, table, bucket, line);
        link_newest(lc, line);
        cache_of(cache)->count++;
    }
    mid_scope_end(lc->heap, &scope);
    return mid_is_null(line) ? MID_E_LIMIT : MID_OK;
}

static bool append_buffer(struct line_cache *lc, struct mid_ref buffer, struct mid_chain *out)
{
    struct mid_slice slice = mid_slice_retain(*mid_buffer_slice(lc->heap, buffer));
    if (mid_chain_append(out, slice) == MID_OK)
        return true;
    mid_slice_release(&slice);
    return false;
}

bool line_cache_get(struct line_cache *lc, uint32_t file, uint32_t number, struct mid_chain *out)
{
    struct mid_ref line = find(lc, file, number);
    if (mid_is_null(line)) {
        lc->misses++;
        return false;
    }
    lc->hits++;
    unlink_age(lc, line);
    link_newest(lc, line);
    /* A chain that grows asks the pool for room, and at its limit this program's callback collects: `text` is a local. */
    struct mid_scope scope;
    mid_scope_begin(lc->heap, &scope);
    struct mid_slot text = mid_local(lc->heap, line_of(line)->text);
    bool ok = true;
    if (!mid_is_null(mid_get(text)) && !mid_is_a(mid_get(text), lc->pieces_type))
        ok = append_buffer(lc, mid_get(text), out);
    else if (!mid_is_null(mid_get(text)))
        for (size_t i = 0, pieces = mid_length(lc->heap, mid_get(text)); ok && i < pieces; i++)
            ok = append_buffer(lc, mid_array_get(mid_get(text), i), out);
    mid_scope_end(lc->heap, &scope);
    return ok;
}

void line_cache_drop(struct line_cache *lc, uint32_t first_file)
{
    struct mid_ref line = cache_of(root(lc))->oldest;
    while (!mid_is_null(line)) {
        struct mid_ref newer = line_of(line)->newer;
        if (line_of(line)->file >= first_file)
            remove_line(lc, line);
        line = newer;
    }
}

uint32_t line_cache_count(const struct line_cache *lc)
{
    return cache_of(root(lc))->count;
}
