/* SPDX-License-Identifier: MIT
 * What where_parse.c and where.c share: an expression as a program in postfix order. */
#ifndef MIDDEN_GRAPH_WHERE_H
#define MIDDEN_GRAPH_WHERE_H

#include <midden/internal/where.h>

enum where_field {
    WHERE_CLASS, WHERE_NAME, WHERE_TYPE, WHERE_SIZE, WHERE_RETAINED, WHERE_DISTANCE, WHERE_ID, WHERE_RETAINED_BY,
    WHERE_FIELDS
};
enum where_operator { WHERE_EQ, WHERE_NE, WHERE_LIKE, WHERE_UNLIKE, WHERE_LT, WHERE_LE, WHERE_GT, WHERE_GE };
enum where_step_kind { WHERE_COMPARE, WHERE_AND, WHERE_OR, WHERE_NOT };

struct where_step {
    enum where_step_kind kind;
    enum where_field field;
    enum where_operator operator;
    bool by_id;          /* retained-by=@ID */
    int64_t number;
    size_t text, length; /* in `texts` */
};

/* I1: run from first to last with a stack, the steps never take from an empty one and leave one result. Each parenthesis
 * holds two results at most (left of `or`, left of `and`), so there are never more than 2 * MID__WHERE_DEPTH_MAX + 3. */
struct mid__where {
    struct where_step *steps;
    size_t count, capacity, terms;
    char *texts;
    size_t used;
};

#endif
