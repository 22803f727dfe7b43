/* SPDX-License-Identifier: MIT
 * Repeats the claim of papers/boehm-1988.md: words of the stack that only look like references keep little alive, if what they
 * hit is small and does not hold on to much. 32 MiB of garbage; 4,096 words of some kind on the stack; a full collection. */
#include "heap_kit.h"

enum { CELLS = 500000, WORDS = 4096 };

enum kind { SMALL_NUMBERS, RANDOM_WORDS, RANDOM_IN_HEAP, STALE };

static uintptr_t low, high; /* of the heap, as the cells were seen */
static uint64_t state;

/* All garbage: cells by themselves, or one list. Returns some of their addresses in `old`. */
static __attribute__((noinline)) void litter(struct kit_heap k, bool linked, uintptr_t *old)
{
    struct mid_ref last = mid_null();
    for (size_t i = 0; i < CELLS; i++) {
        struct mid_ref fresh = mid_new(k.heap, k.cell);
        KIT_NEED(!mid_is_null(fresh));
        uintptr_t at = (uintptr_t)mid_data(fresh);
        low = i == 0 || at < low ? at : low;
        high = at > high ? at : high;
        if (linked) {
            mid_store(k.heap, fresh, &((struct cell *)mid_data(fresh))->left, last);
            last = fresh;
        }
        if (i % (CELLS / WORDS) == 0 && i / (CELLS / WORDS) < WORDS)
            old[i / (CELLS / WORDS)] = ~at; /* hidden from the scan */
    }
}

static __attribute__((noinline)) size_t collect_under(struct kit_heap k, enum kind kind, const uintptr_t *old)
{
    volatile uintptr_t words[WORDS];
    for (size_t i = 0; i < WORDS; i++) {
        uint64_t x = kit_random(&state);
        words[i] = kind == SMALL_NUMBERS ? x % 1000000
                   : kind == RANDOM_WORDS ? x
                   : kind == RANDOM_IN_HEAP ? low + x % (high - low) : ~old[i];
    }
    mid_heap_collect(k.heap, MID_COLLECT_FULL, NULL);
    size_t used = kit_heap_used(k);
    KIT_NEED(words[0] != 1); /* the words are there until here */
    return used;
}

/* What stays of the garbage, as a share. */
static double kept(enum kind kind, bool linked)
{
    static uintptr_t old[WORDS];
    struct mid_heap_options o;
    mid_heap_options_init(&o);
    o.stack_scan = 1;
    o.growth = MID_GROWTH_FIXED;
    o.old_fixed_bytes = (size_t)1 << 30;
    state = KIT_SEED;
    low = high = 0;
    struct kit_heap k = kit_heap_open(&o);
    litter(k, linked, old);
    size_t all = kit_heap_used(k), used = collect_under(k, kind, old);
    mid_heap_destroy(k.heap);
    return (double)used / (double)all;
}

int main(void)
{
    static const char *const names[] = {"small numbers", "random words of 64 bits", "random words within the heap",
                                        "references that are not used any more"};
    double apart[4], list[4];
    puts("500,000 cells of 64 bytes, all garbage; 4,096 words on the stack.\n");
    puts("| what the words are | kept, cells by themselves, % | kept, one list, % |\n|---|---|---|");
    for (int kind = 0; kind < 4; kind++) {
        apart[kind] = kept((enum kind)kind, false);
        list[kind] = kept((enum kind)kind, true);
        printf("| %s | %.2f | %.2f |\n", names[kind], apart[kind] * 100, list[kind] * 100);
    }
    printf("@measured numbers keep %.2f %% of the garbage, forgotten references %.2f %%; of one long list a single one keeps %.0f %%\n",
           apart[1] * 100, apart[3] * 100, list[3] * 100);
    kit_verdict(apart[0] < 0.001 && apart[1] < 0.001 && apart[3] < 0.02, apart[1] < 0.01);
    return 0;
}
