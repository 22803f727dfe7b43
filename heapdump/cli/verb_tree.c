/* SPDX-License-Identifier: MIT
 *
 * verb_tree.c: `midden tree`: the dominator tree from the root, or from one object, downwards.
 *
 * The walk keeps a stack of levels, each with the children that are shown, the greatest retained size first, and how
 * far it has come: a dump may have chains of a million objects, so there is no recursion. Text follows what is large
 * until it falls apart into small pieces; JSON has all, down to a depth. With --where it is what is selected, however
 * small, and what stands above it.
 */
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "rank.h"

#define TEXT_CHILDREN 8
#define TEXT_DEPTH    8
#define DEEP          64  /* levels, when it is known what is looked for */
#define TEXT_SHARE    100 /* a child below 1/100 of the start is left out, unless -n asks for it */
#define JSON_CHILDREN 50
#define JSON_DEPTH    4

struct level {
    struct rank shown; /* the children that are shown */
    size_t next;
    uint32_t node;
    uint64_t left_out, left_out_retained; /* the others */
};

struct rest {
    uint32_t count;
    uint64_t retained;
};

struct tree {
    struct dump *dump;
    struct output *out;
    size_t limit, depth;
    uint64_t least; /* retained bytes of a child that is shown */
    struct rest *of_class; /* [classes]: of the children left out, one node at a time */
    uint8_t *above; /* [nodes]: 1 for what is part of the tree, or NULL: all */
    struct level *levels;
    size_t count, capacity;
};

static bool more_retained(const void *user, uint32_t a, uint32_t b)
{
    const struct mid__graph *g = user;
    return g->retained[a] != g->retained[b] ? g->retained[a] > g->retained[b] : a < b;
}

static bool is_part(const struct tree *t, uint32_t node)
{
    return t->above == NULL || t->above[node];
}

static uint32_t children_of(const struct tree *t, uint32_t node)
{
    const struct mid__graph *g = t->dump->graph;
    uint32_t count = 0;
    if (t->above == NULL)
        return g->first_dominated[node + 1] - g->first_dominated[node];
    for (uint32_t i = g->first_dominated[node]; i < g->first_dominated[node + 1]; i++)
        count += t->above[g->dominated[i]];
    return count;
}

/* Opens the level below `node`, unless the tree is to end here. */
static bool descend(struct tree *t, uint32_t node)
{
    const struct mid__graph *g = t->dump->graph;
    uint32_t children = children_of(t, node);
    if (t->count >= t->depth || children == 0)
        return false;
    if (t->count == t->capacity) {
        t->capacity = t->capacity != 0 ? t->capacity * 2 : 16;
        t->levels = cli_grow(t->levels, t->capacity, sizeof t->levels[0]);
    }
    struct level *l = &t->levels[t->count++];
    *l = (struct level){.node = node};
    rank_begin(&l->shown, t->limit, more_retained, g);
    for (uint32_t i = g->first_dominated[node]; i < g->first_dominated[node + 1]; i++) {
        if (!is_part(t, g->dominated[i]))
            continue;
        if (g->retained[g->dominated[i]] >= t->least)
            rank_offer(&l->shown, g->dominated[i]);
        l->left_out_retained += g->retained[g->dominated[i]];
    }
    rank_finish(&l->shown);
    l->left_out = children - l->shown.count;
    for (size_t i = 0; i < l->shown.count; i++)
        l->left_out_retained -= g->retained[l->shown.items[i]];
    return true;
}

static void ascend(struct tree *t)
{
    rank_free(&t->levels[--t->count].shown);
}

/* ---- text */

/* True when nothing more is printed on this level behind what is printed now. */
static bool is_last(const struct level *l)
{
    return l->next == l->shown.count && l->left_out == 0;
}

static void print_figures(struct tree *t, uint64_t retained)
{
    struct text line = {0}, size = {0};
    uint64_t total = t->dump->graph->total_size;
    text_add_size(&size, retained, t->out->exact);
    text_addf(&line, "%*s  %5.1f  ", t->out->exact ? 14 : 8, text_string(&size),
              total != 0 ? 100.0 * (double)retained / (double)total : 0.0);
    output_text(t->out, PAINT_PLAIN, &line);
    text_free(&line);
    text_free(&size);
}

/* The rulings of all levels; returns the columns they take. `rest`: for the line of what is left out. */
static size_t print_rulings(struct tree *t, bool rest)
{
    static const char *const utf8[] = {"\xe2\x94\x82  ", "   ", "\xe2\x94\x9c\xe2\x94\x80 ", "\xe2\x94\x94\xe2\x94\x80 "};
    static const char *const ascii[] = {"|  ", "   ", "|- ", "`- "};
    const char *const *rulings = t->out->ascii ? ascii : utf8;
    for (size_t i = 0; i < t->count; i++) {
        bool last = is_last(&t->levels[i]) || (rest && i + 1 == t->count);
        output_words(t->out, PAINT_DIM, rulings[(i + 1 == t->count ? 2 : 0) + (last ? 1 : 0)]);
    }
    return t->count * 3;
}

static void print_node(struct tree *t, uint32_t node)
{
    struct text line = {0};
    print_figures(t, t->dump->graph->retained[node]);
    size_t used = (t->out->exact ? 23 : 17) + print_rulings(t, false);
    dump_add_node(t->dump, &line, node, output_room(t->out, used), t->out->ascii);
    text_add(&line, "\n");
    output_text(t->out, t->above != NULL && !t->dump->selected[node] ? PAINT_DIM : PAINT_PLAIN, &line);
    text_free(&line);
}

/* The class of the children left out that retains most of what they do together; *count of them. */
static uint32_t most_of_rest(struct tree *t, const struct level *l, uint32_t *count)
{
    const struct mid__graph *g = t->dump->graph;
    const uint32_t *of_node = t->dump->classes->of_node, from = g->first_dominated[l->node];
    uint32_t to = g->first_dominated[l->node + 1], best = of_node[g->dominated[from]];
    if (t->of_class == NULL) {
        t->of_class = cli_allocate(t->dump->classes->count, sizeof t->of_class[0]);
        memset(t->of_class, 0, t->dump->classes->count * sizeof t->of_class[0]);
    }
    for (size_t i = 0; i < l->shown.count; i++) {
        struct rest *rest = &t->of_class[of_node[l->shown.items[i]]];
        rest->count--;
        rest->retained -= g->retained[l->shown.items[i]];
    }
    for (uint32_t i = from; i < to; i++) {
        struct rest *rest = &t->of_class[of_node[g->dominated[i]]];
        rest->count += is_part(t, g->dominated[i]);
        rest->retained += is_part(t, g->dominated[i]) ? g->retained[g->dominated[i]] : 0;
    }
    for (uint32_t i = from; i < to; i++) {
        const struct rest *rest = &t->of_class[of_node[g->dominated[i]]], *most = &t->of_class[best];
        if (rest->count != 0 && (most->count == 0 || rest->retained > most->retained))
            best = of_node[g->dominated[i]];
    }
    *count = t->of_class[best].count;
    for (uint32_t i = from; i < to; i++)
        t->of_class[of_node[g->dominated[i]]] = (struct rest){0};
    return best;
}

static void print_rest(struct tree *t, const struct level *l)
{
    struct text line = {0};
    size_t length;
    uint32_t count, place = most_of_rest(t, l, &count);
    print_figures(t, l->left_out_retained);
    print_rulings(t, true);
    text_add(&line, "... ");
    text_add_count(&line, l->left_out);
    text_add(&line, " more (");
    text_add_count(&line, count);
    text_add(&line, t->out->ascii ? " x " : " \xc3\x97 ");
    const char *name = mid__class_name(t->dump->classes, place, &length);
    text_add_dump(&line, name, length, 60, t->out->ascii);
    text_add(&line, count == l->left_out ? ")\n" : t->out->ascii ? ", ...)\n" : ", \xe2\x80\xa6)\n");
    output_text(t->out, PAINT_DIM, &line);
    text_free(&line);
}

static void print_text(struct tree *t, uint32_t start)
{
    dump_print_title(t->dump, t->out);
    output_words(t->out, PAINT_TITLE, t->out->exact ? "      RETAINED      %  OBJECT\n" : "RETAINED      %  OBJECT\n");
    print_node(t, start);
    descend(t, start);
    while (t->count != 0) {
        struct level *l = &t->levels[t->count - 1];
        if (l->next < l->shown.count) {
            uint32_t node = l->shown.items[l->next++];
            print_node(t, node);
            descend(t, node);
            continue;
        }
        if (l->left_out != 0)
            print_rest(t, l);
        ascend(t);
    }
}

/* ---- JSON */

/* Opens the object of a node and the array of its children. */
static void open_json(struct tree *t, uint32_t node)
{
    struct json *j = &t->out->json;
    json_open(j, '{');
    dump_json_node(t->dump, j, node);
    if (t->above != NULL) {
        json_key(j, "selected");
        json_bool(j, t->dump->selected[node] != 0);
        if (t->count == 0) /* of the start alone */
            dump_json_selected(t->dump, j);
    }
    json_key(j, "children_count");
    json_unsigned(j, children_of(t, node));
    json_key(j, "children");
    json_open(j, '[');
}

static void close_json(struct tree *t)
{
    json_close(&t->out->json, ']');
    json_close(&t->out->json, '}');
}

static void print_json(struct tree *t, uint32_t start)
{
    open_json(t, start);
    if (!descend(t, start))
        close_json(t);
    while (t->count != 0) {
        struct level *l = &t->levels[t->count - 1];
        if (l->next == l->shown.count) {
            ascend(t);
            close_json(t);
            continue;
        }
        uint32_t node = l->shown.items[l->next++];
        json_row(&t->out->json);
        open_json(t, node);
        if (!descend(t, node))
            close_json(t);
    }
    json_end(&t->out->json);
}

static enum cli_status run(const struct options *options)
{
    struct dump d;
    struct output o;
    uint64_t id = options->operand_count > 1 ? options_object_id(options, options->operands[1]) : 0;
    dump_open(&d, options->operands[0], MID__PARTS_FIGURES | MID__PART_DOMINATED | dump_parts(options));
    uint32_t start = options->operand_count > 1 ? dump_find(&d, id) : d.graph->root;
    dump_infer(&d);
    dump_select(&d, options);
    dump_classify(&d, d.interfaces, false);
    struct tree t = {.dump = &d, .out = &o, .above = dump_select_above(&d)};
    t.limit = options_limit(options, TEXT_CHILDREN, JSON_CHILDREN);
    t.depth = options->depth_given ? options->depth : t.above != NULL ? DEEP : options->json ? JSON_DEPTH : TEXT_DEPTH;
    t.least = options->json || options->limit_given || t.above != NULL ? 0 : d.graph->retained[start] / TEXT_SHARE;
    output_begin(&o, options);
    if (options->json)
        print_json(&t, start);
    else
        print_text(&t, start);
    output_end(&o);
    free(t.levels);
    free(t.of_class);
    free(t.above);
    dump_close(&d);
    return CLI_FINE;
}

const struct verb verb_tree = {
    .name = "tree",
    .operands = "FILE [@ID]",
    .summary = "the dominator tree, from the root or from one object",
    .about = "Prints the dominator tree: below each object stands what would be gone with it. The largest come first: of\n"
             "each object the first 8, as far as they are 1 % of the start, down to 8 levels. -n and --depth say\n"
             "otherwise. With --json it is 50, whatever their size, and 4 levels. With --where or --filter: what is selected\n"
             "and what stands above it, 64 levels.\n\n"
             "  midden tree app.heapsnapshot\n"
             "  midden tree --depth=2 -n 20 app.heapsnapshot @59449\n"
             "  midden tree --where 'class=Session' app.heapsnapshot",
    .operands_min = 1,
    .operands_max = 2,
    .options = OPTION_COMMON | OPTION_LIMIT | OPTION_SELECT | OPTION_DEPTH | OPTION_BYTES,
    .run = run};
