/* SPDX-License-Identifier: MIT
 * verb_path.c: `midden path`: a shortest chain of references from the roots to an object. */
#include <midden/internal/path.h>

#include <stdlib.h>

#include "dump.h"

#define EDGE_COLUMNS 40

struct path {
    struct dump *dump;
    struct output *out;
    uint32_t node, *steps, count; /* edges from the root down */
};

static void json_step(struct path *p, uint32_t node, const uint32_t *edge)
{
    struct json *j = &p->out->json;
    json_row(j);
    json_open(j, '{');
    if (edge != NULL) {
        dump_json_edge(p->dump, j, *edge);
    } else {
        json_key(j, "edge_type");
        json_null(j);
        json_key(j, "edge_name");
        json_null(j);
    }
    dump_json_node(p->dump, j, node);
    json_close(j, '}');
}

static void print_json(struct path *p)
{
    const struct mid__graph *g = p->dump->graph;
    struct json *j = &p->out->json;
    json_open(j, '{');
    dump_json_node(p->dump, j, p->node);
    json_key(j, "paths");
    json_open(j, '[');
    if (p->count != 0 || p->node == g->root) {
        json_open(j, '[');
        json_step(p, g->root, NULL);
        for (uint32_t i = 0; i < p->count; i++)
            json_step(p, g->edge_target[p->steps[i]], &p->steps[i]);
        json_close(j, ']');
    }
    json_close(j, ']');
    json_close(j, '}');
    json_end(j);
}

static void print_step(struct path *p, uint32_t place, uint32_t node, const uint32_t *edge)
{
    const struct mid__graph *g = p->dump->graph;
    struct text t = {0}, size = {0};
    text_add_size(&size, g->retained[node], p->out->exact);
    text_addf(&t, "%5u  %*s  ", (unsigned)place, p->out->exact ? 14 : 8, text_string(&size));
    size_t used = t.length;
    output_text(p->out, PAINT_PLAIN, &t);
    if (edge != NULL) {
        dump_add_edge(p->dump, &t, *edge, EDGE_COLUMNS, p->out->ascii);
        used += t.length + 3;
        output_text(p->out, PAINT_ID, &t);
        text_add(&t, p->out->ascii ? " -> " : " \xe2\x86\x92 ");
    }
    dump_add_node(p->dump, &t, node, output_room(p->out, used), p->out->ascii);
    text_add(&t, "\n");
    output_text(p->out, PAINT_PLAIN, &t);
    text_free(&t);
    text_free(&size);
}

static void print_text(struct path *p)
{
    const struct mid__graph *g = p->dump->graph;
    struct text t = {0};
    if (p->count == 0 && p->node != g->root) {
        dump_add_node(p->dump, &t, p->node, output_room(p->out, 40), p->out->ascii);
        text_add(&t, ": no path; nothing reaches it from the roots\n");
        output_text(p->out, PAINT_PLAIN, &t);
        text_free(&t);
        return;
    }
    output_words(p->out, PAINT_TITLE, p->out->exact ? " STEP        RETAINED  OBJECT\n" : " STEP  RETAINED  OBJECT\n");
    print_step(p, 0, g->root, NULL);
    for (uint32_t i = 0; i < p->count; i++)
        print_step(p, i + 1, g->edge_target[p->steps[i]], &p->steps[i]);
}

static enum cli_status run(const struct options *options)
{
    struct dump d;
    struct output o;
    uint64_t id = options_object_id(options, options->operands[1]);
    dump_open(&d, options->operands[0], MID__PARTS_FIGURES);
    struct path p = {.dump = &d, .out = &o, .node = dump_find(&d, id)};
    dump_infer(&d);
    dump_classify(&d, d.interfaces, false);
    dump_check(&d, mid__path_to(d.graph, p.node, &p.steps, &p.count));
    output_begin(&o, options);
    if (options->json)
        print_json(&p);
    else
        print_text(&p);
    output_end(&o);
    free(p.steps);
    dump_close(&d);
    return CLI_FINE;
}

const struct verb verb_path = {
    .name = "path",
    .operands = "FILE @ID",
    .summary = "why an object is alive: a shortest path from the roots",
    .about = "Prints a shortest chain of references from the roots to the object.",
    .operands_min = 2,
    .operands_max = 2,
    .options = OPTION_COMMON | OPTION_BYTES,
    .run = run};
