/* SPDX-License-Identifier: MIT
 *
 * sites.c: the sections that say where nodes were allocated, as V8 writes them:
 *
 *     "trace_function_infos":[0,"(root)","",0,0,0, 1,name,script,script_id,line,column, ...]
 *     "trace_tree":[1,0,0,0,[2,function,count,bytes,[3,...,[]], 4,...,[]]]
 *
 * A site's number in the tree is its index in the source + 2; the root is 1. The children of a node are one flat list: five
 * elements a child, the last its own list. The tree is written without recursion, along two links a site, the one
 * part of the writer whose memory grows: with the sites, of which a program has thousands.
 *
 * I1  every site names a parent before it, so the tree is one and finite
 */
#include "sink.h"

#include <stdlib.h>
#include <string.h>

#define ROOT 0u /* of the links below: site i is i + 1 */

struct links {
    uint32_t first_child, next;
};

bool mid__sites_are_sound(const struct mid_snapshot_source *s)
{
    if (s->site_count == 0)
        return s->sample_bytes == 0;
    if (s->sites == NULL || s->functions == NULL || s->site_count > UINT32_MAX - 2 || s->function_count > UINT32_MAX - 2)
        return false;
    for (size_t i = 0; i < s->site_count; i++)
        if (s->sites[i].parent > i || s->sites[i].function >= s->function_count)
            return false;
    for (size_t i = 0; i < s->function_count; i++)
        if ((s->functions[i].name.text == NULL && s->functions[i].name.bytes != 0) ||
            (s->functions[i].script.text == NULL && s->functions[i].script.bytes != 0))
            return false;
    return true;
}

static void raw(struct mid_snapshot_sink *sink, const char *text)
{
    if (!sink->replay)
        mid__out_raw(&sink->out, text, strlen(text));
}

static void numbers(struct mid_snapshot_sink *sink, const uint64_t *list, size_t count, bool comma)
{
    for (size_t i = 0; i < count && !sink->replay; i++) {
        char *at = mid__out_room(&sink->out, MID__DECIMAL_ROOM + 1);
        *at = ',';
        at += comma || i != 0;
        sink->out.at = mid__decimal(at, list[i]);
    }
}

static void function(struct mid_snapshot_sink *sink, uint64_t id, const struct mid_snapshot_function *f)
{
    uint32_t name, script;
    if (mid__sink_name(sink, f->name, MID__NAME_LASTING, &name) != MID_OK ||
        mid__sink_name(sink, f->script, MID__NAME_LASTING, &script) != MID_OK)
        return;
    numbers(sink, (const uint64_t[]){id, name, script, f->script_id, f->line, f->column}, 6, id != 0);
}

/* The last site comes first in the lists, so that the links are made in one pass; false: no memory. */
static struct links *link_sites(const struct mid_snapshot_source *source)
{
    struct links *links = calloc(source->site_count + 1, sizeof *links);
    for (size_t i = source->site_count; links != NULL && i > 0; i--) {
        size_t parent = source->sites[i - 1].parent;
        links[i].next = links[parent].first_child;
        links[parent].first_child = (uint32_t)i;
    }
    return links;
}

static void tree(struct mid_snapshot_sink *sink, const struct mid_snapshot_source *source, const struct links *links)
{
    size_t at = ROOT;
    raw(sink, "1,0,0,0,[");
    for (bool down = true;;) {
        size_t to = down ? links[at].first_child : links[at].next;
        if (to != 0) {
            const struct mid_snapshot_site *s = &source->sites[to - 1];
            numbers(sink, (const uint64_t[]){to + 1, s->function + 1, s->count, s->bytes}, 4, !down);
            raw(sink, ",[");
            at = to;
            down = true;
            continue;
        }
        if (!down)
            at = source->sites[at - 1].parent;
        raw(sink, "]");
        down = false;
        if (at == ROOT)
            return;
    }
}

void mid__sites_write(struct mid_snapshot_sink *sink, const struct mid_snapshot_source *source)
{
    const struct mid_snapshot_function root = {.name = {"(root)", 6}};
    struct links *links = NULL;
    raw(sink, "\"trace_function_infos\":[");
    if (sink->sites != 0) {
        function(sink, 0, &root);
        for (size_t i = 0; i < source->function_count && sink->status == MID_OK; i++)
            function(sink, i + 1, &source->functions[i]);
    }
    raw(sink, "],\n\"trace_tree\":[");
    if (sink->sites != 0 && !sink->replay) {
        links = link_sites(source);
        if (links == NULL)
            mid__sink_fail(sink, MID_E_MEMORY);
        else
            tree(sink, source, links);
    }
    raw(sink, "],\n");
    free(links);
}
