/* SPDX-License-Identifier: MIT
 *
 * How objects lie in memory: the header word, chunks and blocks, and the bits beside them. The rest of the heap's state is in
 * internal.h, which includes this file.
 *
 * Note [Chunks]
 * Old and large space live in chunks of 4 MiB, aligned to their size, so that masking an address finds its chunk and the
 * address's own bits beside the objects, with one load and no table. A chunk begins with three side bitmaps of one bit a
 * word; the bits that would describe the bitmaps themselves are never used, and the chunk's header lies in their place.
 *
 *     0          64 KiB     128 KiB    192 KiB                                        4 MiB
 *     | live/mark | mark/live | slots   | block 3 | block 4 | ...           | block 63 |      old chunk
 *     | live/mark | mark/live | slots   | page 48 | page 49 | ...          | page 1023 |      large chunk
 *     | live/mark | mark/live | slots   | one object ....................... ---> ... | its slot bits |   huge: longer
 *     ^ struct mid__chunk, in the first 3 KiB
 *
 * Live and mark bits change sides at the end of a marking: what was marked is what is live, so that nothing needs to be
 * swept for the heap to be right; sweeping a block only counts. A live bit is set at the first word of each object
 * there is, and nowhere else.
 */
#ifndef MIDDEN_GC_LAYOUT_H
#define MIDDEN_GC_LAYOUT_H

#include <midden/heap.h>
#include <midden/internal/compiler.h>

#include <stdatomic.h>

/* ---- the header word -------------------------------------------------------------------------------------------- */

#define MID__WORD           ((size_t)8)
#define MID__IS_HEADER      ((uint64_t)1)      /* clear: the word is the new address of a moved object */
#define MID__LAYOUT_SHIFT   1
#define MID__LAYOUT_MASK    ((uint64_t)3 << 1) /* enum mid__layout */
#define MID__AGE_SHIFT      3
#define MID__AGE_MASK       ((uint64_t)7 << 3) /* scavenges survived, up to 7 */
#define MID__HAS_ID         ((uint64_t)1 << 6) /* has an id: see ids.c */
#define MID__EPHEMERAL      ((uint64_t)1 << 7) /* is a key of a weak table, or a weak table */
#define MID__TYPE_SHIFT     8

enum mid__layout {
    MID__LAYOUT_RAW = 0,   /* no references */
    MID__LAYOUT_REFS = 1,  /* nothing but references */
    MID__LAYOUT_TABLE = 2, /* ask the type */
};

MID__INLINE uint64_t *mid__header_at(uintptr_t object)
{
    return (uint64_t *)object;
}

MID__INLINE size_t mid__payload_of(uint64_t header)
{
    return (size_t)(header >> MID__HEADER_SHIFT);
}

/* Header, payload and padding to whole words. */
MID__INLINE size_t mid__bytes_of(uint64_t header)
{
    return MID__WORD + ((mid__payload_of(header) + 7) & ~(size_t)7);
}

MID__INLINE unsigned mid__type_index(uint64_t header)
{
    return (unsigned)(header >> MID__TYPE_SHIFT) & 0xffffu;
}

/* ---- chunks, blocks ----------------------------------------------------------------------------------------------- */

#define MID__CHUNK_BYTES  ((size_t)4 << 20)
#define MID__BLOCK_BYTES  ((size_t)64 << 10)
#define MID__BLOCKS       64u                    /* in a chunk, side bitmaps included */
#define MID__FIRST_BLOCK  3u                     /* the first that holds objects */
#define MID__BITMAP_WORDS (MID__BLOCK_BYTES / 8) /* of a chunk's bitmap */
#define MID__BLOCK_BITMAP_WORDS (MID__BLOCK_BYTES / 8 / 64)
#define MID__PAGE_BYTES   ((size_t)4096)
#define MID__PAGES        1024u
#define MID__FIRST_PAGE   48u
#define MID__SLOT_SIDE    2u

/* What side bits cost, for the accounts: three bits a word. */
#define MID__SIDE_BYTES(bytes)  ((bytes) / 64 * 3)
#define MID__CHUNK_OVERHEAD     MID__SIDE_BYTES(MID__FIRST_BLOCK *MID__BLOCK_BYTES)

enum mid__chunk_kind { MID__CHUNK_OLD = 1, MID__CHUNK_LARGE, MID__CHUNK_HUGE };

enum mid__block_state {
    MID__BLOCK_FREE = 0, /* holds nothing; on heap->free_blocks */
    MID__BLOCK_PARTIAL,  /* on its class's list of partial blocks */
    MID__BLOCK_CURRENT,  /* its class allocates from it */
    MID__BLOCK_FULL,     /* on no list; its cells may have become free only after a marking */
    MID__BLOCK_UNSWEPT,  /* on its class's list of unswept blocks: `used` is out of date */
    MID__BLOCK_EVACUATED, /* during a compaction: its objects are moved away */
};

struct mid__block {
    struct mid__block *next, *prev;
    uint16_t cell_words;
    uint16_t cells; /* that the block has */
    uint16_t used;  /* that hold objects */
    uint16_t cursor; /* the next cell to be looked at; all before are taken */
    uint8_t state;
    uint8_t class_index;
    uint8_t touched; /* pages may be resident */
    uint8_t index;   /* in the chunk */
    uint16_t counted; /* by a helper: what `used` will be, when `claim` says so */
    _Atomic uint8_t claim; /* enum mid__claim: sweep.c */
    uint16_t pins;   /* pinned objects in it, and MID__AMBIGUOUS: nothing is moved out of it unless 0 */
    uint32_t slide;  /* during a slide: its number */
};

#define MID__AMBIGUOUS 0x8000u /* during a compaction: a word of the stack refers into the block */

struct mid__chunk {
    uint32_t kind;
    uint32_t index;          /* in heap->chunks */
    uint32_t used;           /* blocks that are not free; pages; 1 for a huge object */
    uint32_t touched;        /* blocks or pages that may be resident */
    uint8_t leaf_words[MID__BLOCKS]; /* old: see Note [Leaf blocks] in oldspace.c; other kinds: 0 */
    struct mid__chunk *sweep_next; /* for helpers: the next chunk of old space to be swept */
    size_t bytes;            /* of the mapping */
    size_t object_bytes;     /* huge: of the object, in whole pages */
    size_t no_room_pages;    /* large: a run of so many pages is known not to be free */
    uint64_t *huge_slots;    /* huge: slot bits, bit 0 is the header word */
    struct mid__named **named; /* old: ids given to objects of each block, or NULL: see ids.c */
    union {
        struct mid__block blocks[MID__BLOCKS];
        struct {
            uint64_t page_used[MID__PAGES / 64];
            uint64_t page_touched[MID__PAGES / 64];
            uint16_t run[MID__PAGES]; /* first page of an object: its pages; a later one: MID__RUN_BACK | distance */
        } large;
    } u;
};
#define MID__RUN_BACK 0x8000u

MID__INLINE struct mid__chunk *mid__chunk_of(uintptr_t address)
{
    return (struct mid__chunk *)(address & ~(MID__CHUNK_BYTES - 1));
}

MID__INLINE uint64_t *mid__bitmap(const struct mid__chunk *chunk, unsigned side)
{
    return (uint64_t *)((uintptr_t)chunk + side * MID__BLOCK_BYTES);
}

MID__INLINE size_t mid__bit_index(uintptr_t address)
{
    return (address & (MID__CHUNK_BYTES - 1)) >> 3;
}

MID__INLINE uint64_t *mid__bit_word(uintptr_t address, unsigned side)
{
    return mid__bitmap(mid__chunk_of(address), side) + (mid__bit_index(address) >> 6);
}

MID__INLINE uint64_t mid__bit_mask(uintptr_t address)
{
    return (uint64_t)1 << ((address >> 3) & 63);
}

MID__INLINE bool mid__bit_get(uintptr_t address, unsigned side)
{
    return (__atomic_load_n(mid__bit_word(address, side), __ATOMIC_RELAXED) & mid__bit_mask(address)) != 0;
}

MID__INLINE void mid__bit_set(uintptr_t address, unsigned side)
{
    *mid__bit_word(address, side) |= mid__bit_mask(address);
}

MID__INLINE struct mid__block *mid__block_of(uintptr_t address)
{
    return &mid__chunk_of(address)->u.blocks[(address & (MID__CHUNK_BYTES - 1)) / MID__BLOCK_BYTES];
}

MID__INLINE uintptr_t mid__block_start(const struct mid__block *block)
{
    return ((uintptr_t)block & ~(MID__CHUNK_BYTES - 1)) + block->index * MID__BLOCK_BYTES;
}

#endif
