/* SPDX-License-Identifier: MIT
 * The pool seen from outside: OpenMetrics text, judged by a parser of its own and, where it is installed, by Prometheus'; the
 * map of the slabs; the figures of caches; and that figures are taken while others work. */
#include <midden/cache.h>

#include "alloc/pool_state.h"
#include "suite.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct mid_pool *pool;

static void begin(enum mid_pool_policy policy)
{
    struct mid_pool_options options;
    mid_pool_options_init(&options);
    options.policy = policy;
    ck_assert_int_eq(mid_pool_create(&options, &pool), MID_OK);
}

/* ---- a reader of OpenMetrics text, strict as far as midden writes it */

struct family {
    char name[100], type[20], unit[20];
    int samples, has_help;
};

static struct family families[200];
static size_t family_count;
static struct sample {
    char name[120], labels[400];
    unsigned long long value;
} samples[20000];
static size_t sample_count;

static const char *word(const char *at, char *out, size_t room)
{
    size_t n = 0;
    while (*at != ' ' && *at != '\n' && *at != '{' && n + 1 < room)
        out[n++] = *at++;
    out[n] = '\0';
    ck_assert_uint_gt(n, 0);
    return at;
}

static const char *read_comment(const char *at)
{
    char what[10], name[100], rest[200];
    at = word(at + 2, what, sizeof what);
    ck_assert_int_eq(*at, ' ');
    at = word(at + 1, name, sizeof name);
    ck_assert_int_eq(*at, ' ');
    size_t n = strcspn(++at, "\n");
    ck_assert_uint_lt(n, sizeof rest);
    memcpy(rest, at, n);
    rest[n] = '\0';
    if (strcmp(what, "TYPE") == 0) { /* a family begins, and was not there before */
        for (size_t i = 0; i < family_count; i++)
            ck_assert_str_ne(families[i].name, name);
        struct family *f = &families[family_count++];
        memset(f, 0, sizeof *f);
        snprintf(f->name, sizeof f->name, "%s", name);
        snprintf(f->type, sizeof f->type, "%.19s", rest);
        ck_assert(strcmp(rest, "gauge") == 0 || strcmp(rest, "counter") == 0);
        return at + n + 1;
    }
    struct family *f = &families[family_count - 1];
    ck_assert_str_eq(f->name, name);
    ck_assert_int_eq(f->samples, 0);
    if (strcmp(what, "UNIT") == 0) {
        size_t unit = strlen(rest), length = strlen(name);
        ck_assert(length > unit + 1 && name[length - unit - 1] == '_' && strcmp(name + length - unit, rest) == 0);
    } else {
        ck_assert_str_eq(what, "HELP");
        f->has_help++;
    }
    return at + n + 1;
}

static const char *read_labels(const char *at, char *out)
{
    const char *from = at;
    ck_assert_int_eq(*at++, '{');
    do {
        ck_assert(islower((unsigned char)*at));
        at += strspn(at, "abcdefghijklmnopqrstuvwxyz_");
        ck_assert_int_eq(*at++, '=');
        ck_assert_int_eq(*at++, '"');
        for (; *at != '"'; at++) {
            ck_assert_int_ne(*at, '\n');
            if (*at == '\\') {
                at++;
                ck_assert(*at == '\\' || *at == '"' || *at == 'n');
            }
        }
        at++;
    } while (*at++ == ',');
    ck_assert_int_eq(at[-1], '}');
    memcpy(out, from, (size_t)(at - from));
    out[at - from] = '\0';
    return at;
}

static const char *read_sample(const char *at)
{
    struct family *f = &families[family_count - 1];
    struct sample *s = &samples[sample_count++];
    char expected[120];
    at = read_labels(word(at, s->name, sizeof s->name), s->labels);
    snprintf(expected, sizeof expected, "%s%s", f->name, strcmp(f->type, "counter") == 0 ? "_total" : "");
    ck_assert_str_eq(s->name, expected); /* of the family that stands above */
    ck_assert_int_eq(*at++, ' ');
    char *end;
    ck_assert(isdigit((unsigned char)*at));
    s->value = strtoull(at, &end, 10);
    ck_assert_int_eq(*end, '\n');
    f->samples++;
    return end + 1;
}

static void read_all(const char *at)
{
    family_count = sample_count = 0;
    while (strcmp(at, "# EOF\n") != 0) {
        ck_assert_int_ne(*at, '\0');
        at = *at == '#' ? read_comment(at) : read_sample(at);
    }
    for (size_t i = 0; i < family_count; i++)
        ck_assert_int_eq(families[i].has_help, 1);
}

static unsigned long long value_of(const char *name, const char *labels)
{
    for (size_t i = 0; i < sample_count; i++)
        if (strcmp(samples[i].name, name) == 0 && strcmp(samples[i].labels, labels) == 0)
            return samples[i].value;
    ck_abort_msg("no sample %s%s", name, labels);
    return 0;
}

START_TEST(openmetrics__every_field__is_there_with_its_value)
{
    begin(_i == 0 ? MID_POOL_SIZE_CLASS : MID_POOL_SEQUENTIAL);
    void *p = mid_pool_alloc(pool, 77), *q = mid_pool_alloc(pool, 77777);
    memset(p, 1, 77);
    mid_pool_release(pool, mid_pool_alloc(pool, 1000));
    size_t length = mid_pool_stats_openmetrics(pool, "a \"b\"\\\n\tc", NULL, 0);
    char *text = malloc(length + 1), *cut = malloc(length + 1);
    ck_assert_uint_eq(mid_pool_stats_openmetrics(pool, "a \"b\"\\\n\tc", text, length + 1), length);
    ck_assert_uint_eq(mid_pool_stats_openmetrics(pool, "a \"b\"\\\n\tc", cut, 100), length);
    ck_assert_uint_eq(strlen(cut), 99);
    ck_assert_int_eq(memcmp(cut, text, 99), 0);
    read_all(text);
    const char *label = "{pool=\"a \\\"b\\\"\\\\\\nc\"}";
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_stats(pool, &s);
    ck_assert_uint_eq(value_of("midden_pool_live_buffers", label), 2);
    ck_assert_uint_eq(value_of("midden_pool_requested_bytes", label), s.requested_bytes);
    ck_assert_uint_eq(value_of("midden_pool_rounded_bytes", label), s.rounded_bytes);
    ck_assert_uint_eq(value_of("midden_pool_pinned_bytes", label), s.pinned_bytes);
    ck_assert_uint_eq(value_of("midden_pool_committed_bytes", label), s.committed_bytes);
    ck_assert_uint_eq(value_of("midden_pool_committed_peak_bytes", label), s.committed_peak_bytes);
    ck_assert_uint_eq(value_of("midden_pool_allocs_total", label), 3);
    ck_assert_uint_eq(value_of("midden_pool_releases_total", label), 1);
    ck_assert_uint_gt(value_of("midden_pool_resident_bytes", label), 0);
    /* what the classes say adds up to what the pool says */
    unsigned long long live = 0, rounded = 0, allocs = 0;
    for (size_t i = 0; i < sample_count; i++) {
        live += strcmp(samples[i].name, "midden_pool_class_live_buffers") == 0 ? samples[i].value : 0;
        rounded += strcmp(samples[i].name, "midden_pool_class_rounded_bytes") == 0 ? samples[i].value : 0;
        allocs += strcmp(samples[i].name, "midden_pool_class_allocs_total") == 0 ? samples[i].value : 0;
    }
    ck_assert_uint_eq(live, 2);
    ck_assert_uint_eq(rounded, s.rounded_bytes);
    ck_assert_uint_eq(allocs, 3);
    /* every field of the structs, and no other: 33, 12 and 6 */
    ck_assert_uint_eq(family_count, (sizeof s - sizeof s.struct_size) / 8 + 12 + 6);
    free(text);
    free(cut);
    mid_pool_release(pool, p);
    mid_pool_release(pool, q);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}
END_TEST

static int python_can(const char *what)
{
    char command[200];
    snprintf(command, sizeof command, "/usr/bin/python3 -c '%s' 2>/dev/null", what);
    return system(command) == 0;
}

START_TEST(openmetrics__prometheus_own_parser__takes_it)
{
    if (!python_can("import prometheus_client.openmetrics.parser")) {
        printf("# skipped: no python3-prometheus-client\n");
        return;
    }
    begin(MID_POOL_SIZE_CLASS);
    void *p[100];
    for (size_t i = 0; i < 100; i++)
        p[i] = mid_pool_alloc(pool, i * i * 10);
    size_t length = mid_pool_stats_openmetrics(pool, "x\"y", NULL, 0);
    char *text = malloc(length + 100);
    mid_pool_stats_openmetrics(pool, "x\"y", text, length + 100);
    FILE *python = popen("/usr/bin/python3 -c 'import sys\n"
                         "from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n"
                         "f = {m.name: m for m in parse(sys.stdin.read())}\n"
                         "s = f[\"midden_pool_live_buffers\"].samples[0]\n"
                         "assert s.value == 100 and s.labels == {\"pool\": \"x\\\"y\"}, s\n"
                         "assert f[\"midden_pool_committed_bytes\"].unit == \"bytes\"\n"
                         "assert sum(s.value for s in f[\"midden_pool_class_live_buffers\"].samples) == 100\n'",
                         "w");
    ck_assert_ptr_nonnull(python);
    fputs(text, python);
    ck_assert_int_eq(pclose(python), 0);
    for (size_t i = 0; i < 100; i++)
        mid_pool_release(pool, p[i]);
    free(text);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}
END_TEST

START_TEST(cache_stats__hits_and_misses__add_up)
{
    begin(MID_POOL_SIZE_CLASS);
    struct mid_pool_cache_stats f = {.struct_size = sizeof f};
    ck_assert_int_eq(mid_pool_cache_stats(pool, 0, &f), MID_E_INVALID);
    void *p[300];
    for (int i = 0; i < 300; i++)
        p[i] = mid_pool_alloc(pool, 64);
    if (pool->caching) {
        ck_assert_int_eq(mid_pool_cache_stats(pool, 0, &f), MID_OK);
        ck_assert_uint_eq(f.in_use, 1);
        ck_assert_uint_eq(f.hits + f.alloc_misses, 300);
        ck_assert_uint_gt(f.alloc_misses, 0);
        ck_assert_uint_lt(f.alloc_misses, 30);
        ck_assert_uint_eq(f.release_misses, 0);
    }
    for (int i = 0; i < 300; i++)
        mid_pool_release(pool, p[i]);
    if (pool->caching) {
        mid_pool_cache_stats(pool, 0, &f);
        ck_assert_uint_gt(f.release_misses, 0);
        ck_assert_uint_eq(f.cached_bytes, f.cached_buffers * 64);
        ck_assert_uint_gt(f.cached_buffers, 0);
        f.struct_size = sizeof f + 1;
        ck_assert_int_eq(mid_pool_cache_stats(pool, 0, &f), MID_E_INVALID);
        f.struct_size = sizeof f;
        ck_assert_int_eq(mid_pool_cache_stats(pool, 1, &f), MID_E_INVALID);
    }
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}
END_TEST

static _Atomic int stop;

static void *work(void *unused)
{
    void *held[50] = {0};
    for (size_t i = 0; !atomic_load(&stop); i++) {
        mid_pool_release(pool, held[i % 50]);
        held[i % 50] = mid_pool_alloc(pool, i * 37 % 9000);
    }
    for (size_t i = 0; i < 50; i++)
        mid_pool_release(pool, held[i]);
    return unused;
}

START_TEST(figures__while_threads_work__are_always_whole)
{
    begin(MID_POOL_SIZE_CLASS);
    pthread_t threads[2];
    static char text[200000];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (unsigned long i = 0; i < test_rounds(60); i++) {
        size_t n = mid_pool_stats_openmetrics(pool, "x", text, sizeof text);
        ck_assert_uint_lt(n, sizeof text);
        read_all(text);
        n = mid_pool_stats_json(pool, text, sizeof text);
        ck_assert(n < sizeof text && text[n - 1] == '}');
        FILE *null = fopen("/dev/null", "w");
        ck_assert_int_eq(mid_pool_map_svg(pool, null), MID_OK);
        fclose(null);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}
END_TEST

/* ---- the map */

static size_t occurrences(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)) != NULL; p += strlen(what))
        n++;
    return n;
}

/* The area in pixels of a path of rectangles "Mx yhWvHh-Wz". */
static long area_of(const char *svg, const char *class)
{
    char head[50];
    snprintf(head, sizeof head, "<path class=\"%s\" d=\"", class);
    long area = 0;
    const char *at = svg;
    for (const char *found = svg; (found = strstr(found, head)) != NULL; found++)
        at = found + strlen(head); /* the last: the legend has one, too */
    while (*at == 'M') {
        int x, y, w, h, back, n = 0;
        ck_assert_int_eq(sscanf(at, "M%d %dh%dv%dh-%dz%n", &x, &y, &w, &h, &back, &n), 5);
        ck_assert_int_eq(w, back);
        area += (long)w * h;
        at += n;
    }
    ck_assert_int_eq(*at, '"');
    return area;
}

START_TEST(map__states_and_holes__are_drawn_to_scale)
{
    begin(MID_POOL_SIZE_CLASS);
    void *p[256];
    for (int i = 0; i < 256; i++)
        p[i] = mid_pool_alloc(pool, 1024 - (pool->checked ? 16 : 0)); /* 8 a slab: 32 full slabs */
    for (int i = 0; i < 64; i++)
        if (i % 2 == 0)
            mid_pool_release(pool, p[i]); /* 8 slabs of every second hole */
    void *large = mid_pool_alloc(pool, 100000), *huge = mid_pool_alloc(pool, 3000000);
    mid_pool_flush_thread(pool);
    char *svg = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&svg, &bytes);
    ck_assert_int_eq(mid_pool_map_svg(pool, stream), MID_OK);
    fclose(stream);
    ck_assert_int_eq(strncmp(svg, "<svg ", 5), 0);
    ck_assert_str_eq(svg + bytes - 7, "</svg>\n");
    ck_assert_uint_eq(occurrences(svg, "<text"), occurrences(svg, "</text>"));
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_stats(pool, &s);
    /* A slab is 256 pixels, 32 bytes each: live bytes of partial slabs are half of them. */
    ck_assert_int_eq(area_of(svg, "full") + area_of(svg, "partial"), (long)(s.slab_bytes / 32));
    ck_assert_int_eq(area_of(svg, "full-live") + area_of(svg, "partial-live"), (long)((256 - 32) * 1024 / 32));
    ck_assert_int_eq(area_of(svg, "full-live"), area_of(svg, "full"));
    ck_assert_uint_eq(occurrences(svg, "one buffer, 29"), 1);
    FILE *full = fopen("/dev/full", "w");
    ck_assert_int_eq(mid_pool_map_svg(pool, full), MID_E_IO);
    fclose(full);
    free(svg);
    for (int i = 0; i < 256; i++)
        if (i >= 64 || i % 2 != 0)
            mid_pool_release(pool, p[i]);
    mid_pool_release(pool, large);
    mid_pool_release(pool, huge);
    ck_assert_int_eq(mid_pool_destroy(pool, NULL), MID_OK);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("figures");
    tcase_add_loop_test(cases, openmetrics__every_field__is_there_with_its_value, 0, 2);
    tcase_add_test(cases, openmetrics__prometheus_own_parser__takes_it);
    tcase_add_test(cases, cache_stats__hits_and_misses__add_up);
    tcase_add_test(cases, figures__while_threads_work__are_always_whole);
    tcase_add_test(cases, map__states_and_holes__are_drawn_to_scale);
    return run_suite("pool figures", cases, NULL);
}
