/* SPDX-License-Identifier: MIT
 *
 * concordance: reads the text below some directories, indexes every word, and answers where it stands. A client of
 * midden that knows its public headers alone, and the program behind `make demo`.
 *
 *     file -> reader -> blocks of the pool -> cutter -> lines as slices -> line cache (buffers of the heap, by age)
 *                                                    -> words as slices -> index (objects of the heap, in segments)
 *
 * On the way it drops parts of the index and builds them again, prints what memory does meanwhile, writes a heap snapshot
 * and answers from the index: if a word were lost in a collection, the counts would tell.
 *
 * When the pool is at its limit the program collects its heap, so that dead buffers give their slices back, and then
 * drops the older lines of its cache. When the heap is at its limit it ends with the heap's own account of it.
 */
#include "cache.h"
#include "files.h"
#include "index.h"
#include "report.h"
#include "words.h"

#include <midden/reader.h>
#include <midden/snapshot.h>
#include <midden/walk.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

enum { EXIT_FINDING = 1, EXIT_USAGE = 2, QUERIES_MAX = 16, ANSWERS_SHOWN = 2 };

struct settings {
    size_t heap_limit, nursery, pool_limit, block;
    uint32_t cache_lines;
    const char *queries[QUERIES_MAX];
    unsigned query_count;
    const char *snapshot;
    bool trace;
};

struct program {
    struct settings set;
    struct files files;
    struct mid_pool *pool;
    struct mid_heap *heap;
    struct index index;
    struct line_cache cache;
    struct trace trace;
    struct cutter_stats text; /* of all files, first reading only */
    uint64_t read_bytes, segment_bytes, segment_goal;
    uint32_t file; /* the file that is being read */
    uint32_t binary_files, reread_files;
    enum mid_status failed; /* what made a visitor stop */
};

/* ---- reading one file */

/* Folds a word to lower case, into at most `capacity` bytes; the only copy that is made of it, as a key. */
static size_t fold(const struct mid_chain *word, char *out, size_t capacity)
{
    char text[WORD_BYTES_MAX];
    size_t bytes = mid_chain_copy_out(word, 0, text, sizeof text), used = 0;
    mbstate_t in = {0}, back = {0};
    for (size_t at = 0; at < bytes && used + MB_LEN_MAX <= capacity;) {
        unsigned char c = (unsigned char)text[at];
        if (c < 0x80) {
            out[used++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
            at++;
            continue;
        }
        wchar_t wide = 0;
        size_t length = mbrtowc(&wide, text + at, bytes - at, &in);
        if (length == 0 || length > bytes - at)
            break;
        size_t written = wcrtomb(out + used, (wchar_t)towlower((wint_t)wide), &back);
        used += written == (size_t)-1 ? 0 : written;
        at += length;
    }
    return used;
}

static bool add_word(void *user, const struct mid_chain *word, uint32_t line_number)
{
    struct program *p = user;
    char key[2 * WORD_BYTES_MAX];
    struct place place = {p->file, line_number};
    p->failed = index_add(&p->index, key, fold(word, key, sizeof key), place);
    return p->failed == MID_OK;
}

static bool keep_line(void *user, const struct mid_chain *line, uint32_t line_number)
{
    struct program *p = user;
    p->failed = line_cache_put(&p->cache, p->file, line_number, line);
    return p->failed == MID_OK;
}

/* Feeds a file to the cutter. MID_E_FORMAT for a file that is no text: its first block holds a zero byte. */
static enum mid_status cut_file(struct program *p, int fd, struct cutter *cutter, bool count_bytes)
{
    struct mid_reader_options options;
    struct mid_reader *reader;
    mid_reader_options_init(&options);
    options.high_water_mark_bytes = p->set.block;
    enum mid_status status = mid_reader_create(p->pool, fd, &options, &reader);
    if (status != MID_OK)
        return status;
    for (bool first = true; status == MID_OK; first = false) {
        struct mid_slice block;
        status = mid_reader_next(reader, &block);
        if (status != MID_OK || block.bytes == 0)
            break;
        if (first && memchr(block.data, 0, block.bytes) != NULL)
            status = MID_E_FORMAT;
        else
            status = cutter_feed(cutter, block);
        if (count_bytes) {
            p->read_bytes += block.bytes;
            p->segment_bytes += block.bytes;
            report_progress("indexing", p->read_bytes, p->files.total_bytes + 1);
        }
        mid_slice_release(&block);
    }
    if (status == MID_OK)
        status = cutter_finish(cutter);
    mid_reader_destroy(reader);
    return status;
}

static void add_stats(struct cutter_stats *sum, const struct cutter_stats *s)
{
    sum->lines += s->lines;
    sum->words += s->words;
    sum->crossing_words += s->crossing_words;
    sum->crossing_chars += s->crossing_chars;
    sum->long_words += s->long_words;
    sum->long_lines += s->long_lines;
}

static enum mid_status index_file(struct program *p, uint32_t file, bool again)
{
    int fd = open(p->files.path[file], O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "concordance: %s: %s\n", p->files.path[file], strerror(errno));
        return MID_OK; /* it has gone since, or is not ours to read: the rest still counts */
    }
    struct cutter cutter;
    p->file = file;
    p->failed = MID_OK;
    cutter_init(&cutter, p->pool, (struct cutter_visitor){add_word, keep_line, p});
    enum mid_status status = cut_file(p, fd, &cutter, !again);
    if (!again)
        add_stats(&p->text, &cutter.stats);
    cutter_clear(&cutter);
    close(fd);
    if (status == MID_E_FORMAT) {
        p->binary_files += !again;
        return MID_OK;
    }
    if (status == MID_E_IO) {
        fprintf(stderr, "concordance: %s: %s\n", p->files.path[file], strerror(errno));
        return MID_OK;
    }
    return status == MID_E_BUSY ? p->failed : status;
}

/* ---- the index as a whole */

/* Forgets the newest segment, and reads its files again. */
static enum mid_status rebuild_newest(struct program *p, uint32_t end)
{
    uint32_t first;
    if (!index_drop_newest(&p->index, &first))
        return MID_OK;
    line_cache_drop(&p->cache, first);
    enum mid_status status = index_begin_segment(&p->index, first);
    for (uint32_t file = first; status == MID_OK && file < end; file++, p->reread_files++)
        status = index_file(p, file, true);
    return status;
}

static enum mid_status build_index(struct program *p)
{
    uint32_t quarters = 0;
    enum mid_status status = index_begin_segment(&p->index, 0);
    for (uint32_t file = 0; status == MID_OK && file < p->files.count; file++) {
        status = index_file(p, file, false);
        if (status == MID_OK && p->read_bytes * 4 > p->files.total_bytes * (quarters + 1) && quarters < 3) {
            char when[64];
            snprintf(when, sizeof when, "%u/4 read, before a rebuild", ++quarters);
            report_usage(p->heap, when);
            status = rebuild_newest(p, file + 1);
        }
        if (status == MID_OK && p->segment_bytes > p->segment_goal && file + 1 < p->files.count) {
            p->segment_bytes = 0;
            status = index_merge(&p->index);
            if (status == MID_OK)
                status = index_begin_segment(&p->index, file + 1);
        }
    }
    report_progress("", 1, 1);
    return status;
}

/* ---- answering */

struct wanted_line {
    struct mid_chain *out;
    uint32_t number;
};

static bool skip_word(void *user, const struct mid_chain *word, uint32_t line_number)
{
    (void)user, (void)word, (void)line_number;
    return true;
}

static bool take_line(void *user, const struct mid_chain *line, uint32_t line_number)
{
    struct wanted_line *wanted = user;
    if (line_number != wanted->number)
        return true;
    (void)mid_chain_cut(line, 0, mid_chain_bytes(line), wanted->out);
    return false;
}

/* The text of a line: from the cache, else from its file. */
static void line_text(struct program *p, struct place at, struct mid_chain *out)
{
    if (line_cache_get(&p->cache, at.file, at.line, out))
        return;
    int fd = open(p->files.path[at.file], O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    struct wanted_line wanted = {out, at.line};
    struct cutter cutter;
    cutter_init(&cutter, p->pool, (struct cutter_visitor){skip_word, take_line, &wanted});
    (void)cut_file(p, fd, &cutter, false); /* it ends early, with MID_E_BUSY, when the line is found */
    cutter_clear(&cutter);
    close(fd);
}

static void show_place(struct program *p, struct place at)
{
    struct mid_chain text;
    unsigned char shown[512];
    mid_chain_init(&text, p->pool);
    line_text(p, at, &text);
    size_t bytes = mid_chain_copy_out(&text, 0, shown, sizeof shown);
    printf("  %s:%u: ", p->files.path[at.file], at.line);
    report_text(shown, bytes, 90);
    printf("\n");
    mid_chain_clear(&text);
}

static bool answer(struct program *p, const char *query)
{
    char key[2 * WORD_BYTES_MAX];
    struct mid_chain word;
    mid_chain_init(&word, p->pool);
    (void)mid_chain_append(&word, mid_slice_static(query, strnlen(query, WORD_BYTES_MAX)));
    size_t bytes = fold(&word, key, sizeof key);
    mid_chain_clear(&word);

    struct place at[ANSWERS_SHOWN];
    struct index_answer a = {.at = at, .capacity = ANSWERS_SHOWN};
    index_find(&p->index, key, bytes, &a);
    printf("\n\"");
    report_text((const unsigned char *)query, strlen(query), 80);
    printf("\" stands %llu times in %llu lines\n", (unsigned long long)a.occurrences, (unsigned long long)a.lines);
    for (size_t i = 0; i < a.places; i++)
        show_place(p, at[i]);
    if (a.lines > a.places)
        show_place(p, a.last);
    struct mid_ref entry = index_entry(&p->index, key, bytes);
    if (!mid_is_null(entry))
        printf("  its entry is object @%llu of the heap\n", (unsigned long long)mid_object_id(p->heap, entry));
    return a.occurrences != 0;
}

/* ---- set-up */

/* The pool is at its limit: dead buffers give their slices back, then the cache does. */
static int make_room(void *user, struct mid_pool *pool, size_t needed_bytes, unsigned attempt)
{
    struct program *p = user;
    (void)pool, (void)needed_bytes;
    if (p->heap == NULL || p->cache.cache == NULL)
        return 0;
    if (attempt == 2)
        line_cache_drop(&p->cache, 0);
    return attempt <= 2 && mid_heap_collect(p->heap, MID_COLLECT_FULL, "pool at its limit") == MID_OK;
}

static enum mid_status set_up(struct program *p)
{
    struct mid_pool_options pool;
    struct mid_heap_options heap;
    mid_pool_options_init(&pool);
    pool.limit_bytes = p->set.pool_limit;
    pool.at_limit = make_room;
    pool.at_limit_user = p;
    mid_heap_options_init(&heap);
    heap.old_limit_bytes = p->set.heap_limit;
    heap.semispace_bytes = p->set.nursery;
    enum mid_status status = mid_heap_options_from_env(&heap, "MIDDEN");
    if (status != MID_OK) {
        fprintf(stderr, "concordance: MIDDEN=%s: unknown key or value\n", getenv("MIDDEN"));
        return status;
    }
    heap.trace = MID_TRACE_GC;
    heap.trace_line = report_trace_line;
    heap.trace_user = &p->trace;
    p->trace.all = p->set.trace;
    status = mid_pool_create(&pool, &p->pool);
    if (status == MID_OK)
        status = mid_heap_create(&heap, &p->heap);
    if (status == MID_OK)
        status = line_cache_init(&p->cache, p->heap, p->set.cache_lines);
    if (status == MID_OK)
        status = index_init(&p->index, p->heap);
    return status;
}

/* Nothing may be left in the pool when the heap has gone. */
static bool tear_down(struct program *p)
{
    size_t still_out = 0;
    if (p->heap != NULL) {
        index_end(&p->index);
        line_cache_end(&p->cache);
        mid_heap_destroy(p->heap);
        p->heap = NULL;
    }
    enum mid_status status = mid_pool_destroy(p->pool, &still_out);
    if (status != MID_OK)
        fprintf(stderr, "concordance: %zu buffers were not given back\n", still_out);
    files_clear(&p->files);
    return status == MID_OK;
}

static int say_failure(struct program *p, enum mid_status status)
{
    const char *refusal = p->heap != NULL ? mid_heap_refusal(p->heap) : "";
    fflush(stdout);
    if (refusal[0] != '\0')
        fprintf(stderr, "concordance: the heap refused: %s\n", refusal);
    else
        fprintf(stderr, "concordance: %s%s\n", mid_status_name(status),
                status == MID_E_LIMIT ? " of the pool (--pool-limit)" : "");
    return EXIT_FINDING;
}

static int run(struct program *p)
{
    enum mid_status status = set_up(p);
    if (status != MID_OK)
        return say_failure(p, status);
    p->segment_goal = p->files.total_bytes / 24;
    if (p->segment_goal > 8u << 20)
        p->segment_goal = 8u << 20;
    report_usage(p->heap, "before");
    status = build_index(p);
    if (status != MID_OK)
        return say_failure(p, status);
    report_usage(p->heap, "all read");
    mid_heap_collect(p->heap, MID_COLLECT_FULL, "by hand");
    report_usage(p->heap, "after a full collection");
    report_pool(p->pool);
    printf("\n");
    report_trace_end(&p->trace);
    printf("%u files (%u passed over as no text), %llu bytes, %llu lines, %llu words\n", p->files.count, p->binary_files,
           (unsigned long long)p->read_bytes, (unsigned long long)p->text.lines, (unsigned long long)p->text.words);
    printf("across two blocks: %llu words, %llu UTF-8 characters; left out as too long: %llu words, %llu lines\n",
           (unsigned long long)p->text.crossing_words, (unsigned long long)p->text.crossing_chars,
           (unsigned long long)p->text.long_words, (unsigned long long)p->text.long_lines);
    printf("index: %u segments, %llu words, %llu merges, %llu dropped and rebuilt (%u files read again)\n",
           index_segments(&p->index), (unsigned long long)index_words(&p->index), (unsigned long long)p->index.merges,
           (unsigned long long)p->index.drops, p->reread_files);
    int exit_status = EXIT_SUCCESS;
    for (unsigned i = 0; i < p->set.query_count; i++)
        if (!answer(p, p->set.queries[i]))
            exit_status = EXIT_FINDING;
    printf("line cache: %u lines, %llu hits, %llu misses, %llu dropped as the oldest\n", line_cache_count(&p->cache),
           (unsigned long long)p->cache.hits, (unsigned long long)p->cache.misses,
           (unsigned long long)p->cache.evictions);
    if (p->set.snapshot != NULL) {
        status = mid_heap_write_snapshot(p->heap, p->set.snapshot, NULL);
        if (status != MID_OK) {
            fprintf(stderr, "concordance: %s: %s\n", p->set.snapshot,
                    status == MID_E_IO ? strerror(errno) : mid_status_name(status));
            return EXIT_FINDING;
        }
        printf("heap snapshot: %s\n", p->set.snapshot);
    }
    return exit_status;
}

/* ---- command line */

static const char usage[] =
    "usage: concordance [OPTION]... DIRECTORY...\n"
    "  --query WORD        tell where WORD stands (up to 16 times)\n"
    "  --snapshot FILE     write the heap as a .heapsnapshot\n"
    "  --heap-limit MB     limit of the old space (default: the library's)\n"
    "  --pool-limit MB     limit of the pool (default 64)\n"
    "  --nursery KB        size of a semispace (default 1024)\n"
    "  --block BYTES       how much is read at once (default 65536)\n"
    "  --cache LINES       lines kept as text (default 4096)\n"
    "  --trace             every collection, not only the first few\n"
    "MIDDEN=key=value,... sets options of the heap (see gc/README.md).\n"
    "Exit status: 0 fine, 1 a limit was reached or a word was not found, 2 usage.\n";

/* A whole number in [low, high], times `unit`; 0 when it is not one. */
static size_t number(const char *text, size_t low, size_t high, size_t unit)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    return errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9' || n < low || n > high ? 0 : (size_t)n * unit;
}

static bool read_options(struct settings *set, int argc, char **argv)
{
    static const struct option options[] = {
        {"query", required_argument, NULL, 'q'},   {"snapshot", required_argument, NULL, 's'},
        {"heap-limit", required_argument, NULL, 'h'}, {"pool-limit", required_argument, NULL, 'p'},
        {"nursery", required_argument, NULL, 'n'}, {"block", required_argument, NULL, 'b'},
        {"cache", required_argument, NULL, 'c'},   {"trace", no_argument, NULL, 't'},
        {"help", no_argument, NULL, '?' + 128},    {NULL, 0, NULL, 0}};
    int which = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, &which)) != -1;) {
        size_t value = 1;
        switch (c) {
        case 'q':
            if (set->query_count == QUERIES_MAX) {
                fprintf(stderr, "concordance: --query %s: %d words are asked for already\n", optarg, QUERIES_MAX);
                return false;
            }
            set->queries[set->query_count++] = optarg;
            break;
        case 's':
            set->snapshot = optarg;
            break;
        case 'h':
            value = set->heap_limit = number(optarg, 1, 1u << 20, 1u << 20);
            break;
        case 'p':
            value = set->pool_limit = number(optarg, 1, 1u << 20, 1u << 20);
            break;
        case 'n':
            value = set->nursery = number(optarg, 64, 1u << 20, 1u << 10);
            break;
        case 'b':
            value = set->block = number(optarg, 1, 1u << 30, 1);
            break;
        case 'c':
            value = number(optarg, 1, 1u << 20, 1);
            set->cache_lines = (uint32_t)value;
            break;
        case 't':
            set->trace = true;
            break;
        case '?' + 128:
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        default:
            return false; /* getopt has said why */
        }
        if (value == 0) {
            fprintf(stderr, "concordance: --%s %s: no number, or out of range\n", options[which].name, optarg);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct program p = {.set = {.pool_limit = 64u << 20, .nursery = 1u << 20, .block = 65536, .cache_lines = 4096}};
    setlocale(LC_CTYPE, "C.UTF-8");
    if (!read_options(&p.set, argc, argv))
        return EXIT_USAGE; /* the reason is told */
    if (optind == argc) {
        fprintf(stderr, "concordance: no directory given (--help tells more)\n");
        return EXIT_USAGE;
    }
    for (int i = optind; i < argc; i++)
        if (!files_add(&p.files, argv[i])) {
            files_clear(&p.files);
            return EXIT_USAGE;
        }
    if (p.files.count == 0) {
        fprintf(stderr, "concordance: no file below %s\n", argv[optind]);
        return EXIT_USAGE;
    }
    int status = run(&p);
    return tear_down(&p) ? status : EXIT_FINDING;
}
