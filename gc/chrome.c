/* SPDX-License-Identifier: MIT
 *
 * chrome.c: what the collector does, as Chrome trace events. Phases say where a part begins (mid__part); nothing is written
 * before the pause has ended and its time was taken, so that the sink costs no pause.
 *
 *     X  a pause        | full -------------------------------------------------------------- |     args: the collection
 *     X  its parts      | sweep | roots | remembered slots | copy | watched | mark | ... | compact |
 *     b e  a cycle      <-- incremental marking, from MARK_START to MARK_END, across the program's own time -->
 *     C  counters       heap_used, heap_total, external: after each collection
 *     i  an instant     a refusal, STATS and LEAK
 *
 * A pause that is a whole collection is held back until the collection's figures are known (mid__event_end).
 *
 *   I1  parts follow each other without a gap from the first on, and end with the pause
 *   I2  an event is composed in full before it is written, and is one JSON object
 */
#include "internal.h"

#include <midden/chrome.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARTS      48u
#define TEXT_BYTES 1024u

struct moment {
    uint64_t wall, cpu;
};

struct part {
    const char *name;
    struct moment begin;
};

struct mid__chrome {
    mid_chrome_fn write;
    void *user;
    bool started; /* the first event needs no comma */
    struct part parts[PARTS]; /* of the present pause; more are added to the last */
    unsigned part_count;
    bool held;    /* a pause waits for the figures of its collection: */
    struct moment held_begin, held_length;
    size_t length;
    char text[TEXT_BYTES];
};

/* ---- composing ----------------------------------------------------------------------------------------------------------- */

static void MID__PRINTF(2, 3) add(struct mid__chrome *c, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(c->text + c->length, TEXT_BYTES - c->length, format, list);
    va_end(list);
    if (n > 0)
        c->length = c->length + (size_t)n < TEXT_BYTES ? c->length + (size_t)n : TEXT_BYTES - 1;
}

/* A string of the program, quoted; its first 64 bytes. What is no plain ASCII becomes '?'. */
static void add_quoted(struct mid__chrome *c, const char *text)
{
    add(c, "\"");
    for (size_t i = 0; i < 64 && text[i] != '\0'; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte == '"' || byte == '\\')
            add(c, "\\%c", byte);
        else
            add(c, "%c", byte >= 0x20 && byte < 0x7f ? byte : '?');
    }
    add(c, "\"");
}

static void begin_event(struct mid__chrome *c, const char *name, char form, uint64_t at_ns)
{
    c->length = 0;
    add(c, "%s{\"name\":", c->started ? ",\n" : "[\n");
    add_quoted(c, name);
    add(c, ",\"cat\":\"gc\",\"ph\":\"%c\",\"ts\":%" PRIu64 ".%03u,\"pid\":%ld,\"tid\":%ld", form, at_ns / 1000,
        (unsigned)(at_ns % 1000), (long)getpid(), (long)gettid());
}

static void add_slice(struct mid__chrome *c, struct moment begin, struct moment length)
{
    add(c, ",\"dur\":%" PRIu64 ".%03u,\"tts\":%" PRIu64 ".%03u,\"tdur\":%" PRIu64 ".%03u", length.wall / 1000,
        (unsigned)(length.wall % 1000), begin.cpu / 1000, (unsigned)(begin.cpu % 1000), length.cpu / 1000,
        (unsigned)(length.cpu % 1000));
}

/* Writes the event; the sink must not allocate in the heap. */
static void end_event(struct mid_heap *heap)
{
    struct mid__chrome *c = heap->chrome;
    add(c, "}");
    c->started = true;
    heap->busy++;
    mid__close_window(heap);
    c->write(c->user, c->text, c->length);
    heap->busy--;
}

static struct moment now(void)
{
    return (struct moment){mid__sys_now_ns(), mid__sys_thread_cpu_ns()};
}

/* ---- what phases and pauses say -------------------------------------------------------------------------------------------- */

void mid__chrome_part(struct mid_heap *heap, const char *name)
{
    struct mid__chrome *c = heap->chrome;
    if (c->part_count == PARTS || (c->part_count != 0 && strcmp(c->parts[c->part_count - 1].name, name) == 0))
        return;
    c->parts[c->part_count++] = (struct part){name, now()};
}

static void write_parts(struct mid_heap *heap, struct moment end)
{
    struct mid__chrome *c = heap->chrome;
    for (unsigned i = 0; i < c->part_count; i++) {
        const struct part *part = &c->parts[i];
        struct moment until = i + 1 < c->part_count ? part[1].begin : end;
        until = until.wall < part->begin.wall ? part->begin : until;
        begin_event(c, part->name, 'X', part->begin.wall);
        add_slice(c, part->begin, (struct moment){until.wall - part->begin.wall, until.cpu - part->begin.cpu});
        end_event(heap);
    }
    c->part_count = 0;
}

void mid__chrome_pause(struct mid_heap *heap, enum mid_pause phase, uint64_t wall, uint64_t wall_ns, uint64_t cpu, uint64_t cpu_ns)
{
    struct mid__chrome *c = heap->chrome;
    struct moment begin = {wall, cpu}, length = {wall_ns, cpu_ns};
    if (phase == MID_PAUSE_SCAVENGE || phase == MID_PAUSE_FULL) {
        c->held = true;
        c->held_begin = begin;
        c->held_length = length;
    } else {
        begin_event(c, mid__pause_names[phase], 'X', wall);
        add_slice(c, begin, length);
        end_event(heap);
    }
    if (phase == MID_PAUSE_MARK_START) {
        begin_event(c, "incremental marking", 'b', wall);
        add(c, ",\"id\":%" PRIu64 ",\"args\":{\"reason\":", heap->major.number);
        add_quoted(c, heap->major.reason);
        add(c, "}");
        end_event(heap);
    }
    if (phase != MID_PAUSE_FINALIZE)
        write_parts(heap, (struct moment){wall + wall_ns, cpu + cpu_ns});
}

static void add_figures(struct mid__chrome *c, const struct mid_collection *f)
{
    add(c, ",\"args\":{\"number\":%" PRIu64 ",\"reason\":", f->number);
    add_quoted(c, f->reason);
    add(c, ",\"used_before\":%zu,\"used_after\":%zu,\"total_before\":%zu,\"total_after\":%zu", f->used_before, f->used_after,
        f->total_before, f->total_after);
    if (f->kind == MID_COLLECTION_SCAVENGE)
        add(c, ",\"survived\":%zu,\"promoted\":%zu,\"remembered_slots\":%zu}", f->survived_bytes, f->promoted_bytes,
            f->remembered_slots);
    else
        add(c, ",\"marked_bytes\":%zu,\"marked_objects\":%zu,\"steps\":%u,\"finalizers\":%zu}", f->marked_bytes,
            f->marked_objects, f->steps, f->finalizers_queued);
}

/* After its pause was told. */
void mid__chrome_collection(struct mid_heap *heap, const struct mid_collection *f)
{
    static const char *const names[] = {"scavenge", "full collection", "last-resort collection"};
    struct mid__chrome *c = heap->chrome;
    uint64_t at = mid__sys_now_ns();
    if (f->kind == MID_COLLECTION_INCREMENTAL) {
        begin_event(c, "incremental marking", 'e', at);
        add(c, ",\"id\":%" PRIu64, f->number);
    } else if (c->held) {
        begin_event(c, names[f->kind], 'X', c->held_begin.wall);
        add_slice(c, c->held_begin, c->held_length);
    } else {
        return; /* it had begun before mid_chrome_begin */
    }
    c->held = false;
    add_figures(c, f);
    end_event(heap);
    begin_event(c, "heap", 'C', at);
    add(c, ",\"args\":{\"used\":%zu,\"total\":%zu,\"external\":%zu}", f->used_after, f->total_after, f->external_after);
    end_event(heap);
}

/* Of what listeners hear, that which has no duration. */
void mid__chrome_event(struct mid_heap *heap, enum mid_event_kind event, const struct mid_collection *f)
{
    struct mid__chrome *c = heap->chrome;
    if (event != MID_EVENT_REFUSED && event != MID_EVENT_STATS && event != MID_EVENT_LEAK)
        return;
    begin_event(c, event == MID_EVENT_REFUSED ? "refused" : event == MID_EVENT_STATS ? "stats" : "leak", 'i', mid__sys_now_ns());
    add(c, ",\"s\":\"t\"");
    if (event == MID_EVENT_STATS)
        add(c, ",\"args\":{\"base\":%zu,\"estimated_base\":%zu,\"usage_trend\":%.3f}", f->trend->base_bytes,
            f->trend->base_estimated_bytes, f->trend->usage_trend);
    else if (event == MID_EVENT_LEAK)
        add(c, ",\"args\":{\"start\":%zu,\"end\":%zu,\"bytes_an_hour\":%.0f}", f->trend->start_bytes, f->trend->end_bytes,
            f->trend->bytes_an_hour);
    end_event(heap);
}

/* ---- on and off -------------------------------------------------------------------------------------------------------------- */

enum mid_status mid_chrome_begin(struct mid_heap *heap, mid_chrome_fn write, void *user)
{
    if (write == NULL || heap->chrome != NULL)
        return MID_E_INVALID;
    struct mid__chrome *c = calloc(1, sizeof *c);
    if (c == NULL)
        return MID_E_MEMORY;
    c->write = write;
    c->user = user;
    heap->chrome = c;
    begin_event(c, "mid_chrome_begin", 'i', mid__sys_now_ns());
    add(c, ",\"s\":\"t\",\"args\":{\"version\":\"%s\"}", mid_version());
    end_event(heap);
    if (heap->phase == MID__MARK) { /* so that its end has a begin */
        begin_event(c, "incremental marking", 'b', mid__sys_now_ns());
        add(c, ",\"id\":%" PRIu64, heap->major.number);
        end_event(heap);
    }
    return MID_OK;
}

enum mid_status mid_chrome_end(struct mid_heap *heap)
{
    if (heap->chrome == NULL)
        return MID_E_INVALID;
    heap->chrome->write(heap->chrome->user, "\n]\n", 3);
    free(heap->chrome);
    heap->chrome = NULL;
    return MID_OK;
}

void mid_chrome_to_stream(void *user, const char *text, size_t bytes)
{
    fwrite(text, 1, bytes, (FILE *)user);
}
