/* SPDX-License-Identifier: MIT
 *
 * roots.c: the slots from which everything alive is reached.
 *
 * Locals are bumped out of parts of 1,022 slots; a scope is two saved pointers. Leaving a part notes in it where its used
 * slots end, so that all locals are: in each part before the current one [slots, top), in the current [slots, hot.local_top).
 *
 *     locals_first -> | used ......... top | -> | used ... hot.local_top | free | -> one spare part
 *
 * Persistent handles are records in parts of 127, chained free ones first. Those that may refer to young objects are on a
 * list of their own, so that a scavenge looks at these alone; the list has room for every handle, reserved when handles
 * are made, since a store to a handle cannot fail.
 *
 *   I1  hot.local_limit is the end of locals_current's slots
 *   I2  a handle that refers to a young object is in use and on the list; one on the list says so (`listed`)
 *   I3  a pin refers to no young object, and block->pins is the number of pins of objects in that block
 *
 * Locals and the slots of callbacks have no write barrier: a marking reads them all at its beginning (Note [Snapshot at the
 * beginning]). Persistent handles and the queue of finalizers it reads by and by, and what is deleted from them meanwhile
 * is shaded.
 */
#include "internal.h"

#include <stdlib.h>

/* ---- locals ------------------------------------------------------------------------------------------------------------- */

static void enter(struct mid_heap *heap, struct mid__locals *part)
{
    heap->locals_current = part;
    heap->hot.local_top = part->slots;
    heap->hot.local_limit = part->slots + MID__LOCALS;
}

static bool next_part(struct mid_heap *heap)
{
    struct mid__locals *current = heap->locals_current;
    if (current->next == NULL) {
        struct mid__locals *part = malloc(sizeof *part);
        if (part == NULL)
            return false;
        part->next = NULL;
        part->prev = current;
        current->next = part;
    }
    current->top = heap->hot.local_top;
    enter(heap, current->next);
    return true;
}

struct mid_slot mid_local_slow(struct mid_heap *heap, struct mid_ref ref)
{
    struct mid_slot slot = {NULL};
    if (next_part(heap)) {
        slot.at = heap->hot.local_top++;
        *slot.at = ref;
    }
    return slot;
}

enum mid_status mid_scope_reserve(struct mid_heap *heap, size_t count)
{
    if (count > 512)
        return MID_E_INVALID;
    if ((size_t)(heap->hot.local_limit - heap->hot.local_top) >= count)
        return MID_OK;
    return next_part(heap) ? MID_OK : MID_E_MEMORY;
}

/* The scope was opened in an earlier part: goes back to it, and keeps one part behind it for the next time. */
void mid_scope_end_slow(struct mid_heap *heap, struct mid_scope *scope)
{
    struct mid__locals *part = heap->locals_current;
    while (part->prev != NULL && part->slots + MID__LOCALS != scope->limit)
        part = part->prev;
    enter(heap, part);
    struct mid__locals *spare = part->next;
    if (spare == NULL)
        return;
    for (struct mid__locals *p = spare->next, *next; p != NULL; p = next) {
        next = p->next;
        free(p);
    }
    spare->next = NULL;
}

static void each_local(struct mid_heap *heap, void (*fn)(void *context, struct mid_ref *slot), void *context)
{
    for (struct mid__locals *part = heap->locals_first;; part = part->next) {
        bool last = part == heap->locals_current;
        struct mid_ref *end = last ? heap->hot.local_top : part->top;
        for (struct mid_ref *slot = part->slots; slot < end; slot++)
            fn(context, slot);
        if (last)
            return;
    }
}

/* ---- persistent handles ------------------------------------------------------------------------------------------------- */

static bool add_handles(struct mid_heap *heap)
{
    size_t capacity = heap->handle_capacity + MID__HANDLES;
    struct mid__handle **list = realloc(heap->young_handles, capacity * sizeof(struct mid__handle *));
    if (list == NULL)
        return false;
    heap->young_handles = list;
    struct mid__handles *part = calloc(1, sizeof *part);
    if (part == NULL)
        return false;
    heap->handle_capacity = capacity;
    part->next = heap->handles;
    heap->handles = part;
    for (size_t i = MID__HANDLES; i-- > 0;) {
        part->handles[i].next_free = heap->handle_free;
        heap->handle_free = &part->handles[i];
    }
    return true;
}

struct mid_persistent *mid_persistent_new(struct mid_heap *heap, struct mid_ref ref, const char *label)
{
    if (heap->handle_free == NULL && !add_handles(heap))
        return NULL;
    struct mid__handle *handle = heap->handle_free;
    heap->handle_free = handle->next_free;
    handle->used = true;
    handle->label = label;
    heap->handle_count++;
    mid_persistent_set(heap, &handle->face, ref);
    return &handle->face;
}

/* The handles are the one kind of root that a marking reads by and by: until it has, what one of them refers to must not
 * get lost. */
static void shade_deleted(struct mid_heap *heap, const struct mid__handle *handle)
{
    uintptr_t object = (uintptr_t)handle->face.ref.object;
    if (MID__UNLIKELY(heap->mark.root_part != NULL) && object != 0 && !mid__is_young(heap, object))
        mid__mark_shade(heap, object);
}

void mid_persistent_set(struct mid_heap *heap, struct mid_persistent *face, struct mid_ref ref)
{
    struct mid__handle *handle = (struct mid__handle *)face;
    shade_deleted(heap, handle);
    handle->face.ref = ref;
    if (!handle->listed && mid__is_young(heap, (uintptr_t)ref.object)) {
        handle->listed = true;
        heap->young_handles[heap->young_handle_count++] = handle;
    }
}

static void chain_free(struct mid_heap *heap, struct mid__handle *handle)
{
    handle->next_free = heap->handle_free;
    heap->handle_free = handle;
}

void mid_persistent_release(struct mid_heap *heap, struct mid_persistent *face)
{
    struct mid__handle *handle = (struct mid__handle *)face;
    if (handle == NULL)
        return;
    shade_deleted(heap, handle);
    handle->used = false;
    handle->face.ref = mid_null();
    heap->handle_count--;
    if (!handle->listed) /* else the next scavenge takes it off the list, and then it is free */
        chain_free(heap, handle);
}

static void scavenge_handles(struct mid_heap *heap)
{
    size_t out = 0;
    for (size_t i = 0; i < heap->young_handle_count; i++) {
        struct mid__handle *handle = heap->young_handles[i];
        if (handle->used)
            mid__nursery_keep(heap, &handle->face.ref);
        if (handle->used && mid__is_young(heap, (uintptr_t)handle->face.ref.object)) {
            heap->young_handles[out++] = handle;
            continue;
        }
        handle->listed = false;
        if (!handle->used)
            chain_free(heap, handle);
    }
    heap->young_handle_count = out;
}

/* ---- pins --------------------------------------------------------------------------------------------------------------------- */

/* False when the block has no room for one more. */
static bool count_pin(struct mid_pin *pin)
{
    uintptr_t object = (uintptr_t)pin->ref.object;
    if (mid__chunk_of(object)->kind == MID__CHUNK_OLD) {
        if (mid__block_of(object)->pins == MID__AMBIGUOUS - 1)
            return false;
        mid__block_of(object)->pins++;
    }
    return pin->counted = true;
}

static void unlink_pin(struct mid_heap *heap, struct mid_pin *pin)
{
    if (pin->next != NULL)
        pin->next->prev = pin->prev;
    if (pin->prev != NULL)
        pin->prev->next = pin->next;
    else
        heap->pins = pin->next;
    heap->pin_count--;
    free(pin);
}

/* The record is a root from the first on: the scavenge finds the object through it, and updates it. */
struct mid_pin *mid_pin_new(struct mid_heap *heap, struct mid_ref ref)
{
    if (heap->busy != 0 || mid_is_null(ref))
        return NULL;
    struct mid_pin *pin = calloc(1, sizeof *pin);
    if (pin == NULL)
        return NULL;
    pin->ref = ref;
    pin->next = heap->pins;
    if (pin->next != NULL)
        pin->next->prev = pin;
    heap->pins = pin;
    heap->pin_count++;
    if (mid__is_young(heap, (uintptr_t)ref.object))
        mid__collect_promote(heap, "pin");
    if (mid__is_young(heap, (uintptr_t)pin->ref.object) || !count_pin(pin)) {
        unlink_pin(heap, pin);
        pin = NULL;
    }
    mid__after_collection_some(heap); /* may move everything else */
    return pin;
}

struct mid_ref mid_pin_get(const struct mid_pin *pin)
{
    return pin->ref;
}

void mid_pin_release(struct mid_heap *heap, struct mid_pin *pin)
{
    if (pin == NULL)
        return;
    if (mid__chunk_of((uintptr_t)pin->ref.object)->kind == MID__CHUNK_OLD)
        mid__block_of((uintptr_t)pin->ref.object)->pins--;
    unlink_pin(heap, pin);
}

static void each_pin(struct mid_heap *heap, void (*fn)(void *context, struct mid_ref *slot), void *context)
{
    for (struct mid_pin *pin = heap->pins; pin != NULL; pin = pin->next)
        fn(context, &pin->ref);
}

/* ---- callbacks -------------------------------------------------------------------------------------------------------------- */

static struct mid__roots_entry *find_callback(struct mid_heap *heap, mid_roots_fn fn, void *user)
{
    for (size_t i = 0; i < heap->root_count; i++)
        if (heap->root_entries[i].fn == fn && heap->root_entries[i].user == user)
            return &heap->root_entries[i];
    return NULL;
}

enum mid_status mid_roots_add(struct mid_heap *heap, const char *label, mid_roots_fn fn, void *user)
{
    if (fn == NULL || find_callback(heap, fn, user) != NULL)
        return MID_E_INVALID;
    struct mid__roots_entry *grown = realloc(heap->root_entries, (heap->root_count + 1) * sizeof *grown);
    if (grown == NULL)
        return MID_E_MEMORY;
    heap->root_entries = grown;
    heap->root_entries[heap->root_count++] = (struct mid__roots_entry){fn, user, label};
    return MID_OK;
}

enum mid_status mid_roots_remove(struct mid_heap *heap, mid_roots_fn fn, void *user)
{
    struct mid__roots_entry *entry = find_callback(heap, fn, user);
    if (entry == NULL)
        return MID_E_INVALID;
    for (struct mid__roots_entry *end = heap->root_entries + --heap->root_count; entry < end; entry++)
        entry[0] = entry[1];
    return MID_OK;
}

void mid_root_slot(struct mid_root_visitor *visitor, struct mid_slot slot, const char *label)
{
    visitor->visit(visitor->context, slot.at, label);
}

struct plain_visit {
    void (*fn)(void *context, struct mid_ref *slot);
    void *context;
};

static void visit_plain(void *context, struct mid_ref *slot, const char *label)
{
    struct plain_visit *visit = context;
    (void)label;
    visit->fn(visit->context, slot);
}

static void each_callback(struct mid_heap *heap, void (*fn)(void *context, struct mid_ref *slot), void *context)
{
    struct plain_visit visit = {fn, context};
    struct mid_root_visitor visitor = {visit_plain, &visit};
    for (size_t i = 0; i < heap->root_count; i++)
        heap->root_entries[i].fn(heap->root_entries[i].user, &visitor);
}

static void each_waiting(struct mid_heap *heap, void (*fn)(void *context, struct mid_ref *slot), void *context)
{
    for (size_t i = heap->waiting_first; i < heap->waiting_count; i++)
        fn(context, &heap->waiting[i].object);
}

/* ---- all of them -------------------------------------------------------------------------------------------------------------- */

static void keep_root(void *heap, struct mid_ref *slot)
{
    mid__nursery_keep(heap, slot);
}

void mid__roots_scavenge(struct mid_heap *heap)
{
    each_local(heap, keep_root, heap);
    if (heap->pins != NULL)
        keep_root(heap, &heap->pins->ref); /* the newest alone can be young: it is being made */
    scavenge_handles(heap);
    each_callback(heap, keep_root, heap);
    each_waiting(heap, keep_root, heap);
}

/* Those that the program writes without telling: a marking reads them at its begin. */
void mid__roots_without_barrier(struct mid_heap *heap, void (*fn)(void *context, struct mid_ref *slot), void *context)
{
    each_local(heap, fn, context);
    each_pin(heap, fn, context);
    each_callback(heap, fn, context);
}

void mid__roots_each(struct mid_heap *heap, void (*fn)(void *context, struct mid_ref *slot), void *context)
{
    each_local(heap, fn, context);
    each_pin(heap, fn, context);
    for (struct mid__handles *part = heap->handles; part != NULL; part = part->next)
        for (size_t i = 0; i < MID__HANDLES; i++)
            if (part->handles[i].used)
                fn(context, &part->handles[i].face.ref);
    each_callback(heap, fn, context);
    each_waiting(heap, fn, context);
}

bool mid__roots_init(struct mid_heap *heap)
{
    heap->locals_first = malloc(sizeof *heap->locals_first);
    if (heap->locals_first == NULL)
        return false;
    heap->locals_first->next = heap->locals_first->prev = NULL;
    enter(heap, heap->locals_first);
    return true;
}

void mid__roots_free(struct mid_heap *heap)
{
    for (struct mid__locals *part = heap->locals_first, *next; part != NULL; part = next) {
        next = part->next;
        free(part);
    }
    for (struct mid__handles *part = heap->handles, *next; part != NULL; part = next) {
        next = part->next;
        free(part);
    }
    while (heap->pins != NULL)
        unlink_pin(heap, heap->pins);
    free(heap->young_handles);
    free(heap->root_entries);
}
