/* SPDX-License-Identifier: MIT
 * Unit tests of map_svg.c. The picture's paths are read back as rectangles: their area is what the heap holds. */
#include "gc/internal.h"
#include "heap_kit.h"
#include "suite.h"

#include <midden/heap_map.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kit kit;

static char *draw(void)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    ck_assert_int_eq(mid_heap_map_svg(kit.heap, stream), MID_OK);
    fclose(stream);
    ck_assert_mem_eq(text, "<svg ", 5);
    ck_assert_str_eq(text + bytes - 7, "</svg>\n");
    const char *name = getenv("KEEP_SVG"); /* to look at it */
    FILE *copy = name != NULL ? fopen(name, "w") : NULL;
    if (copy != NULL) {
        fwrite(text, 1, bytes, copy);
        fclose(copy);
    }
    return text;
}

/* The area of the first path of a class, in tiles of 256 bytes; its rectangles do not overlap. */
static size_t area(const char *svg, const char *class)
{
    char head[64];
    size_t sum = 0;
    snprintf(head, sizeof head, "<path class=\"%s\" d=\"", class);
    const char *at = strstr(svg, head);
    ck_assert_ptr_nonnull(at);
    at += strlen(head);
    while (*at != '"') {
        unsigned x, y, w, h, back;
        int used = 0;
        ck_assert_int_eq(sscanf(at, "M%u %uh%uv%uh-%uz%n", &x, &y, &w, &h, &back, &used), 5);
        ck_assert_uint_eq(w, back);
        sum += (size_t)w * h;
        at += used;
    }
    return sum;
}

START_TEST(map__objects_of_whole_tiles__cover_their_bytes)
{
    ck_assert_int_eq(kit_make(&kit, "semispace=1M,semispace-start=1M"), MID_OK);
    struct mid_slot keep = mid_local(kit.heap, mid_new_array(kit.heap, kit.array, 600));
    struct mid_slot large = mid_local(kit.heap, mid_null()), huge = mid_local(kit.heap, mid_null());
    for (unsigned i = 0; i < 600; i++) /* 256 bytes with their headers */
        mid_array_set(kit.heap, mid_get(keep), i, mid_new_bytes(kit.heap, kit.bytes, 1024 - 8));
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    for (unsigned i = 0; i < 600; i += 2)
        mid_array_set(kit.heap, mid_get(keep), i, mid_null());
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    mid_set(large, mid_new_bytes(kit.heap, kit.bytes, 5 * 4096 - 8));
    mid_set(huge, mid_new_bytes(kit.heap, kit.bytes, 2 << 20));
    for (unsigned i = 0; i < 100; i++)
        mid_array_set(kit.heap, mid_get(keep), i * 2, mid_new_bytes(kit.heap, kit.bytes, 1024 - 8));
    struct mid_gc_stats s = kit_stats(&kit);
    char *svg = draw();
    size_t raw = area(svg, "raw"), born = area(svg, "born");
    ck_assert_uint_ge(raw, 300 * 4); /* where the cell begins in a tile, it touches one more */
    ck_assert_uint_le(raw, 300 * 5);
    ck_assert_uint_ge(born, s.spaces[MID_SPACE_NURSERY].used_bytes / 256);
    ck_assert_uint_le(born, s.spaces[MID_SPACE_NURSERY].used_bytes / 256 + 1);
    ck_assert_uint_eq(area(svg, "survived"), 0);
    ck_assert_uint_eq(area(svg, "from"), 16 * 256);
    ck_assert_uint_eq(area(svg, "to"), 16 * 256);
    ck_assert_uint_eq(area(svg, "large"), 5 * 16 - 1 + (2048 / 64 + 1) * 18 * 16);
    ck_assert_uint_eq((area(svg, "full") + area(svg, "partial") + area(svg, "current") + area(svg, "unswept")) / 256, kit.heap->old.blocks_used);
    ck_assert_uint_eq(area(svg, "free") / 256, kit.heap->old.blocks_touched - kit.heap->old.blocks_used);
    free(svg);
    mid_heap_collect(kit.heap, MID_COLLECT_SCAVENGE, NULL);
    svg = draw();
    ck_assert_uint_eq(area(svg, "born"), 0);
    ck_assert_uint_ge(area(svg, "survived") + area(svg, "raw"), raw + 100 * 4 - 1);
    free(svg);
    kit_end(&kit);
}
END_TEST

START_TEST(map__in_any_phase__is_drawn)
{
    ck_assert_int_eq(kit_make(&kit, "semispace=1M,compaction=off"), MID_OK);
    free(draw()); /* nothing yet */
    struct mid_slot none = mid_local(kit.heap, mid_null());
    struct mid_slot ring = mid_local(kit.heap, mid_new_array(kit.heap, kit.array, 120000));
    for (unsigned i = 0; i < 300000; i++)
        mid_array_set(kit.heap, mid_get(ring), (i * 7919u) % 120000, i % 3 ? kit_pair(&kit, none, none, i) : mid_new_bytes(kit.heap, kit.bytes, 60 + i % 90));
    for (unsigned i = 0; i < 120000; i++)
        if (i % 5000 < 3500 && i % 7 != 0)
            mid_array_set(kit.heap, mid_get(ring), i, mid_null());
    mid_heap_collect(kit.heap, MID_COLLECT_START, NULL);
    free(draw());
    while (kit.heap->phase == MID__MARK)
        mid_heap_collect(kit.heap, MID_COLLECT_STEP, NULL);
    char *svg = draw();
    ck_assert_uint_gt(area(svg, "unswept"), 0);
    ck_assert_uint_gt(area(svg, "refs"), 0);
    free(svg);
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    svg = draw();
    ck_assert_uint_eq(area(svg, "unswept"), 0);
    free(svg);
    kit_end(&kit);
}
END_TEST

static void draws(void *user, enum mid_event_kind event, const struct mid_collection *c)
{
    (void)event;
    (void)c;
    ck_assert_int_eq(mid_heap_map_svg(kit.heap, user), MID_E_BUSY);
}

START_TEST(map__busy_or_full_disk__says_so)
{
    ck_assert_int_eq(kit_make(&kit, NULL), MID_OK);
    FILE *full = fopen("/dev/full", "w");
    ck_assert_ptr_nonnull(full);
    ck_assert_int_eq(mid_heap_map_svg(kit.heap, full), MID_E_IO);
    ck_assert_int_eq(mid_heap_listen(kit.heap, MID_EVENT_END, draws, full), MID_OK);
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    fclose(full);
    kit_end(&kit);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_map");
    tcase_add_test(c, map__objects_of_whole_tiles__cover_their_bytes);
    tcase_add_test(c, map__in_any_phase__is_drawn);
    tcase_add_test(c, map__busy_or_full_disk__says_so);
    return run_suite("heap_map", c, NULL);
}
