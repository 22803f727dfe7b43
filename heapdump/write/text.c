/* SPDX-License-Identifier: MIT
 *
 * text.c: names as JSON strings. A name is any bytes; what is written is ASCII: printable characters as they are,
 * \b \f \n \r \t \" \\ , and \uXXXX for all else, beyond 16 bits as a surrogate pair (V8 masks such characters and so
 * loses them). Bytes that are not UTF-8 become U+FFFD, one for each longest prefix of a character that is cut off or
 * wrong (the practice of the Unicode standard, section 3.9, "U+FFFD substitution of maximal subparts").
 *
 * DEL is escaped, too, so that a terminal shows a file as it is.
 */
#include "out.h"

#include <string.h>

enum { UNITS_MAX = 1024 };

struct character {
    uint32_t code;
    unsigned bytes; /* at least 1 */
};

/* How many bytes follow the lead byte, and the range that the first of them has: this excludes overlong forms,
 * surrogates and what lies beyond U+10FFFF (Unicode, table 3-7). 0: not a lead byte. */
static unsigned continuation(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 1;
    if (lead >= 0xe0 && lead <= 0xef) {
        *low = lead == 0xe0 ? 0xa0 : 0x80;
        *high = lead == 0xed ? 0x9f : 0xbf;
        return 2;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        *low = lead == 0xf0 ? 0x90 : 0x80;
        *high = lead == 0xf4 ? 0x8f : 0xbf;
        return 3;
    }
    return 0;
}

static struct character decode(const unsigned char *at, const unsigned char *end)
{
    if (at[0] < 0x80)
        return (struct character){at[0], 1};
    unsigned char low, high;
    unsigned more = continuation(at[0], &low, &high);
    if (more == 0)
        return (struct character){0xfffd, 1};
    uint32_t code = at[0] & (0x3fu >> more);
    for (unsigned i = 1; i <= more; i++) {
        if (at + i == end || at[i] < low || at[i] > high)
            return (struct character){0xfffd, i};
        code = code << 6 | (at[i] & 0x3fu);
        low = 0x80;
        high = 0xbf;
    }
    return (struct character){code, more + 1};
}

size_t mid__text_cut(const char *text, size_t bytes)
{
    if (bytes <= UNITS_MAX) /* no character has more units than bytes */
        return bytes;
    const unsigned char *start = (const unsigned char *)text, *at = start, *end = at + bytes;
    for (unsigned units = 0; at < end;) {
        struct character c = decode(at, end);
        units += c.code > 0xffff ? 2 : 1;
        if (units > UNITS_MAX)
            break;
        at += c.bytes;
    }
    return (size_t)(at - start);
}

static char *escape_unit(char *at, uint32_t unit)
{
    static const char hex[16] = {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'};
    *at++ = '\\';
    *at++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4)
        *at++ = hex[unit >> shift & 15u];
    return at;
}

static char *escape(char *at, uint32_t code)
{
    static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
    const char *known = code != 0 && code < 0x80 ? strchr(from, (int)code) : NULL;
    if (known != NULL) {
        *at++ = '\\';
        *at++ = to[known - from];
        return at;
    }
    if (code <= 0xffff)
        return escape_unit(at, code);
    at = escape_unit(at, 0xd800u + ((code - 0x10000u) >> 10));
    return escape_unit(at, 0xdc00u + ((code - 0x10000u) & 0x3ffu));
}

static inline bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

char *mid__text_json(char *at, const char *text, size_t bytes)
{
    const unsigned char *in = (const unsigned char *)text, *end = in + bytes;
    *at++ = '"';
    while (in < end) {
        if (is_plain(*in)) {
            *at++ = (char)*in++;
            continue;
        }
        struct character c = decode(in, end);
        at = escape(at, c.code);
        in += c.bytes;
    }
    *at++ = '"';
    return at;
}
