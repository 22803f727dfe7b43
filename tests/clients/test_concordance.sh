#!/bin/sh
# SPDX-License-Identifier: MIT
# The demo's program gives the counts that a plain tool gives, whatever the block size, also where words and characters
# cross blocks, under torture, and within limits; and it fails in one line.
set -u
concordance=$O/concordance
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0 failed=0
check() { # NAME STATUS (0 is good)
    n=$((n + 1))
    if [ "$2" -eq 0 ]; then echo "ok $n - $1"; else failed=1; echo "not ok $n - $1"; sed 's/^/# /' "$dir/out" "$dir/err" 2>/dev/null | head -20; fi
}
run() { "$concordance" "$@" >"$dir/out" 2>"$dir/err"; }
run_with() { env "$@" >"$dir/out" 2>"$dir/err"; } # NAME=VALUE COMMAND...

mkdir -p "$dir/text/deep/er"
# 1,500 lines in which é, ß, € and a four-byte letter move through every offset of a block
perl -CS -e 'for my $i (1..1500) { my $pad = "x" x ($i % 97); print "$pad caf\x{e9} Stra\x{df}e \x{20ac}uro ", ($i % 3 ? "heap" : "Heap heap"), " \x{10400}w \n" }' >"$dir/text/a.txt"
cp "$dir/text/a.txt" "$dir/text/deep/er/b.txt"
printf '\0binary heap\n' >"$dir/text/c.bin"
printf 'last line heap' >"$dir/text/d.txt"
: >"$dir/text/empty.txt"
awk 'BEGIN { for (i = 0; i < 300; i++) printf "k"; print " heap"; for (i = 0; i < 5000; i++) printf "y "; print "" }' >"$dir/text/long.txt"

# By a plain tool: occurrences and lines of each word
expect() { perl -CSDA -Mutf8 -e 'my $w = lc shift; my ($o, $l) = (0, 0); for my $f (@ARGV) { open my $h, "<:utf8", $f or die; while (<$h>) { my $k = grep { lc($_) eq $w } /[\p{L}\p{N}_]+/g; $o += $k; $l++ if $k } } print "\"$w\" stands $o times in $l lines"' "$1" "$dir/text/a.txt" "$dir/text/deep/er/b.txt" "$dir/text/d.txt" "$dir/text/long.txt"; }

for block in 1 2 3 7 11 128 4096 8192 65536 1048576; do
    run --block $block --query heap --query café --query straße --query 𐐨w "$dir/text"
    ok=$?
    for word in heap café straße 𐐨w; do grep -qF "$(expect "$word")" "$dir/out" || ok=1; done
    check "the counts are right with blocks of $block bytes" $ok
done
grep -q 'left out as too long: 1 words, 1 lines' "$dir/out"; check "what is too long is counted" $?

run --block 11 --query heap "$dir/text"
grep -qE 'across two blocks: [0-9]{3,} words, [0-9]{3,} UTF-8 characters' "$dir/out"
check "with blocks of 11 bytes words and characters cross" $?

run_with MIDDEN=torture=alternate,torture-every=2000,verify=phase "$concordance" --query heap --nursery 64 "$dir/text"
ok=$?
grep -qF "$(expect heap)" "$dir/out" || ok=1
check "the counts are right when the heap collects all the time" $ok

run --query heap --pool-limit 1 --cache 100000 "$dir/text"
ok=$?
grep -qF "$(expect heap)" "$dir/out" || ok=1
check "a cache that does not fit the pool's limit is dropped, not the counts" $ok

run --query nowhere "$dir/text"; [ $? -eq 1 ]; check "a word that is nowhere: status 1" $?
run; [ $? -eq 2 ] && [ "$(wc -l <"$dir/err")" -eq 1 ]; check "no directory: one line, status 2" $?
run "$dir/none"; [ $? -eq 2 ] && [ "$(wc -l <"$dir/err")" -eq 1 ]; check "a directory that is not there: one line, status 2" $?
run --nonsense "$dir/text"; [ $? -eq 2 ]; check "an unknown option: status 2" $?
run --block 0 "$dir/text"; [ $? -eq 2 ]; check "a block of 0 bytes: status 2" $?
run_with MIDDEN=nonsense=1 "$concordance" "$dir/text"; [ $? -eq 1 ]; check "an unknown key in MIDDEN: status 1" $?

perl -e 'for my $i (1..300000) { print "word$i\n" }' >"$dir/many.txt"
run --heap-limit 4 "$dir/many.txt"
[ $? -eq 1 ] && grep -q 'the heap refused' "$dir/err" && grep -q 'last resort' "$dir/err"
check "a heap limit too small: status 1 and the heap's own account" $?

run --snapshot "$dir/nowhere/x.heapsnapshot" "$dir/text"
[ $? -eq 1 ] && [ "$(wc -l <"$dir/err")" -eq 1 ]; check "a snapshot that cannot be written: one line, status 1" $?
printf 'esc \033[31m heap\302\233 x\n' >"$dir/evil.txt"
run --query heap "$dir/evil.txt"
! grep -q "$(printf '\033')" "$dir/out" && grep -qF '\x1b' "$dir/out"; check "control characters are not printed" $?

# make demo
run_with QUERY=nowhere tests/clients/demo.sh "$O" "$dir/text"
[ $? -eq 0 ] && grep -q 'summary .*demo.heapsnapshot' "$dir/out"; check "the demo goes on when a word is nowhere" $?
run_with tests/clients/demo.sh "$O" "$dir/none"
[ $? -eq 2 ] && ! grep -q summary "$dir/out"; check "the demo of a missing directory: status 2, and no look at an older snapshot" $?
run_with DEMO_OPTIONS='--heap-limit 4' tests/clients/demo.sh "$O" "$dir/many.txt"
[ $? -eq 1 ] && ! grep -q summary "$dir/out"; check "the demo with a heap limit too small: status 1, and no look at an older snapshot" $?
echo "1..$n"
exit $failed
