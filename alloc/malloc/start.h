/* SPDX-License-Identifier: MIT
 *
 * start.h: the one pool of the process, as its malloc sees it.
 */
#ifndef MIDDEN_ALLOC_MALLOC_START_H
#define MIDDEN_ALLOC_MALLOC_START_H

#include "magazine.h"

extern _Atomic(struct mid_pool *) mid__process_pool;

/* Makes the pool, or waits for the thread that does. NULL when there is no memory, and in a call from within. */
struct mid_pool *mid__process_pool_start(void);

/* The pool; made at the first call. */
MID__INLINE struct mid_pool *mid__process_pool_of(void)
{
    struct mid_pool *pool = atomic_load_explicit(&mid__process_pool, memory_order_acquire);
    return MID__LIKELY(pool != NULL) ? pool : mid__process_pool_start();
}

#endif
