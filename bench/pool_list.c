/* SPDX-License-Identifier: MIT
 *
 * pool_list.c: the workloads for allocators, one line each. A workload runs on every allocator of allocators.c.
 */
#include "pool_work.h"

#define KB 1024u
#define MB (1024u * 1024u)
#define QUICK  POOL_QUICK
#define WALL   POOL_WALL
#define TOUCH  POOL_TOUCH
#define SHARED POOL_SHARED
#define NOFLOOR POOL_NOFLOOR
#define WHOLE  POOL_WHOLE
#define MEMORY (POOL_MEMORY | POOL_NOFLOOR)

const struct pool_workload pool_workloads[] = {
    /* clang-format off */
    /* name           body           low     high    live    thr flags           alone    one operation is */
    {"pair-64",       pool_pair,     64,     64,     1,      1,  QUICK,          100000,  "64 B taken, a word written, released"},
    {"pair-64-direct",pool_direct,   64,     64,     1,      1,  QUICK | NOFLOOR,100000,  "the same, called directly"},
    {"start-1",       pool_start,    64,     64,     1,      1,  QUICK | NOFLOOR | POOL_START, 1,    "the first buffer of a process, 64 B"},
    {"start-1000",    pool_start,    16,     8 * KB, 1000,   1,  QUICK | NOFLOOR | POOL_START, 1,    "the first 1,000 buffers of a process, 16 B - 8 KB"},
    {"depth-1k",      pool_depth,    1 * KB, 1 * KB, 64,     1,  QUICK,          100000,  "one of 64 buffers of 1 KB taken, then released"},
    {"depth-4k",      pool_depth,    4 * KB, 4 * KB, 64,     1,  0,              100000,  "one of 64 buffers of 4 KB taken, then released"},
    {"ring",          pool_ring,     16,     8 * KB, 1024,   1,  QUICK,          200000,  "the oldest of 1024 buffers of 16 B - 8 KB released, a new one taken"},
    {"scale-1",       pool_ring,     16,     1 * KB, 1024,   1,  WALL,           200000,  "ring of 1024 buffers of 16 B - 1 KB, one thread, wall clock"},
    {"scale-2",       pool_ring,     16,     1 * KB, 1024,   2,  0,              200000,  "the same, two threads that share nothing: half of it is perfect"},
    {"cross-1k",      pool_cross,    1 * KB, 1 * KB, 1024,   1,  QUICK | WALL | WHOLE, 500000, "1 KB taken by one thread, released by another"},
    {"cross-mixed",   pool_cross,    16,     8 * KB, 1024,   1,  QUICK | WALL | WHOLE, 500000, "16 B - 8 KB taken by one thread, released by another"},
    {"replace-own",   pool_replace,  16,     2 * KB, 100000, 2,  QUICK,          500000,  "a random one of 100,000 buffers of 16 B - 2 KB replaced; 2 threads, own slots"},
    {"replace-shared",pool_replace,  16,     2 * KB, 100000, 2,  QUICK | SHARED, 500000,  "the same, slots shared by the threads"},
    {"large-touched", pool_ring,     8 * KB, 1 * MB, 64,     1,  QUICK | TOUCH,  20000,   "the oldest of 64 buffers of 8 KB - 1 MB released, a new one taken, every page written"},
    {"large",         pool_ring,     8 * KB, 1 * MB, 64,     1,  QUICK,          20000,   "the same, no page written"},
    {"slice-own",    pool_slice_own, 100,    100,    1,      1,  QUICK,          100000,  "a slice of 100 B cut from a block of 64 KB and released"},
    {"slice-cross",  pool_slice_cross, 100,  100,    4096,   1,  QUICK | POOL_MEMORY, 1000, "the same, cut by one thread, released by another; CPU time of both"},
    {"msg-copied",    pool_messages_copied, 100, 1500, 20000, 1, QUICK | NOFLOOR, 400000, "a message of 100 - 1500 B copied out of a block of 64 KB, one of 20,000 replaced"},
    {"msg-sliced",    pool_messages_sliced, 100, 1500, 20000, 1, QUICK | NOFLOOR, 400000, "the same as a counted slice of the block"},
    {"msg-copied-long", pool_messages_copied, 100, 1500, 2000, 1, NOFLOOR | SHARED, 400000, "messages copied, one of 2,000 replaced; one in a hundred lives long"},
    {"msg-sliced-long", pool_messages_sliced, 100, 1500, 2000, 1, NOFLOOR | SHARED, 400000, "the same as slices"},
    {"msg-kept",     pool_messages_kept, 100, 1500,  20000,  1,  QUICK | NOFLOOR | POOL_PERCENT(50), 400000, "the same, midden's kept and moved out below 50 % of the block"},
    {"msg-kept-0",   pool_messages_kept, 100, 1500,  20000,  1,  NOFLOOR | POOL_PERCENT(255),        400000,  "kept, never moved"},
    {"msg-kept-25",  pool_messages_kept, 100, 1500,  20000,  1,  NOFLOOR | POOL_PERCENT(25),        400000,  "kept, moved out below 25 %"},
    {"msg-kept-75",  pool_messages_kept, 100, 1500,  20000,  1,  NOFLOOR | POOL_PERCENT(75),        400000,  "kept, moved out below 75 %"},
    {"msg-kept-100", pool_messages_kept, 100, 1500,  20000,  1,  NOFLOOR | POOL_PERCENT(100),        400000,  "kept, moved out with the first that goes"},
    {"msg-kept-long", pool_messages_kept, 100, 1500, 2000,   1,  NOFLOOR | POOL_PERCENT(50) | SHARED, 400000, "kept, one of 2,000 replaced; one in a hundred lives long"},
    {"fragment",      pool_fragment, 16,     8 * KB, 200000, 1,  QUICK | MEMORY, 1,       "memory: 200,000 buffers of 16 B - 8 KB, nine in ten released at random"},
    {"fragment-movable", pool_fragment_movable, 16, 8 * KB, 200000, 1, QUICK | MEMORY, 1,    "the same through midden's movable handles"},
    /* clang-format on */
};
const size_t pool_workload_count = sizeof pool_workloads / sizeof pool_workloads[0];
