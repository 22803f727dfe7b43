/* SPDX-License-Identifier: MIT
 *
 * index.c: opens an index: the file is mapped, and its sections become the graph's columns where they lie.
 *
 * Problem: reading a gigabyte and computing its dominators takes seconds, and people ask a dump many questions. An index
 * is all columns in one file, so that a question costs the pages that it looks at.
 *
 * What an index is believed. It may be stale, cut, damaged, another machine's, or made by somebody who wants a reader to
 * crash. So the header must name the very dump (index_place.c), this midden and this machine, and have its checksum. Then
 * one of two: the file is vouched for, that is, a note in the user's own cache directory says that this user's midden
 * left it with just this inode, size, times of change of content and of inode, and checksum; or all of its sections are
 * gone through: checksums first, then every index that a reader of the graph could follow (index_verify.c), which takes a
 * fraction of a second a gigabyte. Whatever fails is no error: the dump is read, and the index written anew.
 *
 * The mapping is shared and read-only, so that its pages belong to the page cache and not to the process. The two columns
 * that later analysis writes to are made private. Writers of an index replace the file and never change one; somebody
 * who cuts the user's own file while it is mapped gets that user's midden a SIGBUS.
 */
#include "index_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN(field) offsetof(struct mid__graph, field)
#define OWN(field)   offsetof(struct mid__graph_private, field)

unsigned index_columns(const struct index_header *h, struct index_column list[INDEX_COLUMNS])
{
    const uint64_t n = h->node_count, e = h->edge_count, s = h->string_count;
    const struct index_column all[] = {
        {1, 1, SHOWN(node_type), OWN(node_type), n, false, false},
        {2, 4, SHOWN(node_name), OWN(node_name), n, false, false},
        {3, 4, SHOWN(node_id32), OWN(id32), n, true, false},
        {4, 8, SHOWN(node_id64), OWN(id64), n, true, false},
        {5, 4, SHOWN(node_raw_size), OWN(raw_size), n, false, false},
        {6, 4, SHOWN(node_size), OWN(size), n, false, false},
        {7, 4, SHOWN(first_edge), OWN(first_edge), n + 1, false, false},
        {8, 1, SHOWN(node_detachedness), OWN(detachedness), n, false, true},
        {9, 1, SHOWN(node_flags), OWN(flags), n, false, true},
        {10, 4, SHOWN(node_trace_id), OWN(trace_id), n, true, false},
        {11, 1, SHOWN(edge_type), OWN(edge_type), e, false, false},
        {12, 4, SHOWN(edge_name), OWN(edge_name), e, false, false},
        {13, 4, SHOWN(edge_target), OWN(edge_target), e, false, false},
        {14, sizeof(struct mid__graph_location), SHOWN(locations), OWN(locations), h->location_count, false, false},
        {15, 1, SHOWN(strings.text), OWN(text), h->text_bytes, false, false},
        {16, 8, SHOWN(strings.start), OWN(text_start), s + 1, false, false},
        {17, 4, SHOWN(strings.detached), OWN(detached_names), h->detached_count, false, false},
        {18, 1, NO_POINTER, OWN(names.kind), s, false, false},
        {19, sizeof(struct ephemeron), NO_POINTER, OWN(names.ephemerons), h->ephemeron_count, false, false},
        {20, 1, SHOWN(meta_json), OWN(meta_json), h->meta_bytes, false, false},
        {21, sizeof(struct wide_size), NO_POINTER, OWN(wide_raw.list), h->wide_raw_count, false, false},
        {22, sizeof(struct wide_size), NO_POINTER, OWN(wide.list), h->wide_count, false, false},
        {23, 4, SHOWN(dominator), NO_POINTER, n, false, false},
        {24, 8, SHOWN(retained), NO_POINTER, n, false, false},
        {25, 4, SHOWN(distance), NO_POINTER, n, false, false},
        {26, 4, SHOWN(first_dominated), NO_POINTER, n + 1, false, false},
        {27, 4, SHOWN(dominated), NO_POINTER, n - 1, false, false},
        {28, 4, SHOWN(first_retainer), NO_POINTER, n + 1, false, false},
        {29, 4, SHOWN(retainer), NO_POINTER, e, false, false},
        {30, sizeof(struct mid__graph_function), SHOWN(functions), OWN(functions), h->function_count, false, false},
        {31, sizeof(struct mid__graph_site), SHOWN(sites), OWN(sites), h->site_count, false, false},
        {32, 4, SHOWN(site_by_id), OWN(site_by_id), h->site_count, false, false},
    };
    _Static_assert(sizeof all / sizeof all[0] <= INDEX_COLUMNS, "room for every column");
    memcpy(list, all, sizeof all);
    return sizeof all / sizeof all[0];
}

void index_header_begin(struct index_header *h)
{
    static const uint32_t order = 0x01020304;
    const char *version = mid_version();
    memset(h, 0, sizeof *h);
    memcpy(h->magic, INDEX_MAGIC, sizeof h->magic);
    h->version = INDEX_VERSION;
    h->header_bytes = sizeof *h;
    h->machine = index_hash(&order, sizeof order) ^ sizeof(void *) << 32 ^ sizeof(struct ephemeron) << 40 ^
                 sizeof(struct wide_size) << 48 ^ sizeof(struct mid__graph_warning);
    h->software = index_hash(version, strlen(version));
}

/* ---- checksums */

MID__INLINE uint64_t lane(uint64_t h, const unsigned char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    h ^= w * 0x9e3779b97f4a7c15u;
    return (h << 27 | h >> 37) * 0xbf58476d1ce4e5b9u;
}

uint64_t index_hash(const void *bytes, uint64_t count)
{
    const unsigned char *p = bytes;
    uint64_t a = 1, b = 2, c = 3, d = 4, left = count;
    for (; left >= 32; left -= 32, p += 32) {
        a = lane(a, p);
        b = lane(b, p + 8);
        c = lane(c, p + 16);
        d = lane(d, p + 24);
    }
    unsigned char tail[32] = {0};
    if (left != 0)
        memcpy(tail, p, (size_t)left);
    a = lane(lane(a, tail), tail + 8) ^ (b << 7 | b >> 57);
    c = lane(lane(c, tail + 16), tail + 24) ^ (d << 13 | d >> 51);
    a = (a ^ c ^ count) * 0x94d049bb133111ebu;
    a = (a ^ a >> 31 ^ c >> 3) * 0x9e3779b97f4a7c15u;
    return a ^ a >> 32;
}

/* ---- the header */

bool index_header_good(const void *bytes, uint64_t size)
{
    const struct index_header *h = bytes;
    struct index_header ours;
    if (size < sizeof *h)
        return false;
    index_header_begin(&ours);
    return memcmp(h, &ours, offsetof(struct index_header, file_bytes)) == 0 && h->file_bytes == size &&
           h->section_count <= INDEX_SECTIONS && h->hash == index_hash(h, offsetof(struct index_header, hash)) &&
           h->node_count >= 1 && h->node_count <= MAX_COUNT && h->edge_count <= MAX_COUNT &&
           h->string_count <= MAX_COUNT && h->detached_count <= MAX_COUNT - h->string_count && h->root < h->node_count &&
           h->warning_count <= MAX_WARNINGS && h->meta_bytes >= 1;
}

const void *index_section(const struct index_map *m, uint32_t id, uint32_t element_bytes, uint64_t count, bool trusted)
{
    const struct index_section *s = m->header->section;
    for (uint32_t i = 0; i < m->header->section_count; i++, s++) {
        if (s->id != id)
            continue;
        if (s->element_bytes != element_bytes || s->count != count || s->offset % INDEX_ALIGN != 0 ||
            s->offset < sizeof *m->header || s->offset > m->size || count > (m->size - s->offset) / element_bytes)
            return NULL;
        const unsigned char *at = m->bytes + s->offset;
        return trusted || s->hash == index_hash(at, count * element_bytes) ? at : NULL;
    }
    return NULL;
}

/* ---- attaching */

static void set_pointer(void *base, size_t offset, const void *to)
{
    if (offset != NO_POINTER)
        memcpy((char *)base + offset, &to, sizeof to);
}

/* Makes a column's pages private and fit for writing. */
static bool make_private(const struct index_map *m, const void *at, uint64_t bytes)
{
    return !m->mapped || bytes == 0 ||
           mprotect((void *)(uintptr_t)at, mid__align_up((size_t)bytes, mid__sys_page_bytes()), PROT_READ | PROT_WRITE) == 0;
}

static bool attach_columns(struct mid__graph *g, const struct index_map *m, bool trusted)
{
    struct index_column list[INDEX_COLUMNS];
    unsigned count = index_columns(m->header, list);
    for (unsigned i = 0; i < count; i++) {
        const void *at = index_section(m, list[i].id, list[i].bytes, list[i].count, trusted);
        if (at == NULL && !list[i].optional)
            return false;
        if (at != NULL && list[i].written_to && !make_private(m, at, list[i].count))
            return false;
        set_pointer(g, list[i].shown, at);
        set_pointer(g->own, list[i].own, at);
    }
    return (g->node_id32 == NULL) != (g->node_id64 == NULL);
}

/* What is small lies in the private half itself. */
static bool copy_small(struct mid__graph *g, const struct index_map *m)
{
    struct mid__graph_private *own = g->own;
    uint32_t warnings = m->header->warning_count;
    const size_t names = sizeof own->node_type_name + sizeof own->edge_type_name;
    const struct mid__graph_warning *w = index_section(m, SECTION_WARNINGS, sizeof *w, warnings, false);
    const char *types = index_section(m, SECTION_TYPE_NAMES, 1, names, false);
    if (w == NULL || types == NULL)
        return false;
    if (warnings != 0)
        memcpy(own->warnings, w, warnings * sizeof *w);
    memcpy(own->node_type_name, types, sizeof own->node_type_name);
    memcpy(own->edge_type_name, types + sizeof own->node_type_name, sizeof own->edge_type_name);
    for (uint32_t i = 0; i < warnings; i++) {
        own->warnings[i].section[sizeof own->warnings[i].section - 1] = '\0';
        own->warnings[i].message[sizeof own->warnings[i].message - 1] = '\0';
        mid__make_plain(own->warnings[i].section);
        mid__make_plain(own->warnings[i].message);
    }
    for (unsigned i = 0; i < MAX_NODE_TYPES; i++) {
        own->node_type_name[i][TYPE_NAME_BYTES - 1] = '\0';
        mid__make_plain(own->node_type_name[i]);
    }
    for (unsigned i = 0; i < MAX_EDGE_TYPES; i++) {
        own->edge_type_name[i][TYPE_NAME_BYTES - 1] = '\0';
        mid__make_plain(own->edge_type_name[i]);
    }
    g->warnings = own->warnings;
    g->warning_count = warnings;
    return true;
}

static void copy_header(struct mid__graph *g, const struct index_header *h)
{
    struct mid__graph_private *own = g->own;
    g->node_count = h->node_count;
    g->edge_count = h->edge_count;
    g->root = h->root;
    g->strings.count = h->string_count;
    g->strings.detached_count = own->detached_room = h->detached_count;
    g->location_count = h->location_count;
    g->function_count = h->function_count;
    g->site_count = h->site_count;
    g->sample_bytes = h->sample_bytes;
    g->has_user_roots = h->has_user_roots != 0;
    g->extra_native_bytes = h->extra_native_bytes;
    g->total_size = h->total_size;
    g->input_bytes = h->input_bytes;
    own->has_detachedness = h->has_detachedness != 0;
    own->names.ephemeron_count = own->names.ephemeron_room = h->ephemeron_count;
    own->names.pair_count = h->pair_count;
    own->wide_raw.count = own->wide_raw.room = h->wide_raw_count;
    own->wide.count = own->wide.room = h->wide_count;
    own->done = MID__INDEX_PARTS;
}

bool index_attach(struct mid__graph *g, struct index_map *m, bool trusted)
{
    copy_header(g, m->header);
    return attach_columns(g, m, trusted) && copy_small(g, m) && (trusted || index_sound(g, m));
}

void mid__index_close(struct mid__graph *g)
{
    struct index_map *m = g->own->index;
    if (m == NULL)
        return;
    if (m->mapped)
        munmap(m->bytes, (size_t)m->size);
    free(m);
    g->own->index = NULL;
}

bool mid__graph_from_index(const struct mid__graph *g)
{
    return g->own->index != NULL;
}

/* ---- opening */

static bool use(struct mid__graph *g, unsigned char *bytes, uint64_t size, bool mapped, int fd)
{
    struct index_map *m = malloc(sizeof *m);
    if (m == NULL)
        return false;
    *m = (struct index_map){bytes, size, (const struct index_header *)(const void *)bytes, mapped};
    g->own->index = m;
    struct index_note note;
    bool noted = fd >= 0 && index_note_of(fd, m->header, &note), trusted = noted && index_vouched(&note);
    if (!index_attach(g, m, trusted))
        return false;
    if (noted && !trusted)
        index_vouch(&note);
    return true;
}

/* An index of the dump with this key, in an open file. The graph may be spoiled when it is none. */
static bool use_file(struct mid__graph *g, int fd, const struct index_key *key)
{
    struct stat st;
    struct index_header h;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) != 0 ||
        (uint64_t)st.st_size < sizeof h || (uint64_t)st.st_size > SIZE_MAX)
        return false;
    if (pread(fd, &h, sizeof h, 0) != (ssize_t)sizeof h || memcmp(&h.dump, key, sizeof *key) != 0 ||
        !index_header_good(&h, (uint64_t)st.st_size))
        return false;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return false;
    if (memcmp(p, &h, sizeof h) != 0) { /* somebody writes to it */
        munmap(p, (size_t)st.st_size);
        return false;
    }
    if (use(g, p, (uint64_t)st.st_size, true, fd))
        return true;
    if (g->own->index == NULL)
        munmap(p, (size_t)st.st_size);
    return false;
}

/* Forgets what a bad index put into the graph. */
static void reset(struct mid__graph *g)
{
    struct mid__graph_private *own = g->own;
    mid__index_close(g);
    struct mid__graph_options options = own->options;
    struct memory memory = own->memory;
    memset(own, 0, sizeof *own);
    own->options = options;
    own->memory = memory;
    *g = (struct mid__graph){.own = own};
}

/* Whether the dump may be large enough for an index, as far as its file says. */
static bool may_be_worth_it(const struct mid__graph *g, uint64_t file_bytes)
{
    return file_bytes >= g->own->options.index->least_bytes / 20; /* compressed, perhaps */
}

bool index_open(const char *path, struct mid__graph *g)
{
    char place[INDEX_PLACES][4096];
    struct index_key key = {0, 0, 0, {0, 0}};
    int dump = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool good = dump >= 0 && index_key_of(dump, &key), found = false;
    if (dump >= 0)
        close(dump);
    unsigned places = good ? index_places(path, &key, g->own->options.index, place) : 0;
    for (unsigned i = 0; i < places && !found; i++) {
        int fd = open(place[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
            continue;
        found = use_file(g, fd, &key);
        close(fd);
        if (!found)
            reset(g);
    }
    g->own->dump_key = key;
    g->own->has_dump_key = good;
    if (!found && places != 0 && may_be_worth_it(g, key.bytes)) {
        index_directory_of(place[0], g->own->park_directory);
        g->own->memory.park_directory = g->own->park_directory;
    }
    return found;
}

enum mid_status mid__index_load_memory(void *bytes, size_t size, const struct mid__graph_options *options,
                                       struct mid__graph **graph, struct mid__graph_error *error)
{
    struct mid__graph *g = mid__graph_make(options, error);
    *graph = NULL;
    if (g == NULL)
        return error->status;
    if (index_header_good(bytes, size) && use(g, bytes, size, false, -1)) {
        *graph = g;
        return MID_OK;
    }
    mid__graph_free(g);
    return mid__fail(error, MID_E_FORMAT, "no good index");
}

void mid__index_seal(void *bytes, size_t size)
{
    struct index_header *h = bytes;
    if (size < sizeof *h)
        return;
    for (uint32_t i = 0; i < h->section_count && i < INDEX_SECTIONS; i++) {
        struct index_section *s = &h->section[i];
        uint64_t length;
        if (s->offset <= size && !mid__mul_overflows_u64(s->count, s->element_bytes, &length) && length <= size - s->offset)
            s->hash = index_hash((char *)bytes + s->offset, length);
    }
    h->hash = index_hash(h, offsetof(struct index_header, hash));
}
