/* SPDX-License-Identifier: MIT
 *
 * stats.h: figures of a class, gathered from slabs and caches. The lock is held.
 */
#ifndef MIDDEN_ALLOC_STATS_H
#define MIDDEN_ALLOC_STATS_H

#include "pool_state.h"

void mid__stats_of_class(struct mid_pool *pool, const struct mid__class *c, struct mid_pool_class_stats *out,
                         bool *exact);
void mid__stats_of_pool(struct mid_pool *pool, struct mid_pool_stats *out);

/* The index of mid_pool_class_stats -> the class. */
size_t mid__stats_class_count(const struct mid_pool *pool);
struct mid__class *mid__stats_class(struct mid_pool *pool, size_t index);

#endif
