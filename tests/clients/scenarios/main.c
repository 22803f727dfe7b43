/* SPDX-License-Identifier: MIT
 *
 * scenarios: what users of a large runtime meet, as programs on midden's heap.
 *
 *     scenarios [collect | limit | leaks | pauses [MB...]]     all when none is named
 *
 * Exit status: 0, 1 when a scenario went otherwise than it should, 2 for a wrong command line.
 */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "scenarios: %s failed\n", what);
    exit(1);
}

struct mid_type register_type(struct mid_heap *heap, const char *name, const struct mid_field *fields, size_t count,
                              size_t fixed_bytes, enum mid_tail tail)
{
    struct mid_type type;
    struct mid_type_info info = {.struct_size = sizeof info, .name = name, .fixed_bytes = fixed_bytes, .fields = fields,
                                 .field_count = count, .tail = tail};
    must(mid_type_register(heap, &info, &type) == MID_OK, "mid_type_register");
    return type;
}

void print_usage(struct mid_heap *heap, const char *when)
{
    struct mid_usage usage = {.struct_size = sizeof usage};
    must(mid_heap_usage(heap, &usage) == MID_OK, "mid_heap_usage");
    printf("  %-24s heapTotal %8.2f MB, heapUsed %8.2f MB, rss %8.2f MB\n", when, (double)usage.heap_total / 1048576,
           (double)usage.heap_used / 1048576, (double)usage.rss / 1048576);
}

size_t used_bytes(struct mid_heap *heap)
{
    struct mid_usage usage = {.struct_size = sizeof usage};
    must(mid_heap_usage(heap, &usage) == MID_OK, "mid_heap_usage");
    return usage.heap_used;
}

static int pauses(int count, char **words)
{
    unsigned sizes[16] = {64}, used = 0;
    for (int i = 0; i < count && used < 16; i++) {
        char *end;
        unsigned long mb = strtoul(words[i], &end, 10);
        if (*end != '\0' || mb < 1 || mb > 65536) {
            fprintf(stderr, "scenarios: %s is no size in MB (1 to 65536)\n", words[i]);
            return 2;
        }
        sizes[used++] = (unsigned)mb;
    }
    return scenario_pauses(sizes, used == 0 ? 1 : used);
}

int main(int count, char **words)
{
    const char *name = count > 1 ? words[1] : "";
    if (count == 1)
        return scenario_collect() | scenario_limit() | scenario_leaks() | pauses(0, NULL);
    if (strcmp(name, "pauses") == 0)
        return pauses(count - 2, words + 2);
    if (count == 2 && strcmp(name, "collect") == 0)
        return scenario_collect();
    if (count == 2 && strcmp(name, "limit") == 0)
        return scenario_limit();
    if (count == 2 && strcmp(name, "leaks") == 0)
        return scenario_leaks();
    fprintf(stderr, "usage: scenarios [collect | limit | leaks | pauses [MB...]]\n");
    return 2;
}
