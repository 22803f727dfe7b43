/* SPDX-License-Identifier: MIT
 *
 * mark_parallel.c: marking by several threads: all of them in a pause, helpers alone beside the program (Note [Crew] in crew.c).
 *
 *     worker         | top  ........ | <- pushes and pops        worker         | top  ...
 *                    | second ...... | <- full, or empty                        | second
 *                           | full, or half of it when someone is hungry   ^ empty
 *                           v                                              |
 *     pool (grey)    | part | -> | part | -> | part |   under the lock, once in some 510 objects
 *
 * A worker owns two parts of the mark stack, so that it does not go to the pool and back when it stands at the border of
 * one. Mark bits are set by compare-and-swap on their word, after a plain look: each object is pushed by the one worker that
 * turned it grey. No order is needed between a mark bit and anything else: objects that helpers scan were there when the crew was
 * sent (the lock orders that), and newer ones are black.
 *
 * The two rings of prefetching are those of mark.c, kept even in a small heap: helpers are for large ones. Large arrays
 * are scanned by pieces; one worker has one at a time, what it finds is shared.
 *
 * *Odd objects* are scanned by the mutator alone: those whose type has a trace callback, which may read anything of the
 * program's; keys of weak tables and weak tables, whose records the program changes. A helper that meets one lays it aside. Both
 * sides of a pair are looked at by the mutator, so that the argument of ephemeron.c holds: whichever comes later finds the other
 * one's mark bit set, by the lock that handed it over.
 *
 * The end: the pool, the list of odd ones, the slices and the mutator's own parts are empty, and no helper is at work. A helper
 * counts as at work until all it holds is in the pool. The question is asked by the mutator, under the lock: only it could
 * make something grey afterwards, by the barrier.
 *
 *   I1  a grey object is on one part: a worker's, the pool's or the odd list; or a slice; or in a ring of a worker at work
 *   I2  parts of the pool and the odd list hold something
 *   I3  workers in, each with one slice at most, and slices that lie open: never more than the crew has members, but for the one
 *       that the mutator had before; if there is no room for one, that counts as an overflow of the stack
 *
 * Overflow is as in mark.c: noted, and the mutator alone reads the marked objects again when the crew is home. The limit of
 * the mark stack counts every part; two a worker are had whatever it is.
 */
#include "crew.h"

#include <stdlib.h>

#define REF_RING    32u
#define OBJECT_RING 16u
#define SLICE_WORDS 2048u
#define WORTH_SHARING 32u
#define PROGRESS_EVERY ((size_t)16 << 10)

/* ---- parts: the lock is held --------------------------------------------------------------------------------------------- */

static struct mid__stack_part *spare_part(struct mid__mark *m, bool beyond_limit)
{
    struct mid__stack_part *part = m->spare;
    if (part != NULL) {
        m->spare = part->below;
    } else {
        if ((!beyond_limit && m->parts >= m->parts_max) || (part = malloc(sizeof *part)) == NULL)
            return NULL;
        m->parts++;
    }
    part->below = NULL;
    part->count = 0;
    return part;
}

static void list_part(struct mid__stack_part **list, struct mid__stack_part *part)
{
    part->below = *list;
    *list = part;
}

/* Where there is something new for others to do. */
static void publish(struct mid__crew *crew, struct mid__stack_part *part)
{
    part->below = atomic_load_explicit(&crew->grey, memory_order_relaxed);
    atomic_store_explicit(&crew->grey, part, memory_order_relaxed);
    if (crew->waiting != 0)
        pthread_cond_signal(&crew->work);
    if (crew->waiting <= 1 && !crew->mutator_waits) /* who still finds nothing says so again */
        atomic_fetch_and_explicit(&crew->poke, ~MID__CREW_HUNGRY, memory_order_relaxed);
    if (crew->mutator_waits)
        pthread_cond_signal(&crew->idle);
}

/* To the list, or among the spare ones when it is empty. */
static void put_away(struct mid__crew *crew, struct mid__stack_part *part, bool odd)
{
    if (part == NULL)
        return;
    if (part->count == 0)
        list_part(&crew->heap->mark.spare, part);
    else if (odd)
        list_part(&crew->odd, part);
    else
        publish(crew, part);
}

static void take_slice(struct mid__worker *w)
{
    struct mid__crew *crew = w->crew;
    if (w->sliced != 0 || crew->slice_count == 0)
        return;
    struct mid__slice_left slice = crew->slices[--crew->slice_count];
    w->sliced = slice.object;
    w->sliced_word = slice.word;
}

static bool enter(struct mid__worker *w)
{
    struct mid__crew *crew = w->crew;
    struct mid__mark *m = &crew->heap->mark;
    w->top = spare_part(m, true);
    w->second = w->top == NULL ? NULL : spare_part(m, true);
    if (w->second == NULL) {
        put_away(crew, w->top, false);
        w->top = NULL;
        return false;
    }
    take_slice(w);
    return true;
}

/* All that the worker holds goes to the crew. */
static void leave(struct mid__worker *w)
{
    struct mid__crew *crew = w->crew;
    if (w->sliced != 0 && crew->slice_count < MID__SLICES_LEFT)
        crew->slices[crew->slice_count++] = (struct mid__slice_left){w->sliced, w->sliced_word};
    else if (w->sliced != 0)
        w->overflowed = true;
    put_away(crew, w->top, false);
    put_away(crew, w->second, false);
    put_away(crew, w->odd, true);
    w->top = w->second = w->odd = NULL;
    w->sliced = 0;
    atomic_store_explicit(&w->progress, w->bytes[0] + w->bytes[1], memory_order_relaxed);
}

/* ---- a worker's two parts ------------------------------------------------------------------------------------------------- */

static bool is_mutator(const struct mid__worker *w)
{
    return w == &w->crew->workers[0];
}

static void exchange(struct mid__worker *w)
{
    struct mid__stack_part *part = w->top;
    w->top = w->second;
    w->second = part;
}

/* Top is full: another part comes in its place. */
static MID__NOINLINE bool next_top(struct mid__worker *w)
{
    struct mid__crew *crew = w->crew;
    bool room = w->second->count == 0;
    if (!room && mid__crew_alive(crew->heap)) {
        pthread_mutex_lock(&crew->lock);
        struct mid__stack_part *fresh = spare_part(&crew->heap->mark, false);
        if (fresh != NULL) {
            publish(crew, w->second);
            w->second = fresh;
            room = true;
        }
        pthread_mutex_unlock(&crew->lock);
    }
    if (room)
        exchange(w);
    return room;
}

MID__INLINE void push(struct mid__worker *w, uintptr_t object)
{
    if (MID__UNLIKELY(w->top->count == MID__STACK_ENTRIES) && !next_top(w)) {
        w->overflowed = true;
        w->overflows++;
        return;
    }
    w->top->entries[w->top->count++] = object;
}

/* Top is empty: the second part, or one of the pool. False: there is nothing. */
static MID__NOINLINE bool more(struct mid__worker *w)
{
    struct mid__crew *crew = w->crew;
    if (w->second->count != 0) {
        exchange(w);
        return true;
    }
    if (atomic_load_explicit(&crew->grey, memory_order_relaxed) == NULL)
        return false;
    pthread_mutex_lock(&crew->lock);
    struct mid__stack_part *part = atomic_load_explicit(&crew->grey, memory_order_relaxed);
    if (part != NULL) {
        atomic_store_explicit(&crew->grey, part->below, memory_order_relaxed);
        list_part(&crew->heap->mark.spare, w->top);
        w->top = part;
    }
    pthread_mutex_unlock(&crew->lock);
    return part != NULL;
}

/* 0 when neither the worker nor the pool has any. */
MID__INLINE uintptr_t pop(struct mid__worker *w)
{
    if (MID__UNLIKELY(w->top->count == 0) && !more(w))
        return 0;
    return w->top->entries[--w->top->count];
}

/* Someone waits: gives the second part, or the older half of the first. */
static MID__NOINLINE void share(struct mid__worker *w)
{
    struct mid__crew *crew = w->crew;
    struct mid__stack_part *top = w->top, *second = w->second;
    if (second->count == 0 && top->count < WORTH_SHARING)
        return;
    if (second->count == 0) {
        second->count = top->count / 2;
        top->count -= second->count;
        for (size_t i = 0; i < second->count; i++)
            second->entries[i] = top->entries[i];
        for (size_t i = 0; i < top->count; i++)
            top->entries[i] = top->entries[second->count + i];
    }
    pthread_mutex_lock(&crew->lock);
    struct mid__stack_part *fresh = spare_part(&crew->heap->mark, false);
    if (fresh != NULL) {
        publish(crew, second);
        w->second = fresh;
    }
    pthread_mutex_unlock(&crew->lock);
}

/* ---- colours --------------------------------------------------------------------------------------------------------------- */

/* Sets the mark bit; true when it was clear. */
MID__INLINE bool turn_grey(uint64_t *word, uint64_t mask)
{
    uint64_t seen = __atomic_load_n(word, __ATOMIC_RELAXED);
    while ((seen & mask) == 0)
        if (__atomic_compare_exchange_n(word, &seen, seen | mask, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
    return false;
}

MID__INLINE void shade(struct mid__worker *w, uintptr_t object)
{
    if (!turn_grey(mid__bit_word(object, w->side), mid__bit_mask(object)))
        return;
    size_t leaf_words = mid__chunk_of(object)->leaf_words[(object & (MID__CHUNK_BYTES - 1)) / MID__BLOCK_BYTES];
    if (leaf_words == 0) {
        push(w, object);
        return;
    }
    w->leaf_bytes += leaf_words * MID__WORD;
    w->bytes[0] += leaf_words * MID__WORD;
    w->objects[0]++;
}

/* By the mutator, while the crew is out. */
void mid__crew_shade(struct mid_heap *heap, uintptr_t object)
{
    shade(&heap->crew->workers[0], object);
}

/* ---- the loop ----------------------------------------------------------------------------------------------------------------- */

struct run {
    struct mid__worker *w;
    unsigned ref_at, object_at;
    uintptr_t refs[REF_RING];
    uintptr_t objects[OBJECT_RING];
};

/* Pairs with the release in mid_store_slow: what is found is as whole as it was when it was stored. */
MID__INLINE void found_slot(void *context, struct mid_ref *slot)
{
    struct run *r = context;
    struct mid__worker *w = r->w;
    uintptr_t object = (uintptr_t)__atomic_load_n(&slot->object, __ATOMIC_ACQUIRE), oldest = r->refs[r->ref_at];
    if (object == 0 || object - w->young_base < w->young_bytes)
        return;
    MID__PREFETCH_WRITE(mid__bit_word(object, w->side));
    r->refs[r->ref_at] = object;
    r->ref_at = (r->ref_at + 1) % REF_RING;
    if (MID__LIKELY(oldest != 0))
        shade(w, oldest);
}

static void found_traced(void *context, struct mid_ref *slot, const char *name, size_t index)
{
    (void)name;
    (void)index;
    found_slot(context, slot);
}

static void flush_refs(struct run *r)
{
    for (unsigned i = 0; i < REF_RING; i++) {
        uintptr_t object = r->refs[i];
        r->refs[i] = 0;
        if (object != 0)
            shade(r->w, object);
    }
}

static uintptr_t last_object(struct run *r)
{
    flush_refs(r);
    uintptr_t object = pop(r->w);
    for (unsigned i = 0; i < OBJECT_RING && object == 0; i++) {
        object = r->objects[r->object_at];
        r->objects[r->object_at] = 0;
        r->object_at = (r->object_at + 1) % OBJECT_RING;
    }
    return object;
}

MID__INLINE uintptr_t next_object(struct run *r)
{
    for (;;) {
        uintptr_t object = pop(r->w), oldest = r->objects[r->object_at];
        if (MID__UNLIKELY(object == 0))
            return last_object(r);
        MID__PREFETCH((const void *)object);
        r->objects[r->object_at] = object;
        r->object_at = (r->object_at + 1) % OBJECT_RING;
        if (MID__LIKELY(oldest != 0))
            return oldest;
    }
}

static size_t scan_slice(struct run *r)
{
    struct mid__worker *w = r->w;
    struct mid_ref *payload = (struct mid_ref *)(w->sliced + MID__WORD);
    size_t words = mid__payload_of(*mid__header_at(w->sliced)) / MID__WORD, from = w->sliced_word;
    size_t to = words - from < SLICE_WORDS ? words : from + SLICE_WORDS;
    for (size_t i = from; i < to; i++)
        found_slot(r, &payload[i]);
    w->sliced_word = to;
    if (to == words)
        w->sliced = 0;
    return (to - from) * MID__WORD;
}

/* Laid aside, by the mutator, too: it may have a weak table in progress. */
static MID__NOINLINE size_t odd_object(struct mid__worker *w, uintptr_t object)
{
    struct mid__crew *crew = w->crew;
    if (w->odd != NULL && w->odd->count < MID__STACK_ENTRIES) {
        w->odd->entries[w->odd->count++] = object;
        return MID__WORD;
    }
    pthread_mutex_lock(&crew->lock);
    put_away(crew, w->odd, true);
    w->odd = spare_part(&crew->heap->mark, false);
    pthread_mutex_unlock(&crew->lock);
    if (w->odd != NULL) {
        w->odd->entries[w->odd->count++] = object;
    } else {
        w->overflowed = true; /* it is grey and stands nowhere */
        w->overflows++;
    }
    return MID__WORD;
}

MID__INLINE bool is_odd(const struct mid_heap *heap, uint64_t header)
{
    return (header & MID__EPHEMERAL) != 0 ||
           ((header & MID__LAYOUT_MASK) == (uint64_t)MID__LAYOUT_TABLE << MID__LAYOUT_SHIFT &&
            heap->types[mid__type_index(header)].trace != NULL);
}

/* The object has more than MID_YOUNG_BYTES; its tail is scanned by pieces. */
static size_t scan_large(struct run *r, uintptr_t object, uint64_t header)
{
    struct mid__worker *w = r->w;
    uint64_t layout = (header & MID__LAYOUT_MASK) >> MID__LAYOUT_SHIFT;
    const struct mid__type *type = &w->crew->heap->types[mid__type_index(header)];
    struct mid_ref *payload = (struct mid_ref *)(object + MID__WORD);
    if (layout == MID__LAYOUT_RAW)
        return MID__WORD;
    for (uint32_t i = 0; layout == MID__LAYOUT_TABLE && i < type->field_count; i++)
        found_slot(r, payload + type->fields[i].offset / MID__WORD);
    if (layout == MID__LAYOUT_REFS || type->tail == MID_TAIL_REFS) {
        w->sliced = object;
        w->sliced_word = layout == MID__LAYOUT_REFS ? 0 : type->fixed_bytes / MID__WORD;
    }
    return MID__WORD;
}

MID__INLINE size_t scan(struct run *r, uintptr_t object)
{
    struct mid__worker *w = r->w;
    struct mid_heap *heap = w->crew->heap;
    uint64_t header = *mid__header_at(object);
    if (MID__UNLIKELY(is_odd(heap, header)))
        return odd_object(w, object);
    size_t bytes = mid__bytes_of(header);
    w->bytes[mid__is_large(bytes)] += bytes;
    w->objects[mid__is_large(bytes)]++;
    if (MID__UNLIKELY(mid__is_large(bytes)))
        return scan_large(r, object, header);
    mid__each_slot(heap, object, header, found_slot, r, found_traced);
    return bytes;
}

/* Scans until there is nothing left that this worker can get, or some `budget` bytes are done, leaves included; a helper also
 * when the crew is recalled. Returns the bytes done. */
static size_t run(struct mid__worker *w, size_t budget)
{
    struct run r = {.w = w};
    struct mid__crew *crew = w->crew;
    size_t leaves = w->leaf_bytes, done = 0, told = 0;
    bool mutator = is_mutator(w);
    while (done + (w->leaf_bytes - leaves) < budget) {
        unsigned poke = atomic_load_explicit(&crew->poke, memory_order_relaxed);
        if (MID__UNLIKELY(poke != 0)) {
            if ((poke & MID__CREW_STOP) != 0 && !mutator)
                break;
            if (poke & MID__CREW_HUNGRY)
                share(w);
        }
        if (MID__UNLIKELY(done - told >= PROGRESS_EVERY)) {
            told = done;
            atomic_store_explicit(&w->progress, w->bytes[0] + w->bytes[1], memory_order_relaxed);
        }
        if (MID__UNLIKELY(w->sliced != 0)) {
            done += scan_slice(&r);
            continue;
        }
        uintptr_t object = next_object(&r);
        if (object == 0)
            break;
        done += scan(&r, object) + MID__WORD;
    }
    for (unsigned i = 0; i < OBJECT_RING; i++)
        if (r.objects[i] != 0)
            push(w, r.objects[i]);
    flush_refs(&r);
    return done + (w->leaf_bytes - leaves);
}

/* A helper's turn: until it finds nothing more to do. */
void mid__crew_mark(struct mid__worker *w)
{
    struct mid__crew *crew = w->crew;
    pthread_mutex_lock(&crew->lock);
    bool in = enter(w);
    pthread_mutex_unlock(&crew->lock);
    if (in)
        (void)run(w, SIZE_MAX);
    pthread_mutex_lock(&crew->lock);
    leave(w);
    if (crew->mutator_waits)
        pthread_cond_signal(&crew->idle);
    pthread_mutex_unlock(&crew->lock);
}

/* ---- out and home ------------------------------------------------------------------------------------------------------------- */

static bool nothing_to_do(const struct mid_heap *heap)
{
    const struct mid__mark *m = &heap->mark;
    return m->top->count == 0 && m->top->below == NULL && m->sliced == 0 && heap->crew->slice_count == 0;
}

/* All that is grey goes to the crew. False, and nothing has changed: there is no helper, no memory or nothing to do. */
bool mid__crew_send_marking(struct mid_heap *heap)
{
    struct mid__crew *crew = heap->crew;
    struct mid__mark *m = &heap->mark;
    if (nothing_to_do(heap) || !mid__crew_ready(heap) || !enter(&crew->workers[0]))
        return false;
    struct mid__stack_part *empty = m->top->count == 0 ? m->top : spare_part(m, true);
    if (empty == NULL) {
        leave(&crew->workers[0]); /* two empty parts, and perhaps a slice */
        return false;
    }
    struct mid__stack_part *full = empty == m->top ? empty->below : m->top;
    empty->below = NULL;
    m->top = empty;
    atomic_store_explicit(&crew->grey, full, memory_order_relaxed);
    if (m->sliced != 0 && !mid__is_weak_table(heap, *mid__header_at(m->sliced)) && crew->slice_count < MID__SLICES_LEFT) {
        crew->slices[crew->slice_count++] = (struct mid__slice_left){m->sliced, m->sliced_word};
        m->sliced = 0;
    }
    for (unsigned i = 0; i <= crew->made; i++) {
        struct mid__worker *w = &crew->workers[i];
        w->side = mid__mark_side(heap);
        w->young_base = heap->hot.young_base;
        w->young_bytes = heap->hot.young_bytes;
    }
    crew->seen_progress = 0;
    mid__crew_send_to(heap, MID__JOB_MARK);
    return true;
}

static void add_counts(struct mid_heap *heap, struct mid__worker *w)
{
    struct mid__mark *m = &heap->mark;
    for (unsigned i = 0; i < 2; i++) {
        m->bytes[i] += w->bytes[i];
        m->objects[i] += w->objects[i];
        if (!is_mutator(w))
            heap->crew->marked_bytes += w->bytes[i];
        w->bytes[i] = w->objects[i] = 0;
    }
    m->leaf_bytes += w->leaf_bytes;
    m->overflows += w->overflows;
    m->overflowed = m->overflowed || w->overflowed;
    w->leaf_bytes = 0;
    w->overflows = 0;
    w->overflowed = false;
    atomic_store_explicit(&w->progress, 0, memory_order_relaxed);
}

/* No helper is at work: all that is grey goes to heap->mark. */
void mid__crew_gather(struct mid_heap *heap)
{
    struct mid__crew *crew = heap->crew;
    struct mid__mark *m = &heap->mark;
    pthread_mutex_lock(&crew->lock);
    leave(&crew->workers[0]);
    for (struct mid__stack_part *part = crew->odd, *below; part != NULL; part = below) {
        below = part->below;
        publish(crew, part);
    }
    crew->odd = NULL;
    m->top->below = atomic_load_explicit(&crew->grey, memory_order_relaxed);
    atomic_store_explicit(&crew->grey, NULL, memory_order_relaxed);
    pthread_mutex_unlock(&crew->lock);
    for (unsigned i = 0; i <= crew->made; i++)
        add_counts(heap, &crew->workers[i]);
    mid__crew_next_slice(heap);
}

/* In a child of fork: what helpers held may be half done, and the lock held for ever. The mutator's own parts are whole. */
void mid__crew_gather_lost(struct mid_heap *heap)
{
    struct mid__crew *crew = heap->crew;
    struct mid__mark *m = &heap->mark;
    m->spare = NULL;
    m->top->below = NULL;
    m->overflowed = true;
    crew->slice_count = 0;
    crew->workers[0].top = crew->workers[0].second = crew->workers[0].odd = NULL;
    crew->workers[0].sliced = 0;
    add_counts(heap, &crew->workers[0]);
}

/* The crew is home: heap->mark takes up an array that is left, if it has none in progress. True when it has one now. */
bool mid__crew_next_slice(struct mid_heap *heap)
{
    struct mid__crew *crew = heap->crew;
    if (crew == NULL || heap->crew_marks)
        return false;
    if (heap->mark.sliced == 0 && crew->slice_count != 0) {
        struct mid__slice_left slice = crew->slices[--crew->slice_count];
        heap->mark.sliced = slice.object;
        heap->mark.sliced_word = slice.word;
    }
    return heap->mark.sliced != 0;
}

uintptr_t mid__crew_slice(const struct mid_heap *heap, size_t i)
{
    return heap->crew != NULL && i < heap->crew->slice_count ? heap->crew->slices[i].object : 0;
}

/* ---- the mutator as one of the crew --------------------------------------------------------------------------------------------- */

/* Objects that helpers have laid aside, and a weak table in progress. */
static size_t work_odd(struct mid_heap *heap, size_t budget)
{
    struct mid__crew *crew = heap->crew;
    size_t done = 0;
    while (done < budget) {
        if (heap->mark.sliced != 0) {
            done += mid__ephemeron_slice(heap);
            continue;
        }
        pthread_mutex_lock(&crew->lock);
        struct mid__stack_part *part = crew->odd;
        uintptr_t object = part == NULL ? 0 : part->entries[--part->count];
        if (part != NULL && part->count == 0) {
            crew->odd = part->below;
            list_part(&heap->mark.spare, part);
        }
        pthread_mutex_unlock(&crew->lock);
        if (object == 0)
            break;
        done += mid__mark_scan_odd(heap, object);
    }
    return done;
}

/* What the mutator holds is there for all; the lock is held. */
static void publish_own(struct mid__worker *w)
{
    struct mid__stack_part **parts[2] = {&w->top, &w->second};
    for (unsigned i = 0; i < 2; i++) {
        struct mid__stack_part *fresh = (*parts[i])->count == 0 ? NULL : spare_part(&w->crew->heap->mark, true);
        if (fresh == NULL)
            continue;
        publish(w->crew, *parts[i]);
        *parts[i] = fresh;
    }
    put_away(w->crew, w->odd, true);
    w->odd = NULL;
    if (w->sliced != 0 && w->crew->slice_count < MID__SLICES_LEFT) {
        w->crew->slices[w->crew->slice_count++] = (struct mid__slice_left){w->sliced, w->sliced_word};
        w->sliced = 0;
        if (w->crew->waiting != 0)
            pthread_cond_signal(&w->crew->work);
    }
}

/* The lock is held. */
static bool nothing_is_grey(const struct mid_heap *heap)
{
    const struct mid__crew *crew = heap->crew;
    const struct mid__worker *w = &crew->workers[0];
    return atomic_load_explicit(&crew->running, memory_order_relaxed) == 0 &&
           atomic_load_explicit(&crew->grey, memory_order_relaxed) == NULL && crew->odd == NULL && crew->slice_count == 0 &&
           w->top->count == 0 && w->second->count == 0 && w->sliced == 0 && heap->mark.sliced == 0;
}

static size_t helpers_progress(const struct mid__crew *crew)
{
    size_t sum = 0;
    for (unsigned i = 1; i <= crew->made; i++)
        sum += atomic_load_explicit(&crew->workers[i].progress, memory_order_relaxed);
    return sum;
}

/* Marked since the crew was sent and not counted yet; about. */
size_t mid__crew_progress(const struct mid_heap *heap)
{
    return heap->crew_marks ? helpers_progress(heap->crew) + heap->crew->workers[0].bytes[0] + heap->crew->workers[0].bytes[1] : 0;
}

/* A step beside helpers: what is odd, and of the rest as much as they have left undone of the budget. True: nothing is grey,
 * and the crew is home. */
bool mid__crew_step(struct mid_heap *heap, size_t budget)
{
    struct mid__crew *crew = heap->crew;
    struct mid__worker *w = &crew->workers[0];
    if (!mid__crew_alive(heap))
        return true; /* home, for good */
    if (budget == 0)
        return false;
    size_t progress = helpers_progress(crew), helped = progress - crew->seen_progress;
    crew->seen_progress = progress;
    size_t done = work_odd(heap, budget);
    pthread_mutex_lock(&crew->lock);
    take_slice(w);
    pthread_mutex_unlock(&crew->lock);
    if (done + helped < budget)
        done += run(w, budget - done - helped);
    heap->work_bytes += done;
    pthread_mutex_lock(&crew->lock);
    publish_own(w);
    bool end = nothing_is_grey(heap);
    pthread_mutex_unlock(&crew->lock);
    if (end)
        mid__crew_recall(heap);
    return end;
}

/* The lock is held. The mutator has nothing to do, and helpers have not finished. */
static void wait_for_helpers(struct mid_heap *heap)
{
    struct mid__crew *crew = heap->crew;
    crew->mutator_waits = true;
    atomic_fetch_or_explicit(&crew->poke, MID__CREW_HUNGRY, memory_order_relaxed);
    pthread_mutex_unlock(&crew->lock);
    for (unsigned i = 0; i < MID__CREW_SPINS && atomic_load_explicit(&crew->grey, memory_order_relaxed) == NULL &&
                         atomic_load_explicit(&crew->running, memory_order_relaxed) != 0; i++)
        MID__CPU_RELAX();
    pthread_mutex_lock(&crew->lock);
    while (atomic_load_explicit(&crew->running, memory_order_relaxed) != 0 && crew->odd == NULL && crew->slice_count == 0 &&
           atomic_load_explicit(&crew->grey, memory_order_relaxed) == NULL)
        pthread_cond_wait(&crew->idle, &crew->lock);
    crew->mutator_waits = false;
}

/* In a pause: all of the crew, until nothing is grey; it is home then. Without helpers nothing is done. */
void mid__crew_drain(struct mid_heap *heap)
{
    struct mid__crew *crew = heap->crew;
    if (!mid__crew_alive(heap) || (!heap->crew_marks && !mid__crew_send_marking(heap)))
        return;
    for (bool end = false; !end;) {
        heap->work_bytes += work_odd(heap, SIZE_MAX);
        heap->work_bytes += run(&crew->workers[0], SIZE_MAX);
        pthread_mutex_lock(&crew->lock);
        publish_own(&crew->workers[0]);
        end = nothing_is_grey(heap);
        if (!end)
            wait_for_helpers(heap);
        take_slice(&crew->workers[0]);
        pthread_mutex_unlock(&crew->lock);
    }
    mid__crew_recall(heap);
}
