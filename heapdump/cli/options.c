/* SPDX-License-Identifier: MIT
 *
 * options.c: the command line. One table of options; each verb says by bits which are its own. getopt_long does the
 * reading; the messages are ours, so that each wrong line gives exactly one line on stderr.
 */
#include "cli.h"

#include <midden/internal/filters.h>
#include <midden/internal/where.h>

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "text.h"

struct option_line {
    unsigned bit;
    const char *name;
    int letter; /* the short form, or a number above 255 */
    int argument;
    const char *usage, *help;
};

enum { LETTER_JSON = 256, LETTER_COLOR, LETTER_NO_PAGER, LETTER_SORT, LETTER_INTERFACES, LETTER_BY, LETTER_BYTES,
       LETTER_SYNTHETIC, LETTER_DEPTH, LETTER_COLUMNS, LETTER_JUNIT, LETTER_INDEX, LETTER_NO_INDEX,
       LETTER_FILTER, LETTER_WHERE, LETTER_THREADS, LETTER_CSV, LETTER_HTML, LETTER_RULE };

static const struct option_line lines[] = {
    {OPTION_LIMIT, "limit", 'n', required_argument, "-n, --limit=N", "at most N rows; 0 means all"},
    {OPTION_SORT, "sort", LETTER_SORT, required_argument, "--sort=KEY", NULL},
    {OPTION_INTERFACES, "interfaces", LETTER_INTERFACES, no_argument, "--interfaces",
     "group plain objects by the properties that they share"},
    {OPTION_BY, "by", LETTER_BY, required_argument, "--by=WHAT", "a row for each class (the default), type of nodes, or site of allocation"},
    {OPTION_SYNTHETIC, "synthetic", LETTER_SYNTHETIC, no_argument, "--synthetic",
     "with the nodes that stand for roots, such as (GC roots)"},
    {OPTION_DEPTH, "depth", LETTER_DEPTH, required_argument, "--depth=N", "at most N levels below the start; 0 means all"},
    {OPTION_COLUMNS, "columns", LETTER_COLUMNS, required_argument, "--columns=DIR",
     "write dominator.u32 retained.u64 distance.i32 self.u64 into DIR"},
    {OPTION_SELECT | OPTION_WHERE, "where", LETTER_WHERE, required_argument, "--where=EXPR",
     "only the objects that EXPR is true for, such as 'class=Foo and retained>1MB'"},
    {OPTION_SELECT, "filter", LETTER_FILTER, required_argument, "--filter=NAME",
     "only what contexts, detached, event-handlers or console hold, or duplicated-strings"},
    {OPTION_RULES, "max-count", LETTER_RULE + 0, required_argument, "--max-count=CLASS=N", "at most N objects"},
    {OPTION_RULES, "max-shallow", LETTER_RULE + 1, required_argument, "--max-shallow=CLASS=SIZE",
     "at most so much of their own"},
    {OPTION_RULES, "max-retained", LETTER_RULE + 2, required_argument, "--max-retained=CLASS=SIZE",
     "at most so much kept alive by them"},
    {OPTION_RULES, "max-growth", LETTER_RULE + 3, required_argument, "--max-growth=CLASS=N",
     "at most N objects more in the last file than in the first"},
    {OPTION_RULES, "junit", LETTER_JUNIT, required_argument, "--junit=FILE", "write the results as JUnit XML, too"},
    {OPTION_COLUMNS, "csv", LETTER_CSV, required_argument, "--csv=FILE", "write the class table, for spreadsheets"},
    {OPTION_COLUMNS, "html", LETTER_HTML, required_argument, "--html=FILE",
     "write a page with the dominator tree and the class table"},
    {OPTION_BYTES, "bytes", LETTER_BYTES, no_argument, "--bytes", "sizes as exact numbers of bytes"},
    {OPTION_COMMON, "json", LETTER_JSON, no_argument, "--json", "one JSON document instead of text"},
    {OPTION_COMMON | OPTION_SCREEN, "color", LETTER_COLOR, required_argument, "--color=WHEN",
     "auto (the default), always or never; NO_COLOR is heeded"},
    {OPTION_COMMON, "no-pager", LETTER_NO_PAGER, no_argument, "--no-pager", "never start $PAGER"},
    {OPTION_COMMON | OPTION_SCREEN, "index", LETTER_INDEX, required_argument, "--index=DIR",
     "keep the index of the dump in DIR, however small the dump is"},
    {OPTION_COMMON | OPTION_SCREEN, "no-index", LETTER_NO_INDEX, no_argument, "--no-index",
     "neither use an index nor leave one"},
    {OPTION_COMMON | OPTION_SCREEN, "threads", LETTER_THREADS, required_argument, "--threads=N",
     "read with 1 or 2 threads; 0, the default: with what pays"},
    {OPTION_COMMON | OPTION_SCREEN, "help", 'h', no_argument, "-h, --help", "this text"},
};
#define LINES (sizeof lines / sizeof lines[0])

/* ---- ending early */

void (*cli_before_end)(void);

_Noreturn void cli_die(enum cli_status status, const char *format, ...)
{
    va_list list;
    if (cli_before_end != NULL)
        cli_before_end();
    va_start(list, format);
    fflush(stdout);
    fputs("midden: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    files_abandon();
    exit((int)status);
}

void cli_warn(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("midden: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
}

const char *cli_quote(const char *outside)
{
    static struct text turns[4];
    static unsigned turn;
    struct text *t = &turns[turn++ % 4];
    text_clear(t);
    text_add_dump(t, outside, strlen(outside), TEXT_NO_LIMIT, false);
    return text_string(t);
}

/* ---- reading */

/* A count of at least 0, where 0 means all. */
static size_t read_count(const struct verb *verb, const char *name, const char *words)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(words, &end, 10);
    if (words[0] < '0' || words[0] > '9' || *end != '\0' || errno != 0 || n > SIZE_MAX)
        cli_die(CLI_USAGE, "%s: --%s wants a number from 0 on, not '%s'", verb->name, name, cli_quote(words));
    return n == 0 ? LIMIT_ALL : (size_t)n;
}

static unsigned read_threads(const struct verb *verb, const char *words)
{
    if (words[0] < '0' || words[0] > '2' || words[1] != '\0')
        cli_die(CLI_USAGE, "%s: --threads wants 0, 1 or 2, not '%s'", verb->name, cli_quote(words));
    return (unsigned)(words[0] - '0');
}

static enum color_when read_color(const struct verb *verb, const char *words)
{
    static const char *const names[] = {"auto", "always", "never"};
    for (int i = 0; i < 3; i++)
        if (strcmp(words, names[i]) == 0)
            return (enum color_when)i;
    cli_die(CLI_USAGE, "%s: --color wants auto, always or never, not '%s'", verb->name, cli_quote(words));
}

static void read_by(struct options *o, const char *words)
{
    if (strcmp(words, "class") != 0 && strcmp(words, "type") != 0 && strcmp(words, "site") != 0)
        cli_die(CLI_USAGE, "%s: --by wants class, type or site, not '%s'", o->verb->name, cli_quote(words));
    o->by_type = words[0] == 't';
    o->by_site = words[0] == 's';
}

static void add_keys(struct text *t, const struct verb *verb)
{
    for (size_t i = 0; verb->sort_keys[i] != NULL; i++)
        text_addf(t, "%s%s", i == 0 ? "" : verb->sort_keys[i + 1] == NULL ? " or " : ", ", verb->sort_keys[i]);
}

static const char *read_sort(const struct verb *verb, const char *words)
{
    struct text keys = {0};
    for (size_t i = 0; verb->sort_keys[i] != NULL; i++)
        if (strcmp(words, verb->sort_keys[i]) == 0)
            return verb->sort_keys[i];
    add_keys(&keys, verb);
    cli_die(CLI_USAGE, "%s: --sort wants %s, not '%s'", verb->name, text_string(&keys), cli_quote(words));
}

static void read_filter(struct options *o, const char *words)
{
    enum mid__filter filter;
    struct text names = {0};
    for (int i = 0; i < MID__FILTERS; i++)
        text_addf(&names, "%s%s", i == 0 ? "" : i + 1 == MID__FILTERS ? " or " : ", ", mid__filter_name((enum mid__filter)i));
    if (o->has_filter)
        cli_die(CLI_USAGE, "%s: --filter is given twice", o->verb->name);
    if (!mid__filter_named(words, &filter))
        cli_die(CLI_USAGE, "%s: --filter wants %s, not '%s'", o->verb->name, text_string(&names), cli_quote(words));
    o->has_filter = true;
    o->filter = filter;
    text_free(&names);
}

static void read_where(struct options *o, const char *words)
{
    struct mid__where_error error;
    if (o->where != NULL)
        cli_die(CLI_USAGE, "%s: --where is given twice; join the two with and", o->verb->name);
    o->where_text = words;
    if (mid__where_parse(words, strlen(words), &o->where, &error) != MID_OK)
        cli_die(CLI_USAGE, "%s: --where: %s, at character %zu: %s", o->verb->name, error.message, error.column,
                cli_quote(error.column <= strlen(words) ? words + error.column - 1 : "(the end)"));
}

static void add_rule(struct options *o, unsigned kind, const char *text)
{
    o->rules = cli_grow(o->rules, o->rule_count + 1, sizeof o->rules[0]);
    o->rules[o->rule_count++] = (struct rule_option){kind, text};
}

/* The options without an argument. */
static bool take_flag(struct options *o, int letter)
{
    const struct {
        int letter;
        bool *flag;
    } flags[] = {{LETTER_JSON, &o->json},
                 {LETTER_NO_PAGER, &o->no_pager},
                 {LETTER_INTERFACES, &o->interfaces},
                 {LETTER_BYTES, &o->bytes},
                 {LETTER_SYNTHETIC, &o->synthetic}};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (flags[i].letter == letter) {
            *flags[i].flag = true;
            return true;
        }
    }
    return false;
}

static void take(struct options *o, int letter)
{
    const struct verb *verb = o->verb;
    if (take_flag(o, letter))
        return;
    switch (letter) {
    case 'h':
        options_help(verb);
        exit(fflush(stdout) == 0 && !ferror(stdout) ? CLI_FINE : CLI_UNREADABLE);
    case 'n':
        o->limit = read_count(verb, "limit", optarg);
        o->limit_given = true;
        break;
    case LETTER_DEPTH:
        o->depth = read_count(verb, "depth", optarg);
        o->depth_given = true;
        break;
    case LETTER_SORT:
        o->sort = read_sort(verb, optarg);
        break;
    case LETTER_COLOR:
        o->color = read_color(verb, optarg);
        break;
    case LETTER_COLUMNS:
        o->columns = optarg;
        break;
    case LETTER_BY:
        read_by(o, optarg);
        break;
    case LETTER_CSV:
        o->csv = optarg;
        break;
    case LETTER_HTML:
        o->html = optarg;
        break;
    case LETTER_FILTER:
        read_filter(o, optarg);
        break;
    case LETTER_WHERE:
        read_where(o, optarg);
        break;
    case LETTER_INDEX:
        o->index_directory = optarg;
        break;
    case LETTER_NO_INDEX:
        o->no_index = true;
        break;
    case LETTER_THREADS:
        o->threads = read_threads(verb, optarg);
        break;
    case LETTER_JUNIT:
        o->junit = optarg;
        break;
    default:
        if (letter >= LETTER_RULE)
            add_rule(o, (unsigned)(letter - LETTER_RULE), optarg);
        break;
    }
}

/* What getopt_long could not take: '?' for an unknown option, ':' for one whose argument is missing. */
static _Noreturn void refuse(const struct verb *verb, int letter, char **argv)
{
    const char *word = argv[optind - 1];
    char short_form[3] = {'-', (char)optopt, '\0'};
    if (optopt > 0 && optopt < 256)
        word = short_form;
    if (letter == ':')
        cli_die(CLI_USAGE, "%s: option '%s' wants an argument (see midden %s --help)", verb->name, cli_quote(word),
                verb->name);
    bool known = false; /* getopt also says '?' of --json=x, and of a short form that means two options */
    for (size_t i = 0; i < LINES; i++)
        known |= (unsigned)optopt >= 256 && optopt == lines[i].letter;
    cli_die(CLI_USAGE, "%s: %s option '%s' (see midden %s --help)", verb->name,
            known ? "no argument belongs to" : "unknown", cli_quote(word), verb->name);
}

void options_read(struct options *o, const struct verb *verb, int argc, char **argv)
{
    struct option longs[LINES + 1] = {0};
    size_t count = 0;
    for (size_t i = 0; i < LINES; i++)
        if (verb->options & lines[i].bit)
            longs[count++] = (struct option){lines[i].name, lines[i].argument, NULL, lines[i].letter};
    *o = (struct options){.verb = verb, .limit = LIMIT_ALL, .depth = LIMIT_ALL};
    const char *shorts = verb->options & OPTION_LIMIT ? ":hn:" : ":h";
    opterr = 0;
    for (int letter; (letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        if (letter == '?' || letter == ':')
            refuse(verb, letter, argv);
        take(o, letter);
    }
    o->operands = argv + optind;
    o->operand_count = argc - optind;
    if (o->operand_count < verb->operands_min)
        cli_die(CLI_USAGE, "%s: too few arguments; it is `midden %s %s`", verb->name, verb->name, verb->operands);
    if (o->operand_count > verb->operands_max)
        cli_die(CLI_USAGE, "%s: one argument too many: '%s'; it is `midden %s %s`", verb->name,
                cli_quote(o->operands[verb->operands_max]), verb->name, verb->operands);
}

void options_forget(struct options *o)
{
    free(o->rules);
    mid__where_free(o->where);
    o->rules = NULL;
    o->where = NULL;
}

size_t options_limit(const struct options *o, size_t for_text, size_t for_json)
{
    return o->limit_given ? o->limit : o->json ? for_json : for_text;
}

const char *options_sort(const struct options *o)
{
    return o->sort != NULL ? o->sort : o->verb->sort_keys[0];
}

uint64_t options_object_id(const struct options *o, const char *operand)
{
    char *end;
    errno = 0;
    unsigned long long id = operand[0] == '@' ? strtoull(operand + 1, &end, 10) : 0;
    if (operand[0] != '@' || operand[1] < '0' || operand[1] > '9' || *end != '\0' || errno != 0)
        cli_die(CLI_USAGE, "%s: '%s' is no object; objects are written @ID, such as @1", o->verb->name,
                cli_quote(operand));
    return id;
}

/* ---- help */

void options_help(const struct verb *verb)
{
    printf("usage: midden %s [OPTION...] %s\n\n%s\n\n", verb->name, verb->operands, verb->about);
    int width = 15;
    for (size_t i = 0; i < LINES; i++)
        if ((verb->options & lines[i].bit) && (int)strlen(lines[i].usage) > width)
            width = (int)strlen(lines[i].usage);
    for (size_t i = 0; i < LINES; i++) {
        struct text keys = {0};
        const char *help = lines[i].help;
        if (!(verb->options & lines[i].bit))
            continue;
        if (lines[i].letter == LETTER_SORT) {
            text_add(&keys, "by ");
            add_keys(&keys, verb);
            text_addf(&keys, "; without it by %s", verb->sort_keys[0]);
            help = text_string(&keys);
        }
        printf("  %-*s %s\n", width, lines[i].usage, help);
        text_free(&keys);
    }
    printf("\nFILE is a heap snapshot (.heapsnapshot, plain or gzipped)%s. Exit status: 0 fine,\n"
           "%s2 the command line is wrong, 3 a file is damaged or cannot be read or written.\n",
           verb->options & OPTION_SCREEN ? "" : ", or - for standard input",
           verb->options & OPTION_RULES ? "1 a rule is broken, " : "");
}
