/* SPDX-License-Identifier: MIT
 *
 * map_svg.c: a picture of the pool's slabs, as SVG.
 *
 *     0x7f2a40000000   [#][#][:][ ][:]...          a row: 64 cells, 512 KiB of a region; rows without a slab are left out
 *     0x7f2a40080000   [#][#]                      a cell: one slab of 8 KiB, coloured by its state;
 *     large            [===========]  1.5 MiB      in it 8 x 8 tiles of 128 bytes, dark where a live buffer lies:
 *                                                  what is pale is free, and pale in a partial slab is a hole
 *
 * First a record of 32 bytes for every cell is copied with the pool locked (mid_pool_walk), then they are drawn, so that
 * a slow stream stops nobody. Live tiles of a state are one path of the picture each: a pool of 1 GiB gives some 10 MB of SVG.
 *
 * What lies in caches of threads is drawn as free: it is not out.
 */
#include "pool_state.h"

#include <midden/internal/sys.h>

#include <inttypes.h>
#include <stdlib.h>

#define CELL         18 /* pixels from cell to cell: 8 tiles of 2, and a gap of 2 */
#define TILE         2
#define ROW_CELLS    64u
#define ROW_BYTES    (ROW_CELLS * MID_POOL_SLAB_BYTES)
#define TILE_BYTES   (MID_POOL_SLAB_BYTES / 64)
#define LEFT         150
#define TOP          96

struct cell {
    uintptr_t address;
    uint64_t live; /* bit: the tile holds a part of a live buffer */
    size_t bytes;  /* of a large buffer; 0 in a cell that only continues one, and of small slabs */
    uint8_t state;
};

struct map {
    struct cell *cells;
    size_t count, capacity, bytes;
    size_t last; /* the slab that the walk is in begins at this cell */
};

static int count_cells(void *user, const struct mid_pool_slab *slab)
{
    struct map *m = user;
    m->capacity += slab->bytes > MID__REGION_BYTES / 4 ? 1 : (slab->bytes + MID_POOL_SLAB_BYTES - 1) / MID_POOL_SLAB_BYTES;
    return 0;
}

static int add_slab(void *user, const struct mid_pool_slab *slab)
{
    struct map *m = user;
    bool large = slab->state == MID_POOL_SLAB_LARGE, huge = slab->bytes > MID__REGION_BYTES / 4;
    m->last = m->count;
    for (size_t at = 0; at < slab->bytes && m->count < m->capacity; at += MID_POOL_SLAB_BYTES) {
        struct cell *cell = &m->cells[m->count++];
        cell->address = (uintptr_t)slab->address + at;
        cell->state = (uint8_t)slab->state;
        cell->live = large && slab->live_buffers != 0 ? UINT64_MAX : 0;
        cell->bytes = huge ? slab->bytes : 0;
        if (huge)
            break;
    }
    return 0;
}

static int add_buffer(void *user, const struct mid_pool_slab *slab, const struct mid_pool_buffer *buffer)
{
    struct map *m = user;
    if (slab->state == MID_POOL_SLAB_LARGE)
        return 0;
    size_t from = (size_t)((const char *)buffer->address - (const char *)slab->address);
    for (size_t tile = from / TILE_BYTES; tile <= (from + buffer->bytes - 1) / TILE_BYTES; tile++)
        if (m->last + tile / 64 < m->count)
            m->cells[m->last + tile / 64].live |= (uint64_t)1 << (tile % 64);
    return 0;
}

static int by_address(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;
    return (x->address > y->address) - (x->address < y->address);
}

static enum mid_status copy_cells(struct mid_pool *pool, struct map *m)
{
    struct mid_pool_visitor counts = {sizeof counts, count_cells, NULL, m}, copies = {sizeof copies, add_slab, add_buffer, m};
    mid_pool_walk(pool, &counts);
    m->capacity += m->capacity / 8 + 64; /* the pool may grow before the second walk */
    m->bytes = mid__align_up(m->capacity * sizeof *m->cells, mid__sys_page_bytes());
    m->cells = mid__sys_map(m->bytes, mid__sys_page_bytes());
    if (m->cells == NULL)
        return MID_E_MEMORY;
    mid_pool_walk(pool, &copies);
    qsort(m->cells, m->count, sizeof *m->cells, by_address);
    return MID_OK;
}

/* ---- drawing */

static const char *const names[] = {"empty", "partial", "full", "large"};

static uintptr_t row_of(const struct cell *cell)
{
    return cell->bytes != 0 ? cell->address : cell->address / ROW_BYTES * ROW_BYTES;
}

/* A place in the picture for each cell, one after the other in order of address. */
struct place {
    uintptr_t row;
    long y;
    unsigned x;
};

static bool next_place(struct place *p, const struct cell *cell)
{
    bool fresh = p->row != row_of(cell);
    if (fresh) {
        p->row = row_of(cell);
        p->y += CELL;
    }
    p->x = LEFT + (cell->bytes != 0 ? 0 : (unsigned)((cell->address - p->row) / MID_POOL_SLAB_BYTES) * CELL);
    return fresh;
}

static unsigned bar_width(size_t bytes)
{
    size_t cells = bytes / MID_POOL_SLAB_BYTES;
    return (unsigned)(cells < ROW_CELLS ? cells : ROW_CELLS) * CELL - TILE;
}

static void draw_backgrounds(FILE *out, const struct map *m, unsigned state)
{
    struct place p = {UINTPTR_MAX, TOP - CELL, 0};
    fprintf(out, "<path class=\"%s\" d=\"", names[state]);
    for (size_t i = 0; i < m->count; i++) {
        next_place(&p, &m->cells[i]);
        if (m->cells[i].state != state)
            continue;
        unsigned width = m->cells[i].bytes != 0 ? bar_width(m->cells[i].bytes) : 8 * TILE;
        fprintf(out, "M%u %ldh%uv%uh-%uz", p.x, p.y, width, 8 * TILE, width);
    }
    fprintf(out, "\"/>\n");
}

/* Runs of live tiles, row by row of a cell. */
static void draw_live(FILE *out, const struct map *m, unsigned state)
{
    struct place p = {UINTPTR_MAX, TOP - CELL, 0};
    fprintf(out, "<path class=\"%s-live\" d=\"", names[state]);
    for (size_t i = 0; i < m->count; i++) {
        next_place(&p, &m->cells[i]);
        if (m->cells[i].bytes != 0 && m->cells[i].state == state) {
            unsigned width = bar_width(m->cells[i].bytes);
            fprintf(out, "M%u %ldh%uv%uh-%uz", p.x, p.y, width, 8 * TILE, width);
            continue;
        }
        for (unsigned line = 0; line < 8 && m->cells[i].state == state; line++) {
            unsigned bits = (unsigned)(m->cells[i].live >> (line * 8)) & 0xffu;
            for (unsigned at = 0; bits >> at != 0;) {
                at += mid__ctz64(bits >> at);
                unsigned run = mid__ctz64(~(uint64_t)(bits >> at));
                fprintf(out, "M%u %ldh%uv%uh-%uz", p.x + at * TILE, p.y + (long)line * TILE, run * TILE, TILE, run * TILE);
                at += run;
            }
        }
    }
    fprintf(out, "\"/>\n");
}

static void draw_labels(FILE *out, const struct map *m)
{
    struct place p = {UINTPTR_MAX, TOP - CELL, 0};
    for (size_t i = 0; i < m->count; i++)
        if (next_place(&p, &m->cells[i])) {
            fprintf(out, "<text x=\"%d\" y=\"%ld\">0x%" PRIxPTR "</text>\n", LEFT - 130, p.y + 12, p.row);
            if (m->cells[i].bytes != 0)
                fprintf(out, "<text class=\"bar\" x=\"%u\" y=\"%ld\">one buffer, %zu KiB</text>\n", LEFT + 8, p.y + 12,
                        m->cells[i].bytes / 1024);
        }
}

static void draw_legend(FILE *out, const struct map *m, const struct mid_pool_stats *s)
{
    static const char *const says[] = {"empty", "partial: pale is a hole", "full: pale is in a cache", "large"};
    size_t counts[4] = {0};
    for (size_t i = 0; i < m->count; i++)
        counts[m->cells[i].state]++;
    fprintf(out, "<text class=\"title\" x=\"20\" y=\"26\">pool: %zu buffers, %zu KiB requested, %zu KiB rounded, %zu KiB pinned, "
                 "%zu KiB committed</text>\n",
            s->live_buffers, s->requested_bytes / 1024, s->rounded_bytes / 1024, s->pinned_bytes / 1024,
            s->committed_bytes / 1024);
    for (unsigned i = 0; i < 4; i++) {
        unsigned x = LEFT + i * 280;
        fprintf(out, "<path class=\"%s\" d=\"M%u 44h16v16h-16z\"/><path class=\"%s-live\" d=\"M%u 44h16v6h-16z\"/>", names[i], x,
                names[i], x);
        fprintf(out, "<text x=\"%u\" y=\"57\">%s (%zu)</text>\n", x + 24, says[i], counts[i]);
    }
    fprintf(out, "<text x=\"20\" y=\"80\">a cell is a slab of 8 KiB, a row 512 KiB; dark is live</text>\n");
}

static long height_of(const struct map *m)
{
    struct place p = {UINTPTR_MAX, TOP - CELL, 0};
    for (size_t i = 0; i < m->count; i++)
        next_place(&p, &m->cells[i]);
    return p.y + 2 * CELL;
}

enum mid_status mid_pool_map_svg(struct mid_pool *pool, FILE *stream)
{
    struct map m = {0};
    struct mid_pool_stats s = {.struct_size = sizeof s};
    enum mid_status status = copy_cells(pool, &m);
    if (status != MID_OK)
        return status;
    (void)mid_pool_stats(pool, &s);
    fprintf(stream, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%ld\" font-family=\"monospace\" font-size=\"12\">\n"
                    "<style>.empty{fill:#e4e4e4}.partial{fill:#f7dfa4}.full{fill:#bcd9f2}.large{fill:#c9bfe6}.empty-live{fill:#888}"
                    ".partial-live{fill:#b06a00}.full-live{fill:#1d5f9e}.large-live{fill:#5b46a0}.title{font-size:15px}"
                    ".bar{fill:#fff}</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
            LEFT + ROW_CELLS * CELL + 20, height_of(&m));
    draw_legend(stream, &m, &s);
    for (unsigned state = 0; state < 4; state++) {
        draw_backgrounds(stream, &m, state);
        draw_live(stream, &m, state);
    }
    draw_labels(stream, &m);
    fprintf(stream, "</svg>\n");
    mid__sys_unmap(m.cells, m.bytes);
    return fflush(stream) != 0 || ferror(stream) ? MID_E_IO : MID_OK;
}
