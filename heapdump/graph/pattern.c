/* SPDX-License-Identifier: MIT
 *
 * pattern.c: patterns of names with `*`, and quantities. See pattern.h for the rules.
 *
 * Matching is the usual greedy walk with one way back: when a character does not fit, the last `*` takes one character
 * more. An earlier `*` never has to, because the later one could have taken as much.
 */
#include <midden/internal/pattern.h>

bool mid__pattern_is(const char *pattern, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (pattern[i] == '*')
            return true;
        if (pattern[i] == '\\')
            i++;
    }
    return false;
}

/* The bytes of a pattern that stand for the character at `at`: 2 for an escaped one. */
static size_t width_at(const char *pattern, size_t length, size_t at)
{
    return pattern[at] == '\\' && at + 1 < length ? 2 : 1;
}

bool mid__pattern_matches(const char *pattern, size_t pattern_length, const char *text, size_t text_length)
{
    size_t p = 0, t = 0, star = SIZE_MAX, from = 0; /* behind the last `*`, and where it ends in the text */
    while (t < text_length) {
        if (p < pattern_length && pattern[p] == '*') {
            star = ++p;
            from = t;
            continue;
        }
        size_t width = p < pattern_length ? width_at(pattern, pattern_length, p) : 0;
        if (width != 0 && pattern[p + width - 1] == text[t]) {
            p += width;
            t++;
        } else if (star != SIZE_MAX) {
            p = star;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern_length && pattern[p] == '*')
        p++;
    return p == pattern_length;
}

/* ---- quantities */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The factor of the unit in [text, text + length), or 0. */
static uint64_t unit_of(const char *text, size_t length)
{
    static const char letters[] = "kmgt";
    if (length == 0 || (length == 1 && lower(text[0]) == 'b'))
        return 1;
    uint64_t step = length == 2 ? 1000 : 1024, factor = 1;
    bool binary = length == 3 && lower(text[1]) == 'i';
    if (lower(text[length - 1]) != 'b' || (length != 2 && !binary))
        return 0;
    for (const char *letter = letters; *letter != '\0'; letter++) {
        factor *= step;
        if (lower(text[0]) == *letter)
            return factor;
    }
    return 0;
}

/* value * 10 + digit, false where that passes 63 bits. */
static bool append(uint64_t *value, char digit)
{
    uint64_t n = (uint64_t)(digit - '0');
    if (*value > ((uint64_t)INT64_MAX - n) / 10)
        return false;
    *value = *value * 10 + n;
    return true;
}

bool mid__count_parse(const char *text, size_t length, uint64_t *count)
{
    *count = 0;
    for (size_t i = 0; i < length; i++)
        if (!is_digit(text[i]) || !append(count, text[i]))
            return false;
    return length != 0;
}

bool mid__size_parse(const char *text, size_t length, uint64_t *bytes)
{
    uint64_t whole = 0, parts = 0, scale = 1;
    size_t i = 0;
    for (; i < length && is_digit(text[i]); i++)
        if (!append(&whole, text[i]))
            return false;
    if (i == 0)
        return false;
    if (i + 1 < length && text[i] == '.' && is_digit(text[i + 1]))
        for (i++; i < length && is_digit(text[i]); i++)
            if (scale < 1000000) { /* further digits say less than a byte of a megabyte */
                parts = parts * 10 + (uint64_t)(text[i] - '0');
                scale *= 10;
            }
    while (i + 1 < length && text[i] == ' ')
        i++;
    uint64_t factor = unit_of(text + i, length - i);
    if (factor == 0 || whole > (uint64_t)INT64_MAX / factor)
        return false;
    *bytes = whole * factor + parts * (factor / scale) + parts * (factor % scale) / scale;
    return *bytes <= (uint64_t)INT64_MAX;
}
