#!/bin/sh
# The program of heapdump/WRITING.md: it compiles as it stands there, without a warning, as C99 as well; what it writes is
# what the document shows.
. tests/support/tap.sh
case $MODE in asan | tsan) skip_all "the program would have to be linked with the sanitizer" ;; esac

awk '/^```c/ { block++; next } /^```/ && block == 4 { exit } block == 4' heapdump/WRITING.md >"$tmp/cache.c"
flags="-Wall -Wextra -Wconversion -Werror -Ialloc/base/include -Iheapdump/include"
for standard in c99 c17; do
    check "the example compiles as $standard" "${CC:-cc}" -std=$standard $flags "$tmp/cache.c" "$O/libmidden.a" -pthread -o "$tmp/cache"
done
check "it writes a snapshot" "$tmp/cache" "$tmp/cache.heapsnapshot"
sed -n '/^    \$ midden top/,/^$/p' heapdump/WRITING.md | sed -e 1d -e '/^$/d' -e 's/^    //' >"$tmp/expected"
"$midden" top "$tmp/cache.heapsnapshot" | sed -n '/^RETAINED/,$p' >"$tmp/got"
same "the viewer shows what the document says" "$(cat "$tmp/expected")" "$(cat "$tmp/got")"
same "a path that cannot be is an error" "input or output failed" "$("$tmp/cache" /nonexistent/x 2>&1)"
finish
