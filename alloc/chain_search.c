/* SPDX-License-Identifier: MIT
 *
 * chain_search.c: comparing, hashing and searching the bytes of a chain without joining them. Two cursors go side by side,
 * each step as long as the shorter of the two slices allows; memchr and memcmp do the work within.
 */
#include "chain.h"
#include "hash.h"

#include <string.h>

/* Compares `bytes` bytes from both places on, which must be there; both move on. */
static int compare_at(struct mid__chain_cursor *a, struct mid__chain_cursor *b, size_t bytes)
{
    while (bytes != 0) {
        size_t left_a = mid__chain_get(a->chain, a->segment).bytes - a->offset;
        size_t left_b = mid__chain_get(b->chain, b->segment).bytes - b->offset;
        size_t n = left_a < left_b ? left_a : left_b;
        n = n < bytes ? n : bytes;
        int order = memcmp(mid__chain_here(a), mid__chain_here(b), n);
        if (order != 0)
            return order;
        mid__chain_step(a, n);
        mid__chain_step(b, n);
        bytes -= n;
    }
    return 0;
}

int mid_chain_compare(const struct mid_chain *a, const struct mid_chain *b)
{
    struct mid__chain_cursor x = mid__chain_seek(a, 0), y = mid__chain_seek(b, 0);
    int order = compare_at(&x, &y, a->bytes < b->bytes ? a->bytes : b->bytes);
    return order != 0 ? order : (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

int mid_chain_equal(const struct mid_chain *a, const struct mid_chain *b)
{
    return a->bytes == b->bytes && mid_chain_compare(a, b) == 0;
}

/* Whether the bytes from this place on begin with those of `memory`. */
static int begins_with(struct mid__chain_cursor at, const unsigned char *memory, size_t bytes)
{
    if (bytes > at.chain->bytes - at.position)
        return 0;
    while (bytes != 0) {
        const unsigned char *here = mid__chain_here(&at);
        size_t n = mid__chain_step(&at, bytes);
        if (memcmp(here, memory, n) != 0)
            return 0;
        memory += n;
        bytes -= n;
    }
    return 1;
}

int mid_chain_equal_memory(const struct mid_chain *chain, const void *memory, size_t bytes)
{
    return bytes == chain->bytes && begins_with(mid__chain_seek(chain, 0), memory, bytes);
}

uint64_t mid_chain_hash(const struct mid_chain *chain)
{
    uint64_t hash = MID__HASH_BEGIN;
    for (size_t i = 0; i < chain->count; i++) {
        struct mid_slice s = mid__chain_get(chain, i);
        hash = mid__hash_add(hash, s.data, s.bytes);
    }
    return mid__hash_end(hash);
}

/* Moves to the next byte equal to `byte`, this place included; false at the end of the chain. */
static int seek_byte(struct mid__chain_cursor *at, unsigned char byte)
{
    while (at->segment < at->chain->count) {
        size_t left = mid__chain_get(at->chain, at->segment).bytes - at->offset;
        const unsigned char *here = mid__chain_here(at), *hit = memchr(here, byte, left);
        if (hit != NULL) {
            mid__chain_step(at, (size_t)(hit - here));
            return 1;
        }
        mid__chain_step(at, left);
    }
    return 0;
}

size_t mid_chain_find_byte(const struct mid_chain *chain, size_t from, unsigned char byte)
{
    struct mid__chain_cursor at = mid__chain_seek(chain, from);
    return seek_byte(&at, byte) ? at.position : MID_CHAIN_NONE;
}

size_t mid_chain_find(const struct mid_chain *chain, size_t from, const void *delimiter, size_t bytes)
{
    if (from > chain->bytes)
        return MID_CHAIN_NONE;
    if (bytes == 0)
        return from;
    const unsigned char *first = delimiter;
    struct mid__chain_cursor at = mid__chain_seek(chain, from);
    for (; seek_byte(&at, *first); mid__chain_step(&at, 1))
        if (begins_with(at, first, bytes))
            return at.position;
    return MID_CHAIN_NONE;
}
