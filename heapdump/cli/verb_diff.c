/* SPDX-License-Identifier: MIT
 *
 * verb_diff.c: `midden diff`: what came and went between two snapshots, by class. The newer is read first, reduced to
 * three columns and let go; its interfaces then name the plain objects of the older one too.
 */
#include <midden/internal/diff.h>

#include <stdlib.h>
#include <string.h>

#include "dump.h"

#define TEXT_ROWS 30
#define PARTS     (MID__PART_FOLDED | MID__PART_BY_ID)

static const char *const keys[] = {"delta_size", "delta", "added", "removed", "added_size", "removed_size", "name", NULL};

struct row {
    const struct mid__diff *diff;
    const struct mid__diff_row *figures;
    int64_t by; /* the figure that rows are sorted by; 0 for names */
};

struct side {
    uint32_t nodes;
    uint64_t bytes;
};

static int compare_texts(const struct mid__intern *texts, uint32_t a, uint32_t b)
{
    size_t x_length, y_length;
    const char *x = mid__intern_get(texts, a, &x_length), *y = mid__intern_get(texts, b, &y_length);
    int order = memcmp(x, y, x_length < y_length ? x_length : y_length);
    return order != 0 ? order : x_length < y_length ? -1 : x_length > y_length;
}

static int by_figure(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->by != y->by)
        return x->by < y->by ? 1 : -1;
    return compare_texts(&x->diff->texts, x->figures->key, y->figures->key);
}

static int by_name(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int order = compare_texts(&x->diff->texts, x->figures->name, y->figures->name);
    return order != 0 ? order : by_figure(a, b);
}

static int64_t figure(const struct mid__diff_row *r, const char *key)
{
    if (strcmp(key, "delta_size") == 0)
        return mid__diff_delta_size(r);
    if (strcmp(key, "delta") == 0)
        return mid__diff_delta(r);
    if (strcmp(key, "added") == 0)
        return (int64_t)r->added;
    if (strcmp(key, "removed") == 0)
        return (int64_t)r->removed;
    if (strcmp(key, "added_size") == 0)
        return (int64_t)r->added_size;
    return strcmp(key, "removed_size") == 0 ? (int64_t)r->removed_size : 0;
}

static struct row *sorted(const struct mid__diff *diff, const char *key, size_t *count)
{
    struct row *rows = cli_allocate(diff->row_count, sizeof rows[0]);
    *count = 0;
    for (uint32_t i = 0; i < diff->row_count; i++) {
        const struct mid__diff_row *r = &diff->rows[i];
        if (r->added != 0 || r->removed != 0)
            rows[(*count)++] = (struct row){diff, r, figure(r, key)};
    }
    if (*count != 0)
        qsort(rows, *count, sizeof rows[0], strcmp(key, "name") == 0 ? by_name : by_figure);
    return rows;
}

/* ---- output */

static void print_json(const struct mid__diff *diff, struct json *j, const struct row *rows, size_t count)
{
    json_open(j, '{');
    json_key(j, "classes");
    json_open(j, '[');
    for (size_t i = 0; i < count; i++) {
        const struct mid__diff_row *r = rows[i].figures;
        size_t length;
        const char *words = mid__intern_get(&diff->texts, r->name, &length);
        json_row(j);
        json_open(j, '{');
        json_key(j, "name");
        json_string(j, words, length);
        words = mid__intern_get(&diff->texts, r->key, &length);
        json_key(j, "key");
        json_string(j, words, length);
        json_key(j, "added");
        json_unsigned(j, r->added);
        json_key(j, "removed");
        json_unsigned(j, r->removed);
        json_key(j, "added_size");
        json_unsigned(j, r->added_size);
        json_key(j, "removed_size");
        json_unsigned(j, r->removed_size);
        json_key(j, "delta");
        json_signed(j, mid__diff_delta(r));
        json_key(j, "delta_size");
        json_signed(j, mid__diff_delta_size(r));
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
    json_end(j);
}

static void add_figures(struct table *t, const struct mid__diff_row *r, bool exact)
{
    table_count(t, r->added);
    table_count(t, r->removed);
    text_add_signed(&t->cells, mid__diff_delta(r));
    table_cell(t);
    table_size(t, r->added_size, exact);
    table_size(t, r->removed_size, exact);
    text_add_signed_size(&t->cells, mid__diff_delta_size(r), exact);
    table_cell(t);
}

/* How many rows have each name, by the name's number. */
static uint32_t *count_names(const struct mid__diff *diff, const struct row *rows, size_t count)
{
    uint32_t *uses = cli_allocate(diff->texts.count, sizeof uses[0]);
    memset(uses, 0, diff->texts.count * sizeof uses[0]);
    for (size_t i = 0; i < count; i++)
        uses[rows[i].figures->name]++;
    return uses;
}

static void print_title(const struct options *options, struct output *o, const struct side *old, const struct side *new)
{
    struct text t = {0};
    const struct side *sides[2] = {old, new};
    for (int i = 0; i < 2; i++) {
        output_words(o, PAINT_TITLE, i == 0 ? "old " : "new ");
        text_add_dump(&t, options->operands[i], strlen(options->operands[i]), TEXT_NO_LIMIT, o->ascii);
        text_add(&t, ": ");
        text_add_count(&t, sides[i]->nodes);
        text_add(&t, " nodes, ");
        text_add_size(&t, sides[i]->bytes, o->exact);
        text_add(&t, o->exact ? " bytes\n" : "\n");
        output_text(o, PAINT_PLAIN, &t);
    }
    output_words(o, PAINT_PLAIN, "\n");
    text_free(&t);
}

static void print_text(const struct mid__diff *diff, struct output *o, const struct row *rows, size_t count, size_t all)
{
    static const char *const titles[] = {"NEW", "DELETED", "DELTA", "NEW SIZE", "DELETED SIZE", "DELTA SIZE", "CLASS"};
    static const enum paint paints[] = {PAINT_PLAIN, PAINT_PLAIN, PAINT_TITLE, PAINT_PLAIN,
                                        PAINT_PLAIN, PAINT_TITLE, PAINT_CLASS};
    struct table t;
    struct mid__diff_row total = {0};
    table_begin(&t, 7, titles, paints);
    for (size_t i = 0; i < all; i++) {
        total.added += rows[i].figures->added;
        total.removed += rows[i].figures->removed;
        total.added_size += rows[i].figures->added_size;
        total.removed_size += rows[i].figures->removed_size;
    }
    uint32_t *uses = count_names(diff, rows, all);
    for (size_t i = 0; i < count; i++) {
        const struct mid__diff_row *r = rows[i].figures;
        size_t name_length, key_length;
        const char *name = mid__intern_get(&diff->texts, r->name, &name_length);
        const char *key = mid__intern_get(&diff->texts, r->key, &key_length);
        add_figures(&t, r, o->exact);
        table_class(&t, name, name_length, key, key_length, uses[r->name] > 1);
    }
    free(uses);
    add_figures(&t, &total, o->exact);
    table_name(&t, "(all classes)", 13);
    table_print(&t, o);
    table_free(&t);
    output_left_out(o, all - count, "class", "classes");
}

/* ---- the two sides */

static struct side side_of(const struct dump *d)
{
    struct side s = {.nodes = d->graph->node_count, .bytes = d->graph->extra_native_bytes};
    for (uint32_t n = 0; n < d->graph->node_count; n++)
        s.bytes += mid__graph_size(d->graph, n);
    return s;
}

static struct mid__diff *compare(const struct options *options, struct side *old_side, struct side *new_side)
{
    struct dump old, new;
    struct mid__diff *diff;
    dump_open(&new, options->operands[1], PARTS);
    dump_check(&new, mid__diff_create(&diff));
    dump_infer(&new);
    dump_classify(&new, new.interfaces, false);
    dump_check(&new, mid__diff_take_new(diff, new.graph, new.classes));
    *new_side = side_of(&new);
    struct mid__interfaces *interfaces = new.interfaces;
    new.interfaces = NULL;
    dump_close(&new);
    dump_open(&old, options->operands[0], PARTS);
    dump_classify(&old, interfaces, false);
    dump_check(&old, mid__diff_take_old(diff, old.graph, old.classes));
    *old_side = side_of(&old);
    dump_close(&old);
    mid__interfaces_free(interfaces);
    return diff;
}

static enum cli_status run(const struct options *options)
{
    struct output o;
    struct side old, new;
    size_t all, limit = options_limit(options, TEXT_ROWS, LIMIT_ALL);
    if (strcmp(options->operands[0], "-") == 0 && strcmp(options->operands[1], "-") == 0)
        cli_die(CLI_USAGE, "diff: standard input can be only one of the two");
    struct mid__diff *diff = compare(options, &old, &new);
    struct row *rows = sorted(diff, options_sort(options), &all);
    size_t count = all < limit ? all : limit;
    output_begin(&o, options);
    if (options->json) {
        print_json(diff, &o.json, rows, count);
    } else {
        print_title(options, &o, &old, &new);
        print_text(diff, &o, rows, count, all);
    }
    output_end(&o);
    free(rows);
    mid__diff_free(diff);
    return CLI_FINE;
}

const struct verb verb_diff = {
    .name = "diff",
    .operands = "OLD NEW",
    .summary = "what came and went between two snapshots, by class",
    .about = "Compares two snapshots of one process by the ids of their objects: how many objects of each class are new\n"
             "in NEW, how many of OLD are gone, and their sizes. Only one of the two is in memory at a time.",
    .operands_min = 2,
    .operands_max = 2,
    .options = OPTION_COMMON | OPTION_LIMIT | OPTION_SORT | OPTION_BYTES,
    .sort_keys = keys,
    .run = run};
