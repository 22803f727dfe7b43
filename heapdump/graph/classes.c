/* SPDX-License-Identifier: MIT
 *
 * classes.c: the nodes of a snapshot by class, with DevTools' names, keys and figures.
 *
 * A node's class is the pair (location, class name). Only objects have a location (that of their constructor), so that
 * two classes of one name in different modules are kept apart. Most nodes share a class with their neighbour, and a
 * class name depends on the node's type and the string of its name alone; so the class is found through two tables:
 *
 *     by_type[type]        hidden, code, closure, string ...: one class each
 *     by_string[name]      object and native: the class of a node of that name without location
 *
 * and only nodes with a location, and plain objects that match an interface, are looked up by their key in full.
 *
 * Retained size of a class: what goes when all its objects go. In the dominator tree a node is counted unless an
 * ancestor of its class was (its retained size holds the node already). The walk is DevTools': a stack of nodes still
 * to visit, and beside it the classes that are open, each with the height of the stack at which it closes.
 *
 *     pending   [ ... siblings ... | children of n ... ]        open  [ (class of n, height) ... ]
 *                                  ^ height at which the class of n closes
 *
 * I1. `open` holds a class at most once; its heights never fall from bottom to top.
 */
#include <midden/internal/classes.h>
#include <midden/internal/index.h>
#include <midden/internal/titles.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_ASKED UINT32_MAX

struct building {
    const struct mid__graph *graph;
    struct mid__classes_options options;
    struct mid__matcher *matcher;
    struct mid__classes *out;
    struct mid__intern keys;  /* number = class; the same texts as in out->texts, which holds names too */
    uint32_t capacity;        /* of out->list */
    uint32_t by_type[64];
    uint32_t *by_string;      /* [strings + 1] */
    uint32_t next_location;
    struct mid__title name, key;
};

/* ---- the class of one node */

static enum mid_status add_class(struct building *b, const char *name, size_t length)
{
    struct mid__class new = {0};
    enum mid_status status = mid__intern_put(&b->out->texts, name, length, &new.name);
    if (status == MID_OK)
        status = mid__intern_put(&b->out->texts, b->key.bytes, b->key.length, &new.key);
    if (status != MID_OK)
        return status;
    if (b->out->count == b->capacity) {
        uint32_t wide = b->capacity != 0 ? b->capacity * 2 : 256;
        struct mid__class *list = realloc(b->out->list, wide * sizeof list[0]);
        if (list == NULL)
            return MID_E_MEMORY;
        b->out->list = list;
        b->capacity = wide;
    }
    b->out->list[b->out->count++] = new;
    return MID_OK;
}

/* The class with this name and the location before it (NULL: none); made when it is new. */
static enum mid_status class_of(struct building *b, const struct mid__graph_location *at, const char *name,
                                size_t length, uint32_t *place)
{
    char digits[64] = "";
    if (at != NULL)
        snprintf(digits, sizeof digits, "%d,%d,%d", (int)at->script_id, (int)at->line, (int)at->column);
    mid__title_clear(&b->key);
    mid__title_words(&b->key, digits);
    mid__title_words(&b->key, ",");
    mid__title_bytes(&b->key, name, length);
    if (b->key.failed)
        return MID_E_MEMORY;
    enum mid_status status = mid__intern_put(&b->keys, b->key.bytes, b->key.length, place);
    if (status != MID_OK || *place < b->out->count)
        return status;
    return add_class(b, name, length);
}

/* Where the table of the node's kind remembers its class: the tables know no location and no interface. */
static uint32_t *remembered(struct building *b, uint32_t node)
{
    const struct mid__graph *g = b->graph;
    uint8_t type = g->node_type[node];
    if (type != MID__NODE_OBJECT && type != MID__NODE_NATIVE)
        return &b->by_type[type & 63u];
    uint32_t total = mid__strings_total(&g->strings), string = g->node_name[node];
    return &b->by_string[string < total ? string : total];
}

/* Nodes are asked in order, and locations stand in order of nodes. */
static const struct mid__graph_location *location_of_next(struct building *b, uint32_t node)
{
    const struct mid__graph *g = b->graph;
    while (b->next_location < g->location_count && g->locations[b->next_location].node < node)
        b->next_location++;
    bool here = b->next_location < g->location_count && g->locations[b->next_location].node == node;
    return here ? &g->locations[b->next_location] : NULL;
}

static enum mid_status classify_by_type(struct building *b, uint32_t node, uint32_t *place)
{
    uint8_t type = b->graph->node_type[node];
    const char *name = mid__graph_node_type_name(b->graph, type);
    enum mid_status status = MID_OK;
    if (b->by_type[type & 63u] == NOT_ASKED)
        status = class_of(b, NULL, name, strlen(name), &b->by_type[type & 63u]);
    *place = b->by_type[type & 63u];
    return status;
}

static enum mid_status classify(struct building *b, uint32_t node, uint32_t *place)
{
    const struct mid__graph *g = b->graph;
    if (b->options.by_type)
        return classify_by_type(b, node, place);
    const struct mid__graph_location *at = location_of_next(b, node);
    uint32_t interface = MID__NO_INTERFACE;
    if (g->node_type[node] != MID__NODE_OBJECT || b->options.by_name)
        at = NULL;
    if (b->matcher != NULL && mid__title_is_plain_object(g, node)) {
        enum mid_status status = mid__matcher_match(b->matcher, node, &interface);
        if (status != MID_OK)
            return status;
    }
    if (interface != MID__NO_INTERFACE) {
        size_t length;
        const struct mid__interfaces *in = b->options.interfaces;
        const char *name = mid__intern_get(&in->texts, in->list[interface].name, &length);
        return class_of(b, at, name, length, place);
    }
    uint32_t *memory = remembered(b, node);
    if (at == NULL && *memory != NOT_ASKED) {
        *place = *memory;
        return MID_OK;
    }
    mid__title_clear(&b->name);
    mid__title_class(&b->name, g, node);
    if (b->name.failed)
        return MID_E_MEMORY;
    enum mid_status status = class_of(b, at, b->name.bytes, b->name.length, place);
    if (status == MID_OK && at == NULL)
        *memory = *place;
    return status;
}

static enum mid_status classify_all(struct building *b)
{
    const struct mid__graph *g = b->graph;
    for (uint32_t n = 0; n < g->node_count; n++) {
        uint32_t place;
        enum mid_status status = classify(b, n, &place);
        if (status != MID_OK)
            return status;
        b->out->own_of_node[n] = place;
        uint64_t size = mid__graph_size(g, n);
        if (size == 0 || (b->options.selected != NULL && !b->options.selected[n]))
            continue;
        struct mid__class *c = &b->out->list[place];
        int32_t distance = g->distance != NULL ? g->distance[n] : 0;
        if (c->count == 0 || distance < c->distance)
            c->distance = distance;
        c->count++;
        c->shallow += size;
    }
    return MID_OK;
}

/* ---- retained sizes */

struct walk {
    uint32_t *pending;
    size_t pending_count, pending_capacity;
    struct open_class {
        uint32_t place;
        size_t height;
    } *open; /* room for every class */
    size_t open_count;
    bool *is_open; /* [classes] */
};

static bool push_dominated(struct walk *w, const struct mid__graph *g, uint32_t node)
{
    size_t more = g->first_dominated[node + 1] - g->first_dominated[node];
    if (w->pending_capacity - w->pending_count < more) {
        size_t wide = w->pending_capacity < 1024 ? 1024 : w->pending_capacity * 2;
        wide = wide < w->pending_count + more ? w->pending_count + more : wide;
        uint32_t *pending = realloc(w->pending, wide * sizeof pending[0]);
        if (pending == NULL)
            return false;
        w->pending = pending;
        w->pending_capacity = wide;
    }
    if (more != 0)
        memcpy(w->pending + w->pending_count, g->dominated + g->first_dominated[node], more * sizeof w->pending[0]);
    w->pending_count += more;
    return true;
}

static bool walk_tree(struct walk *w, const struct mid__graph *g, const uint8_t *selected, struct mid__classes *c)
{
    for (bool at_root = true; at_root || w->pending_count != 0; at_root = false) {
        uint32_t node = at_root ? g->root : w->pending[--w->pending_count], place = c->of_node[node];
        size_t height = w->pending_count;
        bool counts = selected == NULL || selected[node];
        if (counts && !w->is_open[place] && mid__graph_size(g, node) != 0) {
            c->list[place].retained += g->retained[node];
            if (g->first_dominated[node] != g->first_dominated[node + 1]) {
                w->is_open[place] = true;
                w->open[w->open_count++] = (struct open_class){place, height};
            }
        }
        if (!push_dominated(w, g, node))
            return false;
        while (w->open_count != 0 && w->open[w->open_count - 1].height == w->pending_count)
            w->is_open[w->open[--w->open_count].place] = false;
    }
    return true;
}

static enum mid_status retained_sizes(const struct mid__graph *g, const uint8_t *selected, struct mid__classes *c)
{
    struct walk w = {.open = malloc((c->count + 1u) * sizeof w.open[0]), .is_open = calloc(c->count + 1u, sizeof(bool))};
    bool good = w.open != NULL && w.is_open != NULL && walk_tree(&w, g, selected, c);
    free(w.pending);
    free(w.open);
    free(w.is_open);
    return good ? MID_OK : MID_E_MEMORY;
}

/* ---- the whole */

static enum mid_status build(struct building *b)
{
    size_t strings = (size_t)mid__strings_total(&b->graph->strings) + 1;
    b->out->of_node = b->out->own_of_node = malloc((b->graph->node_count + (size_t)1) * sizeof b->out->of_node[0]);
    b->by_string = malloc(strings * sizeof b->by_string[0]);
    if (b->out->of_node == NULL || b->by_string == NULL)
        return MID_E_MEMORY;
    memset(b->by_string, 0xff, strings * sizeof b->by_string[0]); /* NOT_ASKED */
    memset(b->by_type, 0xff, sizeof b->by_type);
    enum mid_status status = MID_OK;
    if (!b->options.by_type && b->options.interfaces != NULL && b->options.interfaces->count != 0)
        status = mid__matcher_create(b->graph, b->options.interfaces, &b->matcher);
    if (status == MID_OK)
        status = classify_all(b);
    mid__graph_rest(b->graph);
    if (status == MID_OK && b->options.with_retained)
        status = retained_sizes(b->graph, b->options.selected, b->out);
    return status;
}

enum mid_status mid__classes_build_with(const struct mid__graph *graph, const struct mid__classes_options *options,
                                        struct mid__classes **classes)
{
    bool with_retained = options != NULL && options->with_retained;
    *classes = NULL;
    if (graph->node_size == NULL || (with_retained && (graph->retained == NULL || graph->first_dominated == NULL)))
        return MID_E_INVALID;
    bool whole = options == NULL || (options->selected == NULL && !options->by_name && !options->by_type);
    if (whole && mid__index_classes(graph, options != NULL ? options->interfaces : NULL, with_retained, classes))
        return MID_OK;
    struct building *b = calloc(1, sizeof *b);
    if (b == NULL)
        return MID_E_MEMORY;
    b->graph = graph;
    if (options != NULL)
        b->options = *options;
    b->out = calloc(1, sizeof *b->out);
    enum mid_status status = b->out == NULL ? MID_E_MEMORY : build(b);
    if (status == MID_OK)
        *classes = b->out;
    else
        mid__classes_free(b->out);
    mid__matcher_free(b->matcher);
    mid__intern_free(&b->keys);
    mid__title_free(&b->name);
    mid__title_free(&b->key);
    free(b->by_string);
    free(b);
    return status;
}

enum mid_status mid__classes_build(const struct mid__graph *graph, const struct mid__interfaces *interfaces,
                                   bool with_retained, struct mid__classes **classes)
{
    struct mid__classes_options options = {.interfaces = interfaces, .with_retained = with_retained};
    return mid__classes_build_with(graph, &options, classes);
}

void mid__classes_free(struct mid__classes *c)
{
    if (c == NULL)
        return;
    mid__intern_free(&c->texts);
    free(c->list);
    free(c->own_of_node);
    free(c);
}

void mid__classes_drop_of_node(struct mid__classes *c)
{
    free(c->own_of_node);
    c->of_node = c->own_of_node = NULL;
}

const char *mid__class_name(const struct mid__classes *c, uint32_t place, size_t *length)
{
    return mid__intern_get(&c->texts, c->list[place].name, length);
}

const char *mid__class_key(const struct mid__classes *c, uint32_t place, size_t *length)
{
    return mid__intern_get(&c->texts, c->list[place].key, length);
}
