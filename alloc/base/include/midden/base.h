/* SPDX-License-Identifier: MIT
 *
 * <midden/base.h>: what every part of midden shares: the version, the status codes, and the report of a broken
 * invariant. It is included by every other public header; a program seldom includes it by itself.
 */
#ifndef MIDDEN_BASE_H
#define MIDDEN_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The one place where the version stands: make, the pkg-config file and the CMake file read it here. Before 1.0 the
 * shared library's soname is 0.MINOR: a minor release may change the ABI, a patch release may not. */
#define MID_VERSION_MAJOR 0
#define MID_VERSION_MINOR 1
#define MID_VERSION_PATCH 0

#if defined(__GNUC__)
#define MID_API __attribute__((visibility("default")))
#else
#define MID_API
#endif

/* What a function that can fail returns. Functions that return a pointer or a reference say failure with NULL. */
enum mid_status {
    MID_OK = 0,
    MID_E_INVALID = 1, /* an argument outside its stated range, an unknown bit or key */
    MID_E_MEMORY = 2,  /* the system gave no memory */
    MID_E_LIMIT = 3,   /* a limit that the embedder set would be passed */
    MID_E_BUSY = 4,    /* something is still in use, or the call is not allowed in this phase */
    MID_E_IO = 5,      /* a file or descriptor failed; errno holds the cause */
    MID_E_BROKEN = 6,  /* a verifier found a broken invariant */
    MID_E_FORMAT = 7   /* input that is damaged or not of the expected format */
};

/* The version of the library that runs, as "0.1.0". Static storage; any thread. */
MID_API const char *mid_version(void);

/* A short English name for a status ("out of memory"). Never NULL, also for values that no enum constant has.
 * Static storage; any thread. */
MID_API const char *mid_status_name(enum mid_status status);

/* One broken invariant, or one misuse that check mode caught. The strings live only for the time of the call. */
struct mid_broken {
    size_t struct_size;  /* sizeof(struct mid_broken) of the library that calls */
    const char *rule;    /* stable name of the rule, such as "slab.I3": the I3 at the head of slab.c */
    const char *detail;  /* one line for people, with figures */
    const void *address; /* the memory that it concerns, or NULL */
};

/* Receives broken invariants. A verifier calls it once per finding and goes on; a misuse found while the program runs
 * (a double release) calls it once, and what happens after it returns is said at the function that found it. It must
 * not call back into the pool or heap that reports. */
typedef void (*mid_broken_fn)(void *user, const struct mid_broken *broken);

#ifdef __cplusplus
}
#endif
#endif
