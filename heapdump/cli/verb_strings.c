/* SPDX-License-Identifier: MIT
 * verb_strings.c: `midden strings`: strings that are there more than once, and what they waste. */
#include <midden/internal/duplicates.h>

#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "rank.h"

#define TEXT_ROWS   30
#define IDS_IN_JSON 5

static const char *const keys[] = {"retained", "wasted", "shallow", "count", NULL};

struct totals {
    uint64_t strings, shallow, wasted;
};

static uint64_t figure(const struct mid__duplicate *d, const char *key)
{
    return strcmp(key, "retained") == 0  ? d->retained
           : strcmp(key, "wasted") == 0  ? mid__duplicate_waste(d)
           : strcmp(key, "shallow") == 0 ? d->shallow
                                         : d->count;
}

struct order {
    const struct mid__duplicates *duplicates;
    const char *key;
};

static bool greater(const void *user, uint32_t a, uint32_t b)
{
    const struct order *o = user;
    uint64_t x = figure(&o->duplicates->list[a], o->key), y = figure(&o->duplicates->list[b], o->key);
    return x != y ? x > y : a < b;
}

static struct totals add_up(const struct mid__duplicates *duplicates)
{
    struct totals t = {0};
    for (uint32_t i = 0; i < duplicates->count; i++) {
        t.strings += duplicates->list[i].count;
        t.shallow += duplicates->list[i].shallow;
        t.wasted += mid__duplicate_waste(&duplicates->list[i]);
    }
    return t;
}

static void json_figure(struct json *j, const char *key, uint64_t n)
{
    json_key(j, key);
    json_unsigned(j, n);
}

/* ---- JSON */

/* The first few strings of each group that is shown, found in one pass over the nodes. */
static uint64_t *first_ids(const struct dump *d, const struct mid__duplicates *duplicates)
{
    uint64_t *ids = cli_allocate(duplicates->count, IDS_IN_JSON * sizeof ids[0]);
    uint32_t *seen = cli_allocate(duplicates->count, sizeof seen[0]);
    memset(seen, 0, duplicates->count * sizeof seen[0]);
    for (uint32_t n = 0; n < d->graph->node_count; n++) {
        uint32_t group = duplicates->of_node[n];
        if (group != MID__NO_DUPLICATE && seen[group] < IDS_IN_JSON)
            ids[(size_t)group * IDS_IN_JSON + seen[group]++] = mid__graph_id(d->graph, n);
    }
    free(seen);
    return ids;
}

static void json_group(struct dump *d, struct json *j, const struct mid__duplicate *g, const uint64_t *ids)
{
    const struct mid__title *content = dump_name(d, g->node);
    json_row(j);
    json_open(j, '{');
    json_key(j, "value");
    json_string(j, content->bytes, content->length);
    json_key(j, "truncated");
    json_bool(j, g->truncated);
    json_figure(j, "count", g->count);
    json_figure(j, "shallow", g->shallow);
    json_figure(j, "retained", g->retained);
    json_figure(j, "wasted", mid__duplicate_waste(g));
    json_key(j, "ids");
    json_open(j, '[');
    for (uint32_t i = 0; i < g->count && i < IDS_IN_JSON; i++)
        json_unsigned(j, ids[i]);
    json_close(j, ']');
    json_close(j, '}');
}

static void print_json(struct dump *d, struct json *j, const struct mid__duplicates *duplicates, const struct rank *r)
{
    struct totals t = add_up(duplicates);
    uint64_t *ids = first_ids(d, duplicates);
    json_open(j, '{');
    json_key(j, "file");
    json_words(j, d->path);
    dump_json_selected(d, j);
    json_figure(j, "strings", duplicates->strings);
    json_figure(j, "strings_shallow", duplicates->strings_shallow);
    json_figure(j, "duplicated", t.strings);
    json_figure(j, "duplicated_shallow", t.shallow);
    json_figure(j, "wasted", t.wasted);
    json_figure(j, "contents", duplicates->count);
    json_key(j, "duplicates");
    json_open(j, '[');
    for (size_t i = 0; i < r->count; i++)
        json_group(d, j, &duplicates->list[r->items[i]], ids + (size_t)r->items[i] * IDS_IN_JSON);
    json_close(j, ']');
    json_close(j, '}');
    json_end(j);
    free(ids);
}

/* ---- text */

static void print_totals(const struct mid__duplicates *duplicates, struct output *o)
{
    struct totals t = add_up(duplicates);
    struct text line = {0};
    text_add_count(&line, duplicates->strings);
    text_add(&line, " strings, ");
    text_add_size(&line, duplicates->strings_shallow, o->exact);
    text_add(&line, o->exact ? " bytes; " : "; ");
    if (duplicates->count == 0) {
        text_add(&line, "no two are equal\n");
    } else {
        text_add_count(&line, t.strings);
        text_add(&line, " share ");
        text_add_count(&line, duplicates->count);
        text_add(&line, " contents and waste ");
        text_add_size(&line, t.wasted, o->exact);
        text_add(&line, o->exact ? " bytes\n\n" : "\n\n");
    }
    output_text(o, PAINT_PLAIN, &line);
    text_free(&line);
}

static void print_text(struct dump *d, struct output *o, const struct mid__duplicates *duplicates, const struct rank *r)
{
    static const char *const titles[] = {"RETAINED", "WASTED", "SHALLOW", "COUNT", "SUCH AS", "STRING"};
    static const enum paint paints[] = {PAINT_PLAIN, PAINT_TITLE, PAINT_PLAIN, PAINT_PLAIN, PAINT_ID, PAINT_CLASS};
    struct table t;
    table_begin(&t, 6, titles, paints);
    for (size_t i = 0; i < r->count; i++) {
        const struct mid__duplicate *g = &duplicates->list[r->items[i]];
        table_size(&t, g->retained, o->exact);
        table_size(&t, mid__duplicate_waste(g), o->exact);
        table_size(&t, g->shallow, o->exact);
        table_count(&t, g->count);
        dump_table_node(d, &t, g->node);
    }
    dump_print_title(d, o);
    print_totals(duplicates, o);
    if (r->count != 0)
        table_print(&t, o);
    table_free(&t);
    output_left_out(o, duplicates->count - r->count, "string", "strings");
}

static enum cli_status run(const struct options *options)
{
    struct dump d;
    struct output o;
    struct rank r;
    struct mid__duplicates *duplicates;
    dump_open(&d, options->operands[0], MID__PART_FOLDED | MID__PART_RETAINED | dump_parts(options));
    dump_select(&d, options);
    dump_check(&d, mid__duplicates_find(d.graph, d.selected, &duplicates));
    dump_classify(&d, NULL, false);
    struct order order = {duplicates, options_sort(options)};
    rank_begin(&r, options_limit(options, TEXT_ROWS, LIMIT_ALL), greater, &order);
    for (uint32_t i = 0; i < duplicates->count; i++)
        rank_offer(&r, i);
    rank_finish(&r);
    output_begin(&o, options);
    if (options->json)
        print_json(&d, &o.json, duplicates, &r);
    else
        print_text(&d, &o, duplicates, &r);
    output_end(&o);
    rank_free(&r);
    mid__duplicates_free(duplicates);
    dump_close(&d);
    return CLI_FINE;
}

const struct verb verb_strings = {
    .name = "strings",
    .operands = "FILE",
    .summary = "strings that are there more than once, and what they waste",
    .about = "Prints the contents that more than one string has: how many strings, their sizes, and what would be free if\n"
             "each content were there once (wasted). Retained sizes are added up, as DevTools does: a string that was put\n"
             "together from parts holds them, so that parts with one content are counted in two rows.\n\n"
             "  midden strings app.heapsnapshot\n"
             "  midden strings --sort=wasted --where 'retained-by=Cache' app.heapsnapshot",
    .operands_min = 1,
    .operands_max = 1,
    .options = OPTION_COMMON | OPTION_LIMIT | OPTION_SORT | OPTION_SELECT | OPTION_BYTES,
    .sort_keys = keys,
    .run = run};
