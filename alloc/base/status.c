/* SPDX-License-Identifier: MIT
 *
 * status.c: the names of the status codes, and the version. No state.
 */
#include <midden/base.h>

#define TEXT_OF(x)  #x
#define TEXT(x)     TEXT_OF(x)

const char *mid_version(void)
{
    return TEXT(MID_VERSION_MAJOR) "." TEXT(MID_VERSION_MINOR) "." TEXT(MID_VERSION_PATCH);
}

const char *mid_status_name(enum mid_status status)
{
    switch (status) {
    case MID_OK:
        return "ok";
    case MID_E_INVALID:
        return "invalid argument";
    case MID_E_MEMORY:
        return "out of memory";
    case MID_E_LIMIT:
        return "limit reached";
    case MID_E_BUSY:
        return "busy";
    case MID_E_IO:
        return "input or output failed";
    case MID_E_BROKEN:
        return "broken invariant";
    case MID_E_FORMAT:
        return "damaged or unknown format";
    }
    return "unknown status";
}
