/* SPDX-License-Identifier: MIT
 * Lines against cells, the choice of papers/blackburn-2008.md. The same objects are born and die in midden's old space, which
 * has cells of one size in each block, and in a model of Immix' space: blocks of 32 KiB in lines of 128 bytes, into whose
 * free lines allocation bumps. What each holds for the live bytes is exact; what contiguous allocation gains is measured by
 * reading objects in the order of their birth, from midden's heap and from one run of memory. */
#include <midden/heap.h>
#include <midden/roots.h>

#include <string.h>

#include "kit.h"

enum { OBJECTS = 400000, LINE = 128, LINES = 256, BLOCK = LINE * LINES, MOST_BLOCKS = 1 << 13, ROUNDS = 9, HEADER = 8 };

/* ---- the model: where each object lies, as an offset into all blocks */

static struct {
    size_t at[OBJECTS];
    uint8_t used[MOST_BLOCKS][LINES]; /* as of the last collection, or bumped over since */
    bool taken[MOST_BLOCKS];
    size_t blocks, bump, end, scan;   /* scan: the next line to look at for a hole */
    size_t over_bump, over_end;       /* a block for objects larger than a line that the hole is too short for */
} model;

static uint32_t bytes[OBJECTS]; /* 0: dead. Header included */

static size_t model_block(void)
{
    size_t b = 0;
    while (b < model.blocks && model.taken[b])
        b++;
    KIT_NEED(b < MOST_BLOCKS);
    model.blocks += b == model.blocks;
    model.taken[b] = true;
    memset(model.used[b], 1, LINES);
    return b * BLOCK;
}

/* The next run of free lines of blocks that are taken; its first line is left out, for an object before it may reach into
 * it: marking sets an object's first line alone. */
static bool model_hole(void)
{
    size_t lines = model.blocks * LINES;
    while (model.scan < lines) {
        size_t b = model.scan / LINES, l = model.scan % LINES;
        if (!model.taken[b] || model.used[b][l]) {
            model.scan++;
            continue;
        }
        size_t first = l > 0 ? l + 1 : l, last = l;
        while (last < LINES && !model.used[b][last])
            model.used[b][last++] = 1;
        model.scan = b * LINES + last;
        if (first < last) {
            model.bump = b * BLOCK + first * LINE;
            model.end = b * BLOCK + last * LINE;
            return true;
        }
    }
    return false;
}

static void model_new(size_t i)
{
    size_t need = bytes[i];
    if (need > LINE && model.end - model.bump < need) {
        if (model.over_end - model.over_bump < need)
            model.over_end = (model.over_bump = model_block()) + BLOCK;
        model.at[i] = model.over_bump;
        model.over_bump += need;
        return;
    }
    while (model.end - model.bump < need)
        if (!model_hole())
            model.end = (model.bump = model_block()) + BLOCK;
    model.at[i] = model.bump;
    model.bump += need;
}

static void model_collect(void)
{
    for (size_t b = 0; b < model.blocks; b++)
        memset(model.used[b], 0, LINES);
    for (size_t i = 0; i < OBJECTS; i++) {
        size_t last = bytes[i] > LINE ? model.at[i] + bytes[i] - 1 : model.at[i];
        for (size_t l = model.at[i] / LINE; bytes[i] != 0 && l <= last / LINE; l++)
            model.used[l / LINES][l % LINES] = 1;
    }
    for (size_t b = 0; b < model.blocks; b++)
        model.taken[b] = memchr(model.used[b], 1, LINES) != NULL;
    model.bump = model.end = model.over_bump = model.over_end = model.scan = 0;
}

static double model_held(void)
{
    double held = 0;
    for (size_t b = 0; b < model.blocks; b++)
        held += model.taken[b] ? BLOCK : 0;
    return held;
}

/* ---- both */

struct side {
    struct mid_heap *heap;
    struct mid_type type;
    struct mid_persistent *table;
};

static struct side heap_open(uint32_t compaction)
{
    struct side s;
    struct mid_type table;
    struct mid_heap_options o;
    struct mid_type_info raw = {.struct_size = sizeof raw, .name = "Bytes", .tail = MID_TAIL_BYTES};
    struct mid_type_info refs = {.struct_size = sizeof refs, .name = "Table", .tail = MID_TAIL_REFS};
    mid_heap_options_init(&o);
    o.compaction = compaction;
    o.marking = MID_MARKING_STOP;
    KIT_NEED(mid_heap_create(&o, &s.heap) == MID_OK && mid_type_register(s.heap, &raw, &s.type) == MID_OK &&
             mid_type_register(s.heap, &refs, &table) == MID_OK);
    s.table = mid_persistent_new(s.heap, mid_new_array(s.heap, table, OBJECTS), "table");
    return s;
}

static void bear(struct side s, bool in_model, uint64_t *state, size_t low, size_t steps)
{
    for (size_t i = 0; i < OBJECTS; i++) {
        if (bytes[i] != 0)
            continue;
        size_t payload = low << kit_random(state) % steps; /* one, or as many sizes as steps */
        payload += steps > 1 ? kit_random(state) % payload & ~(size_t)7 : 0;
        bytes[i] = (uint32_t)(payload + HEADER);
        struct mid_ref fresh = mid_new_bytes(s.heap, s.type, payload);
        KIT_NEED(!mid_is_null(fresh));
        mid_array_set(s.heap, mid_persistent_get(s.table), i, fresh);
        if (in_model)
            model_new(i);
    }
    mid_heap_collect(s.heap, MID_COLLECT_FULL, NULL);
}

/* All `of` neighbours of nine in ten groups die together. */
static void die(struct side s, uint64_t *state, size_t of)
{
    for (size_t i = 0, die = 0; i < OBJECTS; i++) {
        if (i % of == 0)
            die = kit_random(state) % 10 != 0;
        if (die) {
            bytes[i] = 0;
            mid_array_set(s.heap, mid_persistent_get(s.table), i, mid_null());
        }
    }
    mid_heap_collect(s.heap, MID_COLLECT_FULL, NULL);
    model_collect();
}

struct shares {
    double lines, cells;
};

static struct shares shares(struct side s)
{
    double live = 0;
    struct mid_gc_stats stats = {.struct_size = sizeof stats};
    for (size_t i = 0; i < OBJECTS; i++)
        live += bytes[i];
    KIT_NEED(mid_heap_stats(s.heap, &stats) == MID_OK);
    return (struct shares){model_held() / live, (double)stats.spaces[MID_SPACE_OLD].total_bytes / live};
}

enum { BORN, DIED, SAME, OTHER, STAGES };

/* A heap through its stages; then the last one once more, filled with sizes it has not seen. */
static void play(uint32_t compaction, size_t of, struct shares out[STAGES])
{
    for (int other = 0; other < 2; other++) {
        uint64_t state = KIT_SEED;
        struct side s = heap_open(compaction);
        memset(&model, 0, sizeof model);
        memset(bytes, 0, sizeof bytes);
        bear(s, true, &state, 16, 4);
        out[BORN] = shares(s);
        die(s, &state, of);
        out[DIED] = shares(s);
        bear(s, true, &state, other ? 96 : 16, other ? 1 : 4);
        out[other ? OTHER : SAME] = shares(s);
        mid_heap_destroy(s.heap);
    }
}

/* ns an object, read in the order of birth: midden's, and as one run of memory. */
static void read_all(size_t low, size_t steps, double *apart, double *together)
{
    static const char *where[2][OBJECTS];
    uint64_t state = KIT_SEED;
    struct side s = heap_open(MID_COMPACTION_OFF);
    memset(bytes, 0, sizeof bytes);
    bear(s, false, &state, low, steps);
    size_t all = 0;
    for (size_t i = 0; i < OBJECTS; i++)
        all += bytes[i];
    char *arena = malloc(all), *next = arena;
    KIT_NEED(arena != NULL);
    for (size_t i = 0; i < OBJECTS; i++) {
        where[0][i] = mid_data(mid_array_get(mid_persistent_get(s.table), i));
        where[1][i] = next + HEADER;
        memset(next, 1, bytes[i]);
        next += bytes[i];
    }
    double took[2][ROUNDS];
    volatile uint64_t kept = 0;
    for (int r = 0; r < ROUNDS; r++)
        for (int side = 0; side < 2; side++) {
            double begin = kit_cpu_ms();
            uint64_t sum = 0;
            for (size_t i = 0; i < OBJECTS; i++)
                for (size_t at = 0; at < bytes[i] - HEADER; at += 64)
                    sum += (uint64_t)where[side][i][at];
            kept = kept + sum;
            took[side][r] = kit_cpu_ms() - begin;
        }
    *apart = kit_median(took[0], ROUNDS) * 1e6 / OBJECTS;
    *together = kit_median(took[1], ROUNDS) * 1e6 / OBJECTS;
    free(arena);
    mid_heap_destroy(s.heap);
}

int main(void)
{
    static const char *const stages[STAGES] = {"all alive", "nine in ten died", "replaced, same sizes",
                                               "replaced, one other size"};
    struct shares swept[2][STAGES], moved[2][STAGES];
    for (int g = 0; g < 2; g++) {
        play(MID_COMPACTION_OFF, g ? 64 : 1, swept[g]);
        play(MID_COMPACTION_AUTO, g ? 64 : 1, moved[g]);
    }
    puts("400,000 objects of 24 to 256 bytes; bytes held for each live one. Lines: a model of Immix' space without its "
         "evacuation. Cells: midden's old space.\n");
    puts("| what | lines, one by one | lines, 64 neighbours | cells, one by one | cells, 64 neighbours | cells compacted, one by one "
         "| cells compacted, 64 neighbours |\n|---|---|---|---|---|---|---|");
    for (int s = 0; s < STAGES; s++)
        printf("| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |\n", stages[s], swept[0][s].lines, swept[1][s].lines,
               swept[0][s].cells, swept[1][s].cells, moved[0][s].cells, moved[1][s].cells);
    puts("@plot x=1 y=2,3,4,5,6,7 ylabel=\"held / live\"");
    static const struct {
        const char *name;
        size_t low, steps;
    } mixes[] = {{"one size, 32 B", 32, 1}, {"16 to 31 B", 16, 2}, {"16 to 255 B", 16, 4}};
    double apart[3], together[3];
    puts("\nReading all 400,000 in the order of their birth, ns an object:\n\n| payload | cells by size | one run of memory | ratio |\n|---|---|---|---|");
    for (int m = 0; m < 3; m++) {
        read_all(mixes[m].low, mixes[m].steps, &apart[m], &together[m]);
        printf("| %s | %.1f | %.1f | %.2f |\n", mixes[m].name, apart[m], together[m], apart[m] / together[m]);
    }
    printf("@measured with one other size after random deaths lines hold %.2f x the live bytes, cells %.2f x, compacted %.2f x; mixed "
           "sizes are read %.2f x as fast from one run of memory\n",
           swept[0][OTHER].lines, swept[0][OTHER].cells, moved[0][OTHER].cells, apart[2] / together[2]);
    bool space = swept[1][OTHER].lines < swept[1][OTHER].cells, locality = apart[2] > 1.05 * together[2];
    kit_verdict(space && locality, space || locality);
    return 0;
}
