/* SPDX-License-Identifier: MIT
 *
 * lua.c: Lua on a pool (lua_newstate). Its contract: f(ud, p, osize, nsize); nsize 0 releases; with p NULL osize is a type
 * tag; otherwise osize is exactly the size that was asked for, so releases are sized.
 */
#include "hook.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

static void *serve(void *user, void *p, size_t old_bytes, size_t bytes)
{
    struct mid_pool *pool = user;
    if (p == NULL)
        return bytes == 0 ? NULL : mid_pool_alloc(pool, bytes);
    if (bytes == 0) {
        mid_pool_release_sized(pool, p, old_bytes);
        return NULL;
    }
    return mid_pool_resize(pool, p, bytes);
}

static const char script[] =
    "local t, n = {}, 0\n"
    "for i = 1, 60000 do\n"
    "  t[i % 777] = { i, tostring(i), { name = 'x' .. i, f = function() return i end } }\n"
    "  if i % 5000 == 0 then collectgarbage() end\n"
    "end\n"
    "for i = 0, 776 do n = n + t[i][3].f() + #t[i][2] end\n"
    "local s = {}\n"
    "for i = 1, 20000 do s[#s + 1] = ('%d,'):format(i) end\n"
    "local co = coroutine.wrap(function() for i = 1, 1000 do coroutine.yield(i) end end)\n"
    "for i = 1, 1000 do n = n + co() end\n"
    "return n, #table.concat(s)\n";

int main(int argc, char **argv)
{
    struct mid_pool *pool = hook_pool(argc, argv);
    lua_State *lua = lua_newstate(serve, pool);
    must(lua != NULL, "a state");
    luaL_openlibs(lua);
    if (luaL_dostring(lua, script) != 0)
        must(0, lua_tostring(lua, -1));
    long long n = lua_tointeger(lua, -2), bytes = lua_tointeger(lua, -1);
    must(n == 777LL * (60000 - 776 + 60000) / 2 + 777 * 5 + 500500, "the sum");
    must(bytes == 9 * 2 + 90 * 3 + 900 * 4 + 9000 * 5 + 10001 * 6, "the length");
    lua_close(lua);
    struct mid_pool_stats s = {.struct_size = sizeof s};
    mid_pool_stats(pool, &s);
    must(s.live_buffers == 0, "Lua gave everything back");
    hook_end(pool, 100000);
    return 0;
}
