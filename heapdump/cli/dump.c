/* SPDX-License-Identifier: MIT
 *
 * dump.c: a snapshot opened for a verb, and what its nodes and edges look like in text and in JSON. The figures are
 * the library's; here is only their dress.
 */
#include "dump.h"

#include <midden/internal/filters.h>
#include <midden/internal/where.h>

#include <stdlib.h>
#include <string.h>

#include "index.h"

/* ---- opening */

static bool on_progress(void *user, const char *phase, uint64_t done, uint64_t total)
{
    progress_show(user, phase, done, total);
    return true;
}

static _Noreturn void refuse(struct dump *d, const struct mid__graph_error *error)
{
    char line[512];
    progress_end(&d->progress);
    mid__graph_error_line(error, line, sizeof line);
    cli_die(CLI_UNREADABLE, "%s: %s", d->title, line);
}

static void print_warnings(const struct dump *d)
{
    for (uint32_t i = 0; i < d->graph->warning_count; i++) {
        const struct mid__graph_warning *w = &d->graph->warnings[i];
        struct text line = {0};
        text_addf(&line, "%s: warning: %s", d->title, w->message);
        if (w->section[0] != '\0')
            text_addf(&line, " (in %s, at byte %llu", w->section, (unsigned long long)w->offset);
        if (w->count > 1)
            text_addf(&line, "%s%llu times", w->section[0] != '\0' ? "; " : " (", (unsigned long long)w->count);
        if (w->section[0] != '\0' || w->count > 1)
            text_add(&line, ")");
        cli_warn("%s", text_string(&line));
        text_free(&line);
    }
}

unsigned dump_threads;

void dump_open(struct dump *d, const char *path, unsigned parts)
{
    struct mid__graph_error error;
    *d = (struct dump){.path = path, .title = strcmp(path, "-") == 0 ? "standard input" : cli_quote(path)};
    d->title = strdup(d->title);
    if (d->title == NULL)
        cli_die(CLI_UNREADABLE, "out of memory");
    struct mid__graph_options options = {
        .progress = on_progress, .user = &d->progress, .threads = dump_threads, .index = index_options()};
    progress_begin(&d->progress, d->title);
    if (mid__graph_load(path, &options, &d->graph, &error) != MID_OK)
        refuse(d, &error);
    if (mid__graph_analyze(d->graph, index_parts(d->graph, parts), &error) != MID_OK)
        refuse(d, &error);
    progress_end(&d->progress);
    print_warnings(d);
}

void dump_check(struct dump *d, enum mid_status status)
{
    if (status != MID_OK)
        cli_die(CLI_UNREADABLE, "%s: %s", d->title, mid_status_name(status));
}

void dump_infer(struct dump *d)
{
    dump_check(d, mid__interfaces_infer(d->graph, &d->interfaces));
}

void dump_classify(struct dump *d, const struct mid__interfaces *interfaces, bool with_retained)
{
    struct mid__classes_options how = {
        .interfaces = interfaces, .selected = d->selected, .with_retained = with_retained};
    dump_check(d, mid__classes_build_with(d->graph, &how, &d->classes));
}

unsigned dump_parts(const struct options *options)
{
    return (options->where != NULL ? mid__where_parts(options->where) | MID__PART_FOLDED : 0) |
           (options->has_filter ? MID__FILTER_PARTS : 0);
}

static void select_where(struct dump *d, const struct mid__where *where)
{
    struct mid__classes *classes;
    dump_check(d, mid__classes_build(d->graph, d->interfaces, false, &classes));
    dump_check(d, mid__where_select(where, d->graph, classes, &d->selected));
    mid__classes_free(classes);
}

static void count_selected(struct dump *d)
{
    d->selected_count = 0;
    for (uint32_t n = 0; d->selected != NULL && n < d->graph->node_count; n++)
        d->selected_count += d->selected[n] != 0;
}

bool dump_select_one(struct dump *d, const struct options *options)
{
    uint8_t *filtered;
    uint64_t id;
    bool there = options->where == NULL || !mid__where_missing_id(options->where, d->graph, &id);
    if (options->where != NULL)
        select_where(d, options->where);
    if (!options->has_filter) {
        count_selected(d);
        return there;
    }
    dump_check(d, mid__filter_select(d->graph, (enum mid__filter)options->filter, &filtered));
    for (uint32_t n = 0; d->selected != NULL && n < d->graph->node_count; n++)
        filtered[n] &= d->selected[n];
    free(d->selected);
    d->selected = filtered;
    count_selected(d);
    return there;
}

void dump_select(struct dump *d, const struct options *options)
{
    uint64_t id;
    if (!dump_select_one(d, options) && mid__where_missing_id(options->where, d->graph, &id))
        cli_die(CLI_USAGE, "%s: no object @%llu in this snapshot", d->title, (unsigned long long)id);
}

void dump_refuse_ids(const struct options *options)
{
    cli_die(CLI_USAGE, "%s: --where names an object that none of the snapshots has", options->verb->name);
}

uint8_t *dump_select_above(const struct dump *d)
{
    const struct mid__graph *g = d->graph;
    if (d->selected == NULL)
        return NULL;
    uint8_t *above = cli_allocate((size_t)g->node_count + 1, 1);
    memset(above, 0, g->node_count);
    for (uint32_t n = 0; n < g->node_count; n++)
        for (uint32_t at = n; d->selected[n] && !above[at]; at = g->dominator[at])
            above[at] = 1;
    return above;
}

void dump_close(struct dump *d)
{
    mid__classes_free(d->classes);
    mid__interfaces_free(d->interfaces);
    free(d->selected);
    index_keep(d->graph, d->path, &d->progress); /* now that nothing else takes memory */
    mid__graph_free(d->graph);
    mid__title_free(&d->name);
    free((void *)(uintptr_t)d->title);
    *d = (struct dump){0};
}

uint32_t dump_find(struct dump *d, uint64_t id)
{
    uint32_t node;
    if (!mid__graph_find(d->graph, id, &node))
        cli_die(CLI_USAGE, "%s: no object @%llu in this snapshot", d->title, (unsigned long long)id);
    return node;
}

/* ---- text */

const struct mid__title *dump_name(struct dump *d, uint32_t node)
{
    mid__title_clear(&d->name);
    mid__title_node(&d->name, d->graph, node);
    dump_check(d, d->name.failed ? MID_E_MEMORY : MID_OK);
    return &d->name;
}

/* Strings are shown in quotes, so that their text is not taken for a class. */
static bool is_text(uint8_t type)
{
    return type == MID__NODE_STRING || type == MID__NODE_CONS_STRING || type == MID__NODE_SLICED_STRING;
}

/* What a node is called in text, not yet harmless: its class, its name, or both where one says little without the
 * other. */
static void add_raw_title(struct dump *d, struct text *t, uint32_t node)
{
    const struct mid__graph *g = d->graph;
    const struct mid__title *name = dump_name(d, node);
    uint8_t type = g->node_type[node];
    size_t class_length;
    const char *class_name = mid__class_name(d->classes, d->classes->of_node[node], &class_length);
    bool same = class_length == name->length && memcmp(class_name, name->bytes, class_length) == 0;
    bool quotes = is_text(type);
    if (node == g->root && name->length == 0) {
        text_add(t, "(root)");
        return;
    }
    bool alone = same || quotes || type == MID__NODE_SYNTHETIC || type == MID__NODE_NATIVE ||
                 mid__title_is_plain_object(g, node);
    if (!alone) {
        text_add_bytes(t, class_name, class_length);
        text_add(t, name->length != 0 ? " " : "");
    }
    text_add(t, quotes ? "\"" : "");
    text_add_bytes(t, name->bytes, name->length);
    text_add(t, quotes ? "\"" : "");
}

size_t dump_add_node(struct dump *d, struct text *t, uint32_t node, size_t columns, bool ascii)
{
    char id[32];
    size_t id_length = (size_t)snprintf(id, sizeof id, " @%llu", (unsigned long long)mid__graph_id(d->graph, node));
    struct text raw = {0};
    add_raw_title(d, &raw, node);
    size_t used = text_add_dump(t, raw.bytes, raw.length, columns > id_length + 8 ? columns - id_length : 8, ascii);
    text_add_bytes(t, id, id_length);
    text_free(&raw);
    return used + id_length;
}

void dump_table_node(struct dump *d, struct table *t, uint32_t node)
{
    text_addf(&t->cells, "@%llu", (unsigned long long)mid__graph_id(d->graph, node));
    table_cell(t);
    add_raw_title(d, &t->cells, node);
    table_cell(t);
}

static bool is_identifier(const struct mid__title *name)
{
    for (size_t i = 0; i < name->length; i++) {
        char c = name->bytes[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
        if (!letter && !(i != 0 && c >= '0' && c <= '9'))
            return false;
    }
    return name->length != 0;
}

static void name_edge(struct dump *d, uint32_t edge)
{
    const struct mid__graph *g = d->graph;
    mid__title_clear(&d->name);
    if (mid__edge_is_numbered(g->edge_type[edge])) {
        char number[16];
        snprintf(number, sizeof number, "%u", (unsigned)g->edge_name[edge]);
        mid__title_words(&d->name, number);
    } else {
        mid__title_string(&d->name, &g->strings, g->edge_name[edge]);
    }
    dump_check(d, d->name.failed ? MID_E_MEMORY : MID_OK);
}

void dump_add_edge(struct dump *d, struct text *t, uint32_t edge, size_t columns, bool ascii)
{
    uint8_t type = d->graph->edge_type[edge];
    name_edge(d, edge);
    const char *before, *after;
    if (type == MID__EDGE_ELEMENT) {
        before = "[", after = "]";
    } else if (type == MID__EDGE_PROPERTY) {
        bool plain = is_identifier(&d->name);
        before = plain ? "." : "[\"", after = plain ? "" : "\"]";
    } else {
        text_addf(t, "(%s) ", mid__graph_edge_type_name(d->graph, type));
        before = after = "";
    }
    text_add(t, before);
    text_add_dump(t, d->name.bytes, d->name.length, columns, ascii);
    text_add(t, after);
}

void dump_add_distance(struct text *t, int32_t distance)
{
    if (distance < 0 || distance >= MID__DISTANCE_SYSTEM)
        text_add(t, "-");
    else
        text_add_count(t, (uint64_t)distance);
}

void dump_print_totals(struct dump *d, struct output *o)
{
    struct text line = {0};
    output_words(o, PAINT_TITLE, d->title);
    text_add(&line, ": ");
    text_add_count(&line, d->graph->node_count);
    text_add(&line, " nodes, ");
    text_add_count(&line, d->graph->edge_count);
    text_add(&line, " edges, ");
    text_add_size(&line, d->graph->total_size, o->exact);
    text_add(&line, o->exact ? " bytes" : "");
    if (d->selected != NULL)
        text_add_selected(&line, d->selected_count);
    text_add(&line, "\n");
    output_text(o, PAINT_PLAIN, &line);
    text_free(&line);
}

void dump_print_title(struct dump *d, struct output *o)
{
    dump_print_totals(d, o);
    output_words(o, PAINT_PLAIN, "\n");
}

/* ---- JSON */

void dump_json_selected(const struct dump *d, struct json *j)
{
    if (d->selected == NULL)
        return;
    json_key(j, "selected_objects");
    json_unsigned(j, d->selected_count);
}

void dump_json_node(struct dump *d, struct json *j, uint32_t node)
{
    const struct mid__graph *g = d->graph;
    const struct mid__title *name = dump_name(d, node);
    size_t length;
    const char *class_name = mid__class_name(d->classes, d->classes->of_node[node], &length);
    json_key(j, "id");
    json_unsigned(j, mid__graph_id(g, node));
    json_key(j, "class");
    json_string(j, class_name, length);
    json_key(j, "name");
    json_string(j, name->bytes, name->length);
    json_key(j, "shallow");
    json_unsigned(j, mid__graph_size(g, node));
    json_key(j, "retained");
    json_unsigned(j, g->retained[node]);
    json_key(j, "distance");
    json_signed(j, g->distance[node]);
}

void dump_json_edge(struct dump *d, struct json *j, uint32_t edge)
{
    name_edge(d, edge);
    json_key(j, "edge_type");
    json_words(j, mid__graph_edge_type_name(d->graph, d->graph->edge_type[edge]));
    json_key(j, "edge_name");
    json_string(j, d->name.bytes, d->name.length);
}
