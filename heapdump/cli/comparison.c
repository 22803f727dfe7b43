/* SPDX-License-Identifier: MIT
 *
 * comparison.c: two snapshots compared, for `midden export OLD NEW`. Three readings, one snapshot in memory at a time:
 *
 *     NEW   interfaces, columns of the library's comparison
 *     OLD   rows by class; ids, ascending
 *     NEW   for good; an object is new when its id is none of those
 */
#include "comparison.h"

#include <stdlib.h>
#include <string.h>

struct ids {
    uint64_t *list; /* ascending */
    uint32_t count;
};

static struct ids ids_of(const struct mid__graph *g)
{
    struct ids ids = {cli_allocate((size_t)g->node_count + 1, sizeof ids.list[0]), g->node_count};
    for (uint32_t i = 0; i < g->node_count; i++)
        ids.list[i] = mid__graph_id(g, g->by_id[i]);
    return ids;
}

static uint8_t *mark_new(const struct mid__graph *g, const struct ids *old)
{
    uint8_t *is_new = cli_allocate((size_t)g->node_count + 1, 1);
    uint32_t at = 0;
    for (uint32_t i = 0; i < g->node_count; i++) {
        uint64_t id = mid__graph_id(g, g->by_id[i]);
        while (at < old->count && old->list[at] < id)
            at++;
        is_new[g->by_id[i]] = at == old->count || old->list[at] != id;
    }
    return is_new;
}

void comparison_open(struct comparison *c, struct dump *d, const struct options *options, const char *old_path,
                     const char *new_path, unsigned parts)
{
    *c = (struct comparison){.old_path = old_path};
    dump_open(d, new_path, DIFF_PARTS | dump_parts(options));
    dump_check(d, mid__diff_create(&c->diff));
    dump_infer(d);
    bool known = dump_select_one(d, options);
    dump_classify(d, d->interfaces, false);
    dump_check(d, mid__diff_take_new(c->diff, d->graph, d->classes, d->selected));
    struct mid__interfaces *interfaces = d->interfaces;
    d->interfaces = NULL;
    dump_close(d);

    dump_open(d, old_path, DIFF_PARTS | dump_parts(options));
    d->interfaces = interfaces;
    known |= dump_select_one(d, options);
    dump_classify(d, interfaces, false);
    dump_check(d, mid__diff_take_old(c->diff, d->graph, d->classes, d->selected));
    c->old = diff_side_of(d);
    struct ids old = ids_of(d->graph);
    c->old_title = strdup(d->title);
    d->interfaces = NULL;
    dump_close(d);
    if (!known)
        dump_refuse_ids(options);

    dump_open(d, new_path, parts | MID__PART_BY_ID | dump_parts(options));
    d->interfaces = interfaces;
    dump_select_one(d, options);
    c->is_new = mark_new(d->graph, &old);
    free(old.list);
    mid__graph_drop(d->graph, MID__PART_BY_ID);
}

void comparison_close(struct comparison *c)
{
    mid__diff_free(c->diff);
    free(c->is_new);
    free((void *)(uintptr_t)c->old_title);
    *c = (struct comparison){0};
}
