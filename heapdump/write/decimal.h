/* SPDX-License-Identifier: MIT
 *
 * decimal.h: an unsigned integer as decimal digits; the inner loop of the writer (four integers of five in a snapshot
 * are below 10^8). Included by out.h alone.
 *
 * Eight digits are made side by side in one word, by three multiplications that each split every field in two:
 *
 *     12345678            one field
 *     1234 | 5678         two of 32 bits
 *     12|34|56|78         four of 16
 *     1|2|3|4|5|6|7|8     eight of 8, the first digit in the lowest byte
 *
 * Leading zeros are then shifted out by their count, so no branch depends on the number of digits. Below 100 (types,
 * counts, most indexes of names) a table of pairs is shorter. The quotients come
 * from reciprocals: x / 100 = x * 10486 >> 20 for x < 10^4, x / 10 = x * 103 >> 10 for x < 100; the test runs both over
 * their whole range.
 */
#ifndef MIDDEN_WRITE_DECIMAL_H
#define MIDDEN_WRITE_DECIMAL_H

#include <midden/internal/compiler.h>

#include <string.h>

/* The digits of value < 10^8, one a byte, the first in the lowest. */
MID__INLINE uint64_t digits_of(uint32_t value)
{
    uint64_t x = value / 10000u + ((uint64_t)(value % 10000u) << 32);
    uint64_t hundreds = ((x * 10486u) >> 20) & 0x0000007f0000007fu;
    x = hundreds + ((x - 100u * hundreds) << 16);
    uint64_t tens = ((x * 103u) >> 10) & 0x000f000f000f000fu;
    return tens + ((x - 10u * tens) << 8);
}

/* Eight bytes, the lowest first, on any machine. Written out, gcc and clang make it one store; as a loop, gcc does not. */
MID__INLINE void store_bytes(char *at, uint64_t x)
{
    unsigned char *to = (unsigned char *)at;
    to[0] = (unsigned char)x;
    to[1] = (unsigned char)(x >> 8);
    to[2] = (unsigned char)(x >> 16);
    to[3] = (unsigned char)(x >> 24);
    to[4] = (unsigned char)(x >> 32);
    to[5] = (unsigned char)(x >> 40);
    to[6] = (unsigned char)(x >> 48);
    to[7] = (unsigned char)(x >> 56);
}

MID__INLINE char *decimal_below_1e8(char *at, uint32_t value)
{
    uint64_t digits = digits_of(value);
    /* the lowest byte that is not 0; the last digit counts even when it is 0 */
    unsigned zeros = mid__ctz64(digits | (uint64_t)1 << 56) / 8;
    store_bytes(at, (digits | 0x3030303030303030u) >> (8 * zeros));
    return at + (8 - zeros);
}

/* All eight, leading zeros as well. */
MID__INLINE char *eight_digits(char *at, uint32_t value)
{
    store_bytes(at, digits_of(value) | 0x3030303030303030u);
    return at + 8;
}

static inline char *mid__decimal(char *at, uint64_t value)
{
    if (value < 100) {
        memcpy(at, &"0\0001\0002\0003\0004\0005\0006\0007\0008\0009\000"
                    "10111213141516171819202122232425262728293031323334353637383940414243444546474849"
                    "50515253545556575859606162636465666768697071727374757677787980818283848586878889"
                    "90919293949596979899"[2 * value], 2);
        return at + 1 + (value >= 10);
    }
    if (MID__LIKELY(value < 100000000u))
        return decimal_below_1e8(at, (uint32_t)value);
    /* 2^64 < 10^20: two or three groups, the first below 10^8 */
    uint64_t rest = value / 100000000u;
    if (rest < 100000000u) {
        at = decimal_below_1e8(at, (uint32_t)rest);
    } else {
        at = decimal_below_1e8(at, (uint32_t)(rest / 100000000u));
        at = eight_digits(at, (uint32_t)(rest % 100000000u));
    }
    return eight_digits(at, (uint32_t)(value % 100000000u));
}

#endif
