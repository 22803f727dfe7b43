/* SPDX-License-Identifier: MIT
 *
 * registry.h: the list of all pools of the process, and the lock over it.
 */
#ifndef MIDDEN_ALLOC_REGISTRY_H
#define MIDDEN_ALLOC_REGISTRY_H

struct mid_pool;

/* Puts a pool that is complete on the list; takes one that is about to go off it. */
void mid__registry_add(struct mid_pool *pool);
void mid__registry_remove(struct mid_pool *pool);

/* The lock over the list, and over which thread has which cache. It is taken before the lock of any pool. */
void mid__registry_lock(void);
void mid__registry_unlock(void);

#endif
