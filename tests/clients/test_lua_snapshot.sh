#!/bin/sh
# SPDX-License-Identifier: MIT
# A stock Lua state as a source of <midden/snapshot.h>: heapdump/examples/lua_snapshot.c, in a program and as a module of the
# stock interpreter. The script plants a leak; the viewer names its holder.
. tests/support/tap.sh
lua="-I/usr/include/lua5.4"
echo "#include <lua.h>" | "${CC:-cc}" $lua -E - >/dev/null 2>&1 || skip_all "no liblua5.4-dev"
case $MODE in
asan) mode="-fsanitize=address,undefined" ;;
tsan) mode="-fsanitize=thread" ;;
*) mode= ;;
esac
warn="-Wall -Wextra -Wshadow -Wconversion -Wcast-align -Wwrite-strings -Werror"
includes="-Ialloc/base/include -Iheapdump/include -Iheapdump/examples $lua"
source=heapdump/examples/lua_snapshot.c
script=tests/clients/lua/leak.lua

# shellcheck disable=SC2086
check "compiles as C99" "${CC:-cc}" -std=c99 -O1 -g $warn $mode $includes -o "$tmp/client" $source tests/clients/lua/main.c \
    "$O/libmidden.a" -llua5.4 -pthread
"$tmp/client" $script "$tmp" >"$tmp/said" 2>&1
same "a program writes two snapshots" "ok ok" "$(awk '{ print $1, $2 }' "$tmp/said")"
first=$tmp/first.heapsnapshot second=$tmp/second.heapsnapshot

row() { "$midden" summary "$1" | awk -v name="$2" '$NF == name { print $(NF - 1) }'; }
same "tables are named after their class" 50 "$(row "$first" Session)"
same "userdata after its own name" 3 "$(row "$first" 'FILE*')"
check "garbage is not there" sh -c "! grep -q 'garbage $tmp' '$first'"
check "a local variable of a coroutine that waits is" grep -q "waits in a coroutine" "$first"
"$midden" summary --json "$first" | sed -n 's/.*"total_size": *\([0-9]*\).*/\1/p' >"$tmp/total"
check "the total is what Lua itself counts" awk 'NR == 1 { mine = $1 } NR == 2 { exit !($3 - mine < 2000 && mine - $3 < 2000) }' \
    "$tmp/total" "$tmp/said"
"$midden" suspects "$second" >"$tmp/suspects"
check "the first suspect is the leak" awk '/^1\./ { getline; exit !/60 of class Session/ }' "$tmp/suspects"
check "and its holder is the function that keeps it" sh -c "grep -q 'on_tick .*(context) listeners' '$tmp/suspects'"
"$midden" check "$first" --max-count Session=0 >"$tmp/check"
same "the rule fails" 1 $?
check "with the path to the leak" grep -q 'on_tick .*listeners .*Session' "$tmp/check"
same "ids last: what is new is new" "10 0 +10" "$("$midden" diff "$first" "$second" | awk '$NF == "Session" { print $1, $2, $3 }')"
check "the file is private" sh -c "[ \"\$(stat -c %a '$first')\" = 600 ]"

mkdir "$tmp/fail"
check "every allocation fails once" "$tmp/client" $script "$tmp/fail" fail
same "and nothing is left beside the two files" "first.heapsnapshot second.heapsnapshot" "$(echo $(ls "$tmp/fail"))"

if [ -n "$mode" ] || ! command -v lua5.4 >/dev/null; then
    skip "in the stock interpreter" "no lua5.4, or a sanitizer that would have to be in it"
else
    # shellcheck disable=SC2086
    check "the module compiles" "${CC:-cc}" -std=c99 -O1 -shared -fPIC $warn $includes -o "$tmp/lua_snapshot.so" $source \
        "$O/libmidden.a" -pthread
    mkdir "$tmp/stock"
    same "in the stock interpreter" "ok ok" "$(LUA_CPATH_5_4="$tmp/?.so" lua5.4 $script "$tmp/stock" 2>&1 | awk '{ print $1, $2 }')"
    same "the same classes" 60 "$(row "$tmp/stock/second.heapsnapshot" Session)"
fi
finish
