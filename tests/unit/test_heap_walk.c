/* SPDX-License-Identifier: MIT
 * Unit tests of the walk: objects, ordinals, edges, roots, ids that stay. */
#include "heap_kit.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

static struct kit kit;
static struct mid_slot none;

static void set_up(void)
{
    ck_assert_int_eq(kit_make(&kit, "semispace=256K"), MID_OK);
    none = mid_local(kit.heap, mid_null());
}

static void tear_down(void)
{
    kit_end(&kit);
}

START_TEST(walk__objects_everywhere__ordinals_count_up_and_sizes_sum_up)
{
    struct mid_slot list = mid_local(kit.heap, mid_null());
    for (unsigned i = 0; i < 9000; i++) {
        if (i % 10 == 0)
            mid_set(list, kit_pair(&kit, list, none, i));
        if (i % 1000 == 0)
            mid_local(kit.heap, mid_new_bytes(kit.heap, kit.bytes, 1500 * (i / 100)));
        mid_new_bytes(kit.heap, kit.bytes, i % 300);
    }
    mid_local(kit.heap, mid_new_array(kit.heap, kit.array, 600000));
    for (uint32_t flags = 0; flags < 2; flags++) {
        struct mid_walk *walk;
        struct mid_walk_object o = {.struct_size = sizeof o};
        ck_assert_int_eq(mid_walk_begin(kit.heap, flags, &walk), MID_OK);
        for (int pass = 0; pass < 2; pass++) {
            size_t count = 0, bytes = 0;
            while (mid_walk_next(walk, &o)) {
                ck_assert_uint_eq(o.ordinal, count++);
                ck_assert_uint_eq(mid_walk_ordinal(walk, o.ref), o.ordinal);
                ck_assert_uint_eq(o.id % 2, 1);
                ck_assert_uint_ge(o.id, MID_WALK_FIRST_ID);
                bytes += o.shallow_bytes;
            }
            struct mid_usage usage = {.struct_size = sizeof usage};
            mid_heap_usage(kit.heap, &usage);
            ck_assert_uint_eq(bytes, usage.heap_used);
            ck_assert_uint_eq(count, mid_walk_count(walk));
            ck_assert(flags == 0 || count == 900 + 9 + 1);
            mid_walk_rewind(walk);
        }
        ck_assert(mid_is_null(mid_new(kit.heap, kit.pair)));
        ck_assert_int_eq(mid_heap_collect(kit.heap, MID_COLLECT_FULL, NULL), MID_E_BUSY);
        struct mid_walk *second;
        ck_assert_int_eq(mid_walk_begin(kit.heap, 0, &second), MID_E_BUSY);
        mid_walk_end(walk);
    }
    struct mid_walk *walk;
    ck_assert_int_eq(mid_walk_begin(kit.heap, 8, &walk), MID_E_INVALID);
    mid_walk_end(NULL);
}
END_TEST

struct seen {
    struct mid_walk_edge edges[8];
    size_t count;
};

static void see(void *user, const struct mid_walk_edge *edge)
{
    struct seen *seen = user;
    seen->edges[seen->count++ % 8] = *edge;
}

START_TEST(edges__each_shape__kind_name_index_target)
{
    struct mid_slot a = mid_local(kit.heap, kit_pair(&kit, none, none, 1)), b = mid_local(kit.heap, kit_pair(&kit, a, a, 2));
    struct mid_slot t = mid_local(kit.heap, mid_new(kit.heap, kit.tagged)), f = mid_local(kit.heap, mid_new_array(kit.heap, kit.frame, 3));
    ((struct tagged *)mid_data(mid_get(t)))->mask = 5;
    mid_store(kit.heap, mid_get(t), &((struct tagged *)mid_data(mid_get(t)))->words[0], mid_get(a));
    mid_store(kit.heap, mid_get(t), &((struct tagged *)mid_data(mid_get(t)))->words[2], mid_get(b));
    mid_store(kit.heap, mid_get(f), &((struct frame *)mid_data(mid_get(f)))->slots[2], mid_get(b));
    struct mid_walk *walk;
    ck_assert_int_eq(mid_walk_begin(kit.heap, MID_WALK_COLLECT, &walk), MID_OK);
    struct seen s = {0};
    ck_assert_uint_eq(mid_walk_edge_count(walk, mid_get(b)), 2);
    mid_walk_edges(walk, mid_get(b), see, &s);
    ck_assert_uint_eq(s.count, 2);
    ck_assert_str_eq(s.edges[0].name, "left");
    ck_assert_uint_eq(s.edges[0].edge, MID_EDGE_PROPERTY);
    ck_assert_uint_eq(s.edges[1].edge, MID_EDGE_INTERNAL);
    ck_assert_uint_eq(s.edges[1].target_ordinal, mid_walk_ordinal(walk, mid_get(a)));
    mid_walk_edges(walk, mid_get(t), see, &s);
    ck_assert_str_eq(s.edges[2].name, "first");
    ck_assert_uint_eq(s.edges[3].edge, MID_EDGE_ELEMENT);
    ck_assert_uint_eq(s.edges[3].index, 2);
    ck_assert_uint_eq(mid_walk_edge_count(walk, mid_get(f)), 1);
    mid_walk_edges(walk, mid_get(f), see, &s);
    ck_assert_uint_eq(s.edges[4].index, 2);
    ck_assert(mid_same(s.edges[4].target, mid_get(b)));
    ck_assert_uint_eq(mid_walk_edge_count(walk, mid_get(a)), 0);
    mid_walk_end(walk);
}
END_TEST

static struct mid_ref shown;
static void show(void *user, struct mid_root_visitor *visitor)
{
    mid_root_slot(visitor, (struct mid_slot){&shown}, user);
}

struct root_log {
    unsigned count[MID_ROOT_KIND_COUNT];
    bool global, slot, watcher;
};

static void see_root(void *user, const struct mid_walk_root *root)
{
    struct root_log *log = user;
    ck_assert_ptr_nonnull(root->group);
    ck_assert(!mid_is_null(root->target));
    ck_assert_uint_eq(root->index, log->count[root->kind]);
    log->count[root->kind]++;
    if (root->label != NULL) {
        log->global |= root->kind == MID_ROOT_PERSISTENT && strcmp(root->label, "global") == 0;
        log->slot |= root->kind == MID_ROOT_CALLBACK && strcmp(root->label, "slot") == 0 && strcmp(root->group, "table") == 0;
        log->watcher |= root->kind == MID_ROOT_WEAK && strcmp(root->label, "watcher") == 0;
    }
}

START_TEST(roots__each_kind__kind_group_label)
{
    struct root_log log = {0};
    struct mid_slot a = mid_local(kit.heap, kit_pair(&kit, none, none, 1));
    mid_local(kit.heap, mid_get(a));
    struct mid_persistent *p = mid_persistent_new(kit.heap, mid_get(a), "global");
    struct mid_weak *w = mid_weak_new(kit.heap, mid_get(a), "watcher", NULL, NULL);
    static char label[] = "slot";
    shown = mid_get(a);
    mid_roots_add(kit.heap, "table", show, label);
    struct mid_walk *walk;
    ck_assert_int_eq(mid_walk_begin(kit.heap, MID_WALK_COLLECT, &walk), MID_OK);
    mid_walk_roots(walk, see_root, &log);
    mid_walk_end(walk);
    ck_assert_uint_eq(log.count[MID_ROOT_LOCAL], 2);
    ck_assert_uint_eq(log.count[MID_ROOT_PERSISTENT], 1);
    ck_assert_uint_eq(log.count[MID_ROOT_CALLBACK], 1);
    ck_assert_uint_eq(log.count[MID_ROOT_WEAK], 1);
    ck_assert(log.global && log.slot && log.watcher);
    mid_persistent_release(kit.heap, p);
    mid_weak_release(kit.heap, w);
    mid_roots_remove(kit.heap, show, label);
}
END_TEST

START_TEST(ids__moves_and_deaths__stay_and_are_never_given_again)
{
    enum { MANY = 500 };
    struct mid_slot slots[MANY];
    uint64_t ids[MANY], last = 0;
    for (unsigned i = 0; i < MANY; i++) {
        slots[i] = mid_local(kit.heap, kit_pair(&kit, none, none, i));
        ids[i] = mid_object_id(kit.heap, mid_get(slots[i]));
        ck_assert_uint_gt(ids[i], last);
        last = ids[i];
    }
    for (unsigned round = 0; round < 6; round++) {
        for (unsigned i = round; i < MANY; i += 7) {
            mid_set(slots[i], kit_pair(&kit, none, none, i));
            ids[i] = mid_object_id(kit.heap, mid_get(slots[i]));
            ck_assert_uint_gt(ids[i], last);
            last = ids[i];
        }
        mid_heap_collect(kit.heap, round % 3 == 2 ? MID_COLLECT_FULL : MID_COLLECT_SCAVENGE, NULL);
        for (unsigned i = 0; i < MANY; i++)
            ck_assert_uint_eq(mid_object_id(kit.heap, mid_get(slots[i])), ids[i]);
    }
    struct mid_walk *walk;
    struct mid_walk_object o = {.struct_size = sizeof o};
    ck_assert_int_eq(mid_walk_begin(kit.heap, MID_WALK_COLLECT, &walk), MID_OK);
    for (unsigned i = 0; i < MANY; i++)
        ck_assert_uint_eq(mid_walk_id(walk, mid_get(slots[i])), ids[i]);
    while (mid_walk_next(walk, &o))
        ck_assert_uint_ne(o.id, 0);
    mid_walk_end(walk);
    ck_assert_int_eq(mid_walk_begin(kit.heap, MID_WALK_NO_IDS, &walk), MID_OK);
    ck_assert(mid_walk_next(walk, &o));
    ck_assert_uint_eq(o.id, 0);
    mid_walk_end(walk);
}
END_TEST

static size_t describe(void *user, const void *data, size_t bytes, char *out, size_t capacity)
{
    (void)user, (void)bytes;
    uint64_t value = *(const uint64_t *)data;
    if (value == 0)
        return 0;
    memset(out, 'x', value < capacity ? value : capacity);
    return value;
}

START_TEST(names__described__are_cut_and_fall_back)
{
    struct mid_type type;
    struct mid_type_info info = {.struct_size = sizeof info, .name = "plain", .fixed_bytes = 8, .describe = describe};
    ck_assert_int_eq(mid_type_register(kit.heap, &info, &type), MID_OK);
    static const uint64_t values[] = {0, 3, 100000};
    for (int i = 0; i < 3; i++) {
        struct mid_slot s = mid_local(kit.heap, mid_new(kit.heap, type));
        *(uint64_t *)mid_data(mid_get(s)) = values[i];
    }
    struct mid_walk *walk;
    struct mid_walk_object o = {.struct_size = sizeof o};
    ck_assert_int_eq(mid_walk_begin(kit.heap, 0, &walk), MID_OK);
    ck_assert(mid_walk_next(walk, &o));
    ck_assert_str_eq(o.name, "plain");
    ck_assert(mid_walk_next(walk, &o));
    ck_assert_str_eq(o.name, "xxx");
    ck_assert(mid_walk_next(walk, &o));
    ck_assert_uint_eq(strlen(o.name), 255);
    ck_assert_str_eq(o.type_name, "plain");
    mid_walk_end(walk);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("heap_walk");
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, walk__objects_everywhere__ordinals_count_up_and_sizes_sum_up);
    tcase_add_test(c, edges__each_shape__kind_name_index_target);
    tcase_add_test(c, roots__each_kind__kind_group_label);
    tcase_add_test(c, ids__moves_and_deaths__stay_and_are_never_given_again);
    tcase_add_test(c, names__described__are_cut_and_fall_back);
    return run_suite("heap_walk", c, NULL);
}
