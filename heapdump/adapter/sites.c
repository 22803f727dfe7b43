/* SPDX-License-Identifier: MIT
 *
 * sites.c: the allocation sites that a heap has sampled (<midden/sites.h>), for the snapshot. Numbers stay as they are: site n of
 * the heap is site n of the source, and so are functions.
 *
 * A frame of the C stack is an address. It becomes the symbol that the dynamic loader knows for it (exported functions, or all
 * of a program linked with -rdynamic), else "module+0x1234": what addr2line -e module takes. The script is the module's path.
 *
 * I1  scripts are texts of the heap or of the loader, names are copies; all stay until the write is over
 */
#include "sites.h"

#include <midden/sites.h>

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mid_snapshot_text text_of(const char *text)
{
    return (struct mid_snapshot_text){text, text == NULL ? 0 : strlen(text)};
}

/* A copy, so that all names are freed alike; NULL: no memory. */
static char *name_of_address(uint64_t address, struct mid_snapshot_text *script)
{
    char text[320];
    Dl_info info;
    *script = text_of(NULL);
    if (dladdr((const void *)(uintptr_t)address, &info) == 0 || info.dli_fname == NULL) {
        snprintf(text, sizeof text, "0x%" PRIx64, address);
        return strdup(text);
    }
    *script = text_of(info.dli_fname);
    if (info.dli_sname != NULL)
        return strdup(info.dli_sname);
    const char *slash = strrchr(info.dli_fname, '/');
    snprintf(text, sizeof text, "%.255s+0x%" PRIx64, slash != NULL ? slash + 1 : info.dli_fname,
             address - (uint64_t)(uintptr_t)info.dli_fbase);
    return strdup(text);
}

static void take_function(struct mid__sites *s, const struct mid_site *site)
{
    struct mid_snapshot_function *f = &s->functions[site->function - 1];
    const struct mid_frame *frame = site->frame;
    if (f->name.text != NULL)
        return;
    f->script = text_of(frame->script);
    f->line = frame->line;
    f->column = frame->column;
    char *name = frame->name != NULL || frame->address == 0 ? strdup(frame->name != NULL ? frame->name : "(anonymous)")
                                                             : name_of_address(frame->address, &f->script);
    s->failed |= name == NULL;
    f->name = text_of(name);
}

static void measure(void *user, const struct mid_site *site)
{
    struct mid__sites *s = user;
    s->function_count = site->function > s->function_count ? site->function : s->function_count;
}

static void take(void *user, const struct mid_site *site)
{
    struct mid__sites *s = user;
    s->sites[site->site - 1] = (struct mid_snapshot_site){
        .parent = site->parent, .function = site->function - 1, .count = site->samples, .bytes = site->sampled_bytes};
    take_function(s, site);
}

bool mid__sites_gather(struct mid_heap *heap, struct mid__sites *s)
{
    memset(s, 0, sizeof *s);
    s->site_count = mid_heap_sites(heap, measure, s);
    if (s->site_count == 0)
        return true;
    s->sample_bytes = mid_heap_sample_bytes(heap);
    s->sites = calloc(s->site_count, sizeof *s->sites);
    s->functions = calloc(s->function_count, sizeof *s->functions);
    if (s->sites == NULL || s->functions == NULL)
        return false;
    mid_heap_sites(heap, take, s);
    return !s->failed;
}

void mid__sites_into(const struct mid__sites *s, struct mid_snapshot_source *source)
{
    source->sites = s->sites;
    source->site_count = s->site_count;
    source->functions = s->functions;
    source->function_count = s->function_count;
    source->sample_bytes = s->sample_bytes;
}

void mid__sites_free_gathered(struct mid__sites *s)
{
    for (size_t i = 0; s->functions != NULL && i < s->function_count; i++)
        free((char *)(uintptr_t)s->functions[i].name.text);
    free(s->functions);
    free(s->sites);
}
