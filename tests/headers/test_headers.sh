#!/bin/sh
# Every public header alone, as the languages that a user may write in; what the library exports; the layer law.
. tests/support/tap.sh

headers=$(ls alloc/base/include/midden/*.h alloc/include/midden/*.h gc/include/midden/*.h heapdump/include/midden/*.h)
includes='-Ialloc/base/include -Ialloc/include -Igc/include -Iheapdump/include'
warnings='-Wall -Wextra -pedantic -Werror'

compile() { # compiler language standard header: twice included, and once more after the standard headers' macros
    name=$(basename "$4")
    printf '#include <midden/%s>\n#include <midden/%s>\nint test_headers_unit;\n' "$name" "$name" >"$tmp/one.$2"
    # shellcheck disable=SC2086
    $1 -std="$3" $warnings $includes -fsyntax-only "$tmp/one.$2"
}

for compiler in gcc clang; do
    command -v $compiler >/dev/null || { skip "$compiler" "not installed"; continue; }
    for standard in c99 c11 c17; do
        for h in $headers; do
            check "$compiler $standard $(basename "$h")" compile $compiler c $standard "$h"
        done
    done
done
for compiler in g++ clang++; do
    command -v $compiler >/dev/null || { skip "$compiler" "not installed"; continue; }
    for standard in c++11 c++17; do
        for h in $headers; do
            check "$compiler $standard $(basename "$h")" compile $compiler cc $standard "$h"
        done
    done
done

# ---- no public header leans on one that is not installed
same "public headers include no internal ones" "" \
    "$(grep -l '#include.*midden/internal' $headers)"

# ---- what the shared library exports: mid_*, and the unlikely exits of inlined code, mid__*_slow, which callers reach too
foreign=$(nm -D --defined-only "$O/libmidden.so" | awk '{ sub(/@.*/, "", $3) }
    $3 !~ /^mid_[a-z]/ && $3 !~ /^mid__[a-z_]*_slow$/ && $3 !~ /^MIDDEN_/ { print $3 }')
case $MODE in
asan | tsan) skip "libmidden.so exports mid_* alone" "a sanitizer adds its own" ;;
*) same "libmidden.so exports mid_* alone" "" "$foreign" ;;
esac
check "libmidden.so exports mid_version" sh -c "nm -D --defined-only '$O/libmidden.so' | grep -qw mid_version"
foreign=$(nm -g --defined-only "$O/libmidden.a" 2>/dev/null | awk 'NF == 3 && $3 !~ /^mid_/ { print $3 }')
case $MODE in
asan | tsan) skip "libmidden.a defines mid_* alone" "a sanitizer adds its own" ;;
*) same "libmidden.a defines mid_* alone" "" "$foreign" ;;
esac

same "no two members of libmidden.a have one name" "" "$(ar t "$O/libmidden.a" | sort | uniq -d)"

# every function that a header declares is there
declared=$(cat $headers | sed 's://.*$::' | tr '\n' ' ' | sed 's:/\*:\n&:g; s:\*/:&\n:g' | sed '/^\/\*/d' | tr '\n' ' ' |
    grep -o 'MID_API[^;{]*' | sed 's/__attribute__ *(([^)]*))//g' | grep -o 'mid_[a-z0-9_]* *(' | tr -d ' (' | sort -u)
nm -D --defined-only "$O/libmidden.so" | awk '{ print $3 }' | sed 's/@.*//' | sort -u >"$tmp/exported"
missing=$(echo "$declared" | comm -23 - "$tmp/exported")
same "libmidden.so has every function that is declared" "" "$missing"

# ---- the layer law: what a component may not see does not compile
includes_of() { # component: as make has them; fails when it has none
    make -s --no-print-directory BUILD="$BUILD" MODE="$MODE" CC="${CC:-cc}" C="$1" print-includes | grep -e '^-I'
}
lawful() { # component header: a file of the component that includes the header compiles
    flags=$(includes_of "$1") || return 9
    printf '#include <midden/%s>\nint law_unit;\n' "$2" >"$tmp/law.c"
    # shellcheck disable=SC2086
    ${CC:-cc} -std=c17 $flags -fsyntax-only "$tmp/law.c"
}
unlawful() {
    lawful "$@"
    [ $? = 1 ] && lawful "$1" base.h # it is the header that does not compile, and not everything
}
for pair in alloc/base:base.h alloc:pool.h gc:slice.h heapdump/write:snapshot.h heapdump/adapter:heap.h \
    heapdump/graph:internal/graph.h heapdump/cli:internal/graph.h; do
    check "${pair%:*} may include <midden/${pair#*:}>" lawful "${pair%:*}" "${pair#*:}"
done
for pair in alloc/base:pool.h alloc:heap.h alloc:snapshot.h gc:snapshot.h gc:internal/graph.h heapdump/write:pool.h \
    heapdump/write:heap.h heapdump/graph:pool.h heapdump/graph:heap.h heapdump/graph:snapshot.h heapdump/cli:pool.h \
    heapdump/cli:heap.h heapdump/cli:snapshot.h; do
    check "${pair%:*} cannot include <midden/${pair#*:}>" unlawful "${pair%:*}" "${pair#*:}"
done
for part in pool slice chain heap collection snapshot; do
    same "the command holds no object of mid_${part}_*" "" "$(nm "$O/midden" | awk '{ print $NF }' | grep "^mid_${part}_")"
done
check "the command holds the graph" sh -c "nm '$O/midden' | grep -qw mid__graph_load"
same "no source reaches around the include paths" "" \
    "$(grep -rln '#include *"\(\.\./\|.*/\.\./\)' alloc gc heapdump --include='*.c' --include='*.h')"

finish
