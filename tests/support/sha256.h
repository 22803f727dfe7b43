/* SPDX-License-Identifier: MIT
 * SHA-256 (FIPS 180-4) for tests that compare arrays with sums made elsewhere. */
#ifndef MIDDEN_TESTS_SHA256_H
#define MIDDEN_TESTS_SHA256_H

#include <stddef.h>

/* The sum of `size` bytes as 64 hexadecimal digits and a NUL. */
void sha256_hex(const void *bytes, size_t size, char hex[65]);

#endif
