/* SPDX-License-Identifier: MIT
 *
 * walk.c: enumerates objects, edges and roots for snapshots. The ordinal of an object is the number of objects before it,
 * and the side bitmaps hold one bit an object already: so an ordinal is a count kept for each 4 KiB of address space plus
 * the population of at most eight words of bits. The nursery gets a bitmap for the time of the walk.
 *
 *     ordinals:   nursery, in address order | chunk 0 | chunk 1 | ...       (chunks in the order of heap->chunks)
 *     counts:     of chunk i, one uint32_t for each 64 words of bits before it, from the chunk's first ordinal on
 *
 *   I1  while a walk is open nothing is allocated, collected or moved (heap->busy), so the bits stand still
 *   I2  all objects have their ids when it begins, but for MID_WALK_NO_IDS: nothing fails later
 */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_WORDS 8u /* bitmap words a count: 512 heap words, 4 KiB */
#define GROUPS (MID__BITMAP_WORDS / GROUP_WORDS)

struct mid_walk {
    struct mid_heap *heap;
    bool ids;      /* mid_walk_id knows them */
    bool next_ids; /* mid_walk_next tells them */
    size_t count;
    size_t chunks;           /* chunk_count at the begin */
    uint64_t *young;         /* bits of the nursery */
    size_t young_words;      /* of that bitmap */
    uint32_t *young_counts;  /* a group each */
    size_t *first;           /* by chunk: its first ordinal */
    uint32_t **counts;       /* by chunk */
    size_t at_chunk, at_word; /* where next() goes on; SIZE_MAX: in the nursery */
    uint64_t at_bits;
    size_t at_ordinal;
    uintptr_t *stack;        /* what the C stack refers to, as found at the begin */
    size_t stack_count, stack_capacity;
    bool stack_lost;
    struct mid__sampled *sampled; /* objects with a site; NULL: none */
    size_t sampled_mask;
    char name[256];
    char pair_name[640];
};

#define IN_NURSERY SIZE_MAX

static size_t bitmap_words(const struct mid__chunk *chunk)
{
    return chunk->kind == MID__CHUNK_HUGE ? MID__FIRST_BLOCK * MID__BLOCK_BITMAP_WORDS + GROUP_WORDS : MID__BITMAP_WORDS;
}

/* A word of a chunk's live bits; nothing where its header or its side bits lie. */
static uint64_t live_word(const struct mid_walk *walk, const struct mid__chunk *chunk, size_t word)
{
    return word < MID__FIRST_BLOCK * MID__BLOCK_BITMAP_WORDS ? 0 : mid__bitmap(chunk, walk->heap->live_side)[word];
}

/* ---- begin and end ------------------------------------------------------------------------------------------------------- */

static void set_young(void *context, uintptr_t object)
{
    struct mid_walk *walk = context;
    size_t bit = (object - walk->heap->nursery.from_base) / MID__WORD;
    walk->young[bit >> 6] |= (uint64_t)1 << (bit & 63);
}

static bool count_young(struct mid_walk *walk)
{
    size_t bytes = walk->heap->hot.top - walk->heap->nursery.from_base;
    size_t groups = bytes / MID__WORD / 64 / GROUP_WORDS + 1;
    walk->young_words = groups * GROUP_WORDS;
    walk->young = calloc(walk->young_words, 8);
    walk->young_counts = calloc(groups, sizeof(uint32_t));
    if (walk->young == NULL || walk->young_counts == NULL)
        return false;
    mid__nursery_each(walk->heap, set_young, walk);
    for (size_t i = 0; i < walk->young_words; i++) {
        if (i % GROUP_WORDS == 0)
            walk->young_counts[i / GROUP_WORDS] = (uint32_t)walk->count;
        walk->count += mid__popcount64(walk->young[i]);
    }
    return true;
}

static bool count_chunk(struct mid_walk *walk, size_t index)
{
    const struct mid__chunk *chunk = walk->heap->chunks[index];
    uint32_t *counts = malloc(GROUPS * sizeof *counts), count = 0;
    walk->counts[index] = counts;
    walk->first[index] = walk->count;
    if (counts == NULL)
        return false;
    size_t words = bitmap_words(chunk);
    for (size_t i = 0; i < words; i++) {
        if (i % GROUP_WORDS == 0)
            counts[i / GROUP_WORDS] = count;
        count += mid__popcount64(live_word(walk, chunk, i));
    }
    walk->count += count;
    return true;
}

static bool count_all(struct mid_walk *walk)
{
    walk->chunks = walk->heap->chunk_count;
    walk->first = calloc(walk->chunks + 1, sizeof *walk->first);
    walk->counts = calloc(walk->chunks + 1, sizeof(uint32_t *));
    if (walk->first == NULL || walk->counts == NULL || !count_young(walk))
        return false;
    for (size_t i = 0; i < walk->chunks; i++)
        if (!count_chunk(walk, i))
            return false;
    walk->first[walk->chunks] = walk->count;
    return true;
}

static void dispose(struct mid_walk *walk)
{
    for (size_t i = 0; walk->counts != NULL && i < walk->chunks; i++)
        free(walk->counts[i]);
    free(walk->stack);
    free(walk->sampled);
    free(walk->counts);
    free(walk->first);
    free(walk->young);
    free(walk->young_counts);
    free(walk);
}

static void note_stack(void *context, uintptr_t object)
{
    struct mid_walk *walk = context;
    for (size_t i = 0; i < walk->stack_count; i++)
        if (walk->stack[i] == object)
            return;
    if (walk->stack_count == walk->stack_capacity) {
        void *grown = mid__grow(walk->stack, &walk->stack_capacity, walk->stack_count + 1, sizeof *walk->stack);
        if (grown == NULL) {
            walk->stack_lost = true;
            return;
        }
        walk->stack = grown;
    }
    walk->stack[walk->stack_count++] = object;
}

/* The next set bit as an address; 0 behind the last. */
static uintptr_t next_address(struct mid_walk *walk)
{
    struct mid_heap *heap = walk->heap;
    for (;;) {
        if (walk->at_bits != 0) {
            unsigned bit = mid__ctz64(walk->at_bits);
            walk->at_bits &= walk->at_bits - 1;
            uintptr_t base =
                walk->at_chunk == IN_NURSERY ? heap->nursery.from_base : (uintptr_t)heap->chunks[walk->at_chunk];
            return base + (walk->at_word * 64 + bit) * MID__WORD;
        }
        walk->at_word++;
        if (walk->at_chunk == IN_NURSERY) {
            if (walk->at_word < walk->young_words) {
                walk->at_bits = walk->young[walk->at_word];
                continue;
            }
            walk->at_chunk = walk->at_word = 0;
        } else if (walk->at_chunk < walk->chunks && walk->at_word >= bitmap_words(heap->chunks[walk->at_chunk])) {
            walk->at_chunk++;
            walk->at_word = 0;
        }
        if (walk->at_chunk >= walk->chunks)
            return 0;
        walk->at_bits = live_word(walk, heap->chunks[walk->at_chunk], walk->at_word);
    }
}

/* All objects have ids from now on, in the order of the walk. */
static bool give_ids(struct mid_walk *walk)
{
    struct mid_heap *heap = walk->heap;
    mid_walk_rewind(walk);
    for (uintptr_t object; (object = next_address(walk)) != 0 && walk->at_chunk == IN_NURSERY;)
        if (!mid__ids_give(heap, object))
            return false;
    for (size_t i = 0; i < walk->chunks; i++) {
        struct mid__chunk *chunk = heap->chunks[i];
        for (unsigned b = MID__FIRST_BLOCK; chunk->kind == MID__CHUNK_OLD && b < MID__BLOCKS; b++)
            if (!mid__ids_give_block(heap, &chunk->u.blocks[b]))
                return false;
        for (size_t word = 0; chunk->kind != MID__CHUNK_OLD && word < bitmap_words(chunk); word++)
            for (uint64_t bits = live_word(walk, chunk, word); bits != 0; bits &= bits - 1)
                if (!mid__ids_give(heap, (uintptr_t)chunk + (word * 64 + mid__ctz64(bits)) * MID__WORD))
                    return false;
    }
    return true;
}

enum mid_status mid_walk_begin(struct mid_heap *heap, uint32_t flags, struct mid_walk **out)
{
    if (out == NULL || (flags & ~(uint32_t)(MID_WALK_COLLECT | MID_WALK_NO_IDS | MID_WALK_ASK_IDS)) != 0)
        return MID_E_INVALID;
    *out = NULL;
    if (heap->busy != 0)
        return MID_E_BUSY;
    if (flags & MID_WALK_COLLECT)
        (void)mid_heap_collect(heap, MID_COLLECT_FULL, "snapshot");
    mid__crew_recall(heap);
    struct mid_walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL)
        return MID_E_MEMORY;
    walk->heap = heap;
    walk->ids = (flags & MID_WALK_NO_IDS) == 0;
    walk->next_ids = walk->ids && (flags & MID_WALK_ASK_IDS) == 0;
    mid__stack_each(heap, note_stack, walk);
    if (walk->stack_lost || !mid__sampled_index(heap, &walk->sampled, &walk->sampled_mask) || !count_all(walk) ||
        (walk->ids && !give_ids(walk))) {
        dispose(walk);
        return MID_E_MEMORY;
    }
    heap->walk = walk;
    heap->busy++;
    mid__close_window(heap);
    mid_walk_rewind(walk);
    *out = walk;
    return MID_OK;
}

void mid_walk_end(struct mid_walk *walk)
{
    if (walk == NULL)
        return;
    walk->heap->walk = NULL;
    walk->heap->busy--;
    dispose(walk);
}

size_t mid_walk_count(const struct mid_walk *walk)
{
    return walk->count;
}

void mid_walk_rewind(struct mid_walk *walk)
{
    walk->at_chunk = IN_NURSERY;
    walk->at_word = 0;
    walk->at_bits = walk->young[0];
    walk->at_ordinal = 0;
}

/* ---- objects -------------------------------------------------------------------------------------------------------------- */

size_t mid_walk_ordinal(const struct mid_walk *walk, struct mid_ref ref)
{
    uintptr_t object = (uintptr_t)ref.object;
    const struct mid_heap *heap = walk->heap;
    const struct mid__chunk *chunk = NULL;
    size_t bit, ordinal;
    if (mid__is_young(heap, object)) {
        bit = (object - heap->nursery.from_base) / MID__WORD;
        ordinal = walk->young_counts[bit / 64 / GROUP_WORDS];
    } else {
        chunk = mid__chunk_of(object);
        bit = mid__bit_index(object);
        ordinal = walk->first[chunk->index] + walk->counts[chunk->index][bit / 64 / GROUP_WORDS];
    }
    const uint64_t *bits = chunk == NULL ? walk->young : mid__bitmap(chunk, heap->live_side);
    for (size_t word = bit / 64 / GROUP_WORDS * GROUP_WORDS; word < bit / 64; word++)
        ordinal += mid__popcount64(bits[word]);
    return ordinal + mid__popcount64(bits[bit / 64] & (((uint64_t)1 << (bit & 63)) - 1));
}

uint64_t mid_walk_id(struct mid_walk *walk, struct mid_ref ref)
{
    return walk->ids ? mid__ids_find(walk->heap, (uintptr_t)ref.object) : 0;
}

uint32_t mid_walk_site(const struct mid_walk *walk, struct mid_ref ref)
{
    return walk->sampled == NULL ? 0 : mid__sampled_find(walk->sampled, walk->sampled_mask, (uintptr_t)ref.object);
}

static const char *name_of(struct mid_walk *walk, const struct mid__type *type, const void *data, size_t bytes)
{
    if (type->describe == NULL)
        return type->name;
    size_t length = type->describe(type->user, data, bytes, walk->name, sizeof walk->name - 1);
    if (length == 0)
        return type->name;
    walk->name[length < sizeof walk->name ? length : sizeof walk->name - 1] = '\0';
    return walk->name;
}

bool mid_walk_next(struct mid_walk *walk, struct mid_walk_object *out)
{
    struct mid_heap *heap = walk->heap;
    uintptr_t object = next_address(walk);
    if (object == 0)
        return false;
    uint64_t header = *mid__header_at(object);
    const struct mid__type *type = &heap->types[mid__type_index(header)];
    size_t bytes = mid__bytes_of(header);
    out->ref = mid__ref(object);
    out->ordinal = walk->at_ordinal++;
    out->id = walk->next_ids ? mid_walk_id(walk, out->ref) : 0;
    out->type_name = type->name;
    out->type_index = mid__type_index(header);
    out->kind = type->kind;
    out->space = mid__is_young(heap, object) ? MID_SPACE_NURSERY : mid__is_large(bytes) ? MID_SPACE_LARGE : MID_SPACE_OLD;
    out->shallow_bytes = bytes;
    out->data = (void *)(object + MID__WORD);
    out->bytes = mid__payload_of(header);
    out->tail_offset = type->tail == MID_TAIL_NONE ? out->bytes : type->fixed_bytes;
    out->slice = mid_buffer_slice(heap, out->ref);
    out->external_bytes = out->slice == NULL ? 0 : out->slice->bytes;
    out->name = name_of(walk, type, out->data, out->bytes);
    return true;
}

/* ---- edges ---------------------------------------------------------------------------------------------------------------- */

struct edges {
    struct mid_walk *walk;
    mid_walk_edge_fn fn;
    void *user;
    size_t count;
};

static void edge(struct edges *e, struct mid_ref target, uint32_t kind, const char *name, size_t index)
{
    if (mid_is_null(target))
        return;
    e->count++;
    if (e->fn == NULL)
        return;
    struct mid_walk_edge out = {sizeof out, kind, name, index, target, mid_walk_ordinal(e->walk, target),
                                name == e->walk->pair_name};
    e->fn(e->user, &out);
}

static void edge_traced(void *context, struct mid_ref *slot, const char *name, size_t index)
{
    edge(context, *slot, name != NULL ? MID_EDGE_PROPERTY : MID_EDGE_ELEMENT, name, index);
}

static const char *class_of(const struct mid_walk *walk, uintptr_t object)
{
    return walk->heap->types[mid__type_index(*mid__header_at(object))].name;
}

/* An entry of a weak table is shown as V8 shows it: an internal edge to the value from the key and another from the table,
 * both named after the pair, and a weak edge from the table to the key. Viewers know the pair by that name: the table's
 * side keeps nothing alive. */
static void pair_edges(void *context, uint32_t pair, uintptr_t key, uintptr_t table, struct mid_ref *value, bool from_table)
{
    struct edges *e = context;
    struct mid_walk *walk = e->walk;
    if (e->fn != NULL) {
        uint64_t ids[3] = {mid_walk_id(walk, mid__ref(key)), mid_walk_id(walk, *value), mid_walk_id(walk, mid__ref(table))};
        snprintf(walk->pair_name, sizeof walk->pair_name,
                 "%" PRIu32 " / part of key (%.200s @%" PRIu64 ") -> value (%.200s @%" PRIu64
                 ") pair in WeakMap (table @%" PRIu64 ")",
                 pair + 1, class_of(walk, key), ids[0], class_of(walk, (uintptr_t)value->object), ids[1], ids[2]);
    }
    edge(e, *value, MID_EDGE_INTERNAL, walk->pair_name, 0);
    if (from_table)
        edge(e, mid__ref(key), MID_EDGE_WEAK, "key", 0);
}

static size_t field_edges(struct edges *e, uintptr_t object)
{
    uint64_t header = *mid__header_at(object);
    const struct mid__type *type = &e->walk->heap->types[mid__type_index(header)];
    char *payload = (char *)(object + MID__WORD);
    if (type->trace != NULL) {
        struct mid_tracer tracer = {edge_traced, e};
        type->trace(type->user, payload, mid__payload_of(header), &tracer);
        return e->count;
    }
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct mid_field *field = &type->fields[i];
        struct mid_ref target;
        memcpy(&target, payload + field->offset, sizeof target);
        edge(e, target, field->edge, field->name != NULL ? field->name : "", i);
    }
    if (type->tail == MID_TAIL_REFS) {
        const struct mid_ref *tail = (const struct mid_ref *)(object + MID__WORD + type->fixed_bytes);
        size_t length = (mid__payload_of(header) - type->fixed_bytes) / MID__WORD;
        for (size_t i = 0; i < length; i++)
            edge(e, tail[i], MID_EDGE_ELEMENT, NULL, i);
    }
    return e->count;
}

static size_t each_edge(struct edges *e, uintptr_t object)
{
    (void)field_edges(e, object);
    mid__ephemeron_each_pair(e->walk->heap, object, pair_edges, e);
    return e->count;
}

void mid_walk_edges(struct mid_walk *walk, struct mid_ref object, mid_walk_edge_fn fn, void *user)
{
    struct edges e = {walk, fn, user, 0};
    each_edge(&e, (uintptr_t)object.object);
}

size_t mid_walk_edge_count(struct mid_walk *walk, struct mid_ref object)
{
    struct edges e = {walk, NULL, NULL, 0};
    return each_edge(&e, (uintptr_t)object.object);
}

/* ---- roots ------------------------------------------------------------------------------------------------------------------ */

struct roots {
    struct mid_walk *walk;
    mid_walk_root_fn fn;
    void *user;
    struct mid_walk_root out;
};

static void root(struct roots *r, struct mid_ref target, const char *label)
{
    if (mid_is_null(target))
        return;
    r->out.label = label;
    r->out.target = target;
    r->out.target_ordinal = mid_walk_ordinal(r->walk, target);
    r->fn(r->user, &r->out);
    r->out.index++;
}

static void group(struct roots *r, uint32_t kind, const char *name)
{
    r->out = (struct mid_walk_root){.struct_size = sizeof r->out, .kind = kind, .group = name};
}

static void visit_callback(void *context, struct mid_ref *slot, const char *label)
{
    root(context, *slot, label);
}

static void walk_locals(struct roots *r, const struct mid_heap *heap)
{
    group(r, MID_ROOT_LOCAL, "locals");
    for (const struct mid__locals *part = heap->locals_first;; part = part->next) {
        bool last = part == heap->locals_current;
        const struct mid_ref *end = last ? heap->hot.local_top : part->top;
        for (const struct mid_ref *slot = part->slots; slot < end; slot++)
            root(r, *slot, NULL);
        if (last)
            return;
    }
}

static void walk_persistents(struct roots *r, const struct mid_heap *heap)
{
    group(r, MID_ROOT_PERSISTENT, "persistent handles");
    for (const struct mid__handles *part = heap->handles; part != NULL; part = part->next)
        for (size_t i = 0; i < MID__HANDLES; i++)
            if (part->handles[i].used)
                root(r, part->handles[i].face.ref, part->handles[i].label);
    for (const struct mid_pin *pin = heap->pins; pin != NULL; pin = pin->next)
        root(r, pin->ref, NULL);
}

static void walk_callbacks(struct roots *r, const struct mid_heap *heap)
{
    for (size_t i = 0; i < heap->root_count; i++) {
        const struct mid__roots_entry *entry = &heap->root_entries[i];
        group(r, MID_ROOT_CALLBACK, entry->label != NULL ? entry->label : "callbacks");
        struct mid_root_visitor visitor = {visit_callback, r};
        entry->fn(entry->user, &visitor);
    }
}

void mid_walk_roots(struct mid_walk *walk, mid_walk_root_fn fn, void *user)
{
    struct mid_heap *heap = walk->heap;
    struct roots r = {.walk = walk, .fn = fn, .user = user};
    walk_locals(&r, heap);
    walk_persistents(&r, heap);
    walk_callbacks(&r, heap);
    group(&r, MID_ROOT_STACK, "stack");
    for (size_t i = 0; i < walk->stack_count; i++)
        root(&r, mid__ref(walk->stack[i]), NULL);
    group(&r, MID_ROOT_FINALIZER, "finalizers");
    for (size_t i = heap->waiting_first; i < heap->waiting_count; i++)
        root(&r, heap->waiting[i].object, NULL);
    group(&r, MID_ROOT_WEAK, "weak handles");
    for (size_t i = 0; i < heap->weaks.count; i++)
        root(&r, mid__ref(heap->weaks.entries[i].object), ((const struct mid_weak *)heap->weaks.entries[i].a)->label);
}
