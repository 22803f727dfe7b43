/* SPDX-License-Identifier: MIT
 *
 * heap_source.c: a heap of gc as a source of the snapshot writer; the one place where the two meet.
 *
 *     number                   node
 *     0 .. objects - 1         the objects, in the order of the walk: kind as registered, name of the type, or the
 *                              object's own description; a string is named by its contents
 *     .. + blocks              the blocks of pools that buffers hold: native, "system / JSArrayBufferData" (the name under
 *                              which DevTools counts typed arrays); the block's bytes in its slab
 *     .. + slabs               the slabs around them: native, "mid_slab"; what is left of the slab (outside.c)
 *
 *     buffer --internal "block"--> block --internal "slab"--> slab
 *
 * Edges of objects are as gc's walk tells them, null ones left out. Roots come in six kinds (pins among the persistent
 * handles); labelled persistent handles and labelled slots of root callbacks are globals. Local handles are numbered, weak
 * handles are weak edges.
 *
 * Ids: objects have gc's (odd, from 1,001). A block has the id of its owner plus one, which is even and as stable as the
 * owner. A slab has 2^31 + its address in units of 8 KiB (even, modulo 2^31): slabs do not move, and two of one process lie
 * within 8 TiB. DevTools reads ids of 32 bits; so objects and slabs stay apart for the first 2^30 objects.
 *
 * External memory that is in no buffer (mid_heap_adjust_external) is in no node either, but in extra_native_bytes, which
 * viewers add to the total.
 *
 * Sampled objects have the site that allocated them (sites.c).
 *
 * The walk tells edges through a callback; they are gathered in runs before they are put.
 */
#include "outside.h"
#include "sites.h"

#include <midden/heap.h>
#include <midden/internal/child.h>
#include <midden/snapshot.h>
#include <midden/walk.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RUN = 64 };

struct heap_source {
    struct mid_walk *walk;
    size_t objects;
    struct mid__outside outside;
    struct mid_snapshot_sink *sink; /* of the callback that is running */
    enum mid_status status;         /* of its puts */
    uint64_t from;                  /* whose edges are gathered */
    size_t run_count;
    struct mid_snapshot_edge run[RUN];
    size_t group; /* whose roots are wanted */
};

_Static_assert(MID_WALK_FIRST_ID >= MID_SNAPSHOT_FIRST_ID, "the ids of objects are free in a snapshot");

static const char *const groups[MID_ROOT_KIND_COUNT] = {
    [MID_ROOT_LOCAL] = "(Local handles)",
    [MID_ROOT_PERSISTENT] = "(Persistent handles)",
    [MID_ROOT_CALLBACK] = "(Root callbacks)",
    [MID_ROOT_FINALIZER] = "(Waiting for their finalizers)",
    [MID_ROOT_WEAK] = "(Weak handles)",
    [MID_ROOT_STACK] = "(Stack)",
};

static const enum mid_snapshot_node_type node_types[MID_KIND_COUNT] = {
    [MID_KIND_OBJECT] = MID_SNAPSHOT_OBJECT, [MID_KIND_ARRAY] = MID_SNAPSHOT_ARRAY,
    [MID_KIND_STRING] = MID_SNAPSHOT_STRING, [MID_KIND_CLOSURE] = MID_SNAPSHOT_CLOSURE,
    [MID_KIND_NUMBER] = MID_SNAPSHOT_NUMBER, [MID_KIND_SYMBOL] = MID_SNAPSHOT_SYMBOL,
    [MID_KIND_CODE] = MID_SNAPSHOT_CODE,     [MID_KIND_REGEXP] = MID_SNAPSHOT_REGEXP,
    [MID_KIND_NATIVE] = MID_SNAPSHOT_NATIVE, [MID_KIND_HIDDEN] = MID_SNAPSHOT_HIDDEN,
};

static const enum mid_snapshot_edge_type edge_types[MID_EDGE_COUNT] = {
    [MID_EDGE_PROPERTY] = MID_SNAPSHOT_EDGE_PROPERTY, [MID_EDGE_ELEMENT] = MID_SNAPSHOT_EDGE_ELEMENT,
    [MID_EDGE_CONTEXT] = MID_SNAPSHOT_EDGE_CONTEXT,   [MID_EDGE_INTERNAL] = MID_SNAPSHOT_EDGE_INTERNAL,
    [MID_EDGE_HIDDEN] = MID_SNAPSHOT_EDGE_HIDDEN,     [MID_EDGE_WEAK] = MID_SNAPSHOT_EDGE_WEAK,
};

static struct mid_snapshot_text text_of(const char *text)
{
    return (struct mid_snapshot_text){text, text == NULL ? 0 : strlen(text)};
}

static bool has_block(const struct heap_source *h, const struct mid_walk_object *o, size_t *block)
{
    *block = o->slice == NULL ? h->outside.block_count : mid__outside_block(&h->outside, o->slice);
    return *block < h->outside.block_count;
}

/* ---- nodes */

static enum mid_status put_object(struct heap_source *h, const struct mid_walk_object *o)
{
    size_t block;
    struct mid_snapshot_node node = {.type = node_types[o->kind], .self_bytes = o->shallow_bytes};
    if (!mid_snapshot_names_only(h->sink)) {
        node.id = mid_walk_id(h->walk, o->ref);
        node.edge_count = mid_walk_edge_count(h->walk, o->ref) + has_block(h, o, &block);
        node.site = mid_walk_site(h->walk, o->ref);
    }
    if (o->kind == MID_KIND_STRING) {
        node.name.text = (const char *)o->data + o->tail_offset;
        node.name.bytes = o->bytes - o->tail_offset;
    } else {
        node.name = text_of(o->name);
        node.name_is_passing = o->name != o->type_name;
    }
    return mid_snapshot_put_node(h->sink, &node);
}

static enum mid_status put_outside(struct heap_source *h)
{
    const struct mid__outside *out = &h->outside;
    enum mid_status status = MID_OK;
    for (size_t i = 0; i < out->block_count && status == MID_OK; i++) {
        const struct mid__block *b = &out->blocks[i];
        struct mid_snapshot_node node = {.type = MID_SNAPSHOT_NATIVE, .id = b->owner_id + 1, .self_bytes = b->bytes,
                                         .edge_count = b->slab != 0, .name = text_of("system / JSArrayBufferData")};
        status = mid_snapshot_put_node(h->sink, &node);
    }
    for (size_t i = 0; i < out->slab_count && status == MID_OK; i++) {
        const struct mid__slab_node *s = &out->slabs[i];
        uint64_t unit = s->address / MID_POOL_SLAB_BYTES;
        struct mid_snapshot_node node = {.type = MID_SNAPSHOT_NATIVE, .self_bytes = s->rest_bytes,
                                         .id = ((uint64_t)1 << 31) + 2 * unit % ((uint64_t)1 << 31),
                                         .name = text_of("mid_slab")};
        status = mid_snapshot_put_node(h->sink, &node);
    }
    return status;
}

static enum mid_status walk_nodes(void *user, struct mid_snapshot_sink *sink)
{
    struct heap_source *h = user;
    struct mid_walk_object o = {.struct_size = sizeof o};
    enum mid_status status = MID_OK;
    h->sink = sink;
    mid_walk_rewind(h->walk);
    while (status == MID_OK && mid_walk_next(h->walk, &o))
        status = put_object(h, &o);
    return status == MID_OK ? put_outside(h) : status;
}

/* ---- edges */

static void put_run(struct heap_source *h)
{
    if (h->status == MID_OK && h->run_count != 0)
        h->status = mid_snapshot_put_edges(h->sink, h->from, h->run, h->run_count);
    h->run_count = 0;
}

static void add_edge(struct heap_source *h, const struct mid_snapshot_edge *edge)
{
    if (h->run_count == RUN)
        put_run(h);
    h->run[h->run_count++] = *edge;
}

static void gather(void *user, const struct mid_walk_edge *edge)
{
    struct mid_snapshot_edge e = {.type = edge_types[edge->edge], .target = edge->target_ordinal, .index = edge->index,
                                  .name = text_of(edge->name), .name_is_passing = edge->name_is_passing};
    add_edge(user, &e);
    if (edge->name_is_passing)
        put_run(user);
}

static void add_internal(struct heap_source *h, const char *name, size_t target)
{
    struct mid_snapshot_edge e = {.type = MID_SNAPSHOT_EDGE_INTERNAL, .target = target, .name = text_of(name)};
    add_edge(h, &e);
}

static enum mid_status walk_edges(void *user, struct mid_snapshot_sink *sink)
{
    struct heap_source *h = user;
    struct mid_walk_object o = {.struct_size = sizeof o};
    size_t block;
    h->sink = sink;
    h->status = MID_OK;
    h->run_count = 0;
    mid_walk_rewind(h->walk);
    while (h->status == MID_OK && mid_walk_next(h->walk, &o)) {
        h->from = o.ordinal;
        mid_walk_edges(h->walk, o.ref, gather, h);
        if (has_block(h, &o, &block))
            add_internal(h, "block", h->objects + block);
        put_run(h);
    }
    const struct mid__outside *out = &h->outside;
    for (size_t i = 0; i < out->block_count && h->status == MID_OK; i++) {
        size_t slab = mid__outside_slab(out, &out->blocks[i]);
        h->from = h->objects + i;
        if (slab < out->slab_count)
            add_internal(h, "slab", h->objects + out->block_count + slab);
        put_run(h);
    }
    return h->status;
}

/* ---- roots */

static void put_root(void *user, const struct mid_walk_root *root)
{
    struct heap_source *h = user;
    if (root->kind != h->group || h->status != MID_OK)
        return;
    bool named = root->kind == MID_ROOT_PERSISTENT || root->kind == MID_ROOT_CALLBACK;
    struct mid_snapshot_root r = {
        .target = root->target_ordinal,
        .flags = root->kind == MID_ROOT_WEAK              ? MID_SNAPSHOT_ROOT_WEAK
                 : named && root->label != NULL           ? MID_SNAPSHOT_ROOT_GLOBAL
                                                          : 0,
        .name = text_of(root->label != NULL                ? root->label
                        : root->kind == MID_ROOT_CALLBACK ? root->group
                                                          : NULL),
    };
    h->status = mid_snapshot_put_root(h->sink, &r);
}

static enum mid_status walk_roots(void *user, size_t group, struct mid_snapshot_sink *sink)
{
    struct heap_source *h = user;
    h->sink = sink;
    h->status = MID_OK;
    h->group = group;
    mid_walk_roots(h->walk, put_root, h);
    return h->status;
}

/* ---- from begin to end */

/* The first walk: counts, and finds the memory outside. */
static enum mid_status survey(struct heap_source *h, struct mid_snapshot_source *source)
{
    struct mid_walk_object o = {.struct_size = sizeof o};
    size_t block, buffers = 0, edges = 0;
    h->objects = mid_walk_count(h->walk);
    while (mid_walk_next(h->walk, &o)) {
        edges += mid_walk_edge_count(h->walk, o.ref);
        if (o.slice == NULL)
            continue;
        buffers++;
        if (!mid__outside_add(&h->outside, o.slice, mid_walk_id(h->walk, o.ref)))
            return MID_E_MEMORY;
    }
    if (!mid__outside_close(&h->outside))
        return MID_E_MEMORY;
    mid_walk_rewind(h->walk);
    while (buffers != 0 && mid_walk_next(h->walk, &o)) {
        buffers -= o.slice != NULL;
        edges += has_block(h, &o, &block);
    }
    for (size_t i = 0; i < h->outside.block_count; i++)
        edges += h->outside.blocks[i].slab != 0;
    source->node_count = h->objects + h->outside.block_count + h->outside.slab_count;
    source->edge_count = source->node_count == 0 ? 0 : edges;
    return MID_OK;
}

/* Where a snapshot goes: a file, or a callback. */
struct destination {
    const char *path;
    mid_snapshot_write_fn write;
    void *user;
};

static enum mid_status write_walk(struct mid_heap *heap, struct mid_walk *walk, const struct mid__sites *sites,
                                  const struct destination *to, const struct mid_snapshot_options *options)
{
    struct heap_source *h = calloc(1, sizeof *h);
    if (h == NULL)
        return MID_E_MEMORY;
    h->walk = walk;
    struct mid_snapshot_source source = {
        .struct_size = sizeof source, .user = h, .group_names = groups, .group_count = MID_ROOT_KIND_COUNT,
        .roots = walk_roots, .nodes = walk_nodes, .edges = walk_edges,
    };
    mid__sites_into(sites, &source);
    struct mid_usage usage = {.struct_size = sizeof usage};
    if (mid_heap_usage(heap, &usage) == MID_OK)
        source.extra_native_bytes = usage.external - usage.array_buffers;
    enum mid_status status = survey(h, &source);
    if (status == MID_OK)
        status = to->write != NULL ? mid_snapshot_write_stream(to->write, to->user, &source, options)
                                   : mid_snapshot_write_file(to->path, &source, options);
    int error = errno;
    mid__outside_free(&h->outside);
    free(h);
    errno = error;
    return status;
}

static enum mid_status write_heap(struct mid_heap *heap, const struct destination *to,
                                  const struct mid_snapshot_options *options)
{
    struct mid_walk *walk;
    bool as_it_is = options != NULL && (options->flags & MID_SNAPSHOT_NO_COLLECT) != 0;
    enum mid_status status = mid_walk_begin(heap, MID_WALK_ASK_IDS | (as_it_is ? 0u : (uint32_t)MID_WALK_COLLECT), &walk);
    if (status != MID_OK)
        return status;
    struct mid__sites sites;
    status = mid__sites_gather(heap, &sites) ? write_walk(heap, walk, &sites, to, options) : MID_E_MEMORY;
    int error = errno;
    mid__sites_free_gathered(&sites);
    mid_walk_end(walk);
    errno = error;
    return status;
}

enum mid_status mid_heap_write_snapshot(struct mid_heap *heap, const char *path,
                                        const struct mid_snapshot_options *options)
{
    struct destination to = {.path = path};
    return heap == NULL || path == NULL ? MID_E_INVALID : write_heap(heap, &to, options);
}

enum mid_status mid_heap_write_snapshot_stream(struct mid_heap *heap, mid_snapshot_write_fn write, void *user,
                                               const struct mid_snapshot_options *options)
{
    struct destination to = {.write = write, .user = user};
    return heap == NULL || write == NULL ? MID_E_INVALID : write_heap(heap, &to, options);
}

/* ---- in a child */

struct job {
    struct mid_heap *heap;
    struct mid_walk *walk;
    struct mid__sites sites;
    struct destination to;
    struct mid_snapshot_options options;
};

static enum mid_status write_job(void *user, struct mid_snapshot_figures *figures)
{
    struct job *job = user;
    job->options.figures = figures;
    return write_walk(job->heap, job->walk, &job->sites, &job->to, &job->options);
}

enum mid_status mid_heap_write_snapshot_forked(struct mid_heap *heap, const char *path,
                                               const struct mid_snapshot_options *options,
                                               struct mid_snapshot_child **child)
{
    struct job job = {.heap = heap, .to = {.path = path}};
    if (heap == NULL || path == NULL || child == NULL || !mid__snapshot_options_are_sound(options))
        return MID_E_INVALID;
    *child = NULL;
    mid_snapshot_options_init(&job.options);
    if (options != NULL)
        job.options = *options;
    bool as_it_is = (job.options.flags & MID_SNAPSHOT_NO_COLLECT) != 0;
    enum mid_status status = /* gives ids: given in the child they would be the child's alone */
        mid_walk_begin(heap, MID_WALK_ASK_IDS | (as_it_is ? 0u : (uint32_t)MID_WALK_COLLECT), &job.walk);
    if (status != MID_OK)
        return status;
    status = mid__sites_gather(heap, &job.sites) ? mid__child_start(write_job, &job, job.options.figures, child)
                                                 : MID_E_MEMORY;
    int error = errno;
    mid__sites_free_gathered(&job.sites);
    mid_walk_end(job.walk);
    errno = error;
    return status;
}
