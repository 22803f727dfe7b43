/* SPDX-License-Identifier: MIT
 * The n-th mmap, munmap or madvise (alloc calls no malloc; Check does) fails, for n = 1, 2, 3 ... until a run makes fewer calls: once, and from there
 * on. Whatever fails, the pool stays sound, keeps what is out, and gives everything back in the end. */
#include <midden/chain.h>
#include <midden/reader.h>

#include "fail.h"
#include "seen.h"
#include "suite.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct seen seen;

#define BUFFERS 20

/* A program that takes small, large and huge buffers, resizes, releases, trims, and takes again. What cannot be had is
 * done without. */
static void use_pool(struct mid_pool *pool)
{
    static const size_t sizes[] = {10, 100, 900, 3000, 8000, 8192, 70000, 700000, 1500000, 5000000};
    unsigned char *p[BUFFERS] = {0};
    size_t bytes[BUFFERS] = {0};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < BUFFERS; i++) {
            if (p[i] != NULL)
                continue;
            bytes[i] = sizes[(i + (size_t)round) % 10];
            p[i] = i % 3 == 0 ? mid_pool_alloc_zeroed(pool, 1, bytes[i]) : mid_pool_alloc(pool, bytes[i]);
            if (p[i] != NULL)
                p[i][0] = p[i][bytes[i] - 1] = (unsigned char)i;
        }
        for (size_t i = 0; i < BUFFERS; i += 5) {
            unsigned char *q = p[i] == NULL ? NULL : mid_pool_resize(pool, p[i], bytes[i] * 2);
            if (q == NULL)
                continue;
            ck_assert_uint_eq(q[0], i);
            p[i] = q;
            bytes[i] *= 2;
            q[bytes[i] - 1] = (unsigned char)i;
        }
        for (size_t i = (size_t)round; i < BUFFERS; i += 2) {
            if (p[i] != NULL) {
                ck_assert_uint_eq(p[i][0], i);
                ck_assert_uint_eq(p[i][bytes[i] - 1], i);
            }
            mid_pool_release(pool, p[i]);
            p[i] = NULL;
        }
        mid_pool_trim(pool);
    }
    for (size_t i = 0; i < BUFFERS; i++)
        mid_pool_release(pool, p[i]);
}

/* Reads a file through slices and keeps pieces of it in a chain; failures must leave nothing behind. */
static void use_slices(struct mid_pool *pool)
{
    struct mid_reader *reader;
    int fd = open("/proc/self/exe", O_RDONLY);
    if (mid_reader_create(pool, fd, NULL, &reader) == MID_OK) {
        struct mid_chain chain, part;
        struct mid_slice chunk, flat;
        mid_chain_init(&chain, pool);
        mid_chain_init(&part, pool);
        for (int i = 0; i < 8 && mid_reader_next(reader, &chunk) == MID_OK && chunk.bytes != 0; i++)
            if (mid_chain_append(&chain, chunk) != MID_OK)
                mid_slice_release(&chunk);
        size_t half = mid_chain_bytes(&chain) / 2;
        for (int i = 0; i < 5; i++)
            if (mid_chain_cut(&chain, half / 2, half, &part) == MID_OK && i == 0)
                ck_assert_uint_eq(mid_chain_bytes(&part), half);
        if (mid_chain_flatten(&chain, pool, &flat) == MID_OK)
            mid_slice_release(&flat);
        mid_chain_clear(&part);
        mid_chain_clear(&chain);
        mid_reader_destroy(reader);
    }
    close(fd);
}

static void no_sample(void *user, const struct mid_pool_buffer *buffer)
{
    (void)user;
    ck_assert_ptr_nonnull(buffer->address);
}

/* Every way to look at the pool from outside works, or says that there is no memory for it. */
static void look_at(struct mid_pool *pool)
{
    FILE *null = fopen("/dev/null", "w");
    enum mid_status map = mid_pool_map_svg(pool, null), profile = mid_pool_heap_profile(pool, null);
    enum mid_status json = mid_pool_stats_write(pool, null), samples = mid_pool_samples(pool, no_sample, NULL);
    fclose(null);
    ck_assert(map == MID_OK || map == MID_E_MEMORY);
    ck_assert(profile == MID_OK || profile == MID_E_MEMORY);
    ck_assert(json == MID_OK || json == MID_E_MEMORY);
    ck_assert(samples == MID_OK || samples == MID_E_MEMORY);
}

static void run(unsigned kinds, bool persistently, enum mid_pool_policy policy, unsigned flags, bool given)
{
    static char memory[20 << 20];
    struct mid_pool_options options;
    mid_pool_options_init(&options);
    options.policy = policy;
    options.flags = flags;
    options.broken = note_broken;
    options.broken_user = &seen;
    for (unsigned long n = 1;; n++) {
        struct mid_pool *pool;
        fail_from(n, kinds, persistently);
        options.sample_buffers = 3;
        if (given) {
            options.base = memory;
            options.base_bytes = sizeof memory;
        }
        enum mid_status status = mid_pool_create(&options, &pool);
        if (status == MID_OK) {
            use_pool(pool);
            use_slices(pool);
            if (policy == MID_POOL_SIZE_CLASS && flags == 0)
                look_at(pool);
            ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
        } else {
            ck_assert_int_eq(status, MID_E_MEMORY);
            ck_assert_ptr_null(pool);
        }
        bool failed = fail_off();
        if (status == MID_OK) {
            use_pool(pool); /* the trouble has passed: all is well again */
            struct mid_pool_stats s = {.struct_size = sizeof s};
            mid_pool_stats(pool, &s);
            ck_assert_uint_eq(s.live_buffers, 0);
            ck_assert_int_eq(mid_pool_verify(pool, NULL, NULL), MID_OK);
            ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
        }
        ck_assert_msg(seen.count == 0, "call %lu failed: %s: %s", n, seen.rules[0], seen.last);
        if (!failed) {
            ck_assert_uint_gt(n, 3);
            return;
        }
    }
}

static const struct {
    unsigned kinds;
    bool persistently;
} ways[] = {{FAIL_MMAP, false}, {FAIL_MMAP, true}, {FAIL_GIVING, false}, {FAIL_GIVING, true}};

START_TEST(every_call__failed_once_or_for_ever__leaves_the_pool_sound)
{
    run(ways[_i % 4].kinds, ways[_i % 4].persistently, _i / 4 == 1 ? MID_POOL_SEQUENTIAL : MID_POOL_SIZE_CLASS,
        _i / 4 == 2 ? MID_POOL_CHECKED : 0, _i / 4 == 3);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("oom");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, every_call__failed_once_or_for_ever__leaves_the_pool_sound, 0, 16);
    return run_suite("pool oom", c, NULL);
}
