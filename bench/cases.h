/* SPDX-License-Identifier: MIT
 *
 * cases.h: every workload with every subject.
 */
#ifndef MIDDEN_BENCH_CASES_H
#define MIDDEN_BENCH_CASES_H

#include "bench.h"

/* Makes the table of cases, all of them or those of the quick set; it lives as long as the process. Returns how many. */
size_t cases_make(struct bench_case **cases, bool full);

/* One line on stderr for each peer that is not installed. */
void cases_say_absent(void);

#endif
