/* SPDX-License-Identifier: MIT
 *
 * heap.c: the life of a heap, its types, and the text of a refusal. What the files of gc/ are about:
 *
 *     heap_inline.h  bump, barrier          alloc.c      when the bump fails        pace.c     when to collect
 *     nursery.c      scavenge               collect.c    the collections            options.c  the table of options
 *     remset.c       old-to-young slots     oldspace.c   blocks and cells           verify.c   recomputes everything
 *     mark.c         snapshot marking       largespace.c pages, mappings            walk.c     for snapshots
 *     settle.c       what depends on death  verify_ephemeron.c, verify_pins.c       ... of tables and pins
 *     sweep.c        counts afterwards      finalize.c   weak, finalizers, buffers  ids.c      names that stay
 *     slide.c        slides all to one end         conservative.c  the C stack
 *     compact.c      empties sparse blocks         ephemeron.c  weak tables
 *     roots.c        locals, handles        trace.c      events, lines              stats.c    figures
 *     pauses.c       how long, how often    trend.c      what grows
 *     adapt.c        growth by rates                sites.c     who allocated what
 *     crew.c         helper threads         mark_parallel.c  ... that mark
 *     chrome.c       trace events           map_svg.c    a picture
 *
 *   I1  the first words of struct mid_heap are struct mid__hot: the inlined functions rely on it
 *   I2  everything that a heap holds hangs on it; nothing is global
 */
#include "internal.h"

#include <midden/chrome.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(offsetof(struct mid_heap, hot) == 0, "the inlined functions find the hot words first");
_Static_assert(MID_TYPES_MAX <= 0xffff, "a type's index has 16 bits in the header");

#define REFUSAL_BYTES 3072u

/* Room for at least `wanted` elements, doubling. NULL when there is none: `old` is then as it was. */
void *mid__grow(void *old, size_t *capacity, size_t wanted, size_t element_bytes)
{
    size_t count = *capacity < 16 ? 16 : *capacity, bytes;
    while (count < wanted)
        count *= 2;
    if (mid__mul_overflows(count, element_bytes, &bytes))
        return NULL;
    if (*capacity == count && mid__mul_overflows(count *= 2, element_bytes, &bytes))
        return NULL;
    void *grown = realloc(old, bytes);
    if (grown != NULL)
        *capacity = count;
    return grown;
}

/* ---- types -------------------------------------------------------------------------------------------------------------- */

static bool field_is_good(const struct mid_type_info *info, size_t i)
{
    const struct mid_field *field = &info->fields[i];
    if (field->offset % MID__WORD != 0 || field->offset >= info->fixed_bytes ||
        info->fixed_bytes - field->offset < MID__WORD || field->edge >= MID_EDGE_WEAK)
        return false;
    for (size_t j = 0; j < i; j++)
        if (info->fields[j].offset == field->offset)
            return false;
    return true;
}

static bool info_is_good(const struct mid_type_info *info)
{
    if (info == NULL || info->struct_size != sizeof *info || info->name == NULL ||
        info->fixed_bytes > MID_YOUNG_BYTES - MID__WORD || info->tail > MID_TAIL_BYTES || info->kind >= MID_KIND_COUNT)
        return false;
    if (info->field_count != 0 && info->fields == NULL)
        return false;
    if (info->trace != NULL && (info->field_count != 0 || info->tail == MID_TAIL_REFS))
        return false;
    for (size_t i = 0; i < info->field_count; i++)
        if (!field_is_good(info, i))
            return false;
    return true;
}

static enum mid__layout layout_of(const struct mid_type_info *info, size_t fixed_bytes)
{
    if (info->trace == NULL && info->field_count == 0 && info->tail != MID_TAIL_REFS)
        return MID__LAYOUT_RAW;
    if (info->trace == NULL && info->field_count * MID__WORD == fixed_bytes && info->tail != MID_TAIL_BYTES)
        return MID__LAYOUT_REFS;
    return MID__LAYOUT_TABLE;
}

static void free_type(struct mid__type *type)
{
    for (size_t i = 0; type->fields != NULL && i < type->field_count; i++)
        free((char *)(uintptr_t)type->fields[i].name);
    free(type->fields);
    free(type->name);
}

/* Copies name and fields; what has been copied hangs on `type` also on failure. */
static bool copy_texts(struct mid__type *type, const struct mid_type_info *info)
{
    type->name = strdup(info->name);
    if (type->name == NULL)
        return false;
    if (info->field_count == 0)
        return true;
    type->fields = calloc(info->field_count, sizeof *type->fields);
    for (size_t i = 0; type->fields != NULL && i < info->field_count; i++) {
        type->field_count = (uint32_t)(i + 1);
        type->fields[i] = info->fields[i];
        if (info->fields[i].name != NULL && (type->fields[i].name = strdup(info->fields[i].name)) == NULL)
            return false;
    }
    return type->fields != NULL;
}

enum mid_status mid_type_register(struct mid_heap *heap, const struct mid_type_info *info, struct mid_type *out)
{
    if (out == NULL || !info_is_good(info))
        return MID_E_INVALID;
    if (heap->type_count == MID_TYPES_MAX)
        return MID_E_LIMIT;
    mid__crew_recall(heap);
    if (heap->type_count == heap->type_capacity) {
        void *grown = mid__grow(heap->types, &heap->type_capacity, heap->type_count + 1, sizeof *heap->types);
        if (grown == NULL)
            return MID_E_MEMORY;
        heap->types = grown;
    }
    size_t fixed = mid__align_up(info->fixed_bytes, MID__WORD);
    struct mid__type type = {
        .header = ((uint64_t)fixed << MID__HEADER_SHIFT) | ((uint64_t)heap->type_count << MID__TYPE_SHIFT) |
                  ((uint64_t)layout_of(info, fixed) << MID__LAYOUT_SHIFT) | MID__IS_HEADER,
        .fixed_bytes = (uint32_t)fixed,
        .tail = info->tail,
        .kind = info->kind,
        .trace = info->trace,
        .describe = info->describe,
        .user = info->user,
    };
    if (!copy_texts(&type, info)) {
        free_type(&type);
        return MID_E_MEMORY;
    }
    heap->types[heap->type_count++] = type;
    out->header = type.header;
    return MID_OK;
}

void mid_trace_slot(struct mid_tracer *tracer, struct mid_slot slot, const char *name, size_t index)
{
    tracer->visit(tracer->context, slot.at, name, index);
}

/* ---- refusal ------------------------------------------------------------------------------------------------------------ */

static void MID__PRINTF(3, 4) append(char *text, size_t *length, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(text + *length, REFUSAL_BYTES - *length, format, list);
    va_end(list);
    if (n > 0)
        *length = *length + (size_t)n < REFUSAL_BYTES ? *length + (size_t)n : REFUSAL_BYTES - 1;
}

/* Writes the text into the room that was taken when the heap was made. */
void mid__refuse(struct mid_heap *heap, size_t bytes, const char *why)
{
    const double mb = 1024.0 * 1024.0;
    size_t length = 0;
    heap->totals.refusals++;
    append(heap->refusal, &length,
           "[midden] allocation of %zu bytes refused: %s (old space %.1f of %.1f MB taken, %.1f MB in use, nursery %.1f MB, "
           "external %.1f MB)\n",
           bytes, why, (double)mid__old_total(heap) / mb, (double)heap->old_limit / mb,
           (double)(heap->live_bytes[0] + heap->live_bytes[1]) / mb, (double)heap->nursery.capacity / mb,
           (double)heap->external / mb);
    append(heap->refusal, &length, "<--- last collections --->\n");
    for (size_t i = 0; i < MID__RECENT; i++) {
        char line[320];
        if (heap->recent[i].number == 0)
            continue;
        mid_collection_line(&heap->recent[i], line, sizeof line);
        append(heap->refusal, &length, "%s\n", line);
    }
    if (heap->busy == 0)
        mid__event_refused(heap);
}

const char *mid_heap_refusal(struct mid_heap *heap)
{
    return heap->refusal;
}

/* ---- life ----------------------------------------------------------------------------------------------------------------- */

static bool set_up(struct mid_heap *heap)
{
    heap->refusal = calloc(1, REFUSAL_BYTES);
    if (heap->refusal == NULL || !mid__pauses_init(heap) || !mid__roots_init(heap) || !mid__mark_init(heap) ||
        !mid__crew_init(heap))
        return false;
    mid__old_init(heap);
    mid__pace_init(heap);
    struct mid_type_info buffer = {
        .struct_size = sizeof buffer,
        .name = "Buffer",
        .fixed_bytes = sizeof(struct mid_slice),
        .kind = MID_KIND_NATIVE,
    };
    return mid_type_register(heap, &buffer, &heap->buffer_type) == MID_OK && mid__ephemeron_init(heap);
}

enum mid_status mid_heap_create(const struct mid_heap_options *options, struct mid_heap **out)
{
    struct mid_heap_options settled;
    if (out == NULL)
        return MID_E_INVALID;
    *out = NULL;
    mid_heap_options_init(&settled);
    if (options != NULL && options->struct_size != sizeof *options)
        return MID_E_INVALID;
    if (options != NULL)
        settled = *options;
    enum mid_status status = mid__options_settle(&settled);
    if (status != MID_OK)
        return status;
    struct mid_heap *heap = calloc(1, sizeof *heap);
    if (heap == NULL)
        return MID_E_MEMORY;
    heap->options = settled;
    heap->counting = &heap->minor;
    heap->waiting_limit = SIZE_MAX;
    (void)mid_heap_sample(heap, settled.sample_bytes);
    heap->made_ns = mid__sys_now_ns();
    if (!set_up(heap)) {
        mid_heap_destroy(heap);
        return MID_E_MEMORY;
    }
    *out = heap;
    return MID_OK;
}

void mid_heap_destroy(struct mid_heap *heap)
{
    if (heap == NULL)
        return;
    mid__crew_free(heap);
    heap->busy++;
    mid__watched_free(heap);
    while (heap->chunk_count > 0)
        mid__chunk_unmap(heap, heap->chunks[heap->chunk_count - 1]);
    free(heap->chunks);
    mid__nursery_unmap(heap);
    mid__remset_free(heap);
    mid__mark_free(heap);
    mid__roots_free(heap);
    for (size_t i = 0; i < heap->type_count; i++)
        free_type(&heap->types[i]);
    free(heap->types);
    free(heap->ids.entries);
    mid__ephemeron_free(heap);
    mid__sites_free(heap);
    free(heap->listeners);
    (void)mid_chrome_end(heap);
    mid__pauses_free(heap);
    free(heap->refusal);
    free(heap);
}
