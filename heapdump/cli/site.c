/* SPDX-License-Identifier: MIT
 *
 * site.c: who allocated what is alive. A dump has a site for every object (V8's tracking) or, where the header has sample_bytes,
 * for one object in so many bytes: then the live bytes of a site are estimated, each sampled object standing for its size
 * divided by its chance of being sampled, which is without bias. What is counted and sampled is shown beside.
 */
#include "site.h"

#include <midden/internal/sampling.h>

#include <stdlib.h>
#include <string.h>

#define FRAMES_SHOWN 64

struct row {
    uint32_t site;
    uint64_t count, bytes;
    double estimate;
};

/* ---- one stack */

static const char *string_of(const struct mid__graph *g, uint32_t string, char buffer[1100], size_t *length)
{
    *length = mid__strings_get(&g->strings, string, buffer, 1100);
    if (*length >= 1100)
        *length = strlen(buffer);
    return buffer;
}

static void add_frame(const struct mid__graph *g, struct text *t, uint32_t function)
{
    char buffer[1100];
    size_t length;
    if (function == MID__NO_SITE) {
        text_add(t, "(unknown)");
        return;
    }
    const struct mid__graph_function *f = &g->functions[function];
    const char *words = string_of(g, f->name, buffer, &length);
    if (length == 0)
        text_add(t, "(anonymous)");
    text_add_bytes(t, words, length);
    words = string_of(g, f->script, buffer, &length);
    if (length == 0)
        return;
    text_add(t, " (");
    text_add_bytes(t, words, length);
    if (f->line != 0)
        text_addf(t, ":%u", (unsigned)f->line);
    text_add(t, ")");
}

/* The root of the tree stands for no call. */
static uint32_t above(const struct mid__graph *g, uint32_t site)
{
    uint32_t parent = g->sites[site].parent;
    return parent == MID__NO_SITE || g->sites[parent].parent == MID__NO_SITE ? MID__NO_SITE : parent;
}

void site_add_stack(const struct mid__graph *g, struct text *t, uint32_t site)
{
    for (unsigned depth = 0; site != MID__NO_SITE && depth < FRAMES_SHOWN; depth++, site = above(g, site)) {
        text_add(t, depth != 0 ? " < " : "");
        add_frame(g, t, g->sites[site].function);
    }
}

static void json_text(const struct mid__graph *g, struct json *j, const char *key, bool known, uint32_t string)
{
    char buffer[1100];
    size_t length;
    json_key(j, key);
    if (!known) {
        json_null(j);
        return;
    }
    const char *words = string_of(g, string, buffer, &length);
    json_string(j, words, length);
}

static void json_frame(const struct mid__graph *g, struct json *j, uint32_t function)
{
    static const struct mid__graph_function unknown;
    bool known = function != MID__NO_SITE;
    const struct mid__graph_function *f = known ? &g->functions[function] : &unknown;
    json_open(j, '{');
    json_text(g, j, "name", known, f->name);
    json_text(g, j, "script", known, f->script);
    json_key(j, "line");
    json_unsigned(j, f->line);
    json_key(j, "column");
    json_unsigned(j, f->column);
    json_close(j, '}');
}

void site_json(const struct mid__graph *g, struct json *j, uint32_t site)
{
    json_key(j, "allocated_at");
    if (site == MID__NO_SITE) {
        json_null(j);
        return;
    }
    json_open(j, '[');
    for (; site != MID__NO_SITE; site = above(g, site))
        json_frame(g, j, g->sites[site].function);
    json_close(j, ']');
}

/* ---- all */

static int by_bytes(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->estimate != y->estimate)
        return x->estimate < y->estimate ? 1 : -1;
    return x->site < y->site ? -1 : 1;
}

/* Rows with something alive, or allocated while nothing is left of it; returns how many. */
static size_t gather(const struct dump *d, struct row *rows)
{
    const struct mid__graph *g = d->graph;
    size_t kept = 0;
    for (uint32_t i = 0; i < g->site_count; i++)
        rows[i] = (struct row){.site = i};
    for (uint32_t n = 0; n < g->node_count; n++) {
        uint32_t site = d->selected == NULL || d->selected[n] ? mid__graph_site_of(g, n) : MID__NO_SITE;
        if (site == MID__NO_SITE)
            continue;
        double size = (double)mid__graph_raw_size(g, n);
        rows[site].count++;
        rows[site].bytes += mid__graph_raw_size(g, n);
        rows[site].estimate += g->sample_bytes == 0 || size == 0 ? size : size / mid__sampled_share(size, (double)g->sample_bytes);
    }
    for (uint32_t i = 0; i < g->site_count; i++)
        if (rows[i].count != 0 || (d->selected == NULL && g->sites[i].count != 0))
            rows[kept++] = rows[i];
    qsort(rows, kept, sizeof rows[0], by_bytes);
    return kept;
}

static void print_json(const struct dump *d, struct json *j, const struct row *rows, size_t count)
{
    const struct mid__graph *g = d->graph;
    json_open(j, '{');
    json_key(j, "file");
    json_words(j, d->path);
    dump_json_selected(d, j);
    json_key(j, "sample_bytes");
    json_unsigned(j, g->sample_bytes);
    json_key(j, "sites");
    json_open(j, '[');
    for (size_t i = 0; i < count; i++) {
        const struct mid__graph_site *s = &g->sites[rows[i].site];
        json_row(j);
        json_open(j, '{');
        json_key(j, "id");
        json_unsigned(j, s->id);
        json_key(j, "live_bytes");
        json_unsigned(j, (uint64_t)(rows[i].estimate + 0.5));
        json_key(j, "count");
        json_unsigned(j, rows[i].count);
        json_key(j, "shallow");
        json_unsigned(j, rows[i].bytes);
        json_key(j, "allocated_count");
        json_unsigned(j, s->count);
        json_key(j, "allocated_size");
        json_unsigned(j, s->size);
        site_json(g, j, rows[i].site);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
    json_end(j);
}

static void print_text(struct dump *d, struct output *o, const struct row *rows, size_t count, size_t all)
{
    const struct mid__graph *g = d->graph;
    bool sampled = g->sample_bytes != 0;
    const char *const titles[] = {sampled ? "LIVE ~" : "LIVE", "COUNT", "SHALLOW", "ALLOCATED", "SHALLOW", "SITE"};
    static const enum paint paints[] = {PAINT_PLAIN, PAINT_PLAIN, PAINT_PLAIN, PAINT_DIM, PAINT_DIM, PAINT_CLASS};
    struct table t;
    struct text line = {0};
    table_begin(&t, 6, titles, paints);
    for (size_t i = 0; i < count; i++) {
        table_size(&t, (uint64_t)(rows[i].estimate + 0.5), o->exact);
        table_count(&t, rows[i].count);
        table_size(&t, rows[i].bytes, o->exact);
        table_count(&t, g->sites[rows[i].site].count);
        table_size(&t, g->sites[rows[i].site].size, o->exact);
        text_clear(&line);
        site_add_stack(g, &line, rows[i].site);
        table_name(&t, line.bytes, line.length);
    }
    dump_print_totals(d, o);
    if (sampled) {
        text_clear(&line);
        text_add(&line, "one object in ");
        text_add_size(&line, g->sample_bytes, o->exact);
        text_add(&line, " was sampled: LIVE is an estimate for all objects, the rest counts samples\n\n");
    } else {
        text_clear(&line);
        text_add(&line, "\n");
    }
    output_text(o, PAINT_PLAIN, &line);
    table_print(&t, o);
    table_free(&t);
    text_free(&line);
    output_left_out(o, all - count, "site", "sites");
}

void site_print_all(struct dump *d, struct output *o, const struct options *options, size_t limit)
{
    if (d->graph->site_count == 0)
        cli_die(CLI_USAGE, "%s: the snapshot has no allocation sites: it was written without sampling or tracking", d->title);
    struct row *rows = cli_allocate(d->graph->site_count, sizeof rows[0]);
    size_t all = gather(d, rows), count = all < limit ? all : limit;
    output_begin(o, options);
    if (options->json)
        print_json(d, &o->json, rows, count);
    else
        print_text(d, o, rows, count, all);
    output_end(o);
    free(rows);
}
