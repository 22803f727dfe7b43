/* SPDX-License-Identifier: MIT
 * An index that somebody made: the bytes of a real one (of a fixture, made once), changed where the fuzzer says, with
 * checksums made right again. What is opened must be safe to walk.
 *
 *     input: { place: 3 bytes, value: 1 byte } ...      value: bit 7 set writes four bytes of 0xff or 0, by bit 0 */
#include <midden/internal/index.h>
#include <midden/internal/path.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIXTURE "tests/golden/fixtures/tiny2.heapsnapshot"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned char *real, *copy;
static size_t real_bytes;

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void make_real(void)
{
    char directory[] = "/tmp/midden-fuzz-XXXXXX", path[4096];
    struct mid__index_options where = {mkdtemp(directory), 0};
    struct mid__graph_options options = {.index = &where};
    struct mid__graph *g;
    struct mid__graph_error e;
    must(setenv("XDG_CACHE_HOME", directory, 1) == 0);
    must(mid__graph_load(FIXTURE, &options, &g, &e) == MID_OK);
    must(mid__graph_analyze(g, MID__INDEX_PARTS, &e) == MID_OK && mid__index_write(g, FIXTURE, &e) == MID_OK);
    mid__graph_free(g);
    snprintf(path, sizeof path, "cat %s/*.midden; rm -r %s", directory, directory);
    FILE *f = popen(path, "r");
    must(f != NULL);
    for (size_t n = 1; n != 0; real_bytes += n) {
        real = realloc(real, real_bytes + 65536);
        must(real != NULL);
        n = fread(real + real_bytes, 1, 65536, f);
    }
    pclose(f);
    copy = aligned_alloc(64, (real_bytes + 63) / 64 * 64);
    must(copy != NULL && real_bytes > 65536);
}

static void walk(struct mid__graph *g)
{
    struct mid__graph_error e;
    struct mid__interfaces *in = NULL;
    struct mid__classes *c = NULL;
    uint32_t *steps, count;
    char name[64];
    must(mid__graph_analyze(g, MID__PARTS_ALL, &e) == MID_OK);
    for (uint32_t n = 0; n < g->node_count; n++) {
        uint32_t steps_up = 0;
        for (uint32_t d = n; d != g->root; d = g->dominator[d])
            must(++steps_up <= g->node_count);
        mid__strings_get(&g->strings, g->node_name[n], name, sizeof name);
        for (uint32_t edge = g->first_edge[n]; edge < g->first_edge[n + 1]; edge++) {
            must(g->edge_target[edge] < g->node_count);
            if (!mid__edge_is_numbered(g->edge_type[edge]))
                (void)mid__strings_hash(&g->strings, g->edge_name[edge]);
        }
        (void)mid__graph_size(g, n);
        (void)mid__graph_raw_size(g, n);
        (void)mid__graph_location_of(g, n);
    }
    if (mid__path_to(g, g->node_count - 1, &steps, &count) == MID_OK)
        free(steps);
    if (mid__interfaces_infer(g, &in) == MID_OK && mid__classes_build(g, in, true, &c) == MID_OK)
        for (uint32_t n = 0; n < g->node_count; n++)
            must(c->of_node[n] < c->count);
    mid__classes_free(c);
    mid__interfaces_free(in);
    mid__graph_drop(g, MID__PARTS_ALL);
    must(mid__graph_analyze(g, MID__PARTS_ALL, &e) == MID_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mid__graph *g;
    struct mid__graph_error e;
    if (real == NULL)
        make_real();
    memcpy(copy, real, real_bytes);
    for (; size >= 4; data += 4, size -= 4) {
        /* the first bytes of each section are where the fixture's content is */
        size_t block = data[0] % (real_bytes / 65536), at = block * 65536 + (size_t)data[1] * 16 + (data[2] & 15);
        if (data[3] & 0x80)
            memset(copy + at / 4 * 4, data[3] & 1 ? 0xff : 0, 4);
        else
            copy[at] = data[3];
    }
    mid__index_seal(copy, real_bytes);
    if (mid__index_load_memory(copy, real_bytes, NULL, &g, &e) != MID_OK)
        return 0;
    walk(g);
    mid__graph_free(g);
    return 0;
}
