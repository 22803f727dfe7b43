/* SPDX-License-Identifier: MIT
 *
 * verify_pins.c: the part of verify.c that counts pins again: roots.I3.
 */
#include "internal.h"

void mid__verify_pins(struct mid_heap *heap, const struct mid__verify_face *face)
{
    size_t counted = 0, pinned = 0;
    for (const struct mid_pin *pin = heap->pins; pin != NULL; pin = pin->next) {
        uintptr_t object = (uintptr_t)pin->ref.object;
        if (!pin->counted)
            continue;
        if (!face->is_object(face->context, object) || mid__is_young(heap, object)) {
            face->broken(face->context, "roots.I3", pin, "a pin of what is no old object");
            return;
        }
        if (mid__chunk_of(object)->kind != MID__CHUNK_OLD)
            continue;
        pinned++;
        if (mid__block_of(object)->pins == 0)
            face->broken(face->context, "roots.I3", pin, "a pin that its block does not know of");
    }
    for (size_t i = 0; i < heap->chunk_count; i++)
        for (unsigned b = MID__FIRST_BLOCK; heap->chunks[i]->kind == MID__CHUNK_OLD && b < MID__BLOCKS; b++)
            counted += heap->chunks[i]->u.blocks[b].pins;
    if (counted != pinned)
        face->broken(face->context, "roots.I3", NULL, "the blocks count other pins than there are");
}
