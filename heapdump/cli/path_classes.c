/* SPDX-License-Identifier: MIT
 *
 * path_classes.c: `midden path FILE --where=EXPR`: the shortest paths to all objects that are selected, merged by class.
 *
 *     COUNT  RETAINED  PATH
 *       250   81.9 kB  (root)
 *       250   81.9 kB  .app -> {cache, ...}
 *       245   80.2 kB  |- .cache -> UnboundedCache        a line further in only where the ways part
 *       245   80.2 kB  |  .map -> Map
 *         5   1.70 kB  `- .recent -> Array
 *
 * As in verb_tree.c there is no recursion, and of each fork the largest are shown.
 */
#include "path_classes.h"

#include <midden/internal/path.h>

#include <stdlib.h>

#include "rank.h"

#define TEXT_WAYS    8
#define TEXT_DEPTH   60
#define TEXT_SHARE   100 /* a way of less than 1/100 of the objects, and 1/3 of its fork's, is left out but with -n */
#define JSON_WAYS    50
#define JSON_DEPTH   200
#define EDGE_COLUMNS 40

struct level {
    struct rank shown;
    size_t next;
    uint64_t left_out, left_out_count;
    bool fork;
};

struct printing {
    struct dump *dump;
    struct output *out;
    struct mid__path_groups groups;
    uint32_t *first_child, *children; /* of groups, by counting */
    size_t limit, depth;
    uint64_t least; /* objects, of a way that is shown */
    struct level *levels;
    size_t count, capacity;
};

static bool greater(const void *user, uint32_t a, uint32_t b)
{
    const struct mid__path_group *list = user;
    return list[a].count != list[b].count ? list[a].count > list[b].count : a < b;
}

static void list_children(struct printing *p)
{
    uint32_t count = p->groups.count, sum = 0;
    p->first_child = cli_allocate((size_t)count + 2, sizeof p->first_child[0]);
    p->children = cli_allocate((size_t)count + 1, sizeof p->children[0]);
    for (uint32_t i = 0; i < count + 2; i++)
        p->first_child[i] = 0;
    for (uint32_t i = 1; i < count; i++)
        p->first_child[p->groups.list[i].parent + 2]++;
    for (uint32_t i = 0; i <= count; i++)
        p->first_child[i + 1] = sum += p->first_child[i + 1];
    for (uint32_t i = 1; i < count; i++)
        p->children[p->first_child[p->groups.list[i].parent + 1]++] = i;
}

static uint32_t child_count(const struct printing *p, uint32_t group)
{
    return p->first_child[group + 1] - p->first_child[group];
}

static bool descend(struct printing *p, uint32_t group)
{
    if (p->count >= p->depth || child_count(p, group) == 0)
        return false;
    if (p->count == p->capacity) {
        p->capacity = p->capacity != 0 ? 2 * p->capacity : 32;
        p->levels = cli_grow(p->levels, p->capacity, sizeof p->levels[0]);
    }
    struct level *l = &p->levels[p->count++];
    *l = (struct level){.fork = child_count(p, group) > 1 || p->groups.list[group].ends != 0};
    rank_begin(&l->shown, p->limit, greater, p->groups.list);
    for (uint32_t i = p->first_child[group]; i < p->first_child[group + 1]; i++) {
        uint64_t count = p->groups.list[p->children[i]].count;
        if (count >= p->least || count >= p->groups.list[group].count / 3)
            rank_offer(&l->shown, p->children[i]);
        l->left_out_count += p->groups.list[p->children[i]].count;
    }
    rank_finish(&l->shown);
    l->left_out = child_count(p, group) - l->shown.count;
    for (size_t i = 0; i < l->shown.count; i++)
        l->left_out_count -= p->groups.list[l->shown.items[i]].count;
    return true;
}

static void ascend(struct printing *p)
{
    rank_free(&p->levels[--p->count].shown);
}

/* ---- text */

static void print_figures(struct printing *p, uint64_t count, uint64_t retained, bool has_retained)
{
    struct text line = {0}, figure = {0};
    text_add_count(&figure, count);
    text_addf(&line, "%9s  ", text_string(&figure));
    text_clear(&figure);
    if (has_retained)
        text_add_size(&figure, retained, p->out->exact);
    text_addf(&line, "%*s  ", p->out->exact ? 14 : 8, text_string(&figure));
    output_text(p->out, PAINT_PLAIN, &line);
    text_free(&line);
    text_free(&figure);
}

/* Returns the columns that the rulings take. A level that is no fork has none. */
static size_t print_rulings(struct printing *p, bool first, bool rest)
{
    static const char *const utf8[] = {"\xe2\x94\x82  ", "   ", "\xe2\x94\x9c\xe2\x94\x80 ", "\xe2\x94\x94\xe2\x94\x80 "};
    static const char *const ascii[] = {"|  ", "   ", "|- ", "`- "};
    const char *const *rulings = p->out->ascii ? ascii : utf8;
    size_t columns = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct level *l = &p->levels[i];
        if (!l->fork)
            continue;
        bool own = first && i + 1 == p->count;
        bool last = (l->next == l->shown.count && l->left_out == 0) || (rest && own);
        output_words(p->out, PAINT_DIM, rulings[(own ? 2 : 0) + (last ? 1 : 0)]);
        columns += 3;
    }
    return columns;
}

static void print_group(struct printing *p, uint32_t group)
{
    const struct mid__path_group *g = &p->groups.list[group];
    struct text t = {0};
    size_t length, used = p->out->exact ? 27 : 21;
    print_figures(p, g->count, g->retained, true);
    used += print_rulings(p, true, false);
    if (g->edge != MID__PATH_NO_EDGE) {
        if (g->one_name)
            dump_add_edge(p->dump, &t, g->edge, EDGE_COLUMNS, p->out->ascii);
        else
            text_add(&t, p->dump->graph->edge_type[g->edge] == MID__EDGE_ELEMENT ? "[*]" : "*");
        used += t.length + 3;
        output_text(p->out, PAINT_ID, &t);
        text_add(&t, p->out->ascii ? " -> " : " \xe2\x86\x92 ");
    }
    const char *name = mid__class_name(p->dump->classes, g->place, &length);
    if (group == 0)
        text_add(&t, "(root)");
    else if (g->objects == 1)
        dump_add_node(p->dump, &t, g->ends != 0 ? g->example : p->dump->graph->edge_target[g->edge],
                      output_room(p->out, used), p->out->ascii);
    else
        text_add_dump(&t, name, length, output_room(p->out, used + 16), p->out->ascii);
    if (g->objects > 1) {
        text_add(&t, p->out->ascii ? " x " : " \xc3\x97 ");
        text_add_count(&t, g->objects);
    }
    text_add(&t, "\n");
    output_text(p->out, PAINT_PLAIN, &t);
    text_free(&t);
}

static void print_rest(struct printing *p, const struct level *l)
{
    struct text line = {0};
    print_figures(p, l->left_out_count, 0, false);
    print_rulings(p, true, true);
    text_add(&line, "... ");
    text_add_count(&line, l->left_out);
    text_add(&line, l->left_out == 1 ? " more way\n" : " more ways\n");
    output_text(p->out, PAINT_DIM, &line);
    text_free(&line);
}

static void print_text(struct printing *p)
{
    struct text t = {0};
    dump_print_title(p->dump, p->out);
    text_add_count(&t, p->groups.selected);
    text_add(&t, p->groups.selected == 1 ? " object" : " objects");
    if (p->groups.unreached != 0) {
        text_add(&t, ", ");
        text_add_count(&t, p->groups.unreached);
        text_add(&t, " of which nothing reaches from the roots");
    }
    text_add(&t, "\n\n");
    output_text(p->out, PAINT_PLAIN, &t);
    text_free(&t);
    if (p->groups.selected == p->groups.unreached)
        return;
    output_words(p->out, PAINT_TITLE, p->out->exact ? "    COUNT        RETAINED  PATH\n" : "    COUNT  RETAINED  PATH\n");
    print_group(p, 0);
    descend(p, 0);
    while (p->count != 0) {
        struct level *l = &p->levels[p->count - 1];
        if (l->next < l->shown.count) {
            uint32_t group = l->shown.items[l->next++];
            print_group(p, group);
            descend(p, group);
            continue;
        }
        if (l->left_out != 0)
            print_rest(p, l);
        ascend(p);
    }
}

/* ---- JSON */

static void json_number(struct json *j, const char *key, uint64_t n)
{
    json_key(j, key);
    json_unsigned(j, n);
}

static void open_group(struct printing *p, uint32_t group)
{
    const struct mid__path_group *g = &p->groups.list[group];
    struct json *j = &p->out->json;
    size_t length;
    json_open(j, '{');
    if (g->edge != MID__PATH_NO_EDGE && g->one_name) {
        dump_json_edge(p->dump, j, g->edge);
    } else {
        json_key(j, "edge_type");
        json_null(j);
        json_key(j, "edge_name");
        json_null(j);
    }
    const char *name = mid__class_name(p->dump->classes, g->place, &length);
    json_key(j, "class");
    json_string(j, name, length);
    json_number(j, "objects", g->objects);
    json_number(j, "count", g->count);
    json_number(j, "ends", g->ends);
    json_number(j, "shallow", g->shallow);
    json_number(j, "retained", g->retained);
    json_number(j, "example", mid__graph_id(p->dump->graph, g->example));
    json_number(j, "children_count", child_count(p, group));
    json_key(j, "children");
    json_open(j, '[');
}

static void close_group(struct printing *p)
{
    json_close(&p->out->json, ']');
    json_close(&p->out->json, '}');
}

static void print_json(struct printing *p)
{
    struct json *j = &p->out->json;
    json_open(j, '{');
    json_number(j, "selected", p->groups.selected);
    json_number(j, "unreached", p->groups.unreached);
    json_key(j, "merged");
    open_group(p, 0);
    if (!descend(p, 0))
        close_group(p);
    while (p->count != 0) {
        struct level *l = &p->levels[p->count - 1];
        if (l->next == l->shown.count) {
            ascend(p);
            close_group(p);
            continue;
        }
        uint32_t group = l->shown.items[l->next++];
        json_row(j);
        open_group(p, group);
        if (!descend(p, group))
            close_group(p);
    }
    json_close(j, '}');
    json_end(j);
}

void path_classes(struct dump *d, const struct options *options)
{
    struct output o;
    struct printing p = {.dump = d, .out = &o};
    uint32_t *arrivals;
    dump_check(d, mid__path_edges(d->graph, &arrivals));
    dump_check(d, mid__path_merge(d->graph, d->classes, arrivals, d->selected, &p.groups));
    list_children(&p);
    p.limit = options_limit(options, TEXT_WAYS, JSON_WAYS);
    p.depth = options->json ? JSON_DEPTH : TEXT_DEPTH;
    p.least = options->json || options->limit_given ? 0 : p.groups.selected / TEXT_SHARE;
    output_begin(&o, options);
    if (options->json)
        print_json(&p);
    else
        print_text(&p);
    output_end(&o);
    free(arrivals);
    free(p.groups.list);
    free(p.first_child);
    free(p.children);
    free(p.levels);
}
