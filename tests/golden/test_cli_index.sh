#!/bin/sh
# SPDX-License-Identifier: MIT
# Indexes as the command keeps them: answers from one are those from the dump; where they lie; and that no trouble with
# one is trouble with the dump.
. tests/support/tap.sh
need "$O/midden" "$O/tests/generate/generate"
export XDG_CACHE_HOME="$tmp/cache"
mkdir "$tmp/dumps" "$tmp/indexes"
dump=$tmp/dumps/dump
"$PWD/$O/tests/generate/generate" --units=3000 --seed=8 "$dump"

answers() { # option...
    for verb in summary 'summary --interfaces' top tree 'top --sort=distance' strings suspects 'summary --filter=contexts' \
        "summary --where=class=Map"; do
        "$midden" $verb --json "$@" "$dump" || echo "status $?"
    done
    "$midden" object --json "$@" "$dump" @4001
    "$midden" path --json "$@" "$dump" @4001
    "$midden" summary --json --by=type "$@" "$dump"
    "$midden" summary --json --where 'size>100' "$@" "$dump"
}

answers --no-index >"$tmp/want"
answers --index="$tmp/indexes" >"$tmp/first"
answers --index="$tmp/indexes" >"$tmp/second"
check 'answers while an index is written' cmp "$tmp/want" "$tmp/first"
check 'answers from the index' cmp "$tmp/want" "$tmp/second"
same 'one index, in the directory that was named' 1 "$(ls "$tmp/indexes" | wc -l | tr -d ' ')"
same 'it is private' 600 "$(stat -c %a "$tmp"/indexes/*)"
same 'none beside a small dump' dump "$(ls "$tmp/dumps")"
rm -r "$tmp/cache"
answers --index="$tmp/indexes" >"$tmp/got"
check 'without a note in the cache directory all of it is checked' cmp "$tmp/want" "$tmp/got"
check 'and then vouched for' sh -c "ls '$tmp'/cache/midden/vouched/*"

rm "$tmp"/indexes/*
MIDDEN_INDEX=$tmp/indexes "$midden" summary "$dump" >/dev/null
same 'MIDDEN_INDEX=DIR' 1 "$(ls "$tmp/indexes" | wc -l | tr -d ' ')"
rm "$tmp"/indexes/*
MIDDEN_INDEX=$tmp/indexes "$midden" summary --no-index "$dump" >/dev/null
same '--no-index is stronger' '' "$(ls "$tmp/indexes")"
"$midden" summary --index="$tmp/indexes" - <"$dump" >"$tmp/out" 2>"$tmp/err"
same 'none of standard input' ' ' "$(ls "$tmp/indexes") $(cat "$tmp/err")"

"$midden" summary --index="$tmp/missing" "$dump" >"$tmp/out" 2>"$tmp/err"
same 'a directory that is not there: status 0' 0 $?
same 'and a word' "midden: $tmp/missing: no index: no place for it: No such file or directory" "$(cat "$tmp/err")"
MIDDEN_INDEX=$tmp/missing "$midden" summary "$dump" >"$tmp/out" 2>"$tmp/err"
same 'in silence where nobody asked for it now' '0 ' "$? $(cat "$tmp/err")"
(trap '' XFSZ; ulimit -f 200; "$midden" summary --index="$tmp/indexes" "$dump" >"$tmp/out" 2>"$tmp/err")
same 'a disk that is full: status 0' 0 $?
same 'and nothing is left behind' '' "$(ls -A "$tmp/indexes")"

if [ -z "${MODE##opt*}" ]; then
    "$PWD/$O/tests/generate/generate" --bytes=66M --seed=8 "$dump"
    "$midden" summary --json "$dump" >"$tmp/want"
    same 'a dump of more than 64 MB gets one beside it' 'dump dump.midden' "$(ls "$tmp/dumps" | tr '\n' ' ' | sed 's/ $//')"
    "$midden" summary --json "$dump" >"$tmp/got"
    check 'which gives the same answer' cmp "$tmp/want" "$tmp/got"
    dd if=/dev/zero of="$dump.midden" bs=1 count=100 seek=100000 conv=notrunc 2>/dev/null
    "$midden" summary --json "$dump" >"$tmp/got"
    check 'also when it is damaged' cmp "$tmp/want" "$tmp/got"
fi
finish
