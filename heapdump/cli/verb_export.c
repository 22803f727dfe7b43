/* SPDX-License-Identifier: MIT
 *
 * verb_export.c: `midden export`: the figures of every object as raw columns, for programs that calculate:
 *
 *     dominator.u32   ordinal of the immediate dominator (the root's is its own)
 *     retained.u64    bytes
 *     distance.i32    -5 where nothing arrives, from 100,000,000 on what only the system's roots hold
 *     self.u64        bytes, after folding
 *
 * Little-endian whatever the machine, without a header, one value a node in the order of the snapshot.
 */
#include "dump.h"
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

static void print(const struct options *options, const struct mid__graph *g)
{
    struct output o;
    output_begin(&o, options);
    if (options->json) {
        json_open(&o.json, '{');
        json_key(&o.json, "directory");
        json_words(&o.json, options->columns);
        json_key(&o.json, "nodes");
        json_unsigned(&o.json, g->node_count);
        json_key(&o.json, "files");
        json_open(&o.json, '[');
        for (size_t i = 0; i < COLUMNS; i++)
            json_words(&o.json, columns[i].name);
        json_close(&o.json, ']');
        json_close(&o.json, '}');
        json_end(&o.json);
    } else {
        struct text t = {0};
        text_add(&t, cli_quote(options->columns));
        text_add(&t, ": ");
        for (size_t i = 0; i < COLUMNS; i++)
            text_addf(&t, "%s%s", i != 0 ? " " : "", columns[i].name);
        text_add(&t, " of ");
        text_add_count(&t, g->node_count);
        text_add(&t, " nodes\n");
        output_text(&o, PAINT_PLAIN, &t);
        text_free(&t);
    }
    output_end(&o);
}

static enum cli_status run(const struct options *options)
{
    struct dump d;
    if (options->columns == NULL || options->columns[0] == '\0')
        cli_die(CLI_USAGE, "export: say where to: --columns=DIR (see midden export --help)");
    dump_open(&d, options->operands[0], MID__PARTS_FIGURES);
    struct file_set *set = files_begin(options->columns);
    for (size_t i = 0; i < COLUMNS; i++)
        write_column(&columns[i], d.graph, files_next(set, columns[i].name));
    files_commit(set);
    print(options, d.graph);
    dump_close(&d);
    return CLI_FINE;
}

const struct verb verb_export = {
    .name = "export",
    .operands = "FILE",
    .summary = "the figures of every object, as raw columns",
    .about = "Writes the figures of all objects as little-endian arrays in the order of the snapshot's nodes. The files\n"
             "appear together and whole, or not at all.",
    .operands_min = 1,
    .operands_max = 1,
    .options = OPTION_COMMON | OPTION_COLUMNS,
    .run = run};
