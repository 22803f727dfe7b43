/* SPDX-License-Identifier: MIT
 * verb_summary.c: `midden summary`: totals and the class table. */
#include <stdlib.h>
#include <string.h>

#include "dump.h"

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

static void print_json(struct dump *d, struct json *j, const struct row *rows, size_t count)
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
    json_key(j, "classes");
    json_open(j, '[');
    for (size_t i = 0; i < count; i++) {
        const struct mid__class *c = &d->classes->list[rows[i].place];
        size_t length;
        const char *words = mid__class_name(d->classes, rows[i].place, &length);
        json_row(j);
        json_open(j, '{');
        json_key(j, "name");
        json_string(j, words, length);
        words = mid__class_key(d->classes, rows[i].place, &length);
        json_key(j, "key");
        json_string(j, words, length);
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

static void print_text(struct dump *d, struct output *o, const struct row *rows, size_t count, size_t all)
{
    static const char *const titles[] = {"RETAINED", "%", "SHALLOW", "%", "COUNT", "CLASS"};
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
    dump_print_title(d, o);
    table_print(&t, o);
    table_free(&t);
    output_left_out(o, all - count, "class", "classes");
}

static enum cli_status run(const struct options *options)
{
    struct dump d;
    struct output o;
    size_t all, limit = options_limit(options, TEXT_ROWS, LIMIT_ALL);
    dump_open(&d, options->operands[0], MID__PART_FOLDED | MID__PART_RETAINED | MID__PART_DOMINATED | dump_parts(options));
    if (options->interfaces)
        dump_infer(&d);
    dump_select(&d, options);
    dump_classify(&d, d.interfaces, true);
    struct row *rows = sorted(d.classes, options_sort(options), &all);
    size_t count = all < limit ? all : limit;
    output_begin(&o, options);
    if (options->json)
        print_json(&d, &o.json, rows, count);
    else
        print_text(&d, &o, rows, count, all);
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
             "the memory that would be free if all of them were gone (retained size).",
    .operands_min = 1,
    .operands_max = 1,
    .options = OPTION_COMMON | OPTION_LIMIT | OPTION_SORT | OPTION_INTERFACES | OPTION_SELECT | OPTION_BYTES,
    .sort_keys = keys,
    .run = run};
