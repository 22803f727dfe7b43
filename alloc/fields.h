/* SPDX-License-Identifier: MIT
 *
 * fields.h: the fields of the statistics, once, with what they are: for JSON and OpenMetrics. F(kind, name, help); a GAUGE
 * goes up and down, a COUNTER only up. FLAG is a gauge of 0 or 1. The comments in <midden/pool.h> say more.
 */
#ifndef MIDDEN_ALLOC_FIELDS_H
#define MIDDEN_ALLOC_FIELDS_H

#define MID__POOL_FIELDS(F)                                                                                            \
    F(GAUGE, limit_bytes, "Limit of committed bytes, 0 for none")                                                      \
    F(GAUGE, live_buffers, "Buffers handed out and not released")                                                      \
    F(GAUGE, requested_bytes, "Bytes that the holders of live buffers asked for")                                      \
    F(FLAG, requested_is_exact, "Whether requested bytes are exact")                                                   \
    F(GAUGE, rounded_bytes, "Bytes that live buffers take up in their slabs")                                          \
    F(GAUGE, cached_bytes, "Bytes of released buffers in the caches of threads")                                       \
    F(GAUGE, pinned_bytes, "Free bytes in slabs that a live neighbour keeps")                                          \
    F(GAUGE, lost_bytes, "Pinned bytes that no allocation can use before the neighbours go")                           \
    F(GAUGE, slab_bytes, "Bytes of slabs that hold small buffers")                                                     \
    F(GAUGE, large_bytes, "Bytes of slabs and mappings of large buffers")                                              \
    F(GAUGE, empty_bytes, "Bytes of empty slabs kept ready")                                                           \
    F(GAUGE, spare_bytes, "Bytes touched before and free for any use")                                                 \
    F(GAUGE, committed_bytes, "Bytes of slabs, large buffers and reserves")                                            \
    F(GAUGE, released_page_bytes, "Bytes of pages inside slabs that were given back")                                  \
    F(GAUGE, reserved_bytes, "Address space mapped for buffers")                                                       \
    F(GAUGE, metadata_bytes, "Address space mapped for tables")                                                        \
    F(GAUGE, resident_bytes, "Bytes of reserved address space in memory")                                              \
    F(GAUGE, requested_peak_bytes, "High-water mark of requested bytes")                                               \
    F(GAUGE, rounded_peak_bytes, "High-water mark of rounded and cached bytes")                                        \
    F(GAUGE, committed_peak_bytes, "High-water mark of committed bytes")                                               \
    F(GAUGE, slabs_full, "Runs of slabs without room")                                                                 \
    F(GAUGE, slabs_partial, "Runs of slabs with room")                                                                 \
    F(GAUGE, slabs_empty, "Runs of slabs without a buffer")                                                            \
    F(GAUGE, slabs_large, "Large buffers")                                                                             \
    F(GAUGE, regions, "Mapped regions")                                                                                \
    F(COUNTER, allocs, "Calls that took a buffer")                                                                     \
    F(COUNTER, releases, "Calls that gave a buffer back")                                                              \
    F(COUNTER, refused_limit, "Allocations refused for the limit")                                                     \
    F(COUNTER, refused_memory, "Allocations refused by the system or for their size")                                  \
    F(COUNTER, misuses, "Misuses reported")                                                                            \
    F(COUNTER, cache_misses, "Calls that no thread cache could serve by itself")                                       \
    F(COUNTER, depot_exchanges, "Magazines passed between threads and depot")                                          \
    F(GAUGE, thread_caches, "Threads with a cache")

/* Of a size class; the label is its buffer_bytes. */
#define MID__CLASS_FIELDS(F)                                                                                           \
    F(GAUGE, slab_bytes, "Bytes of one run of slabs of the class")                                                     \
    F(GAUGE, slab_buffers, "Buffers in one run of slabs of the class")                                                 \
    F(GAUGE, slabs_full, "Runs of slabs of the class without room")                                                    \
    F(GAUGE, slabs_partial, "Runs of slabs of the class with room")                                                    \
    F(GAUGE, slabs_empty, "Runs of slabs of the class without a buffer")                                               \
    F(GAUGE, live_buffers, "Live buffers of the class")                                                                \
    F(GAUGE, requested_bytes, "Requested bytes of the class")                                                          \
    F(GAUGE, rounded_bytes, "Rounded bytes of the class")                                                              \
    F(GAUGE, cached_bytes, "Cached bytes of the class")                                                                \
    F(GAUGE, pinned_bytes, "Pinned bytes of the class")                                                                \
    F(COUNTER, allocs, "Calls that took a buffer of the class")                                                        \
    F(COUNTER, releases, "Calls that gave a buffer of the class back")

/* Of a thread's cache; the label is its index. */
#define MID__CACHE_FIELDS(F)                                                                                           \
    F(FLAG, in_use, "Whether a thread has the cache")                                                                  \
    F(GAUGE, cached_buffers, "Buffers in the cache")                                                                   \
    F(GAUGE, cached_bytes, "Bytes of the buffers in the cache")                                                        \
    F(COUNTER, hits, "Allocations that the cache served by itself")                                                    \
    F(COUNTER, alloc_misses, "Allocations that it could not serve by itself")                                          \
    F(COUNTER, release_misses, "Releases that it had no room for")

#endif
