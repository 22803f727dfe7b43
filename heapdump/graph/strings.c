/* SPDX-License-Identifier: MIT
 *
 * strings.c: shows, hashes and compares the strings of a dump, which are kept as JSON text.
 *
 * Everything stands on one step, mid__string_next: the next code point, whatever way it is written (plain UTF-8, \n,
 * \u0041, a pair of surrogate escapes). Two strings are equal when their code points are; V8 itself writes one string
 * in different ways in different versions. A lone surrogate is a code point of its own here, since JavaScript's
 * strings may hold one, and becomes U+FFFD only when shown.
 *
 * Plain ASCII without escapes, which is nearly all, is copied and hashed without steps.
 */
#include <midden/internal/compiler.h>
#include <midden/internal/strings.h>

#include <string.h>

#define BROKEN 0xfffdu

static const char detached_prefix[] = "Detached ";

/* The text of a string of the file. */
struct span {
    const char *at;
    size_t bytes;
    bool escaped;
};

static struct span span_of(const struct mid__strings *s, uint32_t index)
{
    if (index >= s->count && index - s->count < s->detached_count)
        index = s->detached[index - s->count];
    if (index >= s->count)
        return (struct span){"", 0, false};
    uint64_t start = s->start[index], end = s->start[index + 1];
    return (struct span){s->text + (start >> 1), (size_t)((end >> 1) - (start >> 1)), start & 1};
}

static bool is_made(const struct mid__strings *s, uint32_t index)
{
    return index >= s->count && index - s->count < s->detached_count;
}

static bool is_ascii(const char *text, size_t bytes)
{
    uint64_t high = 0, word;
    for (; bytes >= 8; bytes -= 8, text += 8) {
        memcpy(&word, text, 8);
        high |= word;
    }
    for (; bytes > 0; bytes--, text++)
        high |= (unsigned char)*text;
    return (high & 0x8080808080808080u) == 0;
}

struct mid__string_step mid__string_begin(const struct mid__strings *s, uint32_t index)
{
    struct span t = span_of(s, index);
    return (struct mid__string_step){0, is_made(s, index) ? detached_prefix : NULL, t.at, t.at + t.bytes};
}

static uint32_t hex4(const char *p)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t c = (unsigned char)p[i];
        v = v << 4 | ((c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10) & 15);
    }
    return v;
}

/* At a backslash. text.c has checked that the escape is whole; what an index (index.c) says was not, and one that is cut
 * is a broken byte. A pair of surrogate escapes is one code point. */
static uint32_t escape(struct mid__string_step *it)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    if (it->end - it->at < 2 || (it->at[1] == 'u' && it->end - it->at < 6)) {
        it->at++;
        return BROKEN;
    }
    char c = it->at[1];
    if (c != 'u') {
        const char *hit = strchr(from, c);
        it->at += 2;
        return hit != NULL && c != '\0' ? (uint32_t)to[hit - from] : (uint32_t)(unsigned char)c;
    }
    uint32_t unit = hex4(it->at + 2);
    it->at += 6;
    if (unit < 0xd800 || unit > 0xdbff || it->end - it->at < 6 || it->at[0] != '\\' || it->at[1] != 'u')
        return unit;
    uint32_t low = hex4(it->at + 2);
    if (low < 0xdc00 || low > 0xdfff)
        return unit;
    it->at += 6;
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

/* At a byte of 0x80 or more. Takes one byte when the sequence is not UTF-8. */
static uint32_t sequence(struct mid__string_step *it)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t c = (unsigned char)*it->at++;
    unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc2 || c > 0xf4 || (size_t)(it->end - it->at) < more)
        return BROKEN;
    uint32_t v = c & (0x3fu >> more);
    for (unsigned i = 0; i < more; i++) {
        uint32_t next = (unsigned char)it->at[i];
        if ((next & 0xc0) != 0x80)
            return BROKEN;
        v = v << 6 | (next & 0x3f);
    }
    if (v < least[more + 1] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
        return BROKEN;
    it->at += more;
    return v;
}

bool mid__string_next(struct mid__string_step *it)
{
    if (it->prefix != NULL) {
        it->code_point = (unsigned char)*it->prefix++;
        if (*it->prefix == '\0')
            it->prefix = NULL;
        return true;
    }
    if (it->at == it->end)
        return false;
    unsigned char c = (unsigned char)*it->at;
    if (c == '\\')
        it->code_point = escape(it);
    else if (c >= 0x80)
        it->code_point = sequence(it);
    else {
        it->code_point = c;
        it->at++;
    }
    return true;
}

/* The UTF-8 form of a code point, surrogates included. Returns its length. */
static unsigned encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    for (unsigned i = more; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xffu << (7 - more) & 0xffu) | c); /* 110xxxxx 1110xxxx 11110xxx */
    return more + 1;
}

static bool is_surrogate(uint32_t c)
{
    return c >= 0xd800 && c <= 0xdfff;
}

size_t mid__strings_get(const struct mid__strings *s, uint32_t index, char *buffer, size_t capacity)
{
    struct span t = span_of(s, index);
    if (!t.escaped && !is_made(s, index) && is_ascii(t.at, t.bytes)) {
        size_t part = capacity == 0 ? 0 : t.bytes < capacity - 1 ? t.bytes : capacity - 1;
        if (capacity != 0) {
            memcpy(buffer, t.at, part);
            buffer[part] = '\0';
        }
        return t.bytes;
    }
    size_t total = 0, written = 0;
    bool cut = capacity == 0;
    for (struct mid__string_step it = mid__string_begin(s, index); mid__string_next(&it);) {
        char bytes[4];
        unsigned n = encode(is_surrogate(it.code_point) ? BROKEN : it.code_point, bytes);
        total += n;
        cut = cut || total > capacity - 1;
        if (!cut) {
            memcpy(buffer + written, bytes, n);
            written += n;
        }
    }
    if (capacity != 0)
        buffer[written] = '\0';
    return total;
}

/* A hash fed in pieces: eight bytes at a time, each mixed by multiplication and folding. */
struct hasher {
    uint64_t state, word;
    unsigned bytes;
    uint64_t length;
};

static uint64_t mix(uint64_t a)
{
    a *= 0x9e3779b97f4a7c15u;
    a ^= a >> 29;
    a *= 0xbf58476d1ce4e5b9u;
    return a ^ a >> 32;
}

static void feed_byte(struct hasher *h, unsigned char c)
{
    h->word |= (uint64_t)c << (8 * h->bytes);
    h->length++;
    if (++h->bytes == 8) {
        h->state = mix(h->state ^ h->word);
        h->word = 0;
        h->bytes = 0;
    }
}

static uint64_t hash_end(struct hasher *h)
{
    return mix(mix(h->state ^ h->word) ^ h->length);
}

static uint64_t hash_ascii(const char *text, size_t bytes)
{
    struct hasher h = {0x6d696464656e2121u, 0, 0, bytes};
    for (; bytes >= 8; bytes -= 8, text += 8) {
        uint64_t word = 0;
        for (unsigned i = 0; i < 8; i++)
            word |= (uint64_t)(unsigned char)text[i] << (8 * i);
        h.state = mix(h.state ^ word);
    }
    for (unsigned i = 0; i < bytes; i++)
        h.word |= (uint64_t)(unsigned char)text[i] << (8 * i);
    return hash_end(&h);
}

uint64_t mid__strings_hash(const struct mid__strings *s, uint32_t index)
{
    struct span t = span_of(s, index);
    if (!t.escaped && !is_made(s, index) && is_ascii(t.at, t.bytes))
        return hash_ascii(t.at, t.bytes);
    struct hasher h = {0x6d696464656e2121u, 0, 0, 0};
    for (struct mid__string_step it = mid__string_begin(s, index); mid__string_next(&it);) {
        char bytes[4];
        unsigned n = encode(it.code_point, bytes);
        for (unsigned i = 0; i < n; i++)
            feed_byte(&h, (unsigned char)bytes[i]);
    }
    return hash_end(&h);
}

bool mid__strings_equal(const struct mid__strings *s, uint32_t a, uint32_t b)
{
    if (a == b)
        return true;
    struct span x = span_of(s, a), y = span_of(s, b);
    if (is_made(s, a) == is_made(s, b) && x.bytes == y.bytes && memcmp(x.at, y.at, x.bytes) == 0)
        return true;
    return mid__strings_compare(s, a, s, b) == 0;
}

bool mid__strings_begins(const struct mid__strings *s, uint32_t index, const char *text, size_t bytes)
{
    struct span t = span_of(s, index);
    if (!t.escaped && !is_made(s, index) && is_ascii(text, bytes))
        return t.bytes >= bytes && memcmp(t.at, text, bytes) == 0;
    struct mid__string_step it = mid__string_begin(s, index), want = {0, NULL, text, text + bytes};
    while (want.at != want.end) {
        unsigned char c = (unsigned char)*want.at;
        if (c < 0x80) {
            want.code_point = c;
            want.at++;
        } else {
            want.code_point = sequence(&want);
        }
        if (!mid__string_next(&it) || it.code_point != want.code_point)
            return false;
    }
    return true;
}

bool mid__strings_is(const struct mid__strings *s, uint32_t index, const char *text, size_t bytes)
{
    struct span t = span_of(s, index);
    if (!t.escaped && !is_made(s, index) && is_ascii(text, bytes))
        return t.bytes == bytes && memcmp(t.at, text, bytes) == 0;
    struct mid__string_step it = mid__string_begin(s, index), want = {0, NULL, text, text + bytes};
    if (!mid__strings_begins(s, index, text, bytes))
        return false;
    /* As many code points as `text` has, and no more. */
    while (want.at != want.end) {
        if ((unsigned char)*want.at < 0x80)
            want.at++;
        else
            sequence(&want);
        mid__string_next(&it);
    }
    return !mid__string_next(&it);
}

size_t mid__strings_utf16_units(const struct mid__strings *s, uint32_t index)
{
    size_t units = 0;
    for (struct mid__string_step it = mid__string_begin(s, index); mid__string_next(&it);)
        units += it.code_point >= 0x10000 ? 2 : 1;
    return units;
}

/* A string by UTF-16 code units: `low` is the second half of the pair whose first was given last, or 0. */
struct unit_step {
    struct mid__string_step it;
    uint32_t low;
};

/* The next unit, -1 at the end. */
static int32_t next_unit(struct unit_step *u)
{
    if (u->low != 0) {
        int32_t low = (int32_t)u->low;
        u->low = 0;
        return low;
    }
    if (!mid__string_next(&u->it))
        return -1;
    uint32_t c = u->it.code_point;
    if (c < 0x10000)
        return (int32_t)c;
    u->low = 0xdc00 + (c & 0x3ff);
    return (int32_t)(0xd800 + ((c - 0x10000) >> 10));
}

int mid__strings_compare(const struct mid__strings *s, uint32_t a, const struct mid__strings *t, uint32_t b)
{
    struct unit_step x = {mid__string_begin(s, a), 0}, y = {mid__string_begin(t, b), 0};
    for (;;) {
        int32_t u = next_unit(&x), v = next_unit(&y);
        if (u != v)
            return u < v ? -1 : 1;
        if (u < 0)
            return 0;
    }
}
