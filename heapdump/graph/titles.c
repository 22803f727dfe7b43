/* SPDX-License-Identifier: MIT
 *
 * titles.c: what nodes are called, by DevTools' rules (JSHeapSnapshotNode of its HeapSnapshot.ts, read and then put
 * aside), so that a name found in one tool is found in the other.
 *
 * Lengths that the rules compare are JavaScript's: UTF-16 code units. They are counted while the text grows.
 *
 * Departure: a concatenated string is put together in a bounded number of steps. Its parts may form a ring in a damaged
 * dump, and empty parts would keep DevTools in its loop for ever.
 */
#include <midden/internal/titles.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN_NAME_UNITS 100  /* DevTools' bound for {a, b, ..., z} */
#define CONS_NAME_UNITS  1024 /* and for a string put together */
#define CONS_STEPS       8192
#define CONS_DEPTH       4096

/* ---- the growing text */

static bool reserve(struct mid__title *n, size_t more)
{
    if (n->failed)
        return false;
    if (n->capacity - n->length >= more)
        return true;
    size_t wide = n->capacity < 128 ? 128 : n->capacity;
    while (wide - n->length < more && wide <= SIZE_MAX / 2)
        wide *= 2;
    char *bytes = wide - n->length < more ? NULL : realloc(n->bytes, wide);
    n->failed = bytes == NULL;
    if (n->failed)
        return false;
    n->bytes = bytes;
    n->capacity = wide;
    return true;
}

void mid__title_clear(struct mid__title *n)
{
    n->length = n->units = 0;
    n->failed = false;
}

void mid__title_free(struct mid__title *n)
{
    free(n->bytes);
    *n = (struct mid__title){0};
}

/* Two halves of a pair that come one after the other, out of two parts of a string, are one character. */
static uint32_t join_halves(struct mid__title *n, uint32_t c)
{
    if (c < 0xdc00 || c > 0xdfff || n->length < 3)
        return c;
    const unsigned char *last = (const unsigned char *)n->bytes + n->length - 3;
    if (last[0] != 0xed || last[1] < 0xa0 || last[1] > 0xaf)
        return c;
    uint32_t high = (last[1] & 0x0fu) << 6 | (last[2] & 0x3fu);
    n->length -= 3;
    n->units -= 1;
    return 0x10000 + (high << 10 | (c - 0xdc00));
}

void mid__title_put(struct mid__title *n, uint32_t c)
{
    if (!reserve(n, 4))
        return;
    c = join_halves(n, c);
    unsigned char *p = (unsigned char *)n->bytes + n->length;
    if (c < 0x80) {
        p[0] = (unsigned char)c;
        n->length += 1;
    } else if (c < 0x800) {
        p[0] = (unsigned char)(0xc0u | c >> 6);
        p[1] = (unsigned char)(0x80u | (c & 0x3fu));
        n->length += 2;
    } else if (c < 0x10000) {
        p[0] = (unsigned char)(0xe0u | c >> 12);
        p[1] = (unsigned char)(0x80u | (c >> 6 & 0x3fu));
        p[2] = (unsigned char)(0x80u | (c & 0x3fu));
        n->length += 3;
    } else {
        p[0] = (unsigned char)(0xf0u | (c >> 18 & 0x07u));
        p[1] = (unsigned char)(0x80u | (c >> 12 & 0x3fu));
        p[2] = (unsigned char)(0x80u | (c >> 6 & 0x3fu));
        p[3] = (unsigned char)(0x80u | (c & 0x3fu));
        n->length += 4;
    }
    n->units += c < 0x10000 ? 1 : 2;
}

static void add_bytes(struct mid__title *n, const char *bytes, size_t length, size_t units)
{
    if (length == 0 || !reserve(n, length))
        return;
    memcpy(n->bytes + n->length, bytes, length);
    n->length += length;
    n->units += units;
}

void mid__title_bytes(struct mid__title *n, const char *bytes, size_t length)
{
    size_t units = 0;
    for (size_t i = 0; i < length; i++) /* a unit a character, and one more for those of four bytes */
        units += ((unsigned char)bytes[i] & 0xc0u) != 0x80u ? (unsigned char)bytes[i] >= 0xf0u ? 2 : 1 : 0;
    add_bytes(n, bytes, length, units);
}

void mid__title_words(struct mid__title *n, const char *ascii)
{
    size_t length = strlen(ascii);
    add_bytes(n, ascii, length, length);
}

void mid__title_string(struct mid__title *n, const struct mid__strings *s, uint32_t index)
{
    for (struct mid__string_step it = mid__string_begin(s, index); mid__string_next(&it);)
        mid__title_put(n, it.code_point);
}

/* ---- properties */

static bool needs_quotes(const struct mid__strings *s, uint32_t index)
{
    for (struct mid__string_step it = mid__string_begin(s, index); mid__string_next(&it);)
        if (it.code_point < 0x80 && it.code_point != 0 && strchr(",'\"{}", (int)it.code_point) != NULL)
            return true;
    return false;
}

/* One character inside quotes, as JSON.stringify writes it. */
static void put_quoted(struct mid__title *n, uint32_t c)
{
    static const char letters[] = "\b\f\n\r\t\"\\", names[] = "bfnrt\"\\";
    const char *letter = c != 0 && c < 0x80 ? strchr(letters, (int)c) : NULL;
    char escape[8];
    if (letter != NULL)
        snprintf(escape, sizeof escape, "\\%c", names[letter - letters]);
    else if (c < 0x20 || (c >= 0xd800 && c <= 0xdfff))
        snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(c & 0xffffu));
    else {
        mid__title_put(n, c);
        return;
    }
    mid__title_words(n, escape);
}

void mid__title_property(struct mid__title *n, const struct mid__strings *s, uint32_t index)
{
    if (!needs_quotes(s, index)) {
        mid__title_string(n, s, index);
        return;
    }
    mid__title_put(n, '"');
    for (struct mid__string_step it = mid__string_begin(s, index); mid__string_next(&it);)
        put_quoted(n, it.code_point);
    mid__title_put(n, '"');
}

bool mid__title_is_plain_object(const struct mid__graph *g, uint32_t node)
{
    return g->node_type[node] == MID__NODE_OBJECT && mid__strings_is(&g->strings, g->node_name[node], "Object", 6);
}

/* ---- {a, b, ..., z}: properties from the start and from the end by turns, until the name would be too long */

struct plain {
    struct mid__title *head;              /* "{a, b" */
    struct mid__title tail, all, formatted; /* "z}", and space to put a part before it */
    uint32_t from, to;                   /* edges not yet taken */
};

static bool skipped(const struct mid__graph *g, uint32_t edge)
{
    return g->edge_type[edge] != MID__EDGE_PROPERTY || mid__strings_is(&g->strings, g->edge_name[edge], "__proto__", 9);
}

static void put_before_tail(struct plain *p)
{
    mid__title_clear(&p->all);
    add_bytes(&p->all, p->formatted.bytes, p->formatted.length, p->formatted.units);
    if (p->tail.units > 1)
        mid__title_words(&p->all, ", ");
    add_bytes(&p->all, p->tail.bytes, p->tail.length, p->tail.units);
    p->head->failed |= p->all.failed;
    struct mid__title swap = p->tail;
    p->tail = p->all;
    p->all = swap;
}

static void take_properties(struct plain *p, const struct mid__graph *g, size_t before)
{
    for (bool at_end = false; p->from < p->to;) {
        uint32_t edge = at_end ? p->to - 1 : p->from;
        if (skipped(g, edge)) {
            if (at_end)
                p->to--;
            else
                p->from++;
            continue;
        }
        mid__title_clear(&p->formatted);
        mid__title_property(&p->formatted, &g->strings, g->edge_name[edge]);
        p->head->failed |= p->formatted.failed;
        size_t units = p->head->units - before;
        if (units > 1 && units + p->tail.units + p->formatted.units > PLAIN_NAME_UNITS)
            return;
        if (at_end) {
            p->to--;
            put_before_tail(p);
        } else {
            p->from++;
            if (units > 1)
                mid__title_words(p->head, ", ");
            add_bytes(p->head, p->formatted.bytes, p->formatted.length, p->formatted.units);
        }
        at_end = !at_end;
    }
}

static void name_plain_object(struct mid__title *n, const struct mid__graph *g, uint32_t node)
{
    struct plain p = {.head = n, .from = g->first_edge[node], .to = g->first_edge[node + 1]};
    size_t before = n->units;
    mid__title_put(n, '{');
    mid__title_put(&p.tail, '}');
    n->failed |= p.tail.failed;
    take_properties(&p, g, before);
    if (p.from < p.to) {
        mid__title_words(n, ", ");
        mid__title_put(n, 0x2026);
    }
    if (p.tail.units > 1)
        mid__title_words(n, ", ");
    add_bytes(n, p.tail.bytes, p.tail.length, p.tail.units);
    mid__title_free(&p.tail);
    mid__title_free(&p.all);
    mid__title_free(&p.formatted);
}

/* ---- a concatenated string: its leaves from left to right, with a stack of what is still to come */

static void find_halves(const struct mid__graph *g, uint32_t node, uint32_t halves[2])
{
    halves[0] = halves[1] = g->root; /* a half that is missing reads as the root, whose name is empty */
    for (uint32_t e = g->first_edge[node]; e < g->first_edge[node + 1]; e++) {
        if (g->edge_type[e] != MID__EDGE_INTERNAL)
            continue;
        if (mid__strings_is(&g->strings, g->edge_name[e], "first", 5))
            halves[0] = g->edge_target[e];
        else if (mid__strings_is(&g->strings, g->edge_name[e], "second", 6))
            halves[1] = g->edge_target[e];
    }
}

static void name_cons_string(struct mid__title *n, const struct mid__graph *g, uint32_t node)
{
    uint32_t *stack = malloc(CONS_DEPTH * sizeof stack[0]);
    size_t depth = 0, before = n->units;
    n->failed |= stack == NULL;
    if (stack == NULL)
        return;
    stack[depth++] = node;
    for (unsigned steps = 0; depth != 0 && steps < CONS_STEPS && n->units - before < CONS_NAME_UNITS; steps++) {
        uint32_t at = stack[--depth], halves[2];
        if (g->node_type[at] != MID__NODE_CONS_STRING) {
            mid__title_string(n, &g->strings, g->node_name[at]);
            continue;
        }
        find_halves(g, at, halves);
        if (depth + 2 > CONS_DEPTH)
            break;
        stack[depth++] = halves[1];
        stack[depth++] = halves[0];
    }
    free(stack);
}

void mid__title_node(struct mid__title *n, const struct mid__graph *g, uint32_t node)
{
    if (g->node_type[node] == MID__NODE_CONS_STRING)
        name_cons_string(n, g, node);
    else if (mid__title_is_plain_object(g, node))
        name_plain_object(n, g, node);
    else
        mid__title_string(n, &g->strings, g->node_name[node]);
}

/* ---- classes */

/* The name up to the first space when it begins like an element, closed again: <div class="a"> as <div>. */
static void name_element(struct mid__title *n, const struct mid__strings *s, uint32_t index)
{
    size_t skip = mid__strings_begins(s, index, "<", 1)             ? 1
                  : mid__strings_begins(s, index, "Detached <", 10) ? 10
                                                                    : 0;
    size_t at = 0;
    for (struct mid__string_step it = mid__string_begin(s, index); mid__string_next(&it); at++) {
        if (skip != 0 && at >= skip && it.code_point == ' ') {
            mid__title_put(n, '>');
            return;
        }
        mid__title_put(n, it.code_point);
    }
}

void mid__title_class(struct mid__title *n, const struct mid__graph *g, uint32_t node)
{
    switch (g->node_type[node]) {
    case MID__NODE_HIDDEN:
        mid__title_words(n, "(system)");
        return;
    case MID__NODE_CODE:
        mid__title_words(n, "(compiled code)");
        return;
    case MID__NODE_CLOSURE:
        mid__title_words(n, "Function");
        return;
    case MID__NODE_REGEXP:
        mid__title_words(n, "RegExp");
        return;
    case MID__NODE_OBJECT:
    case MID__NODE_NATIVE:
        name_element(n, &g->strings, g->node_name[node]);
        return;
    default:
        mid__title_put(n, '(');
        mid__title_words(n, mid__graph_node_type_name(g, g->node_type[node]));
        mid__title_put(n, ')');
    }
}
