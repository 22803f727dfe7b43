/* SPDX-License-Identifier: MIT
 *
 * <midden/internal/titles.h>: what the nodes of a snapshot are called: names for people, class names, and names of
 * properties as DevTools writes them in braces; never installed.
 *
 * All text is UTF-8 in which half a surrogate pair stands as its three bytes ("WTF-8"), so that no two different
 * strings of a dump become equal. It is hostile until escaped: it may hold any character, NUL and ESC among them.
 */
#ifndef MIDDEN_INTERNAL_TITLES_H
#define MIDDEN_INTERNAL_TITLES_H

#include <midden/internal/graph.h>

/* A growing text. Zero-initialised is empty. `failed` says that memory ran out and the text is cut; it is sticky. */
struct mid__title {
    char *bytes;
    size_t length, capacity;
    size_t units; /* its length in JavaScript: UTF-16 code units */
    bool failed;
};

void mid__title_clear(struct mid__title *name); /* empties it and keeps its memory; `failed` goes too */
void mid__title_free(struct mid__title *name);
void mid__title_put(struct mid__title *name, uint32_t code_point);
void mid__title_words(struct mid__title *name, const char *ascii);
void mid__title_bytes(struct mid__title *name, const char *bytes, size_t length); /* text made by these functions */

/* Adds string `index` of the dump, whole. */
void mid__title_string(struct mid__title *name, const struct mid__strings *strings, uint32_t index);

/* Adds a property's name as it stands between braces: itself, or as a JSON string when it holds one of , ' " { }. */
void mid__title_property(struct mid__title *name, const struct mid__strings *strings, uint32_t index);

/* Adds the name of a node as DevTools shows it: a plain Object is {a, b, ..., z} after its properties, from both ends
 * inwards; a concatenated string is put together from its parts (at least 1,024 characters, if there are so many);
 * all others have the name in the dump. O(length), and for plain objects O(edges) at worst. */
void mid__title_node(struct mid__title *name, const struct mid__graph *graph, uint32_t node);

/* Adds the class name of a node before interfaces are inferred: "(system)", "(compiled code)", "Function", "RegExp",
 * "(string)"; of objects and natives the name in the dump, <div class="a"> as <div>. */
void mid__title_class(struct mid__title *name, const struct mid__graph *graph, uint32_t node);

/* True for a node of type object with the name Object. */
bool mid__title_is_plain_object(const struct mid__graph *graph, uint32_t node);

#endif
