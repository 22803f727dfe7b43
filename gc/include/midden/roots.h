/* SPDX-License-Identifier: MIT
 *
 * <midden/roots.h>: how a program says which objects it still uses. The collector knows exactly these roots, updates
 * them when objects move, and a snapshot shows each by its kind and label.
 *
 *   local       a slot of the innermost handle scope; ends with the scope       two or three instructions
 *   persistent  a handle that lives until it is released                        a record of 40 bytes
 *   weak        a handle that does not keep its object and is cleared with it   a record of 104 bytes
 *   pin         keeps its object where it is                                    a record of 40 bytes
 *   callback    the program shows slots of its own at each collection           for stacks and tables of a runtime
 *
 * No function here collects but mid_pin_new. All belong to the heap's one mutator.
 */
#ifndef MIDDEN_ROOTS_H
#define MIDDEN_ROOTS_H

#include <midden/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- locals ------------------------------------------------------------------------------------------------------ */

/* A handle scope, on the C stack. Its content is no interface. */
struct mid_scope {
    struct mid_ref *top;
    struct mid_ref *limit;
};

/* Opens a scope; locals made from now on die at the matching end. Scopes nest strictly, like blocks of C. A heap begins
 * with one scope open that never ends. */
static inline void mid_scope_begin(struct mid_heap *heap, struct mid_scope *scope);
static inline void mid_scope_end(struct mid_heap *heap, struct mid_scope *scope);

/* Ends the scope and carries one reference out of it. */
static inline struct mid_ref mid_scope_return(struct mid_heap *heap, struct mid_scope *scope, struct mid_ref ref);

/* Makes a local that holds `ref` (or null). Every 1,000 locals or so the heap takes 8 KB more from malloc; if that fails
 * the slot's `at` is NULL. Where that must not be, reserve first. */
static inline struct mid_slot mid_local(struct mid_heap *heap, struct mid_ref ref);

/* The next `count` (up to 512) locals of the innermost scope cannot fail. MID_E_INVALID for more, MID_E_MEMORY. */
MID_API enum mid_status mid_scope_reserve(struct mid_heap *heap, size_t count);

/* Reads and writes a slot that is a root. (A slot in an object is written by mid_store.) */
static inline struct mid_ref mid_get(struct mid_slot slot);
static inline void mid_set(struct mid_slot slot, struct mid_ref ref);

/* ---- persistent handles -------------------------------------------------------------------------------------------- */

struct mid_persistent {
    struct mid_ref ref; /* read it; write it by mid_persistent_set */
};

/* Makes a handle that keeps `ref` (or null) alive. `label` (static storage, or NULL) names it in a snapshot: a handle of
 * the program's globals is best called by its name. NULL when there is no memory. O(1). */
MID_API struct mid_persistent *mid_persistent_new(struct mid_heap *heap, struct mid_ref ref, const char *label);
MID_API void mid_persistent_set(struct mid_heap *heap, struct mid_persistent *handle, struct mid_ref ref);

/* Ends it. NULL does nothing. */
MID_API void mid_persistent_release(struct mid_heap *heap, struct mid_persistent *handle);

static inline struct mid_ref mid_persistent_get(const struct mid_persistent *handle);

/* ---- weak handles -------------------------------------------------------------------------------------------------- */

struct mid_weak;

/* Called outside the collection, in the manner of a finalizer, after the handle was cleared; may do all that a finalizer
 * may, and release the handle. */
typedef void (*mid_weak_fn)(void *user, struct mid_heap *heap, struct mid_weak *handle);

/* Makes a handle that does not keep `ref` alive. Scavenges and full collections clear it when the object is found dead,
 * before finalizers see the object, and then call `cleared` (or NULL). NULL when there is no memory. O(1). */
MID_API struct mid_weak *mid_weak_new(struct mid_heap *heap, struct mid_ref ref, const char *label, mid_weak_fn cleared,
                                      void *user);

/* The object, or null when it is dead. While marking this keeps the object alive for the rest of the cycle. */
MID_API struct mid_ref mid_weak_get(struct mid_heap *heap, struct mid_weak *handle);

/* Ends it; `cleared` is not called any more. NULL does nothing. */
MID_API void mid_weak_release(struct mid_heap *heap, struct mid_weak *handle);

/* ---- pins ------------------------------------------------------------------------------------------------------------ */

struct mid_pin;

/* Makes a handle that keeps `ref` alive and where it is: until it is released no collection moves the object, and a pointer
 * into it may be handed to the system. A young object is moved to the old space first, by a scavenge that empties the
 * nursery: **may collect**. Large objects never move. A compaction passes over the whole block of 64 KiB around a pinned
 * object, so pins are best few or short. Several pins of one object are independent. NULL: `ref` is null, there is no
 * memory, the old space is at its limit, or the call came from a callback. O(1) but for the scavenge. */
MID_API struct mid_pin *mid_pin_new(struct mid_heap *heap, struct mid_ref ref);

/* The object, which is the same as long as the pin lives. Never collects. */
MID_API struct mid_ref mid_pin_get(const struct mid_pin *pin);

/* Ends it. NULL does nothing. Never collects. O(1). */
MID_API void mid_pin_release(struct mid_heap *heap, struct mid_pin *pin);

/* ---- root callbacks ------------------------------------------------------------------------------------------------ */

/* Shows slots of the program's own memory by mid_root_slot. Called at the start of a collection, by the verifier and by
 * walks; calls nothing else of the heap. Slots hold a reference or null; the collector updates them. */
struct mid_root_visitor;
typedef void (*mid_roots_fn)(void *user, struct mid_root_visitor *visitor);

/* Adds a callback; `label` (static, or NULL) names its group in a snapshot. The same pair (fn, user) twice is
 * MID_E_INVALID. MID_E_MEMORY. */
MID_API enum mid_status mid_roots_add(struct mid_heap *heap, const char *label, mid_roots_fn fn, void *user);

/* Takes it away. MID_E_INVALID when it is not there. */
MID_API enum mid_status mid_roots_remove(struct mid_heap *heap, mid_roots_fn fn, void *user);

/* From a callback: here is a slot. `label` (static, or NULL: the group's) names it in a snapshot. */
MID_API void mid_root_slot(struct mid_root_visitor *visitor, struct mid_slot slot, const char *label);

/* ---- inlined --------------------------------------------------------------------------------------------------------- */

MID_API struct mid_slot mid_local_slow(struct mid_heap *heap, struct mid_ref ref);
MID_API void mid_scope_end_slow(struct mid_heap *heap, struct mid_scope *scope);

static inline void mid_scope_begin(struct mid_heap *heap, struct mid_scope *scope)
{
    const struct mid__hot *hot = (const struct mid__hot *)heap;
    scope->top = hot->local_top;
    scope->limit = hot->local_limit;
}

static inline void mid_scope_end(struct mid_heap *heap, struct mid_scope *scope)
{
    struct mid__hot *hot = (struct mid__hot *)heap;
    if (MID__RARE(hot->local_limit != scope->limit))
        mid_scope_end_slow(heap, scope);
    hot->local_top = scope->top;
}

static inline struct mid_ref mid_scope_return(struct mid_heap *heap, struct mid_scope *scope, struct mid_ref ref)
{
    mid_scope_end(heap, scope);
    return ref;
}

static inline struct mid_slot mid_local(struct mid_heap *heap, struct mid_ref ref)
{
    struct mid__hot *hot = (struct mid__hot *)heap;
    struct mid_slot slot;
    if (MID__RARE(hot->local_top == hot->local_limit))
        return mid_local_slow(heap, ref);
    slot.at = hot->local_top++;
    *slot.at = ref;
    return slot;
}

static inline struct mid_ref mid_get(struct mid_slot slot)
{
    return *slot.at;
}

static inline void mid_set(struct mid_slot slot, struct mid_ref ref)
{
    *slot.at = ref;
}

static inline struct mid_ref mid_persistent_get(const struct mid_persistent *handle)
{
    return handle->ref;
}

#ifdef __cplusplus
}
#endif
#endif
