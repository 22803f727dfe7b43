/* SPDX-License-Identifier: MIT
 * libFuzzer: any bytes as an expression of the filter language; what parses is run on a small snapshot, and its answer
 * must be one byte of 0 or 1 a node. */
#include <midden/internal/where.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char dump[] =
    "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],\"node_types\":[["
    "\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\",\"native\",\"synthetic\"],"
    "\"string\",\"number\",\"number\",\"number\"],\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],"
    "\"edge_types\":[[\"context\",\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],"
    "\"string_or_number\",\"node\"]},\"node_count\":0,\"edge_count\":0},"
    "\"nodes\":[9,0,1,0,2, 3,1,3,64,1, 3,2,5,32,1, 2,3,7,16,0, 5,4,9,8,0],"
    "\"edges\":[5,1,5, 5,2,10, 2,3,15, 2,4,20],\"strings\":[\"\",\"Foo\",\"Object\",\"text\",\"f\"]}";

static struct mid__graph *graph;
static struct mid__classes *classes;

static void prepare(void)
{
    struct mid__graph_error error;
    if (mid__graph_load_memory(dump, strlen(dump), NULL, &graph, &error) != MID_OK ||
        mid__graph_analyze(graph, MID__PARTS_ALL, &error) != MID_OK ||
        mid__classes_build(graph, NULL, false, &classes) != MID_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mid__where *where;
    struct mid__where_error error;
    uint8_t *selected;
    if (graph == NULL)
        prepare();
    if (mid__where_parse((const char *)data, size, &where, &error) != MID_OK) {
        if (where != NULL || error.message[0] == '\0' || error.column == 0 || error.column > size + 1)
            abort();
        return 0;
    }
    if (mid__where_select(where, graph, classes, &selected) != MID_OK)
        abort();
    for (uint32_t n = 0; n < graph->node_count; n++)
        if (selected[n] > 1)
            abort();
    free(selected);
    mid__where_free(where);
    return 0;
}
