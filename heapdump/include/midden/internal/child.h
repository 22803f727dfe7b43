/* SPDX-License-Identifier: MIT
 * A snapshot that a forked child writes: what the writer and the adapter share. */
#ifndef MIDDEN_INTERNAL_CHILD_H
#define MIDDEN_INTERNAL_CHILD_H

#include <midden/snapshot.h>

/* Forks. The child calls write(user, figures), reports what it returned with errno and figures, and is gone; it never
 * returns from here. In the parent: the handle, or MID_E_MEMORY, or MID_E_IO with the errno of pipe or fork. `figures` is
 * filled when the child is waited for; may be NULL. */
typedef enum mid_status (*mid__child_fn)(void *user, struct mid_snapshot_figures *figures);
enum mid_status mid__child_start(mid__child_fn write, void *user, struct mid_snapshot_figures *figures,
                                 struct mid_snapshot_child **out);

/* What mid_snapshot_write_stream would say of the options (NULL: fine), before anything is done. */
int mid__snapshot_options_are_sound(const struct mid_snapshot_options *options);

#endif
