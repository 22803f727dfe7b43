/* SPDX-License-Identifier: MIT
 *
 * verb_export.c: `midden export`: a page (export_html.c), a table for spreadsheets (export_csv.c), or the figures of
 * every object as raw columns, for programs that calculate:
 *
 *     dominator.u32   ordinal of the immediate dominator (the root's is its own)
 *     retained.u64    bytes
 *     distance.i32    -5 where nothing arrives, from 100,000,000 on what only the system's roots hold
 *     self.u64        bytes, after folding
 *
 * Little-endian whatever the machine, without a header, one value a node in the order of the snapshot. With --where or
 * --filter there is also selected.u8, and with an older snapshot new.u8 (1: selected; no object of OLD has the id).
 */
#include <string.h>

#include "export.h"
#include "files.h"

struct column {
    const char *name;
    unsigned bytes;
    uint64_t (*value)(const struct mid__graph *g, uint32_t node);
};

static uint64_t dominator(const struct mid__graph *g, uint32_t node)
{
    return g->dominator[node];
}

static uint64_t retained(const struct mid__graph *g, uint32_t node)
{
    return g->retained[node];
}

static uint64_t distance(const struct mid__graph *g, uint32_t node)
{
    return (uint32_t)g->distance[node];
}

static uint64_t self(const struct mid__graph *g, uint32_t node)
{
    return mid__graph_size(g, node);
}

static const struct column columns[] = {
    {"dominator.u32", 4, dominator}, {"retained.u64", 8, retained}, {"distance.i32", 4, distance}, {"self.u64", 8, self}};
#define COLUMNS (sizeof columns / sizeof columns[0])

static void write_column(const struct column *c, const struct mid__graph *g, FILE *file)
{
    unsigned char block[8192];
    size_t used = 0;
    for (uint32_t n = 0; n < g->node_count; n++) {
        uint64_t value = c->value(g, n);
        for (unsigned i = 0; i < c->bytes; i++)
            block[used++] = (unsigned char)(value >> (8 * i));
        if (used == sizeof block || n + 1 == g->node_count) {
            if (fwrite(block, 1, used, file) != used)
                return; /* files_next and files_commit see the stream's error */
            used = 0;
        }
    }
}

/* What is written beside the columns. */
struct extra {
    const char *name;
    const uint8_t *bytes; /* [nodes], or NULL: not */
};

static void write_columns(const struct dump *d, const struct extra extras[2], const char *directory)
{
    struct file_set *set = files_begin(directory);
    for (size_t i = 0; i < COLUMNS; i++)
        write_column(&columns[i], d->graph, files_next(set, columns[i].name));
    for (size_t i = 0; i < 2; i++)
        if (extras[i].bytes != NULL)
            fwrite(extras[i].bytes, 1, d->graph->node_count, files_next(set, extras[i].name));
    files_commit(set);
}

/* ---- the answer: what was written */

static void json_member(struct json *j, const char *key, const char *path)
{
    if (path == NULL)
        return;
    json_key(j, key);
    json_words(j, path);
}

static void print_json(const struct options *options, const struct dump *d, const struct extra extras[2], struct json *j)
{
    json_open(j, '{');
    json_member(j, "directory", options->columns);
    json_key(j, "nodes");
    json_unsigned(j, d->graph->node_count);
    dump_json_selected(d, j);
    if (options->columns != NULL) {
        json_key(j, "files");
        json_open(j, '[');
        for (size_t i = 0; i < COLUMNS; i++)
            json_words(j, columns[i].name);
        for (size_t i = 0; i < 2; i++)
            if (extras[i].bytes != NULL)
                json_words(j, extras[i].name);
        json_close(j, ']');
    }
    json_member(j, "csv", options->csv);
    json_member(j, "html", options->html);
    json_close(j, '}');
    json_end(j);
}

static void end_line(const struct dump *d, struct text *t)
{
    if (d->selected != NULL)
        text_add_selected(t, d->selected_count);
    text_add(t, "\n");
}

static void print_text(const struct options *options, const struct dump *d, const struct extra extras[2], struct output *o)
{
    struct text t = {0};
    if (options->columns != NULL) {
        text_addf(&t, "%s: ", cli_quote(options->columns));
        for (size_t i = 0; i < COLUMNS; i++)
            text_addf(&t, "%s%s", i != 0 ? " " : "", columns[i].name);
        for (size_t i = 0; i < 2; i++)
            if (extras[i].bytes != NULL)
                text_addf(&t, " %s", extras[i].name);
        text_add(&t, " of ");
        text_add_count(&t, d->graph->node_count);
        text_add(&t, " nodes");
        end_line(d, &t);
    }
    if (options->csv != NULL) {
        text_addf(&t, "%s: the %s table", cli_quote(options->csv), options->operand_count > 1 ? "comparison" : "class");
        end_line(d, &t);
    }
    if (options->html != NULL) {
        text_addf(&t, "%s: a page with the dominator tree and the %s table", cli_quote(options->html),
                  options->operand_count > 1 ? "comparison" : "class");
        end_line(d, &t);
    }
    output_text(o, PAINT_PLAIN, &t);
    text_free(&t);
}

static bool is_dash(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

/* Whether the page or the table itself goes to standard output, and is the answer. Ends the command where a second thing would
 * go there too. */
static bool answers_itself(const struct options *options)
{
    if (is_dash(options->columns))
        cli_die(CLI_USAGE, "export: --columns wants a directory; '-' is none (./- is)");
    bool csv = is_dash(options->csv), html = is_dash(options->html);
    if ((csv && html) || (options->json && (csv || html)))
        cli_die(CLI_USAGE, "export: only one of --csv=-, --html=- and --json can have standard output");
    return csv || html;
}

static enum cli_status run(const struct options *options)
{
    struct dump d;
    struct output o;
    bool tables = options->csv != NULL || options->html != NULL;
    if (!tables && (options->columns == NULL || options->columns[0] == '\0'))
        cli_die(CLI_USAGE, "export: say where to: --columns=DIR, --csv=FILE or --html=FILE (see midden export --help)");
    bool two = options->operand_count > 1, answered = answers_itself(options);
    if (two && (strcmp(options->operands[0], "-") == 0 || strcmp(options->operands[1], "-") == 0))
        cli_die(CLI_USAGE, "export: of two snapshots neither can be standard input");
    unsigned parts = MID__PARTS_FIGURES | dump_parts(options) | (tables ? MID__PART_DOMINATED : 0);
    struct comparison c = {0};
    if (two) {
        comparison_open(&c, &d, options, options->operands[0], options->operands[1], parts);
    } else {
        dump_open(&d, options->operands[0], parts);
        if (options->interfaces)
            dump_infer(&d);
        dump_select(&d, options);
    }
    if (tables)
        dump_classify(&d, d.interfaces, true);
    const struct extra extras[2] = {{"selected.u8", d.selected}, {"new.u8", c.is_new}};
    if (options->columns != NULL)
        write_columns(&d, extras, options->columns);
    if (options->csv != NULL)
        export_csv(&d, two ? &c : NULL, options->csv);
    if (options->html != NULL)
        export_html(&d, two ? &c : NULL, options->html);
    if (!answered) {
        output_begin(&o, options);
        if (options->json)
            print_json(options, &d, extras, &o.json);
        else
            print_text(options, &d, extras, &o);
        output_end(&o);
    }
    comparison_close(&c);
    dump_close(&d);
    return CLI_FINE;
}

const struct verb verb_export = {
    .name = "export",
    .operands = "[OLD] FILE",
    .summary = "a page, a spreadsheet, or the figures as raw columns",
    .about = "Writes, each whole or not at all: a page that needs no network, with the dominator tree to look into and the\n"
             "class table to search (--html); the class table for spreadsheets (--csv); the figures of all objects as\n"
             "little-endian arrays in the order of the snapshot's nodes (--columns).\n"
             "With OLD, an older snapshot of the process, page and table are the comparison, and the page shows in the tree\n"
             "how much of each object is new. With --where or --filter they are of the objects selected. The file - is\n"
             "standard output.\n\n"
             "  midden export --html=page.html app.heapsnapshot\n"
             "  midden export --html=growth.html before.heapsnapshot after.heapsnapshot\n"
             "  midden export --csv=classes.csv --interfaces app.heapsnapshot\n"
             "  midden export --columns=figures app.heapsnapshot",
    .operands_min = 1,
    .operands_max = 2,
    .options = OPTION_COMMON | OPTION_COLUMNS | OPTION_SELECT | OPTION_INTERFACES,
    .run = run};
