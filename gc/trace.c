/* SPDX-License-Identifier: MIT
 *
 * trace.c: what is told about collections: events to listeners, trace lines to the sink, the last eight kept for a
 * refusal. All are made of one struct mid_collection, filled in here and by the phases; pauses are measured here, in wall
 * time and in CPU time of the thread, since the wall clock of a shared machine has gaps that are not ours.
 */
#include "internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MB (1024.0 * 1024.0)

/* ---- pauses ------------------------------------------------------------------------------------------------------------------ */

const char *const mid__pause_names[MID_PAUSE_KINDS] = {"scavenge", "start of marking", "marking step", "end of marking",
                                                       "full collection", "sweeping step", "finalizers"};

static bool traces_pauses(const struct mid_heap *heap)
{
    return (heap->options.trace & MID_TRACE_PAUSES) != 0 && heap->options.trace_line != NULL;
}

void mid__pause_begin(struct mid_heap *heap, struct mid_collection *c, enum mid_pause phase)
{
    heap->counting = c;
    heap->pausing = phase;
    heap->begun_ns = mid__sys_now_ns();
    heap->begun_cpu_ns = mid__sys_thread_cpu_ns();
    heap->begun_work = heap->work_bytes;
    if (traces_pauses(heap)) {
        heap->begun_counts = mid__sys_thread_counts();
        heap->begun_cpu_ns = mid__sys_thread_cpu_ns();
    }
}

/* The present pause, which has taken so long. */
static void trace_pause(struct mid_heap *heap, uint64_t wall_ns, uint64_t cpu_ns)
{
    struct mid__sys_thread_counts now = mid__sys_thread_counts();
    char line[200];
    snprintf(line, sizeof line,
             "[midden] %.3f ms: pause %s, %.3f ms, %.3f CPU, work %" PRIu64 " KB, %" PRIu64 " faults, %" PRIu64 " switches",
             (double)(heap->begun_ns - heap->made_ns) / 1e6, mid__pause_names[heap->pausing], (double)wall_ns / 1e6,
             (double)cpu_ns / 1e6, (heap->work_bytes - heap->begun_work) >> 10, now.faults - heap->begun_counts.faults,
             now.switches - heap->begun_counts.switches);
    heap->options.trace_line(heap->options.trace_user, line);
}

uint64_t mid__pause_end(struct mid_heap *heap)
{
    struct mid_collection *c = heap->counting;
    uint64_t wall = mid__sys_now_ns() - heap->begun_ns, cpu = mid__sys_thread_cpu_ns() - heap->begun_cpu_ns;
    if (MID__UNLIKELY(traces_pauses(heap)))
        trace_pause(heap, wall, cpu);
    c->wall_ns += wall;
    c->cpu_ns += cpu;
    if (wall > c->longest_ns)
        c->longest_ns = wall;
    heap->totals.pause_ns_sum += wall;
    if (wall > heap->totals.pause_ns_max)
        heap->totals.pause_ns_max = wall;
    if (cpu > heap->totals.pause_cpu_ns_max)
        heap->totals.pause_cpu_ns_max = cpu;
    if (heap->work_bytes - heap->begun_work > heap->totals.pause_work_bytes_max)
        heap->totals.pause_work_bytes_max = heap->work_bytes - heap->begun_work;
    if (heap->chrome != NULL)
        mid__chrome_pause(heap, heap->pausing, heap->begun_ns, wall, heap->begun_cpu_ns, cpu);
    mid__pauses_note(heap, heap->pausing, heap->begun_ns - heap->made_ns, wall, heap->begun_cpu_ns, cpu);
    return cpu;
}

/* ---- lines ------------------------------------------------------------------------------------------------------------------ */

size_t mid_collection_line(const struct mid_collection *c, char *out, size_t capacity)
{
    static const char *const names[] = {"scavenge", "mark-sweep", "mark-sweep (last resort)", "mark-sweep (incremental)"};
    double at_ms = (double)(c->begin_ns + c->wall_ns) / 1e6;
    int n = snprintf(out, capacity, "[midden] %.1f ms: %s %.1f (%.1f) -> %.1f (%.1f) MB, %.1f ms, %s", at_ms,
                     c->kind < sizeof names / sizeof names[0] ? names[c->kind] : "collection",
                     (double)c->used_before / MB, (double)c->total_before / MB, (double)c->used_after / MB,
                     (double)c->total_after / MB, (double)c->wall_ns / 1e6, c->reason);
    return n < 0 ? 0 : (size_t)n;
}

void mid_trace_to_stream(void *user, const char *line)
{
    fprintf((FILE *)user, "%s\n", line);
}

static void trace(struct mid_heap *heap, const struct mid_collection *c)
{
    if (heap->options.trace_line == NULL)
        return;
    char line[320];
    if (heap->options.trace & MID_TRACE_GC) {
        mid_collection_line(c, line, sizeof line);
        heap->options.trace_line(heap->options.trace_user, line);
    }
    if ((heap->options.trace & MID_TRACE_PHASES) == 0)
        return;
    if (c->kind == MID_COLLECTION_SCAVENGE)
        snprintf(line, sizeof line, "[midden]   survived %.2f MB, promoted %.2f MB, %zu remembered slots, nursery %.1f MB",
                 (double)c->survived_bytes / MB, (double)c->promoted_bytes / MB, c->remembered_slots,
                 (double)heap->nursery.capacity / MB);
    else
        snprintf(line, sizeof line, "[midden]   marked %.2f MB in %zu objects, %u steps, longest pause %.2f ms, next at %.1f MB",
                 (double)c->marked_bytes / MB, c->marked_objects, c->steps, (double)c->longest_ns / 1e6,
                 (double)heap->threshold / MB);
    heap->options.trace_line(heap->options.trace_user, line);
}

/* ---- events -------------------------------------------------------------------------------------------------------------------- */

void mid__tell(struct mid_heap *heap, enum mid_event_kind event, const struct mid_collection *c)
{
    heap->busy++;
    mid__close_window(heap);
    for (size_t i = 0; i < heap->listener_count; i++)
        if (heap->listeners[i].events & (uint32_t)event)
            heap->listeners[i].fn(heap->listeners[i].user, event, c);
    if (heap->chrome != NULL)
        mid__chrome_event(heap, event, c);
    heap->busy--;
}

void mid__event_begin(struct mid_heap *heap, struct mid_collection *c, enum mid_collection_kind kind, const char *reason)
{
    *c = (struct mid_collection){
        .struct_size = sizeof *c,
        .number = ++heap->collections,
        .kind = kind,
        .reason = reason,
        .begin_ns = mid__sys_now_ns() - heap->made_ns,
        .used_before = mid__heap_used(heap),
        .total_before = mid__heap_total(heap),
        .external_before = heap->external,
    };
    mid__tell(heap, MID_EVENT_BEGIN, c);
}

void mid__event_end(struct mid_heap *heap, struct mid_collection *c)
{
    c->used_after = mid__heap_used(heap);
    c->total_after = mid__heap_total(heap);
    c->external_after = mid__external_soon(heap);
    if (c->kind != MID_COLLECTION_INCREMENTAL) { /* its scavenges have events of their own */
        c->survived_bytes = heap->nursery.survived_bytes;
        c->promoted_bytes = heap->nursery.promoted_bytes;
        c->failed_promotion_bytes = heap->nursery.failed_bytes;
    }
    c->remembered_slots = heap->remset.count + heap->remset.huge_count;
    if (c->kind == MID_COLLECTION_SCAVENGE) {
        heap->totals.scavenges++;
    } else {
        heap->totals.full_collections++;
        c->marked_bytes = heap->mark.bytes[0] + heap->mark.bytes[1];
        c->marked_objects = heap->mark.objects[0] + heap->mark.objects[1];
    }
    memmove(&heap->recent[0], &heap->recent[1], sizeof heap->recent - sizeof heap->recent[0]);
    heap->recent[MID__RECENT - 1] = *c;
    trace(heap, c);
    if (heap->chrome != NULL)
        mid__chrome_collection(heap, c);
    mid__tell(heap, MID_EVENT_END, c);
    if (c->kind != MID_COLLECTION_SCAVENGE)
        mid__trend(heap, c);
}

void mid__event_refused(struct mid_heap *heap)
{
    struct mid_collection none = {.struct_size = sizeof none, .reason = "refused"};
    mid__tell(heap, MID_EVENT_REFUSED, &none);
}

static struct mid__listener *find_listener(struct mid_heap *heap, mid_event_fn fn, void *user)
{
    for (size_t i = 0; i < heap->listener_count; i++)
        if (heap->listeners[i].fn == fn && heap->listeners[i].user == user)
            return &heap->listeners[i];
    return NULL;
}

enum mid_status mid_heap_listen(struct mid_heap *heap, uint32_t events, mid_event_fn fn, void *user)
{
    const uint32_t known = MID_EVENT_BEGIN | MID_EVENT_END | MID_EVENT_REFUSED | MID_EVENT_STATS | MID_EVENT_LEAK;
    if (fn == NULL || events == 0 || (events & ~known) != 0 || find_listener(heap, fn, user) != NULL)
        return MID_E_INVALID;
    struct mid__listener *grown = realloc(heap->listeners, (heap->listener_count + 1) * sizeof *grown);
    if (grown == NULL)
        return MID_E_MEMORY;
    heap->listeners = grown;
    heap->listeners[heap->listener_count++] = (struct mid__listener){fn, user, events};
    return MID_OK;
}

enum mid_status mid_heap_unlisten(struct mid_heap *heap, mid_event_fn fn, void *user)
{
    struct mid__listener *entry = find_listener(heap, fn, user);
    if (entry == NULL)
        return MID_E_INVALID;
    for (struct mid__listener *end = heap->listeners + --heap->listener_count; entry < end; entry++)
        entry[0] = entry[1];
    return MID_OK;
}

size_t mid_heap_recent(struct mid_heap *heap, struct mid_collection *out, size_t capacity)
{
    size_t have = 0;
    for (size_t i = 0; i < MID__RECENT; i++)
        have += heap->recent[i].number != 0;
    size_t count = have < capacity ? have : capacity;
    for (size_t i = 0; i < count; i++)
        out[i] = heap->recent[MID__RECENT - count + i];
    return count;
}
