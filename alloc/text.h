/* SPDX-License-Identifier: MIT
 *
 * text.h: text into a caller's buffer that may be too small, as snprintf does it. Nothing is allocated.
 */
#ifndef MIDDEN_ALLOC_TEXT_H
#define MIDDEN_ALLOC_TEXT_H

#include <midden/internal/compiler.h>

#include <stdarg.h>
#include <stdio.h>

struct mid__text {
    char *text;
    size_t capacity, length; /* length counts what did not fit, too */
};

static inline void mid__text_put(struct mid__text *t, const char *format, ...) MID__PRINTF(2, 3);

static inline void mid__text_put(struct mid__text *t, const char *format, ...)
{
    size_t room = t->length < t->capacity ? t->capacity - t->length : 0;
    va_list list;
    va_start(list, format);
    int n = vsnprintf(room == 0 ? NULL : t->text + t->length, room, format, list);
    va_end(list);
    t->length += n < 0 ? 0 : (size_t)n;
}

#endif
