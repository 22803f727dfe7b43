/* SPDX-License-Identifier: MIT
 * What papers/node-stream.md claims: what the high-water mark of a reader costs in system calls and in slabs. The same bytes
 * are read from a file and, in pieces of a packet, from a pipe; of every hundred lines (or thousand) one is kept as a slice.
 * Counts and bytes only. */
#include <midden/reader.h>

#include <string.h>
#include <unistd.h>

#include "kit.h"

enum { TOTAL = 16 << 20, LINE = 80, PACKET = 1400, KEPT_MAX = TOTAL / LINE };

struct outcome {
    double calls, blocks, unused, held; /* per MiB read; per cent of the blocks' bytes; per kept byte */
};

static char content[TOTAL];

/* Where the next line that is kept begins; the distance is random. */
static size_t after(size_t offset, size_t one_in, uint64_t *random)
{
    return offset + LINE * (1 + kit_random(random) % (2 * one_in));
}

/* Keeps the lines that lie whole in the chunk. */
static size_t keep(struct mid_slice chunk, size_t start, size_t one_in, struct mid_slice *kept, size_t count, size_t *next, uint64_t *random)
{
    while (*next < start + chunk.bytes) {
        if (*next >= start && *next + LINE <= start + chunk.bytes && count < KEPT_MAX)
            KIT_NEED(mid_slice_cut(chunk, *next - start, LINE, &kept[count++]) == MID_OK);
        *next = after(*next, one_in, random);
    }
    return count;
}

static struct outcome read_all(size_t mark, bool packets, size_t one_in)
{
    static struct mid_slice kept[KEPT_MAX];
    struct mid_pool *pool;
    struct mid_reader *reader;
    struct mid_reader_options options;
    struct mid_reader_stats r = {.struct_size = sizeof r};
    struct mid_pool_stats s = {.struct_size = sizeof s};
    int fds[2] = {-1, -1};
    FILE *file = packets ? NULL : tmpfile();
    size_t count = 0, next = 0, done = 0, sent = 0;
    uint64_t random = KIT_SEED;
    KIT_NEED(packets ? pipe(fds) == 0 : file != NULL && fwrite(content, 1, TOTAL, file) == TOTAL && fseek(file, 0, SEEK_SET) == 0);
    mid_reader_options_init(&options);
    options.high_water_mark_bytes = mark;
    KIT_NEED(mid_pool_create(NULL, &pool) == MID_OK && mid_reader_create(pool, packets ? fds[0] : fileno(file), &options, &reader) == MID_OK);
    while (done < TOTAL) {
        struct mid_slice chunk;
        if (packets && done == sent) {
            size_t n = TOTAL - sent < PACKET ? TOTAL - sent : PACKET;
            KIT_NEED(write(fds[1], content + sent, n) == (ssize_t)n);
            sent += n;
        }
        KIT_NEED(mid_reader_next(reader, &chunk) == MID_OK && chunk.bytes != 0);
        count = keep(chunk, done, one_in, kept, count, &next, &random);
        done += chunk.bytes;
        mid_slice_release(&chunk);
    }
    KIT_NEED(mid_reader_stats(reader, &r) == MID_OK);
    mid_reader_destroy(reader);
    mid_pool_trim(pool);
    KIT_NEED(mid_pool_stats(pool, &s) == MID_OK && count != 0);
    struct outcome out = {(double)r.reads / 16, (double)r.blocks / 16, 100.0 * (double)r.unused_bytes / (double)(r.blocks * mark),
                          (double)(s.slab_bytes + s.large_bytes - s.released_page_bytes) / (double)(count * LINE)};
    while (count > 0)
        mid_slice_release(&kept[--count]);
    KIT_NEED(mid_pool_destroy(pool, NULL) == MID_OK);
    if (packets) {
        close(fds[0]);
        close(fds[1]);
    } else {
        fclose(file);
    }
    return out;
}

int main(void)
{
    static const size_t marks[] = {1024, 4096, 8192, 16384, 65536, 262144, 1048576};
    enum { MARKS = sizeof marks / sizeof marks[0] };
    struct outcome first = {0}, last = {0};
    bool calls_fall = true;
    memset(content, 'x', TOTAL);
    puts("16 MiB, lines of 80 bytes. Held: bytes of slabs, after a trim, for each byte of the lines that are kept.\n");
    puts("| mark, KiB | file: reads per MiB | packets: reads per MiB | packets: blocks per MiB | packets: unused, % | held, 1 line in 100 | held, 1 in 1,000 |\n|---|---|---|---|---|---|---|");
    for (size_t i = 0; i < MARKS; i++) {
        struct outcome file = read_all(marks[i], false, 100), rare = read_all(marks[i], false, 1000), packets = read_all(marks[i], true, 100);
        printf("| %zu | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f |\n", marks[i] / 1024, file.calls, packets.calls, packets.blocks, packets.unused, file.held, rare.held);
        calls_fall = calls_fall && (i == 0 || file.calls < last.calls);
        if (i == 0)
            first = rare;
        last = file;
        if (i == MARKS - 1)
            last = rare;
    }
    puts("@plot x=1 y=6,7 log=xy xlabel=\"mark, KiB\" ylabel=\"bytes held per byte kept\"");
    printf("@measured from 1 KiB to 1 MiB: reads of a file per MiB %.0f to %.0f, bytes held per byte kept, 1 line in 1,000: %.0f to %.0f\n",
           first.calls, last.calls, first.held, last.held);
    kit_verdict(calls_fall && last.held > 2 * first.held, calls_fall);
    return 0;
}
