/* SPDX-License-Identifier: MIT
 * The five ways in which programs of a collected heap leak, each with its cure: a server handles requests, and after each
 * hundred the heap is collected. The leaking ones get a LEAK event after the fifth growth, and a walk over the heap then
 * names the class that has grown most; the cured ones never do. */
#include "scenario.h"

#include <stdio.h>
#include <string.h>

enum { REQUESTS = 100, ROUNDS = 12, CACHE_BOUND = 64, BODY_BYTES = 200, TYPES = 16 };

struct node { /* of every list here */
    struct mid_ref next, value;
};

struct server {
    struct mid_heap *heap;
    struct mid_type node, request, thing, closure, entry, message, listener;
    struct mid_persistent *root, *last; /* the list that leaks or is bounded */
    bool cured, leaked;
    unsigned length, listeners_most;
    struct mid_trend trend;
    size_t base[TYPES];
};

static struct mid_ref take(struct server *s, struct mid_type type)
{
    struct mid_ref ref = mid_new_bytes(s->heap, type, BODY_BYTES);
    must(!mid_is_null(ref), "mid_new_bytes");
    return ref;
}

/* A node {next, value}, both from locals. */
static struct mid_ref link(struct server *s, struct mid_type type, struct mid_slot next, struct mid_slot value)
{
    struct mid_ref node = type.header == s->node.header ? mid_new(s->heap, type) : take(s, type);
    must(!mid_is_null(node), "mid_new");
    mid_init_field(&((struct node *)mid_data(node))->next, mid_get(next));
    mid_init_field(&((struct node *)mid_data(node))->value, mid_get(value));
    return node;
}

/* Adds a fresh object of the type at the front of the root's list. */
static void push(struct server *s, struct mid_type type)
{
    struct mid_scope scope;
    mid_scope_begin(s->heap, &scope);
    struct mid_slot value = mid_local(s->heap, take(s, type)), list = mid_local(s->heap, mid_persistent_get(s->root));
    mid_persistent_set(s->heap, s->root, link(s, s->node, list, value));
    s->length++;
    mid_scope_end(s->heap, &scope);
}

static void pop(struct server *s)
{
    mid_persistent_set(s->heap, s->root, ((struct node *)mid_data(mid_persistent_get(s->root)))->next);
    s->length--;
}

/* A global list of requests that nobody takes out. */
static void global(struct server *s)
{
    push(s, s->request);
    if (s->cured)
        pop(s);
}

/* Each thing has a method, whose closure holds its parent's variables: among them the thing before. */
static void closure(struct server *s)
{
    struct mid_scope scope;
    mid_scope_begin(s->heap, &scope);
    struct mid_slot original = mid_local(s->heap, s->cured ? mid_null() : mid_persistent_get(s->root));
    struct mid_slot none = mid_local(s->heap, mid_null());
    struct mid_slot method = mid_local(s->heap, link(s, s->closure, none, original));
    mid_persistent_set(s->heap, s->root, link(s, s->thing, none, method));
    mid_scope_end(s->heap, &scope);
}

/* A cache whose keys are never asked for again. The cure is a bound: the oldest goes. */
static void cache(struct server *s)
{
    push(s, s->entry);
    if (!s->cured || s->length <= CACHE_BOUND)
        return;
    struct mid_ref node = mid_persistent_get(s->root);
    for (unsigned i = 1; i < CACHE_BOUND; i++)
        node = ((struct node *)mid_data(node))->next;
    mid_store(s->heap, node, &((struct node *)mid_data(node))->next, mid_null());
    s->length--;
}

/* A queue whose consumer takes two of three. */
static void queue(struct server *s)
{
    static unsigned turn;
    push(s, s->message);
    if (s->cured || turn++ % 3 != 0)
        pop(s);
}

/* An emitter gets one more listener with each request. */
static void listener(struct server *s)
{
    push(s, s->listener);
    if (s->length > s->listeners_most && (s->listeners_most = s->length) == 11)
        puts("    warning: possible leak: 11 listeners added");
    if (s->cured)
        pop(s);
}

static void on_event(void *user, enum mid_event_kind event, const struct mid_collection *c)
{
    struct server *s = user;
    (void)event;
    s->leaked = true;
    s->trend = *c->trend;
}

static void sizes_by_type(struct server *s, size_t sizes[TYPES], const char *names[TYPES])
{
    struct mid_walk *walk;
    struct mid_walk_object object = {.struct_size = sizeof object};
    memset(sizes, 0, TYPES * sizeof *sizes);
    must(mid_walk_begin(s->heap, MID_WALK_NO_IDS, &walk) == MID_OK, "mid_walk_begin");
    while (mid_walk_next(walk, &object)) {
        sizes[object.type_index % TYPES] += object.shallow_bytes;
        names[object.type_index % TYPES] = object.type_name;
    }
    mid_walk_end(walk);
}

static void open_server(struct server *s, bool cured)
{
    static const struct mid_field fields[] = {{"next", offsetof(struct node, next), 0}, {"value", offsetof(struct node, value), 0}};
    static const struct mid_field method[] = {{"next", offsetof(struct node, next), 0}, {"method", offsetof(struct node, value), 0}};
    static const struct mid_field context[] = {{"next", offsetof(struct node, next), 0},
                                               {"original", offsetof(struct node, value), MID_EDGE_CONTEXT}};
    memset(s, 0, sizeof *s);
    must(mid_heap_create(NULL, &s->heap) == MID_OK, "mid_heap_create");
    s->cured = cured;
    s->node = register_type(s->heap, "Node", fields, 2, sizeof(struct node), MID_TAIL_NONE);
    s->request = register_type(s->heap, "Request", NULL, 0, 0, MID_TAIL_BYTES);
    s->thing = register_type(s->heap, "Thing", method, 2, sizeof(struct node), MID_TAIL_BYTES);
    s->closure = register_type(s->heap, "Closure", context, 2, sizeof(struct node), MID_TAIL_BYTES);
    s->entry = register_type(s->heap, "CacheEntry", NULL, 0, 0, MID_TAIL_BYTES);
    s->message = register_type(s->heap, "Message", NULL, 0, 0, MID_TAIL_BYTES);
    s->listener = register_type(s->heap, "Listener", NULL, 0, 0, MID_TAIL_BYTES);
    s->root = mid_persistent_new(s->heap, mid_null(), "module");
    must(s->root != NULL && mid_heap_listen(s->heap, MID_EVENT_LEAK, on_event, s) == MID_OK, "mid_heap_listen");
}

/* Returns the round of the first event; 0: none. */
static unsigned serve(struct server *s, void (*handle)(struct server *), const char **grown, size_t *by)
{
    const char *names[TYPES] = {NULL};
    size_t now[TYPES];
    for (unsigned round = 1; round <= ROUNDS; round++) {
        for (unsigned i = 0; i < REQUESTS; i++) {
            for (unsigned garbage = 0; garbage < 20; garbage++)
                (void)take(s, s->request);
            handle(s);
        }
        must(mid_heap_collect(s->heap, MID_COLLECT_FULL, "end of a round") == MID_OK, "mid_heap_collect");
        if (round == 1)
            sizes_by_type(s, s->base, names);
        if (!s->leaked)
            continue;
        sizes_by_type(s, now, names);
        *by = 0;
        for (unsigned i = 0; i < TYPES; i++)
            if (now[i] > s->base[i] && now[i] - s->base[i] > *by) {
                *by = now[i] - s->base[i];
                *grown = names[i];
            }
        return round;
    }
    return 0;
}

int scenario_leaks(void)
{
    static const struct {
        const char *name, *class, *cure;
        void (*handle)(struct server *);
    } leaks[] = {
        {"global", "Request", "taken out when done", global},     {"closure", "Thing", "the variable is cleared", closure},
        {"cache", "CacheEntry", "bounded, the oldest goes", cache}, {"queue", "Message", "the consumer keeps up", queue},
        {"listener", "Listener", "removed with its request", listener},
    };
    bool good = true;
    puts("five leaks: 100 requests a round, a full collection after each:");
    for (size_t i = 0; i < sizeof leaks / sizeof *leaks; i++) {
        struct server s;
        const char *grown = "nothing";
        size_t by = 0;
        open_server(&s, false);
        unsigned round = serve(&s, leaks[i].handle, &grown, &by);
        printf("  %-9s leak after round %u: %zu -> %zu bytes, +%zu in %u collections, %.1f MB an hour; mostly %s, +%zu\n", leaks[i].name,
               round, s.trend.start_bytes, s.trend.end_bytes, s.trend.growth_bytes, s.trend.collections,
               s.trend.bytes_an_hour / 1e6, grown, by);
        good &= round == 6 && s.trend.collections == 5 && strcmp(grown, leaks[i].class) == 0 &&
                s.trend.end_bytes - s.trend.start_bytes == s.trend.growth_bytes && s.trend.bytes_an_hour > 0;
        mid_heap_destroy(s.heap);
        open_server(&s, true);
        round = serve(&s, leaks[i].handle, &grown, &by);
        printf("  %-9s cured (%s): %s\n", leaks[i].name, leaks[i].cure, round == 0 ? "no event" : "an event all the same");
        good &= round == 0;
        mid_heap_destroy(s.heap);
    }
    return !good;
}
