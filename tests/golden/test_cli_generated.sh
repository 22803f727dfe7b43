#!/bin/sh
# SPDX-License-Identifier: MIT
# Generated snapshots (tests/generate): one graph in every layout and order, compressed and through a pipe, gives one
# answer; sizes beyond 4 GiB are exact; recordings with counts that are too small are read.
#
#   BIG=1   also a file of more than 4 GiB with more than 2^29 characters of strings, in 3 GB of memory: needs 10 GB of
#           disk in $TMPDIR
. tests/support/tap.sh
need "$O/midden" "$O/tests/generate/generate"
generate=$PWD/$O/tests/generate/generate

summary() { "$midden" summary --json "$@" | sed 's/^{"file":"[^"]*",//'; }
member() { sed -n 's/.*"'"$1"'":\([0-9]*\).*/\1/p' "$2" | head -1; }

# The summary; $tmp/peak: the most that it had resident, in KB, looked at ten times a second.
peak() {
    "$midden" summary --json --no-index "$1" >"$tmp/peak.json" &
    peak_pid=$! peak_kb=0
    while now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$peak_pid/status" 2>/dev/null) && [ -n "$now" ]; do
        peak_kb=$now
        sleep 0.1
    done
    wait "$peak_pid"
    echo "$peak_kb" >"$tmp/peak"
    sed 's/^{"file":"[^"]*",//' "$tmp/peak.json"
}

"$generate" --bytes=2M --seed=3 "$tmp/a"
"$generate" --bytes=2M --seed=3 "$tmp/b"
"$generate" --bytes=2M --seed=4 "$tmp/c"
check 'one seed gives one file' cmp "$tmp/a" "$tmp/b"
check 'another seed another' sh -c "! cmp -s '$tmp/a' '$tmp/c'"
bytes=$(wc -c <"$tmp/a")
check "--bytes is about the size ($bytes)" test "$bytes" -gt 1800000 -a "$bytes" -lt 2200000

for as in node20 node26 chrome; do
    "$generate" --units=9000 --as=$as --text=300k "$tmp/file"
    "$generate" --units=9000 --as=$as --text=300k --order=reverse "$tmp/reverse"
    summary "$tmp/file" >"$tmp/want" 2>"$tmp/warnings"
    same "$as: no warning" '' "$(cat "$tmp/warnings")"
    check "$as: has its classes" grep -q '"name":"system / Context"' "$tmp/want"
    summary "$tmp/reverse" >"$tmp/got" 2>/dev/null
    check "$as: sections the other way round" cmp "$tmp/want" "$tmp/got"
    summary - <"$tmp/file" >"$tmp/got"
    check "$as: through a pipe" cmp "$tmp/want" "$tmp/got"
    gzip -1 <"$tmp/file" >"$tmp/file.gz"
    if summary "$tmp/file.gz" >"$tmp/got" 2>/dev/null; then
        check "$as: compressed" cmp "$tmp/want" "$tmp/got"
    else
        skip "$as: compressed" 'built without zlib'
    fi
    "$generate" --units=9000 --as=$as --text=300k --tracked "$tmp/tracked"
    summary "$tmp/tracked" >"$tmp/got" 2>/dev/null
    check "$as: tracked, with a trace_function_count that is too small" cmp "$tmp/want" "$tmp/got"
done

"$generate" --units=9000 "$tmp/file"
"$generate" --units=9000 --wide "$tmp/wide"
summary "$tmp/file" >"$tmp/plain.json"
summary "$tmp/wide" >"$tmp/wide.json"
grown=$(($(member total_size "$tmp/wide.json") - $(member total_size "$tmp/plain.json")))
check "a node of 5,000,000,000 bytes instead of 512 or 552 is exact (+$grown)" test $grown = 4999999488 -o $grown = 4999999448

peak "$tmp/wide" >"$tmp/got"
check "the peak of a small file is small (KB: $(cat "$tmp/peak"))" test "$(cat "$tmp/peak")" -lt 300000
if [ "$BIG" = 1 ]; then
    "$generate" --bytes=5.2G --text=700M "$tmp/big"
    check 'the file has more than 4 GiB' test "$(wc -c <"$tmp/big")" -gt 4294967296
    peak "$tmp/big" >"$tmp/got"
    check "it is read in 3 GB of memory (KB: $(cat "$tmp/peak"))" test "$(cat "$tmp/peak")" -lt 3000000
    check 'and the answer is whole' grep -q '"name":"Session"' "$tmp/got"
    "$generate" --bytes=5.2G --text=700M --order=reverse "$tmp/big"
    summary --no-index "$tmp/big" >"$tmp/reverse.json"
    check 'with strings first and the header last, too' cmp "$tmp/got" "$tmp/reverse.json"
else
    skip 'a file beyond 4 GiB' 'set BIG=1'
fi
finish
