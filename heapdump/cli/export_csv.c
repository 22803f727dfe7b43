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

static void put_name(struct text *t, const char *name, size_t name_length, const char *key, size_t key_length)
{
    add_cell(t, name, name_length);
    text_add(t, ",");
    add_cell(t, key, key_length);
}

static void put_line(struct text *t, FILE *file)
{
    text_add(t, "\r\n");
    fwrite(t->bytes, 1, t->length, file); /* files_commit sees errors */
    text_clear(t);
}

static void put_classes(const struct mid__classes *c, struct text *t, FILE *file)
{
    text_add(t, "class,key,count,shallow,retained");
    put_line(t, file);
    for (uint32_t i = 0; i < c->count; i++) {
        size_t name_length, key_length;
        if (c->list[i].count == 0)
            continue;
        const char *name = mid__class_name(c, i, &name_length), *key = mid__class_key(c, i, &key_length);
        put_name(t, name, name_length, key, key_length);
        text_addf(t, ",%llu,%llu,%llu", (unsigned long long)c->list[i].count, (unsigned long long)c->list[i].shallow,
                  (unsigned long long)c->list[i].retained);
        put_line(t, file);
    }
}

static void put_comparison(const struct mid__diff *diff, struct text *t, FILE *file)
{
    text_add(t, "class,key,added,removed,delta,added_size,removed_size,delta_size");
    put_line(t, file);
    for (uint32_t i = 0; i < diff->row_count; i++) {
        const struct mid__diff_row *r = &diff->rows[i];
        size_t name_length, key_length;
        if (r->added == 0 && r->removed == 0)
            continue;
        const char *name = mid__intern_get(&diff->texts, r->name, &name_length);
        const char *key = mid__intern_get(&diff->texts, r->key, &key_length);
        put_name(t, name, name_length, key, key_length);
        text_addf(t, ",%llu,%llu,%lld,%llu,%llu,%lld", (unsigned long long)r->added, (unsigned long long)r->removed,
                  (long long)mid__diff_delta(r), (unsigned long long)r->added_size, (unsigned long long)r->removed_size,
                  (long long)mid__diff_delta_size(r));
        put_line(t, file);
    }
}

void export_csv(struct dump *d, const struct comparison *c, const char *path)
{
    struct file_set *set;
    FILE *file = files_single(path, &set);
    struct text t = {0};
    if (c != NULL)
        put_comparison(c->diff, &t, file);
    else
        put_classes(d->classes, &t, file);
    files_commit(set);
    text_free(&t);
}
