/* SPDX-License-Identifier: MIT
 *
 * scan.c: the window over the input, and the JSON that is not an array of numbers or of strings: the outermost object,
 * and values that are passed over.
 *
 * Problem: a gigabyte of JSON, of which two arrays matter. They have readers of their own (numbers.c, text.c) on this
 * window; the rest is taken here, byte by byte but strictly. A section that is not known may hold anything, so its
 * nesting is kept as one bit a level (object or array) and bounded.
 */
#include "scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifndef WINDOW_BYTES /* the fuzzers have a small one, whose border is everywhere */
#define WINDOW_BYTES ((size_t)1 << 18)
#endif
#define MAX_DEPTH    ((size_t)1 << 20)

bool scan_begin(struct scan *s, struct mid__graph *graph, struct mid__input *in, struct mid__graph_error *error)
{
    *s = (struct scan){.graph = graph, .in = in, .error = error, .section = ""};
    unsigned char *block = mid__mem_new(&graph->own->memory, WINDOW_BYTES + 2 * SCAN_PAD, 1);
    if (block == NULL) {
        mid__fail_memory(graph, error);
        return false;
    }
    s->window = block + SCAN_PAD;
    s->at = s->end = s->window;
    return true;
}

void scan_end(struct scan *s)
{
    if (s->window != NULL)
        mid__mem_free(&s->graph->own->memory, s->window - SCAN_PAD);
    s->window = NULL;
}

static void place(struct scan *s, uint64_t offset)
{
    s->failed = true;
    s->error->has_place = true;
    s->error->offset = offset;
    snprintf(s->error->section, sizeof s->error->section, "%s", s->section);
    s->at = s->end;
    s->ended = true;
}

bool scan_fail(struct scan *s, uint64_t offset, const char *format, ...)
{
    if (s->failed)
        return false;
    char text[200];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    mid__fail(s->error, MID_E_FORMAT, "%s", text);
    place(s, offset);
    return false;
}

static bool keep_bytes(struct scan *s, const unsigned char *from, size_t bytes)
{
    struct keep *k = s->keep;
    if (bytes > k->limit - k->bytes)
        return scan_fail(s, scan_offset(s, from), "the section is longer than %zu bytes", k->limit);
    if (k->bytes + bytes + 1 > k->room) {
        size_t room = 2 * (k->bytes + bytes) + 4096;
        char *text = mid__mem_resize(&s->graph->own->memory, k->text, room, 1);
        if (text == NULL) {
            mid__fail_memory(s->graph, s->error);
            place(s, scan_offset(s, from));
            return false;
        }
        k->text = text;
        k->room = room;
    }
    memcpy(k->text + k->bytes, from, bytes);
    k->bytes += bytes;
    k->text[k->bytes] = '\0';
    return true;
}

/* What went by since the window was last moved goes to the keeper, where there is one. */
static const unsigned char *take_until(struct scan *s, const unsigned char *from, const unsigned char *to)
{
    if (s->keep != NULL && to > from)
        keep_bytes(s, from, (size_t)(to - from));
    s->at = s->failed ? s->end : to;
    return s->at;
}

bool scan_refill(struct scan *s)
{
    if (s->ended || s->failed)
        return false;
    size_t rest = (size_t)(s->end - s->at), room = WINDOW_BYTES - rest;
    if (room == 0)
        return scan_fail(s, scan_offset(s, s->at), "a token is longer than %zu bytes", WINDOW_BYTES);
    uint64_t base = scan_offset(s, s->at);
    memmove(s->window, s->at, rest);
    s->base = base;
    s->at = s->window;
    s->end = s->window + rest;
    ptrdiff_t n = mid__input_read(s->in, s->window + rest, room, s->error);
    if (n > 0) {
        s->end += n;
        memset(s->window + rest + n, 0, SCAN_PAD);
        uint64_t size = mid__input_size(s->in);
        if (s->quiet || mid__progress(s->graph, s->section, base, size, s->error))
            return true;
    } else {
        memset(s->window + rest, 0, SCAN_PAD);
        s->ended = true;
    }
    if (n != 0)
        place(s, scan_offset(s, s->end));
    return false;
}

bool scan_unexpected(struct scan *s, const char *what)
{
    if (s->failed)
        return false;
    while (s->at == s->end)
        if (!scan_refill(s))
            return scan_fail(s, scan_offset(s, s->end), "the input ends too early: expected %s", what);
    unsigned c = *s->at;
    if (c > 0x20 && c < 0x7f)
        return scan_fail(s, scan_offset(s, s->at), "expected %s, found '%c'", what, (int)c);
    return scan_fail(s, scan_offset(s, s->at), "expected %s, found byte 0x%02x", what, c);
}

static bool is_space(unsigned c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

int scan_peek(struct scan *s)
{
    for (;;) {
        const unsigned char *p = s->at;
        while (is_space(*p))
            p++;
        take_until(s, s->at, p);
        if (s->failed)
            return -1;
        if (p < s->end)
            return *p;
        if (!scan_refill(s))
            return -1;
    }
}

bool scan_take(struct scan *s, char c)
{
    if (scan_peek(s) != (unsigned char)c) {
        char what[] = "'?'";
        what[1] = c;
        return scan_unexpected(s, what);
    }
    take_until(s, s->at, s->at + 1);
    return !s->failed;
}

/* Takes the byte at `at`, whatever it is; -1 at the end. */
static int take_byte(struct scan *s)
{
    if (s->at == s->end && !scan_refill(s))
        return -1;
    int c = *s->at;
    take_until(s, s->at, s->at + 1);
    return s->failed ? -1 : c;
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    int lower = c | 0x20;
    return c > 0 && lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Behind a backslash: the byte that the escape stands for; '?' for one beyond ASCII; -1 when it is no escape. */
static int take_escape(struct scan *s)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = take_byte(s);
    if (c == 'u') {
        int unit = 0;
        for (int i = 0; i < 4; i++) {
            int digit = hex_digit(take_byte(s));
            if (digit < 0)
                return -1;
            unit = unit * 16 + digit;
        }
        return unit < 0x80 ? unit : '?';
    }
    const char *hit = c > 0 ? strchr(from, c) : NULL;
    return hit == NULL ? -1 : to[hit - from];
}

bool scan_string(struct scan *s, char *buffer, size_t capacity, bool *fits)
{
    size_t n = 0;
    *fits = true;
    if (scan_peek(s) != '"')
        return scan_unexpected(s, "a string");
    take_byte(s);
    for (;;) {
        int c = take_byte(s);
        if (c == '"')
            break;
        if (c < 0x20) {
            if (c >= 0)
                return scan_fail(s, scan_offset(s, s->at) - 1, "a control character in a string");
            return scan_unexpected(s, "the end of a string");
        }
        if (c == '\\' && (c = take_escape(s)) < 0)
            return s->at == s->end ? scan_unexpected(s, "the rest of an escape")
                                   : scan_fail(s, scan_offset(s, s->at) - 1, "an escape that JSON does not have");
        if (n + 1 < capacity)
            buffer[n++] = (char)c;
        else
            *fits = false;
    }
    if (capacity != 0)
        buffer[n] = '\0';
    return !s->failed;
}

/* The byte at `at`, not taken; -1 at the end. */
static int look(struct scan *s)
{
    if (s->at == s->end && !scan_refill(s))
        return -1;
    return *s->at;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool skip_digits(struct scan *s)
{
    if (!is_digit(look(s)))
        return scan_unexpected(s, "a digit");
    while (is_digit(look(s)))
        take_byte(s);
    return !s->failed;
}

static bool skip_number(struct scan *s)
{
    if (look(s) == '-')
        take_byte(s);
    if (!skip_digits(s))
        return false;
    if (look(s) == '.') {
        take_byte(s);
        if (!skip_digits(s))
            return false;
    }
    if (look(s) == 'e' || look(s) == 'E') {
        take_byte(s);
        if (look(s) == '+' || look(s) == '-')
            take_byte(s);
        return skip_digits(s);
    }
    return !s->failed;
}

static bool skip_word(struct scan *s, const char *word)
{
    for (; *word != '\0'; word++) {
        if (look(s) != (unsigned char)*word)
            return scan_unexpected(s, "a JSON value");
        take_byte(s);
    }
    return !s->failed;
}

static bool skip_scalar(struct scan *s, int first)
{
    bool fits;
    switch (first) {
    case '"':
        return scan_string(s, NULL, 0, &fits);
    case 't':
        return skip_word(s, "true");
    case 'f':
        return skip_word(s, "false");
    case 'n':
        return skip_word(s, "null");
    default:
        if (first == '-' || (first >= '0' && first <= '9'))
            return skip_number(s);
        return scan_unexpected(s, "a JSON value");
    }
}

/* Levels that are open: one bit each, 1 for an object. */
struct levels {
    uint64_t *bits;
    size_t depth;
};

static bool open_level(struct scan *s, struct levels *l, int c)
{
    struct memory *m = &s->graph->own->memory;
    if (l->depth == MAX_DEPTH)
        return scan_fail(s, scan_offset(s, s->at), "nested deeper than %zu levels", MAX_DEPTH);
    if (l->depth % 65536 == 0) {
        uint64_t *bits = mid__mem_resize(m, l->bits, l->depth / 64 + 1024, sizeof *bits);
        if (bits == NULL) {
            mid__fail_memory(s->graph, s->error);
            place(s, scan_offset(s, s->at));
            return false;
        }
        l->bits = bits;
    }
    uint64_t bit = (uint64_t)1 << (l->depth % 64);
    if (c == '{')
        l->bits[l->depth / 64] |= bit;
    else
        l->bits[l->depth / 64] &= ~bit;
    l->depth++;
    return scan_take(s, (char)c);
}

static bool in_object(const struct levels *l)
{
    size_t top = l->depth - 1;
    return (l->bits[top / 64] >> (top % 64)) & 1;
}

static bool skip_key(struct scan *s)
{
    bool fits;
    return scan_string(s, NULL, 0, &fits) && scan_take(s, ':');
}

/* Behind a value: closes levels and takes the comma, until the next value is due or all levels are closed. */
static bool after_value(struct scan *s, struct levels *l)
{
    while (l->depth != 0) {
        int c = scan_peek(s);
        if (c == ',')
            return scan_take(s, ',') && (!in_object(l) || skip_key(s));
        if (c != (in_object(l) ? '}' : ']'))
            return scan_unexpected(s, in_object(l) ? "',' or '}'" : "',' or ']'");
        if (!scan_take(s, (char)c))
            return false;
        l->depth--;
    }
    return true;
}

bool scan_skip(struct scan *s)
{
    struct levels l = {NULL, 0};
    bool ok;
    do {
        int c = scan_peek(s);
        if (c == '{' || c == '[') {
            ok = open_level(s, &l, c);
            if (!ok)
                break;
            bool empty = scan_peek(s) == (c == '{' ? '}' : ']');
            ok = empty ? after_value(s, &l) : c == '[' || skip_key(s);
        } else {
            ok = skip_scalar(s, c) && after_value(s, &l);
        }
    } while (ok && l.depth != 0);
    mid__mem_free(&s->graph->own->memory, l.bits);
    return ok;
}
