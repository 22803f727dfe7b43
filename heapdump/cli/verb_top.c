/* SPDX-License-Identifier: MIT
 * verb_top.c: `midden top`: the objects that retain most. */
#include <string.h>

#include "dump.h"
#include "rank.h"

#define ROWS 50

static const char *const keys[] = {"retained", "shallow", "distance", NULL};

static bool more_retained(const void *user, uint32_t a, uint32_t b)
{
    const struct mid__graph *g = user;
    return g->retained[a] != g->retained[b] ? g->retained[a] > g->retained[b] : a < b;
}

static bool more_shallow(const void *user, uint32_t a, uint32_t b)
{
    uint64_t x = mid__graph_size(user, a), y = mid__graph_size(user, b);
    return x != y ? x > y : more_retained(user, a, b);
}

static bool farther(const void *user, uint32_t a, uint32_t b)
{
    const struct mid__graph *g = user;
    int32_t x = g->distance[a] < MID__DISTANCE_SYSTEM ? g->distance[a] : -1; /* what no user root reaches comes last */
    int32_t y = g->distance[b] < MID__DISTANCE_SYSTEM ? g->distance[b] : -1;
    return x != y ? x > y : more_retained(user, a, b);
}

static void rank_all(struct rank *r, const struct dump *d, const struct options *options)
{
    const struct mid__graph *g = d->graph;
    const char *key = options_sort(options);
    rank_before before = strcmp(key, "retained") == 0  ? more_retained
                         : strcmp(key, "shallow") == 0 ? more_shallow
                                                       : farther;
    rank_begin(r, options_limit(options, ROWS, ROWS), before, g);
    for (uint32_t n = 0; n < g->node_count; n++)
        if (n != g->root && (options->synthetic || g->node_type[n] != MID__NODE_SYNTHETIC) &&
            (d->selected == NULL || d->selected[n]))
            rank_offer(r, n);
    rank_finish(r);
}

static void print_json(struct dump *d, struct json *j, const struct rank *r)
{
    json_open(j, '{');
    dump_json_selected(d, j);
    json_key(j, "objects");
    json_open(j, '[');
    for (size_t i = 0; i < r->count; i++) {
        json_row(j);
        json_open(j, '{');
        dump_json_node(d, j, r->items[i]);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
    json_end(j);
}

static void print_text(struct dump *d, struct output *o, const struct rank *r)
{
    static const char *const titles[] = {"RETAINED", "%", "SHALLOW", "DISTANCE", "ID", "OBJECT"};
    static const enum paint paints[] = {PAINT_PLAIN, PAINT_DIM, PAINT_PLAIN, PAINT_PLAIN, PAINT_ID, PAINT_CLASS};
    const struct mid__graph *g = d->graph;
    struct table t;
    table_begin(&t, 6, titles, paints);
    for (size_t i = 0; i < r->count; i++) {
        uint32_t n = r->items[i];
        table_size(&t, g->retained[n], o->exact);
        table_percent(&t, g->retained[n], g->total_size);
        table_size(&t, mid__graph_size(g, n), o->exact);
        dump_add_distance(&t.cells, g->distance[n]);
        table_cell(&t);
        dump_table_node(d, &t, n);
    }
    dump_print_title(d, o);
    table_print(&t, o);
    table_free(&t);
}

static enum cli_status run(const struct options *options)
{
    struct dump d;
    struct output o;
    struct rank r;
    dump_open(&d, options->operands[0], MID__PARTS_FIGURES | dump_parts(options));
    dump_infer(&d);
    dump_select(&d, options);
    dump_classify(&d, d.interfaces, false);
    rank_all(&r, &d, options);
    output_begin(&o, options);
    if (options->json)
        print_json(&d, &o.json, &r);
    else
        print_text(&d, &o, &r);
    output_end(&o);
    rank_free(&r);
    dump_close(&d);
    return CLI_FINE;
}

const struct verb verb_top = {
    .name = "top",
    .operands = "FILE",
    .summary = "the objects that retain most",
    .about = "Prints the objects with the greatest retained size: 50, unless -n says otherwise. Nodes that stand for\n"
             "roots are left out unless --synthetic is given.\n\n"
             "  midden top app.heapsnapshot\n"
             "  midden top -n 0 --sort=shallow --where 'type=string' app.heapsnapshot\n"
             "  midden top --filter=detached app.heapsnapshot",
    .operands_min = 1,
    .operands_max = 1,
    .options = OPTION_COMMON | OPTION_LIMIT | OPTION_SORT | OPTION_SYNTHETIC | OPTION_SELECT | OPTION_BYTES,
    .sort_keys = keys,
    .run = run};
