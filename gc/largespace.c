/* SPDX-License-Identifier: MIT
 *
 * largespace.c: objects of more than MID_YOUNG_BYTES. They are never moved. Up to 1 MiB they take runs of pages in chunks
 * that they share (first fit over a bitmap of pages); above, each has a mapping of its own, whose first 4 MiB are laid out
 * like any chunk, so that the object's bits are found in the same way.
 *
 *     large chunk  | side bitmaps | pages: object A A A | free | B B | free ...
 *     huge         | side bitmaps | one object ... any length ...              | slot bits of the object |
 *
 *   I1  run[] of an object's first page is its length in pages, of each later page MID__RUN_BACK | distance to the first;
 *       of a free page 0; page_used says the same
 *   I2  a free page has no bit set on any side; a page without page_touched reads as zero
 *   I3  pages_used, huge_bytes, objects, chunk->used are the sums over the runs
 *   I4  live_bytes[1] and live_objects[1] are the sums over the live bits
 *
 * Huge objects keep the slot bits of the remembered set behind the object, because a slot beyond the first 4 MiB would be
 * masked to an address inside the object.
 */
#include "internal.h"

#include <string.h>

#define RUN_PAGES_MAX 256u /* 1 MiB */

static size_t pages_of(size_t bytes)
{
    return (bytes + MID__PAGE_BYTES - 1) / MID__PAGE_BYTES;
}

static bool page_bit(const uint64_t *bits, size_t page)
{
    return (bits[page >> 6] >> (page & 63) & 1) != 0;
}

static void flip_page_bit(uint64_t *bits, size_t page)
{
    bits[page >> 6] ^= (uint64_t)1 << (page & 63);
}

/* The first page of a free run, or 0. */
static size_t find_run(const struct mid__chunk *chunk, size_t pages)
{
    size_t length = 0;
    for (size_t page = MID__FIRST_PAGE; page < MID__PAGES; page++) {
        length = page_bit(chunk->u.large.page_used, page) ? 0 : length + 1;
        if (length == pages)
            return page + 1 - pages;
    }
    return 0;
}

static uintptr_t take_run(struct mid_heap *heap, struct mid__chunk *chunk, size_t first, size_t pages)
{
    uintptr_t start = (uintptr_t)chunk + first * MID__PAGE_BYTES;
    for (size_t i = 0; i < pages; i++) {
        flip_page_bit(chunk->u.large.page_used, first + i);
        chunk->u.large.run[first + i] = (uint16_t)(i == 0 ? pages : MID__RUN_BACK | i);
        if (page_bit(chunk->u.large.page_touched, first + i)) {
            memset((void *)(start + i * MID__PAGE_BYTES), 0, MID__PAGE_BYTES);
        } else {
            flip_page_bit(chunk->u.large.page_touched, first + i);
            chunk->touched++;
            heap->large.pages_touched++;
        }
    }
    chunk->used += (uint32_t)pages;
    heap->large.pages_used += pages;
    return start;
}

static uintptr_t alloc_run(struct mid_heap *heap, size_t pages)
{
    for (size_t i = heap->chunk_count; i-- > 0;) {
        struct mid__chunk *chunk = heap->chunks[i];
        if (chunk->kind != MID__CHUNK_LARGE || pages >= chunk->no_room_pages)
            continue;
        size_t first = find_run(chunk, pages);
        if (first != 0)
            return take_run(heap, chunk, first, pages);
        chunk->no_room_pages = pages;
    }
    struct mid__chunk *chunk = mid__chunk_map(heap, MID__CHUNK_LARGE, MID__CHUNK_BYTES);
    if (chunk == NULL)
        return 0;
    chunk->no_room_pages = MID__PAGES;
    heap->large.chunks++;
    return take_run(heap, chunk, MID__FIRST_PAGE, pages);
}

static uintptr_t alloc_huge(struct mid_heap *heap, size_t pages)
{
    size_t object_bytes = pages * MID__PAGE_BYTES;
    size_t bits_bytes = pages_of(object_bytes / 64) * MID__PAGE_BYTES;
    size_t head = MID__FIRST_BLOCK * MID__BLOCK_BYTES;
    struct mid__chunk *chunk = mid__chunk_map(heap, MID__CHUNK_HUGE, head + object_bytes + bits_bytes);
    if (chunk == NULL)
        return 0;
    chunk->used = 1;
    chunk->object_bytes = object_bytes;
    chunk->huge_slots = (uint64_t *)((uintptr_t)chunk + head + object_bytes);
    heap->large.huge_bytes += object_bytes;
    heap->large.huge_objects++;
    return (uintptr_t)chunk + head;
}

uintptr_t mid__large_alloc(struct mid_heap *heap, size_t bytes)
{
    size_t pages = pages_of(bytes);
    size_t limit = heap->old_limit, total = mid__old_total(heap);
    if (total > limit || pages * MID__PAGE_BYTES > limit - total)
        return 0;
    uintptr_t object = pages > RUN_PAGES_MAX ? alloc_huge(heap, pages) : alloc_run(heap, pages);
    if (object == 0)
        return 0;
    heap->large.objects++;
    mid__bit_set(object, heap->live_side);
    heap->live_bytes[1] += bytes;
    heap->live_objects[1]++;
    if (heap->phase == MID__MARK) {
        mid__bit_set(object, mid__mark_side(heap));
        heap->mark.bytes[1] += bytes;
        heap->mark.objects[1]++;
    }
    return object;
}

/* ---- sweeping ------------------------------------------------------------------------------------------------------------ */

static void free_run(struct mid_heap *heap, struct mid__chunk *chunk, size_t first)
{
    size_t pages = chunk->u.large.run[first];
    for (size_t i = 0; i < pages; i++) {
        flip_page_bit(chunk->u.large.page_used, first + i);
        chunk->u.large.run[first + i] = 0;
    }
    chunk->used -= (uint32_t)pages;
    chunk->no_room_pages = MID__PAGES;
    heap->large.pages_used -= pages;
    heap->large.objects--;
}

static void sweep_huge(struct mid_heap *heap, struct mid__chunk *chunk)
{
    uintptr_t object = (uintptr_t)chunk + MID__FIRST_BLOCK * MID__BLOCK_BYTES;
    if (mid__bit_get(object, heap->live_side)) {
        *mid__bit_word(object, mid__mark_side(heap)) = 0;
        return;
    }
    heap->large.huge_bytes -= chunk->object_bytes;
    heap->large.huge_objects--;
    heap->large.objects--;
    mid__chunk_unmap(heap, chunk);
}

/* Frees what is dead and clears the mark side. */
void mid__large_sweep(struct mid_heap *heap, struct mid__chunk *chunk)
{
    if (chunk->kind == MID__CHUNK_HUGE) {
        sweep_huge(heap, chunk);
        return;
    }
    for (size_t page = MID__FIRST_PAGE; page < MID__PAGES;) {
        size_t pages = chunk->u.large.run[page];
        if (pages == 0) {
            page++;
            continue;
        }
        uintptr_t object = (uintptr_t)chunk + page * MID__PAGE_BYTES;
        *mid__bit_word(object, mid__mark_side(heap)) &= ~mid__bit_mask(object);
        if (!mid__bit_get(object, heap->live_side))
            free_run(heap, chunk, page);
        page += pages;
    }
}

static void decommit_free_pages(struct mid_heap *heap, struct mid__chunk *chunk)
{
    for (size_t page = MID__FIRST_PAGE; page < MID__PAGES;) {
        size_t end = page;
        while (end < MID__PAGES && page_bit(chunk->u.large.page_touched, end) &&
               !page_bit(chunk->u.large.page_used, end))
            end++;
        if (end == page) {
            page++;
            continue;
        }
        if (mid__sys_decommit((char *)chunk + page * MID__PAGE_BYTES, (end - page) * MID__PAGE_BYTES)) {
            for (size_t i = page; i < end; i++)
                flip_page_bit(chunk->u.large.page_touched, i);
            chunk->touched -= (uint32_t)(end - page);
            heap->large.pages_touched -= end - page;
        }
        page = end;
    }
}

void mid__large_trim(struct mid_heap *heap, size_t keep_bytes)
{
    struct mid__largespace *large = &heap->large;
    size_t keep = keep_bytes / MID__PAGE_BYTES;
    for (size_t i = heap->chunk_count; i-- > 0 && large->pages_touched - large->pages_used > keep;) {
        struct mid__chunk *chunk = heap->chunks[i];
        if (chunk->kind != MID__CHUNK_LARGE)
            continue;
        if (chunk->used != 0) {
            decommit_free_pages(heap, chunk);
            continue;
        }
        large->pages_touched -= chunk->touched;
        large->chunks--;
        mid__chunk_unmap(heap, chunk);
    }
}
