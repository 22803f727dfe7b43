/* SPDX-License-Identifier: MIT
 *
 * where_parse.c: reads an expression of where.h into a program in postfix order, by recursive descent. Depth is bounded,
 * so that no input overflows the stack; every error has the column of the word that is wrong.
 */
#include <midden/internal/compiler.h>
#include <midden/internal/pattern.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "where.h"

static const char *const field_names[WHERE_FIELDS] = {"class",    "name",     "type", "size",
                                                      "retained", "distance", "id",   "retained-by"};

struct parser {
    const char *text, *at, *end;
    unsigned depth;
    struct mid__where *out;
    struct mid__where_error *error;
    enum mid_status status; /* of the first error */
};

/* ---- errors */

static bool fail(struct parser *p, const char *at, const char *format, ...) MID__PRINTF(3, 4);
static bool fail(struct parser *p, const char *at, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(p->error->message, sizeof p->error->message, format, list);
    va_end(list);
    p->error->column = (size_t)(at - p->text) + 1;
    p->status = MID_E_FORMAT;
    return false;
}

static bool fail_limit(struct parser *p, const char *words)
{
    fail(p, p->at, "%s", words);
    p->status = MID_E_LIMIT;
    return false;
}

static bool fail_memory(struct parser *p)
{
    fail(p, p->at, "out of memory");
    p->status = MID_E_MEMORY;
    return false;
}

/* ---- words */

static void skip_blanks(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_word(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_';
}

/* The length of the word at p->at. */
static size_t word_length(const struct parser *p)
{
    const char *q = p->at;
    while (q < p->end && is_word(*q))
        q++;
    return (size_t)(q - p->at);
}

static bool equals(const char *text, size_t length, const char *word)
{
    for (size_t i = 0; i < length; i++)
        if (word[i] == '\0' || lower(text[i]) != word[i])
            return false;
    return word[length] == '\0';
}

/* Takes the word when it stands next. */
static bool take_word(struct parser *p, const char *word)
{
    skip_blanks(p);
    size_t length = word_length(p);
    if (length == 0 || !equals(p->at, length, word))
        return false;
    p->at += length;
    return true;
}

/* ---- the program */

static bool emit(struct parser *p, const struct where_step *step)
{
    struct mid__where *w = p->out;
    if (w->count == w->capacity) {
        size_t wide = w->capacity != 0 ? w->capacity * 2 : 16;
        struct where_step *steps = realloc(w->steps, wide * sizeof steps[0]);
        if (steps == NULL)
            return fail_memory(p);
        w->steps = steps;
        w->capacity = wide;
    }
    w->steps[w->count++] = *step;
    return true;
}

/* ---- comparisons */

static bool read_field(struct parser *p, struct where_step *step)
{
    size_t length = word_length(p);
    for (int i = 0; i < WHERE_FIELDS; i++)
        if (length != 0 && equals(p->at, length, field_names[i])) {
            step->field = (enum where_field)i;
            p->at += length;
            return true;
        }
    if (p->at == p->end)
        return fail(p, p->at, "a comparison is missing");
    return fail(p, p->at, "no field; fields are class, name, type, size, retained, distance, id and retained-by");
}

static bool is_text(enum where_field field)
{
    return field <= WHERE_TYPE || field == WHERE_RETAINED_BY;
}

/* A value that begins with ~ stands in quotes: so the operators of other languages are slips, and no strange values. */
static bool read_operator(struct parser *p, struct where_step *step)
{
    static const char slips[][3] = {"=~", "~=", "~~"};
    static const struct {
        char words[3];
        enum where_operator operator;
    } operators[] = {{"!=", WHERE_NE}, {"!~", WHERE_UNLIKE}, {"<=", WHERE_LE}, {">=", WHERE_GE},
                     {"==", WHERE_EQ}, {"=", WHERE_EQ},      {"~", WHERE_LIKE}, {"<", WHERE_LT}, {">", WHERE_GT}};
    skip_blanks(p);
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++)
        if (p->end - p->at >= 2 && memcmp(p->at, slips[i], 2) == 0)
            return fail(p, p->at, "no operator %s; it is one of = != %s", slips[i], is_text(step->field) ? "~ !~" : "< <= > >=");
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        size_t length = strlen(operators[i].words);
        if ((size_t)(p->end - p->at) < length || memcmp(p->at, operators[i].words, length) != 0)
            continue;
        step->operator = operators[i].operator;
        bool order = step->operator >= WHERE_LT, like = step->operator== WHERE_LIKE || step->operator== WHERE_UNLIKE;
        if ((order && is_text(step->field)) || (like && !is_text(step->field)))
            return fail(p, p->at, "%s cannot be compared with %s", field_names[step->field], operators[i].words);
        p->at += length;
        return true;
    }
    return fail(p, p->at, "no operator behind %s; it is one of = != %s", field_names[step->field],
                is_text(step->field) ? "~ !~" : "< <= > >=");
}

/* "..." or '...', from behind the quote. */
static bool read_quoted(struct parser *p, char quote, char *out, size_t *length)
{
    const char *start = p->at - 1;
    for (*length = 0; p->at < p->end && *p->at != quote; p->at++) {
        if (*p->at == '\\' && p->at + 1 < p->end)
            p->at++;
        out[(*length)++] = *p->at;
    }
    if (p->at == p->end)
        return fail(p, start, "the quote is not closed");
    p->at++;
    return true;
}

/* Up to a blank, or a bracket that the value did not open. */
static void read_bare(struct parser *p, char *out, size_t *length)
{
    unsigned open = 0;
    for (*length = 0; p->at < p->end; p->at++) {
        char c = *p->at;
        if ((c == ')' || c == '}') && open-- == 0)
            return;
        if (open == 0 && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
            return;
        open += c == '(' || c == '{';
        out[(*length)++] = c;
    }
}

/* The value's text, at the end of `texts`, which has room for the whole input. In a pattern that is quoted, escapes stay
 * for the pattern to read. */
static bool read_value(struct parser *p, struct where_step *step)
{
    char *out = p->out->texts + p->out->used;
    bool like = step->operator== WHERE_LIKE || step->operator== WHERE_UNLIKE;
    skip_blanks(p);
    const char *start = p->at;
    char quote = p->at < p->end ? *p->at : '\0';
    if ((quote == '"' || quote == '\'') && !like) {
        p->at++;
        if (!read_quoted(p, quote, out, &step->length))
            return false;
    } else if (quote == '"' || quote == '\'') {
        const char *from = ++p->at;
        if (!read_quoted(p, quote, out, &step->length))
            return false;
        step->length = (size_t)(p->at - 1 - from);
        memcpy(out, from, step->length);
    } else {
        read_bare(p, out, &step->length);
        if (step->length == 0)
            return fail(p, start, "a value is missing behind %s", field_names[step->field]);
    }
    step->text = p->out->used;
    p->out->used += step->length;
    return true;
}

static bool read_number(struct parser *p, struct where_step *step, const char *at)
{
    const char *text = p->out->texts + step->text;
    uint64_t n = 0;
    bool size = step->field == WHERE_SIZE || step->field == WHERE_RETAINED;
    bool minus = step->field == WHERE_DISTANCE && step->length > 1 && text[0] == '-';
    if (step->field == WHERE_RETAINED_BY) {
        step->by_id = step->length > 1 && text[0] == '@' && (step->operator== WHERE_EQ || step->operator== WHERE_NE) &&
                      mid__count_parse(text + 1, step->length - 1, &n);
        step->number = (int64_t)n;
        return true;
    }
    if (is_text(step->field))
        return true;
    if (step->field == WHERE_ID && step->length > 1 && text[0] == '@')
        minus = true; /* id=@123, like id=123 */
    if (size ? !mid__size_parse(text, step->length, &n) : !mid__count_parse(text + minus, step->length - minus, &n))
        return fail(p, at, size ? "no size such as 300, 50MB or 1.5GiB" : "no number");
    step->number = minus && step->field == WHERE_DISTANCE ? -(int64_t)n : (int64_t)n;
    return true;
}

static bool read_comparison(struct parser *p)
{
    struct where_step step = {.kind = WHERE_COMPARE};
    if (++p->out->terms > MID__WHERE_TERMS_MAX)
        return fail_limit(p, "too many comparisons");
    if (!read_field(p, &step) || !read_operator(p, &step))
        return false;
    skip_blanks(p);
    const char *at = p->at;
    return read_value(p, &step) && read_number(p, &step, at) && emit(p, &step);
}

/* ---- the grammar */

static bool read_expression(struct parser *p);

static bool read_term(struct parser *p)
{
    static const struct where_step negation = {.kind = WHERE_NOT};
    skip_blanks(p);
    if (p->depth >= MID__WHERE_DEPTH_MAX)
        return fail_limit(p, "too many parentheses within each other");
    p->depth++;
    bool good;
    if (take_word(p, "not")) {
        good = read_term(p) && emit(p, &negation);
    } else if (p->at < p->end && *p->at == '(') {
        const char *open = p->at++;
        good = read_expression(p);
        skip_blanks(p);
        if (good && (p->at == p->end || *p->at != ')'))
            good = p->at == p->end ? fail(p, open, "the parenthesis is not closed")
                                   : fail(p, p->at, "expected and, or, or a closing parenthesis");
        else if (good)
            p->at++;
    } else {
        good = read_comparison(p);
    }
    p->depth--;
    return good;
}

static bool read_and(struct parser *p)
{
    static const struct where_step both = {.kind = WHERE_AND};
    if (!read_term(p))
        return false;
    while (take_word(p, "and"))
        if (!read_term(p) || !emit(p, &both))
            return false;
    return true;
}

static bool read_expression(struct parser *p)
{
    static const struct where_step either = {.kind = WHERE_OR};
    if (!read_and(p))
        return false;
    while (take_word(p, "or"))
        if (!read_and(p) || !emit(p, &either))
            return false;
    return true;
}

enum mid_status mid__where_parse(const char *text, size_t length, struct mid__where **where,
                                 struct mid__where_error *error)
{
    struct parser p = {.text = text, .at = text, .end = text + length, .error = error};
    *where = NULL;
    *error = (struct mid__where_error){0};
    p.out = calloc(1, sizeof *p.out);
    if (p.out == NULL || (p.out->texts = malloc(length + 1)) == NULL) {
        mid__where_free(p.out);
        return fail_memory(&p), p.status;
    }
    bool good = read_expression(&p);
    skip_blanks(&p);
    if (good && p.at != p.end)
        good = fail(&p, p.at, *p.at == ')' ? "the parenthesis was not opened" : "expected and, or, or the end");
    if (good)
        *where = p.out;
    else
        mid__where_free(p.out);
    return good ? MID_OK : p.status;
}

void mid__where_free(struct mid__where *w)
{
    if (w == NULL)
        return;
    free(w->steps);
    free(w->texts);
    free(w);
}
