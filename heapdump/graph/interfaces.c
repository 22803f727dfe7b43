/* SPDX-License-Identifier: MIT
 *
 * interfaces.c: which plain objects belong together. JavaScript programs make most of their objects by literals, and
 * all of these have the constructor Object. DevTools groups them by their properties, and so do we, by its rules:
 *
 *   Inference. The candidate of a plain object is the list of its property edges in order, without __proto__, cut
 *   where the name {a, b, c} would pass 120 characters (one property is always taken). A candidate that at least
 *   max(2, objects / 1000) objects have is an interface. They are ranked by frequency, then by first appearance.
 *
 *   Match. A plain object belongs to the interface with the most properties among those whose properties it all has;
 *   of several, to the one ranked first.
 *
 * DevTools walks a tree of sorted property names with a set of states. Here, each interface hangs on the list of one of
 * its properties, the rarest among the interfaces. An object's properties are stamped; then only the interfaces on
 * its properties' lists are looked at, and each is a match when all its properties bear the stamp. The order of
 * properties plays no part in a match, so the result is the same.
 *
 * I1. A property is named by content, never by string index: a dump may hold one string twice.
 * I2. While matching, stamp[p] >= present exactly for the properties of the object at hand.
 *
 * Departure: of properties whose name is empty DevTools puts no comma into an interface's name, so that {"", b} and {b}
 * become one interface there and stay two of one name here; their class is the same.
 */
#include <midden/internal/classes.h>
#include <midden/internal/index.h>
#include <midden/internal/titles.h>

#include <stdlib.h>
#include <string.h>

#define NAME_UNITS_MAX    120
#define LEAST_OBJECTS     2u
#define PROPORTION        1000u
#define NOT_ASKED         (UINT32_MAX - 1) /* string not looked up yet */
#define PROTO             UINT32_MAX       /* string is __proto__, or no property of any interface */

/* ---- inference */

struct property {
    uint32_t text;  /* in out->texts */
    uint32_t units; /* length of the formatted name in UTF-16 code units, saturated */
};

struct candidate {
    uint64_t count;
    uint32_t sequence; /* in `sequences`: property numbers as bytes */
};

struct inference {
    const struct mid__graph *graph;
    struct mid__interfaces *out;
    uint32_t *of_string; /* [strings]: place in `properties`, or NOT_ASKED, or PROTO */
    struct mid__intern property_texts; /* numbers are places in `properties` */
    struct property *properties;
    uint32_t property_capacity;
    struct mid__intern sequences; /* numbers are places in `candidates` */
    struct candidate *candidates;
    uint32_t candidate_capacity;
    struct mid__title name;
};

/* `old`, or a larger copy when `needed` is more than *capacity; NULL when memory ran out, and `old` is then as before. */
static void *grow(void *old, uint32_t *capacity, uint32_t needed, size_t size)
{
    if (needed <= *capacity)
        return old;
    uint32_t wide = *capacity < 64 ? 64 : *capacity * 2;
    void *new = realloc(old, wide * size);
    if (new != NULL)
        *capacity = wide;
    return new;
}

/* A column for all strings, and one place more for every index beyond them: such an index means the empty string. */
static uint32_t *lookup_table(const struct mid__graph *g)
{
    size_t n = (size_t)mid__strings_total(&g->strings) + 1;
    uint32_t *table = malloc(n * sizeof table[0]);
    for (size_t i = 0; table != NULL && i < n; i++)
        table[i] = NOT_ASKED;
    return table;
}

static uint32_t place_in_table(const struct mid__graph *g, uint32_t string)
{
    uint32_t total = mid__strings_total(&g->strings);
    return string < total ? string : total;
}

/* Makes string `index` a property; its length is that of the name as it will stand between braces. */
static enum mid_status learn_property(struct inference *f, uint32_t index)
{
    const struct mid__strings *s = &f->graph->strings;
    if (mid__strings_is(s, index, "__proto__", 9)) {
        f->of_string[index] = PROTO;
        return MID_OK;
    }
    mid__title_clear(&f->name);
    mid__title_string(&f->name, s, index);
    uint32_t place, before = f->property_texts.count;
    if (f->name.failed)
        return MID_E_MEMORY;
    enum mid_status status = mid__intern_put(&f->property_texts, f->name.bytes, f->name.length, &place);
    if (status != MID_OK)
        return status;
    f->of_string[index] = place;
    if (place < before)
        return MID_OK;
    struct property *properties = grow(f->properties, &f->property_capacity, place + 1, sizeof properties[0]);
    if (properties == NULL)
        return MID_E_MEMORY;
    f->properties = properties;
    mid__title_clear(&f->name);
    mid__title_property(&f->name, s, index);
    f->properties[place].text = index;
    f->properties[place].units = f->name.units < UINT32_MAX / 2 ? (uint32_t)f->name.units : UINT32_MAX / 2;
    return f->name.failed ? MID_E_MEMORY : MID_OK;
}

/* The candidate of one object, as property numbers in `list` (room for as many as fit: NAME_UNITS_MAX + 1). A name of
 * no characters takes room too, but only for the comma, hence the bound on their number. */
static enum mid_status candidate_of(struct inference *f, uint32_t node, uint32_t *list, uint32_t *count)
{
    const struct mid__graph *g = f->graph;
    uint32_t units = 1;
    *count = 0;
    for (uint32_t e = g->first_edge[node]; e < g->first_edge[node + 1] && *count <= NAME_UNITS_MAX; e++) {
        if (g->edge_type[e] != MID__EDGE_PROPERTY)
            continue;
        uint32_t index = place_in_table(g, g->edge_name[e]), *place = &f->of_string[index];
        if (*place == NOT_ASKED) {
            enum mid_status status = learn_property(f, index);
            if (status != MID_OK)
                return status;
        }
        if (*place == PROTO)
            continue;
        uint32_t more = f->properties[*place].units;
        if (units > 1 && units + more > NAME_UNITS_MAX)
            break;
        units += more + (units > 1 ? 2 : 0);
        list[(*count)++] = *place;
    }
    return MID_OK;
}

static enum mid_status count_object(struct inference *f, uint32_t node)
{
    uint32_t list[NAME_UNITS_MAX + 1], count, place;
    enum mid_status status = candidate_of(f, node, list, &count);
    if (status != MID_OK || count == 0)
        return status;
    uint32_t before = f->sequences.count;
    status = mid__intern_put(&f->sequences, list, count * sizeof list[0], &place);
    if (status != MID_OK)
        return status;
    struct candidate *candidates = grow(f->candidates, &f->candidate_capacity, place + 1, sizeof candidates[0]);
    if (candidates == NULL)
        return MID_E_MEMORY;
    f->candidates = candidates;
    if (place == before)
        f->candidates[place] = (struct candidate){.sequence = place};
    f->candidates[place].count++;
    return MID_OK;
}

static int by_frequency(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static enum mid_status put_interface(struct inference *f, const struct candidate *c, struct mid__interface *to,
                                     uint32_t *property_total)
{
    const struct mid__strings *s = &f->graph->strings;
    struct mid__intern *texts = &f->out->texts;
    size_t bytes;
    const char *sequence = mid__intern_get(&f->sequences, c->sequence, &bytes);
    *to = (struct mid__interface){.first_property = *property_total, .object_count = c->count};
    mid__title_clear(&f->name);
    mid__title_put(&f->name, '{');
    for (size_t at = 0; at < bytes; at += sizeof(uint32_t)) {
        uint32_t place, number;
        size_t length;
        memcpy(&place, sequence + at, sizeof place);
        const char *text = mid__intern_get(&f->property_texts, place, &length);
        enum mid_status status = mid__intern_put(texts, text, length, &number);
        if (status != MID_OK)
            return status;
        f->out->properties[(*property_total)++] = number;
        to->property_count++;
        if (f->name.units > 1)
            mid__title_words(&f->name, ", ");
        mid__title_property(&f->name, s, f->properties[place].text);
    }
    mid__title_put(&f->name, '}');
    return f->name.failed ? MID_E_MEMORY : mid__intern_put(texts, f->name.bytes, f->name.length, &to->name);
}

static enum mid_status choose(struct inference *f, uint64_t objects)
{
    uint32_t kept = 0, total = 0;
    size_t property_bytes = 0;
    if (f->sequences.count != 0)
        qsort(f->candidates, f->sequences.count, sizeof f->candidates[0], by_frequency);
    while (kept < f->sequences.count && f->candidates[kept].count >= LEAST_OBJECTS &&
           f->candidates[kept].count * PROPORTION >= objects) {
        size_t bytes;
        mid__intern_get(&f->sequences, f->candidates[kept++].sequence, &bytes);
        property_bytes += bytes;
    }
    f->out->properties = malloc(property_bytes + 1);
    f->out->list = malloc(kept * sizeof f->out->list[0] + 1);
    if (f->out->properties == NULL || f->out->list == NULL)
        return MID_E_MEMORY;
    for (; f->out->count < kept; f->out->count++) {
        uint32_t i = f->out->count;
        enum mid_status status = put_interface(f, &f->candidates[i], &f->out->list[i], &total);
        if (status != MID_OK)
            return status;
    }
    return MID_OK;
}

static enum mid_status infer(struct inference *f)
{
    uint64_t objects = 0;
    f->of_string = lookup_table(f->graph);
    if (f->of_string == NULL)
        return MID_E_MEMORY;
    for (uint32_t n = 0; n < f->graph->node_count; n++) {
        if (!mid__title_is_plain_object(f->graph, n))
            continue;
        objects++;
        enum mid_status status = count_object(f, n);
        if (status != MID_OK)
            return status;
    }
    return choose(f, objects);
}

enum mid_status mid__interfaces_infer(const struct mid__graph *graph, struct mid__interfaces **interfaces)
{
    if (mid__index_interfaces(graph, interfaces))
        return MID_OK;
    struct inference f = {.graph = graph, .out = calloc(1, sizeof *f.out)};
    enum mid_status status = f.out == NULL ? MID_E_MEMORY : infer(&f);
    free(f.of_string);
    free(f.properties);
    free(f.candidates);
    mid__intern_free(&f.property_texts);
    mid__intern_free(&f.sequences);
    mid__title_free(&f.name);
    if (status != MID_OK) {
        mid__interfaces_free(f.out);
        f.out = NULL;
    }
    *interfaces = f.out;
    return status;
}

void mid__interfaces_free(struct mid__interfaces *i)
{
    if (i == NULL)
        return;
    mid__intern_free(&i->texts);
    free(i->properties);
    free(i->list);
    free(i);
}

/* ---- match */

struct mid__matcher {
    const struct mid__graph *graph;
    const struct mid__interfaces *interfaces;
    uint32_t *of_string; /* [strings]: number in interfaces->texts, or NOT_ASKED, or PROTO for none */
    uint32_t *first;     /* [texts + 1]: the interfaces that hang on a property are hung[first[p]] .. */
    uint32_t *hung;      /* [interfaces] */
    uint64_t *stamp;     /* [texts] */
    uint64_t present;    /* stamp of a property of the object at hand; one more once its list was looked at */
    struct mid__title name;
};

/* Hangs each interface on its rarest property (a counting sort by it). */
static bool hang(struct mid__matcher *m)
{
    const struct mid__interfaces *in = m->interfaces;
    size_t texts = in->texts.count;
    uint32_t *uses = calloc(texts + 1, sizeof uses[0]), *rarest = malloc((in->count + 1u) * sizeof rarest[0]);
    bool good = uses != NULL && rarest != NULL;
    for (uint32_t i = 0; good && i < in->count; i++)
        for (uint32_t p = 0; p < in->list[i].property_count; p++)
            uses[in->properties[in->list[i].first_property + p]]++;
    for (uint32_t i = 0; good && i < in->count; i++) {
        const uint32_t *properties = &in->properties[in->list[i].first_property];
        rarest[i] = properties[0];
        for (uint32_t p = 1; p < in->list[i].property_count; p++)
            if (uses[properties[p]] < uses[rarest[i]])
                rarest[i] = properties[p];
        m->first[rarest[i] + 1]++;
    }
    for (size_t t = 0; good && t < texts; t++)
        m->first[t + 1] += m->first[t];
    if (good)
        memset(uses, 0, texts * sizeof uses[0]);
    for (uint32_t i = 0; good && i < in->count; i++)
        m->hung[m->first[rarest[i]] + uses[rarest[i]]++] = i;
    free(uses);
    free(rarest);
    return good;
}

enum mid_status mid__matcher_create(const struct mid__graph *graph, const struct mid__interfaces *interfaces,
                                    struct mid__matcher **matcher)
{
    struct mid__matcher *m = *matcher = calloc(1, sizeof *m);
    if (m == NULL)
        return MID_E_MEMORY;
    size_t texts = interfaces->texts.count;
    m->graph = graph;
    m->interfaces = interfaces;
    m->of_string = lookup_table(graph);
    m->first = calloc(texts + 2, sizeof m->first[0]);
    m->hung = malloc((interfaces->count + 1u) * sizeof m->hung[0]);
    m->stamp = calloc(texts + 1, sizeof m->stamp[0]);
    if (m->of_string == NULL || m->first == NULL || m->hung == NULL || m->stamp == NULL || !hang(m)) {
        mid__matcher_free(m);
        *matcher = NULL;
        return MID_E_MEMORY;
    }
    return MID_OK;
}

void mid__matcher_free(struct mid__matcher *m)
{
    if (m == NULL)
        return;
    free(m->of_string);
    free(m->first);
    free(m->hung);
    free(m->stamp);
    mid__title_free(&m->name);
    free(m);
}

/* The number of each edge's property among the interfaces' texts, PROTO where no interface has it. */
static enum mid_status learn_number(struct mid__matcher *m, uint32_t index)
{
    mid__title_clear(&m->name);
    mid__title_string(&m->name, &m->graph->strings, index);
    if (m->name.failed)
        return MID_E_MEMORY;
    m->of_string[index] = mid__intern_find(&m->interfaces->texts, m->name.bytes, m->name.length);
    return MID_OK;
}

static enum mid_status stamp_properties(struct mid__matcher *m, uint32_t node)
{
    const struct mid__graph *g = m->graph;
    for (uint32_t e = g->first_edge[node]; e < g->first_edge[node + 1]; e++) {
        if (g->edge_type[e] != MID__EDGE_PROPERTY)
            continue;
        uint32_t index = place_in_table(g, g->edge_name[e]);
        if (m->of_string[index] == NOT_ASKED) {
            enum mid_status status = learn_number(m, index);
            if (status != MID_OK)
                return status;
        }
        if (m->of_string[index] != PROTO)
            m->stamp[m->of_string[index]] = m->present;
    }
    return MID_OK;
}

static bool has_all(const struct mid__matcher *m, const struct mid__interface *i)
{
    for (uint32_t p = 0; p < i->property_count; p++)
        if (m->stamp[m->interfaces->properties[i->first_property + p]] < m->present)
            return false;
    return true;
}

/* The better of `best` and those of one property's list that match. */
static uint32_t best_of(const struct mid__matcher *m, uint32_t property, uint32_t best)
{
    const struct mid__interface *list = m->interfaces->list;
    for (uint32_t h = m->first[property]; h < m->first[property + 1]; h++) {
        uint32_t i = m->hung[h];
        bool better = best == MID__NO_INTERFACE || list[i].property_count > list[best].property_count ||
                      (list[i].property_count == list[best].property_count && i < best);
        if (better && has_all(m, &list[i]))
            best = i;
    }
    return best;
}

enum mid_status mid__matcher_match(struct mid__matcher *m, uint32_t node, uint32_t *place)
{
    const struct mid__graph *g = m->graph;
    *place = MID__NO_INTERFACE;
    m->present += 2;
    enum mid_status status = stamp_properties(m, node);
    if (status != MID_OK)
        return status;
    for (uint32_t e = g->first_edge[node]; e < g->first_edge[node + 1]; e++) {
        if (g->edge_type[e] != MID__EDGE_PROPERTY)
            continue;
        uint32_t p = m->of_string[place_in_table(g, g->edge_name[e])];
        if (p == PROTO || m->stamp[p] != m->present)
            continue;
        m->stamp[p] = m->present + 1; /* its list is looked at once, however often the object has the name */
        *place = best_of(m, p, *place);
    }
    return MID_OK;
}
