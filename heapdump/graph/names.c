/* SPDX-License-Identifier: MIT
 *
 * names.c: finds the strings that DevTools' rules give a meaning to, once for all strings, so that the passes over
 * edges and nodes look at one byte instead.
 *
 * The names of an ephemeron's edges are sentences: V8 writes an entry of a WeakMap as two edges, from the table to the
 * value and from the key to the value, both named
 *     <number> / part of key (<name> @<id>) -> value (<name> @<id>) pair in WeakMap (table @<id>)
 * DevTools matches them with ^\d+( / part of key \(.*? @\d+\) -> value \(.*? @\d+\) pair in WeakMap
 * \(table @(\d+)\))$. Here the two ends are peeled off first, which are fixed; what is left between must hold one
 * ") -> value (" with " @<digits>" before it. A dot of the expression is any character but a line's end.
 *
 * Two names are a pair when all behind the leading number is equal.
 */
#include "private.h"

#include <string.h>

#define FIXED(text, kind) {text, sizeof(text) - 1, kind}
static const struct {
    const char *text;
    size_t bytes;
    enum special_name kind;
} fixed_names[] = {
    FIXED("(Document DOM trees)", NAME_DOCUMENT_DOM_TREES), FIXED("system / ExternalStringData", NAME_EXTERNAL_STRING),
    FIXED("system / NativeContext", NAME_NATIVE_CONTEXT),   FIXED("sloppy_function_map", NAME_SLOPPY_FUNCTION_MAP),
    FIXED("(map descriptors)", NAME_MAP_DESCRIPTORS),
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- the sentence */

/* Cuts `tail` off the end of [text, *end). */
static bool peel_tail(const char *text, const char **end, const char *tail)
{
    size_t n = strlen(tail);
    if ((size_t)(*end - text) < n || memcmp(*end - n, tail, n) != 0)
        return false;
    *end -= n;
    return true;
}

/* Cuts digits, at least one, off the end. */
static bool peel_digits(const char *text, const char **end)
{
    const char *p = *end;
    while (p > text && is_digit(p[-1]))
        p--;
    bool any = p != *end;
    *end = p;
    return any;
}

static bool peel_id(const char *text, const char *end)
{
    return peel_digits(text, &end) && peel_tail(text, &end, " @");
}

static bool has_line_end(const char *text, const char *end)
{
    for (; text < end; text++)
        if (*text == '\n' || *text == '\r' ||
            (end - text >= 3 && memcmp(text, "\xe2\x80", 2) == 0 && ((unsigned char)text[2] & 0xfe) == 0xa8))
            return true;
    return false;
}

/* [text, end): "<name> @<id>) -> value (<name> @<id>". */
static bool is_key_and_value(const char *text, const char *end)
{
    static const char arrow[] = ") -> value (";
    const size_t n = sizeof arrow - 1;
    const char *value_id = end;
    if (!peel_digits(text, &value_id) || !peel_tail(text, &value_id, " @") || has_line_end(text, end))
        return false;
    for (const char *p = text; (size_t)(value_id - p) >= n; p++) {
        p = memchr(p, ')', (size_t)(value_id - p) - n + 1);
        if (p == NULL)
            return false;
        if (memcmp(p, arrow, n) == 0 && peel_id(text, p))
            return true;
    }
    return false;
}

/* The id at p; beyond every id where it needs more than 63 bits. */
static uint64_t id_at(const char *p)
{
    uint64_t v = 0;
    for (; is_digit(*p); p++)
        if (mid__mul_overflows_u64(v, 10, &v) || mid__add_overflows_u64(v, (uint64_t)(*p - '0'), &v))
            return UINT64_MAX;
    return v;
}

/* The whole sentence; text[bytes] is readable. */
static bool parse_ephemeron(const char *text, size_t bytes, uint64_t *table_id)
{
    static const char head[] = " / part of key (";
    const char *end = text + bytes;
    while (text < end && is_digit(*text))
        text++;
    if ((size_t)(end - text) < sizeof head - 1 || memcmp(text, head, sizeof head - 1) != 0)
        return false;
    text += sizeof head - 1;
    if (!peel_tail(text, &end, ")") || !peel_digits(text, &end))
        return false;
    *table_id = id_at(end);
    return peel_tail(text, &end, ") pair in WeakMap (table @") && is_key_and_value(text, end);
}

/* ---- all strings */

static bool add_ephemeron(struct mid__graph *g, uint32_t string, uint64_t table_id)
{
    struct names *n = &g->own->names;
    if (n->ephemeron_count == n->ephemeron_room) {
        uint32_t room = 2 * n->ephemeron_room + 64;
        struct ephemeron *list = mid__mem_resize(&g->own->memory, n->ephemerons, room, sizeof *list);
        if (list == NULL)
            return false;
        n->ephemerons = list;
        n->ephemeron_room = room;
    }
    n->ephemerons[n->ephemeron_count++] = (struct ephemeron){string, 0, table_id};
    return true;
}

/* Decoded where it has escapes. */
static bool look_for_ephemeron(struct mid__graph *g, uint32_t string)
{
    const struct mid__strings *s = &g->strings;
    struct memory *m = &g->own->memory;
    uint64_t start = s->start[string], table_id;
    size_t bytes = (size_t)((s->start[string + 1] >> 1) - (start >> 1));
    const char *text = s->text + (start >> 1);
    char *copy = NULL;
    if (start & 1) {
        copy = mid__mem_new(m, bytes + 1, 1);
        if (copy == NULL)
            return false;
        text = copy;
        bytes = mid__strings_get(s, string, copy, bytes + 1);
    }
    bool ok = true;
    if (parse_ephemeron(text, bytes, &table_id)) {
        g->own->names.kind[string] = NAME_EPHEMERON;
        ok = add_ephemeron(g, string, table_id);
    }
    mid__mem_free(m, copy);
    return ok;
}

static bool look_at(struct mid__graph *g, uint32_t string)
{
    const struct mid__strings *s = &g->strings;
    uint64_t start = s->start[string] >> 1, end = s->start[string + 1] >> 1;
    char first = start < end ? s->text[start] : '\0';
    bool maybe = first == '\\';
    if ((is_digit(first) || maybe) && end - start >= 63) /* the shortest sentence has so many bytes */
        return look_for_ephemeron(g, string);
    for (size_t i = 0; i < sizeof fixed_names / sizeof fixed_names[0]; i++)
        if ((first == fixed_names[i].text[0] || maybe) &&
            mid__strings_is(s, string, fixed_names[i].text, fixed_names[i].bytes))
            g->own->names.kind[string] = (uint8_t)fixed_names[i].kind;
    if ((first == 'D' || maybe) && mid__strings_begins(s, string, "Detached ", 9))
        g->own->names.kind[string] = NAME_DETACHED;
    return true;
}

/* ---- pairs */

/* Behind the leading number. */
static struct mid__string_step sentence(const struct mid__strings *s, uint32_t string)
{
    struct mid__string_step it = mid__string_begin(s, string), before = it;
    while (mid__string_next(&it) && it.code_point >= '0' && it.code_point <= '9')
        before = it;
    return before;
}

/* Where the string has no escapes and is ASCII: its bytes behind the leading number; else false. */
static bool plain_sentence(const struct mid__strings *s, uint32_t string, const char **text, size_t *bytes)
{
    uint64_t start = s->start[string];
    const char *p = s->text + (start >> 1), *end = s->text + (s->start[string + 1] >> 1);
    if (start & 1)
        return false;
    while (p < end && is_digit(*p))
        p++;
    unsigned char all = 0;
    for (const char *c = p; c < end; c++)
        all |= (unsigned char)*c;
    *text = p;
    *bytes = (size_t)(end - p);
    return all < 0x80;
}

static uint64_t hash_step(uint64_t h, uint32_t c)
{
    return (h ^ c) * 0x100000001b3u;
}

/* FNV-1a over code points. */
static uint64_t hash_sentence(const struct mid__strings *s, uint32_t string)
{
    uint64_t h = 0xcbf29ce484222325u;
    const char *text;
    size_t bytes;
    if (plain_sentence(s, string, &text, &bytes))
        for (size_t i = 0; i < bytes; i++)
            h = hash_step(h, (unsigned char)text[i]);
    else
        for (struct mid__string_step it = sentence(s, string); mid__string_next(&it);)
            h = hash_step(h, it.code_point);
    return h ^ h >> 29;
}

static bool same_sentence(const struct mid__strings *s, uint32_t a, uint32_t b)
{
    const char *text_a, *text_b;
    size_t bytes_a, bytes_b;
    if (plain_sentence(s, a, &text_a, &bytes_a) && plain_sentence(s, b, &text_b, &bytes_b))
        return bytes_a == bytes_b && memcmp(text_a, text_b, bytes_a) == 0;
    struct mid__string_step x = sentence(s, a), y = sentence(s, b);
    for (;;) {
        bool more_x = mid__string_next(&x), more_y = mid__string_next(&y);
        if (!more_x || !more_y)
            return more_x == more_y;
        if (x.code_point != y.code_point)
            return false;
    }
}

/* Gives equal sentences equal numbers, by a table of places in the list. */
static bool number_pairs(struct mid__graph *g)
{
    struct names *n = &g->own->names;
    size_t slots = 64;
    while (slots < (size_t)n->ephemeron_count * 2)
        slots *= 2;
    uint32_t *slot = mid__mem_new(&g->own->memory, slots, sizeof *slot);
    if (slot == NULL)
        return false;
    for (uint32_t i = 0; i < n->ephemeron_count; i++) {
        size_t at = (size_t)hash_sentence(&g->strings, n->ephemerons[i].string) & (slots - 1);
        while (slot[at] != 0 &&
               !same_sentence(&g->strings, n->ephemerons[i].string, n->ephemerons[slot[at] - 1].string))
            at = (at + 1) & (slots - 1);
        if (slot[at] == 0) {
            slot[at] = i + 1;
            n->ephemerons[i].pair = n->pair_count++;
        } else {
            n->ephemerons[i].pair = n->ephemerons[slot[at] - 1].pair;
        }
    }
    mid__mem_free(&g->own->memory, slot);
    return true;
}

enum mid_status mid__names_find(struct mid__graph *g, struct mid__graph_error *error)
{
    struct names *n = &g->own->names;
    n->kind = mid__mem_new(&g->own->memory, g->strings.count, 1);
    if (n->kind == NULL)
        return mid__fail_memory(g, error);
    for (uint32_t i = 0; i < g->strings.count; i++)
        if (!look_at(g, i))
            return mid__fail_memory(g, error);
    return number_pairs(g) ? MID_OK : mid__fail_memory(g, error);
}

/* ---- asked by the passes */

enum special_name mid__node_special(const struct mid__graph *g, uint32_t node)
{
    uint32_t name = g->node_name[node];
    return name < g->strings.count ? (enum special_name)g->own->names.kind[name] : NAME_NONE;
}

const struct ephemeron *mid__ephemeron(const struct mid__graph *g, uint32_t string)
{
    const struct names *n = &g->own->names;
    uint32_t low = 0, high = n->ephemeron_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (n->ephemerons[middle].string < string)
            low = middle + 1;
        else
            high = middle;
    }
    return &n->ephemerons[low];
}

bool mid__is_user_root(const struct mid__graph *g, uint32_t node)
{
    return g->node_type[node] != MID__NODE_SYNTHETIC || mid__node_special(g, node) == NAME_DOCUMENT_DOM_TREES;
}

bool mid__has_user_roots(const struct mid__graph *g)
{
    for (uint32_t e = g->first_edge[g->root]; e < g->first_edge[g->root + 1]; e++)
        if (mid__is_user_root(g, g->edge_target[e]))
            return true;
    return false;
}
