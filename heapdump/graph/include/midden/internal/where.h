/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/where.h>: a small language that picks nodes of a snapshot; never installed.
 *
 *     class=Foo and (retained>1MB or distance>=8) and not retained-by=@1234
 *
 *     expression = and { "or" and }        and = term { "and" term }
 *     term       = "not" term | "(" expression ")" | field operator value
 *
 *     field        operators            value
 *     class name   = != ~ !~            text; ~ compares with a pattern (pattern.h)
 *     type         = != ~ !~            text: object, closure, string, array, hidden, native ...
 *     size         = != < <= > >=       a size: 300, 50MB, 1.5GiB (the shallow size)
 *     retained     = != < <= > >=       a size
 *     distance id  = != < <= > >=       a number
 *     retained-by  = != ~ !~            @ID, or the name (or pattern) of a class: true for what is below such an object
 *                                       in the dominator tree
 *
 * Words of the language may be written in capitals. A value ends at a blank or at a parenthesis that it did not open, so
 * that class=(compiled code) needs no quotes; "..." and '...' take anything, and a backslash in them the next character.
 * Distances of what no user root reaches are greater than all others, as in DevTools' figures; -5 is written so.
 */
#ifndef MIDDEN_INTERNAL_WHERE_H
#define MIDDEN_INTERNAL_WHERE_H

#include <midden/internal/classes.h>

#define MID__WHERE_DEPTH_MAX 64   /* parentheses and "not"s within each other */
#define MID__WHERE_TERMS_MAX 1000 /* comparisons */

struct mid__where_error {
    size_t column;     /* from 1, in bytes */
    char message[120]; /* one line in words of ours */
};

struct mid__where;

/* Reads an expression. On MID_OK *where belongs to the caller. MID_E_FORMAT: *error (never NULL) says what and where;
 * MID_E_LIMIT: too deep or too long, *error says so; MID_E_MEMORY. O(length). */
enum mid_status mid__where_parse(const char *text, size_t length, struct mid__where **where,
                                 struct mid__where_error *error);
void mid__where_free(struct mid__where *where); /* NULL does nothing */

/* The parts (enum mid__graph_part) that the expression stands on. */
unsigned mid__where_parts(const struct mid__where *where);

/* An id that retained-by names and `graph` does not have; false when there is none such. */
bool mid__where_missing_id(const struct mid__where *where, const struct mid__graph *graph, uint64_t *id);

/* (*selected)[n] is 1 for the nodes that the expression is true for; [node_count], the caller's to free(). A class is
 * named as `classes` has it; Object is right for every plain object. MID_E_INVALID: a part is missing. MID_E_MEMORY.
 * O(nodes * comparisons), and for `name` the length of all names. */
enum mid_status mid__where_select(const struct mid__where *where, const struct mid__graph *graph,
                                  const struct mid__classes *classes, uint8_t **selected);

#endif
