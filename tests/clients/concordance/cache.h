/* SPDX-License-Identifier: MIT
 * A bounded cache of text lines that drops the least recently used one; it lives in the collected heap. */
#ifndef CONCORDANCE_CACHE_H
#define CONCORDANCE_CACHE_H

#include <midden/chain.h>
#include <midden/roots.h>

struct line_cache {
    struct mid_heap *heap;
    struct mid_type cache_type, line_type, table_type, pieces_type;
    struct mid_persistent *cache; /* the root of all lines */
    uint64_t hits, misses, evictions;
};

/* Keeps at most `lines` lines (1 to 1 << 20). */
enum mid_status line_cache_init(struct line_cache *cache, struct mid_heap *heap, uint32_t lines);
void line_cache_end(struct line_cache *cache);

/* Keeps the text of a line as buffers that own its slices: one more count of each, not a byte is copied. May collect.
 * MID_E_LIMIT when the heap refuses; the cache is then as before. */
enum mid_status line_cache_put(struct line_cache *cache, uint32_t file, uint32_t number, const struct mid_chain *text);

/* Appends the text of a line to `out`; false when it is not kept. Makes it the most recently used. */
bool line_cache_get(struct line_cache *cache, uint32_t file, uint32_t number, struct mid_chain *out);

/* Drops all lines of a file number at or above `first_file`, or (0) all there are. */
void line_cache_drop(struct line_cache *cache, uint32_t first_file);

uint32_t line_cache_count(const struct line_cache *cache);

#endif
