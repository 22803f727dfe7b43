/* SPDX-License-Identifier: MIT
 *
 * export_csv.c: `midden export --csv`: the class table for spreadsheets (RFC 4180: commas, CRLF, quotes doubled).
 *
 * A spreadsheet takes a cell that begins with = + - @ for a formula, whatever its quotes, and some run programs from it.
 * Such a name gets an apostrophe in front, which spreadsheets do not show. Characters that are not for display are
 * escapes of JavaScript before they are here (text.c).
 */
#include <string.h>

#include "export.h"
#include "files.h"

static void add_cell(struct text *t, const char *words, size_t length)
{
    struct text safe = {0};
    text_add_dump(&safe, words, length, TEXT_NO_LIMIT, false);
    text_add(t, "\"");
    size_t blanks = 0;
    while (blanks < safe.length && safe.bytes[blanks] == ' ')
        blanks++;
    if (blanks < safe.length && strchr("=+-@", safe.bytes[blanks]) != NULL)
        text_add(t, "'");
    for (size_t i = 0; i < safe.length; i++)
        text_add_bytes(t, safe.bytes[i] == '"' ? "\"\"" : &safe.bytes[i], safe.bytes[i] == '"' ? 2 : 1);
    text_add(t, "\"");
    text_free(&safe);
}

void export_csv(struct dump *d, const char *path)
{
    const struct mid__classes *c = d->classes;
    struct file_set *set;
    FILE *file = files_single(path, &set);
    struct text t = {0};
    text_add(&t, "class,key,count,shallow,retained\r\n");
    for (uint32_t i = 0; i < c->count; i++) {
        size_t length;
        if (c->list[i].count == 0)
            continue;
        const char *words = mid__class_name(c, i, &length);
        add_cell(&t, words, length);
        text_add(&t, ",");
        words = mid__class_key(c, i, &length);
        add_cell(&t, words, length);
        text_addf(&t, ",%llu,%llu,%llu\r\n", (unsigned long long)c->list[i].count, (unsigned long long)c->list[i].shallow,
                  (unsigned long long)c->list[i].retained);
        fwrite(t.bytes, 1, t.length, file);
        text_clear(&t);
    }
    fwrite(t.bytes, 1, t.length, file); /* the title, where there was no class; files_commit sees errors */
    files_commit(set);
    text_free(&t);
}
