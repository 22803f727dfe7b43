/* SPDX-License-Identifier: MIT
 * The index beside a dump: what it gives back is what was written; what does not fit the dump, is damaged or was made to do
 * harm is passed over; and no trouble with it is trouble with the dump. */
#include <midden/internal/index.h>
#include <midden/internal/path.h>

#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIXTURES "tests/golden/fixtures/"
static const char *const fixtures[] = {"tiny1.heapsnapshot", "tiny2.heapsnapshot", "tiny3.heapsnapshot",
                                       "tiny1-compact6.heapsnapshot", "node26-empty.heapsnapshot.gz"};

static char directory[] = "/tmp/midden-index-XXXXXX", dump[64], index_path[80], cache[64];

static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    char block[4096];
    ck_assert(in != NULL && out != NULL);
    for (size_t n; (n = fread(block, 1, sizeof block, in)) > 0;)
        ck_assert_uint_eq(fwrite(block, 1, n, out), n);
    fclose(in);
    ck_assert_int_eq(fclose(out), 0);
}

static void remove_all(void)
{
    char command[100];
    snprintf(command, sizeof command, "chmod -R u+rwX %s; rm -rf %s", directory, directory);
    ck_assert_int_eq(system(command), 0);
}

static void begin(const char *fixture)
{
    char from[100];
    strcpy(directory + sizeof directory - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(dump, sizeof dump, "%s/dump", directory);
    snprintf(index_path, sizeof index_path, "%s.midden", dump);
    snprintf(cache, sizeof cache, "%s/cache", directory);
    setenv("XDG_CACHE_HOME", cache, 1);
    snprintf(from, sizeof from, FIXTURES "%s", fixture);
    copy_file(from, dump);
}

static const struct mid__index_options beside = {NULL, 0};

/* NULL where the fixture is compressed and zlib is not there. */
static struct mid__graph *load_with(const struct mid__index_options *index)
{
    struct mid__graph_options options = {.index = index};
    struct mid__graph *g;
    struct mid__graph_error e;
    enum mid_status status = mid__graph_load(dump, &options, &g, &e);
    ck_assert_msg(status == MID_OK || strstr(e.message, "zlib") != NULL, "%s", e.message);
    return g;
}

static struct mid__graph *load(void)
{
    return load_with(&beside);
}

static enum mid_status write_index(struct mid__graph *g)
{
    struct mid__graph_error e;
    ck_assert_int_eq(mid__graph_analyze(g, MID__INDEX_PARTS, &e), MID_OK);
    return mid__index_write(g, dump, &e);
}

/* Writes an index of the dump; false where it cannot be read. */
static bool make_index(void)
{
    struct mid__graph *g = load();
    if (g == NULL)
        return false;
    ck_assert(!mid__graph_from_index(g));
    ck_assert_int_eq(write_index(g), MID_OK);
    mid__graph_free(g);
    return true;
}

static bool opens_from_index(void)
{
    struct mid__graph *g = load();
    bool from = mid__graph_from_index(g);
    mid__graph_free(g);
    return from;
}

/* ---- equal */

static void same_bytes(const char *what, const void *a, const void *b, size_t bytes)
{
    ck_assert_msg(bytes == 0 || ((a == NULL) == (b == NULL) && (a == NULL || memcmp(a, b, bytes) == 0)), "%s", what);
}
#define SAME(column, count) same_bytes(#column, a->column, b->column, (count) * sizeof a->column[0])

static void same_graph(const struct mid__graph *a, const struct mid__graph *b)
{
    const size_t n = a->node_count, e = a->edge_count;
    ck_assert(b->node_count == n && b->edge_count == e && b->root == a->root && b->strings.count == a->strings.count);
    ck_assert(a->total_size == b->total_size && a->input_bytes == b->input_bytes &&
              a->extra_native_bytes == b->extra_native_bytes && a->has_user_roots == b->has_user_roots);
    SAME(node_type, n);
    SAME(node_name, n);
    SAME(node_id32, n);
    SAME(node_id64, n);
    SAME(node_raw_size, n);
    SAME(node_size, n);
    SAME(first_edge, n + 1);
    SAME(node_detachedness, n);
    SAME(node_flags, n);
    SAME(node_trace_id, n);
    SAME(edge_type, e);
    SAME(edge_name, e);
    SAME(edge_target, e);
    SAME(locations, a->location_count);
    SAME(dominator, n);
    SAME(retained, n);
    SAME(distance, n);
    SAME(first_dominated, n + 1);
    SAME(dominated, n - 1);
    SAME(first_retainer, n + 1);
    SAME(retainer, e);
    SAME(by_id, n);
    ck_assert_str_eq(a->meta_json, b->meta_json);
    ck_assert_uint_eq(a->warning_count, b->warning_count);
    for (uint32_t i = 0; i < a->warning_count; i++)
        ck_assert_str_eq(a->warnings[i].message, b->warnings[i].message);
    for (uint32_t i = 0; i < mid__strings_total(&a->strings); i++)
        ck_assert_int_eq(mid__strings_compare(&a->strings, i, &b->strings, i), 0);
    for (uint32_t i = 0; i < n; i++) {
        ck_assert(mid__graph_raw_size(a, i) == mid__graph_raw_size(b, i) && mid__graph_size(a, i) == mid__graph_size(b, i));
        ck_assert_str_eq(mid__graph_node_type_name(a, a->node_type[i]), mid__graph_node_type_name(b, b->node_type[i]));
    }
}

static void same_classes(const struct mid__graph *a, const struct mid__graph *b, bool interfaces, bool retained)
{
    struct mid__interfaces *in[2] = {NULL, NULL};
    struct mid__classes *c[2];
    if (interfaces) {
        ck_assert_int_eq(mid__interfaces_infer(a, &in[0]), MID_OK);
        ck_assert_int_eq(mid__interfaces_infer(b, &in[1]), MID_OK);
        ck_assert_uint_eq(in[0]->count, in[1]->count);
        ck_assert(in[0]->origin == 0 && in[1]->origin != 0);
    }
    ck_assert_int_eq(mid__classes_build(a, in[0], retained, &c[0]), MID_OK);
    ck_assert_int_eq(mid__classes_build(b, in[1], retained, &c[1]), MID_OK);
    ck_assert(c[0]->own_of_node != NULL && c[1]->own_of_node == NULL);
    ck_assert_uint_eq(c[0]->count, c[1]->count);
    ck_assert_int_eq(memcmp(c[0]->of_node, c[1]->of_node, a->node_count * sizeof c[0]->of_node[0]), 0);
    for (uint32_t i = 0; i < c[0]->count; i++) {
        const struct mid__class *x = &c[0]->list[i], *y = &c[1]->list[i];
        size_t length[2];
        const char *key[2] = {mid__class_key(c[0], i, &length[0]), mid__class_key(c[1], i, &length[1])};
        ck_assert(x->count == y->count && x->shallow == y->shallow && x->retained == y->retained && x->distance == y->distance);
        ck_assert(x->name == y->name && length[0] == length[1] && memcmp(key[0], key[1], length[0]) == 0);
    }
    for (int i = 0; i < 2; i++) {
        mid__classes_free(c[i]);
        mid__interfaces_free(in[i]);
    }
}

START_TEST(index__written_and_opened__is_the_same_graph)
{
    begin(fixtures[_i]);
    struct mid__graph *a = load();
    struct mid__graph_error e;
    if (a == NULL)
        return;
    ck_assert(mid__index_possible(a));
    ck_assert_int_eq(write_index(a), MID_OK);
    for (int round = 0; round < 3; round++) { /* vouched for, not, and vouched for again */
        struct mid__graph *b = load();
        ck_assert(mid__graph_from_index(b) && !mid__index_possible(b));
        ck_assert_int_eq(mid__graph_analyze(a, MID__PARTS_ALL, &e), MID_OK);
        ck_assert_int_eq(mid__graph_analyze(b, MID__PARTS_ALL, &e), MID_OK);
        same_graph(a, b);
        struct mid__statistics x, y;
        ck_assert(mid__statistics_of(a, NULL, &x) == MID_OK && mid__statistics_of(b, NULL, &y) == MID_OK);
        ck_assert_int_eq(memcmp(&x, &y, sizeof x), 0);
        for (int i = 0; i < 4; i++)
            same_classes(a, b, i & 1, i & 2);
        mid__graph_drop(b, MID__PARTS_ALL);
        ck_assert_ptr_null(b->retainer);
        ck_assert_int_eq(mid__graph_analyze(b, MID__PARTS_ALL, &e), MID_OK);
        same_graph(a, b);
        ck_assert_int_eq(write_index(b), MID_E_INVALID);
        mid__graph_free(b);
        if (round == 0) {
            char command[100];
            snprintf(command, sizeof command, "rm -r %s/midden/vouched", cache);
            ck_assert_int_eq(system(command), 0);
        }
    }
    mid__graph_free(a);
    struct stat st;
    ck_assert_int_eq(stat(index_path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    remove_all();
}
END_TEST

/* Figures of one snapshot do not stand for another that has its interfaces applied. */
START_TEST(classes__interfaces_of_another__are_built)
{
    begin("tiny2.heapsnapshot");
    make_index();
    struct mid__graph *g = load(), *other;
    struct mid__graph_error e;
    struct mid__interfaces *in;
    struct mid__classes *classes;
    ck_assert(mid__graph_from_index(g));
    ck_assert_int_eq(mid__graph_load(FIXTURES "tiny1.heapsnapshot", NULL, &other, &e), MID_OK);
    ck_assert_int_eq(mid__interfaces_infer(other, &in), MID_OK);
    ck_assert_int_eq(mid__classes_build(g, in, true, &classes), MID_OK);
    ck_assert_ptr_nonnull(classes->own_of_node);
    mid__classes_free(classes);
    mid__interfaces_free(in);
    mid__graph_free(other);
    mid__graph_free(g);
    remove_all();
}
END_TEST

/* ---- passed over */

static void append(const char *path, const char *text)
{
    FILE *f = fopen(path, "ab");
    ck_assert(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

START_TEST(index__dump_is_another__is_not_used_and_written_anew)
{
    begin("tiny2.heapsnapshot");
    make_index();
    ck_assert(opens_from_index());
    struct timespec times[2] = {{0, UTIME_OMIT}, {12345, 678}};
    ck_assert_int_eq(utimensat(AT_FDCWD, dump, times, 0), 0);
    ck_assert(!opens_from_index());
    make_index();
    ck_assert(opens_from_index());
    append(dump, "\n");
    ck_assert_int_eq(utimensat(AT_FDCWD, dump, times, 0), 0);
    ck_assert_msg(!opens_from_index(), "another size, the same time");
    make_index();
    int fd = open(dump, O_RDWR); /* another content of the same size and time: one digit of an edge */
    char text[4096], *digit;
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    ck_assert_int_gt(n, 0);
    text[n] = '\0';
    digit = strstr(text, "\"edges\":[") + 9;
    ck_assert_int_eq(pwrite(fd, *digit == '1' ? "3" : "1", 1, digit - text), 1);
    close(fd);
    ck_assert_int_eq(utimensat(AT_FDCWD, dump, times, 0), 0);
    ck_assert_msg(!opens_from_index(), "another content");
    remove_all();
}
END_TEST

START_TEST(index__dump_changes_while_it_is_read__is_not_written)
{
    begin("tiny2.heapsnapshot");
    struct mid__graph *g = load();
    append(dump, " ");
    ck_assert_int_eq(write_index(g), MID_E_IO);
    ck_assert_int_ne(access(index_path, F_OK), 0);
    mid__graph_free(g);
    remove_all();
}
END_TEST

START_TEST(index__others_may_write_to_it__is_not_used)
{
    begin("tiny2.heapsnapshot");
    make_index();
    ck_assert_int_eq(chmod(index_path, 0622), 0);
    ck_assert(!opens_from_index());
    ck_assert_int_eq(chmod(index_path, 0600), 0);
    ck_assert(opens_from_index());
    ck_assert_int_eq(rename(index_path, cache[0] != '\0' ? strcat(strcpy(cache, directory), "/else") : NULL), 0);
    ck_assert_int_eq(symlink(cache, index_path), 0);
    ck_assert_msg(!opens_from_index(), "a link");
    ck_assert_int_eq(unlink(index_path), 0);
    ck_assert_int_eq(mkdir(index_path, 0700), 0);
    ck_assert(!opens_from_index());
    ck_assert_int_eq(rmdir(index_path), 0);
    ck_assert_int_eq(mkfifo(index_path, 0600), 0);
    ck_assert(!opens_from_index());
    remove_all();
}
END_TEST

static unsigned char *read_index(size_t *bytes)
{
    struct stat st;
    int fd = open(index_path, O_RDONLY);
    ck_assert(fd >= 0 && fstat(fd, &st) == 0);
    *bytes = (size_t)st.st_size;
    unsigned char *p = aligned_alloc(64, (*bytes + 63) / 64 * 64);
    ck_assert_int_eq(read(fd, p, *bytes), (ssize_t)*bytes);
    close(fd);
    return p;
}

static enum mid_status load_bytes(unsigned char *p, size_t bytes, struct mid__graph **g)
{
    struct mid__graph_error e;
    return mid__index_load_memory(p, bytes, NULL, g, &e);
}

/* Only what is between sections may change unseen. */
START_TEST(index__a_byte_is_changed__is_noticed_or_no_part_of_it)
{
    begin("tiny2.heapsnapshot");
    make_index();
    struct mid__graph *whole = load(), *g;
    size_t bytes, unseen = 0, seen = 0;
    unsigned char *p = read_index(&bytes);
    for (size_t at = 0; at < bytes; at += at % 65536 < 2600 ? 1 : 997) {
        p[at] ^= 0x10;
        if (load_bytes(p, bytes, &g) == MID_OK) {
            unseen++;
            same_bytes("node_name", whole->node_name, g->node_name, whole->node_count * 4);
            same_bytes("retained", whole->retained, g->retained, whole->node_count * 8);
            mid__graph_free(g);
        } else {
            seen++;
        }
        p[at] ^= 0x10;
    }
    ck_assert_uint_gt(seen, 4000);
    ck_assert_uint_gt(unseen, 0);
    free(p);
    mid__graph_free(whole);
    remove_all();
}
END_TEST

START_TEST(index__cut__is_noticed)
{
    begin("tiny2.heapsnapshot");
    make_index();
    struct mid__graph *g;
    size_t bytes;
    unsigned char *p = read_index(&bytes);
    for (size_t cut = 0; cut < bytes; cut += cut < 4096 ? 64 : 8192)
        ck_assert_int_ne(load_bytes(p, cut, &g), MID_OK);
    ck_assert_int_eq(truncate(index_path, (off_t)bytes - 65536), 0);
    ck_assert(!opens_from_index());
    make_index();
    ck_assert(opens_from_index());
    int fd = open(index_path, O_RDWR);
    ck_assert_int_eq(pwrite(fd, "x", 1, 65536), 1);
    close(fd);
    ck_assert_msg(!opens_from_index(), "changed in its place, and so no longer vouched for");
    free(p);
    remove_all();
}
END_TEST

/* ---- made to do harm: checksums are right, content is anything */

static uint64_t walk(struct mid__graph *g)
{
    struct mid__graph_error e;
    struct mid__interfaces *in = NULL;
    struct mid__classes *c = NULL;
    uint32_t *steps, count;
    uint64_t sum = 0;
    char name[100];
    ck_assert_int_eq(mid__graph_analyze(g, MID__PARTS_ALL, &e), MID_OK);
    if (mid__interfaces_infer(g, &in) == MID_OK && mid__classes_build(g, in, true, &c) == MID_OK) {
        for (uint32_t i = 0; i < g->node_count; i++)
            sum += c->list[c->of_node[i]].count;
        mid__classes_free(c);
    }
    mid__interfaces_free(in);
    for (uint32_t n = 0; n < g->node_count; n++) {
        sum += mid__strings_get(&g->strings, g->node_name[n], name, sizeof name) + mid__graph_size(g, n);
        for (uint32_t d = n; d != g->root; d = g->dominator[d])
            sum++;
        for (uint32_t e_ = g->first_edge[n]; e_ < g->first_edge[n + 1]; e_++)
            sum += g->node_type[g->edge_target[e_]] + (mid__edge_is_numbered(g->edge_type[e_])
                                                          ? 1
                                                          : mid__strings_hash(&g->strings, g->edge_name[e_]));
        (void)mid__graph_location_of(g, n);
    }
    if (mid__path_to(g, g->node_count - 1, &steps, &count) == MID_OK)
        free(steps);
    mid__graph_drop(g, MID__PARTS_ALL);
    ck_assert_int_eq(mid__graph_analyze(g, MID__PARTS_ALL, &e), MID_OK);
    return sum;
}

START_TEST(index__hostile__never_leads_a_reader_astray)
{
    begin(fixtures[_i % 3]);
    make_index();
    size_t bytes, read = 0;
    unsigned char *p = read_index(&bytes), *copy = aligned_alloc(64, (bytes + 63) / 64 * 64);
    uint64_t random = test_seed("index__hostile") + 2 * (uint64_t)_i + 1, sum = 0;
    for (unsigned long round = 0; round < test_rounds(600); round++) {
        memcpy(copy, p, bytes);
        for (unsigned k = 1 + (unsigned)(test_random(&random) >> 33) % 3; k > 0; k--) {
            /* in the first bytes of a section, where the small ones have their content, or in the header */
            size_t block = (size_t)(test_random(&random) >> 33) % (bytes / 65536);
            size_t at = block * 65536 + (size_t)(test_random(&random) >> 33) % (block == 0 ? 400 : 160);
            if (test_random(&random) >> 63)
                copy[at] = (unsigned char)(test_random(&random) >> 33);
            else
                memset(copy + at / 4 * 4, test_random(&random) >> 63 ? 0xff : 0, 4);
        }
        mid__index_seal(copy, bytes);
        struct mid__graph *g;
        if (load_bytes(copy, bytes, &g) != MID_OK)
            continue;
        sum += walk(g);
        read++;
        mid__graph_free(g);
    }
    ck_assert(read != 0 && sum != 0);
    free(copy);
    free(p);
    remove_all();
}
END_TEST

/* ---- places */

START_TEST(index__dump_beside_which_nothing_can_be_written__lies_in_the_cache)
{
    begin("tiny2.heapsnapshot");
    ck_assert_int_eq(mkdir(index_path, 0700), 0); /* in the way, for root too */
    strcat(strcpy(index_path, directory), "/dump.midden/x");
    ck_assert_int_eq(mkdir(index_path, 0700), 0);
    struct mid__graph *g = load();
    ck_assert_int_eq(write_index(g), MID_OK);
    mid__graph_free(g);
    ck_assert(opens_from_index());
    remove_all();
}
END_TEST

START_TEST(index__directory_named__lies_there_alone)
{
    begin("tiny2.heapsnapshot");
    struct mid__index_options there = {cache, 0}, large = {NULL, (uint64_t)1 << 40};
    struct mid__graph *g = load_with(&there);
    ck_assert_int_eq(write_index(g), MID_E_IO); /* it is not made */
    ck_assert_int_eq(mkdir(cache, 0700), 0);
    ck_assert_int_eq(write_index(g), MID_OK);
    mid__graph_free(g);
    ck_assert(!opens_from_index());
    g = load_with(&there);
    ck_assert(mid__graph_from_index(g));
    mid__graph_free(g);
    g = load_with(&large);
    ck_assert(!mid__graph_from_index(g) && !mid__index_possible(g));
    mid__graph_free(g);
    g = load_with(NULL);
    ck_assert(!mid__graph_from_index(g) && !mid__index_possible(g));
    mid__graph_free(g);
    remove_all();
}
END_TEST

static bool stop_at_index(void *user, const char *phase, uint64_t done, uint64_t total)
{
    (void)user, (void)total;
    return strcmp(phase, "index") != 0 || done == 0;
}

START_TEST(index__stopped__leaves_nothing)
{
    begin("tiny2.heapsnapshot");
    struct mid__graph_options options = {.index = &beside, .progress = stop_at_index};
    struct mid__graph *g;
    struct mid__graph_error e;
    ck_assert_int_eq(mid__graph_load(dump, &options, &g, &e), MID_OK);
    ck_assert_int_eq(write_index(g), MID_E_BUSY);
    mid__graph_free(g);
    ck_assert_int_ne(access(index_path, F_OK), 0);
    remove_all();
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("index");
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, index__written_and_opened__is_the_same_graph, 0, sizeof fixtures / sizeof fixtures[0]);
    tcase_add_test(c, classes__interfaces_of_another__are_built);
    tcase_add_test(c, index__dump_is_another__is_not_used_and_written_anew);
    tcase_add_test(c, index__dump_changes_while_it_is_read__is_not_written);
    tcase_add_test(c, index__others_may_write_to_it__is_not_used);
    tcase_add_test(c, index__a_byte_is_changed__is_noticed_or_no_part_of_it);
    tcase_add_test(c, index__cut__is_noticed);
    tcase_add_loop_test(c, index__hostile__never_leads_a_reader_astray, 0, 6);
    tcase_add_test(c, index__dump_beside_which_nothing_can_be_written__lies_in_the_cache);
    tcase_add_test(c, index__directory_named__lies_there_alone);
    tcase_add_test(c, index__stopped__leaves_nothing);
    return run_suite("index", c, NULL);
}
