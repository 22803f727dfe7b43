/* SPDX-License-Identifier: MIT
 * The paths of many objects as one tree of classes (see path_classes.c). */
#ifndef MIDDEN_CLI_PATH_CLASSES_H
#define MIDDEN_CLI_PATH_CLASSES_H

#include "dump.h"

/* Prints the shortest paths to d->selected, merged by class. The dump must be classified. */
void path_classes(struct dump *d, const struct options *options);

#endif
