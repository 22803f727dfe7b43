/* SPDX-License-Identifier: MIT
 *
 * junit.c: test results as JUnit XML.
 *
 *     <testsuites tests failures>
 *       <testsuite name tests failures>
 *         <testcase classname name/>
 *         <testcase classname name><failure message>details</failure></testcase>
 *
 * XML 1.0 has no way to write control characters or halves of surrogate pairs, not even as references; they pass
 * text_add_dump first, which writes them as visible escapes.
 */
#include "junit.h"

#include <string.h>

#include "cli.h"
#include "files.h"

static void add_line(struct text *t, const char *words, size_t length)
{
    struct text safe = {0};
    text_add_dump(&safe, words, length, TEXT_NO_LIMIT, false);
    for (size_t i = 0; i < safe.length; i++) {
        char c = safe.bytes[i];
        switch (c) {
        case '&':
            text_add(t, "&amp;");
            break;
        case '<':
            text_add(t, "&lt;");
            break;
        case '>':
            text_add(t, "&gt;");
            break;
        case '"':
            text_add(t, "&quot;");
            break;
        case '\'':
            text_add(t, "&#39;");
            break;
        default:
            text_add_bytes(t, &c, 1);
        }
    }
    text_free(&safe);
}

void junit_add_escaped(struct text *t, const char *words)
{
    for (const char *end; (end = strchr(words, '\n')) != NULL; words = end + 1) {
        add_line(t, words, (size_t)(end - words));
        text_add(t, "\n");
    }
    add_line(t, words, strlen(words));
}

static void add_attribute(struct text *t, const char *name, const char *value)
{
    text_addf(t, " %s=\"", name);
    junit_add_escaped(t, value);
    text_add(t, "\"");
}

static void add_case(struct text *t, const struct junit_case *c)
{
    text_add(t, "    <testcase");
    add_attribute(t, "classname", c->group);
    add_attribute(t, "name", c->name);
    if (c->message == NULL) {
        text_add(t, "/>\n");
        return;
    }
    text_add(t, ">\n      <failure");
    add_attribute(t, "message", c->message);
    text_add(t, ">");
    junit_add_escaped(t, c->details);
    text_add(t, "</failure>\n    </testcase>\n");
}

void junit_write(const char *path, const char *suite, const struct junit_case *cases, size_t count)
{
    struct text t = {0};
    size_t failed = 0;
    for (size_t i = 0; i < count; i++)
        failed += cases[i].message != NULL;
    text_addf(&t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"%zu\" failures=\"%zu\">\n", count, failed);
    text_addf(&t, "  <testsuite name=\"%s\" tests=\"%zu\" failures=\"%zu\">\n", suite, count, failed);
    for (size_t i = 0; i < count; i++)
        add_case(&t, &cases[i]);
    text_add(&t, "  </testsuite>\n</testsuites>\n");
    struct file_set *set;
    fwrite(t.bytes, 1, t.length, files_single(path, &set)); /* files_commit sees the stream's error */
    files_commit(set);
    text_free(&t);
}
