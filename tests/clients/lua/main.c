/* SPDX-License-Identifier: MIT
 *
 * main.c: a program with a stock Lua state in it. Runs a script in which write(path) writes a snapshot of the state.
 *
 *     lua_client SCRIPT DIRECTORY          runs it with DIRECTORY as its argument
 *     lua_client SCRIPT DIRECTORY fail     the same again and again, where the n-th allocation inside write fails, for
 *                                          n = 1, 2, 3 ... until write needs no more
 */
#include "lua_snapshot.h"

#include <lauxlib.h>
#include <lualib.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long fail_at, calls; /* 0: never */
static int inside, refused; /* refused: at least once in this run */

static void *serve(void *user, void *p, size_t old_bytes, size_t bytes)
{
    (void)user;
    if (bytes == 0) {
        free(p);
        return NULL;
    }
    if (inside && fail_at != 0 && (p == NULL || bytes > old_bytes) && ++calls >= fail_at) {
        refused = 1;
        return NULL;
    }
    return realloc(p, bytes);
}

static int write_snapshot(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    calls = 0;
    inside = 1;
    int top = lua_gettop(L);
    enum mid_status status = lua_snapshot_write(L, path, NULL);
    inside = 0;
    if (lua_gettop(L) != top)
        return luaL_error(L, "the stack is not as it was");
    lua_pushstring(L, status == MID_E_IO ? strerror(errno) : mid_status_name(status));
    return 1;
}

static int run(const char *script, const char *directory)
{
    lua_State *L = lua_newstate(serve, NULL);
    if (L == NULL)
        return 2;
    luaL_openlibs(L);
    lua_register(L, "write", write_snapshot);
    int failed = luaL_loadfile(L, script) != LUA_OK;
    if (!failed) {
        lua_pushstring(L, directory);
        failed = lua_pcall(L, 1, 0, 0) != LUA_OK;
    }
    if (failed)
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
    lua_close(L);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    if (argc == 3)
        return run(argv[1], argv[2]);
    do {
        fail_at++;
        refused = 0;
        if (run(argv[1], argv[2]) != 0)
            return 1;
    } while (refused);
    printf("%ld allocations failed\n", fail_at - 1);
    return fail_at < 5;
}
