/* SPDX-License-Identifier: MIT
 * A hook for broken rules that remembers them, for tests that break something on purpose. */
#ifndef MIDDEN_TESTS_SEEN_H
#define MIDDEN_TESTS_SEEN_H

#include <midden/base.h>

#include <stdio.h>
#include <string.h>

struct seen {
    size_t count;
    char rules[32][40];
    char last[256];
};

/* A mid_broken_fn; `user` is a struct seen. */
static inline void note_broken(void *user, const struct mid_broken *broken)
{
    struct seen *seen = user;
    if (seen->count < sizeof seen->rules / sizeof *seen->rules)
        snprintf(seen->rules[seen->count], sizeof *seen->rules, "%s", broken->rule);
    snprintf(seen->last, sizeof seen->last, "%s", broken->detail);
    seen->count++;
}

static inline int was_seen(const struct seen *seen, const char *rule)
{
    for (size_t i = 0; i < seen->count && i < sizeof seen->rules / sizeof *seen->rules; i++)
        if (strcmp(seen->rules[i], rule) == 0)
            return 1;
    return 0;
}

#endif
