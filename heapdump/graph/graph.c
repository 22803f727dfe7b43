/* SPDX-License-Identifier: MIT
 *
 * graph.c: the graph as a whole: made by load, filled by analyze, ended by free; its errors and warnings; and the
 * accessors that are more than an array read.
 */
#include "index_format.h"
#include "input.h"
#include "private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PARK_BYTES ((size_t)32 << 20)

/* ---- errors and warnings */

/* Text out of a dump or of the system, made fit for one line of a terminal. */
void mid__make_plain(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

enum mid_status mid__fail(struct mid__graph_error *error, enum mid_status status, const char *format, ...)
{
    error->status = status;
    va_list list;
    va_start(list, format);
    vsnprintf(error->message, sizeof error->message, format, list);
    va_end(list);
    mid__make_plain(error->message);
    return status;
}

enum mid_status mid__fail_block(const struct memory *m, struct mid__graph_error *error)
{
    if (m->limit_hit)
        return mid__fail(error, MID_E_LIMIT, "the limit of %zu bytes of memory is too small", m->limit_bytes);
    return mid__fail(error, MID_E_MEMORY, "out of memory");
}

enum mid_status mid__fail_memory(const struct mid__graph *g, struct mid__graph_error *error)
{
    return mid__fail_block(&g->own->memory, error);
}

void mid__graph_error_line(const struct mid__graph_error *error, char *buffer, size_t capacity)
{
    if (!error->has_place)
        snprintf(buffer, capacity, "%s", error->message);
    else if (error->section[0] == '\0')
        snprintf(buffer, capacity, "%s (at byte %llu)", error->message, (unsigned long long)error->offset);
    else
        snprintf(buffer, capacity, "%s (in %s, at byte %llu)", error->message, error->section,
                 (unsigned long long)error->offset);
}

struct mid__graph_warning *mid__warn(struct mid__graph *g, const char *section, uint64_t offset, const char *format, ...)
{
    struct mid__graph_warning *w = g->own->warnings;
    uint32_t i = 0;
    char text[sizeof w->message];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    mid__make_plain(text);
    /* One kind is one section and the words before the first figure. */
    size_t kind = strcspn(text, "0123456789");
    for (; i < g->warning_count; i++)
        if (strcmp(w[i].section, section) == 0 && strncmp(w[i].message, text, kind) == 0) {
            w[i].count++;
            return &w[i];
        }
    if (i == MAX_WARNINGS)
        return NULL;
    snprintf(w[i].section, sizeof w[i].section, "%s", section);
    snprintf(w[i].message, sizeof w[i].message, "%s", text);
    w[i].offset = offset;
    w[i].count = 1;
    g->warning_count++;
    return &w[i];
}

bool mid__progress(const struct mid__graph *g, const char *phase, uint64_t done, uint64_t total,
                   struct mid__graph_error *error)
{
    const struct mid__graph_options *o = &g->own->options;
    if (o->progress == NULL || o->progress(o->user, phase, done, total))
        return true;
    mid__fail(error, MID_E_BUSY, "stopped");
    return false;
}

/* ---- load and free */

struct mid__graph *mid__graph_make(const struct mid__graph_options *options, struct mid__graph_error *error)
{
    memset(error, 0, sizeof *error);
    struct mid__graph *g = calloc(1, sizeof *g);
    struct mid__graph_private *own = calloc(1, sizeof *own);
    if (g == NULL || own == NULL) {
        free(g);
        free(own);
        mid__fail(error, MID_E_MEMORY, "out of memory");
        return NULL;
    }
    g->own = own;
    if (options != NULL)
        own->options = *options;
    own->memory.limit_bytes = own->options.max_bytes;
    size_t park = own->options.park_bytes;
    own->memory.park_bytes = park == 0 ? DEFAULT_PARK_BYTES : park == SIZE_MAX ? 0 : park;
    return g;
}

/* What the floods do not read; nothing of it changes from now on. */
static void park_loaded(struct mid__graph *g)
{
    struct memory *m = &g->own->memory;
    mid__mem_park(m, g->node_name);
    mid__mem_park(m, g->node_trace_id);
    mid__mem_park(m, g->locations);
    mid__mem_park(m, g->edge_name);
    mid__mem_park(m, g->strings.text);
    mid__mem_park(m, g->strings.start);
    mid__mem_rest_all(m);
}

static enum mid_status load(struct mid__graph *g, struct mid__input *in, struct mid__graph **graph,
                            struct mid__graph_error *error)
{
    enum mid_status status = in != NULL ? mid__load(g, in, error) : error->status;
    mid__input_close(in);
    if (status == MID_OK)
        status = mid__names_find(g, error);
    if (status == MID_OK)
        status = mid__dom_state_spread(g, error);
    park_loaded(g);
    mid__mem_trim(&g->own->memory);
    g->has_user_roots = status == MID_OK && mid__has_user_roots(g);
    if (status == MID_OK)
        *graph = g;
    else
        mid__graph_free(g);
    return status;
}

enum mid_status mid__graph_load(const char *path, const struct mid__graph_options *options, struct mid__graph **graph,
                                struct mid__graph_error *error)
{
    *graph = NULL;
    struct mid__graph *g = mid__graph_make(options, error);
    if (g == NULL)
        return error->status;
    if (g->own->options.index != NULL && strcmp(path, "-") != 0 && index_open(path, g)) {
        *graph = g;
        return MID_OK;
    }
    return load(g, mid__input_open(path, &g->own->memory, error), graph, error);
}

enum mid_status mid__graph_load_memory(const void *bytes, size_t size, const struct mid__graph_options *options,
                                       struct mid__graph **graph, struct mid__graph_error *error)
{
    *graph = NULL;
    struct mid__graph *g = mid__graph_make(options, error);
    if (g == NULL)
        return error->status;
    return load(g, mid__input_open_memory(bytes, size, &g->own->memory, error), graph, error);
}

void mid__graph_free(struct mid__graph *g)
{
    if (g == NULL)
        return;
    mid__index_close(g);
    mid__mem_end(&g->own->memory);
    free(g->own);
    free(g);
}

/* ---- analyze */

struct part {
    unsigned bit, needs;
    enum mid_status (*compute)(struct mid__graph *g, struct mid__graph_error *error);
    const char *phase;
};

/* In an order that keeps the peak low: the dominators need most for themselves, and what comes before them is parked when
 * they begin. */
static const struct part parts[] = {
    {MID__PART_PAGE_OWNED, 0, mid__flags_page_owned, "page objects"},
    {MID__PART_QUERYABLE, 0, mid__flags_queryable, "queryable objects"},
    {MID__PART_FOLDED, 0, mid__fold_sizes, "sizes"},
    {MID__PART_DISTANCES, 0, mid__distances, "distances"},
    {MID__PART_DOMINATORS, MID__PART_PAGE_OWNED, mid__dominators, "dominators"},
    {MID__PART_RETAINED, MID__PART_DOMINATORS | MID__PART_FOLDED, mid__retained, "retained sizes"},
    {MID__PART_DOMINATED, MID__PART_DOMINATORS, mid__dominated, "dominator tree"},
    {MID__PART_RETAINERS, 0, mid__retainers, "retainers"},
    {MID__PART_BY_ID, 0, mid__by_id, "ids"},
};
#define PARTS (sizeof parts / sizeof parts[0])

/* What a part leaves is parked when the parts behind it in the list do not read it, or read it in order. */
static void park_behind(struct mid__graph *g, unsigned bit)
{
    struct memory *m = &g->own->memory;
    switch (bit) {
    case MID__PART_FOLDED:
        mid__mem_park(m, g->node_size);
        break;
    case MID__PART_DISTANCES:
        mid__mem_park(m, g->distance);
        break;
    case MID__PART_RETAINERS:
        mid__mem_park(m, g->retainer);
        mid__mem_park(m, g->first_retainer);
        break;
    default:
        break;
    }
    mid__mem_rest_all(m);
}

enum mid_status mid__graph_analyze(struct mid__graph *g, unsigned wanted, struct mid__graph_error *error)
{
    memset(error, 0, sizeof *error);
    if ((wanted & ~MID__PARTS_ALL) != 0)
        return mid__fail(error, MID_E_INVALID, "an unknown part is asked for");
    for (unsigned round = 0; round < 3; round++) /* needs of needs */
        for (size_t i = 0; i < PARTS; i++)
            if (wanted & parts[i].bit)
                wanted |= parts[i].needs;
    mid__mem_rest_all(&g->own->memory);
    for (size_t i = 0; i < PARTS; i++) {
        if (!(wanted & ~g->own->done & parts[i].bit))
            continue;
        if (!mid__progress(g, parts[i].phase, i, PARTS, error))
            return error->status;
        enum mid_status status = parts[i].compute(g, error);
        if (status == MID_OK)
            park_behind(g, parts[i].bit);
        if (status != MID_OK) {
            mid__mem_trim(&g->own->memory);
            return status;
        }
        g->own->done |= parts[i].bit;
    }
    mid__mem_trim(&g->own->memory);
    return MID_OK;
}

void mid__graph_rest(const struct mid__graph *g)
{
    mid__mem_rest_all(&g->own->memory);
}

/* Frees a computed column and forgets it. */
static void drop(struct mid__graph *g, const uint32_t **column)
{
    mid__mem_free(&g->own->memory, (void *)(uintptr_t)*column);
    *column = NULL;
}

void mid__graph_drop(struct mid__graph *g, unsigned unwanted)
{
    unwanted &= g->own->done;
    if (unwanted & MID__PART_DOMINATED) {
        drop(g, &g->first_dominated);
        drop(g, &g->dominated);
    }
    if (unwanted & MID__PART_RETAINERS) {
        drop(g, &g->first_retainer);
        drop(g, &g->retainer);
    }
    if (unwanted & MID__PART_BY_ID)
        drop(g, &g->by_id);
    g->own->done &= ~(unwanted & (MID__PART_DOMINATED | MID__PART_RETAINERS | MID__PART_BY_ID));
}

/* ---- accessors */

static uint64_t wide_of(const struct wide_sizes *w, uint32_t node)
{
    uint32_t low = 0, high = w->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (w->list[middle].node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < w->count && w->list[low].node == node ? w->list[low].bytes : UINT32_MAX;
}

uint64_t mid__graph_wide_raw_size(const struct mid__graph *g, uint32_t node)
{
    return wide_of(&g->own->wide_raw, node);
}

uint64_t mid__graph_wide_size(const struct mid__graph *g, uint32_t node)
{
    return wide_of(&g->own->wide, node);
}

bool mid__wide_add(struct memory *m, struct wide_sizes *w, uint32_t node, uint64_t bytes)
{
    if (w->count == w->room) {
        uint32_t room = 2 * w->room + 16;
        struct wide_size *list = mid__mem_resize(m, w->list, room, sizeof *list);
        if (list == NULL)
            return false;
        w->list = list;
        w->room = room;
    }
    w->list[w->count++] = (struct wide_size){node, bytes};
    return true;
}

bool mid__graph_find(const struct mid__graph *g, uint64_t id, uint32_t *node)
{
    if (g->by_id == NULL) {
        for (*node = 0; *node < g->node_count; ++*node)
            if (mid__graph_id(g, *node) == id)
                return true;
        return false;
    }
    uint32_t low = 0, high = g->node_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (mid__graph_id(g, g->by_id[middle]) < id)
            low = middle + 1;
        else
            high = middle;
    }
    *node = low < g->node_count ? g->by_id[low] : 0;
    return low < g->node_count && mid__graph_id(g, *node) == id;
}

uint32_t mid__graph_edge_source(const struct mid__graph *g, uint32_t edge)
{
    /* The last node whose first edge is at or before this one. */
    uint32_t low = 0, high = g->node_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (g->first_edge[middle] <= edge)
            low = middle;
        else
            high = middle;
    }
    return low;
}

const struct mid__graph_location *mid__graph_location_of(const struct mid__graph *g, uint32_t node)
{
    uint32_t low = 0, high = g->location_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (g->locations[middle].node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < g->location_count && g->locations[low].node == node ? &g->locations[low] : NULL;
}

const char *mid__graph_node_type_name(const struct mid__graph *g, uint8_t type)
{
    return g->own->node_type_name[type < MAX_NODE_TYPES ? type : MID__NODE_UNKNOWN];
}

const char *mid__graph_edge_type_name(const struct mid__graph *g, uint8_t type)
{
    return g->own->edge_type_name[type < MAX_EDGE_TYPES ? type : MID__EDGE_UNKNOWN];
}
