/* SPDX-License-Identifier: MIT
 *
 * options.c: the one table of options: key, place in the struct, form, default, range. The struct, the text of an
 * environment variable and the table in gc/README.md say the same because all are checked against it (the README by
 * tests/headers/test_heap_readme.sh).
 *
 *   I1  a settled struct has no field at 0 that the table gives a default for, and none outside its range
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum form { SIZE, NUMBER, WORDS };

struct word {
    const char *text;
    uint32_t value;
};

static const struct word promotions[] = {{"both", MID_PROMOTE_BOTH}, {"survived", MID_PROMOTE_SURVIVED},
                                         {"to-space", MID_PROMOTE_TO_SPACE}, {NULL, 0}};
static const struct word markings[] = {{"incremental", MID_MARKING_INCREMENTAL}, {"stop", MID_MARKING_STOP}, {NULL, 0}};
static const struct word growths[] = {{"growing", MID_GROWTH_GROWING}, {"fixed", MID_GROWTH_FIXED},
                                      {"adaptive", MID_GROWTH_ADAPTIVE}, {NULL, 0}};
static const struct word compactions[] = {{"auto", MID_COMPACTION_AUTO}, {"off", MID_COMPACTION_OFF},
                                          {"always", MID_COMPACTION_ALWAYS}, {"slide", MID_COMPACTION_SLIDE}, {NULL, 0}};
static const struct word tortures[] = {{"none", MID_TORTURE_NONE}, {"scavenge", MID_TORTURE_SCAVENGE},
                                       {"full", MID_TORTURE_FULL}, {"alternate", MID_TORTURE_ALTERNATE},
                                       {"step", MID_TORTURE_STEP}, {NULL, 0}};
static const struct word verifies[] = {{"none", MID_VERIFY_NONE}, {"phase", MID_VERIFY_PHASE}, {NULL, 0}};
static const struct word traces[] = {{"none", 0}, {"gc", MID_TRACE_GC}, {"phases", MID_TRACE_GC | MID_TRACE_PHASES},
                                      {"pauses", MID_TRACE_PAUSES}, {NULL, 0}};
static const struct word switches[] = {{"off", 0}, {"on", 1}, {NULL, 0}};

#define KB ((uint64_t)1 << 10)
#define MB ((uint64_t)1 << 20)
#define GB ((uint64_t)1 << 30)
#define AT(field) offsetof(struct mid_heap_options, field)

/* SIZE fields are size_t, the others uint32_t. A default of 0 is either meant so or computed below. */
static const struct option {
    const char *key;
    size_t offset;
    enum form form;
    uint64_t usual, least, most;
    const struct word *words;
} table[] = {
    {"semispace", AT(semispace_bytes), SIZE, 16 * MB, 64 * KB, GB, NULL},
    {"semispace-start", AT(semispace_start_bytes), SIZE, MB, 64 * KB, GB, NULL},
    {"old-limit", AT(old_limit_bytes), SIZE, 0, MB, UINT64_MAX / 4, NULL},
    {"old-fixed", AT(old_fixed_bytes), SIZE, 0, 0, UINT64_MAX / 4, NULL},
    {"growth-min", AT(growth_min_bytes), SIZE, 8 * MB, 64 * KB, UINT64_MAX / 4, NULL},
    {"external-step", AT(external_step_bytes), SIZE, 32 * MB, 4 * KB, UINT64_MAX / 4, NULL},
    {"mark-step", AT(mark_step_bytes), SIZE, 128 * KB, 1, UINT64_MAX / 16, NULL},
    {"mark-stack", AT(mark_stack_bytes), SIZE, UINT64_MAX, 4 * KB, UINT64_MAX, NULL},
    {"promotion", AT(promotion), WORDS, MID_PROMOTE_BOTH, 1, 3, promotions},
    {"promote-age", AT(promote_age), NUMBER, 1, 1, 7, NULL},
    {"promote-to", AT(promote_to_percent), NUMBER, 25, 1, 100, NULL},
    {"growth", AT(growth), WORDS, MID_GROWTH_GROWING, 1, 3, growths},
    {"growth-percent", AT(growth_percent), NUMBER, 60, 1, 1000, NULL},
    {"marking", AT(marking), WORDS, MID_MARKING_INCREMENTAL, 1, 2, markings},
    {"compaction", AT(compaction), WORDS, MID_COMPACTION_AUTO, 1, 4, compactions},
    {"torture", AT(torture), WORDS, 0, 0, 4, tortures},
    {"torture-every", AT(torture_every), NUMBER, 1, 1, UINT32_MAX, NULL},
    {"verify", AT(verify), WORDS, 0, 0, 1, verifies},
    {"trace", AT(trace), WORDS, 0, 0, 7, traces},
    {"pause-target", AT(pause_target_us), NUMBER, 0, 0, 10000000, NULL},
    {"sample", AT(sample_bytes), SIZE, 0, 0, UINT64_MAX / 4, NULL},
    {"helper-threads", AT(helper_threads), NUMBER, 0, 0, MID_HELPERS_MAX, NULL},
    {"pause-log", AT(pause_log), NUMBER, 4096, 1, 1 << 24, NULL},
    {"stack-scan", AT(stack_scan), WORDS, 0, 0, 1, switches},
    {"manual-finalizers", AT(manual_finalizers), WORDS, 0, 0, 1, switches},
};
#define OPTIONS (sizeof table / sizeof table[0])

static uint64_t get(const struct mid_heap_options *options, const struct option *option)
{
    const char *at = (const char *)options + option->offset;
    uint32_t narrow;
    size_t wide;
    if (option->form != SIZE) {
        memcpy(&narrow, at, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, at, sizeof wide);
    return wide;
}

static void set(struct mid_heap_options *options, const struct option *option, uint64_t value)
{
    char *at = (char *)options + option->offset;
    uint32_t narrow = (uint32_t)value;
    size_t wide = (size_t)value;
    if (option->form != SIZE)
        memcpy(at, &narrow, sizeof narrow);
    else
        memcpy(at, &wide, sizeof wide);
}

void mid_heap_options_init(struct mid_heap_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/* ---- settling ------------------------------------------------------------------------------------------------------------- */

static void print_and_abort(void *user, const struct mid_broken *broken)
{
    (void)user;
    fprintf(stderr, "[midden] broken: %s: %s (%p)\n", broken->rule, broken->detail, broken->address);
    abort();
}

static size_t usual_old_limit(void)
{
    size_t usual = 1400 * MB, memory = mid__sys_total_memory_bytes() / 4 * 3;
    return memory >= MB && memory < usual ? memory : usual;
}

/* Defaults for zeroes, and every value in its range. */
enum mid_status mid__options_settle(struct mid_heap_options *o)
{
    if (o->struct_size != sizeof *o)
        return MID_E_INVALID;
    for (size_t i = 0; i < OPTIONS; i++) {
        uint64_t value = get(o, &table[i]);
        if (value == 0)
            set(o, &table[i], value = table[i].usual);
        if (value != 0 && (value < table[i].least || value > table[i].most))
            return MID_E_INVALID;
    }
    if (o->old_limit_bytes == 0)
        o->old_limit_bytes = usual_old_limit();
    if (o->growth == MID_GROWTH_FIXED && o->old_fixed_bytes == 0)
        return MID_E_INVALID;
    o->semispace_bytes = mid__align_up(o->semispace_bytes, MID__BLOCK_BYTES);
    o->semispace_start_bytes = mid__align_up(o->semispace_start_bytes, MID__BLOCK_BYTES);
    if (o->semispace_start_bytes > o->semispace_bytes)
        o->semispace_start_bytes = o->semispace_bytes;
    if (o->broken == NULL)
        o->broken = print_and_abort;
    return MID_OK;
}

/* ---- text ------------------------------------------------------------------------------------------------------------------ */

/* Digits with an optional K, M or G; *end is set behind them. */
static bool read_size(const char *text, size_t length, uint64_t *value)
{
    uint64_t n = 0;
    size_t i = 0;
    for (; i < length && text[i] >= '0' && text[i] <= '9'; i++) {
        if (n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    if (i == 0)
        return false;
    uint64_t unit = 1;
    if (i + 1 == length)
        unit = text[i] == 'K' ? KB : text[i] == 'M' ? MB : text[i] == 'G' ? GB : 0;
    else if (i != length)
        return false;
    if (unit == 0 || n > UINT64_MAX / unit)
        return false;
    *value = n * unit;
    return true;
}

static bool read_word(const struct word *words, const char *text, size_t length, uint64_t *value)
{
    for (; words->text != NULL; words++)
        if (strlen(words->text) == length && memcmp(words->text, text, length) == 0) {
            *value = words->value;
            return true;
        }
    return false;
}

/* One "key=value" of `length` bytes. */
static bool read_item(struct mid_heap_options *options, const char *item, size_t length)
{
    const char *equals = memchr(item, '=', length);
    if (length >= 5 && memcmp(item, "pool.", 5) == 0)
        return true;
    if (equals == NULL)
        return false;
    size_t key = (size_t)(equals - item), rest = length - key - 1;
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *option = &table[i];
        uint64_t value;
        if (strlen(option->key) != key || memcmp(option->key, item, key) != 0)
            continue;
        if (option->form == WORDS ? !read_word(option->words, equals + 1, rest, &value)
                                  : !read_size(equals + 1, rest, &value))
            return false;
        if (option->form != WORDS && (value < option->least || value > option->most))
            return false;
        set(options, option, value);
        return true;
    }
    return false;
}

enum mid_status mid_heap_options_parse(struct mid_heap_options *options, const char *text, const char **where)
{
    if (options == NULL || options->struct_size != sizeof *options)
        return MID_E_INVALID;
    struct mid_heap_options read = *options;
    for (const char *item = text; item != NULL && *item != '\0';) {
        size_t length = strcspn(item, ",");
        if (!read_item(&read, item, length)) {
            if (where != NULL)
                *where = item;
            return MID_E_INVALID;
        }
        item += length + (item[length] == ',');
    }
    *options = read;
    return MID_OK;
}

enum mid_status mid_heap_options_from_env(struct mid_heap_options *options, const char *name)
{
    return mid_heap_options_parse(options, getenv(name), NULL);
}
