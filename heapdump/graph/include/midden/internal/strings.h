/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/strings.h>: the strings of one heap snapshot; never installed.
 *
 * A dump's strings are kept as they stand in the file, as JSON text between quotes, and decoded when they are shown: a
 * dump has millions of them, and a reader sees a few hundred. A string is named by its index. The indices from
 * `count` to `count + detached_count - 1` are names that the analysis made: "Detached " before another string.
 *
 * Text out of a dump is hostile until escaped: mid__strings_get gives control characters, ESC among them, as they are.
 * Who writes to a terminal, a page or a spreadsheet escapes them there.
 *
 * All functions are pure reads; any number of threads may call them on one graph at a time. An index at or beyond
 * mid__strings_total is taken for the empty string.
 */
#ifndef MIDDEN_INTERNAL_STRINGS_H
#define MIDDEN_INTERNAL_STRINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mid__strings {
    const char *text;         /* the contents of all strings, one behind the other, without quotes and commas */
    const uint64_t *start;    /* [count + 1]: twice the offset in `text`; the lowest bit says that the string has a
                               * backslash in it */
    uint32_t count;           /* strings in the file */
    uint32_t detached_count;
    const uint32_t *detached; /* [detached_count]: the string that follows "Detached " */
};

/* How many indices have a string: those of the file and those made. */
static inline uint32_t mid__strings_total(const struct mid__strings *s)
{
    return s->count + s->detached_count;
}

/* Decodes string `index` into `buffer` as UTF-8 and ends it with NUL (capacity 0: writes nothing, buffer may be NULL).
 * Too long a string is cut between two characters. Returns the length in bytes of the whole decoded string, without
 * NUL, so that a result >= capacity says that it was cut. Lone surrogates and bytes that are not UTF-8 come out as
 * U+FFFD. A U+0000 in the string is a NUL byte in the result: use the length. O(length). */
size_t mid__strings_get(const struct mid__strings *s, uint32_t index, char *buffer, size_t capacity);

/* A 64-bit hash of the decoded content: equal for two indices whose strings are equal, however they are escaped, and
 * the same in every process. Lone surrogates count as themselves. O(length). */
uint64_t mid__strings_hash(const struct mid__strings *s, uint32_t index);

/* True when the two decoded strings are equal, code unit for code unit. O(length). */
bool mid__strings_equal(const struct mid__strings *s, uint32_t a, uint32_t b);

/* True when string `index` decodes to `text` (`bytes` of UTF-8), or begins with it. O(bytes). */
bool mid__strings_is(const struct mid__strings *s, uint32_t index, const char *text, size_t bytes);
bool mid__strings_begins(const struct mid__strings *s, uint32_t index, const char *text, size_t bytes);

/* The length that JavaScript gives the string: UTF-16 code units. O(length). */
size_t mid__strings_utf16_units(const struct mid__strings *s, uint32_t index);

/* Compares two strings as JavaScript's < does, by UTF-16 code units: negative, 0, positive. O(length). */
int mid__strings_compare(const struct mid__strings *s, uint32_t a, const struct mid__strings *t, uint32_t b);

/* Steps through the decoded code points of one string, without a buffer.
 *     for (struct mid__string_step it = mid__string_begin(s, index); mid__string_next(&it);)
 *         use(it.code_point);
 * A lone surrogate comes as itself (0xD800 to 0xDFFF), a broken byte as 0xFFFD. */
struct mid__string_step {
    uint32_t code_point;
    const char *prefix; /* what is left of "Detached ", or NULL */
    const char *at, *end;
};
struct mid__string_step mid__string_begin(const struct mid__strings *s, uint32_t index);
bool mid__string_next(struct mid__string_step *it);

#endif
