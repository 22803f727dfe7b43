/* SPDX-License-Identifier: MIT
 * Unit tests of <midden/reader.h>: files, pipes, short reads, signals, failures. */
#include <midden/reader.h>

#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct mid_pool *pool;

static void begin(void)
{
    ck_assert_int_eq(mid_pool_create(NULL, &pool), MID_OK);
}

static void end(struct mid_reader *reader)
{
    mid_reader_destroy(reader);
    ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}

static struct mid_reader *reader_of(int fd, size_t high_water_mark, size_t min_read)
{
    struct mid_reader_options options;
    struct mid_reader *reader;
    mid_reader_options_init(&options);
    options.high_water_mark_bytes = high_water_mark;
    options.min_read_bytes = min_read;
    ck_assert_int_eq(mid_reader_create(pool, fd, &options, &reader), MID_OK);
    return reader;
}

static struct mid_reader_stats stats_of(const struct mid_reader *reader)
{
    struct mid_reader_stats s = {.struct_size = sizeof s};
    ck_assert_int_eq(mid_reader_stats(reader, &s), MID_OK);
    return s;
}

/* A file of `bytes` bytes, byte i being i * 31 / 7, already unlinked. */
static unsigned char content(size_t i)
{
    return (unsigned char)(i * 31 / 7);
}

static int file_of(size_t bytes)
{
    char name[] = "/tmp/midden-reader-XXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = content(i);
        ck_assert_int_eq(write(fd, &c, 1), 1);
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

START_TEST(file__any_block_size__comes_whole_and_in_blocks)
{
    static const size_t marks[] = {1, 2, 100, 1023, 1024, 8192, 65536, 100000};
    size_t mark = marks[_i], bytes = 30000, at = 0;
    int fd = file_of(bytes);
    struct mid_reader *reader = reader_of(fd, mark, 0);
    struct mid_slice chunk, held = mid_slice_empty();
    for (;;) {
        ck_assert_int_eq(mid_reader_next(reader, &chunk), MID_OK);
        if (chunk.bytes == 0)
            break;
        ck_assert_uint_le(chunk.bytes, mark);
        for (size_t i = 0; i < chunk.bytes; i++)
            ck_assert_uint_eq(chunk.data[i], content(at + i));
        at += chunk.bytes;
        mid_slice_release(&held);
        held = chunk;
    }
    ck_assert_uint_eq(at, bytes);
    struct mid_reader_stats s = stats_of(reader);
    ck_assert_uint_eq(s.bytes, bytes);
    ck_assert_uint_le(s.blocks, (bytes + mark - 1) / mark + 1);
    ck_assert_uint_le(s.reads, (bytes + mark - 1) / mark + 1);
    mid_slice_release(&held);
    close(fd);
    end(reader);
}
END_TEST

START_TEST(small_files__one_after_another__share_a_block)
{
    int fd = file_of(100);
    struct mid_reader *reader = reader_of(fd, 8192, 0);
    struct mid_slice chunks[20], none;
    for (int i = 0; i < 20; i++) {
        int next = file_of(100);
        ck_assert_int_eq(mid_reader_set_fd(reader, next), MID_OK);
        ck_assert_int_eq(mid_reader_next(reader, &chunks[i]), MID_OK);
        ck_assert_uint_eq(chunks[i].bytes, 100);
        ck_assert_int_eq(mid_reader_next(reader, &none), MID_OK);
        ck_assert_uint_eq(none.bytes, 0);
        close(next);
    }
    ck_assert_uint_eq(stats_of(reader).blocks, 1);
    for (int i = 0; i < 20; i++) {
        for (size_t k = 0; k < 100; k++)
            ck_assert_uint_eq(chunks[i].data[k], content(k));
        mid_slice_release(&chunks[i]);
    }
    ck_assert_int_eq(mid_reader_set_fd(reader, -1), MID_E_INVALID);
    close(fd);
    end(reader);
}
END_TEST

START_TEST(pipe__short_reads__fill_one_block_and_outlive_the_reader)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    struct mid_reader *reader = reader_of(ends[0], 1000, 10);
    struct mid_slice chunks[12];
    char text[96];
    for (int i = 0; i < 12; i++) {
        memset(text, 'a' + i, sizeof text);
        ck_assert_int_eq(write(ends[1], text, sizeof text), sizeof text);
        ck_assert_int_eq(mid_reader_next(reader, &chunks[i]), MID_OK);
        ck_assert_uint_eq(chunks[i].bytes, i == 10 ? 40 : sizeof text);
        if (i == 10) { /* the first block had 40 bytes left */
            struct mid_slice rest;
            ck_assert_int_eq(mid_reader_next(reader, &rest), MID_OK);
            ck_assert_uint_eq(rest.bytes, 56);
            mid_slice_release(&rest);
        }
    }
    ck_assert_uint_eq(stats_of(reader).blocks, 2);
    mid_reader_destroy(reader);
    for (int i = 0; i < 12; i++) {
        ck_assert_int_eq(*chunks[i].data, 'a' + i);
        mid_slice_release(&chunks[i]);
    }
    close(ends[0]);
    close(ends[1]);
    end(NULL);
}
END_TEST

START_TEST(nonblocking__nothing_there__is_busy_and_goes_on)
{
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    struct mid_reader *reader = reader_of(ends[0], 0, 0);
    struct mid_slice chunk;
    ck_assert_int_eq(mid_reader_next(reader, &chunk), MID_E_BUSY);
    ck_assert_ptr_null(chunk.block);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_int_eq(mid_reader_next(reader, &chunk), MID_OK);
    ck_assert_uint_eq(chunk.bytes, 1);
    mid_slice_release(&chunk);
    close(ends[1]);
    ck_assert_int_eq(mid_reader_next(reader, &chunk), MID_OK);
    ck_assert_uint_eq(chunk.bytes, 0);
    close(ends[0]);
    end(reader);
}
END_TEST

START_TEST(errors__of_descriptor_options_and_pool__are_told_apart)
{
    struct mid_reader_options options;
    struct mid_reader *reader = NULL;
    struct mid_slice chunk;
    mid_reader_options_init(&options);
    ck_assert_int_eq(mid_reader_create(pool, 0, &options, NULL), MID_E_INVALID);
    ck_assert_int_eq(mid_reader_create(NULL, 0, &options, &reader), MID_E_INVALID);
    ck_assert_int_eq(mid_reader_create(pool, -1, &options, &reader), MID_E_INVALID);
    options.high_water_mark_bytes = ((size_t)1 << 30) + 1;
    ck_assert_int_eq(mid_reader_create(pool, 0, &options, &reader), MID_E_INVALID);
    options.high_water_mark_bytes = 10, options.min_read_bytes = 11;
    ck_assert_int_eq(mid_reader_create(pool, 0, &options, &reader), MID_E_INVALID);
    options.struct_size = 3;
    ck_assert_int_eq(mid_reader_create(pool, 0, &options, &reader), MID_E_INVALID);

    int directory = open("/", O_RDONLY);
    reader = reader_of(directory, 0, 0);
    ck_assert_int_eq(mid_reader_next(reader, &chunk), MID_E_IO);
    ck_assert_int_eq(errno, EISDIR);
    close(directory);
    mid_reader_destroy(reader);

    struct mid_pool_options tight;
    struct mid_pool *small;
    mid_pool_options_init(&tight);
    tight.limit_bytes = 30000;
    ck_assert_int_eq(mid_pool_create(&tight, &small), MID_OK);
    int fd = file_of(10);
    ck_assert_int_eq(mid_reader_create(small, fd, NULL, &reader), MID_OK);
    ck_assert_int_eq(mid_reader_next(reader, &chunk), MID_E_LIMIT);
    ck_assert_ptr_null(chunk.block);
    mid_reader_destroy(reader);
    ck_assert_int_eq(mid_pool_destroy(small, NULL), MID_OK);
    close(fd);
    end(NULL);
}
END_TEST

static void nothing(int signal_number)
{
    (void)signal_number;
}

static void *interrupt(void *argument)
{
    int *ends = argument;
    for (int i = 0; i < 20; i++) {
        usleep(2000);
        kill(getpid(), SIGUSR1);
    }
    ck_assert_int_eq(write(ends[1], "done", 4), 4);
    return NULL;
}

START_TEST(signal__during_read__starts_it_again)
{
    int ends[2];
    struct sigaction action = {.sa_handler = nothing}; /* without SA_RESTART */
    sigaction(SIGUSR1, &action, NULL);
    ck_assert_int_eq(pipe(ends), 0);
    struct mid_reader *reader = reader_of(ends[0], 0, 0);
    pthread_t thread;
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &mask, NULL); /* the thread inherits it, so that this one takes the signals */
    pthread_create(&thread, NULL, interrupt, ends);
    pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
    struct mid_slice chunk;
    ck_assert_int_eq(mid_reader_next(reader, &chunk), MID_OK);
    ck_assert_uint_eq(chunk.bytes, 4);
    ck_assert_uint_gt(stats_of(reader).reads, 1);
    pthread_join(thread, NULL);
    mid_slice_release(&chunk);
    end(reader);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("reader");
    tcase_add_checked_fixture(c, begin, NULL);
    tcase_add_loop_test(c, file__any_block_size__comes_whole_and_in_blocks, 0, 8);
    tcase_add_test(c, small_files__one_after_another__share_a_block);
    tcase_add_test(c, pipe__short_reads__fill_one_block_and_outlive_the_reader);
    tcase_add_test(c, nonblocking__nothing_there__is_busy_and_goes_on);
    tcase_add_test(c, errors__of_descriptor_options_and_pool__are_told_apart);
    tcase_add_test(c, signal__during_read__starts_it_again);
    return run_suite("reader", c, NULL);
}
