/* SPDX-License-Identifier: MIT
 *
 * rules.c: assertions about classes, for a program's tests: no more than a hundred Sessions, no Cache beyond 50 MB, no
 * more than ten Listeners above what there were at first.
 *
 * A rule names a class as the class table shows it; classes of one name from several scripts are one here, since who
 * writes a rule knows the name and not the script's number. A name that is nowhere has the figure 0 and breaks no rule.
 * A pattern holds for each class that it matches, one by one.
 *
 * Growth compares counts of objects by class, not ids: objects that were replaced by as many new ones are no growth.
 * The ids of the first snapshot only choose the examples.
 */
#include <midden/internal/pattern.h>
#include <midden/internal/rules.h>

#include <stdlib.h>
#include <string.h>

/* ---- reading */

const char *mid__rule_parse(enum mid__rule_kind kind, const char *text, struct mid__rule *rule, size_t *column)
{
    const char *sign = strrchr(text, '=');
    *column = strlen(text) + 1;
    if (sign == NULL)
        return "no '=' and limit behind the class";
    *column = 1;
    if (sign == text)
        return "no class before '='";
    const char *limit = sign + 1;
    size_t length = strlen(limit);
    bool bytes = kind == MID__RULE_SHALLOW || kind == MID__RULE_RETAINED;
    *rule = (struct mid__rule){.kind = kind, .name = text, .name_length = (size_t)(sign - text)};
    rule->pattern = mid__pattern_is(text, rule->name_length);
    *column = (size_t)(limit - text) + 1;
    if (bytes && !mid__size_parse(limit, length, &rule->limit))
        return "the limit is no size such as 300, 50MB or 1.5GiB";
    if (!bytes && !mid__count_parse(limit, length, &rule->limit))
        return "the limit is no number of objects";
    return NULL;
}

static bool matches(const struct mid__rule *rule, const char *name, size_t length)
{
    if (rule->pattern || memchr(rule->name, '\\', rule->name_length) != NULL)
        return mid__pattern_matches(rule->name, rule->name_length, name, length);
    return rule->name_length == length && memcmp(rule->name, name, length) == 0;
}

/* ---- the first snapshot */

static bool is_watched(const struct mid__rule *rules, size_t count, const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (rules[i].kind == MID__RULE_GROWTH && matches(&rules[i], name, length))
            return true;
    return false;
}

/* Marks the watched classes, and enters their names and counts. */
static enum mid_status take_counts(struct mid__rule_base *base, const struct mid__rule *rules, size_t rule_count,
                                   const struct mid__classes *classes, uint8_t *watched)
{
    for (uint32_t i = 0; i < classes->count; i++) {
        size_t length;
        const char *name = mid__class_name(classes, i, &length);
        uint32_t number;
        watched[i] = is_watched(rules, rule_count, name, length);
        if (!watched[i])
            continue;
        enum mid_status status = mid__intern_put(&base->names, name, length, &number);
        if (status != MID_OK)
            return status;
        base->counts[number] = classes->list[i].count;
        base->id_count += classes->list[i].count;
    }
    return MID_OK;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static enum mid_status take_ids(struct mid__rule_base *base, const struct mid__graph *g,
                                const struct mid__classes *classes, const uint8_t *watched, const uint8_t *selected)
{
    size_t room = base->id_count, used = 0;
    base->ids = malloc((room + 1) * sizeof base->ids[0]);
    if (base->ids == NULL)
        return MID_E_MEMORY;
    for (uint32_t n = 0; n < g->node_count && used < room; n++)
        if (watched[classes->of_node[n]] && mid__graph_size(g, n) != 0 && (selected == NULL || selected[n]))
            base->ids[used++] = mid__graph_id(g, n);
    base->id_count = used;
    if (used != 0)
        qsort(base->ids, used, sizeof base->ids[0], by_value);
    return MID_OK;
}

enum mid_status mid__rule_base_take(struct mid__rule_base *base, const struct mid__rule *rules, size_t rule_count,
                                    const struct mid__graph *graph, const struct mid__classes *classes,
                                    const uint8_t *selected)
{
    uint8_t *watched = malloc((size_t)classes->count + 1);
    base->counts = calloc((size_t)classes->count + 1, sizeof base->counts[0]);
    enum mid_status status = watched == NULL || base->counts == NULL ? MID_E_MEMORY : MID_OK;
    if (status == MID_OK)
        status = take_counts(base, rules, rule_count, classes, watched);
    if (status == MID_OK)
        status = take_ids(base, graph, classes, watched, selected);
    free(watched);
    return status;
}

void mid__rule_base_free(struct mid__rule_base *base)
{
    mid__intern_free(&base->names);
    free(base->counts);
    free(base->ids);
    *base = (struct mid__rule_base){0};
}

/* ---- results */

static enum mid_status add(struct mid__rule_results *results, const struct mid__rule_result *result)
{
    if (results->count == results->capacity) {
        size_t wide = results->capacity != 0 ? results->capacity * 2 : 16;
        struct mid__rule_result *list = realloc(results->list, wide * sizeof list[0]);
        if (list == NULL)
            return MID_E_MEMORY;
        results->list = list;
        results->capacity = wide;
    }
    results->list[results->count++] = *result;
    return MID_OK;
}

static uint64_t first_count(const struct mid__rule_base *base, const char *name, size_t length)
{
    uint32_t number = mid__intern_find(&base->names, name, length);
    return number != MID__INTERN_NONE ? base->counts[number] : 0;
}

static struct mid__rule_result result_of(const struct mid__rule *rule, uint32_t number, const struct mid__classes *classes,
                                         uint32_t place, const struct mid__rule_base *base)
{
    static const struct mid__class none;
    const struct mid__class *c = place != MID__NO_CLASS ? &classes->list[place] : &none;
    struct mid__rule_result r = {.rule = number, .place = place};
    size_t length = rule->name_length;
    const char *name = place != MID__NO_CLASS ? mid__class_name(classes, place, &length) : rule->name;
    switch (rule->kind) {
    case MID__RULE_SHALLOW:
        r.figure = (int64_t)c->shallow;
        break;
    case MID__RULE_RETAINED:
        r.figure = (int64_t)c->retained;
        break;
    case MID__RULE_GROWTH:
        r.first = first_count(base, name, length);
        r.figure = (int64_t)(c->count - r.first);
        break;
    default:
        r.figure = (int64_t)c->count;
    }
    r.broken = r.figure > (int64_t)rule->limit;
    return r;
}

static enum mid_status apply_one(struct mid__rule_results *results, const struct mid__rule *rule, uint32_t number,
                                 const struct mid__classes *classes, const struct mid__rule_base *base)
{
    struct mid__rule_result nearest = result_of(rule, number, classes, MID__NO_CLASS, base);
    for (uint32_t i = 0; i < classes->count; i++) {
        size_t length;
        const char *name = mid__class_name(classes, i, &length);
        if (!matches(rule, name, length))
            continue;
        struct mid__rule_result r = result_of(rule, number, classes, i, base);
        enum mid_status status = r.broken ? add(results, &r) : MID_OK;
        if (status != MID_OK)
            return status;
        if (nearest.place == MID__NO_CLASS || r.figure > nearest.figure)
            nearest = r;
    }
    return nearest.broken ? MID_OK : add(results, &nearest);
}

enum mid_status mid__rules_apply(struct mid__rule_results *results, const struct mid__rule *rules, size_t rule_count,
                                 const struct mid__classes *classes, const struct mid__rule_base *base)
{
    enum mid_status status = MID_OK;
    for (size_t i = 0; i < rule_count && status == MID_OK; i++)
        if (rules[i].kind != MID__RULE_GROWTH || base != NULL)
            status = apply_one(results, &rules[i], (uint32_t)i, classes, base);
    return status;
}

/* ---- examples */

static bool was_there(const struct mid__rule_base *base, uint64_t id)
{
    return base->id_count != 0 && bsearch(&id, base->ids, base->id_count, sizeof base->ids[0], by_value) != NULL;
}

static uint64_t weight(const struct mid__graph *g, enum mid__rule_kind kind, uint32_t node)
{
    return kind == MID__RULE_SHALLOW ? mid__graph_size(g, node) : g->retained[node];
}

size_t mid__rule_examples(const struct mid__graph *g, const struct mid__classes *classes, uint32_t place,
                          enum mid__rule_kind kind, const struct mid__rule_base *base, const uint8_t *selected,
                          uint32_t *nodes, size_t room)
{
    size_t count = 0;
    for (uint32_t n = 0; n < g->node_count; n++) {
        if (classes->of_node[n] != place || mid__graph_size(g, n) == 0 || (selected != NULL && !selected[n]))
            continue;
        if (count == room && weight(g, kind, nodes[count - 1]) >= weight(g, kind, n))
            continue;
        if (kind == MID__RULE_GROWTH && base != NULL && was_there(base, mid__graph_id(g, n)))
            continue;
        size_t at = count < room ? count++ : room - 1;
        for (; at > 0 && weight(g, kind, nodes[at - 1]) < weight(g, kind, n); at--)
            nodes[at] = nodes[at - 1];
        nodes[at] = n;
    }
    return count;
}
