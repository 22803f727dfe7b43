/* SPDX-License-Identifier: MIT
 *
 * bytes.h: questions to 64 bytes at a time, answered as masks (bit i for byte i). SSE2 where the compiler has it, which
 * is every x86-64; else plain loops that compilers vectorise.
 */
#ifndef MIDDEN_GRAPH_BYTES_H
#define MIDDEN_GRAPH_BYTES_H

#include <midden/internal/compiler.h>

#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

struct number_masks {
    uint64_t digits, commas, spaces;
};

#if defined(__SSE2__)

MID__INLINE uint64_t mask16(__m128i bytes)
{
    return (uint64_t)(unsigned)_mm_movemask_epi8(bytes);
}

MID__INLINE __m128i load16(const unsigned char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

MID__INLINE __m128i is_digit16(__m128i v)
{
    __m128i d = _mm_sub_epi8(v, _mm_set1_epi8('0'));
    return _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(9)), d);
}

MID__INLINE __m128i is_space16(__m128i v)
{
    __m128i a = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(' ')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\n')));
    __m128i b = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\r')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\t')));
    return _mm_or_si128(a, b);
}

MID__INLINE uint64_t mask64(__m128i a, __m128i b, __m128i c, __m128i d)
{
    return mask16(a) | mask16(b) << 16 | mask16(c) << 32 | mask16(d) << 48;
}

MID__INLINE struct number_masks number_masks(const unsigned char *p)
{
    const __m128i comma = _mm_set1_epi8(','), a = load16(p), b = load16(p + 16), c = load16(p + 32), d = load16(p + 48);
    struct number_masks m = {
        mask64(is_digit16(a), is_digit16(b), is_digit16(c), is_digit16(d)),
        mask64(_mm_cmpeq_epi8(a, comma), _mm_cmpeq_epi8(b, comma), _mm_cmpeq_epi8(c, comma), _mm_cmpeq_epi8(d, comma)), 0};
    if ((m.digits | m.commas) != ~(uint64_t)0)
        m.spaces = mask64(is_space16(a), is_space16(b), is_space16(c), is_space16(d));
    return m;
}

/* Bytes that end or break the plain run of a JSON string: quote, backslash, control characters. */
MID__INLINE unsigned string_stops16(const unsigned char *p)
{
    __m128i v = load16(p), low = _mm_set1_epi8(0x1f);
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, low), v);
    __m128i mark = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    return (unsigned)mask16(_mm_or_si128(control, mark));
}

#else

MID__INLINE struct number_masks number_masks(const unsigned char *p)
{
    struct number_masks m = {0, 0, 0};
    for (unsigned i = 0; i < 64; i++) {
        unsigned char c = p[i];
        m.digits |= (uint64_t)(c >= '0' && c <= '9') << i;
        m.commas |= (uint64_t)(c == ',') << i;
        m.spaces |= (uint64_t)(c == ' ' || c == '\n' || c == '\r' || c == '\t') << i;
    }
    return m;
}

MID__INLINE unsigned string_stops16(const unsigned char *p)
{
    unsigned stops = 0;
    for (unsigned i = 0; i < 16; i++)
        stops |= (unsigned)(p[i] < 0x20 || p[i] == '"' || p[i] == '\\') << i;
    return stops;
}

#endif

/* Bit i: the number of set bits of x at or below i is odd. */
MID__INLINE uint64_t prefix_parity(uint64_t x)
{
    x ^= x << 1;
    x ^= x << 2;
    x ^= x << 4;
    x ^= x << 8;
    x ^= x << 16;
    return x ^ x << 32;
}

/* The value of the 1 to 8 digits that end before `end`; 8 bytes before `end` are readable. */
MID__INLINE uint64_t eight_digits(const unsigned char *end, unsigned digits)
{
    uint64_t v;
    memcpy(&v, end - 8, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    unsigned shift = (8 - digits) * 8;
    v = ((v ^ 0x3030303030303030u) >> shift) << shift;
    v = v * 10 + (v >> 8);
    v = (v & 0x000000ff000000ffu) * 0x000f424000000064u + ((v >> 16) & 0x000000ff000000ffu) * 0x0000271000000001u;
    return v >> 32;
}

#endif
