/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/rules.h>: assertions about the classes of a snapshot, or of a series of them; never installed.
 */
#ifndef MIDDEN_INTERNAL_RULES_H
#define MIDDEN_INTERNAL_RULES_H

#include <midden/internal/classes.h>

enum mid__rule_kind {
    MID__RULE_COUNT,    /* at most so many objects */
    MID__RULE_SHALLOW,  /* at most so many bytes of their own */
    MID__RULE_RETAINED, /* at most so many bytes kept alive by the class */
    MID__RULE_GROWTH,   /* at most so many objects more in the last snapshot than in the first */
    MID__RULE_KINDS
};

struct mid__rule {
    enum mid__rule_kind kind;
    const char *name; /* a class name, or a pattern (pattern.h); in the text that was parsed */
    size_t name_length;
    bool pattern;     /* it has a `*`, and is for each class that it matches */
    uint64_t limit; /* objects, or bytes */
};

/* Reads "NAME=LIMIT"; the last '=' parts the two. `text` must outlive the rule. NULL when it is well formed; else what
 * is wrong, in words of ours, and *column (from 1) where. */
const char *mid__rule_parse(enum mid__rule_kind kind, const char *text, struct mid__rule *rule, size_t *column);

/* What growth is measured against: the objects of the watched classes in the first snapshot. Zero-initialised is
 * empty. */
struct mid__rule_base {
    struct mid__intern names; /* of the classes that a growth rule watches */
    uint64_t *counts;         /* [names.count] */
    uint64_t *ids;            /* of their objects, ascending */
    size_t id_count;
};

/* One class under one rule. */
struct mid__rule_result {
    uint32_t rule;
    uint32_t place;  /* in the classes, or MID__NO_CLASS: there is none of this name */
    uint64_t first;  /* of growth: objects in the first snapshot */
    int64_t figure;  /* what the limit is for; of growth the difference, which may be negative */
    bool broken;     /* figure > limit */
};
#define MID__NO_CLASS UINT32_MAX

struct mid__rule_results {
    struct mid__rule_result *list;
    size_t count, capacity;
};

/* Fills `base`, empty before, from the first snapshot. `classes` are its classes by name (struct
 * mid__classes_options), `selected` the nodes that they count (NULL: all). MID_E_MEMORY. O(nodes). */
enum mid_status mid__rule_base_take(struct mid__rule_base *base, const struct mid__rule *rules, size_t rule_count,
                                    const struct mid__graph *graph, const struct mid__classes *classes,
                                    const uint8_t *selected);
void mid__rule_base_free(struct mid__rule_base *base);

/* Adds the results of each rule to `results`: for a name one; for a pattern one for each class that breaks the rule,
 * or, when none does, the one of the class that comes nearest. Growth rules are left out where `base` is NULL.
 * `classes` are by name, with retained sizes. MID_E_MEMORY. O(rules * classes). */
enum mid_status mid__rules_apply(struct mid__rule_results *results, const struct mid__rule *rules, size_t rule_count,
                                 const struct mid__classes *classes, const struct mid__rule_base *base);

/* The objects of a class that show best why a rule is broken: those that retain most (of MID__RULE_SHALLOW: the
 * largest); of growth, those that the base does not have. Only what `selected` (NULL: all) lets through. Returns how
 * many, at most `room`. O(nodes * room). */
size_t mid__rule_examples(const struct mid__graph *graph, const struct mid__classes *classes, uint32_t place,
                          enum mid__rule_kind kind, const struct mid__rule_base *base, const uint8_t *selected,
                          uint32_t *nodes, size_t room);

#endif
