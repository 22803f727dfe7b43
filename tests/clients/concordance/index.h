/* SPDX-License-Identifier: MIT
 * An inverted index, word -> files and lines, in the collected heap. */
#ifndef CONCORDANCE_INDEX_H
#define CONCORDANCE_INDEX_H

#include <midden/roots.h>

enum { INDEX_SEGMENTS_MAX = 40 }; /* one more level doubles what a segment covers: never reached */

struct place {
    uint32_t file, line;
};

struct index {
    struct mid_heap *heap;
    struct mid_type root_type, segments_type, segment_type, entry_type, table_type, string_type, places_type;
    struct mid_persistent *root;
    uint64_t merges, drops;
};

/* What the index says of one word, all segments together. */
struct index_answer {
    uint64_t occurrences; /* of the word in the text */
    uint64_t lines;       /* in which it stands */
    size_t places;        /* of them in `at`, in order of file and line */
    struct place last;    /* the last one that is kept */
    struct place *at;     /* an array of the caller's */
    size_t capacity;
};

/* Every function that returns a status says MID_E_LIMIT when the heap refuses; the index is then whole, but may lack what
 * was to be added. All may collect but index_find and the counts. */
enum mid_status index_init(struct index *index, struct mid_heap *heap);
void index_end(struct index *index);

/* Files [file, ...) that follow go into a new segment. */
enum mid_status index_begin_segment(struct index *index, uint32_t file);

/* The word stands in this line; files come in order, and lines within a file. */
enum mid_status index_add(struct index *index, const char *word, size_t bytes, struct place place);

/* Merges neighbouring segments that cover equally much: the old ones become garbage. */
enum mid_status index_merge(struct index *index);

/* Takes out the newest segment, which covers the files from *first on. False when there is none. */
bool index_drop_newest(struct index *index, uint32_t *first);

void index_find(const struct index *index, const char *word, size_t bytes, struct index_answer *answer);

/* The object of the word's entry in the oldest segment that has it, or null. */
struct mid_ref index_entry(const struct index *index, const char *word, size_t bytes);

uint32_t index_segments(const struct index *index);
uint64_t index_words(const struct index *index); /* distinct in each segment */

#endif
