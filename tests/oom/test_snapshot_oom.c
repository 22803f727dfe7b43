/* SPDX-License-Identifier: MIT
 * The snapshot writer, and the adapter from gc, when the n-th allocation fails, once and for good: a clean error and no
 * file, or a file that is whole: without memory for its table of names the writer goes on with fewer names. */
#include <midden/heap.h>
#include <midden/roots.h>
#include <midden/slice.h>
#include <midden/snapshot.h>

#include "fail.h"
#include "suite.h"
#include "table_source.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void check_file(size_t nodes)
{
    json_error_t error;
    json_t *root = json_load_file("dump", JSON_ALLOW_NUL, &error);
    ck_assert_msg(root != NULL, "not JSON: %s", error.text);
    ck_assert_uint_eq(json_array_size(json_object_get(root, "nodes")), 6 * nodes);
    json_decref(root);
    ck_assert_int_eq(unlink("dump"), 0);
}

START_TEST(write__nth_allocation_fails__is_whole_or_absent)
{
    char directory[] = "/tmp/midden-oom-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    uint64_t random = test_seed("nth_allocation");
    struct table *t = table_random(&random, 5000, 9000, 3000);
    for (size_t i = 0; i < t->edge_count; i++)
        ((struct table_edge *)(uintptr_t)t->edges)[i].edge.index &= INT64_MAX; /* jansson's integers */
    struct mid_snapshot_source source = table_source(t);
    unsigned long refused = 0, written = 0, n = 1;
    for (;; n++) {
        fail_from(n, FAIL_HEAP | FAIL_MMAP, _i == 1);
        enum mid_status status = mid_snapshot_write_file("dump", &source, NULL);
        bool failed = fail_off();
        if (status == MID_OK) {
            check_file(2 + t->group_count + t->node_count);
            written += failed;
        } else {
            ck_assert_int_eq(status, MID_E_MEMORY);
            ck_assert_int_ne(access("dump", F_OK), 0);
            refused++;
        }
        if (!failed)
            break;
    }
    ck_assert_uint_eq(refused, 2); /* the state and the buffer; all else can be done without */
    ck_assert_uint_ge(written, 8);
    table_free(t);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(directory), 0); /* empty: nothing was left behind */
}
END_TEST

/* 500 strings and 500 buffers of a pool in a global array. */
static struct mid_heap *make_heap(struct mid_pool *pool)
{
    struct mid_heap *heap;
    struct mid_type array_type, string_type;
    struct mid_type_info array = {.struct_size = sizeof array, .name = "Array", .tail = MID_TAIL_REFS};
    struct mid_type_info string = {.struct_size = sizeof string, .name = "String", .tail = MID_TAIL_BYTES,
                                   .kind = MID_KIND_STRING};
    ck_assert_int_eq(mid_heap_create(NULL, &heap), MID_OK);
    ck_assert_int_eq(mid_type_register(heap, &array, &array_type), MID_OK);
    ck_assert_int_eq(mid_type_register(heap, &string, &string_type), MID_OK);
    struct mid_persistent *p = mid_persistent_new(heap, mid_new_array(heap, array_type, 1000), "app");
    for (size_t i = 0; i < 1000; i++) {
        char text[32];
        struct mid_slice slice;
        if (i % 2 == 0) {
            int bytes = snprintf(text, sizeof text, "text %zu", i);
            mid_array_set(heap, mid_persistent_get(p), i, mid_new_string(heap, string_type, text, (size_t)bytes));
        } else {
            ck_assert_int_eq(mid_slice_alloc(pool, 100, &slice), MID_OK);
            mid_array_set(heap, mid_persistent_get(p), i, mid_buffer_new(heap, slice));
        }
    }
    return heap;
}

START_TEST(write_heap__nth_allocation_fails__is_whole_or_absent)
{
    char directory[] = "/tmp/midden-oom-XXXXXX";
    struct mid_pool *pool;
    struct mid_snapshot_figures figures = {.struct_size = sizeof figures};
    struct mid_snapshot_options o;
    mid_snapshot_options_init(&o);
    o.figures = &figures;
    o.flags = (_i & 2) != 0 ? MID_SNAPSHOT_NO_COLLECT : 0;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    ck_assert_int_eq(mid_pool_create(NULL, &pool), MID_OK);
    struct mid_heap *heap = make_heap(pool);
    unsigned long refused = 0;
    for (unsigned long n = 1;; n++) {
        fail_from(n, FAIL_HEAP | FAIL_MMAP, (_i & 1) != 0);
        enum mid_status status = mid_heap_write_snapshot(heap, "dump", &o);
        bool failed = fail_off();
        if (status == MID_OK) {
            ck_assert_uint_gt(figures.nodes, 1500);
            check_file(figures.nodes);
        } else {
            ck_assert_int_eq(status, MID_E_MEMORY);
            ck_assert_int_ne(access("dump", F_OK), 0);
            refused++;
        }
        ck_assert_int_eq(mid_heap_verify(heap, NULL, NULL), MID_OK);
        if (!failed)
            break;
    }
    ck_assert_uint_ge(refused, 5);
    mid_heap_destroy(heap);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("oom");
    tcase_add_loop_test(c, write__nth_allocation_fails__is_whole_or_absent, 0, 2);
    tcase_add_loop_test(c, write_heap__nth_allocation_fails__is_whole_or_absent, 0, 4);
    return run_suite("snapshot oom", c, NULL);
}
