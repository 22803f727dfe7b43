/* SPDX-License-Identifier: MIT
 *
 * main.c: the command `midden`: reads the verb and hands over to it.
 */
#include <midden/base.h>

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("midden %s\n", mid_version());
        return 0;
    }
    fprintf(stderr, "usage: midden VERB FILE... (midden --help)\n");
    return 2;
}
