#!/bin/bash
# SPDX-License-Identifier: MIT
# The benchmark program says no to what is not there, measures every subject, and compare sees a planted change but does
# not cry at noise or at a slower machine.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build}
bench=$build/opt/bench/bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0

ok() { # NAME, after a test of the shell
    local status=$?
    number=$((number + 1))
    if [ $status -eq 0 ]; then echo "ok $number - $1"; else echo "not ok $number - $1"; fi
    return $status
}

skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

[ "${MODE:-opt}" = opt ] || skip_all "the benchmarks measure MODE=opt, not $MODE"
env -u MAKEFLAGS -u MFLAGS make -s need-bench MODE=opt BUILD="$build" 2>"$work/why" || skip_all "$(cat "$work/why")"
env -u MAKEFLAGS -u MFLAGS make -s -j2 bench-program MODE=opt BUILD="$build" >"$work/log" 2>&1
ok 'the program builds' || sed 's/^/# /' "$work/log"

# A result file: FILE MACHINE-FACTOR MIDDEN-FACTOR SEED [REPETITIONS]. Fifteen workloads, three peers, noise of 2 %.
plant() {
    perl -e '
        my ($machine, $midden, $seed, $repetitions) = @ARGV;
        srand $seed;
        sub sample { my ($x) = @_; my $g = 0; $g += rand for 1 .. 12; return sprintf "%.4f", $x * (1 + 0.02 * ($g - 6)) }
        print q({"schema":"midden-bench-1","cases":[);
        my $sep = "";
        for my $w (1 .. 15) {
            for my $s (qw(midden jemalloc libc mimalloc)) {
                my $x = 10 * $w * $machine * ($s eq "midden" && $w == 7 ? $midden : 1);
                my @ns = map { sample($x) } 1 .. $repetitions;
                my $median = (sort { $a <=> $b } @ns)[$repetitions / 2];
                print $sep, qq({"group":"pool","workload":"w$w","subject":"$s","title":"t","median_ns":$median,"spread":0.02,"ns":[),
                  join(",", @ns), qq(],"peak_bytes":1000000});
                $sep = ",\n";
            }
        }
        print "]}\n";
    ' "$2" "$3" "$4" "${5:-9}" >"$1"
}

plant "$work/old" 1 1 1
plant "$work/same" 1 1 2
plant "$work/machine" 1.3 1 3
plant "$work/slower" 1 1.1 4
plant "$work/both" 1.3 1.1 5
plant "$work/faster" 1.3 0.9 6

bench/compare "$work/old" "$work/same" >"$work/out" && ! grep -qE 'SLOWER|faster' "$work/out"
ok 'compare: the same code twice is no change'
bench/compare "$work/old" "$work/machine" >"$work/out" && ! grep -qE 'SLOWER|faster' "$work/out"
ok 'compare: a machine slower by 30 % is no change'
bench/compare --raw "$work/old" "$work/machine" >"$work/out"
[ $? -eq 1 ] && [ "$(grep -c SLOWER "$work/out")" -eq 15 ]
ok 'compare --raw: but without the peers it is one'
bench/compare "$work/old" "$work/slower" >"$work/out"
[ $? -eq 1 ] && [ "$(grep SLOWER "$work/out" | awk '{print $1}')" = pool/w7 ]
ok 'compare: a workload slower by 10 % is found, and no other'
bench/compare "$work/old" "$work/both" >"$work/out"
[ $? -eq 1 ] && [ "$(grep SLOWER "$work/out" | awk '{print $1}')" = pool/w7 ]
ok 'compare: also on a slower machine'
bench/compare "$work/old" "$work/faster" >"$work/out" && [ "$(grep faster "$work/out" | awk '{print $1}')" = pool/w7 ]
ok 'compare: a gain is told and is no failure'
plant "$work/few" 1 3 7 3
bench/compare "$work/old" "$work/few" >"$work/out" && grep -q '^pool/w7 .*too few repetitions' "$work/out"
ok 'compare: three times as slow in three repetitions: it says that it cannot tell'
machine='"machine":{"cpu":"<b>\u0007","cores":2,"memory_bytes":1,"kernel":"k","transparent_huge_pages":"-"},"versions":{"midden":"1"},"absent":[],"run":{"repetitions":9,"ended":"now","load_before":0,"load_after":0},'
sed "s|\"cases\"|$machine&|" "$work/slower" >"$work/named.json"
printf 'before\n<!-- figures named -->\nold\n<!-- end -->\nafter\n' >"$work/page.md"
bench/report --html "$work/page.html" --readme "$work/page.md" --figures "$work" "$work/named.json" 2>"$work/why" &&
    [ "$(grep -c '<circle' "$work/named-pool.svg")" -ge 45 ] && grep -q '^before' "$work/page.md" && ! grep -q '^old' "$work/page.md" &&
    grep -q 'pool/w7, time: 0.9[0-9]* x' "$work/page.md" && grep -q 'pool/w7, time' "$work/page.html"
ok 'report: the losses, a dot a peer and workload, in page and README' || sed 's/^/# /' "$work/why"
! grep -q '<b>' "$work/page.html" && ! LC_ALL=C grep -q "$(printf '\007')" "$work/page.html" && ! grep -qE '<script|src=|href=' "$work/page.html"
ok 'report: what a result file says is text in the page, which asks nothing of a network'
sed 's/\("subject":"midden".*\)"peak_bytes":1000000/\1"peak_bytes":2000000/' "$work/same" >"$work/large"
bench/compare "$work/old" "$work/large" >"$work/out"
[ $? -eq 1 ] && [ "$(grep -c LARGER "$work/out")" -eq 15 ]
ok 'compare: twice the memory is found'
sed '/"workload":"w3","subject":"midden"/s/"median_ns".*"ns":\[[^]]*\],"peak_bytes":[0-9]*/"failed":"out of memory"/' "$work/same" >"$work/fails"
bench/compare "$work/old" "$work/fails" >"$work/out"
[ $? -eq 1 ] && [ "$(grep FAILS "$work/out")" = 'pool/w3                      FAILS: out of memory' ] &&
    bench/compare "$work/fails" "$work/old" >"$work/out" && grep -q '^pool/w3 .*completes now' "$work/out"
ok 'compare: what completed and now fails is found'
head -c 300 "$work/old" >"$work/cut"
bench/compare "$work/old" "$work/cut" >"$work/out" 2>"$work/err"
[ $? -eq 3 ] && [ "$(wc -l <"$work/err")" -eq 1 ]
ok 'compare: a damaged file is one line and status 3'
bench/compare "$work/old" 2>/dev/null
[ $? -eq 2 ]
ok 'compare: usage is status 2'
bench/table "$work/none" >"$work/out" 2>"$work/err"
[ $? -eq 3 ] && [ "$(wc -l <"$work/err")" -eq 1 ]
ok 'table: a missing file is one line and status 3'

$bench --filter 'pool/no-such-thing/' --json "$work/x.json" 2>"$work/err"
[ $? -eq 2 ] && [ "$(wc -l <"$work/err")" -eq 1 ] && [ ! -e "$work/x.json" ]
ok 'bench: a filter that matches nothing is status 2, and no file'
$bench --filter '(' 2>/dev/null
[ $? -eq 2 ]
ok 'bench: a filter that is no expression is status 2'
$bench --repetitions 0 2>/dev/null
[ $? -eq 2 ]
ok 'bench: a number out of range is status 2'
$bench --filter '^pool/pair-64/' --repetitions 1 --min-time 0.001 --no-memory --json "$work/no/such/dir/x" 2>"$work/err"
[ $? -eq 1 ] && grep -q 'cannot write' "$work/err"
ok 'bench: figures that cannot be written are status 1'

timeout 120 $bench --filter '^pool/(pair-64|ring)/' --repetitions 2 --min-time 0.002 --json "$work/r.json" 2>"$work/err"
ok 'bench: a tiny run ends well' || sed 's/^/# /' "$work/err"
perl -MJSON::PP -e '
    local $/; my $r = decode_json(<STDIN>);
    my %missing = map { $_->{name} => 1 } @{ $r->{absent} };
    for my $w (qw(pair-64 ring)) {
        for my $s (grep { !$missing{$_} } @ARGV) {
            my ($c) = grep { $_->{workload} eq $w && $_->{subject} eq $s } @{ $r->{cases} };
            die "$w/$s is not there\n" if !$c;
            die "$w/$s has no times\n" if @{ $c->{ns} } != 2 || grep { $_ <= 0 } @{ $c->{ns} };
            die "$w/$s has no memory\n" if !defined $c->{peak_bytes} && $s ne "floor";
        }
    }
    for my $key (qw(cpu cores memory_bytes kernel)) { die "no $key\n" if !$r->{machine}{$key} }
    for my $key (qw(midden compiler libc jemalloc)) { die "no version of $key\n" if !$r->{versions}{$key} }
' midden libc jemalloc mimalloc tcmalloc floor <"$work/r.json"
ok 'bench: its file has every subject, times, memory, machine and versions'
bench/table "$work/r.json" >"$work/out" && grep -q '^ring .*+-' "$work/out" && grep -q 'resident / live' "$work/out"
ok 'table: prints it'
timeout 120 $bench --filter '^heap/splay-20k/(midden|by-hand)' --repetitions 2 --json "$work/h.json" 2>"$work/err" &&
    bench/table "$work/h.json" >"$work/out" && grep -q 'gc_scavenges *[1-9]' "$work/out" &&
    grep -q 'step_max_cpu_ns' "$work/out"
ok 'bench: a heap workload tells its collections and its longest step' || sed 's/^/# /' "$work/err"
timeout 120 $bench --full --filter '^heap/T1-gcbench-(1.2x|6x)/(midden|boehm|by-hand)$' --repetitions 1 --json "$work/h.json" 2>"$work/err" &&
    bench/table "$work/h.json" >"$work/out" && grep -q '^T1-gcbench-6x' "$work/out" && grep -q '  gc_mmu_5ms ' "$work/out" &&
    perl -MJSON::PP -e '
        local $/; my $r = decode_json(<STDIN>);
        my %boehm = map { $_->{workload} => $_ } grep { $_->{subject} eq "boehm" } @{ $r->{cases} };
        die "a full heap is no result\n" if %boehm && ($boehm{"T1-gcbench-1.2x"}{failed} // "") !~ /out of memory/;
        die "a large one is full\n" if %boehm && !$boehm{"T1-gcbench-6x"}{median_ns};
        for my $c (grep { $_->{counters} } @{ $r->{cases} }) {
            my @mmu = map { $c->{counters}{"gc_mmu_${_}ms"}[0] } 1, 5, 20, 100;
            die "$c->{subject}: no share: @mmu\n" if grep { !defined || $_ < 0 || $_ > 1 } @mmu;
        }
    ' <"$work/h.json" 2>>"$work/err" && bench/report --html "$work/page.html" "$work/h.json" && grep -q '<polyline' "$work/page.html"
ok 'bench: in heaps of equal size a collector that has no room is a result, and shares of windows are told' || sed 's/^/# /' "$work/err"
timeout 200 $bench --filter '^heap/(queue|cache|strings|wide|deep|weak|buffers)/(midden|boehm|by-hand)$' --repetitions 1 --json "$work/h.json" 2>"$work/err" &&
    perl -MJSON::PP -e '
        local $/; my $r = decode_json(<STDIN>);
        my %boehm = map { $_->{name} => 1 } grep { $_->{name} eq "boehm" } @{ $r->{absent} };
        for my $w (qw(queue cache strings wide deep weak buffers)) {
            my @c = grep { $_->{workload} eq $w } @{ $r->{cases} };
            die "$w lacks a subject\n" if @c != ($w eq "weak" || %boehm ? 2 : 3);
            my %sum = map { ($_->{counters}{checksum}[0] // 0) => 1 } @c;
            die "$w: not one checksum: @{[%sum]}\n" if keys %sum != 1 || $sum{0};
            die "$w: no share of a window\n" if grep { my $m = $_->{counters}{mmu_5ms}[0]; !defined $m || $m < 0 || $m > 1 } @c;
        }
    ' <"$work/h.json" 2>>"$work/err"
ok 'bench: the same work for every subject of a heap workload, by its checksum' || sed 's/^/# /' "$work/err"
if command -v node >/dev/null; then
    mkdir -p "$work/bench" && cp -r bench/node "$work/bench" && sed -i 's/below(480)/below(479)/' "$work/bench/node/queue.js"
    program=$(realpath "$bench")
    (cd "$work" && $program --filter '^heap/queue/(node|by-hand)$' --repetitions 1 --json "$work/h.json" 2>"$work/err")
    [ $? -eq 1 ] && grep -q 'its checksum is [0-9]*, that of heap/queue/' "$work/err"
    ok 'bench: a program that does other work is found' || sed 's/^/# /' "$work/err"
fi
env -u MAKEFLAGS -u MFLAGS make -s bench-runtimes MODE=opt BUILD="$build" >"$work/log" 2>&1
ok 'the programs for other runtimes are compiled where their compilers are' || sed 's/^/# /' "$work/log"
others=$($bench --list | sed -nE 's#^heap/deep/(java|ocaml)$#\1#p' | paste -sd'|')
if [ -n "$others" ]; then
    timeout 120 $bench --filter "^heap/(queue|deep)/(by-hand|$others)\$" --repetitions 1 --json "$work/h.json" 2>"$work/err" &&
        bench/table "$work/h.json" >"$work/out" && grep -q '  checksum ' "$work/out" && ! grep -q failed "$work/out"
    ok "bench: $others do the same work by their checksums" || sed 's/^/# /' "$work/err"
fi
mkdir -p "$work/no/opt/bench" && cp "$bench" "$work/no/opt/bench/bench"
"$work/no/opt/bench/bench" --filter '^heap/deep/by-hand$' --repetitions 1 --json "$work/h.json" 2>"$work/err" &&
    grep -q '^bench: ocaml is left out: ' "$work/err" && grep -q '^bench: java is left out: ' "$work/err"
ok 'bench: a runtime that is not there is left out with a notice' || sed 's/^/# /' "$work/err"
MIDDEN=marking=no-such-thing $bench --filter '^heap/splay-20k/midden' --repetitions 1 --json "$work/h.json" 2>"$work/err"
[ $? -eq 1 ] && grep -q 'MIDDEN holds an option' "$work/err"
ok 'bench: an option that the heap does not know is said and is status 1'
$bench --alone pool/ring/jemalloc --iterations 1000 >"$work/out" && grep -q '^iterations 1000$' "$work/out" &&
    grep -q '^live_bytes [1-9]' "$work/out"
ok 'bench: one case alone tells its memory'
env -u MAKEFLAGS -u MFLAGS make -s bench-record MODE=opt BUILD="$build" >"$work/log" 2>&1
MIDDEN_TRACE=$work LD_PRELOAD=$(realpath "$build/opt/bench/record.so") perl -e '
    my @kept = map { "x" x ($_ * 16) } 1 .. 500; @kept = @kept[0 .. 9];'
perl -e '
    local $/; my $bytes = <STDIN>;
    my ($magic, $events, $slots) = unpack "A8 Q< L<", $bytes;
    die "no trace\n" if $magic ne "MIDMTRC1";
    my @words = unpack "L<*", substr $bytes, 24;
    die "events are missing\n" if @words != 2 * $events;
    my (%held, $takes);
    while (my ($slot, $size) = splice @words, 0, 2) {
        die "slot $slot of $slots\n" if $slot >= $slots;
        if ($size == 0xffffffff) { delete $held{$slot} or die "released what was not held\n" }
        else { die "taken twice\n" if $held{$slot}++; $takes++ }
    }
    die "only $takes buffers\n" if $takes < 500;
' <"$(echo "$work"/perl-*.trace)" 2>"$work/err"
ok 'record: each buffer of a program is taken once and released at most once' || sed 's/^/# /' "$work/err" "$work/log"
mkdir -p "$build/opt/bench/traces"
cp "$work"/perl-*.trace "$build/opt/bench/traces/test-$$.trace"
head -c 1000 "$work"/perl-*.trace >"$build/opt/bench/traces/cut-$$.trace"
$bench --filter "^pool/trace-test-$$/(midden|libc)\$" --repetitions 1 --min-time 0.001 --json "$work/t.json" 2>"$work/err"
[ $? -eq 0 ] && [ "$(grep -c '"live_bytes":[1-9]' "$work/t.json")" -eq 2 ] && grep -q "cut-$$.trace is no trace" "$work/err"
ok 'bench: plays a trace, and says which file is none' || sed 's/^/# /' "$work/err"
rm -f "$build/opt/bench/traces/"{test,cut}-$$.trace
if command -v valgrind >/dev/null; then
    count() { INSTRUCTIONS_OPERATIONS=20000 bench/instructions "$bench" "^pool/pair-64/$1\$" | awk 'NR == 2 { print int($2) }'; }
    first=$(count floor) second=$(count floor) jemalloc=$(count jemalloc)
    [ $((first - second)) -le 1 ] && [ $((second - first)) -le 1 ] && [ "$first" -gt 5 ] && [ "$first" -lt 60 ] && [ "$jemalloc" -gt "$first" ]
    ok 'instructions: the same count twice (but for what reading /proc takes), and a peer needs more than the floor'
fi
echo "1..$number"
