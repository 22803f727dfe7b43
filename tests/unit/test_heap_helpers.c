/* SPDX-License-Identifier: MIT
 * Helper threads: marking in pauses and beside the program, sweeping beside it, a crew of fewer, a fork. The random programs
 * with helpers are policies of the model and torture tests. */
#include "gc/crew.h"
#include "heap_kit.h"
#include "suite.h"

#include <midden/weak_table.h>

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

enum { MANY = 40000, LONG = 20000, ROUNDS = 2000 };

static struct kit kit;
static struct mid_heap *heap;
static struct mid_slot none, keep, temporary;

/* This program's own pthread_create: fails from the n-th call on, where a test says so. */
static int threads_allowed = -1;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    void *symbol = dlsym(RTLD_NEXT, "pthread_create");
    memcpy(&real, &symbol, sizeof real);
    if (threads_allowed == 0)
        return EAGAIN;
    threads_allowed -= threads_allowed > 0;
    return real(thread, attributes, start, argument);
}

static void make(const char *options)
{
    ck_assert_int_eq(kit_make(&kit, options), MID_OK);
    heap = kit.heap;
    none = mid_local(heap, mid_null());
    keep = mid_local(heap, mid_new_array(heap, kit.array, MANY));
    temporary = mid_local(heap, mid_null());
}

static void tear_down(void)
{
    if (heap != NULL)
        kit_end(&kit);
    heap = NULL;
    threads_allowed = -1;
}

static struct mid_ref kept(unsigned i)
{
    return mid_array_get(mid_get(keep), i);
}

/* MANY old pairs, each with two others below it, and a value to be known by. */
static void fill(uint64_t seed)
{
    for (unsigned i = 0; i < MANY; i++) {
        mid_set(temporary, kit_pair(&kit, none, none, i));
        struct pair *pair = as_pair(mid_get(temporary));
        if (i > 0) {
            mid_init_field(&pair->left, kept((unsigned)(test_random(&seed) % i)));
            mid_init_field(&pair->right, kept((unsigned)(test_random(&seed) % i)));
        }
        mid_array_set(heap, mid_get(keep), i, mid_get(temporary));
    }
    mid_set(temporary, mid_null());
}

/* Every second pair is dropped from the array; how many of them live is a question of the graph. */
static void thin_out(void)
{
    for (unsigned i = 0; i < MANY; i += 2)
        mid_array_set(heap, mid_get(keep), i, mid_null());
}

/* ---- marking in pauses ----------------------------------------------------------------------------------------------------- */

static void thinned(const char *options, struct mid_gc_stats *stats)
{
    make(options);
    fill(7);
    thin_out();
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_FULL, NULL), MID_OK);
    *stats = kit_stats(&kit);
    tear_down();
}

START_TEST(full_collection__any_number_of_helpers__what_lives_is_the_same)
{
    static const char *const options[] = {"verify=none", "verify=none,helper-threads=1", "verify=none,helper-threads=3",
                                          "verify=none,helper-threads=8", "verify=none,helper-threads=2,mark-stack=4K"};
    struct mid_gc_stats alone, helped;
    thinned(options[0], &alone);
    ck_assert_uint_eq(alone.helper_threads, 0);
    ck_assert_uint_eq(alone.helper_marked_bytes, 0);
    thinned(options[_i], &helped);
    for (unsigned i = 0; i < MID_SPACE_COUNT; i++) {
        ck_assert_uint_eq(helped.spaces[i].objects, alone.spaces[i].objects);
        ck_assert_uint_eq(helped.spaces[i].used_bytes, alone.spaces[i].used_bytes);
    }
}
END_TEST

START_TEST(full_collections__one_helper__does_a_part)
{
    make("helper-threads=1,verify=none");
    fill(11);
    struct mid_gc_stats stats = kit_stats(&kit);
    for (unsigned i = 0; i < ROUNDS && stats.helper_marked_bytes == 0; i++) {
        ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_FULL, NULL), MID_OK);
        stats = kit_stats(&kit);
    }
    ck_assert_uint_eq(stats.helper_threads, 1);
    ck_assert_uint_gt(stats.helper_marked_bytes, 0);
    ck_assert_uint_le(stats.helper_marked_bytes, stats.marked_bytes);
    tear_down();
}
END_TEST

static pthread_t mutator;
static unsigned traced_elsewhere;

static void trace(void *user, void *payload, size_t bytes, struct mid_tracer *tracer)
{
    (void)user, (void)bytes;
    traced_elsewhere += !pthread_equal(pthread_self(), mutator);
    mid_trace_slot(tracer, (struct mid_slot){payload}, "next", 0);
}

/* A list whose nodes alternate between a type with a callback and one without: all of it passes through the mutator. */
START_TEST(trace_callbacks__helpers__are_called_by_the_mutator_alone)
{
    struct mid_type type;
    struct mid_type_info info = {.struct_size = sizeof info, .name = "Odd", .fixed_bytes = 8, .trace = trace};
    mutator = pthread_self();
    traced_elsewhere = 0;
    make("helper-threads=3,mark-step=1K");
    ck_assert_int_eq(mid_type_register(heap, &info, &type), MID_OK);
    for (unsigned i = 0; i < LONG; i++) {
        mid_set(temporary, kit_pair(&kit, temporary, none, i));
        struct mid_ref odd = mid_new(heap, type);
        mid_init_field(mid_data(odd), mid_get(temporary));
        mid_set(temporary, odd);
    }
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_FULL, NULL), MID_OK);
    for (unsigned i = 0; i < 200; i++)
        ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_STEP, NULL), MID_OK);
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_FULL, NULL), MID_OK);
    ck_assert_uint_eq(kit_stats(&kit).spaces[MID_SPACE_OLD].objects, 2 * LONG);
    ck_assert_uint_eq(traced_elsewhere, 0);
    tear_down();
}
END_TEST

/* ---- beside the program -------------------------------------------------------------------------------------------------------- */

/* Starts a marking in which a helper has done something before the program goes on. */
static void start_and_wait(void)
{
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_START, NULL), MID_OK);
    ck_assert(heap->crew_marks);
    while (mid__crew_progress(heap) == 0)
        sched_yield();
}

/* The object that a snapshot must not lose: references are moved from pairs that the helper has not seen to ones that it may
 * have, and deleted where they were, with no step of the mutator between. */
START_TEST(program__moves_references_beside_a_helper__none_is_lost)
{
    make("helper-threads=1,verify=none,mark-step=1");
    uint64_t random = test_seed("heap_helpers");
    fill(random);
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_FULL, NULL), MID_OK);
    for (unsigned round = 0; round < 5; round++) {
        start_and_wait();
        for (unsigned i = 0; i < MANY / 2; i++) {
            unsigned low = i, high = MANY - 1 - i;
            struct mid_ref a = kept(low), b = kept(high);
            mid_array_set(heap, mid_get(keep), low, mid_null());
            mid_array_set(heap, mid_get(keep), high, mid_null());
            mid_array_set(heap, mid_get(keep), low, b);
            mid_array_set(heap, mid_get(keep), high, a);
            struct mid_ref left = as_pair(a)->left;
            mid_store(heap, a, &as_pair(a)->left, as_pair(b)->right);
            mid_store(heap, b, &as_pair(b)->right, left);
        }
        kit_verify(&kit);
        while (heap->phase == MID__MARK)
            ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_STEP, NULL), MID_OK);
        ck_assert_uint_eq(kit_verify(&kit), 0);
    }
    uint64_t sum = 0;
    for (unsigned i = 0; i < MANY; i++)
        sum += as_pair(kept(i))->value;
    ck_assert_uint_eq(sum, (uint64_t)MANY * (MANY - 1) / 2);
    ck_assert_uint_gt(kit_stats(&kit).helper_marked_bytes, 0);
    tear_down();
}
END_TEST

/* A long list is taken apart from its end and hung, node by node, on its head, which the helper has scanned first of all: only
 * the barrier tells of the nodes that it has not come to. */
START_TEST(program__takes_a_list_apart_before_the_helper__none_is_lost)
{
    enum { NODES = 50 * LONG };
    struct mid_ref *nodes = calloc(NODES, sizeof *nodes);
    ck_assert_ptr_nonnull(nodes);
    make("helper-threads=1,verify=none,mark-step=1");
    mid_set(temporary, mid_null());
    for (unsigned i = 0; i < NODES; i++)
        mid_set(temporary, kit_pair(&kit, temporary, none, i));
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_FULL, NULL), MID_OK);
    nodes[0] = mid_get(temporary);
    for (unsigned i = 1; i < NODES; i++)
        nodes[i] = as_pair(nodes[i - 1])->left;
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_START, NULL), MID_OK); /* they are old: it moves none */
    while (mid__crew_progress(heap) == 0) /* and this thread stays where it is */
        ;
    for (unsigned i = NODES; --i > 0;) {
        mid_store(heap, nodes[i - 1], &as_pair(nodes[i - 1])->left, mid_null());
        mid_store(heap, nodes[i], &as_pair(nodes[i])->right, as_pair(nodes[0])->right);
        mid_store(heap, nodes[0], &as_pair(nodes[0])->right, nodes[i]);
    }
    free(nodes);
    while (heap->phase != MID__IDLE)
        ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_STEP, NULL), MID_OK);
    ck_assert_uint_eq(kit_verify(&kit), 0);
    unsigned count = 0;
    for (struct mid_ref at = mid_get(temporary); !mid_is_null(at); at = as_pair(at)->right)
        count++;
    ck_assert_uint_eq(count, NODES);
    tear_down();
}
END_TEST

/* Large arrays, young garbage, scavenges, new types, ids, keys of weak tables and large objects in the middle of it. */
START_TEST(program__does_everything_else_beside_helpers__heap_stays_right)
{
    make("semispace=128K,helper-threads=2,mark-step=512,growth-min=64K,verify=none");
    fill(13);
    struct mid_slot table = mid_local(heap, mid_weak_table_new(heap));
    for (unsigned i = 0; i < 3000; i++) {
        struct mid_scope scope;
        mid_scope_begin(heap, &scope);
        struct mid_slot fresh = mid_local(heap, kit_pair(&kit, temporary, none, i));
        ck_assert(mid_heap_collect(heap, i % 97 == 0 ? MID_COLLECT_SCAVENGE : MID_COLLECT_STEP, NULL) == MID_OK);
        mid_array_set(heap, mid_get(keep), i, mid_get(fresh));
        if (i % 5 == 0)
            ck_assert_int_eq(mid_weak_table_set(heap, mid_get(table), kept((i * 7) % MANY), mid_get(fresh)), MID_OK);
        if (i % 11 == 0)
            (void)mid_weak_table_remove(heap, mid_get(table), kept((i * 7 + 1) % MANY));
        if (i % 13 == 0)
            (void)mid_object_id(heap, kept((i * 5) % MANY));
        if (i % 50 == 0) {
            struct mid_ref large = mid_new_array(heap, kit.array, 3000);
            mid_array_set(heap, mid_get(keep), i, large);
            mid_array_set(heap, kept(i), 17, mid_get(fresh));
        }
        if (i % 500 == 0) {
            struct mid_type type;
            struct mid_type_info info = {.struct_size = sizeof info, .name = "More", .fixed_bytes = 16};
            ck_assert_int_eq(mid_type_register(heap, &info, &type), MID_OK);
        }
        mid_scope_end(heap, &scope);
        if (i % 100 == 99)
            kit_verify(&kit);
    }
    ck_assert_uint_gt(kit_stats(&kit).helper_marked_bytes, 0);
    tear_down();
}
END_TEST

START_TEST(heap__ended_while_helpers_work__is_gone)
{
    make("helper-threads=2,verify=none");
    fill(3);
    start_and_wait();
    mid_heap_destroy(heap);
    heap = NULL;
}
END_TEST

/* ---- sweeping -------------------------------------------------------------------------------------------------------------------- */

static uint64_t swept_blocks(void)
{
    return kit_stats(&kit).helper_swept_blocks;
}

START_TEST(sweeping__beside_the_program__helper_counts_the_blocks)
{
    make("helper-threads=1,marking=incremental,verify=none");
    fill(5);
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_FULL, NULL), MID_OK);
    thin_out();
    uint64_t before = swept_blocks();
    for (unsigned i = 0; heap->phase != MID__SWEEP; i++)
        ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_STEP, NULL), MID_OK);
    ck_assert(heap->crew_out && !heap->crew_marks);
    while (swept_blocks() == before)
        sched_yield();
    ck_assert_uint_eq(kit_verify(&kit), 0);
    while (heap->phase == MID__SWEEP)
        ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_STEP, NULL), MID_OK);
    ck_assert(!heap->crew_out);
    ck_assert_uint_eq(kit_verify(&kit), 0);
    for (unsigned i = 1; i < MANY; i += 2)
        ck_assert_uint_eq(as_pair(kept(i))->value, i);
    tear_down();
}
END_TEST

/* ---- fewer threads, and none ----------------------------------------------------------------------------------------------------- */

START_TEST(threads__cannot_be_made__heap_works_with_fewer)
{
    threads_allowed = _i;
    make("helper-threads=3");
    fill(17);
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_FULL, NULL), MID_OK);
    ck_assert_uint_eq(kit_stats(&kit).helper_threads, (unsigned)_i < 3 ? (unsigned)_i : 3);
    tear_down();
}
END_TEST

START_TEST(idle_heap__with_the_option__has_no_thread)
{
    make("helper-threads=3");
    ck_assert_uint_eq(kit_stats(&kit).helper_threads, 0);
    tear_down();
}
END_TEST

static void go_on_in_child(void)
{
    for (unsigned i = 0; i < 2000; i++)
        mid_array_set(heap, mid_get(keep), i, kit_pair(&kit, none, none, i));
    while (heap->phase == MID__MARK)
        (void)mid_heap_collect(heap, MID_COLLECT_STEP, NULL);
    bool whole = kit_verify(&kit) == 0 && kit_stats(&kit).helper_threads == 0;
    (void)mid_heap_collect(heap, MID_COLLECT_FULL, NULL);
    whole = whole && kit_verify(&kit) == 0;
    for (unsigned i = 0; i < MANY; i++)
        whole = whole && as_pair(kept(i))->value == i;
    mid_heap_destroy(heap);
    _exit(whole ? 0 : 1);
}

/* The child has no helper, and what they held is found again. */
START_TEST(fork__while_helpers_work__child_goes_on_without_them)
{
    make("helper-threads=2,verify=none,mark-step=1");
    fill(19);
    ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_FULL, NULL), MID_OK);
    for (unsigned round = 0; round < 5; round++) {
        start_and_wait();
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0)
            go_on_in_child();
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        while (heap->phase != MID__IDLE)
            ck_assert_int_eq(mid_heap_collect(heap, MID_COLLECT_STEP, NULL), MID_OK);
    }
    tear_down();
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_helpers");
    tcase_add_loop_test(c, full_collection__any_number_of_helpers__what_lives_is_the_same, 0, 5);
    tcase_add_test(c, full_collections__one_helper__does_a_part);
    tcase_add_test(c, trace_callbacks__helpers__are_called_by_the_mutator_alone);
    tcase_add_test(c, program__moves_references_beside_a_helper__none_is_lost);
    tcase_add_test(c, program__takes_a_list_apart_before_the_helper__none_is_lost);
    tcase_add_test(c, program__does_everything_else_beside_helpers__heap_stays_right);
    tcase_add_test(c, heap__ended_while_helpers_work__is_gone);
    tcase_add_test(c, sweeping__beside_the_program__helper_counts_the_blocks);
    tcase_add_loop_test(c, threads__cannot_be_made__heap_works_with_fewer, 0, 5);
    tcase_add_test(c, idle_heap__with_the_option__has_no_thread);
    /* ASan's allocator stays locked in the child when another thread was inside it; and valgrind rightly calls lost, in the
     * child, what its helpers held: crew.c, "Fork". */
    if (!MID__ASAN && !RUNNING_ON_VALGRIND)
        tcase_add_test(c, fork__while_helpers_work__child_goes_on_without_them);
    return run_suite("heap_helpers", c, NULL);
}
