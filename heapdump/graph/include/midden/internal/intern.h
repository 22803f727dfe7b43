/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/intern.h>: byte strings numbered by content, from 0 in order of arrival; never installed. Class
 * names, class keys and property names of a dump are compared as such numbers.
 */
#ifndef MIDDEN_INTERNAL_INTERN_H
#define MIDDEN_INTERNAL_INTERN_H

#include <midden/base.h>

#include <stddef.h>
#include <stdint.h>

#define MID__INTERN_NONE UINT32_MAX

/* Zero-initialised is empty. One thread at a time; readers alone may share. */
struct mid__intern {
    char *bytes;     /* all contents, one after another */
    size_t used, capacity;
    size_t *ends;    /* [count]: where each ends in `bytes` */
    uint32_t count, ends_capacity;
    uint32_t *slots; /* open addressing: number + 1, or 0 */
    uint32_t *hashes; /* [slot] */
    uint32_t slot_count; /* a power of two, or 0 */
};

/* The number of this content, which is new if it was not there. `bytes` may hold anything, `length` may be 0. Returns
 * MID_E_MEMORY, or MID_E_LIMIT at 2^30 contents; the table is then as before. O(length) on average. */
enum mid_status mid__intern_put(struct mid__intern *in, const void *bytes, size_t length, uint32_t *number);

/* The number of this content, or MID__INTERN_NONE. */
uint32_t mid__intern_find(const struct mid__intern *in, const void *bytes, size_t length);

/* The content of `number` < count; not terminated. Valid until the next put. */
const char *mid__intern_get(const struct mid__intern *in, uint32_t number, size_t *length);

/* The order of two contents, byte by byte, as memcmp's; a beginning comes before the whole. */
int mid__intern_compare(const struct mid__intern *in, uint32_t a, uint32_t b);

void mid__intern_free(struct mid__intern *in);

#endif
