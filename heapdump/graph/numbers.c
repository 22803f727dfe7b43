/* SPDX-License-Identifier: MIT
 *
 * numbers.c: reads arrays of integers: nine tenths of every snapshot, and nine tenths of the time to load one.
 *
 * Problem: 200 million integers of one to eight digits in a gigabyte. A loop over digits mispredicts a branch at the
 * end of nearly every number. So 64 bytes at a time become masks of digits, commas and white space; the set bits of
 * "first behind a digit" are the ends of the numbers; and each number is one 8-byte load that ends there, cut to its
 * length and turned into a value by three multiplications, without a branch that depends on the data.
 *
 *     bytes    1 2 , 3 4 5 , 7      starts = digits & ~(digits << 1)
 *     starts   1 . . 1 . . . 1      ends   = ~digits & (digits << 1)
 *     ends     . . 1 . . . 1 .
 *
 * JSON's grammar holds: numbers and commas must take turns. In a block without white space that is "before each comma
 * stands a digit"; with white space the starts and commas together must alternate, which a prefix parity shows. A block
 * that holds anything else, or breaks the rule, is left to the plain loop from that token on, which knows signs,
 * fractions that are zero, and the exact place of an error.
 *
 * The masks are Langdale and Lemire, "Parsing Gigabytes of JSON per Second" (2019), without the
 * index that they write: numbers are made at once, in batches that stay in the first-level cache, and the caller
 * spreads a batch over its columns.
 */
#include "numbers.h"

#include "bytes.h"

#include <string.h>

#define FLUSH_ROOM 32 /* a block of 64 bytes ends at most 32 numbers */

/* More than eight digits, all before `end`. False when it may not fit 63 bits. */
static bool long_number(const unsigned char *start, const unsigned char *end, int64_t *value)
{
    uint64_t v = 0;
    if (end - start > 18)
        return false;
    for (; start < end; start++)
        v = v * 10 + (*start - '0');
    *value = (int64_t)v;
    return true;
}

/* Blocks of 64 bytes while they are plain. Leaves scan->at at the first byte that no complete number or comma before
 * it has taken. */
MID__INLINE void take_blocks(struct numbers *n)
{
    struct scan *s = n->scan;
    const unsigned char *p = s->at, *start = NULL;
    uint64_t digit_before = 0; /* 1: the byte before p is a digit, of the number that begins at `start` */
    bool expect_number = n->state != EXPECT_COMMA, any = false;
    size_t count = n->count;
    const uint64_t base = s->base;

    while (s->end - p >= 64 && count <= NUMBERS_ROOM - FLUSH_ROOM) {
        struct number_masks m = number_masks(p);
        uint64_t behind_digit = m.digits << 1 | digit_before;
        uint64_t starts = m.digits & ~behind_digit, ends = ~m.digits & behind_digit;
        if (MID__LIKELY(m.spaces == 0 && (digit_before | (uint64_t)expect_number) != 0)) {
            if (MID__UNLIKELY((m.digits | m.commas) != ~(uint64_t)0 || (m.commas & ~behind_digit) != 0))
                break;
        } else {
            uint64_t tokens = starts | m.commas;
            if ((m.digits | m.commas | m.spaces) != ~(uint64_t)0 ||
                (tokens & prefix_parity(tokens)) != (expect_number ? starts : m.commas))
                break;
        }
        uint64_t tokens = starts | m.commas;
        if (tokens != 0) {
            expect_number = (m.commas >> mid__log2_floor(tokens)) & 1;
            any = true;
        }
        while (ends != 0) {
            if (digit_before == 0) {
                start = p + mid__ctz64(starts);
                starts &= starts - 1;
            }
            digit_before = 0;
            const unsigned char *end = p + mid__ctz64(ends);
            ends &= ends - 1;
            size_t digits = (size_t)(end - start);
            if (MID__LIKELY(digits <= 8))
                n->value[count] = (int64_t)eight_digits(end, (unsigned)digits);
            else if (!long_number(start, end, &n->value[count])) {
                s->at = start;
                n->count = count;
                n->state = EXPECT_NUMBER;
                return;
            }
            n->where[count++] = base + (uint64_t)(start - s->window);
        }
        if (starts != 0) {
            start = p + mid__ctz64(starts);
            digit_before = 1;
        }
        p += 64;
    }
    n->count = count;
    if (any)
        n->state = digit_before || expect_number ? EXPECT_NUMBER : EXPECT_COMMA;
    s->at = digit_before ? start : p;
}

static void take_blocks_base(struct numbers *n)
{
    take_blocks(n);
}

/* Shifts by a variable and trailing zeros cost half on these. */
MID__FOR_V3 static void take_blocks_v3(struct numbers *n)
{
    take_blocks(n);
}

bool numbers_begin(struct numbers *n, struct scan *scan)
{
    n->scan = scan;
    n->count = 0;
    n->ended = false;
    n->state = EXPECT_FIRST;
    n->kept = NULL;
    n->take_blocks = mid__cpu_is_v3() ? take_blocks_v3 : take_blocks_base;
    return scan_take(scan, '[');
}

void numbers_begin_kept(struct numbers *n, struct scan *scan, const int64_t *kept, size_t count, uint64_t where)
{
    n->scan = scan;
    n->count = 0;
    n->ended = false;
    n->kept = kept;
    n->kept_left = count;
    n->kept_where = where;
}

void numbers_carry(struct numbers *n, const struct numbers *before, size_t used)
{
    size_t rest = before->count - used;
    n->scan = before->scan;
    n->count = rest;
    n->ended = before->ended;
    n->take_blocks = before->take_blocks;
    n->kept = NULL;
    n->state = before->state;
    memcpy(n->value, before->value + used, rest * sizeof n->value[0]);
    memcpy(n->where, before->where + used, rest * sizeof n->where[0]);
}

/* Behind the digits of a number: a fraction of zeros is taken, anything else is an error. */
static bool take_fraction(struct scan *s)
{
    const unsigned char *p = s->at;
    if (*p == '.') {
        const unsigned char *zero = ++p;
        while (*p == '0')
            p++;
        if (p == zero || (*p >= '1' && *p <= '9'))
            return scan_fail(s, scan_offset(s, s->at), "a number that is not whole");
    }
    if ((*p | 0x20) == 'e')
        return scan_fail(s, scan_offset(s, p), "a number with an exponent");
    s->at = p;
    return true;
}

/* One number by the plain loop, wholly inside the window. */
static bool take_number(struct numbers *n)
{
    struct scan *s = n->scan;
    const unsigned char *p = s->at, *start = p;
    bool negative = *p == '-';
    p += negative;
    const unsigned char *first = p;
    uint64_t v = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        if (mid__mul_overflows_u64(v, 10, &v) || mid__add_overflows_u64(v, (uint64_t)(*p - '0'), &v) ||
            v > INT64_MAX)
            return scan_fail(s, scan_offset(s, start), "a number beyond 2^63");
    s->at = p;
    if (p == first)
        return scan_unexpected(s, "a number");
    if (!take_fraction(s))
        return false;
    if (s->at == s->end && !s->ended)
        return scan_fail(s, scan_offset(s, start), "a number of more than 60 characters");
    n->where[n->count] = scan_offset(s, start);
    n->value[n->count++] = negative ? -(int64_t)v : (int64_t)v;
    n->state = EXPECT_COMMA;
    return true;
}

/* One token: a comma, a number or the bracket. */
static bool take_token(struct numbers *n)
{
    struct scan *s = n->scan;
    int c = scan_peek(s);
    if (s->end - s->at < 64 && !s->ended) {
        scan_refill(s); /* so that a number is not cut by the window; at the end it stands there whole */
        if (s->failed)
            return false;
        c = scan_peek(s);
    }
    if (c == ']' && n->state != EXPECT_NUMBER) {
        n->ended = true;
        return scan_take(s, ']');
    }
    if (n->state == EXPECT_COMMA) {
        n->state = EXPECT_NUMBER;
        return c == ',' ? scan_take(s, ',') : scan_unexpected(s, "',' or ']'");
    }
    if (c != '-' && (c < '0' || c > '9'))
        return scan_unexpected(s, "a number");
    return take_number(n);
}

static void more_kept(struct numbers *n)
{
    size_t room = NUMBERS_ROOM - n->count, part = n->kept_left < room ? n->kept_left : room;
    for (size_t i = 0; i < part; i++) {
        n->value[n->count + i] = n->kept[i];
        n->where[n->count + i] = n->kept_where;
    }
    n->kept += part;
    n->kept_left -= part;
    n->count += part;
    n->ended = n->kept_left == 0;
}

bool numbers_more(struct numbers *n, size_t used)
{
    size_t rest = n->count - used;
    memmove(n->value, n->value + used, rest * sizeof n->value[0]);
    memmove(n->where, n->where + used, rest * sizeof n->where[0]);
    n->count = rest;
    if (n->kept != NULL) {
        more_kept(n);
        return true;
    }
    while (n->count <= NUMBERS_ROOM - FLUSH_ROOM && !n->ended) {
        if (n->scan->end - n->scan->at >= 64)
            n->take_blocks(n);
        if (n->count <= NUMBERS_ROOM - FLUSH_ROOM && !take_token(n))
            return false;
    }
    return true;
}
