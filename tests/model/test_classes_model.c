/* SPDX-License-Identifier: MIT
 * Random small snapshots: interfaces, classes, comparison and paths against slow and obvious twins that share no code
 * with the library but the reader. SEED= plays a run again. The snapshots are odd on purpose: strings that stand twice
 * in the table, properties twice on an object, ids twice in the file, ids and sizes beyond 32 bits. */
#include <midden/internal/classes.h>
#include <midden/internal/diff.h>
#include <midden/internal/path.h>
#include <midden/internal/titles.h>

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX   60u
#define NAMES       14u
#define FIRST_NAME  8u /* in the string table; each name stands there twice */

static const char *const names[NAMES] = {"a",   "b",   "c",         "d",  "e",     "we,ird", "__proto__", "x'y",
                                         "{q}", "été", "long-name", "zz", "a\\\"b", "averyveryveryverylongname"};

struct plan {
    uint64_t random;
    uint32_t nodes, edges;
    bool twice, wide; /* ids that stand twice in the file; ids and sizes beyond 32 bits */
};

static uint32_t pick(struct plan *p, uint32_t below)
{
    return (uint32_t)(test_random(&p->random) % below);
}

/* ---- a random snapshot as text */

static void write_nodes(struct plan *p, FILE *f, uint32_t *edges_of)
{
    fprintf(f, "\"nodes\":[9,1,1,0,%u", (unsigned)edges_of[0]);
    for (uint32_t n = 1; n < p->nodes; n++) {
        uint32_t kind = pick(p, 10), type = kind < 6 ? 3 : kind < 7 ? 8 : kind < 8 ? 5 : 2;
        uint32_t name = type == 3 && pick(p, 4) != 0 ? 2 : 3 + pick(p, 5); /* most objects are plain */
        uint64_t id = 3 + 2 * (uint64_t)n, size = pick(p, 5) == 0 ? 0 : pick(p, 200);
        if (p->twice && pick(p, 8) == 0)
            id = 3 + 2 * (uint64_t)pick(p, p->nodes);
        if (p->wide && pick(p, 8) == 0)
            id += (uint64_t)1 << 33;
        if (p->wide && pick(p, 8) == 0)
            size += (uint64_t)1 << 34;
        fprintf(f, ",%u,%u,%llu,%llu,%u", (unsigned)type, (unsigned)name, (unsigned long long)id,
                (unsigned long long)size, (unsigned)edges_of[n]);
    }
    fputs("],", f);
}

static void write_edges(struct plan *p, FILE *f, const uint32_t *edges_of)
{
    const char *comma = "";
    fputs("\"edges\":[", f);
    for (uint32_t n = 0; n < p->nodes; n++) {
        for (uint32_t e = 0; e < edges_of[n]; e++) {
            static const unsigned types[] = {2, 2, 2, 2, 1, 3, 6};
            unsigned type = n == 0 ? (pick(p, 2) ? 5 : 1) : types[pick(p, 7)];
            unsigned name = type == 1 ? pick(p, 9) : FIRST_NAME + pick(p, 2 * NAMES);
            fprintf(f, "%s%u,%u,%u", comma, type, name, 5 * (unsigned)(1 + pick(p, p->nodes - 1)));
            comma = ",";
        }
    }
    fputs("],", f);
}

static struct mid__graph *random_graph(struct plan *p)
{
    char *text = NULL;
    size_t length = 0;
    FILE *f = open_memstream(&text, &length);
    uint32_t edges_of[NODES_MAX];
    p->nodes = 2 + pick(p, NODES_MAX - 2);
    p->edges = 0;
    for (uint32_t n = 0; n < p->nodes; n++)
        p->edges += edges_of[n] = n == 0 ? 1 + pick(p, 4) : pick(p, 9);
    fprintf(f, "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],"
               "\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\","
               "\"native\",\"synthetic\"],\"string\",\"number\",\"number\",\"number\"],"
               "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[[\"context\",\"element\","
               "\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],\"string_or_number\",\"node\"],"
               "\"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]},"
               "\"node_count\":%u,\"edge_count\":%u},", (unsigned)p->nodes, (unsigned)p->edges);
    write_nodes(p, f, edges_of);
    write_edges(p, f, edges_of);
    fputs("\"locations\":[", f);
    for (uint32_t n = 1, some = 0; n < p->nodes; n += 1 + pick(p, 6))
        fprintf(f, "%s%u,7,%u,3", some++ ? "," : "", 5 * (unsigned)n, (unsigned)pick(p, 2));
    fputs("],\"strings\":[\"\",\"\",\"Object\",\"A\",\"B\",\"<div x>\",\"<div y>\",\"A\"", f);
    for (unsigned twice = 0; twice < 2; twice++)
        for (unsigned i = 0; i < NAMES; i++)
            fprintf(f, ",\"%s\"", names[i]);
    fputs("]}", f);
    fclose(f);
    struct mid__graph *g;
    struct mid__graph_error error;
    enum mid_status status = mid__graph_load_memory(text, length, NULL, &g, &error);
    ck_assert_msg(status == MID_OK, "%s\n%s", error.message, text);
    ck_assert_int_eq(mid__graph_analyze(g, MID__PARTS_FIGURES | MID__PART_DOMINATED | MID__PART_BY_ID, &error), MID_OK);
    free(text);
    return g;
}

/* ---- the twins */

static const char *decoded_names[NAMES] = {"a",   "b",   "c",         "d",  "e",    "we,ird", "__proto__", "x'y",
                                           "{q}", "été", "long-name", "zz", "a\"b", "averyveryveryverylongname"};
static const char *braced_names[NAMES] = {"a",   "b",   "c",         "d",  "e", "\"we,ird\"", "", "\"x'y\"",
                                          "\"{q}\"", "été", "long-name", "zz", "\"a\\\"b\"", "averyveryveryverylongname"};
#define PROTO_NAME 6u

struct slow_interface {
    char name[256];
    unsigned properties; /* bits of names */
    unsigned property_count;
    unsigned long count;
};

static unsigned name_of_edge(const struct mid__graph *g, uint32_t e)
{
    return (g->edge_name[e] - FIRST_NAME) % NAMES;
}

static size_t units_of(const char *utf8)
{
    size_t units = 0;
    for (; *utf8 != '\0'; utf8++)
        units += ((unsigned char)*utf8 & 0xc0) != 0x80;
    return units;
}

static bool is_plain(const struct mid__graph *g, uint32_t n)
{
    return g->node_type[n] == MID__NODE_OBJECT && g->node_name[n] == 2;
}

static bool slow_candidate(const struct mid__graph *g, uint32_t n, struct slow_interface *to)
{
    memset(to, 0, sizeof *to);
    strcpy(to->name, "{");
    for (uint32_t e = g->first_edge[n]; e < g->first_edge[n + 1]; e++) {
        unsigned name = name_of_edge(g, e);
        if (g->edge_type[e] != MID__EDGE_PROPERTY || name == PROTO_NAME)
            continue;
        if (units_of(to->name) > 1 && units_of(to->name) + units_of(braced_names[name]) > 120)
            break;
        if (units_of(to->name) > 1)
            strcat(to->name, ", ");
        strcat(to->name, braced_names[name]);
        to->properties |= 1u << name;
        to->property_count++;
    }
    strcat(to->name, "}");
    return to->property_count != 0;
}

static size_t slow_interfaces(const struct mid__graph *g, struct slow_interface *list)
{
    size_t count = 0, kept = 0, objects = 0;
    for (uint32_t n = 0; n < g->node_count; n++) {
        struct slow_interface one;
        objects += is_plain(g, n);
        if (!is_plain(g, n) || !slow_candidate(g, n, &one))
            continue;
        size_t i = 0;
        while (i < count && strcmp(list[i].name, one.name) != 0)
            i++;
        if (i == count)
            list[count++] = one;
        list[i].count++;
    }
    for (size_t i = 1; i < count; i++) /* insertion keeps the order of equal ones */
        for (size_t j = i; j > 0 && list[j].count > list[j - 1].count; j--) {
            struct slow_interface swap = list[j];
            list[j] = list[j - 1];
            list[j - 1] = swap;
        }
    while (kept < count && list[kept].count >= 2 && (double)list[kept].count >= (double)objects / 1000)
        kept++;
    return kept;
}

/* "script,line,column,name" or ",name" of a node, with the interfaces (count 0: without). */
static void slow_key(const struct mid__graph *g, const struct slow_interface *list, size_t count, uint32_t n, char *key)
{
    static const char *const strings[] = {"", "", "Object", "A", "B", "<div>", "<div>", "A"};
    const char *name = "?";
    unsigned has = 0;
    long best = -1;
    for (uint32_t e = g->first_edge[n]; e < g->first_edge[n + 1]; e++)
        if (g->edge_type[e] == MID__EDGE_PROPERTY)
            has |= 1u << name_of_edge(g, e);
    for (size_t i = 0; i < count && is_plain(g, n); i++)
        if ((list[i].properties & ~has) == 0 && (best < 0 || list[i].property_count > list[best].property_count))
            best = (long)i;
    switch (g->node_type[n]) {
    case MID__NODE_SYNTHETIC:
        name = "(synthetic)";
        break;
    case MID__NODE_CLOSURE:
        name = "Function";
        break;
    case MID__NODE_STRING:
        name = "(string)";
        break;
    default:
        name = best >= 0 ? list[best].name : strings[g->node_name[n]];
    }
    *key = '\0';
    for (uint32_t i = 0; i < g->location_count && g->node_type[n] == MID__NODE_OBJECT; i++)
        if (g->locations[i].node == n)
            sprintf(key, "7,%d,3", (int)g->locations[i].line);
    strcat(key, ",");
    strcat(key, name);
}

static void text_of(const char *bytes, size_t length, char *to)
{
    ck_assert_uint_lt(length, 300);
    memcpy(to, bytes, length);
    to[length] = '\0';
}

static void expect_classes(const struct mid__graph *g, const struct slow_interface *list, size_t count,
                           const struct mid__classes *c)
{
    static char keys[NODES_MAX][300];
    char key[300];
    for (uint32_t n = 0; n < g->node_count; n++) {
        size_t length;
        slow_key(g, list, count, n, keys[n]);
        const char *text = mid__class_key(c, c->of_node[n], &length);
        text_of(text, length, key);
        ck_assert_str_eq(key, keys[n]);
    }
    for (uint32_t i = 0; i < c->count; i++) {
        uint64_t objects = 0, shallow = 0, retained = 0;
        for (uint32_t n = 0; n < g->node_count; n++) {
            if (c->of_node[n] != i || mid__graph_size(g, n) == 0)
                continue;
            bool open = false; /* an ancestor of the class that counts */
            for (uint32_t a = n; a != g->root && !open;) {
                a = g->dominator[a];
                open = c->of_node[a] == i && mid__graph_size(g, a) != 0;
            }
            objects++;
            shallow += mid__graph_size(g, n);
            retained += open ? 0 : g->retained[n];
        }
        ck_assert_uint_eq(c->list[i].count, objects);
        ck_assert_uint_eq(c->list[i].shallow, shallow);
        ck_assert_uint_eq(c->list[i].retained, retained);
    }
}

static void expect_interfaces(const struct mid__interfaces *in, const struct slow_interface *list, size_t count)
{
    char name[300];
    ck_assert_uint_eq(in->count, count);
    for (uint32_t i = 0; i < in->count; i++) {
        size_t length;
        const char *text = mid__intern_get(&in->texts, in->list[i].name, &length);
        text_of(text, length, name);
        ck_assert_str_eq(name, list[i].name);
        ck_assert_uint_eq(in->list[i].object_count, list[i].count);
        ck_assert_uint_eq(in->list[i].property_count, list[i].property_count);
        for (uint32_t p = 0; p < in->list[i].property_count; p++) {
            unsigned known = 0;
            text = mid__intern_get(&in->texts, in->properties[in->list[i].first_property + p], &length);
            text_of(text, length, name);
            while (known < NAMES && strcmp(decoded_names[known], name) != 0)
                known++;
            ck_assert(known < NAMES && (list[i].properties & 1u << known) != 0);
        }
    }
}

START_TEST(classes__of_random_snapshots__are_those_of_the_twin)
{
    static struct slow_interface list[NODES_MAX];
    struct plan p = {.random = test_seed("classes")};
    for (unsigned long round = test_rounds(3000); round != 0; round--) {
        p.twice = pick(&p, 2);
        p.wide = pick(&p, 2);
        struct mid__graph *g = random_graph(&p);
        struct mid__interfaces *in;
        struct mid__classes *c;
        size_t count = slow_interfaces(g, list);
        ck_assert_int_eq(mid__interfaces_infer(g, &in), MID_OK);
        expect_interfaces(in, list, count);
        ck_assert_int_eq(mid__classes_build(g, in, true, &c), MID_OK);
        expect_classes(g, list, count, c);
        mid__classes_free(c);
        ck_assert_int_eq(mid__classes_build(g, NULL, true, &c), MID_OK);
        expect_classes(g, list, 0, c);
        mid__classes_free(c);
        mid__interfaces_free(in);
        mid__graph_free(g);
    }
}
END_TEST

/* ---- comparison: one class and one id at a time; of several nodes with one id as many pairs as there can be */

static bool matches(const struct mid__graph *g, const struct mid__classes *c, uint32_t n, const char *key, uint64_t id)
{
    size_t length;
    const char *have = mid__class_key(c, c->of_node[n], &length);
    return mid__graph_size(g, n) != 0 && mid__graph_id(g, n) == id && strlen(key) == length &&
           memcmp(have, key, length) == 0;
}

static uint64_t unpaired(const struct mid__graph *g, const struct mid__classes *c, const struct mid__graph *other,
                         const struct mid__classes *other_classes, const char *key, uint64_t *size)
{
    uint64_t alone = 0;
    *size = 0;
    for (uint32_t n = 0; n < g->node_count; n++) {
        uint64_t id = mid__graph_id(g, n);
        uint32_t before = 0, there = 0;
        if (!matches(g, c, n, key, id))
            continue;
        for (uint32_t m = 0; m < n; m++)
            before += matches(g, c, m, key, id);
        for (uint32_t m = 0; m < other->node_count; m++)
            there += matches(other, other_classes, m, key, id);
        alone += before >= there;
        *size += before >= there ? mid__graph_size(g, n) : 0;
    }
    return alone;
}

/* Of nodes that share an id it is open which of them are paired, and so which sizes count. */
static void expect_diff(const struct mid__diff *d, bool exact_sizes, const struct mid__graph *old,
                        const struct mid__classes *old_classes, const struct mid__graph *new, const struct mid__classes *new_classes)
{
    uint64_t added = 0, removed = 0, in_old = 0, in_new = 0;
    for (uint32_t i = 0; i < d->row_count; i++) {
        char key[300];
        size_t length;
        const char *text = mid__intern_get(&d->texts, d->rows[i].key, &length);
        text_of(text, length, key);
        uint64_t added_size, removed_size;
        ck_assert_uint_eq(d->rows[i].added, unpaired(new, new_classes, old, old_classes, key, &added_size));
        ck_assert_uint_eq(d->rows[i].removed, unpaired(old, old_classes, new, new_classes, key, &removed_size));
        ck_assert(!exact_sizes || d->rows[i].added_size == added_size);
        ck_assert(!exact_sizes || d->rows[i].removed_size == removed_size);
        added += d->rows[i].added;
        removed += d->rows[i].removed;
    }
    for (uint32_t n = 0; n < old->node_count; n++)
        in_old += mid__graph_size(old, n) != 0;
    for (uint32_t n = 0; n < new->node_count; n++)
        in_new += mid__graph_size(new, n) != 0;
    ck_assert_uint_eq(in_old - removed, in_new - added); /* what is common is the same on both sides */
}

START_TEST(diff__of_random_snapshots__is_that_of_the_twin)
{
    struct plan p = {.random = test_seed("diff")};
    for (unsigned long round = test_rounds(600); round != 0; round--) {
        p.twice = pick(&p, 2);
        p.wide = pick(&p, 2);
        struct mid__graph *old = random_graph(&p), *new = random_graph(&p);
        struct mid__interfaces *in;
        struct mid__classes *oc, *nc;
        struct mid__diff *d;
        ck_assert_int_eq(mid__interfaces_infer(new, &in), MID_OK);
        ck_assert_int_eq(mid__classes_build(new, in, false, &nc), MID_OK);
        ck_assert_int_eq(mid__classes_build(old, in, false, &oc), MID_OK);
        ck_assert_int_eq(mid__diff_create(&d), MID_OK);
        ck_assert_int_eq(mid__diff_take_new(d, new, nc, NULL), MID_OK);
        ck_assert_int_eq(mid__diff_take_old(d, old, oc, NULL), MID_OK);
        expect_diff(d, !p.twice, old, oc, new, nc);
        mid__diff_free(d);
        mid__classes_free(oc);
        mid__classes_free(nc);
        mid__interfaces_free(in);
        mid__graph_free(old);
        mid__graph_free(new);
    }
}
END_TEST

START_TEST(paths__in_random_snapshots__step_down_by_one)
{
    struct plan p = {.random = test_seed("paths")};
    for (unsigned long round = test_rounds(2000); round != 0; round--) {
        struct mid__graph *g = random_graph(&p);
        uint32_t *edges;
        ck_assert_int_eq(mid__path_edges(g, &edges), MID_OK);
        for (uint32_t n = 0; n < g->node_count; n++) {
            bool reached = n != g->root && g->distance[n] != MID__DISTANCE_NONE;
            ck_assert_int_eq(edges[n] != MID__PATH_NO_EDGE, reached);
            if (!reached)
                continue;
            uint32_t source = mid__graph_edge_source(g, edges[n]);
            ck_assert_uint_eq(g->edge_target[edges[n]], n);
            if (source == g->root && g->distance[n] == 1)
                continue;
            ck_assert_int_eq(g->distance[source] + 1, g->distance[n]);
            ck_assert_uint_ne(g->edge_type[edges[n]], MID__EDGE_WEAK);
        }
        free(edges);
        mid__graph_free(g);
    }
}
END_TEST

/* Back references of descriptor arrays are no way to arrive, although one stands first in the file and is as short. */
START_TEST(path__past_a_descriptor_array__takes_the_other_way)
{
    static const char text[] =
        "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],"
        "\"node_types\":[[\"array\",\"object\",\"synthetic\"],\"string\",\"number\",\"number\",\"number\"],"
        "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[[\"internal\",\"shortcut\",\"hidden\"],"
        "\"string_or_number\",\"node\"]},\"node_count\":5,\"edge_count\":5},"
        "\"nodes\":[2,0,1,0,1, 1,2,3,8,2, 0,1,5,8,1, 1,2,7,8,1, 1,2,9,8,0],"
        "\"edges\":[1,0,5, 0,0,10, 0,0,15, %u,%u,20, 0,0,20],\"strings\":[\"\",\"(map descriptors)\",\"X\",\"7\"]}";
    static const struct {
        unsigned type, name;
        uint64_t by; /* the id of the node before the last */
    } cases[] = {{2, 4, 7}, {2, 7, 7}, {2, 1, 5}, {2, 5, 5}, {0, 3, 7}, {0, 2, 5}};
    char whole[1024];
    struct mid__graph *g;
    struct mid__graph_error error;
    uint32_t *steps, count;
    snprintf(whole, sizeof whole, text, cases[_i].type, cases[_i].name);
    ck_assert_int_eq(mid__graph_load_memory(whole, strlen(whole), NULL, &g, &error), MID_OK);
    ck_assert_int_eq(mid__graph_analyze(g, MID__PART_DISTANCES, &error), MID_OK);
    ck_assert_int_eq(mid__path_to(g, 4, &steps, &count), MID_OK);
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(mid__graph_id(g, mid__graph_edge_source(g, steps[2])), cases[_i].by);
    free(steps);
    mid__graph_free(g);
}
END_TEST

/* ---- a ring of concatenated strings that are empty: DevTools would not come back */

START_TEST(title__of_a_ring_of_strings__ends)
{
    static const char text[] =
        "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],"
        "\"node_types\":[[\"concatenated string\",\"string\",\"synthetic\"],\"string\",\"number\",\"number\",\"number\"],"
        "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[[\"internal\"],\"string_or_number\","
        "\"node\"]},\"node_count\":3,\"edge_count\":5},\"nodes\":[2,0,1,0,1, 0,0,3,8,2, 0,0,5,8,2],"
        "\"edges\":[0,1,5, 0,1,10, 0,2,5, 0,1,5, 0,2,10],\"strings\":[\"\",\"first\",\"second\"]}";
    struct mid__graph *g;
    struct mid__graph_error error;
    struct mid__title title = {0};
    ck_assert_int_eq(mid__graph_load_memory(text, sizeof text - 1, NULL, &g, &error), MID_OK);
    mid__title_node(&title, g, 1);
    ck_assert(!title.failed);
    ck_assert_uint_eq(title.length, 0);
    mid__title_free(&title);
    mid__graph_free(g);
}
END_TEST

/* A character cut in two by the parts of a string is whole again in its name; two halves that are no pair stay. */
START_TEST(title__of_parts_that_cut_a_character__has_it_whole)
{
    static const char text[] =
        "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],"
        "\"node_types\":[[\"concatenated string\",\"string\",\"synthetic\"],\"string\",\"number\",\"number\",\"number\"],"
        "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[[\"internal\"],\"string_or_number\","
        "\"node\"]},\"node_count\":5,\"edge_count\":6},\"nodes\":[2,0,1,0,2, 0,0,3,8,2, 0,0,5,8,2, 1,3,7,8,0, 1,4,9,8,0],"
        "\"edges\":[0,1,5, 0,1,10, 0,1,15, 0,2,20, 0,1,20, 0,2,15],"
        "\"strings\":[\"\",\"first\",\"second\",\"a\\ud83d\",\"\\ude00b\"]}";
    static const char *const expected[] = {"a\xf0\x9f\x98\x80" "b", "\xed\xb8\x80" "ba\xed\xa0\xbd"};
    struct mid__graph *g;
    struct mid__graph_error error;
    struct mid__title title = {0};
    ck_assert_int_eq(mid__graph_load_memory(text, sizeof text - 1, NULL, &g, &error), MID_OK);
    for (uint32_t n = 1; n < 3; n++) {
        mid__title_clear(&title);
        mid__title_node(&title, g, n);
        ck_assert_uint_eq(title.length, strlen(expected[n - 1]));
        ck_assert_int_eq(memcmp(title.bytes, expected[n - 1], title.length), 0);
        ck_assert_uint_eq(title.units, 4);
    }
    mid__title_free(&title);
    mid__graph_free(g);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("classes");
    tcase_add_test(c, classes__of_random_snapshots__are_those_of_the_twin);
    tcase_add_test(c, diff__of_random_snapshots__is_that_of_the_twin);
    tcase_add_test(c, paths__in_random_snapshots__step_down_by_one);
    tcase_add_loop_test(c, path__past_a_descriptor_array__takes_the_other_way, 0, 6);
    tcase_add_test(c, title__of_a_ring_of_strings__ends);
    tcase_add_test(c, title__of_parts_that_cut_a_character__has_it_whole);
    return run_suite("classes model", c, NULL);
}
