/* SPDX-License-Identifier: MIT
 *
 * <midden/weak_table.h>: tables whose entries are ephemerons. A table is an object of the heap; an entry (table, key,
 * value) keeps its value alive as long as table and key are both alive otherwise, and is taken out when the key dies. A
 * value that refers to its own key keeps neither: data can be hung on objects that know nothing of it, without a leak.
 *
 *     struct mid_slot extras = mid_local(heap, mid_weak_table_new(heap));
 *     mid_weak_table_set(heap, mid_get(extras), object, data);
 *     ... mid_weak_table_get(heap, mid_get(extras), object) ...       // the data, for as long as there is the object
 *
 * Keys are objects by identity: they may move as they like. An object that waits for its finalizer, or that such an object
 * refers to, keeps its entries until the finalizer has run and the object is found dead anew.
 *
 * None of these functions but mid_weak_table_new collects. All belong to the heap's one mutator. `table` must be a table.
 */
#ifndef MIDDEN_WEAK_TABLE_H
#define MIDDEN_WEAK_TABLE_H

#include <midden/heap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An empty table; null on refusal. It lives as long as something refers to it, and its entries die with it. In a snapshot
 * it is called "WeakMap", its edges are named as V8 names them. May collect. O(1). */
MID_API struct mid_ref mid_weak_table_new(struct mid_heap *heap);

/* True when the object is a table. */
MID_API bool mid_is_weak_table(struct mid_heap *heap, struct mid_ref ref);

/* Makes `value` the one that belongs to `key`; a null value takes the entry out. An entry costs some 70 bytes outside the
 * heap. MID_E_INVALID: `table` is no table, or `key` is null. MID_E_MEMORY: nothing has changed. MID_E_LIMIT: more than
 * 2^32 - 2 entries in the heap. O(1), O(tables that have this key) to be exact. */
MID_API enum mid_status mid_weak_table_set(struct mid_heap *heap, struct mid_ref table, struct mid_ref key,
                                           struct mid_ref value);

/* The value, or null when there is none. The same cost. */
MID_API struct mid_ref mid_weak_table_get(struct mid_heap *heap, struct mid_ref table, struct mid_ref key);

/* Takes the entry out; false when there was none. The same cost. */
MID_API bool mid_weak_table_remove(struct mid_heap *heap, struct mid_ref table, struct mid_ref key);

/* Entries, those included whose key is dead and has not been found so by a collection yet. O(1). */
MID_API size_t mid_weak_table_count(struct mid_heap *heap, struct mid_ref table);

#ifdef __cplusplus
}
#endif
#endif
