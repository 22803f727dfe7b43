/* SPDX-License-Identifier: MIT
 *
 * pauses.c: every pause, measured once and kept twice: counted in histograms of fixed size, by phase and clock, and written
 * into a log of the last ones, from which minimum mutator utilisation is computed on request.
 *
 *     histogram    | 0 1 2 ... 31 | 32 33 ... 63 | 64 66 ... 126 | 128 132 ...    | ...            |
 *     (ns)           one each       one each       two each        four each: 32 buckets an octave, up to 2^42 ns
 *
 *     log          a ring:  ... | begin, length (wall) begin, length (CPU) | ...     forgets the oldest
 *
 *   I1  the pauses in the log are in order and do not overlap, on either clock
 *   I2  for each clock, the counts of all buckets of a phase add up to its count
 *
 * CPU time has a scale of its own, on which the CPU time of the thread between two pauses and in each pause is laid end to
 * end. Between pauses on different threads nothing passes on it.
 *
 * Both lie in one mapping that is made with the heap and touched as it is used, so that an idle heap has no resident byte of
 * it and no pause needs memory.
 *
 * Cheng and Blelloch 2001 define utilisation over a whole run; here it is over what the log holds. A worst window can be
 * moved to the left, without losing pause, until it begins with one: only those are looked at, and the last of the span.
 */
#include "internal.h"

#include <midden/pauses.h>

#define SUB_BITS 5u
#define SUB      (1u << SUB_BITS)
#define OCTAVES  42u /* longer pauses are counted as 2^42 ns, 73 minutes; sum and longest are exact all the same */
#define BUCKETS  ((OCTAVES - SUB_BITS + 1) * SUB)

struct histogram {
    uint64_t count, sum, least, most;
    uint64_t buckets[BUCKETS];
};

struct entry {
    uint64_t begin[MID_CLOCKS], length[MID_CLOCKS];
};

struct mid__pauses {
    size_t bytes;            /* of the mapping */
    uint64_t span_begin[MID_CLOCKS]; /* of the log */
    uint64_t cpu_head;       /* the scale of CPU time up to the end of the last pause ... */
    uint64_t cpu_at;         /* ... and the thread's clock at that moment */
    pthread_t thread;
    uint64_t written;        /* pauses ever logged */
    uint64_t paused[MID_CLOCKS]; /* the sum of all, never reset */
    unsigned after_depth;    /* what runs after collections is under way: ... */
    uint64_t after_begun[MID_CLOCKS], after_paused[MID_CLOCKS]; /* ... since then, when `paused` was so much */
    struct histogram of[MID_PAUSE_KINDS][MID_CLOCKS];
    size_t capacity;
    struct entry log[];
};

bool mid__pauses_init(struct mid_heap *heap)
{
    size_t page = mid__sys_page_bytes();
    size_t bytes = sizeof(struct mid__pauses) + heap->options.pause_log * sizeof(struct entry);
    bytes = mid__align_up(bytes, page);
    struct mid__pauses *p = mid__sys_map(bytes, page);
    if (p == NULL)
        return false;
    p->bytes = bytes;
    p->capacity = heap->options.pause_log;
    p->thread = pthread_self();
    p->cpu_at = mid__sys_thread_cpu_ns();
    heap->pauses = p;
    return true;
}

void mid__pauses_free(struct mid_heap *heap)
{
    if (heap->pauses != NULL)
        (void)mid__sys_unmap(heap->pauses, heap->pauses->bytes);
    heap->pauses = NULL;
}

/* ---- noting a pause ---------------------------------------------------------------------------------------------------- */

static unsigned bucket_of(uint64_t ns)
{
    if (ns < SUB)
        return (unsigned)ns;
    unsigned octave = mid__log2_floor(ns);
    if (octave >= OCTAVES)
        return BUCKETS - 1;
    return (octave - SUB_BITS) * SUB + (unsigned)(ns >> (octave - SUB_BITS));
}

static struct mid_pause_bucket bucket_at(unsigned index)
{
    if (index < SUB)
        return (struct mid_pause_bucket){index, index, 0};
    unsigned shift = index / SUB - 1;
    uint64_t first = (uint64_t)(SUB + index % SUB) << shift;
    return (struct mid_pause_bucket){first, index == BUCKETS - 1 ? UINT64_MAX : first + ((uint64_t)1 << shift) - 1, 0};
}

static void count(struct histogram *h, uint64_t ns)
{
    if (h->count == 0 || ns < h->least)
        h->least = ns;
    if (ns > h->most)
        h->most = ns;
    h->count++;
    h->sum += ns;
    h->buckets[bucket_of(ns)]++;
}

/* A pause of the phase began at `wall` since the heap was made and at `cpu` of the thread, and took so long. */
void mid__pauses_note(struct mid_heap *heap, enum mid_pause phase, uint64_t wall, uint64_t wall_ns, uint64_t cpu,
                      uint64_t cpu_ns)
{
    struct mid__pauses *p = heap->pauses;
    count(&p->of[phase][MID_CLOCK_WALL], wall_ns);
    count(&p->of[phase][MID_CLOCK_CPU], cpu_ns);
    if (phase == MID_PAUSE_FINALIZE)
        return;
    p->paused[MID_CLOCK_WALL] += wall_ns;
    p->paused[MID_CLOCK_CPU] += cpu_ns;
    bool same = pthread_equal(p->thread, pthread_self()) != 0;
    uint64_t begin = p->cpu_head + (same && cpu > p->cpu_at ? cpu - p->cpu_at : 0);
    struct entry *e = &p->log[p->written++ % p->capacity];
    *e = (struct entry){{wall, begin}, {wall_ns, cpu_ns}};
    p->cpu_head = begin + cpu_ns;
    p->cpu_at = cpu + cpu_ns;
    p->thread = pthread_self();
}

/* CPU time of the program alone since the heap was made, the thread's clock being `cpu`. */
uint64_t mid__pauses_program_cpu(const struct mid_heap *heap, uint64_t cpu)
{
    const struct mid__pauses *p = heap->pauses;
    bool same = pthread_equal(p->thread, pthread_self()) != 0;
    return p->cpu_head - p->paused[MID_CLOCK_CPU] + (same && cpu > p->cpu_at ? cpu - p->cpu_at : 0);
}

/* What runs after collections may collect: the pauses of that are taken off, and what it runs in its turn is part of the
 * outermost. */
void mid__pauses_after_begin(struct mid_heap *heap)
{
    struct mid__pauses *p = heap->pauses;
    if (p->after_depth++ != 0)
        return;
    p->after_begun[MID_CLOCK_WALL] = mid__sys_now_ns();
    p->after_begun[MID_CLOCK_CPU] = mid__sys_thread_cpu_ns();
    for (unsigned clock = 0; clock < MID_CLOCKS; clock++)
        p->after_paused[clock] = p->paused[clock];
}

void mid__pauses_after_end(struct mid_heap *heap)
{
    struct mid__pauses *p = heap->pauses;
    if (--p->after_depth != 0)
        return;
    const uint64_t *begun = p->after_begun;
    uint64_t now[MID_CLOCKS] = {mid__sys_now_ns(), mid__sys_thread_cpu_ns()}, took[MID_CLOCKS];
    for (unsigned clock = 0; clock < MID_CLOCKS; clock++) {
        uint64_t inside = p->paused[clock] - p->after_paused[clock];
        took[clock] = now[clock] - begun[clock] > inside ? now[clock] - begun[clock] - inside : 0;
    }
    if (heap->chrome != NULL) /* as a whole: what is nested is seen in it */
        mid__chrome_pause(heap, MID_PAUSE_FINALIZE, begun[MID_CLOCK_WALL], now[MID_CLOCK_WALL] - begun[MID_CLOCK_WALL],
                          begun[MID_CLOCK_CPU], now[MID_CLOCK_CPU] - begun[MID_CLOCK_CPU]);
    mid__pauses_note(heap, MID_PAUSE_FINALIZE, begun[MID_CLOCK_WALL] - heap->made_ns, took[MID_CLOCK_WALL],
                     begun[MID_CLOCK_CPU], took[MID_CLOCK_CPU]);
}

void mid_heap_pauses_reset(struct mid_heap *heap)
{
    struct mid__pauses *p = heap->pauses;
    for (unsigned phase = 0; phase < MID_PAUSE_KINDS; phase++)
        for (unsigned clock = 0; clock < MID_CLOCKS; clock++)
            p->of[phase][clock] = (struct histogram){0};
    uint64_t now = mid__sys_thread_cpu_ns();
    if (pthread_equal(p->thread, pthread_self()) && now > p->cpu_at)
        p->cpu_head += now - p->cpu_at;
    p->cpu_at = now;
    p->thread = pthread_self();
    p->written = 0;
    p->span_begin[MID_CLOCK_WALL] = mid__sys_now_ns() - heap->made_ns;
    p->span_begin[MID_CLOCK_CPU] = p->cpu_head;
}

/* ---- histograms ---------------------------------------------------------------------------------------------------------- */

static bool phases_of(enum mid_pause phase, enum mid_clock clock, unsigned *first, unsigned *end)
{
    if ((unsigned)phase > MID_PAUSE_ALL || (unsigned)clock >= MID_CLOCKS)
        return false;
    *first = phase == MID_PAUSE_ALL ? 0 : (unsigned)phase;
    *end = phase == MID_PAUSE_ALL ? MID_PAUSE_FINALIZE : (unsigned)phase + 1;
    return true;
}

static uint64_t in_bucket(const struct mid__pauses *p, unsigned first, unsigned end, enum mid_clock clock, unsigned bucket)
{
    uint64_t sum = 0;
    for (unsigned phase = first; phase < end; phase++)
        sum += p->of[phase][clock].buckets[bucket];
    return sum;
}

static struct mid_pauses sums(const struct mid__pauses *p, unsigned first, unsigned end, enum mid_clock clock)
{
    struct mid_pauses all = {.struct_size = sizeof all};
    for (unsigned phase = first; phase < end; phase++) {
        const struct histogram *h = &p->of[phase][clock];
        if (h->count != 0 && (all.count == 0 || h->least < all.shortest_ns))
            all.shortest_ns = h->least;
        if (h->most > all.longest_ns)
            all.longest_ns = h->most;
        all.count += h->count;
        all.sum_ns += h->sum;
    }
    return all;
}

static uint64_t quantile(const struct mid__pauses *p, unsigned first, unsigned end, enum mid_clock clock,
                         const struct mid_pauses *all, double q)
{
    double wanted = q * (double)all->count;
    uint64_t rank = (uint64_t)wanted, seen = 0;
    rank += (double)rank < wanted || rank == 0;
    for (unsigned b = 0; b < BUCKETS; b++) {
        seen += in_bucket(p, first, end, clock, b);
        if (seen >= rank) {
            uint64_t last = bucket_at(b).last_ns;
            return last < all->longest_ns ? last : all->longest_ns;
        }
    }
    return all->longest_ns;
}

enum mid_status mid_heap_pauses(const struct mid_heap *heap, enum mid_pause phase, enum mid_clock clock,
                                struct mid_pauses *pauses)
{
    unsigned first, end;
    if (pauses == NULL || pauses->struct_size != sizeof *pauses || !phases_of(phase, clock, &first, &end))
        return MID_E_INVALID;
    *pauses = sums(heap->pauses, first, end, clock);
    if (pauses->count == 0)
        return MID_OK;
    pauses->p50_ns = quantile(heap->pauses, first, end, clock, pauses, 0.5);
    pauses->p90_ns = quantile(heap->pauses, first, end, clock, pauses, 0.9);
    pauses->p99_ns = quantile(heap->pauses, first, end, clock, pauses, 0.99);
    pauses->p999_ns = quantile(heap->pauses, first, end, clock, pauses, 0.999);
    return MID_OK;
}

uint64_t mid_heap_pause_quantile(const struct mid_heap *heap, enum mid_pause phase, enum mid_clock clock, double q)
{
    unsigned first, end;
    if (!(q >= 0 && q <= 1) || !phases_of(phase, clock, &first, &end))
        return 0;
    struct mid_pauses all = sums(heap->pauses, first, end, clock);
    return all.count == 0 ? 0 : quantile(heap->pauses, first, end, clock, &all, q);
}

size_t mid_heap_pause_buckets(const struct mid_heap *heap, enum mid_pause phase, enum mid_clock clock,
                              struct mid_pause_bucket *out, size_t capacity)
{
    unsigned first, end;
    size_t used = 0;
    if (!phases_of(phase, clock, &first, &end))
        return 0;
    for (unsigned b = 0; b < BUCKETS; b++) {
        struct mid_pause_bucket bucket = bucket_at(b);
        bucket.count = in_bucket(heap->pauses, first, end, clock, b);
        if (bucket.count != 0 && used++ < capacity)
            out[used - 1] = bucket;
    }
    return used;
}

/* ---- utilisation --------------------------------------------------------------------------------------------------------- */

struct reading { /* goes through the log once, for moments that do not go back */
    const struct mid__pauses *p;
    unsigned clock;
    uint64_t next, end; /* numbers of pauses */
    uint64_t before;    /* the sum of those that are passed */
};

static const struct entry *entry_at(const struct mid__pauses *p, uint64_t number)
{
    return &p->log[number % p->capacity];
}

/* How much of the time up to `moment` was pause, counted from the first of the log. */
static uint64_t paused_until(struct reading *r, uint64_t moment)
{
    for (; r->next < r->end; r->next++) {
        const struct entry *e = entry_at(r->p, r->next);
        if (e->begin[r->clock] + e->length[r->clock] > moment)
            return r->before + (moment > e->begin[r->clock] ? moment - e->begin[r->clock] : 0);
        r->before += e->length[r->clock];
    }
    return r->before;
}

/* Looks at the windows that begin with each pause, and at the last of the span. */
static uint64_t look(const struct reading *start, struct mid_utilisation *u)
{
    struct reading left = *start, right = *start;
    uint64_t last = u->span_begin_ns + u->span_ns - u->window_ns, worst = 0;
    for (uint64_t i = start->next; i <= start->end; i++) {
        uint64_t at = i < start->end ? entry_at(start->p, i)->begin[start->clock] : last;
        at = at < last ? at : last;
        uint64_t before = paused_until(&left, at), paused = paused_until(&right, at + u->window_ns) - before;
        if (paused > worst) {
            worst = paused;
            u->worst_ns = at;
        }
    }
    return worst;
}

enum mid_status mid_heap_utilisation(const struct mid_heap *heap, struct mid_utilisation *u)
{
    if (u == NULL || u->struct_size != sizeof *u || u->window_ns == 0 || u->clock >= MID_CLOCKS)
        return MID_E_INVALID;
    const struct mid__pauses *p = heap->pauses;
    struct reading start = {p, u->clock, p->written > p->capacity ? p->written - p->capacity : 0, p->written, 0};
    uint64_t now = mid__sys_now_ns() - heap->made_ns, cpu = mid__sys_thread_cpu_ns(), window = u->window_ns;
    if (u->clock == MID_CLOCK_CPU)
        now = p->cpu_head + (pthread_equal(p->thread, pthread_self()) && cpu > p->cpu_at ? cpu - p->cpu_at : 0);
    u->whole = start.next == 0;
    u->span_begin_ns = u->whole ? p->span_begin[u->clock] : entry_at(p, start.next)->begin[u->clock];
    u->span_ns = now - u->span_begin_ns;
    u->worst_ns = u->span_begin_ns;
    u->minimum = u->mean = 1;
    if (start.end == 0 || u->span_ns == 0)
        return MID_OK;
    if (u->window_ns > u->span_ns)
        u->window_ns = u->span_ns;
    uint64_t worst = look(&start, u);
    struct reading all = start;
    u->minimum = 1 - (double)worst / (double)u->window_ns;
    u->mean = 1 - (double)paused_until(&all, now) / (double)u->span_ns;
    u->window_ns = window;
    return MID_OK;
}
