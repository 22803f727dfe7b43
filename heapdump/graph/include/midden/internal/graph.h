/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/graph.h>: one heap snapshot in memory: its nodes, edges and strings as columns, and what is computed
 * from them (dominators, retained sizes, distances ...) by DevTools' rules; never installed. The commands and the
 * viewer stand on this interface alone. It knows neither the pool nor the collector.
 *
 * Use: mid__graph_load, mid__graph_analyze with what is wanted, read the columns, mid__graph_free.
 *
 * Nodes are named by ordinal (0-based, in the order of the file), edges by their place in the file, strings by index
 * (strings.h). A column that was not asked for is NULL. Columns are read directly; where a value may be wider than its
 * column, the accessor below must be used, and says so. The reader of a column needs no lock: a graph changes only
 * inside load, analyze and free, which take it exclusively. Two graphs are independent of each other.
 *
 * Limits: at most 2^32 - 3 nodes, edges and strings (clear error beyond). Sizes and ids are exact to 2^63 - 1.
 */
#ifndef MIDDEN_INTERNAL_GRAPH_H
#define MIDDEN_INTERNAL_GRAPH_H

#include <midden/base.h>
#include <midden/internal/strings.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- types of nodes and edges --------------------------------------------------------------------------------- */

/* Node types by meaning, whatever number the file's meta gives them. A name that is not in this list gets a number
 * from MID__NODE_FIRST_OTHER on; mid__graph_node_type_name tells it. MID__NODE_UNKNOWN: the number in the file has no
 * name in its meta. */
enum mid__node_type {
    MID__NODE_HIDDEN,
    MID__NODE_ARRAY,
    MID__NODE_STRING,
    MID__NODE_OBJECT,
    MID__NODE_CODE,
    MID__NODE_CLOSURE,
    MID__NODE_REGEXP,
    MID__NODE_NUMBER,
    MID__NODE_NATIVE,
    MID__NODE_SYNTHETIC,
    MID__NODE_CONS_STRING,
    MID__NODE_SLICED_STRING,
    MID__NODE_SYMBOL,
    MID__NODE_BIGINT,
    MID__NODE_OBJECT_SHAPE,
    MID__NODE_WASM_OBJECT,
    MID__NODE_FIRST_OTHER,
    MID__NODE_UNKNOWN = 63
};

enum mid__edge_type {
    MID__EDGE_CONTEXT,
    MID__EDGE_ELEMENT,
    MID__EDGE_PROPERTY,
    MID__EDGE_INTERNAL,
    MID__EDGE_HIDDEN,
    MID__EDGE_SHORTCUT,
    MID__EDGE_WEAK,
    MID__EDGE_FIRST_OTHER,
    MID__EDGE_UNKNOWN = 31
};

/* True when edge_name holds a number and not a string index. */
static inline bool mid__edge_is_numbered(uint8_t edge_type)
{
    return edge_type == MID__EDGE_ELEMENT || edge_type == MID__EDGE_HIDDEN;
}

/* ---- what can be computed ------------------------------------------------------------------------------------- */

/* Bits for mid__graph_analyze. Each brings what it stands on. The DOM state (detachedness, names with `Detached `) is
 * always settled by load. */
enum mid__graph_part {
    MID__PART_PAGE_OWNED = 1u << 0, /* bit MID__FLAG_PAGE_OWNED of node_flags */
    MID__PART_QUERYABLE = 1u << 1,  /* bit MID__FLAG_QUERYABLE of node_flags (shown by DevTools, used by no figure) */
    MID__PART_FOLDED = 1u << 2,     /* folded sizes: mid__graph_size */
    MID__PART_DOMINATORS = 1u << 3, /* dominator */
    MID__PART_RETAINED = 1u << 4,   /* retained, total_size */
    MID__PART_DISTANCES = 1u << 5,  /* distance */
    MID__PART_DOMINATED = 1u << 6,  /* first_dominated, dominated: the dominator tree downwards */
    MID__PART_RETAINERS = 1u << 7,  /* first_retainer, retainer: all edges, backwards */
    MID__PART_BY_ID = 1u << 8       /* by_id: ordinals in ascending order of id */
};
#define MID__PARTS_FIGURES \
    (MID__PART_PAGE_OWNED | MID__PART_FOLDED | MID__PART_DOMINATORS | MID__PART_RETAINED | MID__PART_DISTANCES)
#define MID__PARTS_ALL 0x1ffu

/* Bits of node_flags, as DevTools numbers them. */
#define MID__FLAG_QUERYABLE    1u
#define MID__FLAG_DETACHED_DOM 2u /* a native node in a detached DOM tree; always there */
#define MID__FLAG_PAGE_OWNED   4u

#define MID__DISTANCE_NONE   (-5)      /* nothing arrives */
#define MID__DISTANCE_SYSTEM 100000000 /* where the count starts for what only the system's roots hold */

/* ---- errors and warnings -------------------------------------------------------------------------------------- */

struct mid__graph_error {
    enum mid_status status; /* E_IO, E_FORMAT, E_MEMORY, E_LIMIT (too many nodes), E_BUSY (stopped by progress) */
    bool has_place;         /* section and offset are meaningful */
    char section[32];       /* "nodes", "strings" ..., "" outside any */
    uint64_t offset;        /* byte in the (uncompressed) input, from 0 */
    char message[200];      /* one line for people, without place, path or newline; text from the dump is escaped */
};

/* One line "<message> (in <section>, at byte <offset>)" into `buffer`, ended by NUL, cut to `capacity` >= 1. */
void mid__graph_error_line(const struct mid__graph_error *error, char *buffer, size_t capacity);

/* What was odd and did not stop the reading. One kind is listed once, with its first place and how often it came. */
struct mid__graph_warning {
    char section[32];
    uint64_t offset; /* of the first */
    uint64_t count;
    char message[160];
};

/* ---- the graph ------------------------------------------------------------------------------------------------ */

/* Where a function, or the constructor of an object, stands in its script. Lines and columns count from 0. */
struct mid__graph_location {
    uint32_t node;
    int32_t script_id, line, column;
};

/* A function that allocated, and a node of the tree of calls that did: a stack is a site with all above it. */
struct mid__graph_function {
    uint32_t name, script;         /* strings */
    int32_t script_id;
    uint32_t line, column;         /* from 1; 0 not known */
};
struct mid__graph_site {
    uint32_t id;                   /* as nodes name it */
    uint32_t parent;               /* a site before this one; MID__NO_SITE: the root of the tree */
    uint32_t function;             /* MID__NO_SITE: the file has none for it */
    uint32_t zero;
    uint64_t count, size;          /* of the objects allocated by this very stack, dead ones included */
};
#define MID__NO_SITE UINT32_MAX

struct mid__graph {
    /* nodes, in the order of the file */
    uint32_t node_count;
    uint32_t root;                   /* 0, unless the file names another */
    const uint8_t *node_type;        /* enum mid__node_type */
    const uint32_t *node_name;       /* string; at or past strings.count where `Detached ` was put before it */
    const uint32_t *node_id32;       /* ids; NULL when some id needs more than 32 bits: mid__graph_id */
    const uint64_t *node_id64;
    const uint32_t *node_raw_size;   /* self_size as in the file: mid__graph_raw_size */
    const uint32_t *node_size;       /* after folding; mid__graph_size */
    const uint32_t *first_edge;      /* [node_count + 1]: edges of n are first_edge[n] .. first_edge[n + 1] - 1 */
    const uint8_t *node_detachedness; /* 0 unknown, 1 attached, 2 detached: after the spread */
    const uint8_t *node_flags;       /* MID__FLAG_... */
    const uint32_t *node_trace_id;   /* NULL where the file has no trace_node_id, or only zeros */

    /* edges, grouped by their source */
    uint32_t edge_count;
    const uint8_t *edge_type;        /* enum mid__edge_type */
    const uint32_t *edge_name;       /* string, or number: mid__edge_is_numbered */
    const uint32_t *edge_target;     /* node */

    struct mid__strings strings;
    uint32_t location_count;
    const struct mid__graph_location *locations; /* ascending by node, one a node: mid__graph_location_of */

    /* allocation sites, where the file has them */
    uint32_t function_count, site_count;
    const struct mid__graph_function *functions;
    const struct mid__graph_site *sites; /* each behind its parent */
    const uint32_t *site_by_id;          /* [site_count]: mid__graph_site_of */
    uint64_t sample_bytes;               /* of the header: one object in so many bytes has its site; 0: all have, or none */

    /* computed: NULL until analyze was asked for them */
    const uint32_t *dominator;       /* the root's is itself */
    const uint64_t *retained;        /* bytes */
    const int32_t *distance;
    const uint32_t *first_dominated; /* [node_count + 1] */
    const uint32_t *dominated;       /* [node_count - 1]: ascending within one node */
    const uint32_t *first_retainer;  /* [node_count + 1] */
    const uint32_t *retainer;        /* [edge_count]: edges, ascending within one node; mid__graph_edge_source */
    const uint32_t *by_id;           /* [node_count]; equal ids in order of ordinal */

    bool has_user_roots;             /* else nothing is folded, and distances start at the root with 0 */
    uint64_t extra_native_bytes;     /* of the header */
    uint64_t total_size;             /* retained[root] + extra_native_bytes */
    uint64_t input_bytes;            /* uncompressed */
    const char *meta_json;           /* the header's text ("snapshot": this object), NUL-terminated */

    uint32_t warning_count;
    const struct mid__graph_warning *warnings;

    struct mid__graph_private *own;  /* the reader's and the analysis's */
};

struct mid__index_options;
struct mid__graph_options {
    /* Called now and then from the thread that called load or analyze: what is done ("nodes", "dominators" ...), and
     * how far (done of total; total 0: unknown). Returning false stops the work with MID_E_BUSY. NULL: never. */
    bool (*progress)(void *user, const char *phase, uint64_t done, uint64_t total);
    void *user;
    /* Most memory that load and analyze may take together, in bytes; beyond it they fail with MID_E_LIMIT. 0: no
     * limit but the system's. */
    size_t max_bytes;
    /* Columns of at least this many bytes wait in an unlinked file in $TMPDIR (/var/tmp) while they are not needed, and
     * come back page by page. 0: 32 MiB. SIZE_MAX: never. */
    size_t park_bytes;
    /* 1: the calling thread alone. 2: another one reads ahead and turns text into numbers (batches.c); the graph is the
     * same, bit for bit. 0: two where the file has some MB and the machine more than one core. */
    unsigned threads;
    /* Where an index of the dump may be (index.h): a good one is opened instead of the dump. NULL: nowhere. It must live as
     * long as the graph. What an index holds is not counted in max_bytes. */
    const struct mid__index_options *index;
};

/* The site that allocated a node, or MID__NO_SITE. O(log sites). */
uint32_t mid__graph_site_of(const struct mid__graph *graph, uint32_t node);

/* Reads the snapshot in file `path` ("-": standard input), gzip-compressed or not (by its first bytes, not by its
 * name). `options` NULL: defaults; the struct is copied, what `user` points to must live as long as the graph. On MID_OK
 * *graph belongs to the caller, who gives it to mid__graph_free; else *graph is NULL and *error (never NULL) says what
 * and where. O(input). */
enum mid_status mid__graph_load(const char *path, const struct mid__graph_options *options, struct mid__graph **graph,
                                struct mid__graph_error *error);

/* The same for a snapshot in memory, which must stay until the call returns. */
enum mid_status mid__graph_load_memory(const void *bytes, size_t size, const struct mid__graph_options *options,
                                       struct mid__graph **graph, struct mid__graph_error *error);

/* Computes the parts (bits of enum mid__graph_part) that are not there yet. On failure the parts that were complete
 * stay, the others are as before, and the call may be repeated. All are O(nodes + edges), but for the dominators
 * (with a logarithm) and by_id (four passes). */
enum mid_status mid__graph_analyze(struct mid__graph *graph, unsigned parts, struct mid__graph_error *error);

/* Gives a part's memory back (dominated, retainers and by_id only; others are ignored). */
void mid__graph_drop(struct mid__graph *graph, unsigned parts);

/* After a pass over columns that will not be read again soon: the pages of those that lie in a file are let go; they come
 * back when they are read. Other threads may read the graph meanwhile. */
void mid__graph_rest(const struct mid__graph *graph);

/* Frees all. NULL does nothing. */
void mid__graph_free(struct mid__graph *graph);

/* ---- accessors ------------------------------------------------------------------------------------------------ */

/* Sizes wider than 32 bits: the column holds UINT32_MAX, and the value stands in a side table. O(log of such nodes). */
uint64_t mid__graph_wide_raw_size(const struct mid__graph *graph, uint32_t node);
uint64_t mid__graph_wide_size(const struct mid__graph *graph, uint32_t node);

/* self_size as in the file. */
static inline uint64_t mid__graph_raw_size(const struct mid__graph *g, uint32_t node)
{
    uint32_t size = g->node_raw_size[node];
    return size != UINT32_MAX ? size : mid__graph_wide_raw_size(g, node);
}

/* The size of the node with what was folded into it; needs MID__PART_FOLDED. */
static inline uint64_t mid__graph_size(const struct mid__graph *g, uint32_t node)
{
    uint32_t size = g->node_size[node];
    return size != UINT32_MAX ? size : mid__graph_wide_size(g, node);
}

static inline uint64_t mid__graph_id(const struct mid__graph *g, uint32_t node)
{
    return g->node_id32 != NULL ? g->node_id32[node] : g->node_id64[node];
}

/* The ordinal of the first node with this id; false when there is none. O(nodes), some 10 ms for 13 million; with
 * MID__PART_BY_ID O(log nodes). */
bool mid__graph_find(const struct mid__graph *graph, uint64_t id, uint32_t *node);

/* The node that an edge goes out from. O(log nodes). */
uint32_t mid__graph_edge_source(const struct mid__graph *graph, uint32_t edge);

/* The location of a node, or NULL. O(log locations). */
const struct mid__graph_location *mid__graph_location_of(const struct mid__graph *graph, uint32_t node);

/* DevTools' name for the type ("object shape"), or as the file's meta has it, or "unknown". Lives as long as the
 * graph; escaped where the meta holds control characters. */
const char *mid__graph_node_type_name(const struct mid__graph *graph, uint8_t type);
const char *mid__graph_edge_type_name(const struct mid__graph *graph, uint8_t type);

#endif
