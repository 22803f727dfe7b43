/* SPDX-License-Identifier: MIT
 *
 * label.c: what the rows of the viewer are called. The text is searched as it is, and made harmless where it is drawn.
 */
#include "label.h"

#include <stdio.h>
#include <string.h>

static bool is_text(uint8_t type)
{
    return type == MID__NODE_STRING || type == MID__NODE_CONS_STRING || type == MID__NODE_SLICED_STRING;
}

static void add_number(struct mid__title *t, const char *format, uint64_t n)
{
    char digits[32];
    snprintf(digits, sizeof digits, format, (unsigned long long)n);
    mid__title_words(t, digits);
}

void label_class(struct mid__title *t, const struct mid__classes *c, uint32_t place)
{
    size_t length;
    const char *name = mid__class_name(c, place, &length);
    mid__title_bytes(t, name, length);
}

static void add_named(struct mid__title *t, const struct mid__graph *g, const struct mid__classes *c, uint32_t node)
{
    uint8_t type = g->node_type[node];
    size_t start = t->length, class_length;
    const char *class_name = mid__class_name(c, c->of_node[node], &class_length);
    bool alone = type == MID__NODE_SYNTHETIC || type == MID__NODE_NATIVE || mid__title_is_plain_object(g, node);
    if (!alone) {
        mid__title_bytes(t, class_name, class_length);
        mid__title_put(t, ' ');
    }
    size_t name = t->length;
    mid__title_node(t, g, node);
    if (alone || t->failed)
        return;
    bool same = t->length - name == class_length && memcmp(t->bytes + name, class_name, class_length) == 0;
    if (same || t->length == name)
        t->length = start + class_length; /* the class says it all */
}

void label_node(struct mid__title *t, const struct mid__graph *g, const struct mid__classes *c, uint32_t node)
{
    size_t start = t->length;
    if (is_text(g->node_type[node])) {
        mid__title_put(t, '"');
        mid__title_node(t, g, node);
        mid__title_put(t, '"');
    } else {
        add_named(t, g, c, node);
    }
    if (t->length == start && node == g->root)
        mid__title_words(t, "(root)");
    add_number(t, t->length == start ? "@%llu" : " @%llu", mid__graph_id(g, node));
}

static bool is_identifier(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = bytes[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
        if (!letter && !(i != 0 && c >= '0' && c <= '9'))
            return false;
    }
    return length != 0;
}

static void add_property(struct mid__title *t, const struct mid__graph *g, uint32_t edge)
{
    size_t start = t->length;
    mid__title_put(t, '.');
    mid__title_string(t, &g->strings, g->edge_name[edge]);
    if (t->failed || is_identifier(t->bytes + start + 1, t->length - start - 1))
        return;
    t->length = start;
    mid__title_words(t, "[\"");
    mid__title_string(t, &g->strings, g->edge_name[edge]);
    mid__title_words(t, "\"]");
}

void label_edge(struct mid__title *t, const struct mid__graph *g, uint32_t edge)
{
    uint8_t type = g->edge_type[edge];
    if (type == MID__EDGE_ELEMENT) {
        add_number(t, "[%llu]", g->edge_name[edge]);
    } else if (type == MID__EDGE_PROPERTY) {
        add_property(t, g, edge);
    } else {
        mid__title_put(t, '(');
        mid__title_words(t, mid__graph_edge_type_name(g, type));
        mid__title_words(t, ") ");
        if (mid__edge_is_numbered(type))
            add_number(t, "%llu", g->edge_name[edge]);
        else
            mid__title_string(t, &g->strings, g->edge_name[edge]);
    }
}
