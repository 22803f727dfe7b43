/* SPDX-License-Identifier: MIT
 *
 * private.h: what the files of heapdump/graph share and nobody else sees.
 */
#ifndef MIDDEN_GRAPH_PRIVATE_H
#define MIDDEN_GRAPH_PRIVATE_H

#include <midden/internal/compiler.h>
#include <midden/internal/graph.h>

#include "memory.h"

#define NO_NODE   UINT32_MAX
#define MAX_COUNT (UINT32_MAX - 2u) /* nodes, edges, strings: leaves room for NO_NODE and a second mark */

/* A size that needs more than 32 bits; its column holds UINT32_MAX. */
struct wide_size {
    uint32_t node;
    uint64_t bytes;
};

/* A growing list of wide sizes, ascending by node. */
struct wide_sizes {
    struct wide_size *list;
    uint32_t count, room;
};

/* Names with a meaning in DevTools' rules, found once per string by names.c. */
enum special_name {
    NAME_NONE,
    NAME_DOCUMENT_DOM_TREES,  /* (Document DOM trees) */
    NAME_EXTERNAL_STRING,     /* system / ExternalStringData */
    NAME_NATIVE_CONTEXT,      /* system / NativeContext */
    NAME_SLOPPY_FUNCTION_MAP, /* sloppy_function_map */
    NAME_MAP_DESCRIPTORS,     /* (map descriptors) */
    NAME_EPHEMERON,           /* the long name of an ephemeron's edge */
    NAME_DETACHED,            /* begins with `Detached ` (asked for where the file has no detachedness) */
};

/* One ephemeron name: which table it speaks of, and the pair that it shares with its twin. */
struct ephemeron {
    uint32_t string;
    uint32_t pair; /* equal for two names that differ in the leading number alone */
    uint64_t table_id;
};

struct names {
    bool known;
    uint8_t *kind; /* [strings.count]: enum special_name */
    struct ephemeron *ephemerons;
    uint32_t ephemeron_count, ephemeron_room, pair_count;
};

/* Which content of which dump: index_place.c. */
struct index_key {
    uint64_t bytes, seconds, nanoseconds, sample[2];
};
struct index_map;

#define MAX_WARNINGS    40
#define MAX_NODE_TYPES  (MID__NODE_UNKNOWN + 1)
#define MAX_EDGE_TYPES  (MID__EDGE_UNKNOWN + 1)
#define TYPE_NAME_BYTES 48

struct mid__graph_private {
    struct memory memory;
    struct mid__graph_options options;
    unsigned done; /* parts complete */

    /* The columns again, writable; the graph's pointers are set from these. */
    uint8_t *node_type;
    uint32_t *node_name, *id32;
    uint64_t *id64;
    uint32_t *raw_size, *size;
    struct wide_sizes wide_raw, wide;
    uint32_t *first_edge;
    uint8_t *detachedness, *flags;
    uint32_t *trace_id;
    uint8_t *edge_type;
    uint32_t *edge_name, *edge_target;
    struct mid__graph_location *locations;
    struct mid__graph_function *functions;
    struct mid__graph_site *sites;
    uint32_t *site_by_id;
    uint32_t *detached_names;
    uint32_t detached_room;
    char *text;
    uint64_t *text_start;
    char *meta_json;

    char node_type_name[MAX_NODE_TYPES][TYPE_NAME_BYTES], edge_type_name[MAX_EDGE_TYPES][TYPE_NAME_BYTES];

    struct names names;
    bool has_detachedness; /* the file has the field */
    uint32_t *order;       /* from dominators to retained: all nodes, each behind its dominator */

    struct mid__graph_warning warnings[MAX_WARNINGS];

    struct index_map *index;   /* whose columns these are, or NULL */
    bool has_dump_key;         /* the dump may get an index: options.index, and a file */
    char park_directory[4096]; /* where an index would lie */
    struct index_key dump_key; /* before the dump was read */
};

/* ---- errors, warnings, progress (graph.c) */

/* An empty graph, or NULL and *error. */
struct mid__graph *mid__graph_make(const struct mid__graph_options *options, struct mid__graph_error *error);
/* Bytes below space become '?'. */
void mid__make_plain(char *text);
/* Lets go of an index (index.c); NULL is fine. */
void mid__index_close(struct mid__graph *g);

/* Fills *error and returns status. The format's result is cut to fit; bytes below space become '?'. */
enum mid_status mid__fail(struct mid__graph_error *error, enum mid_status status, const char *format, ...)
    MID__PRINTF(3, 4);
/* Out of memory, or at the limit, whichever refused last. */
enum mid_status mid__fail_memory(const struct mid__graph *g, struct mid__graph_error *error);
enum mid_status mid__fail_block(const struct memory *m, struct mid__graph_error *error);
/* Returns the warning, or NULL when the list is full. */
struct mid__graph_warning *mid__warn(struct mid__graph *g, const char *section, uint64_t offset, const char *format, ...)
    MID__PRINTF(4, 5);

/* False when the caller wants to stop; *error is filled then. */
bool mid__progress(const struct mid__graph *g, const char *phase, uint64_t done, uint64_t total,
                   struct mid__graph_error *error);

/* ---- phases; each returns MID_OK or has filled *error */
enum mid_status mid__names_find(struct mid__graph *g, struct mid__graph_error *error);
enum mid_status mid__dom_state_spread(struct mid__graph *g, struct mid__graph_error *error);
enum mid_status mid__flags_page_owned(struct mid__graph *g, struct mid__graph_error *error);
enum mid_status mid__flags_queryable(struct mid__graph *g, struct mid__graph_error *error);
enum mid_status mid__fold_sizes(struct mid__graph *g, struct mid__graph_error *error);
enum mid_status mid__dominators(struct mid__graph *g, struct mid__graph_error *error);
enum mid_status mid__retained(struct mid__graph *g, struct mid__graph_error *error);
enum mid_status mid__distances(struct mid__graph *g, struct mid__graph_error *error);
enum mid_status mid__dominated(struct mid__graph *g, struct mid__graph_error *error);
enum mid_status mid__retainers(struct mid__graph *g, struct mid__graph_error *error);
enum mid_status mid__by_id(struct mid__graph *g, struct mid__graph_error *error);

/* ---- load.c */
struct mid__input;
/* Reads `in` to its end into the empty graph. */
enum mid_status mid__load(struct mid__graph *g, struct mid__input *in, struct mid__graph_error *error);

/* ---- names.c */
/* The special meaning of a node's name, after `Detached ` was added. */
enum special_name mid__node_special(const struct mid__graph *g, uint32_t node);
/* The ephemeron that string `index` (of kind NAME_EPHEMERON) names. */
const struct ephemeron *mid__ephemeron(const struct mid__graph *g, uint32_t index);

/* True for what DevTools calls a user root, and for (Document DOM trees). */
bool mid__is_user_root(const struct mid__graph *g, uint32_t node);
bool mid__has_user_roots(const struct mid__graph *g);

/* Adds a wide size; false without memory. */
bool mid__wide_add(struct memory *m, struct wide_sizes *w, uint32_t node, uint64_t bytes);

#endif
