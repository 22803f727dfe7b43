/* SPDX-License-Identifier: MIT
 *
 * conservative.c: for embedders without handles (stack-scan=on): every word on the C stack and in the registers of the thread
 * that collects, and that looks like an address inside an object, keeps that object alive and where it is.
 *
 *     stack   | frames of the collector | frames of the program ............ | base
 *             ^ here: the registers, too, spilled by the compiler            ^ pthread_getattr_np
 *
 * *Interior pointers count*: any address from an object's header to the end of its cell, because compilers keep what they
 * need of a reference, a field's address or a cursor, and not the reference. An address one behind the end does not.
 *
 * *The nursery.* What an ambiguous word refers to must not move, for the word may be a number and cannot be updated. Bartlett
 * (1988) therefore does not copy what the stack refers to, but promotes the page around it where it stands. A nursery of
 * semispaces is emptied as a whole; objects that stay behind in it would leave it in pieces. So with stack-scan=on objects
 * are born where Bartlett's pages would be promoted to: in cells of the old space, which any object may keep for good. The
 * cost is said plainly: no generations, a call for each allocation, and marking does all the work. Handles, where a program
 * can have them, are the better choice.
 *
 * *Compaction* passes over each block that an ambiguous word refers into, as over one with a pin: the flag MID__AMBIGUOUS
 * in block->pins is set before and taken away afterwards. References from fields are exact, all others move.
 *
 * A marking in steps reads the stack at its begin, with the other roots that have no barrier; what is found later there was
 * in the snapshot or is newer (Note [Snapshot at the beginning] in mark.c).
 *
 * Registers: setjmp would do, but glibc's encrypts some of them in its buffer (the frame pointer, which may hold any value),
 * so the compiler is asked to spill all that a callee must preserve; the others are the caller's affair and on its frame.
 * AddressSanitizer keeps locals of some functions in frames on its own heap: a word that points into such a frame leads
 * there. Valgrind is told that each word is meant to be read.
 *
 * What it does not do: other threads' stacks, alternate signal stacks and coroutines are not read; a heap that is used by
 * several threads in turn keeps alive what the one that collects refers to, and no other.
 *
 * Source: Boehm and Weiser 1988; Bartlett 1988.
 */
#include "internal.h"

#include <pthread.h>

#if MID__ASAN
#include <sanitizer/asan_interface.h>
#define NO_ASAN __attribute__((no_sanitize_address))
#else
#define NO_ASAN
#endif

#if defined(MID_HAVE_VALGRIND) && MID_HAVE_VALGRIND
#include <valgrind/memcheck.h>
#define MEANT_TO_BE_READ(word) ((void)VALGRIND_MAKE_MEM_DEFINED(&(word), sizeof(word)))
#else
#define MEANT_TO_BE_READ(word) ((void)0)
#endif

struct scan {
    struct mid_heap *heap;
    uintptr_t low, high; /* of all chunks */
    void (*fn)(void *context, uintptr_t object);
    void *context;
};

/* ---- from a word to an object ---------------------------------------------------------------------------------------------------- */

static struct mid__chunk *chunk_around(const struct scan *s, uintptr_t word)
{
    for (size_t i = 0; i < s->heap->chunk_count; i++)
        if (word - (uintptr_t)s->heap->chunks[i] < s->heap->chunks[i]->bytes)
            return s->heap->chunks[i];
    return NULL;
}

/* The first word of the cell or run that an address may lie in, or 0. */
static uintptr_t cell_around(const struct scan *s, struct mid__chunk *chunk, uintptr_t word)
{
    uintptr_t first = (uintptr_t)chunk + MID__FIRST_BLOCK * MID__BLOCK_BYTES;
    if (word < first)
        return 0;
    if (chunk->kind == MID__CHUNK_HUGE)
        return word < first + chunk->object_bytes ? first : 0;
    if (chunk->kind == MID__CHUNK_LARGE)
        return chunk->u.large.run[(word - (uintptr_t)chunk) / MID__PAGE_BYTES] == 0 ? 0 : mid__old_object_of(s->heap, word);
    const struct mid__block *block = mid__block_of(word);
    size_t cell_bytes = block->cell_words * MID__WORD;
    if (block->state == MID__BLOCK_FREE || (word - mid__block_start(block)) / cell_bytes >= block->cells)
        return 0;
    return mid__old_object_of(s->heap, word);
}

static void look_at(const struct scan *s, uintptr_t word)
{
    if (word - s->low >= s->high - s->low)
        return;
    struct mid__chunk *chunk = chunk_around(s, word);
    uintptr_t object = chunk == NULL ? 0 : cell_around(s, chunk, word);
    if (object != 0 && mid__bit_get(object, s->heap->live_side))
        s->fn(s->context, object);
}

static NO_ASAN void scan_words(const struct scan *s, uintptr_t from, uintptr_t to)
{
#if MID__ASAN
    void *fake = __asan_get_current_fake_stack();
#endif
    for (uintptr_t at = from & ~(MID__WORD - 1); at < to; at += MID__WORD) {
        uintptr_t word = *(volatile const uintptr_t *)at;
        MEANT_TO_BE_READ(word);
        look_at(s, word);
#if MID__ASAN
        void *begin, *end;
        if (fake != NULL && __asan_addr_is_in_fake_stack(fake, (void *)word, &begin, &end) != NULL)
            for (uintptr_t inner = (uintptr_t)begin; inner < (uintptr_t)end; inner += MID__WORD)
                look_at(s, *(volatile const uintptr_t *)inner);
#endif
    }
}

/* ---- the stack ------------------------------------------------------------------------------------------------------------------- */

/* The end of this thread's stack; 0 when it cannot be told. Asked once a thread, since it costs a read of /proc. */
static uintptr_t stack_base(struct mid_heap *heap)
{
    pthread_attr_t attributes;
    pthread_t self = pthread_self();
    if (heap->stack_base != 0 && pthread_equal(heap->stack_thread, self))
        return heap->stack_base;
    void *lowest;
    size_t bytes;
    if (pthread_getattr_np(self, &attributes) != 0)
        return 0;
    if (pthread_attr_getstack(&attributes, &lowest, &bytes) == 0) {
        heap->stack_base = (uintptr_t)lowest + bytes;
        heap->stack_thread = self;
    }
    pthread_attr_destroy(&attributes);
    return heap->stack_base;
}

/* Calls fn for every object that a word of the stack or a register may refer to, once a word. */
MID__NOINLINE void mid__stack_each(struct mid_heap *heap, void (*fn)(void *context, uintptr_t object), void *context)
{
    MID__SPILL_REGISTERS();
    struct scan s = {.heap = heap, .low = UINTPTR_MAX, .fn = fn, .context = context};
    if (!heap->options.stack_scan || heap->chunk_count == 0)
        return;
    for (size_t i = 0; i < heap->chunk_count; i++) {
        uintptr_t begin = (uintptr_t)heap->chunks[i], end = begin + heap->chunks[i]->bytes;
        s.low = begin < s.low ? begin : s.low;
        s.high = end > s.high ? end : s.high;
    }
    scan_words(&s, (uintptr_t)__builtin_frame_address(0) - MID__SPILLED_BYTES, stack_base(heap));
}

/* ---- pins for a compaction ------------------------------------------------------------------------------------------------------------ */

static void flag(void *heap, uintptr_t object)
{
    (void)heap;
    if (mid__chunk_of(object)->kind == MID__CHUNK_OLD)
        mid__block_of(object)->pins |= MID__AMBIGUOUS;
}

void mid__stack_pin(struct mid_heap *heap)
{
    mid__stack_each(heap, flag, heap);
}

void mid__stack_unpin(struct mid_heap *heap)
{
    if (!heap->options.stack_scan)
        return;
    for (size_t i = 0; i < heap->chunk_count; i++)
        for (unsigned b = MID__FIRST_BLOCK; heap->chunks[i]->kind == MID__CHUNK_OLD && b < MID__BLOCKS; b++)
            heap->chunks[i]->u.blocks[b].pins &= (uint16_t)~MID__AMBIGUOUS;
}
