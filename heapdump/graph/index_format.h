/* SPDX-License-Identifier: MIT
 *
 * index_format.h: the layout of an index, and what the files index*.c share.
 *
 *     0        struct index_header: what dump, what midden, counts, the table of sections, a checksum of all that
 *     64 KiB   sections, each on a border of INDEX_ALIGN: the columns of graph.h as they lie in memory, then classes
 *
 * I1  Sections do not overlap and end within the file.
 * I2  A section's hash is index_hash of its bytes. Pages of zeros are holes in the file.
 * I3  Numbers are the machine's: `machine` differs where one could not read the other's.
 * The format has no other versions than INDEX_VERSION and the midden that wrote it: figures that a better midden would
 * compute differently must not survive it.
 */
#ifndef MIDDEN_GRAPH_INDEX_FORMAT_H
#define MIDDEN_GRAPH_INDEX_FORMAT_H

#include <midden/internal/index.h>
#include <midden/internal/sys.h>

#include "private.h"

#define INDEX_MAGIC    "midden index\n\x1a\0" /* 16 with the NUL behind */
#define INDEX_VERSION  3u /* one more whenever a column, a struct below or a figure changes its meaning */
#define INDEX_ALIGN    ((uint64_t)64 << 10)
#define INDEX_SECTIONS 48
#define INDEX_TEXT_PAD 64 /* readable bytes behind the last string, as text.c leaves them */

struct index_section {
    uint32_t id, element_bytes;
    uint64_t offset, count, hash;
};

struct index_header {
    char magic[16];
    uint32_t version, header_bytes;
    uint64_t machine, software;
    uint64_t file_bytes;
    struct index_key dump;
    uint32_t node_count, edge_count, string_count, root, location_count, function_count, site_count, detached_count, warning_count, ephemeron_count,
        pair_count, wide_raw_count, wide_count, has_user_roots, has_detachedness, section_count;
    uint64_t sample_bytes, extra_native_bytes, total_size, input_bytes, text_bytes, meta_bytes;
    /* classes: [0] without interfaces, [1] with them; [2] the interfaces themselves */
    uint32_t class_count[3], text_count[3];
    uint64_t class_text_bytes[3], property_count;
    struct index_section section[INDEX_SECTIONS];
    uint64_t hash; /* of all before */
};
_Static_assert(sizeof(struct index_header) <= 65536, "the first section begins behind the header");
_Static_assert(sizeof(struct index_header) % 8 == 0, "no bytes that nobody sets");

/* A class or an interface, without the padding that its struct has. */
struct index_class {
    uint64_t count, shallow, retained;
    uint32_t name, key;
    int64_t distance;
};
struct index_interface {
    uint32_t name, first_property, property_count, zero;
    uint64_t object_count;
};

/* Sections of variant v are FIRST + 4 * v + which. */
enum { SECTION_LIST, SECTION_OF_NODE, SECTION_ENDS, SECTION_TEXT };
#define SECTION_CLASSES(v, which) (64u + 4u * (unsigned)(v) + (unsigned)(which))
#define SECTION_PROPERTIES        80u
#define SECTION_WARNINGS          81u
#define SECTION_TYPE_NAMES        82u
#define SECTION_STATISTICS        83u

/* A column of the graph: where its pointers are, and how many elements it has by the header. */
struct index_column {
    uint32_t id, bytes;
    size_t shown, own; /* offsets of the pointers in struct mid__graph and its private half; NO_POINTER: none */
    uint64_t count;
    bool optional; /* NULL is fine */
    bool written_to;  /* by what may be computed later: its pages are made private */
};
#define NO_POINTER SIZE_MAX
#define INDEX_COLUMNS 33
/* Fills list[] from the header's counts; returns how many. */
unsigned index_columns(const struct index_header *h, struct index_column list[INDEX_COLUMNS]);

/* The header with all that is not counted: magic, versions, machine. */
void index_header_begin(struct index_header *h);

/* Checksum against damage, not against malice. Any length; 8 bytes at a time, four lanes. */
uint64_t index_hash(const void *bytes, uint64_t count);

/* An index in memory. */
struct index_map {
    unsigned char *bytes;
    uint64_t size;
    const struct index_header *header;
    bool mapped; /* to be unmapped */
};

/* The section's bytes, or NULL when it is not there with this element and count within the file, or (unless the file is
 * trusted) its hash is wrong. An empty section has no bytes: *empty. */
const void *index_section(const struct index_map *m, uint32_t id, uint32_t element_bytes, uint64_t count, bool trusted);

/* Whether the header is one, and this machine's and this midden's. */
bool index_header_good(const void *bytes, uint64_t size);

/* Columns become the graph's. Unless `trusted`, every checksum and every index in a column is looked at, so that no
 * content can make a reader of the graph go astray. False: no good, and the graph is only fit to be freed. */
bool index_attach(struct mid__graph *g, struct index_map *m, bool trusted);
bool index_sound(const struct mid__graph *g, const struct index_map *m); /* index_verify.c */

/* ---- index_place.c */

/* The key of an open dump; false where it is no regular file or cannot be read. */
bool index_key_of(int fd, struct index_key *key);

#define INDEX_PLACES 2
/* Where an index of the dump would lie, the best first; returns how many. */
unsigned index_places(const char *path, const struct index_key *key, const struct mid__index_options *options,
                      char place[INDEX_PLACES][4096]);

/* The directory that a place is in. */
void index_directory_of(const char *place, char directory[4096]);
/* Makes the directories on the way to `path`, for the user alone. */
bool index_make_way(const char *path);

/* What the system says about an open index. */
struct index_note {
    uint64_t device, inode, bytes, changed[2], inode_changed[2], hash;
};
bool index_note_of(int fd, const struct index_header *h, struct index_note *note);
/* Whether a note in the cache directory says that this user's midden left the file so; and leaves such a note. */
bool index_vouched(const struct index_note *note);
void index_vouch(const struct index_note *note);

/* ---- index.c */

/* Tries to open an index for the dump; true: *g has its columns. */
bool index_open(const char *path, struct mid__graph *g);

#endif
