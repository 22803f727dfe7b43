/* SPDX-License-Identifier: MIT
 * The fixed parts of the page of `export --html` (see page.c). */
#ifndef MIDDEN_CLI_PAGE_H
#define MIDDEN_CLI_PAGE_H

extern const char page_head[], page_tail[];

#endif
