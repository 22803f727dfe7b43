/* SPDX-License-Identifier: MIT
 * The allocation sites of a heap, as the snapshot writer wants them. */
#ifndef MIDDEN_ADAPTER_SITES_H
#define MIDDEN_ADAPTER_SITES_H

#include <midden/snapshot.h>

#include <stdbool.h>

struct mid_heap;

struct mid__sites {
    struct mid_snapshot_function *functions;
    struct mid_snapshot_site *sites;
    size_t function_count, site_count;
    uint64_t sample_bytes;
    bool failed;
};

/* What the heap has sampled; nothing when it never did. Calls the dynamic loader: not in a forked child. False: no memory, and
 * there is still something to free. */
bool mid__sites_gather(struct mid_heap *heap, struct mid__sites *out);
void mid__sites_into(const struct mid__sites *sites, struct mid_snapshot_source *source);
void mid__sites_free_gathered(struct mid__sites *sites);

#endif
