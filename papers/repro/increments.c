/* SPDX-License-Identifier: MIT
 * What papers/baker-1978.md and papers/v8-increments.md claim: `increments steps` varies the size of a step of marking,
 * `increments live` how much is live, each with and without increments. A table of live cells of which random ones are
 * replaced, three quarters of what is born being garbage at once. The program is timed from outside, in batches of 64
 * allocations: a pause is the CPU time of the longest. */
#include "heap_kit.h"

#include <string.h>

enum { BATCH = 64 };

struct result {
    double longest_ms, total_ms;
    uint64_t steps, collections;
    double used_most; /* bytes in objects at most, over what is live */
};

static struct result run(size_t cells, size_t step_bytes, bool incremental)
{
    struct mid_heap_options o;
    mid_heap_options_init(&o);
    o.semispace_bytes = o.semispace_start_bytes = 512 << 10;
    o.growth_percent = 50;
    o.mark_step_bytes = step_bytes;
    o.marking = incremental ? MID_MARKING_INCREMENTAL : MID_MARKING_STOP;
    o.compaction = MID_COMPACTION_OFF;
    struct kit_heap k = kit_heap_open(&o);
    struct mid_persistent *live = kit_heap_fill(k, cells);
    struct mid_gc_stats before = kit_heap_stats(k);
    struct result r = {0};
    double alive = (double)kit_heap_used(k), start = kit_cpu_ms(), last = start;
    uint64_t state = KIT_SEED;
    for (size_t i = 0; i < 6 * cells; i += BATCH) {
        for (size_t b = 0; b < BATCH; b++) {
            struct mid_ref fresh = mid_new(k.heap, k.cell);
            KIT_NEED(!mid_is_null(fresh));
            uint64_t x = kit_random(&state);
            if (x % 4 == 0)
                mid_array_set(k.heap, mid_persistent_get(live), (x >> 32) % cells, fresh);
        }
        double now = kit_cpu_ms();
        r.longest_ms = now - last > r.longest_ms ? now - last : r.longest_ms;
        if (i / BATCH % 512 == 0) {
            double used = (double)kit_heap_used(k) / alive;
            r.used_most = used > r.used_most ? used : r.used_most;
            now = kit_cpu_ms();
        }
        last = now;
    }
    r.total_ms = kit_cpu_ms() - start;
    struct mid_gc_stats after = kit_heap_stats(k);
    r.steps = after.mark_steps - before.mark_steps;
    r.collections = after.full_collections - before.full_collections;
    mid_heap_destroy(k.heap);
    return r;
}

static void by_step(void)
{
    enum { CELLS = 800000 };
    static const size_t kib[] = {16, 64, 256, 1024, 4096};
    enum { N = sizeof kib / sizeof kib[0] };
    struct result r[N], stop = run(CELLS, 0, false);
    puts("800,000 live cells of 64 bytes, 4.8 million born, a quarter of which replaces a live one.\n");
    puts("| step | longest pause, CPU ms | steps | full collections | most in use / live | CPU ms in all |\n|---|---|---|---|---|---|");
    for (size_t i = 0; i < N; i++) {
        r[i] = run(CELLS, kib[i] << 10, true);
        printf("| %zu KiB | %.2f | %llu | %llu | %.3f | %.0f |\n", kib[i], r[i].longest_ms, (unsigned long long)r[i].steps,
               (unsigned long long)r[i].collections, r[i].used_most, r[i].total_ms);
    }
    printf("| all at once | %.2f | - | %llu | %.3f | %.0f |\n", stop.longest_ms, (unsigned long long)stop.collections,
           stop.used_most, stop.total_ms);
    puts("@plot x=1 y=2 log=y ylabel=\"longest pause, CPU ms\"");
    printf("@measured longest pause %.1f ms with steps of 64 KiB against %.0f ms at once (1/%.0f), in use at most %.2f against %.2f x\n",
           r[1].longest_ms, stop.longest_ms, stop.longest_ms / r[1].longest_ms, r[1].used_most, stop.used_most);
    kit_verdict(r[1].longest_ms < stop.longest_ms / 6 && r[1].used_most < 2, r[1].longest_ms < stop.longest_ms);
}

static void by_live(void)
{
    static const size_t mb[] = {8, 16, 32, 64, 128, 256};
    enum { N = sizeof mb / sizeof mb[0] };
    struct result a[N], b[N];
    puts("| live | longest pause with increments, CPU ms | without | ratio | CPU ms in all with | without |\n|---|---|---|---|---|---|");
    for (size_t i = 0; i < N; i++) {
        size_t cells = (mb[i] << 20) / CELL_BYTES;
        a[i] = run(cells, 0, true);
        b[i] = run(cells, 0, false);
        printf("| %zu MB | %.2f | %.1f | 1/%.0f | %.0f | %.0f |\n", mb[i], a[i].longest_ms, b[i].longest_ms,
               b[i].longest_ms / a[i].longest_ms, a[i].total_ms, b[i].total_ms);
    }
    puts("@plot x=1 y=2,3 log=y xlabel=\"live, MB\" ylabel=\"longest pause, CPU ms\"");
    printf("@measured at 256 MB live the longest pause falls from %.0f to %.1f ms, to 1/%.0f, for %+.0f %% of CPU time\n",
           b[N - 1].longest_ms, a[N - 1].longest_ms, b[N - 1].longest_ms / a[N - 1].longest_ms,
           (a[N - 1].total_ms / b[N - 1].total_ms - 1) * 100);
    kit_verdict(b[N - 1].longest_ms / a[N - 1].longest_ms >= 6, b[N - 1].longest_ms > a[N - 1].longest_ms);
}

int main(int argc, char **argv)
{
    KIT_NEED(argc == 2);
    if (strcmp(argv[1], "steps") == 0)
        by_step();
    else
        by_live();
    return 0;
}
