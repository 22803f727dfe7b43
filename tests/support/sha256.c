/* SPDX-License-Identifier: MIT
 * sha256.c: SHA-256, plainly after FIPS 180-4, section 6.2. The constants are its square and cube roots of primes,
 * computed rather than copied. */
#include "sha256.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The first 32 bits of the fraction of a prime's root, by integer bisection: r is the root times 2^32. */
static uint32_t root_bits(uint32_t prime, unsigned power)
{
    unsigned __int128 low = 0, high = (unsigned __int128)1 << 37;
    while (high - low > 1) {
        unsigned __int128 r = (low + high) / 2;
        if ((power == 2 ? r * r : r * r * r) < (unsigned __int128)prime << (32 * power))
            low = r;
        else
            high = r;
    }
    return (uint32_t)low;
}

static void constants(uint32_t start[8], uint32_t k[64])
{
    unsigned found = 0;
    for (uint32_t p = 2; found < 64; p++) {
        uint32_t d = 2;
        while (d * d <= p && p % d != 0)
            d++;
        if (d * d <= p)
            continue;
        if (found < 8)
            start[found] = root_bits(p, 2);
        k[found++] = root_bits(p, 3);
    }
}

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static void block(uint32_t h[8], const uint32_t k[64], const unsigned char *p)
{
    uint32_t w[64], s[8];
    for (unsigned t = 0; t < 16; t++)
        w[t] = (uint32_t)p[4 * t] << 24 | (uint32_t)p[4 * t + 1] << 16 | (uint32_t)p[4 * t + 2] << 8 | p[4 * t + 3];
    for (unsigned t = 16; t < 64; t++)
        w[t] = (rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10) + w[t - 7] +
               (rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3) + w[t - 16];
    memcpy(s, h, sizeof s);
    for (unsigned t = 0; t < 64; t++) {
        uint32_t a = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) +
                     k[t] + w[t];
        uint32_t b = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
                     ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof s[0]);
        s[4] += a;
        s[0] = a + b;
    }
    for (unsigned i = 0; i < 8; i++)
        h[i] += s[i];
}

void sha256_hex(const void *bytes, size_t size, char hex[65])
{
    uint32_t h[8], k[64];
    constants(h, k);
    const unsigned char *p = bytes;
    size_t left = size;
    for (; left >= 64; left -= 64, p += 64)
        block(h, k, p);
    unsigned char tail[128] = {0};
    memcpy(tail, p, left);
    tail[left] = 0x80;
    size_t end = left < 56 ? 64 : 128;
    for (unsigned i = 0; i < 8; i++)
        tail[end - 1 - i] = (unsigned char)((uint64_t)size * 8 >> (8 * i));
    for (size_t at = 0; at < end; at += 64)
        block(h, k, tail + at);
    for (unsigned i = 0; i < 8; i++)
        snprintf(hex + 8 * i, 9, "%08x", (unsigned)h[i]);
}
