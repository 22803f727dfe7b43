/* SPDX-License-Identifier: MIT
 *
 * memory.c: blocks for columns, with a bound.
 *
 * Problem: a graph has some forty arrays between a few bytes and a gigabyte, which random access reads for seconds.
 * Large ones are mapped on a 2 MiB border and asked to be backed by huge pages: fewer misses of the address cache, and the
 * first touch of 512 MiB took 238 ms instead of 611. Small ones come from calloc, where the sanitizers see
 * their ends.
 *
 * The list of blocks is a fixed array searched linearly: a graph has few blocks, and none is made in a loop over nodes.
 *
 * The analysis takes and frees arrays of one element a node, over and over. A page that is new costs the kernel a
 * microsecond to clear, so a few freed blocks are kept as spares until the analysis ends, or until a new block would
 * make the peak higher than it has to be: spares that do not serve a request are given back before it is mapped.
 *
 * Parking: most columns are not read most of the time (the names of edges alone are a third of the graph, and nobody asks
 * for them before the answer is printed). Large ones wait in one file without a name (mode 0600, gone with the process),
 * mapped over their old pages at their old address, from which the kernel brings back what is read again. A column that is
 * filled from front to back is parked as it grows, so that it is never in memory as a whole. Where there is no room for the
 * file they stay where they are. The file lies where an index of the dump would, if there is to be one: the columns in it
 * are most of the index already (index_write.c).
 *
 * It knows no threads.
 */
#include "memory.h"

#include <midden/internal/compiler.h>
#include <midden/internal/sys.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#define HUGE_BYTES   ((size_t)2 << 20)
#define MAPPED_BYTES ((size_t)1 << 20) /* blocks of this size and more are mapped */
#define IN_MEMORY    0x01021994        /* statfs.f_type of tmpfs */

static struct memory_block *find(struct memory *m, const void *start)
{
    for (size_t i = 0; i < MEMORY_BLOCKS; i++)
        if (m->block[i].start == start)
            return &m->block[i];
    return NULL;
}

static void *take(size_t bytes, bool mapped)
{
    if (!mapped)
        return calloc(1, bytes);
    void *p = mid__sys_map(bytes, HUGE_BYTES);
    if (p != NULL && bytes >= HUGE_BYTES)
        mid__sys_huge_pages(p, bytes, true);
    return p;
}

/* A parked block leaves a hole in the file. */
static void give(struct memory *m, const struct memory_block *b)
{
    if (b->mapped)
        mid__sys_unmap(b->start, b->bytes);
    else
        free(b->start);
    if (b->parked_bytes != 0 && m->park_tried && m->park_fd >= 0)
        (void)fallocate(m->park_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)b->park_offset,
                        (off_t)b->parked_bytes);
}

/* The bytes of a block of `count` elements, rounded to pages where it is mapped; 0 when that overflows. */
static size_t block_bytes(size_t count, size_t size, bool *mapped)
{
    size_t bytes;
    if (mid__mul_overflows(count == 0 ? 1 : count, size, &bytes) || bytes > SIZE_MAX / 2)
        return 0;
    *mapped = bytes >= MAPPED_BYTES;
    return *mapped ? mid__align_up(bytes, mid__sys_page_bytes()) : bytes;
}

static bool within_limit(struct memory *m, size_t more)
{
    m->limit_hit = m->limit_bytes != 0 && (m->used_bytes > m->limit_bytes || more > m->limit_bytes - m->used_bytes);
    return !m->limit_hit;
}

static void account(struct memory *m, size_t more, size_t less)
{
    m->used_bytes += more;
    if (m->used_bytes > m->peak_bytes)
        m->peak_bytes = m->used_bytes;
    m->used_bytes -= less;
}

void mid__mem_trim(struct memory *m)
{
    for (size_t i = 0; i < MEMORY_SPARES; i++)
        if (m->spare[i].start != NULL) {
            account(m, 0, m->spare[i].bytes);
            give(m, &m->spare[i]);
            m->spare[i] = (struct memory_block){0};
        }
}

/* A spare of at least `bytes` that is no more than an eighth too large, or all zeros. */
static struct memory_block take_spare(struct memory *m, size_t bytes)
{
    for (size_t i = 0; i < MEMORY_SPARES; i++)
        if (m->spare[i].start != NULL && m->spare[i].bytes >= bytes && m->spare[i].bytes - bytes <= bytes / 8) {
            struct memory_block b = m->spare[i];
            m->spare[i] = (struct memory_block){0};
            return b;
        }
    return (struct memory_block){0};
}

static bool keep_spare(struct memory *m, const struct memory_block *b)
{
    if (!b->mapped || b->parked_bytes != 0 || b->bytes < HUGE_BYTES)
        return false;
    for (size_t i = 0; i < MEMORY_SPARES; i++)
        if (m->spare[i].start == NULL) {
            m->spare[i] = *b;
            return true;
        }
    return false;
}

/* *used: the block is a spare, with old content. */
static void *new_block(struct memory *m, size_t count, size_t size, bool *used)
{
    bool mapped = false;
    size_t bytes = block_bytes(count, size, &mapped);
    struct memory_block *b = find(m, NULL), spare = {0};
    if (bytes == 0 || b == NULL)
        return NULL;
    if (mapped)
        spare = take_spare(m, bytes);
    *used = spare.start != NULL;
    if (*used) {
        *b = spare;
        return b->start;
    }
    if (mapped)
        mid__mem_trim(m);
    if (!within_limit(m, bytes))
        return NULL;
    void *p = take(bytes, mapped);
    if (p == NULL)
        return NULL;
    *b = (struct memory_block){.start = p, .bytes = bytes, .mapped = mapped};
    account(m, bytes, 0);
    return p;
}

void *mid__mem_new_raw(struct memory *m, size_t count, size_t size)
{
    bool used;
    return new_block(m, count, size, &used);
}

void *mid__mem_new(struct memory *m, size_t count, size_t size)
{
    bool used = false;
    void *p = new_block(m, count, size, &used);
    if (p != NULL && used)
        memset(p, 0, (count == 0 ? 1 : count) * size);
    return p;
}

/* A mapped block that shrinks gives its tail back and stays where it is. */
static void *cut_tail(struct memory *m, struct memory_block *b, size_t bytes)
{
    if (bytes < b->bytes && mid__sys_unmap((char *)b->start + bytes, b->bytes - bytes)) {
        account(m, 0, b->bytes - bytes);
        b->bytes = bytes;
        b->parked_bytes = b->parked_bytes < bytes ? b->parked_bytes : bytes;
    }
    return b->start;
}

void *mid__mem_resize(struct memory *m, void *block, size_t count, size_t size)
{
    if (block == NULL)
        return mid__mem_new(m, count, size);
    bool mapped = false;
    size_t bytes = block_bytes(count, size, &mapped);
    struct memory_block *b = find(m, block);
    if (bytes == 0 || b == NULL)
        return NULL;
    if (b->mapped && mapped && bytes <= b->bytes)
        return cut_tail(m, b, bytes);
    if (!within_limit(m, bytes))
        return NULL;
    void *p = take(bytes, mapped);
    if (p == NULL)
        return NULL;
    memcpy(p, block, bytes < b->bytes ? bytes : b->bytes);
    account(m, bytes, b->bytes);
    give(m, b);
    *b = (struct memory_block){.start = p, .bytes = bytes, .mapped = mapped};
    return p;
}

/* A new file without a name in the directory, not in memory; -1 where there is none. */
static int open_unnamed(const char *directory)
{
    struct statfs fs;
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 && (fstatfs(fd, &fs) != 0 || fs.f_type == IN_MEMORY)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool open_park(struct memory *m)
{
    if (m->park_tried)
        return m->park_fd >= 0;
    const char *directory = getenv("TMPDIR");
    if (directory == NULL || directory[0] == '\0')
        directory = "/var/tmp";
    m->park_tried = true;
    m->park_fd = m->park_directory != NULL ? open_unnamed(m->park_directory) : -1;
    m->park_near = m->park_fd >= 0;
    if (m->park_fd < 0)
        m->park_fd = open_unnamed(directory);
    m->park_end = MEMORY_PARK_ALIGN; /* the first bytes are left to an index */
    return m->park_fd >= 0;
}

static bool write_all(int fd, const char *from, size_t bytes, uint64_t offset)
{
    while (bytes != 0) {
        ssize_t n = pwrite(fd, from, bytes < HUGE_BYTES * 16 ? bytes : HUGE_BYTES * 16, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        from += n;
        offset += (uint64_t)n;
        bytes -= (size_t)n;
    }
    return true;
}

/* Parks what is not yet parked of the first `bytes`, which end on a page. */
static void park(struct memory *m, struct memory_block *b, size_t bytes)
{
    if (b == NULL || !b->mapped || m->park_bytes == 0 || b->bytes < m->park_bytes ||
        bytes <= b->parked_bytes || !open_park(m))
        return;
    if (b->parked_bytes == 0) {
        b->park_offset = m->park_end;
        m->park_end += (b->bytes + MEMORY_PARK_ALIGN - 1) / MEMORY_PARK_ALIGN * MEMORY_PARK_ALIGN;
    }
    char *from = (char *)b->start + b->parked_bytes;
    size_t more = bytes - b->parked_bytes;
    uint64_t offset = b->park_offset + b->parked_bytes;
    if (!write_all(m->park_fd, from, more, offset)) {
        close(m->park_fd); /* full: what is parked already keeps the file */
        m->park_fd = -1;
        return;
    }
    if (mmap(from, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, m->park_fd, (off_t)offset) != MAP_FAILED)
        b->parked_bytes = bytes;
}

void mid__mem_park(struct memory *m, const void *block)
{
    struct memory_block *b = block != NULL ? find(m, block) : NULL;
    if (b != NULL)
        park(m, b, b->bytes);
}

void mid__mem_park_part(struct memory *m, const void *block, size_t bytes)
{
    struct memory_block *b = block != NULL ? find(m, block) : NULL;
    if (b != NULL && bytes < b->bytes)
        park(m, b, bytes / HUGE_BYTES * HUGE_BYTES);
}

static void rest(const struct memory_block *b)
{
    if (b->parked_bytes != 0)
        madvise(b->start, b->parked_bytes, MADV_DONTNEED);
}

void mid__mem_rest(struct memory *m, const void *block)
{
    const struct memory_block *b = block != NULL ? find(m, block) : NULL;
    if (b != NULL)
        rest(b);
}

void mid__mem_rest_all(struct memory *m)
{
    for (size_t i = 0; i < MEMORY_BLOCKS; i++)
        rest(&m->block[i]);
}

bool mid__mem_parked_at(struct memory *m, const void *block, uint64_t *offset)
{
    const struct memory_block *b = block != NULL ? find(m, block) : NULL;
    if (b == NULL || b->parked_bytes != b->bytes || !m->park_tried || m->park_fd < 0)
        return false;
    *offset = b->park_offset;
    return true;
}

void mid__mem_adopt(struct memory *m, const void *block, int fd, uint64_t offset, size_t bytes)
{
    struct memory_block *b = block != NULL ? find(m, block) : NULL;
    bytes = bytes / HUGE_BYTES * HUGE_BYTES;
    if (b == NULL || !b->mapped || b->parked_bytes != 0 || bytes > b->bytes || bytes == 0)
        return;
    if (mmap(b->start, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, (off_t)offset) != MAP_FAILED) {
        b->parked_bytes = bytes;
        b->park_offset = offset;
    }
}

int mid__mem_take_file(struct memory *m)
{
    int fd = m->park_tried ? m->park_fd : -1;
    m->park_tried = true;
    m->park_fd = -1;
    return fd;
}

void mid__mem_free(struct memory *m, void *block)
{
    struct memory_block *b = block != NULL ? find(m, block) : NULL;
    if (b == NULL)
        return;
    if (!keep_spare(m, b)) {
        account(m, 0, b->bytes);
        give(m, b);
    }
    *b = (struct memory_block){0};
}

void mid__mem_end(struct memory *m)
{
    for (size_t i = 0; i < MEMORY_BLOCKS; i++)
        if (m->block[i].start != NULL)
            mid__mem_free(m, m->block[i].start);
    mid__mem_trim(m);
    if (m->park_tried && m->park_fd >= 0)
        close(m->park_fd);
    m->park_fd = -1;
}
