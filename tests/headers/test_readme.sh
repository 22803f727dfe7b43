#!/bin/sh
# SPDX-License-Identifier: MIT
# README.md: its program compiles without a warning and runs, its goals are goals, its links lead somewhere.
. tests/support/tap.sh

awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' README.md >"$tmp/hello.c"
sanitizer=
case $MODE in
asan) sanitizer=-fsanitize=address,undefined ;;
tsan) sanitizer=-fsanitize=thread ;;
esac
# shellcheck disable=SC2086
check "the program compiles" ${CC:-cc} -std=c99 -Wall -Wextra -Werror -pedantic $sanitizer -Ialloc/base/include -Ialloc/include \
    -o "$tmp/hello" "$tmp/hello.c" "$O/libmidden.a" -lpthread
same "the program says what it keeps" "refuse keeps" "$("$tmp/hello" | cut -d' ' -f1,2)"
for goal in $(grep -oE '`make [a-z-]+' README.md | cut -d' ' -f2 | sort -u) deps demo test; do
    check "make $goal is a goal" sh -c "grep -qE '^([a-z-]+ )*$goal( [a-z-]+)*:' Makefile tests/tests.mk tests/clients/clients.mk bench/bench.mk papers/papers.mk heapdump/install.mk tests/fuzz/*.mk"
done
for link in $(grep -ohE '\]\([^)#:]+\)' README.md tests/README.md | tr -d '])(' | sort -u); do
    check "$link is there" test -e "$link"
done
finish
