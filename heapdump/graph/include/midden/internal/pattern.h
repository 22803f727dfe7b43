/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/pattern.h>: what people write on a command line: patterns of names, and quantities such as 50MB;
 * never installed.
 */
#ifndef MIDDEN_INTERNAL_PATTERN_H
#define MIDDEN_INTERNAL_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In a pattern `*` stands for any text, also none, and a backslash takes the next character as itself. All else is
 * compared byte by byte. */

/* True when it has a `*` that is not taken as itself. */
bool mid__pattern_is(const char *pattern, size_t length);

/* True when the pattern matches the whole text. O(pattern * text) at worst, without recursion. */
bool mid__pattern_matches(const char *pattern, size_t pattern_length, const char *text, size_t text_length);

/* Reads a number of bytes: digits, perhaps with a decimal point, and a unit: none, B, kB, MB, GB, TB (powers of 1000),
 * KiB, MiB, GiB, TiB (powers of 1024); case is not heeded, blanks before the unit are allowed. False when it is none of
 * that, or does not fit into 63 bits. A fraction of a byte is cut off. */
bool mid__size_parse(const char *text, size_t length, uint64_t *bytes);

/* Reads a plain number that fits into 63 bits. */
bool mid__count_parse(const char *text, size_t length, uint64_t *count);

#endif
