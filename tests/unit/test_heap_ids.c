/* SPDX-License-Identifier: MIT
 * Unit tests of ids.c: ids stay over walks, deaths and every way of moving, are never given twice, and cost little where
 * objects stay. */
#include "gc/internal.h"
#include "heap_kit.h"
#include "suite.h"

#include <stdlib.h>

enum { MANY = 4000 };

static struct kit kit;
static struct mid_slot none, all;
static uint64_t ids[MANY], last;
static unsigned seed;

static unsigned draw(unsigned below)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 8) % below;
}

static void begin(const char *options)
{
    ck_assert_int_eq(kit_make(&kit, options), MID_OK);
    none = mid_local(kit.heap, mid_null());
    all = mid_local(kit.heap, mid_new_array(kit.heap, kit.array, MANY));
    last = MID_WALK_FIRST_ID - 1;
    seed = 7;
    for (unsigned i = 0; i < MANY; i++)
        ids[i] = 0;
}

static void put_new(unsigned i)
{
    struct mid_ref fresh = draw(2) != 0 ? kit_pair(&kit, none, none, i) : mid_new_bytes(kit.heap, kit.bytes, draw(200));
    mid_array_set(kit.heap, mid_get(all), i, fresh);
    ids[i] = 0;
}

/* Walks: what had an id has it still, what had none has one that is larger than all before. */
static void look(uint32_t flags)
{
    struct mid_walk *walk;
    uint64_t most = last;
    ck_assert_int_eq(mid_walk_begin(kit.heap, flags, &walk), MID_OK);
    static bool given[4 * MANY];
    for (unsigned i = 0; i < sizeof given / sizeof given[0]; i++)
        given[i] = false;
    for (unsigned i = 0; i < MANY; i++) {
        struct mid_ref object = mid_array_get(mid_get(all), i);
        if (mid_is_null(object))
            continue;
        uint64_t id = mid_walk_id(walk, object);
        ck_assert_uint_eq(id % 2, 1);
        if (ids[i] != 0) {
            ck_assert_uint_eq(id, ids[i]);
            continue;
        }
        ck_assert_uint_gt(id, last);
        uint64_t n = (id - last) / 2;
        ck_assert_uint_lt(n, sizeof given / sizeof given[0]);
        ck_assert(!given[n]);
        given[n] = true;
        ids[i] = id;
        most = id > most ? id : most;
    }
    last = most;
    mid_walk_end(walk);
}

static void churn(const char *options, bool moves)
{
    begin(options);
    for (unsigned i = 0; i < MANY; i++)
        put_new(i);
    for (unsigned round = 0; round < 15; round++) {
        look(draw(3) == 0 ? 0 : MID_WALK_COLLECT);
        unsigned share = draw(4) == 0 ? 2 : 20; /* a few or many */
        for (unsigned i = 0; i < MANY; i++)
            if (draw(share) == 0)
                draw(3) == 0 ? (void)mid_array_set(kit.heap, mid_get(all), i, mid_null()) : put_new(i);
        for (unsigned i = 0; i < MANY; i++) /* some by themselves */
            if (ids[i] == 0 && draw(10) == 0 && !mid_is_null(mid_array_get(mid_get(all), i))) {
                ids[i] = mid_object_id(kit.heap, mid_array_get(mid_get(all), i));
                ck_assert_uint_gt(ids[i], last);
                last = ids[i];
            }
        kit.heap->options.torture = moves ? MID_TORTURE_FULL : MID_TORTURE_NONE; /* compacts, whatever is gained */
        mid_heap_collect(kit.heap, draw(2) == 0 ? MID_COLLECT_FULL : MID_COLLECT_SCAVENGE, NULL);
        kit.heap->options.torture = MID_TORTURE_NONE;
    }
    ck_assert(kit_stats(&kit).compactions > 4 || !moves);
    kit_end(&kit);
}

START_TEST(ids__churn_without_moves__stay_and_are_unique)
{
    churn("semispace=65536,compaction=off", false);
}
END_TEST

START_TEST(ids__churn_with_evacuation__stay_and_are_unique)
{
    churn("semispace=65536,compaction=always", true);
}
END_TEST

START_TEST(ids__churn_with_slides__stay_and_are_unique)
{
    churn("semispace=65536,compaction=slide", true);
}
END_TEST

static size_t records(size_t *longest)
{
    size_t count = 0;
    *longest = 0;
    for (size_t c = 0; c < kit.heap->chunk_count; c++)
        for (unsigned b = 0; kit.heap->chunks[c]->named != NULL && b < MID__BLOCKS; b++) {
            size_t chain = 0;
            for (struct mid__named *named = kit.heap->chunks[c]->named[b]; named != NULL; named = *(struct mid__named **)named)
                chain++; /* `older` is first */
            count += chain;
            *longest = chain > *longest ? chain : *longest;
        }
    return count;
}

/* An object in a record costs a bit or two; the hash table has those for whom a record would cost more. */
START_TEST(walk__objects_of_old_space__names_them_by_block)
{
    size_t longest;
    begin("semispace=65536");
    for (unsigned i = 0; i < MANY; i++)
        mid_array_set(kit.heap, mid_get(all), i, kit_pair(&kit, none, none, i));
    for (int i = 0; i < 3; i++)
        mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    look(MID_WALK_COLLECT);
    ck_assert_uint_ge(records(&longest), 1);
    ck_assert_uint_eq(longest, 1);
    ck_assert_uint_lt(kit.heap->ids.count, MANY / 50);
    look(0);
    records(&longest);
    ck_assert_uint_eq(longest, 1);
    kit_end(&kit);
}
END_TEST

/* Half of each block dies and is filled anew between any two of many snapshots; one object in a hundred stays. */
START_TEST(walk__many_snapshots__records_of_the_dead_do_not_pile_up)
{
    size_t longest;
    begin("semispace=65536,compaction=off");
    for (unsigned i = 0; i < MANY; i++)
        put_new(i);
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = round % 2; i < MANY; i += 2)
            if (i % 100 != 0)
                put_new(i);
        for (int i = 0; i < 2; i++)
            mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
        look(MID_WALK_COLLECT);
    }
    records(&longest);
    ck_assert_uint_le(longest, 8);
    kit_end(&kit);
}
END_TEST

START_TEST(memory__what_was_named_dies__records_go_with_their_chunks)
{
    size_t longest;
    begin("semispace=65536");
    for (unsigned i = 0; i < MANY; i++)
        put_new(i);
    mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    look(MID_WALK_COLLECT);
    mid_set(all, mid_null());
    for (int i = 0; i < 3; i++)
        mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL);
    ck_assert_uint_le(kit.heap->ids.count, 16);
    struct mid_walk *walk;
    ck_assert_int_eq(mid_walk_begin(kit.heap, MID_WALK_COLLECT, &walk), MID_OK); /* drops the rest */
    mid_walk_end(walk);
    ck_assert_uint_le(records(&longest), 1);
    kit_end(&kit);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_ids");
    tcase_add_test(c, ids__churn_without_moves__stay_and_are_unique);
    tcase_add_test(c, ids__churn_with_evacuation__stay_and_are_unique);
    tcase_add_test(c, ids__churn_with_slides__stay_and_are_unique);
    tcase_add_test(c, walk__objects_of_old_space__names_them_by_block);
    tcase_add_test(c, walk__many_snapshots__records_of_the_dead_do_not_pile_up);
    tcase_add_test(c, memory__what_was_named_dies__records_go_with_their_chunks);
    return run_suite("heap_ids", c, NULL);
}
