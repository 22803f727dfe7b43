/* SPDX-License-Identifier: MIT
 * What the kernel is to refuse from now on to this process (seccomp; a test has a process of its own, and leaves it by _exit
 * where the end of the test would need what is refused). False: the kernel has no such filters. */
#ifndef MIDDEN_TESTS_REFUSE_H
#define MIDDEN_TESTS_REFUSE_H

#include <stdbool.h>

bool refuse_fork(void);          /* and threads: EAGAIN */
bool refuse_unnamed_files(void); /* open with O_TMPFILE: EOPNOTSUPP */

#endif
