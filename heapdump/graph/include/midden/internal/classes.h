/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/classes.h>: the nodes of a snapshot grouped by class, with DevTools' class names, keys and figures,
 * with or without inferred interfaces; never installed.
 *
 * Text is as titles.h says: UTF-8 with lone surrogates kept, hostile until escaped.
 */
#ifndef MIDDEN_INTERNAL_CLASSES_H
#define MIDDEN_INTERNAL_CLASSES_H

#include <midden/internal/graph.h>
#include <midden/internal/intern.h>

/* ---- interfaces: plain objects that have the same properties -------------------------------------------------- */

struct mid__interface {
    uint32_t name;             /* in `texts`: "{a, b}" */
    uint32_t first_property;   /* in `properties` */
    uint32_t property_count;   /* at least 1; names may repeat in a damaged dump */
    uint64_t object_count;     /* plain objects with exactly these properties, in this order */
};

/* The interfaces of one snapshot, by frequency. They own all their text: the snapshot may be freed, and they may be
 * applied to another one. Read-only after inference. */
struct mid__interfaces {
    struct mid__intern texts;      /* names of properties and of interfaces */
    uint32_t *properties;          /* numbers in `texts` */
    struct mid__interface *list;   /* [count], most frequent first, then first seen first */
    uint32_t count;
    uint64_t origin;               /* the index that they are from (index.h), or 0 */
};

/* Infers the interfaces of a snapshot. On MID_OK *interfaces belongs to the caller. MID_E_MEMORY: it is NULL.
 * O(edges of plain objects). */
enum mid_status mid__interfaces_infer(const struct mid__graph *graph, struct mid__interfaces **interfaces);
void mid__interfaces_free(struct mid__interfaces *interfaces); /* NULL does nothing */

/* Finds for plain objects of one graph the interface that matches best. */
struct mid__matcher;
enum mid_status mid__matcher_create(const struct mid__graph *graph, const struct mid__interfaces *interfaces,
                                    struct mid__matcher **matcher);
#define MID__NO_INTERFACE UINT32_MAX
/* *place: in `list`, or MID__NO_INTERFACE. `node` must be a plain object of the graph. */
enum mid_status mid__matcher_match(struct mid__matcher *matcher, uint32_t node, uint32_t *place);
void mid__matcher_free(struct mid__matcher *matcher); /* NULL does nothing */

/* ---- classes -------------------------------------------------------------------------------------------------- */

struct mid__class {
    uint32_t name, key;      /* in `texts`; the key is "scriptId,line,column,name", or ",name" without a location */
    uint64_t count;          /* nodes whose folded size is not 0 */
    uint64_t shallow;        /* bytes: the sum of their folded sizes */
    uint64_t retained;       /* bytes kept alive by the class, each counted once; 0 unless asked for */
    int32_t distance;        /* the least of them; 0 where the graph has no distances, or the class counts no node */
};

struct mid__classes {
    struct mid__intern texts;
    struct mid__class *list; /* in order of the first node; classes whose count is 0 are there too */
    uint32_t count;
    const uint32_t *of_node; /* [node_count]: place in `list` */
    uint32_t *own_of_node;   /* the same, to be freed; NULL where it is an index's */
};

struct mid__classes_options {
    const struct mid__interfaces *interfaces; /* NULL: plain objects stay the class Object; else they are grouped by the
                                               * best match, and those that match none stay Object */
    const uint8_t *selected;                  /* [node_count]: 1 for the nodes that count. NULL: all do */
    bool by_name;                             /* classes of one name are one, whatever their location */
    bool by_type;                             /* a class for each type of nodes, named after it; the two above do nothing */
    bool with_retained;
};

/* Groups the nodes of `graph`, which must have MID__PART_FOLDED, and with `with_retained` also MID__PART_RETAINED and
 * MID__PART_DOMINATED. `options` NULL: zeros. Every node has a class, those that are not selected too; the figures are
 * of those that are. On MID_OK *classes belongs to the caller. MID_E_INVALID: a part is missing. MID_E_MEMORY,
 * MID_E_LIMIT (2^30 classes): *classes is NULL. O(nodes + edges of plain objects). */
enum mid_status mid__classes_build_with(const struct mid__graph *graph, const struct mid__classes_options *options,
                                        struct mid__classes **classes);

/* The same with these two options. */
enum mid_status mid__classes_build(const struct mid__graph *graph, const struct mid__interfaces *interfaces,
                                   bool with_retained, struct mid__classes **classes);
void mid__classes_free(struct mid__classes *classes); /* NULL does nothing */
/* Gives back the largest part, of_node, which is NULL then. */
void mid__classes_drop_of_node(struct mid__classes *classes);

const char *mid__class_name(const struct mid__classes *classes, uint32_t place, size_t *length);
const char *mid__class_key(const struct mid__classes *classes, uint32_t place, size_t *length);

#endif
