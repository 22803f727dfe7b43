/* SPDX-License-Identifier: MIT
 * What papers/v8-semispace.md claims: the larger a semispace, the less of what dies young is promoted by mistake. Objects
 * live for a random while: half of them die within some thousand births, a few live for hundreds of thousands. */
#include "heap_kit.h"

enum { SLOTS = 1 << 20, BORN = 12000000 };

struct result {
    double promoted, copied, cpu_ms; /* shares of the bytes born */
    uint64_t scavenges, fulls;
};

/* A birth goes into the slot of the moment of its death: what lies there has just died. */
static struct result run(size_t semispace_kib, enum mid_promotion promotion)
{
    struct mid_heap_options o;
    mid_heap_options_init(&o);
    o.semispace_bytes = o.semispace_start_bytes = semispace_kib << 10;
    o.promotion = promotion;
    struct kit_heap k = kit_heap_open(&o);
    struct mid_persistent *dies = mid_persistent_new(k.heap, mid_new_array(k.heap, k.table, SLOTS), "dies");
    uint64_t state = KIT_SEED;
    double start = kit_cpu_ms();
    struct mid_gc_stats before = kit_heap_stats(k);
    for (size_t now = 0; now < BORN; now++) {
        uint64_t x = kit_random(&state);
        /* The lifetime, in births, log-uniform from 64 to 524,288. */
        size_t life = ((size_t)64 << x % 13) + (size_t)((x >> 8) % ((size_t)64 << x % 13));
        mid_array_set(k.heap, mid_persistent_get(dies), now % SLOTS, mid_null());
        struct mid_ref fresh = mid_new(k.heap, k.cell);
        KIT_NEED(!mid_is_null(fresh));
        struct mid_ref table = mid_persistent_get(dies);
        mid_init_field(&((struct cell *)mid_data(fresh))->left, mid_array_get(table, (now + life) % SLOTS));
        mid_array_set(k.heap, table, (now + life) % SLOTS, fresh);
    }
    struct mid_gc_stats s = kit_heap_stats(k);
    double born = (double)(s.allocated_bytes - before.allocated_bytes);
    struct result r = {(double)s.promoted_bytes / born, (double)s.copied_bytes / born, kit_cpu_ms() - start, s.scavenges,
                       s.full_collections};
    mid_heap_destroy(k.heap);
    return r;
}

int main(void)
{
    static const size_t kib[] = {256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
    enum { N = sizeof kib / sizeof kib[0] };
    struct result r[N];
    puts("12 million objects of 64 bytes; lifetimes log-uniform from 64 to a million births.\n");
    puts("| semispace, KiB | promoted, % of the bytes born | copied within the nursery, % | scavenges | full collections | CPU ms |\n|---|---|---|---|---|---|");
    for (size_t i = 0; i < N; i++) {
        r[i] = run(kib[i], MID_PROMOTE_SURVIVED);
        printf("| %zu | %.1f | %.1f | %llu | %llu | %.0f |\n", kib[i], r[i].promoted * 100, r[i].copied * 100,
               (unsigned long long)r[i].scavenges, (unsigned long long)r[i].fulls, r[i].cpu_ms);
    }
    struct result both = run(1024, MID_PROMOTE_BOTH);
    printf("| 1024, with the 25 %% rule | %.1f | %.1f | %llu | %llu | %.0f |\n", both.promoted * 100, both.copied * 100,
           (unsigned long long)both.scavenges, (unsigned long long)both.fulls, both.cpu_ms);
    puts("@plot x=1 y=2,3 ylabel=\"% of the bytes born\"");
    size_t best = 0;
    bool falls = true;
    for (size_t i = 1; i < N; i++) {
        best = r[i].cpu_ms < r[best].cpu_ms ? i : best;
        falls = falls && r[i].promoted < r[i - 1].promoted;
    }
    printf("@measured promoted: %.1f %% of the bytes born with 1 MiB, %.1f %% with 16 MiB; the whole program is fastest at %zu KiB\n",
           r[2].promoted * 100, r[6].promoted * 100, kib[best]);
    kit_verdict(falls, r[N - 1].promoted < r[0].promoted);
    return 0;
}
