/* SPDX-License-Identifier: MIT
 *
 * interrupt.c: work for the mutator that others ask for: a signal handler may set a flag and hardly more, and another thread may
 * not touch the heap. The flag is looked at where an allocation has left the fast path, once a window, so it costs the fast
 * path nothing; V8 (RequestInterrupt) and CPython (pending calls) do the same at their checks.
 *
 *   I1  callbacks run where the caller may collect and the heap is not busy
 *   I2  a request that comes while they run is seen the next time: the flag is taken back before the first call
 */
#include "internal.h"

static unsigned find(const struct mid_heap *heap, mid_interrupt_fn fn, const void *user)
{
    unsigned i = 0;
    while (i < heap->interrupt_count && (heap->interrupts[i].fn != fn || heap->interrupts[i].user != user))
        i++;
    return i;
}

enum mid_status mid_heap_on_interrupt(struct mid_heap *heap, mid_interrupt_fn fn, void *user)
{
    if (fn == NULL || find(heap, fn, user) < heap->interrupt_count)
        return MID_E_INVALID;
    if (heap->interrupt_count == MID__INTERRUPTS)
        return MID_E_LIMIT;
    heap->interrupts[heap->interrupt_count++] = (struct mid__interrupt){fn, user};
    return MID_OK;
}

enum mid_status mid_heap_off_interrupt(struct mid_heap *heap, mid_interrupt_fn fn, void *user)
{
    unsigned i = find(heap, fn, user);
    if (i == heap->interrupt_count)
        return MID_E_INVALID;
    heap->interrupts[i] = heap->interrupts[--heap->interrupt_count];
    return MID_OK;
}

void mid_heap_interrupt(struct mid_heap *heap)
{
    atomic_store_explicit(&heap->interrupted, true, memory_order_release); /* with the exchange in mid__interrupt_call */
}

/* Backwards: a callback may take itself away. */
void mid__interrupt_call(struct mid_heap *heap)
{
    if (!atomic_exchange_explicit(&heap->interrupted, false, memory_order_acquire)) /* with the store above */
        return;
    for (unsigned i = heap->interrupt_count; i-- > 0;)
        if (i < heap->interrupt_count)
            heap->interrupts[i].fn(heap->interrupts[i].user, heap);
}

enum mid_status mid_heap_run_interrupts(struct mid_heap *heap)
{
    if (heap->busy != 0)
        return MID_E_BUSY;
    mid__interrupt_check(heap);
    return MID_OK;
}
