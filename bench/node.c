/* SPDX-License-Identifier: MIT
 *
 * node.c: the same programs under Node, when it is installed: bench/node/NAME.js. A script is a process of its own and
 * prints the lines that alone.c prints. Its collector works in the thread of the program (--single-threaded-gc), as
 * the others do, and is compiled by V8 while it runs: that is what a user of Node has.
 */
#include "heap_work.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *node_version(void)
{
    static char version[32];
    static bool asked;
    if (!asked && access(NODE_SCRIPTS "/lib.js", R_OK) == 0) {
        FILE *in = popen("node --version 2>/dev/null", "r");
        if (in != NULL && fgets(version, sizeof version, in) != NULL)
            version[strcspn(version, "\n")] = '\0';
        if (in != NULL)
            pclose(in);
    }
    asked = true;
    return version[0] == 'v' ? version + 1 : NULL;
}
