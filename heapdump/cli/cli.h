/* SPDX-License-Identifier: MIT
 *
 * What the files of the command share: the verbs, the options, the exit statuses, and how the command ends early.
 *
 *   main.c      reads the command line, runs a verb            options.c   the table of options
 *   open.c      opens a dump and analyses it, with progress    output.c    stdout: colour, pager, failures
 *   table.c     aligned columns                                text.c      strings of a dump made harmless
 *   json.c      JSON                                           files.c     files that appear whole or not at all
 *   verb_*.c    one verb each
 */
#ifndef MIDDEN_CLI_H
#define MIDDEN_CLI_H

#include <midden/internal/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_status {
    CLI_FINE = 0,
    CLI_FINDINGS = 1,
    CLI_USAGE = 2,     /* the command line is wrong, or names an object that the dump does not have */
    CLI_UNREADABLE = 3 /* a file is damaged or cannot be read; also: output or memory failed */
};

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

#define LIMIT_ALL SIZE_MAX

struct verb;
struct mid__where;

struct rule_option {
    unsigned kind; /* enum mid__rule_kind */
    const char *text;
};

struct options {
    const struct verb *verb;
    bool json, interfaces, by_type, by_site, bytes, no_pager, synthetic;
    enum color_when color;
    size_t limit; /* rows; LIMIT_ALL where 0 was given or nothing, see limit_given */
    bool limit_given;
    size_t depth; /* levels of a tree */
    bool depth_given;
    const char *sort;    /* one of the verb's keys, or NULL */
    const char *columns; /* the directory of export --columns, or NULL */
    const char *csv, *html; /* the files of export, or NULL */
    bool has_filter;
    unsigned filter;     /* enum mid__filter, when has_filter */
    struct mid__where *where; /* or NULL */
    const char *where_text;   /* the same as it was given */
    unsigned threads;         /* of --threads, or 0: as many as pay */
    bool no_index;
    const char *index_directory; /* of --index, or NULL */
    const char *junit;   /* the file of check --junit, or NULL */
    struct rule_option *rules; /* of check, in order */
    size_t rule_count;
    char *const *operands;
    int operand_count;
};

/* A bit for each option, for struct verb. The common ones (json, color, no-pager, help) are everybody's. */
enum option_bit {
    OPTION_COMMON = 1,
    OPTION_LIMIT = 2,
    OPTION_SORT = 4,
    OPTION_INTERFACES = 8,
    OPTION_BYTES = 16,
    OPTION_SYNTHETIC = 32,
    OPTION_DEPTH = 64,
    OPTION_COLUMNS = 128,
    OPTION_RULES = 256,
    OPTION_SELECT = 512, /* --where and --filter: see dump_select */
    OPTION_BY = 2048,    /* --by */
    OPTION_WHERE = 4096, /* --where alone */
    OPTION_SCREEN = 1024 /* --color and --help alone, of what is common */
};

struct verb {
    const char *name;
    const char *operands; /* for the usage line: "FILE [@ID]" */
    const char *summary;  /* one line */
    const char *about;    /* paragraphs for --help */
    int operands_min, operands_max;
    unsigned options;            /* option_bits */
    const char *const *sort_keys; /* ends with NULL; the first is the default */
    enum cli_status (*run)(const struct options *options);
};

extern const struct verb verb_summary, verb_top, verb_tree, verb_object, verb_path, verb_diff, verb_strings, verb_check,
    verb_suspects, verb_export, verb_view;

/* Gives back what options_read allocated. */
void options_forget(struct options *options);

/* options.c. Fills *options, or ends the command: help goes to stdout with status 0, a wrong line to stderr with 2. */
void options_read(struct options *options, const struct verb *verb, int argc, char **argv);
size_t options_limit(const struct options *options, size_t for_text, size_t for_json);
const char *options_sort(const struct options *options);
void options_help(const struct verb *verb);

/* An operand "@123". Ends the command with status 2 when it is none. */
uint64_t options_object_id(const struct options *options, const char *operand);

/* Prints "midden: WORDS" as one line on stderr, removes temporary files, and ends the command. Arguments that come
 * from outside go through cli_quote() first. */
_Noreturn void cli_die(enum cli_status status, const char *format, ...) MID__PRINTF(2, 3);
/* Called first by cli_die where it is not NULL: gives back a terminal that was taken over. */
extern void (*cli_before_end)(void);

void cli_warn(const char *format, ...) MID__PRINTF(1, 2);

/* `outside` made harmless for one line of a message. Static storage, four results live at a time. */
const char *cli_quote(const char *outside);

#endif
