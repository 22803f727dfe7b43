/* SPDX-License-Identifier: MIT
 *
 * verb_diff.c: `midden diff`: what came and went between two snapshots, by class. The newer is read first, reduced to
 * three columns and let go; its interfaces then name the plain objects of the older one too.
 */
#include <midden/internal/diff.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "diff_series.h"

#define TEXT_ROWS 30

static const char *const keys[] = {"delta_size", "delta", "added", "removed", "added_size", "removed_size", "grew", "name", NULL};

struct row {
    const struct mid__diff *diff;
    const struct mid__diff_row *figures;
    int64_t by; /* the figure that rows are sorted by; 0 for names */
};

static int by_figure(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->by != y->by)
        return x->by < y->by ? 1 : -1;
    return mid__intern_compare(&x->diff->texts, x->figures->key, y->figures->key);
}

static int by_name(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int order = mid__intern_compare(&x->diff->texts, x->figures->name, y->figures->name);
    return order != 0 ? order : by_figure(a, b);
}

static int64_t figure(const struct mid__diff_row *r, const char *key)
{
    if (strcmp(key, "delta_size") == 0 || strcmp(key, "grew") == 0)
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

static void print_json(const struct mid__diff *diff, const struct diff_side sides[2], struct json *j, const struct row *rows,
                       size_t count)
{
    json_open(j, '{');
    diff_sides_json(j, sides, 2);
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

static void print_title(const struct options *options, struct output *o, const struct diff_side sides[2])
{
    output_words(o, PAINT_TITLE, "old ");
    diff_side_print(o, options->operands[0], &sides[0]);
    output_words(o, PAINT_TITLE, "new ");
    diff_side_print(o, options->operands[1], &sides[1]);
    output_words(o, PAINT_PLAIN, "\n");
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

/* sides: OLD, NEW. */
static struct mid__diff *compare(const struct options *options, struct diff_side sides[2])
{
    struct dump d;
    struct mid__diff *diff;
    dump_open(&d, options->operands[1], DIFF_PARTS | dump_parts(options));
    dump_check(&d, mid__diff_create(&diff));
    dump_infer(&d);
    bool known = dump_select_one(&d, options);
    dump_classify(&d, d.interfaces, false);
    dump_check(&d, mid__diff_take_new(diff, d.graph, d.classes, d.selected));
    sides[1] = diff_side_of(&d);
    struct mid__interfaces *interfaces = d.interfaces;
    d.interfaces = NULL;
    dump_close(&d);
    dump_open(&d, options->operands[0], DIFF_PARTS | dump_parts(options));
    d.interfaces = interfaces; /* the newer one's name the plain objects of the older one too */
    known |= dump_select_one(&d, options);
    dump_classify(&d, interfaces, false);
    dump_check(&d, mid__diff_take_old(diff, d.graph, d.classes, d.selected));
    sides[0] = diff_side_of(&d);
    dump_close(&d);
    if (!known)
        dump_refuse_ids(options);
    return diff;
}

static enum cli_status run(const struct options *options)
{
    struct output o;
    struct diff_side sides[2];
    int inputs = 0;
    for (int i = 0; i < options->operand_count; i++)
        inputs += strcmp(options->operands[i], "-") == 0;
    if (inputs > 1)
        cli_die(CLI_USAGE, "diff: standard input can be only one of the files");
    if (options->operand_count > 2)
        return diff_series(options);
    size_t all, limit = options_limit(options, TEXT_ROWS, LIMIT_ALL);
    struct mid__diff *diff = compare(options, sides);
    struct row *rows = sorted(diff, options_sort(options), &all);
    size_t count = all < limit ? all : limit;
    output_begin(&o, options);
    if (options->json) {
        print_json(diff, sides, &o.json, rows, count);
    } else {
        print_title(options, &o, sides);
        print_text(diff, &o, rows, count, all);
    }
    output_end(&o);
    free(rows);
    mid__diff_free(diff);
    return CLI_FINE;
}

const struct verb verb_diff = {
    .name = "diff",
    .operands = "OLD NEW...",
    .summary = "what came and went from one snapshot to the next, by class",
    .about = "Compares snapshots of one process, the oldest first, by the ids of their objects: how many objects of each class\n"
             "are new in NEW, how many of OLD are gone, and their sizes. Of more than two files: the difference of each step\n"
             "from one to the next, and in how many of them the class grew. Only one snapshot is in memory at a time.\n"
             "With --where or --filter: of the objects selected, in each snapshot by itself.\n\n"
             "  midden diff before.heapsnapshot after.heapsnapshot\n"
             "  midden diff --sort=delta --where 'retained-by=Cache' before.heapsnapshot after.heapsnapshot\n"
             "  midden diff --sort=grew monday.heapsnapshot tuesday.heapsnapshot wednesday.heapsnapshot",
    .operands_min = 2,
    .operands_max = INT_MAX,
    .options = OPTION_COMMON | OPTION_LIMIT | OPTION_SORT | OPTION_SELECT | OPTION_BYTES,
    .sort_keys = keys,
    .run = run};
