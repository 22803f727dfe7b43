/* SPDX-License-Identifier: MIT
 * The names that were given a place among the strings of the file. */
#ifndef MIDDEN_WRITE_NAMES_H
#define MIDDEN_WRITE_NAMES_H

#include <midden/snapshot.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mid__name {
    const char *text;
    uint32_t bytes;
    uint32_t index; /* its place among the strings */
};

/* What is to be expected of a name. */
enum mid__name_kind {
    MID__NAME_LASTING,  /* of a type or field: few, each at one address, which is remembered */
    MID__NAME_CONTENTS, /* of a string: there may be millions */
    MID__NAME_PASSING   /* in a buffer that the source uses again: copied when it is to be known */
};

enum { MID__RECENT = 512 };

struct mid__name_copies; /* a chunk of copied names */

struct mid__names {
    struct mid__name *known; /* in the order of their indexes */
    uint64_t *slots;         /* hash of 32 bits above, number in `known` plus one below; 0: empty */
    size_t count, many, capacity, slot_count;
    size_t limit;        /* of count; `many`, those not lasting, are up to half of it */
    uint64_t seed;
    uint64_t strings;    /* indexes given out */
    bool repeated;       /* an index was given to a name without a place in `known`, since this was last cleared */
    struct mid__name_copies *copies;
    size_t copies_bytes;
    struct mid__name recent[MID__RECENT]; /* by address: the short way for lasting names */
};

/* All zero but for the limit and the seed. Nothing is allocated yet. */
void mid__names_begin(struct mid__names *names, size_t limit, uint64_t seed);
void mid__names_end(struct mid__names *names);

/* The index of a name, a new one where it was not known. False when 2^32 strings are given out. */
bool mid__names_index(struct mid__names *names, struct mid_snapshot_text name, enum mid__name_kind kind, uint32_t *index);

/* Where the last name at this address would be remembered: the names of types and fields come again and again from the
 * same place, and need not be hashed then. */
static inline struct mid__name *mid__names_recent(struct mid__names *names, const char *text)
{
    return &names->recent[((uintptr_t)text ^ (uintptr_t)text >> 9) % MID__RECENT];
}

/* The same sequence of names once more, after names->strings was set back to 0: true when this name is the one that was
 * given the index names->strings, and counts it. `cut` receives the name as it is to be written. */
bool mid__names_replay(struct mid__names *names, struct mid_snapshot_text name, enum mid__name_kind kind,
                       struct mid_snapshot_text *cut);

/* What the table occupies, in bytes. */
size_t mid__names_memory(const struct mid__names *names);

#endif
