/* SPDX-License-Identifier: MIT
 * A streaming writer of one JSON document (see json.c). */
#ifndef MIDDEN_CLI_JSON_H
#define MIDDEN_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *file;
    bool comma; /* a value stands before at this level */
};

void json_open(struct json *j, char bracket);  /* '{' or '[' */
void json_close(struct json *j, char bracket); /* '}' or ']' */
void json_key(struct json *j, const char *key);
void json_string(struct json *j, const char *bytes, size_t length);
void json_words(struct json *j, const char *words);
void json_unsigned(struct json *j, uint64_t n);
void json_signed(struct json *j, int64_t n);
void json_bool(struct json *j, bool value);
void json_null(struct json *j);

/* The next value starts on a line of its own. */
void json_row(struct json *j);

/* Ends the document with a newline. */
void json_end(struct json *j);

#endif
