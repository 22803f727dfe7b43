/* SPDX-License-Identifier: MIT
 * The reader and all that is computed, on whatever bytes a fuzzer finds. Memory is bounded, so that a small input that
 * asks for much is caught; what loads must also be analyzed, and hold the invariants that load.c promises. */
#include <midden/internal/graph.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void check(const struct mid__graph *g)
{
    uint64_t retained = 0;
    must(g->first_edge[0] == 0 && g->first_edge[g->node_count] == g->edge_count);
    for (uint32_t n = 0; n < g->node_count; n++) {
        char name[64];
        must(g->first_edge[n] <= g->first_edge[n + 1] && g->dominator[n] < g->node_count);
        must(n == g->root || g->dominator[n] != n);
        must(mid__graph_size(g, n) <= g->retained[n] && g->retained[n] <= g->retained[g->root]);
        must(g->distance[n] == MID__DISTANCE_NONE || g->distance[n] >= 0);
        mid__strings_get(&g->strings, g->node_name[n], name, sizeof name);
        (void)mid__strings_hash(&g->strings, g->node_name[n]);
        (void)mid__graph_location_of(g, n);
        retained += mid__graph_raw_size(g, n);
    }
    must(retained == g->retained[g->root]);
    for (uint32_t e = 0; e < g->edge_count; e++)
        must(g->edge_target[e] < g->node_count &&
             (mid__edge_is_numbered(g->edge_type[e]) || g->edge_name[e] < g->strings.count));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mid__graph *g;
    struct mid__graph_error e;
    struct mid__graph_options options = {.max_bytes = (size_t)64 << 20};
    if (mid__graph_load_memory(data, size, &options, &g, &e) != MID_OK)
        return 0;
    if (mid__graph_analyze(g, MID__PARTS_ALL, &e) == MID_OK)
        check(g);
    else
        must(e.status == MID_E_LIMIT);
    mid__graph_free(g);
    return 0;
}
