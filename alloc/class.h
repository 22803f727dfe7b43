/* SPDX-License-Identifier: MIT
 *
 * class.h: the numbering of size classes, as arithmetic alone. What a class *holds* is in slab.h.
 *
 *     0 .. 63     16, 32, ... 1024 bytes                        16 bytes apart
 *     64 .. 86    1152, 1280, ... 2048, 2304, ... 7680          eight to a doubling
 *     87 .. 94    1, 2, ... 8 slabs                             one large buffer each
 *     95 .. 126   9, 10, ... 16, 18, ... 128 slabs (1 MiB)      eight to a doubling
 *     127         beyond 1 MiB: a mapping of its own
 *
 * The spacing bounds what rounding wastes: 15 bytes below 1 KiB, one ninth above. The sequential policy uses class 0 for
 * all small buffers and the same large classes.
 */
#ifndef MIDDEN_ALLOC_CLASS_H
#define MIDDEN_ALLOC_CLASS_H

#include <midden/internal/compiler.h>
#include <midden/pool.h>

#define MID__CLASS_STEP_BYTES  16u
#define MID__CLASS_STEPS       64u /* classes that are one step apart */
#define MID__CLASS_LARGE       87u
#define MID__CLASS_HUGE        127u
#define MID__CLASSES           128u
#define MID__CLASS_SMALL_MAX   8192u /* the largest size of mid__class_of_small */
#define MID__CLASS_BELOW_MAX   7680u /* the largest whose class is below MID__CLASS_LARGE */
#define MID__CLASS_UNITS_MAX   128u  /* slabs of the largest class */

/* `bytes` up to 8192: the class of a small buffer; 8192 itself is MID__CLASS_LARGE. */
MID__INLINE unsigned mid__class_of_small(size_t bytes)
{
    if (MID__LIKELY(bytes <= MID__CLASS_STEPS * MID__CLASS_STEP_BYTES))
        return (unsigned)((bytes + (bytes == 0) - 1) / MID__CLASS_STEP_BYTES);
    unsigned log = mid__log2_floor(bytes - 1); /* 10 to 12 */
    return MID__CLASS_STEPS + (log - 10) * 8 + (unsigned)(((bytes - 1) >> (log - 3)) & 7);
}

/* The class of a large buffer of any size. */
MID__INLINE unsigned mid__class_of_large(size_t bytes)
{
    if (bytes > (size_t)MID__CLASS_UNITS_MAX * MID_POOL_SLAB_BYTES)
        return MID__CLASS_HUGE;
    size_t units = bytes == 0 ? 1 : (bytes + MID_POOL_SLAB_BYTES - 1) / MID_POOL_SLAB_BYTES;
    if (units <= 8)
        return MID__CLASS_LARGE - 1 + (unsigned)units;
    unsigned log = mid__log2_floor(units - 1); /* 3 to 6 */
    return MID__CLASS_LARGE + 8 + (log - 3) * 8 + (unsigned)(((units - 1) >> (log - 3)) & 7);
}

/* The size of a class' buffers in bytes; 0 for MID__CLASS_HUGE. */
MID__INLINE size_t mid__class_bytes(unsigned id)
{
    if (id < MID__CLASS_STEPS)
        return (size_t)(id + 1) * MID__CLASS_STEP_BYTES;
    if (id < MID__CLASS_LARGE)
        return (size_t)(9 + (id - MID__CLASS_STEPS) % 8) << (7 + (id - MID__CLASS_STEPS) / 8);
    if (id < MID__CLASS_LARGE + 8)
        return (size_t)(id - MID__CLASS_LARGE + 1) * MID_POOL_SLAB_BYTES;
    if (id < MID__CLASS_HUGE)
        return ((size_t)(9 + (id - MID__CLASS_LARGE - 8) % 8) << ((id - MID__CLASS_LARGE - 8) / 8)) *
               MID_POOL_SLAB_BYTES;
    return 0;
}

#endif
