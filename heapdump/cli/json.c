/* SPDX-License-Identifier: MIT
 *
 * json.c: JSON for scripts, one row of a table a line.
 *
 * I1. The output is valid JSON in valid UTF-8, whatever bytes a string holds.
 * I2. Integers are written as integers, with all their digits: readers that keep numbers as doubles lose the low bits
 *     beyond 2^53, which is their business.
 * I3. Nothing that a terminal could act on stands in it raw: what text_is_unsafe() names is written as \uXXXX, in pairs
 *     above 0xffff.
 *
 * Half a surrogate pair, which JavaScript's strings may hold and V8's JSON writes as it is (\ud83d), becomes \ufffd, and
 * so does a byte that is not UTF-8: strict parsers (Perl's, Rust's, jansson) refuse a whole document for one such half.
 * Text shows the half itself.
 */
#include "json.h"

#include <string.h>

#include "text.h"

static void before_value(struct json *j)
{
    if (j->comma)
        fputc(',', j->file);
    j->comma = true;
}

void json_open(struct json *j, char bracket)
{
    before_value(j);
    fputc(bracket, j->file);
    j->comma = false;
}

void json_close(struct json *j, char bracket)
{
    fputc(bracket, j->file);
    j->comma = true;
}

static void write_unit(FILE *file, unsigned unit)
{
    fprintf(file, "\\u%04x", unit);
}

static void write_unsafe(FILE *file, int32_t c)
{
    static const char letters[] = "\b\f\n\r\t", names[] = "bfnrt";
    const char *letter = c > 0 && c < 0x20 ? strchr(letters, c) : NULL;
    if (letter != NULL) {
        fputc('\\', file);
        fputc(names[letter - letters], file);
    } else if (c < 0 || (c >= 0xd800 && c <= 0xdfff)) {
        write_unit(file, 0xfffd);
    } else if (c < 0x10000) {
        write_unit(file, (unsigned)c);
    } else {
        write_unit(file, 0xd800 + (((unsigned)c - 0x10000) >> 10));
        write_unit(file, 0xdc00 + ((unsigned)c & 0x3ff));
    }
}

static void write_string(FILE *file, const char *bytes, size_t length)
{
    const unsigned char *at = (const unsigned char *)bytes, *end = at + length;
    fputc('"', file);
    while (at < end) {
        const unsigned char *from = at;
        int32_t c = text_decode(&at, end);
        if (c == '"' || c == '\\') {
            fputc('\\', file);
            fputc((int)c, file);
        } else if (text_is_unsafe(c)) {
            write_unsafe(file, c);
        } else {
            fwrite(from, 1, (size_t)(at - from), file);
        }
    }
    fputc('"', file);
}

void json_key(struct json *j, const char *key)
{
    before_value(j);
    write_string(j->file, key, strlen(key));
    fputc(':', j->file);
    j->comma = false;
}

void json_string(struct json *j, const char *bytes, size_t length)
{
    before_value(j);
    write_string(j->file, bytes, length);
}

void json_words(struct json *j, const char *words)
{
    json_string(j, words, strlen(words));
}

void json_unsigned(struct json *j, uint64_t n)
{
    before_value(j);
    fprintf(j->file, "%llu", (unsigned long long)n);
}

void json_signed(struct json *j, int64_t n)
{
    before_value(j);
    fprintf(j->file, "%lld", (long long)n);
}

void json_bool(struct json *j, bool value)
{
    before_value(j);
    fputs(value ? "true" : "false", j->file);
}

void json_null(struct json *j)
{
    before_value(j);
    fputs("null", j->file);
}

void json_row(struct json *j)
{
    if (j->comma)
        fputc(',', j->file);
    fputc('\n', j->file);
    j->comma = false;
}

void json_end(struct json *j)
{
    fputc('\n', j->file);
    j->comma = false;
}
