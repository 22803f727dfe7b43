/* SPDX-License-Identifier: MIT
 * verb_summary.c: `midden summary`: totals, what the heap is made of, and the class table. */
#include <midden/internal/statistics.h>

#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "site.h"

#define TEXT_ROWS 30

static const char *const keys[] = {"retained", "shallow", "count", "name", NULL};

struct row {
    const struct mid__classes *classes;
    uint32_t place;
    uint64_t by; /* the figure that rows are sorted by, 0 for names */
    uint64_t shallow;
};

static int compare_text(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order != 0 ? order : a_length < b_length ? -1 : a_length > b_length;
}

static int compare_texts(const struct row *x, const struct row *y,
                         const char *(*text)(const struct mid__classes *, uint32_t, size_t *))
{
    size_t x_length, y_length;
    const char *a = text(x->classes, x->place, &x_length), *b = text(y->classes, y->place, &y_length);
    return compare_text(a, x_length, b, y_length);
}

/* The greatest figure first; equal ones by shallow size and then by key, so that the order is always the same. */
static int by_figure(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->by != y->by)
        return x->by < y->by ? 1 : -1;
    if (x->shallow != y->shallow)
        return x->shallow < y->shallow ? 1 : -1;
    return compare_texts(x, y, mid__class_key);
}

static int by_name(const void *a, const void *b)
{
    int order = compare_texts(a, b, mid__class_name);
    return order != 0 ? order : compare_texts(a, b, mid__class_key);
}

static uint64_t figure(const struct mid__class *c, const char *key)
{
    return strcmp(key, "retained") == 0 ? c->retained : strcmp(key, "shallow") == 0 ? c->shallow : c->count;
}

static struct row *sorted(const struct mid__classes *c, const char *key, size_t *count)
{
    struct row *rows = cli_allocate(c->count, sizeof rows[0]);
    *count = 0;
    for (uint32_t i = 0; i < c->count; i++)
        if (c->list[i].count != 0)
            rows[(*count)++] = (struct row){c, i, figure(&c->list[i], key), c->list[i].shallow};
    if (*count != 0)
        qsort(rows, *count, sizeof rows[0], strcmp(key, "name") == 0 ? by_name : by_figure);
    return rows;
}

static void json_statistics(struct json *j, const struct mid__statistics *s)
{
    const struct {
        const char *key;
        uint64_t bytes;
    } parts[] = {{"total", s->total}, {"native", s->native}, {"typed_arrays", s->typed_arrays}, {"v8_heap", s->v8_heap},
                 {"code", s->code}, {"strings", s->strings}, {"js_arrays", s->js_arrays}, {"system", s->system}};
    json_key(j, "statistics");
    json_open(j, '{');
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        json_key(j, parts[i].key);
        json_unsigned(j, parts[i].bytes);
    }
    json_close(j, '}');
}

static void print_json(struct dump *d, struct json *j, const struct mid__statistics *statistics, bool by_type,
                       const struct row *rows, size_t count)
{
    json_open(j, '{');
    json_key(j, "file");
    json_words(j, d->path);
    json_key(j, "nodes");
    json_unsigned(j, d->graph->node_count);
    json_key(j, "edges");
    json_unsigned(j, d->graph->edge_count);
    json_key(j, "total_size");
    json_unsigned(j, d->graph->total_size);
    dump_json_selected(d, j);
    json_statistics(j, statistics);
    json_key(j, by_type ? "types" : "classes");
    json_open(j, '[');
    for (size_t i = 0; i < count; i++) {
        const struct mid__class *c = &d->classes->list[rows[i].place];
        size_t length;
        const char *words = mid__class_name(d->classes, rows[i].place, &length);
        json_row(j);
        json_open(j, '{');
        json_key(j, "name");
        json_string(j, words, length);
        if (!by_type) {
            words = mid__class_key(d->classes, rows[i].place, &length);
            json_key(j, "key");
            json_string(j, words, length);
        }
        json_key(j, "count");
        json_unsigned(j, c->count);
        json_key(j, "shallow");
        json_unsigned(j, c->shallow);
        json_key(j, "retained");
        json_unsigned(j, c->retained);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
    json_end(j);
}

/* How many classes have each name, by the name's number. */
static uint32_t *count_names(const struct mid__classes *c, const struct row *rows, size_t count)
{
    uint32_t *uses = cli_allocate(c->texts.count, sizeof uses[0]);
    memset(uses, 0, c->texts.count * sizeof uses[0]);
    for (size_t i = 0; i < count; i++)
        uses[c->list[rows[i].place].name]++;
    return uses;
}

/* "code 933 kB, strings 693 kB ...", on one line where it is wide enough: the parts add up to the total. */
static void print_statistics(struct output *o, const struct mid__statistics *s)
{
    const struct {
        const char *name;
        uint64_t bytes;
    } parts[] = {{"code", s->code}, {"strings", s->strings}, {"arrays", s->js_arrays}, {"typed arrays", s->typed_arrays},
                 {"system", s->system}, {"other objects", mid__statistics_other_js(s)},
                 {"other native", s->native - s->typed_arrays}};
    struct text line = {0}, part = {0};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        text_addf(&part, "%s ", parts[i].name);
        text_add_size(&part, parts[i].bytes, o->exact);
        text_add(&part, i + 1 < sizeof parts / sizeof parts[0] ? "," : "\n\n");
        if (line.length != 0 && line.length + 1 + part.length > o->columns) {
            text_add(&line, "\n");
            output_text(o, PAINT_PLAIN, &line);
        }
        text_add(&line, line.length != 0 ? " " : "");
        text_add_bytes(&line, part.bytes, part.length);
        text_clear(&part);
    }
    output_text(o, PAINT_PLAIN, &line);
    text_free(&line);
    text_free(&part);
}

static void print_text(struct dump *d, struct output *o, const struct mid__statistics *statistics, bool by_type,
                       const struct row *rows, size_t count, size_t all)
{
    const char *const titles[] = {"RETAINED", "%", "SHALLOW", "%", "COUNT", by_type ? "TYPE" : "CLASS"};
    static const enum paint paints[] = {PAINT_PLAIN, PAINT_DIM, PAINT_PLAIN, PAINT_DIM, PAINT_PLAIN, PAINT_CLASS};
    struct table t;
    uint32_t *uses = count_names(d->classes, rows, all);
    table_begin(&t, 6, titles, paints);
    for (size_t i = 0; i < count; i++) {
        const struct mid__class *c = &d->classes->list[rows[i].place];
        size_t name_length, key_length;
        const char *name = mid__class_name(d->classes, rows[i].place, &name_length);
        const char *key = mid__class_key(d->classes, rows[i].place, &key_length);
        table_size(&t, c->retained, o->exact);
        table_percent(&t, c->retained, d->graph->total_size);
        table_size(&t, c->shallow, o->exact);
        table_percent(&t, c->shallow, d->graph->total_size);
        table_count(&t, c->count);
        table_class(&t, name, name_length, key, key_length, uses[c->name] > 1);
    }
    free(uses);
    dump_print_totals(d, o);
    print_statistics(o, statistics);
    table_print(&t, o);
    table_free(&t);
    output_left_out(o, all - count, by_type ? "type" : "class", by_type ? "types" : "classes");
}

static enum cli_status run(const struct options *options)
{
    struct dump d;
    struct output o;
    struct mid__statistics statistics;
    size_t all, limit = options_limit(options, TEXT_ROWS, LIMIT_ALL);
    if ((options->by_type || options->by_site) && options->interfaces)
        cli_die(CLI_USAGE, "summary: --interfaces has no meaning with --by=type or --by=site");
    if (options->by_site && options->sort != NULL)
        cli_die(CLI_USAGE, "summary: --sort has no meaning with --by=site");
    dump_open(&d, options->operands[0], MID__PART_FOLDED | MID__PART_RETAINED | MID__PART_DOMINATED | dump_parts(options));
    if (options->interfaces)
        dump_infer(&d);
    dump_select(&d, options);
    if (options->by_site) {
        site_print_all(&d, &o, options, limit);
        dump_close(&d);
        return CLI_FINE;
    }
    dump_check(&d, mid__statistics_of(d.graph, d.selected, &statistics));
    if (options->by_type)
        dump_check(&d, mid__classes_build_with(
                           d.graph, &(struct mid__classes_options){.selected = d.selected, .by_type = true, .with_retained = true},
                           &d.classes));
    else
        dump_classify(&d, d.interfaces, true);
    struct row *rows = sorted(d.classes, options_sort(options), &all);
    size_t count = all < limit ? all : limit;
    output_begin(&o, options);
    if (options->json)
        print_json(&d, &o.json, &statistics, options->by_type, rows, count);
    else
        print_text(&d, &o, &statistics, options->by_type, rows, count, all);
    output_end(&o);
    free(rows);
    dump_close(&d);
    return CLI_FINE;
}

const struct verb verb_summary = {
    .name = "summary",
    .operands = "FILE",
    .summary = "totals, and the classes by retained size",
    .about = "Prints the totals of a snapshot and its classes: how many objects each has, their own (shallow) size, and\n"
             "the memory that would be free if all of them were gone (retained size). The second line says what the heap is\n"
             "made of, as DevTools' Statistics does; with --where or --filter it is of the objects selected. With --by=site there is\n"
             "a row for each stack that allocated, where the snapshot has them.\n\n"
             "  midden summary app.heapsnapshot\n"
             "  midden summary --interfaces --sort=count -n 0 app.heapsnapshot\n"
             "  midden summary --by=type app.heapsnapshot\n"
             "  midden summary --by=site app.heapsnapshot\n"
             "  midden summary --where 'retained-by=Cache' app.heapsnapshot",
    .operands_min = 1,
    .operands_max = 1,
    .options = OPTION_COMMON | OPTION_LIMIT | OPTION_SORT | OPTION_INTERFACES | OPTION_BY | OPTION_SELECT | OPTION_BYTES,
    .sort_keys = keys,
    .run = run};
