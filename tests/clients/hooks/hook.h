/* SPDX-License-Identifier: MIT
 *
 * hook.h: what the programs of this folder share: a pool, plain or checked, and what must hold of it at the end.
 */
#ifndef MIDDEN_TESTS_HOOK_H
#define MIDDEN_TESTS_HOOK_H

#include <midden/pool.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void must(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "failed: %s\n", what);
        exit(1);
    }
}

static inline void hook_broken(void *user, const struct mid_broken *broken)
{
    (void)user;
    fprintf(stderr, "failed: %s: %s\n", broken->rule, broken->detail);
    exit(1);
}

/* `checked` as the first argument makes a checked pool. Whatever is reported ends the program. */
static inline struct mid_pool *hook_pool(int argc, char **argv)
{
    struct mid_pool_options options;
    struct mid_pool *pool;
    mid_pool_options_init(&options);
    options.flags = argc > 1 && strcmp(argv[1], "checked") == 0 ? MID_POOL_CHECKED : 0;
    options.broken = hook_broken;
    must(mid_pool_create(&options, &pool) == MID_OK, "a pool");
    return pool;
}

/* The pool served the program (at least `allocs` times), and has everything back. */
static inline void hook_end(struct mid_pool *pool, unsigned long allocs)
{
    struct mid_pool_stats s = {.struct_size = sizeof s};
    size_t out;
    must(mid_pool_stats(pool, &s) == MID_OK && mid_pool_verify(pool, NULL, NULL) == MID_OK, "figures");
    must(s.allocs >= allocs, "the pool was used");
    printf("allocs %llu, peak %zu KiB\n", (unsigned long long)s.allocs, s.committed_peak_bytes / 1024);
    must(mid_pool_destroy(pool, &out) == MID_OK, "everything is back");
}

#endif
