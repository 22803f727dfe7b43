/* SPDX-License-Identifier: MIT
 *
 * verb_suspects.c: `midden suspects`: what probably leaks, over one snapshot or a series, each with its reason and the
 * path by which it is alive.
 */
#include <midden/internal/path.h>
#include <midden/internal/suspects.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "evidence.h"

#define ROWS 10

struct asking {
    const struct options *options;
    struct dump dump;
    struct mid__series series;
    struct mid__suspects suspects;
    struct evidence evidence;
};

static const char *const kinds[] = {"holder", "chain", "collection", "class", "growth"};

/* ---- words */

static void add_class_name(struct text *t, const struct asking *a, uint32_t place, bool ascii)
{
    size_t length;
    const char *name = mid__class_name(a->dump.classes, place, &length);
    text_add_dump(t, name, length, 60, ascii);
}

static void add_share(struct text *t, const struct mid__suspect *s, bool exact)
{
    text_add_size(t, s->bytes, exact);
    text_addf(t, " (%.1f %%", s->whole != 0 ? 100.0 * (double)s->bytes / (double)s->whole : 0.0);
}

/* The fields that lead from the owner to the holder: ".items", ".map (internal) table". */
static void add_fields(struct text *t, struct asking *a, const struct mid__suspect *s, bool ascii)
{
    const struct mid__graph *g = a->dump.graph;
    const uint32_t *arrivals = a->evidence.arrivals;
    uint32_t edges[16], count = 0;
    for (uint32_t n = s->node; n != s->owner && count < 16 && arrivals[n] != MID__PATH_NO_EDGE;
         n = mid__graph_edge_source(g, arrivals[n]))
        edges[count++] = arrivals[n];
    while (count-- != 0) {
        bool spaced = g->edge_type[edges[count]] != MID__EDGE_PROPERTY && g->edge_type[edges[count]] != MID__EDGE_ELEMENT;
        if (g->edge_type[edges[count]] == MID__EDGE_INTERNAL && t->length != 0 && !spaced)
            continue;
        text_add(t, spaced && t->length != 0 ? " " : "");
        dump_add_edge(&a->dump, t, edges[count], 40, ascii);
    }
}

static void add_reason(struct text *t, const struct asking *a, const struct mid__suspect *s, bool exact, bool ascii)
{
    bool series = s->snapshots != 0;
    text_add(t, series ? "grew by " : s->kind == MID__SUSPECT_CLASS ? "together retain " : "retains ");
    add_share(t, s, exact);
    text_add(t, series ? " of all growth)" : " of the heap)");
    if (series && s->grown + 1 < s->snapshots)
        text_addf(t, " in %u of %u steps", (unsigned)s->grown, (unsigned)s->snapshots - 1);
    if (s->kind == MID__SUSPECT_CLASS) {
        text_add(t, " in ");
        text_add_count(t, s->entries);
        text_add(t, " objects; ");
        text_add_count(t, s->of_place);
        text_add(t, " of them are held by objects of class ");
        add_class_name(t, a, s->holder_place, ascii);
    } else if (s->kind == MID__SUSPECT_GROWTH) {
        text_add(t, ", ");
        text_add_count(t, s->of_place);
        text_add(t, " objects more; there are ");
        text_add_count(t, s->entries);
    } else if (s->kind == MID__SUSPECT_CHAIN) {
        text_add(t, " as a list of ");
        text_add_count(t, s->entries);
        text_add(t, ", one behind the other");
    } else if (s->entries != 0) {
        text_add(t, series ? "; it holds " : " in ");
        text_add_count(t, s->entries);
        text_add(t, s->entries == 1 ? " entry, " : " entries, ");
        text_add_count(t, s->of_place);
        text_add(t, " of class ");
        add_class_name(t, a, s->place, ascii);
        if (s->example != UINT32_MAX)
            text_addf(t, " such as @%llu", (unsigned long long)mid__graph_id(a->dump.graph, s->example));
    }
}

static void add_title(struct text *t, struct asking *a, const struct mid__suspect *s, bool ascii)
{
    struct text fields = {0};
    size_t length;
    if (s->kind == MID__SUSPECT_GROWTH) {
        const char *name = mid__intern_get(&a->series.names, s->name, &length);
        text_add(t, "class ");
        text_add_dump(t, name, length, 60, ascii);
        return;
    }
    if (s->kind == MID__SUSPECT_CLASS) {
        text_add(t, "class ");
        add_class_name(t, a, s->place, ascii);
        return;
    }
    dump_add_node(&a->dump, t, s->owner, 60, ascii);
    if (s->owner == s->node)
        return;
    add_fields(&fields, a, s, ascii);
    if (fields.length != 0 && fields.bytes[0] != '.' && fields.bytes[0] != '[')
        text_add(t, " ");
    text_add_bytes(t, fields.length != 0 ? fields.bytes : "", fields.length);
    text_add(t, ": ");
    dump_add_node(&a->dump, t, s->node, 60, ascii);
    text_free(&fields);
}

/* ---- answers */

static void print_text(struct asking *a, struct output *o, size_t count)
{
    struct text t = {0};
    dump_print_title(&a->dump, o);
    if (a->suspects.count == 0)
        output_words(o, PAINT_PLAIN, a->options->operand_count > 1 ? "nothing grew each time by an outsized share\n"
                                                                   : "nothing holds an outsized share\n");
    for (size_t i = 0; i < count; i++) {
        const struct mid__suspect *s = &a->suspects.list[i];
        text_addf(&t, "%zu. ", i + 1);
        add_title(&t, a, s, o->ascii);
        text_add(&t, "\n");
        output_text(o, PAINT_TITLE, &t);
        text_add(&t, "   ");
        add_reason(&t, a, s, o->exact, o->ascii);
        text_add(&t, "\n");
        if (s->kind != MID__SUSPECT_GROWTH) {
            if (s->kind == MID__SUSPECT_CLASS)
                text_add(&t, "   the largest:\n");
            evidence_add(&a->evidence, &t, s->node, 3, o->exact, o->ascii);
        }
        output_text(o, PAINT_PLAIN, &t);
    }
    output_left_out(o, a->suspects.count - count, "suspect", "suspects");
    text_free(&t);
}

static void json_text(struct json *j, const char *key, struct text *t)
{
    json_key(j, key);
    json_string(j, t->bytes != NULL ? t->bytes : "", t->length);
    text_clear(t);
}

static void json_class(struct asking *a, struct json *j, const char *key, uint32_t place)
{
    size_t length;
    json_key(j, key);
    if (place == UINT32_MAX) {
        json_null(j);
        return;
    }
    const char *name = mid__class_name(a->dump.classes, place, &length);
    json_string(j, name, length);
}

static void json_number(struct json *j, const char *key, uint64_t n)
{
    json_key(j, key);
    json_unsigned(j, n);
}

static void json_objects(struct asking *a, struct json *j, const struct mid__suspect *s, struct text *t)
{
    json_key(j, "owner");
    json_open(j, '{');
    dump_json_node(&a->dump, j, s->owner);
    json_close(j, '}');
    if (s->kind != MID__SUSPECT_CLASS)
        add_fields(t, a, s, false);
    json_text(j, "fields", t);
    json_key(j, "object");
    evidence_json(&a->evidence, j, s->node);
}

static void json_suspect(struct asking *a, struct json *j, const struct mid__suspect *s)
{
    struct text t = {0};
    json_row(j);
    json_open(j, '{');
    json_key(j, "kind");
    json_words(j, kinds[s->kind]);
    add_title(&t, a, s, false);
    json_text(j, "title", &t);
    add_reason(&t, a, s, true, false);
    json_text(j, "reason", &t);
    json_number(j, s->snapshots != 0 ? "growth" : "retained", s->bytes);
    json_number(j, "of", s->whole);
    json_number(j, "entries", s->entries);
    if (s->snapshots != 0)
        json_number(j, "grew", s->grown);
    json_number(j, s->kind == MID__SUSPECT_GROWTH ? "added" : "entries_of_class", s->of_place);
    if (s->example != UINT32_MAX)
        json_number(j, "example", mid__graph_id(a->dump.graph, s->example));
    if (s->kind == MID__SUSPECT_GROWTH) {
        size_t length;
        const char *name = mid__intern_get(&a->series.names, s->name, &length);
        json_key(j, "class");
        json_string(j, name, length);
    } else {
        json_class(a, j, "class", s->place);
        if (s->kind == MID__SUSPECT_CLASS)
            json_class(a, j, "held_by", s->holder_place);
        json_objects(a, j, s, &t);
    }
    json_close(j, '}');
    text_free(&t);
}

static void print_json(struct asking *a, struct json *j, size_t count)
{
    json_open(j, '{');
    json_key(j, "file");
    json_words(j, a->dump.path);
    json_number(j, "snapshots", (uint64_t)a->options->operand_count);
    json_number(j, "total_size", a->dump.graph->total_size);
    dump_json_selected(&a->dump, j);
    json_key(j, "suspects");
    json_open(j, '[');
    for (size_t i = 0; i < count; i++)
        json_suspect(a, j, &a->suspects.list[i]);
    json_close(j, ']');
    json_close(j, '}');
    json_end(j);
}

/* ---- reading */

static struct mid__classes *classes_by_name(struct dump *d, const struct mid__interfaces *interfaces, bool with_retained)
{
    struct mid__classes_options how = {.interfaces = interfaces,
                                       .selected = d->selected,
                                       .by_name = true, .with_retained = with_retained};
    struct mid__classes *classes;
    dump_check(d, mid__classes_build_with(d->graph, &how, &classes));
    return classes;
}

/* Opens each file in turn and adds it to the series; the last stays open. */
static void read_files(struct asking *a)
{
    const struct options *o = a->options;
    bool series = o->operand_count > 1, known = false;
    for (int i = 0; i < o->operand_count; i++) {
        bool last = i + 1 == o->operand_count;
        unsigned parts = last ? MID__SUSPECT_PARTS : MID__PART_FOLDED | MID__PART_RETAINED;
        dump_open(&a->dump, o->operands[i], parts | (series ? MID__PART_BY_ID : 0) | dump_parts(o));
        if (last || o->where != NULL)
            dump_infer(&a->dump);
        known |= dump_select_one(&a->dump, o);
        if (series) {
            struct mid__classes *classes = classes_by_name(&a->dump, NULL, false);
            dump_check(&a->dump, mid__series_add(&a->series, a->dump.graph, classes));
            mid__classes_free(classes);
        }
        if (!last)
            dump_close(&a->dump);
    }
    if (!known)
        dump_refuse_ids(o);
    a->dump.classes = classes_by_name(&a->dump, a->dump.interfaces, true);
}

static enum cli_status run(const struct options *options)
{
    struct output o;
    struct asking a = {.options = options};
    int inputs = 0;
    for (int i = 0; i < options->operand_count; i++)
        inputs += strcmp(options->operands[i], "-") == 0;
    if (inputs > 1)
        cli_die(CLI_USAGE, "suspects: standard input can be only one of the files");
    read_files(&a);
    evidence_begin(&a.evidence, &a.dump);
    dump_check(&a.dump, mid__suspects_find(a.dump.graph, a.dump.classes, a.evidence.arrivals,
                                           options->operand_count > 1 ? &a.series : NULL, a.dump.selected,
                                           &a.suspects));
    size_t limit = options_limit(options, ROWS, LIMIT_ALL);
    size_t count = a.suspects.count < limit ? a.suspects.count : limit;
    output_begin(&o, options);
    if (options->json)
        print_json(&a, &o.json, count);
    else
        print_text(&a, &o, count);
    output_end(&o);
    free(a.suspects.list);
    mid__series_free(&a.series);
    evidence_end(&a.evidence);
    dump_close(&a.dump);
    return CLI_FINE;
}

const struct verb verb_suspects = {
    .name = "suspects",
    .operands = "FILE...",
    .summary = "what probably leaks, each with the reason",
    .about = "Looks for what probably leaks. In one snapshot: objects below which at least 5 % of the heap spreads over many\n"
             "entries, lists, collections of 1,000 entries and more, and classes whose objects retain as much in many\n"
             "places. In a series of snapshots of one process, the oldest first: objects that retain more each time, and\n"
             "classes of which there are more each time (of more than three files, most times); what was made anew in place\n"
             "of another has not grown. Each is shown with its owner (the nearest object that is no mere container), the\n"
             "reason, and a shortest path from the roots. With --where or --filter: only suspects that are selected.\n\n"
             "  midden suspects app.heapsnapshot\n"
             "  midden suspects monday.heapsnapshot tuesday.heapsnapshot wednesday.heapsnapshot",
    .operands_min = 1,
    .operands_max = INT_MAX,
    .options = OPTION_COMMON | OPTION_LIMIT | OPTION_SELECT | OPTION_BYTES,
    .run = run};
