/* SPDX-License-Identifier: MIT
 * verb_object.c: `midden object`: all that is known of one object. */
#include <stdlib.h>

#include "dump.h"
#include "rank.h"
#include "site.h"

#define TEXT_ROWS  30
#define FIELD_COLUMNS 32

struct object {
    struct dump *dump;
    struct output *out;
    uint32_t node;
    uint64_t field_count, retainer_count; /* of what is selected at the other end */
    struct rank fields, retainers; /* edges */
};

/* The field with the greatest target first; equal ones in the order of the file. */
static bool larger_target(const void *user, uint32_t a, uint32_t b)
{
    const struct mid__graph *g = user;
    uint64_t x = g->retained[g->edge_target[a]], y = g->retained[g->edge_target[b]];
    return x != y ? x > y : a < b;
}

static int32_t nearness(int32_t distance)
{
    return distance < 0 ? INT32_MAX : distance;
}


/* The retainer nearest to the roots first. */
static bool nearer_source(const void *user, uint32_t a, uint32_t b)
{
    const struct mid__graph *g = user;
    int32_t x = nearness(g->distance[mid__graph_edge_source(g, a)]);
    int32_t y = nearness(g->distance[mid__graph_edge_source(g, b)]);
    return x != y ? x < y : a < b;
}

static bool is_shown(const struct object *x, uint32_t other)
{
    return x->dump->selected == NULL || x->dump->selected[other];
}

static void collect(struct object *x, size_t limit)
{
    const struct mid__graph *g = x->dump->graph;
    rank_begin(&x->fields, limit, larger_target, g);
    rank_begin(&x->retainers, limit, nearer_source, g);
    for (uint32_t e = g->first_edge[x->node]; e < g->first_edge[x->node + 1]; e++) {
        if (is_shown(x, g->edge_target[e])) {
            rank_offer(&x->fields, e);
            x->field_count++;
        }
    }
    for (uint32_t e = 0; e < g->edge_count; e++) {
        if (g->edge_target[e] == x->node && is_shown(x, mid__graph_edge_source(g, e))) {
            rank_offer(&x->retainers, e);
            x->retainer_count++;
        }
    }
    rank_finish(&x->fields);
    rank_finish(&x->retainers);
}

/* ---- JSON */

static void json_edges(struct object *x, const char *key, const struct rank *edges, bool sources)
{
    const struct mid__graph *g = x->dump->graph;
    struct json *j = &x->out->json;
    json_key(j, key);
    json_open(j, '[');
    for (size_t i = 0; i < edges->count; i++) {
        uint32_t e = edges->items[i];
        json_row(j);
        json_open(j, '{');
        dump_json_edge(x->dump, j, e);
        dump_json_node(x->dump, j, sources ? mid__graph_edge_source(g, e) : g->edge_target[e]);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_location(const struct object *x, struct json *j)
{
    const struct mid__graph_location *l = mid__graph_location_of(x->dump->graph, x->node);
    json_key(j, "location");
    if (l == NULL) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key(j, "script_id");
    json_signed(j, l->script_id);
    json_key(j, "line");
    json_signed(j, l->line);
    json_key(j, "column");
    json_signed(j, l->column);
    json_close(j, '}');
}

static void print_json(struct object *x)
{
    const struct mid__graph *g = x->dump->graph;
    struct json *j = &x->out->json;
    json_open(j, '{');
    dump_json_node(x->dump, j, x->node);
    json_key(j, "type");
    json_words(j, mid__graph_node_type_name(g, g->node_type[x->node]));
    json_key(j, "self_size");
    json_unsigned(j, mid__graph_raw_size(g, x->node));
    json_key(j, "detachedness");
    json_unsigned(j, g->node_detachedness[x->node]);
    json_location(x, j);
    site_json(g, j, mid__graph_site_of(g, x->node));
    json_key(j, "dominator");
    if (x->node == g->root) {
        json_null(j);
    } else {
        json_open(j, '{');
        dump_json_node(x->dump, j, g->dominator[x->node]);
        json_close(j, '}');
    }
    json_key(j, "field_count");
    json_unsigned(j, x->field_count);
    json_edges(x, "fields", &x->fields, false);
    json_key(j, "retainer_count");
    json_unsigned(j, x->retainer_count);
    json_edges(x, "retainers", &x->retainers, true);
    json_close(j, '}');
    json_end(j);
}

/* ---- text */

static void print_line(struct object *x, const char *label, struct text *value)
{
    fprintf(x->out->file, "  %-10s ", label);
    text_add(value, "\n");
    output_text(x->out, PAINT_PLAIN, value);
}

static void print_figures(struct object *x)
{
    const struct mid__graph *g = x->dump->graph;
    struct text t = {0};
    bool exact = x->out->exact;
    uint64_t size = mid__graph_size(g, x->node), raw = mid__graph_raw_size(g, x->node);
    text_add(&t, mid__graph_node_type_name(g, g->node_type[x->node]));
    text_add(&t, g->node_detachedness[x->node] == 2 ? ", detached" : "");
    print_line(x, "type", &t);
    text_add_size(&t, size, exact);
    if (raw != size) {
        text_add(&t, raw < size ? " (" : " (counted with its owner; ");
        text_add_size(&t, raw, exact);
        text_add(&t, raw < size ? " of its own, the rest is what it alone owns)" : " of its own)");
    }
    print_line(x, "shallow", &t);
    text_add_size(&t, g->retained[x->node], exact);
    text_addf(&t, " (%.1f %%)", g->total_size ? 100.0 * (double)g->retained[x->node] / (double)g->total_size : 0.0);
    print_line(x, "retained", &t);
    if (x->node == g->root)
        text_add(&t, "0");
    else if (g->distance[x->node] == MID__DISTANCE_NONE)
        text_add(&t, "not reached from the roots");
    else if (g->distance[x->node] >= MID__DISTANCE_SYSTEM)
        text_add(&t, "reached from the system's roots only");
    else
        text_add_count(&t, (uint64_t)g->distance[x->node]);
    print_line(x, "distance", &t);
    if (x->node != g->root) {
        dump_add_node(x->dump, &t, g->dominator[x->node], output_room(x->out, 13), x->out->ascii);
        print_line(x, "dominator", &t);
    }
    const struct mid__graph_location *l = mid__graph_location_of(g, x->node);
    if (l != NULL) {
        text_addf(&t, "script %d, line %lld, column %lld", (int)l->script_id, (long long)l->line + 1,
                  (long long)l->column + 1);
        print_line(x, "location", &t);
    }
    uint32_t site = mid__graph_site_of(g, x->node);
    if (site != MID__NO_SITE) {
        struct text stack = {0};
        site_add_stack(g, &stack, site);
        text_add_dump(&t, stack.bytes, stack.length, output_room(x->out, 13), x->out->ascii);
        text_free(&stack);
        print_line(x, "allocated", &t);
    }
    text_free(&t);
}

static void print_edges(struct object *x, const char *title, const struct rank *edges, uint64_t all, bool sources)
{
    const struct mid__graph *g = x->dump->graph;
    struct text t = {0};
    text_addf(&t, "\n%s (", title);
    text_add_count(&t, all);
    text_add(&t, ")\n");
    output_text(x->out, PAINT_TITLE, &t);
    for (size_t i = 0; i < edges->count; i++) {
        uint32_t e = edges->items[i], other = sources ? mid__graph_edge_source(g, e) : g->edge_target[e];
        struct text size = {0};
        text_add_size(&size, g->retained[other], x->out->exact);
        text_addf(&t, "%*s  ", x->out->exact ? 14 : 10, text_string(&size));
        output_text(x->out, PAINT_PLAIN, &t);
        dump_add_edge(x->dump, &t, e, FIELD_COLUMNS, x->out->ascii);
        size_t used = (x->out->exact ? 20 : 16) + t.length;
        output_text(x->out, PAINT_ID, &t);
        text_add(&t, sources ? " of " : (x->out->ascii ? " -> " : " \xe2\x86\x92 "));
        dump_add_node(x->dump, &t, other, output_room(x->out, used), x->out->ascii);
        text_add(&t, "\n");
        output_text(x->out, PAINT_PLAIN, &t);
        text_free(&size);
    }
    text_free(&t);
    output_left_out(x->out, all - edges->count, "reference", "references");
}

static void print_text(struct object *x)
{
    struct text t = {0};
    dump_add_node(x->dump, &t, x->node, x->out->columns == TEXT_NO_LIMIT ? TEXT_NO_LIMIT : 4 * x->out->columns,
                  x->out->ascii);
    text_add(&t, "\n");
    output_text(x->out, PAINT_TITLE, &t);
    text_free(&t);
    print_figures(x);
    print_edges(x, "fields", &x->fields, x->field_count, false);
    print_edges(x, "retainers", &x->retainers, x->retainer_count, true);
}

static enum cli_status run(const struct options *options)
{
    struct dump d;
    struct output o;
    uint64_t id = options_object_id(options, options->operands[1]);
    dump_open(&d, options->operands[0], MID__PARTS_FIGURES | dump_parts(options));
    struct object x = {.dump = &d, .out = &o, .node = dump_find(&d, id)};
    dump_infer(&d);
    dump_select(&d, options);
    dump_classify(&d, d.interfaces, false);
    collect(&x, options_limit(options, TEXT_ROWS, LIMIT_ALL));
    output_begin(&o, options);
    if (options->json)
        print_json(&x);
    else
        print_text(&x);
    output_end(&o);
    rank_free(&x.fields);
    rank_free(&x.retainers);
    dump_close(&d);
    return CLI_FINE;
}

const struct verb verb_object = {
    .name = "object",
    .operands = "FILE @ID",
    .summary = "one object: fields, retainers, sizes, distance, dominator",
    .about = "Prints all about one object: its sizes, its distance from the roots, the object that dominates it, what it\n"
             "refers to (the largest first), and what refers to it (the nearest to the roots first). With --where or --filter,\n"
             "of these only the objects selected.\n\n"
             "  midden object app.heapsnapshot @59449\n"
             "  midden object --where 'type=closure' -n 0 app.heapsnapshot @59449",
    .operands_min = 2,
    .operands_max = 2,
    .options = OPTION_COMMON | OPTION_LIMIT | OPTION_SELECT | OPTION_BYTES,
    .run = run};
