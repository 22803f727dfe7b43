/* SPDX-License-Identifier: MIT
 *
 * <midden/sites.h>: who allocated what is alive. One object in so many bytes is *sampled*: the frames that were active when it was
 * born are remembered, and the record follows the object until it dies. Fit for production: with one sample in 512 KiB the fast
 * path of allocation is as it was, and a million live objects of 64 bytes have 120 records.
 *
 *     options.sample_bytes = 512 << 10;       or  mid_heap_sample(heap, 512 << 10), or MIDDEN=sample=512K
 *     ...
 *     mid_heap_sites(heap, show, NULL);       and every snapshot of the heap has the sites, too
 *
 * The distances between samples are exponential with this mean (a Poisson process over the bytes allocated), and drawn from a
 * generator that begins alike in every heap: the same program samples the same objects. An object of n bytes is sampled with
 * chance 1 - exp(-n / mean), so a sample stands for n divided by this chance: that sum is the unbiased estimate of all bytes.
 *
 * Frames are the program's own, when it gives a callback (options.site: an interpreter has functions with names and lines), else
 * return addresses of the C stack; a snapshot shows these by symbol, or as module and offset for addr2line.
 */
#ifndef MIDDEN_SITES_H
#define MIDDEN_SITES_H

#include <midden/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* So many frames of a stack are kept, the innermost ones. */
#define MID_FRAMES_MAX 32

/* At most so many different stacks are kept apart in a heap; what comes beyond counts for the longest part of its stack, from
 * the outermost frame on, that is known. */
#define MID_SITES_MAX 65536

struct mid_frame {
    const char *name;   /* of the function, UTF-8; NULL: none is known */
    const char *script; /* file or module; NULL: none */
    uint64_t address;   /* of the C stack: an address within the call; else what the program likes, 0 */
    uint32_t line, column; /* from 1; 0: not known */
};

/* Begins, changes or (0) ends sampling, from the next allocation on. Records of objects that are sampled already stay until these
 * die. MID_E_INVALID: not below 2^62. Never collects. */
MID_API enum mid_status mid_heap_sample(struct mid_heap *heap, size_t mean_bytes);

/* The mean distance between samples; once sampling has ended, the last one; 0: it never began. Never collects. */
MID_API size_t mid_heap_sample_bytes(const struct mid_heap *heap);

/* A node of the tree of calls. Its stack is its own frame and those of its ancestors. The figures are of objects allocated by
 * this very stack, not of those of its children. */
struct mid_site {
    size_t struct_size;
    uint32_t site;                 /* 1, 2, 3 ... */
    uint32_t parent;               /* below `site`; 0: this is an outermost frame */
    uint32_t function;             /* 1, 2, 3 ...: the same for equal frames */
    const struct mid_frame *frame; /* its texts live as long as the heap */
    uint64_t samples, sampled_bytes;           /* objects sampled here since the heap was made, and their own bytes */
    uint64_t live_samples, live_sampled_bytes; /* the part of it that no collection has found dead */
    uint64_t estimated_bytes;      /* of all objects allocated here while sampling was on */
    uint64_t live_estimated_bytes; /* of all of them that are alive */
};
typedef void (*mid_site_visit_fn)(void *user, const struct mid_site *site);

/* Shows every site, each after its parent, and returns how many. The visitor must not call the heap. Dead objects that no
 * collection has found yet count as alive: collect before if that matters. Never collects. O(sites). */
MID_API size_t mid_heap_sites(struct mid_heap *heap, mid_site_visit_fn visit, void *user);

#ifdef __cplusplus
}
#endif
#endif
