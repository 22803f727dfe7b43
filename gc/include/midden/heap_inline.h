/* SPDX-License-Identifier: MIT
 *
 * <midden/heap_inline.h>: the hot paths of <midden/heap.h> and <midden/roots.h>, and nothing else. Each is a few
 * instructions with one unlikely exit to a function that is never inlined. Names that begin with mid__ or end with _slow are no interface.
 *
 * The barrier. A store needs the collector's attention only when the holder is not young and
 *   - idle:    the value is young (the slot must be remembered);
 *   - marking: whatever the value is (the value that the store deletes must be marked: a snapshot at the beginning).
 * Both are "the value lies in the range of interest": the nursery when idle, all addresses when marking. So one check
 * serves both, and the phase only moves the range. See Note [Barrier] in gc/remset.c.
 */
#ifndef MIDDEN_HEAP_INLINE_H
#define MIDDEN_HEAP_INLINE_H

#include <midden/heap.h>

#include <string.h>

#if defined(__GNUC__)
#define MID__RARE(x) __builtin_expect(!!(x), 0)
#else
#define MID__RARE(x) (x)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The first words of every struct mid_heap (asserted in gc/heap.c). */
struct mid__hot {
    uintptr_t top;            /* the next object of the nursery begins here ... */
    uintptr_t limit;          /* ... and must end at or below here; the bytes between are zero */
    uintptr_t young_base;     /* both semispaces lie in [young_base, young_base + young_bytes) */
    uintptr_t young_bytes;
    uintptr_t interest_base;  /* the barrier's range of interest */
    uintptr_t interest_bytes;
    struct mid_ref *local_top; /* the next local of the innermost scope */
    struct mid_ref *local_limit;
};

/* The header word. */
#define MID__HEADER_SHIFT 24
#define MID__HEADER_TYPE_MASK ((uint64_t)0xffff << 8)

MID_API struct mid_ref mid_new_slow(struct mid_heap *heap, uint64_t header);
MID_API struct mid_ref mid_new_tail_slow(struct mid_heap *heap, uint64_t header, size_t length, unsigned shift);
MID_API void mid_store_slow(struct mid_heap *heap, struct mid_ref holder, struct mid_ref *field,
                             struct mid_ref value);

static inline struct mid_ref mid_null(void)
{
    struct mid_ref ref = {NULL};
    return ref;
}

static inline bool mid_is_null(struct mid_ref ref)
{
    return ref.object == NULL;
}

static inline bool mid_same(struct mid_ref a, struct mid_ref b)
{
    return a.object == b.object;
}

static inline void *mid_data(struct mid_ref ref)
{
    return (char *)ref.object + 8;
}

static inline uint64_t mid__header(struct mid_ref ref)
{
    uint64_t header;
    memcpy(&header, ref.object, sizeof header);
    return header;
}

static inline size_t mid_bytes(struct mid_ref ref)
{
    return (size_t)(mid__header(ref) >> MID__HEADER_SHIFT);
}

static inline bool mid_is_a(struct mid_ref ref, struct mid_type type)
{
    return ((mid__header(ref) ^ type.header) & MID__HEADER_TYPE_MASK) == 0;
}

static inline struct mid_ref mid_new(struct mid_heap *heap, struct mid_type type)
{
    struct mid__hot *hot = (struct mid__hot *)heap;
    uintptr_t at = hot->top;
    uintptr_t end = at + 8 + (uintptr_t)(type.header >> MID__HEADER_SHIFT);
    struct mid_ref ref;
    if (MID__RARE(end > hot->limit))
        return mid_new_slow(heap, type.header);
    hot->top = end;
    ref.object = (struct mid_object *)at;
    memcpy(ref.object, &type.header, sizeof type.header);
    return ref;
}

/* A tail of `length` elements of 1 << shift bytes. */
static inline struct mid_ref mid__new_tail(struct mid_heap *heap, struct mid_type type, size_t length, unsigned shift)
{
    struct mid__hot *hot = (struct mid__hot *)heap;
    if (MID__RARE(length > MID_YOUNG_BYTES))
        return mid_new_tail_slow(heap, type.header, length, shift);
    {
        uint64_t header = type.header + ((uint64_t)length << (shift + MID__HEADER_SHIFT));
        size_t bytes = 8 + (((size_t)(header >> MID__HEADER_SHIFT) + 7) & ~(size_t)7);
        uintptr_t at = hot->top;
        struct mid_ref ref;
        if (MID__RARE(bytes > MID_YOUNG_BYTES || at + bytes > hot->limit))
            return mid_new_tail_slow(heap, type.header, length, shift);
        hot->top = at + bytes;
        ref.object = (struct mid_object *)at;
        memcpy(ref.object, &header, sizeof header);
        return ref;
    }
}

static inline struct mid_ref mid_new_array(struct mid_heap *heap, struct mid_type type, size_t length)
{
    return mid__new_tail(heap, type, length, 3);
}

static inline struct mid_ref mid_new_bytes(struct mid_heap *heap, struct mid_type type, size_t bytes)
{
    return mid__new_tail(heap, type, bytes, 0);
}

static inline void mid_store(struct mid_heap *heap, struct mid_ref holder, struct mid_ref *field, struct mid_ref value)
{
    const struct mid__hot *hot = (const struct mid__hot *)heap;
    if (MID__RARE((uintptr_t)value.object - hot->interest_base < hot->interest_bytes) &&
        (uintptr_t)holder.object - hot->young_base >= hot->young_bytes)
        mid_store_slow(heap, holder, field, value);
    else
        *field = value;
}

static inline void mid_init_field(struct mid_ref *field, struct mid_ref value)
{
    *field = value;
}

static inline struct mid_ref mid_array_get(struct mid_ref array, size_t index)
{
    return ((struct mid_ref *)mid_data(array))[index];
}

static inline void mid_array_set(struct mid_heap *heap, struct mid_ref array, size_t index, struct mid_ref value)
{
    mid_store(heap, array, (struct mid_ref *)mid_data(array) + index, value);
}

#ifdef __cplusplus
}
#endif
#endif
