/* SPDX-License-Identifier: MIT
 *
 * search.c: looks for a text in the labels of a page's rows, in the order in which they stand. Labels are made one by
 * one, so that a search through millions of rows needs no memory for them; it goes in steps, for which see view.h.
 */
#include "view.h"

#include <string.h>
#include <wctype.h>

/* One code point of text that titles.c made, which is well-formed. */
static uint32_t next_code_point(const char *bytes, size_t length, size_t *at)
{
    const unsigned char *p = (const unsigned char *)bytes + *at;
    size_t more = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : p[0] >= 0xc0 ? 1 : 0;
    uint32_t c = more == 0 ? p[0] : p[0] & (0x3fu >> more);
    for (size_t i = 1; i <= more && *at + i < length; i++)
        c = c << 6 | (p[i] & 0x3fu);
    *at += more + 1;
    return c;
}

static void fold(struct mid__title *out, const struct mid__title *in)
{
    mid__title_clear(out);
    for (size_t at = 0; at < in->length;) {
        uint32_t c = next_code_point(in->bytes, in->length, &at);
        mid__title_put(out, c < 0x80 ? (c >= 'A' && c <= 'Z' ? c + 32 : c) : (uint32_t)towlower((wint_t)c));
    }
}

static bool has_capital(const struct mid__title *t)
{
    for (size_t at = 0; at < t->length;) {
        uint32_t c = next_code_point(t->bytes, t->length, &at);
        if (c < 0x80 ? c >= 'A' && c <= 'Z' : iswupper((wint_t)c) != 0)
            return true;
    }
    return false;
}

void view_search_begin(struct view *v, const struct mid__title *query, size_t from, bool forward)
{
    struct view_search *s = &v->search;
    const struct page *p = view_page(v);
    size_t rows = p != NULL ? page_rows(p) : 0;
    if (query != &s->query) {
        s->exact = has_capital(query);
        mid__title_clear(&s->query);
        mid__title_bytes(&s->query, query->bytes, query->length);
    }
    s->forward = forward;
    s->left = rows;
    s->at = from < rows ? from : forward ? 0 : rows != 0 ? rows - 1 : 0;
}

static bool matches(struct view *v, size_t at)
{
    struct view_search *s = &v->search;
    struct row row = page_row(view_page(v), at);
    if (row.kind == ROW_HEADING)
        return false;
    const struct mid__title *text = view_label(v, &row);
    if (!s->exact) {
        fold(&s->folded, text);
        text = &s->folded;
    }
    return text->length >= s->query.length && memmem(text->bytes, text->length, s->query.bytes, s->query.length) != NULL;
}

enum search_result view_search_step(struct view *v, size_t rows)
{
    struct view_search *s = &v->search;
    struct page *p = view_page(v);
    if (p == NULL || s->query.length == 0 || s->left > page_rows(p))
        return SEARCH_NONE;
    for (; rows != 0 && s->left != 0; rows--, s->left--) {
        size_t at = s->at, count = page_rows(p);
        s->at = s->forward ? (at + 1 < count ? at + 1 : 0) : (at != 0 ? at - 1 : count - 1);
        if (matches(v, at)) {
            page_move_to(p, at);
            s->left = 0;
            return SEARCH_FOUND;
        }
    }
    return s->left != 0 ? SEARCH_MORE : SEARCH_NONE;
}
