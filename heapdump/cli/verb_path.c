/* SPDX-License-Identifier: MIT

 * verb_path.c: `midden path`: chains of references from the roots to an object (which ones: routes.c), or those to all
 * objects that are selected, merged by class (path_classes.c).
 */
#include <midden/internal/path.h>

#include <stdlib.h>

#include "dump.h"
#include "path_classes.h"

#define EDGE_COLUMNS 40
#define TEXT_PATHS   3
#define JSON_PATHS   1

struct way {
    uint32_t *steps, count; /* edges from the root down */
};

struct path {
    struct dump *dump;
    struct output *out;
    uint32_t node;
    struct way *ways;
    size_t count;
    bool more; /* than were asked for */
};

static void json_step(const struct path *p, uint32_t node, const uint32_t *edge)
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

static void print_json(const struct path *p)
{
    const struct mid__graph *g = p->dump->graph;
    struct json *j = &p->out->json;
    json_open(j, '{');
    dump_json_node(p->dump, j, p->node);
    json_key(j, "paths");
    json_open(j, '[');
    for (size_t w = 0; w < p->count; w++) {
        json_open(j, '[');
        json_step(p, g->root, NULL);
        for (uint32_t i = 0; i < p->ways[w].count; i++)
            json_step(p, g->edge_target[p->ways[w].steps[i]], &p->ways[w].steps[i]);
        json_close(j, ']');
    }
    json_close(j, ']');
    json_close(j, '}');
    json_end(j);
}

static void print_step(const struct path *p, uint32_t place, uint32_t node, const uint32_t *edge)
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

/* How many of the first steps two paths have in common. */
static uint32_t common(const struct way *a, const struct way *b)
{
    uint32_t i = 0;
    while (i < a->count && i < b->count && a->steps[i] == b->steps[i])
        i++;
    return i;
}

/* Of a further path what it shares with the first is left out, but for the object where they part. */
static void print_way(const struct path *p, size_t at)
{
    const struct mid__graph *g = p->dump->graph;
    const struct way *w = &p->ways[at];
    uint32_t shared = at != 0 ? common(&p->ways[0], w) : 0;
    struct text t = {0};
    if (at != 0) {
        text_addf(&t, "\n%zu. another way", at + 1);
        text_add(&t, shared > 1 ? ", which parts at\n" : "\n");
        output_text(p->out, PAINT_TITLE, &t);
    }
    if (shared <= 1)
        print_step(p, 0, g->root, NULL);
    for (uint32_t i = shared > 1 ? shared - 1 : 0; i < w->count; i++)
        print_step(p, i + 1, g->edge_target[w->steps[i]], &w->steps[i]);
    text_free(&t);
}

static void print_text(const struct path *p)
{
    struct text t = {0};
    if (p->count == 0) {
        dump_add_node(p->dump, &t, p->node, output_room(p->out, 40), p->out->ascii);
        text_add(&t, ": no path; nothing reaches it from the roots\n");
        output_text(p->out, PAINT_PLAIN, &t);
        text_free(&t);
        return;
    }
    output_words(p->out, PAINT_TITLE, p->out->exact ? " STEP        RETAINED  OBJECT\n" : " STEP  RETAINED  OBJECT\n");
    for (size_t w = 0; w < p->count; w++)
        print_way(p, w);
    if (p->more)
        output_words(p->out, PAINT_DIM, "\n... and other ways (-n 0 shows all)\n");
}

/* Finds `limit` paths, and whether there is one more. The root itself has one, of no step. */
static void find_ways(struct path *p, size_t limit)
{
    struct mid__routes *routes;
    dump_check(p->dump, mid__routes_begin(p->dump->graph, p->node, &routes));
    for (size_t room = 0; !p->more;) {
        struct way w;
        dump_check(p->dump, mid__routes_next(routes, &w.steps, &w.count));
        bool is_one = w.count != 0 || (p->node == p->dump->graph->root && p->count == 0);
        p->more = is_one && p->count == limit;
        if (!is_one || p->more) {
            free(w.steps);
            break;
        }
        if (p->count == room) {
            room = room != 0 ? 2 * room : 4;
            p->ways = cli_grow(p->ways, room, sizeof p->ways[0]);
        }
        p->ways[p->count++] = w;
    }
    mid__routes_free(routes);
}

static void run_one(struct dump *d, const struct options *options)
{
    struct output o;
    struct path p = {.dump = d, .out = &o};
    uint64_t id = options_object_id(options, options->operands[1]);
    dump_open(d, options->operands[0], MID__PARTS_FIGURES);
    p.node = dump_find(d, id);
    dump_infer(d);
    dump_classify(d, d->interfaces, false);
    find_ways(&p, options_limit(options, TEXT_PATHS, JSON_PATHS));
    output_begin(&o, options);
    if (options->json)
        print_json(&p);
    else
        print_text(&p);
    output_end(&o);
    for (size_t i = 0; i < p.count; i++)
        free(p.ways[i].steps);
    free(p.ways);
}

static enum cli_status run(const struct options *options)
{
    struct dump d;
    bool selects = options->where != NULL || options->has_filter;
    if (selects == (options->operand_count > 1))
        cli_die(CLI_USAGE, "path: one object, as @ID, or many, by --where or --filter (see midden path --help)");
    if (!selects) {
        run_one(&d, options);
    } else {
        dump_open(&d, options->operands[0], MID__PARTS_FIGURES | MID__PART_DOMINATED | dump_parts(options));
        dump_infer(&d);
        dump_select(&d, options);
        dump_classify(&d, d.interfaces, false);
        path_classes(&d, options);
    }
    dump_close(&d);
    return CLI_FINE;
}

const struct verb verb_path = {
    .name = "path",
    .operands = "FILE [@ID]",
    .summary = "why objects are alive: shortest paths from the roots",
    .about = "With @ID: a shortest chain of references from the roots to the object, and other ways by which it would still\n"
             "be held if that one were cut. Each further path takes as few references of those before it as it can.\n"
             "-n says how many (3; with --json 1).\n"
             "With --where or --filter: the shortest paths to all objects selected, merged by class: by which ways they are\n"
             "held, and how many by each; of each fork the first 8, as far as 1 % of the objects go by them. -n says otherwise.\n"
             "With --json it is 50, however few.\n\n"
             "  midden path app.heapsnapshot @59857\n"
             "  midden path -n 0 app.heapsnapshot @59857\n"
             "  midden path --where 'class=Session' app.heapsnapshot",
    .operands_min = 1,
    .operands_max = 2,
    .options = OPTION_COMMON | OPTION_LIMIT | OPTION_SELECT | OPTION_BYTES,
    .run = run};
