/* SPDX-License-Identifier: MIT
 *
 * lua_snapshot.c: a stock Lua 5.4 state as a source of <midden/snapshot.h>. Nothing is changed in Lua, and nothing of it is
 * used but its public API, so this is also what a source for any other runtime looks like.
 *
 * The state is walked breadth first. What was found stands in a Lua table, in the order of its finding: that is the number
 * of its node, and the worklist as well. A hash table from address to number (lua_topointer) tells what is known already:
 *
 *     found   [1] registry  [2] main thread  [3] _G  [4] ...        a Lua table; [i] is node i - 1
 *     seen    address -> number                                     malloc, 16 bytes a place
 *
 * Nodes are tables, strings, functions, full userdata and threads. (A C function without upvalues is no object in Lua.)
 *
 *     table      property or element, by key; its keys that are objects (internal "key"); internal "metatable". __mode
 *                makes the edges weak
 *     function   context, by the name of the upvalue
 *     userdata   internal "metatable"; elements, its user values
 *     thread     internal, by the name of the local variable; internal "function", what runs in a frame; what lies on the
 *                stack where nothing runs
 *
 * A table with a metatable is named after its class: __name of the metatable, or the name under which _G or package.loaded
 * know the metatable. A function is named after the place where it is defined.
 *
 * Sizes: Lua tells no object's size. They are computed from what the API shows, by the layout of Lua 5.4 on 64 bits; what the
 * sum lacks of Lua's own count (prototypes and their code, spare room in tables and stacks) is extra_native_bytes, so that
 * the total is Lua's.
 *
 * Ids: a weak table in the registry gives each object (not strings) the same id for all its life. A string has one made of
 * its address: Lua does not move, but a dead string's address may come again.
 *
 *   I1  the walk runs on a thread of its own, so that the stacks of the program are as they were; that thread, `found` and
 *       the ids are no part of the snapshot
 *   I2  all that may raise an error (memory) happens before the writer begins, in `discover`. What the writer's callbacks use
 *       of Lua neither allocates nor raises, so no error jumps over the writer
 *   I3  Lua's collector is stopped from the first finding to the last edge
 */
#include "lua_snapshot.h"

#include <lauxlib.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOUND = 1, IDS = 2, CLASSES = 3, FIRST_FREE = 6 }; /* slots of the walk's own stack */
enum { STACK_ROOM = 40, NAME_ROOM = 128 };

/* Lua 5.4, lobject.h and lstate.h, on 64 bits. */
enum { TABLE_BYTES = 56, SLOT_BYTES = 16, HASH_BYTES = 24, STRING_BYTES = 25, CLOSURE_BYTES = 32, UPVALUE_BYTES = 8,
       USERDATA_BYTES = 32, LIST_BYTES = 8, THREAD_BYTES = 200 };

static const char *const groups[] = {"(Registry)", "(Metatables of types)"};
enum { GROUP_REGISTRY, GROUP_METATABLES, GROUP_COUNT };

struct place {
    const void *address;
    uint64_t number; /* plus one; 0: empty */
};

struct walk {
    lua_State *L; /* its own thread */
    lua_State *program;
    const char *path;
    const struct mid_snapshot_options *options;
    struct place *seen;
    size_t places, count;
    struct mid_snapshot_sink *sink;
    enum mid_status status; /* of the writer */
    int error;              /* its errno */
    int closed;             /* all is found */
    uint64_t total_bytes;   /* Lua's own count, before the walk */
    uint64_t known_bytes;   /* the sum of all sizes */
    uint64_t edges;
};

/* What is done with an edge whose target lies on top of the stack. */
struct visit {
    struct walk *walk;
    void (*edge)(struct visit *v, const struct mid_snapshot_edge *edge);
    uint64_t from, count;
};

static char registry_key; /* its address is our place in the registry */

/* ---- what was found */

static size_t place_of(const struct walk *w, const void *address)
{
    size_t i = (size_t)((uint64_t)(uintptr_t)address * 0x9e3779b97f4a7c15u >> 32) & (w->places - 1);
    while (w->seen[i].number != 0 && w->seen[i].address != address)
        i = (i + 1) & (w->places - 1);
    return i;
}

static void grow(struct walk *w)
{
    size_t old_places = w->places;
    struct place *old = w->seen, *seen = calloc(old_places == 0 ? 1024 : old_places * 2, sizeof *seen);
    if (seen == NULL)
        luaL_error(w->L, "not enough memory");
    w->seen = seen;
    w->places = old_places == 0 ? 1024 : old_places * 2;
    for (size_t i = 0; i < old_places; i++)
        if (old[i].number != 0)
            w->seen[place_of(w, old[i].address)] = old[i];
    free(old);
}

/* Whether the value is an object of Lua's heap that is to be shown. */
static int is_object(struct walk *w, int index)
{
    switch (lua_type(w->L, index)) {
    case LUA_TFUNCTION:
        if (lua_iscfunction(w->L, index)) {
            if (lua_getupvalue(w->L, index, 1) == NULL)
                return 0;
            lua_pop(w->L, 1);
        }
        return 1;
    case LUA_TTABLE: {
        const void *at = lua_topointer(w->L, index);
        return at != lua_topointer(w->L, FOUND) && at != lua_topointer(w->L, IDS) && at != lua_topointer(w->L, CLASSES);
    }
    case LUA_TTHREAD:
        return lua_tothread(w->L, index) != w->L;
    case LUA_TSTRING:
    case LUA_TUSERDATA:
        return 1;
    default:
        return 0;
    }
}

/* The number of the object on top of the stack; it becomes known with that. Once the writer has begun nothing new can be
 * there: a number that no node has makes it fail. */
static uint64_t number_of(struct walk *w)
{
    const void *address = lua_topointer(w->L, -1);
    uint64_t number = w->places == 0 ? 0 : w->seen[place_of(w, address)].number;
    if (number != 0)
        return number - 1;
    if (w->closed)
        return UINT64_MAX;
    if (2 * w->count >= w->places)
        grow(w);
    lua_pushvalue(w->L, -1);
    lua_rawseti(w->L, FOUND, (lua_Integer)w->count + 1);
    w->seen[place_of(w, address)] = (struct place){address, w->count + 1};
    return w->count++;
}

static struct mid_snapshot_text text(const char *s)
{
    return (struct mid_snapshot_text){s, strlen(s)};
}

/* ---- the edges of one object, which lies at `at`; each target is pushed, visited, popped */

static void visit_top(struct visit *v, enum mid_snapshot_edge_type type, const char *name, size_t bytes, uint64_t index,
                      int passing)
{
    if (is_object(v->walk, -1)) {
        struct mid_snapshot_edge edge = {.type = type, .index = index, .name = {name, bytes}, .name_is_passing = passing};
        edge.target = number_of(v->walk);
        v->count++;
        if (v->edge != NULL)
            v->edge(v, &edge);
    }
    lua_pop(v->walk->L, 1);
}

static void visit_named(struct visit *v, enum mid_snapshot_edge_type type, const char *name, int passing)
{
    visit_top(v, type, name, strlen(name), 0, passing);
}

/* Which sides of a table are weak. Leaves the stack as it was. */
static void weak_sides(lua_State *L, int at, int *keys, int *values)
{
    *keys = *values = 0;
    if (!lua_getmetatable(L, at))
        return;
    lua_pushliteral(L, "__mode");
    if (lua_rawget(L, -2) == LUA_TSTRING) {
        const char *mode = lua_tostring(L, -1);
        *keys = strchr(mode, 'k') != NULL;
        *values = strchr(mode, 'v') != NULL;
    }
    lua_pop(L, 2);
}

/* The value of a pair, on top; its key below it. */
static void visit_value(struct visit *v, int weak)
{
    lua_State *L = v->walk->L;
    enum mid_snapshot_edge_type type = weak ? MID_SNAPSHOT_EDGE_WEAK : MID_SNAPSHOT_EDGE_PROPERTY;
    char name[NAME_ROOM];
    size_t bytes;
    if (lua_type(L, -2) == LUA_TSTRING) {
        const char *key = lua_tolstring(L, -2, &bytes);
        visit_top(v, type, key, bytes, 0, 0);
        return;
    }
    if (lua_isinteger(L, -2) && !weak && lua_tointeger(L, -2) >= 0) {
        visit_top(v, MID_SNAPSHOT_EDGE_ELEMENT, NULL, 0, (uint64_t)lua_tointeger(L, -2), 0);
        return;
    }
    if (lua_isinteger(L, -2))
        snprintf(name, sizeof name, "%lld", (long long)lua_tointeger(L, -2));
    else if (lua_type(L, -2) == LUA_TNUMBER)
        snprintf(name, sizeof name, "%.14g", (double)lua_tonumber(L, -2));
    else if (lua_type(L, -2) == LUA_TBOOLEAN)
        snprintf(name, sizeof name, "%s", lua_toboolean(L, -2) ? "true" : "false");
    else
        snprintf(name, sizeof name, "[%s]", lua_typename(L, lua_type(L, -2)));
    visit_named(v, type, name, 1);
}

static void visit_table(struct visit *v, int at)
{
    lua_State *L = v->walk->L;
    int weak_keys, weak_values;
    weak_sides(L, at, &weak_keys, &weak_values);
    lua_pushnil(L);
    while (lua_next(L, at)) {
        if (lua_islightuserdata(L, -2) && lua_touserdata(L, -2) == &registry_key) {
            lua_pop(L, 1); /* our own: I1 */
            continue;
        }
        visit_value(v, weak_values); /* pops it */
        lua_pushvalue(L, -1);
        visit_named(v, weak_keys && !lua_isstring(L, -1) ? MID_SNAPSHOT_EDGE_WEAK : MID_SNAPSHOT_EDGE_INTERNAL, "key", 0);
    }
}

static void visit_function(struct visit *v, int at)
{
    char number[32];
    const char *name;
    for (int n = 1; (name = lua_getupvalue(v->walk->L, at, n)) != NULL; n++) {
        if (name[0] == '\0')
            snprintf(number, sizeof number, "upvalue %d", n);
        visit_named(v, MID_SNAPSHOT_EDGE_CONTEXT, name[0] == '\0' ? number : name, 1);
    }
}

static void visit_userdata(struct visit *v, int at)
{
    lua_State *L = v->walk->L;
    for (int n = 1; lua_getiuservalue(L, at, n) != LUA_TNONE; n++)
        visit_top(v, MID_SNAPSHOT_EDGE_ELEMENT, NULL, 0, (uint64_t)n, 0);
    lua_pop(L, 1);
}

static void visit_frame(struct visit *v, lua_State *thread, lua_Debug *frame)
{
    lua_State *L = v->walk->L;
    const char *name;
    if (lua_getinfo(thread, "f", frame)) {
        lua_xmove(thread, L, 1);
        visit_named(v, MID_SNAPSHOT_EDGE_INTERNAL, "function", 0);
    }
    for (int step = 1; step >= -1; step -= 2) /* locals and temporaries, then the arguments behind "..." */
        for (int n = step; (name = lua_getlocal(thread, frame, n)) != NULL; n += step) {
            lua_xmove(thread, L, 1);
            visit_named(v, MID_SNAPSHOT_EDGE_INTERNAL, name, 1);
        }
}

static void visit_thread(struct visit *v, int at)
{
    lua_State *L = v->walk->L, *thread = lua_tothread(L, at);
    lua_Debug frame;
    if (!lua_checkstack(thread, 4)) /* grown in `discover`, if at all */
        return;
    int level = 0;
    for (; lua_getstack(thread, level, &frame); level++)
        visit_frame(v, thread, &frame);
    for (int i = 1, top = level == 0 ? lua_gettop(thread) : 0; i <= top; i++) {
        lua_pushvalue(thread, i);
        lua_xmove(thread, L, 1);
        visit_named(v, MID_SNAPSHOT_EDGE_INTERNAL, "stack", 0);
    }
}

static void visit_edges(struct visit *v, int at)
{
    lua_State *L = v->walk->L;
    switch (lua_type(L, at)) {
    case LUA_TTABLE: visit_table(v, at); break;
    case LUA_TFUNCTION: visit_function(v, at); break;
    case LUA_TUSERDATA: visit_userdata(v, at); break;
    case LUA_TTHREAD: visit_thread(v, at); break;
    default: return; /* the metatable of strings is a root */
    }
    if ((lua_istable(L, at) || lua_isuserdata(L, at)) && lua_getmetatable(L, at))
        visit_named(v, MID_SNAPSHOT_EDGE_INTERNAL, "metatable", 0);
}

/* ---- nodes */

static uint64_t power_above(uint64_t n)
{
    uint64_t power = 1;
    while (power < n)
        power *= 2;
    return n == 0 ? 0 : power;
}

static uint64_t bytes_of(struct walk *w, int at)
{
    lua_State *L = w->L;
    uint64_t n = 0, in_array = 0;
    lua_Integer border = lua_istable(L, at) ? (lua_Integer)lua_rawlen(L, at) : 0;
    switch (lua_type(L, at)) {
    case LUA_TTABLE:
        for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1), n++)
            in_array += lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 && lua_tointeger(L, -2) <= border;
        return TABLE_BYTES + SLOT_BYTES * in_array + HASH_BYTES * power_above(n - in_array);
    case LUA_TSTRING: return STRING_BYTES + lua_rawlen(L, at);
    case LUA_TUSERDATA:
        while (lua_getiuservalue(L, at, (int)n + 1) != LUA_TNONE) {
            lua_pop(L, 1);
            n++;
        }
        lua_pop(L, 1);
        return (n == 0 ? USERDATA_BYTES : USERDATA_BYTES + LIST_BYTES + SLOT_BYTES * n) + lua_rawlen(L, at);
    case LUA_TTHREAD: return THREAD_BYTES + SLOT_BYTES * 2 * LUA_MINSTACK;
    default:
        while (lua_getupvalue(L, at, (int)n + 1) != NULL) {
            lua_pop(L, 1);
            n++;
        }
        return CLOSURE_BYTES + n * (lua_iscfunction(L, at) ? SLOT_BYTES : UPVALUE_BYTES);
    }
}

/* The name that the metatable on top of the stack has as a class; the strings live on in their tables. Pops it. */
static struct mid_snapshot_text class_name(struct walk *w, const char *otherwise)
{
    lua_State *L = w->L;
    struct mid_snapshot_text name = text(otherwise);
    lua_pushliteral(L, "__name");
    if (lua_rawget(L, -2) == LUA_TSTRING) {
        name.text = lua_tolstring(L, -1, &name.bytes);
    } else {
        lua_pushvalue(L, -2);
        if (lua_rawget(L, CLASSES) == LUA_TSTRING)
            name.text = lua_tolstring(L, -1, &name.bytes);
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
    return name;
}

static void name_node(struct walk *w, int at, struct mid_snapshot_node *node, char *room)
{
    lua_State *L = w->L;
    lua_Debug where;
    switch (lua_type(L, at)) {
    case LUA_TSTRING:
        node->type = MID_SNAPSHOT_STRING;
        node->name.text = lua_tolstring(L, at, &node->name.bytes);
        return;
    case LUA_TFUNCTION:
        node->type = MID_SNAPSHOT_CLOSURE;
        lua_pushvalue(L, at);
        lua_getinfo(L, ">S", &where);
        if (where.what[0] == 'C')
            snprintf(room, NAME_ROOM, "C function");
        else
            snprintf(room, NAME_ROOM, "%.100s:%d", where.short_src, where.linedefined);
        node->name = text(room);
        node->name_is_passing = 1;
        return;
    case LUA_TTHREAD:
        node->type = MID_SNAPSHOT_NATIVE;
        node->name = text("thread");
        return;
    default:
        node->type = MID_SNAPSHOT_OBJECT;
        node->name = text(lua_typename(L, lua_type(L, at)));
        if (lua_getmetatable(L, at))
            node->name = class_name(w, node->name.text);
    }
}

static uint64_t id_of(struct walk *w, int at)
{
    lua_State *L = w->L;
    if (lua_type(L, at) == LUA_TSTRING)
        return ((uint64_t)1 << 31) + 1 + (uint64_t)(uintptr_t)lua_topointer(L, at) / 8 * 2;
    lua_pushvalue(L, at);
    lua_rawget(L, IDS);
    lua_Integer id = lua_tointeger(L, -1);
    lua_pop(L, 1);
    return (uint64_t)id;
}

static enum mid_status nodes(void *user, struct mid_snapshot_sink *sink)
{
    struct walk *w = user;
    char room[NAME_ROOM];
    enum mid_status status = MID_OK;
    for (size_t i = 1; i <= w->count && status == MID_OK; i++) {
        struct mid_snapshot_node node = {.type = MID_SNAPSHOT_HIDDEN};
        struct visit v = {w, NULL, i - 1, 0};
        lua_rawgeti(w->L, FOUND, (lua_Integer)i);
        int at = lua_gettop(w->L);
        name_node(w, at, &node, room);
        if (!mid_snapshot_names_only(sink)) {
            visit_edges(&v, at);
            node.id = id_of(w, at);
            node.self_bytes = bytes_of(w, at);
            node.edge_count = v.count;
        }
        lua_settop(w->L, at - 1);
        status = mid_snapshot_put_node(sink, &node);
    }
    return status;
}

/* ---- edges and roots */

static void put_edge(struct visit *v, const struct mid_snapshot_edge *edge)
{
    if (v->walk->status == MID_OK)
        v->walk->status = mid_snapshot_put_edges(v->walk->sink, v->from, edge, 1);
}

static enum mid_status edges(void *user, struct mid_snapshot_sink *sink)
{
    struct walk *w = user;
    w->sink = sink;
    w->status = MID_OK;
    for (size_t i = 1; i <= w->count && w->status == MID_OK; i++) {
        struct visit v = {w, put_edge, i - 1, 0};
        lua_rawgeti(w->L, FOUND, (lua_Integer)i);
        visit_edges(&v, lua_gettop(w->L));
        lua_settop(w->L, FIRST_FREE - 1);
    }
    return w->status;
}

/* Puts, or in `discover` only finds, the object on top of the stack as a root. Pops it. */
static void put_root(struct walk *w, const char *name, unsigned flags)
{
    if (is_object(w, -1)) {
        struct mid_snapshot_root root = {.target = number_of(w), .flags = flags, .name = text(name)};
        if (w->sink != NULL && w->status == MID_OK)
            w->status = mid_snapshot_put_root(w->sink, &root);
    }
    lua_pop(w->L, 1);
}

static void registry_roots(struct walk *w)
{
    lua_State *L = w->L;
    lua_pushvalue(L, LUA_REGISTRYINDEX);
    put_root(w, "registry", 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    put_root(w, "main thread", 0);
    lua_pushthread(w->program);
    lua_xmove(w->program, L, 1);
    put_root(w, "running thread", 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    put_root(w, "_G", MID_SNAPSHOT_ROOT_GLOBAL);
    lua_pushliteral(L, LUA_LOADED_TABLE);
    lua_rawget(L, LUA_REGISTRYINDEX);
    put_root(w, "package.loaded", MID_SNAPSHOT_ROOT_GLOBAL);
}

/* The metatables that all values of a type share; a table or userdata has one of its own. */
static void type_roots(struct walk *w)
{
    lua_State *L = w->L;
    for (int type = LUA_TNIL; type <= LUA_TTHREAD; type++) {
        switch (type) {
        case LUA_TNIL: lua_pushnil(L); break;
        case LUA_TBOOLEAN: lua_pushboolean(L, 1); break;
        case LUA_TLIGHTUSERDATA: lua_pushlightuserdata(L, w); break;
        case LUA_TNUMBER: lua_pushinteger(L, 1); break;
        case LUA_TSTRING: lua_pushliteral(L, "__mode"); break;
        case LUA_TFUNCTION: lua_pushcfunction(L, luaopen_lua_snapshot); break;
        case LUA_TTHREAD: lua_pushthread(L); break;
        default: continue;
        }
        if (lua_getmetatable(L, -1))
            put_root(w, lua_typename(L, type), 0);
        lua_pop(L, 1);
    }
}

static enum mid_status roots(void *user, size_t group, struct mid_snapshot_sink *sink)
{
    struct walk *w = user;
    w->sink = sink;
    w->status = MID_OK;
    if (group == GROUP_REGISTRY)
        registry_roots(w);
    else
        type_roots(w);
    return w->status;
}

/* ---- before the writer: all that may raise */

/* Our table of ids, made at the first snapshot, to the slot IDS. */
static void fetch_ids(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_key);
}

/* CLASSES[t] = name for the tables among the fields of the table on top. Pops it. */
static void note_classes(lua_State *L)
{
    if (lua_istable(L, -1))
        for (lua_pushnil(L); lua_next(L, -2);) {
            if (lua_istable(L, -1) && lua_type(L, -2) == LUA_TSTRING) {
                lua_pushvalue(L, -2);
                lua_rawset(L, CLASSES);
            } else {
                lua_pop(L, 1);
            }
        }
    lua_pop(L, 1);
}

/* The object at `at` gets an id; the last one given stands in IDS[0]. */
static void give_id(lua_State *L, int at)
{
    if (lua_type(L, at) == LUA_TSTRING)
        return;
    lua_pushvalue(L, at);
    if (lua_rawget(L, IDS) == LUA_TNIL) {
        lua_rawgeti(L, IDS, 0);
        lua_Integer id = lua_isinteger(L, -1) ? lua_tointeger(L, -1) + 2 : MID_SNAPSHOT_FIRST_ID;
        lua_pushinteger(L, id);
        lua_rawseti(L, IDS, 0);
        lua_pushvalue(L, at);
        lua_pushinteger(L, id);
        lua_rawset(L, IDS);
    }
    lua_settop(L, at);
}

/* Finds what there is, gives ids, adds up sizes and edges. */
static void discover(struct walk *w)
{
    lua_State *L = w->L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    note_classes(L);
    lua_pushliteral(L, LUA_LOADED_TABLE);
    if (lua_rawget(L, LUA_REGISTRYINDEX) == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, -2);)
            note_classes(L);
    lua_pop(L, 1);
    registry_roots(w);
    type_roots(w);
    for (size_t i = 1; i <= w->count; i++) {
        struct visit v = {w, NULL, i - 1, 0};
        lua_rawgeti(L, FOUND, (lua_Integer)i);
        int at = lua_gettop(L);
        visit_edges(&v, at);
        give_id(L, at);
        w->known_bytes += bytes_of(w, at);
        w->edges += v.count;
        lua_settop(L, FIRST_FREE - 1);
    }
}

/* Runs protected, on the walk's thread: finds everything, then writes (I2). */
static int walk_and_write(lua_State *L)
{
    struct walk *w = lua_touserdata(L, 1);
    lua_settop(L, 0);
    w->L = L;
    luaL_checkstack(L, STACK_ROOM, NULL);
    lua_newtable(L);
    fetch_ids(L);
    lua_newtable(L);
    lua_pushliteral(L, "__name"); /* kept here, so that to push it again allocates nothing; Lua keeps "__mode" itself */
    lua_pushliteral(L, LUA_LOADED_TABLE);
    discover(w);
    struct mid_snapshot_source source = {
        .struct_size = sizeof source, .user = w, .group_names = groups, .group_count = GROUP_COUNT,
        .node_count = w->count, .edge_count = w->edges, .roots = roots, .nodes = nodes, .edges = edges,
        .extra_native_bytes = w->total_bytes > w->known_bytes ? w->total_bytes - w->known_bytes : 0,
    };
    w->closed = 1;
    w->status = mid_snapshot_write_file(w->path, &source, w->options);
    w->error = errno;
    return 0;
}

/* Runs protected, on the program's thread. */
static int on_a_thread_of_its_own(lua_State *L)
{
    struct walk *w = lua_touserdata(L, 1);
    if (w->options == NULL || (w->options->flags & MID_SNAPSHOT_NO_COLLECT) == 0)
        lua_gc(L, LUA_GCCOLLECT);
    lua_gc(L, LUA_GCSTOP);
    w->total_bytes = (uint64_t)lua_gc(L, LUA_GCCOUNT) * 1024 + (uint64_t)lua_gc(L, LUA_GCCOUNTB);
    w->program = L;
    lua_State *own = lua_newthread(L);
    lua_pushcfunction(own, walk_and_write);
    lua_pushlightuserdata(own, w);
    if (lua_pcall(own, 1, 0, 0) == LUA_OK)
        return 0;
    lua_xmove(own, L, 1);
    return lua_error(L);
}

enum mid_status lua_snapshot_write(lua_State *L, const char *path, const struct mid_snapshot_options *options)
{
    struct walk w = {.path = path, .options = options};
    int running = lua_gc(L, LUA_GCISRUNNING);
    if (path == NULL)
        return MID_E_INVALID;
    if (!lua_checkstack(L, 3))
        return MID_E_MEMORY;
    lua_pushcfunction(L, on_a_thread_of_its_own);
    lua_pushlightuserdata(L, &w);
    int failed = lua_pcall(L, 1, 0, 0);
    if (failed != LUA_OK)
        lua_pop(L, 1);
    free(w.seen);
    if (running == 1)
        lua_gc(L, LUA_GCRESTART);
    if (failed == LUA_OK && w.status == MID_E_IO)
        errno = w.error;
    return failed == LUA_OK ? w.status : MID_E_MEMORY;
}

/* ---- require("lua_snapshot") */

static int module_write(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    enum mid_status status = lua_snapshot_write(L, path, NULL);
    if (status == MID_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", path, status == MID_E_IO ? strerror(errno) : mid_status_name(status));
    return 2;
}

int luaopen_lua_snapshot(lua_State *L)
{
    static const luaL_Reg functions[] = {{"write", module_write}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
