/* SPDX-License-Identifier: MIT
 *
 * index_classes.c: what an index has beside columns: the statistics, the inferred interfaces, and the class tables without
 * and with them, so that the first screen needs no walk over nodes.
 *
 * Tables are small and become what classes.c would have made, on the heap; the class of each node is a column and stays
 * in the index. Texts are numbered from 0 in order, so that putting them one after the other gives their numbers back.
 */
#include "index_format.h"

#include <stdlib.h>
#include <string.h>

static bool take_texts(struct mid__intern *to, const struct index_map *m, unsigned v, bool trusted)
{
    uint32_t count = m->header->text_count[v], number;
    uint64_t bytes = m->header->class_text_bytes[v], start = 0;
    const uint64_t *ends = index_section(m, SECTION_CLASSES(v, SECTION_ENDS), 8, count, trusted);
    const char *text = index_section(m, SECTION_CLASSES(v, SECTION_TEXT), 1, bytes, trusted);
    if (ends == NULL || text == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (ends[i] < start || ends[i] > bytes ||
            mid__intern_put(to, text + start, (size_t)(ends[i] - start), &number) != MID_OK || number != i)
            return false;
        start = ends[i];
    }
    return true;
}

static bool take_interfaces(struct mid__interfaces *to, const struct index_map *m)
{
    const uint32_t count = m->header->class_count[2], texts = m->header->text_count[2];
    const uint64_t properties = m->header->property_count;
    const struct index_interface *list = index_section(m, SECTION_CLASSES(2, SECTION_LIST), sizeof *list, count, false);
    const uint32_t *property = index_section(m, SECTION_PROPERTIES, 4, properties, false);
    if (list == NULL || property == NULL || !take_texts(&to->texts, m, 2, false))
        return false;
    to->list = malloc(count * sizeof to->list[0] + 1);
    to->properties = malloc((size_t)properties * sizeof to->properties[0] + 1);
    if (to->list == NULL || to->properties == NULL)
        return false;
    for (uint64_t p = 0; p < properties; p++)
        if ((to->properties[p] = property[p]) >= texts)
            return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct index_interface *one = &list[i];
        if (one->name >= texts || one->property_count == 0 ||
            (uint64_t)one->first_property + one->property_count > properties)
            return false;
        to->list[i] = (struct mid__interface){one->name, one->first_property, one->property_count, one->object_count};
    }
    to->count = count;
    to->origin = m->header->hash;
    return true;
}

bool mid__index_interfaces(const struct mid__graph *g, struct mid__interfaces **interfaces)
{
    const struct index_map *m = g->own->index;
    *interfaces = NULL;
    if (m == NULL || m->header->class_count[2] > MAX_COUNT)
        return false;
    struct mid__interfaces *made = calloc(1, sizeof *made);
    if (made != NULL && take_interfaces(made, m)) {
        *interfaces = made;
        return true;
    }
    mid__interfaces_free(made);
    return false;
}

static bool take_classes(struct mid__classes *to, const struct index_map *m, unsigned v, bool with_retained)
{
    const uint32_t count = m->header->class_count[v], texts = m->header->text_count[v];
    const struct index_class *list = index_section(m, SECTION_CLASSES(v, SECTION_LIST), sizeof *list, count, false);
    /* index_sound has looked at this column where nobody vouched for it */
    to->of_node = index_section(m, SECTION_CLASSES(v, SECTION_OF_NODE), 4, m->header->node_count, true);
    if (list == NULL || to->of_node == NULL || !take_texts(&to->texts, m, v, false))
        return false;
    to->list = malloc(count * sizeof to->list[0] + 1);
    if (to->list == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct index_class *c = &list[i];
        if (c->name >= texts || c->key >= texts || c->distance < INT32_MIN || c->distance > INT32_MAX)
            return false;
        to->list[i] = (struct mid__class){.name = c->name, .key = c->key, .count = c->count, .shallow = c->shallow,
                                          .retained = with_retained ? c->retained : 0, .distance = (int32_t)c->distance};
    }
    to->count = count;
    return true;
}

bool mid__index_classes(const struct mid__graph *g, const struct mid__interfaces *interfaces, bool with_retained,
                        struct mid__classes **classes)
{
    const struct index_map *m = g->own->index;
    *classes = NULL;
    if (m == NULL || (interfaces != NULL && interfaces->origin != m->header->hash))
        return false;
    struct mid__classes *made = calloc(1, sizeof *made);
    if (made != NULL && take_classes(made, m, interfaces != NULL, with_retained)) {
        *classes = made;
        return true;
    }
    mid__classes_free(made);
    return false;
}

bool mid__index_statistics(const struct mid__graph *g, struct mid__statistics *statistics)
{
    const struct index_map *m = g->own->index;
    const struct mid__statistics *s = m != NULL ? index_section(m, SECTION_STATISTICS, sizeof *s, 1, false) : NULL;
    if (s != NULL)
        *statistics = *s;
    return s != NULL;
}
