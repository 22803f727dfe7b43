/* SPDX-License-Identifier: MIT
 *
 * out.c: the one buffer between the writer and its callback.
 *
 *     buffer                                   limit              end
 *     | formatted, not yet handed over ... at ->|   slack          |
 *
 * The slack holds the largest single record (MID__OUT_ROOM_MAX), so a record asks once and then writes without looking.
 *
 * I1  The first failure is kept with its errno, and nothing is handed over after it.
 * I2  The callback never sees 0 bytes; a short count is continued.
 */
#include "out.h"

#include <errno.h>
#include <string.h>

void mid__out_begin(struct mid__out *out, mid_snapshot_write_fn write, void *user, char *buffer, size_t bytes)
{
    *out = (struct mid__out){.write = write, .user = user, .buffer = buffer, .at = buffer};
    out->limit = buffer + (bytes - MID__OUT_ROOM_MAX);
}

static void hand_over(struct mid__out *out, const char *data, size_t bytes)
{
    while (bytes != 0 && out->status == MID_OK) {
        errno = 0;
        ptrdiff_t taken = out->write(out->user, data, bytes);
        if (taken <= 0 || (size_t)taken > bytes) {
            out->error = taken < 0 && errno != 0 ? errno : EIO;
            out->status = MID_E_IO;
            return;
        }
        out->flushed += (uint64_t)taken;
        data += taken;
        bytes -= (size_t)taken;
    }
}

void mid__out_flush(struct mid__out *out)
{
    hand_over(out, out->buffer, (size_t)(out->at - out->buffer));
    out->at = out->buffer;
}

void mid__out_raw(struct mid__out *out, const char *text, size_t bytes)
{
    while (bytes != 0) {
        size_t part = bytes < MID__OUT_ROOM_MAX ? bytes : MID__OUT_ROOM_MAX;
        memcpy(mid__out_room(out, part), text, part);
        out->at += part;
        text += part;
        bytes -= part;
    }
}
