#!/bin/sh
# SPDX-License-Identifier: MIT
# libmidden-malloc.so under LD_PRELOAD: what is promised of malloc, its reports, and real programs, whose output must be
# the same with it and without.
. tests/support/tap.sh
case $MODE in asan | tsan) skip_all "a sanitizer is a malloc itself" ;; esac

library=$PWD/$O/libmidden-malloc.so
contract=$tmp/contract
check "the program compiles" "${CC:-cc}" -std=c17 -D_GNU_SOURCE -O1 -fno-builtin -pthread -o "$contract" \
    tests/clients/malloc/contract.c

# ---- each promise is a case of ours
LD_PRELOAD=$library "$contract" >"$tmp/out" 2>"$tmp/err"
status=$?
while read -r line; do
    case $line in
    ok*) tap_result "${line#*- }" 0 ;;
    not*) tap_result "${line#*- }" 1 ;;
    esac
done <"$tmp/out"
same "it ended well" 0 "$status"
same "and said nothing" "" "$(cat "$tmp/err")"
MIDDEN_MALLOC=checked LD_PRELOAD=$library "$contract" >"$tmp/out" 2>"$tmp/err"
same "the same with checks" 0 "$?"
same "and said nothing" "" "$(cat "$tmp/err")"

# ---- exactly the names of a malloc
same "what it defines" \
    "aligned_alloc calloc free free_aligned_sized free_sized mallinfo mallinfo2 malloc malloc_info malloc_stats malloc_trim malloc_usable_size mallopt memalign posix_memalign pvalloc realloc reallocarray valloc" \
    "$(nm -D --defined-only "$library" | awk '{ print $3 }' | sort | paste -sd ' ')"

# ---- misuse is said in one line, and the program goes on
misuse() { # options case pattern
    MIDDEN_MALLOC=$1 LD_PRELOAD=$library "$contract" "$2" >"$tmp/out" 2>"$tmp/err"
    same "$2${1:+ ($1)}: the program goes on" "goes on" "$(cat "$tmp/out")"
    same "$2${1:+ ($1)}: one line" 1 "$(wc -l <"$tmp/err")"
    check "$2${1:+ ($1)}: which says what" grep -q "^midden-malloc: $3" "$tmp/err"
}
unchecked=${MODE#check}
[ -z "$unchecked" ] || misuse "" foreign "pool.foreign: release of 0x"
[ -z "$unchecked" ] || misuse "" inside "pool.foreign: release of 0x"
[ -z "$unchecked" ] || misuse "" double "pool.double_release: release of 0x"
misuse checked foreign "pool.foreign: release of 0x"
misuse checked double "pool.double_release: release of 0x[0-9a-f]*, a buffer of 100 bytes taken at 0x[0-9a-f]* and already released at"
misuse checked overrun "pool.overrun: a buffer of 100 bytes at 0x[0-9a-f]*, taken at 0x[0-9a-f]*, was written to at its byte 100"
misuse checked late "pool.write_after_release: a buffer of 100 bytes"
aborted() { ( MIDDEN_MALLOC=abort LD_PRELOAD=$library "$contract" foreign ) >/dev/null 2>&1; [ $? -eq 134 ]; }
check "abort: it ends there" aborted
MIDDEN_MALLOC=limit=10000000 LD_PRELOAD=$library "$contract" limit >"$tmp/out"
same "limit: the last allocation set ENOMEM" 0 "$?"
check "limit: it was about the one set" test "$(sed -n 1p "$tmp/out")" -gt 120 -a "$(sed -n 1p "$tmp/out")" -lt 170
MIDDEN_MALLOC=stats,limit=99999999 LD_PRELOAD=$library "$contract" foreign >"$tmp/out" 2>"$tmp/err"
check "stats: JSON at the end" sh -c "tail -1 '$tmp/err' | grep -q '^{\"policy\":.*\"limit_bytes\":99999999,.*}\$'"
limit() { # what MIDDEN_MALLOC=limit=$1 makes the limit
    MIDDEN_MALLOC=stats,limit=$1 LD_PRELOAD=$library "$contract" foreign 2>&1 >/dev/null | sed -n 's/^{"policy":.*"limit_bytes":\([0-9]*\),.*/\1/p'
}
same "limit in K, M, G" "102400000 104857600 1073741824" "$(limit 100000K) $(limit 100M) $(limit 1G)"
same "no limit where it is no number" "0 0 0 0 0" "$(limit 10x) $(limit 100MB) $(limit -5) $(limit M) $(limit 99999999999G)"
MIDDEN_MALLOC=nonsense,limit=x LD_PRELOAD=$library "$contract" foreign >"$tmp/out" 2>"$tmp/err"
same "unknown words are named" "midden-malloc: MIDDEN_MALLOC: unknown word 'nonsense'
midden-malloc: MIDDEN_MALLOC: unknown word 'limit=x'" "$(sed 2q "$tmp/err")"

# ---- real programs
for program in redis sqlite3 lua python3 node git gcc; do
    work=tests/clients/malloc/work.sh
    $work $program 1 >"$tmp/plain" 2>"$tmp/plain.err"
    status=$?
    if [ $status = 77 ]; then
        skip "$program: the same output" "not installed"
        continue
    fi
    same "$program: works without" 0 $status
    MALLOC=$library $work $program 1 >"$tmp/ours" 2>"$tmp/ours.err"
    same "$program: works with it" 0 $?
    check "$program: the same output" cmp "$tmp/plain" "$tmp/ours"
    same "$program: no report" "" "$(grep midden-malloc "$tmp/ours.err" | sed 5q)"
done
finish
