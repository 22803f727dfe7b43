/* SPDX-License-Identifier: MIT
 *
 * trace.h: the allocations of a program as a file: what record.c writes and pool_trace.c plays.
 *
 *     struct trace_head, then events of 8 bytes each: { slot, size }
 *
 * A slot is a place for one live buffer; its number is used again after the release, the lowest free one first, so that
 * there are as many slots as buffers were alive at once. size TRACE_RELEASE releases what the slot holds, any other takes
 * a buffer of that size. A realloc is a take and a release: the buffer it gives has a slot of its own.
 */
#ifndef MIDDEN_BENCH_TRACE_H
#define MIDDEN_BENCH_TRACE_H

#include <stdint.h>

#define TRACE_MAGIC   0x314352544d44494dull /* "MIDMTRC1" */
#define TRACE_RELEASE UINT32_MAX

struct trace_head {
    uint64_t magic, events;
    uint32_t slots, reserved;
};

struct trace_event {
    uint32_t slot, size;
};

#endif
