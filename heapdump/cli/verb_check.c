/* SPDX-License-Identifier: MIT
 *
 * verb_check.c: `midden check`: rules about the classes of one or several snapshots, for CI.
 *
 * The files are read one after the other; of each only its results stay, as text and as JSON, with the evidence for the
 * rules that it breaks. Of the first the counts and ids that rules of growth are measured against stay, too.
 */
#include <midden/internal/rules.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "evidence.h"
#include "junit.h"

#define EXAMPLES 3

static const char *const kinds[MID__RULE_KINDS] = {"max-count", "max-shallow", "max-retained", "max-growth"};

/* What is kept of one result. */
struct line {
    bool broken;
    char *title;    /* "max-count Session=100" */
    char *file;     /* harmless */
    char *message;  /* "250 objects of Session, at most 100 are allowed" */
    char *evidence; /* lines of text; "" where nothing is broken */
    char *json;
};

struct check {
    const struct options *options;
    struct mid__rule *rules;
    struct mid__rule_base base;
    bool ascii;
    struct line *lines;
    size_t count, capacity, broken;
};

/* ---- reading the rules */

static void read_rules(struct check *c)
{
    const struct options *o = c->options;
    bool growth = false;
    if (o->rule_count == 0)
        cli_die(CLI_USAGE, "check: no rule; for example --max-count=Session=100 (see midden check --help)");
    c->rules = cli_allocate(o->rule_count, sizeof c->rules[0]);
    for (size_t i = 0; i < o->rule_count; i++) {
        size_t column;
        const char *kind = kinds[o->rules[i].kind];
        const char *wrong =
            mid__rule_parse((enum mid__rule_kind)o->rules[i].kind, o->rules[i].text, &c->rules[i], &column);
        if (wrong != NULL)
            cli_die(CLI_USAGE, "check: --%s=%s: %s (at character %zu; it is --%s=CLASS=LIMIT)", kind,
                    cli_quote(o->rules[i].text), wrong, column, kind);
        growth |= c->rules[i].kind == MID__RULE_GROWTH;
    }
    if (growth && o->operand_count < 2)
        cli_die(CLI_USAGE, "check: --max-growth needs two files or more, the oldest first");
    int inputs = 0;
    for (int i = 0; i < o->operand_count; i++)
        inputs += strcmp(o->operands[i], "-") == 0;
    if (inputs > 1)
        cli_die(CLI_USAGE, "check: standard input can be only one of the files");
}

/* ---- one result */

static bool is_size(enum mid__rule_kind kind)
{
    return kind == MID__RULE_SHALLOW || kind == MID__RULE_RETAINED;
}

static void add_quantity(struct text *t, const struct check *c, enum mid__rule_kind kind, int64_t n)
{
    if (kind == MID__RULE_GROWTH)
        text_add_signed(t, n);
    else if (is_size(kind))
        text_add_size(t, (uint64_t)n, c->options->bytes);
    else
        text_add_count(t, (uint64_t)n);
}

static void add_message(struct text *t, const struct check *c, const struct dump *d, const struct mid__rule_result *r)
{
    static const char *const words[MID__RULE_KINDS] = {" objects", " of their own", " retained", " objects"};
    const struct mid__rule *rule = &c->rules[r->rule];
    if (r->place == MID__NO_CLASS && r->first == 0) {
        text_add(t, rule->pattern ? "no class matches" : "no class of this name");
        return;
    }
    if (rule->pattern && r->place != MID__NO_CLASS) {
        size_t length;
        const char *name = mid__class_name(d->classes, r->place, &length);
        text_add_dump(t, name, length, TEXT_NO_LIMIT, c->ascii);
        text_add(t, ": ");
    }
    add_quantity(t, c, rule->kind, r->figure);
    text_add(t, !is_size(rule->kind) && r->figure == 1 ? " object" : words[rule->kind]);
    if (rule->kind == MID__RULE_GROWTH) {
        text_add(t, " (");
        text_add_count(t, r->first);
        text_add(t, " at first, ");
        text_add_count(t, (uint64_t)((int64_t)r->first + r->figure));
        text_add(t, " now)");
    }
    if (r->broken) {
        text_add(t, ", limit ");
        if (is_size(rule->kind))
            text_add_size(t, rule->limit, c->options->bytes);
        else
            text_add_count(t, rule->limit);
    }
}

static void json_result(struct check *c, struct dump *d, struct json *j, const struct mid__rule_result *r)
{
    const struct mid__rule *rule = &c->rules[r->rule];
    size_t length = rule->name_length;
    const char *name = r->place != MID__NO_CLASS ? mid__class_name(d->classes, r->place, &length) : rule->name;
    json_key(j, "rule");
    json_words(j, kinds[rule->kind]);
    json_key(j, "argument");
    json_words(j, c->options->rules[r->rule].text);
    json_key(j, "file");
    json_words(j, d->path);
    json_key(j, "class");
    json_string(j, name, length);
    json_key(j, "found");
    json_bool(j, r->place != MID__NO_CLASS);
    json_key(j, "figure");
    json_signed(j, r->figure);
    json_key(j, "limit");
    json_unsigned(j, rule->limit);
    json_key(j, "ok");
    json_bool(j, !r->broken);
    if (rule->kind == MID__RULE_GROWTH) {
        json_key(j, "first");
        json_unsigned(j, r->first);
    }
}

/* The objects that show why, into the evidence and the JSON. */
static void add_examples(struct check *c, struct evidence *e, struct text *t, struct json *j,
                         const struct mid__rule_result *r)
{
    uint32_t nodes[EXAMPLES];
    struct dump *d = e->dump;
    size_t count = 0;
    if (r->broken)
        count = mid__rule_examples(d->graph, d->classes, r->place, c->rules[r->rule].kind, &c->base, d->selected, nodes, EXAMPLES);
    json_key(j, "examples");
    json_open(j, '[');
    for (size_t i = 0; i < count; i++) {
        evidence_add(e, t, nodes[i], 8, c->options->bytes, c->ascii);
        json_row(j);
        evidence_json(e, j, nodes[i]);
    }
    json_close(j, ']');
}

static struct line *new_line(struct check *c)
{
    if (c->count == c->capacity) {
        c->capacity = c->capacity != 0 ? c->capacity * 2 : 16;
        c->lines = cli_grow(c->lines, c->capacity, sizeof c->lines[0]);
    }
    return &c->lines[c->count++];
}

static char *taken(struct text *t)
{
    text_string(t);
    return t->bytes;
}

static void keep_result(struct check *c, struct evidence *e, const struct mid__rule_result *r)
{
    const struct rule_option *o = &c->options->rules[r->rule];
    struct line *line = new_line(c);
    struct text title = {0}, file = {0}, message = {0}, evidence = {0};
    size_t json_length;
    char *json_text = NULL;
    struct json j = {.file = open_memstream(&json_text, &json_length)};
    if (j.file == NULL)
        cli_die(CLI_UNREADABLE, "out of memory");
    text_addf(&title, "%s ", kinds[o->kind]);
    text_add_dump(&title, o->text, strlen(o->text), TEXT_NO_LIMIT, c->ascii);
    text_add(&file, e->dump->title);
    add_message(&message, c, e->dump, r);
    if (e->dump->selected != NULL && e->dump->selected_count == 0)
        text_add(&message, " (nothing selected)"); /* a rule that holds so may be a slip of --where */
    json_result(c, e->dump, &j, r);
    dump_json_selected(e->dump, &j);
    add_examples(c, e, &evidence, &j, r);
    if (fclose(j.file) != 0)
        cli_die(CLI_UNREADABLE, "out of memory");
    *line = (struct line){r->broken, taken(&title), taken(&file), taken(&message), taken(&evidence), json_text};
    c->broken += r->broken;
}

/* ---- one file */

static void read_file(struct check *c, int number)
{
    const struct options *o = c->options;
    struct dump d;
    struct mid__rule_results results = {0};
    bool last = number + 1 == o->operand_count, series = o->operand_count > 1;
    dump_open(&d, o->operands[number], MID__PARTS_FIGURES | MID__PART_DOMINATED | dump_parts(o));
    if (o->interfaces)
        dump_infer(&d);
    dump_select(&d, o);
    struct mid__classes_options how = {.interfaces = d.interfaces, .selected = d.selected, .by_name = true, .with_retained = true};
    dump_check(&d, mid__classes_build_with(d.graph, &how, &d.classes));
    if (number == 0 && series)
        dump_check(&d, mid__rule_base_take(&c->base, c->rules, o->rule_count, d.graph, d.classes, d.selected));
    dump_check(&d, mid__rules_apply(&results, c->rules, o->rule_count, d.classes, last && series ? &c->base : NULL));
    struct evidence e;
    evidence_begin(&e, &d);
    for (size_t i = 0; i < results.count; i++)
        keep_result(c, &e, &results.list[i]);
    evidence_end(&e);
    free(results.list);
    dump_close(&d);
}

/* ---- the answer */

static void print_json(const struct check *c, struct json *j)
{
    json_open(j, '{');
    json_key(j, "checks");
    json_open(j, '[');
    for (size_t i = 0; i < c->count; i++) {
        json_row(j);
        json_open(j, '{');
        fputs(c->lines[i].json, j->file);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_key(j, "broken");
    json_unsigned(j, c->broken);
    json_close(j, '}');
    json_end(j);
}

static void print_text(const struct check *c, struct output *o)
{
    struct text t = {0};
    for (size_t i = 0; i < c->count; i++) {
        const struct line *l = &c->lines[i];
        output_words(o, l->broken ? PAINT_MORE : PAINT_LESS, l->broken ? "FAIL" : "ok  ");
        text_addf(&t, "  %s: %s", l->title, l->message);
        if (c->options->operand_count > 1)
            text_addf(&t, " [%s]", l->file);
        text_addf(&t, "\n%s", l->evidence);
        output_text(o, PAINT_PLAIN, &t);
    }
    text_addf(&t, "%zu of %zu checks failed\n", c->broken, c->count);
    output_text(o, PAINT_PLAIN, &t);
    text_free(&t);
}

static void write_junit(const struct check *c)
{
    struct junit_case *cases = cli_allocate(c->count, sizeof cases[0]);
    for (size_t i = 0; i < c->count; i++) {
        const struct line *l = &c->lines[i];
        cases[i] = (struct junit_case){l->file, l->title, l->broken ? l->message : NULL, l->evidence};
    }
    junit_write(c->options->junit, "midden check", cases, c->count);
    free(cases);
}

static void forget(struct check *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct line *l = &c->lines[i];
        free(l->title);
        free(l->file);
        free(l->message);
        free(l->evidence);
        free(l->json);
    }
    free(c->lines);
    free(c->rules);
    mid__rule_base_free(&c->base);
}

static enum cli_status run(const struct options *options)
{
    struct output o;
    struct check c = {.options = options, .ascii = output_is_ascii()};
    bool junit_answers = options->junit != NULL && strcmp(options->junit, "-") == 0;
    if (junit_answers && options->json)
        cli_die(CLI_USAGE, "check: only one of --junit=- and --json can have standard output");
    read_rules(&c);
    for (int i = 0; i < options->operand_count; i++)
        read_file(&c, i);
    if (options->junit != NULL)
        write_junit(&c);
    if (!junit_answers) {
        output_begin(&o, options);
        if (options->json)
            print_json(&c, &o.json);
        else
            print_text(&c, &o);
        output_end(&o);
    }
    enum cli_status status = c.broken != 0 ? CLI_FINDINGS : CLI_FINE;
    forget(&c);
    return status;
}

const struct verb verb_check = {
    .name = "check",
    .operands = "FILE... RULE...",
    .summary = "rules about classes, for CI: status 1 when one is broken",
    .about = "Checks rules, each of them on every FILE, growth from the first to the last. CLASS is a class name as\n"
             "`midden summary` shows it; in it * stands for any text, and \\* for a star. A rule with a * is for each class\n"
             "that it matches. LIMIT is what stands behind the last '='; sizes may be written 300, 50MB or 1.5GiB. For a\n"
             "rule that is broken, three objects of the class are shown with a shortest path from the roots. A class\n"
             "that is not there breaks no rule, and the answer says so.\n\n"
             "  midden check --max-count='Session=100' --max-retained='*Cache=50MB' app.heapsnapshot\n"
             "  midden check --max-growth='Listener=10' --junit=heap.xml before.heapsnapshot after.heapsnapshot",
    .operands_min = 1,
    .operands_max = INT_MAX,
    .options = OPTION_COMMON | OPTION_RULES | OPTION_INTERFACES | OPTION_SELECT | OPTION_BYTES,
    .run = run};
