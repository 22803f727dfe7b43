#!/bin/sh
# SPDX-License-Identifier: MIT
# Real libraries whose memory comes from a pool, by their own hooks. A library whose headers are not there is skipped.
. tests/support/tap.sh
flags=
case $MODE in
asan) flags="-fsanitize=address,undefined" ;;
tsan) flags="-fsanitize=thread" ;;
esac
here=tests/clients/hooks

# hook NAME HEADER FLAGS PACKAGE
hook() {
    # shellcheck disable=SC2086
    if ! echo "#include <$2>" | "${CC:-cc}" $3 -E - >/dev/null 2>&1; then
        skip "$1" "no $4"
        return
    fi
    # shellcheck disable=SC2086
    check "$1: compiles" "${CC:-cc}" -std=c17 -D_GNU_SOURCE -O1 -g -Wall -Wextra $flags -Ialloc/base/include -Ialloc/include \
        -o "$tmp/$1" "$here/$1.c" "$O/libmidden.a" $3 -pthread
    check "$1: runs" "$tmp/$1"
    check "$1: runs on a checked pool" "$tmp/$1" checked
}

hook sqlite sqlite3.h -lsqlite3 libsqlite3-dev
hook lua lua.h "-I/usr/include/lua5.4 -llua5.4" liblua5.4-dev
hook uv uv.h -luv libuv1-dev
hook curl curl/curl.h -lcurl "libcurl development files"
finish
