/* SPDX-License-Identifier: MIT
 * What papers/lengauer-1979.md and papers/cooper-2001.md claim of dominators: our semi-NCA beside the iteration of Cooper,
 * Harvey and Kennedy, on the same graphs in memory, with equal answers demanded. `dominators growth` lets a graph like a
 * heap grow, `dominators shapes` takes shapes that suit one or the other. */
#include <midden/internal/graph.h>

#include "kit.h"

#include <string.h>

/* ---- graphs, as snapshots in memory */

struct arrow {
    uint32_t from, to;
};
static struct arrow *arrows;
static size_t arrow_count, arrow_room;

static void arrow(size_t from, size_t to)
{
    if (arrow_count == arrow_room) {
        arrow_room = arrow_room == 0 ? 1 << 16 : arrow_room * 2;
        arrows = realloc(arrows, arrow_room * sizeof *arrows);
        KIT_NEED(arrows != NULL);
    }
    arrows[arrow_count++] = (struct arrow){(uint32_t)from, (uint32_t)to};
}

static int by_source(const void *a, const void *b)
{
    uint32_t x = ((const struct arrow *)a)->from, y = ((const struct arrow *)b)->from;
    return (x > y) - (x < y);
}

static struct mid__graph *load(size_t nodes)
{
    struct mid__graph *graph;
    struct mid__graph_error error;
    char *text;
    size_t size;
    qsort(arrows, arrow_count, sizeof *arrows, by_source);
    FILE *f = open_memstream(&text, &size);
    KIT_NEED(f != NULL);
    fprintf(f, "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],\"node_types\":[[\"object\"],"
               "\"string\",\"number\",\"number\",\"number\"],\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[[\"property\"],"
               "\"string_or_number\",\"node\"]},\"node_count\":%zu,\"edge_count\":%zu},\"nodes\":[", nodes, arrow_count);
    for (size_t n = 0, a = 0; n < nodes; n++) {
        size_t first = a;
        while (a < arrow_count && arrows[a].from == n)
            a++;
        fprintf(f, "%s0,0,%zu,8,%zu", n == 0 ? "" : ",", 2 * n + 1, a - first);
    }
    fputs("],\"edges\":[", f);
    for (size_t a = 0; a < arrow_count; a++)
        fprintf(f, "%s0,0,%zu", a == 0 ? "" : ",", (size_t)arrows[a].to * 5);
    fputs("],\"strings\":[\"x\"]}", f);
    KIT_NEED(fclose(f) == 0);
    arrow_count = 0;
    if (mid__graph_load_memory(text, size, NULL, &graph, &error) != MID_OK) {
        fprintf(stderr, "dominators: %s\n", error.message);
        exit(1);
    }
    free(text);
    KIT_NEED(mid__graph_analyze(graph, MID__PART_PAGE_OWNED, &error) == MID_OK);
    return graph;
}

/* A tree whose parents are near, and for each node two more edges: one near, one anywhere. */
static size_t heap_like(size_t n)
{
    uint64_t state = KIT_SEED;
    for (size_t i = 1; i < n; i++) {
        size_t window = i < 1000 ? i : 1000;
        arrow(i - 1 - kit_random(&state) % window, i);
        arrow(i, i - kit_random(&state) % window);
        arrow(i, 1 + kit_random(&state) % (n - 1));
    }
    return n;
}

/* A list linked both ways. */
static size_t list(size_t n)
{
    for (size_t i = 1; i < n; i++) {
        arrow(i - 1, i);
        if (i > 1)
            arrow(i, i - 1);
    }
    return n;
}

/* A chain whose last node refers to all before it. */
static size_t chain_with_index(size_t n)
{
    for (size_t i = 1; i < n; i++) {
        arrow(i - 1, i);
        if (i > 1)
            arrow(n - 1, i - 1);
    }
    return n;
}

/* Many nodes that the root and a hundred others refer to. */
static size_t flat(size_t n)
{
    for (size_t i = 1; i < n; i++) {
        arrow(0, i);
        if (i > 100)
            arrow(1 + i % 100, i);
    }
    return n;
}

/* ---- Cooper, Harvey, Kennedy 2001, figure 3: two fingers climb until they meet */

static double iterate(const struct mid__graph *g, uint32_t *idom, unsigned *passes)
{
    double start = kit_cpu_ms();
    uint32_t n = g->node_count, *order = malloc(n * sizeof *order), *number = calloc(n, sizeof *number),
             *next = malloc(n * sizeof *next), *stack = malloc(n * sizeof *stack), *first = calloc((size_t)n + 2, sizeof *first),
             *pred = malloc((size_t)g->edge_count * sizeof *pred);
    KIT_NEED(order != NULL && number != NULL && next != NULL && stack != NULL && first != NULL && pred != NULL);
    memcpy(next, g->first_edge, n * sizeof *next);
    uint32_t depth = 0, count = n; /* order[] is filled from the end: reverse postorder */
    number[0] = 1;
    for (stack[depth++] = 0; depth > 0;) {
        uint32_t v = stack[depth - 1];
        if (next[v] == g->first_edge[v + 1]) {
            order[--count] = v;
            depth--;
            continue;
        }
        uint32_t to = g->edge_target[next[v]++];
        if (number[to] == 0) {
            number[to] = 1;
            stack[depth++] = to;
        }
    }
    KIT_NEED(count == 0);
    for (uint32_t i = 0; i < n; i++)
        number[order[i]] = i;
    for (uint32_t e = 0; e < g->edge_count; e++)
        first[number[g->edge_target[e]] + 2]++;
    for (uint32_t i = 2; i < n + 2; i++)
        first[i] += first[i - 1];
    for (uint32_t v = 0; v < n; v++)
        for (uint32_t e = g->first_edge[v]; e < g->first_edge[v + 1]; e++)
            pred[first[number[g->edge_target[e]] + 1]++] = number[v];
    memset(idom, 0xff, n * sizeof *idom);
    idom[0] = 0;
    *passes = 0;
    for (bool changed = true; changed; ++*passes) {
        changed = false;
        for (uint32_t b = 1; b < n; b++) {
            uint32_t found = UINT32_MAX;
            for (uint32_t p = first[b]; p < first[b + 1]; p++) {
                if (idom[pred[p]] == UINT32_MAX)
                    continue;
                uint32_t x = pred[p], y = found;
                while (y != UINT32_MAX && x != y) {
                    while (x > y)
                        x = idom[x];
                    while (y > x)
                        y = idom[y];
                }
                found = x;
            }
            changed = changed || idom[b] != found;
            idom[b] = found;
        }
    }
    /* From numbers to ordinals. */
    for (uint32_t i = 0; i < n; i++)
        next[order[i]] = order[idom[i]];
    memcpy(idom, next, n * sizeof *idom);
    free(order);
    free(number);
    free(next);
    free(stack);
    free(first);
    free(pred);
    return kit_cpu_ms() - start;
}

struct result {
    double ours_ms, theirs_ms;
    unsigned passes;
    uint32_t nodes, edges;
};

static struct result compare(size_t nodes)
{
    struct mid__graph *g = load(nodes);
    struct mid__graph_error error;
    struct result r = {.nodes = g->node_count, .edges = g->edge_count};
    uint32_t *idom = malloc(nodes * sizeof *idom);
    KIT_NEED(idom != NULL);
    double start = kit_cpu_ms();
    KIT_NEED(mid__graph_analyze(g, MID__PART_DOMINATORS, &error) == MID_OK);
    r.ours_ms = kit_cpu_ms() - start;
    r.theirs_ms = iterate(g, idom, &r.passes);
    KIT_NEED(memcmp(idom, g->dominator, nodes * sizeof *idom) == 0);
    free(idom);
    mid__graph_free(g);
    return r;
}

static void row(const char *name, struct result r)
{
    printf("| %s | %u | %u | %.1f | %.1f | %u | %.2f |\n", name, r.nodes, r.edges, r.ours_ms, r.theirs_ms, r.passes,
           r.theirs_ms / r.ours_ms);
}

static const char heading[] = "| graph | nodes | edges | semi-NCA, CPU ms | iteration, CPU ms | its passes | iteration / semi-NCA |\n|---|---|---|---|---|---|---|";

static void growth(void)
{
    double least = 1e30, most = 0;
    puts(heading);
    for (size_t n = 62500; n <= 4000000; n *= 4) {
        struct result r = compare(heap_like(n));
        char name[32];
        snprintf(name, sizeof name, "like a heap, %zu k", n / 1000);
        row(name, r);
        double each = r.ours_ms * 1e6 / r.edges;
        least = each < least ? each : least;
        most = each > most ? each : most;
    }
    printf("@measured %.0f to %.0f ns an edge from 62,500 to 4 million nodes, equal to the iteration's answer in every node\n", least, most);
    kit_verdict(most < 6 * least, most < 20 * least);
}

static void shapes(void)
{
    puts(heading);
    struct result heap = compare(heap_like(1000000)), wide = compare(flat(1000000)), both_ways = compare(list(1000000)),
                  chain = compare(chain_with_index(40000));
    row("like a heap", heap);
    row("flat", wide);
    row("list linked both ways", both_ways);
    row("chain whose end refers to all", chain);
    printf("@measured the iteration takes %.2f x our time on a graph like a heap, %.2f x on a flat one, %.0f x on the chain of 40,000\n",
           heap.theirs_ms / heap.ours_ms, wide.theirs_ms / wide.ours_ms, chain.theirs_ms / chain.ours_ms);
    bool faster_somewhere = heap.theirs_ms < heap.ours_ms || wide.theirs_ms < wide.ours_ms || both_ways.theirs_ms < both_ways.ours_ms;
    kit_verdict(heap.theirs_ms < heap.ours_ms && wide.theirs_ms < wide.ours_ms && both_ways.theirs_ms < both_ways.ours_ms, faster_somewhere);
}

int main(int argc, char **argv)
{
    KIT_NEED(argc == 2);
    if (strcmp(argv[1], "growth") == 0)
        growth();
    else
        shapes();
    free(arrows);
    return 0;
}
