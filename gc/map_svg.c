/* SPDX-License-Identifier: MIT
 *
 * map_svg.c: a picture of the heap. One geometry serves all spaces:
 *
 *     nursery, From   [##:][   ][   ] ...       a cell: 64 KiB, 16 x 16 tiles of 256 bytes, dark where a live object lies,
 *     nursery, To     [   ][   ][   ] ...       by age in the nursery; pale is free, and pale in a block of the old space is
 *     0x7f0012000000  [###][# #][   ] ...  61   a hole. A row: the 61 blocks of a chunk; 61 cells of the nursery
 *     0x7f0012400000  [==  ][== ][==] ...       large objects: a line of tiles is a page
 *     0x7f0012800000  [==========]  one object of 5,120 KiB
 *
 * Everything of one colour is one path, drawn by a pen that goes through addresses upwards and remembers the tiles of a
 * single cell: nothing is allocated, and each object is looked at once for its colour.
 *
 * Live is what the live bits say: what has died since the last marking is not known to be dead, and is drawn.
 *
 *   I1  a pen's ranges come in ascending order, rows between pen_row and the next
 */
#include "internal.h"

#include <midden/heap_map.h>

#include <inttypes.h>
#include <string.h>

#define TILES    16u /* a line of a cell */
#define TILE_BYTES (MID__BLOCK_BYTES / (TILES * TILES))
#define CELL     18 /* pixels from cell to cell */
#define ROW      (MID__BLOCKS - MID__FIRST_BLOCK)
#define LEFT     150
#define TOP      110

enum colour { BORN, SURVIVED, OLDER, REFS, RAW, LARGE, COLOURS };
enum ground { FREE_NURSERY, TO_SPACE, FREE, COLD, PARTIAL, CURRENT, FULL, UNSWEPT, PAGES, GROUNDS };

static const char *const colours[COLOURS][3] = {
    {"born", "#2c9f5a", "born since last scavenge"}, {"survived", "#1b6b8f", "survived once"},
    {"older", "#4a3fa3", "survived longer"},             {"refs", "#1d4f91", "old, with references"},
    {"raw", "#8f5a1b", "old, without"},                  {"large", "#7a2f80", "large"}};
static const char *const grounds[GROUNDS][3] = {
    {"from", "#dff3e6", "From"},        {"to", "#f0f0f0", "To"},           {"free", "#e4e4e4", "free, kept"},
    {"cold", "#f8f8f8", "free"},        {"partial", "#f7dfa4", "partial"}, {"current", "#ffc04d", "current"},
    {"full", "#bcd9f2", "full"},        {"unswept", "#f3c6c6", "unswept"}, {"pages", "#ead9ef", "large pages"}};

struct pen {
    FILE *out;
    long y;      /* of the row that begins at byte 0 */
    size_t cell; /* SIZE_MAX: none */
    uint16_t lines[TILES];
};

static unsigned x_of(size_t cell)
{
    return LEFT + (unsigned)(cell % ROW) * CELL;
}

/* Draws what the cell has collected: equal lines together, runs of tiles in them. */
static void lift(struct pen *pen)
{
    if (pen->cell == SIZE_MAX)
        return;
    long y = pen->y + (long)(pen->cell / ROW) * CELL;
    for (unsigned line = 0, height; line < TILES; line += height) {
        for (height = 1; line + height < TILES && pen->lines[line + height] == pen->lines[line];)
            height++;
        unsigned bits = pen->lines[line];
        for (unsigned at = 0; bits >> at != 0;) {
            at += mid__ctz64(bits >> at);
            unsigned run = mid__ctz64(~(uint64_t)(bits >> at));
            fprintf(pen->out, "M%u %ldh%uv%uh-%uz", x_of(pen->cell) + at, y + (long)line, run, height, run);
            at += run;
        }
    }
    pen->cell = SIZE_MAX;
}

static void pen_row(struct pen *pen, long y)
{
    lift(pen);
    pen->y = y;
}

/* Bytes [from, to) of the row. */
static void pen_range(struct pen *pen, size_t from, size_t to)
{
    for (size_t tile = from / TILE_BYTES; tile < (to + TILE_BYTES - 1) / TILE_BYTES; tile++) {
        size_t cell = tile / (TILES * TILES);
        if (cell != pen->cell) {
            lift(pen);
            pen->cell = cell;
            memset(pen->lines, 0, sizeof pen->lines);
        }
        pen->lines[tile / TILES % TILES] |= (uint16_t)(1u << (tile % TILES));
    }
}

/* ---- where things lie ------------------------------------------------------------------------------------------------------ */

static size_t rows_of(size_t bytes)
{
    return (bytes / MID__BLOCK_BYTES + ROW - 1) / ROW;
}

static size_t nursery_capacity(const struct mid_heap *heap)
{
    return heap->hot.young_bytes == 0 ? 0 : heap->nursery.capacity;
}

static long to_space_y(const struct mid_heap *heap)
{
    return TOP + (long)rows_of(nursery_capacity(heap)) * CELL;
}

static long chunk_y(const struct mid_heap *heap, size_t index)
{
    return to_space_y(heap) + (long)(rows_of(nursery_capacity(heap)) + index) * CELL + CELL / 2;
}

static uintptr_t first_of(const struct mid__chunk *chunk)
{
    return (uintptr_t)chunk + MID__FIRST_BLOCK * MID__BLOCK_BYTES;
}

static size_t huge_cells(const struct mid__chunk *chunk)
{
    size_t cells = (chunk->object_bytes + MID__BLOCK_BYTES - 1) / MID__BLOCK_BYTES;
    return cells < ROW ? cells : ROW;
}

/* ---- grounds ------------------------------------------------------------------------------------------------------------------ */

static void square(FILE *out, size_t cell, long y)
{
    fprintf(out, "M%u %ldh16v16h-16z", x_of(cell), y + (long)(cell / ROW) * CELL);
}

static enum ground ground_of(const struct mid__block *block)
{
    switch (block->state) {
    case MID__BLOCK_FREE:
        return block->touched ? FREE : COLD;
    case MID__BLOCK_PARTIAL:
        return PARTIAL;
    case MID__BLOCK_CURRENT:
        return CURRENT;
    case MID__BLOCK_UNSWEPT:
        return UNSWEPT;
    default:
        return FULL;
    }
}

static size_t draw_ground(const struct mid_heap *heap, FILE *out, enum ground ground)
{
    size_t count = 0;
    fprintf(out, "<path class=\"%s\" d=\"", grounds[ground][0]);
    for (size_t cell = 0; ground <= TO_SPACE && cell < nursery_capacity(heap) / MID__BLOCK_BYTES; cell++, count++)
        square(out, cell, ground == TO_SPACE ? to_space_y(heap) : TOP);
    for (size_t i = 0; i < heap->chunk_count && ground > TO_SPACE; i++) {
        const struct mid__chunk *chunk = heap->chunks[i];
        size_t cells = chunk->kind == MID__CHUNK_HUGE ? huge_cells(chunk) : ROW;
        for (size_t cell = 0; cell < cells; cell++)
            if ((chunk->kind != MID__CHUNK_OLD ? PAGES : ground_of(&chunk->u.blocks[cell + MID__FIRST_BLOCK])) == ground) {
                square(out, cell, chunk_y(heap, i));
                count++;
            }
    }
    fprintf(out, "\"/>\n");
    return count;
}

/* ---- objects -------------------------------------------------------------------------------------------------------------------- */

struct young {
    struct pen *pen;
    const struct mid_heap *heap;
    enum colour colour;
};

static void draw_young(void *context, uintptr_t object)
{
    struct young *y = context;
    uint64_t header = *mid__header_at(object);
    unsigned age = (unsigned)((header & MID__AGE_MASK) >> MID__AGE_SHIFT);
    size_t at = object - y->heap->nursery.from_base;
    if ((age == 0 ? BORN : age == 1 ? SURVIVED : OLDER) == y->colour)
        pen_range(y->pen, at, at + mid__bytes_of(header));
}

static void draw_block(const struct mid_heap *heap, struct pen *pen, const struct mid__chunk *chunk, unsigned b)
{
    const uint64_t *live = mid__bitmap(chunk, heap->live_side) + b * MID__BLOCK_BITMAP_WORDS;
    for (size_t i = 0; i < MID__BLOCK_BITMAP_WORDS; i++)
        for (uint64_t bits = live[i]; bits != 0; bits &= bits - 1) {
            size_t word = b * (MID__BLOCK_BYTES / MID__WORD) + i * 64 + mid__ctz64(bits);
            size_t at = word * MID__WORD - MID__FIRST_BLOCK * MID__BLOCK_BYTES;
            pen_range(pen, at, at + mid__bytes_of(*mid__header_at((uintptr_t)chunk + word * MID__WORD)));
        }
}

static void draw_large(const struct mid_heap *heap, struct pen *pen, const struct mid__chunk *chunk)
{
    for (size_t p = MID__FIRST_PAGE; p < MID__PAGES; p++) {
        unsigned run = chunk->u.large.run[p];
        size_t at = (p - MID__FIRST_PAGE) * MID__PAGE_BYTES;
        if (run != 0 && !(run & MID__RUN_BACK) && mid__bit_get((uintptr_t)chunk + p * MID__PAGE_BYTES, heap->live_side))
            pen_range(pen, at, at + run * MID__PAGE_BYTES - TILE_BYTES); /* a gap before the next */
    }
}

static void draw_chunk(const struct mid_heap *heap, struct pen *pen, const struct mid__chunk *chunk, enum colour colour)
{
    for (unsigned b = MID__FIRST_BLOCK; b < MID__BLOCKS && chunk->kind == MID__CHUNK_OLD && colour != LARGE; b++)
        if (chunk->u.blocks[b].state != MID__BLOCK_FREE &&
            (chunk->u.blocks[b].class_index >= MID__RAW_CLASS ? RAW : REFS) == colour)
            draw_block(heap, pen, chunk, b);
    if (colour == LARGE && chunk->kind == MID__CHUNK_LARGE)
        draw_large(heap, pen, chunk);
    if (colour == LARGE && chunk->kind == MID__CHUNK_HUGE && mid__bit_get(first_of(chunk), heap->live_side))
        for (size_t cell = 0; cell < huge_cells(chunk); cell++)
            fprintf(pen->out, "M%u %ldh%uv16h-%uz", x_of(cell), pen->y, CELL, CELL);
}

static void draw_objects(struct mid_heap *heap, FILE *out, enum colour colour)
{
    struct pen pen = {out, TOP, SIZE_MAX, {0}};
    struct young young = {&pen, heap, colour};
    fprintf(out, "<path class=\"%s\" d=\"", colours[colour][0]);
    if (colour <= OLDER)
        mid__nursery_each(heap, draw_young, &young);
    for (size_t i = 0; i < heap->chunk_count && colour > OLDER; i++) {
        pen_row(&pen, chunk_y(heap, i));
        draw_chunk(heap, &pen, heap->chunks[i], colour);
    }
    lift(&pen);
    fprintf(out, "\"/>\n");
}

/* ---- words ----------------------------------------------------------------------------------------------------------------------- */

static void draw_labels(const struct mid_heap *heap, FILE *out)
{
    if (nursery_capacity(heap) != 0)
        fprintf(out, "<text x=\"20\" y=\"%d\">nursery, From</text>\n<text x=\"20\" y=\"%ld\">nursery, To</text>\n", TOP + 12,
                to_space_y(heap) + 12);
    for (size_t i = 0; i < heap->chunk_count; i++) {
        const struct mid__chunk *chunk = heap->chunks[i];
        long y = chunk_y(heap, i) + 12;
        fprintf(out, "<text x=\"20\" y=\"%ld\">0x%" PRIxPTR "</text>\n", y, (uintptr_t)chunk);
        if (chunk->kind == MID__CHUNK_HUGE)
            fprintf(out, "<text class=\"bar\" x=\"%d\" y=\"%ld\">one object, %zu KiB</text>\n", LEFT + 8, y, chunk->object_bytes / 1024);
    }
}

static void draw_legend(struct mid_heap *heap, FILE *out, const size_t *counts)
{
    static const char *const phases[] = {"idle", "marking", "sweeping"};
    struct mid_space spaces[MID_SPACE_COUNT];
    mid__spaces(heap, spaces);
    fprintf(out, "<text class=\"title\" x=\"20\" y=\"26\">heap: used / total in KiB: nursery %zu / %zu, old %zu / %zu, large %zu / %zu; "
                 "free in the old space %zu; %s</text>\n",
            spaces[0].used_bytes / 1024, spaces[0].total_bytes / 1024, spaces[1].used_bytes / 1024, spaces[1].total_bytes / 1024,
            spaces[2].used_bytes / 1024, spaces[2].total_bytes / 1024, spaces[1].free_bytes / 1024, phases[heap->phase]);
    for (unsigned i = 0; i < COLOURS; i++)
        fprintf(out, "<path class=\"%s\" d=\"M%u 40h12v12h-12z\"/><text x=\"%u\" y=\"51\">%s</text>\n", colours[i][0], 20 + i * 200,
                38 + i * 200, colours[i][2]);
    for (unsigned i = 0; i < GROUNDS; i++)
        fprintf(out, "<path class=\"%s\" stroke=\"#999\" d=\"M%u 62h12v12h-12z\"/><text x=\"%u\" y=\"73\">%s (%zu)</text>\n",
                grounds[i][0], 20 + i * 138, 38 + i * 138, grounds[i][2], counts[i]);
    fprintf(out, "<text x=\"20\" y=\"95\">a cell is 64 KiB, a block of the old space; pale in a block is a hole</text>\n");
}

enum mid_status mid_heap_map_svg(struct mid_heap *heap, FILE *stream)
{
    size_t counts[GROUNDS];
    if (heap->busy != 0)
        return MID_E_BUSY;
    fprintf(stream, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%ld\" font-family=\"monospace\" font-size=\"12\">\n<style>",
            LEFT + ROW * CELL + 20, chunk_y(heap, heap->chunk_count) + CELL);
    for (unsigned i = 0; i < GROUNDS; i++)
        fprintf(stream, ".%s{fill:%s}", grounds[i][0], grounds[i][1]);
    for (unsigned i = 0; i < COLOURS; i++)
        fprintf(stream, ".%s{fill:%s}", colours[i][0], colours[i][1]);
    fprintf(stream, ".title{font-size:15px}.bar{fill:#fff}</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n");
    for (unsigned i = 0; i < GROUNDS; i++)
        counts[i] = draw_ground(heap, stream, (enum ground)i);
    for (unsigned i = 0; i < COLOURS; i++)
        draw_objects(heap, stream, (enum colour)i);
    draw_legend(heap, stream, counts);
    draw_labels(heap, stream);
    fprintf(stream, "</svg>\n");
    return fflush(stream) != 0 || ferror(stream) ? MID_E_IO : MID_OK;
}
