/* SPDX-License-Identifier: MIT
 *
 * export_html.c: `midden export --html`: the dominator tree and the class table as one page.
 *
 * The tree is cut where it would be invisible: below each object its LARGEST children, as far as they are 1 / PARTS of
 * the heap, DEPTH levels deep, at most NODES in all. What is left out is added up.
 *
 *     {"file","nodes","edges","total_size","tree":NODE,"classes":[[name, count, shallow, retained]]}
 *     NODE: [name, id, retained, shallow, [NODE ...], children left out, what they retain]
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
#define DEPTH        60
#define NODES        20000
#define NAME_COLUMNS 80

struct level {
    struct rank shown;
    size_t next;
    uint64_t left_out, left_out_retained;
};

struct tree {
    struct dump *dump;
    struct json json;
    struct level levels[DEPTH];
    size_t height, nodes;
};

static bool more_retained(const void *user, uint32_t a, uint32_t b)
{
    const struct mid__graph *g = user;
    return g->retained[a] != g->retained[b] ? g->retained[a] > g->retained[b] : a < b;
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

static void close_node(struct tree *t, uint64_t left_out, uint64_t left_out_retained)
{
    json_close(&t->json, ']');
    json_unsigned(&t->json, left_out);
    json_unsigned(&t->json, left_out_retained);
    json_close(&t->json, ']');
}

/* Opens the level below `node`; of a tree that has grown too large it is empty. */
static void descend(struct tree *t, uint32_t node)
{
    const struct mid__graph *g = t->dump->graph;
    struct level *l = &t->levels[t->height++];
    bool full = t->height == DEPTH || t->nodes >= NODES;
    *l = (struct level){0};
    rank_begin(&l->shown, full ? 0 : LARGEST, more_retained, g);
    for (uint32_t i = g->first_dominated[node]; i < g->first_dominated[node + 1]; i++) {
        uint32_t child = g->dominated[i];
        if (g->retained[child] >= g->total_size / PARTS && g->retained[child] != 0)
            rank_offer(&l->shown, child);
        l->left_out++;
        l->left_out_retained += g->retained[child];
    }
    rank_finish(&l->shown);
    l->left_out -= l->shown.count;
    for (size_t i = 0; i < l->shown.count; i++)
        l->left_out_retained -= g->retained[l->shown.items[i]];
}

static void put_tree(struct tree *t)
{
    open_node(t, t->dump->graph->root);
    descend(t, t->dump->graph->root);
    while (t->height != 0) {
        struct level *l = &t->levels[t->height - 1];
        if (l->next == l->shown.count) {
            close_node(t, l->left_out, l->left_out_retained);
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

static void put_classes(struct tree *t)
{
    const struct mid__classes *c = t->dump->classes;
    struct text name = {0};
    json_open(&t->json, '[');
    for (uint32_t i = 0; i < c->count; i++) {
        size_t length;
        const char *words = mid__class_name(c, i, &length);
        if (c->list[i].count == 0)
            continue;
        text_clear(&name);
        text_add_dump(&name, words, length, TEXT_NO_LIMIT, false);
        json_row(&t->json);
        json_open(&t->json, '[');
        json_string(&t->json, text_string(&name), name.length);
        json_unsigned(&t->json, c->list[i].count);
        json_unsigned(&t->json, c->list[i].shallow);
        json_unsigned(&t->json, c->list[i].retained);
        json_close(&t->json, ']');
    }
    json_close(&t->json, ']');
    text_free(&name);
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

void export_html(struct dump *d, const char *path)
{
    struct tree *t = cli_allocate(1, sizeof *t);
    struct file_set *set;
    char *text = NULL;
    size_t length = 0;
    *t = (struct tree){.dump = d};
    t->json.file = open_memstream(&text, &length);
    if (t->json.file == NULL)
        cli_die(CLI_UNREADABLE, "out of memory");
    put_all(t);
    if (ferror(t->json.file) || fclose(t->json.file) != 0)
        cli_die(CLI_UNREADABLE, "out of memory");
    FILE *file = files_single(path, &set);
    fputs(page_head, file);
    write_escaped(file, text, length);
    fputs(page_tail, file);
    files_commit(set);
    free(text);
    free(t);
}
