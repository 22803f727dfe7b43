/* SPDX-License-Identifier: MIT
 *
 * main.c: the command `midden`: the verbs, and who runs them.
 */
#include <midden/base.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "dump.h"
#include "index.h"

static const struct verb *const verbs[] = {&verb_summary, &verb_top,     &verb_tree,   &verb_object, &verb_path,
                                           &verb_diff,    &verb_strings, &verb_check,  &verb_suspects, &verb_export,
                                           &verb_view,    NULL};

static int print_help(void)
{
    printf("usage: midden VERB [OPTION...] FILE...\n\nReads heap snapshots (.heapsnapshot files of Node, Chrome or "
           "midden).\n\n");
    for (size_t i = 0; verbs[i] != NULL; i++)
        printf("  %-8s %-15s %s\n", verbs[i]->name, verbs[i]->operands, verbs[i]->summary);
    printf("\n`midden VERB --help` explains a verb, `midden --version` says which midden this is.\n");
    return fflush(stdout) == 0 && !ferror(stdout) ? CLI_FINE : CLI_UNREADABLE;
}

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; verbs[i] != NULL; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_DFL);
    if (argc < 2)
        cli_die(CLI_USAGE, "which verb? It is `midden VERB FILE...` (see midden --help)");
    const char *first = argv[1];
    if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0) {
        printf("midden %s\n", mid_version());
        return fflush(stdout) == 0 && !ferror(stdout) ? CLI_FINE : CLI_UNREADABLE;
    }
    bool help = strcmp(first, "help") == 0;
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || (help && argc == 2))
        return print_help();
    if (help && argc > 3)
        cli_die(CLI_USAGE, "help: one argument too many: '%s'; it is `midden help [VERB]`", cli_quote(argv[3]));
    char asked[] = "--help", *explain[] = {argv[0], help ? argv[2] : NULL, asked, NULL}; /* `help VERB` is `VERB --help` */
    if (help)
        argv = explain, argc = 3, first = argv[1];
    const struct verb *verb = find_verb(first);
    if (verb == NULL)
        cli_die(CLI_USAGE, "unknown %s '%s' (see midden --help)", first[0] == '-' ? "option" : "verb", cli_quote(first));
    struct options options;
    options_read(&options, verb, argc - 1, argv + 1);
    index_choose(&options);
    dump_threads = options.threads;
    enum cli_status status = verb->run(&options);
    options_forget(&options);
    return (int)status;
}
