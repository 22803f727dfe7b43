/* SPDX-License-Identifier: MIT
 *
 * input.c: bytes in order, from wherever.
 *
 * Problem: a dump comes as a file, through a pipe, or compressed, and the reader must not care. It reads plainly into
 * the reader's window: a copy out of the page cache costs 0.13 s a gigabyte, less than the page faults of a mapping,
 * and a file that somebody truncates meanwhile is a short read and no SIGBUS.
 *
 *     source (fd or memory) -> packed[] -> inflate -> caller's buffer      gzip
 *     source -> caller's buffer, after the bytes that the look at the magic took      plain
 *
 * gzip is known by its first two bytes. Several members one behind the other are one stream, as gzip has it; other
 * bytes behind the last member are left alone with a remark.
 */
#include "input.h"
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef MID_HAVE_ZLIB
#include <zlib.h>
#endif

#define PACKED_BYTES ((size_t)256 << 10)

struct mid__input {
    struct memory *memory;
    int fd;                    /* -1: memory */
    bool owns_fd;
    const unsigned char *from; /* memory: what is left */
    size_t left;
    uint64_t size;
    unsigned char *packed; /* bytes read ahead */
    size_t packed_at, packed_end;
    bool source_ended, gzip, member_ended;
    const char *remark;
#ifdef MID_HAVE_ZLIB
    z_stream z;
    bool z_ready;
#endif
};

/* Up to `room` bytes from the source; fewer only at its end. -1 on error. */
static ptrdiff_t read_source(struct mid__input *in, unsigned char *to, size_t room, struct mid__graph_error *error)
{
    size_t got = 0;
    if (in->fd < 0) {
        got = in->left < room ? in->left : room;
        if (got != 0)
            memcpy(to, in->from, got);
        in->from += got;
        in->left -= got;
        return (ptrdiff_t)got;
    }
    while (got < room && !in->source_ended) {
        size_t part = room - got < ((size_t)1 << 30) ? room - got : (size_t)1 << 30;
        ssize_t n = read(in->fd, to + got, part);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            mid__fail(error, MID_E_IO, "cannot read: %s", strerror(errno));
            return -1;
        }
        in->source_ended = n == 0;
        got += (size_t)n;
    }
    return (ptrdiff_t)got;
}

/* Keeps packed[] filled; false on error. At the end packed_at == packed_end. */
static bool fill_packed(struct mid__input *in, struct mid__graph_error *error)
{
    if (in->packed_at < in->packed_end)
        return true;
    ptrdiff_t n = read_source(in, in->packed, PACKED_BYTES, error);
    in->packed_at = 0;
    in->packed_end = n > 0 ? (size_t)n : 0;
    return n >= 0;
}

#ifdef MID_HAVE_ZLIB
/* zlib's own few blocks come from the graph's memory too, so that its limit counts them. */
static voidpf z_take(voidpf user, uInt count, uInt size)
{
    return mid__mem_new(user, count, size);
}

static void z_give(voidpf user, voidpf block)
{
    mid__mem_free(user, block);
}

static bool begin_gzip(struct mid__input *in, struct mid__graph_error *error)
{
    in->z.zalloc = z_take;
    in->z.zfree = z_give;
    in->z.opaque = in->memory;
    if (inflateInit2(&in->z, 15 + 16) != Z_OK) {
        mid__fail_block(in->memory, error);
        return false;
    }
    in->z_ready = true;
    return true;
}

static void end_gzip(struct mid__input *in)
{
    if (in->z_ready)
        inflateEnd(&in->z);
}

/* Between two members: true when another begins; the end of all else. */
static bool next_member(struct mid__input *in)
{
    if (in->packed_at == in->packed_end)
        return false;
    if (in->packed[in->packed_at] != 0x1f) {
        if (in->packed[in->packed_at] != 0)
            in->remark = "bytes behind the end of the compressed data are ignored";
        return false;
    }
    in->member_ended = false;
    return inflateReset(&in->z) == Z_OK;
}

static bool inflate_step(struct mid__input *in, struct mid__graph_error *error)
{
    in->z.next_in = in->packed + in->packed_at;
    in->z.avail_in = (uInt)(in->packed_end - in->packed_at);
    int result = inflate(&in->z, Z_NO_FLUSH);
    in->packed_at = in->packed_end - in->z.avail_in;
    if (result == Z_STREAM_END) {
        in->member_ended = true;
        return true;
    }
    if (result == Z_OK || result == Z_BUF_ERROR)
        return true;
    if (result == Z_MEM_ERROR)
        mid__fail_block(in->memory, error);
    else
        mid__fail(error, MID_E_FORMAT, "the compressed data is damaged: %s", in->z.msg != NULL ? in->z.msg : "no gzip");
    return false;
}

static ptrdiff_t read_gzip(struct mid__input *in, unsigned char *to, size_t room, struct mid__graph_error *error)
{
    size_t got = 0;
    while (got < room) {
        if (!fill_packed(in, error))
            return -1;
        if (in->member_ended && !next_member(in))
            break;
        if (in->packed_at == in->packed_end) {
            mid__fail(error, MID_E_FORMAT, "the compressed data ends too early");
            return -1;
        }
        size_t part = room - got < ((size_t)1 << 30) ? room - got : (size_t)1 << 30;
        in->z.next_out = to + got;
        in->z.avail_out = (uInt)part;
        if (!inflate_step(in, error))
            return -1;
        got += part - in->z.avail_out;
    }
    return (ptrdiff_t)got;
}
#else
static bool begin_gzip(struct mid__input *in, struct mid__graph_error *error)
{
    (void)in;
    mid__fail(error, MID_E_FORMAT, "the input is compressed with gzip, and this midden was built without zlib");
    return false;
}

static void end_gzip(struct mid__input *in)
{
    (void)in;
}

static ptrdiff_t read_gzip(struct mid__input *in, unsigned char *to, size_t room, struct mid__graph_error *error)
{
    (void)in, (void)to, (void)room, (void)error;
    return -1;
}
#endif

ptrdiff_t mid__input_read(struct mid__input *in, unsigned char *to, size_t room, struct mid__graph_error *error)
{
    if (in->gzip)
        return read_gzip(in, to, room, error);
    size_t ahead = in->packed_end - in->packed_at;
    if (ahead != 0) {
        ahead = ahead < room ? ahead : room;
        memcpy(to, in->packed + in->packed_at, ahead);
        in->packed_at += ahead;
        if (ahead == room)
            return (ptrdiff_t)room;
    }
    ptrdiff_t n = read_source(in, to + ahead, room - ahead, error);
    return n < 0 ? n : n + (ptrdiff_t)ahead;
}

/* Looks at the first bytes. Takes over `in` when it fails. */
static struct mid__input *begin(struct mid__input *in, struct mid__graph_error *error)
{
    in->packed = mid__mem_new(in->memory, PACKED_BYTES, 1);
    if (in->packed == NULL)
        mid__fail_block(in->memory, error);
    if (in->packed == NULL || !fill_packed(in, error)) {
        mid__input_close(in);
        return NULL;
    }
    in->gzip = in->packed_end >= 2 && in->packed[0] == 0x1f && in->packed[1] == 0x8b;
    if (in->gzip) {
        in->size = 0;
        if (!begin_gzip(in, error)) {
            mid__input_close(in);
            return NULL;
        }
    }
    return in;
}

static struct mid__input *make(struct memory *memory, struct mid__graph_error *error)
{
    struct mid__input *in = mid__mem_new(memory, 1, sizeof *in);
    if (in == NULL) {
        mid__fail_block(memory, error);
        return NULL;
    }
    in->memory = memory;
    in->fd = -1;
    return in;
}

struct mid__input *mid__input_open(const char *path, struct memory *memory, struct mid__graph_error *error)
{
    struct mid__input *in = make(memory, error);
    if (in == NULL)
        return NULL;
    in->owns_fd = strcmp(path, "-") != 0;
    in->fd = in->owns_fd ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    struct stat st;
    if (in->fd < 0 || fstat(in->fd, &st) != 0) {
        mid__fail(error, MID_E_IO, "cannot open: %s", strerror(errno));
        mid__input_close(in);
        return NULL;
    }
    if (S_ISDIR(st.st_mode)) {
        mid__fail(error, MID_E_IO, "cannot read: it is a directory");
        mid__input_close(in);
        return NULL;
    }
    in->size = S_ISREG(st.st_mode) && st.st_size > 0 ? (uint64_t)st.st_size : 0;
    (void)posix_fadvise(in->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return begin(in, error);
}

struct mid__input *mid__input_open_memory(const void *bytes, size_t size, struct memory *memory,
                                          struct mid__graph_error *error)
{
    struct mid__input *in = make(memory, error);
    if (in == NULL)
        return NULL;
    in->from = bytes;
    in->left = in->size = size;
    return begin(in, error);
}

uint64_t mid__input_size(const struct mid__input *in)
{
    return in->size;
}

const char *mid__input_remark(const struct mid__input *in)
{
    return in->remark;
}

void mid__input_close(struct mid__input *in)
{
    if (in == NULL)
        return;
    end_gzip(in);
    if (in->owns_fd && in->fd >= 0)
        close(in->fd);
    mid__mem_free(in->memory, in->packed);
    mid__mem_free(in->memory, in);
}
