/* SPDX-License-Identifier: MIT
 *
 * index_write.c: writes an index: whole or not at all, for its user's eyes alone.
 *
 * The sections are written as they lie in memory, one behind the other, into a file without a name, and their pages are
 * those of the file from then on, so that writing an index takes no memory. Where columns were parked (memory.c) in the
 * directory that the index goes to, their file is the one, and they are in it already. It gets a name when all is there and the dump is still the dump that was read; a file of that name is replaced in one step. So a writer
 * that is stopped, in whatever way, leaves nothing. Where the file system has no files without names, it is a temporary
 * one, which only a kill leaves behind.
 *
 *     header (last) | node_type | node_name | ... | retainers | classes | interfaces
 *
 * Blocks of zeros (flags and states of most dumps) become holes. An index must not fill a disk: where not twice its size is
 * free, none is written.
 */
#include "index_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct writing {
    const struct mid__graph *g;
    struct index_header h;
    struct mid__graph_error *error;
    struct mid__interfaces *interfaces;
    uint64_t end;              /* of the file so far */
    uint64_t written, planned; /* for progress, and for room */
    int fd;
    bool parked; /* the file is the one that columns were parked in */
    char place[4096], temporary[4096]; /* temporary: "" where the file has no name */
};

static bool fail(struct writing *w, const char *what)
{
    mid__fail(w->error, MID_E_IO, "%s: %s", what, strerror(errno));
    return false;
}

static bool is_zero(const unsigned char *p, size_t bytes)
{
    return p[0] == 0 && memcmp(p, p + 1, bytes - 1) == 0;
}

static bool write_at(struct writing *w, const unsigned char *from, uint64_t bytes, uint64_t offset)
{
    while (bytes != 0) {
        ssize_t n = pwrite(w->fd, from, (size_t)bytes, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(w, "cannot write the index");
        from += n;
        bytes -= (uint64_t)n;
        offset += (uint64_t)n;
    }
    return true;
}

#define BLOCK ((uint64_t)4 << 20)

static bool put_section(struct writing *w, uint32_t id, uint32_t element_bytes, uint64_t count, const void *content)
{
    const unsigned char *from = content;
    const uint64_t bytes = count * element_bytes, hash = index_hash(from, bytes);
    struct memory *m = &w->g->own->memory;
    uint64_t offset = w->end;
    if (w->h.section_count == INDEX_SECTIONS || !mid__progress(w->g, "index", w->written, w->planned, w->error))
        return false;
    if (w->parked && mid__mem_parked_at(m, content, &offset)) {
        w->written += bytes;
    } else {
        for (uint64_t done = 0; done < bytes; done += BLOCK) {
            uint64_t part = bytes - done < BLOCK ? bytes - done : BLOCK;
            if (!mid__progress(w->g, "index", w->written, w->planned, w->error) ||
                (!is_zero(from + done, (size_t)part) && !write_at(w, from + done, part, offset + done)))
                return false;
            w->written += part;
        }
        w->end = (offset + bytes + INDEX_ALIGN - 1) / INDEX_ALIGN * INDEX_ALIGN;
        mid__mem_adopt(m, content, w->fd, offset, (size_t)bytes);
    }
    w->h.section[w->h.section_count++] = (struct index_section){id, element_bytes, offset, count, hash};
    mid__mem_rest(m, content);
    return true;
}

/* ---- what is not a column */

static bool put_texts(struct writing *w, unsigned v, const struct mid__intern *texts)
{
    uint64_t *ends = malloc(texts->count * sizeof *ends + 1);
    if (ends == NULL)
        return false;
    for (uint32_t i = 0; i < texts->count; i++)
        ends[i] = texts->ends[i];
    w->h.text_count[v] = texts->count;
    w->h.class_text_bytes[v] = texts->used;
    bool ok = put_section(w, SECTION_CLASSES(v, SECTION_ENDS), 8, texts->count, ends) &&
              put_section(w, SECTION_CLASSES(v, SECTION_TEXT), 1, texts->used, texts->bytes);
    free(ends);
    return ok;
}

static bool put_classes(struct writing *w, unsigned v, const struct mid__classes *c)
{
    struct index_class *list = calloc(c->count + (size_t)1, sizeof *list);
    if (list == NULL)
        return false;
    for (uint32_t i = 0; i < c->count; i++)
        list[i] = (struct index_class){.count = c->list[i].count, .shallow = c->list[i].shallow,
                                       .retained = c->list[i].retained, .name = c->list[i].name,
                                       .key = c->list[i].key, .distance = c->list[i].distance};
    w->h.class_count[v] = c->count;
    bool ok = put_section(w, SECTION_CLASSES(v, SECTION_LIST), sizeof *list, c->count, list) &&
              put_section(w, SECTION_CLASSES(v, SECTION_OF_NODE), 4, w->g->node_count, c->of_node) &&
              put_texts(w, v, &c->texts);
    free(list);
    return ok;
}

static bool put_interfaces(struct writing *w)
{
    const struct mid__interfaces *in = w->interfaces;
    struct index_interface *list = calloc(in->count + (size_t)1, sizeof *list);
    uint64_t properties = 0;
    if (list == NULL)
        return false;
    for (uint32_t i = 0; i < in->count; i++) {
        list[i] = (struct index_interface){in->list[i].name, in->list[i].first_property, in->list[i].property_count, 0,
                                           in->list[i].object_count};
        properties += in->list[i].property_count;
    }
    w->h.class_count[2] = in->count;
    w->h.property_count = properties;
    bool ok = put_section(w, SECTION_CLASSES(2, SECTION_LIST), sizeof *list, in->count, list) &&
              put_section(w, SECTION_PROPERTIES, 4, properties, in->properties) && put_texts(w, 2, &in->texts);
    free(list);
    return ok;
}

static bool put_small(struct writing *w)
{
    const struct mid__graph_private *own = w->g->own;
    struct mid__statistics statistics;
    char types[sizeof own->node_type_name + sizeof own->edge_type_name];
    memcpy(types, own->node_type_name, sizeof own->node_type_name);
    memcpy(types + sizeof own->node_type_name, own->edge_type_name, sizeof own->edge_type_name);
    return mid__statistics_of(w->g, NULL, &statistics) == MID_OK &&
           put_section(w, SECTION_STATISTICS, sizeof statistics, 1, &statistics) &&
           put_section(w, SECTION_WARNINGS, sizeof own->warnings[0], w->g->warning_count, own->warnings) &&
           put_section(w, SECTION_TYPE_NAMES, 1, sizeof types, types);
}

/* ---- columns */

static const void *pointer_at(const void *base, size_t offset)
{
    const void *p = NULL;
    if (offset != NO_POINTER)
        memcpy(&p, (const char *)base + offset, sizeof p);
    return p;
}

static bool put_columns(struct writing *w)
{
    struct index_column list[INDEX_COLUMNS];
    unsigned count = index_columns(&w->h, list);
    for (unsigned i = 0; i < count; i++) {
        const void *at = pointer_at(w->g, list[i].shown);
        at = at != NULL ? at : pointer_at(w->g->own, list[i].own);
        if (at == NULL && (list[i].optional || list[i].count == 0)) {
            if (!list[i].optional && !put_section(w, list[i].id, list[i].bytes, 0, ""))
                return false;
            continue;
        }
        if (at == NULL || !put_section(w, list[i].id, list[i].bytes, list[i].count, at))
            return false;
    }
    return true;
}

static void fill_header(struct writing *w)
{
    const struct mid__graph *g = w->g;
    const struct mid__graph_private *own = g->own;
    struct index_header *h = &w->h;
    index_header_begin(h);
    h->dump = own->dump_key;
    h->node_count = g->node_count;
    h->edge_count = g->edge_count;
    h->string_count = g->strings.count;
    h->root = g->root;
    h->location_count = g->location_count;
    h->function_count = g->function_count;
    h->site_count = g->site_count;
    h->sample_bytes = g->sample_bytes;
    h->detached_count = g->strings.detached_count;
    h->warning_count = g->warning_count;
    h->ephemeron_count = own->names.ephemeron_count;
    h->pair_count = own->names.pair_count;
    h->wide_raw_count = own->wide_raw.count;
    h->wide_count = own->wide.count;
    h->has_user_roots = g->has_user_roots;
    h->has_detachedness = own->has_detachedness;
    h->extra_native_bytes = g->extra_native_bytes;
    h->total_size = g->total_size;
    h->input_bytes = g->input_bytes;
    h->text_bytes = (g->strings.start[g->strings.count] >> 1) + INDEX_TEXT_PAD;
    h->meta_bytes = strlen(g->meta_json) + 1;
}

/* ---- the file */

/* A file without a name in the directory of `place`, else one with a temporary name; -1 where neither can be. */
static int open_new(struct writing *w)
{
    char directory[4096];
    index_directory_of(w->place, directory);
    w->temporary[0] = '\0';
    w->end = INDEX_ALIGN;
    const char *parked = w->g->own->memory.park_directory;
    w->parked = w->g->own->memory.park_near && parked != NULL && strcmp(parked, directory) == 0 &&
                w->g->own->memory.park_fd >= 0;
    if (w->parked) {
        w->end = w->g->own->memory.park_end;
        return w->fd = w->g->own->memory.park_fd;
    }
    w->fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (w->fd >= 0)
        return w->fd;
    if (snprintf(w->temporary, sizeof w->temporary, "%s.XXXXXX", w->place) >= (int)sizeof w->temporary)
        return -1;
    w->fd = mkostemp(w->temporary, O_CLOEXEC);
    if (w->fd < 0)
        w->temporary[0] = '\0';
    return w->fd;
}

static bool has_room(int fd, uint64_t bytes)
{
    struct statvfs fs;
    return fstatvfs(fd, &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize / 2 >= bytes;
}

/* About what will be written: columns, and two of_node columns. */
static uint64_t plan(const struct writing *w)
{
    struct index_column list[INDEX_COLUMNS];
    unsigned count = index_columns(&w->h, list);
    uint64_t bytes = 8 * (uint64_t)w->g->node_count + INDEX_SECTIONS * INDEX_ALIGN;
    for (unsigned i = 0; i < count; i++)
        if (pointer_at(w->g, list[i].shown) != NULL || pointer_at(w->g->own, list[i].own) != NULL)
            bytes += list[i].bytes * list[i].count;
    return bytes;
}

/* What lies there already must be an index of ours, to be replaced, or nothing. */
static bool is_free(const char *place)
{
    struct stat st;
    if (lstat(place, &st) != 0)
        return errno == ENOENT;
    errno = EEXIST;
    return S_ISREG(st.st_mode) && st.st_uid == geteuid();
}

static bool open_place(struct writing *w, const char *path)
{
    char place[INDEX_PLACES][4096];
    unsigned count = index_places(path, &w->h.dump, w->g->own->options.index, place);
    errno = ENOENT;
    for (unsigned i = 0; i < count; i++) {
        memcpy(w->place, place[i], sizeof w->place);
        if ((i == 1 && !index_make_way(w->place)) || !is_free(w->place) || open_new(w) < 0)
            continue;
        if (has_room(w->fd, w->planned))
            return true;
        if (!w->parked)
            close(w->fd);
        w->fd = -1;
        if (w->temporary[0] != '\0')
            unlink(w->temporary);
        errno = ENOSPC;
    }
    return fail(w, "no place for it");
}

/* Whether the dump is what it was before it was read. */
static bool same_dump(const char *path, const struct index_key *key)
{
    struct index_key now;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool same = fd >= 0 && index_key_of(fd, &now) && memcmp(&now, key, sizeof now) == 0;
    if (fd >= 0)
        close(fd);
    return same;
}

/* Gives the file its name, in one step where there was another. */
static bool appear(struct writing *w)
{
    char link_name[64];
    if (w->temporary[0] == '\0') {
        snprintf(link_name, sizeof link_name, "/proc/self/fd/%d", w->fd);
        if (linkat(AT_FDCWD, link_name, AT_FDCWD, w->place, AT_SYMLINK_FOLLOW) == 0)
            return true;
        if (errno != EEXIST ||
            snprintf(w->temporary, sizeof w->temporary, "%s.%ld", w->place, (long)getpid()) >= (int)sizeof w->temporary ||
            linkat(AT_FDCWD, link_name, AT_FDCWD, w->temporary, AT_SYMLINK_FOLLOW) != 0) {
            w->temporary[0] = '\0';
            return fail(w, "cannot name the index");
        }
    }
    if (rename(w->temporary, w->place) != 0)
        return fail(w, "cannot name the index");
    w->temporary[0] = '\0';
    return true;
}

/* One table after the other: each has a class for every node. */
static bool make_classes(struct writing *w, unsigned v)
{
    struct mid__classes *c;
    mid__mem_rest_all(&w->g->own->memory);
    if (mid__classes_build(w->g, v == 0 ? NULL : w->interfaces, true, &c) != MID_OK)
        return false;
    bool ok = put_classes(w, v, c);
    mid__classes_free(c);
    return ok;
}

static bool put_all(struct writing *w)
{
    if (!put_columns(w) || !put_small(w) || !mid__progress(w->g, "index", w->written, w->planned, w->error) ||
        !make_classes(w, 0) || mid__interfaces_infer(w->g, &w->interfaces) != MID_OK ||
        !mid__progress(w->g, "index", w->written, w->planned, w->error) || !make_classes(w, 1) || !put_interfaces(w))
        return false;
    mid__mem_rest_all(&w->g->own->memory);
    w->h.file_bytes = w->end;
    w->h.hash = index_hash(&w->h, offsetof(struct index_header, hash));
    if (ftruncate(w->fd, (off_t)w->end) != 0)
        return fail(w, "cannot write the index");
    return write_at(w, (const unsigned char *)&w->h, sizeof w->h, 0);
}

static bool write_index(struct writing *w, const char *path)
{
    struct index_note note;
    fill_header(w);
    w->planned = plan(w);
    if (!open_place(w, path) || !put_all(w))
        return false;
    if (!same_dump(path, &w->h.dump)) {
        mid__fail(w->error, MID_E_IO, "the dump has changed while it was read");
        return false;
    }
    if (!appear(w))
        return false;
    if (index_note_of(w->fd, &w->h, &note))
        index_vouch(&note);
    return true;
}

bool mid__index_possible(const struct mid__graph *g)
{
    const struct mid__index_options *options = g->own->options.index;
    return options != NULL && g->own->has_dump_key && g->own->index == NULL && g->input_bytes >= options->least_bytes;
}

enum mid_status mid__index_write(const struct mid__graph *g, const char *path, struct mid__graph_error *error)
{
    memset(error, 0, sizeof *error);
    if (!mid__index_possible(g) || (g->own->done & MID__INDEX_PARTS) != MID__INDEX_PARTS)
        return mid__fail(error, MID_E_INVALID, "the graph is not one that an index can be made of");
    struct writing *w = calloc(1, sizeof *w);
    if (w == NULL)
        return mid__fail(error, MID_E_MEMORY, "out of memory");
    w->g = g;
    w->error = error;
    w->fd = -1;
    bool ok = write_index(w, path);
    if (w->fd >= 0 && !w->parked)
        close(w->fd);
    if (w->parked) /* a file with a name is not to be parked in any more */
        close(mid__mem_take_file(&w->g->own->memory));
    if (w->temporary[0] != '\0')
        unlink(w->temporary);
    mid__interfaces_free(w->interfaces);
    free(w);
    if (!ok && error->status == MID_OK)
        mid__fail(error, MID_E_MEMORY, "out of memory");
    return ok ? MID_OK : error->status;
}
