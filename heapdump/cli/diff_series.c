/* SPDX-License-Identifier: MIT
 *
 * diff_series.c: `midden diff` of more than two snapshots: what came and went from each to the next, by class.
 *
 * The files are read from the newest to the oldest, each once: a snapshot is the older side of one step and the newer
 * side of the one before it. What stays of it are the columns of midden/internal/diff.h, until its step is counted. Plain
 * objects have the interfaces of the newest in all of them, so that a class means the same in each step.
 *
 *     file    1        2        3        4          read: 4 3 2 1
 *     step       1-2      2-3      3-4
 */
#include "diff_series.h"

#include <midden/internal/diff.h>

#include <stdlib.h>
#include <string.h>

#define TEXT_ROWS  30
#define TEXT_STEPS 6 /* that have a column: the last ones */

/* A class over all steps. */
struct row {
    const struct series *series;
    uint32_t key;               /* in series->keys */
    uint32_t name;              /* in series->names */
    uint32_t grew;              /* in how many steps its size grew */
    struct mid__diff_row total; /* of all steps; name and key unused */
    int64_t by;                 /* the figure that rows are sorted by; 0 for names */
};

struct series {
    size_t steps;
    struct diff_side *sides;     /* [steps + 1] */
    struct mid__diff **diffs;    /* [steps], while reading */
    struct mid__intern keys, names;
    struct row *rows;            /* until they are sorted, number = key */
    size_t capacity;
    struct mid__diff_row *cells; /* [capacity * steps]: key * steps + step */
};

/* ---- what is common with two files */

struct diff_side diff_side_of(const struct dump *d)
{
    struct diff_side s = {.nodes = d->graph->node_count, .bytes = d->graph->extra_native_bytes,
                          .asked = d->selected != NULL, .selected = d->selected_count};
    for (uint32_t n = 0; n < d->graph->node_count; n++)
        s.bytes += mid__graph_size(d->graph, n);
    return s;
}

void diff_side_print(struct output *o, const char *path, const struct diff_side *side)
{
    struct text t = {0};
    text_add_dump(&t, path, strlen(path), TEXT_NO_LIMIT, o->ascii);
    text_add(&t, ": ");
    text_add_count(&t, side->nodes);
    text_add(&t, " nodes, ");
    text_add_size(&t, side->bytes, o->exact);
    text_add(&t, o->exact ? " bytes" : "");
    if (side->asked)
        text_add_selected(&t, side->selected);
    text_add(&t, "\n");
    output_text(o, PAINT_PLAIN, &t);
    text_free(&t);
}

void diff_sides_json(struct json *j, const struct diff_side *sides, size_t count)
{
    if (!sides[0].asked)
        return;
    json_key(j, "selected_objects");
    json_open(j, '[');
    for (size_t i = 0; i < count; i++)
        json_unsigned(j, sides[i].selected);
    json_close(j, ']');
}

/* ---- reading */

static void widen(struct series *s, size_t wide)
{
    s->rows = cli_grow(s->rows, wide, sizeof s->rows[0]);
    s->cells = cli_grow(s->cells, wide, s->steps * sizeof s->cells[0]);
    memset(s->rows + s->capacity, 0, (wide - s->capacity) * sizeof s->rows[0]);
    memset(s->cells + s->capacity * s->steps, 0, (wide - s->capacity) * s->steps * sizeof s->cells[0]);
    s->capacity = wide;
}

static void take_row(struct series *s, size_t step, struct dump *d, const struct mid__diff_row *r)
{
    const struct mid__diff *diff = s->diffs[step];
    size_t length;
    uint32_t key, name;
    const char *words = mid__intern_get(&diff->texts, r->key, &length);
    dump_check(d, mid__intern_put(&s->keys, words, length, &key));
    words = mid__intern_get(&diff->texts, r->name, &length);
    dump_check(d, mid__intern_put(&s->names, words, length, &name));
    if (key >= s->capacity)
        widen(s, (size_t)key * 2 + 64);
    struct row *row = &s->rows[key];
    row->series = s;
    row->key = key;
    row->name = name;
    row->grew += mid__diff_delta_size(r) > 0;
    row->total.added += r->added;
    row->total.removed += r->removed;
    row->total.added_size += r->added_size;
    row->total.removed_size += r->removed_size;
    s->cells[key * s->steps + step] = *r;
}

static void take_step(struct series *s, size_t step, struct dump *d)
{
    const struct mid__diff *diff = s->diffs[step];
    for (uint32_t i = 0; i < diff->row_count; i++)
        if (diff->rows[i].added != 0 || diff->rows[i].removed != 0)
            take_row(s, step, d, &diff->rows[i]);
    mid__diff_free(s->diffs[step]);
    s->diffs[step] = NULL;
}

static void read_files(struct series *s, const struct options *options)
{
    struct mid__interfaces *interfaces = NULL;
    bool known = false;
    for (size_t i = s->steps + 1; i-- > 0;) {
        struct dump d;
        dump_open(&d, options->operands[i], DIFF_PARTS | dump_parts(options));
        if (interfaces == NULL)
            dump_infer(&d);
        else
            d.interfaces = interfaces;
        known |= dump_select_one(&d, options);
        dump_classify(&d, d.interfaces, false);
        s->sides[i] = diff_side_of(&d);
        if (i != s->steps) {
            dump_check(&d, mid__diff_take_old(s->diffs[i], d.graph, d.classes, d.selected));
            take_step(s, i, &d);
        }
        if (i != 0) {
            dump_check(&d, mid__diff_create(&s->diffs[i - 1]));
            dump_check(&d, mid__diff_take_new(s->diffs[i - 1], d.graph, d.classes, d.selected));
        }
        interfaces = d.interfaces;
        d.interfaces = NULL;
        dump_close(&d);
    }
    mid__interfaces_free(interfaces);
    if (!known)
        dump_refuse_ids(options);
}

/* ---- order */

static int by_figure(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->by != y->by)
        return x->by < y->by ? 1 : -1;
    int64_t p = mid__diff_delta_size(&x->total), q = mid__diff_delta_size(&y->total);
    return p != q ? (p < q ? 1 : -1) : mid__intern_compare(&x->series->keys, x->key, y->key);
}

static int by_name(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int order = mid__intern_compare(&x->series->names, x->name, y->name);
    return order != 0 ? order : by_figure(a, b);
}

static int64_t figure(const struct row *r, const char *key)
{
    const struct {
        const char *key;
        int64_t figure;
    } all[] = {{"delta_size", mid__diff_delta_size(&r->total)}, {"delta", mid__diff_delta(&r->total)},
               {"added", (int64_t)r->total.added},              {"removed", (int64_t)r->total.removed},
               {"added_size", (int64_t)r->total.added_size},    {"removed_size", (int64_t)r->total.removed_size},
               {"grew", r->grew}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(key, all[i].key) == 0)
            return all[i].figure;
    return 0; /* name */
}

static void sort(struct series *s, const char *key)
{
    for (uint32_t i = 0; i < s->keys.count; i++)
        s->rows[i].by = figure(&s->rows[i], key);
    if (s->keys.count > 1)
        qsort(s->rows, s->keys.count, sizeof s->rows[0], strcmp(key, "name") == 0 ? by_name : by_figure);
}

/* ---- output */

static void json_figures(struct json *j, const struct mid__diff_row *r)
{
    const struct {
        const char *key;
        uint64_t n;
    } counts[] = {
        {"added", r->added}, {"removed", r->removed}, {"added_size", r->added_size}, {"removed_size", r->removed_size}};
    for (size_t i = 0; i < 4; i++) {
        json_key(j, counts[i].key);
        json_unsigned(j, counts[i].n);
    }
    json_key(j, "delta");
    json_signed(j, mid__diff_delta(r));
    json_key(j, "delta_size");
    json_signed(j, mid__diff_delta_size(r));
}

static void json_class(const struct series *s, const struct row *r, struct json *j)
{
    size_t length;
    const char *words = mid__intern_get(&s->names, r->name, &length);
    json_row(j);
    json_open(j, '{');
    json_key(j, "name");
    json_string(j, words, length);
    words = mid__intern_get(&s->keys, r->key, &length);
    json_key(j, "key");
    json_string(j, words, length);
    json_figures(j, &r->total);
    json_key(j, "grew");
    json_unsigned(j, r->grew);
    json_key(j, "steps");
    json_open(j, '[');
    for (size_t k = 0; k < s->steps; k++) {
        json_open(j, '{');
        json_figures(j, &s->cells[r->key * s->steps + k]);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void print_json(const struct series *s, const struct options *options, struct json *j, size_t count)
{
    json_open(j, '{');
    json_key(j, "files");
    json_open(j, '[');
    for (int i = 0; i < options->operand_count; i++)
        json_words(j, options->operands[i]);
    json_close(j, ']');
    diff_sides_json(j, s->sides, s->steps + 1);
    json_key(j, "classes");
    json_open(j, '[');
    for (size_t i = 0; i < count; i++)
        json_class(s, &s->rows[i], j);
    json_close(j, ']');
    json_close(j, '}');
    json_end(j);
}

static void print_title(const struct series *s, const struct options *options, struct output *o)
{
    struct text number = {0};
    for (size_t i = 0; i <= s->steps; i++) {
        text_addf(&number, "%2zu  ", i + 1);
        output_text(o, PAINT_TITLE, &number);
        diff_side_print(o, options->operands[i], &s->sides[i]);
    }
    output_words(o, PAINT_PLAIN, "\n");
    text_free(&number);
}

static void add_row(struct table *t, const struct series *s, const struct row *r, size_t first, bool exact)
{
    for (size_t k = first; k < s->steps; k++) {
        text_add_signed_size(&t->cells, mid__diff_delta_size(&s->cells[r->key * s->steps + k]), exact);
        table_cell(t);
    }
    text_addf(&t->cells, "%u/%zu", (unsigned)r->grew, s->steps);
    table_cell(t);
    text_add_signed(&t->cells, mid__diff_delta(&r->total));
    table_cell(t);
    text_add_signed_size(&t->cells, mid__diff_delta_size(&r->total), exact);
    table_cell(t);
}

static void add_rows(struct table *t, const struct series *s, size_t count, size_t first, bool exact)
{
    uint32_t *uses = cli_allocate((size_t)s->names.count + 1, sizeof uses[0]);
    memset(uses, 0, s->names.count * sizeof uses[0]);
    for (size_t i = 0; i < s->keys.count; i++)
        uses[s->rows[i].name]++;
    for (size_t i = 0; i < count; i++) {
        const struct row *r = &s->rows[i];
        size_t name_length, key_length;
        const char *name = mid__intern_get(&s->names, r->name, &name_length);
        const char *key = mid__intern_get(&s->keys, r->key, &key_length);
        add_row(t, s, r, first, exact);
        table_class(t, name, name_length, key, key_length, uses[r->name] > 1);
    }
    free(uses);
}

static void print_text(const struct series *s, const struct options *options, struct output *o, size_t count)
{
    static const char *const last[] = {"GREW", "DELTA", "DELTA SIZE", "CLASS"};
    char heads[TEXT_STEPS][48];
    const char *titles[TEXT_STEPS + 4];
    enum paint paints[TEXT_STEPS + 4] = {PAINT_PLAIN};
    size_t first = s->steps > TEXT_STEPS ? s->steps - TEXT_STEPS : 0, columns = 0;
    struct table t;
    for (size_t k = first; k < s->steps; k++) {
        snprintf(heads[columns], sizeof heads[0], "%zu-%zu", k + 1, k + 2);
        titles[columns] = heads[columns];
        columns++;
    }
    for (int i = 0; i < 4; i++) {
        paints[columns] = i == 3 ? PAINT_CLASS : PAINT_TITLE;
        titles[columns++] = last[i];
    }
    print_title(s, options, o);
    table_begin(&t, columns, titles, paints);
    add_rows(&t, s, count, first, o->exact);
    table_print(&t, o);
    table_free(&t);
    output_left_out(o, s->keys.count - count, "class", "classes");
}

enum cli_status diff_series(const struct options *options)
{
    struct output o;
    struct series s = {.steps = (size_t)options->operand_count - 1};
    s.sides = cli_allocate(s.steps + 1, sizeof s.sides[0]);
    s.diffs = cli_allocate(s.steps, sizeof s.diffs[0]);
    read_files(&s, options);
    sort(&s, options_sort(options));
    size_t limit = options_limit(options, TEXT_ROWS, LIMIT_ALL);
    size_t count = s.keys.count < limit ? s.keys.count : limit;
    output_begin(&o, options);
    if (options->json)
        print_json(&s, options, &o.json, count);
    else
        print_text(&s, options, &o, count);
    output_end(&o);
    mid__intern_free(&s.keys);
    mid__intern_free(&s.names);
    free(s.sides);
    free(s.diffs);
    free(s.rows);
    free(s.cells);
    return CLI_FINE;
}
