/* SPDX-License-Identifier: MIT
 *
 * How the heap is seen from outside, and what it learns by looking at itself: the functions of adapt.c, pauses.c, chrome.c and
 * trend.c. Part of internal.h, which includes it.
 */
#ifndef MIDDEN_GC_OBSERVE_H
#define MIDDEN_GC_OBSERVE_H

#include "internal.h"

/* ---- adapt.c */
void mid__adapt_learn(struct mid_heap *heap, size_t filled, size_t marked, uint64_t mark_ns);
size_t mid__adapt_room(const struct mid_heap *heap, size_t live);

/* ---- trace.c */
extern const char *const mid__pause_names[MID_PAUSE_KINDS];

/* ---- pauses.c */
bool mid__pauses_init(struct mid_heap *heap);
void mid__pauses_free(struct mid_heap *heap);
void mid__pauses_note(struct mid_heap *heap, enum mid_pause phase, uint64_t wall, uint64_t wall_ns, uint64_t cpu,
                      uint64_t cpu_ns);
uint64_t mid__pauses_program_cpu(const struct mid_heap *heap, uint64_t cpu);
void mid__pauses_after_begin(struct mid_heap *heap);
void mid__pauses_after_end(struct mid_heap *heap);

/* ---- chrome.c */
void mid__chrome_part(struct mid_heap *heap, const char *name);
void mid__chrome_pause(struct mid_heap *heap, enum mid_pause phase, uint64_t wall, uint64_t wall_ns, uint64_t cpu,
                       uint64_t cpu_ns); /* wall by the clock, not since the heap was made */
void mid__chrome_collection(struct mid_heap *heap, const struct mid_collection *c);
void mid__chrome_event(struct mid_heap *heap, enum mid_event_kind event, const struct mid_collection *c);

/* Here begins a part of the present pause. */
MID__INLINE void mid__part(struct mid_heap *heap, const char *name)
{
    if (heap->chrome != NULL)
        mid__chrome_part(heap, name);
}

/* ---- trend.c */
void mid__trend(struct mid_heap *heap, const struct mid_collection *c);

#endif
