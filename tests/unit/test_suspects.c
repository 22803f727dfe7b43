/* SPDX-License-Identifier: MIT
 * Suspects in small worlds with one planted leak each, and the table of a series. */
#include <midden/internal/path.h>
#include <midden/internal/suspects.h>

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a world: nodes with a name and a size, edges between them; node 0 is the root, node 1 the global */

#define NODES_MAX 20000

static const char *const names[] = {"", "global", "Cache", "Array", "Item", "Node", "Session", "Owner", "field"};
enum { N_ROOT, N_GLOBAL, N_CACHE, N_ARRAY, N_ITEM, N_NODE, N_SESSION, N_OWNER, N_FIELD };

static struct world {
    unsigned name[NODES_MAX], size[NODES_MAX], parent[NODES_MAX], id[NODES_MAX], count;
} world;

static unsigned put(unsigned parent, unsigned name, unsigned size)
{
    world.name[world.count] = name;
    world.size[world.count] = size;
    world.parent[world.count] = parent;
    world.id[world.count] = 2 * world.count + 1;
    return world.count++;
}

static void begin(void)
{
    world.count = 0;
    put(0, N_ROOT, 0);
    put(0, N_GLOBAL, 1000);
}

struct seen {
    struct mid__graph *graph;
    struct mid__classes *classes;
    uint32_t *arrivals;
    struct mid__suspects suspects;
};

static struct mid__graph *read_world(void)
{
    char *text = NULL;
    size_t length;
    FILE *f = open_memstream(&text, &length);
    fputs("{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],\"node_types\":"
          "[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\",\"native\",\"synthetic\"],"
          "\"string\",\"number\",\"number\",\"number\"],\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],"
          "\"edge_types\":[[\"context\",\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],"
          "\"string_or_number\",\"node\"]},\"node_count\":0,\"edge_count\":0},\"nodes\":[",
          f);
    unsigned *edges = calloc(world.count, sizeof *edges);
    for (unsigned i = 1; i < world.count; i++)
        edges[world.parent[i]]++;
    for (unsigned i = 0; i < world.count; i++)
        fprintf(f, "%s%d,%u,%u,%u,%u", i != 0 ? "," : "", i == 0 ? 9 : 3, world.name[i], world.id[i], world.size[i],
                edges[i]);
    fputs("],\"edges\":[", f);
    /* children of a node are found by a counting sort over parents */
    unsigned *start = calloc(world.count + 1, sizeof *start), *order = calloc(world.count, sizeof *order);
    for (unsigned i = 0; i < world.count; i++)
        start[i + 1] = start[i] + edges[i];
    for (unsigned i = 1; i < world.count; i++)
        order[start[world.parent[i]]++] = i;
    for (unsigned i = 0; i + 1 < world.count; i++)
        fprintf(f, "%s%d,%d,%u", i != 0 ? "," : "", world.parent[order[i]] == 0 ? 5 : 2, N_FIELD, 5 * order[i]);
    fputs("],\"strings\":[", f);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        fprintf(f, "%s\"%s\"", i != 0 ? "," : "", names[i]);
    fputs("]}", f);
    fclose(f);
    free(edges);
    free(start);
    free(order);
    struct mid__graph *g;
    struct mid__graph_error error;
    ck_assert_msg(mid__graph_load_memory(text, length, NULL, &g, &error) == MID_OK, "%s", error.message);
    ck_assert_int_eq(mid__graph_analyze(g, MID__SUSPECT_PARTS | MID__PART_BY_ID, &error), MID_OK);
    free(text);
    return g;
}

static struct mid__classes *classify(const struct mid__graph *g)
{
    struct mid__classes *c;
    struct mid__classes_options options = {.by_name = true, .with_retained = true};
    ck_assert_int_eq(mid__classes_build_with(g, &options, &c), MID_OK);
    return c;
}

static void add_to(struct mid__series *series)
{
    struct mid__graph *g = read_world();
    struct mid__classes *c = classify(g);
    ck_assert_int_eq(mid__series_add(series, g, c), MID_OK);
    mid__classes_free(c);
    mid__graph_free(g);
}

static struct seen look(const struct mid__series *series)
{
    struct seen s = {.graph = read_world()};
    s.classes = classify(s.graph);
    ck_assert_int_eq(mid__path_edges(s.graph, &s.arrivals), MID_OK);
    ck_assert_int_eq(mid__suspects_find(s.graph, s.classes, s.arrivals, series, NULL, &s.suspects), MID_OK);
    return s;
}

static void forget(struct seen *s)
{
    free(s->suspects.list);
    free(s->arrivals);
    mid__classes_free(s->classes);
    mid__graph_free(s->graph);
}

static void expect_class(const struct seen *s, uint32_t place, const char *name)
{
    size_t length;
    ck_assert_uint_ne(place, UINT32_MAX);
    const char *text = mid__class_name(s->classes, place, &length);
    ck_assert_msg(length == strlen(name) && memcmp(text, name, length) == 0, "class %.*s", (int)length, text);
}

/* ---- one snapshot */

/* Cache -> Array -> 500 Items: the Array is shown, the Cache is its owner. */
START_TEST(holder__of_many_entries__is_found_with_its_owner)
{
    begin();
    unsigned cache = put(1, N_CACHE, 16), array = put(cache, N_ARRAY, 16);
    for (int i = 0; i < 500; i++)
        put(array, N_ITEM, 100);
    struct seen s = look(NULL);
    ck_assert_uint_eq(s.suspects.count, 1);
    const struct mid__suspect *f = &s.suspects.list[0];
    ck_assert_int_eq(f->kind, MID__SUSPECT_HOLDER);
    ck_assert_uint_eq(f->node, array);
    ck_assert_uint_eq(f->owner, cache);
    ck_assert_uint_eq(f->entries, 500);
    ck_assert_uint_eq(f->of_place, 500);
    ck_assert_uint_eq(f->bytes, 50016);
    expect_class(&s, f->place, "Item");
    forget(&s);
}
END_TEST

/* What is heavy on its own is followed, each way. */
START_TEST(holders__two_of_them__are_both_found_in_order)
{
    begin();
    unsigned owner = put(1, N_OWNER, 16), a = put(owner, N_CACHE, 16), b = put(owner, N_ARRAY, 16);
    for (int i = 0; i < 300; i++)
        put(a, N_ITEM, 100);
    for (int i = 0; i < 400; i++)
        put(b, N_SESSION, 100);
    struct seen s = look(NULL);
    ck_assert_uint_eq(s.suspects.count, 2);
    ck_assert_uint_eq(s.suspects.list[0].node, b);
    ck_assert_uint_eq(s.suspects.list[0].owner, owner);
    ck_assert_uint_eq(s.suspects.list[1].node, a);
    ck_assert_uint_eq(s.suspects.list[1].owner, a);
    forget(&s);
}
END_TEST

START_TEST(chain__of_nodes__has_its_head_for_holder)
{
    begin();
    unsigned owner = put(1, N_OWNER, 16), head = put(owner, N_NODE, 32);
    for (unsigned i = 0, at = head; i < 4999; i++)
        at = put(at, N_NODE, 32);
    struct seen s = look(NULL);
    ck_assert_uint_eq(s.suspects.count, 1);
    ck_assert_int_eq(s.suspects.list[0].kind, MID__SUSPECT_CHAIN);
    ck_assert_uint_eq(s.suspects.list[0].node, head);
    ck_assert_uint_eq(s.suspects.list[0].owner, owner);
    ck_assert_uint_eq(s.suspects.list[0].entries, 5000);
    forget(&s);
}
END_TEST

/* 1,500 entries of 8 bytes beside a million bytes elsewhere: no outsized share, but a collection. */
START_TEST(collection__without_an_outsized_share__is_named_last)
{
    begin();
    unsigned cache = put(1, N_CACHE, 16), other = put(1, N_OWNER, 16);
    for (int i = 0; i < 1500; i++)
        put(cache, N_ITEM, 8);
    for (int i = 0; i < 10; i++)
        put(other, N_ARRAY, 100000);
    struct seen s = look(NULL);
    ck_assert_uint_ge(s.suspects.count, 1);
    const struct mid__suspect *f = &s.suspects.list[s.suspects.count - 1];
    ck_assert_int_eq(f->kind, MID__SUSPECT_COLLECTION);
    ck_assert_uint_eq(f->node, cache);
    ck_assert_uint_eq(f->entries, 1500);
    forget(&s);
}
END_TEST

/* 100 Sessions below 100 Owners of a few bytes, each with 1 % of the heap. */
START_TEST(class__in_many_places__is_found_with_its_holders)
{
    begin();
    for (int i = 0; i < 100; i++)
        put(put(1, N_OWNER, 8), N_SESSION, 1000);
    struct seen s = look(NULL);
    bool found = false;
    for (size_t i = 0; i < s.suspects.count; i++) {
        const struct mid__suspect *f = &s.suspects.list[i];
        ck_assert_int_eq(f->kind, MID__SUSPECT_CLASS);
        size_t length;
        const char *name = mid__class_name(s.classes, f->place, &length);
        if (length != 7 || memcmp(name, "Session", 7) != 0)
            continue;
        found = true;
        ck_assert_uint_eq(f->entries, 100);
        ck_assert_uint_eq(f->bytes, 100000);
        ck_assert_uint_eq(f->of_place, 100);
        expect_class(&s, f->holder_place, "Owner");
    }
    ck_assert(found);
    forget(&s);
}
END_TEST

START_TEST(nothing__in_an_even_heap__is_suspected)
{
    begin();
    for (int i = 0; i < 100; i++)
        put(1, N_ITEM + (unsigned)i % 4, 100);
    for (unsigned i = 0; i < 15; i++)
        world.name[2 + i] = N_ARRAY;
    struct seen s = look(NULL);
    for (size_t i = 0; i < s.suspects.count; i++)
        ck_assert_int_eq(s.suspects.list[i].kind, MID__SUSPECT_CLASS);
    forget(&s);
}
END_TEST

/* ---- a series */

/* The large Array stays as it is; the small Cache grows each time. */
static void grow_world(int round)
{
    begin();
    unsigned big = put(1, N_ARRAY, 16), cache = put(1, N_CACHE, 16);
    for (int i = 0; i < 1000; i++)
        put(big, N_ITEM, 1000);
    for (int i = 0; i < 100 * round; i++)
        put(cache, N_SESSION, 100);
}

START_TEST(series__what_grows__is_found_and_what_is_merely_large_is_not)
{
    struct mid__series series = {0};
    for (int round = 1; round <= 3; round++) {
        grow_world(round);
        add_to(&series);
    }
    ck_assert_uint_eq(series.snapshots, 3);
    struct seen s = look(&series);
    ck_assert_uint_eq(s.suspects.count, 2);
    ck_assert_int_eq(s.suspects.list[0].kind, MID__SUSPECT_HOLDER);
    ck_assert_uint_eq(s.suspects.list[0].node, 3);
    ck_assert_uint_eq(s.suspects.list[0].bytes, 20000);
    ck_assert_uint_eq(s.suspects.list[0].whole, 20000);
    ck_assert_int_eq(s.suspects.list[1].kind, MID__SUSPECT_GROWTH);
    ck_assert_uint_eq(s.suspects.list[1].entries, 300);
    ck_assert_uint_eq(s.suspects.list[1].of_place, 200);
    forget(&s);
    mid__series_free(&series);
}
END_TEST

START_TEST(series__what_does_not_grow_each_time__is_no_suspect)
{
    static const int rounds[] = {1, 5, 3};
    struct mid__series series = {0};
    for (int i = 0; i < 3; i++) {
        grow_world(rounds[i]);
        add_to(&series);
    }
    struct seen s = look(&series);
    ck_assert_uint_eq(s.suspects.count, 0);
    forget(&s);
    mid__series_free(&series);
}
END_TEST

/* The nodes from `first` on get ids that no node had before. */
static void renew_ids(unsigned first, int round)
{
    for (unsigned i = first; i < world.count; i++)
        world.id[i] = 100001 + 2 * (NODES_MAX * (unsigned)round + i);
}

/* The leak is a tenth of the index, all of which is new in each snapshot. */
START_TEST(series__what_is_made_anew__has_not_grown)
{
    struct mid__series series = {0};
    for (int round = 1; round <= 3; round++) {
        begin();
        unsigned owner = put(1, N_OWNER, 16), cache = put(1, N_CACHE, 16);
        for (int i = 0; i < 100 * round; i++)
            put(cache, N_SESSION, 100);
        unsigned index = put(owner, N_ARRAY, 16);
        for (int i = 0; i < 500; i++)
            put(index, N_ITEM, 400);
        renew_ids(index, round);
        add_to(&series);
    }
    struct seen s = look(&series);
    ck_assert_uint_ge(s.suspects.count, 1);
    for (size_t i = 0; i < s.suspects.count; i++)
        ck_assert(s.suspects.list[i].kind == MID__SUSPECT_GROWTH || s.suspects.list[i].node == 3);
    ck_assert_uint_eq(s.suspects.list[0].node, 3);
    ck_assert_uint_eq(s.suspects.list[0].bytes, 20000);
    forget(&s);
    mid__series_free(&series);
}
END_TEST

/* A list that is copied with one entry more: the copy weighs what it has more. */
START_TEST(series__a_copy_that_is_larger__has_grown_by_the_difference)
{
    struct mid__series series = {0};
    for (int round = 1; round <= 3; round++) {
        begin();
        unsigned owner = put(1, N_OWNER, 16), list = put(owner, N_ARRAY, 16);
        for (int i = 0; i < 300 + 100 * round; i++)
            put(list, N_ITEM, 100);
        renew_ids(list, round);
        add_to(&series);
    }
    struct seen s = look(&series);
    ck_assert_uint_ge(s.suspects.count, 1);
    ck_assert_uint_eq(s.suspects.list[0].node, 3);
    ck_assert_uint_eq(s.suspects.list[0].owner, 2);
    ck_assert_uint_eq(s.suspects.list[0].bytes, 20000);
    forget(&s);
    mid__series_free(&series);
}
END_TEST

START_TEST(series__in_a_heap_that_shrinks__a_leak_is_found_all_the_same)
{
    struct mid__series series = {0};
    for (int round = 1; round <= 3; round++) {
        begin();
        unsigned cache = put(1, N_CACHE, 16), big = put(1, N_ARRAY, 16);
        for (int i = 0; i < 100 * round; i++)
            put(cache, N_ITEM, 100);
        for (int i = 0; i < 1000 - 300 * round; i++)
            put(big, N_ITEM, 1000);
        for (unsigned i = big + 1; i < world.count; i++)
            world.id[i] += 2000; /* ids of the one never go to the other */
        add_to(&series);
    }
    struct seen s = look(&series);
    ck_assert_uint_eq(s.suspects.count, 1);
    ck_assert_uint_eq(s.suspects.list[0].node, 2);
    ck_assert_uint_eq(s.suspects.list[0].bytes, 20000);
    forget(&s);
    mid__series_free(&series);
}
END_TEST

START_TEST(series__a_leak_that_rests_once__is_found_in_a_longer_one)
{
    static const int rounds[] = {1, 2, 2, 3, 4};
    struct mid__series series = {0};
    for (int i = 0; i < 5; i++) {
        grow_world(rounds[i]);
        add_to(&series);
    }
    struct seen s = look(&series);
    ck_assert_uint_eq(s.suspects.count, 2);
    ck_assert_uint_eq(s.suspects.list[0].node, 3);
    ck_assert_uint_eq(s.suspects.list[0].grown, 3);
    ck_assert_uint_eq(s.suspects.list[0].snapshots, 5);
    forget(&s);
    mid__series_free(&series);
}
END_TEST

START_TEST(series__objects_that_are_gone__leave_the_table)
{
    struct mid__series series = {0};
    grow_world(2);
    add_to(&series);
    size_t all = series.object_count;
    ck_assert_uint_eq(all, world.count);
    grow_world(1);
    add_to(&series);
    ck_assert_uint_eq(series.object_count, all - 100);
    for (size_t i = 1; i < series.object_count; i++)
        ck_assert_uint_lt(series.objects[i - 1].id, series.objects[i].id);
    mid__series_free(&series);
}
END_TEST

START_TEST(suspects__without_their_parts__are_refused)
{
    struct mid__series series = {0};
    struct mid__suspects found;
    grow_world(1);
    struct mid__graph *g = read_world();
    struct mid__classes *c = classify(g);
    mid__graph_drop(g, MID__PART_DOMINATED | MID__PART_BY_ID);
    ck_assert_int_eq(mid__suspects_find(g, c, NULL, NULL, NULL, &found), MID_E_INVALID);
    ck_assert_int_eq(mid__series_add(&series, g, c), MID_E_INVALID);
    mid__series_free(&series);
    mid__classes_free(c);
    mid__graph_free(g);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("suspects");
    tcase_add_test(c, holder__of_many_entries__is_found_with_its_owner);
    tcase_add_test(c, holders__two_of_them__are_both_found_in_order);
    tcase_add_test(c, chain__of_nodes__has_its_head_for_holder);
    tcase_add_test(c, collection__without_an_outsized_share__is_named_last);
    tcase_add_test(c, class__in_many_places__is_found_with_its_holders);
    tcase_add_test(c, nothing__in_an_even_heap__is_suspected);
    tcase_add_test(c, series__what_grows__is_found_and_what_is_merely_large_is_not);
    tcase_add_test(c, series__what_is_made_anew__has_not_grown);
    tcase_add_test(c, series__a_copy_that_is_larger__has_grown_by_the_difference);
    tcase_add_test(c, series__in_a_heap_that_shrinks__a_leak_is_found_all_the_same);
    tcase_add_test(c, series__a_leak_that_rests_once__is_found_in_a_longer_one);
    tcase_add_test(c, series__what_does_not_grow_each_time__is_no_suspect);
    tcase_add_test(c, series__objects_that_are_gone__leave_the_table);
    tcase_add_test(c, suspects__without_their_parts__are_refused);
    return run_suite("suspects", c, NULL);
}
