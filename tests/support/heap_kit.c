/* SPDX-License-Identifier: MIT
 * heap_kit.c: heaps for tests. */
#include "heap_kit.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_broken(void *user, const struct mid_broken *broken)
{
    struct kit *kit = user;
    if (kit->findings++ == 0)
        snprintf(kit->first_rule, sizeof kit->first_rule, "%s", broken->rule);
    if (kit->expects)
        return;
    fprintf(stderr, "# broken: %s: %s (%p)\n", broken->rule, broken->detail, broken->address);
    abort();
}

static void trace_tagged(void *user, void *data, size_t bytes, struct mid_tracer *tracer)
{
    struct tagged *t = data;
    (void)user;
    (void)bytes;
    for (size_t i = 0; i < 3; i++)
        if (t->mask >> i & 1)
            mid_trace_slot(tracer, (struct mid_slot){&t->words[i]}, i == 0 ? "first" : NULL, i);
}

static enum mid_status add(struct kit *kit, struct mid_type *type, struct mid_type_info info)
{
    info.struct_size = sizeof info;
    return mid_type_register(kit->heap, &info, type);
}

static enum mid_status register_types(struct kit *kit)
{
    static const struct mid_field pair[] = {{"left", offsetof(struct pair, left), MID_EDGE_PROPERTY},
                                            {"right", offsetof(struct pair, right), MID_EDGE_INTERNAL}};
    static const struct mid_field cell[] = {{"head", offsetof(struct cell, head), MID_EDGE_PROPERTY},
                                            {"tail", offsetof(struct cell, tail), MID_EDGE_CONTEXT}};
    static const struct mid_field parent[] = {{"parent", 0, MID_EDGE_PROPERTY}};
    enum mid_status s[] = {
        add(kit, &kit->pair, (struct mid_type_info){.name = "Pair", .fixed_bytes = sizeof(struct pair), .fields = pair, .field_count = 2}),
        add(kit, &kit->cell, (struct mid_type_info){.name = "Cell", .fixed_bytes = sizeof(struct cell), .fields = cell, .field_count = 2}),
        add(kit, &kit->tagged, (struct mid_type_info){.name = "Tagged", .fixed_bytes = sizeof(struct tagged), .trace = trace_tagged}),
        add(kit, &kit->array, (struct mid_type_info){.name = "Array", .tail = MID_TAIL_REFS, .kind = MID_KIND_ARRAY}),
        add(kit, &kit->bytes, (struct mid_type_info){.name = "Bytes", .tail = MID_TAIL_BYTES}),
        add(kit, &kit->frame, (struct mid_type_info){.name = "Frame", .fixed_bytes = 16, .fields = parent, .field_count = 1, .tail = MID_TAIL_REFS, .kind = MID_KIND_CLOSURE}),
        add(kit, &kit->text, (struct mid_type_info){.name = "Text", .fixed_bytes = 8, .fields = parent, .field_count = 1, .tail = MID_TAIL_BYTES, .kind = MID_KIND_STRING}),
    };
    for (size_t i = 0; i < sizeof s / sizeof s[0]; i++)
        if (s[i] != MID_OK)
            return s[i];
    return MID_OK;
}

enum mid_status kit_make(struct kit *kit, const char *text)
{
    struct mid_heap_options options;
    memset(kit, 0, sizeof *kit);
    mid_heap_options_init(&options);
    options.verify = MID_VERIFY_PHASE;
    options.broken = on_broken;
    options.broken_user = kit;
    if (getenv("TEST_TRACE") != NULL) {
        options.trace = MID_TRACE_GC | MID_TRACE_PHASES;
        options.trace_line = mid_trace_to_stream;
        options.trace_user = stderr;
    }
    enum mid_status status = mid_heap_options_parse(&options, text, NULL);
    if (status == MID_OK)
        status = mid_heap_create(&options, &kit->heap);
    if (status == MID_OK && (status = register_types(kit)) != MID_OK) {
        mid_heap_destroy(kit->heap);
        kit->heap = NULL;
    }
    return status;
}

void kit_end(struct kit *kit)
{
    if (!kit->expects)
        kit_verify(kit);
    mid_heap_destroy(kit->heap);
    kit->heap = NULL;
}

unsigned kit_verify(struct kit *kit)
{
    kit->findings = 0;
    kit->first_rule[0] = '\0';
    (void)mid_heap_verify(kit->heap, on_broken, kit);
    return kit->findings;
}

struct pair *as_pair(struct mid_ref ref)
{
    return mid_data(ref);
}

struct mid_ref kit_pair(struct kit *kit, struct mid_slot left, struct mid_slot right, uint64_t value)
{
    struct mid_ref ref = mid_new(kit->heap, kit->pair);
    if (mid_is_null(ref))
        return ref;
    mid_init_field(&as_pair(ref)->left, mid_get(left));
    mid_init_field(&as_pair(ref)->right, mid_get(right));
    as_pair(ref)->value = value;
    return ref;
}

struct mid_gc_stats kit_stats(struct kit *kit)
{
    struct mid_gc_stats stats = {.struct_size = sizeof stats};
    if (mid_heap_stats(kit->heap, &stats) != MID_OK)
        abort();
    return stats;
}

bool kit_is_young(struct kit *kit, struct mid_ref ref)
{
    const struct mid__hot *hot = (const struct mid__hot *)kit->heap;
    return (uintptr_t)ref.object - hot->young_base < hot->young_bytes;
}

void kit_make_old(struct kit *kit, struct mid_slot slot)
{
    for (int i = 0; i < 9 && kit_is_young(kit, mid_get(slot)); i++)
        (void)mid_heap_collect(kit->heap, MID_COLLECT_SCAVENGE, "make old");
}
