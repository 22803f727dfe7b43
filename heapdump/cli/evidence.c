/* SPDX-License-Identifier: MIT
 *
 * evidence.c: an object as a reason: what it is, what it retains, and why it is alive, in two lines of text
 *
 *     UnboundedCache @59449 retains 188 kB
 *       global @6051 .app -> {cache, emitter, ...} @56313 .cache -> UnboundedCache @59449
 *
 * or in JSON. The root's own step is left out of the text. A path may be as long as a linked list in the dump: of more
 * than PATH_ENDS * 2 steps only the first and the last are shown.
 */
#include "evidence.h"

#include <midden/internal/path.h>

#include <stdlib.h>

#define PATH_ENDS      8 /* steps */
#define JSON_PATH_ENDS 50
#define NAME_COLUMNS   40

void evidence_begin(struct evidence *e, struct dump *d)
{
    *e = (struct evidence){.dump = d};
    dump_check(d, mid__path_edges(d->graph, &e->arrivals));
}

void evidence_end(struct evidence *e)
{
    free(e->arrivals);
    free(e->steps);
    *e = (struct evidence){0};
}

/* Fills e->steps with the edges from the root down to `node`; returns how many. */
static size_t find_steps(struct evidence *e, uint32_t node)
{
    const struct mid__graph *g = e->dump->graph;
    size_t count = 0;
    for (uint32_t n = node; e->arrivals[n] != MID__PATH_NO_EDGE; n = mid__graph_edge_source(g, e->arrivals[n]))
        count++;
    if (count > e->capacity) {
        e->capacity = count;
        e->steps = cli_grow(e->steps, count, sizeof e->steps[0]);
    }
    size_t at = count;
    for (uint32_t n = node; e->arrivals[n] != MID__PATH_NO_EDGE; n = mid__graph_edge_source(g, e->arrivals[n]))
        e->steps[--at] = e->arrivals[n];
    return count;
}

/* How many steps of the middle are left out, from `ends` on. */
static size_t gap(size_t count, size_t ends)
{
    return count > 2 * ends + 1 ? count - 2 * ends : 0;
}

static void add_path(struct evidence *e, struct text *t, uint32_t node, bool ascii)
{
    const struct mid__graph *g = e->dump->graph;
    size_t count = find_steps(e, node), left_out = gap(count, PATH_ENDS);
    if (count == 0)
        text_add(t, node == g->root ? "the root itself" : "nothing reaches it from the roots");
    for (size_t i = 0; i < count; i++) {
        if (left_out != 0 && i == PATH_ENDS) {
            text_add(t, ascii ? " ... " : " \xe2\x80\xa6 ");
            text_add_count(t, left_out);
            text_add(t, " more steps");
            i += left_out;
        }
        if (i != 0) {
            text_add(t, " ");
            dump_add_edge(e->dump, t, e->steps[i], NAME_COLUMNS, ascii);
            text_add(t, ascii ? " -> " : " \xe2\x86\x92 ");
        }
        dump_add_node(e->dump, t, g->edge_target[e->steps[i]], NAME_COLUMNS, ascii);
    }
}

void evidence_add(struct evidence *e, struct text *t, uint32_t node, unsigned indent, bool exact, bool ascii)
{
    text_addf(t, "%*s", (int)indent, "");
    dump_add_node(e->dump, t, node, 2 * NAME_COLUMNS, ascii);
    text_add(t, " retains ");
    text_add_size(t, e->dump->graph->retained[node], exact);
    text_addf(t, "\n%*s", (int)indent + 2, "");
    add_path(e, t, node, ascii);
    text_add(t, "\n");
}

void evidence_json(struct evidence *e, struct json *j, uint32_t node)
{
    const struct mid__graph *g = e->dump->graph;
    size_t count = find_steps(e, node), left_out = gap(count, JSON_PATH_ENDS);
    json_open(j, '{');
    dump_json_node(e->dump, j, node);
    json_key(j, "path_length");
    json_unsigned(j, count);
    json_key(j, "path");
    json_open(j, '[');
    for (size_t i = 0; i < count; i++) {
        if (left_out != 0 && i == JSON_PATH_ENDS)
            i += left_out;
        json_open(j, '{');
        dump_json_edge(e->dump, j, e->steps[i]);
        dump_json_node(e->dump, j, g->edge_target[e->steps[i]]);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}
