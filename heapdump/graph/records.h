/* SPDX-License-Identifier: MIT
 *
 * records.h: the records of a section, batch by batch, as nodes.c and edges.c spread them.
 */
#ifndef MIDDEN_GRAPH_RECORDS_H
#define MIDDEN_GRAPH_RECORDS_H

#include "batches.h"
#include "sections.h"

/* v is a multiple of the divisor when v * inverse, rotated right by `zeros`, is at most `most`: it is the quotient. */
struct divisor {
    uint64_t inverse, most;
    unsigned zeros;
};

struct batch {
    struct loaded *l;
    struct numbers *n;
    struct scan *scan;
    struct mid__graph_private *own;
    size_t records, fields;
    uint32_t first;    /* ordinal of the first record */
    struct divisor by; /* of references to nodes: by the number of node fields */
};

MID__INLINE bool no_memory(struct scan *s, uint64_t offset)
{
    scan_fail(s, offset, "out of memory");
    mid__fail_memory(s->graph, s->error);
    return false;
}

MID__INLINE int64_t value_of(const struct batch *b, size_t record, int field)
{
    return b->n->value[record * b->fields + (size_t)field];
}

MID__INLINE uint64_t where_of(const struct batch *b, size_t record, int field)
{
    return b->n->where[record * b->fields + (size_t)field];
}

/* The next batch; *count: the records so far, its own included. */
MID__INLINE bool next_batch(struct batch *b, struct batches *from, uint64_t *count, const char *what)
{
    if (!batches_next(from))
        return false;
    b->n = from->now;
    b->records = from->records;
    b->first = (uint32_t)*count;
    *count += b->records;
    return *count <= MAX_COUNT || scan_fail(b->scan, where_of(b, 0, 0), "more than %u %s", MAX_COUNT, what);
}

/* After the last batch. */
MID__INLINE bool ends_whole(const struct batch *b, const char *what)
{
    return b->n->count == b->records * b->fields ||
           scan_fail(b->scan, where_of(b, b->records, 0), "the %s end within a record", what);
}

#endif
