/* SPDX-License-Identifier: MIT
 *
 * utf8.c: where a text that comes in blocks must be cut so that no character is torn. Unicode 15.0, table 3-7, "Well-Formed
 * UTF-8 Byte Sequences": the second byte has a narrower range after four of the lead bytes.
 */
#include <midden/slice.h>

/* How long a character with this first byte is; 0 when none begins with it. */
static size_t length_of(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

static int may_follow(unsigned char lead, unsigned char second)
{
    switch (lead) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return second >= 0x80 && second <= 0xbf;
    }
}

size_t mid_utf8_incomplete_bytes(const void *text, size_t bytes)
{
    if (bytes == 0)
        return 0;
    const unsigned char *end = (const unsigned char *)text + bytes;
    for (size_t n = 1; n <= 3 && n <= bytes; n++) {
        unsigned char c = end[-(ptrdiff_t)n];
        if (c >= 0x80 && c <= 0xbf)
            continue; /* in the middle of a character */
        if (length_of(c) <= n)
            return 0;
        return n == 1 || may_follow(c, end[1 - (ptrdiff_t)n]) ? n : 0;
    }
    return 0;
}
