/* SPDX-License-Identifier: MIT
 *
 * peers.h: the names of the peers inside this process. jemalloc's are made by bench.mk with objcopy; those of mimalloc
 * and tcmalloc are filled in by allocators.c when their libraries are loaded.
 */
#ifndef MIDDEN_BENCH_PEERS_H
#define MIDDEN_BENCH_PEERS_H

#include <stdbool.h>
#include <stddef.h>

void *jem_malloc(size_t bytes);
void jem_free(void *p);
void jem_sdallocx(void *p, size_t bytes, int flags);
int jem_mallctl(const char *name, void *old, size_t *old_bytes, void *set, size_t set_bytes);

struct peer_functions {
    void *(*alloc)(size_t bytes);
    void (*release)(void *p);
    void (*release_sized)(void *p, size_t bytes);
    void (*collect)(bool force); /* mimalloc */
    void (*give_back)(void);     /* tcmalloc */
    char version[32];
};
extern struct peer_functions mi, tc;

#endif
