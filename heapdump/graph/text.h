/* SPDX-License-Identifier: MIT
 *
 * text.h: the strings section.
 */
#ifndef MIDDEN_GRAPH_TEXT_H
#define MIDDEN_GRAPH_TEXT_H

#include "scan.h"

/* Takes an array of strings into the graph. False on failure. */
bool text_read(struct scan *s);

#endif
