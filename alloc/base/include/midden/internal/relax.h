/* SPDX-License-Identifier: MIT
 *
 * relax.h: what a loop says that waits for another processor.
 */
#ifndef MIDDEN_INTERNAL_RELAX_H
#define MIDDEN_INTERNAL_RELAX_H

#if defined(__x86_64__)
#define MID__CPU_RELAX() __builtin_ia32_pause()
#else
#define MID__CPU_RELAX() ((void)0)
#endif

#endif
