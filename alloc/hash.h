/* SPDX-License-Identifier: MIT
 *
 * hash.h: FNV-1a (Fowler, Noll, Vo; RFC 9923), 64 bits, then a final mix so that the low bits may index a table. Byte by
 * byte, so that the hash of a chain does not depend on how it is cut.
 */
#ifndef MIDDEN_ALLOC_HASH_H
#define MIDDEN_ALLOC_HASH_H

#include <midden/internal/compiler.h>

#define MID__HASH_BEGIN 0xcbf29ce484222325u

MID__INLINE uint64_t mid__hash_add(uint64_t hash, const unsigned char *p, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}

MID__INLINE uint64_t mid__hash_end(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= 0xd6e8feb86659fd93u;
    return hash ^ hash >> 32;
}

#endif
