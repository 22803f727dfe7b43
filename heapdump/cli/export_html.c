/* SPDX-License-Identifier: MIT
 *
 * export_html.c: `midden export --html`: the dominator tree and the class table as one page; of two snapshots the tree of
 * the newer with what is new in it, and the comparison by class.
 *
 * The tree is cut where it would be invisible: below each object its LARGEST children, as far as they are 1 / PARTS of
 * the heap (or 1 / NEW_PARTS of what is new), DEPTH levels deep, at most NODES in all. What is left out is added up, and
 * the classes of which most of it is are named, for a cache is nothing but entries too small to be seen. So the page
 * stays below a few MB, however large the snapshot. Of the table it has the CLASSES largest.
 *
 *     {"file","nodes","edges","total_size","tree":NODE,"classes":[[name, count, shallow, retained]]
 *      [,"old","old_nodes","old_size","new_size","diff":[[name, added, removed, added_size, removed_size]]]}
 *     NODE: [name, id, retained, shallow, [NODE ...], [CLASS ...], new]
 *     CLASS: [name, count, retained, new] of children left out; of the last, the rest, the name is ""
 *
 * The JSON stands inside a script element: every '<' in it is written as \u003c, so that no string of a dump can end the
 * element or begin a comment.
 */
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "files.h"
#include "page.h"
#include "rank.h"

#define LARGEST      40
#define PARTS        4000
#define NEW_PARTS    400
#define REST_CLASSES 4
#define DEPTH        60
#define NODES        20000
#define NAME_COLUMNS 80
#define CLASSES      20000 /* in the table, and so many columns of their names */
#define CLASS_COLUMNS 300

struct level {
    struct rank shown;
    size_t next;
    uint32_t node;
};

struct class_sum {
    uint64_t count, retained, new;
};

struct tree {
    struct dump *dump;
    const struct comparison *comparison; /* or NULL */
    uint8_t *above;        /* [nodes]: what is part of the tree, or NULL: all */
    uint64_t *new_below;   /* [nodes]: bytes of new objects at it and below, or NULL */
    struct class_sum *sums; /* [classes]: of the children left out, one node at a time */
    uint32_t *touched;     /* classes with a sum */
    uint8_t *is_shown;     /* [nodes] */
    struct json json;
    struct level levels[DEPTH];
    size_t height, nodes;
};

static bool more_retained(const void *user, uint32_t a, uint32_t b)
{
    const struct mid__graph *g = user;
    return g->retained[a] != g->retained[b] ? g->retained[a] > g->retained[b] : a < b;
}

static uint64_t new_at(const struct tree *t, uint32_t node)
{
    return t->new_below != NULL ? t->new_below[node] : 0;
}

/* Bytes of new objects, added up from the leaves to the root. */
static uint64_t *add_new(const struct dump *d, const uint8_t *is_new)
{
    const struct mid__graph *g = d->graph;
    uint32_t *order = cli_allocate((size_t)g->node_count + 1, sizeof order[0]), count = 0;
    uint64_t *below = cli_allocate((size_t)g->node_count + 1, sizeof below[0]);
    order[count++] = g->root;
    for (uint32_t at = 0; at < count; at++)
        for (uint32_t i = g->first_dominated[order[at]]; i < g->first_dominated[order[at] + 1]; i++)
            order[count++] = g->dominated[i];
    for (uint32_t n = 0; n < g->node_count; n++)
        below[n] = is_new[n] ? mid__graph_size(g, n) : 0;
    while (count-- > 1)
        below[g->dominator[order[count]]] += below[order[count]];
    free(order);
    return below;
}

/* The start of a node: name, id, sizes, and the bracket of its children. */
static void open_node(struct tree *t, uint32_t node)
{
    const struct mid__graph *g = t->dump->graph;
    struct text name = {0};
    dump_add_node(t->dump, &name, node, NAME_COLUMNS, false);
    char *id = strrchr(text_string(&name), ' '); /* "Foo @12": the id has a member of its own */
    json_open(&t->json, '[');
    json_string(&t->json, name.bytes, id != NULL ? (size_t)(id - name.bytes) : name.length);
    json_unsigned(&t->json, mid__graph_id(g, node));
    json_unsigned(&t->json, g->retained[node]);
    json_unsigned(&t->json, mid__graph_size(g, node));
    json_open(&t->json, '[');
    text_free(&name);
    t->nodes++;
}

/* ---- what is left out below a node, by class */

static bool greater_sum(const void *user, uint32_t a, uint32_t b)
{
    const struct class_sum *sums = user;
    return sums[a].retained != sums[b].retained ? sums[a].retained > sums[b].retained : a < b;
}

static void put_sum(struct tree *t, const char *name, size_t length, const struct class_sum *sum)
{
    struct text safe = {0};
    text_add_dump(&safe, name, length, NAME_COLUMNS, false);
    json_open(&t->json, '[');
    json_string(&t->json, text_string(&safe), safe.length);
    json_unsigned(&t->json, sum->count);
    json_unsigned(&t->json, sum->retained);
    json_unsigned(&t->json, sum->new);
    json_close(&t->json, ']');
    text_free(&safe);
}

static void add_sum(struct class_sum *to, const struct class_sum *sum)
{
    to->count += sum->count;
    to->retained += sum->retained;
    to->new += sum->new;
}

static uint32_t sum_up(struct tree *t, const struct level *l)
{
    const struct mid__graph *g = t->dump->graph;
    uint32_t count = 0;
    for (size_t i = 0; i < l->shown.count; i++)
        t->is_shown[l->shown.items[i]] = 1;
    for (uint32_t i = g->first_dominated[l->node]; i < g->first_dominated[l->node + 1]; i++) {
        uint32_t child = g->dominated[i], place = t->dump->classes->of_node[child];
        if (t->is_shown[child] || (t->above != NULL && !t->above[child]))
            continue;
        if (t->sums[place].count == 0)
            t->touched[count++] = place;
        add_sum(&t->sums[place], &(struct class_sum){1, g->retained[child], new_at(t, child)});
    }
    return count;
}

static void put_rest(struct tree *t, const struct level *l)
{
    struct class_sum rest = {0};
    struct rank most;
    uint32_t count = sum_up(t, l);
    rank_begin(&most, REST_CLASSES, greater_sum, t->sums);
    for (uint32_t i = 0; i < count; i++) {
        add_sum(&rest, &t->sums[t->touched[i]]);
        rank_offer(&most, t->touched[i]);
    }
    rank_finish(&most);
    json_open(&t->json, '[');
    for (size_t i = 0; i < most.count; i++) {
        const struct class_sum *s = &t->sums[most.items[i]];
        size_t length;
        const char *name = mid__class_name(t->dump->classes, most.items[i], &length);
        put_sum(t, name, length, s);
        rest = (struct class_sum){rest.count - s->count, rest.retained - s->retained, rest.new - s->new};
    }
    if (rest.count != 0)
        put_sum(t, "", 0, &rest);
    json_close(&t->json, ']');
    for (uint32_t i = 0; i < count; i++)
        t->sums[t->touched[i]] = (struct class_sum){0};
    rank_free(&most);
}

static void close_node(struct tree *t, const struct level *l)
{
    json_close(&t->json, ']');
    put_rest(t, l);
    json_unsigned(&t->json, new_at(t, l->node));
    json_close(&t->json, ']');
}

/* ---- the tree */

static bool is_visible(const struct tree *t, uint32_t node)
{
    const struct mid__graph *g = t->dump->graph;
    if (t->above != NULL)
        return t->above[node];
    return g->retained[node] != 0 && (g->retained[node] >= g->total_size / PARTS ||
                                      (t->new_below != NULL && t->new_below[node] != 0 &&
                                       t->new_below[node] >= t->new_below[g->root] / NEW_PARTS));
}

/* Opens the level below `node`; of a tree that has grown too large it is empty. */
static void descend(struct tree *t, uint32_t node)
{
    const struct mid__graph *g = t->dump->graph;
    struct level *l = &t->levels[t->height++];
    bool full = t->height == DEPTH || t->nodes >= NODES;
    *l = (struct level){.node = node};
    rank_begin(&l->shown, full ? 0 : LARGEST, more_retained, g);
    for (uint32_t i = g->first_dominated[node]; i < g->first_dominated[node + 1]; i++)
        if (is_visible(t, g->dominated[i]))
            rank_offer(&l->shown, g->dominated[i]);
    rank_finish(&l->shown);
}

static void put_tree(struct tree *t)
{
    open_node(t, t->dump->graph->root);
    descend(t, t->dump->graph->root);
    while (t->height != 0) {
        struct level *l = &t->levels[t->height - 1];
        if (l->next == l->shown.count) {
            close_node(t, l);
            rank_free(&l->shown);
            t->height--;
            continue;
        }
        uint32_t node = l->shown.items[l->next++];
        json_row(&t->json);
        open_node(t, node);
        descend(t, node);
    }
}

static bool more_retained_class(const void *user, uint32_t a, uint32_t b)
{
    const struct mid__class *list = user;
    return list[a].retained != list[b].retained ? list[a].retained > list[b].retained : a < b;
}

static void put_class_name(struct tree *t, const char *words, size_t length)
{
    struct text name = {0};
    text_add_dump(&name, words, length, CLASS_COLUMNS, false);
    json_string(&t->json, text_string(&name), name.length);
    text_free(&name);
}

static void put_classes(struct tree *t)
{
    const struct mid__classes *c = t->dump->classes;
    struct rank most;
    rank_begin(&most, t->comparison == NULL ? CLASSES : 0, more_retained_class, c->list);
    for (uint32_t i = 0; i < c->count; i++)
        if (c->list[i].count != 0)
            rank_offer(&most, i);
    rank_finish(&most);
    json_open(&t->json, '[');
    for (size_t i = 0; i < most.count; i++) {
        const struct mid__class *class = &c->list[most.items[i]];
        size_t length;
        const char *words = mid__class_name(c, most.items[i], &length);
        json_row(&t->json);
        json_open(&t->json, '[');
        put_class_name(t, words, length);
        json_unsigned(&t->json, class->count);
        json_unsigned(&t->json, class->shallow);
        json_unsigned(&t->json, class->retained);
        json_close(&t->json, ']');
    }
    json_close(&t->json, ']');
    rank_free(&most);
}

static bool more_changed(const void *user, uint32_t a, uint32_t b)
{
    const struct mid__diff_row *rows = user;
    uint64_t x = rows[a].added_size + rows[a].removed_size, y = rows[b].added_size + rows[b].removed_size;
    return x != y ? x > y : a < b;
}

static void put_rows(struct tree *t, const struct mid__diff *diff)
{
    struct rank most;
    rank_begin(&most, CLASSES, more_changed, diff->rows);
    for (uint32_t i = 0; i < diff->row_count; i++)
        if (diff->rows[i].added != 0 || diff->rows[i].removed != 0)
            rank_offer(&most, i);
    rank_finish(&most);
    json_open(&t->json, '[');
    for (size_t i = 0; i < most.count; i++) {
        const struct mid__diff_row *r = &diff->rows[most.items[i]];
        size_t length;
        const char *words = mid__intern_get(&diff->texts, r->name, &length);
        json_row(&t->json);
        json_open(&t->json, '[');
        put_class_name(t, words, length);
        json_unsigned(&t->json, r->added);
        json_unsigned(&t->json, r->removed);
        json_unsigned(&t->json, r->added_size);
        json_unsigned(&t->json, r->removed_size);
        json_close(&t->json, ']');
    }
    json_close(&t->json, ']');
    rank_free(&most);
}

static void put_comparison(struct tree *t)
{
    struct json *j = &t->json;
    const struct comparison *c = t->comparison;
    json_key(j, "old");
    json_words(j, c->old_title);
    json_key(j, "old_nodes");
    json_unsigned(j, c->old.nodes);
    json_key(j, "old_size");
    json_unsigned(j, c->old.bytes);
    json_key(j, "new_size");
    json_unsigned(j, t->new_below[t->dump->graph->root]);
    json_key(j, "diff");
    put_rows(t, c->diff);
}

static void put_all(struct tree *t)
{
    struct json *j = &t->json;
    const struct mid__graph *g = t->dump->graph;
    json_open(j, '{');
    json_key(j, "file");
    json_words(j, t->dump->title);
    json_key(j, "nodes");
    json_unsigned(j, g->node_count);
    json_key(j, "edges");
    json_unsigned(j, g->edge_count);
    json_key(j, "total_size");
    json_unsigned(j, g->total_size);
    if (t->comparison != NULL)
        put_comparison(t);
    json_key(j, "tree");
    put_tree(t);
    json_key(j, "classes");
    put_classes(t);
    json_close(j, '}');
    json_end(j);
}

static void write_escaped(FILE *file, const char *text, size_t length)
{
    for (const char *end = text + length; text < end;) {
        const char *sign = memchr(text, '<', (size_t)(end - text));
        fwrite(text, 1, (size_t)((sign != NULL ? sign : end) - text), file);
        if (sign == NULL)
            return;
        fputs("\\u003c", file);
        text = sign + 1;
    }
}

static void prepare(struct tree *t)
{
    const struct dump *d = t->dump;
    size_t nodes = (size_t)d->graph->node_count + 1, classes = (size_t)d->classes->count + 1;
    t->above = dump_select_above(d);
    t->sums = cli_allocate(classes, sizeof t->sums[0]);
    t->touched = cli_allocate(classes, sizeof t->touched[0]);
    t->is_shown = cli_allocate(nodes, 1);
    memset(t->sums, 0, classes * sizeof t->sums[0]);
    memset(t->is_shown, 0, nodes);
    if (t->comparison != NULL)
        t->new_below = add_new(d, t->comparison->is_new);
}

static void release(struct tree *t)
{
    free(t->above);
    free(t->sums);
    free(t->touched);
    free(t->is_shown);
    free(t->new_below);
    free(t);
}

void export_html(struct dump *d, const struct comparison *c, const char *path)
{
    struct tree *t = cli_allocate(1, sizeof *t);
    struct file_set *set;
    char *text = NULL;
    size_t length = 0;
    *t = (struct tree){.dump = d, .comparison = c};
    t->json.file = open_memstream(&text, &length);
    if (t->json.file == NULL)
        cli_die(CLI_UNREADABLE, "out of memory");
    prepare(t);
    put_all(t);
    if (ferror(t->json.file) || fclose(t->json.file) != 0)
        cli_die(CLI_UNREADABLE, "out of memory");
    FILE *file = files_single(path, &set);
    fputs(page_head, file);
    write_escaped(file, text, length);
    fputs(page_tail, file);
    files_commit(set);
    free(text);
    release(t);
}
