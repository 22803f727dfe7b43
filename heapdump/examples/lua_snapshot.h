/* SPDX-License-Identifier: MIT
 * A snapshot of a Lua state: see lua_snapshot.c. */
#ifndef LUA_SNAPSHOT_H
#define LUA_SNAPSHOT_H

#include <lua.h>
#include <midden/snapshot.h>

/* Writes what the state holds to `path`, as mid_snapshot_write_file does; status and errno are its own, and MID_E_MEMORY
 * when Lua has no memory. A full collection comes first (finalizers run then); during the walk Lua's collector stands
 * still. Needs one free slot of the stack, and leaves it as it was. Not from a finalizer. */
enum mid_status lua_snapshot_write(lua_State *L, const char *path, const struct mid_snapshot_options *options);

/* As a module: require("lua_snapshot").write(path) returns true, or nil and a message. */
int luaopen_lua_snapshot(lua_State *L);

#endif
