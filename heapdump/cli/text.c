/* SPDX-License-Identifier: MIT
 *
 * text.c: strings of a dump on their way to a terminal.
 *
 * A dump is written by the program that is examined, so its strings are whatever that program's users sent: terminal
 * escapes, marks that reverse the direction of a line, halves of surrogate pairs, raw bytes. Every such string passes
 * text_add_dump, which lets printable characters through and writes all else as an escape of JavaScript:
 *
 *     \n \r \t \b \f    \x1b \x7f (below 0x80)    \u009b \u202e \ud83d    \u{e0041}    \xff (a byte that is not UTF-8)
 *
 * A backslash that stands in the string stays single: the text is for people, the exact string is in --json.
 *
 * I1. No byte below 0x20, no 0x7f, and no code point of text_is_unsafe() leaves text_add_dump.
 * I2. What leaves it is valid UTF-8, ASCII where `ascii` was asked for.
 *
 * Not done here: HTML and CSV, which have rules of their own.
 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "cli.h"

void *cli_grow(void *old, size_t n, size_t size)
{
    size_t bytes;
    void *p = mid__mul_overflows(n, size, &bytes) ? NULL : realloc(old, bytes != 0 ? bytes : 1);
    if (p == NULL)
        cli_die(CLI_UNREADABLE, "out of memory");
    return p;
}

void *cli_allocate(size_t n, size_t size)
{
    return cli_grow(NULL, n, size);
}

void text_clear(struct text *t)
{
    t->length = 0;
}

void text_free(struct text *t)
{
    free(t->bytes);
    *t = (struct text){0};
}

static void reserve(struct text *t, size_t more)
{
    if (t->capacity - t->length > more)
        return;
    size_t wanted = t->capacity < 64 ? 64 : t->capacity;
    while (wanted - t->length <= more)
        wanted = wanted > SIZE_MAX / 2 ? SIZE_MAX : wanted * 2;
    t->bytes = cli_grow(t->bytes, wanted, 1);
    t->capacity = wanted;
}

const char *text_string(struct text *t)
{
    reserve(t, 1);
    t->bytes[t->length] = '\0';
    return t->bytes;
}

void text_add_bytes(struct text *t, const char *bytes, size_t length)
{
    if (length == 0)
        return;
    reserve(t, length);
    memcpy(t->bytes + t->length, bytes, length);
    t->length += length;
}

void text_add(struct text *t, const char *words)
{
    text_add_bytes(t, words, strlen(words));
}

void text_addf(struct text *t, const char *format, ...)
{
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    int length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (length > 0) {
        reserve(t, (size_t)length + 1);
        vsnprintf(t->bytes + t->length, (size_t)length + 1, format, again);
        t->length += (size_t)length;
    }
    va_end(again);
}

/* ---- UTF-8 */

static bool continues(const unsigned char *p, const unsigned char *end, unsigned count)
{
    if ((size_t)(end - p) < count)
        return false;
    for (unsigned i = 0; i < count; i++)
        if ((p[i] & 0xc0u) != 0x80u)
            return false;
    return true;
}

int32_t text_decode(const unsigned char **at, const unsigned char *end)
{
    const unsigned char *p = (*at)++;
    unsigned c = p[0];
    if (c < 0x80)
        return (int32_t)c;
    if (c >= 0xc2 && c <= 0xdf && continues(p + 1, end, 1)) {
        *at = p + 2;
        return (int32_t)((c & 0x1fu) << 6 | (p[1] & 0x3fu));
    }
    if (c >= 0xe0 && c <= 0xef && continues(p + 1, end, 2)) {
        unsigned value = (c & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
        if (value >= 0x800) {
            *at = p + 3;
            return (int32_t)value;
        }
    }
    if (c >= 0xf0 && c <= 0xf4 && continues(p + 1, end, 3)) {
        unsigned value = (c & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
        if (value >= 0x10000 && value <= 0x10ffff) {
            *at = p + 4;
            return (int32_t)value;
        }
    }
    return -1;
}

bool text_is_unsafe(int32_t c)
{
    static const struct {
        int32_t first, last;
    } ranges[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},     {0x115f, 0x1160},
        {0x180b, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},   {0x3164, 0x3164},
        {0xd800, 0xdfff}, {0xfdd0, 0xfdef}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
        {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
    };
    if (c < 0 || (c & 0xfffe) == 0xfffe)
        return true;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

/* Writes the escape of a code point, or of the byte where it is -1, into `out`; returns its length. */
static size_t write_escape(char out[16], int32_t c, unsigned char byte)
{
    static const char letters[] = "\b\f\n\r\t", names[] = "bfnrt";
    const char *letter = c > 0 && c < 0x20 ? strchr(letters, c) : NULL;
    if (letter != NULL)
        return (size_t)snprintf(out, 16, "\\%c", names[letter - letters]);
    if (c < 0)
        return (size_t)snprintf(out, 16, "\\x%02x", byte);
    return (size_t)snprintf(out, 16, c < 0x80 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\u{%x}", (unsigned)c);
}

static size_t columns_of(int32_t c)
{
    int width = c < 0x80 ? 1 : wcwidth((wchar_t)c);
    return width < 0 ? 1 : (size_t)width;
}

size_t text_add_dump(struct text *t, const char *bytes, size_t length, size_t columns, bool ascii)
{
    const unsigned char *at = (const unsigned char *)bytes, *end = at + length;
    const char *ellipsis = ascii ? "..." : "\xe2\x80\xa6";
    size_t ellipsis_columns = ascii ? 3 : 1, used = 0;
    size_t keep_length = t->length, keep_used = 0; /* the longest start of it that leaves room for the ellipsis */
    while (at < end) {
        const unsigned char *from = at;
        int32_t c = text_decode(&at, end);
        char escape[16];
        size_t wide, long_;
        bool raw = !text_is_unsafe(c) && (c < 0x80 || !ascii);
        if (raw) {
            wide = columns_of(c);
            long_ = (size_t)(at - from);
        } else {
            wide = long_ = write_escape(escape, c, from[0]);
        }
        if (wide > columns - used) {
            if (ellipsis_columns > columns)
                return used;
            t->length = keep_length;
            text_add(t, ellipsis);
            return keep_used + ellipsis_columns;
        }
        text_add_bytes(t, raw ? (const char *)from : escape, long_);
        used += wide;
        if (columns == TEXT_NO_LIMIT || used + ellipsis_columns <= columns) {
            keep_length = t->length;
            keep_used = used;
        }
    }
    return used;
}

/* ---- figures */

void text_add_count(struct text *t, uint64_t n)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    for (int i = 0; i < length; i++) {
        if (i != 0 && (length - i) % 3 == 0)
            text_add_bytes(t, ",", 1);
        text_add_bytes(t, digits + i, 1);
    }
}

void text_add_selected(struct text *t, uint64_t count)
{
    text_add(t, ", ");
    if (count == 0)
        text_add(t, "nothing");
    else
        text_add_count(t, count);
    text_add(t, " selected");
}

static uint64_t magnitude(int64_t n)
{
    return n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
}

static void add_sign(struct text *t, int64_t n)
{
    if (n != 0)
        text_add(t, n < 0 ? "-" : "+");
}

void text_add_signed(struct text *t, int64_t n)
{
    add_sign(t, n);
    text_add_count(t, magnitude(n));
}

void text_add_size(struct text *t, uint64_t bytes, bool exact)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    if (exact) {
        text_addf(t, "%llu", (unsigned long long)bytes);
        return;
    }
    double value = (double)bytes;
    unsigned unit = 0;
    while (value >= 999.5 && unit < 6) {
        value /= 1000;
        unit++;
    }
    int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    text_addf(t, "%.*f %s", decimals, value, units[unit]);
}

void text_add_signed_size(struct text *t, int64_t bytes, bool exact)
{
    add_sign(t, bytes);
    text_add_size(t, magnitude(bytes), exact);
}
