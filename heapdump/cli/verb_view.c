/* SPDX-License-Identifier: MIT
 * verb_view.c: `midden view`: the terminal interface, which lies in heapdump/screen. */
#include <string.h>

#include "cli.h"
#include "index.h"
#include "screen.h"

static enum cli_status run(const struct options *options)
{
    char *const *files = options->operands;
    bool two = options->operand_count == 2;
    struct screen_request request = {.path = files[two ? 1 : 0], .old_path = two ? files[0] : NULL};
    for (int i = 0; i < options->operand_count; i++)
        if (strcmp(files[i], "-") == 0)
            cli_die(CLI_USAGE, "view: standard input is the keyboard, a snapshot cannot come from it");
    request.color = options->color;
    request.exact = options->bytes;
    request.where = options->where_text;
    request.threads = options->threads;
    request.index = index_options();
    return screen_run(&request);
}

const struct verb verb_view = {
    .name = "view",
    .operands = "[OLD] FILE",
    .summary = "the terminal interface: classes, dominator tree, objects",
    .about = "Shows a snapshot on the terminal: the class table, the dominator tree as directories, and each object with\n"
             "what holds it and what it holds. With two snapshots it compares them, and leads to the new objects. With\n"
             "--where it begins with the objects that the expression is true for; f asks for one. ? shows the keys.\n\n"
             "  midden view app.heapsnapshot\n"
             "  midden view before.heapsnapshot after.heapsnapshot\n"
             "  midden view --where 'type=closure and retained>1MB' app.heapsnapshot",
    .operands_min = 1,
    .operands_max = 2,
    .options = OPTION_SCREEN | OPTION_WHERE | OPTION_BYTES,
    .run = run};
