/* SPDX-License-Identifier: MIT
 * The viewer without a terminal: lists sorted where one looks, pages, going from page to page, search, comparison, and
 * the thread that computes. */
#include "heapdump/view/analysis.h"
#include "heapdump/view/view.h"
#include "suite.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- order */

struct keys {
    const uint32_t *key;
    size_t compared;
};

static bool by_key(const void *user, uint32_t a, uint32_t b)
{
    struct keys *k = (struct keys *)(uintptr_t)user;
    k->compared++;
    return k->key[a] != k->key[b] ? k->key[a] < k->key[b] : a < b;
}

static struct keys *sorting; /* for qsort */

static int compare_keys(const void *a, const void *b)
{
    return by_key(sorting, *(const uint32_t *)a, *(const uint32_t *)b) ? -1 : 1;
}

static uint32_t *ascending(size_t count)
{
    uint32_t *items = malloc((count + 1) * sizeof items[0]);
    for (size_t i = 0; i < count; i++)
        items[i] = (uint32_t)i;
    return items;
}

START_TEST(order__any_windows__are_as_in_the_whole_sort)
{
    uint64_t state = test_seed("order");
    for (unsigned long round = 0; round < test_rounds(60); round++) {
        size_t count = test_random(&state) % 5000;
        uint32_t range = (uint32_t)(1 + test_random(&state) % (round % 3 == 0 ? 3 : 100000));
        uint32_t *key = malloc((count + 1) * sizeof key[0]), *whole = ascending(count);
        for (size_t i = 0; i < count; i++)
            key[i] = round % 7 == 0 ? (uint32_t)i : round % 7 == 1 ? (uint32_t)(count - i) : (uint32_t)(test_random(&state) % range);
        struct keys keys = {key, 0};
        sorting = &keys;
        if (count != 0)
            qsort(whole, count, sizeof whole[0], compare_keys);
        struct order o = {0};
        order_take(&o, ascending(count), count);
        order_by(&o, by_key, &keys);
        for (int window = 0; window < 30; window++) {
            size_t from = count != 0 ? test_random(&state) % count : 0, to = from + test_random(&state) % 300;
            ck_assert(order_sort(&o, from, to));
            for (size_t i = from; i < to && i < count; i++)
                ck_assert_uint_eq(o.items[i], whole[i]);
        }
        ck_assert(order_sort(&o, 0, SIZE_MAX));
        ck_assert(count == 0 || memcmp(o.items, whole, count * sizeof whole[0]) == 0);
        size_t before = keys.compared;
        ck_assert(order_sort(&o, 0, count));
        ck_assert_uint_eq(keys.compared, before); /* what is sorted is known to be */
        order_free(&o);
        free(key);
        free(whole);
    }
}
END_TEST

START_TEST(order__one_screen_of_many__costs_a_few_passes)
{
    size_t count = 400000;
    uint64_t state = 7;
    uint32_t *key = malloc(count * sizeof key[0]);
    for (size_t i = 0; i < count; i++)
        key[i] = (uint32_t)test_random(&state);
    struct keys keys = {key, 0};
    struct order o = {0};
    order_take(&o, ascending(count), count);
    order_by(&o, by_key, &keys);
    order_sort(&o, 0, 100);
    ck_assert_uint_lt(keys.compared, 6 * count); /* a whole sort takes some 20 */
    keys.compared = 0;
    order_sort(&o, count - 100, count);
    ck_assert_uint_lt(keys.compared, 6 * count);
    order_free(&o);
    free(key);
}
END_TEST

/* ---- a dump made of a table */

struct made_node {
    int type; /* as numbered by the header below */
    const char *name;
    unsigned id, size;
};
struct made_edge {
    unsigned from;
    int type;
    const char *name; /* of element edges: digits */
    unsigned to;
};
enum { ARRAY = 1, STRING = 2, OBJECT = 3, CLOSURE = 5, SYNTHETIC = 9 };
enum { CONTEXT = 0, ELEMENT = 1, PROPERTY = 2, INTERNAL = 3, SHORTCUT = 5 };

static const char header[] =
    "{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],"
    "\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\",\"native\",\"synthetic\"],"
    "\"string\",\"number\",\"number\",\"number\"],\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":"
    "[[\"context\",\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],\"string_or_number\",\"node\"]},"
    "\"node_count\":0,\"edge_count\":0}";

/* The JSON; strings are numbered in order of nodes, then of edges. Edges must stand in order of their sources. */
static char *make_dump(const struct made_node *nodes, size_t node_count, const struct made_edge *edges, size_t edge_count)
{
    char *text;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    fprintf(f, "%s,\"nodes\":[", header);
    for (size_t n = 0; n < node_count; n++) {
        unsigned count = 0;
        for (size_t e = 0; e < edge_count; e++)
            count += edges[e].from == n;
        fprintf(f, "%s%d,%zu,%u,%u,%u", n != 0 ? "," : "", nodes[n].type, n, nodes[n].id, nodes[n].size, count);
    }
    fprintf(f, "],\"edges\":[");
    for (size_t e = 0; e < edge_count; e++) {
        size_t name = edges[e].type == ELEMENT ? strtoul(edges[e].name, NULL, 10) : node_count + e;
        fprintf(f, "%s%d,%zu,%u", e != 0 ? "," : "", edges[e].type, name, edges[e].to * 5);
    }
    fprintf(f, "],\"strings\":[");
    for (size_t n = 0; n < node_count; n++)
        fprintf(f, "%s\"%s\"", n != 0 ? "," : "", nodes[n].name);
    for (size_t e = 0; e < edge_count; e++)
        fprintf(f, ",\"%s\"", edges[e].name);
    fprintf(f, "]}");
    fclose(f);
    return text;
}

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Window keeps a cache, the cache three entries, two of them one text; a listener beside it. */
static const struct made_node small_nodes[] = {
    {SYNTHETIC, "", 1, 0},     {SYNTHETIC, "(GC roots)", 3, 0},   {OBJECT, "Window", 5, 100}, {OBJECT, "Cache", 7, 50},
    {ARRAY, "", 9, 200},       {OBJECT, "Entry", 11, 30},         {OBJECT, "Entry", 13, 40},  {OBJECT, "Entry", 15, 20},
    {STRING, "hello W\u00f6rld", 17, 16}, {CLOSURE, "onTick", 19, 64},
};
static const struct made_edge small_edges[] = {
    {0, SHORTCUT, "global", 2}, {0, ELEMENT, "1", 1},      {1, ELEMENT, "1", 2},     {2, PROPERTY, "cache", 3},
    {2, PROPERTY, "on tick", 9}, {3, INTERNAL, "table", 4}, {4, ELEMENT, "0", 5},     {4, ELEMENT, "1", 6},
    {4, ELEMENT, "2", 7},       {5, PROPERTY, "text", 8},  {6, PROPERTY, "text", 8}, {9, CONTEXT, "owner", 3},
};
enum { ROOT, GC_ROOTS, WINDOW, CACHE, TABLE, ENTRY_30, ENTRY_40, ENTRY_20, TEXT, ON_TICK };

struct opened {
    struct mid__graph *graph;
    struct mid__interfaces *interfaces;
    struct mid__classes *classes;
};

static struct opened open_dump(const char *text, const struct mid__interfaces *interfaces)
{
    struct opened x = {0};
    struct mid__graph_error error;
    ck_assert_msg(mid__graph_load_memory(text, strlen(text), NULL, &x.graph, &error) == MID_OK, "%s", error.message);
    ck_assert_int_eq(mid__graph_analyze(x.graph, MID__PARTS_ALL, &error), MID_OK);
    ck_assert_int_eq(mid__interfaces_infer(x.graph, &x.interfaces), MID_OK);
    ck_assert_int_eq(mid__classes_build(x.graph, interfaces != NULL ? interfaces : x.interfaces, true, &x.classes), MID_OK);
    return x;
}

static void close_dump(struct opened *x)
{
    mid__classes_free(x->classes);
    mid__interfaces_free(x->interfaces);
    mid__graph_free(x->graph);
}

static struct opened small;
static struct view view;

static void open_small(void)
{
    char *text = make_dump(small_nodes, COUNT(small_nodes), small_edges, COUNT(small_edges));
    small = open_dump(text, NULL);
    free(text);
    view = (struct view){0};
    ck_assert_int_eq(view_complete(&view, small.graph, small.classes, NULL), MID_OK);
}

static void close_small(void)
{
    view_free(&view);
    close_dump(&small);
}

static const char *label_of(size_t row)
{
    static char words[4][128];
    static unsigned turn;
    struct row r = page_row(view_page(&view), row);
    const struct mid__title *t = view_label(&view, &r);
    char *out = words[turn++ % 4];
    snprintf(out, sizeof words[0], "%.*s", (int)t->length, t->bytes);
    return out;
}

static const char *label_under_cursor(void)
{
    return label_of(view_page(&view)->cursor);
}

/* All labels of the page, separated by |. */
static const char *labels(void)
{
    static char all[2048];
    size_t used = 0;
    all[0] = '\0';
    for (size_t i = 0; i < page_rows(view_page(&view)); i++)
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i != 0 ? "|" : "", label_of(i));
    return all;
}

/* ---- pages */

START_TEST(classes__complete__are_sorted_by_each_key_and_back)
{
    struct page *p = view_page(&view);
    ck_assert_str_eq(labels(), "Window|Cache|Entry|Function|(string)");
    struct row row = page_row(p, 1);
    struct figures f = page_figures(p, &row);
    ck_assert_uint_eq(f.retained, 356);
    ck_assert_uint_eq(f.shallow, 250); /* the table is counted with it */
    ck_assert_uint_eq(f.count, 1);
    ck_assert_int_eq(f.distance, 2);
    ck_assert_uint_eq(p->greatest[SORT_RETAINED], 520);
    ck_assert_uint_eq(p->greatest[SORT_COUNT], 3);
    page_sort(p, SORT_SHALLOW);
    ck_assert_str_eq(labels(), "Cache|Window|Entry|Function|(string)");
    page_sort(p, SORT_COUNT);
    ck_assert_str_eq(labels(), "Entry|Cache|Window|Function|(string)");
    page_sort(p, SORT_NAME);
    ck_assert_str_eq(labels(), "(string)|Cache|Entry|Function|Window");
    page_sort(p, SORT_NAME);
    ck_assert_str_eq(labels(), "Window|Function|Entry|Cache|(string)");
    page_sort(p, SORT_DISTANCE);
    ck_assert_str_eq(labels(), "Window|Cache|Function|Entry|(string)");
    page_sort(p, SORT_RETAINED);
    page_sort(p, SORT_RETAINED);
    ck_assert_str_eq(labels(), "(string)|Function|Entry|Cache|Window");
}
END_TEST

START_TEST(classes__first_figures__become_complete_under_the_cursor)
{
    view_free(&view);
    struct mid__classes *first;
    ck_assert_int_eq(mid__classes_build(small.graph, small.interfaces, false, &first), MID_OK);
    ck_assert_int_eq(view_begin(&view, first, 520), MID_OK);
    ck_assert_str_eq(labels(), "Cache|Window|Entry|Function|(string)");
    ck_assert(!page_figures(view_page(&view), &(struct row){ROW_CLASS, 0, ROW_NO_NODE, false}).has_retained);
    ck_assert_ptr_nonnull(view_enter(&view)); /* too early */
    ck_assert_ptr_nonnull(view_object(&view));
    ck_assert_ptr_nonnull(view_id(&view, 7));
    ck_assert_ptr_nonnull(view_show_tab(&view, TAB_TREE));
    page_move(view_page(&view), 2);
    ck_assert_str_eq(label_under_cursor(), "Entry");
    ck_assert_int_eq(view_complete(&view, small.graph, small.classes, NULL), MID_OK);
    mid__classes_free(first);
    ck_assert_str_eq(labels(), "Window|Cache|Entry|Function|(string)");
    ck_assert_str_eq(label_under_cursor(), "Entry");
    ck_assert_ptr_null(view_enter(&view));
}
END_TEST

START_TEST(classes__order_chosen_early__stays)
{
    view_free(&view);
    ck_assert_int_eq(view_begin(&view, small.classes, 520), MID_OK);
    page_sort(view_page(&view), SORT_NAME);
    page_sort(view_page(&view), SORT_NAME);
    ck_assert_int_eq(view_complete(&view, small.graph, small.classes, NULL), MID_OK);
    ck_assert_str_eq(labels(), "Window|Function|Entry|Cache|(string)");
}
END_TEST

START_TEST(instances__of_a_class__are_its_nodes_with_a_size)
{
    page_move_to(view_page(&view), 2);
    ck_assert_ptr_null(view_enter(&view));
    ck_assert_int_eq(view_page(&view)->kind, PAGE_INSTANCES);
    ck_assert_str_eq(labels(), "Entry @13|Entry @11|Entry @15");
    page_sort(view_page(&view), SORT_NAME); /* equal names stand in order of the file */
    ck_assert_str_eq(labels(), "Entry @11|Entry @13|Entry @15");
    ck_assert_ptr_null(view_enter(&view));
    ck_assert_int_eq(view_page(&view)->kind, PAGE_OBJECT);
    ck_assert_ptr_null(view_back(&view));
    ck_assert_ptr_null(view_up(&view));
    ck_assert_int_eq(view_page(&view)->kind, PAGE_CLASSES);
    ck_assert_uint_eq(view_page(&view)->cursor, 2); /* as it was left */
    ck_assert_ptr_nonnull(view_back(&view));
}
END_TEST

START_TEST(object__its_page__has_retainers_above_and_references_below)
{
    ck_assert_ptr_null(view_id(&view, 7));
    struct page *p = view_page(&view);
    ck_assert_str_eq(labels(), "Retainers|(context) owner of Function onTick @19|.cache of Window @5|Cache @7|References|"
                               "(internal) table = (array) @9");
    ck_assert_str_eq(label_under_cursor(), "Cache @7");
    page_move(p, 1); /* over the heading */
    ck_assert_str_eq(label_under_cursor(), "(internal) table = (array) @9");
    page_move(p, 10);
    ck_assert_uint_eq(p->cursor, 5);
    page_move(p, -2);
    ck_assert_str_eq(label_under_cursor(), "Cache @7");
    page_move(p, -1);
    ck_assert_str_eq(label_under_cursor(), ".cache of Window @5");
    page_move(p, -100);
    ck_assert_uint_eq(p->cursor, 1);
    page_sort(p, SORT_NAME);
    ck_assert_str_eq(label_of(2), ".cache of Window @5"); /* the first stands lowest */
    page_sort(p, SORT_SHALLOW);
    ck_assert_str_eq(label_of(2), ".cache of Window @5");
    page_sort(p, SORT_SHALLOW);
    ck_assert_str_eq(label_of(1), ".cache of Window @5");
}
END_TEST

START_TEST(object__enter_on_itself_or_an_end__leads_to_tree_and_objects)
{
    view_id(&view, 7);
    ck_assert_ptr_null(view_enter(&view));
    ck_assert_int_eq(view_page(&view)->kind, PAGE_TREE);
    ck_assert_str_eq(label_under_cursor(), "Cache @7");
    view_back(&view);
    page_move(view_page(&view), 1);
    ck_assert_ptr_null(view_enter(&view));
    ck_assert_int_eq(view_page(&view)->kind, PAGE_OBJECT);
    ck_assert_uint_eq(view_page(&view)->item, TABLE);
    ck_assert_str_eq(labels(), "Retainers|(internal) table of Cache @7|(array) @9|References|[1] = Entry @13|[0] = Entry @11|"
                               "[2] = Entry @15");
}
END_TEST

START_TEST(labels__strings_and_odd_properties__are_written_as_code)
{
    view_id(&view, 19);
    ck_assert_str_eq(label_of(1), "[\"on tick\"] of Window @5");
    view_id(&view, 17);
    ck_assert_str_eq(label_under_cursor(), "\"hello W\u00f6rld\" @17");
    view_id(&view, 1);
    ck_assert_str_eq(label_under_cursor(), "(root) @1");
    ck_assert_str_eq(label_of(3), "(shortcut) global = Window @5");
}
END_TEST

/* ---- going */

START_TEST(tree__enter_and_up__walk_the_dominators)
{
    uint32_t chain[8];
    bool more;
    ck_assert_ptr_null(view_show_tab(&view, TAB_TREE));
    ck_assert_str_eq(labels(), "Window @5|(GC roots) @3");
    ck_assert_uint_eq(view_chain(&view, chain, 8, &more), 1);
    ck_assert_ptr_null(view_enter(&view));
    ck_assert_str_eq(labels(), "Cache @7|Function onTick @19");
    ck_assert_ptr_null(view_enter(&view));
    ck_assert_ptr_null(view_enter(&view));
    ck_assert_str_eq(labels(), "Entry @13|Entry @11|Entry @15|\"hello W\u00f6rld\" @17");
    ck_assert_uint_eq(view_chain(&view, chain, 8, &more), 3);
    ck_assert(!more && chain[0] == TABLE && chain[1] == CACHE && chain[2] == WINDOW);
    ck_assert_uint_eq(view_chain(&view, chain, 2, &more), 2);
    ck_assert(more && chain[1] == CACHE);
    page_move(view_page(&view), 3);
    ck_assert_ptr_null(view_enter(&view)); /* a leaf is shown as an object */
    ck_assert_int_eq(view_page(&view)->kind, PAGE_OBJECT);
    ck_assert_ptr_null(view_up(&view));
    ck_assert_uint_eq(view_page(&view)->cursor, 3);
    for (uint32_t parent = TABLE; parent != ROOT; parent = small.graph->dominator[parent])
        ck_assert_ptr_null(view_up(&view));
    ck_assert_uint_eq(view_page(&view)->item, ROOT);
    ck_assert_uint_eq(view_page(&view)->cursor, 0);
    ck_assert_ptr_nonnull(view_up(&view));
    ck_assert_uint_eq(view.stacks[TAB_TREE].count, 1);
}
END_TEST

START_TEST(tree__reached_from_an_object__goes_up_all_the_same)
{
    view_id(&view, 11);
    ck_assert_ptr_null(view_tree(&view));
    ck_assert_uint_eq(view_page(&view)->item, TABLE);
    ck_assert_str_eq(label_under_cursor(), "Entry @11");
    ck_assert_ptr_null(view_up(&view));
    ck_assert_uint_eq(view_page(&view)->item, CACHE);
    ck_assert_str_eq(label_under_cursor(), "(array) @9");
    ck_assert_ptr_null(view_up(&view));
    ck_assert_ptr_null(view_up(&view));
    ck_assert_uint_eq(view_page(&view)->item, ROOT);
    ck_assert_ptr_null(view_back(&view)); /* to the object that one came from */
    ck_assert_int_eq(view_page(&view)->kind, PAGE_OBJECT);
}
END_TEST

START_TEST(path__to_a_node__is_the_shortest_and_its_steps_are_objects)
{
    view_id(&view, 17);
    ck_assert_ptr_null(view_path(&view));
    ck_assert_str_eq(labels(), "(shortcut) global = Window @5|.cache = Cache @7|(internal) table = (array) @9|"
                               "[0] = Entry @11|.text = \"hello W\u00f6rld\" @17");
    ck_assert_uint_eq(view_page(&view)->cursor, 4);
    page_move(view_page(&view), -3);
    ck_assert_ptr_null(view_enter(&view));
    ck_assert_uint_eq(view_page(&view)->item, CACHE);
    view_id(&view, 1);
    ck_assert_ptr_nonnull(view_path(&view)); /* none leads to the root */
    ck_assert_int_eq(view_page(&view)->kind, PAGE_OBJECT);
    ck_assert_ptr_nonnull(view_id(&view, 4242));
}
END_TEST

START_TEST(tabs__left_and_found_again__are_as_they_were)
{
    page_move(view_page(&view), 3);
    view_show_tab(&view, TAB_TREE);
    view_enter(&view);
    ck_assert_ptr_null(view_show_tab(&view, TAB_CLASSES));
    ck_assert_uint_eq(view_page(&view)->cursor, 3);
    ck_assert_ptr_null(view_show_tab(&view, TAB_TREE));
    ck_assert_uint_eq(view_page(&view)->item, WINDOW);
    ck_assert_ptr_null(view_show_tab(&view, TAB_TREE)); /* once more: its first page */
    ck_assert_uint_eq(view_page(&view)->item, ROOT);
    ck_assert_ptr_nonnull(view_show_tab(&view, TAB_COMPARE));
}
END_TEST

START_TEST(scroll__any_cursor__is_on_the_screen)
{
    uint64_t state = test_seed("scroll");
    view_id(&view, 9);
    struct page *p = view_page(&view);
    size_t rows = page_rows(p);
    for (int i = 0; i < 2000; i++) {
        size_t height = 1 + test_random(&state) % 10;
        page_move(p, (ptrdiff_t)(test_random(&state) % 13) - 6);
        page_scroll(p, height);
        ck_assert_uint_lt(p->cursor, rows);
        ck_assert_uint_ge(p->cursor, p->top);
        ck_assert_uint_lt(p->cursor - p->top, height);
        ck_assert(p->top == 0 || rows - p->top >= height);
        ck_assert_int_ne(page_row(p, p->cursor).kind, ROW_HEADING);
    }
}
END_TEST

/* ---- search */

static enum search_result search(const char *ascii, size_t from, bool forward)
{
    struct mid__title query = {0};
    mid__title_words(&query, ascii);
    view_search_begin(&view, &query, from, forward);
    mid__title_free(&query);
    enum search_result result;
    while ((result = view_search_step(&view, 1)) == SEARCH_MORE)
        continue;
    return result;
}

START_TEST(search__names_and_ids__move_the_cursor_around_the_end)
{
    view_id(&view, 9);
    struct page *p = view_page(&view);
    ck_assert_int_eq(search("entry", 0, true), SEARCH_FOUND);
    ck_assert_str_eq(label_under_cursor(), "[1] = Entry @13");
    ck_assert_int_eq(search("entry", p->cursor + 1, true), SEARCH_FOUND);
    ck_assert_str_eq(label_under_cursor(), "[0] = Entry @11");
    ck_assert_int_eq(search("cache", p->cursor, true), SEARCH_FOUND); /* around the end */
    ck_assert_uint_eq(p->cursor, 1);
    ck_assert_int_eq(search("entry", 0, false), SEARCH_FOUND); /* and around the start */
    ck_assert_str_eq(label_under_cursor(), "[2] = Entry @15");
    ck_assert_int_eq(search("@11", 0, true), SEARCH_FOUND);
    ck_assert_str_eq(label_under_cursor(), "[0] = Entry @11");
    size_t before = p->cursor;
    ck_assert_int_eq(search("ENTRY", 0, true), SEARCH_NONE); /* a capital is meant */
    ck_assert_int_eq(search("retainers", 0, true), SEARCH_NONE); /* headings are no rows */
    ck_assert_int_eq(search("", 0, true), SEARCH_NONE);
    ck_assert_uint_eq(p->cursor, before);
}
END_TEST

static const char *find(const char *expression)
{
    return view_find(&view, expression, strlen(expression));
}

START_TEST(find__an_expression__opens_its_objects)
{
    ck_assert_ptr_null(find("class=Entry and size>0"));
    ck_assert_int_eq(view_page(&view)->kind, PAGE_FOUND);
    ck_assert_str_eq(view_page(&view)->words, "class=Entry and size>0");
    ck_assert_uint_eq(page_rows(view_page(&view)), 3);
    ck_assert_uint_eq(view_page(&view)->shallow, 30 + 40 + 20);
    ck_assert(view_enter(&view) == NULL && view_page(&view)->kind == PAGE_OBJECT);
    ck_assert(view_back(&view) == NULL && view_page(&view)->kind == PAGE_FOUND);
    ck_assert(view_back(&view) == NULL && view_page(&view)->kind == PAGE_CLASSES);
}
END_TEST

START_TEST(find__what_cannot_be_found__says_why_and_stays)
{
    ck_assert_str_eq(find("size>x"), "no size such as 300, 50MB or 1.5GiB, at character 6");
    ck_assert_str_eq(find("retained-by=@4242"), "no object @4242");
    ck_assert_str_eq(find("class=Nobody"), "no object is so");
    ck_assert_int_eq(view_page(&view)->kind, PAGE_CLASSES);
}
END_TEST

START_TEST(search__beyond_ascii__folds_too)
{
    view_id(&view, 11);
    struct mid__title query = {0};
    mid__title_words(&query, "w");
    mid__title_put(&query, 0xf6);
    mid__title_words(&query, "rl");
    view_search_begin(&view, &query, 0, true);
    ck_assert_int_eq(view_search_step(&view, 100), SEARCH_FOUND);
    ck_assert_str_eq(label_under_cursor(), ".text = \"hello W\u00f6rld\" @17");
    mid__title_free(&query);
}
END_TEST

START_TEST(search__interrupted_by_a_new_page__ends)
{
    struct mid__title query = {0};
    mid__title_words(&query, "zzz");
    view_search_begin(&view, &query, 0, true);
    ck_assert_int_eq(view_search_step(&view, 1), SEARCH_MORE);
    page_move_to(view_page(&view), 4);
    view_enter(&view); /* one row alone */
    ck_assert_int_eq(view_search_step(&view, 100), SEARCH_NONE);
    mid__title_free(&query);
}
END_TEST

/* ---- comparison */

/* The newer snapshot: one Entry less, two more, one string more; the Cache became another class. */
static const struct made_node newer_nodes[] = {
    {SYNTHETIC, "", 1, 0},   {SYNTHETIC, "(GC roots)", 3, 0}, {OBJECT, "Window", 5, 100}, {OBJECT, "BigCache", 7, 50},
    {ARRAY, "", 9, 200},     {OBJECT, "Entry", 11, 30},       {OBJECT, "Entry", 31, 41},  {OBJECT, "Entry", 21, 22},
    {STRING, "new", 23, 24}, {CLOSURE, "onTick", 19, 64},
};

static struct compare *compare_dumps(const char *old_text, const char *new_text, struct opened *new)
{
    struct compare *x;
    *new = open_dump(new_text, NULL);
    ck_assert_int_eq(compare_take_new(&x, new->graph, new->classes), MID_OK);
    struct opened old = open_dump(old_text, new->interfaces);
    ck_assert_int_eq(compare_take_old(x, old.graph, old.classes), MID_OK);
    close_dump(&old);
    ck_assert_int_eq(compare_find(x, new->graph, new->classes), MID_OK);
    return x;
}

START_TEST(compare__two_snapshots__lead_to_the_new_objects)
{
    char *old_text = make_dump(small_nodes, COUNT(small_nodes), small_edges, COUNT(small_edges));
    char *new_text = make_dump(newer_nodes, COUNT(newer_nodes), small_edges, COUNT(small_edges));
    struct opened new;
    struct compare *x = compare_dumps(old_text, new_text, &new);
    view_free(&view);
    ck_assert_int_eq(view_complete(&view, new.graph, new.classes, x), MID_OK);
    struct page *p = view_page(&view);
    ck_assert_int_eq(p->kind, PAGE_COMPARE);
    ck_assert_str_eq(labels(), "BigCache|(string)|Entry|Cache"); /* +250 +8 +3 -250; what did not change is not there */
    ck_assert_uint_eq(p->greatest[SORT_RETAINED], 250);
    page_sort(p, SORT_NAME);
    ck_assert_str_eq(labels(), "(string)|BigCache|Cache|Entry");
    page_move_to(p, 2);
    ck_assert_ptr_nonnull(view_enter(&view)); /* nothing of it is new */
    page_move_to(p, 3);
    ck_assert_ptr_null(view_enter(&view));
    ck_assert_str_eq(labels(), "Entry @31|Entry @21");
    ck_assert_ptr_null(view_enter(&view));
    ck_assert_int_eq(view_page(&view)->kind, PAGE_OBJECT);
    ck_assert_ptr_null(view_show_tab(&view, TAB_CLASSES));
    view_free(&view);
    compare_free(x);
    close_dump(&new);
    free(old_text);
    free(new_text);
}
END_TEST

/* Random tables of objects, ids twice among them, against a comparison that looks at every pair. */
START_TEST(compare__random_objects__new_is_what_has_no_twin)
{
    uint64_t state = test_seed("compare");
    for (unsigned long round = 0; round < test_rounds(40); round++) {
        struct made_node sides[2][40] = {{{SYNTHETIC, "", 1, 0}}, {{SYNTHETIC, "", 1, 0}}};
        char *text[2];
        for (int side = 0; side < 2; side++) {
            static const char *const names[] = {"A", "B", "C"};
            for (unsigned n = 1; n < 40; n++)
                sides[side][n] = (struct made_node){OBJECT, names[test_random(&state) % 3],
                                                    (unsigned)(3 + 2 * (test_random(&state) % (round % 2 ? 20 : 80))),
                                                    (unsigned)(test_random(&state) % 4)};
            text[side] = make_dump(sides[side], 40, NULL, 0);
        }
        struct opened new;
        struct compare *x = compare_dumps(text[0], text[1], &new);
        bool listed[40] = {false};
        for (uint32_t r = 0; r < x->diff->row_count; r++)
            for (uint32_t i = x->first_new[r]; i < x->first_new[r + 1]; i++) {
                size_t length;
                const char *name = compare_name(x, r, &length);
                ck_assert(length == 1 && name[0] == sides[1][x->new_nodes[i]].name[0]);
                ck_assert(!listed[x->new_nodes[i]]);
                listed[x->new_nodes[i]] = true;
            }
        for (unsigned n = 1; n < 40; n++) {
            bool new_one = sides[1][n].size != 0;
            for (unsigned m = 1; m < 40; m++)
                new_one &= !(sides[0][m].size != 0 && sides[0][m].id == sides[1][n].id &&
                             sides[0][m].name[0] == sides[1][n].name[0]);
            ck_assert_int_eq(listed[n], new_one);
        }
        compare_free(x);
        close_dump(&new);
        free(text[0]);
        free(text[1]);
    }
}
END_TEST

/* ---- the thread */

#define BEFORE "tests/golden/fixtures/node20-5mb-before.heapsnapshot.gz"
#define AFTER  "tests/golden/fixtures/node20-5mb-after.heapsnapshot.gz"

struct bell {
    pthread_mutex_t lock;
    pthread_cond_t rung;
    unsigned count;
};

static void ring(void *user)
{
    struct bell *b = user;
    pthread_mutex_lock(&b->lock);
    b->count++;
    pthread_cond_signal(&b->rung);
    pthread_mutex_unlock(&b->lock);
}

static struct bell bell = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

/* Looks whenever it is woken, until `stage`; *first is the state with the first figures, when they were seen. */
static struct analysis_state wait_for(struct analysis *a, enum analysis_stage stage)
{
    struct analysis_state state;
    for (analysis_look(a, &state); state.stage < stage; analysis_look(a, &state)) {
        pthread_mutex_lock(&bell.lock);
        while (bell.count == 0)
            pthread_cond_wait(&bell.rung, &bell.lock);
        bell.count = 0;
        pthread_mutex_unlock(&bell.lock);
    }
    return state;
}

static struct analysis *start(const char *path, const char *old_path)
{
    struct analysis *a;
    struct analysis_request request = {.path = path, .old_path = old_path, .wake = ring, .user = &bell};
    bell.count = 0;
    ck_assert_int_eq(analysis_start(&request, &a), MID_OK);
    return a;
}

START_TEST(analysis__a_snapshot__first_figures_then_all)
{
    struct analysis *a = start(AFTER, NULL);
    struct analysis_state state = wait_for(a, ANALYSIS_CLASSES);
    ck_assert_int_le(state.stage, ANALYSIS_COMPLETE);
    ck_assert_uint_eq(state.node_count, 72755);
    uint64_t total = state.total_size;
    const struct mid__classes *first = state.first;
    state = wait_for(a, ANALYSIS_COMPLETE);
    ck_assert_int_eq(state.stage, ANALYSIS_COMPLETE);
    ck_assert_uint_eq(state.total_size, total); /* sizes move when they are folded, none is lost */
    ck_assert_uint_eq(state.classes->count, first->count);
    for (uint32_t i = 0; i < first->count; i++)
        ck_assert(first->list[i].shallow == state.classes->list[i].shallow && first->list[i].count == state.classes->list[i].count);
    struct subject subject = {state.graph, state.classes, NULL, true, state.total_size, NULL};
    for (uint32_t i = 0; i < first->count; i++) { /* a class lists what it counts */
        struct page *page;
        ck_assert_int_eq(page_create(&subject, PAGE_INSTANCES, i, &page), MID_OK);
        ck_assert_uint_eq(page_rows(page), state.classes->list[i].count);
        page_free(page);
    }
    ck_assert_ptr_nonnull(state.graph->retainer);
    ck_assert_ptr_null(state.compare);
    analysis_free(a);
}
END_TEST

START_TEST(analysis__two_snapshots__every_row_has_its_new_objects)
{
    struct analysis *a = start(AFTER, BEFORE);
    struct analysis_state state = wait_for(a, ANALYSIS_COMPLETE);
    ck_assert_int_eq(state.stage, ANALYSIS_COMPLETE);
    uint64_t added = 0;
    for (uint32_t r = 0; r < state.compare->diff->row_count; r++) {
        uint64_t bytes = 0;
        for (uint32_t i = state.compare->first_new[r]; i < state.compare->first_new[r + 1]; i++)
            bytes += mid__graph_size(state.graph, state.compare->new_nodes[i]);
        ck_assert_uint_eq(state.compare->first_new[r + 1] - state.compare->first_new[r], state.compare->diff->rows[r].added);
        ck_assert_uint_eq(bytes, state.compare->diff->rows[r].added_size);
        added += state.compare->diff->rows[r].added;
    }
    ck_assert_uint_gt(added, 1000);
    analysis_free(a);
}
END_TEST

START_TEST(analysis__what_cannot_be_read__is_an_error_with_its_path)
{
    struct analysis *a = start("/no/such/file", NULL);
    struct analysis_state state = wait_for(a, ANALYSIS_COMPLETE);
    ck_assert_int_eq(state.stage, ANALYSIS_FAILED);
    ck_assert_int_eq(state.error.status, MID_E_IO);
    analysis_free(a);
    a = start(AFTER, "/no/such/file");
    state = wait_for(a, ANALYSIS_COMPLETE);
    ck_assert_int_eq(state.stage, ANALYSIS_FAILED);
    ck_assert_str_eq(state.path, "/no/such/file");
    analysis_free(a);
}
END_TEST

START_TEST(analysis__freed_at_any_time__stops)
{
    for (unsigned i = 0; i < 6; i++) {
        struct analysis *a = start(AFTER, i % 2 ? BEFORE : NULL);
        usleep(i * 30000);
        analysis_free(a);
    }
    analysis_free(NULL);
}
END_TEST

int main(void)
{
    TCase *plain = tcase_create("order and comparison"), *pages = tcase_create("pages"), *thread = tcase_create("thread");
    tcase_add_test(plain, order__any_windows__are_as_in_the_whole_sort);
    tcase_add_test(plain, order__one_screen_of_many__costs_a_few_passes);
    tcase_add_test(plain, compare__random_objects__new_is_what_has_no_twin);
    tcase_add_checked_fixture(pages, open_small, close_small);
    tcase_add_test(pages, classes__complete__are_sorted_by_each_key_and_back);
    tcase_add_test(pages, classes__first_figures__become_complete_under_the_cursor);
    tcase_add_test(pages, classes__order_chosen_early__stays);
    tcase_add_test(pages, instances__of_a_class__are_its_nodes_with_a_size);
    tcase_add_test(pages, object__its_page__has_retainers_above_and_references_below);
    tcase_add_test(pages, object__enter_on_itself_or_an_end__leads_to_tree_and_objects);
    tcase_add_test(pages, labels__strings_and_odd_properties__are_written_as_code);
    tcase_add_test(pages, tree__enter_and_up__walk_the_dominators);
    tcase_add_test(pages, tree__reached_from_an_object__goes_up_all_the_same);
    tcase_add_test(pages, path__to_a_node__is_the_shortest_and_its_steps_are_objects);
    tcase_add_test(pages, tabs__left_and_found_again__are_as_they_were);
    tcase_add_test(pages, scroll__any_cursor__is_on_the_screen);
    tcase_add_test(pages, search__names_and_ids__move_the_cursor_around_the_end);
    tcase_add_test(pages, find__an_expression__opens_its_objects);
    tcase_add_test(pages, find__what_cannot_be_found__says_why_and_stays);
    tcase_add_test(pages, search__beyond_ascii__folds_too);
    tcase_add_test(pages, search__interrupted_by_a_new_page__ends);
    tcase_add_test(pages, compare__two_snapshots__lead_to_the_new_objects);
    tcase_add_test(thread, analysis__a_snapshot__first_figures_then_all);
    tcase_add_test(thread, analysis__two_snapshots__every_row_has_its_new_objects);
    tcase_add_test(thread, analysis__what_cannot_be_read__is_an_error_with_its_path);
    tcase_add_test(thread, analysis__freed_at_any_time__stops);
    return run_suite("view_model", plain, pages, thread, NULL);
}
