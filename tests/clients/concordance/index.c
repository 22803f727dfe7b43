/* SPDX-License-Identifier: MIT
 *
 * index.c: the inverted index, in segments that are merged as they grow old.
 *
 *     persistent "index" -> Index --segments--> [ Segment | Segment | Segment ]     oldest and largest first
 *                                                  |table
 *                                                  v
 *                                                [ bucket | bucket | ... ] -> Word --next--> Word
 *                                                                               |text    String, folded to lower case
 *                                                                               |places  Places, a growing run of bytes
 *
 * Words go into the newest segment. When two neighbours cover equally much they are merged into a new one, as the
 * digits of a binary counter carry (the logarithmic method of Bentley and Saxe, 1980). So the index makes garbage of
 * every age: a Places that is outgrown dies young, a segment dies after as many bytes of text as it covers.
 *
 * Places: for each line a difference of files and one of lines (from 0 where the file is a new one), 7 bits a byte, the
 * top bit saying that more follow. A word keeps at most PLACES_BYTES_MAX of them in a segment; the counts go on.
 *
 * Rule of this file: a struct mid_ref never lives across a call that may collect; what must is in a local. Locals nest a
 * few dozen deep at most, which the first piece of the heap's local stack holds: mid_local cannot fail here.
 */
#include "index.h"

#include <midden/slice.h>

#include <stddef.h>
#include <string.h>

enum { PLACES_BYTES_MAX = 32768, PLACES_BYTES_FIRST = 16, PLACE_BYTES_MAX = 10, BUCKETS_FIRST = 512 };

struct root {
    struct mid_ref segments;
    uint64_t count;
};

struct segment {
    struct mid_ref table;
    uint64_t words, grow_at; /* the table is doubled when there are so many words */
    uint32_t level, first_file;
};

struct entry {
    struct mid_ref text, next, places;
    uint64_t hash, occurrences, lines;
    struct place last;
    uint32_t used; /* bytes of `places` */
};

static struct root *root_of(const struct index *ix)
{
    return mid_data(mid_persistent_get(ix->root));
}

static struct segment *segment_of(struct mid_ref ref)
{
    return mid_data(ref);
}

static struct entry *entry_of(struct mid_ref ref)
{
    return mid_data(ref);
}

static struct mid_ref segment_at(const struct index *ix, uint64_t i)
{
    return mid_array_get(root_of(ix)->segments, i);
}

static uint64_t hash_of(const char *word, size_t bytes)
{
    return mid_slice_hash(mid_slice_static(word, bytes));
}

/* ---- types and root */

static enum mid_status register_types(struct index *ix)
{
    static const struct mid_field root_fields[] = {{"segments", offsetof(struct root, segments), MID_EDGE_PROPERTY}};
    static const struct mid_field segment_fields[] = {{"table", offsetof(struct segment, table), MID_EDGE_INTERNAL}};
    static const struct mid_field entry_fields[] = {
        {"text", offsetof(struct entry, text), MID_EDGE_PROPERTY},
        {"next", offsetof(struct entry, next), MID_EDGE_INTERNAL},
        {"places", offsetof(struct entry, places), MID_EDGE_PROPERTY},
    };
    const struct {
        struct mid_type *type;
        struct mid_type_info info;
    } table[] = {
        {&ix->root_type, {.name = "Index", .fixed_bytes = sizeof(struct root), .fields = root_fields, .field_count = 1}},
        {&ix->segments_type, {.name = "(segments by age)", .tail = MID_TAIL_REFS, .kind = MID_KIND_ARRAY}},
        {&ix->segment_type, {.name = "Segment", .fixed_bytes = sizeof(struct segment), .fields = segment_fields,
                             .field_count = 1}},
        {&ix->entry_type, {.name = "Word", .fixed_bytes = sizeof(struct entry), .fields = entry_fields, .field_count = 3}},
        {&ix->table_type, {.name = "(words by hash)", .tail = MID_TAIL_REFS, .kind = MID_KIND_ARRAY}},
        {&ix->string_type, {.name = "String", .tail = MID_TAIL_BYTES, .kind = MID_KIND_STRING}},
        {&ix->places_type, {.name = "Places", .tail = MID_TAIL_BYTES}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct mid_type_info info = table[i].info;
        info.struct_size = sizeof info;
        enum mid_status status = mid_type_register(ix->heap, &info, table[i].type);
        if (status != MID_OK)
            return status;
    }
    return MID_OK;
}

enum mid_status index_init(struct index *ix, struct mid_heap *heap)
{
    *ix = (struct index){.heap = heap};
    enum mid_status status = register_types(ix);
    if (status != MID_OK)
        return status;
    struct mid_scope scope;
    mid_scope_begin(heap, &scope);
    struct mid_slot segments = mid_local(heap, mid_new_array(heap, ix->segments_type, INDEX_SEGMENTS_MAX));
    struct mid_ref made = mid_is_null(mid_get(segments)) ? mid_null() : mid_new(heap, ix->root_type);
    if (!mid_is_null(made)) {
        mid_init_field(&((struct root *)mid_data(made))->segments, mid_get(segments));
        ix->root = mid_persistent_new(heap, made, "index");
    }
    mid_scope_end(heap, &scope);
    return ix->root == NULL ? MID_E_LIMIT : MID_OK;
}

void index_end(struct index *ix)
{
    if (ix->root != NULL)
        mid_persistent_release(ix->heap, ix->root);
    ix->root = NULL;
}

/* ---- one segment */

/* A fresh segment, not yet in the index. Null when the heap refuses. */
static struct mid_ref new_segment(struct index *ix, size_t buckets, uint32_t level, uint32_t first_file)
{
    struct mid_scope scope;
    mid_scope_begin(ix->heap, &scope);
    struct mid_slot table = mid_local(ix->heap, mid_new_array(ix->heap, ix->table_type, buckets));
    struct mid_ref made = mid_is_null(mid_get(table)) ? mid_null() : mid_new(ix->heap, ix->segment_type);
    if (!mid_is_null(made)) {
        mid_init_field(&segment_of(made)->table, mid_get(table));
        segment_of(made)->grow_at = 2 * buckets;
        segment_of(made)->level = level;
        segment_of(made)->first_file = first_file;
    }
    return mid_scope_return(ix->heap, &scope, made);
}

static struct mid_ref find_in(const struct index *ix, struct mid_ref segment, const char *word, size_t bytes,
                              uint64_t hash)
{
    struct mid_ref table = segment_of(segment)->table;
    struct mid_ref at = mid_array_get(table, hash & (mid_length(ix->heap, table) - 1));
    while (!mid_is_null(at)) {
        const struct entry *e = entry_of(at);
        if (e->hash == hash && mid_bytes(e->text) == bytes && memcmp(mid_data(e->text), word, bytes) == 0)
            return at;
        at = e->next;
    }
    return mid_null();
}

static void link_entry(struct index *ix, struct mid_ref table, struct mid_ref entry)
{
    size_t bucket = entry_of(entry)->hash & (mid_length(ix->heap, table) - 1);
    mid_store(ix->heap, entry, &entry_of(entry)->next, mid_array_get(table, bucket));
    mid_array_set(ix->heap, table, bucket, entry);
}

/* Doubles the table when two words fall on a bucket. A refusal leaves the old one, which works as well; it is asked for
 * again only when there are twice as many words, since a refusal costs a full collection. */
static void grow_table(struct index *ix, struct mid_slot segment)
{
    size_t buckets = mid_length(ix->heap, segment_of(mid_get(segment))->table);
    if (segment_of(mid_get(segment))->words < segment_of(mid_get(segment))->grow_at)
        return;
    segment_of(mid_get(segment))->grow_at *= 2;
    struct mid_ref table = mid_new_array(ix->heap, ix->table_type, 2 * buckets);
    if (mid_is_null(table))
        return;
    struct mid_ref old = segment_of(mid_get(segment))->table;
    for (size_t i = 0; i < buckets; i++) {
        struct mid_ref next, at = mid_array_get(old, i);
        for (; !mid_is_null(at); at = next) {
            next = entry_of(at)->next;
            link_entry(ix, table, at);
        }
    }
    mid_store(ix->heap, mid_get(segment), &segment_of(mid_get(segment))->table, table);
}

/* A new word of the segment, with the given text (a String that words may share). Null when the heap refuses. */
static struct mid_ref new_entry(struct index *ix, struct mid_slot segment, struct mid_slot text, uint64_t hash)
{
    grow_table(ix, segment);
    struct mid_ref made = mid_new(ix->heap, ix->entry_type);
    if (mid_is_null(made))
        return made;
    mid_init_field(&entry_of(made)->text, mid_get(text));
    entry_of(made)->hash = hash;
    link_entry(ix, segment_of(mid_get(segment))->table, made);
    segment_of(mid_get(segment))->words++;
    return made;
}

/* ---- places */

static uint32_t put_number(unsigned char *out, uint32_t number)
{
    uint32_t n = 0;
    for (; number >= 128; number >>= 7)
        out[n++] = (unsigned char)(number | 128);
    out[n++] = (unsigned char)number;
    return n;
}

static uint32_t get_number(const unsigned char *in, uint32_t *at)
{
    uint32_t number = 0, shift = 0;
    while (in[*at] & 128) {
        number |= (uint32_t)(in[(*at)++] & 127) << shift;
        shift += 7;
    }
    return number | (uint32_t)in[(*at)++] << shift;
}

/* Room for one more place. MID_E_BUSY when the word has its share. */
static enum mid_status reserve_place(struct index *ix, struct mid_slot entry)
{
    struct mid_ref places = entry_of(mid_get(entry))->places;
    size_t used = entry_of(mid_get(entry))->used, room = mid_is_null(places) ? 0 : mid_bytes(places);
    if (used + PLACE_BYTES_MAX <= room)
        return MID_OK;
    if (room >= PLACES_BYTES_MAX)
        return MID_E_BUSY;
    struct mid_ref wider = mid_new_bytes(ix->heap, ix->places_type, room == 0 ? PLACES_BYTES_FIRST : 2 * room);
    if (mid_is_null(wider))
        return MID_E_LIMIT;
    if (used != 0)
        memcpy(mid_data(wider), mid_data(entry_of(mid_get(entry))->places), used);
    mid_store(ix->heap, mid_get(entry), &entry_of(mid_get(entry))->places, wider);
    return MID_OK;
}

static enum mid_status add_place(struct index *ix, struct mid_slot entry, struct place place)
{
    enum mid_status status = reserve_place(ix, entry);
    struct entry *e = entry_of(mid_get(entry));
    if (status == MID_E_BUSY) {
        e->last = place; /* still tells whether the next occurrence stands in the same line */
        return MID_OK;
    }
    if (status != MID_OK)
        return status;
    unsigned char *out = mid_data(e->places);
    e->used += put_number(out + e->used, place.file - e->last.file);
    e->used += put_number(out + e->used, place.file == e->last.file ? place.line - e->last.line : place.line);
    e->last = place;
    return MID_OK;
}

static struct place next_place(const unsigned char *in, uint32_t *at, struct place last)
{
    uint32_t files = get_number(in, at), lines = get_number(in, at);
    struct place next = {last.file + files, files == 0 ? last.line + lines : lines};
    return next;
}

/* ---- adding */

enum mid_status index_begin_segment(struct index *ix, uint32_t file)
{
    uint64_t count = root_of(ix)->count;
    if (count == INDEX_SEGMENTS_MAX)
        return MID_E_LIMIT;
    struct mid_ref made = new_segment(ix, BUCKETS_FIRST, 0, file);
    if (mid_is_null(made))
        return MID_E_LIMIT;
    mid_array_set(ix->heap, root_of(ix)->segments, count, made);
    root_of(ix)->count++;
    return MID_OK;
}

enum mid_status index_add(struct index *ix, const char *word, size_t bytes, struct place place)
{
    uint64_t hash = hash_of(word, bytes);
    struct mid_scope scope;
    mid_scope_begin(ix->heap, &scope);
    struct mid_slot segment = mid_local(ix->heap, segment_at(ix, root_of(ix)->count - 1));
    struct mid_slot entry = mid_local(ix->heap, find_in(ix, mid_get(segment), word, bytes, hash));
    if (mid_is_null(mid_get(entry))) {
        struct mid_slot text = mid_local(ix->heap, mid_new_string(ix->heap, ix->string_type, word, bytes));
        if (!mid_is_null(mid_get(text)))
            mid_set(entry, new_entry(ix, segment, text, hash));
    }
    enum mid_status status = MID_E_LIMIT;
    if (!mid_is_null(mid_get(entry))) {
        struct entry *e = entry_of(mid_get(entry));
        bool same_line = e->lines != 0 && e->last.file == place.file && e->last.line == place.line;
        e->occurrences++;
        e->lines += !same_line;
        status = same_line ? MID_OK : add_place(ix, entry, place);
    }
    mid_scope_end(ix->heap, &scope);
    return status;
}

/* ---- merging */

/* Adds what `from` (an entry of another segment) says to the word's entry in `segment`. */
static enum mid_status merge_entry(struct index *ix, struct mid_slot segment, struct mid_slot from)
{
    struct mid_scope scope;
    mid_scope_begin(ix->heap, &scope);
    struct entry *f = entry_of(mid_get(from));
    struct mid_slot text = mid_local(ix->heap, f->text);
    struct mid_slot into =
        mid_local(ix->heap, find_in(ix, mid_get(segment), mid_data(f->text), mid_bytes(f->text), f->hash));
    if (mid_is_null(mid_get(into)))
        mid_set(into, new_entry(ix, segment, text, f->hash));
    enum mid_status status = mid_is_null(mid_get(into)) ? MID_E_LIMIT : MID_OK;
    if (status == MID_OK) {
        f = entry_of(mid_get(from)); /* it may have moved */
        entry_of(mid_get(into))->occurrences += f->occurrences;
        entry_of(mid_get(into))->lines += f->lines;
    }
    struct place last = {0, 0};
    for (uint32_t at = 0; status == MID_OK && at < entry_of(mid_get(from))->used;) {
        last = next_place(mid_data(entry_of(mid_get(from))->places), &at, last);
        status = add_place(ix, into, last);
    }
    mid_scope_end(ix->heap, &scope);
    return status;
}

static enum mid_status merge_segment(struct index *ix, struct mid_slot into, struct mid_slot from)
{
    enum mid_status status = MID_OK;
    struct mid_scope scope;
    mid_scope_begin(ix->heap, &scope);
    struct mid_slot entry = mid_local(ix->heap, mid_null());
    size_t buckets = mid_length(ix->heap, segment_of(mid_get(from))->table);
    for (size_t i = 0; i < buckets && status == MID_OK; i++) {
        mid_set(entry, mid_array_get(segment_of(mid_get(from))->table, i));
        while (!mid_is_null(mid_get(entry)) && status == MID_OK) {
            status = merge_entry(ix, into, entry);
            mid_set(entry, entry_of(mid_get(entry))->next);
        }
    }
    mid_scope_end(ix->heap, &scope);
    return status;
}

/* Replaces the last two segments by one of both. On a refusal they stay as they were. */
static enum mid_status merge_last_two(struct index *ix)
{
    struct mid_scope scope;
    mid_scope_begin(ix->heap, &scope);
    uint64_t count = root_of(ix)->count;
    struct mid_slot a = mid_local(ix->heap, segment_at(ix, count - 2));
    struct mid_slot b = mid_local(ix->heap, segment_at(ix, count - 1));
    struct mid_slot both =
        mid_local(ix->heap, new_segment(ix, mid_length(ix->heap, segment_of(mid_get(a))->table),
                                        segment_of(mid_get(a))->level + 1, segment_of(mid_get(a))->first_file));
    enum mid_status status = mid_is_null(mid_get(both)) ? MID_E_LIMIT : merge_segment(ix, both, a);
    if (status == MID_OK)
        status = merge_segment(ix, both, b);
    if (status == MID_OK) {
        mid_array_set(ix->heap, root_of(ix)->segments, count - 2, mid_get(both));
        mid_array_set(ix->heap, root_of(ix)->segments, count - 1, mid_null());
        root_of(ix)->count--;
        ix->merges++;
    }
    mid_scope_end(ix->heap, &scope);
    return status;
}

enum mid_status index_merge(struct index *ix)
{
    enum mid_status status = MID_OK;
    for (uint64_t n = root_of(ix)->count; status == MID_OK && n >= 2; n = root_of(ix)->count) {
        if (segment_of(segment_at(ix, n - 2))->level != segment_of(segment_at(ix, n - 1))->level)
            break;
        status = merge_last_two(ix);
    }
    return status;
}

bool index_drop_newest(struct index *ix, uint32_t *first)
{
    uint64_t count = root_of(ix)->count;
    if (count == 0)
        return false;
    *first = segment_of(segment_at(ix, count - 1))->first_file;
    mid_array_set(ix->heap, root_of(ix)->segments, count - 1, mid_null());
    root_of(ix)->count--;
    ix->drops++;
    return true;
}

/* ---- asking */

void index_find(const struct index *ix, const char *word, size_t bytes, struct index_answer *answer)
{
    uint64_t hash = hash_of(word, bytes);
    answer->occurrences = answer->lines = 0;
    answer->places = 0;
    for (uint64_t i = 0; i < root_of(ix)->count; i++) {
        struct mid_ref entry = find_in(ix, segment_at(ix, i), word, bytes, hash);
        if (mid_is_null(entry))
            continue;
        const struct entry *e = entry_of(entry);
        answer->occurrences += e->occurrences;
        answer->lines += e->lines;
        struct place last = {0, 0};
        for (uint32_t at = 0; at < e->used;) {
            last = next_place(mid_data(e->places), &at, last);
            if (answer->places < answer->capacity)
                answer->at[answer->places++] = last;
        }
        answer->last = last;
    }
}

struct mid_ref index_entry(const struct index *ix, const char *word, size_t bytes)
{
    struct mid_ref entry = mid_null();
    for (uint64_t i = 0; mid_is_null(entry) && i < root_of(ix)->count; i++)
        entry = find_in(ix, segment_at(ix, i), word, bytes, hash_of(word, bytes));
    return entry;
}

uint32_t index_segments(const struct index *ix)
{
    return (uint32_t)root_of(ix)->count;
}

uint64_t index_words(const struct index *ix)
{
    uint64_t words = 0;
    for (uint64_t i = 0; i < root_of(ix)->count; i++)
        words += segment_of(segment_at(ix, i))->words;
    return words;
}
