/* SPDX-License-Identifier: MIT
 * line.c: one line of the screen. Every text that is drawn goes through text_add_dump, ours too: it counts columns. */
#include "line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

static struct text scratch; /* one thread draws */

struct line line_begin(size_t row, size_t end, bool selected)
{
    terminal_move(row, 0);
    return (struct line){.end = end, .selected = selected, .ascii = terminal_is_ascii()};
}

size_t line_left(const struct line *l)
{
    return l->end > l->column ? l->end - l->column : 0;
}

size_t line_add(struct line *l, enum ink ink, const char *bytes, size_t length, size_t columns)
{
    size_t left = line_left(l);
    text_clear(&scratch);
    size_t taken = text_add_dump(&scratch, bytes, length, columns < left ? columns : left, l->ascii);
    if (scratch.length != 0)
        terminal_put(ink, l->selected, scratch.bytes, scratch.length);
    l->column += taken;
    return taken;
}

/* The length of the " @id" that a label of a node ends with, or 0. */
static size_t id_length(const char *bytes, size_t length)
{
    size_t at = length;
    while (at != 0 && bytes[at - 1] >= '0' && bytes[at - 1] <= '9')
        at--;
    return at != length && at >= 2 && bytes[at - 1] == '@' && bytes[at - 2] == ' ' ? length - at + 2 : 0;
}

size_t line_label(struct line *l, enum ink ink, const char *bytes, size_t length, size_t columns)
{
    size_t id = id_length(bytes, length), room = columns < line_left(l) ? columns : line_left(l);
    if (room < id + 8)
        return line_add(l, ink, bytes, length, columns);
    size_t taken = line_add(l, ink, bytes, length - id, room - id);
    return taken + line_add(l, ink == INK_PLAIN ? INK_DIM : ink, bytes + length - id, id, id);
}

void line_words(struct line *l, enum ink ink, const char *words, const char *ascii)
{
    const char *shown = l->ascii && ascii != NULL ? ascii : words;
    line_add(l, ink, shown, strlen(shown), SIZE_MAX);
}

void line_printf(struct line *l, enum ink ink, const char *format, ...)
{
    char words[256];
    va_list list;
    va_start(list, format);
    vsnprintf(words, sizeof words, format, list);
    va_end(list);
    line_words(l, ink, words, NULL);
}

void line_right(struct line *l, enum ink ink, const char *words, size_t width)
{
    char padded[64];
    size_t length = strlen(words);
    snprintf(padded, sizeof padded, "%*s%s", (int)(width > length ? width - length : 1), "", words);
    line_words(l, ink, padded, NULL);
}

/* Eighths of a column where the terminal has them. */
void line_bar(struct line *l, uint64_t part, uint64_t whole, size_t width)
{
    char bar[256];
    size_t used = 0;
    double share = whole != 0 ? (double)(part < whole ? part : whole) / (double)whole : 0;
    size_t eighths = (size_t)(share * (double)width * 8 + 0.5), full = l->ascii ? (eighths + 4) / 8 : eighths / 8;
    size_t rest = l->ascii ? 0 : eighths % 8, columns = full + (rest != 0);
    if (width == 0 || width > 60)
        return;
    for (size_t i = 0; i < full; i++)
        used += (size_t)snprintf(bar + used, sizeof bar - used, "%s", l->ascii ? "#" : "\xe2\x96\x88");
    if (rest != 0) /* U+2589 is seven eighths, U+258F one */
        used += (size_t)snprintf(bar + used, sizeof bar - used, "\xe2\x96%c", (char)(0x88 + (8 - rest)));
    line_add(l, INK_BAR, bar, used, SIZE_MAX);
    snprintf(bar, sizeof bar, "%*s", (int)(width - columns), "");
    line_words(l, INK_PLAIN, bar, NULL);
}

void line_fill(struct line *l)
{
    static const char spaces[] = "                                                                ";
    while (line_left(l) != 0) {
        size_t n = line_left(l) < sizeof spaces - 1 ? line_left(l) : sizeof spaces - 1;
        terminal_put(INK_PLAIN, l->selected, spaces, n);
        l->column += n;
    }
}
