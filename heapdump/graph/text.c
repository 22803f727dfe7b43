/* SPDX-License-Identifier: MIT
 *
 * text.c: reads the strings of a snapshot: their contents one behind the other, and where each begins.
 *
 * Problem: a dump may hold more text than all its numbers, and DevTools fails beyond 2^29 characters. Nothing is decoded
 * here. 16 bytes at a time are copied and looked at for a quote, a backslash or a control character; escapes are checked
 * and kept as they stand.
 *
 *     input   "Foo","a\"b", ...          text   Fooa\"b...       start   0, 3*2+1, ...
 */
#include "text.h"

#include "bytes.h"

#include <string.h>

#define FIRST_STRINGS 4096

struct text {
    struct scan *scan;
    struct mid__graph_private *own;
    char *out; /* behind the last byte kept */
    size_t room;
    uint32_t count, start_room;
    bool escaped;
};

static bool no_memory(struct text *t)
{
    struct scan *s = t->scan;
    uint64_t offset = scan_offset(s, s->at);
    scan_fail(s, offset, "out of memory");
    mid__fail_memory(s->graph, s->error);
    return false;
}

/* Room for all that the window can hold, and for one copy of 16 bytes too many. */
static bool make_room(struct text *t)
{
    size_t used = (size_t)(t->out - t->own->text), need = used + (size_t)(t->scan->end - t->scan->at) + 2 * SCAN_PAD;
    if (need <= t->room)
        return true;
    size_t room = need + used;
    char *text = mid__mem_resize(&t->own->memory, t->own->text, room, 1);
    if (text == NULL)
        return no_memory(t);
    t->own->text = text;
    t->out = text + used;
    t->room = room;
    return true;
}

/* More bytes behind p, or the knowledge that there are none. */
static bool refill(struct text *t, const unsigned char *p)
{
    t->scan->at = p;
    if (!scan_refill(t->scan) && t->scan->at == t->scan->end)
        return scan_unexpected(t->scan, "the end of a string");
    return make_room(t);
}

static bool is_hex(unsigned c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* The length of the escape at p, 0 when it is none. A NUL behind the window fails it. */
static unsigned escape_bytes(const unsigned char *p)
{
    if (p[1] == 'u')
        return is_hex(p[2]) && is_hex(p[3]) && is_hex(p[4]) && is_hex(p[5]) ? 6 : 0;
    return p[1] != 0 && strchr("\"\\/bfnrt", p[1]) != NULL ? 2 : 0;
}

/* Takes one string; its contents go to `out`. */
static bool take_string(struct text *t)
{
    struct scan *s = t->scan;
    if (scan_peek(s) != '"')
        return scan_unexpected(s, "a string");
    const unsigned char *p = s->at + 1;
    t->escaped = false;
    if (!make_room(t))
        return false;
    for (;;) {
        unsigned stops = string_stops16(p);
        memcpy(t->out, p, 16);
        unsigned plain = stops == 0 ? 16 : (unsigned)mid__ctz64(stops);
        p += plain;
        t->out += plain;
        if (stops == 0)
            continue;
        if (*p == '"')
            break;
        if (p >= s->end || (*p == '\\' && s->end - p < 6 && !s->ended)) {
            p = p < s->end ? p : s->end;
            if (!refill(t, p))
                return false;
            p = s->at;
            continue;
        }
        if (*p != '\\')
            return scan_fail(s, scan_offset(s, p), "a control character in a string");
        unsigned bytes = escape_bytes(p);
        if (bytes == 0)
            return scan_fail(s, scan_offset(s, p), "an escape that JSON does not have");
        memcpy(t->out, p, bytes);
        p += bytes;
        t->out += bytes;
        t->escaped = true;
    }
    s->at = p + 1;
    return true;
}

/* Notes where the string that was just taken began, and where the next one will. */
static bool note_string(struct text *t)
{
    if (t->count == MAX_COUNT)
        return scan_fail(t->scan, scan_offset(t->scan, t->scan->at), "more than %u strings", MAX_COUNT);
    if (t->count + 1 >= t->start_room) {
        uint64_t room = t->start_room == 0 ? FIRST_STRINGS : 2 * (uint64_t)t->start_room;
        room = room > MAX_COUNT ? (uint64_t)MAX_COUNT + 1 : room;
        uint64_t *start = mid__mem_resize(&t->own->memory, t->own->text_start, room, sizeof *start);
        if (start == NULL)
            return no_memory(t);
        t->own->text_start = start;
        t->start_room = (uint32_t)room;
    }
    uint64_t *start = t->own->text_start;
    start[t->count] |= t->escaped;
    start[++t->count] = (uint64_t)(t->out - t->own->text) << 1;
    return true;
}

/* With a plain file, all that is left of it bounds the text: reserved at once, and the rest given back. */
static bool first_room(struct text *t)
{
    struct scan *s = t->scan;
    uint64_t size = mid__input_size(s->in), at = scan_offset(s, s->at);
    t->room = 4096;
    if (size > at && t->own->memory.limit_bytes == 0)
        t->room = (size_t)(size - at) + 4 * SCAN_PAD;
    t->own->text = mid__mem_new(&t->own->memory, t->room, 1);
    t->out = t->own->text;
    return t->own->text != NULL || no_memory(t);
}

static bool finish(struct text *t)
{
    struct mid__graph_private *own = t->own;
    if (t->count == 0 && (own->text_start = mid__mem_new(&own->memory, 1, sizeof *own->text_start)) == NULL)
        return no_memory(t);
    char *text = mid__mem_resize(&own->memory, own->text, (size_t)(t->out - own->text) + SCAN_PAD, 1);
    uint64_t *start = mid__mem_resize(&own->memory, own->text_start, (size_t)t->count + 1, sizeof *start);
    if (text == NULL || start == NULL) {
        own->text = text != NULL ? text : own->text;
        return no_memory(t);
    }
    own->text = text;
    own->text_start = start;
    struct mid__strings *strings = &t->scan->graph->strings;
    strings->text = text;
    strings->start = start;
    strings->count = t->count;
    return true;
}

bool text_read(struct scan *s)
{
    struct text t = {.scan = s, .own = s->graph->own};
    if (!scan_take(s, '[') || !first_room(&t))
        return false;
    if (scan_peek(s) == ']')
        return scan_take(s, ']') && finish(&t);
    for (;;) {
        if (!take_string(&t) || !note_string(&t))
            return false;
        int c = scan_peek(s);
        if (c == ']')
            return scan_take(s, ']') && finish(&t);
        if (c != ',')
            return scan_unexpected(s, "',' or ']'");
        s->at++;
    }
}
