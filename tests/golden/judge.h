/* SPDX-License-Identifier: MIT
 * For tests that compare with DevTools' answers (fixtures/NAME.devtools.json). Included once by a test. */
#ifndef MIDDEN_TESTS_JUDGE_H
#define MIDDEN_TESTS_JUDGE_H

#include <midden/internal/compiler.h>
#include <midden/internal/graph.h>
#include <midden/internal/titles.h>

#include "suite.h"


#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIXTURES "tests/golden/fixtures/"

static const struct judged {
    const char *answers, *dump;
} judged[] = {
    {"tiny1", "tiny1.heapsnapshot"},
    {"tiny1-compact6", "tiny1-compact6.heapsnapshot"},
    {"tiny2", "tiny2.heapsnapshot"},
    {"tiny3", "tiny3.heapsnapshot"},
    {"node20-5mb-after", "node20-5mb-after.heapsnapshot.gz"},
    {"node20-5mb-before", "node20-5mb-before.heapsnapshot.gz"},
    {"node26-empty", "node26-empty.heapsnapshot.gz"},
};
/* All of them; under valgrind, where TEST_SCALE is small, the little ones and one that Node wrote. */
#define JUDGED (test_rounds(100) < 100 ? 5 : (int)(sizeof judged / sizeof judged[0]))

static char *read_all(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s is missing", path);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    ck_assert_uint_eq(fread(text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    text[size] = '\0';
    *length = (size_t)size;
    return text;
}

static unsigned unit_at(const char *p) /* of \uXXXX, else 0 */
{
    char digits[5] = "";
    if (p[0] != '\\' || p[1] != 'u')
        return 0;
    memcpy(digits, p + 2, 4);
    return (unsigned)strtoul(digits, NULL, 16);
}

/* jansson refuses half a surrogate pair, which DevTools' answers may hold: it becomes \ufffd, as in our JSON. */
static void mend_surrogates(char *text)
{
    for (char *p = text; *p != '\0'; p++) {
        if (*p != '\\')
            continue;
        unsigned unit = unit_at(p), next = unit != 0 ? unit_at(p + 6) : 0;
        bool high = unit >= 0xd800 && unit < 0xdc00, low = unit >= 0xdc00 && unit < 0xe000;
        bool pair = high && next >= 0xdc00 && next < 0xe000;
        if ((high && !pair) || low)
            memcpy(p + 2, "fffd", 4);
        p += pair ? 11 : unit != 0 ? 5 : 1;
    }
}

static json_t *parse_answers(const char *path)
{
    size_t length;
    json_error_t error;
    char *text = read_all(path, &length);
    mend_surrogates(text);
    json_t *answers = json_loads(text, JSON_ALLOW_NUL, &error);
    ck_assert_msg(answers != NULL, "%s: %s at line %d", path, error.text, error.line);
    free(text);
    return answers;
}

static MID__UNUSED json_t *answers_of(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, FIXTURES "%s.devtools.json", name);
    return parse_answers(path);
}

static MID__UNUSED uint64_t number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    ck_assert_msg(json_is_integer(value), "%s is no integer", key);
    return (uint64_t)json_integer_value(value);
}

static MID__UNUSED const char *string(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    ck_assert_msg(value != NULL, "%s is no string", key);
    return value;
}

static MID__UNUSED struct mid__graph *open_dump(const char *file, unsigned parts)
{
    char path[256];
    struct mid__graph *graph;
    struct mid__graph_error error;
    snprintf(path, sizeof path, FIXTURES "%s", file);
    enum mid_status status = mid__graph_load(path, NULL, &graph, &error);
    ck_assert_msg(status == MID_OK, "%s: %s", path, error.message);
    ck_assert_int_eq(mid__graph_analyze(graph, parts, &error), MID_OK);
    return graph;
}

/* A name in the form of the answers: at most `units` UTF-16 units, halves of pairs as U+FFFD, NUL-terminated. */
static MID__UNUSED char *as_answer(const char *bytes, size_t length, size_t units)
{
    struct mid__title out = {0};
    const unsigned char *p = (const unsigned char *)bytes, *end = p + length;
    while (p < end && out.units < units) {
        unsigned c = *p++, more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
        c = more == 3 ? c & 7u : more == 2 ? c & 15u : more == 1 ? c & 31u : c;
        for (; more != 0; more--)
            c = c << 6 | (*p++ & 63u);
        bool half = (c >= 0xd800 && c < 0xe000) || (c >= 0x10000 && out.units + 1 == units);
        mid__title_put(&out, half ? 0xfffd : c);
    }
    mid__title_put(&out, 0);
    ck_assert(!out.failed);
    return out.bytes;
}

#endif
