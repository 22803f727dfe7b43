/* SPDX-License-Identifier: MIT
 *
 * chain.h: the ring of a chain, and a place in it. Shared by chain.c and chain_search.c.
 */
#ifndef MIDDEN_ALLOC_CHAIN_H
#define MIDDEN_ALLOC_CHAIN_H

#include <midden/chain.h>
#include <midden/internal/compiler.h>

MID__INLINE size_t mid__chain_capacity(const struct mid_chain *chain)
{
    return chain->many == NULL ? MID_CHAIN_INLINE : chain->capacity;
}

MID__INLINE size_t mid__chain_index(const struct mid_chain *chain, size_t i)
{
    size_t at = chain->first + i, capacity = mid__chain_capacity(chain);
    return at < capacity ? at : at - capacity;
}

MID__INLINE struct mid_slice *mid__chain_at(struct mid_chain *chain, size_t i)
{
    return (chain->many == NULL ? chain->few : chain->many) + mid__chain_index(chain, i);
}

MID__INLINE struct mid_slice mid__chain_get(const struct mid_chain *chain, size_t i)
{
    return (chain->many == NULL ? chain->few : chain->many)[mid__chain_index(chain, i)];
}

/* A place between bytes. At the end of the chain segment == count; else it is within a slice, never at its end. */
struct mid__chain_cursor {
    const struct mid_chain *chain;
    size_t segment, offset; /* which slice, and where in it */
    size_t position;        /* where in the chain */
};

MID__INLINE const unsigned char *mid__chain_here(const struct mid__chain_cursor *c)
{
    return mid__chain_get(c->chain, c->segment).data + c->offset;
}

/* Goes on by up to `bytes` bytes within the slice; returns how many. Not to be called at the end. */
MID__INLINE size_t mid__chain_step(struct mid__chain_cursor *c, size_t bytes)
{
    size_t left = mid__chain_get(c->chain, c->segment).bytes - c->offset;
    if (bytes < left) {
        c->offset += bytes;
        c->position += bytes;
        return bytes;
    }
    c->segment++;
    c->offset = 0;
    c->position += left;
    return left;
}

/* The place `offset` bytes into the chain; its end when it is shorter. */
MID__INLINE struct mid__chain_cursor mid__chain_seek(const struct mid_chain *chain, size_t offset)
{
    struct mid__chain_cursor c = {chain, 0, 0, 0};
    while (c.segment < chain->count && c.position < offset)
        mid__chain_step(&c, offset - c.position);
    return c;
}

#endif
